/* 'properties.*': the settings of Kafka's Java client, which Flink's scripts give, as librdkafka's.
 *
 * A table says what becomes of each name that is not librdkafka's own: another name, a read by this connector, nothing (what
 * only a JVM or a group's member has a use for), or a refusal that says what to give instead. All other names go on as
 * they are, and librdkafka refuses what it does not know. */
#include "kafka.h"

#include <stdio.h>

#define PREFIX "properties."
#define NUMBER_BYTES 24

enum fate { RENAMED, KIBIBYTES, READ, DROPPED, REFUSED };

static const struct property {
    const char *name; /* ends in '*': any that begins so */
    enum fate fate;
    const char *other; /* RENAMED, KIBIBYTES: librdkafka's name; REFUSED: the remedy */
} properties[] = {
    { "bootstrap.servers", READ, NULL },
    { "group.id", READ, NULL },
    { "isolation.level", READ, NULL },
    { "auto.offset.reset", READ, NULL },
    { "default.api.timeout.ms", READ, NULL },
    { "commit.offsets.on.checkpoint", READ, NULL },
    { "sasl.jaas.config", READ, NULL },
    { "ssl.truststore.location", READ, NULL },
    { "ssl.truststore.type", READ, NULL },
    { "ssl.truststore.password", READ, NULL },
    { "ssl.keystore.location", READ, NULL },
    { "ssl.keystore.type", READ, NULL },
    { "ssl.endpoint.identification.algorithm", READ, NULL },
    { "client.id.prefix", RENAMED, "client.id" },
    { "fetch.max.wait.ms", RENAMED, "fetch.wait.max.ms" },
    { "max.request.size", RENAMED, "message.max.bytes" },
    { "send.buffer.bytes", RENAMED, "socket.send.buffer.bytes" },
    { "receive.buffer.bytes", RENAMED, "socket.receive.buffer.bytes" },
    { "ssl.keystore.key", RENAMED, "ssl.key.pem" },
    { "ssl.keystore.certificate.chain", RENAMED, "ssl.certificate.pem" },
    { "ssl.truststore.certificates", RENAMED, "ssl.ca.pem" },
    { "buffer.memory", KIBIBYTES, "queue.buffering.max.kbytes" },
    { "key.deserializer", DROPPED, NULL },
    { "value.deserializer", DROPPED, NULL },
    { "key.serializer", DROPPED, NULL },
    { "value.serializer", DROPPED, NULL },
    { "enable.auto.commit", DROPPED, NULL },
    { "auto.commit.interval.ms", DROPPED, NULL },
    { "partition.discovery.interval.ms", DROPPED, NULL },
    { "register.consumer.metrics", DROPPED, NULL },
    { "metric.reporters", DROPPED, NULL },
    { "metrics.*", DROPPED, NULL },
    { "auto.include.jmx.reporter", DROPPED, NULL },
    { "enable.metrics.push", DROPPED, NULL },
    { "max.poll.records", DROPPED, NULL },
    { "max.poll.interval.ms", DROPPED, NULL },
    { "session.timeout.ms", DROPPED, NULL },
    { "heartbeat.interval.ms", DROPPED, NULL },
    { "partition.assignment.strategy", DROPPED, NULL },
    { "group.instance.id", DROPPED, NULL },
    { "group.protocol*", DROPPED, NULL },
    { "group.remote.assignor", DROPPED, NULL },
    { "client.dns.lookup", DROPPED, NULL },
    { "exclude.internal.topics", DROPPED, NULL },
    { "max.block.ms", DROPPED, NULL },
    { "partitioner.adaptive.*", DROPPED, NULL },
    { "partitioner.availability.timeout.ms", DROPPED, NULL },
    { "partitioner.ignore.keys", DROPPED, NULL },
    { "transaction.timeout.ms", DROPPED, NULL },
    { "ssl.protocol", DROPPED, NULL },
    { "ssl.enabled.protocols", DROPPED, NULL },
    { "ssl.keymanager.algorithm", DROPPED, NULL },
    { "ssl.trustmanager.algorithm", DROPPED, NULL },
    { "ssl.secure.random.implementation", DROPPED, NULL },
    { "statistics.interval.ms", DROPPED, NULL },
    { "interceptor.classes", REFUSED, "Java classes are not run: leave it out" },
    { "partitioner.class", REFUSED, "'sink.partitioner' chooses the partition" },
    { "transactional.id", REFUSED, "writing to a cluster is at-least-once: leave it out" },
    { "ssl.engine.factory.class", REFUSED, "Java classes are not run: ssl.ca.location, ssl.certificate.location, ssl.key.location name PEM files" },
    { "ssl.provider", REFUSED, "OpenSSL is the only one: leave it out" },
    { "security.providers", REFUSED, "OpenSSL is the only one: leave it out" },
    { "sasl.client.callback.handler.class", REFUSED, "Java classes are not run: give sasl.username and sasl.password" },
    { "sasl.login.callback.handler.class", REFUSED, "Java classes are not run: see sasl.oauthbearer.method of librdkafka" },
    { "sasl.login.class", REFUSED, "Java classes are not run: leave it out" },
    { "enable.partition.eof", REFUSED, "the connector needs it as it is: leave it out" },
};

