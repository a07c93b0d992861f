/* Bad records: fail, skip and count, or into the dead-letter file as a line of JSON each (source, file, line, offset,
 * reason, bytes in base64).
 *
 * Lines wait in memory until their split's barrier seals them, so that a line belongs to the same epoch as the
 * position behind its record. The layer around the commit log appends the sealed lines to the file, syncs it and adds
 * the file's length to the epoch's record, before the record is written. After a crash the file is cut to the length
 * that the newest record names, and the lines of what is read again are written again: each bad record stands there
 * once.
 *
 * What stood in the file before the job's first line stays. Its length then is kept in a small file in the state
 * directory ("WLETTER1", the length, a hash of both), written before the first line: a crash before the first commit
 * goes back to it. */
#include "engine/engine_private.h"

#include <stdio.h>

#define LINES_MAX (256u << 20)
#define BASE_BYTES 24u

static const char base_magic[] = "WLETTER1";

struct letter {
    struct str source, file; /* whose barrier seals it */
    struct str line;
    struct letter *next;
};

struct dead_letters {
    struct commit_log log;
    struct commit_log *inner; /* NULL: commits are not kept */
    struct os *os;
    struct budget *budget;
    enum bad_input policy;
    struct arena names; /* of path and base */
    struct str path, base;
    struct letters_end *end; /* not durable: where the next line goes */
    struct os_file *file;
    uint64_t length; /* of the file, committed */
    atomic_flag lock; /* bad records are rare: a spin is enough */
    struct arena arena; /* letters that wait; reset when there are none */
    struct letter *waiting, **tail;
    struct buf sealed;
    atomic_uint_fast64_t count;
    bool durable;
    bool refused; /* memory: told at the next take */
};

static const struct str store_id = STR_INIT("dead-letters");

static void lock(struct dead_letters *d)
{
    while (atomic_flag_test_and_set_explicit(&d->lock, memory_order_acquire))
        ;
}
static void unlock(struct dead_letters *d) { atomic_flag_clear_explicit(&d->lock, memory_order_release); }

uint64_t dead_letters_count(const struct dead_letters *d)
{
    return d ? atomic_load(&((struct dead_letters *)(uintptr_t)d)->count) : 0;
}

/* ---- taking ---- */

static bool put_line(struct buf *out, const struct bad_record *bad)
{
    return buf_printf(out, "{\"source\":") && json_put_string(out, bad->source) && buf_printf(out, ",\"file\":") &&
           json_put_string(out, bad->file) &&
           buf_printf(out, ",\"line\":%llu,\"offset\":%llu,\"reason\":", (unsigned long long)bad->line,
                      (unsigned long long)bad->offset) &&
           json_put_string(out, bad->reason) && buf_printf(out, ",\"bytes\":\"") &&
           base64_encode(out, bad->bytes.ptr, bad->bytes.len) && buf_printf(out, "\"}\n");
}

static enum status keep(struct dead_letters *d, const struct bad_record *bad, struct error *err)
{
    struct buf line;
    buf_init(&line, d->budget, LINES_MAX);
    bool ok = put_line(&line, bad);
    lock(d);
    struct letter *l = ok ? ARENA_NEW(&d->arena, struct letter) : NULL;
    if (l) {
        l->source = arena_str(&d->arena, bad->source);
        l->file = arena_str(&d->arena, bad->file);
        l->line = arena_str(&d->arena, buf_str(&line));
        ok = l->source.ptr && l->file.ptr && l->line.ptr;
    }
    if (l && ok) {
        *d->tail = l;
        d->tail = &l->next;
    }
    unlock(d);
    buf_release(&line);
    return l && ok ? ST_OK : budget_error(d->budget, bad->bytes.len, err);
}

