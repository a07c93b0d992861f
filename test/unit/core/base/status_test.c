/* The status table, and error objects at their borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/status.h"

#include <stdio.h>
#include <string.h>

static void test_table(void **state)
{
    (void)state;
    for (int st = 0; st < ST_COUNT; st++) {
        assert_true(strlen(status_name((enum status)st)) > 1);
        assert_int_equal(strlen(status_sqlstate((enum status)st)), 5);
        assert_in_range(status_http((enum status)st), 200, 599);
        assert_int_equal(status_exit_code((enum status)st) == 0, st == ST_OK);
        assert_int_equal(status_kafka((enum status)st) == 0, st == ST_OK);
        for (int other = 0; other < st; other++)
            assert_string_not_equal(status_name((enum status)st), status_name((enum status)other));
    }
}

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct {
        enum status st;
        int code;
    } cases[] = {
        { ST_USAGE, 2 },       { ST_SYNTAX, 2 },  { ST_SEMANTIC, 2 }, { ST_UNSUPPORTED, 2 }, { ST_DATA, 1 },
        { ST_EXPRESSION, 1 },  { ST_MEMORY, 1 },  { ST_IO, 1 },       { ST_FULL, 1 },        { ST_NOT_FOUND, 1 },
        { ST_EXISTS, 1 },      { ST_LIMIT, 1 },   { ST_LOCKED, 4 },   { ST_UNREACHABLE, 3 }, { ST_CORRUPT, 4 },
        { ST_MISMATCH, 4 },    { ST_BUG, 5 },     { ST_OK, 0 },       { ST_CANCELLED, 130 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(status_exit_code(cases[i].st), cases[i].code);
    assert_string_equal(status_name(ST_SYNTAX), "SYNTAX");
    assert_string_equal(status_sqlstate(ST_SYNTAX), "42601");
    assert_string_equal(status_name((enum status)999), "BUG");
    assert_int_equal(status_exit_code((enum status)-1), 5);
}

static void test_set_and_place(void **state)
{
    (void)state;
    struct error err;
    memset(&err, 0xFF, sizeof err);
    assert_int_equal(error_set(&err, ST_IO, "cannot open '%s'", "a"), ST_IO);
    assert_int_equal(err.status, ST_IO);
    assert_string_equal(err.message, "cannot open 'a'");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.place, "");
    assert_int_equal(err.line, 0);
    assert_int_equal(err.offset, -1);
    error_hint(&err, "try %d", 2);
    assert_string_equal(err.hint, "try 2");
    error_place(&err, "a.json", 3, 4, 77);
    assert_string_equal(err.place, "a.json");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 4);
    assert_int_equal(err.offset, 77);
    error_prefix(&err, "reading %s: ", "x");
    assert_string_equal(err.message, "reading x: cannot open 'a'");
    assert_string_equal(err.hint, "try 2");
    assert_int_equal(error_at(&err, ST_SYNTAX, 5, 6, "no"), ST_SYNTAX);
    assert_int_equal(err.line, 5);
    assert_int_equal(err.column, 6);
    assert_int_equal(err.offset, -1);
    assert_string_equal(err.hint, "");
    error_place(&err, NULL, 0, 0, -1);
    assert_string_equal(err.place, "");
    error_clear(&err);
    assert_int_equal(err.status, ST_OK);
}

static void test_null_is_allowed(void **state)
{
    (void)state;
    error_clear(NULL);
    assert_int_equal(error_set(NULL, ST_DATA, "x"), ST_DATA);
    assert_int_equal(error_at(NULL, ST_DATA, 1, 1, "x"), ST_DATA);
    error_hint(NULL, "x");
    error_place(NULL, "x", 1, 1, 1);
    error_prefix(NULL, "x");
}

static void test_own_text_as_argument(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ST_DATA, "inner");
    error_set(&err, ST_DATA, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner");
    error_hint(&err, "%s!", err.message);
    error_place(&err, err.message, 0, 0, -1);
    assert_string_equal(err.place, "outer: inner");
}

/* A cut text ends with a whole code point, wherever the border falls. */
static void test_cut(void **state)
{
    (void)state;
    struct error err;
    for (int lead = 0; lead < 4; lead++) {
        char text[900];
        memset(text, 'a', (size_t)lead);
        for (int i = lead; i + 3 < 899; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4);
        error_set(&err, ST_DATA, "%s", text);
        size_t len = strlen(err.message);
        assert_in_range(len, sizeof err.message - 3, sizeof err.message - 1);
        assert_int_equal((len - (size_t)lead) % 3, 0);
        error_prefix(&err, "%s", "prefix ");
        assert_int_equal((strlen(err.message) - 7 - (size_t)lead) % 3, 0);
        error_prefix(&err, "%s", text);
        assert_true(strlen(err.message) < sizeof err.message);
        error_hint(&err, "%s", text);
        assert_int_equal((strlen(err.hint) - (size_t)lead) % 3, 0);
        error_place(&err, text, 0, 0, -1);
        assert_true(strlen(err.place) < sizeof err.place);
    }
    char huge[5000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    error_set(&err, ST_DATA, "%s", huge);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static enum status twice(enum status st, int *ran_on)
{
    TRY(st);
    *ran_on = 1;
    return ST_OK;
}

static void test_try(void **state)
{
    (void)state;
    int ran_on = 0;
    assert_int_equal(twice(ST_FULL, &ran_on), ST_FULL);
    assert_int_equal(ran_on, 0);
    assert_int_equal(twice(ST_OK, &ran_on), ST_OK);
    assert_int_equal(ran_on, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),           cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_set_and_place),   cmocka_unit_test(test_null_is_allowed),
        cmocka_unit_test(test_own_text_as_argument), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
