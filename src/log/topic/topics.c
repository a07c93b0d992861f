/* The node: opening, the writer's step, the loops, closing.
 *
 * Open: the store recovers; meta is replayed into the registry; logs that no topic names are removed; each partition's
 * producers are brought from their snapshot to the log's end. Meta is read whole before anything is removed: what cannot be
 * read names nothing.
 *
 * Close: what waits is committed, snapshots of all partitions that were touched are written, the store is closed clean: the
 * next open reads meta and no log. */
#include "topic/private.h"

#include "wire/kafka.h"

enum { IDS_BLOCK = 10000, TEND_NS = 1000000000, MAX_WAIT_MS = 86400000, GATHER_LEAST = 4, GATHER_MOST_NS = 1000000 };

struct os *topics_os(const struct topics *t) { return t->os; }
uint64_t topics_planted(const struct topics *t) { return t->options.planted; }
const char *topics_cluster_id(const struct topics *t) { return t->cluster_text; }

int64_t topics_producer_ids(struct topics *t, uint32_t n)
{
    int64_t id = atomic_load(&t->meta.ids_next), end;
    do {
        end = atomic_load(&t->meta.ids_end);
        if (n > end - id)
            return -1;
    } while (!atomic_compare_exchange_weak(&t->meta.ids_next, &id, id + n));
    if (end - id - n < IDS_BLOCK / 2)
        t->os->ops->signal_raise(t->os, t->work);
    return id;
}

/* ---- opening ---- */

static void cluster_text(struct topics *t)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0, n = 0, out = 0;
    for (uint32_t i = 0; i < 16; i++) {
        bits = bits << 8 | t->cluster[i];
        for (n += 8; n >= 6; n -= 6)
            t->cluster_text[out++] = digits[bits >> (n - 6) & 63];
    }
    t->cluster_text[out++] = digits[bits << (6 - n) & 63];
    t->cluster_text[out] = '\0';
}

static enum status open_meta(struct topics *t, struct error *err)
{
    struct store_id id = { .partition = 0 };
    struct store_log_options o = { 16 << 20, 4096 };
    memcpy(id.topic, meta_id, 16);
    struct store_log *log = store_log_find(t->store, &id);
    if (!log)
        TRY(store_log_create(t->store, &id, &o, &log, err));
    store_log_configure(log, &o);
    return meta_open(t, log, err);
}

enum status found_log(void *arg, struct store_log *l, struct error *err)
{
    struct found_logs *f = arg;
    if (f->n == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 64;
        void *grown = mem_realloc(f->budget, f->at, f->cap * sizeof *f->at, cap * sizeof *f->at);
        if (!grown)
            return budget_error(f->budget ? f->budget : budget_process(), cap * sizeof *f->at, err);
        f->at = grown;
        f->cap = cap;
    }
    f->at[f->n++] = l;
    return ST_OK;
}

static void found_rot(void *arg, struct store_log *l, const char *file, uint64_t byte, int64_t first, int64_t last,
                      const char *what)
{
    const struct found_logs *f = arg;
    (void)l;
    if (f->options->rot)
        f->options->rot(f->options->arg, file, byte, first, last, what);
}

/* Every partition of a topic has its log; every other log goes. */
static enum status match_logs(struct topics *t, const struct found_logs *f, struct topics_report *report,
                              struct error *err)
{
    for (uint32_t i = 0; i < REGISTRY_BUCKETS; i++) {
        for (struct topic *p = t->registry.by_name[i]; p; p = p->by_name) {
            for (uint32_t k = 0; k < p->made; k++) {
                if (!topic_partition(p, k)->log)
                    return error_set(err, ST_CORRUPT, "partition %u of the topic '%s' is not in the log", k, p->name);
            }
        }
    }
    for (uint32_t i = 0; i < f->n; i++) {
        struct store_id id = store_log_id(f->at[i]);
        struct topic *p = topics_find_id(t, id.topic);
        bool named = memcmp(id.topic, meta_id, 16) == 0 || (p && id.partition < p->made);
        topic_unref(p);
        if (named)
            continue;
        TRY(store_log_delete(t->store, f->at[i], err));
        report->removed++;
    }
    return ST_OK;
}

