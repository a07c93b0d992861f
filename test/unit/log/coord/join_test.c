/* Joining: the handshake, rebalances, static members, limits, and what each state says. */
#include "kit.h"

static void test_first_member(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct kit_member m = { 0 };
    const char *id = kit_new_id(&k, m);
    assert_memory_equal(id, "app-", 4);
    assert_int_equal(strlen(id), 4 + 36);
    assert_state(&k, "g", "Empty");
    assert_int_equal(k.log.count, 1); /* the group itself */
    m.member = id;
    uint64_t token = kit_join(&k, m);
    assert_null(kit_joined(&k, token));
    assert_state(&k, "g", "PreparingRebalance");
    kit_tick(&k);
    const struct kafka_join_group_response *r = kit_joined(&k, token);
    assert_non_null(r);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->generation_id, 1);
    assert_string_equal(kit_text(&k, r->protocol_type), "consumer");
    assert_string_equal(kit_text(&k, r->protocol_name), "range");
    assert_string_equal(kit_text(&k, r->leader), id);
    assert_string_equal(kit_text(&k, r->member_id), id);
    assert_false(r->skip_assignment);
    assert_int_equal(r->n_members, 1);
    assert_string_equal(kit_text(&k, r->members[0].member_id), id);
    assert_string_equal(kit_text(&k, r->members[0].metadata), "meta");
    assert_null(r->members[0].group_instance_id.ptr);
    assert_state(&k, "g", "CompletingRebalance");
    const char *assigned[] = { id, "all" };
    token = kit_sync_as(&k, "g", id, NULL, 1, assigned, 1);
    assert_int_equal(kit_sync_error(&k, token), 0);
    assert_string_equal(kit_text(&k, kit_synced(&k, token)->assignment), "all");
    assert_string_equal(kit_text(&k, kit_synced(&k, token)->protocol_name), "range");
    assert_state(&k, "g", "Stable");
    kit_close(&k);
}

static void test_old_versions_join_at_once(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    uint64_t token = kit_join(&k, (struct kit_member){ .version = 3 });
    assert_null(kit_joined(&k, token));
    kit_tick(&k);
    assert_int_equal(kit_join_error(&k, token), 0);
    kit_close(&k);
}

static void test_three_members(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[3];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 3);
    struct kafka_describe_groups_response_group d = kit_describe(&k, "g");
    assert_int_equal(d.n_members, 3);
    assert_string_equal(kit_text(&k, d.protocol_data), "range");
    for (uint32_t i = 0; i < 3; i++) {
        char part[16];
        snprintf(part, sizeof part, "part %u", i);
        assert_string_equal(kit_text(&k, d.members[i].member_assignment), part);
        assert_string_equal(kit_text(&k, d.members[i].client_host), "/127.0.0.1");
        assert_int_equal(kit_beat(&k, ids[i], 1), 0);
    }
    /* A fourth comes: the others are told by their heartbeats, and all meet again. */
    const char *fourth = kit_new_id(&k, (struct kit_member){ 0 });
    uint64_t t4 = kit_join(&k, (struct kit_member){ .member = fourth });
    assert_null(kit_joined(&k, t4));
    uint64_t t[3];
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(kit_beat(&k, ids[i], 1), KAFKA_E_REBALANCE_IN_PROGRESS);
        assert_int_equal(kit_sync_error(&k, kit_sync(&k, ids[i], 1)), KAFKA_E_REBALANCE_IN_PROGRESS);
        t[i] = kit_join(&k, (struct kit_member){ .member = ids[i] });
    }
    assert_int_equal(kit_join_error(&k, t4), 0);
    const struct kafka_join_group_response *lead = kit_joined(&k, t[0]);
    assert_int_equal(lead->generation_id, 2);
    assert_int_equal(lead->n_members, 4);
    assert_string_equal(kit_text(&k, kit_joined(&k, t4)->leader), ids[0]);
    assert_int_equal(kit_joined(&k, t4)->n_members, 0);
    /* who is in no assignment gets an empty one */
    uint64_t s4 = kit_sync(&k, fourth, 2);
    assert_null(kit_synced(&k, s4));
    const char *assigned[] = { ids[0], "x", "stranger", "y" };
    kit_sync_as(&k, "g", ids[0], NULL, 2, assigned, 2);
    assert_int_equal(kit_sync_error(&k, s4), 0);
    assert_int_equal(kit_synced(&k, s4)->assignment.len, 0);
    kit_close(&k);
}

