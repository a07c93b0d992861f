/* Opening much, on a real disk: 100 GB of sealed segments (made long here: they take no place), after a clean stop and after
 * a kill with a full journal. Times are printed; what is checked is that all is there, and how much memory it takes. */
#include <stdlib.h>
#include <unistd.h>

#include "kit.h"
#include "store/private.h"

enum { RECORDS_BYTES = 900 };

static struct store *open_dir(const char *dir, struct store_report *report)
{
    struct error err;
    struct store *s;
    struct store_options o = { .os = os_real(), .path = dir };
    must(store_open(&o, NULL, &s, report, &err), &err);
    return s;
}

static void append_to_all(struct store *s, uint32_t logs, struct shared *b)
{
    struct error err;
    bool more = true;
    struct fate fate = { 0 };
    for (uint32_t i = 0; i < logs; i++) {
        struct store_id id = kit_id(i);
        int64_t base;
        struct store_group *g = store_group_new(s, NULL);
        struct shared *copy = shared_new(NULL, b->len);
        memcpy(copy->data, b->data, b->len);
        copy->len = b->len;
        must(store_group_append(g, store_log_find(s, &id), copy, 0, copy->len, &base, &err), &err);
        shared_unref(copy);
        store_group_submit(g, kit_done, &fate);
    }
    while (more)
        must(store_commit_step(s, &more, &err), &err);
    assert_int_equal(fate.calls, logs);
    assert_int_equal(fate.st, ST_OK);
}

/* `logs` partitions of `segments` sealed segments, `bytes` long each, and an active one. */
static void make(const char *dir, uint32_t logs, uint32_t segments, uint64_t bytes, struct shared *b)
{
    struct error err;
    struct store *s = open_dir(dir, NULL);
    static struct store_id ids[1024];
    static struct store_log *made[1024];
    for (uint32_t i = 0; i < logs; i++)
        ids[i] = kit_id(i);
    must(store_logs_create(s, ids, logs, NULL, made, &err), &err);
    for (uint32_t n = 0; n <= segments; n++) {
        append_to_all(s, logs, b);
        for (struct store_log *l = s->logs; n < segments && l; l = l->newer) {
            store_log_roll(l);
            must(segment_use(l->last, &err), &err);
            must(os_real()->ops->truncate(os_real(), l->last->file, bytes, &err), &err);
            segment_unuse(l->last);
            l->last->bytes = bytes; /* now it is as if it had been written */
        }
    }
    must(store_close(s, &err), &err);
}

static double opened(const char *dir, uint32_t logs, const char *what, bool clean)
{
    struct error err;
    struct store_report report;
    size_t before = atomic_load(&budget_process()->used);
    int64_t t = os_mono_ns(os_real());
    struct store *s = open_dir(dir, &report);
    double ms = (double)(os_mono_ns(os_real()) - t) / 1e6;
    size_t bytes = atomic_load(&budget_process()->used) - before;
    assert_int_equal(report.logs, logs);
    assert_int_equal(report.rot, 0);
    assert_int_equal(report.clean, clean);
    print_message("  %s: %.0f ms, %zu KiB, %.0f MiB of journal\n", what, ms, bytes >> 10,
                  (double)report.replayed_bytes / (1 << 20));
    must(store_close(s, &err), &err);
    return ms;
}

static void hundred_gb(uint32_t logs, uint32_t segments)
{
    char dir[] = "/tmp/weir-open-XXXXXX", command[64];
    assert_non_null(mkdtemp(dir));
    struct shared *b = batch_make(1, 1, RECORDS_BYTES, 1);
    struct error err;
    make(dir, logs, segments, (uint64_t)100000000000 / ((uint64_t)logs * segments), b);
    print_message("%u partitions, %u sealed segments:\n", logs, logs * segments);
    opened(dir, logs, "after a clean stop", true);
    struct store *s = open_dir(dir, NULL);
    uint32_t turns = (uint32_t)(((uint64_t)60 << 20) / logs / b->len);
    for (uint32_t i = 0; i < turns && i < 2000; i++)
        append_to_all(s, logs, b);
    int64_t high = store_log_high(s->logs);
    store_abandon(s);
    opened(dir, logs, "after a kill", false);
    s = open_dir(dir, NULL);
    assert_int_equal(store_log_high(s->logs), high);
    struct store_segment seg;
    assert_true(store_log_segment(s->logs, 0, &seg));
    assert_true(seg.bytes > 90000000);
    must(store_close(s, &err), &err);
    shared_unref(b);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void test_segments_of_a_gib(void **state) { (void)state; hundred_gb(10, 10); }
static void test_a_thousand_partitions(void **state) { (void)state; hundred_gb(1024, 1); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_of_a_gib),
        cmocka_unit_test(test_a_thousand_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
