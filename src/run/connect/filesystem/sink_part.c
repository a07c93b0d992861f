/* A writer's partitions: found by their values, each with its open file and its bytes not yet written.
 *
 * Parts lie in buckets by the hash of their values' canonical bytes and in a list by last use. A part lives as long as it has a
 * file; the one of a table without partitions stays. What waits for a mark is kept apart, by folder, since it outlives the
 * part. */
#include <stdio.h>

#include "sink.h"

#define TEXT_BYTES ((size_t)256 << 10) /* encoded bytes that are written at once … */
#define TEXT_BYTES_MANY ((size_t)64 << 10) /* … where several files are open */
#define TEXT_MAX ((size_t)1 << 31)
#define NAME_TRIES 100000u

static enum status no_memory(const struct fs_writer *w, struct error *err)
{
    return connect_memory(w->budget, err);
}

/* ---- files ---- */

struct fs_file *fs_file_new(struct budget *b, struct str path)
{
    struct fs_file *f = mem_calloc(b, sizeof *f + path.len + 1);
    if (!f)
        return NULL;
    memcpy(f->path, path.ptr, path.len);
    f->born_ms = INT64_MIN;
    return f;
}

void fs_file_free(struct fs_sink *s, struct budget *b, struct fs_file *f)
{
    if (!f)
        return;
    os_close(s->ctx->os, f->file);
    mem_free(b, f, sizeof *f + strlen(f->path) + 1);
}

/* The next name that nobody has. */
static enum status choose_name(struct fs_writer *w, const struct fs_part *p, char path[FS_PATH_MAX], struct error *err)
{
    struct fs_sink *s = w->sink;
    struct os *os = s->ctx->os;
    for (uint32_t tries = 0; tries < NAME_TRIES; tries++) {
        char final[FS_PATH_MAX];
        struct os_stat st;
        int n = snprintf(path, FS_PATH_MAX, "%s%s-%u-%llu-%llu.%s%s", p->folder.ptr, s->prefix, w->subtask,
                         (unsigned long long)w->epoch, (unsigned long long)w->next_n++, s->ending, codec_suffix(s->codec));
        if (n < 0 || (size_t)n >= FS_PATH_MAX)
            return error_set(err, ST_LIMIT, "the path of '%.100s…' is longer than %u bytes", p->folder.ptr, FS_PATH_MAX - 1);
        TRY(fs_sink_path(s, path, false, final, err));
        enum status found = os->ops->stat(os, final, &st, err);
        if (found == ST_NOT_FOUND) {
            error_clear(err);
            return ST_OK;
        }
        TRY(found);
    }
    return error_set(err, ST_EXISTS, "'%s%s' holds more than %u files of this job and epoch", s->dir.ptr, p->folder.ptr,
                     NAME_TRIES);
}

/* Folders are made durable by the flush. */
static enum status make_folders(struct fs_sink *s, struct str folder, struct error *err)
{
    char path[FS_PATH_MAX];
    TRY(fs_sink_path(s, folder.ptr, false, path, err));
    size_t from = strlen(path) - folder.len;
    for (size_t i = from; path[i]; i++)
        if (path[i] == '/') {
            path[i] = 0;
            TRY(s->ctx->os->ops->mkdir(s->ctx->os, path, err));
            path[i] = '/';
        }
    return ST_OK;
}

static enum status begin_file(struct fs_writer *w, struct fs_part *p, struct error *err)
{
    char path[FS_PATH_MAX], hidden[FS_PATH_MAX];
    struct os *os = w->sink->ctx->os;
    TRY(choose_name(w, p, path, err));
    TRY(fs_sink_path(w->sink, path, true, hidden, err));
    struct fs_file *f = fs_file_new(w->budget, str_from(path));
    if (!f)
        return no_memory(w, err);
    enum status st = os_open(os, hidden, OS_EXCLUSIVE, &f->file, err);
    if (st == ST_NOT_FOUND && p->folder.len) {
        error_clear(err);
        st = make_folders(w->sink, p->folder, err);
        if (st == ST_OK)
            st = os_open(os, hidden, OS_EXCLUSIVE, &f->file, err);
    }
    if (st != ST_OK) {
        fs_file_free(w->sink, w->budget, f);
        return st;
    }
    f->fresh = true;
    p->current = f;
    w->n_open++;
    atomic_fetch_add(&w->sink->open_files, 1);
    return w->encoder->ops->begin(w->encoder, &p->text, err);
}

