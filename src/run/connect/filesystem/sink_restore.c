/* Taking up a sink's files after a crash: what the newest durable commit names becomes visible, nothing else
 * stays.
 *
 * Every step may have been done before by an earlier restore that was cut short, so each looks first. A finished
 * file that is under neither name was published and has been taken away by whoever reads the directory: that is
 * no fault. A file that was open at the commit is cut, synced and only then renamed, so a second crash finds
 * either the hidden file (and cuts again) or the final one.
 *
 * Then the marks that were due at that commit are set again. Partitions that wait go on waiting with the first writer.
 * Under INSERT OVERWRITE files stay hidden and are carried on by the first writer, unless all writers had ended: then the
 * exchange is repeated, if its intent is still there. */
#include "sink.h"

enum { COMMITS_FILES_MAX = 1u << 20 };

struct restore {
    struct fs_sink *sink;
    struct os *os;
    uint32_t planted;
    struct arena arena;
    struct map committed; /* paths of hidden files, as the OS has them */
    struct fs_folders folders; /* whose names have changed */
    /* of the commit in work */
    uint32_t subtask;
    uint8_t flags;
    /* of all commits */
    int64_t watermark_ms;
    bool all_ended, any_clock;
    ARRAY(const char *) files;
};

/* A partition that waits, with the clock of its writer. */
struct waiting {
    struct fs_pending *pending;
    int64_t clock_ms;
};
typedef ARRAY(struct waiting) waiting_list;

static enum status corrupt(const struct restore *r, struct error *err)
{
    return error_set(err, ST_CORRUPT, "the commit of subtask %u of table '%.*s' cannot be read", r->subtask,
                     STR_ARG(r->sink->base.table->name));
}

/* Paths come from a checked record, but nothing outside of the directory must follow from bytes alone. */
static bool is_inside(struct str path, bool file)
{
    struct str rest = path;
    if (path.len == 0 || path.len >= FS_PATH_MAX - FS_NAME_MAX || memchr(path.ptr, 0, path.len))
        return false;
    for (;;) {
        bool last = !memchr(rest.ptr, '/', rest.len);
        if (last && !file)
            return rest.len == 0;
        struct str part = str_split(&rest, '/');
        if (last)
            return str_starts(part, STR("part-"));
        if (part.len == 0 || part.ptr[0] == '.' || !memchr(part.ptr, '=', part.len))
            return false;
    }
}

static enum status exists(struct restore *r, const char *path, uint64_t *ret_bytes, bool *ret, struct error *err)
{
    struct os_stat st;
    enum status found = r->os->ops->stat(r->os, path, &st, err);
    *ret = found == ST_OK;
    if (found == ST_NOT_FOUND) {
        error_clear(err);
        return ST_OK;
    }
    TRY(found);
    *ret_bytes = st.bytes;
    return ST_OK;
}

static enum status lost(const struct restore *r, const struct fs_file *f, const char *path, const char *what,
                        struct error *err)
{
    error_set(err, ST_MISMATCH, "table '%.*s': '%s' %s, but its first %llu bytes are committed",
              STR_ARG(r->sink->base.table->name), path, what, (unsigned long long)f->length);
    error_hint(err, "put the file back, or start afresh with another state directory");
    error_place(err, path, 0, 0, -1);
    return ST_MISMATCH;
}

/* Cuts to the committed length and makes that durable. */
static enum status cut(struct restore *r, const struct fs_file *f, const char *path, struct error *err)
{
    struct os_file *file;
    TRY(os_open(r->os, path, OS_WRITE, &file, err));
    enum status st = r->os->ops->truncate(r->os, file, f->length, err);
    if (st == ST_OK)
        st = os_sync(r->os, file, err);
    os_close(r->os, file);
    return st;
}

