/* Around the parse: variables, carets, places of nodes, sources of statements, single expressions. */
#include "sql/syntax/helper.h"

/* ---- ${name} ---- */

struct variables {
    struct map map;
    struct str values[3];
};

static void variables_init(struct variables *v, struct arena *a)
{
    static const struct str names[] = { STR_INIT("TPS"), STR_INIT("EVENTS_NUM"), STR_INIT("empty") };
    v->values[0] = STR("100");
    v->values[1] = STR("a${TPS}b");
    v->values[2] = STR("");
    map_init(&v->map, a, false);
    for (size_t i = 0; i < 3; i++)
        assert_true(map_put(&v->map, names[i], &v->values[i]));
}

static void test_substitution(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },
        { "no variable", "no variable" },
        { "${TPS}", "100" },
        { "'${TPS}' -- ${TPS}\n`${TPS}`", "'100' -- 100\n`100`" },
        { "a${empty}b${empty}${empty}c", "abc" },
        { "${EVENTS_NUM}", "a${TPS}b" }, /* once, not again */
        { "'$dt $hm:00' $ { ${", "'$dt $hm:00' $ { ${" },
        { "$${TPS}}", "$100}" },
    };
    (void)state;
    struct arena a;
    struct variables v;
    struct error err;
    arena_init(&a, budget_process());
    variables_init(&v, &a);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str got;
        assert_int_equal(syn_substitute(&a, str_from(rows[i][0]), &v.map, &got, &err), ST_OK);
        assert_true(str_eq(got, str_from(rows[i][1])));
    }
    arena_release(&a);
}

static void test_substitution_errors(void **state)
{
    (void)state;
    struct arena a;
    struct variables v;
    struct error err;
    struct str got = { 0 };
    arena_init(&a, budget_process());
    variables_init(&v, &a);
    assert_int_equal(syn_substitute(&a, STR("a\n b é ${EVENT_NUM}"), &v.map, &got, &err), ST_USAGE);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 6);
    assert_string_equal(err.message, "no value for ${EVENT_NUM}");
    assert_string_equal(err.hint, "did you mean ${EVENTS_NUM}?");
    assert_int_equal(syn_substitute(&a, STR("${}"), &v.map, &got, &err), ST_USAGE);
    assert_int_equal(syn_substitute(&a, STR("${somethingelse}"), &v.map, &got, &err), ST_USAGE);
    assert_string_equal(err.hint, "give it with --var somethingelse=…");
    /* values that make the text too long */
    static char big[SYN_MAX_TEXT];
    memset(big, 'x', sizeof big);
    v.values[0] = str_make(big, sizeof big);
    assert_int_equal(syn_substitute(&a, STR("${TPS}"), &v.map, &got, &err), ST_OK);
    got = (struct str){ 0 };
    assert_int_equal(syn_substitute(&a, STR("${TPS}y"), &v.map, &got, &err), ST_LIMIT);
    assert_null(got.ptr);
    arena_release(&a);
}

/* ---- the caret ---- */

static void check_caret(const char *sql, uint32_t line, uint32_t column, const char *want)
{
    struct buf out;
    struct error err = { .status = ST_SYNTAX, .line = line, .column = column };
    buf_init(&out, budget_process(), SIZE_MAX);
    assert_true(syn_print_caret(&out, str_from(sql), &err));
    assert_true(buf_put_u8(&out, 0));
    assert_string_equal((char *)out.data, want);
    buf_release(&out);
}

