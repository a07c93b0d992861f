#!/bin/sh
# weir sql without a terminal: pipes, -c, -f, --init, errors, exit codes, jobs that are waited for. $1 is the program.
. "$(dirname "$0")/tap"

printf 'SELECT 1 AS a;\nSELECT 2\n  AS b; SELECT 3 AS c;\n' >in.sql
three='{"a":1}
{"b":2}
{"c":3}'
t "a pipe: no prompt, no echo" 0 sql <in.sql
out "$three"
quiet
t "a file" 0 sql -f in.sql
out "$three"
t "-f -" 0 sql -f - <in.sql
out "$three"
t "-c" 0 sql -c 'SELECT 1 AS a; SELECT 2 AS b'
out '{"a":1}
{"b":2}'
t "nothing" 0 sql </dev/null
out ''
quiet
t "the last statement needs no ;" 0 sql -o csv -c 'SELECT 1 AS a'
out 'a
1'
printf '\357\273\277SELECT 8 AS eight;' >marked.sql
t "a byte order mark" 0 sql -f marked.sql
out '{"eight":8}'

t "the first error ends it" 2 sql <<'X'
SELECT 1 AS a;

SELECT 2 AS b; SELECT nmae
  FROM x;
SELECT 3 AS c;
X
out '{"a":1}
{"b":2}'
err '^error: '
err '  --> <stdin>:4:8$'
err '^      FROM x;$'
err '^           ^$'
t "a failing record" 1 sql -c "CREATE TABLE b (id BIGINT) WITH ('connector'='filesystem','path'='in.sql','format'='json'); SELECT id FROM b; SELECT 3 AS c;"
out ''
err 'in.sql'
t "a file that is not there" 1 sql -f absent.sql
err 'absent.sql'
t "text that does not end" 2 sql -c "SELECT 'x"
err 'text without closing quote'
t "-c and -f" 2 sql -c 'SELECT 1' -f in.sql
err 'both -c and -f'
t "an argument" 2 sql in.sql
err "unexpected argument 'in.sql'"
t "--set" 0 sql --set table.local-time-zone=GMT+02:00 -c "SELECT CAST(TO_TIMESTAMP_LTZ(0, 3) AS STRING) AS t"
outs '1970-01-01 02:00:00'
t "--set of what is unknown" 2 sql --set table.local-time-zoen=UTC -c 'SELECT 1'
err "did you mean 'table.local-time-zone'"

t "commands" 0 sql <<'X'
\mode csv
CREATE VIEW v AS SELECT 1 AS a;
\d v
.mode ndjson
\i in.sql
QUIT
SELECT 9 AS never;
X
out "name,type,null,key,extras,watermark
a,INT,FALSE,,,
$three"
quiet
t "a command that is none" 2 sql <<'X'
SELECT 1 AS a;
\tming
SELECT 2 AS b;
X
out '{"a":1}'
err "did you mean '.timing'"
t "\\timing" 0 sql -c '\timing
SELECT 1 AS a;'
out '{"a":1}'
err '^timing: on$\|^1 row in [0-9.]* ms$'

echo 'CREATE VIEW mine AS SELECT ${n} AS n;' >init.sql
t "--init and --var" 0 sql --init init.sql --var n=7 -c 'SELECT n, ${n} + 1 AS m FROM mine;'
out '{"n":7,"m":8}'
t "a variable without a value" 2 sql --var name=1 <<'X'
SELECT 1 AS a;
SELECT ${nmae} AS b;
X
out '{"a":1}'
err '<stdin>:2:8'
err 'did you mean ${name}'
t "an --init that fails" 2 sql --init init.sql -c 'SELECT 1 AS a'
out ''

