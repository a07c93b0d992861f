/* The rows that a changelog adds up to, in the order in which they came.
 *
 * Rows are kept in their canonical bytes, which tell which row a retraction means: a table of slots (linear probing, at
 * most half full) leads from the hash of the bytes to the newest row that has them. A row taken away leaves a hole. The
 * holes of -U wait in a queue for the +U that follow them, which come in the same order (an operator first takes all
 * back that it then puts out anew), so that an update stays in its place. Holes are closed up when they are more than
 * the rows. */
#include "cli/shell/shell.h"

struct live_row {
    uint8_t *bytes; /* NULL: a hole */
    uint32_t len;
    uint32_t same; /* the next older row of the same bytes, + 1; 0: none */
    uint64_t hash;
};

struct live {
    struct budget *budget;
    const struct schema *schema;
    struct live_row *rows;
    uint32_t n, cap, held; /* rows and holes; room; rows */
    uint32_t *slots;       /* newest row of these bytes, + 1 */
    uint32_t slot_cap;
    struct buf holes; /* of -U: row numbers, u32; taken up to holes_at */
    size_t holes_at;
    struct buf key;
};

#define ROWS_FIRST 64u
#define ROWS_MAX (1u << 30)

struct live *live_new(const struct schema *schema, struct budget *b)
{
    struct live *l = mem_calloc(b, sizeof *l);
    if (!l)
        return NULL;
    l->budget = b;
    l->schema = schema;
    buf_init(&l->key, b, UINT32_MAX);
    buf_init(&l->holes, b, UINT32_MAX);
    return l;
}

void live_free(struct live *l)
{
    if (!l)
        return;
    for (uint32_t i = 0; i < l->n; i++)
        mem_free(l->budget, l->rows[i].bytes, l->rows[i].len);
    mem_free(l->budget, l->rows, l->cap * sizeof *l->rows);
    mem_free(l->budget, l->slots, l->slot_cap * sizeof *l->slots);
    buf_release(&l->key);
    buf_release(&l->holes);
    mem_free(l->budget, l, sizeof *l);
}

uint64_t live_rows(const struct live *l) { return l->held; }

static bool same_bytes(const struct live_row *r, uint64_t hash, struct str bytes)
{
    return r->bytes && r->hash == hash && r->len == bytes.len && memcmp(r->bytes, bytes.ptr, bytes.len) == 0;
}

/* The slot of these bytes, or the free one where they belong. */
static uint32_t *slot_of(const struct live *l, uint64_t hash, struct str bytes)
{
    uint32_t mask = l->slot_cap - 1, i = (uint32_t)hash & mask;
    while (l->slots[i] && !same_bytes(&l->rows[l->slots[i] - 1], hash, bytes))
        i = (i + 1) & mask;
    return &l->slots[i];
}

static void put_in_slot(struct live *l, uint32_t row)
{
    struct live_row *r = &l->rows[row];
    uint32_t *slot = slot_of(l, r->hash, str_make(r->bytes, r->len));
    r->same = *slot;
    *slot = row + 1;
}

/* Slots are made anew from the rows: without the holes when there are many. */
static void rebuild(struct live *l)
{
    uint32_t n = 0;
    memset(l->slots, 0, l->slot_cap * sizeof *l->slots);
    for (uint32_t i = 0; i < l->n; i++)
        if (l->rows[i].bytes)
            l->rows[n++] = l->rows[i];
    l->n = n;
    buf_clear(&l->holes); /* they are no more */
    l->holes_at = 0;
    for (uint32_t i = 0; i < l->n; i++)
        put_in_slot(l, i);
}

static bool grow(struct live *l)
{
    if (l->n < l->cap && l->cap)
        return true;
    if (l->cap && l->n - l->held > l->n / 2) {
        rebuild(l);
        return true;
    }
    uint32_t cap = l->cap ? l->cap * 2 : ROWS_FIRST;
    if (cap > ROWS_MAX)
        return false;
    uint32_t *slots = mem_calloc(l->budget, (size_t)cap * 2 * sizeof *slots);
    struct live_row *rows =
        slots ? mem_realloc(l->budget, l->rows, l->cap * sizeof *rows, cap * sizeof *rows) : NULL;
    if (!rows) {
        mem_free(l->budget, slots, (size_t)cap * 2 * sizeof *slots);
        return false;
    }
    mem_free(l->budget, l->slots, l->slot_cap * sizeof *slots);
    l->rows = rows;
    l->cap = cap;
    l->slots = slots;
    l->slot_cap = cap * 2;
    rebuild(l);
    return true;
}

