#!/bin/sh
# The connectors kafka and upsert-kafka: kafka.sh WEIR [HOST:PORT]. Against `weir server`, or the broker that is named (then without
# what needs a server that can be stopped). Prints ok and not ok lines.
set -u
weir=$(realpath "$1")
at=${2:-}
own=
work=$(mktemp -d)
server=
job=
trap '[ -n "$job" ] && kill -9 "$job" 2>/dev/null; [ -n "$server" ] && kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
[ -n "$at" ] && label="kafka" || { own=1 label="kafka connector"; }
id=$$ # names of topics: a broker that is named keeps them

start() { # [ADDRESS]
    : >out
    "$weir" server --data log --listen "${1:-127.0.0.1:0}" --set num.partitions=4 >out 2>server.err &
    server=$!
    for _ in $(seq 200); do
        grep -q '^listening on ' out && break
        sleep 0.05
    done
    at=$(sed -n 's/^listening on //p' out)
}
stop() { # SIGNAL
    kill "-$1" "$server"
    wait "$server" 2>/dev/null
    server=
}
check() {
    if eval "$2"; then echo "ok $label: $1"; else echo "not ok $label: $1"; tail -5 got err 2>/dev/null | sed 's/^/# /'; fi
}
await() { # SECONDS CONDITION
    for _ in $(seq $(($1 * 20))); do
        eval "$2" && return 0
        sleep 0.05
    done
    return 1
}
kc() { timeout 20 kcat "$@" 2>>kcat.err; }
run() { # SQL OPTION…
    sql=$1
    shift
    timeout 60 "$weir" run -c "$tables $sql" -q "$@" >got 2>err
}
same() { # LINES wanted in any order
    sort got >sorted
    printf '%s\n' "$@" | sort | cmp -s - sorted
}

[ -n "$own" ] && start
"$weir" topic create "in-$id" --partitions 4 -b "$at" >/dev/null 2>err
"$weir" topic create "sunk-$id" --partitions 4 -b "$at" >/dev/null 2>>err
"$weir" topic create "one-$id" --partitions 1 -b "$at" >/dev/null 2>>err
for i in $(seq 200); do printf '{"k":"%s"}|{"k":"%s","v":%s}\n' "key$i" "key$i" "$i"; done >pairs
kc -b "$at" -q -P -t "in-$id" -K '|' -X partitioner=murmur2 -l pairs
ends="'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'"
make_tables() {
    here="'properties.bootstrap.servers' = '$at'"
    tables="CREATE TABLE i (k STRING, v INT, p INT METADATA FROM 'partition' VIRTUAL, o BIGINT METADATA FROM 'offset' VIRTUAL,
  t STRING METADATA FROM 'topic' VIRTUAL, tt STRING METADATA FROM 'timestamp-type' VIRTUAL, e INT METADATA FROM 'leader-epoch' VIRTUAL,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL) WITH ('connector' = 'kafka', 'topic' = 'in-$id', $here, $ends);
CREATE TABLE s (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'sunk-$id', $here, $ends, 'key.fields' = 'k', 'key.format' = 'json');
CREATE TABLE w (a INT, h MAP<STRING, BYTES> METADATA FROM 'headers', ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp')
  WITH ('connector' = 'kafka', 'topic' = 'one-$id', $here, $ends);"
}
make_tables

# ---- reading and writing ----
run "SELECT COUNT(*) AS n, SUM(v) AS s, COUNT(DISTINCT p) AS p, MIN(t) AS t, MIN(tt) AS tt FROM i" --final
check "a topic of four partitions is read whole" "same '{\"n\":200,\"s\":20100,\"p\":4,\"t\":\"in-$id\",\"tt\":\"CreateTime\"}'"
run "SELECT COUNT(*) AS n FROM i" --final -p 3
check "by three shards, too" "same '{\"n\":200}'"
run "INSERT INTO s SELECT k, v FROM i"
kc -b "$at" -q -C -t "in-$id" -e -f '%k %p %s\n' | sort >wanted
kc -b "$at" -q -C -t "sunk-$id" -e -f '%k %p %s\n' | sort >sunk
check "each key in the partition that the client's murmur2 gives it" "[ \$(wc -l <wanted) = 200 ] && cmp -s wanted sunk"
run "INSERT INTO w VALUES (1, MAP['x', x'6162', 'y', x'00'], TO_TIMESTAMP_LTZ(1700000000000, 3)), (2, CAST(NULL AS MAP<STRING, BYTES>), TO_TIMESTAMP_LTZ(1700000001000, 3))"
kc -b "$at" -q -C -t "one-$id" -e -f '%T %h %s\n' >sunk
check "headers and timestamps are written" "[ \"\$(head -1 sunk | cut -c1-18)\" = '1700000000000 x=ab' ] && grep -q '^1700000001000  {\"a\":2}' sunk"
run "SELECT a, CAST(h['x'] AS STRING) AS x, CARDINALITY(h) AS n FROM w"
check "and read" "same '{\"a\":1,\"x\":\"ab\",\"n\":2}' '{\"a\":2,\"x\":null,\"n\":0}'"

