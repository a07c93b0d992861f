/* Whole jobs under power loss: the twin dies at a call, wakes up in one of four disk moods, and the job goes on at
 * another parallelism, dies again, and goes on to its end. What was published then equals one undisturbed life.
 * The same harness must notice each of the bugs that can be planted in this room. (All calls of twelve jobs with
 * file sinks: test/crash.) */
#include "support.h"

#define STATELESS GEN "CREATE TABLE o (k BIGINT, v BIGINT) WITH ('connector' = 'mem');" \
                      "INSERT INTO o SELECT k, v FROM g WHERE v % 3 <> 0"
#define GROUP GEN "CREATE TABLE o (s STRING, n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                  "INSERT INTO o SELECT s, COUNT(*), SUM(v) FROM g GROUP BY s"
#define TUMBLE GEN "CREATE TABLE o (k BIGINT, w TIMESTAMP(3), n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                   "INSERT INTO o SELECT k, window_start, COUNT(*), MAX(v) FROM TABLE(TUMBLE(TABLE g, " \
                   "DESCRIPTOR(ts), INTERVAL '2' SECOND)) GROUP BY k, window_start, window_end"

/* Groups that empty and fill again and again. */
#define COUNTS GEN "CREATE TABLE o (k BIGINT, m BIGINT, n BIGINT) WITH ('connector' = 'mem');" \
                   "INSERT INTO o SELECT k, n % 4, COUNT(*) FROM (SELECT k, COUNT(*) AS n FROM g GROUP BY k) " \
                   "GROUP BY k, n % 4"

#define OVER GEN "CREATE TABLE o (w TIMESTAMP(3), n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
    "INSERT INTO o SELECT window_start, COUNT(*), MAX(n) FROM (SELECT window_start, window_end, k, COUNT(*) AS n FROM TABLE(TUMBLE(" \
    "TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, k) GROUP BY window_start, window_end"
#define SPLITS 4u
#define ROWS 184u
#define KEYS 7u

static void open_world(struct world *w)
{
    world_init(w, SPLITS, ROWS, KEYS);
    w->read_rows = 2;
}

static struct life life_of(struct planned *p, struct world *w, struct sim *s, uint32_t parallelism, uint64_t seed,
                           uint32_t planted)
{
    return (struct life){ .planned = p, .world = w, .sim = s, .parallelism = parallelism, .seed = seed,
                          .interval_ms = 1, .durable = true, .min_snapshot_bytes = 800, .ring_capacity = 2,
                          .snapshot_often = true, .planted = planted };
}

static void expected(struct planned *p, struct world *w)
{
    struct error err;
    struct sim *s = sim_new(1, NULL);
    open_world(w);
    struct life l = { .planned = p, .world = w, .sim = s, .parallelism = 1, .interval_ms = INT64_MAX };
    expect_life(run_life(&l, &err), &err);
    sim_free(s);
}

/* Crash at call n, again some calls later, then on to the end. *ret_over: the first life had fewer calls. true: the
 * rows are right. A life that fails (a planted bug may break the state itself) is wrong too. */
static bool crash_run(struct planned *p, const struct world *want, uint64_t n, enum sim_mood mood, uint32_t shards,
                      uint32_t planted, bool *ret_over, struct job_stats *ret_stats)
{
    struct world w;
    struct error err;
    struct sim *s = sim_new(n * 8 + (uint64_t)mood, NULL);
    open_world(&w);
    struct life l = life_of(p, &w, s, shards, n, planted);
    sim_crash_at(s, n);
    enum status st = run_life(&l, &err);
    bool right = st == ST_OK || st == ST_CRASHED;
    *ret_over = st == ST_OK;
    *ret_stats = l.stats;
    sim_power_cycle(s, mood);
    l = life_of(p, &w, s, shards % 3 + 1, n + 1, planted);
    sim_crash_at(s, sim_calls(s) + 1 + sim_random(s) % 120);
    st = run_life(&l, &err);
    right &= st == ST_OK || st == ST_CRASHED;
    sim_power_cycle(s, mood);
    l = life_of(p, &w, s, (shards + 1) % 3 + 1, n + 2, planted);
    st = run_life(&l, &err);
    if (st != ST_OK && !planted)
        print_error("call %llu, mood %d: %s: %s\n", (unsigned long long)n, (int)mood, status_name(st), err.message);
    right &= st == ST_OK && world_equal(&w, want);
    if (!right && !planted)
        world_show(&w, want);
    sim_free(s);
    world_release(&w);
    return right;
}

