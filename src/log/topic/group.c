/* Groups: from batches to their places in the log, and what follows when their fate is known.
 *
 *   fill     entries, without any lock; each holds its topic
 *   submit   the locks of all its partitions, by rising `order`; each entry is checked against its producer, taken into the
 *            partition's state, given its offsets by the store; then the group goes into the store's queue; locks given up
 *   done     from the writer: each partition is settled (stable offset, waits, duplicates that waited), then the user's
 *
 * When a commit has failed the store goes on at the high watermark. A partition whose `next` is not where the store's is has
 * not heard of it yet: partition_settle cuts its state back. It is called first by whoever takes the lock to append, so
 * nobody checks against what is not there. */
#include "topic/private.h"

#include "wire/kafka.h"

#include <stdlib.h>

#define REFUSED_EVERY_NS INT64_C(30000000000)

static enum status no_memory(const struct topic_group *g, size_t bytes, struct error *err)
{
    return budget_error(g->budget ? g->budget : budget_process(), bytes, err);
}

int16_t topic_kafka(enum status st)
{
    switch (st) {
    case ST_OK: return KAFKA_E_NONE;
    case ST_MEMORY: return KAFKA_E_KAFKA_STORAGE_ERROR; /* one that clients try again */
    case ST_CANCELLED: return KAFKA_E_NOT_LEADER_OR_FOLLOWER;
    default: return (int16_t)status_kafka(st);
    }
}

/* ---- filling ---- */

struct topic_group *topic_group_new(struct topics *t, struct budget *b)
{
    struct topic_group *g = mem_calloc(b, sizeof *g);
    if (!g)
        return NULL;
    g->node = t;
    g->budget = b;
    g->entries = &g->one;
    g->cap = 1;
    g->store = store_group_new(t->store, b);
    if (!g->store) {
        mem_free(b, g, sizeof *g);
        return NULL;
    }
    return g;
}

void topic_group_free(struct topic_group *g)
{
    if (!g)
        return;
    for (uint32_t i = 0; i < g->n; i++) {
        shared_unref(g->entries[i].bytes);
        topic_unref(g->entries[i].partition->topic);
    }
    store_group_free(g->store);
    if (g->entries != &g->one)
        mem_free(g->budget, g->entries, g->cap * sizeof *g->entries);
    if (g->locks && g->locks != &g->one_lock)
        mem_free(g->budget, g->locks, g->cap * sizeof *g->locks);
    mem_free(g->budget, g, sizeof *g);
}

static bool entries_room(struct topic_group *g)
{
    if (g->n < g->cap)
        return true;
    uint32_t cap = g->cap * 4;
    struct group_entry *e = mem_alloc(g->budget, cap * sizeof *e);
    if (!e)
        return false;
    memcpy(e, g->entries, g->n * sizeof *e);
    if (g->entries != &g->one)
        mem_free(g->budget, g->entries, g->cap * sizeof *e);
    g->entries = e;
    g->cap = cap;
    return true;
}

enum status group_add(struct topic_group *g, struct topic_partition *p, struct shared *bytes, uint32_t at, uint32_t len,
                      const struct produced *b, struct error *err)
{
    if (!entries_room(g))
        return no_memory(g, g->cap * sizeof *g->entries, err);
    topic_ref(p->topic);
    g->entries[g->n++] = (struct group_entry){ p, shared_ref(bytes), at, len, *b };
    return ST_OK;
}

static enum status add_batch(struct topic_group *g, struct topic_partition *p, struct shared *bytes, uint32_t at,
                             const struct record_batch *b, int64_t now_ms, struct error *err)
{
    struct produced x = { .id = b->producer_id, .ms = now_ms, .sequence = b->base_sequence, .epoch = b->producer_epoch,
                          .transactional = record_batch_transactional(b), .end = b->last_offset_delta + 1,
                          .may_begin = true };
    x.guard = topic_txn_guard(p, x.id);
    x.last_sequence = x.sequence < 0 ? -1 : record_sequence_add(x.sequence, b->count - 1);
    return group_add(g, p, bytes, at, (uint32_t)b->bytes.len, &x, err);
}

enum status topic_group_append(struct topic_group *g, struct topic_partition *p, struct shared *bytes, uint32_t at,
                               uint32_t len, struct error *err)
{
    struct str rest = str_make(bytes->data + at, len);
    while (rest.len > 0) {
        struct record_batch b;
        uint32_t here = at + (len - (uint32_t)rest.len);
        TRY(record_batch_next(&rest, &b, err));
        TRY(add_batch(g, p, bytes, here, &b, os_wall_ms(g->node->os), err));
    }
    return ST_OK;
}

