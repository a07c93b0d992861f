/* A transactional id's walk.
 *
 *   EMPTY, COMPLETE_* --add partitions--> ONGOING --end--> COMPLETE_COMMIT / COMPLETE_ABORT
 *        ^                                   |                   |
 *        +---- InitProducerId ---------------+-------------------+
 *
 * Kafka goes through PREPARE_* while its markers travel. Here markers, offsets and the record are one commit group, so
 * the end is one step and nobody ever sees a PREPARE_*; one that replay brings is ended by the first tick. For the
 * same reason InitProducerId over an open transaction aborts it and answers at once, where Kafka says
 * CONCURRENT_TRANSACTIONS until the abort is through.
 *
 * Epochs: InitProducerId raises it, and so fences whoever had the id before. A producer of transactions V2 gets a new
 * one with each end, and asking again for the same end is told by its old epoch. An abort that the producer did not ask
 * for raises it too. When a producer id's epochs are used up, a new id takes its place; the last epoch is only ever in
 * a marker.
 *
 * Each step works on a copy of the values, encodes record and marker, and then puts the copy in place. */
#include "coord/txns.h"

/* ---- the end of a transaction ---- */

static enum status put_marker(const struct txn *x, bool commit, int16_t epoch, int16_t version,
                              struct coord_step *step, struct error *err)
{
    struct arena *a = step->arena;
    struct coord_marker_topic *topics = ARENA_ARRAY(a, struct coord_marker_topic, x->n_topics);
    if (!topics)
        return step_refused(a, err);
    for (uint32_t i = 0; i < x->n_topics; i++) {
        const struct txn_topic *p = &x->topics[i];
        topics[i] = (struct coord_marker_topic){ arena_str(a, p->name), ARENA_ARRAY(a, int32_t, p->n), p->n };
        if (!topics[i].topic.ptr || !topics[i].partitions)
            return step_refused(a, err);
        memcpy(topics[i].partitions, p->at, sizeof *p->at * p->n);
    }
    struct coord_marker *m = array_add(&step->markers, a);
    if (!m)
        return step_refused(a, err);
    *m = (struct coord_marker){
        .producer_id = x->v.producer_id,
        .producer_epoch = epoch,
        .commit = commit,
        .txn_version = (int8_t)version,
        .topics = topics,
        .n_topics = x->n_topics,
    };
    return ST_OK;
}

enum status txn_finish(struct coord_txns *t, const struct txn *x, bool commit, int16_t version, bool fence,
                       int64_t now_ms, struct coord_step *step, struct txn_values *v, int16_t *ret_kafka,
                       struct error *err)
{
    bool prepared = v->state == TXN_PREPARE_COMMIT || v->state == TXN_PREPARE_ABORT;
    int16_t marker = v->epoch; /* of a prepared one it is the right one already */
    int64_t next_id = prepared ? v->next_id : -1;
    *ret_kafka = KAFKA_E_NONE;
    if (!prepared && (version >= 2 || fence)) {
        if (version >= 2 && txn_exhausted(v->epoch) && !txn_new_producer(t, &next_id)) {
            *ret_kafka = KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS;
            return ST_OK;
        }
        marker = v->epoch == TXN_EPOCH_MAX ? TXN_EPOCH_MAX : (int16_t)(v->epoch + 1);
        v->last_epoch = version >= 2 ? v->epoch : -1;
    }
    if (x->n_partitions)
        TRY(put_marker(x, commit, marker, version, step, err));
    else if (!prepared)
        v->start_ms = now_ms;
    v->previous_id = v->producer_id;
    v->producer_id = next_id >= 0 ? next_id : v->producer_id;
    v->epoch = next_id >= 0 ? 0 : marker;
    v->next_id = -1;
    v->state = commit ? TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT;
    v->update_ms = now_ms;
    v->client_version = version;
    return ST_OK;
}

/* What a step has yielded when it began. */
struct mark {
    uint32_t records, markers;
};

static struct mark mark(const struct coord_step *step)
{
    return (struct mark){ step->records.count, step->markers.count };
}

