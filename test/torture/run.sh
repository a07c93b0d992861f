#!/bin/sh
# Failing allocations in turn, and in `./check` every seventh of them.
exec "$1/torture" "${TORTURE_EVERY:-7}"
