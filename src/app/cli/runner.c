/* A script at work: an engine made from the options, a guard that turns SIGINT and SIGTERM into a clean stop, results
 * to standard output, progress, and what there is to say at the end.
 *
 * The guard is a thread that sleeps on the wake-up that the signal raises and then stops the engine; a second signal
 * ends the process without us (os_real_catch_stop). */
#include "cli/cli.h"

struct guard {
    struct cli *c;
    struct engine *engine;
    struct os_signal *signal;
    struct os_thread *thread;
    atomic_bool over;
    bool speaks;
};

static void guard_run(void *arg)
{
    struct guard *g = arg;
    while (!g->c->os->ops->signal_wait(g->c->os, g->signal, INT64_MAX))
        ;
    if (atomic_load(&g->over))
        return;
    engine_stop(g->engine);
    if (g->speaks)
        cli_say(g->c, "stopping after a last commit; once more to stop at once\n");
}

/* Without signals to catch (a test's host) nothing is started. */
static enum status guard_start(struct guard *g, struct cli *c, struct engine *e, bool speaks, struct error *err)
{
    *g = (struct guard){ .c = c, .engine = e, .speaks = speaks };
    if (!c->host->catch_stop)
        return ST_OK;
    g->signal = c->os->ops->signal_new(c->os);
    if (!g->signal)
        return budget_error(c->arena.budget, 0, err);
    TRY(c->os->ops->thread_start(c->os, "stop", guard_run, g, &g->thread, err));
    return c->host->catch_stop(g->signal, err);
}

/* The wake-up itself stays: a late signal may still raise it. */
static void guard_end(struct guard *g)
{
    if (!g->thread)
        return;
    atomic_store(&g->over, true);
    g->c->os->ops->signal_raise(g->c->os, g->signal);
    g->c->os->ops->thread_join(g->c->os, g->thread);
}

/* ---- configuration ---- */

static enum result_format wanted_format(const struct cli *c)
{
    enum result_format f = c->host->out_terminal ? RESULT_TABLE : RESULT_NDJSON;
    struct str given = args_get(&c->args, O_OUTPUT);
    struct str choices = str_from(cli_options[O_OUTPUT].spec.choices);
    while (given.ptr && choices.ptr) {
        struct str name = str_split(&choices, '|');
        if (str_eq_nocase(name, given)) /* the option check lets any case pass */
            (void)result_format_parse(name, &f);
    }
    return f;
}

static void warn(void *arg, struct str table, const char *text)
{
    struct cli *c = arg;
    cli_say(c, "table '%.*s': %s\n", STR_ARG(table), text);
}

enum status runner_check(struct cli *c, struct error *err)
{
    if (!args_has(&c->args, O_DATA) || !args_has(&c->args, O_STATE_DIR))
        return ST_OK;
    error_set(err, ST_USAGE, "--data and --state-dir exclude each other");
    error_hint(err, "the log in --data holds the state of jobs");
    return ST_USAGE;
}

struct engine_config runner_config(struct cli *c)
{
    const struct cli_args *a = &c->args;
    struct str dir = args_get(a, O_STATE_DIR), letter = args_get(a, O_DEAD_LETTER), bad = args_get(a, O_BAD_INPUT);
    return (struct engine_config){
        .os = c->os,
        .memory_limit = (size_t)args_number(a, O_MEMORY_LIMIT, 0),
        .parallelism = (uint32_t)args_number(a, O_PARALLELISM, 0),
        .commit_interval_ms = args_number(a, O_COMMIT_INTERVAL, 0),
        .state_dir = dir.ptr,
        .data_dir = args_get(a, O_DATA).ptr,
        .brokers = args_get(a, O_JOB_BROKERS).ptr,
        .warn = args_has(a, O_QUIET) ? NULL : warn,
        .warn_arg = c,
        .bad_input = letter.ptr || str_eq_nocase(bad, STR("dead-letter")) ? BAD_DEAD_LETTER
                     : str_eq_nocase(bad, STR("skip"))                    ? BAD_SKIP
                                                                          : BAD_FAIL,
        .dead_letter = letter.ptr,
        .final = args_has(a, O_FINAL),
        .format = wanted_format(c),
    };
}

bool runner_settings(struct cli *c, struct engine *e)
{
    struct str key, value;
    struct error err;
    bool ok = true;
    for (uint32_t i = 0; args_pair(&c->args, O_SET, i, &key, &value); i++) {
        if (session_set(engine_session(e), key, value, &err) == ST_OK)
            continue;
        cli_fail(c, NULL, &err);
        ok = false;
    }
    return ok;
}

struct engine *runner_engine(struct cli *c, int *exit_code)
{
    struct engine_config config = runner_config(c);
    struct engine *e = NULL;
    struct error err;
    enum status st = engine_new(&config, &e, &err);
    if (st != ST_OK) {
        *exit_code = cli_fail(c, NULL, &err);
        return NULL;
    }
    if (runner_settings(c, e))
        return e;
    engine_free(e);
    *exit_code = status_exit_code(ST_USAGE);
    return NULL;
}

