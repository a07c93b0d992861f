/* SyncGroup, Heartbeat, LeaveGroup: what each state says, who waits, who is late. */
#include "kit.h"

static void test_refusals(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(kit_sync_error(&k, kit_sync_as(&k, "", "m", NULL, 1, NULL, 0)), KAFKA_E_INVALID_GROUP_ID);
    assert_int_equal(kit_sync_error(&k, kit_sync_as(&k, "no", "m", NULL, 1, NULL, 0)), KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_beat_as(&k, "", "m", NULL, 1), KAFKA_E_INVALID_GROUP_ID);
    assert_int_equal(kit_beat_as(&k, "no", "m", NULL, 1), KAFKA_E_UNKNOWN_MEMBER_ID);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 2);
    assert_int_equal(kit_sync_error(&k, kit_sync(&k, "who", 1)), KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_sync_error(&k, kit_sync(&k, ids[0], 2)), KAFKA_E_ILLEGAL_GENERATION);
    assert_int_equal(kit_sync_error(&k, kit_sync(&k, ids[0], 0)), KAFKA_E_ILLEGAL_GENERATION);
    assert_int_equal(kit_beat(&k, ids[0], 2), KAFKA_E_ILLEGAL_GENERATION);
    assert_int_equal(kit_beat(&k, "who", 1), KAFKA_E_UNKNOWN_MEMBER_ID);
    /* what it says of the protocol must fit; saying nothing does */
    struct kafka_sync_group_request rq;
    static const struct {
        const char *type, *name;
        int16_t kafka;
    } cases[] = { { NULL, NULL, 0 },
                  { "consumer", "range", 0 },
                  { "connect", "range", KAFKA_E_INCONSISTENT_GROUP_PROTOCOL },
                  { NULL, "sticky", KAFKA_E_INCONSISTENT_GROUP_PROTOCOL } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        KAFKA_INIT(sync_group_request, &rq);
        rq.group_id = STR("g");
        rq.generation_id = 1;
        rq.member_id = str_from(ids[1]);
        rq.protocol_type = str_from(cases[i].type);
        rq.protocol_name = str_from(cases[i].name);
        struct coord_client c = kit_client(&k, 5);
        c.token = kit_token(&k);
        struct coord_step step = kit_step(&k);
        assert_int_equal(coord_groups_sync(k.g, &c, &rq, k.now_ms, &step, &k.err), ST_OK);
        kit_take(&k, &step);
        assert_int_equal(kit_sync_error(&k, c.token), cases[i].kafka);
    }
    kit_close(&k);
}

/* Followers wait for the leader; the assignment is written down with the answers; syncing again gives the same. */
static void test_wait_for_the_leader(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 10;
    kit_again(&k);
    uint64_t a = kit_join(&k, (struct kit_member){ .version = 3 });
    uint64_t b = kit_join(&k, (struct kit_member){ .version = 3 });
    kit_wait(&k, 20);
    const char *ids[2] = { kit_text(&k, kit_joined(&k, a)->member_id), kit_text(&k, kit_joined(&k, b)->member_id) };
    uint64_t s1 = kit_sync(&k, ids[1], 1);
    uint64_t again = kit_sync(&k, ids[1], 1); /* takes the place of the first */
    assert_int_equal(kit_sync_error(&k, s1), KAFKA_E_REBALANCE_IN_PROGRESS);
    assert_null(kit_synced(&k, again));
    assert_int_equal(kit_beat(&k, ids[1], 1), 0);
    uint32_t records = k.log.count;
    const char *assigned[] = { ids[0], "p0", ids[1], "p1", ids[1], "p1 anew" };
    uint64_t s0 = kit_sync_as(&k, "g", ids[0], NULL, 1, assigned, 3);
    assert_int_equal(k.log.count, records + 1);
    assert_string_equal(kit_text(&k, kit_synced(&k, s0)->assignment), "p0");
    assert_string_equal(kit_text(&k, kit_synced(&k, again)->assignment), "p1 anew");
    assert_string_equal(kit_text(&k, kit_synced(&k, kit_sync(&k, ids[1], 1))->assignment), "p1 anew");
    /* in a stable group the leader's is no new assignment */
    const char *other[] = { ids[1], "stolen" };
    kit_sync_as(&k, "g", ids[0], NULL, 1, other, 1);
    assert_string_equal(kit_text(&k, kit_synced(&k, kit_sync(&k, ids[1], 1))->assignment), "p1 anew");
    /* a restart keeps it */
    kit_restart(&k);
    assert_string_equal(kit_text(&k, kit_synced(&k, kit_sync(&k, ids[1], 1))->assignment), "p1 anew");
    assert_int_equal(kit_beat(&k, ids[0], 1), 0);
    kit_close(&k);
}

