/* Sketches: their errors over skewed, sorted and constant values lie within the bounds that are stated; what they tell
 * depends on the values alone; merging is the union. */
#include <math.h>

#include "expr_help.h"

#include "expr/expr_private.h"

/* A heap of a few blobs. */
struct blobs {
    struct agg_heap face;
    struct str at[16];
    uint64_t used;
};
static struct str get(struct agg_heap *h, uint64_t handle) { return ((struct blobs *)h)->at[handle]; }
static uint8_t *edit(struct agg_heap *h, uint64_t handle) { return (uint8_t *)(uintptr_t)get(h, handle).ptr; }
static bool set(struct agg_heap *h, uint64_t *handle, const void *bytes, size_t len)
{
    struct blobs *b = (struct blobs *)h;
    if (!*handle)
        *handle = ++b->used;
    assert_true(*handle < 16);
    char *copy = malloc(len);
    memcpy(copy, bytes, len);
    free((char *)(uintptr_t)b->at[*handle].ptr);
    b->at[*handle] = str_make(copy, len);
    return true;
}
static struct blobs *blobs_new(void)
{
    struct blobs *b = calloc(1, sizeof *b);
    b->face = (struct agg_heap){ get, set, edit };
    return b;
}
static void blobs_free(struct blobs *b)
{
    for (int i = 0; i < 16; i++)
        free((char *)(uintptr_t)b->at[i].ptr);
    free(b);
}

static uint64_t dice = 1;
static uint64_t roll(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    return dice ^= dice << 17;
}
static double uniform(void) { return (double)(roll() >> 11) / 9007199254740992.0; }

/* ---- HyperLogLog ---- */

static int64_t counted(uint64_t seed, uint64_t n)
{
    struct blobs *b = blobs_new();
    uint64_t h = 0;
    bool changed = false;
    for (uint64_t i = 0; i < n; i++)
        assert_true(hll_add(&b->face, &h, hash_u64(seed * 1000000007u + i), &changed));
    int64_t count = hll_count(&b->face, h);
    blobs_free(b);
    return count;
}

static void hll_counts_within_its_error(void **state)
{
    (void)state;
    static const uint64_t ns[] = { 0, 1, 2, 7, 100, 1000, 1536, 1537, 3000, 10000, 40000, 100000, 1000000 };
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++) {
        double n = (double)ns[i], squares = 0, sum = 0, exact = ns[i] <= 1536 ? 0.002 : 0.0081;
        int seeds = ns[i] > 100000 ? 3 : 20;
        for (int s = 0; s < seeds; s++) {
            double off = n ? ((double)counted((uint64_t)s + 1, ns[i]) - n) / n : (double)counted(1, 0);
            assert_true(fabs(off) <= 4 * exact);
            squares += off * off;
            sum += off;
        }
        assert_true(sqrt(squares / seeds) <= 1.5 * exact); /* the standard error that is stated */
        assert_true(fabs(sum / seeds) <= exact);           /* no bias */
    }
}

static void hll_merges_to_the_union(void **state)
{
    (void)state;
    static const uint64_t sizes[][2] = { { 5, 9 }, { 1000, 20 }, { 20, 5000 }, { 5000, 20 }, { 30000, 60000 }, { 0, 50 }, { 50, 0 } };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct blobs *x = blobs_new(), *y = blobs_new(), *both = blobs_new();
        uint64_t hx = 0, hy = 0, hb = 0, n = sizes[k][0], m = sizes[k][1];
        bool changed = false;
        for (uint64_t i = 0; i < n; i++)
            assert_true(hll_add(&x->face, &hx, hash_u64(i), &changed) && hll_add(&both->face, &hb, hash_u64(i), &changed));
        for (uint64_t i = n + m; i-- > n / 2;) /* overlaps; backwards */
            if (i >= n / 2 && i < n / 2 + m)
                assert_true(hll_add(&y->face, &hy, hash_u64(i), &changed) && hll_add(&both->face, &hb, hash_u64(i), &changed));
        assert_true(hll_merge(&x->face, &hx, &y->face, hy));
        assert_int_equal(hll_count(&x->face, hx), hll_count(&both->face, hb));
        changed = false;
        for (uint64_t i = 0; i < n; i++) /* what has been seen changes nothing */
            assert_true(hll_add(&both->face, &hb, hash_u64(i), &changed));
        assert_int_equal(hll_count(&x->face, hx), hll_count(&both->face, hb));
        assert_true(hx == 0 || get(&x->face, hx).len <= 17000);
        blobs_free(x);
        blobs_free(y);
        blobs_free(both);
    }
}

