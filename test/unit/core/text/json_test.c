/* The JSON scanner: values, faults with their places, escapes, writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text/text.h"

/* The text in a heap block of its own size, so that a sanitizer sees any step past the end. */
static char *exact(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return copy;
}

static void test_good(void **state)
{
    (void)state;
    static const char *const good[] = {
        "null", "true", "false", " 0 ", "-0", "1e5", "1E+5", "-1.5e-3", "123456789012345678901234567890", "\"\"",
        "\"a\"", "[]", "{}", "[[]]", "{\"a\":{}}", "[1,2,[3,{\"x\":null}],\"y\"]",
        "\t\r\n {\"a\" : 1 , \"b\" : [ true , false ] } \n", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"", "\"\x7f\"", "\"sixteen bytes and more, then \xc3\xa9, and more\"",
        "\"\\ud800\"", "{\"a\":1,\"a\":2}",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t offset, len = strlen(good[i]);
        const char *fault = NULL;
        char *text = exact(good[i], len);
        if (!json_valid(str_make(text, len), &offset, &fault))
            fail_msg("%s: %s", good[i], fault);
        free(text);
    }
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
        const char *fault;
    } bad[] = {
        { "", 0, "a value is expected" },
        { "  ", 2, "a value is expected" },
        { "x", 0, "a value is expected" },
        { "nul", 0, "a value is expected" },
        { "True", 0, "a value is expected" },
        { "]", 0, "a value is expected" },
        { "[1,]", 3, "a value is expected" },
        { "[,1]", 1, "a value is expected" },
        { "[1 2]", 3, "',' or ']' is expected" },
        { "[1", 2, "',' or ']' is expected" },
        { "[", 1, "a value is expected" },
        { "[1}", 2, "',' or ']' is expected" },
        { "{", 1, "a member's name in quotes is expected" },
        { "{a:1}", 1, "a member's name in quotes is expected" },
        { "{\"a\":1,}", 7, "a member's name in quotes is expected" },
        { "{,}", 1, "a member's name in quotes is expected" },
        { "{\"a\" 1}", 5, "':' is expected" },
        { "{\"a\"", 4, "':' is expected" },
        { "{\"a\":}", 5, "a value is expected" },
        { "{\"a\":1 \"b\":2}", 7, "',' or '}' is expected" },
        { "{\"a\":1]", 6, "',' or '}' is expected" },
        { "1 2", 2, "text after the value" },
        { "{}}", 2, "text after the value" },
        { "012", 1, "text after the value" },
        { "-", 1, "a digit is expected" },
        { "+1", 0, "a value is expected" },
        { ".5", 0, "a value is expected" },
        { "1.", 2, "a digit is expected after the point" },
        { "1.e5", 2, "a digit is expected after the point" },
        { "1e", 2, "a digit is expected in the exponent" },
        { "1e+", 3, "a digit is expected in the exponent" },
        { "\"abc", 4, "a string has no end" },
        { "\"a\nb\"", 2, "a control character in a string" },
        { "\"a\\x\"", 2, "an invalid escape" },
        { "\"a\\u12g4\"", 2, "an invalid escape" },
        { "\"a\\u12", 2, "an invalid escape" },
        { "\"a\\", 2, "an invalid escape" },
        { "\"0123456789abcdef0123456789\xff\"", 27, "invalid UTF-8" },
        { "\"\xc0\x80\"", 1, "invalid UTF-8" },
        { "\"\xe0\x9f\xbf\"", 1, "invalid UTF-8" },
        { "\"\xed\xa0\x80\"", 1, "invalid UTF-8" },
        { "\"\xf0\x8f\xbf\xbf\"", 1, "invalid UTF-8" },
        { "\"\xf4\x90\x80\x80\"", 1, "invalid UTF-8" },
        { "\"\xf5\x80\x80\x80\"", 1, "invalid UTF-8" },
        { "\"\xe2\x82\"", 1, "invalid UTF-8" },
        { "\"\xe2\x82", 1, "invalid UTF-8" },
        { "\"\x80\"", 1, "invalid UTF-8" },
        { "\xef\xbb\xbf{}", 0, "a value is expected" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t offset = 0, len = strlen(bad[i].text);
        const char *fault = NULL;
        char *text = exact(bad[i].text, len);
        if (json_valid(str_make(text, len), &offset, &fault))
            fail_msg("%s is no JSON", bad[i].text);
        if (offset != bad[i].offset || strcmp(fault, bad[i].fault) != 0)
            fail_msg("%s: at %zu: %s", bad[i].text, offset, fault);
        free(text);
    }
}

