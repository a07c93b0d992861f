/* FROM: tables, views, WITH names and subqueries to relations.
 *
 * A table is a scan and, above it, a projection that gives the declared columns. The scan holds the physical columns, the
 * metadata as the connector gives it and, where the event time is made of those, that column too, since the watermark is made of it before anything is
 * filtered. Scans are shared inside a job: a table is read once however often it is named. */
#include "plan/private.h"

enum status object_of(struct binder *b, const struct syn_name *n, struct object_name *ret)
{
    if (n->count > 3)
        return error_at(b->err, ST_SEMANTIC, n->line, n->column, "a table's name has at most three parts: catalog.database.table");
    if (n->count == 3 && !str_eq(n->parts[0], STR(CATALOG_NAME)))
        return error_at(b->err, ST_SEMANTIC, n->line, n->column, "unknown catalog '%.*s': there is " CATALOG_NAME,
                        STR_ARG(n->parts[0]));
    struct str database = n->count > 1 ? n->parts[n->count - 2] : b->database;
    if (!catalog_has_database(b->env->catalog, database))
        return catalog_unknown_database(b->env->catalog, database, n->line, n->column, b->err);
    *ret = catalog_object(b->arena, database, n->parts[n->count - 1]);
    TRY_MEM(b, ret->key.ptr);
    return ST_OK;
}

enum status name_of(struct binder *b, const struct syn_name *n, struct str *ret_key)
{
    struct object_name name;
    TRY(object_of(b, n, &name));
    *ret_key = name.key;
    return ST_OK;
}

/* Hints that only say how to run a query. OPTIONS is taken where a table is named. */
static bool is_ignorable(const struct syn_hint *h)
{
    static const struct str names[] = { STR_INIT("STATE_TTL"),     STR_INIT("BROADCAST"), STR_INIT("SHUFFLE_HASH"),
                                        STR_INIT("SHUFFLE_MERGE"), STR_INIT("NEST_LOOP"), STR_INIT("MULTI_JOIN"),
                                        STR_INIT("LOOKUP") };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(h->name, names[i]))
            return true;
    return false;
}

static bool is_options(const struct syn_hint *h)
{
    return str_eq_nocase(h->name, STR("OPTIONS"));
}

enum status bind_hints(struct binder *b, const struct syn_hint *hints, uint32_t n, uint32_t line, uint32_t column)
{
    for (uint32_t i = 0; i < n; i++)
        if (!is_ignorable(&hints[i]))
            return error_at(b->err, ST_UNSUPPORTED, line, column, "not supported yet: %s %.*s", feature_name(F_HINT),
                            STR_ARG(hints[i].name));
    return ST_OK;
}

enum status table_with_options(struct binder *b, const struct table_desc *t, const struct syn_hint *hints, uint32_t n,
                               const struct table_desc **ret)
{
    ARRAY(struct option) all = { 0 };
    const struct options *given = table_given(t);
    bool changed = false;
    for (uint32_t i = 0; i < given->count; i++) {
        struct option *o = array_add(&all, b->arena);
        TRY_MEM(b, o);
        *o = given->at[i];
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; is_options(&hints[i]) && k < hints[i].n_options; k++) {
            const struct syn_option *h = &hints[i].options[k];
            struct option *o = NULL;
            for (uint32_t m = 0; m < all.count; m++)
                if (str_eq(all.at[m].name, h->name))
                    o = &all.at[m];
            if (!o)
                o = array_add(&all, b->arena);
            TRY_MEM(b, o);
            *o = (struct option){ h->name, h->value, h->line, h->column };
            changed = true;
        }
    *ret = t;
    if (!changed)
        return ST_OK;
    struct table_desc *copy = ARENA_NEW(b->arena, struct table_desc);
    TRY_MEM(b, copy);
    *copy = *t;
    copy->options = (struct options){ all.at, all.count };
    copy->given = (struct options){ 0 };
    copy->connector = NULL;
    copy->format = NULL;
    *ret = copy;
    return ST_OK;
}

