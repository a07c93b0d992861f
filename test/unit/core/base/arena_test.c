/* Arenas and arrays: alignment, no overlap, accounting, refusal, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

static void test_align_and_overlap(void **state)
{
    (void)state;
    struct budget b;
    struct arena a;
    budget_init(&b, "b", SIZE_MAX, NULL);
    arena_init(&a, &b);
    assert_int_equal(atomic_load(&b.used), 0);
    enum { N = 3000 };
    static uint8_t *at[N];
    static size_t size[N];
    uint32_t seed = 1;
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525u + 1013904223u;
        size_t align = (size_t)1 << (seed >> 8) % 7;
        size[i] = (seed >> 16) % 100 == 0 ? 5000 : (seed >> 12) % 70;
        at[i] = arena_alloc_aligned(&a, size[i], align);
        assert_non_null(at[i]);
        assert_int_equal((uintptr_t)at[i] % align, 0);
        memset(at[i], i & 0xFF, size[i]);
    }
    for (int i = 0; i < N; i++)
        for (size_t j = 0; j < size[i]; j++)
            assert_int_equal(at[i][j], i & 0xFF);
    arena_release(&a);
    assert_int_equal(atomic_load(&b.used), 0);
    assert_non_null(arena_alloc(&a, 10)); /* usable again */
    arena_release(&a);
    arena_release(&a);
}

static void test_refusal(void **state)
{
    (void)state;
    struct budget b;
    struct arena a;
    budget_init(&b, "b", 5000, NULL);
    arena_init(&a, &b);
    uint8_t *p = arena_alloc(&a, 100);
    assert_non_null(p);
    memset(p, 1, 100);
    size_t used = atomic_load(&b.used);
    static const size_t too_much[] = { 5000, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 63, SIZE_MAX / 2, PTRDIFF_MAX };
    for (size_t i = 0; i < sizeof too_much / sizeof too_much[0]; i++) {
        assert_null(arena_alloc(&a, too_much[i]));
        assert_null(arena_alloc_aligned(&a, too_much[i], 1));
        assert_null(arena_calloc(&a, too_much[i]));
    }
    assert_null(ARENA_ARRAY(&a, uint64_t, SIZE_MAX / 4));
    assert_int_equal(atomic_load(&b.used), used);
    assert_non_null(arena_alloc(&a, 100)); /* a refusal does not spoil it */
    assert_int_equal(p[99], 1);
    while (arena_alloc(&a, 64))
        assert_true(atomic_load(&b.used) <= 5000);
    arena_release(&a);
    assert_int_equal(atomic_load(&b.used), 0);
}

/* A large piece does not waste the room that was open before it. */
static void test_large_keeps_the_open_block(void **state)
{
    (void)state;
    struct budget b;
    struct arena a;
    budget_init(&b, "b", SIZE_MAX, NULL);
    arena_init(&a, &b);
    assert_non_null(arena_alloc(&a, 16));
    uint8_t *at = a.at;
    assert_non_null(arena_alloc(&a, 1 << 20));
    assert_ptr_equal(a.at, at);
    assert_true(atomic_load(&b.used) < (1 << 20) + 8192);
    arena_release(&a);
}

static void test_reset(void **state)
{
    (void)state;
    struct budget b;
    struct arena a;
    budget_init(&b, "b", SIZE_MAX, NULL);
    arena_init(&a, &b);
    arena_reset(&a);
    for (int i = 0; i < 1000; i++)
        assert_non_null(arena_alloc(&a, 100));
    size_t full = atomic_load(&b.used);
    arena_reset(&a);
    size_t kept = atomic_load(&b.used);
    assert_true(kept > 0 && kept < full);
    budget_fail_nth(1);
    for (int i = 0; i < 50; i++) {
        uint8_t *p = arena_calloc(&a, 100);
        assert_non_null(p);
        for (int j = 0; j < 100; j++)
            assert_int_equal(p[j], 0);
        memset(p, 0xFF, 100);
        if (i % 10 == 9)
            arena_reset(&a);
    }
    assert_int_equal(budget_takes(), 0);
    budget_fail_nth(0);
    arena_release(&a);
    assert_int_equal(atomic_load(&b.used), 0);
}

static void test_text(void **state)
{
    (void)state;
    struct budget b;
    struct arena a;
    budget_init(&b, "b", 20000, NULL);
    arena_init(&a, &b);
    struct str s = arena_str(&a, STR("a\0b"));
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.ptr, "a\0b\0", 4);
    s = arena_str(&a, (struct str){ 0 });
    assert_non_null(s.ptr);
    assert_int_equal(s.len, 0);
    s = arena_printf(&a, "%s-%05d", "x", 42);
    assert_string_equal(s.ptr, "x-00042");
    assert_int_equal(s.len, 7);
    s = arena_printf(&a, "%5000d", 1);
    assert_int_equal(s.len, 5000);
    assert_int_equal(s.ptr[4999], '1');
    assert_null(arena_printf(&a, "%30000d", 1).ptr);
    assert_null(arena_str(&a, str_make("", SIZE_MAX)).ptr);
    arena_release(&a);
}

static void test_array(void **state)
{
    (void)state;
    struct budget b;
    struct arena a;
    budget_init(&b, "b", 100000, NULL);
    arena_init(&a, &b);
    ARRAY(struct { uint32_t key; char pad[12]; }) array = { 0 };
    for (uint32_t i = 0;; i++) {
        void *e = array_add(&array, &a);
        if (!e)
            break;
        assert_int_equal(array.count, i + 1);
        assert_int_equal(array.at[i].key, 0);
        assert_int_equal(array.at[i].pad[11], 0);
        memset(&array.at[i], 0xEE, sizeof array.at[i]);
        array.at[i].key = i;
    }
    assert_true(array.count > 500);
    for (uint32_t i = 0; i < array.count; i++)
        assert_int_equal(array.at[i].key, i);
    arena_release(&a);
    uint32_t cap = UINT32_MAX / 2 + 1;
    void *at = NULL;
    assert_false(array_grow(&a, &at, &cap, cap, 1));
    arena_release(&a);
}

static void test_reserved(void **state)
{
    (void)state;
    struct budget budget;
    budget_init(&budget, "test", SIZE_MAX, NULL);
    struct arena a;
    arena_init(&a, &budget);
    for (size_t n = 1; n < 3000; n = n * 3 + 1) {
        assert_true(arena_reserve(&a, n, n * 41));
        budget.limit = atomic_load(&budget.used); /* nothing more */
        for (size_t i = 0; i < n; i++)
            assert_non_null(arena_alloc(&a, 41));
        budget.limit = SIZE_MAX;
    }
    assert_false(arena_reserve(&a, SIZE_MAX, 1));
    assert_false(arena_reserve(&a, 1, SIZE_MAX));
    budget.limit = atomic_load(&budget.used);
    assert_false(arena_reserve(&a, 1, (size_t)1 << 20));
    arena_release(&a);
    assert_int_equal(atomic_load(&budget.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_align_and_overlap), cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_large_keeps_the_open_block), cmocka_unit_test(test_reset),
        cmocka_unit_test(test_text), cmocka_unit_test(test_array),
        cmocka_unit_test(test_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
