/* weir explain: the plans of a script, none of which is run. */
#include "cli/cli.h"

/* A plan, or the rows of an EXPLAIN, which are one. */
static bool put_plan(struct buf *out, const struct action *a)
{
    if (a->plan)
        return plan_print(out, a->plan);
    bool ok = true;
    for (uint32_t i = 0; ok && i < batch_rows(a->rows); i++)
        ok = value_print(out, &a->rows->cols[0], batch_row(a->rows, i), &zone_utc) && buf_put_u8(out, '\n');
    return ok;
}

static enum status explain_action(struct cli *c, const struct action *a, uint32_t *n_plans, struct error *err)
{
    bool is_explain = a->kind == ACTION_ROWS && a->rows && a->stmt && a->stmt->kind == SYN_STMT_EXPLAIN;
    if (!a->plan && !is_explain)
        return ST_OK;
    struct buf out;
    buf_init(&out, c->arena.budget, 16u << 20);
    bool ok = (*n_plans == 0 || buf_put_u8(&out, '\n')) && put_plan(&out, a) &&
              (out.len == 0 || out.data[out.len - 1] == '\n' || buf_put_u8(&out, '\n'));
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

int cmd_explain(struct cli *c)
{
    struct script script;
    struct error err;
    uint32_t n_plans = 0;
    int code = 0;
    if (script_read(c, &script, &err) != ST_OK)
        return cli_fail(c, &script, &err);
    struct engine *e = runner_engine(c, &code);
    if (!e)
        return code;
    enum status st = explain_all(c, e, script.text, &n_plans, &err);
    engine_free(e);
    if (st == ST_OK && n_plans == 0)
        st = error_set(&err, ST_USAGE, "%.*s: no query and no INSERT to explain", STR_ARG(script.name));
    return st == ST_OK ? 0 : cli_fail(c, &script, &err);
}
