#!/bin/sh
# weir produce and weir consume against `weir server`: cli.sh WEIR. Prints ok and not ok lines.
. "$(dirname "$0")/../cli/tap"
server=
: >server.out
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
"$weir" server --data "$work/log" --listen 127.0.0.1:0 --set num.partitions=3 >server.out 2>server.err &
server=$!
for _ in $(seq 200); do
    grep -q '^listening on ' server.out && break
    sleep 0.05
done
at=$(sed -n 's/^listening on //p' server.out)
given=$work/given
: >"$given"
c() { # NAME CODE COMMAND ARGUMENT…: with -b, standard input from "$given"
    what=$1 code_wanted=$2 command=$3
    shift 3
    t "$what" "$code_wanted" "$command" -b "$at" "$@" <"$given"
    : >"$given"
}

seq 1000 >"$given"
c "produce: a record a line, all acknowledged" 0 produce numbers -p 1
err '^1,000 records acknowledged$'
c "consume: all of a topic, in order" 0 consume numbers
that "the same lines" 'seq 1000 | cmp -s - out'
c "consume: from an offset, a few" 0 consume numbers -p 1 -O 500 -n 3
out "$(seq 501 503)"
c "consume: the last ones" 0 consume numbers -O -3
out "$(seq 998 1000)"
c "consume: the end has nothing" 0 consume numbers -O end
out ""
c "consume: an offset outside of a partition: exit 2, with what there is" 2 consume numbers -p 1 -O 1001
err "has no offset 1001: it holds 0 to 1000"
c "consume: no offset at all: exit 2" 2 consume numbers -O soon
err "'soon' is no offset"
c "consume: no such partition" 1 consume numbers -p 3
err "has no partition 3: it has 3"
c "consume: no such topic, with the nearest name" 1 consume numbrs
err "there is no topic 'numbrs'"
err "did you mean 'numbers'"
c "consume: and none was made" 1 consume numbrs
c "consume: a time before all, a time after all" 0 consume numbers -O @2020-01-01:@2020-01-02
out ""
c "consume: since a time" 0 consume numbers -O '@2020-01-01 00:00:00Z' -n 2
out "$(seq 1 2)"

printf 'a:1\nb:2:3\n:4\n' >"$given"
c "produce: keys before a separator, headers" 0 produce keys -p 0 -K : --header h=x --header 'h=y=z' -q
quiet
c "consume: keys and headers in a form of its own" 0 consume keys -f '%t/%p/%o %K %k>%S %s [%h]%%\x41\n'
out "$(printf 'keys/0/0 1 a>1 1 [h=x,h=y=z]%%A\nkeys/0/1 1 b>3 2:3 [h=x,h=y=z]%%A\nkeys/0/2 0 >1 4 [h=x,h=y=z]%%A')"
c "consume: --headers and -K" 0 consume keys --headers -K = -n 1
out "$(printf 'h=x,h=y=z\ta=1')"
c "consume: a format that makes no sense: exit 2" 2 consume keys -f '%x'
c "consume: a format and what it would leave out: exit 2" 2 consume keys -f '%s' --headers
c "consume: on and on, up to a time: exit 2" 2 consume keys --follow -O @2026-01-01:@2099-01-01
err "here an offset has no end"
c "consume: JSON" 0 consume keys -o json -n 1
outs '^{"topic":"keys","partition":0,"offset":0,"timestamp":[0-9]*,"key":"a","value":"1","headers":\[{"name":"h","value":"x"},{"name":"h","value":"y=z"}\]}$'
c "consume: values as JSON" 0 consume keys -o json -d json -n 1
outs '"key":"a","value":1,'
printf 'a:\nb:\n' >"$given"
c "produce: an empty value" 0 produce gone -K :
printf 'a:\nb:\n' >"$given"
c "produce: tombstones" 0 produce gone -K : -Z
c "consume: an empty value is none, a tombstone is null" 0 consume gone -o json
outs '"key":"a","value":""'
outs '"key":"b","value":null'
printf 'no separator\n' >"$given"
c "produce: a line without the separator: exit 1" 1 produce keys -K :
err "line 1 lacks the separator"

printf 'x\000\377\ny' >"$given"
c "produce: any bytes as one record" 0 produce bytes --whole
c "consume: the same bytes" 0 consume bytes -f '%s'
that "byte for byte" 'printf "x\000\377\ny" | cmp -s - out'
c "consume: hex" 0 consume bytes -d hex
out 7800ff0a79
c "consume: bytes in JSON come in hex, no key is null" 0 consume bytes -o json
outs '"key":null,"value_hex":"7800ff0a79"'
head -c 2000000 /dev/zero | tr '\0' x >"$given"
c "produce: a record beyond what the topic takes is refused" 1 produce big --whole --set message.max.bytes=3000000
err "too large"
err '^0 records acknowledged$'
c "produce: a setting that is none: exit 2" 2 produce numbers --set message.max.bites=1
err 'message.max.bites'
c "produce: nothing to send is fine" 0 produce numbers
err '^0 records acknowledged$'

