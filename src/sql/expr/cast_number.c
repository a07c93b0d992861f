/* Casts among BOOLEAN, integers, FLOAT, DOUBLE and DECIMAL, as Java's: integers wrap, floats saturate towards an
 * integer (and wrap from int to the smaller kinds), NaN is 0; a DECIMAL that does not fit is NULL. */
#include <math.h>

#include "expr/expr_private.h"

static inline int64_t f64_to_i64(double d)
{
    if (d != d)
        return 0;
    return d >= 9223372036854775808.0 ? INT64_MAX : d <= -9223372036854775808.0 ? INT64_MIN : (int64_t)d;
}
static inline int32_t f64_to_i32(double d)
{
    if (d != d)
        return 0;
    return d >= 2147483647.0 ? INT32_MAX : d <= -2147483648.0 ? INT32_MIN : (int32_t)d;
}

#define CONVERT(NAME, FROM, TO, CALC)                              \
    static enum status NAME(struct kernel *k)                      \
    {                                                              \
        uint32_t m = k->args[0].mask;                              \
        if (!k->rows && m) {                                       \
            for (uint32_t r = 0; r < k->n; r++) {                  \
                __typeof__(k->args[0].col->FROM[0]) v = k->args[0].col->FROM[r]; \
                k->out->TO[r] = CALC;                              \
            }                                                      \
            return ST_OK;                                          \
        }                                                          \
        EACH_ROW(k, r)                                             \
        {                                                          \
            __typeof__(k->args[0].col->FROM[0]) v = k->args[0].col->FROM[r & m]; \
            k->out->TO[r] = CALC;                                  \
        }                                                          \
        return ST_OK;                                              \
    }