static enum status back(struct coord_step *step, struct mark m, enum status st)
{
    step_undo(step, m.records);
    step->markers.count = m.markers;
    return st;
}

/* Writes `v` down and puts it in place. */
static enum status conclude(struct coord_txns *t, struct txn *x, const struct txn_values *v, struct coord_step *step,
                            struct mark m, struct error *err)
{
    enum status st = txn_record(t, x, v, step, err);
    if (st != ST_OK)
        return back(step, m, st);
    txn_set(t, x, v);
    return ST_OK;
}

/* ---- InitProducerId ---- */

/* Who asks says who it was; NULL: a new start. */
struct expected {
    int64_t producer_id;
    int16_t epoch;
};

static int16_t check_expected(const struct txn_values *v, const struct expected *e)
{
    if (v->state == TXN_PREPARE_COMMIT || v->state == TXN_PREPARE_ABORT)
        return KAFKA_E_CONCURRENT_TRANSACTIONS;
    if (!e || v->epoch == -1)
        return KAFKA_E_NONE;
    bool known = e->producer_id == v->producer_id || (e->producer_id == v->previous_id && txn_exhausted(e->epoch));
    return known ? KAFKA_E_NONE : KAFKA_E_PRODUCER_FENCED;
}

static int16_t raise_epoch(struct coord_txns *t, struct txn_values *v, const struct expected *e)
{
    if (e && v->epoch != -1 && e->epoch != v->epoch)
        return e->epoch == v->last_epoch ? KAFKA_E_NONE : KAFKA_E_PRODUCER_FENCED; /* asked again: the same answer */
    int64_t id = v->producer_id;
    if (txn_exhausted(v->epoch) && !txn_new_producer(t, &id))
        return KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS;
    v->last_epoch = e ? v->epoch : -1;
    v->epoch = id != v->producer_id ? 0 : (int16_t)(v->epoch + 1);
    v->previous_id = v->producer_id;
    v->producer_id = id;
    return KAFKA_E_NONE;
}

static enum status init_known(struct coord_txns *t, struct txn *x, const struct expected *e, int32_t timeout_ms,
                              int64_t now_ms, struct coord_step *step, int16_t *ret_kafka, struct error *err)
{
    struct mark m = mark(step);
    struct txn_values v = x->v;
    int16_t kafka = check_expected(&v, e);
    if (kafka == KAFKA_E_NONE && v.state == TXN_ONGOING && !log_bug(t->config.planted, LOG_BUG_INIT_KEEPS)) {
        int16_t epoch = v.epoch;
        TRY(txn_finish(t, x, false, t->config.txn_version, true, now_ms, step, &v, &kafka, err));
        if (e)
            v.last_epoch = epoch; /* nobody but the one that is in it ends an open transaction like this */
    }
    if (kafka == KAFKA_E_NONE)
        kafka = raise_epoch(t, &v, e);
    *ret_kafka = kafka;
    if (kafka != KAFKA_E_NONE)
        return back(step, m, ST_OK);
    v.state = TXN_EMPTY;
    v.timeout_ms = timeout_ms;
    v.start_ms = -1;
    v.update_ms = now_ms;
    return conclude(t, x, &v, step, m, err);
}

static enum status init_txn(struct coord_txns *t, const struct kafka_init_producer_id_request *rq,
                            const struct expected *e, int64_t now_ms, struct coord_step *step,
                            struct kafka_init_producer_id_response *r, struct error *err)
{
    struct txn *x = txn_find(t, rq->transactional_id);
    bool made = !x;
    if (made) {
        int64_t id;
        if (t->by_id.live >= t->config.ids_max)
            return error_set(err, ST_LIMIT, "there are %u transactional ids already", t->by_id.live);
        if (!txn_new_producer(t, &id)) {
            r->error_code = KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS;
            return ST_OK;
        }
        TRY(txn_new(t, rq->transactional_id, &x, err));
        x->v = (struct txn_values){
            .producer_id = id, .previous_id = -1, .next_id = -1, .epoch = -1, .last_epoch = -1, .start_ms = -1
        };
    }
    enum status st = init_known(t, x, e, rq->transaction_timeout_ms, now_ms, step, &r->error_code, err);
    if (st == ST_OK && r->error_code == KAFKA_E_NONE) {
        r->producer_id = x->v.producer_id;
        r->producer_epoch = x->v.epoch;
    } else if (made) {
        txn_free(t, x);
    }
    return st;
}

