/* Upkeep: syncs, snapshots of producers, expiry; retention is in retain.c, compaction in compact.c.
 *
 * topics_tend looks and decides, on its own thread; what needs the writer it hands over as a list of trims, which
 * topics_step works off. A partition whose trim fails stays as it is, and is looked at again. */
#include "topic/private.h"

enum { SNAPSHOT_GROUP = 8 << 20, SNAPSHOT_SHARE = 16, DAY_MS = 86400000, EXPIRE_EVERY_MS = 600000, META_LEAST = 1 << 20,
       STORE_AGAIN_MS = 1000 };

/* For the writer: a trim, or the end of a rewrite. */
struct upkeep {
    struct upkeep *next;
    struct topic_partition *partition; /* its topic is held */
    int64_t start;
    struct store_rewrite *rewrite; /* NULL: a trim */
    int64_t clean_to;              /* -1: this is not the run's last */
};

/* ---- snapshots ---- */

/* What was not kept counts as never taken: with a failure all partitions are to be snapshotted again. */
static void snapshots_decided(struct topics *t, enum status st)
{
    if (st != ST_OK)
        atomic_store(&t->snapshots_failed, true);
    atomic_fetch_sub(&t->snapshots_undecided, 1);
}

static void snapshots_done(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    (void)err;
    topic_group_free(g);
    snapshots_decided(arg, st);
}

static enum status snapshots_submit(struct topics *t, struct meta_batch *m, struct topic_group **g, struct error *err)
{
    int16_t kafka;
    enum status st = meta_group(m, *g, err);
    t->snapshot_cost += m->out.len;
    if (st == ST_OK)
        st = topic_group_submit(*g, snapshots_done, t, &kafka, err);
    if (st == ST_OK)
        *g = NULL; /* frees itself */
    buf_clear(&m->out);
    return st;
}

static enum status snapshots_of(struct topics *t, struct topic *p, bool all, struct meta_batch *m,
                                struct topic_group **g, struct error *err)
{
    for (uint32_t i = 0; i < topic_partitions(p); i++) {
        struct topic_partition *x = topic_partition(p, i);
        lock_take(&x->lock);
        bool touched = (x->touched || all) && !x->closed;
        lock_give(&x->lock);
        if (!touched)
            continue;
        if (!*g) { /* before the state is looked at: a failure between fails the group */
            *g = topic_group_new(t, t->budget);
            if (!*g)
                return budget_error(t->budget ? t->budget : budget_process(), sizeof **g, err);
            atomic_fetch_add(&t->snapshots_undecided, 1);
        }
        TRY(snapshot_put(m, x, err));
        if (m->out.len >= SNAPSHOT_GROUP)
            TRY(snapshots_submit(t, m, g, err));
    }
    return ST_OK;
}

enum status snapshots_take(struct topics *t, struct error *err)
{
    struct topic_group *g = NULL;
    struct topic **list = NULL;
    struct meta_batch m;
    struct arena arena;
    uint32_t n = 0;
    arena_init(&arena, t->budget);
    meta_begin(&m, t);
    atomic_store(&t->appended, 0);
    t->snapshot_cost = 0;
    bool all = atomic_exchange(&t->snapshots_failed, false);
    enum status st = topics_list(t, &arena, &list, &n, err);
    for (uint32_t i = 0; i < n; i++) {
        if (st == ST_OK)
            st = snapshots_of(t, list[i], all, &m, &g, err);
        topic_unref(list[i]);
    }
    if (st == ST_OK && g)
        st = snapshots_submit(t, &m, &g, err);
    if (g)
        snapshots_decided(t, ST_IO);
    else if (st != ST_OK)
        atomic_store(&t->snapshots_failed, true);
    topic_group_free(g);
    meta_end(&m);
    arena_release(&arena);
    return st;
}

/* ---- what the writer does ---- */

