/* `oracle NAME`: the same question put to SQLite. System calls live in os, which starts no programs; so the work
 * is cut in two. A first run writes a script for each record: CREATE TABLE and INSERT (or DELETE) out of the input
 * lines so far, then the record's query. A shell runs sqlite3 over the scripts. A second run finds what was
 * printed beside the script and compares it with the table of NAME, numbers by value. Cells are separated by tabs,
 * NULL is printed as NULL; BOOLEAN columns are 1 and 0 there. */
#include "tester/tester_private.h"
#include "text/text.h"

#define SCRIPT_BYTES (64u << 20)

static bool put_name(struct buf *out, struct str name)
{
    return buf_printf(out, "\"%.*s\"", STR_ARG(name));
}

static const char *affinity(const struct type *t)
{
    if (type_is_integer(t) || t->kind == TYPE_BOOLEAN)
        return "INTEGER";
    if (t->kind == TYPE_FLOAT || t->kind == TYPE_DOUBLE)
        return "REAL";
    return t->kind == TYPE_DECIMAL ? "NUMERIC" : "TEXT";
}

static bool put_create(struct buf *out, const struct table_desc *t)
{
    bool ok = buf_printf(out, "CREATE TABLE ") && put_name(out, t->name) && buf_printf(out, " (");
    for (uint32_t i = 0; ok && i < t->physical.n_fields; i++)
        ok = buf_printf(out, i ? ", " : "") && put_name(out, t->physical.fields[i].name) &&
             buf_printf(out, " %s", affinity(t->physical.fields[i].type));
    return ok && buf_printf(out, ");\n");
}

static bool put_text(struct buf *out, const char *s, size_t len)
{
    bool ok = buf_put_u8(out, '\'');
    for (size_t i = 0; ok && i < len; i++)
        ok = (s[i] != '\'' || buf_put_u8(out, '\'')) && buf_put_u8(out, (uint8_t)s[i]);
    return ok && buf_put_u8(out, '\'');
}

/* One JSON value as an SQLite literal. */
static bool put_value(struct buf *out, struct arena *a, struct json *j)
{
    struct str raw;
    enum json_kind kind = json_peek(j);
    if (!json_skip(j, &raw))
        return false;
    switch (kind) {
    case JSON_NULL:
        return buf_printf(out, "NULL");
    case JSON_TRUE:
    case JSON_FALSE:
        return buf_put_u8(out, kind == JSON_TRUE ? '1' : '0');
    case JSON_NUMBER:
        return buf_put(out, raw.ptr, raw.len);
    case JSON_STRING: {
        char *text = arena_alloc(a, raw.len + 1);
        return text && put_text(out, text, json_unescape(str_make(raw.ptr + 1, raw.len - 2), text));
    }
    default:
        return put_text(out, raw.ptr, raw.len);
    }
}

/* The values of a line, each as a literal; 0 when it is no line of this table. */
static uint32_t line_values(struct arena *a, struct budget *b, const struct table_desc *t, struct str line,
                            struct str *ret)
{
    struct json j;
    struct buf value;
    uint32_t n = 0;
    json_init(&j, line);
    buf_init(&value, b, SCRIPT_BYTES);
    bool ok = json_peek(&j) == JSON_ARRAY && json_enter(&j);
    for (; ok && n < t->physical.n_fields; n++) {
        buf_clear(&value);
        ok = json_element(&j) && put_value(&value, a, &j);
        ret[n] = ok ? arena_str(a, buf_str(&value)) : (struct str){ NULL, 0 };
    }
    buf_release(&value);
    return ok && !json_element(&j) && json_finish(&j) ? n : 0;
}

static bool is_key(const struct table_desc *t, uint32_t physical)
{
    for (uint32_t k = 0; k < t->n_primary_key; k++)
        if (str_eq(t->columns[t->primary_key[k]].name, t->physical.fields[physical].name))
            return true;
    return t->n_primary_key == 0;
}

static bool put_delete(struct buf *out, const struct table_desc *t, const struct str *values)
{
    const char *glue = "";
    bool ok = buf_printf(out, "DELETE FROM ") && put_name(out, t->name) &&
              buf_printf(out, " WHERE rowid = (SELECT rowid FROM ") && put_name(out, t->name) &&
              buf_printf(out, " WHERE ");
    for (uint32_t i = 0; ok && i < t->physical.n_fields; i++) {
        if (!is_key(t, i))
            continue;
        ok = buf_printf(out, "%s", glue) && put_name(out, t->physical.fields[i].name) &&
             buf_printf(out, " IS ") && buf_put(out, values[i].ptr, values[i].len);
        glue = " AND ";
    }
    return ok && buf_printf(out, " LIMIT 1);\n");
}

