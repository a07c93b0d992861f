#!/bin/sh
# What Kafka's clients ask of any broker: protocol.sh ADDRESS [PART…]. The parts are functions below; all when none is named.
# The broker has num.partitions=4 and creates topics; it may be Weir (run.sh) or Kafka itself (peer.sh, $PEER=kafka): both have to
# pass. What needs Node or Java is left out, with a line, where they are not. Prints ok, not ok and skip lines.
set -u
at=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=/usr/bin/python3 # Debian's: that is where its packages go
check() { # NAME CONDITION
    if eval "$2"; then echo "ok $1"; else echo "not ok $1"; sed 's/^/# /' "$work/got" "$work/kcat.err" 2>/dev/null | tail -20; fi
}
kc() { timeout 20 kcat -b "$at" -q "$@" 2>"$work/kcat.err"; }

part_kcat() {
    printf 'a\nb\nc\n' | kc -P -t hello -p 2
    check "kcat: produces into a topic that it creates" "[ $? = 0 ]"
    kc -C -t hello -p 2 -e >"$work/got"
    check "kcat: consumes it" "[ \"\$(cat '$work/got')\" = \"\$(printf 'a\nb\nc')\" ]"
    kcat -b "$at" -L >"$work/got" 2>&1
    check "kcat: lists topics with four partitions" "grep -q 'topic \"hello\" with 4 partitions' '$work/got'"
    seq 1000 | kc -P -t numbers -p 0 -z gzip -K ' ' 2>/dev/null
    seq 1 1000 | kc -P -t numbers -p 0 -z lz4
    kc -C -t numbers -p 0 -o 500 -c 10 >"$work/got"
    check "kcat: consumes from an offset" "[ \$(wc -l <'$work/got') = 10 ]"
    kc -C -t numbers -p 0 -o -5 -e >"$work/got"
    check "kcat: consumes the last five" "[ \"\$(cat '$work/got')\" = \"\$(seq 996 1000)\" ]"
    head -c 900000 /dev/urandom | base64 -w 0 >"$work/big"
    timeout 20 kcat -b "$at" -P -t big -p 0 -X message.max.bytes=2000000 "$work/big" >"$work/got" 2>&1
    check "kcat: a record beyond max.message.bytes is refused" "grep -q 'Broker: Message size too large' '$work/got'"
    kc -Q -t "numbers:0:0" >"$work/got"
    check "kcat: offsets by timestamp" "grep -q 'numbers \[0\] offset 0' '$work/got'"

    kc -G kcats numbers -X auto.offset.reset=earliest -c 2000 >"$work/got"
    check "kcat: a group reads all of a topic" "[ \$(wc -l <'$work/got') = 2000 ]"
}

part_confluent() { "$python" "$here/confluent.py" "$at" 2>&1; }
part_codes() { "$python" "$here/codes.py" "$at" 2>&1; }
part_answers() { "$python" "$here/answers.py" "$at" "${PEER:-weir}" 2>&1; }
part_faults() { "$python" "$here/faults.py" "$at" 2>&1; } # run.sh does it with an eye on the server
part_kafkapy() { "$python" "$here/kafkapy.py" "$at" 2>&1; }

# The package comes from the npm registry, once.
part_kafkajs() {
    node=$root/build/clients/node
    command -v node >/dev/null && command -v npm >/dev/null || { echo "skip kafkajs: no node"; return; }
    if ! [ -d "$node/node_modules/kafkajs" ]; then
        mkdir -p "$node"
        npm install --silent --no-audit --no-fund --prefix "$node" kafkajs@2.2.4 >"$work/got" 2>&1 ||
            { echo "skip kafkajs: its package is not to be had"; return; }
    fi
    NODE_PATH=$node/node_modules timeout 200 node "$here/kafkajs.js" "$at" || echo "not ok kafkajs: ends well"
}

jars() { # PART
    sh "$root/scripts/kafka.sh" jars >"$work/got" 2>&1 && return 0
    echo "skip $1: $(head -1 "$work/got")"
    return 1
}
part_java() {
    jars java || return
    timeout 300 sh "$root/scripts/kafka.sh" java TxnChecks "$at" 2>"$work/got" || { echo "not ok java: ends well"; tail -5 "$work/got"; }
}
part_tools() { jars tools && sh "$here/tools.sh" "$at"; }
part_streams() { jars streams && timeout 300 "$python" "$here/streams.py" "$at"; }

[ $# = 0 ] && set -- kcat codes answers confluent kafkapy kafkajs java tools streams
for part in "$@"; do "part_$part"; done