static void test_refusals(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .group = "" })), KAFKA_E_INVALID_GROUP_ID);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .session_ms = 5999 })),
                     KAFKA_E_INVALID_SESSION_TIMEOUT);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .session_ms = 1800001 })),
                     KAFKA_E_INVALID_SESSION_TIMEOUT);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .member = "who" })),
                     KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(k.log.count, 0);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .type = "" })),
                     KAFKA_E_INCONSISTENT_GROUP_PROTOCOL);
    const char *id;
    kit_stable(&k, (struct kit_member){ 0 }, &id, 1);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .member = "who" })),
                     KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .type = "connect" })),
                     KAFKA_E_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .protocols = { "sticky" } })),
                     KAFKA_E_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .member = id, .instance = "i" })),
                     KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_state(&k, "g", "Stable");
    char *large = malloc(k.config.member_bytes_max + 1);
    memset(large, 'x', k.config.member_bytes_max);
    large[k.config.member_bytes_max] = '\0';
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .metadata = large })),
                     KAFKA_E_INVALID_REQUEST);
    free(large);
    kit_close(&k);
}

static void test_protocol_is_voted(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 100;
    kit_again(&k);
    uint64_t a = kit_join(&k, (struct kit_member){ .version = 3, .protocols = { "range", "sticky" } });
    uint64_t b = kit_join(&k, (struct kit_member){ .version = 3, .protocols = { "sticky", "range", "own" } });
    uint64_t c = kit_join(&k, (struct kit_member){ .version = 3, .protocols = { "own", "sticky", "range" } });
    kit_wait(&k, 200);
    assert_int_equal(kit_join_error(&k, a), 0);
    assert_string_equal(kit_text(&k, kit_joined(&k, a)->protocol_name), "sticky");
    assert_string_equal(kit_text(&k, kit_joined(&k, c)->protocol_name), "sticky");
    assert_int_equal(kit_joined(&k, b)->generation_id, 1);
    /* a member that knows none that all have */
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .protocols = { "own" } })),
                     KAFKA_E_INCONSISTENT_GROUP_PROTOCOL);
    kit_close(&k);
}

/* While members come, the first rebalance is put off, as long as the rebalance timeout at most. */
static void test_initial_delay(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 3000;
    kit_again(&k);
    struct kit_member m = { .version = 3, .rebalance_ms = 7000 };
    uint64_t a = kit_join(&k, m);
    kit_wait(&k, 2000);
    uint64_t b = kit_join(&k, m);
    kit_wait(&k, 2000); /* 4 s: the first delay is over, and one has come */
    assert_null(kit_joined(&k, a));
    uint64_t c = kit_join(&k, m);
    kit_wait(&k, 2500); /* 6.5 s */
    assert_null(kit_joined(&k, c));
    kit_wait(&k, 600); /* 7.1 s: no time is left */
    assert_int_equal(kit_join_error(&k, a), 0);
    assert_int_equal(kit_join_error(&k, b), 0);
    assert_int_equal(kit_joined(&k, c)->generation_id, 1);
    kit_close(&k);
}

/* Members that do not come again lose their place when the rebalance timeout is over; a leader too. */
static void test_rebalance_timeout(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[3];
    kit_stable(&k, (struct kit_member){ .rebalance_ms = 5000 }, ids, 3);
    uint64_t t = kit_join(&k, (struct kit_member){ .member = ids[1], .metadata = "other", .rebalance_ms = 5000 });
    assert_state(&k, "g", "PreparingRebalance");
    assert_int_equal(kit_beat(&k, ids[0], 1), KAFKA_E_REBALANCE_IN_PROGRESS);
    kit_wait(&k, 4999);
    assert_null(kit_joined(&k, t));
    kit_wait(&k, 1);
    const struct kafka_join_group_response *r = kit_joined(&k, t);
    assert_int_equal(r->error_code, 0);
    assert_string_equal(kit_text(&k, r->leader), ids[1]);
    assert_int_equal(r->n_members, 1);
    assert_string_equal(kit_text(&k, r->members[0].metadata), "other");
    assert_int_equal(kit_beat(&k, ids[0], 2), KAFKA_E_UNKNOWN_MEMBER_ID);
    kit_close(&k);
}

