/* Appending as Kafka checks it, and reading: offsets by timestamp, epochs, waits. */
#include "kit.h"

static struct topic_config_change set(const char *name, const char *value)
{
    return (struct topic_config_change){ str_from(name), str_from(value), TOPIC_SET };
}

static void test_append_rules(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    struct topic_config_change small[] = { set("max.message.bytes", "200"), set("message.timestamp.after.max.ms", "1000"),
                                           set("message.timestamp.before.max.ms", "5000") };
    struct topic_config_change compact = set("cleanup.policy", "compact,delete");
    struct topic_config_change ours = set("message.timestamp.type", "LogAppendTime");
    assert_int_equal(kit_create(&k, "small", 1, small, 3), 0);
    assert_int_equal(kit_create(&k, "compact", 1, &compact, 1), 0);
    assert_int_equal(kit_create(&k, "ours", 1, &ours, 1), 0);
    struct topic_partition *p = kit_part(&k, "small", 0), *c = kit_part(&k, "compact", 0), *o = kit_part(&k, "ours", 0);
    struct kit_batch b = { .value = "a", .pad = 50 };
    assert_int_equal(kit_append(&k, p, &b, NULL), 0);
    b.pad = 150;
    assert_int_equal(kit_append(&k, p, &b, NULL), KAFKA_E_MESSAGE_TOO_LARGE);
    b = (struct kit_batch){ .value = "a", .ms = KIT_NOW + 1001 };
    assert_int_equal(kit_append(&k, p, &b, NULL), KAFKA_E_INVALID_TIMESTAMP);
    b.ms = KIT_NOW - 5001;
    assert_int_equal(kit_append(&k, p, &b, NULL), KAFKA_E_INVALID_TIMESTAMP);
    b.ms = KIT_NOW + 1000;
    assert_int_equal(kit_append(&k, p, &b, NULL), 0);
    b = (struct kit_batch){ .value = "a" };
    assert_int_equal(kit_append(&k, c, &b, NULL), KAFKA_E_INVALID_RECORD);
    b.key = "k";
    assert_int_equal(kit_append(&k, c, &b, NULL), 0);
    b.ms = 12345;
    b.count = 2;
    sim_advance_ms(k.sim, 7);
    assert_int_equal(kit_append(&k, o, &b, NULL), 0);
    struct topic_offset at = { .partition = o, .timestamp_ms = KIT_NOW + 7, .leader_epoch = -1 };
    must(topic_list_offset(&at, k.it, &k.err), &k.err);
    assert_int_equal(at.offset, 0);
    assert_int_equal(at.found_ms, KIT_NOW + 7);
    /* a marker from a client */
    struct buf out;
    buf_init(&out, NULL, 1000);
    assert_true(record_marker_put(&out, (struct record_marker){ true, 0 }, 5, 0, KIT_NOW));
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    struct topic_append a = { .partition = p, .bytes = s, .len = s->len, .version = 9, .acks = -1 };
    bool pending;
    assert_int_not_equal(topic_append(&a, k.it, KIT_NOW, &pending, &k.err), ST_OK);
    assert_int_equal(a.kafka, KAFKA_E_INVALID_RECORD);
    a.len = 30;
    assert_int_not_equal(topic_append(&a, k.it, KIT_NOW, &pending, &k.err), ST_OK);
    shared_unref(s);
    buf_release(&out);
    assert_string_equal(kit_read(&k, p, 0, false), "a............... a");
    struct topic_counts n = topic_count(kit_topic(&k, "small"));
    assert_int_equal(n.in_batches, 2);
    assert_int_equal(n.refused, 5);
    kit_end(&k);
}

static struct topic_offset list(struct kit *k, struct topic_partition *p, int64_t ms)
{
    struct topic_offset o = { .partition = p, .timestamp_ms = ms, .leader_epoch = -1 };
    must(topic_list_offset(&o, k->it, &k->err), &k->err);
    return o;
}

