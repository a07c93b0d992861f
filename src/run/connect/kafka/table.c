/* The connectors kafka and upsert-kafka: tables over topics, by Flink's names. Where they are is decided when a job opens them:
 * in a cluster (the other files here), or in the log of this process (../topic). */
#include "kafka.h"

#include "connect/topic/table.h"

static const struct option_spec kafka_options[] = {
    MESSAGE_OPTIONS_APPEND,
    MESSAGE_OPTIONS_ALL,
    KAFKA_OPTIONS,
};

static const struct option_spec upsert_options[] = {
    MESSAGE_OPTIONS_UPSERT,
    MESSAGE_OPTIONS_ALL,
    KAFKA_OPTIONS,
};

static enum status check(const struct table_desc *t, struct error *err)
{
    TRY(message_check(t, err));
    return kafka_settings_check(t, err);
}

static enum status check_upsert(const struct table_desc *t, struct error *err)
{
    TRY(message_check_upsert(t, err));
    return kafka_settings_check(t, err);
}

bool kafka_upsert(const struct table_desc *t)
{
    return t->connector == &connector_upsert_kafka || t->connector == &connector_upsert_topic;
}

enum status kafka_or_log_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                                int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    if (kafka_in_cluster(t, ctx))
        return kafka_open_source(t, needs, ctx, ret_discover_ms, ret, err);
    return log_open_source(t, kafka_upsert(t), needs, ctx, ret_discover_ms, ret, err);
}

enum status kafka_or_log_sink(const struct table_desc *t, const struct schema *schema, bool upsert, struct connect_context *ctx,
                              struct sink **ret, struct error *err)
{
    (void)schema, (void)upsert; /* -U takes a row away as -D does: what follows brings it back */
    return (kafka_in_cluster(t, ctx) ? kafka_open_sink : log_open_sink)(t, kafka_upsert(t), ctx, ret, err);
}

const struct connector connector_kafka = {
    .name = "kafka",
    .help = "topics of a Kafka cluster, or of Weir's server; written at least once",
    .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_FORMAT | CONNECTOR_AT_LEAST_ONCE,
    .options = kafka_options,
    .n_options = sizeof kafka_options / sizeof kafka_options[0],
    .metadata = message_metadata,
    .n_metadata = MESSAGE_METADATA,
    .bounded = message_bounded,
    .check = check,
    .open_source = kafka_or_log_source,
    .open_sink = kafka_or_log_sink,
};

const struct connector connector_upsert_kafka = {
    .name = "upsert-kafka",
    .help = "the same; a record replaces the row of its key, one without a value takes it away",
    .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_FORMAT | CONNECTOR_SINK_UPDATES |
             CONNECTOR_AT_LEAST_ONCE,
    .options = upsert_options,
    .n_options = sizeof upsert_options / sizeof upsert_options[0],
    .metadata = message_metadata,
    .n_metadata = MESSAGE_METADATA,
    .source_kinds = message_upsert_kinds,
    .bounded = message_bounded,
    .check = check_upsert,
    .open_source = kafka_or_log_source,
    .open_sink = kafka_or_log_sink,
};
