/* The filesystem sink: rows into files that appear whole, exactly once.
 *
 * A file is written under a hidden name, ".part-<tag>-<subtask>-<epoch>-<n>.<ending>.inprogress", with pwrite,
 * on the task. At a barrier `prepare` says in the commit's bytes which files were finished since the last commit
 * and how long those still open are. `flush` syncs all of them and, for new names, their folders: only then may
 * the commit record be written. When that is durable `publish` renames the finished ones to their names without
 * the dot and the ending, and syncs the folders. So a file without a dot is committed, and has been from its
 * first to its last byte.
 *
 * Restore (sink_restore.c) goes by the commit's bytes alone: it repeats the renames, cuts the open files to the
 * committed length and finishes them, and deletes what no commit names. Nothing is ever appended to a file of an
 * earlier life.
 *
 * A compressed file ends a frame at each commit, so what a commit names can be read by itself.
 *
 * Rows of a partitioned table are sorted by partition, a batch at a time, and encoded partition by partition. A row is
 * compared with the one before it; only where they differ is the partition looked up.
 *
 * A partition gets its mark, an empty file that says that it is whole, when it is due: by the least watermark of all writers,
 * or by the clock. At the barrier where a writer finds it due its file there is finished; the last writer to publish that
 * epoch sets the mark. Until a later commit has left it out, a partition stands in the commit's bytes as one that waits, so a
 * restore sets the mark again that may have been lost.
 *
 * INSERT OVERWRITE: files stay hidden until the commit after which nothing follows; then the last writer deletes what was
 * visible in the folders written to and makes all of them visible. A hidden file, made before the first commit and deleted
 * last, says that this is still to be done; a restore that finds it begins again.
 *
 * The tag is a hash of job, table and the sink's place among the job's (two may write to one table), so that a
 * restarted job knows its own files. A job whose commits do not
 * outlive the process takes a random one: its epochs begin at 1 each time. A final name that is taken (the same
 * job was run afresh) is never overwritten: n counts on.
 *
 * Commit bytes: u8 2, varint number of finished files, each: path below the directory, u64 length; varint number of open
 * ones, the same; u8 FS_COMMIT_* flags; with MARKS: u64 the writer's clock, varint number of partitions that wait, each:
 * folder, u64 when it is due. Paths are the final ones. */
#include <stdio.h>

#include "sink.h"

#define ROWS_MAX (BATCH_ROWS * 64u) /* of a batch */

static enum status no_memory(const struct fs_writer *w, struct error *err)
{
    return connect_memory(w->budget, err);
}

enum status fs_sink_path(const struct fs_sink *s, const char *path, bool hidden, char out[FS_PATH_MAX], struct error *err)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    int n = snprintf(out, FS_PATH_MAX, "%s%s%.*s%s%s%s", s->dir.ptr, str_ends(s->dir, STR("/")) ? "" : "/",
                     (int)(name - path), path, hidden ? "." : "", name, hidden ? FS_HIDDEN_ENDING : "");
    if (n < 0 || (size_t)n >= FS_PATH_MAX)
        return error_set(err, ST_LIMIT, "the path of '%.200s' is longer than %u bytes", path, FS_PATH_MAX - 1);
    return ST_OK;
}

/* ---- writing ---- */

/* Are two rows of one partition? Equal views are equal texts; short ones are equal only then. */
static bool same_value(const struct column *c, enum phys phys, uint32_t a, uint32_t b)
{
    if (column_is_null(c, a) || column_is_null(c, b))
        return column_is_null(c, a) && column_is_null(c, b);
    if (phys != PHYS_STRING)
        return phys == PHYS_I32 ? c->i32[a] == c->i32[b] : column_equal(c, a, c, b);
    const struct strview *x = &c->str[a], *y = &c->str[b];
    if (memcmp(x, y, sizeof *x) == 0)
        return true;
    return x->len > 12 && x->len == y->len && str_eq(column_str(c, a), column_str(c, b));
}

