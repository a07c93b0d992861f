/* Records out of rows: all keys of a batch into one buffer, all values into another, then the records as views of them. */
#include "connect/messages/messages.h"

#define BYTES_MAX ((size_t)1 << 30)

struct message_writer {
    const struct message_layout *layout;
    struct connect_context *ctx;
    struct budget *budget;
    struct encoder *key, *value;
    struct buf keys, values, headers;
    struct column *cols; /* of a part of the row */
    uint32_t n_cols;
    /* a place a row: */
    uint32_t room;
    struct record *records;
    struct encoded *key_ends, *value_ends;
    size_t *header_ends;
    uint32_t *header_counts;
    uint16_t *adds; /* rows with a value */
};

static enum status memory(const struct message_writer *w, struct error *err)
{
    return connect_memory(w->budget, err);
}

/* ---- life ---- */

static const struct {
    size_t at, bytes;
} arrays[] = {
    { offsetof(struct message_writer, records), sizeof(struct record) },
    { offsetof(struct message_writer, key_ends), sizeof(struct encoded) },
    { offsetof(struct message_writer, value_ends), sizeof(struct encoded) },
    { offsetof(struct message_writer, header_ends), sizeof(size_t) },
    { offsetof(struct message_writer, header_counts), sizeof(uint32_t) },
    { offsetof(struct message_writer, adds), sizeof(uint16_t) },
};

static void set_room(struct message_writer *w, uint32_t room, bool *ret_ok)
{
    *ret_ok = true;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        void **at = (void **)(void *)((char *)w + arrays[i].at);
        mem_free(w->budget, *at, w->room * arrays[i].bytes);
        *at = room ? mem_alloc(w->budget, room * arrays[i].bytes) : NULL;
        *ret_ok &= !room || *at;
    }
    w->room = room;
}

static enum status start(struct message_writer *w, struct error *err)
{
    const struct message_layout *l = w->layout;
    buf_init(&w->keys, w->budget, BYTES_MAX);
    buf_init(&w->values, w->budget, BYTES_MAX);
    buf_init(&w->headers, w->budget, BYTES_MAX);
    w->n_cols = l->table->physical.n_fields + 1;
    w->cols = mem_calloc(w->budget, w->n_cols * sizeof *w->cols);
    if (!w->cols)
        return memory(w, err);
    TRY(l->value.format->open_encoder(&l->value.table, &l->value.schema, w->ctx, w->budget, &w->value, err));
    return l->key.schema.n_fields == 0
               ? ST_OK
               : l->key.format->open_encoder(&l->key.table, &l->key.schema, w->ctx, w->budget, &w->key, err);
}

enum status message_writer_new(const struct message_layout *l, struct connect_context *ctx, struct budget *budget,
                               struct message_writer **ret, struct error *err)
{
    struct message_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return connect_memory(budget, err);
    w->layout = l;
    w->ctx = ctx;
    w->budget = budget;
    enum status st = start(w, err);
    if (st != ST_OK) {
        message_writer_free(w);
        return st;
    }
    *ret = w;
    return ST_OK;
}

void message_writer_free(struct message_writer *w)
{
    bool ignored;
    if (!w)
        return;
    set_room(w, 0, &ignored);
    if (w->key)
        w->key->ops->free(w->key);
    if (w->value)
        w->value->ops->free(w->value);
    if (w->cols)
        mem_free(w->budget, w->cols, w->n_cols * sizeof *w->cols);
    buf_release(&w->keys);
    buf_release(&w->values);
    buf_release(&w->headers);
    mem_free(w->budget, w, sizeof *w);
}

/* ---- bytes ---- */

/* Formats that know of files only: a row each, without the newline. */
static enum status encode_each(struct message_writer *w, struct encoder *e, const struct batch *b, struct buf *out,
                               struct encoded *ret, struct error *err)
{
    struct batch one = *b;
    (void)w;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint16_t row = (uint16_t)batch_row(b, k);
        one.sel = &row;
        one.n_sel = 1;
        TRY(e->ops->encode(e, &one, out, err));
        if (out->len && out->data[out->len - 1] == '\n')
            out->len--;
        ret[k] = (struct encoded){ .end = out->len };
    }
    return ST_OK;
}

static enum status encode_part(struct message_writer *w, const struct message_part *p, struct encoder *e,
                               const struct batch *b, struct buf *out, struct encoded *ret, struct error *err)
{
    struct batch part = *b;
    part.schema = &p->schema;
    if (!p->whole) {
        part.cols = w->cols;
        for (uint32_t i = 0; i < p->schema.n_fields; i++)
            w->cols[i] = b->cols[p->at[i]];
    }
    buf_clear(out);
    return e->ops->encode_many ? e->ops->encode_many(e, &part, out, ret, err) : encode_each(w, e, &part, out, ret, err);
}

