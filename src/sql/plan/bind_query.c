/* Queries: WITH, set operations, VALUES, ORDER BY and LIMIT. UNION is UNION ALL and an aggregate over all columns. */
#include "plan/private.h"

/* ---- ORDER BY, LIMIT, OFFSET ---- */

static enum status bind_count(struct binder *b, const struct syn_expr *e, const char *what, int64_t *ret)
{
    if (!e)
        return ST_OK;
    struct place p = { .clause = what };
    const struct expr *x;
    TRY(bind_expr(b, &p, e, &x));
    TRY_AT(b, e, expr_fold(&b->exprs, x, &x, b->err));
    if (x->kind != EXPR_LITERAL || !type_is_integer(x->type) || column_is_null(&x->value, 0))
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%s must be a constant whole number", what);
    int64_t v = type_phys(x->type) == PHYS_I32 ? x->value.i32[0] : x->value.i64[0];
    if (v < 0)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "%s must not be negative", what);
    *ret = v;
    return ST_OK;
}

/* ORDER BY needs an end of the input. */
static enum status refuse_unbounded(struct binder *b, const struct syn_query *q)
{
    bool limit = q->limit || q->offset;
    const struct syn_expr *e = q->order[0].expr;
    if (limit)
        return refuse(b, F_TOP_N, e->line, e->column);
    error_at(b->err, ST_SEMANTIC, e->line, e->column,
             "sort on a non-time-attribute field is not supported over unbounded input");
    error_hint(b->err, "ORDER BY needs input that ends");
    return ST_SEMANTIC;
}

static enum status check_keys(struct binder *b, const struct syn_query *q, const struct sort_key *keys,
                              const struct rel *in)
{
    for (uint32_t i = 0; i < q->n_order; i++) {
        const struct type *t = in->schema.fields[keys[i].column].type;
        if (!expr_type_ordered(t))
            return error_at(b->err, ST_SEMANTIC, q->order[i].expr->line, q->order[i].expr->column,
                            "ORDER BY: values of type %.*s have no order", STR_ARG(type_name(b->arena, t)));
    }
    return ST_OK;
}

enum status bind_sort(struct binder *b, const struct syn_query *q, const struct sort_key *keys, struct rel *in,
                      struct rel **ret)
{
    int64_t limit = -1, offset = 0;
    TRY(check_keys(b, q, keys, in));
    TRY(bind_count(b, q->limit, "LIMIT", &limit));
    TRY(bind_count(b, q->offset, "OFFSET", &offset));
    if (!in->bounded && b->env->final)
        return error_set(b->err, ST_USAGE, "--final needs input that ends, and this query's does not");
    enum time_attribute time = TIME_NONE;
    if (!in->bounded && q->n_order) {
        if (limit < 0 && offset == 0 && !keys[0].descending)
            time = in->schema.fields[keys[0].column].type->time;
        if (time == TIME_NONE)
            return refuse_unbounded(b, q);
        if (time == TIME_PROCESSING && q->n_order == 1) { /* as they come */
            *ret = in;
            return ST_OK;
        }
    }
    struct rel *r = rel_new(b, REL_SORT, 1, 0);
    TRY_MEM(b, r);
    r->schema = in->schema;
    r->tags = in->tags;
    r->window = in->window;
    r->inputs[0] = in;
    r->bounded = in->bounded;
    r->sort.n_keys = q->n_order;
    r->sort.keys = ARENA_ARRAY(b->arena, struct sort_key, q->n_order + 1);
    TRY_MEM(b, r->sort.keys);
    if (q->n_order)
        memcpy(r->sort.keys, keys, q->n_order * sizeof *keys);
    const struct syn_expr *at = q->limit ? q->limit : q->offset ? q->offset : q->n_order ? q->order[0].expr : NULL;
    r->sort.line = at ? at->line : 0;
    r->sort.column = at ? at->column : 0;
    r->sort.time = time;
    r->sort.limit = limit;
    r->sort.offset = offset;
    *ret = r;
    return ST_OK;
}

