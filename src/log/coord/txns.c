/* The registry of transactional ids: replay, deadlines, and what tools ask.
 *
 * An id's only deadline is exact: of an open transaction its timeout, of one that is between transactions the day it is
 * forgotten, of one that replay left prepared at once. */
#include "coord/txns.h"

const struct coord_txns_config coord_txns_defaults = {
    .timeout_max_ms = 900000,
    .id_expiration_ms = (int64_t)7 * 24 * 3600 * 1000,
    .offsets_partitions = 50,
    .txn_version = 2,
    .ids_max = 100000,
    .partitions_max = 20000,
};

const struct str txn_state_names[TXN_STATES] = {
    [TXN_EMPTY] = STR_INIT("Empty"),
    [TXN_ONGOING] = STR_INIT("Ongoing"),
    [TXN_PREPARE_COMMIT] = STR_INIT("PrepareCommit"),
    [TXN_PREPARE_ABORT] = STR_INIT("PrepareAbort"),
    [TXN_COMPLETE_COMMIT] = STR_INIT("CompleteCommit"),
    [TXN_COMPLETE_ABORT] = STR_INIT("CompleteAbort"),
    [TXN_DEAD] = STR_INIT("Dead"),
    [TXN_PREPARE_EPOCH_FENCE] = STR_INIT("PrepareEpochFence"),
};

#define SCRATCH_MAX ((size_t)64 << 20)

enum status coord_txns_new(const struct coord_txns_config *config, struct coord_ids *ids, struct budget *budget,
                           struct coord_txns **ret, struct error *err)
{
    struct coord_txns *t = mem_calloc(budget, sizeof *t);
    if (!t)
        return budget_error(budget, sizeof *t, err);
    t->config = *config;
    t->ids = ids;
    t->budget = budget;
    arena_init(&t->names, budget);
    map_init(&t->by_id, &t->names, false);
    t->heap.budget = budget;
    buf_init(&t->scratch, budget, SCRATCH_MAX);
    *ret = t;
    return ST_OK;
}

void coord_txns_free(struct coord_txns *t)
{
    if (!t)
        return;
    for (struct map_entry *e = map_next(&t->by_id, NULL); e; e = map_next(&t->by_id, e))
        txn_free(t, e->value);
    mem_free(t->budget, t->heap.at, sizeof *t->heap.at * t->heap.cap);
    buf_release(&t->scratch);
    arena_release(&t->names);
    mem_free(t->budget, t, sizeof *t);
}

struct txn *txn_find(const struct coord_txns *t, struct str id)
{
    return map_get(&t->by_id, id);
}

enum status txn_new(struct coord_txns *t, struct str id, struct txn **ret, struct error *err)
{
    struct txn *x = mem_calloc(t->budget, sizeof *x);
    if (!x)
        return budget_error(t->budget, sizeof *x, err);
    if (!own_str(t->budget, id, &x->id) || !due_add(&t->heap, &x->due, COORD_NEVER))
        goto refused;
    if (!map_put(&t->by_id, x->id, x)) {
        due_remove(&t->heap, &x->due);
        goto refused;
    }
    *ret = x;
    return ST_OK;
refused:
    own_drop(t->budget, &x->id);
    mem_free(t->budget, x, sizeof *x);
    return budget_error(t->budget, 0, err);
}

void txn_free(struct coord_txns *t, struct txn *x)
{
    map_remove(&t->by_id, x->id);
    due_remove(&t->heap, &x->due);
    txn_clear(t, x);
    own_drop(t->budget, &x->id);
    mem_free(t->budget, x, sizeof *x);
}

/* ---- partitions ---- */

