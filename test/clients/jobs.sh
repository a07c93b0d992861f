#!/bin/sh
# Jobs and Kafka's clients over one log: jobs.sh WEIR. What clients have written is read by `weir run --data`, and the other
# way round, server and job taking turns. Prints ok and not ok lines.
set -u
weir=$(realpath "$1")
work=$(mktemp -d)
server=
python=/usr/bin/python3
trap '[ -n "$server" ] && kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2

start() {
    : >out
    "$weir" server --data log --listen 127.0.0.1:0 --set num.partitions=4 >out 2>err &
    server=$!
    for _ in $(seq 200); do
        grep -q '^listening on ' out && break
        sleep 0.05
    done
    at=$(sed -n 's/^listening on //p' out)
}
stop() {
    kill -TERM "$server"
    wait "$server"
    server=
}
check() {
    if eval "$2"; then echo "ok $1"; else echo "not ok $1"; tail -5 got err 2>/dev/null | sed 's/^/# /'; fi
}

start
for i in $(seq 200); do printf '{"k":"%s"}|{"k":"%s","v":%s}\n' "key$i" "key$i" "$i"; done >pairs
timeout 20 kcat -b "$at" -q -P -t murmur -K '|' -X partitioner=murmur2 -l pairs
timeout 20 kcat -b "$at" -q -P -t packed -p 1 -z zstd pairs -l -K '|'
for topic in sunk dealt fixed anew; do timeout 20 kcat -b "$at" -L -t "$topic" >/dev/null 2>&1; done # makes them
echo '{"k":"before","v":0}' | timeout 20 kcat -b "$at" -q -P -t grow
echo '{"v":5}' | timeout 20 kcat -b "$at" -q -P -t kcat -k key -H h1=one -H h2=two -H h1=last
timeout 20 "$weir" topic create stamped --partitions 1 --config message.timestamp.type=LogAppendTime -b "$at" >got 2>err
"$python" - "$at" <<'P' 2>err
import sys
from confluent_kafka import Producer
p = Producer({"bootstrap.servers": sys.argv[1], "transactional.id": "t"})
p.init_transactions()
for name, commit in (("a", True), ("b", False), ("c", True), ("d", False)):
    p.begin_transaction()
    for i in range(3):
        p.produce("txn", '{"s":"%s"}' % name, partition=0)
    p.flush()
    p.commit_transaction() if commit else p.abort_transaction()
p.begin_transaction() # stays open
p.produce("txn", '{"s":"open"}', partition=0)
p.flush()
import os; os._exit(0)
P
stop

tables="CREATE TABLE m (k STRING, v INT, p INT METADATA FROM 'partition' VIRTUAL) WITH ('connector' = 'topic', 'topic' = 'murmur', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE z (k STRING, v INT, o BIGINT METADATA FROM 'offset' VIRTUAL) WITH ('connector' = 'topic', 'topic' = 'packed', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE sunk (k STRING, v INT) WITH ('connector' = 'topic', 'topic' = 'sunk', 'format' = 'json', 'key.fields' = 'k', 'key.format' = 'json');
CREATE TABLE x (s STRING) WITH ('connector' = 'topic', 'topic' = 'txn', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset');"
timeout 60 "$weir" run --data log --final -q -p 2 -c "$tables SELECT COUNT(*) AS n, SUM(v) AS s, COUNT(DISTINCT p) AS p FROM m" >got 2>err
check "jobs: a topic of four partitions is read whole" "[ \"\$(cat got)\" = '{\"n\":200,\"s\":20100,\"p\":4}' ]"
timeout 60 "$weir" run --data log --final -q -c "$tables SELECT COUNT(*) AS n, SUM(v) AS s, MAX(o) AS o FROM z" >got 2>err
check "jobs: packed batches too" "[ \"\$(cat got)\" = '{\"n\":200,\"s\":20100,\"o\":199}' ]"
timeout 60 "$weir" run --data log --final -q -c "$tables SELECT COUNT(*) AS n, MIN(o) AS a, MAX(o) AS b FROM z /*+ OPTIONS('scan.startup.mode' = 'specific-offsets',
  'scan.startup.specific-offsets' = 'partition:0,offset:0;partition:1,offset:40;partition:2,offset:0;partition:3,offset:0', 'scan.bounded.mode' = 'specific-offsets',
  'scan.bounded.specific-offsets' = 'partition:0,offset:0;partition:1,offset:43;partition:2,offset:0;partition:3,offset:0') */" >got 2>err
