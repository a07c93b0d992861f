/* UNNEST: a row for each element of a collection, behind the columns of the row that it stands in.
 *
 * In FROM it sees the columns of the items before it: `t, UNNEST(t.list) AS e (a, b)`, CROSS JOIN, JOIN … ON condition,
 * and LEFT JOIN … ON condition, which keeps rows without elements that meet it. Alone it unfolds a constant. Fields of ROW elements
 * become columns, so do a MAP's keys and values; an element of a MULTISET comes as often as it is there. */
#include "plan/private.h"

/* The element's columns under their own names. */
static enum status element_fields(struct binder *b, const struct type *t,
                                  const struct field **ret, uint32_t *ret_n)
{
    const struct type *e = t->element;
    if (t->kind != TYPE_MAP && e->kind == TYPE_ROW && !e->nullable) {
        *ret = e->fields;
        *ret_n = e->n_fields;
        return ST_OK;
    }
    uint32_t n = t->kind == TYPE_MAP ? 2 : e->kind == TYPE_ROW ? e->n_fields : 1;
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    TRY_MEM(b, fields);
    if (t->kind == TYPE_MAP) {
        fields[0] = (struct field){ STR("KEY"), t->key };
        fields[1] = (struct field){ STR("VALUE"), t->element };
    } else if (e->kind == TYPE_ROW) { /* WITH ORDINALITY a NULL row has fields that are NULL */
        for (uint32_t i = 0; i < n; i++) {
            fields[i] = (struct field){ e->fields[i].name, type_nullable(b->arena, e->fields[i].type, true) };
            TRY_MEM(b, fields[i].type);
        }
    } else {
        fields[0] = (struct field){ STR("EXPR$0"), e };
    }
    *ret = fields;
    *ret_n = n;
    return ST_OK;
}

/* The columns behind those of the input. */
static enum status unnest_parts(struct binder *b, struct rel *r, const struct field *fields, uint32_t n,
                                const struct syn_from *f)
{
    uint32_t n_parts = n + f->ordinality;
    if (f->n_column_aliases && f->n_column_aliases != n_parts)
        return error_at(b->err, ST_SEMANTIC, f->line, f->column, "alias '%.*s' names %u columns, UNNEST gives %u",
                        STR_ARG(f->alias), f->n_column_aliases, n_parts);
    r->unnest.parts = ARENA_ARRAY(b->arena, uint32_t, n_parts + 1);
    TRY_MEM(b, r->unnest.parts);
    r->unnest.n_parts = n_parts;
    struct field *out = (struct field *)(uintptr_t)r->schema.fields + r->unnest.n_pass;
    for (uint32_t i = 0; i < n_parts; i++) {
        bool ordinal = i == n;
        out[i] = ordinal ? (struct field){ STR("ORDINALITY"), type_nullable(b->arena, type_basic(TYPE_INT), false) }
                         : fields[i];
        if (f->n_column_aliases)
            out[i].name = f->column_aliases[i];
        else if (f->alias.len && n_parts == 1) /* `AS x` names the only column too */
            out[i].name = f->alias;
        if (r->unnest.outer)
            out[i].type = type_nullable(b->arena, out[i].type, true);
        TRY_MEM(b, out[i].type);
        r->unnest.parts[i] = ordinal ? UNNEST_ORDINALITY : i;
    }
    return ST_OK;
}

static bool unnest_tags(struct binder *b, struct rel *r, const struct rel *in)
{
    if (!in->tags)
        return true;
    r->tags = ARENA_ARRAY(b->arena, uint8_t, r->schema.n_fields + 1);
    if (!r->tags)
        return false;
    for (uint32_t i = 0; i < r->unnest.n_pass; i++)
        r->tags[i] = in->tags[r->unnest.pass[i]];
    r->window = in->window;
    return true;
}

static enum status rel_unnest(struct binder *b, struct rel *in, uint32_t column, uint32_t n_pass, uint32_t n_parts,
                       struct rel **ret)
{
    struct rel *r = rel_new(b, REL_UNNEST, 1, n_pass + n_parts);
    TRY_MEM(b, r);
    r->unnest.pass = ARENA_ARRAY(b->arena, uint32_t, n_pass + 1);
    TRY_MEM(b, r->unnest.pass);
    r->inputs[0] = in;
    r->bounded = in->bounded;
    r->unnest.column = column;
    r->unnest.n_pass = n_pass;
    *ret = r;
    return ST_OK;
}

/* The scope's items and the new one. */
static enum status widen(struct binder *b, const struct scope *s, struct str alias, const struct rel *r, uint32_t first,
                         struct scope *ret)
{
    struct scope_item *items = ARENA_ARRAY(b->arena, struct scope_item, s->n_items + 1);
    TRY_MEM(b, items);
    if (s->n_items)
        memcpy(items, s->items, s->n_items * sizeof *items);
    items[s->n_items] = (struct scope_item){ .alias = alias, .first = first, .count = r->schema.n_fields - first };
    *ret = (struct scope){ &r->schema, items, s->n_items + 1 };
    return ST_OK;
}

