/* Snapshots: the state at an epoch as one file, folded from the older snapshot and the journals since.
 *
 * A snapshot is a journal file whose records are marked pieces: 'P' and a payload of sorted PUTs (about 1 MiB),
 * and at the end one 'E' with an index: u32 number of pieces, then for each u64 end of its record in the file, u32
 * length, u32 crc32c (mark and payload). The index is what makes the file a whole one, and what lets the next fold
 * pull piece after piece from the middle of the file without holding it in memory. It is kept in memory for the
 * newest snapshot.
 *
 * Making one, beside the commits: a new journal is begun first, so that what is folded lies in closed files. The pieces
 * go to snapshot-<epoch>.tmp, which is synced, renamed, and the directory synced; only then is anything deleted:
 * snapshots before the newest two, and journals that end at or before the older of these. One is due when the deltas
 * since the last are more than twice its size: so a fold, which reads both, writes at most a third of what it reads.
 *
 * The fold's memory is its own budget below the job's, with half of the room that is left: a snapshot that needs more
 * is abandoned and tried again when the deltas have doubled; the job never fails for it. */
#include "job/job_private.h"

#include <inttypes.h>
#include <stdio.h>

#define MARK_PIECE 'P'
#define MARK_END 'E'
#define PIECE_INDEX_BYTES 16u

void snapshot_index_release(struct snapshot_index *x, struct budget *b)
{
    mem_free(b, x->pieces, x->cap * sizeof *x->pieces);
    *x = (struct snapshot_index){ 0 };
}

static bool index_add(struct snapshot_index *x, struct budget *b, struct snapshot_piece p)
{
    if (x->n == x->cap) {
        uint32_t cap = x->cap ? x->cap * 2 : 16;
        struct snapshot_piece *at = mem_realloc(b, x->pieces, x->cap * sizeof *at, cap * sizeof *at);
        if (!at)
            return false;
        x->pieces = at;
        x->cap = cap;
    }
    x->pieces[x->n++] = p;
    return true;
}

/* ---- reading a whole one ---- */

struct reading {
    struct statedir *d;
    const char *path;
    payload_visit *visit;
    void *arg;
    struct snapshot_index index; /* from the end record; ends and lengths are checked against what was read */
    uint32_t seen;
    bool ended;
};

static enum status read_end(struct reading *x, struct str payload, struct error *err)
{
    struct reader in = reader_make(payload.ptr + 1, payload.len - 1);
    uint32_t n;
    if (!read_u32(&in, &n) || n != x->seen || (size_t)(in.end - in.at) != (size_t)n * PIECE_INDEX_BYTES)
        return error_set(err, ST_CORRUPT, "the state file '%s' is damaged: its end does not count its pieces", x->path);
    for (uint32_t i = 0; i < n; i++) {
        struct snapshot_piece p;
        CHECK(read_u64(&in, &p.end) && read_u32(&in, &p.len) && read_u32(&in, &p.crc));
        if (!index_add(&x->index, x->d->budget, p))
            return budget_error(x->d->budget, sizeof p, err);
    }
    x->ended = true;
    return ST_OK;
}

static enum status read_record(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    (void)sequence;
    struct reading *x = arg;
    if (!x->ended && payload.len > 1 && payload.ptr[0] == MARK_PIECE) {
        x->seen++;
        return x->visit(x->arg, str_make(payload.ptr + 1, payload.len - 1), err);
    }
    if (!x->ended && payload.len > 1 && payload.ptr[0] == MARK_END)
        return read_end(x, payload, err);
    return error_set(err, ST_CORRUPT, "the state file '%s' is damaged: an unknown record", x->path);
}

