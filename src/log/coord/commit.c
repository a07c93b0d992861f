/* OffsetCommit, TxnOffsetCommit, OffsetFetch, OffsetDelete.
 *
 * A commit is made in three passes: each partition gets an entry and a copy of its value (refusable), its record is
 * encoded (refusable; entries that are empty then go again), and the values are put in. */
#include "coord/private.h"

/* Both requests in one form. */
struct commit {
    struct coord_groups *g;
    struct group *grp;
    struct coord_step *step;
    struct error *err;
    int64_t now_ms, expire_ms;
    int64_t producer_id;  /* -1: no transaction */
    struct open_txn *txn; /* of a transaction */
    uint32_t n;
    struct commit_one {
        struct str topic;
        struct wire_uuid topic_id;
        int32_t partition;
        struct offset_value value;
        struct offset_wait *wait; /* of a transaction */
        bool taken;               /* has an entry; the metadata is a copy */
        int16_t kafka;
    } *at;
};

/* As Kafka counts: UTF-16. */
static size_t text_units(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((uint8_t)s.ptr[i] & 0xc0) != 0x80 ? 1u + ((uint8_t)s.ptr[i] >= 0xf0) : 0u;
    return n;
}

static void commit_undo(struct commit *c)
{
    struct coord_groups *g = c->g;
    for (uint32_t i = 0; i < c->n; i++) {
        struct commit_one *one = &c->at[i];
        if (!one->taken)
            continue;
        own_drop(g->budget, &one->value.metadata);
        mem_free(g->budget, one->wait, sizeof *one->wait);
        offsets_trim(g, &c->grp->offsets, one->topic, one->partition);
    }
    if (c->txn)
        offsets_txn_trim(g, c->txn);
}

static enum status commit_make(struct commit *c, struct commit_one *one)
{
    struct coord_groups *g = c->g;
    struct str metadata;
    struct offset_topic *t;
    if (!own_str(g->budget, one->value.metadata, &metadata))
        return budget_error(g->budget, one->value.metadata.len, c->err);
    one->value.metadata = metadata;
    one->taken = true;
    if (!offsets_make(g, &c->grp->offsets, one->topic, one->partition, &t) ||
        (c->txn && !(one->wait = mem_calloc(g->budget, sizeof *one->wait))))
        return budget_error(g->budget, 0, c->err);
    const struct offsets *o = &c->grp->offsets;
    if (o->entries > g->config.offsets_max ||
        o->name_bytes + o->entries * (c->grp->id.len + 16) > COORD_STEP_BYTES_MAX / 2)
        return error_set(c->err, ST_LIMIT, "group '%.*s' has offsets of %u partitions already", STR_ARG(c->grp->id),
                         o->entries - 1);
    return ST_OK;
}

static enum status commit_record(struct commit *c, struct commit_one *one)
{
    struct kafka_offset_commit_key key = { .group = c->grp->id, .topic = one->topic, .partition = one->partition };
    struct kafka_offset_commit_value value;
    KAFKA_INIT(offset_commit_value, &value);
    value.offset = one->value.offset;
    value.leader_epoch = one->value.leader_epoch;
    value.metadata = one->value.metadata;
    value.commit_timestamp = one->value.commit_ms;
    value.expire_timestamp = one->value.expire_ms;
    value.topic_id = one->value.topic_id;
    one->value.order = c->g->order++;
    struct step_form key_form = { &kafka_offset_commit_key, 1, &key };
    struct step_form value_form = { &kafka_offset_commit_value, one->value.expire_ms >= 0 ? 1 : 4, &value };
    return step_record(c->step, &c->g->scratch, key_form, &value_form, c->err);
}

static void commit_take(struct commit *c, struct commit_one *one)
{
    struct offset_topic *t = offsets_topic(&c->grp->offsets, one->topic);
    struct offset_entry *e = offsets_entry(t, one->partition);
    if (c->txn) {
        offsets_wait(c->g, c->txn, t, e, one->wait, &one->value);
        return;
    }
    offsets_set(c->g, e, &one->value);
    int64_t retention = coord_after(one->value.commit_ms, c->g->config.offsets_retention_ms);
    group_arm_expiry(c->g, c->grp, one->value.expire_ms >= 0 ? one->value.expire_ms : retention);
}