static enum status write_bytes(struct fs_writer *w, struct fs_part *p, struct buf *b, struct error *err)
{
    struct fs_file *f = p->current;
    if (b->len == 0)
        return ST_OK;
    TRY(os_pwrite(w->sink->ctx->os, f->file, b->data, b->len, f->length, err));
    f->length += b->len;
    buf_clear(b);
    return ST_OK;
}

/* Hands encoded bytes on, at least when there are `least` of them. */
static enum status drain(struct fs_writer *w, struct fs_part *p, size_t least, struct error *err)
{
    struct buf *out = &p->text;
    if (p->packer) {
        TRY(packer_put(p->packer, p->text.data, p->text.len, &p->packed, err));
        buf_clear(&p->text);
        out = &p->packed;
    }
    return out->len >= least ? write_bytes(w, p, out, err) : ST_OK;
}

/* Everything so far is in the file, and can be read without what follows. */
static enum status complete(struct fs_writer *w, struct fs_part *p, struct error *err)
{
    TRY(drain(w, p, SIZE_MAX, err));
    if (p->packer) {
        TRY(packer_flush_frame(p->packer, &p->packed, err));
        return write_bytes(w, p, &p->packed, err);
    }
    return write_bytes(w, p, &p->text, err);
}

static enum status finish_file(struct fs_writer *w, struct fs_part *p, struct error *err)
{
    TRY(complete(w, p, err));
    *w->finished_end = p->current;
    w->finished_end = &p->current->next;
    w->n_finished++;
    p->current = NULL;
    w->n_open--;
    atomic_fetch_sub(&w->sink->open_files, 1);
    return ST_OK;
}

/* ---- parts ---- */

static void unlink_part(struct fs_writer *w, struct fs_part *p)
{
    struct fs_part **at = &w->parts[p->hash % FS_BUCKETS];
    while (*at != p)
        at = &(*at)->in_bucket;
    *at = p->in_bucket;
    *(p->newer ? &p->newer->older : &w->newest) = p->older;
    *(p->older ? &p->older->newer : &w->oldest) = p->newer;
}

static void free_part(struct fs_writer *w, struct fs_part *p)
{
    if (p->current) {
        fs_file_free(w->sink, w->budget, p->current);
        w->n_open--;
        atomic_fetch_sub(&w->sink->open_files, 1);
    }
    unlink_part(w, p);
    packer_free(p->packer);
    buf_release(&p->text);
    buf_release(&p->packed);
    mem_free(w->budget, p, sizeof *p + p->key.len + p->folder.len + 1);
}

void fs_parts_free(struct fs_writer *w)
{
    while (w->newest)
        free_part(w, w->newest);
}

static void use_part(struct fs_writer *w, struct fs_part *p)
{
    p->older = w->newest;
    p->newer = NULL;
    *(w->newest ? &w->newest->newer : &w->oldest) = p;
    w->newest = p;
}

/* Files finished early are closed at once: the flush opens them again to sync them. */
static enum status evict(struct fs_writer *w, struct error *err)
{
    struct fs_part *p = w->oldest;
    while (atomic_load(&w->sink->open_files) >= FS_OPEN_MAX && w->n_open >= FS_OPEN_LEAST && p) {
        struct fs_part *next = p->newer;
        if (p->n_rows == 0 && p->current) {
            struct fs_file *f = p->current;
            TRY(finish_file(w, p, err));
            os_close(w->sink->ctx->os, f->file);
            f->file = NULL;
        }
        if (p->n_rows == 0)
            free_part(w, p);
        p = next;
    }
    return ST_OK;
}

