#!/bin/sh
# weir sql at a terminal: prompt, keys, completion, history, queries that are stopped or drawn, pager, jobs. $1 is the program.
[ -c /dev/ptmx ] || { echo "skip shell: this machine has no pseudo-terminals"; exit 0; }
exec python3 -B "$(dirname "$0")/shell.py" "$1"
