/* Filter, projection and the window function that stands alone, driven by hand: what passes, errors, batches, memory. */
#include "kit.h"

#define CALC                                                                                                              \
    KIT_TABLE("changes") "CREATE TABLE o (k BIGINT, w BIGINT, s STRING) WITH ('connector' = 'any');" \
                         "INSERT INTO o SELECT k, 100 / v, s FROM g WHERE k > 1"
#define HOPS                                                                                                            \
    KIT_TABLE("rows") "CREATE TABLE o (k BIGINT, a TIMESTAMP(3), b TIMESTAMP(3)) WITH ('connector' = 'any'); INSERT INTO o SELECT k, " \
                      "window_start, window_end FROM TABLE(HOP(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '3' SECOND))"

static struct kit k;

static void rows_and_their_kinds_pass(void **state)
{
    (void)state;
    kit_plan(&k, CALC, 8, NODE_CALC);
    kit_open(&k);
    kit_batch(&k, "+I k=1 v=0 s=a; -D k=2 v=5 s=b; +U k=3 v=7 s=c; -U k=4 s=d; +I v=0");
    kit_expect(&k, "-D 2|20|b\n+U 3|14|c\n-U 4|-|d\n"); /* what is filtered out is not computed */
    kit_batch(&k, "+I k=0 v=0; +I k=1 v=0");
    kit_expect(&k, "");
    kit_done(&k);
}

static void an_expression_fails_with_its_reason(void **state)
{
    (void)state;
    kit_plan(&k, CALC, 8, NODE_CALC);
    kit_open(&k);
    kit_batch(&k, "+I k=2 v=1; +I k=3 v=0");
    assert_true(k.failed);
    assert_int_equal(k.err.status, ST_EXPRESSION);
    assert_true(k.err.message[0] && k.len == 0);
    kit_done(&k);
}

static void each_row_once_for_each_window(void **state)
{
    (void)state;
    kit_plan(&k, HOPS, 4, NODE_WINDOW);
    kit_open(&k);
    kit_batch(&k, "+I k=1 ts=1500; +I k=2 ts=0");
    assert_int_equal(k.calls, 4); /* the first window of every row, the second, the third, and the end */
    assert_int_equal(k.widest, 2);
    k.out[k.len] = 0;
    static const int ends[] = { 2000, 3000, 4000 };
    for (size_t i = 0; i < 3; i++) {
        char bounds[64];
        snprintf(bounds, sizeof bounds, "|%d|%d|%d", ends[i] - 3000, ends[i], ends[i] - 1);
        assert_non_null(strstr(k.out, bounds));
    }
    k.len = 0;
    kit_batch(&k, "+I k=3 ts=10");
    assert_int_equal(k.calls, 4); /* begins anew */
    kit_batch(&k, "+I k=1 ts=1; +I k=2");
    assert_true(k.failed);
    assert_int_equal(k.err.status, ST_EXPRESSION);
    kit_done(&k);
}

static void first(struct kit *x) { kit_batch(x, "+I k=2 v=1 s=a ts=1; +I k=3 v=5 s=b ts=2; +I k=0 v=0 ts=3"); }
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    kit_refuse_each(CALC, 4, NODE_CALC, true, first, first);
    kit_refuse_each(HOPS, 4, NODE_WINDOW, true, first, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_their_kinds_pass),
        cmocka_unit_test(an_expression_fails_with_its_reason),
        cmocka_unit_test(each_row_once_for_each_window),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
