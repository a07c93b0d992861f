/* Window aggregates driven by hand: what closes when, in batches that stay small; late rows; restarts; NULL times; memory. The same
 * stories go through panes that are merged (slices), with sets and without, and through windows kept whole (LISTS). */
#include "kit.h"

#define JOB(cols, calls, window)                                                                                              \
    KIT_TABLE("rows") "CREATE TABLE o (k BIGINT, " cols ", e TIMESTAMP(3)) WITH ('connector' = 'any'); INSERT INTO o SELECT k, " calls \
                      ", window_end FROM TABLE(" window ") GROUP BY k, window_start, window_end"
#define TUMBLE "TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND)"
#define HOP "HOP(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '3' SECOND)"
#define CUMULATE "CUMULATE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '3' SECOND)"
#define PLAIN(window) JOB("n BIGINT, m BIGINT", "COUNT(*), MAX(v)", window)
#define DISTINCT(window) JOB("n BIGINT, m BIGINT", "COUNT(*), COUNT(DISTINCT v)", window)

#define LISTS(window) JOB("n BIGINT, l STRING", "COUNT(DISTINCT v), LISTAGG(CAST(v AS STRING))", window)
#define BAGS(window) JOB("n BIGINT, p DOUBLE", "COUNT(DISTINCT v), PERCENTILE(v, 0.3)", window)

static struct kit k;

static void begin(const char *sql, uint32_t capacity)
{
    kit_plan(&k, sql, capacity, NODE_WINDOW_AGGREGATE);
    kit_open(&k);
}

static void a_window_closes_at_its_last_millisecond(void **state)
{
    (void)state;
    static const char *const jobs[] = { PLAIN(TUMBLE), DISTINCT(TUMBLE) };
    for (size_t i = 0; i < 2; i++) {
        begin(jobs[i], 8);
        kit_batch(&k, "+I k=1 v=4 ts=0; +I k=1 v=4 ts=999; +I k=2 v=9 ts=1000");
        kit_watermark(&k, 998);
        kit_expect(&k, "");
        kit_watermark(&k, 999);
        kit_expect(&k, i ? "+I 1|2|1|1000\n" : "+I 1|2|4|1000\n");
        kit_watermark(&k, INT64_MAX);
        kit_expect(&k, i ? "+I 2|1|1|2000\n" : "+I 2|1|9|2000\n");
        for (uint32_t s = 0; s < k.o->n_stores; s++) /* what was kept is gone; "…/watermark" is one entry */
            assert_true(store_count(k.o->stores[s]) <= 1 && (s != 0 || store_count(k.o->stores[s]) == 0));
        kit_done(&k);
    }
}

static void hop_and_cumulate(void **state)
{
    (void)state;
    begin(PLAIN(HOP), 8);
    kit_batch(&k, "+I k=1 v=4 ts=500; +I k=1 v=7 ts=2500");
    kit_watermark(&k, 1999);
    kit_expect(&k, "+I 1|1|4|1000\n+I 1|1|4|2000\n");
    kit_watermark(&k, INT64_MAX);
    kit_expect(&k, "+I 1|2|7|3000\n+I 1|1|7|4000\n+I 1|1|7|5000\n");
    kit_done(&k);
    begin(PLAIN(CUMULATE), 8);
    kit_batch(&k, "+I k=1 v=4 ts=500; +I k=1 v=7 ts=2500; +I k=1 v=1 ts=3000");
    kit_watermark(&k, INT64_MAX);
    kit_expect(&k, "+I 1|1|4|1000\n+I 1|1|4|2000\n+I 1|2|7|3000\n+I 1|1|1|4000\n+I 1|1|1|5000\n+I 1|1|1|6000\n");
    kit_done(&k);
}

