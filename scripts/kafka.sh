#!/bin/sh
# Apache Kafka for tests and comparisons: its jars (by Maven, once, below build/kafka), its tools, and a broker of one node.
#
#     kafka.sh jars                   prints the class path; exit 3 where the jars are not to be had
#     kafka.sh java CLASS ARGUMENT…   runs a class of them, or of test/clients/java, in place of this shell
#     kafka.sh up DIR [KEY=VALUE…]    formats DIR, starts a broker on free ports of 127.0.0.1, prints its address
#     kafka.sh down DIR               ends it
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
home=$root/build/kafka
quick="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"

fail() {
    echo "kafka.sh: $*" >&2
    exit 3
}

alone() { # until 9 is closed: others may want to make the same beside this one
    mkdir -p "$home"
    exec 9>"$home/lock"
    flock 9
}

jars() {
    command -v java >/dev/null || fail "there is no java"
    if ! [ -d "$home/lib" ]; then
        command -v mvn >/dev/null || fail "there is no mvn"
        alone
    fi
    if ! [ -d "$home/lib" ]; then
        rm -rf "$home/lib.new"
        mvn -q -B -f "$root/scripts/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            "-DoutputDirectory=$home/lib.new" >"$home/mvn.log" 2>&1 || fail "Maven could not copy the jars: $home/mvn.log"
        mv "$home/lib.new" "$home/lib"
    fi
    exec 9>&-
    path="$root/scripts/kafka:$home/lib/*" # the folder holds log4j2.properties
}

classes() { # of our own tests, compiled when they have changed
    command -v javac >/dev/null || fail "there is no javac"
    alone
    made || make_classes
    exec 9>&-
}
made() { [ -f "$home/classes/done" ] && [ -z "$(find "$root/test/clients/java" -newer "$home/classes/done")" ]; }
make_classes() {
    mkdir -p "$home/classes"
    javac -nowarn -proc:none -d "$home/classes" -cp "$home/lib/*" "$root"/test/clients/java/*.java >"$home/javac.log" 2>&1 ||
        { cat "$home/javac.log" >&2; fail "javac refuses the tests"; }
    touch "$home/classes/done"
}

run() { # HEAP CLASS ARGUMENT…
    heap=$1
    shift
    # shellcheck disable=SC2086
    exec java $quick "-Xmx$heap" -Djava.awt.headless=true -cp "${CLASSPATH:+$CLASSPATH:}$path" "$@"
}

up() {
    dir=$1
    shift
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    # shellcheck disable=SC2046
    set -- $(python3 -c 'import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))') "$@"
    port=$1 control=$2
    shift 2
    {
        printf '%s\n' process.roles=broker,controller node.id=1 "controller.quorum.voters=1@127.0.0.1:$control" \
            "listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$control" controller.listener.names=CONTROLLER \
            "advertised.listeners=PLAINTEXT://127.0.0.1:$port" "log.dirs=$dir/data" group.initial.rebalance.delay.ms=0 \
            offsets.topic.replication.factor=1 transaction.state.log.replication.factor=1 transaction.state.log.min.isr=1 \
            offsets.topic.num.partitions=4 transaction.state.log.num.partitions=4
        [ $# = 0 ] || printf '%s\n' "$@"
    } >"$dir/server.properties"
    (run 256M kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$dir/server.properties") >"$dir/log" 2>&1 ||
        fail "format: $(tail -3 "$dir/log")"
    (run 768M kafka.Kafka "$dir/server.properties") >>"$dir/log" 2>&1 &
    echo $! >"$dir/pid"
    for _ in $(seq 300); do
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || fail "the broker ended: $(tail -3 "$dir/log")"
        python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && { echo "127.0.0.1:$port"; return; }
        sleep 0.2
    done
    fail "no broker within a minute: $dir/log"
}

down() {
    pid=$(cat "$1/pid") || return 0
    kill "$pid" 2>/dev/null
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
}

command=${1:-}
[ $# = 0 ] || shift
case $command in
jars)
    jars
    echo "$path"
    ;;
java)
    jars
    classes
    CLASSPATH=$home/classes run 512M "$@"
    ;;
up)
    jars
    up "$@"
    ;;
down) down "$@" ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
