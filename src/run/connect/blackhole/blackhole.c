/* The blackhole sink: takes every row and keeps nothing.
 *
 * It looks at every value of every row that counts, nested ones too, so that no work before it can be left
 * out: a sum over the bits of what it sees. Of a long string the first and last eight bytes are read. */
#include "connect/private.h"

struct hole_sink {
    struct sink base;
    struct connect_context *ctx;
};

struct hole_writer {
    struct sink_writer base;
    struct budget *budget;
    atomic_uint_fast64_t sum; /* atomic: a store that no compiler drops */
};

/* Rows rows[0..n), or from, from + 1, … when rows is NULL. */
struct span {
    const uint16_t *rows;
    uint32_t from, n;
};

static inline uint32_t span_row(const struct span *s, uint32_t k)
{
    return s->rows ? s->rows[k] : s->from + k;
}

#define SUM_FIXED(member)                                                                  \
    do {                                                                                   \
        for (uint32_t k = 0; k < s->n; k++) {                                              \
            uint32_t row = span_row(s, k);                                                 \
            sum += (uint64_t)c->member[row] & ((uint64_t)column_is_null(c, row) - 1);      \
        }                                                                                  \
    } while (0)

static uint64_t sum_strings(const struct column *c, const struct span *s)
{
    uint64_t sum = 0;
    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = span_row(s, k);
        if (column_is_null(c, row))
            continue;
        const struct strview *v = &c->str[row];
        uint64_t head = 0, tail = 0;
        if (v->len <= 12) { /* all of it, and zeros behind */
            memcpy(&head, v->inlined, 8);
            memcpy(&tail, v->inlined + 8, 4);
        } else {
            const uint8_t *text = c->bufs[v->ref.buffer]->data + v->ref.offset;
            memcpy(&head, text, 8);
            memcpy(&tail, text + v->len - 8, 8);
        }
        sum += head ^ (tail + v->len);
    }
    return sum;
}

static uint64_t sum_column(const struct column *c, const struct span *s);

static uint64_t sum_lists(const struct column *c, const struct span *s)
{
    uint64_t sum = 0;
    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t row = span_row(s, k);
        if (column_is_null(c, row))
            continue;
        struct span inside = { NULL, c->list[row].offset, c->list[row].len };
        sum += inside.n;
        for (uint32_t i = 0; i < c->n_children; i++)
            sum += sum_column(&c->children[i], &inside);
    }
    return sum;
}

#define LISTED 256u

/* Values under a NULL row are left out: the others are listed, a piece at a time. */
static uint64_t sum_rows(const struct column *c, const struct span *s)
{
    uint16_t listed[LISTED];
    uint64_t sum = 0;
    for (uint32_t i = 0; !c->nulls && i < c->n_children; i++)
        sum += sum_column(&c->children[i], s);
    for (uint32_t k = 0; c->nulls && k < s->n;) {
        struct span piece = { listed, 0, 0 };
        for (; k < s->n && piece.n < LISTED; k++) {
            uint32_t row = span_row(s, k);
            listed[piece.n] = (uint16_t)row;
            piece.n += !c->nulls[row] && row <= UINT16_MAX;
            if (row > UINT16_MAX) /* inside a large list */
                for (uint32_t i = 0; !c->nulls[row] && i < c->n_children; i++)
                    sum += sum_column(&c->children[i], &(struct span){ NULL, row, 1 });
        }
        for (uint32_t i = 0; piece.n && i < c->n_children; i++)
            sum += sum_column(&c->children[i], &piece);
    }
    return sum;
}

static uint64_t sum_column(const struct column *c, const struct span *s)
{
    uint64_t sum = 0;
    switch (type_phys(c->type)) {
    case PHYS_BOOL:
        SUM_FIXED(b);
        break;
    case PHYS_I32:
    case PHYS_F32:
        SUM_FIXED(i32);
        break;
    case PHYS_I64:
    case PHYS_F64:
        SUM_FIXED(i64);
        break;
    case PHYS_I128:
        SUM_FIXED(i128);
        break;
    case PHYS_STRING:
        return sum_strings(c, s);
    case PHYS_LIST:
    case PHYS_MAP:
        return sum_lists(c, s);
    case PHYS_ROW:
        return sum_rows(c, s);
    default:
        break;
    }
    return sum;
}

static enum status hole_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                              struct error *err)
{
    (void)err;
    struct hole_writer *w = (struct hole_writer *)base;
    struct span rows = { b->sel, 0, batch_rows(b) };
    uint64_t sum = rows.n;
    for (uint32_t i = 0; i < b->schema->n_fields; i++)
        sum += sum_column(&b->cols[i], &rows);
    for (uint32_t k = 0; b->kinds && k < rows.n; k++)
        sum += b->kinds[span_row(&rows, k)];
    atomic_fetch_add_explicit(&w->sum, sum, memory_order_relaxed);
    *ret = WRITE_DONE;
    return ST_OK;
}

static enum status hole_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err;
    return ST_OK;
}

static enum status hole_open(struct sink *s, uint32_t subtask, uint64_t epoch, struct budget *budget,
                             struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)subtask, (void)epoch, (void)wake;
    struct hole_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = s->ops;
    w->budget = budget;
    *ret = &w->base;
    return ST_OK;
}

static enum status hole_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                                struct error *err)
{
    (void)w, (void)epoch, (void)final, (void)now_ms, (void)out, (void)err;
    return ST_OK;
}

static enum status hole_step(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static void hole_close(struct sink_writer *base)
{
    struct hole_writer *w = (struct hole_writer *)base;
    if (w)
        mem_free(w->budget, w, sizeof *w);
}

static void hole_free(struct sink *base)
{
    struct hole_sink *s = (struct hole_sink *)base;
    if (s)
        mem_free(s->ctx->budget, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = hole_restore, .open = hole_open, .write = hole_write, .prepare = hole_prepare, .flush = hole_step,
    .publish = hole_step, .close = hole_close, .free = hole_free,
};

static enum status hole_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                             struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)schema, (void)upsert;
    struct hole_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct sink){ &ops, t };
    s->ctx = ctx;
    *ret = &s->base;
    return ST_OK;
}

const struct connector connector_blackhole = {
    .name = "blackhole",
    .help = "takes every row, looks at every value and keeps nothing",
    .flags = CONNECTOR_SINK | CONNECTOR_SINK_UPDATES,
    .open_sink = hole_sink,
};
