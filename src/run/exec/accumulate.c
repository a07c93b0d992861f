/* Rows into accumulators, call by call and batch at a time: each call's loop touches the states of up to a thousand
 * groups that the table's batch probe has just brought into the cache. See accumulate.h for the layout; calls with sets
 * are distinct.c's and kept.c's. */
#include "exec/accumulate.h"

/* All calls go over so many rows before the next ones, so that their entries stay in the nearest cache. */
#define CHUNK_ROWS 128u

static struct str heap_get(struct agg_heap *h, uint64_t handle)
{
    return table_blob(((struct agg_heap_of *)h)->table, handle);
}

static bool heap_set(struct agg_heap *h, uint64_t *handle, const void *bytes, size_t len)
{
    return table_set_blob(((struct agg_heap_of *)h)->table, handle, bytes, len);
}

static uint8_t *heap_edit(struct agg_heap *h, uint64_t handle)
{
    return table_blob_bytes(((struct agg_heap_of *)h)->table, handle);
}

struct agg_heap_of agg_heap_of(struct table *t)
{
    return (struct agg_heap_of){ { heap_get, heap_set, heap_edit }, t };
}

/* ---- layout ---- */

static bool same_args(const struct aggregate_call *a, const struct aggregate_call *b)
{
    return a->n_args == b->n_args && (a->n_args == 0 || memcmp(a->args, b->args, a->n_args * sizeof *a->args) == 0);
}

/* false: the call needs no set. */
static bool wanted_set(const struct accumulators *a, const struct aggregate_call *call, struct agg_set *ret)
{
    const struct aggregate *g = call->aggregate;
    bool recompute = a->retracting && g->recompute;
    if (call->n_args == 0 || (!call->distinct && !recompute && !g->keep))
        return false;
    bool counts = g->keep == AGG_KEEP_COUNTS || call->distinct || recompute;
    ret->kind = !recompute && !g->keep ? SET_DISTINCT : counts ? SET_COUNTS : SET_ROWS;
    ret->nulls = g->keep_nulls;
    return true;
}

/* Which of the set's filters the call has; a new one when `room`. UINT32_MAX: the set is not for this call. */
static uint32_t filter_bit(struct agg_set *s, int32_t filter, bool room)
{
    for (uint32_t f = 0; f < s->n_filters; f++)
        if (s->filters[f] == filter)
            return f;
    if (!room || s->n_filters == sizeof s->filters / sizeof *s->filters)
        return UINT32_MAX;
    s->filters[s->n_filters] = filter;
    return s->n_filters++;
}

static void assign_set(struct accumulators *a, uint32_t c)
{
    const struct aggregate_call *call = &a->calls[c];
    struct agg_set want = { 0 };
    a->sets[c] = -1;
    if (!wanted_set(a, call, &want))
        return;
    for (uint32_t i = 0; i < a->n_sets; i++) {
        struct agg_set *s = &a->set[i];
        if (s->kind != want.kind || s->nulls != want.nulls || !same_args(&a->calls[s->call], call))
            continue;
        uint32_t bit = filter_bit(s, call->filter, s->kind == SET_DISTINCT);
        if (bit == UINT32_MAX)
            continue;
        a->sets[c] = (int32_t)i;
        a->bits[c] = bit;
        return;
    }
    want.call = c;
    want.n_filters = 1;
    want.filters[0] = call->filter;
    a->sets[c] = (int32_t)a->n_sets;
    a->set[a->n_sets++] = want;
    *(want.kind == SET_DISTINCT ? &a->n_distinct : &a->n_kept) += 1;
}

/* The first set that has the same filters. */
static uint32_t filters_of(const struct accumulators *a, uint32_t set)
{
    const struct agg_set *s = &a->set[set];
    uint32_t i = 0;
    while (a->set[i].n_filters != s->n_filters ||
           memcmp(a->set[i].filters, s->filters, s->n_filters * sizeof *s->filters) != 0)
        i++;
    return i;
}

