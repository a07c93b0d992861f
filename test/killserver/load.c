/* The clients. Each is a connection that works until the server is killed; what must go on in the next life (what the idempotent
 * producer has under way, where a transaction stands) is kept in the run, and settle takes it up.
 *
 * A transaction is a line of steps, each of which may be done again: the partitions, batches, offsets, the end. */
#include <string.h>
#include <time.h>

#include "killserver.h"

#define GROUP STR("readers")
#define TXN_GROUP STR("txn-readers")
#define TXN_ID STR("tx")

/* ---- connections ---- */

void peer_open(struct peer *p, struct run *r, unsigned seed)
{
    struct client_options o = { .os = os_real(), .at = r->at, .timeout_ms = 20000 };
    struct error err;
    *p = (struct peer){ .run = r, .seed = seed };
    arena_init(&p->arena, NULL);
    if (client_open(&o, &p->client, &err) != ST_OK)
        failed(r, "cannot connect: %s", err.message);
}

void peer_close(struct peer *p)
{
    client_close(p->client);
    arena_release(&p->arena);
}

uint32_t peer_random(struct peer *p, uint32_t n)
{
    p->seed = p->seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(p->seed >> 8) * n) >> 24);
}

static void pause_ms(uint32_t ms)
{
    struct timespec t = { 0, (long)ms * 1000000 };
    nanosleep(&t, NULL);
}

/* What goes wrong is the kill's doing, or a finding. */
static enum status judge(struct peer *p, enum status st, const struct error *err)
{
    if (st == ST_OK)
        return ST_OK;
    for (uint32_t i = 0; i < 200 && !atomic_load(&p->run->killed); i++)
        pause_ms(1);
    if (!atomic_load(&p->run->killed))
        failed(p->run, "a connection ended before the kill: %s", err->message);
    return ST_UNREACHABLE;
}

enum status peer_ask(struct peer *p, int16_t key, int16_t version, const void *q, void *ret)
{
    struct error err;
    error_clear(&err);
    return judge(p, client_ask(p->client, key, version, q, &p->arena, ret, &err), &err);
}

enum status peer_next(struct peer *p, int64_t ms, struct client_reply *r)
{
    struct error err;
    error_clear(&err);
    return judge(p, client_next(p->client, os_mono_ns(os_real()) + ms * 1000000, r, &err), &err);
}

static enum status peer_send(struct peer *p, int16_t key, int16_t version, const void *q)
{
    struct error err;
    error_clear(&err);
    return judge(p, client_send(p->client, key, version, q, false, &err), &err);
}

/* Not yet, or not any more for a moment: again. */
static bool again(int16_t code)
{
    bool yes = code == KAFKA_E_CONCURRENT_TRANSACTIONS || code == KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS ||
               code == KAFKA_E_COORDINATOR_NOT_AVAILABLE || code == KAFKA_E_NOT_COORDINATOR;
    if (yes)
        pause_ms(1);
    return yes;
}

static void must_be(struct peer *p, const char *what, int16_t code)
{
    if (code != KAFKA_E_NONE)
        failed(p->run, "%s: %s", what, kafka_error(code) ? kafka_error(code)->text : "an unknown code");
}

/* ---- producing ---- */

/* {"p":first,"n":…} n times, counting up from `from`. */
static struct str make_batch(struct peer *p, long long first, long long from, uint32_t n, struct record_producer who)
{
    struct record_builder *b;
    struct error err;
    struct buf out;
    bool full;
    buf_init(&out, NULL, 1 << 20);
    if (record_builder_new(RECORD_PLAIN, 1 << 20, NULL, &b, &err) != ST_OK)
        failed(p->run, "%s", err.message);
    for (uint32_t i = 0; i < n; i++) {
        char text[64];
        int len = snprintf(text, sizeof text, "{\"p\":%lld,\"n\":%lld}", first, from + i);
        struct record r = { .offset = -1, .timestamp_ms = os_wall_ms(os_real()), .value = { text, (size_t)len } };
        if (record_builder_add(b, &r, &full, &err) != ST_OK)
            failed(p->run, "%s", err.message);
    }
    if (record_builder_finish(b, who, &out, &err) != ST_OK)
        failed(p->run, "%s", err.message);
    struct str s = arena_str(&p->arena, buf_str(&out));
    buf_release(&out);
    record_builder_free(b);
    return s;
}

