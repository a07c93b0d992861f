#!/bin/sh
# What start-up must hold whatever the machine: a first row without anything else running, and nothing left behind.
weir=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 2
case $weir in /*) ;; *) weir=$OLDPWD/$weir ;; esac
out=$("$weir" run -o csv -c 'SELECT 1' 2>&1)
if [ "$(printf '%s' "$out" | tail -1)" = 1 ]; then echo "ok SELECT 1 gives 1"; else echo "not ok SELECT 1 gives: $out"; fi
if [ -z "$(ls -A)" ]; then echo "ok nothing is left behind"; else echo "not ok left behind: $(ls -A)"; fi
