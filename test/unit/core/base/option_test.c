/* Options: every type and border, all findings in one message, suggestions, defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/option.h"

#include <stdio.h>

static const struct option_spec specs[] = {
    { .name = "connector", .type = OPT_STRING, .required = true, .help = "which connector" },
    { .name = "path", .type = OPT_STRING, .required = true },
    { .name = "header", .type = OPT_BOOL, .fallback = "true" },
    { .name = "rows", .type = OPT_INT, .fallback = "7", .min = 0, .max = 100 },
    { .name = "offset", .type = OPT_INT },
    { .name = "rate", .type = OPT_DOUBLE, .fallback = "0.5", .min = 0, .max = 1 },
    { .name = "timeout", .type = OPT_DURATION, .fallback = "10 s", .min = 1000, .max = 60000 },
    { .name = "buffer", .type = OPT_SIZE, .fallback = "1 mb" },
    { .name = "mode", .type = OPT_ENUM, .choices = "earliest|latest", .fallback = "earliest" },
    { .name = "properties.*", .type = OPT_STRING },
    { .name = "fields.*", .type = OPT_INT },
    { .name = "fields.name", .type = OPT_STRING },
};
#define COUNT (sizeof specs / sizeof specs[0])
#define SPECS specs, COUNT

#define PAIR(n, v) { .name = STR_INIT(n), .value = STR_INIT(v) }
#define OPTIONS(pairs) { pairs, sizeof pairs / sizeof pairs[0] }

static void test_good(void **state)
{
    (void)state;
    const struct option pairs[] = {
        PAIR("connector", "filesystem"), PAIR("path", ""),      PAIR("header", "FALSE"),      PAIR("rows", "100"),
        PAIR("offset", "-9223372036854775808"), PAIR("rate", "1"), PAIR("timeout", "1 min"), PAIR("buffer", "2 kb"),
        PAIR("mode", "LATEST"),          PAIR("properties.x.y", "z"), PAIR("fields.a", "3"), PAIR("fields.name", "n"),
    };
    struct options o = OPTIONS(pairs);
    struct error err;
    assert_int_equal(options_check(&o, SPECS, "connector 'filesystem'", &err), ST_OK);
    assert_true(options_has(&o, "path"));
    assert_false(options_has(&o, "PATH"));
    assert_non_null(options_get(&o, "path").ptr);
    assert_null(options_get(&o, "pat").ptr);
    assert_true(str_eq(option_str(&o, SPECS, "connector"), STR("filesystem")));
    assert_false(option_bool(&o, SPECS, "header"));
    assert_int_equal(option_int(&o, SPECS, "rows"), 100);
    assert_int_equal(option_int(&o, SPECS, "offset"), INT64_MIN);
    assert_true(option_double(&o, SPECS, "rate") == 1.0);
    assert_int_equal(option_ms(&o, SPECS, "timeout"), 60000);
    assert_int_equal(option_bytes(&o, SPECS, "buffer"), 2048);
    assert_true(str_eq(option_str(&o, SPECS, "mode"), STR("latest")));
    assert_true(str_eq(option_str(&o, SPECS, "properties.x.y"), STR("z")));
    assert_int_equal(option_int(&o, SPECS, "fields.a"), 3);
    assert_true(str_eq(option_str(&o, SPECS, "fields.name"), STR("n")));
}

static void test_defaults(void **state)
{
    (void)state;
    struct options o = { 0 };
    assert_null(option_str(&o, SPECS, "connector").ptr);
    assert_null(option_str(&o, SPECS, "nobody knows").ptr);
    assert_true(option_bool(&o, SPECS, "header"));
    assert_int_equal(option_int(&o, SPECS, "rows"), 7);
    assert_int_equal(option_int(&o, SPECS, "offset"), 0);
    assert_true(option_double(&o, SPECS, "rate") == 0.5);
    assert_int_equal(option_ms(&o, SPECS, "timeout"), 10000);
    assert_int_equal(option_bytes(&o, SPECS, "buffer"), 1 << 20);
    assert_true(str_eq(option_str(&o, SPECS, "mode"), STR("earliest")));
}

/* One wrong pair beside the required ones: the message, word for word. */
static void test_findings(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *message;
    } cases[] = {
        { "pth", "x", "t: unknown option 'pth' (did you mean 'path'?)" },
        { "zzzzzz", "x", "t: unknown option 'zzzzzz'" },
        { "properties.x", "x", NULL },
        { "properties.", "x", "t: unknown option 'properties.' (did you mean 'properties.*'?)" },
        { "properties", "x", "t: unknown option 'properties' (did you mean 'properties.*'?)" },
        { "Header", "true", "t: unknown option 'Header' (did you mean 'header'?)" },
        { "header", "yes", "t: option 'header' must be true or false, not 'yes'" },
        { "rows", "1.5", "t: option 'rows' must be a whole number, not '1.5'" },
        { "rows", "101", "t: option 'rows' must lie between 0 and 100, not '101'" },
        { "rows", "-1", "t: option 'rows' must lie between 0 and 100, not '-1'" },
        { "offset", "9223372036854775808", "t: option 'offset' must be a whole number, not '9223372036854775808'" },
        { "rate", "1.01", "t: option 'rate' must lie between 0 and 1, not '1.01'" },
        { "rate", "NaN", "t: option 'rate' must lie between 0 and 1, not 'NaN'" },
        { "rate", "x", "t: option 'rate' must be a number, not 'x'" },
        { "timeout", "999ms", "t: option 'timeout' must lie between 1000 and 60000 ms, not '999ms'" },
        { "timeout", "1 parsec", "t: option 'timeout' must be a duration such as '10s' or '5 min', not '1 parsec'" },
        { "buffer", "1 acre", "t: option 'buffer' must be a size such as '64MiB' or '10kb', not '1 acre'" },
        { "mode", "middle", "t: option 'mode' must be one of earliest|latest, not 'middle'" },
        { "mode", "", "t: option 'mode' must be one of earliest|latest, not ''" },
        { "fields.a", "x", "t: option 'fields.a' must be a whole number, not 'x'" },
        { "path", "y", "t: option 'path' is given twice" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct option pairs[] = { PAIR("connector", "f"), PAIR("path", "p"),
                                        { .name = str_from(cases[i].name), .value = str_from(cases[i].value) } };
        struct options o = OPTIONS(pairs);
        struct error err;
        error_clear(&err);
        assert_int_equal(options_check(&o, SPECS, "t", &err), cases[i].message ? ST_USAGE : ST_OK);
        assert_string_equal(err.message, cases[i].message ? cases[i].message : "");
        assert_int_equal(options_check(&o, SPECS, "t", NULL), cases[i].message ? ST_USAGE : ST_OK);
    }
}

