/* Statements that change the catalog: CREATE, DROP, ALTER and USE; and those that are refused. A descriptor is made whole before
 * the catalog hears of it, so that a failed statement changes nothing. */
#include "session/session_private.h"

static enum status say(struct action *a, const char *what, struct str name, struct error *err)
{
    a->message = arena_printf(a->arena, "%s '%.*s'", what, STR_ARG(name));
    return a->message.ptr ? ST_OK : budget_error(a->arena->budget, 64, err);
}

/* That a name is taken is a mistake in the SQL: with its place. */
static enum status placed(enum status st, const struct syn_stmt *stmt, struct error *err)
{
    if (st != ST_EXISTS)
        return st;
    if (err) {
        err->status = ST_SEMANTIC;
        err->line = stmt->name.line;
        err->column = stmt->name.column;
    }
    return ST_SEMANTIC;
}

/* What is wrong with the name that the statement begins with. */
static enum status at_name(enum status st, const struct syn_stmt *stmt, struct error *err)
{
    if (st != ST_OK && err && !err->line) {
        err->line = stmt->name.line;
        err->column = stmt->name.column;
    }
    return st;
}

/* ---- CREATE ---- */

enum status session_create_table(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, catalog_arena(s->catalog));
    struct table_desc *t;
    TRY(plan_create_table(&env, stmt, &t, err));
    bool exists = catalog_table(s->catalog, t->name) != NULL;
    TRY(placed(catalog_add_table(s->catalog, t, stmt->if_not_exists, err), stmt, err));
    if (!stmt->table->as_query || exists)
        return say(a, "created table", t->name, err);
    struct syn_stmt *insert = ARENA_NEW(a->arena, struct syn_stmt);
    if (!insert)
        return budget_error(a->arena->budget, sizeof *insert, err);
    *insert = (struct syn_stmt){ .kind = SYN_STMT_INSERT, .line = stmt->line, .column = stmt->column,
                                 .source = stmt->source, .name = stmt->name, .query = stmt->table->as_query };
    const struct syn_stmt *list[1] = { insert };
    env = session_env(s, a->arena);
    TRY(plan_query_names(&env, stmt->table->as_query, &insert->columns, &insert->n_columns, err));
    a->kind = ACTION_INSERT;
    return plan_inserts(&env, list, 1, &a->plan, err);
}

enum status session_create_view(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, catalog_arena(s->catalog));
    struct view_desc *v;
    TRY(plan_create_view(&env, stmt, &v, err));
    if (stmt->or_replace && catalog_view(s->catalog, v->name))
        TRY(catalog_drop(s->catalog, "VIEW", v->name, true, err));
    TRY(placed(catalog_add_view(s->catalog, v, stmt->if_not_exists, err), stmt, err));
    return say(a, "created view", v->name, err);
}

enum status session_create_function(struct session *s, const struct syn_stmt *stmt, struct action *a,
                                    struct error *err)
{
    struct plan_env env = session_env(s, catalog_arena(s->catalog));
    struct function_desc *f;
    TRY(plan_create_function(&env, stmt, &f, err));
    TRY(placed(catalog_add_function(s->catalog, f, stmt->if_not_exists, err), stmt, err));
    return say(a, "created function", f->name, err);
}

/* ---- databases ---- */

enum status session_check_catalog(const struct syn_name *name, uint32_t n, struct error *err)
{
    if (n == 0 || (n == 1 && str_eq(name->parts[0], STR(CATALOG_NAME))))
        return ST_OK;
    if (n > 1)
        return error_at(err, ST_SEMANTIC, name->line, name->column, "the name has too many parts");
    return error_at(err, ST_SEMANTIC, name->line, name->column, "unknown catalog '%.*s': there is " CATALOG_NAME,
                    STR_ARG(name->parts[0]));
}

enum status session_database_of(struct session *s, const struct syn_name *n, struct str *ret, struct error *err)
{
    struct str name = n->parts[n->count - 1];
    TRY(session_check_catalog(n, n->count - 1, err));
    if (!catalog_has_database(s->catalog, name))
        return catalog_unknown_database(s->catalog, name, n->line, n->column, err);
    *ret = name;
    return ST_OK;
}

enum status session_create_database(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct str name = stmt->name.parts[stmt->name.count - 1];
    TRY(session_check_catalog(&stmt->name, stmt->name.count - 1, err));
    TRY(placed(catalog_add_database(s->catalog, name, stmt->if_not_exists, err), stmt, err));
    return say(a, "created database", name, err);
}

