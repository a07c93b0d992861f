/* Text of values (as CAST gives it and as JSON), of floats and integers, base64. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/data/sample.h"

static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, NULL, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static void assert_out(const char *want)
{
    if (!str_eq(buf_str(&out), str_from(want)))
        fail_msg("'%.*s' is not '%s'", STR_ARG(buf_str(&out)), want);
    buf_clear(&out);
}

static void assert_value(const struct column *c, uint32_t row, const char *cast, const char *json)
{
    assert_true(value_print(&out, c, row, &zone_utc));
    assert_out(cast);
    assert_true(value_print_json(&out, c, row, &zone_utc));
    assert_out(json);
}

static void test_scalars(void **state)
{
    (void)state;
    struct arena a;
    struct column c;
    arena_init(&a, NULL);
    static const struct {
        enum type_kind kind;
        int64_t v;
        const char *cast, *json;
    } cases[] = {
        { TYPE_TINYINT, -128, "-128", "-128" },
        { TYPE_INT, INT32_MIN, "-2147483648", "-2147483648" },
        { TYPE_BIGINT, INT64_MIN, "-9223372036854775808", "-9223372036854775808" },
        { TYPE_BIGINT, 0, "0", "0" },
        { TYPE_DATE, 18321, "2020-02-29", "\"2020-02-29\"" },
        { TYPE_TIME, 86399000, "23:59:59", "\"23:59:59\"" },
        { TYPE_TIMESTAMP, 5000001, "1970-01-01 00:00:05.000001", "\"1970-01-01 00:00:05.000001\"" },
        { TYPE_INTERVAL_MONTH, 24, "+2-00", "\"+2-00\"" },
        { TYPE_INTERVAL_DAY, -10000, "-0 00:00:10.000", "\"-0 00:00:10.000\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(column_init(&c, type_basic(cases[i].kind), 2, NULL));
        if (type_phys(c.type) == PHYS_I32)
            c.i32[1] = (int32_t)cases[i].v;
        else
            c.i64[1] = cases[i].v;
        assert_value(&c, 1, cases[i].cast, cases[i].json);
        column_set_null(&c, 0);
        assert_value(&c, 0, "NULL", "null");
        column_release(&c);
    }
    assert_true(column_init(&c, type_basic(TYPE_BOOLEAN), 2, NULL));
    c.b[0] = 1;
    assert_value(&c, 0, "TRUE", "true");
    assert_value(&c, 1, "FALSE", "false");
    column_release(&c);
    assert_true(column_init(&c, type_decimal(&a, 38, 19), 1, NULL));
    c.i128[0] = -(int128)123 * 10000000000000000LL;
    assert_value(&c, 0, "-0.1230000000000000000", "-0.1230000000000000000");
    column_release(&c);
    assert_true(column_init(&c, type_basic(TYPE_DOUBLE), 3, NULL));
    c.f64[0] = 1e7;
    c.f64[1] = NAN;
    c.f64[2] = -INFINITY;
    assert_value(&c, 0, "1.0E7", "1.0E7");
    assert_value(&c, 1, "NaN", "\"NaN\"");
    assert_value(&c, 2, "-Infinity", "\"-Infinity\"");
    column_release(&c);
    /* TIMESTAMP_LTZ(3) in a zone, and without one */
    struct zone east;
    assert_true(zone_parse(STR("+05:30"), &east));
    assert_true(column_init(&c, type_timestamp(&a, TYPE_TIMESTAMP_LTZ, 3), 1, NULL));
    c.i64[0] = -1;
    assert_value(&c, 0, "1969-12-31 23:59:59.999", "\"1969-12-31 23:59:59.999\"");
    assert_true(value_print(&out, &c, 0, &east));
    assert_out("1970-01-01 05:29:59.999");
    column_release(&c);
    arena_release(&a);
}

static void test_text(void **state)
{
    (void)state;
    struct column c, bytes;
    assert_true(column_init(&c, type_string(), 3, NULL) && column_init(&bytes, type_bytes(), 3, NULL));
    static const char text[] = "a\"b\\c\n\r\t\b\f\x01\x7f\xc3\xa9/";
    assert_true(column_set_str(&c, 0, text, sizeof text - 1));
    assert_value(&c, 0, text, "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\x7f\xc3\xa9/\"");
    assert_true(column_set_str(&c, 1, "x\xff\xc3\xe2\x82y", 6));
    assert_value(&c, 1, "x\xff\xc3\xe2\x82y", "\"x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy\"");
    assert_true(column_set_str(&c, 2, "", 0));
    assert_value(&c, 2, "", "\"\"");
    assert_true(column_set_str(&bytes, 0, "hello", 5));
    assert_value(&bytes, 0, "hello", "\"aGVsbG8=\"");
    column_release(&c);
    column_release(&bytes);
}

