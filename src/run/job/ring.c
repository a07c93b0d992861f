/* Rings: bounded queues from one task to one other, without locks.
 *
 * Slots are numbered by two counters that only grow: `tail` (written by the producer) and `head` (by the
 * consumer). How many batches and how many watermarks lie in the ring is the difference of two counters again, one
 * on each side, so that each kind of event has its own room: a ring full of batches takes watermarks, and one full
 * of both takes the barrier and the end, of which there can be only one each (the next epoch's barrier is asked
 * for when all tasks have passed the last).
 *
 * The counters that tell the other side of news are stored and loaded seq_cst: a worker that goes to sleep first
 * says so and then looks once more, and whoever pushes or pops first stores and then looks whether the other
 * sleeps. In the one order of all these accesses one of the two sees the other. The consumer moves `head` before
 * its count of batches, so who sees room by the count may use the slot. */
#include "job/job_private.h"

struct ring *ring_new(uint32_t capacity, struct budget *b)
{
    CHECK(capacity > 0 && capacity <= 1u << 20);
    uint32_t n = 1;
    while (n < capacity + RING_SOFT + RING_HARD)
        n *= 2;
    struct ring *r = mem_calloc(b, sizeof *r);
    struct ring_event *slots = r ? mem_calloc(b, n * sizeof *slots) : NULL;
    if (!slots) {
        mem_free(b, r, sizeof *r);
        return NULL;
    }
    r->slots = slots;
    r->capacity = capacity;
    r->n_slots = n;
    r->mask = n - 1;
    r->budget = b;
    return r;
}

void ring_free(struct ring *r)
{
    if (!r)
        return;
    while (ring_peek(r))
        batch_free(ring_pop(r).batch);
    mem_free(r->budget, r->slots, r->n_slots * sizeof *r->slots);
    mem_free(r->budget, r, sizeof *r);
}

bool ring_room(const struct ring *r, enum event_kind kind)
{
    switch (kind) {
    case EVENT_BATCH:
        return r->batches_in - atomic_load(&r->batches_out) < r->capacity;
    case EVENT_WATERMARK:
    case EVENT_IDLE:
        return r->soft_in - atomic_load(&r->soft_out) < RING_SOFT;
    default:
        return true;
    }
}

bool ring_push(struct ring *r, const struct ring_event *ev)
{
    if (!ring_room(r, ev->kind))
        return false;
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    CHECK(tail - atomic_load(&r->head) < r->n_slots);
    r->slots[tail & r->mask] = *ev;
    if (ev->kind == EVENT_BATCH)
        r->batches_in++;
    else if (ev->kind == EVENT_WATERMARK || ev->kind == EVENT_IDLE)
        r->soft_in++;
    atomic_store(&r->tail, tail + 1);
    return true;
}

const struct ring_event *ring_peek(const struct ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    return atomic_load(&r->tail) == head ? NULL : &r->slots[head & r->mask];
}

struct ring_event ring_pop(struct ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    struct ring_event ev = r->slots[head & r->mask];
    atomic_store(&r->head, head + 1);
    if (ev.kind == EVENT_BATCH)
        atomic_store(&r->batches_out, atomic_load_explicit(&r->batches_out, memory_order_relaxed) + 1);
    else if (ev.kind == EVENT_WATERMARK || ev.kind == EVENT_IDLE)
        atomic_store(&r->soft_out, atomic_load_explicit(&r->soft_out, memory_order_relaxed) + 1);
    return ev;
}
