/* The watermark operator driven by hand: the least over splits, cuts, idle splits, restarts, memory. */
#include "kit.h"

#define JOB(after)                                                                                                                    \
    "CREATE TABLE g (k BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'rows');"            \
    "CREATE TABLE o (k BIGINT, n BIGINT, e TIMESTAMP(3)) WITH ('connector' = 'any'); INSERT INTO o SELECT k, COUNT(*), window_end "  \
    "FROM TABLE(TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '" after "' SECOND)) GROUP BY k, window_start, window_end"

static struct kit k;

static void begin(int64_t idle_ms)
{
    kit_plan(&k, JOB("2"), 16, NODE_WATERMARK);
    k.node->watermark.idle_ms = idle_ms;
    kit_open(&k);
}

static void split(uint32_t n, enum split_event what, const char *id)
{
    struct event ev = { .kind = EVENT_SPLIT, .split = n, .what = what, .split_id = str_from(id), .time = INT64_MIN };
    kit_drive(&k, KIT_SPLIT, &ev);
}

static void rows_of(uint32_t n, const char *rows)
{
    struct event ev = { .kind = EVENT_BATCH, .batch = k.in, .split = n, .time = INT64_MIN };
    kit_rows(&k, rows);
    kit_drive(&k, KIT_BATCH, &ev);
}

static void timer(int64_t now_ms)
{
    struct event ev = { .time = k.ctx.now_ms = now_ms };
    assert_true(k.o->deadline_ms <= now_ms);
    kit_drive(&k, KIT_TIMER, &ev);
}

static void it_rises_only(void **state)
{
    (void)state;
    begin(0);
    rows_of(0, "+I k=1 ts=1500; +I k=2 ts=1200; +I k=3");
    kit_expect(&k, "+I 1|1500\n+I 2|1200\n+I 3|-\nwatermark 500\n");
    rows_of(0, "+I k=4 ts=1400");
    kit_expect(&k, "+I 4|1400\n");
    rows_of(0, "+I k=5 ts=1501");
    kit_expect(&k, "+I 5|1501\nwatermark 501\n");
    kit_done(&k);
}

static void the_slowest_split_counts(void **state)
{
    (void)state;
    begin(0);
    split(0, SPLIT_OPEN, "a");
    split(1, SPLIT_OPEN, "b");
    rows_of(0, "+I k=1 ts=9000");
    kit_expect(&k, "+I 1|9000\n"); /* b has said nothing yet */
    rows_of(1, "+I k=1 ts=4000");
    kit_expect(&k, "+I 1|4000\nwatermark 3000\n");
    rows_of(1, "+I k=1 ts=9500");
    kit_expect(&k, "+I 1|9500\nwatermark 8000\n");
    split(0, SPLIT_END, "");
    kit_expect(&k, "watermark 8500\n");
    kit_done(&k);
}

/* A row that is late against those before it in its batch is so however rows are batched: the watermark goes between. */
static void a_batch_is_cut_where_a_row_is_late(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(k.node->watermark.cut, CUT_PANE);
    rows_of(0, "+I k=1 ts=1000; +I k=2 ts=3500; +I k=3 ts=1999; +I k=4 ts=2000; +I k=5 ts=7000; +I k=6 ts=3900");
    kit_expect(&k, "+I 1|1000\n+I 2|3500\nwatermark 2500\n+I 3|1999\n+I 4|2000\n+I 5|7000\nwatermark 6000\n+I 6|3900\n");
    assert_int_equal(k.calls, 3);
    kit_done(&k);
    begin(0); /* the same rows one by one give the same order of rows and watermarks */
    rows_of(0, "+I k=1 ts=1000");
    rows_of(0, "+I k=2 ts=3500");
    rows_of(0, "+I k=3 ts=1999");
    kit_expect(&k, "+I 1|1000\nwatermark 0\n+I 2|3500\nwatermark 2500\n+I 3|1999\n");
    kit_done(&k);
}

static void silent_splits_are_left_out(void **state)
{
    (void)state;
    begin(1000);
    k.ctx.now_ms = 50;
    split(0, SPLIT_OPEN, "a");
    split(1, SPLIT_OPEN, "b");
    rows_of(0, "+I k=1 ts=9000");
    split(1, SPLIT_QUIET, "");
    assert_int_equal(k.o->deadline_ms, 1050);
    kit_expect(&k, "+I 1|9000\n");
    timer(1050);
    kit_expect(&k, "watermark 8000\n");
    split(0, SPLIT_QUIET, "");
    timer(2050);
    kit_expect(&k, "idle\n");
    rows_of(1, "+I k=1 ts=9100");
    kit_expect(&k, "+I 1|9100\nwatermark 8100\nactive\n");
    kit_done(&k);
}

static void splits_remember_theirs_over_a_restart(void **state)
{
    (void)state;
    begin(0);
    split(0, SPLIT_OPEN, "a");
    split(1, SPLIT_OPEN, "b");
    rows_of(0, "+I k=1 ts=9000");
    rows_of(1, "+I k=1 ts=6000");
    kit_expect(&k, "+I 1|9000\n+I 1|6000\nwatermark 5000\n");
    k.ctx.shards = 2; /* splits may go to any shard: all know all of them */
    kit_barrier(&k);
    k.ctx.shard = 1;
    kit_open(&k);
    assert_true(k.o->deadline_ms == INT64_MAX); /* nothing is said before the first row */
    split(0, SPLIT_OPEN, "b"); /* in another order */
    split(1, SPLIT_OPEN, "a");
    rows_of(0, "+I k=1 ts=8500");
    kit_expect(&k, "+I 1|8500\nwatermark 7500\n"); /* a remembers 8000 */
    rows_of(0, "+I k=1 ts=9900");
    kit_expect(&k, "+I 1|9900\nwatermark 8000\n");
    kit_done(&k);
}

static void first(struct kit *x)
{
    struct event open = { .kind = EVENT_SPLIT, .split = 0, .what = SPLIT_OPEN, .split_id = STR_INIT("a") };
    kit_drive(x, KIT_SPLIT, &open);
    kit_batch(x, "+I k=1 ts=1000; +I k=2 ts=3500; +I k=3 ts=1999; +I k=4 ts=2000");
}
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    kit_refuse_each(JOB("2"), 16, NODE_WATERMARK, true, first, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rises_only),
        cmocka_unit_test(the_slowest_split_counts),
        cmocka_unit_test(a_batch_is_cut_where_a_row_is_late),
        cmocka_unit_test(silent_splits_are_left_out),
        cmocka_unit_test(splits_remember_theirs_over_a_restart),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
