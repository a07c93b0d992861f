/* The handle of librdkafka: settings, opening, closing. It is open when a broker has answered. */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

#include <stdio.h>

#define DEFAULT_TIMEOUT_MS 5000

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    cluster_on_error(opaque, code, reason);
}

static void on_answers(rd_kafka_t *rk, void *opaque)
{
    struct cluster *c = opaque;
    (void)rk;
    c->o.news(c->o.arg);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    cluster_on_delivery(opaque, m);
}

/* ---- opening ---- */

static enum status set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
    char why[256];
    if (rdk.conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return ST_OK;
    return error_set(err, ST_USAGE, "%s", why);
}

static enum status set_all(struct cluster *c, rd_kafka_conf_t *conf, const struct str *brokers, struct error *err)
{
    static const struct {
        const char *name, *value;
        char role; /* 'p'roducer, 'c'onsumer; 0: both */
    } defaults[] = {
        { "client.id", "weir", 0 },
        { "topic.metadata.refresh.interval.ms", "30000", 0 },
        { "reconnect.backoff.max.ms", "1000", 0 },
        { "enable.idempotence", "true", 'p' },
        { "partitioner", "murmur2_random", 'p' },
        { "linger.ms", "5", 'p' },
        { "message.timeout.ms", "30000", 'p' },
        { "topic.metadata.propagation.max.ms", "10000", 0 }, /* a topic that is gone for so long is told of */
        { "queue.buffering.max.kbytes", "32768", 'p' }, /* CLUSTER_QUEUE_BYTES, both */
        { "queued.max.messages.kbytes", "32768", 'c' },
        { "queued.min.messages", "10000000", 'c' }, /* bytes bound it: at a count librdkafka 2.0 pauses a second */
        { "auto.offset.reset", "error", 'c' },
        { "check.crcs", "true", 'c' }, /* brokers send what lies on their disks, unread */
        { "enable.auto.commit", "false", 'c' },
        { "auto.commit.enable", "false", 'c' }, /* the simple consumer's own, for handles with a group */
        { "enable.partition.eof", "true", 'c' },
    };
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (!defaults[i].role || (defaults[i].role == 'p') == c->o.producer)
            TRY(set(conf, defaults[i].name, defaults[i].value, err));
    TRY(set(conf, "bootstrap.servers", brokers->ptr, err));
    if (!c->o.producer)
        TRY(set(conf, "isolation.level", c->o.uncommitted ? "read_uncommitted" : "read_committed", err));
    if (!c->o.producer && c->o.group.ptr) {
        struct str group = arena_str(&c->arena, c->o.group);
        TRY(group.ptr ? set(conf, "group.id", group.ptr, err) : budget_error(c->arena.budget, 0, err));
    }
    if (c->o.producer && c->o.transactional_id)
        TRY(set(conf, "transactional.id", c->o.transactional_id, err));
    for (uint32_t i = 0; i < c->o.n_settings; i++) {
        struct str name = arena_str(&c->arena, c->o.settings[i].name);
        struct str value = arena_str(&c->arena, c->o.settings[i].value);
        if (!name.ptr || !value.ptr)
            return budget_error(c->arena.budget, 0, err);
        TRY(set(conf, name.ptr, value.ptr, err));
    }
    rdk.conf_set_opaque(conf, c);
    rdk.conf_set_log_cb(conf, NULL); /* what matters comes to on_error */
    rdk.conf_set_error_cb(conf, on_error);
    if (c->o.producer)
        rdk.conf_set_dr_msg_cb(conf, on_delivery);
    return ST_OK;
}

enum status cluster_settings_check(const struct option *settings, uint32_t n, struct error *err)
{
    if (n == 0)
        return ST_OK;
    TRY(rdkafka_open(err));
    struct arena a;
    rd_kafka_conf_t *conf = rdk.conf_new();
    enum status st = ST_OK;
    arena_init(&a, budget_process());
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        struct str name = arena_str(&a, settings[i].name), value = arena_str(&a, settings[i].value);
        st = name.ptr && value.ptr ? set(conf, name.ptr, value.ptr, err) : budget_error(a.budget, 0, err);
    }
    arena_release(&a);
    rdk.conf_destroy(conf);
    return st;
}

