/* Groups, offsets and transactions through the door: every version, two members at once, what a stop, a power loss and a
 * full disk leave of them. What the coordinators decide is tested with coord. */
#include "kit.h"

#define NAME STR("t")

static void make_topic(struct world *w, struct client *c)
{
    struct kafka_metadata_request q;
    struct kafka_metadata_request_topic t;
    struct kafka_metadata_response r;
    KAFKA_INIT(metadata_request, &q);
    KAFKA_INIT(metadata_request_topic, &t);
    t.name = NAME;
    q.topics = &t;
    q.n_topics = 1;
    ask(w, c, KAFKA_METADATA, 12, &q, &r);
    assert_int_equal(r.topics[0].error_code, 0);
}

/* ---- members ---- */

static void join_send(struct client *c, int16_t version, struct str member)
{
    struct kafka_join_group_request q;
    static struct kafka_join_group_request_protocol p;
    KAFKA_INIT(join_group_request, &q);
    KAFKA_INIT(join_group_request_protocol, &p);
    p.name = STR("range");
    p.metadata = STR("m");
    q.group_id = STR("g");
    q.session_timeout_ms = 10000;
    q.rebalance_timeout_ms = 10000;
    q.member_id = member;
    q.protocol_type = STR("consumer");
    q.protocols = &p;
    q.n_protocols = 1;
    must(client_send(c, KAFKA_JOIN_GROUP, version, &q, false, NULL), NULL);
}

static struct kafka_join_group_response join_next(struct world *w, struct client *c)
{
    struct kafka_join_group_response a;
    struct client_reply r;
    must(world_next(w, c, &r), NULL);
    r.body = arena_str(&w->arena, r.body);
    must(client_decode(&r, &w->arena, &a, NULL), NULL);
    return a;
}

/* Also with the id that the first answer gives, from version 4 on. */
static struct kafka_join_group_response join(struct world *w, struct client *c, int16_t version)
{
    join_send(c, version, STR(""));
    struct kafka_join_group_response a = join_next(w, c);
    if (a.error_code == KAFKA_E_MEMBER_ID_REQUIRED) {
        assert_true(version >= 4);
        join_send(c, version, a.member_id);
        a = join_next(w, c);
    }
    return a;
}

static struct kafka_sync_group_response sync_as(struct world *w, struct client *c, int16_t version,
                                                const struct kafka_join_group_response *j, bool leads)
{
    struct kafka_sync_group_request q;
    struct kafka_sync_group_request_assignment to;
    struct kafka_sync_group_response a;
    KAFKA_INIT(sync_group_request, &q);
    KAFKA_INIT(sync_group_request_assignment, &to);
    to.member_id = j->member_id;
    to.assignment = STR("mine");
    q.group_id = STR("g");
    q.generation_id = j->generation_id;
    q.member_id = j->member_id;
    q.protocol_type = STR("consumer");
    q.protocol_name = STR("range");
    q.assignments = &to;
    q.n_assignments = leads;
    ask(w, c, KAFKA_SYNC_GROUP, version, &q, &a);
    return a;
}

static int16_t leave(struct world *w, struct client *c, int16_t version, struct str member)
{
    struct kafka_leave_group_request q;
    struct kafka_leave_group_request_member m;
    struct kafka_leave_group_response a;
    KAFKA_INIT(leave_group_request, &q);
    KAFKA_INIT(leave_group_request_member, &m);
    m.member_id = member;
    q.group_id = STR("g");
    q.member_id = member;
    q.members = &m;
    q.n_members = 1;
    if (version >= 3)
        q.member_id = STR("");
    else
        q.n_members = 0;
    ask(w, c, KAFKA_LEAVE_GROUP, version, &q, &a);
    return a.error_code;
}

static int16_t beat(struct world *w, struct client *c, const struct kafka_join_group_response *j)
{
    struct kafka_heartbeat_request q;
    struct kafka_heartbeat_response a;
    KAFKA_INIT(heartbeat_request, &q);
    q.group_id = STR("g");
    q.generation_id = j->generation_id;
    q.member_id = j->member_id;
    ask(w, c, KAFKA_HEARTBEAT, 4, &q, &a);
    return a.error_code;
}