static void test_sessions(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ .session_ms = 6000 }, ids, 2);
    kit_wait(&k, 4000);
    assert_int_equal(kit_beat(&k, ids[0], 1), 0);
    kit_wait(&k, 2000); /* the second has been silent for 6 s */
    assert_state(&k, "g", "PreparingRebalance");
    assert_int_equal(kit_beat(&k, ids[1], 1), KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_beat(&k, ids[0], 1), KAFKA_E_REBALANCE_IN_PROGRESS);
    uint64_t t = kit_join(&k, (struct kit_member){ .member = ids[0], .session_ms = 6000 });
    assert_int_equal(kit_joined(&k, t)->generation_id, 2);
    /* nobody is left: empty, and told in the log */
    kit_wait(&k, 6000);
    assert_state(&k, "g", "Empty");
    assert_int_equal(kit_beat(&k, ids[0], 2), KAFKA_E_UNKNOWN_MEMBER_ID);
    kit_close(&k);
}

static void test_pending_members_expire(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[1];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 1);
    const char *pending = kit_new_id(&k, (struct kit_member){ .session_ms = 6000 });
    assert_state(&k, "g", "Stable");
    /* a rebalance waits for it */
    uint64_t t = kit_join(&k, (struct kit_member){ .member = ids[0] });
    assert_null(kit_joined(&k, t));
    kit_wait(&k, 6000);
    assert_int_equal(kit_join_error(&k, t), 0);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .member = pending })),
                     KAFKA_E_UNKNOWN_MEMBER_ID);
    /* and it can leave */
    pending = kit_new_id(&k, (struct kit_member){ 0 });
    assert_int_equal(kit_leave(&k, pending), 0);
    assert_int_equal(kit_leave(&k, pending), KAFKA_E_UNKNOWN_MEMBER_ID);
    kit_close(&k);
}

/* A member that waits for its first join and never comes to an end of it is dropped, told to come again. */
static void test_new_member_join_timeout(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *id;
    kit_stable(&k, (struct kit_member){ .session_ms = 600000, .rebalance_ms = 600000 }, &id, 1);
    uint64_t t = kit_join(&k, (struct kit_member){ .version = 3 });
    kit_wait(&k, 299999);
    assert_null(kit_joined(&k, t));
    kit_wait(&k, 1);
    assert_int_equal(kit_join_error(&k, t), KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_joined(&k, t)->member_id.len, 0);
    kit_close(&k);
}

/* Who waits for a join cannot miss heartbeats; its session begins anew with the answer. */
static void test_waiting_is_alive(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ .session_ms = 6000, .rebalance_ms = 60000 }, ids, 2);
    uint64_t t = kit_join(&k, (struct kit_member){ .member = ids[0], .session_ms = 6000, .rebalance_ms = 60000 });
    for (int i = 0; i < 5; i++) {
        kit_wait(&k, 4000);
        assert_int_equal(kit_beat(&k, ids[1], 1), KAFKA_E_REBALANCE_IN_PROGRESS);
    }
    assert_null(kit_joined(&k, t));
    kit_join(&k, (struct kit_member){ .member = ids[1], .session_ms = 6000, .rebalance_ms = 60000 });
    assert_int_equal(kit_joined(&k, t)->generation_id, 2);
    kit_wait(&k, 5999);
    assert_int_equal(kit_beat(&k, ids[1], 2), 0);
    kit_wait(&k, 1);
    assert_int_equal(kit_beat(&k, ids[0], 2), KAFKA_E_UNKNOWN_MEMBER_ID);
    kit_close(&k);
}

