/* EXPLAIN as text, the advice, and the fingerprint, out of the nodes' facts: EXPLAIN as a tree from the sinks, a shared
 * node's inputs shown once; the fingerprint as a line a node in their order, with types and inputs, columns by position,
 * so that an alias does not count as another job. Neither prints an address, a time or anything else that two runs do
 * not share. */
#include "plan/private.h"

/* ---- the tree ---- */

static bool put(struct buf *out, const char *s)
{
    return buf_put(out, s, strlen(s));
}

/* Without recursion: a plan may be as deep as it has nodes. */
bool plan_walk(const struct plan *plan, struct arena *a, plan_visit *visit, void *arg)
{
    ARRAY(struct plan_place) stack = { 0 };
    bool *shown = ARENA_ARRAY(a, bool, plan->n_nodes + 1);
    bool ok = shown != NULL;
    for (uint32_t root = 0; root < plan->n_nodes && ok; root++) {
        if (plan->nodes[root]->kind != NODE_SINK)
            continue;
        struct plan_place *p = array_add(&stack, a);
        ok = p != NULL;
        if (ok)
            p->node = plan->nodes[root];
        while (stack.count && ok) {
            struct plan_place now = stack.at[--stack.count];
            now.again = shown[now.node->index];
            shown[now.node->index] = true;
            ok = visit(arg, &now);
            for (uint32_t i = now.node->n_inputs; !now.again && i-- > 0 && ok;) {
                p = array_add(&stack, a);
                ok = p != NULL;
                if (p)
                    *p = (struct plan_place){ plan->nodes[now.node->inputs[i].node], now.depth + 1,
                                              now.node->inputs[i].port == 1, false };
            }
        }
    }
    return ok;
}

struct tree {
    struct buf *out;
    const struct plan *plan;
};

static bool put_node(void *arg, const struct plan_place *p)
{
    struct tree *t = arg;
    const struct node *n = p->node;
    struct facts f = { .out = t->out, .plan = t->plan, .form = FACTS_TEXT };
    bool ok = true;
    for (uint32_t i = 0; i < p->depth && ok; i++)
        ok = put(t->out, "  ");
    ok = ok && buf_printf(t->out, "%s%.*s", p->late ? "late rows of " : "", STR_ARG(n->id));
    if (p->again)
        return ok && put(t->out, " (shown above)\n");
    ok = ok && facts_put(&f, n) && facts_kinds(&f, n);
    if (n->kinds != KINDS_APPEND && n->n_upsert_key)
        ok = ok && facts_columns(&f, "key", &n->schema, n->upsert_key, n->n_upsert_key);
    return ok && put(t->out, n->watermarks ? " watermarks\n" : "\n");
}

bool plan_print(struct buf *out, const struct plan *plan)
{
    struct tree t = { out, plan };
    return plan_walk(plan, plan->arena, put_node, &t);
}

/* ---- advice ---- */

/* State by key that nothing ever takes away, over input without an end: it grows with every new key. */
bool plan_print_advice(struct buf *out, const struct plan *plan)
{
    bool ok = true, any = false;
    for (uint32_t i = 0; i < plan->n_nodes && ok; i++) {
        const struct node *n = plan->nodes[i];
        struct state_fact s;
        if (n->bounded || !facts_state(n, &s) || s.n_key == 0 || strcmp(s.until, "always") != 0)
            continue;
        const struct schema *in = &plan->nodes[n->inputs[0].node]->schema;
        any = true;
        ok = buf_printf(out, "%.*s keeps its %s for every value of (", STR_ARG(n->id), s.keeps);
        for (uint32_t k = 0; k < s.n_key && ok; k++)
            ok = buf_printf(out, "%s%.*s", k ? ", " : "", STR_ARG(in->fields[s.key[k]].name));
        ok = ok && put(out, ") as long as the job runs: its input does not end and no window closes\n");
    }
    return ok && (any || put(out, "none\n"));
}

/* ---- the fingerprint ---- */

static bool put_place(struct buf *out, const struct table_desc *t)
{
    static const char *const names[] = { "path", "topic", "format", "changelog-mode" };
    bool ok = true;
    for (size_t i = 0; i < sizeof names / sizeof *names && ok; i++) {
        struct str v = options_get(&t->options, names[i]);
        ok = !v.ptr || buf_printf(out, " %s='%.*s'", names[i], STR_ARG(v));
    }
    if (t->overwrite)
        ok = ok && buf_printf(out, " overwrite");
    for (uint32_t i = 0; i < t->n_partitioned_by && ok; i++)
        ok = buf_printf(out, " partitioned-by='%.*s'", STR_ARG(t->partitioned_by[i]));
    for (uint32_t i = 0; i < t->n_columns && ok; i++)
        ok = t->columns[i].role != COLUMN_METADATA ||
             buf_printf(out, " metadata='%.*s'", STR_ARG(t->columns[i].metadata_key));
    return ok;
}

bool plan_fingerprint(struct buf *out, const struct plan *plan)
{
    bool ok = true;
    for (uint32_t i = 0; i < plan->n_nodes && ok; i++) {
        const struct node *n = plan->nodes[i];
        struct facts f = { .out = out, .plan = plan, .form = FACTS_POSITIONS };
        ok = buf_put(out, n->id.ptr, n->id.len) && facts_put(&f, n);
        if (n->kind == NODE_SOURCE || n->kind == NODE_SINK)
            ok = ok && put_place(out, n->kind == NODE_SOURCE ? n->source.table : n->sink.table);
        ok = ok && put(out, " inputs=[");
        for (uint32_t k = 0; k < n->n_inputs && ok; k++)
            ok = buf_printf(out, "%s%.*s%s", k ? ", " : "", STR_ARG(plan->nodes[n->inputs[k].node]->id),
                            n->inputs[k].port ? " late" : "");
        ok = ok && put(out, "] types=[");
        for (uint32_t c = 0; c < n->schema.n_fields && ok; c++)
            ok = put(out, c ? ", " : "") && type_print(out, n->schema.fields[c].type);
        ok = ok && buf_printf(out, "] kinds=%u\n", n->kinds);
    }
    return ok;
}
