/* Rewriting sealed segments, for compaction: neighbours give way to one that holds some of their batches.
 *
 *   begin   OFFSET-GENERATION.new is made in the partition's directory
 *   put     batches go behind each other, their offsets rising; index and sum are made on the way
 *   sync    file and name
 *   end     one record of the journal (SWAP) takes the old ones out of the table and puts the new one in; then the file
 *           gets its own name, the table changes, and tend deletes the old files
 *
 * Crash before the record: the old ones stand, and an opening deletes every .new that the table does not have. Behind
 * it: the new one stands under one name or the other. The new segment reaches from the first one's base to the last
 * one's end, whatever it holds; where nothing is put, there is none, and the offsets are a gap between segments.
 *
 * The old segments are remembered by name (generation, number, offsets): when retention or a deletion was faster, the
 * record is not written and the rewrite fails. Readers that hold ranges keep the old files. */
#include "store/private.h"

enum { STAGE_BYTES = 256 << 10 };

struct store_rewrite {
    struct store_log *log;
    struct swap swap;
    struct segment *by;
    int64_t end; /* of the newest batch */
    bool synced;
    struct buf stage; /* what stands before the end of `by` and is not in its file yet */
};

static enum status refused(const struct store *s, size_t bytes, struct error *err)
{
    return budget_error(s->budget ? s->budget : budget_process(), bytes, err);
}

static enum status gone(struct error *err)
{
    return error_set(err, ST_NOT_FOUND, "the segments are no longer there, or never were such");
}

/* The swap for `n` sealed segments from the one at `base` on. */
static enum status swap_find(struct store_log *l, int64_t base, uint32_t n, struct swap *ret, struct error *err)
{
    bool bad = false;
    store_lock(l->store);
    const struct segment *g = l->first, *last = NULL;
    while (g && g->base != base)
        g = g->next;
    *ret = (struct swap){ g ? g->generation : 0, n, base, base };
    for (uint32_t i = 0; g && i < n; i++, g = g->next) {
        bad |= g->bad;
        last = g;
    }
    if (last)
        ret->end = last->end;
    bool there = log_swappable(l, ret);
    store_unlock(l->store);
    if (there && bad)
        return error_set(err, ST_CORRUPT, "a damaged segment is not rewritten");
    return there ? ST_OK : gone(err);
}

void store_rewrite_drop(struct store_rewrite *w)
{
    if (!w)
        return;
    struct store *s = w->log->store;
    char path[STORE_PATH_MAX];
    if (w->by) {
        segment_path(w->by, path);
        w->by->dead = true;
        segment_unuse(w->by);
        (void)s->os->ops->unlink(s->os, path, NULL);
        log_path(w->log, path);
        if (store_log_find(s, &w->log->id) != w->log)
            (void)s->os->ops->rmdir(s->os, path, NULL); /* deleted meanwhile */
    }
    buf_release(&w->stage);
    mem_free(s->budget, w, sizeof *w);
}

enum status store_rewrite_begin(struct store_log *l, int64_t base_offset, uint32_t n, struct store_rewrite **ret,
                                struct error *err)
{
    struct store *s = l->store;
    struct swap swap;
    TRY(store_broken(s, err));
    TRY(swap_find(l, base_offset, n, &swap, err));
    struct store_rewrite *w = mem_calloc(s->budget, sizeof *w);
    if (!w)
        return refused(s, sizeof *w, err);
    w->log = l;
    w->swap = swap;
    w->end = swap.base;
    buf_init(&w->stage, s->budget, STAGE_BYTES);
    struct segment *by = segment_new(l, swap.base, atomic_fetch_add(&s->next_generation, 1), err);
    enum status st = by ? ST_OK : ST_MEMORY;
    if (st == ST_OK) {
        by->beside = true;
        st = segment_make(by, err);
        if (st == ST_OK)
            w->by = by;
        else
            segment_free(by);
    }
    if (st == ST_OK && !buf_reserve(&w->stage, STAGE_BYTES))
        st = refused(s, STAGE_BYTES, err);
    if (st == ST_OK)
        *ret = w;
    else
        store_rewrite_drop(w);
    return st;
}

