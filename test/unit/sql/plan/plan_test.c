/* What an EXPLAIN does not show: descriptors, fingerprints, constant rows, limits, every allocation refused in turn. */
#include "sql/plan/fixture.h"

static void open_with_tables(struct fixture *f)
{
    fixture_open(f, NULL);
    assert_int_equal(fixture_run(f, fixture_tables), ST_OK);
}

static void run_ok(struct fixture *f, const char *sql)
{
    enum status st = fixture_run(f, sql);
    if (st != ST_OK)
        print_error("%s\n%s at %u:%u\n", sql, f->err.message, f->err.line, f->err.column);
    assert_int_equal(st, ST_OK);
}

static char *type_of(struct fixture *f, const struct type *t)
{
    struct str s = type_name(&f->arena, t);
    assert_non_null(s.ptr);
    return (char *)(uintptr_t)s.ptr;
}

static void test_table_descriptor(void **state)
{
    (void)state;
    struct fixture f;
    open_with_tables(&f);
    run_ok(
        &f,
        "CREATE TEMPORARY TABLE x (a VARCHAR, b CHAR COMMENT 'one', c DECIMAL, d TIMESTAMP(3), e AS a || 'x', "
        "  r ROW<x INT NOT NULL, y ARRAY<STRING>>, m MAP<STRING, BIGINT>, PRIMARY KEY (b, a) NOT ENFORCED, "
        "  WATERMARK FOR d AS d - INTERVAL '1' MINUTE) COMMENT 'all' PARTITIONED BY (c) WITH ('connector' = 'test')");
    const struct table_desc *t = catalog_table(f.env.catalog, STR("x"));
    assert_non_null(t);
    assert_true(t->temporary);
    assert_int_equal(t->n_columns, 7);
    assert_int_equal(t->physical.n_fields, 6);
    assert_string_equal(type_of(&f, t->columns[0].type), "STRING NOT NULL");
    assert_string_equal(type_of(&f, t->columns[1].type), "CHAR(1) NOT NULL");
    assert_string_equal(type_of(&f, t->columns[2].type), "DECIMAL(10, 0)");
    assert_string_equal(type_of(&f, t->columns[4].type), "STRING NOT NULL");
    assert_string_equal(type_of(&f, t->columns[5].type), "ROW<`x` INT NOT NULL, `y` ARRAY<STRING>>");
    assert_int_equal(t->columns[4].role, COLUMN_COMPUTED);
    assert_true(str_eq(t->columns[4].expr, STR("a || 'x'")));
    assert_true(str_eq(t->columns[1].comment, STR("one")));
    assert_true(str_eq(t->comment, STR("all")));
    assert_int_equal(t->n_primary_key, 2);
    assert_int_equal(t->primary_key[0], 1);
    assert_int_equal(t->primary_key[1], 0);
    assert_int_equal(t->watermark_column, 3);
    assert_int_equal(t->columns[3].type->time, TIME_EVENT);
    assert_int_equal(t->physical.fields[3].type->time, TIME_NONE);
    assert_true(str_eq(t->watermark_expr, STR("d - INTERVAL '1' MINUTE")));
    assert_true(str_eq(t->partitioned_by[0], STR("c")));
    assert_true(str_eq(options_get(&t->options, "connector"), STR("test")));
    fixture_close(&f);
}

static void test_like(void **state)
{
    (void)state;
    struct fixture f;
    open_with_tables(&f);
    run_ok(&f, "CREATE TABLE base (a INT, b AS a + 1, PRIMARY KEY (a) NOT ENFORCED) PARTITIONED BY (a)"
               "  WITH ('connector' = 'test', 'changelog-mode' = 'I');"
               "CREATE TABLE x (c INT) WITH ('changelog-mode' = 'I,D') LIKE base;"
               "CREATE TABLE y (c INT) WITH ('connector' = 'gen') LIKE base (EXCLUDING ALL);"
               "CREATE TABLE z (b AS a + 2) LIKE base (OVERWRITING GENERATED EXCLUDING PARTITIONS)");
    const struct table_desc *x = catalog_table(f.env.catalog, STR("x"));
    assert_int_equal(x->n_columns, 3);
    assert_int_equal(x->n_primary_key, 1);
    assert_int_equal(x->n_partitioned_by, 1);
    assert_true(str_eq(options_get(&x->options, "changelog-mode"), STR("I,D")));
    assert_true(str_eq(options_get(&x->options, "connector"), STR("test")));
    const struct table_desc *y = catalog_table(f.env.catalog, STR("y"));
    assert_int_equal(y->n_columns, 2);
    assert_int_equal(y->n_primary_key, 0);
    assert_true(y->columns[0].type->nullable);
    assert_int_equal(y->options.count, 1);
    const struct table_desc *z = catalog_table(f.env.catalog, STR("z"));
    assert_true(str_eq(z->columns[1].expr, STR("a + 2")));
    assert_int_equal(z->n_partitioned_by, 0);
    fixture_close(&f);
}

