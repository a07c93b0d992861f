/* Topics of a cluster as a table. A split is a partition, "topic/00003", read through a feed of its own; librdkafka's threads
 * fetch, this side takes what has come and never waits.
 *
 * A reader stages what a take gave, at most STAGE_BYTES of it, into a counted chunk that the decoder's strings may reference
 * (where librdkafka has received it, it lies between other things and in many buffers), and turns the records into rows.
 * Tombstones and bad records move the position like others.
 *
 * A partition ends where `stop` is reached: by a record behind it, or by the feed's word that nothing lies before (the last
 * offsets may be a transaction's marker, or compacted away). While no broker answers a bounded scan gives up after
 * 'properties.default.api.timeout.ms'; one that follows stays, and splits.c says so.
 *
 * position: u8 1, u64 next offset, u64 stop (INT64_MAX: none), as of the topic connector. */
#include "source.h"

#define STAGE_BYTES ((size_t)128 << 10)
#define STAGE_RECORDS 128u
#define TURNS_MAX 64u
#define AWAY_LOOK_MS 500
#define VERSION 1

struct kafka_reader {
    struct split_reader base;
    struct kafka_source *source;
    struct budget *budget;
    struct kafka_split *split;
    struct os_signal *wake;
    int64_t next, stop;
    struct cluster_feed *feed; /* NULL: nothing to read */
    uint32_t taken, at;        /* what the feed gave, and what of that was staged */
    int64_t end;               /* the feed said: nothing is before this offset; behind what is staged. -1: it did not */
    /* staged */
    struct message_reader *rows;
    struct message_origin origin;
    struct shared *chunk;
    struct buf headers; /* of one record, raw */
    uint32_t n_staged, done;
    struct record staged[STAGE_RECORDS];
};

/* ---- life ---- */

static void on_news(void *arg)
{
    struct kafka_reader *r = arg;
    struct os *os = r->source->ctx->os;
    os->ops->signal_raise(os, r->wake);
}

static enum status no_place(const struct kafka_reader *r, struct error *err)
{
    const struct kafka_source *s = r->source;
    const struct table_desc *t = s->base.table;
    struct message_bound b = r->next < 0 ? message_start(t) : message_stop(t);
    if (b.mode != MESSAGE_GROUP)
        return error_set(err, ST_SEMANTIC, "table '%.*s': no offset is given for partition %u of '%.*s'", STR_ARG(t->name),
                         r->split->partition, STR_ARG(r->split->topic));
    if (s->settings.group.len == 0) {
        error_set(err, ST_SEMANTIC, "table '%.*s': where is it to begin? There is no group, whose offsets 'scan.%s.mode' asks for",
                  STR_ARG(t->name), r->next < 0 ? "startup" : "bounded");
        error_hint(err, "'scan.startup.mode' = 'earliest-offset' (or 'latest-offset'), or a group by 'properties.group.id'");
        return ST_SEMANTIC;
    }
    error_set(err, ST_NOT_FOUND, "table '%.*s': group '%.*s' has committed no offset for partition %u of '%.*s'",
              STR_ARG(t->name), STR_ARG(s->settings.group), r->split->partition, STR_ARG(r->split->topic));
    error_hint(err, "'properties.auto.offset.reset' = 'earliest' (or 'latest') says where to begin then");
    return ST_NOT_FOUND;
}

static enum status place(struct kafka_reader *r, struct str position, struct error *err)
{
    struct reader in = reader_make(position.ptr, position.len);
    uint8_t version;
    uint64_t next, stop;
    r->next = r->split->start;
    r->stop = r->split->stop;
    if (position.len == 0)
        return r->next < 0 || r->stop < 0 ? no_place(r, err) : ST_OK;
    if (!read_u8(&in, &version) || version != VERSION || !read_u64(&in, &next) || !read_u64(&in, &stop) ||
        in.at != in.end || next > INT64_MAX || stop > INT64_MAX)
        return error_set(err, ST_CORRUPT, "the committed position of '%.*s' cannot be read", STR_ARG(r->split->id));
    r->next = (int64_t)next;
    r->stop = (int64_t)stop;
    return ST_OK;
}

