/* weir check: everything that can be known without running. Statements are planned in turn; after an error the next one
 * is looked at. Then the options of tables that no statement has used. An error is printed once, however many
 * statements meet it. */
#include "cli/cli.h"

#define ERRORS_MAX 100u

struct check {
    struct cli *c;
    struct script script;
    struct engine *engine;
    uint64_t *seen; /* hashes of the errors printed */
    uint32_t n_errors, n_statements;
};

static void report(struct check *k, const struct error *err)
{
    uint64_t h = hash_bytes(err->message, strlen(err->message)) ^ hash_u64(((uint64_t)err->line << 32) | err->column);
    for (uint32_t i = 0; i < k->n_errors; i++)
        if (k->seen[i] == h)
            return;
    k->seen[k->n_errors++] = h;
    cli_error(k->c, &k->script, err);
}

static void check_statements(struct check *k)
{
    size_t pos = 0;
    while (k->n_errors < ERRORS_MAX) {
        struct action action;
        struct error err;
        size_t before = pos;
        enum status st = session_next(engine_session(k->engine), k->script.text, &pos, &action, &err);
        if (st != ST_OK) {
            report(k, &err);
            if (pos == before || st == ST_MEMORY) /* there is no way on */
                return;
            continue;
        }
        bool end = action.kind == ACTION_END;
        action_release(&action);
        if (end)
            return;
        k->n_statements++;
    }
}

static void check_tables(struct check *k)
{
    struct catalog *catalog = session_catalog(engine_session(k->engine));
    struct str *names;
    uint32_t n;
    struct error err;
    if (catalog_names(catalog, "TABLE", &k->c->arena, &names, &n, &err) != ST_OK) {
        report(k, &err);
        return;
    }
    for (uint32_t i = 0; i < n && k->n_errors < ERRORS_MAX; i++) {
        const struct table_desc *t = catalog_table(catalog, names[i]);
        if (!t || t->connector || !options_has(&t->options, "connector"))
            continue;
        struct table_desc copy = *t;
        if (catalog_resolve(catalog, &copy, &err) != ST_OK)
            report(k, &err);
    }
}

/* The exit code for one script. */
static int check_script(struct cli *c, struct script script)
{
    struct check k = { .c = c, .script = script };
    int code = 0;
    k.seen = ARENA_ARRAY(&c->arena, uint64_t, ERRORS_MAX + 1);
    k.engine = runner_engine(c, &code);
    if (!k.seen || !k.engine)
        return code ? code : status_exit_code(ST_MEMORY);
    check_statements(&k);
    check_tables(&k);
    engine_free(k.engine);
    if (k.n_errors == ERRORS_MAX)
        cli_say(c, "%.*s: more than %u errors, the rest is not shown\n", STR_ARG(script.name), ERRORS_MAX);
    if (!args_has(&c->args, O_QUIET)) {
        if (k.n_errors)
            cli_say(c, "%.*s: %u error%s\n", STR_ARG(script.name), k.n_errors, k.n_errors == 1 ? "" : "s");
        else
            cli_say(c, "%.*s: %u statement%s, no errors\n", STR_ARG(script.name), k.n_statements,
                    k.n_statements == 1 ? "" : "s");
    }
    return k.n_errors ? status_exit_code(ST_USAGE) : 0;
}

int cmd_check(struct cli *c)
{
    struct script script;
    struct error err;
    int worst = 0;
    if (c->args.n_rest <= 1 || args_has(&c->args, O_COMMAND))
        return script_read(c, &script, &err) == ST_OK ? check_script(c, script) : cli_fail(c, &script, &err);
    for (uint32_t i = 0; i < c->args.n_rest; i++) {
        script = (struct script){ c->args.rest[i], { "", 0 } };
        int code = script_open(c, c->args.rest[i], &script, &err) == ST_OK ? check_script(c, script)
                                                                           : cli_fail(c, &script, &err);
        worst = code > worst ? code : worst;
    }
    return worst;
}