static void test_view_and_function(void **state)
{
    (void)state;
    struct fixture f;
    open_with_tables(&f);
    run_ok(&f, "CREATE VIEW v (x, y) COMMENT 'c' AS SELECT a, COUNT(*) FROM two GROUP BY a;"
               "CREATE FUNCTION cc AS 'com.github.nexmark.flink.udf.CountChar'");
    const struct view_desc *v = catalog_view(f.env.catalog, STR("v"));
    assert_int_equal(v->n_columns, 2);
    assert_true(str_eq(v->columns[1], STR("y")));
    assert_true(str_eq(v->comment, STR("c")));
    assert_true(str_eq(v->query, STR("SELECT a, COUNT(*) FROM two GROUP BY a")));
    assert_true(str_eq_nocase(catalog_function(f.env.catalog, STR("CC"))->builtin, STR("count_char")));
    run_ok(&f, "SELECT y, CC(CAST(x AS STRING), '1') FROM v");
    fixture_close(&f);
}

static void test_describe(void **state)
{
    (void)state;
    struct fixture f;
    struct schema s;
    open_with_tables(&f);
    struct str bid = STR("bid"), nbid = STR("nbid"), none = STR("bidd");
    assert_int_equal(plan_describe(&f.env, &(struct syn_name){ &bid, 1, 1, 1 }, &s, &f.err), ST_OK);
    assert_int_equal(s.n_fields, 7);
    assert_int_equal(s.fields[5].type->time, TIME_EVENT);
    assert_int_equal(plan_describe(&f.env, &(struct syn_name){ &nbid, 1, 1, 1 }, &s, &f.err), ST_OK);
    assert_int_equal(s.n_fields, 3);
    assert_true(str_eq(s.fields[2].name, STR("dateTime")));
    assert_int_equal(s.fields[2].type->time, TIME_EVENT);
    assert_int_equal(plan_describe(&f.env, &(struct syn_name){ &none, 1, 3, 4 }, &s, &f.err), ST_SEMANTIC);
    assert_int_equal(f.err.line, 3);
    assert_string_equal(f.err.message, "unknown table 'bidd'; did you mean 'bid'?");
    fixture_close(&f);
}

static void test_result_columns(void **state)
{
    (void)state;
    struct fixture f;
    open_with_tables(&f);
    run_ok(&f, "SELECT a, a, b AS a, a AS a0, p FROM t");
    const struct node *sink = f.plan->nodes[f.plan->n_nodes - 1];
    assert_true(sink->sink.is_result);
    assert_int_equal(sink->sink.table->n_columns, 5);
    static const char *const names[] = { "a", "a0", "a1", "a00", "p" };
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(str_eq(sink->sink.columns.fields[i].name, str_from(names[i])));
        assert_int_equal(sink->sink.columns.fields[i].type->time, TIME_NONE);
    }
    fixture_close(&f);
}

static void test_values(void **state)
{
    (void)state;
    struct fixture f;
    open_with_tables(&f);
    run_ok(&f, "VALUES (1, 'a string that is long'), (2, 'b'), (NULL, NULL)");
    const struct node *v = f.plan->nodes[0];
    assert_int_equal(v->kind, NODE_VALUES);
    assert_int_equal(v->values.rows->count, 3);
    assert_int_equal(v->values.rows->cols[0].i32[1], 2);
    assert_true(str_eq(column_str(&v->values.rows->cols[1], 0), STR("a string that is long")));
    assert_true(column_is_null(&v->values.rows->cols[0], 2));
    assert_true(column_is_null(&v->values.rows->cols[1], 2));
    assert_string_equal(type_of(&f, v->schema.fields[0].type), "INT");
    assert_true(f.plan->bounded);
    fixture_close(&f);
}

