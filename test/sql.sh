#!/bin/sh
# Our own test files, as they are and in every harsher way; none may change the outcome.
weir=$1
for mode in "" "--batch 1" "--batch 7" "--parallelism 3" "--restart-every 1" "--crash-every 1" "--shuffle 1" \
    "--batch 1 --parallelism 3 --crash-every 1"; do
    # shellcheck disable=SC2086
    out=$("$weir" test $mode test/sql 2>&1)
    rc=$?
    last=$(printf '%s\n' "$out" | tail -1)
    passed=$(printf '%s' "$last" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
    failed=$(printf '%s' "$last" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
    if [ "$rc" = 0 ] && [ "${failed:-1}" = 0 ]; then
        i=0
        while [ "$i" -lt "${passed:-0}" ]; do i=$((i + 1)); echo "ok $mode $i"; done
    else
        printf '%s\n' "$out" | tail -40
        i=0
        while [ "$i" -lt "${passed:-0}" ]; do i=$((i + 1)); echo "ok $mode $i"; done
        i=0
        while [ "$i" -lt "${failed:-1}" ]; do i=$((i + 1)); echo "not ok $mode record"; done
    fi
done
for file in test/sql/tester/must_fail/*.test; do
    [ -f "$file" ] || continue
    if "$weir" test "$file" >/dev/null 2>&1; then echo "not ok $file must fail"; else echo "ok $file fails"; fi
done
