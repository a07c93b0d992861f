/* MIN, MAX, FIRST_VALUE, LAST_VALUE: a flag and one value. The value stands in the state itself (8 bytes
 * after the flag, 16 for wide decimals), or for text, rows and lists as canonical bytes in the heap. They cannot take
 * rows back: over such input FIRST_VALUE and LAST_VALUE are agg_kept.c's, and the operator makes a MIN or MAX anew when
 * the value that it is goes (`outlives`). First and last are a matter of arrival: states of panes, which share it, do not
 * tell which came before, so those two do not merge. */
#include "expr/expr_private.h"

struct value {
    uint64_t has;
    union {
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        uint8_t b;
        uint64_t handle;
    };
};
struct wide_value {
    uint64_t has, none;
    int128 i128;
};

static enum status heap_full(struct error *err)
{
    return error_set(err, ST_MEMORY, "the memory budget is used up by an aggregate's values");
}

/* Java's order of doubles: NaN is greater than all, -0 less than 0 does not matter here. */
#define LESS_INT(a, b) ((a) < (b))
#define LESS_FLOAT(a, b) ((a) < (b) || ((b) != (b) && (a) == (a)))

#define STEP(NAME, STATE, MEMBER, TAKE)                                                                     \
    static enum status NAME(const struct aggregate *g, void *const *states, const struct column *args,     \
                            const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)    \
    {                                                                                                       \
        (void)g, (void)heap, (void)err;                                                                     \
        const uint8_t *nulls = args[0].nulls;                                                               \
        for (uint32_t i = 0; i < n; i++) {                                                                  \
            uint32_t r = rows ? rows[i] : i;                                                                \
            if (nulls && nulls[r])                                                                          \
                continue;                                                                                   \
            struct STATE *s = states[i];                                                                    \
            __typeof__(args[0].MEMBER[0]) v = args[0].MEMBER[r];                                            \
            if (!s->has || (TAKE)) {                                                                        \
                s->MEMBER = v;                                                                              \
                s->has = 1;                                                                                 \
            }                                                                                               \
        }                                                                                                   \
        return ST_OK;                                                                                       \
    }
#define MERGE(NAME, STATE, MEMBER, TAKE)                                                                        \
    static enum status NAME(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,  \
                            struct agg_heap *src_heap, struct error *err)                                       \
    {                                                                                                           \
        (void)g, (void)dst_heap, (void)src_heap, (void)err;                                                     \
        struct STATE *s = dst;                                                                                  \
        const struct STATE *other = src;                                                                        \
        if (!other->has)                                                                                        \
            return ST_OK;                                                                                       \
        __typeof__(s->MEMBER) v = other->MEMBER;                                                                \
        if (!s->has || (TAKE)) {                                                                                \
            s->MEMBER = v;                                                                                      \
            s->has = 1;                                                                                         \
        }                                                                                                       \
        return ST_OK;                                                                                           \
    }
#define RESULT(NAME, STATE, MEMBER)                                                                              \
    static enum status NAME(const struct aggregate *g, void *const *states, uint32_t n,                    \
                            struct agg_heap *heap, struct column *out, uint32_t out_row, struct error *err)      \
    {                                                                                                            \
        (void)g, (void)heap, (void)err;                                                                          \
        for (uint32_t i = 0; i < n; i++) {                                                                       \
            const struct STATE *s = states[i];                                                                   \
            if (s->has)                                                                                          \
                out->MEMBER[out_row + i] = s->MEMBER;                                                            \
            else                                                                                                 \
                column_set_null(out, out_row + i);                                                               \
        }                                                                                                        \
        return ST_OK;                                                                                            \
    }

#define OUTLIVES(NAME, STATE, MEMBER)                                                                            \
    static bool NAME(const struct aggregate *g, const void *state, const struct column *args, uint32_t row,      \
                     struct agg_heap *heap)                                                                      \
    {                                                                                                            \
        (void)g, (void)heap;                                                                                     \
        const struct STATE *s = state;                                                                           \
        return s->has && (s->MEMBER < args[0].MEMBER[row] || s->MEMBER > args[0].MEMBER[row]);                   \
    }

enum { MIN, MAX, FIRST, LAST, KINDS };