static void test_members(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 1);
    struct client *c = client_new(&w), *d = client_new(&w);
    for (int16_t v = 0; v <= 9; v++) {
        struct kafka_join_group_response a = join(&w, c, v);
        assert_int_equal(a.error_code, 0);
        assert_true(str_eq(a.leader, a.member_id));
        assert_int_equal(a.n_members, 1);
        struct kafka_sync_group_response s = sync_as(&w, c, v < 5 ? v : 5, &a, true);
        assert_int_equal(s.error_code, 0);
        assert_true(str_eq(s.assignment, STR("mine")));
        assert_int_equal(beat(&w, c, &a), 0);
        assert_int_equal(leave(&w, c, v < 5 ? v : 5, a.member_id), 0);
    }
    /* A second member: the first learns of it by its heartbeat, joins again, and both are answered together. */
    struct kafka_join_group_response a = join(&w, c, 9);
    assert_int_equal(sync_as(&w, c, 5, &a, true).error_code, 0);
    join_send(d, 9, STR(""));
    struct kafka_join_group_response b = join_next(&w, d);
    assert_int_equal(b.error_code, KAFKA_E_MEMBER_ID_REQUIRED);
    struct str second = b.member_id;
    join_send(d, 9, second);
    struct client_reply r;
    for (int i = 0; i < 100; i++) {
        must(client_next(d, 0, &r, NULL), NULL);
        assert_int_equal(r.key, -1);
        world_turn(&w);
    }
    assert_int_equal(beat(&w, c, &a), KAFKA_E_REBALANCE_IN_PROGRESS);
    join_send(c, 9, a.member_id);
    a = join_next(&w, c);
    b = join_next(&w, d);
    assert_int_equal(a.error_code, 0);
    assert_int_equal(b.error_code, 0);
    assert_int_equal(a.generation_id, b.generation_id);
    assert_int_equal(a.n_members, 2); /* who leads sees all */
    assert_int_equal(b.n_members, 0);
    /* One that waits in a join is answered when the server stops. */
    assert_int_equal(sync_as(&w, c, 5, &a, true).error_code, 0);
    join_send(c, 9, a.member_id);
    for (int i = 0; i < 50; i++) {
        must(client_next(c, 0, &r, NULL), NULL);
        assert_int_equal(r.key, -1);
        world_turn(&w);
    }
    world_stop(&w);
    struct kafka_join_group_response last = { .error_code = -9 };
    for (int i = 0; i < 1000; i++) {
        if (client_next(c, 0, &r, NULL) != ST_OK || r.key >= 0)
            break;
        sim_advance_ms(w.sim, 1);
    }
    assert_int_equal(r.key, KAFKA_JOIN_GROUP);
    must(client_decode(&r, &w.arena, &last, NULL), NULL);
    assert_int_equal(last.error_code, KAFKA_E_NOT_COORDINATOR);
    client_close(c);
    client_close(d);
    world_free(&w);
}

/* ---- offsets ---- */

enum { NO_TOPIC = 77 }; /* this partition is of a topic that is not there */

static int16_t commit(struct world *w, struct client *c, int16_t version, int32_t partition, int64_t offset)
{
    struct kafka_offset_commit_request q;
    struct kafka_offset_commit_request_topic t;
    struct kafka_offset_commit_request_partition p;
    struct kafka_offset_commit_response a;
    KAFKA_INIT(offset_commit_request, &q);
    KAFKA_INIT(offset_commit_request_topic, &t);
    KAFKA_INIT(offset_commit_request_partition, &p);
    p.partition_index = partition;
    p.committed_offset = offset;
    p.committed_metadata = STR("note");
    struct topic *found = topics_find(w->topics, NAME);
    memcpy(t.topic_id.bytes, topic_id(found), 16);
    topic_unref(found);
    t.topic_id.bytes[0] ^= partition == NO_TOPIC;
    t.name = partition == NO_TOPIC ? STR("nobody's") : NAME;
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.group_id = STR("offsets");
    q.topics = &t;
    ask(w, c, KAFKA_OFFSET_COMMIT, version, &q, &a);
    return a.topics[0].partitions[0].error_code;
}

