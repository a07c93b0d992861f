/* Aggregates by name: which operations, what types, how big a state. The operations themselves stand in agg_sum.c
 * (COUNT, SUM, AVG, variances), agg_value.c (MIN, MAX, FIRST_VALUE, LAST_VALUE) and agg_list.c (LISTAGG). All states
 * are plain bytes that start as zeros. */
#include "expr/expr_private.h"

static const struct function_doc docs[] = {
    { "COUNT", "COUNT(*) | COUNT(value, ...)", "Rows, or rows where no value is NULL.", "COUNT(*)", true },
    { "SUM", "SUM(number)", "The sum; NULL over no values. SUM(INT) is INT.", "SUM(price)", true },
    { "AVG", "AVG(number)", "The mean; of integers an integer, towards zero.", "AVG(price)", true },
    { "MIN", "MIN(value)", "The least value.", "MIN(price)", true },
    { "MAX", "MAX(value)", "The greatest value.", "MAX(price)", true },
    { "FIRST_VALUE", "FIRST_VALUE(value)", "The value that came first and is not NULL.", "FIRST_VALUE(name)", true },
    { "LAST_VALUE", "LAST_VALUE(value)", "The value that came last and is not NULL.", "LAST_VALUE(name)", true },
    { "STDDEV_POP", "STDDEV_POP(number)", "Standard deviation of all values.", "STDDEV_POP(x)", true },
    { "STDDEV_SAMP", "STDDEV_SAMP(number)", "Standard deviation of a sample.", "STDDEV_SAMP(x)", true },
    { "STDDEV", "STDDEV(number)", "STDDEV_SAMP.", "STDDEV(x)", true },
    { "VAR_POP", "VAR_POP(number)", "Variance of all values.", "VAR_POP(x)", true },
    { "VAR_SAMP", "VAR_SAMP(number)", "Variance of a sample.", "VAR_SAMP(x)", true },
    { "VARIANCE", "VARIANCE(number)", "VAR_SAMP.", "VARIANCE(x)", true },
    { "LISTAGG", "LISTAGG(text [, separator])", "The texts joined, by a comma unless told otherwise.", "LISTAGG(name)",
      true },
    { "SINGLE_VALUE", "SINGLE_VALUE(value)", "The only value; more than one row fails.", "SINGLE_VALUE(x)", true },
};

static const char *const refused[] = { "ARRAY_AGG",   "APPROX_COUNT_DISTINCT", "COLLECT",    "CUME_DIST",  "DENSE_RANK",
                                       "FUSION",      "INTERSECTION",          "JSON_ARRAYAGG", "JSON_OBJECTAGG",
                                       "LAG",         "LEAD",                  "NTILE",      "PERCENT_RANK",
                                           "PERCENTILE",
                                       "RANK",        "ROW_NUMBER",            "REGR_COUNT", "COVAR_POP",  "COVAR_SAMP",
                                       "BITMAP_BUILD_AGG", "BITMAP_AND_AGG",   "BITMAP_OR_AGG" };

const struct function_doc *aggregate_doc_at(uint32_t i) { return i < sizeof docs / sizeof docs[0] ? &docs[i] : NULL; }

bool expr_is_aggregate(struct str name)
{
    for (size_t i = 0; i < sizeof docs / sizeof docs[0]; i++)
        if (str_eq_nocase(name, str_from(docs[i].name)))
            return true;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (str_eq_nocase(name, str_from(refused[i])))
            return true;
    return false;
}

/* The types of SUM, AVG and the rest over one of a kind. */
static const struct type *sum_type(struct arena *a, const struct type *t)
{
    return t->kind == TYPE_DECIMAL ? type_decimal(a, 38, t->scale) : type_basic(t->kind);
}
static const struct type *avg_type(struct arena *a, const struct type *t)
{
    return t->kind == TYPE_DECIMAL ? type_decimal(a, 38, t->scale > 6 ? t->scale : 6) : type_basic(t->kind);
}

struct resolving {
    struct expr_env *env;
    struct aggregate *g;
    const struct type *const *args;
    uint32_t n_args;
    bool retracting;
};

static bool resolve_count(struct resolving *r)
{
    r->g->ops = r->n_args == 0 ? &agg_count_star : &agg_count;
    r->g->type = type_nullable(r->env->arena, type_basic(TYPE_BIGINT), false);
    r->g->state_bytes = 8;
    return true;
}

static bool resolve_sum(struct resolving *r)
{
    if (r->n_args != 1 || (!type_is_numeric(r->args[0]) && !type_is_interval(r->args[0])))
        return false;
    struct aggregate *g = r->g;
    bool avg = g->name[0] == 'A';
    const struct type *t = r->args[0];
    if (avg && type_is_interval(t))
        return false;
    g->type = type_is_interval(t) ? type_nullable(r->env->arena, t, true)
                                  : (avg ? avg_type : sum_type)(r->env->arena, t);
    g->ops = agg_sum_ops(t, avg);
    g->state_bytes = t->kind == TYPE_DECIMAL ? 32 : 16;
    g->state_align = t->kind == TYPE_DECIMAL ? 16 : 8;
    return true;
}

