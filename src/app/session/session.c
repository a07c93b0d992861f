/* Statements: one table from statement kind to what carries it out. DDL goes into the catalog at once (its
 * descriptors live in the catalog's arena); queries and INSERTs become plans that the caller runs. A plan and
 * everything it points to live in the action's arena, so a job can take the arena with it. */
#include "session/session.h"

#include "session/session_private.h"

struct session *session_new(const struct session_config *config)
{
    struct session *s = mem_calloc(config->budget, sizeof *s);
    if (!s)
        return NULL;
    s->config = *config;
    if (!s->config.capacity)
        s->config.capacity = BATCH_ROWS;
    arena_init(&s->arena, config->budget);
    s->config.result_connector = arena_str(&s->arena, config->result_connector);
    s->config.analyze_connector = arena_str(&s->arena, config->analyze_connector);
    s->database = STR(CATALOG_DATABASE);
    s->catalog = catalog_new(config->budget);
    if (!s->catalog) {
        session_free(s);
        return NULL;
    }
    return s;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    catalog_free(s->catalog);
    arena_release(&s->arena);
    mem_free(s->config.budget, s, sizeof *s);
}

struct catalog *session_catalog(struct session *s)
{
    return s->catalog;
}

struct str session_database(const struct session *s)
{
    return s->database;
}

/* ---- settings ---- */

struct str session_get(const struct session *s, const char *key)
{
    struct options given = { s->settings.at, s->settings.count };
    struct str v = options_get(&given, key);
    for (uint32_t i = 0; !v.ptr && i < plan_settings_count; i++)
        if (strcmp(plan_settings[i].name, key) == 0)
            v = str_from(plan_settings[i].fallback ? plan_settings[i].fallback : "");
    return v;
}

struct zone session_zone(const struct session *s)
{
    struct zone z;
    struct str name = session_get(s, "table.local-time-zone");
    for (uint32_t i = 0; i < s->zones.count; i++)
        if (str_eq(s->zones.at[i].name, name))
            return s->zones.at[i];
    return zone_parse(name, &z) ? z : zone_utc;
}

/* A zone by name is read when it is set, and kept: plans look at its rules. */
static enum status take_zone(struct session *s, const struct option *o, struct error *err)
{
    struct zone z;
    if (zone_parse(o->value, &z))
        return ST_OK;
    for (uint32_t i = 0; i < s->zones.count; i++)
        if (str_eq(s->zones.at[i].name, o->value))
            return ST_OK;
    if (!s->config.zones) {
        error_at(err, ST_UNSUPPORTED, o->line, o->column, "time zone '%.*s' is not known: UTC and fixed offsets are",
                 STR_ARG(o->value));
        error_hint(err, "write an offset such as 'GMT+01:00' or '+01:00'");
        return ST_UNSUPPORTED;
    }
    enum status st = s->config.zones->find(&s->arena, o->value, &z, err);
    if (st != ST_OK) {
        if (err && o->line) {
            err->line = o->line;
            err->column = o->column;
        }
        return st;
    }
    struct zone *kept = array_add(&s->zones, &s->arena);
    if (!kept)
        return budget_error(s->config.budget, sizeof *kept, err);
    *kept = z;
    return ST_OK;
}

enum status session_put(struct session *s, const struct option *o, struct error *err)
{
    struct options one = { o, 1 };
    TRY(options_check(&one, plan_settings, plan_settings_count, "SET", err));
    if (str_eq(o->name, STR("table.local-time-zone")))
        TRY(take_zone(s, o, err));
    struct str name = arena_str(&s->arena, o->name), value = arena_str(&s->arena, o->value);
    struct option *slot = NULL;
    for (uint32_t i = 0; i < s->settings.count; i++)
        if (str_eq(s->settings.at[i].name, o->name))
            slot = &s->settings.at[i];
    if (!slot)
        slot = array_add(&s->settings, &s->arena);
    if (!slot || !name.ptr || !value.ptr)
        return budget_error(s->config.budget, o->value.len, err);
    *slot = (struct option){ name, value, 0, 0 };
    return ST_OK;
}

enum status session_set(struct session *s, struct str key, struct str value, struct error *err)
{
    struct option o = { key, value, 0, 0 };
    return session_put(s, &o, err);
}

/* ---- planning ---- */

struct plan_env session_env(struct session *s, struct arena *a)
{
    return (struct plan_env){
        .arena = a,
        .catalog = s->catalog,
        .database = s->database,
        .settings = { s->settings.at, s->settings.count },
        .zone = session_zone(s),
        .zones = s->config.zones,
        .final = s->config.final,
        .capacity = s->config.capacity,
        .budget = s->config.budget,
    };
}

static enum status do_set(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    if (stmt->n_options == 0)
        return session_list_settings(s, a, err);
    const struct syn_option *o = &stmt->options[0];
    struct option given = { o->name, o->value, o->line, o->column };
    return session_put(s, &given, err);
}

static enum status do_reset(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    (void)a, (void)err;
    if (stmt->n_options == 0) {
        s->settings.count = 0;
        return ST_OK;
    }
    for (uint32_t i = 0; i < s->settings.count; i++)
        if (str_eq(s->settings.at[i].name, stmt->options[0].name)) {
            s->settings.at[i] = s->settings.at[--s->settings.count];
            break;
        }
    return ST_OK;
}

