/* SHOW, DESCRIBE, EXPLAIN and SET without arguments: answers as rows of text, in Flink's columns. */
#include "session/session_private.h"

/* Starts an answer of text columns. */
static enum status begin_rows(struct action *a, const char *const *names, uint32_t n, uint32_t rows, struct error *err)
{
    struct field *fields = ARENA_ARRAY(a->arena, struct field, n);
    struct schema *schema = ARENA_NEW(a->arena, struct schema);
    if (!fields || !schema)
        return budget_error(a->arena->budget, sizeof *fields * n, err);
    for (uint32_t i = 0; i < n; i++)
        fields[i] = (struct field){ str_from(names[i]), type_string() };
    *schema = (struct schema){ fields, n };
    a->rows = batch_new(schema, rows ? rows : 1, a->arena->budget);
    a->kind = ACTION_ROWS;
    return a->rows ? ST_OK : budget_error(a->arena->budget, rows, err);
}

/* values[i].ptr NULL: SQL NULL. */
static enum status add_row(struct action *a, const struct str *values, struct error *err)
{
    uint32_t row = a->rows->count;
    for (uint32_t i = 0; i < a->rows->schema->n_fields; i++) {
        if (!values[i].ptr)
            column_set_null(&a->rows->cols[i], row);
        else if (!column_set_str(&a->rows->cols[i], row, values[i].ptr, values[i].len))
            return budget_error(a->arena->budget, values[i].len, err);
    }
    a->rows->count++;
    return ST_OK;
}

enum status session_list_settings(struct session *s, struct action *a, struct error *err)
{
    static const char *const names[] = { "key", "value" };
    TRY(begin_rows(a, names, 2, s->settings.count, err));
    for (uint32_t i = 0; i < s->settings.count; i++) {
        struct str row[2] = { s->settings.at[i].name, s->settings.at[i].value };
        TRY(add_row(a, row, err));
    }
    return ST_OK;
}

/* A text as one row a line. */
static enum status lines_as_rows(struct action *a, const char *column, struct str text, struct error *err)
{
    uint32_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    TRY(begin_rows(a, &column, 1, n, err));
    while (text.len) {
        struct str line = str_split(&text, '\n');
        TRY(add_row(a, &line, err));
    }
    return ST_OK;
}

/* The details of EXPLAIN. Modes are always shown; nothing is estimated. */
static bool wants(struct str details, const char *name)
{
    while (details.ptr && details.len)
        if (str_eq(str_split(&details, ','), str_from(name)))
            return true;
    return false;
}

static bool put_explained(struct buf *out, const struct plan *p, struct str details)
{
    bool ok = plan_print(out, p);
    if (wants(details, "PLAN_ADVICE"))
        ok = ok && buf_printf(out, "\n== Advice ==\n") && plan_print_advice(out, p);
    if (wants(details, "JSON_EXECUTION_PLAN"))
        ok = ok && buf_printf(out, "\n== Physical Execution Plan ==\n") && plan_print_json(out, p);
    return ok;
}

enum status session_explain_rows(struct session *s, struct str details, struct action *a, struct error *err)
{
    struct buf text;
    buf_init(&text, s->config.budget, 64u << 20);
    bool ok = put_explained(&text, a->plan, details);
    enum status st = ok ? lines_as_rows(a, "result", buf_str(&text), err) : budget_error(s->config.budget, 0, err);
    buf_release(&text);
    return st;
}

/* ---- SHOW ---- */

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

static bool wanted(const struct syn_stmt *stmt, struct str name)
{
    return !stmt->like.ptr || like(name, stmt->like, stmt->flag) != stmt->not_like;
}

static enum status show_names(struct session *s, const struct syn_stmt *stmt, const char *kind, const char *column,
                              struct action *a, struct error *err)
{
    struct str *names;
    uint32_t n;
    TRY(catalog_names(s->catalog, kind, a->arena, &names, &n, err));
    TRY(begin_rows(a, &column, 1, n, err));
    for (uint32_t i = 0; i < n; i++)
        if (wanted(stmt, names[i]))
            TRY(add_row(a, &names[i], err));
    return ST_OK;
}

static enum status show_functions(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const char *const columns[] = { "function name", "signature", "help" };
    struct str *names;
    uint32_t n, builtins = 0;
    TRY(catalog_names(s->catalog, "FUNCTION", a->arena, &names, &n, err));
    while (expr_function_at(builtins))
        builtins++;
    TRY(begin_rows(a, columns, 3, n + builtins, err));
    for (uint32_t i = 0; i < builtins; i++) {
        const struct function_doc *d = expr_function_at(i);
        struct str row[3] = { str_from(d->name), str_from(d->signature), str_from(d->help) };
        if (wanted(stmt, row[0]))
            TRY(add_row(a, row, err));
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct function_desc *f = catalog_function(s->catalog, names[i]);
        struct str row[3] = { names[i], { NULL, 0 }, f ? f->class_name : (struct str){ NULL, 0 } };
        if (wanted(stmt, row[0]))
            TRY(add_row(a, row, err));
    }
    return ST_OK;
}

