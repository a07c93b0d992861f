/* Frequent values: the mergeable summary of Misra and Gries (Agarwal et al.: "Mergeable summaries", 2012), trimmed in bulk.
 *
 * A blob counts up to 2c different values. When another one comes, the (c+1)-th greatest count is taken off all counts and
 * what is left without one goes. Such a trim takes v off at least c + 1 counts, and they all together are at most the
 * number n of values that came: so what a count lacks is n / (c + 1) at most, it is never too great, and a value that is
 * more frequent than that is never lost. Merging adds counts and trims once: the bound is the same for the union.
 *
 * Layout: slots of an open-addressing table by hash, then the values' bytes. Nothing is removed singly: a trim and a
 * growth write the blob anew. */
#include <stdlib.h>

#include "expr/expr_private.h"

#define FIRST_SLOTS 16u
#define FIRST_BYTES 256u

struct counter {
    uint64_t hash;
    int64_t count; /* 0: free */
    uint32_t at, len;
};
struct top {
    uint32_t slots, used;
    uint32_t room, filled; /* bytes of values */
    struct counter slot[];    /* then the bytes */
};

static size_t bytes_of(uint32_t slots, uint32_t room)
{
    return (sizeof(struct top) + slots * sizeof(struct counter) + room + 7) & ~(size_t)7;
}

static char *values_of(const struct top *t) { return (char *)(uintptr_t)(t->slot + t->slots); }

static const struct top *view(struct agg_heap *heap, uint64_t handle)
{
    return handle ? (const struct top *)(const void *)heap->get(heap, handle).ptr : NULL;
}

/* The slot of the value, or the free one where it belongs. */
static struct counter *find(const struct top *t, uint64_t hash, struct str v)
{
    for (uint32_t i = (uint32_t)hash;; i++) {
        struct counter *s = (struct counter *)(uintptr_t)&t->slot[i & (t->slots - 1)];
        if (s->count == 0 || (s->hash == hash && str_eq(str_make(values_of(t) + s->at, s->len), v)))
            return s;
    }
}

static void insert(struct top *t, uint64_t hash, struct str v, int64_t count)
{
    struct counter *s = find(t, hash, v);
    *s = (struct counter){ hash, count, t->filled, (uint32_t)v.len };
    memcpy(values_of(t) + t->filled, v.ptr, v.len);
    t->filled += (uint32_t)v.len;
    t->used++;
}

static int count_order(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a < b) - (a > b);
}

/* The count of rank `rank` from the greatest. false: memory refused. */
static bool count_of_rank(const struct top *t, uint32_t rank, int64_t *ret)
{
    int64_t *counts = mem_alloc(NULL, t->used * sizeof *counts);
    uint32_t n = 0;
    if (!counts)
        return false;
    for (uint32_t i = 0; i < t->slots; i++)
        if (t->slot[i].count)
            counts[n++] = t->slot[i].count;
    qsort(counts, n, sizeof *counts, count_order);
    *ret = counts[rank];
    mem_free(NULL, counts, t->used * sizeof *counts);
    return true;
}

/* Writes the blob anew: counts less `off`, and room for one more value of `len` bytes. */
static bool rebuild(struct agg_heap *heap, uint64_t *handle, int64_t off, size_t len)
{
    const struct top *old = view(heap, *handle);
    uint32_t used = 0;
    size_t filled = len;
    for (uint32_t i = 0; old && i < old->slots; i++)
        if (old->slot[i].count > off) {
            used++;
            filled += old->slot[i].len;
        }
    uint32_t slots = FIRST_SLOTS, room = FIRST_BYTES;
    while (slots / 4 * 3 <= used)
        slots *= 2;
    while (room < filled && room < 1u << 30)
        room *= 2;
    size_t bytes = bytes_of(slots, room);
    struct top *t = room < filled ? NULL : mem_calloc(NULL, bytes);
    if (!t)
        return false;
    t->slots = slots;
    t->room = room;
    for (uint32_t i = 0; old && i < old->slots; i++) {
        const struct counter *s = &old->slot[i];
        if (s->count > off)
            insert(t, s->hash, str_make(values_of(old) + s->at, s->len), s->count - off);
    }
    bool ok = heap->set(heap, handle, t, bytes);
    mem_free(NULL, t, bytes);
    return ok;
}

/* Takes the (c+1)-th greatest count off all, when more than `most` values are counted. */
static bool trim(struct agg_heap *heap, uint64_t *handle, uint32_t capacity, uint32_t most)
{
    const struct top *t = view(heap, *handle);
    int64_t off;
    if (!t || t->used <= most)
        return true;
    return count_of_rank(t, capacity, &off) && rebuild(heap, handle, off, 0);
}

/* `most`: values before a trim. */
static bool count(struct agg_heap *heap, uint64_t *handle, uint64_t hash, struct str v, int64_t n)
{
    struct top *t = *handle ? (struct top *)(void *)heap->edit(heap, *handle) : NULL;
    if (t) {
        struct counter *s = find(t, hash, v);
        if (s->count) {
            s->count += n;
            return true;
        }
    }
    if (!t || t->used >= t->slots / 4 * 3 || t->room - t->filled < v.len) {
        if (!rebuild(heap, handle, 0, v.len))
            return false;
        t = (struct top *)(void *)heap->edit(heap, *handle);
    }
    insert(t, hash, v, n);
    return true;
}

bool top_add(struct agg_heap *heap, uint64_t *handle, uint32_t capacity, uint64_t hash, struct str bytes)
{
    return count(heap, handle, hash, bytes, 1) && trim(heap, handle, capacity, 2 * capacity);
}

bool top_merge(struct agg_heap *to, uint64_t *handle, uint32_t capacity, struct agg_heap *from, uint64_t other)
{
    const struct top *t = view(from, other);
    for (uint32_t i = 0; t && i < t->slots; i++) {
        const struct counter *s = &t->slot[i];
        if (s->count && !count(to, handle, s->hash, str_make(values_of(t) + s->at, s->len), s->count))
            return false;
    }
    return trim(to, handle, capacity, 2 * capacity);
}

static int item_order(const void *x, const void *y)
{
    return count_order(&((const struct top_item *)x)->count, &((const struct top_item *)y)->count);
}

uint32_t top_items(struct agg_heap *heap, uint64_t handle, struct top_item *ret)
{
    const struct top *t = view(heap, handle);
    uint32_t n = 0;
    for (uint32_t i = 0; t && i < t->slots; i++) {
        const struct counter *s = &t->slot[i];
        if (s->count)
            ret[n++] = (struct top_item){ str_make(values_of(t) + s->at, s->len), s->count };
    }
    if (n)
        qsort(ret, n, sizeof *ret, item_order);
    return n;
}
