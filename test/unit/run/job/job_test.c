/* Jobs by steps: the same rows whatever the parallelism, batches, rings and order of steps; stops, restarts,
 * rescales, memory. */
#include "support.h"

#define STATELESS GEN "CREATE TABLE o (k BIGINT, v BIGINT, s STRING) WITH ('connector' = 'mem');" \
                      "INSERT INTO o SELECT k, v * 2, s FROM g WHERE v % 3 <> 0"
#define GROUP GEN "CREATE TABLE o (s STRING, n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                  "INSERT INTO o SELECT s, COUNT(*), SUM(v) FROM g GROUP BY s"
#define TUMBLE GEN "CREATE TABLE o (k BIGINT, w TIMESTAMP(3), n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                   "INSERT INTO o SELECT k, window_start, COUNT(*), MAX(v) FROM TABLE(TUMBLE(TABLE g, " \
                   "DESCRIPTOR(ts), INTERVAL '2' SECOND)) GROUP BY k, window_start, window_end"
#define TWO GEN "CREATE TABLE o (k BIGINT, n BIGINT) WITH ('connector' = 'mem');" \
                "CREATE TABLE p (k BIGINT, v BIGINT) WITH ('connector' = 'mem');" \
                "EXECUTE STATEMENT SET BEGIN INSERT INTO o SELECT k, COUNT(*) FROM g GROUP BY k;" \
                "INSERT INTO p SELECT k, v FROM g WHERE k = 1; END"
#define TOTAL GEN "CREATE TABLE o (n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                  "INSERT INTO o SELECT COUNT(*), SUM(n) FROM (SELECT k, COUNT(*) AS n FROM g GROUP BY k)"
#define VALUES_JOB "CREATE TABLE o (a INT, b STRING) WITH ('connector' = 'mem');" \
                   "INSERT INTO o VALUES (1, 'x'), (2, 'y'), (3, 'z')"

static const char *const jobs[] = { STATELESS, GROUP, TUMBLE, TWO, TOTAL, VALUES_JOB };
#define N_JOBS (sizeof jobs / sizeof *jobs)

/* The world after an undisturbed life at parallelism 1. */
static void expected(struct planned *p, struct world *w, uint32_t splits, uint32_t rows, uint32_t keys)
{
    struct error err;
    struct sim *s = sim_new(1, NULL);
    world_init(w, splits, rows, keys);
    struct life l = { .planned = p, .world = w, .sim = s, .parallelism = 1, .interval_ms = INT64_MAX };
    expect_life(run_life(&l, &err), &err);
    assert_true(w->net.live > 0);
    sim_free(s);
}

static void same(const struct world *got, const struct world *want)
{
    if (!world_equal(got, want)) {
        world_show(got, want);
        world_show(want, got);
    }
    assert_true(world_equal(got, want));
}

static void test_same_rows_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_JOBS; i++) {
        struct planned p;
        struct world want;
        plan_sql(&p, jobs[i], BATCH_ROWS);
        expected(&p, &want, 5, 300, 17);
        for (uint64_t seed = 0; seed < 12; seed++) {
            static const uint32_t shards[] = { 1, 2, 3, 7 }, batches[] = { 0, 1, 7 }, rings[] = { 1, 2, 0 };
            struct world w;
            struct error err;
            struct sim *s = sim_new(seed, NULL);
            world_init(&w, 5, 300, 17);
            w.wait_every = seed % 3 == 2 ? 50 : 0;
            struct budget b;
            budget_init(&b, "job", SIZE_MAX, NULL);
            struct life l = { .planned = &p, .world = &w, .sim = s, .parallelism = shards[seed % 4], .budget = &b,
                              .capacity = i == N_JOBS - 1 ? 0 : batches[seed / 4 % 3],
                              .ring_capacity = rings[seed / 2 % 3], .seed = seed,
                              .interval_ms = seed % 5 ? 20 : INT64_MAX, .durable = seed % 2 };
            expect_life(run_life(&l, &err), &err);
            same(&w, &want);
            assert_int_equal(b.used, 0);
            if (i != N_JOBS - 1)
                assert_int_equal(l.stats.rows_in, i == 3 ? l.stats.rows_in : 1500);
            sim_free(s);
            world_release(&w);
        }
        world_release(&want);
        plan_done(&p);
    }
}

