/* Test files into records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tester/tester_private.h"

static struct arena arena;
static struct sim *sim;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, budget_process());
    sim = sim_new(1, budget_process());
    return sim ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    sim_free(sim);
    arena_release(&arena);
    return 0;
}

static struct test_file read_text(const char *text)
{
    struct test_file f;
    struct error err = { 0 };
    assert_int_equal(test_text_read(sim_os(sim), STR("/dir/a.test"), str_from(text), &arena, &f, &err), ST_OK);
    return f;
}

static void same(struct str got, const char *want)
{
    if (!str_eq(got, str_from(want)))
        fail_msg("wanted '%s', got '%.*s'", want, STR_ARG(got));
}

static void test_statement_and_query(void **state)
{
    (void)state;
    struct test_file f =
        read_text("# about\n\n# case-1\nstatement ok\nSELECT 1,\n  2\n\nstatement error no .*x  \nSELECT x\n\n"
                  "query IT rowsort\nSELECT 1, '#'\n----\n1\t#\n# no comment\n\n");
    assert_int_equal(f.count, 3);
    assert_int_equal(f.at[0].kind, RECORD_STATEMENT);
    assert_int_equal(f.at[0].line, 4);
    same(f.at[0].label, "case-1");
    same(f.at[0].text, "SELECT 1,\n  2");
    assert_true(f.at[1].expect_error);
    same(f.at[1].regex, "no .*x");
    assert_int_equal(f.at[1].label.len, 0);
    assert_int_equal(f.at[2].kind, RECORD_QUERY);
    same(f.at[2].types, "IT");
    assert_int_equal(f.at[2].sort, SORT_ROWS);
    assert_int_equal(f.at[2].n_lines, 2);
    assert_int_equal(f.at[2].results_line, 14);
    same(f.at[2].lines[1], "# no comment");
}

static void test_streams(void **state)
{
    (void)state;
    struct test_file f =
        read_text("stream s\nSELECT 1\n\ninput t\n[1]\n-D [2]\n\nwatermark t 1970-01-01 00:00:01.500\n\n"
                  "clock 2026-01-01 00:00:00\n\nend\n\nend t\n\noutput s changelog IT nosort\n----\n\n"
                  "output s netted\n----\n+I\t1\n\nrestart parallelism=3\n\nrestart\n\ncrash\n\noracle s\nSELECT 1\n\n"
                  "failure boom\n\nlate s\n----\n1\n\nbad t\n----\nx\n\nhalt");
    static const enum record_kind kinds[] = {
        RECORD_STREAM,  RECORD_INPUT,  RECORD_WATERMARK, RECORD_CLOCK,   RECORD_END,   RECORD_END,
        RECORD_OUTPUT,  RECORD_OUTPUT, RECORD_RESTART,   RECORD_RESTART, RECORD_CRASH, RECORD_ORACLE,
        RECORD_FAILURE, RECORD_LATE,   RECORD_BAD,       RECORD_HALT,
    };
    assert_int_equal(f.count, sizeof kinds / sizeof *kinds);
    for (uint32_t i = 0; i < f.count; i++)
        assert_int_equal(f.at[i].kind, kinds[i]);
    assert_int_equal(f.at[1].n_lines, 2);
    assert_int_equal(f.at[2].time_ms, 1500);
    assert_int_equal(f.at[4].name.len, 0);
    same(f.at[5].name, "t");
    assert_int_equal(f.at[6].mode, OUTPUT_CHANGELOG);
    assert_int_equal(f.at[6].sort, SORT_NONE);
    assert_int_equal(f.at[6].n_lines, 0);
    assert_int_equal(f.at[7].sort, SORT_ROWS);
    assert_int_equal(f.at[8].parallelism, 3);
    assert_int_equal(f.at[9].parallelism, 0);
}

static void test_conditions(void **state)
{
    (void)state;
    struct test_file f =
        read_text("skipif weir\nhalt\n\nonlyif weir\nhalt\n\nskipif flink\nhalt\n\nonlyif flink\nhalt\n");
    assert_int_equal(f.count, 4);
    assert_true(f.at[0].skip);
    assert_false(f.at[1].skip);
    assert_false(f.at[2].skip);
    assert_true(f.at[3].skip);
}

static void test_broken(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "nonsense\n",
        "statement maybe\nSELECT 1\n",
        "statement ok\n",
        "query\nSELECT 1\n----\n1\n",
        "query X\nSELECT 1\n----\n1\n",
        "query T sorted\nSELECT 1\n----\n1\n",
        "query T\nSELECT 1\n",
        "output s\n----\n1\n",
        "output s sideways\n----\n1\n",
        "output s table\n1\n",
        "clock noon\n",
        "restart parallelism=0\n",
        "restart now\n",
        "watermark t\n",
        "end t u\n",
        "input\n[1]\n",
        "crash\n[1]\n",
        "include missing.test\n",
        "output s table T T\n----\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct test_file f = read_text(texts[i]);
        assert_int_equal(f.count, 1);
        if (f.at[0].kind != RECORD_BROKEN)
            fail_msg("'%s' was taken", texts[i]);
        assert_non_null(f.at[0].fault);
    }
    assert_int_equal(read_text("").count, 0);
    assert_int_equal(read_text("# only this\n\n").count, 0);
}

static void test_lines(void **state)
{
    (void)state;
    struct test_file f = read_text("\xef\xbb\xbfquery T\r\nSELECT 1\r\n----\r\nA\r\n\r\nquery T\nSELECT 2\n----\nB");
    assert_int_equal(f.count, 2);
    same(f.at[0].lines[0], "A");
    same(f.at[1].lines[0], "B");
    struct error err = { 0 };
    static const char nul[] = "query T\nSELECT '\0'\n----\n\0\n";
    assert_int_equal(test_text_read(sim_os(sim), STR("n"), str_make(nul, sizeof nul - 1), &arena, &f, &err), ST_OK);
    assert_int_equal(f.at[0].text.len, 10);
    assert_int_equal(f.at[0].lines[0].len, 1);
}

static void test_include(void **state)
{
    (void)state;
    static const char inner[] = "halt\n", loop[] = "include loop.test\n";
    assert_int_equal(sim_put_file(sim, "/dir/sub/b.test", inner, sizeof inner - 1), ST_OK);
    assert_int_equal(sim_put_file(sim, "/dir/loop.test", loop, sizeof loop - 1), ST_OK);
    struct test_file f = read_text("include sub/b.test\n\ncrash\n");
    assert_int_equal(f.count, 2);
    same(f.at[0].file, "/dir/sub/b.test");
    assert_int_equal(f.at[0].line, 1);
    same(f.at[1].file, "/dir/a.test");
    assert_int_equal(f.at[1].line, 3);
    f = read_text("include loop.test\n");
    assert_int_equal(f.count, 1);
    assert_int_equal(f.at[0].kind, RECORD_BROKEN);
}

static void test_quoted_names(void **state)
{
    (void)state;
    struct test_file f = read_text("input `a b`\n[1]\n\nwatermark `a b` 1970-01-01 00:00:01\n");
    same(f.at[0].name, "a b");
    same(f.at[1].name, "a b");
    assert_int_equal(f.at[1].time_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_statement_and_query, setup, teardown),
        cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_include, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quoted_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
