/* What the files of the kafka connector share. */
#pragma once

#include "client/cluster.h"
#include "connect/messages/messages.h"

/* ---- options ---- */

#define KAFKA_OPTIONS                                                                                                  \
    { .name = "properties.*", .type = OPT_STRING,                                                                      \
      .help = "settings of Kafka's client by its names or librdkafka's, such as properties.bootstrap.servers" },       \
    { .name = "sink.delivery-guarantee", .type = OPT_ENUM, .choices = "none|at-least-once|exactly-once",               \
      .fallback = "at-least-once", .help = "exactly-once: only where the log of this process has the topic" },         \
    { .name = "sink.transactional-id-prefix", .type = OPT_STRING, .help = "accepted, without effect" }

/* What a table's 'properties.*' say: what this connector looks at itself, and the rest as librdkafka's settings. */
struct kafka_settings {
    struct str brokers;  /* --brokers, else properties.bootstrap.servers; ptr NULL: neither */
    struct str group;    /* properties.group.id; ptr NULL: none */
    struct str reset;    /* properties.auto.offset.reset; ptr NULL: not given */
    bool committed;      /* properties.isolation.level = read_committed */
    bool keep_offsets;   /* properties.commit.offsets.on.checkpoint */
    int64_t timeout_ms;  /* properties.default.api.timeout.ms */
    struct option *at;
    uint32_t n, cap;
};
enum status kafka_settings_init(struct kafka_settings *s, const struct table_desc *t, bool producer, struct arena *a,
                                struct error *err) MUST_USE;
/* One more; what is there wins. */
enum status kafka_settings_default(struct kafka_settings *s, const char *name, const char *value, struct arena *a,
                                   struct error *err) MUST_USE;
/* Can all of them be? Connects to nobody. */
enum status kafka_settings_check(const struct table_desc *t, struct error *err) MUST_USE;

/* ---- the connection ---- */

/* Where a table is: in a cluster, or in the log of this process (docs/decisions/0013-kafka-connector.md)? */
bool kafka_in_cluster(const struct table_desc *t, const struct connect_context *ctx);
/* ST_USAGE: nobody says which. */
enum status kafka_brokers(const struct table_desc *t, const struct connect_context *ctx, struct kafka_settings *s,
                          struct error *err) MUST_USE;
/* Puts "table 't', topic 'x' at host:9092: " before the message. */
void kafka_blame(const struct table_desc *t, struct str topic, const struct kafka_settings *s, struct error *err);
void kafka_warn(const struct connect_context *ctx, const struct table_desc *t, const char *text);

/* Slots of the four connectors over topics: wherever the table is. */
enum status kafka_or_log_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                                int64_t *ret_discover_ms, struct source **ret, struct error *err);
enum status kafka_or_log_sink(const struct table_desc *t, const struct schema *schema, bool upsert, struct connect_context *ctx,
                              struct sink **ret, struct error *err);

bool kafka_upsert(const struct table_desc *t); /* one of the upsert connectors' */
enum status kafka_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                              int64_t *ret_discover_ms, struct source **ret, struct error *err);
enum status kafka_open_sink(const struct table_desc *t, bool upsert, struct connect_context *ctx, struct sink **ret,
                            struct error *err);
