/* The json format: types × values on the fast and the general path, the order of keys, framing, options. */
#include "support.h"

#include "format/json.h"

#define F(n, t) { STR_INIT(n), t }

/* Both paths, with and without slack, as lines and as messages. */
static void check(struct setup s, const char *in, const char *wanted)
{
    s.slack = 256;
    assert_string_equal(decode_text(&s, in), wanted);
    s.slack = 0;
    assert_string_equal(decode_text(&s, in), wanted);
    s.slack = 256;
    s.tweak = json_decoder_general_only;
    assert_string_equal(decode_text(&s, in), wanted);
}

/* The value in a column of type t, read after a good record has taught the scanner. */
struct value_case {
    const char *json, *wanted; /* wanted NULL: bad */
};

static void check_values(const struct type *t, const struct value_case *cases, size_t n)
{
    const struct field fields[] = { F("v", t), F("n", type_basic(TYPE_INT)) };
    for (size_t i = 0; i < n; i++) {
        struct setup s = { .format = &format_json, .fields = fields, .n_fields = 2 };
        struct str in = arena_printf(&test_arena, "{\"v\":null,\"n\":1}\n{\"v\":%s,\"n\":2}\n{\"v\":null,\"n\":3}\n",
                                     cases[i].json);
        for (int way = 0; way < 3; way++) {
            s.slack = way < 2 ? 256 : 0;
            s.messages = way == 1;
            const char *got = decode_all(&s, in, NULL);
            if (cases[i].wanted) {
                struct str want =
                    arena_printf(&test_arena, "[null,1]\n[%s,2]\n[null,3]\n", cases[i].wanted);
                if (strcmp(got, want.ptr) != 0)
                    print_message("value %s, way %d\n", cases[i].json, way);
                assert_string_equal(got, want.ptr);
            } else {
                if (!strstr(got, "BAD 2:"))
                    print_message("value %s, way %d: %s\n", cases[i].json, way, got);
                assert_non_null(strstr(got, "[null,1]\nBAD 2:"));
                assert_non_null(strstr(got, "[null,3]\n"));
            }
        }
    }
}
#define CHECK_VALUES(t, ...)                                                    \
    do {                                                                        \
        static const struct value_case cases_[] = { __VA_ARGS__ };              \
        check_values((t), cases_, sizeof cases_ / sizeof cases_[0]);            \
    } while (0)

static void test_integers(void **state)
{
    (void)state;
    CHECK_VALUES(type_basic(TYPE_BIGINT), { "0", "0" }, { "-0", "0" }, { "7", "7" }, { "-12", "-12" },
                 /* as many digits as are read at once, and one more or fewer */
                 { "1234567", "1234567" }, { "12345678", "12345678" }, { "-99999999", "-99999999" },
                 { "123456789", "123456789" }, { "01234567", NULL }, { "012345678", NULL }, { "12345678x", NULL },
                 { "-1234567890123456", "-1234567890123456" },
                 { "123456789012345678", "123456789012345678" }, { "9223372036854775807", "9223372036854775807" },
                 { "-9223372036854775808", "-9223372036854775808" }, { "9223372036854775808", NULL },
                 { "-9223372036854775809", NULL }, { "99999999999999999999999", NULL }, { "\"42\"", "42" },
                 { "\" 42 \"", "42" }, { "\"+42\"", "42" }, { "\"\"", NULL }, { "\"4.2\"", NULL }, { "4.9", "4" },
                 { "-4.9", "-4" }, { "1e3", "1000" }, { "1e30", NULL }, { "01", NULL }, { "+1", NULL }, { "-", NULL },
                 { "1.", NULL }, { ".5", NULL }, { "true", NULL }, { "{}", NULL }, { "[1]", NULL }, { " 5 ", "5" },
                 { "null", "null" }, { "nul", NULL }, { "0x10", NULL }, { "1 2", NULL }, { "\"abc\"", NULL });
    CHECK_VALUES(type_basic(TYPE_INT), { "2147483647", "2147483647" }, { "2147483648", NULL },
                 { "-2147483648", "-2147483648" }, { "-2147483649", NULL }, { "\"2147483648\"", NULL });
    CHECK_VALUES(type_basic(TYPE_SMALLINT), { "32767", "32767" }, { "32768", NULL }, { "-32769", NULL });
    CHECK_VALUES(type_basic(TYPE_TINYINT), { "-128", "-128" }, { "128", NULL }, { "127.9", "127" });
}

static void test_numbers(void **state)
{
    (void)state;
    CHECK_VALUES(type_basic(TYPE_DOUBLE), { "1", "1.0" }, { "0.1", "0.1" }, { "-0.5", "-0.5" }, { "-0", "-0.0" },
                 { "-0.0", "-0.0" }, { "123456.789", "123456.789" }, { "1e3", "1000.0" }, { "1.5E-3", "0.0015" },
                 { "9007199254740993", "9.007199254740992E15" }, { "0.30000000000000004", "0.30000000000000004" },
                 { "123456789.123456789123", "1.2345678912345679E8" }, { "\"2.5\"", "2.5" }, { "\"NaN\"", "\"NaN\"" },
                 { "1.", NULL }, { "00.5", NULL }, { "1e", NULL }, { "NaN", NULL }, { "\"x\"", NULL },
                 { "false", NULL });
    CHECK_VALUES(type_basic(TYPE_FLOAT), { "0.1", "0.1" }, { "16777217", "1.6777216E7" }, { "\"1e2\"", "100.0" });
    CHECK_VALUES(type_decimal(&test_arena, 10, 2), { "1", "1.00" }, { "12.34", "12.34" }, { "-0.5", "-0.50" },
                 { "99999999.99", "99999999.99" }, { "100000000", NULL }, { "1.005", "1.01" }, { "1.004", "1.00" },
                 { "\"7.1\"", "7.10" }, { "1e2", "100.00" }, { "\"x\"", NULL }, { "1.2.3", NULL }, { "true", NULL },
                 { "99999999.999", NULL });
    CHECK_VALUES(type_decimal(&test_arena, 18, 0), { "999999999999999999", "999999999999999999" },
                 { "1000000000000000000", NULL }, { "-999999999999999999", "-999999999999999999" });
    CHECK_VALUES(type_decimal(&test_arena, 38, 18), { "0.123456789012345678", "0.123456789012345678" },
                 { "12345678901234567890", "12345678901234567890.000000000000000000" });
    CHECK_VALUES(type_basic(TYPE_BOOLEAN), { "true", "true" }, { "false", "false" }, { "\"true\"", "true" },
                 { "\"FALSE\"", "false" }, { "1", NULL }, { "\"yes\"", NULL }, { "tru", NULL }, { "falsy", NULL },
                 { "trues", NULL });
}

