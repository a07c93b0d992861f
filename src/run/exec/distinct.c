/* Calls with DISTINCT. The entry of a value says which of the set's filters have seen it: one bit each over inserts, a
 * count each over rows that may be taken back. So COUNT(DISTINCT x) under five filters costs one probe a row. Over
 * inserts an entry changes only when a filter sees the value for the first time; an entry that does not change is not
 * marked, and no commit writes it. */
#include "exec/accumulate.h"

/* The calls of the set get the rows whose bit is set in `moved`; mostly a value has been seen before and moves nothing. */
static enum status feed_moved(struct accumulators *a, const struct accumulate *in, uint32_t set, uint64_t *moved,
                              uint32_t n, bool add, struct error *err)
{
    uint32_t n_moved = 0, *index = a->moved_index;
    uint64_t any = 0;
    for (uint32_t i = 0; i < n; i++) {
        index[n_moved] = a->index[i];
        moved[n_moved] = moved[i];
        any |= moved[i];
        n_moved += moved[i] != 0;
    }
    for (uint32_t c = 0; c < a->n_calls; c++) {
        if (a->sets[c] != (int32_t)set || !(any >> a->bits[c] & 1))
            continue;
        uint32_t offset = a->offsets[c], bit = a->bits[c], m = 0;
        for (uint32_t i = 0; i < n_moved; i++) {
            a->states[m] = (uint8_t *)entry_value(in->to->groups, in->entries[index[i]]) + offset;
            a->rows[m] = in->rows[index[i]];
            m += moved[i] >> bit & 1;
        }
        TRY(feed_states(a, c, add, in->batch, a->rows, m, in->to->groups, err));
    }
    return ST_OK;
}

enum status distinct_see(struct accumulators *a, struct table *t, const struct key_set *keys, struct error *err)
{
    if (!table_find_all(t, keys, a->found))
        return budget_error(a->budget, 0, err);
    for (uint32_t i = 0; i < keys->n; i++) {
        struct entry *e = a->found[i];
        bool fresh = false;
        if (!e) { /* or a row before it in this batch has made it */
            struct str key = { (const char *)keys->bytes[i], keys->lens[i] };
            if (!(e = table_put(t, keys->hashes[i], key, &fresh)))
                return budget_error(a->budget, 0, err);
        }
        uint64_t *seen = entry_value(t, e), news = a->come[i] & ~*seen;
        a->come[i] = news;
        if (!news)
            continue;
        *seen |= news;
        if (!fresh && !table_touch(t, e))
            return budget_error(a->budget, 0, err);
    }
    return ST_OK;
}

/* One row's value, counted up or down under the filters that the row passes. */
static enum status count(struct accumulators *a, struct table *t, const struct agg_set *s, const struct key_set *keys,
                         uint32_t i, bool add, struct error *err)
{
    struct str key = { (const char *)keys->bytes[i], keys->lens[i] };
    uint64_t pass = a->come[i];
    a->come[i] = a->gone[i] = 0;
    struct entry *e = add ? table_put(t, keys->hashes[i], key, NULL) : table_find(t, keys->hashes[i], key);
    if (!e && !add)
        return ST_OK; /* takes back what never came */
    if (!e || !table_touch(t, e))
        return budget_error(a->budget, 0, err);
    int64_t *rows = entry_value(t, e), left = 0;
    for (uint32_t f = 0; f < s->n_filters; f++) {
        if (pass >> f & 1) {
            if (add && rows[f]++ == 0)
                a->come[i] |= (uint64_t)1 << f;
            if (!add && rows[f] > 0 && --rows[f] == 0)
                a->gone[i] |= (uint64_t)1 << f;
        }
        left |= rows[f];
    }
    if (left == 0 && !table_remove(t, e))
        return budget_error(a->budget, 0, err);
    return ST_OK;
}

enum status distinct_calls(struct accumulators *a, const struct accumulate *in, uint32_t set, struct error *err)
{
    const struct agg_set *s = &a->set[set];
    struct key_set keys;
    uint32_t n = set_rows(a, in, s, a->index);
    if (!set_keys(a, in, set, a->index, NULL, n, &keys))
        return budget_error(a->budget, 0, err);
    if (!a->retracting) {
        TRY(distinct_see(a, in->to->distinct, &keys, err));
        return feed_moved(a, in, set, a->come, n, true, err);
    }
    if (!table_find_all(in->to->distinct, &keys, a->found)) /* for its prefetches: entries may go below */
        return budget_error(a->budget, 0, err);
    for (uint32_t i = 0; i < n; i++) {
        bool add = row_kind_adds(batch_kind(in->batch, in->rows[a->index[i]]));
        TRY(count(a, in->to->distinct, s, &keys, i, add, err));
    }
    TRY(feed_moved(a, in, set, a->come, n, true, err));
    return feed_moved(a, in, set, a->gone, n, false, err);
}
