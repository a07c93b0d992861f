/* Result writers: each form, blocks, no rows, kinds; and the list of formats. */
#include "support.h"

#define F(n, t) { STR_INIT(n), t }

static struct batch *rows_of(const struct schema *s, bool kinds)
{
    struct batch *b = batch_new(s, 4, NULL);
    assert_non_null(b);
    b->count = 3;
    for (uint32_t i = 0; i < 3; i++)
        b->cols[0].i32[i] = (int32_t)(i * 50);
    assert_true(column_set_str(&b->cols[1], 0, "plain", 5));
    assert_true(column_set_str(&b->cols[1], 1, "a|b, \"c\"\n\xC3\xBC", 11));
    column_set_null(&b->cols[1], 2);
    if (kinds) {
        batch_kinds(b)[1] = ROW_UPDATE_BEFORE;
        b->kinds[2] = ROW_DELETE;
    }
    return b;
}

static void check(const char *name, bool kinds, uint32_t blocks, const char *wanted)
{
    const struct field fields[] = { F("n", type_basic(TYPE_INT)), F("text", type_string()) };
    struct schema s = { fields, 2 };
    enum result_format f;
    struct buf out;
    assert_true(result_format_parse(str_from(name), &f));
    buf_init(&out, NULL, 10000);
    struct result_writer *w = result_writer_new(f, &s, kinds, NULL, NULL);
    struct batch *b = rows_of(&s, kinds);
    uint16_t first[] = { 0 }, rest[] = { 1, 2 };
    for (uint32_t i = 0; i < blocks; i++) {
        b->sel = i == 0 ? first : rest; /* rows that count */
        b->n_sel = i == 0 ? 1 : 2;
        assert_true(result_writer_put(w, b, &out));
    }
    b->sel = NULL;
    assert_true(result_writer_end(w, &out));
    assert_true(buf_put_u8(&out, 0));
    assert_string_equal((const char *)out.data, wanted);
    result_writer_free(w);
    batch_free(b);
    buf_release(&out);
}

static void test_table(void **state)
{
    (void)state;
    check("table", false, 0, "+---+------+\n| n | text |\n+---+------+\n");
    check("table", false, 1, "+---+-------+\n| n | text  |\n+---+-------+\n| 0 | plain |\n+---+-------+\n");
    check("table", true, 2,
          "+----+---+-------+\n| op | n | text  |\n+----+---+-------+\n| +I | 0 | plain |\n"
          "+----+-----+-------------+\n| op | n   | text        |\n+----+-----+-------------+\n"
          "| -U |  50 | a|b, \"c\"\\n\xC3\xBC |\n| -D | 100 | NULL        |\n+----+-----+-------------+\n");
}

static void test_markdown(void **state)
{
    (void)state;
    check("markdown", false, 0, "| n | text |\n|---|------|\n");
    check("markdown", false, 2,
          "| n | text  |\n|---|-------|\n| 0 | plain |\n|  50 | a\\|b, \"c\"\\n\xC3\xBC |\n| 100 | NULL         |\n");
}

static void test_json(void **state)
{
    (void)state;
    check("ndjson", false, 0, "");
    check("ndjson", true, 2,
          "{\"op\":\"+I\",\"n\":0,\"text\":\"plain\"}\n{\"op\":\"-U\",\"n\":50,\"text\":\"a|b, \\\"c\\\"\\n\xC3\xBC\""
          "}\n"
          "{\"op\":\"-D\",\"n\":100,\"text\":null}\n");
    check("json", false, 0, "[]\n");
    check("json", false, 2,
          "[\n{\"n\":0,\"text\":\"plain\"},\n{\"n\":50,\"text\":\"a|b, \\\"c\\\"\\n\xC3\xBC\"},\n"
          "{\"n\":100,\"text\":null}\n]\n");
}

static void test_csv(void **state)
{
    (void)state;
    check("csv", false, 0, "n,text\n");
    check("csv", true, 2, "op,n,text\n+I,0,plain\n-U,50,\"a|b, \"\"c\"\"\n\xC3\xBC\"\n-D,100,\n");
}

static void test_bytes(void **state)
{
    (void)state;
    const struct field fields[] = { F("b", type_basic(TYPE_VARBINARY)) };
    struct schema s = { fields, 1 };
    struct batch *b = batch_new(&s, 4, NULL);
    struct buf out;
    assert_non_null(b);
    assert_true(column_set_str(&b->cols[0], 0, "\xCA\x00\x1B", 3) && column_set_str(&b->cols[0], 1, "", 0));
    column_set_null(&b->cols[0], 2);
    b->count = 3;
    buf_init(&out, NULL, 10000);
    struct result_writer *w = result_writer_new(RESULT_MARKDOWN, &s, false, NULL, NULL);
    assert_true(w && result_writer_put(w, b, &out) && result_writer_end(w, &out));
    static const char wanted[] = "| b         |\n|-----------|\n| x'ca001b' |\n| x''       |\n| NULL      |\n";
    assert_int_equal(out.len, sizeof wanted - 1);
    assert_memory_equal(out.data, wanted, out.len);
    result_writer_free(w);
    buf_release(&out);
    batch_free(b);
}

static void test_names(void **state)
{
    (void)state;
    enum result_format f = RESULT_CSV;
    assert_false(result_format_parse(STR("xml"), &f));
    assert_false(result_format_parse(STR(""), &f));
    assert_int_equal(f, RESULT_CSV);
    uint32_t n;
    const struct format *const *all = format_all(&n);
    assert_int_equal(n, 4);
    for (uint32_t i = 0; i < n; i++) {
        size_t prefix = strlen(all[i]->name);
        for (uint32_t k = 0; k < all[i]->n_options; k++) {
            assert_int_equal(strncmp(all[i]->options[k].name, all[i]->name, prefix), 0);
            assert_true(all[i]->options[k].help && all[i]->options[k].name[prefix] == '.');
        }
    }
}

/* No output may end in the middle when memory is refused: the call says so. */
static void test_memory_refused(void **state)
{
    (void)state;
    const struct field fields[] = { F("n", type_basic(TYPE_INT)), F("text", type_string()) };
    struct schema s = { fields, 2 };
    struct batch *b = rows_of(&s, true);
    for (int f = RESULT_TABLE; f <= RESULT_VERTICAL; f++) {
        bool done = false;
        for (uint64_t nth = 1; !done; nth++) {
            struct budget budget;
            struct buf out;
            budget_init(&budget, "b", SIZE_MAX, NULL);
            buf_init(&out, &budget, 10000);
            budget_fail_nth(nth);
            struct result_writer *w = result_writer_new((enum result_format)f, &s, true, NULL, &budget);
            bool ok = w && result_writer_put(w, b, &out) && result_writer_end(w, &out);
            done = budget_takes() < nth;
            budget_fail_nth(0);
            assert_int_equal(ok, done);
            result_writer_free(w);
            buf_release(&out);
            assert_int_equal(budget.used, 0);
        }
    }
    batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_markdown), cmocka_unit_test(test_json),
        cmocka_unit_test(test_csv),   cmocka_unit_test(test_names), cmocka_unit_test(test_bytes),    cmocka_unit_test(test_memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
