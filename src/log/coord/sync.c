/* SyncGroup, Heartbeat and LeaveGroup.
 *
 * The leader's sync brings the assignment: it is written down with the members, and everybody who waits gets its part.
 * The others wait for it. In a stable group a sync is answered at once, as often as it is asked. */
#include "coord/private.h"

static enum status say(struct coord_groups *g, struct coord_step *step, uint64_t token, int16_t kafka,
                       struct error *err)
{
    if (!step_room(step, 1, 0, 4, sizeof(struct kafka_sync_group_response) + 64))
        return step_refused(step->arena, err);
    group_answer_sync(g, step, token, kafka);
    return group_done(g, err);
}

static bool differs(struct str asked, struct str has)
{
    return asked.ptr && has.ptr && !str_eq(asked, has);
}

static int16_t check_sync(const struct group *grp, const struct kafka_sync_group_request *rq)
{
    if (!grp || grp->state == GROUP_EMPTY)
        return KAFKA_E_UNKNOWN_MEMBER_ID;
    int16_t kafka = group_check(grp, rq->member_id, rq->group_instance_id);
    if (kafka != KAFKA_E_NONE)
        return kafka;
    if (rq->generation_id != grp->generation)
        return KAFKA_E_ILLEGAL_GENERATION;
    if (differs(rq->protocol_type, grp->protocol_type) || differs(rq->protocol_name, group_protocol_name(grp)))
        return KAFKA_E_INCONSISTENT_GROUP_PROTOCOL;
    return grp->state == GROUP_PREPARING ? KAFKA_E_REBALANCE_IN_PROGRESS : KAFKA_E_NONE;
}

static void answer_assigned(struct coord_groups *g, const struct group *grp, const struct group_member *m,
                            uint64_t token, struct coord_step *step)
{
    struct kafka_sync_group_response *r = group_answer_sync(g, step, token, KAFKA_E_NONE);
    if (!r)
        return;
    r->protocol_type = step_str(step->arena, grp->protocol_type);
    r->protocol_name = step_str(step->arena, group_protocol_name(grp));
    r->assignment = step_str(step->arena, m->assignment.ptr ? m->assignment : STR(""));
    if ((grp->protocol_type.ptr && !r->protocol_type.ptr) || !r->protocol_name.ptr || !r->assignment.ptr)
        g->broken = true;
}

/* What the leader brings, in the order of the members, in copies of the coordinator's own. */
static enum status take_assignments(struct coord_groups *g, const struct group *grp,
                                    const struct kafka_sync_group_request *rq, struct arena *a, struct str **ret,
                                    struct error *err)
{
    struct str *own = ARENA_ARRAY(a, struct str, grp->n_members);
    bool good = own;
    for (uint32_t i = 0; good && i < rq->n_assignments; i++) {
        const struct group_member *m = group_member(grp, rq->assignments[i].member_id);
        if (!m)
            continue;
        uint32_t at = 0;
        while (grp->members[at] != m)
            at++;
        own_drop(g->budget, &own[at]);
        good = own_str(g->budget, rq->assignments[i].assignment, &own[at]);
    }
    if (good) {
        *ret = own;
        return ST_OK;
    }
    for (uint32_t i = 0; own && i < grp->n_members; i++)
        own_drop(g->budget, &own[i]);
    return own ? budget_error(g->budget, 0, err) : step_refused(a, err);
}

static bool too_large(const struct coord_groups *g, const struct group *grp, const struct kafka_sync_group_request *rq)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < rq->n_assignments; i++) {
        if (rq->assignments[i].assignment.len > g->config.member_bytes_max)
            return true;
        bytes += rq->assignments[i].assignment.len;
    }
    for (uint32_t i = 0; i < grp->n_members; i++)
        bytes += grp->members[i]->bytes + group_metadata(grp->members[i], group_protocol_name(grp)).len;
    return bytes > g->config.record_bytes_max;
}

static enum status lead(struct coord_groups *g, struct group *grp, const struct coord_client *c,
                        const struct kafka_sync_group_request *rq, int64_t now_ms, struct coord_step *step,
                        struct error *err)
{
    struct str *own;
    uint32_t records = step->records.count;
    TRY(take_assignments(g, grp, rq, step->arena, &own, err));
    int64_t state_ms = grp->state_ms;
    grp->state_ms = now_ms; /* as it will be, for the record */
    enum status st = group_record(g, grp, own, step, err);
    size_t bytes = 0;
    for (uint32_t i = 0; i < grp->n_members; i++)
        bytes += own[i].len;
    if (st == ST_OK && !group_room(g, grp, step, false, (struct group_more){ .once = bytes }))
        st = step_refused(step->arena, err);
    if (st != ST_OK) {
        grp->state_ms = state_ms;
        step_undo(step, records);
        for (uint32_t i = 0; i < grp->n_members; i++)
            own_drop(g->budget, &own[i]);
        return st;
    }
    struct group_member *leader = grp->leader;
    if (leader->waits_sync)
        group_answer_sync(g, step, leader->sync_token, KAFKA_E_REBALANCE_IN_PROGRESS);
    leader->waits_sync = true;
    leader->sync_token = c->token;
    leader->owes_sync = false;
    group_set_state(grp, GROUP_STABLE, now_ms);
    for (uint32_t i = 0; i < grp->n_members; i++) {
        struct group_member *m = grp->members[i];
        own_drop(g->budget, &m->assignment);
        m->assignment = own[i];
        if (!m->waits_sync)
            continue;
        m->waits_sync = false;
        answer_assigned(g, grp, m, m->sync_token, step);
        group_session(g, grp, m, now_ms);
    }
    if (grp->offsets.entries)
        group_arm_expiry(g, grp, coord_after(now_ms, g->config.expiry_check_ms));
    return group_done(g, err);
}

