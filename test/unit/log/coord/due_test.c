/* The heap of deadlines against a plain search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/private.h"

static void test_against_a_search(void **state)
{
    (void)state;
    enum { N = 200 };
    static struct due all[N];
    static bool in[N];
    struct budget budget;
    budget_init(&budget, "test", SIZE_MAX, NULL);
    struct due_heap h = { .budget = &budget };
    assert_int_equal(due_first(&h), COORD_NEVER);
    uint64_t x = 1;
    for (int round = 0; round < 50000; round++) {
        x = hash_u64(x);
        int i = (int)(x % N);
        int64_t at = (int64_t)(x >> 40) % 1000;
        if (!in[i])
            assert_true(due_add(&h, &all[i], at));
        else if ((x >> 20) % 4 == 0)
            due_remove(&h, &all[i]);
        else
            due_move(&h, &all[i], at);
        in[i] = !in[i] || (x >> 20) % 4 != 0;
        int64_t least = COORD_NEVER;
        uint32_t n = 0;
        for (int k = 0; k < N; k++)
            if (in[k]) {
                n++;
                least = all[k].at_ms < least ? all[k].at_ms : least;
                assert_ptr_equal(h.at[all[k].slot], &all[k]);
            }
        assert_int_equal(h.n, n);
        assert_int_equal(due_first(&h), least);
    }
    mem_free(&budget, h.at, sizeof *h.at * h.cap);
    assert_int_equal(atomic_load(&budget.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_against_a_search) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
