/* GROUP BY a window: append-only results when the window closes.
 *
 * Rows go into one table per namespace. SLICED: the namespace is the pane's start, windows are merged from panes when
 * they close (slices.c). DIRECT: the namespace is the window's end and a row goes into each window that holds it; for
 * windows that come as columns (ATTACHED) and where accumulators cannot be merged.
 *
 * A timer stands for each window end that has rows. It is due when watermark (or processing time) >= end - 1 ms.
 * Timers are not stored: after a restore they are made again from the namespaces. A row is late when its last window
 * has closed; late rows are counted and, when somebody listens, put out at port 1. A window closes in steps of one
 * batch (OP_MORE), so that a million keys flood nothing. */
#include "exec/accumulate.h"
#include "exec/window.h"

#define JOB_BUG_TIMERS (1u << 1)

struct window_op {
    struct op op;
    const struct window_spec *spec;
    struct windows w;
    struct accumulators acc;
    struct agg_stores stores;
    struct store *meta;
    struct slices *slices;
    struct timers *timers; /* deadline: end - 1; payload: end */
    bool direct;
    bool attached_start; /* ATTACHED with a start column: it is the last key column */
    struct window_line line;
    int64_t saved_watermark;
    int64_t fired; /* processing time: windows up to this end have closed */
    uint32_t *keys;
    uint32_t n_keys; /* with the start column */
    struct key_set key_set;
    struct arena arena;
    /* one batch */
    uint16_t *all; /* 0, 1, 2, … */
    uint16_t *rows, *chosen, *late;
    int64_t *times;
    struct entry **entries;
    const uint8_t **chosen_bytes;
    uint32_t *chosen_lens;
    uint64_t *chosen_hashes;
    struct batch late_view;
    /* the window that is closing */
    bool closing, drop_after;
    int64_t end;
    struct agg_tables tables;
    uint64_t cursor;
    struct batch *key_rows, *results, *bounds;
    struct batch out;
    struct column *out_cols;
};

static struct schema *sub_schema(struct window_op *w, const struct field *fields, uint32_t n)
{
    struct schema *s = ARENA_NEW(&w->arena, struct schema);
    if (s)
        *s = (struct schema){ fields, n };
    return s;
}

static bool make_batches(struct window_op *w)
{
    const struct node *n = w->op.node;
    uint32_t cap = w->op.ctx->capacity, n_calls = n->window_aggregate.n_calls, nk = n->window_aggregate.n_keys;
    struct field *fields = ARENA_ARRAY(&w->arena, struct field, w->n_keys + 1);
    if (!fields)
        return false;
    for (uint32_t k = 0; k < w->n_keys; k++)
        fields[k] = w->op.input_schema->fields[w->keys[k]];
    struct schema *keys = sub_schema(w, fields, w->n_keys);
    struct schema *results = sub_schema(w, n->schema.fields + nk, n_calls);
    struct schema *bounds = sub_schema(w, n->schema.fields + nk + n_calls, n->window_aggregate.n_outputs);
    w->out_cols = ARENA_ARRAY(&w->arena, struct column, n->schema.n_fields + 1);
    if (!keys || !results || !bounds || !w->out_cols)
        return false;
    w->key_rows = batch_new(keys, cap, w->op.budget);
    w->results = batch_new(results, cap, w->op.budget);
    w->bounds = batch_new(bounds, cap, w->op.budget);
    return w->key_rows && w->results && w->bounds;
}

