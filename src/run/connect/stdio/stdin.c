/* Standard input as a table: one split, read by background work, never twice.
 *
 * A pump holds one block. The task asks for it to be filled, goes on with other things and is woken; so a
 * silent pipe costs nothing. Closing must not wait for a reader that may never return: a pump whose work is
 * still reading is abandoned to it (it is charged to the process, a block and a half, and only at the end of a
 * job), and what that read gets is lost, which no position promises.
 *
 * state: IDLE (the block is the task's) → READING → READY or ENDED (the task's again); READING → ABANDONED. */
#include "connect/private.h"

#define BLOCK_BYTES 65536u
#define CLOSE_TRIES 1000u

enum pump_state { PUMP_IDLE, PUMP_READING, PUMP_WAKING, PUMP_READY, PUMP_ABANDONED };

struct pump {
    struct byte_source base;
    struct os *os;
    struct os_signal *wake;
    struct os_work work;
    bool worked;
    atomic_int state;
    enum status status;
    struct error err;
    size_t at, len; /* of what is READY; len 0: the end */
    uint8_t block[BLOCK_BYTES];
};

static void pump_run(struct os_work *w)
{
    struct pump *p = w->arg;
    size_t got = 0;
    p->status = p->os->ops->stream_read(p->os, 0, p->block, BLOCK_BYTES, &got, &p->err);
    p->at = 0;
    p->len = got;
    int reading = PUMP_READING;
    if (!atomic_compare_exchange_strong(&p->state, &reading, PUMP_WAKING))
        return;
    p->os->ops->signal_raise(p->os, p->wake);
    atomic_store(&p->state, PUMP_READY);
}

static bool work_is_over(const struct pump *p)
{
    return !p->worked || atomic_load_explicit(&p->work.done, memory_order_acquire);
}

static void ask(struct pump *p)
{
    atomic_store(&p->state, PUMP_READING);
    atomic_store(&p->work.done, false);
    p->worked = true;
    p->os->ops->work(p->os, &p->work);
}

/* Between READY and `done` lies a moment of the worker: then the caller comes again at once. */
static enum status pump_pull(struct byte_source *base, void *dst, size_t room, size_t *ret_len, enum pull *ret,
                             int64_t *ret_wake_ms, struct error *err)
{
    struct pump *p = (struct pump *)base;
    int state = atomic_load(&p->state);
    *ret = PULL_WAIT;
    *ret_wake_ms = INT64_MAX;
    if (state == PUMP_IDLE) {
        ask(p);
        return ST_OK;
    }
    if (state == PUMP_READING)
        return ST_OK;
    if (!work_is_over(p)) { /* woken a moment too early */
        *ret_wake_ms = os_mono_ns(p->os) / 1000000 + 1;
        return ST_OK;
    }
    if (p->status != ST_OK) {
        if (err)
            *err = p->err;
        return p->status;
    }
    if (p->len == 0) {
        *ret = PULL_END;
        return ST_OK;
    }
    size_t n = p->len - p->at < room ? p->len - p->at : room;
    memcpy(dst, p->block + p->at, n);
    p->at += n;
    *ret_len = n;
    *ret = PULL_BYTES;
    if (p->at == p->len)
        ask(p);
    return ST_OK;
}

static void pump_free(struct byte_source *base)
{
    struct pump *p = (struct pump *)base;
    if (!p)
        return;
    int reading = PUMP_READING;
    if (atomic_compare_exchange_strong(&p->state, &reading, PUMP_ABANDONED))
        return;
    for (uint32_t i = 0; i < CLOSE_TRIES && !work_is_over(p); i++)
        (void)p->os->ops->signal_wait(p->os, p->wake, os_mono_ns(p->os) + 1000000);
    if (work_is_over(p))
        mem_free(NULL, p, sizeof *p);
}

static const struct byte_source_ops pump_ops = { pump_pull, pump_free };

static enum status pump_new(struct os *os, struct os_signal *wake, struct byte_source **ret, struct error *err)
{
    struct pump *p = mem_calloc(NULL, sizeof *p);
    if (!p)
        return connect_memory(NULL, err);
    p->base.ops = &pump_ops;
    p->os = os;
    p->wake = wake;
    p->work = (struct os_work){ .run = pump_run, .arg = p };
    *ret = &p->base;
    return ST_OK;
}