/* When the leader has gone, the oldest that comes leads, not the newest. */
static void test_next_leader(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 2);
    assert_int_equal(kit_leave(&k, ids[0]), 0);
    uint64_t t = kit_join(&k, (struct kit_member){ .version = 3 });
    kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_string_equal(kit_text(&k, kit_joined(&k, t)->leader), ids[1]);
    kit_close(&k);
}

static void test_join_again(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 2);
    /* a follower with nothing new is told the generation again */
    uint64_t t = kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_int_equal(kit_join_error(&k, t), 0);
    assert_int_equal(kit_joined(&k, t)->generation_id, 1);
    assert_int_equal(kit_joined(&k, t)->n_members, 0);
    assert_state(&k, "g", "Stable");
    /* the leader wants a rebalance */
    t = kit_join(&k, (struct kit_member){ .member = ids[0] });
    assert_null(kit_joined(&k, t));
    /* a second request in its place */
    uint64_t t2 = kit_join(&k, (struct kit_member){ .member = ids[0] });
    assert_int_equal(kit_join_error(&k, t), KAFKA_E_REBALANCE_IN_PROGRESS);
    uint64_t t3 = kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_int_equal(kit_joined(&k, t2)->generation_id, 2);
    assert_int_equal(kit_joined(&k, t3)->generation_id, 2);
    /* the answer got lost: the same again, with the members for the leader */
    t = kit_join(&k, (struct kit_member){ .member = ids[0] });
    assert_int_equal(kit_joined(&k, t)->generation_id, 2);
    assert_int_equal(kit_joined(&k, t)->n_members, 2);
    /* something new while the group completes: again, and who waits for its part is told */
    uint64_t s = kit_sync(&k, ids[1], 2);
    assert_null(kit_synced(&k, s));
    t = kit_join(&k, (struct kit_member){ .member = ids[0], .metadata = "new" });
    assert_int_equal(kit_sync_error(&k, s), KAFKA_E_REBALANCE_IN_PROGRESS);
    assert_null(kit_joined(&k, t));
    kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_int_equal(kit_joined(&k, t)->generation_id, 3);
    kit_close(&k);
}

/* ---- static members ---- */

