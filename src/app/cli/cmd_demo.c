/* weir demo: examples/earthquakes.sql over the data inside the program, with a live table.
 *
 * In its folder (default .weir/demo) lie the data, the job's state directory, the rows printed so far and, when a run
 * has come to its end, a mark, so that the next one begins anew. The rows printed are kept because the job goes on
 * where it was and prints only what changes; a kill may lose the last of them, which the next change of that row
 * repairs.
 *
 * The picture is drawn by whoever brings rows (background work, one call at a time) and once more at the end; the tick
 * only leaves the numbers of the status line. So nothing is shared but atomics. */
#include "cli/demo.h"

#include <inttypes.h>
#include <stdio.h>

#define DEMO_DIR ".weir/demo"
#define FRAME_NS INT64_C(250000000)
#define ROWS_MAX ((size_t)16 << 20)

struct demo {
    struct cli *c;
    struct str dir;
    bool draws; /* on a terminal that can move its cursor */
    struct demo_model model;
    struct os_file *lock; /* one demo in a folder; NULL: not open */
    struct os_file *rows; /* printed so far; NULL: not open */
    uint64_t rows_bytes;
    struct screen screen;
    atomic_uint_fast64_t rows_in, late, state_bytes, commits;
    atomic_int_fast64_t watermark_ms;
};

static const char *path_of(struct demo *d, const char *name)
{
    return arena_printf(&d->c->arena, "%.*s/%s", STR_ARG(d->dir), name).ptr;
}

static bool is_there(struct demo *d, const char *path)
{
    struct os_stat st;
    return d->c->os->ops->stat(d->c->os, path, &st, NULL) == ST_OK;
}

/* ---- the folder ---- */

#define DEPTH_MAX 8

