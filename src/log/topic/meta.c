/* The internal partition: small facts that must survive, as keyed records; a later one of a key is the truth.
 *
 *   key                              value
 *   1                                cluster: id 16 bytes
 *   2                                producer ids: first one that is not given out, u64
 *   3, topic id 16                   topic: name, flags, partitions, count, {configuration name, text}; null: deleted
 *   4, topic id 16, partition u32,   producers of a partition, as of an offset: snapshot.c
 *      piece
 *
 * A value begins with its version, a byte: 1. Numbers are varints but where it says u; little-endian. Replay reads from the
 * partition's start to its end and takes each record in order, so a new piece 0 takes the place of all older pieces.
 *
 * Compaction (meta_compact): when more has been written than twice what is alive, everything that is alive is written again,
 * and the start moves there. */
#include "topic/private.h"

enum { VERSION = 1, KIND_CLUSTER = 1, KIND_IDS = 2, KIND_TOPIC = 3, KIND_PRODUCERS = 4 };
enum { FLAG_INTERNAL = 1, BATCH_BYTES = 1 << 20, BATCH_MAX = 32 << 20, KEY_MAX = 64 };

const uint8_t meta_id[16] = { [15] = 1 }; /* the id that Kafka keeps for its own metadata */

/* ---- writing ---- */

void meta_begin(struct meta_batch *m, struct topics *t)
{
    memset(m, 0, sizeof *m);
    m->node = t;
    buf_init(&m->key, t->budget, KEY_MAX);
    buf_init(&m->value, t->budget, BATCH_MAX);
    buf_init(&m->out, t->budget, (size_t)1 << 30);
}

void meta_end(struct meta_batch *m)
{
    record_builder_free(m->builder);
    buf_release(&m->key);
    buf_release(&m->value);
    buf_release(&m->out);
}

static enum status no_memory(const struct topics *t, size_t bytes, struct error *err)
{
    return budget_error(t->budget ? t->budget : budget_process(), bytes, err);
}

/* The record in key and value; `present` false: a tombstone. */
static enum status put(struct meta_batch *m, bool ok, bool present, struct error *err)
{
    struct topics *t = m->node;
    struct record r = { .offset = -1, .timestamp_ms = os_wall_ms(t->os), .key = buf_str(&m->key) };
    bool full = false;
    if (!ok)
        return no_memory(t, m->value.len, err);
    if (present)
        r.value = buf_str(&m->value);
    if (!m->builder)
        TRY(record_builder_new(RECORD_PLAIN, BATCH_MAX, t->budget, &m->builder, err));
    TRY(record_builder_add(m->builder, &r, &full, err));
    if (full) {
        TRY(record_builder_finish(m->builder, RECORD_NO_PRODUCER, &m->out, err));
        TRY(record_builder_add(m->builder, &r, &full, err));
    }
    if (record_builder_bytes(m->builder) >= BATCH_BYTES)
        TRY(record_builder_finish(m->builder, RECORD_NO_PRODUCER, &m->out, err));
    buf_clear(&m->key);
    buf_clear(&m->value);
    return ST_OK;
}

static bool key(struct meta_batch *m, uint8_t kind, const uint8_t *id)
{
    buf_clear(&m->key);
    buf_clear(&m->value);
    return buf_put_u8(&m->key, kind) && (!id || buf_put(&m->key, id, 16)) && buf_put_u8(&m->value, VERSION);
}

enum status meta_put_cluster(struct meta_batch *m, const uint8_t id[16], struct error *err)
{
    return put(m, key(m, KIND_CLUSTER, NULL) && buf_put(&m->value, id, 16), true, err);
}

enum status meta_put_ids(struct meta_batch *m, int64_t next, struct error *err)
{
    return put(m, key(m, KIND_IDS, NULL) && buf_put_u64(&m->value, (uint64_t)next), true, err);
}

