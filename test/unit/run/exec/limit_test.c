/* LIMIT without an order, driven by hand: which rows pass, when the sources are told, and what a restart remembers. */
#include "kit.h"

#define JOB(limit)                                                                                                \
    KIT_TABLE("rows") "CREATE TABLE o (k BIGINT, v BIGINT) WITH ('connector' = 'any');" \
                      "INSERT INTO o SELECT k, v FROM g " limit

static struct kit k;
static uint32_t told;

static void tell(struct exec_context *ctx)
{
    (void)ctx;
    told++;
}

static void begin(const char *sql)
{
    kit_plan(&k, sql, 8, NODE_SORT);
    assert_int_equal(k.node->sort.n_keys, 0);
    told = 0;
    k.ctx.enough = tell;
    kit_open(&k);
}

static void rows_pass_until_there_are_enough(void **state)
{
    (void)state;
    begin(JOB("LIMIT 4 OFFSET 3"));
    kit_batch(&k, "+I k=1; +I k=2");
    kit_expect(&k, "");
    kit_batch(&k, "+I k=3; +I k=4; +I k=5");
    kit_expect(&k, "+I 4|-\n+I 5|-\n");
    assert_int_equal(told, 0);
    kit_batch(&k, "+I k=6; +I k=7; +I k=8; +I k=9");
    kit_expect(&k, "+I 6|-\n+I 7|-\n");
    assert_int_equal(told, 1);
    kit_batch(&k, "+I k=10");
    kit_expect(&k, "");
    kit_done(&k);
}

static void a_restart_counts_on(void **state)
{
    (void)state;
    for (uint32_t every = 1; every < 4; every++) {
        begin(JOB("LIMIT 4 OFFSET 3"));
        for (uint32_t i = 1; i <= 10; i++) {
            char row[32];
            snprintf(row, sizeof row, "+I k=%u", i);
            kit_batch(&k, row);
            if (i % every == 0)
                kit_restart(&k);
        }
        kit_expect(&k, "+I 4|-\n+I 5|-\n+I 6|-\n+I 7|-\n");
        told = 0;
        kit_restart(&k);
        assert_int_equal(told, 1); /* a job that had them all ends at once */
        kit_done(&k);
    }
}

static void an_offset_alone_never_ends(void **state)
{
    (void)state;
    begin(JOB("OFFSET 2"));
    kit_batch(&k, "+I k=1; +I k=2; +I k=3");
    kit_batch(&k, "+I k=4; +I k=5");
    kit_expect(&k, "+I 3|-\n+I 4|-\n+I 5|-\n");
    assert_int_equal(told, 0);
    kit_done(&k);
}

static void none_are_wanted(void **state)
{
    (void)state;
    begin(JOB("LIMIT 0"));
    assert_int_equal(told, 1); /* before any row */
    kit_batch(&k, "+I k=1");
    kit_expect(&k, "");
    kit_done(&k);
}

static void first(struct kit *x) { kit_batch(x, "+I k=1; +I k=2; +I k=3"); }
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    kit_refuse_each(JOB("LIMIT 4 OFFSET 2"), 4, NODE_SORT, true, first, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_pass_until_there_are_enough),
        cmocka_unit_test(a_restart_counts_on),
        cmocka_unit_test(an_offset_alone_never_ends),
        cmocka_unit_test(none_are_wanted),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
