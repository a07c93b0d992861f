/* Segment files: a head of 64 bytes, then batches as they came.
 *
 * Head: magic "WEIRSEG1", version u32, partition u32, topic 16 bytes, base offset u64, generation u64, 12 zeros, CRC-32C of
 * what stands before it; little-endian. It is looked at each time that the file is opened: files that were exchanged are
 * told apart. A file's name holds its generation, a number that is never used twice, so that what is deleted or replayed
 * by an old record cannot be a newer file.
 *
 * A rewritten segment is made as OFFSET-GENERATION.new; it gets its own name when the journal has it. Whoever looks for a
 * segment that the table has tries both names, so that nothing depends on when that rename comes to the disk.
 *
 * One handle a file serves everybody. Handles are kept while there is room, the least lately used without users is closed
 * first. A user (range, call under way, dirty list) keeps segment and handle, also when the segment is deleted. */
#include "store/private.h"

#include <stdio.h>

#define MAGIC "WEIRSEG1"
enum { VERSION = 1 };

void log_path(const struct store_log *l, char *ret)
{
    int n = snprintf(ret, STORE_PATH_MAX, "%s/log/", l->store->path);
    for (int i = 0; i < 16; i++)
        n += snprintf(ret + n, (size_t)(STORE_PATH_MAX - n), "%02x", l->id.topic[i]);
    snprintf(ret + n, (size_t)(STORE_PATH_MAX - n), "-%u", l->id.partition);
}

void segment_path(const struct segment *g, char *ret)
{
    log_path(g->log, ret);
    size_t n = strlen(ret);
    snprintf(ret + n, STORE_PATH_MAX - n, "/%020lld-%llu.%s", (long long)g->base, (unsigned long long)g->generation,
             g->beside ? "new" : "log");
}

void segment_index_path(const struct segment *g, char *ret)
{
    log_path(g->log, ret);
    size_t n = strlen(ret);
    snprintf(ret + n, STORE_PATH_MAX - n, "/%020lld-%llu.idx", (long long)g->base, (unsigned long long)g->generation);
}

void segment_name_settle(struct segment *g)
{
    char from[STORE_PATH_MAX], to[STORE_PATH_MAX];
    struct os *os = g->log->store->os;
    g->beside = false;
    segment_path(g, to);
    g->beside = true;
    segment_path(g, from);
    if (os->ops->rename(os, from, to, NULL) == ST_OK)
        g->beside = false;
}

enum status segment_rotten(const struct segment *g, uint64_t byte, const char *what, struct error *err)
{
    char path[STORE_PATH_MAX];
    segment_path(g, path);
    error_set(err, ST_CORRUPT, "the segment '%s' (offsets %lld to %lld) is damaged at byte %llu: %s", path,
              (long long)g->base, (long long)g->end - 1, (unsigned long long)byte, what);
    error_hint(err, "the file has not been touched: restore it from a copy");
    error_place(err, path, 0, 0, (int64_t)byte);
    return ST_CORRUPT;
}

enum status segment_bad(const struct segment *g, struct error *err)
{
    return segment_rotten(g, 0, g->waiting ? "the journal holds what it does not have yet; a recovery will bring it there"
                                           : "the file is missing or shorter than it was", err);
}

static void put_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static void head_make(const struct segment *g, uint8_t *head)
{
    memset(head, 0, STORE_SEGMENT_HEAD);
    memcpy(head, MAGIC, 8);
    put_u64(head + 8, (uint64_t)g->log->id.partition << 32 | VERSION);
    memcpy(head + 16, g->log->id.topic, 16);
    put_u64(head + 32, (uint64_t)g->base);
    put_u64(head + 40, g->generation);
    put_u64(head + 56, (uint64_t)crc32c(0, head, STORE_SEGMENT_HEAD - 4) << 32);
}

struct segment *segment_new(struct store_log *l, int64_t base, uint64_t generation, struct error *err)
{
    struct segment *g = mem_calloc(l->store->budget, sizeof *g);
    if (!g) {
        (void)budget_error(l->store->budget ? l->store->budget : budget_process(), sizeof *g, err);
        return NULL;
    }
    g->log = l;
    g->base = g->end = base;
    g->generation = generation;
    g->bytes = STORE_SEGMENT_HEAD;
    g->max_ms = INT64_MIN;
    g->indexed = true;
    return g;
}

void segment_link(struct segment *g)
{
    struct store_log *l = g->log;
    store_lock(l->store);
    *(l->last ? &l->last->next : &l->first) = g;
    l->last = g;
    store_unlock(l->store);
}