static void reader_close(struct split_reader *base)
{
    struct kafka_reader *r = (struct kafka_reader *)base;
    if (!r)
        return;
    cluster_feed_close(r->feed);
    message_reader_free(r->rows);
    shared_unref(r->chunk);
    buf_release(&r->headers);
    mem_free(r->budget, r, sizeof *r);
}

static enum status reader_start(struct kafka_reader *r, struct str id, struct str position, struct error *err)
{
    struct kafka_source *s = r->source;
    r->split = kafka_split_of(s, id);
    if (!r->split) {
        error_set(err, ST_NOT_FOUND, "table '%.*s': partition '%.*s', which was being read, is not there any more",
                  STR_ARG(s->base.table->name), STR_ARG(id));
        return ST_NOT_FOUND;
    }
    TRY(place(r, position, err));
    TRY(message_reader_new(&s->layout, s->needs, s->ctx, r->split->id, r->budget, &r->rows, err));
    r->origin = (struct message_origin){ .topic = r->split->topic, .partition = r->split->partition, .leader_epoch = -1 };
    if (r->next >= r->stop)
        return ST_OK;
    struct cluster_feed_options o = {
        .topic = r->split->topic,
        .partition = (int32_t)r->split->partition,
        .offset = r->next,
        .headers = s->headers,
        .news = on_news,
        .arg = r,
    };
    enum status st = cluster_feed_open(s->cluster, &o, &r->feed, err);
    if (st != ST_OK)
        kafka_blame(s->base.table, (struct str){ 0 }, &s->settings, err);
    return st;
}

static enum status reader_open(struct source *base, const struct split *split, struct str position, struct budget *budget,
                               struct os_signal *wake, struct split_reader **ret, struct error *err)
{
    struct kafka_reader *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    r->base.ops = base->ops;
    r->source = (struct kafka_source *)base;
    r->budget = budget;
    r->wake = wake;
    atomic_store(&r->source->wake, wake);
    r->end = -1;
    buf_init(&r->headers, budget, INT32_MAX / 2);
    enum status st = reader_start(r, split->id, position, err);
    if (st != ST_OK) {
        reader_close(&r->base);
        return st;
    }
    *ret = &r->base;
    return ST_OK;
}

/* ---- staging ---- */

static size_t bytes_of(const struct cluster_record *x)
{
    size_t n = x->key.len + x->value.len;
    for (uint32_t i = 0; i < x->n_headers; i++)
        n += x->headers[i].name.len + x->headers[i].value.len + 20; /* two lengths as varints */
    return n;
}

static struct str keep(struct shared *c, struct str s)
{
    if (!s.ptr)
        return s;
    uint8_t *to = c->data + c->len;
    if (s.len)
        memcpy(to, s.ptr, s.len);
    c->len += (uint32_t)s.len;
    return str_make(to, s.len);
}

/* Room for `len` bytes and the slack behind them, in this chunk or in a new one. */
static enum status make_room(struct kafka_reader *r, size_t len, struct error *err)
{
    size_t cap = (len > STAGE_BYTES ? len : STAGE_BYTES) + MESSAGE_SLACK;
    if (len > INT32_MAX / 2)
        return error_set(err, ST_LIMIT, "'%.*s': a record of %zu bytes", STR_ARG(r->split->id), len);
    if (r->chunk && atomic_load_explicit(&r->chunk->refs, memory_order_acquire) == 1 && r->chunk->cap >= cap) {
        r->chunk->len = 0;
        return ST_OK;
    }
    struct shared *fresh = shared_new(r->budget, (uint32_t)cap);
    if (!fresh)
        return budget_error(r->budget, cap, err);
    shared_unref(r->chunk);
    r->chunk = fresh;
    return ST_OK;
}

static enum status stage_headers(struct kafka_reader *r, const struct cluster_record *x, struct record *to, struct error *err)
{
    buf_clear(&r->headers);
    for (uint32_t i = 0; i < x->n_headers; i++)
        if (!record_header_put(&r->headers, (struct record_header){ x->headers[i].name, x->headers[i].value }))
            return connect_memory(r->budget, err);
    to->headers = keep(r->chunk, buf_str(&r->headers));
    to->n_headers = x->n_headers;
    return ST_OK;
}

