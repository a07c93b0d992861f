/* Offsets and groups that go: deleted, expired, or because their topic is gone. Each leaves a tombstone.
 *
 * An offset of a group without members expires when the group has been empty for the retention time; one of a stable
 * consumer group when the group does not read its topic and it was committed so long ago; one of a group that only has
 * offsets so long after its commit. A commit of old versions can bring a time of its own. What waits for a transaction
 * keeps its partition. An empty group without offsets goes. Which topics a group reads stands in its members'
 * subscriptions, in the consumer protocol's form; where they cannot be read, it reads all. */
#include "coord/private.h"

/* ---- what a group reads ---- */

/* The topics at the front of a subscription: version i16, count i32, then strings. */
static bool add_topics(struct str bytes, struct map *topics)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t left = bytes.len;
    if (left < 6)
        return false;
    uint32_t n = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];
    p += 6;
    left -= 6;
    for (; n > 0; n--) {
        if (left < 2)
            return false;
        size_t len = (size_t)p[0] << 8 | p[1];
        if (len > INT16_MAX || left - 2 < len)
            return false;
        if (!map_put(topics, str_make(p + 2, len), topics))
            return false;
        p += 2 + len;
        left -= 2 + len;
    }
    return true;
}

void group_subscribed(const struct group *grp, struct arena *a, struct group_subscription *ret)
{
    map_init(&ret->topics, a, false);
    ret->consumer = group_is_consumer(grp);
    ret->known = ret->consumer && (grp->n_members == 0 || grp->has_protocol);
    for (uint32_t i = 0; ret->known && i < grp->n_members; i++)
        ret->known = add_topics(group_metadata(grp->members[i], group_protocol_name(grp)), &ret->topics);
}

bool group_reads(const struct group_subscription *s, struct str topic)
{
    return s->known ? map_get(&s->topics, topic) != NULL : s->consumer;
}

/* ---- tombstones ---- */

static enum status tombstone(struct coord_groups *g, const struct group *grp, struct str topic, int32_t partition,
                             struct coord_step *step, struct error *err)
{
    struct kafka_offset_commit_key key = { .group = grp->id, .topic = topic, .partition = partition };
    g->order++;
    return step_record(step, &g->scratch, (struct step_form){ &kafka_offset_commit_key, 1, &key }, NULL, err);
}

/* Which entries go: chosen first, told, then taken away. */
struct going {
    struct coord_groups *g;
    struct group *grp;
    struct coord_step *step;
    struct error *err;
    uint32_t records; /* in the step before */
    ARRAY(struct going_one { struct offset_topic *topic; int32_t partition; }) list;
};

static enum status going_add(struct going *go, struct offset_topic *t, int32_t partition)
{
    struct going_one *one = array_add(&go->list, go->step->arena);
    if (!one)
        return step_refused(go->step->arena, go->err);
    *one = (struct going_one){ t, partition };
    return tombstone(go->g, go->grp, t->name, partition, go->step, go->err);
}

static void going_gone(struct going *go)
{
    for (uint32_t i = 0; i < go->list.count; i++)
        offsets_forget(go->g, go->grp, go->list.at[i].topic->name, go->list.at[i].partition);
}

static struct going going(struct coord_groups *g, struct group *grp, struct coord_step *step, struct error *err)
{
    return (struct going){ .g = g, .grp = grp, .step = step, .err = err, .records = step->records.count };
}

/* ---- requests ---- */

/* All of one topic's entries; t NULL: of all topics. */
static enum status going_topic(struct going *go, struct offset_topic *only, uint32_t most, bool *ret_more)
{
    for (uint32_t i = 0; i < go->grp->offsets.n; i++) {
        struct offset_topic *t = go->grp->offsets.topics[i];
        for (uint32_t k = 0; (!only || t == only) && k < t->n; k++) {
            if (go->list.count == most || (only && step_is_large(go->step))) {
                *ret_more = true;
                return ST_OK;
            }
            TRY(going_add(go, t, t->at[k].partition));
        }
    }
    return ST_OK;
}

enum status coord_groups_delete(struct coord_groups *g, struct str group_id, int64_t now_ms, struct coord_step *step,
                                int16_t *ret_kafka, struct error *err)
{
    (void)now_ms;
    struct group *grp = group_find(g, group_id);
    if (!grp || grp->state != GROUP_EMPTY) {
        *ret_kafka = grp ? KAFKA_E_NON_EMPTY_GROUP : KAFKA_E_GROUP_ID_NOT_FOUND;
        return ST_OK;
    }
    struct going go = going(g, grp, step, err);
    bool more = false;
    enum status st = going_topic(&go, NULL, UINT32_MAX, &more);
    if (st == ST_OK)
        st = group_tombstone(g, grp->id, step, err);
    if (st != ST_OK) {
        step_undo(step, go.records);
        return st;
    }
    group_free(g, grp);
    *ret_kafka = KAFKA_E_NONE;
    return ST_OK;
}

enum status coord_groups_forget_topic(struct coord_groups *g, struct str topic, int64_t now_ms,
                                      struct coord_step *step, bool *ret_more, struct error *err)
{
    uint32_t room = g->config.tombstones_max;
    bool more = false;
    for (struct map_entry *e = map_next(&g->by_id, NULL); e && !more; e = map_next(&g->by_id, e)) {
        struct going go = going(g, e->value, step, err);
        struct offset_topic *t = offsets_topic(&go.grp->offsets, topic);
        enum status st = t ? going_topic(&go, t, room, &more) : ST_OK;
        if (st != ST_OK) {
            step_undo(step, go.records);
            return st;
        }
        room -= go.list.count;
        going_gone(&go);
        if (go.list.count && go.grp->offsets.entries == 0)
            group_arm_expiry(g, go.grp, coord_after(now_ms, g->config.expiry_check_ms));
    }
    *ret_more = more;
    return ST_OK;
}

