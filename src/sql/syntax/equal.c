/* Equality of trees: everything but places, sources and the parentheses that were written around the
 * operands of set operations. Trees are of bounded height. */
#include "syntax/parser.h"

/* Texts that may be absent: absent is not empty. */
static bool opt_eq(struct str a, struct str b)
{
    return (a.ptr != NULL) == (b.ptr != NULL) && str_eq(a, b);
}

static bool strs_eq(const struct str *a, uint32_t n, const struct str *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = str_eq(a[i], b[i]);
    return eq;
}

static bool name_eq(const struct syn_name *a, const struct syn_name *b)
{
    return strs_eq(a->parts, a->count, b->parts, b->count);
}

static bool type_eq(const struct syn_type *a, const struct syn_type *b);

static bool fields_eq(const struct syn_field *a, uint32_t n, const struct syn_field *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = str_eq(a[i].name, b[i].name) && type_eq(a[i].type, b[i].type) && opt_eq(a[i].comment, b[i].comment);
    return eq;
}

static bool type_eq(const struct syn_type *a, const struct syn_type *b)
{
    if (!a || !b)
        return a == b;
    return str_eq(a->name, b->name) && a->p == b->p && a->s == b->s && a->not_null == b->not_null &&
           str_eq(a->unit_from, b->unit_from) && str_eq(a->unit_to, b->unit_to) &&
           opt_eq(a->class_name, b->class_name) && opt_eq(a->serializer, b->serializer) &&
           type_eq(a->element, b->element) && type_eq(a->key, b->key) &&
           fields_eq(a->fields, a->n_fields, b->fields, b->n_fields);
}

static bool exprs_eq(struct syn_expr *const *a, uint32_t n, struct syn_expr *const *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = syn_equal_expr(a[i], b[i]);
    return eq;
}

static bool orders_eq(const struct syn_order *a, uint32_t n, const struct syn_order *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = a[i].descending == b[i].descending && a[i].nulls == b[i].nulls && syn_equal_expr(a[i].expr, b[i].expr);
    return eq;
}

static bool over_eq(const struct syn_over *a, const struct syn_over *b)
{
    if (!a || !b)
        return a == b;
    const struct syn_window_frame *f = &a->frame, *g = &b->frame;
    return str_eq(a->window_name, b->window_name) && f->present == g->present && f->rows == g->rows &&
           f->between == g->between && f->start == g->start && f->end == g->end &&
           syn_equal_expr(f->start_value, g->start_value) && syn_equal_expr(f->end_value, g->end_value) &&
           exprs_eq(a->partition, a->n_partition, b->partition, b->n_partition) &&
           orders_eq(a->order, a->n_order, b->order, b->n_order);
}

bool syn_equal_expr(const struct syn_expr *a, const struct syn_expr *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && a->flag == b->flag && a->distinct == b->distinct && a->star == b->star &&
           a->nulls_treatment == b->nulls_treatment && a->semantics == b->semantics && str_eq(a->text, b->text) &&
           a->quant.min == b->quant.min && a->quant.max == b->quant.max && a->quant.reluctant == b->quant.reluctant &&
           name_eq(&a->name, &b->name) && exprs_eq(a->args, a->n_args, b->args, b->n_args) &&
           type_eq(a->type, b->type) && syn_equal_query(a->query, b->query) && syn_equal_expr(a->filter, b->filter) &&
           orders_eq(a->within_group, a->n_within_group, b->within_group, b->n_within_group) &&
           over_eq(a->over, b->over) && exprs_eq(a->partition, a->n_partition, b->partition, b->n_partition) &&
           orders_eq(a->order, a->n_order, b->order, b->n_order);
}

static bool options_eq(const struct syn_option *a, uint32_t n, const struct syn_option *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = str_eq(a[i].name, b[i].name) && opt_eq(a[i].value, b[i].value);
    return eq;
}

static bool hints_eq(const struct syn_hint *a, uint32_t n, const struct syn_hint *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = str_eq(a[i].name, b[i].name) && options_eq(a[i].options, a[i].n_options, b[i].options, b[i].n_options);
    return eq;
}

static bool named_eq(const struct syn_named_expr *a, uint32_t n, const struct syn_named_expr *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = str_eq(a[i].name, b[i].name) && syn_equal_expr(a[i].expr, b[i].expr);
    return eq;
}

