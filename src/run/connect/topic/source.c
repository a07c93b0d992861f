/* Topics as a table. A split is a partition, "topic/00003".
 *
 * A reader has a block: a range of the log as store_read gives it, read in one piece into counted memory. It walks over the
 * batches in it and gives the records of one, some at a time, to the message reader, whose rows reference the block; what is
 * packed is copied out of the iterator first. A block that rows still hold is left to them for the while; two take turns. Markers are
 * not rows.
 *
 * read_committed: a fetch tells the aborted transactions of its range by producer and first offset. A transactional batch of
 * such a producer behind that offset is passed over, until the producer's next marker, which ends it.
 *
 * At the end the reader parks: topic_wait wakes the job's signal once. position: u8 2, u64 next offset, u64 stop (INT64_MAX: none),
 * so that a bounded scan ends after a restart where it would have, 16 bytes of the topic's id (not in version 1), so that a topic which
 * was made anew is not taken for the old one. */
#include "table.h"

#define BLOCK_BYTES ((uint32_t)256 << 10) /* at most … */
#define BLOCK_LEAST ((uint32_t)32 << 10)
#define BLOCKS_BYTES ((uint32_t)16 << 20) /* … and of all partitions together about twice so much */
#define ID_BYTES 16u
#define UNPACKED_MAX ((size_t)1 << 30)
#define RECORDS 128u    /* that are collected at once */
#define TURNS_MAX 4096u /* without a row that one call goes through */
#define VERSION 2

struct log_source {
    struct source base;
    struct connect_context *ctx;
    struct connect_log *log;
    struct arena arena;
    struct message_layout layout;
    struct message_bound start, stop;
    const struct need *needs;
    struct log_splits splits;
    bool committed;
};

struct log_reader {
    struct split_reader base;
    struct log_source *source;
    struct log_split *split;
    struct budget *budget;
    struct topic *topic;
    struct topic_partition *partition;
    int64_t next, stop;
    /* the block */
    struct shared *block, *other; /* the one before, which rows may still hold */
    struct str rest; /* batches that are not begun */
    struct record_batch batch;
    struct record_iter *it;
    bool in_batch, packed;
    struct arena fetched; /* `aborted` lies in it */
    struct topic_aborted *aborted; /* first_offset INT64_MAX: its marker has passed */
    uint32_t n_aborted;
    /* records of the batch */
    struct record records[RECORDS];
    uint32_t at, n;
    int64_t after;         /* next, when they are rows */
    struct shared *copies; /* of packed ones */
    struct record held;    /* a packed one for which `copies` had no room */
    bool is_held;
    struct message_reader *rows;
    /* the wait */
    struct topic_wait wait;
    struct topic_wait_on on;
    bool waits;
    struct os_signal *wake;
};

static enum status log_look(struct source *base, struct arena *arena, struct split **ret, uint32_t *ret_count,
                            struct error *err)
{
    return log_splits_look(&((struct log_source *)base)->splits, arena, ret, ret_count, err);
}

/* ---- where it begins and ends ---- */

static enum status no_offset(const struct log_reader *r, const char *why, struct error *err)
{
    const struct log_source *s = r->source;
    error_set(err, ST_SEMANTIC, "table '%.*s': %s for partition %u of '%.*s'", STR_ARG(s->base.table->name), why,
              r->split->partition, STR_ARG(r->split->topic));
    return ST_SEMANTIC;
}

/* What the group has, when it is still there; else by properties.auto.offset.reset. */
static enum status marked_offset(struct log_reader *r, int64_t *ret, struct error *err)
{
    int64_t marked = r->split->marked;
    *ret = marked;
    if (marked >= topic_start(r->partition) && marked <= topic_high(r->partition))
        return ST_OK;
    enum message_mode reset = log_reset(r->source->base.table);
    *ret = reset == MESSAGE_EARLIEST ? topic_start(r->partition) : topic_high(r->partition);
    if (reset != MESSAGE_UNBOUNDED)
        return ST_OK;
    no_offset(r, marked < 0 ? "the group has no offset" : "the group's offset is no longer there", err);
    error_hint(err, "'properties.auto.offset.reset' = 'earliest' or 'latest' says where to begin then");
    return ST_SEMANTIC;
}

/* The end as this reader sees it: with read_committed that of the first open transaction. */
static int64_t end_of(const struct log_reader *r)
{
    return r->source->committed ? topic_stable(r->partition) : topic_high(r->partition);
}

