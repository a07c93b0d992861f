/* What changes topics: commands, done by the writer one after the other.
 *
 *   create   logs, then the record in meta that makes the topic exist, then the registry
 *   remove   the record's tombstone, then the registry; what waits is committed; then the logs
 *   grow     the new logs, then the record
 *   alter    the record, then the numbers that appends read
 *   trim     the store's
 *
 * A crash between leaves logs that no record names; they are removed at open. A failure between is taken back here. Each log
 * that is removed is a sync of its own; after some of them the groups that wait are committed, so that others can go on. */
#include "topic/private.h"

#include "wire/kafka.h"

enum { MAX_PARTITIONS = 100000, MAKE_AT_ONCE = 256, COMMIT_EVERY = 16 };

static enum status answer(struct topic_admin *a, int16_t kafka, enum status st)
{
    a->kafka = kafka;
    return st;
}
#define REFUSE(a, code, st, ...) answer((a), KAFKA_E_##code, error_set(&(a)->error, (st), __VA_ARGS__))

struct store_log_options log_options(const struct config *c)
{
    return (struct store_log_options){ (uint64_t)c->number[TOPIC_SEGMENT_BYTES],
                                       (uint32_t)c->number[TOPIC_INDEX_INTERVAL_BYTES] };
}

bool random_topic_id(struct topics *t, uint8_t ret[16])
{
    for (uint32_t tries = 0; tries < 16; tries++) {
        t->os->ops->entropy(t->os, ret, 16);
        ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40); /* a random UUID */
        ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
        if (ret[0] >> 2 == 62) /* its text would begin with '-' */
            continue;
        struct topic *other = topics_find_id(t, ret);
        topic_unref(other);
        if (!other)
            return true;
    }
    return false;
}

int16_t topics_name_refused(struct topics *t, struct str name, struct error *err)
{
    char other[TOPIC_NAME_MAX + 1];
    if (topic_name_check(name, err) != ST_OK)
        return KAFKA_E_INVALID_TOPIC_EXCEPTION;
    struct topic *p = topics_find(t, name);
    topic_unref(p);
    if (p) {
        error_set(err, ST_EXISTS, "the topic '%.*s' exists", STR_ARG(name));
        return KAFKA_E_TOPIC_ALREADY_EXISTS;
    }
    if (!registry_collides(t, name, other))
        return 0;
    error_set(err, ST_USAGE, "'%.*s' differs from the topic '%s' in '.' and '_' only", STR_ARG(name), other);
    return KAFKA_E_INVALID_TOPIC_EXCEPTION;
}

/* ---- logs ---- */

/* Where it fails the next open does it. */
static void drop_log(struct topics *t, struct store_log *log)
{
    enum status st = log ? store_log_delete(t->store, log, NULL) : ST_OK;
    (void)st;
}

static void drop_logs(struct topics *t, struct topic *p, uint32_t from)
{
    for (uint32_t i = from; i < p->made; i++) {
        bool more;
        drop_log(t, atomic_load(&p->parts)->at[i]->log);
        enum status st = i % COMMIT_EVERY == COMMIT_EVERY - 1 ? store_commit_step(t->store, &more, NULL) : ST_OK;
        (void)st; /* what is final shows at the next step */
    }
}

static enum status make_logs(struct topics *t, struct topic *p, uint32_t n, const struct config *c, struct error *err)
{
    struct store_log_options o = log_options(c);
    struct store_id ids[MAKE_AT_ONCE];
    struct store_log *logs[MAKE_AT_ONCE];
    while (p->made < n) {
        uint32_t first = p->made, some = n - first < MAKE_AT_ONCE ? n - first : MAKE_AT_ONCE, i = 0;
        for (uint32_t k = 0; k < some; k++) {
            memcpy(ids[k].topic, p->id, 16);
            ids[k].partition = first + k;
        }
        TRY(store_logs_create(t->store, ids, some, &o, logs, err));
        enum status st = ST_OK;
        for (; i < some && st == ST_OK; i++)
            st = topic_add_partition(p, logs[i], err);
        for (i = p->made - first; st != ST_OK && i < some; i++) /* the others are the caller's to drop */
            drop_log(t, logs[i]);
        TRY(st);
    }
    return ST_OK;
}

static enum status record_topic(struct topics *t, const struct topic *p, const struct config *c, uint32_t partitions,
                                struct error *err)
{
    struct meta_batch m;
    meta_begin(&m, t);
    enum status st = meta_put_topic(&m, p, c, partitions, err);
    if (st == ST_OK)
        st = meta_commit(&m, err);
    meta_end(&m);
    return st;
}

