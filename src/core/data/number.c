/* Numbers as text: integers, and floats as Java prints them (shortest text that reads back, JDK 19).
 *
 * Shortest digits. A double whose nearest decimal of 15 digits reads back as itself has no other decimal of up to 15
 * digits that does, so that one without its trailing zeros is the shortest; else 16 digits are tried, and 17 always
 * do (floats: 6; 7, 8; 9). With subnormal numbers the first step does not hold: they are tried from 2 digits on
 * (Java gives at least two: 4.9E-324). At a power of two the gap below is half the gap above, so the decimal one step
 * above the nearest one may read back when the nearest does not: it is tried too.
 *
 * Fast path: v × 10^k is a whole number below 2^53 for a small k (integers: k = 0). Then that number divided by 10^k,
 * both exact, gives v back, and it has at most 15 digits.
 *
 * The library is asked once, for more digits than needed; shorter ones are rounded from these. They are read back
 * as an integer with an exponent, so no locale's decimal point matters. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/row.h"

#define SHORT_PLACES 6
#define WIDE 25

/* ---- integers ---- */

enum { EIGHT = 100000000 };

/* The eight digits of v < 10^8, a byte each, the first one lowest: halves, pairs and digits are parted side by side, by
 * multiplications instead of divisions (10486 / 2^20 is a hundredth, 103 / 2^10 a tenth, for numbers as small as these). */
static inline uint64_t eight_digits(uint32_t v)
{
    uint64_t halves = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = halves * 10486 >> 20 & 0x0000007F0000007F;
    uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
    uint64_t tens = pairs * 103 >> 10 & 0x000F000F000F000F;
    return tens | (pairs - tens * 10) << 8;
}

static inline void put_eight(char *out, uint64_t digits)
{
    digits |= 0x3030303030303030;
    memcpy(out, &digits, sizeof digits); /* row.c asserts the order of bytes */
}

/* Found beside the digits, so that what stands behind a number need not wait for them. */
static inline unsigned digits_of(uint32_t v)
{
    static const uint32_t powers[10] = { 0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000 };
    unsigned n = (unsigned)(32 - __builtin_clz(v | 1)) * 1233 >> 12; /* a third of the bits, nearly: log10 of 2 */
    return n + (v >= powers[n]);
}

/* Without zeros in front; writes eight bytes. */
static inline size_t put_first(char *out, uint32_t v)
{
    unsigned n = digits_of(v);
    put_eight(out, eight_digits(v) >> 8 * (8 - n));
    return n;
}

size_t i64_print(int64_t v, char out[24])
{
    size_t n = v < 0;
    uint64_t m = v < 0 ? -(uint64_t)v : (uint64_t)v;
    out[0] = '-';
    if (m < EIGHT)
        return n + put_first(out + n, (uint32_t)m);
    uint64_t high = m / EIGHT;
    if (high < EIGHT) {
        n += put_first(out + n, (uint32_t)high);
    } else {
        n += put_first(out + n, (uint32_t)(high / EIGHT));
        put_eight(out + n, eight_digits((uint32_t)(high % EIGHT)));
        n += 8;
    }
    put_eight(out + n, eight_digits((uint32_t)(m % EIGHT)));
    return n + 8;
}

/* ---- floats ---- */

/* value = d.ddd × 10^exponent */
struct shortest {
    char digits[32];
    int count, exponent;
};

static void strip_zeros(struct shortest *s)
{
    while (s->count > 1 && s->digits[s->count - 1] == '0')
        s->count--;
}

/* Java's layout: plain between 10^-3 and 10^7, else one digit before the point and an exponent. */
static size_t lay_out(const struct shortest *s, bool negative, char *out)
{
    size_t len = 0;
    int next = 0;
    if (negative)
        out[len++] = '-';
    if (s->exponent >= -3 && s->exponent < 0) {
        out[len++] = '0';
        out[len++] = '.';
        for (int i = -1; i > s->exponent; i--)
            out[len++] = '0';
        while (next < s->count)
            out[len++] = s->digits[next++];
        return len;
    }
    int whole = s->exponent >= 0 && s->exponent < 7 ? s->exponent + 1 : 1;
    for (; next < whole; next++)
        out[len++] = next < s->count ? s->digits[next] : '0';
    out[len++] = '.';
    if (next >= s->count)
        out[len++] = '0';
    while (next < s->count)
        out[len++] = s->digits[next++];
    if (s->exponent < -3 || s->exponent >= 7) {
        out[len++] = 'E';
        len += i64_print(s->exponent, out + len);
    }
    return len;
}

