/* Records: sent, acknowledged, fetched; where each stands, what has to be there, and where partitions begin and end. */
#include "check_private.h"

/* NULL: no log of ours is so long. */
static struct slot *slot_of(struct checker *c, struct partition *p, int64_t offset)
{
    if (offset < 0 || offset > OFFSETS_MAX) {
        fault(c, FAULT_PHANTOM, "offset %lld cannot be", (long long)offset);
        return NULL;
    }
    return reach(c, (void **)&p->slots, &p->n, &p->cap, (uint32_t)offset, sizeof *p->slots) ? &p->slots[offset] : NULL;
}

/* ---- records ---- */

void check_sent(struct checker *c, const struct fact *e)
{
    if (!reach(c, (void **)&c->records, &c->n_records, &c->cap_records, e->id, sizeof *c->records))
        return;
    c->records[e->id] = (struct record){ .sent = true, .partition = e->partition, .actor = e->actor, .txn = e->txn,
                                         .number = e->a, .key = e->b, .second = e->c, .sent_ms = e->now_ms, .offset = -1,
                                         .copy = -1, .sent_at = c->now, .tombstone = e->d != 0 };
    if (e->txn)
        (void)txn_of(c, e->txn);
}

/* Somebody says that `id` stands at the offset. */
static struct slot *stands(struct checker *c, uint16_t partition, uint32_t id, int64_t offset)
{
    struct partition *p = &c->partitions[partition];
    struct slot *s = slot_of(c, p, offset);
    if (!s)
        return NULL;
    if (s->id && s->id != id)
        fault(c, FAULT_CHANGED, "partition %u offset %lld held record %u and holds %u", partition, (long long)offset, s->id, id);
    if (!s->id)
        *s = (struct slot){ .id = id, .known_at = c->now };
    return s;
}

static void placed(struct checker *c, uint16_t partition, const struct fact *e, struct record *r, int64_t *at, const char *what)
{
    if (*at >= 0 && *at != e->offset)
        fault(c, FAULT_DUPLICATED, "%s %u is at offset %lld of partition %u and at %lld", what, e->id, (long long)*at, partition,
              (long long)e->offset);
    *at = e->offset;
    if (r->txn && at == &r->offset) {
        int64_t *first = &txn_of(c, r->txn)->first[partition];
        *first = *first < 0 || e->offset < *first ? e->offset : *first;
    }
}

void check_acked(struct checker *c, const struct fact *e)
{
    struct record *r = record_of(c, e->id);
    if (!r || r->partition != e->partition) {
        fault(c, FAULT_PHANTOM, "record %u is acknowledged in partition %u", e->id, e->partition);
        return;
    }
    placed(c, e->partition, e, r, &r->offset, "record");
    (void)stands(c, e->partition, e->id, e->offset);
    rise(c, &c->partitions[e->partition].high, e->offset + 1);
}

/* A record of a transaction is shown to who wants only what is committed. */
static void shown(struct checker *c, uint32_t txn, uint32_t id)
{
    struct txn *x = txn ? txn_of(c, txn) : NULL;
    if (!x)
        return;
    if (x->end == TXN_ABORTED || x->commit_at == NEVER)
        fault(c, FAULT_ABORTED_READ, "record %u is shown, its transaction %u %s", id, txn,
              x->end == TXN_ABORTED ? "was aborted" : "was never asked to commit");
    if (x->hidden_at != NEVER)
        fault(c, FAULT_HALF_TXN, "record %u of transaction %u is shown, event %u did not show another of it", id, txn,
              x->hidden_at);
    x->shown_at = x->shown_at == NEVER ? c->now : x->shown_at;
}

static void hidden(struct checker *c, uint32_t txn, uint32_t id, int64_t offset, uint64_t since)
{
    struct txn *x = txn_of(c, txn);
    if (!x)
        return;
    if (x->end == TXN_COMMITTED && x->ended_at < since)
        fault(c, FAULT_LOST, "record %u, offset %lld, of transaction %u, which has committed, is not shown", id,
              (long long)offset, txn);
    if (x->shown_at != NEVER)
        fault(c, FAULT_HALF_TXN, "record %u of transaction %u is not shown, event %u has shown another of it", id, txn,
              x->shown_at);
    x->hidden_at = x->hidden_at == NEVER ? c->now : x->hidden_at;
}

