/* Records back to groups: all versions, other kinds, damage, refused memory. */
#include "kit.h"

static struct str stored(struct kit *k, const struct wire_message *m, int16_t version, const void *message)
{
    struct buf out;
    buf_init(&out, &k->budget, 1 << 20);
    assert_int_equal(wire_encode_stored(m, version, message, &out, &k->err), ST_OK);
    struct str s = arena_str(&k->arena, buf_str(&out));
    buf_release(&out);
    assert_non_null(s.ptr);
    return s;
}

static struct coord_replayed group_record(struct kit *k, int16_t version, uint32_t members, const char *protocol)
{
    struct kafka_group_metadata_key key = { STR("g") };
    struct kafka_group_metadata_value v;
    KAFKA_INIT(group_metadata_value, &v);
    struct kafka_group_metadata_value_member *m = KAFKA_NEW(&k->arena, group_metadata_value_member, 2);
    v.protocol_type = STR("consumer");
    v.generation = 7;
    v.protocol = str_from(protocol);
    v.leader = STR("m1");
    v.current_state_timestamp = 5000;
    v.members = m;
    v.n_members = members;
    for (int i = 0; i < 2; i++) {
        m[i].member_id = i ? STR("m1") : STR("m0");
        m[i].group_instance_id = i ? STR("i1") : (struct str){ 0 };
        m[i].client_id = STR("c");
        m[i].client_host = STR("/h");
        m[i].rebalance_timeout = 30000;
        m[i].session_timeout = 10000;
        m[i].subscription = STR("sub");
        m[i].assignment = i ? STR("p1") : STR("");
    }
    return (struct coord_replayed){ 100, -1, stored(k, &kafka_group_metadata_key, 2, &key),
                                    stored(k, &kafka_group_metadata_value, version, &v) };
}

static struct coord_replayed offset_record(struct kit *k, int16_t key_version, int16_t version, int64_t offset,
                                           int64_t producer_id)
{
    struct kafka_offset_commit_key key = { STR("g"), STR("t"), 3 };
    struct kafka_offset_commit_value v;
    KAFKA_INIT(offset_commit_value, &v);
    v.offset = offset;
    v.leader_epoch = 4;
    v.metadata = STR("meta");
    v.commit_timestamp = k->now_ms;
    v.expire_timestamp = version == 1 ? k->now_ms + 5000 : -1;
    return (struct coord_replayed){ 101, producer_id, stored(k, &kafka_offset_commit_key, key_version, &key),
                                    stored(k, &kafka_offset_commit_value, version, &v) };
}

static int replay(struct kit *k, struct coord_replayed r)
{
    error_clear(&k->err);
    return coord_groups_replay(k->g, &r, &k->err);
}

static void load(struct kit *k)
{
    struct coord_step step = kit_step(k);
    assert_int_equal(coord_groups_loaded(k->g, k->now_ms, &step, &k->err), ST_OK);
    assert_int_equal(step.records.count + step.replies.count, 0);
}

static void test_versions(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 4; version++) {
        struct kit k;
        kit_open(&k);
        assert_int_equal(replay(&k, group_record(&k, version, 2, "range")), ST_OK);
        assert_int_equal(replay(&k, offset_record(&k, version % 2, version, 55, -1)), ST_OK);
        load(&k);
        struct kafka_describe_groups_response_group d = kit_describe(&k, "g");
        assert_string_equal(kit_text(&k, d.group_state), "Stable");
        assert_int_equal(d.n_members, 2);
        assert_string_equal(kit_text(&k, d.members[1].member_assignment), "p1");
        assert_string_equal(kit_text(&k, d.members[0].member_metadata), "sub");
        assert_int_equal(kit_beat(&k, "m0", 7), 0);
        assert_int_equal(kit_beat_as(&k, "g", "m1", version >= 3 ? "i1" : NULL, 7), 0);
        assert_int_equal(kit_beat_as(&k, "g", "m0", "i1", 7),
                         version >= 3 ? KAFKA_E_FENCED_INSTANCE_ID : KAFKA_E_UNKNOWN_MEMBER_ID);
        struct kafka_offset_fetch_response_partition p = kit_fetch_from(&k, k.g, "g", "t", 3, true);
        assert_int_equal(p.committed_offset, 55);
        assert_int_equal(p.committed_leader_epoch, version >= 3 ? 4 : -1);
        assert_string_equal(kit_text(&k, p.metadata), "meta");
        /* sessions began with the load */
        kit_wait(&k, 9999);
        assert_state(&k, "g", "Stable");
        kit_wait(&k, 1);
        assert_state(&k, "g", "Empty");
        assert_int_equal(k.log.count, 1);
        kit_close(&k);
    }
}

