/* EXPLAIN and the fingerprint. Both walk the same facts of a node: EXPLAIN as a tree from the sinks, a shared node's
 * inputs shown once; the fingerprint as a line a node in their order, with types and inputs, columns by position, so
 * that an alias does not count as another job. Neither prints an address, a time or anything else that two runs do not
 * share. */
#include "plan/private.h"

struct printer {
    struct buf *out;
    const struct plan *plan;
    bool fingerprint;
    bool *shown;
};

static bool put(struct printer *p, const char *s)
{
    return buf_put(p->out, s, strlen(s));
}

static bool put_str(struct printer *p, struct str s)
{
    return buf_put(p->out, s.ptr, s.len);
}

/* The columns of node `index` (port 1: of its input) as expressions see them. */
static const struct schema *schema_of(const struct printer *p, struct node_input in)
{
    const struct node *n = p->plan->nodes[in.node];
    if (in.port == 1)
        n = p->plan->nodes[n->inputs[0].node];
    if (!p->fingerprint)
        return &n->schema;
    struct schema *s = ARENA_NEW(p->plan->arena, struct schema);
    struct field *fields = ARENA_ARRAY(p->plan->arena, struct field, n->schema.n_fields + 1);
    if (!s || !fields)
        return NULL;
    for (uint32_t i = 0; i < n->schema.n_fields; i++) {
        fields[i] = (struct field){ arena_printf(p->plan->arena, "$%u", i), n->schema.fields[i].type };
        if (!fields[i].name.ptr)
            return NULL;
    }
    *s = (struct schema){ fields, n->schema.n_fields };
    return s;
}

static bool put_columns(struct printer *p, const char *what, const struct schema *s, const uint32_t *columns,
                        uint32_t n)
{
    bool ok = buf_printf(p->out, " %s=[", what);
    for (uint32_t i = 0; i < n && ok; i++)
        ok = buf_printf(p->out, "%s%.*s", i ? ", " : "", STR_ARG(s->fields[columns[i]].name));
    return ok && put(p, "]");
}

/* ---- facts of each kind ---- */

static bool put_need(struct printer *p, struct str prefix, const struct need *need, const struct field *f, bool *first)
{
    if (!need->used)
        return true;
    struct str name =
        prefix.len ? arena_printf(p->plan->arena, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(f->name)) : f->name;
    if (!name.ptr)
        return false;
    if (!need->fields) {
        bool ok = buf_printf(p->out, "%s%.*s", *first ? "" : ", ", STR_ARG(name));
        *first = false;
        return ok;
    }
    for (uint32_t i = 0; i < f->type->n_fields; i++)
        if (!put_need(p, name, &need->fields[i], &f->type->fields[i], first))
            return false;
    return true;
}

static bool put_source(struct printer *p, const struct node *n, const struct schema *in)
{
    (void)in;
    const struct table_desc *t = n->source.table;
    bool first = true,
         ok = buf_printf(p->out, " table=%.*s connector=%s columns=[", STR_ARG(t->name), t->connector->name);
    for (uint32_t i = 0; i < n->schema.n_fields && ok; i++)
        ok = put_need(p, STR(""), &n->source.needs[i], &n->schema.fields[i], &first);
    return ok && put(p, "]") && put(p, n->bounded ? " bounded" : "") &&
           put(p, n->source.emits_watermarks ? " gives-watermarks" : "");
}

static bool put_values(struct printer *p, const struct node *n, const struct schema *in)
{
    (void)in;
    return buf_printf(p->out, " rows=%u", n->values.rows ? n->values.rows->count : 0);
}

/* Does the printed text at `from` equal the column's name? Then AS says nothing. */
static bool put_as(struct printer *p, size_t from, struct str name)
{
    if (p->fingerprint || str_eq(str_make(p->out->data + from, p->out->len - from), name))
        return true;
    return buf_printf(p->out, " AS %.*s", STR_ARG(name));
}

static bool put_calc(struct printer *p, const struct node *n, const struct schema *in)
{
    bool ok = put(p, " select=[");
    for (uint32_t i = 0; i < n->schema.n_fields && ok; i++) {
        ok = put(p, i ? ", " : "");
        size_t from = p->out->len;
        ok = ok && expr_print(p->out, n->calc.exprs[i], in) && put_as(p, from, n->schema.fields[i].name);
    }
    ok = ok && put(p, "]");
    if (n->calc.condition)
        ok = ok && put(p, " where=[") && expr_print(p->out, n->calc.condition, in) && put(p, "]");
    return ok;
}

