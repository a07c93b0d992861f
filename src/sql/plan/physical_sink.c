/* Sinks, the late table, and the whole of a physical plan.
 *
 * A sink with a primary key takes upserts when that key is what identifies the query's rows (columns that are constant
 * do not count). When the key holds more columns than identify a row, the sink gets -U too, so that the row before
 * goes. When it holds others, rows of different origin would overwrite one another: refused, as Flink 2.3 does. Files are
 * changelogs: whatever their key, they get -U and +U. */
#include "plan/private.h"

static bool in_list(const uint32_t *list, uint32_t n, uint32_t x)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == x)
            return true;
    return false;
}

static bool is_constant_column(const struct physical *p, const struct node *n, uint32_t column)
{
    for (;;) {
        if (n->kind == NODE_CALC) {
            const struct expr *e = n->calc.exprs[column];
            if (e->kind == EXPR_LITERAL)
                return true;
            if (e->kind != EXPR_COLUMN)
                return false;
            column = e->column;
        } else if (n->kind != NODE_EXCHANGE && n->kind != NODE_WATERMARK) {
            return false;
        }
        n = p->nodes.at[n->inputs[0].node];
    }
}

static bool takes_updates(const struct table_desc *t)
{
    return (t->connector->flags & CONNECTOR_SINK_UPDATES) || (t->format && t->format->sink_updates);
}

static enum status refuse_updates(struct physical *p, const struct output *o, const struct node *in)
{
    bool deletes = in->kinds & (1u << ROW_DELETE),
         updates = in->kinds & ((1u << ROW_UPDATE_AFTER) | (1u << ROW_UPDATE_BEFORE));
    while (in->n_inputs == 1 && (in->kind == NODE_CALC || in->kind == NODE_EXCHANGE))
        in = p->nodes.at[in->inputs[0].node];
    error_at(p->b->err, ST_SEMANTIC, o->line, o->column,
             "table sink '%.*s' doesn't support consuming %s changes which is produced by node %.*s",
             STR_ARG(o->table->name),
             updates && deletes ? "update and delete"
             : updates          ? "update"
                                : "delete",
             STR_ARG(in->id));
    error_hint(p->b->err, "connector '%s'%s%s writes rows that are never taken back", o->table->connector->name,
               o->table->format ? " with format " : "", o->table->format ? o->table->format->name : "");
    return ST_SEMANTIC;
}

static void print_key(char *out, size_t size, const struct schema *s, const uint32_t *key, uint32_t n)
{
    size_t len = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < n && len + 1 < size; i++) {
        size_t name = s->fields[key[i]].name.len;
        if (len + name + 3 >= size)
            break;
        if (i) {
            memcpy(out + len, ", ", 2);
            len += 2;
        }
        memcpy(out + len, s->fields[key[i]].name.ptr, name);
        len += name;
        out[len] = 0;
    }
}

static enum status refuse_key(struct physical *p, const struct output *o, const struct node *in, const uint32_t *pk)
{
    struct binder *b = p->b;
    if (o->on_conflict.len)
        return refuse(b, F_ON_CONFLICT, o->line, o->column);
    if (!setting_bool(b->env, "table.exec.sink.require-on-conflict"))
        return refuse(b, F_UPSERT_MATERIALIZE, o->line, o->column);
    char primary[120], upsert[120];
    print_key(primary, sizeof primary, &o->columns, pk, o->table->n_primary_key);
    print_key(upsert, sizeof upsert, &o->columns, in->upsert_key, in->n_upsert_key);
    error_at(
        b->err, ST_SEMANTIC, o->line, o->column,
        "the query has an upsert key that differs from the primary key of the sink table '%.*s': primary key [%s], "
        "upsert key [%s]",
        STR_ARG(o->table->name), primary, p->keyed.at[in->index] ? upsert : "none");
    error_hint(b->err, "GROUP BY the sink's primary key, or declare the query's key as PRIMARY KEY");
    return ST_SEMANTIC;
}

/* Does the sink take upserts? */
static enum status sink_mode(struct physical *p, const struct output *o, const struct node *in, bool *ret)
{
    const struct table_desc *t = o->table;
    *ret = false;
    bool append = in->kinds == KINDS_APPEND;
    if (!append && !takes_updates(t) && !o->is_result)
        return refuse_updates(p, o, in);
    if (t->n_primary_key == 0 || o->is_result) {
        if (o->on_conflict.len)
            return error_at(p->b->err, ST_SEMANTIC, o->line, o->column, "ON CONFLICT: table '%.*s' has no PRIMARY KEY",
                            STR_ARG(t->name));
        return ST_OK;
    }
    if (!(t->connector->flags & CONNECTOR_SINK_UPDATES)) /* a changelog in a file: no row replaces another there */
        return o->on_conflict.len ? refuse(p->b, F_ON_CONFLICT, o->line, o->column) : ST_OK;
    uint32_t *pk = ARENA_ARRAY(p->arena, uint32_t, t->n_primary_key + 1);
    TRY_MEM(p->b, pk);
    for (uint32_t i = 0; i < t->n_primary_key; i++)
        pk[i] = physical_index(t, t->primary_key[i]);
    if (append) {
        if (o->on_conflict.len && !str_eq(o->on_conflict, STR("DEDUPLICATE")))
            return refuse(p->b, F_ON_CONFLICT, o->line, o->column);
        *ret = true;
        return ST_OK;
    }
    bool known = p->keyed.at[in->index];
    for (uint32_t i = 0; i < in->n_upsert_key && known; i++)
        known = in_list(pk, t->n_primary_key, in->upsert_key[i]);
    if (!known)
        return refuse_key(p, o, in, pk);
    *ret = true;
    for (uint32_t i = 0; i < t->n_primary_key; i++)
        if (!in_list(in->upsert_key, in->n_upsert_key, pk[i]) && !is_constant_column(p, in, pk[i]))
            *ret = false;
    return ST_OK;
}

