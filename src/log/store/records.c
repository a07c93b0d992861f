/* What a record of the journal holds, written and read again.
 *
 * record: settled u64 (records up to that one are durable with all that they name), mode u8 (1: strict, the record's own
 * straight runs were durable before it), then entries {kind u8, …} to its end:
 *   STATE   flags u32, next generation u64, count varint of partitions {id, start u64, high u64, count of epochs {epoch u32,
 *           start u64}, count of segments {base u64, generation u64, bytes u64, end u64, max_ms u64, sum u32, bad u8}},
 *           count of notes {kind u32, bytes}
 *   RUN     id, base u64, generation u64, at u64, len u64, first u64, end u64, max_ms u64, sum before u32, sum u32,
 *           straight u8; the bytes when not straight
 *   ROLL    id, base u64, generation u64       CREATE, DELETE   id
 *   TRIM    id, start u64                      EPOCH            id, epoch u32, start u64
 *   NOTE    kind u32, length u32, the bytes
 *   SWAP    id, generation u64 of the first segment that goes, count u32, base u64, end u64; by: generation u64,
 *           bytes u64 (64: by none), max_ms u64, sum u32
 * id: 16 bytes, partition u32. A file of the journal begins with a STATE record.
 *
 * A record is applied whole or not at all: where what it names is not proven, a first walk over it checks that. */
#include "store/private.h"

bool record_begin(struct buf *out, const struct store *s)
{
    return buf_put_u64(out, s->settled) && buf_put_u8(out, s->options.durability == STORE_STRICT);
}

bool record_put_id(struct buf *out, enum record_kind kind, const struct store_id *id)
{
    return buf_put_u8(out, (uint8_t)kind) && buf_put(out, id->topic, 16) && buf_put_u32(out, id->partition);
}

static bool put_log(struct buf *out, const struct store_log *l)
{
    uint32_t n = 0;
    for (const struct segment *g = l->first; g; g = g->next)
        n++;
    bool ok = buf_put(out, l->id.topic, 16) && buf_put_u32(out, l->id.partition) &&
              buf_put_u64(out, (uint64_t)atomic_load(&l->start)) && buf_put_u64(out, (uint64_t)atomic_load(&l->high)) &&
              buf_put_varint(out, l->epoch_count);
    for (uint32_t i = 0; ok && i < l->epoch_count; i++)
        ok = buf_put_u32(out, (uint32_t)l->epochs[i].epoch) && buf_put_u64(out, (uint64_t)l->epochs[i].start);
    ok = ok && buf_put_varint(out, n);
    for (const struct segment *g = l->first; ok && g; g = g->next)
        ok = buf_put_u64(out, (uint64_t)g->base) && buf_put_u64(out, g->generation) && buf_put_u64(out, g->bytes) &&
             buf_put_u64(out, (uint64_t)g->end) && buf_put_u64(out, (uint64_t)g->max_ms) && buf_put_u32(out, g->sum) &&
             buf_put_u8(out, g->bad);
    return ok;
}

bool record_put_state(struct buf *out, struct store *s, uint32_t flags)
{
    uint32_t n = 0;
    for (const struct store_log *l = s->logs; l; l = l->newer)
        n++;
    bool ok = buf_put_u8(out, REC_STATE) && buf_put_u32(out, flags) && buf_put_u64(out, s->next_generation) &&
              buf_put_varint(out, n);
    for (const struct store_log *l = s->logs; ok && l; l = l->newer)
        ok = put_log(out, l);
    ok = ok && buf_put_varint(out, s->n_notes);
    for (uint32_t i = 0; ok && i < s->n_notes; i++)
        ok = buf_put_u32(out, s->notes[i].kind) && buf_put_str(out, str_make(s->notes[i].bytes, s->notes[i].len));
    return ok;
}

bool record_put_run(struct buf *out, const struct run *r)
{
    return record_put_id(out, REC_RUN, &r->segment->log->id) && buf_put_u64(out, (uint64_t)r->segment->base) &&
           buf_put_u64(out, r->segment->generation) && buf_put_u64(out, r->at) && buf_put_u64(out, r->len) &&
           buf_put_u64(out, (uint64_t)r->first) && buf_put_u64(out, (uint64_t)r->end) && buf_put_u64(out, (uint64_t)r->max_ms) &&
           buf_put_u32(out, r->sum_before) && buf_put_u32(out, r->sum) && buf_put_u8(out, r->straight);
}

