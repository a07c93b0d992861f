/* Arithmetic over integers and floats: a kernel an operator and type, made by macro. Each has a loop for column op
 * constant, one for constant op column, one for two columns, all over every row so that the compiler may vectorise
 * them, and one for a selection. Integers wrap like Java's; integer division by zero fails the run. */
#include <math.h>

#include "expr/expr_private.h"

#define LOOPS(CTYPE, MEMBER, CALC)                                                     \
    CTYPE *restrict out = k->out->MEMBER;                                              \
    const CTYPE *a = k->args[0].col->MEMBER, *b = k->args[1].col->MEMBER;              \
    uint32_t am = k->args[0].mask, bm = k->args[1].mask, n = k->n;                     \
    if (k->rows) {                                                                     \
        for (uint32_t i = 0; i < n; i++) {                                             \
            uint32_t r = k->rows[i];                                                   \
            CTYPE x = a[r & am], y = b[r & bm];                                        \
            out[r] = CALC;                                                             \
        }                                                                              \
    } else if (!bm) {                                                                  \
        CTYPE y = b[0];                                                                \
        for (uint32_t i = 0; i < n; i++) {                                             \
            CTYPE x = a[i & am];                                                       \
            out[i] = CALC;                                                             \
        }                                                                              \
    } else if (!am) {                                                                  \
        CTYPE x = a[0];                                                                \
        for (uint32_t i = 0; i < n; i++) {                                             \
            CTYPE y = b[i];                                                            \
            out[i] = CALC;                                                             \
        }                                                                              \
    } else {                                                                           \
        for (uint32_t i = 0; i < n; i++) {                                             \
            CTYPE x = a[i], y = b[i];                                                  \
            out[i] = CALC;                                                             \
        }                                                                              \
    }

#define BINARY(NAME, CTYPE, MEMBER, CALC)          \
    static enum status NAME(struct kernel *k)      \
    {                                              \
        LOOPS(CTYPE, MEMBER, CALC)                 \
        return ST_OK;                              \
    }

#define I8(v) ((int32_t)(int8_t)(v))
#define I16(v) ((int32_t)(int16_t)(v))
BINARY(add_i8, int32_t, i32, I8((uint32_t)x + (uint32_t)y))
BINARY(sub_i8, int32_t, i32, I8((uint32_t)x - (uint32_t)y))
BINARY(mul_i8, int32_t, i32, I8((uint32_t)x *(uint32_t)y))
BINARY(add_i16, int32_t, i32, I16((uint32_t)x + (uint32_t)y))
BINARY(sub_i16, int32_t, i32, I16((uint32_t)x - (uint32_t)y))
BINARY(mul_i16, int32_t, i32, I16((uint32_t)x *(uint32_t)y))
BINARY(add_i32, int32_t, i32, (int32_t)((uint32_t)x + (uint32_t)y))
BINARY(sub_i32, int32_t, i32, (int32_t)((uint32_t)x - (uint32_t)y))
BINARY(mul_i32, int32_t, i32, (int32_t)((uint32_t)x *(uint32_t)y))
BINARY(add_i64, int64_t, i64, (int64_t)((uint64_t)x + (uint64_t)y))
BINARY(sub_i64, int64_t, i64, (int64_t)((uint64_t)x - (uint64_t)y))
BINARY(mul_i64, int64_t, i64, (int64_t)((uint64_t)x *(uint64_t)y))
BINARY(add_f32, float, f32, x + y)
BINARY(sub_f32, float, f32, x - y)
BINARY(mul_f32, float, f32, x *y)
BINARY(mod_f32, float, f32, fmodf(x, y))
BINARY(add_f64, double, f64, x + y)
BINARY(sub_f64, double, f64, x - y)
BINARY(mul_f64, double, f64, x *y)
BINARY(mod_f64, double, f64, fmod(x, y))