enum status meta_put_topic(struct meta_batch *m, const struct topic *p, const struct config *c, uint32_t partitions,
                           struct error *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < TOPIC_CONFIGS; i++)
        n += c->text[i] != NULL;
    bool ok = key(m, KIND_TOPIC, p->id) && buf_put_str(&m->value, topic_name(p)) &&
              buf_put_u8(&m->value, p->internal ? FLAG_INTERNAL : 0) && buf_put_varint(&m->value, partitions) &&
              buf_put_varint(&m->value, n);
    for (uint32_t i = 0; i < TOPIC_CONFIGS && ok; i++) {
        if (c->text[i])
            ok = buf_put_str(&m->value, str_from(topic_config_spec((enum topic_config_key)i)->name)) &&
                 buf_put_str(&m->value, str_from(c->text[i]));
    }
    return put(m, ok, true, err);
}

enum status meta_put_removal(struct meta_batch *m, const struct topic *p, struct error *err)
{
    return put(m, key(m, KIND_TOPIC, p->id), false, err);
}

enum status meta_put_producers(struct meta_batch *m, const struct topic_partition *p, uint32_t piece, struct str value,
                               struct error *err)
{
    bool ok = key(m, KIND_PRODUCERS, p->topic->id) && buf_put_u32(&m->key, p->index) &&
              buf_put_varint(&m->key, piece) && buf_put(&m->value, value.ptr, value.len);
    return put(m, ok, true, err);
}

enum status meta_group(struct meta_batch *m, struct topic_group *g, struct error *err)
{
    struct topics *t = m->node;
    if (m->builder && record_builder_count(m->builder) > 0)
        TRY(record_builder_finish(m->builder, RECORD_NO_PRODUCER, &m->out, err));
    struct shared *bytes = shared_new(t->budget, (uint32_t)m->out.len);
    if (!bytes)
        return no_memory(t, m->out.len, err);
    if (m->out.len)
        memcpy(bytes->data, m->out.data, m->out.len);
    bytes->len = (uint32_t)m->out.len;
    enum status st = topic_group_append(g, topic_partition(t->meta.topic, 0), bytes, 0, bytes->len, err);
    shared_unref(bytes);
    return st;
}

/* ---- from a group to its fate, for the writer ---- */

struct fate {
    bool done;
    enum status st;
    struct error *err;
};

static void decided(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    struct fate *f = arg;
    f->done = true;
    f->st = st;
    if (st != ST_OK && f->err)
        *f->err = *err;
    topic_group_free(g);
}

enum status group_commit(struct topic_group *g, int64_t *ret_base, struct error *err)
{
    struct topics *t = g->node;
    struct fate f = { .err = err };
    int16_t kafka;
    enum status st = topic_group_submit(g, decided, &f, &kafka, err);
    if (st != ST_OK) {
        topic_group_free(g);
        return st;
    }
    if (ret_base)
        *ret_base = topic_group_offset(g, 0);
    while (!f.done) { /* a store that has failed for good ends all groups */
        bool more;
        enum status now = store_commit_step(t->store, &more, st == ST_OK ? err : NULL);
        st = st == ST_OK ? now : st;
    }
    return f.st != ST_OK ? f.st : st;
}

enum status meta_commit(struct meta_batch *m, struct error *err)
{
    struct topics *t = m->node;
    struct topic_group *g = topic_group_new(t, t->budget);
    if (!g)
        return no_memory(t, sizeof *g, err);
    enum status st = meta_group(m, g, err);
    if (st == ST_OK)
        return group_commit(g, NULL, err);
    topic_group_free(g);
    return st;
}

/* ---- replay ---- */

static enum status strange(const struct topics *t, const struct record *r, struct error *err)
{
    error_set(err, ST_CORRUPT, "the record at offset %lld of the node's own partition is none that this version knows",
              (long long)r->offset);
    error_hint(err, "nothing has been changed; a newer version of Weir may have written '%s'", t->options.path);
    return ST_CORRUPT;
}

static enum status replay_config(struct topics *t, struct topic *p, struct reader *r, struct error *err)
{
    uint64_t n;
    struct config c;
    struct topic_config_change ch = { .op = TOPIC_SET };
    if (!read_varint(r, &n) || n > TOPIC_CONFIGS)
        return ST_CORRUPT;
    config_init(&c, &t->config);
    enum status st = ST_OK;
    while (st == ST_OK && n-- > 0)
        st = read_str(r, &ch.name) && read_str(r, &ch.value) ? config_change(&c, &t->config, &ch, 1, t->budget, err)
                                                             : ST_CORRUPT;
    if (st != ST_OK) {
        config_release(&c, t->budget);
        return st;
    }
    topic_configure(p, &c);
    return ST_OK;
}