static uint32_t topic_at(const struct txn *x, struct str name, bool *ret_found)
{
    uint32_t from = 0, to = x->n_topics;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (str_cmp(x->topics[mid].name, name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    *ret_found = from < x->n_topics && str_eq(x->topics[from].name, name);
    return from;
}

static uint32_t partition_at(const struct txn_topic *p, int32_t partition, bool *ret_found)
{
    uint32_t from = 0, to = p->n;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (p->at[mid] < partition)
            from = mid + 1;
        else
            to = mid;
    }
    *ret_found = from < p->n && p->at[from] == partition;
    return from;
}

bool txn_has(const struct txn *x, struct str topic, int32_t partition)
{
    bool found;
    uint32_t i = topic_at(x, topic, &found);
    if (found)
        (void)partition_at(&x->topics[i], partition, &found);
    return found;
}

static void drop_topic(struct coord_txns *t, struct txn *x, uint32_t i)
{
    own_drop(t->budget, &x->topics[i].name);
    mem_free(t->budget, x->topics[i].at, sizeof *x->topics[i].at * x->topics[i].cap);
    memmove(x->topics + i, x->topics + i + 1, sizeof *x->topics * (x->n_topics - i - 1));
    x->n_topics--;
}

bool txn_put(struct coord_txns *t, struct txn *x, struct str topic, int32_t partition, bool *ret_new)
{
    bool found;
    uint32_t i = topic_at(x, topic, &found);
    if (!found) {
        struct str name;
        if (!own_room(t->budget, (void **)&x->topics, &x->cap_topics, x->n_topics, sizeof *x->topics) ||
            !own_str(t->budget, topic, &name))
            return false;
        memmove(x->topics + i + 1, x->topics + i, sizeof *x->topics * (x->n_topics - i));
        x->topics[i] = (struct txn_topic){ .name = name };
        x->n_topics++;
    }
    struct txn_topic *p = &x->topics[i];
    uint32_t k = partition_at(p, partition, &found);
    *ret_new = !found;
    if (found)
        return true;
    if (!own_room(t->budget, (void **)&p->at, &p->cap, p->n, sizeof *p->at)) {
        if (p->n == 0)
            drop_topic(t, x, i);
        return false;
    }
    memmove(p->at + k + 1, p->at + k, sizeof *p->at * (p->n - k));
    p->at[k] = partition;
    p->n++;
    x->n_partitions++;
    return true;
}

void txn_take(struct coord_txns *t, struct txn *x, struct str topic, int32_t partition)
{
    bool found;
    uint32_t i = topic_at(x, topic, &found);
    if (!found)
        return;
    struct txn_topic *p = &x->topics[i];
    uint32_t k = partition_at(p, partition, &found);
    if (!found)
        return;
    memmove(p->at + k, p->at + k + 1, sizeof *p->at * (p->n - k - 1));
    p->n--;
    x->n_partitions--;
    if (p->n == 0)
        drop_topic(t, x, i);
}

void txn_clear(struct coord_txns *t, struct txn *x)
{
    while (x->n_topics)
        drop_topic(t, x, x->n_topics - 1);
    mem_free(t->budget, x->topics, sizeof *x->topics * x->cap_topics);
    x->topics = NULL;
    x->cap_topics = x->n_partitions = 0;
}

/* ---- records and places ---- */

static bool has_partitions(enum txn_status s)
{
    return s == TXN_ONGOING || s == TXN_PREPARE_COMMIT || s == TXN_PREPARE_ABORT;
}

enum status txn_record(struct coord_txns *t, const struct txn *x, const struct txn_values *v, struct coord_step *step,
                       struct error *err)
{
    struct kafka_transaction_log_key key = { .transactional_id = x->id };
    struct kafka_transaction_log_value value;
    KAFKA_INIT(transaction_log_value, &value);
    value.producer_id = v->producer_id;
    value.previous_producer_id = v->previous_id;
    value.next_producer_id = v->next_id;
    value.producer_epoch = v->epoch;
    value.transaction_timeout_ms = v->timeout_ms;
    value.transaction_status = (int8_t)v->state;
    value.transaction_last_update_timestamp_ms = v->update_ms;
    value.transaction_start_timestamp_ms = v->start_ms;
    value.client_transaction_version = v->client_version;
    if (v->state != TXN_EMPTY) {
        uint32_t n = has_partitions(v->state) ? x->n_topics : 0;
        value.transaction_partitions = KAFKA_NEW(step->arena, transaction_log_value_topic, n);
        if (!value.transaction_partitions)
            return step_refused(step->arena, err);
        value.n_transaction_partitions = n;
        for (uint32_t i = 0; i < n; i++)
            value.transaction_partitions[i] =
                (struct kafka_transaction_log_value_topic){ x->topics[i].name, x->topics[i].at, x->topics[i].n };
    }
    struct step_form key_form = { &kafka_transaction_log_key, 0, &key };
    struct step_form value_form = { &kafka_transaction_log_value, t->config.txn_version ? 1 : 0, &value };
    return step_record(step, &t->scratch, key_form, &value_form, err);
}

static int64_t due_of(const struct coord_txns *t, const struct txn_values *v)
{
    switch (v->state) {
    case TXN_ONGOING:
        return v->timeout_ms == INT32_MAX ? COORD_NEVER : coord_after(coord_after(v->start_ms, v->timeout_ms), 1);
    case TXN_EMPTY:
    case TXN_COMPLETE_COMMIT:
    case TXN_COMPLETE_ABORT:
        return coord_after(v->update_ms, t->config.id_expiration_ms);
    default:
        return INT64_MIN;
    }
}

void txn_set(struct coord_txns *t, struct txn *x, const struct txn_values *v)
{
    x->v = *v;
    if (!has_partitions(v->state))
        txn_clear(t, x);
    due_move(&t->heap, &x->due, due_of(t, v));
}

bool txn_new_producer(struct coord_txns *t, int64_t *ret)
{
    if (t->ids->next >= t->ids->end)
        return false;
    *ret = t->ids->next++;
    return true;
}

/* ---- replay ---- */

static enum status damaged(const struct coord_replayed *r, enum status st, struct error *err)
{
    error_prefix(err, "a transaction of %s, offset %lld: ", COORD_TXNS_TOPIC, (long long)r->offset);
    if (err)
        err->offset = r->offset;
    if (st != ST_DATA)
        return st;
    if (err)
        err->status = ST_CORRUPT;
    return ST_CORRUPT;
}

static enum status take_partitions(struct coord_txns *t, struct txn *x, const struct kafka_transaction_log_value *v)
{
    bool new;
    for (uint32_t i = 0; i < v->n_transaction_partitions; i++)
        for (uint32_t k = 0; k < v->transaction_partitions[i].n_partition_ids; k++)
            if (!txn_put(t, x, v->transaction_partitions[i].topic, v->transaction_partitions[i].partition_ids[k], &new))
                return ST_MEMORY;
    return ST_OK;
}

static void met(struct coord_txns *t, int64_t producer_id)
{
    if (producer_id >= t->ids->next && producer_id < INT64_MAX)
        t->ids->next = producer_id + 1;
}

/* A fresh one takes the record in and the place of the old: whole or not at all. */
static enum status replay_value(struct coord_txns *t, struct str id, const struct kafka_transaction_log_value *value,
                                struct error *err)
{
    struct txn *old = txn_find(t, id), *x;
    struct txn fresh = { .id = id };
    if (has_partitions((enum txn_status)value->transaction_status) && take_partitions(t, &fresh, value) != ST_OK) {
        txn_clear(t, &fresh);
        return budget_error(t->budget, 0, err);
    }
    x = old;
    if (!old) {
        enum status st = txn_new(t, id, &x, err);
        if (st != ST_OK) {
            txn_clear(t, &fresh);
            return st;
        }
    }
    txn_clear(t, x);
    x->topics = fresh.topics;
    x->n_topics = fresh.n_topics;
    x->cap_topics = fresh.cap_topics;
    x->n_partitions = fresh.n_partitions;
    x->v = (struct txn_values){
        .producer_id = value->producer_id,
        .previous_id = value->previous_producer_id,
        .next_id = value->next_producer_id,
        .epoch = value->producer_epoch,
        .last_epoch = -1,
        .timeout_ms = value->transaction_timeout_ms,
        .state = (enum txn_status)value->transaction_status,
        .start_ms = value->transaction_start_timestamp_ms,
        .update_ms = value->transaction_last_update_timestamp_ms,
        .client_version = value->client_transaction_version,
    };
    met(t, value->producer_id);
    met(t, value->next_producer_id);
    met(t, value->previous_producer_id);
    return ST_OK;
}

static enum status replay_known(struct coord_txns *t, const struct coord_replayed *r, struct arena *a,
                                struct error *err)
{
    struct kafka_transaction_log_key key;
    struct kafka_transaction_log_value value;
    int16_t version;
    enum status st = wire_decode_stored(&kafka_transaction_log_key, r->key, a, &key, &version, err);
    if (st != ST_OK)
        return damaged(r, st, err);
    if (!r->value.ptr) {
        struct txn *x = txn_find(t, key.transactional_id);
        if (x)
            txn_free(t, x);
        return ST_OK;
    }
    st = wire_decode_stored(&kafka_transaction_log_value, r->value, a, &value, &version, err);
    /* The last two states live in no record; a producer's numbers are never below -1. */
    if (st == ST_OK && (value.transaction_status < 0 || value.transaction_status >= TXN_DEAD ||
                        value.producer_id < 0 || value.producer_epoch < -1))
        st = error_set(err, ST_DATA, "state %d of producer %lld, epoch %d, cannot be", value.transaction_status,
                       (long long)value.producer_id, value.producer_epoch);
    if (st != ST_OK)
        return damaged(r, st, err);
    return replay_value(t, key.transactional_id, &value, err);
}

enum status coord_txns_replay(struct coord_txns *t, const struct coord_replayed *r, struct error *err)
{
    struct arena a;
    arena_init(&a, t->budget);
    enum status st;
    if (r->key.len < 2)
        st = damaged(r, error_set(err, ST_DATA, "it has no key"), err);
    else if (r->key.ptr[0] != 0 || r->key.ptr[1] != 0)
        st = ST_OK; /* a key of another kind */
    else
        st = replay_known(t, r, &a, err);
    arena_release(&a);
    return st;
}

void coord_txns_loaded(struct coord_txns *t, int64_t now_ms)
{
    (void)now_ms;
    for (struct map_entry *e = map_next(&t->by_id, NULL); e; e = map_next(&t->by_id, e)) {
        struct txn *x = e->value;
        due_move(&t->heap, &x->due, due_of(t, &x->v));
    }
}

int64_t coord_txns_deadline(const struct coord_txns *t)
{
    return due_first(&t->heap);
}

/* ---- what tools ask ---- */

static enum status describe_partitions(const struct txn *x, struct arena *a,
                                       struct kafka_describe_transactions_response_transaction *r, struct error *err)
{
    r->topics = KAFKA_NEW(a, describe_transactions_response_topic, x->n_topics);
    if (!r->topics)
        return step_refused(a, err);
    r->n_topics = x->n_topics;
    for (uint32_t i = 0; i < x->n_topics; i++) {
        struct kafka_describe_transactions_response_topic *to = &r->topics[i];
        to->topic = arena_str(a, x->topics[i].name);
        to->partitions = ARENA_ARRAY(a, int32_t, x->topics[i].n);
        if (!to->topic.ptr || !to->partitions)
            return step_refused(a, err);
        memcpy(to->partitions, x->topics[i].at, sizeof *to->partitions * x->topics[i].n);
        to->n_partitions = x->topics[i].n;
    }
    return ST_OK;
}

enum status coord_txns_describe(const struct coord_txns *t, struct str transactional_id, struct arena *a,
                                struct kafka_describe_transactions_response_transaction *ret, struct error *err)
{
    struct kafka_describe_transactions_response_transaction r;
    KAFKA_INIT(describe_transactions_response_transaction, &r);
    const struct txn *x = txn_find(t, transactional_id);
    r.transactional_id = arena_str(a, transactional_id);
    if (!r.transactional_id.ptr)
        return step_refused(a, err);
    r.error_code = transactional_id.len == 0 ? KAFKA_E_INVALID_REQUEST
                   : !x                      ? KAFKA_E_TRANSACTIONAL_ID_NOT_FOUND
                                             : KAFKA_E_NONE;
    if (r.error_code == KAFKA_E_NONE) {
        r.transaction_state = txn_state_names[x->v.state];
        r.transaction_timeout_ms = x->v.timeout_ms;
        r.transaction_start_time_ms = x->v.start_ms;
        r.producer_id = x->v.producer_id;
        r.producer_epoch = x->v.epoch;
        TRY(describe_partitions(x, a, &r, err));
    }
    *ret = r;
    return ST_OK;
}

static bool wanted(const struct kafka_list_transactions_request *rq, const struct txn *x, int64_t now_ms)
{
    bool state = rq->n_state_filters == 0, producer = rq->n_producer_id_filters == 0;
    for (uint32_t i = 0; i < rq->n_state_filters; i++)
        state |= str_eq(rq->state_filters[i], txn_state_names[x->v.state]);
    for (uint32_t i = 0; i < rq->n_producer_id_filters; i++)
        producer |= rq->producer_id_filters[i] == x->v.producer_id;
    return state && producer && (rq->duration_filter < 0 || now_ms - x->v.start_ms > rq->duration_filter);
}

static enum status unknown_filters(const struct kafka_list_transactions_request *rq, struct arena *a,
                                   struct kafka_list_transactions_response *r, struct error *err)
{
    struct str *unknown = ARENA_ARRAY(a, struct str, rq->n_state_filters);
    if (!unknown)
        return step_refused(a, err);
    uint32_t n = 0;
    for (uint32_t i = 0; i < rq->n_state_filters; i++) {
        bool known = false;
        for (int s = 0; s < TXN_STATES; s++)
            known |= str_eq(rq->state_filters[i], txn_state_names[s]);
        if (!known && !(unknown[n++] = step_str(a, rq->state_filters[i])).ptr)
            return step_refused(a, err);
    }
    r->unknown_state_filters = unknown; /* the same whichever coordinator says it */
    r->n_unknown_state_filters = n;
    return ST_OK;
}

enum status coord_txns_list(const struct coord_txns *t, const struct kafka_list_transactions_request *rq,
                            int64_t now_ms, struct arena *a, struct kafka_list_transactions_response *ret,
                            struct error *err)
{
    struct kafka_list_transactions_response r = *ret;
    TRY(unknown_filters(rq, a, &r, err));
    uint32_t n = ret->n_transaction_states;
    struct kafka_list_transactions_response_transaction *to =
        KAFKA_NEW(a, list_transactions_response_transaction, (size_t)n + t->by_id.live);
    if (!to)
        return step_refused(a, err);
    if (n)
        memcpy(to, ret->transaction_states, sizeof *to * n);
    for (struct map_entry *e = map_next(&t->by_id, NULL); e; e = map_next(&t->by_id, e)) {
        const struct txn *x = e->value;
        if (!wanted(rq, x, now_ms))
            continue;
        to[n].transactional_id = arena_str(a, x->id);
        if (!to[n].transactional_id.ptr)
            return step_refused(a, err);
        to[n].producer_id = x->v.producer_id;
        to[n].transaction_state = txn_state_names[x->v.state];
        n++;
    }
    r.transaction_states = to;
    r.n_transaction_states = n;
    *ret = r;
    return ST_OK;
}
