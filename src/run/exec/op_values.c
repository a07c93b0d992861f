/* VALUES: constant rows, put out once, by shard 0, in batches as large as the context's. How many are out is an entry,
 * so that a restored job does not repeat them. */
#include "exec/exec_private.h"

struct values {
    struct op op;
    struct store *out;
    struct batch *batch;
    uint32_t next;
};

static const struct str next_key = STR_INIT("next");

static enum status values_open(struct op *o, struct error *err)
{
    struct values *v = (struct values *)o;
    v->batch = batch_new(&o->node->schema, o->ctx->capacity, o->budget);
    if (!v->batch)
        return budget_error(o->budget, 0, err);
    return op_add_store(o, "out", sizeof(struct blob_value), 8, blob_at_zero, 1, STR("rows"), true, &v->out, err);
}

static enum status values_start(struct op *o, struct error *err)
{
    (void)err;
    struct values *v = (struct values *)o;
    struct str saved = op_get_blob(v->out, next_key);
    if (saved.len == sizeof v->next)
        memcpy(&v->next, saved.ptr, sizeof v->next);
    o->ended = o->silent = o->ctx->shard != 0 || v->next >= o->node->values.rows->count;
    return ST_OK;
}

static void values_close(struct op *o)
{
    batch_free(((struct values *)o)->batch);
}

static enum op_result values_poll(struct op *o, struct emit *out, struct error *err)
{
    struct values *v = (struct values *)o;
    const struct batch *rows = o->node->values.rows;
    batch_clear(v->batch);
    for (; v->next < rows->count && v->batch->count < v->batch->capacity; v->next++)
        if (!batch_append(v->batch, rows, v->next, true))
            return op_refused(o, err);
    if (!op_put_blob(v->out, next_key, (struct str){ (const char *)&v->next, sizeof v->next }))
        return op_refused(o, err);
    o->ended = v->next >= rows->count;
    out->batch = v->batch;
    return OP_DONE;
}

const struct op_ops op_values = {
    .name = "values", .size = sizeof(struct values), .open = values_open, .start = values_start, .poll = values_poll,
    .close = values_close,
};