static enum status offset_at(struct log_reader *r, struct message_bound b, int64_t *ret, struct error *err)
{
    struct topic_offset o = { .partition = r->partition, .timestamp_ms = b.ms, .committed = r->source->committed,
                              .leader_epoch = -1 };
    switch (b.mode) {
    case MESSAGE_EARLIEST:
        *ret = topic_start(r->partition);
        return ST_OK;
    case MESSAGE_LATEST:
        *ret = end_of(r);
        return ST_OK;
    case MESSAGE_GROUP:
        return marked_offset(r, ret, err);
    case MESSAGE_AT_TIME:
        TRY(topic_list_offset(&o, r->it, err));
        *ret = o.offset < 0 ? end_of(r) : o.offset;
        return ST_OK;
    case MESSAGE_AT_OFFSETS:
        (void)message_offset_of(b.offsets, r->split->partition, ret);
        return *ret >= 0 ? ST_OK : no_offset(r, "no offset is given", err);
    default:
        *ret = INT64_MAX;
        return ST_OK;
    }
}

static enum status place(struct log_reader *r, struct str position, struct error *err)
{
    struct log_source *s = r->source;
    struct reader in = reader_make(position.ptr, position.len);
    struct str id = r->split->id;
    uint8_t version;
    uint64_t next, stop;
    if (position.len == 0) {
        bool late = r->split->late || s->ctx->restored;
        struct message_bound from = late ? (struct message_bound){ .mode = MESSAGE_EARLIEST } : s->start;
        TRY(offset_at(r, from, &r->next, err));
        return offset_at(r, s->stop, &r->stop, err);
    }
    const void *topic = topic_id(r->topic);
    if (!read_u8(&in, &version) || version < 1 || version > VERSION || !read_u64(&in, &next) || !read_u64(&in, &stop) ||
        (version > 1 && !read_bytes(&in, ID_BYTES, &topic)) || in.at != in.end || next > INT64_MAX || stop > INT64_MAX)
        return error_set(err, ST_CORRUPT, "the committed position of '%.*s' cannot be read", STR_ARG(id));
    if (memcmp(topic, topic_id(r->topic), ID_BYTES) != 0)
        return error_set(err, ST_MISMATCH, "'%.*s' was read up to offset %llu: since then the topic was deleted and made anew",
                         STR_ARG(id), (unsigned long long)next);
    if ((int64_t)next > topic_high(r->partition))
        return error_set(err, ST_MISMATCH, "'%.*s' was read up to offset %llu and ends at %lld: it is another topic",
                         STR_ARG(id), (unsigned long long)next, (long long)topic_high(r->partition));
    r->next = (int64_t)next;
    r->stop = (int64_t)stop;
    return ST_OK;
}

/* ---- life ---- */

static void end_wait(struct log_reader *r)
{
    if (r->waits)
        topic_wait_end(&r->wait);
    r->waits = false;
}

static void log_close(struct split_reader *base)
{
    struct log_reader *r = (struct log_reader *)base;
    if (!r)
        return;
    end_wait(r);
    message_reader_free(r->rows);
    record_iter_free(r->it);
    shared_unref(r->copies);
    shared_unref(r->block);
    shared_unref(r->other);
    topic_unref(r->topic);
    arena_release(&r->fetched);
    mem_free(r->budget, r, sizeof *r);
}

static enum status reader_start(struct log_reader *r, struct str id, struct str position, struct error *err)
{
    struct log_source *s = r->source;
    r->split = log_splits_find(&s->splits, id);
    if (!r->split)
        return error_set(err, ST_NOT_FOUND, "table '%.*s': '%.*s' is no partition of its topics any more",
                         STR_ARG(s->base.table->name), STR_ARG(id));
    r->topic = topics_find(s->log->topics, r->split->topic);
    r->partition = r->topic ? topic_partition(r->topic, r->split->partition) : NULL;
    if (!r->partition)
        return error_set(err, ST_NOT_FOUND, "table '%.*s': there is no '%.*s' any more", STR_ARG(s->base.table->name),
                         STR_ARG(id));
    TRY(record_iter_new(r->budget, UNPACKED_MAX, &r->it, err));
    TRY(place(r, position, err));
    return message_reader_new(&s->layout, s->needs, s->ctx, id, r->budget, &r->rows, err);
}

static enum status log_open(struct source *base, const struct split *split, struct str position, struct budget *budget,
                            struct os_signal *wake, struct split_reader **ret, struct error *err)
{
    struct log_reader *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    r->base.ops = base->ops;
    r->source = (struct log_source *)base;
    r->budget = budget;
    r->wake = wake;
    arena_init(&r->fetched, budget);
    enum status st = reader_start(r, split->id, position, err);
    if (st != ST_OK) {
        log_close(&r->base);
        return st;
    }
    *ret = &r->base;
    return ST_OK;
}

