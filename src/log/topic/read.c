/* Reading: a fetch is a range of a segment's file, with what a reader has to know beside it; offsets by timestamp; epochs.
 *
 * The store finds the range. What is added: Kafka's checks of leader epochs, the isolation's end, and for read_committed
 * the aborted transactions that overlap the range. The high watermark is taken before the stable offset and that one cut
 * to it, so the answer is one that could have been.
 *
 * By timestamp: the store knows the first batch whose largest timestamp reaches it; the record is looked for inside. Only
 * where the log's start lies in that batch it may have none, and the walk goes on by heads. */
#include "topic/private.h"

#include "wire/kafka.h"

int64_t topic_start(const struct topic_partition *p) { return store_log_start(p->log); }
int64_t topic_high(const struct topic_partition *p) { return store_log_high(p->log); }
uint64_t topic_bytes(const struct topic_partition *p) { return store_log_bytes(p->log); }
int32_t topic_epoch(const struct topic_partition *p) { return store_log_epoch(p->log); }

int64_t topic_stable(const struct topic_partition *p)
{
    int64_t stable = atomic_load_explicit(&p->stable, memory_order_acquire), start = store_log_start(p->log);
    return stable > start ? stable : start;
}

/* Kafka's code for what a client believes the leader's epoch is. */
static int16_t check_epoch(const struct topic_partition *p, int32_t epoch)
{
    int32_t now = store_log_epoch(p->log);
    if (topic_gone(p->topic))
        return KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
    if (epoch == -1 || epoch == now) /* -1: it believes nothing */
        return 0;
    return epoch < now ? KAFKA_E_FENCED_LEADER_EPOCH : KAFKA_E_UNKNOWN_LEADER_EPOCH;
}

static enum status refuse_epoch(const struct topic_partition *p, int16_t kafka, struct error *err)
{
    if (kafka == KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION)
        return error_set(err, ST_NOT_FOUND, "the topic '%s' has been deleted", p->topic->name);
    return error_set(err, ST_DATA, "the leader epoch of '%s' partition %u is %d", p->topic->name, p->index,
                     store_log_epoch(p->log));
}

/* The epoch that ended last up to this one, and where. false: this one is still to come, or is none (-1). */
static bool epoch_end(const struct topic_partition *p, int32_t epoch, int32_t *ret_epoch, int64_t *ret_end)
{
    if (epoch == -1 || epoch > store_log_epoch(p->log))
        return false;
    if (!store_log_epoch_end(p->log, epoch, ret_epoch, ret_end)) { /* before the first: it ended where that begins */
        *ret_epoch = epoch;
        *ret_end = store_log_start(p->log);
    }
    return true;
}

/* Where the reader has records of an epoch that went on otherwise here. */
static bool diverges(struct topic_fetch *f)
{
    int32_t epoch;
    int64_t end;
    if (f->fetched_epoch < 0)
        return false;
    if (!epoch_end(f->partition, f->fetched_epoch, &epoch, &end)) {
        f->kafka = KAFKA_E_OFFSET_OUT_OF_RANGE;
        return true;
    }
    if (epoch == f->fetched_epoch && end >= f->offset)
        return false;
    f->diverging_epoch = epoch;
    f->diverging_end = end;
    return true;
}

static enum status tell_aborted(struct topic_fetch *f, struct arena *arena, struct error *err)
{
    struct topic_partition *p = f->partition;
    uint32_t room = 0, n = 0;
    for (;;) { /* again where some came meanwhile */
        lock_take(&p->lock);
        n = producers_aborted(&p->producers, f->offset, f->range.end_offset, f->aborted, room);
        lock_give(&p->lock);
        if (n <= room)
            break;
        room = n;
        f->aborted = ARENA_ARRAY(arena, struct topic_aborted, room);
        if (!f->aborted)
            return budget_error(arena->budget ? arena->budget : budget_process(), room * sizeof *f->aborted, err);
    }
    f->n_aborted = n;
    return ST_OK;
}

static enum status read_range(struct topic_fetch *f, struct arena *arena, struct error *err)
{
    struct topic_partition *p = f->partition;
    struct counts *counts = &p->topic->counts;
    enum status st = store_read(p->log, f->offset, f->committed ? f->stable : INT64_MAX, f->max_bytes, &f->range,
                                &f->next, err);
    if (st == ST_NOT_FOUND) {
        f->kafka = KAFKA_E_OFFSET_OUT_OF_RANGE;
        if (f->offset >= 0 && f->offset < store_log_start(p->log))
            atomic_fetch_add_explicit(&counts->fell_behind, 1, memory_order_relaxed);
        return st;
    }
    if (st == ST_OK && f->committed && f->range.len > 0) {
        st = tell_aborted(f, arena, err);
        if (st != ST_OK)
            store_range_release(&f->range);
    }
    f->kafka = topic_kafka(st);
    if (st == ST_OK && f->range.len > 0) {
        atomic_fetch_add_explicit(&counts->out_fetches, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counts->out_bytes, f->range.len, memory_order_relaxed);
    }
    return st;
}