/* In Flink a constant division by zero fails when the plan folds it; over columns it is infinite. */
static bool constant_zero(const struct kernel *k, double divisor)
{
    return arg_is_constant(k, 0) && arg_is_constant(k, 1) && k->args[0].col && divisor == 0;
}
static enum status div_f32(struct kernel *k)
{
    if (constant_zero(k, k->args[1].col->f32[0]))
        return kernel_fail(k, "division by zero");
    LOOPS(float, f32, x / y)
    return ST_OK;
}
static enum status div_f64(struct kernel *k)
{
    if (constant_zero(k, k->args[1].col->f64[0]))
        return kernel_fail(k, "division by zero");
    LOOPS(double, f64, x / y)
    return ST_OK;
}

/* Divisors are looked at first, so that the loop itself cannot trap: 0 fails, and MIN / -1 wraps as -x does. */
#define DIVIDE(NAME, CTYPE, UTYPE, MEMBER, CALC)                    \
    static enum status NAME(struct kernel *k)                       \
    {                                                               \
        EACH_ROW(k, r)                                              \
        if (k->args[1].col->MEMBER[r & k->args[1].mask] == 0)       \
            return kernel_fail(k, "division by zero");              \
        LOOPS(CTYPE, MEMBER, CALC)                                  \
        return ST_OK;                                               \
    }
#define NEG(CTYPE, UTYPE, v) ((CTYPE)(0 - (UTYPE)(v)))
DIVIDE(div_i8, int32_t, uint32_t, i32, I8(y == -1 ? NEG(int32_t, uint32_t, x) : x / y))
DIVIDE(div_i16, int32_t, uint32_t, i32, I16(y == -1 ? NEG(int32_t, uint32_t, x) : x / y))
DIVIDE(div_i32, int32_t, uint32_t, i32, y == -1 ? NEG(int32_t, uint32_t, x) : x / y)
DIVIDE(div_i64_any, int64_t, uint64_t, i64, y == -1 ? NEG(int64_t, uint64_t, x) : x / y)
DIVIDE(mod_i32_any, int32_t, uint32_t, i32, y == -1 ? 0 : x % y)
DIVIDE(mod_i64_any, int64_t, uint64_t, i64, y == -1 ? 0 : x % y)

static bool constant_divisor(const struct kernel *k, struct divisor *ret)
{
    if (!arg_is_constant(k, 1) || arg_is_constant(k, 0) || k->args[1].col->i64[0] < 2)
        return false;
    *ret = divisor_of((uint64_t)k->args[1].col->i64[0]);
    return true;
}

static enum status div_i64(struct kernel *k)
{
    struct divisor d;
    if (!constant_divisor(k, &d))
        return div_i64_any(k);
    const int64_t *a = k->args[0].col->i64;
    int64_t *out = k->out->i64;
    EACH_ROW(k, r)
    out[r] = divide(&d, a[r]);
    return ST_OK;
}

static enum status mod_i64(struct kernel *k)
{
    struct divisor d;
    if (!constant_divisor(k, &d))
        return mod_i64_any(k);
    const int64_t *a = k->args[0].col->i64;
    int64_t *out = k->out->i64;
    EACH_ROW(k, r)
    {
        uint64_t q = (uint64_t)divide(&d, a[r]);
        out[r] = (int64_t)((uint64_t)a[r] - q * d.by);
    }
    return ST_OK;
}

enum { ADD, SUB, MUL, DIV, MOD, OPS };

static int op_of(const struct expr *e)
{
    switch (e->function->name[0]) {
    case '+':
        return ADD;
    case '-':
        return SUB;
    case '*':
        return MUL;
    case '/':
        return DIV;
    default:
        return MOD; /* "%" and MOD */
    }
}

kernel_fn *arith_pick(const struct expr *e)
{
    static kernel_fn *const kernels[TYPE_KINDS][OPS] = {
        [TYPE_TINYINT] = { add_i8, sub_i8, mul_i8, div_i8, mod_i32_any },
        [TYPE_SMALLINT] = { add_i16, sub_i16, mul_i16, div_i16, mod_i32_any },
        [TYPE_INT] = { add_i32, sub_i32, mul_i32, div_i32, mod_i32_any },
        [TYPE_BIGINT] = { add_i64, sub_i64, mul_i64, div_i64, mod_i64 },
        [TYPE_FLOAT] = { add_f32, sub_f32, mul_f32, div_f32, mod_f32 },
        [TYPE_DOUBLE] = { add_f64, sub_f64, mul_f64, div_f64, mod_f64 },
    };
    return kernels[e->args[0]->type->kind][op_of(e)];
}

