/* COUNT, SUM, AVG and variances: a sum and a count, so that no values give NULL and rows can be taken back.
 *
 * Loops go over a batch and are made by macro for each physical type and sign. Integers are summed in 64 bits and wrap
 * to the result's type; DECIMAL in 128 bits, and once a sum leaves 38 digits the result is NULL for good. Variances
 * keep sum and sum of squares in doubles, so that they can be taken back as Flink's can. */
#include <math.h>

#include "expr/expr_private.h"

#define LOOP(n) for (uint32_t i = 0; i < (n); i++)
#define ROW(i) (rows ? rows[i] : (i))
#define UNUSED_ADD (void)g, (void)args, (void)heap, (void)err

/* ---- COUNT ---- */

static enum status star_step(void *const *states, uint32_t n, int64_t sign)
{
    LOOP(n)
    *(int64_t *)states[i] += sign;
    return ST_OK;
}
static enum status star_add(const struct aggregate *g, void *const *states, const struct column *args,
                            const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    UNUSED_ADD, (void)rows;
    return star_step(states, n, 1);
}
static enum status star_retract(const struct aggregate *g, void *const *states, const struct column *args,
                                const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    UNUSED_ADD, (void)rows;
    return star_step(states, n, -1);
}

static enum status count_step(const struct aggregate *g, void *const *states, const struct column *args,
                              const uint16_t *rows, uint32_t n, int64_t sign)
{
    bool any = false;
    for (uint32_t a = 0; a < g->n_args; a++)
        any = any || args[a].nulls;
    if (!any)
        return star_step(states, n, sign);
    LOOP(n)
    {
        bool null = false;
        for (uint32_t a = 0; a < g->n_args; a++)
            null = null || column_is_null(&args[a], ROW(i));
        *(int64_t *)states[i] += null ? 0 : sign;
    }
    return ST_OK;
}
static enum status count_add(const struct aggregate *g, void *const *states, const struct column *args,
                             const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    (void)heap, (void)err;
    return count_step(g, states, args, rows, n, 1);
}
static enum status count_retract(const struct aggregate *g, void *const *states, const struct column *args,
                                 const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    (void)heap, (void)err;
    return count_step(g, states, args, rows, n, -1);
}
static enum status count_merge(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                               struct agg_heap *src_heap, struct error *err)
{
    (void)g, (void)dst_heap, (void)src_heap, (void)err;
    *(int64_t *)dst += *(const int64_t *)src;
    return ST_OK;
}
static enum status count_result(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                                struct column *out, uint32_t out_row, struct error *err)
{
    (void)g, (void)heap, (void)err;
    LOOP(n)
    out->i64[out_row + i] = *(const int64_t *)states[i];
    return ST_OK;
}
const struct aggregate_ops agg_count_star = { star_add, star_retract, count_merge, count_result };
const struct aggregate_ops agg_count = { count_add, count_retract, count_merge, count_result };

/* ---- SUM and AVG ---- */

struct sum_i64 {
    uint64_t sum; /* wraps */
    int64_t count;
};
struct sum_f64 {
    double sum;
    int64_t count;
};
struct sum_i128 {
    int128 sum;
    int64_t count;
    int64_t overflown;
};

static inline void put_decimal(struct sum_i128 *s, int128 v, int64_t sign)
{
    if (__builtin_add_overflow(s->sum, sign > 0 ? v : -v, &s->sum))
        s->overflown = 1;
    s->count += sign;
}

#define SUM_STEP(NAME, STATE, MEMBER, SIGN, ADD)                                                                \
    static enum status NAME(const struct aggregate *g, void *const *states, const struct column *args,         \
                            const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)        \
    {                                                                                                           \
        (void)g, (void)heap, (void)err;                                                                         \
        const uint8_t *nulls = args[0].nulls;                                                                   \
        if (!nulls && !rows) {                                                                                  \
            LOOP(n)                                                                                             \
            {                                                                                                   \
                struct STATE *s = states[i];                                                                    \
                __typeof__(args[0].MEMBER[0]) v = args[0].MEMBER[i];                                            \
                ADD;                                                                                            \
                s->count += SIGN;                                                                               \
            }                                                                                                   \
            return ST_OK;                                                                                       \
        }                                                                                                       \
        LOOP(n)                                                                                                 \
        {                                                                                                       \
            uint32_t r = ROW(i);                                                                                \
            if (nulls && nulls[r])                                                                              \
                continue;                                                                                       \
            struct STATE *s = states[i];                                                                        \
            __typeof__(args[0].MEMBER[0]) v = args[0].MEMBER[r];                                                \
            ADD;                                                                                                \
            s->count += SIGN;                                                                                   \
        }                                                                                                       \
        return ST_OK;                                                                                           \
    }
