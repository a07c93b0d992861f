/* The topic connectors: tables over topics of the log in this process. `topic` appends; the rows of `upsert-topic` replace each other by
 * the primary key. Options have Flink's names for Kafka; what a client of Kafka may be told besides, by 'properties.', is taken by
 * name where it means nothing inside a process. */
#include "table.h"

#include "connect/kafka/kafka.h"

#define LOG_OPTIONS                                                                                                    \
    { .name = "properties.group.id", .type = OPT_STRING,                                                               \
      .help = "a group: begins where it has come to, and is told how far each commit of the job has read" },           \
    { .name = "properties.auto.offset.reset", .type = OPT_ENUM, .choices = "earliest|latest|none", .fallback = "none", \
      .help = "where a partition begins for which the group has no offset; none: an error" },                          \
    { .name = "properties.isolation.level", .type = OPT_ENUM, .fallback = "read_uncommitted",                          \
      .choices = "read_uncommitted|read_committed",                                                                    \
      .help = "read_committed: neither what transactions have aborted nor what lies behind an open one" },             \
    { .name = "properties.compression.type", .type = OPT_ENUM, .choices = "none|gzip|snappy|lz4|zstd",                 \
      .fallback = "none", .help = "how batches are packed" },                                                          \
    { .name = "properties.*", .type = OPT_STRING,                                                                      \
      .help = "other settings of Kafka's clients: known by name, without effect" },                                    \
    { .name = "sink.delivery-guarantee", .type = OPT_ENUM, .choices = "exactly-once|at-least-once|none",               \
      .fallback = "exactly-once", .help = "accepted: it is always exactly-once" },                                     \
    { .name = "sink.transactional-id-prefix", .type = OPT_STRING, .help = "accepted, without effect" }

static const struct option_spec append_options[] = { MESSAGE_OPTIONS_APPEND, MESSAGE_OPTIONS_ALL, LOG_OPTIONS };
static const struct option_spec upsert_options[] = { MESSAGE_OPTIONS_UPSERT, MESSAGE_OPTIONS_ALL, LOG_OPTIONS };
static const struct option_spec own_options[] = { LOG_OPTIONS };
#define N_OWN (sizeof own_options / sizeof *own_options)

/* Kafka's names of client settings that mean nothing here. */
static const char *const idle_properties[] = {
    "acks", "allow.auto.create.topics", "auto.commit.interval.ms", "batch.size", "buffer.memory", "check.crcs",
    "client.dns.lookup", "client.id", "client.rack", "connections.max.idle.ms", "default.api.timeout.ms",
    "delivery.timeout.ms", "enable.auto.commit", "enable.idempotence", "enable.metrics.push", "exclude.internal.topics",
    "fetch.max.bytes", "fetch.max.wait.ms", "fetch.min.bytes", "group.instance.id", "group.protocol",
    "heartbeat.interval.ms", "interceptor.classes", "key.deserializer", "key.serializer", "linger.ms", "max.block.ms",
    "max.in.flight.requests.per.connection", "max.partition.fetch.bytes", "max.poll.interval.ms", "max.poll.records",
    "max.request.size", "metadata.max.age.ms", "metadata.max.idle.ms", "metric.reporters", "metrics.num.samples",
    "metrics.recording.level", "metrics.sample.window.ms", "partition.assignment.strategy", "partitioner.class",
    "receive.buffer.bytes", "reconnect.backoff.max.ms", "reconnect.backoff.ms", "request.timeout.ms", "retries",
    "retry.backoff.max.ms", "retry.backoff.ms", "security.protocol", "send.buffer.bytes", "session.timeout.ms",
    "socket.connection.setup.timeout.max.ms", "socket.connection.setup.timeout.ms", "transaction.timeout.ms",
    "value.deserializer", "value.serializer",
};
#define N_IDLE (sizeof idle_properties / sizeof *idle_properties)

enum status log_of(const struct table_desc *t, const struct connect_context *ctx, struct connect_log **ret, struct error *err)
{
    const struct connect_extra *x = ctx->extra;
    *ret = x ? x->log : NULL;
    if (*ret)
        return ST_OK;
    error_set(err, ST_USAGE, "table '%.*s' is a topic, and there is no log here", STR_ARG(t->name));
    error_hint(err, "name its directory: weir run --data DIR; or a cluster: --brokers HOST:PORT");
    return ST_USAGE;
}

bool log_committed(const struct table_desc *t)
{
    return str_eq(option_str(&t->options, own_options, N_OWN, "properties.isolation.level"), STR("read_committed"));
}

