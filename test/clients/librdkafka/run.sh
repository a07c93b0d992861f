#!/bin/sh
# librdkafka's own integration tests against `weir server`: run.sh WEIR VERSION [NUMBER…]. With $BROKER
# against the broker at that address (without auto creation for 0045, 0107, 0111). Prints ok, not ok and skip lines.
#
# The sources with their tests come in packages of the npm registry (which wrap the library): they are unpacked and built
# below build/clients once. They run in groups side by side, each on a broker of its own: what needs no more than that; what
# disturbs its connections (sockem); what wants Kafka's scripts, for which those in bin stand in; what takes its time; what
# wants topics that are not created by themselves. A test that fails is run once more alone: many measure time. Those that do
# not pass, with the reason, are in expected.txt; one that passes all the same has to leave the list, if it does not say
# "sometimes".
set -u
weir=$(realpath "$1")
version=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
case $version in
2.15.0) package=@confluentinc/kafka-javascript@1.10.0 ;;
2.0.2) package=node-rdkafka@2.15.0 ;;
*)
    echo "run.sh: no package is known that has librdkafka $version" >&2
    exit 2
    ;;
esac
built=$root/build/clients/librdkafka-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
    [ -x "$built/tests/test-runner" ] && return 0
    command -v npm >/dev/null && command -v make >/dev/null || { echo "skip librdkafka $version: no npm or make"; exit 0; }
    if [ ! -d "$built" ]; then
        mkdir -p "$root/build/clients" "$work/pack"
        (cd "$work/pack" && npm pack --silent "$package" && tar xzf ./*.tgz) >"$work/log" 2>&1 ||
            { echo "skip librdkafka $version: its package is not to be had"; exit 0; }
        cp -r "$work/pack/package/deps/librdkafka" "$built.new" && mv "$built.new" "$built"
    fi
    (
        cd "$built" && { [ -f Makefile.config ] || bash ./configure --disable-curl --disable-gssapi --disable-optimization; } &&
            make -j"$(nproc)" libs && make -j"$(nproc)" -C tests build
    ) >"$built/build.log" 2>&1 && return 0
    echo "not ok librdkafka $version: builds"
    tail -20 "$built/build.log" | sed 's/^/# /'
    exit 1
}

# group NAME NUMBERS MODE SETTING… -- OPTION…: the tests of these numbers (or all but those of $SKIP), on a broker of their own; "NAME
# STATE SECONDS TEXT" lines go to $work/NAME.states. MODE slow leaves out -Q.
group() {
    name=$1 numbers=$2 mode=$3
    shift 3
    [ -n "$numbers" ] || return 0
    at=$work/$name
    mkdir "$at"
    server=
    if [ -z "${BROKER:-}" ]; then
        "$weir" server --data "$at/data" --listen 127.0.0.1:0 --set num.partitions=4 \
            --set group.initial.rebalance.delay.ms=1000 ${SETTING:+--set "$SETTING"} >"$at/out" 2>"$at/err" &
        server=$!
        for _ in $(seq 200); do
            grep -qs '^listening on ' "$at/out" && break
            sleep 0.05
        done
    fi
    BROKERS=${BROKER:-$(sed -n 's/^listening on //p' "$at/out")}
    printf '%s\n' "bootstrap.servers=$BROKERS" broker.address.family=v4 test.timeout.multiplier=2 >"$at/test.conf"
    (
        cd "$built/tests" || exit 1
        unset TESTS TESTS_SKIP CI # with CI they leave out what measures time
        [ "$numbers" = all ] && export TESTS_SKIP="$SKIP" || export TESTS="$numbers"
        export BROKERS RDKAFKA_TEST_CONF="$at/test.conf"
        [ "$mode" = slow ] || set -- -Q "$@"
        timeout 1200 stdbuf -oL ./test-runner -L "$@"
    ) >"$at/log" 2>&1
    sed -n "s/$esc\[[0-9;]*m//g; s/^| *\([0-9]\{4\}_[a-z0-9_A-Z]*\) *| *\([A-Z]*\) | *\([0-9.]*\)s *|\(.*\)/\1 \2 \3\4/p" "$at/log" |
        grep -v 'Filtered due to negative\|included in TESTS_SKIP\|^[^ ]* DNS' >"$work/$name.states"
    cp "$at/log" "$built/$name.log"
    [ -n "$server" ] || return 0
    kill -TERM "$server"
    wait "$server"
    rc=$?
    [ $rc = 143 ] || echo "not ok librdkafka $version: the broker of the group $name stops cleanly: $rc: $(tail -3 "$at/err")" >"$work/$name.said"
    rm -rf "$at/data"
}

build
esc=$(printf '\033')
# What the tests take for Kafka's own directory: scripts, and jars where they are to be had (0098 has a producer in Java).
mkdir "$work/kafka"
ln -s "$here/bin" "$work/kafka/bin"
sh "$root/scripts/kafka.sh" jars >/dev/null 2>&1 && ln -s "$root/build/kafka/lib" "$work/kafka/libs"
export KAFKA_JARS="$root/build/kafka/lib" LD_LIBRARY_PATH="$built/src:$built/src-cpp" TEST_KAFKA_VERSION=4.1.0 WEIR="$weir"
only=${*:-all}
wanted() { # NUMBERS: those of them that were asked for
    [ "$only" = all ] && { echo "$1"; return; }
    for n in $1; do case " $only " in *" $n "*) printf '%s ' "$n" ;; esac; done
}
sockem="0049 0068 0075 0076 0088 0094"
scripts="0052 0077 0098"
slow="0082" # leaves itself out when in a hurry
creating="0045 0107 0111"
[ "$version" = 2.0.2 ] && creating="0045 0111" # its 0107 waits for itself until its time is over
SKIP="$sockem $scripts $slow 0109 0115 0119" SETTING=
plain=$only
[ "$only" = all ] || for n in $SKIP; do plain=$(echo "$plain" | sed "s/\b$n\b *//"); done
group plain "$plain" quick -E -p4 &
group sockem "$(wanted "$sockem")" quick -p1 & # side by side they mix up their sockets, and 2.15.0 breaks off
KAFKA_PATH=$work/kafka group scripts "$(wanted "$scripts")" quick -p1 &
group slow "$(wanted "$slow")" slow -p1 &
KAFKA_PATH=$work/kafka SETTING=auto.create.topics.enable=false group creating "$(wanted "$creating")" quick -p1 -s noautocreate &
wait
cat "$work"/*.states >"$work/states"
[ -z "$plain" ] || [ -s "$work/plain.states" ] || echo "not ok librdkafka $version: the tests' program tells how they went"
for n in $(wanted "$sockem $scripts $slow"); do # a program that breaks off tells nothing
    grep -q "^$n" "$work/states" || echo "${n}_none MISSING 0" >>"$work/states"
done
again=$(awk -v version="$version" 'FILENAME != "-" { if ($1 == version) why[$2] = 1; next }
    $2 != "PASSED" && $2 != "SKIPPED" && !($1 in why) { print substr($1, 1, 4) }' "$here/expected.txt" - <"$work/states" | sort -u | tr '\n' ' ')
if [ -n "$again" ]; then
    echo "# once more, alone: $again"
    KAFKA_PATH=$work/kafka group again "$again" slow -p1
    cat "$work/again.states" >>"$work/states"
fi
cat "$work"/*.said 2>/dev/null

# The last word on each counts.
awk -v version="$version" -v only="$only" '
    FILENAME != "-" { if ($1 == version) { name = $2; $1 = $2 = ""; sub(/^ +/, ""); why[name] = $0 } next }
    $2 != "MISSING" { numbers[substr($1, 1, 4)] = 1 }
    { if (!($1 in state)) order[n++] = $1; state[$1] = $2; name = $1; $1 = $2 = ""; sub(/^ +/, ""); text[name] = $0 }
    END {
        for (i = 0; i < n; i++) {
            name = order[i]
            if (name ~ /_none$/) {
                if (!(substr(name, 1, 4) in numbers)) print "not ok librdkafka " version ": " substr(name, 1, 4) ": the program breaks off"
                continue
            }
            if (state[name] == "PASSED") {
                if (name in why && why[name] !~ /^sometimes/) print "not ok librdkafka " version ": " name ": passes: strike it off expected.txt"
                else print "ok librdkafka " version ": " name
            } else if (name in why) continue
            else print "not ok librdkafka " version ": " name ": " state[name] " " text[name]
        }
        for (name in why)
            if (state[name] != "PASSED" && only == "all") print "skip librdkafka " version ": " name ": " why[name]
    }' "$here/expected.txt" - <"$work/states"
