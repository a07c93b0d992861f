#!/bin/sh
# Crashes at a seeded fifth of all calls in every scenario, in two processes; then the planted bugs.
build=$1
log=$(mktemp)
"$build/crash" run all "${CRASH_EVERY:-5}" 1 2 >"$log" 2>&1 &
"$build/crash" run all "${CRASH_EVERY:-5}" 0 2
wait $!
cat "$log"
rm -f "$log"
"$build/crash" bugs
