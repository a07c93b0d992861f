/* Decimals: unscaled int128 with a scale from the type. Intermediates are 256 bits where they must be.
 * Rules follow Flink's (Java BigDecimal, HALF_UP); a result that does not fit its precision is reported and
 * becomes NULL at the caller. */
#pragma once

#include "data/type.h"

typedef __int128 int128; /* the only scalar typedef of the house */

int128 decimal_pow10(int32_t n); /* 0 <= n <= 38 */
/* |v| < 10^precision */
bool decimal_fits(int128 v, int32_t precision);
/* Moves from one scale to another, rounding half away from zero; false when it does not fit `precision`. */
bool decimal_rescale(int128 v, int32_t from_scale, int32_t to_scale, int32_t precision, int128 *ret);
/* Towards zero. */
bool decimal_rescale_down(int128 v, int32_t from_scale, int32_t to_scale, int32_t precision, int128 *ret);
/* a, b at their scales; the result at `scale`, rounded half up, false when beyond `precision` (div: or b = 0). */
bool decimal_add(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret);
bool decimal_mul(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret);
bool decimal_div(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret);
bool decimal_mod(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret);
int decimal_compare(int128 a, int32_t sa, int128 b, int32_t sb);
/* Text: optional sign, digits, point, exponent. Rounds half up to `scale`. false: no number or too large. */
bool decimal_parse(struct str s, int32_t precision, int32_t scale, int128 *ret);
/* Always `scale` digits after the point. At most 41 bytes; returns the length. */
size_t decimal_print(int128 v, int32_t scale, char out[48]);
double decimal_to_f64(int128 v, int32_t scale);
bool decimal_from_f64(double d, int32_t precision, int32_t scale, int128 *ret);
/* Integer part towards zero; false beyond int64. */
bool decimal_to_i64(int128 v, int32_t scale, int64_t *ret);

/* Types of results, as Flink's LogicalTypeMerging. op: '+', '*', '/', '%'. */
void decimal_result(char op, int32_t p1, int32_t s1, int32_t p2, int32_t s2, int32_t *ret_p, int32_t *ret_s);

/* Unscaled value of a DECIMAL column's row, whatever its width. */
int128 decimal_get(const struct type *t, const void *data, uint32_t row);
void decimal_put(const struct type *t, void *data, uint32_t row, int128 v);
