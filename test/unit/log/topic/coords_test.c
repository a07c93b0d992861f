/* The coordinators at their place: groups, offsets and transactions over the log, restarts, failed commits, time. */
#include "kit.h"

struct ask {
    struct topic_call call;
    struct kit *k;
    enum { COMMIT, FETCH, JOIN, INIT, ADD, TXN_COMMIT, END, NOTHING } what;
    const char *group, *topic;
    int32_t partition;
    int64_t offset, id;
    int16_t epoch;
    bool commit, v2;
    uint64_t token;
    /* the answer */
    uint32_t done;
    int16_t kafka, code;
    int64_t got, got_id;
    int16_t got_epoch;
    union {
        struct kafka_offset_commit_response commit_rs;
        struct kafka_txn_offset_commit_response txn_rs;
        struct kafka_offset_fetch_response_group fetch_rs;
        struct kafka_init_producer_id_response init_rs;
        struct kafka_end_txn_response end_rs;
    };
};

static enum status ask_commit(struct ask *a, struct topic_coords *w, struct error *err)
{
    struct kafka_offset_commit_request_partition part;
    struct kafka_offset_commit_request_topic topic;
    struct kafka_offset_commit_request rq;
    struct coord_client c = { .version = 9, .client_id = STR("x"), .client_host = STR("/h") };
    KAFKA_INIT(offset_commit_request_partition, &part);
    KAFKA_INIT(offset_commit_request_topic, &topic);
    KAFKA_INIT(offset_commit_request, &rq);
    part.partition_index = a->partition;
    part.committed_offset = a->offset;
    topic.name = str_from(a->topic);
    topic.partitions = &part;
    topic.n_partitions = 1;
    rq.group_id = str_from(a->group);
    rq.topics = &topic;
    rq.n_topics = 1;
    return coord_groups_commit(w->groups, &c, &rq, w->now_ms, w->groups_step, &a->commit_rs, err);
}

static enum status ask_txn_commit(struct ask *a, struct topic_coords *w, struct error *err)
{
    struct kafka_txn_offset_commit_request_partition part;
    struct kafka_txn_offset_commit_request_topic topic;
    struct kafka_txn_offset_commit_request rq;
    struct coord_client c = { .version = 5, .client_id = STR("x"), .client_host = STR("/h") };
    struct coord_producer p = { STR("tid"), a->id, a->epoch };
    TRY(coord_txns_partition(w->txns, &p, STR(COORD_OFFSETS_TOPIC), 0, true, w->now_ms, w->txns_step, &a->code, err));
    if (a->code)
        return ST_OK;
    KAFKA_INIT(txn_offset_commit_request_partition, &part);
    KAFKA_INIT(txn_offset_commit_request_topic, &topic);
    KAFKA_INIT(txn_offset_commit_request, &rq);
    part.partition_index = a->partition;
    part.committed_offset = a->offset;
    topic.name = str_from(a->topic);
    topic.partitions = &part;
    topic.n_partitions = 1;
    rq.transactional_id = STR("tid");
    rq.group_id = str_from(a->group);
    rq.producer_id = a->id;
    rq.producer_epoch = a->epoch;
    rq.topics = &topic;
    rq.n_topics = 1;
    return coord_groups_txn_commit(w->groups, &c, &rq, w->now_ms, w->groups_step, &a->txn_rs, err);
}

static enum status ask_fetch(struct ask *a, struct topic_coords *w, struct error *err)
{
    struct kafka_offset_fetch_request_topic topic;
    struct kafka_offset_fetch_request_group rq;
    KAFKA_INIT(offset_fetch_request_topic, &topic);
    KAFKA_INIT(offset_fetch_request_group, &rq);
    topic.name = str_from(a->topic);
    topic.partition_indexes = &a->partition;
    topic.n_partition_indexes = 1;
    rq.group_id = str_from(a->group);
    rq.topics = &topic;
    rq.n_topics = 1;
    return coord_groups_fetch(w->groups, &rq, false, w->groups_step->arena, &a->fetch_rs, err);
}

