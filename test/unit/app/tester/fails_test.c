/* A wrong expectation of every kind makes a test file fail, and the right one beside it passes; so each pair shows
 * that the record looks at what it says. The files are written into the working directory. Then the ways to run:
 * update, skip lists, JUnit, the harsh modes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "tester/tester.h"

#define FILE_NAME "tester_fails_test.test"
#define TABLE \
    "statement ok\nCREATE TABLE t (k STRING, v INT) WITH ('connector' = 'test', 'changelog-mode' = 'I,UB,UA,D')\n\n"
#define KEYED \
    "statement ok\nCREATE TABLE s (k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'test')\n\n"
#define SUMS "stream sums\nSELECT k, SUM(v) FROM t GROUP BY k\n\n"
#define ROWS "stream rows\nSELECT k, v FROM t\n\n"
#define TIMED \
    "statement ok\nCREATE TABLE e (v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'test')\n\n" \
    "stream w\nSELECT SUM(v) FROM TUMBLE(TABLE e, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, " \
    "window_end\n\n"

/* '@' stands for what is right in one run and wrong in the other. */
static const struct {
    const char *text, *right, *wrong;
} pairs[] = {
    { "query I\nSELECT 1 + 1\n----\n@\n", "2", "3" },
    { "query I\nSELECT 1 + 1\n----\n@\n", "2", "NULL" },
    { "query @\nSELECT 'a'\n----\na\n", "T", "I" },
    { "query @\nSELECT 'a'\n----\na\n", "T", "R" },
    { "query @\nSELECT 'a'\n----\na\n", "T", "TT" },
    { "query @\nSELECT 'a'\n----\na\n", "T", "Q" },
    { "query T\nSELECT CAST(NULL AS STRING)\n----\n@\n", "NULL", "(empty)" },
    { "query T\nSELECT ''\n----\n@\n", "(empty)", "NULL" },
    { "query R\nSELECT 1E0 / 3\n----\n@\n", "0.33333333333", "0.3333333" },
    { "query T\nSELECT MAP['a', 1, 'b', 2]\n----\n@\n", "{b=2, a=1}", "{b=1, a=2}" },
    { "query T\nSELECT '{a, b}'\n----\n@\n", "{a, b}", "{b, a}" },
    { "query TI\nSELECT 'a', 1\n----\n@\n", "a\t1", "a 1" },
    { "query I\nVALUES (1), (2)\n----\n@\n", "1\n2", "2\n1" },
    { "query I nosort\nVALUES (1), (2)\n----\n@\n", "1\n2", "2\n1" },
    { "query I rowsort\nVALUES (1), (2)\n----\n@\n", "2\n1", "2\n2" },
    { "query I rowsort\nVALUES (1), (2)\n----\n@\n", "2\n1", "2" },
    { "query I rowsort\nVALUES (1), (2)\n----\n@\n", "2\n1", "1\n2\n2" },
    { "query II valuesort\nVALUES (3, 1), (2, 4)\n----\n@\n", "1\n2\n3\n4", "1\n2\n3\n5" },
    { "query I\nSELECT 1\n@\n1\n", "----", "---" },
    { "query I\nSELECT @\n----\n1\n", "1", "nothing" },
    { "query T\nSELECT 'a\\b'\n----\n@\n", "a\\\\b", "a\\b" },
    { "statement @\nSELECT 1\n", "ok", "error" },
    { "statement @\nSELECT CAST('x' AS INT)\n", "error", "ok" },
    { "statement @\nSELECT nothing\n", "error no column", "error no table" },
    { "statement @\nSELECT nothing\n", "error no column", "error (no" },
    { "@ ok\nSELECT 1\n", "statement", "statment" },
    { TABLE "@\n", "halt", "include nowhere.test" },
    { TABLE ROWS "input @\n[\"a\", 1]\n", "t", "u" },
    { TABLE ROWS "input t\n[\"a\", 1]\n\noutput rows @\n----\na\t1\n", "append", "changelog" },
    { TABLE ROWS "input t\n[\"a\", 1]\n\noutput rows append @\n----\na\t1\n", "TI", "II" },
    { TABLE ROWS "input t\n[\"a\", 1]\n\noutput rows append @\n----\na\t1\n", "TI", "T" },
    { TABLE ROWS "input t\n[\"a\", 1]\n\noutput rows append\n----\n@\n", "a\t1", "a\t1\na\t1" },
    { TABLE ROWS "input t\n[\"a\", 1]\n\noutput rows append\n----\n@", "a\t1\n", "" },
    { TABLE ROWS "input t\n[\"a\", 1]\n@ [\"a\", 1]\n\noutput rows append\n----\na\t1\na\t1\n", "+I", "-D" },
    { TABLE ROWS "input t\n[\"a\", 1]\n[\"b\", 1]\n\noutput rows append nosort\n----\n@\n", "a\t1\nb\t1",
      "b\t1\na\t1" },
    { TABLE ROWS "input t\n[\"a\", 1]\n\noutput @ append\n----\na\t1\n", "rows", "row" },
    { TABLE ROWS "input t\n[\"a\", 1]\n\noutput rows append\n----\na\t1\n\noutput rows append\n----\n@", "", "a\t1\n" },
    { TABLE SUMS "input t\n[\"a\", 1]\n[\"a\", 2]\n\noutput sums changelog\n----\n+I\ta\t1\n-U\ta\t1\n@\ta\t3\n", "+U",
      "+I" },
    { TABLE SUMS "input t\n[\"a\", 1]\n[\"a\", 2]\n\noutput sums changelog\n----\n+I\ta\t1\n-U\ta\t1\n@\n", "+U\ta\t3",
      "+U\ta\t2" },
    { TABLE SUMS "input t\n[\"a\", 1]\n[\"a\", 2]\n\noutput sums changelog\n----\n@\n", "+I\ta\t1\n-U\ta\t1\n+U\ta\t3",
      "+I\ta\t3" },
    { TABLE SUMS "input t\n[\"a\", 1]\n[\"a\", 2]\n\noutput sums changelog nosort\n----\n@\n",
      "+I\ta\t1\n-U\ta\t1\n+U\ta\t3", "+I\ta\t1\n+U\ta\t3\n-U\ta\t1" },
    { TABLE SUMS "input t\n[\"a\", 1]\n[\"a\", 2]\n\noutput sums netted\n----\n@\n", "+I\ta\t3",
      "+I\ta\t1\n-U\ta\t1\n+U\ta\t3" },
    { TABLE SUMS "input t\n[\"a\", 1]\n[\"a\", 2]\n\noutput sums table\n----\n@\n", "a\t3", "a\t1" },
    { TABLE SUMS "input t\n[\"a\", 1]\n\noutput sums table\n----\n@\n", "a\t1", "a\t1\nb\t1" },
    { TABLE KEYED "statement ok\nINSERT INTO s SELECT k, SUM(CAST(v AS BIGINT)) FROM t GROUP BY k\n\ninput t\n[\"a\", "
                  "1]\n[\"a\", 2]\n\n"
                  "output s changelog\n----\n+I\ta\t1\n@\n",
      "+U\ta\t3", "-U\ta\t1\n+U\ta\t3" },
    { TABLE KEYED "statement ok\nINSERT INTO s SELECT k, SUM(CAST(v AS BIGINT)) FROM t GROUP BY k\n\ninput t\n[\"a\", "
                  "1]\n[\"a\", 2]\n\n"
                  "output s table\n----\n@\n",
      "a\t3", "a\t1\na\t3" },
    { TABLE ROWS "input t\n[\"a\", 1]\n[\"b\"]\n\nbad t\n----\n@\n", "[\"b\"]", "[\"c\"]" },
    { TABLE ROWS "input t\n[\"a\", 1]\n[\"b\"]\n\nbad t\n----\n@", "[\"b\"]\n", "" },
    { TABLE ROWS "input t\n[\"a\", 1]\n@\n\nbad t\n----\n[\"b\"]\n", "[\"b\"]", "[\"b\", 1]" },
    { TABLE "stream q\nSELECT 1 / v FROM t\n\ninput t\n[\"a\", 0]\n\nfailure @\n", "zero", "overflow" },
    { TABLE "stream q\nSELECT 1 / v FROM t\n\ninput t\n[\"a\", @]\n\nfailure\n", "0", "1" },
    { TABLE "stream q\nSELECT 1 / v FROM t\n\ninput t\n[\"a\", @]\n", "1", "0" },
    { TABLE "stream q\nSELECT @ FROM t\n", "k", "nothing" },
    { TABLE "@\nSELECT k FROM t\n\nstream q\nSELECT v FROM t\n", "stream p", "stream q" },
    { TIMED "input e\n[1, \"1970-01-01 00:00:05\"]\n[2, \"1970-01-01 00:00:0@\"]\n\nlate w\n----\n2\t1970-01-01 "
            "00:00:03.000\n",
      "3", "4" },
    { TIMED "input e\n[1, \"1970-01-01 00:00:05\"]\n[2, \"1970-01-01 00:00:03\"]\n\nlate w\n----\n@",
      "2\t1970-01-01 00:00:03.000\n", "" },
    { TIMED "input e\n[1, \"1970-01-01 00:00:05\"]\n\n@\n\noutput w append I\n----\n1\n", "end", "end t" },
    { TIMED "input e\n[1, \"1970-01-01 00:00:05\"]\n\noutput w append I\n----\n@", "", "1\n" },
    { "clock 1970-01-01 00:00:05\n\nclock 1970-01-01 00:00:0@\n\nquery T\nSELECT CURRENT_TIMESTAMP\n----\n1970-01-01 "
      "00:00:06.000\n",
      "6", "4" },
    { "clock @\n\nquery I\nSELECT 1\n----\n1\n", "1970-01-01 00:00:05", "noon" },
    { "query I\nSELECT 1\n----\n1\n\n@\n", "restart", "restart parallelism=none" },
    { "query I\nSELECT 1\n----\n1\n\n@\n", "crash", "crash now" },
    { "@query I\nSELECT 1\n----\n2\n\nquery I\nSELECT 1\n----\n1\n", "skipif weir\n", "onlyif weir\n" },
    { "@\n", "query I\nSELECT 1\n----\n1", "# nothing" },
};

