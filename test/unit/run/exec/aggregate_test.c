/* GROUP BY driven by hand: what a batch puts out, retraction to nothing, a restart between any two batches, memory. */
#include "kit.h"

#define SUMS(from)                                                                         \
    KIT_TABLE(from) "CREATE TABLE o (k BIGINT, n BIGINT, t BIGINT) WITH ('connector' = 'any');" \
                    "INSERT INTO o SELECT k, COUNT(*), SUM(v) FROM g GROUP BY k"
#define SETS                                                                                                          \
    KIT_TABLE("changes") "CREATE TABLE o (k BIGINT, n BIGINT, d BIGINT, m BIGINT, f BIGINT) WITH ('connector' = 'any');" \
                         "INSERT INTO o SELECT k, COUNT(*), COUNT(DISTINCT v), MAX(v), COUNT(DISTINCT s) FROM g GROUP BY k"

static struct kit k;

static void a_batch_is_put_out_by_key(void **state)
{
    (void)state;
    kit_plan(&k, SUMS("rows"), 8, NODE_AGGREGATE);
    kit_open(&k);
    kit_batch(&k, "+I k=1 v=5; +I k=2 v=7; +I k=1 v=1");
    kit_expect(&k, "+I 1|2|6\n+I 2|1|7\n");
    assert_int_equal(k.calls, 1);
    kit_batch(&k, "+I k=2 v=1; +I k=3 v=0; +I v=4; +I k=1 v=0");
    kit_expect(&k, "-U 2|1|7\n-U 1|2|6\n+U 2|2|8\n+I 3|1|0\n+I -|1|4\n+U 1|3|6\n"); /* old rows first, in a batch of their own */
    assert_int_equal(k.calls, 2);
    kit_batch(&k, "");
    kit_expect(&k, "");
    kit_done(&k);
}

#define EACH(from)                                                                                                       \
    KIT_TABLE(from) "CREATE TABLE o (op STRING, k BIGINT, n BIGINT, t BIGINT) WITH ('connector' = 'any');"               \
                    "INSERT INTO o SELECT * FROM TO_CHANGELOG(input => TABLE (SELECT k, COUNT(*) AS n, SUM(v) AS t FROM g GROUP BY k))"

/* A stream of changes is made of it: a key's rows do not come together, however many a batch has. */
static void each_change_is_put_out(void **state)
{
    (void)state;
    kit_plan(&k, EACH("changes"), 8, NODE_AGGREGATE);
    assert_true(k.node->aggregate.each);
    kit_open(&k);
    kit_batch(&k, "+I k=1 v=5; +I k=2 v=7; +I k=1 v=1; -D k=1 v=5; -D k=1 v=1; +I k=1 v=9; +I k=2 v=0");
    kit_expect(&k, "+I 1|1|5\n+I 2|1|7\n-U 1|1|5\n+U 1|2|6\n-U 1|2|6\n+U 1|1|1\n-D 1|1|1\n-U 2|1|7\n+I 1|1|9\n+U 2|2|7\n");
    kit_batch(&k, "+I v=1; +I k=3 v=1; +I k=4 v=1");
    kit_expect(&k, "+I -|1|1\n+I 3|1|1\n+I 4|1|1\n");
    assert_int_equal(k.calls, 1);
    kit_batch(&k, "");
    kit_expect(&k, "");
    kit_done(&k);
    kit_plan(&k, SUMS("changes"), 8, NODE_AGGREGATE);
    assert_false(k.node->aggregate.each);
    kit_open(&k);
    kit_done(&k);
}

static void what_does_not_change_is_not_said(void **state)
{
    (void)state;
    kit_plan(&k, KIT_TABLE("rows") "CREATE TABLE o (k BIGINT, m BIGINT) WITH ('connector' = 'any');"
                                   "INSERT INTO o SELECT k, MAX(v) FROM g GROUP BY k", 4, NODE_AGGREGATE);
    kit_open(&k);
    kit_batch(&k, "+I k=1 v=5; +I k=2");
    kit_expect(&k, "+I 1|5\n+I 2|-\n");
    kit_batch(&k, "+I k=1 v=4; +I k=1 v=5; +I k=2");
    kit_expect(&k, "");
    kit_done(&k);
}

