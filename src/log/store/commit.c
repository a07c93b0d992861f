/* The commit: groups that wait become one record of the journal.
 *
 *   take      the queue, in order; as many groups as fit
 *   place     each batch in its partition's newest segment, or a new one; what one segment gets is a run
 *   write     runs to their segments; straight ones synced
 *   record    one record: runs with their bytes, or (straight) by place and sum; notes. Appended, synced
 *   publish   tables, indexes, high watermarks; `done`
 *
 * Until `record` nothing that anybody sees has changed. A failure before leaves bytes behind the segments' ends, which
 * are cut off, and files that no table has, which are deleted; all groups of the era fail. A failed sync is final.
 *
 * Segments are written before the journal, so that a full disk is known while the groups can still be refused. */
#include "store/private.h"

enum {
    PAGE_BYTES = 4096,
    BEHIND_BYTES = 256 << 10, /* 0.5 ms of a disk that takes 500 MB a second */
    TAKE_BYTES = 32 << 20,
    INLINE_BYTES = 16 << 20, /* in one record; runs beyond go straight */
    PIECES = 64, /* in one call of the os */
    SMALL_BYTES = 8 << 10,
    RELAXED_SYNC_NS = 1000000000,
};

struct commit {
    struct store *store;
    struct store_group *groups; /* taken, in order */
    struct store_log *touched;
    struct run *runs;
    uint32_t n_runs, cap_runs, used_runs; /* the first used_runs hold a user of their segment */
    uint32_t n_groups, n_batches, n_notes;
    uint8_t **notes; /* copies */
    uint32_t notes_made;
    bool rotten; /* a segment that should have been written to is not what it was */
    struct buf heads;
};

static enum status no_memory(const struct store *s, size_t bytes, struct error *err)
{
    return budget_error(s->budget ? s->budget : budget_process(), bytes, err);
}

/* ---- take ---- */

static void queue_take(struct store *s)
{
    struct store_group *g = atomic_exchange(&s->queue, NULL), *first = NULL, *last = g;
    while (g) { /* newest first: turned round */
        struct store_group *next = g->next;
        g->next = first;
        first = g;
        g = next;
        s->n_waiting++;
    }
    if (!first)
        return;
    if (s->waiting)
        s->waiting_last->next = first;
    else
        s->waiting = first;
    s->waiting_last = last;
}

uint32_t store_waiting(struct store *s)
{
    queue_take(s);
    return s->n_waiting;
}

uint32_t store_answered(const struct store *s, int64_t *ret_took_ns)
{
    *ret_took_ns = s->took_ns;
    return s->answered;
}

static void groups_end(struct store_group *g, enum status st, const struct error *err)
{
    while (g) {
        struct store_group *next = g->next; /* `done` may free it */
        g->done(g->arg, g, st, err);
        g = next;
    }
}

static void take(struct commit *c)
{
    struct store *s = c->store;
    struct store_group **end = &c->groups, *stale = NULL, **stale_end = &stale;
    uint64_t bytes = 0, era = atomic_load(&s->era);
    while (s->waiting && (!c->groups || bytes + s->waiting->bytes <= TAKE_BYTES)) {
        struct store_group *g = s->waiting;
        s->waiting = g->next;
        s->n_waiting--;
        g->next = NULL;
        if (g->era != era) {
            *stale_end = g;
            stale_end = &g->next;
            continue;
        }
        bytes += g->bytes;
        c->n_groups++;
        c->n_batches += g->n_batches;
        c->n_notes += g->n_notes;
        *end = g;
        end = &g->next;
    }
    groups_end(stale, s->failure.status, &s->failure);
}

/* ---- place ---- */

static enum status run_begin(struct commit *c, struct store_log *l, struct segment *g, bool rolls, int64_t first,
                             struct error *err)
{
    struct store *s = c->store;
    if (!store_grow(s->budget, (void **)&c->runs, &c->cap_runs, c->n_runs, sizeof *c->runs))
        return no_memory(s, sizeof *c->runs, err);
    l->place.run = c->n_runs;
    l->place.running = true;
    c->runs[c->n_runs++] = (struct run){ .segment = g, .at = l->place.bytes, .first = first, .end = first,
                                         .max_ms = l->place.max_ms, .sum_before = l->place.sum, .sum = l->place.sum,
                                         .rolls = rolls };
    return ST_OK;
}

