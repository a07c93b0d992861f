#!/bin/sh
# Jobs over the embedded log: topics read and written, positions and state kept with the outputs.
. "$(dirname "$0")/tap"

cat >in.json <<'J'
{"id":1,"k":"a","v":10}
{"id":2,"k":"b","v":20}
{"id":3,"k":"a","v":30}
J
tables="CREATE TABLE f (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'json');
  CREATE TABLE a (id INT, k STRING, v INT, p INT METADATA FROM 'partition' VIRTUAL, o BIGINT METADATA FROM 'offset' VIRTUAL, t STRING METADATA FROM 'topic' VIRTUAL)
    WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  CREATE TABLE b (k STRING, v INT) WITH ('connector' = 'topic', 'topic' = 'b', 'format' = 'csv', 'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset', 'key.fields' = 'k', 'key.format' = 'csv');"

t "a file into a topic" 0 run --data log -q -c "$tables INSERT INTO a SELECT id, k, v FROM f"
t "which is read, with where it lies" 0 run --data log -c "$tables SELECT id, k, v, p, o, t FROM a"
out '{"id":1,"k":"a","v":10,"p":0,"o":0,"t":"a"}
{"id":2,"k":"b","v":20,"p":0,"o":1,"t":"a"}
{"id":3,"k":"a","v":30,"p":0,"o":2,"t":"a"}'
t "the file is read: once" 0 run --data log -c "$tables INSERT INTO a SELECT id, k, v FROM f"
err "^nothing new was read: earlier runs of this script have come to the end of their input"
t "nothing came twice" 0 run --data log -c "$tables SELECT COUNT(*) AS n FROM a" --final
out '{"n":3}'
t "another statement has another state" 4 run --data log -q -c "$tables INSERT INTO a SELECT id + 1, k, v FROM f"
err "belongs to another job"
t "two INSERTs, from topic to topic" 0 run --data log -q -c "$tables INSERT INTO a SELECT id, k, v FROM f; INSERT INTO b SELECT k, v FROM a"
t "as CSV" 0 run --data log -c "$tables SELECT k, v FROM b"
out '{"k":"a","v":10}
{"k":"b","v":20}
{"k":"a","v":30}'
t "from a place on" 0 run --data log -c "$tables SELECT id FROM a /*+ OPTIONS('scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:1') */"
out '{"id":2}
{"id":3}'
t "up to a place" 0 run --data log -c "$tables SELECT id FROM a /*+ OPTIONS('scan.bounded.mode' = 'specific-offsets', 'scan.bounded.specific-offsets' = 'partition:0,offset:2') */"
out '{"id":1}
{"id":2}'
t "from a time on" 0 run --data log -c "$tables SELECT id FROM a /*+ OPTIONS('scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '4000000000000') */"
out ''

