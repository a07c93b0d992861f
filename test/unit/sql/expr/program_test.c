/* Trees, typing and programs: what is built has Flink's types; what runs gives the right rows with and without NULLs and
 * selections; lazy branches protect rows that do not reach them. */
#include "expr_help.h"

static void test_literals(void **state)
{
    struct fixture *f = *state;
    assert_type(number(f, "12"), "INT NOT NULL");
    assert_type(number(f, "2147483648"), "BIGINT NOT NULL");
    assert_type(number(f, "0.908"), "DECIMAL(4, 3) NOT NULL");
    assert_type(number(f, "1e3"), "DOUBLE NOT NULL");
    assert_type(text(f, "abc"), "CHAR(3) NOT NULL");
    assert_value(f, number(f, "1234567890123456789012"), "1234567890123456789012");
    const struct expr *e;
    assert_int_equal(expr_interval(&f->env, false, STR("1 02:03:04.5"), UNIT_DAY, UNIT_SECOND, -1, &e, &f->err), ST_OK);
    assert_value(f, e, "+1 02:03:04.500");
    assert_int_equal(expr_interval(&f->env, false, STR("2-10"), UNIT_YEAR, UNIT_MONTH, -1, &e, &f->err), ST_OK);
    assert_value(f, e, "+2-10");
    assert_int_equal(expr_interval(&f->env, false, STR("x"), UNIT_DAY, UNIT_NONE, -1, &e, &f->err), ST_SEMANTIC);
    assert_int_equal(expr_interval(&f->env, false, STR("1:2"), UNIT_DAY, UNIT_HOUR, -1, &e, &f->err), ST_SEMANTIC);
    assert_int_equal(expr_datetime(&f->env, TYPE_DATE, STR("2020-02-30"), &e, &f->err), ST_SEMANTIC);
    assert_int_equal(expr_datetime(&f->env, TYPE_TIMESTAMP, STR("2020-02-28 10:00:00.1234"), &e, &f->err), ST_OK);
    assert_type(e, "TIMESTAMP(4) NOT NULL");
}

/* operator, left type, right type, result type ("" : refused) */
static void test_typing(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *op;
        const char *left, *right, *result;
    } rows[] = {
        { "+", "INT", "INT", "INT" },
        { "+", "TINYINT", "SMALLINT", "SMALLINT" },
        { "+", "INT", "BIGINT", "BIGINT" },
        { "*", "FLOAT", "INT", "FLOAT" },
        { "*", "FLOAT", "DECIMAL(5,2)", "DOUBLE" },
        { "/", "INT", "DECIMAL(5,2)", "DECIMAL(18, 6)" },
        { "+", "DECIMAL(10,2)", "DECIMAL(10,4)", "DECIMAL(13, 4)" },
        { "+", "DECIMAL(38,10)", "DECIMAL(38,28)", "DECIMAL(38, 9)" },
        { "%", "BIGINT", "INT", "INT" },
        { "%", "DECIMAL(19,0)", "INT", "DECIMAL(10, 0)" },
        { "=", "INT", "STRING", "BOOLEAN" },
        { "=", "DATE", "STRING", "BOOLEAN" },
        { "=", "DATE", "INT", "" },
        { "<", "BOOLEAN", "INT", "" },
        { "-", "TIMESTAMP(3)", "TIMESTAMP(3)", "" },
        { "-", "TIMESTAMP(3)", "INTERVAL", "TIMESTAMP(3)" },
        { "+", "INTERVAL", "TIMESTAMP(3)", "TIMESTAMP(3)" },
        { "-", "INTERVAL", "TIMESTAMP(3)", "" },
        { "*", "INTERVAL", "INT", "INTERVAL SECOND(3)" },
        { "AND", "BOOLEAN", "BOOLEAN", "BOOLEAN" },
        { "AND", "BOOLEAN", "INT", "" },
        { "IS DISTINCT FROM", "INT", "BIGINT", "BOOLEAN NOT NULL" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct expr *args[2] = { column(f, 0, rows[i].left), column(f, 1, rows[i].right) }, *e = NULL;
        enum status st = expr_call(&f->env, str_from(rows[i].op), args, 2, 1, 1, &e, &f->err);
        if (!rows[i].result[0]) {
            if (st != ST_SEMANTIC)
                fail_msg("%s %s %s should be refused", rows[i].left, rows[i].op, rows[i].right);
            continue;
        }
        if (st != ST_OK)
            fail_msg("%s %s %s: %s", rows[i].left, rows[i].op, rows[i].right, f->err.message);
        assert_type(e, rows[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_literals, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_typing, fixture_new, fixture_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