/* ---- open files ---- */

static void uses_remove(struct segment *g)
{
    struct store *s = g->log->store;
    *(g->newer_use ? &g->newer_use->older_use : &s->newest_use) = g->older_use;
    *(g->older_use ? &g->older_use->newer_use : &s->oldest_use) = g->newer_use;
    g->newer_use = g->older_use = NULL;
}

static void uses_add(struct segment *g)
{
    struct store *s = g->log->store;
    g->older_use = s->newest_use;
    *(s->newest_use ? &s->newest_use->newer_use : &s->oldest_use) = g;
    s->newest_use = g;
}

/* Under the lock: where there are too many, a file that may be closed, out of the list. An index goes with it, but for the
 * active segment's. */
static struct os_file *take_idle(struct store *s)
{
    bool files = s->open_count > s->options.open_files, memory = s->index_bytes > STORE_INDEX_BYTES;
    struct segment *g = files || memory ? s->oldest_use : NULL;
    for (uint32_t looked = 0; g; g = g->newer_use) {
        bool gives = files || (g != g->log->last && g->index.cap > 0);
        if (g->users == 0 && gives)
            break;
        if (++looked > 64) /* at worst a few files more stay open */
            return NULL;
    }
    if (!g)
        return NULL;
    struct os_file *f = g->file;
    uses_remove(g);
    g->file = NULL;
    s->open_count--;
    if (g != g->log->last)
        index_drop(g);
    return f;
}

void segment_free(struct segment *g)
{
    struct store *s = g->log->store;
    store_lock(s);
    struct os_file *f = g->file;
    if (f) {
        uses_remove(g);
        s->open_count--;
    }
    index_drop(g);
    store_unlock(s);
    os_close(s->os, f);
    mem_free(s->budget, g, sizeof *g);
}

void segment_unuse(struct segment *g)
{
    struct store *s = g->log->store;
    store_lock(s);
    CHECK(g->users > 0);
    bool last = --g->users == 0 && g->dead;
    if (g->users == 0 && !g->file && g != g->log->last)
        index_drop(g); /* was the active one's when its file was closed */
    store_unlock(s);
    if (last)
        segment_free(g);
}

void segments_bury(struct store *s, struct segment *dead, bool unlink)
{
    char path[STORE_PATH_MAX];
    for (struct segment *g = dead, *next; g; g = next) {
        next = g->next;
        g->next = NULL;
        if (unlink) {
            segment_index_path(g, path);
            (void)s->os->ops->unlink(s->os, path, NULL);
        }
        segment_path(g, path);
        if (unlink)
            (void)s->os->ops->unlink(s->os, path, NULL);
        segment_unuse(g);
    }
}

void segments_doom(struct store *s, struct segment *dead)
{
    uint64_t at = atomic_load(&s->newest);
    store_lock(s);
    for (struct segment *g = dead, *next; g; g = next) {
        next = g->next;
        g->doomed_at = at;
        g->next = s->doomed;
        s->doomed = g;
    }
    store_unlock(s);
}

static void install(struct segment *g, struct os_file *f)
{
    struct store *s = g->log->store;
    struct os_file *idle;
    store_lock(s);
    if (g->file) {
        store_unlock(s);
        os_close(s->os, f); /* another was faster */
        return;
    }
    g->file = f;
    uses_add(g);
    s->open_count++;
    do {
        idle = take_idle(s);
        store_unlock(s);
        os_close(s->os, idle);
        store_lock(s);
    } while (idle);
    store_unlock(s);
}

static enum status head_check(struct segment *g, struct os_file *f, struct error *err)
{
    struct store *s = g->log->store;
    uint8_t want[STORE_SEGMENT_HEAD], got[STORE_SEGMENT_HEAD];
    size_t n;
    head_make(g, want);
    TRY(os_pread(s->os, f, got, sizeof got, 0, &n, err));
    if (n < sizeof got || memcmp(got, want, sizeof got) != 0)
        return segment_rotten(g, 0, "its head is another than was written", err);
    return ST_OK;
}

