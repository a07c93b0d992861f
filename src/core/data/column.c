/* Columns: storage and copying.
 *
 * An owned column has three stores, all charged to its budget: `null_store` (cap bytes), `data` (cap values of the
 * physical form, none for ROW) and, for strings, an array of counted buffers. Stores start zeroed and what a growth
 * adds is zeroed, so the data under a null is always initialised.
 *
 * Null rows: `nulls` is NULL while no row is null, else it is null_store. Turning it on zeroes the whole store, so a
 * row that nobody wrote is not null.
 *
 * Long strings are appended to the last buffer as long as nobody else holds it (refs == 1; only a holder could make
 * another one, so the test is not a race), else to a new one. A buffer that the column was lent by column_share is
 * treated alike: bytes behind its `len` are nobody's. Buffers double from 4 KiB to 1 MiB; a clear keeps the last one.
 *
 * Lists: `rows` of the child counts the elements in use; they are only ever appended. */
#include "data/batch.h"

#define LIST_FIRST_CAP 16u
#define BUF_FIRST_BYTES 4096u
#define BUF_MAX_BYTES (1u << 20)
#define STR_MAX_BYTES (1u << 31)
#define SHARE_LOOK_BACK 8u /* how many of the last buffers column_share compares */
#define GATHER_BUFS 64u    /* buffers whose new index one gather remembers */

static uint32_t child_count(const struct type *t)
{
    switch (type_phys(t)) {
    case PHYS_ROW:
        return t->n_fields;
    case PHYS_LIST:
        return 1;
    case PHYS_MAP:
        return 2;
    default:
        return 0;
    }
}

static const struct type *child_type(const struct type *t, uint32_t i)
{
    switch (t->kind) {
    case TYPE_ROW:
        return t->fields[i].type;
    case TYPE_MAP:
        return i == 0 ? t->key : t->element;
    case TYPE_MULTISET:
        return i == 0 ? t->element : type_basic(TYPE_INT);
    default:
        return t->element;
    }
}

bool column_init(struct column *c, const struct type *t, uint32_t cap, struct budget *b)
{
    *c = (struct column){ .type = t, .budget = b, .owned = true };
    uint32_t n = child_count(t);
    if (n) {
        c->children = mem_calloc(b, n * sizeof *c->children);
        if (!c->children)
            return false;
        c->n_children = n;
    }
    bool is_row = t->kind == TYPE_ROW;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t child_cap = is_row ? cap : 0;
        if (!column_init(&c->children[i], child_type(t, i), child_cap, b)) {
            column_release(c);
            return false;
        }
    }
    if (!column_grow(c, cap)) {
        column_release(c);
        return false;
    }
    return true;
}

void column_release(struct column *c)
{
    if (c->owned) {
        for (uint32_t i = 0; i < c->n_children; i++)
            column_release(&c->children[i]);
        mem_free(c->budget, c->children, c->n_children * sizeof *c->children);
        for (uint32_t i = 0; i < c->n_bufs; i++)
            shared_unref(c->bufs[i]);
        mem_free(c->budget, c->bufs, c->cap_bufs * sizeof(struct shared *));
        mem_free(c->budget, c->null_store, c->cap);
        mem_free(c->budget, c->data, c->cap * phys_size(type_phys(c->type)));
    }
    *c = (struct column){ 0 };
}

static bool unshared(const struct shared *s)
{
    return atomic_load_explicit(&s->refs, memory_order_acquire) == 1;
}

void column_clear(struct column *c)
{
    c->nulls = NULL;
    c->rows = 0;
    for (uint32_t i = 0; i < c->n_children; i++)
        column_clear(&c->children[i]);
    if (c->n_bufs == 0)
        return;
    struct shared *last = c->bufs[c->n_bufs - 1];
    bool keep = unshared(last) && last->cap <= BUF_MAX_BYTES;
    for (uint32_t i = 0; i + 1 < c->n_bufs; i++)
        shared_unref(c->bufs[i]);
    if (keep) {
        last->len = 0;
        c->bufs[0] = last;
    } else {
        shared_unref(last);
    }
    c->n_bufs = keep;
}

static bool zeroed_realloc(struct budget *b, void **ptr, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes == old_bytes)
        return true;
    void *p = mem_realloc(b, *ptr, old_bytes, new_bytes);
    if (!p)
        return false;
    memset((char *)p + old_bytes, 0, new_bytes - old_bytes);
    *ptr = p;
    return true;
}

bool column_grow(struct column *c, uint32_t cap)
{
    if (c->type->kind == TYPE_ROW)
        for (uint32_t i = 0; i < c->n_children; i++)
            if (!column_grow(&c->children[i], cap))
                return false;
    if (cap <= c->cap)
        return true;
    size_t size = phys_size(type_phys(c->type));
    void *nulls = c->null_store;
    if (!zeroed_realloc(c->budget, &c->data, c->cap * size, cap * size))
        return false;
    if (!zeroed_realloc(c->budget, &nulls, c->cap, cap)) {
        /* Both stores have the same cap, so the first one goes back; making smaller cannot be refused for lack of
         * budget, and if the heap refuses all the same, the longer block is a bug to know of. */
        if (c->cap == 0) {
            mem_free(c->budget, c->data, cap * size);
            c->data = NULL;
        } else if (size) {
            void *data = mem_realloc(c->budget, c->data, cap * size, c->cap * size);
            CHECK(data);
            c->data = data;
        }
        return false;
    }
    if (c->nulls)
        c->nulls = nulls;
    c->null_store = nulls;
    c->cap = cap;
    return true;
}

