/* A transactional producer: some batches on several partitions, perhaps an offset of a group, then commit or abort; in the way
 * of transactions V1 (partitions are added first) or V2 (every end gives a new epoch). What is not answered is asked again;
 * in V1 the first question may then arrive in the next transaction and end that (KIP-890), so there a new start comes first.
 * Now and then it starts anew in the middle, as after a kill, and sometimes the old one lives on beside it: a zombie, whom
 * the new start has fenced. */
#include "world.h"

#include <stdio.h>

static struct str id_of(const struct writer *x) { return x->n ? STR("tx-1") : STR("tx-0"); }
static struct str group_of(const struct writer *x) { return x->n ? STR("ctp-1") : STR("ctp-0"); }
static uint16_t offset_of(const struct writer *x) { return (uint16_t)(8 + x->n); }

void writer_init(struct world *w, struct writer *x, uint32_t n)
{
    *x = (struct writer){ .n = n, .actor = w->next_actor++, .v2 = (w->seed + n) % 2, .left = 5 + (uint32_t)below(w, 6) };
}

bool writer_done(const struct writer *x) { return x->left == 0 && x->txn == 0 && x->step != TXN_INIT; }

static struct fact *note_txn(struct world *w, const struct writer *x, enum fact_kind kind)
{
    struct fact *e = note(w, kind);
    e->actor = x->actor;
    e->txn = x->txn;
    return e;
}

/* The transaction is over for this producer. */
static void over(struct world *w, struct writer *x, enum txn_end end)
{
    if (x->txn == 0)
        return;
    if (end != TXN_UNKNOWN) {
        note_txn(w, x, EV_TXN_ENDED)->a = end;
        w->txn_over[x->txn] = true;
    }
    x->txn = 0;
    if (x->zombie)
        x->there = false;
}

static void start_anew(struct world *w, struct writer *x)
{
    w->astray_ns = now_ns(w) + ASTRAY_NS;
    over(w, x, TXN_UNKNOWN);
    x->step = TXN_INIT;
}

/* The log has gone back: what it says of this producer is older than what he knows. */
void writer_back(struct world *w, struct writer *x)
{
    line_drop(&x->line);
    start_anew(w, x);
    x->there = false;
}

/* Another one takes the id over; this one goes on by itself where there is room for it. */
static void be_replaced(struct world *w, struct writer *x)
{
    for (uint32_t i = 0; i < ZOMBIES; i++) {
        struct writer *z = &w->zombies[i];
        if (z->there)
            continue;
        *z = *x;
        z->zombie = z->there = true;
        z->left = 0;
        x->line = (struct line){ 0 };
        break;
    }
    x->actor = w->next_actor++;
    x->txn = 0;
    x->step = TXN_INIT;
}

/* ---- what is asked ---- */

static void ask_init(struct world *w, struct writer *x)
{
    struct kafka_init_producer_id_request q;
    KAFKA_INIT(init_producer_id_request, &q);
    q.transactional_id = id_of(x);
    q.transaction_timeout_ms = 60000;
    for (uint32_t i = 1; i < w->next_txn; i++) {
        if (w->txn_of[i] != x->n || w->txn_over[i])
            continue;
        struct fact *e = note(w, EV_TXN_ASKED);
        e->txn = i;
        e->a = ASK_ABORT;
    }
    (void)line_ask(w, &x->line, KAFKA_INIT_PRODUCER_ID, 4, &q);
}

static void ask_look(struct world *w, struct writer *x)
{
    struct kafka_offset_fetch_request q;
    struct kafka_offset_fetch_request_topic t;
    int32_t zero = 0;
    KAFKA_INIT(offset_fetch_request, &q);
    KAFKA_INIT(offset_fetch_request_topic, &t);
    t.name = str_from(places[PLAIN_0].topic);
    t.partition_indexes = &zero;
    t.n_partition_indexes = q.n_topics = 1;
    q.topics = &t;
    q.group_id = group_of(x);
    q.require_stable = chance(w, 2);
    (void)line_ask(w, &x->line, KAFKA_OFFSET_FETCH, 7, &q);
}

