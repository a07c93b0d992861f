/* Rows into accumulators, call by call and batch at a time: each call's loop touches the states of up to a thousand
 * groups that the table's batch probe has just brought into the cache. See accumulate.h for the layout. */
#include "exec/accumulate.h"

/* All calls go over so many rows before the next ones, so that their entries stay in the nearest cache. */
#define CHUNK_ROWS 128u

struct heap {
    struct agg_heap heap;
    struct table *table;
};

static struct str heap_get(struct agg_heap *h, uint64_t handle)
{
    return table_blob(((struct heap *)h)->table, handle);
}

static bool heap_set(struct agg_heap *h, uint64_t *handle, const void *bytes, size_t len)
{
    return table_set_blob(((struct heap *)h)->table, handle, bytes, len);
}

static struct heap heap_of(struct table *t)
{
    return (struct heap){ { heap_get, heap_set }, t };
}

/* ---- layout ---- */

static bool same_args(const struct aggregate_call *a, const struct aggregate_call *b)
{
    return a->n_args == b->n_args && a->filter == b->filter &&
           (a->n_args == 0 || memcmp(a->args, b->args, a->n_args * sizeof *a->args) == 0);
}

static void assign_sets(struct accumulators *a)
{
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate_call *call = &a->calls[c];
        bool recompute = a->retracting && call->aggregate->recompute;
        a->sets[c] = -1;
        if ((!call->distinct && !recompute) || call->n_args == 0)
            continue;
        int32_t set = -1;
        for (uint32_t s = 0; s < a->n_sets && set < 0; s++)
            if (same_args(&a->calls[a->set_call[s]], call))
                set = (int32_t)s;
        if (set < 0) {
            set = (int32_t)a->n_sets++;
            a->set_call[set] = c;
        }
        a->sets[c] = set;
        a->set_linked[set] |= recompute;
    }
}

static bool lay_out(struct accumulators *a)
{
    uint32_t at = a->headed ? sizeof(struct group_head) : 0;
    a->value_align = 8;
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate *g = a->calls[c].aggregate;
        uint32_t align = g->state_align ? g->state_align : 8;
        at = (at + align - 1) & ~(align - 1);
        if (align > a->value_align)
            a->value_align = align;
        a->offsets[c] = at;
        for (uint32_t i = 0; i < g->n_blobs; i++) {
            if (a->n_blobs == STORE_MAX_BLOBS)
                return false;
            a->blob_offsets[a->n_blobs++] = at + g->blob_offsets[i];
        }
        at += g->state_bytes;
    }
    a->value_bytes = (at + 7) & ~7u;
    return true;
}

static struct str fingerprint(struct accumulators *a, const struct schema *input)
{
    struct buf text;
    buf_init(&text, a->budget, 1u << 20);
    bool ok = buf_printf(&text, "%s", a->retracting ? "retract" : "append");
    for (uint32_t c = 0; ok && c < a->n_calls; c++) {
        const struct aggregate_call *call = &a->calls[c];
        ok = buf_printf(&text, ";%s%s(", call->aggregate->name, call->distinct ? " DISTINCT" : "");
        for (uint32_t i = 0; ok && i < call->n_args; i++)
            ok = (i == 0 || buf_put_u8(&text, ',')) && type_print(&text, input->fields[call->args[i]].type);
        ok = ok && buf_put_u8(&text, ')');
    }
    struct str copy = ok ? arena_str(&a->arena, buf_str(&text)) : (struct str){ NULL, 0 };
    buf_release(&text);
    return copy;
}

static bool make_scratch(struct accumulators *a)
{
    uint32_t n = a->capacity + 1;
    a->states = ARENA_ARRAY(&a->arena, void *, n);
    a->rows = ARENA_ARRAY(&a->arena, uint16_t, n);
    a->gone = ARENA_ARRAY(&a->arena, uint16_t, n);
    a->groups = ARENA_ARRAY(&a->arena, uint8_t *, n);
    a->gone_groups = ARENA_ARRAY(&a->arena, uint8_t *, n);
    a->key_lens = ARENA_ARRAY(&a->arena, uint32_t, n);
    a->key_hashes = ARENA_ARRAY(&a->arena, uint64_t, n);
    a->key_bytes = ARENA_ARRAY(&a->arena, const uint8_t *, n);
    a->index = ARENA_ARRAY(&a->arena, uint32_t, n);
    return a->states && a->rows && a->gone && a->groups && a->gone_groups && a->index && a->key_lens && a->key_hashes &&
           a->key_bytes;
}

