/* By hand: bytes that are known, the traps of versions, tags, null and empty, lengths that lie, gaps, headers, error
 * texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/kafka.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct arena arena;
    struct buf out;
    struct error err;
};

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    arena_init(&x->arena, NULL);
    buf_init(&x->out, NULL, 1 << 24);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    arena_release(&x->arena);
    buf_release(&x->out);
    free(x);
    return 0;
}

/* Bytes out of hex; blanks are for the eye. */
static struct str hex(struct fixture *x, const char *text)
{
    uint8_t *to = arena_alloc(&x->arena, strlen(text) + 1);
    size_t n = 0;
    for (unsigned v; *text; text += *text == ' ' ? 1 : 2)
        if (*text != ' ') {
            assert_int_equal(sscanf(text, "%2x", &v), 1);
            to[n++] = (uint8_t)v;
        }
    return str_make(to, n);
}

static const struct wire_message *request(enum kafka_key key)
{
    return &kafka_api((int16_t)key)->request;
}

static const struct wire_message *response(enum kafka_key key)
{
    return &kafka_api((int16_t)key)->response;
}

static void assert_encodes(struct fixture *x, const struct wire_message *m, int16_t version, const void *message,
                           const char *bytes)
{
    buf_clear(&x->out);
    if (wire_encode(m, version, message, &x->out, NULL, &x->err) != ST_OK)
        fail_msg("%s", x->err.message);
    struct str want = hex(x, bytes);
    assert_int_equal(x->out.len, want.len);
    assert_memory_equal(x->out.data, want.ptr, want.len);
}

static void assert_no_encode(struct fixture *x, const struct wire_message *m, int16_t version, const void *message,
                             const char *why)
{
    buf_clear(&x->out);
    assert_true(buf_put_u8(&x->out, 7));
    assert_int_equal(wire_encode(m, version, message, &x->out, NULL, &x->err), ST_DATA);
    assert_string_equal(x->err.message, why);
    assert_int_equal(x->out.len, 1);
}

static void decode(struct fixture *x, const struct wire_message *m, int16_t version, const char *bytes, void *ret)
{
    if (wire_decode(m, version, hex(x, bytes), &x->arena, ret, &x->err) != ST_OK)
        fail_msg("%s", x->err.message);
}

static void assert_no_decode(struct fixture *x, const struct wire_message *m, int16_t version, const char *bytes,
                             const char *why)
{
    uint8_t ret[512];
    assert_true(m->body->size <= sizeof ret);
    assert_int_equal(wire_decode(m, version, hex(x, bytes), &x->arena, ret, &x->err), ST_DATA);
    assert_string_equal(x->err.message, why);
}

/* ---- versions ---- */

/* All topics: an empty list in version 0, null from 1 on; an empty list is then none. */
static void metadata_says_all_in_two_ways(void **state)
{
    struct fixture *x = *state;
    const struct wire_message *m = request(KAFKA_METADATA);
    struct kafka_metadata_request q;
    KAFKA_INIT(metadata_request, &q);
    q.topics = NULL;
    assert_encodes(x, m, 0, &q, "00000000");
    assert_encodes(x, m, 1, &q, "ffffffff");
    assert_encodes(x, m, 4, &q, "ffffffff 01");
    assert_encodes(x, m, 9, &q, "00 01 00 00 00");
    q.topics = KAFKA_NEW(&x->arena, metadata_request_topic, 0);
    assert_encodes(x, m, 1, &q, "00000000");
    assert_encodes(x, m, 9, &q, "01 01 00 00 00");
    decode(x, m, 1, "ffffffff", &q);
    assert_true(q.topics == NULL && q.n_topics == 0 && q.allow_auto_topic_creation);
    decode(x, m, 1, "00000000", &q);
    assert_true(q.topics != NULL && q.n_topics == 0);
    assert_no_decode(x, m, 0, "ffffffff",
                     "metadata_request v0, byte 0: topics: null, which version 0 cannot hold here");
    q.topics = KAFKA_NEW(&x->arena, metadata_request_topic, 1);
    q.n_topics = 1;
    q.topics->name = STR("");
    q.topics->name.ptr = NULL; /* by id: not before 10 */
    assert_no_encode(x, m, 9, &q, "metadata_request v9: topics[0].name: null, which version 9 cannot hold here");
    q.topics->topic_id.bytes[15] = 1;
    assert_encodes(x, m, 10, &q, "02 00000000000000000000000000000001 00 00 01 00 00 00");
}

