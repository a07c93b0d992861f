/* Groups of one pane into those of a window. States merge by themselves. Of a set the entries go one by one: their keys
 * name the pane's group by an id that means nothing in the window, so the window's id takes its place. What a DISTINCT
 * filter had not seen in the window goes to its calls as if a row had brought it.
 *
 * Only what does not depend on the order of arrival can be merged, and only over inserts: a pane could not tell what to
 * do with a row that takes back one of another pane. */
#include "exec/accumulate.h"

bool accumulators_merge_well(const struct accumulators *a)
{
    if (a->retracting && a->n_sets)
        return false;
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate *g = a->calls[c].aggregate;
        if (g->keep ? g->keep != AGG_KEEP_COUNTS : !g->ops->merge)
            return false;
    }
    return true;
}

static enum status memory(const struct accumulators *a, struct error *err) { return budget_error(a->budget, 0, err); }

/* ---- kept rows ---- */

static struct group_list *list_of(const struct agg_set *s, uint8_t *group)
{
    return (struct group_list *)(void *)(group + s->list_at);
}

/* The entry of a set's value: `key` with the group's id in front of what the other one's key says. */
static void set_key(struct str other, uint64_t id, uint8_t *at)
{
    memcpy(at, other.ptr, other.len);
    memcpy(at, &id, 8);
}

static uint64_t hash_of(struct str other, uint64_t id, uint32_t set)
{
    return set_hash(id, set_value_hash(id, set, hash_bytes(other.ptr + SET_KEY_HEAD, other.len - SET_KEY_HEAD)));
}

/* All elements of one group and set; they count what they counted, in their order. */
static enum status merge_list(struct accumulators *a, uint32_t set, const struct agg_tables *dst, uint8_t *to,
                              const struct agg_tables *src, uint8_t *from, struct error *err)
{
    int32_t value_at = ((const struct table_face *)(const void *)src->elements)->value_at;
    uint64_t id = *group_id(a, to);
    const struct element *next, *el = (const struct element *)(uintptr_t)list_of(&a->set[set], from)->first;
    for (; el; el = next) {
        next = (const struct element *)(uintptr_t)el->next;
        const struct entry *e = (const struct entry *)(const void *)((const uint8_t *)el - value_at);
        struct str key = entry_key(src->elements, e);
        buf_clear(&a->key_store);
        if (!buf_reserve(&a->key_store, key.len))
            return memory(a, err);
        set_key(key, id, a->key_store.data);
        struct str moved = { (const char *)a->key_store.data, key.len };
        struct entry *put = table_put(dst->elements, hash_of(key, id, set), moved, NULL);
        if (!put)
            return memory(a, err);
        kept_count(list_of(&a->set[set], to), entry_value(dst->elements, put), set, el->rows);
    }
    return ST_OK;
}

enum status accumulators_merge(struct accumulators *a, const struct agg_tables *dst, struct entry *const *to,
                               const struct agg_tables *src, struct entry *const *from, uint32_t n, struct error *err)
{
    struct agg_heap_of to_heap = agg_heap_of(dst->groups), from_heap = agg_heap_of(src->groups);
    for (uint32_t k = 0; a->retracting && k < n; k++)
        ((struct group_head *)entry_value(dst->groups, to[k]))->rows +=
            ((struct group_head *)entry_value(src->groups, from[k]))->rows;
    give_ids(a, dst->groups, to, n);
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate *g = a->calls[c].aggregate;
        for (uint32_t k = 0; a->sets[c] < 0 && k < n; k++)
            TRY(g->ops->merge(g, (uint8_t *)entry_value(dst->groups, to[k]) + a->offsets[c], &to_heap.heap,
                              (uint8_t *)entry_value(src->groups, from[k]) + a->offsets[c], &from_heap.heap, err));
    }
    for (uint32_t s = 0; s < a->n_sets; s++)
        for (uint32_t k = 0; a->set[s].kind != SET_DISTINCT && k < n; k++)
            TRY(merge_list(a, s, dst, entry_value(dst->groups, to[k]), src, entry_value(src->groups, from[k]), err));
    return ST_OK;
}

/* ---- DISTINCT ---- */

/* The window's group of each of the pane's, by id. */
struct id_map {
    struct id_place {
        uint64_t id; /* 0: free */
        uint8_t *group;
    } *at;
    uint32_t mask;
};

static struct id_place *place_of(const struct id_map *m, uint64_t id)
{
    uint32_t i = (uint32_t)hash_u64(id) & m->mask;
    while (m->at[i].id && m->at[i].id != id)
        i = (i + 1) & m->mask;
    return &m->at[i];
}

