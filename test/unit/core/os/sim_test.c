/* The twin: each mood by what it may and may not do to unsynced changes, faults at calls, killed
 * processes, work in seeded order, and the same seed giving the same disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "os/sim.h"

#define SEEDS 200u

static struct os_file *open_file(struct sim *s, const char *path)
{
    struct os_file *f;
    assert_int_equal(os_open(sim_os(s), path, OS_CREATE, &f, NULL), ST_OK);
    return f;
}

static void put_at(struct sim *s, struct os_file *f, uint64_t offset, size_t len, int byte)
{
    uint8_t bytes[8192];
    assert_true(len <= sizeof bytes);
    memset(bytes, byte, len);
    assert_int_equal(os_pwrite(sim_os(s), f, bytes, len, offset, NULL), ST_OK);
}

static bool there(struct sim *s, const char *path)
{
    struct os_stat st;
    return sim_os(s)->ops->stat(sim_os(s), path, &st, NULL) == ST_OK;
}

/* The file's bytes, in a buffer of the caller's; false when there is none. */
static bool get(struct sim *s, const char *path, struct buf *b)
{
    buf_clear(b);
    return sim_get_file(s, path, b);
}

/* A synced file and a synced name; then, unsynced: a write of 4 sectors behind it, and a second file. */
static struct sim *half_synced(uint64_t seed)
{
    struct sim *s = sim_new(seed, NULL);
    assert_non_null(s);
    struct os_file *f = open_file(s, "old");
    put_at(s, f, 0, 1024, 'S');
    assert_int_equal(os_sync(sim_os(s), f, NULL), ST_OK);
    assert_int_equal(os_sync_parent(sim_os(s), "old", NULL), ST_OK);
    put_at(s, f, 1024, 2048, 'U');
    struct os_file *g = open_file(s, "young");
    put_at(s, g, 0, 10, 'Y');
    os_close(sim_os(s), f);
    os_close(sim_os(s), g);
    return s;
}

static void test_drop(void **state)
{
    (void)state;
    struct sim *s = half_synced(1);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    assert_true(get(s, "old", &b) && b.len == 3072 && there(s, "young"));
    sim_power_cycle(s, SIM_DROP);
    assert_true(get(s, "old", &b));
    assert_int_equal(b.len, 1024);
    assert_int_equal(b.data[1023], 'S');
    assert_false(there(s, "young"));
    buf_release(&b);
    sim_free(s);
}

static void test_keep(void **state)
{
    (void)state;
    struct sim *s = half_synced(1);
    uint64_t sum = sim_disk_sum(s);
    sim_power_cycle(s, SIM_KEEP);
    assert_true(sim_disk_sum(s) == sum);
    sim_power_cycle(s, SIM_DROP); /* what survived a power loss is durable */
    assert_true(sim_disk_sum(s) == sum);
    sim_free(s);
}

static void test_reorder(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    uint32_t hole = 0, whole = 0, none = 0, size_lost = 0, young_empty = 0, young_alone = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim *s = half_synced(seed);
        sim_power_cycle(s, SIM_REORDER);
        assert_true(get(s, "old", &b));
        assert_true(b.len == 1024 || b.len == 3072);
        uint32_t kept = 0;
        bool missing_before = false;
        for (size_t at = 0; at < b.len; at += 512) {
            uint8_t want = at < 1024 ? 'S' : b.data[at]; /* sectors are atomic, synced ones untouched */
            for (size_t i = at; i < at + 512; i++)
                assert_int_equal(b.data[i], want);
            assert_true(want == 'S' || want == 'U' || want == 0);
            kept += want == 'U';
            hole += want == 'U' && missing_before;
            missing_before |= want == 0;
        }
        size_lost += b.len == 1024;
        whole += kept == 4;
        none += kept == 0;
        if (get(s, "young", &b)) {
            young_empty += b.len == 0;
            young_alone += kept == 0;
        }
        sim_free(s);
    }
    assert_true(hole && whole && none && size_lost && young_empty && young_alone);
    buf_release(&b);
}

