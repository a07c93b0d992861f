/* Rows wanted against rows got; tables and nets out of changelogs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tester/tester_private.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, budget_process());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* Rows as lines joined by '|', columns by tabs. */
static struct rows rows_of(const char *text, bool with_kind)
{
    struct rows r = { 0 };
    struct str rest = str_from(text);
    while (rest.ptr && rest.len) {
        struct cells *c = rows_add(&arena, &r);
        const char *fault;
        assert_non_null(c);
        assert_true(cells_parse(&arena, str_split(&rest, '|'), with_kind, c, &fault));
    }
    return r;
}

static bool equal(const char *types, bool ordered, const char *want, const char *got)
{
    struct rows w = rows_of(want, false), g = rows_of(got, false);
    bool is_map[] = { true, false, true, false }, same;
    struct compare c = {
        .arena = &arena, .types = str_from(types), .ordered = ordered, .is_map = is_map, .n_columns = 4
    };
    struct difference d;
    assert_true(rows_compare(&c, &w, &g, &same, &d));
    assert_int_equal(same, d.count == 0);
    return same;
}

static void test_letters(void **state)
{
    (void)state;
    assert_true(equal("I", true, "7", "7"));
    assert_true(equal("I", true, "07", "7"));
    assert_false(equal("I", true, "7", "8"));
    assert_false(equal("I", true, "7.0", "7"));
    assert_false(equal("I", true, "a", "a"));
    assert_false(equal("T", true, "07", "7"));
    assert_true(equal("R", true, "1.5", "1.50"));
    assert_true(equal("R", true, "1E3", "1000.0000000001"));
    assert_false(equal("R", true, "1000", "1000.01"));
    assert_true(equal("R", true, "NaN", "NaN"));
    assert_false(equal("R", true, "Infinity", "-Infinity"));
    assert_false(equal("R", true, "0", "1E-300"));
    assert_true(equal("IR", true, "NULL\tNULL", "NULL\tNULL"));
    assert_false(equal("I", true, "NULL", "0"));
    assert_false(equal("T", true, "NULL", "(empty)"));
    assert_true(equal("N", false, "1\ta|2.0\tNULL", "2\tNULL|1.0\ta"));
}

static void test_order(void **state)
{
    (void)state;
    assert_true(equal("", false, "a|b|a", "a|a|b"));
    assert_false(equal("", true, "a|b", "b|a"));
    assert_false(equal("", false, "a|b", "a|b|b"));
    assert_false(equal("", false, "a|b|b", "a|b"));
    assert_false(equal("", false, "a\tb", "a"));
    assert_true(equal("R", false, "1.0|2.0|2.0", "2|1|2.00"));
    assert_false(equal("R", false, "1.0|2.0|2.0", "2|1|1"));
}

static void test_maps(void **state)
{
    (void)state;
    assert_true(equal("", true, "{b=2, a=1}", "{a=1, b=2}"));
    assert_true(equal("", true, "{a=[2, 1], b={x=1, y=2}}", "{b={x=1, y=2}, a=[2, 1]}"));
    assert_false(equal("", true, "{a=[2, 1]}", "{a=[1, 2]}"));
    assert_false(equal("", true, "{b=2, a=1}", "{a=1, b=3}"));
    assert_false(equal("", true, "{a=1}", "{a=1, a=1}"));
    assert_false(equal("", true, "x\t{b, a}", "x\t{a, b}")); /* a text */
    assert_true(equal("", true, "{}", "{}"));
}

static void test_kinds(void **state)
{
    (void)state;
    struct rows want = rows_of("+I\t1|-D\t2", true), got = rows_of("+I\t1|+U\t2", true);
    struct compare c = { .arena = &arena, .with_kind = true };
    struct difference d;
    bool same;
    assert_true(rows_compare(&c, &want, &got, &same, &d));
    assert_false(same);
    assert_int_equal(d.count, 2);
    assert_true(str_eq(d.at[0], STR("- -D\t2")));
    assert_true(str_eq(d.at[1], STR("+ +U\t2")));
    struct cells one;
    const char *fault;
    assert_false(cells_parse(&arena, STR("2\tx"), true, &one, &fault));
    assert_non_null(fault);
    assert_false(cells_parse(&arena, STR("+I"), true, &one, &fault));
    assert_non_null(fault);
}