/* ---- create, grow ---- */

static enum status check_partitions(struct topics *t, struct topic_admin *a, uint32_t more)
{
    uint32_t max = t->options.max_partitions ? t->options.max_partitions : MAX_PARTITIONS;
    lock_take(&t->registry.lock);
    uint32_t now = t->registry.partitions;
    lock_give(&t->registry.lock);
    if (more > max || now > max - more)
        return REFUSE(a, POLICY_VIOLATION, ST_LIMIT, "%u partitions more than the %u that there are pass the limit of %u",
                      more, now, max);
    return ST_OK;
}

static enum status create_with(struct topics *t, struct topic_admin *a, struct config *c)
{
    enum status st = random_topic_id(t, a->id) ? ST_OK : error_set(&a->error, ST_BUG, "no topic id is free");
    struct topic *p = st == ST_OK ? topic_make(t, a->name, a->id, &a->error) : NULL;
    if (!p)
        return answer(a, topic_kafka(ST_MEMORY), ST_MEMORY);
    p->internal = a->internal;
    st = make_logs(t, p, a->partitions, c, &a->error);
    if (st == ST_OK)
        st = record_topic(t, p, c, a->partitions, &a->error);
    if (st != ST_OK) {
        drop_logs(t, p, 0);
        topic_unref(p);
        return answer(a, topic_kafka(st), st);
    }
    topic_configure(p, c);
    registry_add(t, p);
    registry_show(p, p->made);
    return ST_OK;
}

static enum status create(struct topics *t, struct topic_admin *a)
{
    struct config c;
    a->kafka = topics_name_refused(t, a->name, &a->error);
    if (a->kafka)
        return a->error.status;
    if (a->partitions == 0 || a->partitions > INT32_MAX)
        return REFUSE(a, INVALID_PARTITIONS, ST_USAGE, "a topic has at least one partition");
    TRY(check_partitions(t, a, a->partitions));
    config_init(&c, &t->config);
    enum status st = config_change(&c, &t->config, a->changes, a->n_changes, t->budget, &a->error);
    if (st == ST_OK)
        st = config_check(&c, &a->error);
    if (st != ST_OK)
        answer(a, st == ST_MEMORY ? topic_kafka(st) : KAFKA_E_INVALID_CONFIG, st);
    else if (!a->validate_only)
        st = create_with(t, a, &c);
    config_release(&c, t->budget);
    return st;
}

static enum status grow(struct topics *t, struct topic_admin *a, struct topic *p)
{
    uint32_t now = topic_partitions(p);
    if (a->partitions <= now || a->partitions > INT32_MAX)
        return REFUSE(a, INVALID_PARTITIONS, ST_USAGE, "the topic '%s' has %u partitions, and can only get more", p->name,
                      now);
    TRY(check_partitions(t, a, a->partitions - now));
    if (a->validate_only)
        return ST_OK;
    enum status st = make_logs(t, p, a->partitions, &p->config, &a->error);
    if (st == ST_OK && !topics_bug(t, LOG_BUG_GROWTH_MEMORY))
        st = record_topic(t, p, &p->config, a->partitions, &a->error);
    if (st == ST_OK) {
        registry_show(p, p->made);
        return ST_OK;
    }
    drop_logs(t, p, now);
    topic_drop_partitions(p);
    return answer(a, topic_kafka(st), st);
}

/* ---- remove ---- */

/* Nothing of it may wait in a group when its log goes. */
static enum status drain(struct topics *t, struct topic_partition *x, struct error *err)
{
    lock_take(&x->lock);
    x->closed = true;
    waits_wake(x, true);
    bool waits = x->groups > 0;
    lock_give(&x->lock);
    while (waits) {
        bool more;
        TRY(store_commit_step(t->store, &more, err));
        lock_take(&x->lock);
        waits = x->groups > 0;
        lock_give(&x->lock);
    }
    return ST_OK;
}

static enum status remove_topic(struct topics *t, struct topic_admin *a, struct topic *p)
{
    struct meta_batch m;
    if (p->internal)
        return REFUSE(a, INVALID_TOPIC_EXCEPTION, ST_USAGE, "the topic '%s' is the node's own", p->name);
    meta_begin(&m, t);
    enum status st = meta_put_removal(&m, p, &a->error);
    if (st == ST_OK && !topics_bug(t, LOG_BUG_TOPIC_GHOST))
        st = meta_commit(&m, &a->error);
    meta_end(&m);
    if (st != ST_OK)
        return answer(a, topic_kafka(st), st);
    registry_remove(t, p);
    for (uint32_t i = 0; i < p->made && st == ST_OK; i++)
        st = drain(t, topic_partition(p, i), &a->error);
    if (st == ST_OK && !topics_bug(t, LOG_BUG_TOPIC_GHOST))
        drop_logs(t, p, 0);
    coords_forget_topic(t, a->name);
    return ST_OK; /* it is gone, whatever the disk says to its files */
}