/* ---- decimals ----
 *
 * Where the result's type has room for every result (no digits were capped), sums and products need no check: plain
 * integer arithmetic in 64 or 128 bits. 0.908 * price is one multiplication a row. Elsewhere the careful functions of
 * `data` round and give NULL for what does not fit. */

static inline int128 load(const struct column *c, enum phys p, uint32_t r)
{
    return p == PHYS_I32 ? c->i32[r] : p == PHYS_I64 ? c->i64[r] : c->i128[r];
}

/* Loops over arguments of either integer width. */
#define DECIMAL_LOOPS(NAME, A, B, O, OTYPE, CALC)                                      \
    static enum status NAME(struct kernel *k)                                          \
    {                                                                                  \
        OTYPE *restrict out = k->out->O;                                               \
        int64_t fa = factor(k, 0), fb = factor(k, 1);                                  \
        (void)fa, (void)fb;                                                            \
        uint32_t am = k->args[0].mask, bm = k->args[1].mask;                           \
        if (!k->rows && am && !bm) {                                                   \
            OTYPE y = k->args[1].col->B[0];                                            \
            for (uint32_t i = 0; i < k->n; i++) {                                      \
                OTYPE x = k->args[0].col->A[i];                                        \
                out[i] = CALC;                                                         \
            }                                                                          \
        } else if (!k->rows && bm && !am) {                                            \
            OTYPE x = k->args[0].col->A[0];                                            \
            for (uint32_t i = 0; i < k->n; i++) {                                      \
                OTYPE y = k->args[1].col->B[i];                                        \
                out[i] = CALC;                                                         \
            }                                                                          \
        } else if (!k->rows && am) {                                                   \
            for (uint32_t i = 0; i < k->n; i++) {                                      \
                OTYPE x = k->args[0].col->A[i], y = k->args[1].col->B[i];              \
                out[i] = CALC;                                                         \
            }                                                                          \
        } else {                                                                       \
            EACH_ROW(k, r)                                                             \
            {                                                                          \
                OTYPE x = k->args[0].col->A[r & am], y = k->args[1].col->B[r & bm];    \
                out[r] = CALC;                                                         \
            }                                                                          \
        }                                                                              \
        return ST_OK;                                                                  \
    }

/* 10 to the digits that an argument's scale lacks against the result's. */
static int64_t factor(const struct kernel *k, uint32_t i)
{
    int32_t p, s;
    type_as_decimal(k->expr->args[i]->type, &p, &s);
    int32_t more = k->expr->type->scale - s;
    return more > 0 && more <= 18 ? (int64_t)decimal_pow10(more) : 1;
}

