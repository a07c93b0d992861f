/* Statements at work. A SELECT is a job that the shell waits for; an INSERT is one that runs beside the prompt, or, with
 * 'table.dml-sync', is waited for as well. While the shell waits it looks for signals, draws what changes and writes
 * what other jobs have said.
 *
 * Ctrl-C asks the job that is waited for to stop, with a last commit. A second one while that is under way is taken for
 * impatience and only answered; the third ends the process, for a job that cannot stop must not hold the terminal. */
#include "cli/shell/shell.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#define LOOK_NS INT64_C(100000000)
#define PROGRESS_NS INT64_C(1000000000)
#define SAID_MAX ((size_t)1 << 20)
#define SAID_NAP_NS INT64_C(5000000)

/* ---- what jobs print ---- */

static void lock_said(struct shell *s)
{
    while (atomic_flag_test_and_set_explicit(&s->saying, memory_order_acquire))
        ;
}

static void unlock_said(struct shell *s) { atomic_flag_clear_explicit(&s->saying, memory_order_release); }

/* Print sinks, from background work. At a prompt the bytes wait for the shell's thread, and hold their job back when it
 * does not come. */
enum status shell_print(void *arg, struct str bytes, struct error *err)
{
    struct shell *s = arg;
    struct os *os = s->c->os;
    if (!s->interactive) {
        progress_hold(s->c);
        enum status st = cli_write(s->c, bytes, err);
        progress_release(s->c);
        return st;
    }
    struct os_signal *nap = os->ops->signal_new(os);
    for (bool done = !nap; !done;) {
        lock_said(s);
        done = atomic_load(&s->closing) || (s->said.len == 0 || s->said.len + bytes.len <= SAID_MAX);
        bool ok = !done || buf_put(&s->said, bytes.ptr, bytes.len);
        unlock_said(s);
        if (!ok) {
            os->ops->signal_free(os, nap);
            return budget_error(s->said.budget, bytes.len, err);
        }
        if (!done)
            (void)os->ops->signal_wait(os, nap, os_mono_ns(os) + SAID_NAP_NS);
    }
    os->ops->signal_free(os, nap);
    os->ops->signal_raise(os, s->wake);
    return nap ? ST_OK : budget_error(s->c->arena.budget, 0, err);
}

void shell_drain(struct shell *s)
{
    if (s->drawing)
        return;
    lock_said(s);
    struct buf taken = s->said;
    buf_init(&s->said, taken.budget, taken.max);
    unlock_said(s);
    if (taken.len == 0)
        return;
    progress_hold(s->c);
    (void)cli_write(s->c, buf_str(&taken), NULL);
    progress_release(s->c);
    buf_release(&taken);
}

bool shell_has_words(struct shell *s)
{
    struct engine_job job;
    lock_said(s);
    bool some = s->said.len > 0;
    unlock_said(s);
    for (uint32_t i = 0; !some && engine_job_at(s->engine, i, &job); i++)
        some = job.over;
    return some;
}

uint32_t shell_jobs(struct shell *s)
{
    struct engine_job job;
    uint32_t n = 0;
    while (engine_job_at(s->engine, n, &job))
        n++;
    return n;
}

/* ---- waiting ---- */

struct watch {
    struct shell *s;
    uint32_t id;   /* of the job; 0: of all */
    bool result;   /* it is the SELECT's */
    bool analysis; /* it is EXPLAIN ANALYZE's */
    bool stopping; /* somebody asked */
    uint32_t interrupts;
    struct progress progress;
    int64_t next_progress_ns;
};

static void stop(struct watch *w)
{
    struct engine_job job;
    w->stopping = true;
    for (uint32_t i = 0; engine_job_at(w->s->engine, i, &job); i++)
        if (!w->id || job.id == w->id)
            engine_stop_job(w->s->engine, job.id);
}

