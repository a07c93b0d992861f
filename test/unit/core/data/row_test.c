/* Rows as bytes and the keys of a batch. */
#include <math.h>

#include "core/data/sample.h"

#define ROWS 300u

static void assert_bytes(const struct buf *b, const char *want, size_t len)
{
    assert_int_equal(b->len, len);
    assert_memory_equal(b->data, want, len);
}

/* The frozen form, byte by byte: it lies on disk. */
static void test_form(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, NULL);
    buf_init(&out, NULL, 1 << 20);
    struct field two[2] = { { STR("x"), type_basic(TYPE_BOOLEAN) }, { STR("y"), type_basic(TYPE_INT) } };
    struct field fields[] = {
        { STR("i"), type_basic(TYPE_INT) },      { STR("l"), type_basic(TYPE_BIGINT) },
        { STR("s"), type_string() },             { STR("n"), type_basic(TYPE_DOUBLE) },
        { STR("r"), type_row(&a, two, 2) },      { STR("a"), type_array(&a, type_basic(TYPE_SMALLINT)) },
        { STR("m"), type_map(&a, type_string(), type_basic(TYPE_INT)) },
    };
    struct schema s = { fields, 7 };
    struct batch *b = batch_new(&s, 1, NULL);
    uint32_t first;
    b->cols[0].i32[0] = 0x01020304;
    b->cols[1].i64[0] = -2;
    assert_true(column_set_str(&b->cols[2], 0, "hi", 2));
    column_set_null(&b->cols[3], 0);
    b->cols[4].children[0].b[0] = 1;
    column_set_null(&b->cols[4].children[1], 0);
    assert_true(column_start_list(&b->cols[5], 0, 2, &first));
    column_set_null(&b->cols[5].children[0], 0);
    b->cols[5].children[0].i32[1] = 5;
    assert_true(column_start_list(&b->cols[6], 0, 2, &first));
    assert_true(column_set_str(&b->cols[6].children[0], 0, "b", 1));
    assert_true(column_set_str(&b->cols[6].children[0], 1, "a", 1));
    b->cols[6].children[1].i32[0] = 2;
    b->cols[6].children[1].i32[1] = 1;
    assert_true(row_encode(&out, b->cols, NULL, 7, 0, false));
    static const char want[] = "\x08"
                               "\x04\x03\x02\x01"
                               "\xfe\xff\xff\xff\xff\xff\xff\xff"
                               "\x02\0\0\0hi"
                               "\x02\x01"
                               "\x02\0\0\0\x01\x05\0\0\0"
                               "\x02\0\0\0\0\x01\0\0\0a\x01\0\0\0b\0\x01\0\0\0\x02\0\0\0";
    assert_bytes(&out, want, sizeof want - 1);
    buf_clear(&out);
    static const uint32_t idx[] = { 2, 0 };
    assert_true(row_encode(&out, b->cols, idx, 2, 0, true));
    assert_bytes(&out, "\0\x02\0\0\0hi\x04\x03\x02\x01", 11);
    batch_free(b);
    buf_release(&out);
    arena_release(&a);
}