/* Calls of one undisturbed life on the disk, and what it is worth. */
static uint64_t calls_of(struct planned *p, const struct world *want, uint32_t shards, uint64_t least_commits)
{
    struct world w;
    struct error err;
    struct sim *s = sim_new(8, NULL);
    open_world(&w);
    struct life l = life_of(p, &w, s, shards, 1, 0);
    expect_life(run_life(&l, &err), &err);
    assert_true(world_equal(&w, want));
    assert_in_range(l.stats.commits, least_commits, UINT32_MAX);
    assert_true(l.stats.snapshots >= 3);
    uint64_t calls = sim_calls(s);
    sim_free(s);
    world_release(&w);
    return calls;
}

static void crash_everywhere(const char *sql, uint64_t stride, uint64_t least_commits)
{
    struct planned p;
    struct world want;
    plan_sql(&p, sql, BATCH_ROWS);
    expected(&p, &want);
    uint64_t between = 0, points = 0;
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        uint32_t shards = 1 + 2 * ((uint32_t)mood % 2);
        uint64_t calls = calls_of(&p, &want, shards, least_commits);
        for (uint64_t n = 1 + (uint64_t)mood * 3 % stride; n <= calls; n += stride, points++) {
            struct job_stats stats;
            bool over;
            assert_true(crash_run(&p, &want, n, mood, shards, 0, &over, &stats));
            between += !over && stats.commits >= 1;
        }
    }
    assert_true(between * 2 >= points); /* half of the points fall after the first commit */
    world_release(&want);
    plan_done(&p);
}

static void test_stateless(void **state) { (void)state; crash_everywhere(STATELESS, 103, 20); }
static void test_group(void **state) { (void)state; crash_everywhere(GROUP, 103, 20); }
static void test_counts(void **state) { (void)state; crash_everywhere(COUNTS, 151, 10); }
static void test_tumble(void **state) { (void)state; crash_everywhere(TUMBLE, 103, 20); }

/* One shard's watermark was taken for all after a restore, though the other's split had not given a row yet. */
static void test_unread_split_is_not_late_after_a_restore(void **state)
{
    (void)state;
    struct planned p;
    struct world want, w;
    struct error err;
    plan_sql(&p, TUMBLE, BATCH_ROWS);
    expected(&p, &want);
    struct sim *s = sim_new(1, NULL);
    open_world(&w);
    w.mute = 1;
    struct life l = life_of(&p, &w, s, SPLITS, 1, 0);
    l.stop_after = 8;
    expect_life(run_life(&l, &err), &err);
    w.mute = 0;
    l = life_of(&p, &w, s, SPLITS, 2, 0);
    expect_life(run_life(&l, &err), &err);
    assert_true(l.stats.restored);
    assert_int_equal(l.stats.late_rows, 0);
    world_show(&w, &want);
    assert_true(world_equal(&w, &want));
    sim_free(s);
    world_release(&w);
    world_release(&want);
    plan_done(&p);
}

/* All splits have been read, nothing has closed: sources with nothing left to read are silent, the windows between are
 * not. */
