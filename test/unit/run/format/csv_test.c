/* The csv and raw formats: types, quoting, headers, cuts, round trips. */
#include "support.h"

#define F(n, t) { STR_INIT(n), t }

static struct setup table(const struct field *fields, uint32_t n)
{
    return (struct setup){ .format = &format_csv, .fields = fields, .n_fields = n };
}

static void check(struct setup s, const char *in, const char *wanted)
{
    assert_string_equal(decode_text(&s, in), wanted);
    same_for_all_feeds(s, str_from(in), wanted);
}

static void test_types(void **state)
{
    (void)state;
    const struct field inner[] = { F("x", type_basic(TYPE_INT)), F("y", type_string()) };
    const struct field fields[] = {
        F("b", type_basic(TYPE_BOOLEAN)), F("i", type_basic(TYPE_INT)), F("l", type_basic(TYPE_BIGINT)),
        F("f", type_basic(TYPE_DOUBLE)), F("d", type_decimal(&test_arena, 10, 2)), F("s", type_string()),
        F("t", type_timestamp(&test_arena, TYPE_TIMESTAMP, 3)), F("y", type_basic(TYPE_DATE)), F("r", type_bytes()),
        F("a", type_array(&test_arena, type_basic(TYPE_INT))), F("row", type_row(&test_arena, inner, 2)),
    };
    struct setup s = table(fields, 11);
    check(s,
          "true,1,-9223372036854775808,1.5,12.34,a text of more than twelve,2026-01-02 03:04:05.678,2026-01-02,AAEC,"
          "1;2,7;z\n"
          "FALSE, 2 ,,NaN,1.005,,,,,,;\n"
          "x,,,,,,,,,,;\n",
          "[true,1,-9223372036854775808,1.5,12.34,\"a text of more than twelve\",\"2026-01-02 03:04:05.678\",\""
          "2026-01-02\","
          "\"AAEC\",[1,2],{\"x\":7,\"y\":\"z\"}]\n"
          "[false,2,null,\"NaN\",1.01,\"\",null,null,null,[],{\"x\":null,\"y\":\"\"}]\n"
          "BAD 3:1 field 'b': 'x' is no BOOLEAN\n");
    static const struct {
        uint32_t column;
        const char *text;
    } bad[] = { { 1, "2147483648" }, { 1, "1.0" }, { 1, "a" }, { 2, "9223372036854775808" }, { 3, "x" },
        { 4, "123456789" },
                { 5, "\xFF" }, { 6, "2026-01-02" }, { 6, "2026-01-02T03:04:05" }, { 7, "2026-02-30" }, { 8, "?" },
                { 9, "1;x" },
                { 10, "1" }, { 10, "1;a;b" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf in;
        buf_init(&in, NULL, 1000);
        for (uint32_t c = 0; c < 11; c++)
            assert_true(buf_printf(&in, "%s%s", c ? "," : "", c == bad[i].column ? bad[i].text : c == 10 ? ";" : ""));
        struct str want = arena_printf(&test_arena, "BAD 1:%u ", bad[i].column + 1);
        const char *got = decode_all(&s, buf_str(&in), NULL);
        if (strncmp(got, want.ptr, want.len) != 0 && bad[i].column < 9)
            print_message("%s: %s\n", bad[i].text, got);
        assert_int_equal(strncmp(got, "BAD 1:", 6), 0);
        buf_release(&in);
    }
}

static void test_quotes(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", type_string()), F("b", type_basic(TYPE_INT)) };
    struct setup s = table(fields, 2);
    check(s,
          "\"x, y\",1\n\"a \"\"quoted\"\" word, long\",2\r\n\"two\nlines\",3\n\n,\n\"\",\"5\"\n \"a\" ,6\nlast,7",
          "[\"x, y\",1]\n[\"a \\\"quoted\\\" word, long\",2]\n[\"two\\nlines\",3]\n[\"\",null]\n[\"\",5]\n"
          "[\" \\\"a\\\" \",6]\n"
          "[\"last\",7]\n");
    check(s, "\"a\"b,1\nc,2\n", "BAD 1:0 not CSV: text after the closing quote\n[\"c\",2]\n");
    check(s, "a\nb,1,2\nc,3\n\"open,4\nd,5\n",
        "BAD 1:1 1 fields instead of 2\nBAD 2:1 3 fields instead of 2\n[\"c\",3]\n"
                                               "BAD 4:0 not CSV: a quote is not closed\n[\"d\",5]\n");
    struct str bad;
    decode_all(&s, STR("ok,1\n\"a\"b,1\r\nc,2,3"), &bad);
    assert_true(str_eq(bad, STR("\"a\"b,1\r\nc,2,3")));
    struct setup plain = table(fields, 2);
    plain.options[0][0] = "csv.disable-quote-character";
    plain.options[0][1] = "true";
    check(plain, "\"x\",1\n", "[\"\\\"x\\\"\",1]\n");
}

static void test_options(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", type_string()), F("b", type_basic(TYPE_INT)), F("c", type_array(&test_arena,
        type_string())) };
    struct setup s = table(fields, 3);
    static const char *const options[][2] = {
        { "csv.field-delimiter", "\\t" }, { "csv.quote-character", "'" }, { "csv.escape-character", "\\" },
        { "csv.null-literal", "n/a" },    { "csv.allow-comments", "true" }, { "csv.array-element-delimiter", "||" },
    };
    memcpy(s.options, options, sizeof options);
    check(s, "# comment\n'a\\'b'\t1\tx||n/a||y\nn/a\tn/a\tn/a\n'n/a'\t2\t\n",
          "[\"a'b\",1,[\"x\",null,\"y\"]]\n[null,null,null]\n[\"n/a\",2,[]]\n");
    assert_string_equal(recode(&s, "n/a\t1\tx||n/a\n'n/a'\t2\t''\n"), "n/a\t1\tx||n/a\n'n/a'\t2\t\n");
    struct setup ignore = table(fields, 3);
    ignore.options[0][0] = "csv.ignore-parse-errors";
    ignore.options[0][1] = "true";
    check(ignore, "a,x,1;2\nb\n\"c\"d,1,2\ne,2,3,4\n",
        "[\"a\",null,[\"1\",\"2\"]]\n[\"b\",null,null]\n[\"e\",2,[\"3\"]]\n");
    static const char *const refused[][2] = {
        { "csv.field-delimiter", "" }, { "csv.field-delimiter", "ab" }, { "csv.field-delimiter", "\"" },
        { "csv.quote-character", "\n" }
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct setup r = table(fields, 3);
        r.options[0][0] = refused[i][0];
        r.options[0][1] = refused[i][1];
        assert_non_null(strstr(decode_text(&r, ""), "ERROR csv."));
    }
    const struct field map[] = { F("m", type_map(&test_arena, type_string(), type_string())) };
    struct setup m = table(map, 1);
    assert_non_null(strstr(decode_text(&m, ""), "ERROR column 'm': csv cannot carry a MAP"));
}

