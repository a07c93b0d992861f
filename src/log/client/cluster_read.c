/* Reading by partition and offset: librdkafka's simple consumer, all partitions forwarded to one queue. A record's bytes
 * are the message's own, kept until the next call; only the array of its headers is ours. */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

#define DAMAGED_WAIT_MS 2000

enum status cluster_read_from(struct cluster *c, struct str topic, int32_t partition, int64_t offset,
                              struct error *err)
{
    struct rd_kafka_topic_s *t = cluster_source_of(c, topic, err);
    struct cluster_reading *r = t ? ARENA_NEW(&c->arena, struct cluster_reading) : NULL;
    if (!t)
        return err ? err->status : ST_IO;
    if (!r)
        return budget_error(c->arena.budget, sizeof *r, err);
    if (rdk.consume_start_queue(t, partition, offset, c->queue) == 0) {
        *r = (struct cluster_reading){ t, partition, c->readings };
        c->readings = r;
        return ST_OK;
    }
    rd_kafka_resp_err_t code = rdk.last_error();
    if (code == RD_KAFKA_RESP_ERR__CONFLICT) /* it is being read */
        code = rdk.seek(t, partition, offset, (int)c->o.timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return cluster_code_error(c, code, rdk.topic_name(t), NULL, err);
    return ST_OK;
}

enum status cluster_read_stop(struct cluster *c, struct str topic, int32_t partition, struct error *err)
{
    struct rd_kafka_topic_s *t = cluster_source_of(c, topic, err);
    if (!t)
        return err ? err->status : ST_IO;
    struct cluster_reading **at = &c->readings;
    while (*at && ((*at)->topic != t || (*at)->partition != partition))
        at = &(*at)->next;
    if (*at)
        *at = (*at)->next;
    if (rdk.consume_stop(t, partition) == 0)
        return ST_OK;
    return cluster_code_error(c, (int)rdk.last_error(), rdk.topic_name(t), NULL, err);
}

/* Behind a damaged batch librdkafka (2.0.2 to 2.15.0) asks for an offset that is none. When the answer to that comes while the
 * handle ends, it is put back into a queue that is closed, whose refusal does the same again under the partition's lock, and
 * the handle never ends. So that answer is waited for: it comes before the answer to what is asked now. */
void cluster_partition_end(struct cluster *c, struct rd_kafka_topic_s *topic, int32_t partition)
{
    int64_t first, end;
    (void)rdk.consume_stop(topic, partition); /* it was started: nothing to fail */
    if (atomic_load(&c->is_damaged))
        (void)rdk.query_watermark_offsets(c->rk, rdk.topic_name(topic), partition, &first, &end, DAMAGED_WAIT_MS);
}

void cluster_read_end(struct cluster *c)
{
    for (struct cluster_reading *r = c->readings; r; r = r->next)
        cluster_partition_end(c, r->topic, r->partition);
    c->readings = NULL;
}

enum status cluster_headers_of(const rd_kafka_message_t *m, struct arena *a, struct cluster_record *ret,
                               struct error *err)
{
    rd_kafka_headers_t *all = NULL;
    if (rdk.message_headers(m, &all) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ST_OK;
    uint32_t n = (uint32_t)rdk.header_cnt(all);
    arena_reset(a);
    struct cluster_header *h = ARENA_ARRAY(a, struct cluster_header, n + 1);
    if (!h)
        return budget_error(a->budget, n * sizeof *h, err);
    for (uint32_t i = 0; i < n; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t len = 0;
        if (rdk.header_get_all(all, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR)
            h[ret->n_headers++] = (struct cluster_header){ str_from(name), str_make(value, len) };
    }
    ret->headers = h;
    return ST_OK;
}

static int32_t leader_epoch_of(const rd_kafka_message_t *m)
{
#if RD_KAFKA_VERSION >= 0x020100ff
    return rd_kafka_message_leader_epoch(m);
#else
    (void)m;
    return -1;
#endif
}

struct cluster_record cluster_record_of(const rd_kafka_message_t *m)
{
    static const enum cluster_clock clocks[] = { [RD_KAFKA_TIMESTAMP_NOT_AVAILABLE] = CLUSTER_NO_TIME,
                                                 [RD_KAFKA_TIMESTAMP_CREATE_TIME] = CLUSTER_CREATE_TIME,
                                                 [RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME] = CLUSTER_APPEND_TIME };
    rd_kafka_timestamp_type_t type;
    struct cluster_record r = {
        .topic = str_from(rdk.topic_name(m->rkt)),
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = rdk.message_timestamp(m, &type),
        .leader_epoch = leader_epoch_of(m),
    };
    r.clock = clocks[type];
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        r.key = str_make(m->key, m->key_len);
        r.value = str_make(m->payload, m->len);
    }
    return r;
}

enum status cluster_message_error(struct cluster *c, const rd_kafka_message_t *m, struct error *err)
{
    const char *topic = m->rkt ? rdk.topic_name(m->rkt) : "reading";
    enum status st = cluster_code_status(m->err);
    if (st == ST_CORRUPT && m->rkt) {
        atomic_store(&c->is_damaged, true);
        error_set(err, st, "%s: partition %d is damaged at offset %lld: %s", topic, m->partition, (long long)m->offset,
                  rdk.message_errstr(m));
        error_hint(err, "the broker's disk has it so: weir doctor DIR names file and offsets; what is behind can be read from there on");
        return st;
    }
    if (st != ST_DATA || !m->rkt)
        return cluster_code_error(c, m->err, topic, rdk.message_errstr(m), err);
    return error_set(err, st, "%s: partition %d has no offset %lld: %s", topic, m->partition, (long long)m->offset,
                     rdk.message_errstr(m));
}

enum status cluster_read(struct cluster *c, int64_t wait_ms, enum cluster_event *ret_event, struct cluster_record *ret,
                         struct error *err)
{
    if (c->message)
        rdk.message_destroy(c->message);
    rdk.poll(c->rk, 0);
    c->message = rdk.consume_queue(c->queue, (int)wait_ms);
    *ret_event = CLUSTER_QUIET;
    const rd_kafka_message_t *m = c->message;
    if (!m || m->err == RD_KAFKA_RESP_ERR__TRANSPORT) /* it connects again by itself */
        return cluster_lost(c, err);
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return cluster_message_error(c, m, err);
    cluster_answers(c);
    *ret = cluster_record_of(m);
    *ret_event = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? CLUSTER_AT_END : CLUSTER_RECORD;
    return *ret_event == CLUSTER_RECORD ? cluster_headers_of(m, &c->scratch, ret, err) : ST_OK;
}