static int64_t committed(struct world *w, struct client *c, int16_t version, bool all)
{
    struct kafka_offset_fetch_request q;
    struct kafka_offset_fetch_request_group g;
    struct kafka_offset_fetch_request_topic t;
    struct kafka_offset_fetch_response a;
    int32_t zero = 0;
    KAFKA_INIT(offset_fetch_request, &q);
    KAFKA_INIT(offset_fetch_request_group, &g);
    KAFKA_INIT(offset_fetch_request_topic, &t);
    struct topic *found = topics_find(w->topics, NAME);
    memcpy(t.topic_id.bytes, topic_id(found), 16);
    topic_unref(found);
    t.name = NAME;
    t.partition_indexes = &zero;
    t.n_partition_indexes = 1;
    g.group_id = q.group_id = STR("offsets");
    g.topics = q.topics = all ? NULL : &t;
    g.n_topics = q.n_topics = !all;
    if (version >= 8) {
        q = (struct kafka_offset_fetch_request){ .groups = &g, .n_groups = 1, .require_stable = true };
        q.group_id = STR("");
        q.topics = &t; /* not null: vital below version 8 */
        q.n_topics = 0;
    }
    ask(w, c, KAFKA_OFFSET_FETCH, version, &q, &a);
    const struct kafka_offset_fetch_response_topic *got = version >= 8 ? a.groups[0].topics : a.topics;
    uint32_t n = version >= 8 ? a.groups[0].n_topics : a.n_topics;
    assert_int_equal(version >= 8 ? a.groups[0].error_code : a.error_code, 0);
    if (n == 0)
        return -1;
    assert_int_equal(got[0].partitions[0].error_code, 0);
    if (got[0].partitions[0].committed_offset >= 0)
        assert_true(str_eq(got[0].partitions[0].metadata, STR("note")));
    return got[0].partitions[0].committed_offset;
}

