/* INSERT INTO: positional over the columns that are kept (physical and metadata, in the order of the declaration; not the
 * virtual and computed ones), or by a list of columns; types are cast where Flink casts by itself, metadata then to what
 * the connector takes. The result is exactly the row that the sink writes. PARTITION (c = value) gives a column of PARTITIONED
 * BY its value for all rows; the query has the others. */
#include "plan/private.h"

#define GIVEN (NONE - 1) /* by PARTITION */

enum status sink_columns(struct binder *b, const struct table_desc *t, uint32_t line, uint32_t column)
{
    TRY(bind_at(b, catalog_resolve(b->env->catalog, (struct table_desc *)(uintptr_t)t, b->err), line, column));
    if (!(t->connector->flags & CONNECTOR_SINK))
        return error_at(b->err, ST_SEMANTIC, line, column, "table '%.*s': connector '%s' cannot be written",
                        STR_ARG(t->name), t->connector->name);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct column_desc *c = &t->columns[i];
        if (c->role != COLUMN_METADATA || c->is_virtual || catalog_metadata(t->connector, c, METADATA_WRITE))
            continue;
        error_at(b->err, ST_SEMANTIC, line, column,
                 "table '%.*s': metadata key '%.*s' in column '%.*s' cannot be written with connector '%s'",
                 STR_ARG(t->name), STR_ARG(c->metadata_key), STR_ARG(c->name), t->connector->name);
        error_hint(b->err, "declare the column as METADATA VIRTUAL: it is then only read");
        return ST_SEMANTIC;
    }
    return ST_OK;
}

/* An INSERT OVERWRITE of one partition: what is there goes even when nothing comes. */
static enum status static_partition(struct binder *b, const struct syn_stmt *s, struct table_desc *copy)
{
    struct str *values = ARENA_ARRAY(b->arena, struct str, copy->n_partitioned_by + 1);
    TRY_MEM(b, values);
    for (uint32_t i = 0; i < copy->n_partitioned_by; i++) {
        for (uint32_t k = 0; k < s->n_partition; k++)
            if (str_eq(s->partition[k].name, copy->partitioned_by[i]))
                values[i] = s->partition[k].value;
        if (!values[i].ptr)
            return ST_OK;
    }
    copy->static_partition = copy->n_partitioned_by ? values : NULL;
    return ST_OK;
}

static enum status find_sink(struct binder *b, const struct syn_stmt *s, const struct table_desc **ret)
{
    struct str name;
    TRY(name_of(b, &s->name, &name));
    const struct table_desc *t = catalog_table(b->env->catalog, name);
    if (!t && catalog_view(b->env->catalog, name))
        return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column,
                        "'%.*s' is a view: only tables can be written", STR_ARG(name));
    if (!t)
        return catalog_unknown(b->env->catalog, name, s->name.line, s->name.column, b->err);
    for (uint32_t i = 0; i < s->n_hints; i++)
        if (!str_eq_nocase(s->hints[i].name, STR("OPTIONS")))
            TRY(bind_hints(b, &s->hints[i], 1, s->name.line, s->name.column));
    TRY(table_with_options(b, t, s->hints, s->n_hints, &t));
    TRY(sink_columns(b, t, s->name.line, s->name.column));
    *ret = t;
    if (!s->overwrite)
        return ST_OK;
    if (!(t->connector->flags & (CONNECTOR_OVERWRITE | CONNECTOR_OVERWRITE_ANYWAY)))
        return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column,
                        "INSERT OVERWRITE: connector '%s' of table '%.*s' cannot take the place of what is there",
                        t->connector->name, STR_ARG(t->name));
    struct table_desc *copy = ARENA_NEW(b->arena, struct table_desc);
    TRY_MEM(b, copy);
    *copy = *t;
    copy->overwrite = true;
    copy->connector = NULL; /* so that it is checked for this, too */
    *ret = copy;
    TRY(static_partition(b, s, copy));
    return sink_columns(b, copy, s->name.line, s->name.column);
}

static bool is_partition(const struct table_desc *t, struct str name)
{
    for (uint32_t i = 0; i < t->n_partitioned_by; i++)
        if (str_eq(t->partitioned_by[i], name))
            return true;
    return false;
}