static bool same_partition(const struct fs_layout *l, const struct batch *b, uint32_t row, uint32_t other)
{
    for (uint32_t i = 0; i < l->n_partitions; i++) {
        const struct column *c = &b->cols[l->partitions[i]];
        if (!same_value(c, type_phys(c->type), row, other))
            return false;
    }
    return true;
}

static bool make_room(struct fs_writer *w, uint32_t rows)
{
    if (rows <= w->room)
        return true;
    mem_free(w->budget, w->sorted, w->room * sizeof *w->sorted);
    mem_free(w->budget, w->part_of, w->room * sizeof *w->part_of);
    w->room = 0;
    w->sorted = mem_alloc(w->budget, rows * sizeof *w->sorted);
    w->part_of = mem_alloc(w->budget, rows * sizeof *w->part_of);
    if (!w->sorted || !w->part_of) {
        mem_free(w->budget, w->sorted, rows * sizeof *w->sorted);
        mem_free(w->budget, w->part_of, rows * sizeof *w->part_of);
        w->sorted = NULL;
        w->part_of = NULL;
        return false;
    }
    w->room = rows;
    return true;
}

/* Rows [from, until) of those that count, each with its part in part_of[]: sorted by part, then written. `view`: the file's
 * columns. */
static enum status write_sorted(struct fs_writer *w, const struct batch *b, struct batch *view, uint32_t from, uint32_t until,
                                struct fs_part *touched, struct error *err)
{
    uint32_t at = 0;
    enum status st = ST_OK;
    for (struct fs_part *p = touched; p; p = p->touched) {
        p->at = at;
        at += p->n_rows;
    }
    for (uint32_t k = from; k < until; k++)
        w->sorted[w->part_of[k]->at++] = (uint16_t)batch_row(b, k);
    for (struct fs_part *p = touched; p && st == ST_OK; p = p->touched) {
        view->sel = w->sorted + (p->at - p->n_rows);
        view->n_sel = p->n_rows;
        st = fs_part_write(w, p, view, err);
    }
    for (struct fs_part *p = touched; p; p = p->touched)
        p->n_rows = 0;
    return st;
}

static enum status write_partitioned(struct fs_writer *w, const struct batch *b, struct error *err)
{
    const struct fs_layout *l = &w->sink->layout;
    uint32_t rows = batch_rows(b), from = 0, n_touched = 0;
    struct fs_part *touched = NULL, *p = NULL;
    struct batch view = *b;
    CHECK(rows <= ROWS_MAX);
    if (!make_room(w, rows))
        return no_memory(w, err);
    view.schema = &l->file;
    view.cols = w->cols;
    for (uint32_t i = 0; i < l->file.n_fields; i++)
        w->cols[i] = b->cols[l->file_columns[i]];
    for (uint32_t k = 0; k < rows; k++) {
        uint32_t row = batch_row(b, k);
        if (k == 0 || !same_partition(l, b, row, batch_row(b, k - 1))) {
            if (n_touched == FS_TOUCHED_MAX) {
                TRY(write_sorted(w, b, &view, from, k, touched, err));
                from = k;
                n_touched = 0;
                touched = NULL;
            }
            TRY(fs_part_of(w, b, row, &p, err));
        }
        if (p->n_rows++ == 0) {
            p->touched = touched;
            touched = p;
            n_touched++;
        }
        w->part_of[k] = p;
    }
    if (n_touched == 1 && from == 0) {
        p->n_rows = 0;
        return fs_part_write(w, p, &view, err);
    }
    return write_sorted(w, b, &view, from, rows, touched, err);
}

static enum status fs_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                            struct error *err)
{
    struct fs_writer *w = (struct fs_writer *)base;
    *ret = WRITE_DONE;
    if (batch_rows(b) == 0)
        return ST_OK;
    if (w->sink->layout.n_partitions)
        return write_partitioned(w, b, err);
    struct fs_part *p = w->newest;
    if (!p)
        TRY(fs_part_of(w, b, 0, &p, err));
    return fs_part_write(w, p, b, err);
}