enum status accumulators_init(struct accumulators *a, const struct aggregate_call *calls, uint32_t n, bool retracting,
                              bool stamps, const struct schema *input, uint32_t capacity, struct budget *b,
                              struct error *err)
{
    memset(a, 0, sizeof *a);
    a->calls = calls;
    a->n_calls = n;
    a->retracting = retracting;
    a->budget = b;
    a->capacity = capacity;
    arena_init(&a->arena, b);
    buf_init(&a->key_store, b, (size_t)1 << 31);
    a->offsets = ARENA_ARRAY(&a->arena, uint32_t, n + 1);
    a->sets = ARENA_ARRAY(&a->arena, int32_t, n + 1);
    a->set_call = ARENA_ARRAY(&a->arena, uint32_t, n + 1);
    a->set_linked = ARENA_ARRAY(&a->arena, bool, n + 1);
    if (!a->offsets || !a->sets || !a->set_call || !a->set_linked || !make_scratch(a))
        return budget_error(b, 0, err);
    assign_sets(a);
    a->headed = retracting || stamps || a->n_sets;
    if (!lay_out(a))
        return error_set(err, ST_LIMIT, "more than %u aggregates keep values of variable length", STORE_MAX_BLOBS);
    a->fingerprint = fingerprint(a, input);
    return a->fingerprint.ptr ? ST_OK : budget_error(b, 0, err);
}

void accumulators_release(struct accumulators *a)
{
    batch_free(a->values);
    buf_release(&a->key_store);
    arena_release(&a->arena);
}

/* ---- one call over rows ---- */

static void call_args(const struct aggregate_call *call, const struct batch *b, struct column args[8])
{
    CHECK(call->n_args <= 8);
    for (uint32_t i = 0; i < call->n_args; i++)
        args[i] = b->cols[call->args[i]];
}

/* The states of the rows stand in a->states. */
static enum status feed_states(struct accumulators *a, uint32_t c, bool add, const struct batch *b,
                               const uint16_t *rows, uint32_t n, struct table *t, struct error *err)
{
    const struct aggregate_call *call = &a->calls[c];
    struct column args[8];
    struct heap heap = heap_of(t);
    if (n == 0)
        return ST_OK;
    call_args(call, b, args);
    if (add)
        return call->aggregate->ops->add(call->aggregate, a->states, args, rows, n, &heap.heap, err);
    if (!call->aggregate->ops->retract)
        return error_set(err, ST_UNSUPPORTED, "%.*s cannot take rows back", STR_ARG(call->name));
    return call->aggregate->ops->retract(call->aggregate, a->states, args, rows, n, &heap.heap, err);
}

static enum status feed(struct accumulators *a, uint32_t c, bool add, const struct batch *b, uint8_t *const *groups,
                        const uint16_t *rows, uint32_t n, struct table *t, struct error *err)
{
    for (uint32_t i = 0; i < n; i++)
        a->states[i] = groups[i] + a->offsets[c];
    return feed_states(a, c, add, b, rows, n, t, err);
}

/* ---- element sets ---- */

static bool args_null(const struct aggregate_call *call, const struct batch *b, uint32_t row)
{
    for (uint32_t i = 0; i < call->n_args; i++)
        if (column_is_null(&b->cols[call->args[i]], row))
            return true;
    return false;
}

/* Element keys of the picked rows: u32 length of the group's key, the key, u16 set, canonical values. */
static bool element_keys(struct accumulators *a, const struct accumulate *in, uint32_t set, const uint32_t *index,
                         uint32_t n, struct key_set *ret)
{
    const struct aggregate_call *call = &a->calls[a->set_call[set]];
    buf_clear(&a->key_store);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = index[i], start = (uint32_t)a->key_store.len, len = in->keys->lens[k];
        uint8_t tag[2] = { (uint8_t)set, (uint8_t)(set >> 8) };
        if (!buf_put_u32(&a->key_store, len) || !buf_put(&a->key_store, in->keys->bytes[k], len) ||
            !buf_put(&a->key_store, tag, 2) ||
            !row_encode(&a->key_store, in->batch->cols, call->args, call->n_args, in->rows[k], false))
            return false;
        a->key_lens[i] = (uint32_t)a->key_store.len - start;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        a->key_bytes[i] = a->key_store.data + at;
        /* the element lives on its group's shard: same key group, so the top byte is the group's */
        uint64_t h = hash_bytes(a->key_bytes[i], a->key_lens[i]);
        a->key_hashes[i] = (h >> 8) | (in->keys->hashes[index[i]] & 0xff00000000000000ULL);
        at += a->key_lens[i];
    }
    *ret = (struct key_set){ .n = n, .bytes = a->key_bytes, .lens = a->key_lens, .hashes = a->key_hashes };
    return true;
}