static enum status send_batch(struct peer *p, const struct batch_sent *b, struct record_producer who)
{
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition x;
    const struct lane *l = &p->run->expect.lanes[b->lane];
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &x);
    x.index = l->partition;
    arena_reset(&p->arena);
    x.records.bytes = make_batch(p, l->partition, b->first, b->n, who);
    t.name = str_from(l->topic);
    t.partition_data = &x;
    t.n_partition_data = q.n_topic_data = 1;
    q.acks = -1;
    q.timeout_ms = 10000;
    q.topic_data = &t;
    return peer_send(p, KAFKA_PRODUCE, 9, &q);
}

/* The next acknowledgement, of the oldest of `sent`; *ret false: none came in `ms`. */
static enum status take_ack(struct peer *p, struct batch_sent *sent, uint32_t *count, int64_t ms, bool *ret)
{
    struct client_reply r;
    struct kafka_produce_response a;
    struct error err;
    TRY(peer_next(p, ms, &r));
    *ret = r.key >= 0;
    if (r.key < 0)
        return ST_OK;
    arena_reset(&p->arena);
    if (client_decode(&r, &p->arena, &a, &err) != ST_OK || *count == 0)
        failed(p->run, "an answer to Produce: %s", err.message);
    const struct kafka_produce_response_partition *x = &a.responses[0].partition_responses[0];
    must_be(p, "Produce", x->error_code);
    expect_acked(&p->run->expect, sent[0].lane, sent[0].first, sent[0].n, x->base_offset);
    atomic_fetch_add(&p->run->acked, sent[0].n);
    memmove(sent, sent + 1, --*count * sizeof *sent);
    return ST_OK;
}

/* What is under way when the server dies is not sent again: it may be there or not. */
void *load_plain(void *run)
{
    struct peer p;
    struct batch_sent sent[8];
    uint32_t count = 0;
    bool got;
    peer_open(&p, run, ((struct run *)run)->seed + 1);
    for (;;) {
        while (count < 8) {
            uint32_t n = 1 + peer_random(&p, 4);
            struct batch_sent b = { 0, n, expect_send(&p.run->expect, 0, n) };
            if (b.first < 0)
                break;
            sent[count++] = b;
            if (send_batch(&p, &b, RECORD_NO_PRODUCER) != ST_OK)
                goto over;
        }
        if (take_ack(&p, sent, &count, 20, &got) != ST_OK)
            goto over;
    }
over:
    peer_close(&p);
    return NULL;
}

static struct record_producer idempotent_as(const struct run *r, const struct batch_sent *b)
{
    return (struct record_producer){ r->idem.id, 0, (int32_t)(b->first & INT32_MAX), false };
}

static uint32_t under_way(const struct idempotent *i, uint32_t lane)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < i->count; k++)
        n += i->sent[k].lane == lane;
    return n;
}

void *load_idempotent(void *run)
{
    struct peer p;
    struct idempotent *i = &((struct run *)run)->idem;
    bool got;
    peer_open(&p, run, ((struct run *)run)->seed + 2);
    for (;;) {
        for (uint32_t lane = 1; lane <= 2; lane++) {
            uint32_t n = 1 + peer_random(&p, 6);
            struct batch_sent b = { lane, n, under_way(i, lane) < WINDOW ? expect_send(&p.run->expect, lane, n) : -1 };
            if (b.first < 0)
                continue;
            i->sent[i->count++] = b;
            if (send_batch(&p, &b, idempotent_as(run, &b)) != ST_OK)
                goto over;
        }
        if (take_ack(&p, i->sent, &i->count, 20, &got) != ST_OK)
            goto over;
    }
over:
    peer_close(&p);
    return NULL;
}

