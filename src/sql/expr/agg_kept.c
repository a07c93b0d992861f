/* Aggregates that are made of all rows of a group when their value is asked for: LISTAGG, ARRAY_AGG, COLLECT,
 * JSON_OBJECTAGG, JSON_ARRAYAGG, SINGLE_VALUE, and FIRST_VALUE and LAST_VALUE over rows that may be taken back.
 *
 * They have no state of their own. The operator keeps their rows as entries of a store, so that a row that comes or goes
 * costs one entry, in memory and in the journal, however large its group is. A state that held the joined value would be
 * copied, and written at every commit, as a whole. The value costs its length when it is put out: nobody can do with
 * less. */
#include <stdlib.h>

#include "expr/expr_private.h"

#define TEXT_MAX ((size_t)1 << 30)

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_MEMORY, "the memory budget is used up by an aggregate's value");
}

/* The next rows, as many as come. */
static enum status more(struct agg_rows *rows, uint32_t *ret_n, struct error *err)
{
    return rows->next(rows, UINT32_MAX, ret_n, err);
}

static enum status put_text(struct column *out, uint32_t row, const struct buf *text, struct error *err)
{
    return column_set_str(out, row, text->data, text->len) ? ST_OK : no_memory(err);
}

/* ---- LISTAGG ---- */

static enum status join_texts(const struct aggregate *g, struct agg_rows *rows, struct buf *text, struct error *err)
{
    bool first = true;
    for (uint32_t n;;) {
        TRY(more(rows, &n, err));
        if (n == 0)
            return ST_OK;
        for (uint32_t i = 0; i < n; i++) {
            struct str separator = g->n_args > 1 ? column_str(&rows->args[1], i) : STR(",");
            struct str v = column_str(&rows->args[0], i);
            if ((!first && !buf_put(text, separator.ptr, separator.len)) || !buf_put(text, v.ptr, v.len))
                return no_memory(err);
            first = false;
        }
    }
}

static enum status listagg(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                           struct error *err)
{
    if (rows->total == 0) {
        column_set_null(out, row);
        return ST_OK;
    }
    struct buf text;
    buf_init(&text, rows->budget, TEXT_MAX);
    enum status st = join_texts(g, rows, &text, err);
    if (st == ST_OK)
        st = put_text(out, row, &text, err);
    buf_release(&text);
    return st;
}
const struct aggregate_ops agg_listagg = { .gather = listagg };

/* ---- ARRAY_AGG, COLLECT ---- */

/* Room for all values in the list at `row`. */
static enum status start_list(struct agg_rows *rows, struct column *out, uint32_t row, uint32_t *ret_first,
                              struct error *err)
{
    if (rows->total > INT32_MAX)
        return error_set(err, ST_LIMIT, "an array or multiset would have more than 2147483647 elements");
    return column_start_list(out, row, (uint32_t)rows->total, ret_first) ? ST_OK : no_memory(err);
}

static enum status array(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                         struct error *err)
{
    (void)g;
    uint32_t at;
    if (rows->total == 0) {
        column_set_null(out, row);
        return ST_OK;
    }
    TRY(start_list(rows, out, row, &at, err));
    for (uint32_t n;;) {
        TRY(more(rows, &n, err));
        if (n == 0)
            return ST_OK;
        for (uint32_t i = 0; i < n; i++)
            if (!column_copy(&out->children[0], at++, &rows->args[0], i, false))
                return no_memory(err);
    }
}
const struct aggregate_ops agg_array = { .gather = array };

static enum status collect(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                           struct error *err)
{
    (void)g;
    uint32_t at;
    TRY(start_list(rows, out, row, &at, err));
    for (uint32_t n;;) {
        TRY(more(rows, &n, err));
        if (n == 0)
            return ST_OK;
        for (uint32_t i = 0; i < n; i++, at++) {
            if (!column_copy(&out->children[0], at, &rows->args[0], i, false))
                return no_memory(err);
            out->children[1].i32[at] = (int32_t)rows->counts[i]; /* wraps, as Flink's INT does */
        }
    }
}
const struct aggregate_ops agg_collect = { .gather = collect };

/* ---- FIRST_VALUE, LAST_VALUE, SINGLE_VALUE ---- */

static enum status end(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                       struct error *err)
{
    uint32_t n;
    rows->backwards = g->name[0] == 'L';
    TRY(rows->next(rows, 1, &n, err));
    if (n == 0)
        column_set_null(out, row);
    else if (!column_copy(out, row, &rows->args[0], 0, false))
        return no_memory(err);
    return ST_OK;
}
const struct aggregate_ops agg_end = { .gather = end };

static enum status single(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                          struct error *err)
{
    if (rows->total > 1)
        return error_set(err, ST_EXPRESSION, "SingleValueAggFunction received more than one element.");
    return end(g, rows, out, row, err);
}
const struct aggregate_ops agg_single = { .gather = single };

