/* One group: its members, and its walk through the states, as Kafka's classic groups take it.
 *
 *            join                    all have joined, or time is up             the leader has synced
 *   EMPTY ----------> PREPARING ----------------------------------> COMPLETING -----------------------> STABLE
 *     ^                 ^   |                                          |                                   |
 *     |   nobody joined |   |                                          |  a member comes, goes, changes,   |
 *     +-----------------|---+                                          |  or does not sync in time         |
 *                       +----------------------------------------------+-----------------------------------+
 *
 * Joins wait in PREPARING, syncs in COMPLETING; who waits cannot miss a heartbeat. The first rebalance of an empty
 * group waits for a delay in which more members may come; later ones end when all members have joined again or when
 * the longest rebalance timeout is over, which removes who has not, static members apart. Whoever still owes a sync
 * that long after is removed too.
 *
 * Everything from group_prepare on changes the state and answers; none of it can be refused, because group_room has set
 * aside the worst case. A miscount there is told by `broken`. */
#include "coord/private.h"

const struct str group_state_names[] = {
    [GROUP_EMPTY] = STR_INIT("Empty"),
    [GROUP_PREPARING] = STR_INIT("PreparingRebalance"),
    [GROUP_COMPLETING] = STR_INIT("CompletingRebalance"),
    [GROUP_STABLE] = STR_INIT("Stable"),
};

/* ---- looking ---- */

struct group_member *group_member(const struct group *grp, struct str id)
{
    uint64_t hash = hash_bytes(id.ptr, id.len);
    for (uint32_t i = 0; i < grp->n_members; i++)
        if (grp->members[i]->hash == hash && str_eq(grp->members[i]->id, id))
            return grp->members[i];
    return NULL;
}

struct group_member *group_static(const struct group *grp, struct str instance_id)
{
    for (uint32_t i = 0; i < grp->n_members; i++)
        if (grp->members[i]->instance_id.ptr && str_eq(grp->members[i]->instance_id, instance_id))
            return grp->members[i];
    return NULL;
}

bool group_is_pending(const struct group *grp, struct str id)
{
    for (uint32_t i = 0; i < grp->n_pending; i++)
        if (str_eq(grp->pending[i].id, id))
            return true;
    return false;
}

int16_t group_check(const struct group *grp, struct str id, struct str instance_id)
{
    if (instance_id.ptr) {
        const struct group_member *m = group_static(grp, instance_id);
        return !m ? KAFKA_E_UNKNOWN_MEMBER_ID : !str_eq(m->id, id) ? KAFKA_E_FENCED_INSTANCE_ID : KAFKA_E_NONE;
    }
    return group_member(grp, id) ? KAFKA_E_NONE : KAFKA_E_UNKNOWN_MEMBER_ID;
}

bool group_is_consumer(const struct group *grp)
{
    return grp->protocol_type.ptr && str_eq(grp->protocol_type, STR("consumer"));
}

struct str group_protocol_name(const struct group *grp)
{
    return grp->has_protocol ? str_make(grp->protocol.len ? (const char *)grp->protocol.data : "", grp->protocol.len)
                             : (struct str){ 0 };
}

struct str group_metadata(const struct group_member *m, struct str protocol)
{
    for (uint32_t i = 0; i < m->protocols.n; i++)
        if (str_eq(m->protocols.at[i].name, protocol))
            return m->protocols.at[i].metadata;
    return (struct str){ 0 };
}

static bool all_support(const struct group *grp, struct str protocol)
{
    for (uint32_t i = 0; i < grp->n_members; i++)
        if (!group_metadata(grp->members[i], protocol).ptr)
            return false;
    return true;
}

bool group_supports(const struct group *grp, struct str type, const struct kafka_join_group_request_protocol *at,
                    uint32_t n)
{
    if (grp->state == GROUP_EMPTY)
        return type.len > 0 && n > 0;
    if (!grp->protocol_type.ptr || !str_eq(grp->protocol_type, type))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (all_support(grp, at[i].name))
            return true;
    return false;
}