static const struct property *property_of(struct str name)
{
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        struct str known = str_from(properties[i].name);
        if (str_ends(known, STR("*")) ? str_starts(name, str_make(known.ptr, known.len - 1)) : str_eq(known, name))
            return &properties[i];
    }
    return NULL;
}

static struct str given(const struct table_desc *t, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, PREFIX "%s", name);
    return options_get(&t->options, full);
}

static enum status refuse(const struct table_desc *t, const char *name, const char *why, const char *remedy,
                          struct error *err)
{
    error_set(err, ST_SEMANTIC, "table '%.*s': '" PREFIX "%s'%s", STR_ARG(t->name), name, why);
    error_hint(err, "%s", remedy);
    return ST_SEMANTIC;
}

/* ---- one setting ---- */

static enum status put(struct kafka_settings *s, struct str name, struct str value, struct arena *a, struct error *err)
{
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 16;
        struct option *more = ARENA_ARRAY(a, struct option, cap);
        if (!more)
            return connect_memory(a->budget, err);
        if (s->n)
            memcpy(more, s->at, s->n * sizeof *more);
        s->at = more;
        s->cap = cap;
    }
    s->at[s->n++] = (struct option){ .name = name, .value = value };
    return ST_OK;
}

static bool has(const struct kafka_settings *s, const char *name)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (str_eq(s->at[i].name, str_from(name)))
            return true;
    return false;
}

enum status kafka_settings_default(struct kafka_settings *s, const char *name, const char *value, struct arena *a,
                                   struct error *err)
{
    if (has(s, name))
        return ST_OK;
    struct str copy = arena_str(a, str_from(value));
    return copy.ptr ? put(s, str_from(name), copy, a, err) : connect_memory(a->budget, err);
}

static enum status put_kibibytes(struct kafka_settings *s, const struct table_desc *t, const struct property *p,
                                 struct str value, struct arena *a, struct error *err)
{
    int64_t bytes;
    if (!str_to_i64(value, &bytes) || bytes < 1024)
        return refuse(t, p->name, " is a number of bytes, at least 1024", "such as 33554432", err);
    struct str text = arena_printf(a, "%lld", (long long)(bytes / 1024));
    return text.ptr ? put(s, str_from(p->other), text, a, err) : connect_memory(a->budget, err);
}

static enum status put_given(struct kafka_settings *s, const struct table_desc *t, const struct option *o, struct arena *a,
                             struct error *err)
{
    struct str name = str_make(o->name.ptr + sizeof PREFIX - 1, o->name.len - (sizeof PREFIX - 1));
    const struct property *p = property_of(name);
    if (!p)
        return put(s, name, o->value, a, err);
    switch (p->fate) {
    case RENAMED:
        return put(s, str_from(p->other), o->value, a, err);
    case KIBIBYTES:
        return put_kibibytes(s, t, p, o->value, a, err);
    case REFUSED:
        return refuse(t, p->name, " has no place here", p->other, err);
    default:
        return ST_OK;
    }
}

