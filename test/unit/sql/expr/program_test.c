/* Trees, typing and programs: what is built has Flink's types; what runs gives the right rows with and without NULLs
 * and selections; lazy branches protect rows that do not reach them. */
#include "expr_help.h"

static void test_literals(void **state)
{
    struct fixture *f = *state;
    assert_type(number(f, "12"), "INT NOT NULL");
    assert_type(number(f, "2147483648"), "BIGINT NOT NULL");
    assert_type(number(f, "0.908"), "DECIMAL(4, 3) NOT NULL");
    assert_type(number(f, "1e3"), "DOUBLE NOT NULL");
    assert_type(text(f, "abc"), "CHAR(3) NOT NULL");
    assert_value(f, number(f, "1234567890123456789012"), "1234567890123456789012");
    const struct expr *e;
    assert_int_equal(expr_interval(&f->env, false, STR("1 02:03:04.5"), UNIT_DAY, UNIT_SECOND, -1, &e, &f->err), ST_OK);
    assert_value(f, e, "+1 02:03:04.500");
    assert_int_equal(expr_interval(&f->env, false, STR("2-10"), UNIT_YEAR, UNIT_MONTH, -1, &e, &f->err), ST_OK);
    assert_value(f, e, "+2-10");
    assert_int_equal(expr_interval(&f->env, false, STR("x"), UNIT_DAY, UNIT_NONE, -1, &e, &f->err), ST_SEMANTIC);
    assert_int_equal(expr_interval(&f->env, false, STR("1:2"), UNIT_DAY, UNIT_HOUR, -1, &e, &f->err), ST_SEMANTIC);
    assert_int_equal(expr_datetime(&f->env, TYPE_DATE, STR("2020-02-30"), &e, &f->err), ST_SEMANTIC);
    assert_int_equal(expr_datetime(&f->env, TYPE_TIMESTAMP, STR("2020-02-28 10:00:00.1234"), &e, &f->err), ST_OK);
    assert_type(e, "TIMESTAMP(4) NOT NULL");
}

/* operator, left type, right type, result type ("" : refused) */
static void test_typing(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *op;
        const char *left, *right, *result;
    } rows[] = {
        { "+", "INT", "INT", "INT" },
        { "+", "TINYINT", "SMALLINT", "SMALLINT" },
        { "+", "INT", "BIGINT", "BIGINT" },
        { "*", "FLOAT", "INT", "FLOAT" },
        { "*", "FLOAT", "DECIMAL(5,2)", "DOUBLE" },
        { "/", "INT", "DECIMAL(5,2)", "DECIMAL(18, 6)" },
        { "+", "DECIMAL(10,2)", "DECIMAL(10,4)", "DECIMAL(13, 4)" },
        { "+", "DECIMAL(38,10)", "DECIMAL(38,28)", "DECIMAL(38, 9)" },
        { "%", "BIGINT", "INT", "INT" },
        { "%", "DECIMAL(19,0)", "INT", "DECIMAL(10, 0)" },
        { "=", "INT", "STRING", "BOOLEAN" },
        { "=", "DATE", "STRING", "BOOLEAN" },
        { "=", "DATE", "INT", "" },
        { "<", "BOOLEAN", "INT", "" },
        { "-", "TIMESTAMP(3)", "TIMESTAMP(3)", "" },
        { "-", "TIMESTAMP(3)", "INTERVAL", "TIMESTAMP(3)" },
        { "+", "INTERVAL", "TIMESTAMP(3)", "TIMESTAMP(3)" },
        { "-", "INTERVAL", "TIMESTAMP(3)", "" },
        { "*", "INTERVAL", "INT", "INTERVAL SECOND(3)" },
        { "AND", "BOOLEAN", "BOOLEAN", "BOOLEAN" },
        { "AND", "BOOLEAN", "INT", "" },
        { "IS DISTINCT FROM", "INT", "BIGINT", "BOOLEAN NOT NULL" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct expr *args[2] = { column(f, 0, rows[i].left), column(f, 1, rows[i].right) }, *e = NULL;
        enum status st = expr_call(&f->env, str_from(rows[i].op), args, 2, 1, 1, &e, &f->err);
        if (!rows[i].result[0]) {
            if (st != ST_SEMANTIC)
                fail_msg("%s %s %s should be refused", rows[i].left, rows[i].op, rows[i].right);
            continue;
        }
        if (st != ST_OK)
            fail_msg("%s %s %s: %s", rows[i].left, rows[i].op, rows[i].right, f->err.message);
        assert_type(e, rows[i].result);
    }
}


