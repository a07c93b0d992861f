/* Casts: a table of source type, source text, target type, what comes out ("error": the run fails, and TRY_CAST is
 * NULL; "refused": there is no such cast). The facts are Flink 2.3's. */
#include "expr_help.h"

static const struct {
    const char *from, *value, *to, *want;
} table[] = {
    { "STRING", " 12 ", "INT", "12" },
    { "STRING", "1.9", "INT", "1" },
    { "STRING", "-1.9", "INT", "-1" },
    { "STRING", "abc", "INT", "error" },
    { "STRING", "", "INT", "error" },
    { "STRING", "1e3", "INT", "error" },
    { "STRING", "2147483648", "INT", "error" },
    { "STRING", "128", "TINYINT", "error" },
    { "STRING", "9223372036854775807", "BIGINT", "9223372036854775807" },
    { "STRING", "x", "BIGINT", "error" },
    { "STRING", " 1.5e1 ", "DOUBLE", "15.0" },
    { "STRING", "nix", "DOUBLE", "error" },
    { "STRING", "100.004", "DECIMAL(7,2)", "100.00" },
    { "STRING", "123", "DECIMAL(2,0)", "NULL" },
    { "STRING", "1x", "DECIMAL(7,2)", "error" },
    { "STRING", "Yes", "BOOLEAN", "TRUE" },
    { "STRING", "0", "BOOLEAN", "FALSE" },
    { "STRING", "maybe", "BOOLEAN", "error" },
    { "STRING", "2020-01-02", "DATE", "2020-01-02" },
    { "STRING", "2020-01-02 10:00:00", "DATE", "2020-01-02" },
    { "STRING", "2020-13-02", "DATE", "error" },
    { "STRING", "12:34:56", "TIME", "12:34:56" },
    { "STRING", "25:00:00", "TIME", "error" },
    { "STRING", "2020-01-01 12:00", "TIMESTAMP(3)", "error" },
    { "STRING", "2020-01-01 12:00:01.5", "TIMESTAMP(3)", "2020-01-01 12:00:01.500" },
    { "STRING", "1999-9-10", "TIMESTAMP(6)", "1999-09-10 00:00:00.000000" },
    { "STRING", "abc", "CHAR(5)", "abc  " },
    { "STRING", "abcdef", "CHAR(3)", "abc" },
    { "STRING", "\xC3\xA4\xC3\xB6\xC3\xBC", "VARCHAR(2)", "\xC3\xA4\xC3\xB6" },
    { "INT", "300", "TINYINT", "44" },
    { "INT", "-129", "TINYINT", "127" },
    { "BIGINT", "4294967297", "INT", "1" },
    { "INT", "5", "BOOLEAN", "TRUE" },
    { "INT", "5", "DECIMAL(3,1)", "5.0" },
    { "INT", "500", "DECIMAL(3,1)", "NULL" },
    { "INT", "7", "STRING", "7" },
    { "INT", "7", "DATE", "refused" },
    { "INT", "7", "TIMESTAMP(3)", "refused" },
    { "DOUBLE", "1E20", "INT", "2147483647" },
    { "DOUBLE", "-1E20", "BIGINT", "-9223372036854775808" },
    { "DOUBLE", "NaN", "INT", "0" },
    { "DOUBLE", "1E20", "TINYINT", "-1" },
    { "DOUBLE", "2.5", "INT", "2" },
    { "DOUBLE", "10000000", "STRING", "1.0E7" },
    { "DOUBLE", "0.0001", "STRING", "1.0E-4" },
    { "FLOAT", "1.1", "DECIMAL(5,2)", "1.10" },
    { "DECIMAL(10,3)", "646.646", "DECIMAL(10,2)", "646.65" },
    { "DECIMAL(10,3)", "-646.646", "INT", "-646" },
    { "DECIMAL(10,3)", "646.646", "DECIMAL(4,2)", "NULL" },
    { "DECIMAL(10,3)", "1.5", "STRING", "1.500" },
    { "DECIMAL(30,3)", "123456789012345678901.5", "DOUBLE", "1.2345678901234568E20" },
    { "BOOLEAN", "true", "INT", "1" },
    { "BOOLEAN", "true", "STRING", "TRUE" },
    { "DATE", "1990-10-14", "TIMESTAMP(3)", "1990-10-14 00:00:00.000" },
    { "DATE", "1990-10-14", "TIME", "refused" },
    { "TIME", "10:20:45", "TIMESTAMP(3)", "1970-01-01 10:20:45.000" },
    { "TIMESTAMP(9)", "1970-01-01 00:00:00.123456789", "TIMESTAMP(6)", "1970-01-01 00:00:00.123456" },
    { "TIMESTAMP(3)", "1970-01-01 00:00:00.999", "TIMESTAMP(0)", "1970-01-01 00:00:00" },
    { "TIMESTAMP(3)", "1969-12-31 23:59:59.999", "DATE", "1969-12-31" },
    { "TIMESTAMP(3)", "1969-12-31 23:59:59.999", "TIME", "23:59:59" },
    { "TIMESTAMP(3)", "1969-12-31 23:59:59.999", "BIGINT", "refused" },
    { "BYTES", "hello", "STRING", "hello" },
    { "BYTES", "hello", "BINARY(3)", "hel" },
    { "BYTES", "\xFFx", "STRING", "\xEF\xBF\xBDx" },
};