uint8_t *column_nulls(struct column *c, uint32_t rows)
{
    CHECK(rows <= c->cap);
    if (!c->nulls) {
        if (c->cap)
            memset(c->null_store, 0, c->cap);
        c->nulls = c->null_store;
    }
    return c->nulls;
}

void column_set_null(struct column *c, uint32_t row)
{
    column_nulls(c, row + 1)[row] = 1;
}

static bool add_buf(struct column *c, struct shared *s)
{
    if (c->n_bufs == c->cap_bufs) {
        uint32_t cap = c->cap_bufs ? c->cap_bufs * 2 : 4;
        void *p = mem_realloc(c->budget, c->bufs, c->cap_bufs * sizeof s, cap * sizeof s);
        if (!p)
            return false;
        c->bufs = p;
        c->cap_bufs = cap;
    }
    c->bufs[c->n_bufs++] = s;
    return true;
}

uint8_t *column_str_room(struct column *c, size_t len, uint32_t *ret_buffer, uint32_t *ret_offset)
{
    if (len > STR_MAX_BYTES)
        return NULL;
    struct shared *s = c->n_bufs ? c->bufs[c->n_bufs - 1] : NULL;
    if (!s || s->cap - s->len < len || !unshared(s)) {
        uint32_t cap = s && s->cap >= BUF_FIRST_BYTES ? s->cap : BUF_FIRST_BYTES / 2;
        cap = cap > BUF_MAX_BYTES / 2 ? BUF_MAX_BYTES : cap * 2;
        s = shared_new(c->budget, len > cap ? (uint32_t)len : cap);
        if (!s && len < cap) /* a nearly full budget may still have room for this one string */
            s = shared_new(c->budget, len ? (uint32_t)len : 1);
        if (!s)
            return NULL;
        if (!add_buf(c, s)) {
            shared_unref(s);
            return NULL;
        }
    }
    *ret_buffer = c->n_bufs - 1;
    *ret_offset = s->len;
    return s->data + s->len;
}

static inline void set_inline(struct strview *v, const void *ptr, size_t len)
{
    struct strview made = { .len = (uint32_t)len, .inlined = { 0 } };
    if (len)
        memcpy(made.inlined, ptr, len);
    *v = made;
}

void column_set_str_at(struct column *c, uint32_t row, uint32_t buffer, uint32_t offset, size_t len)
{
    struct shared *s = c->bufs[buffer];
    CHECK(offset <= s->cap && len <= s->cap - offset);
    if (c->nulls)
        c->nulls[row] = 0;
    if (len <= 12) {
        set_inline(&c->str[row], s->data + offset, len);
        return;
    }
    struct strview v = { .len = (uint32_t)len, .ref = { .buffer = buffer, .offset = offset } };
    memcpy(v.ref.prefix, s->data + offset, 4);
    c->str[row] = v;
    if (offset + (uint32_t)len > s->len)
        s->len = offset + (uint32_t)len;
}

bool column_set_str(struct column *c, uint32_t row, const void *ptr, size_t len)
{
    if (len <= 12) {
        if (c->nulls)
            c->nulls[row] = 0;
        set_inline(&c->str[row], ptr, len);
        return true;
    }
    uint32_t buffer, offset;
    uint8_t *room = column_str_room(c, len, &buffer, &offset);
    if (!room)
        return false;
    memcpy(room, ptr, len);
    column_set_str_at(c, row, buffer, offset, len);
    return true;
}

uint32_t column_share(struct column *c, struct shared *s)
{
    for (uint32_t i = c->n_bufs; i > 0 && c->n_bufs - i < SHARE_LOOK_BACK; i--)
        if (c->bufs[i - 1] == s)
            return i - 1;
    if (!add_buf(c, s))
        return UINT32_MAX;
    shared_ref(s);
    return c->n_bufs - 1;
}

bool column_start_list(struct column *c, uint32_t row, uint32_t len, uint32_t *ret_first)
{
    uint32_t first = c->children[0].rows;
    if (len > UINT32_MAX / 2 - first)
        return false;
    for (uint32_t i = 0; i < c->n_children; i++) {
        struct column *child = &c->children[i];
        uint32_t need = first + len;
        if (need <= child->cap)
            continue;
        uint32_t cap = child->cap * 2 > need ? child->cap * 2 : need;
        if (cap < LIST_FIRST_CAP)
            cap = LIST_FIRST_CAP;
        if (!column_grow(child, cap) && !column_grow(child, need))
            return false;
    }
    for (uint32_t i = 0; i < c->n_children; i++)
        c->children[i].rows = first + len;
    if (c->nulls)
        c->nulls[row] = 0;
    c->list[row] = (struct listview){ first, len };
    *ret_first = first;
    return true;
}