# ---- followed: a reader at the end is woken by what the other job commits, and goes on where it was ----
follow="CREATE TABLE g (id INT) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'number-of-rows' = '3000', 'fields.id.kind' = 'sequence',
    'fields.id.start' = '1', 'fields.id.end' = '3000');
  CREATE TABLE c (id INT) WITH ('connector' = 'topic', 'topic' = 'c', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
  CREATE TABLE d (id INT) WITH ('connector' = 'topic', 'topic' = 'd', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');"
all="CREATE TABLE d (id INT) WITH ('connector' = 'topic', 'topic' = 'd', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');"
for seconds in 1 1; do
    timeout -s TERM "$seconds" "$weir" run --data log2 -q -c "$follow INSERT INTO c SELECT id FROM g; INSERT INTO d SELECT id FROM c" >/dev/null 2>stopped
    [ $? -eq 124 ] || echo "not ok the followed topic: $(cat stopped)"
done
t "what was followed came once, in order" 0 run --data log2 --final -c "$all SELECT COUNT(*) = MAX(id) AND COUNT(*) = COUNT(DISTINCT id) AND MIN(id) = 1 AS whole, COUNT(*) > 300 AS many FROM d"
out '{"whole":true,"many":true}'

# ---- keys, timestamps, partitioner ----
t "a timestamp of one's own" 0 run --data log -q -c "CREATE TABLE e (id INT, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp') WITH ('connector' = 'topic', 'topic' = 'e', 'format' = 'json');
  INSERT INTO e SELECT * FROM (VALUES (1, TO_TIMESTAMP_LTZ(1700000000000, 3)), (2, TO_TIMESTAMP_LTZ(1800000000000, 3)))"
t "is the record's, and found" 0 run --data log -c "CREATE TABLE e (id INT, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', ty STRING METADATA FROM 'timestamp-type' VIRTUAL) WITH ('connector' = 'topic', 'topic' = 'e',
  'format' = 'json', 'scan.bounded.mode' = 'latest-offset', 'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1700000000001'); SELECT * FROM e"
out '{"id":2,"ts":"2027-01-15 08:00:00.000","ty":"CreateTime"}'

# ---- bad records ----
t "text that is no JSON" 0 run --data log -q -c "CREATE TABLE x (s STRING) WITH ('connector' = 'topic', 'topic' = 'x', 'format' = 'raw'); INSERT INTO x VALUES ('{\"id\":1}'), ('nonsense'), ('{\"id\":2}')"
x="CREATE TABLE x (id INT) WITH ('connector' = 'topic', 'topic' = 'x', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');"
t "fails by its place" 1 run --data log -c "$x SELECT id FROM x"
err "x/00000"
t "or is left out" 0 run --data log --bad-input skip -q -c "$x SELECT id FROM x"
out '{"id":1}
{"id":2}'

# ---- keys and values apart ----
parts="CREATE TABLE kv (k STRING, k2 INT, v INT) WITH ('connector' = 'topic', 'topic' = 'kv', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
  'key.fields' = 'k;k2', 'key.format' = 'csv', 'key.csv.field-delimiter' = '|', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
  CREATE TABLE rv (s STRING, o BIGINT METADATA FROM 'offset' VIRTUAL) WITH ('connector' = 'topic', 'topic' = 'kv', 'format' = 'raw', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  CREATE TABLE keys (key_k STRING, key_k2 INT, s STRING) WITH ('connector' = 'topic', 'topic' = 'kv', 'format' = 'raw', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
    'key.fields' = 'key_k;key_k2', 'key.fields-prefix' = 'key_', 'key.format' = 'csv', 'key.csv.field-delimiter' = '|', 'value.fields-include' = 'EXCEPT_KEY');"
t "a key in a format of its own, out of the value" 0 run --data log -q -c "$parts INSERT INTO kv VALUES ('a', 1, 10), ('b', 2, CAST(NULL AS INT)), (CAST(NULL AS STRING), 3, 30)"
t "what lies in the value" 0 run --data log -c "$parts SELECT * FROM rv"
out '{"s":"{\"v\":10}","o":0}
{"s":"{\"v\":null}","o":1}
{"s":"{\"v\":30}","o":2}'
t "and both together" 0 run --data log -c "$parts SELECT * FROM kv"
out '{"k":"a","k2":1,"v":10}
{"k":"b","k2":2,"v":null}
{"k":"","k2":3,"v":30}'
t "by another name" 0 run --data log -c "$parts SELECT * FROM keys WHERE key_k2 = 1"
out '{"key_k":"a","key_k2":1,"s":"{\"v\":10}"}'
t "records without a key" 0 run --data log -q -c "CREATE TABLE kw (v INT) WITH ('connector' = 'topic', 'topic' = 'kv', 'format' = 'json'); INSERT INTO kw VALUES (40)"
t "leave its columns NULL" 0 run --data log -c "$parts SELECT * FROM kv WHERE v = 40"
out '{"k":null,"k2":null,"v":40}'
t "a key that is none of the format" 0 run --data log -q -c "CREATE TABLE kx (k STRING, v INT) WITH ('connector' = 'topic', 'topic' = 'kv', 'format' = 'json', 'key.format' = 'raw', 'key.fields' = 'k'); INSERT INTO kx VALUES ('x|y', 50)"
t "is a bad record" 1 run --data log -c "$parts SELECT * FROM kv"
err "in the key: "
t "a prefix needs EXCEPT_KEY" 2 run --data log -c "CREATE TABLE p (key_k STRING, v INT) WITH ('connector' = 'topic', 'topic' = 'kv', 'format' = 'json', 'key.format' = 'raw', 'key.fields' = 'key_k', 'key.fields-prefix' = 'key_'); INSERT INTO p VALUES ('x', 50)"
err "EXCEPT_KEY"
t "options of the key's format are checked" 2 run --data log -c "CREATE TABLE p (k STRING) WITH ('connector' = 'topic', 'topic' = 'kv', 'format' = 'json', 'key.format' = 'csv', 'key.csv.field-delimeter' = ';', 'key.fields' = 'k'); INSERT INTO p VALUES ('x')"
err "did you mean 'key.csv.field-delimiter'"

# ---- headers ----
headers="CREATE TABLE h (id INT, hs MAP<STRING, BYTES> METADATA FROM 'headers', le INT METADATA FROM 'leader-epoch' VIRTUAL) WITH ('connector' = 'topic', 'topic' = 'h', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');"
t "headers out" 0 run --data log -q -c "$headers INSERT INTO h VALUES (1, MAP['a', ENCODE('x', 'utf-8'), 'b', CAST(NULL AS BYTES)]), (2, CAST(NULL AS MAP<STRING, BYTES>)), (3, MAP['c', ENCODE('', 'utf-8')])"
t "and in" 0 run --data log -c "$headers SELECT id, CARDINALITY(hs) AS n, DECODE(hs['a'], 'utf-8') AS a, hs['b'] IS NULL AS b, DECODE(hs['c'], 'utf-8') AS c, le FROM h"
out '{"id":1,"n":2,"a":"x","b":true,"c":null,"le":0}
{"id":2,"n":0,"a":null,"b":true,"c":null,"le":0}
{"id":3,"n":1,"a":null,"b":true,"c":"","le":0}'

# ---- packed, several topics, a pattern ----
t "batches that are packed" 0 run --data log -q -c "CREATE TABLE z (id INT, s STRING) WITH ('connector' = 'topic', 'topic' = 'pk-1', 'format' = 'json', 'properties.compression.type' = 'zstd');
  CREATE TABLE y (id INT, s STRING) WITH ('connector' = 'topic', 'topic' = 'pk-2', 'format' = 'json', 'properties.compression.type' = 'lz4', 'properties.linger.ms' = '5');
  CREATE TABLE g (id INT, s STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '0', 'number-of-rows' = '20000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '20000', 'fields.s.length' = '40');
  INSERT INTO z SELECT * FROM g; INSERT INTO y SELECT * FROM g"
t "are read, from topics by a list" 0 run --data log --final -c "CREATE TABLE z (id INT, s STRING) WITH ('connector' = 'topic', 'topic' = 'pk-1; pk-2', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  SELECT COUNT(*) AS n, SUM(id) AS s, MIN(CHAR_LENGTH(s)) AS l FROM z"
out '{"n":40000,"s":400020000,"l":40}'
t "or by a pattern" 0 run --data log --final -c "CREATE TABLE z (id INT, t STRING METADATA FROM 'topic' VIRTUAL) WITH ('connector' = 'topic', 'topic-pattern' = 'pk-\\d', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  SELECT t, COUNT(*) AS n FROM z GROUP BY t ORDER BY t"
out '{"t":"pk-1","n":20000}
{"t":"pk-2","n":20000}'
t "not both" 2 run --data log -c "CREATE TABLE z (id INT) WITH ('connector' = 'topic', 'topic-pattern' = 'p.*', 'topic' = 'a', 'format' = 'json'); SELECT * FROM z"
err "one of 'topic' and 'topic-pattern'"
t "nor written by a pattern" 2 run --data log -c "CREATE TABLE zp (id INT) WITH ('connector' = 'topic', 'topic-pattern' = 'p.*', 'format' = 'json'); INSERT INTO zp VALUES (1)"
err "a sink writes to one topic"

# ---- groups ----
g="CREATE TABLE ga (id INT) WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json', 'properties.group.id' = 'readers', 'scan.bounded.mode' = 'latest-offset');
  CREATE TABLE gb (id INT) WITH ('connector' = 'topic', 'topic' = 'gb', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');"
t "a group without an offset" 2 run --data log -c "$g SELECT id FROM ga"
err "the group has no offset"
t "begins where auto.offset.reset says" 0 run --data log -q -c "$g INSERT INTO gb SELECT id FROM ga /*+ OPTIONS('properties.auto.offset.reset' = 'earliest') */"
t "all of it" 0 run --data log --final -c "$g SELECT COUNT(*) AS n FROM gb"
out '{"n":3}'
t "and has then come to the end" 0 run --data log -c "$g SELECT id FROM ga"
out ''
t "more" 0 run --data log -q -c "$tables CREATE TABLE more (id INT) WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json'); INSERT INTO more VALUES (77)"
t "is what it has not seen" 0 run --data log -c "$g SELECT id FROM ga"
out '{"id":77}'
t "up to where a group is" 0 run --data log --final -c "$g SELECT COUNT(*) AS n FROM ga /*+ OPTIONS('scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'group-offsets') */"
out '{"n":4}'
t "a setting that no client has" 2 run --data log -c "CREATE TABLE p (k STRING) WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json', 'properties.fetch.min.byte' = '1'); SELECT * FROM p"
err "did you mean 'properties.fetch.min.bytes'"
t "a cluster's address" 2 run --data log -c "CREATE TABLE p (k STRING) WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json', 'properties.bootstrap.servers' = 'x:9092'); SELECT * FROM p"
err "connector 'kafka'"

# ---- tables of current rows ----
u="CREATE TABLE u (k STRING, n BIGINT, m INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-topic', 'topic' = 'u', 'key.format' = 'raw', 'value.format' = 'json', 'scan.bounded.mode' = 'latest-offset');
  CREATE TABLE ux (k STRING, n BIGINT, m INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-topic', 'topic' = 'ux', 'key.format' = 'json', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY', 'scan.bounded.mode' = 'latest-offset');
  CREATE TABLE ur (s STRING, o BIGINT METADATA FROM 'offset' VIRTUAL) WITH ('connector' = 'topic', 'topic' = 'u', 'format' = 'raw', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  CREATE TABLE ev (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = 'ev.json', 'format' = 'json');"
cat >ev.json <<'J'
{"k":"a","v":1}
{"k":"b","v":2}
{"k":"a","v":3}
{"k":"c","v":4}
{"k":"b","v":-2}
J
t "updates into a topic" 0 run --data log -q -c "$u INSERT INTO u SELECT k, COUNT(*), SUM(v) FROM ev GROUP BY k HAVING SUM(v) <> 0"
t "are its current rows" 0 run --data log --final -c "$u SELECT * FROM u ORDER BY k"
out '{"k":"a","n":2,"m":4}
{"k":"c","n":1,"m":4}'
cat >ch.json <<'J'
{"before":null,"after":{"k":"d","n":7,"m":7},"op":"c"}
{"before":{"k":"c","n":1,"m":4},"after":null,"op":"d"}
{"before":{"k":"d","n":7,"m":7},"after":{"k":"d","n":8,"m":8},"op":"u"}
J
t "rows that go" 0 run --data log -q -c "CREATE TABLE ch (k STRING, n BIGINT, m INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'ch.json', 'format' = 'debezium-json');
  CREATE TABLE u2 (k STRING, n BIGINT, m INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-topic', 'topic' = 'u', 'key.format' = 'raw', 'value.format' = 'json'); INSERT INTO u2 SELECT * FROM ch"
t "are gone" 0 run --data log --final -c "$u SELECT * FROM u ORDER BY k"
out '{"k":"a","n":2,"m":4}
{"k":"d","n":8,"m":8}'
t "by records without a value, which have no row elsewhere" 0 run --data log -c "$u SELECT o, s FROM ur /*+ OPTIONS('scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:2') */"
out '{"o":2,"s":"{\"k\":\"d\",\"n\":7,\"m\":7}"}
{"o":4,"s":"{\"k\":\"d\",\"n\":8,\"m\":8}"}'
t "from table to table, the key not in the value" 0 run --data log -q -c "$u INSERT INTO ux SELECT k, n, m FROM u"
t "the same rows" 0 run --data log --final -c "$u SELECT * FROM ux ORDER BY k"
out '{"k":"a","n":2,"m":4}
{"k":"d","n":8,"m":8}'
t "no key" 2 run --data log -c "CREATE TABLE p (k STRING) WITH ('connector' = 'upsert-topic', 'topic' = 'u', 'key.format' = 'raw', 'format' = 'json'); SELECT * FROM p"
err "PRIMARY KEY"
t "no format of the key" 2 run --data log -c "CREATE TABLE p (k STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-topic', 'topic' = 'u', 'format' = 'json'); SELECT * FROM p"
err "'key.format' is missing"

# ---- topics that come while a job runs ----
found="CREATE TABLE n1 (id INT) WITH ('connector' = 'topic', 'topic' = 'new-1', 'format' = 'json');
  CREATE TABLE n2 (id INT) WITH ('connector' = 'topic', 'topic' = 'new-2', 'format' = 'json');
  CREATE TABLE p (id INT, t STRING METADATA FROM 'topic' VIRTUAL) WITH ('connector' = 'topic', 'topic-pattern' = 'new-.*', 'format' = 'json', 'scan.startup.mode' = 'latest-offset',
    'scan.topic-partition-discovery.interval' = '100 ms');
  CREATE TABLE o (id INT, t STRING) WITH ('connector' = 'topic', 'topic' = 'found', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  CREATE TABLE slow (id INT) WITH ('connector' = 'datagen', 'rows-per-second' = '4', 'number-of-rows' = '4', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '4');"
t "a topic that is there" 0 run --data log3 -q -c "$found INSERT INTO n1 VALUES (0)"
timeout -s TERM 5 "$weir" sql --data log3 -q -c "$found INSERT INTO o SELECT id, t FROM p; SET 'table.dml-sync' = 'true'; INSERT INTO n1 SELECT id FROM slow; INSERT INTO n2 SELECT id + 10 FROM slow" >/dev/null 2>stopped
[ $? -eq 124 ] || echo "not ok the followed pattern: $(cat stopped)"
t "was found: whole, beside what came at the end of the other" 0 run --data log3 -c "$found SELECT t, COUNT(*) AS n, MIN(id) AS least FROM o GROUP BY t ORDER BY t" --final
out '{"t":"new-1","n":4,"least":1}
{"t":"new-2","n":4,"least":11}'

# ---- dead letters, and the shell ----
t "what cannot be read is kept beside the commits" 0 run --data log -q --dead-letter bad -c "$x CREATE TABLE good (id INT) WITH ('connector' = 'topic', 'topic' = 'good', 'format' = 'json'); INSERT INTO good SELECT id FROM x"
that "one line, which says where" '[ "$(wc -l <bad)" = 1 ] && grep -q "\"file\":\"x/00000\",.*\"offset\":1," bad'
t "once" 0 run --data log -q --dead-letter bad -c "$x CREATE TABLE good (id INT) WITH ('connector' = 'topic', 'topic' = 'good', 'format' = 'json'); INSERT INTO good SELECT id FROM x"
that "one line" '[ "$(wc -l <bad)" = 1 ]'
cp bad whole && echo more >>bad
t "what no commit holds goes" 0 run --data log -q --dead-letter bad -c "$x CREATE TABLE good (id INT) WITH ('connector' = 'topic', 'topic' = 'good', 'format' = 'json'); INSERT INTO good SELECT id FROM x"
that "the file is as it was" 'cmp -s bad whole'
rm bad
t "without its file" 4 run --data log -q --dead-letter bad -c "$x CREATE TABLE good (id INT) WITH ('connector' = 'topic', 'topic' = 'good', 'format' = 'json'); INSERT INTO good SELECT id FROM x"
err "the dead-letter file"
t "the shell reads and writes topics" 0 sql --data shell -o ndjson -c "CREATE TABLE a (id INT) WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  SET 'table.dml-sync' = 'true'; INSERT INTO a VALUES (1), (2); SELECT SUM(id) AS s FROM a WHERE id < 3;"
outs '"s":3'
t "two places" 2 sql --data shell --state-dir s -c "SELECT 1"
err "exclude each other"

# ---- what is refused ----
t "no log" 2 run -c "$tables SELECT id FROM a"
err "weir run --data DIR"
t "two places for state" 2 run --data log --state-dir s -c "SELECT 1"
err "exclude each other"
t "no beginning" 2 run --data log -c "CREATE TABLE c (id INT) WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json'); SELECT id FROM c"
err "scan.startup.mode"
t "no such topic" 1 run --data log -c "CREATE TABLE c (id INT) WITH ('connector' = 'topic', 'topic' = 'none', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset'); SELECT id FROM c"
err "there is no topic 'none'"
t "columns that a format cannot have" 2 check -c "CREATE TABLE c (id INT, v INT) WITH ('connector' = 'topic', 'topic' = 'a', 'value.format' = 'json', 'key.format' = 'raw', 'key.fields' = 'id'); INSERT INTO c VALUES (1, 2)"
err "table 'c', the key: format 'raw' takes a column of text or bytes; 'id' is neither"
t "are seen before anything is made" 2 run --data fresh -c "CREATE TABLE c (id INT, v INT) WITH ('connector' = 'topic', 'topic' = 'raw', 'format' = 'raw'); INSERT INTO c VALUES (1, 2)"
err "table 'c', the value: format 'raw' takes exactly one physical column, not 2"
t "by a job, too" 1 run --data fresh -c "CREATE TABLE c (id STRING) WITH ('connector' = 'topic', 'topic' = 'raw', 'format' = 'raw', 'scan.startup.mode' = 'earliest-offset'); SELECT id FROM c"
err "there is no topic 'raw'"
t "a key without its format" 2 run --data log -c "CREATE TABLE c (id INT) WITH ('connector' = 'topic', 'topic' = 'a', 'format' = 'json', 'key.fields' = 'id', 'scan.startup.mode' = 'earliest-offset'); SELECT id FROM c"
err "go together"
done_testing
