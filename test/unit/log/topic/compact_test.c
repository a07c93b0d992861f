/* Compaction: of each key the newest stays, tombstones and markers as long as they must, offsets as they were. */
#include "kit.h"

static struct topic_config_change set(const char *name, const char *value)
{
    return (struct topic_config_change){ str_from(name), str_from(value), TOPIC_SET };
}

static void create(struct kit *k)
{
    struct topic_config_change c[] = { set("cleanup.policy", "compact"), set("min.cleanable.dirty.ratio", "0.01"),
                                       set("delete.retention.ms", "1000"), set("segment.ms", "100"),
                                       set("message.timestamp.after.max.ms", "100000000") };
    assert_int_equal(kit_create(k, "t", 1, c, 5), 0);
}

static void put(struct kit *k, const char *key, const char *value, struct record_producer producer)
{
    struct kit_batch b = { .value = value, .key = key, .ms = os_wall_ms(k->os), .producer = producer };
    assert_int_equal(kit_append(k, kit_part(k, "t", 0), &b, NULL), 0);
}
static const struct record_producer nobody;

static void end(struct kit *k, int64_t id, bool commit)
{
    struct topic_group *g = topic_group_new(k->topics, NULL);
    int16_t kafka;
    must(topic_group_marker(g, kit_part(k, "t", 0), id, 0, (struct record_marker){ commit, 0 }, os_wall_ms(k->os), &k->err),
         &k->err);
    must(topic_group_submit(g, NULL, NULL, &kafka, &k->err), &k->err);
    kit_steps(k);
}

static void tombstone(struct kit *k, const char *key)
{
    struct record_builder *w;
    struct buf out;
    struct record r = { .offset = -1, .timestamp_ms = os_wall_ms(k->os), .key = str_from(key) };
    bool full, pending;
    uint32_t done = 0;
    must(record_builder_new(RECORD_PLAIN, 1 << 16, NULL, &w, &k->err), &k->err);
    must(record_builder_add(w, &r, &full, &k->err), &k->err);
    buf_init(&out, NULL, 1 << 20);
    must(record_builder_finish(w, RECORD_NO_PRODUCER, &out, &k->err), &k->err);
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    struct topic_append a = { .partition = kit_part(k, "t", 0), .bytes = s, .len = s->len, .version = 9, .acks = -1,
                              .done = kit_append_done, .user = &done };
    must(topic_append(&a, k->it, os_wall_ms(k->os), &pending, &k->err), &k->err);
    kit_steps(k);
    shared_unref(s);
    buf_release(&out);
    record_builder_free(w);
}

/* The newest segment is left by the next append, so one is made that nobody minds. */
static void compact(struct kit *k)
{
    int64_t next;
    must(topics_tend(k->topics, os_wall_ms(k->os), &next, &k->err), &k->err); /* sees the segment */
    sim_advance_ms(k->sim, 200);
    must(topics_tend(k->topics, os_wall_ms(k->os), &next, &k->err), &k->err); /* it is old: it will be left */
    put(k, "last", "L", nobody);
    must(topics_compact(k->topics, os_wall_ms(k->os), &k->err), &k->err);
    kit_steps(k);
    assert_int_equal(topic_count(kit_topic(k, "t")).compactions_failed, 0);
}

static void test_newest_stays(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    create(&k);
    put(&k, "a", "a1", nobody);
    put(&k, "b", "b1", nobody);
    struct kit_batch two = { .value = "c", .key = "c", .count = 3, .codec = RECORD_ZSTD };
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &two, NULL), 0); /* c c1 c2: one key */
    put(&k, "a", "a2", nobody);
    compact(&k);
    for (int round = 0; round < 3; round++) {
        struct topic_partition *p = kit_part(&k, "t", 0);
        assert_string_equal(kit_read(&k, p, 0, false), "b1 c2 a2 L");
        assert_string_equal(kit_read(&k, p, 2, true), "c2 a2 L"); /* inside a gap */
        assert_string_equal(kit_read(&k, p, 5, true), "a2 L");
        assert_int_equal(topic_high(p), 7);
        if (round == 0)
            kit_kill(&k);
        else
            kit_reopen(&k);
    }
    /* a kill forgets how far it has been compacted, a clean stop does not */
    must(topics_compact(k.topics, os_wall_ms(k.os), &k.err), &k.err);
    kit_reopen(&k);
    uint64_t calls = sim_calls(k.sim);
    must(topics_compact(k.topics, os_wall_ms(k.os), &k.err), &k.err);
    assert_int_equal(sim_calls(k.sim), calls);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "b1 c2 a2 L");
    put(&k, "b", "b2", nobody);
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "c2 a2 L b2 L");
    kit_end(&k);
}