static void test_list_offsets(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 2, NULL, 0), 0);
    struct topic_partition *p = kit_part(&k, "t", 0);
    assert_int_equal(list(&k, p, TOPIC_LATEST).offset, 0);
    assert_int_equal(list(&k, p, TOPIC_EARLIEST).offset, 0);
    assert_int_equal(list(&k, p, TOPIC_MAX_TIMESTAMP).offset, -1);
    assert_int_equal(list(&k, p, 5).offset, -1);
    struct kit_batch b = { .value = "a", .count = 3, .ms = KIT_NOW, .codec = RECORD_ZSTD }; /* 0 1 2: +0 +1 +2 */
    kit_append(&k, p, &b, NULL);
    b.ms = KIT_NOW + 100; /* 3 4 5 */
    b.codec = RECORD_PLAIN;
    kit_append(&k, p, &b, NULL);
    b.ms = KIT_NOW + 50; /* 6 7 8 */
    kit_append(&k, p, &b, NULL);
    for (int round = 0; round < 2; round++) {
        p = kit_part(&k, "t", 0);
        static const struct {
            int64_t ms, offset, found;
        } want[] = { { 0, 0, 0 },     { 1, 1, 1 },     { 2, 2, 2 },    { 3, 3, 100 },  { 60, 3, 100 }, { 100, 3, 100 },
                     { 101, 4, 101 }, { 102, 5, 102 }, { 103, -1, 0 }, { -5, 0, 0 } };
        for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
            struct topic_offset o = list(&k, p, KIT_NOW + want[i].ms);
            assert_int_equal(o.offset, want[i].offset);
            if (o.offset >= 0) {
                assert_int_equal(o.found_ms, KIT_NOW + want[i].found);
                assert_int_equal(o.epoch, 0);
            }
        }
        assert_int_equal(list(&k, p, TOPIC_LATEST).offset, 9);
        assert_int_equal(list(&k, p, TOPIC_MAX_TIMESTAMP).offset, 5);
        assert_int_equal(list(&k, p, TOPIC_MAX_TIMESTAMP).found_ms, KIT_NOW + 102);
        assert_int_equal(list(&k, p, TOPIC_TIERED).offset, -1);
        assert_int_equal(list(&k, p, TOPIC_EARLIEST_LOCAL).offset, 0);
        kit_reopen(&k);
    }
    struct topic_offset odd = { .partition = kit_part(&k, "t", 0), .timestamp_ms = -77, .leader_epoch = -1 };
    assert_int_equal(topic_list_offset(&odd, k.it, &k.err), ST_UNSUPPORTED);
    /* the start inside the batch that would have the answer */
    struct topic_admin a = { .kind = TOPIC_ADMIN_TRIM, .name = STR("t"), .offset = 2 };
    assert_int_equal(kit_admin(&k, &a), 0);
    p = kit_part(&k, "t", 0);
    assert_int_equal(list(&k, p, KIT_NOW).offset, 2);
    assert_int_equal(list(&k, p, TOPIC_EARLIEST).offset, 2);
    assert_int_equal(list(&k, p, TOPIC_MAX_TIMESTAMP).offset, 5);
    a.offset = 6;
    assert_int_equal(kit_admin(&k, &a), 0);
    assert_int_equal(list(&k, p, KIT_NOW).offset, 6);
    assert_int_equal(list(&k, p, KIT_NOW + 52).offset, 8);
    kit_end(&k);
}

/* The segment knew the largest of all that it had: what was before the start. A soak of the house found it (seed 16513). */
static void test_largest_timestamp_is_of_what_is_left(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "one", 1, NULL, 0), 0);
    assert_int_equal(kit_create(&k, "many", 1, NULL, 0), 0);
    for (int i = 0; i < 2; i++) {
        struct topic_partition *p = kit_part(&k, i ? "many" : "one", 0);
        struct kit_batch b = { .value = "a", .pad = 60, .count = 3 }; /* its timestamps rise by one */
        static const int64_t after[] = { 100, 50, 40, 20 };
        for (int j = 0; j < 4; j++) {
            b.ms = KIT_NOW + after[j];
            kit_append(&k, p, &b, NULL);
            if (i)
                store_log_roll(topic_partition_log(p));
        }
        static const struct {
            int64_t start, offset, found;
        } want[] = { { 0, 2, 102 }, { 1, 2, 102 }, { 2, 2, 102 },  { 3, 5, 52 },  { 5, 5, 52 },
                     { 6, 8, 42 },  { 8, 8, 42 },  { 9, 11, 22 }, { 11, 11, 22 }, { 12, -1, 0 } };
        for (size_t j = 0; j < sizeof want / sizeof *want; j++) {
            struct topic_admin a = { .kind = TOPIC_ADMIN_TRIM, .name = str_from(i ? "many" : "one"), .offset = want[j].start };
            assert_int_equal(kit_admin(&k, &a), 0);
            struct topic_offset o = list(&k, p, TOPIC_MAX_TIMESTAMP);
            assert_int_equal(o.offset, want[j].offset);
            if (o.offset >= 0)
                assert_int_equal(o.found_ms, KIT_NOW + want[j].found);
        }
    }
    /* and inside the batch where the start is */
    assert_int_equal(kit_create(&k, "falls", 1, NULL, 0), 0);
    struct kit_batch b = { .value = "a", .count = 3, .ms = KIT_NOW + 100, .falls = true };
    kit_append(&k, kit_part(&k, "falls", 0), &b, NULL);
    for (int64_t start = 0; start < 3; start++) {
        struct topic_admin a = { .kind = TOPIC_ADMIN_TRIM, .name = STR("falls"), .offset = start };
        assert_int_equal(kit_admin(&k, &a), 0);
        assert_int_equal(list(&k, kit_part(&k, "falls", 0), TOPIC_MAX_TIMESTAMP).offset, start);
    }
    kit_end(&k);
}