/* The protocol's name: "" before 7, null from 7 on. */
static void join_group_has_no_null_before_7(void **state)
{
    struct fixture *x = *state;
    struct kafka_join_group_response r;
    KAFKA_INIT(join_group_response, &r);
    r.protocol_name.ptr = NULL;
    assert_encodes(x, response(KAFKA_JOIN_GROUP), 5, &r, "00000000 0000 ffffffff 0000 0000 0000 00000000");
    assert_encodes(x, response(KAFKA_JOIN_GROUP), 7, &r, "00000000 0000 ffffffff 00 00 01 01 01 00");
    assert_encodes(x, response(KAFKA_JOIN_GROUP), 9, &r, "00000000 0000 ffffffff 00 00 01 00 01 01 00");
}

static void fetch_goes_from_names_to_ids(void **state)
{
    struct fixture *x = *state;
    struct kafka_fetch_request q;
    KAFKA_INIT(fetch_request, &q);
    q.topics = KAFKA_NEW(&x->arena, fetch_request_topic, 1);
    q.n_topics = 1;
    q.topics->topic = STR("t");
    q.topics->topic_id.bytes[0] = 0xAB;
    q.min_bytes = 1;
    q.max_bytes = 2;
    assert_encodes(x, request(KAFKA_FETCH), 4, &q, "ffffffff 00000000 00000001 00000002 00 00000001 0001 74 00000000");
    assert_encodes(x, request(KAFKA_FETCH), 12, &q,
                   "ffffffff 00000000 00000001 00000002 00 00000000 ffffffff 02 02 74 01 00 01 01 00");
    assert_encodes(x, request(KAFKA_FETCH), 13, &q,
                   "ffffffff 00000000 00000001 00000002 00 00000000 ffffffff 02"
                   "ab000000000000000000000000000000 01 00 01 01 00");
    assert_encodes(x, request(KAFKA_FETCH), 15, &q,
                   "00000000 00000001 00000002 00 00000000 ffffffff 02"
                   "ab000000000000000000000000000000 01 00 01 01 00");
    q.replica_id = 3; /* a follower's, which from 15 on says so in a tag */
    assert_no_encode(x, request(KAFKA_FETCH), 15, &q, "fetch_request v15: replica_id: version 15 cannot say it");
    q.replica_id = -1;
    q.replica_state = KAFKA_NEW(&x->arena, fetch_request_replica_state, 1);
    q.replica_state->replica_id = 3;
    assert_encodes(x, request(KAFKA_FETCH), 15, &q,
                   "00000000 00000001 00000002 00 00000000 ffffffff 02"
                   "ab000000000000000000000000000000 01 00 01 01"
                   "01 01 0d 00000003 ffffffffffffffff 00");
    assert_no_encode(x, request(KAFKA_FETCH), 14, &q, "fetch_request v14: replica_state: version 14 cannot say it");
}

static void one_becomes_many(void **state)
{
    struct fixture *x = *state;
    struct kafka_find_coordinator_request q;
    KAFKA_INIT(find_coordinator_request, &q);
    q.key = STR("g");
    assert_encodes(x, request(KAFKA_FIND_COORDINATOR), 0, &q, "0001 67");
    assert_encodes(x, request(KAFKA_FIND_COORDINATOR), 3, &q, "02 67 00 00");
    assert_no_encode(x, request(KAFKA_FIND_COORDINATOR), 4, &q,
                     "find_coordinator_request v4: key: version 4 cannot say it");
    q.key_type = 1; /* a transaction looked up as a group would be another thing */
    assert_no_encode(x, request(KAFKA_FIND_COORDINATOR), 0, &q,
                     "find_coordinator_request v0: key_type: version 0 cannot say it");
    struct kafka_offset_fetch_request o;
    KAFKA_INIT(offset_fetch_request, &o);
    o.group_id = STR("g");
    o.topics = NULL;
    assert_encodes(x, request(KAFKA_OFFSET_FETCH), 2, &o, "0001 67 ffffffff");
    assert_no_encode(x, request(KAFKA_OFFSET_FETCH), 1, &o,
                     "offset_fetch_request v1: topics: null, which version 1 cannot hold here");
    o.require_stable = true;
    assert_encodes(x, request(KAFKA_OFFSET_FETCH), 7, &o, "02 67 00 01 00");
    assert_no_encode(x, request(KAFKA_OFFSET_FETCH), 6, &o,
                     "offset_fetch_request v6: require_stable: version 6 cannot say it");
    KAFKA_INIT(offset_fetch_request, &o);
    o.groups = KAFKA_NEW(&x->arena, offset_fetch_request_group, 1);
    o.n_groups = 1;
    o.groups->group_id = STR("g");
    assert_encodes(x, request(KAFKA_OFFSET_FETCH), 8, &o, "02 02 67 00 00 00 00");
    assert_encodes(x, request(KAFKA_OFFSET_FETCH), 10, &o, "02 02 67 00 ffffffff 00 00 00 00");
}

