/* Where things lie: ListOffsets, OffsetForLeaderEpoch, DeleteRecords. */
#include "broker/handlers.h"

static struct topic_partition *find(struct topic *t, int32_t index)
{
    return t && index >= 0 ? topic_partition(t, (uint32_t)index) : NULL;
}

/* ---- ListOffsets ---- */

/* Timestamps that are none: since which version a client may ask for them. */
static const struct {
    int64_t timestamp;
    int16_t since;
    bool tiered; /* a place in a tier that we do not have: nothing, without an error */
} special[] = {
    { -1, 1, false }, { -2, 1, false }, { -3, 7, false }, { -4, 8, false }, { -5, 9, true }, { -6, 11, true },
};

/* Kafka's error for a timestamp of this version; *ret_tiered. */
static int16_t judge(int64_t timestamp, int16_t version, bool *ret_tiered)
{
    *ret_tiered = false;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (special[i].timestamp != timestamp)
            continue;
        *ret_tiered = special[i].tiered;
        return version >= special[i].since ? KAFKA_E_NONE : KAFKA_E_UNSUPPORTED_VERSION;
    }
    return timestamp >= 0 ? KAFKA_E_NONE : KAFKA_E_UNSUPPORTED_VERSION;
}

static void list_one(struct call *c, struct topic *t, const struct kafka_list_offsets_request_partition *from,
                     struct kafka_list_offsets_response_partition *r)
{
    const struct kafka_list_offsets_request *q = c->in;
    bool tiered;
    struct topic_offset o = {
        .partition = find(t, from->partition_index), .timestamp_ms = from->timestamp,
        .committed = q->isolation_level == 1, .leader_epoch = from->current_leader_epoch,
    };
    r->partition_index = from->partition_index;
    r->error_code = !isolation_known(q->isolation_level) ? KAFKA_E_INVALID_REQUEST
                    : o.partition ? judge(from->timestamp, c->version, &tiered)
                                  : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
    if (r->error_code != KAFKA_E_NONE || tiered)
        return;
    enum status st = topic_list_offset(&o, c->door->iter, NULL);
    r->error_code = o.kafka;
    if (st != ST_OK || o.kafka != KAFKA_E_NONE)
        return;
    r->offset = o.offset;
    r->timestamp = o.found_ms;
    r->leader_epoch = o.epoch;
}

void handle_list_offsets(struct call *c)
{
    const struct kafka_list_offsets_request *q = c->in;
    struct kafka_list_offsets_response r;
    KAFKA_INIT(list_offsets_response, &r);
    r.n_topics = q->n_topics;
    r.topics = KAFKA_NEW(&c->arena, list_offsets_response_topic, q->n_topics);
    bool ok = r.topics != NULL;
    for (uint32_t i = 0; ok && i < q->n_topics; i++) {
        const struct kafka_list_offsets_request_topic *from = &q->topics[i];
        struct topic *t = call_topic(c, from->name);
        r.topics[i].name = from->name;
        r.topics[i].n_partitions = from->n_partitions;
        r.topics[i].partitions = KAFKA_NEW(&c->arena, list_offsets_response_partition, from->n_partitions);
        ok = r.topics[i].partitions != NULL;
        for (uint32_t k = 0; ok && k < from->n_partitions; k++)
            list_one(c, t, &from->partitions[k], &r.topics[i].partitions[k]);
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

/* ---- OffsetForLeaderEpoch ---- */

void handle_offset_for_leader_epoch(struct call *c)
{
    const struct kafka_offset_for_leader_epoch_request *q = c->in;
    struct kafka_offset_for_leader_epoch_response r;
    KAFKA_INIT(offset_for_leader_epoch_response, &r);
    r.n_topics = q->n_topics;
    r.topics = KAFKA_NEW(&c->arena, offset_for_leader_epoch_response_topic, q->n_topics);
    bool ok = r.topics != NULL;
    for (uint32_t i = 0; ok && i < q->n_topics; i++) {
        const struct kafka_offset_for_leader_epoch_request_topic *from = &q->topics[i];
        struct kafka_offset_for_leader_epoch_response_topic *to = &r.topics[i];
        struct topic *t = call_topic(c, from->topic);
        to->topic = from->topic;
        to->n_partitions = from->n_partitions;
        to->partitions = KAFKA_NEW(&c->arena, offset_for_leader_epoch_response_partition, from->n_partitions);
        ok = to->partitions != NULL;
        for (uint32_t k = 0; ok && k < from->n_partitions; k++) {
            const struct kafka_offset_for_leader_epoch_request_partition *p = &from->partitions[k];
            struct topic_partition *at = find(t, p->partition);
            to->partitions[k].partition = p->partition;
            to->partitions[k].error_code =
                at ? topic_epoch_end(at, p->current_leader_epoch, p->leader_epoch, &to->partitions[k].leader_epoch,
                                     &to->partitions[k].end_offset)
                   : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
        }
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

/* ---- DeleteRecords ---- */

static void records_deleted(struct call *c)
{
    const struct kafka_delete_records_request *q = c->in;
    const struct errands *e = c->state;
    struct kafka_delete_records_response r;
    KAFKA_INIT(delete_records_response, &r);
    uint32_t at = 0;
    r.n_topics = q->n_topics;
    r.topics = KAFKA_NEW(&c->arena, delete_records_response_topic, q->n_topics);
    bool ok = r.topics != NULL;
    for (uint32_t i = 0; ok && i < q->n_topics; i++) {
        const struct kafka_delete_records_request_topic *from = &q->topics[i];
        struct kafka_delete_records_response_topic *t = &r.topics[i];
        t->name = from->name;
        t->n_partitions = from->n_partitions;
        t->partitions = KAFKA_NEW(&c->arena, delete_records_response_partition, from->n_partitions);
        ok = t->partitions != NULL;
        for (uint32_t k = 0; ok && k < from->n_partitions; k++, at++) {
            t->partitions[k].partition_index = from->partitions[k].partition_index;
            t->partitions[k].error_code = e->at[at].kafka;
            t->partitions[k].low_watermark = e->at[at].kafka == KAFKA_E_NONE ? e->at[at].low : -1;
        }
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

void handle_delete_records(struct call *c)
{
    const struct kafka_delete_records_request *q = c->in;
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->n_topics; i++)
        n += q->topics[i].n_partitions;
    struct errands *e = errands_new(c, n);
    if (!e) {
        call_no_memory(c);
        return;
    }
    c->state = e;
    for (uint32_t i = 0; i < q->n_topics; i++) {
        for (uint32_t k = 0; k < q->topics[i].n_partitions; k++) {
            const struct kafka_delete_records_request_partition *p = &q->topics[i].partitions[k];
            e->at[e->n++] = (struct topic_admin){ .kind = TOPIC_ADMIN_TRIM, .name = q->topics[i].name,
                                                  .partition = (uint32_t)p->partition_index, .offset = p->offset };
        }
    }
    errands_go(e, records_deleted);
}