check "jobs: from an offset to an offset inside a batch" "[ \"\$(cat got)\" = '{\"n\":3,\"a\":40,\"b\":42}' ]"
timeout 60 "$weir" run --data log -q -c "$tables SELECT s FROM x /*+ OPTIONS('properties.isolation.level' = 'read_committed') */" >got 2>err
check "jobs: read_committed: no aborted record" "[ \"\$(tr -d '\n' <got)\" = '{\"s\":\"a\"}{\"s\":\"a\"}{\"s\":\"a\"}{\"s\":\"c\"}{\"s\":\"c\"}{\"s\":\"c\"}' ]"
timeout 60 "$weir" run --data log -q -c "$tables SELECT s FROM x" >got 2>err
check "jobs: read_uncommitted: all of them, no marker" "[ \$(wc -l <got) = 13 ]"
timeout 60 "$weir" run --data log -q -c "$tables INSERT INTO sunk SELECT k, v FROM m" >got 2>err
check "jobs: into a topic with keys" "[ $? = 0 ]"

timeout 60 "$weir" run --data log -q -c "CREATE TABLE hd (v INT, hs MAP<STRING, BYTES> METADATA FROM 'headers', ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp') WITH ('connector' = 'topic', 'topic' = 'hd', 'format' = 'json',
  'properties.compression.type' = 'zstd'); INSERT INTO hd VALUES (1, MAP['a', ENCODE('x', 'utf-8')], TO_TIMESTAMP_LTZ(1900000000000, 3))" >got 2>err
check "jobs: into a topic with headers and timestamps, packed" "[ $? = 0 ]"
timeout 60 "$weir" run --data log -q -c "CREATE TABLE st (v INT, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp') WITH ('connector' = 'topic', 'topic' = 'stamped', 'format' = 'json');
INSERT INTO st VALUES (1, TO_TIMESTAMP_LTZ(1500000000000, 3))" >got 2>err
timeout 60 "$weir" run --data log -q -p 2 -c "$tables CREATE TABLE dealt (v INT) WITH ('connector' = 'topic', 'topic' = 'dealt', 'format' = 'json', 'sink.partitioner' = 'round-robin');
CREATE TABLE fixed (v INT) WITH ('connector' = 'topic', 'topic' = 'fixed', 'format' = 'json', 'sink.partitioner' = 'fixed');
CREATE TABLE anew (v INT) WITH ('connector' = 'topic', 'topic' = 'anew', 'format' = 'json');
INSERT INTO dealt SELECT v FROM m; INSERT INTO fixed SELECT v FROM m; INSERT INTO anew SELECT v FROM m" >got 2>err
check "jobs: into topics by turns, and a partition for each subtask" "[ $? = 0 ]"
from_anew="CREATE TABLE told (v INT) WITH ('connector' = 'topic', 'topic' = 'anew', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE copy (v INT) WITH ('connector' = 'topic', 'topic' = 'copy', 'format' = 'json'); INSERT INTO copy SELECT v FROM told"
timeout -s TERM 2 "$weir" run --data log -q -c "$from_anew" >got 2>err
check "jobs: a topic is followed" "[ $? = 124 ]"
grown="CREATE TABLE gr (k STRING, v INT) WITH ('connector' = 'topic', 'topic' = 'grow', 'format' = 'json', 'scan.startup.mode' = 'latest-offset', 'scan.bounded.mode' = 'latest-offset',
  'properties.group.id' = 'sql');
