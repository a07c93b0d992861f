/* Memory: budgets, arenas, buffers, shared buffers.
 *
 * Anything sized by input, state or a peer is charged to a budget. Budgets nest (process > job >
 * task): a take must fit in every one above it. A refused take is a status (ST_MEMORY) and changes
 * nothing. Budgets are safe across threads; arenas and buffers belong to one thread at a time.
 *
 * Lifetimes have names: process, engine, job, task, batch, connection. Pass the arena that belongs to
 * the lifetime; free nothing singly inside it. */
#pragma once

#include <stdatomic.h>

#include "base/str.h"

struct budget {
    struct budget *parent; /* NULL at the top */
    const char *name;      /* for messages: "job", "process" */
    size_t limit;          /* bytes; SIZE_MAX means unlimited */
    atomic_size_t used, peak;
};

void budget_init(struct budget *b, const char *name, size_t limit, struct budget *parent);
/* false: some budget on the way up is full; nothing was taken. */
bool budget_take(struct budget *b, size_t bytes) MUST_USE;
void budget_give(struct budget *b, size_t bytes);
size_t budget_left(const struct budget *b); /* the least room on the way up */
/* Fills `err` with the name and limit of the budget that is full. Returns ST_MEMORY. */
enum status budget_error(const struct budget *b, size_t wanted, struct error *err);
/* The process's own budget: unlimited until someone sets `limit`. */
struct budget *budget_process(void);

/* Test switch: the n-th take from now on (1 = the next) fails, once; 0 switches it off.
 * budget_takes() counts the takes since the switch was last set. Process-wide. */
void budget_fail_nth(uint64_t n);
uint64_t budget_takes(void);

/* Heap memory charged to a budget. `budget` NULL means the process's. Free with the same size. */
void *mem_alloc(struct budget *b, size_t bytes);  /* NULL when refused; not cleared */
void *mem_calloc(struct budget *b, size_t bytes); /* cleared */
void *mem_realloc(struct budget *b, void *ptr, size_t old_bytes, size_t new_bytes);
void mem_free(struct budget *b, void *ptr, size_t bytes); /* NULL is allowed */

/* Under AddressSanitizer an arena poisons what it has not given out. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

/* An arena: allocate by moving a pointer, free all at once. */
struct arena_block;
struct arena {
    struct budget *budget;
    struct arena_block *blocks; /* newest first */
    uint8_t *at, *end;          /* the free part of the newest block */
    size_t block_bytes;         /* the next block's size; doubles up to 1 MiB */
};

void arena_init(struct arena *a, struct budget *b); /* allocates nothing yet */
void arena_release(struct arena *a);
void arena_reset(struct arena *a); /* keeps the largest block for reuse */
void *arena_alloc_slow(struct arena *a, size_t bytes, size_t align);
/* Sets aside room for `n` allocations of together `bytes`, none aligned to more than 16: they will not be refused. */
bool arena_reserve(struct arena *a, size_t n, size_t bytes) MUST_USE;

/* NULL when the budget refuses. `align` is a power of two up to 64. */
static inline void *arena_alloc_aligned(struct arena *a, size_t bytes, size_t align)
{
#ifndef ARENA_POISONS
    uintptr_t at = ((uintptr_t)a->at + (align - 1)) & ~(uintptr_t)(align - 1);
    if (a->at && at <= (uintptr_t)a->end && bytes <= (uintptr_t)a->end - at) {
        a->at = (uint8_t *)(at + bytes);
        return (void *)at;
    }
#endif
    return arena_alloc_slow(a, bytes, align);
}
static inline void *arena_alloc(struct arena *a, size_t bytes) { return arena_alloc_aligned(a, bytes, 16); }
void *arena_calloc(struct arena *a, size_t bytes);
void *arena_calloc_array(struct arena *a, size_t size, size_t n); /* NULL also when the product is too large */
#define ARENA_NEW(arena, type) ((type *)arena_calloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_calloc_array((arena), sizeof(type), (size_t)(n)))
/* Copies; the copy is followed by a NUL that is not counted. ptr NULL when refused. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A growing array in an arena (old storage is left to the arena):
 *   ARRAY(struct column_def) cols = {0};
 *   struct column_def *c = array_add(&cols, arena);   // cleared; NULL when refused */
#define ARRAY(type)          \
    struct {                 \
        type *at;            \
        uint32_t count, cap; \
    }
#define array_add(array, arena)                                                                              \
    ((array)->count == (array)->cap &&                                                                       \
             !array_grow((arena), (void **)&(array)->at, &(array)->cap, (array)->count, sizeof *(array)->at) \
         ? NULL                                                                                              \
         : (memset(&(array)->at[(array)->count], 0, sizeof *(array)->at), &(array)->at[(array)->count++]))
bool array_grow(struct arena *a, void **at, uint32_t *cap, uint32_t count, size_t size);

/* A growing byte buffer with a declared maximum. */
struct buf {
    struct budget *budget;
    uint8_t *data;
    size_t len, cap, max;
};

void buf_init(struct buf *b, struct budget *budget, size_t max_bytes);
void buf_release(struct buf *b);
static inline void buf_clear(struct buf *b) { b->len = 0; }
/* Room for `bytes` more; false when the budget or the maximum refuses. */
bool buf_reserve_slow(struct buf *b, size_t bytes);
static inline bool buf_reserve(struct buf *b, size_t bytes)
{
    return b->cap - b->len >= bytes || buf_reserve_slow(b, bytes);
}
bool buf_put(struct buf *b, const void *bytes, size_t len) MUST_USE;
bool buf_put_u8(struct buf *b, uint8_t v) MUST_USE;
bool buf_put_u32(struct buf *b, uint32_t v) MUST_USE; /* little-endian */
bool buf_put_u64(struct buf *b, uint64_t v) MUST_USE;
bool buf_put_varint(struct buf *b, uint64_t v) MUST_USE; /* LEB128 */
/* varint length, then the bytes */
bool buf_put_str(struct buf *b, struct str s) MUST_USE;
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;
static inline struct str buf_str(const struct buf *b) { return (struct str){ (const char *)b->data, b->len }; }
/* Moves the bytes out; the buffer is empty after. Free with mem_free(budget, ptr, *ret_cap). */
uint8_t *buf_take(struct buf *b, size_t *ret_len, size_t *ret_cap);

/* Reading back what buf_put_* wrote, never past the end; false on a short or overlong input. */
struct reader {
    const uint8_t *at, *end;
};
static inline struct reader reader_make(const void *p, size_t n)
{
    return (struct reader){ p, n ? (const uint8_t *)p + n : p };
}
bool read_u8(struct reader *r, uint8_t *ret) MUST_USE;
bool read_u32(struct reader *r, uint32_t *ret) MUST_USE;
bool read_u64(struct reader *r, uint64_t *ret) MUST_USE;
bool read_varint(struct reader *r, uint64_t *ret) MUST_USE;
bool read_str(struct reader *r, struct str *ret) MUST_USE; /* borrows */
bool read_bytes(struct reader *r, size_t n, const void **ret) MUST_USE;

/* A counted, immutable-once-shared byte buffer: what string columns point into. Counting is atomic, so
 * the last holder on any thread frees it. */
struct shared {
    atomic_uint refs;
    struct budget *budget;
    uint32_t len, cap; /* at most 2 GiB */
    uint8_t *data;     /* follows the header in memory */
};

struct shared *shared_new(struct budget *b, uint32_t cap); /* one reference; NULL when refused */
static inline struct shared *shared_ref(struct shared *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}
void shared_unref(struct shared *s); /* NULL is allowed */
