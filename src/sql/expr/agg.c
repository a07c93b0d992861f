/* Aggregates by name: which operations, what types, how big a state. The operations themselves stand in agg_sum.c
 * (COUNT, SUM, AVG, variances), agg_value.c (MIN, MAX, FIRST_VALUE, LAST_VALUE), agg_kept.c and agg_percentile.c (what
 * is made of all rows of a group) and agg_approx.c (sketches). All states are plain bytes that start as zeros. */
#include "expr/expr_private.h"

/* What a resolver sees and fills. */
struct resolving {
    struct expr_env *env;
    struct aggregate *g;
    const struct type *const *args;
    uint32_t n_args;
    const struct aggregate_form *form;
    bool retracting;
    uint32_t line, column;
    struct error *err;
};

/* The types of SUM, AVG and the rest over one of a kind. */
static const struct type *sum_type(struct arena *a, const struct type *t)
{
    return t->kind == TYPE_DECIMAL ? type_decimal(a, 38, t->scale) : type_basic(t->kind);
}
static const struct type *avg_type(struct arena *a, const struct type *t)
{
    return t->kind == TYPE_DECIMAL ? type_decimal(a, 38, t->scale > 6 ? t->scale : 6) : type_basic(t->kind);
}

static enum status invalid_call(struct resolving *r)
{
    struct buf text;
    buf_init(&text, r->env->arena->budget, 400);
    for (uint32_t i = 0; i < r->n_args; i++)
        if ((i && !buf_put(&text, ", ", 2)) || !type_print(&text, r->args[i]))
            break;
    enum status st = error_at(r->err, ST_SEMANTIC, r->line, r->column, "Invalid function call: %s(%.*s)", r->g->name,
                              (int)text.len, text.len ? (const char *)text.data : "");
    buf_release(&text);
    return st;
}

static enum status resolve_count(struct resolving *r)
{
    r->g->ops = r->n_args == 0 ? &agg_count_star : &agg_count;
    r->g->type = type_nullable(r->env->arena, type_basic(TYPE_BIGINT), false);
    r->g->state_bytes = 8;
    return ST_OK;
}

static enum status resolve_sum(struct resolving *r)
{
    if (r->n_args != 1 || (!type_is_numeric(r->args[0]) && !type_is_interval(r->args[0])))
        return invalid_call(r);
    struct aggregate *g = r->g;
    bool avg = g->name[0] == 'A';
    const struct type *t = r->args[0];
    if (avg && type_is_interval(t))
        return invalid_call(r);
    g->type = type_is_interval(t) ? type_nullable(r->env->arena, t, true)
                                  : (avg ? avg_type : sum_type)(r->env->arena, t);
    g->ops = agg_sum_ops(t, avg);
    g->state_bytes = t->kind == TYPE_DECIMAL ? 32 : 16;
    g->state_align = t->kind == TYPE_DECIMAL ? 16 : 8;
    return ST_OK;
}

static enum status resolve_variance(struct resolving *r)
{
    if (r->n_args != 1 || !type_is_numeric(r->args[0]))
        return invalid_call(r);
    r->g->type = avg_type(r->env->arena, r->args[0]);
    r->g->ops = &agg_variance;
    r->g->state_bytes = 24;
    return ST_OK;
}

static enum status resolve_value(struct resolving *r)
{
    if (r->n_args != 1)
        return invalid_call(r);
    struct aggregate *g = r->g;
    const struct type *t = r->args[0];
    bool extreme = strcmp(g->name, "MIN") == 0 || strcmp(g->name, "MAX") == 0;
    if (extreme && !type_comparable(t, true))
        return invalid_call(r);
    if (extreme && (type_phys(t) == PHYS_LIST || type_phys(t) == PHYS_ROW))
        return invalid_call(r);
    g->type = type_nullable(r->env->arena, t, true);
    g->ops = agg_value_ops(g->name, t, &g->state_bytes, &g->state_align);
    if (type_phys(t) >= PHYS_STRING) {
        g->n_blobs = 1;
        g->blob_offsets[0] = 8;
    }
    return ST_OK;
}

