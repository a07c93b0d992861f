/* A commit of the filesystem sink: what a writer says of its files and waiting partitions, syncing, renaming, and what the
 * last writer of an epoch does for all: marks, and the exchange of old files for new ones. Background work but for
 * fs_sink_put_commit; one at a time. */
#include <stdio.h>

#include "sink.h"

/* ---- the commit's bytes ---- */

static bool put_file(struct buf *out, const struct fs_file *f)
{
    return buf_put_str(out, str_from(f->path)) && buf_put_u64(out, f->length);
}

static bool put_files(const struct fs_writer *w, struct buf *out)
{
    uint32_t n_open = 0;
    if (!buf_put_u8(out, FS_COMMIT_VERSION) || !buf_put_varint(out, w->n_finished))
        return false;
    for (const struct fs_file *f = w->finished; f; f = f->next)
        if (!put_file(out, f))
            return false;
    for (const struct fs_part *p = w->newest; p; p = p->older)
        n_open += p->current != NULL;
    if (!buf_put_varint(out, n_open))
        return false;
    for (const struct fs_part *p = w->newest; p; p = p->older)
        if (p->current && !put_file(out, p->current))
            return false;
    return true;
}

bool fs_sink_put_commit(const struct fs_writer *w, struct buf *out)
{
    const struct fs_sink *s = w->sink;
    if (w->n_finished == 0 && w->n_open == 0 && !s->marks && !s->overwrite)
        return true;
    uint8_t flags = (s->marks ? FS_COMMIT_MARKS : 0) | (w->ended ? FS_COMMIT_ENDED : 0) | (w->idle ? FS_COMMIT_IDLE : 0) |
                    (s->overwrite ? FS_COMMIT_HIDDEN : 0);
    if (!put_files(w, out) || !buf_put_u8(out, flags))
        return false;
    if (!s->marks)
        return true;
    bool ok = buf_put_u64(out, (uint64_t)w->clock_ms) && buf_put_varint(out, w->n_pending);
    for (const struct fs_pending *p = w->pending; ok && p; p = p->next)
        ok = buf_put_str(out, str_from(p->folder)) && buf_put_u64(out, (uint64_t)p->due_ms);
    return ok;
}

/* ---- folders ---- */

void fs_folders_init(struct fs_folders *f, struct fs_sink *s)
{
    f->sink = s;
    arena_init(&f->arena, s->ctx->budget);
    map_init(&f->map, &f->arena, false);
}

enum status fs_folders_add(struct fs_folders *f, const char *path, bool with_parents, struct error *err)
{
    struct str rest = str_from(path);
    bool more = true;
    while (more) {
        while (rest.len && rest.ptr[rest.len - 1] != '/')
            rest.len--;
        if (!map_get(&f->map, rest)) {
            struct str own = rest.len ? arena_str(&f->arena, rest) : STR("");
            if (!own.ptr || !map_put(&f->map, own, f))
                return connect_memory(f->arena.budget, err);
        }
        more = with_parents && rest.len;
        rest.len -= rest.len > 0;
    }
    return ST_OK;
}

enum status fs_folders_sync(struct fs_folders *f, enum status st, struct error *err)
{
    struct os *os = f->sink->ctx->os;
    char path[FS_PATH_MAX];
    for (struct map_entry *e = map_next(&f->map, NULL); e && st == ST_OK; e = map_next(&f->map, e)) {
        st = e->key.len ? fs_sink_path(f->sink, e->key.ptr, false, path, err) : ST_OK;
        if (st == ST_OK)
            st = os->ops->sync_dir(os, e->key.len ? path : f->sink->dir.ptr, err);
    }
    arena_release(&f->arena);
    return st;
}

/* ---- flush ---- */

static enum status sync_file(struct fs_writer *w, struct fs_file *f, struct error *err)
{
    struct os *os = w->sink->ctx->os;
    char hidden[FS_PATH_MAX];
    if (f->length == f->synced)
        return ST_OK;
    if (!f->file) {
        TRY(fs_sink_path(w->sink, f->path, true, hidden, err));
        TRY(os_open(os, hidden, OS_WRITE, &f->file, err));
    }
    TRY(os_sync(os, f->file, err));
    f->synced = f->length;
    return ST_OK;
}

static enum status flush_file(struct fs_writer *w, struct fs_file *f, struct fs_folders *folders, struct error *err)
{
    TRY(sync_file(w, f, err));
    if (f->fresh)
        TRY(fs_folders_add(folders, f->path, true, err));
    f->fresh = false;
    return ST_OK;
}

static enum status flush_files(struct fs_writer *w, struct fs_folders *folders, struct error *err)
{
    for (struct fs_file *f = w->finished; f; f = f->next) {
        TRY(flush_file(w, f, folders, err));
        os_close(w->sink->ctx->os, f->file);
        f->file = NULL;
    }
    for (struct fs_part *p = w->newest; p; p = p->older)
        if (p->current)
            TRY(flush_file(w, p->current, folders, err));
    return ST_OK;
}

