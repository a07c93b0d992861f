/* Compaction: of each key the newest record, as Kafka has it. On a thread of its own; only the swap is the writer's.
 *
 *   due      sealed segments from the start on, below the last stable offset and older than min.compaction.lag.ms; when the
 *            share of their bytes that was never compacted reaches min.cleanable.dirty.ratio, or max.compaction.lag.ms passed
 *   map      keys of the uncompacted part to their newest offsets; where the map is full the part ends
 *   rewrite  neighbours up to segment.bytes into one: records that the map knows a newer one of are left out, as are
 *            those of aborted transactions and those without a key. Offsets stay; a batch of which nothing is left goes
 *   swap     the writer: the producers' state is kept first, then store_rewrite_end
 *
 * A tombstone lives for delete.retention.ms from the compaction that first sees it: that is written into its batch (the
 * delete horizon). A commit marker goes after the same time when nothing of its transaction is left. An abort
 * marker stays: readers who were told of the transaction look for it. */
#include "topic/private.h"

enum { MAP_BYTES = 64 << 20, MAP_LEAST = 1 << 20, TXN_BYTES = 1 << 20, BATCH_MAX = 1 << 30 };

/* ---- due ---- */

static bool take_segment(struct topic_partition *x, const struct store_segment *g, int64_t now_ms, int64_t *next_ms)
{
    int64_t lag = topic_config(x->topic, TOPIC_MIN_COMPACTION_LAG_MS);
    if (g->active || g->bad || g->last_offset >= topic_stable(x))
        return false;
    if (lag == 0 || g->max_timestamp_ms <= now_ms - lag)
        return true;
    if (g->max_timestamp_ms <= INT64_MAX - lag && g->max_timestamp_ms + lag < *next_ms)
        *next_ms = g->max_timestamp_ms + lag;
    return false;
}

bool compact_due(struct topic_partition *x, int64_t now_ms, int64_t *next_ms, struct dirty_range *ret)
{
    int64_t max_lag = topic_config(x->topic, TOPIC_MAX_COMPACTION_LAG_MS), oldest = INT64_MAX;
    uint64_t clean = 0, dirty = 0;
    struct store_segment g;
    if (!(topic_config(x->topic, TOPIC_CLEANUP_POLICY) & TOPIC_COMPACT))
        return false;
    lock_take(&x->lock);
    int64_t clean_to = x->clean_to;
    bool busy = x->swaps > 0 || x->closed || now_ms < x->clean_after_ms;
    lock_give(&x->lock);
    *ret = (struct dirty_range){ .from = -1, .dirty = clean_to };
    for (uint32_t i = 0; !busy && store_log_segment(x->log, i, &g) && take_segment(x, &g, now_ms, next_ms); i++) {
        ret->from = i == 0 ? g.base_offset : ret->from;
        ret->end = g.last_offset + 1;
        if (ret->end > clean_to) {
            dirty += g.bytes;
            oldest = g.max_timestamp_ms < oldest ? g.max_timestamp_ms : oldest;
        } else {
            clean += g.bytes;
        }
    }
    if (dirty == 0)
        return false;
    ret->dirty = clean_to > ret->from ? clean_to : ret->from;
    if (dirty * 1000000.0 >= (double)(dirty + clean) * (double)topic_config(x->topic, TOPIC_MIN_CLEANABLE_RATIO))
        return true;
    if (max_lag < INT64_MAX - (oldest > 0 ? oldest : 0) && oldest + max_lag > now_ms) {
        *next_ms = oldest + max_lag < *next_ms ? oldest + max_lag : *next_ms;
        return false;
    }
    return max_lag < INT64_MAX - (oldest > 0 ? oldest : 0);
}

/* ---- a run ---- */

struct compaction {
    struct topic_partition *partition;
    struct dirty_range range;
    int64_t now_ms, horizon_ms; /* of tombstones that have none yet */
    struct keymap keys, alive;  /* alive: producers to 1 while a batch of their transaction stays, else 0 */
    bool alive_full;          /* then all markers stay */
    struct aborted *aborted;
    uint32_t n_aborted, aborted_room;
    struct scan scan;
    struct record_iter *it;
    struct record_builder *builder;
    struct buf whole, out;
};