static bool resolve_variance(struct resolving *r)
{
    if (r->n_args != 1 || !type_is_numeric(r->args[0]))
        return false;
    r->g->type = avg_type(r->env->arena, r->args[0]);
    r->g->ops = &agg_variance;
    r->g->state_bytes = 24;
    return true;
}

static bool resolve_value(struct resolving *r)
{
    if (r->n_args != 1)
        return false;
    struct aggregate *g = r->g;
    const struct type *t = r->args[0];
    bool extreme = strcmp(g->name, "MIN") == 0 || strcmp(g->name, "MAX") == 0;
    if (extreme && !type_comparable(t, true))
        return false;
    if (extreme && (type_phys(t) == PHYS_LIST || type_phys(t) == PHYS_ROW))
        return false;
    g->type = type_nullable(r->env->arena, t, true);
    g->ops = agg_value_ops(g->name, t, &g->state_bytes, &g->state_align);
    if (type_phys(t) >= PHYS_STRING) {
        g->n_blobs = 1;
        g->blob_offsets[0] = 8;
    }
    return true;
}

static bool resolve_listagg(struct resolving *r)
{
    if (r->n_args < 1 || r->n_args > 2 || !type_is_text(r->args[0]) || (r->n_args == 2 && !type_is_text(r->args[1])))
        return false;
    r->g->type = type_string();
    r->g->ops = &agg_listagg;
    r->g->state_bytes = 16;
    r->g->n_blobs = 1;
    r->g->blob_offsets[0] = 8;
    return true;
}

static const struct {
    const char *name;
    bool (*resolve)(struct resolving *r);
} resolvers[] = {
    { "COUNT", resolve_count },          { "SUM", resolve_sum },             { "AVG", resolve_sum },
    { "MIN", resolve_value },            { "MAX", resolve_value },           { "FIRST_VALUE", resolve_value },
    { "LAST_VALUE", resolve_value },     { "SINGLE_VALUE", resolve_value },  { "STDDEV_POP", resolve_variance },
    { "STDDEV_SAMP", resolve_variance }, { "STDDEV", resolve_variance },     { "VAR_POP", resolve_variance },
    { "VAR_SAMP", resolve_variance },    { "VARIANCE", resolve_variance },   { "LISTAGG", resolve_listagg },
};

static enum status invalid_call(struct expr_env *env, const char *name, const struct type *const *types, uint32_t n,
                                uint32_t line, uint32_t column, struct error *err)
{
    struct buf text;
    buf_init(&text, env->arena->budget, 400);
    for (uint32_t i = 0; i < n; i++)
        if ((i && !buf_put(&text, ", ", 2)) || !type_print(&text, types[i]))
            break;
    enum status st = error_at(err, ST_SEMANTIC, line, column, "Invalid function call: %s(%.*s)", name, (int)text.len,
                              text.len ? (const char *)text.data : "");
    buf_release(&text);
    return st;
}

enum status expr_aggregate(struct expr_env *env, struct str name, const struct type *const *arg_types, uint32_t n_args,
                           bool retracting, uint32_t line, uint32_t column, const struct aggregate **ret,
                           struct error *err)
{
    size_t at = 0, n = sizeof resolvers / sizeof resolvers[0];
    while (at < n && !str_eq_nocase(name, str_from(resolvers[at].name)))
        at++;
    if (at == n) {
        if (expr_is_aggregate(name))
            return error_at(err, ST_UNSUPPORTED, line, column, "the aggregate %.*s is not supported yet",
                STR_ARG(name));
        return error_at(err, ST_SEMANTIC, line, column, "unknown aggregate '%.*s'", STR_ARG(name));
    }
    struct aggregate *g = ARENA_NEW(env->arena, struct aggregate);
    const struct type **types = ARENA_ARRAY(env->arena, const struct type *, n_args + 1);
    if (!g || !types)
        return expr_no_memory(env, err);
    for (uint32_t i = 0; i < n_args; i++) /* a bare NULL counts as an INT */
        types[i] = arg_types[i]->kind == TYPE_NULL ? type_basic(TYPE_INT) : arg_types[i];
    g->name = resolvers[at].name;
    g->arg_types = types;
    g->n_args = n_args;
    g->state_align = 8;
    struct resolving r = { env, g, types, n_args, retracting };
    if (!resolvers[at].resolve(&r))
        return invalid_call(env, g->name, arg_types, n_args, line, column, err);
    if (!g->type)
        return expr_no_memory(env, err);
    g->recompute = retracting && !g->ops->retract;
    *ret = g;
    return ST_OK;
}
