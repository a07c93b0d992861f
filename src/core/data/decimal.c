/* Decimals: an unscaled int128 and a scale, as Java's BigDecimal would compute them.
 *
 * Work is done on magnitudes (sign apart). What fits 128 bits stays there; products, and operands moved to a larger
 * scale, go through 256 bits: four 64-bit limbs, least first. 256 bits are enough for everything: a value has at most
 * 38 digits and moves by at most 38 places before it is certain not to fit any precision (10^76 < 2^256). Where an
 * intermediate would need more, the result has over 38 digits, so "does not fit" is exact too.
 *
 * Rounding: dividing by 10^d rounds half up with the first dropped digit alone, so it is a floor division by
 * 10^(d-1), then (q + 5) / 10: never twice rounded. */
#include "data/decimal.h"

#include "data/row.h"

#define DIGITS_MAX 38

#define uint128 unsigned __int128

#define E19 ((uint128)10000000000000000000ULL)
/* 10^0 … 10^19 fit 64 bits, the higher powers are products. */
static const uint64_t pow10_u64[20] = {
    1ULL,
    10ULL,
    100ULL,
    1000ULL,
    10000ULL,
    100000ULL,
    1000000ULL,
    10000000ULL,
    100000000ULL,
    1000000000ULL,
    10000000000ULL,
    100000000000ULL,
    1000000000000ULL,
    10000000000000ULL,
    100000000000000ULL,
    1000000000000000ULL,
    10000000000000000ULL,
    100000000000000000ULL,
    1000000000000000000ULL,
    10000000000000000000ULL,
};

static inline uint128 pow10_u128(int32_t n)
{
    return n <= 19 ? pow10_u64[n] : (uint128)pow10_u64[n - 19] * pow10_u64[19];
}

int128 decimal_pow10(int32_t n)
{
    CHECK(n >= 0 && n <= DIGITS_MAX);
    return (int128)pow10_u128(n);
}

static inline uint128 magnitude(int128 v)
{
    return v < 0 ? -(uint128)v : (uint128)v;
}

bool decimal_fits(int128 v, int32_t precision)
{
    return magnitude(v) < pow10_u128(precision);
}

/* A magnitude and its sign become a result if it fits. */
static bool settle(uint128 m, bool negative, int32_t precision, int128 *ret)
{
    if (m >= pow10_u128(precision))
        return false;
    *ret = negative ? -(int128)m : (int128)m;
    return true;
}

struct u256 {
    uint64_t w[4];
};

static struct u256 u256_from(uint128 v)
{
    return (struct u256){ { (uint64_t)v, (uint64_t)(v >> 64), 0, 0 } };
}

static bool u256_narrow(const struct u256 *v, uint128 *ret)
{
    *ret = (uint128)v->w[1] << 64 | v->w[0];
    return v->w[2] == 0 && v->w[3] == 0;
}

static struct u256 u256_product(uint128 a, uint128 b)
{
    uint64_t x[2] = { (uint64_t)a, (uint64_t)(a >> 64) }, y[2] = { (uint64_t)b, (uint64_t)(b >> 64) };
    struct u256 r = { { 0 } };
    for (int i = 0; i < 2; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 2; j++) {
            uint128 t = (uint128)x[i] * y[j] + r.w[i + j] + carry;
            r.w[i + j] = (uint64_t)t;
            carry = (uint64_t)(t >> 64);
        }
        r.w[i + 2] = carry;
    }
    return r;
}

/* false: beyond 256 bits. */
static bool u256_times(struct u256 *v, uint128 by)
{
    struct u256 low = u256_product((uint128)v->w[1] << 64 | v->w[0], by);
    struct u256 high = u256_product((uint128)v->w[3] << 64 | v->w[2], by);
    uint128 top;
    if (!u256_narrow(&high, &top))
        return false;
    uint128 sum = ((uint128)low.w[3] << 64 | low.w[2]) + top;
    if (sum < top)
        return false;
    *v = (struct u256){ { low.w[0], low.w[1], (uint64_t)sum, (uint64_t)(sum >> 64) } };
    return true;
}

static bool u256_plus(struct u256 *v, const struct u256 *by)
{
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        uint128 t = (uint128)v->w[i] + by->w[i] + carry;
        v->w[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    return carry == 0;
}

static int u256_compare(const struct u256 *a, const struct u256 *b)
{
    for (int i = 3; i >= 0; i--)
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i] ? -1 : 1;
    return 0;
}

