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
mkdir -p pruned/k=a/n=1 pruned/k=a/n=2 pruned/k=b/n=1 pruned/k=__DEFAULT_PARTITION__/n=1
echo 1 >pruned/k=a/n=1/x.csv
echo 2 >pruned/k=a/n=2/x.csv
echo broken >pruned/k=b/n=1/x.csv
echo broken >pruned/k=__DEFAULT_PARTITION__/n=1/x.csv
pruned="CREATE TABLE p (v INT, k STRING, n INT) PARTITIONED BY (k, n) WITH ('connector' = 'filesystem', 'path' = 'pruned', 'format' = 'csv');"
t "partitions that a condition leaves out are not read" 0 run -c "$pruned SELECT v, n FROM p WHERE v > 0 AND 'a' = k AND n > 1"
out '{"v":2,"n":2}'
t "as long as all readers leave them out" 1 run -c "$pruned SELECT v FROM p WHERE k = 'a' UNION ALL SELECT v FROM p WHERE k <> 'a'"
err 'x.csv:1'
t "one reader a statement" 0 run --final -c "$pruned SELECT SUM(v) AS s FROM (SELECT v FROM p WHERE k = 'a' AND n = 1 UNION ALL SELECT v FROM p WHERE k = 'a')"
out '{"s":4}'
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
t "a partition overwritten by nothing" 0 run -c "$from $to); INSERT OVERWRITE o PARTITION (dt = 'a/b=c%', hm = '10:01') SELECT a, b FROM s WHERE a > 9;
  INSERT OVERWRITE o PARTITION (dt = 'not there', hm = '10:01') SELECT a, b FROM s WHERE a > 9"
that "its rows are gone" '[ -z "$(find data/dt=a%2Fb%3Dc%25 -type f)" ]'
that "others are there" '[ "$(cat data/dt=2026-01-01/hm=10%3A00/part-*)" = "11,x${newline}14,z" ]'
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
rm -r data
printf '1\n2\n' >no_time.csv
t "marks out of a source that has no event time" 0 run -c "CREATE TABLE n (a INT) WITH ('connector' = 'filesystem', 'path' = 'no_time.csv', 'format' = 'csv');
  CREATE TABLE o (b STRING, a INT) PARTITIONED BY (a) WITH ('connector' = 'filesystem', 'path' = 'data', 'format' = 'csv', $marks); INSERT INTO o SELECT 'x', a FROM n"
that "both are marked" '[ -f data/a=1/_SUCCESS ] && [ -f data/a=2/_SUCCESS ]'
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

