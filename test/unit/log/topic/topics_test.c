/* The node as a whole: open, create, append, read, close, reopen; what a restart brings back. */
#include "kit.h"

static void test_one_record(void **state)
{
    (void)state;
    struct kit k;
    int64_t base;
    kit_start(&k, 1);
    assert_true(k.report.store.clean);
    assert_int_equal(strlen(topics_cluster_id(k.topics)), 22);
    char cluster[TOPIC_CLUSTER_TEXT];
    memcpy(cluster, topics_cluster_id(k.topics), sizeof cluster);
    assert_null(topics_find(k.topics, STR("t")));
    assert_int_equal(kit_create(&k, "t", 3, NULL, 0), 0);
    uint8_t id[16];
    memcpy(id, topic_id(kit_topic(&k, "t")), 16);
    struct kit_batch b = { .value = "a", .count = 3 };
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 1), &b, &base), 0);
    assert_int_equal(base, 0);
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 1), &b, &base), 0);
    assert_int_equal(base, 3);
    for (int round = 0; round < 3; round++) {
        struct topic_partition *p = kit_part(&k, "t", 1);
        assert_int_equal(topic_partitions(kit_topic(&k, "t")), 3);
        assert_memory_equal(topic_id(kit_topic(&k, "t")), id, 16);
        assert_string_equal(topics_cluster_id(k.topics), cluster);
        assert_string_equal(kit_read(&k, p, 0, false), "a a1 a2 a a1 a2");
        assert_string_equal(kit_read(&k, p, 4, true), "a1 a2");
        assert_string_equal(kit_read(&k, p, 6, false), "");
        assert_string_equal(kit_read(&k, p, 7, false), "!1");
        assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "");
        assert_int_equal(topic_high(p), 6);
        assert_int_equal(topic_stable(p), 6);
        if (round == 0) {
            kit_reopen(&k);
            assert_int_equal(k.report.scanned, 0);
        } else if (round == 1) {
            kit_kill(&k);
        }
        assert_int_equal(k.report.topics, 1);
        assert_int_equal(k.report.partitions, 3);
        assert_int_equal(k.report.removed, 0);
    }
    kit_end(&k);
}

static void test_acks(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    struct topic_partition *p = kit_part(&k, "t", 0);
    struct kit_batch b = { .value = "a" };
    bool pending;
    for (int16_t acks = 0; acks <= 1; acks++) {
        struct shared *s = kit_bytes(&b);
        struct topic_append a = { .partition = p, .bytes = s, .len = s->len, .version = 9, .acks = acks };
        must(topic_append(&a, k.it, KIT_NOW, &pending, &k.err), &k.err);
        shared_unref(s);
        assert_false(pending);
        assert_int_equal(a.kafka, 0);
        assert_int_equal(a.base_offset, acks);
        assert_int_equal(topic_high(p), 0); /* taken, not durable */
    }
    kit_steps(&k);
    assert_string_equal(kit_read(&k, p, 0, false), "a a");
    kit_end(&k);
}

/* The first one that waits says that the writer sleeps, the others find it called already; and nobody was woken. */
static void test_wake(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    kit_steps(&k);
    struct kit_batch b = { .value = "a" };
    for (uint32_t i = 0; i < 4; i++) {
        bool pending, wake = false;
        struct shared *s = kit_bytes(&b);
        struct topic_append a = { .partition = kit_part(&k, "t", 0), .bytes = s, .len = s->len, .version = 9, .acks = 1,
                                  .wake = &wake };
        must(topic_append(&a, k.it, KIT_NOW, &pending, &k.err), &k.err);
        shared_unref(s);
        assert_int_equal(wake, i % 2 == 0);
        if (i % 2 == 1) {
            topics_wake(k.topics);
            kit_steps(&k);
        }
    }
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "a a a a");
    kit_end(&k);
}

static void on_rot(void *arg, const char *file, uint64_t byte, int64_t first, int64_t last, const char *what)
{
    (void)byte, (void)what;
    assert_true(strstr(file, "/log/") && first == 0 && last == 1);
    ++*(uint32_t *)arg;
}