static void test_nulls_and_needs(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", not_null(type_basic(TYPE_INT))), F("b", type_string()),
        F("c", type_basic(TYPE_INT)) };
    struct setup s = table(fields, 3);
    check(s, "1,x,\n,y,2\n3,z,3\n",
        "[1,\"x\",null]\nBAD 2:1 field 'a': NULL, but the column is NOT NULL\n[3,\"z\",3]\n");
    const struct need needs[] = { { .used = false }, { .used = true }, { .used = false } };
    s.needs = needs;
    check(s, "1,x,\nbad,y,bad\n", "[null,\"x\",null]\n[null,\"y\",null]\n");
}

static void test_headers(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("b", type_string()) };
    struct setup s = table(fields, 2);
    const char *in = "\xEF\xBB\xBF" "B,other,\"a\"\nx,?,1\ny,?,2\n";
    s.options[0][0] = "csv.header";
    s.options[0][1] = "names";
    check(s, in, "[1,\"x\"]\n[2,\"y\"]\n");
    assert_non_null(strstr(decode_text(&s, "a,c\n1,2\n"), "ERROR column 'b' is not in the CSV header"));
    assert_non_null(strstr(decode_text(&s, "a,b,a\n1,2,3\n"), "ERROR column 'a' stands twice"));
    assert_string_equal(recode(&s, "b,a\nx,1\n"), "a,b\n1,x\n");
    s.options[0][1] = "skip";
    check(s, "what,ever,this,is\n1,x\n", "[1,\"x\"]\n");
    check(s, "\xEF\xBB\xBF", "");
    s.position = 5; /* no header in the middle of a file */
    check(s, "1,x\n2,y\n", "[1,\"x\"]\n[2,\"y\"]\n");
}