static bool lay_out(struct accumulators *a)
{
    uint32_t at = a->headed ? sizeof(struct group_head) : 0;
    a->value_align = 8;
    a->id_at = at;
    at += a->n_sets ? 8 : 0;
    for (uint32_t i = 0; i < a->n_sets; i++) {
        struct agg_set *s = &a->set[i];
        s->filters_of = filters_of(a, i);
        uint32_t bytes = a->retracting ? 8 * s->n_filters : 8;
        if (s->kind == SET_DISTINCT) {
            a->distinct_bytes = bytes > a->distinct_bytes ? bytes : a->distinct_bytes;
            continue;
        }
        s->list_at = at;
        at += sizeof(struct group_list);
    }
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
        struct str words = call->aggregate->words;
        ok = buf_printf(&text, ";%s%s(", call->aggregate->name, call->distinct ? " DISTINCT" : "");
        for (uint32_t i = 0; ok && i < call->n_args; i++)
            ok = (i == 0 || buf_put_u8(&text, ',')) && type_print(&text, input->fields[call->args[i]].type);
        if (words.len)
            ok = ok && buf_printf(&text, ";%.*s", STR_ARG(words));
        ok = ok && buf_put_u8(&text, ')');
        if (a->sets[c] >= 0)
            ok = ok && buf_printf(&text, "#%d.%u", a->sets[c], a->bits[c]);
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
    a->picked = ARENA_ARRAY(&a->arena, uint16_t, n);
    a->index = ARENA_ARRAY(&a->arena, uint32_t, n);
    if (!a->states || !a->rows || !a->picked || !a->index)
        return false;
    if (a->n_sets == 0)
        return true;
    a->last_id = ARENA_ARRAY(&a->arena, uint64_t, KEY_GROUPS);
    a->moved_index = ARENA_ARRAY(&a->arena, uint32_t, n);
    a->pass = ARENA_ARRAY(&a->arena, uint64_t, n);
    a->come = ARENA_ARRAY(&a->arena, uint64_t, n);
    a->gone = ARENA_ARRAY(&a->arena, uint64_t, n);
    a->found = ARENA_ARRAY(&a->arena, struct entry *, n);
    a->stale = ARENA_ARRAY(&a->arena, uint8_t *, n);
    a->key_lens = ARENA_ARRAY(&a->arena, uint32_t, n);
    a->key_hashes = ARENA_ARRAY(&a->arena, uint64_t, n);
    a->key_bytes = ARENA_ARRAY(&a->arena, const uint8_t *, n);
    a->counts = ARENA_ARRAY(&a->arena, int64_t, n);
    if (a->n_kept && !(a->values = batch_new(a->input, a->capacity, a->budget)))
        return false;
    return a->last_id && a->moved_index && a->pass && a->come && a->gone && a->found && a->stale && a->key_lens && a->key_hashes && a->key_bytes && a->counts;
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
    a->input = input;
    a->capacity = capacity;
    arena_init(&a->arena, b);
    buf_init(&a->key_store, b, (size_t)1 << 31);
    key_set_init(&a->set_values, b);
    a->offsets = ARENA_ARRAY(&a->arena, uint32_t, n + 1);
    a->sets = ARENA_ARRAY(&a->arena, int32_t, n + 1);
    a->bits = ARENA_ARRAY(&a->arena, uint32_t, n + 1);
    a->set = ARENA_ARRAY(&a->arena, struct agg_set, n + 1);
    if (!a->offsets || !a->sets || !a->bits || !a->set)
        return budget_error(b, 0, err);
    for (uint32_t c = 0; c < n; c++)
        assign_set(a, c);
    a->headed = retracting || stamps;
    if (!lay_out(a))
        return error_set(err, ST_LIMIT, "more than %u aggregates keep values of variable length", STORE_MAX_BLOBS);
    if (!make_scratch(a))
        return budget_error(b, 0, err);
    a->fingerprint = fingerprint(a, input);
    return a->fingerprint.ptr ? ST_OK : budget_error(b, 0, err);
}

void accumulators_release(struct accumulators *a)
{
    batch_free(a->values);
    buf_release(&a->key_store);
    key_set_release(&a->set_values);
    arena_release(&a->arena);
}

/* ---- stores ---- */

enum status accumulators_stores(const struct accumulators *a, struct op *o, const char *groups, struct str fingerprint,
                                struct agg_stores *ret, struct error *err)
{
    struct agg_stores s = { 0 };
    TRY(op_add_store(o, groups, a->value_bytes, a->value_align, a->blob_offsets, a->n_blobs, fingerprint, false, &s.groups,
                     err));
    if (a->n_distinct)
        TRY(op_add_store(o, "distinct", a->distinct_bytes, 8, NULL, 0, fingerprint, false, &s.distinct, err));
    if (a->n_kept)
        TRY(op_add_store(o, "elements", sizeof(struct element), 8, NULL, 0, fingerprint, false, &s.elements, err));
    *ret = s;
    return ST_OK;
}

