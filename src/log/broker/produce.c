/* Produce: a producer's batches to their partitions, where they lie.
 *
 * Batches are appended out of the frame, without a copy: topic takes a reference to the buffer that holds it. Each
 * partition has its own fate and its own error. With acks=all the answer waits for the last of the appends to be durable;
 * `done` comes from the log's writer and only counts. With acks=0 nobody is answered, and an error closes the connection:
 * that is how Kafka makes such a producer look again.
 *
 * A transactional batch that begins a transaction in its partition needs the word of the transaction's coordinator: topic
 * refuses it first (INVALID_TXN_STATE), then all of the request's like it are asked for together, and tried once more.
 * Until then the connection's next Produce waits, so that sequences stay in order.
 *
 * Versions below 3 are advertised and refused (call.c): librdkafka up to 2.11 looks for Produce 0 before it compresses. */
#include "broker/handlers.h"

struct piece {
    struct topic_append append;
    struct produce *whole;
    const char *why; /* when it was refused at once; in the call's arena */
    struct str topic;
    bool asks; /* for its coordinator's word */
};

struct produce {
    struct call *call;
    struct topic_call line; /* to the coordinator of transactions */
    int64_t now_ms;
    int16_t refused; /* by the line itself */
    struct piece *pieces; /* in the order of the request */
    uint32_t n_pieces;
    atomic_uint left; /* pieces under way, and one while they are being started */
};

/* ---- the answer ---- */

static bool fill_faults(struct call *c, const struct piece *p, struct kafka_produce_response_partition *r)
{
    uint32_t n = p->append.n_faults < RECORD_FAULTS_MAX ? p->append.n_faults : RECORD_FAULTS_MAX;
    if (n == 0)
        return true;
    r->record_errors = KAFKA_NEW(&c->arena, produce_response_record_error, n);
    if (!r->record_errors)
        return false;
    r->n_record_errors = n;
    for (uint32_t i = 0; i < n; i++) {
        r->record_errors[i].batch_index = p->append.faults[i].index;
        r->record_errors[i].batch_index_error_message = str_from(kafka_error(p->append.faults[i].kafka)->text);
    }
    return true;
}

static bool fill_partition(struct call *c, const struct piece *p, int32_t index,
                           struct kafka_produce_response_partition *r)
{
    const struct topic_append *a = &p->append;
    r->index = index;
    r->error_code = a->kafka;
    if (a->kafka == KAFKA_E_NONE) {
        r->base_offset = a->base_offset;
        r->log_append_time_ms = a->append_time_ms;
        r->log_start_offset = a->log_start;
        return true;
    }
    r->base_offset = -1;
    if (a->n_faults > 0) /* as Kafka says it beside its record errors */
        r->log_start_offset = a->log_start;
    r->error_message = str_from(p->why ? p->why : kafka_error(a->kafka)->text);
    return fill_faults(c, p, r);
}

static bool fill(struct call *c, struct kafka_produce_response *r)
{
    const struct kafka_produce_request *q = c->in;
    const struct produce *w = c->state;
    const struct piece *p = w->pieces;
    r->n_responses = q->n_topic_data;
    r->responses = KAFKA_NEW(&c->arena, produce_response_topic, q->n_topic_data);
    if (!r->responses)
        return false;
    for (uint32_t i = 0; i < q->n_topic_data; i++) {
        const struct kafka_produce_request_topic *from = &q->topic_data[i];
        struct kafka_produce_response_topic *t = &r->responses[i];
        t->name = from->name;
        t->topic_id = from->topic_id;
        t->n_partition_responses = from->n_partition_data;
        t->partition_responses = KAFKA_NEW(&c->arena, produce_response_partition, from->n_partition_data);
        if (!t->partition_responses)
            return false;
        for (uint32_t k = 0; k < from->n_partition_data; k++)
            if (!fill_partition(c, p++, from->partition_data[k].index, &t->partition_responses[k]))
                return false;
    }
    return true;
}

static const struct piece *first_refused(const struct produce *w)
{
    for (uint32_t i = 0; i < w->n_pieces; i++)
        if (w->pieces[i].append.kafka != KAFKA_E_NONE)
            return &w->pieces[i];
    return NULL;
}