/* Takes records of the feed into `staged` while they are alike (one origin tells of all of them) and small enough. */
static enum status stage(struct kafka_reader *r, struct error *err)
{
    struct cluster_record x;
    enum cluster_event event;
    r->n_staged = r->done = 0;
    for (; r->at < r->taken && r->n_staged < STAGE_RECORDS; r->at++) {
        TRY(cluster_feed_at(r->feed, r->at, &event, &x, err));
        if (event == CLUSTER_QUIET)
            continue;
        if (event == CLUSTER_AT_END || x.offset >= r->stop) {
            r->end = event == CLUSTER_AT_END ? x.offset : r->stop;
            r->at++;
            return ST_OK;
        }
        if (x.offset < r->next)
            continue;
        enum message_time time = x.clock == CLUSTER_CREATE_TIME   ? MESSAGE_CREATED
                                 : x.clock == CLUSTER_APPEND_TIME ? MESSAGE_APPENDED
                                                                  : MESSAGE_NO_TIME;
        bool alike = r->n_staged == 0 || (time == r->origin.time && x.leader_epoch == r->origin.leader_epoch);
        size_t bytes = bytes_of(&x);
        if (r->n_staged == 0)
            TRY(make_room(r, bytes, err));
        if (!alike || r->chunk->cap - MESSAGE_SLACK - r->chunk->len < bytes)
            return ST_OK;
        r->origin.time = time;
        r->origin.leader_epoch = x.leader_epoch;
        struct record *to = &r->staged[r->n_staged++];
        *to = (struct record){ .offset = x.offset, .timestamp_ms = x.timestamp_ms };
        to->key = keep(r->chunk, x.key);
        to->value = keep(r->chunk, x.value);
        if (x.n_headers)
            TRY(stage_headers(r, &x, to, err));
    }
    return ST_OK;
}

/* *ret_none: nothing has come. */
static enum status next_stage(struct kafka_reader *r, bool *ret_none, struct error *err)
{
    *ret_none = false;
    r->n_staged = r->done = 0;
    if (r->end > r->next)
        r->next = r->end;
    r->end = -1;
    if (r->next >= r->stop)
        return ST_OK;
    if (r->at == r->taken) {
        r->at = 0;
        r->taken = cluster_feed_take(r->feed);
        *ret_none = r->taken == 0;
    }
    enum status st = *ret_none ? cluster_lost(r->source->cluster, err) : stage(r, err);
    if (st == ST_DATA)
        error_hint(err, "retention has taken it away, or the topic is another one now; without its state a job begins by 'scan.startup.mode'");
    if (st != ST_OK)
        kafka_blame(r->source->base.table, (struct str){ 0 }, &r->source->settings, err);
    return st;
}

/* ---- reading ---- */

/* A bounded scan does not wait for ever: while nobody answers it looks again from time to time. */
static enum status look_away(const struct kafka_reader *r, int64_t *ret_wake_ms, struct error *err)
{
    struct kafka_source *s = r->source;
    char why[256];
    if (!s->bounded)
        return ST_OK;
    int64_t away_ms = cluster_away_ms(s->cluster, why, sizeof why);
    if (away_ms == 0)
        return ST_OK;
    *ret_wake_ms = os_mono_ns(s->ctx->os) / 1000000 + AWAY_LOOK_MS;
    if (away_ms < s->settings.timeout_ms)
        return ST_OK;
    error_set(err, ST_UNREACHABLE, "no broker has answered for %lld s: %s", (long long)(away_ms / 1000), why);
    error_hint(err, "'properties.default.api.timeout.ms' says how long to wait");
    kafka_blame(s->base.table, r->split->topic, &s->settings, err);
    return ST_UNREACHABLE;
}

static enum status take_rows(struct kafka_reader *r, struct batch *out, struct error *err)
{
    uint32_t taken = 0;
    const struct record *from = &r->staged[r->done];
    TRY(message_reader_take(r->rows, &r->origin, r->chunk, from, r->n_staged - r->done, out, &taken, err));
    for (uint32_t i = 0; i < taken; i++)
        r->base.bytes += from[i].key.len + from[i].value.len;
    if (taken)
        r->next = from[taken - 1].offset + 1;
    r->done += taken;
    return ST_OK;
}

