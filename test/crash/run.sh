#!/bin/sh
# Crashes at a seeded fifth of all calls in every scenario, then the planted bugs.
build=$1
"$build/crash" run all "${CRASH_EVERY:-5}"
"$build/crash" bugs
