/* DDSketch: quantiles with a bounded relative error (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch
 * with relative-error guarantees", 2019; why it and no other: docs/decisions/0006-sketches.md).
 *
 * With g = (1 + e) / (1 - e) a positive value v counts in bucket i = ceil(log_g v), that is g^(i-1) < v <= g^i, and is told
 * as 2 g^i / (g + 1), which is off by e times v at most. Buckets have keys that order as their values do: a negative
 * value has the key of its opposite, negated; zero is 0; the infinities and NaN, the greatest in Java's order, lie
 * outside.
 *
 * A blob keeps counts in pages of 32 neighbouring buckets, behind an index of pages sorted by key with what each page
 * counts: data of some decades needs a few pages, and a quantile a walk over the index and one page. The index is made
 * of arrays, so that looking for a page touches one or two lines of the cache. Nothing collapses:
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

/* In front of: number[room], the keys >> PAGE_BITS of the pages used, ascending; at[room], where their counts lie, in
 * pages; sum[room], what they count; then counts, page by page: of 4 bytes each until one of them needs 8. */
struct quantiles {
    int64_t total;
    uint32_t room; /* pages; a power of two, at least 4 */
    uint32_t used : 31, wide : 1;
};
struct index {
    int32_t *number;
    uint32_t *at;
    int64_t *sum;
    void *counts;
    bool wide;
};

/* By `edit`: unlike `get` that looks at nothing that lies beside the blob. NULL: empty. */
static struct quantiles *view(struct agg_heap *heap, uint64_t handle)
{
    return handle ? (struct quantiles *)(void *)heap->edit(heap, handle) : NULL;
}

static struct index index_of(struct quantiles *q)
{
    struct index x = { .number = (int32_t *)(void *)(q + 1) };
    x.at = (uint32_t *)x.number + q->room;
    x.sum = (int64_t *)(void *)(x.at + q->room);
    x.counts = x.sum + q->room;
    x.wide = q->wide;
    return x;
}

/* Bucket k of the page whose counts lie at `at`. */
static inline int64_t count_at(const struct index *x, uint32_t at, uint32_t k)
{
    return x->wide ? ((const int64_t *)x->counts)[at * PAGE + k] : ((const int32_t *)x->counts)[at * PAGE + k];
}
static inline bool count_fits(const struct index *x, int64_t n) { return x->wide || n == (int32_t)n; }
static inline void count_put(const struct index *x, uint32_t at, uint32_t k, int64_t n)
{
    if (x->wide)
        ((int64_t *)x->counts)[at * PAGE + k] = n;
    else
        ((int32_t *)x->counts)[at * PAGE + k] = (int32_t)n;
}

static size_t bytes_of(uint32_t room, bool wide)
{
    return sizeof(struct quantiles) + room * (sizeof(int32_t) + sizeof(uint32_t) + sizeof(int64_t)) +
           (size_t)room * PAGE * (wide ? sizeof(int64_t) : sizeof(int32_t));
}

void quantile_scale(double error, struct quantile_scale *ret)
{
    double g = (1 + error) / (1 - error);
    *ret = (struct quantile_scale){ .log = log(g), .middle = 2 / (g + 1) };
}

int32_t quantile_key(const struct quantile_scale *s, double v)
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
static uint32_t find(const struct quantiles *q, const int32_t *numbers, int32_t number)
{
    uint32_t from = 0;
    for (uint32_t n = q->used; n > 0;) {
        uint32_t half = n / 2;
        bool below = numbers[from + half] < number;
        from = below ? from + half + 1 : from;
        n = below ? n - half - 1 : half;
    }
    return from;
}

/* Counts may be below zero: a pane may hold what takes back values of another. */
static bool counts_nothing(const struct index *x, uint32_t i)
{
    for (uint32_t k = 0; k < PAGE; k++)
        if (count_at(x, x->at[i], k))
            return false;
    return true;
}

/* Writes the blob anew with room for another page: twice as many, without those that count nothing. */
static bool rebuild(struct agg_heap *heap, uint64_t *handle, bool wide)
{
    struct quantiles *old = view(heap, *handle);
    struct index from = { 0 };
    uint32_t live = 0, n = old ? old->used : 0;
    if (old)
        from = index_of(old);
    for (uint32_t i = 0; i < n; i++)
        live += !counts_nothing(&from, i);
    uint32_t room = !old ? FIRST_PAGES : live > old->room / 2 ? old->room * 2 : old->room;
    size_t bytes = bytes_of(room, wide);
    struct quantiles *q = mem_calloc(NULL, bytes);
    if (!q)
        return false;
    q->room = room;
    q->wide = wide;
    q->total = old ? old->total : 0;
    struct index to = index_of(q);
    for (uint32_t i = 0; i < n; i++) {
        if (counts_nothing(&from, i))
            continue;
        to.number[q->used] = from.number[i];
        to.at[q->used] = q->used;
        to.sum[q->used] = from.sum[i];
        for (uint32_t k = 0; k < PAGE; k++)
            count_put(&to, q->used, k, count_at(&from, from.at[i], k));
        q->used++;
    }
    bool ok = heap->set(heap, handle, q, bytes);
    mem_free(NULL, q, bytes);
    return ok;
}

