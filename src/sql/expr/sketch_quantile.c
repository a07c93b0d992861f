/* DDSketch: quantiles with a bounded relative error (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch
 * with relative-error guarantees", 2019; why it and no other: docs/decisions/0006-sketches.md).
 *
 * With g = (1 + e) / (1 - e) a positive value v counts in bucket i = ceil(log_g v), that is g^(i-1) < v <= g^i, and is told
 * as 2 g^i / (g + 1), which is off by e times v at most. Buckets have keys that order as their values do: a negative
 * value has the key of its opposite, negated; zero is 0; the infinities and NaN, the greatest in Java's order, lie
 * outside.
 *
 * A blob keeps counts in pages of 32 neighbouring buckets, behind an index of pages sorted by key with what each page
 * counts: data of some decades needs a few pages, and a quantile a walk over the index and one page. Nothing collapses:
 * the exponents of a double bound the pages (4,400 for e = 0.01), so the error holds for all quantiles, counts can be
 * taken back, and what a blob tells depends on the multiset of values alone. */
#include <float.h>
#include <math.h>

#include "expr/expr_private.h"

#define PAGE_BITS 5u
#define PAGE (1u << PAGE_BITS)
#define FIRST_PAGES 4u
#define MIDDLE (1 << 20) /* more than any bucket's number for e >= 0.001 */
#define KEY_INFINITY (INT32_MAX - 1)
#define KEY_NAN INT32_MAX

struct page {
    int32_t number; /* key >> PAGE_BITS */
    uint32_t at;    /* of its counts, in pages */
    int64_t total;
};
struct quantiles {
    uint32_t room, used; /* pages */
    struct page page[];  /* `room` of them, then counts */
};

static size_t bytes_of(uint32_t room)
{
    return sizeof(struct quantiles) + room * (sizeof(struct page) + PAGE * sizeof(int64_t));
}

static int64_t *counts_of(const struct quantiles *q, uint32_t at)
{
    return (int64_t *)(uintptr_t)(q->page + q->room) + (size_t)at * PAGE;
}

void quantile_scale(double error, struct quantile_scale *ret)
{
    double g = (1 + error) / (1 - error);
    *ret = (struct quantile_scale){ .log = log(g), .middle = 2 / (g + 1) };
}

static int32_t key_of(const struct quantile_scale *s, double v)
{
    double size = fabs(v);
    if (v != v)
        return KEY_NAN;
    if (size == 0)
        return 0;
    int32_t key = size > DBL_MAX ? KEY_INFINITY : MIDDLE + (int32_t)ceil(log(size) / s->log);
    return v < 0 ? -key : key;
}

static double value_of(const struct quantile_scale *s, int32_t key)
{
    int32_t size = key < 0 ? -key : key;
    if (key == KEY_NAN)
        return NAN;
    double v = size == 0 ? 0 : size == KEY_INFINITY ? INFINITY : exp((size - MIDDLE) * s->log) * s->middle;
    if (size != KEY_INFINITY && v > DBL_MAX)
        v = DBL_MAX;
    return key < 0 ? -v : v;
}

/* The first page not below `number`. */
static uint32_t find(const struct quantiles *q, int32_t number)
{
    uint32_t from = 0, n = q->used;
    while (n > 0) {
        uint32_t half = n / 2;
        bool below = q->page[from + half].number < number;
        from = below ? from + half + 1 : from;
        n = below ? n - half - 1 : half;
    }
    return from;
}

/* Counts may be below zero: a pane may hold what takes back values of another. */
static bool counts_nothing(const struct quantiles *q, uint32_t i)
{
    const int64_t *counts = counts_of(q, q->page[i].at);
    for (uint32_t k = 0; k < PAGE; k++)
        if (counts[k])
            return false;
    return true;
}

