#!/bin/sh
# Nexmark's published SQL, byte for byte: each query that needs no join, OVER or session runs to its end over each of
# the generator's two table files, the Kafka one loaded beside them (its options are looked at when it is used).
# usage: nexmark.sh WEIR [HOME]    HOME: a checkout of nexmark/nexmark, by default $NEXMARK_HOME; lines "ok …", "not ok …"
set -u
weir=$1
home=${2:-${NEXMARK_HOME:-}}
sql=$home/nexmark-flink/src/main/resources/queries
if [ -z "$home" ] || [ ! -d "$sql" ]; then
    echo "skip no checkout of Nexmark"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
for ddl in ddl_gen ddl_gen_v2; do
    for q in q0 q1 q2 q10 q12 q14 q15 q16 q17 q21 q22; do
        for part in $ddl ddl_kafka ddl_views $q; do cat "$sql/$part.sql"; echo; done >"$work/all.sql"
        rm -rf "$work/out"
        said=$("$weir" run -q "$work/all.sql" --var TPS=1000000 --var EVENTS_NUM=50000 --var PERSON_PROPORTION=1 \
            --var AUCTION_PROPORTION=3 --var BID_PROPORTION=46 --var KEEP_ALIVE=false --var STOP_AT=-1 \
            --var BOOTSTRAP_SERVERS=localhost:9092 --var NEXMARK_TABLE=datagen --var NEXMARK_DIR="$work/out" \
            --var SUBMIT_TIME=now 2>&1) || said="exit $?: $said"
        if [ $q = q10 ] && [ -z "$said" ]; then # 46 of 50 events are bids
            rows=$(find "$work/out" -name 'part-*' -exec cat {} + | wc -l)
            [ "$rows" -eq 46000 ] || said="$rows rows instead of 46000"
        fi
        if [ -z "$said" ]; then
            echo "ok $ddl $q"
        else
            echo "not ok $ddl $q: $said"
            bad=1
        fi
    done
done
exit $bad
