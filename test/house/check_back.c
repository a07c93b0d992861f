/* A loss of power may take from a relaxed log what came last, and nothing from before that: no hole, in no partition, and no
 * more than about a second. So there is an event up to which everything that was known still is: the latest one that is more
 * than the second ago, or behind which something was sent that is still there. What was learned later is forgotten here
 * where it is not there, or where nobody can know; what is there stays, and it must be seen by the epoch that it was not all. */
#include "check_private.h"

enum { BACK_MS = 1300 }; /* the second, and what the writer and the tender may be late */

static void keep(struct rising *r, uint64_t sure)
{
    while (r->n > 0 && r->at[r->n - 1].event >= sure)
        r->n--;
}

/* Events before this one are not forgotten. */
static uint64_t sure_before(struct checker *c, const struct fact *e)
{
    uint64_t sure = c->now;
    while (sure > 0 && c->h->at[sure - 1].now_ms > e->a - BACK_MS)
        sure--;
    for (uint32_t k = 1; k <= e->n; k++) {
        const struct partition *p = &c->partitions[e[k].partition];
        for (int64_t i = e[k].offset; i < e[k].a && i < p->n; i++) {
            const struct record *r = record_of(c, p->slots[i].id);
            sure = r && r->sent_at > sure ? r->sent_at : sure;
        }
    }
    return sure;
}

static void span(struct checker *c, const struct fact *e, uint64_t sure)
{
    struct partition *p = &c->partitions[e->partition];
    for (int64_t i = e->a; i < p->n; i++) {
        struct slot *s = &p->slots[i];
        struct record *r = record_of(c, s->id);
        if (!r)
            continue;
        if (s->known_at < sure)
            fault(c, FAULT_LOST, "record %u, offset %lld of partition %u, known since event %u, went with the power: events up to %llu are to stay",
                  s->id, (long long)i, e->partition, s->known_at, (unsigned long long)sure);
        if (s->read && s->epoch >= e->epoch)
            fault(c, FAULT_EPOCH_KEPT, "record %u, offset %lld of partition %u, is gone, and it is epoch %d all the same", s->id,
                  (long long)i, e->partition, e->epoch);
        r->offset = -1;
        *s = (struct slot){ 0 };
    }
    p->n = p->n > e->a ? (uint32_t)e->a : p->n;
    if (e->offset < known_before(&p->start, sure))
        fault(c, FAULT_START_BACK, "partition %u began at %lld and begins at %lld", e->partition,
              (long long)known_before(&p->start, sure), (long long)e->offset);
    p->high.n = p->stable.n = p->start.n = 0;
    rise(c, &p->high, e->a);
    rise(c, &p->start, e->offset);
    for (uint32_t i = 1; i < c->n_txns; i++)
        if (c->txns[i].first[e->partition] >= e->a)
            c->txns[i].first[e->partition] = -1;
}

static void forget_txns(struct checker *c, uint64_t sure)
{
    for (uint32_t i = 1; i < c->n_txns; i++) {
        struct txn *x = &c->txns[i];
        if (x->ended_at != NEVER && x->ended_at >= sure) {
            x->end = TXN_UNKNOWN;
            x->ended_at = NEVER;
        }
        x->shown_at = x->shown_at != NEVER && x->shown_at >= sure ? NEVER : x->shown_at;
        x->hidden_at = x->hidden_at != NEVER && x->hidden_at >= sure ? NEVER : x->hidden_at;
    }
}

void check_back(struct checker *c, const struct fact *e)
{
    uint64_t sure = sure_before(c, e);
    for (uint32_t k = 1; k <= e->n; k++)
        span(c, &e[k], sure);
    forget_txns(c, sure);
    for (int i = 0; i < PARTITIONS_MAX; i++)
        keep(&c->partitions[i].count, sure);
    for (int i = 0; i < GROUP_OFFSETS_MAX; i++)
        keep(&c->offsets[i].known, sure);
    for (int i = 0; i < INSTANCES_MAX; i++)
        c->instances[i].asked.n = c->instances[i].joined.n = c->instances[i].settled.n = 0; /* who is who begins anew */
    for (uint32_t i = 0; i < c->n_topics; i++) {
        struct topic *t = &c->topics[i];
        t->made_at = t->made_at != NEVER && t->made_at >= sure ? NEVER : t->made_at;
        t->gone_at = t->gone_at != NEVER && t->gone_at >= sure ? NEVER : t->gone_at;
    }
}