/* The value with `count` digits, rounded to nearest (a tie to even), straight from the C library. */
static void exact_digits(double v, int count, struct shortest *ret)
{
    char text[48];
    snprintf(text, sizeof text, "%.*e", count - 1, v);
    int n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9' && n < count)
            ret->digits[n++] = *p;
    ret->count = n;
    ret->exponent = *p == 'e' ? (int)strtol(p + 1, NULL, 10) : 0;
}

/* One unit in the last digit more. */
static void step_up(struct shortest *s)
{
    int i = s->count - 1;
    for (; i >= 0 && s->digits[i] == '9'; i--)
        s->digits[i] = '0';
    if (i >= 0) {
        s->digits[i]++;
        return;
    }
    s->digits[0] = '1'; /* 99…9 became 100…0: the same count of digits, ten times as large */
    s->exponent++;
}

/* The same out of the WIDE digits that were asked for once. They are rounded themselves, so when what is cut off looks
 * like exactly one half, the library decides. */
static void nearest_digits(const struct shortest *wide, double v, int count, struct shortest *ret)
{
    int rest = count + 1;
    while (rest < WIDE && wide->digits[rest] == '0')
        rest++;
    if (wide->digits[count] == '5' && rest == WIDE) {
        exact_digits(v, count, ret);
        return;
    }
    memcpy(ret->digits, wide->digits, (size_t)count);
    ret->count = count;
    ret->exponent = wide->exponent;
    if (wide->digits[count] >= '5')
        step_up(ret);
}

static bool reads_back(const struct shortest *s, double v, bool is_float)
{
    char text[48];
    memcpy(text, s->digits, (size_t)s->count);
    size_t len = (size_t)s->count;
    text[len++] = 'e';
    len += i64_print(s->exponent - (s->count - 1), text + len);
    text[len] = 0;
    if (is_float)
        return (double)strtof(text, NULL) == v;
    double back;
    return str_to_f64((struct str){ text, len }, &back) && back == v;
}

static void find_shortest(double v, bool is_float, struct shortest *ret)
{
    int unused, first = is_float ? 6 : 15, last = is_float ? 9 : 17;
    if (v < (is_float ? 0x1p-126 : 0x1p-1022))
        first = 2;
    bool power_of_two = frexp(v, &unused) == 0.5;
    struct shortest wide;
    exact_digits(v, WIDE, &wide);
    for (int count = first; count < last; count++) {
        nearest_digits(&wide, v, count, ret);
        if (reads_back(ret, v, is_float))
            return;
        if (power_of_two) {
            step_up(ret);
            if (reads_back(ret, v, is_float))
                return;
        }
    }
    nearest_digits(&wide, v, last, ret);
}

/* v > 0. The digits of a whole number m with `places` of them after the point. */
static void from_whole(uint64_t m, int places, struct shortest *ret)
{
    size_t n = i64_print((int64_t)m, ret->digits);
    ret->count = (int)n;
    ret->exponent = (int)n - 1 - places;
}

static bool find_short(double v, double limit, bool is_float, struct shortest *ret)
{
    static const double tens[SHORT_PLACES + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
    for (int places = 0; places <= SHORT_PLACES; places++) {
        double moved = v * tens[places];
        if (moved >= limit)
            return false;
        uint64_t m = (uint64_t)(moved + 0.5);
        if (m == 0)
            continue;
        double back = (double)m / tens[places];
        if (is_float ? (float)back == (float)v : back == v) {
            from_whole(m, places, ret);
            return true;
        }
    }
    return false;
}

static size_t print_float(double v, bool is_float, char *out)
{
    if (isnan(v)) {
        memcpy(out, "NaN", 3);
        return 3;
    }
    bool negative = signbit(v);
    if (v == 0 || isinf(v)) {
        const char *text = v == 0 ? (negative ? "-0.0" : "0.0") : (negative ? "-Infinity" : "Infinity");
        size_t len = strlen(text);
        memcpy(out, text, len);
        return len;
    }
    struct shortest s;
    v = fabs(v);
    /* 15 digits (6 for floats) keep a decimal the only one that reads back. */
    if (!find_short(v, is_float ? 1e6 : 1e15, is_float, &s))
        find_shortest(v, is_float, &s);
    strip_zeros(&s);
    return lay_out(&s, negative, out);
}

size_t f64_print(double v, char out[32])
{
    return print_float(v, false, out);
}

size_t f32_print(float v, char out[32])
{
    return print_float((double)v, true, out);
}