static void test_canonical(void **state)
{
    (void)state;
    struct arena a;
    struct buf x, y;
    arena_init(&a, NULL);
    buf_init(&x, NULL, 1 << 20);
    buf_init(&y, NULL, 1 << 20);
    struct field fields[] = { { STR("d"), type_basic(TYPE_DOUBLE) },
                              { STR("f"), type_basic(TYPE_FLOAT) },
                              { STR("m"), type_map(&a, type_basic(TYPE_INT), type_basic(TYPE_INT)) } };
    struct schema s = { fields, 3 };
    struct batch *b = batch_new(&s, 4, NULL);
    uint64_t payload = 0xfff8000000001234u;
    b->cols[0].f64[0] = -0.0;
    memcpy(&b->cols[0].f64[2], &payload, 8);
    b->cols[0].f64[3] = NAN;
    b->cols[1].f32[0] = -0.0f;
    b->cols[1].f32[2] = -NAN;
    b->cols[1].f32[3] = NAN;
    for (uint32_t row = 0; row < 4; row++) {
        uint32_t first;
        assert_true(column_start_list(&b->cols[2], row, 100, &first));
        for (uint32_t i = 0; i < 100; i++) {
            b->cols[2].children[0].i32[first + i] = (int32_t)(row % 2 ? i : 99 - i) * 1000;
            b->cols[2].children[1].i32[first + i] = (int32_t)(row % 2 ? i : 99 - i);
        }
    }
    for (uint32_t row = 0; row < 4; row += 2) {
        buf_clear(&x);
        buf_clear(&y);
        assert_true(row_encode(&x, b->cols, NULL, 3, row, false) && row_encode(&y, b->cols, NULL, 3, row + 1, false));
        assert_int_equal(x.len, y.len);
        assert_memory_equal(x.data, y.data, x.len);
        buf_clear(&x);
        buf_clear(&y);
        assert_true(row_encode(&x, b->cols, NULL, 3, row, true) && row_encode(&y, b->cols, NULL, 3, row + 1, true));
        assert_true(memcmp(x.data, y.data, x.len) != 0);
    }
    batch_free(b);
    buf_release(&x);
    buf_release(&y);
    arena_release(&a);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct arena a;
    struct buf out, again;
    arena_init(&a, NULL);
    buf_init(&out, NULL, 1 << 24);
    buf_init(&again, NULL, 1 << 24);
    struct schema s = sample_schema(&a);
    struct batch *b = batch_new(&s, ROWS, NULL), *back = batch_new(&s, ROWS, NULL);
    uint64_t seed = 3;
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t i = 0; i < s.n_fields; i++)
            assert_true(sample_fill(&b->cols[i], row, &seed, row % 2));
        for (int exact = 0; exact < 2; exact++) {
            struct error err;
            buf_clear(&out);
            buf_clear(&again);
            assert_true(row_encode(&out, b->cols, NULL, s.n_fields, row, exact));
            assert_int_equal(row_decode(buf_str(&out), back->cols, s.n_fields, row, &err), ST_OK);
            for (uint32_t i = 0; i < s.n_fields; i++)
                assert_true(column_equal(&b->cols[i], row, &back->cols[i], row));
            assert_true(row_encode(&again, back->cols, NULL, s.n_fields, row, exact));
            assert_int_equal(out.len, again.len);
            assert_memory_equal(out.data, again.data, out.len);
        }
    }
    batch_free(b);
    batch_free(back);
    buf_release(&out);
    buf_release(&again);
    arena_release(&a);
}

/* A cut row is corrupt at every length; a flipped byte gives a row or ST_CORRUPT, never anything worse. */
static void test_bad_bytes(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct budget small;
    struct error err;
    budget_init(&small, "test", 4 << 20, NULL);
    arena_init(&a, NULL);
    buf_init(&out, NULL, 1 << 20);
    struct schema s = sample_schema(&a);
    struct batch *b = batch_new(&s, 1, NULL), *back = batch_new(&s, 1, &small);
    uint64_t seed = 99;
    for (uint32_t i = 0; i < s.n_fields; i++)
        assert_true(sample_fill(&b->cols[i], 0, &seed, false));
    assert_true(row_encode(&out, b->cols, NULL, s.n_fields, 0, true));
    for (size_t len = 0; len < out.len; len++) {
        batch_clear(back);
        assert_int_equal(row_decode(str_make(out.data, len), back->cols, s.n_fields, 0, &err), ST_CORRUPT);
    }
    for (size_t at = 0; at < out.len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            out.data[at] ^= (uint8_t)(1u << bit);
            batch_clear(back);
            enum status st = row_decode(buf_str(&out), back->cols, s.n_fields, 0, &err);
            assert_true(st == ST_OK || st == ST_CORRUPT || st == ST_MEMORY);
            out.data[at] ^= (uint8_t)(1u << bit);
        }
    assert_true(buf_put_u8(&out, 0));
    batch_clear(back);
    assert_int_equal(row_decode(buf_str(&out), back->cols, s.n_fields, 0, &err), ST_CORRUPT);
    struct column bit;
    assert_true(column_init(&bit, type_basic(TYPE_BOOLEAN), 1, NULL));
    assert_int_equal(row_decode(STR("\0\2"), &bit, 1, 0, &err), ST_CORRUPT);
    assert_int_equal(row_decode(STR("\2"), &bit, 1, 0, &err), ST_CORRUPT); /* a spare null bit */
    assert_int_equal(row_decode(STR("\1"), &bit, 1, 0, &err), ST_OK);
    column_release(&bit);
    batch_free(b);
    batch_free(back);
    buf_release(&out);
    arena_release(&a);
}

