/* Calls: functions go to expr by name; aggregates are collected. While a SELECT list is bound, the k-th distinct
 * aggregate call stands in expressions as column n_input + k; bind_aggregate replaces that by the aggregate's output
 * column. */
#include "plan/private.h"

/* A user's function hides a built-in one of its name. */
static bool is_aggregate(const struct binder *b, struct str name)
{
    return expr_is_aggregate(name) && !(b && catalog_function(b->env->catalog, name));
}

static bool any_aggregate(struct syn_expr *const *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (syn_has_aggregate(list[i]))
            return true;
    return false;
}

bool syn_has_aggregate(const struct syn_expr *e)
{
    if (!e)
        return false;
    if (e->kind == SYN_CALL && !e->over && e->name.count == 1 && is_aggregate(NULL, e->name.parts[0]))
        return true;
    return any_aggregate(e->args, e->n_args);
}

static enum status refuse_parts(struct binder *b, const struct syn_expr *e)
{
    if (e->over)
        return refuse(b, F_OVER, e->line, e->column);
    if (e->n_within_group)
        return refuse(b, F_WITHIN_GROUP, e->line, e->column);
    if (e->nulls_treatment && !is_aggregate(b, e->name.parts[e->name.count - 1]))
        return refuse(b, F_NULL_TREATMENT, e->line, e->column);
    if (e->semantics)
        return refuse(b, F_RUNNING, e->line, e->column);
    return ST_OK;
}

static bool same_form(const struct aggregate_form *x, const struct aggregate_form *y)
{
    if (x->nulls != y->nulls || x->json != y->json || x->n_params != y->n_params)
        return false;
    for (uint32_t i = 0; i < x->n_params; i++)
        if (!expr_equal(x->params[i], y->params[i]))
            return false;
    return true;
}

static bool same_item(const struct agg_item *x, const struct agg_item *y)
{
    if (!str_eq_nocase(x->name, y->name) || x->n_args != y->n_args || x->distinct != y->distinct ||
        !same_form(x->form, y->form) || !x->filter != !y->filter || (x->filter && !expr_equal(x->filter, y->filter)))
        return false;
    for (uint32_t i = 0; i < x->n_args; i++)
        if (!expr_equal(x->args[i], y->args[i]))
            return false;
    return true;
}

/* Arguments of the types that the aggregate wants, and the type that it gives. */
static enum status resolve_aggregate(struct binder *b, struct agg_item *item, const struct syn_expr *e)
{
    const struct type **types = ARENA_ARRAY(b->arena, const struct type *, item->n_args + 1);
    TRY_MEM(b, types);
    for (uint32_t i = 0; i < item->n_args; i++)
        types[i] = item->args[i]->type;
    const struct aggregate *g;
    TRY_AT(b, e, expr_aggregate(&b->exprs, item->name, types, item->n_args, item->form, false, e->line,
                             e->column, &g, b->err));
    for (uint32_t i = 0; i < item->n_args && i < g->n_args; i++)
        if (!type_equal(item->args[i]->type, g->arg_types[i], false))
            TRY_AT(b, e, expr_cast(&b->exprs, item->args[i],
                                   type_nullable(b->arena, g->arg_types[i], item->args[i]->type->nullable), false,
                                   e->line, e->column, &item->args[i], b->err));
    item->type = type_with_time(b->arena, g->type, TIME_NONE); /* the latest of some times is no event time */
    TRY_MEM(b, item->type);
    return ST_OK;
}

/* What is JSON text already goes into JSON as it is. */
static bool makes_json(const struct syn_expr *e)
{
    static const struct str names[] = { STR_INIT("JSON"), STR_INIT("JSON_OBJECT"), STR_INIT("JSON_ARRAY"),
                                        STR_INIT("JSON_OBJECTAGG"), STR_INIT("JSON_ARRAYAGG") };
    for (size_t i = 0; e->kind == SYN_CALL && i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(e->name.parts[e->name.count - 1], names[i]))
            return true;
    return false;
}

/* A constant that belongs to the call itself. */
static enum status bind_param(struct binder *b, const struct place *inside, const struct syn_expr *e, struct str name,
                              uint32_t number, const struct expr **ret)
{
    const struct expr *x;
    TRY(bind_expr(b, inside, e, &x));
    TRY_AT(b, e, expr_fold(&b->exprs, x, &x, b->err));
    if (x->kind != EXPR_LITERAL)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "argument %u of %.*s must be a constant", number + 1,
                        STR_ARG(name));
    *ret = x;
    return ST_OK;
}