static void test_static_restart(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 10;
    kit_again(&k);
    uint64_t a = kit_join(&k, (struct kit_member){ .instance = "one" });
    uint64_t b = kit_join(&k, (struct kit_member){ .instance = "two" });
    kit_wait(&k, 20);
    const char *one = kit_text(&k, kit_joined(&k, a)->member_id), *two = kit_text(&k, kit_joined(&k, b)->member_id);
    assert_memory_equal(one, "one-", 4);
    const char *assigned[] = { one, "p0", two, "p1" };
    kit_sync_as(&k, "g", one, "one", 1, assigned, 2);
    assert_int_equal(kit_sync_error(&k, kit_sync_as(&k, "g", two, "two", 1, NULL, 0)), 0);
    assert_state(&k, "g", "Stable");
    /* comes again without an id: the same place, a new id, no rebalance */
    uint32_t records = k.log.count;
    uint64_t t = kit_join(&k, (struct kit_member){ .instance = "two" });
    const struct kafka_join_group_response *r = kit_joined(&k, t);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->generation_id, 1);
    assert_false(r->skip_assignment);
    assert_int_equal(r->n_members, 0);
    assert_string_equal(kit_text(&k, r->leader), one);
    assert_int_equal(k.log.count, records + 1);
    const char *two_b = kit_text(&k, r->member_id);
    assert_string_not_equal(two_b, two);
    assert_state(&k, "g", "Stable");
    t = kit_sync_as(&k, "g", two_b, "two", 1, NULL, 0);
    assert_string_equal(kit_text(&k, kit_synced(&k, t)->assignment), "p1");
    /* the one before is fenced, whatever it does */
    assert_int_equal(kit_beat_as(&k, "g", two, "two", 1), KAFKA_E_FENCED_INSTANCE_ID);
    assert_int_equal(kit_sync_error(&k, kit_sync_as(&k, "g", two, "two", 1, NULL, 0)), KAFKA_E_FENCED_INSTANCE_ID);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ .member = two, .instance = "two" })),
                     KAFKA_E_FENCED_INSTANCE_ID);
    assert_int_equal(kit_leave_as(&k, two, "two"), KAFKA_E_FENCED_INSTANCE_ID);
    assert_int_equal(kit_beat_as(&k, "g", two_b, "two", 1), 0);
    assert_int_equal(kit_beat_as(&k, "g", two_b, "none", 1), KAFKA_E_UNKNOWN_MEMBER_ID);
    /* the leader: told to skip the assignment from version 9, else that the one before leads */
    t = kit_join(&k, (struct kit_member){ .instance = "one" });
    assert_true(kit_joined(&k, t)->skip_assignment);
    assert_int_equal(kit_joined(&k, t)->n_members, 2);
    const char *one_b = kit_text(&k, kit_joined(&k, t)->member_id);
    assert_string_equal(kit_text(&k, kit_joined(&k, t)->leader), one_b);
    t = kit_join(&k, (struct kit_member){ .instance = "one", .version = 8 });
    assert_false(kit_joined(&k, t)->skip_assignment);
    assert_string_equal(kit_text(&k, kit_joined(&k, t)->leader), one_b);
    /* the places are kept over a restart of the server */
    const char *one_c = kit_text(&k, kit_joined(&k, t)->member_id);
    kit_restart(&k);
    assert_state(&k, "g", "Stable");
    assert_int_equal(kit_beat_as(&k, "g", one_c, "one", 1), 0);
    assert_int_equal(kit_beat_as(&k, "g", two_b, "two", 1), 0);
    /* an administrator removes it by its instance */
    assert_int_equal(kit_leave_as(&k, "", "nobody"), KAFKA_E_UNKNOWN_MEMBER_ID);
    assert_int_equal(kit_leave_as(&k, "", "two"), 0);
    assert_state(&k, "g", "PreparingRebalance");
    kit_close(&k);
}

static void test_static_while_rebalancing(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 10;
    kit_again(&k);
    uint64_t a = kit_join(&k, (struct kit_member){ .instance = "one" });
    uint64_t a2 = kit_join(&k, (struct kit_member){ .instance = "one" });
    assert_int_equal(kit_join_error(&k, a), KAFKA_E_FENCED_INSTANCE_ID);
    kit_wait(&k, 20);
    assert_int_equal(kit_joined(&k, a2)->generation_id, 1);
    /* after the join and before the sync: a new rebalance, or the leader's assignment would name a stranger */
    uint64_t a3 = kit_join(&k, (struct kit_member){ .instance = "one" });
    assert_int_equal(kit_join_error(&k, a3), 0);
    assert_int_equal(kit_joined(&k, a3)->generation_id, 2);
    /* another protocol than the group's: a rebalance */
    const char *id = kit_text(&k, kit_joined(&k, a3)->member_id);
    const char *assigned[] = { id, "p" };
    kit_sync_as(&k, "g", id, "one", 2, assigned, 1);
    assert_state(&k, "g", "Stable");
    uint64_t a4 = kit_join(&k, (struct kit_member){ .instance = "one", .protocols = { "sticky", "range" } });
    assert_int_equal(kit_joined(&k, a4)->generation_id, 3);
    assert_string_equal(kit_text(&k, kit_joined(&k, a4)->protocol_name), "sticky");
    kit_close(&k);
}

