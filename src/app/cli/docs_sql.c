/* The pages of the reference that come from the tables behind SQL: functions and aggregates with what their examples
 * give, and the options of connectors, formats and SET.
 *
 * An example is run as `weir run` runs it, a SELECT of its own; what stands behind the arrow is the JSON that comes out.
 * One that is not the same at every call, or that has no value by itself, stands alone. Aggregates look at a small table
 * that their page shows. */
#include "cli/cli.h"

#define SAMPLE_ROWS                                                                                              \
    "(VALUES ('ann', 12, 1.5e0), ('bob', 7, 2.5e0), ('ann', 20, CAST(NULL AS DOUBLE))) AS t(name, price, weight)"

struct value {
    struct arena arena;
    struct str json; /* of the row's only column; ptr NULL: none */
};

/* {"v":…}, a line. */
static enum status take_value(void *arg, struct str bytes, struct error *err)
{
    struct value *v = arg;
    struct str line = str_split(&bytes, '\n');
    if (!str_starts(line, STR("{\"v\":")) || !str_ends(line, STR("}")))
        return ST_OK;
    v->json = arena_str(&v->arena, str_make(line.ptr + 5, line.len - 6));
    return v->json.ptr ? ST_OK : budget_error(v->arena.budget, line.len, err);
}

static void evaluate(struct cli *c, const struct function_doc *d, struct value *v)
{
    struct engine_config config = { .os = c->os, .final = true, .format = RESULT_NDJSON, .print = take_value, .print_arg = v };
    struct engine *e = NULL;
    struct error err;
    v->json = (struct str){ NULL, 0 };
    struct str sql = arena_printf(&v->arena, "SELECT %s AS v%s", d->example, d->aggregate ? " FROM " SAMPLE_ROWS : "");
    if (!sql.ptr || engine_new(&config, &e, &err) != ST_OK)
        return;
    if (engine_run(e, sql, NULL, NULL, NULL, &err) != ST_OK)
        v->json = (struct str){ NULL, 0 };
    engine_free(e);
}

static bool put_code(struct buf *out, const char *text)
{
    return buf_put_u8(out, '`') && docs_cell(out, text) && buf_put_u8(out, '`');
}

static bool put_function(struct cli *c, struct buf *out, const struct function_entry *e)
{
    struct value v = { 0 };
    arena_init(&v.arena, c->arena.budget);
    if (!e->varies)
        evaluate(c, e->doc, &v);
    bool ok = buf_printf(out, "| ") && put_code(out, e->doc->signature) && buf_printf(out, " | ") &&
              docs_cell(out, e->doc->help) && buf_printf(out, " | ") && put_code(out, e->doc->example);
    if (v.json.ptr)
        ok = ok && buf_printf(out, " → ") && put_code(out, v.json.ptr);
    arena_release(&v.arena);
    return ok && buf_printf(out, " |\n");
}

static bool put_group(struct cli *c, struct buf *out, uint32_t group)
{
    struct function_entry e;
    bool ok = buf_printf(out, "\n| call | what | example |\n|---|---|---|\n");
    for (uint32_t i = 0; ok && expr_group_at(group, i, &e); i++)
        ok = put_function(c, out, &e);
    return ok;
}

static bool is_aggregates(uint32_t group)
{
    struct function_entry e;
    return expr_group_at(group, 0, &e) && e.doc->aggregate;
}

static bool put_made_by(struct buf *out, const char *form)
{
    return buf_printf(out, "<!-- Made by: weir help --docs %s. Change the function tables in src/sql/expr, not this page. -->\n",
                      form);
}

