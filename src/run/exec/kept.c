/* Rows that are kept: the elements of a group, linked in order of arrival.
 *
 * SET_COUNTS: an element a value. SET_ROWS: an element a row. Over inserts its key ends with its number, which no other
 * has: nothing is ever looked for. Where rows may be taken back the key ends with which occurrence of its value it is. The
 * first one left always stands under 0, says how many there are and which it is; the later ones, under their number as
 * occurrences, wait for it to go: then it takes the place of the next. So a row comes and goes at the cost of two
 * probes however often its value was there. */
#include <stdlib.h>

#include "exec/accumulate.h"

#define TAIL_BYTES 8u

static struct group_list *list_of(const struct agg_set *s, uint8_t *group)
{
    return (struct group_list *)(void *)(group + s->list_at);
}

static struct element *element_at(uint64_t link) { return (struct element *)(uintptr_t)link; }
static uint64_t link_to(const struct element *e) { return (uint64_t)(uintptr_t)e; }

/* To the end of the list. */
static void link_element(struct group_list *l, struct element *e)
{
    e->next = 0;
    e->prev = l->last;
    *(l->last ? &element_at(l->last)->next : &l->first) = link_to(e);
    l->last = link_to(e);
    l->count++;
}

static void unlink_element(struct group_list *l, struct element *e)
{
    *(e->prev ? &element_at(e->prev)->next : &l->first) = e->next;
    *(e->next ? &element_at(e->next)->prev : &l->last) = e->prev;
    l->count--;
}

/* `e`, which is in no list, takes the place of `old`. */
static void replace_element(struct group_list *l, struct element *e, struct element *old)
{
    e->next = old->next;
    e->prev = old->prev;
    *(e->prev ? &element_at(e->prev)->next : &l->first) = link_to(e);
    *(e->next ? &element_at(e->next)->prev : &l->last) = link_to(e);
}

static void born(struct group_list *l, struct element *e, uint32_t set, uint64_t number)
{
    e->number = number;
    e->set = set;
    link_element(l, e);
}

void kept_count(struct group_list *l, struct element *e, uint32_t set, int64_t rows)
{
    if (e->rows == 0)
        born(l, e, set, l->next++);
    e->rows += rows;
}

/* Row i of the batch under way, with its key. */
struct kept_row {
    struct accumulators *a;
    struct table *elements;
    struct group_list *list;
    uint32_t set;
    uint8_t *key;
    uint32_t key_len;
    uint64_t hash;
};

/* The entry under another tail. */
static struct entry *with_tail(const struct kept_row *r, uint64_t tail, bool put)
{
    uint8_t *at = r->key + r->key_len - TAIL_BYTES;
    struct str key = { (const char *)r->key, r->key_len };
    memcpy(at, &tail, TAIL_BYTES);
    uint64_t id;
    memcpy(&id, r->key, 8);
    uint64_t hash = set_hash(id, hash_bytes(r->key, r->key_len));
    struct entry *e = put ? table_put(r->elements, hash, key, NULL) : table_find(r->elements, hash, key);
    memset(at, 0, TAIL_BYTES);
    return e;
}

static bool comes(const struct kept_row *r, bool *ret_first)
{
    struct str key = { (const char *)r->key, r->key_len };
    struct entry *e = table_put(r->elements, r->hash, key, NULL);
    if (!e)
        return false;
    struct element *el = entry_value(r->elements, e);
    *ret_first = el->rows == 0;
    kept_count(r->list, el, r->set, 1);
    if (*ret_first || r->a->set[r->set].kind == SET_COUNTS)
        return true;
    uint64_t occurrence = el->occurrence + (uint64_t)el->rows - 1;
    if (!(e = with_tail(r, occurrence, true)))
        return false;
    el = entry_value(r->elements, e);
    el->occurrence = occurrence;
    born(r->list, el, r->set, r->list->next++);
    return true;
}

static enum status goes(const struct kept_row *r, bool *ret_last, struct error *err)
{
    struct str key = { (const char *)r->key, r->key_len };
    struct entry *e = table_find(r->elements, r->hash, key), *next;
    if (!e)
        return ST_OK; /* takes back what never came */
    struct element *el = entry_value(r->elements, e);
    bool ok = true;
    if (--el->rows == 0) {
        *ret_last = true;
        unlink_element(r->list, el);
        ok = table_remove(r->elements, e);
    } else if (r->a->set[r->set].kind == SET_COUNTS) {
        ok = table_touch(r->elements, e);
    } else {
        if (!(next = with_tail(r, ++el->occurrence, false)))
            return error_set(err, ST_CORRUPT, "an aggregate misses a row that it keeps");
        struct element *heir = entry_value(r->elements, next);
        unlink_element(r->list, el);
        replace_element(r->list, el, heir);
        el->number = heir->number;
        ok = table_remove(r->elements, next) && table_touch(r->elements, e);
    }
    return ok ? ST_OK : budget_error(r->a->budget, 0, err);
}

