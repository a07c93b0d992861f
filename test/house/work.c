/* The job: topic "in" (two partitions, read committed) to "out", record by record, and to "win", counts and sums of windows, in one
 * statement set: one commit for both, and for positions, timers and state. A job that fails is started again. */
#include "world.h"

#include <stdio.h>

static const char script[] =
    "CREATE TABLE src (id BIGINT, k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND) WITH ('connector' = 'topic', "
    "'topic' = 'in', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'properties.isolation.level' = 'read_committed');\n"
    "CREATE TABLE o (id BIGINT) WITH ('connector' = 'topic', 'topic' = 'out', 'format' = 'json');\n"
    "CREATE TABLE v (s TIMESTAMP(3), k INT, n BIGINT, m BIGINT) WITH ('connector' = 'topic', 'topic' = 'win', 'format' = 'json');\n"
    "EXECUTE STATEMENT SET BEGIN INSERT INTO o SELECT id FROM src; INSERT INTO v SELECT window_start, k, COUNT(*), SUM(id) FROM "
    "TUMBLE(TABLE src, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start, window_end, k; END;\n";

static enum status nothing(void *arg, struct str bytes, struct error *err)
{
    (void)arg, (void)bytes, (void)err;
    return ST_OK;
}

static enum status start(struct world *w, struct error *err)
{
    struct work *k = &w->work;
    struct engine_config c = {
        .os = w->os, .topics = w->topics, .parallelism = 1 + (uint32_t)below(w, 2), .capacity = 1 + (uint32_t)below(w, 8),
        .ring_capacity = 1, .commit_interval_ms = INT64_MAX, .min_snapshot_bytes = 1 << 30, .print = nothing,
        .seed = sim_random(w->sim), .planted = w->planted_job,
    };
    struct str text = str_from(script);
    size_t pos = 0;
    TRY(engine_new(&c, &k->engine, err));
    for (;;) {
        struct action a;
        TRY(session_next(engine_session(k->engine), text, &pos, &a, err));
        bool end = a.kind == ACTION_END;
        enum status st = a.kind == ACTION_INSERT ? engine_start(k->engine, &a, &k->job, err) : ST_OK;
        action_release(&a);
        if (st != ST_OK || end)
            return st;
    }
}

void work_end(struct world *w)
{
    while (sim_work_waiting(w->sim)) /* a job is not freed under its background work */
        sim_work_some(w->sim, 16);
    engine_free(w->work.engine);
    w->work.engine = NULL;
    w->work.job = NULL;
}

/* With trouble about it may fail as often as it likes. */
static void failed(struct world *w, const struct error *err)
{
    work_end(w);
    w->work.again_ns = now_ns(w) + 2000000;
    w->work.idle = 0;
    if (sim_crashed(w->sim) || w->failed)
        return;
    if (w->quiet || w->trouble == 0)
        w->work.failures++;
    if (w->work.failures > 20) {
        snprintf(w->why, sizeof w->why, "the job: %s %s", err->message, err->place);
        give_up(w, EV_REFUSED, w->why);
    }
}

void work_step(struct world *w)
{
    struct work *k = &w->work;
    struct error err;
    error_clear(&err);
    if (!w->with_job || now_ns(w) < k->again_ns)
        return;
    if (!k->engine && start(w, &err) != ST_OK) {
        failed(w, &err);
        return;
    }
    for (uint32_t i = 0; i < 4 && !sim_crashed(w->sim) && !w->failed; i++) {
        enum job_progress p = job_step(k->job, &err);
        if (p == JOB_FAILED) {
            failed(w, &err);
            return;
        }
        k->idle = p == JOB_IDLE ? k->idle + 1 : 0;
        if (p == JOB_IDLE)
            break;
    }
    if (!w->quiet && chance(w, 12)) {
        job_commit(k->job);
        k->idle = 0;
        if (chance(w, 4))
            job_force_snapshot(k->job);
    }
    sim_work_some(w->sim, 1 + (uint32_t)below(w, 2));
}

bool work_rests(const struct world *w, uint32_t steps)
{
    return !w->with_job || (w->work.job && w->work.idle >= steps && !job_busy(w->work.job));
}