enum status topic_group_marker(struct topic_group *g, struct topic_partition *p, int64_t producer_id, int16_t epoch,
                               struct record_marker m, int64_t now_ms, struct error *err)
{
    struct buf out;
    struct shared *bytes = NULL;
    struct produced x = { .id = producer_id, .ms = now_ms, .sequence = -1, .last_sequence = -1, .epoch = epoch, .end = 1,
                          .transactional = true, .control = true, .commit = m.commit,
                          .coordinator_epoch = m.coordinator_epoch };
    buf_init(&out, g->budget, 256);
    if (record_marker_put(&out, m, producer_id, epoch, now_ms))
        bytes = shared_new(g->budget, (uint32_t)out.len);
    enum status st = bytes ? ST_OK : no_memory(g, 256, err);
    if (st == ST_OK) {
        memcpy(bytes->data, out.data, out.len);
        bytes->len = (uint32_t)out.len;
        st = group_add(g, p, bytes, 0, bytes->len, &x, err);
    }
    shared_unref(bytes);
    buf_release(&out);
    return st;
}

enum status topic_group_note(struct topic_group *g, const struct store_note *n, struct error *err)
{
    return store_group_note(g->store, n, err);
}

int64_t topic_group_offset(const struct topic_group *g, uint32_t i) { return g->entries[i].produced.base; }

uint32_t topic_txn_guard(struct topic_partition *p, int64_t producer_id)
{
    lock_take(&p->lock);
    uint32_t guard = producers_guard(&p->producers, producer_id);
    lock_give(&p->lock);
    return guard;
}

/* ---- a partition, forward and back ---- */

static void partition_sync(struct topic_partition *p)
{
    int64_t end = store_log_end(p->log);
    if (end >= p->next)
        return;
    if (!topics_bug(p->topic->node, LOG_BUG_NO_CUT))
        producers_cut(&p->producers, end);
    p->next = end;
    for (struct topic_append *a = p->followers; a; a = a->next) {
        if (a->end > end)
            a->kafka = KAFKA_E_KAFKA_STORAGE_ERROR;
    }
}

/* Those whose fate is known. */
static struct topic_append *take_followers(struct topic_partition *p, int64_t high)
{
    struct topic_append *taken = NULL, **end = &taken;
    for (struct topic_append **at = &p->followers; *at;) {
        struct topic_append *a = *at;
        if (a->kafka == 0 && a->end > high) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        a->next = NULL;
        *end = a;
        end = &a->next;
    }
    return taken;
}

struct topic_append *partition_settle(struct topic_partition *p)
{
    partition_sync(p);
    int64_t high = store_log_high(p->log), stable = producers_settle(&p->producers, high);
    if (stable > atomic_load_explicit(&p->stable, memory_order_relaxed))
        atomic_store_explicit(&p->stable, stable, memory_order_release);
    waits_wake(p, false);
    return p->followers ? take_followers(p, high) : NULL;
}

static void followers_answer(struct topic_append *a)
{
    for (struct topic_append *next; a; a = next) {
        next = a->next; /* `done` may free it */
        struct topic *topic = a->partition->topic;
        a->done(a);
        topic_unref(topic);
    }
}

void partition_follow(struct topic_partition *p, struct topic_append *a)
{
    topic_ref(p->topic);
    a->next = p->followers;
    p->followers = a;
}

/* ---- submit ---- */

static int by_order(const void *a, const void *b)
{
    const struct topic_partition *const *x = a, *const *y = b;
    return (*x)->order < (*y)->order ? -1 : (*x)->order > (*y)->order;
}

static enum status sort_locks(struct topic_group *g, struct error *err)
{
    g->locks = g->cap == 1 ? &g->one_lock : mem_alloc(g->budget, g->cap * sizeof(struct topic_partition *));
    if (!g->locks)
        return no_memory(g, g->cap * sizeof(struct topic_partition *), err);
    for (uint32_t i = 0; i < g->n; i++)
        g->locks[i] = g->entries[i].partition;
    if (g->n > 1)
        qsort(g->locks, g->n, sizeof(struct topic_partition *), by_order);
    for (uint32_t i = 0; i < g->n; i++) {
        if (i == 0 || g->locks[i] != g->locks[i - 1])
            g->locks[g->n_locks++] = g->locks[i];
    }
    return ST_OK;
}

