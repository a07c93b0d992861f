/* String views and text helpers. A `struct str` borrows its bytes: it owns nothing, needs no NUL and
 * may hold any byte. Names in SQL and options compare without case by ASCII only. */
#pragma once

#include <string.h>

#include "base/status.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_INIT(literal) { "" literal, sizeof(literal) - 1 }
/* For printf: "%.*s" takes STR_ARG(s). */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *cstr)
{
    return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}
static inline struct str str_make(const void *ptr, size_t len)
{
    return (struct str){ ptr, len };
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/* By bytes, shorter first on a common prefix: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first `needle` at or after `from`, or -1. */
int64_t str_find(struct str s, struct str needle, size_t from);
struct str str_trim(struct str s); /* ASCII white space on both ends */
/* Cuts `*rest` at the first `sep`; returns what stood before it. `*rest` is empty with ptr NULL after
 * the last piece. */
struct str str_split(struct str *rest, char sep);

/* Whole-string decimal integer with optional sign; false when it is no number or overflows. */
bool str_to_i64(struct str s, int64_t *ret_value);
/* Whole-string floating number in C locale (decimal, exponent; also "Infinity", "NaN"), correctly
 * rounded; too large a number is infinite, too small a one is zero, as in Java. */
bool str_to_f64(struct str s, double *ret_value);
/* A duration with a unit: "100ms", "10s", "5 min", "1h", "2 d" (default unit ms); result in ms. */
bool str_to_duration_ms(struct str s, int64_t *ret_ms);
/* A size with a unit: "64MiB", "10kb", "1 g" (KiB-style and Flink's k/m/g all mean 1024). */
bool str_to_bytes(struct str s, int64_t *ret_bytes);

/* The nearest of `count` names to `name` by edit distance without case, or an empty view when none is
 * near enough to be a likely slip. */
struct str str_nearest(struct str name, const struct str *names, size_t count);

/* UTF-8 (Unicode 15, table 3-7): */
bool utf8_valid(struct str s);
/* Byte index of the first invalid sequence, or s.len. */
size_t utf8_check(struct str s);
/* Code points; invalid bytes count one each. */
size_t utf8_length(struct str s);
/* Reads one code point at s[*pos] and advances; 0xFFFD for an invalid byte (advances by one). */
uint32_t utf8_next(struct str s, size_t *pos);
/* Writes `cp` into out[4]; returns the number of bytes. What is no character is written as U+FFFD. */
size_t utf8_put(uint32_t cp, char out[4]);
/* Simple (one to one) case mapping for every script that has cases; others unchanged. */
uint32_t utf8_upper(uint32_t cp);
uint32_t utf8_lower(uint32_t cp);