static enum status refuse(const struct bad_record *bad, struct error *err)
{
    error_set(err, ST_DATA, "%.*s", STR_ARG(bad->reason));
    char place[256];
    int n = bad->file.len ? snprintf(place, sizeof place, "%.*s", STR_ARG(bad->file))
                          : snprintf(place, sizeof place, "%.*s", STR_ARG(bad->source));
    if (n < 0)
        place[0] = 0;
    error_place(err, place, (uint32_t)bad->line, bad->column, (int64_t)bad->offset);
    error_hint(err, "--bad-input skip passes such records over, --dead-letter FILE keeps them");
    return ST_DATA;
}

enum status dead_letters_take(void *arg, const struct bad_record *bad, struct error *err)
{
    struct dead_letters *d = arg;
    if (d->policy == BAD_FAIL)
        return refuse(bad, err);
    atomic_fetch_add(&d->count, 1);
    return d->policy == BAD_DEAD_LETTER ? keep(d, bad, err) : ST_OK;
}

void dead_letters_seal(void *arg, struct str source, struct str split)
{
    struct dead_letters *d = arg;
    lock(d);
    for (struct letter **at = &d->waiting; *at;) {
        struct letter *l = *at;
        bool mine = str_eq(l->source, source) && (str_eq(l->file, split) || !d->durable);
        if (!mine) {
            at = &l->next;
            continue;
        }
        if (!buf_put(&d->sealed, l->line.ptr, l->line.len))
            d->refused = true;
        *at = l->next;
    }
    d->tail = &d->waiting;
    while (*d->tail)
        d->tail = &(*d->tail)->next;
    if (!d->waiting)
        arena_reset(&d->arena);
    unlock(d);
}

/* ---- the layer around the commit log ---- */

struct stripped {
    struct dead_letters *d;
    struct buf out;
    struct delta_writer writer;
};

static enum status strip(void *arg, const struct delta *delta, struct error *err)
{
    struct stripped *s = arg;
    if (str_eq(delta->store, store_id)) {
        if (delta->op == DELTA_PUT && delta->value.len == 8)
            memcpy(&s->d->length, delta->value.ptr, 8);
        return ST_OK;
    }
    return delta_write(&s->writer, delta) ? ST_OK : budget_error(s->d->budget, 0, err);
}

struct outer_visit {
    struct dead_letters *d;
    enum status (*visit)(void *arg, struct str payload, struct error *err);
    void *arg;
};

static enum status visit_stripped(void *arg, struct str payload, struct error *err)
{
    struct outer_visit *v = arg;
    if (str_find(payload, store_id, 0) < 0)
        return v->visit(v->arg, payload, err);
    struct stripped s = { .d = v->d };
    buf_init(&s.out, v->d->budget, SIZE_MAX);
    s.writer.out = &s.out;
    enum status st = delta_read(payload, strip, &s, err);
    if (st == ST_OK && !delta_end(&s.writer))
        st = budget_error(v->d->budget, 0, err);
    if (st == ST_OK && s.out.len)
        st = v->visit(v->arg, buf_str(&s.out), err);
    buf_release(&s.out);
    return st;
}

/* *ret_found false: none is kept yet. */
static enum status read_base(struct dead_letters *d, bool *ret_found, struct error *err)
{
    struct buf text;
    struct os_stat at;
    struct error ignored;
    *ret_found = false;
    error_clear(&ignored);
    if (!d->base.ptr || d->os->ops->stat(d->os, d->base.ptr, &at, &ignored) == ST_NOT_FOUND)
        return ST_OK;
    buf_init(&text, d->budget, BASE_BYTES);
    enum status st = os_read_file(d->os, d->base.ptr, BASE_BYTES, &text, err);
    if (st == ST_OK) {
        uint64_t length = 0, sum = 0;
        struct reader r = reader_make(text.data, text.len);
        const void *magic;
        if (read_bytes(&r, sizeof base_magic - 1, &magic) && !memcmp(magic, base_magic, sizeof base_magic - 1) &&
            read_u64(&r, &length) && read_u64(&r, &sum) && sum == hash_bytes(text.data, BASE_BYTES - 8)) {
            d->length = length;
            *ret_found = true;
        } else {
            st = error_set(err, ST_CORRUPT, "'%s' is damaged", d->base.ptr);
        }
    }
    buf_release(&text);
    return st;
}