enum status coord_txns_init(struct coord_txns *t, const struct kafka_init_producer_id_request *rq, int16_t version,
                            int64_t now_ms, struct coord_step *step, struct kafka_init_producer_id_response *ret,
                            struct error *err)
{
    struct kafka_init_producer_id_response r;
    KAFKA_INIT(init_producer_id_response, &r);
    struct expected e = { rq->producer_id, rq->producer_epoch };
    bool expects = e.producer_id != -1 && e.epoch != -1;
    r.producer_epoch = -1;
    if ((e.producer_id == -1) != (e.epoch == -1)) {
        r.error_code = KAFKA_E_INVALID_REQUEST;
    } else if (!rq->transactional_id.ptr) {
        if (txn_new_producer(t, &r.producer_id))
            r.producer_epoch = 0;
        else
            r.error_code = KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS;
    } else if (rq->transactional_id.len == 0) {
        r.error_code = KAFKA_E_INVALID_REQUEST;
    } else if (rq->transaction_timeout_ms <= 0 || rq->transaction_timeout_ms > t->config.timeout_max_ms) {
        r.error_code = KAFKA_E_INVALID_TRANSACTION_TIMEOUT;
    } else {
        TRY(init_txn(t, rq, expects ? &e : NULL, now_ms, step, &r, err));
    }
    if (version < 4 && r.error_code == KAFKA_E_PRODUCER_FENCED)
        r.error_code = KAFKA_E_INVALID_PRODUCER_EPOCH;
    *ret = r;
    return ST_OK;
}

/* ---- partitions ---- */

struct txn_partition {
    struct str topic;
    int32_t partition;
    bool added;
};

/* Whether this producer may do something in its transaction. */
static int16_t check_producer(const struct coord_txns *t, const struct txn *x, const struct coord_producer *p)
{
    if (p->transactional_id.len == 0)
        return KAFKA_E_INVALID_REQUEST;
    if (!x || x->v.producer_id != p->producer_id)
        return KAFKA_E_INVALID_PRODUCER_ID_MAPPING;
    if (x->v.epoch != p->producer_epoch && !log_bug(t->config.planted, LOG_BUG_NO_FENCE))
        return KAFKA_E_PRODUCER_FENCED;
    return x->v.state == TXN_PREPARE_COMMIT || x->v.state == TXN_PREPARE_ABORT ? KAFKA_E_CONCURRENT_TRANSACTIONS
                                                                              : KAFKA_E_NONE;
}

static void take_back(struct coord_txns *t, struct txn *x, const struct txn_partition *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (at[i].added)
            txn_take(t, x, at[i].topic, at[i].partition);
}

static enum status add_partitions(struct coord_txns *t, const struct coord_producer *p, struct txn_partition *at,
                                  uint32_t n, int16_t client_version, int64_t now_ms, struct coord_step *step,
                                  int16_t *ret_kafka, struct error *err)
{
    struct txn *x = txn_find(t, p->transactional_id);
    *ret_kafka = check_producer(t, x, p);
    if (*ret_kafka != KAFKA_E_NONE)
        return ST_OK;
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        if (!txn_put(t, x, at[i].topic, at[i].partition, &at[i].added)) {
            take_back(t, x, at, i);
            return budget_error(t->budget, 0, err);
        }
        any |= at[i].added;
    }
    if (x->n_partitions > t->config.partitions_max) {
        take_back(t, x, at, n);
        *ret_kafka = KAFKA_E_INVALID_TXN_STATE;
        return ST_OK;
    }
    if (!any && x->v.state == TXN_ONGOING)
        return ST_OK;
    struct txn_values v = x->v;
    v.start_ms = v.state == TXN_ONGOING ? v.start_ms : now_ms;
    v.state = TXN_ONGOING;
    v.previous_id = v.producer_id;
    v.update_ms = now_ms;
    v.client_version = client_version;
    enum status st = conclude(t, x, &v, step, mark(step), err);
    if (st != ST_OK)
        take_back(t, x, at, n);
    return st;
}

