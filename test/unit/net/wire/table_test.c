/* The tables themselves: ranges and first flexible versions beside a second list, layouts beside the compiler's, rules
 * that every table keeps; error codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/kafka.h"

/* Kafka 4.3's ranges, as its broker tells them. */
static const struct {
    int16_t key;
    const char *name;
    int16_t from, to, flexible;
} expected[] = {
    { 0, "Produce", 3, 13, 9 },
    { 1, "Fetch", 4, 18, 12 },
    { 2, "ListOffsets", 1, 11, 6 },
    { 3, "Metadata", 0, 13, 9 },
    { 8, "OffsetCommit", 2, 10, 8 },
    { 9, "OffsetFetch", 1, 10, 6 },
    { 10, "FindCoordinator", 0, 6, 3 },
    { 11, "JoinGroup", 0, 9, 6 },
    { 12, "Heartbeat", 0, 4, 4 },
    { 13, "LeaveGroup", 0, 5, 4 },
    { 14, "SyncGroup", 0, 5, 4 },
    { 15, "DescribeGroups", 0, 6, 5 },
    { 16, "ListGroups", 0, 5, 3 },
    { 17, "SaslHandshake", 0, 1, WIRE_NEVER },
    { 18, "ApiVersions", 0, 4, 3 },
    { 19, "CreateTopics", 2, 7, 5 },
    { 20, "DeleteTopics", 1, 6, 4 },
    { 21, "DeleteRecords", 0, 2, 2 },
    { 22, "InitProducerId", 0, 5, 2 },
    { 23, "OffsetForLeaderEpoch", 2, 4, 4 },
    { 24, "AddPartitionsToTxn", 0, 5, 3 },
    { 25, "AddOffsetsToTxn", 0, 4, 3 },
    { 26, "EndTxn", 0, 5, 3 },
    { 27, "WriteTxnMarkers", 1, 2, 1 },
    { 28, "TxnOffsetCommit", 0, 5, 3 },
    { 29, "DescribeAcls", 1, 3, 2 },
    { 30, "CreateAcls", 1, 3, 2 },
    { 31, "DeleteAcls", 1, 3, 2 },
    { 32, "DescribeConfigs", 1, 4, 4 },
    { 33, "AlterConfigs", 0, 2, 2 },
    { 34, "AlterReplicaLogDirs", 1, 2, 2 },
    { 35, "DescribeLogDirs", 1, 5, 2 },
    { 36, "SaslAuthenticate", 0, 2, 2 },
    { 37, "CreatePartitions", 0, 3, 2 },
    { 42, "DeleteGroups", 0, 2, 2 },
    { 43, "ElectLeaders", 0, 2, 2 },
    { 44, "IncrementalAlterConfigs", 0, 1, 1 },
    { 45, "AlterPartitionReassignments", 0, 1, 0 },
    { 46, "ListPartitionReassignments", 0, 0, 0 },
    { 47, "OffsetDelete", 0, 0, WIRE_NEVER },
    { 48, "DescribeClientQuotas", 0, 1, 1 },
    { 49, "AlterClientQuotas", 0, 1, 1 },
    { 50, "DescribeUserScramCredentials", 0, 0, 0 },
    { 51, "AlterUserScramCredentials", 0, 0, 0 },
    { 55, "DescribeQuorum", 0, 2, 0 },
    { 57, "UpdateFeatures", 0, 2, 0 },
    { 60, "DescribeCluster", 0, 2, 0 },
    { 61, "DescribeProducers", 0, 0, 0 },
    { 65, "DescribeTransactions", 0, 0, 0 },
    { 66, "ListTransactions", 0, 2, 0 },
    { 74, "ListConfigResources", 0, 1, 0 },
    { 75, "DescribeTopicPartitions", 0, 0, 0 },
};
enum { APIS = sizeof expected / sizeof expected[0] };

