#!/bin/sh
# kill -9 of the real binary at random moments.
exec python3 test/kill/kill.py "$1" "${KILLS:-200}" "${KILL_SEED:-1}"