/* Every byte value at every place around the 16-byte step. */
static void test_string_bytes(void **state)
{
    (void)state;
    for (size_t len = 1; len < 50; len += 3)
        for (size_t at = 0; at < len; at++)
            for (unsigned c = 0; c < 256; c++) {
                char text[64];
                memset(text, 'x', sizeof text);
                text[0] = text[len + 1] = '"';
                text[at + 1] = (char)c;
                struct json j;
                struct str raw;
                bool escaped;
                json_init(&j, (struct str){ text, len + 2 });
                bool ok = json_string(&j, &raw, &escaped);
                bool plain = c >= 0x20 && c < 0x80 && c != '\\';
                if (c == '"') {
                    assert_true(ok && raw.len == at);
                    continue;
                }
                assert_int_equal(ok, plain);
                if (ok)
                    assert_true(raw.len == len && raw.ptr == text + 1 && !escaped && j.at == j.end);
                else if (c == '\\' && at + 1 == len) /* escapes the closing quote */
                    assert_ptr_equal(j.at, j.end);
                else
                    assert_ptr_equal(j.at, text + 1 + at);
            }
}

static void test_depth(void **state)
{
    (void)state;
    for (int object = 0; object < 2; object++)
        for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
            struct buf b;
            buf_init(&b, NULL, 1 << 20);
            for (size_t i = 0; i < depth; i++)
                assert_true(buf_put(&b, object ? "{\"a\":" : "[", object ? 5 : 1));
            if (object)
                assert_true(buf_put_u8(&b, '1'));
            for (size_t i = 0; i < depth; i++)
                assert_true(buf_put_u8(&b, object ? '}' : ']'));
            size_t offset;
            const char *fault;
            bool ok = json_valid(buf_str(&b), &offset, &fault);
            assert_int_equal(ok, depth == JSON_DEPTH);
            if (!ok)
                assert_string_equal(fault, "nested too deeply");
            buf_release(&b);
        }
}

static void test_pull(void **state)
{
    (void)state;
    static const char text[] = " {\"a\": 12, \"b\\n\":[true, \"x\\ty\", {}], \"c\":{\"d\":-1.5e3}, \"e\":null} ";
    struct json j;
    struct str key, raw;
    bool escaped, integer;
    json_init(&j, str_from(text));
    assert_int_equal(json_peek(&j), JSON_OBJECT);
    assert_true(json_enter(&j));
    assert_true(json_member(&j, &key, &escaped));
    assert_true(str_eq(key, STR("a")) && !escaped && json_peek(&j) == JSON_NUMBER);
    assert_true(json_number(&j, &raw, &integer) && integer && str_eq(raw, STR("12")));
    assert_true(json_member(&j, &key, &escaped) && escaped);
    assert_true(json_key_equals(key, escaped, STR("b\n")));
    assert_false(json_key_equals(key, escaped, STR("b")) || json_key_equals(key, escaped, STR("b\nc")));
    assert_true(json_peek(&j) == JSON_ARRAY && json_enter(&j));
    assert_true(json_element(&j) && json_peek(&j) == JSON_TRUE && json_literal(&j, JSON_TRUE));
    assert_true(json_element(&j) && json_peek(&j) == JSON_STRING && json_string(&j, &raw, &escaped) && escaped);
    assert_true(str_eq(raw, STR("x\\ty")));
    assert_true(json_element(&j) && json_skip(&j, &raw) && str_eq(raw, STR("{}")));
    assert_false(json_element(&j) || j.fault);
    assert_int_equal(j.depth, 1);
    assert_true(json_member(&j, &key, &escaped) && json_skip(&j, &raw));
    assert_true(str_eq(raw, STR("{\"d\":-1.5e3}")));
    assert_true(json_member(&j, &key, &escaped) && json_peek(&j) == JSON_NULL && json_literal(&j, JSON_NULL));
    assert_false(json_member(&j, &key, &escaped) || j.fault);
    assert_int_equal(j.depth, 0);
    assert_true(json_peek(&j) == JSON_END && json_finish(&j));
    /* an empty container, and a peek before its end */
    json_init(&j, STR("[ ]"));
    assert_true(json_peek(&j) == JSON_ARRAY && json_enter(&j) && json_peek(&j) == JSON_END);
    assert_false(json_element(&j) || j.fault);
    assert_true(json_finish(&j));
    json_init(&j, STR("12.5"));
    assert_true(json_number(&j, &raw, &integer) && !integer && raw.len == 4);
}