SUM_STEP(add_i32, sum_i64, i32, 1, s->sum += (uint64_t)(int64_t)v)
SUM_STEP(sub_i32, sum_i64, i32, -1, s->sum -= (uint64_t)(int64_t)v)
SUM_STEP(add_i64, sum_i64, i64, 1, s->sum += (uint64_t)v)
SUM_STEP(sub_i64, sum_i64, i64, -1, s->sum -= (uint64_t)v)
SUM_STEP(add_f32, sum_f64, f32, 1, s->sum += (double)v)
SUM_STEP(sub_f32, sum_f64, f32, -1, s->sum -= (double)v)
SUM_STEP(add_f64, sum_f64, f64, 1, s->sum += v)
SUM_STEP(sub_f64, sum_f64, f64, -1, s->sum -= v)
/* put_decimal counts too, so take back what the loop adds */
SUM_STEP(add_d64, sum_i128, i64, 0, put_decimal(s, v, 1))
SUM_STEP(sub_d64, sum_i128, i64, 0, put_decimal(s, v, -1))
SUM_STEP(add_d128, sum_i128, i128, 0, put_decimal(s, v, 1))
SUM_STEP(sub_d128, sum_i128, i128, 0, put_decimal(s, v, -1))

static enum status merge_i64(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                             struct agg_heap *src_heap, struct error *err)
{
    (void)g, (void)dst_heap, (void)src_heap, (void)err;
    struct sum_i64 *d = dst;
    const struct sum_i64 *s = src;
    d->sum += s->sum;
    d->count += s->count;
    return ST_OK;
}
static enum status merge_f64(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                             struct agg_heap *src_heap, struct error *err)
{
    (void)g, (void)dst_heap, (void)src_heap, (void)err;
    struct sum_f64 *d = dst;
    const struct sum_f64 *s = src;
    d->sum += s->sum;
    d->count += s->count;
    return ST_OK;
}
static enum status merge_i128(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                              struct agg_heap *src_heap, struct error *err)
{
    (void)g, (void)dst_heap, (void)src_heap, (void)err;
    struct sum_i128 *d = dst;
    const struct sum_i128 *s = src;
    if (__builtin_add_overflow(d->sum, s->sum, &d->sum))
        d->overflown = 1;
    d->count += s->count;
    d->overflown |= s->overflown;
    return ST_OK;
}

static void put_integer(const struct aggregate *g, struct column *out, uint32_t r, int64_t v)
{
    switch (g->type->kind) {
    case TYPE_TINYINT:
        out->i32[r] = (int8_t)v;
        break;
    case TYPE_SMALLINT:
        out->i32[r] = (int16_t)v;
        break;
    case TYPE_INT:
    case TYPE_INTERVAL_MONTH:
        out->i32[r] = (int32_t)v;
        break;
    default:
        out->i64[r] = v;
        break;
    }
}

static enum status result_i64(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                              struct column *out, uint32_t out_row, struct error *err)
{
    (void)heap, (void)err;
    bool avg = g->name[0] == 'A';
    LOOP(n)
    {
        const struct sum_i64 *s = states[i];
        int64_t v = (int64_t)s->sum;
        if (s->count == 0)
            column_set_null(out, out_row + i);
        else
            put_integer(g, out, out_row + i, avg ? v / s->count : v);
    }
    return ST_OK;
}
static enum status result_f64(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                              struct column *out, uint32_t out_row, struct error *err)
{
    (void)heap, (void)err;
    bool avg = g->name[0] == 'A';
    LOOP(n)
    {
        const struct sum_f64 *s = states[i];
        double v = avg ? s->sum / (double)s->count : s->sum;
        if (s->count == 0)
            column_set_null(out, out_row + i);
        else if (g->type->kind == TYPE_FLOAT)
            out->f32[out_row + i] = (float)v;
        else
            out->f64[out_row + i] = v;
    }
    return ST_OK;
}
static enum status result_i128(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                               struct column *out, uint32_t out_row, struct error *err)
{
    (void)heap, (void)err;
    bool avg = g->name[0] == 'A';
    int32_t scale = g->arg_types[0]->scale;
    LOOP(n)
    {
        const struct sum_i128 *s = states[i];
        int128 v = s->sum;
        bool ok = s->count != 0 && !s->overflown && decimal_fits(v, 38);
        if (ok && avg)
            ok = decimal_div(v, scale, s->count, 0, g->type->precision, g->type->scale, &v);
        if (ok)
            decimal_put(g->type, out->data, out_row + i, v);
        else
            column_set_null(out, out_row + i);
    }
    return ST_OK;
}

