#!/bin/sh
# weir run: where SQL and data come from, how results look, what errors say, exit codes.
. "$(dirname "$0")/tap"

cat >people.csv <<'X'
id,name,city
1,Ada,London
2,"Grace, H.",New York
3,Edsger,
X
people="CREATE TABLE people (id BIGINT, name STRING, city STRING) WITH ('connector' = 'filesystem', 'path' = 'people.csv',
  'format' = 'csv', 'csv.header' = 'names', 'csv.null-literal' = '');"

# ---- scripts ----
t "-c" 0 run -c 'SELECT 1 + 1 AS two'
out '{"two":2}'
quiet
t "several statements" 0 run -c "SELECT 1 AS a; SELECT 'x' AS b;"
out '{"a":1}
{"b":"x"}'
printf '%s\n' 'SELECT 7 AS seven' >job.sql
t "a file" 0 run job.sql
out '{"seven":7}'
printf '\357\273\277SELECT 8 AS eight' >marked.sql
t "a file with a byte order mark" 0 run marked.sql
out '{"eight":8}'
t "a script from a pipe" 0 run - <job.sql
out '{"seven":7}'
t "--var" 0 run -c "SELECT \${n} AS n, '\${who}' AS who" --var n=3 --var who=a=b
out '{"n":3,"who":"a=b"}'
t "a variable without a value" 2 run -c 'SELECT ${nmae}' --var name=1
err 'did you mean ${name}'
err '^ *\^$'
t "--set" 0 run --set table.local-time-zone=GMT+02:00 -c "SELECT CAST(TO_TIMESTAMP_LTZ(0, 3) AS STRING) AS t"
outs '1970-01-01 02:00:00'
t "--set of what is unknown" 2 run --set table.local-time-zoen=UTC -c 'SELECT 1'
err "did you mean 'table.local-time-zone'"
out ''
t "an empty script" 0 run -c ''
out ''
t "a script that is not there" 1 run absent.sql
err 'absent.sql'
t "no script" 2 run
err 'weir run FILE | - | -c SQL'

# ---- forms ----
t "ndjson" 0 run -o ndjson -c "$people SELECT * FROM people"
out '{"id":1,"name":"Ada","city":"London"}
{"id":2,"name":"Grace, H.","city":"New York"}
{"id":3,"name":"Edsger","city":null}'
t "csv" 0 run -o csv -c "$people SELECT * FROM people"
out 'id,name,city
1,Ada,London
2,"Grace, H.",New York
3,Edsger,'
t "json" 0 run -o json -c "$people SELECT id FROM people WHERE id < 3"
out '[
{"id":1},
{"id":2}
]'
t "table" 0 run -o table -c "$people SELECT id, name FROM people"
out '+----+-----------+
| id | name      |
+----+-----------+
|  1 | Ada       |
|  2 | Grace, H. |
|  3 | Edsger    |
+----+-----------+'
t "markdown" 0 run -o markdown -c "$people SELECT id, name FROM people WHERE id = 2"
out '| id | name      |
|----|-----------|
|  2 | Grace, H. |'
t "an updating result carries kinds" 0 run -c "$people SELECT COUNT(*) AS n FROM people"
outs '^{"op":"+I","n":[123]}$'
outs '"n":3}$'
t "--final" 0 run --final -c "$people SELECT COUNT(*) AS n FROM people"
out '{"n":3}'
t "--final in order" 0 run --final -o csv -c "$people SELECT id FROM people ORDER BY id DESC"
out 'id
3
2
1'
t "--final of what has no end" 2 run --final -c "CREATE TABLE g (i INT) WITH ('connector' = 'datagen'); SELECT * FROM g"
t "no colours in a pipe" 2 run -c 'SELEC'
that "no escape" '! grep -q "$(printf "\033")" err'

# ---- data from standard input ----
stdin="CREATE TABLE i (a INT) WITH ('connector' = 'stdin', 'format' = 'json');"
t "stdin as a table" 0 run -c "$stdin SELECT a + 1 AS b FROM i" <<'X'
{"a":1}
{"a":2}
X
out '{"b":2}
{"b":3}'
t "stdin with a state directory" 2 run --state-dir s1 -c "$stdin CREATE TABLE o (a INT) WITH ('connector' = 'blackhole');
INSERT INTO o SELECT a FROM i" </dev/null
err 'state-dir'