/* Wrapping in the type's unsigned twin: rows under a NULL may hold anything. */
#define W64(v) ((int64_t)(v))
#define W128(v) ((int128)(v))
typedef unsigned __int128 uint128;
#define MUL64 W64((uint64_t)x *(uint64_t)y)
#define ADD64 W64((uint64_t)x *(uint64_t)fa + (uint64_t)y * (uint64_t)fb)
#define SUB64 W64((uint64_t)x *(uint64_t)fa - (uint64_t)y * (uint64_t)fb)
#define MUL128 W128((uint128)x *(uint128)y)
#define ADD128 W128((uint128)x *(uint128)fa + (uint128)y * (uint128)fb)
#define SUB128 W128((uint128)x *(uint128)fa - (uint128)y * (uint128)fb)
#define ALL_OPS(SUFFIX, A, B)                                      \
    DECIMAL_LOOPS(dadd64_##SUFFIX, A, B, i64, int64_t, ADD64)      \
    DECIMAL_LOOPS(dsub64_##SUFFIX, A, B, i64, int64_t, SUB64)      \
    DECIMAL_LOOPS(dmul64_##SUFFIX, A, B, i64, int64_t, MUL64)      \
    DECIMAL_LOOPS(dadd128_##SUFFIX, A, B, i128, int128, ADD128)    \
    DECIMAL_LOOPS(dsub128_##SUFFIX, A, B, i128, int128, SUB128)    \
    DECIMAL_LOOPS(dmul128_##SUFFIX, A, B, i128, int128, MUL128)
ALL_OPS(44, i32, i32)
ALL_OPS(48, i32, i64)
ALL_OPS(84, i64, i32)
ALL_OPS(88, i64, i64)

typedef bool decimal_op(int128 a, int32_t sa, int128 b, int32_t sb, int32_t precision, int32_t scale, int128 *ret);

static enum status decimal_careful(struct kernel *k, decimal_op *op, bool minus, bool divides)
{
    int32_t p, sa, sb;
    type_as_decimal(k->expr->args[0]->type, &p, &sa);
    type_as_decimal(k->expr->args[1]->type, &p, &sb);
    const struct column *a = k->args[0].col, *b = k->args[1].col;
    enum phys pa = type_phys(k->expr->args[0]->type), pb = type_phys(k->expr->args[1]->type);
    const struct type *t = k->expr->type;
    EACH_ROW(k, r)
    {
        int128 x = load(a, pa, r & k->args[0].mask), y = load(b, pb, r & k->args[1].mask), v;
        if (divides && y == 0)
            return kernel_fail(k, "division by zero");
        if (op(x, sa, minus ? -y : y, sb, t->precision, t->scale, &v))
            decimal_put(t, k->out->data, r, v);
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}
static enum status decimal_add_any(struct kernel *k) { return decimal_careful(k, decimal_add, false, false); }
static enum status decimal_sub_any(struct kernel *k) { return decimal_careful(k, decimal_add, true, false); }
static enum status decimal_mul_any(struct kernel *k) { return decimal_careful(k, decimal_mul, false, false); }
static enum status decimal_div_any(struct kernel *k) { return decimal_careful(k, decimal_div, false, true); }
static enum status decimal_mod_any(struct kernel *k) { return decimal_careful(k, decimal_mod, false, true); }

kernel_fn *decimal_pick(const struct expr *e)
{
    static kernel_fn *const careful[OPS] = { decimal_add_any, decimal_sub_any, decimal_mul_any, decimal_div_any,
                                             decimal_mod_any };
    static kernel_fn *const quick[2][4][3] = {
        { { dadd64_44, dsub64_44, dmul64_44 },
          { dadd64_48, dsub64_48, dmul64_48 },
          { dadd64_84, dsub64_84, dmul64_84 },
          { dadd64_88, dsub64_88, dmul64_88 } },
        { { dadd128_44, dsub128_44, dmul128_44 },
          { dadd128_48, dsub128_48, dmul128_48 },
          { dadd128_84, dsub128_84, dmul128_84 },
          { dadd128_88, dsub128_88, dmul128_88 } },
    };
    int op = op_of(e);
    int32_t p1, s1, p2, s2;
    type_as_decimal(e->args[0]->type, &p1, &s1);
    type_as_decimal(e->args[1]->type, &p2, &s2);
    enum phys a = type_phys(e->args[0]->type), b = type_phys(e->args[1]->type);
    const struct type *t = e->type;
    bool narrow = (a == PHYS_I32 || a == PHYS_I64) && (b == PHYS_I32 || b == PHYS_I64);
    int32_t scale = s1 > s2 ? s1 : s2, whole = p1 - s1 > p2 - s2 ? p1 - s1 : p2 - s2;
    bool room = op == MUL ? t->scale == s1 + s2 && t->precision >= p1 + p2
                          : t->scale == scale && t->precision >= whole + scale + 1;
    if (op > MUL || !narrow || !room || scale - s1 > 18 || scale - s2 > 18)
        return careful[op];
    int widths = (a == PHYS_I64 ? 2 : 0) + (b == PHYS_I64 ? 1 : 0);
    return quick[type_phys(t) == PHYS_I128][widths][op];
}
