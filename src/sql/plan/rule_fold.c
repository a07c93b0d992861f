/* Constants in projections.
 *
 * What a filter pins to a whole number (`event_type = 2`) is that number in the expressions beside it, since they see
 * only rows that pass. Then constant parts become literals, branches of CASE that cannot be taken go away (and with
 * them what they would have read of the source), and a condition that is TRUE goes away too. */
#include "plan/private.h"

static bool is_literal(const struct expr *e)
{
    return e->kind == EXPR_LITERAL && !column_is_null(&e->value, 0);
}

/* Is `e` column = whole number, both of one type? */
static enum status pinned(struct binder *b, const struct expr *e, uint32_t *ret_column, const struct expr **ret_value)
{
    *ret_value = NULL;
    if (e->kind != EXPR_CALL || e->n_args != 2)
        return ST_OK;
    const struct expr *column = e->args[0], *value = e->args[1], *equal;
    if (column->kind != EXPR_COLUMN) {
        column = e->args[1];
        value = e->args[0];
    }
    if (column->kind != EXPR_COLUMN || !is_literal(value) || !type_is_integer(column->type) ||
        !type_equal(column->type, value->type, false))
        return ST_OK;
    TRY(expr_call(&b->exprs, STR("="), e->args, 2, e->line, e->column_at, &equal, b->err));
    if (equal->kind != EXPR_CALL || equal->function != e->function)
        return ST_OK;
    *ret_column = column->column;
    *ret_value = value;
    return ST_OK;
}

static enum status find_pinned(struct binder *b, const struct expr *condition, const struct expr **with, bool *any)
{
    for (uint32_t i = 0; condition->kind == EXPR_AND && i < condition->n_args; i++)
        TRY(find_pinned(b, condition->args[i], with, any));
    uint32_t column;
    const struct expr *value;
    TRY(pinned(b, condition, &column, &value));
    if (value) {
        with[column] = value;
        *any = true;
    }
    return ST_OK;
}

/* CASE without branches whose condition is a literal that is not TRUE; a TRUE one is the last. */
static enum status prune_case(struct binder *b, const struct expr *e, const struct expr **ret)
{
    const struct expr **args = ARENA_ARRAY(b->arena, const struct expr *, e->n_args);
    struct expr *copy = ARENA_NEW(b->arena, struct expr);
    TRY_MEM(b, args && copy);
    uint32_t n = 0;
    const struct expr *otherwise = e->args[e->n_args - 1];
    for (uint32_t i = 0; i + 1 < e->n_args; i += 2) {
        if (e->args[i]->kind == EXPR_LITERAL && !(is_literal(e->args[i]) && e->args[i]->value.b[0]))
            continue;
        if (e->args[i]->kind == EXPR_LITERAL) {
            otherwise = e->args[i + 1];
            break;
        }
        args[n++] = e->args[i];
        args[n++] = e->args[i + 1];
    }
    *ret = otherwise;
    if (n == 0)
        return ST_OK;
    args[n++] = otherwise;
    *copy = *e;
    copy->args = args;
    copy->n_args = n;
    *ret = copy;
    return ST_OK;
}

static enum status prune(struct binder *b, const struct expr *e, const struct expr **ret)
{
    *ret = e;
    if (e->n_args == 0)
        return ST_OK;
    const struct expr **args = ARENA_ARRAY(b->arena, const struct expr *, e->n_args);
    TRY_MEM(b, args);
    bool same = true;
    for (uint32_t i = 0; i < e->n_args; i++) {
        TRY(prune(b, e->args[i], &args[i]));
        same = same && args[i] == e->args[i];
    }
    if (!same) {
        struct expr *copy = ARENA_NEW(b->arena, struct expr);
        TRY_MEM(b, copy);
        *copy = *e;
        copy->args = args;
        e = *ret = copy;
    }
    return e->kind == EXPR_CASE ? prune_case(b, e, ret) : ST_OK;
}

static enum status simplify(struct binder *b, const struct expr *const *with, const struct expr **e)
{
    const struct expr *x = *e;
    if (with && x->kind != EXPR_COLUMN) {
        x = expr_substitute(b->arena, x, with);
        TRY_MEM(b, x);
    }
    TRY(expr_fold(&b->exprs, x, &x, b->err));
    TRY(prune(b, x, &x));
    return expr_fold(&b->exprs, x, e, b->err);
}

enum status rule_fold(struct binder *b, struct rel **rel)
{
    struct rel *r = *rel;
    for (uint32_t i = 0; i < r->n_inputs; i++)
        TRY(rule_fold(b, &r->inputs[i]));
    if (r->kind != REL_CALC)
        return ST_OK;
    const struct expr **with = NULL;
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, r->schema.n_fields + 1);
    TRY_MEM(b, exprs);
    if (r->calc.condition) {
        TRY(simplify(b, NULL, &r->calc.condition));
        bool any = false;
        TRY(rel_columns(b, &r->inputs[0]->schema, &with));
        TRY(find_pinned(b, r->calc.condition, with, &any));
        if (!any)
            with = NULL;
        if (is_literal(r->calc.condition) && r->calc.condition->value.b[0])
            r->calc.condition = NULL;
    }
    for (uint32_t i = 0; i < r->schema.n_fields; i++) {
        exprs[i] = r->calc.exprs[i];
        TRY(simplify(b, with, &exprs[i]));
    }
    r->calc.exprs = exprs;
    return ST_OK;
}
