/* String views: comparing, cutting, reading numbers, durations and sizes, and the nearest name.
 *
 * Floating numbers are checked against our own grammar first (decimal only, so no hex floats, no
 * "inf", no locale). Up to 2^53 in the digits and 10^22 in the exponent both are exact doubles and one
 * multiplication or division rounds once: that is exact (Clinger's fast path). The rest goes to strtod
 * as "digits e exponent", which has no decimal point and thus no locale. A double's rounding can
 * depend on at most 767 significant digits; of a longer number we keep 800 and put a 1 behind them
 * when any digit left out is not zero.
 *
 * Looking for a text in a text compares its first and last byte at sixteen places at once (W. Mula, "SIMD-friendly
 * algorithms for substring searching"); where they tell too little the C library's linear search goes on.
 *
 * str_nearest is the restricted Damerau distance (insert, delete, replace, swap neighbours), three
 * rows at a time on the stack, for names of up to 64 bytes. */
#define _GNU_SOURCE /* memmem */
#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned char fold(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.ptr[i]) != fold(b.ptr[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_make(s.ptr, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    if (s.len < suffix.len)
        return false;
    return suffix.len == 0 || memcmp(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len) == 0;
}

#ifdef __SSE2__
enum { FIND_MISSES = 32 }; /* candidates that were none, before somebody else goes on */

/* `n` bytes, at least 15 more than the needle's 2 or more. */
static const char *find_by_ends(const char *p, size_t n, struct str needle)
{
    const __m128i first = _mm_set1_epi8(needle.ptr[0]), last = _mm_set1_epi8(needle.ptr[needle.len - 1]);
    size_t places = n - needle.len + 1, misses = 0;
    for (size_t i = 0; i < places; i += 16) {
        if (i > places - 16) /* the last sixteen again, as far as they are new */
            i = places - 16;
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + i + needle.len - 1));
        uint32_t both = (uint32_t)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));
        for (; both; both &= both - 1) {
            const char *hit = p + i + __builtin_ctz(both);
            if (memcmp(hit + 1, needle.ptr + 1, needle.len - 2) == 0)
                return hit;
            if (++misses > FIND_MISSES)
                return memmem(hit, n - (size_t)(hit - p), needle.ptr, needle.len);
        }
    }
    return NULL;
}
#endif

