/* The rows that a changelog adds up to: against a plain list, with repeats, holes and growth; updates stay in their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "cli/shell/shell.h"

static const struct field fields[] = { { STR_INIT("k"), NULL }, { STR_INIT("v"), NULL } };
static struct field typed[2];
static struct schema schema = { typed, 2 };

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        typed[i] = fields[i];
        typed[i].type = i ? type_string() : type_basic(TYPE_BIGINT);
    }
    return 0;
}

static void apply(struct live *l, uint8_t kind, int64_t k, const char *v)
{
    struct batch *b = batch_new(&schema, 1, NULL);
    struct error err;
    b->cols[0].i64[0] = k;
    if (v)
        assert_true(column_set_str(&b->cols[1], 0, v, strlen(v)));
    else
        column_set_null(&b->cols[1], 0);
    b->count = 1;
    batch_kinds(b)[0] = kind;
    assert_int_equal(live_apply(l, b, &err), ST_OK);
    batch_free(b);
}

/* "k=v k=v" in order, read in batches of `room`. */
static void read_all(const struct live *l, uint32_t room, char *out, size_t bytes)
{
    struct batch *b = batch_new(&schema, room, NULL);
    struct error err;
    size_t n = 0;
    out[0] = 0;
    for (uint64_t at = 0;;) {
        assert_int_equal(live_read(l, &at, b, &err), ST_OK);
        for (uint32_t i = 0; i < b->count; i++) {
            struct str v = column_is_null(&b->cols[1], i) ? STR("-") : column_str(&b->cols[1], i);
            n += (size_t)snprintf(out + n, bytes - n, "%s%d=%.*s", n ? " " : "", (int)b->cols[0].i64[i], STR_ARG(v));
        }
        if (b->count < room)
            break;
    }
    batch_free(b);
}

static void assert_rows(const struct live *l, const char *wanted)
{
    char got[4096];
    for (uint32_t room = 1; room < 4; room++) {
        read_all(l, room, got, sizeof got);
        assert_string_equal(got, wanted);
    }
}

static void test_updates(void **state)
{
    (void)state;
    struct live *l = live_new(&schema, NULL);
    assert_rows(l, "");
    apply(l, ROW_DELETE, 1, "a"); /* of nothing */
    for (int k = 1; k <= 4; k++)
        apply(l, ROW_INSERT, k, "a");
    apply(l, ROW_UPDATE_BEFORE, 3, "a"); /* two at a time, in their order */
    apply(l, ROW_UPDATE_BEFORE, 1, "a");
    apply(l, ROW_INSERT, 5, NULL);
    apply(l, ROW_UPDATE_AFTER, 3, "b");
    apply(l, ROW_UPDATE_AFTER, 1, "b");
    assert_rows(l, "1=b 2=a 3=b 4=a 5=-");
    apply(l, ROW_DELETE, 2, "a");
    apply(l, ROW_DELETE, 5, NULL);
    apply(l, ROW_UPDATE_AFTER, 6, "c"); /* without what it replaces: a new row */
    assert_rows(l, "1=b 3=b 4=a 6=c");
    assert_int_equal(live_rows(l), 4);
    live_free(l);
}

static void test_repeats(void **state)
{
    (void)state;
    struct live *l = live_new(&schema, NULL);
    for (int i = 0; i < 3; i++)
        apply(l, ROW_INSERT, 7, "same");
    apply(l, ROW_INSERT, 8, "other");
    apply(l, ROW_DELETE, 7, "same");
    assert_rows(l, "7=same 7=same 8=other");
    apply(l, ROW_DELETE, 7, "same");
    apply(l, ROW_DELETE, 7, "same");
    apply(l, ROW_DELETE, 7, "same"); /* one more than there were */
    assert_rows(l, "8=other");
    live_free(l);
}

/* Random changes against a count a key and value. */
static void test_many(void **state)
{
    (void)state;
    struct budget budget;
    budget_init(&budget, "live", SIZE_MAX, NULL);
    struct live *l = live_new(&schema, &budget);
    static uint32_t have[64][8];
    static const char *const texts[] = { "", "a", "b", "a text that is too long to stand inline", "c", "d", "e", "f" };
    uint64_t seed = 42, rows = 0;
    for (int i = 0; i < 200000; i++) {
        seed = hash_u64(seed);
        uint32_t k = (uint32_t)(seed >> 8) % 64, v = (uint32_t)(seed >> 16) % 8;
        bool more = (seed >> 32) % 100 < (i / 20000 % 2 ? 30u : 70u); /* it grows and shrinks */
        if (!more && !have[k][v])
            continue;
        bool updates = (seed >> 40) % 2;
        apply(l, more ? (updates ? ROW_UPDATE_AFTER : ROW_INSERT) : updates ? ROW_UPDATE_BEFORE : ROW_DELETE, k, texts[v]);
        have[k][v] += more ? 1 : UINT32_MAX;
        rows += more ? 1 : UINT64_MAX;
        assert_int_equal(live_rows(l), rows);
    }
    struct batch *b = batch_new(&schema, BATCH_ROWS, NULL);
    for (uint64_t at = 0, seen = 0;; seen += b->count) {
        struct error err;
        assert_int_equal(live_read(l, &at, b, &err), ST_OK);
        for (uint32_t i = 0; i < b->count; i++)
            for (uint32_t v = 0; v < 8; v++)
                if (str_eq(column_str(&b->cols[1], i), str_from(texts[v])))
                    assert_true(have[b->cols[0].i64[i]][v]-- > 0);
        if (b->count == 0) {
            assert_int_equal(seen, rows);
            break;
        }
    }
    batch_free(b);
    live_free(l);
    assert_int_equal(budget.used, 0);
}

static void test_memory_refused(void **state)
{
    (void)state;
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        struct budget budget;
        struct error err;
        budget_init(&budget, "live", SIZE_MAX, NULL);
        struct batch *b = batch_new(&schema, 100, NULL);
        for (uint32_t i = 0; i < 100; i++) {
            b->cols[0].i64[i] = i % 70;
            assert_true(column_set_str(&b->cols[1], i, "x", 1));
            batch_kinds(b)[i] = i < 70 ? ROW_INSERT : ROW_UPDATE_BEFORE;
        }
        b->count = 100;
        budget_fail_nth(nth);
        struct live *l = live_new(&schema, &budget);
        bool ok = l && live_apply(l, b, &err) == ST_OK;
        done = budget_takes() < nth;
        budget_fail_nth(0);
        assert_int_equal(ok, done);
        live_free(l);
        batch_free(b);
        assert_int_equal(budget.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_memory_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
