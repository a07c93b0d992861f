/* weir sql: a session of statements, at a prompt or not. The parts are in shell/. */
#include "cli/shell/shell.h"

#include <signal.h>

#define PAGER_DEFAULT "if command -v less >/dev/null 2>&1; then less; else cat; fi"
#define SAID_MAX ((size_t)2 << 20)

static unsigned wait_key(void *arg)
{
    struct shell *s = arg;
    for (;;) {
        unsigned got = s->c->host->wait_input(shell_jobs(s) ? 100 : INT64_MAX);
        if (got || shell_has_words(s))
            return got;
    }
}

static void speak(void *arg)
{
    shell_drain(arg);
    (void)shell_reap(arg);
}

static enum status open_editor(struct shell *s, struct error *err)
{
    struct editor_config config = { .c = s->c,
                                    .arg = s,
                                    .wait = wait_key,
                                    .speak = speak,
                                    .complete = shell_complete,
                                    .history = HISTORY_KEPT };
    if (!s->interactive || !s->c->host->moves || !s->c->host->wait_input)
        return ST_OK;
    TRY(editor_new(&config, &s->editor, err));
    history_load(s);
    return ST_OK;
}

/* less shows colours and cut lines, and ends by itself when all fits. */
static enum status choose_pager(struct shell *s, struct error *err)
{
    const char *pager = cli_variable(s->c, STR("PAGER")), *less = cli_variable(s->c, STR("LESS"));
    struct str command =
        arena_printf(&s->c->arena, "%s%s", less ? "" : "LESS=FRSX; export LESS; ", pager ? pager : PAGER_DEFAULT);
    s->pager = command.ptr;
    s->pages = s->c->host->pipe_to != NULL;
    return s->pager ? ST_OK : budget_error(s->c->arena.budget, 64, err);
}

static enum status open_engine(struct shell *s, struct error *err)
{
    struct cli *c = s->c;
    struct engine_config config = runner_config(c);
    config.result_connector = result_connector.name;
    config.print = shell_print;
    config.print_arg = s;
    config.wake = s->wake;
    config.watch = analysis_watch;
    config.watch_arg = &s->analysis;
    analysis_init(&s->analysis, c, s->interactive && c->host->moves ? ANALYSIS_LIVE : ANALYSIS_TABLE);
    s->format = config.format;
    s->before_x = RESULT_TABLE;
    TRY(engine_new(&config, &s->engine, err));
    if (!catalog_add_connector(session_catalog(engine_session(s->engine)), &result_connector))
        return budget_error(c->arena.budget, 0, err);
    return c->host->note_signals ? c->host->note_signals(s->wake, err) : ST_OK;
}

static enum status open_shell(struct shell *s, struct error *err)
{
    struct cli *c = s->c;
    bool given = args_get(&c->args, O_COMMAND).ptr || args_get(&c->args, O_FILE).ptr;
    s->interactive = !given && c->host->in_terminal && c->host->out_terminal;
    s->quiet = args_has(&c->args, O_QUIET);
    arena_init(&s->scratch, c->arena.budget);
    buf_init(&s->said, c->arena.budget, SAID_MAX);
    atomic_flag_clear(&s->saying);
    s->wake = c->os->ops->signal_new(c->os);
    if (!s->wake)
        return budget_error(c->arena.budget, 0, err);
    TRY(script_variables(c, &s->vars, err));
    TRY(choose_pager(s, err));
    TRY(open_engine(s, err));
    return open_editor(s, err);
}

static void run_sources(struct shell *s)
{
    struct cli *c = s->c;
    struct str init = args_get(&c->args, O_INIT), file = args_get(&c->args, O_FILE), text = args_get(&c->args, O_COMMAND);
    bool ok = !init.ptr || shell_file(s, init);
    if (s->quit || (!ok && !s->interactive))
        return;
    if (text.ptr)
        (void)shell_text(s, STR("-c"), text);
    else if (file.ptr)
        (void)shell_file(s, file);
    else if (!s->interactive)
        (void)shell_stream(s);
    else
        shell_prompt(s);
}

/* At a prompt jobs end with the shell; a script waits for them, unless something has failed. */
static void close_shell(struct shell *s)
{
    if (s->engine) {
        uint32_t n = shell_jobs(s);
        if (n && s->interactive && !s->quiet)
            cli_say(s->c, "stopping %u job%s after a last commit\n", n, n == 1 ? "" : "s");
        atomic_store(&s->closing, s->interactive);
        shell_join(s, s->interactive || s->stopped || s->code);
    }
    editor_free(s->editor);
    engine_free(s->engine);
    analysis_release(&s->analysis);
    buf_release(&s->said);
    arena_release(&s->scratch); /* the wake-up stays: a late signal may still raise it */
}

int cmd_sql(struct cli *c)
{
    struct error err;
    struct shell *s = ARENA_NEW(&c->arena, struct shell);
    if (!s)
        return cli_fail(c, NULL, (budget_error(c->arena.budget, sizeof *s, &err), &err));
    s->c = c;
    if (args_get(&c->args, O_COMMAND).ptr && args_get(&c->args, O_FILE).ptr) {
        error_set(&err, ST_USAGE, "sql: both -c and -f are given");
        return cli_fail(c, NULL, &err);
    }
    if (runner_check(c, &err) != ST_OK || open_shell(s, &err) != ST_OK) {
        s->code = cli_fail(c, NULL, &err);
    } else if (!runner_settings(c, s->engine)) {
        s->code = status_exit_code(ST_USAGE);
    } else {
        if (s->interactive && !s->quiet)
            cli_print(c, "weir %s; HELP; tells what there is, \\q leaves\n", WEIR_VERSION);
        run_sources(s);
        s->code = s->interactive ? 0 : s->code;
    }
    close_shell(s);
    return s->stopped ? 128 + (int)s->stopped : s->code;
}