static enum status drop_database(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct str name = stmt->name.parts[stmt->name.count - 1];
    TRY(session_check_catalog(&stmt->name, stmt->name.count - 1, err));
    if (str_eq(name, STR(CATALOG_DATABASE)))
        return error_at(err, ST_SEMANTIC, stmt->name.line, stmt->name.column, CATALOG_DATABASE " cannot be dropped");
    if (str_eq(name, s->database))
        return error_at(err, ST_SEMANTIC, stmt->name.line, stmt->name.column,
                        "database '%.*s' is in use: USE another one first", STR_ARG(name));
    TRY(at_name(catalog_drop_database(s->catalog, name, stmt->if_exists, stmt->cascade, err), stmt, err));
    return say(a, "dropped", name, err);
}

static enum status use_modules(const struct syn_stmt *stmt, struct error *err)
{
    for (uint32_t i = 0; i < stmt->n_columns; i++)
        if (!str_eq(stmt->columns[i], STR("core")))
            return error_at(err, ST_SEMANTIC, stmt->line, stmt->column, "unknown module '%.*s': there is core",
                            STR_ARG(stmt->columns[i]));
    return ST_OK;
}

enum status session_use(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct str database = STR(CATALOG_DATABASE);
    if (str_eq(stmt->what, STR("MODULES")))
        return use_modules(stmt, err);
    if (str_eq(stmt->what, STR("CATALOG")))
        TRY(session_check_catalog(&stmt->name, stmt->name.count, err));
    else
        TRY(session_database_of(s, &stmt->name, &database, err));
    database = arena_str(&s->arena, database);
    if (!database.ptr)
        return budget_error(s->config.budget, 0, err);
    s->database = database;
    return say(a, "using database", database, err);
}

/* ---- DROP ---- */

/* The table or view that a statement is about; at.key empty: IF EXISTS, and not even its database is there. */
static enum status subject(struct session *s, const struct syn_stmt *stmt, struct action *a, struct object_name *ret,
                           struct error *err)
{
    const struct syn_name *n = &stmt->name;
    struct plan_env env = session_env(s, a->arena);
    *ret = (struct object_name){ 0 };
    if (stmt->if_exists && n->count > 1 && !catalog_has_database(s->catalog, n->parts[n->count - 2]))
        return ST_OK;
    return plan_object(&env, n, ret, err);
}

/* Is there one of that name, and is it not temporary? */
static bool is_permanent(const struct session *s, const char *kind, struct str name)
{
    const struct table_desc *t = catalog_table(s->catalog, name);
    const struct view_desc *v = catalog_view(s->catalog, name);
    const struct function_desc *f = catalog_function(s->catalog, name);
    if (kind[0] == 'F')
        return f && !f->temporary;
    return t ? !t->temporary : v && !v->temporary;
}

enum status session_drop(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct str what = stmt->what, name = stmt->name.parts[stmt->name.count - 1];
    struct object_name at;
    if (stmt->temporary)
        what = str_make(what.ptr + 10, what.len - 10); /* "TEMPORARY " */
    if (stmt->system)
        what = str_make(what.ptr + 7, what.len - 7); /* "SYSTEM " */
    if (str_eq(what, STR("DATABASE")))
        return drop_database(s, stmt, a, err);
    bool function = str_eq(what, STR("FUNCTION"));
    if (!function && !str_eq(what, STR("TABLE")) && !str_eq(what, STR("VIEW")))
        return session_refuse(s, stmt, a, err);
    TRY(subject(s, stmt, a, &at, err));
    if (!at.key.len)
        return ST_OK;
    const char *kind = function ? "FUNCTION" : str_eq(what, STR("VIEW")) ? "VIEW" : "TABLE";
    if (!function)
        name = at.key;
    if (stmt->temporary && is_permanent(s, kind, name))
        return stmt->if_exists ? ST_OK
                               : error_at(err, ST_SEMANTIC, stmt->name.line, stmt->name.column,
                                          "'%.*s' is not temporary: write DROP %s", STR_ARG(name), kind);
    TRY(at_name(catalog_drop(s->catalog, kind, name, stmt->if_exists, err), stmt, err));
    return say(a, "dropped", name, err);
}

/* ---- ALTER ---- */

static enum status alter(struct session *s, const struct syn_stmt *stmt, const struct table_desc *t, const struct view_desc *v,
                         struct error *err)
{
    struct plan_env env = session_env(s, catalog_arena(s->catalog));
    if (t) {
        struct table_desc *fresh;
        TRY(plan_alter_table(&env, stmt, t, &fresh, err));
        return placed(catalog_replace_table(s->catalog, t->name, fresh, err), stmt, err);
    }
    struct view_desc *fresh;
    TRY(plan_alter_view(&env, stmt, v, &fresh, err));
    return placed(catalog_replace_view(s->catalog, v->name, fresh, err), stmt, err);
}