static bool put_watermark(struct printer *p, const struct node *n, const struct schema *in)
{
    static const char *const cuts[] = { [CUT_NONE] = "none", [CUT_PANE] = "pane", [CUT_STRICT] = "strict" };
    bool ok = buf_printf(p->out, " for=%.*s as=[", STR_ARG(in->fields[n->watermark.column].name));
    ok = ok && (n->watermark.expr ? expr_print(p->out, n->watermark.expr, in) : put(p, "SOURCE_WATERMARK()"));
    ok = ok && put(p, "]");
    if (p->fingerprint)
        return ok;
    ok = ok && buf_printf(p->out, " cut=%s", cuts[n->watermark.cut]);
    if (n->watermark.cut == CUT_PANE)
        ok = ok && buf_printf(p->out, "(%lld ms, offset %lld ms)", (long long)n->watermark.cut_pane_ms,
                              (long long)n->watermark.cut_offset_ms);
    if (n->watermark.idle_ms)
        ok = ok && buf_printf(p->out, " idle=%lld ms", (long long)n->watermark.idle_ms);
    return ok;
}

static bool put_nothing(struct printer *p, const struct node *n, const struct schema *in)
{
    (void)p;
    (void)n;
    (void)in;
    return true;
}

static bool put_exchange(struct printer *p, const struct node *n, const struct schema *in)
{
    return n->exchange.n_keys ? put_columns(p, "hash", in, n->exchange.keys, n->exchange.n_keys) : put(p, " single");
}

static bool put_normalize(struct printer *p, const struct node *n, const struct schema *in)
{
    return put_columns(p, "by", in, n->normalize.keys, n->normalize.n_keys);
}

static bool put_spec(struct printer *p, const struct window_spec *w, const struct schema *in)
{
    static const char *const names[] = {
        [WINDOW_TUMBLE] = "TUMBLE", [WINDOW_HOP] = "HOP", [WINDOW_CUMULATE] = "CUMULATE", [WINDOW_ATTACHED] = "ATTACHED"
    };
    bool ok = buf_printf(p->out, " window=%s(", names[w->kind]);
    if (w->kind == WINDOW_ATTACHED) {
        ok = ok && put_str(p, in->fields[w->start_column].name) && put(p, ", ") &&
             put_str(p, in->fields[w->end_column].name);
    } else {
        ok = ok && (w->processing_time ? put(p, "processing time") : put_str(p, in->fields[w->time_column].name));
        if (w->kind != WINDOW_TUMBLE)
            ok = ok &&
                 buf_printf(p->out, ", %s %lld ms", w->kind == WINDOW_HOP ? "slide" : "step", (long long)w->slide_ms);
        ok = ok && buf_printf(p->out, ", size %lld ms", (long long)w->size_ms);
        if (w->offset_ms)
            ok = ok && buf_printf(p->out, ", offset %lld ms", (long long)w->offset_ms);
    }
    if (w->is_ltz)
        ok = ok && buf_printf(p->out, ", zone %.*s", STR_ARG(w->zone.name));
    return ok && put(p, ")");
}

static bool put_window(struct printer *p, const struct node *n, const struct schema *in)
{
    return put_spec(p, &n->window.window, in);
}

/* A call; by position its name would not do, since it tells columns by name. */
static bool put_call(struct printer *p, const struct aggregate_call *c, struct str as)
{
    if (!p->fingerprint)
        return put_str(p, c->name) && put(p, " AS ") && put_str(p, as);
    bool ok = buf_printf(p->out, "%s(%s", c->aggregate->name, c->distinct ? "DISTINCT " : "");
    for (uint32_t i = 0; i < c->n_args && ok; i++)
        ok = buf_printf(p->out, "%s$%u", i ? ", " : "", c->args[i]);
    ok = ok && put(p, ")");
    return ok && (c->filter < 0 || buf_printf(p->out, " FILTER $%d", c->filter));
}

static bool put_calls(struct printer *p, const struct node *n, const struct aggregate_call *calls, uint32_t n_calls,
                      uint32_t first)
{
    bool ok = put(p, " select=[");
    for (uint32_t i = 0; i < n_calls && ok; i++)
        ok = put(p, i ? ", " : "") && put_call(p, &calls[i], n->schema.fields[first + i].name);
    return ok && put(p, "]");
}