/* ---- what is read here ---- */

/* The value of ` name="…"` in a JAAS entry, without the escapes; ptr NULL: there is none, or no memory. */
static struct str jaas_value(struct str text, const char *name, struct arena *a)
{
    size_t len = strlen(name);
    for (size_t i = 1; i + len + 2 < text.len; i++) {
        bool here = (text.ptr[i - 1] == ' ' || text.ptr[i - 1] == '\n' || text.ptr[i - 1] == '\t') &&
                    memcmp(text.ptr + i, name, len) == 0 && text.ptr[i + len] == '=' && text.ptr[i + len + 1] == '"';
        if (!here)
            continue;
        char *out = ARENA_ARRAY(a, char, text.len - i);
        size_t n = 0;
        for (size_t k = i + len + 2; out && k < text.len && text.ptr[k] != '"'; k++) {
            if (text.ptr[k] == '\\' && k + 1 < text.len)
                k++;
            out[n++] = text.ptr[k];
        }
        return (struct str){ out, n };
    }
    return (struct str){ NULL, 0 };
}

/* "org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p";", also from a shaded jar. */
static enum status read_jaas(struct kafka_settings *s, const struct table_desc *t, struct arena *a, struct error *err)
{
    struct str text = str_trim(given(t, "sasl.jaas.config"));
    if (text.len == 0)
        return ST_OK;
    size_t word = 0;
    while (word < text.len && text.ptr[word] != ' ')
        word++;
    struct str module = str_make(text.ptr, word);
    if (!str_ends(module, STR(".PlainLoginModule")) && !str_ends(module, STR(".ScramLoginModule")))
        return refuse(t, "sasl.jaas.config", " names a module other than PlainLoginModule and ScramLoginModule",
                      "sasl.mechanism, sasl.username and sasl.password are librdkafka's settings", err);
    struct str user = jaas_value(text, "username", a), password = jaas_value(text, "password", a);
    if (!user.ptr || !password.ptr)
        return refuse(t, "sasl.jaas.config", " holds no username and password in double quotes",
                      "or give 'properties.sasl.username' and 'properties.sasl.password'", err);
    TRY(put(s, STR("sasl.username"), user, a, err));
    return put(s, STR("sasl.password"), password, a, err);
}

/* Java's stores, as far as OpenSSL reads them. */
static enum status read_stores(struct kafka_settings *s, const struct table_desc *t, struct arena *a, struct error *err)
{
    struct str trust = given(t, "ssl.truststore.location"), keys = given(t, "ssl.keystore.location");
    struct str trust_type = given(t, "ssl.truststore.type"), key_type = given(t, "ssl.keystore.type");
    struct str check = given(t, "ssl.endpoint.identification.algorithm");
    if (trust.ptr && !str_eq_nocase(trust_type, STR("PEM")))
        return refuse(t, "ssl.truststore.location", " is a key store of Java's, which is not read here",
                      "'properties.ssl.ca.location' names a PEM file (keytool -exportcert -rfc makes one)", err);
    if (trust.ptr)
        TRY(put(s, STR("ssl.ca.location"), trust, a, err));
    bool packed = str_eq_nocase(key_type, STR("PKCS12")) || str_ends(keys, STR(".p12")) || str_ends(keys, STR(".pfx"));
    if (keys.ptr && packed) {
        TRY(put(s, STR("ssl.keystore.location"), keys, a, err));
    } else if (keys.ptr && str_eq_nocase(key_type, STR("PEM"))) {
        TRY(put(s, STR("ssl.certificate.location"), keys, a, err));
        TRY(put(s, STR("ssl.key.location"), keys, a, err));
    } else if (keys.ptr) {
        return refuse(t, "ssl.keystore.location", " is a key store of Java's, which is not read here",
                      "keytool -importkeystore -deststoretype PKCS12 makes one that is: 'properties.ssl.keystore.type' = 'PKCS12'",
                      err);
    }
    if (!check.ptr)
        return ST_OK;
    return put(s, STR("ssl.endpoint.identification.algorithm"), check.len ? check : STR("none"), a, err);
}

