/* Filter and projection. The condition narrows the selection, the projection's columns stand at their rows' own
 * indexes; nothing is copied: columns that only pass are borrowed from the input. */
#include "exec/exec_private.h"

struct calc {
    struct op op;
    struct program *condition, *projection;
    struct batch view;    /* the input under the narrowed selection */
    struct batch out;     /* borrowed columns */
    struct column *cols;  /* of out */
    uint16_t *sel;
    struct arena arena;
};

static enum status calc_open(struct op *o, struct error *err)
{
    struct calc *c = (struct calc *)o;
    const struct node *n = o->node;
    arena_init(&c->arena, o->budget);
    c->cols = ARENA_ARRAY(&c->arena, struct column, n->schema.n_fields + 1);
    c->sel = ARENA_ARRAY(&c->arena, uint16_t, o->ctx->capacity * 2);
    if (!c->cols || !c->sel)
        return budget_error(o->budget, 0, err);
    if (n->calc.condition)
        TRY(expr_compile(&n->calc.condition, 1, o->ctx->capacity * 2, o->budget, &c->condition, err));
    return expr_compile(n->calc.exprs, n->schema.n_fields, o->ctx->capacity * 2, o->budget, &c->projection, err);
}

static void calc_close(struct op *o)
{
    struct calc *c = (struct calc *)o;
    program_free(c->condition);
    program_free(c->projection);
    arena_release(&c->arena);
}

static enum op_result calc_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                 struct error *err)
{
    (void)input;
    struct calc *c = (struct calc *)o;
    struct eval eval = { .now_ms = o->ctx->now_ms, .watermark_ms = o->watermark };
    out->split = ev->split;
    out->source_watermark = ev->time;
    c->view = *ev->batch;
    if (c->condition) {
        uint32_t n;
        if (program_filter(c->condition, ev->batch, &eval, c->sel, &n, err) != ST_OK)
            return OP_FAILED;
        if (n < batch_rows(ev->batch)) {
            c->view.sel = c->sel;
            c->view.n_sel = n;
        }
        if (n == 0 && ev->time == INT64_MIN)
            return OP_DONE;
    }
    if (program_run(c->projection, &c->view, &eval, c->cols, err) != ST_OK)
        return OP_FAILED;
    c->out = c->view;
    c->out.schema = &o->node->schema;
    c->out.cols = c->cols;
    out->batch = &c->out;
    return OP_DONE;
}

const struct op_ops op_calc = {
    .name = "calc", .size = sizeof(struct calc), .open = calc_open, .batch = calc_batch, .close = calc_close,
};
