/* The print sink: rows for people to read, in the format of `-o`, handed on after the commit (outlet.c). Results
 * of SELECT come this way too.
 *
 * Whether rows carry their kind is decided by the first batch: an updating edge has row kinds, an
 * append-only one has none. Should kinds come later all the same, the writer changes over.
 *
 * The forms with columns of equal width need many rows at once: rows are gathered up to a batch or the
 * commit. A 'print-identifier' stands before every line. */
#include "connect/private.h"

static const struct option_spec options[] = {
    { .name = "print-identifier", .type = OPT_STRING, .help = "a text before every line" },
    { .name = "standard-error", .type = OPT_BOOL, .fallback = "false",
      .help = "print to standard error instead of standard output" },
    { .name = "row-kinds", .type = OPT_ENUM, .choices = "auto|always|never", .fallback = "auto",
      .help = "put each row's kind first, as column op (auto: when the input updates)" },
};
#define N_OPTIONS (sizeof options / sizeof options[0])

struct print_sink {
    struct sink base;
    struct connect_context *ctx;
    const struct schema *schema;
    enum result_format format;
    struct str identifier, kinds;
    bool upsert, to_stderr;
};

struct print_writer {
    struct sink_writer base;
    struct print_sink *sink;
    struct budget *budget;
    uint32_t subtask;
    struct outlet *outlet;
    struct result_writer *writer; /* NULL: no row yet */
    bool kinds;
    struct batch *rows;  /* gathered; NULL: rows go on at once */
    struct buf lines;    /* with an identifier: text that still wants it */
    bool line_begun;
};

static enum status print_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err;
    return ST_OK;
}

static void print_close(struct sink_writer *base)
{
    struct print_writer *w = (struct print_writer *)base;
    if (!w)
        return;
    outlet_free(w->outlet);
    if (w->writer)
        result_writer_free(w->writer);
    batch_free(w->rows);
    buf_release(&w->lines);
    mem_free(w->budget, w, sizeof *w);
}

static enum status start(struct print_writer *w, struct os_signal *wake, struct error *err)
{
    struct print_sink *s = w->sink;
    TRY(outlet_new(s->ctx, s->to_stderr ? OUTLET_STDERR : OUTLET_PRINT, w->budget, wake, &w->outlet, err));
    buf_init(&w->lines, w->budget, SIZE_MAX / 2);
    if (s->format == RESULT_TABLE || s->format == RESULT_MARKDOWN) {
        w->rows = batch_new(s->schema, BATCH_ROWS, w->budget);
        if (!w->rows)
            return connect_memory(w->budget, err);
    }
    return ST_OK;
}

static enum status print_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget,
                              struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)epoch;
    struct print_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = base->ops;
    w->sink = (struct print_sink *)base;
    w->budget = budget;
    w->subtask = subtask;
    enum status st = start(w, wake, err);
    if (st != ST_OK) {
        print_close(&w->base);
        return st;
    }
    *ret = &w->base;
    return ST_OK;
}

/* Puts the identifier before each line of `lines` and moves them out. */
static enum status put_identifier(struct print_writer *w, struct error *err)
{
    struct buf *out = outlet_buf(w->outlet);
    struct str id = w->sink->identifier;
    if (w->lines.len == 0)
        return ST_OK;
    const char *at = (const char *)w->lines.data, *end = at + w->lines.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        bool ok = w->line_begun || (buf_put(out, id.ptr, id.len) && buf_put(out, "> ", 2));
        if (!ok || !buf_put(out, at, (size_t)(next - at)))
            return connect_memory(w->budget, err);
        w->line_begun = !newline;
        at = next;
    }
    buf_clear(&w->lines);
    return ST_OK;
}

static struct buf *target(struct print_writer *w)
{
    return w->sink->identifier.len ? &w->lines : outlet_buf(w->outlet);
}

static enum status finish_writer(struct print_writer *w, struct error *err)
{
    if (!w->writer)
        return ST_OK;
    bool ok = result_writer_end(w->writer, target(w));
    result_writer_free(w->writer);
    w->writer = NULL;
    return ok ? put_identifier(w, err) : connect_memory(w->budget, err);
}

