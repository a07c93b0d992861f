/* Expressions: one function a kind of syntax, found by a table. Typing is expr's: here names are resolved and syntax
 * that is a function in disguise (IN, LIKE, CASE with an operand …) becomes calls by name. */
#include "plan/private.h"

typedef enum status bind_fn(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret);

enum status bind_named(struct binder *b, const struct place *p, struct str name, const struct expr *const *args,
                       uint32_t n, const struct syn_expr *at, const struct expr **ret)
{
    (void)p;
    return bind_at(b, expr_call(&b->exprs, name, args, n, at->line, at->column, ret, b->err), at->line, at->column);
}

static enum status bind_args(struct binder *b, const struct place *p, const struct syn_expr *e,
                             const struct expr ***ret)
{
    const struct expr **args = ARENA_ARRAY(b->arena, const struct expr *, e->n_args + 1);
    TRY_MEM(b, args);
    for (uint32_t i = 0; i < e->n_args; i++)
        TRY(bind_expr(b, p, e->args[i], &args[i]));
    *ret = args;
    return ST_OK;
}

static enum status bind_all(struct binder *b, const struct place *p, const struct syn_expr *e, struct str name,
                            const struct expr **ret)
{
    const struct expr **args;
    TRY(bind_args(b, p, e, &args));
    return bind_named(b, p, name, args, e->n_args, e, ret);
}

/* NOT around it when `negate`. */
static enum status negated(struct binder *b, const struct place *p, const struct syn_expr *e, bool negate,
                           const struct expr **x)
{
    return negate ? bind_named(b, p, STR("NOT"), x, 1, e, x) : ST_OK;
}

static enum status bind_null(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    (void)p;
    return expr_null(&b->exprs, type_basic(e->kind == SYN_UNKNOWN ? TYPE_BOOLEAN : TYPE_NULL), ret, b->err);
}

static enum status bind_bool(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    (void)p;
    return expr_bool(&b->exprs, e->kind == SYN_TRUE, ret, b->err);
}

