/* Deltas: what a store changed since the last epoch, as bytes; and the way back.
 *
 * A payload is a list of sections. A section: 0x53, store id (varint length, bytes), layout fingerprint (the same),
 * namespace u64, then operations, then 0x00. Operations: PUT 0x01 hash u64, key (varint length, bytes), value (varint
 * length, bytes); DELETE 0x02 hash u64, key; DROP 0x03. A value is the fixed part followed by each blob as u32 length
 * and bytes; the handles inside the fixed part are written as zeros.
 *
 * Order inside one store's delta: DROPs first, then DELETEs, then PUTs: a namespace or key that was removed and made
 * again in one epoch ends up present. */
#include "state/state_private.h"

#define SECTION 0x53

static bool begin_section(struct buf *out, struct str id, struct str fingerprint, int64_t ns)
{
    return buf_put_u8(out, SECTION) && buf_put_str(out, id) && buf_put_str(out, fingerprint) &&
           buf_put_u64(out, (uint64_t)ns);
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static uint64_t handle_at(const void *value, uint32_t offset)
{
    uint64_t h;
    memcpy(&h, (const uint8_t *)value + offset, 8);
    return h;
}

static size_t value_bytes(const struct table *t, struct entry *e)
{
    const struct store_layout *l = &t->store->layout;
    size_t n = l->value_bytes;
    for (uint32_t i = 0; i < l->n_blobs; i++)
        n += 4 + table_blob(t, handle_at(entry_value(t, e), l->blob_offsets[i])).len;
    return n;
}

/* One PUT, written straight into reserved room. */
static bool put_entry(const struct table *t, struct entry *e, struct buf *out)
{
    const struct store_layout *l = &t->store->layout;
    size_t n = value_bytes(t, e);
    struct str key = entry_key(t, e);
    if (!buf_reserve(out, 1 + 8 + 10 + key.len + 10 + n))
        return false;
    uint8_t *p = out->data + out->len;
    *p++ = DELTA_PUT;
    memcpy(p, &e->hash, 8);
    p = put_varint(p + 8, key.len);
    memcpy(p, key.ptr, key.len);
    p = put_varint(p + key.len, n);
    uint8_t *fixed = p;
    memcpy(p, entry_value(t, e), l->value_bytes);
    p += l->value_bytes;
    for (uint32_t i = 0; i < l->n_blobs; i++) {
        struct str blob = table_blob(t, handle_at(fixed, l->blob_offsets[i]));
        uint32_t len = (uint32_t)blob.len;
        memset(fixed + l->blob_offsets[i], 0, 8);
        memcpy(p, &len, 4);
        if (len)
            memcpy(p + 4, blob.ptr, len);
        p += 4 + len;
    }
    out->len = (size_t)(p - out->data);
    return true;
}

static bool put_removed(const struct table *t, struct buf *out)
{
    struct reader r = reader_make(t->removed.data, t->removed.len);
    uint64_t hash;
    struct str key;
    while (r.at < r.end) {
        if (!read_u64(&r, &hash) || !read_str(&r, &key))
            return false;
        if (!buf_put_u8(out, DELTA_DELETE) || !buf_put_u64(out, hash) || !buf_put_str(out, key))
            return false;
    }
    return true;
}

static bool table_delta(struct table *t, struct buf *out)
{
    const struct store_layout *l = &t->store->layout;
    if (!begin_section(out, l->id, l->fingerprint, t->ns) || !put_removed(t, out))
        return false;
    for (uint32_t i = 0; i < t->n_dirty; i++) {
        struct entry *e = t->dirty[i];
        if (i + 8 < t->n_dirty)
            __builtin_prefetch(t->dirty[i + 8]);
        if (!(e->flags & ENTRY_DEAD) && !put_entry(t, e, out))
            return false;
    }
    return buf_put_u8(out, 0);
}

static void forget_changes(struct table *t)
{
    for (uint32_t i = 0; i < t->n_dirty; i++) {
        struct entry *e = t->dirty[i];
        if (e->flags & ENTRY_DEAD) {
            table_free_entry(t, e);
            continue;
        }
        e->flags = (e->flags & ~(uint32_t)ENTRY_DIRTY) | ENTRY_SAVED;
        t->saved = true;
    }
    t->n_dirty = 0;
    buf_clear(&t->removed);
}

bool store_dirty(const struct store *s)
{
    if (s->n_drops)
        return true;
    for (uint32_t i = 0; i < s->n_tables; i++)
        if (s->tables[i]->n_dirty || s->tables[i]->removed.len)
            return true;
    return false;
}

enum status store_delta(struct store *s, struct buf *out, struct error *err)
{
    size_t start = out->len;
    for (uint32_t i = 0; i < s->n_drops; i++)
        if (!begin_section(out, s->layout.id, s->layout.fingerprint, s->drops[i]) || !buf_put_u8(out, DELTA_DROP) ||
            !buf_put_u8(out, 0))
            goto refused;
    for (uint32_t i = 0; i < s->n_tables; i++) {
        struct table *t = s->tables[i];
        if ((t->n_dirty || t->removed.len) && !table_delta(t, out))
            goto refused;
    }
    s->n_drops = 0;
    for (uint32_t i = 0; i < s->n_tables; i++)
        forget_changes(s->tables[i]);
    return ST_OK;
refused:
    out->len = start;
    return budget_error(out->budget, 0, err);
}

/* ---- reading ---- */

static enum status bad_delta(struct error *err)
{
    return error_set(err, ST_CORRUPT, "a state record does not parse");
}

static enum status read_section(struct reader *r, delta_visit *visit, void *arg, struct error *err)
{
    struct delta d = { 0 };
    uint64_t ns;
    if (!read_str(r, &d.store) || !read_str(r, &d.fingerprint) || !read_u64(r, &ns))
        return bad_delta(err);
    d.ns = (int64_t)ns;
    for (;;) {
        uint8_t op;
        const char *start = (const char *)r->at;
        if (!read_u8(r, &op))
            return bad_delta(err);
        if (op == 0)
            return ST_OK;
        d.op = (enum delta_op)op;
        d.key = d.value = (struct str){ NULL, 0 };
        d.hash = 0;
        if (op != DELTA_DROP && (op > DELTA_DROP || !read_u64(r, &d.hash) || !read_str(r, &d.key)))
            return bad_delta(err);
        if (op == DELTA_PUT && !read_str(r, &d.value))
            return bad_delta(err);
        d.bytes = (struct str){ start, (size_t)((const char *)r->at - start) };
        TRY(visit(arg, &d, err));
    }
}

enum status delta_read(struct str payload, delta_visit *visit, void *arg, struct error *err)
{
    struct reader r = reader_make(payload.ptr, payload.len);
    while (r.at < r.end) {
        uint8_t tag;
        if (!read_u8(&r, &tag) || tag != SECTION)
            return bad_delta(err);
        TRY(read_section(&r, visit, arg, err));
    }
    return ST_OK;
}

static bool open_section(struct delta_writer *w, const struct delta *d)
{
    if (w->open && w->ns == d->ns && str_eq(w->store, d->store))
        return true;
    if (w->open && !buf_put_u8(w->out, 0))
        return false;
    if (!begin_section(w->out, d->store, d->fingerprint, d->ns))
        return false;
    w->open = true;
    w->ns = d->ns;
    w->store = d->store;
    return true;
}

bool delta_write(struct delta_writer *w, const struct delta *d)
{
    if (!open_section(w, d) || !buf_put_u8(w->out, (uint8_t)d->op))
        return false;
    if (d->op != DELTA_DROP && (!buf_put_u64(w->out, d->hash) || !buf_put_str(w->out, d->key)))
        return false;
    return d->op != DELTA_PUT || buf_put_str(w->out, d->value);
}

bool delta_write_bytes(struct delta_writer *w, const struct delta *head, struct str bytes)
{
    return open_section(w, head) && buf_put(w->out, bytes.ptr, bytes.len);
}

bool delta_end(struct delta_writer *w)
{
    bool ok = !w->open || buf_put_u8(w->out, 0);
    w->open = false;
    return ok;
}

/* ---- restoring ---- */

static enum status apply_put(struct store *s, const struct delta *d, struct error *err)
{
    const struct store_layout *l = &s->layout;
    struct table *t = store_make(s, d->ns);
    bool is_new;
    struct entry *e = t ? table_find(t, d->hash, d->key) : NULL;
    is_new = !e;
    bool durable = s->durable;
    s->durable = false; /* what is restored is not dirty */
    if (is_new && t)
        e = table_put(t, d->hash, d->key, NULL);
    s->durable = durable;
    if (!e)
        return budget_error(s->budget, 0, err);
    struct reader r = reader_make(d->value.ptr, d->value.len);
    const void *fixed;
    if (!read_bytes(&r, l->value_bytes, &fixed))
        return bad_delta(err);
    uint8_t *value = entry_value(t, e);
    uint64_t handles[STORE_MAX_BLOBS];
    for (uint32_t i = 0; i < l->n_blobs; i++)
        handles[i] = handle_at(value, l->blob_offsets[i]);
    memcpy(value, fixed, l->value_bytes);
    for (uint32_t i = 0; i < l->n_blobs; i++) {
        uint32_t len;
        const void *bytes;
        bool parsed = read_u32(&r, &len) && read_bytes(&r, len, &bytes);
        bool kept = parsed && table_set_blob(t, &handles[i], bytes, len);
        memcpy(value + l->blob_offsets[i], &handles[i], 8);
        if (!kept)
            return parsed ? budget_error(s->budget, len, err) : bad_delta(err);
    }
    e->flags |= ENTRY_SAVED;
    t->saved = true;
    return r.at == r.end ? ST_OK : bad_delta(err);
}

enum status store_apply(struct store *s, const struct delta *d, uint32_t shard, uint32_t shards, struct error *err)
{
    if (!str_eq(d->fingerprint, s->layout.fingerprint))
        return error_set(err, ST_MISMATCH, "state of '%.*s' has the layout '%.*s', this job has '%.*s'",
                         STR_ARG(d->store), STR_ARG(d->fingerprint), STR_ARG(s->layout.fingerprint));
    bool mine = s->layout.broadcast || key_group_shard(hash_key_group(d->hash), shards) == shard;
    if (d->op == DELTA_PUT)
        return mine ? apply_put(s, d, err) : ST_OK;
    struct table *t = store_find(s, d->ns);
    if (!t)
        return ST_OK;
    bool durable = s->durable;
    s->durable = false;
    bool ok = true;
    if (d->op == DELTA_DROP) {
        ok = store_drop(s, d->ns);
    } else {
        struct entry *e = table_find(t, d->hash, d->key);
        ok = !e || table_remove(t, e);
    }
    s->durable = durable;
    return ok ? ST_OK : budget_error(s->budget, 0, err);
}