bool agg_tables_make(const struct agg_stores *s, int64_t ns, struct agg_tables *ret)
{
    struct agg_tables t = { store_make(s->groups, ns), NULL, NULL };
    if (s->distinct)
        t.distinct = store_make(s->distinct, ns);
    if (s->elements)
        t.elements = store_make(s->elements, ns);
    *ret = t;
    return t.groups && (!s->distinct || t.distinct) && (!s->elements || t.elements);
}

struct agg_tables agg_tables_find(const struct agg_stores *s, int64_t ns)
{
    return (struct agg_tables){ store_find(s->groups, ns), s->distinct ? store_find(s->distinct, ns) : NULL,
                                s->elements ? store_find(s->elements, ns) : NULL };
}

bool agg_stores_drop(const struct agg_stores *s, int64_t ns)
{
    return store_drop(s->groups, ns) && (!s->distinct || store_drop(s->distinct, ns)) &&
           (!s->elements || store_drop(s->elements, ns));
}

/* ---- one call over rows ---- */

void call_args(const struct aggregate_call *call, const struct batch *b, struct column args[AGG_MAX_ARGS])
{
    CHECK(call->n_args <= AGG_MAX_ARGS);
    for (uint32_t i = 0; i < call->n_args; i++)
        args[i] = b->cols[call->args[i]];
}

enum status feed_states(struct accumulators *a, uint32_t c, bool add, const struct batch *b, const uint16_t *rows,
                        uint32_t n, struct table *t, struct error *err)
{
    const struct aggregate_call *call = &a->calls[c];
    struct column args[AGG_MAX_ARGS];
    struct agg_heap_of heap = agg_heap_of(t);
    if (n == 0)
        return ST_OK;
    call_args(call, b, args);
    if (add)
        return call->aggregate->ops->add(call->aggregate, a->states, args, rows, n, &heap.heap, err);
    if (!call->aggregate->ops->retract)
        return error_set(err, ST_UNSUPPORTED, "%.*s cannot take rows back", STR_ARG(call->name));
    return call->aggregate->ops->retract(call->aggregate, a->states, args, rows, n, &heap.heap, err);
}

/* ---- sets ---- */

static bool args_null(const struct aggregate_call *call, const struct batch *b, uint32_t row)
{
    for (uint32_t i = 0; i < call->n_args; i++)
        if (column_is_null(&b->cols[call->args[i]], row))
            return true;
    return false;
}

/* One more filter into the bits of the rows. */
static void pass_filter(uint64_t *pass, const struct column *filter, const uint16_t *rows, uint32_t n, uint32_t bit)
{
    const uint8_t *is = filter ? filter->b : NULL, *nulls = filter ? filter->nulls : NULL;
    if (!filter)
        for (uint32_t i = 0; i < n; i++)
            pass[i] |= (uint64_t)1 << bit;
    else if (!nulls)
        for (uint32_t i = 0; i < n; i++)
            pass[i] |= (uint64_t)(is[rows[i]] != 0) << bit;
    else
        for (uint32_t i = 0; i < n; i++)
            pass[i] |= (uint64_t)((is[rows[i]] != 0) & !nulls[rows[i]]) << bit;
}

/* Sets often have the same filters, one behind the other. */
static void pass_filters(struct accumulators *a, const struct accumulate *in, const struct agg_set *s)
{
    if (a->passed == s->filters_of)
        return;
    a->passed = s->filters_of;
    memset(a->pass, 0, in->n * sizeof *a->pass);
    for (uint32_t f = 0; f < s->n_filters; f++)
        pass_filter(a->pass, s->filters[f] >= 0 ? &in->batch->cols[s->filters[f]] : NULL, in->rows, in->n, f);
}