/* The oldest hole that waits; UINT32_MAX: none. */
static uint32_t take_hole(struct live *l)
{
    uint32_t row;
    if (l->holes_at == l->holes.len)
        return UINT32_MAX;
    memcpy(&row, l->holes.data + l->holes_at, sizeof row);
    l->holes_at += sizeof row;
    if (l->holes_at == l->holes.len) {
        buf_clear(&l->holes);
        l->holes_at = 0;
    }
    return row;
}

static bool add(struct live *l, uint64_t hash, struct str bytes, bool again)
{
    uint8_t *copy = mem_alloc(l->budget, bytes.len);
    uint32_t at = again ? take_hole(l) : UINT32_MAX;
    if (!copy || (at == UINT32_MAX && !grow(l))) {
        mem_free(l->budget, copy, bytes.len);
        return false;
    }
    if (at == UINT32_MAX)
        at = l->n++;
    memcpy(copy, bytes.ptr, bytes.len);
    l->rows[at] = (struct live_row){ copy, (uint32_t)bytes.len, 0, hash };
    l->held++;
    put_in_slot(l, at);
    return true;
}

/* Takes `slot` out; what was displaced by it moves up, as linear probing wants it. */
static void free_slot(struct live *l, uint32_t at)
{
    uint32_t mask = l->slot_cap - 1, hole = at;
    l->slots[hole] = 0;
    for (uint32_t i = (at + 1) & mask; l->slots[i]; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)l->rows[l->slots[i] - 1].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            l->slots[hole] = l->slots[i];
            l->slots[i] = 0;
            hole = i;
        }
    }
}

/* A row that is not there stays away: nothing to take back. */
static bool take_back(struct live *l, uint64_t hash, struct str bytes, bool comes_again)
{
    uint32_t *slot = l->slot_cap ? slot_of(l, hash, bytes) : NULL;
    if (!slot || !*slot)
        return true;
    uint32_t row = *slot - 1;
    struct live_row *r = &l->rows[row];
    uint32_t older = r->same;
    if (older)
        *slot = older;
    else
        free_slot(l, (uint32_t)(slot - l->slots));
    mem_free(l->budget, r->bytes, r->len);
    *r = (struct live_row){ 0 };
    l->held--;
    return !comes_again || buf_put(&l->holes, &row, sizeof row);
}

enum status live_apply(struct live *l, const struct batch *changes, struct error *err)
{
    for (uint32_t k = 0; k < batch_rows(changes); k++) {
        uint32_t row = batch_row(changes, k);
        buf_clear(&l->key);
        if (!row_encode(&l->key, changes->cols, NULL, changes->schema->n_fields, row, false))
            return budget_error(l->budget, 0, err);
        struct str bytes = buf_str(&l->key);
        uint64_t hash = hash_bytes(bytes.ptr, bytes.len);
        uint8_t kind = batch_kind(changes, row);
        bool ok = row_kind_adds(kind) ? add(l, hash, bytes, kind == ROW_UPDATE_AFTER)
                                      : take_back(l, hash, bytes, kind == ROW_UPDATE_BEFORE);
        if (!ok)
            return budget_error(l->budget, bytes.len, err);
    }
    return ST_OK;
}

enum status live_read(const struct live *l, uint64_t *at, struct batch *ret, struct error *err)
{
    batch_clear(ret);
    for (; *at < l->n && ret->count < ret->capacity; ++*at) {
        const struct live_row *r = &l->rows[*at];
        if (!r->bytes)
            continue;
        TRY(row_decode(str_make(r->bytes, r->len), ret->cols, l->schema->n_fields, ret->count, err));
        ret->count++;
    }
    return ST_OK;
}
