/* Rows as bytes: the canonical form of keys and the exact form of stored rows.
 *
 * A row of n values is ceil(n/8) null bytes (bit i % 8 of byte i / 8: value i is NULL) and the non-null values in
 * order: BOOL 1 byte, I32 and F32 4, I64 and F64 8, I128 16, little-endian; strings u32 length and bytes; ARRAY u32
 * count and a nested row of its elements; MAP u32 count, a nested row of its keys and one of its values; ROW a nested
 * row of its fields. Frozen: it lies on disk and decides key groups.
 *
 * Canonical: −0 is +0, each NaN is the positive quiet one, a map's entries are sorted by the bytes of their keys (a
 * null key first, equal keys in given order). Exact: bits and order as they are. Both decode alike.
 *
 * Decoding believes nothing: each length is checked against what is left, spare null bits must be zero, and a list
 * can have at most eight elements a byte (its null bits), so memory is bounded by the input times the width of a
 * value, and charged. Recursion follows the type, not the bytes. */
#include <math.h>

#include "data/private.h"
#include "data/row.h"

#define STACK_ENTRIES 32u /* maps up to this size are sorted without heap memory */
#define SCRATCH_MAX_BYTES ((size_t)1 << 31)

static bool put_value(struct buf *out, const struct column *c, uint32_t row, bool exact);

/* Little-endian is the order of the machines we build for (x86-64, arm64); the check is in the build. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fixed-width values are copied as they lie");

static uint32_t canonical_f32(float v)
{
    uint32_t bits;
    if (isnan(v))
        return 0x7fc00000u;
    if (v == 0)
        return 0;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint64_t canonical_f64(double v)
{
    uint64_t bits;
    if (isnan(v))
        return 0x7ff8000000000000u;
    if (v == 0)
        return 0;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

uint8_t *row_put_fixed(uint8_t *out, const struct column *c, enum phys phys, uint32_t row, bool exact)
{
    size_t size = phys_size(phys);
    if (!exact && phys == PHYS_F64) {
        uint64_t bits = canonical_f64(c->f64[row]);
        memcpy(out, &bits, sizeof bits);
    } else if (!exact && phys == PHYS_F32) {
        uint32_t bits = canonical_f32(c->f32[row]);
        memcpy(out, &bits, sizeof bits);
    } else {
        memcpy(out, c->b + row * size, size);
    }
    return out + size;
}

/* Appends zeroed null bytes for n values; *ret_at is their place (the buffer may move later). */
static bool put_null_bytes(struct buf *out, size_t n, size_t *ret_at)
{
    size_t bytes = (n + 7) / 8;
    if (!buf_reserve(out, bytes))
        return false;
    if (bytes)
        memset(out->data + out->len, 0, bytes);
    *ret_at = out->len;
    out->len += bytes;
    return true;
}

/* A nested row of n elements of a list's child: entries order[i], or first + i when order is NULL. */
static bool put_elements(struct buf *out, const struct column *child, uint32_t first, uint32_t n,
                         const uint32_t *order, bool exact)
{
    size_t nulls;
    if (!put_null_bytes(out, n, &nulls))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = order ? order[i] : first + i;
        if (column_is_null(child, row))
            out->data[nulls + i / 8] |= (uint8_t)(1u << (i % 8));
        else if (!put_value(out, child, row, exact))
            return false;
    }
    return true;
}

bool row_encode(struct buf *out, const struct column *cols, const uint32_t *idx, uint32_t n, uint32_t row, bool exact)
{
    size_t start = out->len, nulls;
    if (!put_null_bytes(out, n, &nulls))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct column *c = &cols[idx ? idx[i] : i];
        if (column_is_null(c, row)) {
            out->data[nulls + i / 8] |= (uint8_t)(1u << (i % 8));
        } else if (!put_value(out, c, row, exact)) {
            out->len = start;
            return false;
        }
    }
    return true;
}