static bool make_scratch(struct window_op *w)
{
    uint32_t cap = w->op.ctx->capacity;
    w->all = ARENA_ARRAY(&w->arena, uint16_t, cap);
    for (uint32_t i = 0; w->all && i < cap; i++)
        w->all[i] = (uint16_t)i;
    w->rows = ARENA_ARRAY(&w->arena, uint16_t, cap);
    w->chosen = ARENA_ARRAY(&w->arena, uint16_t, cap);
    w->late = ARENA_ARRAY(&w->arena, uint16_t, cap);
    w->times = ARENA_ARRAY(&w->arena, int64_t, cap);
    w->entries = ARENA_ARRAY(&w->arena, struct entry *, cap);
    w->chosen_bytes = ARENA_ARRAY(&w->arena, const uint8_t *, cap);
    w->chosen_lens = ARENA_ARRAY(&w->arena, uint32_t, cap);
    w->chosen_hashes = ARENA_ARRAY(&w->arena, uint64_t, cap);
    return w->all && w->rows && w->chosen && w->late && w->times && w->entries && w->chosen_bytes && w->chosen_lens &&
           w->chosen_hashes;
}

static enum status open_stores(struct window_op *w, struct error *err)
{
    struct op *o = &w->op;
    struct str types = op_types_text(&w->arena, o->input_schema, w->keys, w->n_keys);
    struct str print = arena_printf(&w->arena, "%.*s|%.*s|%s", STR_ARG(types), STR_ARG(w->acc.fingerprint),
                                    w->direct ? "window" : "pane");
    if (!types.ptr || !print.ptr || !make_scratch(w) || !make_batches(w))
        return budget_error(o->budget, 0, err);
    TRY(accumulators_stores(&w->acc, o, "windows", print, &w->stores, err));
    TRY(op_add_store(o, "watermark", 8, 8, NULL, 0, STR("ms"), true, &w->meta, err));
    if (!w->direct)
        TRY(slices_new(&w->w, &w->acc, &w->stores, o, &w->slices, err));
    w->timers = timers_new(o->budget);
    return w->timers ? ST_OK : budget_error(o->budget, 0, err);
}

static enum status window_open(struct op *o, struct error *err)
{
    struct window_op *w = (struct window_op *)o;
    const struct node *n = o->node;
    w->spec = &n->window_aggregate.window;
    window_line_init(&w->line, w->spec);
    w->saved_watermark = w->fired = INT64_MIN;
    windows_init(&w->w, w->spec);
    arena_init(&w->arena, o->budget);
    key_set_init(&w->key_set, o->budget);
    TRY(accumulators_init(&w->acc, n->window_aggregate.calls, n->window_aggregate.n_calls,
                          n->window_aggregate.retracting, false, o->input_schema, o->ctx->capacity, o->budget, err));
    w->direct = w->spec->kind == WINDOW_ATTACHED || !accumulators_merge_well(&w->acc);
    w->attached_start = w->spec->kind == WINDOW_ATTACHED && w->spec->start_column != UINT32_MAX;
    w->n_keys = n->window_aggregate.n_keys + w->attached_start;
    w->keys = ARENA_ARRAY(&w->arena, uint32_t, w->n_keys + 1);
    if (!w->keys)
        return budget_error(o->budget, 0, err);
    for (uint32_t k = 0; k < n->window_aggregate.n_keys; k++)
        w->keys[k] = n->window_aggregate.keys[k];
    if (w->attached_start)
        w->keys[w->n_keys - 1] = w->spec->start_column;
    return open_stores(w, err);
}

static void window_close(struct op *o)
{
    struct window_op *w = (struct window_op *)o;
    slices_free(w->slices);
    timers_free(w->timers);
    batch_free(w->key_rows);
    batch_free(w->results);
    batch_free(w->bounds);
    key_set_release(&w->key_set);
    accumulators_release(&w->acc);
    arena_release(&w->arena);
}

/* ---- timers ---- */

/* The present on the window's time line: windows with end - 1 <= this have closed. */
static int64_t present(struct window_op *w)
{
    int64_t t = w->spec->processing_time ? w->op.ctx->now_ms : w->op.watermark;
    return t == INT64_MIN || t == INT64_MAX ? t : window_line_passed(&w->line, t);
}

