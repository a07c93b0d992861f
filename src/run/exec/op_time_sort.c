/* ORDER BY an ascending time attribute over input without an end: rows are kept until time has passed them, then put
 * out in order.
 *
 * Event time: until the watermark reaches the row's time. A row is late, and dropped, when a row of its time or a later
 * one has gone already; that is less than the watermark where nothing came since. Processing time: until the
 * millisecond of the row's arrival is over, so that only further sort keys move rows; at the end all go.
 *
 * The store holds a multiset of rows: key = the row's bytes, value = its time, how often it came and when first. A heap
 * over the entries (which never move) gives the earliest; it is made anew after a restore. What is due is taken in
 * pieces that end between two times, decoded and sorted (sorted.h), and forgotten when the piece is sorted. */
#include "exec/sorted.h"

#define PIECE 65536u
#define FIRST_ROOM 256u

struct held { /* value of an entry */
    int64_t time, times, sequence;
};

struct heap_item {
    int64_t time;
    struct entry *entry;
};

struct time_sort {
    struct op op;
    bool processing_time;
    uint32_t column;
    struct store *store, *meta;
    struct heap_item *heap;
    uint32_t n, room;
    int64_t sequence;
    int64_t fired, saved; /* the last time that has gone; as it was saved */
    struct buf bytes;
    struct arena arena;
    struct sorted sorted;
    bool putting; /* sorted has rows */
    struct batch *out;
};

/* ---- the heap ---- */

static void sift_down(struct heap_item *h, uint32_t n, uint32_t i)
{
    struct heap_item x = h[i];
    for (uint32_t k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && h[k + 1].time < h[k].time)
            k++;
        if (h[k].time >= x.time)
            break;
        h[i] = h[k];
    }
    h[i] = x;
}

static bool heap_add(struct time_sort *s, int64_t time, struct entry *e)
{
    if (s->n == s->room) {
        uint32_t room = s->room ? s->room * 2 : 64;
        struct heap_item *h = mem_realloc(s->op.budget, s->heap, s->room * sizeof *h, room * sizeof *h);
        if (!h)
            return false;
        s->heap = h;
        s->room = room;
    }
    uint32_t i = s->n++;
    for (; i && s->heap[(i - 1) / 2].time > time; i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = (struct heap_item){ time, e };
    return true;
}

static struct entry *heap_take(struct time_sort *s)
{
    struct entry *e = s->heap[0].entry;
    s->heap[0] = s->heap[--s->n];
    if (s->n)
        sift_down(s->heap, s->n, 0);
    return e;
}

/* ---- a life ---- */

static enum status time_sort_open(struct op *o, struct error *err)
{
    struct time_sort *s = (struct time_sort *)o;
    const struct node *n = o->node;
    s->processing_time = n->time_sort.processing_time;
    s->column = n->time_sort.keys[0].column;
    s->fired = s->saved = INT64_MIN;
    arena_init(&s->arena, o->budget);
    buf_init(&s->bytes, o->budget, 256u << 20);
    sorted_init(&s->sorted, &n->schema, n->time_sort.keys, n->time_sort.n_keys, o->budget);
    struct str types = op_types_text(&s->arena, &n->schema, NULL, n->schema.n_fields);
    s->out = batch_new(&n->schema, o->ctx->capacity, o->budget);
    if (!types.ptr || !s->out)
        return budget_error(o->budget, 0, err);
    TRY(op_add_store(o, "fired", 8, 8, NULL, 0, STR("ms"), true, &s->meta, err));
    return op_add_store(o, "rows", sizeof(struct held), 8, NULL, 0, types, false, &s->store, err);
}

static void plan_timer(struct time_sort *s)
{
    if (s->processing_time)
        s->op.deadline_ms = s->n ? s->heap[0].time + 1 : INT64_MAX;
}

static enum status time_sort_start(struct op *o, struct error *err)
{
    struct time_sort *s = (struct time_sort *)o;
    struct table *t = store_make(s->store, 0), *meta = store_make(s->meta, 0);
    if (!t || !meta)
        return budget_error(o->budget, 0, err);
    struct entry *e = table_find(meta, hash_bytes("f", 1), STR("f"));
    if (e)
        memcpy(&s->fired, entry_value(meta, e), 8);
    s->saved = s->fired;
    uint64_t cursor = 0;
    while ((e = table_next(t, &cursor))) {
        const struct held *h = entry_value(t, e);
        if (h->sequence >= s->sequence)
            s->sequence = h->sequence + 1;
        if (!heap_add(s, h->time, e))
            return budget_error(o->budget, 0, err);
    }
    plan_timer(s);
    return ST_OK;
}

static void time_sort_close(struct op *o)
{
    struct time_sort *s = (struct time_sort *)o;
    sorted_release(&s->sorted);
    mem_free(o->budget, s->heap, s->room * sizeof *s->heap);
    batch_free(s->out);
    buf_release(&s->bytes);
    arena_release(&s->arena);
}

static enum op_result time_sort_barrier(struct op *o, uint64_t epoch, bool final, struct error *err)
{
    (void)epoch, (void)final;
    struct time_sort *s = (struct time_sort *)o;
    if (s->fired == s->saved)
        return OP_DONE;
    struct table *t = store_make(s->meta, 0);
    struct entry *e = t ? table_put(t, hash_bytes("f", 1), STR("f"), NULL) : NULL;
    if (!e)
        return op_refused(o, err);
    memcpy(entry_value(t, e), &s->fired, 8);
    s->saved = s->fired;
    return OP_DONE;
}

/* ---- rows in ---- */

static enum status hold(struct time_sort *s, struct table *t, const struct batch *b, uint32_t row, int64_t time,
                        struct error *err)
{
    bool is_new;
    buf_clear(&s->bytes);
    if (!row_encode(&s->bytes, b->cols, NULL, s->op.node->schema.n_fields, row, true))
        return budget_error(s->op.budget, 0, err);
    struct str key = buf_str(&s->bytes);
    struct entry *e = table_put(t, hash_bytes(key.ptr, key.len), key, &is_new);
    struct held *h = e ? entry_value(t, e) : NULL;
    if (!h)
        return budget_error(s->op.budget, 0, err);
    if (!is_new) { /* in processing time it may be an earlier row's: they are one then */
        h->times++;
        return ST_OK;
    }
    *h = (struct held){ time, 1, s->sequence++ };
    return heap_add(s, time, e) ? ST_OK : budget_error(s->op.budget, 0, err);
}

static enum op_result time_sort_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                      struct error *err)
{
    (void)input, (void)out;
    struct time_sort *s = (struct time_sort *)o;
    const struct batch *b = ev->batch;
    const struct column *c = &b->cols[s->column];
    struct table *t = store_make(s->store, 0);
    if (!t)
        return op_refused(o, err);
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t row = batch_row(b, i);
        int64_t time = o->ctx->now_ms;
        if (!s->processing_time) {
            if (column_is_null(c, row)) {
                error_set(err, ST_EXPRESSION, "the time attribute of '%.*s' is NULL in a row", STR_ARG(o->node->id));
                return OP_FAILED;
            }
            time = time_to_ms(c->i64[row], c->type->precision);
            if (time <= s->fired) {
                o->late_rows++;
                continue;
            }
        }
        if (hold(s, t, b, row, time, err) != ST_OK)
            return OP_FAILED;
    }
    plan_timer(s);
    return OP_DONE;
}

