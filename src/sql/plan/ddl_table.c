/* CREATE TABLE: parts are collected (with LIKE: over those of the base; with AS: over the query's columns; without any: over those
 * that the connector infers), then bound: key columns become NOT NULL,
 * computed columns get their types from the physical ones, the watermark is checked. Expressions are kept as canonical
 * text. Descriptors live in the catalog's arena. */
#include "plan/private.h"

struct str stored_text(struct binder *b, const struct syn_expr *e, const struct syn_query *q)
{
    struct buf out;
    struct str ret = { 0 };
    buf_init(&out, b->env->budget, SYN_MAX_TEXT * 4u);
    if (e ? syn_print_expr(&out, e) : syn_print_query(&out, q))
        ret = arena_str(catalog_arena(b->env->catalog), buf_str(&out));
    buf_release(&out);
    return ret;
}

static struct str kept(struct binder *b, struct str s)
{
    return arena_str(catalog_arena(b->env->catalog), s);
}

enum status new_object(struct binder *b, const struct syn_name *n, struct object_name *ret)
{
    struct object_name at;
    TRY(object_of(b, n, &at));
    *ret = (struct object_name){ kept(b, at.database), kept(b, at.name), kept(b, at.key) };
    TRY_MEM(b, ret->database.ptr && ret->name.ptr && ret->key.ptr);
    return ST_OK;
}

/* ---- the statement's own parts ---- */

static enum status own_type(struct binder *b, const struct syn_column_def *d, struct column_desc *c)
{
    if (str_eq(d->type->name, STR("INTERVAL")))
        return refuse(b, F_INTERVAL_COLUMN, d->type->line, d->type->column);
    return bind_type_in(b, catalog_arena(b->env->catalog), d->type, &c->type);
}

static enum status own_column(struct binder *b, const struct syn_column_def *d, struct column_desc *c)
{
    c->name = kept(b, d->name);
    c->comment = kept(b, d->comment);
    TRY_MEM(b, c->name.ptr && c->comment.ptr);
    switch (d->kind) {
    case SYN_COL_METADATA:
        c->role = COLUMN_METADATA;
        c->metadata_key = kept(b, d->metadata_key.len ? d->metadata_key : d->name);
        c->is_virtual = d->is_virtual;
        TRY_MEM(b, c->metadata_key.ptr);
        return own_type(b, d, c);
    case SYN_COL_COMPUTED:
        c->role = COLUMN_COMPUTED;
        c->expr = stored_text(b, d->expr, NULL);
        TRY_MEM(b, c->expr.ptr);
        return ST_OK;
    case SYN_COL_PHYSICAL:
        break;
    }
    c->role = COLUMN_PHYSICAL;
    return d->type ? own_type(b, d, c) : ST_OK; /* AS: the query has the type */
}

static enum status own_names(struct binder *b, const struct str *names, uint32_t n, struct str **ret)
{
    *ret = ARENA_ARRAY(catalog_arena(b->env->catalog), struct str, n + 1);
    TRY_MEM(b, *ret);
    for (uint32_t i = 0; i < n; i++) {
        (*ret)[i] = kept(b, names[i]);
        TRY_MEM(b, (*ret)[i].ptr);
    }
    return ST_OK;
}

static enum status own_options(struct binder *b, const struct syn_table_def *d, struct table_parts *p)
{
    for (uint32_t i = 0; i < d->n_options; i++) {
        struct option *o = array_add(&p->options, catalog_arena(b->env->catalog));
        TRY_MEM(b, o);
        *o = (struct option){ kept(b, d->options[i].name), kept(b, d->options[i].value), d->options[i].line,
                              d->options[i].column };
        TRY_MEM(b, o->name.ptr && o->value.ptr);
    }
    return ST_OK;
}

static enum status own_watermark(struct binder *b, const struct syn_watermark *w, struct table_parts *p)
{
    if (!w->present)
        return ST_OK;
    if (w->column.count != 1)
        return refuse(b, F_NESTED_ROWTIME, w->column.line, w->column.column);
    p->own_watermark = true;
    p->watermark_column = kept(b, w->column.parts[0]);
    bool source = w->expr->kind == SYN_CALL && w->expr->name.count == 1 && w->expr->n_args == 0 &&
                  str_eq_nocase(w->expr->name.parts[0], STR("SOURCE_WATERMARK"));
    p->watermark_expr = source ? STR("SOURCE_WATERMARK()") : stored_text(b, w->expr, NULL);
    TRY_MEM(b, p->watermark_column.ptr && p->watermark_expr.ptr);
    return ST_OK;
}

