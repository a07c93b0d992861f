/* Batches: a set of owned columns with a selection and row kinds, all charged to one budget.
 *
 * The stores of selection and kinds are made with the batch, so turning them on cannot fail. A column that somebody
 * replaced by a borrowed copy (owned = false) is neither cleared nor released here. */
#include "data/batch.h"

#define FOOTPRINT_BUFS 256u /* distinct buffers that batch_footprint tells apart */

const char *row_kind_name(uint8_t kind)
{
    static const char *const names[4] = { "+I", "-U", "+U", "-D" };
    return names[kind & 3];
}

struct batch *batch_new(const struct schema *s, uint32_t capacity, struct budget *b)
{
    CHECK(capacity <= 65536); /* rows are named by 16 bits in selections */
    struct batch *batch = mem_calloc(b, sizeof *batch);
    if (!batch)
        return NULL;
    batch->schema = s;
    batch->capacity = capacity;
    batch->budget = b;
    uint32_t n = s->n_fields;
    size_t room = capacity ? capacity : 1;
    batch->cols = mem_calloc(b, (n ? n : 1) * sizeof *batch->cols);
    batch->sel_store = mem_calloc(b, room * sizeof *batch->sel_store);
    batch->kind_store = mem_calloc(b, room);
    bool ok = batch->cols && batch->sel_store && batch->kind_store;
    for (uint32_t i = 0; i < n && ok; i++)
        ok = column_init(&batch->cols[i], s->fields[i].type, capacity, b);
    if (!ok) {
        batch_free(batch);
        return NULL;
    }
    return batch;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    uint32_t n = b->schema->n_fields;
    size_t room = b->capacity ? b->capacity : 1;
    for (uint32_t i = 0; b->cols && i < n; i++)
        column_release(&b->cols[i]);
    mem_free(b->budget, b->cols, b->cols ? (n ? n : 1) * sizeof *b->cols : 0);
    mem_free(b->budget, b->sel_store, b->sel_store ? room * sizeof *b->sel_store : 0);
    mem_free(b->budget, b->kind_store, b->kind_store ? room : 0);
    mem_free(b->budget, b, sizeof *b);
}

void batch_clear(struct batch *b)
{
    b->count = 0;
    b->sel = NULL;
    b->n_sel = 0;
    b->kinds = NULL;
    for (uint32_t i = 0; i < b->schema->n_fields; i++)
        if (b->cols[i].owned)
            column_clear(&b->cols[i]);
}

uint8_t *batch_kinds(struct batch *b)
{
    if (!b->kinds) {
        memset(b->kind_store, ROW_INSERT, b->capacity);
        b->kinds = b->kind_store;
    }
    return b->kinds;
}

bool batch_append(struct batch *dst, const struct batch *src, uint32_t row, bool share)
{
    uint16_t one = (uint16_t)row;
    return batch_append_rows(dst, src, &one, 1, share);
}

bool batch_append_rows(struct batch *dst, const struct batch *src, const uint16_t *rows, uint32_t n, bool share)
{
    CHECK(!dst->sel && n <= dst->capacity - dst->count);
    uint32_t at = dst->count;
    for (uint32_t i = 0; i < dst->schema->n_fields; i++)
        if (!column_gather(&dst->cols[i], at, &src->cols[i], rows, n, share))
            return false;
    if (src->kinds || dst->kinds) {
        uint8_t *kinds = batch_kinds(dst);
        for (uint32_t k = 0; k < n; k++)
            kinds[at + k] = batch_kind(src, rows ? rows[k] : k);
    }
    dst->count = at + n;
    return true;
}

struct footprint {
    size_t pinned, used;
    const struct shared *seen[FOOTPRINT_BUFS];
    uint32_t n_seen;
};

/* Several columns may reference one buffer (a block of input): it is pinned once. Past FOOTPRINT_BUFS buffers the
 * sum may count one twice, which errs on the side of copying out. */
static void footprint_buf(struct footprint *f, const struct shared *s)
{
    for (uint32_t i = 0; i < f->n_seen; i++)
        if (f->seen[i] == s)
            return;
    if (f->n_seen < FOOTPRINT_BUFS)
        f->seen[f->n_seen++] = s;
    f->pinned += s->cap;
}

static void footprint_pinned(struct footprint *f, const struct column *c)
{
    f->pinned += c->cap * (phys_size(type_phys(c->type)) + 1);
    for (uint32_t i = 0; i < c->n_bufs; i++)
        footprint_buf(f, c->bufs[i]);
    for (uint32_t i = 0; i < c->n_children; i++)
        footprint_pinned(f, &c->children[i]);
}

static size_t value_bytes(const struct column *c, uint32_t row)
{
    enum phys phys = type_phys(c->type);
    size_t used = phys_size(phys) + 1;
    if (column_is_null(c, row))
        return used;
    if (phys == PHYS_STRING && c->str[row].len > 12)
        used += c->str[row].len;
    for (uint32_t i = 0; i < c->n_children; i++) {
        if (phys == PHYS_ROW) {
            used += value_bytes(&c->children[i], row);
            continue;
        }
        struct listview v = c->list[row];
        for (uint32_t k = 0; k < v.len; k++)
            used += value_bytes(&c->children[i], v.offset + k);
    }
    return used;
}

void batch_footprint(const struct batch *b, size_t *ret_pinned, size_t *ret_used)
{
    struct footprint f = { 0 };
    for (uint32_t i = 0; i < b->schema->n_fields; i++) {
        footprint_pinned(&f, &b->cols[i]);
        for (uint32_t k = 0; k < batch_rows(b); k++)
            f.used += value_bytes(&b->cols[i], batch_row(b, k));
    }
    *ret_pinned = f.pinned;
    *ret_used = f.used;
}
