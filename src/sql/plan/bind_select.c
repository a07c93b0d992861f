/* SELECT: FROM, WHERE, the list, HAVING, DISTINCT, ORDER BY. The list is bound over FROM's columns; with aggregation
 * bind_aggregate then rewrites it over the aggregate's columns. What only ORDER BY names becomes a hidden column behind
 * the visible ones, dropped after the sort. */
#include "plan/private.h"

struct list {
    ARRAY(const struct expr *) exprs;
    ARRAY(struct str) names;
};

static enum status list_add(struct binder *b, struct list *l, const struct expr *e, struct str name)
{
    const struct expr **x = array_add(&l->exprs, b->arena);
    struct str *n = array_add(&l->names, b->arena);
    TRY_MEM(b, x && n);
    if (l->exprs.count > SYN_MAX_ITEMS)
        return error_set(b->err, ST_LIMIT, "a SELECT list holds more than %d columns", SYN_MAX_ITEMS);
    *x = e;
    *n = name;
    return ST_OK;
}

/* The fields of a ROW: `column.*`. *ret_is false: the name is none. */
static enum status add_fields(struct binder *b, const struct scope *s, const struct syn_expr *e, struct list *l,
                              bool *ret_is)
{
    struct place p = { .scope = s, .clause = "a SELECT list" };
    struct syn_expr name = { .kind = SYN_COLUMN, .line = e->line, .column = e->column, .name = e->name };
    const struct expr *row, *x;
    *ret_is = false;
    if (e->name.count == 0 || bind_expr(b, &p, &name, &row) != ST_OK || row->type->kind != TYPE_ROW)
        return ST_OK; /* bind_star tells what is wrong with it */
    *ret_is = true;
    for (uint32_t i = 0; i < row->type->n_fields; i++) {
        struct str field = row->type->fields[i].name;
        TRY_AT(b, e, expr_field(&b->exprs, row, field, e->line, e->column, &x, b->err));
        TRY(list_add(b, l, x, field));
    }
    return ST_OK;
}

static enum status add_star(struct binder *b, const struct scope *s, const struct syn_expr *e, struct list *l)
{
    uint32_t first, count;
    bool fields = false;
    if (!scope_has(b, s, e))
        TRY(add_fields(b, s, e, l, &fields));
    if (fields)
        return ST_OK;
    TRY(bind_star(b, s, e, &first, &count));
    for (uint32_t i = first; i < first + count; i++) {
        struct expr *c = expr_column(&b->exprs, i, s->schema->fields[i].type);
        TRY_MEM(b, c);
        c->line = e->line;
        c->column_at = e->column;
        TRY(list_add(b, l, c, s->schema->fields[i].name));
    }
    return ST_OK;
}

static enum status bind_items(struct binder *b, const struct scope *s, const struct place *p, const struct syn_query *q,
                              struct list *l)
{
    for (uint32_t i = 0; i < q->n_items; i++) {
        const struct syn_expr *e = q->items[i].expr;
        if (e->kind == SYN_STAR) {
            TRY(add_star(b, s, e, l));
            continue;
        }
        const struct expr *x;
        TRY(bind_expr(b, p, e, &x));
        struct str name = q->items[i].alias;
        if (!name.len && e->kind == SYN_COLUMN)
            name = e->name.parts[e->name.count - 1];
        else if (!name.len && e->kind == SYN_FIELD)
            name = e->text;
        else if (!name.len)
            name = arena_printf(b->arena, "EXPR$%u", i);
        TRY_MEM(b, name.ptr);
        TRY(list_add(b, l, x, name));
    }
    return ST_OK;
}

/* Where in the list an ORDER BY item stands; adds it when it is not there. */
static enum status order_column(struct binder *b, const struct place *p, const struct syn_query *q,
                                const struct syn_expr *e, struct list *l, uint32_t n_visible, uint32_t *ret)
{
    int64_t n;
    if (e->kind == SYN_NUMBER && str_to_i64(e->text, &n)) {
        if (n < 1 || n > n_visible)
            return error_at(b->err, ST_SEMANTIC, e->line, e->column, "ORDER BY %lld: the SELECT list has %u columns",
                            (long long)n, n_visible);
        *ret = (uint32_t)n - 1;
        return ST_OK;
    }
    for (uint32_t i = 0; e->kind == SYN_COLUMN && e->name.count == 1 && i < n_visible; i++)
        if (str_eq(l->names.at[i], e->name.parts[0])) {
            *ret = i;
            return ST_OK;
        }
    const struct expr *x;
    TRY(bind_expr(b, p, e, &x));
    for (uint32_t i = 0; i < l->exprs.count; i++)
        if (expr_equal(l->exprs.at[i], x)) {
            *ret = i;
            return ST_OK;
        }
    if (q->distinct)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column,
                        "ORDER BY of a SELECT DISTINCT takes what stands in its list only");
    *ret = l->exprs.count;
    struct str name = arena_printf(b->arena, "$o%u", *ret - n_visible);
    TRY_MEM(b, name.ptr);
    return list_add(b, l, x, name);
}

