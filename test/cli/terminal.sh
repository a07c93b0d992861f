#!/bin/sh
# What stands on a terminal: the progress line, the demo's picture, Ctrl-C. $1 is the program.
[ -c /dev/ptmx ] || { echo "skip terminal: this machine has no pseudo-terminals"; exit 0; }
exec python3 -B "$(dirname "$0")/terminal.py" "$1"
