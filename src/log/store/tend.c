/* The journal's files, syncing segments so that old ones can go, and the deletion of segments that are in no table.
 *
 * A file appears under its name with the state of all partitions as its first record, whole and synced: it is written
 * beside and renamed. The file before it has been synced by then and is never written again under its name.
 *
 * Files that are no longer needed are recycled: one lies by as `spare`, and becomes the next. A sync of bytes that a
 * file has already changes no metadata, which halves it, and deleting a file of 64 MiB can hold up every sync for a
 * tenth of a second. A file that says that all is well (STATE_CLEAN) is a new one: it ends where its record does, and
 * opens at once.
 *
 * When a segment's file goes. The record that takes it out of the table must be one that every recovery applies: in
 * strict mode it is when it is synced; in relaxed mode a recovery believes a record when a later one says that all it
 * names had been synced, and else looks whether that is there. So there the deletion waits for the later one. Deletions
 * are durable before the journal's files go that would repeat them.
 *
 * Which files are needed: an inline run makes its segment dirty. When all segments that were dirty while file n was the
 * newest have been synced, nothing needs the files before n: what they say stands in n's state, their bytes in segments. */
#include "store/private.h"

#include <stdio.h>

void journal_path(const struct store *s, uint64_t number, char *ret)
{
    snprintf(ret, STORE_PATH_MAX, "%s/journal/%020llu.jnl", s->path, (unsigned long long)number);
}

static void spare_path(const struct store *s, char *ret) { snprintf(ret, STORE_PATH_MAX, "%s/journal/spare", s->path); }

/* The file that lies by goes to `path`, if there is one. Until it has gone there let_go must not put another in its place, whose
 * new name is not durable: that one would be written over. */
static void spare_take(struct store *s, const char *path)
{
    char spare[STORE_PATH_MAX];
    store_lock(s);
    bool there = s->spare;
    store_unlock(s);
    if (!there)
        return;
    spare_path(s, spare);
    (void)s->os->ops->rename(s->os, spare, path, NULL);
    store_lock(s);
    s->spare = false;
    store_unlock(s);
}

/* A file that is needed no more lies by (*ret_spare), or is deleted when one does, or when it is small. */
static enum status let_go(struct store *s, const char *path, bool *ret_spare, struct error *err)
{
    char spare[STORE_PATH_MAX];
    struct os_stat stat = { 0 };
    spare_path(s, spare);
    store_lock(s);
    bool wanted = !s->spare;
    store_unlock(s);
    enum status st = wanted ? s->os->ops->stat(s->os, path, &stat, err) : ST_OK;
    *ret_spare = st == ST_OK && wanted && stat.bytes >= s->options.journal_bytes;
    if (st != ST_OK)
        return st;
    return *ret_spare ? s->os->ops->rename(s->os, path, spare, err) : s->os->ops->unlink(s->os, path, err);
}

/* The file with its state, beside its name. */
static enum status write_state(struct store *s, const char *path, uint32_t flags, uint64_t first, struct journal **ret,
                               struct error *err)
{
    struct journal *j;
    struct buf b;
    bool recycle = !(flags & STATE_CLEAN);
    if (s->options.durability == STORE_RELAXED)
        flags |= STATE_RELAXED;
    if (recycle)
        spare_take(s, path);
    enum status st = journal_create_beside(s->os, path, recycle, 0, first, s->budget, &j, err);
    if (st != ST_OK)
        return st;
    buf_init(&b, s->budget, STORE_RECORD_MAX);
    uint64_t settled = s->settled;
    if (flags & STATE_COMPLETE)
        s->settled = first;
    if (record_begin(&b, s) && record_put_state(&b, s, flags)) {
        struct str part = buf_str(&b);
        st = journal_append(j, &part, 1, NULL, err);
    } else {
        st = budget_error(s->budget ? s->budget : budget_process(), b.len, err);
    }
    if (st == ST_OK)
        st = journal_sync(j, err);
    if (st == ST_OK)
        s->told = s->settled;
    else
        s->settled = settled;
    buf_release(&b);
    if (st == ST_OK)
        *ret = j;
    else
        journal_close(j);
    return st;
}