static enum status replay_topic(struct topics *t, const uint8_t *id, const struct record *rec, struct error *err)
{
    struct reader r = reader_make(rec->value.ptr, rec->value.len);
    struct topic *p = topics_find_id(t, id);
    struct str name;
    uint64_t n;
    uint8_t version, flags;
    topic_unref(p); /* nobody else is here */
    if (!rec->value.ptr) {
        if (p)
            registry_remove(t, p);
        return ST_OK;
    }
    if (!read_u8(&r, &version) || version != VERSION || !read_str(&r, &name) || !read_u8(&r, &flags) ||
        !read_varint(&r, &n) || n > UINT32_MAX || topic_name_check(name, NULL) != ST_OK)
        return strange(t, rec, err);
    bool fresh = !p;
    if (fresh) {
        p = topic_make(t, name, id, err);
        if (!p)
            return ST_MEMORY;
        p->internal = flags & FLAG_INTERNAL;
    }
    enum status st = ST_OK;
    for (uint32_t i = p->made; st == ST_OK && i < n; i++) {
        struct store_id sid = { .partition = i };
        memcpy(sid.topic, id, 16);
        st = topic_add_partition(p, store_log_find(t->store, &sid), err);
    }
    if (st == ST_OK)
        st = replay_config(t, p, &r, err);
    if (st == ST_CORRUPT)
        st = strange(t, rec, err);
    if (fresh && st != ST_OK)
        topic_unref(p);
    else if (fresh)
        registry_add(t, p);
    if (st == ST_OK)
        registry_show(p, p->made);
    return st;
}

static enum status replay_producers(struct topics *t, struct reader *key, const struct record *rec, struct error *err)
{
    struct reader r = reader_make(rec->value.ptr, rec->value.len);
    const void *id;
    uint32_t index;
    uint64_t piece;
    uint8_t version;
    if (!read_bytes(key, 16, &id) || !read_u32(key, &index) || !read_varint(key, &piece) || !read_u8(&r, &version) ||
        version != VERSION)
        return strange(t, rec, err);
    struct topic *p = topics_find_id(t, id);
    struct topic_partition *x = p ? topic_partition(p, index) : NULL;
    topic_unref(p);
    if (!x)
        return ST_OK; /* deleted meanwhile */
    enum status st = topic_snapshot_read(x, (uint32_t)piece, &r, err);
    return st == ST_CORRUPT ? strange(t, rec, err) : st;
}

static enum status replay_record(void *arg, const struct record_batch *b, const struct record *rec, struct error *err)
{
    (void)b;
    struct topics *t = arg;
    struct reader k = reader_make(rec->key.ptr, rec->key.len), v = reader_make(rec->value.ptr, rec->value.len);
    const void *id;
    uint64_t n;
    uint8_t kind = 0, version = 0;
    if (!read_u8(&k, &kind))
        return strange(t, rec, err);
    switch (kind) {
    case KIND_CLUSTER:
        if (!read_u8(&v, &version) || version != VERSION || !read_bytes(&v, 16, &id))
            return strange(t, rec, err);
        memcpy(t->cluster, id, 16);
        t->meta.has_cluster = true;
        return ST_OK;
    case KIND_IDS:
        if (!read_u8(&v, &version) || version != VERSION || !read_u64(&v, &n) || n > INT64_MAX)
            return strange(t, rec, err);
        t->meta.ids_end = (int64_t)n;
        return ST_OK;
    case KIND_TOPIC: return read_bytes(&k, 16, &id) ? replay_topic(t, id, rec, err) : strange(t, rec, err);
    case KIND_PRODUCERS: return replay_producers(t, &k, rec, err);
    default: return strange(t, rec, err);
    }
}

enum status meta_open(struct topics *t, struct store_log *log, struct error *err)
{
    t->meta.topic = topic_make(t, STR("__weir_meta"), meta_id, err);
    if (!t->meta.topic)
        return ST_MEMORY;
    TRY(topic_add_partition(t->meta.topic, log, err));
    atomic_store(&t->meta.topic->n_parts, 1);
    return scan_records(topic_partition(t->meta.topic, 0), replay_record, t, err);
}
