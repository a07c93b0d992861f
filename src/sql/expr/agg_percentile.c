/* PERCENTILE, exact: the group's values, each once with its weight, are sorted when the value is asked for. The p-th
 * percentile of n values stands at place 1 + p (n - 1) among them; between two places it is interpolated in the form that
 * Flink computes, so that the last bit is the same. */
#include <math.h>
#include <stdlib.h>

#include "expr/expr_private.h"

struct weighted {
    double value;
    double weight; /* rows times frequency */
};

/* Java's order: NaN is the greatest. */
static int weighted_order(const void *x, const void *y)
{
    double a = ((const struct weighted *)x)->value, b = ((const struct weighted *)y)->value;
    if (a != a || b != b)
        return (a != a) - (b != b);
    return (a > b) - (a < b);
}

static enum status take(const struct aggregate *g, struct agg_rows *rows, struct buf *list, double *ret_total,
                        struct error *err)
{
    double total = 0;
    for (uint32_t n;;) {
        TRY(rows->next(rows, UINT32_MAX, &n, err));
        if (n == 0)
            break;
        for (uint32_t i = 0; i < n; i++) {
            int64_t frequency = g->n_args > 1 ? rows->args[1].i64[i] : 1;
            if (frequency <= 0)
                continue;
            struct weighted w = { rows->args[0].f64[i], (double)rows->counts[i] * (double)frequency };
            total += w.weight;
            if (!buf_put(list, &w, sizeof w))
                return error_set(err, ST_MEMORY, "the memory budget is used up by PERCENTILE");
        }
    }
    *ret_total = total;
    return ST_OK;
}

/* `list` is sorted and not empty. */
static double percentile(const struct weighted *list, size_t n, double total, double p)
{
    double position = p * (total - 1) + 1, lower = floor(position), higher = ceil(position);
    size_t at = 0;
    double before = list[0].weight;
    while (before < lower && at + 1 < n)
        before += list[++at].weight;
    if (before >= higher || at + 1 == n)
        return list[at].value;
    return (higher - position) * list[at].value + (position - lower) * list[at + 1].value;
}

static enum status put(const struct aggregate *g, const struct buf *bytes, double total, struct column *out, uint32_t row,
                       struct error *err)
{
    const struct agg_percentages *p = g->data;
    struct weighted *list = (struct weighted *)(void *)bytes->data;
    size_t n = bytes->len / sizeof *list;
    uint32_t first;
    if (n == 0 || p->n == 0) {
        column_set_null(out, row);
        return ST_OK;
    }
    qsort(list, n, sizeof *list, weighted_order);
    if (!p->list) {
        out->f64[row] = percentile(list, n, total, p->at[0]);
        return ST_OK;
    }
    if (!column_start_list(out, row, p->n, &first))
        return error_set(err, ST_MEMORY, "the memory budget is used up by PERCENTILE");
    for (uint32_t i = 0; i < p->n; i++)
        out->children[0].f64[first + i] = percentile(list, n, total, p->at[i]);
    return ST_OK;
}

static enum status gather(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t row,
                          struct error *err)
{
    struct buf list;
    double total = 0;
    buf_init(&list, rows->budget, (size_t)1 << 36);
    enum status st = take(g, rows, &list, &total, err);
    if (st == ST_OK)
        st = put(g, &list, total, out, row, err);
    buf_release(&list);
    return st;
}

const struct aggregate_ops agg_percentile = { .gather = gather };