/* ---- source ---- */

struct stdin_source {
    struct source base;
    struct connect_context *ctx;
    const struct need *needs;
    struct arena arena;
    struct replay replay;
};

struct stdin_reader {
    struct split_reader base;
    struct budget *budget;
    struct records records;
};

static enum status stdin_splits(struct source *s, struct arena *arena, struct split **ret, uint32_t *ret_count,
                                struct error *err)
{
    (void)s;
    struct split *one = ARENA_NEW(arena, struct split);
    if (!one)
        return connect_memory(arena->budget, err);
    one->id = STR("standard input"); /* also the `file` of bad records, which are sealed by it */
    *ret = one;
    *ret_count = 1;
    return ST_OK;
}

static void stdin_close(struct split_reader *base)
{
    struct stdin_reader *r = (struct stdin_reader *)base;
    if (!r)
        return;
    records_release(&r->records);
    mem_free(r->budget, r, sizeof *r);
}

static enum status stdin_open(struct source *base, const struct split *split, struct str position,
                              struct budget *budget, struct os_signal *wake, struct split_reader **ret,
                              struct error *err)
{
    struct stdin_source *s = (struct stdin_source *)base;
    (void)split;
    if (position.len)
        return error_set(err, ST_MISMATCH, "standard input cannot be read again from a position");
    struct stdin_reader *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    r->base.ops = base->ops;
    r->budget = budget;
    r->records = (struct records){
        .ctx = s->ctx, .budget = budget, .table = base->table, .file = STR("standard input"),
        .replay = s->replay.speed > 0 ? &s->replay : NULL,
    };
    enum status st = pump_new(s->ctx->os, wake, &r->records.bytes, err);
    if (st == ST_OK)
        st = records_open(&r->records, s->needs, err);
    if (st != ST_OK) {
        stdin_close(&r->base);
        return st;
    }
    *ret = &r->base;
    return ST_OK;
}

static enum status stdin_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                              int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    struct records *r = &((struct stdin_reader *)base)->records;
    *ret_watermark_ms = INT64_MIN;
    TRY(records_read(r, out, max_rows, ret, ret_wake_ms, err));
    base->bytes = r->offset;
    return ST_OK;
}

/* Nothing: there is no way back. */
static enum status stdin_position(struct split_reader *r, struct buf *out, struct error *err)
{
    (void)r, (void)out, (void)err;
    return ST_OK;
}

static void stdin_free(struct source *base)
{
    struct stdin_source *s = (struct stdin_source *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct source_ops ops = {
    .splits = stdin_splits, .open = stdin_open, .read = stdin_read, .position = stdin_position, .close = stdin_close,
    .free = stdin_free,
};

enum status stdin_source_open(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                              struct replay replay, struct source **ret, struct error *err)
{
    if (ctx->durable) {
        error_set(err, ST_USAGE, "table '%.*s' reads standard input, which cannot be read again after a restart",
                  STR_ARG(t->name));
        error_hint(err, "leave out --state-dir, or read a file");
        return ST_USAGE;
    }
    struct stdin_source *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct source){ &ops, t };
    s->ctx = ctx;
    s->replay.speed = replay.speed;
    s->replay.column = replay.column;
    arena_init(&s->arena, ctx->budget);
    uint32_t n = t->physical.n_fields;
    struct need *own = needs ? ARENA_ARRAY(&s->arena, struct need, n ? n : 1) : NULL;
    if (needs && !own) {
        stdin_free(&s->base);
        return connect_memory(ctx->budget, err);
    }
    for (uint32_t i = 0; needs && i < n; i++) {
        own[i] = needs[i];
        own[i].used |= replay.speed > 0 && i == replay.column;
    }
    s->needs = own;
    *ret = &s->base;
    return ST_OK;
}

static enum status stdin_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                                int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    *ret_discover_ms = 0;
    return stdin_source_open(t, needs, ctx, (struct replay){ 0 }, ret, err);
}

static enum status stdin_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)t, (void)err;
    *ret = true;
    return ST_OK;
}

const struct connector connector_stdin = {
    .name = "stdin",
    .help = "standard input; its positions cannot be kept",
    .flags = CONNECTOR_SOURCE | CONNECTOR_FORMAT | CONNECTOR_NO_POSITIONS,
    .bounded = stdin_bounded,
    .open_source = stdin_source,
};