/* The names above the journal's files, once a life: who made the directories may have died before they were durable, and
 * nothing is promised before the first file of a life. */
static enum status root_sync(struct store *s, struct error *err)
{
    if (s->rooted)
        return ST_OK;
    TRY(s->os->ops->sync_dir(s->os, s->path, err));
    TRY(os_sync_parent(s->os, s->path, err));
    s->rooted = true;
    return ST_OK;
}

enum status journal_start(struct store *s, uint32_t flags, uint64_t first_sequence, struct error *err)
{
    char beside[STORE_PATH_MAX + 8], path[STORE_PATH_MAX];
    struct journal *j;
    struct journal_file *f = mem_calloc(s->budget, sizeof *f);
    if (!f)
        return budget_error(s->budget ? s->budget : budget_process(), sizeof *f, err);
    f->number = s->files_last ? s->files_last->number + 1 : 1;
    journal_path(s, f->number, path);
    snprintf(beside, sizeof beside, "%s.next", path);
    enum status st = write_state(s, beside, flags, first_sequence, &j, err);
    if (st != ST_OK) {
        mem_free(s->budget, f, sizeof *f);
        return st;
    }
    /* From here on a failure is final: perhaps the new file is there, and the old one must not go on beside it. */
    st = s->os->ops->rename(s->os, beside, path, err);
    if (st == ST_OK)
        st = os_sync_parent(s->os, path, err);
    if (st == ST_OK)
        st = root_sync(s, err);
    if (st != ST_OK) {
        journal_close(j);
        mem_free(s->budget, f, sizeof *f);
        return store_break(s, st);
    }
    journal_renamed(j, path);
    journal_close(s->journal);
    s->journal = j;
    atomic_store(&s->newest, journal_end(j).sequence);
    journal_synced(s);
    store_lock(s);
    *(s->files_last ? &s->files_last->next : &s->files) = f;
    s->files_last = f;
    store_unlock(s);
    return ST_OK;
}

enum status journal_put(struct store *s, struct buf *b, struct error *err)
{
    struct str part = buf_str(b);
    TRY(store_broken(s, err));
    enum status st = journal_append(s->journal, &part, 1, NULL, err);
    if (st != ST_OK)
        return journal_broken(s->journal) ? store_break(s, st) : st;
    s->told = s->settled;
    atomic_store(&s->newest, journal_end(s->journal).sequence);
    return ST_OK;
}

enum status journal_record(struct store *s, struct buf *b, struct error *err)
{
    TRY(journal_put(s, b, err));
    enum status st = journal_sync(s->journal, err);
    if (st != ST_OK)
        return store_break(s, st);
    journal_synced(s);
    if (s->options.durability == STORE_STRICT)
        s->settled = journal_end(s->journal).sequence;
    return ST_OK;
}

void journal_synced(struct store *s)
{
    bool strict = s->options.durability == STORE_STRICT;
    atomic_store(&s->proven, strict ? journal_end(s->journal).sequence : s->told);
}

enum status journal_prove(struct store *s, struct error *err)
{
    store_lock(s);
    uint64_t wanted = 0;
    for (const struct segment *g = s->doomed; g; g = g->next)
        wanted = g->doomed_at > wanted ? g->doomed_at : wanted;
    store_unlock(s);
    if (wanted <= atomic_load(&s->proven) || atomic_load(&s->segs_settled) < wanted)
        return ST_OK;
    struct buf b;
    buf_init(&b, s->budget, 64);
    s->settled = s->segs_settled > s->settled ? s->segs_settled : s->settled;
    enum status st = record_begin(&b, s) ? journal_record(s, &b, err)
                                         : budget_error(s->budget ? s->budget : budget_process(), 64, err);
    buf_release(&b);
    return st;
}