/* What a broker fills in for all versions is left out where a version has no place for it. */
static void responses_may_know_more(void **state)
{
    struct fixture *x = *state;
    struct kafka_produce_response r;
    KAFKA_INIT(produce_response, &r);
    r.responses = KAFKA_NEW(&x->arena, produce_response_topic, 1);
    r.n_responses = 1;
    r.responses->name = STR("t");
    struct kafka_produce_response_partition *p = KAFKA_NEW(&x->arena, produce_response_partition, 1);
    r.responses->partition_responses = p;
    r.responses->n_partition_responses = 1;
    p->error_code = KAFKA_E_NOT_LEADER_OR_FOLLOWER;
    p->log_start_offset = 5;
    p->error_message = STR("no");
    p->current_leader = KAFKA_NEW(&x->arena, produce_response_current_leader, 1);
    assert_encodes(x, response(KAFKA_PRODUCE), 3, &r,
                   "00000001 0001 74 00000001 00000000 0006 0000000000000000 ffffffffffffffff 00000000");
    assert_encodes(x, response(KAFKA_PRODUCE), 9, &r,
                   "02 02 74 02 00000000 0006 0000000000000000 ffffffffffffffff 0000000000000005 01 03 6e6f 00 00 "
                   "00000000 00");
    assert_encodes(x, response(KAFKA_PRODUCE), 10, &r,
                   "02 02 74 02 00000000 0006 0000000000000000 ffffffffffffffff 0000000000000005 01 03 6e6f "
                   "01 00 09 ffffffff ffffffff 00 00 00000000 00");
}

static void versions_that_are_not_there(void **state)
{
    struct fixture *x = *state;
    struct kafka_produce_request q = { .acks = 0 };
    assert_int_equal(wire_encode(request(KAFKA_PRODUCE), 2, &q, &x->out, NULL, &x->err), ST_UNSUPPORTED);
    assert_string_equal(x->err.message, "produce_request v2: only versions 3 to 13 are known");
    assert_int_equal(wire_decode(request(KAFKA_PRODUCE), 14, STR(""), &x->arena, &q, &x->err), ST_UNSUPPORTED);
    assert_int_equal(wire_decode(request(KAFKA_PRODUCE), -1, STR(""), &x->arena, &q, &x->err), ST_UNSUPPORTED);
}

/* ---- tags ---- */

static void tags_rise_are_known_or_passed_over(void **state)
{
    struct fixture *x = *state;
    const struct wire_message *m = response(KAFKA_API_VERSIONS);
    struct kafka_api_versions_response r;
    decode(x, m, 3, "0000 01 00000000 00", &r);
    assert_int_equal(r.finalized_features_epoch, -1);
    assert_true(r.supported_features && r.n_supported_features == 0);
    decode(x, m, 3, "0000 01 00000000 02 01 08 0000000000000007 09 02 abcd", &r); /* 9: unknown */
    assert_int_equal(r.finalized_features_epoch, 7);
    decode(x, m, 3, "0000 01 00000000 01 00 08 02 02 66 0001 0002 00", &r);
    assert_int_equal(r.n_supported_features, 1);
    assert_no_decode(x, m, 3, "0000 01 00000000 02 03 01 01 03 01 00",
                     "api_versions_response v3, byte 12: tag 3 stands behind tag 3");
    assert_no_decode(x, m, 3, "0000 01 00000000 02 03 01 01 01 08 0000000000000007",
                     "api_versions_response v3, byte 12: tag 1 stands behind tag 3");
    assert_no_decode(x, m, 3, "0000 01 00000000 01 01 09 0000000000000007 00",
                     "api_versions_response v3, byte 18: finalized_features_epoch: its tag says 9 bytes, 1 of them are "
                     "left");
    assert_no_decode(x, m, 3, "0000 01 00000000 01 01 07 00000000000007",
                     "api_versions_response v3, byte 10: finalized_features_epoch: 8 bytes are wanted, 7 are left");
    assert_no_decode(x, m, 3, "0000 01 00000000 01 05 09 0000",
                     "api_versions_response v3, byte 10: tag 5: 9 bytes are wanted, 2 are left");
    KAFKA_INIT(api_versions_response, &r);
    r.finalized_features_epoch = 7;
    assert_encodes(x, m, 3, &r, "0000 01 00000000 01 01 08 0000000000000007");
    assert_encodes(x, m, 2, &r, "0000 00000000 00000000");
}

