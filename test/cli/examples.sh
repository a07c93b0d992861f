#!/bin/sh
# Every example that the documentation of a function shows runs, over columns as the examples name them. $1 is the program.
exec python3 "$(dirname "$0")/examples.py" "$1"
