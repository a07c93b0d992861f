/* JoinGroup: who is it, may it come in, and what follows.
 *
 * From version 4 a new member is first told its id and must come again with it, so that a client whose answer got lost
 * does not leave a ghost behind; until then it is pending, and a rebalance waits for it. A static member (one with an
 * instance id) that comes without an id takes the place of the one before, which is fenced; when the group is stable
 * and its protocol stays, that needs no rebalance.
 *
 * The parts that can be refused (the member's block, places in lists, the answers' room) are made first. */
#include "coord/private.h"

struct join {
    struct coord_groups *g;
    struct group *grp;
    const struct coord_client *c;
    const struct kafka_join_group_request *rq;
    int64_t now_ms;
    struct coord_step *step;
    struct error *err;
    int32_t rebalance_ms;
};

/* A refusal as an answer. */
static enum status say(struct join *j, int16_t kafka, struct str member_id)
{
    if (!step_room(j->step, 1, 0, 8, sizeof(struct kafka_join_group_response) + member_id.len + 64))
        return step_refused(j->step->arena, j->err);
    group_answer_join(j->g, j->step, j->c->token, kafka, member_id);
    return group_done(j->g, j->err);
}

static enum status no_memory(struct join *j)
{
    return budget_error(j->g->budget, 0, j->err);
}

static bool make_protocols(struct join *j, struct group_protocols *ret)
{
    struct group_protocol at[COORD_PROTOCOLS_MAX];
    for (uint32_t i = 0; i < j->rq->n_protocols; i++)
        at[i] = (struct group_protocol){ j->rq->protocols[i].name, j->rq->protocols[i].metadata };
    return group_protocols_make(j->g, at, j->rq->n_protocols, ret);
}

/* Room for what follows when this member waits, too; `more` is 1 for one that is not there yet. */
static bool room(struct join *j, uint32_t more)
{
    const struct group *grp = j->grp;
    struct group_more m = { 0 };
    for (uint32_t i = 0; i < j->rq->n_protocols; i++) {
        const struct kafka_join_group_request_protocol *p = &j->rq->protocols[i];
        m.once = p->metadata.len > m.once ? p->metadata.len : m.once;
        m.name = p->name.len > m.name ? p->name.len : m.name;
    }
    size_t id = j->rq->member_id.len + j->rq->group_instance_id.len + j->c->client_id.len + 64;
    m.each = id + j->rq->protocol_type.len;
    m.once += 2 * id;
    bool completes = grp->n_waiting + 1 >= grp->n_members + more && grp->n_pending <= 1;
    return group_room(j->g, j->grp, j->step, completes, m);
}

/* The member waits; a request of it that waited before is told to come again. */
static void wait_join(struct join *j, struct group_member *m)
{
    if (m->waits_join)
        group_answer_join(j->g, j->step, m->join_token, KAFKA_E_REBALANCE_IN_PROGRESS, m->id);
    else
        j->grp->n_waiting++;
    m->waits_join = true;
    m->join_token = j->c->token;
}

static enum status add_member(struct join *j, struct str id)
{
    struct coord_groups *g = j->g;
    struct group *grp = j->grp;
    struct str type = { 0 };
    struct group_member *m = group_member_new(g, id, j->rq->group_instance_id, j->c->client_id, j->c->client_host);
    if (!m || !make_protocols(j, &m->protocols) ||
        !own_room(g->budget, (void **)&grp->members, &grp->cap_members, grp->n_members, sizeof *grp->members) ||
        (grp->n_members == 0 && !own_str(g->budget, j->rq->protocol_type, &type)) || !room(j, 1)) {
        own_drop(g->budget, &type);
        group_member_free(g, m);
        return no_memory(j);
    }
    m->session_ms = j->rq->session_timeout_ms;
    m->rebalance_ms = j->rebalance_ms;
    m->is_new = true;
    if (grp->state == GROUP_PREPARING && grp->before == GROUP_EMPTY)
        grp->joined_since = true;
    if (grp->n_members == 0) {
        own_drop(g->budget, &grp->protocol_type);
        grp->protocol_type = type;
    }
    group_remove_pending(g, grp, id);
    grp->members[grp->n_members++] = m;
    if (!grp->leader)
        grp->leader = m;
    wait_join(j, m);
    /* It cannot send heartbeats before it knows its id; a client that went away would otherwise stay for ever. */
    m->due_ms = coord_after(j->now_ms, g->config.new_member_join_ms);
    group_due_by(g, grp, m->due_ms);
    group_changed(g, grp, j->now_ms, j->step);
    return group_done(g, j->err);
}