static const struct expr *source(struct fixture *f, size_t i)
{
    const struct expr *e = text(f, table[i].value);
    if (strcmp(table[i].from, "BYTES") == 0) {
        const struct expr *b = NULL;
        return ok(f, expr_bytes(&f->env, str_from(table[i].value), &b, &f->err), &b);
    }
    return cast(f, e, table[i].from);
}

static void test_table(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct expr *from = source(f, i), *e, *gentle;
        const struct type *to = type_of(f, table[i].to);
        enum status st = expr_cast(&f->env, from, to, false, 4, 2, &e, &f->err);
        if (strcmp(table[i].want, "refused") == 0) {
            assert_int_equal(st, ST_SEMANTIC);
            assert_int_equal(f->err.line, 4);
            continue;
        }
        assert_int_equal(st, ST_OK);
        assert_int_equal(expr_cast(&f->env, from, to, true, 4, 2, &gentle, &f->err), ST_OK);
        assert_true(gentle->type->nullable);
        char got[512];
        if (strcmp(table[i].want, "error") == 0) {
            assert_int_equal(evaluate(f, e, got, sizeof got), ST_EXPRESSION);
            assert_int_equal(f->err.line, 4);
            assert_value(f, gentle, "NULL");
            continue;
        }
        st = evaluate(f, e, got, sizeof got);
        if (st != ST_OK || strcmp(got, table[i].want) != 0)
            fail_msg("CAST(%s '%s' AS %s): wanted %s, got %s", table[i].from, table[i].value, table[i].to,
                table[i].want,
                     st == ST_OK ? got : f->err.message);
        assert_value(f, gentle, table[i].want);
    }
}

static void test_zones(void **state)
{
    struct fixture *f = *state;
    assert_true(zone_parse(STR("GMT+8"), &f->env.zone));
    const struct expr *ltz = cast(f, text(f, "1970-01-01 08:00:01"), "TIMESTAMP_LTZ(3)");
    assert_value(f, ltz, "1970-01-01 08:00:01.000");
    assert_value(f, cast(f, ltz, "TIMESTAMP(3)"), "1970-01-01 08:00:01.000");
    assert_value(f, CALL(f, "=", ltz, CALL(f, "TO_TIMESTAMP_LTZ", number(f, "1"), number(f, "0"))), "TRUE");
    assert_value(f, cast(f, CALL(f, "TO_TIMESTAMP_LTZ", number(f, "-1"), number(f, "0")), "DATE"), "1970-01-01");
}

static void test_nested(void **state)
{
    struct fixture *f = *state;
    const struct expr *array = CALL(f, "ARRAY", number(f, "1"), null(f, "INT"), number(f, "3"));
    assert_value(f, cast(f, array, "ARRAY STRING"), "[1, NULL, 3]");
    assert_value(f, cast(f, array, "STRING"), "[1, NULL, 3]");
    assert_value(f, cast(f, array, "ARRAY DECIMAL(3,1)"), "[1.0, NULL, 3.0]");
    const struct expr *bad = CALL(f, "ARRAY", text(f, "1"), text(f, "x")), *e;
    char got[100];
    assert_int_equal(evaluate(f, cast(f, bad, "ARRAY INT"), got, sizeof got), ST_EXPRESSION);
    assert_int_equal(expr_cast(&f->env, bad, type_of(f, "ARRAY INT"), true, 1, 1, &e, &f->err), ST_OK);
    assert_value(f, e, "[1, NULL]");
    struct field fields[2] = { { STR("i"), type_of(f, "BIGINT") }, { STR("t"), type_of(f, "TIME") } };
    const struct expr *row = CALL(f, "ROW", number(f, "12"), text(f, "12:34:56"));
    assert_int_equal(expr_cast(&f->env, row, type_row(&f->arena, fields, 2), false, 1, 1, &e, &f->err), ST_OK);
    assert_value(f, e, "(12, 12:34:56)");
    assert_value(f, cast(f, e, "STRING"), "(12, 12:34:56)");
    const struct expr *map = CALL(f, "MAP", text(f, "a"), number(f, "1"), text(f, "b"), number(f, "2"));
    assert_int_equal(expr_cast(&f->env, map, type_map(&f->arena, type_of(f, "STRING"), type_of(f, "STRING")), false, 1,
        1,
                               &e, &f->err), ST_OK);
    assert_value(f, e, "{a=1, b=2}");
}

/* What INSERT casts by itself. */
static void test_implicit(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *from, *to;
        bool fits;
    } rows[] = { { "INT", "BIGINT", true },     { "BIGINT", "INT", false },         { "BIGINT", "STRING", false },
                 { "STRING", "INT", false },    { "DECIMAL(23,3)", "DOUBLE", true }, { "DOUBLE", "DECIMAL(5,2)", true },
                 { "DOUBLE", "FLOAT", false },  { "CHAR(3)", "STRING", true },      { "TIMESTAMP(6)", "TIMESTAMP(3)",
                     true },
                 { "DATE", "TIMESTAMP(3)", false }, { "NULL", "INT", true },        { "TIMESTAMP(3)",
                     "TIMESTAMP_LTZ(3)", true } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct expr *e;
        const struct expr *from = strcmp(rows[i].from, "NULL") == 0 ? null(f, "NULL") : column(f, 0, rows[i].from);
        enum status st = expr_coerce(&f->env, from, type_of(f, rows[i].to), &e, &f->err);
        if ((st == ST_OK) != rows[i].fits)
            fail_msg("%s to %s: %s", rows[i].from, rows[i].to, status_name(st));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_zones, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_nested, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_implicit, fixture_new, fixture_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
