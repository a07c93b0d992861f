/* Budgets and the heap memory that is charged to them.
 *
 * A budget is a counter with a limit and a parent. A take walks up the parents and adds to each by
 * compare-and-swap; when one is full, what was already added below it is given back, so that a refusal
 * leaves no trace but a moment in which another thread may see less room than there is. No lock, no
 * order of release to keep.
 *
 * The fault switch (budget_fail_nth) and the count of takes are process-wide: a test arms the n-th
 * take, whoever makes it. They are one relaxed counter and one relaxed load on a path that already
 * touches the process's own counter. */
#include "base/memory.h"

#include <stdlib.h>

/* No single block may be larger: beyond it, sums of sizes are bugs or attacks, and sanitizers abort. */
#define MEM_BLOCK_MAX ((size_t)1 << 38)

static struct budget process_budget = { .name = "process", .limit = SIZE_MAX };
static atomic_uint_fast64_t takes_seen;
static atomic_uint_fast64_t takes_fail_at;

struct budget *budget_process(void)
{
    return &process_budget;
}

void budget_init(struct budget *b, const char *name, size_t limit, struct budget *parent)
{
    b->parent = parent;
    b->name = name;
    b->limit = limit;
    atomic_init(&b->used, 0);
    atomic_init(&b->peak, 0);
}

void budget_fail_nth(uint64_t n)
{
    atomic_store(&takes_fail_at, 0);
    atomic_store(&takes_seen, 0);
    atomic_store(&takes_fail_at, n);
}

uint64_t budget_takes(void)
{
    return atomic_load(&takes_seen);
}

static bool take_one(struct budget *b, size_t bytes)
{
    size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
    do {
        if (used > b->limit || bytes > b->limit - used)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&b->used, &used, used + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/* Only once the whole take stands: a refused one is no peak. */
static void raise_peak(struct budget *b)
{
    size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
    size_t peak = atomic_load_explicit(&b->peak, memory_order_relaxed);
    while (peak < used && !atomic_compare_exchange_weak_explicit(&b->peak, &peak, used, memory_order_relaxed,
                                                                 memory_order_relaxed)) {
    }
}

static void give_one(struct budget *b, size_t bytes)
{
    size_t before = atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
    CHECK(before >= bytes);
}

bool budget_take(struct budget *b, size_t bytes)
{
    uint64_t nth = atomic_fetch_add_explicit(&takes_seen, 1, memory_order_relaxed) + 1;
    uint64_t fail_at = atomic_load_explicit(&takes_fail_at, memory_order_relaxed);
    if (fail_at != 0 && nth == fail_at)
        return false;
    if (!b)
        b = &process_budget;
    for (struct budget *up = b; up; up = up->parent) {
        if (take_one(up, bytes))
            continue;
        for (struct budget *undo = b; undo != up; undo = undo->parent)
            give_one(undo, bytes);
        return false;
    }
    for (struct budget *up = b; up; up = up->parent)
        raise_peak(up);
    return true;
}

void budget_give(struct budget *b, size_t bytes)
{
    for (b = b ? b : &process_budget; b; b = b->parent)
        give_one(b, bytes);
}

size_t budget_left(const struct budget *b)
{
    size_t least = SIZE_MAX;
    for (b = b ? b : &process_budget; b; b = b->parent) {
        size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
        size_t left = used >= b->limit ? 0 : b->limit - used;
        if (left < least)
            least = left;
    }
    return least;
}

enum status budget_error(const struct budget *b, size_t wanted, struct error *err)
{
    for (b = b ? b : &process_budget; b; b = b->parent) {
        size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
        if (used > b->limit || wanted > b->limit - used)
            return error_set(err, ST_MEMORY, "the memory budget '%s' is full: %zu of %zu bytes used, %zu more wanted",
                             b->name, used, b->limit, wanted);
    }
    if (wanted == 0) /* nobody knows how much */
        return error_set(err, ST_MEMORY, "out of memory");
    return error_set(err, ST_MEMORY, "out of memory: %zu bytes wanted", wanted);
}

void *mem_alloc(struct budget *b, size_t bytes)
{
    if (bytes > MEM_BLOCK_MAX || !budget_take(b, bytes))
        return NULL;
    void *p = malloc(bytes ? bytes : 1);
    if (!p)
        budget_give(b, bytes);
    return p;
}

void *mem_calloc(struct budget *b, size_t bytes)
{
    if (bytes > MEM_BLOCK_MAX || !budget_take(b, bytes))
        return NULL;
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        budget_give(b, bytes);
    return p;
}

void *mem_realloc(struct budget *b, void *ptr, size_t old_bytes, size_t new_bytes)
{
    CHECK(ptr || old_bytes == 0);
    if (new_bytes > MEM_BLOCK_MAX)
        return NULL;
    if (new_bytes > old_bytes && !budget_take(b, new_bytes - old_bytes))
        return NULL;
    void *p = realloc(ptr, new_bytes ? new_bytes : 1);
    if (p && new_bytes < old_bytes)
        budget_give(b, old_bytes - new_bytes);
    if (!p && new_bytes > old_bytes)
        budget_give(b, new_bytes - old_bytes);
    return p;
}

void mem_free(struct budget *b, void *ptr, size_t bytes)
{
    if (!ptr)
        return;
    free(ptr);
    budget_give(b, bytes);
}
