/* The internal partition with records that are not as they should be: every piece of a good one, flipped and cut. The node opens
 * or says ST_CORRUPT; it does not crash, and what it cannot read makes it remove nothing. */
#include "kit.h"

#include "topic/private.h"

/* One record into the internal partition. */
static void put_raw(struct kit *k, struct str key, struct str value)
{
    struct record_builder *w;
    struct buf out;
    struct record r = { .offset = -1, .timestamp_ms = KIT_NOW, .key = key, .value = value };
    bool full;
    int16_t kafka;
    must(record_builder_new(RECORD_PLAIN, 1 << 20, NULL, &w, &k->err), &k->err);
    must(record_builder_add(w, &r, &full, &k->err), &k->err);
    buf_init(&out, NULL, 1 << 21);
    must(record_builder_finish(w, RECORD_NO_PRODUCER, &out, &k->err), &k->err);
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    struct topic_group *g = topic_group_new(k->topics, NULL);
    must(topic_group_append(g, topic_partition(k->topics->meta.topic, 0), s, 0, s->len, &k->err), &k->err);
    must(topic_group_submit(g, NULL, NULL, &kafka, &k->err), &k->err);
    kit_steps(k);
    shared_unref(s);
    buf_release(&out);
    record_builder_free(w);
}

struct good {
    uint8_t key[64], value[512];
    size_t key_len, value_len;
};

/* What the node itself has written. */
static uint32_t collect(struct kit *k, struct good *ret, uint32_t room)
{
    struct topic_partition *p = topic_partition(k->topics->meta.topic, 0);
    struct scan *s = mem_alloc(NULL, sizeof *s);
    struct record_batch b;
    struct buf whole;
    bool end = false;
    uint32_t n = 0;
    buf_init(&whole, NULL, 1 << 20);
    scan_begin(s, p, 0, INT64_MAX);
    for (;;) {
        struct record r;
        must(scan_next(s, &b, &end, &k->err), &k->err);
        if (end)
            break;
        must(scan_whole(s, &whole, &b, &k->err), &k->err);
        must(record_iter_open(k->it, &b, &k->err), &k->err);
        for (;;) {
            must(record_iter_next(k->it, &r, &end, &k->err), &k->err);
            if (end)
                break;
            if (n == room || r.value.len > sizeof ret->value || !r.value.ptr)
                continue;
            struct good *g = &ret[n++];
            g->key_len = r.key.len;
            g->value_len = r.value.len;
            memcpy(g->key, r.key.ptr, r.key.len);
            memcpy(g->value, r.value.ptr, r.value.len);
        }
    }
    scan_end(s);
    buf_release(&whole);
    mem_free(NULL, s, sizeof *s);
    return n;
}

static void fill(struct kit *k)
{
    struct topic_config_change c = { STR("retention.ms"), STR("77"), TOPIC_SET };
    assert_int_equal(kit_create(k, "t", 2, &c, 1), 0);
    for (int i = 0; i < 3; i++) {
        struct kit_batch b = { .value = "a", .producer = { 5, 0, i, false } }, x = { .value = "b", .producer = { 6, 0, i, true } };
        assert_int_equal(kit_append(k, kit_part(k, "t", 0), &b, NULL), 0);
        assert_int_equal(kit_append(k, kit_part(k, "t", 0), &x, NULL), 0);
        struct topic_group *g = topic_group_new(k->topics, NULL);
        int16_t kafka;
        must(topic_group_marker(g, kit_part(k, "t", 0), 6, 0, (struct record_marker){ false, 0 }, KIT_NOW, &k->err), &k->err);
        must(topic_group_submit(g, NULL, NULL, &kafka, &k->err), &k->err);
        kit_steps(k);
    }
    must(snapshots_take(k->topics, &k->err), &k->err);
    kit_steps(k);
}

static void damaged(uint64_t seed, uint32_t which, bool *ret_refused)
{
    struct kit k;
    static struct good all[32];
    kit_start(&k, seed);
    fill(&k);
    uint32_t n = collect(&k, all, 32);
    assert_true(n >= 4);
    struct good g = all[which % n];
    switch (sim_random(k.sim) % 4) {
    case 0: g.value[sim_random(k.sim) % g.value_len] ^= (uint8_t)(1 + sim_random(k.sim) % 255); break;
    case 1: g.value_len = sim_random(k.sim) % g.value_len; break;
    case 2: g.key[sim_random(k.sim) % g.key_len] ^= (uint8_t)(1 + sim_random(k.sim) % 255); break;
    default: g.key_len = sim_random(k.sim) % g.key_len; break;
    }
    put_raw(&k, str_make(g.key, g.key_len), str_make(g.value, g.value_len));
    topics_abandon(k.topics);
    k.topics = NULL;
    sim_kill(k.sim);
    enum status st = topics_open(&k.options, &k.topics, &k.report, &k.err);
    assert_true(st == ST_OK || st == ST_CORRUPT || st == ST_USAGE);
    *ret_refused = st != ST_OK;
    if (st != ST_OK) { /* the partitions are still there */
        struct store *s;
        struct store_report report;
        struct store_options o = { .os = k.os, .path = "data" };
        must(store_open(&o, NULL, &s, &report, &k.err), &k.err);
        assert_int_equal(report.logs, 3);
        store_abandon(s);
    } else { /* a number that may be so: it goes on */
        kit_steps(&k);
        kit_close(&k);
    }
    kit_end(&k);
}

static void test_damaged_records(void **state)
{
    (void)state;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 400; i++) {
        bool no;
        damaged(i + 1, i, &no);
        refused += no;
    }
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_damaged_records) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
