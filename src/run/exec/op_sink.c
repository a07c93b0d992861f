/* A sink: hands batches to the connector's writer. What the writer says at a barrier is an entry of the store
 * `commits`, keyed by subtask, and so part of the epoch's commit. While a commit is on its way to disk the writer
 * belongs to background work, and batches wait. */
#include "exec/exec_private.h"

struct sink_op {
    struct op op;
    struct store *commits;
    struct sink *sink;
    struct sink_writer *writer;
    struct buf bytes;
    bool stale; /* entries of other subtasks are left from another parallelism */
    /* columns that the table declares NOT NULL */
    uint32_t *required;
    uint32_t n_required;
    struct arena arena;
    struct batch kept; /* borrowed columns: the rows without such NULLs, when those are dropped */
    uint16_t *sel;
};

static struct str subtask_key(const uint32_t *subtask)
{
    return (struct str){ (const char *)subtask, sizeof *subtask };
}

/* A SELECT prints what comes, whatever its type says. */
static bool list_required(struct sink_op *s)
{
    const struct schema *columns = &s->op.node->sink.columns;
    s->required = ARENA_ARRAY(&s->arena, uint32_t, columns->n_fields + 1);
    s->sel = ARENA_ARRAY(&s->arena, uint16_t, s->op.ctx->capacity + 1);
    for (uint32_t i = 0; s->required && !s->op.node->sink.is_result && i < columns->n_fields; i++)
        if (!columns->fields[i].type->nullable)
            s->required[s->n_required++] = i;
    return s->required && s->sel;
}

static enum status sink_open(struct op *o, struct error *err)
{
    struct sink_op *s = (struct sink_op *)o;
    buf_init(&s->bytes, o->budget, 64u << 20);
    arena_init(&s->arena, o->budget);
    if (!list_required(s))
        return budget_error(o->budget, 0, err);
    return op_add_store(o, "commits", sizeof(struct blob_value), 8, blob_at_zero, 1, STR("commit"), true, &s->commits,
                        err);
}

static enum status sink_start(struct op *o, struct error *err)
{
    struct sink_op *s = (struct sink_op *)o;
    s->sink = o->ctx->sink(o->ctx, o->node);
    struct table *t = store_find(s->commits, 0);
    s->stale = t && table_count(t) > 0;
    return s->sink->ops->open(s->sink, o->ctx->shard, o->ctx->epoch, o->budget, o->ctx->wake, &s->writer, err);
}

static void sink_close(struct op *o)
{
    struct sink_op *s = (struct sink_op *)o;
    if (s->writer)
        s->sink->ops->close(s->writer);
    buf_release(&s->bytes);
    arena_release(&s->arena);
}

static bool has_null(const struct sink_op *s, const struct batch *b, uint32_t row, uint32_t *ret_column)
{
    for (uint32_t i = 0; i < s->n_required; i++)
        if (column_is_null(&b->cols[s->required[i]], row)) {
            *ret_column = s->required[i];
            return true;
        }
    return false;
}

/* Upholds NOT NULL: the batch itself when nothing violates it, else the rest of it, or an error that names the column. */
static enum status enforce(struct sink_op *s, const struct batch *b, const struct batch **ret, struct error *err)
{
    const struct node *n = s->op.node;
    uint32_t kept = 0, column = 0, rows = batch_rows(b);
    *ret = b;
    bool any = false;
    for (uint32_t i = 0; i < s->n_required; i++)
        any |= b->cols[s->required[i]].nulls != NULL;
    if (!any)
        return ST_OK;
    CHECK(rows <= s->op.ctx->capacity);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t row = batch_row(b, i);
        if (!has_null(s, b, row, &column)) {
            s->sel[kept++] = (uint16_t)row;
            continue;
        }
        if (n->sink.drop_nulls)
            continue;
        error_set(err, ST_EXPRESSION,
                  "table '%.*s': Column '%.*s' is NOT NULL, however, a null value is being written into it",
                  STR_ARG(n->sink.table->name), STR_ARG(n->sink.columns.fields[column].name));
        error_hint(err, "SET 'table.exec.sink.not-null-enforcer' = 'DROP' drops such rows");
        return ST_EXPRESSION;
    }
    if (kept == rows)
        return ST_OK;
    s->kept = *b;
    s->kept.sel = s->sel;
    s->kept.n_sel = kept;
    *ret = &s->kept;
    return ST_OK;
}