enum status own_parts(struct binder *b, const struct syn_stmt *s, struct table_parts *p)
{
    const struct syn_table_def *d = s->table;
    if (d->has_distribution)
        return refuse(b, F_DISTRIBUTION, s->line, s->column);
    if (d->n_primary_key && d->primary_key_enforced) {
        error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column, "a PRIMARY KEY must be NOT ENFORCED");
        error_hint(b->err,
                   "the data are not owned here, so the key cannot be checked: write PRIMARY KEY (…) NOT ENFORCED");
        return ST_SEMANTIC;
    }
    for (uint32_t i = 0; i < d->n_columns; i++) {
        struct column_desc *c = array_add(&p->columns, catalog_arena(b->env->catalog));
        TRY_MEM(b, c);
        TRY(own_column(b, &d->columns[i], c));
    }
    TRY(own_options(b, d, p));
    TRY(own_names(b, d->partitioned_by, d->n_partitioned_by, &p->partitions.at));
    p->partitions.count = d->n_partitioned_by;
    TRY(own_names(b, d->primary_key, d->n_primary_key, &p->primary_key.at));
    p->primary_key.count = d->n_primary_key;
    p->key_name = kept(b, d->primary_key_name);
    TRY_MEM(b, p->key_name.ptr);
    return own_watermark(b, &d->watermark, p);
}

/* CREATE TABLE AS: the query's columns. */
static enum status query_columns(struct binder *b, const struct syn_stmt *s, struct table_parts *p)
{
    struct arena *a = catalog_arena(b->env->catalog);
    struct rel *r;
    TRY(bind_query(b, NULL, s->table->as_query, true, &r));
    for (uint32_t i = 0; i < r->schema.n_fields; i++) {
        const struct field *f = &r->schema.fields[i];
        if (f->type->kind == TYPE_NULL)
            return error_at(b->err, ST_SEMANTIC, s->table->as_query->line, s->table->as_query->column,
                            "column '%.*s' is a bare NULL: write CAST(NULL AS a type)", STR_ARG(f->name));
        struct column_desc *c = array_add(&p->columns, a);
        TRY_MEM(b, c);
        c->role = COLUMN_PHYSICAL;
        c->name = kept(b, f->name);
        c->type = type_with_time(a, type_copy(a, f->type), TIME_NONE);
        TRY_MEM(b, c->name.ptr && c->type);
    }
    return ST_OK;
}

static struct column_desc *named(const struct table_parts *p, struct str name)
{
    for (uint32_t i = 0; i < p->columns.count; i++)
        if (str_eq(p->columns.at[i].name, name))
            return &p->columns.at[i];
    return NULL;
}

/* A list of names alone gives the query's columns their order. */
static enum status order_query_columns(struct binder *b, const struct syn_stmt *s, struct table_parts *query,
                                       struct table_parts *own)
{
    const struct syn_column_def *d = s->table->columns;
    for (uint32_t i = 0; i < own->columns.count; i++) {
        const struct column_desc *c = named(query, own->columns.at[i].name);
        if (d[i].kind != SYN_COL_PHYSICAL || d[i].type)
            return error_at(b->err, ST_SEMANTIC, d[i].line, d[i].column, "CREATE TABLE AS: columns are either all named or declared");
        if (!c)
            return error_at(b->err, ST_SEMANTIC, d[i].line, d[i].column, "CREATE TABLE AS: the query has no column '%.*s'",
                            STR_ARG(own->columns.at[i].name));
        own->columns.at[i].type = c->type;
    }
    if (own->columns.count != query->columns.count)
        return error_at(b->err, ST_SEMANTIC, d[0].line, d[0].column,
                        "CREATE TABLE AS: %u columns are named, the query has %u", own->columns.count, query->columns.count);
    query->columns.at = own->columns.at;
    return ST_OK;
}

