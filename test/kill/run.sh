#!/bin/sh
# kill -9 of the real binary at random moments.
python3 test/kill/kill.py "$1" "${KILLS:-200}" "${KILL_SEED:-1}" || exit 1
python3 test/kill/topics.py "$1" "$((${KILLS:-200} / 4))" "${KILL_SEED:-1}" || exit 1
exec python3 test/kill/kafka.py "$1" "$((${KILLS:-200} / 8))" "${KILL_SEED:-1}"