static enum status get_producer(struct peer *p, struct str id, struct kafka_init_producer_id_response *ret)
{
    struct kafka_init_producer_id_request q;
    KAFKA_INIT(init_producer_id_request, &q);
    q.transactional_id = id;
    q.transaction_timeout_ms = 60000;
    do
        TRY(peer_ask(p, KAFKA_INIT_PRODUCER_ID, 5, &q, ret));
    while (again(ret->error_code));
    must_be(p, "InitProducerId", ret->error_code);
    return ST_OK;
}

static enum status settle_idempotent(struct peer *p)
{
    struct idempotent *i = &p->run->idem;
    struct kafka_init_producer_id_response a;
    bool got;
    if (i->id < 0) {
        TRY(get_producer(p, (struct str){ NULL, 0 }, &a));
        i->id = a.producer_id;
    }
    for (uint32_t k = 0; k < i->count; k++)
        TRY(send_batch(p, &i->sent[k], idempotent_as(p->run, &i->sent[k])));
    while (i->count > 0)
        TRY(take_ack(p, i->sent, &i->count, 1000, &got));
    return ST_OK;
}

/* ---- transactions ---- */

static enum status txn_partitions(struct peer *p, struct transactional *x)
{
    struct kafka_add_partitions_to_txn_request q;
    struct kafka_add_partitions_to_txn_request_topic t;
    struct kafka_add_partitions_to_txn_response a;
    int32_t both[] = { 0, 1 };
    int16_t code;
    KAFKA_INIT(add_partitions_to_txn_request, &q);
    KAFKA_INIT(add_partitions_to_txn_request_topic, &t);
    t.name = STR("txn");
    t.partitions = both;
    t.n_partitions = 2;
    q.v3_and_below_transactional_id = TXN_ID;
    q.v3_and_below_producer_id = x->id;
    q.v3_and_below_producer_epoch = x->epoch;
    q.v3_and_below_topics = &t;
    q.n_v3_and_below_topics = 1;
    do {
        TRY(peer_ask(p, KAFKA_ADD_PARTITIONS_TO_TXN, 3, &q, &a));
        code = a.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code;
    } while (again(code));
    must_be(p, "AddPartitionsToTxn", code);
    return ST_OK;
}

static enum status txn_batch(struct peer *p, struct transactional *x, uint32_t number)
{
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition part;
    struct kafka_produce_response a;
    int32_t index = (int32_t)(number % 2);
    struct record_producer who = { x->id, x->epoch, x->sequence[index] + (int32_t)(number / 2 * x->records), true };
    int16_t code;
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &part);
    part.index = index;
    t.name = STR("txn");
    t.partition_data = &part;
    t.n_partition_data = q.n_topic_data = 1;
    q.transactional_id = TXN_ID;
    q.acks = -1;
    q.topic_data = &t;
    do {
        part.records.bytes = make_batch(p, x->t, number / 2 * x->records, x->records, who);
        TRY(peer_ask(p, KAFKA_PRODUCE, x->v2 ? 12 : 9, &q, &a));
        code = a.responses[0].partition_responses[0].error_code;
    } while (again(code));
    must_be(p, "Produce in a transaction", code);
    return ST_OK;
}