enum status segment_use(struct segment *g, struct error *err)
{
    struct store *s = g->log->store;
    char path[STORE_PATH_MAX];
    struct os_file *f;
    store_lock(s);
    g->users++;
    bool open = g->file != NULL;
    if (open && s->newest_use != g) {
        uses_remove(g);
        uses_add(g);
    }
    store_unlock(s);
    if (open)
        return ST_OK;
    segment_path(g, path);
    enum status st = os_open(s->os, path, s->options.read_only ? OS_READ : OS_WRITE, &f, err);
    if (st == ST_OK) {
        st = head_check(g, f, err);
        if (st == ST_OK)
            install(g, f);
        else
            os_close(s->os, f);
    } else if (st == ST_NOT_FOUND) {
        st = segment_rotten(g, 0, "the file is gone", err);
    }
    if (st != ST_OK)
        segment_unuse(g);
    return st;
}

/* The directory of the partition, durable with the first segment in it that is synced. */
static enum status dir_make(struct store_log *l, struct error *err)
{
    struct store *s = l->store;
    char path[STORE_PATH_MAX], log[STORE_PATH_MAX + 8];
    log_path(l, path);
    enum status st = s->os->ops->mkdir(s->os, path, err);
    if (st == ST_NOT_FOUND) {
        error_clear(err);
        snprintf(log, sizeof log, "%s/log", s->path);
        TRY(s->os->ops->mkdir(s->os, log, err));
        st = s->os->ops->mkdir(s->os, path, err);
    }
    if (st == ST_OK)
        atomic_store(&l->dir_number, atomic_fetch_add(&s->dirs_made, 1) + 1);
    return st;
}

enum status segment_make(struct segment *g, struct error *err)
{
    struct store_log *l = g->log;
    struct store *s = l->store;
    char path[STORE_PATH_MAX];
    uint8_t head[STORE_SEGMENT_HEAD];
    struct os_file *f;
    enum status st = ST_NOT_FOUND;
    for (int tries = 0; st == ST_NOT_FOUND && tries < 2; tries++) { /* tend may just take away a namesake's directory */
        if (atomic_load(&l->dir_number) == 1 || tries > 0)
            TRY(dir_make(l, err));
        segment_path(g, path);
        st = os_open(s->os, path, OS_CREATE, &f, err);
    }
    if (st != ST_OK)
        return st;
    head_make(g, head);
    st = s->os->ops->truncate(s->os, f, 0, err);
    if (st == ST_OK)
        st = os_pwrite(s->os, f, head, sizeof head, 0, err);
    if (st != ST_OK) {
        os_close(s->os, f);
        (void)s->os->ops->unlink(s->os, path, NULL);
        return st;
    }
    store_lock(s);
    g->users++;
    store_unlock(s);
    install(g, f);
    return ST_OK;
}

/* The names above the segment's. One sync is for all directories that had been made before it. */
static enum status dirs_sync(struct store_log *l, struct error *err)
{
    struct store *s = l->store;
    char path[STORE_PATH_MAX + 8];
    uint64_t made = atomic_load(&s->dirs_made), synced = atomic_load(&s->dirs_synced);
    if (atomic_load(&l->dir_number) <= synced)
        return ST_OK;
    snprintf(path, sizeof path, "%s/log", s->path);
    if (synced == 0)
        TRY(os_sync_parent(s->os, path, err));
    TRY(s->os->ops->sync_dir(s->os, path, err));
    while (synced < made && !atomic_compare_exchange_weak(&s->dirs_synced, &synced, made))
        ;
    return ST_OK;
}

enum status segment_sync(struct segment *g, struct error *err)
{
    struct store *s = g->log->store;
    char path[STORE_PATH_MAX];
    uint64_t bytes = atomic_load(&g->unsynced);
    bool skip = s->options.durability == STORE_RELAXED && store_bug(s, LOG_BUG_RELAXED_SETTLED);
    enum status st = skip ? ST_OK : os_sync(s->os, g->file, err);
    if (st == ST_OK)
        atomic_fetch_sub(&g->unsynced, bytes);
    if (st == ST_OK && !g->named && !g->dead && !store_bug(s, LOG_BUG_NAME_NO_SYNC)) {
        segment_path(g, path);
        st = os_sync_parent(s->os, path, err);
        if (st != ST_OK && g->dead)
            return ST_OK; /* its directory has just been deleted */
        if (st == ST_OK)
            st = dirs_sync(g->log, err);
        if (st == ST_OK)
            g->named = true;
    }
    return st == ST_OK ? ST_OK : store_break(s, st);
}

void segment_dirty(struct segment *g)
{
    struct store *s = g->log->store;
    store_lock(s);
    if (!g->dirty) {
        g->dirty = true;
        g->users++;
        g->dirty_next = s->dirty;
        s->dirty = g;
    }
    store_unlock(s);
}
