/* Window arithmetic. A window is known by its end; panes are the slices that windows share. All in milliseconds of the
 * window's own time line: UTC, or local time for TIMESTAMP_LTZ. */
#pragma once

#include "exec/exec_private.h"

struct windows {
    enum window_kind kind;
    int64_t size, slide, offset, pane;
};

void windows_init(struct windows *w, const struct window_spec *spec);
int64_t windows_pane(const struct windows *w, int64_t t);        /* start of the pane that holds t */
int64_t windows_start(const struct windows *w, int64_t end);     /* of the window that ends at `end` */
int64_t windows_first_end(const struct windows *w, int64_t pane); /* of the first window that holds the pane */
int64_t windows_last_end(const struct windows *w, int64_t pane);
/* Ends go from first to last by this step. */
int64_t windows_step(const struct windows *w);

/* Offset of the window's time line from UTC, in ms. */
int64_t window_zone_ms(const struct window_spec *spec);
/* Milliseconds of a time column's row on the window's time line. */
static inline int64_t window_time(const struct column *c, uint32_t row, int64_t zone_ms)
{
    int64_t v = c->type->precision <= 3 ? c->i64[row] : time_to_ms(c->i64[row], c->type->precision);
    return v + zone_ms;
}

/* ---- merging panes into windows ----
 *
 * The table to put out for a window is the merge of its panes. TUMBLE: the pane itself. CUMULATE: a running table
 * that takes one pane a step. HOP: two stacks: `front` holds for each pane before `middle` the merge of it and all up
 * to the middle; `back` is the running merge of panes from the middle on. A window is front[its first pane] + back.
 * When the middle has been passed, everything in the window becomes front. So each pane is merged about twice however
 * many windows hold it. Works for every aggregate that merges (no inverse is needed). */
struct slices;
struct accumulators;
struct agg_stores;
struct agg_tables;
enum status slices_new(const struct windows *w, struct accumulators *acc, const struct agg_stores *panes, struct op *o,
                       struct slices **ret, struct error *err) MUST_USE;
void slices_free(struct slices *s);
/* A pane that windows already built hold has changed. */
void slices_touch(struct slices *s, int64_t pane);
/* The merged tables of the window; without groups when no pane of it exists. Valid until the next call. */
enum status slices_window(struct slices *s, int64_t end, struct agg_tables *ret, struct error *err) MUST_USE;