static void keep_rows(struct aggregate *g, enum agg_keep keep, const struct aggregate_ops *ops)
{
    g->keep = keep;
    g->ops = ops;
    g->state_bytes = 0;
}

/* The only row of its group, be its value NULL: rows may come before those that they replace have gone, so all count. */
static enum status resolve_single(struct resolving *r)
{
    if (r->n_args != 1)
        return invalid_call(r);
    r->g->type = type_nullable(r->env->arena, r->args[0], true);
    r->g->keep_nulls = true;
    keep_rows(r->g, AGG_KEEP_ROWS, &agg_single);
    return ST_OK;
}

/* FIRST_VALUE and LAST_VALUE: one value, unless it may be taken back: then the next one must be known. */
static enum status resolve_end(struct resolving *r)
{
    if (r->form && r->form->nulls == AGG_NULLS_KEPT)
        return error_at(r->err, ST_UNSUPPORTED, r->line, r->column, "%s passes over NULLs: RESPECT NULLS is not supported",
                        r->g->name);
    if (!r->retracting)
        return resolve_value(r);
    if (r->n_args != 1)
        return invalid_call(r);
    r->g->type = type_nullable(r->env->arena, r->args[0], true);
    keep_rows(r->g, AGG_KEEP_ROWS, &agg_end);
    return ST_OK;
}

static enum status resolve_listagg(struct resolving *r)
{
    if (r->n_args < 1 || r->n_args > 2 || !type_is_text(r->args[0]) || (r->n_args == 2 && !type_is_text(r->args[1])))
        return invalid_call(r);
    r->g->type = type_string();
    keep_rows(r->g, AGG_KEEP_ROWS, &agg_listagg);
    return ST_OK;
}

static enum status resolve_array(struct resolving *r)
{
    if (r->n_args != 1)
        return invalid_call(r);
    r->g->type = type_array(r->env->arena, r->args[0]);
    r->g->keep_nulls = r->form == NULL || r->form->nulls != AGG_NULLS_SKIPPED;
    keep_rows(r->g, AGG_KEEP_ROWS, &agg_array);
    return ST_OK;
}

static enum status resolve_collect(struct resolving *r)
{
    if (r->n_args != 1)
        return invalid_call(r);
    const struct type *t = type_multiset(r->env->arena, r->args[0]);
    r->g->type = t ? type_nullable(r->env->arena, t, false) : NULL;
    keep_rows(r->g, AGG_KEEP_COUNTS, &agg_collect);
    return ST_OK;
}

/* JSON_OBJECTAGG keeps NULLs unless told otherwise, JSON_ARRAYAGG leaves them out. */
static enum status resolve_json(struct resolving *r)
{
    bool object = r->g->name[5] == 'O';
    enum agg_nulls nulls = r->form ? r->form->nulls : AGG_NULLS_UNSAID;
    if (r->n_args != (object ? 2 : 1) || (object && !type_is_text(r->args[0])))
        return invalid_call(r);
    struct agg_json *j = ARENA_NEW(r->env->arena, struct agg_json);
    if (!j)
        return expr_no_memory(r->env, r->err);
    *j = (struct agg_json){ .zone = r->env->zone, .raw = r->form && r->form->json };
    r->g->data = j;
    r->g->keep_nulls = nulls == AGG_NULLS_UNSAID ? object : nulls == AGG_NULLS_KEPT;
    r->g->type = type_nullable(r->env->arena, type_string(), false);
    keep_rows(r->g, AGG_KEEP_ROWS, object ? &agg_json_object : &agg_json_array);
    return ST_OK;
}

