/* The offsets of a group: topics by name, partitions by number, in sorted arrays.
 *
 * An offset that a transaction commits waits until its marker comes. What the marker needs is made when the offset
 * comes: an entry (which may be there only for it), and a `wait` that hangs on the entry and on its transaction. So
 * the end of a transaction moves values and allocates nothing: it cannot fail. Which of an entry's values counts is
 * decided by the order of their records, as replay would. */
#include "coord/private.h"

static uint32_t topic_at(const struct offsets *o, struct str name, bool *ret_found)
{
    uint32_t from = 0, to = o->n;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int c = str_cmp(o->topics[mid]->name, name);
        if (c == 0) {
            *ret_found = true;
            return mid;
        }
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    *ret_found = false;
    return from;
}

static uint32_t entry_at(const struct offset_topic *t, int32_t partition, bool *ret_found)
{
    uint32_t from = 0, to = t->n;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (t->at[mid].partition < partition)
            from = mid + 1;
        else
            to = mid;
    }
    *ret_found = from < t->n && t->at[from].partition == partition;
    return from;
}

struct offset_topic *offsets_topic(const struct offsets *o, struct str name)
{
    bool found;
    uint32_t i = topic_at(o, name, &found);
    return found ? o->topics[i] : NULL;
}

struct offset_entry *offsets_entry(const struct offset_topic *t, int32_t partition)
{
    bool found;
    uint32_t i = entry_at(t, partition, &found);
    return found ? &t->at[i] : NULL;
}

static struct offset_topic *make_topic(struct coord_groups *g, struct offsets *o, struct str name)
{
    bool found;
    uint32_t i = topic_at(o, name, &found);
    if (found)
        return o->topics[i];
    if (!own_room(g->budget, (void **)&o->topics, &o->cap, o->n, sizeof *o->topics))
        return NULL;
    struct offset_topic *t = mem_calloc(g->budget, sizeof *t);
    if (!t)
        return NULL;
    if (!own_str(g->budget, name, &t->name)) {
        mem_free(g->budget, t, sizeof *t);
        return NULL;
    }
    memmove(o->topics + i + 1, o->topics + i, sizeof *o->topics * (o->n - i));
    o->topics[i] = t;
    o->n++;
    return t;
}

static void drop_topic(struct coord_groups *g, struct offsets *o, struct offset_topic *t)
{
    bool found;
    uint32_t i = topic_at(o, t->name, &found);
    memmove(o->topics + i, o->topics + i + 1, sizeof *o->topics * (o->n - i - 1));
    o->n--;
    own_drop(g->budget, &t->name);
    mem_free(g->budget, t->at, sizeof *t->at * t->cap);
    mem_free(g->budget, t, sizeof *t);
}

struct offset_entry *offsets_make(struct coord_groups *g, struct offsets *o, struct str topic, int32_t partition,
                                  struct offset_topic **ret_topic)
{
    struct offset_topic *t = make_topic(g, o, topic);
    if (!t)
        return NULL;
    *ret_topic = t;
    bool found;
    uint32_t i = entry_at(t, partition, &found);
    if (found)
        return &t->at[i];
    if (!own_room(g->budget, (void **)&t->at, &t->cap, t->n, sizeof *t->at)) {
        if (t->n == 0)
            drop_topic(g, o, t);
        return NULL;
    }
    memmove(t->at + i + 1, t->at + i, sizeof *t->at * (t->n - i));
    t->at[i] = (struct offset_entry){ .partition = partition };
    t->n++;
    o->entries++;
    o->name_bytes += t->name.len;
    return &t->at[i];
}

void offsets_trim(struct coord_groups *g, struct offsets *o, struct str topic, int32_t partition)
{
    struct offset_topic *t = offsets_topic(o, topic);
    struct offset_entry *e = t ? offsets_entry(t, partition) : NULL;
    if (!e || e->set || e->waits)
        return;
    uint32_t i = (uint32_t)(e - t->at);
    memmove(t->at + i, t->at + i + 1, sizeof *t->at * (t->n - i - 1));
    t->n--;
    o->entries--;
    o->name_bytes -= t->name.len;
    if (t->n == 0)
        drop_topic(g, o, t);
}

void offsets_set(struct coord_groups *g, struct offset_entry *e, const struct offset_value *v)
{
    own_drop(g->budget, &e->value.metadata);
    e->value = *v;
    e->set = true;
}

/* ---- transactions ---- */

