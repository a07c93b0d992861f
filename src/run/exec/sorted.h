/* Kept rows in order: rows come as bytes, are decoded into wide columns, an index over them is sorted, and they go out one by one, each as
 * often as it was kept. Rows that tie keep their order of arrival. */
#pragma once

#include "exec/exec_private.h"

struct sorted {
    struct budget *budget;
    const struct schema *schema;
    const struct sort_key *order;
    uint32_t n_order;
    struct column *cols; /* every row once: wider than a batch may be */
    int64_t *times, *sequences;
    uint32_t *index;
    uint32_t n, cap, next;
    int64_t done_of; /* copies of index[next] that have gone */
};

void sorted_init(struct sorted *s, const struct schema *schema, const struct sort_key *order, uint32_t n_order,
                 struct budget *b);
void sorted_release(struct sorted *s);
/* Forgets all rows; room for `n`. */
bool sorted_reserve(struct sorted *s, uint32_t n) MUST_USE;
bool sorted_widen(struct sorted *s) MUST_USE; /* twice the room; rows stay */
enum status sorted_add(struct sorted *s, struct str bytes, int64_t times, int64_t sequence, struct error *err) MUST_USE;
void sorted_run(struct sorted *s);
bool sorted_next(struct sorted *s, uint32_t *ret_row); /* of cols; false: there is none */
