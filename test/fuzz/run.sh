#!/bin/sh
# Every fuzz target for SECONDS each, two at a time, from its seeds in test/fuzz/seeds/NAME where there are some.
build=$1
seconds=$2

fuzz_one() { # TARGET
    name=$(basename "$1" | sed 's/^fuzz_//')
    corpus=$(mktemp -d)
    [ -d "test/fuzz/seeds/$name" ] && cp test/fuzz/seeds/"$name"/* "$corpus" 2>/dev/null
    if "$1" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$corpus/" "$corpus" >"$corpus.log" 2>&1; then
        echo "ok fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$corpus.log") runs"
    else
        echo "not ok fuzz $name"
        tail -30 "$corpus.log"
    fi
    rm -rf "$corpus" "$corpus.log"
}

half() { # 0 or 1
    i=0
    for target in "$build"/fuzz_*; do
        [ -x "$target" ] || continue
        i=$((i + 1))
        [ $((i % 2)) = "$1" ] && fuzz_one "$target"
    done
}

log=$(mktemp)
half 1 >"$log" 2>&1 &
half 0
wait $!
cat "$log"
rm -f "$log"