# ---- files as tables ----
cat >a.csv <<'X'
id,name,price,day,at,flag,zip,empty,big,mixed
1,Ada,1.5,2026-01-01,2026-01-01 10:00:00,true,01234,,12345678901234567890,1
2,"",2,2026-01-02,2026-01-01 10:00:00.5001,FALSE,99999,,3,x
3,,,,,,,,,
X
cat >b.ndjson <<'X'
{"id": 1, "user": {"name": "x", "tags": ["a", "b"], "age": null}, "at": "2026-01-01T10:00:00Z", "n": 1, "m": [1, 2.5], "s": {"a": 1}, "y": true}
no json
{"id": 2, "user": {"name": "y", "tags": [], "city": "Rome"}, "at": "2026-01-01T11:00:00.5+01:00", "n": 2.5, "s": "text", "mixed": [1], "y": null}
X
t "DESCRIBE of a CSV file" 0 run -o csv -c "DESCRIBE 'a.csv'"
out 'name,type,null,key,extras,watermark
id,BIGINT,TRUE,,,
name,STRING,TRUE,,,
price,DOUBLE,TRUE,,,
day,DATE,TRUE,,,
at,TIMESTAMP(6),TRUE,,,
flag,BOOLEAN,TRUE,,,
zip,STRING,TRUE,,,
empty,STRING,TRUE,,,
big,"DECIMAL(38, 0)",TRUE,,,
mixed,STRING,TRUE,,,'
t "DESCRIBE of JSON lines" 0 run -o csv -c "DESCRIBE 'b.ndjson'"
out 'name,type,null,key,extras,watermark
id,BIGINT,TRUE,,,
user,"ROW<`name` STRING, `tags` ARRAY<STRING>, `age` STRING, `city` STRING>",TRUE,,,
at,TIMESTAMP_LTZ(3),TRUE,,,
n,DOUBLE,TRUE,,,
m,ARRAY<DOUBLE>,TRUE,,,
s,STRING,TRUE,,,
y,BOOLEAN,TRUE,,,
mixed,ARRAY<BIGINT>,TRUE,,,'
t "FROM a CSV file" 0 run -c "SELECT id, name, price, \`day\`, flag, zip, \`empty\`, big + 1 AS big FROM 'a.csv' WHERE id IS NOT NULL"
out '{"id":1,"name":"Ada","price":1.5,"day":"2026-01-01","flag":true,"zip":"01234","empty":null,"big":12345678901234567891}
{"id":2,"name":"","price":2.0,"day":"2026-01-02","flag":false,"zip":"99999","empty":null,"big":4}
{"id":3,"name":null,"price":null,"day":null,"flag":null,"zip":null,"empty":null,"big":null}'
t "FROM JSON lines, with an alias" 0 run --bad-input skip -c "SELECT b.\`user\`.city, n, s FROM './b.ndjson' AS b WHERE \`at\` > TO_TIMESTAMP_LTZ(0, 3)"
out '{"city":null,"n":1.0,"s":"{\"a\":1}"}
{"city":"Rome","n":2.5,"s":"text"}'
t "a bad line stays one" 1 run -c "SELECT id FROM 'b.ndjson'"
err 'b.ndjson:2'
t "SHOW CREATE TABLE of a file" 0 run -o csv -c "SHOW CREATE TABLE './b.ndjson'"
sed -e 1d -e 's/^"//; s/"$//; s/""/"/g' out >pasted.sql
echo "; SELECT id, mixed FROM b" >>pasted.sql
t "and pasted" 0 run --bad-input skip pasted.sql
out '{"id":1,"mixed":null}
{"id":2,"mixed":[1]}'
printf 'x\ty\n1\t2\n' | gzip >t.tsv.gz
printf '1,2\n3,\n' >plain.csv
t "tabs, packed" 0 run --final -c "SELECT SUM(x + y) AS s FROM 't.tsv.gz'"
out '{"s":3}'
t "no header" 0 run -c "SELECT f0, f1 FROM 'plain.csv'"
out '{"f0":1,"f1":2}
{"f0":3,"f1":null}'
t "a header, whatever it looks like" 0 run -c "SELECT \`1\` AS a FROM 'plain.csv' /*+ OPTIONS('csv.header' = 'names') */"
out '{"a":3}'
mkdir globbed
echo '{"a": 1}' >globbed/1.jsonl
echo '{"b": "x", "a": 2.5}' >globbed/2.jsonl
t "a glob widens over its files" 0 run -c "SELECT a, b FROM 'globbed/*.jsonl'"
out '{"a":1.0,"b":null}
{"a":2.5,"b":"x"}'
t "one file twice is read once" 0 explain -c "SELECT f0 FROM 'plain.csv' UNION ALL SELECT f1 FROM 'plain.csv'"
that "one source" '[ "$(grep -c "source:1 table" out)" = 1 ] && ! grep -q source:2 out'
(seq 1 200000 | sed 's/.*/{"a": &}/'; echo '{"a": 1.5}') >late.json
t "what does not fit later" 1 run -c "SELECT COUNT(*) FROM 'late.json' WHERE a < 0"
err "field 'a': 1.5 is no BIGINT; columns were inferred from the first rows: SHOW CREATE TABLE 'late.json' gives a statement to correct"
err 'late.json:200001:7'
t "an unknown ending" 2 run -c "SELECT * FROM 'x.parquet'"
err "the format of 'x.parquet' does not follow from its ending"
t "a file that is not there" 1 run -c "SELECT * FROM 'absent.csv'"
err 'absent.csv'
: >empty.csv
t "an empty file" 1 run -c "SELECT * FROM 'empty.csv'"
err "no columns can be inferred from 'empty.csv': it has no record"
echo '[{"a": 1}]' >array.json
t "one array" 1 run -c "DESCRIBE 'array.json'"
err 'jq -c'
t "CREATE TABLE without columns" 0 run -c "CREATE TABLE p (WATERMARK FOR \`at\` AS \`at\` - INTERVAL '1' SECOND, twice AS id * 2) WITH ('connector' = 'filesystem', 'path' =
  'b.ndjson', 'format' = 'json', 'json.ignore-parse-errors' = 'true'); SELECT twice FROM p"
