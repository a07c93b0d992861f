/* ORDER BY driven by hand: order, ties, copies, rows taken back, LIMIT and OFFSET, batches that stay small, restarts, memory. */
#include "kit.h"

#define JOB(from, order)                                                                                   \
    KIT_TABLE(from) "CREATE TABLE o (k BIGINT, v BIGINT, s STRING) WITH ('connector' = 'any');" \
                    "INSERT INTO o SELECT k, v, s FROM g ORDER BY " order

static struct kit k;

static void begin(const char *sql, uint32_t capacity)
{
    kit_plan(&k, sql, capacity, strstr(sql, "'changes'") ? NODE_TABLE : NODE_SORT); /* one operator, two nodes */
    kit_open(&k);
}

static void rows_come_in_order_at_the_end(void **state)
{
    (void)state;
    begin(JOB("rows", "v DESC, s"), 8);
    kit_batch(&k, "+I k=1 v=5 s=b; +I k=2 v=7 s=a; +I k=3 v=5 s=a; +I k=4 s=z");
    kit_batch(&k, "+I k=5 v=5 s=b");
    kit_expect(&k, "");
    kit_end(&k);
    kit_expect(&k, "+I 2|7|a\n+I 3|5|a\n+I 1|5|b\n+I 5|5|b\n+I 4|-|z\n"); /* ties by arrival; NULL is the least */
    kit_done(&k);
    begin(JOB("rows", "v NULLS LAST"), 8);
    kit_batch(&k, "+I k=1 s=x; +I k=2 v=-1 s=y");
    kit_end(&k);
    kit_expect(&k, "+I 2|-1|y\n+I 1|-|x\n");
    kit_done(&k);
}

static void copies_and_rows_taken_back(void **state)
{
    (void)state;
    begin(JOB("changes", "v"), 2);
    kit_batch(&k, "+I k=1 v=2; +I k=1 v=2");
    kit_batch(&k, "+I k=1 v=2; +I k=2 v=1");
    kit_batch(&k, "-D k=1 v=2; -U k=2 v=1");
    kit_batch(&k, "-D k=9 v=9; +U k=3 v=3"); /* one that never came */
    kit_batch(&k, "+I k=4 v=4; +I k=4 v=4");
    kit_batch(&k, "-D k=4 v=4"); /* one of two is left */
    assert_int_equal(store_count(k.o->stores[0]), 3);
    kit_end(&k);
    kit_expect(&k, "+I 1|2|-\n+I 1|2|-\n+I 3|3|-\n+I 4|4|-\n");
    kit_done(&k);
}

static void the_end_is_cut_into_batches(void **state)
{
    (void)state;
    begin(JOB("rows", "v"), 4);
    for (int i = 0; i < 100; i++) {
        char row[64];
        snprintf(row, sizeof row, "+I k=%d v=%d s=x", i, i * 37 % 100);
        kit_batch(&k, row);
    }
    kit_end(&k);
    assert_int_equal(k.widest, 4);
    assert_int_equal(k.calls, 26);
    long long last = -1, n = 0;
    for (char *line = k.out; line < k.out + k.len; line = strchr(line, '\n') + 1, n++) {
        long long v = strtoll(strchr(line, '|') + 1, NULL, 10);
        assert_int_equal(v, last + 1);
        last = v;
    }
    assert_int_equal(n, 100);
    kit_done(&k);
}

static void limit_and_offset(void **state)
{
    (void)state;
    begin(JOB("rows", "v LIMIT 3 OFFSET 2"), 2);
    for (int i = 9; i >= 0; i--) {
        char row[64];
        snprintf(row, sizeof row, "+I k=1 v=%d s=x", i);
        kit_batch(&k, row);
    }
    kit_end(&k);
    kit_expect(&k, "+I 1|2|x\n+I 1|3|x\n+I 1|4|x\n");
    kit_done(&k);
    begin(JOB("rows", "v LIMIT 3 OFFSET 20"), 2);
    kit_batch(&k, "+I k=1 v=1");
    kit_end(&k);
    kit_expect(&k, "");
    kit_done(&k);
    begin(JOB("rows", "v LIMIT 2"), 8); /* of equal rows only so many copies */
    kit_batch(&k, "+I k=1 v=1; +I k=1 v=1; +I k=1 v=1");
    kit_end(&k);
    kit_expect(&k, "+I 1|1|-\n+I 1|1|-\n");
    kit_done(&k);
}

static void the_newest_row_of_each_key(void **state)
{
    (void)state;
    kit_plan(&k, "CREATE TABLE g (k BIGINT, v BIGINT, s STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upserts');"
                 "CREATE TABLE o (k BIGINT, v BIGINT, s STRING) WITH ('connector' = 'any');"
                 "INSERT INTO o SELECT k, v, s FROM g ORDER BY v", 8, NODE_TABLE);
    kit_open(&k);
    bool keeps_keys = k.o->input_kinds == KINDS_UPSERT && k.node->n_upsert_key > 0;
    if (!keeps_keys) { /* a full changelog comes: what is taken back is named */
        kit_batch(&k, "+I k=1 v=5; +I k=2 v=6; -U k=1 v=5; +U k=1 v=9; -D k=2 v=6");
    } else {
        kit_batch(&k, "+I k=1 v=5; +I k=2 v=6; +U k=1 v=9; -D k=2");
    }
    kit_restart(&k);
    kit_end(&k);
    kit_expect(&k, "+I 1|9|-\n");
    kit_done(&k);
}

static void a_restart_changes_nothing(void **state)
{
    (void)state;
    static char whole[1 << 14];
    for (uint32_t every = 0; every < 6; every++) {
        uint32_t dice = 5;
        begin(JOB("changes", "v, s"), 4);
        for (uint32_t i = 1; i <= 60; i++) {
            char row[96];
            dice = dice * 1664525u + 1013904223u;
            uint32_t r = dice >> 8;
            snprintf(row, sizeof row, "%s k=%u v=%u s=%c", i > 20 && r % 3 == 0 ? "-D" : "+I", r / 4 % 3, r / 16 % 4, (char)('a' + r / 64 % 3));
            kit_batch(&k, row);
            if (every && i % every == 0)
                kit_restart(&k);
        }
        kit_end(&k);
        k.out[k.len] = 0;
        assert_true(k.len > 100 && !k.failed);
        if (every == 0)
            memcpy(whole, k.out, k.len + 1);
        assert_string_equal(k.out, whole); /* ties keep their order of arrival over restarts */
        kit_done(&k);
    }
}

static void first(struct kit *x) { kit_batch(x, "+I k=1 v=5 s=a; +I k=2 v=5 s=b; +I k=1 v=5 s=a"); }
static void second(struct kit *x)
{
    kit_batch(x, "-D k=1 v=5 s=a; +I k=4 v=1 s=d");
    kit_end(x);
}
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    kit_refuse_each(JOB("changes", "v"), 4, NODE_TABLE, true, first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_order_at_the_end),
        cmocka_unit_test(copies_and_rows_taken_back),
        cmocka_unit_test(the_end_is_cut_into_batches),
        cmocka_unit_test(limit_and_offset),
        cmocka_unit_test(the_newest_row_of_each_key),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
