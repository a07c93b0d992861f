#!/bin/sh
# Real Kafka clients against `weir server`: run.sh WEIR. What they ask of any broker is in protocol.sh; here is what is ours: the
# command, stops, kills, rude peers, jobs over the same log. $CLIENTS: only these parts of protocol.sh. Prints ok, not ok and
# skip lines.
set -u
weir=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
# What is freed goes back, so that a server's memory can be looked at.
export ASAN_OPTIONS="quarantine_size_mb=4:${ASAN_OPTIONS:-}"
python=/usr/bin/python3 # Debian's: that is where its packages go
trap 'stop_server; rm -rf "$work"' EXIT

start_server() { # DATA OPTION…
    data=$1
    shift
    : >"$work/out"
    "$weir" server --data "$data" --listen 127.0.0.1:0 "$@" >"$work/out" 2>"$work/err" &
    server=$!
    for _ in $(seq 200); do
        grep -q '^listening on ' "$work/out" && break
        sleep 0.05
    done
    at=$(sed -n 's/^listening on //p' "$work/out")
}
stop_server() { # sets rc
    rc=0
    [ -n "$server" ] || return 0
    kill -TERM "$server" 2>/dev/null
    wait "$server"
    rc=$?
    server=
}
check() { # NAME CONDITION
    if eval "$2"; then echo "ok $1"; else echo "not ok $1"; sed 's/^/# /' "$work/got" "$work/err" 2>/dev/null | tail -20; fi
}
kc() { timeout 20 kcat -b "$at" -q "$@" 2>"$work/kcat.err"; }

# ---- the command itself ----
"$weir" server >"$work/got" 2>&1
check "server: without a directory: exit 2" "[ $? = 2 ]"
"$weir" server --data "$work/none" --listen 0.0.0.0:0 >"$work/got" 2>&1
check "server: other machines are refused: exit 2" "[ $? = 2 ] && grep -q -- --allow-insecure '$work/got'"
check "server: and nothing was made" "[ ! -e '$work/none' ]"
"$weir" server --data "$work/none" --set num.partition=3 >"$work/got" 2>&1
check "server: an unknown setting: exit 2, with the nearest name" "[ $? = 2 ] && grep -q num.partitions '$work/got'"
"$weir" server --data "$work/none" --listen 9092 >"$work/got" 2>&1
check "server: a port alone is no address: exit 2" "[ $? = 2 ] && grep -q \"'9092' is no address with a port\" '$work/got' && grep -q 'such as 127.0.0.1:9092' '$work/got'"
"$weir" server --data "$work/none" --listen 127.0.0.1:0 --set log.retention.ms=soon >"$work/got" 2>&1
check "server: a setting's value: exit 2" "[ $? = 2 ] && grep -q \"settings of all topics: retention.ms = 'soon'\" '$work/got' && [ ! -e '$work/none' ]"
start_server "$work/log" --set num.partitions=4 --threads 2
check "server: says where it listens" "[ -n '$at' ]"
timeout 10 "$weir" server --data "$work/log" --listen 127.0.0.1:0 >"$work/got" 2>&1
check "server: a second one on the directory: exit 4" "[ $? = 4 ]"
timeout 10 "$weir" server --data "$work/other" --listen "$at" >"$work/got" 2>&1
check "server: a second one on the port: an error" "[ $? = 1 ]"

timeout 20 "$weir" topic create copies -b "$at" --replicas 3 >"$work/got" 2>&1 &&
    timeout 20 "$weir" topic show copies -b "$at" -o json >"$work/got" 2>&1
check "server: three copies are asked for, one is kept" "[ $? = 0 ] && grep -q '\"replicas\":\[1\]' '$work/got'"

# ---- what every broker has to do ----
# shellcheck disable=SC2086
sh "$here/protocol.sh" "$at" ${CLIENTS:-}

# ---- a stop keeps everything; so does a kill ----
stop_server
check "server: SIGTERM stops it cleanly: exit 143" "[ $rc = 143 ]"
start_server "$work/log"
kc -C -t numbers -p 0 -o -5 -e >"$work/got"
check "server: after a stop everything is there" "[ \"\$(cat '$work/got')\" = \"\$(seq 996 1000)\" ]"
seq 5000 6000 | kc -P -t numbers -p 0 -X acks=all
kill -9 "$server"
wait "$server" 2>/dev/null
start_server "$work/log"
kc -C -t numbers -p 0 -o -5 -e >"$work/got"
check "server: after a kill what was acknowledged is there" "[ \"\$(cat '$work/got')\" = \"\$(seq 5996 6000)\" ]"

# ---- rude peers harm themselves only ----
"$python" "$here/rude.py" "$at" 2>&1
"$python" "$here/faults.py" "$at" "$work/err" "$server" 2>&1
check "server: names what it refused" "grep -q 'connection closed' '$work/err'"
kc -C -t numbers -p 0 -o -1 -e >"$work/got"
check "server: goes on after rude peers" "[ \"\$(cat '$work/got')\" = 6000 ]"
stop_server
check "server: stops cleanly after all" "[ $rc = 143 ]"

# ---- more peers than files ----
program=$weir
weir=$work/few
printf '#!/bin/sh\nulimit -n 64\nexec %s "$@"\n' "$program" >"$weir"
chmod +x "$weir"
start_server "$work/log"
"$python" -c "
import socket, sys, time
host, port = sys.argv[1].rsplit(':', 1)
peers = [socket.create_connection((host, int(port)), 5) for _ in range(200)]
time.sleep(0.5)" "$at" >"$work/got" 2>&1
seq 7000 7010 | kc -P -t numbers -p 0 -X acks=all
kc -C -t numbers -p 0 -o -1 -e >"$work/got"
check "server: lives through more peers than it may have files" "[ \"\$(cat '$work/got')\" = 7010 ]"
check "server: and says so" "grep -q '32 connections are open, all that a thread may have' '$work/err'"
stop_server

# ---- a disk that takes no more: here a limit of 4 MiB a file ----
printf '#!/bin/sh\nulimit -f 8192\nexec %s "$@"\n' "$program" >"$weir"
start_server "$work/full"
head -c 8000000 /dev/zero | tr '\0' x | fold -w 10000 | kc -P -t large -p 0 -X message.timeout.ms=2000 >"$work/got" 2>&1
check "server: says what it could not write" "grep -q '^records are refused: cannot write ' '$work/err'"
echo more | kc -P -t other -p 0 -X acks=all
kc -C -t other -p 0 -o 0 -e >"$work/got"
check "server: goes on where there is room" "[ \"\$(cat '$work/got')\" = more ]"
stop_server
weir=$program
sh "$here/jobs.sh" "$weir"
sh "$here/kafka.sh" "$weir"