static void answer_produce(struct call *c)
{
    const struct kafka_produce_request *q = c->in;
    const struct produce *w = c->state;
    if (q->acks == 0) {
        const struct piece *bad = first_refused(w);
        struct error err;
        if (!bad) {
            call_answer_nothing(c);
            return;
        }
        error_set(&err, ST_DATA, "Produce with acks=0: %s", kafka_error(bad->append.kafka)->text);
        call_refuse(c, &err);
        return;
    }
    struct kafka_produce_response r;
    KAFKA_INIT(produce_response, &r);
    if (fill(c, &r))
        call_answer(c, &r);
    else
        call_no_memory(c);
}

/* ---- the appends ---- */

/* One of them, or their beginning, is over. The last one answers: at once on the loop's own thread. */
static void count_down(struct produce *w, bool on_loop)
{
    if (atomic_fetch_sub(&w->left, 1) != 1)
        return;
    if (on_loop)
        answer_produce(w->call);
    else
        call_post(w->call, answer_produce);
}

static void piece_done(struct topic_append *a)
{
    struct piece *p = a->user;
    count_down(p->whole, false);
}

/* Takes place in `left` until its `done`, when it is pending. */
static void append(struct call *c, struct produce *w, struct piece *p)
{
    bool pending = false;
    struct error err;
    atomic_fetch_add(&w->left, 1);
    c->door->held_bytes += p->append.len;
    enum status st = topic_append(&p->append, c->door->iter, w->now_ms, &pending, &err);
    if (st == ST_OK && pending)
        return;
    if (st != ST_OK)
        p->why = arena_str(&c->arena, str_from(err.message)).ptr;
    atomic_fetch_sub(&w->left, 1); /* ours is still in it: not the last */
}

static bool transactional(struct str records)
{
    struct record_batch b;
    size_t len;
    return record_batch_read(records, &b, &len, NULL) == ST_OK && record_batch_transactional(&b);
}

static void start(struct call *c, struct produce *w, struct piece *p, struct topic *t, int16_t missing,
                  const struct kafka_produce_request_partition *from)
{
    const struct kafka_produce_request *q = c->in;
    struct link_request *r = c->request;
    struct topic_append *a = &p->append;
    p->whole = w;
    a->base_offset = a->append_time_ms = a->log_start = -1;
    a->partition = t && from->index >= 0 ? topic_partition(t, (uint32_t)from->index) : NULL;
    if (q->acks < -1 || q->acks > 1)
        a->kafka = KAFKA_E_INVALID_REQUIRED_ACKS;
    else if (!t)
        a->kafka = missing;
    else if (!a->partition)
        a->kafka = KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
    else if (topic_internal(t) && !str_eq(c->client_id, STR("__admin_client")))
        a->kafka = KAFKA_E_INVALID_TOPIC_EXCEPTION;
    if (a->kafka != KAFKA_E_NONE)
        return;
    if (!q->transactional_id.ptr && transactional(from->records.bytes)) {
        a->kafka = KAFKA_E_TRANSACTIONAL_ID_AUTHORIZATION_FAILED; /* nobody may write for no transactional id */
        return;
    }
    a->bytes = r->home;
    a->at = from->records.bytes.len ? (uint32_t)((const uint8_t *)from->records.bytes.ptr - r->home->data) : 0;
    a->len = (uint32_t)from->records.bytes.len;
    a->version = c->version;
    a->acks = q->acks;
    a->wake = &c->door->wake;
    a->done = piece_done;
    a->user = p;
    p->topic = topic_name(t);
    append(c, w, p);
}

/* ---- transactions ---- */

static bool batch_of(const struct piece *p, struct record_batch *ret)
{
    size_t len;
    struct str records = str_make(p->append.bytes->data + p->append.at, p->append.len);
    return record_batch_read(records, ret, &len, NULL) == ST_OK;
}

static bool must_ask(struct produce *w)
{
    bool any = false;
    for (uint32_t i = 0; i < w->n_pieces; i++) {
        struct piece *p = &w->pieces[i];
        struct record_batch b;
        if (p->append.kafka != KAFKA_E_INVALID_TXN_STATE || !batch_of(p, &b) || !record_batch_transactional(&b))
            continue;
        p->append.guard = topic_txn_guard(p->append.partition, b.producer_id);
        p->asks = any = true;
    }
    return any;
}

