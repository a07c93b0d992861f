/* Reading: which range of which file holds the batches that are asked for.
 *
 * The index gives the last place at or before the offset; from there heads are walked to the batch itself, and from the
 * last entry that fits to the range's end. What the writer publishes meanwhile does not matter: place and length of a
 * segment are taken once. A range holds a user of its segment: handle and file stay until it is released.
 *
 * Compaction leaves gaps between batches, at a segment's end, and between segments: the next batch behind one answers. A
 * segment that was swapped or trimmed between the look at the table and the look at its file is no damage: once more. The
 * same where an index that was read from its file does not fit: it is made anew. */
#include "store/private.h"

/* The segment that holds `offset`, or the first one behind it; used, but its file perhaps not open. */
struct found {
    struct segment *segment;
    uint64_t bytes;
    int64_t next; /* where the next segment starts */
    bool bad;
    bool dead;  /* after a failure: it is in no table any more */
    bool again; /* after a failure: the index was not to be trusted, and is made anew */
};

static bool find(struct store_log *l, int64_t offset, struct found *ret)
{
    store_lock(l->store);
    struct segment *g = l->first;
    /* Readers stand at the end, or go on from segment to segment. */
    if (l->last && l->last->base <= offset)
        g = l->last;
    else if (l->found && l->found->base <= offset)
        g = l->found;
    while (g && g->end <= offset)
        g = g->next;
    if (g) {
        l->found = g;
        *ret = (struct found){ .segment = g, .bytes = g->bytes, .next = g->end, .bad = g->bad };
        g->users++;
    }
    store_unlock(l->store);
    return g;
}

/* Lets go of what find found. */
static void leave_found(struct found *f, enum status st)
{
    store_lock(f->segment->log->store);
    f->dead = f->segment->dead;
    store_unlock(f->segment->log->store);
    f->again = st == ST_CANCELLED || (st == ST_CORRUPT && (f->dead || index_distrust(f->segment)));
    segment_unuse(f->segment);
}

/* Its file open, its index there. Still one user, find's: but for ST_OK let go of. */
static enum status open_found(struct found *f, struct error *err)
{
    enum status st = f->bad ? segment_bad(f->segment, err) : segment_use(f->segment, err);
    if (st == ST_OK) {
        st = index_load(f->segment, err);
        segment_unuse(f->segment);
    }
    if (st != ST_OK)
        leave_found(f, st);
    return st;
}

/* The last entry for which all before it is below offset (by_time: before it no timestamp reaches `key`). */
static uint64_t index_place(struct segment *g, int64_t key, bool by_time)
{
    struct store *s = g->log->store;
    uint64_t at = STORE_SEGMENT_HEAD;
    store_lock(s);
    uint32_t low = 0, high = g->index.count;
    const struct index_entry *e = g->index.entries;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (by_time ? e[mid].max_ms < key : e[mid].offset <= key)
            low = mid + 1;
        else
            high = mid;
    }
    if (low > 0)
        at = e[low - 1].at;
    store_unlock(s);
    return at;
}

/* The last entry's place at or before `at` whose offset is not behind `limit`; at least `least`. */
static uint64_t index_before(struct segment *g, uint64_t at, int64_t limit, uint64_t least)
{
    struct store *s = g->log->store;
    store_lock(s);
    uint32_t low = 0, high = g->index.count;
    const struct index_entry *e = g->index.entries;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (e[mid].at <= at && e[mid].offset <= limit)
            low = mid + 1;
        else
            high = mid;
    }
    if (low > 0 && e[low - 1].at > least)
        least = e[low - 1].at;
    store_unlock(s);
    return least;
}

/* From the first batch, which begins at `at`, as many whole ones as fit. `w` stands behind the first one, *ret_end at its
 * end. */
static enum status extend(struct walk *w, uint64_t at, int64_t limit, uint32_t max_bytes, uint64_t *ret_stop,
                          int64_t *ret_end, struct error *err)
{
    uint64_t stop = index_before(w->segment, at + max_bytes, limit, w->at);
    bool jumped = stop > w->at;
    if (jumped)
        walk_init(w, w->segment, stop, w->stop);
    while (w->at < w->stop) {
        struct batch_head h;
        TRY(walk_next(w, &h, err));
        bool fits = h.end <= limit && w->at - at <= max_bytes;
        if (fits || jumped)
            *ret_end = fits ? h.end : h.base; /* behind the one before, which was not looked at */
        if (!fits)
            break;
        jumped = false;
        stop = w->at;
    }
    *ret_stop = stop;
    return ST_OK;
}

/* An empty range: none below the limit. *ret_gap: no batch of the segment is behind the offset. Only a range that is not empty
 * keeps the user. */