/* Each member votes for the first of its protocols that all have; most votes win, then the first member's order. */
struct str group_select(const struct group *grp)
{
    const struct group_protocols *first = &grp->members[0]->protocols;
    uint32_t votes[COORD_PROTOCOLS_MAX] = { 0 }, best = 0;
    bool can[COORD_PROTOCOLS_MAX] = { false };
    for (uint32_t p = 0; p < first->n; p++)
        can[p] = all_support(grp, first->at[p].name);
    for (uint32_t i = 0; i < grp->n_members; i++) {
        const struct group_protocols *own = &grp->members[i]->protocols;
        bool voted = false;
        for (uint32_t o = 0; o < own->n && !voted; o++)
            for (uint32_t p = 0; p < first->n && !voted; p++)
                if (can[p] && str_eq(first->at[p].name, own->at[o].name)) {
                    votes[p]++;
                    voted = true;
                }
    }
    for (uint32_t p = 1; p < first->n; p++)
        if (votes[p] > votes[best])
            best = p;
    return first->at[best].name;
}

bool group_all_joined(const struct group *grp)
{
    return grp->n_members == grp->n_waiting && grp->n_pending == 0;
}

static int32_t rebalance_timeout(const struct group *grp)
{
    int32_t longest = 0;
    for (uint32_t i = 0; i < grp->n_members; i++)
        if (grp->members[i]->rebalance_ms > longest)
            longest = grp->members[i]->rebalance_ms;
    return longest;
}

/* ---- members ---- */

bool group_protocols_make(struct coord_groups *g, const struct group_protocol *at, uint32_t n,
                          struct group_protocols *ret)
{
    size_t bytes = sizeof *at * n;
    for (uint32_t i = 0; i < n; i++)
        bytes += at[i].name.len + at[i].metadata.len;
    struct group_protocols p = { mem_alloc(g->budget, bytes), n, bytes };
    if (!p.at)
        return false;
    char *to = (char *)(p.at + n);
    for (uint32_t i = 0; i < n; i++) {
        const struct str *from[] = { &at[i].name, &at[i].metadata };
        struct str *into[] = { &p.at[i].name, &p.at[i].metadata };
        for (int k = 0; k < 2; k++) {
            if (from[k]->len)
                memcpy(to, from[k]->ptr, from[k]->len);
            *into[k] = str_make(to, from[k]->len);
            to += from[k]->len;
        }
    }
    *ret = p;
    return true;
}

void group_protocols_drop(struct coord_groups *g, struct group_protocols *p)
{
    mem_free(g->budget, p->at, p->bytes);
    *p = (struct group_protocols){ 0 };
}

struct group_member *group_member_new(struct coord_groups *g, struct str id, struct str instance_id,
                                      struct str client_id, struct str client_host)
{
    size_t bytes = sizeof(struct group_member) + id.len + instance_id.len + client_id.len + client_host.len;
    struct group_member *m = mem_calloc(g->budget, bytes);
    if (!m)
        return NULL;
    m->bytes = bytes;
    const struct str *from[] = { &id, &instance_id, &client_id, &client_host };
    struct str *into[] = { &m->id, &m->instance_id, &m->client_id, &m->client_host };
    char *to = (char *)(m + 1);
    for (int i = 0; i < 4; i++) {
        if (from[i]->len)
            memcpy(to, from[i]->ptr, from[i]->len);
        /* Only an instance id can be null. */
        *into[i] = from[i]->ptr || i != 1 ? str_make(to, from[i]->len) : (struct str){ 0 };
        to += from[i]->len;
    }
    m->hash = hash_bytes(id.ptr, id.len);
    m->due_ms = COORD_NEVER;
    return m;
}

void group_member_free(struct coord_groups *g, struct group_member *m)
{
    if (!m)
        return;
    group_protocols_drop(g, &m->protocols);
    own_drop(g->budget, &m->assignment);
    mem_free(g->budget, m, m->bytes);
}

