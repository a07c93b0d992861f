/* Producer ids and transactions: the requests of producers, and what operators ask. What a transaction is and may is
 * coord's; here partitions that do not exist are found out, and one transaction and many get the same form. */
#include "broker/handlers.h"

static bool there(struct topic *t, int32_t index)
{
    return t && index >= 0 && topic_partition(t, (uint32_t)index);
}

/* ---- InitProducerId ---- */

static enum status run_init(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_init_producer_id_response *r = ANSWER(a, with->txns_step, init_producer_id);
    return r ? coord_txns_init(with->txns, a->call->in, a->client.version, with->now_ms, with->txns_step, r, err)
             : NO_MEMORY(with->txns_step, err);
}
FAIL(init_producer_id)
void handle_init_producer_id(struct call *c)
{
    static const struct asked_kind kind = { run_init, fail_init_producer_id, false };
    const struct kafka_init_producer_id_request *q = c->in;
    struct kafka_init_producer_id_response r;
    if (q->transactional_id.ptr) {
        coordinate(c, &kind);
        return;
    }
    KAFKA_INIT(init_producer_id_response, &r); /* an idempotent producer only: an id, and nobody remembers whose */
    r.producer_id = topics_producer_ids(call_topics(c), 1);
    if (r.producer_id < 0) {
        r.error_code = KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS;
        r.producer_epoch = -1;
    }
    call_answer(c, &r);
}

/* ---- AddPartitionsToTxn ---- */

static struct kafka_add_partitions_to_txn_response_topic *
partition_errors(struct call *c, struct arena *arena, const struct kafka_add_partitions_to_txn_request_topic *from,
                 uint32_t n, int16_t present, int16_t missing)
{
    struct kafka_add_partitions_to_txn_response_topic *to = KAFKA_NEW(arena, add_partitions_to_txn_response_topic, n);
    for (uint32_t i = 0; to && i < n; i++) {
        struct topic *t = missing == present ? NULL : call_topic(c, from[i].name);
        to[i].name = from[i].name;
        to[i].n_results_by_partition = from[i].n_partitions;
        to[i].results_by_partition = KAFKA_NEW(arena, add_partitions_to_txn_response_partition, from[i].n_partitions);
        if (!to[i].results_by_partition)
            return NULL;
        for (uint32_t k = 0; k < from[i].n_partitions; k++) {
            to[i].results_by_partition[k].partition_index = from[i].partitions[k];
            to[i].results_by_partition[k].partition_error_code = there(t, from[i].partitions[k]) ? present : missing;
        }
    }
    return to;
}

static bool all_there(struct call *c, const struct kafka_add_partitions_to_txn_request_topic *from, uint32_t n)
{
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++) {
        struct topic *t = call_topic(c, from[i].name);
        for (uint32_t k = 0; k < from[i].n_partitions && ok; k++)
            ok = there(t, from[i].partitions[k]);
    }
    return ok;
}

/* All transactions of the request, one or many, and which of them name only what exists. */
struct adds {
    struct kafka_add_partitions_to_txn_request_transaction *at;
    struct kafka_add_partitions_to_txn_response_topic **refused; /* NULL: all of its partitions exist */
    uint32_t n;
};