static enum status write_base(struct dead_letters *d, struct error *err)
{
    struct buf text;
    buf_init(&text, d->budget, BASE_BYTES);
    bool ok = buf_put(&text, base_magic, sizeof base_magic - 1) && buf_put_u64(&text, d->length) &&
              buf_put_u64(&text, hash_bytes(text.data, text.len));
    enum status st = ok ? os_write_file(d->os, d->base.ptr, text.data, text.len, err)
                        : budget_error(d->budget, BASE_BYTES, err);
    buf_release(&text);
    return st;
}

/* Opens the file at the committed length; what lies beyond belongs to no commit. */
static enum status open_file(struct dead_letters *d, bool restored, bool based, struct error *err)
{
    TRY(os_open(d->os, d->path.ptr, OS_CREATE, &d->file, err));
    struct os_stat st;
    TRY(d->os->ops->fstat(d->os, d->file, &st, err));
    if (!d->durable) { /* lines are added to what is there */
        if (!d->end->known)
            atomic_store(&d->end->at, st.bytes);
        d->end->known = true;
        return os_sync_parent(d->os, d->path.ptr, err);
    }
    if (restored && st.bytes < d->length) {
        error_set(err, ST_MISMATCH, "the dead-letter file '%s' holds %llu bytes, the state directory knows %llu",
                  d->path.ptr, (unsigned long long)st.bytes, (unsigned long long)d->length);
        error_hint(err, "put the file back, or begin anew with another state directory");
        return ST_MISMATCH;
    }
    if (!restored && (!based || st.bytes < d->length)) {
        d->length = st.bytes;
        TRY(write_base(d, err));
    }
    if (st.bytes > d->length && (d->log.planted & JOB_BUG_LETTERS_KEPT))
        d->length = st.bytes;
    else if (st.bytes > d->length)
        TRY(d->os->ops->truncate(d->os, d->file, d->length, err));
    return os_sync_parent(d->os, d->path.ptr, err);
}

static enum status letters_restore(struct commit_log *l,
                                   enum status (*visit)(void *arg, struct str payload, struct error *err), void *arg,
                                   uint64_t *ret_epoch, struct error *err)
{
    struct dead_letters *d = (struct dead_letters *)l;
    uint64_t epoch = 0;
    bool based = false, writes = d->policy == BAD_DEAD_LETTER;
    struct outer_visit v = { d, visit, arg };
    if (writes && d->durable)
        TRY(read_base(d, &based, err));
    if (d->inner) {
        d->inner->planted = l->planted;
        TRY(d->inner->ops->restore(d->inner, visit_stripped, &v, &epoch, err));
    }
    if (writes)
        TRY(open_file(d, epoch > 0, based, err));
    *ret_epoch = epoch;
    return ST_OK;
}

static enum status write_sealed(struct dead_letters *d, struct error *err)
{
    lock(d);
    struct buf lines = d->sealed;
    bool refused = d->refused;
    buf_init(&d->sealed, d->budget, LINES_MAX);
    unlock(d);
    enum status st = refused ? budget_error(d->budget, 0, err) : ST_OK;
    if (st == ST_OK && lines.len && d->file) {
        uint64_t at = d->durable ? d->length : atomic_fetch_add(&d->end->at, lines.len);
        st = os_pwrite(d->os, d->file, lines.data, lines.len, at, err);
        if (st == ST_OK && !(d->log.planted & JOB_BUG_LETTERS_NO_SYNC))
            st = os_sync(d->os, d->file, err);
        if (st == ST_OK)
            d->length += lines.len;
    }
    buf_release(&lines);
    return st;
}

