/* Commits of a job in the log.
 *
 * Each job has an internal topic of one partition, "__weir_job-<n>-<sink>", kept for ever. Its first record (key "f") is
 * the job's fingerprint. Each commit adds records with the key "d" + epoch (big-endian), whose values, one after the other,
 * are the epoch's delta; they go into the same group as the outputs that the sinks have put there, so that positions,
 * state, timers and outputs become durable together or not at all. An epoch without any delta leaves an empty one, so
 * that epochs follow each other without a gap.
 *
 * A snapshot of epoch E is the fold (run/state) of the older one and the deltas up to E: pieces under the key "s" + E, in one
 * group with the fingerprint anew. It is made beside commits, so deltas behind E may stand before it; what stands before
 * those is trimmed afterwards.
 *
 * At a restart three passes over the partition: a scan for fingerprint and newest snapshot, the snapshot's pieces, the deltas behind
 * it. A fold needs one. */
#include "engine/joblog.h"

#include <stdio.h>

#include "record/record.h"
#include "state/state.h"
#include "topic/topic.h"

#define SNAPSHOT_BATCH_BYTES ((size_t)64 << 20)
#define MIN_SNAPSHOT_BYTES ((uint64_t)64 << 20) /* of deltas; a restart takes so much in 0.4 CPU-seconds */
#define HEAP_SLACK ((size_t)64 << 10) /* for the lengths of so many deltas */
#define KEY_BYTES 9u
#define PIECE_BYTES ((size_t)1 << 20)
#define BATCH_BYTES ((size_t)4 << 20)
#define LARGE_BYTES ((size_t)256 << 10)
#define SPARE_BLOCKS 3u
#define PAYLOAD_MAX ((size_t)1 << 30)
#define READ_BYTES ((uint32_t)4 << 20)

struct batches { /* finished ones */
    struct shared **at;
    uint32_t n, cap;
    uint64_t bytes;
};

struct joblog {
    struct commit_log log;
    struct connect_log *link;
    struct budget *budget;
    struct topic *topic;
    struct topic_partition *partition;
    uint64_t epoch;
    /* snapshots */
    uint64_t min_bytes, due_bytes; /* of deltas: how many make a snapshot due */
    uint64_t newest;               /* epoch of the newest snapshot; 0: none */
    uint64_t newest_bytes, delta_bytes;
    int64_t cut;        /* of the one that is made: offset behind its last delta */
    uint64_t cut_epoch, cut_bytes;
    struct batches made; /* none: it was abandoned */
    struct shared *spare[SPARE_BLOCKS]; /* NULL: not made yet */
    struct buf fingerprint;
    char name[TOPIC_NAME_MAX + 1];
    atomic_uint_fast64_t commits, commit_bytes, n_snapshots, abandoned;
};

/* ---- writing ---- */

static void batches_release(struct joblog *l, struct batches *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        shared_unref(b->at[i]);
    mem_free(l->budget, b->at, b->cap * sizeof *b->at);
    *b = (struct batches){ 0 };
}

/* Large deltas are built in blocks that are used again when the log is done with them. */
static void give_block(struct joblog *l, struct record_builder *w)
{
    for (uint32_t i = 0; i < SPARE_BLOCKS; i++) {
        struct shared **at = &l->spare[i];
        if (!*at)
            *at = shared_new(l->budget, (uint32_t)(BATCH_BYTES + RECORD_BATCH_HEADER));
        if (!*at)
            return;
        if (atomic_load_explicit(&(*at)->refs, memory_order_acquire) != 1)
            continue;
        if (record_builder_block(w, *at))
            shared_ref(*at);
        return;
    }
}