static enum status no_memory(const struct compaction *c, size_t bytes, struct error *err)
{
    struct budget *b = c->partition->topic->node->budget;
    return budget_error(b ? b : budget_process(), bytes, err);
}

static enum status copy_aborted(struct compaction *c, struct error *err)
{
    struct topic_partition *x = c->partition;
    struct budget *b = x->topic->node->budget;
    uint32_t room = 0;
    for (;;) { /* again where some came meanwhile */
        lock_take(&x->lock);
        uint32_t n = x->producers.n_aborted;
        if (n <= room) {
            if (n)
                memcpy(c->aborted, x->producers.aborted, n * sizeof *c->aborted);
            lock_give(&x->lock);
            c->n_aborted = n;
            return ST_OK;
        }
        lock_give(&x->lock);
        mem_free(b, c->aborted, room * sizeof *c->aborted);
        room = n;
        c->aborted_room = room;
        c->aborted = mem_alloc(b, room * sizeof *c->aborted);
        if (!c->aborted) {
            c->aborted_room = 0;
            return no_memory(c, room * sizeof *c->aborted, err);
        }
    }
}

static bool is_aborted(const struct compaction *c, const struct record_batch *b)
{
    uint32_t low = 0, high = c->n_aborted;
    if (!record_batch_transactional(b))
        return false;
    while (low < high) { /* the first whose marker is behind the batch */
        uint32_t mid = low + (high - low) / 2;
        if (c->aborted[mid].last < b->base_offset)
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t i = low; i < c->n_aborted; i++) {
        if (c->aborted[i].producer_id == b->producer_id && c->aborted[i].first <= b->base_offset)
            return true;
        if (c->aborted[i].stable > b->base_offset)
            break;
    }
    return false;
}

/* ---- map ---- */

static enum status map_batch(struct compaction *c, struct record_batch *b, bool *ret_full, struct error *err)
{
    struct record r;
    bool end;
    TRY(scan_whole(&c->scan, &c->whole, b, err));
    TRY(record_iter_open(c->it, b, err));
    for (;;) {
        TRY(record_iter_next(c->it, &r, &end, err));
        if (end)
            return ST_OK;
        if (!r.key.ptr || keymap_put(&c->keys, r.key, r.offset))
            continue;
        *ret_full = true; /* what it has of this batch is right all the same */
        return ST_OK;
    }
}

static enum status map(struct compaction *c, struct error *err)
{
    struct record_batch b;
    bool end = false, full = false;
    enum status st = ST_OK;
    scan_begin(&c->scan, c->partition, c->range.dirty, c->range.end);
    while (st == ST_OK && !full) {
        st = scan_next(&c->scan, &b, &end, err);
        if (st != ST_OK || end)
            break;
        if (!record_batch_control(&b) && !is_aborted(c, &b))
            st = map_batch(c, &b, &full, err);
        if (full)
            c->range.end = b.base_offset;
    }
    scan_end(&c->scan);
    return st;
}

/* ---- what stays ---- */

static bool stays(const struct compaction *c, const struct record_batch *b, const struct record *r)
{
    bool newest = topics_bug(c->partition->topic->node, LOG_BUG_COMPACT_NEWEST);
    if (!r->key.ptr || keymap_get(&c->keys, r->key) > r->offset - newest)
        return false;
    if (!r->value.ptr && topics_bug(c->partition->topic->node, LOG_BUG_TOMBSTONE_EARLY))
        return false;
    return r->value.ptr || !(b->attributes & RECORD_DELETE_HORIZON) || b->base_timestamp_ms > c->now_ms;
}

/* How many records stay, and whether one of them is a tombstone that has no horizon yet. */
static enum status look(struct compaction *c, const struct record_batch *b, int32_t *ret_stay, bool *ret_horizon,
                        struct error *err)
{
    struct record r;
    bool end;
    *ret_stay = 0;
    *ret_horizon = false;
    TRY(record_iter_open(c->it, b, err));
    for (;;) {
        TRY(record_iter_next(c->it, &r, &end, err));
        if (end)
            return ST_OK;
        if (!stays(c, b, &r))
            continue;
        ++*ret_stay;
        *ret_horizon |= !r.value.ptr && !(b->attributes & RECORD_DELETE_HORIZON);
    }
}

