/* The test connector: tables whose rows come from, and go to, the hub of `weir test`.
 *
 * A table is one split. A reader's position is the number of the next entry (line or watermark); without one it
 * begins at the hub's present end (at the first line when 'bounded'), or, after a crash, where the same job's
 * reader began before. Lines are parsed when they are read, so that a bad one meets the job's policy.
 *
 * A writer turns rows into texts at once and leaves them to the hub at the barrier. */
#include "hub.h"

static const struct option_spec options[] = {
    { .name = "changelog-mode", .type = OPT_STRING, .fallback = "I",
      .help = "row kinds that may come when the table is read: some of I,UA,UB,D" },
    { .name = "bounded", .type = OPT_BOOL, .fallback = "false",
      .help = "reading ends with the lines that were fed before" },
};
#define N_OPTIONS (sizeof options / sizeof options[0])

/* ---- options ---- */

static const struct {
    const char *name;
    uint8_t kind;
} kind_names[] = { { "I", ROW_INSERT }, { "UB", ROW_UPDATE_BEFORE }, { "UA", ROW_UPDATE_AFTER }, { "D", ROW_DELETE } };

static enum status test_kinds(const struct table_desc *t, uint32_t *ret_kinds, struct error *err)
{
    struct str rest = option_str(&t->options, options, N_OPTIONS, "changelog-mode");
    uint32_t kinds = 0;
    while (rest.ptr) {
        struct str name = str_trim(str_split(&rest, ','));
        uint32_t before = kinds;
        bool known = false;
        for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++)
            if (str_eq(name, str_from(kind_names[i].name))) {
                known = true;
                kinds |= 1u << kind_names[i].kind;
            }
        if (!known || kinds == before)
            return error_set(err, ST_SEMANTIC, "table '%.*s': 'changelog-mode' lists I, UA, UB, D once at most: '%.*s'",
                             STR_ARG(t->name), STR_ARG(name));
    }
    *ret_kinds = kinds;
    return ST_OK;
}

static enum status test_check(const struct table_desc *t, struct error *err)
{
    uint32_t kinds;
    return test_kinds(t, &kinds, err);
}

static enum status test_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)err;
    *ret = option_bool(&t->options, options, N_OPTIONS, "bounded");
    return ST_OK;
}

static enum status need_hub(const struct table_desc *t, const struct connect_context *ctx, struct test_hub **ret,
                            struct error *err)
{
    const struct connect_extra *extra = ctx->extra;
    if (!extra || !extra->hub) {
        error_set(err, ST_USAGE, "table '%.*s': connector 'test' works only in 'weir test'", STR_ARG(t->name));
        return ST_USAGE;
    }
    *ret = extra->hub;
    return ST_OK;
}

/* ---- source ---- */

struct test_source {
    struct source base;
    struct connect_context *ctx;
    struct test_hub *hub;
    uint32_t kinds;
    bool bounded;
};

struct test_reader {
    struct split_reader base;
    struct test_source *source;
    struct budget *budget;
    struct arena arena;
    struct test_lines lines;
    struct hub_reader hub;
};

static enum status test_splits(struct source *s, struct arena *arena, struct split **ret, uint32_t *ret_count,
                               struct error *err)
{
    (void)s;
    return numbered_splits(arena, 1, ret, ret_count, err);
}

/* Under the lock. */
static bool find_start(struct test_source *s, struct hub_table *t, uint32_t *ret)
{
    struct test_hub *h = s->hub;
    for (uint32_t i = 0; i < t->starts.count; i++) {
        struct hub_start *k = &t->starts.at[i];
        if (k->job_id != s->ctx->job_id || k->crashes == h->crashes)
            continue;
        k->crashes = h->crashes;
        *ret = k->at;
        return true;
    }
    struct hub_start *k = array_add(&t->starts, &h->arena);
    if (!k)
        return false;
    *k = (struct hub_start){ s->ctx->job_id, s->bounded ? 0 : t->entries.count, h->crashes };
    *ret = k->at;
    return true;
}

/* position: u8 1, u64 next entry, u64 stop. */
static enum status read_position(struct str bytes, struct hub_reader *r, struct error *err)
{
    struct reader in = reader_make(bytes.ptr, bytes.len);
    uint8_t version;
    uint64_t at, stop;
    if (!read_u8(&in, &version) || version != 1 || !read_u64(&in, &at) || !read_u64(&in, &stop) || in.at != in.end ||
        at > UINT32_MAX || stop > UINT32_MAX)
        return error_set(err, ST_CORRUPT, "the committed position of a test table cannot be read");
    r->at = (uint32_t)at;
    r->stop = (uint32_t)stop;
    return ST_OK;
}

