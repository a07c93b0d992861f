/* Aggregates that stand on sketches: APPROX_COUNT_DISTINCT, APPROX_PERCENTILE, APPROX_TOP_K. A state is the handle of a
 * sketch's blob, which is changed where it lies. Sketches merge, so these aggregates work in panes; what they tell depends
 * on the values alone (of APPROX_TOP_K, as long as nothing was trimmed).
 *
 * A sketch of a group seldom lies in the cache: each chunk of rows is hashed first, its places are asked for, and only then
 * changed. */
#include <math.h>

#include "expr/expr_private.h"

#define CHUNK 64u

static enum status heap_full(struct error *err)
{
    return error_set(err, ST_MEMORY, "the memory budget is used up by an aggregate's sketch");
}

/* XXH3 of the value's canonical bytes, as its key would be hashed. */
static bool hash_value(const struct column *c, uint32_t row, struct buf *bytes, uint64_t *ret)
{
    uint8_t fixed[9] = { 0 };
    size_t len = type_phys(c->type) == PHYS_I64 ? 9 : type_phys(c->type) == PHYS_I32 ? 5 : 0;
    if (len) {
        memcpy(fixed + 1, (const uint8_t *)c->data + (len - 1) * row, len - 1);
        *ret = hash_bytes(fixed, len);
        return true;
    }
    buf_clear(bytes);
    if (!row_encode(bytes, c, NULL, 1, row, false))
        return false;
    *ret = hash_bytes(bytes->data, bytes->len);
    return true;
}

/* Asks for the beginnings of the chunk's blobs. */
static void prefetch_blobs(void *const *states, uint32_t n, struct agg_heap *heap)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t handle = *(const uint64_t *)states[i]; /* a state begins with it */
        const uint8_t *blob = handle ? heap->edit(heap, handle) : NULL;
        if (blob) {
            __builtin_prefetch(blob, 1);
            __builtin_prefetch(blob + 64, 1);
        }
    }
}

/* The rows of a chunk that are not NULL, with their states. */
struct chunk {
    void *states[CHUNK];
    uint32_t rows[CHUNK];
    uint32_t n;
};
static void take_chunk(struct chunk *c, void *const *states, const struct column *arg, const uint16_t *rows, uint32_t at,
                       uint32_t n)
{
    c->n = 0;
    for (uint32_t i = at; i < n && i < at + CHUNK; i++) {
        uint32_t r = rows ? rows[i] : i;
        c->states[c->n] = states[i];
        c->rows[c->n] = r;
        c->n += !column_is_null(arg, r);
    }
}

/* ---- APPROX_COUNT_DISTINCT ---- */

struct distinct {
    uint64_t handle;
    int64_t count; /* what the sketch tells, unless stale */
    uint64_t stale;
};

static bool distinct_some(const struct chunk *c, const struct column *arg, struct agg_heap *heap, struct buf *bytes)
{
    uint64_t hashes[CHUNK];
    prefetch_blobs(c->states, c->n, heap);
    for (uint32_t i = 0; i < c->n; i++)
        if (!hash_value(arg, c->rows[i], bytes, &hashes[i]))
            return false;
    for (uint32_t i = 0; i < c->n; i++)
        if (*(const uint64_t *)c->states[i])
            hll_prefetch(heap, *(const uint64_t *)c->states[i], hashes[i]);
    for (uint32_t i = 0; i < c->n; i++) {
        struct distinct *d = c->states[i];
        bool changed = false;
        if (!hll_add(heap, &d->handle, hashes[i], &changed))
            return false;
        d->stale |= changed;
    }
    return true;
}

static enum status distinct_add(const struct aggregate *g, void *const *states, const struct column *args,
                                const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    (void)g;
    struct chunk c;
    struct buf bytes;
    bool ok = true;
    buf_init(&bytes, NULL, 64u << 20);
    for (uint32_t at = 0; at < n && ok; at += CHUNK) {
        take_chunk(&c, states, &args[0], rows, at, n);
        ok = distinct_some(&c, &args[0], heap, &bytes);
    }
    buf_release(&bytes);
    return ok ? ST_OK : heap_full(err);
}