/* Numbers between 0 and 1: one, or an array of them. */
static enum status take_percentages(struct resolving *r, const struct expr *e, struct agg_percentages *p)
{
    const struct expr *x;
    p->list = e->type->kind == TYPE_ARRAY;
    const struct type *item = p->list ? e->type->element : e->type, *to = type_basic(TYPE_DOUBLE);
    if (!type_is_numeric(item))
        return invalid_call(r);
    if (p->list && !(to = type_array(r->env->arena, to)))
        return expr_no_memory(r->env, r->err);
    TRY(expr_convert(r->env, e, to, false, &x, r->err));
    if (x->kind != EXPR_LITERAL || column_is_null(&x->value, 0))
        return error_at(r->err, ST_SEMANTIC, r->line, r->column, "%s: the percentage is NULL", r->g->name);
    const struct column *c = p->list ? &x->value.children[0] : &x->value;
    uint32_t first = p->list ? x->value.list[0].offset : 0;
    p->n = p->list ? x->value.list[0].len : 1;
    p->at = ARENA_ARRAY(r->env->arena, double, p->n + 1);
    if (!p->at)
        return expr_no_memory(r->env, r->err);
    for (uint32_t i = 0; i < p->n; i++) {
        double v = column_is_null(c, first + i) ? -1 : c->f64[first + i];
        char text[32];
        if (!(v >= 0 && v <= 1))
            return error_at(r->err, ST_SEMANTIC, r->line, r->column,
                            "Percentage of %s should be between [0.0, 1.0], but was '%.*s'.", r->g->name,
                            column_is_null(c, first + i) ? 4 : (int)f64_print(v, text),
                            column_is_null(c, first + i) ? "NULL" : text);
        p->at[i] = v;
    }
    const struct type *number = type_basic(TYPE_DOUBLE);
    r->g->type = p->list ? type_array(r->env->arena, number) : number;
    return ST_OK;
}

static enum status resolve_percentile(struct resolving *r)
{
    if (r->n_args < 1 || r->n_args > 2 || !type_is_numeric(r->args[0]) || !r->form || r->form->n_params != 1 ||
        (r->n_args == 2 && !type_is_integer(r->args[1])))
        return invalid_call(r);
    struct agg_percentages *p = ARENA_NEW(r->env->arena, struct agg_percentages);
    const struct type **types = ARENA_ARRAY(r->env->arena, const struct type *, 2);
    if (!p || !types)
        return expr_no_memory(r->env, r->err);
    types[0] = type_basic(TYPE_DOUBLE);
    types[1] = type_basic(TYPE_BIGINT);
    r->g->arg_types = types;
    r->g->data = p;
    keep_rows(r->g, AGG_KEEP_COUNTS, &agg_percentile);
    return take_percentages(r, r->form->params[0], p);
}

/* ---- sketches ---- */

static enum status not_over_updates(struct resolving *r, const char *remedy)
{
    return error_at(r->err, ST_SEMANTIC, r->line, r->column,
                    "%s cannot take rows back, and rows of its input are updated or deleted: %s", r->g->name, remedy);
}

static void use_sketch(struct aggregate *g, const struct aggregate_ops *ops, uint32_t state_bytes)
{
    g->ops = ops;
    g->state_bytes = state_bytes;
    g->n_blobs = 1;
}

static enum status resolve_approx_count(struct resolving *r)
{
    if (r->n_args != 1)
        return invalid_call(r);
    if (r->retracting)
        return not_over_updates(r, "write COUNT(DISTINCT …)");
    r->g->type = type_nullable(r->env->arena, type_basic(TYPE_BIGINT), false);
    use_sketch(r->g, &agg_approx_count, 24);
    return ST_OK;
}