static enum status reader_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                               int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    struct kafka_reader *r = (struct kafka_reader *)base;
    uint32_t stop = out->capacity - out->count < max_rows ? out->capacity : out->count + max_rows;
    *ret_watermark_ms = INT64_MIN;
    *ret_wake_ms = INT64_MAX;
    *ret = READ_ROWS;
    for (uint32_t turns = 0; turns < TURNS_MAX && out->count < stop; turns++) {
        bool none;
        if (r->next >= r->stop) {
            *ret = READ_END;
            return ST_OK;
        }
        if (r->done < r->n_staged) {
            uint32_t before = out->count;
            TRY(take_rows(r, out, err));
            if (r->done < r->n_staged && out->count == before)
                return ST_OK; /* no room for a record's rows */
            continue;
        }
        TRY(next_stage(r, &none, err));
        if (!none)
            continue;
        if (out->count > 0)
            return ST_OK;
        shared_unref(r->chunk); /* there may be many who wait */
        r->chunk = NULL;
        *ret = READ_WAIT;
        return look_away(r, ret_wake_ms, err);
    }
    return ST_OK;
}

static enum status reader_position(struct split_reader *base, struct buf *out, struct error *err)
{
    struct kafka_reader *r = (struct kafka_reader *)base;
    r->split->noted = r->next;
    bool ok = buf_put_u8(out, VERSION) && buf_put_u64(out, (uint64_t)r->next) && buf_put_u64(out, (uint64_t)r->stop);
    return ok ? ST_OK : connect_memory(out->budget, err);
}

/* ---- commits ---- */

static void source_seal(struct source *base, struct str id)
{
    struct kafka_split *k = kafka_split_of((struct kafka_source *)base, id);
    if (k)
        atomic_store(&k->sealed, k->noted);
}

static void source_committed(struct source *base, uint64_t epoch)
{
    struct kafka_source *s = (struct kafka_source *)base;
    (void)epoch;
    for (struct kafka_split *k = atomic_load(&s->splits); k; k = k->next)
        atomic_store(&k->durable, atomic_load(&k->sealed));
}

/* ---- the source ---- */

static void source_free(struct source *base)
{
    struct kafka_source *s = (struct kafka_source *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    s->closing_ms = os_mono_ns(s->ctx->os) / 1000000;
    kafka_keep_offsets(s, true);
    cluster_close(s->cluster);
    message_topics_release(&s->topics);
    arena_release(&s->found);
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct source_ops ops = {
    .splits = kafka_splits, .open = reader_open, .read = reader_read, .position = reader_position, .close = reader_close,
    .seal = source_seal, .committed = source_committed, .free = source_free,
};

/* Headers are a MAP to build: only where the query looks at them. */
static bool wants_headers(const struct kafka_source *s)
{
    for (uint32_t i = 0; i < s->layout.n_read; i++)
        if (s->layout.read[i].what == MESSAGE_HEADERS)
            return !s->needs || s->needs[s->layout.read[i].at].used;
    return false;
}

static enum status settle(struct kafka_source *s, const struct need *needs, struct error *err)
{
    const struct table_desc *t = s->base.table;
    uint32_t n = t->read_row.n_fields;
    TRY(kafka_settings_init(&s->settings, t, false, &s->arena, err));
    TRY(kafka_brokers(t, s->ctx, &s->settings, err));
    TRY(message_layout_init(&s->layout, t, kafka_upsert(t), &s->arena, err));
    TRY(message_topics_init(&s->topics, t, &s->arena, err));
    struct need *own = needs ? ARENA_ARRAY(&s->arena, struct need, n + 1) : NULL;
    if (needs && !own)
        return connect_memory(s->arena.budget, err);
    for (uint32_t i = 0; needs && i < n; i++)
        own[i] = needs[i];
    s->needs = own;
    s->bounded = message_stop(t).mode != MESSAGE_UNBOUNDED;
    s->headers = wants_headers(s);
    s->discover_ms = message_discover_ms(t);
    return ST_OK;
}

enum status kafka_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                              int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    struct kafka_source *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct source){ .ops = &ops, .table = t, .open_all = true };
    s->ctx = ctx;
    arena_init(&s->arena, ctx->budget);
    arena_init(&s->found, ctx->budget);
    enum status st = settle(s, needs, err);
    if (st != ST_OK) {
        source_free(&s->base);
        return st;
    }
    *ret_discover_ms = kafka_look_ms(s);
    *ret = &s->base;
    return ST_OK;
}