static enum status enter(struct test_reader *r, struct str position, struct error *err)
{
    struct test_source *s = r->source;
    struct hub_table *t = hub_table(s->hub, s->base.table->name);
    if (!t)
        return connect_memory(s->hub->arena.budget, err);
    if (position.len) {
        TRY(read_position(position, &r->hub, err));
    } else {
        if (!find_start(s, t, &r->hub.at))
            return connect_memory(s->hub->arena.budget, err);
        r->hub.stop = s->bounded ? t->entries.count : UINT32_MAX;
    }
    r->hub.table = t;
    r->hub.next = t->readers;
    t->readers = &r->hub;
    return ST_OK;
}

static enum status test_open(struct source *base, const struct split *split, struct str position,
                             struct budget *budget, struct os_signal *wake, struct split_reader **ret,
                             struct error *err)
{
    (void)split;
    struct test_source *s = (struct test_source *)base;
    struct test_reader *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    r->base.ops = base->ops;
    r->source = s;
    r->budget = budget;
    r->hub.os = s->ctx->os;
    r->hub.wake = wake;
    arena_init(&r->arena, budget);
    enum status st = test_lines_open(&r->lines, base->table, &s->ctx->zone, &r->arena, budget, err);
    if (st == ST_OK) {
        hub_lock(s->hub);
        st = enter(r, position, err);
        hub_unlock(s->hub);
    }
    if (st != ST_OK) {
        test_lines_release(&r->lines);
        arena_release(&r->arena);
        mem_free(budget, r, sizeof *r);
        return st;
    }
    *ret = &r->base;
    return ST_OK;
}

/* *ret: what comes next, by value: the array may move when more is fed. false: nothing. */
static bool next_entry(struct test_reader *r, struct hub_entry *ret, uint32_t *ret_number)
{
    struct hub_reader *k = &r->hub;
    struct test_hub *h = r->source->hub;
    hub_lock(h);
    struct hub_table *t = k->table;
    uint32_t end = k->stop < t->entries.count ? k->stop : t->entries.count;
    bool some = k->at < end;
    if (some) {
        *ret = t->entries.at[k->at];
        *ret_number = k->at++;
    } else {
        k->ended = t->ended || k->stop != UINT32_MAX;
    }
    hub_unlock(h);
    return some;
}

static enum status take_line(struct test_reader *r, const struct hub_entry *e, uint32_t number, struct batch *out,
                             struct error *err)
{
    struct test_source *s = r->source;
    char reason[200];
    uint32_t column = 0;
    enum status st = test_parse_line(&r->lines, e->line, s->kinds, out, reason, &column, err);
    if (st != ST_DATA)
        return st;
    struct bad_record bad = { .source = s->base.table->name, .file = STR("0"), .line = number + 1ull,
                              .column = column, .reason = str_from(reason), .bytes = e->line };
    return s->ctx->bad(s->ctx->bad_arg, &bad, err);
}

static enum status test_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                             int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    struct test_reader *r = (struct test_reader *)base;
    struct hub_entry e;
    uint32_t number;
    uint32_t room = out->capacity - out->count;
    uint32_t most = r->source->hub->batch_rows < max_rows ? r->source->hub->batch_rows : max_rows;
    *ret = READ_ROWS;
    *ret_watermark_ms = INT64_MIN;
    for (uint32_t n = 0; n < most && out->count < out->capacity && room; n++) {
        if (!next_entry(r, &e, &number)) {
            *ret = r->hub.ended ? READ_END : n ? READ_ROWS : READ_WAIT;
            *ret_wake_ms = INT64_MAX;
            return ST_OK;
        }
        if (e.kind == ENTRY_WATERMARK) {
            *ret_watermark_ms = e.watermark_ms;
            return ST_OK;
        }
        TRY(take_line(r, &e, number, out, err));
    }
    return ST_OK;
}

static enum status test_position(struct split_reader *base, struct buf *out, struct error *err)
{
    const struct hub_reader *k = &((struct test_reader *)base)->hub;
    bool ok = buf_put_u8(out, 1) && buf_put_u64(out, k->at) && buf_put_u64(out, k->stop);
    return ok ? ST_OK : connect_memory(out->budget, err);
}

static void test_close(struct split_reader *base)
{
    struct test_reader *r = (struct test_reader *)base;
    if (!r)
        return;
    hub_lock(r->source->hub);
    struct hub_reader **at = &r->hub.table->readers;
    while (*at != &r->hub)
        at = &(*at)->next;
    *at = r->hub.next;
    hub_unlock(r->source->hub);
    test_lines_release(&r->lines);
    arena_release(&r->arena);
    mem_free(r->budget, r, sizeof *r);
}

static void test_source_free(struct source *base)
{
    struct test_source *s = (struct test_source *)base;
    if (s)
        mem_free(s->ctx->budget, s, sizeof *s);
}

static const struct source_ops source_ops = {
    .splits = test_splits, .open = test_open, .read = test_read, .position = test_position, .close = test_close,
    .free = test_source_free,
};

