/* Names in and out of the catalog, and the lazy check of options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "catalog/catalog.h"

static struct catalog *fresh(void)
{
    struct catalog *c = catalog_new(NULL);
    assert_non_null(c);
    return c;
}

static struct table_desc *table(struct catalog *c, const char *name)
{
    struct table_desc *t = ARENA_NEW(catalog_arena(c), struct table_desc);
    assert_non_null(t);
    t->name = str_from(name);
    return t;
}

static void test_tables_and_views_share_names(void **state)
{
    (void)state;
    struct catalog *c = fresh();
    struct error err;
    struct table_desc *bids = table(c, "bids"), *again = table(c, "bids");
    assert_int_equal(catalog_add_table(c, bids, false, &err), ST_OK);
    assert_int_equal(catalog_add_table(c, again, false, &err), ST_EXISTS);
    assert_string_equal(err.message, "table 'bids' exists already");
    assert_int_equal(catalog_add_table(c, again, true, &err), ST_OK);
    assert_ptr_equal(catalog_table(c, STR("bids")), bids);
    assert_null(catalog_table(c, STR("BIDS")));
    struct view_desc v = { .name = STR("bids"), .query = STR("SELECT 1") };
    assert_int_equal(catalog_add_view(c, &v, false, &err), ST_EXISTS);
    v.name = STR("a_view");
    assert_int_equal(catalog_add_view(c, &v, false, &err), ST_OK);
    assert_ptr_equal(catalog_view(c, STR("a_view")), &v);
    assert_null(catalog_table(c, STR("a_view")));
    assert_null(catalog_view(c, STR("bids")));
    catalog_free(c);
}

static void test_drop(void **state)
{
    (void)state;
    struct catalog *c = fresh();
    struct error err;
    struct view_desc v = { .name = STR("v") };
    struct function_desc f = { .name = STR("Count_Char"), .builtin = STR("count_char") };
    assert_int_equal(catalog_add_table(c, table(c, "t"), false, &err), ST_OK);
    assert_int_equal(catalog_add_view(c, &v, false, &err), ST_OK);
    assert_int_equal(catalog_add_function(c, &f, false, &err), ST_OK);
    assert_ptr_equal(catalog_function(c, STR("COUNT_CHAR")), &f);
    assert_int_equal(catalog_add_function(c, &f, false, &err), ST_EXISTS);
    assert_int_equal(catalog_add_function(c, &f, true, &err), ST_OK);
    assert_int_equal(catalog_drop(c, "TABLE", STR("v"), false, &err), ST_SEMANTIC);
    assert_string_equal(err.message, "'v' is a view, not a table");
    assert_int_equal(catalog_drop(c, "VIEW", STR("t"), true, &err), ST_SEMANTIC);
    assert_int_equal(catalog_drop(c, "TABLE", STR("x"), false, &err), ST_SEMANTIC);
    assert_int_equal(catalog_drop(c, "TABLE", STR("x"), true, &err), ST_OK);
    assert_int_equal(catalog_drop(c, "TABLE", STR("t"), false, &err), ST_OK);
    assert_null(catalog_table(c, STR("t")));
    assert_int_equal(catalog_drop(c, "VIEW", STR("v"), false, &err), ST_OK);
    assert_int_equal(catalog_drop(c, "FUNCTION", STR("count_chaR"), false, &err), ST_OK);
    assert_int_equal(catalog_drop(c, "FUNCTION", STR("count_char"), false, &err), ST_SEMANTIC);
    assert_int_equal(catalog_add_table(c, table(c, "t"), false, &err), ST_OK);
    catalog_free(c);
}

static void test_names_are_sorted(void **state)
{
    (void)state;
    struct catalog *c = fresh();
    struct error err;
    struct view_desc v = { .name = STR("m") };
    assert_int_equal(catalog_add_table(c, table(c, "z"), false, &err), ST_OK);
    assert_int_equal(catalog_add_view(c, &v, false, &err), ST_OK);
    assert_int_equal(catalog_add_table(c, table(c, "a"), false, &err), ST_OK);
    struct str *names;
    uint32_t n;
    assert_int_equal(catalog_names(c, "TABLE", catalog_arena(c), &names, &n, &err), ST_OK);
    assert_int_equal(n, 3);
    assert_true(str_eq(names[0], STR("a")) && str_eq(names[1], STR("m")) && str_eq(names[2], STR("z")));
    assert_int_equal(catalog_names(c, "VIEW", catalog_arena(c), &names, &n, &err), ST_OK);
    assert_int_equal(n, 1);
    assert_int_equal(catalog_names(c, "FUNCTION", catalog_arena(c), &names, &n, &err), ST_OK);
    assert_int_equal(n, 0);
    catalog_free(c);
}

static void test_databases(void **state)
{
    (void)state;
    struct catalog *c = fresh();
    struct error err;
    struct arena *a = catalog_arena(c);
    static const struct {
        const char *database, *name, *key;
    } keys[] = {
        { "default_database", "t", "t" },   { "d", "t", "d.t" },          { "default_database", "d.t", "`d.t`" },
        { "d.e", "t", "`d.e`.t" },          { "d", "e.t", "d.`e.t`" },    { "default_database", "a`b", "`a``b`" },
        { "default_database", "", "" },     { "D", "t", "D.t" },
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_true(str_eq(catalog_object(a, str_from(keys[i].database), str_from(keys[i].name)).key, str_from(keys[i].key)));
    assert_true(catalog_has_database(c, STR("default_database")));
    assert_int_equal(catalog_add_database(c, STR("d"), false, &err), ST_OK);
    assert_int_equal(catalog_add_database(c, STR("d"), false, &err), ST_EXISTS);
    assert_int_equal(catalog_add_database(c, STR("d"), true, &err), ST_OK);
    struct table_desc *t = table(c, "t"), *u = table(c, "d.t");
    t->at = catalog_object(a, STR("default_database"), STR("t"));
    u->at = catalog_object(a, STR("d"), STR("t"));
    assert_int_equal(catalog_add_table(c, t, false, &err), ST_OK);
    assert_int_equal(catalog_add_table(c, u, false, &err), ST_OK);
    assert_true(str_eq(catalog_find_name(c, STR("d.t"))->database, STR("d")));
    assert_int_equal(catalog_drop_database(c, STR("d"), false, false, &err), ST_SEMANTIC);
    assert_string_equal(err.message, "database 'd' is not empty: it holds 't'");
    assert_int_equal(catalog_drop_database(c, STR("d"), false, true, &err), ST_OK);
    assert_null(catalog_table(c, STR("d.t")));
    assert_ptr_equal(catalog_table(c, STR("t")), t);
    assert_int_equal(catalog_drop_database(c, STR("d"), false, true, &err), ST_SEMANTIC);
    assert_int_equal(catalog_drop_database(c, STR("d"), true, true, &err), ST_OK);
    catalog_free(c);
}

static void test_replace(void **state)
{
    (void)state;
    struct catalog *c = fresh();
    struct error err;
    struct table_desc *t = table(c, "t"), *again = table(c, "t"), *moved = table(c, "m"), *v = table(c, "v");
    assert_int_equal(catalog_add_table(c, t, false, &err), ST_OK);
    assert_int_equal(catalog_add_table(c, v, false, &err), ST_OK);
    assert_int_equal(catalog_replace_table(c, t->name, again, &err), ST_OK);
    assert_ptr_equal(catalog_table(c, STR("t")), again);
    assert_int_equal(catalog_replace_table(c, again->name, v, &err), ST_EXISTS);
    assert_ptr_equal(catalog_table(c, STR("t")), again);
    assert_int_equal(catalog_replace_table(c, again->name, moved, &err), ST_OK);
    assert_null(catalog_table(c, STR("t")));
    assert_ptr_equal(catalog_table(c, STR("m")), moved);
    catalog_free(c);
}

static void test_unknown_names_the_nearest(void **state)
{
    (void)state;
    struct catalog *c = fresh();
    struct error err;
    assert_int_equal(catalog_add_table(c, table(c, "bids"), false, &err), ST_OK);
    assert_int_equal(catalog_unknown(c, STR("bidz"), 3, 7, &err), ST_SEMANTIC);
    assert_string_equal(err.message, "unknown table 'bidz'; did you mean 'bids'?");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 7);
    assert_int_equal(catalog_unknown(c, STR("elephants"), 0, 0, &err), ST_SEMANTIC);
    assert_string_equal(err.message, "unknown table 'elephants'");
    catalog_free(c);
}

/* ---- resolve ---- */