static enum status txn_offsets(struct peer *p, struct transactional *x)
{
    struct kafka_add_offsets_to_txn_request add;
    struct kafka_add_offsets_to_txn_response added;
    struct kafka_txn_offset_commit_request q;
    struct kafka_txn_offset_commit_request_topic t;
    struct kafka_txn_offset_commit_request_partition part;
    struct kafka_txn_offset_commit_response a;
    int16_t code;
    KAFKA_INIT(add_offsets_to_txn_request, &add);
    add.transactional_id = TXN_ID;
    add.producer_id = x->id;
    add.producer_epoch = x->epoch;
    add.group_id = TXN_GROUP;
    do
        TRY(peer_ask(p, KAFKA_ADD_OFFSETS_TO_TXN, 3, &add, &added));
    while (again(added.error_code));
    must_be(p, "AddOffsetsToTxn", added.error_code);
    KAFKA_INIT(txn_offset_commit_request, &q);
    KAFKA_INIT(txn_offset_commit_request_topic, &t);
    KAFKA_INIT(txn_offset_commit_request_partition, &part);
    part.committed_offset = x->t;
    t.name = STR("idem");
    t.partitions = &part;
    t.n_partitions = q.n_topics = 1;
    q.transactional_id = TXN_ID;
    q.group_id = TXN_GROUP;
    q.producer_id = x->id;
    q.producer_epoch = x->epoch;
    q.topics = &t;
    do {
        TRY(peer_ask(p, KAFKA_TXN_OFFSET_COMMIT, 3, &q, &a));
        code = a.topics[0].partitions[0].error_code;
    } while (again(code));
    must_be(p, "TxnOffsetCommit", code);
    return ST_OK;
}

static enum status txn_end(struct peer *p, struct transactional *x)
{
    struct kafka_end_txn_request q;
    struct kafka_end_txn_response a;
    KAFKA_INIT(end_txn_request, &q);
    q.transactional_id = TXN_ID;
    q.producer_id = x->id;
    q.producer_epoch = x->epoch;
    q.committed = x->commit;
    expect_fate(&p->run->expect, x->t, x->commit ? TXN_ENDING : TXN_ABORTED);
    do
        TRY(peer_ask(p, KAFKA_END_TXN, x->v2 ? 5 : 3, &q, &a));
    while (again(a.error_code));
    must_be(p, x->commit ? "EndTxn, commit" : "EndTxn, abort", a.error_code);
    if (x->commit)
        expect_fate(&p->run->expect, x->t, TXN_COMMITTED);
    for (uint32_t i = 0; i < 2; i++)
        x->sequence[i] = x->v2 ? 0 : x->sequence[i] + (int32_t)(x->batches / 2 * x->records);
    x->id = x->v2 ? a.producer_id : x->id;
    x->epoch = x->v2 ? a.producer_epoch : x->epoch;
    x->open = false;
    return ST_OK;
}

/* From the step on at which it stood. */
static enum status txn_go_on(struct peer *p, struct transactional *x)
{
    const struct txn *t = &p->run->expect.txns[x->t % TXN_RING];
    for (; x->open; x->step++) {
        arena_reset(&p->arena);
        if (x->step == 0)
            TRY(x->v2 ? ST_OK : txn_partitions(p, x));
        else if (x->step <= x->batches)
            TRY(txn_batch(p, x, x->step - 1));
        else if (x->step == x->batches + 1)
            TRY(t->offsets ? txn_offsets(p, x) : ST_OK);
        else
            TRY(txn_end(p, x));
    }
    return ST_OK;
}

static bool txn_begin(struct peer *p, struct transactional *x)
{
    struct expect *e = &p->run->expect;
    pthread_mutex_lock(&e->lock);
    bool room = e->next_txn - e->checked_txn < TXN_RING - 1;
    if (room) {
        x->t = e->next_txn++;
        x->batches = 2 * (1 + peer_random(p, 3));
        x->records = 1 + peer_random(p, 5);
        x->commit = peer_random(p, 3) > 0;
        x->step = 0;
        x->open = true;
        e->txns[x->t % TXN_RING] = (struct txn){ .records = x->batches / 2 * x->records, .offsets = peer_random(p, 2) };
    }
    pthread_mutex_unlock(&e->lock);
    return room;
}