/* The sink of a SELECT: a table of the print-like connector that the caller chose. */
static enum status make_result(struct action *a, struct str name, struct str connector, struct error *err)
{
    struct table_desc *t = ARENA_NEW(a->arena, struct table_desc);
    struct option *options = ARENA_ARRAY(a->arena, struct option, 1);
    if (!t || !options)
        return budget_error(a->arena->budget, sizeof *t, err);
    options[0] = (struct option){ STR("connector"), connector, 0, 0 };
    t->name = arena_str(a->arena, name);
    t->options = (struct options){ options, 1 };
    t->watermark_column = -1;
    t->temporary = true;
    a->result = t;
    return t->name.ptr ? ST_OK : budget_error(a->arena->budget, name.len, err);
}

static enum status select_into(struct session *s, const struct syn_stmt *stmt, struct str connector, struct action *a,
                               struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    struct str name = s->result_name.len ? s->result_name : STR("result");
    TRY(make_result(a, name, connector, err));
    a->kind = ACTION_SELECT;
    return plan_select(&env, stmt->query, a->result, &a->plan, err);
}

static enum status do_select(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    return select_into(s, stmt, s->config.result_connector, a, err);
}

static enum status do_insert(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, a->arena);
    const struct syn_stmt *one[1] = { stmt };
    bool set = stmt->kind == SYN_STMT_STATEMENT_SET;
    a->kind = ACTION_INSERT;
    return plan_inserts(&env, set ? (const struct syn_stmt *const *)stmt->inserts : one, set ? stmt->n_inserts : 1,
                        &a->plan, err);
}

static enum status do_explain(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    const struct syn_stmt *inner = stmt->inner;
    if (str_find(stmt->what, STR("ESTIMATED_COST"), 0) >= 0)
        return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column,
                        "EXPLAIN ESTIMATED_COST is not supported: no costs are estimated");
    bool analyze = str_find(stmt->what, STR("ANALYZE"), 0) >= 0;
    if (inner->kind == SYN_STMT_QUERY)
        TRY(select_into(s, inner, analyze ? s->config.analyze_connector : s->config.result_connector, a, err));
    else if (inner->kind == SYN_STMT_INSERT || inner->kind == SYN_STMT_STATEMENT_SET)
        TRY(do_insert(s, inner, a, err));
    else
        return error_at(err, ST_UNSUPPORTED, inner->line, inner->column, "EXPLAIN takes a query or an INSERT");
    if (!analyze)
        return session_explain_rows(s, stmt->what, a, err);
    if (!str_eq(stmt->what, STR("ANALYZE")))
        return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column, "EXPLAIN ANALYZE takes no other detail");
    a->kind = ACTION_ANALYZE;
    return ST_OK;
}

static session_statement *const statements[] = {
    [SYN_STMT_QUERY] = do_select,
    [SYN_STMT_INSERT] = do_insert,
    [SYN_STMT_STATEMENT_SET] = do_insert,
    [SYN_STMT_CREATE_TABLE] = session_create_table,
    [SYN_STMT_CREATE_VIEW] = session_create_view,
    [SYN_STMT_CREATE_FUNCTION] = session_create_function,
    [SYN_STMT_CREATE_DATABASE] = session_create_database,
    [SYN_STMT_CREATE_CATALOG] = session_refuse,
    [SYN_STMT_CREATE_MODEL] = session_refuse,
    [SYN_STMT_DROP] = session_drop,
    [SYN_STMT_ALTER] = session_alter,
    [SYN_STMT_SHOW] = session_show,
    [SYN_STMT_DESCRIBE] = session_describe,
    [SYN_STMT_EXPLAIN] = do_explain,
    [SYN_STMT_SET] = do_set,
    [SYN_STMT_RESET] = do_reset,
    [SYN_STMT_USE] = session_use,
    [SYN_STMT_OTHER] = session_refuse,
};

void action_release(struct action *a)
{
    batch_free(a->rows);
    if (a->plan)
        plan_release(a->plan);
    if (a->arena) {
        struct budget *b = a->arena->budget;
        arena_release(a->arena);
        mem_free(b, a->arena, sizeof *a->arena);
    }
    *a = (struct action){ 0 };
}

enum status session_next(struct session *s, struct str text, size_t *pos, struct action *ret, struct error *err)
{
    struct action a = { .kind = ACTION_NOTHING };
    struct syn_stmt *stmt = NULL;
    a.arena = mem_alloc(s->config.budget, sizeof *a.arena);
    if (!a.arena)
        return budget_error(s->config.budget, sizeof *a.arena, err);
    arena_init(a.arena, s->config.budget);
    enum status st = syn_parse_next(a.arena, text, pos, &stmt, err);
    if (st == ST_OK && !stmt)
        a.kind = ACTION_END;
    a.stmt = stmt;
    if (st == ST_OK && stmt)
        st = statements[stmt->kind](s, stmt, &a, err);
    if (st != ST_OK) {
        action_release(&a);
        return st;
    }
    *ret = a;
    return ST_OK;
}

enum status session_select_into(struct session *s, struct str text, struct str result_name, struct action *ret,
                                struct error *err)
{
    size_t pos = 0;
    s->result_name = result_name;
    enum status st = session_next(s, text, &pos, ret, err);
    s->result_name = (struct str){ NULL, 0 };
    if (st == ST_OK && ret->kind != ACTION_SELECT) {
        action_release(ret);
        return error_set(err, ST_USAGE, "a SELECT is wanted here");
    }
    return st;
}