/* ---- alter, trim ---- */

static enum status alter(struct topics *t, struct topic_admin *a, struct topic *p)
{
    struct config c;
    enum status st = ST_OK;
    if (a->replace)
        config_init(&c, &t->config);
    else
        st = config_copy(&c, &p->config, t->budget, &a->error); /* only the writer changes it */
    if (st != ST_OK)
        return answer(a, topic_kafka(st), st);
    st = config_change(&c, &t->config, a->changes, a->n_changes, t->budget, &a->error);
    if (st == ST_OK)
        st = config_check(&c, &a->error);
    if (st != ST_OK) {
        answer(a, st == ST_MEMORY ? topic_kafka(st) : KAFKA_E_INVALID_CONFIG, st);
    } else if (!a->validate_only) {
        st = record_topic(t, p, &c, topic_partitions(p), &a->error);
        answer(a, topic_kafka(st), st);
        if (st == ST_OK)
            topic_configure(p, &c);
    }
    config_release(&c, t->budget);
    tender_stir(t);
    return st;
}

static enum status trim(struct topics *t, struct topic_admin *a, struct topic *p)
{
    struct topic_partition *x = topic_partition(p, a->partition);
    if (p->internal && !a->internal)
        return REFUSE(a, INVALID_TOPIC_EXCEPTION, ST_USAGE, "the topic '%s' is the node's own", p->name);
    if (!x)
        return REFUSE(a, UNKNOWN_TOPIC_OR_PARTITION, ST_NOT_FOUND, "the topic '%s' has no partition %u", p->name,
                      a->partition);
    if (!(topic_config(p, TOPIC_CLEANUP_POLICY) & TOPIC_DELETE))
        return REFUSE(a, POLICY_VIOLATION, ST_USAGE, "the topic '%s' is compacted: its records are not deleted by offset",
                      p->name);
    int64_t high = store_log_high(x->log), to = a->offset == -1 ? high : a->offset;
    if (to < 0 || to > high)
        return REFUSE(a, OFFSET_OUT_OF_RANGE, ST_USAGE, "partition %u of '%s' ends at %lld", a->partition, p->name,
                      (long long)high);
    enum status st = partition_trim(x, to, &a->error);
    a->low = store_log_start(x->log);
    (void)t;
    return answer(a, topic_kafka(st), st);
}

enum status partition_trim(struct topic_partition *x, int64_t start, struct error *err)
{
    uint64_t before = store_log_bytes(x->log);
    if (start > store_log_start(x->log))
        TRY(snapshot_keep(x, err));
    TRY(store_log_trim(x->log, start, err));
    atomic_fetch_add(&x->topic->counts.trimmed_bytes, before - store_log_bytes(x->log));
    lock_take(&x->lock);
    producers_trim(&x->producers, store_log_start(x->log));
    lock_give(&x->lock);
    return ST_OK;
}

static enum status run_on(struct topics *t, struct topic_admin *a, struct topic *p)
{
    memcpy(a->id, p->id, 16);
    switch (a->kind) {
    case TOPIC_ADMIN_REMOVE: return remove_topic(t, a, p);
    case TOPIC_ADMIN_GROW: return grow(t, a, p);
    case TOPIC_ADMIN_ALTER: return alter(t, a, p);
    case TOPIC_ADMIN_TRIM: return trim(t, a, p);
    default: return REFUSE(a, INVALID_REQUEST, ST_USAGE, "there is no such command");
    }
}

void admin_run(struct topics *t, struct topic_admin *a)
{
    enum status st;
    a->kafka = 0;
    a->low = -1;
    error_clear(&a->error);
    if (a->kind == TOPIC_ADMIN_CREATE) {
        st = create(t, a);
    } else {
        struct topic *p = topics_find(t, a->name);
        st = p ? run_on(t, a, p)
               : REFUSE(a, UNKNOWN_TOPIC_OR_PARTITION, ST_NOT_FOUND, "there is no topic '%.*s'",
                        (int)(a->name.len < 255 ? a->name.len : 255), a->name.ptr);
        topic_unref(p);
    }
    if (st == ST_OK)
        error_clear(&a->error);
    else if (a->kafka == 0)
        a->kafka = topic_kafka(st);
    a->done(a);
}
