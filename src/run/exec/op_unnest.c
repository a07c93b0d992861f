/* UNNEST: each row once for each element of its collection, the element's columns behind those that pass; a row
 * without elements (that meet the condition) once with NULLs where the join is LEFT. Stateless; kinds, times and
 * watermarks pass. As in Flink an element that is a NULL ROW gives no row, except WITH ORDINALITY.
 *
 * A call fills one batch: it notes for each row that comes out the row it is of and the place of its element, then
 * gathers column by column. A long list goes on in the next call. With a condition each row's candidates end with one
 * that has no element; the condition then chooses among them, that one only where it has chosen none before. */
#include "exec/exec_private.h"

#define NO_ELEMENT UINT32_MAX

struct unnest {
    struct op op;
    struct batch *out;
    uint16_t *rows;     /* of each row of out: its row of the input */
    uint32_t *elements; /* and its element's row in the child */
    int32_t *ordinals;
    struct program *condition;
    uint16_t *passed, *sel;
    struct arena arena;
    /* the batch in work */
    bool running;
    uint32_t row;     /* which of the rows that count */
    uint32_t element; /* of its list */
    int32_t copy;     /* of an element of a MULTISET */
    int32_t ordinal;
    bool any;     /* the row has had an element */
    bool matched; /* one that met the condition */
};

static enum status unnest_open(struct op *o, struct error *err)
{
    struct unnest *u = (struct unnest *)o;
    uint32_t cap = o->ctx->capacity;
    arena_init(&u->arena, o->budget);
    u->rows = ARENA_ARRAY(&u->arena, uint16_t, cap);
    u->elements = ARENA_ARRAY(&u->arena, uint32_t, cap);
    u->ordinals = ARENA_ARRAY(&u->arena, int32_t, cap);
    u->passed = ARENA_ARRAY(&u->arena, uint16_t, cap);
    u->sel = ARENA_ARRAY(&u->arena, uint16_t, cap);
    u->out = batch_new(&o->node->schema, cap, o->budget);
    if (!u->rows || !u->elements || !u->ordinals || !u->passed || !u->sel || !u->out)
        return budget_error(o->budget, 0, err);
    if (!o->node->unnest.condition)
        return ST_OK;
    return expr_compile(&o->node->unnest.condition, 1, cap, o->budget, &u->condition, err);
}

static void unnest_close(struct op *o)
{
    struct unnest *u = (struct unnest *)o;
    batch_free(u->out);
    program_free(u->condition);
    arena_release(&u->arena);
}

static void note(struct unnest *u, uint32_t *n, uint32_t row, uint32_t element)
{
    u->rows[*n] = (uint16_t)row;
    u->elements[*n] = element;
    u->ordinals[(*n)++] = element == NO_ELEMENT ? 0 : ++u->ordinal;
    u->any |= element != NO_ELEMENT;
}

/* How often an element comes. */
static int32_t copies_of(const struct unnest *u, const struct column *c, uint32_t at)
{
    if (c->type->kind == TYPE_MULTISET)
        return c->children[1].i32[at];
    bool none = c->type->kind == TYPE_ARRAY && c->children[0].type->kind == TYPE_ROW &&
                column_is_null(&c->children[0], at) && !u->op.node->unnest.ordinality;
    return none ? 0 : 1;
}

/* Chooses the next rows of the output. */
static uint32_t choose(struct unnest *u, const struct batch *b)
{
    const struct node *node = u->op.node;
    const struct column *c = &b->cols[node->unnest.column];
    uint32_t n = 0, cap = u->out->capacity;
    while (u->row < batch_rows(b) && n < cap) {
        uint32_t row = batch_row(b, u->row);
        struct listview list = column_is_null(c, row) ? (struct listview){ 0 } : c->list[row];
        while (u->element < list.len && n < cap) {
            int32_t copies = copies_of(u, c, list.offset + u->element);
            if (u->copy < copies)
                note(u, &n, row, list.offset + u->element);
            if (++u->copy >= copies) {
                u->element++;
                u->copy = 0;
            }
        }
        bool pad = node->unnest.outer && (u->condition || !u->any);
        if (u->element < list.len || (pad && n == cap))
            break;
        if (pad)
            note(u, &n, row, NO_ELEMENT);
        u->row++;
        u->element = 0;
        u->ordinal = 0;
        u->any = false;
    }
    return n;
}

