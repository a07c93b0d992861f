/* The loops for usual types against the plain definition: decimals in 64 bits, fields and roundings of timestamps,
 * patterns of one length. A thousand random values and the borders, all rows and a selection. */
#include "expr_help.h"

#define ROWS 1000u

static uint64_t random_next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 1 ^ *seed << 31;
}

struct column_case {
    struct batch *batch;
    struct schema schema;
    struct field field;
};

/* One column of values below `limit` in size, the borders and small ones first. */
static void values_new(struct fixture *f, struct column_case *t, const char *type, int64_t limit, uint64_t seed)
{
    t->field = (struct field){ STR("v"), type_of(f, type) };
    t->schema = (struct schema){ .fields = &t->field, .n_fields = 1 };
    t->batch = batch_new(&t->schema, ROWS, &f->budget);
    t->batch->count = ROWS;
    static const int64_t small[] = { 0, 1, -1, 4, 5, 6, -4, -5, -6, 49, 50, 51, -49, -50, -51, 99, 100, -99, -100 };
    for (uint32_t r = 0; r < ROWS; r++) {
        int64_t v = (int64_t)(random_next(&seed) % ((uint64_t)limit * 2 - 1)) - (limit - 1);
        if (r < sizeof small / sizeof small[0])
            v = small[r] % limit;
        else if (r < 30)
            v = r % 2 ? limit - (int64_t)(r / 2) : (int64_t)(r / 2) - limit;
        t->batch->cols[0].i64[r] = r == 28 ? limit - 1 : r == 29 ? 1 - limit : v;
    }
}

typedef void expected(const struct column_case *t, uint32_t row, char out[64], const void *arg);

/* Every row of the tree's value, over all rows and over every third. */
static void check(struct fixture *f, const struct column_case *t, const struct expr *e, expected *want, const void *arg)
{
    static uint16_t third[ROWS];
    struct program *p;
    struct eval ev = { 0, INT64_MIN, 0 };
    if (expr_compile(&e, 1, ROWS, &f->budget, &p, &f->err) != ST_OK)
        fail_msg("%s", f->err.message);
    for (int pass = 0; pass < 2; pass++) {
        struct column out;
        uint32_t n = 0;
        for (uint32_t r = 1; r < ROWS; r += 3)
            third[n++] = (uint16_t)r;
        t->batch->sel = pass ? third : NULL;
        t->batch->n_sel = n;
        assert_int_equal(program_run(p, t->batch, &ev, &out, &f->err), ST_OK);
        out.type = e->type;
        for (uint32_t k = 0; k < batch_rows(t->batch); k++) {
            uint32_t r = batch_row(t->batch, k);
            char text[64];
            want(t, r, text, arg);
            if (strcmp(print_value(&out, r, &f->env.zone), text) != 0)
                fail_msg("%lld: %s, wanted %s", (long long)t->batch->cols[0].i64[r],
                         print_value(&out, r, &f->env.zone), text);
        }
    }
    t->batch->sel = NULL;
    program_free(p);
}

/* ---- decimals ---- */

struct rounded {
    int32_t from_scale, to_precision, to_scale;
};

static void want_rescaled(const struct column_case *t, uint32_t row, char out[64], const void *arg)
{
    const struct rounded *x = arg;
    int128 v;
    char text[48];
    if (!decimal_rescale(t->batch->cols[0].i64[row], x->from_scale, x->to_scale, x->to_precision, &v)) {
        strcpy(out, "NULL");
        return;
    }
    size_t n = decimal_print(v, x->to_scale, text);
    memcpy(out, text, n);
    out[n] = 0;
}

