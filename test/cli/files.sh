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
done_testing
