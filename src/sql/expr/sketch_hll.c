/* HyperLogLog++: how many different 64-bit hashes were seen, with a standard error of 1.04 / sqrt(2^14) = 0.81 %.
 *
 * A blob begins sparse: an open-addressing set of codes, 26 bits of the hash as index and 6 bits of rank (the number of
 * leading zeros after them, plus one), so that a small group costs as much as its values. Their number is the count: up to
 * 1,536 of them, what linear counting over 2^26 would add for collisions is less than 0.02. It doubles from 8 codes to 2,048; then it becomes dense: 2^14 registers of a byte each (the
 * ranks of a code follow from its 26-bit form) and, before them, how many registers have each rank. So a count costs the
 * 52 ranks, not the registers. The estimator is Ertl's improved one ("New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017, algorithms 4, 6 and 7): unbiased over the whole range without tables of corrections.
 *
 * What a blob counts depends on the set of hashes alone: neither on their order nor on how they were merged. */
#include <math.h>

#include "expr/expr_private.h"

#define DENSE_BITS 14u
#define REGISTERS (1u << DENSE_BITS)
#define TOP_RANK (64u - DENSE_BITS + 1)
#define SPARSE_BITS 26u
#define FIRST_CODES 8u
#define LAST_CODES 2048u

struct hll {
    uint32_t codes; /* room for so many; 0: dense */
    uint32_t used;
    uint32_t code[]; /* 0: free */
};
struct dense {
    uint32_t codes, used;
    uint32_t ranks[TOP_RANK + 1]; /* registers of each rank */
    uint8_t rank[REGISTERS];
};

/* The blob, by `edit`: unlike `get` that looks at nothing that lies beside it. NULL: empty. */
static struct hll *view(struct agg_heap *heap, uint64_t handle)
{
    return handle ? (struct hll *)(void *)heap->edit(heap, handle) : NULL;
}

static size_t sparse_bytes(uint32_t codes) { return sizeof(struct hll) + codes * sizeof(uint32_t); }

static uint32_t code_of(uint64_t hash)
{
    uint32_t rank = (uint32_t)__builtin_clzll(hash << SPARSE_BITS | (uint64_t)1 << (SPARSE_BITS - 1)) + 1;
    return (uint32_t)(hash >> (64 - SPARSE_BITS)) << 6 | rank;
}

static void put_rank(struct dense *d, uint32_t at, uint8_t rank)
{
    uint8_t old = d->rank[at];
    if (old >= rank)
        return;
    d->rank[at] = rank;
    d->ranks[old]--;
    d->ranks[rank]++;
}

/* The register and rank that a code stands for. */
static void put_code(struct dense *d, uint32_t code)
{
    uint32_t more = SPARSE_BITS - DENSE_BITS, index = code >> 6, rest = index & ((1u << more) - 1);
    uint32_t rank = rest ? (uint32_t)__builtin_clz(rest) - (32 - more) + 1 : more + (code & 63);
    put_rank(d, index >> more, (uint8_t)rank);
}

/* true: the set has grown or a rank has risen. */
static bool insert(struct hll *h, uint32_t code)
{
    uint32_t mask = h->codes - 1, i = (code >> 6) * 2654435761u >> 8;
    for (;; i++) {
        uint32_t *slot = &h->code[i & mask];
        if (*slot == 0) {
            *slot = code;
            h->used++;
            return true;
        }
        if (*slot >> 6 == code >> 6) {
            bool risen = code > *slot;
            *slot = risen ? code : *slot;
            return risen;
        }
    }
}

static bool make_dense(struct agg_heap *heap, uint64_t *handle)
{
    struct dense d = { .ranks[0] = REGISTERS };
    const struct hll *old = view(heap, *handle);
    for (uint32_t i = 0; old && i < old->codes; i++)
        if (old->code[i])
            put_code(&d, old->code[i]);
    return heap->set(heap, handle, &d, sizeof d);
}