/* A sector rewritten many times shows one of the contents it has had, never a mixture. */
static void test_reorder_versions(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    uint32_t hits[4] = { 0 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim *s = sim_new(seed, NULL);
        assert_int_equal(sim_put_file(s, "f", "0000000000", 10), ST_OK);
        struct os_file *f = open_file(s, "f");
        put_at(s, f, 0, 6, '1');
        put_at(s, f, 4, 6, '2');
        put_at(s, f, 2, 2, '3');
        os_close(sim_os(s), f);
        sim_power_cycle(s, SIM_REORDER);
        assert_true(get(s, "f", &b) && b.len == 10);
        static const char *const versions[] = { "0000000000", "1111110000", "1111222222", "1133222222" };
        int which = -1;
        for (int i = 0; i < 4; i++)
            which = memcmp(b.data, versions[i], 10) == 0 ? i : which;
        assert_true(which >= 0);
        hits[which]++;
        sim_free(s);
    }
    assert_true(hits[0] && hits[1] && hits[2] && hits[3]);
    buf_release(&b);
}

static void test_tear(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    uint32_t cut = 0, zeros = 0, garbage = 0, whole = 0, none = 0, later = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim *s = half_synced(seed);
        sim_power_cycle(s, SIM_TEAR);
        assert_true(get(s, "old", &b));
        for (size_t i = 0; i < 1024; i++)
            assert_int_equal(b.data[i], 'S'); /* what was synced is not torn */
        size_t good = 1024;
        while (good < b.len && b.data[good] == 'U')
            good++;
        assert_true(good % 512 == 0 || b.data[good] != 0); /* garbage may begin with a U by chance */
        bool zero = good < b.len;
        for (size_t i = good; i < b.len; i++)
            zero &= b.data[i] == 0;
        whole += good == 3072;
        none += b.len == 1024;
        cut += b.len > 1024 && b.len < 3072;
        zeros += zero;
        garbage += good < b.len && !zero;
        if (there(s, "young")) { /* a later change: then the earlier one is whole */
            assert_int_equal(good, 3072);
            later++;
        }
        sim_free(s);
    }
    assert_true(cut && zeros && garbage && whole && none && later);
    buf_release(&b);
}

/* Strict POSIX: a synced file whose directory was not synced is gone; a synced name shows an empty file. */
static void test_bytes_and_names_are_apart(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    struct os_file *f = open_file(s, "synced");
    put_at(s, f, 0, 5, 'x');
    assert_int_equal(os->ops->mkdir(os, "d", NULL), ST_OK);
    assert_int_equal(os->ops->sync_dir(os, "/", NULL), ST_OK);
    struct os_file *g = open_file(s, "d/named");
    put_at(s, g, 0, 5, 'y');
    assert_int_equal(os_sync(os, g, NULL), ST_OK);
    os_close(os, f);
    os_close(os, g);
    sim_power_cycle(s, SIM_DROP);
    assert_true(get(s, "synced", &b) && b.len == 0);
    assert_true(there(s, "d"));
    assert_false(there(s, "d/named"));
    /* A directory whose own name is not durable takes all below it. */
    assert_int_equal(os->ops->mkdir(os, "e", NULL), ST_OK);
    f = open_file(s, "e/deep");
    assert_int_equal(os_sync(os, f, NULL), ST_OK);
    assert_int_equal(os->ops->sync_dir(os, "e", NULL), ST_OK);
    os_close(os, f);
    sim_power_cycle(s, SIM_DROP);
    assert_false(there(s, "e"));
    /* os_mkdirs does sync its names, os_write_file its bytes and name. */
    assert_int_equal(os_mkdirs(os, "p/q/r", NULL), ST_OK);
    assert_int_equal(os_write_file(os, "p/q/r/file", "bytes", 5, NULL), ST_OK);
    sim_power_cycle(s, SIM_DROP);
    assert_true(get(s, "p/q/r/file", &b) && b.len == 5);
    buf_release(&b);
    sim_free(s);
}