flush
name="consume: --follow waits for more, a signal ends it" problems=
"$weir" consume -b "$at" followed --follow >out 2>err &
consumer=$!
wait "$consumer"
that "the topic has to be there" 'grep -q "no topic" err'
echo one | "$weir" produce -q -b "$at" followed -p 0
"$weir" consume -b "$at" followed --follow >out 2>err &
consumer=$!
sleep 0.5
echo two | "$weir" produce -q -b "$at" followed -p 2
for _ in $(seq 100); do
    [ "$(wc -l <out)" -ge 2 ] && break
    sleep 0.05
done
kill -TERM "$consumer"
wait "$consumer"
that "exit 143" "[ $? = 143 ]"
out "$(printf 'one\ntwo')"

c "topic create: partitions, settings" 0 topic create made --partitions 2 --config retention.ms=1000000 --config max.message.bytes=5000
c "topic create: it is there already" 1 topic create made
c "topic create: a setting that is none: exit 2" 2 topic create other --config retention.msx=1
c "topic create: a name that is none: exit 2" 2 topic create 'a/b'
c "topic ls" 0 topic ls
outs '^made  *2 partitions$'
outs '^numbers  *3 partitions$'
seq 10 >"$given"
c "produce into it" 0 produce made -p 1 -q
c "topic show" 0 topic show made
outs '^partition 0: offsets 0 to 0, leader'
outs '^partition 1: offsets 0 to 10, leader'
outs '^retention.ms=1000000$'
c "topic alter: one setting changes, one is reset, others stay; more partitions" 0 topic alter made --partitions 3 --config retention.ms= --config segment.bytes=1048576
c "topic show: after it" 0 topic show made -o json
outs '"config":{"max.message.bytes":"5000","segment.bytes":"1048576"}'
outs '{"partition":2,"first":0,"end":0,'
c "topic alter: fewer partitions: exit 2, and the settings stay" 2 topic alter made --partitions 1 --config retention.ms=77
err "'made' has 3 partitions already, and can only get more"
c "topic alter: as many" 2 topic alter made --partitions 3
c "topic show: nothing was touched" 0 topic show made -o json
outs '"config":{"max.message.bytes":"5000","segment.bytes":"1048576"}'
c "topic alter: a bad value: exit 2" 2 topic alter made --config segment.bytes=x
c "topic alter: nothing to change: exit 2" 2 topic alter made
c "topic trim" 0 topic trim made -O -4
c "consume: after it" 0 consume made
out "$(seq 7 10)"
flush
name="server: SIGUSR1 tells its counters" problems=
kill -USR1 "$server"
for _ in $(seq 100); do
    grep -q '^requests=' server.err && break
    sleep 0.05
done
that "a line a topic" 'grep -q "^topic=made partitions=3 records_in=10 .* fell_behind=0 " server.err'
that "and one of the door" 'grep -q "^requests=[1-9].* connections=" server.err'
cat >behind.sql <<'END'
CREATE TABLE made (v STRING) WITH ('connector' = 'kafka', 'topic' = 'made', 'format' = 'raw',
    'scan.startup.mode' = 'specific-offsets', 'scan.bounded.mode' = 'latest-offset',
    'scan.startup.specific-offsets' = 'partition:0,offset:0;partition:1,offset:2;partition:2,offset:0');
SELECT v FROM made;
END
c "run: a reader that has fallen behind retention is told" 1 run behind.sql
err "made: partition 1 has no offset 2"
err "retention has taken it away"
that "a line of the server, with the count" 'grep -q "fell behind retention: asks for 2, the first is 6; such reads of this topic: 1$" server.err'
kill -USR1 "$server"
for _ in $(seq 100); do
    [ "$(grep -c '^requests=' server.err)" = 2 ] && break
    sleep 0.05