static enum status first_facts(struct topics *t, struct error *err)
{
    struct meta_batch m;
    enum status st = ST_OK;
    int64_t next = atomic_load(&t->meta.ids_end); /* of the last life: those not given out are lost */
    if (topics_bug(t, LOG_BUG_IDS_AGAIN))
        next = 0;
    meta_begin(&m, t);
    if (!t->meta.has_cluster) {
        CHECK(random_topic_id(t, t->cluster));
        st = meta_put_cluster(&m, t->cluster, err);
    }
    if (st == ST_OK)
        st = meta_put_ids(&m, next + IDS_BLOCK, err);
    if (st == ST_OK)
        st = meta_commit(&m, err);
    meta_end(&m);
    atomic_store(&t->meta.ids_next, next);
    atomic_store(&t->meta.ids_end, next + IDS_BLOCK);
    cluster_text(t);
    return st;
}

static enum status catch_up(struct topics *t, struct topics_report *report, struct error *err)
{
    struct scan *s = mem_alloc(t->budget, sizeof *s);
    struct record_iter *it = NULL;
    if (!s)
        return budget_error(t->budget ? t->budget : budget_process(), sizeof *s, err);
    enum status st = record_iter_new(t->budget, 1 << 20, &it, err);
    for (uint32_t i = 0; st == ST_OK && i < REGISTRY_BUCKETS; i++) {
        for (struct topic *p = t->registry.by_name[i]; st == ST_OK && p; p = p->by_name) {
            struct store_log_options o = log_options(&p->config);
            report->topics++;
            report->partitions += p->made;
            for (uint32_t k = 0; st == ST_OK && k < p->made; k++) {
                struct store_log *log = topic_partition(p, k)->log;
                store_log_configure(log, &o);
                st = snapshot_catch_up(topic_partition(p, k), s, it, report, err);
            }
        }
    }
    record_iter_free(it);
    mem_free(t->budget, s, sizeof *s);
    return st;
}

static enum status open_all(struct topics *t, struct topics_report *report, struct error *err)
{
    const struct topics_options *o = &t->options;
    struct store_options so = { .os = o->os, .path = o->path, .budget = o->budget, .durability = o->durability,
                                .journal_bytes = o->journal_bytes, .straight_bytes = o->straight_bytes,
                                .open_files = o->open_files, .planted = o->planted };
    struct found_logs found = { .budget = t->budget, .options = o };
    struct store_visitor v = { .arg = &found, .log = found_log, .rot = found_rot };
    config_init(&t->config, NULL);
    enum status st = config_change(&t->config, &t->config, o->defaults, o->n_defaults, t->budget, err);
    if (st != ST_OK) {
        error_prefix(err, "the settings of all topics: ");
        return st;
    }
    TRY(config_check(&t->config, err));
    t->work = t->os->ops->signal_new(t->os);
    t->upkeep = t->os->ops->signal_new(t->os);
    t->cleaning = t->os->ops->signal_new(t->os);
    if (!t->work || !t->upkeep || !t->cleaning)
        return error_set(err, ST_MEMORY, "no memory for a signal");
    st = store_open(&so, &v, &t->store, &report->store, err);
    if (st == ST_OK)
        st = open_meta(t, err);
    if (st == ST_OK)
        st = match_logs(t, &found, report, err);
    if (st == ST_OK)
        st = first_facts(t, err);
    if (st == ST_OK)
        st = catch_up(t, report, err);
    if (st == ST_OK)
        st = coords_open(t, err);
    mem_free(t->budget, found.at, found.cap * sizeof *found.at);
    if (st == ST_OK)
        store_on_work(t->store, t->work);
    return st;
}

enum status topics_open(const struct topics_options *o, struct topics **ret, struct topics_report *ret_report,
                        struct error *err)
{
    struct topics_report report = { 0 };
    struct topics *t = mem_calloc(o->budget, sizeof *t);
    if (!t)
        return budget_error(o->budget ? o->budget : budget_process(), sizeof *t, err);
    t->os = o->os;
    t->budget = o->budget;
    t->options = *o;
    enum status st = open_all(t, &report, err);
    if (st != ST_OK) {
        topics_abandon(t);
        return st;
    }
    *ret = t;
    if (ret_report)
        *ret_report = report;
    return ST_OK;
}