/* Which of the candidates in `out` stay. */
static enum status meet(struct unnest *u, struct error *err)
{
    struct eval eval = { .now_ms = u->op.ctx->now_ms, .watermark_ms = u->op.watermark };
    uint32_t n_passed, n = 0, at = 0;
    TRY(program_filter(u->condition, u->out, &eval, u->passed, &n_passed, err));
    for (uint32_t i = 0; i < u->out->count; i++) {
        bool passed = at < n_passed && u->passed[at] == i, pad = u->elements[i] == NO_ELEMENT;
        at += passed;
        if (pad ? !u->matched : passed)
            u->sel[n++] = (uint16_t)i;
        u->matched = !pad && (u->matched || passed);
    }
    u->out->sel = u->sel;
    u->out->n_sel = n;
    return ST_OK;
}

/* The column of part `part` in the collection; *ret_row: the elements themselves where they are ROWs, which may be
 * NULL. */
static const struct column *part_column(const struct column *c, uint32_t part, const struct column **ret_row)
{
    *ret_row = NULL;
    if (c->type->kind == TYPE_MAP)
        return &c->children[part];
    if (c->children[0].type->kind != TYPE_ROW)
        return &c->children[0];
    *ret_row = &c->children[0];
    return &c->children[0].children[part];
}

static bool fill_part(struct unnest *u, struct column *to, const struct column *c, uint32_t part, uint32_t n)
{
    if (part == UNNEST_ORDINALITY) {
        for (uint32_t i = 0; i < n; i++) {
            to->i32[i] = u->ordinals[i];
            if (u->elements[i] == NO_ELEMENT)
                column_set_null(to, i);
        }
        return true;
    }
    const struct column *row, *from = part_column(c, part, &row);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = u->elements[i];
        if (at == NO_ELEMENT || (row && column_is_null(row, at)))
            column_set_null(to, i);
        else if (!column_copy(to, i, from, at, true))
            return false;
    }
    return true;
}

static enum op_result unnest_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                   struct error *err)
{
    (void)input;
    struct unnest *u = (struct unnest *)o;
    const struct node *node = o->node;
    const struct batch *b = ev->batch;
    if (!u->running) {
        u->row = u->element = 0;
        u->copy = u->ordinal = 0;
        u->any = u->matched = false;
        u->running = true;
    }
    uint32_t n = choose(u, b);
    batch_clear(u->out);
    u->out->sel = NULL;
    for (uint32_t i = 0; i < node->unnest.n_pass; i++)
        if (!column_gather(&u->out->cols[i], 0, &b->cols[node->unnest.pass[i]], u->rows, n, true))
            return op_refused(o, err);
    for (uint32_t i = 0; i < node->unnest.n_parts; i++)
        if (!fill_part(u, &u->out->cols[node->unnest.n_pass + i], &b->cols[node->unnest.column],
                       node->unnest.parts[i], n))
            return op_refused(o, err);
    u->out->count = n;
    if (b->kinds && n) {
        uint8_t *kinds = batch_kinds(u->out);
        for (uint32_t i = 0; i < n; i++)
            kinds[i] = b->kinds[u->rows[i]];
    }
    if (u->condition && n && meet(u, err) != ST_OK)
        return OP_FAILED;
    if (batch_rows(u->out))
        out->batch = u->out;
    u->running = u->row < batch_rows(b);
    return u->running ? OP_MORE : OP_DONE;
}

const struct op_ops op_unnest = {
    .name = "unnest", .size = sizeof(struct unnest), .open = unnest_open, .batch = unnest_batch,
    .close = unnest_close,
};