static enum status rebuild(struct compaction *c, const struct record_batch *b, bool horizon, struct error *err)
{
    struct record r;
    bool end, full;
    record_builder_like(c->builder, b, horizon ? c->horizon_ms : -1);
    TRY(record_iter_open(c->it, b, err));
    for (;;) {
        TRY(record_iter_next(c->it, &r, &end, err));
        if (end)
            break;
        if (!stays(c, b, &r))
            continue;
        TRY(record_builder_add(c->builder, &r, &full, err));
        if (full)
            return error_set(err, ST_LIMIT, "a batch of more than %d bytes", BATCH_MAX);
    }
    buf_clear(&c->out);
    return record_builder_finish(c->builder, RECORD_NO_PRODUCER, &c->out, err);
}

static struct str id_key(const int64_t *id) { return str_make(id, sizeof *id); }

/* A marker: of a commit of which nothing is left, it goes when it is old. */
static enum status put_marker(struct compaction *c, struct record_batch *b, struct store_rewrite *w, struct error *err)
{
    struct record_marker m;
    struct record r;
    bool end;
    TRY(scan_whole(&c->scan, &c->whole, b, err));
    TRY(record_iter_open(c->it, b, err));
    TRY(record_iter_next(c->it, &r, &end, err));
    if (!end && record_marker_read(&r, &m, NULL) == ST_OK && m.commit) {
        int64_t keep = topic_config(c->partition->topic, TOPIC_DELETE_RETENTION_MS);
        bool data = c->alive_full || keymap_get(&c->alive, id_key(&b->producer_id)) > 0;
        if (!keymap_put(&c->alive, id_key(&b->producer_id), 0))
            c->alive_full = true;
        if (!data && b->max_timestamp_ms < c->now_ms - keep)
            return ST_OK;
    }
    return store_rewrite_put(w, b->bytes, err);
}

static enum status put_batch(struct compaction *c, struct record_batch *b, struct store_rewrite *w, struct error *err)
{
    int32_t stay;
    bool horizon;
    if (record_batch_control(b))
        return put_marker(c, b, w, err);
    if (is_aborted(c, b))
        return ST_OK;
    TRY(scan_whole(&c->scan, &c->whole, b, err));
    TRY(look(c, b, &stay, &horizon, err));
    if (stay == 0)
        return ST_OK;
    if (record_batch_transactional(b) && !keymap_put(&c->alive, id_key(&b->producer_id), 1))
        c->alive_full = true;
    if (stay == b->count && !horizon)
        return store_rewrite_put(w, b->bytes, err);
    TRY(rebuild(c, b, horizon, err));
    return store_rewrite_put(w, buf_str(&c->out), err);
}

/* ---- rewrite ---- */

static enum status rewrite(struct compaction *c, int64_t from, int64_t to, uint32_t n, bool last, struct error *err)
{
    struct topic_partition *x = c->partition;
    struct store_rewrite *w;
    struct record_batch b;
    bool end = false;
    TRY(store_rewrite_begin(x->log, from, n, &w, err));
    scan_begin(&c->scan, x, from > store_log_start(x->log) ? from : store_log_start(x->log), to);
    enum status st = ST_OK;
    while (st == ST_OK) {
        st = scan_next(&c->scan, &b, &end, err);
        if (st != ST_OK || end)
            break;
        st = put_batch(c, &b, w, err);
    }
    scan_end(&c->scan);
    if (st == ST_OK)
        st = store_rewrite_sync(w, err);
    if (st == ST_OK)
        st = upkeep_swap(x, w, last ? c->range.end : -1, err);
    if (st != ST_OK)
        store_rewrite_drop(w);
    return st;
}

/* Neighbours together, as long as they fit one segment. The writer swaps what has been handed to it meanwhile, so segments are
 * counted by their offsets. */
static enum status rewrite_all(struct compaction *c, struct error *err)
{
    struct topic_partition *x = c->partition;
    uint64_t most = (uint64_t)topic_config(x->topic, TOPIC_SEGMENT_BYTES), bytes = 0;
    int64_t from = -1, to = 0;
    struct store_segment g;
    uint32_t n = 0;
    for (int64_t at = c->range.from; store_log_segment_from(x->log, at, &g) && !g.active && g.base_offset < c->range.end;
         at = g.base_offset + 1) {
        if (n > 0 && bytes + g.bytes > most) {
            TRY(rewrite(c, from, to, n, false, err));
            n = 0;
            bytes = 0;
        }
        from = n == 0 ? g.base_offset : from;
        to = g.last_offset + 1;
        bytes += g.bytes;
        n++;
    }
    return n > 0 ? rewrite(c, from, to, n, true, err) : ST_OK;
}

