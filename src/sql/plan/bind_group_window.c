/* Group windows: TUMBLE(time, size) and HOP(time, slide, size) in GROUP BY, and TUMBLE_START, …_END, …_ROWTIME,
 * …_PROCTIME with the same arguments beside it. The older spelling of a window table function: FROM and WHERE get the
 * table function around them, whose columns stand behind those that names can reach, and group and functions become
 * those columns. */
#include "plan/private.h"

enum part { WINDOW, START, END, TIME, PROCESSING };

static const struct window_call {
    struct str name;
    enum part part;
    enum window_kind kind;
    bool session;
} calls[] = {
    { STR_INIT("TUMBLE"), WINDOW, WINDOW_TUMBLE, false },
    { STR_INIT("TUMBLE_START"), START, WINDOW_TUMBLE, false },
    { STR_INIT("TUMBLE_END"), END, WINDOW_TUMBLE, false },
    { STR_INIT("TUMBLE_ROWTIME"), TIME, WINDOW_TUMBLE, false },
    { STR_INIT("TUMBLE_PROCTIME"), PROCESSING, WINDOW_TUMBLE, false },
    { STR_INIT("HOP"), WINDOW, WINDOW_HOP, false },
    { STR_INIT("HOP_START"), START, WINDOW_HOP, false },
    { STR_INIT("HOP_END"), END, WINDOW_HOP, false },
    { STR_INIT("HOP_ROWTIME"), TIME, WINDOW_HOP, false },
    { STR_INIT("HOP_PROCTIME"), PROCESSING, WINDOW_HOP, false },
    { STR_INIT("SESSION"), WINDOW, 0, true },
    { STR_INIT("SESSION_START"), START, 0, true },
    { STR_INIT("SESSION_END"), END, 0, true },
    { STR_INIT("SESSION_ROWTIME"), TIME, 0, true },
    { STR_INIT("SESSION_PROCTIME"), PROCESSING, 0, true },
};

static const struct window_call *find_call(struct binder *b, const struct syn_expr *e)
{
    if (e->kind != SYN_CALL || e->over || e->name.count != 1 || catalog_function(b->env->catalog, e->name.parts[0]))
        return NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (str_eq_nocase(e->name.parts[0], calls[i].name))
            return &calls[i];
    return NULL;
}

bool is_group_window(struct binder *b, const struct syn_expr *e)
{
    const struct window_call *c = find_call(b, e);
    return c && c->part == WINDOW;
}

/* The time and the spans of a call. */
static enum status bind_parts(struct binder *b, const struct place *p, const struct window_call *c,
                              const struct syn_expr *e, const struct expr **ret_time, struct window_spec *ret)
{
    uint32_t n = c->kind == WINDOW_HOP ? 3 : 2;
    if (c->session)
        return refuse(b, F_SESSION, e->line, e->column);
    if (e->n_args != n)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%.*s takes %s", STR_ARG(c->name),
                        n == 2 ? "a time and a size" : "a time, a slide and a size");
    ret->kind = c->kind;
    TRY(bind_expr(b, p, e->args[0], ret_time));
    TRY(window_span(b, e->args[n - 1], "size", true, &ret->size_ms));
    ret->slide_ms = ret->size_ms;
    return n == 3 ? window_span(b, e->args[1], "slide", true, &ret->slide_ms) : ST_OK;
}

static const struct syn_expr *find_window(struct binder *b, const struct syn_group *list, uint32_t n)
{
    const struct syn_expr *found = NULL;
    for (uint32_t i = 0; i < n && !found; i++) {
        const struct syn_expr *e = list[i].expr;
        if (list[i].kind != SYN_GROUP_EXPR) {
            found = find_window(b, list[i].items, list[i].n_items);
            continue;
        }
        if (is_group_window(b, e))
            found = e;
        for (uint32_t k = 0; !found && e->kind == SYN_ROW && k < e->n_args; k++)
            if (is_group_window(b, e->args[k]))
                found = e->args[k];
    }
    return found;
}

static enum status no_time(struct binder *b, const struct expr *x, const struct syn_expr *e)
{
    struct str name = type_name(b->arena, x->type);
    TRY_MEM(b, name.ptr);
    error_at(b->err, ST_SEMANTIC, e->line, e->column,
             "a group window can only be defined over a time attribute column, but %.*s encountered", STR_ARG(name));
    error_hint(b->err,
               "declare WATERMARK FOR it in its table, or use PROCTIME(); an expression over a time attribute is none");
    return ST_SEMANTIC;
}