CREATE TABLE seen (k STRING, v INT) WITH ('connector' = 'topic', 'topic' = 'seen', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');"
timeout 60 "$weir" run --data log -q -c "$grown INSERT INTO seen SELECT k, v FROM gr" >got 2>err
check "jobs: from the end of a topic on" "[ $? = 0 ]"

start
timeout 20 kcat -b "$at" -q -C -t murmur -e -f '%k %p %s\n' | sort >wanted
timeout 20 kcat -b "$at" -q -C -t sunk -e -f '%k %p %s\n' | sort >got
check "jobs: each key in the partition that the client's murmur2 gives it" "[ \$(wc -l <wanted) = 200 ] && cmp -s wanted got"
timeout 20 kcat -b "$at" -q -C -t hd -e -f '%h %T %s\n' >got
check "jobs: headers and timestamps are the records'" "[ \"\$(cat got)\" = 'a=x 1900000000000 {\"v\":1}' ]"
timeout 20 kcat -b "$at" -q -C -t stamped -e -f '%T %s\n' >got
check "jobs: a topic of append time has its own timestamps" "grep -q '{\"v\":1}' got && ! grep -q '^1500000000000' got"
timeout 20 "$weir" group show sql -b "$at" >got 2>err
check "jobs: the group was told how far the job's commit has read" "grep -q '^grow/[0-9]: committed 1, end 1, 0 behind' got"
timeout 20 kcat -b "$at" -q -C -t dealt -e -f '%p\n' | sort | uniq -c | awk '$1 >= 48 && $1 <= 52' >got
check "jobs: dealt by turns" "[ \$(wc -l <got) = 4 ]"
timeout 20 kcat -b "$at" -q -C -t fixed -e -f '%p\n' | sort -u | tr '\n' ' ' >got
check "jobs: a partition for each subtask" "[ \"\$(cat got)\" = '0 1 ' ]"
timeout 20 "$weir" topic rm anew -b "$at" >got 2>err
timeout 20 "$weir" topic create anew --partitions 4 -b "$at" >got 2>err
for i in $(seq 300); do echo '{"v":1}'; done >lines
for i in 0 1 2 3; do timeout 20 kcat -b "$at" -q -P -t anew -p "$i" -l lines; done
timeout 20 "$weir" topic alter grow --partitions 6 -b "$at" >got 2>err
echo '{"k":"new","v":1}' | timeout 20 kcat -b "$at" -q -P -t grow -p 5
timeout 20 kcat -b "$at" -L >got 2>&1
check "jobs: the state's topic is listed" "grep -q '__weir_job-1-sunk' got"
stop
timeout 60 "$weir" run --data log -q -c "CREATE TABLE kc (k STRING, v INT, hs MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL) WITH ('connector' = 'topic', 'topic' = 'kcat', 'value.format' = 'json', 'key.format' = 'raw',
  'key.fields' = 'k', 'value.fields-include' = 'EXCEPT_KEY', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
  SELECT k, v, CARDINALITY(hs) AS n, DECODE(hs['h1'], 'utf-8') AS a, DECODE(hs['h2'], 'utf-8') AS b FROM kc" >got 2>err
check "jobs: key and headers of a client's record, of those of one name the last" "[ \"\$(cat got)\" = '{\"k\":\"key\",\"v\":5,\"n\":2,\"a\":\"last\",\"b\":\"two\"}' ]"
timeout 60 "$weir" run --data log -q -c "$grown INSERT INTO seen SELECT k, v FROM gr" >got 2>err
timeout 60 "$weir" run --data log -q -c "$grown SELECT k FROM seen" >got 2>err
check "jobs: partitions that came meanwhile are read from their beginning, and nothing that was there before" "[ \"\$(cat got)\" = '{\"k\":\"new\"}' ]"
timeout 60 "$weir" run --data log -q -c "$from_anew" >got 2>err
check "jobs: a topic that was made anew is not the one that was read" "[ $? != 0 ] && grep -q 'deleted and made anew' err"