enum status fs_sink_flush(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    (void)epoch;
    struct fs_writer *w = (struct fs_writer *)base;
    struct fs_folders folders;
    fs_folders_init(&folders, w->sink);
    return fs_folders_sync(&folders, flush_files(w, &folders, err), err);
}

/* ---- publish ---- */

static enum status show(struct fs_sink *s, const char *file, struct error *err)
{
    char from[FS_PATH_MAX], to[FS_PATH_MAX];
    TRY(fs_sink_path(s, file, true, from, err));
    TRY(fs_sink_path(s, file, false, to, err));
    return s->ctx->os->ops->rename(s->ctx->os, from, to, err);
}

static enum status show_finished(struct fs_writer *w, struct fs_folders *folders, struct error *err)
{
    for (struct fs_file *f = w->finished; f; f = f->next) {
        TRY(show(w->sink, f->path, err));
        TRY(fs_folders_add(folders, f->path, false, err));
    }
    return ST_OK;
}

static void forget_finished(struct fs_writer *w)
{
    for (struct fs_file *f = w->finished, *next; f; f = next) {
        next = f->next;
        fs_file_free(w->sink, w->budget, f);
    }
    w->finished = NULL;
    w->finished_end = &w->finished;
    w->n_finished = 0;
}

enum status fs_sink_mark(struct fs_sink *s, const char *folder, struct error *err)
{
    char path[FS_PATH_MAX];
    struct os *os = s->ctx->os;
    struct os_file *file;
    struct fs_folders folders;
    TRY(fs_sink_path(s, folder, false, path, err));
    size_t len = strlen(path);
    if (len + s->mark.len >= sizeof path)
        return error_set(err, ST_LIMIT, "the path of the mark in '%s' is longer than %u bytes", folder, FS_PATH_MAX - 1);
    memcpy(path + len, s->mark.ptr, s->mark.len + 1);
    TRY(os_open(os, path, OS_CREATE, &file, err));
    os_close(os, file);
    fs_folders_init(&folders, s);
    return fs_folders_sync(&folders, fs_folders_add(&folders, folder, false, err), err);
}

/* Time passes as far as it has for every writer that says something about it. */
static void advance(struct fs_sink *s)
{
    int64_t least = INT64_MAX;
    bool any = false;
    for (const struct fs_writer *w = s->writers; w; w = w->next) {
        if (w->idle && !w->ended)
            continue;
        any = true;
        least = w->watermark_ms < least ? w->watermark_ms : least;
    }
    if (any && least > s->watermark_ms)
        s->watermark_ms = least;
}

static enum status set_marks(struct fs_sink *s, struct error *err)
{
    advance(s);
    for (struct fs_writer *w = s->writers; w; w = w->next)
        for (struct fs_pending *p = w->pending, *next; p; p = next) {
            next = p->next;
            if (!fs_pending_due(s, p->due_ms, s->trigger == FS_PARTITION_TIME ? s->watermark_ms : w->clock_ms))
                continue;
            TRY(fs_sink_mark(s, p->folder, err));
            fs_pending_drop(w, p);
        }
    return ST_OK;
}

static enum status replace(struct fs_sink *s, struct error *err)
{
    uint32_t n = 0, total = 0;
    for (const struct fs_writer *w = s->writers; w; w = w->next)
        total += w->n_finished;
    const char **files = mem_calloc(s->ctx->budget, (total + 1) * sizeof *files);
    if (!files)
        return connect_memory(s->ctx->budget, err);
    for (const struct fs_writer *w = s->writers; w; w = w->next)
        for (const struct fs_file *f = w->finished; f; f = f->next)
            files[n++] = f->path;
    enum status st = fs_sink_replace(s, files, n, err);
    mem_free(s->ctx->budget, files, (total + 1) * sizeof *files);
    for (struct fs_writer *w = s->writers; w && st == ST_OK; w = w->next)
        forget_finished(w);
    return st;
}

static bool all_ended(const struct fs_sink *s)
{
    for (const struct fs_writer *w = s->writers; w; w = w->next)
        if (!w->ended)
            return false;
    return true;
}

enum status fs_sink_publish(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    (void)epoch;
    struct fs_writer *w = (struct fs_writer *)base;
    struct fs_sink *s = w->sink;
    if (!s->overwrite && w->finished) {
        struct fs_folders folders;
        fs_folders_init(&folders, s);
        TRY(fs_folders_sync(&folders, show_finished(w, &folders, err), err));
        forget_finished(w);
    }
    if (++s->n_published < s->n_writers)
        return ST_OK;
    s->n_published = 0;
    if (s->overwrite && !all_ended(s))
        return ST_OK;
    if (s->overwrite)
        TRY(replace(s, err));
    return s->marks ? set_marks(s, err) : ST_OK;
}

/* ---- INSERT OVERWRITE ---- */

enum status fs_sink_intent(const struct fs_sink *s, char out[FS_PATH_MAX], struct error *err)
{
    char name[64];
    snprintf(name, sizeof name, "%s.overwrite", s->prefix);
    return fs_sink_path(s, name, true, out, err);
}

