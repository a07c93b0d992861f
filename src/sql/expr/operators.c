/* Arithmetic and comparison operators: how their arguments are typed.
 *
 * A name stands once in the table; by the types it becomes one of the variants, which have their own kernels and flags:
 * over integers and floats, over decimals, over dates and intervals. Two numbers meet in their common type; for
 * decimals the result's type is Flink's and arguments stay as they are (a BIGINT is read as DECIMAL(19, 0)).
 * Comparisons cast text to the other side's type: to a number strictly, to a date or time so that what is none
 * compares as NULL. */
#include "expr/expr_private.h"

#define EASY (FN_STRICT | FN_TOTAL | FN_CHEAP)

static const struct function plain[] = {
    { .name = "+", .flags = EASY, .pick = arith_pick },
    { .name = "-", .flags = EASY, .pick = arith_pick },
    { .name = "*", .flags = EASY, .pick = arith_pick },
    { .name = "/", .flags = FN_STRICT, .pick = arith_pick },
    { .name = "%", .flags = FN_STRICT, .pick = arith_pick },
};
static const struct function floating[] = {
    { .name = "/", .flags = FN_STRICT | FN_CHEAP, .pick = arith_pick },
    { .name = "%", .flags = EASY, .pick = arith_pick },
};
static const struct function decimals[] = {
    { .name = "+", .flags = EASY, .pick = decimal_pick },
    { .name = "-", .flags = EASY, .pick = decimal_pick },
    { .name = "*", .flags = EASY, .pick = decimal_pick },
    { .name = "/", .flags = FN_STRICT, .pick = decimal_pick },
    { .name = "%", .flags = FN_STRICT, .pick = decimal_pick },
};
static const struct function temporal[] = {
    { .name = "+", .flags = FN_STRICT, .pick = interval_pick },
    { .name = "-", .flags = FN_STRICT, .pick = interval_pick },
    { .name = "*", .flags = FN_STRICT, .pick = interval_pick },
    { .name = "/", .flags = FN_STRICT, .pick = interval_pick },
};

static uint32_t op_index(const struct call *c)
{
    static const char ops[] = "+-*/";
    for (uint32_t i = 0; i < 4; i++)
        if (c->function->name[0] == ops[i])
            return i;
    return 4;
}

static enum status wrong_operands(struct call *c)
{
    return error_at(c->err, ST_SEMANTIC, c->line, c->column,
        "Cannot apply '%s' to arguments of type '<%.*s> %s <%.*s>'",
                    c->function->name, STR_ARG(type_name(c->env->arena, c->args[0]->type)), c->function->name,
                    STR_ARG(type_name(c->env->arena, c->args[1]->type)));
}

