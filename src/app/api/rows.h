/* The 'rows' connector: a query's committed batches, queued for weir_next_row. One query at a time per engine. */
#pragma once

#include "engine/engine.h"

struct rows_queue;
struct rows_queue *rows_new(struct os *os, struct budget *b); /* NULL: refused */
void rows_free(struct rows_queue *q);
void rows_clear(struct rows_queue *q); /* between queries, when no job writes */
/* The next committed batch, valid until the next call; NULL: none now. */
const struct batch *rows_next(struct rows_queue *q);

/* Finds its queue in connect_extra.print_arg. */
extern const struct connector rows_connector;