/* A batch of two BIGINT columns a = 0, 1, 2 …, b = 10 - a, an INT c = a, and a STRING s; every 3rd a is NULL when
 * asked. */
struct table {
    struct schema schema;
    struct field fields[4];
    struct batch *batch;
};

static void table_new(struct fixture *f, struct table *t, uint32_t rows, bool nulls)
{
    const char *types[4] = { "BIGINT", "BIGINT", "INT", "STRING" };
    static const struct str names[4] = { STR_INIT("a"), STR_INIT("b"), STR_INIT("c"), STR_INIT("s") };
    for (int i = 0; i < 4; i++)
        t->fields[i] = (struct field){ names[i], type_of(f, types[i]) };
    t->schema = (struct schema){ t->fields, 4 };
    t->batch = batch_new(&t->schema, 64, &f->budget);
    assert_non_null(t->batch);
    for (uint32_t r = 0; r < rows; r++) {
        char text_value[64];
        t->batch->cols[0].i64[r] = r;
        t->batch->cols[1].i64[r] = 10 - (int64_t)r;
        t->batch->cols[2].i32[r] = (int32_t)r;
        int n = snprintf(text_value, sizeof text_value, "row number %u of the table", r);
        assert_true(column_set_str(&t->batch->cols[3], r, text_value, (size_t)n));
        if (nulls && r % 3 == 0)
            column_set_null(&t->batch->cols[0], r);
    }
    t->batch->count = rows;
}

static const struct eval moment = { 1000, INT64_MIN, 7 };

/* Runs one tree and writes the rows that count, joined by '|'. */
static const char *run(struct fixture *f, const struct expr *e, const struct batch *b)
{
    static char out[4096];
    struct program *p = NULL;
    struct column c;
    if (expr_compile(&e, 1, 64, &f->budget, &p, &f->err) != ST_OK || program_run(p, b, &moment, &c, &f->err) != ST_OK) {
        program_free(p);
        snprintf(out, sizeof out, "%s: %s", status_name(f->err.status), f->err.message);
        return out;
    }
    c.type = e->type;
    out[0] = 0;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        const char *v = print_value(&c, batch_row(b, k), &zone_utc);
        strncat(out, k ? "|" : "", sizeof out - strlen(out) - 1);
        strncat(out, v, sizeof out - strlen(out) - 1);
    }
    program_free(p);
    return out;
}

static const struct expr *col(struct fixture *f, uint32_t i)
{
    return column(f, i, i < 2 ? "BIGINT" : i == 2 ? "INT" : "STRING");
}