static enum status fs_watermark(struct sink_writer *base, int64_t watermark_ms, struct error *err)
{
    (void)err;
    struct fs_writer *w = (struct fs_writer *)base;
    w->watermark_ms = watermark_ms;
    return ST_OK;
}

static void fs_idle(struct sink_writer *base, bool idle)
{
    ((struct fs_writer *)base)->idle = idle;
}

static enum status fs_prepare(struct sink_writer *base, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                              struct error *err)
{
    struct fs_writer *w = (struct fs_writer *)base;
    struct fs_sink *s = w->sink;
    w->ended = w->watermark_ms == INT64_MAX;
    w->clock_ms = s->trigger == FS_PARTITION_TIME || w->ended ? w->watermark_ms : now_ms;
    for (struct fs_pending *p = w->pending; p; p = p->next)
        if (p->due_ms == INT64_MIN && s->trigger == FS_PROCESS_TIME && __builtin_add_overflow(now_ms, s->delay_ms, &p->due_ms))
            p->due_ms = INT64_MAX;
    for (struct fs_part *p = w->newest, *next; p; p = next) {
        next = p->older;
        bool due = p->pending && fs_pending_due(s, p->pending->due_ms, w->clock_ms);
        TRY(fs_part_settle(w, p, final || due || w->ended, now_ms, err));
    }
    w->epoch = epoch + 1;
    return fs_sink_put_commit(w, out) ? ST_OK : no_memory(w, err);
}

/* ---- life ---- */

static void free_files(struct fs_sink *s, struct budget *b, struct fs_file *f)
{
    for (struct fs_file *next; f; f = next) {
        next = f->next;
        fs_file_free(s, b, f);
    }
}

static void fs_close(struct sink_writer *base)
{
    struct fs_writer *w = (struct fs_writer *)base;
    if (!w)
        return;
    free_files(w->sink, w->budget, w->finished);
    fs_parts_free(w);
    while (w->pending)
        fs_pending_drop(w, w->pending);
    mem_free(w->budget, w->pending_in, w->pending_in ? FS_BUCKETS * sizeof *w->pending_in : 0);
    if (w->encoder)
        w->encoder->ops->free(w->encoder);
    buf_release(&w->key);
    mem_free(w->budget, w->sorted, w->room * sizeof *w->sorted);
    mem_free(w->budget, w->part_of, w->room * sizeof *w->part_of);
    mem_free(w->budget, w->cols, w->cols ? w->sink->layout.file.n_fields * sizeof *w->cols : 0);
    mem_free(w->budget, w, sizeof *w);
}

/* What an earlier life has left to be made visible or marked. */
static enum status take_carried(struct fs_writer *w, struct error *err)
{
    struct fs_sink *s = w->sink;
    for (struct fs_file *f = s->carried; f; f = f->next) {
        struct fs_file *own = fs_file_new(w->budget, str_from(f->path));
        if (!own)
            return no_memory(w, err);
        own->length = own->synced = f->length;
        *w->finished_end = own;
        w->finished_end = &own->next;
        w->n_finished++;
    }
    for (struct fs_pending *p = s->carried_pending; p; p = p->next) {
        struct fs_pending *own = fs_pending_of(w, str_from(p->folder), err);
        if (!own)
            return err && err->status != ST_OK ? err->status : ST_MEMORY;
        own->due_ms = p->due_ms;
    }
    return ST_OK;
}

static enum status start(struct fs_writer *w, struct error *err)
{
    struct fs_sink *s = w->sink;
    const struct table_desc *t = s->base.table;
    buf_init(&w->key, w->budget, (size_t)1 << 31);
    w->finished_end = &w->finished;
    w->watermark_ms = w->clock_ms = INT64_MIN;
    w->cols = mem_calloc(w->budget, s->layout.file.n_fields * sizeof *w->cols);
    if (!w->cols)
        return no_memory(w, err);
    TRY(t->format->open_encoder(t, &s->layout.file, s->ctx, w->budget, &w->encoder, err));
    return w->subtask == 0 ? take_carried(w, err) : ST_OK;
}

