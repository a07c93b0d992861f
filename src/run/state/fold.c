/* The fold: (sorted snapshot) + (deltas in order) -> (sorted snapshot).
 *
 * The deltas are read into memory as an index of operations, sorted by (store, namespace, hash, key, age); of each key the
 * youngest operation wins. The old snapshot streams past, already in that order, and the two are merged: an old PUT is kept
 * unless a younger operation has its key, or its namespace was dropped since. A DROP kills what is older than itself, in the
 * old snapshot and among the deltas. Memory is the deltas' bytes and 80 bytes an operation; the snapshot is never whole in memory. */
#include <stdlib.h>

#include "state/state_private.h"

#define PIECE_BYTES (1u << 20)

struct fold_op {
    struct delta d;
    uint64_t age;
};

struct drop {
    struct str store;
    int64_t ns;
    uint64_t age; /* operations of the namespace younger than this live */
};

struct fold {
    struct budget *budget;
    struct arena arena;
    struct fold_op *ops;
    size_t n_ops, cap_ops;
    ARRAY(struct drop) drops;
    uint64_t age;
    size_t next; /* the first op not yet merged */
    struct buf piece;
    struct delta_writer writer;
    enum status (*write)(void *arg, struct str payload, struct error *err);
    void *arg;
};

static int compare_place(const struct delta *a, const struct delta *b)
{
    if (a->store.ptr != b->store.ptr) {
        int c = str_cmp(a->store, b->store);
        if (c)
            return c;
    }
    if (a->ns != b->ns)
        return a->ns < b->ns ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return str_cmp(a->key, b->key);
}

static int compare_ops(const void *pa, const void *pb)
{
    const struct fold_op *a = pa, *b = pb;
    int c = compare_place(&a->d, &b->d);
    if (c)
        return c;
    return a->age < b->age ? 1 : a->age > b->age ? -1 : 0; /* the youngest first */
}

/* ---- reading the deltas ---- */

static enum status take_op(void *arg, const struct delta *d, struct error *err)
{
    struct fold *f = arg;
    f->age++;
    if (d->op == DELTA_DROP) {
        struct drop *drop = array_add(&f->drops, &f->arena);
        if (!drop)
            return budget_error(f->budget, sizeof *drop, err);
        *drop = (struct drop){ d->store, d->ns, f->age };
        return ST_OK;
    }
    if (f->n_ops == f->cap_ops) {
        size_t cap = f->cap_ops ? f->cap_ops * 2 : 1024;
        struct fold_op *ops = mem_realloc(f->budget, f->ops, f->cap_ops * sizeof *ops, cap * sizeof *ops);
        if (!ops)
            return budget_error(f->budget, cap * sizeof *ops, err);
        f->ops = ops;
        f->cap_ops = cap;
    }
    f->ops[f->n_ops++] = (struct fold_op){ *d, f->age };
    return ST_OK;
}

static enum status read_deltas(struct fold *f, struct fold_input in, struct error *err)
{
    for (;;) {
        struct str payload;
        TRY(in.next(in.arg, &payload, err));
        if (payload.len == 0)
            return ST_OK;
        struct str copy = arena_str(&f->arena, payload);
        if (!copy.ptr)
            return budget_error(f->budget, payload.len, err);
        TRY(delta_read(copy, take_op, f, err));
    }
}

/* Namespaces dropped are many (a pane a window); only the youngest drop of each counts. Sorted, so that the merge can look
 * them up by bisection. */
static int compare_drops(const void *pa, const void *pb)
{
    const struct drop *a = pa, *b = pb;
    int c = str_cmp(a->store, b->store);
    if (c)
        return c;
    if (a->ns != b->ns)
        return a->ns < b->ns ? -1 : 1;
    return a->age < b->age ? 1 : a->age > b->age ? -1 : 0;
}

static void sort_drops(struct fold *f)
{
    if (f->drops.count)
        qsort(f->drops.at, f->drops.count, sizeof *f->drops.at, compare_drops);
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->drops.count; i++) {
        struct drop *d = &f->drops.at[i];
        if (n && f->drops.at[n - 1].ns == d->ns && str_eq(f->drops.at[n - 1].store, d->store))
            continue;
        f->drops.at[n++] = *d;
    }
    f->drops.count = n;
}

