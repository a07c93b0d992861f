/* Window arithmetic, see window.h. Division rounds towards minus infinity, so times before 1970 work. */
#include "exec/window.h"

static int64_t floor_to(int64_t t, int64_t unit, int64_t offset)
{
    int64_t d = t - offset, k = d / unit - (d % unit < 0);
    return k * unit + offset;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

void windows_init(struct windows *w, const struct window_spec *spec)
{
    *w = (struct windows){ spec->kind, spec->size_ms, spec->slide_ms, spec->offset_ms, spec->size_ms };
    if (spec->kind == WINDOW_HOP)
        w->pane = gcd(w->size, w->slide);
    if (spec->kind == WINDOW_CUMULATE)
        w->pane = w->slide;
    if (spec->kind == WINDOW_TUMBLE)
        w->slide = w->size;
}

int64_t windows_pane(const struct windows *w, int64_t t)
{
    return floor_to(t, w->pane, w->offset);
}

int64_t windows_start(const struct windows *w, int64_t end)
{
    return w->kind == WINDOW_CUMULATE ? floor_to(end - 1, w->size, w->offset) : end - w->size;
}

int64_t windows_first_end(const struct windows *w, int64_t pane)
{
    if (w->kind == WINDOW_CUMULATE)
        return pane + w->pane;
    /* the least start that is aligned and > pane - size (so that the pane's last instant is inside) */
    int64_t start = floor_to(pane + w->pane - w->size + w->slide - 1, w->slide, w->offset);
    return start + w->size;
}

int64_t windows_last_end(const struct windows *w, int64_t pane)
{
    if (w->kind == WINDOW_CUMULATE)
        return floor_to(pane, w->size, w->offset) + w->size;
    return floor_to(pane, w->slide, w->offset) + w->size;
}

int64_t windows_step(const struct windows *w)
{
    return w->slide;
}

/* ---- the time line ---- */

#define LOOK_MS INT64_C(900000)       /* offsets are looked up for so long at once */
#define BACK_MS (INT64_C(26) * 3600000) /* clocks are never put back by more */

void window_line_init(struct window_line *l, const struct window_spec *spec)
{
    *l = (struct window_line){ .shift_ms = spec->is_ltz ? (int64_t)spec->zone.offset_s * 1000 : 0 };
    if (spec->is_ltz && spec->zone.rules)
        *l = (struct window_line){ .zone = &spec->zone };
}

int64_t window_line_look(struct window_line *l, int64_t utc_ms)
{
    if (utc_ms < INT64_MIN + BACK_MS || utc_ms > INT64_MAX - BACK_MS)
        return utc_ms;
    l->shift_ms = (int64_t)zone_offset_at(l->zone, utc_ms) * 1000;
    l->from = floor_to(utc_ms, LOOK_MS, 0);
    l->to = l->from + LOOK_MS;
    if ((int64_t)zone_offset_at(l->zone, l->from) * 1000 != l->shift_ms ||
        (int64_t)zone_offset_at(l->zone, l->to - 1) * 1000 != l->shift_ms)
        l->to = l->from; /* a change inside: looked at anew each time */
    return utc_ms + l->shift_ms;
}

/* The line goes back only where the offset gets less; then it stands at that place until it has come there again. */
int64_t window_line_passed(struct window_line *l, int64_t utc_ms)
{
    int64_t here = window_line_at(l, utc_ms);
    if (!l->zone || utc_ms < INT64_MIN + BACK_MS || utc_ms > INT64_MAX - 2 * BACK_MS)
        return here;
    int64_t low = utc_ms, high = utc_ms + BACK_MS;
    int64_t before = (int64_t)zone_offset_at(l->zone, low) * 1000, after = (int64_t)zone_offset_at(l->zone, high) * 1000;
    if (after >= before)
        return here;
    while (high - low > 1) { /* the offset changes in (low, high] */
        int64_t middle = low + (high - low) / 2;
        if ((int64_t)zone_offset_at(l->zone, middle) * 1000 == before)
            low = middle;
        else
            high = middle;
    }
    int64_t again = high + after - 1; /* the least place that is still to come, less one */
    return again < here ? again : here;
}

int64_t window_line_first(const struct window_line *l, int64_t local_ms)
{
    return l->zone ? zone_local_to_utc_ms(l->zone, local_ms) : local_ms - l->shift_ms;
}

int64_t window_line_last(const struct window_line *l, int64_t local_ms)
{
    return l->zone ? zone_local_to_utc_last_ms(l->zone, local_ms) : local_ms - l->shift_ms;
}