static bool put_insert(struct buf *out, const struct table_desc *t, const struct str *values)
{
    bool ok = buf_printf(out, "INSERT INTO ") && put_name(out, t->name) && buf_printf(out, " VALUES (");
    for (uint32_t i = 0; ok && i < t->physical.n_fields; i++)
        ok = buf_printf(out, i ? ", " : "") && buf_put(out, values[i].ptr, values[i].len);
    return ok && buf_printf(out, ");\n");
}

static bool put_line(struct buf *out, struct arena *a, const struct table_desc *t, struct str line)
{
    struct str rest = str_trim(line);
    bool takes_back = rest.len && rest.ptr[0] == '-';
    if (rest.len > 2 && (rest.ptr[0] == '-' || rest.ptr[0] == '+'))
        rest = str_trim(str_make(rest.ptr + 2, rest.len - 2));
    struct str *values = ARENA_ARRAY(a, struct str, t->physical.n_fields + 1);
    if (!values)
        return false;
    if (!line_values(a, a->budget, t, rest, values))
        return true; /* a bad record */
    if ((takes_back || t->n_primary_key) && !put_delete(out, t, values))
        return false;
    return takes_back || put_insert(out, t, values);
}

static bool put_script(struct world *w, const struct record *r, struct buf *out, struct error *err)
{
    struct catalog *c = session_catalog(engine_session(w->engine));
    struct str *names;
    uint32_t n;
    bool ok =
        catalog_names(c, "TABLE", &w->arena, &names, &n, err) == ST_OK &&
        buf_printf(out, ".mode list\n.separator \"\\t\"\n.nullvalue NULL\nPRAGMA case_sensitive_like = ON;\nBEGIN;\n");
    for (uint32_t i = 0; ok && i < n; i++) {
        const struct table_desc *t = catalog_table(c, names[i]);
        const struct str *lines;
        uint32_t n_lines = t ? test_hub_lines(w->hub, names[i], &lines) : 0;
        if (!t || !t->physical.n_fields)
            continue;
        ok = put_create(out, t);
        for (uint32_t k = 0; ok && k < n_lines; k++)
            ok = put_line(out, &w->arena, t, lines[k]);
    }
    return ok && buf_printf(out, "COMMIT;\n%.*s;\n", STR_ARG(r->text));
}

static struct str file_name(struct arena *a, const char *dir, const struct record *r, const char *ending)
{
    struct str name = arena_printf(a, "%s/%.*s-%u%s", dir, STR_ARG(r->file), r->line, ending);
    for (size_t i = strlen(dir) + 1; name.ptr && i < name.len; i++)
        if (name.ptr[i] == '/')
            ((char *)(uintptr_t)name.ptr)[i] = '_';
    return name;
}

static enum status read_answer(struct arena *a, struct str text, struct rows *ret, struct error *err)
{
    while (text.ptr && text.len) {
        struct str line = str_split(&text, '\n');
        struct cells *c = rows_add(a, ret);
        const char *fault;
        if (!c || !cells_parse(a, line, false, c, &fault))
            return budget_error(a->budget, 0, err);
        for (uint32_t i = 0; i < c->n; i++)
            if (!c->at[i].len)
                c->at[i] = STR("(empty)");
    }
    return ST_OK;
}

enum status oracle_check(struct world *w, struct os *os, const struct record *r, const struct rows *table,
                         bool *ret_ran, bool *ret_same, struct difference *ret, struct error *err)
{
    struct arena *a = &w->arena;
    struct str sql = file_name(a, w->config->oracle_dir, r, ".sql"),
               out = file_name(a, w->config->oracle_dir, r, ".out");
    struct buf bytes;
    if (!sql.ptr || !out.ptr)
        return budget_error(a->budget, 0, err);
    buf_init(&bytes, a->budget, SCRIPT_BYTES);
    struct os_stat there;
    *ret_ran = os->ops->stat(os, out.ptr, &there, NULL) == ST_OK;
    enum status st = ST_OK;
    if (*ret_ran) {
        struct rows want = { 0 };
        struct compare c = { .arena = a, .types = STR("N") };
        st = os_read_file(os, out.ptr, SCRIPT_BYTES, &bytes, err);
        struct str text = st == ST_OK ? arena_str(a, buf_str(&bytes)) : (struct str){ NULL, 0 };
        if (st == ST_OK)
            st = read_answer(a, text, &want, err);
        if (st == ST_OK && !rows_compare(&c, &want, table, ret_same, ret))
            st = budget_error(a->budget, 0, err);
    } else if (put_script(w, r, &bytes, err)) {
        st = os_write_file(os, sql.ptr, bytes.data, bytes.len, err);
    } else {
        st = budget_error(a->budget, bytes.len, err);
    }
    buf_release(&bytes);
    return st;
}
