/* The filesystem source: a split a file, read by `records` out of `fs_bytes`.
 *
 * Opening at a position proves that the bytes before it are those that were read: the file must not be shorter,
 * and what the digest covers is read again and must give the same digest. An unpacked file seeks to the
 * position; a compressed one is unpacked from its start. The inode only makes the message clearer: a file that
 * was copied back byte for byte is fine.
 *
 * The format sees the columns that lie in the file; partitions and metadata are filled in behind (extras.c).
 *
 * The digest covers everything up to 256 MiB when a commit can outlive the process, else the last 4 KiB. */
#include "filesystem.h"

struct fs_source {
    struct source base;
    struct connect_context *ctx;
    struct arena arena;
    struct fs_layout layout;
    struct need *needs, *file_needs; /* of the row read; of what lies in files */
    struct str path;
    const char *regex;
    int64_t follow_ms;
    struct replay replay;
};

struct fs_reader {
    struct split_reader base;
    struct fs_source *source;
    struct budget *budget;
    struct arena arena;
    struct str path;
    uint64_t inode;
    struct fs_extras *extras; /* NULL: none */
    struct fs_trace trace;
    struct records records;
};

/* Files of partitions that nobody wants. */
static enum status leave_out(const struct fs_source *s, struct arena *arena, struct split *splits, uint32_t *count,
                             struct error *err)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        struct str folder = splits[i].id, *values;
        while (folder.len && folder.ptr[folder.len - 1] != '/')
            folder.len--;
        TRY(fs_partition_values(&s->layout, s->base.table, folder, arena, &values, err));
        bool wanted = true;
        for (uint32_t k = 0; k < s->layout.n_partitions; k++) {
            struct str only = s->needs[s->layout.partitions[k]].only;
            wanted &= !only.ptr || (values[k].ptr && str_eq(values[k], only));
        }
        splits[kept] = splits[i];
        kept += wanted;
    }
    *count = kept;
    return ST_OK;
}

static enum status fs_splits(struct source *base, struct arena *arena, struct split **ret, uint32_t *ret_count,
                             struct error *err)
{
    struct fs_source *s = (struct fs_source *)base;
    TRY(fs_list(s->ctx->os, s->path, s->follow_ms > 0, s->regex, arena, ret, ret_count, err));
    return s->needs && s->layout.n_partitions ? leave_out(s, arena, *ret, ret_count, err) : ST_OK;
}

static enum status changed(const struct fs_reader *r, const struct fs_position *p, uint64_t inode, const char *what,
                           struct error *err)
{
    error_set(err, ST_MISMATCH, "'%.*s' %s its first %llu bytes were read and committed%s", STR_ARG(r->path), what,
              (unsigned long long)p->offset, inode != p->inode ? " (it is another file now)" : "");
    error_hint(err, "put the file back as it was, or start afresh with another state directory");
    error_place(err, r->path.ptr, 0, 0, (int64_t)p->offset);
    return ST_MISMATCH;
}

/* Reads file bytes [from, to) into the trace. *ret_short: the file ends before. */
static enum status retrace(struct fs_reader *r, struct fs_bytes *f, uint64_t to, uint8_t *room, bool *ret_short,
                           struct error *err)
{
    while (r->trace.offset < to) {
        uint64_t left = to - r->trace.offset;
        size_t got = 0;
        enum pull pulled;
        int64_t wake_ms;
        TRY(f->base.ops->pull(&f->base, room, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, &got, &pulled, &wake_ms,
                              err));
        if (pulled != PULL_WAIT)
            fs_trace_see(&r->trace.base, room, got);
        if (pulled != PULL_BYTES)
            break;
    }
    *ret_short = r->trace.offset < to;
    return ST_OK;
}

/* Unpacked files may leave out what the digest does not cover. */
static enum status retrace_all(struct fs_reader *r, struct fs_bytes *f, const struct fs_position *p, uint8_t *room,
                               bool *ret_short, struct error *err)
{
    if (f->codec == CODEC_NONE && p->offset > p->cover + 2 * FS_TAIL) {
        TRY(retrace(r, f, p->cover, room, ret_short, err));
        uint64_t on = (p->offset - FS_TAIL) / FS_TAIL * FS_TAIL;
        if (*ret_short)
            return ST_OK;
        fs_trace_jump(&r->trace, on);
        f->offset = on;
    }
    return retrace(r, f, p->offset, room, ret_short, err);
}

static enum status go_to(struct fs_reader *r, struct fs_bytes *f, const struct os_stat *now,
                         const struct fs_position *p, struct error *err)
{
    if (f->codec == CODEC_NONE && now->bytes < p->offset)
        return changed(r, p, now->inode, "has shrunk after", err);
    uint8_t *room = mem_alloc(r->budget, CHUNK_BYTES);
    if (!room)
        return connect_memory(r->budget, err);
    bool is_short = false;
    enum status st = retrace_all(r, f, p, room, &is_short, err);
    mem_free(r->budget, room, CHUNK_BYTES);
    if (st == ST_DATA) /* what unpacked well before does not now */
        return changed(r, p, now->inode, "has changed after", err);
    TRY(st);
    if (is_short)
        return changed(r, p, now->inode, "has shrunk after", err);
    if (fs_trace_digest(&r->trace) != p->digest)
        return changed(r, p, now->inode, "has changed after", err);
    r->records.offset = p->offset;
    r->records.line = p->line;
    r->records.skipping = p->skipping;
    return ST_OK;
}