/* Stopped again and again, each time at another parallelism, until it is through. */
static void test_stop_and_rescale(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_JOBS; i++) {
        struct planned p;
        struct world want;
        plan_sql(&p, jobs[i], BATCH_ROWS);
        expected(&p, &want, 4, 400, 23);
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct world w;
            struct error err;
            struct sim *s = sim_new(seed, NULL);
            world_init(&w, 4, 400, 23);
            w.read_rows = 2;
            uint64_t epoch = 0, lives = 0;
            for (bool through = false; !through && lives < 400; lives++) {
                struct life l = { .planned = &p, .world = &w, .sim = s,
                                  .parallelism = 1 + (uint32_t)((seed + lives) % 4),
                                  .seed = seed + lives, .interval_ms = 10, .durable = true, .stop_after = 2,
                                  .min_snapshot_bytes = 2000 };
                expect_life(run_life(&l, &err), &err);
                assert_true(l.stats.epoch > epoch);
                assert_int_equal(l.stats.restored, lives > 0);
                epoch = l.stats.epoch;
                through = l.stats.rows_in == 0 && lives > 1;
                sim_kill(s);
            }
            assert_true(i == N_JOBS - 1 || lives > 3);
            assert_int_equal(w.stale_opens, 0);
            same(&w, &want);
            sim_free(s);
            world_release(&w);
        }
        world_release(&want);
        plan_done(&p);
    }
}

/* A sink that takes one batch in a thousand tries, three shards, rings of one batch: no order of steps locks the
 * tasks, and memory stays where it is. */
static void test_slow_sink(void **state)
{
    (void)state;
    struct planned p;
    struct world want;
    plan_sql(&p, GROUP, BATCH_ROWS);
    expected(&p, &want, 4, 60, 9);
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct world w;
        struct error err;
        struct budget b;
        struct sim *s = sim_new(seed, NULL);
        budget_init(&b, "job", 3u << 20, NULL);
        world_init(&w, 4, 60, 9);
        w.wait_every = 1000;
        struct life l = { .planned = &p, .world = &w, .sim = s, .parallelism = 3, .budget = &b, .capacity = 8,
                          .ring_capacity = 1, .seed = seed, .interval_ms = seed % 2 ? 50 : INT64_MAX,
                          .durable = seed % 4 > 1 };
        expect_life(run_life(&l, &err), &err);
        same(&w, &want);
        sim_free(s);
        world_release(&w);
    }
    world_release(&want);
    plan_done(&p);
}

/* New splits are found while the job runs, each dealt to one shard and read once. */
static void test_discovery(void **state)
{
    (void)state;
    struct planned p;
    struct world w, want;
    struct error err;
    plan_sql(&p, STATELESS, BATCH_ROWS);
    expected(&p, &want, 9, 50, 5);
    struct sim *s = sim_new(3, NULL);
    world_init(&w, 9, 50, 5);
    w.listed = 1;
    w.discover_ms = 30;
    struct connect_context connect = { .os = sim_os(s), .zone = zone_utc, .extra = &w };
    struct job_config config = { .os = sim_os(s), .parallelism = 3, .connect = &connect, .commit_interval_ms = 10 };
    struct job *j;
    assert_int_equal(job_new(p.plan, &config, &j, &err), ST_OK);
    for (uint32_t i = 0; i < 4000; i++) {
        enum job_progress at = job_step(j, &err);
        assert_true(at == JOB_RAN || at == JOB_IDLE);
        (void)sim_work_some(s, 1);
        if (at == JOB_IDLE)
            sim_advance_ms(s, 5);
        if (i % 300 == 299 && w.listed < 9)
            w.listed++;
    }
    assert_int_equal(w.listed, 9);
    job_stop(j);
    enum job_progress at;
    while ((at = job_step(j, &err)) == JOB_RAN || at == JOB_IDLE)
        drain(s);
    assert_int_equal(at, JOB_STOPPED);
    same(&w, &want);
    drain(s);
    job_free(j);
    sim_free(s);
    world_release(&w);
    world_release(&want);
    plan_done(&p);
}

/* A split that was being read and is no longer there is refused, not forgotten; a finished one may go. */
static void test_vanished_split(void **state)
{
    (void)state;
    struct planned p;
    struct error err;
    plan_sql(&p, STATELESS, BATCH_ROWS);
    for (int finished = 0; finished < 2; finished++) {
        struct world w;
        struct sim *s = sim_new(3, NULL);
        world_init(&w, 3, 300, 5);
        struct life l = { .planned = &p, .world = &w, .sim = s, .parallelism = 2, .interval_ms = 20, .durable = true,
                          .stop_after = finished ? 0 : 1 };
        expect_life(run_life(&l, &err), &err);
        sim_kill(s);
        w.splits = 2;
        l.stop_after = 0;
        enum status st = run_life(&l, &err);
        assert_int_equal(st, finished ? ST_OK : ST_MISMATCH);
        if (!finished)
            assert_non_null(strstr(err.message, "split-002"));
        sim_free(s);
        world_release(&w);
    }
    plan_done(&p);
}

