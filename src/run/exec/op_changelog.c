/* TO_CHANGELOG and FROM_CHANGELOG: row kinds into a column of codes and back. Both keep nothing and copy nothing: the columns
 * are borrowed, one of codes or of kinds is written anew for each batch. */
#include <stdio.h>

#include "exec/exec_private.h"

struct changelog {
    struct op op;
    struct batch *codes; /* TO: one column, filled once a batch */
    struct column *cols;
    uint16_t *sel;
    uint8_t *kinds;
    struct batch out;
    struct arena arena;
};

static uint32_t room_for(const struct op *o)
{
    return o->ctx->capacity * 2; /* as what an operator before may put out */
}

static enum status changelog_open(struct op *o, struct error *err)
{
    struct changelog *x = (struct changelog *)o;
    const struct node *n = o->node;
    uint32_t room = room_for(o);
    arena_init(&x->arena, o->budget);
    x->sel = ARENA_ARRAY(&x->arena, uint16_t, room);
    x->kinds = ARENA_ARRAY(&x->arena, uint8_t, room);
    x->cols = ARENA_ARRAY(&x->arena, struct column, n->schema.n_fields);
    struct schema *code = ARENA_NEW(&x->arena, struct schema);
    if (!x->sel || !x->kinds || !x->cols || !code)
        return budget_error(o->budget, 0, err);
    if (n->kind == NODE_FROM_CHANGELOG)
        return ST_OK;
    *code = (struct schema){ n->schema.fields + n->schema.n_fields - 1, 1 };
    x->codes = batch_new(code, room, o->budget);
    return x->codes ? ST_OK : budget_error(o->budget, 0, err);
}

static void changelog_close(struct op *o)
{
    struct changelog *x = (struct changelog *)o;
    batch_free(x->codes);
    arena_release(&x->arena);
}

/* The rows that were taken go out; none: nothing does. */
static enum op_result put_out(struct changelog *x, uint32_t n, struct emit *out)
{
    x->out.sel = x->sel;
    x->out.n_sel = n;
    if (n)
        out->batch = &x->out;
    return OP_DONE;
}

static enum op_result to_changelog_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                         struct error *err)
{
    (void)input;
    struct changelog *x = (struct changelog *)o;
    const struct node *n = o->node;
    const struct batch *b = ev->batch;
    uint32_t n_columns = n->schema.n_fields - 1, taken = 0;
    CHECK(b->count <= room_for(o));
    batch_clear(x->codes);
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t row = batch_row(b, i), k = 0;
        uint8_t kind = batch_kind(b, row);
        while (k < n->changelog.n_codes && n->changelog.codes[k].kind != kind)
            k++;
        if (k == n->changelog.n_codes)
            continue;
        struct str text = n->changelog.codes[k].text;
        if (!column_set_str(&x->codes->cols[0], row, text.ptr, text.len))
            return op_refused(o, err);
        x->sel[taken++] = (uint16_t)row;
    }
    memcpy(x->cols, b->cols, n_columns * sizeof *x->cols);
    x->cols[n_columns] = x->codes->cols[0];
    x->out = *b;
    x->out.schema = &n->schema;
    x->out.cols = x->cols;
    x->out.kinds = NULL;
    return put_out(x, taken, out);
}

static enum op_result bad_code(const struct op *o, const struct column *codes, uint32_t row, struct error *err)
{
    if (column_is_null(codes, row)) {
        error_set(err, ST_DATA, "Received NULL op code. Every changelog row must carry an operation code.");
        return OP_FAILED;
    }
    char list[200];
    size_t at = 0;
    list[0] = 0;
    for (uint32_t k = 0; k < o->node->changelog.n_codes && at < sizeof list - 1; k++) {
        int n = snprintf(list + at, sizeof list - at, "%s%.*s", k ? ", " : "",
                         STR_ARG(o->node->changelog.codes[k].text));
        at += n < 0 ? 0 : (size_t)n;
    }
    struct str s = column_str(codes, row);
    error_set(err, ST_DATA, "Received invalid op code '%.*s'. Defined op codes are: [%s].",
              (int)(s.len < 100 ? s.len : 100), s.ptr, list);
    return OP_FAILED;
}

static enum op_result from_changelog_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                           struct error *err)
{
    (void)input;
    struct changelog *x = (struct changelog *)o;
    const struct node *n = o->node;
    const struct batch *b = ev->batch;
    const struct column *codes = &b->cols[n->changelog.op];
    uint32_t taken = 0;
    CHECK(b->count <= room_for(o));
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t row = batch_row(b, i), k = n->changelog.n_codes;
        if (!column_is_null(codes, row))
            for (k = 0; k < n->changelog.n_codes && !str_eq(n->changelog.codes[k].text, column_str(codes, row));)
                k++;
        if (k < n->changelog.n_codes) {
            x->kinds[row] = n->changelog.codes[k].kind;
            x->sel[taken++] = (uint16_t)row;
        } else if (!n->changelog.skip) {
            return bad_code(o, codes, row, err);
        }
    }
    x->out = *b;
    x->out.schema = &n->schema;
    x->out.kinds = x->kinds;
    return put_out(x, taken, out);
}

const struct op_ops op_to_changelog = {
    .name = "to-changelog", .size = sizeof(struct changelog), .open = changelog_open, .batch = to_changelog_batch,
    .close = changelog_close,
};
const struct op_ops op_from_changelog = {
    .name = "from-changelog", .size = sizeof(struct changelog), .open = changelog_open, .batch = from_changelog_batch,
    .close = changelog_close,
};