/* Gives the columns of `r` other names. */
static enum status rename_columns(struct binder *b, struct rel *r, const struct str *names, uint32_t n,
                                  const char *what, struct str name, uint32_t line, uint32_t column, struct rel **ret)
{
    if (n == 0) {
        *ret = r;
        return ST_OK;
    }
    if (n != r->schema.n_fields)
        return error_at(b->err, ST_SEMANTIC, line, column, "%s '%.*s' names %u columns, its query has %u", what,
                        STR_ARG(name), n, r->schema.n_fields);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n);
    const struct expr **exprs;
    TRY_MEM(b, fields);
    TRY(rel_columns(b, &r->schema, &exprs));
    for (uint32_t i = 0; i < n; i++)
        fields[i] = (struct field){ names[i], r->schema.fields[i].type };
    return rel_calc(b, r, NULL, exprs, fields, n, ret);
}

/* ---- tables ---- */

static enum status parse_text(struct binder *b, struct str text, struct syn_expr **ret)
{
    return syn_parse_expr(b->arena, text, ret, b->err);
}

/* The place of an error inside a stored text is of no use to who reads the query. */
static enum status stored(struct binder *b, enum status st, const char *what, struct str name,
                          const struct table_desc *t)
{
    if (st == ST_OK || !b->err)
        return st;
    b->err->line = b->err->column = 0;
    error_prefix(b->err, "%s '%.*s' of table '%.*s': ", what, STR_ARG(name), STR_ARG(t->name));
    return st;
}

static enum status scan_computed(struct binder *b, const struct table_desc *t, const struct scope *s, uint32_t column,
                                 const struct expr **ret)
{
    struct place p = { .scope = s, .clause = "a computed column" };
    struct syn_expr *e;
    enum status st = parse_text(b, t->columns[column].expr, &e);
    if (st == ST_OK)
        st = bind_expr(b, &p, e, ret);
    return stored(b, st, "computed column", t->columns[column].name, t);
}

enum status table_base(struct binder *b, const struct table_desc *t, struct schema *ret)
{
    struct field *fields = ARENA_ARRAY(b->arena, struct field, t->n_columns + 1);
    TRY_MEM(b, fields);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].role != COLUMN_COMPUTED) {
            fields[n] = (struct field){ t->columns[i].name, type_with_time(b->arena, t->columns[i].type, TIME_NONE) };
            TRY_MEM(b, fields[n++].type);
        }
    *ret = (struct schema){ fields, n };
    return ST_OK;
}

/* Column `at` of the row read as column i is declared. */
static enum status scan_base(struct binder *b, const struct table_desc *t, uint32_t i, uint32_t at,
                             const struct expr **ret)
{
    const struct column_desc *c = &t->columns[i];
    *ret = expr_column(&b->exprs, at, t->read_row.fields[at].type);
    TRY_MEM(b, *ret);
    if (c->role == COLUMN_PHYSICAL)
        return ST_OK;
    if (!catalog_metadata(t->connector, c, METADATA_READ))
        return error_set(b->err, ST_SEMANTIC,
                         "table '%.*s': metadata key '%.*s' in column '%.*s' can be written, not read, with connector '%s'",
                         STR_ARG(t->name), STR_ARG(c->metadata_key), STR_ARG(c->name), t->connector->name);
    if (type_equal((*ret)->type, c->type, false))
        return ST_OK;
    const struct type *type = type_with_time(b->arena, c->type, TIME_NONE);
    TRY_MEM(b, type);
    return stored(b, expr_cast(&b->exprs, *ret, type, false, 0, 0, ret, b->err), "metadata column", c->name, t);
}