/* ---- blocks ---- */

static uint32_t block_bytes(const struct log_reader *r)
{
    uint32_t n = log_splits_count(&r->source->splits), bytes = BLOCKS_BYTES / (n ? n : 1);
    return bytes > BLOCK_BYTES ? BLOCK_BYTES : bytes < BLOCK_LEAST ? BLOCK_LEAST : bytes;
}

/* Counted memory that nobody else holds, with room for `bytes` and what decoders look at behind them. */
static enum status fresh(struct log_reader *r, struct shared **at, uint64_t bytes, struct error *err)
{
    if (bytes > (uint64_t)1 << 30)
        return error_set(err, ST_LIMIT, "'%.*s': %llu bytes in one piece", STR_ARG(r->split->id), (unsigned long long)bytes);
    bool sole = *at && atomic_load_explicit(&(*at)->refs, memory_order_acquire) == 1;
    if (!sole || (*at)->cap < bytes + MESSAGE_SLACK) {
        uint32_t least = block_bytes(r), cap = (uint32_t)(bytes < least ? least : bytes) + MESSAGE_SLACK;
        struct shared *s = shared_new(r->budget, cap);
        if (!s)
            return budget_error(r->budget, cap, err);
        shared_unref(*at);
        *at = s;
    }
    (*at)->len = 0;
    return ST_OK;
}

static enum status load(struct log_reader *r, struct store_range *range, struct error *err)
{
    size_t got = 0;
    struct shared *before = r->block;
    r->block = r->other;
    r->other = before;
    TRY(fresh(r, &r->block, range->len, err));
    TRY(os_pread(topics_os(r->source->log->topics), range->file, r->block->data, (size_t)range->len, range->at, &got, err));
    if (got != range->len)
        return error_set(err, ST_CORRUPT, "'%.*s': its segment ends before offset %lld", STR_ARG(r->split->id),
                         (long long)range->end_offset);
    r->block->len = (uint32_t)got;
    r->rest = str_make(r->block->data, got);
    return ST_OK;
}

/* *ret_seen: the end that was seen, when there is nothing. */
static enum status fetch(struct log_reader *r, bool *ret_nothing, int64_t *ret_seen, struct error *err)
{
    struct topic_fetch f = { .partition = r->partition, .offset = r->next, .max_bytes = block_bytes(r), .leader_epoch = -1,
                             .fetched_epoch = -1, .committed = r->source->committed };
    arena_reset(&r->fetched);
    enum status st = topic_read(&f, &r->fetched, err);
    if (st != ST_OK && r->next < topic_start(r->partition)) {
        error_set(err, ST_NOT_FOUND, "'%.*s': the records from offset %lld on were taken away by retention; the first one "
                  "that is left is %lld", STR_ARG(r->split->id), (long long)r->next, (long long)topic_start(r->partition));
        return ST_NOT_FOUND;
    }
    TRY(st);
    *ret_nothing = f.range.len == 0;
    *ret_seen = f.committed ? f.stable : f.high;
    r->aborted = f.aborted;
    r->n_aborted = f.n_aborted;
    if (f.range.len > 0)
        st = load(r, &f.range, err);
    store_range_release(&f.range);
    return st;
}

/* ---- the walk ---- */

/* Is the batch not for this reader? A marker ends what its producer had aborted. */
static bool passed_over(struct log_reader *r)
{
    const struct record_batch *b = &r->batch;
    bool aborted = false;
    for (uint32_t i = 0; i < r->n_aborted; i++) {
        struct topic_aborted *a = &r->aborted[i];
        if (a->producer_id != b->producer_id || a->first_offset > record_batch_last_offset(b))
            continue;
        if (record_batch_control(b))
            a->first_offset = INT64_MAX;
        else
            aborted |= record_batch_transactional(b);
    }
    return aborted || record_batch_control(b);
}

static enum status damaged(const struct log_reader *r, enum status st, struct error *err)
{
    error_prefix(err, "topic '%.*s', partition %u, at offset %lld: ", STR_ARG(r->split->topic), r->split->partition,
                 (long long)r->next);
    error_hint(err, "'weir doctor DIR' names the file: restore it from a copy, or begin behind the damage with "
               "'scan.startup.specific-offsets'");
    return st;
}