static enum status ask_join(struct ask *a, struct topic_coords *w, struct error *err)
{
    struct kafka_join_group_request rq;
    struct kafka_join_group_request_protocol protocol;
    struct coord_client c = { .token = a->token, .version = 3, .client_id = STR("x"), .client_host = STR("/h") };
    KAFKA_INIT(join_group_request, &rq);
    KAFKA_INIT(join_group_request_protocol, &protocol);
    protocol.name = STR("range");
    protocol.metadata = STR("m");
    rq.group_id = str_from(a->group);
    rq.session_timeout_ms = 10000;
    rq.rebalance_timeout_ms = 20000;
    rq.member_id = STR("");
    rq.protocol_type = STR("consumer");
    rq.protocols = &protocol;
    rq.n_protocols = 1;
    memcpy(c.fresh.bytes, &a->token, sizeof a->token);
    return coord_groups_join(w->groups, &c, &rq, w->now_ms, w->groups_step, err);
}

static enum status ask_init(struct ask *a, struct topic_coords *w, struct error *err)
{
    struct kafka_init_producer_id_request rq;
    KAFKA_INIT(init_producer_id_request, &rq);
    if (a->group)
        rq.transactional_id = str_from(a->group);
    rq.transaction_timeout_ms = 5000;
    return coord_txns_init(w->txns, &rq, 4, w->now_ms, w->txns_step, &a->init_rs, err);
}

static enum status ask_end(struct ask *a, struct topic_coords *w, struct error *err)
{
    struct kafka_end_txn_request rq;
    KAFKA_INIT(end_txn_request, &rq);
    rq.transactional_id = STR("tid");
    rq.producer_id = a->id;
    rq.producer_epoch = a->epoch;
    rq.committed = a->commit;
    return coord_txns_end(w->txns, &rq, a->v2 ? 5 : 4, w->now_ms, w->txns_step, &a->end_rs, err);
}

static enum status ask_run(struct topic_call *c, struct topic_coords *w, struct error *err)
{
    struct ask *a = c->user;
    struct coord_producer p = { STR("tid"), a->id, a->epoch };
    switch (a->what) {
    case COMMIT: return ask_commit(a, w, err);
    case FETCH: return ask_fetch(a, w, err);
    case JOIN: return ask_join(a, w, err);
    case INIT: return ask_init(a, w, err);
    case TXN_COMMIT: return ask_txn_commit(a, w, err);
    case END: return ask_end(a, w, err);
    case ADD:
        return coord_txns_partition(w->txns, &p, str_from(a->topic), a->partition, true, w->now_ms, w->txns_step, &a->code,
                                    err);
    default: return ST_OK;
    }
}

static void ask_done(struct topic_call *c, int16_t kafka)
{
    struct ask *a = c->user;
    a->done++;
    a->kafka = kafka;
    if (kafka)
        return;
    switch (a->what) { /* the answer's memory ends here */
    case COMMIT: a->code = a->commit_rs.topics[0].partitions[0].error_code; break;
    case TXN_COMMIT: a->code = a->code ? a->code : a->txn_rs.topics[0].partitions[0].error_code; break;
    case FETCH: a->got = a->fetch_rs.topics[0].partitions[0].committed_offset; break;
    case INIT:
        a->code = a->init_rs.error_code;
        a->got_id = a->init_rs.producer_id;
        a->got_epoch = a->init_rs.producer_epoch;
        break;
    case END:
        a->code = a->end_rs.error_code;
        a->got_id = a->end_rs.producer_id;
        a->got_epoch = a->end_rs.producer_epoch;
        break;
    default: break;
    }
}

static void start(struct kit *k, struct ask *a)
{
    a->k = k;
    a->call = (struct topic_call){ .run = ask_run, .done = ask_done, .user = a };
    topics_call(k->topics, &a->call);
}

static struct ask ask(struct kit *k, struct ask a)
{
    start(k, &a);
    kit_steps(k);
    assert_int_equal(a.done, 1);
    return a;
}
#define ASK(k, ...) ask((k), (struct ask){ __VA_ARGS__ })

static int64_t committed(struct kit *k, const char *group, const char *topic)
{
    struct ask a = ASK(k, .what = FETCH, .group = group, .topic = topic);
    assert_int_equal(a.kafka, 0);
    return a.got;
}