static const struct option_spec file_options[] = {
    { .name = "path", .type = OPT_STRING, .required = true },
    { .name = "poll", .type = OPT_DURATION, .fallback = "1s" },
};
static const struct option_spec json_options[] = { { .name = "json.validate", .type = OPT_ENUM, .choices =
    "full|needed" } };

static enum status check_path(const struct table_desc *t, struct error *err)
{
    return str_eq(options_get(&t->options, "path"), STR("/bad")) ? error_set(err, ST_SEMANTIC, "bad path") : ST_OK;
}

static const struct connector file = { .name = "filesystem", .flags = CONNECTOR_SOURCE | CONNECTOR_FORMAT,
                                       .options = file_options, .n_options = 2, .check = check_path };
static const struct connector hole = { .name = "blackhole", .flags = CONNECTOR_SINK };
static const struct format json = { .name = "json", .options = json_options, .n_options = 1 };
static const struct format csv = { .name = "csv" };

static struct catalog *registered(void)
{
    struct catalog *c = fresh();
    assert_true(catalog_add_connector(c, &file));
    assert_true(catalog_add_connector(c, &hole));
    assert_true(catalog_add_format(c, &json));
    assert_true(catalog_add_format(c, &csv));
    return c;
}

#define PAIRS 6
static enum status resolve(struct catalog *c, const char *const pairs[PAIRS][2], struct table_desc *ret,
                           struct error *err)
{
    struct option *o = ARENA_ARRAY(catalog_arena(c), struct option, PAIRS);
    uint32_t n = 0;
    for (; n < PAIRS && pairs[n][0]; n++)
        o[n] = (struct option){ str_from(pairs[n][0]), str_from(pairs[n][1]), n + 1, 5 };
    *ret = (struct table_desc){ .name = STR("t"), .options = { o, n } };
    return catalog_resolve(c, ret, err);
}