/* Removes what is below `path`, and path. Only ever called inside the demo's own folder. */
static enum status remove_tree(struct demo *d, const char *path, int depth, struct error *err)
{
    struct os *os = d->c->os;
    struct os_stat st;
    struct os_name *names;
    uint32_t n;
    if (os->ops->stat(os, path, &st, NULL) != ST_OK)
        return ST_OK;
    if (!st.is_directory)
        return os->ops->unlink(os, path, err);
    if (depth == DEPTH_MAX)
        return error_set(err, ST_LIMIT, "'%s' is deeper than a demo's state", path);
    TRY(os->ops->list(os, path, &d->c->arena, &names, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        struct str inner = arena_printf(&d->c->arena, "%s/%.*s", path, STR_ARG(names[i].name));
        if (!inner.ptr)
            return budget_error(d->c->arena.budget, 0, err);
        TRY(remove_tree(d, inner.ptr, depth + 1, err));
    }
    return os->ops->rmdir(os, path, err);
}

/* Until the end of the process: nobody else may begin anew below a demo that runs. */
static enum status take_lock(struct demo *d, struct error *err)
{
    TRY(os_open(d->c->os, path_of(d, "lock"), OS_CREATE, &d->lock, err));
    enum status st = d->c->os->ops->lock(d->c->os, d->lock, err);
    if (st == ST_LOCKED) {
        error_set(err, st, "a demo is running in %.*s", STR_ARG(d->dir));
        error_hint(err, "stop it, or run this one elsewhere: --state-dir DIR");
    }
    return st;
}

/* The mark goes last: a removal that was cut short is done again. */
static enum status begin_anew(struct demo *d, struct error *err)
{
    static const char *const names[] = { "state", "rows", "finished" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        TRY(remove_tree(d, path_of(d, names[i]), 0, err));
    return ST_OK;
}

/* The data stay as they are when they are right: the job's position names the very file. */
static enum status put_data(struct demo *d, struct error *err)
{
    struct str wanted = str_make(demo_csv, (size_t)(demo_csv_end - demo_csv));
    const char *path = path_of(d, "earthquakes.csv");
    struct buf have;
    buf_init(&have, d->c->arena.budget, wanted.len + 1);
    bool same = is_there(d, path) && os_read_file(d->c->os, path, wanted.len, &have, NULL) == ST_OK &&
                str_eq(buf_str(&have), wanted);
    buf_release(&have);
    return same ? ST_OK : os_write_file(d->c->os, path, wanted.ptr, wanted.len, err);
}

static enum status open_rows(struct demo *d, struct error *err)
{
    struct os *os = d->c->os;
    struct os_stat st;
    struct buf text;
    const char *path = path_of(d, "rows");
    TRY(os_open(os, path, OS_CREATE, &d->rows, err));
    TRY(os->ops->fstat(os, d->rows, &st, err));
    d->rows_bytes = st.bytes;
    buf_init(&text, d->c->arena.budget, ROWS_MAX + 1);
    enum status got = os_read_file(os, path, ROWS_MAX, &text, err);
    struct str rest = buf_str(&text);
    while (got == ST_OK && rest.ptr && rest.len)
        (void)demo_take(&d->model, str_split(&rest, '\n'));
    buf_release(&text);
    return got;
}

/* ---- the picture ---- */

static int put_status(struct demo *d, char *out, size_t room, const char *more)
{
    char rows[CLI_TEXT], late[CLI_TEXT], state[CLI_TEXT], commits[CLI_TEXT];
    return snprintf(out, room, "%s rows in, %s late, state %s, %s commits%s",
                    text_count(rows, atomic_load(&d->rows_in)), text_count(late, atomic_load(&d->late)),
                    text_bytes(state, atomic_load(&d->state_bytes)), text_count(commits, atomic_load(&d->commits)),
                    more);
}

static void draw(struct demo *d, bool last)
{
    char status[256], when[CLI_TEXT] = "";
    int64_t watermark = atomic_load(&d->watermark_ms);
    put_status(d, status, sizeof status, last ? "" : "    Ctrl-C stops, the next start goes on");
    if (watermark != INT64_MIN && watermark != INT64_MAX) {
        text_time(when, watermark);
        when[16] = 0;
    }
    struct demo_frame f = { .colour = d->c->colour_out,
                            .columns = cli_columns(d->c),
                            .status = status,
                            .when = when };
    struct buf out;
    buf_init(&out, d->c->arena.budget, 1 << 20);
    if (demo_draw(&out, &d->model, &f))
        screen_show(&d->screen, buf_str(&out));
    buf_release(&out);
}

/* Rows that are committed. */
static enum status take_rows(void *arg, struct str bytes, struct error *err)
{
    struct demo *d = arg;
    struct str rest = bytes;
    struct buf said;
    buf_init(&said, d->c->arena.budget, SIZE_MAX / 2);
    bool ok = true;
    while (ok && rest.ptr && rest.len) {
        struct str line = str_split(&rest, '\n');
        (void)demo_take(&d->model, line);
        ok = d->draws || demo_say(&said, line);
    }
    enum status st = ok ? cli_write(d->c, buf_str(&said), err) : budget_error(d->c->arena.budget, bytes.len, err);
    buf_release(&said);
    if (st != ST_OK)
        return st;
    if (d->draws && os_mono_ns(d->c->os) - d->screen.drawn_ns >= FRAME_NS)
        draw(d, false);
    TRY(os_pwrite(d->c->os, d->rows, bytes.ptr, bytes.len, d->rows_bytes, err));
    d->rows_bytes += bytes.len;
    return ST_OK;
}

static void tick(void *arg, const struct job_stats *s)
{
    struct demo *d = arg;
    atomic_store(&d->rows_in, s->rows_in);
    atomic_store(&d->late, s->late_rows);
    atomic_store(&d->state_bytes, s->state_bytes);
    atomic_store(&d->commits, s->commits);
    atomic_store(&d->watermark_ms, s->watermark_ms);
}

/* ---- the run ---- */

/* `from`, which must be there, once, as `to`. */
static bool put_instead(struct arena *a, struct str *text, struct str from, struct str to)
{
    int64_t at = str_find(*text, from, 0);
    CHECK(at >= 0);
    *text = arena_printf(a, "%.*s%.*s%.*s", (int)at, text->ptr, STR_ARG(to), (int)(text->len - (size_t)at - from.len),
                         text->ptr + at + from.len);
    return text->ptr != NULL;
}

static bool make_script(struct demo *d, struct script *ret)
{
    struct str speed = args_get(&d->c->args, O_SPEED), path = str_from(path_of(d, "earthquakes.csv"));
    *ret = (struct script){ STR("examples/earthquakes.sql"), str_make(demo_sql, (size_t)(demo_sql_end - demo_sql)) };
    return path.ptr && put_instead(&d->c->arena, &ret->text, STR("examples/earthquakes.csv"), path) &&
           (!speed.ptr || put_instead(&d->c->arena, &ret->text, STR("17280"), speed));
}

static enum status prepare(struct demo *d, struct script *script, bool *ret_goes_on, struct error *err)
{
    if (!path_of(d, "state") || !make_script(d, script))
        return budget_error(d->c->arena.budget, 0, err);
    TRY(os_mkdirs(d->c->os, d->dir.ptr, err));
    TRY(take_lock(d, err));
    if (args_has(&d->c->args, O_FRESH) || is_there(d, path_of(d, "finished")))
        TRY(begin_anew(d, err));
    *ret_goes_on = is_there(d, path_of(d, "state"));
    TRY(put_data(d, err));
    return open_rows(d, err);
}

static void say_end(struct demo *d, const struct runner *r, bool went_on, enum status st)
{
    char rows[CLI_TEXT], late[CLI_TEXT];
    if (st != ST_OK || args_has(&d->c->args, O_QUIET))
        return;
    if (r->report.stopped)
        cli_say(d->c, "stopped after a last commit; weir demo goes on from here (%.*s)\n", STR_ARG(d->dir));
    else
        cli_say(d->c, "done: %s rows%s, %s of them too late for their day. The SQL: weir demo --show\n",
                text_count(rows, r->report.total.rows_in), went_on ? " in this run" : "",
                text_count(late, r->report.late_rows));
}

static int run_demo(struct demo *d, struct error *err)
{
    struct script script;
    bool goes_on;
    if (prepare(d, &script, &goes_on, err) != ST_OK)
        return cli_fail(d->c, NULL, err);
    if (!args_has(&d->c->args, O_QUIET))
        cli_say(d->c,
                goes_on ? "going on where the last run was (%.*s)\n"
                        : "1,707 earthquakes of a week; state is kept in %.*s, Ctrl-C stops\n",
                STR_ARG(d->dir));
    struct runner r = { .c = d->c, .script = &script, .config = runner_config(d->c), .tick = tick, .tick_arg = d };
    r.config.state_dir = path_of(d, "state");
    r.config.format = RESULT_CSV;
    r.config.print = take_rows;
    r.config.print_arg = d;
    r.own_words = true;
    enum status st;
    int code = runner_run(&r, &st);
    if (st == ST_OK) {
        tick(d, &r.report.total);
        if (!r.report.stopped)
            atomic_store(&d->watermark_ms, INT64_MAX); /* every day is closed */
        if (d->draws)
            draw(d, true);
    }
    if (st == ST_OK && !r.report.stopped && os_write_file(d->c->os, path_of(d, "finished"), "", 0, err) != ST_OK)
        return cli_fail(d->c, NULL, err);
    say_end(d, &r, goes_on, st);
    return code;
}

int cmd_demo(struct cli *c)
{
    struct error err;
    struct str dir = args_get(&c->args, O_STATE_DIR);
    if (args_has(&c->args, O_SHOW)) {
        (void)cli_write(c, str_make(demo_sql, (size_t)(demo_sql_end - demo_sql)), NULL);
        return 0;
    }
    struct demo *d = ARENA_NEW(&c->arena, struct demo);
    if (!d) {
        budget_error(c->arena.budget, sizeof *d, &err);
        return cli_fail(c, NULL, &err);
    }
    d->c = d->screen.c = c;
    d->dir = dir.len ? dir : STR(DEMO_DIR);
    d->draws = c->host->out_terminal && c->host->moves;
    atomic_init(&d->watermark_ms, INT64_MIN);
    int code = run_demo(d, &err);
    os_close(c->os, d->rows);
    os_close(c->os, d->lock);
    return code;
}
