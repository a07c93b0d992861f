/* Gives the stream its watermarks.
 *
 * A split's watermark is the greatest value of the declared expression over its rows (or what the source says); the
 * operator's is the least over its splits, those left out that are idle or finished. It never goes back.
 *
 * Cutting. Whether a row is late must not depend on how rows were batched. So before a row that would be late against
 * the rows before it in the same batch, the batch is cut: what stands before goes down, then the watermark of those
 * rows, then the rest. `limit` is the time below which a row is late under the running watermark: the start of the
 * first pane that has not ended (CUT_PANE), or the watermark itself + 1 (CUT_STRICT). It moves only with the
 * watermark, so that a row costs two comparisons.
 *
 * The store `splits` (kept by every shard) has an entry a split with its watermark. What was put out is not kept: time
 * must not go back in the operators that closed something by it, and those keep it themselves. (One shard's word
 * would not do: it may have been ahead of another whose splits had not been read.) */
#include "exec/exec_private.h"

struct split_state {
    int64_t watermark; /* INT64_MIN: none yet */
    int64_t quiet_since_ms; /* processing time; INT64_MIN: rows were there at the last look */
    struct str id;
    bool known, ended, idle, moved;
};

struct saved_split { /* value of an entry */
    int64_t watermark, quiet_since_ms;
};

struct watermark_op {
    struct op op;
    struct program *program;
    struct store *splits;
    struct arena arena;
    ARRAY(struct split_state) states;
    int64_t emitted; /* put out last */
    bool told_idle;
    /* the batch in work */
    uint32_t cursor;
    bool running;
    struct column value;
    struct batch view;
    uint16_t *sel;
};

static enum status watermark_open(struct op *o, struct error *err)
{
    struct watermark_op *w = (struct watermark_op *)o;
    arena_init(&w->arena, o->budget);
    w->sel = ARENA_ARRAY(&w->arena, uint16_t, o->ctx->capacity * 2);
    if (!w->sel)
        return budget_error(o->budget, 0, err);
    w->emitted = INT64_MIN;
    if (o->node->watermark.expr)
        TRY(expr_compile(&o->node->watermark.expr, 1, o->ctx->capacity * 2, o->budget, &w->program, err));
    return op_add_store(o, "splits", sizeof(struct saved_split), 8, NULL, 0, STR("watermark,quiet"), true, &w->splits,
                        err);
}

static void watermark_close(struct op *o)
{
    struct watermark_op *w = (struct watermark_op *)o;
    program_free(w->program);
    arena_release(&w->arena);
}

static bool put_time(struct watermark_op *w, const struct split_state *s)
{
    struct table *t = store_make(w->splits, 0);
    struct entry *e = t ? table_put(t, hash_bytes(s->id.ptr, s->id.len), s->id, NULL) : NULL;
    if (!e)
        return false;
    *(struct saved_split *)entry_value(t, e) = (struct saved_split){ s->watermark, s->quiet_since_ms };
    return true;
}

static struct split_state *split_of(struct watermark_op *w, uint32_t split)
{
    while (w->states.count <= split) {
        struct split_state *s = array_add(&w->states, &w->arena);
        if (!s)
            return NULL;
        s->watermark = s->quiet_since_ms = INT64_MIN;
    }
    return &w->states.at[split];
}

/* Least watermark over the splits that count, without `but`. *ret_any: there is one that counts. */
static int64_t least_watermark(const struct watermark_op *w, uint32_t but, bool *ret_any)
{
    int64_t least = INT64_MAX;
    *ret_any = false;
    for (uint32_t i = 0; i < w->states.count; i++) {
        const struct split_state *s = &w->states.at[i];
        if (i == but || !s->known || s->ended || s->idle)
            continue;
        *ret_any = true;
        if (s->watermark < least)
            least = s->watermark;
    }
    return least;
}

static void put_out(struct watermark_op *w, struct emit *out, int64_t v)
{
    if (v <= w->emitted || v == INT64_MAX)
        return;
    w->emitted = v;
    out->has_watermark = true;
    out->watermark = v;
}

/* After a split's state has changed: a new watermark, or idleness. */
static void settle(struct watermark_op *w, struct emit *out)
{
    bool any;
    int64_t least = least_watermark(w, UINT32_MAX, &any);
    bool waiting = false;
    for (uint32_t i = 0; i < w->states.count; i++)
        waiting |= w->states.at[i].known && w->states.at[i].idle && !w->states.at[i].ended;
    bool idle = !any && waiting;
    if (idle != w->told_idle) {
        w->told_idle = idle;
        out->has_idle = true;
        out->idle = idle;
    }
    if (any)
        put_out(w, out, least);
}