void *load_transactions(void *run)
{
    struct peer p;
    struct transactional *x = &((struct run *)run)->txn;
    peer_open(&p, run, ((struct run *)run)->seed + 3);
    for (;;) {
        if (!txn_begin(&p, x))
            pause_ms(1);
        if (txn_go_on(&p, x) != ST_OK)
            break;
    }
    peer_close(&p);
    return NULL;
}

/* The same producer goes on, or ends it otherwise; or a new one takes its place, which aborts what is open. */
static enum status settle_transactions(struct peer *p)
{
    struct transactional *x = &p->run->txn;
    struct kafka_init_producer_id_response a;
    struct txn *t = &p->run->expect.txns[x->t % TXN_RING];
    if (x->ready && peer_random(p, 2)) {
        bool gives_up = x->open && t->fate == TXN_OPEN && x->step > 1 && peer_random(p, 2);
        if (gives_up) {
            x->commit = false;
            x->step = x->batches + 2;
        }
        TRY(txn_go_on(p, x));
        if (!gives_up || x->v2) /* else its sequences are not known */
            return ST_OK;
    }
    if (x->open && t->fate == TXN_OPEN)
        expect_fate(&p->run->expect, x->t, TXN_ABORTED);
    x->ready = false; /* until it is known which epoch it has */
    TRY(get_producer(p, TXN_ID, &a));
    *x = (struct transactional){ .id = a.producer_id, .epoch = a.producer_epoch, .t = x->t, .ready = true,
                                 .v2 = peer_random(p, 2) };
    return ST_OK;
}

/* ---- offsets of a group ---- */

static enum status fetch_offset(struct peer *p, struct str group, int64_t *ret)
{
    struct kafka_offset_fetch_request q;
    struct kafka_offset_fetch_request_group g;
    struct kafka_offset_fetch_request_topic t;
    struct kafka_offset_fetch_response a;
    int32_t zero = 0;
    int16_t code;
    KAFKA_INIT(offset_fetch_request, &q);
    KAFKA_INIT(offset_fetch_request_group, &g);
    KAFKA_INIT(offset_fetch_request_topic, &t);
    t.name = STR("idem");
    t.partition_indexes = &zero;
    t.n_partition_indexes = 1;
    g.group_id = q.group_id = group;
    q.topics = &t;
    q.n_topics = 1;
    q.require_stable = true;
    do {
        TRY(peer_ask(p, KAFKA_OFFSET_FETCH, 7, &q, &a));
        code = a.error_code ? a.error_code : a.topics[0].partitions[0].error_code;
    } while (again(code) || code == KAFKA_E_UNSTABLE_OFFSET_COMMIT);
    must_be(p, "OffsetFetch", code);
    *ret = a.topics[0].partitions[0].committed_offset;
    return ST_OK;
}

void *load_offsets(void *run)
{
    struct peer p;
    struct expect *x = &((struct run *)run)->expect;
    struct kafka_offset_commit_request q;
    struct kafka_offset_commit_request_topic t;
    struct kafka_offset_commit_request_partition part;
    struct kafka_offset_commit_response a;
    peer_open(&p, run, ((struct run *)run)->seed + 4);
    KAFKA_INIT(offset_commit_request, &q);
    KAFKA_INIT(offset_commit_request_topic, &t);
    KAFKA_INIT(offset_commit_request_partition, &part);
    t.name = STR("idem");
    t.partitions = &part;
    t.n_partitions = q.n_topics = 1;
    q.group_id = GROUP;
    q.topics = &t;
    for (;;) {
        part.committed_offset = ++x->group_sent;
        arena_reset(&p.arena);
        if (peer_ask(&p, KAFKA_OFFSET_COMMIT, 8, &q, &a) != ST_OK)
            break;
        if (again(a.topics[0].partitions[0].error_code))
            continue;
        must_be(&p, "OffsetCommit", a.topics[0].partitions[0].error_code);
        x->group_acked = part.committed_offset;
    }
    peer_close(&p);
    return NULL;
}