/* ---- a header that must be seen before going on in the middle ---- */

#define HEADER_BYTES ((uint32_t)64 << 10)
#define HEADER_MAX ((uint32_t)4 << 20)

/* Reads the start of the file into one chunk that grows until the decoder has its line. */
static enum status decode_header(struct fs_reader *r, struct fs_bytes *f, struct batch *none, struct error *err)
{
    struct shared *chunk = NULL;
    struct decoded d = { 0 };
    enum status st = ST_OK;
    bool at_end = false;
    for (uint32_t cap = HEADER_BYTES; st == ST_OK && d.used == 0 && !at_end && cap <= HEADER_MAX; cap *= 2) {
        struct shared *next = shared_new(r->budget, cap);
        if (!next) {
            st = connect_memory(r->budget, err);
            break;
        }
        next->len = chunk ? chunk->len : 0;
        if (chunk)
            memcpy(next->data, chunk->data, chunk->len);
        shared_unref(chunk);
        chunk = next;
        while (st == ST_OK && !at_end && chunk->len < cap) {
            size_t got = 0;
            enum pull pulled;
            int64_t wake_ms;
            st = f->base.ops->pull(&f->base, chunk->data + chunk->len, cap - chunk->len, &got, &pulled, &wake_ms, err);
            chunk->len += st == ST_OK ? (uint32_t)got : 0;
            at_end = st == ST_OK && pulled == PULL_END;
        }
        struct decoder *decoder = r->records.decoder;
        if (st == ST_OK)
            st = decoder->ops->decode(decoder, chunk, 0, chunk->len, at_end, none, 1, &d, err);
    }
    shared_unref(chunk);
    if (st == ST_OK && (d.used == 0 || d.bad))
        st = error_set(err, ST_DATA, "'%.*s' has no header that can be read", STR_ARG(r->path));
    return st;
}

static enum status feed_header(struct fs_reader *r, struct error *err)
{
    if (!format_wants_header(r->records.decoder))
        return ST_OK;
    struct fs_source *s = r->source;
    struct fs_bytes *f;
    struct os_stat now;
    TRY(fs_bytes_open(s->ctx->os, r->path, fs_codec(s->base.table, r->path), 0, r->budget, &f, &now, err));
    struct batch *none = batch_new(&s->layout.file, 1, r->budget);
    enum status st = none ? decode_header(r, f, none, err) : connect_memory(r->budget, err);
    batch_free(none);
    f->base.ops->free(&f->base);
    return st;
}

/* ---- life ---- */

static void fs_close(struct split_reader *base)
{
    struct fs_reader *r = (struct fs_reader *)base;
    if (!r)
        return;
    struct budget *b = r->budget;
    records_release(&r->records);
    fs_extras_release(r->extras);
    arena_release(&r->arena);
    mem_free(b, r, sizeof *r);
}

static enum status read_position(const struct fs_reader *r, struct str bytes, struct fs_position *ret,
                                 struct error *err)
{
    if (!fs_position_read(bytes, ret) || ret->offset > INT64_MAX || ret->cover % FS_TAIL != 0) {
        error_set(err, ST_CORRUPT, "the committed position of '%.*s' cannot be read", STR_ARG(r->path));
        return ST_CORRUPT;
    }
    if (!str_eq(ret->path, r->path))
        return error_set(err, ST_MISMATCH, "the committed position of '%.*s' is of '%.*s'", STR_ARG(r->path),
                         STR_ARG(ret->path));
    return ST_OK;
}

static enum status reader_start(struct fs_reader *r, struct str position, struct error *err)
{
    struct fs_source *s = r->source;
    struct fs_position p = { 0 };
    if (position.len)
        TRY(read_position(r, position, &p, err));
    struct fs_bytes *f;
    struct os_stat now;
    enum status st = fs_bytes_open(s->ctx->os, r->path, fs_codec(s->base.table, r->path), s->follow_ms, r->budget, &f,
                                   &now, err);
    if (st == ST_NOT_FOUND && position.len)
        return changed(r, &p, p.inode, "is gone after", err);
    TRY(st);
    r->records = (struct records){
        .ctx = s->ctx, .budget = r->budget, .table = s->base.table, .schema = &s->layout.file, .file = r->path,
        .bytes = &f->base,
        .witness = &r->trace.base, .replay = s->replay.speed > 0 ? &s->replay : NULL,
    };
    r->inode = now.inode;
    if (f->codec == CODEC_NONE && s->follow_ms == 0 && now.bytes < CHUNK_BYTES) /* small files need no large chunk */
        r->records.chunk_bytes = now.bytes < 1024 ? 1024 : (uint32_t)now.bytes + 1;
    fs_trace_init(&r->trace, position.len ? p.cover : s->ctx->durable ? FS_COVER : 0);
    if (position.len)
        TRY(go_to(r, f, &now, &p, err));
    TRY(fs_extras_open(s->base.table, &s->layout, s->needs, &s->ctx->zone, r->path, &now, &r->arena, r->budget, &r->extras,
                       err));
    TRY(records_open(&r->records, s->file_needs, err));
    return feed_header(r, err);
}