/* A static member is not removed by a rebalance that it misses, only by its session. */
static void test_static_misses_a_rebalance(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.initial_delay_ms = 10;
    kit_again(&k);
    uint64_t a = kit_join(&k, (struct kit_member){ .instance = "one", .session_ms = 60000, .rebalance_ms = 5000 });
    uint64_t b = kit_join(&k, (struct kit_member){ .version = 3, .session_ms = 60000, .rebalance_ms = 5000 });
    kit_wait(&k, 20);
    const char *one = kit_text(&k, kit_joined(&k, a)->member_id), *dyn = kit_text(&k, kit_joined(&k, b)->member_id);
    kit_sync_as(&k, "g", one, "one", 1, NULL, 0);
    b = kit_join(&k, (struct kit_member){
                         .member = dyn, .metadata = "new", .session_ms = 60000, .rebalance_ms = 5000 });
    kit_wait(&k, 5000);
    const struct kafka_join_group_response *r = kit_joined(&k, b);
    assert_int_equal(r->generation_id, 2);
    assert_string_equal(kit_text(&k, r->leader), dyn);
    assert_int_equal(r->n_members, 2);
    assert_int_equal(kit_beat_as(&k, "g", one, "one", 2), 0);
    kit_close(&k);
}

/* ---- limits ---- */

static void test_group_max_size(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.members_max = 2;
    kit_again(&k);
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 2);
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ 0 })), KAFKA_E_GROUP_MAX_SIZE_REACHED);
    /* those that are in may come again */
    uint64_t t0 = kit_join(&k, (struct kit_member){ .member = ids[0] });
    uint64_t t1 = kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_int_equal(kit_joined(&k, t0)->generation_id, 2);
    assert_int_equal(kit_joined(&k, t1)->generation_id, 2);
    /* a limit that has become smaller: the last to come loses */
    k.config.members_max = 1;
    const char *assigned[] = { ids[0], "p" };
    kit_sync_as(&k, "g", ids[0], NULL, 2, assigned, 1);
    kit_restart(&k);
    assert_state(&k, "g", "PreparingRebalance");
    t0 = kit_join(&k, (struct kit_member){ .member = ids[0] });
    t1 = kit_join(&k, (struct kit_member){ .member = ids[1] });
    assert_int_equal(kit_join_error(&k, t1), KAFKA_E_GROUP_MAX_SIZE_REACHED);
    kit_wait(&k, 60000);
    assert_int_equal(kit_joined(&k, t0)->generation_id, 3);
    kit_close(&k);
}

/* All members together must fit into one record. */
static void test_heavy_group(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.record_bytes_max = 10000;
    k.config.initial_delay_ms = 100;
    kit_again(&k);
    static char metadata[4001];
    memset(metadata, 'm', 4000);
    struct kit_member m = { .version = 3, .metadata = metadata };
    uint64_t a = kit_join(&k, m), b = kit_join(&k, m), c = kit_join(&k, m);
    assert_int_equal(kit_join_error(&k, c), KAFKA_E_GROUP_MAX_SIZE_REACHED);
    kit_wait(&k, 200);
    assert_int_equal(kit_joined(&k, a)->n_members, 2);
    /* one that is in may come again */
    m.member = kit_text(&k, kit_joined(&k, b)->member_id);
    assert_int_equal(kit_join_error(&k, kit_join(&k, m)), 0);
    m.member = NULL;
    m.metadata = "small";
    assert_null(kit_joined(&k, kit_join(&k, m)));
    kit_close(&k);
}

static void test_other_limits(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    k.config.groups_max = 1;
    k.config.members_max = 2;
    kit_again(&k);
    kit_new_id(&k, (struct kit_member){ 0 });
    kit_new_id(&k, (struct kit_member){ 0 });
    assert_int_equal(kit_join_error(&k, kit_join(&k, (struct kit_member){ 0 })), KAFKA_E_GROUP_MAX_SIZE_REACHED);
    struct kafka_join_group_request rq;
    KAFKA_INIT(join_group_request, &rq);
    struct kafka_join_group_request_protocol protocols[COORD_PROTOCOLS_MAX + 1];
    for (int i = 0; i <= COORD_PROTOCOLS_MAX; i++)
        protocols[i] = (struct kafka_join_group_request_protocol){ STR("p"), STR("m") };
    rq.group_id = STR("other");
    rq.session_timeout_ms = 10000;
    rq.protocol_type = STR("consumer");
    rq.protocols = protocols;
    rq.n_protocols = COORD_PROTOCOLS_MAX + 1;
    struct coord_client c = kit_client(&k, 9);
    struct coord_step step = kit_step(&k);
    c.token = kit_token(&k);
    assert_int_equal(coord_groups_join(k.g, &c, &rq, k.now_ms, &step, &k.err), ST_OK);
    kit_take(&k, &step);
    assert_int_equal(kit_join_error(&k, c.token), KAFKA_E_INCONSISTENT_GROUP_PROTOCOL);
    rq.n_protocols = COORD_PROTOCOLS_MAX;
    step = kit_step(&k);
    assert_int_equal(coord_groups_join(k.g, &c, &rq, k.now_ms, &step, &k.err), ST_LIMIT);
    assert_int_equal(step.replies.count + step.records.count, 0);
    kit_close(&k);
}