/* The same expressions dense, with NULLs, and over a selection. */
static void test_kernels(void **state)
{
    struct fixture *f = *state;
    static uint16_t rows[] = { 1, 3, 4 };
    const struct expr *trees[] = {
        CALL(f, "+", col(f, 0), col(f, 1)),
        CALL(f, "-", col(f, 0), number(f, "1")),
        CALL(f, "-", number(f, "1"), col(f, 0)),
        CALL(f, "*", number(f, "0.5"), col(f, 0)),
        CALL(f, "*", col(f, 0), number(f, "2.5")),
        CALL(f, "%", col(f, 1), number(f, "3")),
        CALL(f, "<", col(f, 0), number(f, "2")),
        CALL(f, "<", number(f, "2"), col(f, 0)),
        CALL(f, "=", col(f, 0), col(f, 2)),
        CALL(f, "IS NULL", col(f, 0)),
        CALL(f, "COALESCE", col(f, 0), col(f, 1)),
        CALL(f, "SUBSTRING", col(f, 3), number(f, "12"), number(f, "1")),
    };
    static const char *const dense[] = {
        "10|10|10|10|10", "-1|0|1|2|3", "1|0|-1|-2|-3", "0.0|0.5|1.0|1.5|2.0", "0.0|2.5|5.0|7.5|10.0",
        "1|0|2|1|0", "TRUE|TRUE|FALSE|FALSE|FALSE", "FALSE|FALSE|FALSE|TRUE|TRUE", "TRUE|TRUE|TRUE|TRUE|TRUE",
        "FALSE|FALSE|FALSE|FALSE|FALSE", "0|1|2|3|4", "0|1|2|3|4",
    };
    static const char *const with_nulls[] = {
        "NULL|10|10|NULL|10", "NULL|0|1|NULL|3", "NULL|0|-1|NULL|-3", "NULL|0.5|1.0|NULL|2.0", "NULL|2.5|5.0|NULL|10.0",
        "1|0|2|1|0", "NULL|TRUE|FALSE|NULL|FALSE", "NULL|FALSE|FALSE|NULL|TRUE", "NULL|TRUE|TRUE|NULL|TRUE",
        "TRUE|FALSE|FALSE|TRUE|FALSE", "10|1|2|7|4", "0|1|2|3|4",
    };
    static const char *const selected[] = {
        "10|NULL|10", "0|NULL|3", "0|NULL|-3", "0.5|NULL|2.0", "2.5|NULL|10.0", "0|1|0", "TRUE|NULL|FALSE",
        "FALSE|NULL|TRUE", "TRUE|NULL|TRUE", "FALSE|TRUE|FALSE", "1|7|4", "1|3|4",
    };
    struct table t, n;
    table_new(f, &t, 5, false);
    table_new(f, &n, 5, true);
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        assert_string_equal(run(f, trees[i], t.batch), dense[i]);
        n.batch->sel = NULL;
        assert_string_equal(run(f, trees[i], n.batch), with_nulls[i]);
        n.batch->sel = rows;
        n.batch->n_sel = 3;
        assert_string_equal(run(f, trees[i], n.batch), selected[i]);
    }
    n.batch->sel = NULL;
    batch_free(t.batch);
    batch_free(n.batch);
}

/* A division that fails for row 0 must not be seen by who guards against it. */
static void test_lazy(void **state)
{
    struct fixture *f = *state;
    struct table t;
    table_new(f, &t, 4, false);
    const struct expr *zero = number(f, "0"), *quotient = CALL(f, "/", number(f, "6"), col(f, 0));
    const struct expr *nonzero = CALL(f, "<>", col(f, 0), zero), *is_zero = CALL(f, "=", col(f, 0), zero);
    assert_string_equal(run(f, quotient, t.batch), "EXPRESSION: division by zero");
    assert_string_equal(run(f, CALL(f, "IF", nonzero, quotient, number(f, "-1")), t.batch), "-1|6|3|2");
    const struct expr *big = CALL(f, ">", quotient, number(f, "2"));
    assert_string_equal(run(f, CALL(f, "AND", nonzero, big), t.batch), "FALSE|TRUE|TRUE|FALSE");
    assert_string_equal(run(f, CALL(f, "OR", is_zero, big), t.batch), "TRUE|TRUE|TRUE|FALSE");
    assert_string_equal(run(f, CALL(f, "AND", big, nonzero), t.batch), "EXPRESSION: division by zero");
    static uint16_t rows[] = { 1, 3 };
    t.batch->sel = rows; /* row 0 does not count */
    t.batch->n_sel = 2;
    assert_string_equal(run(f, quotient, t.batch), "6|2");
    /* The same quotient in two branches is computed for each branch's rows. */
    const struct expr *pairs[4] = { CALL(f, "=", col(f, 0), number(f, "1")), quotient,
                                    CALL(f, "=", col(f, 0), number(f, "2")), quotient };
    const struct expr *e;
    assert_int_equal(expr_case(&f->env, pairs, 2, NULL, 1, 1, &e, &f->err), ST_OK);
    t.batch->sel = NULL;
    assert_string_equal(run(f, e, t.batch), "NULL|6|3|NULL");
    batch_free(t.batch);
}

