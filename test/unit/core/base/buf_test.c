/* Buffers and the reader: round trips, maximum, refusal, cut and overlong input; shared buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

#include <pthread.h>

static void test_round_trip(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_true(buf_put_u8(&b, (uint8_t)values[i]));
        assert_true(buf_put_u32(&b, (uint32_t)values[i]));
        assert_true(buf_put_u64(&b, values[i]));
        assert_true(buf_put_varint(&b, values[i]));
        assert_true(buf_put_str(&b, STR("a\0z")));
        assert_true(buf_put_str(&b, (struct str){ 0 }));
    }
    /* Every prefix: what is read is right, what is cut is refused and leaves the reader where it was. */
    for (size_t len = 0; len <= b.len; len++) {
        uint8_t *copy = mem_alloc(NULL, len);
        if (len)
            memcpy(copy, b.data, len);
        struct reader r = reader_make(copy, len);
        bool ok = true;
        for (size_t i = 0; ok && i < sizeof values / sizeof values[0]; i++) {
            uint8_t u8;
            uint32_t u32;
            uint64_t u64, var;
            struct str s;
            const uint8_t *at = r.at;
            if ((ok = read_u8(&r, &u8)))
                assert_int_equal(u8, (uint8_t)values[i]), at = r.at;
            if (ok && (ok = read_u32(&r, &u32)))
                assert_int_equal(u32, (uint32_t)values[i]), at = r.at;
            if (ok && (ok = read_u64(&r, &u64)))
                assert_int_equal(u64, values[i]), at = r.at;
            if (ok && (ok = read_varint(&r, &var)))
                assert_int_equal(var, values[i]), at = r.at;
            if (ok && (ok = read_str(&r, &s)))
                assert_true(str_eq(s, STR("a\0z"))), at = r.at;
            if (ok && (ok = read_str(&r, &s)))
                assert_int_equal(s.len, 0), at = r.at;
            assert_ptr_equal(r.at, at);
        }
        assert_int_equal(ok, len == b.len);
        mem_free(NULL, copy, len);
    }
    buf_release(&b);
}

static void test_bytes_on_disk(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 100);
    assert_true(buf_put_u32(&b, 0x04030201) && buf_put_u64(&b, 0x0807060504030201) && buf_put_varint(&b, 300));
    assert_int_equal(b.len, 14);
    assert_memory_equal(b.data, "\1\2\3\4\1\2\3\4\5\6\7\10\xAC\x02", 14);
    buf_release(&b);
}

static void test_bad_varints(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        { "", 0 },
        { "\x80", 1 },
        { "\x80\x00", 2 }, /* zero, longer than it need be */
        { "\xFF\x80\x00", 3 },
        { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10 }, /* 65 bits */
        { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x00", 11 },
        { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reader r = reader_make(bad[i].bytes, bad[i].len);
        uint64_t v = 42;
        struct str s = STR("kept");
        assert_false(read_varint(&r, &v));
        assert_false(read_str(&r, &s));
        assert_int_equal(v, 42);
        assert_true(str_eq(s, STR("kept")));
        assert_ptr_equal(r.at, bad[i].bytes);
    }
    /* A length that promises more than there is. */
    struct reader r = reader_make("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01zz", 12);
    struct str s;
    const void *p;
    assert_false(read_str(&r, &s));
    assert_false(read_bytes(&r, 13, &p));
    assert_true(read_bytes(&r, 12, &p));
    assert_true(read_bytes(&r, 0, &p));
    r = reader_make(NULL, 0);
    uint8_t byte;
    assert_true(read_bytes(&r, 0, &p));
    assert_false(read_u8(&r, &byte) || read_bytes(&r, 1, &p) || read_str(&r, &s));
}

static void test_maximum(void **state)
{
    (void)state;
    struct budget budget;
    struct buf b;
    budget_init(&budget, "b", SIZE_MAX, NULL);
    buf_init(&b, &budget, 100);
    for (int i = 0; i < 100; i++)
        assert_true(buf_put_u8(&b, (uint8_t)i));
    assert_int_equal(b.cap, 100);
    assert_false(buf_put_u8(&b, 1));
    assert_false(buf_put_varint(&b, 1));
    assert_false(buf_put_str(&b, STR("")));
    assert_false(buf_printf(&b, "x"));
    assert_true(buf_printf(&b, "%s", ""));
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.len, 100);
    assert_int_equal(b.data[99], 99);
    buf_clear(&b);
    assert_false(buf_put_str(&b, str_make(b.data, 100)));
    assert_int_equal(b.len, 0);
    size_t len, cap;
    assert_true(buf_put(&b, "abc", 3));
    uint8_t *data = buf_take(&b, &len, &cap);
    assert_int_equal(len, 3);
    assert_int_equal(cap, 100);
    assert_null(b.data);
    assert_int_equal(atomic_load(&budget.used), 100);
    mem_free(&budget, data, cap);
    assert_int_equal(atomic_load(&budget.used), 0);
    buf_release(&b);
}

static void test_budget(void **state)
{
    (void)state;
    struct budget budget;
    struct buf b;
    budget_init(&budget, "b", 200, NULL);
    buf_init(&b, &budget, SIZE_MAX);
    for (int i = 0; i < 200; i++) /* doubling would stop at 128: it must go on by what is left */
        assert_true(buf_put_u8(&b, (uint8_t)i));
    assert_false(buf_put_u8(&b, 1));
    assert_int_equal(b.len, 200);
    for (int i = 0; i < 200; i++)
        assert_int_equal(b.data[i], i);
    buf_release(&b);
    buf_release(&b);
    assert_int_equal(atomic_load(&budget.used), 0);
}

static void test_printf(void **state)
{
    (void)state;
    struct buf b;
    for (size_t max = 0; max <= 12; max++) { /* the closing NUL must not need room of its own */
        buf_init(&b, NULL, max);
        assert_int_equal(buf_printf(&b, "%s", "0123456789"), max >= 10);
        assert_int_equal(b.len, max >= 10 ? 10 : 0);
        if (max >= 10)
            assert_memory_equal(b.data, "0123456789", 10);
        buf_release(&b);
    }
    buf_init(&b, NULL, 1000);
    for (int i = 0; i < 30; i++)
        assert_true(buf_printf(&b, "%03d,", i));
    assert_int_equal(b.len, 120);
    assert_true(str_ends(buf_str(&b), STR("028,029,")));
    buf_release(&b);
}

static void *unref_many(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < 20000; i++)
        shared_unref(shared_ref(s));
    shared_unref(s);
    return NULL;
}

static void test_shared(void **state)
{
    (void)state;
    struct budget budget;
    budget_init(&budget, "b", 4096, NULL);
    assert_null(shared_new(&budget, 4096));
    assert_null(shared_new(NULL, UINT32_MAX));
    struct shared *s = shared_new(&budget, 1000);
    assert_non_null(s);
    assert_int_equal(s->len, 0);
    assert_int_equal(s->cap, 1000);
    memset(s->data, 7, s->cap);
    assert_true(atomic_load(&budget.used) >= 1000);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, unref_many, shared_ref(s)), 0);
    shared_unref(s);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&budget.used), 0);
    shared_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bytes_on_disk), cmocka_unit_test(test_bad_varints),
        cmocka_unit_test(test_maximum),    cmocka_unit_test(test_budget),        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