static void test_names_and_bounds(void **state)
{
    (void)state;
    struct fixture f;
    open_with_tables(&f);
    run_ok(&f, "INSERT INTO two SELECT a, b FROM t");
    assert_true(str_eq(f.plan->name, STR("insert-into_two")));
    assert_false(f.plan->bounded);
    run_ok(&f, "EXECUTE STATEMENT SET BEGIN INSERT INTO two SELECT a, b FROM f; INSERT INTO hole SELECT a FROM f; END");
    assert_true(str_eq(f.plan->name, STR("insert-into_two,hole")));
    assert_true(f.plan->bounded);
    uint32_t sources = 0;
    for (uint32_t i = 0; i < f.plan->n_nodes; i++) {
        const struct node *n = f.plan->nodes[i];
        sources += n->kind == NODE_SOURCE;
        assert_int_equal(n->index, i);
        for (uint32_t k = 0; k < n->n_inputs; k++)
            assert_true(n->inputs[k].node < i);
    }
    assert_int_equal(sources, 1);
    run_ok(&f, "SET 'pipeline.name' = 'mine'; SELECT a FROM f");
    assert_true(str_eq(f.plan->name, STR("mine")));
    fixture_close(&f);
}

static char *fingerprint(struct fixture *f, const char *sql)
{
    struct buf out;
    run_ok(f, sql);
    buf_init(&out, NULL, 1u << 20);
    assert_true(plan_fingerprint(&out, f->plan));
    char *s = fixture_text(&out);
    buf_release(&out);
    return s;
}

static void compare(struct fixture *f, const char *a, const char *b, bool same)
{
    char *x = fingerprint(f, a), *y = fingerprint(f, b);
    if ((strcmp(x, y) == 0) != same)
        print_error("%s\n%s", x, y);
    assert_int_equal(strcmp(x, y) == 0, same);
    free(x);
    free(y);
}

static void test_fingerprint(void **state)
{
    (void)state;
    struct fixture f;
    open_with_tables(&f);
    compare(&f, "SELECT a, COUNT(*) FROM two GROUP BY a", "select x.a AS k, count(*) AS n from two AS x GROUP BY x.a",
            true);
    compare(&f, "SELECT a, COUNT(*) FROM two GROUP BY a", "SELECT b, COUNT(*) FROM two GROUP BY b", false);
    compare(&f, "SELECT a, COUNT(*) FROM two GROUP BY a", "SELECT a, COUNT(DISTINCT b) FROM two GROUP BY a", false);
    compare(&f, "SELECT a, COUNT(*) FROM two GROUP BY a", "SELECT a, COUNT(*) FROM two WHERE a > 1 GROUP BY a", false);
    compare(&f, "SELECT a FROM f", "SELECT a FROM f /*+ OPTIONS('path' = '/g') */", false);
    compare(&f,
            "SELECT COUNT(*) FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) GROUP BY window_start, "
            "window_end",
            "SELECT COUNT(*) FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '11' SECOND) GROUP BY window_start, "
            "window_end",
            false);
    fixture_close(&f);
}

/* ---- limits ---- */

static void test_deep_with(void **state)
{
    (void)state;
    struct fixture f;
    struct buf sql;
    open_with_tables(&f);
    buf_init(&sql, NULL, 1u << 20);
    assert_true(buf_printf(&sql, "WITH x0 AS (SELECT a FROM two)"));
    for (int i = 1; i < 1000; i++)
        assert_true(buf_printf(&sql, ", x%d AS (SELECT a FROM x%d)", i, i - 1));
    assert_true(buf_printf(&sql, " SELECT a FROM x999%c", 0));
    assert_int_equal(fixture_run(&f, (const char *)sql.data), ST_LIMIT);
    assert_string_equal(f.err.message, "queries stand more than 300 deep inside one another");
    buf_release(&sql);
    fixture_close(&f);
}

static void test_unfolding_with(void **state)
{
    (void)state;
    struct fixture f;
    struct buf sql;
    open_with_tables(&f);
    buf_init(&sql, NULL, 1u << 20);
    assert_true(buf_printf(&sql, "WITH x0 AS (SELECT a FROM two)"));
    for (int i = 1; i < 60; i++)
        assert_true(buf_printf(&sql, ", x%d AS (SELECT a FROM x%d UNION ALL SELECT a FROM x%d)", i, i - 1, i - 1));
    assert_true(buf_printf(&sql, " SELECT a FROM x59%c", 0));
    assert_int_equal(fixture_run(&f, (const char *)sql.data), ST_LIMIT);
    assert_string_equal(f.err.message, "the query unfolds to more than 20000 operators");
    buf_release(&sql);
    fixture_close(&f);
}

