/* Arenas, and the growing arrays in them.
 *
 * A chain of blocks, each charged to the budget when it is made: a header of 64 bytes, then room. `at`
 * and `end` bound the free part of the first block in the chain. A request that is large beside the
 * block size gets a block of its own, chained second, so that the free part in front is not lost.
 * Block sizes double up to 1 MiB: few budget takes for a large arena, little waste for a small one.
 *
 * Under AddressSanitizer the free part is poisoned and each allocation is followed by a poisoned gap;
 * the header's fast path is then off, so that every allocation comes through arena_alloc_slow. */
#include "base/memory.h"

#include <stdio.h>

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
#define ARENA_GAP 16u
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define ARENA_GAP 0u
#endif

#define BLOCK_FIRST_BYTES ((size_t)2048)
#define BLOCK_MAX_BYTES ((size_t)1 << 20)
#define ARENA_REQUEST_MAX ((size_t)1 << 38)

struct arena_block {
    struct arena_block *next;
    size_t bytes; /* with this header */
};
#define BLOCK_HEADER 64u
_Static_assert(sizeof(struct arena_block) <= BLOCK_HEADER, "the header fits");

void arena_init(struct arena *a, struct budget *b)
{
    *a = (struct arena){ .budget = b, .block_bytes = BLOCK_FIRST_BYTES };
}

static void block_free(struct arena *a, struct arena_block *block)
{
    size_t bytes = block->bytes;
    UNPOISON(block, bytes);
    mem_free(a->budget, block, bytes);
}

void arena_release(struct arena *a)
{
    for (struct arena_block *block = a->blocks, *next; block; block = next) {
        next = block->next;
        block_free(a, block);
    }
    arena_init(a, a->budget);
}

/* Makes `block`, the first in the chain, the one to allocate from. */
static void block_open(struct arena *a, struct arena_block *block)
{
    a->at = (uint8_t *)block + BLOCK_HEADER;
    a->end = (uint8_t *)block + block->bytes;
    POISON(a->at, (size_t)(a->end - a->at));
}

void arena_reset(struct arena *a)
{
    struct arena_block *largest = a->blocks;
    for (struct arena_block *block = a->blocks; block; block = block->next)
        if (block->bytes > largest->bytes)
            largest = block;
    for (struct arena_block *block = a->blocks, *next; block; block = next) {
        next = block->next;
        if (block != largest)
            block_free(a, block);
    }
    a->blocks = largest;
    if (!largest)
        return;
    largest->next = NULL;
    block_open(a, largest);
}

/* Cuts a piece out of [*at, end) or returns NULL. */
static void *cut(uint8_t **at, const uint8_t *end, size_t bytes, size_t align)
{
    uintptr_t from = ((uintptr_t)*at + (align - 1)) & ~(uintptr_t)(align - 1);
    if (!*at || from > (uintptr_t)end || bytes + ARENA_GAP > (uintptr_t)end - from)
        return NULL;
    *at = (uint8_t *)(from + bytes + ARENA_GAP);
    UNPOISON((void *)from, bytes);
    return (void *)from;
}

void *arena_alloc_slow(struct arena *a, size_t bytes, size_t align)
{
    if (bytes > ARENA_REQUEST_MAX)
        return NULL;
    void *got = cut(&a->at, a->end, bytes, align);
    if (got)
        return got;
    size_t need = BLOCK_HEADER + bytes + ARENA_GAP + align;
    bool own = need > a->block_bytes / 2;
    size_t block_bytes = own && need > a->block_bytes ? need : a->block_bytes;
    if (own && a->blocks)
        block_bytes = need;
    struct arena_block *block = mem_alloc(a->budget, block_bytes);
    if (!block)
        return NULL;
    block->bytes = block_bytes;
    if (own && a->blocks) {
        block->next = a->blocks->next;
        a->blocks->next = block;
        uint8_t *at = (uint8_t *)block + BLOCK_HEADER;
        POISON(at, block_bytes - BLOCK_HEADER);
        return cut(&at, (uint8_t *)block + block_bytes, bytes, align);
    }
    block->next = a->blocks;
    a->blocks = block;
    block_open(a, block);
    if (a->block_bytes < BLOCK_MAX_BYTES)
        a->block_bytes *= 2;
    return cut(&a->at, a->end, bytes, align);
}

bool arena_reserve(struct arena *a, size_t n, size_t bytes)
{
    if (n > ARENA_REQUEST_MAX / 64 || bytes > ARENA_REQUEST_MAX / 2)
        return false;
    size_t need = bytes + n * (ARENA_GAP + 16) + ARENA_GAP;
    if (a->at && need <= (size_t)(a->end - a->at))
        return true;
    size_t block_bytes = BLOCK_HEADER + need > a->block_bytes ? BLOCK_HEADER + need : a->block_bytes;
    struct arena_block *block = mem_alloc(a->budget, block_bytes);
    if (!block)
        return false;
    *block = (struct arena_block){ a->blocks, block_bytes };
    a->blocks = block;
    block_open(a, block);
    return true;
}

void *arena_calloc(struct arena *a, size_t bytes)
{
    void *p = arena_alloc(a, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *arena_calloc_array(struct arena *a, size_t size, size_t n)
{
    if (size != 0 && n > ARENA_REQUEST_MAX / size)
        return NULL;
    return arena_calloc(a, size * n);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = s.len < SIZE_MAX ? arena_alloc_aligned(a, s.len + 1, 1) : NULL;
    if (!p)
        return (struct str){ 0 };
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return (struct str){ p, s.len };
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *p = len < 0 ? NULL : arena_alloc_aligned(a, (size_t)len + 1, 1);
    if (p)
        vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    return p ? (struct str){ p, (size_t)len } : (struct str){ 0 };
}

bool array_grow(struct arena *a, void **at, uint32_t *cap, uint32_t count, size_t size)
{
    if (*cap > UINT32_MAX / 2)
        return false;
    uint32_t new_cap = *cap < 4 ? 8 : *cap * 2;
    if (size > ARENA_REQUEST_MAX / new_cap)
        return false;
    void *to = arena_alloc(a, size * new_cap);
    if (!to)
        return false;
    if (count)
        memcpy(to, *at, size * count);
    *at = to;
    *cap = new_cap;
    return true;
}