static void the_last_row_takes_the_group_with_it(void **state)
{
    (void)state;
    kit_plan(&k, SUMS("changes"), 4, NODE_AGGREGATE);
    assert_true(k.node->aggregate.retracting);
    kit_open(&k);
    kit_batch(&k, "+I k=1 v=5; +I k=1 v=6; +I k=2 v=1");
    kit_expect(&k, "+I 1|2|11\n+I 2|1|1\n");
    kit_batch(&k, "-D k=1 v=5");
    kit_expect(&k, "-U 1|2|11\n+U 1|1|6\n");
    assert_int_equal(store_count(k.o->stores[0]), 2);
    kit_batch(&k, "-D k=1 v=6");
    kit_expect(&k, "-D 1|1|6\n");
    assert_int_equal(store_count(k.o->stores[0]), 1);
    kit_batch(&k, "+I k=3 v=1; -D k=3 v=1"); /* came and went unseen */
    kit_expect(&k, "");
    kit_batch(&k, "-D k=2 v=1");
    kit_expect(&k, "-D 2|1|1\n");
    assert_int_equal(store_count(k.o->stores[0]), 0);
    kit_restart(&k);
    kit_batch(&k, "+I k=1 v=9"); /* begins at nothing */
    kit_expect(&k, "+I 1|1|9\n");
    kit_done(&k);
}

static void elements_go_with_their_group(void **state)
{
    (void)state;
    kit_plan(&k, SETS, 4, NODE_AGGREGATE);
    kit_open(&k);
    assert_int_equal(k.o->n_stores, 3); /* groups, distinct, elements */
    kit_batch(&k, "+I k=1 v=5 s=a; +I k=1 v=5 s=b; +I k=1 v=7 s=a");
    kit_expect(&k, "+I 1|3|2|7|2\n");
    assert_int_equal(store_count(k.o->stores[1]), 4); /* v: 5, 7; s: a, b */
    assert_int_equal(store_count(k.o->stores[2]), 2);
    kit_batch(&k, "-D k=1 v=7 s=a");
    kit_expect(&k, "-U 1|3|2|7|2\n+U 1|2|1|5|2\n");
    kit_batch(&k, "-D k=1 v=5 s=a; -D k=1 v=5 s=b");
    kit_expect(&k, "-D 1|2|1|5|2\n");
    for (uint32_t i = 0; i < k.o->n_stores; i++)
        assert_int_equal(store_count(k.o->stores[i]), 0);
    kit_done(&k);
}

/* 60 batches of rows that come and go, with a restart after every `every`-th; the text that they make. */
static void walk(uint32_t every, char *ret, size_t room)
{
    struct { int k, v, s; } live[400];
    uint32_t n = 0, dice = 12345;
    kit_plan(&k, SETS, 8, NODE_AGGREGATE);
    kit_open(&k);
    for (uint32_t b = 1; b <= 60; b++) {
        char rows[512] = "";
        size_t len = 0;
        for (uint32_t i = 0; i < 6; i++) {
            dice = dice * 1664525u + 1013904223u;
            uint32_t r = dice >> 8;
            bool add = n == 0 || r % 5 < 3 - (b > 40) * 2;
            uint32_t at = add ? n++ : r / 8 % n;
            if (add)
                live[at].k = (int)(r / 8 % 5), live[at].v = (int)(r / 64 % 7), live[at].s = (int)(r / 512 % 3);
            len += (size_t)snprintf(rows + len, sizeof rows - len, "%s%s k=%d v=%d s=%c", len ? "; " : "", add ? "+I" : "-D", live[at].k,
                                    live[at].v, 'a' + live[at].s);
            if (!add)
                live[at] = live[--n];
        }
        kit_batch(&k, rows);
        assert_true(k.widest <= 8 && k.calls <= 2);
        if (every && b % every == 0)
            kit_restart(&k);
    }
    assert_false(k.failed);
    assert_true(k.len > 1000);
    assert_true(k.len < room);
    memcpy(ret, k.out, k.len + 1);
    kit_done(&k);
}

static void a_restart_changes_nothing(void **state)
{
    (void)state;
    static char whole[1 << 16], parts[1 << 16];
    static const uint32_t every[] = { 1, 3, 7, 20 };
    walk(0, whole, sizeof whole);
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        walk(every[i], parts, sizeof parts);
        assert_string_equal(whole, parts);
    }
}