/* Who does not sync within the rebalance timeout is removed, though it sends heartbeats. */
static void test_late_sync(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 10;
    kit_again(&k);
    struct kit_member m = { .version = 3, .rebalance_ms = 5000, .session_ms = 60000 };
    uint64_t a = kit_join(&k, m), b = kit_join(&k, m);
    kit_wait(&k, 20);
    const char *ids[2] = { kit_text(&k, kit_joined(&k, a)->member_id), kit_text(&k, kit_joined(&k, b)->member_id) };
    uint64_t s = kit_sync(&k, ids[1], 1);
    kit_wait(&k, 4000);
    assert_int_equal(kit_beat(&k, ids[0], 1), 0);
    assert_null(kit_synced(&k, s));
    kit_wait(&k, 1000);
    assert_int_equal(kit_sync_error(&k, s), KAFKA_E_REBALANCE_IN_PROGRESS);
    assert_int_equal(kit_beat(&k, ids[0], 1), KAFKA_E_UNKNOWN_MEMBER_ID);
    m.member = ids[1];
    assert_int_equal(kit_joined(&k, kit_join(&k, m))->generation_id, 2);
    /* a stable group, too: who has not fetched its part by then goes */
    kit_sync(&k, ids[1], 2);
    m.member = NULL;
    m.metadata = "x";
    uint64_t c = kit_join(&k, m);
    m.member = ids[1];
    kit_join(&k, m);
    const char *third = kit_text(&k, kit_joined(&k, c)->member_id);
    assert_int_equal(kit_sync_error(&k, kit_sync(&k, ids[1], 3)), 0);
    assert_state(&k, "g", "Stable");
    kit_wait(&k, 5000);
    assert_state(&k, "g", "PreparingRebalance");
    assert_int_equal(kit_beat(&k, third, 3), KAFKA_E_UNKNOWN_MEMBER_ID);
    kit_close(&k);
}

/* Who waits for the leader's sync cannot miss heartbeats. */
static void test_waiting_is_alive(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 10;
    kit_again(&k);
    struct kit_member m = { .version = 3, .session_ms = 6000 };
    uint64_t a = kit_join(&k, m), b = kit_join(&k, m);
    kit_wait(&k, 20);
    const char *ids[2] = { kit_text(&k, kit_joined(&k, a)->member_id), kit_text(&k, kit_joined(&k, b)->member_id) };
    uint64_t s = kit_sync(&k, ids[1], 1);
    for (int i = 0; i < 5; i++) {
        kit_wait(&k, 4000);
        assert_int_equal(kit_beat(&k, ids[0], 1), 0);
    }
    assert_null(kit_synced(&k, s));
    kit_sync(&k, ids[0], 1);
    assert_int_equal(kit_sync_error(&k, s), 0);
    kit_wait(&k, 5999);
    assert_state(&k, "g", "Stable"); /* the sessions began with the answers */
    kit_wait(&k, 1);
    assert_state(&k, "g", "Empty");
    kit_close(&k);
}