static void link_element(struct group_head *g, struct element *e)
{
    e->prev = 0;
    e->next = g->lists;
    if (e->next)
        ((struct element *)(uintptr_t)e->next)->prev = (uint64_t)(uintptr_t)e;
    g->lists = (uint64_t)(uintptr_t)e;
}

static void unlink_element(struct group_head *g, struct element *e)
{
    if (e->prev)
        ((struct element *)(uintptr_t)e->prev)->next = e->next;
    else
        g->lists = e->next;
    if (e->next)
        ((struct element *)(uintptr_t)e->next)->prev = e->prev;
}

/* Appearances go to rows/groups, disappearances to gone/gone_groups. */
struct transitions {
    uint32_t n_new, n_gone;
};

static enum status count_elements(struct accumulators *a, const struct accumulate *in, uint32_t set,
                                  const uint32_t *index, uint32_t n, struct transitions *ret, struct error *err)
{
    struct key_set keys;
    if (!element_keys(a, in, set, index, n, &keys))
        return budget_error(a->budget, 0, err);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = index[i];
        uint8_t *group = entry_value(in->groups, in->entries[k]);
        struct str key = { (const char *)keys.bytes[i], keys.lens[i] };
        bool add = row_kind_adds(batch_kind(in->batch, in->rows[k]));
        struct entry *e = add ? table_put(in->elements, keys.hashes[i], key, NULL)
                              : table_find(in->elements, keys.hashes[i], key);
        if (!e && !add)
            continue; /* takes back what never came */
        if (!e)
            return budget_error(a->budget, 0, err);
        struct element *el = entry_value(in->elements, e);
        el->rows += add ? 1 : -1;
        if (add && el->rows == 1) {
            el->set = set;
            if (a->set_linked[set])
                link_element((struct group_head *)group, el);
            a->rows[ret->n_new] = in->rows[k];
            a->groups[ret->n_new++] = group;
        } else if (!add && el->rows == 0) {
            if (a->set_linked[set])
                unlink_element((struct group_head *)group, el);
            a->gone[ret->n_gone] = in->rows[k];
            a->gone_groups[ret->n_gone++] = group;
            if (!table_remove(in->elements, e))
                return budget_error(a->budget, 0, err);
        } else if (!table_touch(in->elements, e)) {
            return budget_error(a->budget, 0, err);
        }
    }
    return ST_OK;
}

/* Makes a call's state anew from the group's elements. */
static enum status recompute(struct accumulators *a, const struct accumulate *in, uint32_t c, uint8_t *group,
                             struct error *err)
{
    const struct aggregate_call *call = &a->calls[c];
    struct heap heap = heap_of(in->groups);
    uint8_t *state = group + a->offsets[c];
    for (uint32_t i = 0; i < call->aggregate->n_blobs; i++) {
        uint64_t handle;
        memcpy(&handle, state + call->aggregate->blob_offsets[i], 8);
        if (!table_set_blob(in->groups, &handle, NULL, 0))
            return budget_error(a->budget, 0, err);
    }
    memset(state, 0, call->aggregate->state_bytes);
    int32_t value_at = ((const struct table_face *)(const void *)in->elements)->value_at;
    const struct element *el = (const struct element *)(uintptr_t)((struct group_head *)group)->lists;
    while (el) {
        uint32_t n = 0;
        batch_clear(a->values);
        for (; el && n < a->capacity; el = (const struct element *)(uintptr_t)el->next) {
            if ((int32_t)el->set != a->sets[c])
                continue;
            const struct entry *e = (const struct entry *)((const uint8_t *)el - value_at);
            struct str key = entry_key(in->elements, e);
            uint32_t group_len;
            memcpy(&group_len, key.ptr, 4);
            struct str bytes = { key.ptr + 6 + group_len, key.len - 6 - group_len };
            struct column cols[8];
            call_args(call, a->values, cols);
            TRY(row_decode(bytes, cols, call->n_args, n, err));
            for (uint32_t i = 0; i < call->n_args; i++)
                a->values->cols[call->args[i]] = cols[i];
            a->states[n++] = state;
        }
        struct column args[8];
        call_args(call, a->values, args);
        if (n)
            TRY(call->aggregate->ops->add(call->aggregate, a->states, args, NULL, n, &heap.heap, err));
    }
    return ST_OK;
}