static enum status take_entry(struct topic_group *g, struct group_entry *e, struct producer_batch *ret_same,
                              int16_t *ret_kafka, struct error *err)
{
    struct topic_partition *p = e->partition;
    struct produced *b = &e->produced;
    const struct producer_batch *same;
    int64_t base;
    if (p->closed) {
        *ret_kafka = KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
        return error_set(err, ST_NOT_FOUND, "the topic '%s' has been deleted", p->topic->name);
    }
    *ret_kafka = g->forced ? 0 : producers_check(&p->producers, b, &same, err);
    if (*ret_kafka != 0) {
        if (same && ret_same)
            *ret_same = *same;
        return same ? error_set(err, ST_EXISTS, "the batch is there already") : ST_DATA;
    }
    int64_t count = b->end - b->base;
    b->base = p->next;
    b->end = p->next + count;
    p->next = b->end;
    enum status st = producers_take(&p->producers, b) ? ST_OK : no_memory(g, sizeof(struct producer), err);
    if (st == ST_OK)
        st = store_group_append(g->store, p->log, e->bytes, e->at, e->len, &base, err);
    *ret_kafka = topic_kafka(st);
    CHECK(st != ST_OK || base == b->base);
    return st;
}

static void counts_in(struct counts *c, const struct group_entry *e)
{
    atomic_fetch_add_explicit(&c->in_batches, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->in_bytes, e->len, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->in_records, (uint64_t)(e->produced.end - e->produced.base), memory_order_relaxed);
}

static void tell_refused(struct topics *t, const struct error *why)
{
    int64_t now = os_mono_ns(t->os);
    if (!t->options.refused || (t->refused_ns && now - t->refused_ns < REFUSED_EVERY_NS))
        return;
    t->refused_ns = now;
    t->options.refused(t->options.arg, why);
}

static void group_done(void *arg, struct store_group *store, enum status st, const struct error *err)
{
    struct topic_group *g = arg;
    struct topics *t = g->node;
    (void)store;
    if (st != ST_OK && st != ST_CANCELLED && err)
        tell_refused(t, err);
    for (uint32_t i = 0; i < g->n; i++) {
        const struct group_entry *e = &g->entries[i];
        struct topic_partition *p = e->partition;
        if (st == ST_OK) {
            counts_in(&p->topic->counts, e);
            atomic_fetch_add_explicit(&t->appended, e->len, memory_order_relaxed);
        }
        lock_take(&p->lock);
        p->seen_bytes += st == ST_OK ? e->len : 0;
        p->groups--;
        for (struct topic_append *a = st == ST_CANCELLED ? p->followers : NULL; a; a = a->next)
            a->kafka = topic_kafka(st); /* the end: no commit will come */
        struct topic_append *followers = partition_settle(p);
        lock_give(&p->lock);
        followers_answer(followers);
    }
    struct topic_append *a = g->append;
    if (a) {
        a->kafka = topic_kafka(st);
        a->base_offset = st == ST_OK ? g->entries[0].produced.base : -1;
        a->log_start = store_log_start(a->partition->log);
        a->done(a);
        topic_group_free(g);
    } else if (g->done) {
        g->done(g->arg, g, st, err);
    } else {
        topic_group_free(g);
    }
    tender_stir(t);
}

/* Locked, all that is not in the store's queue goes back. */
static void take_back(struct topic_group *g)
{
    store_group_free(g->store);
    g->store = NULL;
    for (uint32_t i = 0; i < g->n_locks; i++)
        partition_sync(g->locks[i]);
}

void topics_wake(struct topics *t) { store_wake(t->store); }

enum status group_submit(struct topic_group *g, struct producer_batch *ret_same, int64_t *ret_base, bool *wake,
                         int16_t *ret_kafka, struct error *err)
{
    struct store *store = g->node->store; /* after the submit the group may be gone */
    enum status st = sort_locks(g, err);
    uint32_t n = g->n_locks;
    bool sleeps = false;
    *ret_kafka = topic_kafka(st);
    if (st != ST_OK)
        return st;
    for (uint32_t i = 0; i < n; i++) {
        lock_take(&g->locks[i]->lock);
        partition_sync(g->locks[i]);
    }
    for (uint32_t i = 0; i < g->n && st == ST_OK; i++)
        st = take_entry(g, &g->entries[i], ret_same, ret_kafka, err);
    if (st == ST_OK) {
        if (ret_base)
            *ret_base = g->entries[0].produced.base;
        for (uint32_t i = 0; i < g->n; i++) {
            g->entries[i].partition->groups++;
            g->entries[i].partition->touched = true;
        }
        sleeps = store_group_submit(g->store, group_done, g);
    } else {
        take_back(g);
    }
    /* It may be done already, but not before the last lock is given up. */
    for (uint32_t i = 0; i < n; i++)
        lock_give(&g->locks[i]->lock);
    if (sleeps && wake)
        *wake = true;
    else if (sleeps)
        store_wake(store);
    return st;
}

enum status topic_group_submit(struct topic_group *g, void (*done)(void *arg, struct topic_group *g, enum status st,
                               const struct error *err), void *arg, int16_t *ret_kafka, struct error *err)
{
    g->done = done;
    g->arg = arg;
    return group_submit(g, NULL, NULL, NULL, ret_kafka, err);
}