static void test_windows_over_windows_after_the_last_row(void **state)
{
    (void)state;
    struct planned p;
    struct world want;
    struct error err;
    plan_sql(&p, OVER, BATCH_ROWS);
    expected(&p, &want);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world w;
        struct sim *s = sim_new(seed, NULL);
        open_world(&w);
        struct life l = life_of(&p, &w, s, 3, seed, 0);
        l.stop_rows = (uint64_t)SPLITS * ROWS;
        expect_life(run_life(&l, &err), &err);
        l = life_of(&p, &w, s, 3, seed + 1, 0);
        expect_life(run_life(&l, &err), &err);
        world_show(&w, &want);
        assert_true(world_equal(&w, &want));
        sim_free(s);
        world_release(&w);
    }
    world_release(&want);
    plan_done(&p);
}

/* ---- the harness notices ---- */

static const struct planted_case {
    const char *name, *sql;
    uint32_t bug, shards;
} planted[] = {
    { "lost deltas", GROUP, JOB_BUG_LOST_DELTAS, 1 },
    { "lost timers", TUMBLE, JOB_BUG_LOST_TIMERS, 1 },
    { "early publish", STATELESS, JOB_BUG_EARLY_PUBLISH, 1 },
    { "no sync", GROUP, JOB_BUG_NO_SYNC, 1 },
    { "lost position", STATELESS, JOB_BUG_LOST_POSITION, 1 },
    { "old position", STATELESS, JOB_BUG_OLD_POSITION, 1 },
    { "eager position", STATELESS, JOB_BUG_EAGER_POSITION, 1 },
    { "lost drops", COUNTS, JOB_BUG_LOST_DROPS, 1 },
    { "wrong shard", TUMBLE, JOB_BUG_WRONG_SHARD, 3 },
    { "stale snapshot", GROUP, JOB_BUG_STALE_SNAPSHOT, 1 },
    { "no alignment", GROUP, JOB_BUG_NO_ALIGN, 3 },
};

static void test_planted(void **state)
{
    (void)state;
    uint32_t missed = 0;
    for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
        const struct planted_case *c = &planted[i];
        struct planned p;
        struct world want;
        plan_sql(&p, c->sql, BATCH_ROWS);
        expected(&p, &want);
        uint64_t calls = calls_of(&p, &want, c->shards, 10), tries = 0;
        bool caught = false;
        for (uint64_t n = calls / 4; n < calls && !caught && tries < 200; n += 3, tries++) {
            struct job_stats stats;
            bool over;
            caught = !crash_run(&p, &want, n, (enum sim_mood)(tries % SIM_MOODS), c->shards, c->bug, &over, &stats);
        }
        if (!caught)
            print_error("not noticed: %s\n", c->name);
        missed += !caught;
        world_release(&want);
        plan_done(&p);
    }
    assert_int_equal(missed, 0);
}

/* A call that fails ends the job with that error or not at all; a new life brings the rest. */
static void test_faults(void **state)
{
    (void)state;
    struct planned p;
    struct world want;
    plan_sql(&p, GROUP, BATCH_ROWS);
    expected(&p, &want);
    uint64_t calls = calls_of(&p, &want, 3, 20);
    for (uint64_t n = 1; n < calls; n += 37) {
        struct world w;
        struct error err;
        struct sim *s = sim_new(n, NULL);
        enum status fault = n % 2 ? ST_IO : ST_FULL;
        open_world(&w);
        struct life l = life_of(&p, &w, s, 3, n, 0);
        sim_fail_at(s, n, fault, n % 3 == 0);
        enum status st = run_life(&l, &err);
        assert_true(st == ST_OK || st == fault);
        sim_power_cycle(s, (enum sim_mood)(n % SIM_MOODS));
        l = life_of(&p, &w, s, 2, n, 0);
        expect_life(run_life(&l, &err), &err);
        if (!world_equal(&w, &want))
            world_show(&w, &want);
        assert_true(world_equal(&w, &want));
        sim_free(s);
        world_release(&w);
    }
    world_release(&want);
    plan_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unread_split_is_not_late_after_a_restore),
        cmocka_unit_test(test_windows_over_windows_after_the_last_row),
        cmocka_unit_test(test_stateless), cmocka_unit_test(test_group), cmocka_unit_test(test_counts),
        cmocka_unit_test(test_tumble),
        cmocka_unit_test(test_planted), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