static enum status fs_open(struct source *base, const struct split *split, struct str position, struct budget *budget,
                           struct os_signal *wake, struct split_reader **ret, struct error *err)
{
    (void)wake;
    struct fs_reader *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    r->base.ops = base->ops;
    r->source = (struct fs_source *)base;
    r->budget = budget;
    arena_init(&r->arena, budget);
    r->path = arena_str(&r->arena, split->id);
    enum status st = r->path.ptr ? reader_start(r, position, err) : connect_memory(budget, err);
    if (st != ST_OK) {
        fs_close(&r->base);
        return st;
    }
    *ret = &r->base;
    return ST_OK;
}

static enum status fs_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                           int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    struct fs_reader *r = (struct fs_reader *)base;
    *ret_watermark_ms = INT64_MIN;
    uint64_t before = r->records.offset;
    enum status st = records_read(&r->records, r->extras ? fs_extras_view(r->extras, out) : out, max_rows, ret, ret_wake_ms,
                                  err);
    base->bytes += r->records.offset - before;
    if (r->extras) {
        enum status filled = fs_extras_fill(r->extras, out, st == ST_OK ? err : NULL);
        st = st == ST_OK ? filled : st;
    }
    if (st == ST_DATA && err && !err->place[0]) /* what concerns the whole file, as its header */
        error_place(err, r->path.ptr, 0, 0, -1);
    return st;
}

static enum status fs_where(struct split_reader *base, struct buf *out, struct error *err)
{
    struct fs_reader *r = (struct fs_reader *)base;
    struct fs_position p = {
        .path = r->path, .inode = r->inode, .offset = r->records.offset, .line = r->records.line,
        .cover = r->trace.cover, .digest = fs_trace_digest(&r->trace), .skipping = r->records.skipping,
    };
    return fs_position_put(out, &p) ? ST_OK : connect_memory(out->budget, err);
}

static void fs_free(struct source *base)
{
    struct fs_source *s = (struct fs_source *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct source_ops ops = {
    .splits = fs_splits, .open = fs_open, .read = fs_read, .position = fs_where, .close = fs_close, .free = fs_free,
};

/* The replay's column is needed even where the query does not read it. */
static bool copy_needs(struct fs_source *s, const struct need *needs)
{
    const struct table_desc *t = s->base.table;
    uint32_t n = t->read_row.n_fields > t->physical.n_fields ? t->read_row.n_fields : t->physical.n_fields;
    if (!needs)
        return true;
    s->needs = ARENA_ARRAY(&s->arena, struct need, n + 1); /* `only` lies in the plan, which outlives the job */
    s->file_needs = ARENA_ARRAY(&s->arena, struct need, n + 1);
    if (!s->needs || !s->file_needs)
        return false;
    for (uint32_t i = 0; i < n; i++)
        s->needs[i] = needs[i];
    for (uint32_t i = 0; i < s->layout.file.n_fields; i++)
        s->file_needs[i] = needs[s->layout.file_columns[i]];
    if (s->replay.speed > 0)
        s->file_needs[s->replay.column].used = true;
    return true;
}

enum status fs_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                           int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    *ret_discover_ms = option_ms(&t->options, fs_options, fs_option_count, "source.monitor-interval");
    struct replay replay = { 0 };
    fs_replay(t, &replay);
    if (path_is_stdio(options_get(&t->options, "path"))) {
        *ret_discover_ms = 0;
        return stdin_source_open(t, needs, ctx, replay, ret, err);
    }
    struct fs_source *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct source){ &ops, t };
    s->ctx = ctx;
    s->follow_ms = *ret_discover_ms;
    s->replay.speed = replay.speed;
    s->replay.column = replay.column;
    arena_init(&s->arena, ctx->budget);
    s->path = fs_path(t, &s->arena);
    struct str regex = options_get(&t->options, "source.path.regex-pattern");
    s->regex = regex.ptr ? arena_str(&s->arena, regex).ptr : NULL;
    enum status st = fs_layout_of(t, &s->arena, &s->layout, err);
    if (st != ST_OK) {
        fs_free(&s->base);
        return st;
    }
    for (uint32_t i = 0; i < s->layout.file.n_fields; i++) /* held rows have the file's columns only */
        if (s->layout.file_columns[i] == replay.column) {
            s->replay.column = i;
            break;
        }
    if (!s->path.ptr || (regex.ptr && !s->regex) || !copy_needs(s, needs)) {
        fs_free(&s->base);
        return connect_memory(ctx->budget, err);
    }
    *ret = &s->base;
    return ST_OK;
}