static enum status roll(struct commit *c, struct store_log *l, struct error *err)
{
    struct store *s = c->store;
    /* Also when it fails the name is used up. */
    struct segment *g = segment_new(l, l->place.end, atomic_fetch_add(&s->next_generation, 1), err);
    if (!g)
        return ST_MEMORY;
    l->place.segment = g;
    l->place.bytes = STORE_SEGMENT_HEAD;
    l->place.sum = 0;
    l->place.max_ms = INT64_MIN;
    enum status st = run_begin(c, l, g, true, l->place.end, err);
    if (st != ST_OK)
        segment_free(g);
    return st;
}

static enum status place_batch(struct commit *c, struct group_batch *b, struct error *err)
{
    struct store_log *l = b->log;
    struct place *p = &l->place;
    if (!p->touched) {
        struct segment *g = l->last;
        bool fits = g && !g->bad && !g->rotten && !atomic_exchange(&l->roll, false);
        *p = (struct place){ .touched = true, .end = atomic_load(&l->high), .segment = fits ? g : NULL };
        if (fits) {
            p->bytes = g->bytes;
            p->sum = g->sum;
            p->max_ms = g->max_ms;
        }
        l->touched_next = c->touched;
        c->touched = l;
    }
    CHECK(b->base == p->end);
    if (!p->segment || (p->bytes > STORE_SEGMENT_HEAD && p->bytes + b->len > l->segment_bytes))
        TRY(roll(c, l, err));
    else if (!p->running)
        TRY(run_begin(c, l, p->segment, false, p->end, err));
    struct run *r = &c->runs[p->run];
    b->next_in_run = NULL;
    if (r->batches_last)
        r->batches_last->next_in_run = b;
    else
        r->batches = b;
    r->batches_last = b;
    r->len += b->len;
    r->end = p->end = b->end;
    r->max_ms = p->max_ms = b->max_ms > p->max_ms ? b->max_ms : p->max_ms;
    r->sum = p->sum = crc32c(p->sum, b->bytes->data + b->at, STORE_BATCH_SIDE);
    p->bytes += b->len;
    return ST_OK;
}

/* To the segment only, which is synced then. That sync writes what went through the journal before, too: with a second of that
 * a hiccup of the disk would make large runs, each of which waits for all of it. */
static bool goes_straight(const struct store *s, const struct run *r, uint64_t inline_bytes)
{
    bool dear = s->options.durability == STORE_STRICT && atomic_load(&r->segment->unsynced) > r->len;
    return inline_bytes + r->len > INLINE_BYTES || (r->len >= s->options.straight_bytes && !dear);
}

static enum status place(struct commit *c, struct error *err)
{
    struct store *s = c->store;
    for (struct store_group *g = c->groups; g; g = g->next) {
        for (uint32_t i = 0; i < g->n_batches; i++)
            TRY(place_batch(c, &g->batches[i], err));
    }
    uint64_t inline_bytes = 0;
    for (uint32_t i = 0; i < c->n_runs; i++) {
        struct run *r = &c->runs[i];
        r->straight = goes_straight(s, r, inline_bytes);
        inline_bytes += r->straight ? 0 : r->len;
    }
    if (c->n_notes == 0)
        return ST_OK;
    c->notes = mem_calloc(s->budget, c->n_notes * sizeof *c->notes);
    if (!c->notes)
        return no_memory(s, c->n_notes * sizeof *c->notes, err);
    for (struct store_group *g = c->groups; g; g = g->next) {
        for (uint32_t i = 0; i < g->n_notes; i++, c->notes_made++)
            TRY(note_copy(s, &g->notes[i], c->n_notes, &c->notes[c->notes_made], err));
    }
    return ST_OK;
}

/* ---- write ---- */

/* Pieces of one call: batches as they are, small ones joined (a piece costs as much as copying a few KiB). */
struct gather {
    struct str pieces[PIECES];
    uint32_t n;
    size_t staged;
    bool staging; /* the last piece is a staged one */
    uint64_t bytes;
};

