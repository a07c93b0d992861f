/* Which partition an id belongs to, as Java hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/coord.h"

/* Expected values: "x".hashCode() of OpenJDK, Utils.abs of Kafka. */
static void test_partitions(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t n, partition;
    } cases[] = {
        { "", 50, 0 },           { "a", 50, 97 % 50 },
        { "group", 50, 98629247 % 50 }, { "polygenelubricants", 50, 0 }, /* hashes to the least number */
        { "\xc3\xa4", 50, 0xe4 % 50 },  { "\xf0\x9f\x98\x80", 1000, 1772899 % 1000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(coord_partition(str_from(cases[i].key), cases[i].n), cases[i].partition);
    assert_int_equal(coord_partition(STR("anything"), 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_partitions) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