static void test_three_values(void **state)
{
    struct fixture *f = *state;
    const struct expr *t, *u = null(f, "BOOLEAN"), *n;
    assert_int_equal(expr_bool(&f->env, true, &t, &f->err), ST_OK);
    assert_int_equal(expr_bool(&f->env, false, &n, &f->err), ST_OK);
    const struct expr *v[3] = { t, n, u };
    static const char *const and_table[] = { "TRUE", "FALSE", "NULL", "FALSE", "FALSE", "FALSE", "NULL", "FALSE",
        "NULL" };
    static const char *const or_table[] = { "TRUE", "TRUE", "TRUE", "TRUE", "FALSE", "NULL", "TRUE", "NULL", "NULL" };
    for (int i = 0; i < 9; i++) {
        assert_value(f, CALL(f, "AND", v[i / 3], v[i % 3]), and_table[i]);
        assert_value(f, CALL(f, "OR", v[i / 3], v[i % 3]), or_table[i]);
    }
    assert_value(f, CALL(f, "IN", number(f, "1"), number(f, "2"), null(f, "INT")), "NULL");
    assert_value(f, CALL(f, "IN", number(f, "1"), number(f, "1"), null(f, "INT")), "TRUE");
    assert_value(f, CALL(f, "IS NOT DISTINCT FROM", null(f, "INT"), null(f, "INT")), "TRUE");
}

static void test_filter(void **state)
{
    struct fixture *f = *state;
    struct table t;
    table_new(f, &t, 10, true);
    const struct expr *e = CALL(f, "AND", CALL(f, ">", col(f, 0), number(f, "3")), CALL(f, "<", col(f, 2), number(f,
        "9")));
    struct program *p;
    uint16_t sel[64];
    uint32_t n;
    assert_int_equal(expr_compile(&e, 1, 64, &f->budget, &p, &f->err), ST_OK);
    assert_int_equal(program_filter(p, t.batch, &moment, sel, &n, &f->err), ST_OK);
    assert_int_equal(n, 4); /* 4, 5, 7, 8: 6 is NULL, 9 not below 9 */
    assert_int_equal(sel[0], 4);
    assert_int_equal(sel[3], 8);
    program_free(p);
    batch_free(t.batch);
}

/* Columns pass through; a constant is a whole column; a program can run again after an error. */
static void test_outputs(void **state)
{
    struct fixture *f = *state;
    struct table t;
    table_new(f, &t, 6, false);
    const struct expr *trees[4] = { col(f, 3), text(f, "a constant that is longer than twelve bytes"),
                                    CALL(f, "/", col(f, 1), CALL(f, "-", col(f, 0), number(f, "5"))), col(f, 0) };
    struct program *p;
    struct column out[4];
    assert_int_equal(expr_compile(trees, 4, 64, &f->budget, &p, &f->err), ST_OK);
    assert_int_equal(program_run(p, t.batch, &moment, out, &f->err), ST_EXPRESSION);
    t.batch->count = 5;
    assert_int_equal(program_run(p, t.batch, &moment, out, &f->err), ST_OK);
    assert_ptr_equal(out[0].str, t.batch->cols[3].str);
    assert_string_equal(print_value(&out[1], 4, &zone_utc), "a constant that is longer than twelve bytes");
    assert_string_equal(print_value(&out[2], 4, &zone_utc), "-6");
    program_free(p);
    batch_free(t.batch);
}