/* declared[i]: column i over the row read. */
static enum status scan_declared(struct binder *b, const struct table_desc *t, const struct expr ***ret)
{
    const struct expr **declared = ARENA_ARRAY(b->arena, const struct expr *, t->n_columns + 1);
    const struct expr **base = ARENA_ARRAY(b->arena, const struct expr *, t->n_columns + 1);
    TRY_MEM(b, declared && base);
    struct rel all;
    struct scope s;
    TRY(table_base(b, t, &all.schema));
    TRY(scope_of(b, &all, t->at.name, &s));
    uint32_t physical = 0, metadata = t->physical.n_fields, n = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].role != COLUMN_COMPUTED) {
            TRY(scan_base(b, t, i, t->columns[i].role == COLUMN_PHYSICAL ? physical++ : metadata++, &declared[i]));
            base[n++] = declared[i];
        }
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].role == COLUMN_COMPUTED) {
            TRY(scan_computed(b, t, &s, i, &declared[i]));
            declared[i] = expr_substitute(b->arena, declared[i], base);
            TRY_MEM(b, declared[i]);
        }
    *ret = declared;
    return ST_OK;
}

uint32_t physical_index(const struct table_desc *t, uint32_t column)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < column; i++)
        at += t->columns[i].role == COLUMN_PHYSICAL;
    return at;
}

/* The event time's column in the scan, and the watermark over the scan. */
static enum status scan_watermark(struct binder *b, struct rel *r, const struct table_desc *t,
                                  const struct expr **declared)
{
    uint32_t w = (uint32_t)t->watermark_column, n = t->read_row.n_fields;
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    bool computed = t->columns[w].role != COLUMN_PHYSICAL;
    r->scan.rowtime = computed ? n : physical_index(t, w);
    if (computed) {
        r->scan.computed = declared[w];
        fields[n].name = t->columns[w].name;
        r->schema.n_fields = n + 1;
    }
    const struct type *type = type_with_time(b->arena, declared[w]->type, TIME_EVENT);
    TRY_MEM(b, type);
    fields[r->scan.rowtime].type = type;
    declared[w] = expr_column(&b->exprs, r->scan.rowtime, type);
    TRY_MEM(b, declared[w]);
    if (str_eq(t->watermark_expr, STR("SOURCE_WATERMARK()"))) {
        if (!(t->connector->flags & CONNECTOR_WATERMARKS))
            return error_set(b->err, ST_SEMANTIC, "table '%.*s': SOURCE_WATERMARK(), but connector '%s' gives none",
                             STR_ARG(t->name), t->connector->name);
        r->scan.source_watermark = true;
        return ST_OK;
    }
    struct field *names = ARENA_ARRAY(b->arena, struct field, t->n_columns + 1);
    TRY_MEM(b, names);
    for (uint32_t i = 0; i < t->n_columns; i++)
        names[i] = (struct field){ t->columns[i].name, declared[i]->type };
    struct rel all = { .schema = { names, t->n_columns } };
    struct scope s;
    TRY(scope_of(b, &all, t->at.name, &s));
    struct place p = { .scope = &s, .clause = "a watermark" };
    struct syn_expr *e;
    const struct expr *x;
    enum status st = parse_text(b, t->watermark_expr, &e);
    if (st == ST_OK)
        st = bind_expr(b, &p, e, &x);
    if (st == ST_OK && !type_equal(x->type, type, false))
        st = expr_cast(&b->exprs, x, type_nullable(b->arena, type, x->type->nullable), false, 0, 0, &x, b->err);
    TRY(stored(b, st, "watermark for", t->columns[w].name, t));
    r->scan.watermark = expr_substitute(b->arena, x, declared);
    TRY_MEM(b, r->scan.watermark);
    return ST_OK;
}

#define HAS(kinds, kind) (((kinds) >> (kind)) & 1u)

static enum status scan_kinds(struct binder *b, struct rel *r, const struct table_desc *t, uint32_t line,
                              uint32_t column)
{
    uint32_t kinds = KINDS_APPEND;
    if (t->connector->source_kinds)
        TRY(bind_at(b, t->connector->source_kinds(t, &kinds, b->err), line, column));
    else if (t->format && t->format->source_kinds)
        kinds = t->format->source_kinds;
    r->scan.kinds = kinds;
    bool upserts = HAS(kinds, ROW_UPDATE_AFTER) && !HAS(kinds, ROW_UPDATE_BEFORE);
    if (upserts && t->n_primary_key == 0)
        return error_at(b->err, ST_SEMANTIC, line, column,
                        "table '%.*s' gives updates without the rows before them, so it needs a PRIMARY KEY",
                        STR_ARG(t->name));
    bool repeats = kinds != KINDS_APPEND && t->n_primary_key &&
                   setting_bool(b->env, "table.exec.source.cdc-events-duplicate");
    r->scan.normalize = upserts || repeats;
    if (t->connector->bounded)
        TRY(bind_at(b, t->connector->bounded(t, &r->bounded, b->err), line, column));
    return ST_OK;
}