/* ---- a batch ---- */

/* Rows whose filter is TRUE, as indexes into in->rows; with `skip_null` those whose arguments are not null. */
static uint32_t pick(const struct accumulators *a, const struct accumulate *in, uint32_t c, bool skip_null,
                     uint32_t *index)
{
    const struct aggregate_call *call = &a->calls[c];
    const struct column *filter = call->filter >= 0 ? &in->batch->cols[call->filter] : NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t row = in->rows[i];
        if (filter && (column_is_null(filter, row) || !filter->b[row]))
            continue;
        if (skip_null && args_null(call, in->batch, row))
            continue;
        index[n++] = i;
    }
    return n;
}

static enum status set_calls(struct accumulators *a, const struct accumulate *in, uint32_t set, uint32_t *index,
                             struct error *err)
{
    struct transitions moved = { 0, 0 };
    uint32_t n = pick(a, in, a->set_call[set], true, index);
    TRY(count_elements(a, in, set, index, n, &moved, err));
    for (uint32_t c = 0; c < a->n_calls; c++) {
        if (a->sets[c] != (int32_t)set)
            continue;
        TRY(feed(a, c, true, in->batch, a->groups, a->rows, moved.n_new, in->groups, err));
        if (!a->calls[c].aggregate->recompute) {
            TRY(feed(a, c, false, in->batch, a->gone_groups, a->gone, moved.n_gone, in->groups, err));
            continue;
        }
        for (uint32_t i = 0; i < moved.n_gone; i++)
            if (i == 0 || a->gone_groups[i] != a->gone_groups[i - 1])
                TRY(recompute(a, in, c, a->gone_groups[i], err));
    }
    return ST_OK;
}

/* A call without a set over inserts only. No branch decides over a row: filters are hard to guess. */
static enum status plain_adds(struct accumulators *a, const struct accumulate *in, uint32_t c, struct error *err)
{
    const struct aggregate_call *call = &a->calls[c];
    uint32_t offset = a->offsets[c], n = 0;
    if (call->filter < 0) {
        for (uint32_t i = 0; i < in->n; i++)
            a->states[i] = (uint8_t *)entry_value(in->groups, in->entries[i]) + offset;
        return feed_states(a, c, true, in->batch, in->rows, in->n, in->groups, err);
    }
    const struct column *filter = &in->batch->cols[call->filter];
    const uint8_t *is = filter->b, *nulls = filter->nulls;
    for (uint32_t i = 0; i < in->n; i++) {
        uint16_t row = in->rows[i];
        a->states[n] = (uint8_t *)entry_value(in->groups, in->entries[i]) + offset;
        a->rows[n] = row;
        n += (is[row] != 0) & !(nulls && nulls[row]);
    }
    return feed_states(a, c, true, in->batch, a->rows, n, in->groups, err);
}

/* A call without a set: its rows go straight in, or out. */
static enum status plain_call(struct accumulators *a, const struct accumulate *in, uint32_t c, uint32_t *index,
                              struct error *err)
{
    uint32_t n_add = 0, n_gone = 0;
    if (!in->batch->kinds)
        return plain_adds(a, in, c, err);
    uint32_t n = pick(a, in, c, false, index);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = in->rows[index[i]];
        uint8_t *group = entry_value(in->groups, in->entries[index[i]]);
        if (row_kind_adds(batch_kind(in->batch, row))) {
            a->rows[n_add] = (uint16_t)row;
            a->groups[n_add++] = group;
        } else {
            a->gone[n_gone] = (uint16_t)row;
            a->gone_groups[n_gone++] = group;
        }
    }
    TRY(feed(a, c, true, in->batch, a->groups, a->rows, n_add, in->groups, err));
    return feed(a, c, false, in->batch, a->gone_groups, a->gone, n_gone, in->groups, err);
}