int64_t str_find(struct str s, struct str needle, size_t from)
{
    if (from > s.len || needle.len > s.len - from)
        return -1;
    if (needle.len == 0)
        return (int64_t)from;
    const char *hit;
#ifdef __SSE2__
    if (needle.len > 1 && s.len - from >= needle.len + 15)
        hit = find_by_ends(s.ptr + from, s.len - from, needle);
    else
#endif
        hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit ? hit - s.ptr : -1;
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_split(struct str *rest, char sep)
{
    const char *hit = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
    struct str piece = *rest;
    if (!hit) {
        *rest = (struct str){ 0 };
        return piece;
    }
    piece.len = (size_t)(hit - rest->ptr);
    *rest = (struct str){ hit + 1, rest->len - piece.len - 1 };
    return piece;
}

/* Digits of s from *at on, as a number of at most `max`; false when there are none or it is larger. */
static bool scan_u64(struct str s, size_t *at, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    size_t i = *at;
    for (; i < s.len && is_digit(s.ptr[i]); i++) {
        unsigned digit = (unsigned)(s.ptr[i] - '0');
        if (v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (i == *at)
        return false;
    *at = i;
    *ret = v;
    return true;
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    size_t at = 0;
    bool minus = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        at = 1;
    uint64_t v;
    if (!scan_u64(s, &at, (uint64_t)INT64_MAX + minus, &v) || at != s.len)
        return false;
    *ret_value = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

#define DIGITS_KEPT 800u
#define EXPONENT_MAX ((int64_t)1 << 50) /* beyond any length that a text can have */

/* A decimal number taken apart: ±digits × 10^exponent, the digits as a whole number. */
struct decimal_text {
    bool minus;
    bool sticky;    /* a digit that was left out is not zero */
    uint32_t count; /* significant digits kept */
    uint64_t value; /* of the digits, while count <= 19 */
    int64_t exponent;
    char digits[DIGITS_KEPT + 32]; /* room for the sticky digit and "e-12345" */
};

/* Takes the digits of s from `at` on; `fraction` says that they stand behind the point. */
static size_t scan_digits(struct str s, size_t at, bool fraction, struct decimal_text *d)
{
    for (; at < s.len && is_digit(s.ptr[at]); at++) {
        char c = s.ptr[at];
        if (c == '0' && d->count == 0) {
            d->exponent -= fraction;
        } else if (d->count < DIGITS_KEPT) {
            d->digits[d->count++] = c;
            d->value = d->value * 10 + (unsigned)(c - '0');
            d->exponent -= fraction;
        } else {
            d->sticky |= c != '0';
            d->exponent += !fraction;
        }
    }
    return at;
}

static bool scan_exponent(struct str s, size_t at, struct decimal_text *d)
{
    if (at == s.len)
        return true;
    if (fold(s.ptr[at]) != 'e')
        return false;
    at++;
    bool minus = at < s.len && s.ptr[at] == '-';
    if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+'))
        at++;
    size_t from = at;
    int64_t e = 0;
    for (; at < s.len && is_digit(s.ptr[at]); at++)
        if (e < EXPONENT_MAX)
            e = e * 10 + (s.ptr[at] - '0');
    d->exponent += minus ? -e : e;
    return at > from && at == s.len;
}

static double decimal_slow(struct decimal_text *d)
{
    if (d->sticky) {
        d->digits[d->count++] = '1';
        d->exponent--;
    }
    int64_t magnitude = d->exponent + d->count;
    if (magnitude > 400)
        return HUGE_VAL;
    if (magnitude < -400)
        return 0;
    snprintf(d->digits + d->count, sizeof d->digits - d->count, "e%d", (int)d->exponent);
    return strtod(d->digits, NULL);
}

bool str_to_f64(struct str s, double *ret_value)
{
    static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    if (s.len == 0)
        return false;
    struct decimal_text d;
    d.sticky = false;
    d.count = 0;
    d.value = 0;
    d.exponent = 0;
    d.minus = s.ptr[0] == '-';
    size_t from = s.ptr[0] == '-' || s.ptr[0] == '+';
    struct str word = { s.ptr + from, s.len - from };
    double v;
    if (str_eq(word, STR("Infinity"))) {
        v = HUGE_VAL;
    } else if (str_eq(word, STR("NaN"))) {
        *ret_value = NAN;
        return true;
    } else {
        size_t at = scan_digits(s, from, false, &d);
        size_t seen = at - from;
        if (at < s.len && s.ptr[at] == '.') {
            size_t point = at + 1;
            at = scan_digits(s, point, true, &d);
            seen += at - point;
        }
        if (seen == 0 || !scan_exponent(s, at, &d))
            return false;
        if (d.count == 0)
            v = 0;
        else if (d.count <= 19 && d.value <= (uint64_t)1 << 53 && d.exponent >= -22 && d.exponent <= 22)
            v = d.exponent < 0 ? (double)d.value / tens[-d.exponent] : (double)d.value * tens[d.exponent];
        else
            v = decimal_slow(&d);
    }
    *ret_value = d.minus ? -v : v;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* "number unit" with optional white space; `units[0]` is the one meant when there is none. */
static bool scan_quantity(struct str s, const struct unit *units, size_t count, int64_t divisor, int64_t *ret)
{
    s = str_trim(s);
    size_t at = 0;
    uint64_t v;
    if (!scan_u64(s, &at, INT64_MAX, &v))
        return false;
    struct str name = str_trim(str_make(s.ptr + at, s.len - at));
    for (size_t i = 0; i < count; i++) {
        if (!(name.len == 0 && i == 0) && !str_eq_nocase(name, str_from(units[i].name)))
            continue;
        int64_t total;
        if (units[i].factor % divisor == 0) {
            if (__builtin_mul_overflow((int64_t)v, units[i].factor / divisor, &total))
                return false;
        } else {
            /* A unit smaller than what we count in: whole ones only. */
            int64_t per = divisor / units[i].factor;
            if ((int64_t)v % per != 0)
                return false;
            total = (int64_t)v / per;
        }
        *ret = total;
        return true;
    }
    return false;
}

bool str_to_duration_ms(struct str s, int64_t *ret_ms)
{
    enum { NS = 1, US = 1000, MS = 1000 * US };
    static const int64_t second = 1000LL * MS, minute = 60000LL * MS, hour = 3600000LL * MS, day = 86400000LL * MS;
    const struct unit units[] = {
        { "ms", MS },          { "milli", MS },       { "millis", MS },         { "millisecond", MS },
        { "milliseconds", MS },{ "s", second },       { "sec", second },        { "secs", second },
        { "second", second },  { "seconds", second }, { "m", minute },          { "min", minute },
        { "mins", minute },    { "minute", minute },  { "minutes", minute },    { "h", hour },
        { "hour", hour },      { "hours", hour },     { "d", day },             { "day", day },
        { "days", day },       { "us", US },          { "\xc2\xb5s", US },      { "micro", US },
        { "micros", US },      { "microsecond", US }, { "microseconds", US },   { "ns", NS },
        { "nano", NS },        { "nanos", NS },       { "nanosecond", NS },     { "nanoseconds", NS },
    };
    return scan_quantity(s, units, sizeof units / sizeof units[0], MS, ret_ms);
}

bool str_to_bytes(struct str s, int64_t *ret_bytes)
{
    static const int64_t k = 1 << 10, m = 1 << 20, g = 1 << 30, t = (int64_t)1 << 40;
    const struct unit units[] = {
        { "b", 1 },  { "byte", 1 }, { "bytes", 1 }, { "k", k },         { "kb", k },        { "kib", k },
        { "m", m },  { "mb", m },   { "mib", m },   { "g", g },         { "gb", g },        { "gib", g },
        { "t", t },  { "tb", t },   { "tib", t },   { "kibibytes", k }, { "mebibytes", m }, { "gibibytes", g },
        { "tebibytes", t },
    };
    return scan_quantity(s, units, sizeof units / sizeof units[0], 1, ret_bytes);
}

#define NEAREST_MAX_BYTES 64u

static uint32_t least3(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static uint32_t distance(struct str a, struct str b)
{
    uint32_t rows[3][NEAREST_MAX_BYTES + 1];
    uint32_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (uint32_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (uint32_t i = 1; i <= a.len; i++) {
        now[0] = i;
        for (uint32_t j = 1; j <= b.len; j++) {
            uint32_t differ = fold(a.ptr[i - 1]) != fold(b.ptr[j - 1]);
            now[j] = least3(last[j] + 1, now[j - 1] + 1, last[j - 1] + differ);
            if (i > 1 && j > 1 && fold(a.ptr[i - 1]) == fold(b.ptr[j - 2]) &&
                fold(a.ptr[i - 2]) == fold(b.ptr[j - 1]) && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        uint32_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

struct str str_nearest(struct str name, const struct str *names, size_t count)
{
    struct str best = { 0 };
    uint32_t best_distance = UINT32_MAX;
    if (name.len == 0 || name.len > NEAREST_MAX_BYTES)
        return best;
    for (size_t i = 0; i < count; i++) {
        if (names[i].len == 0 || names[i].len > NEAREST_MAX_BYTES)
            continue;
        size_t longer = names[i].len > name.len ? names[i].len : name.len;
        size_t apart = longer - (names[i].len < name.len ? names[i].len : name.len);
        /* One slip in every three letters, but never every letter of a short name. */
        size_t most = (longer + 1) / 3;
        if (apart > most)
            continue;
        uint32_t d = distance(name, names[i]);
        if (d <= most && d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