static enum status encode_headers(struct message_writer *w, const struct column *c, const struct batch *b, struct error *err)
{
    buf_clear(&w->headers);
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        struct listview v = column_is_null(c, row) ? (struct listview){ 0 } : c->list[row];
        const struct column *keys = &c->children[0], *values = &c->children[1];
        for (uint32_t i = v.offset; i < v.offset + v.len; i++) {
            struct record_header h = { .key = column_is_null(keys, i) ? STR("") : column_str(keys, i),
                                       .value = column_is_null(values, i) ? (struct str){ 0 } : column_str(values, i) };
            if (!record_header_put(&w->headers, h))
                return memory(w, err);
        }
        w->header_ends[k] = w->headers.len;
        w->header_counts[k] = v.len;
    }
    return ST_OK;
}

/* Rows that go have a key and no value. */
static void choose_values(struct message_writer *w, const struct batch *b, struct batch *ret)
{
    *ret = *b;
    if (!w->layout->upsert || !b->kinds)
        return;
    ret->sel = w->adds;
    ret->n_sel = 0;
    for (uint32_t k = 0; k < batch_rows(b); k++)
        if (row_kind_adds(b->kinds[batch_row(b, k)]))
            w->adds[ret->n_sel++] = (uint16_t)batch_row(b, k);
}

/* ---- records ---- */

static struct str piece(const struct buf *b, const struct encoded *ends, uint32_t k)
{
    size_t from = k ? ends[k - 1].end : 0;
    if (ends[k].null)
        return (struct str){ 0 };
    return str_make(b->data ? (const char *)b->data + from : "", ends[k].end - from);
}

/* Is row k replaced by the next one, under the same key? Then nobody need be told that it goes. */
static bool is_replaced(const struct message_writer *w, const struct batch *b, uint32_t k)
{
    return b->kinds && k + 1 < batch_rows(b) && b->kinds[batch_row(b, k)] == ROW_UPDATE_BEFORE &&
           b->kinds[batch_row(b, k + 1)] == ROW_UPDATE_AFTER &&
           str_eq(piece(&w->keys, w->key_ends, k), piece(&w->keys, w->key_ends, k + 1));
}

static uint32_t view(struct message_writer *w, const struct batch *b, const struct batch *with_value, int64_t now_ms)
{
    const struct message_layout *l = w->layout;
    const struct column *times = NULL;
    bool headers = false, all = with_value->sel == b->sel;
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n_written; i++) {
        if (l->written[i].what == MESSAGE_TIMESTAMP)
            times = &b->cols[l->written[i].at];
        headers |= l->written[i].what == MESSAGE_HEADERS;
    }
    for (uint32_t k = 0, v = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        if (!all && is_replaced(w, b, k))
            continue;
        struct record *x = &w->records[n++];
        *x = (struct record){ .offset = -1, .timestamp_ms = now_ms };
        if (times && !column_is_null(times, row))
            x->timestamp_ms = times->i64[row];
        if (w->key)
            x->key = piece(&w->keys, w->key_ends, k);
        if (all || row_kind_adds(batch_kind(b, row)))
            x->value = piece(&w->values, w->value_ends, v++);
        if (headers && w->headers.len) {
            size_t from = k ? w->header_ends[k - 1] : 0;
            x->headers = str_make(w->headers.data + from, w->header_ends[k] - from);
            x->n_headers = w->header_counts[k];
        }
    }
    return n;
}

enum status message_writer_put(struct message_writer *w, const struct batch *b, int64_t now_ms, const struct record **ret,
                               uint32_t *ret_n, struct error *err)
{
    const struct message_layout *l = w->layout;
    struct batch with_value;
    bool ok = true;
    if (batch_rows(b) > w->room)
        set_room(w, b->capacity > batch_rows(b) ? b->capacity : batch_rows(b), &ok);
    if (!ok) {
        set_room(w, 0, &ok);
        return memory(w, err);
    }
    choose_values(w, b, &with_value);
    TRY(encode_part(w, &l->value, w->value, &with_value, &w->values, w->value_ends, err));
    if (w->key)
        TRY(encode_part(w, &l->key, w->key, b, &w->keys, w->key_ends, err));
    for (uint32_t i = 0; i < l->n_written; i++)
        if (l->written[i].what == MESSAGE_HEADERS)
            TRY(encode_headers(w, &b->cols[l->written[i].at], b, err));
    *ret_n = view(w, b, &with_value, now_ms);
    *ret = w->records;
    return ST_OK;
}