/* What a gather takes: rows[k], or base + k when rows is NULL. */
struct pick {
    const uint16_t *rows;
    uint32_t base, n;
};

static inline uint32_t pick_row(const struct pick *p, uint32_t k)
{
    return p->rows ? p->rows[k] : p->base + k;
}

static void gather_nulls(struct column *dst, uint32_t dst_row, const struct column *src, const struct pick *p)
{
    if (!src->nulls) {
        if (dst->nulls && p->n)
            memset(dst->nulls + dst_row, 0, p->n);
        return;
    }
    uint8_t *nulls = column_nulls(dst, dst_row + p->n) + dst_row;
    for (uint32_t k = 0; k < p->n; k++)
        nulls[k] = src->nulls[pick_row(p, k)];
}

#define GATHER_FIXED(member)                                     \
    do {                                                         \
        for (uint32_t k = 0; k < p->n; k++)                      \
            dst->member[dst_row + k] = src->member[p->rows[k]];  \
    } while (0)

static void gather_fixed(struct column *dst, uint32_t dst_row, const struct column *src, const struct pick *p,
                         size_t size)
{
    if (!p->rows) {
        if (p->n)
            memcpy(dst->b + dst_row * size, src->b + p->base * size, p->n * size);
        return;
    }
    switch (size) {
    case 1:
        GATHER_FIXED(b);
        break;
    case 4:
        GATHER_FIXED(i32);
        break;
    case 8:
        GATHER_FIXED(i64);
        break;
    default:
        GATHER_FIXED(i128);
        break;
    }
}

static bool gather_strings(struct column *dst, uint32_t dst_row, const struct column *src, const struct pick *p,
                           bool share)
{
    uint32_t map[GATHER_BUFS];
    uint32_t n_map = src->n_bufs < GATHER_BUFS ? src->n_bufs : GATHER_BUFS;
    for (uint32_t i = 0; i < n_map; i++)
        map[i] = UINT32_MAX;
    for (uint32_t k = 0; k < p->n; k++) {
        uint32_t row = pick_row(p, k);
        struct strview v = column_is_null(src, row) ? (struct strview){ 0 } : src->str[row];
        if (v.len > 12 && !share) {
            uint32_t buffer, offset;
            uint8_t *room = column_str_room(dst, v.len, &buffer, &offset);
            if (!room)
                return false;
            struct shared *own = dst->bufs[buffer];
            memcpy(room, src->bufs[v.ref.buffer]->data + v.ref.offset, v.len);
            own->len = offset + v.len;
            v.ref.buffer = buffer;
            v.ref.offset = offset;
        } else if (v.len > 12) {
            uint32_t from = v.ref.buffer;
            uint32_t to = from < n_map ? map[from] : UINT32_MAX;
            if (to == UINT32_MAX && (to = column_share(dst, src->bufs[from])) == UINT32_MAX)
                return false;
            if (from < n_map)
                map[from] = to;
            v.ref.buffer = to;
        }
        dst->str[dst_row + k] = v;
    }
    return true;
}

static bool gather(struct column *dst, uint32_t dst_row, const struct column *src, const struct pick *p, bool share);

static bool gather_lists(struct column *dst, uint32_t dst_row, const struct column *src, const struct pick *p,
                         bool share)
{
    for (uint32_t k = 0; k < p->n; k++) {
        uint32_t row = pick_row(p, k), first;
        if (column_is_null(src, row)) {
            dst->list[dst_row + k] = (struct listview){ 0 };
            continue;
        }
        struct listview v = src->list[row];
        if (!column_start_list(dst, dst_row + k, v.len, &first))
            return false;
        struct pick elements = { NULL, v.offset, v.len };
        for (uint32_t i = 0; i < dst->n_children; i++)
            if (!gather(&dst->children[i], first, &src->children[i], &elements, share))
                return false;
    }
    return true;
}

static bool gather(struct column *dst, uint32_t dst_row, const struct column *src, const struct pick *p, bool share)
{
    if (p->n == 0)
        return true;
    gather_nulls(dst, dst_row, src, p);
    enum phys phys = type_phys(dst->type);
    switch (phys) {
    case PHYS_STRING:
        return gather_strings(dst, dst_row, src, p, share);
    case PHYS_LIST:
    case PHYS_MAP:
        return gather_lists(dst, dst_row, src, p, share);
    case PHYS_ROW:
        for (uint32_t i = 0; i < dst->n_children; i++)
            if (!gather(&dst->children[i], dst_row, &src->children[i], p, share))
                return false;
        return true;
    default:
        gather_fixed(dst, dst_row, src, p, phys_size(phys));
        return true;
    }
}

bool column_copy(struct column *dst, uint32_t dst_row, const struct column *src, uint32_t src_row, bool share)
{
    struct pick one = { NULL, src_row, 1 };
    return gather(dst, dst_row, src, &one, share);
}

bool column_gather(struct column *dst, uint32_t dst_row, const struct column *src, const uint16_t *rows, uint32_t n,
                   bool share)
{
    struct pick p = { rows, 0, n };
    return gather(dst, dst_row, src, &p, share);
}