static void read_window(struct checker *c, uint16_t partition, const struct fact *e)
{
    uint32_t i = 0;
    while (i < c->n_windows && (c->windows[i].second != e->a || c->windows[i].key != e->b))
        i++;
    if (i == c->n_windows) {
        if (!reach(c, (void **)&c->windows, &c->n_windows, &c->cap_windows, i, sizeof *c->windows))
            return;
        c->windows[i] = (struct window){ e->a, e->b, e->c, e->d, e->offset };
    }
    const struct window *w = &c->windows[i];
    if (w->offset != e->offset)
        fault(c, FAULT_DUPLICATED, "window %lld of key %lld is at offset %lld and at %lld", (long long)e->a, (long long)e->b,
              (long long)w->offset, (long long)e->offset);
    else if (w->count != e->c || w->sum != e->d)
        fault(c, FAULT_CHANGED, "offset %lld held another window", (long long)e->offset);
    struct slot *s = stands(c, partition, i + 1, e->offset);
    if (s)
        s->mark = c->now + 1;
}

static void read_record(struct checker *c, const struct fact *f, const struct fact *e)
{
    struct partition *p = &c->partitions[f->partition];
    if (e->offset < f->offset || e->offset >= f->a)
        return; /* of a batch that begins before what was asked for: readers pass over it */
    if (p->kind == PARTITION_WINDOWS && e->id) {
        read_window(c, f->partition, e);
        return;
    }
    struct record *r = record_of(c, e->id);
    if (e->id == 0) {
        fault(c, FAULT_TORN, "partition %u offset %lld holds what nobody has sent", f->partition, (long long)e->offset);
        return;
    }
    bool copy = p->kind == PARTITION_COPY;
    if (!r || (copy ? c->partitions[r->partition].kind != PARTITION_SOURCE : r->partition != f->partition)) {
        fault(c, FAULT_PHANTOM, "record %u is in partition %u", e->id, f->partition);
        return;
    }
    placed(c, f->partition, e, r, copy ? &r->copy : &r->offset, copy ? "the copy of record" : "record");
    struct slot *s = stands(c, f->partition, e->id, e->offset);
    if (s) {
        s->mark = c->now + 1;
        s->read = true;
        s->stamp_ms = e->stamp_ms;
        s->epoch = e->epoch;
    }
    if (f->committed || copy)
        shown(c, r->txn, e->id);
}

/* ---- what is not there ---- */

static bool newer_of_key(struct checker *c, const struct partition *p, uint32_t offset, int64_t key)
{
    for (uint32_t i = offset + 1; i < p->n; i++) {
        const struct record *r = record_of(c, p->slots[i].id);
        if (r && r->key == key)
            return true;
    }
    return false;
}

/* A tombstone goes when it is old, but not before all that it deletes. */
static void tombstone_gone(struct checker *c, const struct fact *f, uint32_t offset)
{
    struct partition *p = &c->partitions[f->partition];
    struct slot *s = &p->slots[offset];
    const struct record *r = record_of(c, s->id);
    s->gone_at = s->gone_at ? s->gone_at : c->now + 1;
    for (uint32_t i = 0; i < offset; i++) {
        const struct record *older = record_of(c, p->slots[i].id);
        if (older && older->key == r->key && p->slots[i].mark == c->now + 1 && f->since + 1 >= s->gone_at)
            fault(c, FAULT_CHANGED, "offset %u of partition %u shows record %u, deleted by record %u, which is gone", i,
                  f->partition, p->slots[i].id, s->id);
    }
}