/* Going on in the middle of a file: the header is given again, by itself. */
static void test_header_again(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("b", type_string()) };
    struct schema schema = { fields, 2 };
    const struct option o[] = { { STR("csv.header"), STR("names"), 0, 0 } };
    struct table_desc t = { .options = { o, 1 } };
    struct connect_context ctx = { .zone = zone_utc };
    struct decoder *d;
    struct error err;
    struct decoded r;
    struct str in = STR("b,a\nx,1\ny,2\n");
    struct shared *c = chunk_of(in, 0);
    struct batch *b = batch_new(&schema, 8, NULL);
    assert_int_equal(format_csv.open_decoder(&t, &schema, NULL, &ctx, NULL, &d, &err), ST_OK);
    assert_false(format_wants_header(d));
    d->ops->reset(d, 8);
    assert_true(format_wants_header(d));
    assert_int_equal(d->ops->decode(d, c, 0, 2, false, b, 8, &r, &err), ST_OK); /* too short for it */
    assert_int_equal(r.used, 0);
    assert_true(format_wants_header(d));
    assert_int_equal(d->ops->decode(d, c, 0, c->len, true, b, 8, &r, &err), ST_OK);
    assert_int_equal(r.used, 4);
    assert_int_equal(b->count, 0);
    assert_false(format_wants_header(d));
    assert_int_equal(d->ops->decode(d, c, 8, c->len, true, b, 8, &r, &err), ST_OK);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->cols[0].i32[0], 2);
    d->ops->free(d);
    batch_free(b);
    shared_unref(c);
}

static void test_messages(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("b", type_string()) };
    struct setup s = table(fields, 2);
    s.messages = true;
    assert_string_equal(decode_text(&s, "1,x\n\n2,a text of more than twelve\nx,y\n3\n"),
                        "[1,\"x\"]\n[2,\"a text of more than twelve\"]\nBAD 4:1 field 'a': 'x' is no INT\n"
                        "BAD 5:1 1 fields instead of 2\n");
}

static void test_round_trip(void **state)
{
    (void)state;
    const struct field fields[] = { F("s", type_string()), F("d", type_decimal(&test_arena, 20, 12)),
        F("f", type_basic(TYPE_FLOAT)),
                                    F("z", type_timestamp(&test_arena, TYPE_TIMESTAMP_LTZ, 3)), F("b", type_bytes()),
                                        F("o", type_basic(TYPE_BOOLEAN)) };
    struct setup s = table(fields, 6);
    const char *in =
        "\"a,\"\"b\"\"\nc\",0.000000000001,1.5E10,2026-01-02 03:04:05.5Z,AAEC,true\n,,,,,\n\" x \",,,,,false\n";
    assert_string_equal(recode(&s, in), in);
    struct setup one = table(fields, 1);
    assert_string_equal(recode(&s, ",,,,\"\",\n"), ",,,,\"\",\n"); /* empty bytes are not NULL */
    assert_string_equal(recode(&one, "\"\"\nx\n"), "\"\"\nx\n");
}