static void swap(struct upkeep *u)
{
    struct topic_partition *x = u->partition;
    enum status st = topic_gone(x->topic) ? ST_NOT_FOUND : snapshot_keep(x, NULL);
    if (st == ST_OK)
        st = store_rewrite_end(u->rewrite, NULL);
    else
        store_rewrite_drop(u->rewrite);
    lock_take(&x->lock);
    x->swaps--;
    x->swap_failed |= st != ST_OK;
    if (st != ST_OK)
        x->clean_after_ms = os_wall_ms(x->topic->node->os) + COMPACT_AGAIN_MS;
    if (u->clean_to >= 0 && !x->swap_failed) {
        x->clean_to = u->clean_to;
        x->touched = true;
    }
    lock_give(&x->lock);
}

void upkeep_run(struct topics *t)
{
    lock_take(&t->admin_lock);
    struct upkeep *u = t->todo;
    t->todo = NULL;
    lock_give(&t->admin_lock);
    if (u)
        tender_stir(t); /* the store's files go by its tend */
    for (struct upkeep *next; u; u = next) {
        next = u->next;
        if (u->rewrite) {
            swap(u);
        } else if (!topic_gone(u->partition->topic)) {
            enum status st = partition_trim(u->partition, u->start, NULL);
            (void)st;
        }
        topic_unref(u->partition->topic);
        mem_free(t->budget, u, sizeof *u);
    }
}

void upkeep_drop(struct topics *t)
{
    for (struct upkeep *u = t->todo, *next; u; u = next) {
        next = u->next;
        store_rewrite_drop(u->rewrite);
        topic_unref(u->partition->topic);
        mem_free(t->budget, u, sizeof *u);
    }
    t->todo = NULL;
}

static enum status upkeep_add(struct upkeep what, struct error *err)
{
    struct topics *t = what.partition->topic->node;
    struct upkeep *u = mem_alloc(t->budget, sizeof *u);
    if (!u)
        return budget_error(t->budget ? t->budget : budget_process(), sizeof *u, err);
    topic_ref(what.partition->topic);
    *u = what;
    lock_take(&t->admin_lock);
    *(t->todo ? &t->todo_last->next : &t->todo) = u;
    t->todo_last = u;
    lock_give(&t->admin_lock);
    t->os->ops->signal_raise(t->os, t->work);
    return ST_OK;
}

enum status upkeep_trim(struct topic_partition *x, int64_t start, struct error *err)
{
    return upkeep_add((struct upkeep){ .partition = x, .start = start }, err);
}

enum status upkeep_swap(struct topic_partition *x, struct store_rewrite *w, int64_t clean_to, struct error *err)
{
    lock_take(&x->lock);
    x->swaps++;
    lock_give(&x->lock);
    enum status st = upkeep_add((struct upkeep){ .partition = x, .rewrite = w, .clean_to = clean_to }, err);
    if (st != ST_OK) {
        lock_take(&x->lock);
        x->swaps--;
        lock_give(&x->lock);
    }
    return st;
}

/* Everything that is alive once more, and the start behind the old: meta holds little, and nothing big changes often. */
enum status meta_compact(struct topics *t, struct error *err)
{
    struct topic_partition *x = topic_partition(t->meta.topic, 0);
    uint64_t alive = atomic_load(&t->meta.alive), least = alive * 2 > META_LEAST ? alive * 2 : META_LEAST;
    if (topic_bytes(x) < least)
        return ST_OK;
    struct topic_group *g = topic_group_new(t, t->budget);
    struct topic **list = NULL;
    struct arena arena;
    struct meta_batch m;
    int64_t start;
    uint32_t n = 0;
    if (!g)
        return budget_error(t->budget ? t->budget : budget_process(), sizeof *g, err);
    arena_init(&arena, t->budget);
    meta_begin(&m, t);
    store_log_roll(x->log);
    enum status st = meta_put_cluster(&m, t->cluster, err);
    if (st == ST_OK)
        st = meta_put_ids(&m, atomic_load(&t->meta.ids_end), err);
    if (st == ST_OK)
        st = topics_list(t, &arena, &list, &n, err);
    for (uint32_t i = 0; i < n; i++) {
        if (st == ST_OK) /* configurations are changed by the writer only */
            st = meta_put_topic(&m, list[i], &list[i]->config, topic_partitions(list[i]), err);
        for (uint32_t k = 0; st == ST_OK && k < topic_partitions(list[i]); k++)
            st = snapshot_put(&m, topic_partition(list[i], k), err);
        topic_unref(list[i]);
    }
    if (st == ST_OK)
        st = meta_group(&m, g, err);
    alive = m.out.len;
    if (st == ST_OK)
        st = group_commit(g, &start, err);
    else
        topic_group_free(g);
    if (st == ST_OK) {
        atomic_store(&t->meta.alive, alive);
        st = store_log_trim(x->log, start, err);
    } else {
        atomic_store(&t->snapshots_failed, true);
    }
    meta_end(&m);
    arena_release(&arena);
    return st;
}