numbers="CREATE TABLE n (i BIGINT) WITH ('connector' = 'datagen', 'fields.i.kind' = 'sequence', 'fields.i.start' = '1', 'fields.i.end' = '1000');"
t "INSERTs are waited for" 0 sql -c "$numbers CREATE TABLE o (i BIGINT) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'csv');
INSERT INTO o SELECT i FROM n; INSERT INTO o SELECT -i FROM n; SELECT 1 AS x;"
out '{"x":1}'
that "all rows are there" '[ "$(cat o/* | sort -n | uniq | wc -l)" = 2000 ]'
t "and after QUIT" 0 sql -c "$numbers CREATE TABLE q (i BIGINT) WITH ('connector' = 'filesystem', 'path' = 'q', 'format' = 'csv'); INSERT INTO q SELECT i FROM n;
QUIT;"
that "all rows are there" '[ "$(cat q/* | wc -l)" = 1000 ]'
t "one by one" 0 sql -c "$numbers CREATE TABLE s (i BIGINT) WITH ('connector' = 'filesystem', 'path' = 's', 'format' = 'csv');
SET 'table.dml-sync' = 'true'; INSERT INTO s SELECT i FROM n; SELECT COUNT(*) AS n FROM s;"
outs '"n":1000}$'
t "an INSERT that fails" 1 sql -c "CREATE TABLE b (id BIGINT) WITH ('connector'='filesystem','path'='in.sql','format'='json');
CREATE TABLE h (id BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO h SELECT id FROM b;"
err 'in.sql'
t "prints of jobs" 0 sql -c "$numbers CREATE TABLE p (i BIGINT) WITH ('connector' = 'print'); INSERT INTO p SELECT i FROM n WHERE i <= 2;"
out '{"i":1}
{"i":2}'
t "the shell's own connector is none for tables" 2 sql -c "$numbers CREATE TABLE r (i BIGINT) WITH ('connector' = 'result'); INSERT INTO r SELECT i FROM n;"
err "the shell's own"
t "an updating result carries kinds" 0 sql -c "$numbers SELECT COUNT(*) AS n FROM n;"
outs '"op":"+U","n":1000}$'
t "--final" 0 sql --final -c "$numbers SELECT COUNT(*) AS n FROM n;"
out '{"n":1000}'
t "EXPLAIN ANALYZE" 0 sql -c "$numbers EXPLAIN ANALYZE SELECT i FROM n WHERE i > 990;"
outs 'rows in'
t "SHOW JOBS" 0 sql -o csv -c "CREATE TABLE g (i BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10'); CREATE TABLE h (i BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO h SELECT i FROM g; SHOW JOBS; DESCRIBE JOB '1'; STOP JOB '1'; SHOW JOBS;"
outs '^1,insert-into_h,RUNNING,'
that "it is stopped" '[ "$(grep -c RUNNING out)" = 2 ]'
t "DESCRIBE JOB of none" 2 sql -c "DESC JOB '7';"
err "there is no job '7'"
steps="CREATE TABLE g (i BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000', 'fields.i.kind' = 'sequence', 'fields.i.start' = '0',
'fields.i.end' = '1000000000'); CREATE TABLE k (i BIGINT) WITH ('connector' = 'filesystem', 'path' = 'kept', 'format' = 'csv');
CREATE TABLE few (i BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '600', 'rows-per-second' = '2000');"
whole() { cat kept/* | sort -n | awk '$1 != NR - 1 { bad = 1 } END { exit bad || NR < 50 }'; } # from 0 on, none twice
t "STOP JOB WITH SAVEPOINT" 0 sql --state-dir states -c "$steps INSERT INTO k SELECT i FROM g; SELECT COUNT(*) FROM few;
STOP JOB '1' WITH SAVEPOINT; SET 'execution.state-recovery.path' = 'states/1-k'; INSERT INTO k SELECT i FROM g; SELECT COUNT(*) FROM few; stop job '3';"
outs '{"savepoint path":"states/1-k"}'
that "the second goes on where the first was" 'whole && [ "$(ls states | grep -c -e -k)" = 1 ]'
n=$(cat kept/* | wc -l)
t "and so does the next shell's first INSERT" 0 sql --state-dir states -c "$steps INSERT INTO k SELECT i FROM g; SELECT COUNT(*) FROM few; STOP JOB '1' WITH SAVEPOINT;"
that "as it should" 'whole && [ "$(cat kept/* | wc -l)" -gt $n ]'
t "two jobs with one state" 2 sql --state-dir states -c "$steps INSERT INTO k SELECT i FROM g; SET 'execution.state-recovery.path' = 'states/1-k';
INSERT INTO k SELECT i FROM g;"
err "a job runs with the state in 'states/1-k': STOP it first"
t "what is no folder there is Flink's, and means nothing" 0 sql --state-dir states2 -c "$steps SET 'execution.state-recovery.path' = '/tmp/savepoints/1';
INSERT INTO k SELECT i FROM few;"
that "a state of its own" '[ -d states2/1-k ]'
t "another query than the state's" 4 sql --state-dir states -c "$steps INSERT INTO k SELECT i + 1 FROM g;"
t "what cannot begin takes no number" 4 sql --state-dir states -c "$steps INSERT INTO k SELECT i + 1 FROM g;"
t "WITH SAVEPOINT and no state" 2 sql -c "$steps INSERT INTO k SELECT i FROM g; STOP JOB '1' WITH SAVEPOINT;"
err '^error: job .1. keeps no state to stop WITH SAVEPOINT'
t "WITH DRAIN" 2 sql --state-dir states -c "$steps STOP JOB '1' WITH SAVEPOINT WITH DRAIN;"
err 'STOP JOB … WITH DRAIN is not supported'
t "jobs outside of the shell" 2 run -c "STOP JOB '1'"
err "STOP JOB is not supported: a script's jobs end with it"
endless="CREATE TABLE g (i BIGINT) WITH ('connector' = 'datagen');"
t "a reader that leaves" 0 version
"$weir" sql -c "$endless SELECT i FROM g;" 2>err | head -n 3 >out
that "three rows, and an end" '[ "$(wc -l <out)" = 3 ] && [ ! -s err ]'
done_testing