static void ranges_are_kafkas(void **state)
{
    (void)state;
    const struct kafka_api *k = NULL;
    for (unsigned i = 0; i < APIS; i++) {
        k = kafka_api_after(k ? k->key : -1);
        assert_non_null(k);
        assert_ptr_equal(k, kafka_api(k->key));
        assert_int_equal(k->key, expected[i].key);
        assert_string_equal(k->name, expected[i].name);
        assert_int_equal(k->request.from, expected[i].from);
        assert_int_equal(k->request.to, expected[i].to);
        assert_int_equal(k->request.flexible, expected[i].flexible);
        assert_int_equal(k->response.from, expected[i].from);
        assert_int_equal(k->response.to, expected[i].to);
        assert_int_equal(k->response.flexible, expected[i].flexible);
        assert_int_equal(kafka_api_says_from(k), k->key == KAFKA_PRODUCE ? 0 : k->request.from);
        assert_false(kafka_api_has(k, (int16_t)(k->request.from - 1)));
        assert_false(kafka_api_has(k, (int16_t)(k->request.to + 1)));
        assert_true(kafka_api_has(k, k->request.from) && kafka_api_has(k, k->request.to));
    }
    assert_null(kafka_api_after(k->key));
    static const int16_t unknown[] = { -1, 4, 5, 6, 7, 38, 52, 68, 76, 92, 93, INT16_MAX, INT16_MIN };
    for (unsigned i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_null(kafka_api(unknown[i]));
}

/* ---- rules of all tables ---- */

struct rules {
    int16_t from, to, flexible;
    bool tagged; /* somewhere above */
};

static void check_field(const struct wire_field *f, struct rules r)
{
    assert_true(f->type < WIRE_TYPES && f->name && (f->type == WIRE_STRUCT) == (f->of != NULL));
    assert_true(f->since <= r.to && (f->gone == 0 || (f->gone > f->since && f->gone > r.from && f->gone <= r.to)));
    if (f->nullable) {
        assert_true(f->array || f->type >= WIRE_STRING);
        assert_true(f->nullable - 1 <= r.to);
    }
    if (f->tag)
        assert_true(f->since >= r.flexible || r.from >= r.flexible);
    else if (f->type == WIRE_STRUCT && !f->array)
        assert_true(f->nullable != 0); /* what is missing has a way to be so */
    assert_false(f->type == WIRE_RECORDS && (f->tag || r.tagged)); /* a gap would move */
}

static void check_struct(const struct wire_struct *t, struct rules r, unsigned depth)
{
    assert_true(depth < 6);
    uint64_t tags = 0;
    static uint64_t aligned[64];
    uint8_t *const room = (uint8_t *)aligned;
    assert_true(t->size <= sizeof aligned && t->name && t->size > 0);
    uint8_t *next = room;
    size_t align = 1;
    for (const struct wire_field *f = t->fields; f->type; f++) {
        wire_place(&next, f);
        size_t own = f->array ? _Alignof(void *) : wire_shapes[f->type].align;
        align = own > align ? own : align;
        check_field(f, r);
        assert_int_equal(f->tag ? tags >> f->tag & 1 : 0, 0);
        tags |= f->tag ? 1u << f->tag : 0;
        if (f->of)
            check_struct(f->of, (struct rules){ r.from, r.to, r.flexible, r.tagged || f->tag }, depth + 1);
    }
    size_t size = (size_t)(next - room);
    assert_int_equal((size + align - 1) / align * align, t->size);
}

static void check_message(const struct wire_message *m)
{
    check_struct(m->body, (struct rules){ m->from, m->to, m->flexible, false }, 0);
}

static void tables_keep_the_rules(void **state)
{
    (void)state;
    static const struct wire_message *const stored[] = {
        &kafka_offset_commit_key,   &kafka_offset_commit_value,   &kafka_group_metadata_key,
        &kafka_group_metadata_value, &kafka_transaction_log_key,  &kafka_transaction_log_value,
        &kafka_control_record_key,  &kafka_end_txn_marker,        &kafka_consumer_subscription,
        &kafka_consumer_assignment,
    };
    for (const struct kafka_api *k = kafka_api_after(-1); k; k = kafka_api_after(k->key)) {
        check_message(&k->request);
        check_message(&k->response);
    }
    for (unsigned i = 0; i < sizeof stored / sizeof stored[0]; i++)
        check_message(stored[i]);
}

/* A few by name, should the compiler and the walk ever agree on something else than the walk's users. */
static void members_are_where_the_walk_goes(void **state)
{
    (void)state;
    struct kafka_fetch_response_partition p;
    struct {
        const char *name;
        void *at;
    } members[] = {
        { "partition_index", &p.partition_index },
        { "error_code", &p.error_code },
        { "high_watermark", &p.high_watermark },
        { "diverging_epoch", &p.diverging_epoch },
        { "aborted_transactions", &p.aborted_transactions },
        { "preferred_read_replica", &p.preferred_read_replica },
        { "records", &p.records },
    };
    unsigned seen = 0;
    uint8_t *next = (uint8_t *)&p;
    for (const struct wire_field *f = kafka_fetch_response_partition_table.fields; f->type; f++) {
        void *at = wire_place(&next, f);
        for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++)
            if (strcmp(members[i].name, f->name) == 0) {
                assert_ptr_equal(at, members[i].at);
                seen++;
            }
        if (strcmp(f->name, "aborted_transactions") == 0)
            assert_ptr_equal(&((struct wire_array *)at)->n, &p.n_aborted_transactions);
    }
    assert_int_equal(seen, sizeof members / sizeof members[0]);
}