static void choose(struct world *w, struct writer *x)
{
    static const uint16_t targets[] = { IN_0, IN_1, PLAIN_0, PLAIN_1, GROW_0, GROW_1, GROW_2 };
    x->txn = w->next_txn++;
    w->txn_of[x->txn] = (uint8_t)x->n;
    if (now_ns(w) < w->stray_ns[x->n]) /* a start that nobody waits for any more may still come and abort it */
        note_txn(w, x, EV_TXN_ASKED)->a = ASK_ABORT;
    x->left--;
    x->commits = !chance(w, 3);
    x->offsets = chance(w, 2);
    x->offset = ++w->next_offset;
    x->n_batches = 1 + (uint32_t)below(w, TXN_BATCHES);
    x->at = x->ends = 0;
    for (uint32_t i = 0; i < x->n_batches; i++) {
        uint16_t place = targets[below(w, 4 + w->grown)];
        x->batches[i] = (struct sent_batch){ .count = 1 + (uint32_t)below(w, 3), .place = place };
    }
    x->step = x->v2 ? TXN_WRITE : TXN_ADD;
}

static void ask_add(struct world *w, struct writer *x)
{
    struct kafka_add_partitions_to_txn_request q;
    struct kafka_add_partitions_to_txn_request_topic t[TXN_BATCHES];
    KAFKA_INIT(add_partitions_to_txn_request, &q);
    for (uint32_t i = 0; i < x->n_batches; i++) {
        KAFKA_INIT(add_partitions_to_txn_request_topic, &t[i]);
        t[i].name = str_from(places[x->batches[i].place].topic);
        t[i].partitions = (int32_t *)(uintptr_t)&places[x->batches[i].place].index;
        t[i].n_partitions = 1;
    }
    q.v3_and_below_transactional_id = id_of(x);
    q.v3_and_below_producer_id = x->id;
    q.v3_and_below_producer_epoch = x->epoch;
    q.v3_and_below_topics = t;
    q.n_v3_and_below_topics = x->n_batches;
    (void)line_ask(w, &x->line, KAFKA_ADD_PARTITIONS_TO_TXN, 3, &q);
}

static void make_records(struct world *w, struct writer *x, struct sent_batch *b)
{
    b->sequence = x->sequence[b->place];
    x->sequence[b->place] += (int32_t)b->count;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t id = value_new(w, b->place, w->second);
        struct fact *e = note_txn(w, x, EV_SENT);
        b->first = i ? b->first : id;
        e->id = id;
        e->partition = b->place;
        e->a = id;
        e->b = w->made[id].key;
        e->c = w->made[id].second;
    }
}

static void ask_write(struct world *w, struct writer *x)
{
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition p;
    struct sent_batch *b = &x->batches[x->at];
    if (b->first == 0)
        make_records(w, x, b);
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &p);
    p.index = places[b->place].index;
    p.records.bytes = batch_make(w, b, (struct record_producer){ x->id, x->epoch, b->sequence, true });
    t.name = str_from(places[b->place].topic);
    t.partition_data = &p;
    t.n_partition_data = q.n_topic_data = 1;
    q.transactional_id = id_of(x);
    q.topic_data = &t;
    q.acks = -1;
    (void)line_ask(w, &x->line, KAFKA_PRODUCE, x->v2 ? 12 : 9, &q);
}

static void ask_add_offsets(struct world *w, struct writer *x)
{
    struct kafka_add_offsets_to_txn_request q;
    KAFKA_INIT(add_offsets_to_txn_request, &q);
    q.transactional_id = id_of(x);
    q.producer_id = x->id;
    q.producer_epoch = x->epoch;
    q.group_id = group_of(x);
    (void)line_ask(w, &x->line, KAFKA_ADD_OFFSETS_TO_TXN, 3, &q);
}