static enum status letters_commit(struct commit_log *l, uint64_t epoch, struct str payload, struct error *err)
{
    struct dead_letters *d = (struct dead_letters *)l;
    uint64_t before = d->length;
    TRY(write_sealed(d, err));
    if (!d->inner)
        return ST_OK;
    if (d->length == before)
        return d->inner->ops->commit(d->inner, epoch, payload, err);
    struct buf joined;
    buf_init(&joined, d->budget, SIZE_MAX);
    struct delta_writer w = { .out = &joined };
    struct delta put = {.op = DELTA_PUT,
                        .store = store_id,
                        .fingerprint = STR("length"),
                        .hash = hash_bytes("length", 6),
                        .key = STR("length"),
                        .value = {(const char *)&d->length, 8}};
    bool ok = buf_put(&joined, payload.ptr, payload.len) && delta_write(&w, &put) && delta_end(&w);
    enum status st = ok ? d->inner->ops->commit(d->inner, epoch, buf_str(&joined), err)
                        : budget_error(d->budget, payload.len, err);
    buf_release(&joined);
    return st;
}

static enum status letters_snapshot_begin(struct commit_log *l, bool force, bool *ret_due, struct error *err)
{
    struct commit_log *inner = ((struct dead_letters *)l)->inner;
    *ret_due = false;
    return inner && inner->ops->snapshot_begin ? inner->ops->snapshot_begin(inner, force, ret_due, err) : ST_OK;
}

static enum status letters_snapshot_make(struct commit_log *l, struct error *err)
{
    struct commit_log *inner = ((struct dead_letters *)l)->inner;
    return inner->ops->snapshot_make(inner, err);
}

static enum status letters_snapshot_finish(struct commit_log *l, struct error *err)
{
    struct commit_log *inner = ((struct dead_letters *)l)->inner;
    return inner->ops->snapshot_finish(inner, err);
}

static void letters_stats(const struct commit_log *l, uint64_t *ret_commits, uint64_t *ret_bytes,
                          uint64_t *ret_snapshots, uint64_t *ret_abandoned)
{
    const struct dead_letters *d = (const struct dead_letters *)l;
    *ret_commits = *ret_bytes = *ret_snapshots = *ret_abandoned = 0;
    if (d->inner)
        d->inner->ops->stats(d->inner, ret_commits, ret_bytes, ret_snapshots, ret_abandoned);
}

static void letters_close(struct commit_log *l)
{
    struct dead_letters *d = (struct dead_letters *)l;
    if (!d)
        return;
    if (d->inner)
        d->inner->ops->close(d->inner);
    os_close(d->os, d->file);
    buf_release(&d->sealed);
    arena_release(&d->arena);
    arena_release(&d->names);
    mem_free(d->budget, d, sizeof *d);
}

static const struct commit_log_ops letters_ops = {
    .restore = letters_restore, .commit = letters_commit, .snapshot_begin = letters_snapshot_begin,
    .snapshot_make = letters_snapshot_make, .snapshot_finish = letters_snapshot_finish, .stats = letters_stats,
    .close = letters_close,
};

enum status dead_letters_new(struct os *os, enum bad_input policy, const struct letters_place *place, struct budget *b,
                             struct commit_log *inner, struct dead_letters **ret, struct commit_log **ret_log,
                             struct error *err)
{
    struct dead_letters *d = mem_calloc(b, sizeof *d);
    if (!d)
        return budget_error(b, sizeof *d, err);
    d->log.ops = &letters_ops;
    d->os = os;
    d->budget = b;
    d->policy = policy;
    d->durable = inner != NULL;
    d->tail = &d->waiting;
    arena_init(&d->arena, b);
    buf_init(&d->sealed, b, LINES_MAX);
    arena_init(&d->names, b);
    d->end = place->end;
    d->path = place->path.ptr ? arena_str(&d->names, place->path) : place->path;
    d->base = place->base.ptr ? arena_str(&d->names, place->base) : place->base;
    if ((place->path.ptr && !d->path.ptr) || (place->base.ptr && !d->base.ptr)) {
        arena_release(&d->names);
        mem_free(b, d, sizeof *d);
        return budget_error(b, place->path.len, err);
    }
    d->inner = inner;
    *ret = d;
    *ret_log = &d->log;
    return ST_OK;
}
