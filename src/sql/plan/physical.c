/* Relations to nodes, inputs first, so that the order of nodes is topological.
 *
 * A scan becomes SOURCE, a projection that computes the event time, WATERMARK, and for upserts EXCHANGE and NORMALIZE
 * by the primary key; it is built once for all who read it. Exchanges stand before whatever keeps state by key, and
 * before what must see all rows in one place. Row kinds are known as nodes are made (modes.c); who can do without -U is
 * decided afterwards, from the sinks up. */
#include "plan/private.h"

static const char *const kind_names[NODE_KINDS] = {
    [NODE_SOURCE] = "source",       [NODE_VALUES] = "values",       [NODE_CALC] = "calc",
    [NODE_WATERMARK] = "watermark", [NODE_UNION] = "union",         [NODE_EXCHANGE] = "exchange",
    [NODE_NORMALIZE] = "normalize", [NODE_WINDOW] = "window",       [NODE_AGGREGATE] = "aggregate",
    [NODE_SORT] = "sort",           [NODE_TABLE] = "table",         [NODE_SINK] = "sink",
    [NODE_WINDOW_AGGREGATE] = "window-aggregate",                   [NODE_UNNEST] = "unnest",
    [NODE_TO_CHANGELOG] = "to-changelog",                           [NODE_FROM_CHANGELOG] = "from-changelog",
    [NODE_EXPAND] = "expand",       [NODE_SET] = "set",             [NODE_TIME_SORT] = "time-sort",
};

struct node *physical_node(struct physical *p, enum node_kind kind, const struct schema *schema, uint32_t n_inputs)
{
    struct node *n = ARENA_NEW(p->arena, struct node);
    struct node **kept = n ? array_add(&p->nodes, p->arena) : NULL;
    if (!kept)
        return NULL;
    *kept = n;
    bool *keyed = array_add(&p->keyed, p->arena);
    struct rel **rel = array_add(&p->rels, p->arena);
    if (!keyed || !rel)
        return NULL;
    n->kind = kind;
    n->index = p->nodes.count - 1;
    n->schema = *schema;
    n->n_inputs = n_inputs;
    n->inputs = ARENA_ARRAY(p->arena, struct node_input, n_inputs + 1);
    n->id = arena_printf(p->arena, "%s:%u", kind_names[kind], ++p->ordinals[kind]);
    if (n_inputs > p->plan->max_inputs)
        p->plan->max_inputs = n_inputs;
    return n->inputs && n->id.ptr ? n : NULL;
}

enum status physical_chain(struct physical *p, enum node_kind kind, const struct schema *schema, uint32_t input,
                           struct node **ret)
{
    struct node *n = physical_node(p, kind, schema, 1);
    TRY_MEM(p->b, n);
    n->inputs[0].node = input;
    n->bounded = p->nodes.at[input]->bounded;
    *ret = n;
    return ST_OK;
}

static enum status copy_columns(struct physical *p, const uint32_t *from, uint32_t n, uint32_t **ret)
{
    *ret = ARENA_ARRAY(p->arena, uint32_t, n + 1);
    TRY_MEM(p->b, *ret);
    if (n)
        memcpy(*ret, from, n * sizeof *from);
    return ST_OK;
}

/* Everything in one place already? */
static bool is_single(const struct physical *p, uint32_t node)
{
    const struct node *n = p->nodes.at[node];
    while (n->kind != NODE_EXCHANGE && n->n_inputs == 1)
        n = p->nodes.at[n->inputs[0].node];
    return n->kind == NODE_EXCHANGE && n->exchange.n_keys == 0;
}

enum status physical_exchange(struct physical *p, uint32_t input, const uint32_t *keys, uint32_t n_keys, uint32_t *ret)
{
    struct node *n;
    *ret = input;
    if (n_keys == 0 && is_single(p, input))
        return ST_OK;
    TRY(physical_chain(p, NODE_EXCHANGE, &p->nodes.at[input]->schema, input, &n));
    TRY(copy_columns(p, keys, n_keys, &n->exchange.keys));
    n->exchange.n_keys = n_keys;
    *ret = n->index;
    return node_modes(p, n);
}

/* ---- values, projections, unions ---- */