static void ask_offsets(struct world *w, struct writer *x)
{
    struct kafka_txn_offset_commit_request q;
    struct kafka_txn_offset_commit_request_topic t;
    struct kafka_txn_offset_commit_request_partition p;
    KAFKA_INIT(txn_offset_commit_request, &q);
    KAFKA_INIT(txn_offset_commit_request_topic, &t);
    KAFKA_INIT(txn_offset_commit_request_partition, &p);
    p.committed_offset = x->offset;
    p.committed_metadata = STR("");
    t.name = str_from(places[PLAIN_0].topic);
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    q.transactional_id = id_of(x);
    q.group_id = group_of(x);
    q.producer_id = x->id;
    q.producer_epoch = x->epoch;
    struct fact *e = note_txn(w, x, EV_OFFSET_ASKED);
    e->partition = offset_of(x);
    e->a = x->offset;
    (void)line_ask(w, &x->line, KAFKA_TXN_OFFSET_COMMIT, x->v2 ? 5 : 3, &q);
}

static void ask_end(struct world *w, struct writer *x)
{
    struct kafka_end_txn_request q;
    KAFKA_INIT(end_txn_request, &q);
    q.transactional_id = id_of(x);
    q.producer_id = x->id;
    q.producer_epoch = x->epoch;
    q.committed = x->commits;
    note_txn(w, x, EV_TXN_ASKED)->a = x->commits ? ASK_COMMIT : ASK_ABORT;
    x->ends++;
    (void)line_ask(w, &x->line, KAFKA_END_TXN, x->v2 ? 5 : 3, &q);
}

static void ask(struct world *w, struct writer *x)
{
    bool in_txn = x->step == TXN_WRITE || x->step == TXN_OFFSETS || x->step == TXN_END_IT;
    if (in_txn && !x->zombie && !w->quiet && chance(w, 30)) {
        be_replaced(w, x);
        return;
    }
    if (x->step == TXN_BEGIN && x->left == 0)
        return;
    if (x->step == TXN_BEGIN)
        choose(w, x);
    switch (x->step) {
    case TXN_INIT: ask_init(w, x); break;
    case TXN_LOOK: ask_look(w, x); break;
    case TXN_ADD: ask_add(w, x); break;
    case TXN_WRITE: ask_write(w, x); break;
    case TXN_ADD_OFFSETS: ask_add_offsets(w, x); break;
    case TXN_OFFSETS: ask_offsets(w, x); break;
    case TXN_END_IT: ask_end(w, x); break;
    case TXN_BEGIN: break;
    }
}

/* ---- what is answered ---- */

static bool come_again(int16_t kafka)
{
    switch (kafka) {
    case KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS:
    case KAFKA_E_COORDINATOR_NOT_AVAILABLE:
    case KAFKA_E_NOT_COORDINATOR:
    case KAFKA_E_CONCURRENT_TRANSACTIONS:
    case KAFKA_E_NOT_ENOUGH_REPLICAS:
    case KAFKA_E_KAFKA_STORAGE_ERROR:
    case KAFKA_E_NOT_LEADER_OR_FOLLOWER: return true;
    default: return false;
    }
}

static void wrote(struct world *w, struct writer *x, int64_t base)
{
    const struct sent_batch *b = &x->batches[x->at++];
    for (uint32_t i = 0; i < b->count; i++) {
        struct fact *e = note_txn(w, x, EV_ACKED);
        e->id = b->first + i;
        e->partition = b->place;
        e->offset = base + i;
    }
    if (x->at < x->n_batches)
        return;
    x->step = !x->offsets ? TXN_END_IT : x->v2 ? TXN_OFFSETS : TXN_ADD_OFFSETS;
}

static void looked(struct world *w, struct writer *x, const struct kafka_offset_fetch_response *a)
{
    x->step = TXN_BEGIN;
    if (a->error_code || a->n_topics == 0 || a->topics[0].partitions[0].error_code)
        return; /* a transaction holds it back, or the coordinator is being loaded */
    struct fact *e = note(w, EV_OFFSET_TOLD);
    e->partition = offset_of(x);
    e->since = x->line.since;
    e->a = a->topics[0].partitions[0].committed_offset;
}

