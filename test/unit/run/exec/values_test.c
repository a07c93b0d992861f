/* VALUES: in batches, once, by the first shard only; UNION ALL and exchanges pass what comes as it is. */
#include "kit.h"

#define JOB "CREATE TABLE o (k BIGINT, s STRING) WITH ('connector' = 'any'); INSERT INTO o VALUES "                                       \
            "(CAST(1 AS BIGINT), CAST('a' AS STRING)), (2, 'b'), (3, CAST(NULL AS STRING))"
#define BOTH                                                                                                                          \
    KIT_TABLE("changes")                                                                                                              \
    "CREATE TABLE o (k BIGINT, s STRING) WITH ('connector' = 'any'); INSERT INTO o SELECT k, s FROM g UNION ALL SELECT v, s FROM g"

static struct kit k;

static void in_batches_and_once(void **state)
{
    (void)state;
    kit_plan(&k, JOB, 2, NODE_VALUES);
    kit_open(&k);
    assert_false(k.o->ended);
    kit_drive(&k, KIT_POLL, NULL);
    kit_expect(&k, "+I 1|a\n+I 2|b\n");
    assert_false(k.o->ended);
    kit_restart(&k);
    assert_false(k.o->ended);
    kit_drive(&k, KIT_POLL, NULL);
    kit_expect(&k, "+I 3|-\n");
    assert_true(k.o->ended);
    kit_restart(&k);
    assert_true(k.o->ended && k.o->silent);
    k.ctx.shard = 1;
    k.ctx.shards = 2;
    k.journal.len = 0;
    kit_open(&k);
    assert_true(k.o->ended && k.o->silent); /* not this shard's, though nothing has been put out */
    kit_done(&k);
}

static void rows_pass_as_they_are(void **state)
{
    (void)state;
    static const enum node_kind kinds[] = { NODE_UNION, NODE_EXCHANGE };
    for (size_t i = 0; i < 2; i++) {
        kit_plan(&k, i ? KIT_TABLE("rows") "CREATE TABLE o (n BIGINT) WITH ('connector' = 'any'); INSERT INTO o SELECT COUNT(*) FROM g"
                           " GROUP BY k, s" : BOTH, 8, kinds[i]);
        kit_open(&k);
        kit_batch(&k, "+I k=1 s=a; -U k=2; +U k=2 s=b; -D k=1 s=a");
        kit_expect(&k, "+I 1|a\n-U 2|-\n+U 2|b\n-D 1|a\n");
        assert_int_equal(k.calls, 1);
        kit_done(&k);
    }
}

static void some(struct kit *to)
{
    while (!to->failed && !to->o->ended)
        kit_drive(to, KIT_POLL, NULL);
    to->len = 0;
}

static void memory_refused(void **state)
{
    (void)state;
    kit_refuse_each(JOB, 2, NODE_VALUES, true, some, some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_batches_and_once),
        cmocka_unit_test(rows_pass_as_they_are),
        cmocka_unit_test(memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