/* What kinds of SHOW list: the catalog's kind and the answer's column. */
static const struct {
    const char *what, *kind, *column;
} lists[] = {
    { "TABLES", "TABLE", "table name" },
    { "VIEWS", "VIEW", "view name" },
    { "USER FUNCTIONS", "FUNCTION", "function name" },
};

static enum status describe_name(struct session *s, const struct syn_name *name, struct action *a, struct error *err);

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

static bool put_metadata(struct buf *out, const struct column_desc *c)
{
    bool ok = buf_printf(out, "METADATA");
    if (!str_eq(c->metadata_key, c->name))
        ok = ok && buf_printf(out, " FROM ") && put_text(out, c->metadata_key);
    return ok && (!c->is_virtual || buf_printf(out, " VIRTUAL"));
}

static bool put_column(struct buf *out, const struct column_desc *c)
{
    bool ok = buf_put(out, "  ", 2) && put_quoted(out, c->name) && buf_put_u8(out, ' ');
    if (c->role == COLUMN_COMPUTED)
        return ok && buf_printf(out, "AS %.*s", STR_ARG(c->expr));
    ok = ok && type_print(out, c->type);
    return ok && (c->role != COLUMN_METADATA || (buf_put_u8(out, ' ') && put_metadata(out, c)));
}

static bool put_create_table(struct buf *out, const struct table_desc *t)
{
    bool ok = buf_printf(out, "CREATE %sTABLE ", t->temporary ? "TEMPORARY " : "") && put_quoted(out, t->name) &&
              buf_printf(out, " (\n");
    for (uint32_t i = 0; ok && i < t->n_columns; i++)
        ok = (i == 0 || buf_printf(out, ",\n")) && put_column(out, &t->columns[i]);
    if (ok && t->watermark_column >= 0)
        ok = buf_printf(out, ",\n  WATERMARK FOR ") && put_quoted(out, t->columns[t->watermark_column].name) &&
             buf_printf(out, " AS %.*s", STR_ARG(t->watermark_expr));
    for (uint32_t i = 0; ok && i < t->n_primary_key; i++)
        ok = buf_printf(out, i ? ", " : ",\n  PRIMARY KEY (") && put_quoted(out, t->columns[t->primary_key[i]].name);
    ok = ok && (!t->n_primary_key || buf_printf(out, ") NOT ENFORCED")) && buf_printf(out, "\n)");
    for (uint32_t i = 0; ok && i < t->n_partitioned_by; i++)
        ok = buf_printf(out, i ? ", " : "\nPARTITIONED BY (") && put_quoted(out, t->partitioned_by[i]);
    ok = ok && (!t->n_partitioned_by || buf_printf(out, ")"));
    for (uint32_t i = 0; ok && i < t->options.count; i++)
        ok = buf_printf(out, i ? ",\n  " : t->n_partitioned_by ? "\nWITH (\n  " : " WITH (\n  ") &&
             put_text(out, t->options.at[i].name) && buf_printf(out, " = ") && put_text(out, t->options.at[i].value);
    return ok && (!t->options.count || buf_printf(out, "\n)"));
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

static enum status show_create(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct str name = session_last_part(&stmt->name);
    const struct table_desc *t = catalog_table(s->catalog, name);
    const struct view_desc *v = catalog_view(s->catalog, name);
    struct table_desc file;
    struct buf text;
    if (stmt->path.len)
        TRY(file_table(s, stmt, a, &file, err));
    if (stmt->path.len)
        t = &file;
    if (!t && !v)
        return catalog_unknown(s->catalog, name, stmt->name.line, stmt->name.column, err);
    buf_init(&text, s->config.budget, 1u << 20);
    bool ok = t ? put_create_table(&text, t)
                : buf_printf(&text, "CREATE VIEW ") && put_quoted(&text, name) &&
                      buf_printf(&text, " AS\n%.*s", STR_ARG(v->query));
    enum status st = ok ? lines_as_rows(a, "result", buf_str(&text), err) : budget_error(s->config.budget, 0, err);
    buf_release(&text);
    return st;
}

enum status session_show(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (str_eq(stmt->what, str_from(lists[i].what)))
            return show_names(s, stmt, lists[i].kind, lists[i].column, a, err);
    if (str_eq(stmt->what, STR("FUNCTIONS")))
        return show_functions(s, stmt, a, err);
    if (str_eq(stmt->what, STR("CREATE TABLE")) || str_eq(stmt->what, STR("CREATE VIEW")))
        return show_create(s, stmt, a, err);
    if (str_eq(stmt->what, STR("COLUMNS")))
        return describe_name(s, &stmt->name, a, err);
    return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column, "SHOW %.*s is not supported yet",
                    STR_ARG(stmt->what));
}