static void test_text(void **state)
{
    (void)state;
    CHECK_VALUES(type_string(), { "\"\"", "\"\"" }, { "\"a\"", "\"a\"" }, { "\"twelve bytes\"", "\"twelve bytes\"" },
                 { "\"thirteen byte\"", "\"thirteen byte\"" },
                 { "\"a text that is longer than sixteen bytes, so it goes on\"",
                   "\"a text that is longer than sixteen bytes, so it goes on\"" },
                 { "\"a\\\"b\"", "\"a\\\"b\"" },
                 { "\"tab\\there and some more text\"", "\"tab\\there and some more text\"" },
                 { "\"\\u00e9\\ud83d\\ude00\"", "\"\xC3\xA9\xF0\x9F\x98\x80\"" },
                 { "\"gr\xC3\xBC\xC3\x9F" "e an alle, die das lesen\"",
                 "\"gr\xC3\xBC\xC3\x9F" "e an alle, die das lesen\"" },
                 { "\"\xC3\xBC\"", "\"\xC3\xBC\"" }, { "\"\xC3\"", NULL },
                 { "\"sixteen bytes or \xED\xA0\x80\"", NULL },
                 { "\"\x01\"", NULL }, { "\"a\tb\"", NULL }, { "\"open", NULL }, { "\"\\x\"", NULL },
                 { "\"\\u12\"", NULL },
                 { "12", "\"12\"" }, { "1.50", "\"1.50\"" }, { "true", "\"true\"" },
                 { "{ \"a\" : [1, \"x y\"] }", "\"{\\\"a\\\":[1,\\\"x y\\\"]}\"" }, { "'a'", NULL });
    CHECK_VALUES(type_bytes(), { "\"aGVsbG8=\"", "\"aGVsbG8=\"" }, { "\"\"", "\"\"" }, { "\"?\"", NULL },
        { "1", NULL });
}

static void test_times(void **state)
{
    (void)state;
    CHECK_VALUES(type_timestamp(&test_arena, TYPE_TIMESTAMP, 3),
                 { "\"2026-01-02 03:04:05.678\"", "\"2026-01-02 03:04:05.678\"" },
                 { "\"2026-01-02 03:04:05\"", "\"2026-01-02 03:04:05.000\"" },
                 { "\"2026-01-02 03:04:05.6789\"", "\"2026-01-02 03:04:05.678\"" },
                 { "\"1969-12-31 23:59:59.999\"", "\"1969-12-31 23:59:59.999\"" },
                 { "\"2024-02-29 00:00:00.001\"", "\"2024-02-29 00:00:00.001\"" },
                 { "\"2023-02-29 00:00:00.000\"", "\"2023-02-28 00:00:00.000\"" },
                 { "\"2023-02-32 00:00:00.000\"", NULL }, { "\"2026-13-02 03:04:05.678\"", NULL },
                 { "\"2026-01-02 24:04:05.678\"", NULL }, { "\"2026-01-02 03:60:05.678\"", NULL },
                 { "\"2026-01-02 03:04:60.678\"", NULL }, { "\"2026-01-02 03:04:0x.678\"", NULL },
                 { "\"2026-01-02 03:04:05.67x\"", NULL }, { "\"2026-01-02 03:04:05.\"", NULL },
                 { "\"2026-01-02T03:04:05.678\"", NULL }, { "\"2026-01-02 03:04:05.678Z\"", NULL },
                 { "\"2026-01-02 03:04\"", NULL }, { "\"2026-01-02\"", NULL }, { "1767323045678", NULL },
                 { "\"\"", NULL },
                 { "\"2026-01-02 03\\u003a04:05.678\"", "\"2026-01-02 03:04:05.678\"" });
    CHECK_VALUES(type_timestamp(&test_arena, TYPE_TIMESTAMP, 6),
                 { "\"2026-01-02 03:04:05.678\"", "\"2026-01-02 03:04:05.678000\"" },
                 { "\"2026-01-02 03:04:05.678901\"", "\"2026-01-02 03:04:05.678901\"" });
    CHECK_VALUES(type_timestamp(&test_arena, TYPE_TIMESTAMP, 0),
                 { "\"2026-01-02 03:04:05.678\"", "\"2026-01-02 03:04:05\"" });
    CHECK_VALUES(type_timestamp(&test_arena, TYPE_TIMESTAMP, 9),
                 { "\"2026-01-02 03:04:05.123456789\"", "\"2026-01-02 03:04:05.123456789\"" },
                 { "\"2300-01-02 03:04:05.123456789\"", NULL });
    CHECK_VALUES(type_timestamp(&test_arena, TYPE_TIMESTAMP_LTZ, 3),
                 { "\"2026-01-02 03:04:05.678Z\"", "\"2026-01-02 03:04:05.678\"" },
                 { "\"2026-01-02 03:04:05.678\"", "\"2026-01-02 03:04:05.678\"" },
                 { "\"2026-01-02 03:04:05.678+01:30\"", "\"2026-01-02 01:34:05.678\"" },
                 { "\"2026-01-02 03:04:05.678z\"", NULL }, { "\"2026-01-02 03:04:05.678ZZ\"", NULL });
    CHECK_VALUES(type_basic(TYPE_DATE), { "\"2026-01-02\"", "\"2026-01-02\"" }, { "\"2026-1-2\"", NULL },
        { "1", NULL });
    CHECK_VALUES(type_basic(TYPE_TIME), { "\"03:04:05\"", "\"03:04:05\"" }, { "\"25:00:00\"", NULL });
    /* ISO-8601, and a session zone for times that name none. */
    const struct field fields[] = { F("t", type_timestamp(&test_arena, TYPE_TIMESTAMP, 3)),
                                    F("z", type_timestamp(&test_arena, TYPE_TIMESTAMP_LTZ, 3)) };
    struct setup s = { .format = &format_json, .fields = fields, .n_fields = 2, .slack = 256,
                       .options = { { "json.timestamp-format.standard", "ISO-8601" } } };
    assert_true(zone_parse(STR("+02:00"), &s.zone));
    check(s, "{\"t\":\"2026-01-02T03:04:05.678\",\"z\":\"2026-01-02T03:04:05Z\"}\n{\"t\":\"2026-01-02T03:04\",\"z\":"
             "\"2026-01-02T03:04:05\"}\n{\"t\":\"2026-01-02 03:04:05\"}\n{\"t\":\"2026-02-30T03:04:05\"}\n",
          "[\"2026-01-02 03:04:05.678\",\"2026-01-02 03:04:05.000\"]\n"
          "[\"2026-01-02 03:04:00.000\",\"2026-01-02 01:04:05.000\"]\n"
          "BAD 3:6 field 't': \"2026-01-02 03:04:05\" is no TIMESTAMP(3)\n"
          "BAD 4:6 field 't': \"2026-02-30T03:04:05\" is no TIMESTAMP(3)\n");
}

