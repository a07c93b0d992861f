/* (start, end) OVERLAPS (start, end) and its kin, over two points or a point and a length: comparisons of the ends, as
 * Calcite writes them. The ends of a period are put in order by CASE, so that a NULL end counts as the start. */
#include "plan/private.h"

struct period {
    const struct expr *start, *end;
};

static enum status bind_period(struct binder *b, const struct place *p, const struct syn_expr *e, struct period *ret)
{
    const struct expr *ends[2], *in_order, *pair[2];
    bool row = e->kind == SYN_ROW;
    if (row && e->n_args != 2)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "a period has two ends, or a start and a length");
    TRY(bind_expr(b, p, row ? e->args[0] : e, &ends[0]));
    ends[1] = ends[0];
    if (row) {
        TRY(bind_expr(b, p, e->args[1], &ends[1]));
        if (type_is_interval(ends[1]->type))
            TRY(bind_named(b, p, STR("+"), ends, 2, e, &ends[1]));
    }
    TRY(bind_named(b, p, STR("<="), ends, 2, e, &in_order));
    pair[0] = in_order;
    pair[1] = ends[0];
    TRY_AT(b, e, expr_case(&b->exprs, pair, 1, ends[1], e->line, e->column, &ret->start, b->err));
    pair[1] = ends[1];
    TRY_AT(b, e, expr_case(&b->exprs, pair, 1, ends[0], e->line, e->column, &ret->end, b->err));
    return ST_OK;
}

/* One or two comparisons of ends: 's' or 'e' and 0 or 1, the operator, the same again. */
static const struct {
    struct str op;
    const char *tests[2];
} kinds[] = {
    { STR_INIT("OVERLAPS"), { "e0>=s1", "e1>=s0" } },
    { STR_INIT("CONTAINS"), { "s0<=s1", "e0>=e1" } },
    { STR_INIT("EQUALS"), { "s0= s1", "e0= e1" } },
    { STR_INIT("PRECEDES"), { "e0<=s1", NULL } },
    { STR_INIT("SUCCEEDS"), { "s0>=e1", NULL } },
    { STR_INIT("IMMEDIATELY PRECEDES"), { "e0= s1", NULL } },
    { STR_INIT("IMMEDIATELY SUCCEEDS"), { "s0= e1", NULL } },
};

bool is_period_operator(struct str op)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq(op, kinds[i].op))
            return true;
    return false;
}

enum status bind_periods(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    struct period of[2];
    const struct expr *tests[2];
    uint32_t n = 0;
    size_t kind = 0;
    while (!str_eq(e->text, kinds[kind].op))
        kind++;
    TRY(bind_period(b, p, e->args[0], &of[0]));
    TRY(bind_period(b, p, e->args[1], &of[1]));
    for (; n < 2 && kinds[kind].tests[n]; n++) {
        const char *t = kinds[kind].tests[n];
        const struct expr *sides[2] = { t[0] == 's' ? of[t[1] - '0'].start : of[t[1] - '0'].end,
                                        t[4] == 's' ? of[t[5] - '0'].start : of[t[5] - '0'].end };
        TRY(bind_named(b, p, str_make(t + 2, t[3] == ' ' ? 1 : 2), sides, 2, e, &tests[n]));
    }
    if (n == 2)
        return bind_named(b, p, STR("AND"), tests, 2, e, ret);
    *ret = tests[0];
    return ST_OK;
}
