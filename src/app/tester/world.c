/* The world of one test file: a simulated machine with its disk, the hub that feeds and collects, and an engine over
 * both. Machine and hub live as long as the file; engines come and go with `restart` and `crash`.
 *
 * Every statement that took effect is kept in a log. A new engine executes the log again in the same order, so
 * each job gets the same folder in the state directory and is restored from it. Jobs that have ended are started
 * again too: they restore as ended. A SELECT of a `query` keeps no state and is not in the log. */
#include "tester/tester_private.h"

#define STATE_DIR "/state"
#define QUERY_STEPS 20000000u

static enum status refused(struct world *w, struct error *err)
{
    return budget_error(w->arena.budget, 0, err);
}

uint64_t world_random(struct world *w, uint64_t below) /* splitmix64 */
{
    uint64_t x = w->random += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return below ? x % below : x;
}

bool world_is_harsh(const struct world *w)
{
    const struct tester_config *c = w->config;
    return c->batch > 1 || c->parallelism > 1 || c->restart_every || c->crash_every || c->shuffle;
}

static enum status new_engine(struct world *w, struct error *err)
{
    struct engine_config ec = {
        .os = sim_os(w->sim),
        .parallelism = w->parallelism,
        .commit_interval_ms = INT64_MAX,
        .state_dir = STATE_DIR,
        .hub = w->hub,
        .results_to_hub = true,
        .clock_ms = &w->clock_ms,
        .seed = w->config->seed * 1000003 + w->engines++,
    };
    return engine_new(&ec, &w->engine, err);
}

enum status world_open(struct world *w, const struct tester_config *config, uint64_t seed, struct error *err)
{
    *w = (struct world){ .config = config,
                         .random = seed,
                         .parallelism = config->parallelism ? config->parallelism : 1 };
    arena_init(&w->arena, budget_process());
    w->sim = sim_new(seed, budget_process());
    w->hub = test_hub_new(budget_process());
    if (!w->sim || !w->hub)
        return refused(w, err);
    sim_set_wall_ms(w->sim, 0);
    test_hub_batch(w->hub, config->batch);
    return new_engine(w, err);
}

/* Background work holds pointers into its job, so it is done before the job goes. */
static void drop_engine(struct world *w)
{
    while (w->engine && sim_work_some(w->sim, 16))
        ;
    engine_free(w->engine);
    w->engine = NULL;
}

void world_close(struct world *w)
{
    drop_engine(w);
    test_hub_free(w->hub);
    sim_free(w->sim);
    arena_release(&w->arena);
}

struct look *world_look(struct world *w, struct str name, bool add)
{
    for (uint32_t i = 0; i < w->looks.count; i++)
        if (str_eq(w->looks.at[i].name, name))
            return &w->looks.at[i];
    struct look *l = add ? array_add(&w->looks, &w->arena) : NULL;
    if (l)
        l->name = name;
    return l;
}

/* ---- jobs ---- */

/* The job at `slot` of w->jobs out of a planned action. */
static enum status start(struct world *w, struct action *a, struct world_job *slot, struct error *err)
{
    a->kind = ACTION_INSERT; /* a stream keeps its state as an INSERT does */
    return engine_start(w->engine, a, &slot->job, err);
}

/* ARRAY_AGG, LISTAGG, FIRST_VALUE and the like. */
static bool takes_as_they_come(const struct aggregate_call *calls, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (calls[i].aggregate->keep != AGG_KEEP_NOTHING || !calls[i].aggregate->ops->merge)
            return true;
    return false;
}

/* Whether the order in which rows arrive shows in the answer. */
static bool hangs_on_order(const struct plan *p)
{
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        const struct node *n = p->nodes[i];
        if (n->kind == NODE_SORT && n->sort.limit >= 0 && n->sort.n_keys == 0)
            return true;
        if (n->kind == NODE_TO_CHANGELOG || n->kind == NODE_FROM_CHANGELOG)
            return true;
        if (n->kind == NODE_AGGREGATE && takes_as_they_come(n->aggregate.calls, n->aggregate.n_calls))
            return true;
        if (n->kind == NODE_WINDOW_AGGREGATE &&
            takes_as_they_come(n->window_aggregate.calls, n->window_aggregate.n_calls))
            return true;
        if (n->kind == NODE_SINK && n->sink.table->n_primary_key && p->nodes[n->inputs[0].node]->kinds == KINDS_APPEND)
            return true;
    }
    return false;
}

static struct str job_name(struct world *w, const struct action *a)
{
    struct str name = a->result ? a->result->name : a->plan->name;
    return arena_str(&w->arena, name.ptr ? name : STR("job"));
}