/* Whatever take of memory is refused: nothing has happened, and the same request goes through after. */
static void test_refused_memory(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct kit k;
        kit_open(&k);
        const char *ids[2];
        kit_stable(&k, (struct kit_member){ .instance = kind == 2 ? "i" : NULL, .version = kind == 2 ? 3 : 9 }, ids,
                   kind == 2 ? 0 : 2);
        if (kind == 2) {
            uint64_t t = kit_join(&k, (struct kit_member){ .instance = "i" });
            kit_tick(&k);
            const char *id = kit_text(&k, kit_joined(&k, t)->member_id);
            kit_sync_as(&k, "g", id, "i", 1, NULL, 0);
        } else if (kind == 1) {
            kit_join(&k, (struct kit_member){ .member = ids[0] });
        }
        struct kafka_join_group_request rq;
        KAFKA_INIT(join_group_request, &rq);
        struct kafka_join_group_request_protocol protocol = { STR("range"), STR("other") };
        rq.group_id = kind == 3 ? STR("new") : STR("g");
        rq.member_id = kind == 1 ? str_from(ids[1]) : STR("");
        rq.group_instance_id = kind == 2 ? STR("i") : (struct str){ 0 };
        rq.session_timeout_ms = 10000;
        rq.protocol_type = STR("consumer");
        rq.protocols = &protocol;
        rq.n_protocols = 1;
        struct coord_client c = kit_client(&k, kind == 0 ? 3 : 9);
        c.token = kit_token(&k);
        struct kafka_describe_groups_response_group before = kit_describe(&k, "g");
        enum status st = ST_MEMORY;
        int refused = 0;
        for (uint64_t nth = 1; st == ST_MEMORY; nth++) {
            struct arena a;
            arena_init(&a, &k.budget);
            struct coord_step step;
            coord_step_init(&step, &a);
            budget_fail_nth(nth);
            st = coord_groups_join(k.g, &c, &rq, k.now_ms, &step, &k.err);
            budget_fail_nth(0);
            if (st == ST_OK) {
                kit_take(&k, &step);
            } else {
                assert_int_equal(st, ST_MEMORY);
                refused++;
                assert_int_equal(step.records.count + step.replies.count, 0);
                struct kafka_describe_groups_response_group after = kit_describe(&k, "g");
                assert_true(str_eq(before.group_state, after.group_state));
                assert_int_equal(before.n_members, after.n_members);
                if (kind == 3)
                    assert_state(&k, "new", "Dead");
            }
            if (st != ST_OK)
                arena_release(&a);
            else {
                kit_tick(&k);
                arena_release(&a);
            }
        }
        assert_int_equal(st, ST_OK);
        assert_true(refused >= 3);
        kit_close(&k);
    }
}

/* A large group, its last join, its leader's sync, a leave that ends the wait: whatever is refused, it is before the
 * first change, since what the answers of all take was set aside. */
