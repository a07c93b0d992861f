/* Numbers: rounding by type, powers, logarithms, trigonometry. Functions of doubles are rows of one table and one
 * loop. */
#include <math.h>

#include "expr/expr_private.h"

/* ---- functions of one double ---- */

#define UNARY(NAME, CALC)                                      \
    static enum status NAME(struct kernel *k)                  \
    {                                                          \
        EACH_ROW(k, r)                                         \
        {                                                      \
            double x = arg_f64(k, 0, r);                       \
            k->out->f64[r] = CALC;                             \
        }                                                      \
        return ST_OK;                                          \
    }
UNARY(f_sqrt, sqrt(x))
UNARY(f_exp, exp(x))
UNARY(f_ln, log(x))
UNARY(f_log10, log10(x))
UNARY(f_log2, log(x) / log(2.0)) /* as Java computes it */
UNARY(f_sin, sin(x))
UNARY(f_cos, cos(x))
UNARY(f_tan, tan(x))
UNARY(f_cot, 1.0 / tan(x))
UNARY(f_asin, asin(x))
UNARY(f_acos, acos(x))
UNARY(f_atan, atan(x))
UNARY(f_sinh, sinh(x))
UNARY(f_cosh, cosh(x))
UNARY(f_tanh, tanh(x))
UNARY(f_degrees, x * 57.29577951308232)
UNARY(f_radians, x * 0.017453292519943295)

static enum status f_power(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->f64[r] = pow(arg_f64(k, 0, r), arg_f64(k, 1, r));
    return ST_OK;
}
static enum status f_atan2(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->f64[r] = atan2(arg_f64(k, 0, r), arg_f64(k, 1, r));
    return ST_OK;
}
/* LOG(x) is natural, LOG(base, x) is to a base. */
static enum status f_log(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->f64[r] = k->n_args == 1 ? log(arg_f64(k, 0, r)) : log(arg_f64(k, 1, r)) / log(arg_f64(k, 0, r));
    return ST_OK;
}
static enum status f_e(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->f64[r] = 2.718281828459045;
    return ST_OK;
}
static enum status f_pi(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->f64[r] = 3.141592653589793;
    return ST_OK;
}

/* ---- ABS, SIGN: of every number's own type ---- */

/* Integers, and decimals of that width: `one` is the type's 1. */
#define BY_SIGN_INTEGER(NAME, MEMBER, TYPE, UTYPE)                                       \
    static inline TYPE abs_##MEMBER(TYPE v)                                              \
    {                                                                                    \
        UTYPE sign = (UTYPE)(v >> (8 * sizeof v - 1));                                   \
        return (TYPE)(((UTYPE)v ^ sign) - sign);                                         \
    }                                                                                    \
    static void NAME(struct kernel *k, bool sign, TYPE one)                              \
    {                                                                                    \
        const TYPE *from = k->args[0].col->MEMBER;                                       \
        TYPE *out = k->out->MEMBER;                                                      \
        uint32_t mask = k->args[0].mask;                                                 \
        if (sign)                                                                        \
            EACH_ROW(k, r)                                                               \
            out[r] = ((from[r & mask] > 0) - (from[r & mask] < 0)) * one;                \
        else if (!k->rows && mask)                                                       \
            for (uint32_t r = 0; r < k->n; r++)                                          \
                out[r] = abs_##MEMBER(from[r]);                                          \
        else                                                                             \
            EACH_ROW(k, r)                                                               \
            out[r] = abs_##MEMBER(from[r & mask]);                                       \
    }
BY_SIGN_INTEGER(by_sign_i32, i32, int32_t, uint32_t)
BY_SIGN_INTEGER(by_sign_i64, i64, int64_t, uint64_t)
BY_SIGN_INTEGER(by_sign_i128, i128, int128, unsigned __int128)

static void by_sign_float(struct kernel *k, bool sign)
{
    const struct column *a = k->args[0].col;
    bool narrow = k->expr->type->kind == TYPE_FLOAT;
    EACH_ROW(k, r)
    {
        double v = narrow ? (double)a->f32[r & k->args[0].mask] : a->f64[r & k->args[0].mask];
        double out = !sign ? fabs(v) : v > 0 ? 1 : v < 0 ? -1 : v;
        if (narrow)
            k->out->f32[r] = (float)out;
        else
            k->out->f64[r] = out;
    }
}