/* A file that stays hidden is carried on. */
static enum status carry(struct restore *r, const struct fs_file *f, struct error *err)
{
    struct fs_file *own = fs_file_new(r->sink->arena.budget, str_from(f->path));
    const char **name = own ? array_add(&r->files, &r->arena) : NULL;
    if (!name) {
        fs_file_free(r->sink, r->sink->arena.budget, own);
        return connect_memory(r->arena.budget, err);
    }
    own->length = own->synced = f->length;
    own->next = r->sink->carried;
    r->sink->carried = own;
    *name = own->path;
    return ST_OK;
}

static enum status settle(struct restore *r, const struct fs_file *f, bool open, struct error *err)
{
    char hidden[FS_PATH_MAX], final[FS_PATH_MAX];
    uint64_t bytes = 0;
    bool is_hidden, is_final = false, stays = r->flags & FS_COMMIT_HIDDEN;
    TRY(fs_sink_path(r->sink, f->path, true, hidden, err));
    TRY(fs_sink_path(r->sink, f->path, false, final, err));
    TRY(exists(r, hidden, &bytes, &is_hidden, err));
    if (!is_hidden) {
        uint64_t final_bytes;
        TRY(exists(r, final, &final_bytes, &is_final, err));
        if (stays && is_final) /* the exchange came so far */
            return carry(r, f, err);
        return is_final || (!open && !stays) || r->all_ended ? ST_OK : lost(r, f, hidden, "is gone", err);
    }
    if (bytes < f->length)
        return lost(r, f, hidden, "is too short", err);
    TRY(fs_folders_add(&r->folders, f->path, false, err));
    if (open && f->length == 0)
        return r->os->ops->unlink(r->os, hidden, err);
    if (bytes > f->length && !(r->planted & CONNECT_BUG_NO_TRUNCATE))
        TRY(cut(r, f, hidden, err));
    return stays ? carry(r, f, err) : r->os->ops->rename(r->os, hidden, final, err);
}

/* Notes the hidden path as committed and settles the file. */
static enum status take_file(struct restore *r, struct reader *in, bool open, struct error *err)
{
    struct str path;
    uint64_t length;
    char hidden[FS_PATH_MAX];
    if (!read_str(in, &path) || !is_inside(path, true) || !read_u64(in, &length))
        return corrupt(r, err);
    struct fs_file *f = arena_alloc(&r->arena, sizeof *f + path.len + 1);
    if (!f)
        return connect_memory(r->arena.budget, err);
    memset(f, 0, sizeof *f);
    memcpy(f->path, path.ptr, path.len);
    f->path[path.len] = 0;
    f->length = length;
    TRY(fs_sink_path(r->sink, f->path, true, hidden, err));
    struct str own = arena_str(&r->arena, str_from(hidden));
    if (!own.ptr || !map_put(&r->committed, own, r))
        return connect_memory(r->arena.budget, err);
    return settle(r, f, open, err);
}

static enum status take_pending(struct restore *r, struct reader *in, int64_t clock_ms, waiting_list *waiting,
                                struct error *err)
{
    struct str folder;
    uint64_t due;
    if (!read_str(in, &folder) || !is_inside(folder, false) || !read_u64(in, &due))
        return corrupt(r, err);
    struct fs_pending *p = arena_alloc(&r->sink->arena, sizeof *p + folder.len + 1);
    struct waiting *w = p ? array_add(waiting, &r->arena) : NULL;
    if (!w)
        return connect_memory(r->arena.budget, err);
    memset(p, 0, sizeof *p);
    memcpy(p->folder, folder.ptr, folder.len);
    p->folder[folder.len] = 0;
    p->due_ms = (int64_t)due;
    *w = (struct waiting){ p, clock_ms };
    return ST_OK;
}