static enum status update_member(struct join *j, struct group_member *m)
{
    struct group_protocols protocols;
    if (!make_protocols(j, &protocols))
        return no_memory(j);
    if (!room(j, 0)) {
        group_protocols_drop(j->g, &protocols);
        return step_refused(j->step->arena, j->err);
    }
    group_protocols_drop(j->g, &m->protocols);
    m->protocols = protocols;
    m->session_ms = j->rq->session_timeout_ms;
    m->rebalance_ms = j->rebalance_ms;
    wait_join(j, m);
    group_changed(j->g, j->grp, j->now_ms, j->step);
    return group_done(j->g, j->err);
}

static bool protocols_match(const struct join *j, const struct group_member *m)
{
    if (m->protocols.n != j->rq->n_protocols)
        return false;
    for (uint32_t i = 0; i < m->protocols.n; i++)
        if (!str_eq(m->protocols.at[i].name, j->rq->protocols[i].name) ||
            !str_eq(m->protocols.at[i].metadata, j->rq->protocols[i].metadata))
            return false;
    return true;
}

/* ---- static members ---- */

/* The new one in the old one's place, and back. */
static void swap_member(struct group *grp, struct group_member *from, struct group_member *to)
{
    uint32_t i = 0;
    while (grp->members[i] != from)
        i++;
    grp->members[i] = to;
    if (grp->leader == from)
        grp->leader = to;
}

static void fence(struct join *j, struct group_member *old)
{
    if (old->waits_join) {
        group_answer_join(j->g, j->step, old->join_token, KAFKA_E_FENCED_INSTANCE_ID, old->id);
        j->grp->n_waiting--;
    }
    if (old->waits_sync)
        group_answer_sync(j->g, j->step, old->sync_token, KAFKA_E_FENCED_INSTANCE_ID);
}

/* A stable group whose protocol stays: it only gets the member's new id, and the member what the group has. */
static bool stays_stable(struct join *j)
{
    const struct group *grp = j->grp;
    if (grp->state != GROUP_STABLE || !str_eq(group_select(grp), group_protocol_name(grp)))
        return false;
    size_t bytes = 0;
    for (uint32_t i = 0; i < grp->n_members; i++)
        bytes += grp->members[i]->bytes + grp->members[i]->assignment.len +
                 group_metadata(grp->members[i], group_protocol_name(grp)).len;
    return bytes <= j->g->config.record_bytes_max;
}

static enum status replace_member(struct join *j, struct group_member *old, struct str id)
{
    struct coord_groups *g = j->g;
    struct group *grp = j->grp;
    struct group_member *m = group_member_new(g, id, old->instance_id, old->client_id, old->client_host);
    if (!m || !make_protocols(j, &m->protocols) || !own_str(g->budget, old->assignment, &m->assignment)) {
        group_member_free(g, m);
        return no_memory(j);
    }
    m->session_ms = j->rq->session_timeout_ms;
    m->rebalance_ms = j->rebalance_ms;
    bool led = grp->leader == old;
    swap_member(grp, old, m);
    uint32_t records = j->step->records.count;
    bool stable = stays_stable(j) && !log_bug(g->config.planted, LOG_BUG_STATIC_REBALANCE);
    bool kept = stable && !log_bug(g->config.planted, LOG_BUG_STATIC_MEMORY);
    enum status st = kept ? group_record(g, grp, NULL, j->step, j->err) : ST_OK;
    if (st == ST_OK && !(stable ? group_room(g, grp, j->step, true, GROUP_NO_MORE) : room(j, 0)))
        st = step_refused(j->step->arena, j->err);
    if (st != ST_OK) {
        step_undo(j->step, records);
        swap_member(grp, m, old);
        group_member_free(g, m);
        return st;
    }
    fence(j, old);
    group_session(g, grp, m, j->now_ms);
    if (stable) {
        /* Before version 9 a leader that is to skip its duty is told that the one before still leads. */
        bool leads = led && j->c->version >= 9;
        struct str leader = led && !leads ? old->id : grp->leader->id;
        group_answer_joined(g, grp, j->step, j->c->token, m->id, leader, leads, leads);
    } else {
        wait_join(j, m);
        group_changed(g, grp, j->now_ms, j->step);
    }
    group_member_free(g, old);
    return group_done(g, j->err);
}

/* ---- who is it ---- */