static enum op_result sink_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                 struct error *err)
{
    (void)input, (void)out;
    struct sink_op *s = (struct sink_op *)o;
    if (o->ctx->committing)
        return OP_WAIT;
    if (batch_rows(ev->batch) == 0)
        return OP_DONE;
    const struct batch *rows;
    if (enforce(s, ev->batch, &rows, err) != ST_OK)
        return OP_FAILED;
    if (batch_rows(rows) == 0)
        return OP_DONE;
    enum write_outcome outcome;
    if (s->sink->ops->write(s->writer, rows, &outcome, err) != ST_OK)
        return OP_FAILED;
    if (outcome == WRITE_WAIT)
        return OP_WAIT;
    o->rows_out += batch_rows(rows);
    o->bytes = s->writer->bytes;
    return OP_DONE;
}

static enum op_result sink_watermark(struct op *o, int64_t watermark, struct emit *out, struct error *err)
{
    (void)out;
    struct sink_op *s = (struct sink_op *)o;
    if (!s->sink->ops->watermark)
        return OP_DONE;
    if (o->ctx->committing)
        return OP_WAIT;
    return op_check(s->sink->ops->watermark(s->writer, watermark, err), OP_DONE);
}

/* Entries of a larger parallelism before: their commits were repeated at restore and say nothing any more. The
 * entries of shards that exist are left to those, or one shard's delta would delete what another has just put. */
static bool drop_stale(struct sink_op *s)
{
    struct table *t = store_find(s->commits, 0);
    uint64_t cursor = 0;
    s->stale = false;
    for (struct entry *e; t && (e = table_next(t, &cursor));) {
        uint32_t subtask;
        memcpy(&subtask, entry_key(t, e).ptr, sizeof subtask);
        if (subtask >= s->op.ctx->shards && !table_remove(t, e))
            return false;
    }
    return true;
}

static enum op_result sink_barrier(struct op *o, uint64_t epoch, bool final, struct error *err)
{
    struct sink_op *s = (struct sink_op *)o;
    CHECK(!o->ctx->committing);
    if (s->stale && !drop_stale(s))
        return op_refused(o, err);
    buf_clear(&s->bytes);
    if (s->sink->ops->idle)
        s->sink->ops->idle(s->writer, o->idle);
    if (s->sink->ops->prepare(s->writer, epoch, final, o->ctx->now_ms, &s->bytes, err) != ST_OK)
        return OP_FAILED;
    o->bytes = s->writer->bytes; /* what was held back until now, as for a table */
    struct str key = subtask_key(&o->ctx->shard);
    if (s->bytes.len == 0 && op_get_blob(s->commits, key).len == 0)
        return OP_DONE;
    return op_put_blob(s->commits, key, buf_str(&s->bytes)) ? OP_DONE : op_refused(o, err);
}

const struct op_ops op_sink = {
    .name = "sink", .size = sizeof(struct sink_op), .open = sink_open, .start = sink_start, .batch = sink_batch,
    .watermark = sink_watermark, .barrier = sink_barrier, .close = sink_close,
};

struct sink_writer *op_sink_writer(struct op *o)
{
    return ((struct sink_op *)o)->writer;
}

enum status op_sink_commits(struct op *o, struct arena *a, struct sink_commit **ret, uint32_t *ret_n, struct error *err)
{
    struct sink_op *s = (struct sink_op *)o;
    struct table *t = store_find(s->commits, 0);
    uint32_t n = 0;
    struct sink_commit *list = ARENA_ARRAY(a, struct sink_commit, t ? table_count(t) + 1 : 1);
    if (!list)
        return budget_error(o->budget, 0, err);
    uint64_t cursor = 0;
    for (struct entry *e; t && (e = table_next(t, &cursor)); n++) {
        memcpy(&list[n].subtask, entry_key(t, e).ptr, sizeof(uint32_t));
        list[n].bytes = table_blob(t, ((struct blob_value *)entry_value(t, e))->blob);
    }
    *ret = list;
    *ret_n = n;
    return ST_OK;
}