/* A thousand groups are put out in batches of the capacity, however many windows close at once. */
static void closing_is_cut_into_batches(void **state)
{
    (void)state;
    static const char *const jobs[] = { PLAIN(TUMBLE), DISTINCT(TUMBLE), PLAIN(HOP), DISTINCT(HOP), PLAIN(CUMULATE) };
    static const uint32_t windows[] = { 1, 1, 3, 3, 3 };
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        begin(jobs[i], 8);
        for (int key = 0; key < 1000; key += 8) {
            char rows[400] = "";
            size_t len = 0;
            for (int j = 0; j < 8; j++)
                len += (size_t)snprintf(rows + len, sizeof rows - len, "%s+I k=%d v=%d ts=%d", j ? "; " : "", key + j, j, key % 1000);
            kit_batch(&k, rows);
        }
        kit_expect(&k, "");
        kit_watermark(&k, 10000);
        assert_int_equal(k.widest, 8);
        assert_int_equal(k.calls, 125 * windows[i] + 1); /* each call is one batch, the last has none */
        uint32_t lines = 0;
        for (size_t b = 0; b < k.len; b++)
            lines += k.out[b] == '\n';
        assert_int_equal(lines, 1000 * windows[i]);
        kit_done(&k);
    }
}

static void late_rows_are_counted_and_put_aside(void **state)
{
    (void)state;
    static const char *const jobs[] = { PLAIN(TUMBLE), DISTINCT(TUMBLE) };
    for (size_t i = 0; i < 2; i++) {
        begin(jobs[i], 8);
        kit_watermark(&k, 998); /* [0, 1000) is open */
        kit_batch(&k, "+I k=1 v=1 ts=3");
        kit_watermark(&k, 999);
        kit_expect(&k, "+I 1|1|1|1000\n");
        kit_batch(&k, "+I k=1 v=2 ts=999; +I k=1 v=3 ts=1000; +I k=1 v=4 ts=0");
        assert_int_equal(k.o->late_rows, 2);
        kit_restart(&k); /* what was late stays late */
        kit_batch(&k, "+I k=1 v=5 ts=500");
        assert_int_equal(k.o->late_rows, 1);
        kit_watermark(&k, INT64_MAX);
        kit_expect(&k, i ? "+I 1|1|1|2000\n" : "+I 1|1|3|2000\n");
        kit_done(&k);
    }
    begin(PLAIN(HOP), 8); /* late is what the last window does not hold */
    kit_watermark(&k, 2500);
    kit_batch(&k, "+I k=1 v=1 ts=10; +I k=1 v=1 ts=0");
    assert_int_equal(k.o->late_rows, 0);
    kit_watermark(&k, 2999);
    kit_expect(&k, "+I 1|2|1|3000\n"); /* and not in those that have closed */
    kit_batch(&k, "+I k=1 v=1 ts=999");
    assert_int_equal(k.o->late_rows, 1);
    kit_done(&k);
}

static void late_rows_go_out_at_their_port(void **state)
{
    (void)state;
    kit_plan(&k, PLAIN(TUMBLE), 8, NODE_WINDOW_AGGREGATE);
    k.node->window_aggregate.late_output = true;
    kit_open(&k);
    kit_watermark(&k, 999);
    kit_batch(&k, "+I k=7 v=2 ts=5; +I k=1 v=3 ts=1000; +I k=8 v=4 ts=999");
    assert_int_equal(k.o->late_rows, 2);
    k.out[k.len] = 0;
    assert_true(strncmp(k.out, "late +I ", 8) == 0 && strstr(k.out, "\nlate +I ") && strchr(k.out, '7') && strchr(k.out, '8'));
    k.len = 0;
    kit_watermark(&k, 5000);
    kit_expect(&k, "+I 1|1|3|2000\n");
    kit_done(&k);
}

static void no_time_is_an_error(void **state)
{
    (void)state;
    begin(PLAIN(TUMBLE), 8);
    kit_batch(&k, "+I k=1 v=2 ts=5; +I k=1 v=3");
    assert_true(k.failed);
    assert_int_equal(k.err.status, ST_EXPRESSION);
    assert_non_null(strstr(k.err.message, "NULL"));
    kit_done(&k);
}