static struct started *log_add(struct world *w, struct str text, struct str stream)
{
    struct started *s = array_add(&w->log, &w->arena);
    if (s)
        *s = (struct started){ .text = text, .stream = stream };
    return s;
}

static enum status next_action(struct world *w, const struct started *s, struct str text, size_t *pos,
                               struct action *ret, struct error *err)
{
    struct session *session = engine_session(w->engine);
    if (s->late.ptr)
        TRY(session_set(session, STR("late.table"), s->late, err));
    enum status st = s->stream.ptr ? session_select_into(session, text, s->stream, ret, err)
                                   : session_next(session, text, pos, ret, err);
    if (s->late.ptr) {
        enum status back = session_set(session, STR("late.table"), STR(""), st == ST_OK ? err : NULL);
        if (st == ST_OK && back != ST_OK) {
            action_release(ret);
            return back;
        }
    }
    return st;
}

/* ---- late rows ---- */

bool world_wants_late(const struct world *w, struct str name)
{
    for (uint32_t i = 0; i < w->file.count; i++)
        if (w->file.at[i].kind == RECORD_LATE && str_eq(w->file.at[i].name, name))
            return true;
    return false;
}

/* A name without a point is a table's key as it is. */
struct str world_late_name(struct arena *a, struct str name)
{
    struct str late = arena_printf(a, "late rows of %.*s", STR_ARG(name));
    for (size_t i = 0; i < late.len; i++)
        if (late.ptr[i] == '.')
            ((char *)(uintptr_t)late.ptr)[i] = ' ';
    return late;
}

static struct str sink_name(const struct started *s, const struct action *a)
{
    if (s->stream.ptr)
        return s->stream;
    if (a->stmt->kind == SYN_STMT_INSERT)
        for (uint32_t i = 0; i < a->plan->n_nodes; i++)
            if (a->plan->nodes[i]->kind == NODE_SINK && !a->plan->nodes[i]->sink.ordinal)
                return a->plan->nodes[i]->sink.table->name;
    return (struct str){ NULL, 0 };
}

static enum status execute_ddl(struct world *w, struct str sql, struct error *err)
{
    size_t pos = 0;
    struct action a;
    TRY(session_next(engine_session(w->engine), sql, &pos, &a, err));
    action_release(&a);
    return log_add(w, sql, (struct str){ NULL, 0 }) ? ST_OK : refused(w, err);
}

/* The file has a `late` record for what this action writes: makes a table for its late rows and plans it again. A
 * file that says SET 'late.table' itself has its own way. */
static enum status with_late_rows(struct world *w, struct started *s, struct action *a, struct error *err)
{
    struct str name = sink_name(s, a);
    if (!name.ptr || !world_wants_late(w, name) || session_get(engine_session(w->engine), "late.table").len)
        return ST_OK;
    struct str table = world_late_name(&w->arena, name), sql = { NULL, 0 };
    if (!table.ptr)
        return refused(w, err);
    if (!catalog_table(session_catalog(engine_session(w->engine)), table)) {
        TRY(late_table_sql(w, a->stmt, table, &sql, err));
        TRY(execute_ddl(w, sql, err));
    }
    s->late = table;
    size_t pos = 0;
    struct action again;
    TRY(next_action(w, s, s->text, &pos, &again, err));
    action_release(a);
    *a = again;
    return ST_OK;
}

/* ---- statements ---- */

/* First start of a job. */
static enum status begin_job(struct world *w, struct started *s, struct action *a, struct error *err)
{
    TRY(with_late_rows(w, s, a, err));
    struct world_job *j = array_add(&w->jobs, &w->arena);
    struct str name = job_name(w, a);
    struct started *logged = log_add(w, s->text, s->stream);
    if (!j || !logged || !name.ptr)
        return refused(w, err);
    j->name = name;
    logged->is_job = true;
    logged->late = s->late;
    w->ordered |= hangs_on_order(a->plan);
    enum status st = start(w, a, j, err);
    if (st != ST_OK) {
        w->jobs.count--;
        logged->refused = true;
        return st;
    }
    TRY(world_drive(w, err));
    if (j->failed) {
        j->told = true;
        if (err)
            *err = j->error;
        return j->error.status;
    }
    return world_commit(w, err);
}