/* The request's partitions in one list, and an answer that names them. */
static enum status list_partitions(const struct kafka_add_partitions_to_txn_request_transaction *rq, struct arena *a,
                                   struct kafka_add_partitions_to_txn_response_transaction *r,
                                   struct txn_partition **ret, uint32_t *ret_n, struct error *err)
{
    size_t n = 0;
    for (uint32_t i = 0; i < rq->n_topics; i++)
        n += rq->topics[i].n_partitions;
    struct txn_partition *at = ARENA_ARRAY(a, struct txn_partition, n);
    r->transactional_id = step_str(a, rq->transactional_id);
    r->topic_results = KAFKA_NEW(a, add_partitions_to_txn_response_topic, rq->n_topics);
    if (!at || !r->transactional_id.ptr || !r->topic_results)
        return step_refused(a, err);
    r->n_topic_results = rq->n_topics;
    *ret = at;
    *ret_n = (uint32_t)n;
    for (uint32_t i = 0; i < rq->n_topics; i++) {
        const struct kafka_add_partitions_to_txn_request_topic *from = &rq->topics[i];
        struct kafka_add_partitions_to_txn_response_topic *to = &r->topic_results[i];
        to->name = step_str(a, from->name);
        to->results_by_partition = KAFKA_NEW(a, add_partitions_to_txn_response_partition, from->n_partitions);
        if (!to->name.ptr || !to->results_by_partition)
            return step_refused(a, err);
        to->n_results_by_partition = from->n_partitions;
        for (uint32_t k = 0; k < from->n_partitions; k++) {
            to->results_by_partition[k].partition_index = from->partitions[k];
            *at++ = (struct txn_partition){ from->name, from->partitions[k], false };
        }
    }
    return ST_OK;
}

enum status coord_txns_add(struct coord_txns *t, const struct kafka_add_partitions_to_txn_request_transaction *rq,
                           int16_t version, int64_t now_ms, struct coord_step *step,
                           struct kafka_add_partitions_to_txn_response_transaction *ret, struct error *err)
{
    struct kafka_add_partitions_to_txn_response_transaction r;
    KAFKA_INIT(add_partitions_to_txn_response_transaction, &r);
    struct coord_producer p = { rq->transactional_id, rq->producer_id, rq->producer_epoch };
    struct txn_partition *at;
    uint32_t n;
    int16_t kafka;
    TRY(list_partitions(rq, step->arena, &r, &at, &n, err));
    const struct txn *x = txn_find(t, rq->transactional_id);
    if (rq->verify_only)
        kafka = check_producer(t, x, &p);
    else
        TRY(add_partitions(t, &p, at, n, version > 3 ? 2 : 0, now_ms, step, &kafka, err));
    if (version < 2 && kafka == KAFKA_E_PRODUCER_FENCED)
        kafka = KAFKA_E_INVALID_PRODUCER_EPOCH;
    for (uint32_t i = 0; i < r.n_topic_results; i++)
        for (uint32_t k = 0; k < r.topic_results[i].n_results_by_partition; k++) {
            bool missing = kafka == KAFKA_E_NONE && rq->verify_only &&
                           !txn_has(x, rq->topics[i].name, rq->topics[i].partitions[k]);
            r.topic_results[i].results_by_partition[k].partition_error_code =
                missing ? KAFKA_E_TRANSACTION_ABORTABLE : kafka;
        }
    *ret = r;
    return ST_OK;
}