static void test_nested(void **state)
{
    (void)state;
    const struct field inner[] = { F("x", type_basic(TYPE_INT)), F("y", type_string()) };
    const struct type *row = type_row(&test_arena, inner, 2);
    CHECK_VALUES(row, { "{\"x\":1,\"y\":\"a\"}", "{\"x\":1,\"y\":\"a\"}" }, { "{}", "{\"x\":null,\"y\":null}" },
                 { "{\"y\":\"b\"}", "{\"x\":null,\"y\":\"b\"}" },
                 { "{ \"y\" : \"b\" , \"x\":2 }", "{\"x\":2,\"y\":\"b\"}" },
                 { "{\"z\":[{}],\"x\":3}", "{\"x\":3,\"y\":null}" }, { "{\"x\":1,}", NULL }, { "{,}", NULL },
                 { "{\"x\" 1}", NULL }, { "{\"x\":}", NULL }, { "{x:1}", NULL }, { "{\"x\":1", NULL },
                 { "[1,\"a\"]", NULL },
                 { "1", NULL }, { "\"{}\"", NULL });
    CHECK_VALUES(type_array(&test_arena, type_basic(TYPE_INT)), { "[]", "[]" }, { "[1,2]", "[1,2]" },
                 { "[1, null ,3]", "[1,null,3]" }, { "[1,]", NULL }, { "[\"a\"]", NULL }, { "{}", NULL },
                 { "[1", NULL });
    CHECK_VALUES(type_array(&test_arena, row),
        { "[{\"x\":1},null,{\"y\":\"q\"}]", "[{\"x\":1,\"y\":null},null,{\"x\":null,\"y\":\"q\"}]" });
    CHECK_VALUES(type_array(&test_arena, type_array(&test_arena, type_string())),
                 { "[[\"a\",\"a text longer than twelve\"],[],null]",
                 "[[\"a\",\"a text longer than twelve\"],[],null]" });
    CHECK_VALUES(type_map(&test_arena, type_string(), type_basic(TYPE_INT)), { "{}", "{}" },
        { "{\"a\":1,\"b\":null}", "{\"a\":1,\"b\":null}" },
                 { "{\"a\":1,\"b\":5,\"a\":2}", "{\"a\":2,\"b\":5}" }, { "{\"a\":\"x\"}", NULL }, { "[]", NULL });
    CHECK_VALUES(type_map(&test_arena, type_basic(TYPE_INT), type_string()), { "{\"1\":\"a\"}", "{\"1\":\"a\"}" },
        { "{\"k\":\"a\"}", NULL });
    CHECK_VALUES(type_multiset(&test_arena, type_string()), { "{\"a\":2}", "{\"a\":2}" }, { "{\"a\":null}", NULL });
}

static void test_key_order(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("b", type_string()),
        F("c", type_basic(TYPE_BIGINT)) };
    const struct setup s = { .format = &format_json, .fields = fields, .n_fields = 3 };
    check(s,
          "{\"a\":1,\"b\":\"x\",\"c\":3}\n"
          "{\"a\":1,\"b\":\"x\",\"c\":3}\n"
          "{\"c\":6,\"a\":4,\"b\":\"y\"}\n"
          "{\"b\":\"z\"}\n"
          "{}\n"
          "{ }\n"
          "{\"a\":1,\"new\":{\"deep\":[1,2,{\"a\":9}]},\"b\":\"w\",\"c\":7}\n"
          "{\"a\":1,\"b\":\"x\",\"c\":3}\n"
          "{\"a\": 1, \"b\": \"spaces\", \"c\": 3}\n"
          "{\"a\": 2, \"b\": \"spaces\", \"c\": 4}\n"
          "{\"a\":1,\"a\":2,\"b\":\"last\",\"b\":null,\"c\":1,\"c\":9}\n"
          "{\"a\":1,\"a\":2,\"b\":null,\"b\":\"wins\",\"c\":1,\"c\":9}\n"
          "{\"\\u0061\":5,\"b\":\"escaped key\"}\n"
          "{\"A\":5}\n"
          "\n"
          "  {\"a\":8}  \r\n"
          "{\"a\":9}\r\n"
          "{\"a_key_that_is_much_longer_than_all_the_sixty_four_bytes_that_a_literal_can_have\":1,\"a\":10}\n",
          "[1,\"x\",3]\n[1,\"x\",3]\n[4,\"y\",6]\n[null,\"z\",null]\n[null,null,null]\n[null,null,null]\n"
          "[1,\"w\",7]\n[1,\"x\",3]\n[1,\"spaces\",3]\n[2,\"spaces\",4]\n[2,null,9]\n[2,\"wins\",9]\n"
          "[5,\"escaped key\",null]\n[null,null,null]\n[8,null,null]\n[9,null,null]\n[10,null,null]\n");
}