static void test_epochs(void **state)
{
    (void)state;
    struct kit k;
    int32_t epoch;
    int64_t end;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    struct topic_partition *p = kit_part(&k, "t", 0);
    kit_put(&k, p, "a");
    kit_put(&k, p, "b");
    must(store_log_advance_epoch(topic_partition_log(p), 3, &k.err), &k.err);
    kit_put(&k, p, "c");
    assert_int_equal(topic_epoch(p), 3);
    assert_int_equal(topic_epoch_end(p, -1, 0, &epoch, &end), 0);
    assert_int_equal(epoch, 0);
    assert_int_equal(end, 2);
    assert_int_equal(topic_epoch_end(p, 3, 2, &epoch, &end), 0);
    assert_int_equal(epoch, 0);
    assert_int_equal(topic_epoch_end(p, 3, 3, &epoch, &end), 0);
    assert_int_equal(epoch, 3);
    assert_int_equal(end, 3);
    assert_int_equal(topic_epoch_end(p, 3, 4, &epoch, &end), 0);
    assert_int_equal(epoch, -1);
    assert_int_equal(end, -1);
    assert_int_equal(topic_epoch_end(p, 3, -1, &epoch, &end), 0); /* no epoch */
    assert_int_equal(epoch, -1);
    assert_int_equal(end, -1);
    assert_int_equal(topic_epoch_end(p, 3, -2, &epoch, &end), 0); /* one before the first */
    assert_int_equal(epoch, -2);
    assert_int_equal(end, 0);
    assert_int_equal(topic_epoch_end(p, -2, 0, &epoch, &end), KAFKA_E_FENCED_LEADER_EPOCH);
    assert_int_equal(topic_epoch_end(p, 2, 0, &epoch, &end), KAFKA_E_FENCED_LEADER_EPOCH);
    assert_int_equal(topic_epoch_end(p, 4, 0, &epoch, &end), KAFKA_E_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(list(&k, p, TOPIC_EARLIEST).epoch, 0);
    assert_int_equal(list(&k, p, TOPIC_LATEST).epoch, 3);
    struct topic_fetch f = { .partition = p, .offset = 2, .max_bytes = 100, .leader_epoch = 2, .fetched_epoch = -1 };
    assert_int_not_equal(topic_read(&f, &k.arena, &k.err), ST_OK);
    assert_int_equal(f.kafka, KAFKA_E_FENCED_LEADER_EPOCH);
    f.leader_epoch = 3;
    f.fetched_epoch = 0;
    must(topic_read(&f, &k.arena, &k.err), &k.err);
    assert_int_equal(f.diverging_epoch, -1);
    assert_true(f.range.len > 0);
    store_range_release(&f.range);
    f.offset = 3; /* with a record of epoch 0 at 2, which is not ours */
    must(topic_read(&f, &k.arena, &k.err), &k.err);
    assert_int_equal(f.diverging_epoch, 0);
    assert_int_equal(f.diverging_end, 2);
    assert_int_equal(f.range.len, 0);
    f.fetched_epoch = 4; /* nobody can have records of it */
    assert_int_not_equal(topic_read(&f, &k.arena, &k.err), ST_OK);
    assert_int_equal(f.kafka, KAFKA_E_OFFSET_OUT_OF_RANGE);
    assert_int_equal(f.diverging_epoch, -1);
    f.fetched_epoch = -1;
    f.leader_epoch = -2; /* no way to believe nothing: that is -1 */
    assert_int_not_equal(topic_read(&f, &k.arena, &k.err), ST_OK);
    assert_int_equal(f.kafka, KAFKA_E_FENCED_LEADER_EPOCH);
    kit_end(&k);
}

/* ---- waits ---- */

static uint32_t wakes;
static void on_wake(struct topic_wait *w)
{
    (void)w;
    wakes++;
}

static void test_waits(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 3, NULL, 0), 0);
    struct topic_wait_on on[2] = { { .partition = kit_part(&k, "t", 0) }, { .partition = kit_part(&k, "t", 1) } };
    struct topic_wait w = { .on = on, .n_on = 2, .wanted = 1, .wake = on_wake };
    wakes = 0;
    assert_true(topic_wait_begin(&w));
    kit_put(&k, kit_part(&k, "t", 2), "a");
    assert_int_equal(wakes, 0);
    kit_put(&k, kit_part(&k, "t", 1), "a");
    assert_int_equal(wakes, 1);
    kit_put(&k, kit_part(&k, "t", 0), "a");
    assert_int_equal(wakes, 1);
    topic_wait_end(&w);
    assert_false(topic_wait_begin(&w)); /* both have moved since what was seen */
    on[0].seen = 1;
    assert_false(topic_wait_begin(&w));
    on[1].seen = 1;
    w.wanted = 200; /* a batch of one record has about 70 bytes */
    assert_true(topic_wait_begin(&w));
    kit_put(&k, kit_part(&k, "t", 0), "b");
    kit_put(&k, kit_part(&k, "t", 1), "b");
    assert_int_equal(wakes, 1);
    kit_put(&k, kit_part(&k, "t", 0), "b");
    assert_int_equal(wakes, 2);
    topic_wait_end(&w);
    on[0].seen = 3;
    on[1].seen = 2;
    assert_true(topic_wait_begin(&w));
    topic_wait_end(&w); /* left before anything came */
    kit_put(&k, kit_part(&k, "t", 0), "c");
    assert_int_equal(wakes, 2);
    /* what is not durable yet wakes nobody; what goes away does */
    on[0].seen = 4;
    on[1].seen = 2;
    w.wanted = 1 << 20;
    struct topic *held = topics_find(k.topics, STR("t"));
    assert_true(topic_wait_begin(&w));
    assert_int_equal(kit_remove(&k, "t"), 0);
    assert_int_equal(wakes, 3);
    topic_wait_end(&w);
    assert_false(topic_wait_begin(&w));
    topic_unref(held);
    kit_end(&k);
}