uint32_t set_rows(struct accumulators *a, const struct accumulate *in, const struct agg_set *s, uint32_t *index)
{
    const struct aggregate_call *call = &a->calls[s->call];
    const struct column *nullable = NULL; /* the only argument with NULLs */
    uint32_t n = 0, n_nullable = 0;
    pass_filters(a, in, s);
    for (uint32_t i = 0; i < call->n_args && !s->nulls; i++)
        if (in->batch->cols[call->args[i]].nulls) {
            nullable = &in->batch->cols[call->args[i]];
            n_nullable++;
        }
    const uint8_t *nulls = n_nullable == 1 ? nullable->nulls : NULL;
    for (uint32_t i = 0; i < in->n; i++) {
        uint64_t pass = a->pass[i];
        index[n] = i;
        a->come[n] = pass;
        n += (pass != 0) & !(nulls && nulls[in->rows[i]]) & !(n_nullable > 1 && args_null(call, in->batch, in->rows[i]));
    }
    return n;
}

/* The values of the rows, in a->set_values. */
static bool encode_values(struct accumulators *a, const struct accumulate *in, const struct agg_set *s,
                          const uint32_t *index, uint32_t n)
{
    static const uint32_t all[AGG_MAX_ARGS] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    const struct aggregate_call *call = &a->calls[s->call];
    struct column args[AGG_MAX_ARGS];
    struct batch view = *in->batch;
    call_args(call, in->batch, args);
    for (uint32_t i = 0; i < call->n_args && !s->nulls; i++)
        args[i].nulls = NULL; /* of these rows none is */
    for (uint32_t i = 0; i < n; i++)
        a->picked[i] = in->rows[index[i]];
    view.cols = args;
    view.sel = a->picked;
    view.n_sel = n;
    return keys_encode(&a->set_values, &view, all, call->n_args);
}

/* The same exactly: NaNs and zeros as they are, maps in their order. */
static bool encode_exactly(struct accumulators *a, const struct accumulate *in, const struct agg_set *s,
                           const uint32_t *index, uint32_t n)
{
    const struct aggregate_call *call = &a->calls[s->call];
    struct key_set *v = &a->set_values;
    buf_clear(&v->store);
    for (uint32_t i = 0; i < n; i++) {
        size_t start = v->store.len;
        if (!row_encode(&v->store, in->batch->cols, call->args, call->n_args, in->rows[index[i]], true))
            return false;
        a->key_lens[i] = (uint32_t)(v->store.len - start);
    }
    return true;
}

bool set_keys(struct accumulators *a, const struct accumulate *in, uint32_t set, const uint32_t *index,
              const uint64_t *tails, uint32_t n, struct key_set *ret)
{
    const struct agg_set *s = &a->set[set];
    struct key_set *v = &a->set_values;
    bool exact = s->kind == SET_ROWS;
    if (!(exact ? encode_exactly : encode_values)(a, in, s, index, n))
        return false;
    const uint32_t *lens = exact ? a->key_lens : v->lens;
    size_t room = n * (SET_KEY_HEAD + (tails ? 8u : 0));
    for (uint32_t i = 0; i < n; i++)
        room += lens[i];
    buf_clear(&a->key_store);
    if (!buf_reserve(&a->key_store, room + 1))
        return false;
    uint8_t *at = a->key_store.data;
    size_t from = 0; /* of exact values, which stand one behind the other */
    uint16_t tag = (uint16_t)set;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = lens[i];
        uint64_t id = *group_id(a, entry_value(in->to->groups, in->entries[index[i]]));
        a->key_bytes[i] = at;
        memcpy(at, &id, 8);
        memcpy(at + 8, &tag, 2);
        memcpy(at + SET_KEY_HEAD, exact ? v->store.data + from : v->bytes[i], len);
        at += SET_KEY_HEAD + len;
        from += len;
        if (tails)
            memcpy(at, &tails[i], 8);
        at += tails ? 8 : 0;
        a->key_lens[i] = (uint32_t)(at - a->key_bytes[i]);
        a->key_hashes[i] = set_hash(id, exact ? hash_bytes(a->key_bytes[i], a->key_lens[i])
                                              : set_value_hash(id, set, v->hashes[i]));
    }
    *ret = (struct key_set){ .n = n, .bytes = a->key_bytes, .lens = a->key_lens, .hashes = a->key_hashes };
    return true;
}

/* ---- a batch ---- */