static enum status commit_do(struct commit *c)
{
    uint32_t records = c->step->records.count;
    enum status st = ST_OK;
    if (c->producer_id >= 0 && !(c->txn = offsets_txn(c->g, c->grp, c->producer_id)))
        return budget_error(c->g->budget, 0, c->err);
    for (uint32_t i = 0; st == ST_OK && i < c->n; i++)
        if (c->at[i].kafka == KAFKA_E_NONE) {
            st = commit_make(c, &c->at[i]);
            if (st == ST_OK)
                st = commit_record(c, &c->at[i]);
        }
    if (st != ST_OK) {
        step_undo(c->step, records);
        commit_undo(c);
        return st;
    }
    for (uint32_t i = 0; i < c->n; i++)
        if (c->at[i].taken)
            commit_take(c, &c->at[i]);
    if (c->txn)
        offsets_txn_trim(c->g, c->txn);
    return ST_OK;
}

/* Kafka's rules for who may commit. */
static int16_t check_commit(const struct group *grp, struct str member_id, struct str instance_id, int32_t generation,
                            bool transactional)
{
    if (generation < 0 && grp->state == GROUP_EMPTY)
        return KAFKA_E_NONE; /* from outside, and nobody is inside */
    if (generation >= 0 || member_id.len || instance_id.ptr) {
        int16_t kafka = group_check(grp, member_id, instance_id);
        if (kafka != KAFKA_E_NONE)
            return kafka;
        if (generation != grp->generation)
            return KAFKA_E_ILLEGAL_GENERATION;
    } else if (!transactional && grp->state != GROUP_EMPTY) {
        return KAFKA_E_UNKNOWN_MEMBER_ID;
    }
    return !transactional && grp->state == GROUP_COMPLETING ? KAFKA_E_REBALANCE_IN_PROGRESS : KAFKA_E_NONE;
}

/* A group for whoever commits without joining; it goes again when nothing comes to lie in it. */
static enum status commit_group(struct commit *c, struct str id, int16_t *kafka)
{
    bool made = !c->grp;
    if (*kafka == KAFKA_E_NONE && made)
        TRY(group_admit(c->g, id, c->now_ms, &c->grp, c->err));
    for (uint32_t i = 0; i < c->n; i++) {
        struct commit_one *one = &c->at[i];
        one->kafka = *kafka != KAFKA_E_NONE ? *kafka
                     : text_units(one->value.metadata) > c->g->config.offset_metadata_max
                         ? KAFKA_E_OFFSET_METADATA_TOO_LARGE
                         : KAFKA_E_NONE;
    }
    enum status st = *kafka == KAFKA_E_NONE ? commit_do(c) : ST_OK;
    if (made && c->grp && c->grp->offsets.entries == 0)
        group_free(c->g, c->grp);
    return st;
}

static struct offset_value value_of(const struct commit *c, int64_t offset, int32_t leader_epoch, struct str metadata,
                                    struct wire_uuid topic_id)
{
    return (struct offset_value){
        .offset = offset,
        .commit_ms = c->now_ms,
        .expire_ms = c->expire_ms,
        .leader_epoch = leader_epoch < 0 ? -1 : leader_epoch,
        .topic_id = topic_id,
        .metadata = metadata.ptr ? metadata : STR(""),
    };
}

enum status coord_groups_commit(struct coord_groups *g, const struct coord_client *client,
                                const struct kafka_offset_commit_request *rq, int64_t now_ms, struct coord_step *step,
                                struct kafka_offset_commit_response *ret, struct error *err)
{
    struct commit c = { .g = g, .step = step, .err = err, .now_ms = now_ms, .producer_id = -1 };
    struct arena *a = step->arena;
    struct kafka_offset_commit_response r;
    KAFKA_INIT(offset_commit_response, &r);
    r.topics = KAFKA_NEW(a, offset_commit_response_topic, rq->n_topics);
    size_t n = 0;
    for (uint32_t i = 0; i < rq->n_topics; i++)
        n += rq->topics[i].n_partitions;
    c.at = ARENA_ARRAY(a, struct commit_one, n);
    if (!r.topics || !c.at)
        return step_refused(a, err);
    r.n_topics = rq->n_topics;
    c.expire_ms = rq->retention_time_ms < 0 ? -1 : coord_after(now_ms, rq->retention_time_ms);
    for (uint32_t i = 0; i < rq->n_topics; i++) {
        const struct kafka_offset_commit_request_topic *t = &rq->topics[i];
        r.topics[i].name = step_str(a, t->name);
        r.topics[i].topic_id = t->topic_id;
        r.topics[i].partitions = KAFKA_NEW(a, offset_commit_response_partition, t->n_partitions);
        if (!r.topics[i].partitions || !r.topics[i].name.ptr != !t->name.ptr)
            return step_refused(a, err);
        r.topics[i].n_partitions = t->n_partitions;
        for (uint32_t k = 0; k < t->n_partitions; k++) {
            const struct kafka_offset_commit_request_partition *p = &t->partitions[k];
            c.at[c.n++] = (struct commit_one){
                .topic = t->name,
                .partition = p->partition_index,
                .value = value_of(&c, p->committed_offset, p->committed_leader_epoch, p->committed_metadata,
                                  t->topic_id),
            };
        }
    }
    c.grp = group_find(g, rq->group_id);
    int32_t generation = rq->generation_id_or_member_epoch;
    int16_t kafka = c.grp              ? check_commit(c.grp, rq->member_id, rq->group_instance_id, generation, false)
                    : generation < 0   ? KAFKA_E_NONE
                    : client->version >= 9 ? KAFKA_E_GROUP_ID_NOT_FOUND
                                           : KAFKA_E_ILLEGAL_GENERATION;
    bool zombie = kafka == KAFKA_E_FENCED_INSTANCE_ID && log_bug(g->config.planted, LOG_BUG_STATIC_ZOMBIE);
    kafka = zombie ? KAFKA_E_NONE : kafka;
    bool known = c.grp && !zombie;
    TRY(commit_group(&c, rq->group_id, &kafka));
    /* In these states a commit keeps the session alive. */
    if (known && kafka == KAFKA_E_NONE && (c.grp->state == GROUP_STABLE || c.grp->state == GROUP_PREPARING))
        group_session(g, c.grp, group_member(c.grp, rq->member_id), now_ms);
    uint32_t at = 0;
    for (uint32_t i = 0; i < r.n_topics; i++)
        for (uint32_t k = 0; k < r.topics[i].n_partitions; k++, at++) {
            r.topics[i].partitions[k].partition_index = c.at[at].partition;
            r.topics[i].partitions[k].error_code = c.at[at].kafka;
        }
    *ret = r;
    return ST_OK;
}