static enum status fs_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget,
                           struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)wake;
    struct fs_sink *s = (struct fs_sink *)base;
    struct fs_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = base->ops;
    w->sink = s;
    w->budget = budget;
    w->subtask = subtask;
    w->epoch = epoch;
    enum status st = start(w, err);
    if (st != ST_OK) {
        fs_close(&w->base);
        return st;
    }
    while (atomic_flag_test_and_set_explicit(&s->busy, memory_order_acquire)) {
    }
    w->next = s->writers;
    s->writers = w;
    s->n_writers++;
    atomic_flag_clear_explicit(&s->busy, memory_order_release);
    *ret = &w->base;
    return ST_OK;
}

static void fs_free(struct sink *base)
{
    struct fs_sink *s = (struct fs_sink *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    free_files(s, b, s->carried);
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = fs_sink_restore, .open = fs_open, .write = fs_write, .watermark = fs_watermark, .idle = fs_idle,
    .prepare = fs_prepare, .flush = fs_sink_flush, .publish = fs_sink_publish, .close = fs_close, .free = fs_free,
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

static enum status read_options(struct fs_sink *s, const struct table_desc *t, struct error *err)
{
    const struct options *o = &t->options;
    s->codec = fs_codec(t, s->dir);
    s->ending = str_eq(str_from(t->format->name), STR("debezium-json")) ? "json" : t->format->name;
    s->roll_bytes = (uint64_t)option_bytes(o, fs_options, fs_option_count, "sink.rolling-policy.file-size");
    s->roll_ms = option_ms(o, fs_options, fs_option_count, "sink.rolling-policy.rollover-interval");
    s->marks = fs_marks(t);
    struct str trigger = option_str(o, fs_options, fs_option_count, "sink.partition-commit.trigger");
    s->trigger = str_eq(trigger, STR("partition-time")) ? FS_PARTITION_TIME : FS_PROCESS_TIME;
    s->delay_ms = option_ms(o, fs_options, fs_option_count, "sink.partition-commit.delay");
    s->mark = arena_str(&s->arena, option_str(o, fs_options, fs_option_count, "sink.partition-commit.success-file.name"));
    struct str zone = option_str(o, fs_options, fs_option_count, "sink.partition-commit.watermark-time-zone");
    s->zone = s->ctx->zone;
    if (!str_eq(zone, s->ctx->zone.name) && !zone_parse(zone, &s->zone))
        return error_set(err, ST_SEMANTIC, "table '%.*s': 'sink.partition-commit.watermark-time-zone' is neither fixed nor the "
                         "session's: '%.*s'", STR_ARG(t->name), STR_ARG(zone));
    return s->mark.ptr ? ST_OK : connect_memory(s->arena.budget, err);
}

enum status fs_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                         struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)upsert;
    if (path_is_stdio(options_get(&t->options, "path")))
        return stdout_sink_open(t, schema, ctx, ret, err);
    struct fs_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct sink){ &ops, t };
    s->ctx = ctx;
    s->watermark_ms = INT64_MIN;
    s->overwrite = t->overwrite;
    atomic_flag_clear(&s->busy);
    arena_init(&s->arena, ctx->budget);
    s->dir = fs_path(t, &s->arena);
    enum status st = s->dir.ptr ? fs_layout_of(t, &s->arena, &s->layout, err) : connect_memory(ctx->budget, err);
    if (st == ST_OK)
        st = read_options(s, t, err);
    if (st != ST_OK) {
        fs_free(&s->base);
        return st;
    }
    make_prefix(s);
    *ret = &s->base;
    return ST_OK;
}