/* What librdkafka takes for another port, or for no broker at all, and then waits for. */
static enum status check_brokers(struct str brokers, struct error *err)
{
    struct str rest = brokers;
    uint32_t n = 0;
    while (rest.ptr) {
        struct str one = str_trim(str_split(&rest, ',')), host;
        int64_t scheme = str_find(one, STR("://"), 0), colon = 0;
        uint16_t port;
        if (scheme >= 0)
            one = str_make(one.ptr + scheme + 3, one.len - (size_t)scheme - 3);
        n += one.len > 0;
        if (one.len > 0 && one.ptr[one.len - 1] != ']')
            colon = str_find(one, STR(":"), 0);
        bool several = colon > 0 && one.ptr[0] != '[' && str_find(one, STR(":"), (size_t)colon + 1) > 0; /* IPv6 */
        if (colon > 0 && !several && !os_addr_split(one, &host, &port)) {
            error_set(err, ST_USAGE, "'%.*s' is no broker", (int)(one.len < 80 ? one.len : 80), one.ptr);
            error_hint(err, "HOST:PORT, several by commas; a port is at most 65535");
            return ST_USAGE;
        }
    }
    if (n == 0)
        return error_set(err, ST_USAGE, "no broker is named: HOST:PORT, several by commas");
    return ST_OK;
}

enum status cluster_open(const struct cluster_options *o, struct cluster **ret, struct error *err)
{
    TRY(check_brokers(o->brokers, err));
    TRY(rdkafka_open(err));
    struct cluster *c = mem_calloc(NULL, sizeof *c);
    if (!c)
        return budget_error(budget_process(), sizeof *c, err);
    c->o = *o;
    c->o.timeout_ms = o->timeout_ms ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
    atomic_flag_clear(&c->words);
    arena_init(&c->arena, budget_process());
    arena_init(&c->scratch, budget_process());
    c->o.brokers = arena_str(&c->arena, o->brokers);
    rd_kafka_conf_t *conf = rdk.conf_new();
    char why[256];
    enum status st = c->o.brokers.ptr ? set_all(c, conf, &c->o.brokers, err) : budget_error(budget_process(), 0, err);
    if (st == ST_OK) {
        c->rk = rdk.new(o->producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, why, sizeof why);
        if (!c->rk)
            st = error_set(err, ST_USAGE, "%s", why);
    }
    if (!c->rk)
        rdk.conf_destroy(conf);
    const struct rd_kafka_metadata *m = NULL;
    if (st == ST_OK) {
        c->queue = rdk.queue_new(c->rk);
        st = cluster_metadata(c, &m, err);
    }
    if (st == ST_OK && o->news) {
        c->answers = rdk.queue_get_main(c->rk);
        rdk.queue_cb_event_enable(c->answers, on_answers, c);
    }
    if (m)
        rdk.metadata_destroy(m);
    if (st != ST_OK) {
        cluster_close(c);
        return st;
    }
    *ret = c;
    return ST_OK;
}

void cluster_close(struct cluster *c)
{
    if (!c)
        return;
    if (c->message)
        rdk.message_destroy(c->message);
    if (c->rk && c->o.producer)
        rdk.purge(c->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    c->o.delivered = NULL;
    cluster_read_end(c);
    if (c->answers) {
        rdk.queue_cb_event_enable(c->answers, NULL, NULL);
        rdk.queue_destroy(c->answers);
    }
    for (struct cluster_source *s = c->sources; s; s = s->next)
        rdk.topic_destroy(s->handle);
    if (c->queue)
        rdk.queue_destroy(c->queue);
    if (c->rk)
        rdk.destroy_flags(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    arena_release(&c->arena);
    arena_release(&c->scratch);
    mem_free(NULL, c, sizeof *c);
}

struct rd_kafka_topic_s *cluster_source_of(struct cluster *c, struct str name, struct error *err)
{
    for (struct cluster_source *s = c->sources; s; s = s->next)
        if (str_eq(s->name, name))
            return s->handle;
    struct cluster_source *s = ARENA_NEW(&c->arena, struct cluster_source);
    struct str copy = arena_str(&c->arena, name);
    if (!s || !copy.ptr) {
        budget_error(c->arena.budget, name.len, err);
        return NULL;
    }
    s->handle = rdk.topic_new(c->rk, copy.ptr, NULL);
    if (!s->handle) {
        cluster_code_error(c, (int)rdk.last_error(), copy.ptr, NULL, err);
        return NULL;
    }
    s->name = copy;
    s->next = c->sources;
    c->sources = s;
    return s->handle;
}