enum status snapshot_read(struct statedir *d, uint64_t epoch, payload_visit *visit, void *arg, struct error *err)
{
    char path[STATEDIR_PATH];
    statedir_file_path(d, STATEDIR_SNAPSHOT, epoch, "", path);
    struct reading x = { .d = d, .path = path, .visit = visit, .arg = arg };
    struct journal_found found = { 0 };
    enum status st = journal_read(d->os, path, STATEDIR_MAX_RECORD, d->budget, read_record, &x, &found, err);
    if (st == ST_OK && found.id != d->id) {
        st = error_set(err, ST_MISMATCH, "the state file '%s' belongs to another job", path);
        error_place(err, path, 0, 0, -1);
    } else if (st == ST_OK && (found.torn || !x.ended)) {
        st = statedir_rot(path, found.end.bytes, "it ends before its last record", err);
    } else if (st == ST_CORRUPT && err && !err->place[0]) {
        error_place(err, path, 0, 0, -1);
    }
    if (st != ST_OK) {
        snapshot_index_release(&x.index, d->budget);
        return st;
    }
    x.index.bytes = found.end.bytes;
    snapshot_index_release(&d->newest, d->budget);
    d->newest = x.index;
    return ST_OK;
}

/* ---- what goes into a fold ---- */

/* Pieces of the newest snapshot, one after another. */
struct old_pieces {
    struct statedir *d;
    char path[STATEDIR_PATH];
    struct os_file *file;
    struct buf bytes;
    uint32_t next;
};

static enum status next_old(void *arg, struct str *ret, struct error *err)
{
    struct old_pieces *o = arg;
    if (o->next == o->d->newest.n) {
        *ret = (struct str){ NULL, 0 };
        return ST_OK;
    }
    const struct snapshot_piece *p = &o->d->newest.pieces[o->next++];
    size_t got;
    buf_clear(&o->bytes);
    if (!buf_reserve(&o->bytes, p->len))
        return budget_error(o->bytes.budget, p->len, err);
    if (p->len > p->end)
        return statedir_rot(o->path, p->end, "its index is wrong", err);
    TRY(os_pread(o->d->os, o->file, o->bytes.data, p->len, p->end - p->len, &got, err));
    if (got < p->len || crc32c(0, o->bytes.data, p->len) != p->crc)
        return statedir_rot(o->path, p->end - p->len, "a piece fails its checksum", err);
    *ret = str_make(o->bytes.data + 1, p->len - 1);
    return ST_OK;
}

/* Deltas since, all in memory. */
struct delta_list {
    struct arena arena;
    ARRAY(struct str) payloads;
};

static enum status keep_delta(void *arg, struct str payload, struct error *err)
{
    struct delta_list *l = arg;
    if (payload.len == 0)
        return ST_OK;
    struct str copy = arena_str(&l->arena, payload), *place = array_add(&l->payloads, &l->arena);
    if (!copy.ptr || !place)
        return budget_error(l->arena.budget, payload.len, err);
    *place = copy;
    return ST_OK;
}

/* ---- what comes out ---- */

struct writing {
    struct statedir *d;
    struct journal *journal;
    struct snapshot_index index;
};

static enum status write_piece(void *arg, struct str payload, struct error *err)
{
    struct writing *w = arg;
    static const char mark[1] = { MARK_PIECE };
    struct str parts[2] = { { mark, 1 }, payload };
    struct journal_position at;
    if (payload.len >= UINT32_MAX)
        return error_set(err, ST_LIMIT, "a piece of a snapshot is too large");
    TRY(journal_append(w->journal, parts, 2, &at, err));
    struct snapshot_piece p = { at.bytes, (uint32_t)payload.len + 1,
                                crc32c(crc32c(0, mark, 1), payload.ptr, payload.len) };
    return index_add(&w->index, w->d->budget, p) ? ST_OK : budget_error(w->d->budget, sizeof p, err);
}