static void defaults_are_kafkas(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    struct kafka_fetch_response_partition *p = KAFKA_NEW(&a, fetch_response_partition, 2);
    assert_non_null(p);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(p[i].preferred_read_replica, -1);
        assert_int_equal(p[i].last_stable_offset, -1);
        assert_int_equal(p[i].high_watermark, 0);
        assert_null(p[i].diverging_epoch);
        assert_null(p[i].aborted_transactions);
        assert_true(p[i].records.bytes.ptr && p[i].records.bytes.len == 0);
    }
    struct kafka_metadata_request m;
    KAFKA_INIT(metadata_request, &m);
    assert_true(m.allow_auto_topic_creation);
    struct kafka_metadata_response r;
    KAFKA_INIT(metadata_response, &r);
    assert_int_equal(r.cluster_authorized_operations, INT32_MIN);
    assert_non_null(r.topics);
    assert_non_null(KAFKA_NEW(&a, metadata_response_topic, 0));
    arena_release(&a);
}

/* ---- errors ---- */

static void errors_are_found_both_ways(void **state)
{
    (void)state;
    for (int16_t code = -1; code <= 133; code++) {
        const struct kafka_error *e = kafka_error(code);
        assert_int_equal(e->code, code);
        assert_ptr_equal(kafka_error_find(str_from(e->name)), e);
        assert_true(e->text[0] != '\0');
    }
    static const int16_t unknown[] = { -2, 134, INT16_MAX, INT16_MIN };
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(kafka_error(unknown[i])->name, "UNKNOWN_SERVER_ERROR");
    assert_null(kafka_error_find(STR("NO_SUCH")));
    assert_null(kafka_error_find(STR("")));
    assert_int_equal(KAFKA_E_NOT_LEADER_OR_FOLLOWER, 6);
    assert_int_equal(KAFKA_E_UNSTABLE_OFFSET_COMMIT, 88);
    assert_int_equal(KAFKA_E_TRANSACTION_ABORTABLE, 120);
    assert_true(kafka_error(KAFKA_E_NOT_COORDINATOR)->again && kafka_error(KAFKA_E_REQUEST_TIMED_OUT)->again);
    assert_false(kafka_error(KAFKA_E_REBALANCE_IN_PROGRESS)->again || kafka_error(KAFKA_E_PRODUCER_FENCED)->again);
    for (int st = 0; st < ST_COUNT; st++) /* what other rooms answer with */
        assert_int_equal(kafka_error((int16_t)status_kafka((enum status)st))->code, status_kafka((enum status)st));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_kafkas),       cmocka_unit_test(tables_keep_the_rules),
        cmocka_unit_test(members_are_where_the_walk_goes), cmocka_unit_test(defaults_are_kafkas),
        cmocka_unit_test(errors_are_found_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
