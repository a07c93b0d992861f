/* The chain, made: a link for each operator and sender, edges between them, what is silent from the start. */
#include "exec/chain_private.h"

static const struct op_ops *const ops_of_kind[NODE_KINDS] = {
    [NODE_SOURCE] = &op_source,       [NODE_VALUES] = &op_values,
    [NODE_CALC] = &op_calc,           [NODE_WATERMARK] = &op_watermark,
    [NODE_UNION] = &op_pass,          [NODE_EXCHANGE] = &op_pass,
    [NODE_NORMALIZE] = &op_normalize, [NODE_WINDOW] = &op_window,
    [NODE_AGGREGATE] = &op_aggregate, [NODE_WINDOW_AGGREGATE] = &op_window_aggregate,
    [NODE_SORT] = &op_sort,           [NODE_TABLE] = &op_sort,
    [NODE_SINK] = &op_sink,           [NODE_UNNEST] = &op_unnest,
    [NODE_EXPAND] = &op_expand,       [NODE_SET] = &op_set,
    [NODE_TIME_SORT] = &op_time_sort, [NODE_TO_CHANGELOG] = &op_to_changelog,
    [NODE_FROM_CHANGELOG] = &op_from_changelog,
};

/* LIMIT without an order need not wait for the end. */
static const struct op_ops *ops_of(const struct node *n)
{
    return n->kind == NODE_SORT && n->sort.n_keys == 0 ? &op_limit : ops_of_kind[n->kind];
}

static enum op_result send_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                 struct error *err)
{
    (void)o, (void)input, (void)ev, (void)out, (void)err;
    CHECK(!"a sender's batches go through on_batch");
    return OP_FAILED;
}

static const struct op_ops sender_ops = { .name = "sender", .size = sizeof(struct op), .batch = send_batch };

struct link *chain_link(struct chain *c, uint32_t node, bool sender)
{
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].node == node && c->links[i].sender == sender)
            return &c->links[i];
    return NULL;
}

bool chain_is_receiver(const struct chain *c, const struct link *l)
{
    return !l->sender && l->op->node->kind == NODE_EXCHANGE && c->spec.channels;
}

static bool in_chain(const struct chain_spec *spec, uint32_t node)
{
    for (uint32_t i = 0; i < spec->n_nodes; i++)
        if (spec->nodes[i] == node)
            return true;
    return false;
}

static bool add_link(struct chain *c, uint32_t node, bool sender)
{
    const struct node *n = c->spec.plan->nodes[node];
    struct link *l = &c->links[c->n_links];
    const struct op_ops *ops = sender ? &sender_ops : ops_of(n);
    *l = (struct link){ .node = node, .sender = sender };
    l->op = arena_calloc(&c->arena, ops->size);
    l->n_inputs = n->kind == NODE_EXCHANGE && !sender && c->spec.channels ? c->spec.channels : n->n_inputs;
    l->inputs = ARENA_ARRAY(&c->arena, struct input, l->n_inputs + 1);
    if (!l->op || !l->inputs)
        return false;
    for (uint32_t i = 0; i < l->n_inputs; i++)
        l->inputs[i].watermark = INT64_MIN;
    l->op->ops = ops;
    l->op->node = n;
    l->op->plan = c->spec.plan;
    if (n->n_inputs) {
        const struct node *from = c->spec.plan->nodes[n->inputs[0].node];
        l->op->input_schema = &from->schema;
        l->op->input_kinds = from->kinds;
    }
    l->op->ctx = c->ctx;
    l->op->budget = c->ctx->budget;
    budget_init(&l->op->state, "state", SIZE_MAX, c->ctx->budget);
    l->told_ms = INT64_MIN;
    l->op->deadline_ms = INT64_MAX;
    l->op->watermark = INT64_MIN;
    bool receiver = n->kind == NODE_EXCHANGE && !sender && c->spec.channels;
    if (ops->poll || receiver)
        c->roots++;
    c->n_links++;
    return true;
}

