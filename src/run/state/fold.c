/* The fold: (sorted snapshot) + (deltas in order) -> (sorted snapshot).
 *
 * An index of 24 bytes an operation is made over the deltas: hash, place of the operation's bytes, number of its group
 * (store and namespace), age. Operations whose namespace was dropped since go at once. The index is sorted by group,
 * hash, key, and age, the youngest first: a stable radix sort by the hash's top 22 bits, then by the group's rank,
 * leaves short runs that a comparison finishes. Of each key the youngest operation wins.
 *
 * The old snapshot streams past, already in that order, and the two are merged: an old PUT is kept unless a younger
 * operation has its key, or its namespace was dropped. Where an old section stands among the groups is looked up once
 * a section. What is kept is written as the bytes that it was read from. Memory is 48 bytes an operation beside the
 * deltas' bytes; the snapshot is never whole in memory. */
#include <stdlib.h>

#include "state/state_private.h"

#define PIECE_BYTES (1u << 20)
#define DIGIT_BITS 11u
#define DIGITS (1u << DIGIT_BITS)
#define AHEAD 24u
#define SORTED_SHIFT (64u - 2 * DIGIT_BITS) /* the hash's bits above are sorted by radix */

struct fold_op {
    uint64_t hash;
    const char *at; /* of the operation's bytes */
    uint32_t group; /* a section's number while reading, then the rank of store and namespace */
    uint32_t age;
};

struct group { /* a section of a delta; later: one for each store and namespace, by rank */
    struct str store, fingerprint;
    int64_t ns;
    uint32_t drop_age; /* the youngest drop; 0: none */
};

struct drop {
    struct str store;
    int64_t ns;
    uint32_t age; /* operations of the namespace younger than this live */
};

struct fold {
    struct budget *budget;
    struct arena arena;
    struct fold_op *ops, *spare;
    size_t n_ops, cap_ops, cap_spare;
    ARRAY(struct drop) drops;
    ARRAY(struct group) groups;
    uint32_t age;
    size_t next; /* the first op not yet merged */
    /* the old snapshot's running section */
    const char *old_store;
    int64_t old_ns;
    uint32_t old_rank; /* groups before it */
    bool old_known;    /* the group at old_rank is this one */
    bool old_dropped;
    struct buf piece;
    struct delta_writer writer;
    enum status (*write)(void *arg, struct str payload, struct error *err);
    void *arg;
};

static int compare_names(struct str a_store, int64_t a_ns, struct str b_store, int64_t b_ns)
{
    int c = a_store.ptr == b_store.ptr && a_store.len == b_store.len ? 0 : str_cmp(a_store, b_store);
    return c ? c : a_ns < b_ns ? -1 : a_ns > b_ns;
}

/* ---- the bytes of an operation, which delta_read has found to be well-formed ---- */