/* from[]: GIVEN for what PARTITION gives, whose values are in given[]; *ret_n: how many. */
static enum status static_columns(struct binder *b, const struct syn_stmt *s, const struct table_desc *t,
                                  const struct schema *columns, uint32_t *from, const struct expr **given, uint32_t *ret_n)
{
    *ret_n = 0;
    for (uint32_t k = 0; k < s->n_partition; k++) {
        const struct syn_option *o = &s->partition[k];
        int32_t at = schema_find(columns, o->name);
        if (at < 0 || !is_partition(t, o->name))
            return error_at(b->err, ST_SEMANTIC, o->line, o->column, "table '%.*s' is not PARTITIONED BY '%.*s'",
                            STR_ARG(t->name), STR_ARG(o->name));
        if (!o->value.ptr) /* only named: the query gives it */
            continue;
        if (from[at] == GIVEN)
            return error_at(b->err, ST_SEMANTIC, o->line, o->column, "column '%.*s' is named twice", STR_ARG(o->name));
        from[at] = GIVEN;
        TRY(expr_string(&b->exprs, o->value, &given[at], b->err));
        TRY(expr_cast(&b->exprs, given[at], columns->fields[at].type, false, o->line, o->column, &given[at], b->err));
        ++*ret_n;
    }
    return ST_OK;
}

static bool is_kept(const struct column_desc *c)
{
    return c->role == COLUMN_PHYSICAL || (c->role == COLUMN_METADATA && !c->is_virtual);
}

/* The columns that are kept as they are declared, and where each stands in the row written. */
static enum status kept_columns(struct binder *b, const struct table_desc *t, struct schema *ret, uint32_t **ret_place)
{
    struct field *fields = ARENA_ARRAY(b->arena, struct field, t->n_columns + 1);
    uint32_t *place = ARENA_ARRAY(b->arena, uint32_t, t->n_columns + 1);
    TRY_MEM(b, fields && place);
    uint32_t n = 0, physical = 0, metadata = t->physical.n_fields;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (!is_kept(&t->columns[i]))
            continue;
        place[n] = t->columns[i].role == COLUMN_PHYSICAL ? physical++ : metadata++;
        fields[n] = (struct field){ t->columns[i].name, type_with_time(b->arena, t->columns[i].type, TIME_NONE) };
        TRY_MEM(b, fields[n++].type);
    }
    *ret = (struct schema){ fields, n };
    *ret_place = place;
    return ST_OK;
}

/* from[i]: the query's column for column i, NONE: not given. */
static enum status column_list(struct binder *b, const struct syn_stmt *s, const struct table_desc *t,
                               const struct schema *columns, uint32_t *from)
{
    uint32_t n = columns->n_fields;
    for (uint32_t i = 0, at = 0; i < n; i++)
        if (from[i] != GIVEN)
            from[i] = s->n_columns ? NONE : at++;
    struct str *names = ARENA_ARRAY(b->arena, struct str, n + 1);
    TRY_MEM(b, names);
    for (uint32_t i = 0; i < n; i++)
        names[i] = columns->fields[i].name;
    for (uint32_t i = 0; i < s->n_columns; i++) {
        int32_t at = schema_find(columns, s->columns[i]);
        struct str near = at < 0 ? str_nearest(s->columns[i], names, n) : (struct str){ 0 };
        if (at < 0)
            return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column,
                            "table '%.*s' has no column '%.*s'%s%.*s%s", STR_ARG(t->name), STR_ARG(s->columns[i]),
                            near.len ? "; did you mean '" : "", STR_ARG(near), near.len ? "'?" : "");
        if (from[at] != NONE)
            return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column, "column '%.*s' is named twice",
                            STR_ARG(s->columns[i]));
        from[at] = i;
    }
    return ST_OK;
}

static enum status mismatch(struct binder *b, const struct syn_stmt *s, const struct table_desc *t, uint32_t got,
                            uint32_t wanted)
{
    return error_at(
        b->err, ST_SEMANTIC, s->query->line, s->query->column,
        "column types of query result and sink for '%.*s' do not match: different number of columns: the query "
        "has %u, the sink %u",
        STR_ARG(t->name), got, wanted);
}

