/* A table into a topic of a cluster, at least once: `flush` waits until the brokers have acknowledged every record of the
 * epoch, and only then the job's commit says that its input was read. Killed in between, the next run writes them again.
 *
 * A writer has a producer of its own. Records are offered to librdkafka's queue; when that is full the batch waits, not the
 * task, until answers have come. The partition is librdkafka's business (murmur2 of the key as Kafka's own client; without a
 * key it sticks to one for a while), unless the table says 'fixed' or 'round-robin'.
 *
 * A stop does not wait for a cluster that is away: after GRACE_MS the records that nobody has acknowledged are named. */
#include "kafka.h"

#define GRACE_MS 5000

struct kafka_sink {
    struct sink base;
    struct connect_context *ctx;
    struct arena arena;
    struct message_layout layout;
    struct kafka_settings settings;
    struct str topic;
    enum message_partitioner partitioner;
};

struct kafka_writer {
    struct sink_writer base;
    struct kafka_sink *sink;
    struct budget *budget;
    struct os_signal *wake;
    struct cluster *cluster;
    struct message_writer *rows;
    struct arena headers; /* of one record */
    uint32_t subtask, turn, partitions;
    const struct record *records; /* of the batch that is being written */
    uint32_t n, at;
    bool opening;
    atomic_int_fast64_t stop_ms; /* when flush saw that the job is to stop; 0: not yet */
};

static enum status sink_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err; /* nothing is taken back */
    return ST_OK;
}

/* ---- life ---- */

static void on_news(void *arg)
{
    struct kafka_writer *w = arg;
    struct os *os = w->sink->ctx->os;
    os->ops->signal_raise(os, w->wake);
}

static bool stopped(void *arg)
{
    struct kafka_writer *w = arg;
    const struct connect_context *ctx = w->sink->ctx;
    const struct connect_extra *x = ctx->extra;
    if (!x || !x->stopping || !x->stopping(x->stopping_arg))
        return false;
    int64_t now = os_mono_ns(ctx->os) / 1000000, since = atomic_load(&w->stop_ms);
    if (since == 0)
        atomic_store(&w->stop_ms, now);
    return w->opening || (since && now - since > GRACE_MS);
}

static void writer_close(struct sink_writer *base)
{
    struct kafka_writer *w = (struct kafka_writer *)base;
    if (!w)
        return;
    cluster_close(w->cluster);
    message_writer_free(w->rows);
    arena_release(&w->headers);
    mem_free(w->budget, w, sizeof *w);
}

static enum status blame(const struct kafka_writer *w, enum status st, struct error *err)
{
    if (st != ST_OK && st != ST_CANCELLED)
        kafka_blame(w->sink->base.table, w->sink->topic, &w->sink->settings, err);
    return st;
}

static enum status writer_start(struct kafka_writer *w, struct error *err)
{
    struct kafka_sink *s = w->sink;
    struct cluster_options o = {
        .os = s->ctx->os,
        .brokers = s->settings.brokers,
        .settings = s->settings.at,
        .n_settings = s->settings.n,
        .stopped = stopped,
        .arg = w,
        .news = on_news,
        .producer = true,
    };
    TRY(message_writer_new(&s->layout, s->ctx, w->budget, &w->rows, err));
    w->opening = true;
    enum status st = cluster_open(&o, &w->cluster, err);
    if (st == ST_OK)
        st = cluster_partitions(w->cluster, s->topic, &w->partitions, err);
    w->opening = false;
    return blame(w, st, err);
}

static enum status sink_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget,
                             struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    struct kafka_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = base->ops;
    w->sink = (struct kafka_sink *)base;
    w->budget = budget;
    w->wake = wake;
    w->subtask = subtask;
    w->turn = (uint32_t)(epoch + subtask);
    arena_init(&w->headers, budget);
    enum status st = writer_start(w, err);
    if (st != ST_OK) {
        writer_close(&w->base);
        return st;
    }
    *ret = &w->base;
    return ST_OK;
}

/* ---- rows ---- */

static int32_t choose(struct kafka_writer *w, const struct record *x)
{
    switch (w->sink->partitioner) {
    case MESSAGE_FIXED:
        return (int32_t)(w->subtask % w->partitions);
    case MESSAGE_ROUND_ROBIN:
        return x->key.ptr ? CLUSTER_BY_KEY : (int32_t)(w->turn++ % w->partitions);
    default:
        return CLUSTER_BY_KEY;
    }
}

