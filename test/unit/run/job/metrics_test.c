/* What operators say that they have done, against what was fed: the same numbers at every parallelism, on the twin and
 * on threads. */
#include "support.h"

#define STATELESS GEN "CREATE TABLE o (k BIGINT, v BIGINT, s STRING) WITH ('connector' = 'mem');" \
                      "INSERT INTO o SELECT k, v * 2, s FROM g WHERE v % 3 <> 0"
#define GROUP GEN "CREATE TABLE o (s STRING, n BIGINT, m BIGINT) WITH ('connector' = 'mem');" \
                  "INSERT INTO o SELECT s, COUNT(*), SUM(v) FROM g GROUP BY s"
#define TUMBLE GEN "CREATE TABLE o (k BIGINT, w TIMESTAMP(3), n BIGINT) WITH ('connector' = 'mem');" \
                   "INSERT INTO o SELECT k, window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE g, " \
                   "DESCRIPTOR(ts), INTERVAL '2' SECOND)) GROUP BY k, window_start, window_end"

#define SPLITS 5u
#define ROWS 300u
#define KEYS 17u
#define ALL (SPLITS * ROWS)

struct run {
    struct planned planned;
    struct world world;
    struct sim *sim;
    struct connect_context connect;
    struct job *job;
};

static void begin(struct run *r, const char *sql, uint32_t parallelism, bool unbounded)
{
    struct error err;
    plan_sql(&r->planned, sql, 64);
    r->sim = sim_new(3, NULL);
    world_init(&r->world, SPLITS, ROWS, KEYS);
    r->world.unbounded = unbounded;
    r->connect = (struct connect_context){ .os = sim_os(r->sim), .zone = zone_utc, .extra = &r->world };
    struct job_config config = { .os = sim_os(r->sim), .parallelism = parallelism, .capacity = 16,
                                 .connect = &r->connect };
    error_clear(&err);
    expect_life(job_new(r->planned.plan, &config, &r->job, &err), &err);
}

static void end(struct run *r)
{
    drain(r->sim);
    job_free(r->job);
    sim_free(r->sim);
    world_release(&r->world);
    plan_done(&r->planned);
}

static struct op_metrics of(const struct run *r, const char *id)
{
    struct op_metrics m;
    for (uint32_t i = 0; i < r->planned.plan->n_nodes; i++) {
        if (!str_eq(r->planned.plan->nodes[i]->id, str_from(id)))
            continue;
        job_metrics(r->job, i, &m);
        return m;
    }
    fail_msg("no node %s", id);
    return (struct op_metrics){ 0 };
}

static void assert_rows(const struct run *r, const char *id, uint64_t in, uint64_t out)
{
    struct op_metrics m = of(r, id);
    if (m.rows_in != in || m.rows_out != out)
        print_error("%s: %llu in, %llu out\n", id, (unsigned long long)m.rows_in, (unsigned long long)m.rows_out);
    assert_int_equal(m.rows_in, in);
    assert_int_equal(m.rows_out, out);
}

static void drive_to_end(struct run *r)
{
    struct error err;
    struct life l = { .sim = r->sim };
    expect_life(drive(&l, r->job, &err), &err);
}

static void test_stateless(void **state)
{
    (void)state;
    uint64_t kept = 0;
    for (uint32_t s = 0; s < SPLITS; s++)
        for (uint32_t i = 0; i < ROWS; i++)
            kept += (s * 1000000u + i) % 3 != 0;
    for (uint32_t p = 1; p <= 3; p += 2) {
        struct run r;
        begin(&r, STATELESS, p, false);
        assert_rows(&r, "source:1", 0, 0);
        assert_int_equal(of(&r, "sink:1").watermark_ms, INT64_MIN);
        drive_to_end(&r);
        assert_rows(&r, "source:1", ALL, ALL);
        assert_rows(&r, "calc:1", ALL, kept);
        assert_rows(&r, "sink:1", kept, kept);
        assert_int_equal(of(&r, "source:1").bytes, ALL * GEN_BYTES);
        assert_int_equal(of(&r, "calc:1").bytes, 0);
        assert_int_equal(of(&r, "sink:1").bytes, kept * MEM_BYTES);
        assert_true(of(&r, "calc:1").batches_in >= ALL / 16);
        assert_true(of(&r, "source:1").state_entries >= SPLITS); /* positions */
        assert_int_equal(of(&r, "calc:1").state_entries, 0);
        assert_int_equal(of(&r, "calc:1").state_bytes, 0);
        assert_int_equal(of(&r, "sink:1").watermark_ms, INT64_MAX);
        end(&r);
    }
}