static bool add_timers(struct window_op *w, int64_t ns)
{
    if (w->direct)
        return timers_add(w->timers, ns - 1, ns);
    int64_t last = windows_last_end(&w->w, ns), now = present(w);
    for (int64_t end = windows_first_end(&w->w, ns); end <= last; end += windows_step(&w->w))
        if ((w->spec->processing_time ? end > w->fired : end - 1 > now) && !timers_add(w->timers, end - 1, end))
            return false;
    return true;
}

static void plan_timer(struct window_op *w)
{
    if (!w->spec->processing_time)
        return;
    int64_t next = timers_next(w->timers);
    w->op.deadline_ms = w->closing ? INT64_MIN : next == INT64_MAX ? INT64_MAX : window_line_last(&w->line, next + 1);
}

static enum status window_start(struct op *o, struct error *err)
{
    struct window_op *w = (struct window_op *)o;
    int64_t ns;
    struct table *meta = store_make(w->meta, 0);
    if (!meta)
        return budget_error(o->budget, 0, err);
    struct entry *e = table_find(meta, hash_bytes("w", 1), STR("w"));
    if (e && !(o->ctx->planted & (1u << 9))) {
        memcpy(&w->saved_watermark, entry_value(meta, e), 8);
        *(w->spec->processing_time ? &w->fired : &o->watermark) = w->saved_watermark;
    }
    struct store *groups = w->stores.groups;
    for (struct table *t = store_next(groups, INT64_MIN, &ns); t; t = store_next(groups, ns + 1, &ns)) {
        struct agg_tables tables;
        if (!agg_tables_make(&w->stores, ns, &tables))
            return budget_error(o->budget, 0, err);
        TRY(accumulators_relink(&w->acc, &tables, err));
        if (!(o->ctx->planted & JOB_BUG_TIMERS) && !add_timers(w, ns))
            return budget_error(o->budget, 0, err);
        if (ns == INT64_MAX)
            break;
    }
    plan_timer(w);
    return ST_OK;
}

/* ---- rows ---- */

/* The rows with their keys into the table of namespace ns. */
static enum status put_rows(struct window_op *w, const struct batch *b, int64_t ns, const uint16_t *rows,
                            const struct key_set *keys, struct error *err)
{
    bool known = store_find(w->stores.groups, ns) != NULL;
    struct agg_tables t;
    if (!agg_tables_make(&w->stores, ns, &t) || (!known && !add_timers(w, ns)) ||
        !table_upsert(t.groups, keys, w->entries, NULL))
        return budget_error(w->op.budget, 0, err);
    if (w->slices)
        slices_touch(w->slices, ns);
    struct accumulate in = { &t, b, rows, w->entries, keys, keys->n };
    return accumulate(&w->acc, &in, err);
}

/* Rows of one pane: into its table, or that of each window that holds it and is open. */
static enum status put_pane(struct window_op *w, const struct batch *b, int64_t pane, const uint16_t *rows,
                            const struct key_set *keys, struct error *err)
{
    if (!w->direct || w->spec->kind == WINDOW_ATTACHED)
        return put_rows(w, b, pane, rows, keys, err);
    int64_t now = present(w), last = windows_last_end(&w->w, pane);
    for (int64_t end = windows_first_end(&w->w, pane); end <= last; end += windows_step(&w->w))
        if (w->spec->processing_time || end - 1 > now)
            TRY(put_rows(w, b, end, rows, keys, err));
    return ST_OK;
}

/* Chooses the rows i whose time lies in [from, to) and marks them as done (time INT64_MAX). */
static struct key_set choose(struct window_op *w, uint32_t n, int64_t from, int64_t to)
{
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (w->times[i] < from || w->times[i] >= to)
            continue;
        w->chosen[m] = w->rows[i];
        w->chosen_bytes[m] = w->key_set.bytes[i];
        w->chosen_lens[m] = w->key_set.lens[i];
        w->chosen_hashes[m++] = w->key_set.hashes[i];
        w->times[i] = INT64_MAX;
    }
    return (struct key_set){ .n = m, .bytes = w->chosen_bytes, .lens = w->chosen_lens, .hashes = w->chosen_hashes };
}