/* A rebalance waits as long as its members' records say: the session's timeout where they had no other. */
static void test_rebalance_timeout(void **state)
{
    (void)state;
    for (int16_t version = 0; version < 3; version++) {
        struct kit k;
        kit_open(&k);
        assert_int_equal(replay(&k, group_record(&k, version, 2, "range")), ST_OK);
        load(&k);
        uint64_t t = kit_join(&k, (struct kit_member){ .member = "m0", .metadata = "new", .rebalance_ms = 1000 });
        for (int waited = 0; waited < (version ? 30000 : 10000); waited += 5000) {
            assert_int_equal(kit_beat(&k, "m1", 7), KAFKA_E_REBALANCE_IN_PROGRESS);
            kit_wait(&k, 4999);
            assert_null(kit_joined(&k, t));
            kit_wait(&k, 1);
        }
        assert_int_equal(kit_join_error(&k, t), 0);
        kit_close(&k);
    }
}

/* What we write is what Kafka 4.3 writes. */
static void test_versions_written(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    const char *id;
    kit_stable(&k, (struct kit_member){ 0 }, &id, 1);
    kit_commit(&k, (struct kit_commit){ .generation = 1, .member = id, .offset = 1 });
    kit_commit(&k, (struct kit_commit){
                       .generation = 1, .member = id, .offset = 1, .retention_ms = 1000, .version = 4 });
    static const struct {
        int8_t key, value;
    } versions[] = { { 2, 3 }, { 2, 3 }, { 1, 4 }, { 1, 1 } };
    assert_int_equal(k.log.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(k.log.at[i].key.ptr[0], 0);
        assert_int_equal(k.log.at[i].key.ptr[1], versions[i].key);
        assert_int_equal(k.log.at[i].value.ptr[1], versions[i].value);
    }
    /* group, topic, partition */
    assert_int_equal(k.log.at[2].key.len, 2 + 3 + 3 + 4);
    assert_memory_equal(k.log.at[2].key.ptr, "\0\1\0\1g\0\1t\0\0\0\0", 12);
    kit_close(&k);
}

static void test_other_kinds(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    for (int kind = 3; kind < 30; kind++) {
        char key[] = { 0, (char)kind, 1, 2, 3 };
        assert_int_equal(replay(&k, (struct coord_replayed){ 1, -1, { key, 5 }, { key, 5 } }), ST_OK);
        assert_int_equal(replay(&k, (struct coord_replayed){ 1, -1, { key, 2 }, { 0 } }), ST_OK);
    }
    struct kafka_list_groups_request rq = { 0 };
    struct kafka_list_groups_response r;
    KAFKA_INIT(list_groups_response, &r);
    assert_int_equal(coord_groups_list(k.g, &rq, &k.arena, &r, &k.err), ST_OK);
    assert_int_equal(r.n_groups, 0);
    kit_close(&k);
}

static void test_damage(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(replay(&k, (struct coord_replayed){ 9, -1, STR_INIT("\0"), { 0 } }), ST_CORRUPT);
    assert_int_equal(k.err.offset, 9);
    struct coord_replayed good[] = { group_record(&k, 3, 2, "range"), offset_record(&k, 1, 3, 5, -1) };
    for (int i = 0; i < 2; i++) {
        for (size_t n = 0; n < good[i].value.len; n++) {
            struct coord_replayed r = good[i];
            r.value.len = n;
            assert_int_equal(replay(&k, r), ST_CORRUPT);
            assert_int_equal(k.err.status, ST_CORRUPT);
            assert_int_equal(k.err.offset, r.offset);
            assert_non_null(strstr(k.err.message, "__consumer_offsets, offset 10"));
            assert_state(&k, "g", "Dead");
        }
        for (size_t n = 0; n < good[i].key.len; n++) {
            struct coord_replayed r = good[i];
            r.key.len = n;
            assert_int_equal(replay(&k, r), ST_CORRUPT);
        }
        /* of a version that is not known yet */
        struct coord_replayed r = good[i];
        char *newer = malloc(r.value.len);
        memcpy(newer, r.value.ptr, r.value.len);
        newer[1] = 5;
        r.value.ptr = newer;
        assert_int_equal(replay(&k, r), ST_UNSUPPORTED);
        assert_int_equal(k.err.offset, r.offset);
        free(newer);
    }
    assert_state(&k, "g", "Dead");
    /* members that are none */
    assert_int_equal(replay(&k, group_record(&k, 3, 2, NULL)), ST_CORRUPT);
    assert_state(&k, "g", "Dead");
    assert_int_equal(replay(&k, group_record(&k, 3, 0, NULL)), ST_OK);
    assert_state(&k, "g", "Empty");
    /* a good one after all that */
    assert_int_equal(replay(&k, good[0]), ST_OK);
    struct coord_replayed r = good[0];
    r.value.len--;
    assert_int_equal(replay(&k, r), ST_CORRUPT);
    assert_state(&k, "g", "Stable");
    kit_close(&k);
}

