/* Where a table is, and how its troubles are told. */
#include "kafka.h"

static const struct connect_extra *extra_of(const struct connect_context *ctx)
{
    static const struct connect_extra none;
    return ctx->extra ? ctx->extra : &none;
}

bool kafka_in_cluster(const struct table_desc *t, const struct connect_context *ctx)
{
    const struct connect_extra *x = extra_of(ctx);
    bool own = t->connector == &connector_topic || t->connector == &connector_upsert_topic;
    if (x->log && (own || !x->brokers.ptr))
        return false;
    return x->brokers.ptr || !own;
}

enum status kafka_brokers(const struct table_desc *t, const struct connect_context *ctx, struct kafka_settings *s,
                          struct error *err)
{
    struct str brokers = extra_of(ctx)->brokers;
    if (brokers.ptr)
        s->brokers = brokers;
    if (s->brokers.len)
        return ST_OK;
    error_set(err, ST_USAGE, "table '%.*s': nobody says where its cluster is", STR_ARG(t->name));
    error_hint(err, "'properties.bootstrap.servers' = 'host:9092', or --brokers host:9092; --data DIR is a log of this process");
    return ST_USAGE;
}

void kafka_blame(const struct table_desc *t, struct str topic, const struct kafka_settings *s, struct error *err)
{
    if (topic.ptr)
        error_prefix(err, "table '%.*s', topic '%.*s' at %.*s: ", STR_ARG(t->name), STR_ARG(topic), STR_ARG(s->brokers));
    else
        error_prefix(err, "table '%.*s' at %.*s: ", STR_ARG(t->name), STR_ARG(s->brokers));
}

void kafka_warn(const struct connect_context *ctx, const struct table_desc *t, const char *text)
{
    const struct connect_extra *x = extra_of(ctx);
    if (x->warn)
        x->warn(x->warn_arg, t->name, text);
}