/* Each pane (or attached window) of the batch in turn. times[i] INT64_MAX: the row is done or late. */
static enum status put_panes(struct window_op *w, const struct batch *b, uint32_t n, struct error *err)
{
    bool attached = w->spec->kind == WINDOW_ATTACHED;
    for (uint32_t i = 0; i < n; i++) {
        if (w->times[i] == INT64_MAX)
            continue;
        int64_t pane = attached ? w->times[i] : windows_pane(&w->w, w->times[i]);
        struct key_set keys = choose(w, n, pane, attached ? pane + 1 : pane + w->w.pane);
        TRY(put_pane(w, b, pane, w->chosen, &keys, err));
    }
    return ST_OK;
}

/* The last window of the row has closed? */
static bool is_late(const struct window_op *w, int64_t t, int64_t now)
{
    if (w->spec->processing_time || now == INT64_MIN)
        return false;
    if (w->spec->kind == WINDOW_ATTACHED)
        return t - 1 <= now;
    return windows_last_end(&w->w, windows_pane(&w->w, t)) - 1 <= now;
}

/* Times of the rows; late ones are set aside. */
static enum status read_times(struct window_op *w, const struct batch *b, uint32_t n, uint32_t *ret_late,
                              struct error *err)
{
    int64_t now = present(w), fine_from = INT64_MAX, fine_to = INT64_MIN; /* a span known not to be late */
    bool attached = w->spec->kind == WINDOW_ATTACHED;
    const struct column *c = w->spec->processing_time && !attached ? NULL
                             : &b->cols[attached ? w->spec->end_column : w->spec->time_column];
    *ret_late = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = batch_row(b, i);
        w->rows[i] = (uint16_t)row;
        if (c && column_is_null(c, row))
            return error_set(err, ST_EXPRESSION, "the time attribute of '%.*s' is NULL in a row",
                             STR_ARG(w->op.node->id));
        int64_t t = c ? window_time(c, row) : w->op.ctx->now_ms;
        if (!attached)
            t = window_line_at(&w->line, t);
        w->times[i] = t;
        if (t >= fine_from && t < fine_to)
            continue;
        if (is_late(w, t, now)) {
            w->late[(*ret_late)++] = (uint16_t)row;
            w->times[i] = INT64_MAX;
        } else if (!attached) {
            fine_from = windows_pane(&w->w, t);
            fine_to = fine_from + w->w.pane;
        }
    }
    return ST_OK;
}

/* The usual batch: all rows in one pane whose windows are open. Then nobody needs the rows' times. */
static bool one_pane(struct window_op *w, const struct batch *b, uint32_t n, int64_t *ret_pane)
{
    int64_t low, high;
    if (w->spec->kind == WINDOW_ATTACHED)
        return false;
    if (w->spec->processing_time) {
        low = high = window_line_at(&w->line, w->op.ctx->now_ms);
    } else {
        const struct column *c = &b->cols[w->spec->time_column];
        if (c->nulls || c->type->precision > 3)
            return false;
        low = high = c->i64[batch_row(b, 0)];
        for (uint32_t i = 1; b->sel && i < n; i++) {
            int64_t t = c->i64[b->sel[i]];
            low = t < low ? t : low;
            high = t > high ? t : high;
        }
        for (uint32_t i = 1; !b->sel && i < n; i++) {
            int64_t t = c->i64[i];
            low = t < low ? t : low;
            high = t > high ? t : high;
        }
        int64_t apart = high - low;
        low = window_line_at(&w->line, low);
        if (w->line.zone && high >= w->line.to) /* another offset may hold there */
            return false;
        high = low + apart;
    }
    *ret_pane = windows_pane(&w->w, low);
    return high - *ret_pane < w->w.pane && !is_late(w, low, present(w));
}

