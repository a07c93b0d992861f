/* Producers' state as records in meta, and catching up from there.
 *
 * A snapshot of a partition is one or more pieces, each the value of a record (meta.c): u8 1, varint flags (1: there is no
 * piece behind it), u64 the offset as of which it is, u64 the one up to which the
 * partition has been compacted, then entries to the value's end:
 *
 *   1  producer: varints id, epoch + 1, expected + 1, coordinator epoch + 1, last_ms, transaction's start + 1, count; of each
 *      batch first, last, base, end
 *   2  aborted transaction: varints producer id, first, last, stable
 *
 * It is taken under the partition's lock at `next`, ahead of what is durable, and goes into the store's queue behind the
 * batches that it has seen: it can become durable only after them, and fails with them. A transaction that is aborted
 * there counts as aborted, since its marker is in front of the snapshot in that order.
 *
 * A kill costs reading the heads of what was appended since: snapshots of all partitions that were touched are taken when
 * enough has been appended in all (tend.c), and at a clean stop. */
#include "topic/private.h"

enum { VERSION = 1, ENTRY_PRODUCER = 1, ENTRY_ABORTED = 2, LAST_PIECE = 1, PIECE_BYTES = 256 << 10 };

/* ---- writing ---- */

static bool put_producer(struct buf *b, const struct producer *p)
{
    bool ok = buf_put_u8(b, ENTRY_PRODUCER) && buf_put_varint(b, (uint64_t)p->id) &&
              buf_put_varint(b, (uint64_t)(p->epoch + 1)) && buf_put_varint(b, (uint64_t)p->expected + 1) &&
              buf_put_varint(b, (uint64_t)p->coordinator_epoch + 1) && buf_put_varint(b, (uint64_t)p->last_ms) &&
              buf_put_varint(b, (uint64_t)(p->txn_start + 1)) && buf_put_varint(b, p->n_batches);
    for (uint32_t i = 0; ok && i < p->n_batches; i++) {
        const struct producer_batch *x = &p->batches[i];
        ok = buf_put_varint(b, (uint32_t)x->first) && buf_put_varint(b, (uint32_t)x->last) &&
             buf_put_varint(b, (uint64_t)x->base) && buf_put_varint(b, (uint64_t)x->end);
    }
    return ok;
}

/* LOG_BUG_STALE_SNAPSHOT */
static bool put_stale(struct buf *b, const struct producer *p)
{
    struct producer older = *p;
    if (older.n_batches > 0)
        older.expected = older.batches[--older.n_batches].first;
    return put_producer(b, &older);
}

static bool put_aborted(struct buf *b, const struct aborted *a)
{
    return buf_put_u8(b, ENTRY_ABORTED) && buf_put_varint(b, (uint64_t)a->producer_id) &&
           buf_put_varint(b, (uint64_t)a->first) && buf_put_varint(b, (uint64_t)a->last) &&
           buf_put_varint(b, (uint64_t)a->stable);
}

/* All entries, one behind the other, under the lock. *ret_as_of: of which offset. */
static bool put_all(struct topic_partition *p, struct buf *b, int64_t *ret_as_of, int64_t *ret_clean)
{
    struct producers *ps = &p->producers;
    bool ok = true;
    lock_take(&p->lock);
    for (uint32_t i = 0; ok && i < ps->n_buckets; i++) {
        for (const struct producer *x = ps->buckets[i]; ok && x; x = x->bucket_next)
            ok = log_bug(ps->planted, LOG_BUG_STALE_SNAPSHOT) ? put_stale(b, x) : put_producer(b, x);
    }
    for (uint32_t i = 0; ok && i < ps->n_aborted && !log_bug(ps->planted, LOG_BUG_ABORTED_LOST); i++)
        ok = put_aborted(b, &ps->aborted[i]);
    for (const struct txn *x = ps->txns; ok && x; x = x->next) {
        struct aborted a = { x->producer_id, x->first, x->end, x->stable };
        ok = !x->aborted || put_aborted(b, &a);
    }
    *ret_as_of = p->next;
    *ret_clean = p->clean_to;
    p->touched = p->touched && !ok;
    lock_give(&p->lock);
    return ok;
}

struct entry {
    uint8_t kind;
    struct producer producer;
    struct aborted aborted;
};
static bool read_entry(struct reader *r, struct entry *ret);

