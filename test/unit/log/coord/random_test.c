/* Random lives of groups (drive.h says what must hold). One seed a run: `random_test SEED [N]` for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive.h"

#include <stdlib.h>

static struct drive drive;
static uint64_t first_seed = 1, seeds = 150;

static void test_lives(void **state)
{
    (void)state;
    enum { BYTES = 6000 };
    static uint8_t data[BYTES];
    uint64_t steps = 0, refused = 0, generations = 0, stable = 0;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        uint64_t x = seed * 0x9e3779b97f4a7c15u;
        for (int i = 0; i < BYTES; i++) {
            x = hash_u64(x + 1);
            data[i] = (uint8_t)(x >> 32);
        }
        drive_run(&drive, data, BYTES);
        steps += drive.steps;
        refused += drive.refused;
        generations += drive.generations;
        stable += drive.rebalanced;
    }
    /* It went somewhere. */
    print_message("%llu steps, %llu refused, %llu joins, stable %llu times\n", (unsigned long long)steps,
                  (unsigned long long)refused, (unsigned long long)generations, (unsigned long long)stable);
    assert_true(refused > seeds / 4 && generations > seeds * 10 && stable > seeds * 10);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        seeds = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