done
that "its counter" 'grep -q "^topic=made .* fell_behind=1 " server.err'
that "nobody else notices" 'grep -q "^topic=numbers .* fell_behind=0 " server.err'
c "consume: what is left is read as before" 0 consume made
out "$(seq 7 10)"
c "topic trim: beyond the end: exit 2" 2 topic trim made -p 1 -O 11
c "topic trim: without an offset: exit 2" 2 topic trim made
c "topic trim: no end: exit 2" 2 topic trim made -O @2026-01-01:@2026-01-02
err "here an offset has no end"
c "topic rm: nothing less than a topic: exit 2" 2 topic rm made -p 0
err "^error: topic rm takes no --partition$"
err "^hint: weir topic rm TOPIC"
c "topic create: what only trim takes: exit 2" 2 topic create other -O 5
c "topic show: there still, and no other" 0 topic ls
outs '^made '
that "no other" '! grep -q "^other " out'
c "topic rm: a slip in one name deletes none" 1 topic rm made nade
err "did you mean 'made'"
c "topic rm" 0 topic rm made followed
c "topic show: gone" 1 topic show made
c "topic: an unknown action: exit 2" 2 topic lst
err "did you mean 'weir topic ls'"
c "topic show: which?" 2 topic show
c "group reset: makes it" 0 group reset readers numbers -O start
c "group ls" 0 group ls
outs '^readers  Empty$'
c "group show: how far behind" 0 group show readers
outs '^Empty, coordinator'
outs '^numbers/1: committed 0, end 1000, 1000 behind$'
c "group reset: one partition, by the end" 0 group reset readers numbers -O -10 -p 1
c "group show: as JSON" 0 group show readers -o json
outs '{"topic":"numbers","partition":1,"committed":990,"end":1000,"behind":10}'
c "group rm: nothing less than a group: exit 2" 2 group rm readers -p 1
err "group rm takes no --partition"
c "group reset: no end: exit 2" 2 group reset readers numbers -O @2026-01-01:@2026-01-02
c "group reset: outside of a partition: exit 2" 2 group reset readers numbers -O 1001 -p 1
c "group reset: no such topic" 1 group reset readers numbrs -O start
c "group reset: without a topic: exit 2" 2 group reset readers
if command -v kcat >/dev/null; then
    flush
    name="group: a member" problems=
    kcat -u -b "$at" -q -G readers numbers >member 2>/dev/null &
    member=$!
    for _ in $(seq 200); do
        [ "$(wc -l <member)" -ge 10 ] && break
        sleep 0.05
    done
    that "reads on from what was reset" '[ "$(cat member)" = "$(seq 991 1000)" ]'
    c "group show: with a member" 0 group show readers
    outs '^Stable, coordinator'
    outs '^member .*, client rdkafka at .*numbers/1'
    c "group reset: refused while it has members: exit 4" 4 group reset readers numbers -O start
    c "group rm: refused while it has members: exit 4" 4 group rm readers
    kill "$member"
    wait "$member" 2>/dev/null
fi
c "group rm: a slip in one name removes none" 1 group rm readers raeders
c "group show: it is there" 0 group show readers
c "group rm" 0 group rm readers
c "group show: gone" 1 group show readers
err "there is no group 'readers'"
err "weir group ls"
printf 'x\n' >"$given"
c "produce: no such partition" 1 produce numbers -p 7
err "weir topic show tells which partitions"
c "produce: an empty separator: exit 2" 2 produce numbers -K ""
err "key-separator is empty"
c "consume: an end before the beginning: exit 2" 2 consume numbers -O @2026-01-02:@2026-01-01
err "ends before it begins"
c "topic: what a setting may be" 2 topic create odd --config cleanup.policy=shrink
err "cleanup.policy = 'shrink': no such value; there are .*compact"
t "a port that there is none" 2 topic ls -b localhost:99999
err "'localhost:99999' is no broker"
t "no broker at all" 2 topic ls -b ,
err "no broker is named"
: >away.out
"$weir" server --data "$work/away" --listen 127.0.0.1:0 --advertise nohost.invalid:9092 -q >away.out 2>&1 &
away=$!
for _ in $(seq 200); do
    grep -q '^listening on ' away.out && break
    sleep 0.05
done
printf 'x\n' >"$given"
t "an address that nobody knows: exit 3" 3 group show nobody -b "$(sed -n 's/^listening on //p' away.out)" --timeout 2s
err "nohost.invalid:9092"
err "^hint: the cluster sends its clients to that address: .*--advertise"
kill "$away"
wait "$away"
t "nobody there: exit 3, soon, with a remedy" 3 consume -b 127.0.0.1:1 numbers
err "cannot reach a broker at 127.0.0.1:1"
err "weir server"
t "produce: the same" 3 produce -b 127.0.0.1:1 numbers
flush
name="produce: SIGTERM sends what has been read" problems=
mkfifo pipe
"$weir" produce -b "$at" stopped -p 0 <pipe >out 2>err &
producer=$!
exec 3>pipe
echo kept >&3
sleep 1
kill -TERM "$producer"
wait "$producer"
that "exit 143" "[ $? = 143 ]"
exec 3>&-
err '^1 record acknowledged$'
c "and it is there" 0 consume stopped
out kept
flush
name="server: says at its end who fell behind" problems=
seq 3 | "$weir" produce -q -b "$at" stopped -p 0
"$weir" topic trim stopped -O 2 -p 0 -b "$at"
sed 's/made/stopped/g; s/partition:1,offset:2/partition:1,offset:0/' behind.sql >again.sql
"$weir" run again.sql -b "$at" >out 2>err
kill -TERM "$server"
wait "$server"
that "exit 143" "[ $? = 143 ]"
that "the topic and how often" 'grep -q "^stopped: 1 read fell behind retention$" server.err'
that "no other" '! grep -q "^numbers: " server.err'
sed "s/'kafka'/'topic'/" again.sql >within.sql
t "run: so is a job in the log's own process" 1 run within.sql --data "$work/log"
err "the records from offset 0 on were taken away by retention; the first one that is left is 2"
done_testing
