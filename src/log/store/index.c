/* Walking a segment's batches by their heads, and its sparse index.
 *
 * An entry about every `index_bytes`: {offset, place, largest timestamp before it, sum over the heads before it}.
 * Where a segment has too many, every second one goes and the distance doubles. The index lives in memory as long as
 * its file is open (the active segment's longer). A segment written in this life has it from the first batch on.
 * Another one gets it when it is first read: from its index file (index_file.c), and by a walk over the heads behind
 * what that covers.
 *
 * Proof. Nothing is served whose heads have not been seen to be those that were written. A walk is one: heads follow
 * each other to the segment's end, and their sum is the journal's. The sum covers the bytes of a batch that its own
 * checksum does not (offset, length, epoch) and that checksum. What came from an index file is proven piece by piece,
 * before it is first served: the heads between two entries lead from the one's sum to the other's. Where that fails
 * the file is wrong or the segment is; a walk over all decides. Who was on its way with the index that then goes begins anew. */
#include "store/private.h"

static uint64_t be(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

bool batch_head_read(const uint8_t *p, struct batch_head *ret)
{
    int64_t base = (int64_t)be(p, 8);
    int32_t length = (int32_t)be(p + 8, 4), delta = (int32_t)be(p + 23, 4);
    if (base < 0 || length < RECORD_BATCH_HEADER - RECORD_LENGTH_END || p[16] != 2 || delta < 0 ||
        base > INT64_MAX - 1 - delta)
        return false;
    *ret = (struct batch_head){ base, base + delta + 1, (int64_t)be(p + 35, 8),
                                RECORD_LENGTH_END + (uint64_t)length, p };
    return true;
}

void walk_init(struct walk *w, struct segment *g, uint64_t at, uint64_t stop)
{
    w->segment = g;
    w->at = at;
    w->stop = stop;
    w->window_at = 0;
    w->window_len = 0;
}

enum status walk_next(struct walk *w, struct batch_head *ret, struct error *err)
{
    struct store *s = w->segment->log->store;
    if (w->stop - w->at < RECORD_BATCH_HEADER)
        return segment_rotten(w->segment, w->at, "no batch starts there", err);
    if (w->at < w->window_at || w->at + RECORD_BATCH_HEADER > w->window_at + w->window_len) {
        uint64_t left = w->stop - w->at;
        size_t want = left < sizeof w->window ? (size_t)left : sizeof w->window;
        /* Where batches are large only their heads are wanted. */
        if (w->window_len > 0 && w->at > w->window_at + w->window_len)
            want = RECORD_BATCH_HEADER;
        TRY(os_pread(s->os, w->segment->file, w->window, want, w->at, &w->window_len, err));
        w->window_at = w->at;
        if (w->window_len < RECORD_BATCH_HEADER)
            return segment_rotten(w->segment, w->at, "the file ends there", err);
    }
    if (!batch_head_read(w->window + (w->at - w->window_at), ret) || ret->bytes > w->stop - w->at)
        return segment_rotten(w->segment, w->at, "no batch starts there", err);
    w->at += ret->bytes;
    return ST_OK;
}

void index_drop(struct segment *g)
{
    struct store *s = g->log->store;
    mem_free(s->budget, g->index.entries, g->index.cap * sizeof *g->index.entries);
    s->index_bytes -= g->index.cap * sizeof *g->index.entries;
    g->index = (struct index){ 0 };
    g->indexed = g->bytes == STORE_SEGMENT_HEAD;
    g->from_file = false;
}

/* Every second one goes: what stands before the others is the same. */
static void thin(struct index *x)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->count; i += 2, n++) {
        bool proven = x->entries[i].proven && (i + 1 == x->count || x->entries[i + 1].proven);
        x->entries[n] = x->entries[i];
        x->entries[n].proven = proven;
    }
    x->count = n;
    x->step *= 2;
}