/* Kafka's ids: the client's or the instance's name, and a UUID. */
static struct str new_id(struct join *j)
{
    enum { UUID_TEXT = 36 };
    struct str name = j->rq->group_instance_id.ptr ? j->rq->group_instance_id : j->c->client_id;
    if (name.len > INT16_MAX - UUID_TEXT - 1)
        name.len = INT16_MAX - UUID_TEXT - 1;
    char uuid[UUID_TEXT], *to = uuid;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = "0123456789abcdef"[j->c->fresh.bytes[i] >> 4];
        *to++ = "0123456789abcdef"[j->c->fresh.bytes[i] & 15];
    }
    char *p = arena_alloc_aligned(j->step->arena, name.len + 1 + UUID_TEXT, 1);
    if (!p)
        return (struct str){ 0 };
    if (name.len)
        memcpy(p, name.ptr, name.len);
    p[name.len] = '-';
    memcpy(p + name.len + 1, uuid, UUID_TEXT);
    return str_make(p, name.len + 1 + UUID_TEXT);
}

static enum status ask_for_id(struct join *j, struct str id)
{
    struct coord_groups *g = j->g;
    struct group *grp = j->grp;
    struct str own;
    if (grp->n_pending >= g->config.members_max)
        return say(j, KAFKA_E_GROUP_MAX_SIZE_REACHED, STR(""));
    if (!own_room(g->budget, (void **)&grp->pending, &grp->cap_pending, grp->n_pending, sizeof *grp->pending) ||
        !own_str(g->budget, id, &own))
        return no_memory(j);
    enum status st = say(j, KAFKA_E_MEMBER_ID_REQUIRED, id);
    if (st != ST_OK) {
        own_drop(g->budget, &own);
        return st;
    }
    int64_t due_ms = coord_after(j->now_ms, j->rq->session_timeout_ms);
    grp->pending[grp->n_pending++] = (struct group_pending){ own, due_ms };
    group_due_by(g, grp, due_ms);
    return ST_OK;
}

static enum status join_new(struct join *j)
{
    if (!group_supports(j->grp, j->rq->protocol_type, j->rq->protocols, j->rq->n_protocols))
        return say(j, KAFKA_E_INCONSISTENT_GROUP_PROTOCOL, STR(""));
    struct str id = new_id(j);
    if (!id.ptr)
        return step_refused(j->step->arena, j->err);
    if (group_member(j->grp, id) || group_is_pending(j->grp, id))
        return say(j, KAFKA_E_UNKNOWN_SERVER_ERROR, STR("")); /* `fresh` was not */
    if (j->rq->group_instance_id.ptr) {
        struct group_member *old = group_static(j->grp, j->rq->group_instance_id);
        return old ? replace_member(j, old, id) : add_member(j, id);
    }
    return j->c->version >= 4 ? ask_for_id(j, id) : add_member(j, id);
}

static enum status tell_generation(struct join *j, const struct group_member *m)
{
    if (!group_room(j->g, j->grp, j->step, true, GROUP_NO_MORE))
        return step_refused(j->step->arena, j->err);
    group_answer_joined(j->g, j->grp, j->step, j->c->token, m->id, j->grp->leader->id, m == j->grp->leader, false);
    return group_done(j->g, j->err);
}

static enum status join_known(struct join *j)
{
    struct group *grp = j->grp;
    struct str id = j->rq->member_id;
    if (!group_supports(grp, j->rq->protocol_type, j->rq->protocols, j->rq->n_protocols))
        return say(j, KAFKA_E_INCONSISTENT_GROUP_PROTOCOL, id);
    if (group_is_pending(grp, id)) /* never a static one */
        return j->rq->group_instance_id.ptr ? say(j, KAFKA_E_UNKNOWN_SERVER_ERROR, STR("")) : add_member(j, id);
    int16_t kafka = group_check(grp, id, j->rq->group_instance_id);
    if (kafka != KAFKA_E_NONE)
        return say(j, kafka, id);
    struct group_member *m = group_member(grp, id);
    switch (grp->state) {
    case GROUP_EMPTY:
        break; /* has no members */
    case GROUP_PREPARING:
        return update_member(j, m);
    case GROUP_COMPLETING: /* perhaps it did not get the answer */
        return protocols_match(j, m) ? tell_generation(j, m) : update_member(j, m);
    case GROUP_STABLE: /* a leader that joins wants a rebalance, whatever for */
        return protocols_match(j, m) && m != grp->leader ? tell_generation(j, m) : update_member(j, m);
    }
    return say(j, KAFKA_E_UNKNOWN_MEMBER_ID, id);
}