/* ---- the rows of a group, decoded ---- */

struct kept_reader {
    struct agg_rows rows;
    struct accumulators *a;
    const struct aggregate_call *call;
    const struct agg_set *set;
    const struct table *elements;
    uint64_t at; /* the next element */
    bool begun;
    uint64_t first, last;
    struct column args[AGG_MAX_ARGS];
};

static enum status decode(struct kept_reader *k, const struct element *el, uint32_t row, struct error *err)
{
    const struct entry *e = (const struct entry *)(const void *)((const uint8_t *)el -
                                ((const struct table_face *)(const void *)k->elements)->value_at);
    struct str key = entry_key(k->elements, e);
    uint32_t around = SET_KEY_HEAD + (k->set->kind == SET_ROWS ? TAIL_BYTES : 0);
    struct str bytes = { key.ptr + SET_KEY_HEAD, key.len - around };
    return row_decode(bytes, k->args, k->call->n_args, row, err);
}

static enum status reader_next(struct agg_rows *face, uint32_t limit, uint32_t *ret_n, struct error *err)
{
    struct kept_reader *k = (struct kept_reader *)face;
    struct accumulators *a = k->a;
    uint32_t n = 0;
    if (!k->begun)
        k->at = face->backwards ? k->last : k->first;
    k->begun = true;
    batch_clear(a->values);
    call_args(k->call, a->values, k->args);
    for (; k->at && n < a->capacity && n < limit; n++) {
        const struct element *el = element_at(k->at);
        k->at = face->backwards ? el->prev : el->next;
        if (k->at)
            __builtin_prefetch(element_at(k->at));
        TRY(decode(k, el, n, err));
        a->counts[n] = k->set->kind == SET_COUNTS && !k->call->distinct ? el->rows : 1;
        for (uint32_t i = 0; i < k->call->n_args; i++) /* what decoding has grown */
            a->values->cols[k->call->args[i]] = k->args[i];
    }
    *ret_n = n;
    return ST_OK;
}

static void reader_open(struct kept_reader *k, struct accumulators *a, uint32_t c, const struct table *elements,
                        uint8_t *group)
{
    const struct agg_set *s = &a->set[a->sets[c]];
    const struct group_list *l = list_of(s, group);
    *k = (struct kept_reader){ .a = a, .call = &a->calls[c], .set = s, .elements = elements, .first = l->first,
                               .last = l->last };
    k->rows = (struct agg_rows){ .next = reader_next, .args = k->args, .counts = a->counts, .total = l->count,
                                 .budget = a->budget };
}

enum status kept_result(struct accumulators *a, uint32_t c, const struct table *elements, uint8_t *group,
                        struct column *out, uint32_t out_row, struct error *err)
{
    struct kept_reader k;
    reader_open(&k, a, c, elements, group);
    return a->calls[c].aggregate->ops->gather(a->calls[c].aggregate, &k.rows, out, out_row, err);
}

/* Makes a call's state anew from the group's elements. */
static enum status recompute(struct accumulators *a, const struct agg_tables *t, uint32_t c, uint8_t *group,
                             struct error *err)
{
    const struct aggregate *g = a->calls[c].aggregate;
    uint8_t *state = group + a->offsets[c];
    for (uint32_t i = 0; i < g->n_blobs; i++) {
        uint64_t handle;
        memcpy(&handle, state + g->blob_offsets[i], 8);
        if (!table_set_blob(t->groups, &handle, NULL, 0))
            return budget_error(a->budget, 0, err);
    }
    memset(state, 0, g->state_bytes);
    struct kept_reader k;
    struct agg_heap_of heap = agg_heap_of(t->groups);
    reader_open(&k, a, c, t->elements, group);
    for (uint32_t n;;) {
        TRY(reader_next(&k.rows, UINT32_MAX, &n, err));
        if (n == 0)
            return ST_OK;
        for (uint32_t i = 0; i < n; i++)
            a->states[i] = state;
        TRY(g->ops->add(g, a->states, k.args, NULL, n, &heap.heap, err));
    }
}

