/* A window table function standing alone: each row, once for each window that holds it, with window_start, window_end
 * and window_time appended. Stateless; nothing is late here. The k-th call for a batch puts out every row's k-th
 * window. */
#include "exec/window.h"

struct assign {
    struct op op;
    const struct window_spec *spec;
    struct windows w;
    struct window_line line;
    struct batch *bounds; /* three columns, at the rows' own indexes */
    struct batch out;
    struct column *cols;
    uint16_t *sel;
    int64_t round; /* which window of each row comes next */
    struct arena arena;
};

static enum status assign_open(struct op *o, struct error *err)
{
    struct assign *a = (struct assign *)o;
    const struct node *n = o->node;
    uint32_t cap = o->ctx->capacity * 2, nf = n->schema.n_fields;
    a->spec = &n->window.window;
    window_line_init(&a->line, a->spec);
    windows_init(&a->w, a->spec);
    arena_init(&a->arena, o->budget);
    struct schema *bounds = ARENA_NEW(&a->arena, struct schema);
    a->cols = ARENA_ARRAY(&a->arena, struct column, nf);
    a->sel = ARENA_ARRAY(&a->arena, uint16_t, cap);
    if (!bounds || !a->cols || !a->sel)
        return budget_error(o->budget, 0, err);
    *bounds = (struct schema){ n->schema.fields + nf - 3, 3 };
    a->bounds = batch_new(bounds, cap, o->budget);
    return a->bounds ? ST_OK : budget_error(o->budget, 0, err);
}

static void assign_close(struct op *o)
{
    struct assign *a = (struct assign *)o;
    batch_free(a->bounds);
    arena_release(&a->arena);
}

static void put_time(struct column *c, uint32_t row, int64_t ms)
{
    int64_t v = ms;
    if (c->type->precision > 3)
        (void)time_from_ms(ms, c->type->precision, &v);
    c->i64[row] = v;
}

static enum op_result assign_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                   struct error *err)
{
    (void)input;
    struct assign *a = (struct assign *)o;
    const struct batch *b = ev->batch;
    const struct column *time = a->spec->processing_time ? NULL : &b->cols[a->spec->time_column];
    uint32_t n = 0, nf = o->node->schema.n_fields;
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t row = batch_row(b, i);
        if (time && column_is_null(time, row)) {
            error_set(err, ST_EXPRESSION, "the time attribute of '%.*s' is NULL in a row", STR_ARG(o->node->id));
            return OP_FAILED;
        }
        int64_t t = window_line_at(&a->line, time ? window_time(time, row) : o->ctx->now_ms);
        int64_t pane = windows_pane(&a->w, t);
        int64_t end = windows_first_end(&a->w, pane) + a->round * windows_step(&a->w);
        if (end > windows_last_end(&a->w, pane))
            continue;
        put_time(&a->bounds->cols[0], row, windows_start(&a->w, end));
        put_time(&a->bounds->cols[1], row, end);
        put_time(&a->bounds->cols[2], row, window_line_first(&a->line, end - 1));
        a->sel[n++] = (uint16_t)row;
    }
    if (n == 0) {
        a->round = 0;
        return OP_DONE;
    }
    a->round++;
    for (uint32_t c = 0; c < nf; c++)
        a->cols[c] = c < nf - 3 ? b->cols[c] : a->bounds->cols[c - (nf - 3)];
    a->out = *b;
    a->out.schema = &o->node->schema;
    a->out.cols = a->cols;
    a->out.sel = a->sel;
    a->out.n_sel = n;
    out->batch = &a->out;
    return OP_MORE;
}

const struct op_ops op_window = {
    .name = "window", .size = sizeof(struct assign), .open = assign_open, .batch = assign_batch, .close = assign_close,
};