static void test_nested(void **state)
{
    (void)state;
    struct arena a;
    struct column c;
    uint32_t first;
    arena_init(&a, NULL);
    const struct type *i = type_basic(TYPE_INT);
    assert_true(column_init(&c, type_array(&a, i), 2, NULL));
    assert_true(column_start_list(&c, 0, 3, &first) && column_start_list(&c, 1, 0, &first));
    c.children[0].i32[0] = 1;
    column_set_null(&c.children[0], 1);
    c.children[0].i32[2] = 3;
    assert_value(&c, 0, "[1, NULL, 3]", "[1,null,3]");
    assert_value(&c, 1, "[]", "[]");
    column_release(&c);
    struct field fields[3] = { { STR("i"), i }, { STR("s"), type_string() }, { STR("b"), type_basic(TYPE_BOOLEAN) } };
    assert_true(column_init(&c, type_row(&a, fields, 3), 1, NULL));
    c.children[0].i32[0] = 1;
    assert_true(column_set_str(&c.children[1], 0, "foo", 3));
    c.children[2].b[0] = 1;
    assert_value(&c, 0, "(1, foo, TRUE)", "{\"i\":1,\"s\":\"foo\",\"b\":true}");
    column_release(&c);
    assert_true(column_init(&c, type_map(&a, type_string(), i), 1, NULL));
    assert_true(column_start_list(&c, 0, 2, &first));
    assert_true(column_set_str(&c.children[0], 0, "a", 1) && column_set_str(&c.children[0], 1, "b", 1));
    c.children[1].i32[0] = 1;
    column_set_null(&c.children[1], 1);
    assert_value(&c, 0, "{a=1, b=NULL}", "{\"a\":1,\"b\":null}");
    column_release(&c);
    assert_true(column_init(&c, type_multiset(&a, i), 1, NULL));
    assert_true(column_start_list(&c, 0, 1, &first));
    c.children[0].i32[0] = 7;
    c.children[1].i32[0] = 2;
    assert_value(&c, 0, "{7=2}", "{\"7\":2}");
    column_release(&c);
    arena_release(&a);
}

static void test_bytes_shown(void **state)
{
    (void)state;
    struct arena a;
    struct column c;
    struct buf text;
    uint32_t first;
    arena_init(&a, NULL);
    buf_init(&text, NULL, 1000);
    struct field fields[2] = { { STR("b"), type_bytes() }, { STR("l"), type_array(&a, type_bytes()) } };
    assert_true(column_init(&c, type_map(&a, type_string(), type_row(&a, fields, 2)), 1, NULL));
    assert_true(column_start_list(&c, 0, 1, &first));
    struct column *row = &c.children[1];
    assert_true(column_set_str(&c.children[0], 0, "k", 1) && column_set_str(&row->children[0], 0, "\xCA\x00", 2));
    assert_true(column_start_list(&row->children[1], 0, 2, &first));
    assert_true(column_set_str(&row->children[1].children[0], 0, "", 0));
    column_set_null(&row->children[1].children[0], 1);
    assert_true(value_show(&text, &c, 0, &zone_utc));
    assert_true(str_eq(buf_str(&text), STR("{k=(x'ca00', [x'', NULL])}")));
    buf_clear(&text);
    assert_true(value_print(&text, &c, 0, &zone_utc));
    assert_true(str_eq(buf_str(&text), STR("{k=(\xCA\x00, [, NULL])}")));
    buf_release(&text);
    column_release(&c);
    arena_release(&a);
}

/* A full buffer is refused wherever it ends. */
static void test_refused(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    struct schema s = sample_schema(&a);
    struct batch *b = batch_new(&s, 1, NULL);
    uint64_t seed = 8;
    for (uint32_t i = 0; i < s.n_fields; i++) {
        assert_true(sample_fill(&b->cols[i], 0, &seed, false));
        for (int json = 0; json < 2; json++)
            for (size_t max = 0;; max++) {
                struct buf tight;
                buf_init(&tight, NULL, max);
                bool ok = json ? value_print_json(&tight, &b->cols[i], 0, NULL)
                               : value_print(&tight, &b->cols[i], 0, NULL);
                buf_release(&tight);
                if (ok)
                    break;
                assert_true(max < 10000);
            }
    }
    batch_free(b);
    arena_release(&a);
}

