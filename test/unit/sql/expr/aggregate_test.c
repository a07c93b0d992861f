/* Aggregates: values over batches with NULLs and row selections, rows taken back, states merged, values in the heap. */
#include "expr_help.h"

/* A heap that keeps each value in its own block. */
struct test_heap {
    struct agg_heap face;
    struct str values[64];
    uint64_t used;
};

static struct str heap_get(struct agg_heap *h, uint64_t handle) { return ((struct test_heap *)h)->values[handle]; }
static bool heap_set(struct agg_heap *h, uint64_t *handle, const void *bytes, size_t len)
{
    struct test_heap *t = (struct test_heap *)h;
    if (!*handle)
        *handle = ++t->used;
    assert_true(*handle < 64);
    char *copy = malloc(len + 1);
    memcpy(copy, bytes, len);
    free((char *)t->values[*handle].ptr);
    t->values[*handle] = str_make(copy, len);
    return true;
}
static uint8_t *heap_edit(struct agg_heap *h, uint64_t handle)
{
    return (uint8_t *)(uintptr_t)((struct test_heap *)h)->values[handle].ptr;
}
static struct test_heap *heap_new(void)
{
    struct test_heap *h = calloc(1, sizeof *h);
    h->face = (struct agg_heap){ heap_get, heap_set, heap_edit };
    return h;
}
static void heap_free(struct test_heap *h)
{
    for (int i = 0; i < 64; i++)
        free((char *)h->values[i].ptr);
    free(h);
}

static const struct aggregate *resolve(struct fixture *f, const char *name, const char *type, bool retracting)
{
    const struct aggregate *g;
    const struct type *t = type[0] ? type_of(f, type) : NULL;
    enum status st = expr_aggregate(&f->env, str_from(name), &t, t ? 1 : 0, NULL, retracting, 1, 1, &g, &f->err);
    if (st != ST_OK)
        fail_msg("%s(%s): %s", name, type, f->err.message);
    return g;
}

/* Column of `type` with the texts as values; "NULL" is NULL. */
static void fill(struct fixture *f, struct column *c, const char *type, const char *const *values, uint32_t n)
{
    assert_true(column_init(c, type_of(f, type), n + 1, &f->budget));
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(values[i], "NULL") == 0) {
            column_set_null(c, i);
            continue;
        }
        const struct expr *e = cast(f, text(f, values[i]), type);
        assert_int_equal(e->kind, EXPR_LITERAL);
        assert_true(column_copy(c, i, &e->value, 0, false));
    }
}

static const char *result(struct fixture *f, const struct aggregate *g, void *state, struct test_heap *h)
{
    static char out[256];
    struct column c;
    assert_true(column_init(&c, g->type, 4, &f->budget));
    void *states[1] = { state };
    assert_int_equal(g->ops->result(g, states, 1, &h->face, &c, 2, &f->err), ST_OK);
    snprintf(out, sizeof out, "%s", print_value(&c, 2, &zone_utc));
    column_release(&c);
    return out;
}

/* name, argument type, result type, value of the five rows, of none, of rows 1 and 3, of all but rows 1 and 3 taken
 * back ("": cannot), rows 0–1 merged with 2–4 */