static void test_all_at_once(void **state)
{
    (void)state;
    const struct option pairs[] = {
        { STR_INIT("conector"), STR_INIT("f"), 3, 5 },
        { STR_INIT("rows"), STR_INIT("many"), 4, 9 },
        { STR_INIT("header"), STR_INIT("true"), 5, 9 },
    };
    struct options o = OPTIONS(pairs);
    struct error err;
    assert_int_equal(options_check(&o, SPECS, "table 't'", &err), ST_SEMANTIC);
    assert_string_equal(err.message, "table 't': unknown option 'conector' (did you mean 'connector'?); "
                                     "option 'rows' must be a whole number, not 'many'; "
                                     "option 'connector' is missing; option 'path' is missing");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 5);
    assert_string_equal(err.hint, "known options: connector, path, header, rows, offset, rate, timeout, buffer, mode, "
                                  "properties.*, fields.*, fields.name");
}

/* More findings than the message holds: counted, not lost. */
static void test_overflow(void **state)
{
    (void)state;
    enum { N = 3000 };
    static struct option pairs[N];
    static char names[N][16];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "zzz%d", i);
        pairs[i] = (struct option){ .name = str_from(names[i]), .value = STR("v") };
    }
    struct options o = { pairs, 40 };
    struct error err;
    assert_int_equal(options_check(&o, SPECS, "t", &err), ST_USAGE);
    assert_true(strlen(err.message) < sizeof err.message);
    size_t shown = 0;
    struct str all = str_from(err.message);
    for (int64_t at = -1; (at = str_find(all, STR("unknown"), (size_t)(at + 1))) >= 0;)
        shown++;
    char tail[40];
    snprintf(tail, sizeof tail, "; and %zu more", 42 - shown);
    assert_true(shown > 5 && str_ends(all, str_from(tail)));
    o.count = N; /* a flood is refused, not searched for doubles */
    assert_int_equal(options_check(&o, SPECS, "t", &err), ST_USAGE);
    /* Long texts are cut, so that the other findings keep their room. */
    static char value[5000];
    memset(value, 'v', sizeof value);
    const struct option longer[] = { PAIR("connector", "c"), PAIR("path", "p"),
                                     { .name = STR("rows"), .value = { value, sizeof value } },
                                     { .name = { value, sizeof value }, .value = STR("x") },
                                     PAIR("mode", "x") };
    struct options p = OPTIONS(longer);
    assert_int_equal(options_check(&p, SPECS, "t", &err), ST_USAGE);
    assert_non_null(strstr(err.message, "option 'rows'"));
    assert_non_null(strstr(err.message, "option 'mode' must be one of earliest|latest, not 'x'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_defaults), cmocka_unit_test(test_findings),
        cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