/* A hundred fields, some left out, in orders of their own: what is learned is forgotten and learned again. */
static void test_many_fields(void **state)
{
    (void)state;
    enum { N = 100, ROWS = 60 };
    static struct field fields[N];
    static char names[N][8];
    struct buf in, want;
    uint32_t seed = 7;
    buf_init(&in, NULL, SIZE_MAX);
    buf_init(&want, NULL, SIZE_MAX);
    for (uint32_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i);
        fields[i] = (struct field){ str_from(names[i]), type_basic(TYPE_INT) };
    }
    for (uint32_t r = 0; r < ROWS; r++) {
        int64_t values[N];
        bool first = true;
        for (uint32_t i = 0; i < N; i++)
            values[i] = -1;
        assert_true(buf_put_u8(&in, '{'));
        for (uint32_t k = 0; k < N; k++) {
            seed = seed * 1103515245u + 12345u;
            uint32_t i = r % 3 == 0 ? k : (seed >> 8) % N;
            if (seed >> 30 == 0)
                continue;
            values[i] = k;
            assert_true(buf_printf(&in, "%s\"f%u\":%u", first ? "" : ",", i, k));
            first = false;
        }
        assert_true(buf_printf(&in, ",\"x%u\":%u}\n", r, r));
        for (uint32_t i = 0; i < N; i++)
            assert_true(values[i] < 0 ? buf_printf(&want, "%snull", i ? "," : "[")
                                      : buf_printf(&want, "%s%d", i ? "," : "[", (int)values[i]));
        assert_true(buf_put(&want, "]\n", 2));
    }
    assert_true(buf_put_u8(&in, 0) && buf_put_u8(&want, 0));
    const struct setup s = { .format = &format_json, .fields = fields, .n_fields = N };
    check(s, (const char *)in.data, (const char *)want.data);
    buf_release(&in);
    buf_release(&want);
}

static void test_bad_records(void **state)
{
    (void)state;
    const struct field inner[] = { F("price", type_basic(TYPE_INT)) };
    const struct field fields[] = { F("id", type_basic(TYPE_BIGINT)), F("bid", type_row(&test_arena, inner, 1)),
                                    F("tags", type_array(&test_arena, type_basic(TYPE_INT))) };
    struct setup s = { .format = &format_json, .fields = fields, .n_fields = 3 };
    check(s,
          "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":1,\"bid\":{\"price\":9999999999}}\n{\"id\":2,\"tags\":[1,true]}\n"
          "{\"id\":3\n{\"id\":4}}\n[1]\nnonsense\n{\"id\":5,\"other\":\"\xFF\"}\n{\"id\":6}\n",
          "[1,null,null]\nBAD 2:7 field 'id': \"x\" is no BIGINT\nBAD 3:24 field 'bid.price': 9999999999 is no INT\n"
          "BAD 4:19 field 'tags[]': true is no INT\nBAD 5:8 not JSON: ',' or '}' is expected\n"
          "BAD 6:9 not JSON: text after the value\nBAD 7:1 the record is no JSON object\n"
          "BAD 8:1 not JSON: a value is expected\nBAD 9:18 not JSON: invalid UTF-8\n[6,null,null]\n");
    struct str bad;
    decode_all(&s, STR("{\"id\":\"x\"}\n{\"id\":7}\nzzz\r\n"), &bad);
    assert_true(str_eq(bad, STR("{\"id\":\"x\"}\nzzz\r\n")));
}

static void test_every_cut(void **state)
{
    (void)state;
    const struct field inner[] = { F("k", type_string()) };
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("s", type_string()),
        F("r", type_row(&test_arena, inner, 1)) };
    struct setup s = { .format = &format_json, .fields = fields, .n_fields = 3 };
    struct str in =
        STR("\xEF\xBB\xBF{\"a\":1,\"s\":\"short\",\"r\":null}\n"
            "{\"a\":2,\"s\":\"a text of more than twelve\",\"r\":{\"k\":\"in\"}}\n"
                        "\n{\"a\":\"bad\"}\r\n{\"s\":\"\\u00e9scaped and also longer\",\"a\":3}\n{\"r\":{},\"a\":4}");
    const char *wanted =
        "[1,\"short\",null]\n[2,\"a text of more than twelve\",{\"k\":\"in\"}]\nBAD 4:6 field 'a': \"bad\" is no INT\n"
                         "[3,\"\xC3\xA9scaped and also longer\",null]\n[4,null,{\"k\":null}]\n";
    same_for_all_feeds(s, in, wanted);
    s.tweak = json_decoder_general_only;
    same_for_all_feeds(s, in, wanted);
    /* The mark is one only at the start of a split. */
    s.tweak = NULL;
    s.position = 10;
    assert_non_null(strstr(decode_all(&s, in, NULL), "BAD 1:1 "));
}