static void test_refused_in_a_large_group(void **state)
{
    (void)state;
    enum { N = 60, META = 700 };
    for (int kind = 0; kind < 4; kind++) {
        struct kit k;
        kit_open(&k);
        k.config.initial_delay_ms = 50;
        kit_again(&k);
        static char metadata[META + 1];
        memset(metadata, 'm', META);
        const char *ids[N];
        uint64_t t[N];
        struct kit_member m = { .version = 3, .metadata = metadata, .session_ms = 6000, .rebalance_ms = 5000,
                                .protocols = { "a protocol with a name that is not short at all", "range" } };
        for (int i = 0; i < N; i++)
            t[i] = kit_join(&k, m);
        if (kind != 3) {
            kit_wait(&k, 100);
            for (int i = 0; i < N; i++)
                ids[i] = kit_text(&k, kit_joined(&k, t[i])->member_id);
        }
        for (int i = 1; i < N; i++) {
            if (kind == 0)
                kit_sync(&k, ids[i], 1);
            else if (kind < 3) {
                m.member = ids[i];
                m.metadata = "other";
                kit_join(&k, m);
            }
        }
        struct kafka_sync_group_request_assignment assigned[N];
        struct kafka_sync_group_request sync = { .group_id = STR("g"), .generation_id = 1, .assignments = assigned,
                                                 .n_assignments = N };
        for (int i = 0; kind == 0 && i < N; i++)
            assigned[i] = (struct kafka_sync_group_request_assignment){ str_from(ids[i]), str_make(metadata, META) };
        struct kafka_join_group_request_protocol protocols[] = { { str_from(m.protocols[0]), { metadata, META } },
                                                                 { STR("range"), { metadata, META } } };
        struct kafka_join_group_request join = { .group_id = STR("g"), .session_timeout_ms = 6000,
                                                 .rebalance_timeout_ms = 5000, .protocol_type = STR("consumer"),
                                                 .protocols = protocols, .n_protocols = 2 };
        struct kafka_leave_group_request leave = { .group_id = STR("g") };
        struct kafka_leave_group_response left;
        sync.member_id = join.member_id = leave.member_id = str_from(kind == 3 ? "" : ids[0]);
        struct coord_client c = kit_client(&k, 1);
        c.token = kit_token(&k);
        uint32_t parked = k.parked;
        enum status st = ST_MEMORY;
        int refused = 0;
        for (uint64_t nth = 1; st != ST_OK; nth++) {
            struct coord_step step;
            struct arena a;
            arena_init(&a, &k.budget);
            coord_step_init(&step, &a);
            if (kind == 3)
                k.now_ms += 100;
            budget_fail_nth(nth);
            st = kind == 0   ? coord_groups_sync(k.g, &c, &sync, k.now_ms, &step, &k.err)
                 : kind == 1 ? coord_groups_join(k.g, &c, &join, k.now_ms, &step, &k.err)
                 : kind == 2 ? coord_groups_leave(k.g, &c, &leave, k.now_ms, &step, &left, &k.err)
                             : coord_groups_tick(k.g, k.now_ms, &step, &k.err);
            budget_fail_nth(0);
            if (kind == 3 && st == ST_OK && step.replies.count == 0)
                st = ST_MEMORY; /* put off */
            if (st == ST_OK) {
                assert_true(step.replies.count >= N - 1);
                kit_take(&k, &step);
            } else {
                assert_int_equal(st, ST_MEMORY);
                refused++;
                assert_int_equal(step.records.count + step.replies.count, 0);
                assert_int_equal(k.parked, parked);
            }
            arena_release(&a);
        }
        assert_true(refused > 0);
        kit_close(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_member),
        cmocka_unit_test(test_old_versions_join_at_once),
        cmocka_unit_test(test_three_members),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_protocol_is_voted),
        cmocka_unit_test(test_initial_delay),
        cmocka_unit_test(test_rebalance_timeout),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_pending_members_expire),
        cmocka_unit_test(test_new_member_join_timeout),
        cmocka_unit_test(test_waiting_is_alive),
        cmocka_unit_test(test_next_leader),
        cmocka_unit_test(test_join_again),
        cmocka_unit_test(test_static_restart),
        cmocka_unit_test(test_static_while_rebalancing),
        cmocka_unit_test(test_static_misses_a_rebalance),
        cmocka_unit_test(test_group_max_size),
        cmocka_unit_test(test_heavy_group),
        cmocka_unit_test(test_other_limits),
        cmocka_unit_test(test_refused_memory),
        cmocka_unit_test(test_refused_in_a_large_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
