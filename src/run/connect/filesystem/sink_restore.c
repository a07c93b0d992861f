/* Taking up a sink's files after a crash: what the newest durable commit names becomes visible, nothing else
 * stays.
 *
 * Every step may have been done before by an earlier restore that was cut short, so each looks first. A finished
 * file that is under neither name was published and has been taken away by whoever reads the directory: that is
 * no fault. The file that was open at the commit is cut, synced and only then renamed, so a second crash finds
 * either the hidden file (and cuts again) or the final one. */
#include "sink.h"

enum { COMMITS_FILES_MAX = 1u << 20 };

struct named {
    char name[FS_NAME_MAX];
    uint64_t length;
    bool open; /* was not finished at the commit */
};

struct restore {
    struct fs_sink *sink;
    struct os *os;
    uint32_t planted;
    struct arena arena;
    struct map committed; /* hidden names */
    bool changed;         /* names in the directory */
};

static enum status corrupt(const struct restore *r, uint32_t subtask, struct error *err)
{
    return error_set(err, ST_CORRUPT, "the commit of subtask %u of table '%.*s' cannot be read", subtask,
                     STR_ARG(r->sink->base.table->name));
}

/* Names come from a checked record, but a path must not follow from bytes alone. */
static bool read_named(struct reader *in, struct named *ret)
{
    struct str name;
    if (!read_str(in, &name) || name.len >= FS_NAME_MAX || !str_starts(name, STR("part-")) ||
        memchr(name.ptr, '/', name.len) || memchr(name.ptr, 0, name.len) || !read_u64(in, &ret->length))
        return false;
    memcpy(ret->name, name.ptr, name.len);
    ret->name[name.len] = 0;
    return true;
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

static enum status lost(const struct restore *r, const struct named *f, const char *path, const char *what,
                        struct error *err)
{
    error_set(err, ST_MISMATCH, "table '%.*s': '%s' %s, but its first %llu bytes are committed",
              STR_ARG(r->sink->base.table->name), path, what, (unsigned long long)f->length);
    error_hint(err, "put the file back, or start afresh with another state directory");
    error_place(err, path, 0, 0, -1);
    return ST_MISMATCH;
}

/* Cuts to the committed length and makes that durable. */
static enum status cut(struct restore *r, const struct named *f, const char *path, struct error *err)
{
    struct os_file *file;
    TRY(os_open(r->os, path, OS_WRITE, &file, err));
    enum status st = r->os->ops->truncate(r->os, file, f->length, err);
    if (st == ST_OK)
        st = os_sync(r->os, file, err);
    os_close(r->os, file);
    return st;
}

static enum status settle(struct restore *r, const struct named *f, struct error *err)
{
    char hidden[FS_PATH_MAX], final[FS_PATH_MAX];
    uint64_t bytes = 0;
    bool is_hidden, is_final = false;
    TRY(fs_sink_path(r->sink, f->name, true, hidden, err));
    TRY(fs_sink_path(r->sink, f->name, false, final, err));
    TRY(exists(r, hidden, &bytes, &is_hidden, err));
    if (!is_hidden) {
        uint64_t final_bytes;
        TRY(exists(r, final, &final_bytes, &is_final, err));
        return is_final || !f->open ? ST_OK : lost(r, f, hidden, "is gone", err);
    }
    if (bytes < f->length)
        return lost(r, f, hidden, "is too short", err);
    r->changed = true;
    if (f->open && f->length == 0)
        return r->os->ops->unlink(r->os, hidden, err);
    if (bytes > f->length && !(r->planted & CONNECT_BUG_NO_TRUNCATE))
        TRY(cut(r, f, hidden, err));
    return r->os->ops->rename(r->os, hidden, final, err);
}

/* Notes the hidden name as committed and settles the file. */
static enum status take_file(struct restore *r, struct reader *in, uint32_t subtask, bool open, struct error *err)
{
    struct named f = { .open = open };
    if (!read_named(in, &f))
        return corrupt(r, subtask, err);
    struct str hidden = arena_printf(&r->arena, ".%s%s", f.name, FS_HIDDEN_ENDING);
    if (!hidden.ptr || !map_put(&r->committed, hidden, r))
        return connect_memory(r->arena.budget, err);
    return settle(r, &f, err);
}

static enum status take_commit(struct restore *r, const struct sink_commit *c, struct error *err)
{
    struct reader in = reader_make(c->bytes.ptr, c->bytes.len);
    uint64_t n;
    uint8_t version, is_open;
    if (c->bytes.len == 0) /* nothing was written in that epoch */
        return ST_OK;
    if (!read_u8(&in, &version) || version != FS_COMMIT_VERSION || !read_varint(&in, &n) || n > COMMITS_FILES_MAX)
        return corrupt(r, c->subtask, err);
    for (uint64_t i = 0; i < n; i++)
        TRY(take_file(r, &in, c->subtask, false, err));
    if (!read_u8(&in, &is_open) || is_open > 1)
        return corrupt(r, c->subtask, err);
    if (is_open)
        TRY(take_file(r, &in, c->subtask, true, err));
    return in.at == in.end ? ST_OK : corrupt(r, c->subtask, err);
}

/* What this job began and no commit names. */
static enum status delete_orphans(struct restore *r, struct error *err)
{
    struct os_name *names;
    uint32_t n;
    char prefix[40] = ".";
    memcpy(prefix + 1, r->sink->prefix, strlen(r->sink->prefix) + 1);
    TRY(r->os->ops->list(r->os, r->sink->dir.ptr, &r->arena, &names, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        struct str name = names[i].name;
        char path[FS_PATH_MAX], bare[FS_NAME_MAX];
        if (names[i].is_directory || !str_starts(name, str_from(prefix)) || !str_ends(name, STR(FS_HIDDEN_ENDING)) ||
            name.len >= FS_NAME_MAX || map_get(&r->committed, name))
            continue;
        size_t len = name.len - 1 - (sizeof FS_HIDDEN_ENDING - 1);
        memcpy(bare, name.ptr + 1, len);
        bare[len] = 0;
        TRY(fs_sink_path(r->sink, bare, true, path, err));
        r->changed = true;
        if (r->planted & CONNECT_BUG_NO_ORPHANS) {
            char final[FS_PATH_MAX];
            TRY(fs_sink_path(r->sink, bare, false, final, err));
            TRY(r->os->ops->rename(r->os, path, final, err));
            continue;
        }
        TRY(r->os->ops->unlink(r->os, path, err));
    }
    return ST_OK;
}

static enum status run(struct restore *r, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    TRY(os_mkdirs(r->os, r->sink->dir.ptr, err));
    for (uint32_t i = 0; i < n; i++)
        TRY(take_commit(r, &commits[i], err));
    TRY(delete_orphans(r, err));
    return r->changed ? r->os->ops->sync_dir(r->os, r->sink->dir.ptr, err) : ST_OK;
}

enum status fs_sink_restore(struct sink *base, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    struct fs_sink *s = (struct fs_sink *)base;
    const struct connect_extra *extra = s->ctx->extra;
    struct restore r = { .sink = s, .os = s->ctx->os, .planted = extra ? extra->planted : 0 };
    arena_init(&r.arena, s->ctx->budget);
    map_init(&r.committed, &r.arena, false);
    enum status st = run(&r, commits, n, err);
    arena_release(&r.arena);
    return st;
}