/* What is declared and not in the query comes first; then the query's columns, with the types that are declared. */
static enum status merge_query_columns(struct binder *b, const struct syn_stmt *s, struct table_parts *query,
                                       struct table_parts *own)
{
    struct table_parts all = { 0 };
    struct arena *a = catalog_arena(b->env->catalog);
    const struct syn_column_def *d = s->table->columns;
    for (uint32_t i = 0; i < own->columns.count; i++)
        if (d[i].kind == SYN_COL_PHYSICAL && !d[i].type)
            return order_query_columns(b, s, query, own);
    for (uint32_t i = 0; i < own->columns.count; i++) {
        struct column_desc *c = &own->columns.at[i], *same = named(query, c->name);
        if (same && c->role != COLUMN_PHYSICAL)
            return error_at(b->err, ST_SEMANTIC, d[i].line, d[i].column,
                            "CREATE TABLE AS: column '%.*s' comes from the query, and is declared as %s", STR_ARG(c->name),
                            c->role == COLUMN_METADATA ? "metadata" : "computed");
        if (same) {
            *same = *c;
            continue;
        }
        struct column_desc *fresh = array_add(&all.columns, a);
        TRY_MEM(b, fresh);
        *fresh = *c;
    }
    for (uint32_t i = 0; i < query->columns.count; i++) {
        struct column_desc *c = array_add(&all.columns, a);
        TRY_MEM(b, c);
        *c = query->columns.at[i];
    }
    query->columns.at = all.columns.at;
    query->columns.count = all.columns.count;
    return ST_OK;
}

static enum status merge_query(struct binder *b, const struct syn_stmt *s, struct table_parts *query, struct table_parts *own)
{
    TRY(merge_query_columns(b, s, query, own));
    own->columns.at = query->columns.at;
    own->columns.count = query->columns.count;
    return ST_OK;
}

/* No physical column is declared: the connector may know them. Columns of PARTITIONED BY that are not in the files are text. */
static enum status infer_columns(struct binder *b, const struct syn_stmt *s, struct table_desc *t, struct table_parts *p)
{
    struct arena *a = catalog_arena(b->env->catalog);
    struct table_parts all = { 0 };
    struct table_desc probe = { .name = t->name, .options = { p->options.at, p->options.count } };
    for (uint32_t i = 0; i < p->columns.count; i++)
        if (p->columns.at[i].role == COLUMN_PHYSICAL)
            return ST_OK;
    enum status st = catalog_infer(b->env->catalog, &probe, a, b->err);
    if (st == ST_OK)
        t->inferred = true;
    TRY(bind_at(b, st, s->name.line, s->name.column));
    for (uint32_t i = 0; i < probe.n_columns + p->partitions.count + p->columns.count; i++) {
        uint32_t k = i - probe.n_columns, m = k - p->partitions.count;
        struct column_desc c = { .role = COLUMN_PHYSICAL };
        if (i < probe.n_columns)
            c = probe.columns[i];
        else if (k < p->partitions.count)
            c.name = p->partitions.at[k], c.type = type_string();
        else
            c = p->columns.at[m];
        if (i >= probe.n_columns && k < p->partitions.count && named(&all, c.name))
            continue;
        struct column_desc *kept_column = array_add(&all.columns, a);
        TRY_MEM(b, kept_column);
        *kept_column = c;
    }
    p->columns.at = all.columns.at;
    p->columns.count = all.columns.count;
    p->options.at = (struct option *)(uintptr_t)probe.options.at;
    p->options.count = probe.options.count;
    return ST_OK;
}

/* ---- binding ---- */

static int32_t find_column(const struct table_desc *t, struct str name)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (str_eq(t->columns[i].name, name))
            return (int32_t)i;
    return -1;
}

#define NEAR_MAX 256u

static enum status unknown_column(struct binder *b, const struct table_desc *t, const char *what, struct str name,
                                  uint32_t line, uint32_t column)
{
    struct str names[NEAR_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_columns && n < NEAR_MAX; i++)
        names[n++] = t->columns[i].name;
    struct str near = str_nearest(name, names, n);
    return error_at(b->err, ST_SEMANTIC, line, column, "%s: no column '%.*s'%s%.*s%s", what, STR_ARG(name),
                    near.len ? "; did you mean '" : "", STR_ARG(near), near.len ? "'?" : "");
}

static enum status bind_names(struct binder *b, const struct syn_stmt *s, const struct table_desc *t)
{
    struct map seen;
    map_init(&seen, b->arena, false);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (map_get(&seen, t->columns[i].name))
            return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column, "table '%.*s' has two columns '%.*s'",
                            STR_ARG(t->name), STR_ARG(t->columns[i].name));
        TRY_MEM(b, map_put(&seen, t->columns[i].name, &t->columns[i]));
    }
    for (uint32_t i = 0; i < t->n_partitioned_by; i++)
        if (find_column(t, t->partitioned_by[i]) < 0)
            return unknown_column(b, t, "PARTITIONED BY", t->partitioned_by[i], s->name.line, s->name.column);
    return ST_OK;
}