static void ended(struct world *w, struct writer *x, const struct kafka_end_txn_response *a)
{
    if (x->v2) {
        x->id = a->producer_id;
        x->epoch = a->producer_epoch;
        memset(x->sequence, 0, sizeof x->sequence);
    }
    over(w, x, x->commits ? TXN_COMMITTED : TXN_ABORTED);
    x->step = x->stray && !x->v2 ? TXN_INIT : chance(w, 2) ? TXN_LOOK : TXN_BEGIN;
}

/* The producer is not what it was. An end that was asked for once and refused has not been. */
static void refused(struct world *w, struct writer *x, int16_t kafka)
{
    if (come_again(kafka)) {
        line_rest(w, &x->line, 1);
        return;
    }
    if (x->step == TXN_END_IT && x->ends == 1)
        over(w, x, TXN_ABORTED);
    start_anew(w, x);
}

static void answered(struct world *w, struct writer *x, const struct client_reply *r)
{
    union {
        struct kafka_init_producer_id_response init;
        struct kafka_offset_fetch_response look;
        struct kafka_add_partitions_to_txn_response add;
        struct kafka_produce_response write;
        struct kafka_add_offsets_to_txn_response add_offsets;
        struct kafka_txn_offset_commit_response offsets;
        struct kafka_end_txn_response end;
    } a;
    int16_t kafka = 0;
    if (client_decode(r, &w->arena, &a, NULL) != ST_OK) {
        give_up(w, EV_REFUSED, "an answer to a transactional producer cannot be decoded");
        return;
    }
    switch (x->step) {
    case TXN_INIT:
        kafka = a.init.error_code;
        if (kafka)
            break;
        x->id = a.init.producer_id;
        x->epoch = a.init.producer_epoch;
        memset(x->sequence, 0, sizeof x->sequence);
        x->step = TXN_LOOK;
        x->stray = false;
        return;
    case TXN_LOOK: looked(w, x, &a.look); return;
    case TXN_ADD:
        for (uint32_t i = 0; i < a.add.n_results_by_topic_v3_and_below && !kafka; i++)
            kafka = a.add.results_by_topic_v3_and_below[i].results_by_partition[0].partition_error_code;
        if (kafka)
            break;
        x->step = TXN_WRITE;
        return;
    case TXN_WRITE:
        kafka = a.write.responses[0].partition_responses[0].error_code;
        if (kafka)
            break;
        wrote(w, x, a.write.responses[0].partition_responses[0].base_offset);
        return;
    case TXN_ADD_OFFSETS:
        kafka = a.add_offsets.error_code;
        if (kafka)
            break;
        x->step = TXN_OFFSETS;
        return;
    case TXN_OFFSETS: {
        kafka = a.offsets.topics[0].partitions[0].error_code;
        if (kafka)
            break;
        struct fact *e = note_txn(w, x, EV_OFFSET_ACKED);
        e->partition = offset_of(x);
        e->a = x->offset;
        x->step = TXN_END_IT;
        return;
    }
    case TXN_END_IT:
        kafka = a.end.error_code;
        if (kafka)
            break;
        ended(w, x, &a.end);
        return;
    case TXN_BEGIN: return;
    }
    refused(w, x, kafka);
}

void writer_step(struct world *w, struct writer *x)
{
    struct client_reply r;
    if (x->zombie && !x->there)
        return;
    switch (line_hear(w, &x->line, &r)) {
    case HEARD_ANSWER: answered(w, x, &r); break;
    case HEARD_BROKEN:
        x->stray = true;
        if (x->step == TXN_INIT)
            w->stray_ns[x->n] = now_ns(w) + ASTRAY_NS;
        if (!x->zombie && chance(w, 6))
            start_anew(w, x);
        break;
    case HEARD_NOTHING: break;
    }
    if (x->zombie && (x->txn == 0 || x->step == TXN_INIT)) { /* it has found out */
        line_drop(&x->line);
        x->there = false;
        return;
    }
    if (line_ready(w, &x->line))
        ask(w, x);
}
