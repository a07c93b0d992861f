/* GROUP BY: its expressions, and the sets of them that GROUPING SETS, ROLLUP and CUBE make.
 *
 * Each item of the list stands for some sets; the list is their product, so that `a, ROLLUP (b, c)` is (a, b, c),
 * (a, b), (a). A set is a mask over the distinct expressions. With more than one set the input is taken once for each
 * (REL_EXPAND), and what is not in every set is NULL in some rows: the columns behind it are nullable from here on.
 * While the SELECT list is bound, the number of a row's set stands in expressions as column GROUP_SET_COLUMN. */
#include "plan/private.h"

struct grouping {
    struct binder *b;
    const struct syn_query *q;
    struct place place;
    ARRAY(const struct expr *) at;
    bool has_sets;
};
typedef ARRAY(uint64_t) set_list;

static enum status too_many_sets(struct grouping *g)
{
    return error_at(g->b->err, ST_LIMIT, g->q->line, g->q->column,
                    "GROUP BY makes more than %u sets, or sets of more than %u expressions", PLAN_MAX_SETS,
                    PLAN_MAX_GROUPS);
}

static enum status set_add(struct grouping *g, set_list *list, uint64_t set)
{
    if (list->count >= PLAN_MAX_SETS)
        return too_many_sets(g);
    uint64_t *at = array_add(list, g->b->arena);
    TRY_MEM(g->b, at);
    *at = set;
    return ST_OK;
}

static enum status add_expr(struct grouping *g, const struct expr *x, uint64_t *set)
{
    uint32_t i = 0;
    while (i < g->at.count && !expr_equal(g->at.at[i], x))
        i++;
    if (i == g->at.count) {
        const struct expr **added = array_add(&g->at, g->b->arena);
        TRY_MEM(g->b, added);
        *added = x;
    }
    if (g->has_sets && i >= PLAN_MAX_GROUPS)
        return too_many_sets(g);
    *set |= (uint64_t)1 << (i % 64);
    return ST_OK;
}

/* TUMBLE(…) in GROUP BY: the window's start, end and time. */
static enum status add_window(struct grouping *g, const struct syn_expr *e, uint64_t *set)
{
    const struct expr *columns[3];
    TRY(group_window_columns(g->b, &g->place, e, columns));
    for (uint32_t i = 0; i < 3; i++)
        TRY(add_expr(g, columns[i], set));
    return ST_OK;
}

static enum status add_group(struct grouping *g, const struct syn_expr *e, uint64_t *set)
{
    if (e->kind == SYN_ROW && e->flag) {
        for (uint32_t i = 0; i < e->n_args; i++)
            TRY(add_group(g, e->args[i], set));
        return ST_OK;
    }
    if (is_group_window(g->b, e))
        return add_window(g, e, set);
    const struct expr *x;
    enum status st = bind_expr(g->b, &g->place, e, &x);
    if (st != ST_OK) {
        for (uint32_t i = 0; e->kind == SYN_COLUMN && e->name.count == 1 && i < g->q->n_items; i++)
            if (str_eq(g->q->items[i].alias, e->name.parts[0]))
                error_hint(g->b->err, "GROUP BY takes no alias of the SELECT list: repeat its expression");
        return st;
    }
    return add_expr(g, x, set);
}

static enum status add_item(struct grouping *g, const struct syn_group *e, set_list *list);

/* (a, b, c), (a, b), (a), (): or, for CUBE, every choice of them. */
static enum status add_rollup(struct grouping *g, const struct syn_group *e, set_list *list)
{
    uint64_t *masks = ARENA_ARRAY(g->b->arena, uint64_t, e->n_items + 1);
    TRY_MEM(g->b, masks);
    if (e->n_items > PLAN_MAX_GROUPS)
        return too_many_sets(g);
    for (uint32_t i = 0; i < e->n_items; i++)
        if (e->items[i].kind == SYN_GROUP_EXPR)
            TRY(add_group(g, e->items[i].expr, &masks[i]));
    bool cube = e->kind == SYN_GROUP_CUBE;
    uint64_t n = cube ? (uint64_t)1 << e->n_items : e->n_items + 1u;
    for (uint64_t k = n; k-- > 0;) {
        uint64_t set = 0;
        for (uint32_t i = 0; i < e->n_items; i++)
            if (cube ? k >> (e->n_items - 1 - i) & 1u : i < k)
                set |= masks[i];
        TRY(set_add(g, list, set));
    }
    return ST_OK;
}

static enum status add_item(struct grouping *g, const struct syn_group *e, set_list *list)
{
    uint64_t set = 0;
    switch (e->kind) {
    case SYN_GROUP_EXPR:
        TRY(add_group(g, e->expr, &set));
        return set_add(g, list, set);
    case SYN_GROUP_EMPTY:
        return set_add(g, list, 0);
    case SYN_GROUP_SETS:
        for (uint32_t i = 0; i < e->n_items; i++)
            TRY(add_item(g, &e->items[i], list));
        return ST_OK;
    case SYN_GROUP_ROLLUP:
    case SYN_GROUP_CUBE:
        return add_rollup(g, e, list);
    }
    return ST_OK;
}

static enum status multiply(struct grouping *g, set_list *sets, const set_list *by)
{
    set_list product = { 0 };
    for (uint32_t i = 0; i < sets->count; i++)
        for (uint32_t k = 0; k < by->count; k++)
            TRY(set_add(g, &product, sets->at[i] | by->at[k]));
    *sets = product;
    return ST_OK;
}

