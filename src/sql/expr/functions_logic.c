/* Truth and NULL: IS …, NOT, IN, COALESCE, IF, NULLIF, GREATEST, LEAST. AND and OR stand here for the table only: they
 * are nodes of their own. What chooses between values becomes CASE, which evaluates a branch for its rows only. */
#include "expr/expr_private.h"

static enum status is_null(struct kernel *k)
{
    const uint8_t *nulls = k->args[0].col->nulls;
    EACH_ROW(k, r)
    k->out->b[r] = nulls && nulls[r & k->args[0].mask];
    return ST_OK;
}
static enum status is_not_null(struct kernel *k)
{
    const uint8_t *nulls = k->args[0].col->nulls;
    EACH_ROW(k, r)
    k->out->b[r] = !(nulls && nulls[r & k->args[0].mask]);
    return ST_OK;
}
static enum status is_truth(struct kernel *k, bool value, bool negated)
{
    EACH_ROW(k, r)
    k->out->b[r] = (!arg_null(k, 0, r) && arg_bool(k, 0, r) == value) != negated;
    return ST_OK;
}
static enum status is_true(struct kernel *k) { return is_truth(k, true, false); }
static enum status is_not_true(struct kernel *k) { return is_truth(k, true, true); }
static enum status is_false(struct kernel *k) { return is_truth(k, false, false); }
static enum status is_not_false(struct kernel *k) { return is_truth(k, false, true); }

static enum status not_bool(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->b[r] = !arg_bool(k, 0, r);
    return ST_OK;
}

/* ---- IN ---- */

static bool in_equal(const struct kernel *k, uint32_t i, uint32_t r)
{
    return column_equal(k->args[0].col, r & k->args[0].mask, k->args[i].col, r & k->args[i].mask);
}

/* TRUE when one is equal; else NULL when a NULL is among them; else FALSE. */
static enum status in_any(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        if (arg_null(k, 0, r)) {
            column_set_null(k->out, r);
            k->out->b[r] = 0;
            continue;
        }
        bool found = false, null = false;
        for (uint32_t i = 1; i < k->n_args && !found; i++) {
            if (arg_null(k, i, r))
                null = true;
            else
                found = in_equal(k, i, r);
        }
        k->out->b[r] = found;
        if (!found && null)
            column_set_null(k->out, r);
    }
    return ST_OK;
}

/* All of the list constant and not NULL: integers are looked for without a call. */
#define IN_CONSTANTS(NAME, CTYPE, MEMBER)                                 \
    static enum status NAME(struct kernel *k)                             \
    {                                                                     \
        const CTYPE *a = k->args[0].col->MEMBER;                          \
        for (uint32_t i = 1; i < k->n_args; i++)                          \
            if (k->args[i].mask || k->args[i].col->nulls)                 \
                return in_any(k);                                         \
        EACH_ROW(k, r)                                                    \
        {                                                                 \
            CTYPE v = a[r & k->args[0].mask];                             \
            bool found = false;                                           \
            for (uint32_t i = 1; i < k->n_args && !found; i++)            \
                found = k->args[i].col->MEMBER[0] == v;                   \
            k->out->b[r] = found;                                         \
            if (arg_null(k, 0, r))                                        \
                column_set_null(k->out, r);                               \
        }                                                                 \
        return ST_OK;                                                     \
    }
IN_CONSTANTS(in_i32, int32_t, i32)
IN_CONSTANTS(in_i64, int64_t, i64)

/* Length and first four bytes of a text, which mostly tell two apart. */
static inline uint64_t text_head(const struct strview *v)
{
    uint64_t head;
    memcpy(&head, v, sizeof head);
    return head;
}

/* The same for texts. */
static enum status in_text(struct kernel *k)
{
    for (uint32_t i = 1; i < k->n_args; i++)
        if (k->args[i].mask || k->args[i].col->nulls)
            return in_any(k);
    const struct column *c = k->args[0].col;
    EACH_ROW(k, r)
    {
        uint32_t at = r & k->args[0].mask;
        bool null = column_is_null(c, at), found = false;
        if (null)
            column_set_null(k->out, r);
        uint64_t head = null ? 0 : text_head(&c->str[at]);
        for (uint32_t i = 1; i < k->n_args && !null && !found; i++)
            found = text_head(&k->args[i].col->str[0]) == head && str_eq(column_str(c, at), arg_str(k, i, 0));
        k->out->b[r] = found;
    }
    return ST_OK;
}

static kernel_fn *in_pick(const struct expr *e)
{
    if (type_is_text(e->args[0]->type))
        return in_text;
    enum phys p = type_phys(e->args[0]->type);
    return p == PHYS_I32 ? in_i32 : p == PHYS_I64 ? in_i64 : in_any;
}

