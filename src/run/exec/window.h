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

/* The window's time line against UTC: local time of a zone, where clocks may be put back, so that moments later come
 * earlier on the line. */
struct window_line {
    const struct zone *zone; /* NULL: `shift_ms` holds for ever */
    int64_t shift_ms, from, to; /* for moments in [from, to) */
};
void window_line_init(struct window_line *l, const struct window_spec *spec);
int64_t window_line_look(struct window_line *l, int64_t utc_ms);
static inline int64_t window_line_at(struct window_line *l, int64_t utc_ms)
{
    return !l->zone || (utc_ms >= l->from && utc_ms < l->to) ? utc_ms + l->shift_ms : window_line_look(l, utc_ms);
}
/* Where the line stands when everything up to a moment has come: no later moment lies at or before it. */
int64_t window_line_passed(struct window_line *l, int64_t utc_ms);
/* A moment at that place of the line, the first or the last one. */
int64_t window_line_first(const struct window_line *l, int64_t local_ms);
int64_t window_line_last(const struct window_line *l, int64_t local_ms);

/* Milliseconds of a time column's row. */
static inline int64_t window_time(const struct column *c, uint32_t row)
{
    return c->type->precision <= 3 ? c->i64[row] : time_to_ms(c->i64[row], c->type->precision);
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