enum status accumulate(struct accumulators *a, const struct accumulate *in, struct error *err)
{
    uint32_t *index = a->index;
    CHECK(in->n <= a->capacity);
    if (a->n_sets && !a->values && !(a->values = batch_new(in->batch->schema, a->capacity, a->budget)))
        return budget_error(a->budget, 0, err);
    if (a->retracting)
        for (uint32_t i = 0; i < in->n; i++)
            ((struct group_head *)entry_value(in->groups, in->entries[i]))->rows +=
                row_kind_adds(batch_kind(in->batch, in->rows[i])) ? 1 : -1;
    for (uint32_t s = 0; s < a->n_sets; s++)
        TRY(set_calls(a, in, s, index, err));
    for (uint32_t at = 0; at < in->n; at += CHUNK_ROWS) {
        struct accumulate part = *in;
        part.rows += at;
        part.entries += at;
        part.n = in->n - at < CHUNK_ROWS ? in->n - at : CHUNK_ROWS;
        for (uint32_t c = 0; c < a->n_calls; c++)
            if (a->sets[c] < 0)
                TRY(plain_call(a, &part, c, index, err));
    }
    return ST_OK;
}

/* ---- around the batch ---- */

enum status accumulators_relink(struct accumulators *a, struct table *groups, struct table *elements, struct error *err)
{
    uint64_t cursor = 0;
    for (struct entry *g; a->headed && (g = table_next(groups, &cursor));) {
        struct group_head *head = entry_value(groups, g);
        head->lists = 0;
        head->stamp = 0;
    }
    cursor = 0;
    for (struct entry *e; elements && (e = table_next(elements, &cursor));) {
        struct element *el = entry_value(elements, e);
        struct str key = entry_key(elements, e);
        uint32_t len = 0;
        if (key.len >= 6)
            memcpy(&len, key.ptr, 4);
        if (key.len < 6 || len > key.len - 6 || el->set >= a->n_sets)
            return error_set(err, ST_CORRUPT, "an element of an aggregate has a malformed key");
        if (!a->set_linked[el->set])
            continue;
        struct str group_key = { key.ptr + 4, len };
        struct entry *g = table_find(groups, hash_bytes(group_key.ptr, group_key.len), group_key);
        if (!g)
            return error_set(err, ST_CORRUPT, "an element of an aggregate belongs to no group");
        link_element(entry_value(groups, g), el);
    }
    return ST_OK;
}

enum status accumulators_merge(struct accumulators *a, struct table *dst_table, struct entry *const *dst,
                               struct table *src_table, struct entry *const *src, uint32_t n, struct error *err)
{
    struct heap to = heap_of(dst_table), from = heap_of(src_table);
    for (uint32_t k = 0; a->retracting && k < n; k++)
        ((struct group_head *)entry_value(dst_table, dst[k]))->rows +=
            ((struct group_head *)entry_value(src_table, src[k]))->rows;
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate *g = a->calls[c].aggregate;
        for (uint32_t k = 0; k < n; k++)
            TRY(g->ops->merge(g, (uint8_t *)entry_value(dst_table, dst[k]) + a->offsets[c], &to.heap,
                              (uint8_t *)entry_value(src_table, src[k]) + a->offsets[c], &from.heap, err));
    }
    return ST_OK;
}

enum status accumulators_results(struct accumulators *a, struct table *t, struct entry *const *entries, uint32_t n,
                                 struct column *cols, uint32_t out_row, struct error *err)
{
    struct heap heap = heap_of(t);
    CHECK(n <= a->capacity);
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate *g = a->calls[c].aggregate;
        for (uint32_t i = 0; i < n; i++)
            a->states[i] = (uint8_t *)entry_value(t, entries[i]) + a->offsets[c];
        TRY(g->ops->result(g, (const void *const *)a->states, n, &heap.heap, &cols[c], out_row, err));
    }
    return ST_OK;
}

enum status accumulators_forget(struct accumulators *a, struct table *groups, struct table *elements, struct entry *e,
                                struct error *err)
{
    struct group_head *g = entry_value(groups, e);
    int32_t value_at = elements ? ((const struct table_face *)(const void *)elements)->value_at : 0;
    for (struct element *el = (struct element *)(uintptr_t)g->lists, *next; el; el = next) {
        next = (struct element *)(uintptr_t)el->next;
        if (!table_remove(elements, (struct entry *)((uint8_t *)el - value_at)))
            return budget_error(a->budget, 0, err);
    }
    g->lists = 0;
    return ST_OK;
}
