/* The filesystem sink: rows into files that appear whole, exactly once.
 *
 * A file is written under a hidden name, ".part-<tag>-<subtask>-<epoch>-<n>.<ending>.inprogress", with pwrite,
 * on the task. At a barrier `prepare` says in the commit's bytes which files were finished since the last commit
 * and how long the one still open is. `flush` syncs all of them and, for new names, the directory: only then may
 * the commit record be written. When that is durable `publish` renames the finished ones to their names without
 * the dot and the ending, and syncs the directory. So a file without a dot is committed, and has been from its
 * first to its last byte.
 *
 * Restore (sink_restore.c) goes by the commit's bytes alone: it repeats the renames, cuts the open file to the
 * committed length and finishes it, and deletes what no commit names. Nothing is ever appended to a file of an
 * earlier life.
 *
 * A compressed file ends a frame at each commit, so what a commit names can be read by itself.
 *
 * The tag is a hash of job, table and the sink's place among the job's (two may write to one table), so that a
 * restarted job knows its own files. A job whose commits do not
 * outlive the process takes a random one: its epochs begin at 1 each time. A final name that is taken (the same
 * job was run afresh) is never overwritten: n counts on.
 *
 * Commit bytes: u8 1, varint number of finished files, each: name, u64 length; u8 is there an open one: name,
 * u64 length. Names are the final ones. */
#include "sink.h"

#include <stdio.h>

#define TEXT_BYTES ((size_t)256 << 10) /* encoded bytes that are written at once */
#define TEXT_MAX ((size_t)1 << 31)
#define NAME_TRIES 100000u

static enum status no_memory(const struct fs_writer *w, struct error *err)
{
    return connect_memory(w->budget, err);
}

/* ---- names ---- */

enum status fs_sink_path(const struct fs_sink *s, const char *name, bool hidden, char out[FS_PATH_MAX],
                         struct error *err)
{
    int n = snprintf(out, FS_PATH_MAX, "%s%s%s%s%s", s->dir.ptr, str_ends(s->dir, STR("/")) ? "" : "/",
                     hidden ? "." : "", name, hidden ? FS_HIDDEN_ENDING : "");
    if (n < 0 || (size_t)n >= FS_PATH_MAX)
        return error_set(err, ST_LIMIT, "the path of '%s' is longer than %u bytes", name, FS_PATH_MAX - 1);
    return ST_OK;
}

/* The next name that nobody has. */
static enum status choose_name(struct fs_writer *w, char name[FS_NAME_MAX], struct error *err)
{
    struct fs_sink *s = w->sink;
    struct os *os = s->ctx->os;
    for (uint32_t tries = 0; tries < NAME_TRIES; tries++) {
        char path[FS_PATH_MAX];
        struct os_stat st;
        int n = snprintf(name, FS_NAME_MAX, "%s-%u-%llu-%llu.%s%s", s->prefix, w->subtask,
                         (unsigned long long)w->epoch, (unsigned long long)w->next_n++, s->ending,
                         codec_suffix(s->codec));
        CHECK(n > 0 && (size_t)n < FS_NAME_MAX);
        TRY(fs_sink_path(s, name, false, path, err));
        enum status found = os->ops->stat(os, path, &st, err);
        if (found == ST_NOT_FOUND) {
            error_clear(err);
            return ST_OK;
        }
        TRY(found);
    }
    return error_set(err, ST_EXISTS, "'%s' holds more than %u files of this job and epoch", s->dir.ptr, NAME_TRIES);
}

/* ---- writing ---- */

static enum status write_bytes(struct fs_writer *w, struct buf *b, struct error *err)
{
    struct fs_file *f = w->current;
    if (b->len == 0)
        return ST_OK;
    struct os *os = w->sink->ctx->os;
    TRY(os_pwrite(os, f->file, b->data, b->len, f->length, err));
    f->length += b->len;
    buf_clear(b);
    return ST_OK;
}

/* Hands encoded bytes on, at least when there are `least` of them. */
static enum status drain(struct fs_writer *w, size_t least, struct error *err)
{
    struct buf *out = &w->text;
    if (w->packer) {
        TRY(packer_put(w->packer, w->text.data, w->text.len, &w->packed, err));
        buf_clear(&w->text);
        out = &w->packed;
    }
    return out->len >= least ? write_bytes(w, out, err) : ST_OK;
}

