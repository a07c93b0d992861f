/* Cutting a plan into stages.
 *
 * Nodes that are joined by an edge which is no exchange run together. An exchange belongs to the stage of its
 * users, where it is a receiver; the edge into it is the cut. So: union-find over the nodes, joining each with its
 * inputs unless it is an exchange.
 *
 * A barrier enters at the sources and is aligned at receivers; that needs the stages to form no circle. A plan
 * that shares a source between a branch with and one without an exchange and joins both again has a stage that
 * feeds itself: such a plan is not cut and runs as one task, which gives the same rows. */
#include "job/job_private.h"

struct cut {
    const struct plan *plan;
    uint32_t *parent; /* union-find */
    uint32_t *stage;  /* of a node's root; then of each node */
};

static uint32_t root_of(struct cut *c, uint32_t n)
{
    while (c->parent[n] != n) {
        c->parent[n] = c->parent[c->parent[n]];
        n = c->parent[n];
    }
    return n;
}

static void join_nodes(struct cut *c)
{
    for (uint32_t i = 0; i < c->plan->n_nodes; i++)
        c->parent[i] = i;
    for (uint32_t i = 0; i < c->plan->n_nodes; i++) {
        const struct node *n = c->plan->nodes[i];
        if (n->kind == NODE_EXCHANGE)
            continue;
        for (uint32_t k = 0; k < n->n_inputs; k++) {
            uint32_t a = root_of(c, i), b = root_of(c, n->inputs[k].node);
            c->parent[a > b ? a : b] = a > b ? b : a;
        }
    }
}

/* Numbers the stages by their first node. Returns how many there are. */
static uint32_t number_stages(struct cut *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->plan->n_nodes; i++) {
        uint32_t r = root_of(c, i);
        c->stage[i] = r == i ? count++ : c->stage[r];
    }
    return count;
}

/* Can the stages be put in an order in which each is fed by earlier ones only? `open` has room for the exchanges. */
static bool has_order(const struct cut *c, uint32_t n_stages, uint8_t *done)
{
    for (uint32_t round = 0; round < n_stages; round++) {
        uint32_t found = n_stages;
        for (uint32_t s = 0; s < n_stages && found == n_stages; s++) {
            bool fed = done[s];
            for (uint32_t i = 0; i < c->plan->n_nodes && !fed; i++) {
                const struct node *n = c->plan->nodes[i];
                if (n->kind != NODE_EXCHANGE || c->stage[i] != s)
                    continue;
                for (uint32_t k = 0; k < n->n_inputs && !fed; k++)
                    fed = !done[c->stage[n->inputs[k].node]];
            }
            if (!fed)
                found = s;
        }
        if (found == n_stages)
            return false;
        done[found] = 1;
    }
    return true;
}

static bool is_outlet(const struct cut *c, uint32_t exchange, uint32_t stage)
{
    const struct node *n = c->plan->nodes[exchange];
    for (uint32_t k = 0; n->kind == NODE_EXCHANGE && k < n->n_inputs; k++)
        if (c->stage[n->inputs[k].node] == stage)
            return true;
    return false;
}

static bool fill_stage(const struct cut *c, struct stage *s, uint32_t number, bool cut, struct arena *a)
{
    uint32_t n = c->plan->n_nodes;
    s->nodes = ARENA_ARRAY(a, uint32_t, n);
    s->inlets = ARENA_ARRAY(a, uint32_t, n);
    s->outlets = ARENA_ARRAY(a, uint32_t, n);
    if (!s->nodes || !s->inlets || !s->outlets)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *node = c->plan->nodes[i];
        if (cut && is_outlet(c, i, number))
            s->outlets[s->n_outlets++] = i;
        if (cut && c->stage[i] != number)
            continue;
        s->nodes[s->n_nodes++] = i;
        s->has_sources |= node->kind == NODE_SOURCE || node->kind == NODE_VALUES;
        if (cut && node->kind == NODE_EXCHANGE)
            s->inlets[s->n_inlets++] = i;
    }
    return true;
}

enum status stage_cut(const struct plan *p, uint32_t parallelism, struct arena *a, struct stage **ret,
                      uint32_t *ret_count, bool *ret_cut, struct error *err)
{
    struct cut c = { .plan = p };
    c.parent = ARENA_ARRAY(a, uint32_t, p->n_nodes);
    c.stage = ARENA_ARRAY(a, uint32_t, p->n_nodes);
    uint8_t *done = ARENA_ARRAY(a, uint8_t, p->n_nodes);
    if (!c.parent || !c.stage || !done)
        return budget_error(a->budget, p->n_nodes * 9, err);
    join_nodes(&c);
    uint32_t n = number_stages(&c);
    bool cut = parallelism > 1 && has_order(&c, n, done);
    if (!cut)
        n = 1;
    struct stage *stages = ARENA_ARRAY(a, struct stage, n);
    for (uint32_t i = 0; stages && i < n; i++)
        if (!fill_stage(&c, &stages[i], i, cut, a))
            stages = NULL;
    if (!stages)
        return budget_error(a->budget, n * sizeof *stages, err);
    *ret = stages;
    *ret_count = n;
    *ret_cut = cut;
    return ST_OK;
}
