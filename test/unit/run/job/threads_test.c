/* Jobs on real threads (the thread sanitizer's business): the same rows as by steps, stops from another thread,
 * failures, ticks, a state directory on a real disk. */
#include "support.h"

#define GROUP GEN "CREATE TABLE o (s STRING, n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                  "INSERT INTO o SELECT s, COUNT(*), SUM(v) FROM g GROUP BY s"
#define TUMBLE GEN "CREATE TABLE o (k BIGINT, w TIMESTAMP(3), n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                   "INSERT INTO o SELECT k, window_start, COUNT(*), MAX(v) FROM TABLE(TUMBLE(TABLE g, " \
                   "DESCRIPTOR(ts), INTERVAL '2' SECOND)) GROUP BY k, window_start, window_end"

static void expected(struct planned *p, struct world *w, uint32_t splits, uint32_t rows, uint32_t keys)
{
    struct error err;
    struct sim *s = sim_new(1, NULL);
    world_init(w, splits, rows, keys);
    struct life l = { .planned = p, .world = w, .sim = s, .parallelism = 1, .interval_ms = INT64_MAX };
    expect_life(run_life(&l, &err), &err);
    sim_free(s);
}

static void same(const struct world *got, const struct world *want)
{
    if (!world_equal(got, want))
        world_show(got, want);
    assert_true(world_equal(got, want));
}

static struct job *make_job(struct planned *p, struct world *w, struct connect_context *connect, uint32_t parallelism,
                            uint32_t ring, struct commit_log *log, struct budget *b)
{
    struct error err;
    *connect = (struct connect_context){ .os = os_real(), .zone = zone_utc, .extra = w, .durable = log != NULL };
    struct job_config config = { .os = os_real(), .budget = b, .parallelism = parallelism, .ring_capacity = ring,
                                 .commit_interval_ms = 5, .connect = connect, .log = log };
    struct job *j;
    error_clear(&err);
    expect_life(job_new(p->plan, &config, &j, &err), &err);
    return j;
}

static void test_same_rows(void **state)
{
    (void)state;
    static const char *const sql[] = { GROUP, TUMBLE };
    for (size_t i = 0; i < 2; i++) {
        struct planned p;
        struct world want;
        plan_sql(&p, sql[i], BATCH_ROWS);
        expected(&p, &want, 6, 2000, 40);
        for (uint32_t shards = 1; shards <= 4; shards++) {
            for (uint32_t ring = 1; ring <= 8; ring += 7) {
                struct world w;
                struct error err;
                struct connect_context connect;
                struct budget b;
                budget_init(&b, "job", SIZE_MAX, NULL);
                world_init(&w, 6, 2000, 40);
                struct job *j = make_job(&p, &w, &connect, shards, ring, NULL, &b);
                expect_life(job_run(j, NULL, NULL, 0, &err), &err);
                job_free(j);
                same(&w, &want);
                assert_int_equal(b.used, 0);
                world_release(&w);
            }
        }
        world_release(&want);
        plan_done(&p);
    }
}

/* ---- stopping ---- */

struct ticks {
    uint32_t count;
    uint64_t stop_rows;
};

static void tick(void *arg, struct job *j)
{
    struct ticks *t = arg;
    struct job_stats stats;
    t->count++;
    job_stats(j, &stats);
    if (stats.rows_in >= t->stop_rows && stats.epoch >= 3)
        job_stop(j);
}

/* Stopped from outside and started again at another parallelism over a directory on the real disk. */
static void test_stop_and_go_on(void **state)
{
    (void)state;
    char dir[] = "/tmp/weir-job-XXXXXX";
    char path[64];
    struct os *os = os_real();
    struct planned p;
    struct world w, want;
    struct error err;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/0-o", dir);
    plan_sql(&p, GROUP, BATCH_ROWS);
    expected(&p, &want, 6, 2000, 40);
    world_init(&w, 6, 2000, 40);
    w.unbounded = true;
    for (uint32_t life = 0; life < 3; life++) {
        struct commit_log *log;
        struct connect_context connect;
        struct ticks t = { .stop_rows = life == 0 ? 12000 : 0 };
        error_clear(&err);
        expect_life(statedir_open(os, path, STR("job\n"), 2000, NULL, &log, &err), &err);
        struct job *j = make_job(&p, &w, &connect, 3 - life, 2, log, NULL);
        if (life)
            job_commit(j);
        if (life)
            job_stop(j); /* before it runs: a last epoch all the same */
        uint64_t before = job_epoch(j);
        expect_life(job_run(j, tick, &t, 1, &err), &err);
        assert_true(job_epoch(j) > before);
        assert_true(life || t.count > 0);
        job_free(j);
    }
    same(&w, &want);
    world_release(&w);
    world_release(&want);
    plan_done(&p);
    struct arena a;
    struct os_name *names;
    uint32_t n;
    arena_init(&a, NULL);
    assert_int_equal(os->ops->list(os, path, &a, &names, &n, &err), ST_OK);
    for (uint32_t i = 0; i < n; i++) {
        char file[256];
        snprintf(file, sizeof file, "%s/%.*s", path, STR_ARG(names[i].name));
        assert_int_equal(os->ops->unlink(os, file, &err), ST_OK);
    }
    arena_release(&a);
    assert_int_equal(os->ops->rmdir(os, path, &err), ST_OK);
    assert_int_equal(os->ops->rmdir(os, dir, &err), ST_OK);
}

/* Memory that cannot do stops all threads with the budget's name. */
static void test_fails(void **state)
{
    (void)state;
    struct planned p;
    plan_sql(&p, GROUP, BATCH_ROWS);
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct world w;
        struct error err;
        struct connect_context connect;
        struct budget b;
        budget_init(&b, "the-job", 8u << 20, NULL);
        world_init(&w, 6, 200000, 100000000);
        w.read_rows = 1024;
        struct job *j = make_job(&p, &w, &connect, shards, 0, NULL, &b);
        assert_int_equal(job_run(j, NULL, NULL, 0, &err), ST_MEMORY);
        assert_non_null(strstr(err.message, "the-job"));
        job_free(j);
        assert_true(b.peak <= 8u << 20);
        assert_int_equal(b.used, 0);
        world_release(&w);
    }
    plan_done(&p);
}

/* Freed without having run, and after a life of steps on the real machine. */
static void test_steps_and_waits(void **state)
{
    (void)state;
    struct planned p;
    struct world w, want;
    struct error err;
    struct connect_context connect;
    plan_sql(&p, GROUP, BATCH_ROWS);
    expected(&p, &want, 3, 200, 9);
    world_init(&w, 3, 200, 9);
    struct job *j = make_job(&p, &w, &connect, 2, 1, NULL, NULL);
    job_free(j);
    j = make_job(&p, &w, &connect, 2, 1, NULL, NULL);
    enum job_progress at;
    while ((at = job_step(j, &err)) == JOB_RAN || at == JOB_IDLE)
        if (at == JOB_IDLE)
            job_wait(j, 50);
    assert_int_equal(at, JOB_DONE);
    job_free(j);
    same(&w, &want);
    world_release(&w);
    world_release(&want);
    plan_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_rows), cmocka_unit_test(test_stop_and_go_on), cmocka_unit_test(test_fails),
        cmocka_unit_test(test_steps_and_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