static enum status resolve_approx_percentile(struct resolving *r)
{
    uint32_t n = r->form ? r->form->n_params : 0;
    const struct expr *x;
    if (r->n_args != 1 || !type_is_numeric(r->args[0]) || n < 1 || n > 2)
        return invalid_call(r);
    struct agg_percentages *p = ARENA_NEW(r->env->arena, struct agg_percentages);
    const struct type **types = ARENA_ARRAY(r->env->arena, const struct type *, 1);
    if (!p || !types)
        return expr_no_memory(r->env, r->err);
    double error = 0.01;
    if (n == 2) {
        if (!type_is_numeric(r->form->params[1]->type))
            return invalid_call(r);
        TRY(expr_convert(r->env, r->form->params[1], type_basic(TYPE_DOUBLE), false, &x, r->err));
        error = column_is_null(&x->value, 0) ? 0 : x->value.f64[0];
    }
    if (!(error >= QUANTILE_ERROR_MIN && error <= QUANTILE_ERROR_MAX))
        return error_at(r->err, ST_SEMANTIC, r->line, r->column,
                        "the relative error of APPROX_PERCENTILE must be between %g and %g", QUANTILE_ERROR_MIN,
                        QUANTILE_ERROR_MAX);
    types[0] = type_basic(TYPE_DOUBLE);
    r->g->arg_types = types;
    r->g->data = p;
    quantile_scale(error, &p->scale);
    use_sketch(r->g, &agg_approx_percentile, 24);
    return take_percentages(r, r->form->params[0], p);
}

static enum status resolve_approx_top(struct resolving *r)
{
    struct arena *a = r->env->arena;
    uint32_t n = r->form ? r->form->n_params : 0;
    int64_t k, capacity;
    if (r->n_args != 1 || n < 1 || n > 2 || !literal_integer(r->form->params[0], &k) ||
        (n == 2 && !literal_integer(r->form->params[1], &capacity)))
        return invalid_call(r);
    if (r->retracting)
        return not_over_updates(r, "count the values by GROUP BY");
    if (k < 1 || k > AGG_TOP_MAX)
        return error_at(r->err, ST_SEMANTIC, r->line, r->column, "APPROX_TOP_K tells 1 to %u values, not %lld", AGG_TOP_MAX,
                        (long long)k);
    if (n == 1)
        capacity = k < 10 ? 100 : 10 * k;
    if (capacity < k || capacity > 10 * AGG_TOP_MAX)
        return error_at(r->err, ST_SEMANTIC, r->line, r->column,
                        "the capacity of APPROX_TOP_K must be between the number of values, %lld, and %u", (long long)k,
                        10 * AGG_TOP_MAX);
    struct agg_top *t = ARENA_NEW(a, struct agg_top);
    struct field *fields = ARENA_ARRAY(a, struct field, 2);
    if (!t || !fields)
        return expr_no_memory(r->env, r->err);
    *t = (struct agg_top){ (uint32_t)k, (uint32_t)capacity };
    fields[0] = (struct field){ STR("value"), r->args[0] };
    fields[1] = (struct field){ STR("count"), type_basic(TYPE_BIGINT) };
    const struct type *item = type_row(a, fields, 2);
    r->g->type = item ? type_array(a, item) : NULL;
    r->g->data = t;
    use_sketch(r->g, &agg_approx_top, 8);
    return ST_OK;
}

struct row {
    struct function_doc doc;
    enum status (*resolve)(struct resolving *r);
    uint32_t params; /* bit i: argument i is a constant */
    bool nulls;      /* takes RESPECT NULLS and IGNORE NULLS, or ON NULL */
};

