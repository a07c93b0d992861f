#!/bin/sh
# weir demo: it comes to its end, stops and goes on, and its counts are those of the data.
. "$(dirname "$0")/tap"

# What the lines add up to: alerts and days as they are, each region's last count. (How often a region is updated on the
# way depends on batching.)
facts() {
    awk '/^region/ { name = substr($0, 9); sub(/ +[0-9]+ quakes?,.*/, "", name); count = $0; sub(/ quakes?,.*/, "", count)
                     sub(/.* /, "", count); last[name] = count; next }
         { print }
         END { for (name in last) { print "region", name, last[name]; sum += last[name] } print "sum", sum }' "$@" | sort
}

t "the SQL" 0 demo --show
that "it is examples/earthquakes.sql" 'cmp -s out "$root/examples/earthquakes.sql"'
t "at full speed" 0 demo --speed 100000000
err 'state is kept in .weir/demo'
err 'done: 1,707 rows, 217 of them too late'
facts out >whole
that "regions" 'grep -qx "region California 825" whole && grep -qx "region Alaska 311" whole && grep -qx "region Mexico 10" whole'
that "every quake has its region" 'grep -qx "sum 1707" whole'
that "39 alerts" '[ "$(grep -c "^alert  " whole)" = 39 ]'
that "eight days" '[ "$(grep -c "^day  " whole)" = 8 ]'
t "a second start begins anew" 0 demo --speed 100000000
err 'state is kept in'
that "the same facts" '[ "$(facts out)" = "$(cat whole)" ]'

flush
name="stops and goes on"
rm -rf .weir
"$weir" demo --speed 200000 >part1 2>err &
pid=$!
sleep 1.5
kill -TERM "$pid"
wait "$pid"
code=$?
[ "$code" = 143 ] || problem "exit $code, wanted 143"
err 'weir demo goes on from here'
"$weir" demo --speed 100000000 >part2 2>err || problem "the second start failed"
err 'going on where the last run was'
that "both had a part" '[ -s part1 ] && [ -s part2 ]'
cp part1 out
that "together they are the whole" '[ "$(facts part1 part2)" = "$(cat whole)" ]'

flush
name="goes on after a kill"
rm -rf .weir
"$weir" demo --speed 200000 >part1 2>err &
pid=$!
sleep 1
"$weir" demo --fresh >out 2>err
code=$?
[ "$code" = 4 ] || problem "a second demo in the same folder: exit $code, wanted 4"
err 'a demo is running in .weir/demo'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
"$weir" demo --speed 100000000 >part2 2>err || problem "the second start failed"
err 'going on where the last run was'
cp part1 out
# What was committed but not yet printed when the kill came is not printed again; at most a commit's rows.
facts part1 part2 | uniq | grep -v '^alert' | comm -13 - whole | grep -v '^alert' >missing
that "regions and days are whole" '[ "$(wc -l <missing)" -le 6 ]'

t "--fresh" 0 demo --fresh --speed 100000000 --state-dir elsewhere -q
that "the whole" '[ "$(facts out)" = "$(cat whole)" ]'
quiet
done_testing
