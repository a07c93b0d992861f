/* Parked readers: each partition has a list of those that wait on it, under its lock.
 *
 * No wake-up is lost: the reader says which end it was told, and whether that has moved is looked at under the lock under
 * which every move looks at the list. None is repeated: the first to set `woken` wakes. Until a reader stands on all its
 * lists it counts as woken; what came meanwhile is in `got`. That counts bytes committed, so a read_committed reader may
 * be woken too early (behind an open transaction), never too late.
 *
 * Leaving takes each lock once, so that no wake-up is under way afterwards. */
#include "topic/private.h"

#define ENOUGH (UINT64_MAX >> 2)

static bool moved(const struct topic_wait_on *on)
{
    struct topic_partition *p = on->partition;
    return p->closed || (on->committed ? topic_stable(p) : store_log_high(p->log)) > on->seen;
}

void waits_wake(struct topic_partition *p, bool all)
{
    for (struct topic_wait_on *on = p->waits; on; on = on->next) {
        struct topic_wait *w = on->wait;
        if (!all && (on->mark == p->seen_bytes || !moved(on)))
            continue;
        uint64_t more = all ? ENOUGH : p->seen_bytes - on->mark;
        on->mark = p->seen_bytes;
        if (atomic_fetch_add(&w->got, more) + more >= w->wanted && !atomic_exchange(&w->woken, true))
            w->wake(w);
    }
}

static void leave(struct topic_wait *w, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct topic_wait_on *on = &w->on[i];
        struct topic_partition *p = on->partition;
        lock_take(&p->lock);
        *(on->prev ? &on->prev->next : &p->waits) = on->next;
        if (on->next)
            on->next->prev = on->prev;
        lock_give(&p->lock);
    }
}

static bool stand(struct topic_wait *w, struct topic_wait_on *on)
{
    struct topic_partition *p = on->partition;
    lock_take(&p->lock);
    bool late = moved(on);
    if (!late) {
        on->wait = w;
        on->mark = p->seen_bytes;
        on->prev = NULL;
        on->next = p->waits;
        if (p->waits)
            p->waits->prev = on;
        p->waits = on;
    }
    lock_give(&p->lock);
    return !late;
}

bool topic_wait_begin(struct topic_wait *w)
{
    atomic_init(&w->got, 0);
    atomic_init(&w->woken, true);
    for (uint32_t i = 0; i < w->n_on; i++) {
        if (!stand(w, &w->on[i])) {
            leave(w, i);
            return false;
        }
    }
    atomic_store(&w->woken, false);
    if (atomic_load(&w->got) < w->wanted || atomic_exchange(&w->woken, true))
        return true; /* waits, or is woken already */
    leave(w, w->n_on);
    return false;
}

void topic_wait_end(struct topic_wait *w) { leave(w, w->n_on); }
