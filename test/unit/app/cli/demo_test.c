/* The demo's rows: what a line adds to the picture, and that the picture fits its terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "cli/demo.h"

static struct demo_model model;

static void take_all(const char *const *lines, size_t n)
{
    memset(&model, 0, sizeof model);
    for (size_t i = 0; i < n; i++)
        (void)demo_take(&model, str_from(lines[i]));
}

static const char *const sample[] = {
    "alert> happened,mag,depth_km,place",
    "day> starts,quakes,strongest,felt",
    "region> op,region,quakes,strongest",
    "alert> 2018-02-01 10:00:00.123,5.3,15.18,\"50km NNW of \"\"Sangiang\"\", Indonesia\"",
    "day> 2018-01-31 00:00:00.000,201,6.1,33",
    "region> +I,Alaska,1,2.5",
    "region> +I,Nevada,1,0.3",
    "region> -U,Alaska,1,2.5",
    "region> +U,Alaska,2,4.5",
};

static void test_rows(void **state)
{
    (void)state;
    take_all(sample, sizeof sample / sizeof *sample);
    assert_int_equal(model.n_regions, 2);
    assert_string_equal(model.regions[0].name, "Alaska");
    assert_int_equal(model.regions[0].quakes, 2);
    assert_true(model.regions[0].strongest == 4.5);
    assert_int_equal(model.n_days, 1);
    assert_string_equal(model.days[0].name, "2018-01-31");
    assert_int_equal(model.days[0].quakes, 201);
    assert_int_equal(model.days[0].felt, 33);
    assert_int_equal(model.n_alerts, 1);
    assert_string_equal(model.alerts[0].place, "50km NNW of \"Sangiang\", Indonesia");
    assert_string_equal(model.alerts[0].happened, "2018-02-01 10:00");
}

static void test_repeats(void **state)
{
    (void)state;
    take_all(sample, sizeof sample / sizeof *sample);
    (void)demo_take(&model, STR("region> +U,Alaska,2,4.5")); /* rows may repeat after a kill */
    (void)demo_take(&model, STR("day> 2018-01-31 00:00:00.000,201,6.1,33"));
    assert_int_equal(model.n_regions, 2);
    assert_int_equal(model.n_days, 1);
}

static void test_limits(void **state)
{
    (void)state;
    char line[256];
    memset(&model, 0, sizeof model);
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line,
                 "region> +I,place %d of a name that is much too long to be kept whole in its row,1,1", i);
        assert_int_equal(demo_take(&model, str_from(line)), DEMO_REGION);
        snprintf(line, sizeof line, "day> %04d-01-01 00:00:00.000,1,1,1", 1000 + i);
        (void)demo_take(&model, str_from(line));
        (void)demo_take(&model, STR("alert> 2018-02-01 10:00:00.123,5.3,15.18,x"));
    }
    assert_int_equal(model.n_regions, DEMO_REGIONS);
    assert_int_equal(model.n_days, DEMO_DAYS);
    assert_int_equal(model.n_alerts, DEMO_ALERTS);
    assert_int_equal(model.all_alerts, 1000);
    static const char *const odd[] = { "",         "x",          "region>",
                                       "region> ", "region> +I", "region> +I,a,b,c,d,e,f,g,h,i,j,k",
                                       "day> \"",  "alert> ,,,," };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(demo_take(&model, str_from(odd[i])), DEMO_OTHER);
}

/* Cells of a line without its escapes. */
static size_t width_of(struct str line)
{
    size_t at = 0, n = 0;
    while (at < line.len) {
        uint32_t ch = utf8_next(line, &at);
        if (ch != '\033') {
            n++;
            continue;
        }
        while (at < line.len && utf8_next(line, &at) < 'A')
            ;
        while (at < line.len && line.ptr[at - 1] == '[') {
            while (at < line.len && ((line.ptr[at] >= '0' && line.ptr[at] <= '9') || line.ptr[at] == ';'))
                at++;
            at++;
        }
    }
    return n;
}

static void test_picture(void **state)
{
    (void)state;
    take_all(sample, sizeof sample / sizeof *sample);
    for (uint32_t columns = 1; columns < 200; columns++) {
        for (int colour = 0; colour < 2; colour++) {
            struct demo_frame f = { .colour = colour,
                                    .columns = columns,
                                    .when = "",
                                    .status = "1,707 rows in, 217 late, state 3.1 KiB, 9 commits" };
            struct buf out, wide;
            uint32_t lines = 0, seen = 0;
            buf_init(&out, NULL, 1 << 20);
            buf_init(&wide, NULL, 1 << 20);
            assert_true(demo_draw(&wide, &model, &f));
            assert_true(screen_put(&out, buf_str(&wide), columns, 50, &lines));
            struct str rest = buf_str(&out);
            while (rest.ptr && rest.len) {
                struct str line = str_split(&rest, '\n');
                seen += rest.ptr != NULL; /* a newline was there */
                assert_true(width_of(line) <= columns);
            }
            assert_int_equal(seen, lines); /* or the next picture would stand in the wrong place */
            buf_release(&out);
            buf_release(&wide);
        }
    }
}

static void test_words(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 16);
    for (size_t i = 0; i < sizeof sample / sizeof *sample; i++)
        assert_true(demo_say(&out, str_from(sample[i])));
    assert_true(buf_put_u8(&out, 0));
    assert_string_equal((const char *)out.data,
                        "alert   2018-02-01 10:00  M 5.3  50km NNW of \"Sangiang\", Indonesia, 15 km deep\n"
                        "day     2018-01-31  201 quakes, strongest M 6.1, 33 from M 2.5\n"
                        "region  Alaska                    1 quake, strongest M 2.5\n"
                        "region  Nevada                    1 quake, strongest M 0.3\n"
                        "region  Alaska                    2 quakes, strongest M 4.5\n");
    buf_release(&out);
}

static void test_inside(void **state)
{
    (void)state;
    struct str sql = str_make(demo_sql, (size_t)(demo_sql_end - demo_sql)),
               csv = str_make(demo_csv, (size_t)(demo_csv_end - demo_csv));
    uint32_t lines = 0, sql_lines = 0;
    assert_true(str_starts(csv, STR("id,happened,updated,mag,")));
    for (size_t i = 0; i < csv.len; i++)
        lines += csv.ptr[i] == '\n';
    for (size_t i = 0; i < sql.len; i++)
        sql_lines += sql.ptr[i] == '\n';
    assert_int_equal(lines, 1708); /* 1,707 and the head */
    assert_true(sql_lines >= 10 && sql_lines <= 30);
    assert_true(str_find(sql, STR("examples/earthquakes.csv"), 0) > 0); /* what the demo puts its own path for */
    assert_true(str_find(sql, STR("17280"), 0) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_repeats), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_picture), cmocka_unit_test(test_words),   cmocka_unit_test(test_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