static void look_for_signals(struct watch *w)
{
    struct shell *s = w->s;
    unsigned noted = s->c->host->noted ? s->c->host->noted() : 0;
    if (noted & OS_NOTED_TERMINATE) {
        s->stopped = SIGTERM;
        s->quit = true;
        stop(w);
    }
    if (!(noted & OS_NOTED_INTERRUPT))
        return;
    if (!s->interactive) {
        s->stopped = SIGINT;
        s->quit = true;
    }
    stop(w);
    if (s->paging)
        return;
    w->interrupts++;
    atomic_store(&s->result.interrupts, w->interrupts);
    if (w->interrupts > (s->interactive ? 2 : 1))
        s->c->host->end_by(SIGINT);
    if (s->drawing || s->quiet || !s->c->live) /* the picture says it */
        return;
    if (w->interrupts == 2)
        cli_say(s->c, "still stopping; once more to end weir\n");
    else if (!w->result)
        cli_say(s->c, "stopping after a last commit%s\n", s->interactive ? "" : "; once more to stop at once");
}

/* The jobs' sum, and whether any is still at work. */
static bool at_work(struct watch *w, struct job_stats *ret)
{
    struct engine_job job;
    bool some = false;
    *ret = (struct job_stats){ .watermark_ms = INT64_MIN };
    for (uint32_t i = 0; engine_job_at(w->s->engine, i, &job); i++) {
        if (w->id && job.id != w->id)
            continue;
        some |= !job.over;
        engine_add_stats(ret, &job.stats);
    }
    return some;
}

static void look(struct watch *w, const struct job_stats *stats)
{
    struct shell *s = w->s;
    int64_t now = os_mono_ns(s->c->os);
    look_for_signals(w);
    if (w->result && !result_tick(&s->result, stats) && !w->stopping)
        stop(w);
    if (w->analysis) {
        engine_look_at_jobs(s->engine);
        if (s->drawing)
            analysis_tick(&s->analysis, stats);
    }
    shell_drain(s);
    if (now < w->next_progress_ns)
        return;
    w->next_progress_ns = now + PROGRESS_NS;
    if (s->c->live && !s->quiet && !s->drawing)
        progress_tick(&w->progress, stats);
}

static void wait_for(struct watch *w)
{
    struct os *os = w->s->c->os;
    struct job_stats stats;
    w->progress.c = w->s->c;
    w->next_progress_ns = os_mono_ns(os) + PROGRESS_NS;
    while (at_work(w, &stats)) {
        (void)os->ops->signal_wait(os, w->s->wake, os_mono_ns(os) + LOOK_NS);
        look(w, &stats);
    }
    look_for_signals(w);
    progress_hold(w->s->c);
    progress_release(w->s->c);
}

/* A Ctrl-C in a pager was the pager's. */
static void forget_interrupts(struct shell *s)
{
    unsigned noted = s->c->host->noted ? s->c->host->noted() : 0;
    if (noted & OS_NOTED_TERMINATE) {
        s->stopped = SIGTERM;
        s->quit = true;
    }
}

/* ---- ends ---- */

/* A reader that has gone is no failure of the SQL. */
static bool fail(struct shell *s, const struct script *script, const struct error *err)
{
    if (atomic_load(&s->c->pipe_closed)) {
        s->quit = true;
        s->code = 141;
        return false;
    }
    int code = cli_fail(s->c, script, err);
    if (!s->code)
        s->code = code;
    return false;
}

static void say_took(struct shell *s, const char *what, int64_t began_ns)
{
    char took[CLI_TEXT];
    int64_t us = (os_mono_ns(s->c->os) - began_ns) / 1000;
    if (!s->interactive && !s->timing)
        return;
    if (!s->timing) {
        if (*what && !s->quiet)
            cli_say(s->c, "%s\n", what);
        return;
    }
    if (us < 1000000)
        snprintf(took, sizeof took, "%" PRId64 ".%03d ms", us / 1000, (int)(us % 1000));
    else
        text_duration(took, us / 1000);
    cli_say(s->c, "%s%s%s\n", what, *what ? " in " : "time: ", took);
}

static bool finish_job(struct shell *s, const struct engine_job *job)
{
    struct engine_report report;
    struct error err;
    char in[CLI_TEXT], out[CLI_TEXT], took[CLI_TEXT];
    enum status st = engine_finish(s->engine, job->id, &report, &err);
    if (st != ST_OK && s->interactive)
        error_prefix(&err, "job %u (%s): ", job->id, job->name);
    if (st == ST_OK && s->interactive)
        cli_say(s->c, "job %u (%s) has ended: %s rows in, %s out, %s\n", job->id, job->name,
                text_count(in, report.total.rows_in), text_count(out, report.total.rows_out),
                text_duration(took, os_wall_ms(s->c->os) - job->started_ms));
    if (!s->quiet)
        runner_say(s->c, s->engine, &report);
    return st == ST_OK || fail(s, NULL, &err);
}