static const struct {
    const char *name, *arg, *type;
    const char *rows[5];
    const char *all, *none, *some, *rest;
} table[] = {
    { "COUNT", "INT", "BIGINT NOT NULL", { "1", "NULL", "3", "4", "5" }, "4", "0", "1", "3" },
    { "SUM", "INT", "INT", { "1", "2", "NULL", "4", "5" }, "12", "NULL", "6", "6" },
    { "SUM", "INT", "INT", { "2147483647", "0", "1", "0", "0" }, "-2147483648", "NULL", "0", "-2147483648" },
    { "SUM", "BIGINT", "BIGINT", { "1", "2", "3", "4", "5" }, "15", "NULL", "6", "9" },
    { "SUM", "DOUBLE", "DOUBLE", { "1.5", "2", "NULL", "4", "5" }, "12.5", "NULL", "6.0", "6.5" },
    { "SUM", "FLOAT", "FLOAT", { "1.5", "2", "NULL", "4", "5" }, "12.5", "NULL", "6.0", "6.5" },
    { "SUM", "DECIMAL(5,2)", "DECIMAL(38, 2)", { "1.50", "2", "NULL", "4", "5.25" }, "12.75", "NULL", "6.00", "6.75" },
    { "SUM", "DECIMAL(38,0)", "DECIMAL(38, 0)",
      { "99999999999999999999999999999999999999", "1", "0", "0", "0" }, "NULL", "NULL", "1",
      "99999999999999999999999999999999999999" },
    { "AVG", "INT", "INT", { "1", "2", "NULL", "4", "5" }, "3", "NULL", "3", "3" },
    { "AVG", "BIGINT", "BIGINT", { "-1", "-2", "-2", "NULL", "-2" }, "-1", "NULL", "-2", "-1" },
    { "AVG", "DECIMAL(5,2)", "DECIMAL(38, 6)", { "1", "2", "NULL", "4", "NULL" }, "2.333333", "NULL", "3.000000",
      "1.000000" },
    { "AVG", "DOUBLE", "DOUBLE", { "1", "2", "NULL", "4", "NULL" }, "2.3333333333333335", "NULL", "3.0", "1.0" },
    { "MIN", "INT", "INT", { "3", "2", "NULL", "4", "5" }, "2", "NULL", "2", "" },
    { "MAX", "INT", "INT", { "3", "2", "NULL", "4", "5" }, "5", "NULL", "4", "" },
    { "MIN", "STRING", "STRING", { "the pear is long enough", "b", "NULL", "", "c" }, "", "NULL", "", "" },
    { "MAX", "STRING", "STRING", { "the pear is long enough", "b", "NULL", "", "c" }, "the pear is long enough", "NULL",
      "b", "" },
    { "MAX", "DECIMAL(30,1)", "DECIMAL(30, 1)", { "3", "-2", "NULL", "4", "3.9" }, "4.0", "NULL", "4.0", "" },
    { "MAX", "DOUBLE", "DOUBLE", { "3", "NaN", "NULL", "4", "5" }, "NaN", "NULL", "NaN", "" },
    { "MIN", "DOUBLE", "DOUBLE", { "NaN", "3", "NULL", "4", "5" }, "3.0", "NULL", "3.0", "" },
    { "MAX", "TIMESTAMP(3)", "TIMESTAMP(3)", { "2020-01-01 00:00:00", "2021-01-01 00:00:00", "NULL", "NULL", "NULL" },
      "2021-01-01 00:00:00.000", "NULL", "2021-01-01 00:00:00.000", "" },
    { "FIRST_VALUE", "INT", "INT", { "NULL", "2", "3", "4", "5" }, "2", "NULL", "2", "" },
    { "LAST_VALUE", "INT", "INT", { "1", "2", "3", "4", "NULL" }, "4", "NULL", "4", "" },
    { "LAST_VALUE", "STRING", "STRING", { "a", "b", "c", "d", "NULL" }, "d", "NULL", "d", "" },
    { "VAR_POP", "DOUBLE", "DOUBLE", { "1", "2", "NULL", "4", "5" }, "2.5", "NULL", "1.0", "4.0" },
    { "STDDEV_SAMP", "DOUBLE", "DOUBLE", { "2", "2", "NULL", "2", "2" }, "0.0", "NULL", "0.0", "0.0" },
    { "VAR_SAMP", "INT", "INT", { "1", "3", "NULL", "NULL", "NULL" }, "2", "NULL", "NULL", "NULL" },
};