/* Begins with the next batch of the block that has records to give; without one r->in_batch stays false. */
static enum status next_batch(struct log_reader *r, struct error *err)
{
    while (r->rest.len > 0) {
        enum status st = record_batch_next(&r->rest, &r->batch, err);
        if (st == ST_OK)
            st = record_batch_check(&r->batch, err);
        if (st != ST_OK)
            return damaged(r, st, err);
        bool over = passed_over(r);
        int64_t last = record_batch_last_offset(&r->batch);
        if (!over && last >= r->next) {
            TRY(record_iter_open(r->it, &r->batch, err));
            r->packed = record_batch_codec(&r->batch) != RECORD_PLAIN;
            r->in_batch = true;
            return ST_OK;
        }
        r->next = last >= r->next ? last + 1 : r->next;
    }
    return ST_OK;
}

static struct str keep(struct shared *to, struct str s)
{
    if (!s.ptr || s.len == 0)
        return s.ptr ? STR("") : s;
    memcpy(to->data + to->len, s.ptr, s.len);
    struct str kept = str_make(to->data + to->len, s.len);
    to->len += (uint32_t)s.len;
    return kept;
}

/* Copies a packed record out of the iterator. *ret_kept false: the chunk is full; first it must become rows. */
static enum status keep_record(struct log_reader *r, struct record *x, bool *ret_kept, struct error *err)
{
    uint64_t bytes = (uint64_t)x->key.len + x->value.len + x->headers.len;
    bool fits = r->copies && r->copies->cap - MESSAGE_SLACK - r->copies->len >= bytes;
    *ret_kept = fits || r->n == 0;
    if (!*ret_kept)
        return ST_OK;
    if (!fits)
        TRY(fresh(r, &r->copies, bytes, err));
    x->key = keep(r->copies, x->key);
    x->value = keep(r->copies, x->value);
    x->headers = keep(r->copies, x->headers);
    return ST_OK;
}

/* The next record of the batch at or behind `next`; *ret_end: there is none. */
static enum status next_record(struct log_reader *r, struct record *ret, bool *ret_end, struct error *err)
{
    *ret_end = false;
    if (r->is_held) {
        *ret = r->held;
        r->is_held = false;
        return ST_OK;
    }
    do
        TRY(record_iter_next(r->it, ret, ret_end, err));
    while (!*ret_end && ret->offset < r->next);
    return ST_OK;
}

/* Some of the batch's records, up to the end of the scan. */
static enum status collect(struct log_reader *r, uint32_t most, struct error *err)
{
    r->at = r->n = 0;
    r->after = r->next;
    while (r->n < RECORDS && r->n < most) {
        struct record *x = &r->records[r->n];
        bool end, kept = true;
        TRY(next_record(r, x, &end, err));
        if (end || x->offset >= r->stop) {
            r->after = end ? record_batch_last_offset(&r->batch) + 1 : r->stop;
            r->in_batch = false;
            return ST_OK;
        }
        if (r->packed)
            TRY(keep_record(r, x, &kept, err));
        if (!kept) {
            r->held = *x;
            r->is_held = true;
            return ST_OK;
        }
        r->after = x->offset + 1;
        r->n++;
    }
    return ST_OK;
}

/* Collected records become rows, as far as there is room. */
static enum status take(struct log_reader *r, struct batch *out, struct error *err)
{
    struct message_origin from = {
        .topic = r->split->topic, .partition = r->split->partition, .leader_epoch = r->batch.leader_epoch,
        .time = record_batch_append_time(&r->batch) ? MESSAGE_APPENDED : MESSAGE_CREATED,
    };
    uint32_t taken = 0;
    TRY(message_reader_take(r->rows, &from, r->packed ? r->copies : r->block, r->records + r->at, r->n - r->at, out, &taken,
                            err));
    for (uint32_t i = r->at; i < r->at + taken; i++)
        r->base.bytes += r->records[i].key.len + r->records[i].value.len;
    r->at += taken;
    r->next = r->at == r->n ? r->after : r->records[r->at].offset;
    return ST_OK;
}

/* ---- waiting ---- */

static void raise(struct topic_wait *w)
{
    struct log_reader *r = w->user;
    struct os *os = r->source->ctx->os;
    os->ops->signal_raise(os, r->wake);
}

/* false: there is something already. */
static bool begin_wait(struct log_reader *r, int64_t seen)
{
    r->on = (struct topic_wait_on){ .partition = r->partition, .seen = seen, .committed = r->source->committed };
    r->wait = (struct topic_wait){ .on = &r->on, .n_on = 1, .wanted = 1, .wake = raise, .user = r };
    r->waits = topic_wait_begin(&r->wait);
    if (!r->waits)
        return false;
    shared_unref(r->block); /* many partitions wait most of the time */
    shared_unref(r->other);
    shared_unref(r->copies);
    r->block = r->other = r->copies = NULL;
    return true;
}