/* Equal rows under a list: the first goes first, at the cost of its own entries. */
static void a_row_goes_out_of_a_list(void **state)
{
    (void)state;
    kit_plan(&k, KIT_TABLE("changes") "CREATE TABLE o (k BIGINT, l STRING) WITH ('connector' = 'any');"
                                      "INSERT INTO o SELECT k, LISTAGG(s) FROM g GROUP BY k", 8, NODE_AGGREGATE);
    kit_open(&k);
    kit_batch(&k, "+I k=1 s=a; +I k=1 s=b; +I k=1 s=a; +I k=1 s=c; +I k=1 s=a");
    kit_expect(&k, "+I 1|a,b,a,c,a\n");
    assert_int_equal(store_count(k.o->stores[1]), 5);
    kit_batch(&k, "-D k=1 s=a");
    kit_expect(&k, "-U 1|a,b,a,c,a\n+U 1|b,a,c,a\n");
    kit_restart(&k);
    kit_batch(&k, "-D k=1 s=a; +I k=1 s=a; +I k=1 s=d");
    kit_expect(&k, "-U 1|b,a,c,a\n+U 1|b,c,a,a,d\n");
    kit_restart(&k);
    kit_batch(&k, "-D k=1 s=a; -D k=1 s=b");
    kit_expect(&k, "-U 1|b,c,a,a,d\n+U 1|c,a,d\n");
    assert_int_equal(store_count(k.o->stores[1]), 3);
    kit_batch(&k, "-D k=1 s=a; +I k=1 s=a; -D k=1 s=d; -D k=1 s=c; +I k=2 s=z");
    kit_expect(&k, "-U 1|c,a,d\n+U 1|a\n+I 2|z\n");
    kit_batch(&k, "-D k=1 s=x; +I k=1 s=y; -D k=1 s=a"); /* x never came */
    kit_expect(&k, "-D 1|a\n");
    assert_int_equal(store_count(k.o->stores[1]), 1);
    kit_done(&k);
}

#define LISTS KIT_TABLE("changes") "CREATE TABLE o (k BIGINT, l STRING, a ARRAY<BIGINT>, m MULTISET<BIGINT>, j STRING, p DOUBLE)" \
                                   " WITH ('connector' = 'any'); INSERT INTO o SELECT k, LISTAGG(s), ARRAY_AGG(v), COLLECT(v), "  \
                                   "JSON_ARRAYAGG(s), PERCENTILE(v, 0.5) FROM g GROUP BY k"

#define SKETCHES KIT_TABLE("rows") "CREATE TABLE o (k BIGINT, d BIGINT, p DOUBLE, t ARRAY<ROW<`value` STRING, `count` BIGINT>>)"      \
                                   " WITH ('connector' = 'any'); INSERT INTO o SELECT k, APPROX_COUNT_DISTINCT(v), "               \
                                   "APPROX_PERCENTILE(v, 0.5), APPROX_TOP_K(s, 2) FROM g GROUP BY k"

static void first(struct kit *x) { kit_batch(x, "+I k=1 v=5 s=a; +I k=2 v=5 s=b; +I k=3 v=7"); }
static void second(struct kit *x) { kit_batch(x, "-D k=1 v=5 s=a; +I k=2 v=6 s=c; +I k=4 v=1 s=d"); }
static void more(struct kit *x) { kit_batch(x, "+I k=1 v=6 s=a; +I k=2 v=600 s=c; +I k=4 v=1 s=d"); }
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    kit_refuse_each(SETS, 4, NODE_AGGREGATE, true, first, second);
    kit_refuse_each(LISTS, 4, NODE_AGGREGATE, true, first, second);
    kit_refuse_each(SKETCHES, 4, NODE_AGGREGATE, true, first, more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_put_out_by_key),
        cmocka_unit_test(each_change_is_put_out),
        cmocka_unit_test(what_does_not_change_is_not_said),
        cmocka_unit_test(the_last_row_takes_the_group_with_it),
        cmocka_unit_test(elements_go_with_their_group),
        cmocka_unit_test(a_row_goes_out_of_a_list),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