/* Edges from links of this chain to the users of their nodes, here or (an exchange elsewhere) through a sender. */
static bool add_edges(struct chain *c)
{
    const struct plan *p = c->spec.plan;
    for (uint32_t u = 0; u < p->n_nodes; u++) {
        const struct node *user = p->nodes[u];
        bool here = in_chain(&c->spec, u);
        bool receiver = user->kind == NODE_EXCHANGE && c->spec.channels;
        for (uint32_t i = 0; i < user->n_inputs; i++) {
            struct link *from = chain_link(c, user->inputs[i].node, false);
            if (!from || (!here && user->kind != NODE_EXCHANGE))
                continue;
            if (receiver && !chain_link(c, u, true) && !add_link(c, u, true))
                return false;
            struct link *to = chain_link(c, u, receiver);
            from = chain_link(c, user->inputs[i].node, false);
            struct edge *edges = ARENA_ARRAY(&c->arena, struct edge, from->n_edges + 1);
            if (!edges)
                return false;
            if (from->n_edges)
                memcpy(edges, from->edges, from->n_edges * sizeof *edges);
            edges[from->n_edges++] = (struct edge){ (uint32_t)(to - c->links), i, user->inputs[i].port };
            from->edges = edges;
        }
    }
    return true;
}

enum status chain_new(const struct chain_spec *spec, struct exec_context *ctx, struct chain **ret, struct error *err)
{
    struct chain *c = mem_calloc(ctx->budget, sizeof *c);
    if (!c)
        return budget_error(ctx->budget, sizeof *c, err);
    c->ctx = ctx;
    c->spec = *spec;
    arena_init(&c->arena, ctx->budget);
    c->links = ARENA_ARRAY(&c->arena, struct link, spec->plan->n_nodes * 2);
    uint32_t *nodes = ARENA_ARRAY(&c->arena, uint32_t, spec->n_nodes + 1);
    enum status st = ST_OK;
    bool ok = c->links && nodes;
    if (ok) {
        memcpy(nodes, spec->nodes, spec->n_nodes * sizeof *nodes);
        c->spec.nodes = nodes;
    }
    for (uint32_t i = 0; ok && i < spec->n_nodes; i++)
        ok = add_link(c, spec->nodes[i], false);
    ok = ok && add_edges(c);
    if (!ok)
        st = budget_error(ctx->budget, 0, err);
    for (uint32_t i = 0; st == ST_OK && i < c->n_links; i++)
        if (c->links[i].op->ops->open)
            st = c->links[i].op->ops->open(c->links[i].op, err);
    if (st != ST_OK) {
        chain_free(c);
        return st;
    }
    *ret = c;
    return ST_OK;
}

void chain_free(struct chain *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n_links; i++) {
        struct op *o = c->links[i].op;
        if (!o)
            continue;
        if (o->ops && o->ops->close)
            o->ops->close(o);
        for (uint32_t k = 0; k < o->n_stores; k++)
            store_free(o->stores[k]);
    }
    mem_free(c->ctx->budget, c->stack, c->room * sizeof *c->stack);
    arena_release(&c->arena);
    mem_free(c->ctx->budget, c, sizeof *c);
}

/* Silent from the start, not from when it comes to say so: else what is late depended on how soon that is. An operator
 * that holds rows back until time or the end lets them go has something to say still. */
static void hush(struct chain *c, struct link *l)
{
    l->op->idle = true;
    if (l->op->ops->watermark || l->op->ops->end)
        return;
    l->idle = true;
    for (uint32_t i = 0; i < l->n_edges; i++) {
        struct link *to = &c->links[l->edges[i].to];
        bool all = true;
        to->inputs[l->edges[i].input].idle = true;
        for (uint32_t k = 0; k < to->n_inputs; k++)
            all &= to->inputs[k].idle;
        if (all)
            hush(c, to);
    }
}

enum status chain_start(struct chain *c, struct error *err)
{
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].op->ops->start)
            TRY(c->links[i].op->ops->start(c->links[i].op, err));
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].op->silent)
            hush(c, &c->links[i]);
    return ST_OK;
}

bool chain_silent(const struct chain *c, uint32_t exchange)
{
    const struct link *l = chain_link((struct chain *)(uintptr_t)c, exchange, true);
    return l && l->idle;
}

void chain_hush(struct chain *c, uint32_t exchange, uint32_t channel)
{
    struct link *l = chain_link(c, exchange, false);
    bool all = true;
    l->inputs[channel].idle = true;
    for (uint32_t i = 0; i < l->n_inputs; i++)
        all &= l->inputs[i].idle;
    if (all)
        hush(c, l);
}