static void test_tombstones(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    create(&k);
    put(&k, "a", "a1", nobody);
    put(&k, "b", "b1", nobody);
    tombstone(&k, "a");
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "b1  L"); /* the tombstone has no value */
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "b1  L L");
    sim_advance_ms(k.sim, 1001);
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "b1 L L");
    kit_end(&k);
}

static void test_transactions(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    create(&k);
    put(&k, "a", "a1", nobody);
    put(&k, "a", "x1", (struct record_producer){ 5, 0, 0, true });
    put(&k, "b", "y1", (struct record_producer){ 6, 0, 0, true });
    end(&k, 5, false); /* a1 is still the newest of its key */
    end(&k, 6, true);
    put(&k, "c", "z1", (struct record_producer){ 5, 0, 1, true });
    put(&k, "a", "a2", nobody); /* behind an open transaction: not yet */
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "a1 x1 y1 - + z1 a2 L");
    end(&k, 5, true);
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "y1 - + z1 a2 L + L");
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, true), "y1 - + z1 a2 L + L");
    /* nothing is left of the transaction of 6; its marker goes when it is old enough */
    put(&k, "b", "b2", nobody);
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, true), "- + z1 a2 + L b2 L");
    sim_advance_ms(k.sim, 2000);
    put(&k, "d", "d1", nobody);
    compact(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, true), "- z1 a2 + b2 L d1 L");
    kit_kill(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, true), "- z1 a2 + b2 L d1 L");
    /* what was compacted away is still known of its producer */
    struct kit_batch again = { .value = "q", .key = "q", .producer = { 5, 0, 2, true }, .ms = os_wall_ms(k.os) };
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &again, NULL), 0);
    kit_end(&k);
}

/* Random puts and deletions, compacted now and then, killed at times: reading all gives the map that was written. */
static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct kit k;
        char want[20][16] = { "" };
        uint32_t n = 0;
        kit_start(&k, seed);
        create(&k);
        for (uint32_t i = 0; i < 300; i++) {
            uint32_t key = (uint32_t)(sim_random(k.sim) % 20);
            char name[8], value[16];
            snprintf(name, sizeof name, "k%u", key);
            snprintf(value, sizeof value, "%u:%u", key, n++);
            switch (sim_random(k.sim) % 20) {
            case 0: compact(&k); break;
            case 1: kit_kill(&k); break;
            case 2: kit_reopen(&k); break;
            case 3: sim_advance_ms(k.sim, 600); break;
            case 4:
                tombstone(&k, name);
                want[key][0] = '\0';
                break;
            default:
                put(&k, name, value, nobody);
                memcpy(want[key], value, sizeof value);
            }
        }
        compact(&k);
        char got[20][16] = { "" };
        char all[1 << 14];
        snprintf(all, sizeof all, "%s", kit_read(&k, kit_part(&k, "t", 0), 0, true));
        struct str rest = str_from(all);
        while (rest.len > 0) { /* a tombstone reads as nothing: the value before it must be gone */
            struct str one = str_split(&rest, ' '), value = one;
            int64_t key;
            if (one.len > 1 && str_to_i64(str_split(&value, ':'), &key))
                snprintf(got[key], sizeof got[key], "%.*s", STR_ARG(one));
        }
        for (uint32_t i = 0; i < 20; i++)
            assert_string_equal(got[i], want[i]);
        kit_end(&k);
    }
}

/* Of a producer whose batches have all gone it is still known, also after a kill, what it has written. */
static void test_producers_stay(void **state)
{
    (void)state;
    struct kit k;
    int64_t base;
    kit_start(&k, 1);
    create(&k);
    put(&k, "a", "p0", (struct record_producer){ 5, 0, 0, false });
    put(&k, "a", "p1", (struct record_producer){ 5, 0, 1, false });
    put(&k, "a", "a1", nobody);
    compact(&k);
    kit_kill(&k);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "a1 L");
    struct kit_batch again = { .value = "p1", .key = "a", .ms = os_wall_ms(k.os), .producer = { 5, 0, 1, false } };
    assert_int_equal(kit_append(&k, kit_part(&k, "t", 0), &again, &base), 0);
    assert_int_equal(base, 1);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "a1 L");
    kit_end(&k);
}