static enum status write_end(struct writing *w, struct error *err)
{
    struct buf end;
    buf_init(&end, w->d->budget, STATEDIR_MAX_RECORD);
    bool ok = buf_put_u8(&end, MARK_END) && buf_put_u32(&end, w->index.n);
    for (uint32_t i = 0; ok && i < w->index.n; i++) {
        const struct snapshot_piece *p = &w->index.pieces[i];
        ok = buf_put_u64(&end, p->end) && buf_put_u32(&end, p->len) && buf_put_u32(&end, p->crc);
    }
    struct str part = buf_str(&end);
    struct journal_position at;
    enum status st = ok ? journal_append(w->journal, &part, 1, &at, err) : budget_error(w->d->budget, end.len, err);
    if (st == ST_OK) {
        w->index.bytes = at.bytes;
        st = journal_sync(w->journal, err);
    }
    buf_release(&end);
    return st;
}

static enum status fold_into(struct statedir *d, struct writing *w, struct error *err)
{
    struct budget own;
    uint64_t after = d->snapshots.count ? d->snapshots.at[d->snapshots.count - 1] : 0;
    budget_init(&own, "snapshot", budget_left(d->budget) / 2, d->budget);
    struct delta_list deltas = { 0 };
    struct old_pieces old = { .d = d };
    arena_init(&deltas.arena, &own);
    buf_init(&old.bytes, &own, STATEDIR_MAX_RECORD);
    enum status st = statedir_deltas(d, after, d->making.epoch, false, keep_delta, &deltas, err);
    if (st == ST_OK && after) {
        statedir_file_path(d, STATEDIR_SNAPSHOT, after, "", old.path);
        st = os_open(d->os, old.path, OS_READ, &old.file, err);
    }
    struct fold_input in_old = { after ? next_old : NULL, &old };
    if (st == ST_OK)
        st = state_fold(in_old, deltas.payloads.at, deltas.payloads.count, &own, write_piece, w, err);
    arena_release(&deltas.arena);
    buf_release(&old.bytes);
    os_close(d->os, old.file);
    return st;
}

/* The whole file under its temporary name, synced. */
static enum status write_file(struct statedir *d, const char *path, struct snapshot_index *ret, struct error *err)
{
    struct writing w = { .d = d };
    enum status st = journal_create(d->os, path, d->id, 1, d->budget, &w.journal, err);
    if (st == ST_OK)
        st = fold_into(d, &w, err);
    if (st == ST_OK)
        st = write_end(&w, err);
    journal_close(w.journal);
    if (st == ST_OK)
        *ret = w.index;
    else
        snapshot_index_release(&w.index, d->budget);
    return st;
}

/* ---- the steps of making one ---- */

static enum status unlink_missing_ok(struct statedir *d, const char *path, struct error *err)
{
    enum status st = d->os->ops->unlink(d->os, path, err);
    if (st != ST_NOT_FOUND)
        return st;
    error_clear(err);
    return ST_OK;
}

/* New commits go to a new journal. When one cannot be had now, none may stay behind: its name would end the old one. */
static enum status switch_journal(struct statedir *d, struct error *err)
{
    char path[STATEDIR_PATH];
    struct journal *next;
    if (d->journals.at[d->journals.count - 1] == d->epoch + 1)
        return ST_OK; /* still empty, since an abandoned attempt */
    if (!statedir_add(d, STATEDIR_JOURNAL, d->epoch + 1))
        return budget_error(d->budget, sizeof(uint64_t), err);
    statedir_file_path(d, STATEDIR_JOURNAL, d->epoch + 1, "", path);
    enum status st = journal_create(d->os, path, d->id, d->epoch + 1, d->budget, &next, err);
    if (st == ST_OK) {
        journal_close(d->journal);
        d->journal = next;
        return ST_OK;
    }
    d->journals.count--;
    if (st == ST_MEMORY || st == ST_FULL) {
        TRY(unlink_missing_ok(d, path, err));
        TRY(d->os->ops->sync_dir(d->os, d->path, err));
    }
    return st;
}

