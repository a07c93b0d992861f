#!/bin/sh
# The json decoder against simdjson on-demand: builds both with -O3 (simdjson for this very machine, since on-demand
# picks its kernels when it is compiled; ours for x86-64-v2, as it is shipped), generates the same bids, runs A B B A
# pairs and prints the median rate of each and the median ratio. Sums must agree.
# Usage: bench/json/run.sh [PAIRS [COUNT]]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build/bench-json}
pairs=${1:-5}
count=${2:-200000}

cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER="${CC:-gcc}" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS_RELEASE="-O3 -g1" -DWEIR_TESTS=OFF >/dev/null
ninja -C "$build" weir_format >/dev/null
lib() { echo "$build/libweir_$1.a"; }
"${CC:-gcc}" -std=gnu17 -O3 -march=x86-64-v2 -I"$root/src/core" -I"$root/src/sql" -I"$root/src/run" \
    -o "$build/bench_json" \
    "$here/bench_json.c" "$(lib format)" "$(lib catalog)" "$(lib text)" "$(lib data)" "$(lib os)" "$(lib base)" \
    $(pkg-config --libs libisal) -lpthread -lm
"${CXX:-g++}" -std=c++17 -O3 -march=native -o "$build/simdjson_json" "$here/simdjson_json.cpp" -lsimdjson

for kind in flat wrapped; do
    file=$build/$kind.$count.ndjson
    [ -s "$file" ] || "$build/bench_json" gen $kind "$count" "$file"
done

weir() { "$build/bench_json" run "$1" "$2" >>"$3.a"; }
simd() { "$build/simdjson_json" "$1" "$2" >>"$3.b"; }
for mode in needed full wrapped; do
    file=$build/flat.$count.ndjson
    [ $mode = wrapped ] && file=$build/wrapped.$count.ndjson
    out=$build/$mode
    rm -f "$out.a" "$out.b"
    i=0
    while [ $i -lt "$pairs" ]; do
        if [ $((i % 2)) = 0 ]; then
            weir $mode "$file" "$out"; simd $mode "$file" "$out"
        else
            simd $mode "$file" "$out"; weir $mode "$file" "$out"
        fi
        i=$((i + 1))
    done
    bytes=$(wc -c <"$file")
    paste "$out.a" "$out.b" | awk -v mode=$mode -v bytes="$bytes" -v count="$count" '
        { if ($2 != $6 || $3 != $7 || $4 != $8) { print mode ": sums differ: " $0; bad = 1 }
          a[NR] = $1 / 1e6; b[NR] = $5 / 1e6; r[NR] = $1 / $5 }
        function median(v, n,   i, j, t) {
            for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j-1]; j--) { t = v[j]; v[j] = v[j-1]; v[j-1] = t }
            return n % 2 ? v[(n+1)/2] : (v[n/2] + v[n/2+1]) / 2 }
        END { printf "%-8s %.0f B/record  weir %.2f M/cpu-s  simdjson %.2f M/cpu-s  ratio %.2f\n", mode, bytes / count,
                     median(a, NR), median(b, NR), median(r, NR); exit bad }'
done
