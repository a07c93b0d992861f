/* Deadlines: a binary heap of what has one, the earliest on top. Each knows its slot, so that one can be moved or taken
 * out without a search. */
#include "coord/private.h"

static void place(struct due_heap *h, uint32_t slot, struct due *d)
{
    h->at[slot] = d;
    d->slot = slot;
}

static void sift(struct due_heap *h, struct due *d)
{
    uint32_t slot = d->slot;
    for (; slot > 0 && h->at[(slot - 1) / 2]->at_ms > d->at_ms; slot = (slot - 1) / 2)
        place(h, slot, h->at[(slot - 1) / 2]);
    for (;;) {
        uint32_t child = slot * 2 + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->at[child + 1]->at_ms < h->at[child]->at_ms)
            child++;
        if (h->at[child]->at_ms >= d->at_ms)
            break;
        place(h, slot, h->at[child]);
        slot = child;
    }
    place(h, slot, d);
}

bool due_add(struct due_heap *h, struct due *d, int64_t at_ms)
{
    if (!own_room(h->budget, (void **)&h->at, &h->cap, h->n, sizeof *h->at))
        return false;
    d->at_ms = at_ms;
    place(h, h->n++, d);
    sift(h, d);
    return true;
}

void due_move(struct due_heap *h, struct due *d, int64_t at_ms)
{
    d->at_ms = at_ms;
    sift(h, d);
}

void due_remove(struct due_heap *h, struct due *d)
{
    struct due *last = h->at[--h->n];
    if (last == d)
        return;
    place(h, d->slot, last);
    sift(h, last);
}