/* ---- steps ---- */

static enum status fail(struct topics *t, enum status st, const struct error *err)
{
    int none = ST_OK;
    if (atomic_load(&t->state) == ST_OK) {
        if (err)
            t->failure = *err;
        atomic_compare_exchange_strong(&t->state, &none, (int)st);
    }
    struct os_signal *failed = atomic_load(&t->failed);
    if (failed)
        t->os->ops->signal_raise(t->os, failed);
    return st;
}

enum status topics_state(const struct topics *t, struct error *err)
{
    enum status st = (enum status)atomic_load(&t->state);
    if (st != ST_OK && err)
        *err = t->failure;
    return st;
}

void topics_on_failure(struct topics *t, struct os_signal *failed) { atomic_store(&t->failed, failed); }

void topics_admin(struct topics *t, struct topic_admin *a)
{
    a->next = NULL;
    lock_take(&t->admin_lock);
    if (t->admin)
        t->admin_last->next = a;
    else
        t->admin = a;
    t->admin_last = a;
    lock_give(&t->admin_lock);
    t->os->ops->signal_raise(t->os, t->work);
}

static struct topic_admin *next_admin(struct topics *t, bool *ret_more)
{
    lock_take(&t->admin_lock);
    struct topic_admin *a = t->admin;
    if (a)
        t->admin = a->next;
    *ret_more = t->admin;
    lock_give(&t->admin_lock);
    return a;
}

static enum status more_ids(struct topics *t, struct error *err)
{
    struct meta_batch m;
    int64_t end = atomic_load(&t->meta.ids_end);
    if (end - atomic_load(&t->meta.ids_next) > IDS_BLOCK / 2)
        return ST_OK;
    meta_begin(&m, t);
    enum status st = meta_put_ids(&m, end + IDS_BLOCK, err);
    if (st == ST_OK)
        st = meta_commit(&m, err);
    meta_end(&m);
    if (st == ST_OK)
        atomic_store(&t->meta.ids_end, end + IDS_BLOCK);
    return st;
}

enum status topics_step(struct topics *t, bool *ret_more, struct error *err)
{
    struct error why;
    bool admin_more, more;
    error_clear(&why);
    struct topic_admin *a = next_admin(t, &admin_more);
    if (a)
        admin_run(t, a);
    upkeep_run(t);
    enum status st = more_ids(t, NULL); /* refused: tried again with the next step */
    st = meta_compact(t, NULL);         /* likewise */
    *ret_more = admin_more;
    if (t->options.durability == STORE_RELAXED && topics_bug(t, LOG_BUG_RELAXED_IDLE) && store_waiting(t->store) == 0)
        return ST_OK;
    st = store_commit_step(t->store, &more, &why);
    *ret_more = more || admin_more;
    if (st == ST_OK)
        return ST_OK;
    if (err)
        *err = why;
    return fail(t, st, &why);
}

/* ---- loops ---- */

void tender_stir(struct topics *t)
{
    if (!atomic_exchange(&t->stirred, true))
        t->os->ops->signal_raise(t->os, t->upkeep);
}

void topics_stop(struct topics *t)
{
    atomic_store(&t->stopping, true);
    t->os->ops->signal_raise(t->os, t->work);
    t->os->ops->signal_raise(t->os, t->upkeep);
    t->os->ops->signal_raise(t->os, t->cleaning);
}

static int64_t after(int64_t now_ns, int64_t now_ms, int64_t then_ms)
{
    if (then_ms == INT64_MAX)
        return INT64_MAX;
    int64_t ms = then_ms > now_ms ? then_ms - now_ms : 0;
    return now_ns + (ms < MAX_WAIT_MS ? ms : MAX_WAIT_MS) * 1000000;
}

/* Who has many batches under way sends as many again when they are answered. Where half of them were committed while the
 * other half came, they would go on in two halves for ever, and pay for two commits. So after a commit of many the next
 * one waits for them, at most half as long as that one took. */
