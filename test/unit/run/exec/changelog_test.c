/* Row kinds to codes and back: what is left out, what fails, nothing copied but the codes. */
#include "kit.h"

#define TO(mapping)                                                                                                            \
    KIT_TABLE("changes")                                                                                                       \
    "CREATE TABLE o (s STRING, k BIGINT, v BIGINT) WITH ('connector' = 'any'); "                                               \
    "INSERT INTO o SELECT op, k, v FROM TO_CHANGELOG(input => TABLE g" mapping ")"
#define FROM(more)                                                                                                             \
    KIT_TABLE("rows")                                                                                                        \
    "CREATE TABLE o (k BIGINT, v BIGINT) WITH ('connector' = 'any'); "                                                         \
    "INSERT INTO o SELECT k, v FROM FROM_CHANGELOG(input => TABLE g, op => DESCRIPTOR(s)" more ")"

static struct kit k;

static void kinds_to_codes(void **state)
{
    (void)state;
    kit_plan(&k, TO(", op_mapping => MAP['INSERT, UPDATE_AFTER', 'put', 'DELETE', 'a code longer than twelve bytes']"), 8,
             NODE_TO_CHANGELOG);
    kit_open(&k);
    for (int life = 0; life < 2; life++) {
        kit_batch(&k, "+I k=1 v=5 s=q; -U k=1 v=5; +U k=1 v=6; -D k=2");
        kit_expect(&k, "+I 1|5|q|-|put\n+I 1|6|-|-|put\n+I 2|-|-|-|a code longer than twelve bytes\n");
        kit_batch(&k, "-U k=3 v=1");
        kit_expect(&k, "");
    }
    kit_done(&k);
}

static void codes_to_kinds(void **state)
{
    (void)state;
    kit_plan(&k, FROM(", op_mapping => MAP['c, r', 'INSERT', 'x', 'UPDATE_BEFORE', 'u', 'UPDATE_AFTER', 'd', 'DELETE'], "
                      "error_handling => 'SKIP'"), 8, NODE_FROM_CHANGELOG);
    kit_open(&k);
    kit_batch(&k, "+I k=1 s=c v=5; +I k=2 s=r; +I k=3; +I k=4 s=q; +I k=1 s=x v=5; +I k=1 s=u v=6; +I k=2 s=d");
    kit_expect(&k, "+I 1|5|c\n+I 2|-|r\n-U 1|5|x\n+U 1|6|u\n-D 2|-|d\n");
    kit_batch(&k, "+I k=3");
    kit_expect(&k, "");
    kit_done(&k);
}

static void some(struct kit *to)
{
    kit_batch(to, "+I k=1 s=INSERT v=5; +I k=2 s=INSERT v=5");
    to->len = 0;
}

static void memory_refused(void **state)
{
    (void)state;
    kit_refuse_each(TO(", op_mapping => MAP['INSERT', 'a code longer than twelve bytes']"), 2, NODE_TO_CHANGELOG, true, some,
                    some);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(kinds_to_codes), cmocka_unit_test(codes_to_kinds),
                                        cmocka_unit_test(memory_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
