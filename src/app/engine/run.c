/* A script as `weir run` runs it. DDL takes effect at once; a SELECT runs to its end on this thread before the next
 * statement; each INSERT is planned and restored when its turn comes and then runs on a thread of its own, beside the
 * others, until all are joined at the script's end. The first failure stops the rest. */
#include "engine/engine_private.h"
#include "os/os.h"

#define TICK_MS 1000

struct ticker {
    struct engine *engine;
    void (*tick)(void *arg, const struct job_stats *s);
    void *arg;
};

static void sum_stats(struct engine *e, struct job_stats *sum)
{
    *sum = e->ended;
    for (struct running *r = e->jobs; r; r = r->next) {
        struct job_stats s = running_stats(r);
        engine_add_stats(sum, &s);
    }
}

static int64_t tick_ms(const struct engine *e)
{
    return e->config.tick_ms ? e->config.tick_ms : TICK_MS;
}

static void tick(struct ticker *t)
{
    struct job_stats sum;
    engine_look_at_jobs(t->engine);
    if (!t->tick)
        return;
    sum_stats(t->engine, &sum);
    t->tick(t->arg, &sum);
}

static void on_tick(void *arg, struct job *j)
{
    struct ticker *t = arg;
    if (atomic_load(&t->engine->stopping))
        job_stop(j);
    tick(t);
}

static enum status run_job(struct running *r, struct ticker *t, struct error *err)
{
    struct engine *e = r->engine;
    atomic_store(&r->began_ns, os_mono_ns(e->config.os));
    enum status st = job_run(r->job, t ? on_tick : NULL, t, t && !t->tick && !r->watched ? TICK_MS / 10 : tick_ms(e), err);
    atomic_store(&r->ended_ns, os_mono_ns(e->config.os));
    return st;
}

void running_thread(void *arg)
{
    struct running *r = arg;
    struct os_signal *wake = r->engine->config.wake;
    struct os *os = r->engine->config.os;
    r->status = run_job(r, NULL, &r->error);
    atomic_store(&r->done, true);
    if (wake)
        os->ops->signal_raise(os, wake);
}

static enum status print_rows(struct engine *e, const struct batch *rows, struct error *err)
{
    struct zone zone = session_zone(e->session);
    struct buf out;
    buf_init(&out, &e->budget, 256u << 20);
    struct result_writer *w = result_writer_new(e->config.format, rows->schema, false, &zone, &e->budget);
    bool ok = w && result_writer_put(w, rows, &out) && result_writer_end(w, &out);
    result_writer_free(w);
    enum status st = ST_OK;
    if (!ok)
        st = budget_error(&e->budget, 0, err);
    else if (e->config.print)
        st = e->config.print(e->config.print_arg, buf_str(&out), err);
    else
        st = e->config.os->ops->stream_write(e->config.os, 1, out.data, out.len, err);
    buf_release(&out);
    return st;
}

/* To its end, before the next statement. */
static enum status run_now(struct engine *e, struct action *a, struct ticker *t, struct error *err)
{
    struct job *j;
    TRY(engine_start(e, a, &j, err));
    if (atomic_load(&e->stopping))
        job_stop(j);
    enum status st = run_job(engine_find(e, j), t, err);
    engine_end_job(e, j);
    return st;
}

static enum status start_insert(struct engine *e, struct action *a, struct error *err)
{
    struct job *j;
    return engine_start(e, a, &j, err);
}

static enum status run_statements(struct engine *e, struct str script, struct ticker *t, struct error *err)
{
    size_t pos = 0;
    for (;;) {
        struct action a;
        enum status st = session_next(e->session, script, &pos, &a, err);
        if (st != ST_OK || a.kind == ACTION_END || atomic_load(&e->stopping)) {
            if (st == ST_OK)
                action_release(&a);
            return st;
        }
        if (a.kind == ACTION_ROWS)
            st = print_rows(e, a.rows, err);
        else if (a.kind == ACTION_SELECT)
            st = run_now(e, &a, t, err);
        else if (a.kind == ACTION_ANALYZE)
            st = e->config.watch ? run_now(e, &a, t, err)
                                 : error_set(err, ST_UNSUPPORTED, "EXPLAIN ANALYZE has nobody here to tell");
        else if (a.kind == ACTION_INSERT)
            st = start_insert(e, &a, err);
        action_release(&a);
        if (st != ST_OK)
            return st;
    }
}

/* One INSERT needs no thread of its own. */
static enum status run_alone(struct engine *e, struct ticker *t, struct error *err)
{
    struct running *r = e->jobs;
    if (atomic_load(&e->stopping))
        job_stop(r->job);
    return run_job(r, t, err);
}

static enum status join_all(struct engine *e, struct ticker *t, struct error *err)
{
    struct os *os = e->config.os;
    enum status st = ST_OK;
    struct os_signal *nap = os->ops->signal_new(os);
    if (!nap)
        return budget_error(&e->budget, 0, err);
    for (struct running *r = e->jobs; r && st == ST_OK; r = r->next)
        st = os->ops->thread_start(os, "job", running_thread, r, &r->thread, err);
    int64_t every_ns = tick_ms(e) * 1000000, next_tick = os_mono_ns(os) + every_ns;
    for (bool running = true, stop_told = false; running;) {
        running = false;
        for (struct running *r = e->jobs; r; r = r->next) {
            bool over = !r->thread || atomic_load(&r->done);
            running |= !over;
            if (over && r->thread && r->status != ST_OK && st == ST_OK) {
                st = r->status;
                if (err)
                    *err = r->error;
            }
        }
        bool stop = st != ST_OK || atomic_load(&e->stopping);
        for (struct running *r = e->jobs; stop && !stop_told && r; r = r->next)
            job_stop(r->job);
        stop_told |= stop;
        if (running)
            os->ops->signal_wait(os, nap, os_mono_ns(os) + 10 * 1000000LL);
        if (os_mono_ns(os) >= next_tick) {
            tick(t);
            next_tick += every_ns;
        }
    }
    for (struct running *r = e->jobs; r; r = r->next)
        if (r->thread)
            os->ops->thread_join(os, r->thread);
    os->ops->signal_free(os, nap);
    return st;
}

void engine_fill_report(const struct engine *e, const struct job_stats *total, struct engine_report *ret)
{
    ret->total = *total;
    memcpy(ret->late, e->late, sizeof ret->late);
    ret->n_late = e->n_late;
    ret->bad_rows = total->bad_rows;
    ret->late_rows = total->late_rows;
    ret->stopped = atomic_load(&e->stopping);
}

enum status engine_run(struct engine *e, struct str script, void (*on)(void *arg, const struct job_stats *s), void *arg,
                       struct engine_report *ret, struct error *err)
{
    struct ticker t = { e, on, arg };
    e->ended.watermark_ms = INT64_MIN;
    enum status st = run_statements(e, script, &t, err);
    if (st == ST_OK && e->jobs)
        st = e->jobs->next ? join_all(e, &t, err) : run_alone(e, &t, err);
    while (e->jobs)
        engine_end_job(e, e->jobs->job);
    if (ret) {
        struct job_stats sum;
        sum_stats(e, &sum);
        engine_fill_report(e, &sum, ret);
    }
    return st;
}

void engine_stop(struct engine *e)
{
    atomic_store(&e->stopping, true);
    jobs_lock(e);
    for (struct running *r = e->jobs; r; r = r->next)
        job_stop(r->job);
    jobs_unlock(e);
}