const struct aggregate_ops *agg_sum_ops(const struct type *t, bool avg)
{
    static const struct aggregate_ops i32 = { add_i32, sub_i32, merge_i64, result_i64 },
                                      i64 = { add_i64, sub_i64, merge_i64, result_i64 },
                                      f32 = { add_f32, sub_f32, merge_f64, result_f64 },
                                      f64 = { add_f64, sub_f64, merge_f64, result_f64 },
                                      d64 = { add_d64, sub_d64, merge_i128, result_i128 },
                                      d128 = { add_d128, sub_d128, merge_i128, result_i128 };
    (void)avg; /* they differ in their result, by name */
    if (t->kind == TYPE_DECIMAL)
        return type_phys(t) == PHYS_I64 ? &d64 : &d128;
    switch (type_phys(t)) {
    case PHYS_I32:
        return &i32;
    case PHYS_I64:
        return &i64;
    case PHYS_F32:
        return &f32;
    default:
        return &f64;
    }
}

/* ---- variances ---- */

struct moments {
    double sum, squares;
    int64_t count;
};

static double as_double(const struct type *t, const struct column *c, uint32_t r)
{
    switch (type_phys(t)) {
    case PHYS_I32:
        return c->i32[r];
    case PHYS_F32:
        return c->f32[r];
    case PHYS_F64:
        return c->f64[r];
    default:
        if (t->kind == TYPE_DECIMAL)
            return decimal_to_f64(decimal_get(t, c->data, r), t->scale);
        return (double)c->i64[r];
    }
}

static enum status moments_step(const struct aggregate *g, void *const *states, const struct column *args,
                                const uint16_t *rows, uint32_t n, double sign)
{
    LOOP(n)
    {
        uint32_t r = ROW(i);
        if (column_is_null(&args[0], r))
            continue;
        struct moments *s = states[i];
        double v = as_double(g->arg_types[0], &args[0], r);
        s->sum += sign * v;
        s->squares += sign * v * v;
        s->count += (int64_t)sign;
    }
    return ST_OK;
}
static enum status variance_add(const struct aggregate *g, void *const *states, const struct column *args,
                                const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    (void)heap, (void)err;
    return moments_step(g, states, args, rows, n, 1);
}
static enum status variance_retract(const struct aggregate *g, void *const *states, const struct column *args,
                                    const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    (void)heap, (void)err;
    return moments_step(g, states, args, rows, n, -1);
}
static enum status variance_merge(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                                  struct agg_heap *src_heap, struct error *err)
{
    (void)g, (void)dst_heap, (void)src_heap, (void)err;
    struct moments *d = dst;
    const struct moments *s = src;
    d->sum += s->sum;
    d->squares += s->squares;
    d->count += s->count;
    return ST_OK;
}
static enum status variance_result(const struct aggregate *g, void *const *states, uint32_t n,
                                   struct agg_heap *heap, struct column *out, uint32_t out_row, struct error *err)
{
    (void)heap, (void)err;
    bool pop = str_ends(str_from(g->name), STR("_POP")), root = g->name[0] == 'S';
    LOOP(n)
    {
        const struct moments *s = states[i];
        uint32_t r = out_row + i;
        int64_t divisor = pop ? s->count : s->count - 1;
        if (divisor <= 0) {
            column_set_null(out, r);
            continue;
        }
        double v = (s->squares - s->sum * s->sum / (double)s->count) / (double)divisor;
        if (v < 0)
            v = 0; /* rounding */
        if (root)
            v = sqrt(v);
        int128 d;
        if (g->type->kind == TYPE_DOUBLE)
            out->f64[r] = v;
        else if (g->type->kind == TYPE_FLOAT)
            out->f32[r] = (float)v;
        else if (g->type->kind != TYPE_DECIMAL)
            put_integer(g, out, r, v < 9.2e18 ? (int64_t)v : INT64_MAX);
        else if (decimal_from_f64(v, g->type->precision, g->type->scale, &d))
            decimal_put(g->type, out->data, r, d);
        else
            column_set_null(out, r);
    }
    return ST_OK;
}
const struct aggregate_ops agg_variance = { variance_add, variance_retract, variance_merge, variance_result };