static bool gather_add(struct store *s, struct gather *w, const uint8_t *p, uint32_t len)
{
    bool small = len <= SMALL_BYTES;
    if ((small && len > STORE_STAGE_BYTES - w->staged) || (w->n == PIECES && !(small && w->staging)))
        return false;
    if (small) {
        memcpy(s->stage + w->staged, p, len);
        if (w->staging)
            w->pieces[w->n - 1].len += len;
        else
            w->pieces[w->n++] = str_make(s->stage + w->staged, len);
        w->staged += len;
    } else {
        w->pieces[w->n++] = str_make(p, len);
    }
    w->staging = small;
    w->bytes += len;
    return true;
}

/* As much as may be in one call: for batches of 64 KiB that takes a third less than one call for each. */
static enum status write_run(struct store *s, const struct run *r, struct error *err)
{
    uint64_t at = r->at;
    for (const struct group_batch *b = r->batches; b;) {
        struct gather w;
        w.n = 0;
        w.staged = w.bytes = 0;
        w.staging = false;
        while (b && gather_add(s, &w, b->bytes->data + b->at, b->len))
            b = b->next_in_run;
        TRY(s->os->ops->pwrite_pieces(s->os, r->segment->file, w.pieces, w.n, at, err));
        at += w.bytes;
    }
    return ST_OK;
}

static enum status write_all(struct commit *c, struct error *err)
{
    struct store *s = c->store;
    bool strict = s->options.durability == STORE_STRICT;
    for (uint32_t i = 0; i < c->n_runs; i++) {
        struct run *r = &c->runs[i];
        enum status st = r->rolls ? segment_make(r->segment, err) : segment_use(r->segment, err);
        if (st == ST_CORRUPT) {
            atomic_store(&r->segment->rotten, true);
            c->rotten = true;
        }
        TRY(st);
        c->used_runs++;
        atomic_fetch_add(&r->segment->unsynced, r->len);
        TRY(write_run(s, r, err));
    }
    for (uint32_t i = 0; i < c->n_runs; i++) {
        struct run *r = &c->runs[i];
        if (r->straight && strict && !store_bug(s, LOG_BUG_STRAIGHT_NO_SYNC))
            TRY(segment_sync(r->segment, err));
        else
            segment_dirty(r->segment);
    }
    return ST_OK;
}

/* ---- record ---- */

static struct str part_of(const struct buf *b, size_t from) { return str_make(b->data + from, b->len - from); }

static enum status record(struct commit *c, struct error *err)
{
    struct store *s = c->store;
    struct buf *b = &c->heads;
    uint32_t n_parts = 1 + 2 * c->n_runs + c->n_batches + 2 * c->n_notes, n = 0;
    size_t head_bytes = 16 + (size_t)c->n_runs * 192 + (size_t)c->n_notes * 16;
    struct str *parts = mem_alloc(s->budget, n_parts * sizeof *parts);
    bool ok = parts && buf_reserve(b, head_bytes); /* parts point into it: it must not move */
    size_t from = 0;
    ok = ok && record_begin(b, s);
    for (uint32_t i = 0; ok && i < c->n_runs; i++) {
        struct run *r = &c->runs[i];
        ok = (!r->rolls || record_put_roll(b, r->segment)) && record_put_run(b, r);
        if (r->straight)
            continue;
        parts[n++] = part_of(b, from);
        from = b->len;
        for (const struct group_batch *x = r->batches; x; x = x->next_in_run)
            parts[n++] = str_make(x->bytes->data + x->at, x->len);
    }
    for (struct store_group *g = c->groups; g; g = g->next) {
        for (uint32_t i = 0; ok && i < g->n_notes; i++) {
            ok = record_put_note(b, g->notes[i].kind, g->notes[i].len);
            parts[n++] = part_of(b, from);
            from = b->len;
            parts[n++] = str_make(g->notes[i].bytes, g->notes[i].len);
        }
    }
    if (ok && b->len > from)
        parts[n++] = part_of(b, from);
    enum status st = ok ? journal_append(s->journal, parts, n, NULL, err) : no_memory(s, head_bytes, err);
    if (st == ST_OK)
        s->told = s->settled;
    else if (journal_broken(s->journal))
        st = store_break(s, st);
    mem_free(s->budget, parts, n_parts * sizeof *parts);
    return st;
}