void quantile_prefetch(struct agg_heap *heap, uint64_t handle, int32_t key)
{
    struct quantiles *q = view(heap, handle);
    struct index x = index_of(q);
    uint32_t at = find(q, x.number, key >> PAGE_BITS);
    if (at == q->used)
        return;
    __builtin_prefetch(&x.sum[at], 1);
    size_t bucket = x.at[at] * PAGE + ((uint32_t)key & (PAGE - 1));
    __builtin_prefetch((const uint8_t *)x.counts + bucket * (x.wide ? sizeof(int64_t) : sizeof(int32_t)), 1);
}

/* The page's place in the index; it is made when absent. false: memory refused. */
static bool page_for(struct agg_heap *heap, uint64_t *handle, int32_t number, uint32_t *ret)
{
    struct quantiles *q = view(heap, *handle);
    if (!q && !rebuild(heap, handle, false))
        return false;
    q = view(heap, *handle);
    struct index x = index_of(q);
    uint32_t at = find(q, x.number, number);
    if (at == q->used || x.number[at] != number) {
        if (q->used == q->room) {
            if (!rebuild(heap, handle, q->wide))
                return false;
            q = view(heap, *handle);
            x = index_of(q);
            at = find(q, x.number, number);
        }
        uint32_t behind = q->used - at;
        memmove(&x.number[at + 1], &x.number[at], behind * sizeof *x.number);
        memmove(&x.at[at + 1], &x.at[at], behind * sizeof *x.at);
        memmove(&x.sum[at + 1], &x.sum[at], behind * sizeof *x.sum);
        x.number[at] = number;
        x.at[at] = q->used++;
        x.sum[at] = 0;
    }
    *ret = at;
    return true;
}

bool quantile_add(struct agg_heap *heap, uint64_t *handle, int32_t key, int64_t n)
{
    uint32_t at, bucket = (uint32_t)key & (PAGE - 1);
    if (!page_for(heap, handle, key >> PAGE_BITS, &at))
        return false;
    struct quantiles *q = view(heap, *handle);
    struct index x = index_of(q);
    int64_t count = count_at(&x, x.at[at], bucket) + n;
    if (!count_fits(&x, count)) {
        if (!rebuild(heap, handle, true) || !page_for(heap, handle, key >> PAGE_BITS, &at))
            return false;
        q = view(heap, *handle);
        x = index_of(q);
    }
    q->total += n;
    x.sum[at] += n;
    count_put(&x, x.at[at], bucket, count);
    return true;
}

bool quantile_merge(struct agg_heap *to, uint64_t *handle, struct agg_heap *from, uint64_t other)
{
    struct quantiles *q = view(from, other);
    if (!q)
        return true;
    if (!*handle)
        return to->set(to, handle, q, bytes_of(q->room, q->wide));
    struct index x = index_of(q);
    for (uint32_t i = 0; i < q->used; i++)
        for (uint32_t k = 0; k < PAGE; k++) {
            int64_t n = count_at(&x, x.at[i], k);
            if (n && !quantile_add(to, handle, (int32_t)((uint32_t)x.number[i] << PAGE_BITS | k), n))
                return false;
        }
    return true;
}

int64_t quantile_total(struct agg_heap *heap, uint64_t handle)
{
    const struct quantiles *q = view(heap, handle);
    return q ? q->total : 0;
}

void quantile_prefetch_sums(struct agg_heap *heap, uint64_t handle)
{
    struct quantiles *q = view(heap, handle);
    struct index x = index_of(q);
    for (uint32_t i = 0; i < q->used; i += 8)
        __builtin_prefetch(&x.sum[i]);
}

/* From the nearer end: percentiles are mostly high. */
double quantile_at(struct agg_heap *heap, uint64_t handle, const struct quantile_scale *s, int64_t rank)
{
    struct quantiles *q = view(heap, handle);
    struct index x = index_of(q);
    uint32_t at = 0, k = 0;
    int64_t behind = q->total - rank; /* the value and those after it */
    if (rank < behind) {
        while (at + 1 < q->used && rank >= x.sum[at])
            rank -= x.sum[at++];
    } else {
        at = q->used - 1;
        while (at > 0 && behind > x.sum[at])
            behind -= x.sum[at--];
        rank = x.sum[at] - behind;
    }
    while (k + 1 < PAGE && rank >= count_at(&x, x.at[at], k))
        rank -= count_at(&x, x.at[at], k++);
    return value_of(s, (int32_t)((uint32_t)x.number[at] << PAGE_BITS | k));
}