# ---- where a source begins and ends ----
run "SELECT a FROM w /*+ OPTIONS('scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1700000000500') */"
check "it begins at a timestamp" "same '{\"a\":2}'"
run "SELECT a FROM w /*+ OPTIONS('scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:1') */"
check "at an offset" "same '{\"a\":2}'"
run "SELECT a FROM w /*+ OPTIONS('scan.bounded.mode' = 'specific-offsets', 'scan.bounded.specific-offsets' = 'partition:0,offset:1') */"
check "and ends at one" "same '{\"a\":1}'"
run "SELECT a FROM w /*+ OPTIONS('scan.startup.mode' = 'latest-offset') */"
check "from the end to the end there is nothing" "[ ! -s got ]"
run "SELECT COUNT(*) AS n FROM i /*+ OPTIONS('topic' = 'in-$id;sunk-$id') */" --final
check "a list of topics" "same '{\"n\":400}'"
patterned=$(echo "$tables" | sed "s/'topic' = 'in-$id'/'topic-pattern' = '(in|sunk)-$id'/")
timeout 60 "$weir" run -q --final -c "$patterned SELECT COUNT(*) AS n, COUNT(DISTINCT t) AS t FROM i" >got 2>err
check "a pattern for topics" "same '{\"n\":400,\"t\":2}'"

# ---- groups ----
group="'properties.group.id' = 'g-$id', 'scan.startup.mode' = 'group-offsets'"
run "SELECT a FROM w /*+ OPTIONS('scan.startup.mode' = 'group-offsets') */"
check "no group: refused, with the remedy" "[ $? = 2 ] && grep -q 'where is it to begin?' err && grep -q properties.group.id err"
run "SELECT a FROM w /*+ OPTIONS($group) */"
check "a group without offsets: refused, with the remedy" "[ $? = 1 ] && grep -q 'has committed no offset' err && grep -q auto.offset.reset err"
run "SELECT a FROM w /*+ OPTIONS($group, 'properties.auto.offset.reset' = 'earliest') */"
check "a group begins where auto.offset.reset says" "[ \$(wc -l <got) = 2 ]"
timeout 20 "$weir" group show "g-$id" -b "$at" >group 2>&1
check "and is told how far it was read" "grep -q 'one-$id/0: committed 2, end 2, 0 behind' group"
run "INSERT INTO w VALUES (3, CAST(NULL AS MAP<STRING, BYTES>), TO_TIMESTAMP_LTZ(1700000002000, 3))"
run "SELECT a FROM w /*+ OPTIONS($group) */"
check "the next run goes on from there" "same '{\"a\":3}'"

# ---- keys, values, upserts ----
parts="CREATE TABLE kv (k_id INT, v STRING) WITH ('connector' = 'kafka', 'topic' = 'kv-$id', $here, 'key.format' = 'csv', 'value.format' = 'json', 'key.fields' = 'k_id',
  'key.fields-prefix' = 'k_', 'value.fields-include' = 'EXCEPT_KEY', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');"
run "$parts INSERT INTO kv VALUES (7, 'x')"
kc -b "$at" -q -C -t "kv-$id" -e -f '%k|%s\n' >sunk
check "a key of its own format, not in the value" "[ \"\$(cat sunk)\" = '7|{\"v\":\"x\"}' ]"
run "$parts SELECT * FROM kv"
check "and back" "same '{\"k_id\":7,\"v\":\"x\"}'"
upsert="CREATE TABLE u (k INT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'u-$id', $here,
  'key.format' = 'json', 'value.format' = 'json', 'scan.bounded.mode' = 'latest-offset');"