static void test_decimal_casts(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *from;
        int64_t limit;
        struct rounded x;
        const char *to;
    } cases[] = {
        { "DECIMAL(9,2)", 1000000000, { 2, 14, 4 }, "DECIMAL(14,4)" },
        { "DECIMAL(9,2)", 1000000000, { 2, 10, 4 }, "DECIMAL(10,4)" }, /* not all fit */
        { "DECIMAL(9,2)", 1000000000, { 2, 9, 1 }, "DECIMAL(9,1)" },
        { "DECIMAL(9,2)", 1000000000, { 2, 7, 0 }, "DECIMAL(7,0)" }, /* 9999999.99 does not */
        { "DECIMAL(9,2)", 1000000000, { 2, 3, 0 }, "DECIMAL(3,0)" },
        { "DECIMAL(9,2)", 1000000000, { 2, 9, 2 }, "DECIMAL(9,2)" },
        { "DECIMAL(18,0)", 1000000000000000000, { 0, 18, 18 }, "DECIMAL(18,18)" },
        { "DECIMAL(18,18)", 1000000000000000000, { 18, 18, 0 }, "DECIMAL(18,0)" },
        { "DECIMAL(18,3)", 1000000000000000000, { 3, 18, 2 }, "DECIMAL(18,2)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct column_case t;
        values_new(f, &t, cases[i].from, cases[i].limit, i + 1);
        check(f, &t, cast(f, column(f, 0, cases[i].from), cases[i].to), want_rescaled, &cases[i].x);
        batch_free(t.batch);
    }
}

struct part {
    int64_t unit;
    int32_t scale; /* of the result */
    int how;       /* 'f'loor, 'c'eil, 'r'ound, 't'runcate, 'a'bs, 's'ign */
};

static void want_part(const struct column_case *t, uint32_t row, char out[64], const void *arg)
{
    const struct part *x = arg;
    int64_t v = t->batch->cols[0].i64[row], q = v / x->unit, rest = v % x->unit;
    int128 value = x->how == 'f'   ? q - (rest < 0)
                   : x->how == 'c' ? q + (rest > 0)
                   : x->how == 'r' ? q + (2 * (int128)rest >= x->unit) - (2 * (int128)rest <= -x->unit)
                   : x->how == 'a' ? (v < 0 ? -v : v)
                   : x->how == 's' ? ((v > 0) - (v < 0)) * x->unit
                                   : q;
    char text[48];
    size_t n = decimal_print(value, x->scale, text);
    memcpy(out, text, n);
    out[n] = 0;
}

static void test_decimal_parts(void **state)
{
    struct fixture *f = *state;
    struct column_case t;
    values_new(f, &t, "DECIMAL(18,3)", 1000000000000000000, 7);
    const struct expr *v = column(f, 0, "DECIMAL(18,3)");
    check(f, &t, CALL(f, "FLOOR", v), want_part, &(struct part){ 1000, 0, 'f' });
    check(f, &t, CALL(f, "CEIL", v), want_part, &(struct part){ 1000, 0, 'c' });
    check(f, &t, CALL(f, "ROUND", v), want_part, &(struct part){ 1000, 0, 'r' });
    check(f, &t, CALL(f, "ROUND", v, number(f, "2")), want_part, &(struct part){ 10, 2, 'r' });
    check(f, &t, CALL(f, "TRUNCATE", v), want_part, &(struct part){ 1000, 0, 't' });
    check(f, &t, CALL(f, "ABS", v), want_part, &(struct part){ 1, 3, 'a' });
    check(f, &t, CALL(f, "SIGN", v), want_part, &(struct part){ 1000, 3, 's' });
    batch_free(t.batch);
}

static void want_extreme(const struct column_case *t, uint32_t row, char out[64], const void *arg)
{
    int64_t v = t->batch->cols[0].i64[row], to = *(const int64_t *)arg;
    bool least = to < 0;
    snprintf(out, 64, "%lld", (long long)(least ? (v < to ? v : to) : (v > to ? v : to)));
}

static void test_extremes(void **state)
{
    struct fixture *f = *state;
    struct column_case t;
    values_new(f, &t, "BIGINT", INT64_MAX / 2, 3);
    int64_t seven = 7, minus = -7;
    check(f, &t, CALL(f, "GREATEST", column(f, 0, "BIGINT"), cast(f, number(f, "7"), "BIGINT")), want_extreme, &seven);
    check(f, &t, CALL(f, "LEAST", cast(f, number(f, "-7"), "BIGINT"), column(f, 0, "BIGINT")), want_extreme, &minus);
    batch_free(t.batch);
}

/* ---- timestamps ---- */

