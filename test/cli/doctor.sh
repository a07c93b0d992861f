#!/bin/sh
# weir doctor: what is damaged is named by file, byte, topic and offsets; nothing is touched.
. "$(dirname "$0")/tap"

fill="CREATE TABLE f (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'json');
  CREATE TABLE a (id INT, k STRING) WITH ('connector' = 'topic', 'topic' = 'orders', 'format' = 'json');
  INSERT INTO a SELECT id, k FROM f"
i=0
while [ $i -lt 200 ]; do
    i=$((i + 1))
    echo "{\"id\":$i,\"k\":\"key $i\"}"
done >in.json
# flip FILE BYTE: that byte, its bits turned round
flip() { python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2])); b = f.read(1); f.seek(int(sys.argv[2])); f.write(bytes([b[0] ^ 255]))' "$1" "$2"; }
sum_of() { find "$1" -type f | sort | xargs cksum; }
segment_of() { # the largest one: the topic's
    find "$1/log" -name '*.log' -size +1k | xargs ls -S | head -1
}

t "a topic is filled" 0 run --data log -q -c "$fill"
sum_of log >before
t "a sound log" 0 doctor log
outs 'topics, .* partitions, .* segments, .*: no damage$'
that "one line only" '[ "$(wc -l <out)" = 1 ]'
quiet
sum_of log >after
that "nothing was touched" 'cmp -s before after'
t "in JSON" 0 doctor log -o json
outs '^{"directory":"log","kind":"log","topics":.*,"damages":0,"notes":0}$'