static bool entry_add(struct segment *g, struct index *x, struct index_entry e)
{
    if (x->count == 0)
        x->step = atomic_load(&g->log->index_bytes);
    if (x->count > 0 && e.at - x->entries[x->count - 1].at < x->step)
        return true;
    if (x->count == STORE_INDEX_MAX) {
        thin(x);
        if (e.at - x->entries[x->count - 1].at < x->step)
            return true;
    }
    if (!store_grow(g->log->store->budget, (void **)&x->entries, &x->cap, x->count, sizeof *x->entries))
        return false;
    x->entries[x->count++] = e;
    return true;
}

void index_add(struct segment *g, const struct batch_head *h, uint64_t at)
{
    struct store *s = g->log->store;
    if (!g->indexed)
        return;
    uint32_t cap = g->index.cap;
    bool ok = entry_add(g, &g->index, (struct index_entry){ h->base, g->max_ms, at, g->sum, true });
    if (ok && g->index.count > 1 && store_bug(s, LOG_BUG_INDEX_AHEAD))
        g->index.entries[g->index.count - 1].at = at + h->bytes;
    s->index_bytes += (g->index.cap - cap) * sizeof *g->index.entries;
    if (!ok) {
        index_drop(g); /* without memory: read again when somebody asks */
        g->indexed = false;
    }
}

struct built {
    struct index index;
    uint32_t sum;
    int64_t end, max_ms;
    bool from_file;
};

static enum status build(struct segment *g, struct walk *w, struct built *b, struct error *err)
{
    while (w->at < w->stop) {
        struct batch_head h;
        uint64_t at = w->at;
        TRY(walk_next(w, &h, err));
        if (h.base < b->end)
            return segment_rotten(g, at, "an offset goes back", err);
        if (!entry_add(g, &b->index, (struct index_entry){ h.base, b->max_ms, at, b->sum, true }))
            return budget_error(g->log->store->budget ? g->log->store->budget : budget_process(),
                                sizeof *b->index.entries, err);
        b->sum = crc32c(b->sum, h.side, STORE_BATCH_SIDE);
        b->end = h.end;
        b->max_ms = h.max_ms > b->max_ms ? h.max_ms : b->max_ms;
    }
    return ST_OK;
}

/* From what the file says, or from the beginning. The last entry of the file is taken up again: the walk goes on there. */
static uint64_t build_begin(struct segment *g, struct built *b, struct error *err)
{
    struct store *s = g->log->store;
    store_lock(s);
    uint64_t bytes = g->bytes;
    bool try = !g->no_file && bytes >= s->options.save_bytes;
    store_unlock(s);
    *b = (struct built){ .end = g->base, .max_ms = INT64_MIN };
    if (!try || !index_read(g, bytes, &b->index, err))
        return STORE_SEGMENT_HEAD;
    struct index_entry last = b->index.entries[--b->index.count];
    b->sum = last.sum;
    b->end = last.offset;
    b->max_ms = last.max_ms;
    b->from_file = true;
    return last.at;
}

static void index_free(struct store *s, struct index *x)
{
    mem_free(s->budget, x->entries, x->cap * sizeof *x->entries);
}

static enum status load(struct segment *g, bool *ret_from_file, struct error *err)
{
    struct store *s = g->log->store;
    struct built b;
    struct walk w;
    enum status st = ST_OK;
    bool there;
    uint64_t begun = build_begin(g, &b, err);
    *ret_from_file = b.from_file;
    walk_init(&w, g, begun, begun);
    for (;;) { /* again where the writer went on meanwhile */
        store_lock(s);
        there = g->indexed;
        if (there || w.at == g->bytes)
            break;
        w.stop = g->bytes;
        store_unlock(s);
        w.window_len = 0;
        st = build(g, &w, &b, err);
        if (st != ST_OK) {
            index_free(s, &b.index);
            return st;
        }
    }
    bool right = b.sum == g->sum && b.end <= g->end && b.max_ms == g->max_ms;
    if (!there && right) {
        g->index = b.index;
        g->indexed = true;
        g->from_file = b.from_file;
        g->saved = begun > STORE_SEGMENT_HEAD ? begun : 0;
        s->index_bytes += g->index.cap * sizeof *g->index.entries;
        index_want_saved(g, s->options.save_bytes);
    }
    store_unlock(s);
    if (there || !right)
        index_free(s, &b.index);
    return there || right ? ST_OK : segment_rotten(g, STORE_SEGMENT_HEAD, "the heads of its batches are others", err);
}

