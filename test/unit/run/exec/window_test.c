/* Window arithmetic against the plain definition: which windows hold an instant, by trying all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exec/window.h"

static const struct window_spec specs[] = {
    { .kind = WINDOW_TUMBLE, .size_ms = 10 },
    { .kind = WINDOW_TUMBLE, .size_ms = 10, .offset_ms = 3 },
    { .kind = WINDOW_TUMBLE, .size_ms = 7, .offset_ms = -2 },
    { .kind = WINDOW_HOP, .size_ms = 10, .slide_ms = 2 },
    { .kind = WINDOW_HOP, .size_ms = 10, .slide_ms = 4 },
    { .kind = WINDOW_HOP, .size_ms = 9, .slide_ms = 6, .offset_ms = 1 },
    { .kind = WINDOW_HOP, .size_ms = 4, .slide_ms = 10, .offset_ms = -3 }, /* gaps: an instant may be in none */
    { .kind = WINDOW_HOP, .size_ms = 5, .slide_ms = 5 },
    { .kind = WINDOW_CUMULATE, .size_ms = 12, .slide_ms = 3 },
    { .kind = WINDOW_CUMULATE, .size_ms = 12, .slide_ms = 4, .offset_ms = 5 },
};

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

/* Does the window that ends at `end` exist and hold t? */
static bool holds(const struct window_spec *s, int64_t end, int64_t t)
{
    if (s->kind == WINDOW_CUMULATE) {
        int64_t base = floor_div(end - 1 - s->offset_ms, s->size_ms) * s->size_ms + s->offset_ms;
        return (end - base) % s->slide_ms == 0 && t >= base && t < end;
    }
    int64_t slide = s->kind == WINDOW_TUMBLE ? s->size_ms : s->slide_ms, start = end - s->size_ms;
    bool aligned = floor_div(start - s->offset_ms, slide) * slide == start - s->offset_ms;
    return aligned && t >= start && t < end;
}

static void windows_are_those_of_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct windows w;
        windows_init(&w, &specs[i]);
        for (int64_t t = -60; t < 60; t++) {
            int64_t pane = windows_pane(&w, t);
            assert_true(pane <= t && t < pane + w.pane);
            int64_t last = windows_last_end(&w, pane), next = windows_first_end(&w, pane);
            for (int64_t end = t - 40; end < t + 40; end++) {
                bool listed = end >= next && end <= last && (end - next) % windows_step(&w) == 0;
                assert_int_equal(listed, holds(&specs[i], end, t));
                if (listed && specs[i].kind != WINDOW_CUMULATE)
                    assert_int_equal(windows_start(&w, end), end - specs[i].size_ms);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(windows_are_those_of_the_definition) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