static enum status build_values(struct physical *p, struct rel *r, uint32_t *ret)
{
    struct budget *budget = p->b->env->budget;
    struct node *n = physical_node(p, NODE_VALUES, &r->schema, 0);
    TRY_MEM(p->b, n);
    n->bounded = true;
    struct batch *rows = batch_new(&n->schema, r->values.n_rows, budget);
    if (!rows)
        return budget_error(budget ? budget : budget_process(), sizeof *rows, p->b->err);
    n->values.rows = rows;
    for (uint32_t i = 0; i < r->values.n_rows; i++)
        for (uint32_t c = 0; c < r->schema.n_fields; c++)
            if (!column_copy(&rows->cols[c], i, &r->values.cells[i * r->schema.n_fields + c]->value, 0, false))
                return budget_error(budget ? budget : budget_process(), sizeof *rows, p->b->err);
    rows->count = r->values.n_rows;
    *ret = n->index;
    return node_modes(p, n);
}

static bool is_identity(const struct rel *r, const struct node *in)
{
    if (r->calc.condition || r->schema.n_fields != in->schema.n_fields)
        return false;
    for (uint32_t i = 0; i < r->schema.n_fields; i++)
        if (r->calc.exprs[i]->kind != EXPR_COLUMN || r->calc.exprs[i]->column != i)
            return false;
    return true;
}

static enum status build_calc(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    TRY(physical_rel(p, r->inputs[0], &input));
    if (is_identity(r, p->nodes.at[input])) {
        *ret = input;
        return ST_OK;
    }
    struct node *n;
    TRY(physical_chain(p, NODE_CALC, &r->schema, input, &n));
    n->calc.condition = r->calc.condition;
    n->calc.exprs = r->calc.exprs;
    *ret = n->index;
    return node_modes(p, n);
}

static enum status build_union(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t *inputs = ARENA_ARRAY(p->arena, uint32_t, r->n_inputs);
    TRY_MEM(p->b, inputs);
    for (uint32_t i = 0; i < r->n_inputs; i++)
        TRY(physical_rel(p, r->inputs[i], &inputs[i]));
    struct node *n = physical_node(p, NODE_UNION, &r->schema, r->n_inputs);
    TRY_MEM(p->b, n);
    n->bounded = true;
    for (uint32_t i = 0; i < r->n_inputs; i++) {
        n->inputs[i].node = inputs[i];
        n->bounded = n->bounded && p->nodes.at[inputs[i]]->bounded;
    }
    *ret = n->index;
    return node_modes(p, n);
}

/* ---- scans ---- */

static enum status needs_of(struct physical *p, const struct need_mark *marks, const struct field *fields, uint32_t n,
                            struct need **ret)
{
    struct need *needs = ARENA_ARRAY(p->arena, struct need, n + 1);
    TRY_MEM(p->b, needs);
    for (uint32_t i = 0; i < n; i++) {
        needs[i].used = marks[i].used;
        if (marks[i].used && !marks[i].whole && marks[i].fields)
            TRY(needs_of(p, marks[i].fields, fields[i].type->fields, fields[i].type->n_fields, &needs[i].fields));
    }
    *ret = needs;
    return ST_OK;
}

static void need_column(struct rel *r, uint32_t column)
{
    r->scan.needs[column].used = true;
    r->scan.needs[column].whole = true;
}

/* What watermark and key need, besides the projections above. */
static enum status scan_needs(struct physical *p, struct rel *r)
{
    const struct table_desc *t = r->scan.table;
    if (r->scan.watermark_used) {
        need_column(r, r->scan.rowtime);
        if (r->scan.computed)
            TRY_MEM(p->b, expr_needs(p->arena, r->scan.computed, &r->schema, r->scan.needs));
        if (r->scan.watermark)
            TRY_MEM(p->b, expr_needs(p->arena, r->scan.watermark, &r->schema, r->scan.needs));
    }
    for (uint32_t i = 0; r->scan.normalize && i < t->n_primary_key; i++)
        need_column(r, physical_index(t, t->primary_key[i]));
    return ST_OK;
}

static int64_t idle_of(const struct physical *p, const struct table_desc *t)
{
    int64_t ms;
    struct str own = options_get(&t->options, "scan.watermark.idle-timeout");
    if (own.ptr && str_to_duration_ms(own, &ms))
        return ms;
    return setting_ms(p->b->env, "table.exec.source.idle-timeout");
}

static enum status build_watermark(struct physical *p, struct rel *r, uint32_t *at)
{
    struct node *n;
    if (r->scan.computed) {
        TRY(physical_chain(p, NODE_CALC, &r->schema, *at, &n));
        TRY(rel_columns(p->b, &r->schema, &n->calc.exprs));
        n->calc.exprs[r->scan.rowtime] = r->scan.computed;
        TRY(node_modes(p, n));
        *at = n->index;
    }
    TRY(physical_chain(p, NODE_WATERMARK, &r->schema, *at, &n));
    n->watermark.expr = r->scan.watermark;
    n->watermark.column = r->scan.rowtime;
    n->watermark.idle_ms = idle_of(p, r->scan.table);
    *at = n->index;
    return node_modes(p, n);
}