static enum status take_marks(struct restore *r, struct reader *in, waiting_list *waiting, struct error *err)
{
    uint64_t clock, n;
    if (!read_u64(in, &clock) || !read_varint(in, &n) || n > FS_PENDING_MAX)
        return corrupt(r, err);
    int64_t clock_ms = (int64_t)clock;
    if (!(r->flags & FS_COMMIT_IDLE) || (r->flags & FS_COMMIT_ENDED)) {
        r->watermark_ms = r->any_clock && r->watermark_ms < clock_ms ? r->watermark_ms : clock_ms;
        r->any_clock = true;
    }
    for (uint64_t i = 0; i < n; i++)
        TRY(take_pending(r, in, clock_ms, waiting, err));
    return ST_OK;
}

/* The flags stand behind the files, but say how to take those. */
static bool read_flags(struct reader in, uint8_t version, uint8_t *ret)
{
    *ret = 0;
    for (uint32_t list = 0; list < 2 && version == FS_COMMIT_VERSION; list++) {
        uint64_t n, length;
        struct str path;
        if (!read_varint(&in, &n) || n > COMMITS_FILES_MAX)
            return false;
        for (uint64_t i = 0; i < n; i++)
            if (!read_str(&in, &path) || !read_u64(&in, &length))
                return false;
    }
    return version != FS_COMMIT_VERSION || read_u8(&in, ret);
}

static enum status take_commit(struct restore *r, const struct sink_commit *c, waiting_list *waiting, struct error *err)
{
    struct reader in = reader_make(c->bytes.ptr, c->bytes.len);
    uint8_t version, flags;
    r->subtask = c->subtask;
    r->flags = 0;
    if (c->bytes.len == 0) /* nothing was written in that epoch */
        return ST_OK;
    if (!read_u8(&in, &version) || version < 1 || version > FS_COMMIT_VERSION || !read_flags(in, version, &r->flags))
        return corrupt(r, err);
    for (uint32_t open = 0; open < 2; open++) {
        uint64_t n;
        if (!read_varint(&in, &n) || n > COMMITS_FILES_MAX)
            return corrupt(r, err);
        for (uint64_t i = 0; i < n; i++)
            TRY(take_file(r, &in, open, err));
    }
    if (version > 1 && !read_u8(&in, &flags))
        return corrupt(r, err);
    if (r->flags & FS_COMMIT_MARKS)
        TRY(take_marks(r, &in, waiting, err));
    return in.at == in.end ? ST_OK : corrupt(r, err);
}

/* ---- what this job began and no commit names ---- */

static enum status delete_orphan(struct restore *r, const char *path, struct str folder, struct str name, struct error *err)
{
    if (r->planted & CONNECT_BUG_NO_ORPHANS) {
        size_t len = name.len - 1 - (sizeof FS_HIDDEN_ENDING - 1);
        struct str final = arena_printf(&r->arena, "%.*s/%.*s", STR_ARG(folder), (int)len, name.ptr + 1);
        return final.ptr ? r->os->ops->rename(r->os, path, final.ptr, err) : connect_memory(r->arena.budget, err);
    }
    return r->os->ops->unlink(r->os, path, err);
}