/* The bytes of a map's keys, for sorting: entry i's are bytes[at[i] .. at[i + 1]). Null keys have none, and no
 * value of any type but an empty ROW has none. */
struct map_keys {
    const struct buf *bytes;
    const size_t *at;
};

static int key_order(const void *context, uint32_t x, uint32_t y)
{
    const struct map_keys *k = context;
    struct str a = { (const char *)k->bytes->data + k->at[x], k->at[x + 1] - k->at[x] };
    struct str b = { (const char *)k->bytes->data + k->at[y], k->at[y + 1] - k->at[y] };
    int c = a.len && b.len ? str_cmp(a, b) : (a.len > b.len) - (a.len < b.len);
    return c ? c : (x > y) - (x < y);
}

static bool put_sorted_map(struct buf *out, const struct column *c, struct listview v, uint32_t *order, size_t *at)
{
    struct buf scratch;
    buf_init(&scratch, out->budget, SCRATCH_MAX_BYTES);
    const struct column *keys = &c->children[0];
    bool ok = true;
    for (uint32_t i = 0; i < v.len && ok; i++) {
        order[i] = i;
        at[i] = scratch.len;
        ok = column_is_null(keys, v.offset + i) || put_value(&scratch, keys, v.offset + i, false);
    }
    if (ok) {
        at[v.len] = scratch.len;
        struct map_keys context = { &scratch, at };
        if (scratch.len)
            index_sort(order, v.len, key_order, &context);
        for (uint32_t i = 0; i < v.len; i++)
            order[i] += v.offset;
        ok = put_elements(out, keys, 0, v.len, order, false) &&
             put_elements(out, &c->children[1], 0, v.len, order, false);
    }
    buf_release(&scratch);
    return ok;
}

static bool put_map(struct buf *out, const struct column *c, uint32_t row, bool exact)
{
    struct listview v = c->list[row];
    if (!buf_put_u32(out, v.len))
        return false;
    if (exact || v.len < 2)
        return put_elements(out, &c->children[0], v.offset, v.len, NULL, exact) &&
               put_elements(out, &c->children[1], v.offset, v.len, NULL, exact);
    uint32_t order_small[STACK_ENTRIES], *order = order_small;
    size_t at_small[STACK_ENTRIES + 1], *at = at_small;
    if (v.len <= STACK_ENTRIES)
        return put_sorted_map(out, c, v, order, at);
    size_t order_bytes = v.len * sizeof *order, at_bytes = ((size_t)v.len + 1) * sizeof *at;
    order = mem_alloc(out->budget, order_bytes);
    at = mem_alloc(out->budget, at_bytes);
    bool ok = order && at && put_sorted_map(out, c, v, order, at);
    mem_free(out->budget, order, order_bytes);
    mem_free(out->budget, at, at_bytes);
    return ok;
}

static bool put_value(struct buf *out, const struct column *c, uint32_t row, bool exact)
{
    enum phys phys = type_phys(c->type);
    switch (phys) {
    case PHYS_STRING: {
        struct str s = column_str(c, row);
        return buf_put_u32(out, (uint32_t)s.len) && buf_put(out, s.ptr, s.len);
    }
    case PHYS_LIST: {
        struct listview v = c->list[row];
        return buf_put_u32(out, v.len) && put_elements(out, &c->children[0], v.offset, v.len, NULL, exact);
    }
    case PHYS_MAP:
        return put_map(out, c, row, exact);
    case PHYS_ROW:
        return row_encode(out, c->children, NULL, c->n_children, row, exact);
    default:
        if (!buf_reserve(out, 16))
            return false;
        out->len = (size_t)(row_put_fixed(out->data + out->len, c, phys, row, exact) - out->data);
        return true;
    }
}

size_t row_fixed_width(const struct type *const *types, uint32_t n)
{
    size_t width = (n + 7) / 8;
    for (uint32_t i = 0; i < n; i++) {
        enum phys phys = type_phys(types[i]);
        if (phys >= PHYS_STRING)
            return 0;
        width += phys_size(phys);
    }
    return width;
}

