/* Connections of users: opened when needed, given up when the machine behind has ended, when they break, or when nothing is
 * heard for too long. */
#include "world.h"

void line_drop(struct line *l)
{
    client_close(l->c);
    l->c = NULL;
    l->asked_ns = 0;
}

void line_rest(struct world *w, struct line *l, int64_t ms) { l->again_ns = now_ns(w) + ms * 1000000; }

bool line_ready(struct world *w, struct line *l)
{
    if (l->asked_ns || now_ns(w) < l->again_ns)
        return false;
    if (l->c && l->life != w->life)
        line_drop(l);
    if (!l->c) {
        struct client_options o = { .os = w->far, .at = w->at, .client_id = STR("house") };
        l->life = w->life;
        if (client_open(&o, &l->c, NULL) != ST_OK)
            return false;
    }
    return true;
}

bool line_ask(struct world *w, struct line *l, int16_t key, int16_t version, const void *request)
{
    l->since = w->h.n;
    l->asked_ns = now_ns(w) + 1;
    if (client_send(l->c, key, version, request, false, NULL) == ST_OK)
        return true;
    line_drop(l);
    line_rest(w, l, 1);
    return false;
}

enum heard line_hear(struct world *w, struct line *l, struct client_reply *r)
{
    if (!l->c || (!l->asked_ns && l->life == w->life))
        return HEARD_NOTHING;
    enum status st = l->life == w->life ? client_next(l->c, 0, r, NULL) : ST_UNREACHABLE;
    if (st == ST_OK && r->key >= 0) {
        l->asked_ns = 0;
        return HEARD_ANSWER;
    }
    if (st == ST_OK && now_ns(w) - l->asked_ns < PATIENCE_NS)
        return HEARD_NOTHING;
    line_drop(l);
    line_rest(w, l, (int64_t)below(w, 3));
    return HEARD_BROKEN;
}