bool shell_reap(struct shell *s)
{
    struct engine_job job;
    bool ok = true;
    for (uint32_t i = 0; engine_job_at(s->engine, i, &job);) {
        if (job.over)
            ok &= finish_job(s, &job);
        else
            i++;
    }
    return ok;
}

void shell_join(struct shell *s, bool ask)
{
    struct watch w = { .s = s };
    struct engine_job job;
    while (engine_job_at(s->engine, 0, &job)) {
        if (ask)
            stop(&w);
        wait_for(&w); /* all of them, or until one has failed */
        ask |= !shell_reap(s);
    }
    shell_drain(s);
}

/* ---- kinds of statements ---- */

static void hush(struct shell *s, bool on)
{
    if (s->editor)
        editor_hush(s->editor, on);
}

static bool run_select(struct shell *s, const struct script *script, struct action *a, int64_t began_ns)
{
    struct error err;
    struct engine_report report;
    struct watch w = { .s = s, .result = true };
    char n[CLI_TEXT], what[CLI_TEXT * 2];
    result_begin(&s->result, s, a->plan);
    enum status st = engine_submit(s->engine, a, &w.id, &err);
    hush(s, s->result.draws);
    if (st == ST_OK)
        wait_for(&w);
    hush(s, false);
    enum status shown = result_end(&s->result, st == ST_OK ? &err : NULL);
    forget_interrupts(s);
    if (st == ST_OK)
        st = engine_finish(s->engine, w.id, &report, shown == ST_OK ? &err : NULL);
    st = shown == ST_OK ? st : shown;
    if (w.id && !s->quiet)
        runner_say(s->c, s->engine, &report);
    if (st != ST_OK)
        return fail(s, script, &err);
    snprintf(what, sizeof what, "%s row%s%s", text_count(n, s->result.rows), s->result.rows == 1 ? "" : "s",
             w.interrupts ? "; stopped" : "");
    say_took(s, what, began_ns);
    return !w.interrupts;
}

static bool run_insert(struct shell *s, const struct script *script, struct action *a, int64_t began_ns)
{
    struct error err;
    struct engine_job job;
    struct watch w = { .s = s };
    bool wait = str_eq_nocase(session_get(engine_session(s->engine), "table.dml-sync"), STR("true"));
    if (engine_submit(s->engine, a, &w.id, &err) != ST_OK)
        return fail(s, script, &err);
    if (!engine_job_by_id(s->engine, w.id, &job))
        return false;
    if (!wait) {
        if (s->interactive && !s->quiet)
            cli_say(s->c, "job %u (%s) runs; SHOW JOBS; and STOP JOB '%u'; tell and end it\n", job.id, job.name, job.id);
        return true;
    }
    wait_for(&w);
    bool ok = finish_job(s, &job);
    if (ok && s->timing)
        say_took(s, "", began_ns);
    return ok && !w.interrupts;
}

/* The table of operators is printed when the job's life ends. */
static bool run_analyze(struct shell *s, const struct script *script, struct action *a, int64_t began_ns)
{
    struct error err;
    struct engine_report report;
    struct watch w = { .s = s, .analysis = true };
    if (engine_submit(s->engine, a, &w.id, &err) != ST_OK)
        return fail(s, script, &err);
    s->drawing = s->analysis.form == ANALYSIS_LIVE;
    hush(s, s->drawing);
    wait_for(&w);
    hush(s, false);
    s->drawing = false;
    if (engine_finish(s->engine, w.id, &report, &err) != ST_OK)
        return fail(s, script, &err);
    say_took(s, w.interrupts ? "stopped" : "", began_ns);
    return !w.interrupts;
}

static bool run_rows(struct shell *s, const struct script *script, const struct batch *rows, int64_t began_ns)
{
    struct error err;
    char n[CLI_TEXT], what[CLI_TEXT * 2];
    uint64_t count = 0;
    if (result_print(s, rows, &count, &err) != ST_OK)
        return fail(s, script, &err);
    forget_interrupts(s);
    snprintf(what, sizeof what, "%s row%s", text_count(n, count), count == 1 ? "" : "s");
    say_took(s, what, began_ns);
    return true;
}