/* A segment that is cut short is told of, answered for, and not touched; the rest is served. */
static void test_rot(void **state)
{
    (void)state;
    struct kit k;
    uint32_t told = 0;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 2, NULL, 0), 0);
    kit_put(&k, kit_part(&k, "t", 0), "a");
    kit_put(&k, kit_part(&k, "t", 0), "b");
    kit_put(&k, kit_part(&k, "t", 1), "c");
    kit_close(&k);
    struct os_name *dirs, *files;
    uint32_t n_dirs, n_files;
    char path[512];
    must(k.os->ops->list(k.os, "data/log", &k.arena, &dirs, &n_dirs, &k.err), &k.err);
    for (uint32_t i = 0; i < n_dirs; i++) {
        snprintf(path, sizeof path, "data/log/%.*s", STR_ARG(dirs[i].name));
        must(k.os->ops->list(k.os, path, &k.arena, &files, &n_files, &k.err), &k.err);
        if (str_ends(dirs[i].name, STR("-0")) && !str_starts(dirs[i].name, STR("000"))) {
            snprintf(path + strlen(path), sizeof path - strlen(path), "/%.*s", STR_ARG(files[n_files - 1].name));
            assert_int_equal(sim_put_file(k.sim, path, "short", 5), ST_OK);
        }
    }
    k.options.rot = on_rot;
    k.options.arg = &told;
    kit_open(&k);
    assert_int_equal(told, 1);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "!2");
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 1), 0, false), "c");
    kit_put(&k, kit_part(&k, "t", 0), "d"); /* behind it */
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 2, true), "d");
    kit_end(&k);
}

/* Relaxed: a power cut loses what was not synced; the epoch says so. A kill loses nothing. */
static void test_relaxed(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    kit_close(&k);
    k.options.durability = STORE_RELAXED;
    kit_open(&k);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    kit_put(&k, kit_part(&k, "t", 0), "a");
    kit_reopen(&k);
    for (uint32_t i = 0; i < 20; i++)
        kit_put(&k, kit_part(&k, "t", 0), "b");
    kit_kill(&k);
    assert_int_equal(topic_high(kit_part(&k, "t", 0)), 21);
    assert_int_equal(topic_epoch(kit_part(&k, "t", 0)), 1); /* nobody can know that it was no power cut */
    for (uint32_t i = 0; i < 20; i++)
        kit_put(&k, kit_part(&k, "t", 0), "c");
    topics_abandon(k.topics);
    sim_power_cycle(k.sim, SIM_TEAR);
    kit_open(&k);
    int64_t high = topic_high(kit_part(&k, "t", 0));
    assert_true(high >= 1 && high <= 41);
    assert_int_equal(topic_epoch(kit_part(&k, "t", 0)), 2);
    kit_put(&k, kit_part(&k, "t", 0), "d");
    assert_int_equal(topic_high(kit_part(&k, "t", 0)), high + 1);
    kit_end(&k);
}

/* Where the disk keeps nothing of what was not synced, nothing is cut: the epoch goes up all the same, and producer ids that were
 * given out in that second are not given out again. */
static void test_relaxed_lost_whole(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    kit_close(&k);
    k.options.durability = STORE_RELAXED;
    kit_open(&k);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    kit_reopen(&k);
    assert_int_equal(topic_epoch(kit_part(&k, "t", 0)), 0);
    int64_t id = topics_producer_ids(k.topics, 7);
    kit_put(&k, kit_part(&k, "t", 0), "a");
    topics_abandon(k.topics);
    sim_power_cycle(k.sim, SIM_DROP);
    kit_open(&k);
    assert_int_equal(topic_high(kit_part(&k, "t", 0)), 0);
    assert_int_equal(k.report.store.cut_bytes, 0);
    assert_int_equal(topic_epoch(kit_part(&k, "t", 0)), 1);
    assert_true(topics_producer_ids(k.topics, 1) >= id + 7);
    /* The same when the next life is a strict one, behind which nothing is lost. */
    kit_put(&k, kit_part(&k, "t", 0), "b");
    k.options.durability = STORE_STRICT;
    for (int life = 0; life < 3; life++) {
        topics_abandon(k.topics);
        sim_power_cycle(k.sim, SIM_DROP);
        kit_open(&k);
        if (life == 0)
            kit_put(&k, kit_part(&k, "t", 0), "c");
        assert_int_equal(topic_high(kit_part(&k, "t", 0)), 1);
        assert_int_equal(topic_epoch(kit_part(&k, "t", 0)), 2);
    }
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_record),
        cmocka_unit_test(test_acks),
        cmocka_unit_test(test_wake),
        cmocka_unit_test(test_rot),
        cmocka_unit_test(test_relaxed),
        cmocka_unit_test(test_relaxed_lost_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
