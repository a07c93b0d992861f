#!/bin/sh
# $1 is the program, $2 how many rows a function gets (200 when left out), $3 the seed.
exec python3 "$(dirname "$0")/property.py" "$@"
