/* OffsetFetch: what a group has committed. What does not exist is -1, not an error. */
#include "coord/private.h"

static bool fill(struct kafka_offset_fetch_response_partition *p, int32_t partition, const struct offset_entry *e,
                 const struct wire_uuid *topic_id, bool require_stable, struct arena *a)
{
    p->partition_index = partition;
    p->committed_offset = -1;
    p->committed_leader_epoch = -1;
    p->metadata = STR("");
    if (e && e->waits && require_stable) {
        p->error_code = KAFKA_E_UNSTABLE_OFFSET_COMMIT;
        return true;
    }
    /* A topic that was made anew has no offsets yet. */
    if (!e || !e->set ||
        (!wire_uuid_is_zero(topic_id) && !wire_uuid_is_zero(&e->value.topic_id) &&
         memcmp(topic_id, &e->value.topic_id, sizeof *topic_id) != 0))
        return true;
    p->committed_offset = e->value.offset;
    p->committed_leader_epoch = e->value.leader_epoch;
    p->metadata = arena_str(a, e->value.metadata);
    return p->metadata.ptr;
}

static enum status fetch_asked(const struct group *grp, const struct kafka_offset_fetch_request_group *rq,
                               bool require_stable, struct arena *a, struct kafka_offset_fetch_response_group *r,
                               struct error *err)
{
    r->topics = KAFKA_NEW(a, offset_fetch_response_topic, rq->n_topics);
    if (!r->topics)
        return step_refused(a, err);
    r->n_topics = rq->n_topics;
    for (uint32_t i = 0; i < rq->n_topics; i++) {
        const struct kafka_offset_fetch_request_topic *t = &rq->topics[i];
        struct kafka_offset_fetch_response_topic *to = &r->topics[i];
        const struct offset_topic *has = grp ? offsets_topic(&grp->offsets, t->name) : NULL;
        to->name = step_str(a, t->name);
        to->topic_id = t->topic_id;
        to->partitions = KAFKA_NEW(a, offset_fetch_response_partition, t->n_partition_indexes);
        if (!to->partitions || !to->name.ptr != !t->name.ptr)
            return step_refused(a, err);
        to->n_partitions = t->n_partition_indexes;
        for (uint32_t k = 0; k < t->n_partition_indexes; k++) {
            int32_t partition = t->partition_indexes[k];
            const struct offset_entry *e = has ? offsets_entry(has, partition) : NULL;
            if (!fill(&to->partitions[k], partition, e, &t->topic_id, require_stable, a))
                return step_refused(a, err);
        }
    }
    return ST_OK;
}

static enum status fetch_all(const struct group *grp, bool require_stable, struct arena *a,
                             struct kafka_offset_fetch_response_group *r, struct error *err)
{
    static const struct wire_uuid any;
    uint32_t n = grp ? grp->offsets.n : 0;
    r->topics = KAFKA_NEW(a, offset_fetch_response_topic, n);
    if (!r->topics)
        return step_refused(a, err);
    for (uint32_t i = 0; i < n; i++) {
        const struct offset_topic *t = grp->offsets.topics[i];
        struct kafka_offset_fetch_response_topic *to = &r->topics[r->n_topics];
        to->name = arena_str(a, t->name);
        to->partitions = KAFKA_NEW(a, offset_fetch_response_partition, t->n);
        if (!to->partitions || !to->name.ptr)
            return step_refused(a, err);
        for (uint32_t k = 0; k < t->n; k++)
            if (t->at[k].set && !fill(&to->partitions[to->n_partitions++], t->at[k].partition, &t->at[k], &any,
                                      require_stable, a))
                return step_refused(a, err);
        r->n_topics += to->n_partitions > 0;
    }
    return ST_OK;
}

enum status coord_groups_fetch(const struct coord_groups *g, const struct kafka_offset_fetch_request_group *rq,
                               bool require_stable, struct arena *a, struct kafka_offset_fetch_response_group *ret,
                               struct error *err)
{
    struct kafka_offset_fetch_response_group r;
    KAFKA_INIT(offset_fetch_response_group, &r);
    const struct group *grp = group_find(g, rq->group_id);
    r.group_id = step_str(a, rq->group_id);
    if (!r.group_id.ptr && rq->group_id.ptr)
        return step_refused(a, err);
    if (rq->topics)
        TRY(fetch_asked(grp, rq, require_stable, a, &r, err));
    else
        TRY(fetch_all(grp, require_stable, a, &r, err));
    *ret = r;
    return ST_OK;
}
