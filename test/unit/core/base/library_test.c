/* Libraries opened on demand: the math library stands for those that only some runs need. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/library.h"

#define CALLS(X) X(floor) X(hypot)
#define FILE_NAME "libm.so.6"

static void test_calls(void **state)
{
    (void)state;
    struct {
        CALLS(LIBRARY_POINTER)
    } lib = { 0 };
    const char *const names[] = { CALLS(LIBRARY_NAME) };
    struct library l = LIBRARY(FILE_NAME, "libc6", names, lib);
    struct error err = { 0 };
    assert_int_equal(library_open(&l, &err), ST_OK);
    assert_true(lib.floor(2.5) == 2 && lib.hypot(3, 4) == 5);
    lib.floor = NULL; /* open is open: nothing is written again */
    assert_int_equal(library_open(&l, &err), ST_OK);
    assert_null(lib.floor);
}

static void test_missing_library(void **state)
{
    (void)state;
    void *calls[1] = { NULL };
    const char *const names[] = { "anything" };
    struct library l = LIBRARY("libweir-is-not-here.so.9", "nowhere9", names, calls);
    struct error err = { 0 };
    assert_int_equal(library_open(&l, &err), ST_UNSUPPORTED);
    assert_non_null(strstr(err.message, "libweir-is-not-here.so.9"));
    assert_non_null(strstr(err.hint, "nowhere9"));
    assert_null(calls[0]);
    assert_int_equal(library_open(&l, NULL), ST_UNSUPPORTED); /* who asks again is told again */
}

static void test_missing_call(void **state)
{
    (void)state;
    void *calls[2] = { NULL, NULL };
    const char *const names[] = { "floor", "weir_is_not_here" };
    struct library l = LIBRARY(FILE_NAME, "libc6", names, calls);
    struct error err = { 0 };
    assert_int_equal(library_open(&l, &err), ST_UNSUPPORTED);
    assert_non_null(strstr(err.message, "weir_is_not_here"));
    assert_null(calls[0]); /* all or none */
}

static struct {
    CALLS(LIBRARY_POINTER)
} shared;
static const char *const shared_names[] = { CALLS(LIBRARY_NAME) };
static struct library shared_library = LIBRARY(FILE_NAME, "libc6", shared_names, shared);

static void *open_and_call(void *arg)
{
    double *ret = arg;
    *ret = library_open(&shared_library, NULL) == ST_OK ? shared.hypot(3, 4) : 0;
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    double got[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_call, &got[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(got[i] == 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_missing_library),
        cmocka_unit_test(test_missing_call),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