static void gather(struct topics *t)
{
    int64_t took_ns;
    uint32_t answered = store_answered(t->store, &took_ns), all = answered + store_waiting(t->store);
    int64_t until = os_mono_ns(t->os) + (took_ns / 2 < GATHER_MOST_NS ? took_ns / 2 : GATHER_MOST_NS);
    while (answered >= GATHER_LEAST && store_waiting(t->store) < all && !atomic_load(&t->stopping)) {
        if (!t->os->ops->signal_wait(t->os, t->work, until))
            return;
    }
}

void topics_run_writer(void *topics)
{
    struct topics *t = topics;
    bool relaxed = t->options.durability == STORE_RELAXED;
    int64_t rounds = 0; /* relaxed: until all is synced after the newest group */
    for (;;) {
        bool more;
        enum status st = topics_step(t, &more, NULL); /* a log that has failed goes on ending what comes */
        if (more) {
            if (st == ST_OK && !relaxed)
                gather(t);
            continue;
        }
        if (atomic_load(&t->stopping))
            return;
        int64_t until = st == ST_OK && relaxed && rounds > 0 ? os_mono_ns(t->os) + TEND_NS : INT64_MAX;
        rounds = t->os->ops->signal_wait(t->os, t->work, until) ? 2 : rounds - 1;
    }
}

void topics_run_tender(void *topics)
{
    struct topics *t = topics;
    int64_t tended_ns = os_mono_ns(t->os), due_ms = INT64_MAX; /* the first second is for those who wait to begin */
    while (!atomic_load(&t->stopping)) {
        struct error why;
        int64_t tick_ms, now_ms = os_wall_ms(t->os), now = os_mono_ns(t->os);
        topics_tick(t, now_ms, &tick_ms);
        /* At most once a second, however much is going on. */
        if (now - tended_ns >= TEND_NS && (atomic_exchange(&t->stirred, false) || due_ms <= now_ms)) {
            tended_ns = now;
            error_clear(&why);
            enum status st = topics_tend(t, now_ms, &due_ms, &why);
            if (st != ST_OK) {
                fail(t, st, &why);
                t->os->ops->signal_raise(t->os, t->work); /* it ends too */
                return;
            }
        }
        int64_t due = atomic_load(&t->stirred) || due_ms - now_ms <= TEND_NS / 1000000
                          ? tended_ns + TEND_NS : after(now, now_ms, due_ms);
        int64_t tick = after(now, now_ms, tick_ms);
        (void)t->os->ops->signal_wait(t->os, t->upkeep, due < tick ? due : tick);
    }
}

/* ---- closing ---- */

static enum status close_clean(struct topics *t, struct error *err)
{
    TRY(topics_state(t, err));
    topics_park(t);
    for (bool more = true; more;)
        TRY(topics_step(t, &more, err));
    TRY(snapshots_take(t, err));
    for (bool more = true; more;)
        TRY(topics_step(t, &more, err));
    struct store *s = t->store;
    t->store = NULL;
    return store_close(s, err);
}

enum status topics_close(struct topics *t, struct error *err)
{
    enum status st = close_clean(t, err);
    topics_abandon(t);
    return st;
}

void topics_abandon(struct topics *t)
{
    if (!t)
        return;
    atomic_store(&t->coords.parked, true);
    t->coords.unloaded = true;
    for (struct topic_admin *a = t->admin, *next; a; a = next) {
        next = a->next;
        a->kafka = KAFKA_E_NOT_CONTROLLER;
        error_set(&a->error, ST_CANCELLED, "the log is closed");
        a->done(a);
    }
    upkeep_drop(t);
    store_abandon(t->store); /* groups that wait end: partitions are still there */
    coords_close(t);
    registry_clear(t);
    topic_unref(t->meta.topic);
    config_release(&t->config, t->budget);
    if (t->work)
        t->os->ops->signal_free(t->os, t->work);
    if (t->upkeep)
        t->os->ops->signal_free(t->os, t->upkeep);
    if (t->cleaning)
        t->os->ops->signal_free(t->os, t->cleaning);
    mem_free(t->budget, t, sizeof *t);
}
