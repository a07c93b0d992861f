/* UNNEST: lists longer than a batch, NULL elements, kinds, refused memory. */
#include "kit.h"

#define JOB(from)                                                                                                                     \
    "CREATE TABLE g (k BIGINT, xs ARRAY<BIGINT>) WITH ('connector' = 'changes');"                                                      \
    "CREATE TABLE o (k BIGINT, x BIGINT, n BIGINT) WITH ('connector' = 'any'); INSERT INTO o SELECT k, x, n FROM (SELECT k, x, "       \
    "CAST(n AS BIGINT) AS n FROM g " from ")"

static const char inner[] = JOB(", UNNEST(xs) AS u (x), UNNEST(ARRAY[CAST(7 AS BIGINT)]) AS w (n)");
static const char places[] = JOB(", UNNEST(xs) WITH ORDINALITY AS u (x, n)");
static const char outer[] = JOB("LEFT JOIN UNNEST(xs) WITH ORDINALITY AS u (x, n) ON TRUE");
static struct kit k;

/* A row with the elements first, first + 1, …, every third being NULL; n < 0: no list at all. */
static void add(struct kit *to, uint8_t kind, int64_t key, int64_t first, int32_t n)
{
    uint32_t row = to->in->count++, at;
    struct column *list = &to->in->cols[1];
    if (to->failed)
        return;
    batch_kinds(to->in)[row] = kind;
    if (n < 0) {
        column_set_null(list, row);
    } else if (!column_start_list(list, row, (uint32_t)n, &at)) {
        to->failed = true;
        to->err.status = ST_MEMORY;
        return;
    }
    to->in->cols[0].i64[row] = key;
    for (int32_t i = 0; i < n; i++)
        if (i % 3 == 2)
            column_set_null(&list->children[0], at + (uint32_t)i);
        else
            list->children[0].i64[at + (uint32_t)i] = first + i;
}

static void go(struct kit *to)
{
    struct event ev = { .kind = EVENT_BATCH, .batch = to->in, .split = UINT32_MAX, .time = INT64_MIN };
    kit_drive(to, KIT_BATCH, &ev);
    batch_clear(to->in);
}

static void expect(const char *sql, uint32_t capacity, const char *want, uint32_t calls)
{
    kit_plan(&k, sql, capacity, NODE_UNNEST);
    kit_open(&k);
    add(&k, ROW_INSERT, 1, 10, 4);
    add(&k, ROW_UPDATE_BEFORE, 2, 0, 0);
    add(&k, ROW_UPDATE_AFTER, 3, 0, -1);
    add(&k, ROW_DELETE, 4, 20, 1);
    go(&k);
    assert_int_equal(k.calls, calls);
    assert_true(k.widest <= capacity);
    kit_expect(&k, want);
    kit_done(&k);
}

static void an_element_a_row(void **state)
{
    (void)state;
    const char *want = "+I 1|10\n+I 1|11\n+I 1|-\n+I 1|13\n-D 4|20\n";
    expect(inner, 8, want, 1);
    expect(inner, 5, want, 1);
    expect(inner, 4, want, 2);
    expect(inner, 2, want, 3);
    expect(inner, 1, want, 5);
}

static void a_long_list_goes_on(void **state)
{
    (void)state;
    kit_plan(&k, inner, 100, NODE_UNNEST);
    kit_open(&k);
    add(&k, ROW_INSERT, 1, 0, 20001);
    kit_drive(&k, KIT_BATCH, &(struct event){ .kind = EVENT_BATCH, .batch = k.in, .split = UINT32_MAX });
    k.len = 0;
    assert_int_equal(k.calls, 201);
    assert_int_equal(k.widest, 100);
    kit_done(&k);
}

static void rows_without_elements_and_places(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t keys[8];
        int32_t ordinals[8]; /* 0: NULL */
        uint32_t n;
    } cases[] = {
        { places, { 1, 1, 1, 1, 4 }, { 1, 2, 3, 4, 1 }, 5 },
        { outer, { 1, 1, 1, 1, 2, 3, 4 }, { 1, 2, 3, 4, 0, 0, 1 }, 7 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kit_plan(&k, cases[i].sql, 8, NODE_UNNEST);
        kit_open(&k);
        add(&k, ROW_INSERT, 1, 10, 4);
        add(&k, ROW_UPDATE_BEFORE, 2, 0, 0);
        add(&k, ROW_UPDATE_AFTER, 3, 0, -1);
        add(&k, ROW_DELETE, 4, 20, 1);
        struct event ev = { .kind = EVENT_BATCH, .batch = k.in, .split = UINT32_MAX, .time = INT64_MIN };
        struct emit out = { 0 };
        assert_int_equal(k.o->ops->batch(k.o, 0, &ev, &out, &k.err), OP_DONE);
        assert_int_equal(batch_rows(out.batch), cases[i].n);
        for (uint32_t row = 0; row < cases[i].n; row++) {
            const struct column *n = &out.batch->cols[2];
            assert_int_equal(out.batch->cols[0].i64[row], cases[i].keys[row]);
            assert_int_equal(column_is_null(n, row) ? 0 : n->i32[row], cases[i].ordinals[row]);
            assert_int_equal(column_is_null(&out.batch->cols[1], row), cases[i].ordinals[row] % 3 == 0);
        }
        kit_done(&k);
    }
}

static void some(struct kit *to)
{
    add(to, ROW_INSERT, 1, 10, 4);
    add(to, ROW_DELETE, 2, 10, 1);
    go(to);
}

static void memory_refused(void **state)
{
    (void)state;
    kit_refuse_each(inner, 2, NODE_UNNEST, true, some, some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_a_row),
        cmocka_unit_test(a_long_list_goes_on),
        cmocka_unit_test(rows_without_elements_and_places),
        cmocka_unit_test(memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