static enum status alter_function(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct plan_env env = session_env(s, catalog_arena(s->catalog));
    struct str name = stmt->name.parts[stmt->name.count - 1];
    const struct function_desc *old = catalog_function(s->catalog, name);
    struct function_desc *fresh;
    uint32_t line = stmt->name.line, column = stmt->name.column;
    if (!old)
        return stmt->if_exists ? ST_OK : catalog_unknown_function(s->catalog, name, line, column, err);
    if (old->temporary || stmt->temporary)
        return error_at(err, ST_SEMANTIC, line, column, "function '%.*s': temporary ones are not altered, but made anew",
                        STR_ARG(name));
    TRY(plan_create_function(&env, stmt, &fresh, err));
    TRY(catalog_replace_function(s->catalog, fresh, err));
    return say(a, "altered", name, err);
}

enum status session_alter(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    struct object_name at;
    if (stmt->alter == SYN_ALTER_WORDS)
        return session_refuse(s, stmt, a, err);
    if (str_eq(stmt->what, STR("FUNCTION")))
        return alter_function(s, stmt, a, err);
    TRY(subject(s, stmt, a, &at, err));
    const struct table_desc *t = catalog_table(s->catalog, at.key);
    const struct view_desc *v = catalog_view(s->catalog, at.key);
    bool view = str_eq(stmt->what, STR("VIEW"));
    uint32_t line = stmt->name.line, column = stmt->name.column;
    if (!t && !v)
        return stmt->if_exists ? ST_OK : catalog_unknown(s->catalog, at.key, line, column, err);
    if (view != (v != NULL))
        return error_at(err, ST_SEMANTIC, line, column, "'%.*s' is a %s: write ALTER %s", STR_ARG(at.key),
                        v ? "view" : "table", v ? "VIEW" : "TABLE");
    if (t ? t->temporary : v->temporary)
        return error_at(err, ST_SEMANTIC, line, column, "%s '%.*s' is temporary: those are not altered, but made anew",
                        v ? "view" : "table", STR_ARG(at.key));
    TRY(alter(s, stmt, t, v, err));
    return say(a, "altered", at.key, err);
}

/* ---- what is not there ---- */

/* Why something will never be; what is not listed is only not there yet. */
static const struct {
    const char *what, *why;
} never[] = {
    { "CREATE CATALOG", "Weir keeps no foreign catalogs: each table is declared with its connector" },
    { "DROP CATALOG", "there is one catalog, " CATALOG_NAME },
    { "ALTER CATALOG", "there is one catalog, " CATALOG_NAME },
    { "ALTER DATABASE", "a database has no properties here" },
    { "ALTER TABLE … PARTITION", "partitions are the folders that are there" },
    { "ALTER TABLE … DISTRIBUTION", "no connector has buckets" },
    { "LOAD MODULE", "all functions are built in" },
    { "UNLOAD MODULE", "all functions are built in" },
    { "ADD JAR", "no Java is run here" },
    { "REMOVE JAR", "no Java is run here" },
    { "STOP JOB", "a script's jobs end with it; weir sql has jobs beside its prompt" },
    { "ANALYZE TABLE", "plans are made without statistics" },
};

enum status session_refuse(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err)
{
    static const struct {
        enum syn_stmt_kind kind;
        const char *verb;
    } verbs[] = {
        { SYN_STMT_CREATE_CATALOG, "CREATE CATALOG" }, { SYN_STMT_CREATE_MODEL, "CREATE MODEL" },
        { SYN_STMT_ALTER, "ALTER " },                  { SYN_STMT_DROP, "DROP " },
    };
    const char *verb = "", *why = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (verbs[i].kind == stmt->kind)
            verb = verbs[i].verb;
    bool table = stmt->kind == SYN_STMT_ALTER && str_eq(stmt->what, STR("TABLE")); /* its words: see parse_alter_table */
    const char *part = !table ? "" : str_find(stmt->text, STR("DISTRIBUTION"), 0) >= 0 ? " … DISTRIBUTION" : " … PARTITION";
    struct str name = arena_printf(a->arena, "%s%.*s%s", verb, STR_ARG(stmt->what), part);
    if (!name.ptr)
        return budget_error(s->config.budget, 0, err);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (str_eq(name, str_from(never[i].what)))
            why = never[i].why;
    if (why)
        return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column, "%.*s is not supported: %s", STR_ARG(name), why);
    return error_at(err, ST_UNSUPPORTED, stmt->line, stmt->column, "%.*s is not supported yet", STR_ARG(name));
}
