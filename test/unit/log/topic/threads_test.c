/* The node with real threads: writer and tender loops, producers, readers that wait, commands, calls to the coordinators; for
 * tsan, and for what only threads break. On the real os, in a directory of its own. */
#include "kit.h"

#include <stdlib.h>

enum { PRODUCERS = 3, READERS = 2, EACH = 400 };

static struct topics *node;
static struct os *os;
static atomic_uint sent, calls_done, commands_done;

struct at_work {
    uint32_t number;
    struct os_signal *signal;
    struct os_thread *thread;
};

struct waiting_append {
    struct topic_append append;
    struct os_signal *signal;
};
static void raise_done(struct topic_append *a)
{
    struct waiting_append *w = (struct waiting_append *)a;
    os->ops->signal_raise(os, w->signal);
}

static void produce(void *arg)
{
    struct at_work *me = arg;
    struct error err;
    struct record_iter *it;
    must(record_iter_new(NULL, 1 << 20, &it, &err), &err);
    struct topic *p = topics_find(node, STR("t"));
    int32_t sequence = 0;
    for (uint32_t i = 0; i < EACH; i++) {
        uint32_t count = 1 + i % 3;
        struct record_producer producer = { 10 + me->number, 0, sequence, false };
        sequence += (int32_t)count;
        struct record_builder *w;
        struct buf out;
        must(record_builder_new(RECORD_PLAIN, 1 << 16, NULL, &w, &err), &err);
        for (uint32_t r = 0; r < count; r++) {
            struct record x = { .offset = -1, .timestamp_ms = os_wall_ms(os), .value = STR("value") };
            bool full;
            must(record_builder_add(w, &x, &full, &err), &err);
        }
        buf_init(&out, NULL, 1 << 20);
        must(record_builder_finish(w, producer, &out, &err), &err);
        struct shared *s = shared_new(NULL, (uint32_t)out.len);
        memcpy(s->data, out.data, out.len);
        s->len = (uint32_t)out.len;
        buf_release(&out);
        record_builder_free(w);
        struct waiting_append a = { .append = { .partition = topic_partition(p, me->number % 2), .bytes = s, .len = s->len,
                                                .version = 9, .acks = -1, .done = raise_done },
                                    .signal = me->signal };
        bool pending;
        must(topic_append(&a.append, it, os_wall_ms(os), &pending, &err), &err);
        shared_unref(s);
        if (pending)
            assert_true(os->ops->signal_wait(os, me->signal, INT64_MAX));
        assert_int_equal(a.append.kafka, 0);
        atomic_fetch_add(&sent, count);
    }
    topic_unref(p);
    record_iter_free(it);
}

struct waiting_read {
    struct topic_wait wait;
    struct os_signal *signal;
};
static void raise_wake(struct topic_wait *w) { os->ops->signal_raise(os, ((struct waiting_read *)w)->signal); }

static void consume(void *arg)
{
    struct at_work *me = arg;
    struct error err;
    struct arena arena;
    arena_init(&arena, NULL);
    struct topic *p = topics_find(node, STR("t"));
    int64_t at[2] = { 0, 0 }, total = 0;
    for (uint32_t i = 0; i < EACH; i++)
        total += 1 + i % 3;
    total *= PRODUCERS;
    while (at[0] + at[1] < total) {
        struct topic_wait_on on[2];
        bool any = false;
        for (uint32_t i = 0; i < 2; i++) {
            struct topic_fetch f = { .partition = topic_partition(p, i), .offset = at[i], .max_bytes = 3000,
                                     .committed = me->number % 2, .leader_epoch = -1, .fetched_epoch = -1 };
            must(topic_read(&f, &arena, &err), &err);
            if (f.range.len > 0) {
                any = true;
                at[i] = f.range.end_offset;
                store_range_release(&f.range);
            }
            on[i] = (struct topic_wait_on){ .partition = f.partition, .seen = f.committed ? f.stable : f.high,
                                            .committed = f.committed };
        }
        if (any)
            continue;
        struct waiting_read w = { .wait = { .on = on, .n_on = 2, .wanted = 1, .wake = raise_wake }, .signal = me->signal };
        if (!topic_wait_begin(&w.wait))
            continue;
        /* a wake-up that were lost would hang here until the deadline */
        bool woken = os->ops->signal_wait(os, me->signal, os_mono_ns(os) + 20000000000);
        topic_wait_end(&w.wait);
        assert_true(woken);
    }
    topic_unref(p);
    arena_release(&arena);
}

struct waiting_admin {
    struct topic_admin admin;
    struct os_signal *signal;
};
static void raise_admin(struct topic_admin *a) { os->ops->signal_raise(os, ((struct waiting_admin *)a)->signal); }