/* Twice the room, or dense. */
static bool grow(struct agg_heap *heap, uint64_t *handle)
{
    _Alignas(8) uint8_t bytes[sizeof(struct hll) + LAST_CODES * sizeof(uint32_t)];
    struct hll *h = (struct hll *)(void *)bytes;
    const struct hll *old = view(heap, *handle);
    uint32_t codes = old ? old->codes * 2 : FIRST_CODES;
    if (codes > LAST_CODES)
        return make_dense(heap, handle);
    memset(bytes, 0, sparse_bytes(codes));
    h->codes = codes;
    for (uint32_t i = 0; old && i < old->codes; i++)
        if (old->code[i])
            (void)insert(h, old->code[i]);
    return heap->set(heap, handle, bytes, sparse_bytes(h->codes));
}

static bool add_code(struct agg_heap *heap, uint64_t *handle, uint32_t code, bool *ret_changed)
{
    if (!*handle && !grow(heap, handle))
        return false;
    struct hll *h = view(heap, *handle);
    if (h->codes && h->used * 4 >= h->codes * 3) {
        if (!grow(heap, handle))
            return false;
        h = view(heap, *handle);
    }
    if (h->codes) {
        *ret_changed |= insert(h, code);
        return true;
    }
    put_code((struct dense *)(void *)h, code);
    *ret_changed = true;
    return true;
}

bool hll_add(struct agg_heap *heap, uint64_t *handle, uint64_t hash, bool *ret_changed)
{
    struct dense *d = (struct dense *)(void *)view(heap, *handle);
    if (!d || d->codes)
        return add_code(heap, handle, code_of(hash), ret_changed);
    uint8_t rank = (uint8_t)(__builtin_clzll(hash << DENSE_BITS | (uint64_t)1 << (DENSE_BITS - 1)) + 1);
    uint32_t at = (uint32_t)(hash >> (64 - DENSE_BITS));
    *ret_changed |= d->rank[at] < rank;
    put_rank(d, at, rank);
    return true;
}

void hll_prefetch(struct agg_heap *heap, uint64_t handle, uint64_t hash)
{
    const struct hll *h = view(heap, handle);
    if (h->codes)
        __builtin_prefetch(&h->code[((code_of(hash) >> 6) * 2654435761u >> 8) & (h->codes - 1)], 1);
    else
        __builtin_prefetch((const uint8_t *)h + offsetof(struct dense, rank) + (hash >> (64 - DENSE_BITS)), 1);
}

bool hll_merge(struct agg_heap *to, uint64_t *handle, struct agg_heap *from, uint64_t other)
{
    bool changed = false;
    if (!other)
        return true;
    struct str bytes = from->get(from, other);
    const struct hll *src = (const struct hll *)(const void *)bytes.ptr;
    if (!*handle)
        return to->set(to, handle, bytes.ptr, bytes.len);
    for (uint32_t i = 0; i < src->codes; i++)
        if (src->code[i] && !add_code(to, handle, src->code[i], &changed))
            return false;
    if (src->codes)
        return true;
    if (view(to, *handle)->codes && !make_dense(to, handle))
        return false;
    struct dense *d = (struct dense *)(void *)view(to, *handle);
    const struct dense *s = (const struct dense *)(const void *)bytes.ptr;
    for (uint32_t i = 0; i < REGISTERS; i++)
        put_rank(d, i, s->rank[i]);
    return true;
}

/* ---- the estimate ---- */

static double sigma(double x)
{
    double y = 1, z = x, before;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before;
    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

int64_t hll_count(struct agg_heap *heap, uint64_t handle)
{
    const struct hll *h = view(heap, handle);
    if (!h || h->codes)
        return h ? h->used : 0;
    const struct dense *d = (const struct dense *)(const void *)h;
    double m = REGISTERS, z = m * tau(1 - d->ranks[TOP_RANK] / m);
    for (uint32_t k = TOP_RANK - 1; k >= 1; k--)
        z = 0.5 * (z + d->ranks[k]);
    z += m * sigma(d->ranks[0] / m);
    return llround(m * m / (2 * M_LN2) / z);
}