static enum status bind_literal(struct binder *b, const struct place *p, const struct syn_expr *e,
                                const struct expr **ret)
{
    (void)p;
    enum status st;
    switch (e->kind) {
    case SYN_NUMBER:
        st = expr_number(&b->exprs, e->text, ret, b->err);
        break;
    case SYN_DATE:
        st = expr_datetime(&b->exprs, TYPE_DATE, e->text, ret, b->err);
        break;
    case SYN_TIME:
        st = expr_datetime(&b->exprs, TYPE_TIME, e->text, ret, b->err);
        break;
    case SYN_TIMESTAMP:
        st = expr_datetime(&b->exprs, TYPE_TIMESTAMP, e->text, ret, b->err);
        break;
    default: /* a string, or a keyword as an argument */
        st = expr_string(&b->exprs, e->text, ret, b->err);
    }
    return bind_at(b, st, e->line, e->column);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum status bind_binary(struct binder *b, const struct place *p, const struct syn_expr *e,
                               const struct expr **ret)
{
    (void)p;
    char *bytes = arena_alloc(b->arena, e->text.len / 2 + 1);
    TRY_MEM(b, bytes);
    for (size_t i = 0; i < e->text.len / 2; i++) {
        int high = hex_digit(e->text.ptr[2 * i]), low = hex_digit(e->text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return error_at(b->err, ST_SEMANTIC, e->line, e->column, "a binary literal holds hexadecimal digits only");
        bytes[i] = (char)(high << 4 | low);
    }
    if (e->text.len % 2)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "a binary literal needs an even number of digits");
    return bind_at(b, expr_bytes(&b->exprs, str_make(bytes, e->text.len / 2), ret, b->err), e->line, e->column);
}

static enum status bind_interval(struct binder *b, const struct place *p, const struct syn_expr *e,
                                 const struct expr **ret)
{
    (void)p;
    enum time_unit from = time_unit_from(e->type->unit_from);
    enum time_unit to = e->type->unit_to.len ? time_unit_from(e->type->unit_to) : UNIT_NONE;
    return bind_at(b, expr_interval(&b->exprs, e->flag, e->text, from, to, e->type->p, ret, b->err), e->line,
                   e->column);
}

static enum status bind_field(struct binder *b, const struct place *p, const struct syn_expr *e,
                              const struct expr **ret)
{
    const struct expr *row;
    TRY(bind_expr(b, p, e->args[0], &row));
    return bind_at(b, expr_field(&b->exprs, row, e->text, e->line, e->column, ret, b->err), e->line, e->column);
}

static enum status bind_index(struct binder *b, const struct place *p, const struct syn_expr *e,
                              const struct expr **ret)
{
    return bind_all(b, p, e, STR("ITEM"), ret);
}

static enum status bind_unary(struct binder *b, const struct place *p, const struct syn_expr *e,
                              const struct expr **ret)
{
    if (str_eq(e->text, STR("+")))
        return bind_expr(b, p, e->args[0], ret);
    if (str_eq(e->text, STR("-")) && e->args[0]->kind == SYN_NUMBER) {
        struct str text = arena_printf(b->arena, "-%.*s", STR_ARG(e->args[0]->text));
        TRY_MEM(b, text.ptr);
        return bind_at(b, expr_number(&b->exprs, text, ret, b->err), e->line, e->column);
    }
    return bind_all(b, p, e, str_eq(e->text, STR("-")) ? STR("NEGATE") : STR("NOT"), ret);
}

/* (a - b) DAY: what lies between two times as an interval of that family. */
static enum status bind_difference(struct binder *b, const struct place *p, const struct syn_expr *e,
                                   const struct expr **ret)
{
    enum time_unit from = time_unit_from(e->type->unit_from);
    bool months = from == UNIT_YEAR || from == UNIT_MONTH;
    const struct expr *args[3];
    TRY(expr_string(&b->exprs, months ? STR("MONTH") : STR("SECOND"), &args[0], b->err));
    TRY(bind_expr(b, p, e->args[0], &args[1]));
    TRY(bind_expr(b, p, e->args[1], &args[2]));
    return bind_named(b, p, STR("TIME DIFFERENCE"), args, 3, e, ret);
}

static enum status bind_operator(struct binder *b, const struct place *p, const struct syn_expr *e,
                                 const struct expr **ret)
{
    static const struct {
        struct str op;
        enum feature feature;
    } refused[] = {
        { STR_INIT("MEMBER OF"), F_MEMBER_OF },
        { STR_INIT("SUBMULTISET OF"), F_MEMBER_OF },
    };
    if (is_period_operator(e->text))
        return bind_periods(b, p, e, ret);
    if (e->type)
        return bind_difference(b, p, e, ret);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (str_eq(e->text, refused[i].op))
            return refuse(b, refused[i].feature, e->line, e->column);
    return bind_all(b, p, e, str_eq(e->text, STR("!=")) ? STR("<>") : e->text, ret);
}

static enum status bind_is(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    struct str what = e->text;
    if (str_starts(what, STR("JSON")))
        return bind_is_json(b, p, e, ret);
    if (str_eq(what, STR("A SET")))
        return refuse(b, F_IS_SET, e->line, e->column);
    if (str_eq(what, STR("EMPTY")))
        return refuse(b, F_IS_EMPTY, e->line, e->column);
    if (str_eq(what, STR("UNKNOWN")))
        what = STR("NULL");
    struct str name = arena_printf(b->arena, "IS %s%.*s", e->flag ? "NOT " : "", STR_ARG(what));
    TRY_MEM(b, name.ptr);
    return bind_all(b, p, e, name, ret);
}

static enum status bind_between(struct binder *b, const struct place *p, const struct syn_expr *e,
                                const struct expr **ret)
{
    const struct expr **args, *either[2];
    TRY(bind_args(b, p, e, &args));
    TRY(bind_named(b, p, STR("BETWEEN"), args, 3, e, &either[0]));
    if (str_eq(e->text, STR("SYMMETRIC"))) {
        const struct expr *turned[3] = { args[0], args[2], args[1] };
        TRY(bind_named(b, p, STR("BETWEEN"), turned, 3, e, &either[1]));
        TRY(bind_named(b, p, STR("OR"), either, 2, e, &either[0]));
    }
    TRY(negated(b, p, e, e->flag, &either[0]));
    *ret = either[0];
    return ST_OK;
}

static enum status bind_in(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    if (e->query)
        return refuse(b, F_IN_QUERY, e->line, e->column);
    TRY(bind_all(b, p, e, STR("IN"), ret));
    return negated(b, p, e, e->flag, ret);
}

static enum status bind_like(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    TRY(bind_all(b, p, e, e->text, ret));
    return negated(b, p, e, e->flag, ret);
}

/* CASE x WHEN a THEN …: each comparison x = a. */
static enum status bind_case(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    const struct expr **args, *otherwise = NULL;
    TRY(bind_args(b, p, e, &args));
    uint32_t first = e->flag ? 1 : 0, n = e->n_args - first;
    if (n % 2)
        otherwise = args[first + --n];
    for (uint32_t i = 0; e->flag && i < n; i += 2) {
        const struct expr *pair[2] = { args[0], args[first + i] };
        TRY(bind_named(b, p, STR("="), pair, 2, e->args[first + i], &args[first + i]));
    }
    return bind_at(b, expr_case(&b->exprs, args + first, n / 2, otherwise, e->line, e->column, ret, b->err), e->line,
                   e->column);
}

/* A CAST to its own type still makes a plain value out of a time attribute. */
static enum status plain_time(struct binder *b, const struct expr *e, const struct expr **ret)
{
    struct expr *copy = ARENA_NEW(b->arena, struct expr);
    TRY_MEM(b, copy);
    *copy = *e;
    copy->type = type_with_time(b->arena, e->type, TIME_NONE);
    TRY_MEM(b, copy->type);
    *ret = copy;
    return ST_OK;
}

/* CAST(5 AS INTERVAL DAY): that many of them. */
static enum status cast_to_interval(struct binder *b, const struct place *p, const struct syn_expr *e,
                                    const struct expr *arg, const struct expr **ret)
{
    enum time_unit unit = time_unit_from(e->type->unit_from);
    const struct expr *args[2] = { arg };
    TRY_AT(b, e, expr_interval(&b->exprs, false, STR("1"), unit, unit, -1, &args[1], b->err));
    return bind_named(b, p, STR("*"), args, 2, e, ret);
}

static enum status bind_cast(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    const struct expr *arg;
    const struct type *t;
    TRY(bind_expr(b, p, e->args[0], &arg));
    TRY(bind_type(b, e->type, &t));
    bool exact = type_is_integer(arg->type) || arg->type->kind == TYPE_DECIMAL;
    if (type_is_interval(t) && t->interval_from == t->interval_to && exact)
        return cast_to_interval(b, p, e, arg, ret);
    t = type_nullable(b->arena, t, e->type->not_null ? false : arg->type->nullable || str_eq(e->text, STR("TRY_CAST")));
    TRY_MEM(b, t);
    TRY_AT(b, e, expr_cast(&b->exprs, arg, t, str_eq(e->text, STR("TRY_CAST")), e->line, e->column, ret, b->err));
    return (*ret)->type->time == TIME_NONE ? ST_OK : plain_time(b, *ret, ret);
}

static enum status bind_constructor(struct binder *b, const struct place *p, const struct syn_expr *e,
                                    const struct expr **ret)
{
    if (e->query)
        return refuse(b, e->kind == SYN_ARRAY ? F_ARRAY_QUERY : F_MAP_QUERY, e->line, e->column);
    return bind_all(b, p, e, e->kind == SYN_ROW ? STR("ROW") : e->kind == SYN_ARRAY ? STR("ARRAY") : STR("MAP"), ret);
}

static enum status bind_star_alone(struct binder *b, const struct place *p, const struct syn_expr *e,
                                   const struct expr **ret)
{
    (void)p;
    (void)ret;
    return error_at(b->err, ST_SEMANTIC, e->line, e->column, "'*' stands only in a SELECT list and in COUNT(*)");
}

static enum status bind_type_alone(struct binder *b, const struct place *p, const struct syn_expr *e,
                                   const struct expr **ret)
{
    (void)p;
    (void)ret;
    return error_at(b->err, ST_SEMANTIC, e->line, e->column, "a type cannot stand here");
}

static const struct {
    bind_fn *bind;        /* NULL: refused */
    enum feature feature;
} kinds[SYN_EXPR_KINDS] = {
    [SYN_NULL] = { bind_null, 0 },
    [SYN_TRUE] = { bind_bool, 0 },
    [SYN_FALSE] = { bind_bool, 0 },
    [SYN_UNKNOWN] = { bind_null, 0 },
    [SYN_NUMBER] = { bind_literal, 0 },
    [SYN_STRING] = { bind_literal, 0 },
    [SYN_BINARY] = { bind_binary, 0 },
    [SYN_DATE] = { bind_literal, 0 },
    [SYN_TIME] = { bind_literal, 0 },
    [SYN_TIMESTAMP] = { bind_literal, 0 },
    [SYN_INTERVAL] = { bind_interval, 0 },
    [SYN_COLUMN] = { bind_column, 0 },
    [SYN_STAR] = { bind_star_alone, 0 },
    [SYN_FIELD] = { bind_field, 0 },
    [SYN_INDEX] = { bind_index, 0 },
    [SYN_UNARY] = { bind_unary, 0 },
    [SYN_BINARY_OP] = { bind_operator, 0 },
    [SYN_IS] = { bind_is, 0 },
    [SYN_BETWEEN] = { bind_between, 0 },
    [SYN_IN] = { bind_in, 0 },
    [SYN_LIKE] = { bind_like, 0 },
    [SYN_EXISTS] = { NULL, F_EXISTS },
    [SYN_QUANTIFIED] = { NULL, F_QUANTIFIED },
    [SYN_SUBQUERY] = { NULL, F_SCALAR_QUERY },
    [SYN_CASE] = { bind_case, 0 },
    [SYN_CAST] = { bind_cast, 0 },
    [SYN_CALL] = { bind_call, 0 },
    [SYN_WORD] = { bind_literal, 0 },
    [SYN_TYPE] = { bind_type_alone, 0 },
    [SYN_ROW] = { bind_constructor, 0 },
    [SYN_ARRAY] = { bind_constructor, 0 },
    [SYN_MAP] = { bind_constructor, 0 },
    [SYN_MULTISET] = { NULL, F_MULTISET },
    [SYN_DESCRIPTOR] = { NULL, F_DESCRIPTOR },
    [SYN_NAMED_ARG] = { NULL, F_NAMED_ARG },
    [SYN_TABLE_ARG] = { NULL, F_TABLE_ARG },
    [SYN_DEFAULT] = { NULL, F_DEFAULT_VALUE },
    [SYN_MODEL_ARG] = { NULL, F_MODEL_ARG },
    [SYN_PATTERN] = { NULL, F_PATTERN },
};

enum status bind_expr(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    if (!kinds[e->kind].bind)
        return refuse(b, kinds[e->kind].feature, e->line, e->column);
    return kinds[e->kind].bind(b, p, e, ret);
}

enum status bind_condition(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    const struct expr *x;
    TRY(bind_expr(b, p, e, &x));
    if (x->type->kind == TYPE_NULL)
        return expr_null(&b->exprs, type_basic(TYPE_BOOLEAN), ret, b->err);
    if (x->type->kind != TYPE_BOOLEAN) {
        struct str name = type_name(b->arena, x->type);
        TRY_MEM(b, name.ptr);
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%s needs a condition, not %.*s", p->clause,
                        STR_ARG(name));
    }
    *ret = x;
    return ST_OK;
}
