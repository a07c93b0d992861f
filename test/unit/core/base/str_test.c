/* String views, numbers, durations, sizes, nearest names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define S(literal) STR(literal)

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_cmp(S("a"), S("b")) < 0);
    assert_true(str_cmp(S("a"), S("ab")) < 0);
    assert_true(str_cmp(S("ab"), S("a")) > 0);
    assert_true(str_cmp(S("\xFF"), S("a")) > 0);
    assert_int_equal(str_cmp(S(""), (struct str){ 0 }), 0);
    assert_int_equal(str_cmp(S("a\0b"), S("a\0b")), 0);
    assert_true(str_eq((struct str){ 0 }, S("")));
    assert_false(str_eq(S("a"), S("A")));
    assert_true(str_eq_nocase(S("aZ[\xC4"), S("Az[\xC4")));
    assert_false(str_eq_nocase(S("\xC4"), S("\xE4")));
    assert_false(str_eq_nocase(S("["), S("{")));
    assert_false(str_eq_nocase(S("a"), S("ab")));
    assert_true(str_starts(S("abc"), S("ab")) && str_starts(S("abc"), S("")) && !str_starts(S("a"), S("ab")));
    assert_true(str_ends(S("abc"), S("bc")) && str_ends(S("abc"), S("")) && !str_ends(S("c"), S("bc")));
    assert_false(str_ends(S("abc"), S("ab")));
}

static void test_find(void **state)
{
    (void)state;
    /* against the plain definition: needles of 1 to 40 of two letters, at every place of texts of every length */
    char hay[100], needle[40];
    uint64_t seed = 1;
    for (uint32_t round = 0; round < 20000; round++) {
        size_t n = 1 + round % sizeof hay, m = 1 + round / 7 % sizeof needle;
        for (size_t i = 0; i < n; i++)
            hay[i] = (char)('a' + ((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 62 == 0));
        for (size_t i = 0; i < m; i++)
            needle[i] = round % 3 && n >= m ? hay[n - m + i] : 'a';
        int64_t want = -1;
        for (size_t i = 0; i + m <= n && want < 0; i++)
            want = memcmp(hay + i, needle, m) == 0 ? (int64_t)i : -1;
        assert_int_equal(str_find(str_make(hay, n), str_make(needle, m), 0), want);
    }
    assert_int_equal(str_find(S("abcabc"), S("bc"), 0), 1);
    assert_int_equal(str_find(S("abcabc"), S("bc"), 2), 4);
    assert_int_equal(str_find(S("abcabc"), S("bc"), 5), -1);
    assert_int_equal(str_find(S("abc"), S(""), 3), 3);
    assert_int_equal(str_find(S("abc"), S(""), 4), -1);
    assert_int_equal(str_find(S("abc"), S("c"), SIZE_MAX), -1);
    assert_int_equal(str_find((struct str){ 0 }, S("a"), 0), -1);
    assert_int_equal(str_find(S("abc"), S("abcd"), 0), -1);
}

static void test_trim_and_split(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(S(" \t\r\n\v\f a b  ")), S("a b")));
    assert_int_equal(str_trim(S("   ")).len, 0);
    assert_int_equal(str_trim((struct str){ 0 }).len, 0);
    struct str rest = S("a,,b,");
    assert_true(str_eq(str_split(&rest, ','), S("a")));
    assert_true(str_eq(str_split(&rest, ','), S("")));
    assert_true(str_eq(str_split(&rest, ','), S("b")));
    assert_non_null(rest.ptr);
    assert_true(str_eq(str_split(&rest, ','), S("")));
    assert_null(rest.ptr);
    assert_int_equal(str_split(&rest, ',').len, 0);
}