static enum status bind_primary_key(struct binder *b, const struct syn_stmt *s, const struct table_parts *p,
                                    struct table_desc *t)
{
    struct arena *a = catalog_arena(b->env->catalog);
    t->n_primary_key = p->primary_key.count;
    t->primary_key = ARENA_ARRAY(a, uint32_t, p->primary_key.count + 1);
    TRY_MEM(b, t->primary_key);
    for (uint32_t i = 0; i < p->primary_key.count; i++) {
        int32_t at = find_column(t, p->primary_key.at[i]);
        if (at < 0)
            return unknown_column(b, t, "PRIMARY KEY", p->primary_key.at[i], s->name.line, s->name.column);
        if (t->columns[at].role != COLUMN_PHYSICAL)
            return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column,
                            "PRIMARY KEY: '%.*s' is %s; a key holds physical columns", STR_ARG(p->primary_key.at[i]),
                            t->columns[at].role == COLUMN_METADATA ? "metadata" : "computed");
        for (uint32_t k = 0; k < i; k++)
            if (t->primary_key[k] == (uint32_t)at)
                return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column, "PRIMARY KEY: '%.*s' is named twice",
                                STR_ARG(p->primary_key.at[i]));
        t->primary_key[i] = (uint32_t)at;
        t->columns[at].type = type_nullable(a, t->columns[at].type, false);
        TRY_MEM(b, t->columns[at].type);
    }
    return ST_OK;
}

static enum status bind_physical(struct binder *b, struct table_desc *t)
{
    struct field *fields = ARENA_ARRAY(catalog_arena(b->env->catalog), struct field, t->n_columns + 1);
    TRY_MEM(b, fields);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].role == COLUMN_PHYSICAL)
            fields[n++] = (struct field){ t->columns[i].name, t->columns[i].type };
    t->physical = (struct schema){ fields, n };
    return ST_OK;
}

/* An expression of the statement has a place for errors; one that is kept as text has the statement's. */
static enum status bind_kept(struct binder *b, const struct syn_stmt *s, const struct place *p, const struct syn_expr *e,
                             const char *what, struct str name, struct str text, const struct expr **ret)
{
    struct syn_expr *parsed;
    if (e)
        return bind_expr(b, p, e, ret);
    enum status st = syn_parse_expr(b->arena, text, &parsed, b->err);
    if (st == ST_OK)
        st = bind_expr(b, p, parsed, ret);
    if (st == ST_OK || !b->err)
        return st;
    b->err->line = s->name.line;
    b->err->column = s->name.column;
    error_prefix(b->err, "%s '%.*s': ", what, STR_ARG(name));
    return st;
}

static enum status bind_computed(struct binder *b, const struct syn_stmt *s, struct table_desc *t)
{
    struct arena *a = catalog_arena(b->env->catalog);
    struct rel base;
    struct scope scope;
    TRY(table_base(b, t, &base.schema));
    TRY(scope_of(b, &base, t->at.name, &scope));
    struct place p = { .scope = &scope, .clause = "a computed column" };
    for (uint32_t i = 0; i < t->n_columns; i++) {
        struct column_desc *c = &t->columns[i];
        if (c->role != COLUMN_COMPUTED)
            continue;
        const struct syn_expr *e = NULL;
        const struct expr *x;
        for (uint32_t k = 0; k < s->table->n_columns; k++)
            if (s->table->columns[k].kind == SYN_COL_COMPUTED && str_eq(s->table->columns[k].name, c->name))
                e = s->table->columns[k].expr;
        TRY(bind_kept(b, s, &p, e, "computed column", c->name, c->expr, &x));
        if (x->type->kind == TYPE_NULL)
            return error_at(b->err, ST_SEMANTIC, e ? e->line : s->name.line, e ? e->column : s->name.column,
                            "a computed column needs a type: write CAST(NULL AS a type)");
        c->type = type_copy(a, rel_type(b, x));
        TRY_MEM(b, c->type);
    }
    return ST_OK;
}

static enum status rowtime_type(struct binder *b, const struct type *t, struct str name, uint32_t line, uint32_t column)
{
    if (type_is_timestamp(t) && t->precision <= 3 && t->time != TIME_PROCESSING)
        return ST_OK;
    struct str type = type_name(b->arena, t);
    TRY_MEM(b, type.ptr);
    return error_at(
        b->err, ST_SEMANTIC, line, column,
        "WATERMARK FOR '%.*s': the column must be TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p from 0 to 3, but it is "
        "%s%.*s",
        STR_ARG(name), t->time == TIME_PROCESSING ? "a processing time of type " : "", STR_ARG(type));
}