void group_remove_pending(struct coord_groups *g, struct group *grp, struct str id)
{
    for (uint32_t i = 0; i < grp->n_pending; i++)
        if (str_eq(grp->pending[i].id, id)) {
            own_drop(g->budget, &grp->pending[i].id);
            grp->pending[i] = grp->pending[--grp->n_pending];
            return;
        }
}

void group_drop_member(struct coord_groups *g, struct group *grp, struct group_member *m, struct coord_step *step)
{
    if (m->waits_join) {
        group_answer_join(g, step, m->join_token, KAFKA_E_UNKNOWN_MEMBER_ID, STR(""));
        grp->n_waiting--;
    }
    if (m->waits_sync)
        group_answer_sync(g, step, m->sync_token, KAFKA_E_UNKNOWN_MEMBER_ID);
    uint32_t i = 0;
    while (grp->members[i] != m)
        i++;
    memmove(grp->members + i, grp->members + i + 1, sizeof *grp->members * (grp->n_members - i - 1));
    grp->n_members--;
    if (grp->leader == m)
        grp->leader = grp->n_members ? grp->members[0] : NULL;
    group_member_free(g, m);
}

void group_session(struct coord_groups *g, struct group *grp, struct group_member *m, int64_t now_ms)
{
    m->due_ms = coord_after(now_ms, m->session_ms);
    group_due_by(g, grp, m->due_ms);
}

/* ---- answers ---- */

/* What an answer takes, beside its strings. */
enum { ANSWER_ALLOCS = 6, ANSWER_BYTES = sizeof(struct kafka_join_group_response) + 64 };

bool group_room(struct coord_groups *g, struct group *grp, struct coord_step *step, bool completes,
                struct group_more more)
{
    size_t ids = 0, names = more.name, metadata = 0, waiting = 2;
    for (uint32_t i = 0; i < grp->n_members; i++) {
        const struct group_member *m = grp->members[i];
        size_t most = 0;
        waiting += m->waits_join + m->waits_sync;
        ids += m->id.len + m->instance_id.len + m->assignment.len;
        for (uint32_t p = 0; p < m->protocols.n; p++) {
            most = m->protocols.at[p].metadata.len > most ? m->protocols.at[p].metadata.len : most;
            names = m->protocols.at[p].name.len > names ? m->protocols.at[p].name.len : names;
        }
        metadata += most;
    }
    size_t record = grp->id.len * 2 + grp->protocol_type.len + more.each + 256;
    if ((grp->protocol.cap < names && !buf_reserve(&grp->protocol, names - grp->protocol.len)) ||
        (g->scratch.cap < record && !buf_reserve(&g->scratch, record - g->scratch.len)))
        return false;
    if (2 * record > COORD_STEP_BYTES_MAX - step->record_bytes)
        return false;
    size_t longest = 0; /* whoever may lead */
    for (uint32_t i = 0; i < grp->n_members; i++)
        longest = grp->members[i]->id.len > longest ? grp->members[i]->id.len : longest;
    size_t bytes = waiting * (ANSWER_BYTES + longest + names + grp->protocol_type.len + more.each) + ids + 2 * record +
                   more.once;
    size_t allocs = waiting * ANSWER_ALLOCS + 16;
    if (completes) { /* the leader's list of all */
        bytes += (grp->n_members + 1) * sizeof(struct kafka_join_group_response_member) + ids + metadata;
        allocs += 3 * ((size_t)grp->n_members + 1);
    }
    return step_room(step, (uint32_t)waiting, 2, allocs, bytes);
}

static void *answer(struct coord_groups *g, struct coord_step *step, uint64_t token, int16_t api,
                    const struct wire_struct *table)
{
    void *response = wire_new(table, 1, step->arena);
    struct coord_reply *r = response ? array_add(&step->replies, step->arena) : NULL;
    if (!r) {
        g->broken = true;
        return NULL;
    }
    *r = (struct coord_reply){ token, api, response };
    return response;
}