static enum status read_found(struct found *f, int64_t offset, int64_t limit, uint32_t max_bytes,
                              struct store_range *ret, bool *ret_gap, struct error *err)
{
    struct segment *g = f->segment;
    struct walk w;
    struct batch_head h = { .end = offset };
    uint64_t at = 0, stop;
    enum status st = ST_OK;
    uint64_t from = index_place(g, offset, false);
    walk_init(&w, g, from, f->bytes);
    while (st == ST_OK && h.end <= offset && w.at < w.stop) {
        at = w.at;
        st = walk_next(&w, &h, err);
    }
    int64_t first = h.base, end = h.end;
    *ret_gap = st == ST_OK && end <= offset;
    *ret = (struct store_range){ 0 };
    if (st == ST_OK && end > offset && end <= limit) {
        st = extend(&w, at, limit, max_bytes, &stop, &end, err);
        if (st == ST_OK)
            st = index_prove(g, from, stop, err);
        if (st == ST_OK)
            *ret = (struct store_range){ g->file, at, stop - at, first, end, g };
    } else if (st == ST_OK) {
        st = index_prove(g, from, w.at, err);
    }
    if (!ret->pin)
        leave_found(f, st);
    return st;
}

enum status store_read(struct store_log *l, int64_t offset, int64_t limit, uint32_t max_bytes, struct store_range *ret,
                       int64_t *ret_next, struct error *err)
{
    int64_t high = store_log_high(l), start = store_log_start(l);
    *ret_next = offset;
    if (offset < start || offset > high)
        return error_set(err, ST_NOT_FOUND, "offset %lld is not between %lld and %lld", (long long)offset,
                         (long long)start, (long long)high);
    limit = limit < high ? limit : high;
    for (int64_t at = offset;;) {
        struct found f;
        bool gap = false;
        if (at >= limit || !find(l, at, &f)) {
            *ret = (struct store_range){ 0 };
            return ST_OK;
        }
        enum status st = open_found(&f, err);
        if (st == ST_OK)
            st = read_found(&f, at, limit, max_bytes, ret, &gap, err);
        if (f.again) {
            if (offset < store_log_start(l))
                return error_set(err, ST_NOT_FOUND, "offset %lld is no longer there", (long long)offset);
            error_clear(err);
            continue;
        }
        if (st == ST_CORRUPT)
            *ret_next = f.next;
        if (!gap)
            return st;
        at = f.next;
    }
}

void store_range_release(struct store_range *r)
{
    if (r->pin)
        segment_unuse(r->pin);
    *r = (struct store_range){ 0 };
}

/* The first batch of the segment that reaches the timestamp. An empty range: none below the limit. */
static enum status seek_found(struct found *f, int64_t timestamp_ms, int64_t start, int64_t limit,
                              struct store_range *ret, struct error *err)
{
    struct segment *g = f->segment;
    struct walk w;
    enum status st = ST_OK;
    *ret = (struct store_range){ 0 };
    uint64_t from = index_place(g, timestamp_ms, true);
    walk_init(&w, g, from, f->bytes);
    while (st == ST_OK && w.at < w.stop) {
        struct batch_head h;
        uint64_t at = w.at;
        st = walk_next(&w, &h, err);
        if (st != ST_OK || h.end > limit)
            break;
        if (h.max_ms < timestamp_ms || h.end <= start)
            continue;
        st = index_prove(g, from, w.at, err);
        if (st != ST_OK)
            break;
        *ret = (struct store_range){ g->file, at, h.bytes, h.base, h.end, g };
        return ST_OK;
    }
    if (st == ST_OK)
        st = index_prove(g, from, w.at, err);
    leave_found(f, st);
    return st;
}

enum status store_seek(struct store_log *l, int64_t timestamp_ms, int64_t limit, struct store_range *ret,
                       struct error *err)
{
    int64_t high = store_log_high(l), start = store_log_start(l);
    limit = limit < high ? limit : high;
    for (int64_t offset = start; offset < limit;) {
        struct found f;
        if (!find(l, offset, &f))
            break;
        store_lock(l->store);
        bool late = f.segment->max_ms < timestamp_ms;
        store_unlock(l->store);
        if (late || f.bad) {
            segment_unuse(f.segment);
            offset = f.next;
            continue;
        }
        enum status st = open_found(&f, err);
        if (st == ST_OK)
            st = seek_found(&f, timestamp_ms, start, limit, ret, err);
        if (st == ST_OK && ret->pin)
            return ST_OK;
        if (st != ST_OK && st != ST_CORRUPT && !f.again)
            return st;
        error_clear(err);
        if (!f.again)
            offset = f.next;
    }
    *ret = (struct store_range){ 0 };
    return ST_OK;
}