static enum status sync_journal(struct store *s, struct error *err)
{
    bool strict = s->options.durability == STORE_STRICT;
    uint64_t settled = atomic_load(&s->segs_settled);
    int64_t now = strict ? 0 : os_mono_ns(s->os);
    if (!strict && now - s->synced_ns < RELAXED_SYNC_NS)
        return ST_OK;
    enum status st = store_bug(s, LOG_BUG_NO_SYNC) ? ST_OK : journal_sync(s->journal, err);
    if (st != ST_OK)
        return store_break(s, st);
    s->synced_ns = now;
    journal_synced(s);
    settled = strict ? journal_end(s->journal).sequence : settled;
    s->settled = settled > s->settled ? settled : s->settled;
    return ST_OK;
}

/* ---- publish, or take back ---- */

/* A second's worth of dirty pages is thirty milliseconds of disk, and the journal's syncs would wait behind the tender's. So
 * what went through the journal goes on as it comes, in pieces that no sync notices. (A relaxed log's syncs are in nobody's way.) */
static void write_behind(struct store *s, const struct run *r)
{
    struct segment *g = r->segment;
    uint64_t end = g->bytes & ~(uint64_t)(PAGE_BYTES - 1); /* the last page will be written again */
    if (g->begun == 0) /* this life has not written to it before */
        g->begun = r->at & ~(uint64_t)(PAGE_BYTES - 1);
    if (end < g->begun + BEHIND_BYTES)
        return;
    if (!r->straight && s->options.durability == STORE_STRICT)
        s->os->ops->write_behind(s->os, g->file, g->begun, end - g->begun);
    g->begun = end;
}

static void publish_run(struct store *s, struct run *r)
{
    struct segment *g = r->segment, *sealed = r->rolls ? g->log->last : NULL;
    if (r->rolls)
        segment_link(g);
    store_lock(s);
    if (sealed) {
        sealed->users++;
        index_want_saved(sealed, s->options.save_bytes);
    }
    for (struct group_batch *b = r->batches; b; b = b->next_in_run) {
        struct batch_head h = { .base = b->base, .end = b->end, .max_ms = b->max_ms, .bytes = b->len };
        index_add(g, &h, g->bytes);
        g->sum = crc32c(g->sum, b->bytes->data + b->at, STORE_BATCH_SIDE);
        g->max_ms = b->max_ms > g->max_ms ? b->max_ms : g->max_ms;
        g->bytes += b->len;
        g->end = b->end;
    }
    index_want_saved(g, (uint64_t)s->options.save_bytes * 64);
    atomic_store(&g->log->high, r->end);
    store_unlock(s);
    write_behind(s, r);
    if (sealed)
        segment_unuse(sealed);
    segment_unuse(g);
}

static void publish(struct commit *c)
{
    struct store *s = c->store;
    atomic_store(&s->newest, journal_end(s->journal).sequence);
    for (uint32_t i = 0; i < c->n_runs; i++)
        publish_run(s, &c->runs[i]);
    uint32_t n = 0;
    for (struct store_group *g = c->groups; g; g = g->next) {
        for (uint32_t i = 0; i < g->n_notes; i++, n++)
            note_set(s, g->notes[i].kind, c->notes[n], g->notes[i].len);
    }
}

/* What a record names stays: perhaps it is durable. */
static void take_back(struct commit *c, bool recorded)
{
    struct store *s = c->store;
    for (uint32_t i = 0; i < c->n_runs; i++) {
        struct run *r = &c->runs[i];
        struct segment *g = r->segment;
        bool used = i < c->used_runs;
        if (used && !r->rolls && !recorded)
            (void)s->os->ops->truncate(s->os, g->file, g->bytes, NULL);
        if (r->rolls) {
            char path[STORE_PATH_MAX];
            atomic_store(&g->log->roll, true); /* the wish stands, if it was one */
            segment_path(g, path);
            if (used && !recorded)
                (void)s->os->ops->unlink(s->os, path, NULL);
            g->dead = true;
        }
        if (used)
            segment_unuse(g);
        else if (r->rolls)
            segment_free(g);
    }
    uint32_t n = 0;
    for (struct store_group *g = c->groups; g; g = g->next) {
        for (uint32_t i = 0; i < g->n_notes && n < c->notes_made; i++, n++)
            mem_free(s->budget, c->notes[n], g->notes[i].len);
    }
}