static void test_leave(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[3];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 3);
    assert_int_equal(kit_leave(&k, "who"), KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_state(&k, "g", "Stable");
    assert_int_equal(kit_leave(&k, ids[0]), 0);
    assert_state(&k, "g", "PreparingRebalance");
    uint64_t t = kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_null(kit_joined(&k, t));
    assert_int_equal(kit_leave(&k, ids[2]), 0); /* the one that everybody waited for */
    assert_int_equal(kit_joined(&k, t)->generation_id, 2);
    assert_string_equal(kit_text(&k, kit_joined(&k, t)->leader), ids[1]);
    /* one that waits leaves: it is told */
    uint64_t s;
    const char *fourth = kit_new_id(&k, (struct kit_member){ 0 });
    t = kit_join(&k, (struct kit_member){ .member = fourth });
    uint64_t t1 = kit_join(&k, (struct kit_member){ .member = ids[1] });
    s = kit_sync(&k, fourth, 3);
    assert_null(kit_synced(&k, s));
    assert_int_equal(kit_joined(&k, t1)->generation_id, 3);
    assert_int_equal(kit_leave(&k, fourth), 0);
    assert_int_equal(kit_sync_error(&k, s), KAFKA_E_UNKNOWN_MEMBER_ID);
    uint32_t records = k.log.count;
    assert_int_equal(kit_leave(&k, ids[1]), 0);
    assert_state(&k, "g", "Empty");
    assert_int_equal(k.log.count, records + 1);
    assert_int_equal(kit_leave(&k, ids[1]), KAFKA_E_UNKNOWN_MEMBER_ID);
    kit_restart(&k);
    assert_state(&k, "g", "Empty");
    kit_close(&k);
}