static enum status build_sink(struct physical *p, const struct output *o, uint32_t input, uint32_t ordinal)
{
    struct node *n, *in = p->nodes.at[input];
    bool upsert;
    TRY(sink_mode(p, o, in, &upsert));
    TRY(physical_chain(p, NODE_SINK, &in->schema, input, &n));
    n->sink.table = o->table;
    n->sink.columns = o->columns;
    n->sink.upsert = upsert;
    n->sink.ordinal = ordinal;
    n->sink.is_result = o->is_result;
    n->sink.drop_nulls = str_eq(setting_str(p->b->env, "table.exec.sink.not-null-enforcer"), STR("DROP"));
    return node_modes(p, n);
}

/* ---- late rows ---- */

static enum status late_projection(struct physical *p, const struct node *agg, const struct rel *r, uint32_t *ret)
{
    const struct table_desc *t = p->b->late_table;
    const struct schema *in = &p->nodes.at[agg->inputs[0].node]->schema;
    struct node *n;
    TRY(physical_chain(p, NODE_CALC, &t->physical, agg->index, &n));
    n->inputs[0].port = 1;
    n->calc.exprs = ARENA_ARRAY(p->arena, const struct expr *, r->agg.n_late + 1);
    TRY_MEM(p->b, n->calc.exprs);
    for (uint32_t i = 0; i < r->agg.n_late; i++) {
        n->calc.exprs[i] = expr_column(&p->b->exprs, r->agg.late[i], in->fields[r->agg.late[i]].type);
        TRY_MEM(p->b, n->calc.exprs[i]);
    }
    if (r->agg.expanded) { /* a row once, not once for each grouping set */
        uint32_t set = r->agg.keys[r->agg.n_keys - 1];
        const struct expr *first[2] = { expr_column(&p->b->exprs, set, in->fields[set].type) };
        TRY_MEM(p->b, first[0]);
        TRY(expr_i64(&p->b->exprs, in->fields[set].type, 0, &first[1], p->b->err));
        TRY(expr_call(&p->b->exprs, STR("="), first, 2, 0, 0, &n->calc.condition, p->b->err));
    }
    *ret = n->index;
    return node_modes(p, n);
}

/* The late rows of all window aggregates, in one sink. */
static enum status build_late(struct physical *p, uint32_t ordinal)
{
    ARRAY(uint32_t) inputs = { 0 };
    for (uint32_t i = 0, count = p->nodes.count; i < count; i++) {
        const struct node *agg = p->nodes.at[i];
        if (agg->kind != NODE_WINDOW_AGGREGATE || !agg->window_aggregate.late_output)
            continue;
        uint32_t *at = array_add(&inputs, p->arena);
        TRY_MEM(p->b, at);
        TRY(late_projection(p, agg, p->rels.at[i], at));
    }
    if (inputs.count == 0)
        return ST_OK;
    uint32_t input = inputs.at[0];
    if (inputs.count > 1) {
        struct node *n = physical_node(p, NODE_UNION, &p->b->late_table->physical, inputs.count);
        TRY_MEM(p->b, n);
        n->bounded = true;
        for (uint32_t i = 0; i < inputs.count; i++) {
            n->inputs[i].node = inputs.at[i];
            n->bounded = n->bounded && p->nodes.at[inputs.at[i]]->bounded;
        }
        TRY(node_modes(p, n));
        input = n->index;
    }
    struct output o = { .table = p->b->late_table, .columns = p->b->late_table->physical };
    return build_sink(p, &o, input, ordinal);
}

/* ---- the plan ---- */

static enum status build_all(struct physical *p, const struct output *outputs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node;
        TRY(physical_rel(p, outputs[i].rel, &node));
        if (outputs[i].is_result)
            TRY(physical_exchange(p, node, NULL, 0, &node));
        TRY(build_sink(p, &outputs[i], node, i));
    }
    TRY(build_late(p, n));
    TRY(physical_modes(p));
    return physical_times(p);
}

enum status physical_build(struct binder *b, const struct output *outputs, uint32_t n, struct str name,
                           struct plan **ret)
{
    struct physical p = { .b = b, .arena = b->arena };
    p.plan = ARENA_NEW(b->arena, struct plan);
    TRY_MEM(b, p.plan);
    p.plan->arena = b->arena;
    p.plan->name = name;
    enum status st = build_all(&p, outputs, n);
    p.plan->nodes = p.nodes.at;
    p.plan->n_nodes = p.nodes.count;
    p.plan->bounded = true;
    for (uint32_t i = 0; i < p.nodes.count; i++)
        if (p.nodes.at[i]->kind == NODE_SOURCE && !p.nodes.at[i]->bounded)
            p.plan->bounded = false;
    if (st != ST_OK) {
        plan_release(p.plan);
        return st;
    }
    *ret = p.plan;
    return ST_OK;
}

void plan_release(struct plan *p)
{
    for (uint32_t i = 0; p && i < p->n_nodes; i++)
        if (p->nodes[i]->kind == NODE_VALUES) {
            batch_free(p->nodes[i]->values.rows);
            p->nodes[i]->values.rows = NULL;
        }
}
