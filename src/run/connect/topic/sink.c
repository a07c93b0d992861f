/* A table into a topic, exactly once: rows become record batches during the epoch, in memory; `flush` puts them into the
 * group that the job's commit makes durable together with its state. Nothing is visible before, nothing is taken back.
 *
 * A writer has a lane for each partition: the batch that is begun, and those that are finished, each in bytes of its own which
 * the log takes as they are, and which are used again when it is done with them. `prepare` finishes what is begun. Without a key all rows of an epoch go to one partition,
 * the next epoch's to the next (so batches are as large as they can be); 'round-robin' deals row by row. */
#include "table.h"

#define BATCH_BYTES ((size_t)256 << 10) /* about; a record may be as large as the topic allows */
#define BLOCK_BYTES ((uint32_t)272 << 10) /* for such a batch */
#define SPARE_MAX 64u                   /* blocks that are kept: of a commit at full speed */

struct log_sink {
    struct sink base;
    struct connect_context *ctx;
    struct connect_log *log;
    struct arena arena;
    struct message_layout layout;
    struct topic *topic;
    enum message_partitioner partitioner;
    enum record_codec codec;
};

struct lane {
    struct record_builder *builder;
    struct shared **finished;
    uint32_t n, cap;
};

struct log_writer {
    struct sink_writer base;
    struct log_sink *sink;
    struct budget *budget;
    struct message_writer *records;
    struct lane *lanes;
    uint32_t n_lanes;
    struct shared *spare[SPARE_MAX]; /* blocks that the log has, or had */
    uint32_t n_spare;
    size_t record_max;
    uint32_t subtask, turn;
};

static enum status log_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err; /* what no commit holds was never written */
    return ST_OK;
}

static void lane_clear(struct lane *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        shared_unref(l->finished[i]);
    l->n = 0;
}

static void log_close(struct sink_writer *base)
{
    struct log_writer *w = (struct log_writer *)base;
    if (!w)
        return;
    for (uint32_t i = 0; i < w->n_lanes; i++) {
        record_builder_free(w->lanes[i].builder);
        lane_clear(&w->lanes[i]);
        mem_free(w->budget, w->lanes[i].finished, w->lanes[i].cap * sizeof *w->lanes[i].finished);
    }
    for (uint32_t i = 0; i < w->n_spare; i++)
        shared_unref(w->spare[i]);
    mem_free(w->budget, w->lanes, w->n_lanes * sizeof *w->lanes);
    message_writer_free(w->records);
    mem_free(w->budget, w, sizeof *w);
}

/* As many lanes as the topic has partitions now. */
static enum status find_partitions(struct log_writer *w, struct error *err)
{
    uint32_t n = topic_partitions(w->sink->topic);
    if (n <= w->n_lanes)
        return ST_OK;
    struct lane *lanes = mem_realloc(w->budget, w->lanes, w->n_lanes * sizeof *lanes, n * sizeof *lanes);
    if (!lanes)
        return connect_memory(w->budget, err);
    memset(lanes + w->n_lanes, 0, (n - w->n_lanes) * sizeof *lanes);
    w->lanes = lanes;
    w->n_lanes = n;
    return ST_OK;
}

static enum status log_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget,
                            struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)wake;
    struct log_sink *s = (struct log_sink *)base;
    struct log_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = base->ops;
    w->sink = s;
    w->budget = budget;
    w->subtask = subtask;
    w->turn = (uint32_t)(epoch + subtask);
    w->record_max = (size_t)topic_config(s->topic, TOPIC_MAX_MESSAGE_BYTES);
    enum status st = find_partitions(w, err);
    if (st == ST_OK)
        st = message_writer_new(&s->layout, s->ctx, budget, &w->records, err);
    if (st != ST_OK) {
        log_close(&w->base);
        return st;
    }
    *ret = &w->base;
    return ST_OK;
}

/* ---- rows ---- */

static uint32_t choose(struct log_writer *w, struct str key)
{
    uint32_t n = w->n_lanes;
    switch (w->sink->partitioner) {
    case MESSAGE_FIXED:
        return w->subtask % n;
    case MESSAGE_ROUND_ROBIN:
        return w->turn++ % n;
    default:
        return key.ptr ? record_partition_murmur2(key, n) : w->turn % n;
    }
}

static enum status finish(struct log_writer *w, struct lane *l, struct error *err)
{
    struct shared *bytes = NULL;
    if (!l->builder)
        return ST_OK;
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 8;
        struct shared **grown = mem_realloc(w->budget, l->finished, l->cap * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return connect_memory(w->budget, err);
        l->finished = grown;
        l->cap = cap;
    }
    TRY(record_builder_finish_shared(l->builder, RECORD_NO_PRODUCER, &bytes, err));
    if (bytes)
        l->finished[l->n++] = bytes;
    return ST_OK;
}

/* A builder that begins a batch gets a block, where nobody else holds one any more. Those of small batches grow by themselves. */
static void give_block(struct log_writer *w, struct lane *l)
{
    struct shared *last = w->n_spare ? w->spare[w->n_spare - 1] : NULL;
    if (last && atomic_load_explicit(&last->refs, memory_order_acquire) == 1 && record_builder_block(l->builder, last))
        w->n_spare--;
}

static enum status put_record(struct log_writer *w, struct lane *l, const struct record *x, struct error *err)
{
    bool full;
    if (!l->builder)
        TRY(record_builder_new(w->sink->codec, w->record_max, w->budget, &l->builder, err));
    if (record_builder_count(l->builder) == 0)
        give_block(w, l);
    TRY(record_builder_add(l->builder, x, &full, err));
    if (full) {
        TRY(finish(w, l, err));
        TRY(record_builder_add(l->builder, x, &full, err));
    }
    return record_builder_bytes(l->builder) < BATCH_BYTES ? ST_OK : finish(w, l, err);
}

