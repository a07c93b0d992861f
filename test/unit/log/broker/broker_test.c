/* What clients see of a broker over its log, in one simulated process: metadata and creation, produce and fetch in every
 * version, waiting, offsets, administration, restart. */
#include "kit.h"

#define NAME STR("t")

/* ---- short forms ---- */

static int16_t create(struct world *w, struct client *c, struct str name, int32_t partitions)
{
    struct kafka_create_topics_request q;
    struct kafka_create_topics_request_topic t;
    struct kafka_create_topics_response r;
    KAFKA_INIT(create_topics_request, &q);
    KAFKA_INIT(create_topics_request_topic, &t);
    t.name = name;
    t.num_partitions = partitions;
    t.replication_factor = 1;
    q.topics = &t;
    q.n_topics = 1;
    ask(w, c, KAFKA_CREATE_TOPICS, 7, &q, &r);
    assert_int_equal(r.n_topics, 1);
    return r.topics[0].error_code;
}

static struct kafka_produce_response_partition produce_as(struct world *w, struct client *c, int16_t version,
                                                          struct str name, int32_t partition, struct str batch,
                                                          int16_t acks)
{
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition p;
    struct kafka_produce_response r;
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &p);
    p.index = partition;
    p.records.bytes = batch;
    t.name = name;
    if (version >= 13) {
        struct topic *found = topics_find(w->topics, name);
        assert_non_null(found);
        memcpy(t.topic_id.bytes, topic_id(found), 16);
        topic_unref(found);
    }
    t.partition_data = &p;
    t.n_partition_data = 1;
    q.acks = acks;
    q.timeout_ms = 1000;
    q.topic_data = &t;
    q.n_topic_data = 1;
    ask(w, c, KAFKA_PRODUCE, version, &q, &r);
    assert_int_equal(r.n_responses, 1);
    assert_int_equal(r.responses[0].n_partition_responses, 1);
    assert_int_equal(r.responses[0].partition_responses[0].index, partition);
    return r.responses[0].partition_responses[0];
}
static int64_t produce(struct world *w, struct client *c, const char *tag, uint32_t n)
{
    struct kafka_produce_response_partition p =
        produce_as(w, c, 9, NAME, 0, batch_of(w, tag, n, RECORD_PLAIN, RECORD_NO_PRODUCER), -1);
    assert_int_equal(p.error_code, 0);
    return p.base_offset;
}

struct fetch {
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t;
    struct kafka_fetch_request_partition p;
};
static void fetch_init(struct world *w, struct fetch *f, int16_t version, struct str name, int64_t offset)
{
    KAFKA_INIT(fetch_request, &f->q);
    KAFKA_INIT(fetch_request_topic, &f->t);
    KAFKA_INIT(fetch_request_partition, &f->p);
    f->p.fetch_offset = offset;
    f->p.partition_max_bytes = 1 << 20;
    f->t.topic = name;
    struct topic *found = version >= 13 ? topics_find(w->topics, name) : NULL;
    if (found)
        memcpy(f->t.topic_id.bytes, topic_id(found), 16);
    topic_unref(found);
    f->t.partitions = &f->p;
    f->t.n_partitions = 1;
    f->q.max_wait_ms = 100;
    f->q.min_bytes = 1;
    f->q.max_bytes = 1 << 20;
    f->q.topics = &f->t;
    f->q.n_topics = 1;
}
static struct kafka_fetch_response_partition fetch(struct world *w, struct client *c, int16_t version, int64_t offset)
{
    struct fetch f;
    struct kafka_fetch_response r;
    fetch_init(w, &f, version, NAME, offset);
    ask(w, c, KAFKA_FETCH, version, &f.q, &r);
    assert_int_equal(r.error_code, 0);
    assert_int_equal(r.n_responses, 1);
    return r.responses[0].partitions[0];
}

/* Values of all records in `bytes`, with spaces between; *ret_first: offset of the first batch. */
static const char *values(struct world *w, struct str bytes, int64_t *ret_first)
{
    struct record_iter *it;
    struct error err;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    *ret_first = -1;
    must(record_iter_new(NULL, 1 << 20, &it, &err), &err);
    while (bytes.len > 0) {
        struct record_batch b;
        struct record r;
        bool end = false;
        if (record_batch_next(&bytes, &b, &err) != ST_OK)
            break;
        must(record_batch_check(&b, &err), &err);
        *ret_first = *ret_first < 0 ? b.base_offset : *ret_first;
        must(record_iter_open(it, &b, &err), &err);
        for (;;) {
            must(record_iter_next(it, &r, &end, &err), &err);
            if (end)
                break;
            assert_true(buf_put(&out, r.value.ptr, r.value.len) && buf_put_u8(&out, ' '));
        }
    }
    record_iter_free(it);
    struct str s = arena_str(&w->arena, buf_str(&out));
    buf_release(&out);
    return s.ptr;
}

/* ---- what is said first ---- */