static enum status need_writer(struct print_writer *w, bool kinds, struct error *err)
{
    struct print_sink *s = w->sink;
    if (str_eq(s->kinds, STR("always")))
        kinds = true;
    else if (str_eq(s->kinds, STR("never")))
        kinds = false;
    else
        kinds |= s->upsert;
    if (w->writer && (w->kinds || !kinds))
        return ST_OK;
    TRY(finish_writer(w, err));
    w->kinds = kinds;
    w->writer = result_writer_new(s->format, s->schema, kinds, &s->ctx->zone, w->budget);
    return w->writer ? ST_OK : connect_memory(w->budget, err);
}

static enum status put_rows(struct print_writer *w, const struct batch *b, struct error *err)
{
    TRY(need_writer(w, b->kinds != NULL, err));
    const struct buf *out = outlet_buf(w->outlet);
    size_t before = out->len;
    if (!result_writer_put(w->writer, b, target(w)))
        return connect_memory(w->budget, err);
    if (w->sink->identifier.len)
        TRY(put_identifier(w, err));
    w->base.bytes += out->len - before;
    return ST_OK;
}

static enum status put_gathered(struct print_writer *w, struct error *err)
{
    if (!w->rows || w->rows->count == 0)
        return ST_OK;
    TRY(put_rows(w, w->rows, err));
    batch_clear(w->rows);
    return ST_OK;
}

/* Strings are copied: a row waits for the next commit, and must not pin what it came in. */
static enum status gather(struct print_writer *w, const struct batch *b, struct error *err)
{
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        if (w->rows->count == w->rows->capacity)
            TRY(put_gathered(w, err));
        if (b->kinds)
            (void)batch_kinds(w->rows);
        if (!batch_append(w->rows, b, batch_row(b, k), false))
            return connect_memory(w->budget, err);
    }
    return ST_OK;
}

static enum status print_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                               struct error *err)
{
    struct print_writer *w = (struct print_writer *)base;
    if (outlet_full(w->outlet)) {
        *ret = WRITE_WAIT;
        return ST_OK;
    }
    TRY(w->rows ? gather(w, b, err) : put_rows(w, b, err));
    *ret = WRITE_DONE;
    return outlet_offer(w->outlet, err);
}

static enum status print_prepare(struct sink_writer *base, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                                 struct error *err)
{
    (void)epoch, (void)now_ms, (void)out;
    struct print_writer *w = (struct print_writer *)base;
    TRY(put_gathered(w, err));
    if (!final)
        return ST_OK;
    if (!w->writer && w->subtask == 0)
        TRY(need_writer(w, false, err)); /* an empty result has a form too */
    return finish_writer(w, err);
}

static enum status print_flush(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static enum status print_publish(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)epoch;
    return outlet_publish(((struct print_writer *)w)->outlet, err);
}

static void print_free(struct sink *base)
{
    struct print_sink *s = (struct print_sink *)base;
    if (s)
        mem_free(s->ctx->budget, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = print_restore, .open = print_open, .write = print_write, .prepare = print_prepare, .flush = print_flush,
    .publish = print_publish, .close = print_close, .free = print_free,
};

static enum status print_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                              struct connect_context *ctx, struct sink **ret, struct error *err)
{
    struct print_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    const struct connect_extra *extra = ctx->extra;
    s->base = (struct sink){ &ops, t };
    s->ctx = ctx;
    s->schema = schema;
    s->upsert = upsert;
    s->format = extra ? extra->print_format : RESULT_NDJSON;
    s->identifier = option_str(&t->options, options, N_OPTIONS, "print-identifier");
    s->kinds = option_str(&t->options, options, N_OPTIONS, "row-kinds");
    s->to_stderr = option_bool(&t->options, options, N_OPTIONS, "standard-error");
    *ret = &s->base;
    return ST_OK;
}

const struct connector connector_print = {
    .name = "print",
    .help = "rows for people to read, after the commit",
    .flags = CONNECTOR_SINK | CONNECTOR_UNDURABLE_SINK | CONNECTOR_SINK_UPDATES,
    .options = options,
    .n_options = N_OPTIONS,
    .open_sink = print_sink,
};
