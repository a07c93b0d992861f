/* A source: reads the splits that belong to this shard, round robin over at most MAX_OPEN at once.
 *
 * The store `positions` has an entry a split: where its next read goes on, or that it is finished. It is written at
 * barriers, when everything read before has passed the chain, so a position never runs ahead of what it stands for.
 * The store is kept by every shard (broadcast), since another parallelism deals the splits out anew; each shard
 * changes only its own.
 *
 * Some sources have all splits open, however many (open_all), so that where each begins is part of the next commit.
 *
 * Every known split is announced (SPLIT_OPEN) before its first row, also those still waiting to be opened: a split that
 * has not been read holds the watermark back. */
#include "exec/exec_private.h"

#define MAX_OPEN 64u

struct open_split {
    struct str id;
    struct split_reader *reader; /* NULL: not opened, or finished */
    /* READ_WAIT: not before this on the mono clock; INT64_MAX: when the wake signal comes */
    int64_t wake_ms;
    bool announced, quiet, finished, moved;
};

struct source_op {
    struct op op;
    struct store *positions;
    struct source *source;
    struct arena arena;
    ARRAY(struct open_split) splits;
    uint32_t next, n_open, unfinished, unannounced;
    bool complete; /* no further splits will come */
    bool idle;     /* told so: this shard has no split to read now and must not hold time back */
    struct batch *batch;
    struct buf position;
};

static enum status source_open(struct op *o, struct error *err)
{
    struct source_op *s = (struct source_op *)o;
    arena_init(&s->arena, o->budget);
    buf_init(&s->position, o->budget, 1u << 20);
    s->batch = batch_new(&o->node->schema, o->ctx->capacity, o->budget);
    if (!s->batch)
        return budget_error(o->budget, 0, err);
    return op_add_store(o, "positions", sizeof(struct blob_value), 8, blob_at_zero, 1, STR("position"), true,
                        &s->positions, err);
}


static void source_close(struct op *o)
{
    struct source_op *s = (struct source_op *)o;
    for (uint32_t i = 0; i < s->splits.count; i++)
        if (s->splits.at[i].reader)
            s->source->ops->close(s->splits.at[i].reader);
    batch_free(s->batch);
    buf_release(&s->position);
    arena_release(&s->arena);
}

/* Position entries: one byte 1 (finished) or 0, then the reader's bytes. */
static bool save_position(struct source_op *s, struct open_split *k, struct error *err, bool *ret_failed)
{
    buf_clear(&s->position);
    *ret_failed = false;
    if (!buf_put_u8(&s->position, k->finished))
        return false;
    if (k->reader && s->source->ops->position(k->reader, &s->position, err) != ST_OK) {
        *ret_failed = true;
        return false;
    }
    k->moved = false;
    return op_put_blob(s->positions, k->id, buf_str(&s->position));
}

static enum status open_reader(struct source_op *s, struct open_split *k, struct error *err)
{
    struct split split = { k->id };
    struct str saved = op_get_blob(s->positions, k->id);
    if (s->op.ctx->planted & (1u << 6)) /* JOB_BUG_LOST_POSITION */
        saved.len = 0;
    if (saved.len) {
        saved.ptr++;
        saved.len--;
    }
    TRY(s->source->ops->open(s->source, &split, saved, s->op.budget, s->op.ctx->wake, &k->reader, err));
    k->moved = true;
    s->n_open++;
    return ST_OK;
}

/* Takes over splits that job has found since the last look. */
static enum status take_splits(struct source_op *s, struct error *err)
{
    const struct split *list;
    uint32_t n;
    s->op.ctx->splits(s->op.ctx, s->op.node, &list, &n, &s->complete);
    while (s->splits.count < n) {
        struct open_split *k = array_add(&s->splits, &s->arena);
        if (!k)
            return budget_error(s->op.budget, 0, err);
        k->id = arena_str(&s->arena, list[s->splits.count - 1].id);
        if (!k->id.ptr)
            return budget_error(s->op.budget, 0, err);
        k->wake_ms = INT64_MIN;
        struct str saved = op_get_blob(s->positions, k->id);
        bool restored = saved.len > 0 && !(s->op.ctx->planted & (1u << 6));
        k->finished = restored && saved.ptr[0] == 1;
        if (k->finished)
            k->announced = true;
        else
            s->unfinished++, s->unannounced++;
        if (s->source->open_all && !k->finished)
            TRY(open_reader(s, k, err));
    }
    return ST_OK;
}

static enum status source_start(struct op *o, struct error *err)
{
    struct source_op *s = (struct source_op *)o;
    int64_t discover_ms;
    s->source = o->ctx->source(o->ctx, o->node, &discover_ms);
    TRY(take_splits(s, err));
    o->silent = s->unfinished == 0;
    s->idle = o->silent && !s->complete;
    return ST_OK;
}

static bool announce(struct source_op *s, struct emit *out)
{
    for (uint32_t i = 0; i < s->splits.count; i++) {
        struct open_split *k = &s->splits.at[i];
        if (k->announced)
            continue;
        k->announced = true;
        s->unannounced--;
        out->has_split = true;
        out->what = SPLIT_OPEN;
        out->split = i;
        out->split_id = k->id;
        return true;
    }
    return false;
}

