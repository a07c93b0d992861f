/* What the files of this room share and nobody else sees. */
#pragma once

#include "data/batch.h"
#include "data/row.h"

/* Sorts index[0..n) in place, ascending: heap sort, so n log n for any input and no memory. `order` gives <0, 0, >0;
 * when it is total (ends with the indexes themselves) the result is deterministic. */
void index_sort(uint32_t *index, uint32_t n, int (*order)(const void *context, uint32_t x, uint32_t y),
                const void *context);

/* Writes one non-null value of a fixed-width form as row_encode does; returns the place behind it. */
uint8_t *row_put_fixed(uint8_t *out, const struct column *c, enum phys phys, uint32_t row, bool exact);

/* "+8", "+08", "+0800", "-08:00", "+05:30:15", whole text; at most 18 hours. */
bool offset_parse(struct str s, int32_t *ret_offset_s);
/* timestamp_print of the moment seen `offset_s` east of where it is stored. */
size_t timestamp_print_at(int64_t v, int32_t precision, int32_t offset_s, char out[48]);
