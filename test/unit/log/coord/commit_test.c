/* Offsets: who may commit, what comes back, transactions, limits. */
#include "kit.h"

static void test_from_outside(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), -1);
    assert_state(&k, "g", "Dead");
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 3, .offset = 1 }), KAFKA_E_GROUP_ID_NOT_FOUND);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 3, .offset = 1, .version = 8 }),
                     KAFKA_E_ILLEGAL_GENERATION);
    assert_state(&k, "g", "Dead");
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 10, .metadata = "where" }), 0);
    assert_int_equal(k.log.count, 1);
    assert_state(&k, "g", "Empty");
    struct kafka_offset_fetch_response_partition p = kit_fetch_from(&k, k.g, "g", "t", 0, false);
    assert_int_equal(p.committed_offset, 10);
    assert_int_equal(p.committed_leader_epoch, -1);
    assert_string_equal(kit_text(&k, p.metadata), "where");
    assert_int_equal(kit_fetch(&k, "g", "t", 1), -1);
    assert_int_equal(kit_fetch(&k, "g", "u", 0), -1);
    /* the empty group is a group, for clients that have none */
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .group = "", .generation = -1, .offset = 4 }), 0);
    assert_int_equal(kit_fetch(&k, "", "t", 0), 4);
    /* numbers of all sizes, the last one counts */
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = INT64_MAX, .partition = 7 }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 0, .partition = INT32_MAX }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 3, .metadata = "" }), 0);
    kit_restart(&k);
    assert_int_equal(kit_fetch(&k, "g", "t", 7), INT64_MAX);
    assert_int_equal(kit_fetch(&k, "g", "t", INT32_MAX), 0);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 3);
    kit_close(&k);
}

static void test_from_members(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 2);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = ids[0], .offset = 5 }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 2, .member = ids[0], .offset = 6 }),
                     KAFKA_E_ILLEGAL_GENERATION);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .member = ids[0], .offset = 6 }),
                     KAFKA_E_ILLEGAL_GENERATION);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = "who", .offset = 6 }),
                     KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 6 }), KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 5);
    /* while a rebalance is being prepared a member may still put down what it has; while it completes, not */
    uint64_t t = kit_join(&k, (struct kit_member){ .member = ids[0] });
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = ids[1], .offset = 7 }), 0);
    kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_int_equal(kit_joined(&k, t)->generation_id, 2);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 2, .member = ids[1], .offset = 8 }),
                     KAFKA_E_REBALANCE_IN_PROGRESS);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = ids[1], .offset = 8 }),
                     KAFKA_E_ILLEGAL_GENERATION);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 7);
    /* once they have gone, from outside again */
    kit_leave(&k, ids[0]);
    kit_leave(&k, ids[1]);
    kit_wait(&k, 1);
    assert_state(&k, "g", "Empty");
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 8 }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 2, .member = ids[0], .offset = 9 }),
                     KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 8);
    kit_close(&k);
}

/* A member that commits and sends no heartbeats lives. */
static void test_keeps_the_session(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *id;
    kit_stable(&k, (struct kit_member){ .session_ms = 6000 }, &id, 1);
    for (int i = 0; i < 4; i++) {
        kit_wait(&k, 5000);
        assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .offset = i }), 0);
    }
    assert_state(&k, "g", "Stable");
    kit_wait(&k, 6000);
    assert_state(&k, "g", "Empty");
    kit_close(&k);
}

static void test_metadata_limit(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.offset_metadata_max = 5;
    kit_again(&k);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1, .metadata = "123456" }),
                     KAFKA_E_OFFSET_METADATA_TOO_LARGE);
    assert_state(&k, "g", "Dead"); /* nothing came of it */
    assert_int_equal(k.log.count, 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1, .metadata = "12345" }), 0);
    /* counted as Java counts: five of two bytes; two that need two units, and one more */
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1,
                                                         .offset = 2,
                                                         .metadata = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" }),
                     0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1,
                                                         .offset = 3,
                                                         .metadata = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80xx" }),
                     KAFKA_E_OFFSET_METADATA_TOO_LARGE);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 2);
    kit_close(&k);
}