static void say(struct emit *out, uint32_t split, enum split_event what)
{
    out->has_split = true;
    out->what = what;
    out->split = split;
}

static enum op_result finish_split(struct source_op *s, uint32_t i, struct emit *out, struct error *err)
{
    struct open_split *k = &s->splits.at[i];
    bool failed;
    k->finished = true;
    if (!save_position(s, k, err, &failed))
        return failed ? OP_FAILED : op_refused(&s->op, err);
    s->source->ops->close(k->reader);
    k->reader = NULL;
    s->n_open--;
    s->unfinished--;
    say(out, i, SPLIT_END);
    return OP_DONE;
}

/* Reads once from split i. *ret_got: something is put out. */
static enum op_result read_split(struct source_op *s, uint32_t i, struct emit *out, bool *ret_got, bool *ret_again,
                                 struct error *err)
{
    struct open_split *k = &s->splits.at[i];
    enum read_outcome outcome;
    int64_t wake_ms = INT64_MAX, watermark = INT64_MIN;
    batch_clear(s->batch);
    if (!k->reader && open_reader(s, k, err) != ST_OK)
        return OP_FAILED;
    uint64_t before = k->reader->bytes;
    if (s->source->ops->read(k->reader, s->batch, s->op.ctx->capacity, &outcome, &wake_ms, &watermark, err) != ST_OK)
        return OP_FAILED;
    s->op.bytes += k->reader->bytes - before;
    *ret_got = s->batch->count > 0 || watermark != INT64_MIN;
    if (*ret_got) {
        k->moved = true;
        out->batch = s->batch;
        out->split = i;
        out->source_watermark = watermark;
        s->op.rows_in += s->batch->count;
    }
    if (outcome == READ_END) {
        *ret_got = true;
        return finish_split(s, i, out, err);
    }
    *ret_again |= outcome == READ_ROWS; /* maybe all that was read was bad: there may be more at once */
    k->wake_ms = outcome == READ_WAIT ? wake_ms : INT64_MIN;
    if (outcome == READ_WAIT && !k->quiet && s->batch->count == 0) {
        k->quiet = true;
        say(out, i, SPLIT_QUIET);
        *ret_got = true;
    } else if (s->batch->count && k->quiet) {
        k->quiet = false; /* rows wake a split up by themselves */
    }
    return OP_DONE;
}

/* A deadline of the mono clock, as processing time. */
static void wait_until(struct op *o, int64_t wake_ms, int64_t mono_ms)
{
    int64_t deadline = o->ctx->now_ms + (wake_ms - mono_ms);
    if (deadline < o->deadline_ms)
        o->deadline_ms = deadline;
}

static enum op_result source_poll(struct op *o, struct emit *out, struct error *err)
{
    struct source_op *s = (struct source_op *)o;
    if (o->ctx->has_enough && atomic_load_explicit(o->ctx->has_enough, memory_order_relaxed)) {
        o->ended = true;
        return OP_DONE;
    }
    if (take_splits(s, err) != ST_OK)
        return OP_FAILED;
    bool idle = !s->complete && s->unfinished == 0;
    if (idle != s->idle) {
        s->idle = out->idle = idle;
        out->has_idle = true;
        return OP_DONE;
    }
    if (s->unannounced && announce(s, out))
        return OP_DONE;
    bool again = false;
    o->deadline_ms = INT64_MAX;
    int64_t mono_ms = os_mono_ns(o->ctx->os) / 1000000;
    for (uint32_t n = 0; n < s->splits.count; n++) {
        uint32_t i = (s->next + n) % s->splits.count;
        struct open_split *k = &s->splits.at[i];
        if (k->finished || (!k->reader && s->n_open >= MAX_OPEN))
            continue;
        if (k->wake_ms > mono_ms && k->wake_ms != INT64_MAX) {
            wait_until(o, k->wake_ms, mono_ms);
            continue;
        }
        bool got = false;
        enum op_result r = read_split(s, i, out, &got, &again, err);
        if (r == OP_FAILED)
            return r;
        if (got) {
            s->next = i + 1;
            return OP_DONE;
        }
        if (k->wake_ms != INT64_MIN && k->wake_ms != INT64_MAX)
            wait_until(o, k->wake_ms, mono_ms);
    }
    o->ended = s->complete && s->unfinished == 0;
    return again ? OP_MORE : OP_DONE;
}

static enum op_result source_barrier(struct op *o, uint64_t epoch, bool final, struct error *err)
{
    (void)epoch, (void)final;
    struct source_op *s = (struct source_op *)o;
    for (uint32_t i = 0; i < s->splits.count; i++) {
        struct open_split *k = &s->splits.at[i];
        bool failed;
        if (k->reader && k->moved && !save_position(s, k, err, &failed))
            return failed ? OP_FAILED : op_refused(o, err);
        struct connect_context *c = o->ctx->connect;
        if (c && c->seal_bad)
            c->seal_bad(c->bad_arg, o->node->source.table->name, k->id);
        if (s->source->ops->seal)
            s->source->ops->seal(s->source, k->id);
    }
    return OP_DONE;
}

const struct op_ops op_source = {
    .name = "source", .size = sizeof(struct source_op), .open = source_open, .start = source_start,
    .poll = source_poll, .barrier = source_barrier, .close = source_close,
};