/* a >= b */
static void u256_minus(struct u256 *a, const struct u256 *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        uint128 t = (uint128)a->w[i] - b->w[i] - borrow;
        a->w[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
}

static uint64_t divide_by_limb(struct u256 *v, uint64_t d)
{
    uint64_t rest = 0;
    for (int i = 3; i >= 0; i--) {
        uint128 t = (uint128)rest << 64 | v->w[i];
        v->w[i] = (uint64_t)(t / d);
        rest = (uint64_t)(t % d);
    }
    return rest;
}

/* v becomes v / d; returns the remainder. Schoolbook division in base 2^64 (Knuth, volume 2, 4.3.1, algorithm D)
 * with a divisor of two limbs: shifted so that its top bit is set, each estimated digit is at most two too large. */
static uint128 u256_divide(struct u256 *v, uint128 d)
{
    uint64_t high = (uint64_t)(d >> 64);
    if (high == 0)
        return divide_by_limb(v, (uint64_t)d);
    int shift = __builtin_clzll(high);
    d <<= shift;
    uint64_t d1 = (uint64_t)(d >> 64), d0 = (uint64_t)d, u[5];
    u[4] = shift ? v->w[3] >> (64 - shift) : 0;
    for (int i = 3; i >= 0; i--)
        u[i] = v->w[i] << shift | (i && shift ? v->w[i - 1] >> (64 - shift) : 0);
    v->w[3] = 0;
    for (int j = 2; j >= 0; j--) {
        uint128 top = (uint128)u[j + 2] << 64 | u[j + 1], q = top / d1, r = top % d1;
        while (q >> 64 || (uint128)(uint64_t)q * d0 > (r << 64 | u[j])) {
            q--;
            r += d1;
            if (r >> 64)
                break;
        }
        /* u[j+2..j] -= q * d; a borrow left over says that q was one too large */
        uint128 p0 = (uint128)(uint64_t)q * d0, p1 = (uint128)(uint64_t)q * d1 + (uint64_t)(p0 >> 64);
        uint128 t = (uint128)u[j] - (uint64_t)p0;
        u[j] = (uint64_t)t;
        t = (uint128)u[j + 1] - (uint64_t)p1 - ((uint64_t)(t >> 64) & 1);
        u[j + 1] = (uint64_t)t;
        t = (uint128)u[j + 2] - (uint64_t)(p1 >> 64) - ((uint64_t)(t >> 64) & 1);
        u[j + 2] = (uint64_t)t;
        if ((uint64_t)(t >> 64) & 1) {
            q--;
            uint128 sum = (uint128)u[j] + d0;
            u[j] = (uint64_t)sum;
            sum = (uint128)u[j + 1] + d1 + (uint64_t)(sum >> 64);
            u[j + 1] = (uint64_t)sum;
            u[j + 2] += (uint64_t)(sum >> 64);
        }
        v->w[j] = (uint64_t)q;
    }
    return ((uint128)u[1] << 64 | u[0]) >> shift;
}

/* v / 10^n, floor. */
static void u256_drop_digits(struct u256 *v, int32_t n)
{
    for (; n > 0; n -= DIGITS_MAX)
        u256_divide(v, pow10_u128(n < DIGITS_MAX ? n : DIGITS_MAX));
}

/* Moves a magnitude by scales and settles it. */
static bool settle_256(struct u256 v, int32_t from, int32_t to, bool half_up, bool negative, int32_t precision,
                       int128 *ret)
{
    uint128 m;
    if (to >= from) {
        bool zero = u256_narrow(&v, &m) && m == 0;
        for (int32_t n = to - from; n > 0 && !zero; n -= DIGITS_MAX)
            if (!u256_times(&v, pow10_u128(n < DIGITS_MAX ? n : DIGITS_MAX)))
                return false;
        return u256_narrow(&v, &m) && settle(m, negative, precision, ret);
    }
    u256_drop_digits(&v, from - to - 1);
    struct u256 five = { { half_up ? 5 : 0, 0, 0, 0 } };
    if (!u256_plus(&v, &five))
        return false;
    divide_by_limb(&v, 10);
    return u256_narrow(&v, &m) && settle(m, negative, precision, ret);
}

static bool rescale(int128 v, int32_t from, int32_t to, bool half_up, int32_t precision, int128 *ret)
{
    uint128 m = magnitude(v);
    if (from == to)
        return settle(m, v < 0, precision, ret);
    if (from > to && from - to <= DIGITS_MAX) {
        m /= pow10_u128(from - to - 1);
        return settle((m + (half_up ? 5 : 0)) / 10, v < 0, precision, ret);
    }
    return settle_256(u256_from(m), from, to, half_up, v < 0, precision, ret);
}

bool decimal_rescale(int128 v, int32_t from_scale, int32_t to_scale, int32_t precision, int128 *ret)
{
    return rescale(v, from_scale, to_scale, true, precision, ret);
}

bool decimal_rescale_down(int128 v, int32_t from_scale, int32_t to_scale, int32_t precision, int128 *ret)
{
    return rescale(v, from_scale, to_scale, false, precision, ret);
}

bool decimal_add(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret)
{
    int128 sum;
    if (sa == sb && !__builtin_add_overflow(a, b, &sum))
        return rescale(sum, sa, scale, true, precision, ret);
    int32_t common = sa > sb ? sa : sb;
    struct u256 x = u256_product(magnitude(a), pow10_u128(common - sa));
    struct u256 y = u256_product(magnitude(b), pow10_u128(common - sb));
    bool negative = a < 0;
    if ((a < 0) == (b < 0)) {
        if (!u256_plus(&x, &y))
            return false;
    } else if (u256_compare(&x, &y) >= 0) {
        u256_minus(&x, &y);
    } else {
        u256_minus(&y, &x);
        x = y;
        negative = !negative;
    }
    return settle_256(x, common, scale, true, negative, precision, ret);
}

bool decimal_mul(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret)
{
    int128 product;
    if (!__builtin_mul_overflow(a, b, &product))
        return rescale(product, sa + sb, scale, true, precision, ret);
    struct u256 wide = u256_product(magnitude(a), magnitude(b));
    return settle_256(wide, sa + sb, scale, true, (a < 0) != (b < 0), precision, ret);
}

bool decimal_div(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret)
{
    if (b == 0)
        return false;
    uint128 d = magnitude(b), q;
    bool negative = (a < 0) != (b < 0);
    int32_t places = scale + sb - sa; /* result = a × 10^places / b */
    if (places < 0) {
        struct u256 divisor = u256_from(d);
        for (int32_t n = -places; n > 0; n -= DIGITS_MAX)
            if (!u256_times(&divisor, pow10_u128(n < DIGITS_MAX ? n : DIGITS_MAX)))
                return settle(0, false, precision, ret); /* divisor > 2^256 > 2a */
        if (!u256_narrow(&divisor, &d)) {
            struct u256 twice = u256_product(magnitude(a), 2);
            return settle(u256_compare(&twice, &divisor) >= 0, negative, precision, ret);
        }
        q = magnitude(a) / d;
        uint128 rest = magnitude(a) % d;
        return settle(q + (rest >= d - rest), negative, precision, ret);
    }
    struct u256 v = u256_from(magnitude(a));
    for (int32_t n = a ? places : 0; n > 0; n -= DIGITS_MAX)
        if (!u256_times(&v, pow10_u128(n < DIGITS_MAX ? n : DIGITS_MAX)))
            return false; /* over 2^256 / 2^127: more than 38 digits */
    uint128 rest = u256_divide(&v, d);
    if (!u256_narrow(&v, &q) || q >= pow10_u128(DIGITS_MAX))
        return false;
    return settle(q + (rest >= d - rest), negative, precision, ret);
}

bool decimal_mod(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret)
{
    if (b == 0)
        return false;
    int32_t common = sa > sb ? sa : sb;
    struct u256 x = u256_product(magnitude(a), pow10_u128(common - sa));
    struct u256 y = u256_product(magnitude(b), pow10_u128(common - sb));
    uint128 d;
    if (u256_narrow(&y, &d))
        x = u256_from(u256_divide(&x, d));
    /* else |b| has over 128 bits at the common scale, which is a's: |a| is smaller and its own remainder */
    return settle_256(x, common, scale, true, a < 0, precision, ret);
}

int decimal_compare(int128 a, int32_t sa, int128 b, int32_t sb)
{
    if ((a < 0) != (b < 0))
        return a < 0 ? -1 : 1;
    int32_t common = sa > sb ? sa : sb;
    struct u256 x = u256_product(magnitude(a), pow10_u128(common - sa));
    struct u256 y = u256_product(magnitude(b), pow10_u128(common - sb));
    int c = u256_compare(&x, &y);
    return a < 0 ? -c : c;
}

/* The digits of a number's text, found but not yet read. */
struct digits {
    const char *at, *end; /* digits and at most one point */
    int64_t point;        /* digits before the point */
    bool negative;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exponents saturate: beyond a million the result is 0 or too large in any case (unless a text of a million digits
 * makes up for it, which no record limit lets in). */
static bool find_exponent(const char *p, const char *end, int64_t *ret)
{
    bool negative = p < end && *p == '-';
    int64_t e = 0;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (e < 100000000000)
            e = e * 10 + (*p - '0');
    }
    *ret = negative ? -e : e;
    return true;
}

static bool find_digits(struct str s, struct digits *ret)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    struct digits d = { .negative = s.len && *p == '-' };
    if (s.len && (*p == '-' || *p == '+'))
        p++;
    d.at = p;
    size_t n = 0;
    bool seen_point = false;
    for (; p < end && (is_digit(*p) || (*p == '.' && !seen_point)); p++) {
        if (*p == '.') {
            seen_point = true;
            d.point = (int64_t)n;
        } else {
            n++;
        }
    }
    if (n == 0)
        return false;
    if (!seen_point)
        d.point = (int64_t)n;
    d.end = p;
    if (p < end) {
        int64_t e;
        if ((*p != 'e' && *p != 'E') || !find_exponent(p + 1, end, &e))
            return false;
        d.point += e;
    }
    *ret = d;
    return true;
}