/* A state with a store that the plan does not have. */
static void test_unknown_store(void **state)
{
    (void)state;
    struct planned p, other;
    struct error err = { 0 };
    struct world w;
    struct sim *s = sim_new(3, NULL);
    struct os *os = sim_os(s);
    plan_sql(&p, GROUP, BATCH_ROWS);
    plan_sql(&other, STATELESS, BATCH_ROWS);
    world_init(&w, 2, 100, 5);
    struct connect_context connect = { .os = os, .zone = zone_utc, .durable = true, .extra = &w };
    struct job_config config = { .os = os, .parallelism = 1, .connect = &connect };
    struct job *j;
    struct life l = { .sim = s };
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(statedir_open(os, "/s", STR("one\n"), 0, NULL, &config.log, &err), ST_OK);
        enum status st = job_new(turn ? other.plan : p.plan, &config, &j, &err);
        assert_int_equal(st, turn ? ST_MISMATCH : ST_OK);
        if (turn) {
            assert_non_null(strstr(err.message, "aggregate"));
            break;
        }
        expect_life(drive(&l, j, &err), &err);
        drain(s);
        job_free(j);
    }
    sim_free(s);
    world_release(&w);
    plan_done(&p);
    plan_done(&other);
}

/* With a commit only every hour what the sink holds would not fit: memory that runs short asks for commits. */
static void test_pressure_commits(void **state)
{
    (void)state;
    struct planned p;
    struct world w, want;
    struct error err;
    plan_sql(&p, STATELESS, 64);
    expected(&p, &want, 3, 15000, 1000);
    for (uint32_t shards = 1; shards <= 2; shards++) {
        struct budget b;
        struct sim *s = sim_new(3, NULL);
        budget_init(&b, "job", 600000, NULL);
        world_init(&w, 3, 15000, 1000);
        struct life l = { .planned = &p, .world = &w, .sim = s, .budget = &b, .parallelism = shards, .capacity = 64,
                          .interval_ms = 3600000 };
        expect_life(run_life(&l, &err), &err);
        assert_true(l.stats.epoch > 2); /* the last one and some for relief */
        assert_true(b.peak <= 600000);
        same(&w, &want);
        assert_int_equal(b.used, 0);
        sim_free(s);
        world_release(&w);
    }
    world_release(&want);
    plan_done(&p);
}

/* State that cannot fit fails by the budget's name, and everything is given back. */
static void test_memory_fails_by_name(void **state)
{
    (void)state;
    struct planned p;
    struct world w;
    struct error err;
    plan_sql(&p, GROUP, 64);
    for (uint32_t shards = 1; shards <= 3; shards += 2) {
        struct budget b;
        struct sim *s = sim_new(3, NULL);
        budget_init(&b, "the-job", 2u << 20, NULL);
        world_init(&w, 3, 20000, 1000000);
        struct life l = { .planned = &p, .world = &w, .sim = s, .budget = &b, .parallelism = shards, .capacity = 64,
                          .interval_ms = 20, .durable = true };
        assert_int_equal(run_life(&l, &err), ST_MEMORY);
        assert_non_null(strstr(err.message, "the-job"));
        assert_true(b.peak <= 2u << 20);
        assert_int_equal(b.used, 0);
        sim_free(s);
        world_release(&w);
    }
    plan_done(&p);
}

/* Every allocation fails in turn: a named error or none; nothing leaks. */
static void test_allocations(void **state)
{
    (void)state;
    struct planned p;
    plan_sql(&p, GROUP, 64);
    for (uint64_t n = 1;; n += 1 + n / 25) {
        struct budget b;
        struct error err;
        struct world w;
        struct sim *s = sim_new(3, NULL);
        budget_init(&b, "job", SIZE_MAX, NULL);
        world_init(&w, 2, 40, 5);
        struct life l = { .planned = &p, .world = &w, .sim = s, .budget = &b, .parallelism = 2, .capacity = 16,
                          .interval_ms = 20, .fail_nth = n };
        enum status st = run_life(&l, &err);
        bool over = budget_takes() < n;
        budget_fail_nth(0);
        assert_true(st == ST_OK || st == ST_MEMORY);
        assert_int_equal(b.used, 0);
        sim_free(s);
        world_release(&w);
        if (over)
            break;
    }
    plan_done(&p);
}

