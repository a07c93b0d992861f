#!/bin/sh
# weir explain --analyze and EXPLAIN ANALYZE: what each operator did, counted against what was fed.
. "$(dirname "$0")/tap"

i=0
while [ "$i" -lt 3000 ]; do
    echo "$((i % 7)),$i"
    i=$((i + 1))
done >rows.csv
bytes=$(wc -c <rows.csv)
rows="CREATE TABLE r (k INT, v INT) WITH ('connector' = 'filesystem', 'path' = 'rows.csv', 'format' = 'csv');"
cat >job.sql <<X
$rows
CREATE TABLE o (k INT, v INT) WITH ('connector' = 'filesystem', 'path' = 'made', 'format' = 'csv');
INSERT INTO o SELECT k, v FROM r WHERE v >= 1000;
X
cat >numbers.py <<'X'
import json, sys
last = [json.loads(line) for line in open("out")][-1]
assert last["over"] and last["job"] == "select" and last["elapsed_ms"] >= 0, last
ops = {o["id"]: o for o in last["operators"]}
assert ops["source:1"]["rows_in"] == 3000 and ops["source:1"]["bytes"] == int(sys.argv[1]), ops["source:1"]
assert ops["aggregate:1"]["rows_in"] == 3000 and ops["aggregate:1"]["state_entries"] == 7, ops["aggregate:1"]
assert ops["aggregate:1"]["rows_out"] == ops["sink:1"]["rows_in"] == ops["sink:1"]["rows_out"] >= 7
assert all(o["busy_ms"] > 0 and o["ended"] for o in ops.values()), ops
X
line() { grep -e "$1" out | sed 's/^ *//' | tr -s ' ' | cut -d' ' -f"$2"; }
for p in 1 3; do
    rm -rf made
    t "an INSERT, at parallelism $p" 0 explain --analyze job.sql -p "$p"
    quiet
    outs '^insert-into_o: .* 3,000 rows in, 2,000 out$'
    that "what was read" '[ "$(line "source:1 r" 1-4)" = "source:1 r 3,000 3,000" ]'
    that "what was left" '[ "$(line "calc:1" 1-3)" = "calc:1 3,000 2,000" ]'
    that "what was written" '[ "$(line "sink:1 o" 1-4)" = "sink:1 o 2,000 2,000" ]'
    that "the file is there" '[ "$(cat made/* | wc -l)" = 2000 ]'
    t "as json, at parallelism $p" 0 explain --analyze -p "$p" --format json -c "$rows SELECT k, COUNT(*) FROM r GROUP BY k"
    command -v python3 >/dev/null && that "every number" 'python3 numbers.py "$bytes"'
done
t "EXPLAIN ANALYZE in a script" 0 run -o table -c "$rows EXPLAIN ANALYZE SELECT k FROM r WHERE k = 3; SELECT COUNT(*) AS n FROM r"
outs '^select: .* 3,000 rows in, 429 out$'
outs '| 3000 |$'
t "in a pipe it is a line of json" 0 run -c "EXPLAIN ANALYZE SELECT 1"
outs '^{"job":"select","elapsed_ms":[0-9]*,"over":true,"operators":.{"id":"values:1"'
t "rows of a SELECT are not printed" 0 explain --analyze -c "SELECT 'nobody sees this' AS x"
that "only the table" '! grep -q nobody out'
printf '%s\n' '2026-01-01 00:00:01' '2026-01-01 00:02:00' '2026-01-01 00:00:02' >late.csv
t "what is late" 0 explain --analyze -c "
CREATE TABLE l (ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = 'late.csv', 'format' = 'csv');
SELECT COUNT(*) FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '1' MINUTE) GROUP BY window_start, window_end"
outs '^operator .* late$'
that "one row" '[ "$(grep window-aggregate:1 out | grep -o "[0-9]*$")" = 1 ]'
t "other details beside ANALYZE" 2 run -c "EXPLAIN ANALYZE, PLAN_ADVICE SELECT 1"
err 'EXPLAIN ANALYZE takes no other detail'
t "a graph of a run" 2 explain --analyze --format dot -c "SELECT 1"
err 'has the forms text and json'
t "a failure shows what was done" 1 explain --analyze -c "SELECT CAST(x AS INT) FROM (VALUES ('1'), ('y')) AS t(x)"
outs '^operator '
err "^error: .*'y'"
done_testing