static void missing(struct checker *c, const struct fact *f, uint32_t offset)
{
    struct partition *p = &c->partitions[f->partition];
    uint32_t id = p->slots[offset].id;
    const struct record *r = p->kind == PARTITION_WINDOWS ? NULL : record_of(c, id);
    if (r && p->kind == PARTITION_COMPACTED && newer_of_key(c, p, offset, r->key))
        return;
    if (r && r->tombstone && r->sent_ms + p->tombstone_ms <= f->now_ms)
        tombstone_gone(c, f, offset);
    else if (r && r->txn && f->committed && p->kind != PARTITION_COPY)
        hidden(c, r->txn, id, offset, f->since);
    else
        fault(c, FAULT_LOST, "record %u is not at offset %u of partition %u", id, offset, f->partition);
}

bool may_be_gone(struct checker *c, const struct partition *p, uint32_t offset, int64_t now_ms)
{
    const struct record *r = p->kind == PARTITION_WINDOWS ? NULL : record_of(c, p->slots[offset].id);
    if (!r || offset < p->trim_asked || p->retention_bytes >= 0)
        return true;
    if (p->kind == PARTITION_COMPACTED && (r->tombstone || newer_of_key(c, p, offset, r->key)))
        return true;
    return p->retention_ms >= 0 && r->sent_ms + p->retention_ms <= now_ms;
}

/* The partition begins at `start`: could it? */
void check_start(struct checker *c, const struct fact *f, int64_t start, uint64_t since)
{
    struct partition *p = &c->partitions[f->partition];
    int64_t was = known_before(&p->start, since);
    if (start < was)
        fault(c, FAULT_START_BACK, "partition %u began at %lld and begins at %lld", f->partition, (long long)was,
              (long long)start);
    for (int64_t i = p->trim_asked > was ? p->trim_asked : was; i >= 0 && i < start && i < p->n; i++) {
        const struct record *r = p->kind == PARTITION_WINDOWS ? NULL : record_of(c, p->slots[i].id);
        if (p->slots[i].id && p->retention_bytes < 0 && (!r || p->retention_ms < 0 || r->sent_ms + p->retention_ms > f->now_ms))
            fault(c, FAULT_LOST, "record %u, offset %lld of partition %u, is before the start %lld", p->slots[i].id,
                  (long long)i, f->partition, (long long)start);
    }
    rise(c, &p->start, start);
}

static void check_stable(struct checker *c, const struct fact *f)
{
    struct partition *p = &c->partitions[f->partition];
    int64_t was = known_before(&p->stable, f->since);
    if (f->c < was)
        fault(c, FAULT_STABLE_BACK, "partition %u was stable up to %lld and is up to %lld", f->partition, (long long)was,
              (long long)f->c);
    for (uint32_t i = 1; i < c->n_txns; i++) {
        const struct txn *x = &c->txns[i];
        if (x->asked_at == NEVER && x->first[f->partition] >= 0 && f->c > x->first[f->partition] && f->c > f->d)
            fault(c, FAULT_STABLE_AHEAD, "partition %u is stable up to %lld, transaction %u is open since %lld", f->partition,
                  (long long)f->c, i, (long long)x->first[f->partition]);
    }
    rise(c, &p->stable, f->c);
}

void check_fetched(struct checker *c, const struct fact *f)
{
    struct partition *p = &c->partitions[f->partition];
    int64_t high = known_before(&p->high, f->since);
    for (uint32_t i = 1; i <= f->n; i++)
        read_record(c, f, f + i);
    for (int64_t i = f->offset; i < f->a && i < p->n; i++) {
        const struct slot *s = &p->slots[i];
        if (s->id && s->known_at < f->since && s->mark != c->now + 1)
            missing(c, f, (uint32_t)i);
    }
    if (f->b >= 0 && f->b < high)
        fault(c, FAULT_HIGH_BACK, "partition %u ended at %lld and ends at %lld", f->partition, (long long)high,
              (long long)f->b);
    if (f->d >= 0)
        check_start(c, f, f->d, f->since);
    if (f->c >= 0)
        check_stable(c, f);
    rise(c, &p->high, f->b > f->a ? f->b : f->a);
}