/* A SELECT to its end; its rows stand in the hub under the result's name. Other jobs rest meanwhile. */
static enum status run_to_end(struct world *w, struct action *a, struct error *err)
{
    struct job *j;
    TRY(engine_start(w->engine, a, &j, err));
    enum status st = ST_OK;
    bool over = false;
    for (uint32_t n = 0; !over && st == ST_OK; n++) {
        switch (job_step(j, err)) {
        case JOB_RAN:
            break;
        case JOB_IDLE:
            if (!sim_work_some(w->sim, 4))
                st = error_set(err, ST_USAGE, "the query does not end: its input is not bounded");
            break;
        case JOB_DONE:
        case JOB_STOPPED:
            over = true;
            break;
        case JOB_FAILED:
            st = err && err->status != ST_OK ? err->status : ST_BUG;
            break;
        }
        if (n > QUERY_STEPS)
            st = error_set(err, ST_LIMIT, "the query does not end");
    }
    engine_end_job(w->engine, j);
    return st;
}

static enum status carry_out(struct world *w, struct started *s, struct action *a, struct error *err)
{
    switch (a->kind) {
    case ACTION_INSERT:
        return begin_job(w, s, a, err);
    case ACTION_SELECT:
        if (s->stream.ptr)
            return begin_job(w, s, a, err);
        a->result->name = arena_printf(&w->arena, "query %u", ++w->queries);
        return a->result->name.ptr ? run_to_end(w, a, err) : refused(w, err);
    case ACTION_ROWS:
        return ST_OK;
    case ACTION_ANALYZE:
        return error_set(err, ST_UNSUPPORTED, "EXPLAIN ANALYZE is not for test files");
    case ACTION_NOTHING:
        return log_add(w, s->text, s->stream) ? ST_OK : refused(w, err);
    case ACTION_END:
        break;
    }
    return ST_OK;
}

enum status world_statement(struct world *w, struct str text, struct error *err)
{
    size_t pos = 0;
    for (;;) {
        struct action a;
        struct started s = { 0 };
        size_t from = pos;
        TRY(next_action(w, &s, text, &pos, &a, err));
        bool end = a.kind == ACTION_END;
        s.text = str_make(text.ptr + from, pos - from);
        enum status st = end ? ST_OK : carry_out(w, &s, &a, err);
        action_release(&a);
        if (st != ST_OK || end)
            return st;
    }
}

enum status world_stream(struct world *w, struct str name, struct str text, struct error *err)
{
    size_t pos = 0;
    struct action a;
    struct started s = { .text = text, .stream = name };
    struct look *there = world_look(w, name, false);
    if (there && there->is_stream)
        return error_set(err, ST_EXISTS, "there is a stream '%.*s' already", STR_ARG(name));
    TRY(next_action(w, &s, text, &pos, &a, err));
    struct schema columns = schema_copy(&w->arena, &a.result->physical);
    struct schema *kept = ARENA_NEW(&w->arena, struct schema);
    enum status st = kept && (columns.fields || !columns.n_fields) ? begin_job(w, &s, &a, err) : refused(w, err);
    action_release(&a);
    if (st != ST_OK)
        return st;
    struct look *l = world_look(w, name, true);
    if (!l)
        return refused(w, err);
    *kept = columns;
    l->is_stream = true;
    l->columns = kept;
    return ST_OK;
}

/* ---- queries ---- */

static enum status rows_of_batch(struct world *w, const struct batch *b, struct rows *ret, struct error *err)
{
    struct zone zone = session_zone(engine_session(w->engine));
    struct buf text;
    bool ok = true;
    buf_init(&text, w->arena.budget, TEST_FILE_BYTES);
    for (uint32_t k = 0; ok && k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k), n = b->schema->n_fields;
        struct cells *c = rows_add(&w->arena, ret);
        ok = c && (c->at = ARENA_ARRAY(&w->arena, struct str, n + 1));
        for (uint32_t i = 0; ok && i < n; i++) {
            buf_clear(&text);
            bool null = column_is_null(&b->cols[i], row);
            ok = null || value_print(&text, &b->cols[i], row, &zone);
            struct str value = { NULL, 0 };
            if (ok && !null)
                value = arena_str(&w->arena, text.len ? buf_str(&text) : STR(""));
            c->at[c->n] = cell_display(&w->arena, value);
            ok = ok && c->at[c->n++].ptr;
        }
    }
    buf_release(&text);
    return ok ? ST_OK : refused(w, err);
}