/* The writer works while the cleaner does, as on threads: whenever it is woken. `first` is done before it is the first time. */
static struct {
    struct kit *kit;
    struct os_ops ops;
    const struct os_ops *below;
    void (*first)(struct kit *k);
    bool at_it;
} beside;

static void raise_and_step(struct os *os, struct os_signal *s)
{
    beside.below->signal_raise(os, s);
    if (beside.at_it)
        return;
    beside.at_it = true;
    if (beside.first)
        beside.first(beside.kit);
    beside.first = NULL;
    kit_steps(beside.kit);
    beside.at_it = false;
}

static void compact_beside(struct kit *k, void (*first)(struct kit *k))
{
    beside.kit = k;
    beside.first = first;
    beside.below = k->os->ops;
    beside.ops = *k->os->ops;
    beside.ops.signal_raise = raise_and_step;
    k->os->ops = &beside.ops;
    must(topics_compact(k->topics, os_wall_ms(k->os), &k->err), &k->err);
    k->os->ops = beside.below;
    assert_int_equal(topic_count(kit_topic(k, "t")).compactions_failed, 0);
}

/* Keys 0 to 7, twice, each a segment; a few fit one of segment.bytes. */
static void put_segments(struct kit *k, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        char key[8], value[8];
        snprintf(key, sizeof key, "k%u", i % 8);
        snprintf(value, sizeof value, "%u", i);
        struct kit_batch b = { .value = value, .key = key, .ms = os_wall_ms(k->os), .pad = 300 << 10 };
        assert_int_equal(kit_append(k, kit_part(k, "t", 0), &b, NULL), 0);
        store_log_roll(topic_partition_log(kit_part(k, "t", 0)));
    }
    put(k, "last", "L", nobody);
}

static int64_t kept[32];
static uint32_t n_kept;

static void see_kept(struct kit *k)
{
    struct topic_partition *p = kit_part(k, "t", 0);
    n_kept = 0;
    for (int64_t at = topic_start(p); at < topic_high(p);) {
        struct store_range r;
        int64_t next;
        must(store_read(topic_partition_log(p), at, INT64_MAX, 1, &r, &next, &k->err), &k->err);
        assert_non_null(r.pin);
        kept[n_kept++] = r.first_offset;
        at = r.end_offset;
        store_range_release(&r);
    }
}

/* Swaps make the table of segments shorter before the cleaner has been through it: none may be left out. */
static void test_swaps_beside(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    create(&k);
    struct topic_config_change c = set("segment.bytes", "1048576");
    struct topic_admin a = { .kind = TOPIC_ADMIN_ALTER, .name = STR("t"), .changes = &c, .n_changes = 1 };
    assert_int_equal(kit_admin(&k, &a), 0);
    put_segments(&k, 16);
    compact_beside(&k, NULL);
    see_kept(&k);
    assert_int_equal(n_kept, 9);
    for (uint32_t i = 0; i < n_kept; i++)
        assert_int_equal(kept[i], 8 + i);
    kit_end(&k);
}

static void trim_one(struct kit *k)
{
    must(store_log_trim(topic_partition_log(kit_part(k, "t", 0)), 1, &k->err), &k->err);
}

/* One of a run's swaps fails, and the writer has told so before the next one is handed over: what it was about is not clean. */
static void test_swap_fails(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    create(&k);
    struct topic_config_change c = set("segment.bytes", "1048576");
    struct topic_admin a = { .kind = TOPIC_ADMIN_ALTER, .name = STR("t"), .changes = &c, .n_changes = 1 };
    assert_int_equal(kit_admin(&k, &a), 0);
    put_segments(&k, 16);
    compact_beside(&k, trim_one);
    see_kept(&k);
    assert_int_equal(n_kept, 11); /* offsets 1 and 2 are still there */
    compact_beside(&k, NULL);
    see_kept(&k);
    assert_int_equal(n_kept, 11); /* not again at once */
    sim_advance_ms(k.sim, 60001);
    compact_beside(&k, NULL);
    see_kept(&k);
    assert_int_equal(n_kept, 9);
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_stays),
        cmocka_unit_test(test_tombstones),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_producers_stay),
        cmocka_unit_test(test_swaps_beside),
        cmocka_unit_test(test_swap_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