/* What is older than the newest two snapshots, oldest first. */
static enum status remove_old(struct statedir *d, struct error *err)
{
    char path[STATEDIR_PATH];
    bool removed = false;
    while (d->snapshots.count > 2) {
        statedir_file_path(d, STATEDIR_SNAPSHOT, d->snapshots.at[0], "", path);
        TRY(unlink_missing_ok(d, path, err));
        memmove(d->snapshots.at, d->snapshots.at + 1, --d->snapshots.count * sizeof *d->snapshots.at);
        removed = true;
    }
    uint64_t oldest = d->snapshots.at[0];
    while (d->snapshots.count == 2 && d->journals.count > 1 && d->journals.at[1] <= oldest + 1) {
        statedir_file_path(d, STATEDIR_JOURNAL, d->journals.at[0], "", path);
        TRY(unlink_missing_ok(d, path, err));
        memmove(d->journals.at, d->journals.at + 1, --d->journals.count * sizeof *d->journals.at);
        removed = true;
    }
    return removed ? d->os->ops->sync_dir(d->os, d->path, err) : ST_OK;
}

static bool is_due(const struct statedir *d)
{
    uint64_t least = d->newest.bytes > d->min_snapshot_bytes / 2 ? d->newest.bytes * 2 : d->min_snapshot_bytes;
    return d->delta_bytes > least && d->delta_bytes > d->retry_bytes;
}

static void abandon(struct statedir *d)
{
    atomic_fetch_add_explicit(&d->abandoned, 1, memory_order_relaxed);
    d->retry_bytes = d->delta_bytes > UINT64_MAX / 2 ? UINT64_MAX : d->delta_bytes * 2;
}

static bool is_refusal(enum status st) { return st == ST_MEMORY || st == ST_FULL; }

enum status snapshot_begin(struct statedir *d, bool force, bool *ret_due, struct error *err)
{
    uint64_t newest = d->snapshots.count ? d->snapshots.at[d->snapshots.count - 1] : 0;
    *ret_due = false;
    if (d->epoch == newest || (!force && !is_due(d)))
        return ST_OK;
    enum status st = switch_journal(d, err);
    if (is_refusal(st)) {
        error_clear(err);
        abandon(d);
        return ST_OK;
    }
    TRY(st);
    snapshot_index_release(&d->making.index, d->budget);
    d->making.epoch = d->epoch;
    d->making.delta_bytes = d->delta_bytes;
    d->making.abandoned = false;
    *ret_due = true;
    return ST_OK;
}

enum status snapshot_make(struct statedir *d, struct error *err)
{
    char temp[STATEDIR_PATH], path[STATEDIR_PATH];
    statedir_file_path(d, STATEDIR_SNAPSHOT, d->making.epoch, ".tmp", temp);
    statedir_file_path(d, STATEDIR_SNAPSHOT, d->making.epoch, "", path);
    TRY(unlink_missing_ok(d, temp, err));
    enum status st = write_file(d, temp, &d->making.index, err);
    if (is_refusal(st)) {
        error_clear(err);
        (void)d->os->ops->unlink(d->os, temp, NULL); /* else the next attempt or open takes it away */
        d->making.abandoned = true;
        return ST_OK;
    }
    TRY(st);
    TRY(d->os->ops->rename(d->os, temp, path, err));
    return d->os->ops->sync_dir(d->os, d->path, err);
}

enum status snapshot_finish(struct statedir *d, struct error *err)
{
    if (d->making.abandoned || !statedir_add(d, STATEDIR_SNAPSHOT, d->making.epoch)) {
        abandon(d);
        return ST_OK;
    }
    snapshot_index_release(&d->newest, d->budget);
    d->newest = d->making.index;
    d->making.index = (struct snapshot_index){ 0 };
    d->delta_bytes -= d->making.delta_bytes;
    d->retry_bytes = 0;
    atomic_fetch_add_explicit(&d->n_snapshots, 1, memory_order_relaxed);
    return remove_old(d, err);
}