static void test_carets(void **state)
{
    (void)state;
    check_caret("SELECT prise FROM bids", 1, 8, "SELECT prise FROM bids\n       ^\n");
    check_caret("SELECT\n\ta,\tb\r\nFROM t", 2, 5, "\ta,\tb\n\t  \t^\n");
    check_caret("é日x", 1, 3, "é日x\n   ^\n"); /* a wide character takes two */
    check_caret("abc", 1, 4, "abc\n   ^\n");  /* at the end */
    check_caret("abc\n", 2, 1, "\n^\n");
    check_caret("a\x01\x7f\xff"
                "b",
                1, 5, "a���b\n    ^\n");
    check_caret("abc", 0, 0, "");  /* no place */
    check_caret("abc", 9, 1, "");  /* a place that the text has not */
    check_caret("abc", 1, 90, "abc\n    ^\n");
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char sql[400], want[1000];
    for (size_t i = 0; i < sizeof sql; i++)
        sql[i] = (char)('a' + i % 26);
    sql[300] = 'X';
    sql[sizeof sql - 1] = 0;
    snprintf(want, sizeof want, "…%.100s…\n %60s^\n", sql + 240, "");
    check_caret(sql, 1, 301, want);
    snprintf(want, sizeof want, "%.100s…\n%9s^\n", sql, "");
    check_caret(sql, 1, 10, want);
    snprintf(want, sizeof want, "…%s\n %60s^\n", sql + 335, "");
    check_caret(sql, 1, 396, want);
}

static void test_caret_in_a_full_buffer(void **state)
{
    (void)state;
    struct error err = { .status = ST_SYNTAX, .line = 1, .column = 3 };
    for (size_t max = 0; max < 8; max++) {
        struct buf out;
        buf_init(&out, budget_process(), max);
        assert_int_equal(syn_print_caret(&out, STR("abc"), &err), max >= strlen("abc\n  ^\n"));
        buf_release(&out);
    }
}

/* ---- places ---- */

static void test_places_of_nodes(void **state)
{
    (void)state;
    struct arena a;
    struct error err;
    struct syn_stmt **list;
    uint32_t n;
    arena_init(&a, budget_process());
    struct str sql = STR("\n  SELECT é.a + f(x)[2] AS c,\n\tCASE WHEN b THEN 1 END\n"
                         "FROM t1 AS a JOIN (SELECT 1) b ON TRUE ; ");
    assert_int_equal(syn_parse(&a, sql, &list, &n, &err), ST_OK);
    const struct syn_query *q = list[0]->query;
    const struct syn_expr *plus = q->items[0].expr, *index = plus->args[1], *call = index->args[0];
    assert_int_equal(list[0]->line, 2);
    assert_int_equal(list[0]->column, 3);
    assert_true(str_starts(list[0]->source, STR("SELECT é")));
    assert_true(str_ends(list[0]->source, STR("ON TRUE")));
    assert_int_equal(plus->args[0]->column, 10);
    assert_int_equal(plus->args[0]->name.column, 10);
    assert_int_equal(plus->column, 14); /* an operator's place is the operator */
    assert_int_equal(call->column, 16);
    assert_int_equal(index->column, 20);
    assert_int_equal(q->items[1].expr->line, 3);
    assert_int_equal(q->items[1].expr->column, 2);
    assert_int_equal(q->from->left->line, 4);
    assert_int_equal(q->from->left->column, 6);
    assert_int_equal(q->from->right->column, 19);
    arena_release(&a);
}

static void test_places_in_a_table(void **state)
{
    (void)state;
    struct arena a;
    struct error err;
    struct syn_stmt **list;
    uint32_t n;
    arena_init(&a, budget_process());
    struct str sql = STR("CREATE TABLE t (\n  a INT,\n  WATERMARK FOR a AS a\n) WITH ('k' =\n  'v')");
    assert_int_equal(syn_parse(&a, sql, &list, &n, &err), ST_OK);
    const struct syn_table_def *t = list[0]->table;
    assert_int_equal(t->columns[0].line, 2);
    assert_int_equal(t->columns[0].column, 3);
    assert_int_equal(t->columns[0].type->column, 5);
    assert_int_equal(t->watermark.line, 3);
    assert_int_equal(t->watermark.column_at, 3);
    assert_int_equal(t->watermark.column.column, 17);
    assert_int_equal(t->options[0].line, 5); /* the value's */
    assert_int_equal(t->options[0].column, 3);
    arena_release(&a);
}