static enum status distinct_merge(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                                  struct agg_heap *src_heap, struct error *err)
{
    (void)g;
    struct distinct *d = dst;
    d->stale = 1;
    return hll_merge(dst_heap, &d->handle, src_heap, ((const struct distinct *)src)->handle) ? ST_OK : heap_full(err);
}

static enum status distinct_result(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                                   struct column *out, uint32_t out_row, struct error *err)
{
    (void)g, (void)err;
    for (uint32_t i = 0; i < n; i++) {
        struct distinct *d = states[i];
        if (d->stale)
            d->count = hll_count(heap, d->handle);
        d->stale = 0;
        out->i64[out_row + i] = d->count;
    }
    return ST_OK;
}

const struct aggregate_ops agg_approx_count = { distinct_add, NULL, distinct_merge, distinct_result };

/* ---- APPROX_PERCENTILE ---- */

struct percentile {
    uint64_t handle;
    double value; /* of the only percentage, unless stale */
    uint64_t fresh;
};

static bool quantile_some(const struct agg_percentages *p, const struct chunk *c, const double *values, int64_t sign,
                          struct agg_heap *heap)
{
    int32_t keys[CHUNK];
    prefetch_blobs(c->states, c->n, heap);
    for (uint32_t i = 0; i < c->n; i++)
        keys[i] = quantile_key(&p->scale, values[c->rows[i]]);
    for (uint32_t i = 0; i < c->n; i++)
        if (*(const uint64_t *)c->states[i])
            quantile_prefetch(heap, *(const uint64_t *)c->states[i], keys[i]);
    for (uint32_t i = 0; i < c->n; i++) {
        struct percentile *s = c->states[i];
        s->fresh = 0;
        if (!quantile_add(heap, &s->handle, keys[i], sign))
            return false;
    }
    return true;
}
static enum status quantile_step(const struct aggregate *g, void *const *states, const struct column *args,
                                 const uint16_t *rows, uint32_t n, int64_t sign, struct agg_heap *heap, struct error *err)
{
    struct chunk c;
    for (uint32_t at = 0; at < n; at += CHUNK) {
        take_chunk(&c, states, &args[0], rows, at, n);
        if (!quantile_some(g->data, &c, args[0].f64, sign, heap))
            return heap_full(err);
    }
    return ST_OK;
}
static enum status quantile_in(const struct aggregate *g, void *const *states, const struct column *args,
                               const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    return quantile_step(g, states, args, rows, n, 1, heap, err);
}
static enum status quantile_out(const struct aggregate *g, void *const *states, const struct column *args,
                                const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err)
{
    return quantile_step(g, states, args, rows, n, -1, heap, err);
}

static enum status quantiles_merge(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                                   struct agg_heap *src_heap, struct error *err)
{
    (void)g;
    struct percentile *d = dst;
    d->fresh = 0;
    return quantile_merge(dst_heap, &d->handle, src_heap, ((const struct percentile *)src)->handle) ? ST_OK
                                                                                                    : heap_full(err);
}

static void prefetch_sums(void *const *states, uint32_t n, struct agg_heap *heap)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct percentile *s = states[i];
        if (!s->fresh && s->handle)
            quantile_prefetch_sums(heap, s->handle);
    }
}

static double told(const struct agg_percentages *p, uint32_t k, struct agg_heap *heap, uint64_t handle, int64_t total)
{
    return quantile_at(heap, handle, &p->scale, (int64_t)floor(p->at[k] * (double)(total - 1)));
}

static enum status quantiles_result(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                                    struct column *out, uint32_t out_row, struct error *err)
{
    const struct agg_percentages *p = g->data;
    for (uint32_t i = 0; i < n; i++) {
        struct percentile *s = states[i];
        uint32_t at = out_row + i, first;
        if (i % CHUNK == 0)
            prefetch_sums(states + i, n - i < CHUNK ? n - i : CHUNK, heap);
        if (s->fresh) {
            out->f64[at] = s->value;
            continue;
        }
        int64_t total = quantile_total(heap, s->handle);
        if (total <= 0 || p->n == 0) {
            column_set_null(out, at);
        } else if (!p->list) {
            out->f64[at] = s->value = told(p, 0, heap, s->handle, total);
            s->fresh = 1;
        } else if (column_start_list(out, at, p->n, &first)) {
            for (uint32_t k = 0; k < p->n; k++)
                out->children[0].f64[first + k] = told(p, k, heap, s->handle, total);
        } else {
            return heap_full(err);
        }
    }
    return ST_OK;
}