static enum status bind_order(struct binder *b, const struct place *p, const struct syn_query *q, struct list *l,
                              uint32_t n_visible, struct sort_key **ret)
{
    struct sort_key *keys = ARENA_ARRAY(b->arena, struct sort_key, q->n_order + 1);
    TRY_MEM(b, keys);
    for (uint32_t i = 0; i < q->n_order; i++) {
        const struct syn_order *o = &q->order[i];
        keys[i].descending = o->descending;
        keys[i].nulls_first = o->nulls == 1 || (o->nulls == 0 && !o->descending); /* NULL is the least */
        TRY(order_column(b, p, q, o->expr, l, n_visible, &keys[i].column));
    }
    *ret = keys;
    return ST_OK;
}

static bool aggregates(const struct syn_query *q)
{
    if (q->has_group || q->having)
        return true;
    for (uint32_t i = 0; i < q->n_items; i++)
        if (syn_has_aggregate(q->items[i].expr))
            return true;
    for (uint32_t i = 0; i < q->n_order; i++)
        if (syn_has_aggregate(q->order[i].expr))
            return true;
    return false;
}

static enum status refuse_clauses(struct binder *b, const struct syn_query *q)
{
    if (q->stream)
        return refuse(b, F_STREAM, q->line, q->column);
    if (q->n_windows)
        return refuse(b, F_NAMED_WINDOW, q->line, q->column);
    if (q->qualify)
        return refuse(b, F_QUALIFY, q->qualify->line, q->qualify->column);
    return bind_hints(b, q->hints, q->n_hints, q->line, q->column);
}

/* FROM and WHERE. */
static enum status bind_input(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q,
                              struct rel **ret, struct scope *ret_scope)
{
    static const struct schema nothing;
    struct rel *in;
    *ret_scope = (struct scope){ .schema = &nothing };
    if (q->from)
        TRY(bind_from(b, ctes, q->from, &in, ret_scope));
    else
        TRY(rel_one_row(b, &in));
    *ret = in;
    if (!q->where)
        return ST_OK;
    struct place p = { .scope = ret_scope, .clause = "WHERE" };
    const struct expr *condition;
    TRY(bind_condition(b, &p, q->where, &condition));
    return rel_filter(b, in, condition, ret);
}

static enum status project(struct binder *b, struct rel *in, const struct select_list *s, struct rel **ret)
{
    struct field *fields = ARENA_ARRAY(b->arena, struct field, s->n + 1);
    TRY_MEM(b, fields);
    for (uint32_t i = 0; i < s->n; i++) {
        fields[i] = (struct field){ s->names[i], rel_type(b, s->exprs[i]) };
        TRY_MEM(b, fields[i].type);
    }
    return rel_calc(b, in, s->having, s->exprs, fields, s->n, ret);
}

/* DISTINCT, ORDER BY, LIMIT, and away with hidden columns. */
static enum status finish(struct binder *b, const struct syn_query *q, bool top, const struct select_list *s,
                          struct rel *r, struct rel **ret)
{
    if (q->distinct)
        TRY(rel_distinct(b, r, &r));
    bool sorted = q->limit || q->offset || (top && q->n_order);
    if (sorted)
        TRY(bind_sort(b, q, s->keys, r, &r));
    if (s->n > s->n_visible) {
        uint32_t *columns = ARENA_ARRAY(b->arena, uint32_t, s->n_visible + 1);
        TRY_MEM(b, columns);
        for (uint32_t i = 0; i < s->n_visible; i++)
            columns[i] = i;
        TRY(rel_project(b, r, columns, s->n_visible, &r));
    }
    *ret = r;
    return ST_OK;
}

/* GROUP BY, before the list that looks at it. */
static enum status bind_grouped(struct binder *b, const struct syn_query *q, struct rel **in, struct scope *scope,
                                struct place *p, struct group_by *groups)
{
    struct place alone = { .scope = scope };
    TRY(bind_group_window(b, q, in, scope, &p->window));
    alone.window = p->window;
    TRY(bind_groups(b, &alone, q, groups));
    if (groups->n_sets)
        TRY(nullable_groups(b, &alone, q, in, scope, groups));
    p->aggs->groups = groups;
    p->aggs->n_input = (*in)->schema.n_fields;
    return ST_OK;
}

enum status bind_select(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q, bool top,
                        struct rel **ret)
{
    TRY(refuse_clauses(b, q));
    struct rel *in;
    struct scope scope;
    TRY(bind_input(b, ctes, q, &in, &scope));
    bool grouped = aggregates(q);
    struct agg_scope aggs = { 0 };
    struct place p = { .scope = &scope, .aggs = grouped ? &aggs : NULL, .clause = "a SELECT list without GROUP BY" };
    struct list l = { 0 };
    struct select_list s = { 0 };
    struct group_by groups = { 0 };
    if (grouped)
        TRY(bind_grouped(b, q, &in, &scope, &p, &groups));
    TRY(bind_items(b, &scope, &p, q, &l));
    s.n_visible = l.exprs.count;
    TRY(bind_order(b, &p, q, &l, s.n_visible, &s.keys));
    p.clause = "HAVING";
    if (q->having)
        TRY(bind_condition(b, &p, q->having, &s.having));
    s.exprs = l.exprs.at;
    s.names = l.names.at;
    s.n = l.exprs.count;
    if (grouped)
        TRY(bind_aggregate(b, in, q, &aggs, &s, &in));
    struct rel *r;
    TRY(project(b, in, &s, &r));
    return finish(b, q, top, &s, r, ret);
}
