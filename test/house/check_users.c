/* Offsets of groups and their members, transactions, topics. */
#include "check_private.h"

void check_offset_asked(struct checker *c, const struct fact *e)
{
    struct group_offset *g = &c->offsets[e->partition];
    uint32_t n = g->n;
    if (reach(c, (void **)&g->at, &g->n, &g->cap, n, sizeof *g->at))
        g->at[n] = (struct value){ e->a, c->now, e->txn, false };
}

void check_offset_acked(struct checker *c, const struct fact *e)
{
    struct group_offset *g = &c->offsets[e->partition];
    for (uint32_t i = 0; i < g->n; i++)
        g->at[i].acked |= g->at[i].value == e->a && g->at[i].txn == e->txn;
    if (!e->txn)
        rise(c, &g->known, e->a);
}

void check_offset_told(struct checker *c, const struct fact *e)
{
    struct group_offset *g = &c->offsets[e->partition];
    int64_t was = known_before(&g->known, e->since);
    bool asked = e->a < 0, could = e->a < 0;
    for (uint32_t i = 0; i < g->n; i++) {
        const struct value *v = &g->at[i];
        const struct txn *x = v->txn ? txn_of(c, v->txn) : NULL;
        if (v->value != e->a)
            continue;
        asked = true;
        could |= !x || (x->commit_at != NEVER && x->end != TXN_ABORTED);
    }
    if (e->a < was)
        fault(c, FAULT_OFFSET_BACK, "group offset %u was %lld and is %lld", e->partition, (long long)was, (long long)e->a);
    else if (!asked)
        fault(c, FAULT_OFFSET_PHANTOM, "group offset %u is %lld", e->partition, (long long)e->a);
    else if (!could)
        fault(c, FAULT_OFFSET_ABORTED, "group offset %u is %lld", e->partition, (long long)e->a);
    rise(c, &g->known, e->a);
}

void check_txn_asked(struct checker *c, const struct fact *e)
{
    struct txn *x = txn_of(c, e->txn);
    if (!x)
        return;
    x->asked_at = x->asked_at == NEVER ? c->now : x->asked_at;
    if (e->a == ASK_COMMIT && x->commit_at == NEVER)
        x->commit_at = c->now;
}

void check_txn_ended(struct checker *c, const struct fact *e)
{
    struct txn *x = txn_of(c, e->txn);
    if (!x || e->a == TXN_UNKNOWN)
        return;
    x->end = (enum txn_end)e->a;
    x->ended_at = c->now;
    if (x->end == TXN_ABORTED && x->shown_at != NEVER)
        fault(c, FAULT_ABORTED_READ, "transaction %u was aborted, event %u shows it", e->txn, x->shown_at);
    for (int k = 0; x->end == TXN_COMMITTED && k < GROUP_OFFSETS_MAX; k++)
        for (uint32_t i = 0; i < c->offsets[k].n; i++)
            if (c->offsets[k].at[i].txn == e->txn && c->offsets[k].at[i].acked)
                rise(c, &c->offsets[k].known, c->offsets[k].at[i].value);
}

void check_topic(struct checker *c, const struct fact *e)
{
    struct topic *t = topic_told_of(c, e->id);
    if (!t)
        return;
    switch (e->kind) {
    case EV_TOPIC_MADE: t->made_at = c->now; break;
    case EV_TOPIC_ASKED: t->asked_at = t->asked_at == NEVER ? c->now : t->asked_at; break;
    case EV_TOPIC_GONE: t->gone_at = c->now; break;
    default:
        if (!e->a && t->made_at != NEVER && t->made_at < e->since && t->asked_at == NEVER)
            fault(c, FAULT_TOPIC_LOST, "topic %u is not there", e->id);
        if (e->a && t->gone_at != NEVER && t->gone_at < e->since)
            fault(c, FAULT_TOPIC_PHANTOM, "topic %u is there", e->id);
    }
}

void check_growth(struct checker *c, const struct fact *e)
{
    struct partition *p = &c->partitions[e->partition];
    int64_t was = known_before(&p->count, e->since);
    if (e->kind == EV_GROW_ASKED) {
        p->count_asked = e->a > p->count_asked ? e->a : p->count_asked;
        return;
    }
    if (e->a < was)
        fault(c, FAULT_COUNT_BACK, "the topic of partition %u had %lld partitions and has %lld", e->partition, (long long)was,
              (long long)e->a);
    else if (e->a > p->count_asked)
        fault(c, FAULT_TOPIC_PHANTOM, "the topic of partition %u has %lld partitions", e->partition, (long long)e->a);
    if (!e->b)
        rise(c, &p->count, e->a);
}

/* ---- members with a name ---- */

/* Whose question came, or may still come: it has not been answered. A machine that ends takes those with it. */
static bool another_asked(const struct checker *c, const struct instance *x, const struct fact *e)
{
    for (uint32_t i = 0, k = 0; i < x->asked.n; i++) {
        int64_t actor = x->asked.at[i].value;
        while (k < x->joined.n && x->joined.at[k].value < actor)
            k++;
        bool answered = k < x->joined.n && x->joined.at[k].value == actor;
        if (actor > e->actor || (!answered && c->h->at[x->asked.at[i].event].c == e->c))
            return true;
    }
    return false;
}

void check_member(struct checker *c, const struct fact *e)
{
    struct instance *x = &c->instances[e->id];
    switch ((enum fact_kind)e->kind) {
    case EV_JOIN_ASKED: rise(c, &x->asked, e->actor); break;
    case EV_JOINED:
        rise(c, &x->joined, e->actor);
        if (e->b >= 0 && e->a != e->b)
            fault(c, FAULT_REBALANCED, "instance %u came back, and generation %lld became %lld", e->id, (long long)e->b,
                  (long long)e->a);
        break;
    case EV_SERVED:
        if (known_before(&x->settled, e->since) > e->actor)
            fault(c, FAULT_NOT_FENCED, "actor %u is served as instance %u, which actor %lld has become", e->actor, e->id,
                  (long long)known_before(&x->settled, e->since));
        if (e->a)
            rise(c, &x->settled, e->actor);
        break;
    default:
        if (known_before(&x->settled, c->now) == e->actor && !another_asked(c, x, e))
            fault(c, FAULT_FENCED, "actor %u is fenced, and nobody else wanted to be instance %u", e->actor, e->id);
    }
}