/* Several topics and partitions in one request, one of them refused, one twice; topic ids. */
static void test_many_in_one(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    char large[5000];
    memset(large, 'x', sizeof large);
    struct kafka_offset_commit_request rq;
    KAFKA_INIT(offset_commit_request, &rq);
    struct kafka_offset_commit_request_partition p[] = {
        { 3, 30, 2, STR("c") }, { 1, 10, -1, { large, sizeof large } }, { 2, 20, -1, { 0 } }, { 3, 31, 2, STR("d") }
    };
    struct kafka_offset_commit_request_topic t[] = { { .name = STR("b"), .partitions = p, .n_partitions = 4 },
                                                     { .name = STR("a"), .partitions = p, .n_partitions = 1 } };
    memset(&t[0].topic_id, 7, sizeof t[0].topic_id);
    rq.group_id = STR("g");
    rq.topics = t;
    rq.n_topics = 2;
    struct kafka_offset_commit_response r;
    struct coord_client c = kit_client(&k, 10);
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_groups_commit(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    kit_take(&k, &step);
    assert_int_equal(k.log.count, 4);
    assert_int_equal(r.n_topics, 2);
    assert_memory_equal(&r.topics[0].topic_id, &t[0].topic_id, 16);
    assert_string_equal(kit_text(&k, r.topics[0].name), "b");
    assert_int_equal(r.topics[0].partitions[0].error_code, 0);
    assert_int_equal(r.topics[0].partitions[1].error_code, KAFKA_E_OFFSET_METADATA_TOO_LARGE);
    assert_int_equal(r.topics[0].partitions[1].partition_index, 1);
    assert_int_equal(r.topics[1].partitions[0].error_code, 0);
    kit_restart(&k);
    struct kafka_offset_fetch_response_partition f = kit_fetch_from(&k, k.g, "g", "b", 3, false);
    assert_int_equal(f.committed_offset, 31);
    assert_int_equal(f.committed_leader_epoch, 2);
    assert_string_equal(kit_text(&k, f.metadata), "d");
    assert_int_equal(kit_fetch(&k, "g", "b", 1), -1);
    assert_int_equal(kit_fetch(&k, "g", "a", 3), 30);
    /* a topic of the same name with another id has no offsets; without an id it is not asked */
    struct kafka_offset_fetch_request_topic ask = { .name = STR("b"), .topic_id = t[0].topic_id,
                                                    .partition_indexes = (int32_t[]){ 3 }, .n_partition_indexes = 1 };
    struct kafka_offset_fetch_request_group fetch = { .group_id = STR("g"), .topics = &ask, .n_topics = 1 };
    struct kafka_offset_fetch_response_group got;
    assert_int_equal(coord_groups_fetch(k.g, &fetch, false, &k.arena, &got, &k.err), ST_OK);
    assert_int_equal(got.topics[0].partitions[0].committed_offset, 31);
    ask.topic_id.bytes[0] = 8;
    assert_int_equal(coord_groups_fetch(k.g, &fetch, false, &k.arena, &got, &k.err), ST_OK);
    assert_int_equal(got.topics[0].partitions[0].committed_offset, -1);
    assert_int_equal(got.topics[0].partitions[0].error_code, 0);
    ask.name = STR("a"); /* committed without an id */
    assert_int_equal(coord_groups_fetch(k.g, &fetch, false, &k.arena, &got, &k.err), ST_OK);
    assert_int_equal(got.topics[0].partitions[0].committed_offset, 30);
    /* all topics: in order, with what there is */
    fetch.topics = NULL;
    fetch.n_topics = 0;
    assert_int_equal(coord_groups_fetch(k.g, &fetch, false, &k.arena, &got, &k.err), ST_OK);
    assert_int_equal(got.n_topics, 2);
    assert_string_equal(kit_text(&k, got.topics[0].name), "a");
    assert_int_equal(got.topics[1].n_partitions, 2);
    assert_int_equal(got.topics[1].partitions[0].partition_index, 2);
    fetch.group_id = STR("none");
    assert_int_equal(coord_groups_fetch(k.g, &fetch, false, &k.arena, &got, &k.err), ST_OK);
    assert_int_equal(got.n_topics, 0);
    assert_int_equal(got.error_code, 0);
    kit_close(&k);
}

/* ---- transactions ---- */

static void test_wait_for_the_marker(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 10 }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 20, .producer_id = 5 }), 0);
    assert_int_equal(k.log.at[1].producer_id, 5);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 10);
    struct kafka_offset_fetch_response_partition p = kit_fetch_from(&k, k.g, "g", "t", 0, true);
    assert_int_equal(p.error_code, KAFKA_E_UNSTABLE_OFFSET_COMMIT);
    assert_int_equal(p.committed_offset, -1);
    kit_end_txn(&k, 6, true); /* another's */
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 10);
    kit_end_txn(&k, 5, true);
    p = kit_fetch_from(&k, k.g, "g", "t", 0, true);
    assert_int_equal(p.error_code, 0);
    assert_int_equal(p.committed_offset, 20);
    /* aborted: as if it had never been */
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 30, .producer_id = 5 }), 0);
    assert_int_equal(kit_commit(
                         &k, (struct kit_commit){ .generation = -1, .offset = 1, .producer_id = 5, .group = "other" }),
                     0);
    kit_end_txn(&k, 5, false);
    assert_int_equal(kit_fetch_from(&k, k.g, "g", "t", 0, true).committed_offset, 20);
    assert_int_equal(kit_fetch_from(&k, k.g, "other", "t", 0, true).committed_offset, -1);
    kit_end_txn(&k, 5, true); /* nothing is left of it */
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 20);
    kit_restart(&k);
    assert_int_equal(kit_fetch_from(&k, k.g, "g", "t", 0, true).committed_offset, 20);
    kit_close(&k);
}