static char said[20000];

static bool keep_line(void *arg, struct str line)
{
    (void)arg;
    size_t n = strlen(said);
    if (n + line.len + 2 < sizeof said) {
        memcpy(said + n, line.ptr, line.len);
        memcpy(said + n + line.len, "\n", 2);
    }
    return true;
}

static void write_file(const char *path, struct str text)
{
    struct error err = { 0 };
    if (os_write_file(os_real(), path, text.ptr, text.len, &err) != ST_OK)
        fail_msg("%s", err.message);
}

static struct tester_counts run(struct tester_config config)
{
    static const char *const paths[] = { FILE_NAME };
    struct tester_counts counts = { 0 };
    struct error err = { 0 };
    said[0] = 0;
    config.print = keep_line;
    if (tester_run(&config, paths, 1, &counts, &err) != ST_OK)
        fail_msg("%s", err.message);
    return counts;
}

static struct str filled(struct arena *a, const char *text, const char *with)
{
    const char *at = strchr(text, '@');
    assert_non_null(at);
    struct str s = arena_printf(a, "%.*s%s%s", (int)(at - text), text, with, at + 1);
    assert_non_null(s.ptr);
    return s;
}

static void test_each_kind(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, budget_process());
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        write_file(FILE_NAME, filled(&a, pairs[i].text, pairs[i].right));
        struct tester_counts c = run((struct tester_config){ 0 });
        if (c.failed || !c.passed)
            fail_msg("the right file %zu failed:\n%s", i, said);
        write_file(FILE_NAME, filled(&a, pairs[i].text, pairs[i].wrong));
        c = run((struct tester_config){ 0 });
        if (!c.failed)
            fail_msg("a wrong file passed:\n%s\nwith '%s'", pairs[i].text, pairs[i].wrong);
        assert_non_null(strstr(said, FILE_NAME ":"));
    }
    arena_release(&a);
}