out '{"twice":2}
{"twice":4}'
t "and of a connector that has none" 2 run -c "CREATE TABLE p WITH ('connector' = 'datagen')"
err "connector 'datagen' needs declared columns"
echo 'v' >grows.csv
seq 1 5 >>grows.csv
count="CREATE TABLE o (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'counted', 'format' = 'csv'); INSERT INTO o SELECT v FROM 'grows.csv'"
t "restarts with the same columns" 0 run --state-dir state -c "$count"
t "the same again" 0 run --state-dir state -c "$count"
that "nothing twice" '[ "$(cat counted/* | wc -l)" = 5 ]'
echo 'text' >>grows.csv
t "and not with others" 4 run --state-dir state -c "CREATE TABLE o (n STRING) WITH ('connector' = 'filesystem', 'path' = 'counted', 'format' = 'csv');
  INSERT INTO o SELECT v FROM 'grows.csv'"

# ---- CREATE TABLE AS ----
with="WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' ="
t "CREATE TABLE AS with more columns" 0 run -c "CREATE TABLE d (note STRING, f0 DOUBLE, up AS UPPER(note)) $with 'ctas') AS SELECT f1, f0 FROM 'plain.csv'; DESCRIBE d" -o csv
out 'name,type,null,key,extras,watermark
note,STRING,TRUE,,,
up,STRING,TRUE,,AS UPPER(note),
f1,BIGINT,TRUE,,,
f0,DOUBLE,TRUE,,,'
that "its rows" '[ "$(cat ctas/*)" = ",2,1.0${newline},,3.0" ]'
t "CREATE TABLE AS by names" 0 run -c "CREATE TABLE d (f0, f1) $with 'named') AS SELECT f1, f0 FROM 'plain.csv'"
that "their order" '[ "$(cat named/*)" = "1,2${newline}3," ]'
t "a partitioned one" 0 run -c "CREATE TABLE d PARTITIONED BY (f0) $with 'parted') AS SELECT f1, f0 FROM 'plain.csv'"
that "its folders" '[ "$(cat parted/f0=1/*)" = 2 ] && [ -d parted/f0=3 ]'
t "a name that the query lacks" 2 run -c "CREATE TABLE d (f0, f2) $with 'none') AS SELECT f1, f0 FROM 'plain.csv'"
err "the query has no column 'f2'"
t "too few names" 2 run -c "CREATE TABLE d (f0) $with 'none') AS SELECT f1, f0 FROM 'plain.csv'"
err '1 columns are named, the query has 2'
t "a computed column of the query's" 2 run -c "CREATE TABLE d (f0 AS 1) $with 'none') AS SELECT f1, f0 FROM 'plain.csv'"
err "column 'f0' comes from the query, and is declared as computed"
t "a column that must have a value" 2 run -c "CREATE TABLE d (more INT NOT NULL) $with 'none') AS SELECT f1, f0 FROM 'plain.csv'"
err "column 'more' has no default value"
done_testing