static void test_unlink_and_open_files(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    for (int synced = 0; synced < 2; synced++) {
        struct sim *s = sim_new(1, NULL);
        struct os *os = sim_os(s);
        assert_int_equal(sim_put_file(s, "f", "durable", 7), ST_OK);
        struct os_file *f = open_file(s, "f");
        assert_int_equal(os->ops->unlink(os, "f", NULL), ST_OK);
        put_at(s, f, 0, 7, 'v');
        if (synced)
            assert_int_equal(os->ops->sync_dir(os, ".", NULL), ST_OK);
        sim_power_cycle(s, SIM_DROP);
        assert_int_equal(get(s, "f", &b), !synced); /* an unlink that was not synced is undone */
        assert_true(synced || memcmp(b.data, "durable", 7) == 0);
        size_t n;
        char c;
        assert_int_equal(os_pread(os, f, &c, 1, 0, &n, NULL), ST_CRASHED); /* handles do not survive */
        os_close(os, f);
        sim_free(s);
    }
    buf_release(&b);
}

/* A rename over an existing file shows the old or the new, whole, and never neither. */
static void test_rename_is_atomic(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        uint32_t olds = 0, news = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct sim *s = sim_new(seed, NULL);
            struct os *os = sim_os(s);
            assert_int_equal(sim_put_file(s, "a/f", "old", 3), ST_OK);
            assert_int_equal(sim_put_file(s, "b/t", "new!", 4), ST_OK);
            assert_int_equal(os->ops->rename(os, "b/t", "a/f", NULL), ST_OK);
            if (seed % 3 == 1)
                assert_int_equal(os->ops->sync_dir(os, "a", NULL), ST_OK);
            sim_power_cycle(s, mood);
            assert_true(get(s, "a/f", &b));
            bool is_new = b.len == 4 && memcmp(b.data, "new!", 4) == 0;
            assert_true(is_new || (b.len == 3 && memcmp(b.data, "old", 3) == 0));
            assert_int_equal(there(s, "b/t"), !is_new);
            assert_true(is_new || seed % 3 != 1);
            olds += !is_new;
            news += is_new;
            sim_free(s);
        }
        assert_int_equal(olds > 0, mood != SIM_KEEP);
        assert_int_equal(news > 0, true);
    }
    buf_release(&b);
}

/* A cross-directory move after an unsynced create: syncing the target must not leave two names. */
static void test_move_of_a_young_file(void **state)
{
    (void)state;
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        struct sim *s = sim_new(mood, NULL);
        struct os *os = sim_os(s);
        assert_int_equal(os_mkdirs(os, "a", NULL), ST_OK);
        assert_int_equal(os_mkdirs(os, "b", NULL), ST_OK);
        os_close(os, open_file(s, "a/tmp"));
        assert_int_equal(os->ops->rename(os, "a/tmp", "b/x", NULL), ST_OK);
        assert_int_equal(os->ops->sync_dir(os, "b", NULL), ST_OK);
        sim_power_cycle(s, mood);
        assert_true(there(s, "b/x"));
        assert_false(there(s, "a/tmp"));
        sim_free(s);
    }
}

static void test_crash_switch(void **state)
{
    (void)state;
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    struct os_file *f = open_file(s, "f");
    uint64_t sum = sim_disk_sum(s);
    sim_trace(s, true);
    sim_crash_at(s, sim_calls(s) + 2);
    put_at(s, f, 0, 0, 0);
    assert_false(sim_crashed(s));
    struct error err;
    assert_int_equal(os_pwrite(os, f, "x", 1, 0, &err), ST_CRASHED);
    assert_true(sim_crashed(s));
    assert_int_equal(os->ops->rename(os, "f", "g", NULL), ST_CRASHED);
    assert_int_equal(os->ops->unlink(os, "f", NULL), ST_CRASHED);
    assert_int_equal(os->ops->stream_write(os, 1, "x", 1, NULL), ST_CRASHED);
    assert_true(sim_disk_sum(s) == sum);
    assert_int_equal(sim_calls(s), 3); /* calls on a dead machine do not count */
    os_close(os, f);
    sim_power_cycle(s, SIM_KEEP);
    assert_false(sim_crashed(s));
    assert_int_equal(os->ops->rename(os, "f", "g", NULL), ST_OK);
    assert_null(sim_call_name(s, 1));
    assert_string_equal(sim_call_name(s, 3), "pwrite f");
    assert_string_equal(sim_call_name(s, 4), "rename f -> g");
    assert_null(sim_call_name(s, 5));
    sim_free(s);
}