/* ---- the run ---- */

static enum status print_results(void *arg, struct str bytes, struct error *err)
{
    struct cli *c = arg;
    if (!c->host->out_terminal)
        return cli_write(c, bytes, err);
    progress_hold(c);
    enum status st = cli_write(c, bytes, err);
    progress_release(c);
    return st;
}

/* "3 late rows dropped by window-aggregate:1"; with several operators each has a line. */
static void say_late(struct cli *c, const struct engine_report *report, struct str table)
{
    char n[CLI_TEXT];
    bool single = report->n_late == 1;
    cli_say(c, "%s late row%s ", text_count(n, report->late_rows), report->late_rows == 1 ? "" : "s");
    if (table.len)
        cli_say(c, "went to '%.*s'", STR_ARG(table));
    else
        cli_say(c, "dropped");
    if (single)
        cli_say(c, "%s%s", table.len ? ", from " : " by ", report->late[0].by);
    cli_say(c, "\n");
    for (uint32_t i = 0; !single && i < report->n_late; i++)
        cli_say(c, "  %s %s %s\n", text_count(n, report->late[i].rows), table.len ? "from" : "by", report->late[i].by);
}

/* Of a run with a state directory. */
static void say_commits(struct cli *c, const struct job_stats *s)
{
    char n[CLI_TEXT], bytes[CLI_TEXT], each[CLI_TEXT], snapshots[CLI_TEXT];
    if (s->commits)
        cli_say(c, "%s commit%s of %s (%s each), %s snapshot%s\n", text_count(n, s->commits), s->commits == 1 ? "" : "s",
                text_bytes(bytes, s->commit_bytes), text_bytes(each, s->commit_bytes / s->commits),
                text_count(snapshots, s->snapshots), s->snapshots == 1 ? "" : "s");
}

void runner_say(struct cli *c, struct engine *e, const struct engine_report *report)
{
    char n[CLI_TEXT];
    if (report->bad_rows)
        cli_say(c, "%s bad record%s %s\n", text_count(n, report->bad_rows), report->bad_rows == 1 ? "" : "s",
                args_has(&c->args, O_DEAD_LETTER) ? "written to the dead-letter file" : "skipped");
    if (report->late_rows)
        say_late(c, report, session_get(engine_session(e), "late.table"));
    if (report->total.restored && report->total.rows_in == 0 && !report->stopped)
        cli_say(c, "nothing new was read: earlier runs of this script have come to the end of their input\n");
    say_commits(c, &report->total);
}

static int exit_code(struct cli *c, const struct runner *r, enum status st, const struct error *err)
{
    int caught = c->host->caught ? c->host->caught() : 0;
    if (atomic_load(&c->pipe_closed) || (st == ST_IO && strstr(err->message, "Broken pipe")))
        return 141; /* as a shell shows a program that its reader has left */
    if (st == ST_CANCELLED || (st == ST_OK && r->report.stopped))
        return caught ? 128 + caught : status_exit_code(ST_CANCELLED);
    if (st == ST_OK)
        return 0;
    struct error told = *err;
    if (st == ST_MEMORY && !told.hint[0] && args_has(&c->args, O_MEMORY_LIMIT))
        error_hint(&told, "--memory-limit allows no more: give it more, or keep less state (shorter windows, fewer groups)");
    return cli_fail(c, r->script, &told);
}

int runner_run(struct runner *r, enum status *ret)
{
    struct cli *c = r->c;
    struct engine *e = NULL;
    struct error err;
    struct guard guard;
    struct progress progress = { .c = c };
    bool quiet = args_has(&c->args, O_QUIET);
    struct analysis analysis;
    enum result_format f = r->config.format;
    analysis_init(&analysis, c, f == RESULT_JSON || f == RESULT_NDJSON ? ANALYSIS_JSON : ANALYSIS_TABLE);
    if (!r->config.watch) {
        r->config.watch = analysis_watch;
        r->config.watch_arg = &analysis;
    }
    if (!r->config.print) {
        r->config.print = print_results;
        r->config.print_arg = c;
    }
    enum status st = engine_new(&r->config, &e, &err);
    if (ret)
        *ret = st;
    if (st != ST_OK)
        return cli_fail(c, r->script, &err);
    if (!runner_settings(c, e)) {
        engine_free(e);
        return status_exit_code(ST_USAGE);
    }
    st = guard_start(&guard, c, e, c->live && !quiet && !r->own_words, &err);
    if (st == ST_OK) {
        bool line = c->live && !quiet && !r->tick;
        st = engine_run(e, r->script->text, line ? progress_tick : r->tick, line ? (void *)&progress : r->tick_arg,
                        &r->report, &err);
    }
    guard_end(&guard);
    progress_hold(c);
    progress_release(c);
    if (!quiet && !r->own_words)
        runner_say(c, e, &r->report);
    engine_free(e);
    analysis_release(&analysis);
    if (ret)
        *ret = st;
    return exit_code(c, r, st, &err);
}
