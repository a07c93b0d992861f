/* Backpressure: a sink a thousand times slower than its source, three shards shuffling to one another over rings of one batch. The
 * simulated machine steps the tasks in seeded order; in no order may they lock one another, ask for more memory than the
 * job's budget, or lose a row.
 *
 *     pressure SEEDS [FIRST]
 *
 * The sink takes one batch in a thousand tries. A job that is idle for a second of simulated time with no background work under
 * way is locked. What the sink took, netted, is compared with a run without pressure.
 *
 * Before all that the finder of locks is tried itself: with a planted bug, a sender that met a full ring and is never woken, each script
 * must be found locked. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "os/sim.h"

#define SLOW 1000u
#define FILES 6
#define ROWS 60
#define BUDGET ((size_t)2 << 20)
#define IDLE_MAX 2000u
#define STEPS_MAX 20000000u

#define INPUT                                                                                                    \
    "CREATE TABLE a (id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND) " \
    "WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');\n"                                    \
    "CREATE TABLE o (k STRING, n BIGINT) WITH ('connector' = 'slow');\n"

static const char *const scripts[] = {
    INPUT "INSERT INTO o SELECT k, COUNT(*) FROM a GROUP BY k;",
    INPUT "INSERT INTO o SELECT MIN(k), n FROM (SELECT k, COUNT(*) AS n FROM a GROUP BY k) GROUP BY n;",
    INPUT "INSERT INTO o SELECT k, COUNT(*) FROM HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND) "
          "GROUP BY window_start, window_end, k;",
    INPUT "INSERT INTO o SELECT k, COUNT(DISTINCT v) FROM (SELECT k, v FROM a UNION ALL SELECT k, v + 1 FROM a) GROUP BY k;",
};
#define SCRIPTS (sizeof scripts / sizeof *scripts)

/* ---- the slow sink: its writers live in one process, so they may add up in one place ---- */

static struct {
    uint32_t slow; /* takes one of so many */
    uint64_t sum, rows;
} taken;

struct slow_writer {
    struct sink_writer base;
    struct budget *budget;
    uint32_t tries;
};
struct slow_sink {
    struct sink base;
    struct connect_context *ctx;
};

static enum status slow_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret, struct error *err)
{
    (void)err;
    struct slow_writer *w = (struct slow_writer *)base;
    if (++w->tries % taken.slow) {
        *ret = WRITE_WAIT;
        return ST_OK;
    }
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t row = batch_row(b, i);
        struct str k = column_is_null(&b->cols[0], row) ? STR("NULL") : column_str(&b->cols[0], row);
        uint64_t h = hash_bytes(k.ptr, k.len) + (uint64_t)b->cols[1].i64[row] * 0x9e3779b97f4a7c15u;
        h = hash_bytes(&h, sizeof h);
        taken.sum += row_kind_adds(batch_kind(b, row)) ? h : -h;
        taken.rows++;
    }
    *ret = WRITE_DONE;
    return ST_OK;
}

static enum status slow_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err;
    return ST_OK;
}

static enum status slow_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget, struct os_signal *wake,
                             struct sink_writer **ret, struct error *err)
{
    (void)epoch, (void)wake;
    struct slow_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return budget_error(budget, sizeof *w, err);
    *w = (struct slow_writer){ { base->ops }, budget, subtask * 7 };
    *ret = &w->base;
    return ST_OK;
}

static enum status slow_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out, struct error *err)
{
    (void)w, (void)epoch, (void)final, (void)now_ms, (void)out, (void)err;
    return ST_OK;
}

static enum status slow_step(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static void slow_close(struct sink_writer *base)
{
    struct slow_writer *w = (struct slow_writer *)base;
    if (w)
        mem_free(w->budget, w, sizeof *w);
}

static void slow_free(struct sink *base)
{
    struct slow_sink *s = (struct slow_sink *)base;
    if (s)
        mem_free(s->ctx->budget, s, sizeof *s);
}

static const struct sink_ops slow_ops = { .restore = slow_restore, .open = slow_open, .write = slow_write, .prepare = slow_prepare,
                                          .flush = slow_step, .publish = slow_step, .close = slow_close, .free = slow_free };

static enum status slow_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert, struct connect_context *ctx,
                                  struct sink **ret, struct error *err)
{
    (void)schema, (void)upsert;
    struct slow_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return budget_error(ctx->budget, sizeof *s, err);
    *s = (struct slow_sink){ { &slow_ops, t }, ctx };
    *ret = &s->base;
    return ST_OK;
}

static const struct connector slow_connector = { .name = "slow", .help = "takes its time", .open_sink = slow_open_sink,
                                                 .flags = CONNECTOR_SINK | CONNECTOR_SINK_UPDATES };

/* ---- a run ---- */

static void put_input(struct sim *s)
{
    static char text[16384];
    for (int f = 0; f < FILES; f++) {
        size_t len = 0;
        char path[32];
        for (int i = 0; i < ROWS; i++)
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "{\"id\": %d, \"k\": \"key number %d\", \"v\": %d, \"ts\": \"2026-01-01 00:00:%02d.000\"}\n", i,
                                    (i * 7 + f) % 11, i % 5, i / 4);
        snprintf(path, sizeof path, "/in/%d.json", f);
        CHECK(sim_put_file(s, path, text, len) == ST_OK);
    }
}

