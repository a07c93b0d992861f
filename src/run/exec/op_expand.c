/* GROUPING SETS: each row once for each set, its keys NULL where the set has not got them, and the set's number.
 *
 * Nothing is copied. The k-th call for a batch puts out its rows under set k: columns that pass and keys of the set are
 * borrowed, a key that the set has not got is a column of NULLs, made once. */
#include "exec/exec_private.h"

struct expand {
    struct op op;
    struct column *nulls; /* of each key */
    struct batch *numbers; /* one column: the set */
    struct column *cols;
    struct batch out;
    uint32_t set; /* which comes next */
    struct arena arena;
};

static enum status expand_open(struct op *o, struct error *err)
{
    struct expand *x = (struct expand *)o;
    const struct node *n = o->node;
    uint32_t cap = o->ctx->capacity * 2, n_keys = n->expand.n_keys;
    arena_init(&x->arena, o->budget);
    x->cols = ARENA_ARRAY(&x->arena, struct column, n->schema.n_fields);
    x->nulls = ARENA_ARRAY(&x->arena, struct column, n_keys + 1);
    struct schema *number = ARENA_NEW(&x->arena, struct schema);
    if (!x->cols || !x->nulls || !number)
        return budget_error(o->budget, 0, err);
    *number = (struct schema){ n->schema.fields + n->schema.n_fields - 1, 1 };
    x->numbers = batch_new(number, cap, o->budget);
    for (uint32_t i = 0; i < n_keys; i++) {
        if (!column_init(&x->nulls[i], n->schema.fields[n->expand.n_pass + i].type, cap, o->budget))
            return budget_error(o->budget, 0, err);
        memset(column_nulls(&x->nulls[i], cap), 1, cap);
    }
    return x->numbers ? ST_OK : budget_error(o->budget, 0, err);
}

static void expand_close(struct op *o)
{
    struct expand *x = (struct expand *)o;
    for (uint32_t i = 0; x->nulls && i < o->node->expand.n_keys; i++)
        column_release(&x->nulls[i]);
    batch_free(x->numbers);
    arena_release(&x->arena);
}

static enum op_result expand_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                   struct error *err)
{
    (void)input, (void)err;
    struct expand *x = (struct expand *)o;
    const struct node *n = o->node;
    const struct batch *b = ev->batch;
    uint32_t n_pass = n->expand.n_pass, n_keys = n->expand.n_keys;
    CHECK(b->count <= x->numbers->capacity);
    for (uint32_t i = 0; i < n_pass; i++)
        x->cols[i] = b->cols[n->expand.pass[i]];
    for (uint32_t i = 0; i < n_keys; i++)
        x->cols[n_pass + i] = n->expand.sets[x->set] >> i & 1u ? b->cols[n->expand.keys[i]] : x->nulls[i];
    for (uint32_t i = 0; i < b->count; i++)
        x->numbers->cols[0].i32[i] = (int32_t)x->set;
    x->cols[n_pass + n_keys] = x->numbers->cols[0];
    x->out = *b;
    x->out.schema = &n->schema;
    x->out.cols = x->cols;
    out->batch = &x->out;
    x->set = x->set + 1 < n->expand.n_sets ? x->set + 1 : 0;
    return x->set ? OP_MORE : OP_DONE;
}

const struct op_ops op_expand = {
    .name = "expand", .size = sizeof(struct expand), .open = expand_open, .batch = expand_batch,
    .close = expand_close,
};
