/* Window table functions: TUMBLE, HOP and CUMULATE append window_start, window_end and window_time to each row.
 * Arguments come by position or by name; the table below gives both. The rule `rule_window` later moves the window into
 * an aggregate. */
#include "plan/private.h"

#define MAX_PARAMS 5u
enum param { DATA, TIMECOL, SLIDE, SIZE, OFFSET, PARAM_KINDS };

static const struct window_function {
    struct str name;
    enum window_kind kind;
    struct str params[MAX_PARAMS];
    enum param meaning[MAX_PARAMS];
    uint32_t n_params; /* the last one, OFFSET, may be left out */
} functions[] = {
    { STR_INIT("TUMBLE"), WINDOW_TUMBLE,
      { STR_INIT("DATA"), STR_INIT("TIMECOL"), STR_INIT("SIZE"), STR_INIT("OFFSET") },
      { DATA, TIMECOL, SIZE, OFFSET }, 4 },
    { STR_INIT("HOP"), WINDOW_HOP,
      { STR_INIT("DATA"), STR_INIT("TIMECOL"), STR_INIT("SLIDE"), STR_INIT("SIZE"), STR_INIT("OFFSET") },
      { DATA, TIMECOL, SLIDE, SIZE, OFFSET }, 5 },
    { STR_INIT("CUMULATE"), WINDOW_CUMULATE,
      { STR_INIT("DATA"), STR_INIT("TIMECOL"), STR_INIT("STEP"), STR_INIT("SIZE"), STR_INIT("OFFSET") },
      { DATA, TIMECOL, SLIDE, SIZE, OFFSET }, 5 },
};

static enum status unknown_parameter(struct binder *b, const char *name, const struct str *params, uint32_t n,
                                     const struct syn_expr *arg)
{
    struct str near = str_nearest(arg->text, params, n);
    return error_at(b->err, ST_SEMANTIC, arg->line, arg->column, "%s has no parameter '%.*s'%s%.*s%s", name,
                    STR_ARG(arg->text), near.len ? "; did you mean " : "", STR_ARG(near), near.len ? "?" : "");
}

enum status bind_table_args(struct binder *b, const char *name, const struct str *params, uint32_t n,
                            const struct syn_expr *call, const struct syn_expr **args)
{
    for (uint32_t i = 0; i < call->n_args; i++) {
        const struct syn_expr *a = call->args[i];
        uint32_t at = i;
        if (a->kind == SYN_NAMED_ARG) {
            for (at = 0; at < n && !str_eq_nocase(params[at], a->text);)
                at++;
            if (at == n)
                return unknown_parameter(b, name, params, n, a);
        }
        if (at >= n)
            return error_at(b->err, ST_SEMANTIC, a->line, a->column, "%s takes at most %u arguments", name, n);
        if (args[at])
            return error_at(b->err, ST_SEMANTIC, a->line, a->column, "%s: %.*s is given twice", name,
                            STR_ARG(params[at]));
        args[at] = a->kind == SYN_NAMED_ARG ? a->args[0] : a;
    }
    return ST_OK;
}

/* Sorts the arguments into args[] by meaning. */
static enum status take_args(struct binder *b, const struct window_function *f, const struct syn_expr *call,
                             const struct syn_expr *args[PARAM_KINDS])
{
    const struct syn_expr *in_order[MAX_PARAMS] = { 0 };
    TRY(bind_table_args(b, f->name.ptr, f->params, f->n_params, call, in_order));
    for (uint32_t i = 0; i < f->n_params; i++)
        args[f->meaning[i]] = in_order[i];
    for (uint32_t i = 0; i + 1 < f->n_params; i++)
        if (!args[f->meaning[i]])
            return error_at(b->err, ST_SEMANTIC, call->line, call->column, "%.*s: %.*s is missing", STR_ARG(f->name),
                            STR_ARG(f->params[i]));
    return ST_OK;
}

enum status bind_table_arg(struct binder *b, const struct cte_frame *ctes, const struct syn_expr *e, const char *who,
                           struct rel **ret)
{
    if (e->kind == SYN_SUBQUERY)
        return bind_query(b, ctes, e->query, false, ret);
    if (e->kind != SYN_TABLE_ARG)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%s wants TABLE t or TABLE (query) here", who);
    return e->query ? bind_query(b, ctes, e->query, false, ret) : bind_relation(b, ctes, &e->name, ret);
}

static enum status bind_data(struct binder *b, const struct cte_frame *ctes, const struct syn_expr *e, struct rel **ret)
{
    if (e->kind == SYN_TABLE_ARG && (e->n_partition || e->n_order))
        return refuse(b, F_WINDOW_PARTITION, e->line, e->column);
    return bind_table_arg(b, ctes, e, "a window table function", ret);
}

/* The time attribute that DESCRIPTOR names. */
static enum status bind_timecol(struct binder *b, const struct rel *in, const struct syn_expr *e, uint32_t *ret)
{
    if (e->kind != SYN_DESCRIPTOR || e->n_args != 1)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column,
                        "a window table function wants DESCRIPTOR(time column) here");
    struct scope s;
    const struct expr *x;
    TRY(scope_of(b, in, (struct str){ 0 }, &s));
    struct place p = { .scope = &s, .clause = "DESCRIPTOR" };
    TRY(bind_expr(b, &p, e->args[0], &x));
    if (x->kind == EXPR_COLUMN && x->type->time != TIME_NONE) {
        *ret = x->column;
        return ST_OK;
    }
    struct str name = type_name(b->arena, x->type);
    TRY_MEM(b, name.ptr);
    error_at(b->err, ST_SEMANTIC, e->args[0]->line, e->args[0]->column,
             "the window function requires the timecol to be a time attribute, but it is %.*s", STR_ARG(name));
    error_hint(b->err,
               "declare WATERMARK FOR it in its table, or use PROCTIME(); an expression over a time attribute is none");
    return ST_SEMANTIC;
}