/* Late rows are counted by operator, over all shards. */
static void test_stats(void **state)
{
    (void)state;
    struct planned p;
    struct world w;
    struct error err;
    plan_sql(&p, TUMBLE, 64);
    struct sim *s = sim_new(3, NULL);
    world_init(&w, 4, 300, 5);
    struct connect_context connect = { .os = sim_os(s), .zone = zone_utc, .extra = &w };
    struct job_config config = { .os = sim_os(s), .parallelism = 2, .connect = &connect };
    struct job *j;
    struct life l = { .sim = s };
    assert_int_equal(job_new(p.plan, &config, &j, &err), ST_OK);
    struct job_stats stats;
    job_stats(j, &stats);
    assert_int_equal(stats.watermark_ms, INT64_MIN);
    assert_int_equal(stats.epoch, 0);
    expect_life(drive(&l, j, &err), &err);
    job_stats(j, &stats);
    assert_int_equal(stats.rows_in, 1200);
    assert_true(stats.rows_out > 0 && stats.rows_out < 1200);
    assert_true(stats.state_bytes > 0);
    assert_true(stats.last_commit_ms > 0);
    assert_int_equal(stats.late_rows, 0);
    uint64_t late = 1;
    const char *name = job_late(j, 0, &late);
    assert_non_null(name);
    assert_non_null(strstr(name, "window"));
    assert_int_equal(late, 0);
    assert_null(job_late(j, 1, &late));
    drain(s);
    job_free(j);
    sim_free(s);
    world_release(&w);
    plan_done(&p);
}

/* job_commit commits what has been read, no more and no less often than asked. */
static void test_commit_when_asked(void **state)
{
    (void)state;
    struct planned p;
    struct world w;
    struct error err;
    plan_sql(&p, STATELESS, 64);
    struct sim *s = sim_new(3, NULL);
    world_init(&w, 2, 30, 5);
    w.unbounded = true;
    struct connect_context connect = { .os = sim_os(s), .zone = zone_utc, .extra = &w };
    struct job_config config = { .os = sim_os(s), .parallelism = 1, .connect = &connect,
                                 .commit_interval_ms = INT64_MAX };
    struct job *j;
    assert_int_equal(job_new(p.plan, &config, &j, &err), ST_OK);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        for (int i = 0; i < 500; i++) {
            assert_int_not_equal(job_step(j, &err), JOB_FAILED);
            drain(s);
            sim_advance_ms(s, 100);
        }
        assert_int_equal(job_epoch(j), epoch);
        assert_int_equal(w.net.live, epoch ? 40 : 0);
        job_commit(j);
        for (int i = 0; i < 100 && job_epoch(j) == epoch; i++) {
            (void)job_step(j, &err);
            drain(s);
        }
        assert_int_equal(job_epoch(j), epoch + 1);
    }
    drain(s);
    job_free(j);
    sim_free(s);
    world_release(&w);
    plan_done(&p);
}

/* Time that the first ten epochs take when each commit takes `commit_ms`. */
static int64_t ten_epochs_ms(int64_t commit_ms)
{
    struct planned p;
    struct world w;
    struct error err;
    plan_sql(&p, STATELESS, 64);
    struct sim *s = sim_new(3, NULL);
    world_init(&w, 2, 4000, 5);
    w.read_rows = 1;
    struct connect_context connect = { .os = sim_os(s), .zone = zone_utc, .extra = &w };
    struct job_config config = { .os = sim_os(s), .parallelism = 1, .connect = &connect };
    struct job *j;
    assert_int_equal(job_new(p.plan, &config, &j, &err), ST_OK);
    int64_t from = os_mono_ns(sim_os(s));
    while (job_epoch(j) < 10) {
        for (int i = 0; i < 4; i++)
            assert_int_not_equal(job_step(j, &err), JOB_FAILED);
        sim_advance_ms(s, job_busy(j) && commit_ms ? commit_ms : 1);
        drain(s);
    }
    int64_t ms = (os_mono_ns(sim_os(s)) - from) / 1000000;
    job_free(j);
    sim_free(s);
    world_release(&w);
    plan_done(&p);
    return ms;
}

static void test_cadence_follows_the_cost(void **state)
{
    (void)state;
    assert_in_range(ten_epochs_ms(0), 100, 600);
    assert_in_range(ten_epochs_ms(20), 900, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cadence_follows_the_cost),
        cmocka_unit_test(test_same_rows_everywhere), cmocka_unit_test(test_stop_and_rescale),
        cmocka_unit_test(test_slow_sink), cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_vanished_split), cmocka_unit_test(test_unknown_store),
        cmocka_unit_test(test_pressure_commits), cmocka_unit_test(test_memory_fails_by_name),
        cmocka_unit_test(test_allocations), cmocka_unit_test(test_stats), cmocka_unit_test(test_commit_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
