/* The registry of groups: by name in a map, by deadline in a heap.
 *
 * A group's place in the heap is a lower bound of its deadlines: what comes sooner moves it at once, what is put off
 * does not. So a heartbeat costs no more than the member's own field; a tick that finds nothing due sets the bound
 * anew. A sound group costs one vain look a session timeout. */
#include "coord/private.h"

const struct coord_groups_config coord_groups_defaults = {
    .min_session_ms = 6000,
    .max_session_ms = 1800000,
    .initial_delay_ms = 0,
    .new_member_join_ms = 300000,
    .offsets_retention_ms = (int64_t)7 * 24 * 3600 * 1000,
    .expiry_check_ms = 600000,
    .offset_metadata_max = 4096,
    .members_max = 2048,
    .member_bytes_max = 1 << 20,
    .record_bytes_max = 8 << 20,
    .groups_max = 100000,
    .offsets_max = 200000,
    .tombstones_max = 10000,
};

#define SCRATCH_MAX ((size_t)256 << 20)
#define SCRATCH_KEPT ((size_t)64 << 10)

enum status coord_groups_new(const struct coord_groups_config *config, struct budget *budget,
                             struct coord_groups **ret, struct error *err)
{
    struct coord_groups *g = mem_calloc(budget, sizeof *g);
    if (!g)
        return budget_error(budget, sizeof *g, err);
    g->config = *config;
    g->budget = budget;
    arena_init(&g->names, budget);
    map_init(&g->by_id, &g->names, false);
    g->heap.budget = budget;
    buf_init(&g->scratch, budget, SCRATCH_MAX);
    *ret = g;
    return ST_OK;
}

void coord_groups_free(struct coord_groups *g)
{
    if (!g)
        return;
    for (struct map_entry *e = map_next(&g->by_id, NULL); e; e = map_next(&g->by_id, e))
        group_free(g, e->value);
    struct budget *b = g->budget;
    mem_free(b, g->heap.at, sizeof *g->heap.at * g->heap.cap);
    mem_free(b, g->txns, sizeof *g->txns * g->cap_txns);
    buf_release(&g->scratch);
    arena_release(&g->names);
    mem_free(b, g, sizeof *g);
}

struct group *group_find(const struct coord_groups *g, struct str id)
{
    return map_get(&g->by_id, id);
}

enum status group_admit(struct coord_groups *g, struct str id, int64_t now_ms, struct group **ret, struct error *err)
{
    if (g->by_id.live >= g->config.groups_max)
        return error_set(err, ST_LIMIT, "there are %u groups already", g->by_id.live);
    return group_new(g, id, now_ms, ret, err);
}

enum status group_new(struct coord_groups *g, struct str id, int64_t now_ms, struct group **ret, struct error *err)
{
    struct group *grp = mem_calloc(g->budget, sizeof *grp);
    if (!grp)
        return budget_error(g->budget, sizeof *grp, err);
    grp->state_ms = now_ms;
    grp->join_due_ms = grp->sync_due_ms = grp->expiry_due_ms = COORD_NEVER;
    buf_init(&grp->protocol, g->budget, INT16_MAX);
    if (!own_str(g->budget, id, &grp->id) || !due_add(&g->heap, &grp->due, COORD_NEVER))
        goto refused;
    if (!map_put(&g->by_id, grp->id, grp)) {
        due_remove(&g->heap, &grp->due);
        goto refused;
    }
    /* A group that nothing comes to goes again. */
    group_arm_expiry(g, grp, coord_after(now_ms, g->config.expiry_check_ms));
    *ret = grp;
    return ST_OK;
refused:
    own_drop(g->budget, &grp->id);
    mem_free(g->budget, grp, sizeof *grp);
    return budget_error(g->budget, 0, err);
}

void group_free(struct coord_groups *g, struct group *grp)
{
    struct budget *b = g->budget;
    map_remove(&g->by_id, grp->id);
    due_remove(&g->heap, &grp->due);
    offsets_release(g, grp);
    for (uint32_t i = 0; i < grp->n_members; i++)
        group_member_free(g, grp->members[i]);
    mem_free(b, grp->members, sizeof *grp->members * grp->cap_members);
    for (uint32_t i = 0; i < grp->n_pending; i++)
        own_drop(b, &grp->pending[i].id);
    mem_free(b, grp->pending, sizeof *grp->pending * grp->cap_pending);
    own_drop(b, &grp->protocol_type);
    buf_release(&grp->protocol);
    own_drop(b, &grp->id);
    mem_free(b, grp, sizeof *grp);
}

