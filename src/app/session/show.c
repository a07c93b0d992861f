/* SHOW: names that the catalog holds, and statements that make anew what it holds. */
#include "session/session_private.h"

static bool same_letter(char a, char b, bool nocase)
{
    return a == b || (nocase && str_eq_nocase(str_make(&a, 1), str_make(&b, 1)));
}

/* LIKE of SHOW: % and _ only; ILIKE without case. */
static bool like(struct str s, struct str p, bool nocase)
{
    size_t i = 0, k = 0, star = SIZE_MAX, mark = 0;
    while (i < s.len) {
        if (k < p.len && p.ptr[k] == '%') {
            star = k++;
            mark = i;
        } else if (k < p.len && (p.ptr[k] == '_' || same_letter(p.ptr[k], s.ptr[i], nocase))) {
            i++;
            k++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (k < p.len && p.ptr[k] == '%')
        k++;
    return k == p.len;
}

bool session_wanted(const struct syn_stmt *stmt, struct str name)
{
    return !stmt->like.ptr || like(name, stmt->like, stmt->flag) != stmt->not_like;
}

/* The database of FROM, or the one in use. */
static enum status listed_database(struct session *s, const struct syn_stmt *stmt, struct str *ret, struct error *err)
{
    *ret = s->database;
    return stmt->name.count ? session_database_of(s, &stmt->name, ret, err) : ST_OK;
}

/* Tables or views of a database. */
static enum status show_names(struct session *s, const struct syn_stmt *stmt, const char *kind, const char *column,
                              struct action *a, struct error *err)
{
    struct str *keys, database;
    uint32_t n;
    TRY(listed_database(s, stmt, &database, err));
    TRY(catalog_names(s->catalog, kind, a->arena, &keys, &n, err));
    TRY(session_begin_rows(a, &column, 1, n, err));
    for (uint32_t i = 0; i < n; i++) {
        const struct object_name *at = catalog_find_name(s->catalog, keys[i]);
        if (str_eq(at->database, database) && session_wanted(stmt, at->name))
            TRY(session_add_row(a, &at->name, err));
    }
    return ST_OK;
}

static enum status show_databases(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const char *const column = "database name";
    struct str *names;
    uint32_t n;
    if (stmt->name.count)
        TRY(session_check_catalog(&stmt->name, stmt->name.count, err));
    TRY(catalog_names(s->catalog, "DATABASE", a->arena, &names, &n, err));
    TRY(session_begin_rows(a, &column, 1, n, err));
    for (uint32_t i = 0; i < n; i++)
        if (session_wanted(stmt, names[i]))
            TRY(session_add_row(a, &names[i], err));
    return ST_OK;
}

static enum status show_functions(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const char *const columns[] = { "function name", "signature", "help" };
    struct str *names, database;
    uint32_t n, builtins = 0;
    TRY(listed_database(s, stmt, &database, err));
    TRY(catalog_names(s->catalog, "FUNCTION", a->arena, &names, &n, err));
    while (expr_function_at(builtins))
        builtins++;
    TRY(session_begin_rows(a, columns, 3, n + builtins, err));
    for (uint32_t i = 0; i < builtins; i++) {
        const struct function_doc *d = expr_function_at(i);
        struct str row[3] = { str_from(d->name), str_from(d->signature), str_from(d->help) };
        if (session_wanted(stmt, row[0]))
            TRY(session_add_row(a, row, err));
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct function_desc *f = catalog_function(s->catalog, names[i]);
        struct str row[3] = { names[i], { NULL, 0 }, f ? f->class_name : (struct str){ NULL, 0 } };
        if (session_wanted(stmt, row[0]))
            TRY(session_add_row(a, row, err));
    }
    return ST_OK;
}

static enum status show_user_functions(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const char *const column = "function name";
    struct str *names, database;
    uint32_t n;
    TRY(listed_database(s, stmt, &database, err));
    TRY(catalog_names(s->catalog, "FUNCTION", a->arena, &names, &n, err));
    TRY(session_begin_rows(a, &column, 1, n, err));
    for (uint32_t i = 0; i < n; i++)
        if (session_wanted(stmt, names[i]))
            TRY(session_add_row(a, &names[i], err));
    return ST_OK;
}

static enum status show_tables(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    return show_names(s, stmt, "TABLE", "table name", a, err);
}

static enum status show_views(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    return show_names(s, stmt, "VIEW", "view name", a, err);
}

static bool put_quoted(struct buf *out, struct str name)
{
    bool ok = buf_put_u8(out, '`');
    for (size_t i = 0; ok && i < name.len; i++)
        ok = (name.ptr[i] != '`' || buf_put_u8(out, '`')) && buf_put_u8(out, (uint8_t)name.ptr[i]);
    return ok && buf_put_u8(out, '`');
}

static bool put_text(struct buf *out, struct str text)
{
    bool ok = buf_put_u8(out, '\'');
    for (size_t i = 0; ok && i < text.len; i++)
        ok = (text.ptr[i] != '\'' || buf_put_u8(out, '\'')) && buf_put_u8(out, (uint8_t)text.ptr[i]);
    return ok && buf_put_u8(out, '\'');
}

bool session_put_metadata(struct buf *out, const struct column_desc *c)
{
    bool ok = buf_printf(out, "METADATA");
    if (!str_eq(c->metadata_key, c->name))
        ok = ok && buf_printf(out, " FROM ") && put_text(out, c->metadata_key);
    return ok && (!c->is_virtual || buf_printf(out, " VIRTUAL"));
}

static bool put_comment(struct buf *out, struct str comment)
{
    return !comment.len || (buf_printf(out, " COMMENT ") && put_text(out, comment));
}

static bool put_column(struct buf *out, const struct column_desc *c)
{
    bool ok = buf_put(out, "  ", 2) && put_quoted(out, c->name) && buf_put_u8(out, ' ');
    if (c->role == COLUMN_COMPUTED)
        ok = ok && buf_printf(out, "AS %.*s", STR_ARG(c->expr));
    else
        ok = ok && type_print(out, c->type);
    ok = ok && (c->role != COLUMN_METADATA || (buf_put_u8(out, ' ') && session_put_metadata(out, c)));
    return ok && put_comment(out, c->comment);
}

static bool put_primary_key(struct buf *out, const struct table_desc *t)
{
    if (!t->n_primary_key)
        return true;
    bool ok = buf_printf(out, ",\n  ");
    if (t->key_name.len)
        ok = ok && buf_printf(out, "CONSTRAINT ") && put_quoted(out, t->key_name) && buf_put_u8(out, ' ');
    for (uint32_t i = 0; ok && i < t->n_primary_key; i++)
        ok = buf_printf(out, i ? ", " : "PRIMARY KEY (") && put_quoted(out, t->columns[t->primary_key[i]].name);
    return ok && buf_printf(out, ") NOT ENFORCED");
}

/* As a session that uses the default database writes it. */
static bool put_name(struct buf *out, const struct object_name *at, struct str name)
{
    if (!at->key.len)
        return put_quoted(out, name);
    bool elsewhere = !str_eq(at->database, STR(CATALOG_DATABASE));
    return (!elsewhere || (put_quoted(out, at->database) && buf_put_u8(out, '.'))) && put_quoted(out, at->name);
}

static bool put_create_table(struct buf *out, const struct table_desc *t)
{
    const struct options *given = table_given(t);
    bool ok = buf_printf(out, "CREATE %sTABLE ", t->temporary ? "TEMPORARY " : "") && put_name(out, &t->at, t->name) &&
              buf_printf(out, " (\n");
    for (uint32_t i = 0; ok && i < t->n_columns; i++)
        ok = (i == 0 || buf_printf(out, ",\n")) && put_column(out, &t->columns[i]);
    if (ok && t->watermark_column >= 0)
        ok = buf_printf(out, ",\n  WATERMARK FOR ") && put_quoted(out, t->columns[t->watermark_column].name) &&
             buf_printf(out, " AS %.*s", STR_ARG(t->watermark_expr));
    ok = ok && put_primary_key(out, t) && buf_printf(out, "\n)") && put_comment(out, t->comment);
    for (uint32_t i = 0; ok && i < t->n_partitioned_by; i++)
        ok = buf_printf(out, i ? ", " : "\nPARTITIONED BY (") && put_quoted(out, t->partitioned_by[i]);
    ok = ok && (!t->n_partitioned_by || buf_printf(out, ")"));
    for (uint32_t i = 0; ok && i < given->count; i++)
        ok = buf_printf(out, i ? ",\n  " : t->n_partitioned_by || t->comment.len ? "\nWITH (\n  " : " WITH (\n  ") &&
             put_text(out, given->at[i].name) && buf_printf(out, " = ") && put_text(out, given->at[i].value);
    return ok && (!given->count || buf_printf(out, "\n)"));
}

/* A table that declares what is inferred from a file, under the file's name without folders and endings. */
static enum status file_table(struct session *s, const struct syn_stmt *stmt, struct action *a, struct table_desc *ret,
                              struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    const struct table_desc *t;
    TRY(plan_describe_file(&env, stmt->path, stmt->line, stmt->column, &t, err));
    *ret = *t;
    ret->temporary = false;
    while (memchr(ret->name.ptr, '/', ret->name.len))
        (void)str_split(&ret->name, '/');
    if (ret->name.len > 1 && memchr(ret->name.ptr + 1, '.', ret->name.len - 1))
        ret->name.len = (size_t)((const char *)memchr(ret->name.ptr + 1, '.', ret->name.len - 1) - ret->name.ptr);
    return ST_OK;
}

/* The query's names mean what they did when it was made. */
static bool put_create_view(struct buf *out, const struct view_desc *v)
{
    bool ok = str_eq(v->within, STR(CATALOG_DATABASE)) ||
              (buf_printf(out, "USE ") && put_quoted(out, v->within) && buf_printf(out, ";\n"));
    ok = ok && buf_printf(out, "CREATE %sVIEW ", v->temporary ? "TEMPORARY " : "") && put_name(out, &v->at, v->name);
    for (uint32_t i = 0; ok && i < v->n_columns; i++)
        ok = buf_printf(out, i ? ", " : " (") && put_quoted(out, v->columns[i]);
    ok = ok && (!v->n_columns || buf_printf(out, ")"));
    return ok && put_comment(out, v->comment) && buf_printf(out, " AS\n%.*s", STR_ARG(v->query));
}

static enum status show_create(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    const struct table_desc *t = NULL;
    const struct view_desc *v = NULL;
    struct object_name at = { 0 };
    struct table_desc file;
    struct buf text;
    bool view = str_eq(stmt->what, STR("CREATE VIEW"));
    if (stmt->path.len) {
        TRY(file_table(s, stmt, a, &file, err));
        t = &file;
    } else {
        TRY(plan_object(&env, &stmt->name, &at, err));
        t = catalog_table(s->catalog, at.key);
        v = catalog_view(s->catalog, at.key);
    }
    if (!t && !v)
        return catalog_unknown(s->catalog, at.key, stmt->name.line, stmt->name.column, err);
    if (view != (v != NULL))
        return error_at(err, ST_SEMANTIC, stmt->name.line, stmt->name.column, "'%.*s' is a %s: write SHOW CREATE %s",
                        STR_ARG(at.key), v ? "view" : "table", v ? "VIEW" : "TABLE");
    buf_init(&text, s->config.budget, 1u << 20);
    bool ok = t ? put_create_table(&text, t) : put_create_view(&text, v);
    enum status st = ok ? session_lines_as_rows(a, "result", buf_str(&text), err) : budget_error(s->config.budget, 0, err);
    buf_release(&text);
    return st;
}

/* What answers by itself, or is nothing but what it says. */
static const struct {
    const char *what;
    session_statement *show; /* NULL: the value */
    const char *column;
    const char *value; /* NULL: none */
} shows[] = {
    { "TABLES", show_tables, NULL, NULL },
    { "VIEWS", show_views, NULL, NULL },
    { "DATABASES", show_databases, NULL, NULL },
    { "FUNCTIONS", show_functions, NULL, NULL },
    { "USER FUNCTIONS", show_user_functions, NULL, NULL },
    { "CREATE TABLE", show_create, NULL, NULL },
    { "CREATE VIEW", show_create, NULL, NULL },
    { "COLUMNS", session_describe_name, NULL, NULL },
    { "CATALOGS", NULL, "catalog name", CATALOG_NAME },
    { "CURRENT CATALOG", NULL, "current catalog name", CATALOG_NAME },
    { "MODULES", NULL, "module name", "core" },
    { "MATERIALIZED TABLES", NULL, "table name", NULL },
    { "MODELS", NULL, "model name", NULL },
    { "PROCEDURES", NULL, "procedure name", NULL },
    { "CONNECTIONS", NULL, "connection name", NULL },
    { "JARS", NULL, "jars", NULL },
};

static enum status show_value(const struct syn_stmt *stmt, const char *column, struct str value, struct action *a,
                              struct error *err)
{
    TRY(session_begin_rows(a, &column, 1, 1, err));
    return value.ptr && session_wanted(stmt, value) ? session_add_row(a, &value, err) : ST_OK;
}

enum status session_show(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct str database;
    for (size_t i = 0; i < sizeof shows / sizeof *shows; i++) {
        if (!str_eq(stmt->what, str_from(shows[i].what)))
            continue;
        if (shows[i].show)
            return shows[i].show(s, stmt, a, err);
        TRY(listed_database(s, stmt, &database, err));
        return show_value(stmt, shows[i].column, shows[i].value ? str_from(shows[i].value) : (struct str){ 0 }, a, err);
    }
    if (str_eq(stmt->what, STR("CURRENT DATABASE")))
        return show_value(stmt, "current database name", s->database, a, err);
    if (str_eq(stmt->what, STR("FULL MODULES"))) {
        static const char *const columns[] = { "module name", "used" };
        const struct str row[] = { STR("core"), STR("TRUE") };
        TRY(session_begin_rows(a, columns, 2, 1, err));
        return session_add_row(a, row, err);
    }
    if (str_eq(stmt->what, STR("JOBS")))
        return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column,
                        "SHOW JOBS is not supported here: weir sql has jobs beside its prompt");
    return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column, "SHOW %.*s is not supported yet",
                    STR_ARG(stmt->what));
}
