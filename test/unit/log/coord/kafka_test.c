/* The internal topics of an Apache Kafka (README.txt) replayed: groups, offsets and transactions are those that its own
 * tools told of them. */
#include "kit.h"

#include "record/record.h"

/* A file beside this one, wherever the project and the build lie. */
static struct str read_beside(struct kit *k, const char *name)
{
    char path[512];
    const char *slash = strrchr(__FILE__, '/');
    snprintf(path, sizeof path, "%.*s/%s", (int)(slash - __FILE__), __FILE__, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        snprintf(path, sizeof path, "test/unit/log/coord/%s", name);
        f = fopen(path, "rb");
    }
    assert_non_null(f);
    char *p = arena_alloc(&k->arena, 1 << 16);
    assert_non_null(p);
    size_t n = fread(p, 1, 1 << 16, f);
    fclose(f);
    return str_make(p, n);
}

/* As the topic's room does it. */
static void replay_file(struct kit *k, struct coord_txns *t, const char *name)
{
    struct str rest = read_beside(k, name);
    struct record_iter *it;
    struct record_batch b;
    assert_int_equal(record_iter_new(&k->budget, 1 << 20, &it, &k->err), ST_OK);
    while (rest.len) {
        assert_int_equal(record_batch_next(&rest, &b, &k->err), ST_OK);
        assert_int_equal(record_iter_open(it, &b, &k->err), ST_OK);
        for (;;) {
            struct record r;
            bool end;
            assert_int_equal(record_iter_next(it, &r, &end, &k->err), ST_OK);
            if (end)
                break;
            struct record_marker m;
            struct coord_replayed x = { r.offset, record_batch_transactional(&b) ? b.producer_id : -1, r.key, r.value };
            if (record_batch_control(&b)) {
                assert_int_equal(record_marker_read(&r, &m, &k->err), ST_OK);
                coord_groups_end_txn(k->g, b.producer_id, m.commit);
            } else {
                assert_int_equal(t ? coord_txns_replay(t, &x, &k->err) : coord_groups_replay(k->g, &x, &k->err), ST_OK);
            }
        }
    }
    record_iter_free(it);
}

static void test_groups(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    replay_file(&k, NULL, "kafka_groups.log");
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_groups_loaded(k.g, k.now_ms, &step, &k.err), ST_OK);
    struct kafka_describe_groups_response_group d = kit_describe(&k, "readers");
    assert_string_equal(kit_text(&k, d.group_state), "Stable");
    assert_string_equal(kit_text(&k, d.protocol_type), "consumer");
    assert_string_equal(kit_text(&k, d.protocol_data), "range");
    assert_int_equal(d.n_members, 2);
    uint32_t st = str_eq(d.members[0].client_id, STR("stat")) ? 0 : 1;
    assert_string_equal(kit_text(&k, d.members[st].group_instance_id), "st-1");
    assert_string_equal(kit_text(&k, d.members[st].member_id), "st-1-4dad7060-8095-4560-82ee-7370a20d1b2e");
    assert_string_equal(kit_text(&k, d.members[1 - st].member_id), "dyn-96027838-b74b-45ee-b66d-a3dff735c858");
    assert_null(d.members[1 - st].group_instance_id.ptr);
    assert_string_equal(kit_text(&k, d.members[st].client_host), "/127.0.0.1");
    struct kafka_consumer_assignment a;
    int16_t version;
    assert_int_equal(wire_decode_stored(&kafka_consumer_assignment, d.members[st].member_assignment, &k.arena, &a,
                                        &version, &k.err),
                     ST_OK);
    assert_int_equal(a.n_assigned_partitions, 1);
    assert_string_equal(kit_text(&k, a.assigned_partitions[0].topic), "orders");
    assert_int_equal(a.assigned_partitions[0].n_partitions, 2);
    /* offsets: of members, of transactions (committed, aborted, open), from outside, deleted */
    assert_int_equal(kit_fetch(&k, "readers", "orders", 0), 9);
    assert_int_equal(kit_fetch(&k, "readers", "orders", 1), 9);
    struct kafka_offset_fetch_response_partition p = kit_fetch_from(&k, k.g, "readers", "orders", 2, true);
    assert_int_equal(p.committed_offset, 7);
    assert_int_equal(p.committed_leader_epoch, 0);
    assert_string_equal(kit_text(&k, p.metadata), "from c1");
    p = kit_fetch_from(&k, k.g, "tx-group", "orders", 0, true);
    assert_int_equal(p.committed_offset, 10);
    assert_string_equal(kit_text(&k, p.metadata), "in tx");
    assert_int_equal(kit_fetch(&k, "tx-group", "orders", 1), -1);
    assert_int_equal(kit_fetch_from(&k, k.g, "tx-group", "orders", 1, true).error_code,
                     KAFKA_E_UNSTABLE_OFFSET_COMMIT);
    assert_int_equal(kit_fetch(&k, "simple", "orders", 2), 3);
    assert_state(&k, "gone", "Dead");
    coord_groups_end_txn(k.g, 2, true);
    assert_int_equal(kit_fetch(&k, "tx-group", "orders", 1), 5);
    kit_close(&k);
}

static void test_transactions(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct coord_ids ids = { 0, 0 };
    struct coord_txns *t;
    assert_int_equal(coord_txns_new(&coord_txns_defaults, &ids, &k.budget, &t, &k.err), ST_OK);
    replay_file(&k, t, "kafka_txns.log");
    coord_txns_loaded(t, 1795273383201);
    struct kafka_describe_transactions_response_transaction d;
    assert_int_equal(coord_txns_describe(t, STR("tx-open"), &k.arena, &d, &k.err), ST_OK);
    assert_string_equal(kit_text(&k, d.transaction_state), "Ongoing");
    assert_int_equal(d.producer_id, 2);
    assert_int_equal(d.producer_epoch, 0);
    assert_int_equal(d.transaction_timeout_ms, 60000);
    assert_int_equal(d.transaction_start_time_ms, 1795273383201);
    assert_int_equal(d.n_topics, 2);
    assert_string_equal(kit_text(&k, d.topics[0].topic), "__consumer_offsets");
    assert_string_equal(kit_text(&k, d.topics[1].topic), "out");
    assert_int_equal(coord_txns_describe(t, STR("tx-done"), &k.arena, &d, &k.err), ST_OK);
    assert_string_equal(kit_text(&k, d.transaction_state), "CompleteAbort");
    assert_int_equal(d.producer_id, 1);
    assert_int_equal(d.producer_epoch, 2);
    assert_int_equal(d.transaction_start_time_ms, 1795273382969);
    assert_int_equal(d.n_topics, 0);
    assert_true(ids.next >= 3);
    /* the open one times out as it would have there */
    assert_int_equal(coord_txns_deadline(t), 1795273383201 + 60001);
    struct coord_step step = kit_step(&k);
    assert_int_equal(coord_txns_tick(t, 1795273383201 + 60001, &step, &k.err), ST_OK);
    assert_int_equal(step.markers.count, 1);
    assert_int_equal(step.markers.at[0].producer_epoch, 1);
    coord_txns_free(t);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_groups), cmocka_unit_test(test_transactions) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