/* ---- deadlines ---- */

void group_due_by(struct coord_groups *g, struct group *grp, int64_t at_ms)
{
    if (at_ms < grp->due.at_ms)
        due_move(&g->heap, &grp->due, at_ms);
}

void group_arm_expiry(struct coord_groups *g, struct group *grp, int64_t at_ms)
{
    if (at_ms < grp->expiry_due_ms)
        grp->expiry_due_ms = at_ms;
    group_due_by(g, grp, at_ms);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_due(const struct group *grp)
{
    int64_t at = least(grp->join_due_ms, least(grp->sync_due_ms, grp->expiry_due_ms));
    for (uint32_t i = 0; i < grp->n_members; i++)
        at = least(at, grp->members[i]->due_ms);
    for (uint32_t i = 0; i < grp->n_pending; i++)
        at = least(at, grp->pending[i].due_ms);
    return at;
}

int64_t coord_groups_deadline(const struct coord_groups *g)
{
    return due_first(&g->heap);
}

enum status group_done(const struct coord_groups *g, struct error *err)
{
    if (g->broken)
        return error_set(err, ST_BUG, "a coordinator's step was larger than what had been set aside for it");
    return ST_OK;
}

/* One group that is due. What cannot be done for want of memory is tried again. */
static enum status tick_group(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step,
                              struct error *err)
{
    uint32_t records = step->records.count;
    enum status st = ST_OK;
    bool gone = false;
    if (!group_room(g, grp, step, true, GROUP_NO_MORE))
        st = ST_MEMORY;
    else
        group_timers(g, grp, now_ms, step);
    if (st == ST_OK && grp->expiry_due_ms <= now_ms) {
        records = step->records.count;
        st = group_expire(g, grp, now_ms, step, &gone, err);
    }
    if (gone)
        return group_done(g, err);
    if (st != ST_OK)
        step_undo(step, records);
    due_move(&g->heap, &grp->due, st == ST_OK ? next_due(grp) : coord_after(now_ms, COORD_RETRY_MS));
    return group_done(g, err);
}

enum status coord_groups_tick(struct coord_groups *g, int64_t now_ms, struct coord_step *step, struct error *err)
{
    for (int i = 0; i < COORD_TICK_GROUPS && due_first(&g->heap) <= now_ms && !step_is_large(step); i++)
        TRY(tick_group(g, (struct group *)g->heap.at[0], now_ms, step, err));
    if (g->scratch.cap > SCRATCH_KEPT)
        buf_release(&g->scratch);
    return ST_OK;
}

/* ---- begin and end ---- */

enum status coord_groups_loaded(struct coord_groups *g, int64_t now_ms, struct coord_step *step, struct error *err)
{
    for (struct map_entry *e = map_next(&g->by_id, NULL); e; e = map_next(&g->by_id, e)) {
        struct group *grp = e->value;
        for (uint32_t i = 0; i < grp->n_members; i++)
            group_session(g, grp, grp->members[i], now_ms);
        group_arm_expiry(g, grp, coord_after(now_ms, g->config.expiry_check_ms));
        if (grp->n_members <= g->config.members_max)
            continue;
        /* The limit has become smaller. Nobody waits yet, so that this answers nobody. */
        if (!group_room(g, grp, step, false, GROUP_NO_MORE))
            return step_refused(step->arena, err);
        group_prepare(g, grp, now_ms, step);
    }
    return group_done(g, err);
}

enum status coord_groups_unload(struct coord_groups *g, int16_t kafka_error, struct coord_step *step,
                                struct error *err)
{
    for (struct map_entry *e = map_next(&g->by_id, NULL); e; e = map_next(&g->by_id, e)) {
        struct group *grp = e->value;
        if (!group_room(g, grp, step, false, GROUP_NO_MORE))
            return step_refused(step->arena, err);
        for (uint32_t i = 0; i < grp->n_members; i++) {
            struct group_member *m = grp->members[i];
            if (m->waits_join) {
                group_answer_join(g, step, m->join_token, kafka_error, m->id);
                m->waits_join = false;
                grp->n_waiting--;
            }
            if (m->waits_sync) {
                group_answer_sync(g, step, m->sync_token, kafka_error);
                m->waits_sync = false;
            }
        }
    }
    return group_done(g, err);
}