/* ORDER BY of a set operation or VALUES: output columns by name or number. */
static enum status sort_output(struct binder *b, const struct syn_query *q, bool top, struct rel *in, struct rel **ret)
{
    if (q->n_order == 0 && !q->limit && !q->offset) {
        *ret = in;
        return ST_OK;
    }
    struct sort_key *keys = ARENA_ARRAY(b->arena, struct sort_key, q->n_order + 1);
    TRY_MEM(b, keys);
    for (uint32_t i = 0; i < q->n_order; i++) {
        const struct syn_order *o = &q->order[i];
        int32_t at = -1;
        int64_t n;
        if (o->expr->kind == SYN_NUMBER && str_to_i64(o->expr->text, &n) && n >= 1 && n <= in->schema.n_fields)
            at = (int32_t)n - 1;
        else if (o->expr->kind == SYN_COLUMN && o->expr->name.count == 1)
            at = schema_find(&in->schema, o->expr->name.parts[0]);
        if (at < 0)
            return error_at(b->err, ST_SEMANTIC, o->expr->line, o->expr->column,
                            "ORDER BY takes output columns here, by name or number from 1 to %u", in->schema.n_fields);
        keys[i] = (struct sort_key){ (uint32_t)at, o->descending, o->nulls == 1 || (o->nulls == 0 && !o->descending) };
    }
    if (!top && !q->limit && !q->offset) {
        *ret = in;
        return ST_OK;
    }
    return bind_sort(b, q, keys, in, ret);
}

/* ---- VALUES ---- */

static enum status bind_cell(struct binder *b, const struct syn_expr *e, const struct expr **ret)
{
    struct place p = { .clause = "VALUES" };
    TRY(bind_expr(b, &p, e, ret));
    return bind_at(b, expr_fold(&b->exprs, *ret, ret, b->err), e->line, e->column);
}

/* Casts each column of `cells` to what fits all rows. */
static enum status common_cells(struct binder *b, const struct syn_query *q, const struct expr **cells, uint32_t n,
                                struct field *fields)
{
    const struct type **types = ARENA_ARRAY(b->arena, const struct type *, q->n_rows);
    TRY_MEM(b, types);
    for (uint32_t c = 0; c < n; c++) {
        for (uint32_t i = 0; i < q->n_rows; i++)
            types[i] = cells[i * n + c]->type;
        const struct type *t = expr_common_type(b->arena, types, q->n_rows);
        if (!t)
            return error_at(b->err, ST_SEMANTIC, q->line, q->column,
                            "VALUES: the types in column %u do not fit together", c + 1);
        fields[c].type = t;
        fields[c].name = arena_printf(b->arena, "EXPR$%u", c);
        TRY_MEM(b, fields[c].name.ptr);
        for (uint32_t i = 0; i < q->n_rows && t->kind != TYPE_NULL; i++) {
            const struct expr **x = &cells[i * n + c];
            if ((*x)->type->kind == TYPE_NULL)
                TRY(expr_null(&b->exprs, t, x, b->err));
            else if (!type_equal((*x)->type, t, false))
                TRY_AT(b, q->rows[i], expr_cast(&b->exprs, *x, type_nullable(b->arena, t, (*x)->type->nullable), false,
                                                q->rows[i]->line, q->rows[i]->column, x, b->err));
            TRY_AT(b, q->rows[i], expr_fold(&b->exprs, *x, x, b->err));
        }
    }
    return ST_OK;
}

/* Rows that are not constant (PROCTIME(), RAND()): a projection over one row each. */
static enum status computed_rows(struct binder *b, const struct expr **cells, uint32_t n_rows,
                                 const struct field *fields, uint32_t n, struct rel **ret)
{
    struct rel **rows = ARENA_ARRAY(b->arena, struct rel *, n_rows);
    TRY_MEM(b, rows);
    for (uint32_t i = 0; i < n_rows; i++) {
        struct rel *one;
        TRY(rel_one_row(b, &one));
        TRY(rel_calc(b, one, NULL, cells + i * n, fields, n, &rows[i]));
    }
    if (n_rows > 1)
        return rel_union(b, rows, n_rows, ret);
    *ret = rows[0];
    return ST_OK;
}