/* What is visible in a folder and below it, but for the files of `keep` (paths as the OS has them). */
static enum status delete_visible(struct fs_sink *s, struct arena *a, struct str folder, const struct map *keep,
                                  uint32_t depth, struct error *err)
{
    struct os *os = s->ctx->os;
    struct os_name *names;
    uint32_t n;
    TRY(os->ops->list(os, folder.ptr, a, &names, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        bool is_mark = s->marks && str_eq(names[i].name, s->mark);
        if ((names[i].name.ptr[0] == '.' || names[i].name.ptr[0] == '_') && !is_mark)
            continue;
        struct str path = arena_printf(a, "%.*s%s%.*s", STR_ARG(folder), str_ends(folder, STR("/")) ? "" : "/",
                                       STR_ARG(names[i].name));
        if (!path.ptr)
            return connect_memory(a->budget, err);
        if (names[i].is_directory && depth > 0)
            TRY(delete_visible(s, a, path, keep, depth - 1, err));
        else if (!names[i].is_directory && !map_get(keep, path))
            TRY(os->ops->unlink(os, path.ptr, err));
    }
    return os->ops->sync_dir(os, folder.ptr, err);
}

#define DEPTH_MAX 32u

/* The one partition that INSERT OVERWRITE names, when it is there. */
static enum status add_static(struct fs_sink *s, struct arena *a, struct map *folders, struct error *err)
{
    const struct table_desc *t = s->base.table;
    struct os_stat now;
    struct buf text;
    if (!t->static_partition)
        return ST_OK;
    buf_init(&text, s->ctx->budget, FS_PATH_MAX);
    bool ok = buf_put(&text, s->dir.ptr, s->dir.len);
    for (uint32_t i = 0; ok && i < t->n_partitioned_by; i++)
        ok = buf_put_u8(&text, '/') && fs_partition_put(&text, &s->layout, t->partitioned_by[i], t->static_partition[i]);
    struct str folder = ok ? arena_str(a, buf_str(&text)) : (struct str){ NULL, 0 };
    buf_release(&text);
    if (!folder.ptr)
        return connect_memory(a->budget, err);
    enum status st = s->ctx->os->ops->stat(s->ctx->os, folder.ptr, &now, err);
    if (st == ST_NOT_FOUND) {
        error_clear(err);
        return ST_OK;
    }
    TRY(st);
    return map_put(folders, folder, s) ? ST_OK : connect_memory(a->budget, err);
}

static enum status exchange(struct fs_sink *s, struct arena *a, const char *const *files, uint32_t n, struct error *err)
{
    struct map keep, folders;
    map_init(&keep, a, false);
    map_init(&folders, a, false);
    if (s->layout.n_partitions == 0 && !map_put(&folders, s->dir, s))
        return connect_memory(a->budget, err);
    for (uint32_t i = 0; i < n; i++) {
        char path[FS_PATH_MAX];
        TRY(fs_sink_path(s, files[i], false, path, err));
        struct str final = arena_str(a, str_from(path));
        if (!final.ptr || !map_put(&keep, final, s))
            return connect_memory(a->budget, err);
        size_t slash = (size_t)(strrchr(final.ptr, '/') - final.ptr);
        struct str folder = arena_str(a, str_make(final.ptr, slash));
        if (!folder.ptr || (s->layout.n_partitions && !map_put(&folders, folder, s)))
            return connect_memory(a->budget, err);
    }
    TRY(add_static(s, a, &folders, err));
    for (struct map_entry *e = map_next(&folders, NULL); e; e = map_next(&folders, e))
        TRY(delete_visible(s, a, e->key, &keep, DEPTH_MAX, err));
    return ST_OK;
}

static enum status show_all(struct fs_sink *s, const char *const *files, uint32_t n, struct fs_folders *folders,
                            struct error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        char hidden[FS_PATH_MAX];
        struct os_stat now;
        TRY(fs_sink_path(s, files[i], true, hidden, err));
        enum status st = s->ctx->os->ops->stat(s->ctx->os, hidden, &now, err);
        if (st == ST_OK)
            TRY(show(s, files[i], err));
        else if (st != ST_NOT_FOUND)
            return st;
        else
            error_clear(err);
        TRY(fs_folders_add(folders, files[i], false, err));
    }
    return ST_OK;
}

enum status fs_sink_replace(struct fs_sink *s, const char *const *files, uint32_t n, struct error *err)
{
    char intent[FS_PATH_MAX];
    struct os *os = s->ctx->os;
    struct os_stat now;
    struct fs_folders folders;
    TRY(fs_sink_intent(s, intent, err));
    enum status st = os->ops->stat(os, intent, &now, err);
    if (st == ST_NOT_FOUND) { /* done in an earlier life */
        error_clear(err);
        return ST_OK;
    }
    TRY(st);
    struct arena a;
    arena_init(&a, s->ctx->budget);
    st = exchange(s, &a, files, n, err);
    arena_release(&a);
    TRY(st);
    fs_folders_init(&folders, s);
    TRY(fs_folders_sync(&folders, show_all(s, files, n, &folders, err), err));
    TRY(os->ops->unlink(os, intent, err));
    return os->ops->sync_dir(os, s->dir.ptr, err);
}