segment=$(segment_of log)
cp -r log bad
flip "bad/${segment#log/}" 500
sum_of bad >before
t "a byte of a record is another" 4 doctor bad
outs "^damage: bad/${segment#log/}, byte 64: topic orders, partition 0, offsets 0 to 199: a batch does not fit its checksum"
outs "restore it from a copy"
outs ': 1 finding of damage$'
sum_of bad >after
that "nothing was touched" 'cmp -s before after'
t "as JSON" 4 doctor bad -o json
that "it is JSON, a line each" 'python3 -c "
import json
lines = [json.loads(line) for line in open(\"out\")]
f = lines[0]
assert f[\"finding\"] == \"damage\" and f[\"topic\"] == \"orders\" and f[\"partition\"] == 0 and f[\"byte\"] == 64, f
assert f[\"first_offset\"] == 0 and f[\"last_offset\"] == 199 and f[\"file\"].endswith(\".log\"), f
assert lines[-1][\"damages\"] == 1 and len(lines) == 2, lines"'


# ---- who reads it is told, too ----
read="CREATE TABLE a (id INT) WITH ('connector' = 'topic', 'topic' = 'orders', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset'); SELECT id FROM a"
t "a job that reads it" 4 run --data bad -c "$read"
err "^error: topic 'orders', partition 0, at offset 0: the record batch at offset 0 has checksum"
err "weir doctor DIR"
serve() { # DIR
    : >served
    "$weir" server --data "$1" --listen 127.0.0.1:0 -q >>served 2>&1 &
    server=$!
    i=0
    while ! grep -q '^listening' served && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
    address=$(sed -n 's/^listening on //p' served)
}
serve bad
t "weir consume" 4 consume orders -b "$address"
out ''
err "^error: orders: partition 0 is damaged at offset 0: .* failed CRC32C check"
# librdkafka did not end when the answer to what it asked behind the damage came meanwhile
ends=yes
for round in $(seq 30); do
    timeout -s KILL 60 "$weir" consume orders -b "$address" >/dev/null 2>&1
    [ $? = 4 ] || { ends="not the time $round"; break; }
done
that "it ends, thirty times" '[ "$ends" = yes ]'
t "a job by way of a server" 4 run -b "$address" -c "$read"
err "partition 0 is damaged at offset 0"
kill "$server"
wait "$server"
cp -r log head
flip "head/${segment#log/}" 80
serve head
t "a batch whose head is another" 4 consume orders -b "$address"
out ''
err "^error: orders: partition 0 is damaged at offset 0: "
that "the server says so, too" "grep -q \"^reader 'weir' of orders-0 cannot have offset 0: the segment 'head/.* is damaged at byte\" served"
kill "$server"
wait "$server"

cp -r log cut
truncate -s -1 "cut/${segment#log/}"
t "a segment is cut" 4 doctor cut
outs "topic orders, partition 0, offsets 0 to 199: the file is missing or shorter than it was"
rm "cut/${segment#log/}"
t "a segment is gone" 4 doctor cut
outs "topic orders, partition 0"

cp -r log jnl
flip "$(ls jnl/journal/*.jnl | tail -1)" 100
t "the journal is damaged" 4 doctor jnl
outs "^damage: jnl/journal/.*.jnl"
outs ': 1 finding of damage$'
rm -r jnl/journal
t "the journal is gone" 4 doctor jnl
outs "has segments but no journal"

cp -r log odd
echo x >"odd/$(dirname "${segment#log/}")/00000000000000000009-999.log"
mkdir odd/log/stranger
t "files that nobody has" 0 doctor odd
outs "^note: odd/log/.*999.log: topic orders, partition 0: nothing names it"
outs "^note: odd/log/stranger: no partition has it"
outs "no damage"

# ---- beside a server, and after a kill ----
python3 - "$weir" <<'P' >server 2>&1 &
import os, signal, subprocess, sys, time
p = subprocess.Popen([sys.argv[1], "server", "--data", "log", "--listen", "127.0.0.1:0", "-q"], stdout=subprocess.PIPE)
print(p.stdout.readline().decode().split()[-1], p.pid, flush=True)
p.wait()
P
i=0
while [ ! -s server ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
read -r address pid <server
printf 'a:1\nb:2\n' >lines
"$weir" produce orders -b "$address" -q <lines
t "beside a server" 0 doctor log
outs "^note: a process has it open"
outs "no damage"
kill -9 "$pid"
wait
t "after a kill" 0 doctor log
outs "^note: it was not closed: the next start recovers from"
outs "no damage"
t "the next life" 0 run --data log -q --final -c "CREATE TABLE a (id INT) WITH ('connector' = 'topic', 'topic' = 'orders', 'format' = 'csv', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'); SELECT 1"
t "is sound again" 0 doctor log
that "one line only" '[ "$(wc -l <out)" = 1 ]'

# ---- states of jobs ----
job="CREATE TABLE f (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'json');
  CREATE TABLE o (k STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'debezium-json');
  INSERT INTO o SELECT k, COUNT(*) FROM f GROUP BY k"
t "a job with state" 0 run --state-dir state -q -c "$job"
sum_of state >before
t "is sound" 0 doctor state
out '1 job: no damage'
t "by its own folder, too" 0 doctor state/1-o
out '1 job: no damage'
sum_of state >after
that "nothing was touched" 'cmp -s before after'
cp -r state torn
printf 'xyz' >>"$(ls torn/1-o/journal-* | tail -1)"
t "a torn tail is no damage" 0 doctor torn
outs "^note: torn/1-o: 3 bytes at the end"
flip state/1-o/FINGERPRINT 40
t "a damaged fingerprint" 4 doctor state
outs "^damage: state/1-o/FINGERPRINT, byte 0: .*checksum"
t "as JSON" 4 doctor state -o json
outs '^{"directory":"state","kind":"state","jobs":1,"damages":1,"notes":0}$'

# ---- what is none of ours ----
mkdir empty
t "something else" 4 doctor empty
err "neither a log nor a state directory"
err "\-\-data or --state-dir"
t "nothing" 1 doctor nowhere
err "nowhere"
t "no directory named" 2 doctor
mkdir -p hollow/journal
t "no log yet" 1 doctor hollow
err "there is no log"
done_testing