bool docs_functions(struct cli *c, struct buf *out)
{
    const char *name;
    bool ok = put_made_by(out, "functions") &&
              buf_printf(out, "# Functions\n\n"
                              "By groups, each by name; `SHOW FUNCTIONS` lists them, `DESCRIBE FUNCTION name` shows one. What stands behind an\n"
                              "arrow is what the example gives, as JSON. A NULL argument gives NULL unless it is said otherwise. Aggregates have a\n"
                              "[page of their own](aggregates.md).\n");
    for (uint32_t g = 0; ok && (name = expr_group_name(g)); g++)
        if (!is_aggregates(g))
            ok = buf_printf(out, "\n## %s\n", name) && put_group(c, out, g);
    ok = ok && buf_printf(out, "\n## Not here\n\nFunctions of Flink's catalogue that are refused by name:\n\n"
                                "| function | why |\n|---|---|\n");
    const char *missing, *why;
    for (uint32_t i = 0; ok && (missing = expr_missing_at(i, &why)); i++)
        ok = buf_printf(out, "| `%s` | %s |\n", missing, why);
    return ok;
}

bool docs_aggregates(struct cli *c, struct buf *out)
{
    bool ok = put_made_by(out, "aggregates") &&
              buf_printf(out, "# Aggregates\n\n"
                              "Over groups, windows and all rows; each takes `FILTER (WHERE …)` and, but for the JSON ones, `DISTINCT`. NULLs are left\n"
                              "out unless it is said otherwise; over no values the result is NULL, of `COUNT` 0. The examples look at these rows:\n\n"
                              "| name | price | weight |\n|---|---|---|\n| ann | 12 | 1.5 |\n| bob | 7 | 2.5 |\n| ann | 20 | NULL |\n");
    for (uint32_t g = 0; ok && expr_group_name(g); g++)
        if (is_aggregates(g))
            ok = put_group(c, out, g);
    return ok;
}

/* ---- options ---- */

/* A SET key that is taken and ignored: it needs no row. */
static bool is_ignored(const struct option_spec *s)
{
    return strcmp(s->help, plan_setting_ignored) == 0;
}

static bool put_options(struct buf *out, const struct option_spec *specs, uint32_t n)
{
    static const char *const types[] = { [OPT_STRING] = "text",   [OPT_BOOL] = "bool",         [OPT_INT] = "number",
                                         [OPT_DOUBLE] = "number", [OPT_DURATION] = "duration", [OPT_SIZE] = "size" };
    bool ok = buf_printf(out, "| option | values | default | what |\n|---|---|---|---|\n");
    for (uint32_t i = 0; ok && i < n; i++) {
        const struct option_spec *s = &specs[i];
        if (is_ignored(s))
            continue;
        ok = buf_printf(out, "| `%s` | ", s->name);
        ok = ok && docs_cell(out, s->type == OPT_ENUM ? s->choices : types[s->type]);
        ok = ok && (s->fallback   ? buf_printf(out, " | `%s` | ", s->fallback)
                    : s->required ? buf_printf(out, " | (required) | ")
                                  : buf_printf(out, " |  | "));
        ok = ok && docs_cell(out, s->help) && buf_printf(out, " |\n");
    }
    return ok;
}

bool docs_options(struct cli *c, struct buf *out)
{
    struct engine_config config = { .os = c->os };
    struct engine *e = NULL;
    struct error err;
    if (engine_new(&config, &e, &err) != ST_OK)
        return false;
    const struct catalog *catalog = session_catalog(engine_session(e));
    const struct connector *k;
    const struct format *f;
    bool ok = true;
    for (uint32_t i = 0; ok && (k = catalog_connector_at(catalog, i)); i++)
        ok = buf_printf(out, "### %s\n\n", k->name) &&
             (!k->n_options || put_options(out, k->options, k->n_options)) && buf_put_u8(out, '\n');
    for (uint32_t i = 0; ok && (f = catalog_format_at(catalog, i)); i++)
        ok = buf_printf(out, "### %s\n\n", f->name) && (!f->n_options || put_options(out, f->options, f->n_options)) &&
             buf_put_u8(out, '\n');
    ok = ok && buf_printf(out, "## Configuration keys\n\n") && put_options(out, plan_settings, plan_settings_count) &&
         buf_printf(out, "\nAccepted without effect, so that scripts written for Flink run:");
    for (uint32_t i = 0, n = 0; ok && i < plan_settings_count; i++)
        if (is_ignored(&plan_settings[i]))
            ok = buf_printf(out, "%s `%s`", n++ ? "," : "", plan_settings[i].name);
    ok = ok && buf_printf(out, ".\n");
    engine_free(e);
    return ok;
}
