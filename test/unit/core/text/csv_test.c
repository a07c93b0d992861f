/* The CSV scanner: dialects, faults, bytes that end anywhere, writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text/text.h"

#define FIELDS_MAX 8u

static const struct csv_dialect plain = { .delimiter = ',', .quote = '"' };
static const struct csv_dialect comments = { .delimiter = ',', .quote = '"', .comments = true };
static const struct csv_dialect trims = { .delimiter = ',', .quote = '"', .trim = true };
static const struct csv_dialect escapes = { .delimiter = ';', .quote = '\'', .escape = '\\' };
static const struct csv_dialect tabs = { .delimiter = '\t', .trim = true };

/* All records as text: fields in <>, quoted ones in [], records by newlines; bad: !fault@length. */
static void render(const struct csv_dialect *d, struct str text, bool at_end, struct buf *out, size_t *ret_rest)
{
    uint32_t line = 1;
    while (text.len) {
        struct csv_field f[FIELDS_MAX];
        uint32_t n = 0, lines = 0;
        size_t used = 0;
        const char *fault = NULL;
        enum csv_result r = csv_record(d, text, at_end, f, FIELDS_MAX, &n, &used, &lines, &fault);
        if (r == CSV_MORE)
            break;
        assert_true(used > 0 && used <= text.len);
        if (r == CSV_BAD)
            assert_true(buf_printf(out, "%u!%s\n", line, fault));
        if (r == CSV_RECORD) {
            assert_true(buf_printf(out, "%u", line));
            for (uint32_t i = 0; i < n && i < FIELDS_MAX; i++) {
                char plain_text[256];
                struct str s = f[i].raw;
                if (f[i].escaped)
                    s = str_make(plain_text, csv_unescape(d, s, plain_text));
                assert_true(buf_printf(out, f[i].quoted ? "[%.*s]" : "<%.*s>", STR_ARG(s)));
            }
            assert_true(buf_put_u8(out, '\n'));
        }
        line += lines;
        text = (struct str){ text.ptr + used, text.len - used };
    }
    *ret_rest = text.len;
}

static const struct {
    const struct csv_dialect *d;
    const char *text, *want;
} cases[] = {
    { &plain, "a,b\n", "1<a><b>\n" },
    { &plain, "a,b", "1<a><b>\n" },
    { &plain, "a,b\r\nc,d\r\n", "1<a><b>\n2<c><d>\n" },
    { &plain, "a,\n,\n", "1<a><>\n2<><>\n" },
    { &plain, "a,", "1<a><>\n" },
    { &plain, "\n\r\na\n", "3<a>\n" },
    { &plain, "\"a,b\",\"c\"\"d\",\"\"\n", "1[a,b][c\"d][]\n" },
    { &plain, "\"a\nb\",c\nd,e\n", "1[a\nb]<c>\n3<d><e>\n" },
    { &plain, "\"a\r\nb\"\r\nd\r\n", "1[a\r\nb]\n3<d>\n" },
    { &plain, "a\"b\",c\n", "1<a\"b\"><c>\n" },
    { &plain, " \"a\" ,b\n", "1< \"a\" ><b>\n" },
    { &plain, "a\rb\n", "1<a\rb>\n" },
    { &plain, "\"a\"", "1[a]\n" },
    { &plain, "\"a\"\r", "1[a]\n" },
    { &plain, "a\r", "1<a>\n" },
    { &plain, "\r", "" },
    { &plain, "#a\n", "1<#a>\n" },
    { &plain, "0123456789abcdefghijklmnopqrstuvwxyz,0123456789abcdefghijklmnopqrstuvwxyz\n",
      "1<0123456789abcdefghijklmnopqrstuvwxyz><0123456789abcdefghijklmnopqrstuvwxyz>\n" },
    { &plain, "\"a\"b,c\nd\n", "1!text after the closing quote\n2<d>\n" },
    { &plain, "\"a\" ,c\nd\n", "1!text after the closing quote\n2<d>\n" },
    { &plain, "x,\"a\nb\nc,d\n", "1!a quote is not closed\n2<b>\n3<c><d>\n" },
    { &plain, "\"a\"\"", "1!a quote is not closed\n" },
    { &plain, "\"", "1!a quote is not closed\n" },
    { &comments, "# x, \"y\na\n#", "2<a>\n" },
    { &comments, "a,#b\n", "1<a><#b>\n" },
    { &comments, "\"#a\"\n", "1[#a]\n" },
    { &trims, "  a b ,\t\"  c \" , d\n", "1<a b>[  c ]<d>\n" },
    { &trims, "  \r\n", "1<>\n" },
    { &escapes, "a\\;b;'c\\'d''e';f\\\\\n", "1<a;b>[c'd'e]<f\\>\n" },
    { &escapes, "a\\\nb;c\n", "1<a\nb><c>\n" },
    { &escapes, "'a\\", "1!a quote is not closed\n" },
    { &escapes, "a\\", "1<a\\>\n" },
    { &tabs, "a\t\t \"b\t c \n", "1<a><><\"b><c>\n" },
};