static void test_display(void **state)
{
    (void)state;
    assert_true(str_eq(cell_display(&arena, (struct str){ NULL, 0 }), STR("NULL")));
    assert_true(str_eq(cell_display(&arena, STR("")), STR("(empty)")));
    assert_true(str_eq(cell_display(&arena, STR("a\tb\nc\rd\\e")), STR("a\\tb\\nc\\rd\\\\e")));
    assert_int_equal(cell_display(&arena, str_make("a\0b", 3)).len, 3);
}

static void test_long_difference(void **state)
{
    (void)state;
    struct rows want = { 0 }, got = { 0 };
    for (uint32_t i = 0; i < 100; i++) {
        struct cells *c = rows_add(&arena, &got);
        struct str *cell = ARENA_NEW(&arena, struct str);
        assert_true(c && cell);
        *cell = arena_printf(&arena, "%u", i);
        *c = (struct cells){ cell, 1, ROW_INSERT };
    }
    struct compare c = { .arena = &arena };
    struct difference d;
    bool same;
    assert_true(rows_compare(&c, &want, &got, &same, &d));
    assert_false(same);
    assert_int_equal(d.count, DIFF_LINES + 1);
    assert_true(str_ends(d.at[DIFF_LINES], STR("76 more")));
}

static void folds_to(const char *changes, uint32_t n_key, const char *want)
{
    static const uint32_t key[] = { 0 };
    struct rows c = rows_of(changes, true), table = { 0 }, w = rows_of(want, false);
    struct error err = { 0 };
    struct compare k = { .arena = &arena, .ordered = true };
    struct difference d;
    bool same;
    assert_int_equal(rows_fold(&arena, &c, 0, c.count, key, n_key, &table, &err), ST_OK);
    assert_true(rows_compare(&k, &w, &table, &same, &d));
    if (!same)
        fail_msg("'%s' adds up to %u rows: %.*s", changes, table.count, STR_ARG(d.at[0]));
}

static void test_fold(void **state)
{
    (void)state;
    folds_to("+I\ta\t1|+I\ta\t1|-D\ta\t1", 0, "a\t1");
    folds_to("+I\ta\t1|-U\ta\t1|+U\ta\t2|+I\tb\t1", 0, "a\t2|b\t1");
    folds_to("+I\ta\t1|+I\tb\t5|+U\ta\t2", 1, "b\t5|a\t2");
    folds_to("+I\ta\t1|-D\ta\tNULL", 1, "");
    folds_to("+U\ta\t1|-D\tz\t1", 1, "a\t1");
    struct rows c = rows_of("+I\ta|-D\tb", true), table = { 0 };
    struct error err = { 0 };
    assert_int_equal(rows_fold(&arena, &c, 0, c.count, NULL, 0, &table, &err), ST_DATA);
}

static void test_net(void **state)
{
    (void)state;
    struct rows before = rows_of("a|b|b|c", false), after = rows_of("b|c|d|d", false), net = { 0 };
    struct rows want = rows_of("-D\ta|-D\tb|+I\td|+I\td", true);
    struct compare k = { .arena = &arena, .with_kind = true };
    struct difference d;
    bool same;
    assert_true(rows_net(&arena, &before, &after, &net));
    assert_true(rows_compare(&k, &want, &net, &same, &d));
    assert_true(same);
}

static void test_regex(void **state)
{
    (void)state;
    const char *fault;
    assert_true(regex_matches(STR("1:8: no (column|table) .*x"), STR("1:8: no column 'ax'"), &fault));
    assert_false(regex_matches(STR("^column"), STR("no column"), &fault));
    assert_null(fault);
    assert_false(regex_matches(STR("(a"), STR("a"), &fault));
    assert_non_null(fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_display, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_difference, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_net, setup, teardown),
        cmocka_unit_test_setup_teardown(test_regex, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
