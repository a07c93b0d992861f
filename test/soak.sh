#!/bin/sh
# Long runs in slices of at most ten minutes: ./check soak NAME [SLICES]. Each slice appends a line to docs/ledger.tsv:
# date, state of the rooms exercised, name, those rooms, seeds (a fuzzer: its CPU-seconds), result. A line counts until one
# of its rooms changes; the next slice goes on where the last one of the same state ended. The program runs from a copy, so
# that a build beside it does not change it. SOAK_FROM: the first seed, for two beside each other.
# `./check soak ledger` tells which lines still count.
set -u
name=${1:-}
slices=${2:-1}
ledger=docs/ledger.tsv
[ -f "$ledger" ] || printf 'date\tstate\tname\trooms\tseeds\tresult\n' >"$ledger"

paths() { for room in $1; do echo "src/$room"; done; }
state_of() { # what is in them, but for pages, whatever led to it
    git ls-tree -r HEAD -- $(paths "$1") | grep -v '\.md$' | git hash-object --stdin | cut -c1-10
}

house="core sql run app/session app/engine"
case $name in
crash-seeds | crash-all) rooms=$house preset=soak program=crash ;;
torture) rooms=$house preset=asan program=torture ;;
house) rooms="core net log sql run app/session app/engine" preset=soak program=house ;;
kill | memory | property | duckdb | queries) rooms="core sql run app" preset=release program=weir ;;
kill-server) rooms="core net log run/state run/job run/connect app/engine" preset=soak program=killserver ;;
fuzz-base_*) rooms="core/base" ;;
fuzz-data_*) rooms="core/base core/data" ;;
fuzz-text_*) rooms="core/base core/text" ;;
fuzz-pack_*) rooms="core/base core/pack" ;;
fuzz-wire_*) rooms="core/base net/wire" ;;
fuzz-journal_*) rooms="core/base core/os core/journal" ;;
fuzz-link_*) rooms="core/base core/os net/wire net/link" ;;
fuzz-record_*) rooms="core/base core/pack log/record" ;;
fuzz-store_*) rooms="core/base core/os core/journal log/record log/store" ;;
fuzz-coord_*) rooms="core/base net/wire log/record log/coord" ;;
fuzz-client_*) rooms="core/base core/os net/wire net/link log/client" ;;
fuzz-broker_*) rooms="core/base core/os net log/record log/store log/coord log/topic log/broker" ;;
fuzz-expr_*) rooms="core/base core/data core/text sql/expr" ;;
fuzz-syntax_*) rooms="core/base sql/syntax" ;;
fuzz-format_*) rooms="core/base core/data core/text run/format" ;;
fuzz-job_*) rooms="core/base core/os core/data core/journal run/state run/job" ;;
ledger)
    sed 1d "$ledger" | while IFS='	' read -r date state what rooms seeds result; do
        printf '%-8s %s %s %s %s\n' "$([ "$(state_of "$rooms")" = "$state" ] && echo counts || echo old)" "$date" "$what" "$seeds" "$result"
    done
    exit
    ;;
*)
    echo "check soak: crash-seeds, crash-all, house, kill, kill-server, memory, torture, property, duckdb, queries, fuzz-TARGET, ledger" >&2
    exit 2
    ;;