enum status coord_txns_partition(struct coord_txns *t, const struct coord_producer *p, struct str topic,
                                 int32_t partition, bool v2, int64_t now_ms, struct coord_step *step,
                                 int16_t *ret_kafka, struct error *err)
{
    struct txn_partition one = { topic, partition, false };
    if (v2)
        return add_partitions(t, p, &one, 1, 2, now_ms, step, ret_kafka, err);
    const struct txn *x = txn_find(t, p->transactional_id);
    *ret_kafka = check_producer(t, x, p);
    if (*ret_kafka == KAFKA_E_NONE && !txn_has(x, topic, partition))
        *ret_kafka = KAFKA_E_TRANSACTION_ABORTABLE;
    return ST_OK;
}

enum status coord_txns_add_offsets(struct coord_txns *t, const struct kafka_add_offsets_to_txn_request *rq,
                                   int16_t version, int64_t now_ms, struct coord_step *step,
                                   struct kafka_add_offsets_to_txn_response *ret, struct error *err)
{
    struct coord_producer p = { rq->transactional_id, rq->producer_id, rq->producer_epoch };
    struct txn_partition one = { STR(COORD_OFFSETS_TOPIC), coord_partition(rq->group_id, t->config.offsets_partitions),
                                 false };
    int16_t kafka;
    TRY(add_partitions(t, &p, &one, 1, 0, now_ms, step, &kafka, err));
    KAFKA_INIT(add_offsets_to_txn_response, ret);
    ret->error_code =
        version < 2 && kafka == KAFKA_E_PRODUCER_FENCED ? KAFKA_E_INVALID_PRODUCER_EPOCH : kafka;
    return ST_OK;
}

/* ---- EndTxn ---- */

/* What an end that was asked for comes to. */
enum verdict { END_IT, END_AGAIN /* it was this one already */, END_NOT };

/* V1: the epoch is the producer's own until the next InitProducerId. */
static enum verdict judge_v1(const struct txn_values *v, const struct kafka_end_txn_request *rq, int16_t *kafka)
{
    enum txn_status done = rq->committed ? TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT;
    enum txn_status prepared = rq->committed ? TXN_PREPARE_COMMIT : TXN_PREPARE_ABORT;
    if (v->producer_id != rq->producer_id)
        *kafka = KAFKA_E_INVALID_PRODUCER_ID_MAPPING;
    else if (v->epoch != rq->producer_epoch)
        *kafka = KAFKA_E_PRODUCER_FENCED;
    else if (v->state == TXN_ONGOING)
        return END_IT;
    else if (v->state == done)
        return END_AGAIN;
    else
        *kafka = v->state == prepared ? KAFKA_E_CONCURRENT_TRANSACTIONS : KAFKA_E_INVALID_TXN_STATE;
    return END_NOT;
}

/* V2: each end raises the epoch, so the one before asks again; an abort needs no partitions. */
static enum verdict judge_v2(const struct txn_values *v, const struct kafka_end_txn_request *rq, int16_t *kafka)
{
    bool overflown = v->previous_id == rq->producer_id && rq->producer_epoch == TXN_EPOCH_MAX - 1 && v->epoch == 0;
    bool again = v->epoch == rq->producer_epoch + 1 || overflown;
    bool current = v->epoch == rq->producer_epoch;
    bool complete = v->state == TXN_COMPLETE_COMMIT || v->state == TXN_COMPLETE_ABORT;
    bool prepared = v->state == TXN_PREPARE_COMMIT || v->state == TXN_PREPARE_ABORT;
    bool same = v->state == (rq->committed ? TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT) ||
                v->state == (rq->committed ? TXN_PREPARE_COMMIT : TXN_PREPARE_ABORT);
    *kafka = KAFKA_E_INVALID_TXN_STATE;
    if (v->producer_id != rq->producer_id && !overflown) {
        *kafka = KAFKA_E_INVALID_PRODUCER_ID_MAPPING;
    } else if (!(complete ? again || current : prepared ? again && !overflown : current)) {
        *kafka = KAFKA_E_PRODUCER_FENCED;
    } else if (v->state == TXN_ONGOING) {
        return END_IT;
    } else if (prepared) {
        *kafka = same ? KAFKA_E_CONCURRENT_TRANSACTIONS : KAFKA_E_INVALID_TXN_STATE;
    } else if (complete && again) {
        return same ? END_AGAIN : END_NOT;
    } else if (!rq->committed) {
        return END_IT;
    }
    return END_NOT;
}

