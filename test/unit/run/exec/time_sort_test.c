/* ORDER BY a time attribute, driven by hand: what goes when, what is late, long runs, restarts, refused memory. */
#include "kit.h"

#define JOB(order)                                                                                                           \
    "CREATE TABLE g (k BIGINT, s STRING, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'stream');"    \
    "CREATE TABLE o (k BIGINT, s STRING) WITH ('connector' = 'any'); INSERT INTO o SELECT k, s FROM g ORDER BY " order

static const char by_time[] = JOB("ts, k DESC"), by_arrival[] = JOB("p, k");
static struct kit k;

static void rows_wait_for_the_watermark(void **state)
{
    (void)state;
    kit_plan(&k, by_time, 8, NODE_TIME_SORT);
    kit_open(&k);
    kit_batch(&k, "+I k=1 s=a ts=30; +I k=2 s=b ts=10; +I k=3 ts=10; +I k=3 ts=10; +I k=4 ts=20");
    kit_expect(&k, "");
    kit_watermark(&k, 9);
    kit_expect(&k, "");
    kit_watermark(&k, 20);
    kit_expect(&k, "+I 3|-|10\n+I 3|-|10\n+I 2|b|10\n+I 4|-|20\n");
    kit_batch(&k, "+I k=5 ts=20; +I k=6 ts=19");
    assert_int_equal(k.o->late_rows, 2);
    kit_watermark(&k, 29);
    kit_batch(&k, "+I k=7 ts=25"); /* behind the watermark, but nothing since 20 has gone */
    kit_expect(&k, "");
    assert_int_equal(k.o->late_rows, 2);
    kit_restart(&k);
    kit_watermark(&k, INT64_MAX);
    kit_end(&k);
    kit_expect(&k, "+I 7|-|25\n+I 1|a|30\n");
    assert_int_equal(store_count(k.o->stores[1]), 0);
    kit_restart(&k);
    kit_batch(&k, "+I k=8 ts=30");
    assert_int_equal(k.o->late_rows, 1); /* what has gone is remembered */
    kit_done(&k);
}

static void by_arrival_only_a_millisecond(void **state)
{
    (void)state;
    kit_plan(&k, by_arrival, 8, NODE_TIME_SORT);
    assert_true(k.node->time_sort.processing_time);
    kit_open(&k);
    k.ctx.now_ms = 1000;
    kit_batch(&k, "+I k=9; +I k=2; +I k=5");
    assert_int_equal(k.o->deadline_ms, 1001);
    k.ctx.now_ms = 1001;
    kit_batch(&k, "+I k=1");
    kit_drive(&k, KIT_TIMER, &(struct event){ .time = 1001 });
    assert_int_equal(k.o->deadline_ms, 1002);
    assert_non_null(strstr(k.out, "+I 2|"));
    assert_true(strstr(k.out, "+I 2|") < strstr(k.out, "+I 5|") && strstr(k.out, "+I 5|") < strstr(k.out, "+I 9|"));
    assert_null(strstr(k.out, "+I 1|"));
    kit_restart(&k);
    assert_int_equal(k.o->deadline_ms, 1002);
    k.len = 0;
    kit_end(&k);
    k.out[k.len] = 0;
    assert_non_null(strstr(k.out, "+I 1|"));
    kit_done(&k);
}

/* More rows than one piece holds, many of one time: each once, in order. */
static void long_runs(void **state)
{
    (void)state;
    enum { ROWS = 70000, BATCH = 1000 };
    static char rows[BATCH * 32];
    int64_t last = -1, n = 0;
    kit_plan(&k, by_time, 1024, NODE_TIME_SORT);
    kit_open(&k);
    for (int i = 0; i < ROWS; i += BATCH) {
        size_t len = 0;
        for (int j = i; j < i + BATCH; j++)
            len += (size_t)snprintf(rows + len, sizeof rows - len, "%s+I k=%d ts=%d", j > i ? ";" : "", j, j % 7 ? j * 7919 % 90 : 50);
        kit_batch(&k, rows);
    }
    struct emit out = { 0 };
    while (k.o->ops->watermark(k.o, 1000, &out, &k.err) == OP_MORE) {
        for (uint32_t i = 0; i < batch_rows(out.batch); i++, n++) {
            int64_t ts = out.batch->cols[2].i64[i];
            assert_true(ts >= last);
            last = ts;
        }
        out = (struct emit){ 0 };
    }
    assert_int_equal(n, ROWS);
    kit_done(&k);
}

static void some(struct kit *to)
{
    kit_batch(to, "+I k=1 s=a ts=30; +I k=2 s=b ts=10; +I k=3 s=c ts=10");
    kit_watermark(to, 10);
    to->len = 0;
}

static void more(struct kit *to)
{
    kit_batch(to, "+I k=4 s=a ts=20");
    kit_watermark(to, 50);
    to->len = 0;
}

static void memory_refused(void **state)
{
    (void)state;
    kit_refuse_each(by_time, 2, NODE_TIME_SORT, true, some, more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_wait_for_the_watermark),
        cmocka_unit_test(by_arrival_only_a_millisecond),
        cmocka_unit_test(long_runs),
        cmocka_unit_test(memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