static enum status batches_add(struct joblog *l, struct batches *b, struct record_builder *w, struct error *err)
{
    struct shared *bytes;
    if (b->n == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 4;
        struct shared **grown = mem_realloc(l->budget, b->at, b->cap * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return budget_error(l->budget, cap * sizeof *grown, err);
        b->at = grown;
        b->cap = cap;
    }
    TRY(record_builder_finish_shared(w, RECORD_NO_PRODUCER, &bytes, err));
    if (bytes) {
        b->at[b->n++] = bytes;
        b->bytes += bytes->len;
    }
    return b->bytes <= PAYLOAD_MAX ? ST_OK : error_set(err, ST_LIMIT, "more than %zu bytes of state at once", PAYLOAD_MAX);
}

static enum status add_piece(struct joblog *l, struct record_builder *w, const struct record *x, struct batches *out,
                             struct error *err)
{
    bool full;
    TRY(record_builder_add(w, x, &full, err));
    if (!full)
        return ST_OK;
    TRY(batches_add(l, out, w, err));
    return record_builder_add(w, x, &full, err);
}

/* `payload` as records of one key, at the end of `out`. */
static enum status put_payload(struct joblog *l, struct str key, struct str payload, struct batches *out, struct error *err)
{
    struct record_builder *w = NULL;
    struct os *os = topics_os(l->link->topics);
    size_t at = 0;
    TRY(record_builder_new(RECORD_PLAIN, BATCH_BYTES, l->budget, &w, err));
    enum status st;
    do {
        if (payload.len >= LARGE_BYTES && record_builder_count(w) == 0)
            give_block(l, w);
        size_t n = payload.len - at < PIECE_BYTES ? payload.len - at : PIECE_BYTES;
        struct record x = { .offset = -1, .timestamp_ms = os_wall_ms(os), .key = key,
                            .value = str_make(n ? payload.ptr + at : "", n) };
        st = add_piece(l, w, &x, out, err);
        at += n;
    } while (st == ST_OK && at < payload.len);
    if (st == ST_OK)
        st = batches_add(l, out, w, err);
    record_builder_free(w);
    return st;
}

/* Adds batches to the group (NULL: a new one) and makes all of it durable. */
static enum status commit_batches(struct joblog *l, struct topic_group *g, const struct batches *out, struct error *err)
{
    if (!g)
        g = topic_group_new(l->link->topics, NULL);
    enum status st = g ? ST_OK : budget_error(budget_process(), 0, err);
    for (uint32_t i = 0; i < out->n && st == ST_OK; i++)
        st = topic_group_append(g, l->partition, out->at[i], 0, out->at[i]->len, err);
    if (st != ST_OK) {
        topic_group_free(g);
        return st;
    }
    return topic_group_commit(l->link->topics, g, err);
}

/* Adds it to the group that the sinks have begun. */
static enum status commit_payload(struct joblog *l, struct str key, struct str payload, struct error *err)
{
    struct batches out = { 0 };
    struct topic_group *g = l->link->group;
    l->link->group = NULL;
    if (g && log_bug(topics_planted(l->link->topics), LOG_BUG_JOB_TWO_GROUPS)) {
        TRY(topic_group_commit(l->link->topics, g, err));
        g = NULL;
    }
    enum status st = put_payload(l, key, payload, &out, err);
    if (st == ST_OK)
        st = commit_batches(l, g, &out, err);
    else
        topic_group_free(g);
    batches_release(l, &out);
    return st;
}

static struct str epoch_key(char kind, uint64_t epoch, char key[KEY_BYTES])
{
    key[0] = kind;
    for (uint32_t i = 0; i < 8; i++)
        key[1 + i] = (char)(epoch >> (56 - 8 * i));
    return str_make(key, KEY_BYTES);
}

static enum status joblog_commit(struct commit_log *log, uint64_t epoch, struct str payload, struct error *err)
{
    struct joblog *l = (struct joblog *)log;
    char key[KEY_BYTES];
    CHECK(epoch == l->epoch + 1);
    TRY(commit_payload(l, epoch_key('d', epoch, key), payload, err));
    l->epoch = epoch;
    l->delta_bytes += payload.len;
    atomic_fetch_add_explicit(&l->commits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&l->commit_bytes, payload.len, memory_order_relaxed);
    return ST_OK;
}

/* ---- reading ---- */

enum pass { SCAN, PIECES, DELTAS, BOTH };
struct replay {
    struct joblog *log;
    enum pass pass;
    int64_t until; /* offset */
    enum status (*visit)(void *arg, struct str payload, struct error *err);
    void *arg;        /* of deltas; of pieces where there is no other */
    void *pieces_arg; /* BOTH */
    struct buf block; /* of the partition, as it was read */
    struct buf payload; /* of `epoch`, as far as it has been read */
    struct buf fingerprint;
    bool in_fingerprint;
    uint64_t epoch;     /* of the last delta; at first the snapshot's */
    uint64_t snapshot;  /* newest that was seen; 0: none */
    uint64_t bytes;     /* visited */
};

static enum status rot(const struct joblog *l, int64_t offset, const char *what, struct error *err)
{
    error_set(err, ST_CORRUPT, "the job's state in topic '%s' cannot be read at offset %lld: %s", l->name,
              (long long)offset, what);
    return ST_CORRUPT;
}

static enum status end_epoch(struct replay *r, struct error *err)
{
    r->bytes += r->payload.len;
    if (r->payload.len > 0)
        TRY(r->visit(r->arg, buf_str(&r->payload), err));
    buf_clear(&r->payload);
    return ST_OK;
}

static enum status take_delta(struct replay *r, const struct record *x, uint64_t epoch, struct error *err)
{
    if ((r->pass != DELTAS && r->pass != BOTH) || epoch <= r->log->newest)
        return ST_OK;
    if (epoch != r->epoch && epoch != r->epoch + 1)
        return rot(r->log, x->offset, "an epoch is missing before it", err);
    if (epoch != r->epoch)
        TRY(end_epoch(r, err));
    r->epoch = epoch;
    return buf_put(&r->payload, x->value.ptr, x->value.len) ? ST_OK : budget_error(r->log->budget, x->value.len, err);
}

static enum status take_piece(struct replay *r, const struct record *x, uint64_t epoch, struct error *err)
{
    if (r->pass == SCAN)
        r->snapshot = epoch;
    if ((r->pass != PIECES && r->pass != BOTH) || epoch != r->log->newest || x->value.len == 0)
        return ST_OK;
    r->bytes += x->value.len;
    return r->visit(r->pass == BOTH ? r->pieces_arg : r->arg, x->value, err);
}

static enum status take(struct replay *r, const struct record *x, struct error *err)
{
    bool again = r->in_fingerprint;
    uint64_t epoch = 0;
    r->in_fingerprint = str_eq(x->key, STR("f"));
    if (r->in_fingerprint) {
        if (r->pass != SCAN)
            return ST_OK;
        if (!again)
            buf_clear(&r->fingerprint);
        return buf_put(&r->fingerprint, x->value.ptr, x->value.len) ? ST_OK
                                                                   : budget_error(r->log->budget, x->value.len, err);
    }
    for (uint32_t i = 1; i < KEY_BYTES && x->key.len == KEY_BYTES; i++)
        epoch = epoch << 8 | (uint8_t)x->key.ptr[i];
    if (epoch > 0 && x->key.ptr[0] == 'd')
        return take_delta(r, x, epoch, err);
    if (epoch > 0 && x->key.ptr[0] == 's')
        return take_piece(r, x, epoch, err);
    return rot(r->log, x->offset, "it is not a record of ours", err);
}

static enum status take_batches(struct replay *r, struct record_iter *it, struct str rest, int64_t *next, struct error *err)
{
    while (rest.len > 0 && *next < r->until) {
        struct record_batch b;
        TRY(record_batch_next(&rest, &b, err));
        TRY(record_batch_check(&b, err));
        bool end = record_batch_last_offset(&b) < *next;
        if (!end)
            TRY(record_iter_open(it, &b, err));
        while (!end) {
            struct record x;
            TRY(record_iter_next(it, &x, &end, err));
            if (!end)
                TRY(take(r, &x, err));
        }
        *next = record_batch_last_offset(&b) + 1;
    }
    return ST_OK;
}

static enum status read_range(struct replay *r, struct record_iter *it, int64_t *next, struct error *err)
{
    struct joblog *l = r->log;
    struct topic_fetch f = { .partition = l->partition, .offset = *next, .max_bytes = READ_BYTES, .leader_epoch = -1,
                             .fetched_epoch = -1 };
    size_t got = 0, len;
    TRY(topic_read(&f, NULL, err));
    len = (size_t)f.range.len;
    enum status st = len == 0 ? rot(l, *next, "nothing is there", err) : ST_OK;
    buf_clear(&r->block);
    if (st == ST_OK && !buf_reserve(&r->block, len))
        st = budget_error(l->budget, len, err);
    if (st == ST_OK)
        st = os_pread(topics_os(l->link->topics), f.range.file, r->block.data, len, f.range.at, &got, err);
    store_range_release(&f.range);
    if (st == ST_OK && got != len)
        st = rot(l, *next, "its file is short", err);
    return st == ST_OK ? take_batches(r, it, str_make(r->block.data, len), next, err) : st;
}

/* From the first offset to `until`. */
static enum status replay(struct replay *r, struct error *err)
{
    struct joblog *l = r->log;
    struct record_iter *it;
    int64_t next = topic_start(l->partition);
    buf_init(&r->payload, l->budget, PAYLOAD_MAX);
    buf_init(&r->fingerprint, l->budget, PAYLOAD_MAX);
    buf_init(&r->block, l->budget, PAYLOAD_MAX + READ_BYTES);
    r->epoch = l->newest;
    TRY(record_iter_new(l->budget, PAYLOAD_MAX, &it, err));
    enum status st = ST_OK;
    while (st == ST_OK && next < r->until)
        st = read_range(r, it, &next, err);
    if (st == ST_OK)
        st = end_epoch(r, err);
    record_iter_free(it);
    return st;
}

static void replay_release(struct replay *r)
{
    buf_release(&r->payload);
    buf_release(&r->fingerprint);
    buf_release(&r->block);
}

/* One pass; *ret_bytes may be NULL. */
static enum status pass(struct joblog *l, enum pass which, int64_t until,
                        enum status (*visit)(void *, struct str, struct error *), void *arg, uint64_t *ret_epoch,
                        uint64_t *ret_bytes, struct error *err)
{
    struct replay r = { .log = l, .pass = which, .until = until, .visit = visit, .arg = arg };
    enum status st = replay(&r, err);
    replay_release(&r);
    if (st == ST_OK && ret_epoch)
        *ret_epoch = r.epoch;
    if (st == ST_OK && ret_bytes)
        *ret_bytes = r.bytes;
    return st;
}

static enum status joblog_restore(struct commit_log *log, enum status (*visit)(void *, struct str, struct error *),
                                  void *arg, uint64_t *ret_epoch, struct error *err)
{
    struct joblog *l = (struct joblog *)log;
    int64_t high = topic_high(l->partition);
    if (l->newest)
        TRY(pass(l, PIECES, high, visit, arg, NULL, &l->newest_bytes, err));
    TRY(pass(l, DELTAS, high, visit, arg, &l->epoch, &l->delta_bytes, err));
    *ret_epoch = l->epoch;
    return ST_OK;
}

/* ---- snapshots ---- */

static enum status joblog_snapshot_begin(struct commit_log *log, bool force, bool *ret_due, struct error *err)
{
    struct joblog *l = (struct joblog *)log;
    (void)err;
    uint64_t wanted = l->newest_bytes * 2 > l->due_bytes ? l->newest_bytes * 2 : l->due_bytes;
    *ret_due = l->epoch > l->newest && (force || l->delta_bytes >= wanted);
    if (*ret_due) {
        l->cut = topic_high(l->partition);
        l->cut_epoch = l->epoch;
        l->cut_bytes = l->delta_bytes;
    }
    return ST_OK;
}

/* Payloads one after the other, each with its length before it. */
struct heap {
    struct buf bytes;
    uint32_t n;
    size_t at; /* of `next` */
};

static enum status heap_add(void *arg, struct str payload, struct error *err)
{
    struct heap *h = arg;
    h->n++;
    return buf_put_u32(&h->bytes, (uint32_t)payload.len) && buf_put(&h->bytes, payload.ptr, payload.len)
               ? ST_OK
               : budget_error(h->bytes.budget, payload.len, err);
}

static enum status heap_next(void *arg, struct str *ret, struct error *err)
{
    struct heap *h = arg;
    struct reader in = reader_make(h->bytes.data + h->at, h->bytes.len - h->at);
    uint32_t len = 0;
    (void)err;
    bool more = h->at < h->bytes.len && read_u32(&in, &len);
    *ret = more ? str_make(in.at, len) : STR("");
    h->at += more ? sizeof len + len : 0;
    return ST_OK;
}

struct making {
    struct joblog *log;
    struct record_builder *builder;
    bool any;
};

static enum status put_piece(void *arg, struct str payload, struct error *err)
{
    struct making *m = arg;
    char key[KEY_BYTES];
    struct record x = { .offset = -1, .timestamp_ms = os_wall_ms(topics_os(m->log->link->topics)),
                        .key = epoch_key('s', m->log->cut_epoch, key), .value = payload };
    m->any = true;
    return add_piece(m->log, m->builder, &x, &m->log->made, err);
}

static enum status fold(struct joblog *l, struct heap *old, struct heap *deltas, struct error *err)
{
    struct making m = { .log = l };
    size_t bytes = (deltas->n + 1) * sizeof(struct str);
    struct str *list = mem_alloc(l->budget, bytes);
    if (!list)
        return budget_error(l->budget, bytes, err);
    for (uint32_t i = 0; i < deltas->n; i++)
        (void)heap_next(deltas, &list[i], NULL);
    enum status st = record_builder_new(RECORD_PLAIN, SNAPSHOT_BATCH_BYTES, l->budget, &m.builder, err);
    if (st == ST_OK)
        st = state_fold((struct fold_input){ old->n ? heap_next : NULL, old }, list, deltas->n, l->budget, put_piece, &m, err);
    if (st == ST_OK && !m.any) /* a snapshot of nothing is one too: the deltas before it go */
        st = put_piece(&m, STR(""), err);
    if (st == ST_OK)
        st = batches_add(l, &l->made, m.builder, err);
    record_builder_free(m.builder);
    mem_free(l->budget, list, bytes);
    return st;
}

static enum status make(struct joblog *l, struct error *err)
{
    struct heap old = { .n = 0 }, deltas = { .n = 0 };
    struct replay r = { .log = l, .pass = BOTH, .until = l->cut, .visit = heap_add, .arg = &deltas, .pieces_arg = &old };
    buf_init(&old.bytes, l->budget, PAYLOAD_MAX);
    buf_init(&deltas.bytes, l->budget, PAYLOAD_MAX);
    bool room = buf_reserve(&old.bytes, (size_t)l->newest_bytes) && buf_reserve(&deltas.bytes, (size_t)l->cut_bytes + HEAP_SLACK);
    enum status st = room ? replay(&r, err) : budget_error(l->budget, (size_t)l->cut_bytes, err);
    if (st == ST_OK)
        st = put_payload(l, STR("f"), buf_str(&l->fingerprint), &l->made, err);
    if (st == ST_OK)
        st = fold(l, &old, &deltas, err);
    replay_release(&r);
    buf_release(&old.bytes);
    buf_release(&deltas.bytes);
    return st;
}

static enum status joblog_snapshot_make(struct commit_log *log, struct error *err)
{
    struct joblog *l = (struct joblog *)log;
    enum status st = make(l, err);
    if (st == ST_OK)
        return ST_OK;
    batches_release(l, &l->made);
    if (st != ST_MEMORY && st != ST_LIMIT)
        return st;
    error_clear(err);
    atomic_fetch_add_explicit(&l->abandoned, 1, memory_order_relaxed);
    return ST_OK;
}

/* The snapshot is durable before anything is trimmed; a trim that was cut short is made up for by the next one. */
static enum status joblog_snapshot_finish(struct commit_log *log, struct error *err)
{
    struct joblog *l = (struct joblog *)log;
    uint64_t bytes = l->made.bytes;
    if (bytes == 0) {
        l->due_bytes = l->delta_bytes * 2;
        return ST_OK;
    }
    TRY(commit_batches(l, NULL, &l->made, err));
    batches_release(l, &l->made);
    l->newest = l->cut_epoch;
    l->newest_bytes = bytes;
    l->delta_bytes -= l->cut_bytes;
    l->due_bytes = l->min_bytes;
    atomic_fetch_add_explicit(&l->n_snapshots, 1, memory_order_relaxed);
    struct topic_admin a = { .kind = TOPIC_ADMIN_TRIM, .name = str_from(l->name), .offset = l->cut, .internal = true };
    return topics_admin_wait(l->link->topics, &a, err);
}

/* ---- life ---- */

static void joblog_stats(const struct commit_log *log, uint64_t *ret_commits, uint64_t *ret_commit_bytes,
                         uint64_t *ret_snapshots, uint64_t *ret_abandoned)
{
    const struct joblog *l = (const struct joblog *)log;
    *ret_commits = atomic_load_explicit(&l->commits, memory_order_relaxed);
    *ret_commit_bytes = atomic_load_explicit(&l->commit_bytes, memory_order_relaxed);
    *ret_snapshots = atomic_load_explicit(&l->n_snapshots, memory_order_relaxed);
    *ret_abandoned = atomic_load_explicit(&l->abandoned, memory_order_relaxed);
}

static void joblog_close(struct commit_log *log)
{
    struct joblog *l = (struct joblog *)log;
    if (!l)
        return;
    topic_group_free(l->link->group); /* of an epoch that was not committed */
    l->link->group = NULL;
    topic_unref(l->topic);
    batches_release(l, &l->made);
    buf_release(&l->fingerprint);
    for (uint32_t i = 0; i < SPARE_BLOCKS; i++)
        shared_unref(l->spare[i]);
    mem_free(l->budget, l, sizeof *l);
}

static const struct commit_log_ops ops = {
    .restore = joblog_restore, .commit = joblog_commit, .snapshot_begin = joblog_snapshot_begin,
    .snapshot_make = joblog_snapshot_make, .snapshot_finish = joblog_snapshot_finish, .stats = joblog_stats, .close = joblog_close,
};

static enum status make_topic(struct joblog *l, struct error *err)
{
    struct topic_config_change keep[] = { { STR("retention.ms"), STR("-1"), TOPIC_SET },
                                          { STR("retention.bytes"), STR("-1"), TOPIC_SET },
                                          { STR("cleanup.policy"), STR("delete"), TOPIC_SET } };
    struct topic_admin a = { .kind = TOPIC_ADMIN_CREATE, .name = str_from(l->name), .partitions = 1, .changes = keep,
                             .n_changes = sizeof keep / sizeof *keep, .internal = true };
    l->topic = topics_find(l->link->topics, a.name);
    if (!l->topic) {
        TRY(topics_admin_wait(l->link->topics, &a, err));
        l->topic = topics_find(l->link->topics, a.name);
    }
    l->partition = l->topic ? topic_partition(l->topic, 0) : NULL;
    return l->partition ? ST_OK : error_set(err, ST_NOT_FOUND, "the topic '%s' has gone", l->name);
}

static enum status settle_fingerprint(struct joblog *l, struct str fingerprint, struct error *err)
{
    struct replay r = { .log = l, .pass = SCAN, .until = topic_high(l->partition) };
    enum status st = replay(&r, err);
    l->newest = r.snapshot;
    struct str there = buf_str(&r.fingerprint);
    if (st == ST_OK && topic_high(l->partition) == 0)
        st = commit_payload(l, STR("f"), fingerprint, err);
    else if (st == ST_OK && !str_eq(there, fingerprint)) {
        st = error_set(err, ST_MISMATCH, "the state in topic '%s' belongs to another job", l->name);
        error_hint(err, "run the statement that wrote it, or name another directory");
    }
    replay_release(&r);
    if (st == ST_OK && !buf_put(&l->fingerprint, fingerprint.ptr, fingerprint.len))
        st = budget_error(l->budget, fingerprint.len, err);
    return st;
}

enum status joblog_open(struct connect_log *link, struct str name, struct str fingerprint, uint64_t min_snapshot_bytes,
                        struct budget *b, struct commit_log **ret, struct error *err)
{
    struct joblog *l = mem_calloc(b, sizeof *l);
    if (!l)
        return budget_error(b, sizeof *l, err);
    l->log.ops = &ops;
    l->link = link;
    l->budget = b;
    l->min_bytes = l->due_bytes = min_snapshot_bytes ? min_snapshot_bytes : MIN_SNAPSHOT_BYTES;
    buf_init(&l->fingerprint, b, PAYLOAD_MAX);
    snprintf(l->name, sizeof l->name, "__weir_job-%.*s", (int)(name.len < 200 ? name.len : 200), name.ptr);
    enum status st = make_topic(l, err);
    if (st == ST_OK)
        st = settle_fingerprint(l, fingerprint, err);
    if (st != ST_OK) {
        joblog_close(&l->log);
        return st;
    }
    *ret = &l->log;
    return ST_OK;
}