static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        size_t rest, len = strlen(cases[i].text);
        char *text = malloc(len); /* of its own size: no step past the end goes unseen */
        assert_non_null(text);
        memcpy(text, cases[i].text, len);
        buf_init(&out, NULL, 1 << 16);
        render(cases[i].d, str_make(text, len), true, &out, &rest);
        if (rest || !str_eq(buf_str(&out), str_from(cases[i].want)))
            fail_msg("case %zu: %.*s (%zu left)", i, STR_ARG(buf_str(&out)), rest);
        buf_release(&out);
        free(text);
    }
}

/* Whatever part of the bytes is there: what is read from it is a beginning of what is read from all. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].text), rest;
        struct str want = str_from(cases[i].want);
        for (size_t cut = 0; cut <= len; cut++) {
            struct buf out;
            char *text = malloc(cut ? cut : 1);
            assert_non_null(text);
            memcpy(text, cases[i].text, cut);
            buf_init(&out, NULL, 1 << 16);
            render(cases[i].d, str_make(text, cut), false, &out, &rest);
            if (!str_starts(want, buf_str(&out)))
                fail_msg("case %zu cut at %zu: %.*s", i, cut, STR_ARG(buf_str(&out)));
            buf_release(&out);
            free(text);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct csv_field f[2];
    uint32_t n, lines;
    size_t used;
    const char *fault;
    assert_int_equal(csv_record(&plain, STR("a,b,c,d\n"), true, f, 2, &n, &used, &lines, &fault), CSV_RECORD);
    assert_true(n == 4 && used == 8 && lines == 1 && str_eq(f[1].raw, STR("b")));
    assert_int_equal(csv_record(&plain, STR(""), true, f, 2, &n, &used, &lines, &fault), CSV_MORE);
    assert_int_equal(csv_record(&plain, STR("a,b"), false, f, 2, &n, &used, &lines, &fault), CSV_MORE);
    assert_int_equal(csv_record(&plain, STR("a,b"), true, f, 2, &n, &used, &lines, &fault), CSV_RECORD);
    assert_int_equal(lines, 0);
    assert_int_equal(csv_record(&comments, STR("#a\n1"), true, f, 2, &n, &used, &lines, &fault), CSV_SKIP);
    assert_true(used == 3 && lines == 1);
    assert_int_equal(csv_record(&plain, STR("\"a\"x\"\n\""), true, f, 2, &n, &used, &lines, &fault), CSV_BAD);
    assert_true(used == 6 && lines == 1);
}

/* What is written reads back as the same fields. */
static void test_write(void **state)
{
    (void)state;
    static const char *const values[] = { "", "a", "a,b", "a;b", "a\"b", "a'b", "a\nb", "a\r", " a", "a ", "#a", "a\\b",
                                          "\\", "\"", "''", "\t" };
    static const struct csv_dialect *const dialects[] = { &plain, &comments, &trims, &escapes };
    size_t n_values = sizeof values / sizeof values[0];
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
        for (size_t v = 0; v < n_values; v++) {
            const struct csv_dialect *d = dialects[i];
            struct buf out;
            struct csv_field f[3];
            uint32_t n, lines;
            size_t used;
            const char *fault;
            char text[64];
            buf_init(&out, NULL, 1 << 16);
            struct str value = str_from(values[v]), next = str_from(values[(v + 7) % n_values]);
            assert_true(csv_put_field(&out, d, value, true) && buf_put_u8(&out, (uint8_t)d->delimiter) &&
                        csv_put_field(&out, d, next, false) && buf_put_u8(&out, '\n'));
            assert_int_equal(csv_record(d, buf_str(&out), true, f, 3, &n, &used, &lines, &fault), CSV_RECORD);
            assert_true(n == 2 && used == out.len);
            struct str back = f[0].escaped ? str_make(text, csv_unescape(d, f[0].raw, text)) : f[0].raw;
            assert_true(str_eq(back, value));
            assert_int_equal(f[0].quoted, value.len == 0 || f[0].quoted);
            back = f[1].escaped ? str_make(text, csv_unescape(d, f[1].raw, text)) : f[1].raw;
            assert_true(str_eq(back, next));
            buf_release(&out);
        }
    struct buf out;
    buf_init(&out, NULL, 1 << 16);
    assert_true(csv_put_field(&out, &plain, STR("plain"), true) && csv_put_field(&out, &plain, STR(""), false));
    assert_true(str_eq(buf_str(&out), STR("plain")));
    buf_clear(&out); /* a byte order mark, which a reader would drop at the start of a file */
    assert_true(csv_put_field(&out, &plain, STR("\xEF\xBB\xBFx"), true));
    assert_true(str_eq(buf_str(&out), STR("\"\xEF\xBB\xBFx\"")));
    static const struct csv_dialect bare = { .delimiter = ',', .escape = '\\' };
    buf_clear(&out);
    assert_true(csv_put_field(&out, &bare, STR("a,b\\c"), true));
    assert_true(str_eq(buf_str(&out), STR("a\\,b\\\\c")));
    buf_release(&out);
}

static void test_newline(void **state)
{
    (void)state;
    char text[100];
    memset(text, 'x', sizeof text);
    for (size_t at = 0; at < sizeof text; at++) {
        text[at] = '\n';
        assert_ptr_equal(text_find_newline(text, text + sizeof text), text + at);
        assert_ptr_equal(text_find_newline(text, text + at), text + at);
        text[at] = 'x';
    }
    assert_ptr_equal(text_find_newline(text, text), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records), cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_write),   cmocka_unit_test(test_newline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