static void test_walks(void **state)
{
    struct fixture *f = *state;
    struct table t;
    table_new(f, &t, 1, false);
    const struct expr *e = CALL(f, "AND", CALL(f, ">", col(f, 0), number(f, "10")), CALL(f, "=", col(f, 3), text(f,
        "it's")));
    struct buf b;
    buf_init(&b, NULL, 1000);
    assert_true(expr_print(&b, e, &t.schema));
    assert_true(str_eq(buf_str(&b), STR("(a > 10) AND (s = 'it''s')")));
    buf_release(&b);
    uint32_t map[4] = { 1, 0, 2, 3 };
    const struct expr *moved = expr_remap(&f->arena, e, map);
    assert_false(expr_equal(e, moved));
    assert_true(expr_equal(e, expr_remap(&f->arena, moved, map)));
    assert_true(expr_is_constant(CALL(f, "+", number(f, "1"), number(f, "2"))));
    assert_false(expr_is_deterministic(call_n(f, "CURRENT_TIMESTAMP", 0, NULL)));
    const struct expr *folded;
    assert_int_equal(expr_fold(&f->env, CALL(f, "+", number(f, "1"), number(f, "2")), &folded, &f->err), ST_OK);
    assert_int_equal(folded->kind, EXPR_LITERAL);
    assert_int_equal(expr_fold(&f->env, CALL(f, "/", number(f, "1"), number(f, "0")), &folded, &f->err), ST_EXPRESSION);
    struct need_mark needs[4] = { 0 };
    assert_true(expr_needs(&f->arena, e, &t.schema, needs));
    assert_true(needs[0].whole && needs[3].whole && !needs[1].used);
    batch_free(t.batch);
}

/* A field of a ROW: its own NULLs and the row's; and what it needs. */
static void test_fields(void **state)
{
    struct fixture *f = *state;
    struct field inner[2] = { { STR("x"), type_of(f, "INT") }, { STR("y"), type_of(f, "STRING") } };
    struct field outer = { STR("r"), type_row(&f->arena, inner, 2) };
    struct schema schema = { &outer, 1 };
    struct batch *b = batch_new(&schema, 8, &f->budget);
    assert_non_null(b);
    b->count = 3;
    struct column *r = &b->cols[0];
    r->children[0].i32[0] = 7;
    column_set_null(&r->children[0], 1);
    r->children[0].i32[2] = 9;
    column_set_null(r, 2);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(column_set_str(&r->children[1], i, "text", 4));
    const struct expr *row = expr_column(&f->env, 0, outer.type), *e;
    assert_int_equal(expr_field(&f->env, row, STR("x"), 1, 1, &e, &f->err), ST_OK);
    assert_string_equal(run(f, e, b), "7|NULL|NULL");
    assert_string_equal(run(f, CALL(f, "+", e, number(f, "1")), b), "8|NULL|NULL");
    struct need_mark needs[1] = { 0 };
    assert_true(expr_needs(&f->arena, e, &schema, needs));
    assert_true(needs[0].used && !needs[0].whole && needs[0].fields[0].whole && !needs[0].fields[1].used);
    assert_int_equal(expr_field(&f->env, row, STR("z"), 3, 4, &e, &f->err), ST_SEMANTIC);
    assert_int_equal(f->err.line, 3);
    batch_free(b);
}

/* Every take of memory refused in turn: ST_MEMORY, or success where a smaller take would do, and nothing leaks. */
static void test_memory(void **state)
{
    struct fixture *f = *state;
    struct table t;
    table_new(f, &t, 5, true);
    const struct expr *trees[2] = { CALL(f, "||", col(f, 3), text(f, " and a tail that is long")),
                                    CALL(f, "IF", CALL(f, "LIKE", col(f, 3), text(f, "%1%")), col(f, 0), col(f, 1)) };
    uint32_t refused = 0;
    for (uint64_t nth = 1;; nth++) {
        struct program *p = NULL;
        struct column out[2];
        budget_fail_nth(nth);
        enum status st = expr_compile(trees, 2, 64, &f->budget, &p, &f->err);
        if (st == ST_OK)
            st = program_run(p, t.batch, &moment, out, &f->err);
        bool reached = budget_takes() >= nth;
        budget_fail_nth(0);
        program_free(p);
        if (!reached)
            break;
        assert_true(st == ST_MEMORY || st == ST_OK);
        refused += st == ST_MEMORY;
        assert_true(nth < 1000);
    }
    assert_true(refused > 10);
    batch_free(t.batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_literals, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_typing, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_kernels, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_lazy, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_three_values, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_filter, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_outputs, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_walks, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_fields, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_memory, fixture_new, fixture_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