static enum status scan_new(struct binder *b, const struct table_desc *t, uint32_t line, uint32_t column,
                            struct rel **ret)
{
    TRY(bind_at(b, catalog_resolve(b->env->catalog, (struct table_desc *)(uintptr_t)t, b->err), line, column));
    if (!(t->connector->flags & CONNECTOR_SOURCE))
        return error_at(b->err, ST_SEMANTIC, line, column, "table '%.*s': connector '%s' cannot be read",
                        STR_ARG(t->name), t->connector->name);
    uint32_t n = t->read_row.n_fields;
    struct rel *r = rel_new(b, REL_SCAN, 0, n + 1);
    TRY_MEM(b, r);
    r->schema.n_fields = n;
    if (n)
        memcpy((struct field *)(uintptr_t)r->schema.fields, t->read_row.fields, n * sizeof *t->read_row.fields);
    r->scan.table = t;
    r->scan.rowtime = NONE;
    r->scan.needs = ARENA_ARRAY(b->arena, struct need_mark, n + 2);
    TRY_MEM(b, r->scan.needs);
    TRY(scan_kinds(b, r, t, line, column));
    const struct expr **declared;
    TRY(bind_at(b, scan_declared(b, t, &declared), line, column));
    if (t->watermark_column >= 0)
        TRY(bind_at(b, scan_watermark(b, r, t, declared), line, column));
    r->scan.declared = declared;
    r->scan.fields = ARENA_ARRAY(b->arena, struct field, t->n_columns + 1);
    TRY_MEM(b, r->scan.fields);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        r->scan.fields[i] = (struct field){ t->columns[i].name, rel_type(b, declared[i]) };
        TRY_MEM(b, r->scan.fields[i].type);
    }
    struct rel **kept = array_add(&b->scans, b->arena);
    TRY_MEM(b, kept);
    *ret = *kept = r;
    return ST_OK;
}

static enum status scan_at(struct binder *b, const struct table_desc *t, uint32_t line, uint32_t column,
                           struct rel **ret)
{
    struct rel *scan = NULL;
    for (uint32_t i = 0; i < b->scans.count; i++)
        if (b->scans.at[i]->scan.table == t)
            scan = b->scans.at[i];
    if (!scan)
        TRY(scan_new(b, t, line, column, &scan));
    return rel_calc(b, scan, NULL, scan->scan.declared, scan->scan.fields, t->n_columns, ret);
}

/* ---- views, WITH ---- */

static enum status bind_view(struct binder *b, const struct view_desc *v, const struct syn_name *at, struct rel **ret)
{
    for (const struct view_frame *f = b->views; f; f = f->outer)
        if (f->view == v)
            return error_at(b->err, ST_SEMANTIC, at->line, at->column, "view '%.*s' refers to itself",
                            STR_ARG(v->name));
    struct view_frame frame = { v, b->views };
    struct str database = b->database;
    struct syn_stmt **stmts;
    uint32_t n;
    struct rel *r = NULL;
    enum status st = syn_parse(b->arena, v->query, &stmts, &n, b->err);
    if (st == ST_OK && (n != 1 || stmts[0]->kind != SYN_STMT_QUERY))
        st = error_set(b->err, ST_SEMANTIC, "its text is no query");
    if (st == ST_OK) {
        b->views = &frame;
        b->database = v->within;
        st = bind_query(b, NULL, stmts[0]->query, false, &r);
        b->database = database;
        b->views = frame.outer;
    }
    if (st != ST_OK) {
        if (b->err) {
            b->err->line = at->line;
            b->err->column = at->column;
            error_prefix(b->err, "in view '%.*s': ", STR_ARG(v->name));
        }
        return st;
    }
    return rename_columns(b, r, v->columns, v->n_columns, "view", v->name, at->line, at->column, ret);
}