bool decimal_parse(struct str s, int32_t precision, int32_t scale, int128 *ret)
{
    struct digits d;
    if (!find_digits(s, &d))
        return false;
    /* `place` is the power of ten, above the result's last digit, of the digit at hand. */
    int64_t place = d.point - 1 + scale;
    uint128 m = 0;
    bool up = false;
    for (const char *p = d.at; p < d.end && place >= -1; p++) {
        if (*p == '.')
            continue;
        uint32_t digit = (uint32_t)(*p - '0');
        if (place == -1)
            up = digit >= 5;
        else if (m || digit) {
            if (place >= DIGITS_MAX)
                return false;
            m = m * 10 + digit; /* its first digit had a place below 38, so it stays below 10^38 */
        }
        place--;
    }
    if (m && place >= 0)
        m *= pow10_u128((int32_t)(place + 1));
    return settle(m + up, d.negative, precision, ret);
}

size_t decimal_print(int128 v, int32_t scale, char out[48])
{
    char reversed[40];
    int n = 0;
    uint128 m = magnitude(v);
    while (m) {
        uint64_t part = (uint64_t)(m % E19);
        m /= E19;
        for (int i = 0; i < 19 && (m || part); i++, part /= 10)
            reversed[n++] = (char)('0' + part % 10);
    }
    while (n <= scale)
        reversed[n++] = '0';
    size_t len = 0;
    if (v < 0)
        out[len++] = '-';
    while (n > 0) {
        if (n == scale)
            out[len++] = '.';
        out[len++] = reversed[--n];
    }
    return len;
}

