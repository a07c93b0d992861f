#!/bin/sh
# What librdkafka's tests ask of Kafka's script of this name, done by `weir topic` ($WEIR).
do= name=
set -- "$@" end
while [ "$1" != end ]; do
    case $1 in
    --bootstrap-server) at=$2; shift ;;
    --create | --delete | --alter) do=$1 ;;
    --topic) name=$2; shift ;;
    --replication-factor) shift ;; # there is one broker
    --partitions) set -- "$@" --partitions "$2"; shift ;;
    --config) set -- "$@" --config "$2"; shift ;;
    *)
        echo "kafka-topics.sh: no option '$1'" >&2
        exit 2
        ;;
    esac
    shift
done
shift
case $do in
--create) exec "$WEIR" topic create "$name" -b "$at" "$@" ;;
--alter) exec "$WEIR" topic alter "$name" -b "$at" "$@" ;;
--delete) exec "$WEIR" topic rm "$name" -b "$at" ;;
esac
exit 2
