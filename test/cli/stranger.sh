#!/bin/sh
# weir run as somebody meets it who knows SQL and nothing of Weir: queries that end by themselves, changelogs in files
# and back, what is wrong about a script.
. "$(dirname "$0")/tap"

endless="CREATE TABLE g (id BIGINT, v INT) WITH ('connector' = 'datagen', 'fields.id.min' = '1');"
lines="CREATE TABLE q (a STRING, b INT) WITH ('connector' = 'stdin', 'format' = 'json');"

# ---- LIMIT ends the job ----
for p in 1 3; do
    t "LIMIT over input without an end, -p $p" 0 run -p $p -c "$endless SELECT id > 0 AS yes FROM g LIMIT 2"
    out '{"yes":true}
{"yes":true}'
    mkfifo pipe
    (
        printf '{"a":"x","b":1}\n{"a":"y","b":2}\n'
        sleep 20
    ) >pipe &
    writer=$!
    t "LIMIT over a pipe that stays open, -p $p" 0 run -p $p -c "$lines SELECT a FROM q LIMIT 2" <pipe
    out '{"a":"x"}
{"a":"y"}'
    kill $writer
    rm pipe
done
t "LIMIT 0" 0 run -c "$endless SELECT id FROM g LIMIT 0"
out ''
t "INSERT with LIMIT and a state directory" 0 run --state-dir state -c "$endless CREATE TABLE o (id BIGINT)
  WITH ('connector' = 'filesystem', 'path' = 'three', 'format' = 'json'); INSERT INTO o SELECT id FROM g LIMIT 3"
t "the same again has nothing left to do" 0 run --state-dir state -c "$endless CREATE TABLE o (id BIGINT)
  WITH ('connector' = 'filesystem', 'path' = 'three', 'format' = 'json'); INSERT INTO o SELECT id FROM g LIMIT 3"
that "three rows in all" '[ "$(cat three/* | wc -l)" = 3 ]'
t "LIMIT over what is updated, without an end" 2 run -c "$endless SELECT v, COUNT(*) FROM g GROUP BY v LIMIT 2"
err 'not supported yet: LIMIT over unbounded input whose rows are updated'

# ---- VALUES of more rows than a batch ----
awk 'BEGIN { printf "VALUES (0)"; for (i = 1; i < 3000; i++) printf ",(%d)", i }' >values.sql
for p in 1 3; do
    t "3,000 rows of VALUES, -p $p" 0 run -p $p values.sql
    that "each once" '[ "$(sort -u out | wc -l)" = 3000 ] && [ "$(wc -l <out)" = 3000 ]'
done

# ---- an updating query in a file, with a primary key, and back ----
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "%d,%d\n", i % 3, i }' >in.csv
tables="CREATE TABLE i (k INT, v INT) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');
  CREATE TABLE o (k INT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = 'changes', 'format' = 'debezium-json');"
t "written" 0 run -c "$tables INSERT INTO o SELECT k, COUNT(*) FROM i GROUP BY k"
t "read back" 0 run --final -c "$tables SELECT * FROM o ORDER BY k"
out '{"k":0,"n":1667}
{"k":1,"n":1667}
{"k":2,"n":1666}'

# ---- NOT NULL ----
t "a NULL for a NOT NULL column" 1 run -c "$lines CREATE TABLE o (b INT NOT NULL) WITH ('connector' = 'print');
  INSERT INTO o SELECT b FROM q" <<'X'
{"a":"x"}
X
err "Column 'b' is NOT NULL, however, a null value is being written into it"
err "'table.exec.sink.not-null-enforcer' = 'DROP'"

# ---- wrong scripts ----
t "a view twice" 2 run -c 'CREATE VIEW v AS SELECT 1 AS x; CREATE VIEW v AS SELECT 2 AS y'
err "view 'v' exists already"
err '^  --> -c:1:45$'
awk 'BEGIN { printf "SELECT "; for (i = 0; i < 100000; i++) printf "("; print 1 }' >deep.sql
t "100,000 parentheses" 2 run deep.sql
err 'nested more than 200 levels deep'
printf 'SELECT \047${\001\002 }\047 AS s' >odd.sql
t "braces that hold no name are text" 0 run odd.sql
outs 'u0001'
t "too long a text" 1 run -c "SELECT LPAD('a', 2000000000, 'b')"
err 'LPAD would make a text of more than 67108864 bytes'
err '^  --> -c:1:8$'
t "a constant that cannot be compared" 1 run -c "SELECT 1 = 'a'"
err "cannot cast 'a' to INT"
err '^  --> -c:1:10$'
printf 'id,mag\n1,2\n' >quakes.csv
t "a column that a CSV header lacks" 1 run -c "CREATE TABLE t (id INT, magg INT) WITH ('connector' = 'filesystem',
  'path' = 'quakes.csv', 'format' = 'csv', 'csv.header' = 'names'); SELECT * FROM t"
err "column 'magg' is not in the CSV header"
err "did you mean 'mag'?"
err '^  --> quakes.csv$'
t "SOURCE_WATERMARK() of files" 2 run -c "CREATE TABLE t (ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK())
  WITH ('connector' = 'filesystem', 'path' = 'quakes.csv', 'format' = 'csv'); SELECT * FROM t"
err "SOURCE_WATERMARK(), but connector 'filesystem' gives none"

# ---- more state than memory ----
t "more groups than fit" 1 run --final --memory-limit 16MiB -c "CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000',
  'number-of-rows' = '2000000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '2000000');
  SELECT COUNT(*) FROM (SELECT DISTINCT id FROM g)"
err '^error: the memory budget '
err '^hint: --memory-limit allows no more'

# ---- late rows are told by operator ----
printf '%s\n' '{"k":1,"ts":"2026-01-01 00:01:00"}' '{"k":2,"ts":"2026-01-01 00:00:01"}' >late.json
late="CREATE TABLE l (k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = 'late.json', 'format' = 'json');"
count="SELECT COUNT(*) FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end"
t "one operator" 0 run -c "$late $count"
err '^1 late row dropped by window-aggregate:1$'
t "two of them" 0 run -c "$late $count; CREATE TABLE o (n BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO o $count"
err '^2 late rows dropped$'
err '^  1 by window-aggregate:1$'
err '^  1 by window-aggregate:1 of insert-into_o$'
t "grouping sets count a row once" 0 run -c "$late SELECT k, COUNT(*) FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '1' SECOND)
  GROUP BY window_start, window_end, CUBE (k)"
err '^1 late row dropped by window-aggregate:1$'
done_testing