/* In the table 3 stands before 2. A transaction's log as Kafka writes it. */
static void tags_are_written_in_order(void **state)
{
    struct fixture *x = *state;
    struct kafka_transaction_log_value v;
    KAFKA_INIT(transaction_log_value, &v);
    v.client_transaction_version = 2;
    v.next_producer_epoch = 9;
    v.previous_producer_id = 4;
    assert_encodes(x, &kafka_transaction_log_value, 1, &v,
                   "0000000000000000 0000 00000000 00 00 0000000000000000 0000000000000000"
                   "03 00 08 0000000000000004 02 02 0002 03 02 0009");
}

/* A tagged field of more than 127 bytes, whose size takes two. */
static void tags_may_be_long(void **state)
{
    struct fixture *x = *state;
    struct kafka_produce_response r, got;
    KAFKA_INIT(produce_response, &r);
    r.node_endpoints = KAFKA_NEW(&x->arena, produce_response_node_endpoint, 300);
    r.n_node_endpoints = 300;
    for (uint32_t i = 0; i < 300; i++) {
        r.node_endpoints[i].node_id = (int32_t)i;
        r.node_endpoints[i].host = STR("a.example");
    }
    for (uint32_t n = 1; n <= 300; n += n < 20 ? 1 : 70) {
        r.n_node_endpoints = n;
        buf_clear(&x->out);
        assert_int_equal(wire_encode(response(KAFKA_PRODUCE), 10, &r, &x->out, NULL, NULL), ST_OK);
        assert_int_equal(wire_decode(response(KAFKA_PRODUCE), 10, buf_str(&x->out), &x->arena, &got, NULL), ST_OK);
        assert_int_equal(got.n_node_endpoints, n);
        assert_int_equal(got.node_endpoints[n - 1].node_id, n - 1);
        assert_true(str_eq(got.node_endpoints[n - 1].host, STR("a.example")));
    }
}

/* ---- lengths that lie ---- */