static enum status set_type(struct call *c, const struct type *t)
{
    c->type = call_nullable_by_args(c, t);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* date/time ± interval, interval ± interval, interval * number. */
static enum status resolve_temporal(struct call *c, bool *ret_done)
{
    const struct type *a = c->args[0]->type, *b = c->args[1]->type;
    uint32_t op = op_index(c);
    *ret_done = type_is_interval(a) || type_is_interval(b);
    if (!*ret_done)
        return ST_OK;
    if (op > 3)
        return wrong_operands(c);
    c->function = &temporal[op];
    if (op >= 2) {
        bool swap = type_is_interval(b);
        if (swap && (op == 3 || type_is_interval(a)))
            return wrong_operands(c);
        if (swap) {
            const struct expr *x = c->args[0];
            c->args[0] = c->args[1];
            c->args[1] = x;
        }
        const struct type *number = c->args[1]->type;
        if (!type_is_numeric(number) && number->kind != TYPE_NULL)
            return wrong_operands(c);
        TRY(call_convert(c, 1, type_basic(type_is_integer(number) ? TYPE_BIGINT : TYPE_DOUBLE)));
        return set_type(c, c->args[0]->type);
    }
    if (a->kind == TYPE_NULL || b->kind == TYPE_NULL) {
        uint32_t i = a->kind == TYPE_NULL ? 0 : 1;
        TRY(call_convert(c, i, c->args[1 - i]->type));
        a = c->args[0]->type;
        b = c->args[1]->type;
    }
    if (type_is_interval(a) && type_is_interval(b)) {
        const struct type *t = type_common(c->env->arena, a, b, false);
        if (!t)
            return wrong_operands(c);
        return set_type(c, t);
    }
    if (type_is_interval(a)) { /* interval + date */
        if (op == 1)
            return wrong_operands(c);
        const struct expr *x = c->args[0];
        c->args[0] = c->args[1];
        c->args[1] = x;
        a = c->args[0]->type;
        b = x->type;
    }
    if (a->kind != TYPE_DATE && a->kind != TYPE_TIME && !type_is_timestamp(a))
        return wrong_operands(c);
    return set_type(c, a);
}

static enum status resolve_arith(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    bool done;
    TRY(resolve_temporal(c, &done));
    if (done)
        return ST_OK;
    const struct type *a = c->args[0]->type, *b = c->args[1]->type;
    if (a->kind == TYPE_NULL)
        TRY(call_convert(c, 0, b->kind == TYPE_NULL ? type_basic(TYPE_INT) : b));
    if (b->kind == TYPE_NULL)
        TRY(call_convert(c, 1, c->args[0]->type));
    a = c->args[0]->type;
    b = c->args[1]->type;
    if (!type_is_numeric(a) || !type_is_numeric(b))
        return wrong_operands(c);
    uint32_t op = op_index(c);
    const struct type *common = type_common(c->env->arena, a, b, false);
    if (!common)
        return expr_no_memory(c->env, c->err);
    if (common->kind == TYPE_DECIMAL) {
        int32_t p1, s1, p2, s2, p, s;
        type_as_decimal(a, &p1, &s1);
        type_as_decimal(b, &p2, &s2);
        static const char ops[] = "+-*/%";
        decimal_result(ops[op], p1, s1, p2, s2, &p, &s);
        /* the kernels read INT and BIGINT as they stand; they know no width below */
        c->function = &decimals[op];
        return set_type(c, type_decimal(c->env->arena, p, s));
    }
    TRY(call_convert(c, 0, common));
    TRY(call_convert(c, 1, common));
    bool is_float = common->kind == TYPE_FLOAT || common->kind == TYPE_DOUBLE;
    c->function = is_float && op >= 3 ? &floating[op - 3] : &plain[op];
    TRY(set_type(c, common));
    if (op != 4 || type_equal(common, b, false))
        return ST_OK;
    /* a remainder has its divisor's type */
    const struct expr *args[2] = { c->args[0], c->args[1] }, *rest;
    TRY(expr_call(c->env, STR("%"), args, 2, c->line, c->column, &rest, c->err));
    return expr_convert(c->env, rest, b, false, &c->instead, c->err);
}

static enum status resolve_plus(struct call *c)
{
    if (c->n_args == 1 && (type_is_numeric(c->args[0]->type) || type_is_interval(c->args[0]->type))) {
        c->instead = c->args[0];
        return ST_OK;
    }
    return resolve_arith(c);
}

static enum status resolve_negate(struct call *c)
{
    if (c->n_args != 1)
        return call_invalid(c);
    if (c->args[0]->type->kind == TYPE_NULL)
        TRY(call_convert(c, 0, type_basic(TYPE_INT)));
    const struct type *t = c->args[0]->type;
    if (!type_is_numeric(t) && !type_is_interval(t))
        return error_at(c->err, ST_SEMANTIC, c->line, c->column, "Cannot apply '-' to arguments of type '-<%.*s>'",
                        STR_ARG(type_name(c->env->arena, t)));
    return set_type(c, t);
}

static enum status resolve_minus(struct call *c)
{
    if (c->n_args != 1)
        return resolve_arith(c);
    TRY(call_build(c, "NEGATE", c->args, 1, &c->instead));
    return ST_OK;
}

static enum status negate(struct kernel *k)
{
    const struct column *a = k->args[0].col;
    uint32_t m = k->args[0].mask;
#define NEGATE(MEMBER, CALC)                        \
    EACH_ROW(k, r)                                  \
    {                                               \
        __typeof__(a->MEMBER[0]) v = a->MEMBER[r & m]; \
        k->out->MEMBER[r] = CALC;                   \
    }
    switch (type_phys(k->expr->type)) {
    case PHYS_I32:
        if (k->expr->type->kind == TYPE_TINYINT)
            NEGATE(i32, (int8_t)(0u - (uint32_t)v))
        else if (k->expr->type->kind == TYPE_SMALLINT)
            NEGATE(i32, (int16_t)(0u - (uint32_t)v))
        else
            NEGATE(i32, (int32_t)(0u - (uint32_t)v))
        break;
    case PHYS_I64:
        NEGATE(i64, (int64_t)(0u - (uint64_t)v))
        break;
    case PHYS_I128:
        NEGATE(i128, (int128)(0u - (unsigned __int128)v))
        break;
    case PHYS_F32:
        NEGATE(f32, -v)
        break;
    default:
        NEGATE(f64, -v)
        break;
    }
    return ST_OK;
}

/* ---- comparisons ---- */

static enum status text_to_other(struct call *c, uint32_t text, uint32_t other)
{
    const struct type *t = c->args[other]->type;
    bool temporal_type = t->kind == TYPE_DATE || t->kind == TYPE_TIME || type_is_timestamp(t);
    if (!temporal_type && !type_is_numeric(t) && t->kind != TYPE_BOOLEAN)
        return wrong_operands(c);
    if (type_is_timestamp(t) && t->precision < 9 && c->args[text]->kind != EXPR_LITERAL)
        t = type_timestamp(c->env->arena, t->kind, t->precision < 3 ? 3 : t->precision);
    if (!t)
        return expr_no_memory(c->env, c->err);
    return expr_convert(c->env, c->args[text], t, temporal_type, &c->args[text], c->err);
}

static enum status compare_numbers(struct call *c)
{
    const struct type *a = c->args[0]->type, *b = c->args[1]->type;
    const struct type *common = type_common(c->env->arena, a, b, false);
    if (!common)
        return expr_no_memory(c->env, c->err);
    if (common->kind == TYPE_DECIMAL) {
        int32_t p1, s1, p2, s2;
        type_as_decimal(a, &p1, &s1);
        type_as_decimal(b, &p2, &s2);
        int32_t whole = p1 - s1 > p2 - s2 ? p1 - s1 : p2 - s2, scale = s1 > s2 ? s1 : s2;
        if (whole + scale > 38) { /* no common type holds both: only integers become decimals */
            for (uint32_t i = 0; i < 2; i++) {
                int32_t p, s;
                type_as_decimal(c->args[i]->type, &p, &s);
                const struct type *t = type_decimal(c->env->arena, p, s);
                if (!t)
                    return expr_no_memory(c->env, c->err);
                TRY(call_convert(c, i, t));
            }
            return ST_OK;
        }
    }
    TRY(call_convert(c, 0, common));
    return call_convert(c, 1, common);
}

static enum status compare_args(struct call *c, bool ordered)
{
    const struct type *a = c->args[0]->type, *b = c->args[1]->type;
    if (a->kind == TYPE_NULL)
        TRY(call_convert(c, 0, b->kind == TYPE_NULL ? type_basic(TYPE_BOOLEAN) : b));
    if (b->kind == TYPE_NULL)
        TRY(call_convert(c, 1, c->args[0]->type));
    a = c->args[0]->type;
    b = c->args[1]->type;
    if (type_is_numeric(a) && type_is_numeric(b))
        TRY(compare_numbers(c));
    else if (type_is_text(a) && !type_is_text(b))
        TRY(text_to_other(c, 0, 1));
    else if (type_is_text(b) && !type_is_text(a))
        TRY(text_to_other(c, 1, 0));
    else if (!(type_is_text(a) && type_is_text(b)) && !(type_is_bytes(a) && type_is_bytes(b))) {
        const struct type *t;
        bool ok;
        TRY(call_unify(c, 0, 2, &t, &ok));
        if (!ok)
            return wrong_operands(c);
    }
    a = c->args[0]->type;
    if (type_is_timestamp(a) && type_is_timestamp(c->args[1]->type)) {
        const struct type *t;
        bool ok;
        TRY(call_unify(c, 0, 2, &t, &ok));
    }
    if (!type_comparable(a, ordered))
        return wrong_operands(c);
    return ST_OK;
}

bool expr_makes_row(const struct expr *e) { return e->kind == EXPR_CALL && strcmp(e->function->name, "ROW") == 0; }

/* (a, b) = (c, d) is a = c AND b = d, NULLs and all. */
static enum status compare_rows(struct call *c)
{
    const struct expr *x = c->args[0], *y = c->args[1];
    const struct expr **equal = ARENA_ARRAY(c->env->arena, const struct expr *, x->n_args);
    if (!equal)
        return expr_no_memory(c->env, c->err);
    for (uint32_t i = 0; i < x->n_args; i++) {
        const struct expr *pair[2] = { x->args[i], y->args[i] };
        TRY(call_build(c, "=", pair, 2, &equal[i]));
    }
    TRY(call_build(c, "AND", equal, x->n_args, &c->instead));
    return strcmp(c->function->name, "<>") == 0 ? call_build(c, "NOT", &c->instead, 1, &c->instead) : ST_OK;
}

static enum status resolve_compare(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    bool equality = strcmp(c->function->name, "=") == 0 || strcmp(c->function->name, "<>") == 0;
    if (equality && expr_makes_row(c->args[0]) && expr_makes_row(c->args[1]) && c->args[0]->n_args == c->args[1]->n_args)
        return compare_rows(c);
    char first = c->function->name[0];
    TRY(compare_args(c, (first == '<' || first == '>') && strcmp(c->function->name, "<>") != 0));
    return set_type(c, type_basic(TYPE_BOOLEAN));
}

static enum status resolve_distinct(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    TRY(compare_args(c, false));
    const struct type *a = c->args[0]->type, *b = c->args[1]->type;
    if (a->kind == TYPE_DECIMAL && b->kind == TYPE_DECIMAL && a->scale != b->scale)
        return wrong_operands(c);
    return set_type(c, type_basic(TYPE_BOOLEAN));
}

/* NULL is not distinct from NULL: the only comparison that looks at NULLs itself. */
static enum status distinct(struct kernel *k, bool is)
{
    EACH_ROW(k, r)
    k->out->b[r] = column_equal(k->args[0].col, r & k->args[0].mask, k->args[1].col, r & k->args[1].mask) != is;
    return ST_OK;
}
static enum status is_distinct(struct kernel *k) { return distinct(k, true); }
static enum status is_not_distinct(struct kernel *k) { return distinct(k, false); }

/* BETWEEN value, low, high */
static enum status resolve_between(struct call *c)
{
    if (c->n_args != 3)
        return call_invalid(c);
    const struct expr *both[2], *low[2] = { c->args[0], c->args[1] }, *high[2] = { c->args[0], c->args[2] };
    TRY(call_build(c, ">=", low, 2, &both[0]));
    TRY(call_build(c, "<=", high, 2, &both[1]));
    return call_build(c, "AND", both, 2, &c->instead);
}

#define OPERATOR(NAME, SIGNATURE, HELP, EXAMPLE, RESOLVE) \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = EXAMPLE, .flags = FN_STRICT, .resolve = RESOLVE }
#define COMPARISON(NAME, HELP)                                                                                  \
    { .name = NAME, .signature = "value1 " NAME " value2", .help = HELP, .example = "12 " NAME " 10",           \
      .flags = EASY, .resolve = resolve_compare, .pick = compare_pick }

const struct function functions_operators[] = {
    OPERATOR("+", "a + b", "Sum of numbers; a date or time moved by an interval.", "1 + 2", resolve_plus),
    OPERATOR("-", "a - b", "Difference of numbers; a date or time moved back by an interval.", "3 - 2", resolve_minus),
    OPERATOR("*", "a * b", "Product of numbers, or of an interval and a number.", "0.908 * 12", resolve_arith),
    OPERATOR("/", "a / b", "Quotient; of two integers an integer, towards zero.", "7 / 2", resolve_arith),
    OPERATOR("%", "a % b", "Remainder with the sign of a and the type of b.", "7 % 3", resolve_arith),
    { .name = "NEGATE", .signature = "-a", .help = "The number or interval with its sign changed.",
      .example = "-(12)", .flags = EASY, .resolve = resolve_negate, .kernel = negate },
    COMPARISON("=", "TRUE when the values are equal."),
    COMPARISON("<>", "TRUE when the values differ."),
    COMPARISON("<", "TRUE when the first is less."),
    COMPARISON("<=", "TRUE when the first is less or equal."),
    COMPARISON(">", "TRUE when the first is greater."),
    COMPARISON(">=", "TRUE when the first is greater or equal."),
    { .name = "IS DISTINCT FROM", .signature = "a IS DISTINCT FROM b", .help = "As <>, but NULL equals NULL.",
      .example = "1 IS DISTINCT FROM NULL", .flags = FN_NOTNULL, .resolve = resolve_distinct, .kernel = is_distinct },
    { .name = "IS NOT DISTINCT FROM", .signature = "a IS NOT DISTINCT FROM b", .help = "As =, but NULL equals NULL.",
      .example = "1 IS NOT DISTINCT FROM NULL", .flags = FN_NOTNULL, .resolve = resolve_distinct,
      .kernel = is_not_distinct },
    OPERATOR("BETWEEN", "value BETWEEN low AND high", "TRUE when low <= value and value <= high.",
             "12 BETWEEN 10 AND 20", resolve_between),
    { .name = NULL },
};