#define ALL(SUFFIX, STATE, MEMBER, LESS)                                              \
    STEP(min_##SUFFIX, STATE, MEMBER, LESS(v, s->MEMBER))                             \
    STEP(max_##SUFFIX, STATE, MEMBER, LESS(s->MEMBER, v))                             \
    STEP(first_##SUFFIX, STATE, MEMBER, false)                                        \
    STEP(last_##SUFFIX, STATE, MEMBER, true)                                          \
    MERGE(min_merge_##SUFFIX, STATE, MEMBER, LESS(v, s->MEMBER))                      \
    MERGE(max_merge_##SUFFIX, STATE, MEMBER, LESS(s->MEMBER, v))                      \
    RESULT(result_##SUFFIX, STATE, MEMBER)                                            \
    OUTLIVES(outlives_##SUFFIX, STATE, MEMBER)                                        \
    static const struct aggregate_ops ops_##SUFFIX[KINDS] = {                         \
        [MIN] = { min_##SUFFIX, NULL, min_merge_##SUFFIX, result_##SUFFIX, NULL, outlives_##SUFFIX }, \
        [MAX] = { max_##SUFFIX, NULL, max_merge_##SUFFIX, result_##SUFFIX, NULL, outlives_##SUFFIX }, \
        [FIRST] = { first_##SUFFIX, NULL, NULL, result_##SUFFIX },                        \
        [LAST] = { last_##SUFFIX, NULL, NULL, result_##SUFFIX },                          \
    };
ALL(b, value, b, LESS_INT)
ALL(i32, value, i32, LESS_INT)
ALL(i64, value, i64, LESS_INT)
ALL(i128, wide_value, i128, LESS_INT)
ALL(f32, value, f32, LESS_FLOAT)
ALL(f64, value, f64, LESS_FLOAT)

/* ---- values in the heap: text as its bytes, else the canonical encoding; both led by one byte so that an empty text
 * is no empty handle ---- */

static int kind_of(const struct aggregate *g)
{
    switch (g->name[0]) {
    case 'M':
        return g->name[1] == 'I' ? MIN : MAX;
    case 'F':
        return FIRST;
    default:
        return LAST;
    }
}

/* Does `v` replace what the state holds? Text only: MIN and MAX have no other heap values. */
static bool replaces(int kind, const struct value *s, struct agg_heap *heap, struct str v)
{
    if (!s->has)
        return true;
    if (kind == FIRST)
        return false;
    if (kind == LAST)
        return true;
    int order = str_cmp(v, heap->get(heap, s->handle));
    return kind == MIN ? order < 0 : order > 0;
}

static enum status heap_add(const struct aggregate *g, void *const *states, const struct column *args,
                            const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    int kind = kind_of(g);
    bool text = type_phys(g->arg_types[0]) == PHYS_STRING;
    struct buf bytes;
    buf_init(&bytes, NULL, 64u << 20);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        uint32_t r = rows ? rows[i] : i;
        struct value *s = states[i];
        if (column_is_null(&args[0], r))
            continue;
        if (kind == FIRST && s->has)
            continue;
        buf_clear(&bytes);
        struct str raw = text ? column_str(&args[0], r) : (struct str){ 0 };
        if (!buf_put_u8(&bytes, 0) ||
            !(text ? buf_put(&bytes, raw.ptr, raw.len) : row_encode(&bytes, args, NULL, 1, r, true))) {
            st = heap_full(err);
            break;
        }
        struct str v = buf_str(&bytes);
        if (!replaces(kind, s, heap, v))
            continue;
        if (!heap->set(heap, &s->handle, v.ptr, v.len))
            st = heap_full(err);
        else
            s->has = 1;
    }
    buf_release(&bytes);
    return st;
}

static enum status heap_merge(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                              struct agg_heap *src_heap, struct error *err)
{
    struct value *d = dst;
    const struct value *s = src;
    int kind = kind_of(g);
    if (!s->has)
        return ST_OK;
    struct str v = src_heap->get(src_heap, s->handle);
    if (!replaces(kind, d, dst_heap, v))
        return ST_OK;
    struct buf copy; /* the two heaps may be one, and setting may move what `v` points to */
    buf_init(&copy, NULL, 64u << 20);
    bool ok = buf_put(&copy, v.ptr, v.len) && dst_heap->set(dst_heap, &d->handle, copy.data, copy.len);
    buf_release(&copy);
    if (!ok)
        return heap_full(err);
    d->has = 1;
    return ST_OK;
}

static enum status heap_result(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                               struct column *out, uint32_t out_row, struct error *err)
{
    bool text = type_phys(g->arg_types[0]) == PHYS_STRING;
    for (uint32_t i = 0; i < n; i++) {
        const struct value *s = states[i];
        if (!s->has) {
            column_set_null(out, out_row + i);
            continue;
        }
        struct str v = heap->get(heap, s->handle);
        v = str_make(v.ptr + 1, v.len - 1);
        if (!text)
            TRY(row_decode(v, out, 1, out_row + i, err));
        else if (!column_set_str(out, out_row + i, v.ptr, v.len))
            return heap_full(err);
    }
    return ST_OK;
}

/* Of text, for MIN and MAX. */
static bool heap_outlives(const struct aggregate *g, const void *state, const struct column *args, uint32_t row,
                          struct agg_heap *heap)
{
    const struct value *s = state;
    int kind = kind_of(g);
    if (!s->has || (kind != MIN && kind != MAX))
        return false;
    struct str v = heap->get(heap, s->handle);
    return !str_eq(str_make(v.ptr + 1, v.len - 1), column_str(&args[0], row));
}

static const struct aggregate_ops heap_ops = { heap_add, NULL, heap_merge, heap_result, NULL, heap_outlives };
static const struct aggregate_ops heap_end_ops = { heap_add, NULL, NULL, heap_result };

const struct aggregate_ops *agg_value_ops(const char *name, const struct type *t, uint32_t *ret_bytes,
                                          uint32_t *ret_align)
{
    static const struct aggregate_ops *const by_phys[PHYS_STRING] = {
        [PHYS_BOOL] = ops_b, [PHYS_I32] = ops_i32, [PHYS_I64] = ops_i64,
        [PHYS_I128] = ops_i128, [PHYS_F32] = ops_f32, [PHYS_F64] = ops_f64,
    };
    enum phys p = type_phys(t);
    struct aggregate g = { .name = name };
    *ret_bytes = p == PHYS_I128 ? sizeof(struct wide_value) : sizeof(struct value);
    *ret_align = p == PHYS_I128 ? 16 : 8;
    int kind = kind_of(&g);
    return p < PHYS_STRING ? &by_phys[p][kind] : kind == FIRST || kind == LAST ? &heap_end_ops : &heap_ops;
}