/* A value has come to a group: the calls that recompute take it. */
static enum status value_comes(struct accumulators *a, const struct accumulate *in, uint32_t set, uint8_t *group,
                               uint16_t row, struct error *err)
{
    for (uint32_t c = 0; c < a->n_calls; c++) {
        if (a->sets[c] != (int32_t)set || a->calls[c].aggregate->keep)
            continue;
        a->states[0] = group + a->offsets[c];
        TRY(feed_states(a, c, true, in->batch, &row, 1, in->to->groups, err));
    }
    return ST_OK;
}

/* A value has gone from a group: must some call be made anew? */
static bool value_goes(struct accumulators *a, const struct accumulate *in, uint32_t set, uint8_t *group, uint16_t row)
{
    struct agg_heap_of heap = agg_heap_of(in->to->groups);
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate *g = a->calls[c].aggregate;
        struct column args[AGG_MAX_ARGS];
        if (a->sets[c] != (int32_t)set || g->keep)
            continue;
        call_args(&a->calls[c], in->batch, args);
        if (!g->ops->outlives || !g->ops->outlives(g, group + a->offsets[c], args, row, &heap.heap))
            return true;
    }
    return false;
}

/* ---- a batch ---- */

/* Over inserts: no value is looked for in SET_ROWS, and no call recomputes. */
static bool append_rows(struct accumulators *a, const struct accumulate *in, uint32_t set, const struct key_set *keys)
{
    const struct agg_set *s = &a->set[set];
    for (uint32_t i = 0; i < keys->n; i++) {
        struct str key = { (const char *)keys->bytes[i], keys->lens[i] };
        struct entry *e = table_put(in->to->elements, keys->hashes[i], key, NULL);
        if (!e)
            return false;
        struct element *el = entry_value(in->to->elements, e);
        el->rows = 1;
        born(list_of(s, entry_value(in->to->groups, in->entries[a->index[i]])), el, set, a->gone[i]);
    }
    return true;
}

/* Calls that recompute are made anew once a batch, however many of their values have gone. */
static enum status change_rows(struct accumulators *a, const struct accumulate *in, uint32_t set,
                               const struct key_set *keys, struct error *err)
{
    const struct agg_set *s = &a->set[set];
    uint32_t n_stale = 0;
    for (uint32_t i = 0; i < keys->n; i++) {
        uint32_t k = a->index[i];
        uint8_t *group = entry_value(in->to->groups, in->entries[k]);
        bool add = row_kind_adds(batch_kind(in->batch, in->rows[k])), moved = false;
        struct kept_row r = { a, in->to->elements, list_of(s, group), set,
                              a->key_store.data + (keys->bytes[i] - a->key_store.data), keys->lens[i], keys->hashes[i] };
        if (!add)
            TRY(goes(&r, &moved, err));
        else if (!comes(&r, &moved))
            return budget_error(a->budget, 0, err);
        struct group_head *head = (struct group_head *)(void *)group;
        if (!moved || !a->retracting || head->stale)
            continue;
        if (add) {
            TRY(value_comes(a, in, set, group, in->rows[k], err));
        } else if (value_goes(a, in, set, group, in->rows[k])) {
            head->stale = 1;
            a->stale[n_stale++] = group;
        }
    }
    for (uint32_t i = 0; i < n_stale; i++) {
        ((struct group_head *)(void *)a->stale[i])->stale = 0;
        for (uint32_t c = 0; c < a->n_calls; c++)
            if (a->sets[c] == (int32_t)set && !a->calls[c].aggregate->keep)
                TRY(recompute(a, in->to, c, a->stale[i], err));
    }
    return ST_OK;
}

enum status kept_calls(struct accumulators *a, const struct accumulate *in, uint32_t set, struct error *err)
{
    const struct agg_set *s = &a->set[set];
    struct key_set keys;
    uint32_t n = set_rows(a, in, s, a->index);
    bool numbered = s->kind == SET_ROWS && !a->retracting;
    for (uint32_t i = 0; i < n; i++)
        a->gone[i] = numbered ? list_of(s, entry_value(in->to->groups, in->entries[a->index[i]]))->next++ : 0;
    if (!set_keys(a, in, set, a->index, s->kind == SET_ROWS ? a->gone : NULL, n, &keys))
        return budget_error(a->budget, 0, err);
    if (!numbered)
        return change_rows(a, in, set, &keys, err);
    return append_rows(a, in, set, &keys) ? ST_OK : budget_error(a->budget, 0, err);
}

/* ---- around the batch ---- */

struct found {
    uint64_t id; /* of the group */
    void *value; /* an element's, or a group's */
};

static int id_order(const void *x, const void *y)
{
    uint64_t a = ((const struct found *)x)->id, b = ((const struct found *)y)->id;
    return (a > b) - (a < b);
}

