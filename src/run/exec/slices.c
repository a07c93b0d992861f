/* Panes merged into windows: the running table of CUMULATE and the two stacks of HOP, see window.h. The merged
 * tables are derived: they are in no delta and are built again after a restore. */
#include "exec/accumulate.h"
#include "exec/window.h"

struct slices {
    struct windows w;
    struct accumulators *acc;
    struct agg_stores panes; /* the operator's */
    struct op *op;
    struct agg_stores front;   /* namespace: first pane of the suffix */
    struct agg_stores scratch; /* namespace 0: back, or CUMULATE's running table; 1: a window's result */
    int64_t middle;       /* HOP: front covers panes before it; INT64_MIN: nothing is built */
    int64_t built_end;    /* back covers panes [middle, built_end) */
    struct entry **from, **to;
    const uint8_t **bytes;
    uint32_t *lens;
    uint64_t *hashes;
    struct arena arena;
};

static struct store *derived_store(struct slices *s, const struct store *like, const char *name)
{
    if (!like)
        return NULL;
    struct store_layout layout = *store_layout(like);
    layout.id = str_from(name);
    layout.fingerprint = STR("derived");
    return store_new(s->op->ctx->os, &layout, false, &s->op->state);
}

/* Stores as the panes' are. false: memory refused. */
static bool derived_stores(struct slices *s, const char *name, struct agg_stores *ret)
{
    ret->groups = derived_store(s, s->panes.groups, name);
    ret->distinct = derived_store(s, s->panes.distinct, name);
    ret->elements = derived_store(s, s->panes.elements, name);
    return ret->groups && (!s->panes.distinct || ret->distinct) && (!s->panes.elements || ret->elements);
}

static void free_stores(const struct agg_stores *s)
{
    store_free(s->groups);
    store_free(s->distinct);
    store_free(s->elements);
}