/* A call without a set over inserts only. No branch decides over a row: filters are hard to guess. */
static enum status plain_adds(struct accumulators *a, const struct accumulate *in, uint32_t c, struct error *err)
{
    const struct aggregate_call *call = &a->calls[c];
    uint32_t offset = a->offsets[c], n = 0;
    if (call->filter < 0) {
        for (uint32_t i = 0; i < in->n; i++)
            a->states[i] = (uint8_t *)entry_value(in->to->groups, in->entries[i]) + offset;
        return feed_states(a, c, true, in->batch, in->rows, in->n, in->to->groups, err);
    }
    const struct column *filter = &in->batch->cols[call->filter];
    const uint8_t *is = filter->b, *nulls = filter->nulls;
    for (uint32_t i = 0; i < in->n; i++) {
        uint16_t row = in->rows[i];
        a->states[n] = (uint8_t *)entry_value(in->to->groups, in->entries[i]) + offset;
        a->rows[n] = row;
        n += (is[row] != 0) & !(nulls && nulls[row]);
    }
    return feed_states(a, c, true, in->batch, a->rows, n, in->to->groups, err);
}

/* A call without a set: its rows go straight in, or out. */
static enum status plain_call(struct accumulators *a, const struct accumulate *in, uint32_t c, struct error *err)
{
    if (!in->batch->kinds)
        return plain_adds(a, in, c, err);
    const struct column *filter = a->calls[c].filter >= 0 ? &in->batch->cols[a->calls[c].filter] : NULL;
    for (int add = 1; add >= 0; add--) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < in->n; i++) {
            uint16_t row = in->rows[i];
            if ((filter && (column_is_null(filter, row) || !filter->b[row])) ||
                row_kind_adds(batch_kind(in->batch, row)) != (add == 1))
                continue;
            a->states[n] = (uint8_t *)entry_value(in->to->groups, in->entries[i]) + a->offsets[c];
            a->rows[n++] = row;
        }
        TRY(feed_states(a, c, add == 1, in->batch, a->rows, n, in->to->groups, err));
    }
    return ST_OK;
}

void give_ids(struct accumulators *a, struct table *groups, struct entry *const *entries, uint32_t n)
{
    for (uint32_t i = 0; a->n_sets && i < n; i++) {
        uint64_t *id = group_id(a, entry_value(groups, entries[i]));
        uint32_t key_group = hash_key_group(entries[i]->hash);
        if (*id == 0)
            *id = (uint64_t)key_group << GROUP_ID_BITS | ++a->last_id[key_group];
    }
}

enum status accumulate(struct accumulators *a, const struct accumulate *in, struct error *err)
{
    CHECK(in->n <= a->capacity);
    if (a->retracting)
        for (uint32_t i = 0; i < in->n; i++)
            ((struct group_head *)entry_value(in->to->groups, in->entries[i]))->rows +=
                row_kind_adds(batch_kind(in->batch, in->rows[i])) ? 1 : -1;
    give_ids(a, in->to->groups, in->entries, in->n);
    a->passed = UINT32_MAX;
    for (uint32_t s = 0; s < a->n_sets; s++)
        TRY((a->set[s].kind == SET_DISTINCT ? distinct_calls : kept_calls)(a, in, s, err));
    for (uint32_t at = 0; at < in->n; at += CHUNK_ROWS) {
        struct accumulate part = *in;
        part.rows += at;
        part.entries += at;
        part.n = in->n - at < CHUNK_ROWS ? in->n - at : CHUNK_ROWS;
        for (uint32_t c = 0; c < a->n_calls; c++)
            if (a->sets[c] < 0)
                TRY(plain_call(a, &part, c, err));
    }
    return ST_OK;
}

/* ---- results ---- */

enum status accumulators_results(struct accumulators *a, const struct agg_tables *t, struct entry *const *entries,
                                 uint32_t n, struct column *cols, uint32_t out_row, struct error *err)
{
    struct agg_heap_of heap = agg_heap_of(t->groups);
    CHECK(n <= a->capacity);
    for (uint32_t c = 0; c < a->n_calls; c++) {
        const struct aggregate *g = a->calls[c].aggregate;
        for (uint32_t i = 0; g->keep && i < n; i++)
            TRY(kept_result(a, c, t->elements, entry_value(t->groups, entries[i]), &cols[c], out_row + i, err));
        if (g->keep)
            continue;
        for (uint32_t i = 0; i < n; i++)
            a->states[i] = (uint8_t *)entry_value(t->groups, entries[i]) + a->offsets[c];
        TRY(g->ops->result(g, a->states, n, &heap.heap, &cols[c], out_row, err));
    }
    return ST_OK;
}