static bool is_dropped(const struct fold *f, const struct delta *d, uint64_t age)
{
    uint32_t lo = 0, hi = f->drops.count;
    struct drop want = { d->store, d->ns, UINT64_MAX };
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (compare_drops(&f->drops.at[mid], &want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == f->drops.count || f->drops.at[lo].ns != d->ns || !str_eq(f->drops.at[lo].store, d->store))
        return false;
    return f->drops.at[lo].age > age;
}

/* ---- writing ---- */

static enum status flush_piece(struct fold *f, struct error *err)
{
    if (!delta_end(&f->writer))
        return budget_error(f->budget, 1, err);
    if (f->piece.len == 0)
        return ST_OK;
    TRY(f->write(f->arg, buf_str(&f->piece), err));
    buf_clear(&f->piece);
    return ST_OK;
}

static enum status put(struct fold *f, const struct delta *d, struct error *err)
{
    /* the writer's idea of the open section's store borrows from old payloads: keep our own name */
    if (!f->writer.open || !str_eq(f->writer.store, d->store) || f->writer.ns != d->ns) {
        struct delta named = *d;
        named.store = arena_str(&f->arena, d->store);
        if (!named.store.ptr || !delta_write(&f->writer, &named))
            return budget_error(f->budget, d->value.len, err);
    } else if (!delta_write(&f->writer, d)) {
        return budget_error(f->budget, d->value.len, err);
    }
    return f->piece.len >= PIECE_BYTES ? flush_piece(f, err) : ST_OK;
}

/* Merges the young operations that stand before `until` (NULL: all). *ret_covered: one has the very place of `until`. */
static enum status merge_until(struct fold *f, const struct delta *until, bool *ret_covered, struct error *err)
{
    *ret_covered = false;
    while (f->next < f->n_ops) {
        struct fold_op *op = &f->ops[f->next];
        int c = until ? compare_place(&op->d, until) : -1;
        if (c > 0)
            return ST_OK;
        if (c == 0)
            *ret_covered = true;
        if (op->d.op == DELTA_PUT && !is_dropped(f, &op->d, op->age))
            TRY(put(f, &op->d, err));
        size_t i = f->next + 1; /* older operations of the same key say nothing any more */
        while (i < f->n_ops && compare_place(&f->ops[i].d, &op->d) == 0)
            i++;
        f->next = i;
    }
    return ST_OK;
}

static enum status merge_old(void *arg, const struct delta *d, struct error *err)
{
    struct fold *f = arg;
    bool covered;
    if (d->op != DELTA_PUT)
        return error_set(err, ST_CORRUPT, "a snapshot holds something else than entries");
    TRY(merge_until(f, d, &covered, err));
    if (covered || is_dropped(f, d, 0))
        return ST_OK;
    return put(f, d, err);
}

enum status state_fold(struct fold_input old, struct fold_input deltas, struct budget *b,
                       enum status (*write)(void *arg, struct str payload, struct error *err), void *arg,
                       struct error *err)
{
    struct fold f = { .budget = b, .write = write, .arg = arg };
    arena_init(&f.arena, b);
    buf_init(&f.piece, b, SIZE_MAX);
    f.writer.out = &f.piece;
    enum status st = read_deltas(&f, deltas, err);
    if (st != ST_OK)
        goto done;
    if (f.n_ops)
        qsort(f.ops, f.n_ops, sizeof *f.ops, compare_ops);
    sort_drops(&f);
    while (old.next && st == ST_OK) {
        struct str payload;
        st = old.next(old.arg, &payload, err);
        if (st != ST_OK || payload.len == 0)
            break;
        st = delta_read(payload, merge_old, &f, err);
    }
    bool covered;
    if (st == ST_OK)
        st = merge_until(&f, NULL, &covered, err);
    if (st == ST_OK)
        st = flush_piece(&f, err);
done:
    mem_free(b, f.ops, f.cap_ops * sizeof *f.ops);
    buf_release(&f.piece);
    arena_release(&f.arena);
    return st;
}