static enum status put_folder(struct fs_writer *w, const struct batch *b, uint32_t row, struct buf *out, struct error *err)
{
    const struct fs_layout *l = &w->sink->layout;
    struct buf value;
    buf_init(&value, w->budget, TEXT_MAX);
    bool ok = true;
    for (uint32_t i = 0; ok && i < l->n_partitions; i++) {
        const struct column *c = &b->cols[l->partitions[i]];
        buf_clear(&value);
        ok = (column_is_null(c, row) || value_print(&value, c, row, &w->sink->ctx->zone)) &&
             fs_partition_put(out, l, w->sink->base.table->partitioned_by[i], buf_str(&value)) && buf_put_u8(out, '/');
    }
    buf_release(&value);
    return ok ? ST_OK : no_memory(w, err);
}

static enum status new_part(struct fs_writer *w, uint64_t hash, struct str key, struct str folder, struct fs_part **ret,
                            struct error *err)
{
    struct fs_part *p = mem_calloc(w->budget, sizeof *p + key.len + folder.len + 1);
    if (!p)
        return no_memory(w, err);
    char *bytes = (char *)(p + 1);
    p->hash = hash;
    p->key = (struct str){ bytes, key.len };
    p->folder = (struct str){ bytes + key.len, folder.len };
    if (key.len)
        memcpy(bytes, key.ptr, key.len);
    if (folder.len)
        memcpy(bytes + key.len, folder.ptr, folder.len);
    buf_init(&p->text, w->budget, TEXT_MAX);
    buf_init(&p->packed, w->budget, TEXT_MAX);
    p->in_bucket = w->parts[hash % FS_BUCKETS];
    w->parts[hash % FS_BUCKETS] = p;
    use_part(w, p);
    if (w->sink->codec != CODEC_NONE && !(p->packer = packer_new(w->sink->codec, w->budget))) {
        free_part(w, p);
        return no_memory(w, err);
    }
    *ret = p;
    return ST_OK;
}

enum status fs_part_of(struct fs_writer *w, const struct batch *b, uint32_t row, struct fs_part **ret, struct error *err)
{
    const struct fs_layout *l = &w->sink->layout;
    buf_clear(&w->key);
    if (!row_encode(&w->key, b->cols, l->partitions, l->n_partitions, row, false))
        return no_memory(w, err);
    struct str key = buf_str(&w->key);
    uint64_t hash = hash_bytes(key.ptr, key.len);
    for (struct fs_part *p = w->parts[hash % FS_BUCKETS]; p; p = p->in_bucket)
        if (p->hash == hash && str_eq(p->key, key)) {
            *ret = p;
            if (p == w->newest)
                return ST_OK;
            *(p->newer ? &p->newer->older : &w->newest) = p->older;
            *(p->older ? &p->older->newer : &w->oldest) = p->newer;
            use_part(w, p);
            return ST_OK;
        }
    struct buf folder;
    TRY(evict(w, err));
    buf_init(&folder, w->budget, TEXT_MAX);
    enum status st = put_folder(w, b, row, &folder, err);
    if (st == ST_OK && folder.len >= FS_PATH_MAX)
        st = error_set(err, ST_LIMIT, "table '%.*s': a partition's folder is longer than %u bytes",
                       STR_ARG(w->sink->base.table->name), FS_PATH_MAX - 1);
    if (st == ST_OK)
        st = new_part(w, hash, key, buf_str(&folder), ret, err);
    buf_release(&folder);
    return st;
}

/* It has rows that no mark tells of. */
static enum status await_mark(struct fs_writer *w, struct fs_part *p, struct error *err)
{
    p->pending = fs_pending_of(w, p->folder, err);
    if (!p->pending)
        return ST_MEMORY;
    p->pending->has_part = true;
    return ST_OK;
}

enum status fs_part_write(struct fs_writer *w, struct fs_part *p, const struct batch *b, struct error *err)
{
    if (!p->current)
        TRY(begin_file(w, p, err));
    if (w->sink->marks && !p->pending) {
        enum status st = await_mark(w, p, err);
        if (st != ST_OK)
            return err && err->status != ST_OK ? err->status : st;
    }
    size_t before = p->text.len;
    TRY(w->encoder->ops->encode(w->encoder, b, &p->text, err));
    w->base.bytes += p->text.len - before;
    size_t least = w->n_open > 1 ? TEXT_BYTES_MANY : TEXT_BYTES;
    if (p->packer || p->text.len >= least)
        TRY(drain(w, p, least, err));
    if (p->current->length + p->text.len + p->packed.len >= w->sink->roll_bytes)
        return finish_file(w, p, err);
    return ST_OK;
}

