/* Upserts by key become a full changelog: the last row of each key is kept (as exact bytes in a blob), so that an
 * upsert gives its -U and a delete its whole row. An upsert that changes nothing gives nothing; a delete of what is
 * not there too. */
#include "exec/exec_private.h"

struct normalize {
    struct op op;
    struct store *rows;
    struct key_set keys;
    struct batch *out;
    struct buf bytes;
    uint32_t cursor;
    bool running;
    struct arena arena;
};

static enum status normalize_open(struct op *o, struct error *err)
{
    struct normalize *z = (struct normalize *)o;
    arena_init(&z->arena, o->budget);
    key_set_init(&z->keys, o->budget);
    buf_init(&z->bytes, o->budget, 256u << 20);
    struct str types = op_types_text(&z->arena, &o->node->schema, NULL, o->node->schema.n_fields);
    z->out = batch_new(&o->node->schema, o->ctx->capacity < 2 ? 2 : o->ctx->capacity, o->budget);
    if (!types.ptr || !z->out)
        return budget_error(o->budget, 0, err);
    return op_add_store(o, "rows", sizeof(struct blob_value), 8, blob_at_zero, 1, types, false, &z->rows, err);
}

static void normalize_close(struct op *o)
{
    struct normalize *z = (struct normalize *)o;
    key_set_release(&z->keys);
    batch_free(z->out);
    buf_release(&z->bytes);
    arena_release(&z->arena);
}

/* Puts out the kept row with a kind. */
static enum status put_kept(struct normalize *z, struct str bytes, uint8_t kind, struct error *err)
{
    uint32_t row = z->out->count;
    TRY(row_decode(bytes, z->out->cols, z->op.node->schema.n_fields, row, err));
    z->out->count++;
    batch_kinds(z->out)[row] = kind;
    return ST_OK;
}

static enum status put_row(struct normalize *z, const struct batch *b, uint32_t row, uint8_t kind, struct error *err)
{
    if (!batch_append(z->out, b, row, true))
        return budget_error(z->op.budget, 0, err);
    batch_kinds(z->out)[z->out->count - 1] = kind;
    return ST_OK;
}

static enum status take_row(struct normalize *z, const struct batch *b, uint32_t i, struct error *err)
{
    const struct node *n = z->op.node;
    uint32_t row = batch_row(b, i);
    struct str key = { (const char *)z->keys.bytes[i], z->keys.lens[i] };
    struct table *t = store_make(z->rows, 0);
    if (!t)
        return budget_error(z->op.budget, 0, err);
    struct entry *e = table_find(t, z->keys.hashes[i], key);
    struct blob_value *v = e ? entry_value(t, e) : NULL;
    if (!row_kind_adds(batch_kind(b, row))) {
        if (!e || batch_kind(b, row) == ROW_UPDATE_BEFORE)
            return ST_OK;
        TRY(put_kept(z, table_blob(t, v->blob), ROW_DELETE, err));
        return table_remove(t, e) ? ST_OK : budget_error(z->op.budget, 0, err);
    }
    buf_clear(&z->bytes);
    if (!row_encode(&z->bytes, b->cols, NULL, n->schema.n_fields, row, true))
        return budget_error(z->op.budget, 0, err);
    if (e && str_eq(table_blob(t, v->blob), buf_str(&z->bytes)))
        return ST_OK;
    if (e && n->normalize.emit_before)
        TRY(put_kept(z, table_blob(t, v->blob), ROW_UPDATE_BEFORE, err));
    TRY(put_row(z, b, row, e ? ROW_UPDATE_AFTER : ROW_INSERT, err));
    e = table_put(t, z->keys.hashes[i], key, NULL);
    v = e ? entry_value(t, e) : NULL;
    return e && table_set_blob(t, &v->blob, z->bytes.data, z->bytes.len) ? ST_OK : budget_error(z->op.budget, 0, err);
}

static enum op_result normalize_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                      struct error *err)
{
    (void)input;
    struct normalize *z = (struct normalize *)o;
    const struct batch *b = ev->batch;
    if (!z->running) {
        if (!keys_encode(&z->keys, b, o->node->normalize.keys, o->node->normalize.n_keys))
            return op_refused(o, err);
        z->cursor = 0;
        z->running = true;
    }
    batch_clear(z->out);
    while (z->cursor < batch_rows(b) && z->out->count + 2 <= z->out->capacity)
        if (take_row(z, b, z->cursor++, err) != ST_OK)
            return OP_FAILED;
    if (z->out->count)
        out->batch = z->out;
    if (z->cursor < batch_rows(b))
        return OP_MORE;
    z->running = false;
    return OP_DONE;
}

const struct op_ops op_normalize = {
    .name = "normalize", .size = sizeof(struct normalize), .open = normalize_open, .batch = normalize_batch,
    .close = normalize_close,
};