# ---- errors ----
t "a name that is unknown" 2 run -c "$people
SELECT nmae FROM people"
err '^error: .*nmae'
err '^  --> -c:3:8$'
err '^    SELECT nmae FROM people$'
err '^           ^$'
out ''
t "syntax" 2 run -c 'SELECT 1 +'
err '^error: '
err '^  --> -c:1:'
t "a failing expression" 1 run -c "SELECT 1 / 0"
err '^error: '
printf '{"a":1}\n{"a":x}\n{"a":3}\n' >bad.json
bad="CREATE TABLE b (a INT) WITH ('connector' = 'filesystem', 'path' = 'bad.json', 'format' = 'json');"
t "a bad record fails the job" 1 run -c "$bad SELECT a FROM b"
err '^  --> .*bad.json:2'
t "a bad record is skipped" 0 run --bad-input skip -c "$bad SELECT a FROM b"
out '{"a":1}
{"a":3}'
err '^1 bad record skipped$'
t "a bad record goes to a file" 0 run --dead-letter dead.ndjson -c "$bad SELECT a FROM b"
out '{"a":1}
{"a":3}'
err '^1 bad record written to the dead-letter file$'
that "the file has it" 'grep -q "bad.json" dead.ndjson && [ "$(wc -l <dead.ndjson)" = 1 ]'
two="$bad CREATE TABLE c (a INT) WITH ('connector' = 'filesystem', 'path' = 'bad.json', 'format' = 'json');
CREATE TABLE o (a INT) WITH ('connector' = 'filesystem', 'path' = 'letters-o', 'format' = 'json');
INSERT INTO o SELECT a FROM b; INSERT INTO o SELECT a FROM c;"
echo kept >dead.two
t "two jobs add their bad records to what the file holds" 0 run --dead-letter dead.two -c "$two"
that "all are there" '[ "$(wc -l <dead.two)" = 3 ] && grep -q "^kept" dead.two'
that "of both" 'grep -q "\"source\":\"b\"" dead.two && grep -q "\"source\":\"c\"" dead.two'
rm -rf letters-o
echo kept >dead.state
t "with a state directory each job has its file" 0 run --dead-letter dead.state --state-dir letters-state -c "$two"
that "the first one's" '[ "$(wc -l <dead.state)" = 2 ] && grep -q "^kept" dead.state && grep -q "\"source\":\"b\"" dead.state'
that "the second one's" '[ "$(wc -l <dead.state.2)" = 1 ] && grep -q "\"source\":\"c\"" dead.state.2'
t "a finished job adds nothing" 0 run --dead-letter dead.state --state-dir letters-state -c "$two"
that "the same files" '[ "$(wc -l <dead.state)" = 2 ] && [ "$(wc -l <dead.state.2)" = 1 ]'
t "dead-letter without a file" 2 run --bad-input dead-letter -c "$bad SELECT a FROM b"
t "-q says nothing" 0 run -q --bad-input skip -c "$bad SELECT a FROM b"
quiet
printf '{"t":"2026-01-01 00:00:10"}\n{"t":"2026-01-01 00:01:30"}\n{"t":"2026-01-01 00:00:20"}\n' >late.json
late="CREATE TABLE l (t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector' = 'filesystem', 'path' = 'late.json', 'format' = 'json');
SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE l, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end"
t "bytes in tables, in structures too" 0 run -o table -c "SELECT ROW(x'CAFE', ARRAY[x'00', NULL]) AS r, MAP['k', x''] AS m, x'0A' AS b"
outs "| (x'cafe', \[x'00', NULL\]) | {k=x''} | x'0a' |"
t "late rows are counted" 0 run -c "$late"
err '^1 late row dropped'
t "memory has a limit" 1 run --memory-limit 2MiB -c "CREATE TABLE g (k BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000000',
  'rows-per-second' = '0', 'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = '1000000');
CREATE TABLE o (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO o SELECT k, COUNT(*) FROM g GROUP BY k"
err '^error: '

# ---- state ----
mkdir in
printf '{"a":1}\n' >in/1.json
copy="CREATE TABLE i (a INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json');
CREATE TABLE o (a INT) WITH ('connector' = 'filesystem', 'path' = 'copied', 'format' = 'json'); INSERT INTO o SELECT a FROM i"
t "a job with state" 0 run --state-dir s2 -c "$copy"
err '^[1-9][0-9]* commits* of [0-9.]* [KMGi]*B ([0-9.]* [KMGi]*B each), 0 snapshots$'
that "its output is there" '[ "$(cat copied/*)" = "{\"a\":1}" ]'
printf '{"a":2}\n' >in/2.json
t "goes on where it was" 0 run --state-dir s2 -c "$copy"
that "only what is new was read" '[ "$(cat copied/* | sort)" = "{\"a\":1}
{\"a\":2}" ]'
t "another job's state is refused" 4 run --state-dir s2 -c "$(echo "$copy" | sed 's/SELECT a FROM i/SELECT a + 1 FROM i/')"
err '^error: '

# ---- signals ----
endless="CREATE TABLE g (i BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.i.kind' = 'sequence',
  'fields.i.start' = '1', 'fields.i.end' = '1000000000');"
signal() { # NAME CODE: a job that never ends, stopped by a signal
    flush
    name="SIG$1 stops with a final commit"
    rm -rf stopped s3
    "$weir" run --state-dir s3 -c "$endless CREATE TABLE o (i BIGINT) WITH ('connector' = 'filesystem', 'path' = 'stopped',
      'format' = 'json'); INSERT INTO o SELECT i FROM g" >out 2>err &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        ls -A stopped 2>/dev/null | grep -q . && break
        sleep 0.1
    done
    sleep 0.3
    kill "-$1" "$pid"
    wait "$pid"
    code=$?
    [ "$code" = "$2" ] || problem "exit $code, wanted $2"
    that "rows are there and finished" '[ "$(cat stopped/* 2>/dev/null | wc -l)" -gt 0 ]'
    that "they are the first ones" 'cat stopped/* | sed "s/[^0-9]//g" | sort -n | awk "\$1 != NR { exit 1 }"'
}
signal TERM 143
# A shell without job control starts background programs with SIGINT ignored, which they keep; so it is sent by a terminal's hand only.
if command -v setsid >/dev/null && command -v python3 >/dev/null; then
    flush
    name="SIGINT stops with a final commit"
    rm -rf stopped s3
    python3 - "$weir" "$endless SELECT i FROM g" >out 2>err <<'X'
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
p = subprocess.Popen([sys.argv[1], "run", "-c", sys.argv[2]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
first = p.stdout.readline()
p.send_signal(signal.SIGINT)
rest = p.stdout.read()
print(first.decode(), p.wait(), rest.endswith(b"\n") or not rest)
X
    that "the first row and exit 130" 'grep -q "{\"i\":1}" out && grep -q "^ 130 True" out'
fi

# ---- a reader that goes away ----
flush
name="a closed pipe is no error"
{ "$weir" run -c "$endless SELECT i FROM g" 2>err; echo $? >code; } | head -1 >out
that "nothing is said" '[ ! -s err ] && [ "$(cat code)" = 141 ]'
done_testing
