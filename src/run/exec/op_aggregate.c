/* GROUP BY without a window: an updating result.
 *
 * For a batch: keys are encoded and their entries found or made in one probe; the distinct entries of the batch are
 * numbered in order of their first row (a stamp in the entry tells which batch numbered it). Their results are taken
 * before and after the rows go into the accumulators; what differs is put out: first the old rows (-U, -D), in a
 * second batch the new ones (+U, +I). So a batch of one row behaves as Flink row by row, and a large batch is
 * consolidated by key for free. A result that does not change is not put out again.
 *
 * Where each change is wanted (TO_CHANGELOG above), a batch is taken in parts, none of which has a key twice. */
#include "exec/accumulate.h"

struct aggregate_op {
    struct op op;
    struct accumulators acc;
    struct agg_stores stores;
    struct key_set keys;
    struct arena arena;
    uint16_t *rows;
    struct entry **entries;
    uint8_t *is_new;
    /* the distinct entries of the batch */
    uint32_t stamp, n;
    struct entry **touched;
    uint16_t *first_row;
    bool *existed;
    struct batch *before, *after, *out; /* results only; and the full row */
    uint16_t *old_list, *new_list;
    uint8_t *old_kinds, *new_kinds;
    uint32_t n_old, n_new;
    int phase; /* 0: fresh input, 1: new rows are left */
    /* parts, where each change is wanted */
    uint16_t *part;  /* of row i of the batch under way */
    uint32_t from, to; /* the rows of the part under way; to 0: none is */
    uint16_t *slots, *part_rows;
    uint32_t slot_mask;
    struct batch view;
};

static struct schema results_schema(const struct node *n)
{
    return (struct schema){ n->schema.fields + n->aggregate.n_keys, n->aggregate.n_calls };
}

static bool make_scratch(struct aggregate_op *g, uint32_t cap)
{
    struct arena *a = &g->arena;
    struct schema *results = ARENA_NEW(a, struct schema);
    g->rows = ARENA_ARRAY(a, uint16_t, cap);
    g->entries = ARENA_ARRAY(a, struct entry *, cap);
    g->is_new = ARENA_ARRAY(a, uint8_t, cap);
    g->touched = ARENA_ARRAY(a, struct entry *, cap);
    g->first_row = ARENA_ARRAY(a, uint16_t, cap);
    g->existed = ARENA_ARRAY(a, bool, cap);
    g->old_list = ARENA_ARRAY(a, uint16_t, cap);
    g->new_list = ARENA_ARRAY(a, uint16_t, cap);
    g->old_kinds = ARENA_ARRAY(a, uint8_t, cap);
    g->new_kinds = ARENA_ARRAY(a, uint8_t, cap);
    if (!results || !g->rows || !g->entries || !g->is_new || !g->touched || !g->first_row || !g->existed ||
        !g->old_list || !g->new_list || !g->old_kinds || !g->new_kinds)
        return false;
    *results = results_schema(g->op.node);
    g->before = batch_new(results, cap, g->op.budget);
    g->after = batch_new(results, cap, g->op.budget);
    g->out = batch_new(&g->op.node->schema, cap, g->op.budget);
    return g->before && g->after && g->out;
}

static bool make_parts(struct aggregate_op *g, uint32_t cap)
{
    uint32_t slots = 8;
    while (slots < cap * 2)
        slots *= 2;
    g->slot_mask = slots - 1;
    g->slots = ARENA_ARRAY(&g->arena, uint16_t, slots);
    g->part = ARENA_ARRAY(&g->arena, uint16_t, cap);
    g->part_rows = ARENA_ARRAY(&g->arena, uint16_t, cap);
    return g->slots && g->part && g->part_rows;
}

static enum status aggregate_open(struct op *o, struct error *err)
{
    struct aggregate_op *g = (struct aggregate_op *)o;
    const struct node *n = o->node;
    uint32_t cap = o->ctx->capacity;
    const struct schema *input = o->input_schema;
    arena_init(&g->arena, o->budget);
    key_set_init(&g->keys, o->budget);
    TRY(accumulators_init(&g->acc, n->aggregate.calls, n->aggregate.n_calls, n->aggregate.retracting,
                          true, input, cap, o->budget, err));
    struct str keys = op_types_text(&g->arena, input, n->aggregate.keys, n->aggregate.n_keys);
    struct str print = arena_printf(&g->arena, "%.*s|%.*s", STR_ARG(keys), STR_ARG(g->acc.fingerprint));
    if (!keys.ptr || !print.ptr || !make_scratch(g, cap) || (n->aggregate.each && !make_parts(g, cap)))
        return budget_error(o->budget, 0, err);
    return accumulators_stores(&g->acc, o, "groups", print, &g->stores, err);
}