static void test_group(void **state)
{
    (void)state;
    for (uint32_t p = 1; p <= 3; p += 2) {
        struct run r;
        struct job_stats stats;
        begin(&r, GROUP, p, false);
        drive_to_end(&r);
        assert_rows(&r, "exchange:1", ALL, ALL);
        struct op_metrics m = of(&r, "aggregate:1"), sink = of(&r, "sink:1");
        assert_int_equal(m.rows_in, ALL);
        assert_in_range(m.rows_out, KEYS, 2 * ALL);
        assert_int_equal(m.state_entries, KEYS);
        assert_in_range(m.state_bytes, KEYS * 32, 1 << 20);
        assert_int_equal(sink.rows_in, m.rows_out);
        assert_int_equal(sink.rows_out, m.rows_out);
        job_stats(r.job, &stats);
        assert_int_equal(stats.rows_in, ALL);
        assert_int_equal(stats.rows_out, m.rows_out);
        end(&r);
    }
}

/* Up to where time has come, everywhere the same; panes that are open are state, closed ones are not. */
static void test_window(void **state)
{
    int64_t watermark = 0;
    uint64_t open = 0;
    (void)state;
    for (uint32_t p = 1; p <= 3; p += 2) {
        struct run r;
        struct error err;
        begin(&r, TUMBLE, p, true);
        for (int i = 0; i < 20000; i++) {
            assert_int_not_equal(job_step(r.job, &err), JOB_FAILED);
            drain(r.sim);
            sim_advance_ms(r.sim, 10);
        }
        struct op_metrics w = of(&r, "watermark:1"), a = of(&r, "window-aggregate:1");
        assert_in_range(w.watermark_ms, (ROWS - 1) * 100 - 1000, ROWS * 100 - 1000);
        assert_int_equal(a.watermark_ms, w.watermark_ms);
        assert_int_equal(of(&r, "sink:1").watermark_ms, w.watermark_ms);
        assert_int_equal(of(&r, "source:1").watermark_ms, INT64_MIN);
        assert_int_equal(a.rows_in, ALL);
        assert_int_equal(a.late_rows, 0);
        uint64_t entries = a.state_entries - p; /* a shard keeps its own watermark, too */
        if (p == 1)
            watermark = w.watermark_ms, open = entries;
        assert_int_equal(w.watermark_ms, watermark);
        assert_int_equal(entries, open);
        assert_in_range(open, 1, 2 * KEYS);
        job_stop(r.job);
        drive_to_end(&r);
        end(&r);
    }
}

/* On threads: read while they write, exact at the end, and no busier than the clock allows. */
static void look(void *arg, struct job *j)
{
    uint64_t *before = arg;
    struct op_metrics m;
    job_metrics(j, 0, &m);
    assert_true(m.rows_in >= *before && m.rows_in <= 60000);
    *before = m.rows_in;
}

static void test_threads(void **state)
{
    (void)state;
    for (uint32_t p = 1; p <= 3; p += 2) {
        struct planned planned;
        struct world w;
        struct error err;
        plan_sql(&planned, GROUP, BATCH_ROWS);
        world_init(&w, 6, 10000, 40);
        struct connect_context connect = { .os = os_real(), .zone = zone_utc, .extra = &w };
        struct job_config config = { .os = os_real(), .parallelism = p, .connect = &connect };
        struct job *j;
        uint64_t seen = 0, busy_ns = 0;
        error_clear(&err);
        expect_life(job_new(planned.plan, &config, &j, &err), &err);
        int64_t from_ns = os_mono_ns(os_real());
        expect_life(job_run(j, look, &seen, 1, &err), &err);
        uint64_t took_ns = (uint64_t)(os_mono_ns(os_real()) - from_ns);
        for (uint32_t i = 0; i < planned.plan->n_nodes; i++) {
            struct op_metrics m;
            job_metrics(j, i, &m);
            busy_ns += m.busy_ns;
            assert_true(m.busy_ns > 0);
            if (planned.plan->nodes[i]->kind == NODE_AGGREGATE)
                assert_int_equal(m.rows_in, 60000);
        }
        assert_in_range(busy_ns, 1, took_ns * p);
        job_free(j);
        world_release(&w);
        plan_done(&planned);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stateless),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