static const char *skip_varint(const char *p, uint64_t *ret)
{
    uint64_t v = 0;
    for (uint32_t shift = 0;; shift += 7) {
        uint8_t byte = (uint8_t)*p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    *ret = v;
    return p;
}

static struct str op_key(const struct fold_op *op)
{
    uint64_t len;
    const char *p = skip_varint(op->at + 1 + 8, &len);
    return (struct str){ p, len };
}

static struct str op_bytes(const struct fold_op *op)
{
    struct str key = op_key(op);
    const char *end = key.ptr + key.len;
    uint64_t len;
    if (*op->at == DELTA_PUT) {
        end = skip_varint(end, &len);
        end += len;
    }
    return (struct str){ op->at, (size_t)(end - op->at) };
}

/* ---- reading the deltas ---- */

static bool add_op(struct fold *f, const struct fold_op *op)
{
    if (f->n_ops == f->cap_ops) {
        size_t cap = f->cap_ops ? f->cap_ops * 2 : 1024;
        struct fold_op *ops = mem_realloc(f->budget, f->ops, f->cap_ops * sizeof *ops, cap * sizeof *ops);
        if (!ops)
            return false;
        f->ops = ops;
        f->cap_ops = cap;
    }
    f->ops[f->n_ops++] = *op;
    return true;
}

static enum status take_op(void *arg, const struct delta *d, struct error *err)
{
    struct fold *f = arg;
    if (f->age == UINT32_MAX)
        return error_set(err, ST_LIMIT, "more than four billion changes since the last snapshot");
    f->age++;
    if (d->op == DELTA_DROP) {
        struct drop *drop = array_add(&f->drops, &f->arena);
        if (!drop)
            return budget_error(f->budget, sizeof *drop, err);
        *drop = (struct drop){ d->store, d->ns, f->age };
        return ST_OK;
    }
    struct group *last = f->groups.count ? &f->groups.at[f->groups.count - 1] : NULL;
    if (!last || last->store.ptr != d->store.ptr) { /* payloads stay: another section lies elsewhere */
        struct group *g = array_add(&f->groups, &f->arena);
        if (!g)
            return budget_error(f->budget, sizeof *g, err);
        *g = (struct group){ d->store, d->fingerprint, d->ns, 0 };
    }
    struct fold_op op = { d->hash, d->bytes.ptr, f->groups.count - 1, f->age };
    return add_op(f, &op) ? ST_OK : budget_error(f->budget, f->cap_ops * sizeof op, err);
}

/* Namespaces dropped are many (a pane a window); only the youngest drop of each counts. Sorted, so that the merge can look
 * them up by bisection. */
static int compare_drops(const void *pa, const void *pb)
{
    const struct drop *a = pa, *b = pb;
    int c = compare_names(a->store, a->ns, b->store, b->ns);
    if (c)
        return c;
    return a->age < b->age ? 1 : a->age > b->age ? -1 : 0;
}

static void sort_drops(struct fold *f)
{
    if (f->drops.count)
        qsort(f->drops.at, f->drops.count, sizeof *f->drops.at, compare_drops);
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->drops.count; i++) {
        struct drop *d = &f->drops.at[i];
        if (n && compare_names(f->drops.at[n - 1].store, f->drops.at[n - 1].ns, d->store, d->ns) == 0)
            continue;
        f->drops.at[n++] = *d;
    }
    f->drops.count = n;
}

/* Age of the namespace's youngest drop; 0: none. */
static uint32_t drop_age(const struct fold *f, struct str store, int64_t ns)
{
    uint32_t lo = 0, hi = f->drops.count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        const struct drop *d = &f->drops.at[mid];
        int c = compare_names(d->store, d->ns, store, ns);
        if (c == 0)
            return d->age;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return 0;
}

/* ---- the order ---- */

struct ranked {
    const struct group *group;
    uint32_t number;
};

static int compare_ranked(const void *pa, const void *pb)
{
    const struct group *a = ((const struct ranked *)pa)->group, *b = ((const struct ranked *)pb)->group;
    return compare_names(a->store, a->ns, b->store, b->ns);
}

/* Groups become one for each store and namespace, in order; operations get their ranks, and those that a drop killed go. */
static enum status rank_groups(struct fold *f, struct error *err)
{
    uint32_t n = f->groups.count, n_ranks = 0;
    struct ranked *order = ARENA_ARRAY(&f->arena, struct ranked, n + 1);
    uint32_t *ranks = ARENA_ARRAY(&f->arena, uint32_t, n + 1);
    struct group *groups = ARENA_ARRAY(&f->arena, struct group, n + 1);
    if (!order || !ranks || !groups)
        return budget_error(f->budget, n * sizeof *order, err);
    for (uint32_t i = 0; i < n; i++)
        order[i] = (struct ranked){ &f->groups.at[i], i };
    if (n)
        qsort(order, n, sizeof *order, compare_ranked);
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || compare_ranked(&order[i - 1], &order[i]) != 0) {
            groups[n_ranks] = *order[i].group;
            groups[n_ranks].drop_age = drop_age(f, groups[n_ranks].store, groups[n_ranks].ns);
            n_ranks++;
        }
        ranks[order[i].number] = n_ranks - 1;
    }
    size_t left = 0;
    for (size_t i = 0; i < f->n_ops; i++) {
        struct fold_op op = f->ops[i];
        op.group = ranks[op.group];
        if (op.age > groups[op.group].drop_age)
            f->ops[left++] = op;
    }
    f->n_ops = left;
    f->groups.at = groups;
    f->groups.count = n_ranks;
    return ST_OK;
}