static enum status coerce_column(struct binder *b, const struct syn_stmt *s, const struct table_desc *t,
                                 const struct rel *q, const struct field *to, uint32_t from, uint32_t i,
                                 const struct expr **ret)
{
    if (from == NONE && !to->type->nullable)
        return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column,
                        "column '%.*s' has no default value and does not allow NULLs", STR_ARG(to->name));
    const struct type *type = from == NONE ? type_basic(TYPE_NULL) : q->schema.fields[from].type;
    if (type->kind == TYPE_NULL && !to->type->nullable)
        return error_at(b->err, ST_SEMANTIC, s->query->line, s->query->column,
                        "column '%.*s' is NOT NULL, however, a null value is being written into it", STR_ARG(to->name));
    if (type->kind == TYPE_NULL)
        return expr_null(&b->exprs, to->type, ret, b->err);
    *ret = expr_column(&b->exprs, from, type);
    TRY_MEM(b, *ret);
    if (type_equal(type, to->type, false))
        return ST_OK;
    const struct type *wanted = type_nullable(b->arena, to->type, type->nullable);
    TRY_MEM(b, wanted);
    if (expr_coerce(&b->exprs, *ret, wanted, ret, b->err) == ST_OK)
        return ST_OK;
    struct str got = type_name(b->arena, type), want = type_name(b->arena, to->type);
    TRY_MEM(b, got.ptr && want.ptr);
    return error_at(b->err, ST_SEMANTIC, s->query->line, s->query->column,
                    "column types of query result and sink for '%.*s' do not match: incompatible types for sink column "
                    "'%.*s' at position %u: the query gives %.*s, the sink takes %.*s",
                    STR_ARG(t->name), STR_ARG(to->name), i, STR_ARG(got), STR_ARG(want));
}

/* An exchange of old for new needs an end. */
static enum status check_end(struct binder *b, const struct syn_stmt *s, const struct table_desc *t, const struct rel *q)
{
    if (!s->overwrite || q->bounded || (t->connector->flags & CONNECTOR_OVERWRITE_ANYWAY))
        return ST_OK;
    error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column, "INSERT OVERWRITE needs input that ends");
    error_hint(b->err, "what was in table '%.*s' goes when all that is new is there", STR_ARG(t->name));
    return ST_SEMANTIC;
}

enum status bind_insert(struct binder *b, const struct syn_stmt *s, struct insert *ret)
{
    const struct table_desc *t;
    struct rel *q;
    struct schema columns;
    uint32_t *place, n_given;
    TRY(find_sink(b, s, &t));
    TRY(kept_columns(b, t, &columns, &place));
    uint32_t n = columns.n_fields;
    uint32_t *from = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    const struct expr **given = ARENA_ARRAY(b->arena, const struct expr *, n + 1);
    TRY_MEM(b, from && given);
    TRY(static_columns(b, s, t, &columns, from, given, &n_given));
    TRY(column_list(b, s, t, &columns, from));
    TRY(bind_query(b, NULL, s->query, true, &q));
    TRY(check_end(b, s, t, q));
    uint32_t wanted = s->n_columns ? s->n_columns : n - n_given;
    if (q->schema.n_fields != wanted)
        return mismatch(b, s, t, q->schema.n_fields, wanted);
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, n + 1);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    TRY_MEM(b, exprs && fields);
    for (uint32_t i = 0; i < n; i++) {
        const struct expr *x = given[i];
        if (!x)
            TRY(coerce_column(b, s, t, q, &columns.fields[i], from[i], i, &x));
        const struct field *to = &t->written_row.fields[place[i]];
        if (!type_equal(x->type, to->type, false))
            TRY_AT(b, s->query, expr_cast(&b->exprs, x, to->type, false, 0, 0, &x, b->err));
        exprs[place[i]] = x;
        fields[place[i]] = (struct field){ to->name, x->type };
    }
    ret->table = t;
    ret->stmt = s;
    return rel_calc(b, q, NULL, exprs, fields, n, &ret->rel);
}