static void test_offsets(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_null(topics_find(k.topics, STR(COORD_OFFSETS_TOPIC)));
    struct ask a = { .what = COMMIT, .group = "g", .topic = "t", .offset = 5 };
    start(&k, &a);
    assert_int_equal(a.done, 0); /* not before it is durable */
    struct ask b = { .what = FETCH, .group = "g", .topic = "t" };
    start(&k, &b);
    assert_int_equal(b.done, 0); /* nor is it told */
    kit_steps(&k);
    assert_int_equal(a.done + b.done, 2);
    assert_int_equal(a.kafka | a.code, 0);
    assert_int_equal(b.got, 5);
    assert_true(topic_internal(kit_topic(&k, COORD_OFFSETS_TOPIC)));
    assert_int_equal(topic_config(kit_topic(&k, COORD_OFFSETS_TOPIC), TOPIC_CLEANUP_POLICY), TOPIC_COMPACT);
    a = ASK(&k, .what = COMMIT, .group = "g", .topic = "t", .offset = 7);
    assert_int_equal(committed(&k, "g", "u"), -1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(committed(&k, "g", "t"), 7);
        if (round)
            kit_reopen(&k);
        else
            kit_kill(&k);
    }
    assert_int_equal(committed(&k, "g", "t"), 7);
    /* clients may not write there, and a topic that goes takes its offsets along */
    struct kit_batch bad = { .value = "x", .key = "y" };
    assert_int_equal(kit_append(&k, kit_part(&k, COORD_OFFSETS_TOPIC, 0), &bad, NULL), KAFKA_E_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(kit_remove(&k, COORD_OFFSETS_TOPIC), KAFKA_E_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    assert_int_equal(kit_remove(&k, "t"), 0);
    assert_int_equal(committed(&k, "g", "t"), -1);
    kit_kill(&k);
    assert_int_equal(committed(&k, "g", "t"), -1);
    kit_end(&k);
}

/* What the coordinator said and the disk refused never was: it is replayed, and goes on. */
static void test_failed_commit(void **state)
{
    (void)state;
    struct kit k;
    int64_t next;
    kit_start(&k, 1);
    assert_int_equal(ASK(&k, .what = COMMIT, .group = "g", .topic = "t", .offset = 5).kafka, 0);
    sim_fail_at(k.sim, sim_calls(k.sim) + 1, ST_FULL, false);
    struct ask a = { .what = COMMIT, .group = "g", .topic = "t", .offset = 6 }, b = { .what = FETCH, .group = "g", .topic = "t" };
    start(&k, &a);
    start(&k, &b);
    kit_steps(&k);
    assert_int_equal(a.done + b.done, 2);
    assert_int_not_equal(a.kafka, 0);
    assert_int_not_equal(b.kafka, 0);
    assert_int_equal(ASK(&k, .what = FETCH, .group = "g", .topic = "t").kafka, KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS);
    topics_tick(k.topics, KIT_NOW, &next);
    assert_int_equal(committed(&k, "g", "t"), 5);
    assert_int_equal(ASK(&k, .what = COMMIT, .group = "g", .topic = "t", .offset = 8).kafka, 0);
    kit_kill(&k);
    assert_int_equal(committed(&k, "g", "t"), 8);
    kit_end(&k);
}

/* ---- replies by token, time ---- */

static struct {
    uint64_t token;
    int16_t code;
    uint32_t n;
} told;
static void on_reply(void *arg, const struct coord_reply *r)
{
    (void)arg;
    told.n++;
    told.token = r->token;
    assert_int_equal(r->api, KAFKA_JOIN_GROUP);
    told.code = ((const struct kafka_join_group_response *)r->response)->error_code;
}

static void run_ms(struct kit *k, int64_t ms)
{
    for (int64_t until = os_wall_ms(k->os) + ms; os_wall_ms(k->os) < until; sim_advance_ms(k->sim, 100)) {
        int64_t next;
        topics_tick(k->topics, os_wall_ms(k->os), &next);
        kit_steps(k);
    }
}

static void test_join(void **state)
{
    (void)state;
    struct kit k;
    memset(&told, 0, sizeof told);
    kit_start(&k, 1);
    topics_on_reply(k.topics, on_reply, NULL);
    assert_int_equal(ASK(&k, .what = JOIN, .group = "g", .token = 7).kafka, 0);
    run_ms(&k, 5000);
    assert_int_equal(told.n, 1);
    assert_int_equal(told.token, 7);
    assert_int_equal(told.code, 0);
    /* a second one waits for the first, which is silent; who waits when the node stops is sent away */
    assert_int_equal(ASK(&k, .what = JOIN, .group = "g", .token = 8).kafka, 0);
    assert_int_equal(told.n, 1);
    topics_park(k.topics);
    assert_int_equal(told.n, 2);
    assert_int_equal(told.token, 8);
    assert_int_equal(told.code, KAFKA_E_NOT_COORDINATOR);
    assert_int_equal(ASK(&k, .what = FETCH, .group = "g", .topic = "t").kafka, KAFKA_E_NOT_COORDINATOR);
    kit_end(&k);
}

/* ---- transactions ---- */

static void test_transaction(void **state)
{
    (void)state;
    for (int commit = 0; commit < 2; commit++) {
        struct kit k;
        kit_start(&k, 1);
        assert_int_equal(kit_create(&k, "t", 2, NULL, 0), 0);
        struct ask init = ASK(&k, .what = INIT, .group = "tid");
        assert_int_equal(init.kafka | init.code, 0);
        struct topic_partition *p = kit_part(&k, "t", 1);
        struct kit_batch b = { .value = "x", .producer = { init.got_id, init.got_epoch, 0, true } };
        assert_int_equal(ASK(&k, .what = ADD, .topic = "t", .partition = 1, .id = init.got_id, .epoch = init.got_epoch).code,
                         0);
        assert_int_equal(kit_append(&k, p, &b, NULL), 0);
        struct ask off = ASK(&k, .what = TXN_COMMIT, .group = "g", .topic = "t", .offset = 9, .id = init.got_id,
                             .epoch = init.got_epoch);
        assert_int_equal(off.kafka | off.code, 0);
        kit_put(&k, p, "y");
        assert_string_equal(kit_read(&k, p, 0, true), "");
        assert_int_equal(committed(&k, "g", "t"), -1);
        kit_kill(&k);
        assert_int_equal(committed(&k, "g", "t"), -1);
        p = kit_part(&k, "t", 1);
        struct ask end = { .what = END, .id = init.got_id, .epoch = init.got_epoch, .commit = commit, .v2 = true };
        start(&k, &end);
        assert_int_equal(end.done, 0);
        kit_steps(&k);
        assert_int_equal(end.done, 1);
        assert_int_equal(end.kafka | end.code, 0);
        for (int round = 0; round < 2; round++) {
            p = kit_part(&k, "t", 1);
            assert_string_equal(kit_read(&k, p, 0, true), commit ? "x y +" : "y -");
            assert_int_equal(topic_stable(kit_part(&k, COORD_OFFSETS_TOPIC, 0)),
                             topic_high(kit_part(&k, COORD_OFFSETS_TOPIC, 0)));
            assert_int_equal(committed(&k, "g", "t"), commit ? 9 : -1);
            kit_kill(&k);
        }
        /* the epoch that the transaction had is over */
        assert_int_equal(kit_append(&k, kit_part(&k, "t", 1), &b, NULL),
                         end.got_epoch > init.got_epoch ? KAFKA_E_INVALID_PRODUCER_EPOCH : 0);
        kit_end(&k);
    }
}

/* Nobody ends it: time does, also when one of its topics has gone. */
static void test_transaction_times_out(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    assert_int_equal(kit_create(&k, "u", 1, NULL, 0), 0);
    struct ask init = ASK(&k, .what = INIT, .group = "tid");
    assert_int_equal(ASK(&k, .what = ADD, .topic = "t", .id = init.got_id, .epoch = init.got_epoch).code, 0);
    assert_int_equal(ASK(&k, .what = ADD, .topic = "u", .id = init.got_id, .epoch = init.got_epoch).code, 0);
    struct kit_batch b = { .value = "x", .producer = { init.got_id, init.got_epoch, 0, true } };
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &b, NULL), 0);
    assert_int_equal(kit_remove(&k, "u"), 0);
    kit_kill(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, true), "");
    assert_int_equal(topic_stable(kit_part(&k, "t", 0)), 0);
    run_ms(&k, 30000);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, true), "-");
    assert_int_equal(topic_stable(kit_part(&k, "t", 0)), 2);
    kit_end(&k);
}

static void test_plain_ids(void **state)
{
    (void)state;
    struct kit k;
    int64_t last = -1;
    kit_start(&k, 1);
    for (int i = 0; i < 3000; i++) {
        struct ask a = ASK(&k, .what = INIT);
        assert_int_equal(a.kafka | a.code, 0);
        assert_true(a.got_id > last);
        last = a.got_id;
        if (i % 1000 == 500)
            kit_kill(&k);
    }
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),     cmocka_unit_test(test_failed_commit),
        cmocka_unit_test(test_join),        cmocka_unit_test(test_transaction),
        cmocka_unit_test(test_plain_ids),   cmocka_unit_test(test_transaction_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