/* A reader of committed records waits on the stable offset. */
static void test_wait_committed(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    struct topic_partition *p = kit_part(&k, "t", 0);
    struct kit_batch b = { .value = "x", .producer = { 7, 0, 0, true } };
    struct topic_wait_on on = { .partition = p, .committed = true };
    struct topic_wait w = { .on = &on, .n_on = 1, .wanted = 1, .wake = on_wake };
    wakes = 0;
    assert_true(topic_wait_begin(&w));
    assert_int_equal(kit_append(&k, p, &b, NULL), 0);
    assert_int_equal(wakes, 0);
    kit_put(&k, p, "a");
    assert_int_equal(wakes, 0);
    struct topic_group *g = topic_group_new(k.topics, NULL);
    int16_t kafka;
    must(topic_group_marker(g, p, 7, 0, (struct record_marker){ true, 0 }, KIT_NOW, &k.err), &k.err);
    must(topic_group_submit(g, NULL, NULL, &kafka, &k.err), &k.err);
    assert_int_equal(wakes, 0);
    kit_steps(&k);
    assert_int_equal(wakes, 1);
    topic_wait_end(&w);
    assert_string_equal(kit_read(&k, p, 0, true), "x a +");
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_rules), cmocka_unit_test(test_list_offsets),
        cmocka_unit_test(test_largest_timestamp_is_of_what_is_left), cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_waits),        cmocka_unit_test(test_wait_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