static enum status flush(struct store_rewrite *w, struct error *err)
{
    struct store *s = w->log->store;
    if (w->stage.len == 0)
        return ST_OK;
    TRY(os_pwrite(s->os, w->by->file, w->stage.data, w->stage.len, w->by->bytes - w->stage.len, err));
    buf_clear(&w->stage);
    return ST_OK;
}

static enum status put_batch(struct store_rewrite *w, const struct batch_head *h, const uint8_t *p, struct error *err)
{
    struct segment *by = w->by;
    if (h->bytes > STAGE_BYTES - w->stage.len)
        TRY(flush(w, err));
    if (h->bytes > STAGE_BYTES)
        TRY(os_pwrite(w->log->store->os, by->file, p, (size_t)h->bytes, by->bytes, err));
    else
        CHECK(buf_put(&w->stage, p, (size_t)h->bytes)); /* reserved */
    store_lock(w->log->store);
    index_add(by, h, by->bytes);
    store_unlock(w->log->store);
    by->sum = crc32c(by->sum, p, STORE_BATCH_SIDE);
    by->max_ms = h->max_ms > by->max_ms ? h->max_ms : by->max_ms;
    by->bytes += h->bytes;
    w->end = h->end;
    return ST_OK;
}

enum status store_rewrite_put(struct store_rewrite *w, struct str batches, struct error *err)
{
    const uint8_t *p = (const uint8_t *)batches.ptr;
    for (size_t left = batches.len; left > 0;) {
        struct batch_head h;
        if (left < RECORD_BATCH_HEADER || !batch_head_read(p, &h) || h.bytes > left)
            return error_set(err, ST_CORRUPT, "what is put is no whole batch");
        if (h.base < w->end || h.end > w->swap.end)
            return error_set(err, ST_CORRUPT, "a batch from %lld on does not belong there", (long long)h.base);
        TRY(put_batch(w, &h, p, err));
        w->synced = false;
        p += h.bytes;
        left -= (size_t)h.bytes;
    }
    return ST_OK;
}

enum status store_rewrite_sync(struct store_rewrite *w, struct error *err)
{
    if (w->synced || w->by->bytes == STORE_SEGMENT_HEAD)
        return ST_OK;
    TRY(flush(w, err));
    TRY(segment_sync(w->by, err));
    w->synced = true;
    return ST_OK;
}

/* *ret_doubt: nobody knows whether the record is durable. */
static enum status record_swap(struct store_rewrite *w, bool *ret_doubt, struct error *err)
{
    struct store *s = w->log->store;
    struct buf b;
    buf_init(&b, s->budget, 256);
    bool put = record_begin(&b, s) && record_put_swap(&b, w->log, &w->swap, w->by);
    enum status st = put ? journal_record(s, &b, err) : refused(s, 256, err);
    buf_release(&b);
    *ret_doubt = st != ST_OK && store_broken(s, NULL) != ST_OK;
    return st;
}

enum status store_rewrite_end(struct store_rewrite *w, struct error *err)
{
    struct store_log *l = w->log;
    struct segment *by = w->by;
    bool doubt = false;
    enum status st = store_rewrite_sync(w, err);
    if (st == ST_OK && !log_swappable(l, &w->swap))
        st = gone(err);
    if (st == ST_OK)
        st = record_swap(w, &doubt, err);
    bool empty = by->bytes == STORE_SEGMENT_HEAD;
    if (st == ST_OK && !empty) {
        segment_name_settle(by);
        by->end = w->swap.end;
    }
    if (st == ST_OK)
        segments_doom(l->store, log_swap(l, &w->swap, empty ? NULL : by));
    if (st == ST_OK && !empty) {
        store_lock(l->store);
        index_want_saved(by, l->store->options.save_bytes);
        store_unlock(l->store);
    }
    if (doubt || (st == ST_OK && !empty)) { /* the file stays */
        by->dead = doubt;
        segment_unuse(by);
        w->by = NULL;
    }
    store_rewrite_drop(w);
    return st;
}
