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

int64_t window_zone_ms(const struct window_spec *spec)
{
    return spec->is_ltz ? (int64_t)spec->zone.offset_s * 1000 : 0;
}