/* Whether the group with this member is more than its record, and its leader's answer, may be. */
static bool too_heavy(const struct join *j)
{
    size_t bytes = j->c->client_id.len + j->rq->group_instance_id.len, own = 0;
    for (uint32_t i = 0; i < j->rq->n_protocols; i++)
        own = j->rq->protocols[i].metadata.len > own ? j->rq->protocols[i].metadata.len : own;
    bytes += own;
    for (uint32_t i = 0; i < j->grp->n_members; i++) {
        const struct group_member *m = j->grp->members[i];
        size_t most = 0;
        for (uint32_t p = 0; p < m->protocols.n; p++)
            most = m->protocols.at[p].metadata.len > most ? m->protocols.at[p].metadata.len : most;
        if (!str_eq(m->id, j->rq->member_id))
            bytes += most + m->bytes;
    }
    return bytes > j->g->config.record_bytes_max;
}

/* Who already waits may stay where it is; others while there are places. */
static bool accepted(const struct join *j)
{
    const struct group *grp = j->grp;
    const struct group_member *m = group_member(grp, j->rq->member_id);
    uint32_t most = j->g->config.members_max;
    switch (grp->state) {
    case GROUP_EMPTY:
        return true;
    case GROUP_PREPARING: /* counts who has come, so that a group that is too large loses the last */
        return (m && m->waits_join) || grp->n_waiting < most;
    case GROUP_COMPLETING:
    case GROUP_STABLE:
        return m || grp->n_members < most;
    }
    return false;
}

static enum status no_place(struct join *j)
{
    if (!group_room(j->g, j->grp, j->step, false, GROUP_NO_MORE))
        return step_refused(j->step->arena, j->err);
    struct group_member *m = group_member(j->grp, j->rq->member_id);
    if (m)
        group_drop_member(j->g, j->grp, m, j->step);
    group_remove_pending(j->g, j->grp, j->rq->member_id);
    group_answer_join(j->g, j->step, j->c->token, KAFKA_E_GROUP_MAX_SIZE_REACHED, STR(""));
    return group_done(j->g, j->err);
}

static int16_t check_request(const struct join *j)
{
    const struct coord_groups_config *config = &j->g->config;
    if (j->rq->group_id.len == 0)
        return KAFKA_E_INVALID_GROUP_ID;
    if (j->rq->session_timeout_ms < config->min_session_ms || j->rq->session_timeout_ms > config->max_session_ms)
        return KAFKA_E_INVALID_SESSION_TIMEOUT;
    if (j->rq->n_protocols > COORD_PROTOCOLS_MAX)
        return KAFKA_E_INCONSISTENT_GROUP_PROTOCOL;
    size_t bytes = 0;
    for (uint32_t i = 0; i < j->rq->n_protocols; i++)
        bytes += j->rq->protocols[i].name.len + j->rq->protocols[i].metadata.len;
    return bytes > config->member_bytes_max ? KAFKA_E_INVALID_REQUEST : KAFKA_E_NONE;
}

enum status coord_groups_join(struct coord_groups *g, const struct coord_client *c,
                              const struct kafka_join_group_request *rq, int64_t now_ms, struct coord_step *step,
                              struct error *err)
{
    struct join j = { g, NULL, c, rq, now_ms, step, err, rq->rebalance_timeout_ms };
    if (c->version < 1 || j.rebalance_ms < 0)
        j.rebalance_ms = rq->session_timeout_ms;
    int16_t kafka = check_request(&j);
    if (kafka != KAFKA_E_NONE)
        return say(&j, kafka, rq->member_id);
    j.grp = group_find(g, rq->group_id);
    bool made = !j.grp;
    if (made && rq->member_id.len)
        return say(&j, KAFKA_E_UNKNOWN_MEMBER_ID, rq->member_id);
    uint32_t records = step->records.count;
    if (made) {
        TRY(group_admit(g, rq->group_id, now_ms, &j.grp, err));
        /* That there is such a group is written down first, before anybody is told an id in it. */
        enum status st = group_record(g, j.grp, NULL, step, err);
        if (st != ST_OK) {
            step_undo(step, records);
            group_free(g, j.grp);
            return st;
        }
    }
    enum status st = too_heavy(&j)       ? say(&j, KAFKA_E_GROUP_MAX_SIZE_REACHED, STR(""))
                     : !accepted(&j)     ? no_place(&j)
                     : rq->member_id.len ? join_known(&j)
                                         : join_new(&j);
    if (st != ST_OK && made) {
        step_undo(step, records);
        group_free(g, j.grp);
    }
    return st;
}