/* ---- quantiles ---- */

#define N 20000
static double values[N];

static int double_order(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    if (a != a || b != b)
        return (a != a) - (b != b);
    return (a > b) - (a < b);
}

static double constant(int i) { return (void)i, 42.5; }
static double ascending(int i) { return i; }
static double descending(int i) { return (double)(N - i) / 7; }
static double skewed(int i) { return (void)i, pow(uniform(), -3); }
static double lognormal(int i) { return (void)i, exp(6 * (uniform() + uniform() + uniform() - 1.5)); }
static double both_signs(int i) { return (i % 7 ? 1 : -1) * exp(20 * uniform() - 10) * (i % 11 != 0); }
static double wide(int i) { return ldexp(1 + uniform(), (int)(roll() % 1900) - 950) * (i % 2 ? 1 : -1); }
static double halves(int i) { return i % 2 ? 1e-9 : 1e9; }

static const double parts[] = { 0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1 };

static void check_parts(struct blobs *b, uint64_t h, const struct quantile_scale *s, double error, int n)
{
    assert_int_equal(quantile_total(&b->face, h), n);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int64_t rank = (int64_t)floor(parts[i] * (n - 1));
        double is = values[rank], told = quantile_at(&b->face, h, s, rank);
        if (!(fabs(told - is) <= error * fabs(is) * (1 + 1e-9)))
            fail_msg("part %g: %.17g is told as %.17g", parts[i], is, told);
    }
}

static void quantiles_lie_within_their_error(void **state)
{
    (void)state;
    static double (*const kinds[])(int) = { constant, ascending, descending, skewed, lognormal, both_signs, wide, halves };
    static const double errors[] = { 0.001, 0.01, 0.05, 0.5 };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
            struct blobs *b = blobs_new(), *c = blobs_new();
            struct quantile_scale s;
            uint64_t h = 0, g = 0, none = 0;
            quantile_scale(errors[e], &s);
            for (int i = 0; i < N; i++) {
                values[i] = kinds[k](i);
                assert_true(quantile_add(i % 3 ? &b->face : &c->face, i % 3 ? &h : &g, quantile_key(&s, values[i]), 1));
            }
            assert_true(quantile_merge(&b->face, &h, &c->face, g) && quantile_merge(&c->face, &none, &b->face, h));
            for (int i = N / 2; i < N; i++) /* the second half is taken back */
                assert_true(quantile_add(&c->face, &none, quantile_key(&s, values[i]), -1));
            qsort(values, N / 2, sizeof *values, double_order);
            check_parts(c, none, &s, errors[e], N / 2);
            for (int i = 0; i < N / 2; i++)
                assert_true(quantile_add(&c->face, &none, quantile_key(&s, values[i]), -1));
            assert_int_equal(quantile_total(&c->face, none), 0);
            qsort(values, N, sizeof *values, double_order);
            check_parts(b, h, &s, errors[e], N);
            blobs_free(b);
            blobs_free(c);
        }
}

static void quantiles_know_the_ends_of_doubles(void **state)
{
    (void)state;
    static const double in[] = { NAN, INFINITY, 1.7976931348623157e308, 2.2250738585072014e-308, 0, -0.0, -1.7976931348623157e308,
                                 -INFINITY };
    struct blobs *b = blobs_new();
    struct quantile_scale s;
    uint64_t h = 0;
    quantile_scale(0.001, &s);
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        assert_true(quantile_add(&b->face, &h, quantile_key(&s, in[i]), 1));
    assert_true(quantile_at(&b->face, h, &s, 0) == -INFINITY && quantile_at(&b->face, h, &s, 6) == INFINITY);
    assert_true(isnan(quantile_at(&b->face, h, &s, 7)));
    assert_true(quantile_at(&b->face, h, &s, 2) == 0 && quantile_at(&b->face, h, &s, 3) == 0);
    for (int64_t i = 1; i <= 5; i += 4)
        assert_true(fabs(fabs(quantile_at(&b->face, h, &s, i)) / 1.7976931348623157e308 - 1) <= 0.0011);
    assert_true(fabs(quantile_at(&b->face, h, &s, 4) / 2.2250738585072014e-308 - 1) <= 0.0011);
    blobs_free(b);
}

