#!/bin/sh
# Our own test files, as they are and in every harsher way, two ways at a time; none may change the outcome.
weir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

one_way() { # OPTIONS as one word
    # shellcheck disable=SC2086
    out=$("$weir" test $1 test/sql 2>&1)
    rc=$?
    last=$(printf '%s\n' "$out" | tail -1)
    passed=$(printf '%s' "$last" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
    failed=$(printf '%s' "$last" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
    [ "$rc" = 0 ] && [ "${failed:-1}" = 0 ] || { printf '%s\n' "$out" | tail -40; [ "${failed:-0}" != 0 ] || failed=1; }
    awk -v p="${passed:-0}" -v f="$failed" -v way="$1" 'BEGIN {
        for (i = 1; i <= p; i++) print "ok", way, i
        for (i = 1; i <= f; i++) print "not ok", way, "record"
    }'
}

n=0
for way in "" "--batch 1" "--batch 7" "--parallelism 3" "--restart-every 1" "--crash-every 1" "--shuffle 1" \
    "--batch 1 --parallelism 3 --crash-every 1"; do
    one_way "$way" >"$work/$n" &
    n=$((n + 1))
    [ $((n % 2)) = 1 ] || wait
done
wait
for i in $(seq 0 $((n - 1))); do cat "$work/$i"; done
for file in test/sql/tester/must_fail/*.test; do
    [ -f "$file" ] || continue
    if "$weir" test "$file" >/dev/null 2>&1; then echo "not ok $file must fail"; else echo "ok $file fails"; fi
done