esac
case $name in fuzz-*) preset=fuzz program=fuzz_${name#fuzz-} ;; esac

if ! git diff --quiet HEAD -- $(paths "$rooms"); then
    echo "check soak: commit first; a line of the ledger is about what is committed" >&2
    exit 2
fi
made() { # PRESET PROGRAM: also beside the others that run
    cmake --preset "$1" >/dev/null && ninja -C "build/$1" "$2" >/dev/null && cp "build/$1/$2" "$ran/"
}
ran=$(mktemp -d)
trap 'rm -rf "$ran"' EXIT
made "$preset" "$program" || exit 1
if [ "$name" = kill-server ]; then made release weir || exit 1; fi
state=$(state_of "$rooms")
next=${SOAK_FROM:-$(awk -F'\t' -v c="$state" -v n="$name" '$2 == c && $3 == n { split($5, s, "-"); if (s[2] > m) m = s[2] } END { print m + 0 }' "$ledger")}

# Ten minutes by the clock. What counts is the CPU time that the target had: of a busy machine it gets less. Input that
# takes long is ./check's to find; here the process may be stopped for a while.
fuzz_slice() {
    corpus=build/corpus/${name#fuzz-}
    mkdir -p "$corpus"
    [ -d "test/fuzz/seeds/${name#fuzz-}" ] && cp -n test/fuzz/seeds/"${name#fuzz-}"/* "$corpus" 2>/dev/null
    "$ran/$program" -max_total_time="${SOAK_SECONDS:-600}" -max_len=4096 -timeout=1200 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/corpus/finding-$name-" "$corpus" >"$ran/log" 2>&1
    rc=$?
    [ $rc = 0 ] || grep -v '^    #[0-9]* .*fuzzer::' "$ran/log" | tail -30
    times >"$ran/times" # not in a pipe: the numbers are this shell's
    cpu=$(awk 'NR == 2 { split($1, u, /[ms]/); split($2, s, /[ms]/); print int((u[1] + s[1]) * 60 + u[2] + s[2]) }' "$ran/times")
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$ran/log")
    return $rc
}

failed=0
while [ "$slices" -gt 0 ]; do
    slices=$((slices - 1))
    from=$next
    runs=
    case $name in
    crash-seeds) next=$((from + 20000)); out=$(timeout 600 "$ran/crash" seeds "$from" "$next") ;;
    crash-all)
        next=$((from + 1))
        scenario=$("$ran/crash" list | sed -n "${next}p")
        [ -n "$scenario" ] || { echo "all scenarios are done"; break; }
        out=$(timeout 600 "$ran/crash" run "$scenario" 1)
        ;;
    kill) next=$((from + 500)); out=$(KILLS=500 KILL_SEED=$from timeout 600 sh test/kill/run.sh "$ran/weir") ;;
    kill-server) next=$((from + 700)); out=$(SERVER_KILLS=700 KILL_SEED=$from timeout 600 sh test/killserver/run.sh "$ran/killserver" "$ran/weir") ;;
    memory) next=$((from + 1)); out=$(MEMORY_MB=10240 timeout 600 sh test/memory/run.sh "$ran/weir") ;;
    property) next=$((from + 1)); out=$(timeout 600 python3 test/property/property.py "$ran/weir" 10000 "$next") ;;
    duckdb) next=$((from + 1)); out=$(timeout 600 python3 test/property/duck.py "$ran/weir" 10000 "$next") ;;
    queries) next=$((from + 500)); out=$(timeout 600 python3 test/queries.py "$ran/weir" "$((from + 1))" "$next") ;;
    house) next=$((from + 4000)); out=$(timeout 600 "$ran/house" seeds "$from" "$next") ;;
    torture) next=$((from + 1)); out=$(timeout 600 "$ran/torture" 1) ;;
    fuzz-*) out=$(fuzz_slice; rc=$?; echo "runs $runs"; echo "cpu $cpu"; exit $rc) ;;
    esac
    rc=$?
    result=ok
    case $name in
    fuzz-*)
        next=$((from + $(printf '%s\n' "$out" | sed -n 's/^cpu //p')))
        result="ok, $(printf '%s\n' "$out" | sed -n 's/^runs //p') runs"
        ;;
    esac
    if [ $rc != 0 ] || printf '%s' "$out" | grep -q '^not ok\|^skip'; then result=FAILED failed=1; printf '%s\n' "$out" | tail -20; fi
    printf '%s\t%s\t%s\t%s\t%s-%s\t%s\n' "$(date -u +%F)" "$state" "$name" "$rooms" "$from" "$next" "$result" >>"$ledger"
    tail -1 "$ledger"
    [ "$failed" = 0 ] || break # a finding first wants to be understood
done
exit $failed