static void test_fail_switch(void **state)
{
    (void)state;
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    struct os_stat st;
    struct error err;
    assert_int_equal(sim_put_file(s, "f", "x", 1), ST_OK);
    assert_int_equal(sim_calls(s), 0);
    sim_fail_at(s, 2, ST_IO, false);
    assert_int_equal(os->ops->stat(os, "f", &st, NULL), ST_OK);
    assert_int_equal(os->ops->stat(os, "f", &st, &err), ST_IO);
    assert_string_equal(err.place, "f");
    assert_int_equal(os->ops->stat(os, "f", &st, NULL), ST_OK);
    sim_fail_at(s, 5, ST_FULL, true);
    assert_int_equal(os->ops->stat(os, "f", &st, NULL), ST_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(os->ops->mkdir(os, "d", NULL), ST_FULL);
    assert_int_equal(sim_put_file(s, "g", "y", 1), ST_OK); /* the test's hand does not slip */
    sim_fail_at(s, 0, ST_OK, false);
    assert_false(there(s, "d"));
    sim_free(s);
}

/* A failed write has perhaps written its beginning; a failed sync shows everything and keeps anything. */
static void test_failures_do_harm(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    uint32_t begun = 0, kept = 0, lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim *s = sim_new(seed, NULL);
        struct os *os = sim_os(s);
        assert_int_equal(sim_put_file(s, "f", "", 0), ST_OK);
        struct os_file *f = open_file(s, "f");
        char bytes[2048];
        memset(bytes, 'w', sizeof bytes);
        sim_fail_at(s, sim_calls(s) + 1, ST_IO, false);
        assert_int_equal(os_pwrite(os, f, bytes, sizeof bytes, 0, NULL), ST_IO);
        assert_true(get(s, "f", &b) && b.len < sizeof bytes);
        begun += b.len > 0;
        put_at(s, f, 0, 2048, 'w');
        sim_fail_at(s, sim_calls(s) + 1, ST_IO, false);
        assert_int_equal(os_sync(os, f, NULL), ST_IO);
        assert_true(get(s, "f", &b) && b.len == 2048 && memcmp(b.data, bytes, 2048) == 0);
        /* The trap of Linux: the second sync succeeds, and what was lost stays lost. */
        assert_int_equal(os_sync(os, f, NULL), ST_OK);
        os_close(os, f);
        sim_power_cycle(s, SIM_KEEP);
        assert_true(get(s, "f", &b));
        bool same = b.len == 2048 && memcmp(b.data, bytes, 2048) == 0;
        kept += same;
        lost += !same;
        sim_free(s);
    }
    assert_true(begun && kept && lost);
    buf_release(&b);
}

/* What a failed sync dropped comes to the disk with its sector, or its directory, when something else there does. */
static void test_what_was_lost_comes_with_its_sector(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim *s = sim_new(seed, NULL);
        struct os *os = sim_os(s);
        assert_int_equal(sim_put_file(s, "old", "o", 1), ST_OK);
        assert_int_equal(sim_put_file(s, "f", "", 0), ST_OK);
        struct os_file *f = open_file(s, "f");
        put_at(s, f, 0, 64, 'h');
        sim_fail_at(s, sim_calls(s) + 1, ST_IO, false);
        assert_int_equal(os_sync(os, f, NULL), ST_IO);
        put_at(s, f, 64, 100, 'b');
        assert_int_equal(os_sync(os, f, NULL), ST_OK);
        assert_int_equal(os->ops->unlink(os, "old", NULL), ST_OK);
        sim_fail_at(s, sim_calls(s) + 1, ST_IO, false);
        assert_int_equal(os->ops->sync_dir(os, ".", NULL), ST_IO);
        assert_string_equal(sim_failed(s), "sync_dir");
        assert_int_equal(os->ops->mkdir(os, "new", NULL), ST_OK);
        assert_int_equal(os->ops->sync_dir(os, ".", NULL), ST_OK);
        os_close(os, f);
        sim_power_cycle(s, SIM_DROP);
        assert_true(get(s, "f", &b) && b.len == 164 && b.data[0] == 'h' && b.data[63] == 'h' && b.data[64] == 'b');
        assert_false(there(s, "old"));
        assert_true(there(s, "new"));
        sim_free(s);
    }
    buf_release(&b);
}