enum status coord_groups_sync(struct coord_groups *g, const struct coord_client *c,
                              const struct kafka_sync_group_request *rq, int64_t now_ms, struct coord_step *step,
                              struct error *err)
{
    if (rq->group_id.len == 0)
        return say(g, step, c->token, KAFKA_E_INVALID_GROUP_ID, err);
    struct group *grp = group_find(g, rq->group_id);
    int16_t kafka = check_sync(grp, rq);
    if (kafka != KAFKA_E_NONE)
        return say(g, step, c->token, kafka, err);
    struct group_member *m = group_member(grp, rq->member_id);
    if (grp->state == GROUP_COMPLETING && m == grp->leader)
        return too_large(g, grp, rq) ? say(g, step, c->token, KAFKA_E_UNKNOWN_SERVER_ERROR, err)
                                     : lead(g, grp, c, rq, now_ms, step, err);
    if (!group_room(g, grp, step, false, GROUP_NO_MORE))
        return step_refused(step->arena, err);
    m->owes_sync = false;
    if (grp->state == GROUP_STABLE) {
        answer_assigned(g, grp, m, c->token, step);
        return group_done(g, err);
    }
    if (m->waits_sync)
        group_answer_sync(g, step, m->sync_token, KAFKA_E_REBALANCE_IN_PROGRESS);
    m->waits_sync = true;
    m->sync_token = c->token;
    return group_done(g, err);
}

/* ---- heartbeat ---- */

enum status coord_groups_heartbeat(struct coord_groups *g, const struct kafka_heartbeat_request *rq, int64_t now_ms,
                                   struct kafka_heartbeat_response *ret, struct error *err)
{
    (void)err;
    KAFKA_INIT(heartbeat_response, ret);
    struct group *grp = group_find(g, rq->group_id);
    ret->error_code = rq->group_id.len == 0 ? KAFKA_E_INVALID_GROUP_ID
                      : !grp                ? KAFKA_E_UNKNOWN_MEMBER_ID
                                            : group_check(grp, rq->member_id, rq->group_instance_id);
    if (ret->error_code != KAFKA_E_NONE)
        return ST_OK;
    if (rq->generation_id != grp->generation) {
        ret->error_code = KAFKA_E_ILLEGAL_GENERATION;
        return ST_OK;
    }
    group_session(g, grp, group_member(grp, rq->member_id), now_ms);
    if (grp->state == GROUP_PREPARING)
        ret->error_code = KAFKA_E_REBALANCE_IN_PROGRESS;
    return ST_OK;
}

/* ---- leave ---- */

static int16_t leave_one(struct coord_groups *g, struct group *grp, struct str id, struct str instance_id,
                         struct coord_step *step)
{
    struct group_member *m = NULL;
    if (id.len == 0) { /* an administrator names a static member */
        m = instance_id.ptr ? group_static(grp, instance_id) : NULL;
        if (!m)
            return KAFKA_E_UNKNOWN_MEMBER_ID;
    } else if (group_is_pending(grp, id)) {
        group_remove_pending(g, grp, id);
        return KAFKA_E_NONE;
    } else {
        int16_t kafka = group_check(grp, id, instance_id);
        if (kafka != KAFKA_E_NONE)
            return kafka;
        m = group_member(grp, id);
    }
    group_drop_member(g, grp, m, step);
    return KAFKA_E_NONE;
}

enum status coord_groups_leave(struct coord_groups *g, const struct coord_client *c,
                               const struct kafka_leave_group_request *rq, int64_t now_ms, struct coord_step *step,
                               struct kafka_leave_group_response *ret, struct error *err)
{
    struct kafka_leave_group_response r;
    KAFKA_INIT(leave_group_response, &r);
    struct kafka_leave_group_request_member one = { .member_id = rq->member_id };
    const struct kafka_leave_group_request_member *who = c->version < 3 ? &one : rq->members;
    uint32_t n = c->version < 3 ? 1 : rq->n_members;
    struct group *grp = group_find(g, rq->group_id);
    if (rq->group_id.len == 0) {
        r.error_code = KAFKA_E_INVALID_GROUP_ID;
        *ret = r;
        return ST_OK;
    }
    r.members = KAFKA_NEW(step->arena, leave_group_response_member, n);
    bool good = r.members;
    for (uint32_t i = 0; good && i < n; i++) {
        r.members[i].member_id = step_str(step->arena, who[i].member_id);
        r.members[i].group_instance_id = step_str(step->arena, who[i].group_instance_id);
        good = r.members[i].member_id.ptr && !r.members[i].group_instance_id.ptr == !who[i].group_instance_id.ptr;
    }
    if (!good || (grp && !group_room(g, grp, step, true, GROUP_NO_MORE)))
        return step_refused(step->arena, err);
    r.n_members = n;
    bool left = false;
    for (uint32_t i = 0; i < n; i++) {
        struct kafka_leave_group_response_member *m = &r.members[i];
        m->error_code = grp ? leave_one(g, grp, m->member_id, m->group_instance_id, step) : KAFKA_E_UNKNOWN_MEMBER_ID;
        left |= m->error_code == KAFKA_E_NONE;
    }
    if (left && grp->state != GROUP_EMPTY)
        group_changed(g, grp, now_ms, step);
    if (c->version < 3)
        r.error_code = r.members[0].error_code;
    *ret = r;
    return group_done(g, err);
}