static void counts_are_held_against_the_bytes(void **state)
{
    struct fixture *x = *state;
    struct budget budget;
    struct arena a;
    budget_init(&budget, "frame", 64 << 10, NULL);
    arena_init(&a, &budget);
    static char many[200000];
    memset(many, 0, sizeof many);
    struct kafka_metadata_response r;
    static const struct {
        int16_t version;
        const char *bytes, *why;
    } cases[] = {
        { 0, "7fffffff", "metadata_response v0, byte 4: brokers: 2147483647 elements cannot be in 0 bytes" },
        { 0, "80000000", "metadata_response v0, byte 0: brokers: a length of -2147483648" },
        { 9, "00000000 ffffffff0f", "metadata_response v9, byte 9: brokers: 4294967294 elements cannot be in 0 bytes" },
        { 9, "00000000 ffffffff1f", "metadata_response v9, byte 4: brokers: a length of more than 32 bits" },
        { 9, "00000000 8080808000", "metadata_response v9, byte 4: brokers: null, which version 9 cannot hold here" },
        { 9, "00000000 808080808000", "metadata_response v9, byte 4: brokers: a length of more than 32 bits" },
        { 9, "00000000 ffff", "metadata_response v9, byte 4: brokers: 3 bytes are wanted, 2 are left" },
        { 9, "00000000 01 ff01 61", "metadata_response v9, byte 7: cluster_id: 254 bytes are wanted, 1 are left" },
        { 1, "00000000 00000000 fffe", "metadata_response v1, byte 8: topics: 4 bytes are wanted, 2 are left" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_no_decode(x, response(KAFKA_METADATA), cases[i].version, cases[i].bytes, cases[i].why);
    /* 199,992 elements of at least 10 bytes (node, host, port, no rack in version 0) */
    memcpy(many, "\x00\x03\x0d\x38", 4);
    assert_int_equal(wire_decode(response(KAFKA_METADATA), 0, str_make(many, sizeof many), &a, &r, &x->err), ST_DATA);
    assert_string_equal(x->err.message,
                        "metadata_response v0, byte 4: brokers: 199992 elements cannot be in 199996 bytes");
    /* so many could be, but the budget is small */
    memcpy(many, "\x00\x00\x30\x00", 4);
    assert_int_equal(wire_decode(response(KAFKA_METADATA), 0, str_make(many, sizeof many), &a, &r, &x->err), ST_MEMORY);
    assert_int_equal(strncmp(x->err.message, "metadata_response v0, byte 4: brokers: ", 39), 0);
    assert_true(atomic_load(&budget.peak) <= 64 << 10);
    arena_release(&a);
}

/* Kafka takes a compact length that is longer than it need be. */
static void padded_lengths_are_read(void **state)
{
    struct fixture *x = *state;
    struct kafka_sasl_authenticate_request q;
    decode(x, request(KAFKA_SASL_AUTHENTICATE), 2, "8380808000 6162 00", &q);
    assert_true(str_eq(q.auth_bytes, STR("ab")));
}

static void strings_end_at_32767(void **state)
{
    struct fixture *x = *state;
    static char long_text[40000];
    struct kafka_sasl_handshake_request q = { .mechanism = { long_text, 32767 } };
    struct kafka_heartbeat_request h;
    assert_int_equal(wire_encode(request(KAFKA_SASL_HANDSHAKE), 0, &q, &x->out, NULL, &x->err), ST_OK);
    q.mechanism.len++;
    assert_no_encode(x, request(KAFKA_SASL_HANDSHAKE), 0, &q,
                     "sasl_handshake_request v0: mechanism: a length of 32768 is too long");
    buf_clear(&x->out);
    assert_true(buf_put(&x->out, "\x81\x80\x02", 3) && buf_put(&x->out, long_text, 32768 + 10));
    assert_int_equal(wire_decode(request(KAFKA_HEARTBEAT), 4, buf_str(&x->out), &x->arena, &h, &x->err), ST_DATA);
    assert_string_equal(x->err.message, "heartbeat_request v4, byte 3: group_id: a string of 32768 bytes");
}

static void errors_name_the_field(void **state)
{
    struct fixture *x = *state;
    /* two topics, the second with two partitions, the second of them cut */
    assert_no_decode(x, request(KAFKA_PRODUCE), 3,
                     "ffff 0001 00000000 00000002 0001 61 00000000 0001 62 00000002 00000000 00000001 ff 00000001 0000",
                     "produce_request v3, byte 39: topic_data[1].partition_data[1].records: 4 bytes are wanted, 2 are "
                     "left");
    assert_int_equal(x->err.offset, 39);
    assert_no_decode(x, request(KAFKA_DESCRIBE_TOPIC_PARTITIONS), 0, "01 00000001 05 00",
                     "describe_topic_partitions_request v0, byte 5: cursor: neither there (1) nor null (-1) but 5");
    assert_no_decode(x, request(KAFKA_DESCRIBE_TOPIC_PARTITIONS), 0, "01 00000001 01 02 61 000000",
                     "describe_topic_partitions_request v0, byte 8: cursor.partition_index: 4 bytes are wanted, 3 are "
                     "left");
    assert_no_decode(x, request(KAFKA_SASL_HANDSHAKE), 0, "0000 00 00",
                     "sasl_handshake_request v0, byte 2: 2 bytes too many");
    uint8_t ret[512]; /* a broker passes over them */
    const struct wire_message *m = request(KAFKA_SASL_HANDSHAKE);
    assert_int_equal(wire_decode_front(m, 0, hex(x, "0000 00 00"), &x->arena, ret, &x->err), ST_OK);
    assert_int_equal(wire_decode_front(m, 0, hex(x, "0001"), &x->arena, ret, &x->err), ST_DATA);
}

static void optional_structs(void **state)
{
    struct fixture *x = *state;
    const struct wire_message *m = request(KAFKA_DESCRIBE_TOPIC_PARTITIONS);
    struct kafka_describe_topic_partitions_request q;
    decode(x, m, 0, "01 000007d0 ff 00", &q);
    assert_null(q.cursor);
    assert_encodes(x, m, 0, &q, "01 000007d0 ff 00");
    decode(x, m, 0, "01 000007d0 01 02 61 00000009 00 00", &q);
    assert_int_equal(q.cursor->partition_index, 9);
    assert_encodes(x, m, 0, &q, "01 000007d0 01 02 61 00000009 00 00");
}

/* ---- gaps ---- */

static struct kafka_fetch_response two_partitions(struct fixture *x)
{
    struct kafka_fetch_response r;
    KAFKA_INIT(fetch_response, &r);
    r.responses = KAFKA_NEW(&x->arena, fetch_response_topic, 1);
    r.n_responses = 1;
    r.responses->topic = STR("t");
    r.responses->partitions = KAFKA_NEW(&x->arena, fetch_response_partition, 2);
    r.responses->n_partitions = 2;
    return r;
}

/* A response with gaps, filled in by whoever sends it, is the response with the bytes in it. */
static void gaps_are_where_the_bytes_go(void **state)
{
    struct fixture *x = *state;
    static char one[300], two[5];
    memset(one, 'o', sizeof one);
    memset(two, 'w', sizeof two);
    for (int16_t v = 4; v <= 18; v++) {
        struct kafka_fetch_response r = two_partitions(x);
        struct kafka_fetch_response_partition *p = r.responses->partitions;
        struct buf whole, filled;
        buf_init(&whole, NULL, 1 << 20);
        buf_init(&filled, NULL, 1 << 20);
        p[0].records.bytes = str_make(one, sizeof one);
        p[1].records.bytes = str_make(two, sizeof two);
        assert_int_equal(kafka_response_put(kafka_api(KAFKA_FETCH), v, 1, &r, &whole, NULL, &x->err), ST_OK);
        p[0].records = (struct wire_records){ .gap_len = sizeof one, .gap_owner = one };
        p[1].records = (struct wire_records){ .bytes = { two, 2 }, .gap_len = sizeof two - 2, .gap_owner = two };
        struct wire_gap at[2];
        struct wire_gaps gaps = { .at = at, .room = 2 };
        buf_clear(&x->out);
        assert_int_equal(kafka_response_put(kafka_api(KAFKA_FETCH), v, 1, &r, &x->out, &gaps, &x->err), ST_OK);
        assert_int_equal(gaps.count, 2);
        assert_int_equal(gaps.bytes, sizeof one + sizeof two - 2);
        size_t from = 0;
        for (uint32_t i = 0; i < gaps.count; i++) {
            assert_true(buf_put(&filled, x->out.data + from, at[i].at - from));
            assert_true(buf_put(&filled, at[i].owner, at[i].len));
            from = at[i].at;
        }
        assert_true(buf_put(&filled, x->out.data + from, x->out.len - from));
        assert_true(str_eq(buf_str(&filled), buf_str(&whole)));
        buf_release(&whole);
        buf_release(&filled);
    }
}

static void gaps_need_room(void **state)
{
    struct fixture *x = *state;
    struct kafka_fetch_response r = two_partitions(x);
    struct wire_gap at[1];
    struct wire_gaps gaps = { .at = at, .room = 1 };
    r.responses->partitions[0].records.gap_len = 5;
    r.responses->partitions[1].records.gap_len = 6;
    assert_int_equal(wire_encode(response(KAFKA_FETCH), 12, &r, &x->out, &gaps, &x->err), ST_LIMIT);
    assert_true(gaps.count == 0 && gaps.bytes == 0 && x->out.len == 0);
    assert_no_encode(x, response(KAFKA_FETCH), 12, &r,
                     "fetch_response v12: responses[0].partitions[0].records: a gap, where none may be");
    r.responses->partitions[0].records.gap_len = UINT64_MAX;
    assert_int_equal(wire_encode(response(KAFKA_FETCH), 12, &r, &x->out, &gaps, &x->err), ST_DATA);
    /* each of them may be, both together are more than a frame's length can say */
    struct wire_gap both[2];
    gaps = (struct wire_gaps){ .at = both, .room = 2 };
    r.responses->partitions[0].records.gap_len = INT32_MAX;
    buf_clear(&x->out);
    assert_int_equal(kafka_response_put(kafka_api(KAFKA_FETCH), 12, 1, &r, &x->out, &gaps, &x->err), ST_LIMIT);
    assert_true(gaps.count == 0 && gaps.bytes == 0 && x->out.len == 0);
}

/* ---- headers ---- */

static void request_headers(void **state)
{
    struct fixture *x = *state;
    struct kafka_request_header h;
    struct kafka_heartbeat_request q;
    KAFKA_INIT(heartbeat_request, &q);
    buf_clear(&x->out);
    const struct kafka_api *api = kafka_api(KAFKA_HEARTBEAT);
    assert_int_equal(kafka_request_put(api, 3, 77, STR("me"), &q, &x->out, &x->err), ST_OK);
    assert_true(str_eq(buf_str(&x->out),
                       hex(x, "00000016 000c 0003 0000004d 0002 6d65 0000 00000000 0000 ffff")));
    buf_clear(&x->out);
    assert_int_equal(kafka_request_put(api, 4, -1, (struct str){ NULL, 0 }, &q, &x->out, &x->err), ST_OK);
    assert_true(str_eq(buf_str(&x->out), hex(x, "00000013 000c 0004 ffffffff ffff 00 01 00000000 01 00 00")));
    assert_int_equal(kafka_request_read((struct str){ (char *)x->out.data + 4, x->out.len - 4 }, &h, &x->err), ST_OK);
    assert_true(h.api == api && h.supported && h.version == 4 && h.correlation_id == -1 && !h.client_id.ptr);
    assert_int_equal(h.body.len, 8);

    static char long_id[40000];
    assert_int_equal(kafka_request_put(api, 4, 1, (struct str){ long_id, 32768 }, &q, &x->out, &x->err), ST_DATA);

    /* flexible, with tags in the header */
    struct str tagged = hex(x, "000c 0004 00000001 0001 61 02 00 01 ff 07 00 01 00");
    assert_int_equal(kafka_request_read(tagged, &h, &x->err), ST_OK);
    assert_true(str_eq(h.client_id, STR("a")) && h.body.len == 2);
    /* a version that nobody has: the header is still read, for the answer */
    assert_int_equal(kafka_request_read(hex(x, "0012 0063 00000005 0001 61 00 01"), &h, &x->err), ST_OK);
    assert_true(h.api == kafka_api(KAFKA_API_VERSIONS) && !h.supported && h.version == 99 && h.correlation_id == 5);
    assert_int_equal(kafka_request_read(hex(x, "0000 0000 00000005 0001 61"), &h, &x->err), ST_OK);
    assert_true(h.api == kafka_api(KAFKA_PRODUCE) && !h.supported);
    /* an API that nobody has */
    assert_int_equal(kafka_request_read(hex(x, "7777 0001 00000005"), &h, &x->err), ST_OK);
    assert_true(!h.api && !h.supported && h.key == 0x7777 && h.correlation_id == 5 && h.body.len == 0);
    static const char *const bad[] = { "",
                                       "0012 0000 000000",
                                       "0012 0000 00000001",
                                       "0012 0000 00000001 00",
                                       "0012 0000 00000001 0002 61",
                                       "0012 0000 00000001 fffe",
                                       "0012 0003 00000001 0001 61",
                                       "0012 0003 00000001 0001 61 01",
                                       "0012 0003 00000001 0001 61 01 00 05 00",
                                       "0012 0003 00000001 0001 61 ffffffffff" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(kafka_request_read(hex(x, bad[i]), &h, &x->err), ST_DATA);
}

/* Of ApiVersions the header never has tags; of others it does in flexible versions. */
static void response_headers(void **state)
{
    struct fixture *x = *state;
    struct kafka_api_versions_response v;
    struct kafka_heartbeat_response r;
    int32_t id;
    struct str body;
    KAFKA_INIT(api_versions_response, &v);
    KAFKA_INIT(heartbeat_response, &r);
    v.error_code = KAFKA_E_UNSUPPORTED_VERSION;
    const struct kafka_api *versions = kafka_api(KAFKA_API_VERSIONS), *heartbeat = kafka_api(KAFKA_HEARTBEAT);
    buf_clear(&x->out);
    assert_int_equal(kafka_response_put(versions, 3, 9, &v, &x->out, NULL, &x->err), ST_OK);
    assert_true(str_eq(buf_str(&x->out), hex(x, "0000000c 00000009 0023 01 00000000 00")));
    buf_clear(&x->out);
    assert_int_equal(kafka_response_put(versions, 0, 9, &v, &x->out, NULL, &x->err), ST_OK);
    assert_true(str_eq(buf_str(&x->out), hex(x, "0000000a 00000009 0023 00000000")));
    buf_clear(&x->out);
    assert_int_equal(kafka_response_put(heartbeat, 4, 9, &r, &x->out, NULL, &x->err), ST_OK);
    assert_true(str_eq(buf_str(&x->out), hex(x, "0000000c 00000009 00 00000000 0000 00")));
    assert_int_equal(kafka_response_read(heartbeat, 4, hex(x, "00000009 00 0102"), &id, &body, &x->err), ST_OK);
    assert_true(id == 9 && body.len == 2);
    assert_int_equal(kafka_response_read(versions, 4, hex(x, "00000009 00 0102"), &id, &body, &x->err), ST_OK);
    assert_int_equal(body.len, 3);
    assert_int_equal(kafka_response_read(heartbeat, 4, hex(x, "00000009"), &id, &body, &x->err), ST_DATA);
    assert_int_equal(kafka_response_read(heartbeat, 0, hex(x, "000000"), &id, &body, &x->err), ST_DATA);
    /* no room for the frame: nothing of it stays */
    struct buf small;
    for (size_t room = 0; room < 16; room++) {
        buf_init(&small, NULL, room);
        assert_int_equal(kafka_response_put(heartbeat, 4, 9, &r, &small, NULL, &x->err), ST_LIMIT);
        assert_int_equal(small.len, 0);
        buf_release(&small);
    }
}

/* ---- stored forms ---- */

static void stored_forms(void **state)
{
    struct fixture *x = *state;
    struct kafka_offset_commit_key k = { .group = STR("g"), .topic = STR("t"), .partition = 3 }, got;
    struct kafka_consumer_assignment c;
    int16_t version;
    buf_clear(&x->out);
    assert_int_equal(wire_encode_stored(&kafka_offset_commit_key, 1, &k, &x->out, &x->err), ST_OK);
    assert_true(str_eq(buf_str(&x->out), hex(x, "0001 0001 67 0001 74 00000003")));
    assert_int_equal(wire_decode_stored(&kafka_offset_commit_key, buf_str(&x->out), &x->arena, &got, &version, &x->err),
                     ST_OK);
    assert_true(version == 1 && got.partition == 3);
    k.group = (struct str){ "", 40000 };
    assert_int_equal(wire_encode_stored(&kafka_offset_commit_key, 1, &k, &x->out, &x->err), ST_DATA);
    assert_int_equal(x->out.len, 12);
    /* a group's key, and one byte */
    assert_int_equal(wire_decode_stored(&kafka_offset_commit_key, hex(x, "0002 0001 67"), &x->arena, &got, &version,
                                        &x->err),
                     ST_UNSUPPORTED);
    assert_int_equal(wire_decode_stored(&kafka_offset_commit_key, hex(x, "00"), &x->arena, &got, &version, &x->err),
                     ST_DATA);
    /* of a consumer's assignment later versions are read as far as we know them, of an offset's value not */
    assert_int_equal(wire_decode_stored(&kafka_consumer_assignment,
                                        hex(x, "0009 00000001 0001 74 00000001 00000004 ffffffff abcdef"), &x->arena,
                                        &c, &version, &x->err),
                     ST_OK);
    assert_true(version == 9 && c.n_assigned_partitions == 1 && c.assigned_partitions->partitions[0] == 4);
    assert_null(c.user_data.ptr);
    struct kafka_offset_commit_value v;
    assert_int_equal(wire_decode_stored(&kafka_offset_commit_value, hex(x, "0005"), &x->arena, &v, &version, &x->err),
                     ST_UNSUPPORTED);
}

/* ---- for eyes ---- */

static void printing(void **state)
{
    struct fixture *x = *state;
    struct kafka_alter_client_quotas_request_op op = { .key = STR("a\"\\\n\x01"), .value = 0.5, .remove = true };
    struct kafka_alter_client_quotas_request_entry e = { .ops = &op, .n_ops = 1 };
    struct kafka_alter_client_quotas_request q = { .entries = &e, .n_entries = 1 };
    assert_true(wire_print(request(KAFKA_ALTER_CLIENT_QUOTAS), 0, &q, &x->out));
    assert_true(str_eq(buf_str(&x->out),
                       STR("{\"entries\":[{\"entity\":[],\"ops\":[{\"key\":\"a\\\"\\\\\\u000a\\u0001\",\"value\":0.5,"
                           "\"remove\":true}]}],\"validate_only\":false}")));
    struct buf small;
    buf_init(&small, NULL, 20);
    assert_false(wire_print(request(KAFKA_ALTER_CLIENT_QUOTAS), 0, &q, &small));
    buf_release(&small);
}

static void uuids(void **state)
{
    (void)state;
    struct wire_uuid u = { { 0 } }, got;
    char text[WIRE_UUID_TEXT + 1];
    wire_uuid_print(&u, text);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_true(wire_uuid_is_zero(&u));
    for (uint8_t i = 0; i < 16; i++)
        u.bytes[i] = i;
    wire_uuid_print(&u, text);
    assert_string_equal(text, "AAECAwQFBgcICQoLDA0ODw");
    assert_true(wire_uuid_parse(str_from(text), &got));
    assert_memory_equal(&got, &u, sizeof u);
    memset(&u, 0xFF, sizeof u);
    wire_uuid_print(&u, text);
    assert_string_equal(text, "_____________________w");
    assert_false(wire_uuid_is_zero(&u));
    static const char *const bad[] = { "", "AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODww", "AAECAwQFBgcICQoLDA0ODx",
                                       "AAECAwQFBgcICQoLDA0OD+", "AAECAwQFBgcICQoLDA0OD=" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(wire_uuid_parse(str_from(bad[i]), &got));
    assert_false(wire_uuid_parse((struct str){ "AAECAwQFBg\0ICQoLDA0ODw", 22 }, &got));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(metadata_says_all_in_two_ways),
        TEST(join_group_has_no_null_before_7),
        TEST(fetch_goes_from_names_to_ids),
        TEST(one_becomes_many),
        TEST(responses_may_know_more),
        TEST(versions_that_are_not_there),
        TEST(tags_rise_are_known_or_passed_over),
        TEST(tags_are_written_in_order),
        TEST(tags_may_be_long),
        TEST(counts_are_held_against_the_bytes),
        TEST(padded_lengths_are_read),
        TEST(strings_end_at_32767),
        TEST(errors_name_the_field),
        TEST(optional_structs),
        TEST(gaps_are_where_the_bytes_go),
        TEST(gaps_need_room),
        TEST(request_headers),
        TEST(response_headers),
        TEST(stored_forms),
        TEST(printing),
        TEST(uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
