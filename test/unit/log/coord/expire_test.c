/* What goes with time, with its topic, or when it is told to: tombstones, and nothing too early. */
#include "kit.h"

#define DAY ((int64_t)24 * 3600 * 1000)

/* A stable consumer group: what it does not read goes a week after its commit; of what cannot be read in its
 * subscriptions, and of groups of other kinds, nothing. */
static void test_not_read(void **state)
{
    (void)state;
    static const uint8_t reads[] = { 0, 1, 0, 0, 0, 2, 0, 1, 't', 0, 2, 'v', 'v', 0xff, 0xff, 0xff, 0xff };
    for (int kind = 0; kind < 3; kind++) { /* 1: a subscription that is cut off; 2: no consumers */
        struct kit k;
        kit_open(&k);
        struct kafka_join_group_request rq;
        KAFKA_INIT(join_group_request, &rq);
        struct kafka_join_group_request_protocol protocol = { STR("range"),
                                                              { (const char *)reads, kind == 1 ? 11 : sizeof reads } };
        rq.group_id = STR("g");
        rq.session_timeout_ms = 1800000;
        rq.protocol_type = kind == 2 ? STR("connect") : STR("consumer");
        rq.protocols = &protocol;
        rq.n_protocols = 1;
        struct coord_client c = kit_client(&k, 3);
        c.token = kit_token(&k);
        struct coord_step step = kit_step(&k);
        assert_int_equal(coord_groups_join(k.g, &c, &rq, k.now_ms, &step, &k.err), ST_OK);
        kit_take(&k, &step);
        kit_tick(&k);
        const char *id = kit_text(&k, kit_joined(&k, c.token)->member_id);
        struct kafka_sync_group_request sync = { .group_id = STR("g"), .generation_id = 1, .member_id = str_from(id) };
        c.token = kit_token(&k);
        step = kit_step(&k);
        assert_int_equal(coord_groups_sync(k.g, &c, &sync, k.now_ms, &step, &k.err), ST_OK);
        kit_take(&k, &step);
        static const char *const topics[] = { "t", "u", "vv" };
        for (int i = 0; i < 3; i++)
            kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .topic = topics[i], .offset = 1 });
        for (int i = 0; i < 8 * 48; i++) {
            kit_wait(&k, 1790000);
            assert_int_equal(kit_beat(&k, id, 1), 0);
            if (i == 4 * 48) /* read or not: what was committed later lives longer */
                kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .topic = "w", .offset = 1 });
        }
        assert_int_equal(kit_fetch(&k, "g", "t", 0), 1);
        assert_int_equal(kit_fetch(&k, "g", "vv", 0), 1);
        assert_int_equal(kit_fetch(&k, "g", "w", 0), 1);
        assert_int_equal(kit_fetch(&k, "g", "u", 0), kind == 0 ? -1 : 1);
        kit_close(&k);
    }
}

/* A group that only has offsets: each a week after its commit; then the group. */
static void test_only_offsets(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1 }), 0);
    kit_wait(&k, 3 * DAY);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 2, .partition = 1 }), 0);
    kit_wait(&k, 4 * DAY - 1);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 1);
    uint32_t records = k.log.count;
    kit_wait(&k, 600001);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), -1);
    assert_int_equal(kit_fetch(&k, "g", "t", 1), 2);
    assert_int_equal(k.log.count, records + 1);
    assert_null(k.log.at[records].value.ptr);
    kit_wait(&k, 4 * DAY);
    assert_int_equal(kit_fetch(&k, "g", "t", 1), -1);
    assert_state(&k, "g", "Dead");
    assert_int_equal(k.log.count, records + 3);
    assert_int_equal(coord_groups_deadline(k.g), INT64_MAX);
    kit_restart(&k);
    assert_state(&k, "g", "Dead");
    kit_close(&k);
}

/* A consumer group: a week after it became empty, however old the commits; over a restart, too. */
static void test_after_members(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *id;
    kit_stable(&k, (struct kit_member){ .session_ms = 1800000 }, &id, 1);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .offset = 1 }), 0);
    for (int i = 0; i < 20 * 48; i++) { /* twenty days of heartbeats */
        kit_wait(&k, 1700000);
        assert_int_equal(kit_beat(&k, id, 1), 0);
    }
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 1);
    kit_leave(&k, id);
    assert_state(&k, "g", "Empty");
    kit_wait(&k, 3 * DAY);
    kit_restart(&k);
    kit_wait(&k, 4 * DAY - 1000);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 1);
    kit_wait(&k, 1000 + 600000);
    assert_state(&k, "g", "Dead");
    kit_close(&k);
}