/* How many rows of the input the first `n` of w->late are: each came once for every grouping set, all of them late. */
static uint32_t count_late(const struct window_op *w, const struct batch *b, uint32_t n)
{
    const struct node *node = w->op.node;
    if (!node->window_aggregate.expanded)
        return n;
    const struct column *set = &b->cols[node->window_aggregate.keys[node->window_aggregate.n_keys - 1]];
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += set->i32[w->late[i]] == 0;
    return count;
}

static enum op_result window_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                   struct error *err)
{
    (void)input;
    struct window_op *w = (struct window_op *)o;
    const struct batch *b = ev->batch;
    uint32_t n = batch_rows(b), n_late;
    CHECK(n <= o->ctx->capacity);
    if (n == 0)
        return OP_DONE;
    if (!keys_encode(&w->key_set, b, w->keys, w->n_keys))
        return op_refused(o, err);
    int64_t pane;
    if (one_pane(w, b, n, &pane)) {
        enum status st = put_pane(w, b, pane, b->sel ? b->sel : w->all, &w->key_set, err);
        plan_timer(w);
        return op_check(st, OP_DONE);
    }
    if (read_times(w, b, n, &n_late, err) != ST_OK || put_panes(w, b, n, err) != ST_OK)
        return OP_FAILED;
    o->late_rows += count_late(w, b, n_late);
    if (n_late && o->node->window_aggregate.late_output) {
        w->late_view = *b;
        w->late_view.sel = w->late;
        w->late_view.n_sel = n_late;
        out->batch = &w->late_view;
        out->port = 1;
    }
    plan_timer(w);
    return OP_DONE;
}

/* ---- closing ---- */

/* Finds the next due window. false: none. */
static enum status next_window(struct window_op *w, int64_t now, bool *ret_found, struct error *err)
{
    int64_t deadline, end;
    *ret_found = false;
    while (timers_pop(w->timers, now, &deadline, &end)) {
        w->end = w->fired = end;
        w->cursor = 0;
        if (w->direct)
            w->tables = agg_tables_find(&w->stores, end);
        else
            TRY(slices_window(w->slices, end, &w->tables, err));
        w->closing = true;
        *ret_found = true;
        return ST_OK;
    }
    return ST_OK;
}

/* Drops what no window will hold any more. */
static enum status finish_window(struct window_op *w, struct error *err)
{
    w->closing = false;
    bool ok = true;
    if (w->direct) {
        ok = agg_stores_drop(&w->stores, w->end);
    } else {
        int64_t ns;
        while (ok && store_next(w->stores.groups, INT64_MIN, &ns) && windows_last_end(&w->w, ns) <= w->end)
            ok = agg_stores_drop(&w->stores, ns);
    }
    return ok ? ST_OK : budget_error(w->op.budget, 0, err);
}

static enum status decode_keys(struct window_op *w, uint32_t n, struct error *err)
{
    struct batch *k = w->key_rows;
    batch_clear(k);
    for (uint32_t i = 0; i < n; i++)
        TRY(row_decode(entry_key(w->tables.groups, w->entries[i]), k->cols, w->n_keys, i, err));
    k->count = n;
    return ST_OK;
}

static void put_bound(struct column *c, uint32_t n, int64_t ms)
{
    int64_t v = ms;
    if (c->type->precision > 3)
        (void)time_from_ms(ms, c->type->precision, &v);
    for (uint32_t i = 0; i < n; i++)
        c->i64[i] = v;
}

static void fill_bounds(struct window_op *w, uint32_t n)
{
    const struct node *node = w->op.node;
    for (uint32_t i = 0; i < node->window_aggregate.n_outputs; i++) {
        struct column *c = &w->bounds->cols[i];
        switch (node->window_aggregate.outputs[i]) {
        case WINDOW_OUT_START:
            if (w->spec->kind == WINDOW_ATTACHED)
                *(&w->out_cols[node->window_aggregate.n_keys + node->window_aggregate.n_calls + i]) =
                    w->key_rows->cols[w->n_keys - 1];
            else
                put_bound(c, n, windows_start(&w->w, w->end));
            break;
        case WINDOW_OUT_END:
            put_bound(c, n, w->end);
            break;
        case WINDOW_OUT_TIME:
            put_bound(c, n, window_line_first(&w->line, w->end - 1));
            break;
        }
    }
}