static bool run_action(struct shell *s, const struct script *script, struct action *a, int64_t began_ns)
{
    struct str said = a->message;
    switch (a->kind) {
    case ACTION_ROWS:
        return run_rows(s, script, a->rows, began_ns);
    case ACTION_SELECT:
        return run_select(s, script, a, began_ns);
    case ACTION_INSERT:
        return run_insert(s, script, a, began_ns);
    case ACTION_ANALYZE:
        return run_analyze(s, script, a, began_ns);
    case ACTION_NOTHING:
        if (said.ptr && s->interactive && !s->quiet)
            cli_say(s->c, "%.*s\n", STR_ARG(said));
        if (s->timing)
            say_took(s, "", began_ns);
        return true;
    default:
        return true;
    }
}

/* ---- SHOW JOBS, STOP JOB: of jobs the session knows nothing ---- */

static bool put_text(struct batch *b, uint32_t column, const char *text)
{
    return column_set_str(&b->cols[column], b->count, text, strlen(text));
}

static bool put_job(struct batch *b, const struct engine_job *job)
{
    char id[16], in[24], out[24], started[CLI_TEXT];
    snprintf(id, sizeof id, "%u", job->id);
    snprintf(in, sizeof in, "%" PRIu64, job->stats.rows_in);
    snprintf(out, sizeof out, "%" PRIu64, job->stats.rows_out);
    bool ok = put_text(b, 0, id) && put_text(b, 1, job->name) && put_text(b, 2, job->over ? "FINISHED" : "RUNNING") &&
              put_text(b, 3, text_time(started, job->started_ms)) && put_text(b, 4, in) && put_text(b, 5, out);
    b->count++;
    return ok;
}

/* All of them, or the one with that id. */
static bool show_jobs(struct shell *s, const struct script *script, uint32_t id, int64_t began_ns)
{
    const struct field fields[] = { { STR_INIT("job id"), type_string() },     { STR_INIT("job name"), type_string() },
                                    { STR_INIT("status"), type_string() },     { STR_INIT("start time"), type_string() },
                                    { STR_INIT("rows in"), type_string() },    { STR_INIT("rows out"), type_string() } };
    const struct schema schema = { fields, sizeof fields / sizeof *fields };
    struct budget *budget = engine_budget(s->engine);
    struct engine_job job;
    uint32_t n = shell_jobs(s);
    struct batch *b = batch_new(&schema, n ? n : 1, budget);
    bool ok = b != NULL;
    for (uint32_t i = 0; ok && i < n && engine_job_at(s->engine, i, &job); i++)
        ok = (id && id != job.id) || put_job(b, &job);
    if (ok) {
        ok = run_rows(s, script, b, began_ns);
    } else {
        struct error err;
        budget_error(budget, 0, &err);
        fail(s, script, &err);
    }
    batch_free(b);
    return ok;
}

/* One row of one text. */
static bool answer(struct shell *s, const struct script *script, const char *column, struct str text, int64_t began_ns)
{
    const struct field field = { str_from(column), type_string() };
    const struct schema schema = { &field, 1 };
    struct budget *budget = engine_budget(s->engine);
    struct batch *b = batch_new(&schema, 1, budget);
    bool ok = b && column_set_str(&b->cols[0], 0, text.ptr, text.len);
    struct error err;
    if (ok) {
        b->count = 1;
        ok = run_rows(s, script, b, began_ns);
    } else {
        budget_error(budget, text.len, &err);
        fail(s, script, &err);
    }
    batch_free(b);
    return ok;
}

static bool fail_at(struct shell *s, const struct script *script, const struct syn_token *at, enum status st,
                    const char *message, struct str what, const char *hint)
{
    struct error err;
    uint32_t line = 1, column = 1;
    for (size_t i = 0; i < at->at && i < script->text.len; i++) {
        column = script->text.ptr[i] == '\n' ? 1 : column + 1;
        line += script->text.ptr[i] == '\n';
    }
    error_at(&err, st, line, column, message, STR_ARG(what));
    if (hint)
        error_hint(&err, "%s", hint);
    return fail(s, script, &err);
}

