/* VALUES: constant rows, put out once, by shard 0. That they are out is an entry, so that a restored job does not
 * repeat them. */
#include "exec/exec_private.h"

struct values {
    struct op op;
    struct store *done;
};

static const struct str done_key = STR_INIT("done");

static enum status values_open(struct op *o, struct error *err)
{
    struct values *v = (struct values *)o;
    return op_add_store(o, "done", sizeof(struct blob_value), 8, blob_at_zero, 1, STR("flag"), true, &v->done, err);
}

static enum status values_start(struct op *o, struct error *err)
{
    (void)err;
    struct values *v = (struct values *)o;
    o->ended = o->ctx->shard != 0 || op_get_blob(v->done, done_key).len > 0;
    return ST_OK;
}

static enum op_result values_poll(struct op *o, struct emit *out, struct error *err)
{
    struct values *v = (struct values *)o;
    o->ended = true;
    if (!op_put_blob(v->done, done_key, STR("1")))
        return op_refused(o, err);
    out->batch = o->node->values.rows;
    return OP_DONE;
}

const struct op_ops op_values = {
    .name = "values", .size = sizeof(struct values), .open = values_open, .start = values_start, .poll = values_poll,
};