static void command(void *arg)
{
    struct at_work *me = arg;
    for (uint32_t i = 0; i < 30; i++) {
        struct waiting_admin a = { .admin = { .kind = i % 2 ? TOPIC_ADMIN_REMOVE : TOPIC_ADMIN_CREATE, .name = STR("other"),
                                              .partitions = 2, .done = raise_admin },
                                   .signal = me->signal };
        topics_admin(node, &a.admin);
        assert_true(os->ops->signal_wait(os, me->signal, INT64_MAX));
        assert_int_equal(a.admin.kafka, 0);
        struct arena arena;
        struct topic **list;
        uint32_t n;
        struct error err;
        arena_init(&arena, NULL);
        must(topics_list(node, &arena, &list, &n, &err), &err);
        for (uint32_t k = 0; k < n; k++)
            topic_unref(list[k]);
        arena_release(&arena);
    }
    atomic_store(&commands_done, 1);
}

/* Appends to the topic that comes and goes: each is answered, if only with the topic's end. */
static void bother(void *arg)
{
    struct at_work *me = arg;
    struct error err;
    struct record_iter *it;
    struct kit_batch b = { .value = "v" };
    uint32_t there = 0;
    must(record_iter_new(NULL, 1 << 20, &it, &err), &err);
    while (!atomic_load(&commands_done)) {
        struct topic *p = topics_find(node, STR("other"));
        if (!p)
            continue;
        struct shared *s = kit_bytes(&b);
        struct waiting_append a = { .append = { .partition = topic_partition(p, there % 2), .bytes = s, .len = s->len,
                                                .version = 9, .acks = -1, .done = raise_done },
                                    .signal = me->signal };
        bool pending;
        enum status st = topic_append(&a.append, it, os_wall_ms(os), &pending, &err);
        shared_unref(s);
        assert_true(st == ST_OK || a.append.kafka == KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
        if (pending)
            assert_true(os->ops->signal_wait(os, me->signal, INT64_MAX));
        assert_true(a.append.kafka == 0 || a.append.kafka == KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
        there += a.append.kafka == 0;
        topic_unref(p);
    }
    assert_true(there > 0);
    record_iter_free(it);
}

struct waiting_call {
    struct topic_call call;
    struct kafka_offset_commit_response rs;
    struct os_signal *signal;
    int16_t kafka;
    uint32_t number, round;
};
static enum status commit_offset(struct topic_call *c, struct topic_coords *with, struct error *err)
{
    struct waiting_call *w = (struct waiting_call *)c;
    struct kafka_offset_commit_request_partition part;
    struct kafka_offset_commit_request_topic topic;
    struct kafka_offset_commit_request rq;
    struct coord_client client = { .version = 9, .client_id = STR("x"), .client_host = STR("/h") };
    KAFKA_INIT(offset_commit_request_partition, &part);
    KAFKA_INIT(offset_commit_request_topic, &topic);
    KAFKA_INIT(offset_commit_request, &rq);
    part.partition_index = (int32_t)w->number;
    part.committed_offset = w->round;
    topic.name = STR("t");
    topic.partitions = &part;
    topic.n_partitions = 1;
    rq.group_id = STR("g");
    rq.topics = &topic;
    rq.n_topics = 1;
    return coord_groups_commit(with->groups, &client, &rq, with->now_ms, with->groups_step, &w->rs, err);
}
static void call_done(struct topic_call *c, int16_t kafka)
{
    struct waiting_call *w = (struct waiting_call *)c;
    w->kafka = kafka ? kafka : w->rs.topics[0].partitions[0].error_code;
    os->ops->signal_raise(os, w->signal);
}

static void coordinate(void *arg)
{
    struct at_work *me = arg;
    for (uint32_t i = 0; i < 100; i++) {
        struct waiting_call w = { .call = { .run = commit_offset, .done = call_done }, .signal = me->signal,
                                  .number = me->number, .round = i };
        topics_call(node, &w.call);
        assert_true(os->ops->signal_wait(os, me->signal, INT64_MAX));
        assert_int_equal(w.kafka, 0);
        atomic_fetch_add(&calls_done, 1);
    }
}

static void start(struct at_work *w, uint32_t number, void (*run)(void *arg))
{
    struct error err;
    w->number = number;
    w->signal = os->ops->signal_new(os);
    must(os->ops->thread_start(os, "test", run, w, &w->thread, &err), &err);
}

static void end(struct at_work *w)
{
    os->ops->thread_join(os, w->thread);
    os->ops->signal_free(os, w->signal);
}

static void run_all(const char *dir, struct os_thread **loops)
{
    struct error err;
    struct at_work w[PRODUCERS + READERS + 4];
    struct waiting_admin a = { .admin = { .kind = TOPIC_ADMIN_CREATE, .name = STR("t"), .partitions = 2, .done = raise_admin } };
    struct topics_options o = { .os = os, .path = dir, .snapshot_bytes = 10000 };
    uint32_t n = 0;
    must(topics_open(&o, &node, NULL, &err), &err);
    must(os->ops->thread_start(os, "writer", topics_run_writer, node, &loops[0], &err), &err);
    must(os->ops->thread_start(os, "tender", topics_run_tender, node, &loops[1], &err), &err);
    must(os->ops->thread_start(os, "cleaner", topics_run_cleaner, node, &loops[2], &err), &err);
    a.signal = os->ops->signal_new(os);
    topics_admin(node, &a.admin);
    assert_true(os->ops->signal_wait(os, a.signal, INT64_MAX));
    os->ops->signal_free(os, a.signal);
    for (uint32_t i = 0; i < PRODUCERS; i++)
        start(&w[n++], i, produce);
    for (uint32_t i = 0; i < READERS; i++)
        start(&w[n++], i, consume);
    start(&w[n++], 0, command);
    start(&w[n++], 0, bother);
    start(&w[n++], 0, coordinate);
    start(&w[n++], 1, coordinate);
    for (uint32_t i = 0; i < n; i++)
        end(&w[i]);
    topics_stop(node);
    for (uint32_t i = 0; i < 3; i++)
        os->ops->thread_join(os, loops[i]);
    must(topics_state(node, &err), &err);
    must(topics_close(node, &err), &err);
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct error err;
    struct topics_report report;
    struct os_thread *loops[3];
    char dir[] = "/tmp/weir-topic-XXXXXX", command_line[64];
    assert_non_null(mkdtemp(dir));
    os = os_real();
    run_all(dir, loops);
    struct topics_options o = { .os = os, .path = dir };
    must(topics_open(&o, &node, &report, &err), &err);
    assert_true(report.store.clean);
    assert_int_equal(report.scanned, 0);
    struct topic *p = topics_find(node, STR("t"));
    assert_int_equal(topic_high(topic_partition(p, 0)) + topic_high(topic_partition(p, 1)), atomic_load(&sent));
    topic_unref(p);
    assert_int_equal(atomic_load(&calls_done), 200);
    must(topics_close(node, &err), &err);
    snprintf(command_line, sizeof command_line, "rm -r %s", dir);
    assert_int_equal(system(command_line), 0);
}

static void create(const char *name, uint32_t partitions)
{
    struct topic_admin a = { .kind = TOPIC_ADMIN_CREATE, .name = str_from(name), .partitions = partitions };
    struct error err;
    must(topics_admin_wait(node, &a, &err), &err);
}

/* Where somebody outside a group has come to: what was never told, told, told again, of many partitions; after a restart. */
static void test_bookmarks(void **state)
{
    (void)state;
    static void (*const loops[])(void *) = { topics_run_writer, topics_run_tender, topics_run_cleaner };
    struct error err;
    struct topics_report report;
    struct os_thread *threads[3];
    char dir[] = "/tmp/weir-topic-XXXXXX", command_line[64];
    assert_non_null(mkdtemp(dir));
    os = os_real();
    struct topics_options o = { .os = os, .path = dir };
    for (uint32_t life = 0; life < 2; life++) {
        must(topics_open(&o, &node, &report, &err), &err);
        for (uint32_t i = 0; i < 3; i++)
            must(os->ops->thread_start(os, "loop", loops[i], node, &threads[i], &err), &err);
        if (life == 0)
            create("m", 3);
        struct topic_bookmark marks[3], told[2] = { { STR("m"), 0, 5 }, { STR("m"), 2, 7 } };
        for (uint32_t i = 0; i < 3; i++)
            marks[i] = (struct topic_bookmark){ STR("m"), i, 99 };
        must(topic_bookmarks_get(node, STR("g"), marks, 3, &err), &err);
        assert_int_equal(marks[0].offset, life ? 6 : -1);
        assert_int_equal(marks[1].offset, -1);
        assert_int_equal(marks[2].offset, life ? 7 : -1);
        must(topic_bookmarks_set(node, STR("g"), told, 2, &err), &err);
        told[0].offset = 6;
        must(topic_bookmarks_set(node, STR("g"), told, 1, &err), &err);
        must(topic_bookmarks_get(node, STR("other"), marks, 3, &err), &err);
        assert_int_equal(marks[0].offset, -1);
        topics_stop(node);
        for (uint32_t i = 0; i < 3; i++)
            os->ops->thread_join(os, threads[i]);
        must(topics_close(node, &err), &err);
    }
    snprintf(command_line, sizeof command_line, "rm -r %s", dir);
    assert_int_equal(system(command_line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_bookmarks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