/* Order is kept by one request at a time instead of by idempotence: librdkafka's idempotent producer takes twice the CPU (it
 * polls while requests are under way), and what it saves, a batch repeated when its answer was lost, at-least-once allows. */
static enum status settle_producer(struct kafka_settings *s, const struct table_desc *t, struct arena *a, struct error *err)
{
    if (str_eq(given(t, "acks"), STR("0")) && !str_eq(options_get(&t->options, "sink.delivery-guarantee"), STR("none")))
        return refuse(t, "acks", " = 0: nothing would be known to have arrived",
                      "leave it out, or say 'sink.delivery-guarantee' = 'none'", err);
    if (!has(s, "message.timeout.ms"))
        TRY(kafka_settings_default(s, "delivery.timeout.ms", "120000", a, err));
    if (has(s, "enable.idempotence"))
        return ST_OK;
    TRY(kafka_settings_default(s, "enable.idempotence", "false", a, err));
    return has(s, "max.in.flight") ? ST_OK : kafka_settings_default(s, "max.in.flight.requests.per.connection", "1", a, err);
}

enum status kafka_settings_init(struct kafka_settings *s, const struct table_desc *t, bool producer, struct arena *a,
                                struct error *err)
{
    struct str level = given(t, "isolation.level"), keep = given(t, "commit.offsets.on.checkpoint");
    struct str timeout = given(t, "default.api.timeout.ms");
    *s = (struct kafka_settings){
        .brokers = given(t, "bootstrap.servers"),
        .group = given(t, "group.id"),
        .reset = given(t, "auto.offset.reset"),
        .committed = str_eq(level, STR("read_committed")),
        .keep_offsets = !str_eq_nocase(keep, STR("false")),
        .timeout_ms = 60000,
    };
    if (level.ptr && !s->committed && !str_eq(level, STR("read_uncommitted")))
        return refuse(t, "isolation.level", " is neither", "read_committed or read_uncommitted", err);
    if (timeout.ptr && (!str_to_i64(timeout, &s->timeout_ms) || s->timeout_ms < 100 || s->timeout_ms > 3600000))
        return refuse(t, "default.api.timeout.ms", " is a number of milliseconds", "from 100 to 3600000", err);
    if (s->reset.ptr && !str_eq(s->reset, STR("earliest")) && !str_eq(s->reset, STR("latest")) &&
        !str_eq(s->reset, STR("none")))
        return refuse(t, "auto.offset.reset", " cannot be that", "earliest, latest or none", err);
    for (uint32_t i = 0; i < t->options.count; i++)
        if (str_starts(t->options.at[i].name, STR(PREFIX)))
            TRY(put_given(s, t, &t->options.at[i], a, err));
    TRY(read_jaas(s, t, a, err));
    TRY(read_stores(s, t, a, err));
    return producer ? settle_producer(s, t, a, err) : ST_OK;
}

/* librdkafka's words name the setting. */
static enum status check_each(const struct table_desc *t, const struct kafka_settings *s, struct error *err)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (cluster_settings_check(&s->at[i], 1, err) == ST_OK)
            continue;
        error_prefix(err, "table '%.*s': '" PREFIX "%.*s': ", STR_ARG(t->name), STR_ARG(s->at[i].name));
        error_hint(err, "'" PREFIX "*' are the settings of Kafka's Java client, or librdkafka's");
        if (err)
            err->status = ST_SEMANTIC;
        return ST_SEMANTIC;
    }
    return ST_OK;
}

enum status kafka_settings_check(const struct table_desc *t, struct error *err)
{
    struct arena a;
    struct kafka_settings s;
    arena_init(&a, NULL);
    enum status st = kafka_settings_init(&s, t, true, &a, err);
    if (st == ST_OK)
        st = check_each(t, &s, err);
    arena_release(&a);
    return st;
}