#define AGG(name, signature, help, example) { name, signature, help, example, true }
static const struct row rows[] = {
    { AGG("COUNT", "COUNT(*) | COUNT(value, ...)", "Rows, or rows where no value is NULL.", "COUNT(*)"), resolve_count, 0,
      false },
    { AGG("SUM", "SUM(number)", "The sum; NULL over no values. SUM(INT) is INT.", "SUM(price)"), resolve_sum, 0, false },
    { AGG("AVG", "AVG(number)", "The mean; of integers an integer, towards zero.", "AVG(price)"), resolve_sum, 0, false },
    { AGG("MIN", "MIN(value)", "The least value.", "MIN(price)"), resolve_value, 0, false },
    { AGG("MAX", "MAX(value)", "The greatest value.", "MAX(price)"), resolve_value, 0, false },
    { AGG("FIRST_VALUE", "FIRST_VALUE(value)", "The value that came first and is not NULL.", "FIRST_VALUE(name)"),
      resolve_end, 0, true },
    { AGG("LAST_VALUE", "LAST_VALUE(value)", "The value that came last and is not NULL.", "LAST_VALUE(name)"), resolve_end,
      0, true },
    { AGG("STDDEV_POP", "STDDEV_POP(number)", "Standard deviation of all values.", "STDDEV_POP(price)"), resolve_variance, 0,
      false },
    { AGG("STDDEV_SAMP", "STDDEV_SAMP(number)", "Standard deviation of a sample.", "STDDEV_SAMP(price)"), resolve_variance, 0,
      false },
    { AGG("STDDEV", "STDDEV(number)", "STDDEV_SAMP.", "STDDEV(price)"), resolve_variance, 0, false },
    { AGG("VAR_POP", "VAR_POP(number)", "Variance of all values.", "VAR_POP(price)"), resolve_variance, 0, false },
    { AGG("VAR_SAMP", "VAR_SAMP(number)", "Variance of a sample.", "VAR_SAMP(price)"), resolve_variance, 0, false },
    { AGG("VARIANCE", "VARIANCE(number)", "VAR_SAMP.", "VARIANCE(price)"), resolve_variance, 0, false },
    { AGG("LISTAGG", "LISTAGG(text [, separator])", "The texts joined, by a comma unless told otherwise.",
          "LISTAGG(name)"), resolve_listagg, 0, false },
    { AGG("ARRAY_AGG", "ARRAY_AGG(value) [RESPECT NULLS | IGNORE NULLS]",
          "The values as an array, NULLs too unless told otherwise; NULL over no rows.", "ARRAY_AGG(weight)"), resolve_array,
      0, true },
    { AGG("COLLECT", "COLLECT(value)", "The values that are not NULL as a multiset.", "COLLECT(name)"), resolve_collect, 0,
      false },
    { AGG("JSON_OBJECTAGG", "JSON_OBJECTAGG([KEY] key VALUE value [{ NULL | ABSENT } ON NULL])",
          "A JSON object of keys and values, sorted by key; a key that comes twice fails.",
          "JSON_OBJECTAGG(name VALUE price) FILTER (WHERE price < 20)"), resolve_json, 0, true },
    { AGG("JSON_ARRAYAGG", "JSON_ARRAYAGG(value [{ NULL | ABSENT } ON NULL])",
          "A JSON array of the values, without NULLs unless told otherwise.", "JSON_ARRAYAGG(weight NULL ON NULL)"), resolve_json, 0,
      true },
    { AGG("PERCENTILE", "PERCENTILE(number, percentage | percentages [, frequency])",
          "The exact percentile, between two values by linear interpolation; the percentage is a constant from 0 to 1 or an "
          "array of them. A row counts `frequency` times.", "PERCENTILE(price, 0.5)"), resolve_percentile, 2, false },
    { AGG("APPROX_COUNT_DISTINCT", "APPROX_COUNT_DISTINCT(value)",
          "How many different values, by HyperLogLog++: standard error 0.81 %.", "APPROX_COUNT_DISTINCT(name)"),
      resolve_approx_count, 0, false },
    { AGG("APPROX_PERCENTILE", "APPROX_PERCENTILE(number, percentage | percentages [, error])",
          "The percentile, of NULLs none, by a sketch whose values are off by the relative error at most: 0.01 unless told "
          "otherwise.", "APPROX_PERCENTILE(price, 0.99)"), resolve_approx_percentile, 6, false },
    { AGG("APPROX_TOP_K", "APPROX_TOP_K(value, k [, capacity])",
          "The k most frequent values with their counts. Of n values a count lacks n / (capacity + 1) at most and is never "
          "too great; the capacity is 10 k, at least 100, unless told otherwise.", "APPROX_TOP_K(name, 3)"),
      resolve_approx_top, 6, false },
    { AGG("SINGLE_VALUE", "SINGLE_VALUE(value)", "The only value; more than one row fails.", "SINGLE_VALUE(price) FILTER (WHERE price > 12)"),
      resolve_single, 0, false },
};
#undef AGG
#define N_ROWS (sizeof rows / sizeof rows[0])