static enum status begin(struct compaction *c, struct error *err)
{
    struct budget *b = c->partition->topic->node->budget;
    size_t bytes = MAP_BYTES;
    buf_init(&c->whole, b, BATCH_MAX);
    buf_init(&c->out, b, BATCH_MAX);
    while (!keymap_init(&c->keys, b, bytes)) { /* what the budget has */
        bytes /= 2;
        if (bytes < MAP_LEAST)
            return no_memory(c, bytes, err);
    }
    if (!keymap_init(&c->alive, b, TXN_BYTES))
        return no_memory(c, TXN_BYTES, err);
    TRY(record_iter_new(b, BATCH_MAX, &c->it, err));
    TRY(record_builder_new(RECORD_PLAIN, BATCH_MAX, b, &c->builder, err));
    return copy_aborted(c, err);
}

static enum status compact_partition(struct topic_partition *x, int64_t now_ms, const struct dirty_range *range, struct error *err)
{
    struct budget *b = x->topic->node->budget;
    struct compaction *c = mem_calloc(b, sizeof *c);
    if (!c)
        return budget_error(b ? b : budget_process(), sizeof *c, err);
    c->partition = x;
    c->range = *range;
    c->now_ms = now_ms;
    int64_t keep = topic_config(x->topic, TOPIC_DELETE_RETENTION_MS);
    c->horizon_ms = keep > INT64_MAX - now_ms ? INT64_MAX : now_ms + keep;
    lock_take(&x->lock);
    x->swap_failed = false;
    lock_give(&x->lock);
    enum status st = begin(c, err);
    if (st == ST_OK)
        st = map(c, err);
    if (st == ST_OK && c->range.end > c->range.dirty)
        st = rewrite_all(c, err);
    if (c->keys.entries)
        keymap_release(&c->keys);
    if (c->alive.entries)
        keymap_release(&c->alive);
    mem_free(b, c->aborted, c->aborted_room * sizeof *c->aborted);
    record_iter_free(c->it);
    record_builder_free(c->builder);
    buf_release(&c->whole);
    buf_release(&c->out);
    mem_free(b, c, sizeof *c);
    return st;
}

static enum status compact_topic(struct topic *p, int64_t now_ms, int64_t *next_ms, struct error *err)
{
    for (uint32_t i = 0; i < topic_partitions(p); i++) {
        struct topic_partition *x = topic_partition(p, i);
        struct dirty_range range;
        if (!compact_due(x, now_ms, next_ms, &range))
            continue;
        enum status st = compact_partition(x, now_ms, &range, err);
        if (st == ST_OK)
            continue;
        /* Damaged, deleted, no memory: later again. What is final the writer meets too. */
        lock_take(&x->lock);
        x->clean_after_ms = now_ms + COMPACT_AGAIN_MS;
        lock_give(&x->lock);
        atomic_fetch_add(&p->counts.compactions_failed, 1);
    }
    return topics_state(p->node, err);
}

enum status topics_compact(struct topics *t, int64_t now_ms, struct error *err)
{
    struct arena arena;
    struct topic **list = NULL;
    uint32_t n = 0;
    int64_t next_ms = INT64_MAX;
    arena_init(&arena, t->budget);
    enum status st = topics_list(t, &arena, &list, &n, err);
    for (uint32_t i = 0; i < n; i++) {
        if (st == ST_OK && !atomic_load(&t->stopping))
            st = compact_topic(list[i], now_ms, &next_ms, err);
        topic_unref(list[i]);
    }
    arena_release(&arena);
    return st;
}

void topics_run_cleaner(void *topics)
{
    struct topics *t = topics;
    while (!atomic_load(&t->stopping) && topics_state(t, NULL) == ST_OK) {
        struct error why;
        enum status st = topics_compact(t, os_wall_ms(t->os), &why);
        (void)st;
        (void)t->os->ops->signal_wait(t->os, t->cleaning, INT64_MAX);
    }
}
