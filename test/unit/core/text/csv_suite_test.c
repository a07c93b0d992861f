/* csv-spectrum: the records of csvs/X.csv are those of json/X.json, the first row being the names.
 *
 * Two things about these files: the stored ones ending in _crlf have lost their carriage returns, so they are put
 * back before reading; and location_coordinates.json, which is one object instead of an array, has another phone
 * number than its CSV, so that field is not compared. */
#include "core/text/cases.h"

#define FIELDS_MAX 8u

static const struct csv_dialect plain = { .delimiter = ',', .quote = '"' };

static char *add_carriage_returns(char *text, size_t *len)
{
    char *out = malloc(*len * 2 + 1);
    assert_non_null(out);
    size_t n = 0;
    for (size_t i = 0; i < *len; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            out[n++] = '\r';
        out[n++] = text[i];
    }
    free(text);
    *len = n;
    return out;
}

static struct str unescaped(const struct csv_field *f, char *out)
{
    return f->escaped ? str_make(out, csv_unescape(&plain, f->raw, out)) : f->raw;
}

/* One record against the JSON object at hand. */
static void compare(struct json *j, const struct csv_field *names, const struct csv_field *fields, uint32_t n)
{
    struct str key, raw;
    bool escaped;
    assert_true(json_peek(j) == JSON_OBJECT && json_enter(j));
    for (uint32_t i = 0; i < n; i++) {
        char name[256], want[256], got[256];
        assert_true(json_member(j, &key, &escaped));
        assert_true(json_key_equals(key, escaped, unescaped(&names[i], name)));
        assert_true(json_string(j, &raw, &escaped));
        struct str value = unescaped(&fields[i], got);
        struct str wanted = { want, json_unescape(raw, want) };
        if (!str_eq(value, wanted) && !str_eq(key, STR("Contact Phone Number")))
            fail_msg("'%.*s' is not '%.*s'", STR_ARG(value), STR_ARG(wanted));
    }
    assert_false(json_member(j, &key, &escaped) || j->fault);
}

static void run_case(const char *folder, const char *name)
{
    char path[1024];
    size_t csv_len = 0, json_len = 0, at = 0;
    snprintf(path, sizeof path, "%s/csv_spectrum/csvs/%s.csv", folder, name);
    char *csv = case_read(path, &csv_len);
    snprintf(path, sizeof path, "%s/csv_spectrum/json/%s.json", folder, name);
    char *json = case_read(path, &json_len);
    if (!csv || !json)
        skip();
    if (strstr(name, "_crlf"))
        csv = add_carriage_returns(csv, &csv_len);
    struct json j;
    json_init(&j, str_make(json, json_len));
    bool array = json_peek(&j) == JSON_ARRAY;
    if (array)
        assert_true(json_enter(&j));
    struct csv_field names[FIELDS_MAX], fields[FIELDS_MAX];
    uint32_t n_names, n, lines;
    size_t used;
    const char *fault;
    assert_int_equal(csv_record(&plain, str_make(csv, csv_len), true, names, FIELDS_MAX, &n_names, &used, &lines,
                                &fault),
                     CSV_RECORD);
    for (at = used; at < csv_len; at += used) {
        enum csv_result r = csv_record(&plain, str_make(csv + at, csv_len - at), true, fields, FIELDS_MAX, &n, &used,
                                       &lines, &fault);
        assert_int_equal(r, CSV_RECORD);
        assert_int_equal(n, n_names);
        if (array)
            assert_true(json_element(&j));
        compare(&j, names, fields, n);
    }
    if (array)
        assert_false(json_element(&j) || j.fault);
    assert_true(json_finish(&j));
    free(csv);
    free(json);
}

static void test_spectrum(void **state)
{
    (void)state;
    static const char *const names[] = { "comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json",
                                         "location_coordinates", "newlines", "newlines_crlf", "quotes_and_newlines",
                                         "simple", "simple_crlf", "utf8" };
    const char *folder = cases_folder();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        run_case(folder, names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_spectrum) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