/* The record that came last wins, whenever its marker comes; over a restart between them, too. */
static void test_order_of_records(void **state)
{
    (void)state;
    for (int restart = 0; restart < 4; restart++) {
        struct kit k;
        kit_open(&k);
        assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 20, .producer_id = 5 }), 0);
        if (restart & 1)
            kit_restart(&k);
        assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 10 }), 0);
        assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 7, .partition = 1 }), 0);
        if (restart & 2)
            kit_restart(&k);
        assert_int_equal(
            kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 30, .producer_id = 6, .partition = 1 }), 0);
        assert_int_equal(
            kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 40, .producer_id = 5, .partition = 1 }), 0);
        kit_end_txn(&k, 5, true);
        assert_int_equal(kit_fetch(&k, "g", "t", 0), 10);
        assert_int_equal(kit_fetch(&k, "g", "t", 1), 40);
        kit_end_txn(&k, 6, true);
        assert_int_equal(kit_fetch(&k, "g", "t", 1), 40);
        kit_restart(&k);
        assert_int_equal(kit_fetch(&k, "g", "t", 0), 10);
        assert_int_equal(kit_fetch(&k, "g", "t", 1), 40);
        kit_close(&k);
    }
}

static void test_txn_members(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct kit_commit m = { .producer_id = 5, .offset = 1, .generation = 3 };
    assert_int_equal(kit_commit(&k, m), KAFKA_E_ILLEGAL_GENERATION);
    m.group = "";
    assert_int_equal(kit_commit(&k, m), KAFKA_E_INVALID_GROUP_ID);
    const char *id;
    kit_stable(&k, (struct kit_member){ 0 }, &id, 1);
    m = (struct kit_commit){ .producer_id = 5, .offset = 1, .generation = 1, .member = id };
    assert_int_equal(kit_commit(&k, m), 0);
    m.generation = 2; /* a zombie of another generation */
    assert_int_equal(kit_commit(&k, m), KAFKA_E_ILLEGAL_GENERATION);
    m = (struct kit_commit){ .producer_id = 5, .offset = 2, .generation = 1, .member = "who" };
    assert_int_equal(kit_commit(&k, m), KAFKA_E_UNKNOWN_MEMBER_ID);
    m = (struct kit_commit){ .producer_id = 5, .offset = 3, .generation = -1 }; /* of old versions: not said */
    assert_int_equal(kit_commit(&k, m), 0);
    kit_join(&k, (struct kit_member){ .member = id }); /* completing: a transaction may */
    assert_state(&k, "g", "CompletingRebalance");
    m = (struct kit_commit){ .producer_id = 5, .offset = 4, .generation = 2, .member = id };
    assert_int_equal(kit_commit(&k, m), 0);
    kit_end_txn(&k, 5, true);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 4);
    kit_close(&k);
}

