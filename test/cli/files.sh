#!/bin/sh
# Tables over files: metadata, partitions read and written, files as tables.
. "$(dirname "$0")/tap"

# ---- partitions read, metadata ----
mkdir -p 'in/dt=2026-01-01/hm=10%3A00' 'in/dt=2026-01-02/hm=__DEFAULT_PARTITION__' 'in/dt=2026-01-02/_hidden'
printf '1,a\n2,b\n' >'in/dt=2026-01-01/hm=10%3A00/x.csv'
printf '3,"longer than twelve bytes"\n' >'in/dt=2026-01-02/hm=__DEFAULT_PARTITION__/y.csv'
: >'in/dt=2026-01-02/hm=__DEFAULT_PARTITION__/_SUCCESS'
columns="hm STRING, a INT, dt DATE, b STRING"
table="CREATE TABLE t ($columns, p STRING METADATA FROM 'file.path', n STRING METADATA FROM 'file.name',
  s INT METADATA FROM 'file.size' VIRTUAL, ts TIMESTAMP_LTZ(3) METADATA FROM 'file.modification-time') PARTITIONED BY (dt, hm)
  WITH ('connector' = 'filesystem', 'path' = 'in/', 'format' = 'csv');"
t "partitions and metadata" 0 run -c "$table SELECT a, b, dt, hm, p, n, s, ts > TIMESTAMP '2020-01-01 00:00:00' AS fresh FROM t"
out '{"a":1,"b":"a","dt":"2026-01-01","hm":"10:00","p":"in/dt=2026-01-01/hm=10%3A00/x.csv","n":"x.csv","s":8,"fresh":true}
{"a":2,"b":"b","dt":"2026-01-01","hm":"10:00","p":"in/dt=2026-01-01/hm=10%3A00/x.csv","n":"x.csv","s":8,"fresh":true}
{"a":3,"b":"longer than twelve bytes","dt":"2026-01-02","hm":null,"p":"in/dt=2026-01-02/hm=__DEFAULT_PARTITION__/y.csv","n":"y.csv","s":29,"fresh":true}'
quiet
t "a partition alone" 0 run -c "$table SELECT COUNT(*) AS n FROM t WHERE dt = DATE '2026-01-01'" --final
out '{"n":2}'
t "a glob of partitions" 0 run -c "CREATE TABLE t ($columns) PARTITIONED BY (dt, hm) WITH ('connector' = 'filesystem', 'path' = 'in/*02/*/*', 'format' = 'csv');
  SELECT a, dt FROM t"
out '{"a":3,"dt":"2026-01-02"}'
t "one that is a column of its own" 0 run -c "CREATE TABLE t (a INT, b STRING) WITH ('connector' = 'filesystem', 'path' = 'in/', 'format' = 'csv');
  SELECT SUM(a) AS s FROM t" --final
out '{"s":6}'
echo 4,x >in/stray.csv
t "a file outside of its partition" 1 run -c "$table SELECT a FROM t"
err "'in/' is no folder of a partition: 'hm=…' is missing"
rm in/stray.csv
mkdir -p 'in/dt=yesterday/hm=1'
echo 5,y >'in/dt=yesterday/hm=1/z.csv'
t "a value that does not fit" 1 run -c "$table SELECT a FROM t"
err "in/dt=yesterday/hm=1/"
rm -r 'in/dt=yesterday'
t "what cannot be a partition" 2 run -c "CREATE TABLE t (a INT, b BYTES) PARTITIONED BY (b) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv');
  SELECT a FROM t"
err "PARTITIONED BY 'b': its type cannot be a folder's name"
t "nothing left for the files" 2 run -c "CREATE TABLE t (a INT) PARTITIONED BY (a) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv');
  SELECT a FROM t"
err 'leaves no column for the files'
t "a partition's column is none" 2 run -c "CREATE TABLE t (a INT) PARTITIONED BY (dy) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv')"
err "PARTITIONED BY: no column 'dy'"

# ---- partitions written ----
from="CREATE TABLE s (a INT, b STRING, dt STRING, hm STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem',
  'path' = 's.csv', 'format' = 'csv');"