static void test_versions(void **state)
{
    (void)state;
    struct world w;
    struct client_reply cr;
    struct error err;
    world_open(&w, 1);
    struct client *c = client_new(&w);
    struct kafka_api_versions_request q;
    struct kafka_api_versions_response r;
    KAFKA_INIT(api_versions_request, &q);
    q.client_software_name = STR("a-b.c");
    q.client_software_version = STR("1");
    for (int16_t v = 0; v <= 4; v++) {
        ask(&w, c, KAFKA_API_VERSIONS, v, &q, &r);
        assert_int_equal(r.error_code, 0);
        assert_true(r.n_api_keys >= 20);
        int16_t last = -1;
        for (uint32_t i = 0; i < r.n_api_keys; i++) {
            assert_true(r.api_keys[i].api_key > last);
            last = r.api_keys[i].api_key;
            if (last == KAFKA_PRODUCE)
                assert_true(r.api_keys[i].min_version == 0 && r.api_keys[i].max_version == 13);
            else
                assert_int_equal(r.api_keys[i].min_version, kafka_api(last)->request.from);
        }
        for (uint32_t i = 0; i < r.n_supported_features; i++)
            assert_true(v >= 4 || r.supported_features[i].min_version > 0);
    }
    q.client_software_name = STR("-no");
    ask(&w, c, KAFKA_API_VERSIONS, 3, &q, &r);
    assert_int_equal(r.error_code, KAFKA_E_INVALID_REQUEST);
    /* Version 9: answered as version 0, with the one row that helps. */
    struct link_client *raw;
    struct str frame;
    must(link_client_open(w.far, NULL, &w.at, 1 << 20, &raw, &err), &err);
    must(link_client_send(raw, str_make("\0\0\0\x0b\0\x12\0\x09\0\0\0\x2a\xff\xff\0", 15), &err), &err);
    frame.ptr = NULL;
    for (int i = 0; i < 1000 && !frame.ptr; i++) {
        world_turn(&w);
        must(link_client_next(raw, 0, &frame, &err), &err);
    }
    cr = (struct client_reply){ .key = KAFKA_API_VERSIONS, .version = 0, .body = str_make(frame.ptr + 4, frame.len - 4) };
    assert_int_equal(frame.ptr[3], 0x2a);
    must(client_decode(&cr, &w.arena, &r, &err), &err);
    assert_int_equal(r.error_code, KAFKA_E_UNSUPPORTED_VERSION);
    assert_int_equal(r.n_api_keys, 1);
    assert_int_equal(r.api_keys[0].api_key, KAFKA_API_VERSIONS);
    assert_int_equal(r.api_keys[0].max_version, 4);
    link_client_close(raw);
    /* Produce 0 to 2: advertised, and refused by the end of the connection. */
    struct kafka_produce_request pq;
    KAFKA_INIT(produce_request, &pq);
    must(link_client_open(w.far, NULL, &w.at, 1 << 20, &raw, &err), &err);
    must(link_client_send(raw, str_make("\0\0\0\x0a\0\0\0\x02\0\0\0\x2a\xff\xff", 14), &err), &err);
    enum status st = ST_OK;
    for (int i = 0; i < 1000 && st == ST_OK; i++) {
        world_turn(&w);
        st = link_client_next(raw, 0, &frame, &err);
    }
    assert_int_equal(st, ST_UNREACHABLE);
    assert_non_null(strstr(w.said, "Produce v2"));
    link_client_close(raw);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

static void test_metadata(void **state)
{
    (void)state;
    struct world w;
    struct option settings[] = { { .name = STR("num.partitions"), .value = STR("4") } };
    world_open_with(&w, 2, settings, 1);
    struct client *c = client_new(&w);
    struct kafka_metadata_request q;
    struct kafka_metadata_request_topic t;
    struct kafka_metadata_response r;
    for (int16_t v = 0; v <= 13; v++) {
        KAFKA_INIT(metadata_request, &q);
        KAFKA_INIT(metadata_request_topic, &t);
        t.name = arena_printf(&w.arena, "new-%d", v);
        q.topics = &t;
        q.n_topics = 1;
        ask(&w, c, KAFKA_METADATA, v, &q, &r); /* created by asking */
        assert_int_equal(r.n_brokers, 1);
        assert_int_equal(r.brokers[0].node_id, BROKER_NODE);
        assert_true(str_eq(r.brokers[0].host, STR("127.0.0.1")));
        assert_int_equal(r.brokers[0].port, w.at.port);
        assert_int_equal(r.n_topics, 1);
        assert_int_equal(r.topics[0].error_code, 0);
        assert_int_equal(r.topics[0].n_partitions, 4);
        assert_int_equal(r.topics[0].partitions[3].leader_id, BROKER_NODE);
        if (v >= 2)
            assert_true(r.cluster_id.len == 22);
    }
    KAFKA_INIT(metadata_request, &q); /* null: all */
    ask(&w, c, KAFKA_METADATA, 12, &q, &r);
    assert_int_equal(r.n_topics, 14);
    q.topics = &t; /* empty: none; but in version 0 all */
    ask(&w, c, KAFKA_METADATA, 12, &q, &r);
    assert_int_equal(r.n_topics, 0);
    ask(&w, c, KAFKA_METADATA, 0, &q, &r);
    assert_int_equal(r.n_topics, 14);
    struct wire_uuid id;
    q.n_topics = 1;
    t.name = STR("new-3");
    ask(&w, c, KAFKA_METADATA, 12, &q, &r);
    id = r.topics[0].topic_id;
    t.name = str_make(NULL, 0);
    t.topic_id = id;
    ask(&w, c, KAFKA_METADATA, 12, &q, &r);
    assert_true(str_eq(r.topics[0].name, STR("new-3")));
    t.topic_id.bytes[3] ^= 1;
    ask(&w, c, KAFKA_METADATA, 12, &q, &r);
    assert_int_equal(r.topics[0].error_code, KAFKA_E_UNKNOWN_TOPIC_ID);
    KAFKA_INIT(metadata_request_topic, &t);
    t.name = STR("not/valid");
    ask(&w, c, KAFKA_METADATA, 12, &q, &r);
    assert_int_equal(r.topics[0].error_code, KAFKA_E_INVALID_TOPIC_EXCEPTION);
    t.name = STR("missing");
    q.allow_auto_topic_creation = false;
    ask(&w, c, KAFKA_METADATA, 12, &q, &r);
    assert_int_equal(r.topics[0].error_code, KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* ---- records ---- */

static void test_produce_fetch(void **state)
{
    (void)state;
    struct world w;
    int64_t offset = 0, first;
    world_open(&w, 3);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 2), 0);
    assert_int_equal(create(&w, c, NAME, 2), KAFKA_E_TOPIC_ALREADY_EXISTS);
    for (int16_t v = 3; v <= 13; v++) {
        char tag[16];
        snprintf(tag, sizeof tag, "v%d", v);
        struct kafka_produce_response_partition p = produce_as(
            &w, c, v, NAME, 0, batch_of(&w, tag, 3, v % 2 ? RECORD_PLAIN : RECORD_LZ4, RECORD_NO_PRODUCER), v % 3 ? -1 : 1);
        assert_int_equal(p.error_code, 0);
        assert_int_equal(p.base_offset, offset);
        offset += 3;
    }
    for (int16_t v = 4; v <= 18; v++) {
        struct kafka_fetch_response_partition p = fetch(&w, c, v, 4); /* in the middle of a batch: all of it comes */
        assert_int_equal(p.error_code, 0);
        assert_int_equal(p.high_watermark, 33);
        assert_int_equal(p.last_stable_offset, 33);
        const char *got = values(&w, p.records.bytes, &first);
        assert_int_equal(first, 3);
        assert_memory_equal(got, "v4-0 v4-1 v4-2 v5-0 ", 20);
        assert_non_null(strstr(got, "v13-2 "));
    }
    assert_int_equal(produce_as(&w, c, 9, NAME, 7, batch_of(&w, "x", 1, RECORD_PLAIN, RECORD_NO_PRODUCER), -1).error_code,
                     KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(produce_as(&w, c, 9, NAME, 0, batch_of(&w, "x", 1, RECORD_PLAIN, RECORD_NO_PRODUCER), 2).error_code,
                     KAFKA_E_INVALID_REQUIRED_ACKS);
    assert_int_equal(produce_as(&w, c, 9, NAME, 0, STR("nonsense"), -1).error_code, KAFKA_E_INVALID_RECORD);
    struct str bad = batch_of(&w, "x", 1, RECORD_PLAIN, RECORD_NO_PRODUCER);
    ((char *)(uintptr_t)bad.ptr)[bad.len - 1] ^= 1;
    assert_int_equal(produce_as(&w, c, 9, NAME, 0, bad, -1).error_code, KAFKA_E_CORRUPT_MESSAGE);
    assert_int_equal(fetch(&w, c, 12, 33).error_code, 0);
    assert_int_equal(fetch(&w, c, 12, 34).error_code, KAFKA_E_OFFSET_OUT_OF_RANGE);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* librdkafka's 0082: the first batch of an answer comes whatever its size, the others only as far as max_bytes goes. */
static void test_fetch_max_bytes(void **state)
{
    (void)state;
    struct world w;
    struct fetch f;
    struct kafka_fetch_response r;
    world_open(&w, 17);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 2), 0);
    struct str batch = batch_of(&w, "x", 3, RECORD_PLAIN, RECORD_NO_PRODUCER);
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(produce_as(&w, c, 9, NAME, i % 2, batch, -1).error_code, 0);
    fetch_init(&w, &f, 12, NAME, 0);
    struct kafka_fetch_request_partition both[2] = { f.p, f.p };
    both[1].partition = 1;
    f.t.partitions = both;
    f.t.n_partitions = 2;
    f.q.min_bytes = 1 << 20; /* what there is room for is answered without a wait */
    f.q.max_wait_ms = 1000000;
    const struct {
        size_t max, first, second; /* in batches and halves of them */
    } wanted[] = { { 0, 2, 0 }, { 1, 2, 0 }, { 3, 2, 0 }, { 5, 4, 0 }, { 6, 4, 2 }, { 7, 4, 2 }, { 8, 4, 4 } };
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        f.q.max_bytes = (int32_t)(wanted[i].max * batch.len / 2);
        if (wanted[i].max && wanted[i].max % 2 == 0)
            f.q.min_bytes = f.q.max_bytes;
        ask(&w, c, KAFKA_FETCH, 12, &f.q, &r);
        assert_int_equal(r.responses[0].partitions[0].records.bytes.len, wanted[i].first * batch.len / 2);
        assert_int_equal(r.responses[0].partitions[1].records.bytes.len, wanted[i].second * batch.len / 2);
    }
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* acks=0: no answer; what follows on the connection is answered. An error closes it. */
static void test_no_acks(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    int64_t first;
    world_open(&w, 4);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition p;
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &p);
    p.records.bytes = batch_of(&w, "quiet", 1, RECORD_PLAIN, RECORD_NO_PRODUCER);
    t.name = NAME;
    t.partition_data = &p;
    t.n_partition_data = q.n_topic_data = 1;
    q.topic_data = &t;
    must(client_send(c, KAFKA_PRODUCE, 9, &q, true, &err), &err);
    assert_int_equal(produce(&w, c, "loud", 1), 1);
    struct kafka_fetch_response_partition f = fetch(&w, c, 12, 0);
    assert_string_equal(values(&w, f.records.bytes, &first), "quiet-0 loud-0 ");
    t.name = STR("missing");
    must(client_send(c, KAFKA_PRODUCE, 9, &q, true, &err), &err);
    struct client_reply r;
    assert_int_equal(world_next(&w, c, &r), ST_UNREACHABLE);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* ---- waiting ---- */

static void test_parked(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct fetch f;
    struct client_reply r;
    struct kafka_fetch_response fr;
    int64_t first;
    world_open(&w, 5);
    struct client *c = client_new(&w), *other = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    /* Nothing comes: answered, empty, when the time is up. */
    int64_t from = os_mono_ns(w.os);
    struct kafka_fetch_response_partition p = fetch(&w, c, 12, 0);
    assert_int_equal(p.records.bytes.len, 0);
    assert_non_null(p.records.bytes.ptr); /* empty, not null */
    int64_t took_ms = (os_mono_ns(w.os) - from) / 1000000;
    assert_true(took_ms >= 100 && took_ms < 130);
    /* Something comes: answered with it. */
    fetch_init(&w, &f, 12, NAME, 0);
    f.q.max_wait_ms = 60000;
    must(client_send(c, KAFKA_FETCH, 12, &f.q, false, &err), &err);
    for (int i = 0; i < 100; i++) {
        must(client_next(c, 0, &r, &err), &err);
        world_turn(&w);
    }
    assert_int_equal(r.key, -1);
    assert_int_equal(broker_count(w.broker).parked, 1);
    produce(&w, other, "a", 1);
    from = os_mono_ns(w.os);
    assert_int_equal(world_next(&w, c, &r), ST_OK);
    assert_true(os_mono_ns(w.os) - from < 20000000);
    must(client_decode(&r, &w.arena, &fr, &err), &err);
    assert_string_equal(values(&w, fr.responses[0].partitions[0].records.bytes, &first), "a-0 ");
    assert_int_equal(broker_count(w.broker).parked, 0);
    /* Fewer bytes than are wanted do not wake; enough do. */
    f.p.fetch_offset = 1;
    f.q.min_bytes = 150;
    must(client_send(c, KAFKA_FETCH, 12, &f.q, false, &err), &err);
    for (int i = 0; i < 50; i++) {
        must(client_next(c, 0, &r, &err), &err);
        world_turn(&w);
    }
    produce(&w, other, "b", 1);
    for (int i = 0; i < 200; i++)
        world_turn(&w);
    assert_int_equal(broker_count(w.broker).parked, 1);
    produce(&w, other, "c", 10);
    assert_int_equal(world_next(&w, c, &r), ST_OK);
    must(client_decode(&r, &w.arena, &fr, &err), &err);
    assert_non_null(strstr(values(&w, fr.responses[0].partitions[0].records.bytes, &first), "b-0 c-0 "));
    /* One that leaves while it is parked leaves nothing behind; nor does the stop. */
    f.p.fetch_offset = 12;
    must(client_send(c, KAFKA_FETCH, 12, &f.q, false, &err), &err);
    must(client_send(other, KAFKA_FETCH, 12, &f.q, false, &err), &err);
    for (int i = 0; i < 100; i++) {
        world_turn(&w);
        must(client_next(c, 0, &r, &err), &err);
        must(client_next(other, 0, &r, &err), &err);
    }
    assert_int_equal(broker_count(w.broker).parked, 2);
    client_close(c); /* half a connection might still read: it has its time */
    for (int i = 0; i < 100; i++) {
        world_turn(&w);
        sim_advance_ms(w.sim, 400);
    }
    assert_int_equal(broker_count(w.broker).parked, 1);
    world_stop(&w); /* `other` is answered */
    assert_int_equal(client_next(other, 0, &r, &err), ST_OK);
    assert_int_equal(r.key, KAFKA_FETCH);
    client_close(other);
    world_free(&w);
}

/* A deleted topic wakes who waits on it. */
static void test_parked_on_deleted(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct fetch f;
    struct client_reply r;
    struct kafka_fetch_response fr;
    world_open(&w, 6);
    struct client *c = client_new(&w), *other = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    fetch_init(&w, &f, 12, NAME, 0);
    f.q.max_wait_ms = 60000;
    must(client_send(c, KAFKA_FETCH, 12, &f.q, false, &err), &err);
    for (int i = 0; i < 50; i++) {
        world_turn(&w);
        must(client_next(c, 0, &r, &err), &err);
    }
    struct kafka_delete_topics_request q;
    struct kafka_delete_topics_response dr;
    struct str name = NAME;
    KAFKA_INIT(delete_topics_request, &q);
    q.topic_names = &name;
    q.n_topic_names = 1;
    ask(&w, other, KAFKA_DELETE_TOPICS, 5, &q, &dr);
    assert_int_equal(dr.responses[0].error_code, 0);
    assert_int_equal(world_next(&w, c, &r), ST_OK);
    must(client_decode(&r, &w.arena, &fr, &err), &err);
    assert_int_equal(fr.responses[0].partitions[0].error_code, KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    ask(&w, other, KAFKA_DELETE_TOPICS, 5, &q, &dr);
    assert_int_equal(dr.responses[0].error_code, KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    client_close(c);
    client_close(other);
    world_stop(&w);
    world_free(&w);
}

/* ---- offsets ---- */

static struct kafka_list_offsets_response_partition list(struct world *w, struct client *c, int16_t version, int64_t at)
{
    struct kafka_list_offsets_request q;
    struct kafka_list_offsets_request_topic t;
    struct kafka_list_offsets_request_partition p;
    struct kafka_list_offsets_response r;
    KAFKA_INIT(list_offsets_request, &q);
    KAFKA_INIT(list_offsets_request_topic, &t);
    KAFKA_INIT(list_offsets_request_partition, &p);
    p.timestamp = at;
    t.name = NAME;
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    ask(w, c, KAFKA_LIST_OFFSETS, version, &q, &r);
    return r.topics[0].partitions[0];
}

static void test_offsets(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 7);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    produce(&w, c, "a", 3);
    sim_advance_ms(w.sim, 5000);
    int64_t second_ms = os_wall_ms(w.os);
    produce(&w, c, "b", 2);
    for (int16_t v = 1; v <= 11; v++) {
        assert_int_equal(list(&w, c, v, -1).offset, 5);
        assert_int_equal(list(&w, c, v, -2).offset, 0);
        struct kafka_list_offsets_response_partition p = list(&w, c, v, second_ms - 1000);
        assert_int_equal(p.offset, 3);
        assert_true(p.timestamp >= second_ms);
        assert_int_equal(list(&w, c, v, second_ms + 600000).offset, -1);
        assert_int_equal(list(&w, c, v, -3).error_code, v >= 7 ? 0 : KAFKA_E_UNSUPPORTED_VERSION);
        assert_int_equal(list(&w, c, v, -9).error_code, KAFKA_E_UNSUPPORTED_VERSION);
    }
    struct kafka_delete_records_request q;
    struct kafka_delete_records_request_topic t;
    struct kafka_delete_records_request_partition p;
    struct kafka_delete_records_response r;
    KAFKA_INIT(delete_records_request, &q);
    KAFKA_INIT(delete_records_request_topic, &t);
    KAFKA_INIT(delete_records_request_partition, &p);
    p.offset = 4;
    t.name = NAME;
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    ask(&w, c, KAFKA_DELETE_RECORDS, 2, &q, &r);
    assert_int_equal(r.topics[0].partitions[0].error_code, 0);
    assert_int_equal(r.topics[0].partitions[0].low_watermark, 4);
    assert_int_equal(list(&w, c, 5, -2).offset, 4);
    assert_int_equal(fetch(&w, c, 12, 0).error_code, KAFKA_E_OFFSET_OUT_OF_RANGE);
    assert_non_null(strstr(w.said, "fell behind retention: asks for 0, the first is 4; such reads of this topic: 1"));
    assert_int_equal(fetch(&w, c, 12, 3).error_code, KAFKA_E_OFFSET_OUT_OF_RANGE);
    assert_non_null(strstr(w.said, "asks for 3, the first is 4; such reads of this topic: 2"));
    p.offset = 99;
    ask(&w, c, KAFKA_DELETE_RECORDS, 2, &q, &r);
    assert_int_equal(r.topics[0].partitions[0].error_code, KAFKA_E_OFFSET_OUT_OF_RANGE);
    struct kafka_offset_for_leader_epoch_request eq;
    struct kafka_offset_for_leader_epoch_request_topic et;
    struct kafka_offset_for_leader_epoch_request_partition ep;
    struct kafka_offset_for_leader_epoch_response er;
    KAFKA_INIT(offset_for_leader_epoch_request, &eq);
    KAFKA_INIT(offset_for_leader_epoch_request_topic, &et);
    KAFKA_INIT(offset_for_leader_epoch_request_partition, &ep);
    et.topic = NAME;
    et.partitions = &ep;
    et.n_partitions = eq.n_topics = 1;
    eq.topics = &et;
    for (int16_t v = 2; v <= 4; v++) {
        ask(&w, c, KAFKA_OFFSET_FOR_LEADER_EPOCH, v, &eq, &er);
        assert_int_equal(er.topics[0].partitions[0].error_code, 0);
        assert_int_equal(er.topics[0].partitions[0].end_offset, 5);
    }
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* ---- administration ---- */

static struct str config_of(struct world *w, struct client *c, int8_t type, struct str resource, const char *name,
                            int8_t *ret_source)
{
    struct kafka_describe_configs_request q;
    struct kafka_describe_configs_request_resource r;
    struct kafka_describe_configs_response a;
    KAFKA_INIT(describe_configs_request, &q);
    KAFKA_INIT(describe_configs_request_resource, &r);
    r.resource_type = type;
    r.resource_name = resource;
    q.resources = &r;
    q.n_resources = 1;
    q.include_synonyms = true;
    ask(w, c, KAFKA_DESCRIBE_CONFIGS, 4, &q, &a);
    assert_int_equal(a.results[0].error_code, 0);
    for (uint32_t i = 0; i < a.results[0].n_configs; i++) {
        const struct kafka_describe_configs_response_config *k = &a.results[0].configs[i];
        assert_true(k->n_synonyms >= 1);
        if (str_eq(k->name, str_from(name))) {
            *ret_source = k->config_source;
            return k->value;
        }
    }
    return str_make(NULL, 0);
}

static int16_t alter(struct world *w, struct client *c, struct str topic, const char *name, const char *value, int8_t op)
{
    struct kafka_incremental_alter_configs_request q;
    struct kafka_incremental_alter_configs_request_resource r;
    struct kafka_incremental_alter_configs_request_config k;
    struct kafka_incremental_alter_configs_response a;
    KAFKA_INIT(incremental_alter_configs_request, &q);
    KAFKA_INIT(incremental_alter_configs_request_resource, &r);
    KAFKA_INIT(incremental_alter_configs_request_config, &k);
    k.name = str_from(name);
    k.value = str_from(value);
    k.config_operation = op;
    r.resource_type = 2;
    r.resource_name = topic;
    r.configs = &k;
    r.n_configs = q.n_resources = 1;
    q.resources = &r;
    ask(w, c, KAFKA_INCREMENTAL_ALTER_CONFIGS, 1, &q, &a);
    return a.responses[0].error_code;
}

static void test_configs(void **state)
{
    (void)state;
    struct world w;
    int8_t source = 0;
    world_open(&w, 8);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    assert_true(str_eq(config_of(&w, c, 2, NAME, "retention.ms", &source), STR("604800000")));
    assert_int_equal(source, 5);
    assert_int_equal(alter(&w, c, NAME, "retention.ms", "1000", 0), 0);
    assert_true(str_eq(config_of(&w, c, 2, NAME, "retention.ms", &source), STR("1000")));
    assert_int_equal(source, 1);
    assert_int_equal(alter(&w, c, NAME, "cleanup.policy", "compact", 2), 0);
    assert_true(str_eq(config_of(&w, c, 2, NAME, "cleanup.policy", &source), STR("delete,compact")));
    assert_int_equal(alter(&w, c, NAME, "retention.ms", NULL, 1), 0);
    assert_true(str_eq(config_of(&w, c, 2, NAME, "retention.ms", &source), STR("604800000")));
    assert_int_equal(alter(&w, c, NAME, "retention.ms", "soon", 0), KAFKA_E_INVALID_CONFIG);
    assert_int_equal(alter(&w, c, NAME, "no.such.key", "1", 0), KAFKA_E_INVALID_CONFIG);
    assert_int_equal(alter(&w, c, STR("missing"), "retention.ms", "1", 0), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(alter(&w, c, NAME, "retention.ms", "1", 9), KAFKA_E_INVALID_REQUEST);
    assert_true(str_eq(config_of(&w, c, 4, STR("1"), "num.partitions", &source), STR("1")));
    assert_true(str_eq(config_of(&w, c, 4, STR("1"), "log.retention.ms", &source), STR("604800000")));
    assert_true(str_eq(config_of(&w, c, 4, STR("1"), "log.dirs", &source), STR("/data")));
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* What is given by Kafka's names reaches who it is for; the facts that are told cannot be given. */
static void test_settings(void **state)
{
    static const struct option all[] = {
        { .name = STR_INIT("group.initial.rebalance.delay.ms"), .value = STR_INIT("3000") },
        { .name = STR_INIT("group.max.session.timeout.ms"), .value = STR_INIT("7000") },
        { .name = STR_INIT("offsets.retention.minutes"), .value = STR_INIT("2") },
        { .name = STR_INIT("transaction.max.timeout.ms"), .value = STR_INIT("1000") },
        { .name = STR_INIT("log.retention.check.interval.ms"), .value = STR_INIT("5") },
        { .name = STR_INIT("log.retention.ms"), .value = STR_INIT("60000") },
    };
    static const struct option facts[] = { { .name = STR_INIT("node.id"), .value = STR_INIT("2") } };
    static const struct option wrong[] = { { .name = STR_INIT("group.max.size"), .value = STR_INIT("0") } };
    (void)state;
    struct topics_options o = { .path = "/data" };
    struct arena a;
    arena_init(&a, NULL);
    assert_int_equal(broker_settings_check(&(struct options){ all, 6 }, &a, &o, NULL), ST_OK);
    assert_int_equal(o.groups->initial_delay_ms, 3000);
    assert_int_equal(o.groups->max_session_ms, 7000);
    assert_int_equal(o.groups->min_session_ms, 6000);
    assert_int_equal(o.groups->offsets_retention_ms, 120000);
    assert_int_equal(o.groups->members_max, 2048);
    assert_int_equal(o.txns->timeout_max_ms, 1000);
    assert_int_equal(o.retention_check_ms, 5);
    assert_int_equal(o.n_defaults, 1);
    assert_true(str_eq(o.defaults[0].name, STR("retention.ms")));
    assert_string_equal(o.path, "/data");
    assert_int_equal(broker_settings_check(&(struct options){ facts, 1 }, &a, &o, NULL), ST_USAGE);
    assert_int_equal(broker_settings_check(&(struct options){ wrong, 1 }, &a, &o, NULL), ST_USAGE);
    arena_release(&a);
}

/* Peers that begin large requests and do not end them: who holds most goes when somebody else wants memory. */
static void test_greedy(void **state)
{
    enum { GREEDY = 16, PIECE = 3 << 20 };
    (void)state;
    struct world w;
    struct error err;
    struct link_client *greedy[GREEDY], *whole;
    struct str frame;
    world_open(&w, 12);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    w.door.limit = (size_t)16 << 20;
    char *piece = calloc(1, PIECE);
    must(link_client_open(w.far, NULL, &w.at, 1 << 20, &whole, &err), &err);
    world_turn(&w);
    memcpy(piece, "\x05\x00\x00\x00\0\x12\0\0\0\0\0\1\xff\xff", 14); /* a length of 80 MiB */
    for (int i = 0; i < GREEDY; i++) {
        must(link_client_open(w.far, NULL, &w.at, 1 << 20, &greedy[i], &err), &err);
        must(link_client_send(greedy[i], str_make(piece, PIECE), &err), &err);
    }
    for (int k = 0; k < 2000; k++) {
        for (int i = 0; i < GREEDY; i++)
            (void)!link_client_next(greedy[i], 0, &frame, NULL);
        world_turn(&w);
    }
    assert_true(atomic_load(&w.door.used) > (size_t)12 << 20);
    w.door.limit = (size_t)7 << 20; /* less than they hold: nothing is left, also when spare buffers go */
    int64_t from = os_mono_ns(w.os);
    memcpy(piece, /* as large, but all of it: it is read, and is no request */
           "\0\x2f\xff\xfc\0\3\0\0\0\0\0\1\xff\xff\x7f\xff\xff\xff", 18);
    must(link_client_send(whole, str_make(piece, PIECE), &err), &err);
    while (link_client_next(whole, 0, &frame, NULL) == ST_OK && os_mono_ns(w.os) - from < INT64_C(20000000000))
        world_turn(&w);
    link_client_close(whole);
    assert_int_equal(broker_count(w.broker).refused, 1); /* it came through */
    assert_true(atomic_load(&w.door.peak) <= (size_t)16 << 20);
    assert_true(os_mono_ns(w.os) - from < INT64_C(10000000000));
    assert_non_null(strstr(w.said, "memory is short"));
    for (int i = 0; i < GREEDY; i++)
        link_client_close(greedy[i]);
    free(piece);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* Records that are too old when they come can still be read for a while, as in Kafka. */
static void test_old_records(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 11);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    assert_int_equal(alter(&w, c, NAME, "retention.ms", "1000", 0), 0);
    produce(&w, c, "a", 3);
    for (int s = 0; s < 280; s++) {
        sim_advance_ms(w.sim, 1000);
        world_turn(&w);
    }
    assert_int_equal(list(&w, c, 5, -2).offset, 0);
    for (int64_t tier = -6; tier <= -5; tier++) { /* there is none: nothing, without an error */
        assert_int_equal(list(&w, c, 11, tier).error_code, 0);
        assert_int_equal(list(&w, c, 11, tier).offset, -1);
    }
    assert_int_equal(list(&w, c, 8, -5).error_code, KAFKA_E_UNSUPPORTED_VERSION);
    for (int s = 0; s < 60; s++) {
        sim_advance_ms(w.sim, 1000);
        world_turn(&w);
    }
    assert_int_equal(list(&w, c, 5, -2).offset, 3);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

static void test_partitions(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 9);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    assert_int_equal(create(&w, c, STR("none"), 0), KAFKA_E_INVALID_PARTITIONS);
    assert_int_equal(create(&w, c, STR("a/b"), 1), KAFKA_E_INVALID_TOPIC_EXCEPTION);
    struct kafka_create_partitions_request q;
    struct kafka_create_partitions_request_topic t;
    struct kafka_create_partitions_response r;
    KAFKA_INIT(create_partitions_request, &q);
    KAFKA_INIT(create_partitions_request_topic, &t);
    t.name = NAME;
    t.count = 3;
    t.assignments = NULL;
    q.topics = &t;
    q.n_topics = 1;
    ask(&w, c, KAFKA_CREATE_PARTITIONS, 3, &q, &r);
    assert_int_equal(r.results[0].error_code, 0);
    struct kafka_produce_response_partition p =
        produce_as(&w, c, 9, NAME, 2, batch_of(&w, "x", 1, RECORD_PLAIN, RECORD_NO_PRODUCER), -1);
    assert_int_equal(p.error_code, 0);
    t.count = 2;
    ask(&w, c, KAFKA_CREATE_PARTITIONS, 3, &q, &r);
    assert_int_equal(r.results[0].error_code, KAFKA_E_INVALID_PARTITIONS);
    struct kafka_describe_topic_partitions_request dq;
    struct kafka_describe_topic_partitions_response dr;
    KAFKA_INIT(describe_topic_partitions_request, &dq);
    dq.response_partition_limit = 2;
    ask(&w, c, KAFKA_DESCRIBE_TOPIC_PARTITIONS, 0, &dq, &dr);
    assert_int_equal(dr.topics[0].n_partitions, 2);
    assert_non_null(dr.next_cursor);
    assert_int_equal(dr.next_cursor->partition_index, 2);
    struct kafka_describe_topic_partitions_request_cursor cursor = { dr.next_cursor->topic_name, 2 };
    dq.cursor = &cursor;
    ask(&w, c, KAFKA_DESCRIBE_TOPIC_PARTITIONS, 0, &dq, &dr);
    assert_int_equal(dr.topics[0].n_partitions, 1);
    assert_int_equal(dr.topics[0].partitions[0].partition_index, 2);
    assert_null(dr.next_cursor);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* What was acknowledged is there after a stop, and after the machine's end; ids and the cluster's are the same. */
static void test_restart(void **state)
{
    (void)state;
    struct world w;
    int64_t first;
    char cluster[TOPIC_CLUSTER_TEXT];
    world_open(&w, 10);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    produce(&w, c, "a", 2);
    snprintf(cluster, sizeof cluster, "%s", topics_cluster_id(w.topics));
    client_close(c);
    world_stop(&w);
    world_start(&w);
    c = client_new(&w);
    assert_int_equal(produce(&w, c, "b", 1), 2);
    client_close(c);
    world_stop(&w);
    world_start(&w);
    c = client_new(&w);
    assert_string_equal(cluster, topics_cluster_id(w.topics));
    struct kafka_fetch_response_partition p = fetch(&w, c, 13, 0);
    assert_string_equal(values(&w, p.records.bytes, &first), "a-0 a-1 b-0 ");
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* Sizes of partitions and of the disk, in each version, of all topics and of one; a directory that cannot be looked at. */
static void test_log_dirs(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 9);
    struct client *c = client_new(&w);
    struct kafka_describe_log_dirs_request q;
    struct kafka_describe_log_dirs_request_topic t;
    struct kafka_describe_log_dirs_response r;
    const struct kafka_describe_log_dirs_response_result *dir;
    int32_t partitions[] = { 0, 77 };
    assert_int_equal(create(&w, c, NAME, 1), 0);
    produce(&w, c, "a", 3);
    KAFKA_INIT(describe_log_dirs_request, &q);
    KAFKA_INIT(describe_log_dirs_request_topic, &t);
    t.topic = NAME;
    t.partitions = partitions;
    t.n_partitions = 2;
    sim_capacity(w.sim, (uint64_t)1 << 40);
    for (int16_t v = 1; v <= 5; v++)
        for (int all = 0; all < 2; all++) {
            q.topics = all ? NULL : &t;
            q.n_topics = !all;
            ask(&w, c, KAFKA_DESCRIBE_LOG_DIRS, v, &q, &r);
            assert_int_equal(r.n_results, 1);
            dir = r.results;
            assert_int_equal(dir->error_code, 0);
            assert_true(str_eq(dir->log_dir, STR("/data")));
            assert_true(dir->n_topics >= 1 && dir->topics[dir->n_topics - 1].n_partitions == 1);
            assert_true(dir->topics[dir->n_topics - 1].partitions[0].partition_size > 60);
            assert_true(dir->total_bytes == (v < 4 ? -1 : INT64_C(1) << 40));
            assert_true(v < 4 ? dir->usable_bytes == -1
                              : dir->usable_bytes > 0 && dir->usable_bytes < dir->total_bytes);
        }
    sim_capacity(w.sim, UINT64_MAX);
    sim_trace(w.sim, true);
    uint64_t before = sim_calls(w.sim), n = 1;
    ask(&w, c, KAFKA_DESCRIBE_LOG_DIRS, 5, &q, &r);
    assert_true(r.results->total_bytes == INT64_MAX && r.results->usable_bytes == INT64_MAX);
    while (strncmp(sim_call_name(w.sim, before + n), "space", 5) != 0)
        n++;
    sim_fail_at(w.sim, sim_calls(w.sim) + n, ST_IO, false);
    ask(&w, c, KAFKA_DESCRIBE_LOG_DIRS, 5, &q, &r);
    assert_string_equal(sim_failed(w.sim), "space");
    assert_int_equal(r.results->error_code, KAFKA_E_KAFKA_STORAGE_ERROR);
    assert_true(r.results->total_bytes == -1 && r.results->n_topics == 0);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* What names a thing twice is refused as a whole and told once. */
static void test_twice(void **state)
{
    (void)state;
    struct world w;
    int8_t source = 0;
    world_open(&w, 16);
    struct client *c = client_new(&w);
    assert_int_equal(create(&w, c, NAME, 1), 0);
    struct kafka_delete_topics_request dq;
    struct kafka_delete_topics_response dr;
    struct str names[] = { NAME, STR("other"), NAME };
    KAFKA_INIT(delete_topics_request, &dq);
    dq.topic_names = names;
    dq.n_topic_names = 3;
    ask(&w, c, KAFKA_DELETE_TOPICS, 5, &dq, &dr);
    assert_int_equal(dr.n_responses, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(dr.responses[i].error_code,
                         str_eq(dr.responses[i].name, NAME) ? KAFKA_E_INVALID_REQUEST : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    struct kafka_create_topics_request cq;
    struct kafka_create_topics_request_topic t[2];
    struct kafka_create_topics_response cr;
    KAFKA_INIT(create_topics_request, &cq);
    for (uint32_t i = 0; i < 2; i++) {
        KAFKA_INIT(create_topics_request_topic, &t[i]);
        t[i].name = STR("pair");
        t[i].num_partitions = t[i].replication_factor = 1;
    }
    cq.topics = t;
    cq.n_topics = 2;
    ask(&w, c, KAFKA_CREATE_TOPICS, 7, &cq, &cr);
    assert_int_equal(cr.n_topics, 1);
    assert_int_equal(cr.topics[0].error_code, KAFKA_E_INVALID_REQUEST);
    assert_int_equal(create(&w, c, STR("pair"), 1), 0); /* it was not made */
    struct kafka_incremental_alter_configs_request aq;
    struct kafka_incremental_alter_configs_request_resource r;
    struct kafka_incremental_alter_configs_request_config k[2];
    struct kafka_incremental_alter_configs_response ar;
    KAFKA_INIT(incremental_alter_configs_request, &aq);
    KAFKA_INIT(incremental_alter_configs_request_resource, &r);
    for (uint32_t i = 0; i < 2; i++) {
        KAFKA_INIT(incremental_alter_configs_request_config, &k[i]);
        k[i].name = STR("retention.ms");
        k[i].value = i ? STR("2000") : STR("1000");
    }
    r.resource_type = 2;
    r.resource_name = NAME;
    r.configs = k;
    r.n_configs = 2;
    aq.resources = &r;
    aq.n_resources = 1;
    ask(&w, c, KAFKA_INCREMENTAL_ALTER_CONFIGS, 1, &aq, &ar);
    assert_int_equal(ar.responses[0].error_code, KAFKA_E_INVALID_REQUEST);
    assert_true(str_eq(config_of(&w, c, 2, NAME, "retention.ms", &source), STR("604800000")));
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* Who waits holds no frame: a thousand parked fetches cost what their answers need, not what they sent. */
static void test_parked_frames(void **state)
{
    (void)state;
    enum { CLIENTS = 64, NOTE = 30000 };
    struct world w;
    struct error err;
    struct fetch f;
    struct client *c[CLIENTS];
    char *note = malloc(NOTE);
    world_open(&w, 15);
    memset(note, 'r', NOTE);
    for (int i = 0; i < CLIENTS; i++)
        c[i] = client_new(&w);
    assert_int_equal(create(&w, c[0], NAME, 1), 0);
    fetch_init(&w, &f, 12, NAME, 0);
    f.q.max_wait_ms = 600000;
    f.q.rack_id = str_make(note, NOTE);
    for (int i = 0; i < CLIENTS; i++) {
        struct client_reply r;
        must(client_send(c[i], KAFKA_FETCH, 12, &f.q, false, &err), &err);
        for (int k = 0; k < 1000 && broker_count(w.broker).parked <= (uint64_t)i; k++) {
            must(client_next(c[i], 0, &r, &err), &err);
            world_turn(&w);
        }
    }
    assert_int_equal(broker_count(w.broker).parked, CLIENTS);
    assert_true(atomic_load(&w.door.used) < (size_t)1 << 20);
    for (int i = 0; i < CLIENTS; i++)
        client_close(c[i]);
    free(note);
    world_stop(&w);
    world_free(&w);
}

/* A topic whose partitions the client places itself: each of them once, in any order, on the only broker. */
static int16_t create_placed(struct world *w, struct client *c, const int32_t *indexes, uint32_t n, int32_t broker)
{
    struct kafka_create_topics_request q;
    struct kafka_create_topics_request_topic t;
    struct kafka_create_topics_request_assignment *a =
        KAFKA_NEW(&w->arena, create_topics_request_assignment, n);
    struct kafka_create_topics_response r;
    KAFKA_INIT(create_topics_request, &q);
    KAFKA_INIT(create_topics_request_topic, &t);
    for (uint32_t i = 0; i < n; i++) {
        a[i].partition_index = indexes[i];
        a[i].broker_ids = &broker;
        a[i].n_broker_ids = 1;
    }
    t.name = STR("placed");
    t.num_partitions = t.replication_factor = -1;
    t.assignments = a;
    t.n_assignments = n;
    q.topics = &t;
    q.n_topics = 1;
    ask(w, c, KAFKA_CREATE_TOPICS, 7, &q, &r);
    if (r.topics[0].error_code == 0)
        assert_int_equal(r.topics[0].num_partitions, n);
    return r.topics[0].error_code;
}

static void test_placed(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 13);
    struct client *c = client_new(&w);
    assert_int_equal(create_placed(&w, c, (int32_t[]){ 0, 1, 1 }, 3, 1), KAFKA_E_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(create_placed(&w, c, (int32_t[]){ 0, 2 }, 2, 1), KAFKA_E_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(create_placed(&w, c, (int32_t[]){ 0, -1 }, 2, 1), KAFKA_E_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(create_placed(&w, c, (int32_t[]){ 1, 0 }, 2, 2), KAFKA_E_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(create_placed(&w, c, (int32_t[]){ 2, 0, 1 }, 3, 1), 0);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* Requests that would keep the loop for long are refused before anything is done for them, with a line that says why. */
static void test_too_many(void **state)
{
    (void)state;
    static const struct {
        uint32_t resources, values; /* of each */
        const char *why;            /* NULL: answered */
    } cases[] = {
        { 5000, 1, "more than 4096 resources" }, { 1, 5000, "more than 4096 values of a resource" },
        { 17, 4000, "more than 65536 values" },  { 16, 4096, NULL },
    };
    struct world w;
    world_open(&w, 14);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *c = client_new(&w);
        struct kafka_incremental_alter_configs_request q;
        struct client_reply r;
        KAFKA_INIT(incremental_alter_configs_request, &q);
        q.n_resources = cases[i].resources;
        q.resources = KAFKA_NEW(&w.arena, incremental_alter_configs_request_resource, q.n_resources);
        for (uint32_t k = 0; k < q.n_resources; k++) {
            q.resources[k].resource_type = 2;
            q.resources[k].resource_name = STR("t");
            q.resources[k].n_configs = cases[i].values;
            q.resources[k].configs = KAFKA_NEW(&w.arena, incremental_alter_configs_request_config, cases[i].values);
            for (uint32_t v = 0; v < cases[i].values; v++)
                q.resources[k].configs[v].name = q.resources[k].configs[v].value = STR("v");
        }
        w.said[0] = '\0';
        must(client_send(c, KAFKA_INCREMENTAL_ALTER_CONFIGS, 1, &q, false, &(struct error){ 0 }), &(struct error){ 0 });
        assert_int_equal(world_next(&w, c, &r), cases[i].why ? ST_UNREACHABLE : ST_OK);
        if (cases[i].why)
            assert_non_null(strstr(w.said, cases[i].why));
        client_close(c);
    }
    world_stop(&w);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),          cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_produce_fetch),     cmocka_unit_test(test_no_acks),
        cmocka_unit_test(test_parked),            cmocka_unit_test(test_parked_on_deleted),
        cmocka_unit_test(test_offsets),           cmocka_unit_test(test_configs),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_fetch_max_bytes),
        cmocka_unit_test(test_partitions),        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_old_records),       cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_log_dirs),          cmocka_unit_test(test_placed),
        cmocka_unit_test(test_too_many),          cmocka_unit_test(test_parked_frames),
        cmocka_unit_test(test_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