static void copy(struct coord_groups *g, struct coord_step *step, struct str from, struct str *to)
{
    *to = step_str(step->arena, from);
    if (from.ptr && !to->ptr)
        g->broken = true;
}

struct kafka_join_group_response *group_answer_join(struct coord_groups *g, struct coord_step *step, uint64_t token,
                                                    int16_t kafka, struct str member_id)
{
    struct kafka_join_group_response *r = answer(g, step, token, KAFKA_JOIN_GROUP, &kafka_join_group_response_table);
    if (!r)
        return NULL;
    r->error_code = kafka;
    copy(g, step, member_id, &r->member_id);
    return r;
}

struct kafka_sync_group_response *group_answer_sync(struct coord_groups *g, struct coord_step *step, uint64_t token,
                                                    int16_t kafka)
{
    struct kafka_sync_group_response *r = answer(g, step, token, KAFKA_SYNC_GROUP, &kafka_sync_group_response_table);
    if (!r)
        return NULL;
    r->error_code = kafka;
    return r;
}

void group_answer_joined(struct coord_groups *g, const struct group *grp, struct coord_step *step, uint64_t token,
                         struct str member_id, struct str leader_id, bool with_members, bool skip_assignment)
{
    struct kafka_join_group_response *r = group_answer_join(g, step, token, KAFKA_E_NONE, member_id);
    if (!r)
        return;
    r->generation_id = grp->generation;
    r->skip_assignment = skip_assignment;
    copy(g, step, grp->protocol_type, &r->protocol_type);
    copy(g, step, group_protocol_name(grp), &r->protocol_name);
    copy(g, step, leader_id, &r->leader);
    if (!with_members)
        return;
    r->members = KAFKA_NEW(step->arena, join_group_response_member, grp->n_members);
    if (!r->members) {
        g->broken = true;
        return;
    }
    r->n_members = grp->n_members;
    for (uint32_t i = 0; i < grp->n_members; i++) {
        const struct group_member *m = grp->members[i];
        copy(g, step, m->id, &r->members[i].member_id);
        copy(g, step, m->instance_id, &r->members[i].group_instance_id);
        copy(g, step, group_metadata(m, group_protocol_name(grp)), &r->members[i].metadata);
    }
}

/* ---- states ---- */

void group_set_state(struct group *grp, enum group_state state, int64_t now_ms)
{
    grp->before = grp->state;
    grp->state = state;
    grp->state_ms = now_ms;
}

/* Who waits for an assignment that will not come joins again. */
static void reset_assignments(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    for (uint32_t i = 0; i < grp->n_members; i++) {
        struct group_member *m = grp->members[i];
        own_drop(g->budget, &m->assignment);
        if (!m->waits_sync)
            continue;
        m->waits_sync = false;
        group_answer_sync(g, step, m->sync_token, KAFKA_E_REBALANCE_IN_PROGRESS);
        group_session(g, grp, m, now_ms);
    }
}

static void join_by(struct coord_groups *g, struct group *grp, int64_t at_ms)
{
    grp->join_due_ms = at_ms;
    group_due_by(g, grp, at_ms);
}

void group_prepare(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    if (grp->state == GROUP_COMPLETING)
        reset_assignments(g, grp, now_ms, step);
    grp->sync_due_ms = COORD_NEVER;
    bool initial = grp->state == GROUP_EMPTY;
    group_set_state(grp, GROUP_PREPARING, now_ms);
    if (initial) {
        int32_t longest = rebalance_timeout(grp), delay = g->config.initial_delay_ms;
        grp->initial = true;
        grp->joined_since = false;
        grp->delay_ms = delay;
        grp->delay_left_ms = longest > delay ? longest - delay : 0;
        join_by(g, grp, coord_after(now_ms, delay));
    } else if (group_all_joined(grp)) {
        group_complete_join(g, grp, now_ms, step);
    } else {
        join_by(g, grp, coord_after(now_ms, rebalance_timeout(grp)));
    }
}