static enum status log_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                            int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    struct log_reader *r = (struct log_reader *)base;
    uint32_t stop = out->capacity - out->count < max_rows ? out->capacity : out->count + max_rows;
    *ret_watermark_ms = INT64_MIN;
    *ret_wake_ms = INT64_MAX;
    *ret = READ_ROWS;
    end_wait(r);
    for (uint32_t turns = 0; turns < TURNS_MAX && out->count < stop; turns++) {
        bool nothing;
        int64_t seen;
        if (r->at < r->n) {
            TRY(take(r, out, err));
            if (r->at < r->n)
                return ST_OK; /* no room for what a record becomes */
        } else if (r->in_batch) {
            TRY(collect(r, stop - out->count, err));
            r->next = r->n ? r->next : r->after;
        } else if (r->next >= r->stop) {
            *ret = READ_END;
            return ST_OK;
        } else {
            TRY(next_batch(r, err));
            if (r->in_batch || r->next >= r->stop)
                continue;
            TRY(fetch(r, &nothing, &seen, err));
            if (!nothing)
                continue;
            if (out->count > 0)
                return ST_OK;
            if (begin_wait(r, seen)) {
                *ret = READ_WAIT;
                return ST_OK;
            }
        }
    }
    return ST_OK;
}

static enum status log_position(struct split_reader *base, struct buf *out, struct error *err)
{
    struct log_reader *r = (struct log_reader *)base;
    bool ok = buf_put_u8(out, VERSION) && buf_put_u64(out, (uint64_t)r->next) && buf_put_u64(out, (uint64_t)r->stop) &&
              buf_put(out, topic_id(r->topic), ID_BYTES);
    log_splits_note(&r->source->splits, r->split, r->next);
    return ok ? ST_OK : connect_memory(out->budget, err);
}

static void log_seal(struct source *base, struct str split)
{
    log_splits_seal(&((struct log_source *)base)->splits, split);
}

static void log_done(struct source *base, uint64_t epoch)
{
    (void)epoch;
    log_splits_committed(&((struct log_source *)base)->splits);
}

static void log_free(struct source *base)
{
    struct log_source *s = (struct log_source *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    log_splits_release(&s->splits);
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct source_ops ops = {
    .splits = log_look, .open = log_open, .read = log_read, .position = log_position, .seal = log_seal,
    .committed = log_done, .close = log_close, .free = log_free,
};

/* ---- the source ---- */

static enum status settle(struct log_source *s, const struct need *needs, struct error *err)
{
    const struct table_desc *t = s->base.table;
    uint32_t n = t->read_row.n_fields;
    struct need *own = needs ? ARENA_ARRAY(&s->arena, struct need, n + 1) : NULL;
    if (needs && !own)
        return connect_memory(s->arena.budget, err);
    for (uint32_t i = 0; needs && i < n; i++)
        own[i] = needs[i];
    s->needs = own;
    s->splits.wants_marks = s->start.mode == MESSAGE_GROUP || s->stop.mode == MESSAGE_GROUP;
    TRY(message_layout_init(&s->layout, t, s->layout.upsert, &s->arena, err));
    TRY(log_splits_init(&s->splits, s->log, t, s->ctx, err));
    if (!s->splits.wants_marks || s->splits.group.ptr)
        return ST_OK;
    error_set(err, ST_SEMANTIC, "table '%.*s': say where to begin: 'scan.startup.mode', or 'properties.group.id' for its default, "
              "'group-offsets'", STR_ARG(t->name));
    error_hint(err, "earliest-offset, latest-offset, group-offsets, timestamp or specific-offsets");
    return ST_SEMANTIC;
}

enum status log_open_source(const struct table_desc *t, bool upsert, const struct need *needs, struct connect_context *ctx,
                            int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    struct connect_log *log;
    TRY(log_of(t, ctx, &log, err));
    struct log_source *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct source){ .ops = &ops, .table = t, .open_all = true };
    s->ctx = ctx;
    s->log = log;
    s->layout.upsert = upsert;
    s->start = upsert ? (struct message_bound){ .mode = MESSAGE_EARLIEST } : message_start(t);
    s->stop = message_stop(t);
    s->committed = log_committed(t) && !log_bug(topics_planted(log->topics), LOG_BUG_JOB_DIRTY);
    arena_init(&s->arena, ctx->budget);
    arena_init(&s->splits.arena, ctx->budget);
    enum status st = settle(s, needs, err);
    if (st != ST_OK) {
        s->splits.group = (struct str){ 0 };
        log_free(&s->base);
        return st;
    }
    *ret_discover_ms = s->stop.mode == MESSAGE_UNBOUNDED ? message_discover_ms(t) : 0;
    *ret = &s->base;
    return ST_OK;
}