enum status slices_new(const struct windows *w, struct accumulators *acc, const struct agg_stores *panes, struct op *o,
                       struct slices **ret, struct error *err)
{
    struct slices *s = mem_calloc(o->budget, sizeof *s);
    if (!s)
        return budget_error(o->budget, sizeof *s, err);
    uint32_t n = acc->capacity;
    s->w = *w;
    s->acc = acc;
    s->panes = *panes;
    s->op = o;
    s->middle = s->built_end = INT64_MIN;
    arena_init(&s->arena, o->budget);
    bool ok = derived_stores(s, "front", &s->front) && derived_stores(s, "scratch", &s->scratch);
    s->from = ARENA_ARRAY(&s->arena, struct entry *, n);
    s->to = ARENA_ARRAY(&s->arena, struct entry *, n);
    s->bytes = ARENA_ARRAY(&s->arena, const uint8_t *, n);
    s->lens = ARENA_ARRAY(&s->arena, uint32_t, n);
    s->hashes = ARENA_ARRAY(&s->arena, uint64_t, n);
    if (!ok || !s->from || !s->to || !s->bytes || !s->lens || !s->hashes) {
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
    free_stores(&s->front);
    free_stores(&s->scratch);
    arena_release(&s->arena);
    mem_free(s->op->budget, s, sizeof *s);
}

void slices_touch(struct slices *s, int64_t pane)
{
    if (pane < s->built_end)
        s->middle = s->built_end = INT64_MIN; /* build anew at the next window */
}

/* to += from, entry by entry, a batch of probes at a time. */
static enum status merge_tables(struct slices *s, const struct agg_tables *to, const struct agg_tables *from,
                                struct error *err)
{
    uint64_t cursor = 0;
    for (;;) {
        uint32_t n = 0;
        for (struct entry *e; n < s->acc->capacity && (e = table_next(from->groups, &cursor)); n++) {
            struct str key = entry_key(from->groups, e);
            s->from[n] = e;
            s->bytes[n] = (const uint8_t *)key.ptr;
            s->lens[n] = (uint32_t)key.len;
            s->hashes[n] = e->hash;
        }
        if (n == 0)
            return accumulators_merge_distinct(s->acc, to, from, err);
        struct key_set keys = { .n = n, .bytes = s->bytes, .lens = s->lens, .hashes = s->hashes };
        if (!table_upsert(to->groups, &keys, s->to, NULL))
            return budget_error(s->op->budget, 0, err);
        TRY(accumulators_merge(s->acc, to, s->to, from, s->from, n, err));
    }
}

/* The same for tables `to` that have no entries yet. Ids of groups are told apart whatever the table. */
static enum status copy_tables(struct slices *s, const struct agg_tables *to, const struct agg_tables *from,
                               struct error *err)
{
    if (s->acc->n_blobs || s->acc->n_kept)
        return merge_tables(s, to, from, err);
    bool ok = table_copy(to->groups, from->groups) && (!from->distinct || table_copy(to->distinct, from->distinct));
    return ok ? ST_OK : budget_error(s->op->budget, 0, err);
}

/* A fresh namespace `ns` of the stores. */
static enum status fresh(struct slices *s, const struct agg_stores *st, int64_t ns, struct agg_tables *ret,
                         struct error *err)
{
    return agg_stores_drop(st, ns) && agg_tables_make(st, ns, ret) ? ST_OK : budget_error(s->op->budget, 0, err);
}

/* The first tables at or after `from`; without groups when there are none. */
static struct agg_tables next_tables(const struct agg_stores *st, int64_t from, int64_t *ret_ns)
{
    if (!store_next(st->groups, from, ret_ns))
        return (struct agg_tables){ 0 };
    return agg_tables_find(st, *ret_ns);
}

/* Merges the panes in [from, to) into the tables. */
static enum status merge_panes(struct slices *s, const struct agg_tables *into, int64_t from, int64_t to,
                               struct error *err)
{
    int64_t ns;
    struct agg_tables p = next_tables(&s->panes, from, &ns);
    for (; p.groups && ns < to; p = next_tables(&s->panes, ns + 1, &ns))
        TRY(merge_tables(s, into, &p, err));
    return ST_OK;
}

static bool any_pane(const struct slices *s, int64_t from, int64_t to)
{
    int64_t ns;
    return store_next(s->panes.groups, from, &ns) && ns < to;
}

static enum status cumulate_window(struct slices *s, int64_t start, int64_t end, struct agg_tables *ret,
                                   struct error *err)
{
    bool same = s->built_end != INT64_MIN && s->middle == start && s->built_end <= end;
    struct agg_tables t;
    if (!same)
        TRY(fresh(s, &s->scratch, 0, &t, err));
    else if (!agg_tables_make(&s->scratch, 0, &t))
        return budget_error(s->op->budget, 0, err);
    TRY(merge_panes(s, &t, same ? s->built_end : start, end, err));
    s->middle = start;
    s->built_end = end;
    *ret = table_count(t.groups) ? t : (struct agg_tables){ 0 };
    return ST_OK;
}

/* Everything of [start, end) becomes front: suffixes from the newest pane down. */
static enum status flip(struct slices *s, int64_t start, int64_t end, struct error *err)
{
    int64_t ns;
    while (store_next(s->front.groups, INT64_MIN, &ns))
        if (!agg_stores_drop(&s->front, ns))
            return budget_error(s->op->budget, 0, err);
    struct agg_tables suffix = { 0 }, t;
    for (int64_t p = end - s->w.pane; p >= start; p -= s->w.pane) {
        struct agg_tables pane = agg_tables_find(&s->panes, p);
        if (!pane.groups)
            continue; /* the suffix of the next pane serves */
        if (!agg_tables_make(&s->front, p, &t))
            return budget_error(s->op->budget, 0, err);
        if (suffix.groups)
            TRY(copy_tables(s, &t, &suffix, err));
        TRY((suffix.groups ? merge_tables : copy_tables)(s, &t, &pane, err));
        suffix = t;
    }
    s->middle = s->built_end = end;
    return fresh(s, &s->scratch, 0, &t, err);
}

static enum status hop_window(struct slices *s, int64_t start, int64_t end, struct agg_tables *ret, struct error *err)
{
    int64_t ns;
    struct agg_tables back, front, t;
    if (s->middle == INT64_MIN || start >= s->middle || s->built_end > end)
        TRY(flip(s, start, end, err));
    if (!agg_tables_make(&s->scratch, 0, &back))
        return budget_error(s->op->budget, 0, err);
    TRY(merge_panes(s, &back, s->built_end, end, err));
    s->built_end = end;
    while (store_next(s->front.groups, INT64_MIN, &ns) && ns < start)
        if (!agg_stores_drop(&s->front, ns))
            return budget_error(s->op->budget, 0, err);
    front = next_tables(&s->front, start, &ns);
    if (!front.groups || table_count(back.groups) == 0) {
        *ret = front.groups ? front : back;
        return ST_OK;
    }
    t = front; /* of the first pane: no later window will look at it */
    if (ns != start) {
        TRY(fresh(s, &s->scratch, 1, &t, err));
        TRY(copy_tables(s, &t, &front, err));
    }
    TRY(merge_tables(s, &t, &back, err));
    *ret = t;
    return ST_OK;
}

enum status slices_window(struct slices *s, int64_t end, struct agg_tables *ret, struct error *err)
{
    int64_t start = windows_start(&s->w, end);
    *ret = (struct agg_tables){ 0 };
    if (s->w.kind == WINDOW_TUMBLE) {
        *ret = agg_tables_find(&s->panes, start);
        return ST_OK;
    }
    if (!any_pane(s, start, end))
        return ST_OK;
    return s->w.kind == WINDOW_CUMULATE ? cumulate_window(s, start, end, ret, err) : hop_window(s, start, end, ret, err);
}
