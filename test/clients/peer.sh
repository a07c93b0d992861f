#!/bin/sh
# The checks of protocol.sh against Apache Kafka itself, so that they say what Kafka does: peer.sh [PART…]. A broker of one node
# is started for it (scripts/kafka.sh), with 1 GB of memory. $WEIR: a binary whose kafka connector is tested with it, too. Prints
# ok, not ok and skip lines.
set -u
here=$(cd "$(dirname "$0")" && pwd)
kafka=$here/../../scripts/kafka.sh
work=$(mktemp -d)
trap 'sh "$kafka" down "$work/kafka" 2>/dev/null; rm -rf "$work"' EXIT
# Nothing is looked at for its age: records of the tests are of 2023, and Kafka would take them 30 seconds after its start.
at=$(sh "$kafka" up "$work/kafka" num.partitions=4 log.initial.task.delay.ms=86400000 2>"$work/err") || { echo "skip Kafka: $(tail -1 "$work/err")"; exit 0; }
[ $# = 0 ] && set -- kcat codes answers faults confluent kafkapy kafkajs java tools streams
PEER=kafka sh "$here/protocol.sh" "$at" "$@" | sed 's/^\(ok\|not ok\|skip\) /\1 Kafka itself: /'
[ -z "${WEIR:-}" ] || sh "$here/kafka.sh" "$WEIR" "$at" | sed 's/^\(ok\|not ok\|skip\) kafka: /\1 Kafka itself: connector: /'
