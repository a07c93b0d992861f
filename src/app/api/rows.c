/* The 'rows' connector: where a query's rows wait for weir_next_row.
 *
 * Writers copy batches into a list; publish, which is background work, moves what the commit covers to the ready list
 * under a short spin. When READY_MAX batches wait to be read the writer waits, and with it the job. */
#include "api/rows.h"

#define READY_MAX 16u

struct item {
    struct batch *batch;
    struct item *next;
};

struct list {
    struct item *first, **tail;
    uint32_t n;
};

struct rows_queue {
    struct budget *budget;
    atomic_flag lock;
    struct list ready;
    struct item *reading;
    atomic_uint n_ready;
    struct os *os;
    struct os_signal *wake; /* of the writer that waits */
};

struct rows_sink {
    struct sink base;
    struct rows_queue *queue;
    struct connect_context *ctx;
    const struct schema *schema;
};

struct rows_writer {
    struct sink_writer base;
    struct rows_sink *sink;
    struct budget *budget;
    struct list pending;
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->tail = &l->first;
    l->n = 0;
}

static void list_free(struct list *l, struct budget *b)
{
    for (struct item *i = l->first, *next; i; i = next) {
        next = i->next;
        batch_free(i->batch);
        mem_free(b, i, sizeof *i);
    }
    list_init(l);
}

static void lock(struct rows_queue *q)
{
    while (atomic_flag_test_and_set_explicit(&q->lock, memory_order_acquire))
        ;
}
static void unlock(struct rows_queue *q) { atomic_flag_clear_explicit(&q->lock, memory_order_release); }

struct rows_queue *rows_new(struct os *os, struct budget *b)
{
    struct rows_queue *q = mem_calloc(b, sizeof *q);
    if (!q)
        return NULL;
    q->budget = b;
    q->os = os;
    list_init(&q->ready);
    return q;
}

static void drop_reading(struct rows_queue *q)
{
    if (!q->reading)
        return;
    batch_free(q->reading->batch);
    mem_free(q->budget, q->reading, sizeof *q->reading);
    q->reading = NULL;
}

void rows_clear(struct rows_queue *q)
{
    drop_reading(q);
    list_free(&q->ready, q->budget);
    atomic_store(&q->n_ready, 0);
    q->wake = NULL;
}

void rows_free(struct rows_queue *q)
{
    if (!q)
        return;
    rows_clear(q);
    mem_free(q->budget, q, sizeof *q);
}

const struct batch *rows_next(struct rows_queue *q)
{
    drop_reading(q);
    lock(q);
    struct item *i = q->ready.first;
    if (i) {
        q->ready.first = i->next;
        if (!i->next)
            q->ready.tail = &q->ready.first;
    }
    unlock(q);
    if (!i)
        return NULL;
    q->reading = i;
    if (atomic_fetch_sub(&q->n_ready, 1) == READY_MAX && q->wake)
        q->os->ops->signal_raise(q->os, q->wake);
    return i->batch;
}

/* ---- the sink ---- */

static enum status rows_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err;
    return ST_OK;
}

static enum status rows_open(struct sink *s, uint32_t subtask, uint64_t epoch, struct budget *budget,
                             struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)subtask, (void)epoch;
    struct rows_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return budget_error(budget, sizeof *w, err);
    w->base.ops = s->ops;
    w->sink = (struct rows_sink *)s;
    w->budget = budget;
    w->sink->queue->wake = wake;
    list_init(&w->pending);
    *ret = &w->base;
    return ST_OK;
}

static enum status rows_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                              struct error *err)
{
    struct rows_writer *w = (struct rows_writer *)base;
    struct rows_queue *q = w->sink->queue;
    if (atomic_load(&q->n_ready) >= READY_MAX) {
        *ret = WRITE_WAIT;
        return ST_OK;
    }
    struct item *i = mem_calloc(q->budget, sizeof *i);
    if (!i)
        return budget_error(q->budget, sizeof *i, err);
    i->batch = batch_new(w->sink->schema, batch_rows(b), q->budget);
    bool ok = i->batch != NULL;
    for (uint32_t k = 0; ok && k < batch_rows(b); k++)
        ok = batch_append(i->batch, b, batch_row(b, k), true);
    if (!ok) {
        batch_free(i->batch);
        mem_free(q->budget, i, sizeof *i);
        return budget_error(q->budget, 0, err);
    }
    *w->pending.tail = i;
    w->pending.tail = &i->next;
    w->pending.n++;
    *ret = WRITE_DONE;
    return ST_OK;
}

static enum status rows_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                                struct error *err)
{
    (void)w, (void)epoch, (void)final, (void)now_ms, (void)out, (void)err;
    return ST_OK;
}

static enum status rows_flush(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static enum status rows_publish(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    (void)epoch, (void)err;
    struct rows_writer *w = (struct rows_writer *)base;
    struct rows_queue *q = w->sink->queue;
    if (!w->pending.first)
        return ST_OK;
    lock(q);
    *q->ready.tail = w->pending.first;
    q->ready.tail = w->pending.tail;
    unlock(q);
    atomic_fetch_add(&q->n_ready, w->pending.n);
    list_init(&w->pending);
    return ST_OK;
}

static void rows_close(struct sink_writer *base)
{
    struct rows_writer *w = (struct rows_writer *)base;
    if (!w)
        return;
    list_free(&w->pending, w->sink->queue->budget);
    mem_free(w->budget, w, sizeof *w);
}

static void rows_sink_free(struct sink *s)
{
    struct rows_sink *r = (struct rows_sink *)s;
    if (r)
        mem_free(r->ctx->budget, r, sizeof *r);
}

static const struct sink_ops rows_sink_ops = {
    .restore = rows_restore, .open = rows_open, .write = rows_write, .prepare = rows_prepare, .flush = rows_flush,
    .publish = rows_publish, .close = rows_close, .free = rows_sink_free,
};

static enum status rows_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                                  struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)upsert;
    struct rows_sink *r = mem_calloc(ctx->budget, sizeof *r);
    if (!r)
        return budget_error(ctx->budget, sizeof *r, err);
    r->base = (struct sink){ &rows_sink_ops, t };
    r->queue = ((struct connect_extra *)ctx->extra)->print_arg;
    r->ctx = ctx;
    r->schema = schema;
    *ret = &r->base;
    return ST_OK;
}

static const struct option_spec rows_options[] = {
    { .name = "connector", .type = OPT_STRING, .help = "rows", .required = true },
};

const struct connector rows_connector = {
    .name = "rows", .help = "rows of a query, handed to the program that embeds Weir",
    .flags = CONNECTOR_SINK | CONNECTOR_UNDURABLE_SINK | CONNECTOR_SINK_UPDATES,
    .options = rows_options, .n_options = 1, .open_sink = rows_open_sink,
};