static enum status by_sign(struct kernel *k, bool sign)
{
    const struct type *t = k->expr->type;
    int128 one = t->kind != TYPE_DECIMAL ? 1 : t->scale < t->precision ? decimal_pow10(t->scale) : 0;
    switch (type_phys(t)) {
    case PHYS_F32:
    case PHYS_F64:
        by_sign_float(k, sign);
        break;
    case PHYS_I128:
        by_sign_i128(k, sign, one);
        break;
    case PHYS_I64:
        by_sign_i64(k, sign, (int64_t)one);
        break;
    default:
        by_sign_i32(k, sign, (int32_t)one);
        EACH_ROW(k, r) /* the least TINYINT and SMALLINT stay what they are */
        k->out->i32[r] = t->kind == TYPE_TINYINT    ? (int8_t)k->out->i32[r]
                         : t->kind == TYPE_SMALLINT ? (int16_t)k->out->i32[r]
                                                    : k->out->i32[r];
        break;
    }
    return ST_OK;
}
static enum status f_abs(struct kernel *k) { return by_sign(k, false); }
static enum status f_sign(struct kernel *k) { return by_sign(k, true); }

/* ---- FLOOR, CEIL, ROUND, TRUNCATE ---- */

enum rounding { FLOOR, CEIL, ROUND, TRUNCATE };

/* v without its last `digits` digits, put back as zeros unless `drop`. */
static int128 round_digits(int128 v, int32_t digits, enum rounding how, bool drop)
{
    if (digits <= 0)
        return v;
    if (digits > 38)
        return 0;
    int128 unit = decimal_pow10(digits), whole = v / unit, rest = v % unit;
    if (how == ROUND && (rest >= unit - rest || -rest >= unit + rest))
        whole += v < 0 ? -1 : 1;
    if (how == FLOOR && rest < 0)
        whole--;
    if (how == CEIL && rest > 0)
        whole++;
    return drop ? whole : whole * unit;
}

/* v / unit, rounded. */
static inline int64_t round_by(const struct divisor *unit, int64_t v, enum rounding how)
{
    int64_t whole = divide(unit, v), half = (int64_t)(unit->by / 2);
    int64_t rest = (int64_t)((uint64_t)v - (uint64_t)whole * unit->by);
    return whole + (how == ROUND   ? (rest >= half) - (rest <= -half)
                    : how == FLOOR ? -(rest < 0)
                    : how == CEIL  ? (rest > 0)
                                   : 0);
}

/* The usual case by itself: constant digits, 64 bits. The last `cut` digits go, `back` zeros come; `room`: the result's
 * type has room for every value. */