static void test_table(void **state)
{
    struct fixture *f = *state;
    static const uint16_t some[2] = { 1, 3 };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct aggregate *g = resolve(f, table[i].name, table[i].arg, table[i].rest[0] != 0);
        assert_string_equal(print_type(g->type), table[i].type);
        assert_true(g->state_bytes <= 64);
        _Alignas(16) uint8_t a[64] = { 0 }, b[64] = { 0 }, c[64] = { 0 };
        void *to_a[5] = { a, a, a, a, a }, *to_b[5] = { b, b, b, b, b };
        struct test_heap *h = heap_new(), *h2 = heap_new();
        struct column col;
        fill(f, &col, table[i].arg, table[i].rows, 5);
        assert_string_equal(result(f, g, a, h), table[i].none);
        assert_int_equal(g->ops->add(g, to_a, &col, NULL, 5, &h->face, &f->err), ST_OK);
        if (strcmp(result(f, g, a, h), table[i].all) != 0)
            fail_msg("%s(%s): wanted %s, got %s", table[i].name, table[i].arg, table[i].all, result(f, g, a, h));
        assert_int_equal(g->ops->add(g, to_b, &col, some, 2, &h->face, &f->err), ST_OK);
        assert_string_equal(result(f, g, b, h), table[i].some);
        if (table[i].rest[0]) {
            assert_non_null(g->ops->retract);
            assert_false(g->recompute);
            assert_int_equal(g->ops->retract(g, to_a, &col, some, 2, &h->face, &f->err), ST_OK);
            if (strcmp(result(f, g, a, h), table[i].rest) != 0)
                fail_msg("%s(%s) taken back: wanted %s, got %s", table[i].name, table[i].arg, table[i].rest,
                         result(f, g, a, h));
        } else {
            assert_null(g->ops->retract);
            const struct aggregate *back = resolve(f, table[i].name, table[i].arg, true);
            assert_true(back->recompute != (back->keep == AGG_KEEP_ROWS)); /* FIRST_VALUE, LAST_VALUE keep all */
        }
        /* two halves merged, the second from another heap, are the whole */
        memset(a, 0, sizeof a);
        static const uint16_t head[2] = { 0, 1 }, tail[3] = { 2, 3, 4 };
        void *to_c[3] = { c, c, c };
        assert_int_equal(g->ops->add(g, to_a, &col, head, 2, &h->face, &f->err), ST_OK);
        assert_int_equal(g->ops->add(g, to_c, &col, tail, 3, &h2->face, &f->err), ST_OK);
        if (g->ops->merge) {
            assert_int_equal(g->ops->merge(g, a, &h->face, c, &h2->face, &f->err), ST_OK);
            assert_string_equal(result(f, g, a, h), table[i].all);
        } else { /* which half came first is not known */
            assert_true(strcmp(table[i].name, "FIRST_VALUE") == 0 || strcmp(table[i].name, "LAST_VALUE") == 0);
        }
        column_release(&col);
        heap_free(h);
        heap_free(h2);
    }
}

static void test_count_star(void **state)
{
    struct fixture *f = *state;
    const struct aggregate *g = resolve(f, "COUNT", "", true);
    int64_t n[2] = { 0, 0 };
    void *states[3] = { &n[0], &n[1], &n[0] };
    assert_int_equal(g->n_args, 0);
    assert_int_equal(g->ops->add(g, states, NULL, NULL, 3, NULL, &f->err), ST_OK);
    assert_int_equal(g->ops->retract(g, states, NULL, NULL, 1, NULL, &f->err), ST_OK);
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], 1);
}

static void test_kept(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *arg, *type;
        enum agg_keep keep;
        bool nulls;
    } kept[] = {
        { "LISTAGG", "STRING", "STRING", AGG_KEEP_ROWS, false },
        { "ARRAY_AGG", "DOUBLE", "ARRAY<DOUBLE>", AGG_KEEP_ROWS, true },
        { "COLLECT", "INT", "MULTISET<INT> NOT NULL", AGG_KEEP_COUNTS, false },
        { "JSON_ARRAYAGG", "INT", "STRING NOT NULL", AGG_KEEP_ROWS, false },
    };
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        for (int retracting = 0; retracting < 2; retracting++) {
            const struct aggregate *g = resolve(f, kept[i].name, kept[i].arg, retracting);
            assert_string_equal(print_type(g->type), kept[i].type);
            assert_int_equal(g->keep, kept[i].keep);
            assert_true(g->keep_nulls == kept[i].nulls && !g->recompute && g->state_bytes == 0 && g->ops->gather);
        }
    assert_true(expr_aggregate_param(STR("percentile"), 1) && !expr_aggregate_param(STR("PERCENTILE"), 0) &&
                !expr_aggregate_param(STR("SUM"), 1));
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    const struct aggregate *g;
    const struct type *t = type_of(f, "STRING");
    assert_int_equal(expr_aggregate(&f->env, STR("SUM"), &t, 1, NULL, false, 7, 8, &g, &f->err), ST_SEMANTIC);
    assert_int_equal(f->err.line, 7);
    assert_string_equal(f->err.message, "Invalid function call: SUM(STRING)");
    assert_int_equal(expr_aggregate(&f->env, STR("REGR_COUNT"), &t, 1, NULL, false, 1, 1, &g, &f->err), ST_UNSUPPORTED);
    assert_int_equal(expr_aggregate(&f->env, STR("NOSUCH"), &t, 1, NULL, false, 1, 1, &g, &f->err), ST_SEMANTIC);
    assert_true(expr_is_aggregate(STR("sum")) && expr_is_aggregate(STR("COLLECT")) && !expr_is_aggregate(STR("UPPER")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_count_star, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_kept, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_refused, fixture_new, fixture_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
