/* The file of a segment's index, beside it: OFFSET-GENERATION.idx. It saves the walk over all heads after a restart.
 *
 *   magic "WEIRIDX1", version u32, count u32, base offset u64, generation u64, step u64, then entries {offset u64,
 *   max_ms u64, at u64, sum u32}, then CRC-32C of all before it; little-endian
 *
 * It is no truth: missing, damaged or of another life (a name that a crash took back) it is made again from the
 * segment. So it is written without care, in place and never synced, by tend: when a segment is sealed, when an active
 * one has grown by much, at a clean stop, and when a reader had to walk far. It may cover only the beginning: readers
 * walk on behind its last entry. */
#include "store/private.h"

#define MAGIC "WEIRIDX1"
enum { VERSION = 1, HEAD_BYTES = 40, ENTRY_BYTES = 28, FILE_MAX = HEAD_BYTES + STORE_INDEX_MAX * ENTRY_BYTES + 4 };

void index_want_saved(struct segment *g, uint64_t unsaved)
{
    struct store *s = g->log->store;
    if (!g->indexed || g->saving || g->index.count == 0 || g->bytes - g->saved < unsaved)
        return;
    g->saving = true;
    g->users++;
    g->save_next = s->saving;
    s->saving = g;
}

static bool put(struct buf *b, const struct segment *g, const struct index *x)
{
    bool ok = buf_put(b, MAGIC, 8) && buf_put_u32(b, VERSION) && buf_put_u32(b, x->count) &&
              buf_put_u64(b, (uint64_t)g->base) && buf_put_u64(b, g->generation) && buf_put_u64(b, x->step);
    for (uint32_t i = 0; ok && i < x->count; i++) {
        const struct index_entry *e = &x->entries[i];
        ok = buf_put_u64(b, (uint64_t)e->offset) && buf_put_u64(b, (uint64_t)e->max_ms) && buf_put_u64(b, e->at) &&
             buf_put_u32(b, e->sum);
    }
    return ok && buf_put_u32(b, crc32c(0, b->data, b->len));
}

/* The entries as they are now; their place in memory is made before the lock is taken. */
static bool copy(struct segment *g, struct index *ret, uint64_t *ret_covers)
{
    struct store *s = g->log->store;
    *ret = (struct index){ .cap = STORE_INDEX_MAX };
    ret->entries = mem_alloc(s->budget, STORE_INDEX_MAX * sizeof *ret->entries);
    if (!ret->entries)
        return false;
    store_lock(s);
    if (g->indexed && g->index.count > 0) {
        ret->count = g->index.count;
        ret->step = g->index.step;
        memcpy(ret->entries, g->index.entries, ret->count * sizeof *ret->entries);
    }
    *ret_covers = g->bytes;
    store_unlock(s);
    return ret->count > 0;
}

void index_save(struct segment *g)
{
    struct store *s = g->log->store;
    char path[STORE_PATH_MAX];
    struct os_file *f = NULL;
    struct buf b;
    struct index x;
    uint64_t covers = 0;
    buf_init(&b, s->budget, FILE_MAX);
    bool ok = copy(g, &x, &covers) && put(&b, g, &x);
    mem_free(s->budget, x.entries, x.cap * sizeof *x.entries);
    segment_index_path(g, path);
    if (ok && os_open(s->os, path, OS_CREATE, &f, NULL) == ST_OK) {
        ok = s->os->ops->truncate(s->os, f, 0, NULL) == ST_OK && os_pwrite(s->os, f, b.data, b.len, 0, NULL) == ST_OK;
        os_close(s->os, f);
        store_lock(s);
        g->saved = covers; /* also where that failed: it is not tried again at once, and it goes with its segment */
        g->no_file = g->no_file && !ok;
        store_unlock(s);
    }
    buf_release(&b);
}

static bool take(struct segment *g, uint64_t bytes, struct reader r, struct index *x)
{
    uint32_t version, count;
    uint64_t base, generation;
    const void *magic;
    struct store *s = g->log->store;
    struct index_entry before = { .offset = g->base, .max_ms = INT64_MIN, .at = STORE_SEGMENT_HEAD };
    if (!read_bytes(&r, 8, &magic) || memcmp(magic, MAGIC, 8) != 0 || !read_u32(&r, &version) || version != VERSION ||
        !read_u32(&r, &count) || !read_u64(&r, &base) || (int64_t)base != g->base || !read_u64(&r, &generation) ||
        generation != g->generation || !read_u64(&r, &x->step) || count == 0 || count > STORE_INDEX_MAX ||
        (size_t)(r.end - r.at) != (size_t)count * ENTRY_BYTES)
        return false;
    x->entries = mem_alloc(s->budget, count * sizeof *x->entries);
    if (!x->entries)
        return false;
    x->cap = count;
    for (; x->count < count; x->count++) {
        struct index_entry e = { .proven = false };
        uint64_t offset, max_ms;
        if (!read_u64(&r, &offset) || !read_u64(&r, &max_ms) || !read_u64(&r, &e.at) || !read_u32(&r, &e.sum))
            return false;
        e.offset = (int64_t)offset;
        e.max_ms = (int64_t)max_ms;
        bool rises = x->count == 0 ? e.at == before.at : e.at > before.at;
        if (!rises || e.at >= bytes || e.offset < before.offset || e.max_ms < before.max_ms)
            return false;
        x->entries[x->count] = before = e;
    }
    return true;
}

bool index_read(struct segment *g, uint64_t bytes, struct index *ret, struct error *err)
{
    struct store *s = g->log->store;
    char path[STORE_PATH_MAX];
    struct buf b;
    struct index x = { 0 };
    buf_init(&b, s->budget, FILE_MAX);
    segment_index_path(g, path);
    bool ok = os_read_file(s->os, path, FILE_MAX, &b, err) == ST_OK && b.len > 4;
    if (ok) {
        struct reader sum = reader_make(b.data + b.len - 4, 4);
        uint32_t crc;
        ok = read_u32(&sum, &crc) && crc == crc32c(0, b.data, b.len - 4) &&
             take(g, bytes, reader_make(b.data, b.len - 4), &x);
    }
    error_clear(err);
    buf_release(&b);
    if (!ok)
        mem_free(s->budget, x.entries, x.cap * sizeof *x.entries);
    else
        *ret = x;
    return ok;
}