enum status topic_read(struct topic_fetch *f, struct arena *arena, struct error *err)
{
    struct topic_partition *p = f->partition;
    f->range = (struct store_range){ 0 };
    f->aborted = NULL;
    f->n_aborted = 0;
    f->diverging_epoch = -1;
    f->diverging_end = -1;
    f->next = f->offset;
    f->high = f->stable = f->start = -1;
    f->kafka = check_epoch(p, f->leader_epoch);
    if (f->kafka)
        return refuse_epoch(p, f->kafka, err);
    f->high = topic_high(p);
    f->stable = topic_stable(p);
    f->stable = f->stable < f->high ? f->stable : f->high;
    f->start = topic_start(p);
    if (diverges(f))
        return f->kafka ? error_set(err, ST_NOT_FOUND, "epoch %d of '%s' partition %u is still to come", f->fetched_epoch,
                                    p->topic->name, p->index)
                        : ST_OK;
    return read_range(f, arena, err);
}

/* ---- offsets ---- */

/* Epochs begin where they begin; nearly always there is one. */
static int32_t epoch_at(const struct topic_partition *p, int64_t offset)
{
    int32_t epoch = store_log_epoch(p->log), older;
    int64_t end;
    while (epoch > 0 && store_log_epoch_end(p->log, epoch - 1, &older, &end) && older < epoch && offset < end)
        epoch = older;
    return epoch;
}

/* The first record of the batch that is at or behind the start and reaches the timestamp. */
static enum status look_inside(struct topic_offset *o, int64_t timestamp_ms, const struct record_batch *b,
                               struct record_iter *it, struct error *err)
{
    int64_t start = topic_start(o->partition);
    struct record r;
    bool end;
    TRY(record_iter_open(it, b, err));
    for (;;) {
        TRY(record_iter_next(it, &r, &end, err));
        if (end)
            return ST_OK;
        bool first = topics_bug(o->partition->topic->node, LOG_BUG_SEEK_BATCH);
        if ((r.timestamp_ms < timestamp_ms && !first) || r.offset < start)
            continue;
        o->offset = r.offset;
        o->found_ms = r.timestamp_ms;
        o->epoch = b->leader_epoch;
        return ST_OK;
    }
}

/* What a search reads with. */
struct search {
    struct scan *scan;
    struct buf room;
    struct record_iter *it; /* the caller's */
};

static enum status search_begin(struct search *x, struct topic_partition *p, struct record_iter *it, struct error *err)
{
    struct budget *budget = p->topic->node->budget;
    *x = (struct search){ .scan = mem_alloc(budget, sizeof *x->scan), .it = it };
    if (!x->scan)
        return budget_error(budget, sizeof *x->scan, err);
    buf_init(&x->room, budget, (size_t)1 << 30);
    return ST_OK;
}

static void search_end(struct search *x, struct topic_partition *p)
{
    buf_release(&x->room);
    mem_free(p->topic->node->budget, x->scan, sizeof *x->scan);
}

static enum status by_timestamp(struct topic_offset *o, int64_t timestamp_ms, int64_t limit, struct search *x,
                                struct error *err)
{
    struct topic_partition *p = o->partition;
    struct store_range range;
    struct record_batch b;
    bool end = false;
    enum status st = store_seek(p->log, timestamp_ms, limit, &range, err);
    if (st != ST_OK || range.len == 0)
        return st;
    int64_t start = topic_start(p), from = range.first_offset > start ? range.first_offset : start;
    store_range_release(&range);
    scan_begin(x->scan, p, from, limit);
    while (st == ST_OK && !end && o->offset < 0) {
        st = scan_next(x->scan, &b, &end, err);
        if (st != ST_OK || end || b.max_timestamp_ms < timestamp_ms)
            continue;
        st = scan_whole(x->scan, &x->room, &b, err);
        if (st == ST_OK)
            st = look_inside(o, timestamp_ms, &b, x->it, err);
    }
    scan_end(x->scan);
    return st;
}

/* ---- the largest timestamp ---- */

/* Of the batch's records that are at or behind the start. */
static enum status largest_inside(struct search *x, int64_t start, struct record_batch *b, int64_t *max, struct error *err)
{
    struct record r;
    bool end = false;
    TRY(scan_whole(x->scan, &x->room, b, err));
    TRY(record_iter_open(x->it, b, err));
    while (!end) {
        TRY(record_iter_next(x->it, &r, &end, err));
        if (!end && r.offset >= start && r.timestamp_ms > *max)
            *max = r.timestamp_ms;
    }
    return ST_OK;
}

/* *max becomes what is larger from the log's start up to `until`. */
static enum status largest_left(struct topic_partition *p, int64_t until, struct search *x, int64_t *max, struct error *err)
{
    struct record_batch b;
    bool end = false;
    int64_t start = topic_start(p);
    enum status st = ST_OK;
    scan_begin(x->scan, p, start, until);
    while (st == ST_OK && !end) {
        st = scan_next(x->scan, &b, &end, err);
        if (st != ST_OK || end || b.max_timestamp_ms <= *max)
            continue;
        if (b.base_offset < start)
            st = largest_inside(x, start, &b, max, err);
        else
            *max = b.max_timestamp_ms;
    }
    scan_end(x->scan);
    return st;
}