/* Upserts by key become a full changelog. */
static enum status physical_normalize(struct physical *p, uint32_t *keys, uint32_t n_keys, uint32_t *at)
{
    TRY(physical_exchange(p, *at, keys, n_keys, at));
    struct node *n;
    TRY(physical_chain(p, NODE_NORMALIZE, &p->nodes.at[*at]->schema, *at, &n));
    n->normalize.keys = keys;
    n->normalize.n_keys = n_keys;
    *at = n->index;
    TRY(node_modes(p, n));
    TRY(copy_columns(p, keys, n_keys, &n->upsert_key));
    n->n_upsert_key = n_keys;
    p->keyed.at[n->index] = true;
    return ST_OK;
}

static enum status build_normalize(struct physical *p, struct rel *r, uint32_t *at)
{
    const struct table_desc *t = r->scan.table;
    uint32_t *keys = ARENA_ARRAY(p->arena, uint32_t, t->n_primary_key + 1);
    TRY_MEM(p->b, keys);
    for (uint32_t i = 0; i < t->n_primary_key; i++)
        keys[i] = physical_index(t, t->primary_key[i]);
    return physical_normalize(p, keys, t->n_primary_key, at);
}

enum status physical_scan(struct physical *p, struct rel *r, uint32_t *ret)
{
    const struct table_desc *t = r->scan.table;
    TRY(scan_needs(p, r));
    struct node *n = physical_node(p, NODE_SOURCE, &t->read_row, 0);
    TRY_MEM(p->b, n);
    p->rels.at[n->index] = r;
    n->bounded = r->bounded;
    n->source.table = t;
    n->source.emits_watermarks = r->scan.watermark_used && r->scan.source_watermark;
    TRY(needs_of(p, r->scan.needs, t->read_row.fields, t->read_row.n_fields, &n->source.needs));
    for (uint32_t i = 0; r->scan.only && i < t->read_row.n_fields; i++)
        n->source.needs[i].only = r->scan.only[i];
    TRY(node_modes(p, n));
    uint32_t at = n->index;
    if (r->scan.watermark_used && r->scan.rowtime != NONE)
        TRY(build_watermark(p, r, &at));
    if (r->scan.normalize)
        TRY(build_normalize(p, r, &at));
    *ret = at;
    return ST_OK;
}

/* ---- windows, aggregates, sorts ---- */

static enum status build_window(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    if (r->tvf.origin.spec.processing_time)
        return refuse(p->b, F_PROCESSING_WINDOW, r->tvf.line, r->tvf.column);
    TRY(physical_rel(p, r->inputs[0], &input));
    struct node *n;
    TRY(physical_chain(p, NODE_WINDOW, &r->schema, input, &n));
    n->window.window = r->tvf.origin.spec;
    *ret = n->index;
    return node_modes(p, n);
}

static enum status build_expand(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    TRY(physical_rel(p, r->inputs[0], &input));
    struct node *n;
    TRY(physical_chain(p, NODE_EXPAND, &r->schema, input, &n));
    n->expand = r->expand;
    *ret = n->index;
    return node_modes(p, n);
}

static enum status build_unnest(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    TRY(physical_rel(p, r->inputs[0], &input));
    struct node *n;
    TRY(physical_chain(p, NODE_UNNEST, &r->schema, input, &n));
    n->unnest = r->unnest;
    *ret = n->index;
    return node_modes(p, n);
}

static enum status build_changelog(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    TRY(physical_rel(p, r->inputs[0], &input));
    struct node *n, *in = p->nodes.at[input];
    if (!r->changelog.to && in->kinds != KINDS_APPEND)
        return error_at(p->b->err, ST_SEMANTIC, r->changelog.line, r->changelog.column,
                        "FROM_CHANGELOG takes rows that are never updated; those of %.*s are", STR_ARG(in->id));
    TRY(physical_chain(p, r->changelog.to ? NODE_TO_CHANGELOG : NODE_FROM_CHANGELOG, &r->schema, input, &n));
    n->changelog = r->changelog.spec;
    *ret = n->index;
    TRY(node_modes(p, n));
    return n->changelog.n_keys ? physical_normalize(p, n->changelog.keys, n->changelog.n_keys, ret) : ST_OK;
}