static enum status round_narrow(struct kernel *k, enum rounding how, int32_t cut, int32_t back, bool room)
{
    struct divisor unit = divisor_of((uint64_t)decimal_pow10(cut));
    int64_t zeros = (int64_t)decimal_pow10(back), limit = (int64_t)decimal_pow10(k->expr->type->precision);
    int64_t *restrict to = k->out->i64;
    if (room && back == 0) {
        EACH_ROW(k, r)
        to[r] = round_by(&unit, arg_i64(k, 0, r), how);
        return ST_OK;
    }
    EACH_ROW(k, r)
    {
        int64_t out;
        if (!__builtin_mul_overflow(round_by(&unit, arg_i64(k, 0, r), how), zeros, &out) && out < limit && out > -limit)
            to[r] = out;
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}

static enum status round_decimal(struct kernel *k, enum rounding how)
{
    const struct type *from = k->expr->args[0]->type, *to = k->expr->type;
    if (type_phys(from) == PHYS_I64 && type_phys(to) == PHYS_I64 && (k->n_args == 1 || arg_is_constant(k, 1))) {
        int64_t places = how == FLOOR || how == CEIL || k->n_args == 1 ? 0 : arg_i32(k, 1, 0);
        int64_t cut = from->scale - places, back = cut - (from->scale - to->scale);
        if (cut > 0 && cut <= 18 && back >= 0 && from->scale >= to->scale)
            return round_narrow(k, how, (int32_t)cut, (int32_t)back,
                                to->precision - to->scale > from->precision - from->scale);
    }
    EACH_ROW(k, r)
    {
        int128 v = decimal_get(from, k->args[0].col->data, r & k->args[0].mask);
        int32_t to_scale = k->n_args > 1 ? arg_i32(k, 1, r) : 0;
        if (how == FLOOR || how == CEIL)
            to_scale = 0;
        int64_t cut = (int64_t)from->scale - to_scale;
        if (cut > 0)
            v = round_digits(v, cut > 39 ? 39 : (int32_t)cut, how, false);
        /* now to the result's scale, which is never finer than what is left */
        bool fits = decimal_rescale(v, from->scale, to->scale, to->precision, &v);
        if (fits)
            decimal_put(to, k->out->data, r, v);
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}

/* As Java's new BigDecimal(x's text).setScale(): the decimal digits that are printed are what is rounded. */
static double round_double(const char *digits, size_t n, double x, int32_t places, enum rounding how)
{
    if (!(fabs(x) < 1e300) || places > 300)
        return x;
    int128 v;
    for (int32_t scale = 18; scale >= 0; scale -= 6) {
        if (scale < places)
            return x;
        if (!decimal_parse(str_make(digits, n), 38, scale, &v))
            continue;
        v = round_digits(v, scale - places > 39 ? 39 : scale - places, how, false);
        char text[48];
        double out = x;
        size_t len = decimal_print(v, scale, text);
        return str_to_f64(str_make(text, len), &out) ? out : x;
    }
    return x;
}

static enum status round_float(struct kernel *k, enum rounding how)
{
    bool narrow = k->expr->type->kind == TYPE_FLOAT;
    EACH_ROW(k, r)
    {
        uint32_t at = r & k->args[0].mask;
        double x = narrow ? (double)k->args[0].col->f32[at] : k->args[0].col->f64[at];
        double out;
        if (how == FLOOR || how == CEIL) {
            out = how == FLOOR ? floor(x) : ceil(x);
        } else {
            char text[32];
            size_t n = narrow ? f32_print((float)x, text) : f64_print(x, text);
            out = round_double(text, n, x, k->n_args > 1 ? arg_i32(k, 1, r) : 0, how);
        }
        if (narrow)
            k->out->f32[r] = (float)out;
        else
            k->out->f64[r] = out;
    }
    return ST_OK;
}

static enum status round_integer(struct kernel *k, enum rounding how)
{
    bool wide = type_phys(k->expr->type) == PHYS_I64;
    EACH_ROW(k, r)
    {
        int64_t v = wide ? arg_i64(k, 0, r) : arg_i32(k, 0, r);
        int32_t places = k->n_args > 1 ? arg_i32(k, 1, r) : 0;
        if (places < 0)
            v = (int64_t)round_digits(v, places < -39 ? 39 : -places, how, false);
        if (wide)
            k->out->i64[r] = v;
        else
            k->out->i32[r] = (int32_t)v;
    }
    return ST_OK;
}

static enum status round_any(struct kernel *k, enum rounding how)
{
    const struct type *t = k->expr->args[0]->type;
    if (t->kind == TYPE_DECIMAL)
        return round_decimal(k, how);
    return t->kind == TYPE_FLOAT || t->kind == TYPE_DOUBLE ? round_float(k, how) : round_integer(k, how);
}
static enum status f_floor(struct kernel *k) { return round_any(k, FLOOR); }
static enum status f_ceil(struct kernel *k) { return round_any(k, CEIL); }
static enum status f_round(struct kernel *k) { return round_any(k, ROUND); }
static enum status f_truncate(struct kernel *k) { return round_any(k, TRUNCATE); }

static const struct function floor_number = { .name = "FLOOR", .flags = FN_STRICT, .kernel = f_floor };
static const struct function ceil_number = { .name = "CEIL", .flags = FN_STRICT, .kernel = f_ceil };

/* FLOOR and CEIL of numbers here; of dates to a unit in functions_time.c. */
static enum status resolve_floor(struct call *c)
{
    bool floor_it = c->function->name[0] == 'F';
    if (c->n_args == 2) {
        c->function = floor_it ? &function_floor_time : &function_ceil_time;
        return c->function->resolve(c);
    }
    TRY(resolve_types(c, "n="));
    c->function = floor_it ? &floor_number : &ceil_number;
    const struct type *t = c->args[0]->type;
    if (t->kind == TYPE_DECIMAL)
        t = type_decimal(c->env->arena, t->precision, 0);
    c->type = call_nullable_by_args(c, t);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* ROUND(DECIMAL(p, s), n): Flink's type has one more digit before the point where rounding may carry, and n digits
 * after it; when n is no constant, s. So has TRUNCATE. */
static enum status resolve_round(struct call *c)
{
    const struct type *t = c->args[0]->type;
    int64_t places = 0;
    if (t->kind == TYPE_DECIMAL) {
        bool known = c->n_args == 1 || literal_integer(c->args[1], &places);
        int32_t p = t->precision, s = t->scale;
        if (known && places < s) {
            /* LogicalTypeMerging.findRoundDecimalType */
            int32_t whole = p - s + 1, scale = places < 0 ? 0 : (int32_t)places;
            t = type_decimal(c->env->arena, whole + scale > 38 ? 38 : whole + scale, scale);
        }
    }
    c->type = call_nullable_by_args(c, t);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status resolve_power(struct call *c) { return resolve_types(c, "dd=d"); }

#define EASY (FN_STRICT | FN_TOTAL)
#define DOUBLE1(NAME, HELP, KERNEL)                                                                          \
    { .name = NAME, .signature = NAME "(number)", .help = HELP, .example = NAME "(0.5)", .types = "d=d",     \
      .flags = EASY, .kernel = KERNEL }
#define MATH(NAME, SIGNATURE, HELP, EXAMPLE, TYPES, KERNEL)                                                 \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = EXAMPLE, .types = TYPES, .flags = EASY, \
      .kernel = KERNEL }

const struct function functions_math[] = {
    DOUBLE1("SQRT", "The square root.", f_sqrt),
    DOUBLE1("EXP", "e to a power.", f_exp),
    DOUBLE1("LN", "The natural logarithm.", f_ln),
    DOUBLE1("LOG10", "The logarithm to 10.", f_log10),
    DOUBLE1("LOG2", "The logarithm to 2.", f_log2),
    DOUBLE1("SIN", "Sine.", f_sin),
    DOUBLE1("COS", "Cosine.", f_cos),
    DOUBLE1("TAN", "Tangent.", f_tan),
    DOUBLE1("COT", "Cotangent.", f_cot),
    DOUBLE1("ASIN", "Arc sine.", f_asin),
    DOUBLE1("ACOS", "Arc cosine.", f_acos),
    DOUBLE1("ATAN", "Arc tangent.", f_atan),
    DOUBLE1("SINH", "Hyperbolic sine.", f_sinh),
    DOUBLE1("COSH", "Hyperbolic cosine.", f_cosh),
    DOUBLE1("TANH", "Hyperbolic tangent.", f_tanh),
    DOUBLE1("DEGREES", "Radians in degrees.", f_degrees),
    DOUBLE1("RADIANS", "Degrees in radians.", f_radians),
    MATH("ATAN2", "ATAN2(y, x)", "The angle of a point.", "ATAN2(1, 1)", "dd=d", f_atan2),
    { .name = "POWER", .signature = "POWER(base, exponent)", .help = "A power.", .example = "POWER(2, 10)",
      .flags = EASY, .resolve = resolve_power, .kernel = f_power },
    MATH("LOG", "LOG([base,] number)", "The logarithm, natural or to a base.", "LOG(2, 8)", "d?d=d", f_log),
    MATH("E", "E()", "Euler's number.", "E()", "=d", f_e),
    MATH("PI", "PI()", "The ratio of circumference to diameter.", "PI()", "=d", f_pi),
    MATH("ABS", "ABS(number)", "Without its sign.", "ABS(-1)", "n=1", f_abs),
    MATH("SIGN", "SIGN(number)", "-1, 0 or 1.", "SIGN(-5)", "n=1", f_sign),
    { .name = "FLOOR", .signature = "FLOOR(number) | FLOOR(time TO unit)",
      .help = "The greatest whole number, or start of a unit of time, that is not greater.", .example = "FLOOR(2.5)",
      .flags = FN_STRICT, .resolve = resolve_floor },
    { .name = "CEIL", .signature = "CEIL(number) | CEIL(time TO unit)",
      .help = "The least whole number, or start of a unit of time, that is not less.", .example = "CEIL(2.5)",
      .flags = FN_STRICT, .resolve = resolve_floor },
    { .name = "ROUND", .signature = "ROUND(number [, digits])", .help = "Rounded half up to digits after the point.",
      .example = "ROUND(2.345, 2)", .types = "n?i=", .flags = FN_STRICT, .resolve = resolve_round, .kernel = f_round },
    { .name = "TRUNCATE", .signature = "TRUNCATE(number [, digits])", .help = "Cut to digits after the point.",
      .example = "TRUNCATE(42.345, 2)", .types = "n?i=", .flags = FN_STRICT, .resolve = resolve_round,
      .kernel = f_truncate },
    { .name = NULL },
};