static void plan_idle_timer(struct watermark_op *w)
{
    int64_t idle_ms = w->op.node->watermark.idle_ms;
    w->op.deadline_ms = INT64_MAX;
    for (uint32_t i = 0; idle_ms > 0 && i < w->states.count; i++) {
        struct split_state *s = &w->states.at[i];
        bool quiet = s->quiet_since_ms != INT64_MIN;
        if (s->known && quiet && !s->idle && !s->ended && s->quiet_since_ms + idle_ms < w->op.deadline_ms)
            w->op.deadline_ms = s->quiet_since_ms + idle_ms;
    }
}

static enum op_result watermark_timer(struct op *o, int64_t now_ms, struct emit *out, struct error *err)
{
    (void)err;
    struct watermark_op *w = (struct watermark_op *)o;
    for (uint32_t i = 0; i < w->states.count; i++) {
        struct split_state *s = &w->states.at[i];
        bool quiet = s->quiet_since_ms != INT64_MIN;
        if (quiet && s->quiet_since_ms + o->node->watermark.idle_ms <= now_ms && o->node->watermark.idle_ms > 0)
            s->idle = true;
    }
    settle(w, out);
    plan_idle_timer(w);
    return OP_DONE;
}

static enum op_result watermark_split(struct op *o, const struct event *ev, struct emit *out, struct error *err)
{
    struct watermark_op *w = (struct watermark_op *)o;
    struct split_state *s = split_of(w, ev->split);
    if (!s)
        return op_refused(o, err);
    switch (ev->what) {
    case SPLIT_OPEN: {
        s->known = true;
        s->id = arena_str(&w->arena, ev->split_id);
        if (!s->id.ptr)
            return op_refused(o, err);
        struct table *t = store_find(w->splits, 0);
        struct entry *e = t ? table_find(t, hash_bytes(s->id.ptr, s->id.len), s->id) : NULL;
        if (e && !(o->ctx->planted & (1u << 9))) {
            const struct saved_split *saved = entry_value(t, e);
            s->watermark = saved->watermark;
            s->quiet_since_ms = saved->quiet_since_ms;
            plan_idle_timer(w);
        }
        return OP_DONE; /* others may follow: the least of those told so far would be too much */
    }
    case SPLIT_QUIET:
        if (s->quiet_since_ms == INT64_MIN) {
            s->quiet_since_ms = o->ctx->now_ms;
            s->moved = true;
        }
        break;
    case SPLIT_BUSY:
        s->quiet_since_ms = INT64_MIN;
        s->idle = false;
        break;
    case SPLIT_END:
        s->ended = true;
        break;
    }
    settle(w, out);
    plan_idle_timer(w);
    return OP_DONE;
}

/* Below this time a row is late under watermark w. */
static int64_t late_limit(const struct node *n, int64_t w)
{
    if (n->watermark.cut == CUT_NONE || w == INT64_MIN)
        return INT64_MIN;
    if (n->watermark.cut == CUT_STRICT)
        return w + 1;
    int64_t pane = n->watermark.cut_pane_ms, t = w + 1 - n->watermark.cut_offset_ms;
    int64_t k = t / pane - (t % pane < 0);
    return k * pane + n->watermark.cut_offset_ms;
}

/* Milliseconds of a time column's row, whatever its precision. */
static int64_t time_at(const struct column *c, uint32_t row)
{
    int32_t p = c->type->precision;
    return p <= 3 ? c->i64[row] : time_to_ms(c->i64[row], p);
}

/* The whole batch without a cut, when a look at the least time and the greatest value tells that there is none: the
 * limit only rises, so what its last value does not cut nothing does. false: row by row. */