enum status window_span(struct binder *b, const struct syn_expr *e, const char *what, bool positive, int64_t *ret)
{
    struct place p = { .clause = "a window's size" };
    const struct expr *x;
    TRY(bind_expr(b, &p, e, &x));
    TRY_AT(b, e, expr_fold(&b->exprs, x, &x, b->err));
    if (x->kind != EXPR_LITERAL || x->type->kind != TYPE_INTERVAL_DAY || column_is_null(&x->value, 0))
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "the window's %s must be a constant day-time INTERVAL",
                        what);
    if (positive && x->value.i64[0] <= 0)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "the window's %s must be positive", what);
    *ret = x->value.i64[0];
    return ST_OK;
}

static enum status bind_spans(struct binder *b, const struct window_function *f,
                              const struct syn_expr *args[PARAM_KINDS], struct window_spec *spec)
{
    bool cumulate = f->kind == WINDOW_CUMULATE;
    TRY(window_span(b, args[SIZE], "size", true, &spec->size_ms));
    spec->slide_ms = spec->size_ms;
    if (args[SLIDE])
        TRY(window_span(b, args[SLIDE], cumulate ? "step" : "slide", true, &spec->slide_ms));
    if (spec->size_ms % spec->slide_ms)
        return error_at(b->err, ST_SEMANTIC, args[SIZE]->line, args[SIZE]->column,
                        "%.*s requires size to be an integral multiple of %s, but got size %lld ms and %s %lld ms",
                        STR_ARG(f->name), cumulate ? "step" : "slide", (long long)spec->size_ms,
                        cumulate ? "step" : "slide", (long long)spec->slide_ms);
    if (!args[OFFSET])
        return ST_OK;
    int64_t offset, period = f->kind == WINDOW_CUMULATE ? spec->size_ms : spec->slide_ms;
    TRY(window_span(b, args[OFFSET], "offset", false, &offset));
    if (f->kind == WINDOW_TUMBLE && (offset >= spec->size_ms || offset <= -spec->size_ms))
        return error_at(b->err, ST_SEMANTIC, args[OFFSET]->line, args[OFFSET]->column,
                        "TUMBLE's offset must be smaller than its size, in either direction");
    spec->offset_ms = (offset % period + period) % period;
    return ST_OK;
}

/* The columns: those of the input, the chosen time being a plain timestamp from here on, and the window's. */
static enum status window_schema(struct binder *b, struct rel *r, const struct rel *in, uint32_t time)
{
    static const struct str names[3] = { STR_INIT("window_start"), STR_INIT("window_end"), STR_INIT("window_time") };
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    uint32_t n = in->schema.n_fields;
    const struct type *rowtime = in->schema.fields[time].type;
    memcpy(fields, in->schema.fields, n * sizeof *fields);
    fields[time].type = type_with_time(b->arena, rowtime, TIME_NONE);
    const struct type *plain = type_nullable(b->arena, type_timestamp(b->arena, TYPE_TIMESTAMP, 3), false);
    const struct type *last = type_nullable(b->arena, type_timestamp(b->arena, rowtime->kind, 3), false);
    last = type_with_time(b->arena, last, rowtime->time);
    TRY_MEM(b, fields[time].type && plain && last);
    r->tags = ARENA_ARRAY(b->arena, uint8_t, n + 3);
    TRY_MEM(b, r->tags);
    for (uint32_t i = 0; i < 3; i++) {
        fields[n + i] = (struct field){ names[i], i < 2 ? plain : last };
        r->tags[n + i] = (uint8_t)(TAG_START + i);
    }
    return ST_OK;
}

enum status window_new(struct binder *b, struct rel *in, uint32_t time, const struct window_spec *spec,
                       const struct syn_expr *at, struct rel **ret)
{
    struct rel *r = rel_new(b, REL_WINDOW, 1, in->schema.n_fields + 3);
    TRY_MEM(b, r);
    const struct type *t = in->schema.fields[time].type;
    r->tvf.origin.spec = *spec;
    r->tvf.origin.spec.processing_time = t->time == TIME_PROCESSING;
    r->tvf.origin.spec.time_column = time;
    r->tvf.origin.spec.is_ltz = t->kind == TYPE_TIMESTAMP_LTZ;
    r->tvf.origin.spec.zone = b->env->zone;
    r->tvf.origin.spec.start_column = r->tvf.origin.spec.end_column = NONE;
    r->inputs[0] = in;
    r->bounded = in->bounded;
    r->tvf.origin.settled = rel_tag(in, time) == TAG_TIME && in->window->settled;
    r->tvf.line = at->line;
    r->tvf.column = at->column;
    TRY(window_schema(b, r, in, time));
    r->window = &r->tvf.origin;
    *ret = r;
    return ST_OK;
}

enum status bind_window(struct binder *b, const struct cte_frame *ctes, const struct syn_expr *call, struct rel **ret)
{
    const struct window_function *f = NULL;
    struct str name = call->name.parts[call->name.count - 1];
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (str_eq_nocase(name, functions[i].name))
            f = &functions[i];
    if (!f)
        return refuse(b, F_SESSION, call->line, call->column);
    const struct syn_expr *args[PARAM_KINDS] = { 0 };
    struct rel *in;
    uint32_t time;
    TRY(take_args(b, f, call, args));
    TRY(bind_data(b, ctes, args[DATA], &in));
    TRY(bind_timecol(b, in, args[TIMECOL], &time));
    struct window_spec spec = { .kind = f->kind };
    TRY(bind_spans(b, f, args, &spec));
    return window_new(b, in, time, &spec, call, ret);
}
