/* LIMIT and OFFSET without an order, over rows that are never taken back: rows pass as they come until there are
 * enough of them. When all input leads here, that is the end of the job: the sources are told that they may end, also
 * in the middle of an input that never would. How many rows have come is an entry, so a restored job counts on. */
#include "exec/exec_private.h"

struct limit_op {
    struct op op;
    struct store *counts;
    int64_t from, to; /* the rows [from, to) of all that come are put out */
    int64_t seen;
    bool moved, alone;
    struct batch view; /* borrowed columns */
    uint16_t *sel;
    struct arena arena;
};

static const struct str seen_key = STR_INIT("seen");

/* Does everything that `node` puts out come to the limit, and nowhere else? */
static bool leads_here(const struct plan *p, uint32_t node, const struct node *limit, uint32_t depth)
{
    uint32_t users = 0;
    for (uint32_t u = 0; u < p->n_nodes; u++)
        for (uint32_t i = 0; i < p->nodes[u]->n_inputs; i++) {
            if (p->nodes[u]->inputs[i].node != node)
                continue;
            users++;
            if (p->nodes[u] != limit && (depth == 0 || !leads_here(p, u, limit, depth - 1)))
                return false;
        }
    return users > 0;
}

static bool all_input_leads_here(const struct plan *p, const struct node *limit)
{
    for (uint32_t i = 0; i < p->n_nodes; i++)
        if (p->nodes[i]->n_inputs == 0 && !leads_here(p, i, limit, 64))
            return false;
    return true;
}

static enum status limit_open(struct op *o, struct error *err)
{
    struct limit_op *l = (struct limit_op *)o;
    int64_t limit = o->node->sort.limit;
    l->from = o->node->sort.offset;
    l->to = limit < 0 || limit > INT64_MAX - l->from ? INT64_MAX : l->from + limit;
    arena_init(&l->arena, o->budget);
    l->sel = ARENA_ARRAY(&l->arena, uint16_t, o->ctx->capacity + 1);
    if (!l->sel)
        return budget_error(o->budget, 0, err);
    l->alone = o->ctx->enough && all_input_leads_here(o->plan, o->node);
    return op_add_store(o, "counts", sizeof(struct blob_value), 8, blob_at_zero, 1, STR("rows"), true, &l->counts, err);
}

static void tell(struct limit_op *l)
{
    if (l->alone && l->seen >= l->to)
        l->op.ctx->enough(l->op.ctx);
}

static enum status limit_start(struct op *o, struct error *err)
{
    (void)err;
    struct limit_op *l = (struct limit_op *)o;
    struct str saved = op_get_blob(l->counts, seen_key);
    if (saved.len == sizeof l->seen)
        memcpy(&l->seen, saved.ptr, sizeof l->seen);
    tell(l);
    return ST_OK;
}

static void limit_close(struct op *o)
{
    arena_release(&((struct limit_op *)o)->arena);
}

static enum op_result limit_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                  struct error *err)
{
    (void)input, (void)err;
    struct limit_op *l = (struct limit_op *)o;
    const struct batch *b = ev->batch;
    uint32_t rows = batch_rows(b), n = 0;
    CHECK(rows <= o->ctx->capacity);
    if (l->seen >= l->to)
        return OP_DONE;
    for (uint32_t i = 0; i < rows && l->seen < l->to; i++, l->seen++)
        if (l->seen >= l->from)
            l->sel[n++] = (uint16_t)batch_row(b, i);
    l->moved = true;
    tell(l);
    if (n == 0)
        return OP_DONE;
    l->view = *b;
    l->view.schema = &o->node->schema;
    if (n < rows) {
        l->view.sel = l->sel;
        l->view.n_sel = n;
    }
    out->batch = &l->view;
    return OP_DONE;
}

static enum op_result limit_barrier(struct op *o, uint64_t epoch, bool final, struct error *err)
{
    (void)epoch, (void)final;
    struct limit_op *l = (struct limit_op *)o;
    struct str seen = { (const char *)&l->seen, sizeof l->seen };
    if (l->moved && !op_put_blob(l->counts, seen_key, seen))
        return op_refused(o, err);
    l->moved = false;
    return OP_DONE;
}

const struct op_ops op_limit = {
    .name = "limit", .size = sizeof(struct limit_op), .open = limit_open, .start = limit_start, .batch = limit_batch,
    .barrier = limit_barrier, .close = limit_close,
};
