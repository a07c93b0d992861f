/* Upkeep: retention by time and size, what it spares, expiry of producers, the internal partition kept small. */
#include "kit.h"

enum { PAD = 60000 };

static struct topic_config_change set(const char *name, const char *value)
{
    return (struct topic_config_change){ str_from(name), str_from(value), TOPIC_SET };
}

static int64_t tend(struct kit *k)
{
    int64_t next;
    must(topics_tend(k->topics, os_wall_ms(k->os), &next, &k->err), &k->err);
    kit_steps(k);
    return next;
}

/* `n` batches of 60 kB: about 17 fill a segment of 1 MiB. */
static void fill(struct kit *k, const char *topic, uint32_t n, struct record_producer producer)
{
    for (uint32_t i = 0; i < n; i++) {
        struct kit_batch b = { .value = "a", .pad = PAD, .ms = os_wall_ms(k->os), .producer = producer };
        b.producer.base_sequence += (int32_t)i;
        assert_int_equal(kit_append(k, kit_part(k, topic, 0), &b, NULL), 0);
    }
}
static const struct record_producer nobody;

static void test_by_size(void **state)
{
    (void)state;
    struct kit k;
    struct topic_config_change c[] = { set("segment.bytes", "1048576"), set("retention.bytes", "2100000"),
                                       set("retention.ms", "-1") };
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, c, 3), 0);
    fill(&k, "t", 34, nobody); /* two segments of 17 */
    tend(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 0);
    fill(&k, "t", 17, nobody);
    tend(&k); /* 3.06 MB: without the first 2.04 */
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 0);
    fill(&k, "t", 3, nobody);
    tend(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 17);
    assert_true(topic_bytes(kit_part(&k, "t", 0)) < 2300000);
    assert_true(topic_count(kit_topic(&k, "t")).trimmed_bytes > 1000000);
    kit_kill(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 17);
    kit_end(&k);
}

static void test_by_time(void **state)
{
    (void)state;
    struct kit k;
    struct topic_config_change c[] = { set("segment.bytes", "1048576"), set("retention.ms", "10000"),
                                       set("message.timestamp.after.max.ms", "100000000") };
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, c, 3), 0);
    assert_true(tend(&k) > KIT_NOW + 10000); /* nothing there */
    fill(&k, "t", 18, nobody);
    sim_advance_ms(k.sim, 5000);
    fill(&k, "t", 17, nobody);
    assert_int_equal(tend(&k), KIT_NOW + 10001);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 0);
    sim_advance_ms(k.sim, 5000);
    tend(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 0);
    sim_advance_ms(k.sim, 1);
    assert_int_equal(tend(&k), KIT_NOW + 15001);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 17);
    /* all of it, the active segment too */
    sim_advance_ms(k.sim, 5000);
    tend(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 35);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "!1");
    fill(&k, "t", 1, nobody);
    tend(&k); /* the old active segment stands alone no more */
    assert_true(topic_bytes(kit_part(&k, "t", 0)) < 70000);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 35);
    kit_kill(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 35);
    assert_int_equal(topic_high(kit_part(&k, "t", 0)), 36);
    kit_end(&k);
}

/* An open transaction holds retention back; what is known of producers outlives their batches. */
static void test_spares(void **state)
{
    (void)state;
    struct kit k;
    struct topic_config_change c[] = { set("segment.bytes", "1048576"), set("retention.ms", "1000") };
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, c, 2), 0);
    fill(&k, "t", 20, (struct record_producer){ 5, 0, 0, false });
    fill(&k, "t", 1, (struct record_producer){ 6, 0, 0, true }); /* at 20, in the second segment */
    fill(&k, "t", 20, (struct record_producer){ 5, 0, 20, false });
    sim_advance_ms(k.sim, 5000);
    tend(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 17);
    struct topic_group *g = topic_group_new(k.topics, NULL);
    int16_t kafka;
    must(topic_group_marker(g, kit_part(&k, "t", 0), 6, 0, (struct record_marker){ false, 0 }, KIT_NOW, &k.err), &k.err);
    must(topic_group_submit(g, NULL, NULL, &kafka, &k.err), &k.err);
    kit_steps(&k);
    tend(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 42);
    kit_kill(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 0)), 42);
    struct kit_batch next = { .value = "a", .producer = { 5, 0, 40, false }, .ms = os_wall_ms(k.os) };
    int64_t base;
    next.producer.base_sequence = 41;
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &next, &base), KAFKA_E_OUT_OF_ORDER_SEQUENCE_NUMBER);
    next.producer.base_sequence = 40;
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &next, &base), 0);
    assert_int_equal(base, 42);
    kit_end(&k);
}