/* ---- DESCRIBE ---- */

static struct str key_text(const struct table_desc *t, uint32_t column, struct action *a)
{
    for (uint32_t i = 0; t && i < t->n_primary_key; i++) {
        if (t->primary_key[i] != column)
            continue;
        struct str text = STR("PRI(");
        for (uint32_t k = 0; k < t->n_primary_key; k++)
            text = arena_printf(a->arena, "%.*s%s%.*s", STR_ARG(text), k ? ", " : "",
                                STR_ARG(t->columns[t->primary_key[k]].name));
        return arena_printf(a->arena, "%.*s)", STR_ARG(text));
    }
    return (struct str){ NULL, 0 };
}

static struct str metadata_text(struct arena *a, const struct column_desc *c)
{
    struct buf text;
    buf_init(&text, a->budget, 1u << 20);
    struct str ret = put_metadata(&text, c) ? arena_str(a, buf_str(&text)) : (struct str){ NULL, 0 };
    buf_release(&text);
    return ret;
}

static enum status describe_columns(const struct table_desc *t, const struct schema *schema, struct action *a,
                                    struct error *err)
{
    static const char *const columns[] = { "name", "type", "null", "key", "extras", "watermark" };
    TRY(begin_rows(a, columns, 6, schema->n_fields, err));
    for (uint32_t i = 0; i < schema->n_fields; i++) {
        const struct type *type = schema->fields[i].type;
        const struct column_desc *c = t && i < t->n_columns ? &t->columns[i] : NULL;
        struct str row[6] = { schema->fields[i].name, type_name(a->arena, type_nullable(a->arena, type, true)),
                              type->nullable ? STR("TRUE") : STR("FALSE"), key_text(t, i, a) };
        if (type->time != TIME_NONE)
            row[1] = arena_printf(a->arena, "%.*s *%s*", STR_ARG(row[1]),
                                  type->time == TIME_EVENT ? "ROWTIME" : "PROCTIME");
        if (c && c->role == COLUMN_COMPUTED)
            row[4] = arena_printf(a->arena, "AS %.*s", STR_ARG(c->expr));
        if (c && c->role == COLUMN_METADATA)
            row[4] = metadata_text(a->arena, c);
        if (c && t->watermark_column == (int32_t)i)
            row[5] = t->watermark_expr;
        TRY(add_row(a, row, err));
    }
    return ST_OK;
}

static enum status describe_name(struct session *s, const struct syn_name *name, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    struct schema schema;
    TRY(plan_describe(&env, name, &schema, err));
    return describe_columns(catalog_table(s->catalog, session_last_part(name)), &schema, a, err);
}

static enum status describe_file(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    const struct table_desc *t;
    TRY(plan_describe_file(&env, stmt->path, stmt->line, stmt->column, &t, err));
    return describe_columns(t, &t->physical, a, err);
}

static enum status describe_function(const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const char *const columns[] = { "info name", "info value" };
    struct str name = session_last_part(&stmt->name);
    const struct function_doc *d = expr_function_doc(name);
    if (!d) {
        struct str near = expr_function_nearest(name);
        error_at(err, ST_SEMANTIC, stmt->name.line, stmt->name.column, "unknown function '%.*s'", STR_ARG(name));
        if (near.len)
            error_hint(err, "did you mean %.*s?", STR_ARG(near));
        return ST_SEMANTIC;
    }
    TRY(begin_rows(a, columns, 2, 4, err));
    struct str rows[4][2] = { { STR("name"), str_from(d->name) }, { STR("signature"), str_from(d->signature) },
                              { STR("help"), str_from(d->help) }, { STR("example"), str_from(d->example) } };
    for (uint32_t i = 0; i < 4; i++)
        TRY(add_row(a, rows[i], err));
    return ST_OK;
}

enum status session_describe(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    if (str_eq(stmt->what, STR("FUNCTION")))
        return describe_function(stmt, a, err);
    if (stmt->what.len)
        return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column, "DESCRIBE %.*s is not supported yet",
                        STR_ARG(stmt->what));
    if (stmt->path.len)
        return describe_file(s, stmt, a, err);
    return describe_name(s, &stmt->name, a, err);
}
