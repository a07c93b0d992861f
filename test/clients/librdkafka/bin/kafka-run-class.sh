#!/bin/sh
# Runs a class of librdkafka's tests, or Kafka's, over the jars that scripts/kafka.sh has fetched.
exec java -cp "$CLASSPATH:$KAFKA_JARS/*" "$@"
