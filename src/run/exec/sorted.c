/* Kept rows in order, see sorted.h. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "exec/sorted.h"

void sorted_init(struct sorted *s, const struct schema *schema, const struct sort_key *order, uint32_t n_order,
                 struct budget *b)
{
    *s = (struct sorted){ .budget = b, .schema = schema, .order = order, .n_order = n_order };
}

static void free_lists(struct sorted *s)
{
    mem_free(s->budget, s->times, s->cap * sizeof *s->times);
    mem_free(s->budget, s->sequences, s->cap * sizeof *s->sequences);
    mem_free(s->budget, s->index, s->cap * sizeof *s->index);
}

void sorted_release(struct sorted *s)
{
    for (uint32_t i = 0; s->cols && i < s->schema->n_fields; i++)
        column_release(&s->cols[i]);
    mem_free(s->budget, s->cols, (s->schema ? s->schema->n_fields : 0) * sizeof *s->cols);
    free_lists(s);
    s->cols = NULL;
    s->times = s->sequences = NULL;
    s->index = NULL;
    s->n = s->cap = s->next = 0;
    s->done_of = 0;
}

bool sorted_reserve(struct sorted *s, uint32_t n)
{
    if (s->cols && n <= s->cap) {
        for (uint32_t i = 0; i < s->schema->n_fields; i++)
            column_clear(&s->cols[i]);
        s->n = s->next = 0;
        s->done_of = 0;
        return true;
    }
    sorted_release(s);
    s->cap = n ? n : 1;
    s->cols = mem_calloc(s->budget, s->schema->n_fields * sizeof *s->cols);
    s->times = mem_alloc(s->budget, s->cap * sizeof *s->times);
    s->sequences = mem_alloc(s->budget, s->cap * sizeof *s->sequences);
    s->index = mem_alloc(s->budget, s->cap * sizeof *s->index);
    bool ok = (s->cols || s->schema->n_fields == 0) && s->times && s->sequences && s->index;
    for (uint32_t i = 0; ok && i < s->schema->n_fields; i++)
        ok = column_init(&s->cols[i], s->schema->fields[i].type, s->cap, s->budget);
    return ok;
}

bool sorted_widen(struct sorted *s)
{
    uint32_t to = s->cap * 2;
    for (uint32_t i = 0; i < s->schema->n_fields; i++)
        if (!column_grow(&s->cols[i], to))
            return false;
    /* all three or none: what is freed goes by `cap` */
    int64_t *times = mem_alloc(s->budget, to * sizeof *times), *sequences = mem_alloc(s->budget, to * sizeof *sequences);
    uint32_t *index = mem_alloc(s->budget, to * sizeof *index);
    if (!times || !sequences || !index) {
        mem_free(s->budget, times, to * sizeof *times);
        mem_free(s->budget, sequences, to * sizeof *sequences);
        mem_free(s->budget, index, to * sizeof *index);
        return false;
    }
    memcpy(times, s->times, s->n * sizeof *times);
    memcpy(sequences, s->sequences, s->n * sizeof *sequences);
    memcpy(index, s->index, s->n * sizeof *index);
    free_lists(s);
    s->times = times;
    s->sequences = sequences;
    s->index = index;
    s->cap = to;
    return true;
}

enum status sorted_add(struct sorted *s, struct str bytes, int64_t times, int64_t sequence, struct error *err)
{
    CHECK(s->n < s->cap);
    TRY(row_decode(bytes, s->cols, s->schema->n_fields, s->n, err));
    s->times[s->n] = times;
    s->sequences[s->n] = sequence;
    s->index[s->n] = s->n;
    s->n++;
    return ST_OK;
}

static int compare_rows(const struct sorted *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < s->n_order; i++) {
        const struct sort_key *k = &s->order[i];
        const struct column *c = &s->cols[k->column];
        bool na = column_is_null(c, a), nb = column_is_null(c, b);
        if (na || nb) {
            if (na == nb)
                continue;
            return na == k->nulls_first ? -1 : 1;
        }
        int r = column_compare(c, a, c, b);
        if (r)
            return k->descending ? -r : r;
    }
    return s->sequences[a] < s->sequences[b] ? -1 : 1;
}

static int compare_index(const void *pa, const void *pb, void *arg)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return a == b ? 0 : compare_rows(arg, a, b);
}

void sorted_run(struct sorted *s)
{
    if (s->n)
        qsort_r(s->index, s->n, sizeof *s->index, compare_index, s);
}

bool sorted_next(struct sorted *s, uint32_t *ret_row)
{
    while (s->next < s->n && s->done_of >= s->times[s->index[s->next]]) {
        s->next++;
        s->done_of = 0;
    }
    if (s->next >= s->n)
        return false;
    s->done_of++;
    *ret_row = s->index[s->next];
    return true;
}