/* In `folder`, and in the folders of partitions below it. */
static enum status delete_orphans(struct restore *r, struct str folder, uint32_t depth, struct error *err)
{
    struct os_name *names;
    uint32_t n;
    char intent[FS_PATH_MAX], prefix[40] = ".";
    bool changed = false;
    memcpy(prefix + 1, r->sink->prefix, strlen(r->sink->prefix) + 1);
    TRY(fs_sink_intent(r->sink, intent, err));
    TRY(r->os->ops->list(r->os, folder.ptr, &r->arena, &names, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        struct str name = names[i].name;
        bool below = names[i].is_directory && depth > 0 && name.ptr[0] != '.' && memchr(name.ptr, '=', name.len);
        bool own = !names[i].is_directory && str_starts(name, str_from(prefix)) && str_ends(name, STR(FS_HIDDEN_ENDING));
        if (!below && !own)
            continue;
        struct str path = arena_printf(&r->arena, "%.*s%s%.*s", STR_ARG(folder), str_ends(folder, STR("/")) ? "" : "/",
                                       STR_ARG(name));
        if (!path.ptr)
            return connect_memory(r->arena.budget, err);
        if (below)
            TRY(delete_orphans(r, path, depth - 1, err));
        if (!own || map_get(&r->committed, path) || strcmp(path.ptr, intent) == 0)
            continue;
        changed = true;
        TRY(delete_orphan(r, path.ptr, folder, name, err));
    }
    return changed ? r->os->ops->sync_dir(r->os, folder.ptr, err) : ST_OK;
}

/* ---- marks, and the exchange ---- */

static enum status settle_marks(struct restore *r, const waiting_list *waiting, struct error *err)
{
    struct fs_sink *s = r->sink;
    bool known = (s->trigger == FS_PROCESS_TIME || r->any_clock) && (!s->overwrite || r->all_ended);
    for (uint32_t i = 0; i < waiting->count; i++) {
        struct fs_pending *p = waiting->at[i].pending;
        int64_t now_ms = s->trigger == FS_PARTITION_TIME ? r->watermark_ms : waiting->at[i].clock_ms;
        if (known && fs_pending_due(s, p->due_ms, now_ms)) {
            TRY(fs_sink_mark(s, p->folder, err));
            continue;
        }
        p->next = s->carried_pending;
        s->carried_pending = p;
    }
    return ST_OK;
}

/* A job that begins says what it means to do; one that had ended does it. */
static enum status settle_overwrite(struct restore *r, bool begins, struct error *err)
{
    struct fs_sink *s = r->sink;
    char intent[FS_PATH_MAX];
    struct os_file *file;
    if (!begins && r->all_ended) {
        TRY(fs_sink_replace(s, r->files.at, r->files.count, err));
        for (struct fs_file *f = s->carried, *next; f; f = next) {
            next = f->next;
            fs_file_free(s, s->arena.budget, f);
        }
        s->carried = NULL;
        return ST_OK;
    }
    if (!begins)
        return ST_OK;
    TRY(fs_sink_intent(s, intent, err));
    TRY(os_open(r->os, intent, OS_CREATE, &file, err));
    os_close(r->os, file);
    return r->os->ops->sync_dir(r->os, s->dir.ptr, err);
}

/* Did every writer end with its last commit? */
static bool ended(const struct sink_commit *commits, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct reader in = reader_make(commits[i].bytes.ptr, commits[i].bytes.len);
        uint8_t version, flags = 0;
        if (!read_u8(&in, &version) || !read_flags(in, version, &flags) || !(flags & FS_COMMIT_ENDED))
            return false;
    }
    return n > 0;
}

static enum status run(struct restore *r, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    struct fs_sink *s = r->sink;
    waiting_list waiting = { 0 };
    TRY(os_mkdirs(r->os, s->dir.ptr, err));
    r->all_ended = s->overwrite && ended(commits, n);
    for (uint32_t i = 0; i < n; i++)
        TRY(take_commit(r, &commits[i], &waiting, err));
    TRY(delete_orphans(r, s->dir, s->layout.n_partitions, err));
    TRY(fs_folders_sync(&r->folders, ST_OK, err));
    if (s->overwrite)
        TRY(settle_overwrite(r, n == 0, err));
    return settle_marks(r, &waiting, err);
}

enum status fs_sink_restore(struct sink *base, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    struct fs_sink *s = (struct fs_sink *)base;
    const struct connect_extra *extra = s->ctx->extra;
    struct restore r = { .sink = s, .os = s->ctx->os, .planted = extra ? extra->planted : 0, .watermark_ms = INT64_MIN };
    arena_init(&r.arena, s->ctx->budget);
    map_init(&r.committed, &r.arena, false);
    fs_folders_init(&r.folders, s);
    enum status st = run(&r, commits, n, err);
    arena_release(&r.folders.arena);
    arena_release(&r.arena);
    return st;
}
