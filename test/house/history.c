/* Events in one growing array. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>

struct fact *history_add(struct history *h, enum fact_kind kind)
{
    if (h->n == h->cap) {
        uint32_t cap = h->cap ? h->cap * 2 : 1024;
        struct fact *at = realloc(h->at, cap * sizeof *at);
        if (!at)
            abort();
        h->at = at;
        h->cap = cap;
    }
    struct fact *e = &h->at[h->n++];
    *e = (struct fact){ .kind = (uint8_t)kind, .offset = -1 };
    return e;
}

void history_release(struct history *h)
{
    free(h->at);
    *h = (struct history){ 0 };
}

static const char *const names[] = {
    "partition", "sent", "acked", "txn asked", "txn ended", "fetched", "read", "trim asked", "trimmed", "offset asked",
    "offset acked", "offset told", "topic made", "topic asked", "topic gone", "topic told", "grow asked", "grown", "count told", "stamp told", "epoch told",
    "join asked", "joined", "served", "fenced", "went back", "span", "stuck", "refused", "end",
};

void history_print(const struct fact *e, uint32_t i)
{
    printf("%6u %6lld %-12s %s p%u actor %u id %u txn %u offset %lld since %llu: %lld %lld %lld %lld; %lld e%d %s\n", i,
           (long long)e->now_ms % 1000000, names[e->kind], e->committed ? "c" : " ", e->partition, e->actor, e->id, e->txn,
           (long long)e->offset, (unsigned long long)e->since, (long long)e->a, (long long)e->b, (long long)e->c,
           (long long)e->d, (long long)e->stamp_ms, e->epoch, e->text ? e->text : "");
}