static bool match_eq(const struct syn_match *a, const struct syn_match *b)
{
    if (!a || !b)
        return a == b;
    bool eq = a->n_subsets == b->n_subsets;
    for (uint32_t i = 0; eq && i < a->n_subsets; i++)
        eq = str_eq(a->subsets[i].name, b->subsets[i].name) &&
             strs_eq(a->subsets[i].vars, a->subsets[i].n_vars, b->subsets[i].vars, b->subsets[i].n_vars);
    return eq && a->rows == b->rows && str_eq(a->rows_option, b->rows_option) && str_eq(a->after, b->after) &&
           str_eq(a->after_var, b->after_var) && syn_equal_expr(a->pattern, b->pattern) &&
           syn_equal_expr(a->within, b->within) &&
           exprs_eq(a->partition, a->n_partition, b->partition, b->n_partition) &&
           orders_eq(a->order, a->n_order, b->order, b->n_order) &&
           named_eq(a->measures, a->n_measures, b->measures, b->n_measures) &&
           named_eq(a->defines, a->n_defines, b->defines, b->n_defines);
}

static bool from_eq(const struct syn_from *a, const struct syn_from *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && name_eq(&a->name, &b->name) && syn_equal_query(a->query, b->query) &&
           syn_equal_expr(a->call, b->call) && a->table_keyword == b->table_keyword && a->ordinality == b->ordinality &&
           a->lateral == b->lateral && hints_eq(a->hints, a->n_hints, b->hints, b->n_hints) &&
           syn_equal_expr(a->system_time, b->system_time) && str_eq(a->path, b->path) && a->join == b->join &&
           a->natural == b->natural && from_eq(a->left, b->left) && from_eq(a->right, b->right) &&
           syn_equal_expr(a->on, b->on) && strs_eq(a->using_columns, a->n_using, b->using_columns, b->n_using) &&
           match_eq(a->match, b->match) && str_eq(a->alias, b->alias) &&
           strs_eq(a->column_aliases, a->n_column_aliases, b->column_aliases, b->n_column_aliases);
}

static bool groups_eq(const struct syn_group *a, uint32_t n, const struct syn_group *b, uint32_t m)
{
    bool eq = n == m;
    for (uint32_t i = 0; eq && i < n; i++)
        eq = a[i].kind == b[i].kind && syn_equal_expr(a[i].expr, b[i].expr) &&
             groups_eq(a[i].items, a[i].n_items, b[i].items, b[i].n_items);
    return eq;
}

static bool ctes_eq(const struct syn_query *a, const struct syn_query *b)
{
    bool eq = a->n_ctes == b->n_ctes;
    for (uint32_t i = 0; eq && i < a->n_ctes; i++)
        eq = str_eq(a->ctes[i].name, b->ctes[i].name) &&
             strs_eq(a->ctes[i].columns, a->ctes[i].n_columns, b->ctes[i].columns, b->ctes[i].n_columns) &&
             syn_equal_query(a->ctes[i].query, b->ctes[i].query);
    return eq;
}

static bool select_eq(const struct syn_query *a, const struct syn_query *b)
{
    bool eq = a->n_items == b->n_items && a->n_windows == b->n_windows;
    for (uint32_t i = 0; eq && i < a->n_items; i++)
        eq = str_eq(a->items[i].alias, b->items[i].alias) && syn_equal_expr(a->items[i].expr, b->items[i].expr);
    for (uint32_t i = 0; eq && i < a->n_windows; i++)
        eq = str_eq(a->windows[i].name, b->windows[i].name) && over_eq(&a->windows[i].over, &b->windows[i].over);
    return eq && a->distinct == b->distinct && a->stream == b->stream &&
           hints_eq(a->hints, a->n_hints, b->hints, b->n_hints) && from_eq(a->from, b->from) &&
           syn_equal_expr(a->where, b->where) && a->has_group == b->has_group &&
           groups_eq(a->group, a->n_group, b->group, b->n_group) && syn_equal_expr(a->having, b->having) &&
           syn_equal_expr(a->qualify, b->qualify);
}

bool syn_equal_query(const struct syn_query *a, const struct syn_query *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && ctes_eq(a, b) && select_eq(a, b) && exprs_eq(a->rows, a->n_rows, b->rows, b->n_rows) &&
           a->op == b->op && a->all == b->all && syn_equal_query(a->left, b->left) &&
           syn_equal_query(a->right, b->right) && orders_eq(a->order, a->n_order, b->order, b->n_order) &&
           syn_equal_expr(a->limit, b->limit) && syn_equal_expr(a->offset, b->offset);
}

