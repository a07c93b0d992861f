/* Upserts become a full changelog, driven by hand. */
#include "kit.h"

#define JOB(from)                                                                                                                     \
    "CREATE TABLE g (k BIGINT, v BIGINT, s STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = '" from "');"                     \
    "CREATE TABLE o (s STRING, n BIGINT, t BIGINT, m BIGINT) WITH ('connector' = 'any'); INSERT INTO o SELECT s, COUNT(*), SUM(v), " \
    "MAX(k) FROM g GROUP BY s"

static struct kit k;

static void begin(uint32_t capacity)
{
    kit_plan(&k, JOB("upserts"), capacity, NODE_NORMALIZE);
    assert_true(k.node->normalize.emit_before);
    kit_open(&k);
}

static void upserts_say_what_was_before(void **state)
{
    (void)state;
    begin(8);
    kit_batch(&k, "+I k=1 v=5 s=a; +U k=2 v=6 s=b");
    kit_expect(&k, "+I 1|5|a\n+I 2|6|b\n");
    kit_batch(&k, "+U k=1 v=7 s=a; +I k=2 v=6; +U k=1 v=7 s=a");
    kit_expect(&k, "-U 1|5|a\n+U 1|7|a\n-U 2|6|b\n+U 2|6|-\n"); /* the third changes nothing */
    kit_done(&k);
}

static void a_delete_needs_the_key_only(void **state)
{
    (void)state;
    begin(8);
    kit_batch(&k, "+I k=1 v=5 s=a; -D k=1; -D k=1; -D k=7; +I k=1 v=2 s=c");
    kit_expect(&k, "+I 1|5|a\n-D 1|5|a\n+I 1|2|c\n");
    kit_batch(&k, "-D k=1");
    kit_expect(&k, "-D 1|2|c\n");
    assert_int_equal(store_count(k.o->stores[0]), 0);
    kit_done(&k);
}

static void what_comes_out_stays_small(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 5; capacity++) {
        begin(capacity);
        kit_batch(&k, "+I k=1 v=1; +I k=2 v=1; +I k=3 v=1; +I k=4 v=1; +I k=5 v=1");
        assert_true(k.widest <= (capacity < 2 ? 2 : capacity));
        kit_expect(&k, "+I 1|1|-\n+I 2|1|-\n+I 3|1|-\n+I 4|1|-\n+I 5|1|-\n");
        kit_batch(&k, "+U k=1 v=2; +U k=2 v=2; +U k=3 v=2; +U k=4 v=1; +U k=5 v=2");
        assert_true(k.widest <= (capacity < 2 ? 2 : capacity) && k.calls >= 2);
        kit_expect(&k, "-U 1|1|-\n+U 1|2|-\n-U 2|1|-\n+U 2|2|-\n-U 3|1|-\n+U 3|2|-\n-U 5|1|-\n+U 5|2|-\n");
        kit_done(&k);
    }
}

static void a_restart_changes_nothing(void **state)
{
    (void)state;
    static char whole[1 << 14];
    for (uint32_t every = 0; every < 5; every++) {
        uint32_t dice = 3;
        begin(4);
        for (uint32_t i = 1; i <= 80; i++) {
            char row[64];
            dice = dice * 1664525u + 1013904223u;
            uint32_t r = dice >> 8;
            snprintf(row, sizeof row, r % 4 ? "+U k=%u v=%u s=x" : "-D k=%u", r / 4 % 6, r / 32 % 3);
            kit_batch(&k, row);
            if (every && i % every == 0)
                kit_restart(&k);
        }
        k.out[k.len] = 0;
        assert_true(k.len > 200 && !k.failed);
        if (every == 0)
            memcpy(whole, k.out, k.len + 1);
        assert_string_equal(k.out, whole);
        kit_done(&k);
    }
}

static void first(struct kit *x) { kit_batch(x, "+I k=1 v=5 s=a; +I k=2 v=5 s=b"); }
static void second(struct kit *x) { kit_batch(x, "+U k=1 v=6 s=a; -D k=2; +I k=3 v=1"); }
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    kit_refuse_each(JOB("upserts"), 4, NODE_NORMALIZE, true, first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upserts_say_what_was_before),
        cmocka_unit_test(a_delete_needs_the_key_only),
        cmocka_unit_test(what_comes_out_stays_small),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
