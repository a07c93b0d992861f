/* Damage at rest, as a client meets it, at every byte: of a partition whose segments were flipped, cut or zeroed it gets
 * what was written or an error, the other partition is whole, and both take more. */
#include "kit.h"
#include "log/image.h"

enum { BATCHES = 6 };

static void make_topic(struct world *w, struct client *c)
{
    struct kafka_create_topics_request q;
    struct kafka_create_topics_request_topic t;
    struct kafka_create_topics_response r;
    KAFKA_INIT(create_topics_request, &q);
    KAFKA_INIT(create_topics_request_topic, &t);
    t.name = STR("t");
    t.num_partitions = 2;
    t.replication_factor = 1;
    q.topics = &t;
    q.n_topics = 1;
    ask(w, c, KAFKA_CREATE_TOPICS, 5, &q, &r);
    assert_int_equal(r.topics[0].error_code, 0);
}

static int64_t produce(struct world *w, struct client *c, int32_t partition, const char *tag)
{
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition p;
    struct kafka_produce_response a;
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &p);
    p.index = partition;
    p.records.bytes = batch_of(w, tag, 1, RECORD_PLAIN, RECORD_NO_PRODUCER);
    t.name = STR("t");
    t.partition_data = &p;
    t.n_partition_data = q.n_topic_data = 1;
    q.acks = -1;
    q.topic_data = &t;
    ask(w, c, KAFKA_PRODUCE, 9, &q, &a);
    assert_int_equal(a.responses[0].partition_responses[0].error_code, 0);
    return a.responses[0].partition_responses[0].base_offset;
}

/* The batch at `offset`: false: an error, or one that does not fit its checksum. *ret_tag: of its record. */
static bool fetch(struct world *w, struct client *c, int32_t partition, int64_t offset, char ret_tag[16])
{
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t;
    struct kafka_fetch_request_partition p;
    struct kafka_fetch_response a;
    struct record_iter *it;
    struct record_batch b;
    struct record r;
    bool end;
    size_t len;
    KAFKA_INIT(fetch_request, &q);
    KAFKA_INIT(fetch_request_topic, &t);
    KAFKA_INIT(fetch_request_partition, &p);
    p.partition = partition;
    p.fetch_offset = offset;
    p.partition_max_bytes = 1;
    t.topic = STR("t");
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    ask(w, c, KAFKA_FETCH, 11, &q, &a);
    const struct kafka_fetch_response_partition *x = &a.responses[0].partitions[0];
    if (x->error_code != 0) {
        assert_int_equal(x->error_code, KAFKA_E_CORRUPT_MESSAGE);
        return false;
    }
    must(record_batch_read(x->records.bytes, &b, &len, NULL), NULL);
    assert_int_equal(b.base_offset, offset);
    if (record_batch_check(&b, NULL) != ST_OK)
        return false;
    must(record_iter_new(NULL, 1 << 16, &it, NULL), NULL);
    must(record_iter_open(it, &b, NULL), NULL);
    must(record_iter_next(it, &r, &end, NULL), NULL);
    assert_false(end);
    snprintf(ret_tag, 16, "%.*s", (int)(r.value.len < 15 ? r.value.len : 15), r.value.ptr);
    record_iter_free(it);
    return true;
}

static void image_make(struct image *im, char *ret_dir, size_t room)
{
    struct world w;
    world_open(&w, 1);
    struct client *c = client_new(&w);
    make_topic(&w, c);
    struct topic *t = topics_find(w.topics, STR("t"));
    struct store_log *l = topic_partition_log(topic_partition(t, 0));
    for (int i = 0; i < BATCHES; i++) {
        char tag[8];
        snprintf(tag, sizeof tag, "b%d", i);
        assert_int_equal(produce(&w, c, 0, tag), i);
        if (i % 2)
            store_log_roll(l);
    }
    assert_int_equal(produce(&w, c, 1, "whole"), 0);
    struct store_id id = store_log_id(l);
    size_t n = 0;
    for (int i = 0; i < 16; i++)
        n += (size_t)snprintf(ret_dir + n, room - n, "%02x", id.topic[i]);
    snprintf(ret_dir + n, room - n, "-0/");
    topic_unref(t);
    client_close(c);
    world_stop(&w);
    *im = (struct image){ 0 };
    image_add(im, w.sim, "/data");
    world_free(&w);
}

static uint32_t damaged(const struct image *im, uint32_t which, const uint8_t *bytes, size_t len)
{
    struct world w = { .sim = image_disk(im, which, bytes, len) };
    char tag[16], want[16];
    uint32_t lost = 0;
    w.os = sim_os(w.sim);
    w.far = sim_outside(w.sim);
    budget_init(&w.door, "door", (size_t)64 << 20, NULL);
    arena_init(&w.arena, NULL);
    world_start(&w);
    struct client *c = client_new(&w);
    for (int64_t i = 0; i < BATCHES; i++) {
        snprintf(want, sizeof want, "b%d-0", (int)i);
        if (fetch(&w, c, 0, i, tag))
            assert_string_equal(tag, want);
        else
            lost++;
    }
    assert_true(fetch(&w, c, 1, 0, tag));
    assert_string_equal(tag, "whole-0");
    assert_int_equal(produce(&w, c, 0, "more"), BATCHES);
    assert_int_equal(produce(&w, c, 1, "more"), 1);
    assert_true(fetch(&w, c, 0, BATCHES, tag));
    assert_string_equal(tag, "more-0");
    client_close(c);
    world_stop(&w);
    world_free(&w);
    return lost;
}

static void test_segments(void **state)
{
    (void)state;
    struct image im;
    char dir[64];
    uint32_t files = 0;
    image_make(&im, dir, sizeof dir);
    for (uint32_t f = 0; f < im.n; f++) {
        if (!strstr(im.names[f], dir))
            continue;
        size_t len = im.bytes[f].len;
        uint8_t *copy = mem_alloc(NULL, len);
        files++;
        for (size_t i = 0; i < len; i++) {
            memcpy(copy, im.bytes[f].data, len);
            copy[i] ^= (uint8_t)(1 + i % 255);
            uint32_t lost = damaged(&im, f, copy, len);
            assert_true(lost >= 1 && lost <= 2); /* of the two batches that are in the file */
            assert_int_equal(damaged(&im, f, (const uint8_t *)im.bytes[f].data, i), 2);
            memset(copy + i, 0, len - i);
            copy[i] = im.bytes[f].data[i] ? 0 : 1;
            assert_true(damaged(&im, f, copy, len) >= 1);
        }
        mem_free(NULL, copy, len);
    }
    assert_int_equal(files, BATCHES / 2);
    image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_segments) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