static bool is_cte(const struct cte_frame *ctes, struct str name)
{
    for (const struct cte_frame *f = ctes; f; f = f->outer)
        for (uint32_t i = 0; i < f->visible; i++)
            if (str_eq(f->query->ctes[i].name, name))
                return true;
    return false;
}

static enum status bind_cte(struct binder *b, const struct cte_frame *ctes, struct str name, bool *ret_found,
                            struct rel **ret)
{
    *ret_found = false;
    for (const struct cte_frame *f = ctes; f; f = f->outer)
        for (uint32_t i = f->visible; i-- > 0;) {
            const struct syn_cte *c = &f->query->ctes[i];
            if (!str_eq(c->name, name))
                continue;
            struct cte_frame before = { f->query, i, f->outer, f->used };
            struct rel *r;
            *ret_found = f->used[i] = true;
            TRY(bind_query(b, &before, c->query, false, &r));
            return rename_columns(b, r, c->columns, c->n_columns, "WITH", c->name, c->line, c->column, ret);
        }
    return ST_OK;
}

enum status bind_relation(struct binder *b, const struct cte_frame *ctes, const struct syn_name *name, struct rel **ret)
{
    if (name->count == 1) {
        bool found;
        TRY(bind_cte(b, ctes, name->parts[0], &found, ret));
        if (found)
            return ST_OK;
    }
    struct str n;
    TRY(name_of(b, name, &n));
    const struct view_desc *v = catalog_view(b->env->catalog, n);
    if (v)
        return bind_view(b, v, name, ret);
    const struct table_desc *t = catalog_table(b->env->catalog, n);
    if (t)
        return scan_at(b, t, name->line, name->column, ret);
    return catalog_unknown(b->env->catalog, n, name->line, name->column, b->err);
}

/* ---- FROM items ---- */

/* A table by name; hints that are not for it are refused. */
static enum status bind_table(struct binder *b, const struct cte_frame *ctes, const struct syn_from *f,
                              struct rel **ret)
{
    const struct table_desc *t = NULL;
    bool options = false;
    for (uint32_t i = 0; i < f->n_hints; i++) {
        options |= is_options(&f->hints[i]);
        if (!is_options(&f->hints[i]))
            TRY(bind_hints(b, &f->hints[i], 1, f->line, f->column));
    }
    if (f->system_time)
        return refuse(b, F_SYSTEM_TIME, f->system_time->line, f->system_time->column);
    if (!options)
        return bind_relation(b, ctes, &f->name, ret);
    struct str name;
    TRY(name_of(b, &f->name, &name));
    if (f->name.count > 1 || !is_cte(ctes, name))
        t = catalog_table(b->env->catalog, name);
    if (!t)
        return error_at(b->err, ST_SEMANTIC, f->line, f->column, "the hint OPTIONS is for tables; '%.*s' is none",
                        STR_ARG(name));
    TRY(table_with_options(b, t, f->hints, f->n_hints, &t));
    return scan_at(b, t, f->line, f->column, ret);
}

/* A file named by its path: without hints the same one everywhere. */
static enum status bind_file(struct binder *b, const struct syn_from *f, struct rel **ret)
{
    ARRAY(struct option) more = { 0 };
    struct table_desc *t = NULL, **kept;
    for (uint32_t i = 0; i < f->n_hints; i++)
        for (uint32_t k = 0; is_options(&f->hints[i]) && k < f->hints[i].n_options; k++) {
            const struct syn_option *h = &f->hints[i].options[k];
            struct option *o = array_add(&more, b->arena);
            TRY_MEM(b, o);
            *o = (struct option){ h->name, h->value, h->line, h->column };
        }
    for (uint32_t i = 0; i < b->files.count && !more.count; i++)
        if (str_eq(b->files.at[i]->name, f->path))
            t = b->files.at[i];
    if (!t) {
        TRY(bind_at(b, catalog_file(b->env->catalog, f->path, more.at, more.count, b->arena, &t, b->err), f->line, f->column));
        if (!more.count) {
            kept = array_add(&b->files, b->arena);
            TRY_MEM(b, kept);
            *kept = t;
        }
    }
    return scan_at(b, t, f->line, f->column, ret);
}