/* Sources: b(ool), i(32), l (i64), f(32), d (f64). */
#define FROM_ALL(TO_NAME, TO, FROM_INT, FROM_FLOAT)   \
    CONVERT(b_to_##TO_NAME, b, TO, FROM_INT)          \
    CONVERT(i_to_##TO_NAME, i32, TO, FROM_INT)        \
    CONVERT(l_to_##TO_NAME, i64, TO, FROM_INT)        \
    CONVERT(f_to_##TO_NAME, f32, TO, FROM_FLOAT)      \
    CONVERT(d_to_##TO_NAME, f64, TO, FROM_FLOAT)
FROM_ALL(bool, b, v != 0, v != 0)
FROM_ALL(i8, i32, (int8_t)v, (int8_t)f64_to_i32((double)v))
FROM_ALL(i16, i32, (int16_t)v, (int16_t)f64_to_i32((double)v))
FROM_ALL(i32, i32, (int32_t)v, f64_to_i32((double)v))
FROM_ALL(i64, i64, (int64_t)v, f64_to_i64((double)v))
FROM_ALL(f32, f32, (float)v, (float)v)
FROM_ALL(f64, f64, (double)v, (double)v)

/* The whole part, wrapped to 64 bits. */
static int64_t decimal_whole(const struct kernel *k, uint32_t r)
{
    const struct type *t = k->args[0].col->type->kind == TYPE_DECIMAL ? k->expr->args[0]->type : NULL;
    if (!t)
        t = k->expr->args[0]->type;
    return (int64_t)(uint64_t)(decimal_get(t, k->args[0].col->data, r & k->args[0].mask) / decimal_pow10(t->scale));
}
static enum status decimal_to_number(struct kernel *k)
{
    const struct type *from = k->expr->args[0]->type, *to = k->expr->type;
    EACH_ROW(k, r)
    {
        switch (to->kind) {
        case TYPE_BOOLEAN:
            k->out->b[r] = decimal_get(from, k->args[0].col->data, r & k->args[0].mask) != 0;
            break;
        case TYPE_TINYINT:
            k->out->i32[r] = (int8_t)decimal_whole(k, r);
            break;
        case TYPE_SMALLINT:
            k->out->i32[r] = (int16_t)decimal_whole(k, r);
            break;
        case TYPE_INT:
            k->out->i32[r] = (int32_t)decimal_whole(k, r);
            break;
        case TYPE_BIGINT:
            k->out->i64[r] = decimal_whole(k, r);
            break;
        case TYPE_FLOAT:
            k->out->f32[r] = (float)decimal_to_f64(decimal_get(from, k->args[0].col->data, r & k->args[0].mask),
                from->scale);
            break;
        default:
            k->out->f64[r] = decimal_to_f64(decimal_get(from, k->args[0].col->data, r & k->args[0].mask), from->scale);
            break;
        }
    }
    return ST_OK;
}

static enum status put_decimal(struct kernel *k, uint32_t r, bool ok, int128 v)
{
    if (ok)
        decimal_put(k->expr->type, k->out->data, r, v);
    else
        column_set_null(k->out, r);
    return ST_OK;
}

/* The usual cases by themselves, in 64 bits: to a scale with `more` digits, or one with `fewer`. */
static enum status widen_narrow(struct kernel *k, int32_t more)
{
    const struct type *to = k->expr->type;
    int64_t factor = (int64_t)decimal_pow10(more), limit = (int64_t)decimal_pow10(to->precision - more);
    bool room = to->precision - to->scale >= k->expr->args[0]->type->precision - k->expr->args[0]->type->scale;
    const int64_t *from = k->args[0].col->i64;
    uint32_t mask = k->args[0].mask;
    EACH_ROW(k, r)
    {
        int64_t v = from[r & mask];
        k->out->i64[r] = (int64_t)((uint64_t)v * (uint64_t)factor);
        if (!room && (v >= limit || v <= -limit))
            column_set_null(k->out, r);
    }
    return ST_OK;
}
static enum status round_narrow(struct kernel *k, int32_t fewer)
{
    struct divisor unit = divisor_of((uint64_t)decimal_pow10(fewer));
    int64_t limit = (int64_t)decimal_pow10(k->expr->type->precision), half = (int64_t)(unit.by / 2);
    EACH_ROW(k, r)
    {
        int64_t v = arg_i64(k, 0, r), whole = divide(&unit, v);
        int64_t rest = (int64_t)((uint64_t)v - (uint64_t)whole * unit.by);
        whole += (rest >= half) - (rest <= -half);
        k->out->i64[r] = whole;
        if (whole >= limit || whole <= -limit)
            column_set_null(k->out, r);
    }
    return ST_OK;
}

static enum status decimal_to_decimal(struct kernel *k)
{
    const struct type *from = k->expr->args[0]->type, *to = k->expr->type;
    int32_t more = to->scale - from->scale;
    if (type_phys(from) == PHYS_I64 && type_phys(to) == PHYS_I64) {
        if (more >= 0 && more <= to->precision)
            return widen_narrow(k, more);
        if (more < 0 && more >= -18)
            return round_narrow(k, -more);
    }
    EACH_ROW(k, r)
    {
        int128 v = 0;
        bool ok = decimal_rescale(decimal_get(from, k->args[0].col->data, r & k->args[0].mask), from->scale, to->scale,
                                  to->precision, &v);
        TRY(put_decimal(k, r, ok, v));
    }
    return ST_OK;
}

static enum status integer_to_decimal(struct kernel *k)
{
    const struct type *from = k->expr->args[0]->type, *to = k->expr->type;
    int128 factor = decimal_pow10(to->scale), limit = decimal_pow10(to->precision - to->scale);
    EACH_ROW(k, r)
    {
        int128 v = from->kind == TYPE_BOOLEAN ? arg_bool(k, 0, r) : arg_integer(k, 0, r);
        TRY(put_decimal(k, r, v < limit && v > -limit, v * (v < limit && v > -limit ? factor : 0)));
    }
    return ST_OK;
}

static enum status float_to_decimal(struct kernel *k)
{
    const struct type *to = k->expr->type;
    bool narrow = type_phys(k->expr->args[0]->type) == PHYS_F32;
    EACH_ROW(k, r)
    {
        int128 v = 0;
        bool ok;
        if (narrow) { /* Java goes by the float's text: 1.1f is 1.1 */
            char text[32];
            size_t n = f32_print(k->args[0].col->f32[r & k->args[0].mask], text);
            ok = decimal_parse(str_make(text, n), to->precision, to->scale, &v);
        } else {
            ok = decimal_from_f64(arg_f64(k, 0, r), to->precision, to->scale, &v);
        }
        TRY(put_decimal(k, r, ok, v));
    }
    return ST_OK;
}

kernel_fn *cast_number_pick(const struct type *from, const struct type *to)
{
#define ROW_OF(S) { b_to_##S, i_to_##S, l_to_##S, f_to_##S, d_to_##S }
    static kernel_fn *const kernels[TYPE_KINDS][5] = {
        [TYPE_BOOLEAN] = ROW_OF(bool), [TYPE_TINYINT] = ROW_OF(i8), [TYPE_SMALLINT] = ROW_OF(i16),
        [TYPE_INT] = ROW_OF(i32),      [TYPE_BIGINT] = ROW_OF(i64), [TYPE_FLOAT] = ROW_OF(f32),
        [TYPE_DOUBLE] = ROW_OF(f64),
    };
    static const int8_t source[PHYS_COUNT] = { [PHYS_BOOL] = 0, [PHYS_I32] = 1, [PHYS_I64] = 2, [PHYS_F32] = 3,
                                               [PHYS_F64] = 4 };
    if (from->kind == TYPE_DECIMAL)
        return to->kind == TYPE_DECIMAL ? decimal_to_decimal : decimal_to_number;
    if (to->kind == TYPE_DECIMAL)
        return from->kind == TYPE_FLOAT || from->kind == TYPE_DOUBLE ? float_to_decimal : integer_to_decimal;
    return kernels[to->kind][source[type_phys(from)]];
}
