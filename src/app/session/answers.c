/* Answers as rows of text, in Flink's columns: EXPLAIN, DESCRIBE, SET without arguments. */
#include "session/session_private.h"

enum status session_begin_rows(struct action *a, const char *const *names, uint32_t n, uint32_t rows, struct error *err)
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

enum status session_add_row(struct action *a, const struct str *values, struct error *err)
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
    TRY(session_begin_rows(a, names, 2, s->settings.count, err));
    for (uint32_t i = 0; i < s->settings.count; i++) {
        struct str row[2] = { s->settings.at[i].name, s->settings.at[i].value };
        TRY(session_add_row(a, row, err));
    }
    return ST_OK;
}

/* A text as one row a line. */
enum status session_lines_as_rows(struct action *a, const char *column, struct str text, struct error *err)
{
    uint32_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    TRY(session_begin_rows(a, &column, 1, n, err));
    while (text.len) {
        struct str line = str_split(&text, '\n');
        TRY(session_add_row(a, &line, err));
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
    enum status st = ok ? session_lines_as_rows(a, "result", buf_str(&text), err) : budget_error(s->config.budget, 0, err);
    buf_release(&text);
    return st;
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
    struct str ret = session_put_metadata(&text, c) ? arena_str(a, buf_str(&text)) : (struct str){ NULL, 0 };
    buf_release(&text);
    return ret;
}

static enum status describe_column(const struct table_desc *t, const struct field *f, uint32_t i, struct action *a,
                                   struct error *err)
{
    const struct column_desc *c = t && i < t->n_columns ? &t->columns[i] : NULL;
    struct str row[7] = { f->name, type_name(a->arena, type_nullable(a->arena, f->type, true)),
                          f->type->nullable ? STR("TRUE") : STR("FALSE"), key_text(t, i, a) };
    if (f->type->time != TIME_NONE)
        row[1] = arena_printf(a->arena, "%.*s *%s*", STR_ARG(row[1]), f->type->time == TIME_EVENT ? "ROWTIME" : "PROCTIME");
    if (c && c->role == COLUMN_COMPUTED)
        row[4] = arena_printf(a->arena, "AS %.*s", STR_ARG(c->expr));
    if (c && c->role == COLUMN_METADATA)
        row[4] = metadata_text(a->arena, c);
    if (c && t->watermark_column == (int32_t)i)
        row[5] = t->watermark_expr;
    if (c && c->comment.len)
        row[6] = c->comment;
    return session_add_row(a, row, err);
}

/* Comments have a column where there are any. */
static enum status describe_columns(const struct syn_stmt *stmt, const struct table_desc *t, const struct schema *schema,
                                    struct action *a, struct error *err)
{
    static const char *const columns[] = { "name", "type", "null", "key", "extras", "watermark", "comment" };
    bool comments = false;
    for (uint32_t i = 0; t && i < t->n_columns; i++)
        comments |= t->columns[i].comment.len > 0;
    TRY(session_begin_rows(a, columns, comments ? 7 : 6, schema->n_fields, err));
    for (uint32_t i = 0; i < schema->n_fields; i++)
        if (session_wanted(stmt, schema->fields[i].name))
            TRY(describe_column(t, &schema->fields[i], i, a, err));
    return ST_OK;
}

enum status session_describe_name(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    struct object_name at;
    struct schema schema;
    TRY(plan_describe(&env, &stmt->name, &schema, err));
    TRY(plan_object(&env, &stmt->name, &at, err));
    return describe_columns(stmt, catalog_table(s->catalog, at.key), &schema, a, err);
}

static enum status describe_file(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    const struct table_desc *t;
    TRY(plan_describe_file(&env, stmt->path, stmt->line, stmt->column, &t, err));
    return describe_columns(stmt, t, &t->physical, a, err);
}

static enum status describe_function(const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const char *const columns[] = { "info name", "info value" };
    struct str name = stmt->name.parts[stmt->name.count - 1];
    const struct function_doc *d = expr_function_doc(name);
    if (!d) {
        struct str near = expr_function_nearest(name);
        error_at(err, ST_SEMANTIC, stmt->name.line, stmt->name.column, "unknown function '%.*s'", STR_ARG(name));
        if (near.len)
            error_hint(err, "did you mean %.*s?", STR_ARG(near));
        return ST_SEMANTIC;
    }
    TRY(session_begin_rows(a, columns, 2, 4, err));
    struct str rows[4][2] = { { STR("name"), str_from(d->name) }, { STR("signature"), str_from(d->signature) },
                              { STR("help"), str_from(d->help) }, { STR("example"), str_from(d->example) } };
    for (uint32_t i = 0; i < 4; i++)
        TRY(session_add_row(a, rows[i], err));
    return ST_OK;
}

static enum status describe_catalog(const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const char *const columns[] = { "info name", "info value" };
    static const struct str rows[3][2] = { { STR_INIT("name"), STR_INIT(CATALOG_NAME) },
                                           { STR_INIT("type"), STR_INIT("generic_in_memory") },
                                           { STR_INIT("comment"), STR_INIT("") } };
    TRY(session_check_catalog(&stmt->name, stmt->name.count, err));
    TRY(session_begin_rows(a, columns, 2, 3, err));
    for (uint32_t i = 0; i < 3; i++)
        TRY(session_add_row(a, rows[i], err));
    return ST_OK;
}

enum status session_describe(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    if (str_eq(stmt->what, STR("FUNCTION")))
        return describe_function(stmt, a, err);
    if (str_eq(stmt->what, STR("CATALOG")))
        return describe_catalog(stmt, a, err);
    if (stmt->what.len)
        return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column, "DESCRIBE %.*s is not supported yet",
                        STR_ARG(stmt->what));
    if (stmt->path.len)
        return describe_file(s, stmt, a, err);
    return session_describe_name(s, stmt, a, err);
}