/* x IN (a, b) as x = a OR x = b. */
static enum status in_by_or(struct call *c)
{
    const struct expr **each = ARENA_ARRAY(c->env->arena, const struct expr *, c->n_args);
    if (!each)
        return expr_no_memory(c->env, c->err);
    for (uint32_t i = 1; i < c->n_args; i++) {
        const struct expr *two[2] = { c->args[0], c->args[i] };
        TRY(call_build(c, "=", two, 2, &each[i - 1]));
    }
    return call_build(c, "OR", each, c->n_args - 1, &c->instead);
}

/* One type for all, else (text against dates, rows of NULLs …) comparisons joined by OR. */
static enum status resolve_in(struct call *c)
{
    if (c->n_args < 2)
        return call_invalid(c);
    if (expr_makes_row(c->args[0]))
        return in_by_or(c);
    const struct type *t = c->args[0]->type;
    for (uint32_t i = 1; i < c->n_args && t; i++)
        t = type_common(c->env->arena, t, c->args[i]->type, false);
    if (t && t->kind == TYPE_DECIMAL)
        for (uint32_t i = 0; i < c->n_args && t; i++) { /* a common type that rounds would find too much */
            int32_t p, s;
            if (c->args[i]->type->kind == TYPE_NULL)
                continue;
            type_as_decimal(c->args[i]->type, &p, &s);
            if (p - s > t->precision - t->scale)
                t = NULL;
        }
    if (t && t->kind != TYPE_NULL) {
        for (uint32_t i = 0; i < c->n_args; i++)
            TRY(call_convert(c, i, t));
        c->type = call_nullable_by_args(c, type_basic(TYPE_BOOLEAN));
        return c->type ? ST_OK : expr_no_memory(c->env, c->err);
    }
    return in_by_or(c);
}

/* ---- choices ---- */