/* What the coordinator says, in words that Produce of this version knows; coordinators that are not ready are, as in
 * Kafka, something to come again for. */
static int16_t said(int16_t kafka, int16_t version)
{
    switch (kafka) {
    case KAFKA_E_PRODUCER_FENCED: return KAFKA_E_INVALID_PRODUCER_EPOCH;
    case KAFKA_E_TRANSACTION_ABORTABLE: return version >= 11 ? kafka : KAFKA_E_INVALID_TXN_STATE;
    case KAFKA_E_CONCURRENT_TRANSACTIONS: return version >= 12 ? kafka : KAFKA_E_NOT_ENOUGH_REPLICAS;
    case KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS:
    case KAFKA_E_COORDINATOR_NOT_AVAILABLE:
    case KAFKA_E_NOT_COORDINATOR: return KAFKA_E_NOT_ENOUGH_REPLICAS;
    default: return kafka;
    }
}

/* On any thread, like the next one. */
static enum status ask_coordinator(struct topic_call *line, struct topic_coords *with, struct error *err)
{
    struct produce *w = line->user;
    const struct kafka_produce_request *q = w->call->in;
    int16_t version = w->call->version;
    for (uint32_t i = 0; i < w->n_pieces; i++) {
        struct piece *p = &w->pieces[i];
        struct record_batch b;
        int16_t kafka = 0;
        if (!p->asks || !batch_of(p, &b))
            continue;
        struct coord_producer producer = { q->transactional_id, b.producer_id, b.producer_epoch };
        TRY(coord_txns_partition(with->txns, &producer, p->topic,
                                 (int32_t)topic_partition_index(p->append.partition), version >= 12, with->now_ms,
                                 with->txns_step, &kafka, err));
        p->append.kafka = said(kafka, version);
    }
    return ST_OK;
}

/* Those that it lets in, once more. */
static void append_again(struct call *c)
{
    struct produce *w = c->state;
    for (uint32_t i = 0; i < w->n_pieces; i++) {
        struct piece *p = &w->pieces[i];
        if (!p->asks)
            continue;
        p->why = NULL;
        if (w->refused)
            p->append.kafka = said(w->refused, c->version);
        if (p->append.kafka != KAFKA_E_NONE)
            continue;
        p->append.may_begin = true;
        append(c, w, p);
    }
    call_let_on(c);
    count_down(w, true);
}

static void coordinator_said(struct topic_call *line, int16_t kafka)
{
    struct produce *w = line->user;
    w->refused = kafka;
    call_post(w->call, append_again);
}

void handle_produce(struct call *c)
{
    const struct kafka_produce_request *q = c->in;
    struct produce *w = ARENA_NEW(&c->arena, struct produce);
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->n_topic_data; i++)
        n += q->topic_data[i].n_partition_data;
    if (w)
        w->pieces = ARENA_ARRAY(&c->arena, struct piece, n ? n : 1);
    if (!w || !w->pieces) {
        call_no_memory(c);
        return;
    }
    c->state = w;
    w->call = c;
    w->n_pieces = n;
    atomic_store(&w->left, 1);
    struct piece *p = w->pieces;
    w->now_ms = os_wall_ms(call_os(c));
    for (uint32_t i = 0; i < q->n_topic_data; i++) {
        const struct kafka_produce_request_topic *from = &q->topic_data[i];
        bool by_id = c->version >= 13;
        struct topic *t = by_id ? call_topic_by_id(c, &from->topic_id) : call_topic(c, from->name);
        int16_t missing = by_id ? KAFKA_E_UNKNOWN_TOPIC_ID : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
        for (uint32_t k = 0; k < from->n_partition_data; k++)
            start(c, w, p++, t, missing, &from->partition_data[k]);
    }
    if (q->transactional_id.ptr && must_ask(w)) {
        call_hold_back(c);
        w->line = (struct topic_call){ .run = ask_coordinator, .done = coordinator_said, .user = w };
        topics_call(call_topics(c), &w->line);
        return;
    }
    count_down(w, true);
}