static enum status settle_offsets(struct peer *p)
{
    struct expect *x = &p->run->expect;
    int64_t got;
    TRY(fetch_offset(p, GROUP, &got));
    if ((got < x->group_acked && x->group_acked > 0) || got > x->group_sent)
        failed(p->run, "the group is at %lld: %lld was acknowledged, %lld sent", (long long)got,
               (long long)x->group_acked, (long long)x->group_sent);
    x->group_acked = got > 0 ? got : 0;
    TRY(fetch_offset(p, TXN_GROUP, &got));
    if (got != x->txn_offset)
        failed(p->run, "the transactions' group is at %lld, the newest one that is seen says %lld", (long long)got,
               (long long)x->txn_offset);
    return ST_OK;
}

/* ---- reading ---- */

static void take_batch(struct peer *p, struct stream *s, struct record_iter *it, const struct record_batch *b)
{
    struct expect *x = &p->run->expect;
    struct error err;
    struct record r;
    bool end;
    if (record_batch_check(b, &err) != ST_OK || record_iter_open(it, b, &err) != ST_OK)
        failed(p->run, "%s-%d: %s", s->topic, s->partition, err.message);
    pthread_mutex_lock(&x->lock);
    for (;;) {
        if (record_iter_next(it, &r, &end, &err) != ST_OK)
            failed(p->run, "%s-%d: %s", s->topic, s->partition, err.message);
        if (end)
            break;
        if (r.offset >= s->next)
            s->see(x, s, r.value, r.offset);
    }
    pthread_mutex_unlock(&x->lock);
}

static void take_records(struct peer *p, struct stream *s, struct record_iter *it,
                         const struct kafka_fetch_response_partition *a)
{
    struct str rest = a->records.bytes;
    struct error err;
    bool over[512] = { false };
    if (a->n_aborted_transactions > 512)
        failed(p->run, "%s-%d: %u aborted transactions in one answer", s->topic, s->partition, a->n_aborted_transactions);
    while (rest.len > 0) {
        struct record_batch b;
        bool skip = false;
        if (record_batch_next(&rest, &b, &err) != ST_OK)
            failed(p->run, "%s-%d, offset %lld: %s", s->topic, s->partition, (long long)s->next, err.message);
        for (uint32_t i = 0; i < a->n_aborted_transactions; i++) {
            const struct kafka_fetch_response_aborted_transaction *t = &a->aborted_transactions[i];
            if (over[i] || t->producer_id != b.producer_id || t->first_offset > b.base_offset)
                continue;
            skip |= record_batch_transactional(&b) && !record_batch_control(&b);
            over[i] = record_batch_control(&b);
        }
        if (!skip && !record_batch_control(&b))
            take_batch(p, s, it, &b);
        s->next = record_batch_last_offset(&b) + 1;
    }
}