/* The name of a call in EXPLAIN: "COUNT(DISTINCT bidder) FILTER (WHERE $f1)". */
static enum status call_name(struct physical *p, const struct agg_call *c, struct str words, const struct schema *in,
                             struct str *ret)
{
    struct buf out;
    buf_init(&out, p->b->env->budget, 1u << 20);
    bool ok = true;
    for (size_t i = 0; i < c->name.len && ok; i++) {
        char ch = c->name.ptr[i];
        ok = buf_put_u8(&out, (uint8_t)(ch >= 'a' && ch <= 'z' ? ch - 'a' + 'A' : ch));
    }
    ok = ok && buf_printf(&out, "(%s%s", c->distinct ? "DISTINCT " : "", c->n_args ? "" : "*");
    for (uint32_t i = 0; i < c->n_args && ok; i++)
        ok = buf_printf(&out, "%s%.*s", i ? ", " : "", STR_ARG(in->fields[c->args[i]].name));
    if (words.len)
        ok = ok && buf_printf(&out, "%s%.*s", words.ptr[0] == ' ' ? "" : ", ", STR_ARG(words));
    ok = ok && buf_printf(&out, ")");
    if (c->filter != NONE)
        ok = ok && buf_printf(&out, " FILTER (WHERE %.*s)", STR_ARG(in->fields[c->filter].name));
    *ret = arena_str(p->arena, buf_str(&out));
    buf_release(&out);
    TRY_MEM(p->b, ok && ret->ptr);
    return ST_OK;
}

static enum status build_calls(struct physical *p, const struct rel *r, const struct node *in,
                               struct aggregate_call **ret)
{
    struct binder *b = p->b;
    bool retracting = in->kinds != KINDS_APPEND;
    struct aggregate_call *calls = ARENA_ARRAY(p->arena, struct aggregate_call, r->agg.n_calls + 1);
    TRY_MEM(b, calls);
    for (uint32_t k = 0; k < r->agg.n_calls; k++) {
        const struct agg_call *c = &r->agg.calls[k];
        const struct type **types = ARENA_ARRAY(p->arena, const struct type *, c->n_args + 1);
        TRY_MEM(b, types);
        for (uint32_t i = 0; i < c->n_args; i++)
            types[i] = in->schema.fields[c->args[i]].type;
        TRY(bind_at(b, expr_aggregate(&b->exprs, c->name, types, c->n_args, c->form, retracting, c->line, c->column,
                                      &calls[k].aggregate, b->err), c->line, c->column));
        TRY(copy_columns(p, c->args, c->n_args, &calls[k].args));
        calls[k].n_args = c->n_args;
        calls[k].filter = c->filter == NONE ? -1 : (int32_t)c->filter;
        calls[k].distinct = c->distinct;
        TRY(call_name(p, c, calls[k].aggregate->words, &in->schema, &calls[k].name));
    }
    *ret = calls;
    return ST_OK;
}

static enum status build_aggregate(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    TRY(physical_rel(p, r->inputs[0], &input));
    TRY(physical_exchange(p, input, r->agg.keys, r->agg.n_keys, &input));
    struct node *n, *in = p->nodes.at[input];
    TRY(physical_chain(p, NODE_AGGREGATE, &r->schema, input, &n));
    n->aggregate.n_keys = r->agg.n_keys;
    n->aggregate.n_calls = r->agg.n_calls;
    n->aggregate.retracting = in->kinds != KINDS_APPEND;
    TRY(copy_columns(p, r->agg.keys, r->agg.n_keys, &n->aggregate.keys));
    TRY(build_calls(p, r, in, &n->aggregate.calls));
    *ret = n->index;
    return node_modes(p, n);
}

static enum status build_window_aggregate(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    if (r->agg.spec.processing_time && r->agg.spec.kind == WINDOW_ATTACHED)
        return refuse(p->b, r->agg.settled ? F_PROCESSING_ATTACHED : F_PROCESSING_WINDOW, r->agg.line, r->agg.column);
    TRY(physical_rel(p, r->inputs[0], &input));
    uint32_t n_keys = r->agg.n_keys, *keys = ARENA_ARRAY(p->arena, uint32_t, n_keys + 2);
    TRY_MEM(p->b, keys);
    memcpy(keys, r->agg.keys, n_keys * sizeof *keys);
    if (r->agg.spec.kind == WINDOW_ATTACHED && r->agg.spec.start_column != NONE)
        keys[n_keys++] = r->agg.spec.start_column; /* a part of the state's key, so of what decides where it lies */
    TRY(physical_exchange(p, input, keys, n_keys, &input));
    struct node *n, *in = p->nodes.at[input];
    TRY(physical_chain(p, NODE_WINDOW_AGGREGATE, &r->schema, input, &n));
    n->window_aggregate.window = r->agg.spec;
    n->window_aggregate.n_keys = r->agg.n_keys;
    n->window_aggregate.n_calls = r->agg.n_calls;
    n->window_aggregate.retracting = in->kinds != KINDS_APPEND;
    n->window_aggregate.outputs = r->agg.outputs;
    n->window_aggregate.n_outputs = r->agg.n_outputs;
    n->window_aggregate.late_output = r->agg.late != NULL;
    n->window_aggregate.expanded = r->agg.expanded;
    TRY(copy_columns(p, r->agg.keys, r->agg.n_keys, &n->window_aggregate.keys));
    TRY(build_calls(p, r, in, &n->window_aggregate.calls));
    p->rels.at[n->index] = r;
    *ret = n->index;
    return node_modes(p, n);
}