static enum status aggregate_start(struct op *o, struct error *err)
{
    struct aggregate_op *g = (struct aggregate_op *)o;
    struct agg_tables t;
    return agg_tables_make(&g->stores, 0, &t) ? accumulators_relink(&g->acc, &t, err) : budget_error(o->budget, 0, err);
}

static void aggregate_close(struct op *o)
{
    struct aggregate_op *g = (struct aggregate_op *)o;
    batch_free(g->before);
    batch_free(g->after);
    batch_free(g->out);
    key_set_release(&g->keys);
    accumulators_release(&g->acc);
    arena_release(&g->arena);
}

/* Numbers the distinct entries of the batch. */
static void number_entries(struct aggregate_op *g, struct table *t, uint32_t n)
{
    g->stamp++;
    g->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct group_head *head = entry_value(t, g->entries[i]);
        if (head->stamp == g->stamp)
            continue;
        head->stamp = g->stamp;
        g->existed[g->n] = !g->is_new[i];
        g->first_row[g->n] = g->rows[i];
        g->touched[g->n++] = g->entries[i];
    }
}

static bool same_results(const struct aggregate_op *g, uint32_t i)
{
    for (uint32_t c = 0; c < g->op.node->aggregate.n_calls; c++)
        if (!column_equal(&g->before->cols[c], i, &g->after->cols[c], i))
            return false;
    return true;
}

/* Decides for each touched entry what is put out; empties go. */
static bool decide(struct aggregate_op *g, const struct agg_tables *t, struct error *err)
{
    bool emit_before = g->op.node->aggregate.emit_before, retracting = g->op.node->aggregate.retracting;
    g->n_old = g->n_new = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        const struct group_head *head = entry_value(t->groups, g->touched[i]);
        bool exists = !retracting || head->rows > 0;
        if (g->existed[i] && exists) {
            if (same_results(g, i))
                continue;
            if (emit_before) {
                g->old_kinds[g->n_old] = ROW_UPDATE_BEFORE;
                g->old_list[g->n_old++] = (uint16_t)i;
            }
            g->new_kinds[g->n_new] = ROW_UPDATE_AFTER;
            g->new_list[g->n_new++] = (uint16_t)i;
        } else if (exists) {
            g->new_kinds[g->n_new] = ROW_INSERT;
            g->new_list[g->n_new++] = (uint16_t)i;
        } else {
            if (g->existed[i]) {
                g->old_kinds[g->n_old] = ROW_DELETE;
                g->old_list[g->n_old++] = (uint16_t)i;
            }
            if (accumulators_forget(&g->acc, t, g->touched[i], err) != ST_OK)
                return false;
            if (!table_remove(t->groups, g->touched[i])) {
                budget_error(g->op.budget, 0, err);
                return false;
            }
        }
    }
    return true;
}

static enum status take_batch(struct aggregate_op *g, const struct batch *b, struct error *err)
{
    const struct node *n = g->op.node;
    struct agg_tables t;
    uint32_t rows = batch_rows(b);
    CHECK(rows <= g->op.ctx->capacity);
    for (uint32_t i = 0; i < rows; i++)
        g->rows[i] = (uint16_t)batch_row(b, i);
    if (!agg_tables_make(&g->stores, 0, &t) || !keys_encode(&g->keys, b, n->aggregate.keys, n->aggregate.n_keys) ||
        !table_upsert(t.groups, &g->keys, g->entries, g->is_new))
        return budget_error(g->op.budget, 0, err);
    number_entries(g, t.groups, rows);
    batch_clear(g->before);
    batch_clear(g->after);
    TRY(accumulators_results(&g->acc, &t, g->touched, g->n, g->before->cols, 0, err));
    struct accumulate in = { &t, b, g->rows, g->entries, &g->keys, rows };
    TRY(accumulate(&g->acc, &in, err));
    TRY(accumulators_results(&g->acc, &t, g->touched, g->n, g->after->cols, 0, err));
    return decide(g, &t, err) ? ST_OK : err ? err->status : ST_MEMORY;
}