enum status index_load(struct segment *g, struct error *err)
{
    struct store *s = g->log->store;
    store_lock(s);
    bool there = g->indexed;
    store_unlock(s);
    if (there)
        return ST_OK;
    bool from_file;
    enum status st = load(g, &from_file, err);
    if (st == ST_CORRUPT && from_file) {
        store_lock(s);
        g->no_file = true;
        store_unlock(s);
        error_clear(err);
        st = load(g, &from_file, err);
    }
    if (st == ST_CORRUPT)
        atomic_store(&g->rotten, true);
    return st;
}

bool index_distrust(struct segment *g)
{
    struct store *s = g->log->store;
    store_lock(s);
    bool was = g->from_file;
    if (was) {
        index_drop(g);
        g->no_file = true;
    }
    store_unlock(s);
    return was;
}

/* The entry whose heads hold `at`. */
static uint32_t entry_of(const struct index *x, uint64_t at)
{
    uint32_t low = 0, high = x->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (x->entries[mid].at <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 ? low - 1 : 0;
}

/* The heads between two entries. */
static enum status prove(struct segment *g, const struct index_entry *e, const struct index_entry *next, struct error *err)
{
    struct walk w;
    uint32_t sum = e->sum;
    int64_t end = e->offset;
    walk_init(&w, g, e->at, next->at);
    while (w.at < w.stop) {
        struct batch_head h;
        uint64_t at = w.at;
        TRY(walk_next(&w, &h, err));
        if (h.base < end)
            return segment_rotten(g, at, "an offset goes back", err);
        sum = crc32c(sum, h.side, STORE_BATCH_SIDE);
        end = h.end;
    }
    if (sum != next->sum || end > next->offset)
        return segment_rotten(g, e->at, "the heads of its batches are others", err);
    return ST_OK;
}

/* (lock) The first one on the way from `from` to `to` that is not proven; *ret_next: what follows it. */
static bool find_unproven(const struct segment *g, uint64_t from, uint64_t to, struct index_entry *ret,
                          struct index_entry *ret_next)
{
    const struct index *x = &g->index;
    if (!g->from_file)
        return false;
    uint32_t i = entry_of(x, from);
    while (i < x->count && x->entries[i].at < to && x->entries[i].proven)
        i++;
    if (i == x->count || x->entries[i].at >= to)
        return false;
    *ret = x->entries[i];
    *ret_next = i + 1 < x->count ? x->entries[i + 1]
                                 : (struct index_entry){ .offset = g->end, .at = g->bytes, .sum = g->sum };
    return true;
}

enum status index_prove(struct segment *g, uint64_t from, uint64_t to, struct error *err)
{
    struct store *s = g->log->store;
    struct index *x = &g->index;
    struct index_entry e, next;
    store_lock(s);
    while (g->indexed && find_unproven(g, from, to, &e, &next)) {
        store_unlock(s);
        TRY(prove(g, &e, &next, err));
        store_lock(s);
        uint32_t i = entry_of(x, e.at);
        if (i < x->count && x->entries[i].at == e.at && (i + 1 == x->count || x->entries[i + 1].at == next.at))
            x->entries[i].proven = true;
        from = next.at;
    }
    bool there = g->indexed;
    store_unlock(s);
    return there ? ST_OK : error_set(err, ST_CANCELLED, "the index has gone meanwhile");
}