static enum status bind_function(struct binder *b, const struct cte_frame *ctes, const struct syn_from *f,
                                 struct rel **ret)
{
    static const struct str windows[] = { STR_INIT("TUMBLE"), STR_INIT("HOP"), STR_INIT("CUMULATE"),
                                          STR_INIT("SESSION") };
    if (f->lateral)
        return refuse(b, F_LATERAL, f->line, f->column);
    struct str name = f->call->name.parts[f->call->name.count - 1];
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        if (str_eq_nocase(name, windows[i]))
            return bind_window(b, ctes, f->call, ret);
    if (str_eq_nocase(name, STR("TO_CHANGELOG")) || str_eq_nocase(name, STR("FROM_CHANGELOG")))
        return bind_changelog(b, ctes, f->call, ret);
    return error_at(b->err, ST_UNSUPPORTED, f->call->line, f->call->column, "not supported yet: %s (%.*s)",
                    feature_name(F_TABLE_FUNCTION), STR_ARG(name));
}

/* `item`: what columns may be qualified with. */
static enum status bind_item(struct binder *b, const struct cte_frame *ctes, const struct syn_from *f, struct rel **ret,
                             struct scope_item *item)
{
    switch (f->kind) {
    case SYN_FROM_TABLE:
        item->alias = f->name.parts[f->name.count - 1];
        TRY(bind_table(b, ctes, f, ret));
        return f->name.count == 1 && is_cte(ctes, item->alias) ? ST_OK : name_of(b, &f->name, &item->key);
    case SYN_FROM_QUERY:
        if (f->lateral)
            return refuse(b, F_LATERAL, f->line, f->column);
        return bind_query(b, ctes, f->query, false, ret);
    case SYN_FROM_FUNCTION:
        return bind_function(b, ctes, f, ret);
    case SYN_FROM_MATCH:
        return refuse(b, F_MATCH, f->line, f->column);
    case SYN_FROM_FILE:
        return bind_file(b, f, ret);
    case SYN_FROM_UNNEST:
    case SYN_FROM_JOIN:
    case SYN_FROM_VALUES:
        break;
    }
    return error_at(b->err, ST_BUG, f->line, f->column, "an unknown FROM item");
}

enum status bind_from(struct binder *b, const struct cte_frame *ctes, const struct syn_from *f, struct rel **ret,
                      struct scope *ret_scope)
{
    static const struct schema nothing;
    struct scope_item item = { 0 };
    struct scope empty = { .schema = &nothing };
    struct rel *r;
    if (f->kind == SYN_FROM_JOIN)
        return bind_join(b, ctes, f, ret, ret_scope);
    if (f->kind == SYN_FROM_UNNEST) {
        TRY(rel_one_row(b, &r));
        return bind_unnest(b, r, &empty, f, false, ret, ret_scope);
    }
    TRY(bind_item(b, ctes, f, &r, &item));
    if (f->kind != SYN_FROM_TABLE && f->kind != SYN_FROM_FILE)
        TRY(bind_hints(b, f->hints, f->n_hints, f->line, f->column));
    if (f->alias.len)
        item = (struct scope_item){ .alias = f->alias };
    bool values = f->kind == SYN_FROM_QUERY && f->query->kind == SYN_VALUES && !f->query->n_order && !f->query->limit;
    if (values && f->alias.len && !f->n_column_aliases && r->schema.n_fields == 1) /* `AS x` names the only column too */
        TRY(rename_columns(b, r, &f->alias, 1, "alias", item.alias, f->line, f->column, &r));
    TRY(rename_columns(b, r, f->column_aliases, f->n_column_aliases, "alias", item.alias, f->line, f->column, &r));
    *ret = r;
    TRY(scope_of(b, r, item.alias, ret_scope));
    ret_scope->items[0].key = item.key;
    return ST_OK;
}