/* A leader that has joined; false when nobody has. */
static bool elect(struct group *grp)
{
    if (grp->leader && grp->leader->waits_join)
        return true;
    for (uint32_t i = 0; i < grp->n_members; i++)
        if (grp->members[i]->waits_join) {
            grp->leader = grp->members[i];
            return true;
        }
    return false;
}

static void become_empty(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    grp->has_protocol = false;
    group_set_state(grp, GROUP_EMPTY, now_ms);
    if (group_record(g, grp, NULL, step, NULL) != ST_OK)
        g->broken = true;
    /* With offsets the next look may be sooner: some can have a time of their own. */
    if (grp->offsets.entries == 0)
        grp->expiry_due_ms = COORD_NEVER;
    int64_t wait = grp->offsets.entries ? g->config.offsets_retention_ms : g->config.expiry_check_ms;
    group_arm_expiry(g, grp, coord_after(now_ms, wait));
}

void group_complete_join(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    grp->join_due_ms = COORD_NEVER;
    grp->initial = false;
    for (uint32_t i = grp->n_members; i > 0; i--)
        if (!grp->members[i - 1]->waits_join && !grp->members[i - 1]->instance_id.ptr)
            group_drop_member(g, grp, grp->members[i - 1], step);
    if (grp->n_members && !elect(grp)) {
        /* Only static members that have not come: their sessions decide. */
        join_by(g, grp, coord_after(now_ms, rebalance_timeout(grp) > 0 ? rebalance_timeout(grp) : COORD_RETRY_MS));
        return;
    }
    grp->generation = grp->generation == INT32_MAX ? 0 : grp->generation + 1;
    if (grp->n_members == 0) {
        become_empty(g, grp, now_ms, step);
        return;
    }
    struct str chosen = group_select(grp);
    buf_clear(&grp->protocol);
    if (!buf_put(&grp->protocol, chosen.ptr, chosen.len))
        g->broken = true;
    grp->has_protocol = true;
    group_set_state(grp, GROUP_COMPLETING, now_ms);
    for (uint32_t i = 0; i < grp->n_members; i++) {
        struct group_member *m = grp->members[i];
        if (m->waits_join) {
            m->waits_join = false;
            group_answer_joined(g, grp, step, m->join_token, m->id, grp->leader->id, m == grp->leader, false);
        }
        m->is_new = false;
        m->owes_sync = true;
        group_session(g, grp, m, now_ms);
    }
    grp->n_waiting = 0;
    grp->sync_due_ms = coord_after(now_ms, rebalance_timeout(grp));
    group_due_by(g, grp, grp->sync_due_ms);
}

void group_changed(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    if (grp->state != GROUP_PREPARING)
        group_prepare(g, grp, now_ms, step);
    else if (grp->before != GROUP_EMPTY && group_all_joined(grp))
        group_complete_join(g, grp, now_ms, step);
}

/* ---- what time does ---- */

static bool expire_one(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    for (uint32_t i = 0; i < grp->n_members; i++) {
        struct group_member *m = grp->members[i];
        if (m->due_ms > now_ms)
            continue;
        if (!m->is_new && (m->waits_join || m->waits_sync)) {
            m->due_ms = COORD_NEVER; /* until it is answered */
            continue;
        }
        group_drop_member(g, grp, m, step);
        if (grp->state == GROUP_STABLE || grp->state == GROUP_COMPLETING)
            group_prepare(g, grp, now_ms, step);
        else if (grp->state == GROUP_PREPARING && group_all_joined(grp))
            group_complete_join(g, grp, now_ms, step);
        return true;
    }
    for (uint32_t i = 0; i < grp->n_pending; i++) {
        if (grp->pending[i].due_ms > now_ms)
            continue;
        group_remove_pending(g, grp, grp->pending[i].id);
        if (grp->state == GROUP_PREPARING && group_all_joined(grp))
            group_complete_join(g, grp, now_ms, step);
        return true;
    }
    return false;
}