/* ---- statements ---- */

static bool column_eq(const struct syn_column_def *a, const struct syn_column_def *b)
{
    return a->kind == b->kind && str_eq(a->name, b->name) && type_eq(a->type, b->type) &&
           syn_equal_expr(a->expr, b->expr) && opt_eq(a->metadata_key, b->metadata_key) &&
           a->is_virtual == b->is_virtual && a->primary_key == b->primary_key && a->first == b->first &&
           opt_eq(a->after, b->after) && opt_eq(a->comment, b->comment);
}

static bool like_options_eq(const struct syn_table_def *a, const struct syn_table_def *b)
{
    bool eq = a->n_like_options == b->n_like_options;
    for (uint32_t i = 0; eq && i < a->n_like_options; i++)
        eq = a->like_options[i].including == b->like_options[i].including &&
             a->like_options[i].overwriting == b->like_options[i].overwriting &&
             str_eq(a->like_options[i].what, b->like_options[i].what);
    return eq;
}

static bool table_eq(const struct syn_table_def *a, const struct syn_table_def *b)
{
    if (!a || !b)
        return a == b;
    bool eq = a->n_columns == b->n_columns;
    for (uint32_t i = 0; eq && i < a->n_columns; i++)
        eq = column_eq(&a->columns[i], &b->columns[i]);
    return eq && a->watermark.present == b->watermark.present && name_eq(&a->watermark.column, &b->watermark.column) &&
           syn_equal_expr(a->watermark.expr, b->watermark.expr) &&
           strs_eq(a->primary_key, a->n_primary_key, b->primary_key, b->n_primary_key) &&
           a->primary_key_enforced == b->primary_key_enforced &&
           a->has_primary_key_clause == b->has_primary_key_clause && str_eq(a->primary_key_name, b->primary_key_name) &&
           opt_eq(a->comment, b->comment) &&
           strs_eq(a->partitioned_by, a->n_partitioned_by, b->partitioned_by, b->n_partitioned_by) &&
           a->has_distribution == b->has_distribution && str_eq(a->distributed, b->distributed) &&
           strs_eq(a->distributed_by, a->n_distributed_by, b->distributed_by, b->n_distributed_by) &&
           syn_equal_expr(a->buckets, b->buckets) && a->has_options == b->has_options &&
           options_eq(a->options, a->n_options, b->options, b->n_options) && name_eq(&a->like, &b->like) &&
           like_options_eq(a, b) && syn_equal_query(a->as_query, b->as_query);
}

static bool flags_eq(const struct syn_stmt *a, const struct syn_stmt *b)
{
    return a->temporary == b->temporary && a->system == b->system && a->if_not_exists == b->if_not_exists &&
           a->if_exists == b->if_exists && a->or_replace == b->or_replace && a->overwrite == b->overwrite &&
           a->flag == b->flag && a->cascade == b->cascade && a->not_like == b->not_like;
}

bool syn_equal_stmt(const struct syn_stmt *a, const struct syn_stmt *b)
{
    if (!a || !b)
        return a == b;
    bool eq = a->kind == b->kind && flags_eq(a, b) && a->n_inserts == b->n_inserts;
    for (uint32_t i = 0; eq && i < a->n_inserts; i++)
        eq = syn_equal_stmt(a->inserts[i], b->inserts[i]);
    return eq && str_eq(a->what, b->what) && str_eq(a->text, b->text) && name_eq(&a->name, &b->name) &&
           a->alter == b->alter && name_eq(&a->target, &b->target) &&
           syn_equal_query(a->query, b->query) && table_eq(a->table, b->table) &&
           strs_eq(a->columns, a->n_columns, b->columns, b->n_columns) &&
           options_eq(a->partition, a->n_partition, b->partition, b->n_partition) &&
           options_eq(a->options, a->n_options, b->options, b->n_options) &&
           hints_eq(a->hints, a->n_hints, b->hints, b->n_hints) && syn_equal_stmt(a->inner, b->inner) &&
           opt_eq(a->comment, b->comment) && str_eq(a->language, b->language) && opt_eq(a->path, b->path) &&
           opt_eq(a->like, b->like) && str_eq(a->on_conflict, b->on_conflict) &&
           fields_eq(a->inputs, a->n_inputs, b->inputs, b->n_inputs) &&
           fields_eq(a->outputs, a->n_outputs, b->outputs, b->n_outputs);
}