static void test_i64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "+7", true, 7 },
        { "007", true, 7 },
        { "9223372036854775807", true, INT64_MAX },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775808", true, INT64_MIN },
        { "-9223372036854775809", false, 0 },
        { "18446744073709551616", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "+-1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "1.0", false, 0 },
        { "0x10", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t v = 42;
        assert_int_equal(str_to_i64(str_from(cases[i].text), &v), cases[i].ok);
        assert_int_equal(v, cases[i].ok ? cases[i].value : 42);
    }
}

static uint64_t bits(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

static void test_f64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {
        { "0", 0.0 },
        { "-0", -0.0 },
        { "-0.000e999999999999999999999", -0.0 },
        { "1", 1 },
        { "+1.5", 1.5 },
        { ".5", 0.5 },
        { "5.", 5 },
        { "1e22", 1e22 },
        { "1e23", 1e23 },
        { "123456789012345678", 123456789012345678.0 },
        { "9007199254740993", 9007199254740992.0 },
        { "9007199254740993.00000000000000000000000000001", 9007199254740994.0 },
        { "0.1", 0.1 },
        { "0.30000000000000004", 0.30000000000000004 },
        { "2.2250738585072011e-308", 0x0.fffffffffffffp-1022 },
        { "2.2250738585072014E-308", DBL_MIN },
        { "4.9e-324", 0x1p-1074 },
        { "2.4703282292062327e-324", 0.0 },
        { "2.4703282292062328e-324", 0x1p-1074 },
        { "1e-400", 0.0 },
        { "-1e-99999999999999999999", -0.0 },
        { "1.7976931348623157e308", DBL_MAX },
        { "1.7976931348623158e308", DBL_MAX },
        { "1.7976931348623159e308", HUGE_VAL },
        { "-1e99999999999999999999", -HUGE_VAL },
        { "Infinity", HUGE_VAL },
        { "-Infinity", -HUGE_VAL },
        { "+Infinity", HUGE_VAL },
        { "100000000000000000000000000000000000000000e-41", 1.0 },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double v = 42;
        assert_true(str_to_f64(str_from(good[i].text), &v));
        assert_int_equal(bits(v), bits(good[i].value));
    }
    static const char *const bad[] = {
        "",   "-",   "+",   ".",    "-.", "e5",  "1e",  "1e+", "1e5.",  "0x10", "0x1p3",  "1f",  "1d",  "inf",
        "nan", "1 ", " 1",  "1,5",  "1..2", "--1", "1e5e5", "Inf", "NaN(1)", "1_0", ".e1", "+-1", "InfinityX",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double v = 42;
        assert_false(str_to_f64(str_from(bad[i]), &v));
        assert_true(v == 42);
    }
    double v = 0;
    assert_true(str_to_f64(S("NaN"), &v) && isnan(v));
    assert_false(str_to_f64((struct str){ 0 }, &v));
    /* The view ends where it says, not at the next byte that is no digit. */
    assert_true(str_to_f64(str_make("12345", 2), &v) && v == 12);
}

/* Against the C library on text of every length: both must round correctly. */
static void test_f64_random(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 40000; i++) {
        char text[64];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int digits = 1 + (int)((seed >> 33) % 25);
        int point = (int)((seed >> 40) % 26);
        size_t n = 0;
        if (seed >> 63)
            text[n++] = '-';
        for (int d = 0; d < digits; d++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            if (d == point)
                text[n++] = '.';
            text[n++] = (char)('0' + (seed >> 40) % 10);
        }
        int e = (int)((seed >> 20) % 660) - 340;
        if ((seed >> 12) % 3)
            e %= 25;
        n += (size_t)snprintf(text + n, sizeof text - n, "e%d", e);
        double v = 0;
        assert_true(str_to_f64(str_make(text, n), &v));
        assert_int_equal(bits(v), bits(strtod(text, NULL)));
    }
}