static void test_fixed_width(void **state)
{
    (void)state;
    const struct type *types[10];
    for (int i = 0; i < 10; i++)
        types[i] = type_basic(TYPE_INT);
    assert_int_equal(row_fixed_width(types, 10), 42);
    types[1] = type_basic(TYPE_BIGINT);
    assert_int_equal(row_fixed_width(types, 2), 13);
    types[1] = type_string();
    assert_int_equal(row_fixed_width(types, 2), 0);
    assert_int_equal(row_fixed_width(types, 0), 0);
}

/* Each way of keys_encode against row_encode and hash_bytes, with and without nulls and a selection. */
static void test_keys(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct key_set k;
    arena_init(&a, NULL);
    buf_init(&out, NULL, 1 << 20);
    key_set_init(&k, NULL);
    struct schema s = sample_schema(&a);
    static const uint32_t combinations[][9] = { { 1 }, { 2 }, { 7 }, { 4 }, { 9 }, { 5 }, { 6 }, { 0 }, { 11 },
                                                { 2, 1 }, { 7, 2, 8 }, { 0, 1, 2, 3, 4, 5, 6, 7, 8 }, { 2, 12 } };
    static const uint32_t counts[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 9, 2 };
    for (int nulls = 0; nulls < 2; nulls++) {
        struct batch *b = batch_new(&s, ROWS, NULL);
        uint64_t seed = 17;
        for (uint32_t row = 0; row < ROWS; row++)
            for (uint32_t i = 0; i < s.n_fields; i++)
                assert_true(sample_fill(&b->cols[i], row, &seed, nulls));
        b->count = ROWS;
        for (uint32_t c = 0; c < sizeof counts / sizeof counts[0] * 2; c++) {
            const uint32_t *cols = combinations[c / 2];
            uint32_t n_cols = counts[c / 2];
            b->sel = NULL;
            if (c % 2) {
                b->sel = b->sel_store;
                b->n_sel = 0;
                for (uint16_t i = 0; i < ROWS; i += 3)
                    b->sel[b->n_sel++] = i;
            }
            assert_true(keys_encode(&k, b, cols, n_cols));
            assert_int_equal(k.n, batch_rows(b));
            for (uint32_t i = 0; i < k.n; i++) {
                buf_clear(&out);
                assert_true(row_encode(&out, b->cols, cols, n_cols, batch_row(b, i), false));
                assert_int_equal(k.lens[i], out.len);
                assert_memory_equal(k.bytes[i], out.data, out.len);
                assert_true(k.hashes[i] == hash_bytes(out.data, out.len));
            }
        }
        assert_true(keys_encode(&k, b, NULL, 0)); /* GROUP BY (): one key of no bytes */
        assert_int_equal(k.lens[0], 0);
        assert_true(k.hashes[0] == hash_bytes("", 0));
        batch_free(b);
    }
    key_set_release(&k);
    buf_release(&out);
    arena_release(&a);
}

static void test_refused_memory(void **state)
{
    (void)state;
    struct arena a;
    struct budget budget;
    budget_init(&budget, "test", SIZE_MAX, NULL);
    arena_init(&a, NULL);
    struct schema s = sample_schema(&a);
    struct batch *b = batch_new(&s, ROWS, NULL);
    uint64_t seed = 17;
    for (uint32_t row = 0; row < ROWS; row++)
        for (uint32_t i = 0; i < s.n_fields; i++)
            assert_true(sample_fill(&b->cols[i], row, &seed, true));
    b->count = ROWS;
    static const uint32_t cols[] = { 1, 7, 12, 13 };
    for (uint64_t nth = 1;; nth++) {
        struct key_set k;
        key_set_init(&k, &budget);
        budget_fail_nth(nth);
        bool ok = keys_encode(&k, b, cols, 4);
        bool failed = budget_takes() >= nth;
        budget_fail_nth(0);
        assert_true(ok || failed);
        if (!ok)
            assert_int_equal(k.n, 0);
        key_set_release(&k);
        assert_int_equal(atomic_load(&budget.used), 0);
        if (!failed)
            break;
    }
    batch_free(b);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_bad_bytes),
        cmocka_unit_test(test_fixed_width), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
