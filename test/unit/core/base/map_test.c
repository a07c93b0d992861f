/* The name map against a naive one; order, removal, case, refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"

#include <stdio.h>

static void test_basic(void **state)
{
    (void)state;
    struct arena a;
    struct map m;
    int x = 1, y = 2;
    arena_init(&a, NULL);
    map_init(&m, &a, false);
    assert_null(map_get(&m, STR("a")));
    assert_null(map_remove(&m, STR("a")));
    assert_null(map_next(&m, NULL));
    assert_true(map_put(&m, STR("a"), &x));
    assert_true(map_put(&m, STR(""), &y));
    assert_ptr_equal(map_get(&m, STR("a")), &x);
    assert_ptr_equal(map_get(&m, (struct str){ 0 }), &y);
    assert_null(map_get(&m, STR("A")));
    assert_true(map_put(&m, STR("a"), &y));
    assert_ptr_equal(map_get(&m, STR("a")), &y);
    assert_int_equal(m.live, 2);
    assert_ptr_equal(map_remove(&m, STR("a")), &y);
    assert_null(map_get(&m, STR("a")));
    assert_null(map_remove(&m, STR("a")));
    assert_int_equal(m.live, 1);
    arena_release(&a);
}

static void test_nocase(void **state)
{
    (void)state;
    struct arena a;
    struct map m;
    int x = 1, y = 2;
    arena_init(&a, NULL);
    map_init(&m, &a, true);
    assert_true(map_put(&m, STR("Bid"), &x));
    assert_ptr_equal(map_get(&m, STR("bID")), &x);
    assert_true(map_put(&m, STR("BID"), &y));
    assert_int_equal(m.live, 1);
    assert_ptr_equal(map_get(&m, STR("bid")), &y);
    assert_true(str_eq(map_next(&m, NULL)->key, STR("BID"))); /* key and value belong together */
    char upper[200], lower[200];
    memset(upper, 'K', sizeof upper);
    memset(lower, 'k', sizeof lower);
    assert_true(map_put(&m, str_make(upper, 200), &x)); /* longer than one folded piece */
    assert_ptr_equal(map_get(&m, str_make(lower, 200)), &x);
    assert_null(map_get(&m, str_make(lower, 199)));
    lower[150] = 'x';
    assert_null(map_get(&m, str_make(lower, 200)));
    arena_release(&a);
}

/* A removed entry's key may be gone: it must not be read again. */
static void test_removed_key_may_be_freed(void **state)
{
    (void)state;
    struct arena a;
    struct map m;
    int x = 1;
    arena_init(&a, NULL);
    map_init(&m, &a, false);
    for (int i = 0; i < 100; i++) {
        char *key = mem_alloc(NULL, 8);
        snprintf(key, 8, "%d", i % 3);
        assert_true(map_put(&m, str_from(key), &x));
        assert_ptr_equal(map_remove(&m, str_from(key)), &x);
        mem_free(NULL, key, 8);
    }
    assert_null(map_get(&m, STR("1")));
    assert_true(m.cap <= 16); /* removed places are used again */
    arena_release(&a);
}

enum { KEYS = 300 };

static void test_against_naive(void **state)
{
    (void)state;
    static char names[KEYS][8];
    static int values[KEYS];
    struct {
        int key;
        void *value;
    } naive[KEYS];
    int count = 0;
    struct arena a;
    struct map m;
    arena_init(&a, NULL);
    map_init(&m, &a, false);
    for (int i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof names[i], "k%d", i);
    uint32_t seed = 3;
    for (int step = 0; step < 6000; step++) {
        seed = seed * 1664525u + 1013904223u;
        int key = (int)((seed >> 8) % KEYS);
        int at = 0;
        while (at < count && naive[at].key != key)
            at++;
        if ((seed >> 20) % 5 < 3) {
            void *value = &values[(seed >> 24) % KEYS];
            assert_true(map_put(&m, str_from(names[key]), value));
            naive[at].key = key;
            naive[at].value = value;
            count += at == count;
        } else {
            void *was = map_remove(&m, str_from(names[key]));
            assert_ptr_equal(was, at < count ? naive[at].value : NULL);
            for (int i = at; at < count && i + 1 < count; i++)
                naive[i] = naive[i + 1];
            count -= at < count;
        }
        assert_int_equal(m.live, count);
        if (step % 50)
            continue;
        int i = 0;
        for (struct map_entry *e = map_next(&m, NULL); e; e = map_next(&m, e), i++) {
            assert_true(str_eq(e->key, str_from(names[naive[i].key])));
            assert_ptr_equal(e->value, naive[i].value);
            assert_ptr_equal(map_get(&m, e->key), e->value);
        }
        assert_int_equal(i, count);
    }
    arena_release(&a);
}

static void test_refusal(void **state)
{
    (void)state;
    struct budget b;
    struct arena a;
    struct map m;
    static char names[2000][8];
    int x = 1;
    budget_init(&b, "b", 20000, NULL);
    arena_init(&a, &b);
    map_init(&m, &a, false);
    int n = 0;
    for (; n < 2000; n++) {
        snprintf(names[n], sizeof names[n], "%d", n);
        if (!map_put(&m, str_from(names[n]), &x))
            break;
    }
    assert_true(n > 50 && n < 2000);
    assert_int_equal(m.live, n);
    for (int i = 0; i < n; i++)
        assert_ptr_equal(map_get(&m, str_from(names[i])), &x);
    assert_null(map_get(&m, str_from(names[n])));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_nocase),
        cmocka_unit_test(test_removed_key_may_be_freed),
        cmocka_unit_test(test_against_naive),
        cmocka_unit_test(test_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
