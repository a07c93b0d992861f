/* What is found by a timestamp (ListOffsets) and by an epoch (OffsetForLeaderEpoch), against the records that were known to be
 * there when it was asked. */
#include "check_private.h"

/* One that was there and is before what was found, or anywhere when nothing was, though it is late enough. */
static void passed_over(struct checker *c, const struct fact *e)
{
    struct partition *p = &c->partitions[e->partition];
    int64_t from = known_before(&p->start, c->now), stable = known_before(&p->stable, e->since);
    bool largest = e->a == STAMP_LARGEST;
    if (largest && e->offset < 0 && e->committed)
        return; /* the largest of all stands behind the last stable offset */
    int64_t until = e->offset < 0 || largest ? p->n : e->offset;
    until = e->committed && stable < until ? stable : until;
    for (int64_t i = from > 0 ? from : 0; i < until && i < p->n; i++) {
        const struct slot *s = &p->slots[i];
        if (!s->read || s->known_at >= e->since || may_be_gone(c, p, (uint32_t)i, e->now_ms))
            continue;
        if (largest ? s->stamp_ms > e->b || e->offset < 0 : s->stamp_ms >= e->a)
            fault(c, FAULT_WRONG_OFFSET, "offset %lld of partition %u, timestamp %lld, is passed over for %lld, timestamp %lld",
                  (long long)i, e->partition, (long long)s->stamp_ms, (long long)e->offset, (long long)e->b);
    }
}

void check_stamp(struct checker *c, const struct fact *e)
{
    struct partition *p = &c->partitions[e->partition];
    struct rising *end = e->committed ? &p->stable : &p->high;
    if (e->a == STAMP_EARLIEST) {
        check_start(c, e, e->offset, e->since);
        return;
    }
    if (e->a == STAMP_LATEST) {
        if (e->offset < known_before(end, e->since))
            fault(c, e->committed ? FAULT_STABLE_BACK : FAULT_HIGH_BACK, "partition %u ended at %lld and ends at %lld", e->partition,
                  (long long)known_before(end, e->since), (long long)e->offset);
        rise(c, end, e->offset);
        return;
    }
    const struct slot *s = e->offset >= 0 && e->offset < p->n ? &p->slots[e->offset] : NULL;
    if (e->offset >= 0 && e->a >= 0 && e->b < e->a)
        fault(c, FAULT_WRONG_OFFSET, "partition %u offset %lld has timestamp %lld, %lld was asked for", e->partition,
              (long long)e->offset, (long long)e->b, (long long)e->a);
    if (s && s->read && s->stamp_ms != e->b)
        fault(c, FAULT_WRONG_OFFSET, "partition %u offset %lld is said to have timestamp %lld and has %lld", e->partition,
              (long long)e->offset, (long long)e->b, (long long)s->stamp_ms);
    passed_over(c, e);
}

/* What is of that epoch or an older one is before its end, what is of a newer one is not. (Of an epoch of which nothing is left the
 * end is the log's start.) */
void check_epoch(struct checker *c, const struct fact *e)
{
    struct partition *p = &c->partitions[e->partition];
    if (e->b > e->a)
        fault(c, FAULT_WRONG_OFFSET, "partition %u has epoch %lld where %lld was asked for", e->partition, (long long)e->b,
              (long long)e->a);
    int64_t from = known_before(&p->start, c->now);
    for (uint32_t i = from > 0 ? (uint32_t)from : 0; e->b >= 0 && i < p->n; i++) {
        const struct slot *s = &p->slots[i];
        if (!s->read || s->known_at >= e->since || (s->epoch <= e->a) == (i < e->offset) || may_be_gone(c, p, i, e->now_ms))
            continue;
        fault(c, FAULT_WRONG_OFFSET, "partition %u: epochs up to %lld end at %lld, and offset %u is of epoch %d", e->partition,
              (long long)e->a, (long long)e->offset, i, s->epoch);
    }
}