static enum status get_value(struct reader *r, struct column *c, uint32_t row, struct error *err);

static enum status corrupt(struct error *err, const char *what)
{
    return error_set(err, ST_CORRUPT, "encoded row: %s", what);
}

/* The null bytes of n values; spare bits must be zero, so that a row has one image. */
static enum status get_null_bytes(struct reader *r, uint32_t n, const uint8_t **ret, struct error *err)
{
    const void *p;
    if (!read_bytes(r, ((size_t)n + 7) / 8, &p))
        return corrupt(err, "it ends inside the null bits");
    const uint8_t *nulls = p;
    if (n % 8 && nulls[n / 8] >> (n % 8))
        return corrupt(err, "spare null bits are set");
    *ret = nulls;
    return ST_OK;
}

static bool bit_set(const uint8_t *bits, uint32_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

static enum status get_elements(struct reader *r, struct column *child, uint32_t first, uint32_t n, struct error *err)
{
    const uint8_t *nulls = NULL;
    TRY(get_null_bytes(r, n, &nulls, err));
    for (uint32_t i = 0; i < n; i++) {
        if (bit_set(nulls, i))
            column_set_null(child, first + i);
        else
            TRY(get_value(r, child, first + i, err));
    }
    return ST_OK;
}

static enum status get_fields(struct reader *r, struct column *cols, uint32_t n, uint32_t row, struct error *err)
{
    const uint8_t *nulls = NULL;
    TRY(get_null_bytes(r, n, &nulls, err));
    for (uint32_t i = 0; i < n; i++) {
        if (bit_set(nulls, i))
            column_set_null(&cols[i], row);
        else
            TRY(get_value(r, &cols[i], row, err));
    }
    return ST_OK;
}

static enum status get_list(struct reader *r, struct column *c, uint32_t row, struct error *err)
{
    uint32_t len, first;
    if (!read_u32(r, &len))
        return corrupt(err, "it ends inside a list's length");
    if ((len + (size_t)7) / 8 > (size_t)(r->end - r->at))
        return corrupt(err, "a list is longer than the row");
    if (!column_start_list(c, row, len, &first))
        return budget_error(c->budget, (size_t)len * 16, err);
    for (uint32_t i = 0; i < c->n_children; i++)
        TRY(get_elements(r, &c->children[i], first, len, err));
    return ST_OK;
}

static enum status get_string(struct reader *r, struct column *c, uint32_t row, struct error *err)
{
    uint32_t len;
    const void *p;
    if (!read_u32(r, &len) || !read_bytes(r, len, &p))
        return corrupt(err, "it ends inside a string");
    if (!column_set_str(c, row, p, len))
        return budget_error(c->budget, len, err);
    return ST_OK;
}

static enum status get_value(struct reader *r, struct column *c, uint32_t row, struct error *err)
{
    enum phys phys = type_phys(c->type);
    if (phys == PHYS_STRING)
        return get_string(r, c, row, err);
    if (phys == PHYS_LIST || phys == PHYS_MAP)
        return get_list(r, c, row, err);
    if (c->nulls)
        c->nulls[row] = 0;
    if (phys == PHYS_ROW)
        return get_fields(r, c->children, c->n_children, row, err);
    size_t size = phys_size(phys);
    const void *p;
    if (!read_bytes(r, size, &p))
        return corrupt(err, "it ends inside a value");
    if (phys == PHYS_BOOL && *(const uint8_t *)p > 1)
        return corrupt(err, "a BOOLEAN is neither 0 nor 1");
    memcpy(c->b + row * size, p, size);
    return ST_OK;
}

enum status row_decode(struct str bytes, struct column *cols, uint32_t n, uint32_t row, struct error *err)
{
    struct reader r = reader_make(bytes.ptr, bytes.len);
    TRY(get_fields(&r, cols, n, row, err));
    if (r.at != r.end)
        return corrupt(err, "bytes are left after the last value");
    return ST_OK;
}