enum record_codec log_codec(const struct table_desc *t)
{
    static const char *const names[] = { [RECORD_PLAIN] = "none", [RECORD_GZIP] = "gzip", [RECORD_SNAPPY] = "snappy",
                                         [RECORD_LZ4] = "lz4", [RECORD_ZSTD] = "zstd" };
    struct str name = option_str(&t->options, own_options, N_OWN, "properties.compression.type");
    uint32_t codec = RECORD_PLAIN;
    while (codec < RECORD_ZSTD && !str_eq(name, str_from(names[codec])))
        codec++;
    return (enum record_codec)codec;
}

enum message_mode log_reset(const struct table_desc *t)
{
    struct str how = option_str(&t->options, own_options, N_OWN, "properties.auto.offset.reset");
    return str_eq(how, STR("earliest")) ? MESSAGE_EARLIEST : str_eq(how, STR("latest")) ? MESSAGE_LATEST : MESSAGE_UNBOUNDED;
}

/* ---- checks ---- */

static bool is_known(struct str name)
{
    for (size_t i = 0; i < N_IDLE; i++)
        if (str_eq(name, str_from(idle_properties[i])))
            return true;
    for (size_t i = 0; i < N_OWN; i++)
        if (str_starts(str_from(own_options[i].name), STR("properties.")) &&
            str_eq(name, str_from(own_options[i].name + sizeof "properties." - 1)))
            return true;
    return str_starts(name, STR("ssl.")) || str_starts(name, STR("sasl."));
}

static enum status check_properties(const struct table_desc *t, struct error *err)
{
    struct str names[N_IDLE];
    for (size_t i = 0; i < N_IDLE; i++)
        names[i] = str_from(idle_properties[i]);
    for (uint32_t i = 0; i < t->options.count; i++) {
        const struct option *o = &t->options.at[i];
        if (!str_starts(o->name, STR("properties.")))
            continue;
        struct str name = str_make(o->name.ptr + sizeof "properties." - 1, o->name.len - (sizeof "properties." - 1));
        if (is_known(name))
            continue;
        if (str_eq(name, STR("bootstrap.servers"))) {
            error_at(err, ST_SEMANTIC, o->line, o->column, "table '%.*s': 'properties.bootstrap.servers' is for a cluster",
                     STR_ARG(t->name));
            error_hint(err, "connector 'kafka' reads and writes a cluster; 'topic' the log of this process");
            return ST_SEMANTIC;
        }
        error_at(err, ST_SEMANTIC, o->line, o->column, "table '%.*s': Kafka's clients have no setting '%.*s'",
                 STR_ARG(t->name), STR_ARG(name));
        struct str near = str_nearest(name, names, N_IDLE);
        if (near.len)
            error_hint(err, "did you mean 'properties.%.*s'?", STR_ARG(near));
        return ST_SEMANTIC;
    }
    return ST_OK;
}

static enum status check(const struct table_desc *t, bool upsert, struct error *err)
{
    struct str names = options_get(&t->options, "topic");
    TRY(upsert ? message_check_upsert(t, err) : message_check(t, err));
    while (names.ptr)
        TRY(topic_name_check(str_trim(str_split(&names, ';')), err));
    return check_properties(t, err);
}

static enum status append_check(const struct table_desc *t, struct error *err) { return check(t, false, err); }
static enum status upsert_check(const struct table_desc *t, struct error *err) { return check(t, true, err); }

/* ---- the connectors ---- */

const struct connector connector_topic = {
    .name = "topic",
    .help = "topics of the log that --data names; written with each commit, exactly once",
    .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_FORMAT,
    .options = append_options,
    .n_options = sizeof append_options / sizeof *append_options,
    .metadata = message_metadata,
    .n_metadata = MESSAGE_METADATA,
    .bounded = message_bounded,
    .check = append_check,
    .open_source = kafka_or_log_source,
    .open_sink = kafka_or_log_sink,
};

const struct connector connector_upsert_topic = {
    .name = "upsert-topic",
    .help = "topics of that log as tables: the newest record of a key is its row, one without a value deletes it",
    .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_FORMAT | CONNECTOR_SINK_UPDATES,
    .options = upsert_options,
    .n_options = sizeof upsert_options / sizeof *upsert_options,
    .metadata = message_metadata,
    .n_metadata = MESSAGE_METADATA,
    .source_kinds = message_upsert_kinds,
    .bounded = message_bounded,
    .check = upsert_check,
    .open_source = kafka_or_log_source,
    .open_sink = kafka_or_log_sink,
};
