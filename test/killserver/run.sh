#!/bin/sh
# kill -9 of the server under load: run.sh KILLSERVER WEIR.
exec "$1" "$2" "${SERVER_KILLS:-100}" "${KILL_SEED:-1}"
