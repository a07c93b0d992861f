/* Comparisons: a kernel an operator and physical form, made by macro, with the same loops as arithmetic has. Text
 * compares by bytes; a string view's first eight bytes (length and prefix) settle most inequalities at once. DECIMALs
 * of different scales that have no common type wide enough compare through decimal_compare; rows, arrays and maps
 * through column_equal and column_compare. */
#include "expr/expr_private.h"

#define COMPARE(NAME, CTYPE, MEMBER, OP)                                                    \
    static enum status NAME(struct kernel *k)                                               \
    {                                                                                       \
        uint8_t *restrict out = k->out->b;                                                  \
        const CTYPE *a = k->args[0].col->MEMBER, *b = k->args[1].col->MEMBER;               \
        uint32_t am = k->args[0].mask, bm = k->args[1].mask, n = k->n;                      \
        if (k->rows) {                                                                      \
            for (uint32_t i = 0; i < n; i++)                                                \
                out[k->rows[i]] = a[k->rows[i] & am] OP b[k->rows[i] & bm];                 \
        } else if (!bm) {                                                                   \
            CTYPE y = b[0];                                                                 \
            for (uint32_t i = 0; i < n; i++)                                                \
                out[i] = a[i & am] OP y;                                                    \
        } else if (!am) {                                                                   \
            CTYPE x = a[0];                                                                 \
            for (uint32_t i = 0; i < n; i++)                                                \
                out[i] = x OP b[i];                                                         \
        } else {                                                                            \
            for (uint32_t i = 0; i < n; i++)                                                \
                out[i] = a[i] OP b[i];                                                      \
        }                                                                                   \
        return ST_OK;                                                                       \
    }

#define ALL_OPS(SUFFIX, CTYPE, MEMBER)           \
    COMPARE(eq_##SUFFIX, CTYPE, MEMBER, ==)      \
    COMPARE(ne_##SUFFIX, CTYPE, MEMBER, !=)      \
    COMPARE(lt_##SUFFIX, CTYPE, MEMBER, <)       \
    COMPARE(le_##SUFFIX, CTYPE, MEMBER, <=)      \
    COMPARE(gt_##SUFFIX, CTYPE, MEMBER, >)       \
    COMPARE(ge_##SUFFIX, CTYPE, MEMBER, >=)
ALL_OPS(bool, uint8_t, b)
ALL_OPS(i32, int32_t, i32)
ALL_OPS(i64, int64_t, i64)
ALL_OPS(i128, __int128, i128)
ALL_OPS(f32, float, f32)
ALL_OPS(f64, double, f64)

static inline bool text_equal(const struct column *a, uint32_t ra, const struct column *b, uint32_t rb)
{
    uint64_t x[2], y[2];
    memcpy(x, &a->str[ra], sizeof x);
    memcpy(y, &b->str[rb], sizeof y);
    if (x[0] != y[0])
        return false;
    uint32_t len = a->str[ra].len;
    if (len <= 12)
        return x[1] == y[1];
    return memcmp(column_str(a, ra).ptr, column_str(b, rb).ptr, len) == 0;
}

static inline int text_order(const struct column *a, uint32_t ra, const struct column *b, uint32_t rb)
{
    return str_cmp(column_str(a, ra), column_str(b, rb));
}

/* The order of nested values; equality looks deep and takes −0 for 0. */
static inline int nested_order(const struct column *a, uint32_t ra, const struct column *b, uint32_t rb)
{
    return column_compare(a, ra, b, rb);
}

#define BY_ROW(NAME, EXPR)                                                              \
    static enum status NAME(struct kernel *k)                                           \
    {                                                                                   \
        const struct column *a = k->args[0].col, *b = k->args[1].col;                   \
        uint32_t am = k->args[0].mask, bm = k->args[1].mask;                            \
        EACH_ROW(k, r)                                                                  \
        {                                                                               \
            uint32_t x = r & am, y = r & bm;                                            \
            k->out->b[r] = EXPR;                                                        \
        }                                                                               \
        return ST_OK;                                                                   \
    }
BY_ROW(eq_str, text_equal(a, x, b, y))
BY_ROW(ne_str, !text_equal(a, x, b, y))
BY_ROW(lt_str, text_order(a, x, b, y) < 0)
BY_ROW(le_str, text_order(a, x, b, y) <= 0)
BY_ROW(gt_str, text_order(a, x, b, y) > 0)
BY_ROW(ge_str, text_order(a, x, b, y) >= 0)
BY_ROW(eq_deep, column_equal(a, x, b, y))
BY_ROW(ne_deep, !column_equal(a, x, b, y))
BY_ROW(lt_deep, nested_order(a, x, b, y) < 0)
BY_ROW(le_deep, nested_order(a, x, b, y) <= 0)
BY_ROW(gt_deep, nested_order(a, x, b, y) > 0)
BY_ROW(ge_deep, nested_order(a, x, b, y) >= 0)

static inline int decimal_order(const struct kernel *k, uint32_t r)
{
    const struct type *x = k->expr->args[0]->type, *y = k->expr->args[1]->type;
    return decimal_compare(decimal_get(x, k->args[0].col->data, r & k->args[0].mask), x->scale,
                           decimal_get(y, k->args[1].col->data, r & k->args[1].mask), y->scale);
}
BY_ROW(eq_dec, ((void)a, (void)b, (void)x, (void)y, decimal_order(k, r) == 0))
BY_ROW(ne_dec, ((void)a, (void)b, (void)x, (void)y, decimal_order(k, r) != 0))
BY_ROW(lt_dec, ((void)a, (void)b, (void)x, (void)y, decimal_order(k, r) < 0))
BY_ROW(le_dec, ((void)a, (void)b, (void)x, (void)y, decimal_order(k, r) <= 0))
BY_ROW(gt_dec, ((void)a, (void)b, (void)x, (void)y, decimal_order(k, r) > 0))
BY_ROW(ge_dec, ((void)a, (void)b, (void)x, (void)y, decimal_order(k, r) >= 0))

#define ROW_OF(S) { eq_##S, ne_##S, lt_##S, le_##S, gt_##S, ge_##S }

kernel_fn *compare_pick(const struct expr *e)
{
    static kernel_fn *const kernels[PHYS_COUNT][6] = {
        [PHYS_BOOL] = ROW_OF(bool), [PHYS_I32] = ROW_OF(i32),      [PHYS_I64] = ROW_OF(i64),
        [PHYS_I128] = ROW_OF(i128), [PHYS_F32] = ROW_OF(f32),      [PHYS_F64] = ROW_OF(f64),
        [PHYS_STRING] = ROW_OF(str), [PHYS_LIST] = ROW_OF(deep),   [PHYS_MAP] = ROW_OF(deep),
        [PHYS_ROW] = ROW_OF(deep),
    };
    static kernel_fn *const decimals[6] = ROW_OF(dec);
    static const char *const names[6] = { "=", "<>", "<", "<=", ">", ">=" };
    int op = 0;
    while (op < 5 && strcmp(names[op], e->function->name) != 0)
        op++;
    const struct type *x = e->args[0]->type, *y = e->args[1]->type;
    if (x->kind == TYPE_DECIMAL && y->kind == TYPE_DECIMAL && (x->scale != y->scale || type_phys(x) != type_phys(y)))
        return decimals[op];
    return kernels[type_phys(x)][op];
}