/* Nothing beyond a record's end is looked at, though it goes on like a record. */
static void test_message_ends(void **state)
{
    (void)state;
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("s", type_string()) };
    struct schema schema = { fields, 2 };
    struct table_desc t = { .name = STR("t") };
    struct connect_context ctx = { .zone = zone_utc };
    struct decoder *d;
    struct error err;
    struct batch *b = batch_new(&schema, 4, NULL);
    struct str whole =
        STR("{\"a\":12,\"s\":\"hello you there, all of you\"}{\"a\":12,\"s\":\"hello you there, all of you\"}");
    size_t one = whole.len / 2;
    struct shared *c = chunk_of(whole, 256);
    assert_int_equal(format_json.open_decoder(&t, &schema, NULL, &ctx, NULL, &d, &err), ST_OK);
    for (int round = 0; round < 2; round++)
        for (size_t n = 0; n <= one; n++) {
            struct decoded r;
            batch_clear(b);
            assert_int_equal(d->ops->decode_one(d, c, str_make(c->data, n), b, &r, &err), ST_OK);
            assert_int_equal(b->count, n == one);
            assert_int_equal(r.bad, n > 0 && n < one);
        }
    struct decoded r;
    batch_clear(b);
    assert_int_equal(d->ops->decode_one(d, c, (struct str){ 0 }, b, &r, &err), ST_OK); /* a tombstone */
    assert_int_equal(b->count, 0);
    assert_false(r.bad);
    /* No chunk at all: the text is copied. */
    assert_int_equal(d->ops->decode_one(d, NULL, str_make(c->data, one), b, &r, &err), ST_OK);
    assert_true(str_eq(column_str(&b->cols[1], 0), STR("hello you there, all of you")));
    d->ops->free(d);
    batch_free(b);
    shared_unref(c);
}

static void test_options(void **state)
{
    (void)state;
    const struct field inner[] = { F("x", type_basic(TYPE_INT)) };
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("r", type_row(&test_arena, inner, 1)) };
    struct setup ignore = { .format = &format_json, .fields = fields, .n_fields = 2,
                            .options = { { "json.ignore-parse-errors", "true" } } };
    check(ignore,
        "{\"a\":1,\"r\":{\"x\":1}}\n{\"a\":\"x\",\"r\":{\"x\":[]}}\n{\"a\":3,\"r\":7}\nnonsense\n{\"a\":4,\n"
        "{\"a\":5}\n",
          "[1,{\"x\":1}]\n[null,{\"x\":null}]\n[3,null]\n[5,null]\n");
    struct setup missing = { .format = &format_json, .fields = fields, .n_fields = 2,
                             .options = { { "json.fail-on-missing-field", "true" } } };
    check(missing, "{\"a\":1,\"r\":{\"x\":1}}\n{\"a\":1}\n{\"a\":1,\"r\":{}}\n{\"r\":null,\"a\":null}\n",
          "[1,{\"x\":1}]\nBAD 2:8 field 'r': is missing\nBAD 3:14 field 'r.x': is missing\n[null,null]\n");
    struct setup both = { .format = &format_json, .fields = fields, .n_fields = 2,
                          .options = { { "json.fail-on-missing-field", "true" },
                              { "json.ignore-parse-errors", "true" } } };
    assert_non_null(strstr(decode_text(&both, ""), "ERROR json.fail-on-missing-field and"));
    const struct field strict[] = { F("a", not_null(type_basic(TYPE_INT))), F("b", type_basic(TYPE_INT)) };
    struct setup nn = { .format = &format_json, .fields = strict, .n_fields = 2 };
    check(nn, "{\"a\":1,\"b\":1}\n{\"a\":null,\"b\":1}\n{\"b\":1}\n{\"a\":2}\n",
          "[1,1]\nBAD 2:6 field 'a': NULL, but the column is NOT NULL\n"
          "BAD 3:8 field 'a': is missing, but the column is NOT NULL\n"
          "[2,null]\n");
}

static void test_needs(void **state)
{
    (void)state;
    const struct field inner[] = { F("x", type_basic(TYPE_INT)), F("y", type_basic(TYPE_INT)) };
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("b", type_string()),
        F("r", type_row(&test_arena, inner, 2)),
                                    F("c", not_null(type_basic(TYPE_INT))), F("q", type_row(&test_arena, inner, 2)) };
    const struct need of_row[] = { { .used = false }, { .used = true } };
    const struct need needs[] = { { .used = true }, { .used = false }, { .used = true, .fields =
        (struct need *)of_row }, { .used = false }, { .used = false } };
    struct setup s = { .format = &format_json, .fields = fields, .n_fields = 5, .needs = needs };
    const char *in = "{\"a\":1,\"b\":\"text\",\"r\":{\"x\":\"no number\",\"y\":3},\"c\":7,\"q\":{\"x\":1}}\n"
                     "{\"a\":2,\"b\":3,\"r\":null,\"c\":7}\n"
                     "{\"a\":3,\"r\":{\"y\":4},\"b\":\"\xFF\"}\n"
                     "{\"a\":4,\"r\":{\"y\":4}, oops}\n";
    check(s, in, "[1,null,{\"x\":null,\"y\":3},null,null]\n[2,null,null,null,null]\nBAD 3:25 not JSON: invalid UTF-8\n"
                 "BAD 4:21 not JSON: a member's name in quotes is expected\n");
    /* An object that nobody needs is learned too, and is JSON or the record is bad. */
    check(s,
          "{\"a\":1,\"q\":{\"x\":1,\"y\":2}}\n{\"a\":2,\"q\":{\"x\":\"no number\",\"y\":{\"x\":[]}}}\n"
          "{\"a\":3,\"q\":{ \"y\" : 1, \"new\":null}}\n{\"a\":4,\"q\":{}}\n{\"a\":5,\"q\":null}\n"
          "{\"a\":6,\"q\":[{}]}\n{\"a\":7,\"q\":{\"x\":1,\"y\":02}}\n{\"a\":8,\"q\":{\"x\":1,\"y\":2}}\n",
          "[1,null,null,null,null]\n[2,null,null,null,null]\n[3,null,null,null,null]\n[4,null,null,null,null]\n"
          "[5,null,null,null,null]\n[6,null,null,null,null]\nBAD 7:24 not JSON: ',' or '}' is expected\n"
          "[8,null,null,null,null]\n");
    /* needed: nothing behind the last needed field is looked at, wherever it stands. */
    s.options[0][0] = "json.validate";
    s.options[0][1] = "needed";
    check(s, in,
        "[1,null,{\"x\":null,\"y\":3},null,null]\n[2,null,null,null,null]\n[3,null,{\"x\":null,\"y\":4},null,null]\n"
                 "[4,null,{\"x\":null,\"y\":4},null,null]\n");
    same_for_all_feeds(s, str_from(in), decode_text(&s, in));
    check(s, "{\"b\":\"\\q\",\"a\":1,\"r\":null}\n{\"a\":1,\"b\":2}\n{\"b\":2,\"r\":{},\"a\":5,\"a\":6}zz\n",
          "BAD 1:7 not JSON: an invalid escape\n[1,null,null,null,null]\n[5,null,{\"x\":null,\"y\":null},null,null]\n");
}

