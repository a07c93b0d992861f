/* Standard output as a table: rows in a format, written after the commit (outlet.c). */
#include "connect/private.h"

struct stdout_sink {
    struct sink base;
    struct connect_context *ctx;
    const struct schema *schema;
};

struct stdout_writer {
    struct sink_writer base;
    struct budget *budget;
    struct encoder *encoder;
    struct outlet *outlet;
};

static enum status stdout_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err; /* what was printed stays printed */
    return ST_OK;
}

static void stdout_close(struct sink_writer *base)
{
    struct stdout_writer *w = (struct stdout_writer *)base;
    if (!w)
        return;
    outlet_free(w->outlet);
    if (w->encoder)
        w->encoder->ops->free(w->encoder);
    mem_free(w->budget, w, sizeof *w);
}

static enum status start(struct stdout_writer *w, struct stdout_sink *s, uint32_t subtask, struct os_signal *wake,
                         struct error *err)
{
    const struct table_desc *t = s->base.table;
    TRY(outlet_new(s->ctx, OUTLET_STDOUT, w->budget, wake, &w->outlet, err));
    TRY(t->format->open_encoder(t, s->schema, s->ctx, w->budget, &w->encoder, err));
    return subtask == 0 ? w->encoder->ops->begin(w->encoder, outlet_buf(w->outlet), err) : ST_OK;
}

static enum status stdout_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *budget,
                               struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)epoch;
    struct stdout_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->base.ops = base->ops;
    w->budget = budget;
    enum status st = start(w, (struct stdout_sink *)base, subtask, wake, err);
    if (st != ST_OK) {
        stdout_close(&w->base);
        return st;
    }
    *ret = &w->base;
    return ST_OK;
}

static enum status stdout_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                                struct error *err)
{
    struct stdout_writer *w = (struct stdout_writer *)base;
    if (outlet_full(w->outlet)) {
        *ret = WRITE_WAIT;
        return ST_OK;
    }
    struct buf *out = outlet_buf(w->outlet);
    size_t before = out->len;
    TRY(w->encoder->ops->encode(w->encoder, b, out, err));
    base->bytes += out->len - before;
    *ret = WRITE_DONE;
    return outlet_offer(w->outlet, err);
}

static enum status stdout_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                                  struct error *err)
{
    (void)w, (void)epoch, (void)final, (void)now_ms, (void)out, (void)err;
    return ST_OK;
}

static enum status stdout_flush(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static enum status stdout_publish(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)epoch;
    return outlet_publish(((struct stdout_writer *)w)->outlet, err);
}

static void stdout_free(struct sink *base)
{
    struct stdout_sink *s = (struct stdout_sink *)base;
    if (s)
        mem_free(s->ctx->budget, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = stdout_restore, .open = stdout_open, .write = stdout_write, .prepare = stdout_prepare,
    .flush = stdout_flush, .publish = stdout_publish, .close = stdout_close, .free = stdout_free,
};

enum status stdout_sink_open(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                             struct sink **ret, struct error *err)
{
    if (ctx->durable) {
        error_set(err, ST_USAGE, "table '%.*s' writes to standard output, which cannot take anything back",
                  STR_ARG(t->name));
        error_hint(err, "leave out --state-dir, or write to a directory");
        return ST_USAGE;
    }
    struct stdout_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct sink){ &ops, t };
    s->ctx = ctx;
    s->schema = schema;
    *ret = &s->base;
    return ST_OK;
}

static enum status stdout_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                               struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)upsert;
    return stdout_sink_open(t, schema, ctx, ret, err);
}

const struct connector connector_stdout = {
    .name = "stdout",
    .help = "standard output, after the commit",
    .flags = CONNECTOR_SINK | CONNECTOR_FORMAT | CONNECTOR_UNDURABLE_SINK,
    .open_sink = stdout_sink,
};
