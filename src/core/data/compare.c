/* Equality and order of values in columns.
 *
 * Both are deep and follow the physical form. Maps compare as sets of pairs: entries at the same place are tried
 * first (equal maps are mostly built in the same order); when that fails, both sides are sorted by key through an
 * index, so that a large map in another order costs n log n and not n². When memory for the index is refused the
 * quadratic search remains. */
#include <math.h>

#include "data/batch.h"
#include "data/private.h"

static void sift_down(uint32_t *index, uint32_t root, uint32_t n, int (*order)(const void *, uint32_t, uint32_t),
                      const void *context)
{
    for (uint32_t child; (child = root * 2 + 1) < n; root = child) {
        if (child + 1 < n && order(context, index[child], index[child + 1]) < 0)
            child++;
        if (order(context, index[root], index[child]) >= 0)
            return;
        uint32_t swap = index[root];
        index[root] = index[child];
        index[child] = swap;
    }
}

void index_sort(uint32_t *index, uint32_t n, int (*order)(const void *, uint32_t, uint32_t), const void *context)
{
    for (uint32_t i = n / 2; i > 0; i--)
        sift_down(index, i - 1, n, order, context);
    for (uint32_t i = n; i > 1; i--) {
        uint32_t swap = index[0];
        index[0] = index[i - 1];
        index[i - 1] = swap;
        sift_down(index, 0, i - 1, order, context);
    }
}

static bool pair_equal(const struct column *a, uint32_t row_a, const struct column *b, uint32_t row_b)
{
    return column_equal(&a->children[0], row_a, &b->children[0], row_b) &&
           column_equal(&a->children[1], row_a, &b->children[1], row_b);
}

static int compare_nullable(const struct column *a, uint32_t row_a, const struct column *b, uint32_t row_b)
{
    bool null_a = column_is_null(a, row_a), null_b = column_is_null(b, row_b);
    if (null_a || null_b)
        return (int)null_b - (int)null_a;
    return column_compare(a, row_a, b, row_b);
}

/* Entries `x` and `y` of one map by key, then value, then place: a total order, so sorting is deterministic. */
static int entry_order(const void *context, uint32_t x, uint32_t y)
{
    const struct column *map = context;
    int c = compare_nullable(&map->children[0], x, &map->children[0], y);
    if (c == 0)
        c = compare_nullable(&map->children[1], x, &map->children[1], y);
    return c ? c : (x > y) - (x < y);
}

static uint32_t *sorted_entries(const struct column *map, struct listview v)
{
    uint32_t *index = mem_alloc(map->budget, v.len * sizeof *index);
    if (!index)
        return NULL;
    for (uint32_t i = 0; i < v.len; i++)
        index[i] = v.offset + i;
    index_sort(index, v.len, entry_order, map);
    return index;
}

static bool maps_equal_slow(const struct column *a, struct listview va, const struct column *b, struct listview vb)
{
    for (uint32_t i = 0; i < va.len; i++) {
        uint32_t k = 0;
        while (k < vb.len && !pair_equal(a, va.offset + i, b, vb.offset + k))
            k++;
        if (k == vb.len)
            return false;
    }
    return true;
}

static bool maps_equal(const struct column *a, struct listview va, const struct column *b, struct listview vb)
{
    if (va.len != vb.len)
        return false;
    uint32_t same = 0;
    while (same < va.len && pair_equal(a, va.offset + same, b, vb.offset + same))
        same++;
    if (same == va.len)
        return true;
    if (va.len <= 8)
        return maps_equal_slow(a, va, b, vb);
    uint32_t *index_a = sorted_entries(a, va), *index_b = sorted_entries(b, vb);
    bool equal = true;
    if (index_a && index_b)
        for (uint32_t i = 0; i < va.len && equal; i++)
            equal = pair_equal(a, index_a[i], b, index_b[i]);
    else
        equal = maps_equal_slow(a, va, b, vb);
    mem_free(a->budget, index_a, index_a ? va.len * sizeof *index_a : 0);
    mem_free(b->budget, index_b, index_b ? vb.len * sizeof *index_b : 0);
    return equal;
}

static bool strings_equal(const struct column *a, uint32_t row_a, const struct column *b, uint32_t row_b)
{
    const struct strview *x = &a->str[row_a], *y = &b->str[row_b];
    /* Length and the first four bytes lie at the same place in both forms. */
    if (memcmp(x, y, 8) != 0)
        return false;
    if (x->len <= 12)
        return memcmp(x, y, sizeof *x) == 0;
    struct str sx = column_str(a, row_a), sy = column_str(b, row_b);
    return memcmp(sx.ptr, sy.ptr, sx.len) == 0;
}