static void test_capacity(void **state)
{
    (void)state;
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    sim_capacity(s, 1000);
    struct os_file *f = open_file(s, "f");
    uint64_t total = 0, usable = 0;
    put_at(s, f, 0, 600, 'a');
    assert_int_equal(os->ops->space(os, "f", &total, &usable, NULL), ST_OK);
    assert_true(total == 1000 && usable == 400);
    char bytes[600];
    memset(bytes, 'b', sizeof bytes);
    assert_int_equal(os_pwrite(os, f, bytes, 600, 600, NULL), ST_FULL);
    assert_true(get(s, "f", &b) && b.len == 1000); /* as much as there was room for */
    put_at(s, f, 0, 1000, 'c');                    /* overwriting needs none */
    assert_int_equal(os->ops->space(os, "f", &total, &usable, NULL), ST_OK);
    assert_true(total == 1000 && usable == 0);
    assert_int_equal(os->ops->truncate(os, f, 1001, NULL), ST_FULL);
    struct os_file *g = open_file(s, "g");
    assert_int_equal(os_pwrite(os, g, bytes, 1, 0, NULL), ST_FULL);
    assert_int_equal(os->ops->unlink(os, "f", NULL), ST_OK);
    assert_int_equal(os_pwrite(os, g, bytes, 1, 0, NULL), ST_FULL); /* open files take room */
    os_close(os, f);
    put_at(s, g, 0, 600, 'd');
    os_close(os, g);
    buf_release(&b);
    sim_free(s);
}

static void test_kill(void **state)
{
    (void)state;
    struct sim *s = half_synced(1);
    struct os *os = sim_os(s);
    uint64_t sum = sim_disk_sum(s);
    struct os_file *f = open_file(s, "old"), *g;
    assert_int_equal(os->ops->lock(os, f, NULL), ST_OK);
    sim_kill(s);
    assert_true(sim_disk_sum(s) == sum); /* the page cache lives on */
    g = open_file(s, "old");
    assert_int_equal(os->ops->lock(os, g, NULL), ST_OK);
    os_close(os, f);
    os_close(os, g);
    sim_power_cycle(s, SIM_DROP);
    assert_true(sim_disk_sum(s) != sum);
    sim_free(s);
}

struct task {
    struct os_work work;
    int id;
    struct sim *sim;
    struct task *then;
};
static int order[8];
static uint32_t done_count;

static void task_run(struct os_work *w)
{
    struct task *t = w->arg;
    order[done_count++] = t->id;
    if (t->then)
        sim_os(t->sim)->ops->work(sim_os(t->sim), &t->then->work);
}

static uint32_t run_tasks(uint64_t seed)
{
    struct sim *s = sim_new(seed, NULL);
    struct os *os = sim_os(s);
    struct os_signal *signal = os->ops->signal_new(os);
    struct task t[6];
    for (int i = 0; i < 6; i++)
        t[i] = (struct task){ .work = { .run = task_run, .arg = &t[i], .signal = signal }, .id = i, .sim = s };
    t[0].then = &t[5];
    done_count = 0;
    assert_false(sim_work_waiting(s));
    for (int i = 0; i < 5; i++)
        os->ops->work(os, &t[i].work);
    assert_true(sim_work_waiting(s));
    assert_int_equal(done_count, 0);
    assert_false(os->ops->signal_wait(os, signal, INT64_MAX));
    assert_int_equal(sim_work_some(s, 2), 2);
    assert_true(os->ops->signal_wait(os, signal, INT64_MAX));
    assert_int_equal(sim_work_some(s, 100), 4);
    assert_false(sim_work_waiting(s));
    uint32_t code = 0;
    for (int i = 0; i < 6; i++) {
        assert_true(atomic_load(&t[i].work.done));
        code = code * 6 + (uint32_t)order[i];
    }
    os->ops->work(os, &t[1].work); /* a power loss forgets it */
    sim_power_cycle(s, SIM_KEEP);
    assert_int_equal(sim_work_some(s, 100), 0);
    os->ops->signal_free(os, signal);
    sim_free(s);
    return code;
}