/* The arguments, the constants among them and the words of the JSON forms apart. */
static enum status bind_args(struct binder *b, const struct place *inside, const struct syn_expr *e,
                             struct agg_item *item)
{
    struct aggregate_form *form = ARENA_NEW(b->arena, struct aggregate_form);
    const struct expr **params = ARENA_ARRAY(b->arena, const struct expr *, e->n_args + 1);
    item->args = ARENA_ARRAY(b->arena, const struct expr *, e->n_args + 1);
    TRY_MEM(b, form && params && item->args);
    *form = (struct aggregate_form){ .nulls = (enum agg_nulls)e->nulls_treatment, .params = params };
    item->form = form;
    uint32_t number = 0;
    bool value_is_json = false;
    for (uint32_t i = 0; i < e->n_args; i++) {
        const struct syn_expr *arg = e->args[i];
        if (arg->kind == SYN_WORD) {
            if (str_eq(arg->text, STR("ON"))) /* NULL ON NULL, ABSENT ON NULL */
                form->nulls = str_eq(e->args[i - 1]->text, STR("ABSENT")) ? AGG_NULLS_SKIPPED : AGG_NULLS_KEPT;
            form->json |= str_eq(arg->text, STR("FORMAT"));
            continue;
        }
        value_is_json = makes_json(arg); /* the value comes last */
        if (expr_aggregate_param(item->name, number))
            TRY(bind_param(b, inside, arg, item->name, number, &params[form->n_params++]));
        else
            TRY(bind_expr(b, inside, arg, &item->args[item->n_args++]));
        number++;
    }
    form->json |= value_is_json && item->name.len > 5 && str_eq_nocase(str_make(item->name.ptr, 5), STR("JSON_"));
    return ST_OK;
}

static enum status bind_aggregate_call(struct binder *b, const struct place *p, const struct syn_expr *e,
                                       const struct expr **ret)
{
    if (!p->aggs)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "the aggregate %.*s cannot stand in %s",
                        STR_ARG(e->name.parts[0]), p->clause);
    struct place inside = { .scope = p->scope, .clause = "an aggregate's arguments" };
    struct agg_item item = { .name = e->name.parts[0], .distinct = e->distinct, .line = e->line, .column = e->column };
    TRY(bind_args(b, &inside, e, &item));
    if (e->filter) {
        inside.clause = "FILTER";
        TRY(bind_condition(b, &inside, e->filter, &item.filter));
    }
    if (e->star && !str_eq_nocase(item.name, STR("COUNT")))
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%.*s(*): only COUNT takes '*'", STR_ARG(item.name));
    if (!e->star && item.n_args == 0)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%.*s needs an argument", STR_ARG(item.name));
    TRY(resolve_aggregate(b, &item, e));
    uint32_t k = 0;
    while (k < p->aggs->items.count && !same_item(&p->aggs->items.at[k], &item))
        k++;
    if (k == p->aggs->items.count) {
        struct agg_item *added = array_add(&p->aggs->items, b->arena);
        TRY_MEM(b, added);
        *added = item;
    }
    struct expr *x = expr_column(&b->exprs, p->aggs->n_input + k, item.type);
    TRY_MEM(b, x);
    x->line = e->line;
    x->column_at = e->column;
    *ret = x;
    return ST_OK;
}

/* CURRENT_WATERMARK takes an event time and nothing else; every watermark is of use then. */
static enum status check_current_watermark(struct binder *b, const struct syn_expr *e, const struct expr *const *args)
{
    b->reads_watermark = true;
    if (e->n_args != 1 || rel_type(b, args[0])->time == TIME_EVENT)
        return ST_OK;
    struct str name = type_name(b->arena, args[0]->type);
    TRY_MEM(b, name.ptr);
    return error_at(b->err, ST_SEMANTIC, e->args[0]->line, e->args[0]->column,
                    "CURRENT_WATERMARK() must be called with a single rowtime attribute argument, but '%.*s%s' cannot be a "
                    "time attribute", STR_ARG(name),
                    rel_type(b, args[0])->time == TIME_PROCESSING ? " *PROCTIME*" : "");
}

static bool is_grouping(struct str name)
{
    return str_eq_nocase(name, STR("GROUPING")) || str_eq_nocase(name, STR("GROUPING_ID")) ||
           str_eq_nocase(name, STR("GROUP_ID"));
}

enum status bind_call(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    struct str name = e->name.parts[e->name.count - 1];
    bool user = catalog_function(b->env->catalog, name) != NULL;
    bool window;
    TRY(bind_window_call(b, p, e, &window, ret));
    if (window)
        return ST_OK;
    if (!user && is_grouping(name))
        return bind_grouping(b, p, e, ret);
    TRY(refuse_parts(b, e));
    if (is_aggregate(b, name))
        return bind_aggregate_call(b, p, e, ret);
    if (e->filter)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "FILTER belongs to aggregates; %.*s is none",
                        STR_ARG(name));
    if (e->distinct || e->star)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%s belongs to aggregates; %.*s is none",
                        e->star ? "'*'" : "DISTINCT", STR_ARG(name));
    if (!user && json_form(name) != JSON_NO_FORM)
        return bind_json(b, p, e, json_form(name), ret);
    const struct expr **args = ARENA_ARRAY(b->arena, const struct expr *, e->n_args + 1);
    TRY_MEM(b, args);
    for (uint32_t i = 0; i < e->n_args; i++)
        TRY(bind_expr(b, p, e->args[i], &args[i]));
    if (!user && str_eq_nocase(name, STR("CURRENT_WATERMARK")))
        TRY(check_current_watermark(b, e, args));
    return bind_named(b, p, name, args, e->n_args, e, ret);
}
