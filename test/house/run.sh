#!/bin/sh
# The whole house from many seeds, spread over the cores; a few once more with sanitizers, and twice; then the planted bugs.
#     run.sh FAST SANITIZED
fast=$1 checked=$2
jobs=$(nproc 2>/dev/null || echo 2)
seeds=${HOUSE_SEEDS:-2000}
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
# side NAME COMMAND…: in the background
side() {
    name=$1
    shift
    "$@" >"$log/$name" 2>&1 || grep -q '^not ok' "$log/$name" || echo "not ok house: $* ends with $?" >>"$log/$name" &
}
i=0
while [ "$i" -lt "$jobs" ]; do
    side "seeds$i" "$fast/house" seeds $((seeds * i / jobs)) $((seeds * (i + 1) / jobs))
    i=$((i + 1))
done
wait
side sanitized "$checked/house" seeds 0 $((seeds / 50))
side same "$checked/house" same 7
wait
i=0
while [ "$i" -lt "$jobs" ]; do
    side "bugs$i" "$fast/house" bugs "$i" "$jobs"
    i=$((i + 1))
done
wait
cat "$log"/*