static void map_groups(struct accumulators *a, const struct agg_tables *dst, const struct agg_tables *src,
                       struct id_map *m)
{
    uint64_t cursor = 0;
    for (struct entry *e; (e = table_next(src->groups, &cursor));) {
        struct entry *to = table_find(dst->groups, e->hash, entry_key(src->groups, e));
        uint64_t id = *group_id(a, entry_value(src->groups, e));
        if (to && id)
            *place_of(m, id) = (struct id_place){ id, entry_value(dst->groups, to) };
    }
}

/* Entries of one chunk: the window's keys of them, their groups and what they have seen. */
static enum status take_entries(struct accumulators *a, const struct table *distinct, struct entry *const *entries,
                                uint32_t n, const struct id_map *m, struct key_set *ret, struct error *err)
{
    size_t room = 1;
    for (uint32_t i = 0; i < n; i++)
        room += entry_key(distinct, entries[i]).len;
    buf_clear(&a->key_store);
    if (!buf_reserve(&a->key_store, room))
        return memory(a, err);
    uint8_t *at = a->key_store.data;
    for (uint32_t i = 0; i < n; i++) {
        struct str key = entry_key(distinct, entries[i]);
        uint64_t id;
        uint16_t set;
        memcpy(&id, key.ptr, 8);
        memcpy(&set, key.ptr + 8, 2);
        const struct id_place *p = place_of(m, id);
        if (!p->id || set >= a->n_sets)
            return error_set(err, ST_CORRUPT, "a value of an aggregate belongs to no group");
        a->stale[i] = p->group;
        id = *group_id(a, p->group);
        set_key(key, id, at);
        a->key_bytes[i] = at;
        a->key_lens[i] = (uint32_t)key.len;
        a->key_hashes[i] = hash_of(key, id, set);
        a->index[i] = set;
        memcpy(&a->come[i], entry_value(distinct, entries[i]), 8);
        at += key.len;
    }
    *ret = (struct key_set){ .n = n, .bytes = a->key_bytes, .lens = a->key_lens, .hashes = a->key_hashes };
    return ST_OK;
}

/* Call c gets the values that its filter had not seen. Their set is `set`; a->come says what is new. */
static enum status feed_news(struct accumulators *a, uint32_t c, const struct key_set *keys, struct table *groups,
                             struct error *err)
{
    struct column cols[AGG_MAX_ARGS];
    uint32_t n = 0;
    batch_clear(a->values);
    call_args(&a->calls[c], a->values, cols);
    for (uint32_t i = 0; i < keys->n; i++) {
        if (a->index[i] != (uint32_t)a->sets[c] || !(a->come[i] >> a->bits[c] & 1))
            continue;
        struct str value = { (const char *)keys->bytes[i] + SET_KEY_HEAD, keys->lens[i] - SET_KEY_HEAD };
        TRY(row_decode(value, cols, a->calls[c].n_args, n, err));
        a->states[n] = a->stale[i] + a->offsets[c];
        a->rows[n] = (uint16_t)n;
        n++;
    }
    for (uint32_t i = 0; i < a->calls[c].n_args; i++) /* what decoding has grown */
        a->values->cols[a->calls[c].args[i]] = cols[i];
    return feed_states(a, c, true, a->values, a->rows, n, groups, err);
}

static enum status merge_entries(struct accumulators *a, const struct agg_tables *dst, const struct agg_tables *src,
                                 const struct id_map *m, struct error *err)
{
    uint64_t cursor = 0;
    for (;;) {
        uint32_t n = 0;
        for (struct entry *e; n < a->capacity && (e = table_next(src->distinct, &cursor));)
            a->found[n++] = e;
        if (n == 0)
            return ST_OK;
        struct key_set keys;
        TRY(take_entries(a, src->distinct, a->found, n, m, &keys, err));
        TRY(distinct_see(a, dst->distinct, &keys, err));
        for (uint32_t c = 0; c < a->n_calls; c++)
            if (a->sets[c] >= 0 && a->set[a->sets[c]].kind == SET_DISTINCT)
                TRY(feed_news(a, c, &keys, dst->groups, err));
    }
}

enum status accumulators_merge_distinct(struct accumulators *a, const struct agg_tables *dst,
                                        const struct agg_tables *src, struct error *err)
{
    if (a->n_distinct == 0 || !src->distinct || table_count(src->distinct) == 0)
        return ST_OK;
    if (!a->values && !(a->values = batch_new(a->input, a->capacity, a->budget)))
        return memory(a, err);
    struct id_map m = { .mask = 15 };
    while (m.mask / 2 < table_count(src->groups))
        m.mask = m.mask * 2 + 1;
    size_t bytes = ((size_t)m.mask + 1) * sizeof *m.at;
    if (!(m.at = mem_calloc(a->budget, bytes)))
        return memory(a, err);
    map_groups(a, dst, src, &m);
    enum status st = merge_entries(a, dst, src, &m, err);
    mem_free(a->budget, m.at, bytes);
    return st;
}
