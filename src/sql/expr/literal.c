/* Literals: a column of one row that lies in the arena of the tree, so that it lives as long as the tree and nobody
 * releases it. Long strings stand in a shared buffer in the same arena; nothing counts its references down, so a
 * reader may look at it but must copy the bytes out, never reference the buffer (column_copy with share false). */
#include "expr/expr_private.h"

bool literal_alloc(struct arena *a, struct column *dst, const struct type *t, uint32_t rows)
{
    *dst = (struct column){ .type = t, .rows = rows, .cap = rows };
    size_t size = phys_size(type_phys(t));
    if (size) {
        dst->data = arena_alloc(a, size * (rows ? rows : 1));
        if (!dst->data)
            return false;
        memset(dst->data, 0, size * (rows ? rows : 1));
    }
    dst->null_store = ARENA_ARRAY(a, uint8_t, rows ? rows : 1);
    if (!dst->null_store)
        return false;
    switch (type_phys(t)) {
    case PHYS_ROW:
        dst->n_children = t->n_fields;
        break;
    case PHYS_LIST:
        dst->n_children = 1;
        break;
    case PHYS_MAP:
        dst->n_children = 2;
        break;
    default:
        return true;
    }
    dst->children = ARENA_ARRAY(a, struct column, dst->n_children ? dst->n_children : 1);
    return dst->children != NULL;
}

bool literal_set_str(struct arena *a, struct column *dst, uint32_t row, struct str s)
{
    struct strview *v = &dst->str[row];
    memset(v, 0, sizeof *v);
    v->len = (uint32_t)s.len;
    if (s.len <= sizeof v->inlined) {
        if (s.len)
            memcpy(v->inlined, s.ptr, s.len);
        return true;
    }
    if (s.len > INT32_MAX)
        return false;
    struct shared *buffer = arena_alloc(a, sizeof *buffer + s.len);
    struct shared **bufs = ARENA_ARRAY(a, struct shared *, dst->n_bufs + 1);
    if (!buffer || !bufs)
        return false;
    memset(buffer, 0, sizeof *buffer);
    atomic_init(&buffer->refs, 1);
    buffer->len = buffer->cap = (uint32_t)s.len;
    buffer->data = (uint8_t *)(buffer + 1);
    memcpy(buffer->data, s.ptr, s.len);
    if (dst->n_bufs)
        memcpy(bufs, dst->bufs, dst->n_bufs * sizeof *bufs);
    bufs[dst->n_bufs] = buffer;
    dst->bufs = bufs;
    memcpy(v->ref.prefix, s.ptr, sizeof v->ref.prefix);
    v->ref.buffer = dst->n_bufs++;
    dst->cap_bufs = dst->n_bufs;
    v->ref.offset = 0;
    return true;
}

static bool copy_value(struct arena *a, struct column *dst, uint32_t dst_row, const struct column *src, uint32_t row);

/* A list's elements as children of exactly that many rows. The literal holds one list at the top, or lists inside
 * lists, so children are allocated for all rows of the parent at once by copy_children. */
static bool copy_children(struct arena *a, struct column *dst, const struct column *src, const uint32_t *rows,
                          uint32_t n)
{
    for (uint32_t c = 0; c < dst->n_children; c++) {
        const struct type *t = src->children[c].type;
        if (!literal_alloc(a, &dst->children[c], t, n))
            return false;
        enum phys p = type_phys(t);
        if (p == PHYS_LIST || p == PHYS_MAP) {
            uint64_t total = 0;
            for (uint32_t i = 0; i < n; i++)
                total += column_is_null(&src->children[c], rows[i]) ? 0 : src->children[c].list[rows[i]].len;
            uint32_t *inner = total <= UINT32_MAX ? ARENA_ARRAY(a, uint32_t, total + 1) : NULL;
            if (!inner)
                return false;
            uint32_t at = 0;
            for (uint32_t i = 0; i < n; i++) {
                struct column *d = &dst->children[c];
                if (column_is_null(&src->children[c], rows[i])) {
                    column_set_null(d, i);
                    continue;
                }
                struct listview v = src->children[c].list[rows[i]];
                d->list[i] = (struct listview){ at, v.len };
                for (uint32_t k = 0; k < v.len; k++)
                    inner[at++] = v.offset + k;
            }
            if (!copy_children(a, &dst->children[c], &src->children[c], inner, at))
                return false;
        } else if (p == PHYS_ROW) {
            for (uint32_t i = 0; i < n; i++)
                if (column_is_null(&src->children[c], rows[i]))
                    column_set_null(&dst->children[c], i);
            if (!copy_children(a, &dst->children[c], &src->children[c], rows, n))
                return false;
        } else {
            for (uint32_t i = 0; i < n; i++)
                if (!copy_value(a, &dst->children[c], i, &src->children[c], rows[i]))
                    return false;
        }
    }
    return true;
}

static bool copy_value(struct arena *a, struct column *dst, uint32_t dst_row, const struct column *src, uint32_t row)
{
    if (column_is_null(src, row)) {
        column_set_null(dst, dst_row);
        return true;
    }
    if (type_phys(dst->type) == PHYS_STRING)
        return literal_set_str(a, dst, dst_row, column_str(src, row));
    size_t size = phys_size(type_phys(dst->type));
    memcpy((uint8_t *)dst->data + dst_row * size, (const uint8_t *)src->data + row * size, size);
    return true;
}

bool literal_copy(struct arena *a, struct column *dst, const struct column *src, uint32_t row)
{
    const struct type *t = src->type;
    if (!literal_alloc(a, dst, t, 1))
        return false;
    enum phys p = type_phys(t);
    if (column_is_null(src, row)) {
        column_set_null(dst, 0);
        for (uint32_t c = 0; c < dst->n_children; c++) {
            /* The children of a NULL row are NULL too, so that a field of it is. */
            if (!literal_alloc(a, &dst->children[c], src->children[c].type, p == PHYS_ROW ? 1 : 0))
                return false;
            if (p == PHYS_ROW)
                column_set_null(&dst->children[c], 0);
        }
        return true;
    }
    if (p == PHYS_ROW)
        return copy_children(a, dst, src, &row, 1);
    if (p != PHYS_LIST && p != PHYS_MAP)
        return copy_value(a, dst, 0, src, row);
    struct listview v = src->list[row];
    uint32_t *rows = ARENA_ARRAY(a, uint32_t, (size_t)v.len + 1);
    if (!rows)
        return false;
    for (uint32_t i = 0; i < v.len; i++)
        rows[i] = v.offset + i;
    dst->list[0] = (struct listview){ 0, v.len };
    return copy_children(a, dst, src, rows, v.len);
}

bool literal_str(const struct expr *e, struct str *ret)
{
    if (e->kind != EXPR_LITERAL || !type_is_text(e->type) || column_is_null(&e->value, 0))
        return false;
    *ret = column_str(&e->value, 0);
    return true;
}

bool literal_integer(const struct expr *e, int64_t *ret)
{
    if (e->kind != EXPR_LITERAL || !type_is_integer(e->type) || column_is_null(&e->value, 0))
        return false;
    *ret = type_phys(e->type) == PHYS_I32 ? e->value.i32[0] : e->value.i64[0];
    return true;
}

enum time_unit literal_unit(const struct expr *e)
{
    struct str s;
    if (!literal_str(e, &s))
        return UNIT_NONE;
    if (s.len > 8 && str_eq_nocase(str_make(s.ptr, 8), STR("SQL_TSI_")))
        s = str_make(s.ptr + 8, s.len - 8);
    return time_unit_from(s);
}