/* An empty group without offsets goes at the next look. */
static void test_empty_group(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    kit_new_id(&k, (struct kit_member){ 0 });
    assert_state(&k, "g", "Empty");
    kit_wait(&k, 600000);
    assert_state(&k, "g", "Dead");
    assert_int_equal(k.log.count, 2);
    const char *id;
    kit_stable(&k, (struct kit_member){ 0 }, &id, 1);
    kit_leave(&k, id);
    kit_restart(&k);
    assert_state(&k, "g", "Empty");
    kit_wait(&k, 600000);
    assert_state(&k, "g", "Dead");
    kit_close(&k);
}

/* A commit of old versions that brings its own time. */
static void test_retention_of_the_commit(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct kit_commit m = { .generation = -1, .offset = 1, .version = 4, .retention_ms = 3600000 };
    assert_int_equal(kit_commit(&k, m), 0);
    m.partition = 1;
    m.retention_ms = 30 * DAY;
    assert_int_equal(kit_commit(&k, m), 0);
    kit_restart(&k);
    kit_wait(&k, 3599999);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 1);
    kit_wait(&k, 600001);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), -1);
    kit_wait(&k, 20 * DAY);
    assert_int_equal(kit_fetch(&k, "g", "t", 1), 1);
    kit_wait(&k, 10 * DAY + 600000);
    assert_state(&k, "g", "Dead");
    kit_close(&k);
}

/* An open transaction holds partition and group. */
static void test_transactions_hold(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1 }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 2, .producer_id = 5 }), 0);
    kit_wait(&k, 30 * DAY);
    assert_int_equal(kit_fetch(&k, "g", "t", 0), 1);
    kit_end_txn(&k, 5, false);
    kit_wait(&k, 600001);
    assert_state(&k, "g", "Dead");
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 2, .producer_id = 5 }), 0);
    assert_state(&k, "g", "Empty");
    kit_wait(&k, DAY);
    assert_state(&k, "g", "Empty");
    kit_end_txn(&k, 5, false);
    kit_wait(&k, 600001);
    assert_state(&k, "g", "Dead");
    kit_close(&k);
}

/* More than a tick may yield: in pieces, to the end. */
static void test_pieces(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.tombstones_max = 10;
    kit_again(&k);
    for (int i = 0; i < 95; i++)
        assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = i, .partition = i }), 0);
    k.now_ms += 8 * DAY;
    int ticks = 0;
    while (coord_groups_deadline(k.g) <= k.now_ms) {
        assert_true(++ticks < 50);
        struct coord_step step = kit_step(&k);
        assert_int_equal(coord_groups_tick(k.g, k.now_ms, &step, &k.err), ST_OK);
        assert_true(step.records.count <= 10 * 64);
        kit_take(&k, &step);
    }
    assert_state(&k, "g", "Dead");
    assert_int_equal(k.log.count, 95 + 96);
    /* a topic, too */
    for (int i = 0; i < 25; i++)
        assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = i, .partition = i }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1, .topic = "u" }), 0);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1, .group = "h" }), 0);
    bool more = true;
    for (int i = 0; more; i++) {
        assert_true(i < 5);
        struct coord_step step = kit_step(&k);
        assert_int_equal(coord_groups_forget_topic(k.g, STR("t"), k.now_ms, &step, &more, &k.err), ST_OK);
        assert_true(step.records.count <= 10);
        kit_take(&k, &step);
    }
    assert_int_equal(kit_fetch(&k, "g", "t", 24), -1);
    assert_int_equal(kit_fetch(&k, "h", "t", 0), -1);
    assert_int_equal(kit_fetch(&k, "g", "u", 0), 1);
    kit_restart(&k);
    assert_int_equal(kit_fetch(&k, "g", "t", 24), -1);
    assert_int_equal(kit_fetch(&k, "g", "u", 0), 1);
    kit_wait(&k, 600000);
    assert_state(&k, "h", "Dead");
    kit_close(&k);
}

/* Memory that is refused when something is due: later, then. */
static void test_refused_memory(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 1 }), 0);
    const char *id;
    kit_stable(&k, (struct kit_member){ .group = "h" }, &id, 1);
    k.now_ms += 8 * DAY;
    for (int i = 0; i < 5; i++) {
        k.budget.limit = atomic_load(&k.budget.used);
        struct arena a;
        arena_init(&a, &k.budget);
        struct coord_step step;
        coord_step_init(&step, &a);
        assert_true(coord_groups_deadline(k.g) <= k.now_ms);
        assert_int_equal(coord_groups_tick(k.g, k.now_ms, &step, &k.err), ST_OK);
        assert_int_equal(step.records.count + step.replies.count, 0);
        arena_release(&a);
        k.budget.limit = SIZE_MAX;
        assert_int_equal(coord_groups_deadline(k.g), k.now_ms + 100);
        k.now_ms += 100;
    }
    kit_tick(&k);
    assert_state(&k, "g", "Dead");
    assert_state(&k, "h", "Empty");
    kit_close(&k);
}