/* A group's record leaves its offsets; tombstones take what they name; a leader that is no member does not lead. */
static void test_replacing(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(replay(&k, offset_record(&k, 1, 3, 5, -1)), ST_OK);
    assert_state(&k, "g", "Empty");
    assert_int_equal(replay(&k, group_record(&k, 3, 1, "range")), ST_OK); /* the leader is missing */
    assert_int_equal(kit_fetch(&k, "g", "t", 3), 5);
    load(&k);
    uint64_t t = kit_join(&k, (struct kit_member){ .member = "m0", .metadata = "new" });
    assert_string_equal(kit_text(&k, kit_joined(&k, t)->leader), "m0");
    struct coord_replayed r = offset_record(&k, 1, 3, 5, -1);
    r.value = (struct str){ 0 };
    assert_int_equal(replay(&k, r), ST_OK);
    assert_int_equal(kit_fetch(&k, "g", "t", 3), -1);
    assert_int_equal(replay(&k, r), ST_OK);
    r = group_record(&k, 3, 0, NULL);
    r.value = (struct str){ 0 };
    assert_int_equal(replay(&k, r), ST_OK);
    assert_state(&k, "g", "Dead");
    assert_int_equal(replay(&k, r), ST_OK);
    kit_close(&k);
}

/* Transactions that were open, ended well or badly when the log stopped. */
static void test_transactions(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(replay(&k, offset_record(&k, 1, 3, 5, 42)), ST_OK);
    load(&k);
    assert_int_equal(kit_fetch_from(&k, k.g, "g", "t", 3, true).error_code, KAFKA_E_UNSTABLE_OFFSET_COMMIT);
    assert_int_equal(kit_fetch(&k, "g", "t", 3), -1);
    coord_groups_end_txn(k.g, 42, true);
    assert_int_equal(kit_fetch(&k, "g", "t", 3), 5);
    struct coord_replayed r = offset_record(&k, 1, 3, 6, 42);
    r.offset = 200;
    assert_int_equal(replay(&k, r), ST_OK);
    coord_groups_end_txn(k.g, 42, false);
    assert_int_equal(kit_fetch(&k, "g", "t", 3), 5);
    r.offset = 50; /* older than what is there: compaction kept it, it does not win */
    assert_int_equal(replay(&k, r), ST_OK);
    coord_groups_end_txn(k.g, 42, true);
    assert_int_equal(kit_fetch(&k, "g", "t", 3), 5);
    kit_close(&k);
}

static void test_refused_memory(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct kit k;
        kit_open(&k);
        struct coord_replayed r = kind == 0 ? group_record(&k, 3, 2, "range") : offset_record(&k, 1, 3, 5, kind - 2);
        enum status st = ST_MEMORY;
        int refused = 0;
        for (uint64_t nth = 1; st != ST_OK; nth++) {
            budget_fail_nth(nth);
            st = coord_groups_replay(k.g, &r, &k.err);
            budget_fail_nth(0);
            if (st != ST_OK) {
                assert_int_equal(st, ST_MEMORY);
                refused++;
                assert_state(&k, "g", "Dead");
            }
        }
        assert_true(refused > 3);
        assert_state(&k, "g", kind == 0 ? "Stable" : "Empty");
        kit_close(&k);
    }
}

/* Any place in a log is a place to stop: what a coordinator had there, another has. */
static void test_prefixes(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    int64_t had[64];
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ 0 }, ids, 2);
    uint32_t from = k.log.count;
    for (int i = 0; i < 40; i++) {
        had[i] = kit_fetch(&k, "g", "t", 0);
        if (i % 7 == 3)
            kit_end_txn(&k, 1 + i % 2, i % 3 > 0);
        else
            kit_commit(&k, (struct kit_commit){ .generation = 1, .member = ids[0], .offset = i,
                                                .producer_id = i % 4 < 2 ? 1 + i % 2 : 0 });
    }
    for (uint32_t i = 0; i < 40; i++) {
        struct coord_groups *g = kit_replay(&k, from + i);
        assert_int_equal(kit_fetch_from(&k, g, "g", "t", 0, false).committed_offset, had[i]);
        coord_groups_free(g);
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),     cmocka_unit_test(test_rebalance_timeout),
        cmocka_unit_test(test_versions_written),
        cmocka_unit_test(test_other_kinds),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_replacing),    cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_refused_memory), cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