/* a + a over a + a …: merged it would be a tree of 2^60 nodes. */
static void test_doubling_projection(void **state)
{
    (void)state;
    struct fixture f;
    struct buf sql;
    open_with_tables(&f);
    buf_init(&sql, NULL, 1u << 20);
    for (int i = 0; i < 60; i++)
        assert_true(buf_printf(&sql, "SELECT a + a AS a FROM ("));
    assert_true(buf_printf(&sql, "SELECT a FROM two"));
    for (int i = 0; i < 60; i++)
        assert_true(buf_printf(&sql, ")"));
    assert_true(buf_put_u8(&sql, 0));
    run_ok(&f, (const char *)sql.data);
    assert_true(f.plan->n_nodes > 5 && f.plan->n_nodes < 20);
    buf_release(&sql);
    fixture_close(&f);
}

static const char torture[] =
    "CREATE VIEW v AS SELECT auction, price, window_start AS s, window_end AS e FROM "
    "  TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) WHERE price > 3;"
    "CREATE TABLE late (auction BIGINT, price BIGINT) WITH ('connector' = 'test'); SET 'late.table' = 'late';"
    "EXECUTE STATEMENT SET BEGIN INSERT INTO two SELECT CAST(auction AS INT), COUNT(DISTINCT price) FILTER (WHERE "
    "price > 5)"
    "  FROM v GROUP BY s, e, auction; INSERT INTO keyed SELECT a, SUM(b) FROM (VALUES (1, 'x', 2), (3, 'y', 4)) AS "
    "w(a, c, b)"
    "  GROUP BY a HAVING COUNT(*) > 1; END;"
    "SELECT window_end, auction, GROUPING(auction), SUM(x) FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '1' SECOND)"
    "  LEFT JOIN UNNEST(ARRAY[price, bidder]) WITH ORDINALITY AS u (x, n) ON x > n"
    "  GROUP BY window_start, window_end, ROLLUP (auction);"
    "SELECT TUMBLE_END(dateTime, INTERVAL '1' SECOND), auction FROM bid GROUP BY TUMBLE(dateTime, INTERVAL '1' SECOND), auction;"
    "ALTER TABLE keyed2 ADD (twice AS c * 2 FIRST, x INT AFTER b, ts TIMESTAMP(3), WATERMARK FOR ts AS ts);"
    "ALTER TABLE keyed2 DROP (twice, x); ALTER TABLE keyed2 RENAME c TO y; ALTER TABLE keyed2 SET ('k' = 'v');"
    "SELECT auction FROM bid WHERE price > 1 ORDER BY dateTime, price; SELECT a FROM t EXCEPT ALL SELECT a FROM two;"
    "SELECT id, CASE WHEN v = 1 THEN s ELSE UPPER(s) END FROM ups WHERE v = 1 UNION SELECT a, c FROM f";

/* Every allocation refused in turn: a named error, nothing lost (the sanitizer looks), nothing broken. */
static void test_memory(void **state)
{
    (void)state;
    struct budget b;
    bool done = false;
    uint64_t refused = 0;
    for (uint64_t n = 1; !done; n++) {
        struct fixture f;
        budget_init(&b, "test", SIZE_MAX, NULL);
        fixture_open(&f, &b);
        assert_non_null(f.env.catalog);
        enum status st = fixture_run(&f, fixture_tables);
        assert_int_equal(st, ST_OK);
        budget_fail_nth(n);
        st = fixture_run(&f, torture);
        done = budget_takes() < n;
        budget_fail_nth(0);
        if (done)
            assert_int_equal(st, ST_OK);
        else if (st != ST_OK) {
            assert_int_equal(st, ST_MEMORY);
            refused++;
        }
        fixture_close(&f);
        assert_int_equal(atomic_load(&b.used), 0);
    }
    assert_true(refused > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_descriptor), cmocka_unit_test(test_like),
        cmocka_unit_test(test_view_and_function), cmocka_unit_test(test_describe),
        cmocka_unit_test(test_result_columns),   cmocka_unit_test(test_values),
        cmocka_unit_test(test_names_and_bounds), cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_deep_with),        cmocka_unit_test(test_unfolding_with),
        cmocka_unit_test(test_doubling_projection), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