"$weir" topic create "u-$id" --partitions 2 --config cleanup.policy=compact -b "$at" >/dev/null 2>&1
run "$upsert INSERT INTO u SELECT k, COUNT(*) FROM (VALUES (1), (2), (1), (1)) AS t(k) GROUP BY k"
kc -b "$at" -q -C -t "u-$id" -e -f '%k|%s\n' >sunk
check "an upsert's key is the primary key" "grep -qx '{\"k\":1}|{\"k\":1,\"n\":3}' sunk && grep -qx '{\"k\":2}|{\"k\":2,\"n\":1}' sunk"
printf '{"k":2}|\n' | kc -b "$at" -q -P -t "u-$id" -K '|' -Z -X partitioner=murmur2
run "$upsert SELECT k, n FROM u" --final
check "the newest record of a key is its row, a tombstone takes it away" "same '{\"k\":1,\"n\":3}'"

# ---- refusals ----
run "SELECT a FROM w /*+ OPTIONS('topic' = 'onee-$id') */"
check "no such topic: named, with the nearest" "[ $? = 1 ] && grep -q \"there is no topic 'onee-$id'\" err && grep -q \"one-$id\" err"
run "INSERT INTO w /*+ OPTIONS('sink.delivery-guarantee' = 'exactly-once') */ SELECT * FROM w"
check "exactly-once: refused by name" "[ $? = 2 ] && grep -q 'exactly-once.*not there yet' err && grep -q at-least-once err"
for bad in "'properties.partitioner.class' = 'x'=sink.partitioner" "'properties.ssl.truststore.location' = 'a.jks'=ssl.ca.location" \
    "'properties.no.such' = 'x'=no.such" "'properties.linger.ms' = 'x'=linger.ms" "'properties.sasl.jaas.config' = 'x.Krb5LoginModule required;'=PlainLoginModule"; do
    run "SELECT a FROM w /*+ OPTIONS(${bad%=*}) */"
    check "refused: ${bad%=*}" "[ $? = 2 ] && grep -q '${bad##*=}' err"
done
timeout 20 "$weir" check -c "$tables SELECT * FROM w;" >got 2>err
check "weir check connects to nobody" "[ $? = 0 ]"
timeout 20 "$weir" explain -c "$tables INSERT INTO s SELECT k, v FROM i" >got 2>err
check "explain says that rows may repeat" "grep -q '^sink:1 table=s connector=kafka .*to-cluster=at-least-once' got"
timeout 20 "$weir" run -q -c "$tables SELECT a FROM w" -b 127.0.0.1:1 >got 2>err
check "nobody there: exit 3 within seconds, with the place" "[ $? = 3 ] && grep -q '127.0.0.1:1' err"
timeout 20 "$weir" run -q -c "CREATE TABLE n (a INT) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
  SELECT * FROM n" >got 2>err
check "a table that nobody gives a cluster: exit 2, with the remedy" "[ $? = 2 ] && grep -q bootstrap.servers err && grep -q -- --brokers err"
[ -n "$own" ] || exit 0

# ---- one file, here and there ----
cat >job.sql <<Q
CREATE TABLE a (k STRING, v INT) WITH ('connector' = 'kafka', 'topic' = 'in-$id', 'properties.bootstrap.servers' = 'broker.invalid:9092', $ends);
CREATE TABLE b (v INT) WITH ('connector' = 'kafka', 'topic' = 'b-$id', 'properties.bootstrap.servers' = 'broker.invalid:9092', 'format' = 'json');
INSERT INTO b SELECT v FROM a WHERE v <= 3;
Q
timeout 60 "$weir" run job.sql -q -b "$at" >got 2>err
check "-b is the cluster of all tables" "[ $? = 0 ] && [ \"\$(kc -b $at -q -C -t b-$id -e | sort | tr '\n' ' ')\" = '{\"v\":1} {\"v\":2} {\"v\":3} ' ]"
sed "s/'connector' = 'kafka'/'connector' = 'topic'/; s/'properties.bootstrap.servers' = [^,]*,//" job.sql >topic.sql
timeout 60 "$weir" run topic.sql -q -b "$at" >got 2>err
check "of 'topic', too" "[ $? = 0 ] && [ \$(kc -b $at -q -C -t b-$id -e | wc -l) = 6 ]"
stop TERM
timeout 60 "$weir" run job.sql -q --data log >got 2>err
check "--data: the same file over the log of this process" "[ $? = 0 ]"
start
check "which has written the topic" "[ \$(kc -b $at -q -C -t b-$id -e | wc -l) = 9 ]"
make_tables