static void test_unescape(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *plain;
    } cases[] = {
        { "", "" },
        { "abc", "abc" },
        { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
        { "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac" },
        { "\\uD83D\\uDE00!", "\xf0\x9f\x98\x80!" },
        { "\\uD83D", "\xef\xbf\xbd" },
        { "\\uDE00x", "\xef\xbf\xbdx" },
        { "\\uD83D\\u0041", "\xef\xbf\xbd"
                            "A" },
        { "\\uD83D\\uD83D\\uDE00", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
        { "\xc3\xa9\\n", "\xc3\xa9\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str raw = str_from(cases[i].raw);
        char *out = malloc(raw.len + 1);
        assert_non_null(out);
        size_t len = json_unescape(raw, out);
        assert_int_equal(len, strlen(cases[i].plain));
        assert_memory_equal(out, cases[i].plain, len);
        assert_true(json_key_equals(raw, true, str_from(cases[i].plain)));
        free(out);
    }
    char zero[8];
    assert_int_equal(json_unescape(STR("\\u0000"), zero), 1);
    assert_int_equal(zero[0], 0);
}

static void test_write(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    static const char text[] = "plain and long enough for a step \"q\" \\ \n\r\t\b\f \x01 \xc3\xa9 \xff\xc3 end\0z";
    assert_true(json_put_string(&out, str_make(text, sizeof text - 1)));
    assert_true(str_eq(buf_str(&out), STR("\"plain and long enough for a step \\\"q\\\" \\\\ \\n\\r\\t\\b\\f \\u0001 "
                                          "\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd end\\u0000z\"")));
    size_t offset;
    const char *fault;
    assert_true(json_valid(buf_str(&out), &offset, &fault));
    /* what is written reads back, whatever valid text it was */
    for (uint32_t cp = 0; cp <= 0x10ffff; cp += cp < 0x3000 ? 1 : 97) {
        char plain[4], back[64];
        size_t n = utf8_put(cp, plain);
        struct json j;
        struct str raw;
        bool escaped;
        buf_clear(&out);
        assert_true(json_put_string(&out, str_make(plain, n)));
        json_init(&j, buf_str(&out));
        assert_true(json_string(&j, &raw, &escaped) && json_finish(&j));
        assert_int_equal(json_unescape(raw, back), n);
        assert_memory_equal(back, plain, n);
    }
    buf_release(&out);
    struct buf tight;
    buf_init(&tight, NULL, 5);
    assert_false(json_put_string(&tight, STR("\x01\x02")));
    buf_release(&tight);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t v;
    } integers[] = {
        { "0", true, 0 }, { "-0", true, 0 }, { "+7", true, 7 }, { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN }, { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 }, { "999999999999999999", true, 999999999999999999 },
        { "000000000000000000000000000012", true, 12 }, { "", false, 0 }, { "-", false, 0 }, { "1x", false, 0 },
        { "1.0", false, 0 }, { " 1", false, 0 }, { "--1", false, 0 }, { "-+1", false, 0 },
    };
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        int64_t v = 42;
        if (text_to_i64(str_from(integers[i].text), &v) != integers[i].ok)
            fail_msg("'%s'", integers[i].text);
        assert_true(v == (integers[i].ok ? integers[i].v : 42));
    }
    double d = 42;
    assert_true(text_to_f64(STR("1.5e3"), &d) && d == 1500);
    assert_true(text_to_f64(STR("0.1"), &d) && d == 0.1);
    assert_true(text_to_f64(STR("1e-400"), &d) && d == 0);
    assert_true(text_to_f64(STR("Infinity"), &d) && d > 1e308);
    d = 42;
    assert_false(text_to_f64(STR("1e400"), &d) || text_to_f64(STR("-1e400"), &d) || text_to_f64(STR("1x"), &d) ||
                 text_to_f64(STR(""), &d));
    assert_true(d == 42);
}

/* The quick integer agrees with json_number and text_to_i64 wherever it answers, and answers where it should. */
static void test_quick_integers(void **state)
{
    (void)state;
    static const char *const tails[] = { ",\"and more behind it\"", "}                ", "", ".5               ",
                                         "e3               ", "E                ", "]" };
    static const char *const numbers[] = { "0", "-0", "7", "-7", "12", "01", "00", "-", "", "12345678", "123456789",
                                           "1234567890123456", "-1234567890123456", "9999999999999999",
                                           "12345678901234567", "-12345678901234567", "9223372036854775807",
                                           "1000000000000000", "x1", "1x", "+1", "--1", "9007199254740993" };
    unsigned answered = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        for (size_t k = 0; k < sizeof tails / sizeof tails[0]; k++) {
            struct json j, slow;
            struct str raw;
            bool integer;
            int64_t v = 42, want = 42;
            size_t n = strlen(numbers[i]), len = n + strlen(tails[k]);
            char *text = malloc(len ? len : 1);
            assert_non_null(text);
            memcpy(text, numbers[i], n);
            memcpy(text + n, tails[k], len - n);
            json_init(&j, str_make(text, len));
            slow = j;
            bool quick = json_quick_i64(&j, &v);
            bool known = json_number(&slow, &raw, &integer) && integer && text_to_i64(raw, &want);
            if (quick) {
                assert_true(known && v == want && j.at == slow.at);
                answered++;
            } else {
                assert_true(j.at == text && !j.fault && v == 42);
            }
            if (known && k == 0 && raw.len == n && n - (raw.ptr[0] == '-') <= 16)
                assert_true(quick);
            free(text);
        }
    assert_true(answered >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_faults), cmocka_unit_test(test_string_bytes),
        cmocka_unit_test(test_depth), cmocka_unit_test(test_pull),   cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_write), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_quick_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