bool record_put_roll(struct buf *out, const struct segment *g)
{
    return record_put_id(out, REC_ROLL, &g->log->id) && buf_put_u64(out, (uint64_t)g->base) &&
           buf_put_u64(out, g->generation);
}

bool record_put_note(struct buf *out, uint32_t kind, uint32_t len)
{
    return buf_put_u8(out, REC_NOTE) && buf_put_u32(out, kind) && buf_put_u32(out, len);
}

bool record_put_swap(struct buf *out, const struct store_log *l, const struct swap *w, const struct segment *by)
{
    return record_put_id(out, REC_SWAP, &l->id) && buf_put_u64(out, w->generation) && buf_put_u32(out, w->n) &&
           buf_put_u64(out, (uint64_t)w->base) && buf_put_u64(out, (uint64_t)w->end) && buf_put_u64(out, by->generation) &&
           buf_put_u64(out, by->bytes) && buf_put_u64(out, (uint64_t)by->max_ms) && buf_put_u32(out, by->sum);
}

/* ---- reading ---- */

static enum status nonsense(uint64_t sequence, struct error *err)
{
    error_set(err, ST_CORRUPT, "record %llu of the journal does not say what a log's does", (unsigned long long)sequence);
    error_hint(err, "nothing has been touched: restore the directory from a copy");
    return ST_CORRUPT;
}

static bool read_i64(struct reader *r, int64_t *ret) { return read_u64(r, (uint64_t *)ret); }

static bool read_id(struct reader *r, struct store_id *ret)
{
    const void *p;
    if (!read_bytes(r, 16, &p))
        return false;
    memcpy(ret->topic, p, 16);
    return read_u32(r, &ret->partition);
}

static enum status read_segment(struct replay *rp, struct reader *r, struct store_log *l, struct error *err)
{
    int64_t base, end, max_ms;
    uint64_t generation, bytes;
    uint32_t sum;
    uint8_t bad;
    if (!read_i64(r, &base) || !read_u64(r, &generation) || !read_u64(r, &bytes) || !read_i64(r, &end) ||
        !read_i64(r, &max_ms) || !read_u32(r, &sum) || !read_u8(r, &bad) || end < base || bytes < STORE_SEGMENT_HEAD ||
        base < (l->last ? l->last->end : 0) || end > store_log_high(l))
        return nonsense(rp->sequence, err);
    struct segment *g = segment_new(l, base, generation, err);
    if (!g)
        return ST_MEMORY;
    g->end = end;
    g->bytes = bytes;
    g->max_ms = max_ms;
    g->sum = sum;
    g->bad = bad;
    g->indexed = bytes == STORE_SEGMENT_HEAD;
    segment_link(g);
    return ST_OK;
}

static enum status read_log(struct replay *rp, struct reader *r, struct error *err)
{
    struct store_id id;
    int64_t start, high, epoch_start;
    uint64_t n;
    uint32_t epoch;
    if (!read_id(r, &id) || !read_i64(r, &start) || !read_i64(r, &high) || !read_varint(r, &n) ||
        start < 0 || high < start || store_log_find(rp->store, &id))
        return nonsense(rp->sequence, err);
    struct store_log *l = log_new(rp->store, &id, err);
    if (!l)
        return ST_MEMORY;
    l->start = start;
    l->high = l->next = high;
    for (; n > 0; n--) {
        if (!read_u32(r, &epoch) || !read_i64(r, &epoch_start))
            return nonsense(rp->sequence, err);
        TRY(log_add_epoch(l, (int32_t)epoch, epoch_start, err));
    }
    if (!read_varint(r, &n))
        return nonsense(rp->sequence, err);
    for (; n > 0; n--)
        TRY(read_segment(rp, r, l, err));
    return ST_OK;
}

static enum status set_note(struct store *s, uint32_t kind, struct str bytes, struct error *err)
{
    struct group_note n = { kind, (uint8_t *)(uintptr_t)bytes.ptr, (uint32_t)bytes.len };
    uint8_t *copy;
    TRY(note_copy(s, &n, 1, &copy, err));
    note_set(s, kind, copy, n.len);
    return ST_OK;
}

