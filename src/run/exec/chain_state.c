/* The chain, looked at: state out and in, deadlines, numbers, its sinks. */
#include "exec/chain_private.h"

enum status chain_apply(struct chain *c, const struct delta *d, bool *ret_known, struct error *err)
{
    for (uint32_t i = 0; i < c->n_links; i++) {
        struct op *o = c->links[i].op;
        for (uint32_t k = 0; k < o->n_stores; k++) {
            if (!str_eq(store_layout(o->stores[k])->id, d->store))
                continue;
            *ret_known = true;
            return store_apply(o->stores[k], d, c->ctx->shard, c->ctx->shards, err);
        }
    }
    *ret_known = false;
    return ST_OK;
}

enum status chain_delta(struct chain *c, struct buf *out, struct error *err)
{
    for (uint32_t i = 0; i < c->n_links; i++) {
        struct op *o = c->links[i].op;
        for (uint32_t k = 0; k < o->n_stores; k++)
            TRY(store_delta(o->stores[k], out, err));
    }
    return ST_OK;
}

int64_t chain_deadline_ms(const struct chain *c)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < c->n_links; i++)
        if (!c->links[i].ended && c->links[i].op->deadline_ms < least)
            least = c->links[i].op->deadline_ms;
    return least;
}

bool chain_sources_ended(const struct chain *c)
{
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].op->ops->poll && !c->links[i].end_told)
            return false;
    return true;
}

uint32_t chain_count(const struct chain *c) { return c->n_links; }

bool chain_metrics(const struct chain *c, uint32_t i, uint32_t *ret_node, struct op_metrics *ret)
{
    if (i >= c->n_links)
        return false;
    const struct link *l = &c->links[i];
    const struct op *o = l->op;
    *ret_node = l->node;
    *ret = (struct op_metrics){ .busy_ns = o->busy_ns, .watermark_ms = INT64_MAX, .idle = true };
    if (l->sender)
        return true;
    ret->rows_in = o->rows_in;
    ret->rows_out = o->rows_out;
    ret->batches_in = o->batches_in;
    ret->late_rows = o->late_rows;
    ret->bytes = o->bytes;
    for (uint32_t k = 0; k < o->n_stores; k++)
        ret->state_entries += store_count(o->stores[k]);
    ret->state_bytes = atomic_load_explicit(&o->state.used, memory_order_relaxed);
    bool own = o->ops->poll || (o->node->kind == NODE_WATERMARK && o->watermark != INT64_MAX);
    ret->watermark_ms = own ? l->told_ms : o->watermark;
    ret->idle = l->idle || l->told_idle;
    return true;
}

struct op *chain_op(struct chain *c, uint32_t node)
{
    struct link *l = chain_link(c, node, false);
    return l ? l->op : NULL;
}

enum status chain_sink_commits(struct chain *c, uint32_t node, struct arena *a, struct sink_commit **ret,
                               uint32_t *ret_count, struct error *err)
{
    return op_sink_commits(chain_link(c, node, false)->op, a, ret, ret_count, err);
}

struct sink_writer *chain_writer(struct chain *c, uint32_t i, const struct sink_ops **ret_ops)
{
    for (uint32_t k = 0; k < c->n_links; k++) {
        struct op *o = c->links[k].op;
        if (o->ops != &op_sink || i-- > 0)
            continue;
        struct sink_writer *w = op_sink_writer(o);
        *ret_ops = w ? w->ops : NULL;
        return w;
    }
    return NULL;
}