struct stamped {
    int64_t scale; /* units a second */
    const char *what;
};

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static void want_time(const struct column_case *t, uint32_t row, char out[64], const void *arg)
{
    const struct stamped *x = arg;
    int64_t v = t->batch->cols[0].i64[row], days = floor_div(v, x->scale * 86400), year;
    int64_t of_day = (v - days * x->scale * 86400) / x->scale;
    int32_t month, day;
    date_to_civil(days, &year, &month, &day);
    int64_t n = strcmp(x->what, "YEAR") == 0      ? year
                : strcmp(x->what, "QUARTER") == 0 ? (month - 1) / 3 + 1
                : strcmp(x->what, "MONTH") == 0   ? month
                : strcmp(x->what, "DAY") == 0     ? day
                : strcmp(x->what, "DOW") == 0     ? date_day_of_week(days) % 7 + 1
                : strcmp(x->what, "HOUR") == 0    ? of_day / 3600
                : strcmp(x->what, "MINUTE") == 0  ? of_day / 60 % 60
                : strcmp(x->what, "SECOND") == 0  ? of_day % 60
                                                  : floor_div(v, x->scale);
    snprintf(out, 64, "%lld", (long long)n);
}

static void want_floor(const struct column_case *t, uint32_t row, char out[64], const void *arg)
{
    const struct stamped *x = arg;
    int64_t unit = x->scale * (strcmp(x->what, "DAY") == 0 ? 86400 : strcmp(x->what, "HOUR") == 0 ? 3600 : 1);
    int64_t v = floor_div(t->batch->cols[0].i64[row], unit) * unit;
    if (strcmp(x->what, "DATE") == 0)
        out[date_print(floor_div(t->batch->cols[0].i64[row], x->scale * 86400), out)] = 0;
    else
        out[timestamp_print(v, x->scale == 1000 ? 3 : 6, out)] = 0;
}

static void want_pattern(const struct column_case *t, uint32_t row, char out[64], const void *arg)
{
    const struct stamped *x = arg;
    int64_t v = t->batch->cols[0].i64[row], days = floor_div(v, x->scale * 86400), year;
    int64_t rest = v - days * x->scale * 86400, of_day = rest / x->scale;
    int32_t month, day;
    date_to_civil(days, &year, &month, &day);
    snprintf(out, 64, "%04lld.%02d.%02d at '%02d:%02d:%02d,%03d", (long long)year, month, day, (int)(of_day / 3600),
             (int)(of_day / 60 % 60), (int)(of_day % 60), (int)(rest % x->scale * 1000 / x->scale));
}

static void test_times(void **state)
{
    struct fixture *f = *state;
    static const char *const units[] = { "YEAR", "QUARTER", "MONTH", "DAY", "DOW", "HOUR", "MINUTE", "SECOND", "EPOCH" };
    static const struct {
        const char *type;
        int64_t scale;
    } types[] = { { "TIMESTAMP(3)", 1000 }, { "TIMESTAMP(6)", 1000000 } };
    for (size_t i = 0; i < 2; i++) {
        struct column_case t;
        values_new(f, &t, types[i].type, INT64_C(60000000000) * types[i].scale, i + 40); /* the years 68 to 3871 */
        const struct expr *v = column(f, 0, types[i].type);
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
            check(f, &t, CALL(f, "EXTRACT", text(f, units[u]), v), want_time,
                  &(struct stamped){ types[i].scale, units[u] });
        check(f, &t, CALL(f, "FLOOR", v, text(f, "DAY")), want_floor, &(struct stamped){ types[i].scale, "DAY" });
        check(f, &t, CALL(f, "FLOOR", v, text(f, "HOUR")), want_floor, &(struct stamped){ types[i].scale, "HOUR" });
        check(f, &t, cast(f, v, "DATE"), want_floor, &(struct stamped){ types[i].scale, "DATE" });
        check(f, &t, CALL(f, "DATE_FORMAT", v, text(f, "yyyy.MM.dd' at '''HH:mm:ss,SSS")), want_pattern,
              &(struct stamped){ types[i].scale, "" });
        batch_free(t.batch);
    }
}

/* Far from today a year has more digits than a pattern of one length has room for. */
static void test_far_years(void **state)
{
    struct fixture *f = *state;
    const struct expr *far = NULL;
    ok(f, expr_i64(&f->env, type_of(f, "TIMESTAMP(3)"), INT64_C(317144851445000), &far, &f->err), &far);
    assert_value(f, CALL(f, "DATE_FORMAT", far, text(f, "yyyy-MM-dd")), "+12019-12-03");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_decimal_casts, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_decimal_parts, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_extremes, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_times, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_far_years, fixture_new, fixture_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