/* What the encoder writes fast: texts of every length with what needs quotes at every place, numbers, times. */
static void test_fast(void **state)
{
    (void)state;
    const struct field fields[] = { F("s", type_string()), F("t", type_timestamp(&test_arena, TYPE_TIMESTAMP, 3)),
                                    F("i", type_basic(TYPE_INT)), F("l", type_basic(TYPE_BIGINT)) };
    struct setup two = table(fields, 4);
    for (size_t len = 1; len <= 40; len++)
        for (size_t at = 0; at <= len; at++)
            for (const char *special = ",\n\r\" #"; *special; special++) {
                char text[64] = "", plain[128], wanted[128];
                memset(text, 'x', len);
                if (at < len)
                    text[at] = *special;
                bool blank = *special == ' ' && (at == 0 || at == len - 1);
                bool quoted = at < len && *special != '#' && (*special != ' ' || blank);
                bool doubled = quoted && *special == '"';
                snprintf(wanted, sizeof wanted, "%s%.*s%s%s%s,,,\n", quoted ? "\"" : "", (int)at, text, doubled ? "\"" : "",
                         text + at, quoted ? "\"" : "");
                snprintf(plain, sizeof plain, "\"%.*s%s%s\",,,\n", (int)at, text, doubled ? "\"" : "", text + at);
                assert_string_equal(recode(&two, plain), wanted);
            }
    const char *in = "a,2026-01-02 03:04:05,0,9223372036854775807\nb,2026-01-02 03:04:59.999,-2147483648,-9223372036854775808\n"
                     "c,2026-01-02 03:05:00.1,2147483647,-1\nd,1969-12-31 23:59:59.99,99,100\ne,1969-12-31 23:59:00,10,101\n"
                     "f,1970-01-01 00:00:00.001,9,1000000007\n";
    assert_string_equal(recode(&two, in), in);
    two.options[0][0] = "csv.null-literal", two.options[0][1] = "7";
    assert_string_equal(recode(&two, "\"7\",7,\"7\",77\n7,7,7,7\n"), "\"7\",7,\"7\",77\n7,7,7,7\n");
    two.options[0][0] = "csv.field-delimiter", two.options[0][1] = "-";
    assert_string_equal(recode(&two, "a-\"2026-01-02 03:04:05\"-\"-1\"-2\n"), "a-\"2026-01-02 03:04:05\"-\"-1\"-2\n");
}

static void test_raw(void **state)
{
    (void)state;
    const struct field fields[] = { F("line", type_string()) };
    struct setup s = { .format = &format_raw, .fields = fields, .n_fields = 1 };
    check(s, "a\n\n{\"not\": \"parsed\"}, whatever\r\nbad \xFF\nlast",
          "[\"a\"]\n[\"\"]\n[\"{\\\"not\\\": \\\"parsed\\\"}, whatever\\r\"]\nBAD 4:5 invalid UTF-8\n[\"last\"]\n");
    s.messages = true;
    assert_string_equal(decode_text(&s, "a\nb c d e f g h i j k l m\n"), "[\"a\"]\n[\"b c d e f g h i j k l m\"]\n");
    s.messages = false;
    assert_string_equal(recode(&s, "a\nlonger than twelve bytes\n\n"), "a\nlonger than twelve bytes\n\n");
    const struct field bytes[] = { F("line", type_bytes()) };
    s.fields = bytes;
    assert_string_equal(decode_text(&s, "\xFF\n"), "[\"/w==\"]\n");
    const struct field two[] = { F("a", type_string()), F("b", type_string()) };
    s.fields = two;
    s.n_fields = 2;
    assert_non_null(strstr(decode_text(&s, ""), "ERROR format 'raw' takes exactly one"));
    const struct field number[] = { F("a", type_basic(TYPE_INT)) };
    s.fields = number;
    s.n_fields = 1;
    assert_non_null(strstr(decode_text(&s, ""), "ERROR format 'raw' takes a column of text or bytes"));
}

static void test_raw_tombstone(void **state)
{
    (void)state;
    const struct field fields[] = { F("v", type_string()) };
    struct schema schema = { fields, 1 };
    struct table_desc t = { .name = STR("t") };
    struct connect_context ctx = { .zone = zone_utc };
    struct decoder *d;
    struct error err;
    struct decoded r;
    struct batch *b = batch_new(&schema, 2, NULL);
    assert_int_equal(format_raw.open_decoder(&t, &schema, NULL, &ctx, NULL, &d, &err), ST_OK);
    assert_int_equal(d->ops->decode_one(d, NULL, (struct str){ 0 }, b, &r, &err), ST_OK);
    assert_int_equal(b->count, 1);
    assert_true(column_is_null(&b->cols[0], 0));
    d->ops->free(d);
    batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_types, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_quotes, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_options, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_nulls_and_needs, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_headers, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_header_again, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_messages, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_round_trip, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_fast, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_raw, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_raw_tombstone, arena_up, arena_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
