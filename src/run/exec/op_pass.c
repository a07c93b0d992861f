/* UNION ALL, and an exchange seen from the receiving side: rows pass as they are. What makes them operators are
 * their several inputs: the chain combines watermarks, barriers and ends. */
#include "exec/exec_private.h"

struct pass {
    struct op op;
    struct batch view; /* borrowed columns under this node's schema */
};

static enum op_result pass_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                 struct error *err)
{
    (void)input, (void)err;
    struct pass *p = (struct pass *)o;
    p->view = *ev->batch;
    p->view.schema = &o->node->schema;
    out->batch = &p->view;
    out->split = ev->split;
    out->source_watermark = ev->time;
    return OP_DONE;
}

const struct op_ops op_pass = { .name = "pass", .size = sizeof(struct pass), .batch = pass_batch };