static enum status list_headers(struct kafka_writer *w, const struct record *x, struct cluster_record *to, struct error *err)
{
    struct str rest = x->headers;
    struct record_header h;
    arena_reset(&w->headers);
    struct cluster_header *list = ARENA_ARRAY(&w->headers, struct cluster_header, x->n_headers + 1);
    if (!list)
        return connect_memory(w->budget, err);
    while (to->n_headers < x->n_headers && record_header_next(&rest, &h)) {
        struct str name = arena_str(&w->headers, h.key); /* librdkafka's names end in NUL */
        if (!name.ptr)
            return connect_memory(w->budget, err);
        list[to->n_headers++] = (struct cluster_header){ name, h.value };
    }
    to->headers = list;
    return ST_OK;
}

static enum status offer(struct kafka_writer *w, const struct record *x, bool *ret_full, struct error *err)
{
    struct cluster_record to = {
        .topic = w->sink->topic,
        .partition = choose(w, x),
        .timestamp_ms = x->timestamp_ms,
        .key = x->key,
        .value = x->value,
    };
    if (x->n_headers)
        TRY(list_headers(w, x, &to, err));
    TRY(cluster_offer(w->cluster, &to, NULL, ret_full, err));
    if (*ret_full && w->sink->partitioner == MESSAGE_ROUND_ROBIN && !x->key.ptr)
        w->turn--; /* it comes again */
    return ST_OK;
}

static enum status write_records(struct kafka_writer *w, enum write_outcome *ret, struct error *err)
{
    bool full = false;
    TRY(cluster_poll(w->cluster, err));
    for (; w->at < w->n && !full; w->at += !full) {
        const struct record *x = &w->records[w->at];
        TRY(offer(w, x, &full, err));
        if (!full)
            w->base.bytes += x->key.len + x->value.len;
    }
    *ret = full ? WRITE_WAIT : WRITE_DONE;
    if (!full)
        w->n = w->at = 0;
    return ST_OK;
}

static enum status sink_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret, struct error *err)
{
    struct kafka_writer *w = (struct kafka_writer *)base;
    if (w->at == w->n) {
        w->at = w->n = 0;
        TRY(message_writer_put(w->rows, b, os_wall_ms(w->sink->ctx->os), &w->records, &w->n, err));
    }
    return blame(w, write_records(w, ret, err), err);
}

/* ---- commits ---- */

static enum status sink_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                                struct error *err)
{
    (void)w, (void)epoch, (void)final, (void)now_ms, (void)out, (void)err;
    return ST_OK;
}

static enum status sink_flush(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    struct kafka_writer *w = (struct kafka_writer *)base;
    (void)epoch;
    enum status st = cluster_flush(w->cluster, err);
    if (st != ST_CANCELLED)
        return blame(w, st, err);
    error_set(err, ST_UNREACHABLE, "stopped while brokers have not acknowledged %llu records",
              (unsigned long long)cluster_undelivered(w->cluster));
    error_hint(err, w->sink->ctx->durable ? "the next run writes them again" : "with --state-dir DIR the next run would write them again");
    return blame(w, ST_UNREACHABLE, err);
}

static enum status sink_publish(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err; /* it is visible */
    return ST_OK;
}

/* ---- the sink ---- */

static void sink_free(struct sink *base)
{
    struct kafka_sink *s = (struct kafka_sink *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = sink_restore, .open = sink_open, .write = sink_write, .prepare = sink_prepare, .flush = sink_flush,
    .publish = sink_publish, .close = writer_close, .free = sink_free,
};

static enum status refuse_exactly_once(const struct table_desc *t, struct error *err)
{
    if (!str_eq_nocase(options_get(&t->options, "sink.delivery-guarantee"), STR("exactly-once")))
        return ST_OK;
    error_set(err, ST_UNSUPPORTED, "table '%.*s': 'sink.delivery-guarantee' = 'exactly-once' toward a cluster is not there yet",
              STR_ARG(t->name));
    error_hint(err, "'at-least-once' is (a kill may repeat records); --data DIR in place of a cluster is exactly once");
    return ST_UNSUPPORTED;
}

static enum status settle(struct kafka_sink *s, bool upsert, struct error *err)
{
    const struct table_desc *t = s->base.table;
    TRY(refuse_exactly_once(t, err));
    TRY(kafka_settings_init(&s->settings, t, true, &s->arena, err));
    TRY(kafka_brokers(t, s->ctx, &s->settings, err));
    TRY(message_topic(t, &s->topic, err));
    s->partitioner = message_partitioner(t);
    return message_layout_init(&s->layout, t, upsert, &s->arena, err);
}

enum status kafka_open_sink(const struct table_desc *t, bool upsert, struct connect_context *ctx, struct sink **ret,
                            struct error *err)
{
    struct kafka_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct sink){ &ops, t };
    s->ctx = ctx;
    arena_init(&s->arena, ctx->budget);
    enum status st = settle(s, upsert, err);
    if (st != ST_OK) {
        sink_free(&s->base);
        return st;
    }
    *ret = &s->base;
    return ST_OK;
}