enum status coord_groups_txn_commit(struct coord_groups *g, const struct coord_client *client,
                                    const struct kafka_txn_offset_commit_request *rq, int64_t now_ms,
                                    struct coord_step *step, struct kafka_txn_offset_commit_response *ret,
                                    struct error *err)
{
    (void)client;
    struct commit c = { .g = g, .step = step, .err = err, .now_ms = now_ms, .expire_ms = -1 };
    struct arena *a = step->arena;
    struct kafka_txn_offset_commit_response r;
    KAFKA_INIT(txn_offset_commit_response, &r);
    c.producer_id = rq->producer_id;
    r.topics = KAFKA_NEW(a, txn_offset_commit_response_topic, rq->n_topics);
    size_t n = 0;
    for (uint32_t i = 0; i < rq->n_topics; i++)
        n += rq->topics[i].n_partitions;
    c.at = ARENA_ARRAY(a, struct commit_one, n);
    if (!r.topics || !c.at)
        return step_refused(a, err);
    r.n_topics = rq->n_topics;
    for (uint32_t i = 0; i < rq->n_topics; i++) {
        const struct kafka_txn_offset_commit_request_topic *t = &rq->topics[i];
        r.topics[i].name = step_str(a, t->name);
        r.topics[i].partitions = KAFKA_NEW(a, txn_offset_commit_response_partition, t->n_partitions);
        if (!r.topics[i].partitions || !r.topics[i].name.ptr)
            return step_refused(a, err);
        r.topics[i].n_partitions = t->n_partitions;
        for (uint32_t k = 0; k < t->n_partitions; k++) {
            const struct kafka_txn_offset_commit_request_partition *p = &t->partitions[k];
            c.at[c.n++] = (struct commit_one){
                .topic = t->name,
                .partition = p->partition_index,
                .value = value_of(&c, p->committed_offset, p->committed_leader_epoch, p->committed_metadata,
                                  (struct wire_uuid){ { 0 } }),
            };
        }
    }
    c.grp = group_find(g, rq->group_id);
    int16_t kafka = rq->group_id.len == 0 ? KAFKA_E_INVALID_GROUP_ID
                    : rq->producer_id < 0 ? KAFKA_E_INVALID_PRODUCER_ID_MAPPING
                    : c.grp ? check_commit(c.grp, rq->member_id, rq->group_instance_id, rq->generation_id, true)
                    : rq->generation_id < 0 ? KAFKA_E_NONE
                                            : KAFKA_E_ILLEGAL_GENERATION;
    TRY(commit_group(&c, rq->group_id, &kafka));
    uint32_t at = 0;
    for (uint32_t i = 0; i < r.n_topics; i++)
        for (uint32_t k = 0; k < r.topics[i].n_partitions; k++, at++) {
            r.topics[i].partitions[k].partition_index = c.at[at].partition;
            r.topics[i].partitions[k].error_code = c.at[at].kafka;
        }
    if (step->records.count) {
        step->producer_id = rq->producer_id;
        step->producer_epoch = rq->producer_epoch;
    }
    *ret = r;
    return ST_OK;
}