enum status snapshot_put(struct meta_batch *m, struct topic_partition *p, struct error *err)
{
    struct topics *t = m->node;
    struct buf all, piece;
    int64_t as_of, clean;
    enum status st = ST_OK;
    buf_init(&all, t->budget, (size_t)1 << 30);
    buf_init(&piece, t->budget, PIECE_BYTES + 64);
    bool ok = put_all(p, &all, &as_of, &clean);
    struct reader r = reader_make(all.data, all.len);
    uint32_t n = 0;
    do { /* cut between entries */
        const uint8_t *from = r.at;
        struct entry e;
        while (r.at < r.end && r.at - from < PIECE_BYTES - 1024)
            CHECK(read_entry(&r, &e));
        buf_clear(&piece);
        ok = ok && buf_put_varint(&piece, r.at == r.end ? LAST_PIECE : 0) && buf_put_u64(&piece, (uint64_t)as_of) &&
             buf_put_u64(&piece, (uint64_t)clean) && buf_put(&piece, from, (size_t)(r.at - from));
        st = ok ? meta_put_producers(m, p, n++, buf_str(&piece), err)
                : budget_error(t->budget ? t->budget : budget_process(), PIECE_BYTES, err);
    } while (st == ST_OK && r.at < r.end);
    buf_release(&all);
    buf_release(&piece);
    return st;
}

enum status snapshot_keep(struct topic_partition *p, struct error *err)
{
    struct topics *t = p->topic->node;
    struct meta_batch m;
    bool doubt = atomic_load(&t->snapshots_failed) || atomic_load(&t->snapshots_undecided) > 0;
    lock_take(&p->lock);
    bool wanted = (p->touched || doubt) && p->producers.count > 0;
    lock_give(&p->lock);
    if (!wanted)
        return ST_OK;
    meta_begin(&m, t);
    enum status st = snapshot_put(&m, p, err);
    if (st == ST_OK)
        st = meta_commit(&m, err);
    meta_end(&m);
    lock_take(&p->lock);
    p->touched |= st != ST_OK;
    lock_give(&p->lock);
    return st;
}

/* ---- reading ---- */

static bool read_number(struct reader *r, int64_t max, int64_t *ret)
{
    uint64_t v;
    if (!read_varint(r, &v) || v > (uint64_t)max)
        return false;
    *ret = (int64_t)v;
    return true;
}

static bool read_producer(struct reader *r, struct producer *p)
{
    int64_t epoch, expected, coordinator, txn, n, x[4];
    *p = (struct producer){ 0 };
    if (!read_number(r, INT64_MAX, &p->id) || !read_number(r, INT16_MAX + 1, &epoch) ||
        !read_number(r, (int64_t)INT32_MAX + 1, &expected) || !read_number(r, (int64_t)INT32_MAX + 1, &coordinator) ||
        !read_number(r, INT64_MAX, &p->last_ms) || !read_number(r, INT64_MAX, &txn) ||
        !read_number(r, PRODUCER_BATCHES, &n))
        return false;
    p->epoch = (int16_t)(epoch - 1);
    p->expected = (int32_t)(expected - 1);
    p->coordinator_epoch = (int32_t)(coordinator - 1);
    p->txn_start = txn - 1;
    p->n_batches = (uint8_t)n;
    for (int64_t i = 0; i < n; i++) {
        if (!read_number(r, INT32_MAX, &x[0]) || !read_number(r, INT32_MAX, &x[1]) ||
            !read_number(r, INT64_MAX, &x[2]) || !read_number(r, INT64_MAX, &x[3]))
            return false;
        p->batches[i] = (struct producer_batch){ (int32_t)x[0], (int32_t)x[1], x[2], x[3] };
    }
    return true;
}

static bool read_entry(struct reader *r, struct entry *ret)
{
    struct aborted *a = &ret->aborted;
    if (!read_u8(r, &ret->kind))
        return false;
    if (ret->kind == ENTRY_PRODUCER)
        return read_producer(r, &ret->producer);
    return ret->kind == ENTRY_ABORTED && read_number(r, INT64_MAX, &a->producer_id) &&
           read_number(r, INT64_MAX, &a->first) && read_number(r, INT64_MAX, &a->last) &&
           read_number(r, INT64_MAX, &a->stable);
}

static bool restore(struct producers *ps, const struct entry *e)
{
    if (e->kind == ENTRY_ABORTED)
        return producers_add_aborted(ps, &e->aborted);
    struct producer *p = producers_make(ps, e->producer.id);
    if (!p)
        return false;
    struct producer *next = p->bucket_next;
    *p = e->producer;
    p->bucket_next = next;
    return true; /* its transaction is begun when all are known: they stand by their beginnings */
}