enum status world_rows(struct world *w, struct str name, struct rows *ret, struct error *err)
{
    const struct test_row *at;
    uint32_t n = test_hub_rows(w->hub, name, 0, &at);
    for (uint32_t i = 0; i < n; i++) {
        struct cells *c = rows_add(&w->arena, ret);
        struct str *cells = c ? ARENA_ARRAY(&w->arena, struct str, at[i].n + 1) : NULL;
        bool ok = cells != NULL;
        for (uint32_t k = 0; ok && k < at[i].n; k++)
            ok = (cells[k] = cell_display(&w->arena, at[i].values[k])).ptr != NULL;
        if (!ok)
            return refused(w, err);
        *c = (struct cells){ cells, at[i].n, at[i].kind };
    }
    return ST_OK;
}

static enum status rows_of_query(struct world *w, struct started *s, struct action *a, struct rows *ret,
                                 struct error *err)
{
    struct rows changes = { 0 };
    TRY(carry_out(w, s, a, err));
    struct str name = arena_printf(&w->arena, "query %u", w->queries);
    if (!name.ptr)
        return refused(w, err);
    TRY(world_rows(w, name, &changes, err));
    return rows_fold(&w->arena, &changes, 0, changes.count, NULL, 0, ret, err);
}

enum status world_query(struct world *w, struct str text, struct rows *ret, const struct schema **ret_columns,
                        struct error *err)
{
    size_t pos = 0;
    struct action a;
    struct started s = { .text = text };
    struct rows rows = { 0 };
    struct schema *columns = ARENA_NEW(&w->arena, struct schema);
    TRY(next_action(w, &s, text, &pos, &a, err));
    enum status st = columns ? ST_OK : refused(w, err);
    if (st == ST_OK && a.kind != ACTION_SELECT && a.kind != ACTION_ROWS)
        st = error_set(err, ST_USAGE, "the statement has no rows: it belongs under 'statement ok'");
    if (st == ST_OK)
        *columns = schema_copy(&w->arena, a.kind == ACTION_ROWS ? a.rows->schema : &a.result->physical);
    if (st == ST_OK && a.kind == ACTION_ROWS)
        st = rows_of_batch(w, a.rows, &rows, err);
    if (st == ST_OK && a.kind == ACTION_SELECT)
        st = rows_of_query(w, &s, &a, &rows, err);
    action_release(&a);
    if (st == ST_OK) {
        *ret = rows;
        *ret_columns = columns;
    }
    return st;
}

/* ---- from one engine to the next ---- */

static enum status replay_one(struct world *w, struct started *s, uint32_t *job, struct error *err)
{
    size_t pos = 0;
    struct action a;
    TRY(next_action(w, s, s->text, &pos, &a, err));
    enum status st = ST_OK;
    if (s->is_job && s->refused) {
        struct world_job none = { 0 };
        if (start(w, &a, &none, NULL) == ST_OK)
            engine_end_job(w->engine, none.job);
    } else if (s->is_job) {
        struct world_job *j = &w->jobs.at[(*job)++];
        st = start(w, &a, j, err);
        j->ended = j->stopped = j->failed = false;
        if (st != ST_OK)
            error_prefix(err, "starting '%.*s' again: ", STR_ARG(j->name));
    }
    action_release(&a);
    return st;
}

static enum status revive(struct world *w, struct error *err)
{
    uint32_t job = 0;
    for (uint32_t i = 0; i < w->jobs.count; i++)
        w->jobs.at[i].job = NULL;
    TRY(new_engine(w, err));
    for (uint32_t i = 0; i < w->log.count; i++)
        TRY(replay_one(w, &w->log.at[i], &job, err));
    return world_drive(w, err);
}

enum status world_restart(struct world *w, uint32_t parallelism, struct error *err)
{
    for (uint32_t i = 0; i < w->jobs.count; i++) {
        struct world_job *j = &w->jobs.at[i];
        if (!j->job || j->failed || j->ended)
            continue;
        job_force_snapshot(j->job);
        job_stop(j->job);
    }
    TRY(world_drive(w, err));
    for (uint32_t i = 0; i < w->jobs.count; i++) {
        const struct world_job *j = &w->jobs.at[i];
        if (j->job && !j->failed && !j->ended && !j->stopped)
            return error_set(err, ST_BUG, "job '%.*s' does not stop", STR_ARG(j->name));
    }
    if (parallelism)
        w->parallelism = parallelism;
    drop_engine(w);
    sim_kill(w->sim);
    return revive(w, err);
}

/* The machine stands still at one of the next calls to its disk, so that a commit on its way ends before, within
 * or behind its record; then the process is gone. */
enum status world_crash(struct world *w, struct error *err)
{
    sim_crash_at(w->sim, sim_calls(w->sim) + 1 + world_random(w, 8));
    drop_engine(w);
    sim_kill(w->sim);
    test_hub_crash(w->hub);
    return revive(w, err);
}