static struct adds *adds_of(struct call *c)
{
    const struct kafka_add_partitions_to_txn_request *q = c->in;
    struct adds *s = ARENA_NEW(&c->arena, struct adds);
    if (!s)
        return NULL;
    s->n = c->version < 4 ? 1 : q->n_transactions;
    s->refused = ARENA_ARRAY(&c->arena, struct kafka_add_partitions_to_txn_response_topic *, s->n + 1);
    s->at = c->version < 4 ? KAFKA_NEW(&c->arena, add_partitions_to_txn_request_transaction, 1) : q->transactions;
    if (!s->refused || !s->at)
        return NULL;
    if (c->version < 4) {
        s->at->transactional_id = q->v3_and_below_transactional_id;
        s->at->producer_id = q->v3_and_below_producer_id;
        s->at->producer_epoch = q->v3_and_below_producer_epoch;
        s->at->topics = q->v3_and_below_topics;
        s->at->n_topics = q->n_v3_and_below_topics;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        if (all_there(c, s->at[i].topics, s->at[i].n_topics))
            continue;
        s->refused[i] = partition_errors(c, &c->arena, s->at[i].topics, s->at[i].n_topics,
                                         KAFKA_E_OPERATION_NOT_ATTEMPTED, KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
        if (!s->refused[i])
            return NULL;
    }
    return s;
}

static enum status run_add(struct asked *a, struct topic_coords *with, struct error *err)
{
    const struct adds *s = a->request;
    struct coord_step *step = with->txns_step;
    struct kafka_add_partitions_to_txn_response *r = ANSWER(a, step, add_partitions_to_txn);
    if (r)
        r->results_by_transaction = KAFKA_NEW(step->arena, add_partitions_to_txn_response_transaction, s->n);
    if (!r || !r->results_by_transaction)
        return NO_MEMORY(step, err);
    r->n_results_by_transaction = s->n;
    for (uint32_t i = 0; i < s->n; i++) {
        struct kafka_add_partitions_to_txn_response_transaction *to = &r->results_by_transaction[i];
        const struct kafka_add_partitions_to_txn_request_transaction *from = &s->at[i];
        if (!s->refused[i]) {
            TRY(coord_txns_add(with->txns, from, a->client.version, with->now_ms, step, to, err));
            continue;
        }
        to->transactional_id = from->transactional_id;
        to->n_topic_results = from->n_topics;
        to->topic_results = s->refused[i];
    }
    r->results_by_topic_v3_and_below = s->n ? r->results_by_transaction->topic_results : NULL;
    r->n_results_by_topic_v3_and_below = s->n ? r->results_by_transaction->n_topic_results : 0;
    return ST_OK;
}
static const void *fail_add(struct call *c, int16_t kafka)
{
    const struct asked *a = c->state;
    const struct adds *s = a->request;
    struct kafka_add_partitions_to_txn_response *r = KAFKA_NEW(&c->arena, add_partitions_to_txn_response, 1);
    if (!r)
        return NULL;
    r->error_code = kafka;
    if (c->version < 4) {
        r->n_results_by_topic_v3_and_below = s->at->n_topics;
        r->results_by_topic_v3_and_below =
            partition_errors(c, &c->arena, s->at->topics, s->at->n_topics, kafka, kafka);
    }
    return c->version >= 4 || r->results_by_topic_v3_and_below ? r : NULL;
}
void handle_add_partitions_to_txn(struct call *c)
{
    static const struct asked_kind kind = { run_add, fail_add, false };
    struct adds *s = adds_of(c);
    if (s)
        coordinate_with(c, &kind, s);
    else
        call_no_memory(c);
}

/* ---- AddOffsetsToTxn, EndTxn ---- */

static enum status run_add_offsets(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_add_offsets_to_txn_response *r = ANSWER(a, with->txns_step, add_offsets_to_txn);
    return r ? coord_txns_add_offsets(with->txns, a->call->in, a->client.version, with->now_ms, with->txns_step, r, err)
             : NO_MEMORY(with->txns_step, err);
}
FAIL(add_offsets_to_txn)
void handle_add_offsets_to_txn(struct call *c)
{
    static const struct asked_kind kind = { run_add_offsets, fail_add_offsets_to_txn, false };
    coordinate(c, &kind);
}

static enum status run_end(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_end_txn_response *r = ANSWER(a, with->txns_step, end_txn);
    return r ? coord_txns_end(with->txns, a->call->in, a->client.version, with->now_ms, with->txns_step, r, err)
             : NO_MEMORY(with->txns_step, err);
}
FAIL(end_txn)
void handle_end_txn(struct call *c)
{
    static const struct asked_kind kind = { run_end, fail_end_txn, false };
    coordinate(c, &kind);
}

/* ---- TxnOffsetCommit: the transaction's coordinator is asked first ---- */

/* Which of the partitions exist; topics stay in their places. */
static struct kafka_txn_offset_commit_request *known_offsets(struct call *c)
{
    const struct kafka_txn_offset_commit_request *q = c->in;
    struct kafka_txn_offset_commit_request *f = ARENA_NEW(&c->arena, struct kafka_txn_offset_commit_request);
    if (!f)
        return NULL;
    *f = *q;
    f->topics = KAFKA_NEW(&c->arena, txn_offset_commit_request_topic, q->n_topics);
    for (uint32_t i = 0; f->topics && i < q->n_topics; i++) {
        const struct kafka_txn_offset_commit_request_topic *from = &q->topics[i];
        struct kafka_txn_offset_commit_request_topic *to = &f->topics[i];
        struct topic *t = call_topic(c, from->name);
        to->name = from->name;
        to->partitions = KAFKA_NEW(&c->arena, txn_offset_commit_request_partition, from->n_partitions);
        if (!to->partitions)
            return NULL;
        for (uint32_t k = 0; k < from->n_partitions; k++)
            if (there(t, from->partitions[k].partition_index))
                to->partitions[to->n_partitions++] = from->partitions[k];
    }
    return f->topics ? f : NULL;
}

static struct kafka_txn_offset_commit_response *
merge_offsets(struct call *c, struct arena *arena, const struct kafka_txn_offset_commit_request *known,
              const struct kafka_txn_offset_commit_response *said, int16_t kafka)
{
    const struct kafka_txn_offset_commit_request *q = c->in;
    struct kafka_txn_offset_commit_response *r = KAFKA_NEW(arena, txn_offset_commit_response, 1);
    if (!r)
        return NULL;
    r->n_topics = q->n_topics;
    r->topics = KAFKA_NEW(arena, txn_offset_commit_response_topic, q->n_topics);
    for (uint32_t i = 0; r->topics && i < q->n_topics; i++) {
        const struct kafka_txn_offset_commit_request_topic *from = &q->topics[i], *kept = &known->topics[i];
        struct kafka_txn_offset_commit_response_topic *to = &r->topics[i];
        uint32_t at = 0;
        to->name = from->name;
        to->n_partitions = from->n_partitions;
        to->partitions = KAFKA_NEW(arena, txn_offset_commit_response_partition, from->n_partitions);
        if (!to->partitions)
            return NULL;
        for (uint32_t k = 0; k < from->n_partitions; k++) {
            int32_t index = from->partitions[k].partition_index;
            bool is = at < kept->n_partitions && kept->partitions[at].partition_index == index;
            to->partitions[k].partition_index = index;
            to->partitions[k].error_code = !is  ? KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION
                                           : said ? said->topics[i].partitions[at].error_code
                                                  : kafka;
            at += is;
        }
    }
    return r->topics ? r : NULL;
}

static enum status run_offsets(struct asked *a, struct topic_coords *with, struct error *err)
{
    const struct kafka_txn_offset_commit_request *q = a->request;
    struct kafka_txn_offset_commit_response said;
    struct coord_producer p = { q->transactional_id, q->producer_id, q->producer_epoch };
    int16_t kafka = 0, version = a->client.version;
    TRY(coord_txns_partition(with->txns, &p, STR(COORD_OFFSETS_TOPIC), 0, version >= 5, with->now_ms, with->txns_step,
                             &kafka, err));
    if (kafka == KAFKA_E_TRANSACTION_ABORTABLE && version < 4)
        kafka = KAFKA_E_INVALID_TXN_STATE;
    if (kafka == KAFKA_E_PRODUCER_FENCED)
        kafka = KAFKA_E_INVALID_PRODUCER_EPOCH;
    if (kafka == KAFKA_E_NONE)
        TRY(coord_groups_txn_commit(with->groups, &a->client, q, with->now_ms, with->groups_step, &said, err));
    a->response = merge_offsets(a->call, with->groups_step->arena, q, kafka ? NULL : &said, kafka);
    return a->response ? ST_OK : NO_MEMORY(with->groups_step, err);
}
static const void *fail_offsets(struct call *c, int16_t kafka)
{
    const struct asked *a = c->state;
    return merge_offsets(c, &c->arena, a->request, NULL, kafka);
}
void handle_txn_offset_commit(struct call *c)
{
    static const struct asked_kind kind = { run_offsets, fail_offsets, false };
    struct kafka_txn_offset_commit_request *known = known_offsets(c);
    if (known)
        coordinate_with(c, &kind, known);
    else
        call_no_memory(c);
}

/* ---- WriteTxnMarkers: an operator ends a transaction that hangs ---- */

/* One marker in one partition: a group, and a fate, of its own. */
struct mark {
    struct marks *whole;
    int16_t *fate; /* in the response */
};
struct marks {
    struct call *call;
    struct kafka_write_txn_markers_response response;
    atomic_uint left; /* marks under way, and one while they are being started */
    bool refused;     /* for want of memory; what has begun goes on */
};

static void marks_answer(struct call *c)
{
    const struct marks *w = c->state;
    if (w->refused)
        call_no_memory(c);
    else
        call_answer(c, &w->response);
}

/* On the log's writer. */
static void mark_landed(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    struct mark *m = arg;
    (void)err;
    *m->fate = st == ST_OK ? KAFKA_E_NONE : KAFKA_E_KAFKA_STORAGE_ERROR;
    topic_group_free(g);
    if (atomic_fetch_sub(&m->whole->left, 1) == 1)
        call_post(m->whole->call, marks_answer);
}

/* false: no memory. */
static bool mark_start(struct call *c, struct topic *t, int32_t index,
                       const struct kafka_write_txn_markers_request_marker *q, int16_t *fate)
{
    struct marks *w = c->state;
    struct mark *m = ARENA_NEW(&c->arena, struct mark);
    struct record_marker end = { q->transaction_result, q->coordinator_epoch };
    if (!there(t, index) || topic_internal(t)) { /* offsets end with their transaction, never alone */
        *fate = there(t, index) ? KAFKA_E_INVALID_TXN_STATE : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
        return true;
    }
    struct topic_group *g = m ? topic_group_new(call_topics(c), &c->budget) : NULL;
    if (!g)
        return false;
    *m = (struct mark){ w, fate };
    *fate = KAFKA_E_UNKNOWN_SERVER_ERROR;
    atomic_fetch_add(&w->left, 1);
    enum status st = topic_group_marker(g, topic_partition(t, (uint32_t)index), q->producer_id, q->producer_epoch, end,
                                        os_wall_ms(call_os(c)), NULL);
    if (st == ST_OK)
        st = topic_group_submit(g, mark_landed, m, fate, NULL);
    if (st != ST_OK) {
        topic_group_free(g);
        atomic_fetch_sub(&w->left, 1);
    }
    return true;
}

static bool marks_start(struct call *c, const struct kafka_write_txn_markers_request_marker *q,
                        struct kafka_write_txn_markers_response_marker *r)
{
    bool ok = true;
    r->producer_id = q->producer_id;
    r->n_topics = q->n_topics;
    r->topics = KAFKA_NEW(&c->arena, write_txn_markers_response_topic, q->n_topics);
    for (uint32_t i = 0; r->topics && ok && i < q->n_topics; i++) {
        struct kafka_write_txn_markers_response_topic *to = &r->topics[i];
        struct topic *t = call_topic(c, q->topics[i].name);
        to->name = q->topics[i].name;
        to->n_partitions = q->topics[i].n_partition_indexes;
        to->partitions = KAFKA_NEW(&c->arena, write_txn_markers_response_partition, to->n_partitions);
        ok = to->partitions != NULL;
        for (uint32_t k = 0; ok && k < to->n_partitions; k++) {
            to->partitions[k].partition_index = q->topics[i].partition_indexes[k];
            ok = mark_start(c, t, to->partitions[k].partition_index, q, &to->partitions[k].error_code);
        }
    }
    return ok && r->topics;
}

void handle_write_txn_markers(struct call *c)
{
    const struct kafka_write_txn_markers_request *q = c->in;
    struct marks *w = ARENA_NEW(&c->arena, struct marks);
    struct kafka_write_txn_markers_response_marker *to =
        KAFKA_NEW(&c->arena, write_txn_markers_response_marker, q->n_markers);
    if (!w || !to) {
        call_no_memory(c);
        return;
    }
    c->state = w;
    w->call = c;
    KAFKA_INIT(write_txn_markers_response, &w->response);
    w->response.markers = to;
    w->response.n_markers = q->n_markers;
    atomic_store(&w->left, 1);
    bool ok = true;
    for (uint32_t i = 0; ok && i < q->n_markers; i++)
        ok = marks_start(c, &q->markers[i], &to[i]);
    w->refused = !ok;
    if (atomic_fetch_sub(&w->left, 1) == 1)
        marks_answer(c);
}

/* ---- what operators ask ---- */

static enum status run_describe(struct asked *a, struct topic_coords *with, struct error *err)
{
    const struct kafka_describe_transactions_request *q = a->call->in;
    struct coord_step *step = with->txns_step;
    struct kafka_describe_transactions_response *r = ANSWER(a, step, describe_transactions);
    if (r)
        r->transaction_states =
            KAFKA_NEW(step->arena, describe_transactions_response_transaction, q->n_transactional_ids);
    if (!r || !r->transaction_states)
        return NO_MEMORY(step, err);
    r->n_transaction_states = q->n_transactional_ids;
    for (uint32_t i = 0; i < q->n_transactional_ids; i++)
        TRY(coord_txns_describe(with->txns, q->transactional_ids[i], step->arena, &r->transaction_states[i], err));
    return ST_OK;
}
static const void *fail_describe(struct call *c, int16_t kafka)
{
    const struct kafka_describe_transactions_request *q = c->in;
    struct kafka_describe_transactions_response *r = KAFKA_NEW(&c->arena, describe_transactions_response, 1);
    if (!r)
        return NULL;
    r->n_transaction_states = q->n_transactional_ids;
    r->transaction_states =
        KAFKA_NEW(&c->arena, describe_transactions_response_transaction, q->n_transactional_ids);
    for (uint32_t i = 0; r->transaction_states && i < q->n_transactional_ids; i++) {
        r->transaction_states[i].transactional_id = q->transactional_ids[i];
        r->transaction_states[i].error_code = kafka;
    }
    return r->transaction_states ? r : NULL;
}
void handle_describe_transactions(struct call *c)
{
    static const struct asked_kind kind = { run_describe, fail_describe, false };
    coordinate(c, &kind);
}

static enum status run_list(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_list_transactions_response *r = ANSWER(a, with->txns_step, list_transactions);
    return r ? coord_txns_list(with->txns, a->call->in, with->now_ms, with->txns_step->arena, r, err)
             : NO_MEMORY(with->txns_step, err);
}
FAIL(list_transactions)
void handle_list_transactions(struct call *c)
{
    static const struct asked_kind kind = { run_list, fail_list_transactions, false };
    coordinate(c, &kind);
}

static bool fill_producers(struct call *c, struct topic_partition *p,
                           struct kafka_describe_producers_response_partition *r)
{
    struct topic_producer *all;
    uint32_t n;
    if (topic_producers(p, &c->arena, &all, &n, NULL) != ST_OK)
        return false;
    r->active_producers = KAFKA_NEW(&c->arena, describe_producers_response_producer, n);
    r->n_active_producers = n;
    for (uint32_t i = 0; r->active_producers && i < n; i++)
        r->active_producers[i] = (struct kafka_describe_producers_response_producer){
            .producer_id = all[i].id, .producer_epoch = all[i].epoch, .last_sequence = all[i].last_sequence,
            .last_timestamp = all[i].last_ms, .coordinator_epoch = all[i].coordinator_epoch,
            .current_txn_start_offset = all[i].txn_start,
        };
    return r->active_producers != NULL;
}

void handle_describe_producers(struct call *c)
{
    const struct kafka_describe_producers_request *q = c->in;
    struct kafka_describe_producers_response r;
    KAFKA_INIT(describe_producers_response, &r);
    r.n_topics = q->n_topics;
    r.topics = KAFKA_NEW(&c->arena, describe_producers_response_topic, q->n_topics);
    bool ok = r.topics != NULL;
    for (uint32_t i = 0; ok && i < q->n_topics; i++) {
        struct topic *t = call_topic(c, q->topics[i].name);
        bool could_be = t || topic_name_check(q->topics[i].name, NULL) == ST_OK;
        r.topics[i].name = q->topics[i].name;
        r.topics[i].n_partitions = q->topics[i].n_partition_indexes;
        r.topics[i].partitions = KAFKA_NEW(&c->arena, describe_producers_response_partition, r.topics[i].n_partitions);
        ok = r.topics[i].partitions != NULL;
        for (uint32_t k = 0; ok && k < r.topics[i].n_partitions; k++) {
            struct kafka_describe_producers_response_partition *p = &r.topics[i].partitions[k];
            p->partition_index = q->topics[i].partition_indexes[k];
            if (there(t, p->partition_index))
                ok = fill_producers(c, topic_partition(t, (uint32_t)p->partition_index), p);
            else
                p->error_code = could_be ? KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_E_INVALID_TOPIC_EXCEPTION;
        }
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}