/* The segments know their largest. That of the one where the log's start lies may be of what is gone: it is walked then. */
static enum status by_largest(struct topic_offset *o, int64_t limit, struct search *x, struct error *err)
{
    struct topic_partition *p = o->partition;
    struct store_segment g;
    int64_t start = topic_start(p), cut = INT64_MIN, cut_until = start, max = INT64_MIN;
    for (uint32_t i = 0; store_log_segment(p->log, i, &g); i++) {
        int64_t *of = g.base_offset < start ? &cut : &max;
        if (!g.bad && g.max_timestamp_ms > *of)
            *of = g.max_timestamp_ms;
        if (g.base_offset < start)
            cut_until = g.last_offset + 1;
    }
    TRY(by_timestamp(o, cut > max ? cut : max, limit, x, err));
    if (o->offset >= 0 || cut <= max)
        return ST_OK;
    TRY(largest_left(p, cut_until, x, &max, err));
    return by_timestamp(o, max, limit, x, err);
}

static enum status find_offset(struct topic_offset *o, int64_t limit, struct record_iter *it, struct error *err)
{
    struct topic_partition *p = o->partition;
    struct search x;
    if (topic_start(p) >= limit)
        return ST_OK;
    TRY(search_begin(&x, p, it, err));
    enum status st = o->timestamp_ms == TOPIC_MAX_TIMESTAMP ? by_largest(o, limit, &x, err)
                                                            : by_timestamp(o, o->timestamp_ms, limit, &x, err);
    search_end(&x, p);
    return st;
}

enum status topic_list_offset(struct topic_offset *o, struct record_iter *it, struct error *err)
{
    struct topic_partition *p = o->partition;
    enum status st = ST_OK;
    o->offset = o->found_ms = -1;
    o->epoch = -1;
    o->kafka = check_epoch(p, o->leader_epoch);
    if (o->kafka)
        return refuse_epoch(p, o->kafka, err);
    bool blind = topics_bug(p->topic->node, LOG_BUG_SEEK_STABLE);
    int64_t limit = o->committed && !blind ? topic_stable(p) : topic_high(p);
    switch (o->timestamp_ms) {
    case TOPIC_LATEST:
        o->offset = limit;
        o->epoch = store_log_epoch(p->log);
        break;
    case TOPIC_EARLIEST:
    case TOPIC_EARLIEST_LOCAL:
        o->offset = topic_start(p);
        o->epoch = epoch_at(p, o->offset);
        break;
    case TOPIC_TIERED: break;
    default:
        if (o->timestamp_ms < 0 && o->timestamp_ms != TOPIC_MAX_TIMESTAMP) {
            o->kafka = KAFKA_E_UNSUPPORTED_VERSION;
            return error_set(err, ST_UNSUPPORTED, "there is no offset by the name of %lld", (long long)o->timestamp_ms);
        }
        st = find_offset(o, limit, it, err);
    }
    o->kafka = topic_kafka(st);
    return st;
}

int16_t topic_epoch_end(struct topic_partition *p, int32_t leader_epoch, int32_t epoch, int32_t *ret_epoch,
                        int64_t *ret_end)
{
    int16_t kafka = check_epoch(p, leader_epoch);
    *ret_epoch = -1;
    *ret_end = -1;
    if (kafka)
        return kafka;
    epoch_end(p, epoch, ret_epoch, ret_end);
    if (topics_bug(p->topic->node, LOG_BUG_EPOCH_END) && *ret_end >= 0)
        *ret_end = topic_high(p);
    return 0;
}

/* ---- producers ---- */

enum status topic_producers(struct topic_partition *p, struct arena *arena, struct topic_producer **ret,
                            uint32_t *ret_count, struct error *err)
{
    struct topic_producer *all = NULL;
    uint32_t room = 0, n = 0;
    lock_take(&p->lock);
    while (p->producers.count > room) { /* again where some came meanwhile */
        room = p->producers.count;
        lock_give(&p->lock);
        all = ARENA_ARRAY(arena, struct topic_producer, room);
        if (!all)
            return budget_error(arena->budget ? arena->budget : budget_process(), room * sizeof *all, err);
        lock_take(&p->lock);
    }
    for (uint32_t i = 0; i < p->producers.n_buckets; i++) {
        for (const struct producer *x = p->producers.buckets[i]; x; x = x->bucket_next) {
            int32_t last = x->n_batches ? x->batches[x->n_batches - 1].last : -1;
            all[n++] = (struct topic_producer){ x->id, x->epoch, last, x->last_ms, x->coordinator_epoch, x->txn_start };
        }
    }
    lock_give(&p->lock);
    *ret = all;
    *ret_count = n;
    return ST_OK;
}