/* Both sides come by the whole row. */
static enum status build_set(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t inputs[2], n = r->schema.n_fields;
    uint32_t *keys = ARENA_ARRAY(p->arena, uint32_t, n + 1);
    TRY_MEM(p->b, keys);
    for (uint32_t i = 0; i < n; i++)
        keys[i] = i;
    for (uint32_t i = 0; i < 2; i++) {
        TRY(physical_rel(p, r->inputs[i], &inputs[i]));
        TRY(physical_exchange(p, inputs[i], keys, n, &inputs[i]));
    }
    struct node *x = physical_node(p, NODE_SET, &r->schema, 2);
    TRY_MEM(p->b, x);
    x->bounded = true;
    for (uint32_t i = 0; i < 2; i++) {
        x->inputs[i].node = inputs[i];
        x->bounded = x->bounded && p->nodes.at[inputs[i]]->bounded;
    }
    x->set.except = r->set.except;
    x->set.all = r->set.all;
    *ret = x->index;
    return node_modes(p, x);
}

static enum status build_time_sort(struct physical *p, struct rel *r, uint32_t input, uint32_t *ret)
{
    const struct node *in = p->nodes.at[input];
    if (in->kinds != KINDS_APPEND)
        return error_at(p->b->err, ST_SEMANTIC, r->sort.line, r->sort.column,
                        "ORDER BY a time attribute takes rows that are never updated; those of %.*s are",
                        STR_ARG(in->id));
    struct node *n;
    TRY(physical_exchange(p, input, NULL, 0, &input));
    TRY(physical_chain(p, NODE_TIME_SORT, &in->schema, input, &n));
    n->time_sort.keys = r->sort.keys;
    n->time_sort.n_keys = r->sort.n_keys;
    n->time_sort.processing_time = r->sort.time == TIME_PROCESSING;
    *ret = n->index;
    return node_modes(p, n);
}

static enum status build_sort(struct physical *p, struct rel *r, uint32_t *ret)
{
    uint32_t input;
    TRY(physical_rel(p, r->inputs[0], &input));
    if (r->sort.time != TIME_NONE)
        return build_time_sort(p, r, input, ret);
    TRY(physical_exchange(p, input, NULL, 0, &input));
    bool table = r->sort.final || p->nodes.at[input]->kinds != KINDS_APPEND;
    if (table && !r->bounded)
        return refuse(p->b, F_LIMIT, r->sort.line, r->sort.column);
    struct node *n;
    TRY(physical_chain(p, table ? NODE_TABLE : NODE_SORT, &p->nodes.at[input]->schema, input, &n));
    if (table) {
        n->table.keys = r->sort.keys;
        n->table.n_keys = r->sort.n_keys;
        n->table.limit = r->sort.limit;
        n->table.offset = r->sort.offset;
    } else {
        n->sort.keys = r->sort.keys;
        n->sort.n_keys = r->sort.n_keys;
        n->sort.limit = r->sort.limit;
        n->sort.offset = r->sort.offset;
    }
    *ret = n->index;
    return node_modes(p, n);
}

enum status physical_rel(struct physical *p, struct rel *r, uint32_t *ret)
{
    static enum status (*const builds[])(struct physical *, struct rel *, uint32_t *) = {
        [REL_SCAN] = physical_scan,
        [REL_VALUES] = build_values,
        [REL_CALC] = build_calc,
        [REL_UNION] = build_union,
        [REL_WINDOW] = build_window,
        [REL_AGGREGATE] = build_aggregate,
        [REL_WINDOW_AGGREGATE] = build_window_aggregate,
        [REL_SORT] = build_sort,
        [REL_UNNEST] = build_unnest,
        [REL_EXPAND] = build_expand,
        [REL_SET] = build_set,
        [REL_CHANGELOG] = build_changelog,
    };
    if (r->node == NONE)
        TRY(builds[r->kind](p, r, &r->node));
    *ret = r->node;
    return ST_OK;
}