enum status bind_values(struct binder *b, const struct syn_query *q, struct rel **ret)
{
    uint32_t n = q->rows[0]->kind == SYN_ROW ? q->rows[0]->n_args : 1;
    if ((uint64_t)n * q->n_rows > 10u * SYN_MAX_ITEMS)
        return error_at(b->err, ST_LIMIT, q->line, q->column, "VALUES holds more than %u values", 10u * SYN_MAX_ITEMS);
    const struct expr **cells = ARENA_ARRAY(b->arena, const struct expr *, (size_t)n * q->n_rows + 1);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    TRY_MEM(b, cells && fields);
    bool constant = true;
    for (uint32_t i = 0; i < q->n_rows; i++) {
        const struct syn_expr *row = q->rows[i];
        uint32_t width = row->kind == SYN_ROW ? row->n_args : 1;
        if (width != n)
            return error_at(b->err, ST_SEMANTIC, row->line, row->column,
                            "VALUES: this row has %u columns, the first one %u", width, n);
        for (uint32_t c = 0; c < n; c++)
            TRY(bind_cell(b, row->kind == SYN_ROW ? row->args[c] : row, &cells[i * n + c]));
    }
    TRY(common_cells(b, q, cells, n, fields));
    for (uint32_t i = 0; i < n * q->n_rows; i++)
        constant = constant && cells[i]->kind == EXPR_LITERAL;
    if (!constant)
        return computed_rows(b, cells, q->n_rows, fields, n, ret);
    struct rel *r = rel_new(b, REL_VALUES, 0, n);
    TRY_MEM(b, r);
    memcpy((struct field *)(uintptr_t)r->schema.fields, fields, n * sizeof *fields);
    r->bounded = true;
    r->values.cells = cells;
    r->values.n_rows = q->n_rows;
    *ret = r;
    return ST_OK;
}

/* ---- set operations ---- */

/* `in` with its columns cast to `types`, under the names of `named`. */
static enum status cast_columns(struct binder *b, struct rel *in, const struct type *const *types,
                                const struct schema *named, const struct syn_query *q, struct rel **ret)
{
    uint32_t n = in->schema.n_fields;
    const struct expr **exprs;
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    bool same = true;
    TRY_MEM(b, fields);
    TRY(rel_columns(b, &in->schema, &exprs));
    for (uint32_t i = 0; i < n; i++) {
        const struct type *t = in->schema.fields[i].type;
        if (t->kind == TYPE_NULL && types[i]->kind != TYPE_NULL)
            TRY(expr_null(&b->exprs, types[i], &exprs[i], b->err));
        else if (!type_equal(t, types[i], false))
            TRY_AT(b, q, expr_cast(&b->exprs, exprs[i], type_nullable(b->arena, types[i], t->nullable), false, q->line,
                                   q->column, &exprs[i], b->err));
        same = same && exprs[i]->kind == EXPR_COLUMN;
        fields[i] = (struct field){ named->fields[i].name, rel_type(b, exprs[i]) };
        TRY_MEM(b, fields[i].type);
    }
    if (same) {
        *ret = in;
        return ST_OK;
    }
    return rel_calc(b, in, NULL, exprs, fields, n, ret);
}

/* The branches of a chain of UNION ALLs, left to right. */
typedef ARRAY(struct rel *) rel_list;

static enum status add_branch(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q,
                              const char *op, rel_list *list)
{
    struct rel *r, **added;
    TRY(bind_query(b, ctes, q, false, &r));
    if (list->count && r->schema.n_fields != list->at[0]->schema.n_fields)
        return error_at(b->err, ST_SEMANTIC, q->line, q->column, "%s: this side has %u columns, the other %u", op,
                        r->schema.n_fields, list->at[0]->schema.n_fields);
    added = array_add(list, b->arena);
    TRY_MEM(b, added);
    *added = r;
    return ST_OK;
}

static enum status union_branches(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q,
                                  rel_list *list)
{
    const struct syn_query *sides[2] = { q->left, q->right };
    for (uint32_t i = 0; i < 2; i++) {
        const struct syn_query *s = sides[i];
        bool plain = s->kind == SYN_SET_OP && s->op == SYN_UNION && s->all && s->n_order == 0 && !s->limit &&
                     !s->offset && s->n_ctes == 0;
        if (plain)
            TRY(union_branches(b, ctes, s, list));
        else
            TRY(add_branch(b, ctes, s, "UNION", list));
    }
    return ST_OK;
}