static void test_positions(void **state)
{
    (void)state;
    const struct field inner[] = { F("x", type_basic(TYPE_INT)), F("y", type_string()) };
    const struct field fields[] = { F("a", type_basic(TYPE_INT)), F("r", type_row(&test_arena, inner, 2)) };
    struct setup s = { .fields = fields, .n_fields = 2, .messages = true };
    assert_string_equal(decode_text(&s,
        "[1,[2,\"z\"]]\n[null,{\"y\":\"w\"}]\n{\"a\":3}\n[1]\n[1,null,3]\n[\"x\",null]\n7\n"),
                        "[1,{\"x\":2,\"y\":\"z\"}]\n[null,{\"x\":null,\"y\":\"w\"}]\n[3,null]\n"
                        "BAD 4:4 1 values instead of 2\n"
                        "BAD 5:9 more than 2 values\nBAD 6:2 field 'a': \"x\" is no INT\n"
                        "BAD 7:1 the record is no JSON object\n");
}

static void test_encode(void **state)
{
    (void)state;
    const struct field inner[] = { F("x", type_basic(TYPE_DOUBLE)), F("y", type_string()) };
    const struct field fields[] = {
        F("b", type_basic(TYPE_BOOLEAN)), F("i", type_basic(TYPE_BIGINT)), F("d", type_decimal(&test_arena, 20, 10)),
        F("t", type_timestamp(&test_arena, TYPE_TIMESTAMP, 3)), F("z", type_timestamp(&test_arena, TYPE_TIMESTAMP_LTZ,
            6)),
        F("day", type_basic(TYPE_DATE)), F("time", type_basic(TYPE_TIME)), F("raw", type_bytes()),
        F("row", type_row(&test_arena, inner, 2)), F("list", type_array(&test_arena, type_basic(TYPE_INT))),
        F("map", type_map(&test_arena, type_basic(TYPE_INT), type_string())), F("f", type_basic(TYPE_FLOAT)),
    };
    struct setup s = { .format = &format_json, .fields = fields, .n_fields = 12 };
    const char *line =
        "{\"b\":true,\"i\":-5,\"d\":1.5000000000,\"t\":\"2026-01-02 03:04:05.67\",\"z\":\""
        "2026-01-02 03:04:05.678901Z\","
                       "\"day\":\"2026-01-02\",\"time\":\"03:04:05\",\"raw\":\"AAEC\",\"row\":{\"x\":1.0E7,\"y\":\""
                       "q\\\"\\n\"},\"list\":[1,null],"
                       "\"map\":{\"7\":\"seven\"},\"f\":0.1}\n";
    assert_string_equal(recode(&s, line), line);
    const char *whole_seconds = recode(&s, "{\"t\":\"1969-12-31 23:59:58.000\",\"d\":1e-10}\n");
    assert_non_null(strstr(whole_seconds, "\"t\":\"1969-12-31 23:59:58\","));
    assert_non_null(strstr(whole_seconds, "\"d\":1E-10,"));
    s.options[0][0] = "json.encode.decimal-as-plain-number";
    s.options[0][1] = "true";
    s.options[1][0] = "json.encode.ignore-null-fields";
    s.options[1][1] = "true";
    s.options[2][0] = "json.timestamp-format.standard";
    s.options[2][1] = "ISO-8601";
    assert_string_equal(recode(&s,
        "{\"t\":\"2026-01-02T03:04:05\",\"d\":1e-10,\"z\":\"2026-01-02T03:04:05Z\",\"row\":{\"y\":\"w\"}}\n"),
                        "{\"d\":0.0000000001,\"t\":\"2026-01-02T03:04:05\",\"z\":\"2026-01-02T03:04:05Z\",\"row\":{\""
                        "y\":\"w\"}}\n");
}