/* Batches and watermarks, with a restart after every `every`-th; the sorted text of what comes. */
static void walk(const char *sql, uint32_t every, char *ret, size_t room)
{
    uint32_t dice = 99, late = 0;
    begin(sql, 8);
    for (uint32_t b = 1; b <= 80; b++) {
        char rows[512] = "";
        size_t len = 0;
        for (uint32_t i = 0; i < 7; i++) {
            dice = dice * 1664525u + 1013904223u;
            uint32_t r = dice >> 8;
            len += (size_t)snprintf(rows + len, sizeof rows - len, "%s+I k=%u v=%u ts=%d", i ? "; " : "", r % 5, r / 8 % 9,
                                    (int)(b * 150 + r / 128 % 900) - (r % 31 == 0 ? 6000 : 0));
        }
        kit_batch(&k, rows);
        if (b % 3 == 0)
            kit_watermark(&k, b * 150 - 100);
        if (every && b % every == 0) {
            late += (uint32_t)k.o->late_rows;
            kit_restart(&k);
        }
    }
    kit_watermark(&k, INT64_MAX);
    late += (uint32_t)k.o->late_rows;
    assert_false(k.failed);
    assert_true(late > 3);
    kit_say(&k, "late %u\n", late);
    kit_sort(&k);
    assert_true(k.len > 400 && k.len < room);
    memcpy(ret, k.out, k.len);
    ret[k.len] = 0;
    kit_done(&k);
}

static void a_restart_changes_nothing(void **state)
{
    (void)state;
    static const char *const jobs[] = { PLAIN(TUMBLE), DISTINCT(TUMBLE), PLAIN(HOP), DISTINCT(HOP), PLAIN(CUMULATE), DISTINCT(CUMULATE),
                                        LISTS(HOP), LISTS(CUMULATE), BAGS(HOP), BAGS(CUMULATE) };
    static const uint32_t every[] = { 1, 4, 9 };
    static char whole[1 << 17], parts[1 << 17];
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        walk(jobs[i], 0, whole, sizeof whole);
        for (size_t j = 0; j < sizeof every / sizeof *every; j++) {
            walk(jobs[i], every[j], parts, sizeof parts);
            assert_string_equal(whole, parts);
        }
    }
}

static void processing_time_closes_by_the_clock(void **state)
{
    (void)state;
    kit_plan(&k, "CREATE TABLE g (k BIGINT, v BIGINT, p AS PROCTIME()) WITH ('connector' = 'rows');"
                 "CREATE TABLE o (k BIGINT, n BIGINT) WITH ('connector' = 'any'); INSERT INTO o SELECT k, COUNT(*) FROM "
                 "TABLE(TUMBLE(TABLE g, DESCRIPTOR(p), INTERVAL '1' SECOND)) GROUP BY k, window_start, window_end", 8, NODE_WINDOW_AGGREGATE);
    k.ctx.now_ms = 100;
    kit_open(&k);
    assert_true(k.o->deadline_ms == INT64_MAX);
    kit_batch(&k, "+I k=1; +I k=2");
    assert_int_equal(k.o->deadline_ms, 1000);
    kit_restart(&k);
    assert_int_equal(k.o->deadline_ms, 1000);
    struct event ev = { .time = k.ctx.now_ms = 1000 };
    kit_drive(&k, KIT_TIMER, &ev);
    kit_sort(&k);
    kit_expect(&k, "+I 1|1\n+I 2|1\n");
    assert_true(k.o->deadline_ms == INT64_MAX);
    kit_done(&k);
}

static void first(struct kit *x)
{
    kit_batch(x, "+I k=1 v=5 ts=1; +I k=2 v=5 ts=1001; +I k=3 v=7 ts=2500");
    kit_watermark(x, 1500);
}
static void second(struct kit *x)
{
    kit_batch(x, "+I k=1 v=5 ts=1600; +I k=2 v=5 ts=1; +I k=4 v=7 ts=2500");
    kit_watermark(x, 2999);
}
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    kit_refuse_each(PLAIN(HOP), 4, NODE_WINDOW_AGGREGATE, true, first, second);
    kit_refuse_each(DISTINCT(CUMULATE), 4, NODE_WINDOW_AGGREGATE, true, first, second);
    kit_refuse_each(BAGS(HOP), 4, NODE_WINDOW_AGGREGATE, true, first, second);
    kit_refuse_each(LISTS(HOP), 4, NODE_WINDOW_AGGREGATE, true, first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_closes_at_its_last_millisecond),
        cmocka_unit_test(hop_and_cumulate),
        cmocka_unit_test(closing_is_cut_into_batches),
        cmocka_unit_test(late_rows_are_counted_and_put_aside),
        cmocka_unit_test(late_rows_go_out_at_their_port),
        cmocka_unit_test(no_time_is_an_error),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(processing_time_closes_by_the_clock),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