/* ---- JSON ---- */

static bool put_json(const struct aggregate *g, struct buf *text, const struct column *c, uint32_t row)
{
    const struct agg_json *j = g->data;
    if (!j->raw || column_is_null(c, row))
        return value_print_json(text, c, row, &j->zone);
    struct str v = column_str(c, row);
    return buf_put(text, v.ptr, v.len);
}

static enum status put_array(const struct aggregate *g, struct agg_rows *rows, struct buf *text, struct error *err)
{
    bool ok = buf_put_u8(text, '[');
    for (uint32_t n; ok;) {
        TRY(more(rows, &n, err));
        if (n == 0)
            break;
        for (uint32_t i = 0; i < n && ok; i++)
            ok = (text->len == 1 || buf_put_u8(text, ',')) && put_json(g, text, &rows->args[0], i);
    }
    return ok && buf_put_u8(text, ']') ? ST_OK : no_memory(err);
}

static enum status json_array(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                              struct error *err)
{
    struct buf text;
    buf_init(&text, rows->budget, TEXT_MAX);
    enum status st = put_array(g, rows, &text, err);
    if (st == ST_OK)
        st = put_text(out, row, &text, err);
    buf_release(&text);
    return st;
}
const struct aggregate_ops agg_json_array = { .gather = json_array };

/* A pair of an object: places in the buffer of all texts. */
struct pair {
    const char *base; /* set before sorting */
    size_t key, value;
    uint32_t key_len, printed_len, value_len; /* raw key; printed key behind it; value */
};

static struct str pair_key(const struct pair *p) { return str_make(p->base + p->key, p->key_len); }

static int pair_order(const void *x, const void *y) { return str_cmp(pair_key(x), pair_key(y)); }

/* Raw key, key as JSON, value as JSON: one behind the other. */
static enum status put_pair(const struct aggregate *g, const struct agg_rows *rows, uint32_t i, struct buf *texts,
                            struct buf *pairs, struct error *err)
{
    if (column_is_null(&rows->args[0], i))
        return error_set(err, ST_EXPRESSION, "a key of JSON_OBJECTAGG is NULL");
    struct str key = column_str(&rows->args[0], i);
    struct pair p = { .key = texts->len, .key_len = (uint32_t)key.len };
    const struct agg_json *j = g->data;
    if (!buf_put(texts, key.ptr, key.len) || !value_print_json(texts, &rows->args[0], i, &j->zone))
        return no_memory(err);
    p.printed_len = (uint32_t)(texts->len - p.key) - p.key_len;
    p.value = texts->len;
    if (!put_json(g, texts, &rows->args[1], i))
        return no_memory(err);
    p.value_len = (uint32_t)(texts->len - p.value);
    return buf_put(pairs, &p, sizeof p) ? ST_OK : no_memory(err);
}

static enum status put_object(const struct buf *texts, struct buf *pairs, struct buf *text, struct error *err)
{
    struct pair *p = (struct pair *)(void *)pairs->data;
    size_t n = pairs->len / sizeof *p;
    for (size_t i = 0; i < n; i++)
        p[i].base = (const char *)texts->data;
    if (n)
        qsort(p, n, sizeof *p, pair_order);
    bool ok = buf_put_u8(text, '{');
    for (size_t i = 0; i < n && ok; i++) {
        if (i && pair_order(&p[i - 1], &p[i]) == 0)
            return error_set(err, ST_EXPRESSION,
                             "Key '%.*s' is already present. Duplicate keys are not allowed in JSON_OBJECTAGG. Please "
                             "ensure that keys are unique.", STR_ARG(pair_key(&p[i])));
        ok = (i == 0 || buf_put_u8(text, ',')) && buf_put(text, p[i].base + p[i].key + p[i].key_len, p[i].printed_len) &&
             buf_put_u8(text, ':') && buf_put(text, p[i].base + p[i].value, p[i].value_len);
    }
    return ok && buf_put_u8(text, '}') ? ST_OK : no_memory(err);
}

static enum status json_object(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                               struct error *err)
{
    struct buf texts, pairs, text;
    buf_init(&texts, rows->budget, TEXT_MAX);
    buf_init(&pairs, rows->budget, TEXT_MAX);
    buf_init(&text, rows->budget, TEXT_MAX);
    enum status st = ST_OK;
    for (uint32_t n = 1; n && st == ST_OK;) {
        st = more(rows, &n, err);
        for (uint32_t i = 0; i < n && st == ST_OK; i++)
            st = put_pair(g, rows, i, &texts, &pairs, err);
    }
    if (st == ST_OK)
        st = put_object(&texts, &pairs, &text, err);
    if (st == ST_OK)
        st = put_text(out, row, &text, err);
    buf_release(&texts);
    buf_release(&pairs);
    buf_release(&text);
    return st;
}
const struct aggregate_ops agg_json_object = { .gather = json_object };