/* ---- deleting ---- */

static int delete_offset(struct kit *k, const char *group, const char *topic, int32_t partition)
{
    struct kafka_offset_delete_request_partition p = { partition };
    struct kafka_offset_delete_request_topic t = { str_from(topic), &p, 1 };
    struct kafka_offset_delete_request rq = { str_from(group), &t, 1 };
    struct kafka_offset_delete_response r;
    struct coord_step step = kit_step(k);
    assert_int_equal(coord_groups_delete_offsets(k->g, &rq, k->now_ms, &step, &r, &k->err), ST_OK);
    kit_take(k, &step);
    return r.error_code ? r.error_code : r.topics[0].partitions[0].error_code;
}

static void test_delete_offsets(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(delete_offset(&k, "", "t", 0), KAFKA_E_INVALID_GROUP_ID);
    assert_int_equal(delete_offset(&k, "g", "t", 0), KAFKA_E_GROUP_ID_NOT_FOUND);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1 }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 2, .producer_id = 5 }), 0);
    uint32_t records = k.log.count;
    assert_int_equal(delete_offset(&k, "g", "t", 9), 0); /* what is not there is gone */
    assert_int_equal(k.log.count, records);
    assert_int_equal(delete_offset(&k, "g", "t", 0), 0);
    assert_int_equal(k.log.count, records + 1);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), -1);
    kit_end_txn(&k, 5, true); /* what waited is gone with it */
    assert_int_equal(kit_fetch(&k, "g", "t", 0), -1);
    kit_restart(&k);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), -1);
    /* topics that members read are kept: told by their subscriptions */
    static const uint8_t reads[] = { 0, 1, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff };
    char metadata[sizeof reads];
    memcpy(metadata, reads, sizeof reads);
    struct kafka_join_group_request rq;
    KAFKA_INIT(join_group_request, &rq);
    struct kafka_join_group_request_protocol protocol = { STR("range"), { metadata, sizeof metadata } };
    rq.group_id = STR("g");
    rq.session_timeout_ms = 10000;
    rq.protocol_type = STR("consumer");
    rq.protocols = &protocol;
    rq.n_protocols = 1;
    struct coord_client c = kit_client(&k, 3);
    c.token = kit_token(&k);
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_groups_join(k.g, &c, &rq, k.now_ms, &step, &k.err), ST_OK);
    kit_take(&k, &step);
    kit_tick(&k);
    const char *id = kit_text(&k, kit_joined(&k, c.token)->member_id);
    kit_sync(&k, id, 1);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .offset = 1 }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .offset = 1, .topic = "u" }),
                     0);
    assert_int_equal(delete_offset(&k, "g", "t", 0), KAFKA_E_GROUP_SUBSCRIBED_TO_TOPIC);
    assert_int_equal(delete_offset(&k, "g", "u", 0), 0);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 1);
    assert_int_equal(kit_fetch(&k, "g", "u", 0), -1);
    /* of members that are no consumers nothing is known */
    uint64_t t = kit_join(&k, (struct kit_member){ .group = "c", .version = 3, .type = "connect" });
    kit_tick(&k);
    assert_int_equal(kit_join_error(&k, t), 0);
    assert_int_equal(delete_offset(&k, "c", "t", 0), KAFKA_E_NON_EMPTY_GROUP);
    kit_close(&k);
}

/* ---- limits ---- */