/* Everything so far is in the file, and can be read without what follows. */
static enum status complete(struct fs_writer *w, struct error *err)
{
    TRY(drain(w, SIZE_MAX, err));
    if (w->packer) {
        TRY(packer_flush_frame(w->packer, &w->packed, err));
        return write_bytes(w, &w->packed, err);
    }
    return write_bytes(w, &w->text, err);
}

static enum status begin_file(struct fs_writer *w, struct error *err)
{
    char path[FS_PATH_MAX];
    struct os *os = w->sink->ctx->os;
    struct fs_file *f = mem_calloc(w->budget, sizeof *f);
    if (!f)
        return no_memory(w, err);
    enum status st = choose_name(w, f->name, err);
    if (st == ST_OK)
        st = fs_sink_path(w->sink, f->name, true, path, err);
    if (st == ST_OK)
        st = os_open(os, path, OS_EXCLUSIVE, &f->file, err);
    if (st != ST_OK) {
        mem_free(w->budget, f, sizeof *f);
        return st;
    }
    f->born_ms = INT64_MIN;
    w->current = f;
    w->new_names = true;
    return w->encoder->ops->begin(w->encoder, &w->text, err);
}

static enum status finish_file(struct fs_writer *w, struct error *err)
{
    TRY(complete(w, err));
    *w->finished_end = w->current;
    w->finished_end = &w->current->next;
    w->n_finished++;
    w->current = NULL;
    return ST_OK;
}

static enum status fs_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                            struct error *err)
{
    struct fs_writer *w = (struct fs_writer *)base;
    *ret = WRITE_DONE;
    if (batch_rows(b) == 0)
        return ST_OK;
    if (!w->current)
        TRY(begin_file(w, err));
    size_t before = w->text.len;
    TRY(w->encoder->ops->encode(w->encoder, b, &w->text, err));
    base->bytes += w->text.len - before;
    if (w->packer || w->text.len >= TEXT_BYTES)
        TRY(drain(w, TEXT_BYTES, err));
    if (w->current->length + w->text.len + w->packed.len >= w->sink->roll_bytes)
        return finish_file(w, err);
    return ST_OK;
}

/* ---- committing ---- */

static bool put_file(struct buf *out, const struct fs_file *f)
{
    return buf_put_str(out, str_from(f->name)) && buf_put_u64(out, f->length);
}

static bool put_commit(const struct fs_writer *w, struct buf *out)
{
    if (w->n_finished == 0 && !w->current)
        return true;
    if (!buf_put_u8(out, FS_COMMIT_VERSION) || !buf_put_varint(out, w->n_finished))
        return false;
    for (const struct fs_file *f = w->finished; f; f = f->next)
        if (!put_file(out, f))
            return false;
    return buf_put_u8(out, w->current != NULL) && (!w->current || put_file(out, w->current));
}

static enum status fs_prepare(struct sink_writer *base, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                              struct error *err)
{
    struct fs_writer *w = (struct fs_writer *)base;
    struct fs_file *f = w->current;
    if (f) {
        if (f->born_ms == INT64_MIN)
            f->born_ms = now_ms;
        bool old = now_ms - f->born_ms >= w->sink->roll_ms;
        TRY(final || old ? finish_file(w, err) : complete(w, err));
    }
    w->epoch = epoch + 1;
    return put_commit(w, out) ? ST_OK : no_memory(w, err);
}

static enum status sync_file(struct fs_writer *w, struct fs_file *f, struct error *err)
{
    if (f->length == f->synced)
        return ST_OK;
    TRY(os_sync(w->sink->ctx->os, f->file, err));
    f->synced = f->length;
    return ST_OK;
}

static enum status fs_flush(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    (void)epoch;
    struct fs_writer *w = (struct fs_writer *)base;
    struct os *os = w->sink->ctx->os;
    for (struct fs_file *f = w->finished; f; f = f->next)
        TRY(sync_file(w, f, err));
    if (w->current)
        TRY(sync_file(w, w->current, err));
    if (w->new_names)
        TRY(os->ops->sync_dir(os, w->sink->dir.ptr, err));
    w->new_names = false;
    return ST_OK;
}

static void free_file(struct fs_writer *w, struct fs_file *f)
{
    if (!f)
        return;
    os_close(w->sink->ctx->os, f->file);
    mem_free(w->budget, f, sizeof *f);
}

