/* weir explain: the plans of a script, none of which is run; with --analyze all are. */
#include "cli/cli.h"

enum plan_form { PLAN_TEXT, PLAN_JSON, PLAN_DOT };

/* What stands before the first plan, between two, and behind the last. */
static const struct {
    const char *first, *next, *last;
} frames[] = {
    [PLAN_TEXT] = { "", "\n", "" },
    [PLAN_JSON] = { "[\n", ",\n", "\n]\n" },
    [PLAN_DOT] = { "digraph weir {\n  node [fontname=\"monospace\"];\n", "", "}\n" },
};

static enum plan_form wanted_form(const struct cli *c)
{
    struct str form = args_get(&c->args, O_PLAN_FORM);
    return str_eq_nocase(form, STR("json")) ? PLAN_JSON : str_eq_nocase(form, STR("dot")) ? PLAN_DOT : PLAN_TEXT;
}

/* The lines of an EXPLAIN of the script, with the details that it asks for. */
static bool put_rows(struct buf *out, const struct batch *rows)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < batch_rows(rows); i++)
        ok = value_print(out, &rows->cols[0], batch_row(rows, i), &zone_utc) && buf_put_u8(out, '\n');
    return ok;
}

static bool put_plan(struct buf *out, const struct action *a, enum plan_form form, uint32_t number)
{
    switch (form) {
    case PLAN_JSON:
        return plan_print_json(out, a->plan);
    case PLAN_DOT:
        return plan_print_dot(out, a->plan, number);
    default:
        return a->rows ? put_rows(out, a->rows) : plan_print(out, a->plan);
    }
}

static enum status explain_action(struct cli *c, const struct action *a, uint32_t *n_plans, struct error *err)
{
    if (!a->plan)
        return ST_OK;
    enum plan_form form = wanted_form(c);
    struct buf out;
    buf_init(&out, c->arena.budget, 64u << 20);
    bool ok = buf_printf(&out, "%s", *n_plans ? frames[form].next : frames[form].first) &&
              put_plan(&out, a, form, *n_plans);
    enum status st = ok ? cli_write(c, buf_str(&out), err) : budget_error(c->arena.budget, out.len, err);
    buf_release(&out);
    ++*n_plans;
    return st;
}

static enum status explain_all(struct cli *c, struct engine *e, struct str text, uint32_t *n_plans, struct error *err)
{
    size_t pos = 0;
    for (;;) {
        struct action action;
        TRY(session_next(engine_session(e), text, &pos, &action, err));
        enum status st = explain_action(c, &action, n_plans, err);
        bool end = action.kind == ACTION_END;
        action_release(&action);
        if (st != ST_OK || end)
            return st;
    }
}

static int analyze(struct cli *c, const struct script *script)
{
    enum plan_form form = wanted_form(c);
    struct error err;
    if (form == PLAN_DOT) {
        error_set(&err, ST_USAGE, "--analyze has the forms text and json");
        return cli_fail(c, NULL, &err);
    }
    struct analysis a;
    bool live = c->host->out_terminal && c->host->moves;
    analysis_init(&a, c, form == PLAN_JSON ? ANALYSIS_LINES : live ? ANALYSIS_LIVE : ANALYSIS_TABLE);
    struct runner r = { .c = c, .script = script, .config = runner_config(c), .tick = analysis_tick, .tick_arg = &a,
                        .own_words = true };
    r.config.analyze = true;
    r.config.watch = analysis_watch;
    r.config.watch_arg = &a;
    r.config.tick_ms = a.form == ANALYSIS_LIVE ? 250 : 1000;
    if (a.form == ANALYSIS_LIVE) {
        r.config.print = analysis_print;
        r.config.print_arg = &a;
    }
    int code = runner_run(&r, NULL);
    analysis_release(&a);
    return code;
}

int cmd_explain(struct cli *c)
{
    struct script script;
    struct error err;
    uint32_t n_plans = 0;
    int code = 0;
    if (script_read(c, &script, &err) != ST_OK)
        return cli_fail(c, &script, &err);
    if (args_has(&c->args, O_ANALYZE))
        return analyze(c, &script);
    struct engine *e = runner_engine(c, &code);
    if (!e)
        return code;
    enum status st = explain_all(c, e, script.text, &n_plans, &err);
    engine_free(e);
    if (st == ST_OK && n_plans == 0)
        st = error_set(&err, ST_USAGE, "%.*s: no query and no INSERT to explain", STR_ARG(script.name));
    if (st == ST_OK)
        st = cli_write(c, str_from(frames[wanted_form(c)].last), &err);
    return st == ST_OK ? 0 : cli_fail(c, &script, &err);
}