/* A digit far behind decides the rounding; zeros in any number do not disturb. */
static void test_f64_long(void **state)
{
    (void)state;
    static char text[100100];
    double v = 0;
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    assert_true(str_to_f64(str_make(text, 100000), &v) && v == 9007199254740992.0);
    text[99999] = '1';
    assert_true(str_to_f64(str_make(text, 100000), &v) && v == 9007199254740994.0);
    memset(text, '0', sizeof text);
    text[0] = '1';
    memcpy(text + 100000, "e-99999", 8);
    assert_true(str_to_f64(str_make(text, 100007), &v) && v == 1.0);
    memset(text, '0', sizeof text);
    text[1] = '.';
    memcpy(text + 99999, "15e99998", 9);
    assert_true(str_to_f64(str_make(text, 100007), &v));
    assert_true(v == 1.5);
    memset(text, '9', sizeof text);
    assert_true(str_to_f64(str_make(text, 100000), &v) && v == HUGE_VAL);
}

static void test_duration(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        { "100", 100 },       { "100ms", 100 },
        { "10s", 10000 },     { "5 min", 300000 },
        { " 1 H ", 3600000 }, { "2 d", 172800000 },
        { "1 SECOND", 1000 }, { "3 days", 259200000 },
        { "2m", 120000 },     { "0", 0 },
        { "1000us", 1 },      { "5000000 ns", 5 },
        { "1000\xc2\xb5s", 1 }, { "106751991167 days", 9223372036828800000 },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ms = -1;
        assert_true(str_to_duration_ms(str_from(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = { "",      "s",     "-5s",   "5 x",  "1.5s", "5s5", "106751991168 days", "1us",
                                       "1 m s", "5 secss", "9223372036854775808", "+5s" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = -1;
        assert_false(str_to_duration_ms(str_from(bad[i]), &ms));
        assert_int_equal(ms, -1);
    }
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {
        { "10", 10 },          { "10b", 10 },         { "10kb", 10240 },  { "64MiB", 67108864 },
        { "1 g", 1073741824 }, { "2 KiB", 2048 },     { "1T", 1LL << 40 }, { "3 bytes", 3 },
        { "8388607t", 8388607LL << 40 },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t n = -1;
        assert_true(str_to_bytes(str_from(good[i].text), &n));
        assert_int_equal(n, good[i].bytes);
    }
    static const char *const bad[] = { "", "kb", "-1", "1 q", "1.5g", "8388608t", "1 k b" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t n = -1;
        assert_false(str_to_bytes(str_from(bad[i]), &n));
    }
}

static void test_nearest(void **state)
{
    (void)state;
    const struct str names[] = { STR_INIT("connector"), STR_INIT("path"), STR_INIT("format"),
                                 STR_INIT("scan.startup.mode"), STR_INIT("") };
    static const struct {
        const char *name, *near;
    } cases[] = {
        { "conector", "connector" },
        { "CONNECTOR", "connector" },
        { "connectro", "connector" },
        { "pth", "path" },
        { "paht", "path" },
        { "formats", "format" },
        { "scan.startup.node", "scan.startup.mode" },
        { "bootstrap.servers", NULL },
        { "x", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str near = str_nearest(str_from(cases[i].name), names, 5);
        if (cases[i].near)
            assert_true(str_eq(near, str_from(cases[i].near)));
        else
            assert_null(near.ptr);
    }
    char huge[4096];
    memset(huge, 'a', sizeof huge);
    assert_null(str_nearest(str_make(huge, sizeof huge), names, 5).ptr);
    const struct str long_name[] = { { huge, sizeof huge } };
    assert_null(str_nearest(S("a"), long_name, 1).ptr);
    /* 64 bytes is the longest that takes part. */
    const struct str brim[] = { { huge, 64 } };
    assert_ptr_equal(str_nearest(str_make(huge, 63), brim, 1).ptr, huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),    cmocka_unit_test(test_find),     cmocka_unit_test(test_trim_and_split),
        cmocka_unit_test(test_i64),        cmocka_unit_test(test_f64),      cmocka_unit_test(test_f64_random),
        cmocka_unit_test(test_f64_long),   cmocka_unit_test(test_duration), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
