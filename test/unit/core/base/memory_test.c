/* Budgets: nesting, refusal without a trace, the fault switch, threads; and charged heap memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

#include <pthread.h>

static void test_nesting(void **state)
{
    (void)state;
    struct budget process, job, task;
    budget_init(&process, "process", 1000, NULL);
    budget_init(&job, "job", 800, &process);
    budget_init(&task, "task", SIZE_MAX, &job);
    assert_int_equal(budget_left(&task), 800);
    assert_true(budget_take(&task, 500));
    assert_int_equal(atomic_load(&process.used), 500);
    assert_int_equal(budget_left(&task), 300);
    assert_false(budget_take(&task, 301));
    assert_int_equal(atomic_load(&task.used), 500);
    assert_int_equal(atomic_load(&job.used), 500);
    assert_int_equal(atomic_load(&process.used), 500);
    assert_true(budget_take(&process, 400));
    assert_int_equal(budget_left(&task), 100);
    assert_false(budget_take(&task, 101));
    assert_true(budget_take(&task, 100));
    assert_true(budget_take(&task, 0));
    assert_int_equal(atomic_load(&process.used), 1000);
    budget_give(&task, 600);
    budget_give(&process, 400);
    assert_int_equal(atomic_load(&process.used), 0);
    assert_int_equal(atomic_load(&process.peak), 1000);
    assert_int_equal(atomic_load(&task.peak), 600);
    assert_false(budget_take(&task, SIZE_MAX));
    assert_int_equal(atomic_load(&task.used), 0);
    process.limit = 10; /* lowered below what may be in use: nothing more, no wrap */
    assert_true(budget_take(&process, 10));
    process.limit = 5;
    assert_int_equal(budget_left(&task), 0);
    assert_false(budget_take(&task, 1));
    budget_give(&process, 10);
}

static void test_error_names_the_full_one(void **state)
{
    (void)state;
    struct budget job, task;
    struct error err;
    budget_init(&job, "job", 100, NULL);
    budget_init(&task, "task", 1000, &job);
    assert_true(budget_take(&task, 60));
    assert_int_equal(budget_error(&task, 50, &err), ST_MEMORY);
    assert_string_equal(err.message, "the memory budget 'job' is full: 60 of 100 bytes used, 50 more wanted");
    assert_int_equal(budget_error(&task, 5, &err), ST_MEMORY);
    assert_string_equal(err.message, "out of memory: 5 bytes wanted");
    assert_int_equal(budget_error(NULL, 5, NULL), ST_MEMORY);
    budget_give(&task, 60);
}

static void test_fail_nth(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, "b", SIZE_MAX, NULL);
    for (uint64_t n = 1; n <= 4; n++) {
        budget_fail_nth(n);
        for (uint64_t i = 1; i <= 4; i++)
            assert_int_equal(budget_take(&b, 1), i != n);
        assert_int_equal(budget_takes(), 4);
        budget_give(&b, 3);
    }
    budget_fail_nth(0);
    assert_int_equal(budget_takes(), 0);
    assert_true(budget_take(&b, 1));
    assert_int_equal(budget_takes(), 1);
    budget_give(&b, 1);
}

static void test_heap(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, "b", 100, NULL);
    assert_null(mem_alloc(&b, 101));
    assert_null(mem_calloc(&b, 101));
    uint8_t *p = mem_calloc(&b, 40);
    assert_non_null(p);
    for (int i = 0; i < 40; i++)
        assert_int_equal(p[i], 0);
    p[39] = 7;
    assert_null(mem_realloc(&b, p, 40, 101));
    assert_int_equal(atomic_load(&b.used), 40);
    p = mem_realloc(&b, p, 40, 100);
    assert_non_null(p);
    assert_int_equal(p[39], 7);
    assert_int_equal(atomic_load(&b.used), 100);
    p = mem_realloc(&b, p, 100, 10);
    assert_int_equal(atomic_load(&b.used), 10);
    mem_free(&b, p, 10);
    mem_free(&b, NULL, 10);
    assert_int_equal(atomic_load(&b.used), 0);
    p = mem_alloc(&b, 0);
    assert_non_null(p);
    mem_free(&b, p, 0);
    /* More than any block may be: refused before the machine is asked, nothing stays charged. */
    struct budget endless;
    budget_init(&endless, "endless", SIZE_MAX, NULL);
    assert_null(mem_alloc(&endless, SIZE_MAX));
    assert_null(mem_calloc(&endless, SIZE_MAX / 2));
    assert_null(mem_realloc(&endless, NULL, 0, SIZE_MAX - 1));
    assert_int_equal(atomic_load(&endless.used), 0);
}

static void test_process_budget(void **state)
{
    (void)state;
    struct budget *process = budget_process();
    size_t before = atomic_load(&process->used);
    void *p = mem_alloc(NULL, 64);
    assert_int_equal(atomic_load(&process->used), before + 64);
    process->limit = before + 64;
    assert_null(mem_alloc(NULL, 1));
    process->limit = SIZE_MAX;
    mem_free(NULL, p, 64);
    assert_int_equal(atomic_load(&process->used), before);
}

struct crowd {
    struct budget *b;
    unsigned refused;
};

static void *take_and_give(void *arg)
{
    struct crowd *c = arg;
    for (int i = 0; i < 20000; i++) {
        if (budget_take(c->b, 30))
            budget_give(c->b, 30);
        else
            c->refused++;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct budget top, low;
    budget_init(&top, "top", 60, NULL);
    budget_init(&low, "low", SIZE_MAX, &top);
    struct crowd crowds[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        crowds[i] = (struct crowd){ .b = &low };
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &crowds[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&top.used), 0);
    assert_int_equal(atomic_load(&low.used), 0);
    assert_true(atomic_load(&top.peak) <= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nesting), cmocka_unit_test(test_error_names_the_full_one),
        cmocka_unit_test(test_fail_nth), cmocka_unit_test(test_heap),
        cmocka_unit_test(test_process_budget), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