static void places_release(struct commit *c)
{
    struct store *s = c->store;
    for (struct store_log *l = c->touched; l; l = l->touched_next)
        l->place = (struct place){ 0 };
    mem_free(s->budget, c->runs, c->cap_runs * sizeof *c->runs);
    mem_free(s->budget, c->notes, c->n_notes * sizeof *c->notes);
    c->touched = NULL;
    c->runs = NULL;
    c->notes = NULL;
    c->n_runs = c->cap_runs = c->used_runs = c->notes_made = 0;
}

/* Where a segment turns out to be damaged the next batch goes to a new one: once more from the beginning. */
static enum status place_and_write(struct commit *c, struct error *err)
{
    for (;;) {
        enum status st = place(c, err);
        if (st == ST_OK)
            st = write_all(c, err);
        if (st == ST_OK || !c->rotten)
            return st;
        take_back(c, false);
        places_release(c);
        c->rotten = false;
    }
}

static void commit_release(struct commit *c)
{
    places_release(c);
    buf_release(&c->heads);
}

/* A new file when this one is full. Where that cannot be (full disk) the old one goes on. */
static enum status journal_turn(struct store *s, struct error *err)
{
    if (journal_end(s->journal).bytes < s->options.journal_bytes)
        return ST_OK;
    enum status st = journal_sync(s->journal, err);
    if (st != ST_OK)
        return store_break(s, st);
    journal_synced(s);
    store_lock(s);
    bool many = s->files != s->files_last;
    store_unlock(s);
    if (many && !atomic_flag_test_and_set(&s->tending)) {
        st = tend(s, err);
        atomic_flag_clear(&s->tending);
    }
    if (st == ST_OK)
        st = journal_start(s, 0, journal_end(s->journal).sequence + 1, err);
    (void)st;
    return store_broken(s, err);
}

enum status store_commit_step(struct store *s, bool *ret_more, struct error *err)
{
    struct commit c = { .store = s };
    struct error why;
    *ret_more = false;
    queue_take(s);
    enum status st = store_broken(s, err);
    if (st != ST_OK) {
        struct store_group *all = s->waiting;
        s->waiting = NULL;
        s->n_waiting = 0;
        if (all) /* their offsets too are taken back: who waits for them is to hear of it */
            atomic_fetch_add(&s->era, 1);
        groups_end(all, st, err);
        return st;
    }
    take(&c);
    if (!c.groups) {
        *ret_more = s->waiting;
        if (s->options.durability == STORE_STRICT)
            return ST_OK;
        st = sync_journal(s, err);
        return st == ST_OK ? journal_prove(s, err) : st;
    }
    int64_t from_ns = os_mono_ns(s->os);
    buf_init(&c.heads, s->budget, STORE_RECORD_MAX);
    st = place_and_write(&c, &why);
    if (st == ST_OK)
        st = record(&c, &why);
    bool recorded = st == ST_OK;
    if (recorded)
        st = sync_journal(s, &why);
    if (st == ST_OK)
        publish(&c);
    else
        take_back(&c, recorded);
    commit_release(&c);
    s->answered = c.n_groups;
    s->took_ns = os_mono_ns(s->os) - from_ns;
    if (st != ST_OK) {
        s->failure = why;
        atomic_fetch_add(&s->era, 1);
    }
    groups_end(c.groups, st, st == ST_OK ? NULL : &why);
    *ret_more = s->waiting || atomic_load(&s->queue);
    enum status broken = store_broken(s, NULL);
    if (broken != ST_OK) {
        if (err && st != ST_OK)
            *err = why;
        return broken;
    }
    return st == ST_OK ? journal_turn(s, err) : ST_OK;
}