static int delete(struct kit *k, const char *group)
{
    int16_t kafka;
    struct coord_step step = kit_step(k);
    assert_int_equal(coord_groups_delete(k->g, str_from(group), k->now_ms, &step, &kafka, &k->err), ST_OK);
    kit_take(k, &step);
    return kafka;
}

static void test_delete_groups(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(delete (&k, "g"), KAFKA_E_GROUP_ID_NOT_FOUND);
    assert_int_equal(delete (&k, ""), KAFKA_E_GROUP_ID_NOT_FOUND);
    const char *id;
    kit_stable(&k, (struct kit_member){ 0 }, &id, 1);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .offset = 1 }), 0);
    assert_int_equal(
        kit_commit(&k, (struct kit_commit){ .generation = -1, .offset = 2, .topic = "u", .producer_id = 5 }), 0);
    assert_int_equal(delete (&k, "g"), KAFKA_E_NON_EMPTY_GROUP);
    kit_leave(&k, id);
    uint32_t records = k.log.count;
    assert_int_equal(delete (&k, "g"), 0);
    assert_int_equal(k.log.count, records + 3);
    assert_state(&k, "g", "Dead");
    assert_int_equal(delete (&k, "g"), KAFKA_E_GROUP_ID_NOT_FOUND);
    kit_end_txn(&k, 5, true);
    assert_int_equal(kit_fetch(&k, "g", "u", 0), -1);
    kit_restart(&k);
    assert_state(&k, "g", "Dead");
    assert_int_equal(kit_fetch(&k, "g", "t", 0), -1);
    /* it can begin anew */
    kit_stable(&k, (struct kit_member){ 0 }, &id, 1);
    assert_state(&k, "g", "Stable");
    kit_close(&k);
}

/* Names as long as they can be: a group never holds more than one step can delete, and time does it in pieces. */
static void test_large_names(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    char *names[3];
    for (int i = 0; i < 3; i++) {
        names[i] = malloc(32001);
        memset(names[i], 'a' + i, 32000);
        names[i][32000] = '\0';
    }
    struct coord_client c = kit_client(&k, 9);
    for (int i = 0; i < 3; i++) {
        enum status st = ST_OK;
        int n = 0;
        for (; st == ST_OK; n++) {
            struct kafka_offset_commit_request rq;
            KAFKA_INIT(offset_commit_request, &rq);
            struct kafka_offset_commit_request_partition p = { n, n, -1, { 0 } };
            struct kafka_offset_commit_request_topic t = { .name = STR("t"), .partitions = &p, .n_partitions = 1 };
            struct kafka_offset_commit_response r;
            rq.group_id = str_from(names[i]);
            rq.topics = &t;
            rq.n_topics = 1;
            struct arena a;
            arena_init(&a, &k.budget);
            struct coord_step step;
            coord_step_init(&step, &a);
            st = coord_groups_commit(k.g, &c, &rq, k.now_ms, &step, &r, &k.err);
            arena_release(&a);
        }
        assert_int_equal(st, ST_LIMIT);
        assert_true(n > 500 && n < 530);
    }
    int16_t kafka;
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_groups_delete(k.g, str_from(names[0]), k.now_ms, &step, &kafka, &k.err), ST_OK);
    assert_int_equal(kafka, 0);
    assert_true(step.record_bytes <= COORD_STEP_BYTES_MAX && step.records.count > 500);
    /* a second in the same step would be too much, and leaves it as it was */
    uint32_t records = step.records.count;
    size_t bytes = step.record_bytes;
    assert_int_equal(coord_groups_delete(k.g, str_from(names[1]), k.now_ms, &step, &kafka, &k.err), ST_LIMIT);
    assert_int_equal(step.records.count, records);
    assert_int_equal(step.record_bytes, bytes);
    k.now_ms += 8 * DAY;
    int ticks = 0;
    records = 0;
    for (; coord_groups_deadline(k.g) <= k.now_ms; ticks++) {
        step = kit_step(&k);
        assert_int_equal(coord_groups_tick(k.g, k.now_ms, &step, &k.err), ST_OK);
        assert_true(step.record_bytes <= COORD_STEP_BYTES_MAX);
        records += step.records.count;
        assert_true(ticks < 20);
    }
    assert_true(ticks >= 2);
    assert_true(records > 1000);
    assert_int_equal(coord_groups_deadline(k.g), INT64_MAX);
    for (int i = 0; i < 3; i++)
        free(names[i]);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_read),          cmocka_unit_test(test_large_names),
        cmocka_unit_test(test_only_offsets),      cmocka_unit_test(test_after_members),
        cmocka_unit_test(test_empty_group),       cmocka_unit_test(test_retention_of_the_commit),
        cmocka_unit_test(test_transactions_hold), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_refused_memory),    cmocka_unit_test(test_delete_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