/* Flink has no such plan either. */
static enum status no_sets(struct binder *b, const struct syn_expr *e)
{
    struct str name = e->name.parts[0];
    error_at(b->err, ST_UNSUPPORTED, e->line, e->column,
             "GROUPING SETS, ROLLUP and CUBE do not go with the group window %.*s", STR_ARG(name));
    error_hint(b->err, "they go with window table functions: FROM %.*s(TABLE t, DESCRIPTOR(time), …) GROUP BY window_start, "
                       "window_end, ROLLUP (…)", STR_ARG(name));
    return ST_UNSUPPORTED;
}

enum status bind_group_window(struct binder *b, const struct syn_query *q, struct rel **in, struct scope *scope,
                              const struct group_window **ret)
{
    const struct syn_expr *e = find_window(b, q->group, q->n_group);
    *ret = NULL;
    if (!e)
        return ST_OK;
    for (uint32_t i = 0; i < q->n_group; i++)
        if (q->group[i].kind != SYN_GROUP_EXPR && q->group[i].kind != SYN_GROUP_EMPTY)
            return no_sets(b, e);
    struct place p = { .scope = scope, .clause = "GROUP BY" };
    struct window_spec spec = { 0 };
    const struct expr *x;
    struct rel *below;
    uint32_t time, n = scope->schema->n_fields;
    TRY(bind_parts(b, &p, find_call(b, e), e, &x, &spec));
    if (rel_type(b, x)->time == TIME_NONE)
        return no_time(b, x, e->args[0]);
    TRY(rel_with_column(b, *in, x, &below, &time));
    TRY(window_new(b, below, time, &spec, e, in));
    struct schema *seen = ARENA_NEW(b->arena, struct schema);
    struct group_window *w = ARENA_NEW(b->arena, struct group_window);
    TRY_MEM(b, seen && w);
    *seen = (struct schema){ (*in)->schema.fields, n };
    scope->schema = seen;
    *w = (struct group_window){ .spec = (*in)->tvf.origin.spec, .time = x, .first = below->schema.n_fields };
    w->schema = &(*in)->schema;
    *ret = w;
    return ST_OK;
}

/* Is this call about the window of the query's GROUP BY? */
static enum status is_same(struct binder *b, const struct place *p, const struct window_call *c,
                           const struct syn_expr *e, bool *ret)
{
    const struct group_window *w = p->window;
    struct window_spec spec = { 0 };
    const struct expr *time;
    TRY(bind_parts(b, p, c, e, &time, &spec));
    *ret = w && expr_equal(time, w->time) && spec.kind == w->spec.kind && spec.size_ms == w->spec.size_ms &&
           spec.slide_ms == w->spec.slide_ms;
    return ST_OK;
}

static enum status window_column(struct binder *b, const struct group_window *w, enum part part,
                                 const struct expr **ret)
{
    uint32_t at = w->first + (uint32_t)(part - START);
    *ret = expr_column(&b->exprs, at, w->schema->fields[at].type);
    TRY_MEM(b, *ret);
    return ST_OK;
}

enum status group_window_columns(struct binder *b, const struct place *p, const struct syn_expr *e,
                                 const struct expr *ret[3])
{
    bool same;
    TRY(is_same(b, p, find_call(b, e), e, &same));
    if (!same)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "GROUP BY takes one group window");
    for (uint32_t i = 0; i < 3; i++)
        TRY(window_column(b, p->window, (enum part)(START + i), &ret[i]));
    return ST_OK;
}

enum status bind_window_call(struct binder *b, const struct place *p, const struct syn_expr *e, bool *ret_is,
                             const struct expr **ret)
{
    const struct window_call *c = find_call(b, e);
    *ret_is = c != NULL;
    if (!c)
        return ST_OK;
    if (c->part == WINDOW && !c->session) {
        error_at(b->err, ST_SEMANTIC, e->line, e->column, "%.*s stands in GROUP BY, or in FROM over a table",
                 STR_ARG(c->name));
        error_hint(b->err, "%.*s_START and %.*s_END tell a group's window", STR_ARG(c->name), STR_ARG(c->name));
        return ST_SEMANTIC;
    }
    bool same;
    TRY(is_same(b, p, c, e, &same));
    if (!same)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%.*s needs %s with the same arguments in GROUP BY",
                        STR_ARG(c->name), c->kind == WINDOW_HOP ? "HOP" : "TUMBLE");
    bool processing = p->window->spec.processing_time;
    if (c->part == PROCESSING && processing)
        return bind_named(b, p, STR("PROCTIME"), NULL, 0, e, ret);
    if ((c->part == PROCESSING) != processing && c->part >= TIME)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%.*s: the window is one of %s time", STR_ARG(c->name),
                        processing ? "processing" : "event");
    return window_column(b, p->window, c->part, ret);
}