static enum status bind_watermark_expr(struct binder *b, const struct syn_stmt *s, struct table_desc *t,
                                       const struct type *rowtime)
{
    if (str_eq(t->watermark_expr, STR("SOURCE_WATERMARK()")))
        return ST_OK;
    struct field *fields = ARENA_ARRAY(b->arena, struct field, t->n_columns + 1);
    TRY_MEM(b, fields);
    for (uint32_t i = 0; i < t->n_columns; i++)
        fields[i] = (struct field){ t->columns[i].name, t->columns[i].type };
    struct rel all = { .schema = { fields, t->n_columns } };
    struct scope scope;
    TRY(scope_of(b, &all, t->at.name, &scope));
    struct place p = { .scope = &scope, .clause = "a watermark" };
    const struct syn_expr *e = s->table->watermark.present ? s->table->watermark.expr : NULL;
    const struct expr *x;
    TRY(bind_kept(b, s, &p, e, "watermark of", t->name, t->watermark_expr, &x));
    if (type_is_timestamp(x->type) && x->type->kind == rowtime->kind)
        return ST_OK;
    struct str got = type_name(b->arena, x->type), want = type_name(b->arena, rowtime);
    TRY_MEM(b, got.ptr && want.ptr);
    return error_at(b->err, ST_SEMANTIC, e ? e->line : s->name.line, e ? e->column : s->name.column,
                    "the watermark is %.*s, its column %.*s", STR_ARG(got), STR_ARG(want));
}

static enum status bind_watermark(struct binder *b, const struct syn_stmt *s, const struct table_parts *p,
                                  struct table_desc *t)
{
    const struct syn_watermark *w = &s->table->watermark;
    uint32_t line = w->present ? w->column.line : s->name.line, column = w->present ? w->column.column : s->name.column;
    t->watermark_column = -1;
    if (!p->watermark_expr.len)
        return ST_OK;
    int32_t at = find_column(t, p->watermark_column);
    if (at < 0)
        return unknown_column(b, t, "WATERMARK", p->watermark_column, line, column);
    TRY(rowtime_type(b, t->columns[at].type, t->columns[at].name, line, column));
    t->watermark_expr = p->watermark_expr;
    TRY(bind_watermark_expr(b, s, t, t->columns[at].type));
    t->watermark_column = at;
    t->columns[at].type = type_with_time(catalog_arena(b->env->catalog), t->columns[at].type, TIME_EVENT);
    TRY_MEM(b, t->columns[at].type);
    return ST_OK;
}

enum status table_of_parts(struct binder *b, const struct syn_stmt *s, const struct table_parts *p, struct table_desc *t)
{
    t->columns = p->columns.at;
    t->n_columns = p->columns.count;
    t->partitioned_by = p->partitions.at;
    t->n_partitioned_by = p->partitions.count;
    t->options = (struct options){ p->options.at, p->options.count };
    t->key_name = p->key_name;
    TRY(bind_names(b, s, t));
    TRY(bind_primary_key(b, s, p, t));
    TRY(bind_physical(b, t));
    TRY(bind_computed(b, s, t));
    TRY(bind_watermark(b, s, p, t));
    if (t->physical.n_fields == 0)
        return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column, "table '%.*s' has no physical column",
                        STR_ARG(t->name));
    return ST_OK;
}

enum status plan_create_table(struct plan_env *env, const struct syn_stmt *s, struct table_desc **ret,
                              struct error *err)
{
    struct binder binder, *b = &binder;
    struct table_parts own = { 0 }, all = { 0 };
    TRY(binder_init(b, env, err));
    struct table_desc *t = ARENA_NEW(catalog_arena(env->catalog), struct table_desc);
    TRY_MEM(b, t);
    TRY(new_object(b, &s->name, &t->at));
    t->name = t->at.key;
    t->comment = kept(b, s->table->comment.len ? s->table->comment : s->comment);
    TRY_MEM(b, t->comment.ptr);
    t->temporary = s->temporary;
    if (s->table->as_query)
        TRY(query_columns(b, s, &all));
    TRY(own_parts(b, s, &own));
    if (s->table->like.count)
        TRY(like_table(b, s, &all));
    if (s->table->like.count)
        TRY(like_merge(b, s, &all, &own));
    else if (s->table->as_query)
        TRY(merge_query(b, s, &all, &own));
    else
        TRY(infer_columns(b, s, t, &own));
    if (!s->table->like.count)
        all = own;
    TRY(table_of_parts(b, s, &all, t));
    *ret = t;
    return ST_OK;
}