enum status fs_part_settle(struct fs_writer *w, struct fs_part *p, bool finish, int64_t now_ms, struct error *err)
{
    struct fs_file *f = p->current;
    if (f) {
        if (f->born_ms == INT64_MIN)
            f->born_ms = now_ms;
        bool old = now_ms - f->born_ms >= w->sink->roll_ms;
        TRY(finish || old ? finish_file(w, p, err) : complete(w, p, err));
    }
    if (!p->current && p->folder.len)
        free_part(w, p);
    return ST_OK;
}

/* ---- what waits for a mark ---- */

static enum status due_of(struct fs_writer *w, struct str folder, int64_t *ret_ms, struct error *err)
{
    struct fs_sink *s = w->sink;
    struct str *values;
    struct arena a;
    int64_t time_ms = 0;
    *ret_ms = INT64_MIN;
    if (s->trigger == FS_PROCESS_TIME)
        return ST_OK;
    arena_init(&a, w->budget);
    enum status st = fs_partition_values(&s->layout, s->base.table, folder, &a, &values, err);
    if (st == ST_OK)
        st = fs_partition_time(s->base.table, values, &s->zone, &time_ms, err);
    arena_release(&a);
    if (st == ST_OK && __builtin_add_overflow(time_ms, s->delay_ms, ret_ms))
        *ret_ms = INT64_MAX;
    return st;
}

struct fs_pending *fs_pending_of(struct fs_writer *w, struct str folder, struct error *err)
{
    uint64_t hash = hash_bytes(folder.ptr, folder.len);
    int64_t due_ms;
    if (!w->pending_in && !(w->pending_in = mem_calloc(w->budget, FS_BUCKETS * sizeof *w->pending_in))) {
        (void)no_memory(w, err);
        return NULL;
    }
    struct fs_pending **bucket = &w->pending_in[hash % FS_BUCKETS];
    for (struct fs_pending *p = *bucket; p; p = p->in_bucket)
        if (p->hash == hash && str_eq(str_from(p->folder), folder))
            return p;
    if (w->n_pending == FS_PENDING_MAX) {
        error_set(err, ST_LIMIT, "table '%.*s': more than %u partitions wait for their mark",
                  STR_ARG(w->sink->base.table->name), FS_PENDING_MAX);
        return NULL;
    }
    if (due_of(w, folder, &due_ms, err) != ST_OK)
        return NULL;
    struct fs_pending *p = mem_calloc(w->budget, sizeof *p + folder.len + 1);
    if (!p) {
        (void)no_memory(w, err);
        return NULL;
    }
    p->hash = hash;
    p->due_ms = due_ms;
    memcpy(p->folder, folder.ptr, folder.len);
    p->in_bucket = *bucket;
    *bucket = p;
    p->next = w->pending;
    if (p->next)
        p->next->previous = p;
    w->pending = p;
    w->n_pending++;
    return p;
}

void fs_pending_drop(struct fs_writer *w, struct fs_pending *p)
{
    struct fs_pending **at = &w->pending_in[p->hash % FS_BUCKETS];
    while (*at != p)
        at = &(*at)->in_bucket;
    *at = p->in_bucket;
    *(p->previous ? &p->previous->next : &w->pending) = p->next;
    if (p->next)
        p->next->previous = p->previous;
    for (struct fs_part *k = p->has_part ? w->newest : NULL; k; k = k->older)
        if (k->pending == p)
            k->pending = NULL;
    mem_free(w->budget, p, sizeof *p + strlen(p->folder) + 1);
    w->n_pending--;
}

bool fs_pending_due(const struct fs_sink *s, int64_t due_ms, int64_t clock_ms)
{
    return s->trigger == FS_PARTITION_TIME ? due_ms < clock_ms : due_ms <= clock_ms;
}
