/* Fuzzing decimals: texts that parse print and parse again to the same; arithmetic keeps its laws. */
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_arithmetic(int128 a, int32_t sa, int128 b, int32_t sb)
{
    int128 sum, product, quotient, rest, back;
    if (decimal_add(a, sa, b, sb, 38, sa > sb ? sa : sb, &sum)) {
        CHECK(decimal_add(sum, sa > sb ? sa : sb, -b, sb, 38, sa, &back) && back == a);
        CHECK(decimal_fits(sum, 38));
    }
    if (decimal_mul(a, sa, b, sb, 38, 6, &product))
        CHECK(decimal_mul(b, sb, a, sa, 38, 6, &back) && back == product);
    CHECK(b != 0 || !decimal_div(a, sa, b, sb, 38, 6, &quotient));
    if (decimal_div(a, sa, b, sb, 38, 6, &quotient) && decimal_div(-a, sa, b, sb, 38, 6, &back))
        CHECK(back == -quotient);
    if (decimal_mod(a, sa, b, sb, 38, sa > sb ? sa : sb, &rest)) {
        int128 magnitude = b < 0 ? -b : b;
        CHECK(decimal_compare(rest < 0 ? -rest : rest, sa > sb ? sa : sb, magnitude, sb) < 0);
        CHECK(rest == 0 || (rest < 0) == (a < 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    int32_t scale = data[0] % 39, scale_b = data[1] % 39;
    struct str s = str_make(data + 2, size - 2), left = s, right;
    left = str_split(&s, ',');
    right = s.ptr ? s : left;
    int128 a, b, again;
    char out[48];
    if (!decimal_parse(left, 38, scale, &a))
        return 0;
    CHECK(decimal_parse(str_make(out, decimal_print(a, scale, out)), 38, scale, &again) && a == again);
    (void)decimal_to_f64(a, scale);
    if (decimal_parse(right, 38, scale_b, &b))
        check_arithmetic(a, scale, b, scale_b);
    return 0;
}