/* Every branch cast to what fits all of them, under the first one's names. */
static enum status align(struct binder *b, const struct syn_query *q, const char *op, rel_list *list)
{
    uint32_t n = list->at[0]->schema.n_fields;
    const struct type **types = ARENA_ARRAY(b->arena, const struct type *, n + 1);
    const struct type **column = ARENA_ARRAY(b->arena, const struct type *, list->count);
    TRY_MEM(b, types && column);
    for (uint32_t c = 0; c < n; c++) {
        for (uint32_t i = 0; i < list->count; i++)
            column[i] = list->at[i]->schema.fields[c].type;
        types[c] = expr_common_type(b->arena, column, list->count);
        if (!types[c])
            return error_at(b->err, ST_SEMANTIC, q->line, q->column,
                            "%s: the types of column %u do not fit together", op, c + 1);
    }
    const struct schema *named = &list->at[0]->schema;
    for (uint32_t i = 0; i < list->count; i++)
        TRY(cast_columns(b, list->at[i], types, named, q, &list->at[i]));
    return ST_OK;
}

static enum status bind_union(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q,
                              struct rel **ret)
{
    rel_list list = { 0 };
    TRY(union_branches(b, ctes, q, &list));
    TRY(align(b, q, "UNION", &list));
    TRY(rel_union(b, list.at, list.count, ret));
    return q->all ? ST_OK : rel_distinct(b, *ret, ret);
}

static enum status bind_set(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q, struct rel **ret)
{
    if (q->op == SYN_UNION)
        return bind_union(b, ctes, q, ret);
    const char *op = q->op == SYN_INTERSECT ? "INTERSECT" : "EXCEPT";
    rel_list list = { 0 };
    TRY(add_branch(b, ctes, q->left, op, &list));
    TRY(add_branch(b, ctes, q->right, op, &list));
    TRY(align(b, q, op, &list));
    return rel_set(b, list.at, q->op == SYN_EXCEPT, q->all, ret);
}

/* ---- queries ---- */

enum status unique_names(struct binder *b, struct field *fields, uint32_t n)
{
    struct map seen;
    map_init(&seen, b->arena, false);
    for (uint32_t i = 0; i < n; i++) {
        struct str name = fields[i].name;
        for (uint32_t k = 0; map_get(&seen, name); k++) {
            name = arena_printf(b->arena, "%.*s%u", STR_ARG(fields[i].name), k);
            TRY_MEM(b, name.ptr);
        }
        fields[i].name = name;
        TRY_MEM(b, map_put(&seen, name, &fields[i]));
    }
    return ST_OK;
}

enum status bind_query(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q, bool top,
                       struct rel **ret)
{
    struct cte_frame frame = { q, q->n_ctes, ctes, ARENA_ARRAY(b->arena, bool, q->n_ctes + 1) };
    const struct cte_frame *in = q->n_ctes ? &frame : ctes;
    TRY_MEM(b, frame.used);
    if (b->depth >= PLAN_MAX_DEPTH)
        return error_at(b->err, ST_LIMIT, q->line, q->column, "queries stand more than %u deep inside one another",
                        PLAN_MAX_DEPTH);
    b->depth++;
    struct rel *r = NULL;
    enum status st = q->kind == SYN_SELECT   ? bind_select(b, in, q, top, &r)
                     : q->kind == SYN_VALUES ? bind_values(b, q, &r)
                                             : bind_set(b, in, q, &r);
    if (st == ST_OK && q->kind != SYN_SELECT)
        st = sort_output(b, q, top, r, &r);
    for (uint32_t i = q->n_ctes; i-- > 0 && st == ST_OK;) {
        struct cte_frame before = { q, i, ctes, frame.used };
        struct rel *unused;
        if (!frame.used[i])
            st = bind_query(b, &before, q->ctes[i].query, false, &unused);
    }
    b->depth--;
    if (st == ST_OK)
        *ret = r;
    return st;
}