/* The forms of a request: many members from version 3, one before; a group that does not exist. */
static void test_leave_forms(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[3];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 3);
    struct kafka_leave_group_request rq;
    KAFKA_INIT(leave_group_request, &rq);
    struct kafka_leave_group_request_member m[] = { { .member_id = str_from(ids[0]) },
                                                    { .member_id = STR("who") },
                                                    { .member_id = str_from(ids[1]) } };
    struct kafka_leave_group_response r;
    struct coord_client c = kit_client(&k, 3);
    rq.members = m;
    rq.n_members = 3;
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_groups_leave(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    assert_int_equal(r.error_code, KAFKA_E_INVALID_GROUP_ID);
    rq.group_id = STR("g");
    assert_int_equal(coord_groups_leave(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    kit_take(&k, &step);
    assert_int_equal(r.error_code, 0);
    assert_int_equal(r.members[0].error_code, 0);
    assert_int_equal(r.members[1].error_code, KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(r.members[2].error_code, 0);
    assert_int_equal(kit_describe(&k, "g").n_members, 1);
    c.version = 2;
    rq.member_id = STR("who");
    step = kit_step(&k);
    assert_int_equal(coord_groups_leave(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    assert_int_equal(r.error_code, KAFKA_E_UNKNOWN_MEMBER_ID);
    rq.group_id = STR("no");
    assert_int_equal(coord_groups_leave(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    assert_int_equal(r.error_code, KAFKA_E_UNKNOWN_MEMBER_ID);
    c.version = 4;
    assert_int_equal(coord_groups_leave(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    assert_int_equal(r.error_code, 0);
    assert_int_equal(r.members[0].error_code, KAFKA_E_UNKNOWN_MEMBER_ID);
    rq.group_id = STR("g");
    rq.member_id = str_from(ids[2]);
    c.version = 1;
    step = kit_step(&k);
    assert_int_equal(coord_groups_leave(k.g, &c, &rq, k.now_ms, &step, &r, &k.err), ST_OK);
    kit_take(&k, &step);
    assert_int_equal(r.error_code, 0);
    assert_state(&k, "g", "Empty");
    kit_close(&k);
}

/* A group whose record would be too large cannot become stable; its leader is told. */
static void test_record_too_large(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.record_bytes_max = 5000;
    kit_again(&k);
    uint64_t t = kit_join(&k, (struct kit_member){ .version = 3, .rebalance_ms = 1000 });
    kit_tick(&k);
    const char *id = kit_text(&k, kit_joined(&k, t)->member_id);
    char large[5001];
    memset(large, 'x', 5000);
    large[5000] = '\0';
    const char *assigned[] = { id, large };
    assert_int_equal(kit_sync_error(&k, kit_sync_as(&k, "g", id, NULL, 1, assigned, 1)), KAFKA_E_UNKNOWN_SERVER_ERROR);
    assert_state(&k, "g", "CompletingRebalance");
    kit_wait(&k, 1000);
    assert_state(&k, "g", "Empty");
    kit_close(&k);
}

/* Stopping answers everybody, so that they find the coordinator again and keep their ids. */
static void test_unload(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 2);
    const char *third = kit_new_id(&k, (struct kit_member){ 0 });
    uint64_t t = kit_join(&k, (struct kit_member){ .member = third });
    uint64_t other = kit_join(&k, (struct kit_member){ .version = 3, .group = "h" });
    kit_tick(&k);
    const char *lead = kit_text(&k, kit_joined(&k, other)->member_id);
    uint64_t follow = kit_join(&k, (struct kit_member){ .version = 3, .group = "h" });
    kit_join(&k, (struct kit_member){ .group = "h", .member = lead });
    uint64_t s = kit_sync_as(&k, "h", kit_text(&k, kit_joined(&k, follow)->member_id), NULL, 2, NULL, 0);
    assert_null(kit_synced(&k, s));
    assert_int_equal(k.parked, 2);
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_groups_unload(k.g, KAFKA_E_NOT_COORDINATOR, &step, &k.err), ST_OK);
    kit_take(&k, &step);
    assert_int_equal(k.parked, 0);
    assert_int_equal(step.records.count, 0);
    assert_int_equal(kit_join_error(&k, t), KAFKA_E_NOT_COORDINATOR);
    assert_string_equal(kit_text(&k, kit_joined(&k, t)->member_id), third);
    assert_int_equal(kit_sync_error(&k, s), KAFKA_E_NOT_COORDINATOR);
    kit_restart(&k);
    assert_int_equal(kit_beat(&k, ids[1], 1), 0);
    assert_state(&k, "g", "Stable");
    /* sessions began anew, and end */
    kit_wait(&k, 10000);
    assert_state(&k, "g", "Empty");
    kit_close(&k);
}

/* Two groups that hand the same members to and fro: nobody is lost (chained groups, joins that cross). */
static void test_crossing_joins(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[8];
    uint64_t t[8];
    for (int i = 0; i < 8; i++)
        ids[i] = kit_new_id(&k, (struct kit_member){ 0 });
    for (int i = 0; i < 8; i++)
        t[i] = kit_join(&k, (struct kit_member){ .member = ids[i] });
    kit_tick(&k);
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < 8; i++)
            assert_int_equal(kit_joined(&k, t[i])->generation_id, round);
        for (int i = 7; i > 0; i--)
            assert_null(kit_synced(&k, kit_sync(&k, ids[i], round)));
        kit_sync(&k, ids[0], round);
        assert_int_equal(kit_describe(&k, "g").n_members, 8);
        for (int i = 0; i < 8; i++) /* the leader's first, then all others as their heartbeats tell */
            t[i] = kit_join(&k, (struct kit_member){ .member = ids[i], .metadata = "m" });
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),         cmocka_unit_test(test_wait_for_the_leader),
        cmocka_unit_test(test_late_sync),        cmocka_unit_test(test_waiting_is_alive),
        cmocka_unit_test(test_leave),            cmocka_unit_test(test_leave_forms),
        cmocka_unit_test(test_record_too_large), cmocka_unit_test(test_unload),
        cmocka_unit_test(test_crossing_joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