static enum status resolve_coalesce(struct call *c)
{
    if (c->n_args == 0)
        return call_invalid(c);
    const struct type *t;
    bool ok;
    TRY(call_unify(c, 0, c->n_args, &t, &ok));
    if (!ok)
        return call_invalid(c);
    bool nullable = true;
    for (uint32_t i = 0; i < c->n_args; i++)
        nullable = nullable && c->args[i]->type->nullable;
    if (c->n_args == 1 || !c->args[0]->type->nullable) {
        c->instead = c->args[0];
        return ST_OK;
    }
    c->type = type_nullable(c->env->arena, t, nullable);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status resolve_ifnull(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    const struct type *t;
    bool ok;
    TRY(call_unify(c, 0, 2, &t, &ok));
    if (!ok)
        return call_invalid(c);
    return call_build(c, "COALESCE", c->args, 2, &c->instead);
}

static enum status resolve_if(struct call *c)
{
    if (c->n_args != 3)
        return call_invalid(c);
    const struct type *t;
    bool ok;
    if (c->args[0]->type->kind != TYPE_BOOLEAN && c->args[0]->type->kind != TYPE_NULL)
        return call_invalid(c);
    TRY(call_unify(c, 1, 3, &t, &ok));
    if (!ok)
        return call_invalid(c);
    return expr_case(c->env, c->args, 1, c->args[2], c->line, c->column, &c->instead, c->err);
}

static enum status resolve_nullif(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    const struct expr *pair[2], *null;
    TRY(call_build(c, "=", c->args, 2, &pair[0]));
    TRY(expr_null(c->env, c->args[0]->type, &null, c->err));
    pair[1] = null;
    return expr_case(c->env, pair, 1, c->args[0], c->line, c->column, &c->instead, c->err);
}

static enum status resolve_extreme(struct call *c)
{
    if (c->n_args == 0)
        return call_invalid(c);
    const struct type *t;
    bool ok;
    TRY(call_unify(c, 0, c->n_args, &t, &ok));
    if (!ok || !type_comparable(t, true))
        return call_invalid(c);
    c->type = call_nullable_by_args(c, t);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* Numbers and times that are ordered as the integers they are kept in. */
#define EXTREME_INTEGER(NAME, MEMBER, TYPE)                                                      \
    static void NAME(struct kernel *k, int sign)                                                 \
    {                                                                                            \
        TYPE *restrict out = k->out->MEMBER;                                                     \
        EACH_ROW(k, r)                                                                           \
        out[r] = k->args[0].col->MEMBER[r & k->args[0].mask];                                    \
        for (uint32_t i = 1; i < k->n_args; i++) {                                               \
            const TYPE *more = k->args[i].col->MEMBER;                                           \
            uint32_t mask = k->args[i].mask;                                                     \
            EACH_ROW(k, r)                                                                       \
            out[r] = (more[r & mask] > out[r]) == (sign > 0) ? more[r & mask] : out[r];          \
        }                                                                                        \
    }
EXTREME_INTEGER(extreme_i32, i32, int32_t)
EXTREME_INTEGER(extreme_i64, i64, int64_t)

static enum status extreme(struct kernel *k, int sign)
{
    enum phys p = type_phys(k->expr->type);
    if (p == PHYS_I32 || p == PHYS_I64) {
        (p == PHYS_I32 ? extreme_i32 : extreme_i64)(k, sign);
        return ST_OK;
    }
    EACH_ROW(k, r)
    {
        uint32_t best = 0;
        for (uint32_t i = 1; i < k->n_args; i++)
            if (sign * column_compare(k->args[i].col, r & k->args[i].mask, k->args[best].col,
                r & k->args[best].mask) > 0)
                best = i;
        if (!column_copy(k->out, r, k->args[best].col, r & k->args[best].mask, k->args[best].mask != 0))
            return kernel_memory(k);
    }
    return ST_OK;
}
static enum status greatest(struct kernel *k) { return extreme(k, 1); }
static enum status least(struct kernel *k) { return extreme(k, -1); }

#define IS(NAME, HELP, TYPES, KERNEL)                                                                              \
    { .name = NAME, .signature = "value " NAME, .help = HELP, .example = "(1 > NULL) " NAME, .types = TYPES,            \
      .flags = FN_NOTNULL | FN_TOTAL | FN_CHEAP, .kernel = KERNEL }
#define CHOICE(NAME, SIGNATURE, HELP, EXAMPLE, RESOLVE) \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = EXAMPLE, .resolve = RESOLVE }

const struct function functions_logic[] = {
    { .name = "AND", .signature = "a AND b", .help = "Three-valued logic; FALSE decides.", .example = "TRUE AND NULL" },
    { .name = "OR", .signature = "a OR b", .help = "Three-valued logic; TRUE decides.", .example = "TRUE OR NULL" },
    { .name = "NOT", .signature = "NOT a", .help = "TRUE for FALSE, FALSE for TRUE, NULL for NULL.", .example = "NOT TRUE",
      .types = "b=b", .flags = FN_STRICT | FN_TOTAL | FN_CHEAP, .kernel = not_bool },
    IS("IS NULL", "TRUE when the value is NULL.", "a=b", is_null),
    IS("IS NOT NULL", "TRUE when the value is not NULL.", "a=b", is_not_null),
    IS("IS TRUE", "TRUE when the value is TRUE; never NULL.", "b=b", is_true),
    IS("IS NOT TRUE", "TRUE when the value is FALSE or NULL.", "b=b", is_not_true),
    IS("IS FALSE", "TRUE when the value is FALSE; never NULL.", "b=b", is_false),
    IS("IS NOT FALSE", "TRUE when the value is TRUE or NULL.", "b=b", is_not_false),
    { .name = "IN", .signature = "value IN (v1, v2, ...)",
      .help = "TRUE when the value equals one of the list; NULL when it does not but the list has a NULL.",
      .example = "'Rome' IN ('Paris', 'Rome')", .flags = FN_CHEAP | FN_TOTAL, .resolve = resolve_in, .pick = in_pick },
    { .name = "COALESCE", .signature = "COALESCE(v1, v2, ...)", .help = "The first value that is not NULL.",
      .example = "COALESCE(NULL, 'nobody')", .flags = FN_COALESCE, .resolve = resolve_coalesce },
    CHOICE("IFNULL", "IFNULL(value, otherwise)", "The value, or the other when it is NULL.", "IFNULL(CAST(NULL AS INT), 0)",
           resolve_ifnull),
    CHOICE("IF", "IF(condition, then, else)", "One of two values by a condition.", "IF(7 > 5, 'many', 'few')",
           resolve_if),
    CHOICE("NULLIF", "NULLIF(a, b)", "NULL when a = b, else a.", "NULLIF(7, 0)", resolve_nullif),
    { .name = "GREATEST", .signature = "GREATEST(v1, v2, ...)", .help = "The greatest value; NULL when one is NULL.",
      .example = "GREATEST(1, 2)", .flags = FN_STRICT, .resolve = resolve_extreme, .kernel = greatest },
    { .name = "LEAST", .signature = "LEAST(v1, v2, ...)", .help = "The least value; NULL when one is NULL.",
      .example = "LEAST(1, 2)", .flags = FN_STRICT, .resolve = resolve_extreme, .kernel = least },
    { .name = NULL },
};