enum status bind_groups(struct binder *b, const struct place *p, const struct syn_query *q, struct group_by *ret)
{
    struct grouping g = { .b = b, .q = q, .place = *p };
    set_list sets = { 0 };
    g.place.clause = "GROUP BY";
    for (uint32_t i = 0; i < q->n_group; i++)
        g.has_sets |= q->group[i].kind != SYN_GROUP_EXPR && q->group[i].kind != SYN_GROUP_EMPTY;
    TRY(set_add(&g, &sets, 0));
    for (uint32_t i = 0; i < q->n_group; i++) {
        set_list item = { 0 };
        TRY(add_item(&g, &q->group[i], &item));
        TRY(multiply(&g, &sets, &item));
    }
    *ret = (struct group_by){ .exprs = g.at.at, .n = g.at.count };
    if (sets.count > 1) {
        ret->sets = sets.at;
        ret->n_sets = sets.count;
    }
    return ST_OK;
}

bool group_in_all(const struct group_by *g, uint32_t i)
{
    for (uint32_t k = 0; k < g->n_sets; k++)
        if (!(g->sets[k] >> i & 1u))
            return false;
    return true;
}

/* ---- NULLs of what is not in every set ---- */

enum status nullable_groups(struct binder *b, const struct place *p, const struct syn_query *q, struct rel **in,
                            struct scope *scope, struct group_by *g)
{
    uint32_t n = (*in)->schema.n_fields;
    uint32_t *counts = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    struct schema *seen = ARENA_NEW(b->arena, struct schema);
    const struct expr **exprs;
    TRY_MEM(b, counts && fields && seen);
    for (uint32_t i = 0; i < g->n; i++)
        if (!group_in_all(g, i))
            expr_count_columns(g->exprs[i], counts);
    for (uint32_t i = 0; i < n; i++) {
        fields[i] = (*in)->schema.fields[i];
        if (counts[i])
            fields[i].type = type_nullable(b->arena, fields[i].type, true);
        TRY_MEM(b, fields[i].type);
    }
    TRY(rel_columns(b, &(struct schema){ fields, n }, &exprs));
    TRY(rel_calc(b, *in, NULL, exprs, fields, n, in));
    *seen = (struct schema){ (*in)->schema.fields, scope->schema->n_fields };
    scope->schema = seen;
    return bind_groups(b, p, q, g);
}

/* ---- GROUPING, GROUPING_ID, GROUP_ID ---- */

static enum status group_index(struct binder *b, const struct place *p, const struct syn_expr *e, const char *name,
                               uint32_t *ret)
{
    const struct group_by *g = p->aggs->groups;
    const struct expr *x;
    TRY(bind_expr(b, p, e, &x));
    for (uint32_t i = 0; i < g->n; i++)
        if (expr_equal(g->exprs[i], x)) {
            *ret = i;
            return ST_OK;
        }
    return error_at(b->err, ST_SEMANTIC, e->line, e->column, "the argument of %s must stand in GROUP BY", name);
}

/* What the function gives for rows of set k. */
static int64_t grouping_value(const struct group_by *g, uint32_t k, const uint32_t *args, uint32_t n_args)
{
    int64_t v = 0;
    for (uint32_t i = 0; i < n_args; i++)
        v = v * 2 + !(g->sets[k] >> args[i] & 1u);
    for (uint32_t i = 0; n_args == 0 && i < k; i++)
        v += g->sets[i] == g->sets[k];
    return v;
}

enum status bind_grouping(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    const char *name = str_eq_nocase(e->name.parts[0], STR("GROUP_ID")) ? "GROUP_ID" : "GROUPING";
    const struct type *integer = type_nullable(b->arena, type_basic(TYPE_INT), false),
                      *big = type_nullable(b->arena, type_basic(TYPE_BIGINT), false);
    uint32_t *args = ARENA_ARRAY(b->arena, uint32_t, e->n_args + 1);
    TRY_MEM(b, integer && big && args);
    if (!p->aggs || !p->aggs->groups)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%s stands only beside GROUP BY", name);
    if (name[5] == '_' ? e->n_args != 0 : e->n_args == 0 || e->n_args > PLAN_MAX_GROUPS)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%s takes %s", name,
                        name[5] == '_' ? "no argument" : "1 to 63 arguments");
    for (uint32_t i = 0; i < e->n_args; i++)
        TRY(group_index(b, p, e->args[i], name, &args[i]));
    const struct group_by *g = p->aggs->groups;
    if (g->n_sets == 0)
        return expr_i64(&b->exprs, big, 0, ret, b->err);
    const struct expr **pairs = ARENA_ARRAY(b->arena, const struct expr *, 2 * (size_t)g->n_sets);
    const struct expr *of_set = expr_column(&b->exprs, GROUP_SET_COLUMN, integer);
    TRY_MEM(b, pairs && of_set);
    for (uint32_t k = 0; k < g->n_sets; k++) {
        const struct expr *equal[2] = { of_set };
        TRY(expr_i64(&b->exprs, integer, k, &equal[1], b->err));
        TRY(bind_named(b, p, STR("="), equal, 2, e, &pairs[2 * k]));
        TRY(expr_i64(&b->exprs, big, grouping_value(g, k, args, e->n_args), &pairs[2 * k + 1], b->err));
    }
    return expr_case(&b->exprs, pairs, g->n_sets - 1, pairs[2 * g->n_sets - 1], e->line, e->column, ret, b->err);
}
