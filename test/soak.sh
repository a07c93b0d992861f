#!/bin/sh
# Long runs in slices of at most ten minutes: ./check soak NAME [SLICES]. Each slice appends a line to docs/ledger.tsv:
# date, commit, name, rooms exercised, seeds, result. A line counts until one of its rooms changes; the next slice goes on
# where the last one of the same commit of those rooms ended.
set -u
name=${1:-}
slices=${2:-1}
ledger=docs/ledger.tsv
[ -f "$ledger" ] || printf 'date\tcommit\tname\trooms\tseeds\tresult\n' >"$ledger"

case $name in
crash-seeds | crash-all) rooms="core sql run app/session app/engine" build=asan targets="crash" ;;
kill) rooms="core sql run app" build=release targets="weir" ;;
memory) rooms="core sql run app" build=release targets="weir" ;;
torture) rooms="core sql run app/session app/engine" build=asan targets="torture" ;;
fuzz-*) rooms="core sql run" build=fuzz targets="fuzz_${name#fuzz-}" ;;
*)
    echo "check soak: crash-seeds, crash-all, kill, memory, torture, fuzz-TARGET" >&2
    exit 2
    ;;
esac
cmake --preset "$build" >/dev/null && ninja -C "build/$build" $targets >/dev/null || exit 1
commit=$(git log -1 --format=%h -- $(for r in $rooms; do echo "src/$r"; done))
next=$(awk -F'\t' -v c="$commit" -v n="$name" '$2 == c && $3 == n { split($5, s, "-"); if (s[2] > m) m = s[2] } END { print m + 0 }' "$ledger")

failed=0
while [ "$slices" -gt 0 ]; do
    slices=$((slices - 1))
    from=$next
    case $name in
    crash-seeds) next=$((from + 15000)) ; out=$(timeout 600 "build/$build/crash" seeds "$from" "$next") ;;
    crash-all) next=$((from + 1)); scenario=$("build/$build/crash" list | sed -n "$((from + 1))p")
        [ -n "$scenario" ] || { echo "all scenarios are done"; break; }
        out=$(timeout 600 "build/$build/crash" run "$scenario" 1) ;;
    kill) next=$((from + 500)) ; out=$(KILLS=500 KILL_SEED=$from timeout 600 sh test/kill/run.sh "build/$build/weir") ;;
    memory) next=$((from + 1)) ; out=$(MEMORY_MB=10240 timeout 600 sh test/memory/run.sh "build/$build/weir") ;;
    torture) next=$((from + 1)) ; out=$(timeout 600 "build/$build/torture" 1) ;;
    fuzz-*) next=$((from + 500)) ; corpus=build/corpus-${name#fuzz-}; mkdir -p "$corpus"
        out=$("build/$build/fuzz_${name#fuzz-}" -max_total_time=500 -max_len=4096 -artifact_prefix="$corpus/" "$corpus" 2>&1 | tail -3) ;;
    esac
    rc=$?
    result=ok
    if [ $rc != 0 ] || printf '%s' "$out" | grep -q '^not ok'; then result=FAILED failed=1; printf '%s\n' "$out" | tail -20; fi
    printf '%s\t%s\t%s\t%s\t%s-%s\t%s\n' "$(date -u +%F)" "$commit" "$name" "$rooms" "$from" "$next" "$result" >>"$ledger"
    tail -1 "$ledger"
done
exit $failed