static void test_work_order(void **state)
{
    (void)state;
    uint32_t first = run_tasks(0), different = 0;
    for (uint64_t seed = 1; seed < 20; seed++)
        different += run_tasks(seed) != first;
    assert_true(different > 10);
    assert_int_equal(run_tasks(0), first);
}

static void test_time_and_streams(void **state)
{
    (void)state;
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    int64_t mono = os_mono_ns(os);
    assert_true(os_wall_ms(os) == INT64_C(1767225600000));
    sim_advance_ms(s, 1500);
    assert_int_equal(os_mono_ns(os) - mono, 1500000000);
    sim_set_wall_ms(s, 5);
    assert_int_equal(os_wall_ms(os), 5);
    assert_int_equal(os_mono_ns(os) - mono, 1500000000);
    assert_int_equal(os->ops->stream_write(os, 1, "out", 3, NULL), ST_OK);
    assert_int_equal(os->ops->stream_write(os, 2, "err", 3, NULL), ST_OK);
    assert_int_equal(os->ops->stream_write(os, 1, "put", 3, NULL), ST_OK);
    assert_true(str_eq(sim_stream(s, 1), STR("output")));
    assert_true(str_eq(sim_stream(s, 2), STR("err")));
    char b[8];
    size_t n = 9;
    assert_int_equal(os->ops->stream_read(os, 0, b, 8, &n, NULL), ST_OK);
    assert_int_equal(n, 0);
    assert_int_equal(sim_feed(s, "stdin", 5), ST_OK);
    assert_int_equal(os->ops->stream_read(os, 0, b, 3, &n, NULL), ST_OK);
    assert_int_equal(n, 3);
    assert_int_equal(os->ops->stream_read(os, 0, b, 8, &n, NULL), ST_OK);
    assert_memory_equal(b, "in", 2);
    struct os_thread *t;
    assert_int_equal(os->ops->thread_start(os, "t", NULL, NULL, &t, NULL), ST_UNSUPPORTED);
    sim_free(s);
}

/* A workload by dice over files, names and faults, with power losses in all moods: everything that can be
 * seen (statuses, bytes, calls) goes into one sum. */