enum status topic_snapshot_read(struct topic_partition *p, uint32_t piece, struct reader *r, struct error *err)
{
    struct producers *ps = &p->producers;
    uint64_t flags, as_of, clean;
    if (!read_varint(r, &flags) || !read_u64(r, &as_of) || as_of > INT64_MAX || !read_u64(r, &clean) ||
        clean > INT64_MAX)
        return ST_CORRUPT;
    if (piece == 0)
        producers_release(ps);
    else if (p->next != (int64_t)as_of || p->pieces != piece)
        return ST_OK; /* of an older one that had more pieces */
    p->next = (int64_t)as_of;
    p->clean_to = (int64_t)clean;
    p->pieces = piece + 1;
    while (r->at < r->end) {
        struct entry e;
        if (!read_entry(r, &e))
            return ST_CORRUPT;
        if (!restore(ps, &e))
            return budget_error(ps->budget ? ps->budget : budget_process(), sizeof(struct producer), err);
    }
    return flags & LAST_PIECE && !producers_begin_all(ps)
               ? budget_error(ps->budget ? ps->budget : budget_process(), sizeof(struct txn), err)
               : ST_OK;
}

/* ---- since then ---- */

static enum status take_head(struct topic_partition *p, struct scan *s, struct record_iter *it, struct record_batch *b,
                             struct buf *room, struct error *err)
{
    struct produced x = { .id = b->producer_id, .base = b->base_offset, .end = record_batch_last_offset(b) + 1,
                          .ms = b->max_timestamp_ms, .sequence = b->base_sequence, .last_sequence = -1,
                          .epoch = b->producer_epoch, .transactional = record_batch_transactional(b),
                          .control = record_batch_control(b) };
    if (x.id < 0)
        return ST_OK;
    if (x.sequence >= 0)
        x.last_sequence = record_sequence_add(x.sequence, b->last_offset_delta);
    if (x.control) {
        struct record_marker marker;
        struct record r;
        bool end;
        TRY(scan_whole(s, room, b, err));
        TRY(record_iter_open(it, b, err));
        TRY(record_iter_next(it, &r, &end, err));
        if (end)
            return ST_OK;
        TRY(record_marker_read(&r, &marker, err));
        x.commit = marker.commit;
        x.coordinator_epoch = marker.coordinator_epoch;
    }
    return producers_take(&p->producers, &x)
               ? ST_OK
               : budget_error(room->budget ? room->budget : budget_process(), sizeof(struct producer), err);
}

/* Damage: it is told, and the walk goes on behind it. What the producers have there is not known: a transaction whose end
 * lies there stays open, so that nothing of it is shown to who reads what is committed; a producer's sequence is what it
 * was before. The same error where there is no way on. */
static enum status go_round(struct topic_partition *p, struct scan *s, int64_t from, struct topics_report *report,
                            struct error *err)
{
    const struct topics_options *o = &p->topic->node->options;
    if (s->behind <= from)
        return ST_CORRUPT;
    report->store.rot++;
    if (o->rot)
        o->rot(o->arg, err->place, err->offset < 0 ? 0 : (uint64_t)err->offset, from, s->behind - 1, err->message);
    error_clear(err);
    if (s->next < s->behind) {
        int64_t behind = s->behind;
        scan_end(s);
        scan_begin(s, p, behind, INT64_MAX);
    }
    return ST_OK;
}

static enum status catch_up(struct topic_partition *p, struct scan *s, struct record_iter *it,
                            struct topics_report *report, struct buf *room, struct error *err)
{
    struct record_batch b;
    bool end = false;
    while (!end) {
        int64_t from = s->next;
        struct error why;
        enum status st = scan_next(s, &b, &end, &why);
        if (st == ST_OK && !end) {
            st = take_head(p, s, it, &b, room, &why);
            report->scanned++;
        }
        if (st == ST_CORRUPT)
            st = go_round(p, s, from, report, &why);
        if (st != ST_OK && err)
            *err = why;
        TRY(st);
    }
    return ST_OK;
}

enum status snapshot_catch_up(struct topic_partition *p, struct scan *s, struct record_iter *it,
                              struct topics_report *report, struct error *err)
{
    struct topics *t = p->topic->node;
    int64_t high = store_log_high(p->log), start = store_log_start(p->log);
    struct buf room;
    enum status st = ST_OK;
    if (p->pieces == 0 || p->next > high) { /* none, or it is of another past */
        producers_release(&p->producers);
        p->next = start;
    }
    if (topics_bug(t, LOG_BUG_PRODUCERS_LOST)) {
        producers_release(&p->producers);
        p->next = high;
    }
    if (p->next < high) {
        p->touched = true;
        buf_init(&room, t->budget, (size_t)1 << 20);
        scan_begin(s, p, p->next > start ? p->next : start, INT64_MAX);
        st = catch_up(p, s, it, report, &room, err);
        scan_end(s);
        buf_release(&room);
    }
    p->next = high;
    producers_trim(&p->producers, start);
    atomic_store(&p->stable, producers_settle(&p->producers, high));
    return st;
}