# ---- partitions that come ----
"$weir" topic create "grows-$id" --partitions 1 -b "$at" >/dev/null 2>&1
grow="CREATE TABLE c (v INT) WITH ('connector' = 'kafka', 'topic' = 'grows-$id', $here, 'format' = 'json', 'scan.startup.mode' = 'latest-offset',
  'scan.topic-partition-discovery.interval' = '1 s'); SELECT v FROM c;"
timeout 60 "$weir" run -q -c "$grow" >got 2>err &
job=$!
sleep 1
"$weir" topic alter "grows-$id" --partitions 2 -b "$at" >/dev/null 2>&1
echo '{"v":1}' | kc -b "$at" -q -P -t "grows-$id" -p 1
await 20 "grep -q '\"v\":1' got"
check "a partition that comes later is read from its beginning" "[ $? = 0 ]"
kill "$job" # timeout hands it on
wait "$job"
job=

# ---- topics that go away, records that are gone ----
timeout 20 "$weir" topic trim "in-$id" -O 10 -p 0 -b "$at" >/dev/null 2>err
run "SELECT v FROM i /*+ OPTIONS('topic' = 'in-$id', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:3;partition:1,offset:0;partition:2,offset:0;partition:3,offset:0') */"
check "records that retention has taken: named, not passed over" "[ $? = 1 ] && grep -q 'partition 0 has no offset 3' err"
"$weir" topic create "gone-$id" -b "$at" >/dev/null 2>&1
timeout 60 "$weir" run -q -c "$tables SELECT v FROM i /*+ OPTIONS('topic' = 'gone-$id', 'scan.bounded.mode' = 'unbounded') */" >got 2>err &
job=$!
sleep 1
"$weir" topic rm "gone-$id" -b "$at" >/dev/null 2>&1
await 30 "! kill -0 $job 2>/dev/null"
wait "$job"
check "a topic that is deleted under a job: named" "[ $? = 1 ] && grep -q 'gone-$id' err"
job=

# ---- a cluster that goes away and comes back ----
follow="INSERT INTO s SELECT k, v FROM i /*+ OPTIONS('scan.bounded.mode' = 'unbounded', 'scan.startup.mode' = 'latest-offset') */"
"$weir" run -c "$tables $follow" --state-dir state >got 2>err &
job=$!
sleep 1
before=$(kc -b "$at" -q -C -t "sunk-$id" -e | wc -l)
echo '{"k":"n","v":1000}' | kc -b "$at" -q -P -t "in-$id" -p 1
await 20 "[ \$(kc -b $at -q -C -t sunk-$id -e | wc -l) = $((before + 1)) ]"
check "a followed topic is followed" "[ $? = 0 ]"
stop 9
await 20 "grep -q 'no broker at $at has answered' err"
check "nobody answers: it says so" "[ $? = 0 ]"
start "$at"
echo '{"k":"n","v":1001}' | kc -b "$at" -q -P -t "in-$id" -p 1
await 30 "[ \$(kc -b $at -q -C -t sunk-$id -e | wc -l) -gt $((before + 1)) ] && grep -q 'answers again' err"
check "and goes on when somebody does" "[ $? = 0 ]"
stop TERM
sleep 1
kill -TERM "$job"
await 15 "! kill -0 $job 2>/dev/null"
wait "$job"
check "SIGTERM ends it while the cluster is away" "[ $? = 143 ]"
job=
start "$at"
echo '{"k":"n","v":1002}' | kc -b "$at" -q -P -t "in-$id" -p 1
"$weir" run -c "$tables $follow" --state-dir state -q >got 2>err &
job=$!
await 20 "kc -b $at -q -C -t sunk-$id -e | grep -q '\"v\":1002'"
check "the next run goes on from its state" "[ $? = 0 ]"
kill -TERM "$job"
wait "$job"
check "and ends with a last commit" "[ $? = 143 ]"
job=
stop TERM