static void test_expiry(void **state)
{
    (void)state;
    struct kit k;
    struct topic_producer *all;
    uint32_t n;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    struct kit_batch b = { .value = "a", .producer = { 5, 0, 0, false } }, x = { .value = "a", .producer = { 6, 0, 0, true } };
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &b, NULL), 0);
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &x, NULL), 0);
    for (int day = 0; day < 2; day++) {
        tend(&k);
        must(topic_producers(kit_part(&k, "t", 0), &k.arena, &all, &n, &k.err), &k.err);
        assert_int_equal(n, 2 - day); /* a transaction that is open stays known */
        sim_advance_ms(k.sim, 86400001);
    }
    kit_reopen(&k);
    must(topic_producers(kit_part(&k, "t", 0), &k.arena, &all, &n, &k.err), &k.err);
    assert_int_equal(n, 1);
    b.producer.base_sequence = 33; /* nobody remembers */
    b.ms = os_wall_ms(k.os);
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &b, NULL), 0);
    kit_end(&k);
}

/* Configurations are changed for ever; what stands in the internal partition stays small, and true. */
static void test_meta_stays_small(void **state)
{
    (void)state;
    struct kit k;
    static char text[30000];
    kit_start(&k, 1);
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(kit_create(&k, name, 2, NULL, 0), 0);
    }
    struct kit_batch b = { .value = "a", .producer = { 5, 0, 0, true } };
    assert_int_equal(kit_append(&k, kit_part(&k, "t3", 1), &b, NULL), 0);
    char cluster[TOPIC_CLUSTER_TEXT];
    memcpy(cluster, topics_cluster_id(k.topics), sizeof cluster);
    for (int i = 0; i < 200; i++) {
        memset(text, 'a' + i % 26, sizeof text - 1);
        struct topic_config_change c = set("follower.replication.throttled.replicas", text);
        struct topic_admin a = { .kind = TOPIC_ADMIN_ALTER, .name = STR("t1"), .changes = &c, .n_changes = 1 };
        assert_int_equal(kit_admin(&k, &a), 0);
    }
    tend(&k);
    kit_kill(&k);
    assert_int_equal(k.report.store.logs, 11);
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(topic_partitions(kit_topic(&k, name)), 2);
    }
    enum topic_config_source source;
    struct str now = topic_config_text(kit_topic(&k, "t1"), TOPIC_FOLLOWER_THROTTLED, &source, &k.arena);
    assert_int_equal(now.len, sizeof text - 1);
    assert_int_equal(now.ptr[0], 'a' + 199 % 26);
    assert_string_equal(topics_cluster_id(k.topics), cluster);
    assert_int_equal(topic_stable(kit_part(&k, "t3", 1)), 0);
    uint64_t bytes = 0;
    struct os_name *names;
    uint32_t n;
    struct os *os = k.os;
    must(os->ops->list(os, "data/log/00000000000000000000000000000001-0", &k.arena, &names, &n, &k.err), &k.err);
    for (uint32_t i = 0; i < n; i++) {
        char path[256];
        struct os_stat st;
        snprintf(path, sizeof path, "data/log/00000000000000000000000000000001-0/%.*s", STR_ARG(names[i].name));
        must(os->ops->stat(os, path, &st, &k.err), &k.err);
        bytes += st.bytes;
    }
    assert_true(bytes < 3000000); /* 6 MB have been written */
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_size), cmocka_unit_test(test_by_time),          cmocka_unit_test(test_spares),
        cmocka_unit_test(test_expiry),  cmocka_unit_test(test_meta_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