static const char *const refused[] = { "CUME_DIST", "DENSE_RANK", "FUSION", "INTERSECTION",
                                       "LAG", "LEAD", "NTILE", "PERCENT_RANK", "RANK", "ROW_NUMBER", "REGR_COUNT",
                                       "COVAR_POP", "COVAR_SAMP", "BITMAP_BUILD_AGG", "BITMAP_AND_AGG",
                                       "BITMAP_OR_AGG" };

const struct function_doc *aggregate_doc_at(uint32_t i) { return i < N_ROWS ? &rows[i].doc : NULL; }

static const struct row *find_row(struct str name)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (str_eq_nocase(name, str_from(rows[i].doc.name)))
            return &rows[i];
    return NULL;
}

bool expr_is_aggregate(struct str name)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (str_eq_nocase(name, str_from(refused[i])))
            return true;
    return find_row(name) != NULL;
}

bool expr_aggregate_param(struct str name, uint32_t i)
{
    const struct row *row = find_row(name);
    return row && i < 32 && (row->params >> i & 1);
}

/* "0.5, 3 IGNORE NULLS" */
static enum status words_of(struct resolving *r)
{
    static const char *const treatments[] = { "", " NULLS KEPT", " NULLS SKIPPED" };
    struct buf text;
    const struct schema none = { NULL, 0 };
    buf_init(&text, r->env->arena->budget, 1u << 16);
    bool ok = true;
    for (uint32_t i = 0; ok && i < r->form->n_params; i++)
        ok = (i == 0 || buf_put(&text, ", ", 2)) && expr_print(&text, r->form->params[i], &none);
    ok = ok && buf_printf(&text, "%s%s", treatments[r->form->nulls], r->form->json ? " FORMAT JSON" : "");
    r->g->words = ok ? arena_str(r->env->arena, buf_str(&text)) : (struct str){ NULL, 0 };
    buf_release(&text);
    return r->g->words.ptr ? ST_OK : expr_no_memory(r->env, r->err);
}

enum status expr_aggregate(struct expr_env *env, struct str name, const struct type *const *arg_types, uint32_t n_args,
                           const struct aggregate_form *form, bool retracting, uint32_t line, uint32_t column,
                           const struct aggregate **ret, struct error *err)
{
    const struct row *row = find_row(name);
    if (!row) {
        if (expr_is_aggregate(name))
            return error_at(err, ST_UNSUPPORTED, line, column, "the aggregate %.*s is not supported yet",
                STR_ARG(name));
        return error_at(err, ST_SEMANTIC, line, column, "unknown aggregate '%.*s'", STR_ARG(name));
    }
    if (n_args > AGG_MAX_ARGS)
        return error_at(err, ST_LIMIT, line, column, "%s takes at most %d columns", row->doc.name, AGG_MAX_ARGS);
    if (form && form->nulls && !row->nulls)
        return error_at(err, ST_SEMANTIC, line, column, "Cannot specify IGNORE NULLS or RESPECT NULLS following '%s'",
                        row->doc.name);
    struct aggregate *g = ARENA_NEW(env->arena, struct aggregate);
    const struct type **types = ARENA_ARRAY(env->arena, const struct type *, n_args + 1);
    if (!g || !types)
        return expr_no_memory(env, err);
    for (uint32_t i = 0; i < n_args; i++) /* a bare NULL counts as an INT */
        types[i] = arg_types[i]->kind == TYPE_NULL ? type_basic(TYPE_INT) : arg_types[i];
    g->name = row->doc.name;
    g->arg_types = types;
    g->n_args = n_args;
    g->state_align = 8;
    struct resolving r = { env, g, types, n_args, form, retracting, line, column, err };
    TRY(row->resolve(&r));
    if (form)
        TRY(words_of(&r));
    if (!g->type)
        return expr_no_memory(env, err);
    g->recompute = retracting && !g->keep && !g->ops->retract;
    *ret = g;
    return ST_OK;
}