static enum status drive(struct sim *s, struct job *j, uint64_t seed, struct error *err)
{
    uint32_t idle = 0;
    for (uint32_t step = 0; step < STEPS_MAX; step++) {
        uint64_t rows = taken.rows, epoch = job_epoch(j);
        enum job_progress p = job_step(j, err);
        if (p == JOB_FAILED)
            return err->status;
        if (p == JOB_DONE)
            return ST_OK;
        if (step % 5000 == seed % 5000)
            job_commit(j);
        if ((p == JOB_IDLE || step % 3 == 0) && sim_work_waiting(s))
            sim_work_some(s, 2);
        if (p == JOB_IDLE)
            sim_advance_ms(s, 1);
        idle = p == JOB_RAN || job_busy(j) || rows != taken.rows || epoch != job_epoch(j) ? 0 : idle + 1;
        if (idle > IDLE_MAX + taken.slow)
            return error_set(err, ST_BUG, "the tasks lock one another at step %u, %llu rows taken", step, (unsigned long long)rows);
    }
    return error_set(err, ST_BUG, "the job never ended, %llu rows taken", (unsigned long long)taken.rows);
}

static enum status run(struct engine *e, struct sim *s, const char *script, uint64_t seed, struct error *err)
{
    struct str text = str_from(script);
    size_t pos = 0;
    CHECK(catalog_add_connector(session_catalog(engine_session(e)), &slow_connector));
    for (;;) {
        struct action a = { .kind = ACTION_NOTHING };
        struct job *j = NULL;
        TRY(session_next(engine_session(e), text, &pos, &a, err));
        if (a.kind == ACTION_END) {
            action_release(&a);
            return ST_OK;
        }
        enum status st = a.kind == ACTION_INSERT ? engine_start(e, &a, &j, err) : ST_OK;
        action_release(&a);
        TRY(st);
        if (j)
            TRY(drive(s, j, seed, err));
    }
}

struct outcome {
    enum status status;
    uint64_t sum, rows, peak;
    struct error error;
};

static struct outcome once(const char *script, uint64_t seed, bool slow, uint32_t planted)
{
    struct outcome r = { 0 };
    struct sim *s = sim_new(seed, NULL);
    struct engine *e = NULL;
    struct engine_config c = { .os = sim_os(s), .parallelism = slow ? 3 : 1, .capacity = 16, .ring_capacity = slow ? 1 : 0,
                               .commit_interval_ms = seed % 2 ? INT64_MAX : 500, .memory_limit = slow ? BUDGET : 0, .seed = seed,
                               .planted = planted };
    put_input(s);
    taken.slow = slow ? SLOW : 1;
    taken.sum = taken.rows = 0;
    r.status = engine_new(&c, &e, &r.error);
    if (r.status == ST_OK)
        r.status = run(e, s, script, seed, &r.error);
    while (sim_work_waiting(s)) /* a job is not freed under its background work */
        sim_work_some(s, 16);
    r.peak = e ? atomic_load(&engine_budget(e)->peak) : 0;
    engine_free(e);
    sim_free(s);
    r.sum = taken.sum;
    r.rows = taken.rows;
    return r;
}

/* A bug that makes tasks lock one another is found, and named, long before the last step. */
static bool locks_are_found(void)
{
    uint32_t missed = 0;
    for (size_t i = 0; i < SCRIPTS; i++) {
        struct outcome r = once(scripts[i], i, true, JOB_BUG_NO_WAKE);
        bool found = r.status == ST_BUG && strstr(r.error.message, "lock one another at step");
        missed += !found;
        if (!found)
            printf("# script %zu: %s, %llu rows: %s\n", i, status_name(r.status), (unsigned long long)r.rows, r.error.message);
    }
    printf("%s pressure: a full ring that wakes nobody is found out in %zu scripts, %u missed\n", missed ? "not ok" : "ok", SCRIPTS, missed);
    return !missed;
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    uint64_t want[SCRIPTS], wrong = 0, peak = 0;
    for (size_t i = 0; i < SCRIPTS; i++) {
        struct outcome r = once(scripts[i], 1, false, 0);
        want[i] = r.sum;
        if (r.status != ST_OK || r.rows == 0) {
            printf("not ok pressure: script %zu without pressure: %s\n", i, r.error.message);
            return 1;
        }
    }
    if (!locks_are_found())
        return 1;
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct outcome r = once(scripts[seed % SCRIPTS], seed, true, 0);
        peak = r.peak > peak ? r.peak : peak;
        bool good = r.status == ST_OK && r.sum == want[seed % SCRIPTS] && r.peak <= BUDGET;
        if (!good && wrong++ < 5)
            printf("# seed %llu: %s, %llu rows, %llu bytes at most: %s\n", (unsigned long long)seed, status_name(r.status),
                   (unsigned long long)r.rows, (unsigned long long)r.peak, r.status == ST_OK ? "other rows" : r.error.message);
    }
    printf("%s pressure: a sink %u times slower, rings of one batch, %llu seeds, %llu wrong, %llu of %zu bytes at most\n",
           wrong ? "not ok" : "ok", SLOW, (unsigned long long)seeds, (unsigned long long)wrong, (unsigned long long)peak, BUDGET);
    return wrong != 0;
}