/* Keys from the input, results from `from`, of the entries in `list`. */
static bool fill(struct aggregate_op *g, const struct batch *input, const struct batch *from, const uint16_t *list,
                 const uint8_t *kinds, uint32_t n)
{
    const struct node *node = g->op.node;
    uint16_t *rows = g->rows; /* free by now */
    bool ok = true;
    batch_clear(g->out);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = g->first_row[list[i]];
    for (uint32_t k = 0; ok && k < node->aggregate.n_keys; k++)
        ok = column_gather(&g->out->cols[k], 0, &input->cols[node->aggregate.keys[k]], rows, n, true);
    for (uint32_t c = 0; ok && c < node->aggregate.n_calls; c++)
        ok = column_gather(&g->out->cols[node->aggregate.n_keys + c], 0, &from->cols[c], list, n, true);
    g->out->count = n;
    memcpy(batch_kinds(g->out), kinds, n);
    return ok;
}

static enum op_result put_changes(struct aggregate_op *g, const struct batch *b, struct emit *out, struct error *err)
{
    if (g->phase == 0) {
        if (take_batch(g, b, err) != ST_OK)
            return OP_FAILED;
        if (g->n_old) {
            g->phase = 1;
            out->batch = g->out;
            bool ok = fill(g, b, g->before, g->old_list, g->old_kinds, g->n_old);
            return ok ? OP_MORE : op_refused(&g->op, err);
        }
    }
    g->phase = 0;
    if (g->n_new == 0)
        return OP_DONE;
    out->batch = g->out;
    return fill(g, b, g->after, g->new_list, g->new_kinds, g->n_new) ? OP_DONE : op_refused(&g->op, err);
}

static bool same_key(const struct key_set *k, uint32_t i, uint32_t j)
{
    return k->hashes[i] == k->hashes[j] && k->lens[i] == k->lens[j] &&
           memcmp(k->bytes[i], k->bytes[j], k->lens[i]) == 0;
}

/* A key that stands in the part already begins the next one. */
static bool cut_parts(struct aggregate_op *g, const struct batch *b)
{
    const struct node *n = g->op.node;
    uint16_t part = 0;
    if (!keys_encode(&g->keys, b, n->aggregate.keys, n->aggregate.n_keys))
        return false;
    memset(g->slots, 0, (g->slot_mask + 1) * sizeof *g->slots);
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t at = (uint32_t)g->keys.hashes[i] & g->slot_mask;
        while (g->slots[at] && !same_key(&g->keys, g->slots[at] - 1u, i))
            at = (at + 1) & g->slot_mask;
        if (g->slots[at] && g->part[g->slots[at] - 1] == part)
            part++;
        g->slots[at] = (uint16_t)(i + 1);
        g->part[i] = part;
    }
    return true;
}

static enum op_result put_each_change(struct aggregate_op *g, const struct batch *b, struct emit *out,
                                      struct error *err)
{
    uint32_t rows = batch_rows(b);
    if (g->to == 0 && !cut_parts(g, b))
        return op_refused(&g->op, err);
    if (g->phase == 0) {
        g->from = g->to;
        while (g->to < rows && g->part[g->to] == g->part[g->from]) {
            g->part_rows[g->to - g->from] = (uint16_t)batch_row(b, g->to);
            g->to++;
        }
        g->view = *b;
        g->view.sel = g->part_rows;
        g->view.n_sel = g->to - g->from;
    }
    enum op_result r = put_changes(g, &g->view, out, err);
    if (r != OP_DONE || g->to < rows)
        return r == OP_DONE ? OP_MORE : r;
    g->to = 0;
    return OP_DONE;
}

static enum op_result aggregate_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                      struct error *err)
{
    (void)input;
    struct aggregate_op *g = (struct aggregate_op *)o;
    if (batch_rows(ev->batch) == 0)
        return OP_DONE;
    return o->node->aggregate.each ? put_each_change(g, ev->batch, out, err) : put_changes(g, ev->batch, out, err);
}

const struct op_ops op_aggregate = {
    .name = "aggregate", .size = sizeof(struct aggregate_op), .open = aggregate_open, .start = aggregate_start,
    .batch = aggregate_batch, .close = aggregate_close,
};
