/* Panes merged into windows: the running table of CUMULATE and the two stacks of HOP, see window.h. The merged
 * tables are derived: they are in no delta and are built again after a restore. */
#include "exec/accumulate.h"
#include "exec/window.h"

struct slices {
    struct windows w;
    struct accumulators *acc;
    struct store *panes;
    struct op *op;
    struct store *front;  /* namespace: first pane of the suffix */
    struct store *scratch; /* namespace 0: back, or CUMULATE's running table; 1: a window's result */
    int64_t middle;       /* HOP: front covers panes before it; INT64_MIN: nothing is built */
    int64_t built_end;    /* back covers panes [middle, built_end) */
    struct entry **from, **to;
    const uint8_t **bytes;
    uint32_t *lens;
    uint64_t *hashes;
    struct arena arena;
};

static struct store *derived_store(struct slices *s, const char *name)
{
    struct accumulators *a = s->acc;
    struct store_layout layout = {
        .id = str_from(name), .value_bytes = a->value_bytes, .value_align = a->value_align,
        .n_blobs = a->n_blobs, .blob_offsets = a->blob_offsets, .fingerprint = STR("derived"),
    };
    return store_new(s->op->ctx->os, &layout, false, &s->op->state);
}

enum status slices_new(const struct windows *w, struct accumulators *acc, struct store *panes, struct op *o,
                       struct slices **ret, struct error *err)
{
    struct slices *s = mem_calloc(o->budget, sizeof *s);
    if (!s)
        return budget_error(o->budget, sizeof *s, err);
    uint32_t n = acc->capacity;
    s->w = *w;
    s->acc = acc;
    s->panes = panes;
    s->op = o;
    s->middle = s->built_end = INT64_MIN;
    arena_init(&s->arena, o->budget);
    s->front = derived_store(s, "front");
    s->scratch = derived_store(s, "scratch");
    s->from = ARENA_ARRAY(&s->arena, struct entry *, n);
    s->to = ARENA_ARRAY(&s->arena, struct entry *, n);
    s->bytes = ARENA_ARRAY(&s->arena, const uint8_t *, n);
    s->lens = ARENA_ARRAY(&s->arena, uint32_t, n);
    s->hashes = ARENA_ARRAY(&s->arena, uint64_t, n);
    if (!s->front || !s->scratch || !s->from || !s->to || !s->bytes || !s->lens || !s->hashes) {
        slices_free(s);
        return budget_error(o->budget, 0, err);
    }
    *ret = s;
    return ST_OK;
}

void slices_free(struct slices *s)
{
    if (!s)
        return;
    store_free(s->front);
    store_free(s->scratch);
    arena_release(&s->arena);
    mem_free(s->op->budget, s, sizeof *s);
}

void slices_touch(struct slices *s, int64_t pane)
{
    if (pane < s->built_end)
        s->middle = s->built_end = INT64_MIN; /* build anew at the next window */
}

/* to += from, entry by entry, a batch of probes at a time. */
static enum status merge_table(struct slices *s, struct table *to, struct table *from, struct error *err)
{
    uint64_t cursor = 0;
    for (;;) {
        uint32_t n = 0;
        for (struct entry *e; n < s->acc->capacity && (e = table_next(from, &cursor)); n++) {
            struct str key = entry_key(from, e);
            s->from[n] = e;
            s->bytes[n] = (const uint8_t *)key.ptr;
            s->lens[n] = (uint32_t)key.len;
            s->hashes[n] = e->hash;
        }
        if (n == 0)
            return ST_OK;
        struct key_set keys = { .n = n, .bytes = s->bytes, .lens = s->lens, .hashes = s->hashes };
        if (!table_upsert(to, &keys, s->to, NULL))
            return budget_error(s->op->budget, 0, err);
        TRY(accumulators_merge(s->acc, to, s->to, from, s->from, n, err));
    }
}

/* The same for a table `to` that has no entries yet. */
static enum status copy_table(struct slices *s, struct table *to, struct table *from, struct error *err)
{
    if (s->acc->n_blobs)
        return merge_table(s, to, from, err);
    return table_copy(to, from) ? ST_OK : budget_error(s->op->budget, 0, err);
}