double decimal_to_f64(int128 v, int32_t scale)
{
    static const double exact[23] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    if (scale == 0)
        return (double)v;
    /* Both exact: the division rounds once. */
    if (magnitude(v) <= (uint128)1 << 53 && scale <= 22)
        return (double)v / exact[scale];
    char text[48];
    double d = 0;
    size_t len = decimal_print(v, scale, text);
    bool ok = str_to_f64((struct str){ text, len }, &d);
    CHECK(ok);
    return d;
}

/* Through the shortest text, as BigDecimal.valueOf(double): 0.1 is 0.1 and not 0.1000000000000000055…. */
bool decimal_from_f64(double d, int32_t precision, int32_t scale, int128 *ret)
{
    char text[32];
    size_t len = f64_print(d, text);
    return decimal_parse((struct str){ text, len }, precision, scale, ret);
}

bool decimal_to_i64(int128 v, int32_t scale, int64_t *ret)
{
    int128 whole = v / decimal_pow10(scale);
    if (whole < INT64_MIN || whole > INT64_MAX)
        return false;
    *ret = (int64_t)whole;
    return true;
}

#define MIN_ADJUSTED_SCALE 6

static int32_t max_i32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t min_i32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

void decimal_result(char op, int32_t p1, int32_t s1, int32_t p2, int32_t s2, int32_t *ret_p, int32_t *ret_s)
{
    int32_t p = 0, s = 0;
    switch (op) {
    case '+':
    case '-':
        s = max_i32(s1, s2);
        p = max_i32(p1 - s1, p2 - s2) + s + 1;
        break;
    case '*':
        s = s1 + s2;
        p = p1 + p2 + 1;
        break;
    case '/':
        s = max_i32(6, s1 + p2 + 1);
        p = p1 - s1 + s2 + s;
        break;
    case '%':
        s = max_i32(s1, s2);
        p = min_i32(p1 - s1, p2 - s2) + s;
        break;
    default:
        CHECK(!"an operator of decimals");
    }
    /* Too many digits: those before the point stay, the fraction gives way, but not below 6 places. */
    if (p > DIGITS_MAX) {
        s = max_i32(DIGITS_MAX - (p - s), min_i32(s, MIN_ADJUSTED_SCALE));
        p = DIGITS_MAX;
    }
    *ret_p = p;
    *ret_s = s;
}

int128 decimal_get(const struct type *t, const void *data, uint32_t row)
{
    return type_phys(t) == PHYS_I64 ? ((const int64_t *)data)[row] : ((const int128 *)data)[row];
}

void decimal_put(const struct type *t, void *data, uint32_t row, int128 v)
{
    if (type_phys(t) == PHYS_I64)
        ((int64_t *)data)[row] = (int64_t)v;
    else
        ((int128 *)data)[row] = v;
}
