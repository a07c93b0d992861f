/* Producing: records are copied into librdkafka's queue; its answers come back in rd_kafka_poll, on the caller's thread.
 * A full queue is waited for, so that a slow broker slows its producer. */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

#define SLICE_MS 100
#define FIELDS 8

void cluster_on_delivery(struct cluster *c, const struct rd_kafka_message_s *m)
{
    struct error err = { .status = ST_OK };
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        c->delivered++;
        cluster_answers(c);
    } else {
        cluster_code_error(c, m->err, rdk.topic_name(m->rkt), NULL, &err);
        if (c->failure.status == ST_OK)
            c->failure = err;
    }
    if (c->o.delivered)
        c->o.delivered(c->o.arg, m->_private, err.status, m->partition, m->offset, &err);
}

static rd_kafka_headers_t *headers_of(const struct cluster_record *r, enum status *st)
{
    if (r->n_headers == 0)
        return NULL;
    rd_kafka_headers_t *all = rdk.headers_new(r->n_headers);
    for (uint32_t i = 0; i < r->n_headers; i++) {
        const struct cluster_header *h = &r->headers[i];
        if (rdk.header_add(all, h->name.ptr, (ssize_t)h->name.len, h->value.ptr, (ssize_t)h->value.len))
            *st = ST_IO;
    }
    return all;
}

enum status cluster_offer(struct cluster *c, const struct cluster_record *r, void *tag, bool *ret_full, struct error *err)
{
    struct rd_kafka_topic_s *topic = cluster_source_of(c, r->topic, err);
    if (!topic)
        return err ? err->status : ST_IO;
    enum status st = ST_OK;
    rd_kafka_headers_t *headers = headers_of(r, &st);
    rd_kafka_vu_t v[FIELDS] = {
        { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic },
        { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)r->key.ptr, r->key.len } },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)(uintptr_t)r->value.ptr, r->value.len } },
        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->timestamp_ms },
        { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = tag },
        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
    };
    rd_kafka_error_t *e = st == ST_OK ? rdk.produceva(c->rk, v, headers ? FIELDS : FIELDS - 1) : NULL;
    *ret_full = e && rdk.error_code(e) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (st == ST_OK && !e)
        return ST_OK; /* the headers are librdkafka's now */
    if (headers)
        rdk.headers_destroy(headers);
    if (*ret_full)
        rdk.error_destroy(e);
    else if (st == ST_OK)
        st = cluster_call_error(c, e, rdk.topic_name(topic), err);
    return st;
}

enum status cluster_produce(struct cluster *c, const struct cluster_record *r, void *tag, struct error *err)
{
    for (bool full = true; full;) {
        TRY(cluster_offer(c, r, tag, &full, err));
        rdk.poll(c->rk, full ? SLICE_MS : 0);
        if (full && cluster_stopped(c))
            return cluster_cancelled(err);
    }
    return ST_OK;
}

static enum status failure(const struct cluster *c, struct error *err)
{
    if (c->failure.status != ST_OK && err)
        *err = c->failure;
    return c->failure.status;
}

enum status cluster_poll(struct cluster *c, struct error *err)
{
    rdk.poll(c->rk, 0);
    TRY(cluster_lost(c, err));
    return failure(c, err);
}

enum status cluster_flush(struct cluster *c, struct error *err)
{
    while (rdk.flush(c->rk, SLICE_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        if (cluster_stopped(c))
            return cluster_cancelled(err);
    enum status st = failure(c, err);
    c->failure.status = ST_OK;
    return st;
}

uint64_t cluster_delivered(const struct cluster *c)
{
    return c->delivered;
}

uint64_t cluster_undelivered(const struct cluster *c)
{
    return (uint64_t)rdk.outq_len(c->rk);
}

/* ---- transactions ---- */

enum status cluster_txn_init(struct cluster *c, struct error *err)
{
    return cluster_call_error(c, rdk.init_transactions(c->rk, (int)c->o.timeout_ms), "transactions", err);
}

enum status cluster_txn_begin(struct cluster *c, struct error *err)
{
    return cluster_call_error(c, rdk.begin_transaction(c->rk), "transaction", err);
}

enum status cluster_txn_commit(struct cluster *c, struct error *err)
{
    return cluster_call_error(c, rdk.commit_transaction(c->rk, -1), "commit", err);
}

enum status cluster_txn_abort(struct cluster *c, struct error *err)
{
    return cluster_call_error(c, rdk.abort_transaction(c->rk, -1), "abort", err);
}