enum status bind_unnest(struct binder *b, struct rel *in, const struct scope *s, const struct syn_from *f, bool outer,
                        struct rel **ret, struct scope *ret_scope)
{
    const struct syn_expr *arg = f->call->args[0];
    if (f->call->n_args != 1)
        return error_at(b->err, ST_SEMANTIC, f->line, f->column, "UNNEST takes one collection, not %u",
                        f->call->n_args);
    struct place p = { .scope = s, .clause = "UNNEST" };
    const struct expr *x;
    TRY(bind_expr(b, &p, arg, &x));
    if (x->type->kind != TYPE_ARRAY && x->type->kind != TYPE_MAP && x->type->kind != TYPE_MULTISET) {
        struct str name = type_name(b->arena, x->type);
        TRY_MEM(b, name.ptr);
        return error_at(b->err, ST_SEMANTIC, arg->line, arg->column,
                        "UNNEST takes an ARRAY, a MAP or a MULTISET, not %.*s", STR_ARG(name));
    }
    uint32_t n_pass = in->schema.n_fields, column, n;
    const struct field *fields;
    struct rel *below, *r;
    TRY(rel_with_column(b, in, x, &below, &column));
    TRY(element_fields(b, x->type, &fields, &n));
    TRY(rel_unnest(b, below, column, n_pass, n + f->ordinality, &r));
    for (uint32_t i = 0; i < n_pass; i++) {
        r->unnest.pass[i] = i;
        ((struct field *)(uintptr_t)r->schema.fields)[i] = in->schema.fields[i];
    }
    r->unnest.outer = outer;
    r->unnest.ordinality = f->ordinality;
    TRY(unnest_parts(b, r, fields, n, f));
    TRY_MEM(b, unnest_tags(b, r, in));
    *ret = r;
    return widen(b, s, f->alias, r, n_pass, ret_scope);
}

/* ---- LATERAL (SELECT … FROM UNNEST(…) WHERE …): the elements through a projection ---- */

static bool is_plain_select(const struct syn_query *q)
{
    bool plain = q->kind == SYN_SELECT && q->from && q->from->kind == SYN_FROM_UNNEST && !q->n_ctes && !q->has_group &&
                 !q->having && !q->distinct && !q->n_order && !q->limit && !q->offset && !q->n_windows && !q->qualify &&
                 !q->stream && !q->n_hints;
    for (uint32_t i = 0; plain && i < q->n_items; i++)
        plain = !syn_has_aggregate(q->items[i].expr);
    return plain;
}

/* The element's names hide those of the row around. */
static enum status hide_outer(struct binder *b, const struct rel *r, struct scope *s)
{
    uint32_t n = r->schema.n_fields;
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    struct schema *seen = ARENA_NEW(b->arena, struct schema);
    TRY_MEM(b, fields && seen);
    memcpy(fields, r->schema.fields, n * sizeof *fields);
    for (uint32_t i = 0; i < r->unnest.n_pass; i++)
        for (uint32_t k = r->unnest.n_pass; k < n; k++)
            if (str_eq(fields[i].name, fields[k].name))
                fields[i].name = STR("");
    *seen = (struct schema){ fields, n };
    s->schema = seen;
    return ST_OK;
}

struct lateral {
    ARRAY(const struct expr *) exprs;
    ARRAY(struct field) fields;
};

static enum status lateral_add(struct binder *b, struct lateral *l, const struct expr *e, struct str name)
{
    const struct expr **x = array_add(&l->exprs, b->arena);
    struct field *f = array_add(&l->fields, b->arena);
    TRY_MEM(b, x && f);
    *x = e;
    *f = (struct field){ name, rel_type(b, e) };
    TRY_MEM(b, f->type);
    return ST_OK;
}

static enum status lateral_columns(struct binder *b, const struct rel *r, uint32_t first, uint32_t end,
                                   struct lateral *l)
{
    for (uint32_t i = first; i < end; i++) {
        const struct expr *c = expr_column(&b->exprs, i, r->schema.fields[i].type);
        TRY_MEM(b, c);
        TRY(lateral_add(b, l, c, r->schema.fields[i].name));
    }
    return ST_OK;
}