static inline uint32_t digit(const struct fold_op *op, bool by_group, uint32_t shift)
{
    return (uint32_t)((by_group ? op->group : op->hash) >> shift) & (DIGITS - 1);
}

/* One stable pass from ops to spare; the two change places. */
static void radix_pass(struct fold *f, bool by_group, uint32_t shift)
{
    size_t counts[DIGITS] = { 0 }, at = 0;
    for (size_t i = 0; i < f->n_ops; i++)
        counts[digit(&f->ops[i], by_group, shift)]++;
    for (uint32_t d = 0; d < DIGITS; d++) {
        size_t n = counts[d];
        counts[d] = at;
        at += n;
    }
    for (size_t i = 0; i < f->n_ops; i++)
        f->spare[counts[digit(&f->ops[i], by_group, shift)]++] = f->ops[i];
    struct fold_op *ops = f->ops;
    size_t cap = f->cap_ops;
    f->ops = f->spare;
    f->cap_ops = f->cap_spare;
    f->spare = ops;
    f->cap_spare = cap;
}

/* An operation is about a line long and lies anywhere in the payloads. */
static inline void prefetch_bytes(const struct fold_op *op)
{
    __builtin_prefetch(op->at);
    __builtin_prefetch(op->at + 63);
}

/* Within a run of one group. */
static int compare_ops(const void *pa, const void *pb)
{
    const struct fold_op *a = pa, *b = pb;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    int c = str_cmp(op_key(a), op_key(b));
    return c ? c : a->age > b->age ? -1 : a->age < b->age;
}

static void sort_run(struct fold_op *ops, size_t n)
{
    if (n > 24) {
        qsort(ops, n, sizeof *ops, compare_ops);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct fold_op op = ops[i];
        size_t k = i;
        for (; k && compare_ops(&ops[k - 1], &op) > 0; k--)
            ops[k] = ops[k - 1];
        ops[k] = op;
    }
}