static enum status log_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret, struct error *err)
{
    struct log_writer *w = (struct log_writer *)base;
    const struct record *at;
    uint32_t n;
    TRY(message_writer_put(w->records, b, os_wall_ms(w->sink->ctx->os), &at, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        TRY(put_record(w, &w->lanes[choose(w, at[i].key)], &at[i], err));
        base->bytes += at[i].value.len + at[i].key.len + at[i].headers.len;
    }
    *ret = WRITE_DONE;
    return ST_OK;
}

/* ---- commits ---- */

static enum status log_prepare(struct sink_writer *base, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                               struct error *err)
{
    struct log_writer *w = (struct log_writer *)base;
    (void)final, (void)now_ms, (void)out;
    for (uint32_t i = 0; i < w->n_lanes; i++)
        TRY(finish(w, &w->lanes[i], err));
    if (w->sink->partitioner == MESSAGE_BY_KEY)
        w->turn = (uint32_t)(epoch + 1 + w->subtask);
    return ST_OK;
}

static enum status flush_lane(struct log_writer *w, struct lane *l, uint32_t partition, struct error *err)
{
    struct connect_log *log = w->sink->log;
    bool append_time = topic_config(w->sink->topic, TOPIC_TIMESTAMP_TYPE) != 0;
    if (l->n && !log->group)
        log->group = topic_group_new(log->topics, NULL);
    if (l->n && !log->group)
        return connect_memory(NULL, err);
    for (uint32_t i = 0; i < l->n; i++) {
        struct shared *bytes = l->finished[i];
        bool keep = bytes->cap == BLOCK_BYTES && w->n_spare < SPARE_MAX && w->n_spare < budget_left(w->budget) / 8 / BLOCK_BYTES;
        if (append_time)
            record_batch_stamp_time(bytes->data, true, os_wall_ms(w->sink->ctx->os));
        TRY(topic_group_append(log->group, topic_partition(w->sink->topic, partition), bytes, 0, bytes->len, err));
        if (keep)
            w->spare[w->n_spare++] = shared_ref(bytes);
    }
    lane_clear(l);
    return ST_OK;
}

static enum status log_flush(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    struct log_writer *w = (struct log_writer *)base;
    (void)epoch;
    while (w->n_spare > 0 && w->n_spare > budget_left(w->budget) / 8 / BLOCK_BYTES) /* memory runs short */
        shared_unref(w->spare[--w->n_spare]);
    for (uint32_t i = 0; i < w->n_lanes; i++)
        TRY(flush_lane(w, &w->lanes[i], i, err));
    return find_partitions(w, err);
}

static enum status log_publish(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err; /* the commit has done it */
    return ST_OK;
}

static void log_free(struct sink *base)
{
    struct log_sink *s = (struct log_sink *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    topic_unref(s->topic);
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = log_restore, .open = log_open, .write = log_write, .prepare = log_prepare, .flush = log_flush,
    .publish = log_publish, .close = log_close, .free = log_free,
};

/* ---- the sink ---- */

/* A topic that is not there is made with one partition, as a Kafka broker does for its producers; of a table whose rows replace
 * each other a compacted one. */
static enum status find_topic(struct log_sink *s, struct error *err)
{
    static const struct topic_config_change compact = { STR_INIT("cleanup.policy"), STR_INIT("compact"), TOPIC_SET };
    struct str table = s->base.table->name, name;
    TRY(message_topic(s->base.table, &name, err));
    s->topic = topics_find(s->log->topics, name);
    if (!s->topic) {
        struct topic_admin a = { .kind = TOPIC_ADMIN_CREATE, .name = name, .partitions = 1, .changes = &compact,
                                 .n_changes = s->layout.upsert };
        TRY(topics_admin_wait(s->log->topics, &a, err));
        s->topic = topics_find(s->log->topics, name);
    }
    if (!s->topic || topic_internal(s->topic))
        return error_set(err, ST_SEMANTIC, "table '%.*s': topic '%.*s' cannot be written to", STR_ARG(table), STR_ARG(name));
    if ((topic_config(s->topic, TOPIC_CLEANUP_POLICY) & TOPIC_COMPACT) && s->layout.key.schema.n_fields == 0) {
        error_set(err, ST_SEMANTIC, "table '%.*s': topic '%.*s' is compacted, so its records need keys", STR_ARG(table),
                  STR_ARG(name));
        error_hint(err, "set 'key.fields' and 'key.format'");
        return ST_SEMANTIC;
    }
    return ST_OK;
}

enum status log_open_sink(const struct table_desc *t, bool upsert, struct connect_context *ctx, struct sink **ret,
                          struct error *err)
{
    struct connect_log *log;
    TRY(log_of(t, ctx, &log, err));
    if (!ctx->durable)
        return error_set(err, ST_USAGE, "table '%.*s': only an INSERT that keeps its state in the log writes to it",
                         STR_ARG(t->name));
    struct log_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct sink){ &ops, t };
    s->ctx = ctx;
    s->log = log;
    s->partitioner = message_partitioner(t);
    s->codec = log_codec(t);
    arena_init(&s->arena, ctx->budget);
    enum status st = message_layout_init(&s->layout, t, upsert, &s->arena, err);
    if (st == ST_OK)
        st = find_topic(s, err);
    if (st != ST_OK) {
        log_free(&s->base);
        return st;
    }
    *ret = &s->base;
    return ST_OK;
}
