/* A hashed wheel: BUCKETS buckets of TICK ms; a timer stands in bucket (deadline / TICK) mod BUCKETS whatever its
 * revolution. Popping looks only at the buckets between the last look and now (all of them after a long jump), moves
 * what is due into a sorted list and serves from there. That list always has room for every timer, so that only
 * adding can be refused, never firing. Adding and removing touch one bucket. Jobs have few timers (a pane each), but
 * a session or a punctuator may have millions; a heap was measured nine times slower (reference/performance.md §3.3).
 */
#include <stdlib.h>

#include "state/state_private.h"

#define BUCKETS 512u
#define TICK 256

struct timer {
    int64_t deadline, payload;
};

struct bucket {
    struct timer *at;
    uint32_t n, cap;
};

struct timers {
    struct budget *budget;
    struct bucket buckets[BUCKETS];
    struct bucket due; /* sorted descending: served from the end */
    int64_t hand;      /* ticks before this one have been looked at */
    uint64_t n;        /* timers in buckets */
    int64_t next;      /* lower bound of the earliest deadline in buckets; INT64_MIN: unknown */
};

static int64_t tick_of(int64_t ms) { return ms >= 0 ? ms / TICK : -((-(ms + 1)) / TICK) - 1; }
static struct bucket *bucket_of(struct timers *t, int64_t deadline)
{
    return &t->buckets[(uint64_t)tick_of(deadline) % BUCKETS];
}

struct timers *timers_new(struct budget *b)
{
    struct timers *t = mem_calloc(b, sizeof *t);
    if (!t)
        return NULL;
    t->budget = b;
    t->hand = INT64_MIN;
    t->next = INT64_MAX;
    return t;
}

void timers_free(struct timers *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < BUCKETS; i++)
        mem_free(t->budget, t->buckets[i].at, t->buckets[i].cap * sizeof(struct timer));
    mem_free(t->budget, t->due.at, t->due.cap * sizeof(struct timer));
    mem_free(t->budget, t, sizeof *t);
}

static bool bucket_reserve(struct timers *t, struct bucket *b, uint64_t n)
{
    if (n <= b->cap)
        return true;
    if (n > UINT32_MAX / 2)
        return false;
    uint32_t cap = b->cap ? b->cap * 2 : 4;
    while (cap < n)
        cap *= 2;
    struct timer *at = mem_realloc(t->budget, b->at, b->cap * sizeof *at, cap * sizeof *at);
    if (!at)
        return false;
    b->at = at;
    b->cap = cap;
    return true;
}

static int64_t bucket_find(const struct bucket *b, int64_t deadline, int64_t payload)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->at[i].deadline == deadline && b->at[i].payload == payload)
            return i;
    return -1;
}

bool timers_add(struct timers *t, int64_t deadline_ms, int64_t payload)
{
    struct bucket *b = bucket_of(t, deadline_ms);
    if (bucket_find(b, deadline_ms, payload) >= 0 || bucket_find(&t->due, deadline_ms, payload) >= 0)
        return true;
    if (!bucket_reserve(t, b, (uint64_t)b->n + 1) || !bucket_reserve(t, &t->due, t->n + t->due.n + 1))
        return false;
    b->at[b->n++] = (struct timer){ deadline_ms, payload };
    t->n++;
    if (t->next != INT64_MIN && deadline_ms < t->next)
        t->next = deadline_ms;
    if (tick_of(deadline_ms) < t->hand)
        t->hand = tick_of(deadline_ms);
    return true;
}

bool timers_remove(struct timers *t, int64_t deadline_ms, int64_t payload)
{
    struct bucket *b = bucket_of(t, deadline_ms);
    int64_t i = bucket_find(b, deadline_ms, payload);
    if (i >= 0) {
        b->at[i] = b->at[--b->n];
        t->n--;
        t->next = INT64_MIN;
        return true;
    }
    i = bucket_find(&t->due, deadline_ms, payload);
    if (i < 0)
        return false;
    memmove(&t->due.at[i], &t->due.at[i + 1], (t->due.n - (uint32_t)i - 1) * sizeof *t->due.at);
    t->due.n--;
    return true;
}

static int later_first(const void *pa, const void *pb)
{
    const struct timer *a = pa, *b = pb;
    if (a->deadline != b->deadline)
        return a->deadline < b->deadline ? 1 : -1;
    return a->payload < b->payload ? 1 : a->payload > b->payload ? -1 : 0;
}

/* Moves what is due out of one bucket; timers_add has made room for it. */
static void take_due(struct timers *t, struct bucket *b, int64_t now)
{
    for (uint32_t i = 0; i < b->n;) {
        if (b->at[i].deadline > now) {
            i++;
            continue;
        }
        CHECK(t->due.n < t->due.cap);
        t->due.at[t->due.n++] = b->at[i];
        b->at[i] = b->at[--b->n];
        t->n--;
    }
}

bool timers_pop(struct timers *t, int64_t now_ms, int64_t *ret_deadline_ms, int64_t *ret_payload)
{
    if (t->n && timers_next(t) <= now_ms) {
        int64_t to = tick_of(now_ms);
        bool all = t->hand == INT64_MIN || to < t->hand || (uint64_t)to - (uint64_t)t->hand >= BUCKETS;
        for (uint32_t i = 0; all && i < BUCKETS; i++)
            take_due(t, &t->buckets[i], now_ms);
        for (int64_t k = t->hand; !all && k <= to; k++)
            take_due(t, &t->buckets[(uint64_t)k % BUCKETS], now_ms);
        t->hand = to;
        t->next = INT64_MIN;
        if (t->due.n)
            qsort(t->due.at, t->due.n, sizeof *t->due.at, later_first);
    }
    if (t->due.n == 0 || t->due.at[t->due.n - 1].deadline > now_ms)
        return false;
    struct timer *first = &t->due.at[--t->due.n];
    *ret_deadline_ms = first->deadline;
    *ret_payload = first->payload;
    return true;
}

int64_t timers_next(const struct timers *t)
{
    int64_t first = t->due.n ? t->due.at[t->due.n - 1].deadline : INT64_MAX;
    if (t->n && t->next == INT64_MIN) {
        int64_t least = INT64_MAX;
        for (uint32_t i = 0; i < BUCKETS; i++)
            for (uint32_t k = 0; k < t->buckets[i].n; k++)
                if (t->buckets[i].at[k].deadline < least)
                    least = t->buckets[i].at[k].deadline;
        ((struct timers *)(uintptr_t)t)->next = least; /* a cache: const for the caller */
    }
    return t->n && t->next < first ? t->next : first;
}