static enum status apply_state(struct replay *rp, struct reader *r, struct error *err)
{
    uint64_t n;
    struct store *s = rp->store;
    uint64_t generation;
    if (!read_u32(r, &rp->flags) || !read_u64(r, &generation))
        return nonsense(rp->sequence, err);
    if (rp->checking || rp->records > 0) { /* a later file's: what it says is known */
        r->at = r->end;
        return ST_OK;
    }
    s->next_generation = generation;
    if (!read_varint(r, &n))
        return nonsense(rp->sequence, err);
    for (; n > 0; n--)
        TRY(read_log(rp, r, err));
    if (!read_varint(r, &n))
        return nonsense(rp->sequence, err);
    for (; n > 0; n--) {
        uint32_t kind;
        struct str bytes;
        if (!read_u32(r, &kind) || !read_str(r, &bytes))
            return nonsense(rp->sequence, err);
        TRY(set_note(s, kind, bytes, err));
    }
    return ST_OK;
}

static enum status apply_run(struct replay *rp, struct reader *r, struct store_log *l, struct error *err)
{
    struct run run = { 0 };
    int64_t base;
    uint64_t generation;
    uint8_t straight;
    const void *p = NULL;
    if (!read_i64(r, &base) || !read_u64(r, &generation) || !read_u64(r, &run.at) || !read_u64(r, &run.len) ||
        !read_i64(r, &run.first) || !read_i64(r, &run.end) || !read_i64(r, &run.max_ms) ||
        !read_u32(r, &run.sum_before) || !read_u32(r, &run.sum) || !read_u8(r, &straight) || run.end < run.first ||
        (!straight && !read_bytes(r, (size_t)run.len, &p)))
        return nonsense(rp->sequence, err);
    run.straight = straight;
    if (rp->checking)
        return straight ? recover_check(rp, l, base, generation, &run, err) : ST_OK;
    if (rp->sequence == rp->last && rp->torn++ && store_bug(rp->store, LOG_BUG_TORN_GROUP))
        return ST_OK;
    struct segment *g = l->last;
    if (!g || g->base != base || g->generation != generation || g->bytes != run.at || l->high != run.first ||
        g->sum != run.sum_before)
        return nonsense(rp->sequence, err);
    run.segment = g;
    TRY(recover_run(rp, &run, str_make(p, straight ? 0 : (size_t)run.len), err));
    g->bytes += run.len;
    g->end = run.end;
    g->max_ms = run.max_ms;
    g->sum = run.sum;
    g->indexed = false;
    l->high = l->next = run.end;
    return ST_OK;
}

static enum status apply_roll(struct replay *rp, struct reader *r, struct store_log *l, struct error *err)
{
    int64_t base;
    uint64_t generation;
    if (!read_i64(r, &base) || !read_u64(r, &generation) || (!rp->checking && base != l->high))
        return nonsense(rp->sequence, err);
    if (rp->checking)
        return ST_OK;
    struct segment *g = segment_new(l, base, generation, err);
    if (!g)
        return ST_MEMORY;
    segment_link(g);
    if (generation >= rp->store->next_generation)
        rp->store->next_generation = generation + 1;
    return ST_OK;
}

/* Segments wait for the end of the recovery: then the record that takes them away is durable. */
static void doom(struct replay *rp, struct segment *dead)
{
    while (dead) {
        struct segment *g = dead;
        dead = g->next;
        g->next = rp->dead;
        rp->dead = g;
    }
}

static enum status apply_swap(struct replay *rp, struct reader *r, struct store_log *l, struct error *err)
{
    struct swap w;
    uint64_t generation, bytes;
    int64_t max_ms;
    uint32_t sum;
    if (!read_u64(r, &w.generation) || !read_u32(r, &w.n) || !read_i64(r, &w.base) || !read_i64(r, &w.end) ||
        !read_u64(r, &generation) || !read_u64(r, &bytes) || !read_i64(r, &max_ms) || !read_u32(r, &sum) ||
        bytes < STORE_SEGMENT_HEAD)
        return nonsense(rp->sequence, err);
    if (rp->checking)
        return ST_OK;
    if (!log_swappable(l, &w))
        return nonsense(rp->sequence, err);
    struct segment *by = NULL;
    if (bytes > STORE_SEGMENT_HEAD) {
        by = segment_new(l, w.base, generation, err);
        if (!by)
            return ST_MEMORY;
        by->end = w.end;
        by->bytes = bytes;
        by->max_ms = max_ms;
        by->sum = sum;
        by->indexed = false;
    }
    doom(rp, log_swap(l, &w, by));
    if (generation >= rp->store->next_generation)
        rp->store->next_generation = generation + 1;
    return ST_OK;
}

