/* Fails every allocation that can fail, one after another, in small jobs over the simulated machine: each run must end with a
 * named error or as if nothing had happened, without a crash or a leak (the address sanitizer watches).
 *
 *     torture FIFTH    every FIFTH-th allocation (1: every one) */
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "os/sim.h"

#define INPUT                                                                                                    \
    "CREATE TABLE a (id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND) " \
    "WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');\n"
#define OUT(cols, format)                                                                                        \
    "CREATE TABLE o (" cols ") WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = '" format "');\n"

static const struct {
    const char *name, *script;
    uint32_t parallelism;
} jobs_of[] = {
    { "stateless", INPUT OUT("id BIGINT, k STRING", "json") "INSERT INTO o SELECT id, UPPER(k) || '-long-enough' FROM a WHERE v > 3;", 1 },
    { "group by", INPUT OUT("k STRING, n BIGINT, m INT", "debezium-json") "INSERT INTO o SELECT k, COUNT(*), MAX(v) FROM a GROUP BY k;", 1 },
    { "distinct", INPUT OUT("k STRING, n BIGINT, m STRING", "debezium-json")
      "INSERT INTO o SELECT k, COUNT(DISTINCT v), MAX(k || CAST(id AS STRING) || 'a long tail of text') FROM a GROUP BY k;", 2 },
    { "tumble", INPUT OUT("s TIMESTAMP(3), n BIGINT", "json")
      "INSERT INTO o SELECT window_start, COUNT(*) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start, "
      "window_end;", 1 },
    { "hop", INPUT OUT("s TIMESTAMP(3), k STRING, n BIGINT", "csv")
      "INSERT INTO o SELECT window_start, k, SUM(v) FROM HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND) GROUP BY "
      "window_start, window_end, k;", 1 },
    { "retraction", INPUT OUT("n BIGINT, c BIGINT, m STRING", "debezium-json")
      "INSERT INTO o SELECT n, COUNT(*), MIN(k) FROM (SELECT k, COUNT(*) AS n FROM a GROUP BY k) GROUP BY n;", 1 },
};

static enum status ignore_print(void *arg, struct str bytes, struct error *err)
{
    (void)arg, (void)bytes, (void)err;
    return ST_OK;
}

static void put_input(struct sim *s)
{
    char line[160];
    static char text[16384];
    size_t len = 0;
    for (int i = 0; i < 60; i++) {
        int n = snprintf(line, sizeof line, "{\"id\": %d, \"k\": \"key number %d\", \"v\": %d, \"ts\": \"2026-01-01 00:00:%02d.000\"}\n", i,
                         i % 7, i % 11, i / 3);
        memcpy(text + len, line, (size_t)n);
        len += (size_t)n;
    }
    if (sim_put_file(s, "/in/a.json", text, len) != ST_OK)
        abort();
}

static enum status drive(struct sim *s, struct job *j, struct error *err)
{
    for (uint32_t step = 0; step < 200000; step++) {
        enum job_progress p = job_step(j, err);
        if (p == JOB_FAILED)
            return err->status;
        if (p == JOB_DONE)
            return ST_OK;
        if (step % 20 == 19)
            job_commit(j);
        if (p == JOB_IDLE || step % 3 == 0)
            sim_work_some(s, 4);
        if (p == JOB_IDLE)
            sim_advance_ms(s, 1);
    }
    return error_set(err, ST_BUG, "the job never ended");
}

static enum status run(struct sim *s, const char *script, uint32_t parallelism, struct error *err)
{
    struct engine_config c = { .os = sim_os(s), .parallelism = parallelism, .capacity = 8, .commit_interval_ms = INT64_MAX,
                               .state_dir = "/state", .print = ignore_print, .seed = 3 };
    struct engine *e = NULL;
    TRY(engine_new(&c, &e, err));
    struct str text = str_from(script);
    size_t pos = 0;
    enum status st;
    for (;;) {
        struct action a = { .kind = ACTION_NOTHING };
        struct job *j = NULL;
        st = session_next(engine_session(e), text, &pos, &a, err);
        if (st != ST_OK)
            break;
        bool end = a.kind == ACTION_END;
        if (a.kind == ACTION_INSERT)
            st = engine_start(e, &a, &j, err);
        action_release(&a);
        if (st == ST_OK && j)
            st = drive(s, j, err);
        if (st != ST_OK || end)
            break;
    }
    while (sim_work_waiting(s)) /* a job is not freed under its background work */
        sim_work_some(s, 16);
    engine_free(e);
    return st;
}

/* One run whose nth allocation fails (0: none). *ret_takes: how many there were. */
static bool once(size_t job, uint64_t nth, uint64_t *ret_takes, char *why, size_t len)
{
    struct error err = { 0 };
    struct sim *s = sim_new(1, NULL);
    put_input(s);
    size_t used = atomic_load(&budget_process()->used);
    budget_fail_nth(nth);
    enum status st = run(s, jobs_of[job].script, jobs_of[job].parallelism, &err);
    *ret_takes = budget_takes();
    budget_fail_nth(0);
    sim_free(s);
    size_t left = atomic_load(&budget_process()->used);
    (void)used;
    bool named = st == ST_OK || (st == ST_MEMORY && err.message[0]) || (err.message[0] && st != ST_BUG);
    if (!named)
        snprintf(why, len, "allocation %llu: %s without words: '%s'", (unsigned long long)nth, status_name(st), err.message);
    else if (nth && left != 0)
        snprintf(why, len, "allocation %llu: %zu bytes are still charged", (unsigned long long)nth, left);
    else if (!nth && st != ST_OK)
        snprintf(why, len, "fails by itself: %s", err.message);
    else
        return true;
    return false;
}

int main(int argc, char **argv)
{
    uint64_t every = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    int bad = 0;
    for (size_t job = 0; job < sizeof jobs_of / sizeof *jobs_of; job++) {
        char why[400] = "";
        uint64_t takes = 0, ignored, failed = 0, points = 0;
        if (!once(job, 0, &takes, why, sizeof why)) {
            printf("not ok torture %s: %s\n", jobs_of[job].name, why);
            bad = 1;
            continue;
        }
        for (uint64_t nth = 1 + job % every; nth <= takes; nth += every) {
            points++;
            if (!once(job, nth, &ignored, why, sizeof why) && failed++ < 3)
                printf("# %s: %s\n", jobs_of[job].name, why);
        }
        printf("%s torture %s: %llu of %llu allocations failed in turn, %llu wrong\n", failed ? "not ok" : "ok", jobs_of[job].name,
               (unsigned long long)points, (unsigned long long)takes, (unsigned long long)failed);
        fflush(stdout);
        bad |= failed != 0;
    }
    return bad;
}
