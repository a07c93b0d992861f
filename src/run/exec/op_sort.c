/* ORDER BY, LIMIT, OFFSET over bounded input, and --final's table: rows are kept until the input ends, then put out
 * in order.
 *
 * What is kept is a table: a multiset of rows (append and retract inputs: key = the row's bytes, value = how many
 * times and when first), or the newest row by key (upserts: the row's bytes in a blob). It is state like any other,
 * so a killed job goes on collecting. At the end all rows are decoded and sorted (sorted.h). */
#include "exec/sorted.h"

struct kept { /* value of an entry */
    uint64_t blob;    /* upserts: the row */
    int64_t times;    /* how many such rows there are */
    int64_t sequence; /* arrival of the first */
};

struct sort_op {
    struct op op;
    int64_t limit, offset;
    bool upsert;
    struct store *store;
    struct key_set keys;
    struct buf bytes;
    struct arena arena;
    int64_t sequence;
    /* the end */
    bool collected;
    struct sorted sorted;
    int64_t skipped, put;
    struct batch *out;
};

static enum status sort_open(struct op *o, struct error *err)
{
    struct sort_op *s = (struct sort_op *)o;
    const struct node *n = o->node;
    bool table = n->kind == NODE_TABLE;
    sorted_init(&s->sorted, &n->schema, table ? n->table.keys : n->sort.keys, table ? n->table.n_keys : n->sort.n_keys,
                o->budget);
    s->limit = table ? n->table.limit : n->sort.limit;
    s->offset = table ? n->table.offset : n->sort.offset;
    s->upsert = o->input_kinds == KINDS_UPSERT && n->n_upsert_key > 0;
    arena_init(&s->arena, o->budget);
    key_set_init(&s->keys, o->budget);
    buf_init(&s->bytes, o->budget, 256u << 20);
    struct str types = op_types_text(&s->arena, &n->schema, NULL, n->schema.n_fields);
    s->out = batch_new(&n->schema, o->ctx->capacity, o->budget);
    if (!types.ptr || !s->out)
        return budget_error(o->budget, 0, err);
    return op_add_store(o, "rows", sizeof(struct kept), 8, blob_at_zero, 1, types, false, &s->store, err);
}

static enum status sort_start(struct op *o, struct error *err)
{
    (void)err;
    struct sort_op *s = (struct sort_op *)o;
    struct table *t = store_find(s->store, 0);
    uint64_t cursor = 0;
    for (struct entry *e; t && (e = table_next(t, &cursor));) {
        const struct kept *k = entry_value(t, e);
        if (k->sequence >= s->sequence)
            s->sequence = k->sequence + 1;
    }
    return ST_OK;
}

static void sort_close(struct op *o)
{
    struct sort_op *s = (struct sort_op *)o;
    sorted_release(&s->sorted);
    batch_free(s->out);
    key_set_release(&s->keys);
    buf_release(&s->bytes);
    arena_release(&s->arena);
}

static bool keep_row(struct sort_op *s, struct table *t, const struct batch *b, uint32_t row, uint64_t hash,
                     struct str key)
{
    bool add = row_kind_adds(batch_kind(b, row)), is_new;
    struct entry *e = add ? table_put(t, hash, key, &is_new) : table_find(t, hash, key);
    if (!e)
        return !add; /* takes back what never came */
    struct kept *k = entry_value(t, e);
    if (!add) {
        if (s->upsert || --k->times == 0)
            return table_remove(t, e);
        return table_touch(t, e);
    }
    if (is_new)
        k->sequence = s->sequence++;
    k->times = s->upsert ? 1 : k->times + 1;
    return !s->upsert || table_set_blob(t, &k->blob, s->bytes.data, s->bytes.len);
}

static enum op_result sort_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                 struct error *err)
{
    (void)input, (void)out;
    struct sort_op *s = (struct sort_op *)o;
    const struct batch *b = ev->batch;
    const struct node *n = o->node;
    struct table *t = store_make(s->store, 0);
    if (!t || (s->upsert && !keys_encode(&s->keys, b, n->upsert_key, n->n_upsert_key)))
        return op_refused(o, err);
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t row = batch_row(b, i);
        buf_clear(&s->bytes);
        if (!row_encode(&s->bytes, b->cols, NULL, n->schema.n_fields, row, true))
            return op_refused(o, err);
        struct str key = buf_str(&s->bytes);
        uint64_t hash = hash_bytes(key.ptr, key.len);
        if (s->upsert) {
            key = (struct str){ (const char *)s->keys.bytes[i], s->keys.lens[i] };
            hash = s->keys.hashes[i];
        }
        if (!keep_row(s, t, b, row, hash, key))
            return op_refused(o, err);
    }
    return OP_DONE;
}

/* ---- the end ---- */

static enum status collect(struct sort_op *s, struct error *err)
{
    struct table *t = store_find(s->store, 0);
    uint64_t cursor = 0;
    if (!sorted_reserve(&s->sorted, t ? table_count(t) : 0))
        return budget_error(s->op.budget, 0, err);
    for (struct entry *e; t && (e = table_next(t, &cursor));) {
        const struct kept *k = entry_value(t, e);
        struct str bytes = s->upsert ? table_blob(t, k->blob) : entry_key(t, e);
        TRY(sorted_add(&s->sorted, bytes, k->times, k->sequence, err));
    }
    sorted_run(&s->sorted);
    s->collected = true;
    return ST_OK;
}

static enum op_result sort_end(struct op *o, struct emit *out, struct error *err)
{
    struct sort_op *s = (struct sort_op *)o;
    if (!s->collected && collect(s, err) != ST_OK)
        return OP_FAILED;
    batch_clear(s->out);
    uint32_t row;
    while (s->out->count < s->out->capacity && (s->limit < 0 || s->put < s->limit) && sorted_next(&s->sorted, &row)) {
        if (s->skipped < s->offset) {
            s->skipped++;
            continue;
        }
        for (uint32_t c = 0; c < o->node->schema.n_fields; c++)
            if (!column_copy(&s->out->cols[c], s->out->count, &s->sorted.cols[c], row, true))
                return op_refused(o, err);
        s->out->count++;
        s->put++;
    }
    if (s->out->count == 0)
        return OP_DONE;
    out->batch = s->out;
    return OP_MORE;
}

const struct op_ops op_sort = {
    .name = "sort", .size = sizeof(struct sort_op), .open = sort_open, .start = sort_start, .batch = sort_batch,
    .end = sort_end, .close = sort_close,
};