/* The first of them that does not come before (producer_id, grp). Groups have no order but their addresses. */
static uint32_t txn_at(const struct coord_groups *g, int64_t producer_id, const struct group *grp)
{
    uint32_t from = 0, to = g->n_txns;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        const struct open_txn *x = g->txns[mid];
        if (x->producer_id < producer_id || (x->producer_id == producer_id && (uintptr_t)x->group < (uintptr_t)grp))
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

struct open_txn *offsets_txn(struct coord_groups *g, struct group *grp, int64_t producer_id)
{
    uint32_t i = txn_at(g, producer_id, grp);
    if (i < g->n_txns && g->txns[i]->producer_id == producer_id && g->txns[i]->group == grp)
        return g->txns[i];
    if (!own_room(g->budget, (void **)&g->txns, &g->cap_txns, g->n_txns, sizeof *g->txns))
        return NULL;
    struct open_txn *x = mem_calloc(g->budget, sizeof *x);
    if (!x)
        return NULL;
    *x = (struct open_txn){ .producer_id = producer_id, .group = grp };
    memmove(g->txns + i + 1, g->txns + i, sizeof *g->txns * (g->n_txns - i));
    g->txns[i] = x;
    g->n_txns++;
    return x;
}

static void drop_txn(struct coord_groups *g, struct open_txn *x)
{
    uint32_t i = txn_at(g, x->producer_id, x->group);
    memmove(g->txns + i, g->txns + i + 1, sizeof *g->txns * (g->n_txns - i - 1));
    g->n_txns--;
    mem_free(g->budget, x, sizeof *x);
}

void offsets_txn_trim(struct coord_groups *g, struct open_txn *x)
{
    if (!x->first)
        drop_txn(g, x);
}

void offsets_wait(struct coord_groups *g, struct open_txn *x, struct offset_topic *t, struct offset_entry *e,
                  struct offset_wait *w, const struct offset_value *v)
{
    for (struct offset_wait *there = e->waits; there; there = there->next)
        if (there->txn == x) {
            own_drop(g->budget, &there->value.metadata);
            there->value = *v;
            mem_free(g->budget, w, sizeof *w);
            return;
        }
    *w = (struct offset_wait){ e->waits, NULL, x->first, x, t, e->partition, *v };
    if (x->first)
        x->first->txn_before = w;
    x->first = w;
    e->waits = w;
}

/* Out of both lists. The transaction stays, even with nothing left. */
static void unwait(struct coord_groups *g, struct offset_entry *e, struct offset_wait *w)
{
    struct offset_wait **at = &e->waits;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (w->txn_before)
        w->txn_before->txn_after = w->txn_after;
    else
        w->txn->first = w->txn_after;
    if (w->txn_after)
        w->txn_after->txn_before = w->txn_before;
    own_drop(g->budget, &w->value.metadata);
    mem_free(g->budget, w, sizeof *w);
}

static void end_in_group(struct coord_groups *g, struct open_txn *x, bool commit)
{
    struct group *grp = x->group;
    while (x->first) {
        struct offset_wait *w = x->first;
        struct offset_topic *t = w->topic;
        int32_t partition = w->partition;
        struct offset_entry *e = offsets_entry(t, partition);
        if (commit && (!e->set || w->value.order > e->value.order)) {
            offsets_set(g, e, &w->value);
            w->value.metadata = (struct str){ 0 };
        }
        unwait(g, e, w);
        /* What waited held what was there, too. */
        if (e->set)
            group_arm_expiry(g, grp, e->value.expire_ms >= 0
                                         ? e->value.expire_ms
                                         : coord_after(e->value.commit_ms, g->config.offsets_retention_ms));
        offsets_trim(g, &grp->offsets, t->name, partition);
    }
    drop_txn(g, x);
    /* Nothing may be left of it. */
    if (grp->offsets.entries == 0)
        group_arm_expiry(g, grp, coord_after(grp->state_ms, g->config.expiry_check_ms));
}

void coord_groups_end_txn(struct coord_groups *g, int64_t producer_id, bool commit)
{
    for (;;) {
        uint32_t i = txn_at(g, producer_id, NULL);
        if (i == g->n_txns || g->txns[i]->producer_id != producer_id)
            return;
        end_in_group(g, g->txns[i], commit);
    }
}

/* ---- taking away ---- */

void offsets_forget(struct coord_groups *g, struct group *grp, struct str topic, int32_t partition)
{
    struct offset_topic *t = offsets_topic(&grp->offsets, topic);
    struct offset_entry *e = t ? offsets_entry(t, partition) : NULL;
    if (!e)
        return;
    while (e->waits) {
        struct open_txn *x = e->waits->txn;
        unwait(g, e, e->waits);
        offsets_txn_trim(g, x);
    }
    own_drop(g->budget, &e->value.metadata);
    e->set = false;
    offsets_trim(g, &grp->offsets, topic, partition);
}

void offsets_release(struct coord_groups *g, struct group *grp)
{
    struct offsets *o = &grp->offsets;
    while (o->n) {
        struct offset_topic *t = o->topics[o->n - 1];
        offsets_forget(g, grp, t->name, t->at[t->n - 1].partition);
    }
    mem_free(g->budget, o->topics, sizeof *o->topics * o->cap);
    *o = (struct offsets){ 0 };
}