static enum status test_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                                    int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    (void)needs; /* every line is checked whole */
    struct test_hub *hub;
    uint32_t kinds;
    TRY(need_hub(t, ctx, &hub, err));
    TRY(test_kinds(t, &kinds, err));
    struct test_source *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct source){ &source_ops, t };
    s->ctx = ctx;
    s->hub = hub;
    s->kinds = kinds;
    s->bounded = option_bool(&t->options, options, N_OPTIONS, "bounded");
    *ret_discover_ms = 0;
    *ret = &s->base;
    return ST_OK;
}

/* ---- sink ---- */

struct test_sink {
    struct sink base;
    struct connect_context *ctx;
    struct test_hub *hub;
};

struct test_writer {
    struct sink_writer base;
    struct test_sink *sink;
    struct budget *budget;
    struct buf text;
    struct hub_pending gathered;
};

static enum status sink_restore(struct sink *base, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    struct test_sink *s = (struct test_sink *)base;
    return hub_restore(s->hub, s->base.table->name, s->ctx->job_id, commits, n, err);
}

static enum status sink_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget,
                             struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)epoch, (void)wake;
    struct test_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = base->ops;
    w->sink = (struct test_sink *)base;
    w->budget = budget;
    w->gathered.subtask = subtask;
    w->gathered.job_id = w->sink->ctx->job_id;
    buf_init(&w->text, budget, SIZE_MAX / 2);
    *ret = &w->base;
    return ST_OK;
}

/* Under the lock: texts and rows lie in the hub's arena. */
static enum status put_row(struct test_writer *w, const struct batch *b, uint32_t row, struct error *err)
{
    struct arena *a = &w->sink->hub->arena;
    uint32_t n = b->schema->n_fields;
    struct test_row *r = array_add(&w->gathered.rows, a);
    struct str *values = r ? ARENA_ARRAY(a, struct str, n ? n : 1) : NULL;
    if (!values)
        return connect_memory(a->budget, err);
    for (uint32_t i = 0; i < n; i++) {
        if (column_is_null(&b->cols[i], row))
            continue;
        buf_clear(&w->text);
        if (!test_print(&w->text, &b->cols[i], row, &w->sink->ctx->zone))
            return connect_memory(w->budget, err);
        values[i] = arena_str(a, w->text.len ? buf_str(&w->text) : STR(""));
        if (!values[i].ptr)
            return connect_memory(a->budget, err);
    }
    *r = (struct test_row){ batch_kind(b, row), values, n };
    return ST_OK;
}

static enum status sink_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                              struct error *err)
{
    struct test_writer *w = (struct test_writer *)base;
    enum status st = ST_OK;
    hub_lock(w->sink->hub);
    for (uint32_t k = 0; k < batch_rows(b) && st == ST_OK; k++)
        st = put_row(w, b, batch_row(b, k), err);
    hub_unlock(w->sink->hub);
    *ret = WRITE_DONE;
    return st;
}

/* The commit's bytes: the epoch under which the rows are pending. */
static enum status sink_prepare(struct sink_writer *base, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                                struct error *err)
{
    (void)final, (void)now_ms;
    struct test_writer *w = (struct test_writer *)base;
    if (w->gathered.rows.count == 0)
        return ST_OK;
    w->gathered.epoch = epoch;
    TRY(hub_prepare(w->sink->hub, w->sink->base.table->name, &w->gathered, err));
    memset(&w->gathered.rows, 0, sizeof w->gathered.rows);
    return buf_put_u64(out, epoch) ? ST_OK : connect_memory(out->budget, err);
}

static enum status sink_flush(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static enum status sink_publish(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    struct test_writer *w = (struct test_writer *)base;
    return hub_publish(w->sink->hub, w->sink->base.table->name, w->gathered.job_id, w->gathered.subtask, epoch, err);
}

static void sink_close(struct sink_writer *base)
{
    struct test_writer *w = (struct test_writer *)base;
    if (!w)
        return;
    buf_release(&w->text);
    mem_free(w->budget, w, sizeof *w);
}

static void sink_free(struct sink *base)
{
    struct test_sink *s = (struct test_sink *)base;
    if (s)
        mem_free(s->ctx->budget, s, sizeof *s);
}

static const struct sink_ops sink_ops = {
    .restore = sink_restore, .open = sink_open, .write = sink_write, .prepare = sink_prepare, .flush = sink_flush,
    .publish = sink_publish, .close = sink_close, .free = sink_free,
};

static enum status test_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                                  struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)schema, (void)upsert;
    struct test_hub *hub;
    TRY(need_hub(t, ctx, &hub, err));
    struct test_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct sink){ &sink_ops, t };
    s->ctx = ctx;
    s->hub = hub;
    *ret = &s->base;
    return ST_OK;
}

const struct connector connector_test = {
    .name = "test",
    .help = "tables of test files",
    .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_SINK_UPDATES | CONNECTOR_WATERMARKS |
             CONNECTOR_ANY_METADATA | CONNECTOR_OVERWRITE_ANYWAY,
    .options = options,
    .n_options = N_OPTIONS,
    .source_kinds = test_kinds,
    .bounded = test_bounded,
    .check = test_check,
    .open_source = test_open_source,
    .open_sink = test_open_sink,
};
