/* JSON in one form: order, names said twice, numbers by kind, escapes; faults, limits, memory refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text/text.h"

#define FAULT "\x01" /* starts a fault's text */

static const struct {
    const char *text, *want;
    bool last_wins;
} table[] = {
    { " { } ", "{}", false },
    { "[ 1 , true,false , null, \"a\" ]", "[1,true,false,null,\"a\"]", false },
    { "{\"b\":1,\"a\":{\"d\":[],\"c\":{}}}", "{\"a\":{\"c\":{},\"d\":[]},\"b\":1}", false },
    { "{\"c\":1,\"b\":2,\"a\":3,\"ab\":4,\"\":5}", "{\"\":5,\"a\":3,\"ab\":4,\"b\":2,\"c\":1}", false },
    /* by UTF-16: a character beyond the first plane comes before U+FF01 */
    { "{\"\xef\xbc\x81\":1,\"\xf0\x9f\x98\x80\":2}", "{\"\xf0\x9f\x98\x80\":2,\"\xef\xbc\x81\":1}", false },
    { "{\"a\":1,\"b\":{\"x\":0},\"a\":{\"y\":1,\"x\":2},\"a\":3}", "{\"a\":3,\"b\":{\"x\":0}}", true },
    { "{\"\\u0061\":1,\"a\":2}", "{\"a\":2}", true },
    { "{\"a\":1,\"b\":2,\"a\":3}", FAULT "an object has a name twice", false },
    { "[{\"\\u0061\":1,\"a\":2}]", FAULT "an object has a name twice", false },
    /* integers and decimals */
    { "[0,-0,-0.0,0.00,1.50,10.0,100,-7.25]", "[0,0,0,0,1.5,10,100,-7.25]", false },
    { "99999999999999999999999999999999999999", "99999999999999999999999999999999999999", false },
    { "0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001", false },
    { "1.0000000000000000000000000000000000000", "1", false },
    /* doubles */
    { "[1e3,1.5E+300,-2.5e-7,0e0,1E05]", "[1E3,1.5E300,-2.5E-7,0E0,1E05]", false },
    { "100000000000000000000000000000000000000", "100000000000000000000000000000000000000E0", false },
    { "1.00000000000000000000000000000000000000", "1.00000000000000000000000000000000000000E0", false },
    { "0.000000000000000000000000000000000000001", "0.000000000000000000000000000000000000001E0", false },
    { "1e400", FAULT "a number beyond the range of DOUBLE", false },
    { "[-1e999999999999]", FAULT "a number beyond the range of DOUBLE", false },
    /* strings */
    { "\"\\u00e9\\/\\u0001\\n\\\"\\\\\\ud83d\\ude00\"", "\"\xc3\xa9/\\u0001\\n\\\"\\\\\xf0\x9f\x98\x80\"", false },
    { "\"plain \xc3\xa9\"", "\"plain \xc3\xa9\"", false },
    { "", FAULT "a value is expected", false },
    { "[1,", FAULT "a value is expected", false },
    { "{\"a\"", FAULT "':' is expected", false },
    { "{\"a\":1 \"b\":2}", FAULT "',' or '}' is expected", false },
    { "[1}", FAULT "',' or ']' is expected", false },
    { "nul", FAULT "a value is expected", false },
    { "NaN", FAULT "a value is expected", false },
    { "\"a", FAULT "a string has no end", false },
};

static void test_forms(void **state)
{
    (void)state;
    struct json_canon c;
    struct buf out;
    json_canon_init(&c, NULL);
    buf_init(&out, NULL, 1 << 20);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct json j;
        buf_clear(&out);
        assert_true(buf_put(&out, "kept", 4));
        json_init(&j, str_from(table[i].text));
        bool ok = json_canonical(&c, &out, &j, table[i].last_wins);
        assert_false(c.memory);
        if (table[i].want[0] == FAULT[0]) {
            assert_false(ok);
            assert_string_equal(j.fault, table[i].want + 1);
            assert_int_equal(out.len, 4);
            continue;
        }
        if (!ok)
            fail_msg("%s: %s", table[i].text, j.fault);
        assert_int_equal(out.len, 4 + strlen(table[i].want));
        if (memcmp(out.data + 4, table[i].want, out.len - 4) != 0)
            fail_msg("%s: %.*s", table[i].text, (int)out.len - 4, (const char *)out.data + 4);
    }
    buf_release(&out);
    json_canon_release(&c);
}

/* An object of many members in the wrong order, inside of another. */
static struct str large(struct buf *text, uint32_t n)
{
    assert_true(buf_printf(text, "{\"z\":[1,{"));
    for (uint32_t i = n; i > 0; i--)
        assert_true(buf_printf(text, "%s\"k%06u\\n\":%u.50", i == n ? "" : ",", i, i));
    assert_true(buf_printf(text, "}],\"a\":null}"));
    return buf_str(text);
}

static void test_memory_refused(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, NULL, 1 << 24);
    struct str s = large(&text, 3000);
    uint64_t n = 1;
    for (bool done = false; !done; n++) {
        struct json_canon c;
        struct buf out;
        struct json j;
        budget_fail_nth(n);
        json_canon_init(&c, NULL);
        buf_init(&out, NULL, 1 << 24);
        json_init(&j, s);
        done = json_canonical(&c, &out, &j, false);
        assert_int_equal(c.memory, !done);
        assert_true(done || out.len == 0);
        if (done)
            assert_memory_equal(out.data, "{\"a\":null,\"z\":[1,{\"k000001\\n\":1.5,\"k000002\\n\":2.5,", 50);
        buf_release(&out);
        json_canon_release(&c);
    }
    budget_fail_nth(0);
    assert_true(n > 4);
    buf_release(&text);
}

static void test_limits(void **state)
{
    (void)state;
    struct json_canon c;
    struct buf text, out;
    struct json j;
    json_canon_init(&c, NULL);
    buf_init(&text, NULL, 64u << 20);
    buf_init(&out, NULL, 64u << 20);
    for (uint32_t i = 0; i <= JSON_DEPTH; i++)
        assert_true(buf_put_u8(&text, '['));
    json_init(&j, buf_str(&text));
    assert_false(json_canonical(&c, &out, &j, false));
    assert_string_equal(j.fault, "nested too deeply");
    for (int more = 0; more < 2; more++) {
        buf_clear(&text);
        assert_true(buf_put_u8(&text, '"'));
        assert_true(buf_reserve(&text, JSON_CANON_MAX));
        memset(text.data + text.len, 'x', JSON_CANON_MAX);
        text.len += JSON_CANON_MAX - 2 + (size_t)more;
        assert_true(buf_put_u8(&text, '"'));
        json_init(&j, buf_str(&text));
        buf_clear(&out);
        assert_int_equal(json_canonical(&c, &out, &j, false), !more);
        if (more)
            assert_string_equal(j.fault, "more than 16 MiB");
    }
    buf_release(&text);
    buf_release(&out);
    json_canon_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_forms), cmocka_unit_test(test_memory_refused),
                                        cmocka_unit_test(test_limits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
