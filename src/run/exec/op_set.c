/* INTERSECT and EXCEPT, plain and ALL: how often each row stands on the left and on the right decides how often it
 * stands in the result. Each row that comes in changes that by at most one, so what goes out is some of the rows that
 * come in, as +I or -D; nothing is copied. */
#include "exec/exec_private.h"

struct counts { /* value of an entry */
    int64_t side[2];
    uint32_t stamp; /* the batch that touched it last; memory only */
    uint32_t pad;
};

struct set_op {
    struct op op;
    struct store *rows;
    struct key_set keys;
    uint32_t *columns; /* all */
    uint32_t stamp, n_touched;
    struct entry **entries, **touched;
    struct batch view;
    uint16_t *sel;
    uint8_t *kinds; /* by row */
    struct arena arena;
};

static enum status set_open(struct op *o, struct error *err)
{
    struct set_op *s = (struct set_op *)o;
    uint32_t cap = o->ctx->capacity * 2, n = o->node->schema.n_fields;
    arena_init(&s->arena, o->budget);
    key_set_init(&s->keys, o->budget);
    s->columns = ARENA_ARRAY(&s->arena, uint32_t, n + 1);
    s->entries = ARENA_ARRAY(&s->arena, struct entry *, cap);
    s->touched = ARENA_ARRAY(&s->arena, struct entry *, cap);
    s->sel = ARENA_ARRAY(&s->arena, uint16_t, cap);
    s->kinds = ARENA_ARRAY(&s->arena, uint8_t, cap);
    struct str types = op_types_text(&s->arena, &o->node->schema, NULL, n);
    if (!s->columns || !s->entries || !s->touched || !s->sel || !s->kinds || !types.ptr)
        return budget_error(o->budget, 0, err);
    for (uint32_t i = 0; i < n; i++)
        s->columns[i] = i;
    return op_add_store(o, "rows", sizeof(struct counts), 8, NULL, 0, types, false, &s->rows, err);
}

static void set_close(struct op *o)
{
    struct set_op *s = (struct set_op *)o;
    key_set_release(&s->keys);
    arena_release(&s->arena);
}

/* How often the row stands in the result. A side is below zero for a moment when a row is taken back before it
 * comes. */
static int64_t times(const struct node *n, const struct counts *c)
{
    int64_t left = c->side[0] > 0 ? c->side[0] : 0, right = c->side[1] > 0 ? c->side[1] : 0;
    if (n->set.except)
        return n->set.all ? (left > right ? left - right : 0) : left > 0 && right == 0;
    return n->set.all ? (left < right ? left : right) : left > 0 && right > 0;
}

/* Entries of rows that stand on no side go. */
static bool forget(struct set_op *s, struct table *t)
{
    for (uint32_t i = 0; i < s->n_touched; i++) {
        const struct counts *c = entry_value(t, s->touched[i]);
        if (c->side[0] == 0 && c->side[1] == 0 && !table_remove(t, s->touched[i]))
            return false;
    }
    return true;
}

static enum op_result set_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                struct error *err)
{
    struct set_op *s = (struct set_op *)o;
    const struct batch *b = ev->batch;
    uint32_t rows = batch_rows(b), n = 0;
    struct table *t = store_make(s->rows, 0);
    if (rows == 0)
        return OP_DONE;
    CHECK(rows <= o->ctx->capacity * 2 && b->count <= o->ctx->capacity * 2);
    if (!t || !keys_encode(&s->keys, b, s->columns, o->node->schema.n_fields) ||
        !table_upsert(t, &s->keys, s->entries, NULL))
        return op_refused(o, err);
    s->stamp++;
    s->n_touched = 0;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t row = batch_row(b, i);
        struct counts *c = entry_value(t, s->entries[i]);
        int64_t before = times(o->node, c);
        c->side[input] += row_kind_adds(batch_kind(b, row)) ? 1 : -1;
        if (c->stamp != s->stamp)
            s->touched[s->n_touched++] = s->entries[i];
        c->stamp = s->stamp;
        int64_t after = times(o->node, c);
        if (after == before)
            continue;
        s->kinds[row] = after > before ? ROW_INSERT : ROW_DELETE;
        s->sel[n++] = (uint16_t)row;
    }
    if (!forget(s, t))
        return op_refused(o, err);
    if (n == 0)
        return OP_DONE;
    s->view = *b;
    s->view.schema = &o->node->schema;
    s->view.sel = s->sel;
    s->view.n_sel = n;
    s->view.kinds = s->kinds;
    out->batch = &s->view;
    return OP_DONE;
}

const struct op_ops op_set = {
    .name = "set", .size = sizeof(struct set_op), .open = set_open, .batch = set_batch, .close = set_close,
};