static uint64_t storm(uint64_t seed, struct budget *budget)
{
    struct sim *s = sim_new(seed, budget);
    struct os *os = sim_os(s);
    static const char *const paths[] = { "a", "b", "d/a", "d/b", "d/e/a", "d", "d/e", "x" };
    struct os_file *open[3] = { 0 };
    uint64_t sum = seed;
    uint8_t bytes[3000];
    size_t n;
    struct os_stat st;
    for (int step = 0; step < 400; step++) {
        uint64_t r = sim_random(s);
        const char *p = paths[r % 8], *q = paths[r / 8 % 8];
        struct os_file **f = &open[r / 64 % 3];
        uint64_t size = r / 256 % sizeof bytes, offset = r / 4096 % 5000;
        enum status got = ST_OK;
        memset(bytes, (int)(r >> 40), sizeof bytes);
        switch (r / 1000000 % 14) {
        case 0: case 1: case 2:
            os_close(os, *f);
            *f = NULL;
            got = os_open(os, p, (enum os_open)(r / 512 % 5), f, NULL);
            break;
        case 3: case 4: case 5: got = *f ? os_pwrite(os, *f, bytes, size, offset, NULL) : ST_OK; break;
        case 6: got = *f ? os_sync(os, *f, NULL) : ST_OK; break;
        case 7: got = *f ? os->ops->truncate(os, *f, offset, NULL) : ST_OK; break;
        case 8: got = os->ops->rename(os, p, q, NULL); break;
        case 9: got = os->ops->unlink(os, p, NULL); break;
        case 10: got = os->ops->mkdir(os, p, NULL); break;
        case 11: got = r % 3 ? os->ops->sync_dir(os, r % 2 ? "d" : ".", NULL) : os->ops->rmdir(os, p, NULL); break;
        case 12:
            got = *f ? os_pread(os, *f, bytes, size, offset, &n, NULL) : os->ops->stat(os, p, &st, NULL);
            sum ^= hash_bytes(bytes, sizeof bytes);
            break;
        default:
            if (r % 5 == 0)
                sim_fail_at(s, sim_calls(s) + 1 + r % 7, r % 2 ? ST_IO : ST_FULL, r % 11 == 0);
            if (r % 6 == 0)
                sim_crash_at(s, sim_calls(s) + 1 + r % 5);
            if (r % 3 == 0) {
                for (int i = 0; i < 3 && r % 2; i++) { /* half the time the handles are just forgotten */
                    os_close(os, open[i]);
                }
                memset(open, 0, sizeof open);
                sim_power_cycle(s, (enum sim_mood)(r / 3 % SIM_MOODS));
            }
        }
        sum = hash_u64(sum ^ (uint64_t)got ^ sim_disk_sum(s));
    }
    sum = hash_u64(sum ^ sim_calls(s));
    sim_free(s);
    return sum;
}

static void test_same_seed_same_disk(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, "sim", SIZE_MAX, NULL);
    for (uint64_t seed = 0; seed < 60; seed++) {
        void *move = mem_alloc(NULL, 1 + seed * 100); /* other addresses the second time */
        uint64_t first = storm(seed, &b);
        mem_free(NULL, move, 1 + seed * 100);
        assert_true(storm(seed, &b) == first);
        assert_true(storm(seed + 1000, &b) != first);
    }
    assert_int_equal(atomic_load(&b.used), 0); /* and nothing is left of it */
}

static void test_memory_refused(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, "sim", 1, NULL);
    assert_null(sim_new(1, &b));
    b.limit = SIZE_MAX;
    struct sim *s = sim_new(1, &b);
    struct os *os = sim_os(s);
    struct os_file *f = open_file(s, "f");
    uint64_t sum = sim_disk_sum(s);
    b.limit = atomic_load(&b.used);
    struct os_file *g;
    assert_int_equal(os_open(os, "g", OS_CREATE, &g, NULL), ST_MEMORY);
    assert_int_equal(os->ops->mkdir(os, "d", NULL), ST_MEMORY);
    assert_int_equal(os->ops->rename(os, "f", "h", NULL), ST_MEMORY);
    assert_int_equal(os->ops->unlink(os, "f", NULL), ST_MEMORY);
    assert_int_equal(os_pwrite(os, f, "x", 1, 0, NULL), ST_MEMORY);
    assert_true(sim_disk_sum(s) == sum);
    b.limit = SIZE_MAX;
    os_close(os, f);
    sim_free(s);
    assert_int_equal(atomic_load(&b.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_reorder),
        cmocka_unit_test(test_reorder_versions),
        cmocka_unit_test(test_tear),
        cmocka_unit_test(test_bytes_and_names_are_apart),
        cmocka_unit_test(test_unlink_and_open_files),
        cmocka_unit_test(test_rename_is_atomic),
        cmocka_unit_test(test_move_of_a_young_file),
        cmocka_unit_test(test_crash_switch),
        cmocka_unit_test(test_fail_switch),
        cmocka_unit_test(test_failures_do_harm),
        cmocka_unit_test(test_what_was_lost_comes_with_its_sector),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_work_order),
        cmocka_unit_test(test_time_and_streams),
        cmocka_unit_test(test_same_seed_same_disk),
        cmocka_unit_test(test_memory_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