static void test_report(void **state)
{
    (void)state;
    write_file(FILE_NAME, STR("\n# the case\nquery I\nSELECT 1\n----\n2\n\nskipif weir\nquery I\nSELECT "
                              "1\n----\n1\n\nquery I\nSELECT 5\n----\n5\n"));
    struct tester_counts c = run((struct tester_config){ 0 });
    assert_int_equal(c.passed, 1);
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.skipped, 1);
    assert_string_equal(said, FILE_NAME ":3: query I [the case]: wanted 1 rows, got 1\n    - 2\n    + 1\n"
                              "1 passed, 1 failed, 1 skipped\n");
}

static struct str read_back(struct arena *a, const char *path)
{
    struct buf b;
    struct error err = { 0 };
    buf_init(&b, budget_process(), 1 << 20);
    assert_int_equal(os_read_file(os_real(), path, 1 << 20, &b, &err), ST_OK);
    struct str s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}

static void test_update(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, budget_process());
    write_file(FILE_NAME, STR("# kept\nquery I rowsort\nVALUES (1), (2)\n----\n9\n8\n7\n\n" TABLE SUMS
                              "input t\n[\"a\", 1]\n\noutput sums changelog\n----\n\noutput sums table\n----"));
    struct tester_counts c = run((struct tester_config){ .update = true });
    assert_int_equal(c.failed, 0);
    struct str now = read_back(&a, FILE_NAME);
    if (!str_eq(now,
                STR("# kept\nquery I rowsort\nVALUES (1), (2)\n----\n1\n2\n\n" TABLE SUMS
                    "input t\n[\"a\", 1]\n\noutput sums changelog\n----\n+I\ta\t1\n\noutput sums table\n----\na\t1\n")))
        fail_msg("rewritten as:\n%.*s", STR_ARG(now));
    c = run((struct tester_config){ 0 });
    assert_int_equal(c.failed, 0);
    assert_int_equal(c.passed, 4);
    arena_release(&a);
}

