/* Arguments: every spelling of an option, and every way to get one wrong, all findings at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

#define PARSE(command, ...)                                                                                            \
    parse(command, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
static struct cli_args parse(const char *command, const char *const *argv, int argc)
{
    struct cli_args args = { 0 };
    assert_true(cli_parse(cli_command_find(str_from(command)), argc, argv, &arena, &args));
    return args;
}

static void assert_str(struct str have, const char *wanted)
{
    assert_int_equal(have.len, strlen(wanted));
    assert_memory_equal(have.ptr, wanted, have.len);
}

static void test_spellings(void **state)
{
    (void)state;
    static const char *const ways[][3] = {
        { "-p", "3", NULL },
        { "-p3", NULL, NULL },
        { "-p=3", NULL, NULL },
        { "--parallelism", "3", NULL },
        { "--parallelism=3", NULL, NULL },
        { "-qp3", NULL, NULL },
        { "-qp", "3", NULL },
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct cli_args a = parse("run", ways[i], ways[i][1] ? 2 : 1);
        assert_int_equal(a.n_problems, 0);
        assert_int_equal(args_number(&a, O_PARALLELISM, 1), 3);
        assert_int_equal(args_has(&a, O_QUIET), ways[i][0][1] == 'q');
        assert_int_equal(a.n_rest, 0);
    }
}

static void test_values(void **state)
{
    (void)state;
    struct cli_args a =
        PARSE("run", "job.sql", "--memory-limit", "64MiB", "--commit-interval=2s", "-o", "CSV", "--final");
    assert_int_equal(a.n_problems, 0);
    assert_int_equal(args_number(&a, O_MEMORY_LIMIT, 0), 64 << 20);
    assert_int_equal(args_number(&a, O_COMMIT_INTERVAL, 0), 2000);
    assert_int_equal(args_number(&a, O_PARALLELISM, 7), 7);
    assert_str(args_get(&a, O_OUTPUT), "CSV");
    assert_true(args_has(&a, O_FINAL));
    assert_false(args_has(&a, O_HELP));
    assert_int_equal(a.n_rest, 1);
    assert_str(a.rest[0], "job.sql");
}

static void test_rest(void **state)
{
    (void)state;
    struct cli_args a = PARSE("check", "-", "--", "--final", "-x");
    assert_int_equal(a.n_problems, 0);
    assert_int_equal(a.n_rest, 3);
    assert_str(a.rest[0], "-");
    assert_str(a.rest[2], "-x");
    a = PARSE("run", "-c", "-1"); /* a value may look like an option */
    assert_int_equal(a.n_problems, 0);
    assert_str(args_get(&a, O_COMMAND), "-1");
}

static void test_pairs(void **state)
{
    (void)state;
    struct cli_args a = PARSE("run", "f", "--var", "a=1", "--var=b=x=y", "--set", "k=", "--var", "a=2");
    struct str k, v;
    assert_int_equal(a.n_problems, 0);
    assert_true(args_pair(&a, O_VAR, 1, &k, &v));
    assert_str(k, "b");
    assert_str(v, "x=y");
    assert_true(args_pair(&a, O_VAR, 2, &k, &v));
    assert_str(v, "2");
    assert_false(args_pair(&a, O_VAR, 3, &k, &v));
    assert_true(args_pair(&a, O_SET, 0, &k, &v));
    assert_str(v, "");
}

static void test_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *args[3], *message, *hint;
    } cases[] = {
        { { "f", "--stat-dir", "x" },
          "run: unknown option '--stat-dir' (did you mean '--state-dir'?)",
          "known options: " },
        { { "f", "-z" }, "run: unknown option '-z'", "" },
        { { "f", "--batch=3" }, "run: unknown option '--batch'", "" }, /* of another command */
        { { "f", "-p", "0" }, "run: option '--parallelism' must lie between 1 and 64, not '0'", "" },
        { { "f", "-p", "65" }, "run: option '--parallelism' must lie between 1 and 64, not '65'", "" },
        { { "f", "-px" }, "run: option '--parallelism' must be a whole number, not 'x'", "" },
        { { "f", "-o", "xml" }, "run: option '--output' must be one of table|ndjson|csv|json|markdown|vertical, not 'xml'", "" },
        { { "f", "--commit-interval", "soon" }, "run: option '--commit-interval' must be a duration such as", "" },
        { { "f", "--memory-limit", "1" }, "run: option '--memory-limit' must lie between", "" },
        { { "f", "--memory-limit", "-5MiB" }, "run: option '--memory-limit' must", "" },
        { { "f", "-p" }, "option '--parallelism' needs a value: --parallelism N", "" },
        { { "f", "--var", "x" }, "option '--var' needs a value: --var K=V", "" },
        { { "f", "--var", "=x" }, "option '--var' needs a value: --var K=V", "" },
        { { "f", "--final=yes" }, "option '--final' takes no value", "" },
        { { "f", "-qq" }, "run: option '--quiet' is given twice", "" },
        { { "f", "g" }, "run: unexpected argument 'g'", "weir run FILE | - | -c SQL" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = 0;
        while (n < 3 && cases[i].args[n])
            n++;
        struct cli_args a = parse("run", cases[i].args, n);
        assert_int_equal(a.n_problems, 1);
        assert_int_equal(a.problems[0].status, ST_USAGE);
        if (strncmp(a.problems[0].message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("case %zu: %s", i, a.problems[0].message);
        assert_int_equal(strncmp(a.problems[0].hint, cases[i].hint, strlen(cases[i].hint)), 0);
    }
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct cli_args a =
        PARSE("gen", "--rows", "many", "--sede=1", "--seed", "-1", "nexmark", "--only", "all", "--option", "x");
    assert_int_equal(a.n_problems, 2);
    assert_non_null(strstr(a.problems[0].message, "'--option' needs a value"));
    const char *m = a.problems[1].message;
    assert_non_null(strstr(m, "'--rows' must be a whole number"));
    assert_non_null(strstr(m, "did you mean '--seed'"));
    assert_non_null(strstr(m, "'--seed' must lie between 0 and"));
    assert_non_null(strstr(m, "'--only' must be one of person|auction|bid"));
}

static void test_missing(void **state)
{
    (void)state;
    struct cli_args a = { 0 };
    assert_true(cli_parse(cli_command_find(STR("test")), 0, NULL, &arena, &a));
    assert_int_equal(a.n_problems, 1);
    assert_string_equal(a.problems[0].message, "test: an argument is missing");
    assert_string_equal(a.problems[0].hint, "weir test PATH...");
    a = PARSE("test", "--help");
    assert_int_equal(a.n_problems, 0);
}

static void test_memory(void **state)
{
    (void)state;
    struct budget small;
    struct arena own;
    const char *const argv[] = { "--var", "a=1", "f" };
    budget_init(&small, "test", 64, NULL);
    arena_init(&own, &small);
    struct cli_args a = { 0 };
    assert_false(cli_parse(cli_command_find(STR("run")), 3, argv, &own, &a));
    arena_release(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spellings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pairs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