const struct aggregate_ops agg_approx_percentile = { quantile_in, quantile_out, quantiles_merge, quantiles_result };

/* ---- APPROX_TOP_K ---- */

static enum status top_in(const struct aggregate *g, void *const *states, const struct column *args, const uint16_t *rows,
                          uint32_t n, struct agg_heap *heap, struct error *err)
{
    const struct agg_top *t = g->data;
    struct buf bytes;
    buf_init(&bytes, NULL, 64u << 20);
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++) {
        uint32_t r = rows ? rows[i] : i;
        if (column_is_null(&args[0], r))
            continue;
        buf_clear(&bytes);
        ok = row_encode(&bytes, args, NULL, 1, r, false) &&
             top_add(heap, states[i], t->capacity, hash_bytes(bytes.data, bytes.len), buf_str(&bytes));
    }
    buf_release(&bytes);
    return ok ? ST_OK : heap_full(err);
}

static enum status tops_merge(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                              struct agg_heap *src_heap, struct error *err)
{
    const struct agg_top *t = g->data;
    bool ok = top_merge(dst_heap, dst, t->capacity, src_heap, *(const uint64_t *)src);
    return ok ? ST_OK : heap_full(err);
}

/* Of values that are as frequent the least comes first, by SQL's order where the type has one. `order` names rows of
 * `values`; items are sorted by count. */
static bool comes_before(const struct aggregate *g, const struct column *values, const struct top_item *items, uint32_t x,
                         uint32_t y)
{
    if (items[x].count != items[y].count)
        return items[x].count > items[y].count;
    int order = type_comparable(g->arg_types[0], true) ? column_compare(values, x, values, y) : 0;
    return order ? order < 0 : str_cmp(items[x].bytes, items[y].bytes) < 0;
}

/* The first k of the items into the list at `row`. Those behind the k-th that are as frequent as it compete too. */
static enum status put_top(const struct aggregate *g, const struct top_item *items, uint32_t n, struct column *values,
                           struct column *out, uint32_t row, struct error *err)
{
    const struct agg_top *t = g->data;
    uint32_t k = n < t->k ? n : t->k, first, order[AGG_TOP_MAX];
    for (uint32_t i = 0; i < n && (i < k || items[i].count == items[k - 1].count); i++) {
        TRY(row_decode(items[i].bytes, values, 1, i, err));
        uint32_t at = i < k ? i : k;
        while (at > 0 && comes_before(g, values, items, i, order[at - 1])) {
            if (at < k)
                order[at] = order[at - 1];
            at--;
        }
        if (at < k)
            order[at] = i;
    }
    if (!column_start_list(out, row, k, &first))
        return heap_full(err);
    for (uint32_t i = 0; i < k; i++) {
        struct column *fields = out->children[0].children;
        if (!column_copy(&fields[0], first + i, values, order[i], false))
            return heap_full(err);
        fields[1].i64[first + i] = items[order[i]].count;
    }
    return ST_OK;
}

static enum status tops_result(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                               struct column *out, uint32_t out_row, struct error *err)
{
    const struct agg_top *t = g->data;
    uint32_t room = 2 * t->capacity;
    struct top_item *items = mem_alloc(NULL, room * sizeof *items);
    struct column values;
    bool ready = items && column_init(&values, g->arg_types[0], room, NULL);
    enum status st = ready ? ST_OK : heap_full(err);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        uint32_t found = top_items(heap, *(const uint64_t *)states[i], items);
        column_clear(&values);
        if (found == 0)
            column_set_null(out, out_row + i);
        else
            st = put_top(g, items, found, &values, out, out_row + i, err);
    }
    if (ready)
        column_release(&values);
    mem_free(NULL, items, room * sizeof *items);
    return st;
}

const struct aggregate_ops agg_approx_top = { top_in, NULL, tops_merge, tops_result };