static int element_order(const void *x, const void *y)
{
    int by_id = id_order(x, y);
    uint64_t a = ((const struct element *)((const struct found *)x)->value)->number;
    uint64_t b = ((const struct element *)((const struct found *)y)->value)->number;
    return by_id ? by_id : (a > b) - (a < b);
}

/* Groups forget what was linked in another life of the process; ids that come will be new. */
static uint32_t reset_groups(struct accumulators *a, struct table *groups, struct found *ret)
{
    uint64_t cursor = 0;
    uint32_t n = 0;
    for (struct entry *e; (e = table_next(groups, &cursor));) {
        uint8_t *value = entry_value(groups, e);
        if (a->headed)
            ((struct group_head *)(void *)value)->stamp = ((struct group_head *)(void *)value)->stale = 0;
        if (a->n_sets == 0)
            continue;
        uint64_t id = *group_id(a, value), number = id & (((uint64_t)1 << GROUP_ID_BITS) - 1);
        uint64_t *last = &a->last_id[hash_key_group(e->hash)];
        *last = number > *last ? number : *last;
        for (uint32_t s = 0; s < a->n_sets; s++)
            if (a->set[s].kind != SET_DISTINCT)
                *list_of(&a->set[s], value) = (struct group_list){ .next = list_of(&a->set[s], value)->next };
        if (ret)
            ret[n++] = (struct found){ id, value };
    }
    return n;
}

static enum status find_elements(struct accumulators *a, struct table *elements, struct found *ret, struct error *err)
{
    uint64_t cursor = 0;
    uint32_t n = 0;
    for (struct entry *e; (e = table_next(elements, &cursor)); n++) {
        struct element *el = entry_value(elements, e);
        struct str key = entry_key(elements, e);
        const struct agg_set *s = el->set < a->n_sets ? &a->set[el->set] : NULL;
        if (!s || s->kind == SET_DISTINCT || key.len < SET_KEY_HEAD + (s->kind == SET_ROWS ? TAIL_BYTES : 0))
            return error_set(err, ST_CORRUPT, "an element of an aggregate has a malformed key");
        ret[n].value = el;
        memcpy(&ret[n].id, key.ptr, 8);
    }
    return ST_OK;
}

/* Both sorted by id, the elements of a group by number. */
static enum status link_all(struct accumulators *a, struct found *groups, uint32_t n_groups, struct found *elements,
                            uint32_t n, struct error *err)
{
    uint32_t g = 0;
    for (uint32_t i = 0; i < n; i++) {
        while (g < n_groups && groups[g].id < elements[i].id)
            g++;
        if (g == n_groups || groups[g].id != elements[i].id)
            return error_set(err, ST_CORRUPT, "an element of an aggregate belongs to no group");
        struct element *el = elements[i].value;
        link_element(list_of(&a->set[el->set], groups[g].value), el);
    }
    return ST_OK;
}

enum status accumulators_relink(struct accumulators *a, const struct agg_tables *t, struct error *err)
{
    uint32_t n = t->elements ? table_count(t->elements) : 0, n_groups = table_count(t->groups);
    size_t bytes = ((size_t)n + n_groups) * sizeof(struct found);
    if (n == 0) {
        (void)reset_groups(a, t->groups, NULL);
        return ST_OK;
    }
    struct found *groups = mem_alloc(a->budget, bytes);
    if (!groups)
        return budget_error(a->budget, bytes, err);
    struct found *elements = groups + n_groups;
    (void)reset_groups(a, t->groups, groups);
    enum status st = find_elements(a, t->elements, elements, err);
    if (st == ST_OK) {
        qsort(groups, n_groups, sizeof *groups, id_order);
        qsort(elements, n, sizeof *elements, element_order);
        st = link_all(a, groups, n_groups, elements, n, err);
    }
    mem_free(a->budget, groups, bytes);
    return st;
}

enum status accumulators_forget(struct accumulators *a, const struct agg_tables *t, struct entry *e, struct error *err)
{
    for (uint32_t s = 0; s < a->n_sets; s++) {
        if (a->set[s].kind == SET_DISTINCT)
            continue;
        struct group_list *l = list_of(&a->set[s], entry_value(t->groups, e));
        int32_t value_at = ((const struct table_face *)(const void *)t->elements)->value_at;
        for (struct element *el = element_at(l->first), *next; el; el = next) {
            next = element_at(el->next);
            if (!table_remove(t->elements, (struct entry *)(void *)((uint8_t *)el - value_at)))
                return budget_error(a->budget, 0, err);
        }
        l->first = l->last = l->count = 0;
    }
    return ST_OK;
}