static void test_resolve_fills(void **state)
{
    (void)state;
    struct catalog *c = registered();
    struct error err;
    struct table_desc t;
    const char *const good[PAIRS][2] = {
        { "connector", "filesystem" }, { "path", "a" }, { "format", "json" }, { "json.validate", "needed" }
    };
    assert_int_equal(resolve(c, good, &t, &err), ST_OK);
    assert_ptr_equal(t.connector, &file);
    assert_ptr_equal(t.format, &json);
    const char *const sink[PAIRS][2] = { { "connector", "blackhole" } };
    assert_int_equal(resolve(c, sink, &t, &err), ST_OK);
    assert_ptr_equal(t.connector, &hole);
    assert_null(t.format);
    assert_ptr_equal(catalog_connector_at(c, 1), &hole);
    assert_null(catalog_connector_at(c, 2));
    assert_ptr_equal(catalog_format_at(c, 0), &json);
    assert_null(catalog_format_at(c, 2));
    catalog_free(c);
}

static void test_resolve_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *pairs[PAIRS][2];
        const char *message, *hint;
        uint32_t line;
    } cases[] = {
        { { { "path", "a" } }, "table 't': option 'connector' is missing", "known connectors: filesystem, blackhole",
        0 },
        { { { "connector", "filesytem" } },
          "table 't': unknown connector 'filesytem'; did you mean 'filesystem'?",
          "known connectors: filesystem, blackhole",
          1 },
        { { { "connector", "filesystem" }, { "path", "a" } },
          "table 't': option 'format' is missing (connector 'filesystem' needs one)",
          "known formats: json, csv",
          0 },
        { { { "connector", "filesystem" }, { "path", "a" }, { "format", "jsn" } },
          "table 't': unknown format 'jsn'; did you mean 'json'?",
          "known formats: json, csv",
          3 },
    };
    struct catalog *c = registered();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err;
        struct table_desc t;
        assert_int_equal(resolve(c, cases[i].pairs, &t, &err), ST_SEMANTIC);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.hint, cases[i].hint);
        assert_int_equal(err.line, cases[i].line);
        assert_null(t.connector);
    }
    catalog_free(c);
}