enum status coord_groups_delete_offsets(struct coord_groups *g, const struct kafka_offset_delete_request *rq,
                                        int64_t now_ms, struct coord_step *step,
                                        struct kafka_offset_delete_response *ret, struct error *err)
{
    struct kafka_offset_delete_response r;
    KAFKA_INIT(offset_delete_response, &r);
    struct arena *a = step->arena;
    struct group *grp = group_find(g, rq->group_id);
    r.error_code = rq->group_id.len == 0 ? KAFKA_E_INVALID_GROUP_ID
                   : !grp                ? KAFKA_E_GROUP_ID_NOT_FOUND
                   : grp->state != GROUP_EMPTY && !group_is_consumer(grp) ? KAFKA_E_NON_EMPTY_GROUP
                                                                         : KAFKA_E_NONE;
    if (r.error_code != KAFKA_E_NONE) {
        *ret = r;
        return ST_OK;
    }
    struct going go = going(g, grp, step, err);
    struct group_subscription reads;
    group_subscribed(grp, a, &reads);
    r.topics = KAFKA_NEW(a, offset_delete_response_topic, rq->n_topics);
    enum status st = r.topics ? ST_OK : step_refused(a, err);
    for (uint32_t i = 0; st == ST_OK && i < rq->n_topics; i++, r.n_topics++) {
        const struct kafka_offset_delete_request_topic *t = &rq->topics[i];
        struct kafka_offset_delete_response_topic *to = &r.topics[i];
        struct offset_topic *has = offsets_topic(&grp->offsets, t->name);
        bool read = group_reads(&reads, t->name);
        to->name = step_str(a, t->name);
        to->partitions = KAFKA_NEW(a, offset_delete_response_partition, t->n_partitions);
        if (!to->partitions || !to->name.ptr)
            st = step_refused(a, err);
        for (uint32_t k = 0; st == ST_OK && k < t->n_partitions; k++, to->n_partitions++) {
            int32_t partition = t->partitions[k].partition_index;
            to->partitions[k].partition_index = partition;
            to->partitions[k].error_code = read ? KAFKA_E_GROUP_SUBSCRIBED_TO_TOPIC : KAFKA_E_NONE;
            if (!read && has && offsets_entry(has, partition))
                st = going_add(&go, has, partition);
        }
    }
    if (st != ST_OK) {
        step_undo(step, go.records);
        return st;
    }
    going_gone(&go);
    if (grp->offsets.entries == 0)
        group_arm_expiry(g, grp, coord_after(now_ms, g->config.expiry_check_ms));
    *ret = r;
    return ST_OK;
}

/* ---- time ---- */

/* When the entry goes; COORD_NEVER: not while the group is as it is. */
static int64_t entry_due(const struct coord_groups *g, const struct group *grp, const struct group_subscription *reads,
                         const struct offset_topic *t, const struct offset_entry *e)
{
    if (!e->set || e->waits || group_reads(reads, t->name))
        return COORD_NEVER;
    bool only_offsets = !grp->protocol_type.ptr;
    bool aside = grp->state == GROUP_STABLE && reads->known;
    if (!only_offsets && grp->state != GROUP_EMPTY && !aside)
        return COORD_NEVER;
    if (e->value.expire_ms >= 0)
        return e->value.expire_ms;
    int64_t since = !only_offsets && grp->state == GROUP_EMPTY && grp->state_ms >= 0 ? grp->state_ms
                                                                                    : e->value.commit_ms;
    return coord_after(since, g->config.offsets_retention_ms);
}

enum status group_expire(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step,
                         bool *ret_gone, struct error *err)
{
    struct arena names;
    arena_init(&names, g->budget);
    struct group_subscription reads;
    group_subscribed(grp, &names, &reads);
    struct going go = going(g, grp, step, err);
    int64_t next = COORD_NEVER;
    enum status st = ST_OK;
    for (uint32_t i = 0; st == ST_OK && i < grp->offsets.n; i++) {
        struct offset_topic *t = grp->offsets.topics[i];
        for (uint32_t k = 0; st == ST_OK && k < t->n; k++) {
            int64_t due = entry_due(g, grp, &reads, t, &t->at[k]);
            if (due <= now_ms && go.list.count < g->config.tombstones_max && !step_is_large(step))
                st = going_add(&go, t, t->at[k].partition);
            else if (due < next)
                next = due;
        }
    }
    arena_release(&names);
    bool all = go.list.count == grp->offsets.entries && grp->state == GROUP_EMPTY;
    if (st == ST_OK && all)
        st = group_tombstone(g, grp->id, step, err);
    if (st != ST_OK) {
        step_undo(step, go.records);
        return st;
    }
    *ret_gone = all;
    if (all) {
        group_free(g, grp);
        return ST_OK;
    }
    going_gone(&go);
    /* What came due between two looks may wait for the second; what is left of a large lot may not. */
    int64_t look = coord_after(now_ms, g->config.expiry_check_ms);
    grp->expiry_due_ms = next <= now_ms ? now_ms : next < look ? look : next;
    return ST_OK;
}