static bool token_is(const struct syn_token *t, const char *word)
{
    return t->kind == SYN_TOKEN_WORD && str_eq_nocase(t->value, str_from(word));
}

static bool token_ends(const struct syn_token *t) { return t->kind == SYN_TOKEN_END || str_eq(t->value, STR(";")); }

static bool find_job(struct shell *s, const struct script *script, const struct syn_token *id, struct engine_job *ret)
{
    int64_t n = 0;
    if (str_to_i64(id->value, &n) && n >= 1 && n <= UINT32_MAX && engine_job_by_id(s->engine, (uint32_t)n, ret))
        return true;
    return fail_at(s, script, id, ST_SEMANTIC, "there is no job '%.*s'", id->value, "SHOW JOBS; lists them");
}

/* t[0]: the id, then what follows it. */
static bool stop_job(struct shell *s, const struct script *script, const struct syn_token *t, int64_t began_ns)
{
    struct engine_job job;
    struct str id = t[0].value, nothing = STR("");
    bool with = token_is(&t[1], "WITH"), save = with && token_is(&t[2], "SAVEPOINT") && token_ends(&t[3]);
    if (with && (token_is(&t[2], "DRAIN") || token_is(&t[4], "DRAIN")))
        return fail_at(s, script, &t[1], ST_UNSUPPORTED, "STOP JOB … WITH DRAIN is not supported", nothing,
                       "windows that are open stay open");
    if (t[0].kind != SYN_TOKEN_TEXT || !(save || token_ends(&t[1])))
        return fail_at(s, script, &t[0], ST_UNSUPPORTED, "STOP JOB takes an id: STOP JOB '1' [WITH SAVEPOINT]", nothing, NULL);
    if (!find_job(s, script, &t[0], &job))
        return false;
    if (save && !job.dir.ptr)
        return fail_at(s, script, &t[1], ST_UNSUPPORTED, "job '%.*s' keeps no state to stop WITH SAVEPOINT", id,
                       "INSERTs of weir sql --state-dir DIR do");
    struct str dir = arena_str(&s->scratch, save ? job.dir : nothing);
    if (!dir.ptr)
        return fail_at(s, script, &t[0], ST_MEMORY, "no memory for '%.*s'", id, NULL);
    struct watch w = { .s = s, .id = job.id };
    stop(&w);
    wait_for(&w);
    bool ok = finish_job(s, &job);
    return ok && save ? answer(s, script, "savepoint path", dir, began_ns) : ok;
}

/* 0: no such statement; 1: done; -1: failed. */
static int jobs_statement(struct shell *s, const struct script *script, size_t from, int64_t began_ns)
{
    struct syn_token t[7];
    struct engine_job job;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        t[i] = syn_next_token(&s->scratch, script->text, i ? t[i - 1].end : from);
    if (token_is(&t[0], "SHOW") && token_is(&t[1], "JOBS") && token_ends(&t[2]))
        return show_jobs(s, script, 0, began_ns) ? 1 : -1;
    if ((token_is(&t[0], "DESCRIBE") || token_is(&t[0], "DESC")) && token_is(&t[1], "JOB") && t[2].kind == SYN_TOKEN_TEXT)
        return find_job(s, script, &t[2], &job) && show_jobs(s, script, job.id, began_ns) ? 1 : -1;
    if (token_is(&t[0], "STOP") && token_is(&t[1], "JOB"))
        return stop_job(s, script, t + 2, began_ns) ? 1 : -1;
    return 0;
}

/* ---- the face ---- */

bool shell_execute(struct shell *s, const struct script *script, size_t from)
{
    struct action a;
    struct error err;
    int64_t began_ns = os_mono_ns(s->c->os);
    int own = jobs_statement(s, script, from, began_ns);
    if (own)
        return own > 0;
    if (session_next(engine_session(s->engine), script->text, &from, &a, &err) != ST_OK)
        return fail(s, script, &err);
    bool ok = run_action(s, script, &a, began_ns);
    action_release(&a);
    return ok;
}

bool shell_query(struct shell *s, const char *sql)
{
    struct script script = { .name = STR(""), .text = str_from(sql) };
    return shell_execute(s, &script, 0);
}