static void test_skip_list(void **state)
{
    (void)state;
    write_file(FILE_NAME,
               STR("# one\nquery I\nSELECT 1\n----\n2\n\nquery I\nSELECT 1\n----\n3\n\nquery I\nSELECT 1\n----\n1\n"));
    write_file("tester_fails_test.skip", STR("# list\n" FILE_NAME "\tone\tjoin\n" FILE_NAME "\t7\tjoin\n"));
    struct tester_counts c = run((struct tester_config){ .skip = "tester_fails_test.skip" });
    assert_int_equal(c.passed, 1);
    assert_int_equal(c.failed, 0);
    assert_int_equal(c.skipped, 2);
    write_file("tester_fails_test.skip", STR(FILE_NAME "\t*\tjoin\n"));
    c = run((struct tester_config){ .skip = "tester_fails_test.skip" });
    assert_int_equal(c.skipped, 3);
    write_file("tester_fails_test.skip", STR("other_" FILE_NAME "\t*\tjoin\n"));
    assert_int_equal(run((struct tester_config){ .skip = "tester_fails_test.skip" }).failed, 2);
}

static void test_junit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, budget_process());
    write_file(FILE_NAME, STR("query T\nSELECT '<&>'\n----\nx\n\nquery I\nSELECT 1\n----\n1\n"));
    run((struct tester_config){ .junit = "tester_fails_test.xml" });
    struct str xml = read_back(&a, "tester_fails_test.xml");
    assert_true(str_find(xml, STR("<failure message=\"wanted 1 rows, got 1\">- x\n+ &#60;&#38;&#62;\n</failure>"), 0) >
                0);
    assert_true(str_find(xml, STR("line 6: query I\"></testcase>"), 0) > 0);
    arena_release(&a);
}

/* The harsh modes run the same records, and still see what is wrong. */
static void test_harsh(void **state)
{
    (void)state;
    static const struct tester_config modes[] = {
        { .batch = 7 },
        { .parallelism = 3 },
        { .restart_every = 1 },
        { .crash_every = 1 },
        { .crash_every = 2, .seed = 9 },
        { .shuffle = true, .seed = 4 },
    };
    static const char text[] = TABLE SUMS "input t\n[\"a\", 1]\n[\"b\", 2]\n[\"a\", 4]\n\noutput sums "
                                          "changelog\n----\n+I\ta\t1\n+I\tb\t2\n-U\ta\t1\n+U\ta\t@\n\n"
                                          "input t\n[\"b\", 8]\n\noutput sums changelog\n----\n-U\tb\t2\n+U\tb\t10\n";
    struct arena a;
    arena_init(&a, budget_process());
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(FILE_NAME, filled(&a, text, "5"));
        struct tester_counts c = run(modes[i]);
        if (c.failed)
            fail_msg("mode %zu:\n%s", i, said);
        write_file(FILE_NAME, filled(&a, text, "6"));
        if (!run(modes[i]).failed)
            fail_msg("mode %zu passes a wrong file", i);
    }
    arena_release(&a);
}

static int cleanup(void **state)
{
    (void)state;
    static const char *const paths[] = { FILE_NAME, "tester_fails_test.skip", "tester_fails_test.xml" };
    struct os *os = os_real();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        (void)!os->ops->unlink(os, paths[i], NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind), cmocka_unit_test(test_report), cmocka_unit_test(test_update),
        cmocka_unit_test(test_skip_list), cmocka_unit_test(test_junit), cmocka_unit_test(test_harsh),
    };
    return cmocka_run_group_tests(tests, NULL, cleanup);
}