cat >s.csv <<'X'
1,x,2026-01-01,10:00,2026-01-01 10:00:01
2,y,2026-01-01,,2026-01-01 10:00:02
3,z,a/b=c%,10:01,2026-01-01 10:01:00
4,z,2026-01-01,10:00,2026-01-01 10:01:01
X
to="CREATE TABLE o (a INT, dt STRING, hm STRING, b STRING) PARTITIONED BY (dt, hm) WITH ('connector' = 'filesystem', 'path' = 'data', 'format' = 'csv'"
insert="INSERT INTO o SELECT a, dt, NULLIF(hm, ''), b FROM s;"
t "partitions written" 0 run -c "$from $to); $insert"
quiet
that "the folders" '[ "$(cd data && find . -type d | sort | tr "\n" " ")" = ". ./dt=2026-01-01 ./dt=2026-01-01/hm=10%3A00 ./dt=2026-01-01/hm=__DEFAULT_PARTITION__ ./dt=a%2Fb%3Dc%25 ./dt=a%2Fb%3Dc%25/hm=10%3A01 " ]'
that "a partition's rows" '[ "$(cat data/dt=2026-01-01/hm=10%3A00/part-*)" = "1,x${newline}4,z" ]'
that "no marks" '[ -z "$(find data -name _SUCCESS)" ]'
t "read back" 0 run -c "$to); SELECT * FROM o WHERE a <> 1"
outs '{"a":2,"dt":"2026-01-01","hm":null,"b":"y"}'
outs '{"a":3,"dt":"a/b=c%","hm":"10:01","b":"z"}'
outs '{"a":4,"dt":"2026-01-01","hm":"10:00","b":"z"}'
t "INSERT OVERWRITE of partitions" 0 run -c "$from $to); INSERT OVERWRITE o PARTITION (dt = '2026-01-01') SELECT a + 10, hm, b FROM s WHERE hm = '10:00'"
that "the partition is new" '[ "$(cat data/dt=2026-01-01/hm=10%3A00/part-*)" = "11,x${newline}14,z" ]'
that "the others are as they were" '[ "$(cat data/dt=a%2Fb%3Dc%25/hm=10%3A01/part-*)" = "3,z" ]'
that "nothing hidden is left" '[ -z "$(find data -name ".*inprogress")" ]'
t "INSERT OVERWRITE of a table from itself" 0 run -c "CREATE TABLE p (a INT, b STRING) WITH ('connector' = 'filesystem', 'path' = 'plain', 'format' = 'csv');
  INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT OVERWRITE p SELECT a + 1, b FROM p"
t "INSERT OVERWRITE by nothing" 0 run -c "CREATE TABLE p (a INT, b STRING) WITH ('connector' = 'filesystem', 'path' = 'plain', 'format' = 'csv');
  INSERT OVERWRITE p SELECT * FROM p WHERE a > 5"
that "nothing is left" '[ -z "$(find plain -type f)" ]'
t "INSERT OVERWRITE of standard output" 2 run -c "CREATE TABLE p (a INT) WITH ('connector' = 'filesystem', 'path' = '-', 'format' = 'csv');
  INSERT OVERWRITE p SELECT 1"
err 'nothing to overwrite'

# ---- marks ----
marks="'sink.partition-commit.policy.kind' = 'success-file'"
rm -r data
t "marks by the watermark" 0 run -c "$from $to, $marks, 'sink.partition-commit.trigger' = 'partition-time', 'sink.partition-commit.delay' = '1 min',
  'partition.time-extractor.timestamp-pattern' = '\$dt \$hm:00'); INSERT INTO o SELECT a, dt, hm, b FROM s WHERE hm <> '' AND a <> 3"
that "the partition is marked" '[ -f data/dt=2026-01-01/hm=10%3A00/_SUCCESS ]'
t "a partition without a time" 1 run -c "$from $to, $marks, 'sink.partition-commit.trigger' = 'partition-time'); $insert"
err "the time of a partition cannot be read from 'a/b=c%'"
rm -r data
t "marks by the clock, under another name" 0 run -c "$from $to, $marks, 'sink.partition-commit.success-file.name' = '_DONE'); $insert"
that "all are marked" '[ "$(find data -name _DONE | wc -l)" = 3 ]'
rm -r data
t "another way to read a time" 0 run -c "CREATE TABLE o (a INT, d STRING) PARTITIONED BY (d) WITH ('connector' = 'filesystem', 'path' = 'data', 'format' = 'csv', $marks,
  'sink.partition-commit.trigger' = 'partition-time', 'partition.time-extractor.timestamp-pattern' = '\$d at 7',
  'partition.time-extractor.timestamp-formatter' = 'yyyyMMdd ''at'' H'); INSERT INTO o VALUES (1, '20260102')"
that "it is marked" '[ -f data/d=20260102/_SUCCESS ]'
for option in "'sink.partition-commit.policy.kind' = 'metastore,success-file'" "'partition.time-extractor.timestamp-formatter' = 'yyyy-QQ'" \
    "'sink.partition-commit.success-file.name' = 'done'" "'sink.partition-commit.trigger' = 'sometimes'" "$marks, 'sink.partition-commit.watermark-time-zone' = 'Mars'"; do
    t "refused: $option" 2 run -c "$from $to, $option); $insert"
done
mkdir many
seq 1 2000 | awk '{ print $1 "," $1 % 700 }' >many.csv
t "more partitions than files may be open" 0 run -p 2 -c "CREATE TABLE s (a INT, k INT) WITH ('connector' = 'filesystem', 'path' = 'many.csv', 'format' = 'csv');
  CREATE TABLE o (k INT, a INT) PARTITIONED BY (k) WITH ('connector' = 'filesystem', 'path' = 'many', 'format' = 'json'); INSERT INTO o SELECT k, a FROM s"
that "all of them are there" '[ "$(find many -name "part-*" | xargs cat | sort | uniq | wc -l)" = 2000 ] && [ "$(ls many | wc -l)" = 700 ]'
t "and can be read" 0 run --final -c "CREATE TABLE o (k INT, a INT) PARTITIONED BY (k) WITH ('connector' = 'filesystem', 'path' = 'many', 'format' = 'json');
  SELECT COUNT(*) AS n, SUM(k) AS k, SUM(IF(MOD(a, 700) = k, 0, 1)) AS wrong FROM o"
out '{"n":2000,"k":669600,"wrong":0}'
done_testing