/* One round over the streams of an isolation level. */
static enum status fetch_round(struct peer *p, struct record_iter *it, bool committed, int32_t wait_ms)
{
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t[STREAMS];
    struct kafka_fetch_request_partition part[STREAMS];
    struct kafka_fetch_response a;
    struct stream *of[STREAMS];
    uint32_t n = 0;
    KAFKA_INIT(fetch_request, &q);
    for (uint32_t i = 0; i < STREAMS; i++) {
        struct stream *s = &p->run->streams[i];
        if (s->committed != committed)
            continue;
        KAFKA_INIT(fetch_request_topic, &t[n]);
        KAFKA_INIT(fetch_request_partition, &part[n]);
        part[n].partition = s->partition;
        part[n].fetch_offset = s->next;
        part[n].partition_max_bytes = 1 << 20;
        t[n].topic = str_from(s->topic);
        t[n].partitions = &part[n];
        t[n].n_partitions = 1;
        of[n++] = s;
    }
    q.topics = t;
    q.n_topics = n;
    q.max_wait_ms = wait_ms;
    q.min_bytes = 1;
    q.isolation_level = committed;
    arena_reset(&p->arena);
    TRY(peer_ask(p, KAFKA_FETCH, 11, &q, &a));
    must_be(p, "Fetch", a.error_code);
    if (a.n_responses != n)
        failed(p->run, "Fetch: %u answers to %u topics", a.n_responses, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct kafka_fetch_response_partition *x = &a.responses[i].partitions[0];
        if (x->error_code == KAFKA_E_OFFSET_OUT_OF_RANGE)
            failed(p->run, "%s-%d: what was read up to offset %lld is gone: it ends at %lld", of[i]->topic,
                   of[i]->partition, (long long)of[i]->next, (long long)x->high_watermark);
        must_be(p, "Fetch", x->error_code);
        take_records(p, of[i], it, x);
        of[i]->caught_up = of[i]->next >= (committed ? x->last_stable_offset : x->high_watermark);
    }
    return ST_OK;
}

void *load_reader(void *run)
{
    struct peer p;
    struct record_iter *it;
    peer_open(&p, run, 0);
    if (record_iter_new(NULL, 1 << 20, &it, NULL) != ST_OK)
        failed(run, "no memory");
    while (fetch_round(&p, it, false, 5) == ST_OK && fetch_round(&p, it, true, 5) == ST_OK)
        ;
    record_iter_free(it);
    peer_close(&p);
    return NULL;
}

static enum status read_all(struct peer *p)
{
    struct record_iter *it;
    enum status st = ST_OK;
    bool more = true;
    if (record_iter_new(NULL, 1 << 20, &it, NULL) != ST_OK)
        failed(p->run, "no memory");
    while (st == ST_OK && more) {
        st = fetch_round(p, it, false, 0);
        if (st == ST_OK)
            st = fetch_round(p, it, true, 0);
        more = false;
        for (uint32_t i = 0; i < STREAMS; i++)
            more |= !p->run->streams[i].caught_up;
    }
    record_iter_free(it);
    return st;
}

/* ---- after a start ---- */

static enum status make_topics(struct peer *p)
{
    static const struct {
        const char *name;
        int32_t partitions;
    } topics[] = { { "plain", 1 }, { "idem", 2 }, { "txn", 2 }, { "out", 1 } };
    struct kafka_create_topics_request q;
    struct kafka_create_topics_request_topic t[4];
    struct kafka_create_topics_response a;
    KAFKA_INIT(create_topics_request, &q);
    for (uint32_t i = 0; i < 4; i++) {
        KAFKA_INIT(create_topics_request_topic, &t[i]);
        t[i].name = str_from(topics[i].name);
        t[i].num_partitions = topics[i].partitions;
        t[i].replication_factor = 1;
    }
    q.topics = t;
    q.n_topics = 4;
    q.timeout_ms = 10000;
    TRY(peer_ask(p, KAFKA_CREATE_TOPICS, 5, &q, &a));
    for (uint32_t i = 0; i < a.n_topics; i++)
        if (a.topics[i].error_code != KAFKA_E_TOPIC_ALREADY_EXISTS)
            must_be(p, "CreateTopics", a.topics[i].error_code);
    return ST_OK;
}

enum status settle(struct run *r)
{
    struct peer p;
    peer_open(&p, r, r->seed + 5);
    enum status st = r->idem.id < 0 ? make_topics(&p) : ST_OK;
    if (st == ST_OK)
        st = settle_idempotent(&p);
    if (st == ST_OK)
        st = settle_transactions(&p);
    if (st == ST_OK)
        st = read_all(&p);
    if (st == ST_OK) {
        expect_check(&r->expect);
        st = settle_offsets(&p);
    }
    peer_close(&p);
    return st;
}