static bool scan_whole(struct watermark_op *w, const struct batch *b, struct split_state *s, int64_t others_least)
{
    const struct node *n = w->op.node;
    const struct column *time = &b->cols[n->watermark.column], *value = &w->value;
    uint32_t rows = batch_rows(b);
    if (w->cursor || !rows || b->sel || time->nulls || value->nulls || time->type->precision > 3 ||
        value->type->precision > 3)
        return false;
    int64_t least = time->i64[0], most = value->i64[0];
    for (uint32_t i = 1; i < rows; i++) {
        least = time->i64[i] < least ? time->i64[i] : least;
        most = value->i64[i] > most ? value->i64[i] : most;
    }
    if (most < s->watermark)
        most = s->watermark;
    int64_t last = most < others_least ? most : others_least;
    if (last > w->emitted && least < late_limit(n, last))
        return false;
    s->moved |= most > s->watermark;
    s->watermark = most;
    return true;
}

/* Rows that count from cursor on, up to a cut; raises the split's watermark. *ret_end: the index after them. */
static void scan(struct watermark_op *w, const struct batch *b, struct split_state *s, uint32_t split,
                 uint32_t *ret_end)
{
    const struct node *n = w->op.node;
    const struct column *time = &b->cols[n->watermark.column];
    bool others;
    int64_t others_least = least_watermark(w, split, &others);
    uint32_t rows = batch_rows(b), i = w->cursor;
    if (scan_whole(w, b, s, others_least)) {
        *ret_end = rows;
        return;
    }
    int64_t running = s->watermark < others_least ? s->watermark : others_least; /* the operator's, running */
    int64_t limit = running > w->emitted ? late_limit(n, running) : INT64_MIN;
    for (; i < rows; i++) {
        uint32_t row = batch_row(b, i);
        if (limit != INT64_MIN && i > w->cursor && !column_is_null(time, row) && time_at(time, row) < limit)
            break;
        if (column_is_null(&w->value, row))
            continue;
        int64_t v = time_at(&w->value, row);
        if (v <= s->watermark)
            continue;
        s->watermark = v;
        s->moved = true;
        running = v < others_least ? v : others_least;
        if (running > w->emitted)
            limit = late_limit(n, running);
    }
    *ret_end = i;
}

static void view_rows(struct watermark_op *w, const struct batch *b, uint32_t from, uint32_t to)
{
    w->view = *b;
    if (from == 0 && to == batch_rows(b))
        return;
    for (uint32_t i = from; i < to; i++)
        w->sel[i - from] = (uint16_t)batch_row(b, i);
    w->view.sel = w->sel;
    w->view.n_sel = to - from;
}

static enum op_result watermark_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                      struct error *err)
{
    (void)input;
    struct watermark_op *w = (struct watermark_op *)o;
    const struct batch *b = ev->batch;
    uint32_t split = ev->split == UINT32_MAX ? 0 : ev->split;
    struct split_state *s = split_of(w, split);
    if (!s)
        return op_refused(o, err);
    if (!w->running) {
        s->known = true;
        s->moved |= s->quiet_since_ms != INT64_MIN;
        s->quiet_since_ms = INT64_MIN;
        s->idle = false;
        w->cursor = 0;
        w->running = true;
        struct eval eval = { .now_ms = o->ctx->now_ms, .watermark_ms = w->emitted };
        if (w->program && program_run(w->program, b, &eval, &w->value, err) != ST_OK)
            return OP_FAILED;
    }
    uint32_t end = batch_rows(b);
    if (w->program) {
        scan(w, b, s, split, &end);
    } else if (ev->time != INT64_MIN && ev->time > s->watermark) {
        s->watermark = ev->time;
        s->moved = true;
    }
    view_rows(w, b, w->cursor, end);
    if (end > w->cursor)
        out->batch = &w->view;
    w->view.schema = &o->node->schema;
    out->split = ev->split;
    settle(w, out);
    w->cursor = end;
    if (end < batch_rows(b))
        return OP_MORE;
    w->running = false;
    return OP_DONE;
}

static enum op_result watermark_barrier(struct op *o, uint64_t epoch, bool final, struct error *err)
{
    (void)epoch, (void)final;
    struct watermark_op *w = (struct watermark_op *)o;
    for (uint32_t i = 0; i < w->states.count; i++) {
        struct split_state *s = &w->states.at[i];
        if (s->moved && s->id.ptr && !put_time(w, s))
            return op_refused(o, err);
        s->moved = false;
    }
    return OP_DONE;
}

const struct op_ops op_watermark = {
    .name = "watermark", .size = sizeof(struct watermark_op), .open = watermark_open,
    .batch = watermark_batch, .split = watermark_split, .timer = watermark_timer, .barrier = watermark_barrier,
    .close = watermark_close,
};