enum status journal_drop_older(struct store *s, uint64_t than, struct error *err)
{
    char path[STORE_PATH_MAX];
    for (;;) {
        store_lock(s);
        struct journal_file *f = s->files;
        bool old = f && f->number < than;
        store_unlock(s);
        if (!old)
            return ST_OK;
        journal_path(s, f->number, path);
        bool spare;
        enum status st = let_go(s, path, &spare, err);
        if (st != ST_OK && st != ST_NOT_FOUND)
            return st;
        error_clear(err);
        /* Oldest first, and each durable before anything else is done to the directory: what stays is a chain also after a
         * power loss, and when a later sync fails. And before the spare one is written over. */
        st = os_sync_parent(s->os, path, err);
        if (st != ST_OK)
            return store_break(s, st);
        store_lock(s);
        s->spare |= spare;
        s->files = f->next;
        if (!s->files)
            s->files_last = NULL;
        store_unlock(s);
        mem_free(s->budget, f, sizeof *f);
    }
}

/* Those whose record is proven. */
static struct segment *take_doomed(struct store *s)
{
    uint64_t proven = atomic_load(&s->proven);
    struct segment *list = NULL;
    for (struct segment **at = &s->doomed; *at;) {
        struct segment *g = *at;
        if (g->doomed_at > proven) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        g->next = list;
        list = g;
    }
    return list;
}

static void remove_dirs(struct store *s)
{
    char path[STORE_PATH_MAX];
    uint64_t proven = atomic_load(&s->proven);
    store_lock(s);
    struct store_log *l = s->gone;
    store_unlock(s);
    for (; l; l = l->newer) { /* it only grows, at its beginning */
        if (l->dir_gone || l->gone_at > proven)
            continue;
        log_path(l, path);
        (void)s->os->ops->rmdir(s->os, path, NULL);
        store_lock(s);
        l->dir_gone = true;
        store_unlock(s);
    }
}

enum status segments_remove(struct store *s, struct segment *list, struct error *err)
{
    char path[STORE_PATH_MAX];
    enum status st = ST_OK;
    while (list) {
        struct store_log *l = list->log;
        struct segment *some = list, *last = list;
        while (last->next && last->next->log == l)
            last = last->next;
        list = last->next;
        last->next = NULL;
        segment_path(some, path);
        segments_bury(s, some, true);
        if (st == ST_OK)
            st = os_sync_parent(s->os, path, err);
        st = st == ST_NOT_FOUND ? ST_OK : st; /* it went with a namesake's */
    }
    remove_dirs(s);
    return st == ST_OK ? ST_OK : store_break(s, st);
}

enum status tend(struct store *s, struct error *err)
{
    TRY(store_broken(s, err));
    store_lock(s);
    struct segment *doomed = take_doomed(s), *saving = s->saving;
    s->saving = NULL;
    uint64_t file = s->files_last->number, newest = atomic_load(&s->newest);
    struct segment *list = s->dirty;
    s->dirty = NULL;
    for (struct segment *g = list; g; g = g->dirty_next) {
        g->dirty = false; /* it may become dirty again meanwhile: its place in this list is another */
        g->tend_next = g->dirty_next;
    }
    store_unlock(s);
    enum status st = ST_OK;
    while (list) {
        struct segment *g = list;
        list = g->tend_next;
        if (st == ST_OK && !store_bug(s, LOG_BUG_JOURNAL_EARLY))
            st = segment_sync(g, err);
        segment_unuse(g);
    }
    while (saving) {
        struct segment *g = saving;
        saving = g->save_next;
        if (st == ST_OK && !g->dead)
            index_save(g);
        store_lock(s);
        g->saving = false;
        store_unlock(s);
        segment_unuse(g);
    }
    if (st != ST_OK) {
        segments_bury(s, doomed, false);
        return st;
    }
    atomic_store(&s->segs_settled, newest);
    TRY(segments_remove(s, doomed, err));
    return journal_drop_older(s, file, err);
}

bool store_tend_due(struct store *s)
{
    store_lock(s);
    bool due = s->dirty || s->saving || s->doomed || s->files != s->files_last;
    for (const struct store_log *l = s->gone; l && !due; l = l->newer)
        due = !l->dir_gone;
    store_unlock(s);
    return due;
}

enum status store_tend(struct store *s, struct error *err)
{
    if (atomic_flag_test_and_set(&s->tending))
        return ST_OK; /* the writer is at it */
    enum status st = tend(s, err);
    atomic_flag_clear(&s->tending);
    return st;
}
