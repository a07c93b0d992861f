/* Grouping sets: each row once for each set, nothing copied. */
#include "kit.h"

#define JOB(sets)                                                                                                                     \
    KIT_TABLE("changes")                                                                                                              \
    "CREATE TABLE o (k BIGINT, s STRING, n BIGINT) WITH ('connector' = 'any'); INSERT INTO o SELECT k, s, SUM(v) FROM g GROUP BY " sets

static struct kit k;

/* The set's number is an INT, which the kit does not print: it is looked at by hand. */
static void rows_once_a_set(void **state)
{
    (void)state;
    static const char *const want[3] = { "-U 5|1|a\n+I 6|2|-\n", "-U 5|1|-\n+I 6|2|-\n", "-U 5|-|-\n+I 6|-|-\n" };
    kit_plan(&k, JOB("ROLLUP (k, s)"), 8, NODE_EXPAND);
    kit_open(&k);
    kit_rows(&k, "-U k=1 s=a v=5; +I k=2 v=6");
    struct event ev = { .kind = EVENT_BATCH, .batch = k.in, .split = UINT32_MAX, .time = INT64_MIN };
    for (int life = 0; life < 2; life++)
        for (uint32_t set = 0; set < 3; set++) {
            struct emit out = { 0 };
            assert_int_equal(k.o->ops->batch(k.o, 0, &ev, &out, &k.err), set < 2 ? OP_MORE : OP_DONE);
            assert_int_equal(out.batch->schema->n_fields, 4);
            for (uint32_t row = 0; row < 2; row++)
                assert_int_equal(out.batch->cols[3].i32[row], set);
            struct schema three = { out.batch->schema->fields, 3 };
            out.batch->schema = &three;
            kit_say_rows(&k, &out);
            kit_expect(&k, want[set]);
        }
    kit_done(&k);
}

static void some(struct kit *to)
{
    kit_batch(to, "+I k=1 s=a v=5");
    to->len = 0;
}

static void memory_refused(void **state)
{
    (void)state;
    kit_refuse_each(JOB("CUBE (k, s)"), 2, NODE_EXPAND, true, some, some);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rows_once_a_set), cmocka_unit_test(memory_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