static void quantiles_count_beyond_32_bits(void **state)
{
    (void)state;
    struct blobs *b = blobs_new();
    struct quantile_scale s;
    uint64_t h = 0;
    quantile_scale(0.01, &s);
    for (int i = 1; i <= 40; i++)
        assert_true(quantile_add(&b->face, &h, quantile_key(&s, i), 1000000000));
    assert_true(quantile_add(&b->face, &h, quantile_key(&s, 7), 3000000000));
    assert_true(quantile_add(&b->face, &h, quantile_key(&s, 40), 5000000000) && quantile_add(&b->face, &h, quantile_key(&s, 40), -1));
    assert_int_equal(quantile_total(&b->face, h), 47999999999);
    static const int64_t ranks[][2] = { { 0, 1 }, { 999999999, 1 }, { 1000000000, 2 }, { 6000000000, 7 }, { 9999999999, 7 },
                                        { 10000000000, 8 }, { 41999999999, 39 }, { 42000000000, 40 }, { 47999999998, 40 } };
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        assert_true(fabs(quantile_at(&b->face, h, &s, ranks[i][0]) / (double)ranks[i][1] - 1) <= 0.01);
    blobs_free(b);
}

/* ---- frequent values ---- */

#define KINDS 5000

static void check_top(struct blobs *b, uint64_t h, const uint32_t *counts, uint32_t capacity, uint64_t n)
{
    static struct top_item items[4000];
    static bool told[KINDS];
    double lack = (double)n / (capacity + 1);
    uint32_t m = top_items(&b->face, h, items);
    memset(told, 0, sizeof told);
    assert_true(m <= 2 * capacity);
    for (uint32_t i = 0; i < m; i++) {
        uint32_t v;
        assert_int_equal(items[i].bytes.len, 4);
        memcpy(&v, items[i].bytes.ptr, 4);
        assert_true(v < KINDS && !told[v] && (i == 0 || items[i - 1].count >= items[i].count));
        told[v] = true;
        assert_true(items[i].count <= counts[v] && (double)items[i].count >= counts[v] - lack);
    }
    for (uint32_t v = 0; v < KINDS; v++)
        assert_true(told[v] || counts[v] <= lack);
}

static uint32_t zipf(int i) { return (void)i, (uint32_t)(pow(KINDS, uniform()) - 1) % KINDS; }
static uint32_t flat(int i) { return (void)i, (uint32_t)(roll() % KINDS); }
static uint32_t sorted(int i) { return (uint32_t)i / 12 % KINDS; }
static uint32_t one(int i) { return (void)i, 77; }
static uint32_t late(int i) { return i < 40000 ? (uint32_t)i % KINDS : 4999; }

static void top_counts_lack_no_more_than_is_stated(void **state)
{
    (void)state;
    static uint32_t (*const kinds[])(int) = { zipf, flat, sorted, one, late };
    static const uint32_t capacities[] = { 1, 10, 100, 2000 };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++) {
            static uint32_t counts[KINDS];
            struct blobs *b[3] = { blobs_new(), blobs_new(), blobs_new() };
            uint64_t h[3] = { 0, 0, 0 };
            memset(counts, 0, sizeof counts);
            for (int i = 0; i < 60000; i++) {
                uint32_t v = kinds[k](i);
                int at = i < 30000 ? 0 : i < 50000 ? 1 : 2;
                counts[v]++;
                assert_true(top_add(&b[at]->face, &h[at], capacities[c], hash_bytes(&v, 4), str_make((char *)&v, 4)));
            }
            for (int i = 1; i < 3; i++)
                assert_true(top_merge(&b[0]->face, &h[0], capacities[c], &b[i]->face, h[i]));
            check_top(b[0], h[0], counts, capacities[c], 60000);
            for (int i = 0; i < 3; i++)
                blobs_free(b[i]);
        }
}

static void top_takes_long_values(void **state)
{
    (void)state;
    static char text[5000];
    struct blobs *b = blobs_new();
    struct top_item items[20];
    uint64_t h = 0;
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t len = i % 4 == 0 ? 4000 : i % 50;
        memset(text, 'a', len);
        assert_true(top_add(&b->face, &h, 10, hash_bytes(text, len), str_make(text, len)));
    }
    assert_true(top_items(&b->face, h, items) <= 20);
    assert_true(items[0].bytes.len == 4000 && items[0].count <= 75 && items[0].count >= 75 - 300 / 11);
    blobs_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hll_counts_within_its_error),
        cmocka_unit_test(hll_merges_to_the_union),
        cmocka_unit_test(quantiles_lie_within_their_error),
        cmocka_unit_test(quantiles_know_the_ends_of_doubles),
        cmocka_unit_test(quantiles_count_beyond_32_bits),
        cmocka_unit_test(top_counts_lack_no_more_than_is_stated),
        cmocka_unit_test(top_takes_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
