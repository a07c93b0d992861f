#!/bin/sh
# The `oracle` records of our test files against sqlite3: weir test writes a script for each, sqlite3 answers, weir test compares.
# usage: oracle.sh WEIR [PATH...]    a line "ok …" or "not ok …" for each record; fewer than ORACLES_MIN are a failure
weir=$1
shift
[ $# -gt 0 ] || set -- test/sql
command -v sqlite3 >/dev/null || {
    echo "skip sqlite3 is not installed"
    exit 0
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
before=$("$weir" test --oracle "$dir" "$@" | tail -1 | sed 's/ passed.*//')
n=0
for script in "$dir"/*.sql; do
    [ -e "$script" ] || break
    sqlite3 -batch -bail :memory: <"$script" >"${script%.sql}.out" 2>&1
    n=$((n + 1))
done
[ "$n" -ge "${ORACLES_MIN:-60}" ] || echo "not ok only $n oracle records"
"$weir" test --oracle "$dir" "$@" >"$dir/answer"
after=$(tail -1 "$dir/answer" | sed 's/ passed.*//')
agree=$((${after:-0} - ${before:-0}))
i=0
while [ "$i" -lt "$agree" ]; do i=$((i + 1)) && echo "ok oracle $i"; done
grep -A25 ': oracle ' "$dir/answer"
while [ "$i" -lt "$n" ]; do i=$((i + 1)) && echo "not ok oracle $i"; done
[ "$agree" = "$n" ]