/* ---- rows out ---- */

/* The next piece of what is due at `now`, sorted. */
static enum status take_piece(struct time_sort *s, int64_t now, struct error *err)
{
    struct table *t = store_make(s->store, 0);
    if (!t || !sorted_reserve(&s->sorted, FIRST_ROOM))
        return budget_error(s->op.budget, 0, err);
    while (s->n && s->heap[0].time <= now) {
        if (s->sorted.n >= PIECE && s->heap[0].time != s->fired) /* one time does not go apart */
            break;
        if (s->sorted.n == s->sorted.cap && !sorted_widen(&s->sorted))
            return budget_error(s->op.budget, 0, err);
        s->fired = s->heap[0].time;
        struct entry *e = heap_take(s);
        const struct held *h = entry_value(t, e);
        TRY(sorted_add(&s->sorted, entry_key(t, e), h->times, h->sequence, err));
        if (!table_remove(t, e))
            return budget_error(s->op.budget, 0, err);
    }
    sorted_run(&s->sorted);
    s->putting = s->sorted.n > 0;
    return ST_OK;
}

static enum op_result put_due(struct time_sort *s, int64_t now, struct emit *out, struct error *err)
{
    uint32_t row;
    batch_clear(s->out);
    while (s->out->count < s->out->capacity) {
        if (!s->putting) {
            if (s->n == 0 || s->heap[0].time > now)
                break;
            if (take_piece(s, now, err) != ST_OK)
                return OP_FAILED;
        }
        s->putting = sorted_next(&s->sorted, &row);
        if (!s->putting)
            continue;
        for (uint32_t c = 0; c < s->op.node->schema.n_fields; c++)
            if (!column_copy(&s->out->cols[c], s->out->count, &s->sorted.cols[c], row, true))
                return op_refused(&s->op, err);
        s->out->count++;
    }
    if (s->out->count == 0)
        return OP_DONE;
    out->batch = s->out;
    return OP_MORE;
}

static enum op_result time_sort_watermark(struct op *o, int64_t watermark, struct emit *out, struct error *err)
{
    struct time_sort *s = (struct time_sort *)o;
    return s->processing_time ? OP_DONE : put_due(s, watermark, out, err);
}

static enum op_result time_sort_timer(struct op *o, int64_t now_ms, struct emit *out, struct error *err)
{
    struct time_sort *s = (struct time_sort *)o;
    o->deadline_ms = INT64_MAX;
    enum op_result r = put_due(s, now_ms - 1, out, err);
    if (r == OP_DONE)
        plan_timer(s);
    return r;
}

static enum op_result time_sort_end(struct op *o, struct emit *out, struct error *err)
{
    return put_due((struct time_sort *)o, INT64_MAX, out, err);
}

const struct op_ops op_time_sort = {
    .name = "time-sort", .size = sizeof(struct time_sort), .open = time_sort_open, .start = time_sort_start,
    .batch = time_sort_batch, .watermark = time_sort_watermark, .timer = time_sort_timer,
    .barrier = time_sort_barrier, .end = time_sort_end, .close = time_sort_close,
};