static void test_doubles(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        { 0.0, "0.0" }, { -0.0, "-0.0" }, { 1.0, "1.0" }, { -1.5, "-1.5" }, { 0.1, "0.1" }, { 0.001, "0.001" },
        { 0.00099, "9.9E-4" }, { 1e-4, "1.0E-4" }, { 9999999.0, "9999999.0" }, { 1e7, "1.0E7" },
        { 12345678.9, "1.23456789E7" }, { 123456.789, "123456.789" }, { 100.0, "100.0" }, { 1e15, "1.0E15" },
        { 1e21, "1.0E21" }, { 1e22, "1.0E22" }, { 1e23, "1.0E23" }, { 2e23, "2.0E23" },
        { 3.14159265358979, "3.14159265358979" },
        { 0.1 + 0.2, "0.30000000000000004" }, { 1.0 / 3, "0.3333333333333333" }, { 2.0 / 3, "0.6666666666666666" },
        { 1.7976931348623157e308, "1.7976931348623157E308" }, { 4.9e-324, "4.9E-324" }, { 9.9e-324, "9.9E-324" },
        { 1.5e-323, "1.5E-323" }, { 2e-323, "2.0E-323" }, { 2.2250738585072014e-308, "2.2250738585072014E-308" },
        { 9007199254740992.0, "9.007199254740992E15" }, { 9007199254740993.0, "9.007199254740992E15" },
        { 0x1p-44, "5.684341886080802E-14" }, { 1.0E-5, "1.0E-5" }, { 5e-5, "5.0E-5" }, { 0.5, "0.5" },
        { 123456789012345680.0, "1.2345678901234568E17" }, { 2.98023223876953125e-8, "2.9802322387695312E-8" },
        { 8.41e21, "8.41E21" }, { 2.0e-3, "0.002" }, { 0x1p1023, "8.98846567431158E307" },
        { 9.5367431640625e-7, "9.5367431640625E-7" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[33];
        text[f64_print(cases[i].v, text)] = 0;
        assert_string_equal(text, cases[i].text);
    }
    static const struct {
        float v;
        const char *text;
    } floats[] = {
        { 0.1f, "0.1" }, { 1.0f, "1.0" }, { 16777216.0f, "1.6777216E7" }, { 3.4028235e38f, "3.4028235E38" },
        { 1.4e-45f, "1.4E-45" }, { 1.17549435e-38f, "1.1754944E-38" }, { 100.01f, "100.01" }, { 1e10f, "1.0E10" },
        { 33554432.0f, "3.3554432E7" }, { 0.3f, "0.3" }, { 1.0f / 3, "0.33333334" }, { 9999999.0f, "9999999.0" },
        { 0.001f, "0.001" }, { 2.0e-3f, "0.002" }, { 8.5e-4f, "8.5E-4" }, { 123456.7f, "123456.7" },
    };
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        char text[33];
        text[f32_print(floats[i].v, text)] = 0;
        assert_string_equal(text, floats[i].text);
    }
}

/* Whatever the bits: what is printed reads back, and no shorter text does. */
static void test_doubles_read_back(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = sample_random(&seed);
        double v;
        char text[33], shorter[40];
        memcpy(&v, &bits, sizeof v);
        if (i % 4 == 0)
            v = (double)(int64_t)(bits % 100000000) / (double)(1 + bits % 1000);
        if (!isfinite(v))
            continue;
        text[f64_print(v, text)] = 0;
        if (strtod(text, NULL) != v)
            fail_msg("%a prints as %s", v, text);
        int digits = 0;
        const char *p = text;
        for (; *p && *p != 'E'; p++)
            digits += *p >= '0' && *p <= '9' && (digits || *p != '0');
        for (p--; p > text && (*p == '0' || *p == '.'); p--)
            digits -= *p == '0';
        if (digits > 2) {
            snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
            assert_true(strtod(shorter, NULL) != v);
        }
        float f;
        uint32_t half = (uint32_t)bits;
        memcpy(&f, &half, sizeof f);
        if (!isfinite(f))
            continue;
        text[f32_print(f, text)] = 0;
        assert_true(strtof(text, NULL) == f);
    }
}

static void assert_integer(int64_t v)
{
    char got[25], want[32];
    memset(got, '?', sizeof got);
    size_t n = i64_print(v, got);
    int len = snprintf(want, sizeof want, "%lld", (long long)v);
    if (n != (size_t)len || memcmp(got, want, n) != 0)
        fail_msg("'%.*s' is not '%s'", (int)n, got, want);
    assert_int_equal(got[24], '?');
}

/* Each count of digits and its borders, both signs; then bits of every length. */
static void test_integers(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (uint64_t power = 1; power <= INT64_MAX / 10; power *= 10)
        for (int64_t k = -11; k <= 11; k++) {
            assert_integer((int64_t)power + k);
            assert_integer(-(int64_t)power + k);
            assert_integer((int64_t)power * 9 + k);
        }
    for (int64_t k = 0; k < 3; k++) {
        assert_integer(INT64_MAX - k);
        assert_integer(INT64_MIN + k);
    }
    for (int i = 0; i < 64 * 500; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        assert_integer((int64_t)(x >> i % 64));
    }
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = { { "", "" },           { "f", "Zg==" },         { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },    { "foob", "Zm9vYg==" },  { "fooba", "Zm9vYmE=" },
                                            { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" } };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(base64_encode(&out, pairs[i][0], strlen(pairs[i][0])));
        assert_out(pairs[i][1]);
        assert_true(base64_decode(&out, str_from(pairs[i][1])));
        assert_out(pairs[i][0]);
    }
    assert_true(base64_decode(&out, STR("Zg")));
    assert_out("f");
    static const char *const bad[] = { "Z", "Zg=", "Zg===", "=", "====", "Zm9v=", "Zm 9", "Zm9-", "Zg==Zg==", "Z\n==" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (base64_decode(&out, str_from(bad[i])))
            fail_msg("'%s'", bad[i]);
        assert_int_equal(out.len, 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scalars), TEST(test_text),    TEST(test_nested), TEST(test_bytes_shown),           TEST(test_refused),
        TEST(test_base64),  TEST(test_doubles), TEST(test_doubles_read_back), TEST(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
