#!/bin/sh
# Kafka's command line tools against a broker: tools.sh ADDRESS. They run one after the other in one JVM (java/Tools.java); then
# what each has printed is looked at. Between a change and the look at it stands another tool: Kafka's broker hears of changes from
# its controller a moment later. Prints ok and not ok lines.
set -u
at=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=org.apache.kafka.tools
tab=$(printf '\t')
command() { # NAME CLASS ARGUMENT…
    (IFS=$tab; printf '%s\n' "$*") >>"$work/commands"
}
topics() { name=$1; shift; command "$name" $tools.TopicCommand --bootstrap-server "$at" "$@"; }
configs() { name=$1; shift; command "$name" kafka.admin.ConfigCommand --bootstrap-server "$at" "$@"; }
groups() { name=$1; shift; command "$name" $tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$at" "$@"; }
consume() { name=$1; shift; command "$name" $tools.consumer.ConsoleConsumer --bootstrap-server "$at" --topic tools "$@"; }
offsets() { name=$1; shift; command "$name" $tools.GetOffsetShell --bootstrap-server "$at" --topic tools "$@"; }
transactions() { name=$1; shift; command "$name" $tools.TransactionsCommand --bootstrap-server "$at" "$@"; }

topics create --create --topic tools --partitions 2 --config retention.ms=100000
topics create-again --create --topic tools
topics alter --alter --topic tools --partitions 3
topics list --list
topics describe --describe --topic tools
configs add --alter --entity-type topics --entity-name tools --add-config retention.ms=5000000,segment.bytes=2000000
configs broker --describe --entity-type brokers --entity-name 1 --all
configs told --describe --entity-type topics --entity-name tools
configs delete --alter --entity-type topics --entity-name tools --delete-config segment.bytes
printf 'h:1,i:2\tk%d\tv%d\n' 1 1 2 2 3 3 4 4 5 5 >"$work/produce.in"
command produce $tools.ConsoleProducer --bootstrap-server "$at" --topic tools --reader-property parse.key=true \
    --reader-property parse.headers=true --compression-codec zstd
configs told-all --describe --entity-type topics --entity-name tools --all
consume consume --from-beginning --max-messages 5 --group tools-group --formatter-property print.key=true \
    --formatter-property print.headers=true --formatter-property print.offset=true
consume beyond --partition 0 --offset 100 --timeout-ms 2000
offsets ends
offsets starts --time earliest
groups list-groups --list
groups describe-group --describe --group tools-group
groups state --describe --group tools-group --state
groups reset --group tools-group --topic tools --reset-offsets --to-earliest --execute
groups forget --group tools-group --topic tools:0 --delete-offsets
groups delete-group --group tools-group --delete
groups gone --describe --group tools-group
echo '{"version":1,"partitions":[{"topic":"tools","partition":0,"offset":-1},{"topic":"tools","partition":1,"offset":0}]}' >"$work/upto"
command delete-records $tools.DeleteRecordsCommand --bootstrap-server "$at" --offset-json-file "$work/upto"
transactions list-transactions list
transactions producers describe-producers --topic tools --partition 0
transactions nobody describe --transactional-id nobody
transactions hanging find-hanging --broker-id 1
command dirs $tools.LogDirsCommand --bootstrap-server "$at" --describe --topic-list tools
command elect $tools.LeaderElectionCommand --bootstrap-server "$at" --election-type preferred --topic tools --partition 0
topics delete-topic --delete --topic tools
command versions $tools.BrokerApiVersionsCommand --bootstrap-server "$at"
topics gone-topic --describe --topic tools
timeout 170 sh "$here/../../scripts/kafka.sh" java Tools "$work" <"$work/commands" >"$work/log" 2>&1 || cat "$work/log"

rc() { cat "$work/$now.rc" 2>/dev/null || echo none; }
has() { grep -qE -e "$1" "$work/$now.out"; }
sum() { awk "$1"' END { print n + 0 " " s + 0 }' "$work/$now.out"; }
check() { # NAME WHAT CONDITION
    now=$1
    if eval "$3"; then echo "ok tools: $2"; else echo "not ok tools: $2"; sed 's/^/# /' "$work/$now.out" | tail -20; fi
}
check create "kafka-topics --create" '[ "$(rc)" = 0 ] && has "Created topic tools"'
check create-again "kafka-topics --create: it exists" '[ "$(rc)" = 1 ] && has exists'
check alter "kafka-topics --alter" '[ "$(rc)" = 0 ]'
check describe "kafka-topics --describe" 'has "Topic: tools.*PartitionCount: 3.*retention.ms=100000" && has "Partition: 2.*Leader: 1.*Replicas: 1.*Isr: 1"'
check list "kafka-topics --list" 'has "^tools$"'
check add "kafka-configs --add-config" '[ "$(rc)" = 0 ]'
check told "kafka-configs --describe" 'has retention.ms=5000000 && has segment.bytes=2000000'
check told-all "kafka-configs --delete-config" 'has "retention.ms=5000000 .*DYNAMIC_TOPIC_CONFIG:retention.ms=5000000" && has segment.bytes=1073741824'
check broker "kafka-configs: a broker's" 'has num.partitions=4'
check produce "kafka-console-producer: keys, headers, zstd" '[ "$(rc)" = 0 ]'
check consume "kafka-console-consumer: a group reads them all" '[ "$(grep -cE "^Offset:[0-9]${tab}h:1,i:2${tab}k[1-5]${tab}v[1-5]$" "$work/consume.out")" = 5 ]'
check beyond "kafka-console-consumer: beyond the end there is nothing" '! has "v[1-5]"'
check ends "kafka-get-offsets" '[ "$(sum "BEGIN { FS = \":\" } \$1 == \"tools\" { n++; s += \$3 }")" = "3 5" ]'
check starts "kafka-get-offsets --time earliest" '[ "$(sum "BEGIN { FS = \":\" } \$1 == \"tools\" { n++; s += \$3 }")" = "3 0" ]'
check list-groups "kafka-consumer-groups --list" 'has "^tools-group$"'
check describe-group "kafka-consumer-groups --describe" '[ "$(sum "\$2 == \"tools\" { n++; s += \$4 }")" = "3 5" ]'
check state "kafka-consumer-groups --state" 'has "tools-group.*Empty"'
check reset "kafka-consumer-groups --reset-offsets" '[ "$(sum "\$1 == \"tools-group\" && \$4 == 0 { n++ }")" = "3 0" ]'
check forget "kafka-consumer-groups --delete-offsets" 'has "tools +0 +Successful"'
check delete-group "kafka-consumer-groups --delete" 'has "Deletion of requested consumer groups.*successful"'
check gone "kafka-consumer-groups: it is gone" 'has "tools-group.*not"'
check delete-records "kafka-delete-records" 'has "partition: tools-0.*low_watermark" && has "partition: tools-1.*low_watermark: 0"'
check list-transactions "kafka-transactions list" '[ "$(rc)" = 0 ] && has TransactionalId'
check producers "kafka-transactions describe-producers" '[ "$(rc)" = 0 ] && has ProducerId'
check nobody "kafka-transactions describe: nobody" '[ "$(rc)" = 1 ] && has nobody'
check hanging "kafka-transactions find-hanging" '[ "$(rc)" = 0 ]'
check dirs "kafka-log-dirs" 'has "\"partition\":\"tools-2\""'
check elect "kafka-leader-election" 'has "Valid replica already elected for partitions tools-0"'
check versions "kafka-broker-api-versions" 'has "Produce\(0\): 0 to [0-9]+ \[usable"'
check delete-topic "kafka-topics --delete" '[ "$(rc)" = 0 ]'
check gone-topic "kafka-topics: it is gone" '[ "$(rc)" = 1 ]'