/* The next batch of the closing window's groups. *ret_n 0: there is none. */
static enum status close_some(struct window_op *w, uint32_t *ret_n, struct error *err)
{
    const struct node *node = w->op.node;
    uint32_t n = 0, nk = node->window_aggregate.n_keys, nc = node->window_aggregate.n_calls;
    for (struct entry *e; w->tables.groups && n < w->op.ctx->capacity && (e = table_next(w->tables.groups, &w->cursor));) {
        if (!node->window_aggregate.retracting || ((const struct group_head *)entry_value(w->tables.groups, e))->rows > 0)
            w->entries[n++] = e;
    }
    *ret_n = n;
    if (n == 0)
        return ST_OK;
    TRY(decode_keys(w, n, err));
    batch_clear(w->results);
    TRY(accumulators_results(&w->acc, &w->tables, w->entries, n, w->results->cols, 0, err));
    for (uint32_t k = 0; k < nk; k++)
        w->out_cols[k] = w->key_rows->cols[k];
    for (uint32_t c = 0; c < nc; c++)
        w->out_cols[nk + c] = w->results->cols[c];
    for (uint32_t i = 0; i < node->window_aggregate.n_outputs; i++)
        w->out_cols[nk + nc + i] = w->bounds->cols[i];
    fill_bounds(w, n);
    w->out = (struct batch){.schema = &node->schema, .count = n, .capacity = w->op.ctx->capacity, .cols = w->out_cols};
    return ST_OK;
}

/* One step of closing whatever is due at `now`. */
static enum op_result close_due(struct window_op *w, int64_t now, struct emit *out, struct error *err)
{
    for (;;) {
        bool found = w->closing;
        uint32_t n;
        if (!found && next_window(w, now, &found, err) != ST_OK)
            return OP_FAILED;
        if (!found)
            return OP_DONE;
        if (close_some(w, &n, err) != ST_OK)
            return OP_FAILED;
        if (n) {
            out->batch = &w->out;
            return OP_MORE;
        }
        if (finish_window(w, err) != ST_OK)
            return OP_FAILED;
    }
}

static enum op_result window_watermark(struct op *o, int64_t watermark, struct emit *out, struct error *err)
{
    struct window_op *w = (struct window_op *)o;
    if (w->spec->processing_time)
        return OP_DONE;
    return close_due(w, watermark == INT64_MAX ? watermark : window_line_passed(&w->line, watermark), out, err);
}

static enum op_result window_timer(struct op *o, int64_t now_ms, struct emit *out, struct error *err)
{
    struct window_op *w = (struct window_op *)o;
    o->deadline_ms = INT64_MAX;
    enum op_result r = close_due(w, window_line_passed(&w->line, now_ms - 1), out, err);
    if (r == OP_DONE)
        plan_timer(w);
    return r;
}

static enum op_result window_barrier(struct op *o, uint64_t epoch, bool final, struct error *err)
{
    (void)epoch, (void)final;
    struct window_op *w = (struct window_op *)o;
    int64_t now = w->spec->processing_time ? w->fired : o->watermark;
    if (now == w->saved_watermark || now == INT64_MAX)
        return OP_DONE;
    struct table *t = store_make(w->meta, 0);
    struct entry *e = t ? table_put(t, hash_bytes("w", 1), STR("w"), NULL) : NULL;
    if (!e)
        return op_refused(o, err);
    memcpy(entry_value(t, e), &now, 8);
    w->saved_watermark = now;
    return OP_DONE;
}

const struct op_ops op_window_aggregate = {
    .name = "window-aggregate", .size = sizeof(struct window_op), .open = window_open, .start = window_start,
    .batch = window_batch, .watermark = window_watermark, .timer = window_timer, .barrier = window_barrier,
    .close = window_close,
};