static void test_limits(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.offsets_max = 3;
    k.config.groups_max = 2;
    kit_again(&k);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = i, .partition = i }), 0);
    struct kafka_offset_commit_request rq;
    KAFKA_INIT(offset_commit_request, &rq);
    struct kafka_offset_commit_request_partition p[] = { { 0, 9, -1, { 0 } }, { 5, 9, -1, { 0 } } };
    struct kafka_offset_commit_request_topic t = { .name = STR("t"), .partitions = p, .n_partitions = 2 };
    rq.group_id = STR("g");
    rq.topics = &t;
    rq.n_topics = 1;
    struct kafka_offset_commit_response r;
    struct coord_client c = kit_client(&k, 9);
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_groups_commit(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_LIMIT);
    assert_int_equal(step.records.count, 0);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 0);
    assert_int_equal(kit_fetch(&k, "g", "t", 5), -1);
    t.n_partitions = 1; /* one that is there */
    assert_int_equal(coord_groups_commit(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 9);
    rq.group_id = STR("second");
    assert_int_equal(coord_groups_commit(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    rq.group_id = STR("third");
    assert_int_equal(coord_groups_commit(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_LIMIT);
    kit_close(&k);
}

static void test_refused_memory(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) { /* 1: in a transaction; 2: in a new group */
        struct kit k;
        kit_open(&k);
        kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1, .topic = "b" });
        bool txn = kind & 1, fresh = kind & 2;
        struct str group = fresh ? STR("new") : STR("g");
        struct kafka_offset_commit_request rq;
        KAFKA_INIT(offset_commit_request, &rq);
        struct kafka_offset_commit_request_partition p[] = { { 0, 9, -1, STR("m") }, { 5, 9, -1, { 0 } } };
        struct kafka_offset_commit_request_topic t[] = { { .name = STR("b"), .partitions = p, .n_partitions = 2 },
                                                         { .name = STR("a"), .partitions = p, .n_partitions = 2 } };
        struct kafka_txn_offset_commit_request_partition tp[] = { { 0, 9, -1, STR("m") }, { 5, 9, -1, { 0 } } };
        struct kafka_txn_offset_commit_request_topic tt[] = { { STR("b"), tp, 2 }, { STR("a"), tp, 2 } };
        struct kafka_txn_offset_commit_request trq = { STR("x"), group, 5, 0, -1, STR(""), { 0 }, tt, 2 };
        rq.group_id = group;
        rq.topics = t;
        rq.n_topics = 2;
        struct coord_client c = kit_client(&k, 9);
        enum status st = ST_MEMORY;
        int refused = 0;
        for (uint64_t nth = 1; st != ST_OK; nth++) {
            struct arena a;
            arena_init(&a, &k.budget);
            struct coord_step step;
            coord_step_init(&step, &a);
            struct kafka_offset_commit_response r;
            struct kafka_txn_offset_commit_response tr;
            budget_fail_nth(nth);
            st = txn ? coord_groups_txn_commit(k.g, &c, &trq, k.now_ms, &step, &tr, &k.err)
                     : coord_groups_commit(k.g, &c, &rq, k.now_ms, &step, &r, &k.err);
            budget_fail_nth(0);
            if (st != ST_OK) {
                assert_int_equal(st, ST_MEMORY);
                refused++;
                assert_int_equal(step.records.count, 0);
                assert_int_equal(kit_fetch(&k, "g", "b", 0), 1);
                assert_int_equal(kit_fetch_from(&k, k.g, "g", "b", 0, true).error_code, 0);
                if (fresh)
                    assert_state(&k, "new", "Dead");
            } else {
                assert_int_equal(step.records.count, 4);
            }
            arena_release(&a);
        }
        assert_true(refused > 4);
        coord_groups_end_txn(k.g, 5, true);
        assert_int_equal(kit_fetch(&k, fresh ? "new" : "g", "a", 5), 9);
        kit_close(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_outside),        cmocka_unit_test(test_from_members),
        cmocka_unit_test(test_keeps_the_session),   cmocka_unit_test(test_metadata_limit),
        cmocka_unit_test(test_many_in_one),         cmocka_unit_test(test_wait_for_the_marker),
        cmocka_unit_test(test_order_of_records),    cmocka_unit_test(test_txn_members),
        cmocka_unit_test(test_delete_offsets),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