static void join_time_is_up(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    if (!grp->initial || !grp->joined_since || grp->delay_left_ms == 0) {
        group_complete_join(g, grp, now_ms, step);
        return;
    }
    int32_t delay = g->config.initial_delay_ms < grp->delay_left_ms ? g->config.initial_delay_ms : grp->delay_left_ms;
    grp->delay_left_ms = grp->delay_left_ms > grp->delay_ms ? grp->delay_left_ms - grp->delay_ms : 0;
    grp->delay_ms = delay;
    grp->joined_since = false;
    join_by(g, grp, coord_after(now_ms, delay));
}

static void sync_time_is_up(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    grp->sync_due_ms = COORD_NEVER;
    bool late = false;
    for (uint32_t i = grp->n_members; i > 0; i--)
        if (grp->members[i - 1]->owes_sync) {
            group_drop_member(g, grp, grp->members[i - 1], step);
            late = true;
        }
    if (late)
        group_prepare(g, grp, now_ms, step);
}

/* One kind of what is due, so that group_room has counted enough; the rest is seen by the next look. */
void group_timers(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step)
{
    bool some = false;
    while (expire_one(g, grp, now_ms, step))
        some = true;
    if (some)
        return;
    if (grp->join_due_ms <= now_ms)
        join_time_is_up(g, grp, now_ms, step);
    else if (grp->sync_due_ms <= now_ms)
        sync_time_is_up(g, grp, now_ms, step);
}

/* ---- records ---- */

static enum status members_of_record(const struct group *grp, const struct str *assignments, struct arena *a,
                                     struct kafka_group_metadata_value *v, struct error *err)
{
    v->members = KAFKA_NEW(a, group_metadata_value_member, grp->n_members);
    if (!v->members)
        return step_refused(a, err);
    v->n_members = grp->n_members;
    for (uint32_t i = 0; i < grp->n_members; i++) {
        const struct group_member *m = grp->members[i];
        struct str assignment = assignments ? assignments[i] : m->assignment;
        v->members[i] = (struct kafka_group_metadata_value_member){
            .member_id = m->id,
            .group_instance_id = m->instance_id,
            .client_id = m->client_id,
            .client_host = m->client_host,
            .rebalance_timeout = m->rebalance_ms,
            .session_timeout = m->session_ms,
            .subscription = group_metadata(m, group_protocol_name(grp)),
            .assignment = assignment.ptr ? assignment : STR(""),
        };
    }
    return ST_OK;
}

enum status group_record(struct coord_groups *g, const struct group *grp, const struct str *assignments,
                         struct coord_step *step, struct error *err)
{
    struct kafka_group_metadata_key key = { .group = grp->id };
    struct kafka_group_metadata_value value;
    KAFKA_INIT(group_metadata_value, &value);
    value.protocol_type = grp->protocol_type.ptr ? grp->protocol_type : STR("");
    value.generation = grp->generation;
    value.protocol = group_protocol_name(grp);
    value.leader = grp->leader ? grp->leader->id : (struct str){ 0 };
    value.current_state_timestamp = grp->state_ms;
    TRY(members_of_record(grp, assignments, step->arena, &value, err));
    struct step_form key_form = { &kafka_group_metadata_key, 2, &key };
    struct step_form value_form = { &kafka_group_metadata_value, 3, &value };
    TRY(step_record(step, &g->scratch, key_form, &value_form, err));
    g->order++;
    return ST_OK;
}

enum status group_tombstone(struct coord_groups *g, struct str id, struct coord_step *step, struct error *err)
{
    struct kafka_group_metadata_key key = { .group = id };
    TRY(step_record(step, &g->scratch, (struct step_form){ &kafka_group_metadata_key, 2, &key }, NULL, err));
    g->order++;
    return ST_OK;
}