/* ---- what the tender does ---- */

static bool expire(struct topics *t, struct topic *p, int64_t now_ms)
{
    int64_t expiry = t->options.producer_expiry_ms ? t->options.producer_expiry_ms : DAY_MS;
    bool some = false;
    for (uint32_t i = 0; i < topic_partitions(p); i++) {
        struct topic_partition *x = topic_partition(p, i);
        lock_take(&x->lock);
        if (x->producers.count > 0 && producers_expire(&x->producers, now_ms - expiry, store_log_high(x->log)) > 0)
            x->touched = true;
        some |= x->producers.count > 0;
        lock_give(&x->lock);
    }
    return some;
}

/* Is there something for the cleaner? */
static bool dirty(struct topic *p, int64_t now_ms, int64_t *ret_next_ms)
{
    struct dirty_range range;
    bool due = false;
    for (uint32_t i = 0; i < topic_partitions(p); i++)
        due |= compact_due(topic_partition(p, i), now_ms, ret_next_ms, &range);
    return due;
}

static enum status tend_topics(struct topics *t, int64_t now_ms, int64_t *ret_next_ms, struct error *err)
{
    struct arena arena;
    struct topic **list = NULL;
    uint32_t n = 0;
    bool producers = false, look = now_ms >= t->expire_ms, clean = false;
    arena_init(&arena, t->budget);
    enum status st = topics_list(t, &arena, &list, &n, err);
    for (uint32_t i = 0; i < n; i++) {
        if (st == ST_OK)
            st = retain_topic(list[i], now_ms, ret_next_ms, err);
        clean |= dirty(list[i], now_ms, ret_next_ms);
        if (look && expire(t, list[i], now_ms))
            producers = true;
        topic_unref(list[i]);
    }
    arena_release(&arena);
    if (clean)
        t->os->ops->signal_raise(t->os, t->cleaning);
    if (look)
        t->expire_ms = now_ms + EXPIRE_EVERY_MS;
    if ((producers || !look) && t->expire_ms < *ret_next_ms)
        *ret_next_ms = t->expire_ms;
    return st;
}

enum status topics_tend(struct topics *t, int64_t now_ms, int64_t *ret_next_ms, struct error *err)
{
    uint64_t least = t->options.snapshot_bytes ? t->options.snapshot_bytes : (uint64_t)64 << 20;
    uint64_t cost = t->snapshot_cost * SNAPSHOT_SHARE;
    *ret_next_ms = INT64_MAX;
    TRY(store_tend(t->store, err));
    enum status st = tend_topics(t, now_ms, ret_next_ms, NULL);
    if (st == ST_OK && atomic_load(&t->appended) > (least > cost ? least : cost))
        st = snapshots_take(t, NULL);
    if (st != ST_OK && now_ms + EXPIRE_EVERY_MS < *ret_next_ms) /* refused: the next time */
        *ret_next_ms = now_ms + EXPIRE_EVERY_MS;
    if (store_tend_due(t->store) && now_ms + STORE_AGAIN_MS < *ret_next_ms)
        *ret_next_ms = now_ms + STORE_AGAIN_MS;
    return ST_OK;
}
