#!/bin/sh
exec python3 test/tidy.py