enum status coord_txns_end(struct coord_txns *t, const struct kafka_end_txn_request *rq, int16_t version,
                           int64_t now_ms, struct coord_step *step, struct kafka_end_txn_response *ret,
                           struct error *err)
{
    int16_t rules = version >= 5 ? 2 : 0, kafka = KAFKA_E_NONE;
    struct txn *x = txn_find(t, rq->transactional_id);
    enum verdict verdict = END_NOT;
    if (rq->transactional_id.len == 0)
        kafka = KAFKA_E_INVALID_REQUEST;
    else if (!x)
        kafka = KAFKA_E_INVALID_PRODUCER_ID_MAPPING;
    else if (x->v.state == TXN_ONGOING && log_bug(t->config.planted, LOG_BUG_NO_FENCE))
        verdict = END_IT;
    else
        verdict = rules ? judge_v2(&x->v, rq, &kafka) : judge_v1(&x->v, rq, &kafka);
    if (verdict != END_NOT)
        kafka = KAFKA_E_NONE;
    if (verdict == END_IT) {
        struct mark m = mark(step);
        struct txn_values v = x->v;
        TRY(txn_finish(t, x, rq->committed, rules, false, now_ms, step, &v, &kafka, err));
        if (kafka == KAFKA_E_NONE)
            TRY(conclude(t, x, &v, step, m, err));
    }
    KAFKA_INIT(end_txn_response, ret);
    ret->error_code = version < 2 && kafka == KAFKA_E_PRODUCER_FENCED ? KAFKA_E_INVALID_PRODUCER_EPOCH : kafka;
    if (rules && kafka == KAFKA_E_NONE) {
        ret->producer_id = x->v.producer_id;
        ret->producer_epoch = x->v.epoch;
    }
    return ST_OK;
}

/* ---- time ---- */

enum { TICK_PARTITIONS = 4096 }; /* a marker for each: more transactions wait for the next tick */

static enum status forget(struct coord_txns *t, struct txn *x, struct coord_step *step, struct error *err)
{
    struct kafka_transaction_log_key key = { .transactional_id = x->id };
    TRY(step_record(step, &t->scratch, (struct step_form){ &kafka_transaction_log_key, 0, &key }, NULL, err));
    txn_free(t, x);
    return ST_OK;
}

static enum status end_by_time(struct coord_txns *t, struct txn *x, int64_t now_ms, struct coord_step *step,
                               struct error *err)
{
    struct mark m = mark(step);
    struct txn_values v = x->v;
    bool commit = v.state == TXN_PREPARE_COMMIT, open = v.state == TXN_ONGOING;
    int16_t kafka, version = open ? t->config.txn_version : v.client_version;
    enum status st = txn_finish(t, x, commit, version, open, now_ms, step, &v, &kafka, err);
    if (st != ST_OK)
        return back(step, m, st);
    if (kafka != KAFKA_E_NONE) /* no producer id left for it */
        return back(step, m, ST_LIMIT);
    return conclude(t, x, &v, step, m, err);
}

enum status coord_txns_tick(struct coord_txns *t, int64_t now_ms, struct coord_step *step, struct error *err)
{
    uint32_t ended = 0;
    for (int i = 0; i < COORD_TICK_GROUPS && due_first(&t->heap) <= now_ms && ended < TICK_PARTITIONS; i++) {
        struct txn *x = (struct txn *)t->heap.at[0];
        ended += x->n_partitions;
        bool idle = x->v.state == TXN_EMPTY || x->v.state == TXN_COMPLETE_COMMIT || x->v.state == TXN_COMPLETE_ABORT;
        enum status st = idle ? forget(t, x, step, err) : end_by_time(t, x, now_ms, step, err);
        if (st != ST_OK)
            due_move(&t->heap, &x->due, coord_after(now_ms, COORD_RETRY_MS));
    }
    return ST_OK;
}