/* Room for another page: twice as many, without those that count nothing. */
static bool grow(struct agg_heap *heap, uint64_t *handle)
{
    const struct quantiles *old = *handle ? (const struct quantiles *)(const void *)heap->get(heap, *handle).ptr : NULL;
    uint32_t live = 0;
    for (uint32_t i = 0; old && i < old->used; i++)
        live += !counts_nothing(old, i);
    uint32_t room = !old ? FIRST_PAGES : live > old->room / 2 ? old->room * 2 : old->room;
    size_t bytes = bytes_of(room);
    struct quantiles *q = mem_calloc(NULL, bytes);
    if (!q)
        return false;
    q->room = room;
    for (uint32_t i = 0; old && i < old->used; i++) {
        if (counts_nothing(old, i))
            continue;
        q->page[q->used] = old->page[i];
        q->page[q->used].at = q->used;
        memcpy(counts_of(q, q->used), counts_of(old, old->page[i].at), PAGE * sizeof(int64_t));
        q->used++;
    }
    bool ok = heap->set(heap, handle, q, bytes);
    mem_free(NULL, q, bytes);
    return ok;
}

static bool put_key(struct agg_heap *heap, uint64_t *handle, int32_t key, int64_t n)
{
    int32_t number = key >> PAGE_BITS;
    struct quantiles *q = *handle ? (struct quantiles *)(void *)heap->edit(heap, *handle) : NULL;
    uint32_t at = q ? find(q, number) : 0;
    if (!q || at == q->used || q->page[at].number != number) {
        if (!q || q->used == q->room) {
            if (!grow(heap, handle))
                return false;
            q = (struct quantiles *)(void *)heap->edit(heap, *handle);
            at = find(q, number);
        }
        memmove(&q->page[at + 1], &q->page[at], (q->used - at) * sizeof *q->page);
        q->page[at] = (struct page){ .number = number, .at = q->used };
        memset(counts_of(q, q->used), 0, PAGE * sizeof(int64_t));
        q->used++;
    }
    q->page[at].total += n;
    counts_of(q, q->page[at].at)[(uint32_t)key & (PAGE - 1)] += n;
    return true;
}

bool quantile_add(struct agg_heap *heap, uint64_t *handle, const struct quantile_scale *s, double v, int64_t n)
{
    return put_key(heap, handle, key_of(s, v), n);
}

bool quantile_merge(struct agg_heap *to, uint64_t *handle, struct agg_heap *from, uint64_t other)
{
    if (!other)
        return true;
    struct str bytes = from->get(from, other);
    const struct quantiles *q = (const struct quantiles *)(const void *)bytes.ptr;
    if (!*handle)
        return to->set(to, handle, bytes.ptr, bytes.len);
    for (uint32_t i = 0; i < q->used; i++) {
        const int64_t *counts = counts_of(q, q->page[i].at);
        for (uint32_t k = 0; k < PAGE; k++)
            if (counts[k] && !put_key(to, handle, (int32_t)((uint32_t)q->page[i].number << PAGE_BITS | k), counts[k]))
                return false;
    }
    return true;
}

int64_t quantile_total(struct agg_heap *heap, uint64_t handle)
{
    const struct quantiles *q = handle ? (const struct quantiles *)(const void *)heap->get(heap, handle).ptr : NULL;
    int64_t total = 0;
    for (uint32_t i = 0; q && i < q->used; i++)
        total += q->page[i].total;
    return total;
}

double quantile_at(struct agg_heap *heap, uint64_t handle, const struct quantile_scale *s, int64_t rank)
{
    const struct quantiles *q = (const struct quantiles *)(const void *)heap->get(heap, handle).ptr;
    uint32_t at = 0;
    while (at + 1 < q->used && rank >= q->page[at].total)
        rank -= q->page[at++].total;
    const int64_t *counts = counts_of(q, q->page[at].at);
    uint32_t k = 0;
    while (k + 1 < PAGE && rank >= counts[k])
        rank -= counts[k++];
    return value_of(s, (int32_t)((uint32_t)q->page[at].number << PAGE_BITS | k));
}