/* Text of every length around the steps of the fast way, with something special at every place: as the general way has it. */
static void test_encode_text(void **state)
{
    (void)state;
    static const char *const specials[] = { "x", "\"", "\\", "\n", "\x1f", "\x7f", "\xc3\xa9", "\xff", "\xe2\x82\xac" };
    const struct field fields[] = { F("s", type_string()) };
    struct schema schema = { fields, 1 };
    struct table_desc t = { .name = STR("t") };
    struct connect_context ctx = { .zone = zone_utc };
    struct batch *b = batch_new(&schema, 64, NULL);
    struct encoder *e;
    struct encoded ends[64];
    struct error err;
    struct buf out, wanted;
    buf_init(&out, NULL, 100000);
    buf_init(&wanted, NULL, 100000);
    assert_int_equal(format_json.open_encoder(&t, &schema, &ctx, NULL, &e, &err), ST_OK);
    for (size_t k = 0; k < sizeof specials / sizeof *specials; k++) {
        size_t more = strlen(specials[k]);
        for (size_t len = 0; len <= 40; len++) {
            batch_clear(b);
            buf_clear(&out);
            buf_clear(&wanted);
            for (size_t at = 0; at <= len; at++, b->count++) {
                char text[64];
                memset(text, 'a', sizeof text);
                memcpy(text + at, specials[k], more);
                assert_true(column_set_str(&b->cols[0], b->count, text, len + more));
                assert_true(buf_put(&wanted, "{\"s\":", 5) && json_put_string(&wanted, str_make(text, len + more)) &&
                            buf_put_u8(&wanted, '}'));
            }
            assert_int_equal(e->ops->encode_many(e, b, &out, ends, &err), ST_OK);
            assert_true(str_eq(buf_str(&out), buf_str(&wanted)));
            assert_int_equal(ends[b->count - 1].end, out.len);
        }
    }
    e->ops->free(e);
    buf_release(&out);
    buf_release(&wanted);
    batch_free(b);
}

/* Values of every way side by side, texts of any length, NULLs: what came in comes out, however the buffer grows. */
static void test_encode_rows(void **state)
{
    (void)state;
    const struct field fields[] = {
        F("a_name_that_is_longer_than_a_step_of_leads", type_basic(TYPE_BIGINT)), F("s", type_string()),
        F("d", type_basic(TYPE_DOUBLE)), F("text", type_string()), F("t", type_timestamp(&test_arena, TYPE_TIMESTAMP, 3)),
        F("i", type_basic(TYPE_INT)), F("b", type_basic(TYPE_BOOLEAN)),
    };
    struct setup s = { .format = &format_json, .fields = fields, .n_fields = 7 };
    struct buf in;
    buf_init(&in, NULL, 1 << 20);
    for (uint32_t row = 0; row < 300; row++) {
        char text[320], minute[32];
        memset(text, row % 7 == 0 ? '"' : 'x', sizeof text);
        snprintf(minute, sizeof minute, row % 3 ? "1969-12-31 23:%02u:59" : "2026-03-01 00:00:%02u", row % 60);
        assert_true(buf_printf(&in, "{\"a_name_that_is_longer_than_a_step_of_leads\":%lld,\"s\":",
                               (long long)row << row % 50));
        assert_true(row % 5 == 4 ? buf_put(&in, "null", 4) : json_put_string(&in, str_make(text, row)));
        assert_true(buf_printf(&in, ",\"d\":%u.5,\"text\":", row));
        assert_true(row % 4 == 3 ? buf_put(&in, "null", 4) : json_put_string(&in, str_make(text, row * 31 % 320)));
        assert_true(buf_printf(&in, ",\"t\":\"%s%s\",\"i\":-%u,\"b\":%s}\n", minute, row % 2 ? "" : ".907", row + 1,
                               row % 2 ? "true" : "null"));
    }
    assert_true(buf_put_u8(&in, 0));
    assert_string_equal(recode(&s, (const char *)in.data), (const char *)in.data);
    buf_release(&in);
}

/* Rows and messages side by side, up to the first message that is no row. */
static void test_many_messages(void **state)
{
    (void)state;
    const struct field fields[] = { F("i", type_basic(TYPE_INT)), F("s", type_string()) };
    struct schema schema = { fields, 2 };
    struct table_desc t = { .name = STR("t") };
    struct connect_context ctx = { .zone = zone_utc };
    static const char text[] = "{\"i\":1,\"s\":\"a long text of a row\"}{\"i\":2}nonsense{\"i\":3} {\"i\":4}";
    static const uint32_t lens[] = { 34, 7, 8, 7, 1, 7 };
    struct batch *b = batch_new(&schema, 2, NULL);
    struct shared *c = chunk_of(str_from(text), 256);
    struct decoder *d;
    struct decoded r;
    struct error err;
    struct str at[6];
    uint32_t taken, from = 0;
    for (uint32_t i = 0; i < 6; from += lens[i++])
        at[i] = str_make(c->data + from, lens[i]);
    assert_int_equal(from, sizeof text - 1);
    assert_int_equal(format_json.open_decoder(&t, &schema, NULL, &ctx, NULL, &d, &err), ST_OK);
    assert_int_equal(d->ops->decode_many(d, c, at, 6, b, &taken, &r, &err), ST_OK);
    assert_int_equal(taken, 2); /* no more room */
    assert_int_equal(b->count, 2);
    assert_false(r.bad);
    assert_true(str_eq(column_str(&b->cols[1], 0), STR("a long text of a row")));
    assert_true(column_is_null(&b->cols[1], 1));
    batch_clear(b);
    assert_int_equal(d->ops->decode_many(d, c, at + 1, 5, b, &taken, &r, &err), ST_OK);
    assert_int_equal(taken, 2);
    assert_int_equal(b->count, 1);
    assert_true(r.bad);
    assert_int_equal(r.bad_column, 1);
    batch_clear(b);
    assert_int_equal(d->ops->decode_many(d, c, at + 3, 3, b, &taken, &r, &err), ST_OK);
    assert_int_equal(taken, 2); /* the blank is no row */
    assert_int_equal(b->count, 1);
    assert_false(r.bad);
    assert_int_equal(b->cols[0].i32[0], 3);
    batch_free(b);
    d->ops->free(d);
    shared_unref(c);
}