static void test_single_expressions(void **state)
{
    (void)state;
    struct arena a;
    struct error err = { 0 };
    struct syn_expr *e, *f;
    struct buf out;
    arena_init(&a, budget_process());
    buf_init(&out, budget_process(), SIZE_MAX);
    assert_int_equal(syn_parse_expr(&a, STR(" a+1 -- x"), &e, &err), ST_OK);
    assert_true(syn_print_expr(&out, e));
    assert_true(str_eq(buf_str(&out), STR("a + 1")));
    assert_int_equal(syn_parse_expr(&a, STR("a + 1"), &f, &err), ST_OK);
    assert_true(syn_equal_expr(e, f));
    assert_int_equal(syn_parse_expr(&a, STR("a + 1;"), &f, &err), ST_SYNTAX);
    assert_int_equal(syn_parse_expr(&a, STR("a b"), &f, &err), ST_SYNTAX);
    assert_int_equal(err.column, 3);
    assert_int_equal(syn_parse_expr(&a, STR(""), &f, &err), ST_SYNTAX);
    buf_release(&out);
    arena_release(&a);
}

/* What the face promises of the tree's shape, for those who bind it. */
static void test_shapes(void **state)
{
    (void)state;
    struct arena a;
    struct error err = { 0 };
    struct syn_expr *e;
    arena_init(&a, budget_process());
    assert_int_equal(syn_parse_expr(&a, STR("extract(year from x)"), &e, &err), ST_OK);
    assert_true(e->kind == SYN_CALL && e->n_args == 2 && e->args[0]->kind == SYN_WORD);
    assert_true(str_eq(e->args[0]->text, STR("YEAR")) && str_eq(e->name.parts[0], STR("extract")));
    assert_int_equal(syn_parse_expr(&a, STR("CASE a WHEN 1 THEN 2 ELSE 3 END"), &e, &err), ST_OK);
    assert_true(e->kind == SYN_CASE && e->flag && e->n_args == 4 && str_eq(e->text, STR("ELSE")));
    assert_int_equal(syn_parse_expr(&a, STR("CURRENT_DATE"), &e, &err), ST_OK);
    assert_true(e->kind == SYN_CALL && e->flag && e->n_args == 0);
    assert_int_equal(syn_parse_expr(&a, STR("COUNT(*)"), &e, &err), ST_OK);
    assert_true(e->star && e->n_args == 0 && !e->flag);
    assert_int_equal(syn_parse_expr(&a, STR("a NOT IN (1, 2)"), &e, &err), ST_OK);
    assert_true(e->kind == SYN_IN && e->flag && e->n_args == 3 && !e->query);
    assert_int_equal(syn_parse_expr(&a, STR("INTERVAL -'1 2' DAY TO SECOND(3)"), &e, &err), ST_OK);
    assert_true(e->kind == SYN_INTERVAL && e->flag && e->type->p == -1 && e->type->s == 3);
    assert_true(str_eq(e->type->unit_from, STR("DAY")) && str_eq(e->type->unit_to, STR("SECOND")));
    assert_int_equal(syn_parse_expr(&a, STR("x'0aFF'"), &e, &err), ST_OK);
    assert_true(e->kind == SYN_BINARY && str_eq(e->text, STR("0aFF")));
    assert_int_equal(syn_parse_expr(&a, STR("CAST(a AS MAP<INT, STRING ARRAY>)"), &e, &err), ST_OK);
    assert_true(str_eq(e->type->key->name, STR("INT")) && str_eq(e->type->element->name, STR("ARRAY")));
    assert_true(str_eq(e->type->element->element->name, STR("STRING")));
    assert_int_equal(syn_parse_expr(&a, STR("a.b[1].c"), &e, &err), ST_OK);
    assert_true(e->kind == SYN_FIELD && e->args[0]->kind == SYN_INDEX && e->args[0]->args[0]->name.count == 2);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_substitution),
        cmocka_unit_test(test_substitution_errors),
        cmocka_unit_test(test_carets),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_caret_in_a_full_buffer),
        cmocka_unit_test(test_places_of_nodes),
        cmocka_unit_test(test_places_in_a_table),
        cmocka_unit_test(test_single_expressions),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
