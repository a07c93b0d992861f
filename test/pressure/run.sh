#!/bin/sh
# A slow sink, full rings and a small budget in a thousand orders of steps.
exec "$1/pressure" "${PRESSURE_SEEDS:-1000}" "${PRESSURE_FIRST:-0}"
