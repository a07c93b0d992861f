/* Types: names as Flink prints them, equality, copies, physical forms, schemas. */
#include "core/data/sample.h"

static void assert_name(struct arena *a, const struct type *t, const char *want)
{
    struct str name = type_name(a, t);
    if (!str_eq(name, str_from(want)))
        fail_msg("'%.*s' is not '%s'", STR_ARG(name), want);
}

static void test_names(void **state)
{
    (void)state;
    struct arena arena, *a = &arena;
    arena_init(a, NULL);
    static const struct {
        enum type_kind kind;
        const char *name;
    } basic[] = {
        { TYPE_NULL, "NULL" },
        { TYPE_BOOLEAN, "BOOLEAN" },
        { TYPE_TINYINT, "TINYINT" },
        { TYPE_SMALLINT, "SMALLINT" },
        { TYPE_INT, "INT" },
        { TYPE_BIGINT, "BIGINT" },
        { TYPE_FLOAT, "FLOAT" },
        { TYPE_DOUBLE, "DOUBLE" },
        { TYPE_DECIMAL, "DECIMAL(10, 0)" },
        { TYPE_CHAR, "CHAR(1)" },
        { TYPE_VARCHAR, "STRING" },
        { TYPE_BINARY, "BINARY(1)" },
        { TYPE_VARBINARY, "BYTES" },
        { TYPE_DATE, "DATE" },
        { TYPE_TIME, "TIME(0)" },
        { TYPE_TIMESTAMP, "TIMESTAMP(6)" },
        { TYPE_TIMESTAMP_LTZ, "TIMESTAMP_LTZ(6)" },
        { TYPE_INTERVAL_MONTH, "INTERVAL MONTH" },
        { TYPE_INTERVAL_DAY, "INTERVAL SECOND(3)" },
    };
    for (size_t i = 0; i < sizeof basic / sizeof basic[0]; i++)
        assert_name(a, type_basic(basic[i].kind), basic[i].name);
    assert_null(type_basic(TYPE_ROW));
    assert_null(type_basic(TYPE_MAP));
    assert_name(a, type_nullable(a, type_decimal(a, 10, 2), false), "DECIMAL(10, 2) NOT NULL");
    assert_name(a, type_with_length(a, TYPE_VARCHAR, 5), "VARCHAR(5)");
    assert_name(a, type_with_length(a, TYPE_VARBINARY, 5), "VARBINARY(5)");
    struct field fields[2] = { { STR("a"), type_basic(TYPE_INT) },
                               { STR("b`c"), type_nullable(a, type_string(), false) } };
    assert_name(a, type_array(a, type_row(a, fields, 2)), "ARRAY<ROW<`a` INT, `b``c` STRING NOT NULL>>");
    assert_name(a, type_map(a, type_string(), type_multiset(a, type_basic(TYPE_DATE))),
                "MAP<STRING, MULTISET<DATE>>");
    assert_name(a, type_row(a, NULL, 0), "ROW<>");
    struct type interval = *type_basic(TYPE_INTERVAL_DAY);
    interval.interval_from = UNIT_DAY;
    assert_name(a, &interval, "INTERVAL SECOND(3)"); /* the units are not in the name */
    arena_release(a);
}

static void test_physical_forms(void **state)
{
    (void)state;
    struct arena arena, *a = &arena;
    arena_init(a, NULL);
    assert_int_equal(type_phys(type_decimal(a, 18, 0)), PHYS_I64);
    assert_int_equal(type_phys(type_decimal(a, 19, 0)), PHYS_I128);
    assert_int_equal(type_phys(type_basic(TYPE_DATE)), PHYS_I32);
    assert_int_equal(type_phys(type_basic(TYPE_TIMESTAMP_LTZ)), PHYS_I64);
    assert_int_equal(type_phys(type_multiset(a, type_string())), PHYS_MAP);
    assert_int_equal(phys_size(PHYS_STRING), sizeof(struct strview));
    assert_int_equal(phys_size(PHYS_LIST), sizeof(struct listview));
    assert_int_equal(phys_size(PHYS_I128), 16);
    assert_int_equal(phys_size(PHYS_ROW), 0);
    arena_release(a);
}

static void test_equality(void **state)
{
    (void)state;
    struct arena arena, *a = &arena;
    arena_init(a, NULL);
    const struct type *i = type_basic(TYPE_INT), *not_null = type_nullable(a, i, false);
    assert_true(type_nullable(a, i, true) == i);
    assert_true(type_equal(i, not_null, false));
    assert_false(type_equal(i, not_null, true));
    assert_true(type_equal(type_array(a, i), type_array(a, not_null), false));
    assert_false(type_equal(type_array(a, i), type_array(a, not_null), true));
    assert_false(type_equal(type_decimal(a, 10, 2), type_decimal(a, 10, 3), false));
    assert_false(type_equal(type_decimal(a, 10, 2), type_decimal(a, 11, 2), false));
    assert_false(type_equal(type_array(a, i), type_multiset(a, i), false));
    assert_false(type_equal(type_map(a, i, i), type_map(a, type_string(), i), false));
    const struct type *t = type_basic(TYPE_TIMESTAMP);
    const struct type *event = type_with_time(a, t, TIME_EVENT);
    assert_int_equal(event->time, TIME_EVENT);
    assert_true(type_equal(t, event, true));
    struct schema s = sample_schema(a), copy = schema_copy(a, &s);
    assert_true(schema_equal(&s, &copy));
    assert_int_equal(schema_find(&copy, STR("c14")), 14);
    assert_int_equal(schema_find(&copy, STR("C14")), -1);
    for (uint32_t k = 0; k < s.n_fields; k++)
        for (uint32_t m = 0; m < s.n_fields; m++)
            assert_int_equal(type_equal(s.fields[k].type, copy.fields[m].type, true), k == m);
    struct schema shorter = { s.fields, s.n_fields - 1 };
    assert_false(schema_equal(&s, &shorter));
    arena_release(a);
}

static void test_refused_memory(void **state)
{
    (void)state;
    struct budget none;
    struct arena arena;
    budget_init(&none, "test", 16, NULL);
    arena_init(&arena, &none);
    const struct type *i = type_basic(TYPE_INT);
    assert_null(type_decimal(&arena, 10, 2));
    assert_null(type_array(&arena, i));
    assert_null(type_map(&arena, i, NULL));
    assert_null(type_name(&arena, i).ptr);
    struct schema s = { (struct field[]){ { STR("a"), i } }, 1 };
    assert_null(schema_copy(&arena, &s).fields);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_physical_forms),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