static void test_offsets(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 2);
    struct client *c = client_new(&w);
    make_topic(&w, c);
    for (int16_t v = 1; v <= 10; v++)
        assert_int_equal(committed(&w, c, v, false), -1);
    for (int16_t v = 2; v <= 10; v++) {
        assert_int_equal(commit(&w, c, v, 0, 100 + v), 0);
        assert_int_equal(committed(&w, c, v, false), 100 + v);
    }
    for (int16_t v = 2; v <= 10; v++)
        assert_int_equal(committed(&w, c, v, true), 110);
    assert_int_equal(commit(&w, c, 8, 5, 1), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(commit(&w, c, 10, 5, 1), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(commit(&w, c, 9, NO_TOPIC, 1), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(commit(&w, c, 10, NO_TOPIC, 1), KAFKA_E_UNKNOWN_TOPIC_ID);
    struct kafka_delete_topics_request dq;
    struct kafka_delete_topics_response dr;
    struct str own = STR("__consumer_offsets"); /* stays */
    KAFKA_INIT(delete_topics_request, &dq);
    dq.topic_names = &own;
    dq.n_topic_names = 1;
    ask(&w, c, KAFKA_DELETE_TOPICS, 5, &dq, &dr);
    assert_int_equal(dr.responses[0].error_code, KAFKA_E_INVALID_TOPIC_EXCEPTION);
    client_close(c);
    world_stop(&w);
    world_start(&w);
    c = client_new(&w);
    assert_int_equal(committed(&w, c, 8, false), 110);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* ---- transactions ---- */

static struct kafka_init_producer_id_response init(struct world *w, struct client *c, struct str id)
{
    struct kafka_init_producer_id_request q;
    struct kafka_init_producer_id_response a;
    KAFKA_INIT(init_producer_id_request, &q);
    q.transactional_id = id;
    q.transaction_timeout_ms = 20000;
    ask(w, c, KAFKA_INIT_PRODUCER_ID, 5, &q, &a);
    return a;
}

static void produce_send(struct world *w, struct client *c, int16_t version, struct str id, int64_t producer, int16_t epoch,
                         int32_t sequence, const char *tag)
{
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition p;
    struct error err;
    struct record_producer who = { producer, epoch, sequence, id.ptr != NULL };
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &p);
    p.records.bytes = batch_of(w, tag, 1, RECORD_PLAIN, who);
    t.name = NAME;
    t.partition_data = &p;
    t.n_partition_data = q.n_topic_data = 1;
    q.transactional_id = id;
    q.topic_data = &t;
    q.acks = -1;
    must(client_send(c, KAFKA_PRODUCE, version, &q, false, &err), &err);
}

static int16_t produced(struct world *w, const struct client_reply *r)
{
    struct kafka_produce_response a;
    assert_int_equal(r->key, KAFKA_PRODUCE);
    must(client_decode(r, &w->arena, &a, NULL), NULL);
    return a.responses[0].partition_responses[0].error_code;
}

static int16_t produce_next(struct world *w, struct client *c)
{
    struct client_reply r;
    assert_int_equal(world_next(w, c, &r), ST_OK);
    return produced(w, &r);
}

static int16_t produce(struct world *w, struct client *c, int16_t version, struct str id, int64_t producer, int16_t epoch,
                       int32_t sequence, const char *tag)
{
    produce_send(w, c, version, id, producer, epoch, sequence, tag);
    return produce_next(w, c);
}

static int16_t add(struct world *w, struct client *c, struct str id, const struct kafka_init_producer_id_response *i,
                   int32_t partition)
{
    struct kafka_add_partitions_to_txn_request q;
    struct kafka_add_partitions_to_txn_request_topic t;
    struct kafka_add_partitions_to_txn_response a;
    KAFKA_INIT(add_partitions_to_txn_request, &q);
    KAFKA_INIT(add_partitions_to_txn_request_topic, &t);
    t.name = NAME;
    t.partitions = &partition;
    t.n_partitions = 1;
    q.v3_and_below_transactional_id = id;
    q.v3_and_below_producer_id = i->producer_id;
    q.v3_and_below_producer_epoch = i->producer_epoch;
    q.v3_and_below_topics = &t;
    q.n_v3_and_below_topics = 1;
    ask(w, c, KAFKA_ADD_PARTITIONS_TO_TXN, 3, &q, &a);
    return a.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code;
}

static struct kafka_end_txn_response end(struct world *w, struct client *c, int16_t version, struct str id,
                                         int64_t producer, int16_t epoch, bool commits)
{
    struct kafka_end_txn_request q;
    struct kafka_end_txn_response a;
    KAFKA_INIT(end_txn_request, &q);
    q.transactional_id = id;
    q.producer_id = producer;
    q.producer_epoch = epoch;
    q.committed = commits;
    ask(w, c, KAFKA_END_TXN, version, &q, &a);
    return a;
}

static struct kafka_fetch_response_partition fetch(struct world *w, struct client *c, bool only_committed)
{
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t;
    struct kafka_fetch_request_partition p;
    struct kafka_fetch_response a;
    KAFKA_INIT(fetch_request, &q);
    KAFKA_INIT(fetch_request_topic, &t);
    KAFKA_INIT(fetch_request_partition, &p);
    p.partition_max_bytes = 1 << 20;
    t.topic = NAME;
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    q.isolation_level = only_committed;
    ask(w, c, KAFKA_FETCH, 12, &q, &a);
    return a.responses[0].partitions[0];
}

static void test_transactions(void **state)
{
    (void)state;
    struct world w;
    struct str id = STR("tx");
    world_open(&w, 3);
    struct client *c = client_new(&w);
    make_topic(&w, c);
    struct kafka_init_producer_id_response i = init(&w, c, id);
    assert_int_equal(i.error_code, 0);
    /* V1: not before it was added */
    assert_true(produce(&w, c, 9, id, i.producer_id, i.producer_epoch, 0, "no") != 0);
    assert_int_equal(add(&w, c, id, &i, 7), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(add(&w, c, id, &i, 0), 0);
    assert_int_equal(produce(&w, c, 9, id, i.producer_id, i.producer_epoch, 0, "a"), 0);
    assert_int_equal(produce(&w, c, 9, id, i.producer_id, i.producer_epoch, 1, "b"), 0);
    struct kafka_fetch_response_partition f = fetch(&w, c, true);
    assert_int_equal(f.last_stable_offset, 0);
    assert_int_equal(f.high_watermark, 2);
    assert_int_equal(f.records.bytes.len, 0);
    assert_int_equal(end(&w, c, 3, id, i.producer_id, i.producer_epoch, false).error_code, 0);
    f = fetch(&w, c, true);
    assert_int_equal(f.last_stable_offset, 3); /* with the marker */
    assert_int_equal(f.n_aborted_transactions, 1);
    assert_int_equal(f.aborted_transactions[0].producer_id, i.producer_id);
    assert_int_equal(f.aborted_transactions[0].first_offset, 0);
    assert_int_equal(fetch(&w, c, false).n_aborted_transactions, 0);
    /* V2: added by producing; the end gives the next epoch, and the old one is fenced */
    i = init(&w, c, id);
    assert_int_equal(produce(&w, c, 12, id, i.producer_id, i.producer_epoch, 0, "c"), 0);
    struct kafka_end_txn_response e = end(&w, c, 5, id, i.producer_id, i.producer_epoch, true);
    assert_int_equal(e.error_code, 0);
    assert_int_equal(e.producer_id, i.producer_id);
    assert_int_equal(e.producer_epoch, i.producer_epoch + 1);
    assert_int_equal(produce(&w, c, 12, id, i.producer_id, i.producer_epoch, 1, "late"), KAFKA_E_INVALID_PRODUCER_EPOCH);
    assert_int_equal(produce(&w, c, 12, id, e.producer_id, e.producer_epoch, 0, "d"), 0);
    /* A second instance: the open transaction is aborted, its producer is fenced */
    struct kafka_init_producer_id_response j = init(&w, c, id);
    assert_int_equal(j.error_code, 0);
    assert_int_equal(end(&w, c, 5, id, e.producer_id, e.producer_epoch, true).error_code, KAFKA_E_PRODUCER_FENCED);
    f = fetch(&w, c, true);
    assert_int_equal(f.last_stable_offset, f.high_watermark);
    assert_int_equal(f.n_aborted_transactions, 2);
    /* One that nobody ends is ended by time, also when the machine was off meanwhile */
    assert_int_equal(produce(&w, c, 12, id, j.producer_id, j.producer_epoch, 0, "e"), 0);
    f = fetch(&w, c, true);
    assert_true(f.last_stable_offset < f.high_watermark);
    client_close(c);
    world_stop(&w);
    world_start(&w);
    for (int k = 0; k < 300; k++) {
        world_turn(&w);
        sim_advance_ms(w.sim, 100);
    }
    c = client_new(&w);
    f = fetch(&w, c, true);
    assert_int_equal(f.last_stable_offset, f.high_watermark);
    assert_int_equal(f.n_aborted_transactions, 3);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* What a producer sends behind a batch that its coordinator is asked about keeps its place, whenever it comes; and a
 * producer that is fenced is told so in words that Produce has. */
static void test_pipelined(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 5);
    struct client *c = client_new(&w);
    make_topic(&w, c);
    struct str id = STR("in a row");
    struct kafka_init_producer_id_response i = init(&w, c, id);
    assert_int_equal(i.error_code, 0);
    for (int32_t k = 0; k < 30; k++) { /* some meet the question, some its answer, some what comes of it */
        struct client_reply r;
        produce_send(&w, c, 12, id, i.producer_id, i.producer_epoch, k, "p");
        must(client_next(c, 0, &r, NULL), NULL);
        if (r.key >= 0)
            assert_int_equal(produced(&w, &r), 0);
        bool more;
        sim_advance_ns(w.sim, 300000);
        broker_turn(w.broker, 0);
        if (k % 2)
            must(topics_step(w.topics, &more, NULL), NULL);
        sim_work_some(w.sim, 1);
    }
    while (client_pending(c))
        assert_int_equal(produce_next(&w, c), 0);
    assert_int_equal(end(&w, c, 5, id, i.producer_id, i.producer_epoch, true).error_code, 0);
    /* Of another that has written nothing yet only its coordinator knows that it is fenced. */
    id = STR("fenced");
    i = init(&w, c, id);
    assert_int_equal(init(&w, c, id).error_code, 0);
    assert_int_equal(produce(&w, c, 12, id, i.producer_id, i.producer_epoch, 0, "late"), KAFKA_E_INVALID_PRODUCER_EPOCH);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

static void test_idempotent(void **state)
{
    (void)state;
    struct world w;
    struct str none = { NULL, 0 };
    world_open(&w, 4);
    struct client *c = client_new(&w);
    make_topic(&w, c);
    struct kafka_init_producer_id_response i = init(&w, c, none), j = init(&w, c, none);
    assert_true(i.error_code == 0 && j.error_code == 0 && i.producer_id != j.producer_id && i.producer_epoch == 0);
    assert_int_equal(produce(&w, c, 9, none, i.producer_id, 0, 0, "a"), 0);
    assert_int_equal(produce(&w, c, 9, none, i.producer_id, 0, 0, "a"), 0); /* again: once */
    assert_int_equal(fetch(&w, c, false).high_watermark, 1);
    assert_int_equal(produce(&w, c, 9, none, i.producer_id, 0, 2, "gap"), KAFKA_E_OUT_OF_ORDER_SEQUENCE_NUMBER);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* A full disk: whoever asks is answered with an error, and when there is room again all goes on. */
static void test_full_disk(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 5);
    struct client *c = client_new(&w);
    make_topic(&w, c);
    assert_int_equal(commit(&w, c, 8, 0, 1), 0);
    sim_capacity(w.sim, 1);
    assert_true(commit(&w, c, 8, 0, 2) != 0);
    join_send(c, 3, STR(""));
    struct kafka_join_group_response a = join_next(&w, c);
    assert_true(a.error_code != 0 || a.n_members == 1);
    sim_capacity(w.sim, UINT64_MAX);
    int16_t error = -1;
    for (int i = 0; i < 50 && error != 0; i++) {
        for (int k = 0; k < 20; k++)
            world_turn(&w);
        sim_advance_ms(w.sim, 200);
        error = commit(&w, c, 8, 0, 3);
    }
    assert_int_equal(error, 0);
    assert_int_equal(committed(&w, c, 8, false), 3);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),      cmocka_unit_test(test_offsets),   cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_pipelined),    cmocka_unit_test(test_idempotent),   cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