/* A fresh namespace `ns` of `st`. */
static struct table *fresh(struct store *st, int64_t ns)
{
    return store_drop(st, ns) ? store_make(st, ns) : NULL;
}

/* Merges the panes in [from, to) into the table. */
static enum status merge_panes(struct slices *s, struct table *into, int64_t from, int64_t to, struct error *err)
{
    int64_t ns;
    for (struct table *p = store_next(s->panes, from, &ns); p && ns < to; p = store_next(s->panes, ns + 1, &ns))
        TRY(merge_table(s, into, p, err));
    return ST_OK;
}

static bool any_pane(const struct slices *s, int64_t from, int64_t to)
{
    int64_t ns;
    return store_next(s->panes, from, &ns) && ns < to;
}

static enum status cumulate_window(struct slices *s, int64_t start, int64_t end, struct table **ret, struct error *err)
{
    bool same = s->built_end != INT64_MIN && s->middle == start && s->built_end <= end;
    struct table *t = same ? store_make(s->scratch, 0) : fresh(s->scratch, 0);
    if (!t)
        return budget_error(s->op->budget, 0, err);
    TRY(merge_panes(s, t, same ? s->built_end : start, end, err));
    s->middle = start;
    s->built_end = end;
    *ret = table_count(t) ? t : NULL;
    return ST_OK;
}

/* Everything of [start, end) becomes front: suffixes from the newest pane down. */
static enum status flip(struct slices *s, int64_t start, int64_t end, struct error *err)
{
    int64_t ns;
    while (store_next(s->front, INT64_MIN, &ns))
        if (!store_drop(s->front, ns))
            return budget_error(s->op->budget, 0, err);
    struct table *suffix = NULL;
    for (int64_t p = end - s->w.pane; p >= start; p -= s->w.pane) {
        struct table *pane = store_find(s->panes, p);
        if (!pane)
            continue; /* the suffix of the next pane serves */
        struct table *t = store_make(s->front, p);
        if (!t)
            return budget_error(s->op->budget, 0, err);
        if (suffix)
            TRY(copy_table(s, t, suffix, err));
        TRY(suffix ? merge_table(s, t, pane, err) : copy_table(s, t, pane, err));
        suffix = t;
    }
    s->middle = s->built_end = end;
    return fresh(s->scratch, 0) ? ST_OK : budget_error(s->op->budget, 0, err);
}

static enum status hop_window(struct slices *s, int64_t start, int64_t end, struct table **ret, struct error *err)
{
    int64_t ns;
    if (s->middle == INT64_MIN || start >= s->middle || s->built_end > end)
        TRY(flip(s, start, end, err));
    struct table *back = store_make(s->scratch, 0);
    if (!back)
        return budget_error(s->op->budget, 0, err);
    TRY(merge_panes(s, back, s->built_end, end, err));
    s->built_end = end;
    for (struct table *t = store_next(s->front, INT64_MIN, &ns); t && ns < start; t = store_next(s->front, ns + 1, &ns))
        if (!store_drop(s->front, ns))
            return budget_error(s->op->budget, 0, err);
    struct table *front = store_next(s->front, start, &ns);
    if (!front || table_count(back) == 0) {
        *ret = front ? front : back;
        return ST_OK;
    }
    struct table *t = front; /* of the first pane: no later window will look at it */
    if (ns != start) {
        t = fresh(s->scratch, 1);
        if (!t)
            return budget_error(s->op->budget, 0, err);
        TRY(copy_table(s, t, front, err));
    }
    TRY(merge_table(s, t, back, err));
    *ret = t;
    return ST_OK;
}

enum status slices_window(struct slices *s, int64_t end, struct table **ret, struct error *err)
{
    int64_t start = windows_start(&s->w, end);
    *ret = NULL;
    if (s->w.kind == WINDOW_TUMBLE) {
        *ret = store_find(s->panes, start);
        return ST_OK;
    }
    if (!any_pane(s, start, end))
        return ST_OK;
    return s->w.kind == WINDOW_CUMULATE ? cumulate_window(s, start, end, ret, err) : hop_window(s, start, end, ret, err);
}