static bool put_aggregate(struct printer *p, const struct node *n, const struct schema *in)
{
    return put_columns(p, "group", in, n->aggregate.keys, n->aggregate.n_keys) &&
           put_calls(p, n, n->aggregate.calls, n->aggregate.n_calls, n->aggregate.n_keys) &&
           put(p, n->aggregate.retracting ? " retracting" : "");
}

static bool put_window_aggregate(struct printer *p, const struct node *n, const struct schema *in)
{
    static const char *const outs[] = {
        [WINDOW_OUT_START] = "start", [WINDOW_OUT_END] = "end", [WINDOW_OUT_TIME] = "time"
    };
    bool ok = put_spec(p, &n->window_aggregate.window, in) &&
              put_columns(p, "group", in, n->window_aggregate.keys, n->window_aggregate.n_keys) &&
              put_calls(p, n, n->window_aggregate.calls, n->window_aggregate.n_calls, n->window_aggregate.n_keys) &&
              put(p, " out=[");
    for (uint32_t i = 0; i < n->window_aggregate.n_outputs && ok; i++)
        ok = put(p, i ? ", " : "") && put(p, outs[n->window_aggregate.outputs[i]]);
    return ok && put(p, "]") && put(p, n->window_aggregate.retracting ? " retracting" : "") &&
           put(p, n->window_aggregate.late_output ? " late-output" : "");
}

static bool put_order(struct printer *p, const struct schema *in, const struct sort_key *keys, uint32_t n,
                      int64_t limit, int64_t offset)
{
    bool ok = put(p, n ? " order=[" : "");
    for (uint32_t i = 0; i < n && ok; i++) {
        bool usual = keys[i].nulls_first != keys[i].descending;
        ok = buf_printf(p->out, "%s%.*s %s%s", i ? ", " : "", STR_ARG(in->fields[keys[i].column].name),
                        keys[i].descending ? "DESC" : "ASC",
                        usual                 ? ""
                        : keys[i].nulls_first ? " NULLS FIRST"
                                              : " NULLS LAST");
    }
    ok = ok && put(p, n ? "]" : "");
    if (limit >= 0)
        ok = ok && buf_printf(p->out, " limit=%lld", (long long)limit);
    return ok && (offset == 0 || buf_printf(p->out, " offset=%lld", (long long)offset));
}

static bool put_sort(struct printer *p, const struct node *n, const struct schema *in)
{
    return put_order(p, in, n->sort.keys, n->sort.n_keys, n->sort.limit, n->sort.offset);
}

static bool put_table(struct printer *p, const struct node *n, const struct schema *in)
{
    return put_order(p, in, n->table.keys, n->table.n_keys, n->table.limit, n->table.offset);
}

static bool put_sink(struct printer *p, const struct node *n, const struct schema *in)
{
    (void)in;
    const struct table_desc *t = n->sink.table;
    bool ok = buf_printf(p->out, " table=%.*s connector=%s columns=[", STR_ARG(t->name), t->connector->name);
    bool names = !p->fingerprint || !n->sink.is_result; /* those of a SELECT are its aliases */
    for (uint32_t i = 0; names && i < n->sink.columns.n_fields && ok; i++)
        ok = put(p, i ? ", " : "") && put_str(p, n->sink.columns.fields[i].name);
    return ok && put(p, "]") && put(p, n->sink.upsert ? " upsert" : "");
}

static bool (*const facts[NODE_KINDS])(struct printer *, const struct node *, const struct schema *) = {
    [NODE_SOURCE] = put_source,       [NODE_VALUES] = put_values,       [NODE_CALC] = put_calc,
    [NODE_WATERMARK] = put_watermark, [NODE_UNION] = put_nothing,       [NODE_EXCHANGE] = put_exchange,
    [NODE_NORMALIZE] = put_normalize, [NODE_WINDOW] = put_window,       [NODE_AGGREGATE] = put_aggregate,
    [NODE_SORT] = put_sort,           [NODE_TABLE] = put_table,         [NODE_SINK] = put_sink,
    [NODE_WINDOW_AGGREGATE] = put_window_aggregate,
};

