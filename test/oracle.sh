#!/bin/sh
# The `oracle` records of test files against sqlite3: weir test writes a script for each, sqlite3 answers, weir test compares.
# usage: oracle.sh WEIR PATH...
set -eu
weir=$1
shift
command -v sqlite3 >/dev/null || { echo "sqlite3 is not installed"; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$weir" test --oracle "$dir" "$@" >/dev/null || true
n=0
for script in "$dir"/*.sql; do
    [ -e "$script" ] || break
    sqlite3 -batch -bail :memory: <"$script" >"${script%.sql}.out" 2>&1 || true
    n=$((n + 1))
done
echo "$n oracle records asked of sqlite3"
[ "$n" -ge "${ORACLES_MIN:-0}" ] || { echo "that is fewer than $ORACLES_MIN"; exit 1; }
"$weir" test --oracle "$dir" "$@"