static void test_map_null_keys(void **state)
{
    (void)state;
    const struct field fields[] = { F("m", type_map(&test_arena, type_string(), type_basic(TYPE_INT))) };
    struct schema schema = { fields, 1 };
    static const struct {
        const char *mode, *literal, *wanted;
    } cases[] = {
        { "FAIL", "null", NULL }, { "DROP", "null", "{\"m\":{\"a\":1}}\n" },
        { "literal", "none", "{\"m\":{\"a\":1,\"none\":2}}\n" }
    };
    struct batch *b = batch_new(&schema, 1, NULL);
    uint32_t at;
    assert_true(column_start_list(&b->cols[0], 0, 2, &at));
    assert_true(column_set_str(&b->cols[0].children[0], 0, "a", 1));
    column_set_null(&b->cols[0].children[0], 1);
    b->cols[0].children[1].i32[0] = 1;
    b->cols[0].children[1].i32[1] = 2;
    b->count = 1;
    for (size_t i = 0; i < 3; i++) {
        const struct option o[] = { { STR("json.map-null-key.mode"), str_from(cases[i].mode), 0, 0 },
                                    { STR("json.map-null-key.literal"), str_from(cases[i].literal), 0, 0 } };
        struct table_desc t = { .options = { o, 2 } };
        struct connect_context ctx = { .zone = zone_utc };
        struct encoder *e;
        struct error err;
        struct buf out;
        buf_init(&out, NULL, 1000);
        assert_int_equal(format_json.open_encoder(&t, &schema, &ctx, NULL, &e, &err), ST_OK);
        assert_int_equal(e->ops->encode(e, b, &out, &err), cases[i].wanted ? ST_OK : ST_DATA);
        if (cases[i].wanted)
            assert_true(str_eq(buf_str(&out), str_from(cases[i].wanted)));
        e->ops->free(e);
        buf_release(&out);
    }
    batch_free(b);
}

static void test_refused_types(void **state)
{
    (void)state;
    const struct field fields[] = { F("m", type_map(&test_arena, type_array(&test_arena, type_string()),
        type_string())) };
    struct setup s = { .format = &format_json, .fields = fields, .n_fields = 1 };
    assert_non_null(strstr(decode_text(&s, ""), "ERROR column 'm': JSON cannot carry a MAP"));
    const struct type *deep = type_string();
    for (int i = 0; i < 150; i++)
        deep = type_array(&test_arena, deep);
    const struct field nested[] = { F("d", deep) };
    s.fields = nested;
    assert_non_null(strstr(decode_text(&s, ""), "nested deeper than 100"));
}

/* Values that are not read may nest as deep as the text room allows, on both paths alike. */
static void test_depth(void **state)
{
    (void)state;
    const struct field inner[] = { F("x", type_basic(TYPE_INT)) };
    const struct field fields[] = { F("r", type_row(&test_arena, inner, 1)) };
    for (uint32_t depth = JSON_DEPTH - 4; depth < JSON_DEPTH + 3; depth++) {
        struct buf in;
        buf_init(&in, NULL, SIZE_MAX);
        for (int row = 0; row < 2; row++) {
            assert_true(buf_printf(&in, "{\"r\":{\"x\":1,\"u\":"));
            for (uint32_t i = 0; i < depth; i++)
                assert_true(buf_put_u8(&in, '['));
            for (uint32_t i = 0; i < depth; i++)
                assert_true(buf_put_u8(&in, ']'));
            assert_true(buf_printf(&in, "}}\n"));
        }
        struct setup s = { .format = &format_json, .fields = fields, .n_fields = 1, .slack = 256 };
        const char *fast = decode_all(&s, buf_str(&in), NULL);
        s.tweak = json_decoder_general_only;
        assert_string_equal(fast, decode_all(&s, buf_str(&in), NULL));
        assert_int_equal(strstr(fast, "BAD") == NULL, depth + 2 <= JSON_DEPTH);
        buf_release(&in);
    }
}

static void test_memory_refused(void **state)
{
    (void)state;
    const struct field fields[] = { F("s", type_string()), F("l", type_array(&test_arena, type_string())) };
    struct schema schema = { fields, 2 };
    struct table_desc t = { .name = STR("t") };
    struct connect_context ctx = { .zone = zone_utc };
    struct shared *c =
        chunk_of(STR("{\"s\":\"escaped \\n and long enough\",\"l\":[\"a text longer than twelve\",\"b\"]}\n"), 200);
    bool done = false;
    uint32_t refused = 0;
    for (uint64_t nth = 1; !done; nth++) {
        struct budget budget;
        struct decoder *d = NULL;
        struct error err;
        struct decoded r;
        budget_init(&budget, "b", SIZE_MAX, NULL);
        budget_fail_nth(nth);
        struct batch *b = batch_new(&schema, 4, &budget);
        enum status st = b ? format_json.open_decoder(&t, &schema, NULL, &ctx, &budget, &d, &err) : ST_MEMORY;
        if (st == ST_OK)
            st = d->ops->decode(d, c, 0, c->len, true, b, 4, &r, &err);
        done = budget_takes() < nth;
        budget_fail_nth(0);
        /* A refused large buffer is tried again as a small one, so not every refusal ends in failure. */
        assert_true(st == ST_OK || (st == ST_MEMORY && !done));
        refused += st == ST_MEMORY;
        if (b)
            assert_int_equal(b->count, st == ST_OK);
        if (d)
            d->ops->free(d);
        batch_free(b);
        assert_int_equal(budget.used, 0);
        assert_true(nth < 100);
    }
    assert_true(refused > 5);
    shared_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_integers, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_numbers, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_text, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_times, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_nested, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_key_order, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_many_fields, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_bad_records, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_every_cut, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_message_ends, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_options, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_needs, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_positions, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_encode, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_encode_text, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_encode_rows, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_many_messages, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_map_null_keys, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_refused_types, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_depth, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_memory_refused, arena_up, arena_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