static enum status fs_publish(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    (void)epoch;
    struct fs_writer *w = (struct fs_writer *)base;
    struct os *os = w->sink->ctx->os;
    if (!w->finished)
        return ST_OK;
    for (struct fs_file *f = w->finished; f; f = f->next) {
        char from[FS_PATH_MAX], to[FS_PATH_MAX];
        TRY(fs_sink_path(w->sink, f->name, true, from, err));
        TRY(fs_sink_path(w->sink, f->name, false, to, err));
        TRY(os->ops->rename(os, from, to, err));
    }
    TRY(os->ops->sync_dir(os, w->sink->dir.ptr, err));
    for (struct fs_file *f = w->finished, *next; f; f = next) {
        next = f->next;
        free_file(w, f);
    }
    w->finished = NULL;
    w->finished_end = &w->finished;
    w->n_finished = 0;
    return ST_OK;
}

/* ---- life ---- */

static void fs_close(struct sink_writer *base)
{
    struct fs_writer *w = (struct fs_writer *)base;
    if (!w)
        return;
    for (struct fs_file *f = w->finished, *next; f; f = next) {
        next = f->next;
        free_file(w, f);
    }
    free_file(w, w->current);
    packer_free(w->packer);
    if (w->encoder)
        w->encoder->ops->free(w->encoder);
    buf_release(&w->text);
    buf_release(&w->packed);
    mem_free(w->budget, w, sizeof *w);
}

static enum status start(struct fs_writer *w, struct error *err)
{
    struct fs_sink *s = w->sink;
    const struct table_desc *t = s->base.table;
    buf_init(&w->text, w->budget, TEXT_MAX);
    buf_init(&w->packed, w->budget, TEXT_MAX);
    w->finished_end = &w->finished;
    if (s->codec != CODEC_NONE) {
        w->packer = packer_new(s->codec, w->budget);
        if (!w->packer)
            return no_memory(w, err);
    }
    return t->format->open_encoder(t, s->schema, s->ctx, w->budget, &w->encoder, err);
}

static enum status fs_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget,
                           struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)wake;
    struct fs_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = base->ops;
    w->sink = (struct fs_sink *)base;
    w->budget = budget;
    w->subtask = subtask;
    w->epoch = epoch;
    enum status st = start(w, err);
    if (st != ST_OK) {
        fs_close(&w->base);
        return st;
    }
    *ret = &w->base;
    return ST_OK;
}

static void fs_free(struct sink *base)
{
    struct fs_sink *s = (struct fs_sink *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = fs_sink_restore, .open = fs_open, .write = fs_write, .prepare = fs_prepare, .flush = fs_flush,
    .publish = fs_publish, .close = fs_close, .free = fs_free,
};

static void make_prefix(struct fs_sink *s)
{
    struct connect_extra *extra = s->ctx->extra;
    uint64_t parts[3] = { s->ctx->job_id, hash_bytes(s->base.table->name.ptr, s->base.table->name.len) };
    parts[2] = extra ? atomic_fetch_add(&extra->sinks, 1) : 0;
    if (!s->ctx->durable)
        s->ctx->os->ops->entropy(s->ctx->os, &parts[0], sizeof parts[0]);
    snprintf(s->prefix, sizeof s->prefix, "part-%016llx", (unsigned long long)hash_bytes(parts, sizeof parts));
}

enum status fs_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                         struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)upsert;
    if (path_is_stdio(options_get(&t->options, "path")))
        return stdout_sink_open(t, schema, ctx, ret, err);
    if (t->n_partitioned_by > 0)
        return error_set(err, ST_UNSUPPORTED, "table '%.*s': writing to a table with PARTITIONED BY is not supported yet",
                         STR_ARG(t->name));
    struct fs_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct sink){ &ops, t };
    s->ctx = ctx;
    s->schema = schema;
    arena_init(&s->arena, ctx->budget);
    s->dir = fs_path(t, &s->arena);
    if (!s->dir.ptr) {
        fs_free(&s->base);
        return connect_memory(ctx->budget, err);
    }
    s->codec = fs_codec(t, s->dir);
    s->ending = str_eq(str_from(t->format->name), STR("debezium-json")) ? "json" : t->format->name;
    s->roll_bytes = (uint64_t)option_bytes(&t->options, fs_options, fs_option_count, "sink.rolling-policy.file-size");
    s->roll_ms = option_ms(&t->options, fs_options, fs_option_count, "sink.rolling-policy.rollover-interval");
    make_prefix(s);
    *ret = &s->base;
    return ST_OK;
}