static enum status lateral_items(struct binder *b, const struct rel *r, const struct scope *s, const struct syn_query *q,
                                 struct lateral *l)
{
    struct place p = { .scope = s, .clause = "a SELECT list without GROUP BY" };
    for (uint32_t i = 0; i < q->n_items; i++) {
        const struct syn_expr *e = q->items[i].expr;
        const struct expr *x;
        if (e->kind == SYN_STAR) {
            TRY(lateral_columns(b, r, r->unnest.n_pass, r->schema.n_fields, l));
            continue;
        }
        TRY(bind_expr(b, &p, e, &x));
        bool element = x->kind == EXPR_COLUMN && x->column >= r->unnest.n_pass;
        if (r->unnest.outer && !element) /* it would have to be NULL where there is no element */
            return refuse(b, F_LATERAL, e->line, e->column);
        struct str name = q->items[i].alias;
        if (!name.len)
            name = e->kind == SYN_COLUMN ? e->name.parts[e->name.count - 1] : arena_printf(b->arena, "EXPR$%u", i);
        TRY_MEM(b, name.ptr);
        TRY(lateral_add(b, l, x, name));
    }
    return ST_OK;
}

static enum status bind_lateral(struct binder *b, struct rel *in, const struct scope *left, const struct syn_from *f,
                                bool outer, struct rel **ret, struct scope *ret_scope)
{
    const struct syn_query *q = f->query;
    struct rel *r, *below;
    struct scope s;
    struct lateral l = { 0 };
    TRY(bind_unnest(b, in, left, q->from, outer, &r, &s));
    below = r;
    TRY(hide_outer(b, r, &s));
    struct place p = { .scope = &s, .clause = "WHERE" };
    const struct expr *condition = NULL;
    if (q->where)
        TRY(bind_condition(b, &p, q->where, &condition));
    if (outer)
        r->unnest.condition = condition;
    else if (condition)
        TRY(rel_filter(b, r, condition, &below));
    TRY(lateral_columns(b, r, 0, r->unnest.n_pass, &l));
    TRY(lateral_items(b, r, &s, q, &l));
    uint32_t n = l.fields.count - r->unnest.n_pass;
    if (f->n_column_aliases && f->n_column_aliases != n)
        return error_at(b->err, ST_SEMANTIC, f->line, f->column, "alias '%.*s' names %u columns, its query has %u",
                        STR_ARG(f->alias), f->n_column_aliases, n);
    for (uint32_t i = 0; i < f->n_column_aliases; i++)
        l.fields.at[r->unnest.n_pass + i].name = f->column_aliases[i];
    TRY(rel_calc(b, below, NULL, l.exprs.at, l.fields.at, l.fields.count, ret));
    return widen(b, left, f->alias, *ret, r->unnest.n_pass, ret_scope);
}

/* ---- joins ---- */

static enum status refuse_join(struct binder *b, const struct syn_from *f)
{
    const struct syn_from *right = f->right;
    if (right->lateral && right->kind == SYN_FROM_FUNCTION)
        return error_at(b->err, ST_UNSUPPORTED, right->line, right->column, "not supported yet: %s (%.*s)",
                        feature_name(F_TABLE_FUNCTION), STR_ARG(right->call->name.parts[right->call->name.count - 1]));
    enum feature feature = right->lateral                ? F_LATERAL
                           : f->join == SYN_JOIN_COMMA ? F_COMMA_JOIN
                                                         : F_JOIN;
    return refuse(b, feature, right->line, right->column);
}

enum status bind_join(struct binder *b, const struct cte_frame *ctes, const struct syn_from *f, struct rel **ret,
                      struct scope *ret_scope)
{
    const struct syn_from *right = f->right;
    bool outer = f->join == SYN_JOIN_LEFT;
    bool lateral = right->kind == SYN_FROM_QUERY && right->lateral && is_plain_select(right->query);
    if ((right->kind != SYN_FROM_UNNEST && !lateral) || f->join == SYN_JOIN_RIGHT || f->join == SYN_JOIN_FULL || f->natural ||
        f->n_using)
        return refuse_join(b, f);
    if ((outer || f->join == SYN_JOIN_INNER) && !f->on)
        return error_at(b->err, ST_SEMANTIC, right->line, right->column,
                        "a JOIN needs a condition: ON TRUE, or CROSS JOIN");
    struct rel *in;
    struct scope s;
    TRY(bind_from(b, ctes, f->left, &in, &s));
    if (lateral && outer && f->on->kind != SYN_TRUE)
        return refuse(b, F_LATERAL, f->on->line, f->on->column);
    TRY((lateral ? bind_lateral : bind_unnest)(b, in, &s, right, outer, ret, ret_scope));
    if (!f->on || f->on->kind == SYN_TRUE)
        return ST_OK;
    struct place p = { .scope = ret_scope, .clause = "ON" };
    const struct expr *condition;
    TRY(bind_condition(b, &p, f->on, &condition));
    if (outer) {
        (*ret)->unnest.condition = condition;
        return ST_OK;
    }
    return rel_filter(b, *ret, condition, ret);
}