static bool put_facts(struct printer *p, const struct node *n)
{
    const struct schema *in = n->n_inputs ? schema_of(p, n->inputs[0]) : &n->schema;
    return in && put_str(p, n->id) && facts[n->kind](p, n, in);
}

/* ---- EXPLAIN ---- */

static bool put_modes(struct printer *p, const struct node *n)
{
    static const char *const kinds[] = { "I", "UB", "UA", "D" };
    bool ok = put(p, " changelog=["), first = true;
    for (uint32_t k = 0; k < 4 && ok; k++) {
        if (!(n->kinds >> k & 1u))
            continue;
        ok = put(p, first ? "" : ",") && put(p, kinds[k]);
        first = false;
    }
    ok = ok && put(p, "]");
    if (n->kinds != KINDS_APPEND && n->n_upsert_key)
        ok = ok && put_columns(p, "key", &n->schema, n->upsert_key, n->n_upsert_key);
    return ok && put(p, n->watermarks ? " watermarks" : "");
}

/* Prints a tree without recursion: a plan may be as deep as it has nodes. */
static bool put_tree(struct printer *p, uint32_t root)
{
    struct step {
        struct node_input at;
        uint32_t depth;
    };
    ARRAY(struct step) stack = { 0 };
    struct step *s = array_add(&stack, p->plan->arena);
    if (!s)
        return false;
    s->at.node = root;
    bool ok = true;
    while (stack.count && ok) {
        struct step now = stack.at[--stack.count];
        const struct node *n = p->plan->nodes[now.at.node];
        for (uint32_t i = 0; i < now.depth && ok; i++)
            ok = put(p, "  ");
        ok = ok && put(p, now.at.port == 1 ? "late rows of " : "");
        if (p->shown[n->index]) {
            ok = ok && put_str(p, n->id) && put(p, " (shown above)\n");
            continue;
        }
        p->shown[n->index] = true;
        ok = ok && put_facts(p, n) && put_modes(p, n) && put(p, "\n");
        for (uint32_t i = n->n_inputs; i-- > 0 && ok;) {
            s = array_add(&stack, p->plan->arena);
            ok = s != NULL;
            if (s)
                *s = (struct step){ n->inputs[i], now.depth + 1 };
        }
    }
    return ok;
}

bool plan_print(struct buf *out, const struct plan *plan)
{
    struct printer p = { .out = out, .plan = plan };
    p.shown = ARENA_ARRAY(plan->arena, bool, plan->n_nodes + 1);
    bool ok = p.shown != NULL;
    for (uint32_t i = 0; i < plan->n_nodes && ok; i++)
        if (plan->nodes[i]->kind == NODE_SINK)
            ok = put_tree(&p, i);
    return ok;
}

/* ---- the fingerprint ---- */

static bool put_place(struct printer *p, const struct table_desc *t)
{
    static const char *const names[] = { "path", "topic", "format", "changelog-mode" };
    bool ok = true;
    for (size_t i = 0; i < sizeof names / sizeof *names && ok; i++) {
        struct str v = options_get(&t->options, names[i]);
        ok = !v.ptr || buf_printf(p->out, " %s='%.*s'", names[i], STR_ARG(v));
    }
    return ok;
}

bool plan_fingerprint(struct buf *out, const struct plan *plan)
{
    struct printer p = { .out = out, .plan = plan, .fingerprint = true };
    bool ok = true;
    for (uint32_t i = 0; i < plan->n_nodes && ok; i++) {
        const struct node *n = plan->nodes[i];
        ok = put_facts(&p, n);
        if (n->kind == NODE_SOURCE || n->kind == NODE_SINK)
            ok = ok && put_place(&p, n->kind == NODE_SOURCE ? n->source.table : n->sink.table);
        ok = ok && put(&p, " inputs=[");
        for (uint32_t k = 0; k < n->n_inputs && ok; k++)
            ok = buf_printf(out, "%s%.*s%s", k ? ", " : "", STR_ARG(plan->nodes[n->inputs[k].node]->id),
                            n->inputs[k].port ? " late" : "");
        ok = ok && put(&p, "] types=[");
        for (uint32_t c = 0; c < n->schema.n_fields && ok; c++)
            ok = put(&p, c ? ", " : "") && type_print(out, n->schema.fields[c].type);
        ok = ok && buf_printf(out, "] kinds=%u\n", n->kinds);
    }
    return ok;
}