static void test_resolve_reports_all_findings(void **state)
{
    (void)state;
    struct catalog *c = registered();
    struct error err;
    struct table_desc t;
    const char *const bad[PAIRS][2] = {
        { "connector", "filesystem" }, { "format", "json" }, { "json.valdate", "full" }, { "poll", "often" }
    };
    assert_int_equal(resolve(c, bad, &t, &err), ST_SEMANTIC);
    assert_non_null(strstr(err.message, "did you mean 'json.validate'?"));
    assert_non_null(strstr(err.message, "option 'poll' must be a duration"));
    assert_non_null(strstr(err.message, "option 'path' is missing"));
    assert_int_equal(err.line, 3);
    /* Options of another format are unknown here. */
    const char *const other[PAIRS][2] = {
        { "connector", "filesystem" }, { "format", "csv" }, { "path", "x" }, { "json.validate", "full" }
    };
    assert_int_equal(resolve(c, other, &t, &err), ST_SEMANTIC);
    assert_non_null(strstr(err.message, "unknown option 'json.validate'"));
    /* So is a format where none is wanted. */
    const char *const none[PAIRS][2] = { { "connector", "blackhole" }, { "format", "csv" } };
    assert_int_equal(resolve(c, none, &t, &err), ST_SEMANTIC);
    assert_non_null(strstr(err.message, "unknown option 'format'"));
    /* The connector's own check has the last word. */
    const char *const path[PAIRS][2] = { { "connector", "filesystem" }, { "format", "csv" }, { "path", "/bad" } };
    assert_int_equal(resolve(c, path, &t, &err), ST_SEMANTIC);
    assert_string_equal(err.message, "bad path");
    assert_null(t.connector);
    catalog_free(c);
}

static void test_resolve_older_spellings(void **state)
{
    (void)state;
    struct catalog *c = registered();
    struct error err;
    struct table_desc t;
    const char *const legacy[PAIRS][2] = {
        { "connector.type", "filesystem" }, { "connector.path", "file:///x" }, { "format.type", "json" },
        { "format.validate", "full" }
    };
    assert_int_equal(resolve(c, legacy, &t, &err), ST_OK);
    assert_ptr_equal(t.format, &json);
    assert_true(str_eq(options_get(&t.options, "path"), STR("file:///x")));
    assert_true(str_eq(options_get(&t.options, "json.validate"), STR("full")));
    const char *const value[PAIRS][2] = {
        { "connector", "filesystem" }, { "path", "x" }, { "value.format", "json" }, { "value.json.validate", "full" }
    };
    assert_int_equal(resolve(c, value, &t, &err), ST_OK);
    assert_ptr_equal(t.format, &json);
    assert_true(str_eq(options_get(&t.options, "json.validate"), STR("full")));
    catalog_free(c);
}

static void test_memory_refused(void **state)
{
    (void)state;
    struct budget tiny;
    budget_init(&tiny, "tiny", 64, NULL);
    assert_null(catalog_new(&tiny));
    /* Every take that can fail fails once; nothing leaks, and the catalog stays usable. */
    for (uint64_t nth = 1; nth < 20; nth++) {
        struct budget b;
        budget_init(&b, "b", SIZE_MAX, NULL);
        budget_fail_nth(nth);
        struct catalog *c = catalog_new(&b);
        if (c) {
            static struct table_desc many[200];
            static char names[200][8];
            struct error err;
            for (int i = 0; i < 200; i++) {
                names[i][0] = (char)('a' + i % 26);
                names[i][1] = (char)('a' + i / 26);
                many[i].name = str_make(names[i], 2);
                enum status st = catalog_add_table(c, &many[i], false, &err);
                assert_true(st == ST_OK || st == ST_MEMORY);
                if (st == ST_MEMORY)
                    assert_int_equal(catalog_add_table(c, &many[i], false, &err), ST_OK);
            }
            catalog_free(c);
        }
        budget_fail_nth(0);
        assert_int_equal(b.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_and_views_share_names), cmocka_unit_test(test_drop),
        cmocka_unit_test(test_names_are_sorted),             cmocka_unit_test(test_unknown_names_the_nearest),
        cmocka_unit_test(test_databases),                    cmocka_unit_test(test_replace),
        cmocka_unit_test(test_resolve_fills),                cmocka_unit_test(test_resolve_refuses),
        cmocka_unit_test(test_resolve_reports_all_findings), cmocka_unit_test(test_resolve_older_spellings),
        cmocka_unit_test(test_memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