static enum status apply_to_log(struct replay *rp, struct reader *r, enum record_kind kind, struct error *err)
{
    struct store_id id;
    if (!read_id(r, &id))
        return nonsense(rp->sequence, err);
    struct store_log *l = store_log_find(rp->store, &id);
    if (!l != (kind == REC_CREATE))
        return nonsense(rp->sequence, err);
    if (rp->checking && (kind == REC_CREATE || kind == REC_DELETE)) { /* alone in their records */
        r->at = r->end;
        return ST_OK;
    }
    int64_t start;
    uint32_t epoch;
    struct segment *dead = NULL;
    switch (kind) {
    case REC_CREATE:
        l = log_new(rp->store, &id, err);
        return l ? log_add_epoch(l, 0, 0, err) : ST_MEMORY;
    case REC_DELETE:
        log_drop(l, &dead);
        doom(rp, dead);
        return ST_OK;
    case REC_TRIM:
        if (!read_i64(r, &start) || (!rp->checking && start > store_log_high(l)))
            return nonsense(rp->sequence, err);
        if (!rp->checking)
            doom(rp, log_trim(l, start));
        return ST_OK;
    case REC_EPOCH:
        if (!read_u32(r, &epoch) || !read_i64(r, &start))
            return nonsense(rp->sequence, err);
        return rp->checking ? ST_OK : log_add_epoch(l, (int32_t)epoch, start, err);
    case REC_ROLL:
        return apply_roll(rp, r, l, err);
    case REC_SWAP:
        return apply_swap(rp, r, l, err);
    default:
        return apply_run(rp, r, l, err);
    }
}

static enum status apply_note(struct replay *rp, struct reader *r, struct error *err)
{
    uint32_t kind, len;
    const void *p;
    if (!read_u32(r, &kind) || !read_u32(r, &len) || !read_bytes(r, len, &p))
        return nonsense(rp->sequence, err);
    return rp->checking ? ST_OK : set_note(rp->store, kind, str_make(p, len), err);
}

static enum status walk_entries(struct replay *rp, struct reader r, struct error *err)
{
    uint8_t kind;
    while (r.at < r.end && !rp->stopped) {
        if (!read_u8(&r, &kind) || kind == 0 || kind >= REC_KINDS || (rp->records == 0 && kind != REC_STATE))
            return nonsense(rp->sequence, err);
        if (kind == REC_STATE)
            TRY(apply_state(rp, &r, err));
        else if (kind == REC_NOTE)
            TRY(apply_note(rp, &r, err));
        else
            TRY(apply_to_log(rp, &r, (enum record_kind)kind, err));
    }
    return ST_OK;
}

enum status record_head_read(struct replay *rp, uint64_t sequence, struct str payload, struct reader *ret,
                             struct error *err)
{
    uint8_t mode;
    *ret = reader_make(payload.ptr, payload.len);
    rp->sequence = sequence;
    if (!read_u64(ret, &rp->settled) || !read_u8(ret, &mode))
        return nonsense(sequence, err);
    /* Strict: what it names was synced before it was written. */
    uint64_t proven = mode ? sequence : rp->settled;
    rp->proven = proven > rp->proven ? proven : rp->proven;
    return ST_OK;
}

enum status record_apply(struct replay *rp, uint64_t sequence, struct str payload, struct error *err)
{
    struct reader r;
    TRY(record_head_read(rp, sequence, payload, &r, err));
    rp->bytes += payload.len;
    rp->checking = true;
    enum status st = sequence > rp->proven ? walk_entries(rp, r, err) : ST_OK;
    rp->checking = false;
    if (st == ST_OK && !rp->stopped)
        st = walk_entries(rp, r, err);
    rp->records++;
    return st;
}