static int compare_f64(double x, double y)
{
    if (x < y)
        return -1;
    if (x > y)
        return 1;
    if (x == y)
        return 0;
    return (int)(isnan(x) != 0) - (int)(isnan(y) != 0);
}

bool column_equal(const struct column *a, uint32_t row_a, const struct column *b, uint32_t row_b)
{
    bool null_a = column_is_null(a, row_a), null_b = column_is_null(b, row_b);
    if (null_a || null_b)
        return null_a == null_b;
    switch (type_phys(a->type)) {
    case PHYS_BOOL:
        return a->b[row_a] == b->b[row_b];
    case PHYS_I32:
        return a->i32[row_a] == b->i32[row_b];
    case PHYS_I64:
        return a->i64[row_a] == b->i64[row_b];
    case PHYS_I128:
        return a->i128[row_a] == b->i128[row_b];
    case PHYS_F32:
        return compare_f64((double)a->f32[row_a], (double)b->f32[row_b]) == 0;
    case PHYS_F64:
        return compare_f64(a->f64[row_a], b->f64[row_b]) == 0;
    case PHYS_STRING:
        return strings_equal(a, row_a, b, row_b);
    case PHYS_MAP:
        return maps_equal(a, a->list[row_a], b, b->list[row_b]);
    case PHYS_LIST: {
        struct listview va = a->list[row_a], vb = b->list[row_b];
        if (va.len != vb.len)
            return false;
        for (uint32_t i = 0; i < va.len; i++)
            if (!column_equal(&a->children[0], va.offset + i, &b->children[0], vb.offset + i))
                return false;
        return true;
    }
    default:
        for (uint32_t i = 0; i < a->n_children; i++)
            if (!column_equal(&a->children[i], row_a, &b->children[i], row_b))
                return false;
        return true;
    }
}

#define THREE_WAY(x, y) (((x) > (y)) - ((x) < (y)))

/* Maps have no SQL order; here they compare entry by entry in key order where memory allows, so that sorting rows
 * that hold maps is at least deterministic. */
static int compare_maps(const struct column *a, struct listview va, const struct column *b, struct listview vb)
{
    uint32_t *index_a = va.len ? sorted_entries(a, va) : NULL, *index_b = vb.len ? sorted_entries(b, vb) : NULL;
    uint32_t n = va.len < vb.len ? va.len : vb.len;
    int c = 0;
    for (uint32_t i = 0; i < n && c == 0; i++) {
        uint32_t x = index_a ? index_a[i] : va.offset + i, y = index_b ? index_b[i] : vb.offset + i;
        c = compare_nullable(&a->children[0], x, &b->children[0], y);
        if (c == 0)
            c = compare_nullable(&a->children[1], x, &b->children[1], y);
    }
    mem_free(a->budget, index_a, index_a ? va.len * sizeof *index_a : 0);
    mem_free(b->budget, index_b, index_b ? vb.len * sizeof *index_b : 0);
    return c ? c : THREE_WAY(va.len, vb.len);
}

int column_compare(const struct column *a, uint32_t row_a, const struct column *b, uint32_t row_b)
{
    switch (type_phys(a->type)) {
    case PHYS_BOOL:
        return THREE_WAY(a->b[row_a], b->b[row_b]);
    case PHYS_I32:
        return THREE_WAY(a->i32[row_a], b->i32[row_b]);
    case PHYS_I64:
        return THREE_WAY(a->i64[row_a], b->i64[row_b]);
    case PHYS_I128:
        return THREE_WAY(a->i128[row_a], b->i128[row_b]);
    case PHYS_F32:
        return compare_f64((double)a->f32[row_a], (double)b->f32[row_b]);
    case PHYS_F64:
        return compare_f64(a->f64[row_a], b->f64[row_b]);
    case PHYS_STRING:
        return str_cmp(column_str(a, row_a), column_str(b, row_b));
    case PHYS_MAP:
        return compare_maps(a, a->list[row_a], b, b->list[row_b]);
    case PHYS_LIST: {
        struct listview va = a->list[row_a], vb = b->list[row_b];
        int c = 0;
        for (uint32_t i = 0; i < va.len && i < vb.len && c == 0; i++)
            c = compare_nullable(&a->children[0], va.offset + i, &b->children[0], vb.offset + i);
        return c ? c : THREE_WAY(va.len, vb.len);
    }
    default: {
        int c = 0;
        for (uint32_t i = 0; i < a->n_children && c == 0; i++)
            c = compare_nullable(&a->children[i], row_a, &b->children[i], row_b);
        return c;
    }
    }
}
