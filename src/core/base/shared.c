/* Counted byte buffers: one allocation holds the header and, 64 bytes on, the data. The count is
 * raised relaxed (the caller already holds a reference) and lowered with acquire and release, so that
 * the thread that frees sees every read of the others done. */
#include "base/memory.h"

#define SHARED_MAX_BYTES (1u << 31)
#define SHARED_HEADER 64u
_Static_assert(sizeof(struct shared) <= SHARED_HEADER, "the header fits");

struct shared *shared_new(struct budget *b, uint32_t cap)
{
    if (cap > SHARED_MAX_BYTES)
        return NULL;
    struct shared *s = mem_alloc(b, (size_t)SHARED_HEADER + cap);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->budget = b;
    s->len = 0;
    s->cap = cap;
    s->data = (uint8_t *)s + SHARED_HEADER;
    return s;
}

void shared_unref(struct shared *s)
{
    if (!s)
        return;
    unsigned before = atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1)
        mem_free(s->budget, s, (size_t)SHARED_HEADER + s->cap);
}