static enum status sort_ops(struct fold *f, struct error *err)
{
    sort_drops(f);
    TRY(rank_groups(f, err));
    if (f->n_ops == 0)
        return ST_OK;
    f->spare = mem_alloc(f->budget, f->n_ops * sizeof *f->spare);
    if (!f->spare)
        return budget_error(f->budget, f->n_ops * sizeof *f->spare, err);
    f->cap_spare = f->n_ops;
    radix_pass(f, false, SORTED_SHIFT);
    radix_pass(f, false, SORTED_SHIFT + DIGIT_BITS);
    for (uint32_t shift = 0; shift < 32 && (f->groups.count - 1) >> shift; shift += DIGIT_BITS)
        radix_pass(f, true, shift);
    for (size_t i = 0, end; i < f->n_ops; i = end) {
        if (i + AHEAD + 1 < f->n_ops && f->ops[i + AHEAD].hash == f->ops[i + AHEAD + 1].hash) { /* keys will be compared */
            __builtin_prefetch(f->ops[i + AHEAD].at);
            __builtin_prefetch(f->ops[i + AHEAD + 1].at);
        }
        for (end = i + 1; end < f->n_ops && f->ops[end].group == f->ops[i].group &&
                          f->ops[end].hash >> SORTED_SHIFT == f->ops[i].hash >> SORTED_SHIFT;)
            end++;
        if (end - i > 1)
            sort_run(&f->ops[i], end - i);
    }
    return ST_OK;
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

/* `head`: store, fingerprint and namespace. */
static enum status put(struct fold *f, const struct delta *head, struct str bytes, struct error *err)
{
    bool open = f->writer.open && f->writer.ns == head->ns && str_eq(f->writer.store, head->store);
    struct delta named = *head;
    /* the open section's name is kept here: that of an old section goes with its payload */
    named.store = open ? f->writer.store : arena_str(&f->arena, head->store);
    if (!named.store.ptr || !delta_write_bytes(&f->writer, &named, bytes))
        return budget_error(f->budget, bytes.len, err);
    return f->piece.len >= PIECE_BYTES ? flush_piece(f, err) : ST_OK;
}

/* Where the old entry stands against an operation: the running section's place, then hash and key. */
static int compare_to_old(const struct fold *f, const struct fold_op *op, const struct delta *old)
{
    if (op->group != f->old_rank || !f->old_known)
        return op->group < f->old_rank ? -1 : 1;
    if (op->hash != old->hash)
        return op->hash < old->hash ? -1 : 1;
    return str_cmp(op_key(op), old->key);
}

/* Merges the young operations that stand before `until` (NULL: all). *ret_covered: one has the very place of `until`. */
static enum status merge_until(struct fold *f, const struct delta *until, bool *ret_covered, struct error *err)
{
    *ret_covered = false;
    while (f->next < f->n_ops) {
        const struct fold_op *op = &f->ops[f->next];
        int c = until ? compare_to_old(f, op, until) : -1;
        if (c > 0)
            return ST_OK;
        if (c == 0)
            *ret_covered = true;
        size_t i = f->next + 1; /* older operations of the same key say nothing any more */
        while (i < f->n_ops && f->ops[i].hash == op->hash && f->ops[i].group == op->group &&
               str_eq(op_key(&f->ops[i]), op_key(op)))
            i++;
        f->next = i;
        if (i + AHEAD < f->n_ops)
            prefetch_bytes(&f->ops[i + AHEAD]);
        const struct group *g = &f->groups.at[op->group];
        struct delta head = { .store = g->store, .fingerprint = g->fingerprint, .ns = g->ns };
        if (*op->at == DELTA_PUT)
            TRY(put(f, &head, op_bytes(op), err));
    }
    return ST_OK;
}

/* Places the old section among the groups. */
static void enter_old_section(struct fold *f, const struct delta *d)
{
    uint32_t lo = 0, hi = f->groups.count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (compare_names(f->groups.at[mid].store, f->groups.at[mid].ns, d->store, d->ns) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    f->old_rank = lo;
    f->old_known = lo < f->groups.count &&
                   compare_names(f->groups.at[lo].store, f->groups.at[lo].ns, d->store, d->ns) == 0;
    f->old_dropped = drop_age(f, d->store, d->ns) != 0;
    f->old_store = d->store.ptr;
    f->old_ns = d->ns;
}

static enum status merge_old(void *arg, const struct delta *d, struct error *err)
{
    struct fold *f = arg;
    bool covered;
    if (d->op != DELTA_PUT)
        return error_set(err, ST_CORRUPT, "a snapshot holds something else than entries");
    if (d->store.ptr != f->old_store || d->ns != f->old_ns)
        enter_old_section(f, d);
    TRY(merge_until(f, d, &covered, err));
    return covered || f->old_dropped ? ST_OK : put(f, d, d->bytes, err);
}

enum status state_fold(struct fold_input old, const struct str *deltas, size_t n_deltas, struct budget *b,
                       enum status (*write)(void *arg, struct str payload, struct error *err), void *arg,
                       struct error *err)
{
    struct fold f = { .budget = b, .write = write, .arg = arg };
    arena_init(&f.arena, b);
    buf_init(&f.piece, b, SIZE_MAX);
    f.writer.out = &f.piece;
    enum status st = ST_OK;
    for (size_t i = 0; i < n_deltas && st == ST_OK; i++)
        st = delta_read(deltas[i], take_op, &f, err);
    if (st == ST_OK)
        st = sort_ops(&f, err);
    while (old.next && st == ST_OK) {
        struct str payload;
        st = old.next(old.arg, &payload, err);
        if (st != ST_OK || payload.len == 0)
            break;
        f.old_store = NULL; /* its section lies in the payload, and another may lie there now */
        st = delta_read(payload, merge_old, &f, err);
    }
    bool covered;
    if (st == ST_OK)
        st = merge_until(&f, NULL, &covered, err);
    if (st == ST_OK)
        st = flush_piece(&f, err);
    mem_free(b, f.ops, f.cap_ops * sizeof *f.ops);
    mem_free(b, f.spare, f.cap_spare * sizeof *f.spare);
    buf_release(&f.piece);
    arena_release(&f.arena);
    return st;
}
