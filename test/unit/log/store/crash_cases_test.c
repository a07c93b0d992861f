/* Power loss at every call, in every mood, in small stories of their own: a group of 2 MiB, partitions that are deleted and made
 * again, disks that are full at every size. Each story has few steps and is told whole. */
#include "kit.h"
#include "store/private.h"

static enum status open_with(struct sim *sim, uint32_t straight, struct store **ret)
{
    struct error err = { 0 };
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 6 << 20, .straight_bytes = straight,
                               .open_files = 3, .save_bytes = 400 };
    enum status st = store_open(&o, NULL, ret, NULL, &err);
    if (st != ST_OK && st != ST_CRASHED && st != ST_FULL)
        print_error("%s: %s\n", status_name(st), err.message);
    assert_true(st == ST_OK || st == ST_CRASHED || st == ST_FULL);
    return st;
}

static struct store_log *log_of(struct store *s, uint32_t n)
{
    struct store_id id = kit_id(n);
    return store_log_find(s, &id);
}

static enum status made(struct store *s, uint32_t n)
{
    struct store_id id = kit_id(n);
    struct store_log *l;
    struct error err;
    return create_durably(s, &id, &(struct store_log_options){ 3000, 300 }, &l, &err);
}

/* ---- a large group ---- */

enum { LARGE = 128, PIECE = 16 << 10 };

static enum status append_large(struct store *s, struct shared *const *b)
{
    struct error err;
    struct fate f = { 0 };
    bool more;
    int64_t base;
    struct store_group *g = store_group_new(s, NULL);
    for (uint32_t i = 0; i < LARGE; i++)
        must(store_group_append(g, log_of(s, i % KIT_LOGS), b[i], 0, b[i]->len, &base, &err), &err);
    store_group_submit(g, kit_done, &f);
    enum status st = store_commit_step(s, &more, &err);
    assert_int_equal(f.calls, 1);
    return st == ST_OK ? f.st : st;
}

static uint32_t count_large(struct sim *sim, struct store *s)
{
    uint32_t n = 0;
    struct error err;
    for (uint32_t l = 0; l < KIT_LOGS; l++) {
        struct seen seen = { .many = true };
        must(read_all(sim_os(sim), log_of(s, l), see_tag, &seen, NULL, &err), &err);
        n += seen.n;
    }
    return n;
}

/* All of it or nothing; all when it was acknowledged. */
static void large_group(uint32_t straight)
{
    struct shared *b[LARGE];
    uint32_t there = 0, absent = 0;
    for (uint32_t i = 0; i < LARGE; i++)
        b[i] = batch_make(i % 64, 1, PIECE, 1);
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        for (uint64_t n = 1;; n++) {
            struct sim *sim = sim_new(n * 31 + mood, NULL);
            struct store *s;
            assert_int_equal(open_with(sim, straight, &s), ST_OK);
            for (uint32_t l = 0; l < KIT_LOGS; l++) {
                assert_int_equal(made(s, l), ST_OK);
                store_log_configure(log_of(s, l), &(struct store_log_options){ 1 << 20, 4096 });
            }
            sim_crash_at(sim, sim_calls(sim) + n);
            bool acked = append_large(s, b) == ST_OK;
            bool over = !sim_crashed(sim);
            store_abandon(s);
            sim_power_cycle(sim, mood);
            sim_crash_at(sim, sim_calls(sim) + 5 + n);
            if (open_with(sim, straight, &s) == ST_OK)
                store_abandon(s);
            sim_power_cycle(sim, mood);
            assert_int_equal(open_with(sim, straight, &s), ST_OK);
            uint32_t got = count_large(sim, s);
            assert_true(got == LARGE || (got == 0 && !acked));
            there += got > 0;
            absent += got == 0;
            store_abandon(s);
            sim_free(sim);
            if (over)
                break;
        }
    }
    for (uint32_t i = 0; i < LARGE; i++)
        shared_unref(b[i]);
    assert_true(there >= SIM_MOODS && absent > 4);
}

static void test_large_group_straight(void **state) { (void)state; large_group(256 << 10); }
static void test_large_group_through_the_journal(void **state) { (void)state; large_group(4 << 20); }

/* ---- what the house found (test/house) ---- */

/* From some call on nothing is written any more, and then all is well again: the store goes on, or says that it has failed for
 * good. A journal whose half record could not be cut away used to refuse everything while the store went on. */
static void test_no_limbo_behind_a_failed_append(void **state)
{
    (void)state;
    uint32_t went_on = 0, ended = 0;
    for (uint64_t n = 1; n <= 8; n++) {
        struct sim *sim = sim_new(n, NULL);
        struct store *s;
        struct error err;
        int64_t base;
        bool more;
        assert_int_equal(open_with(sim, 4 << 20, &s), ST_OK);
        assert_int_equal(made(s, 0), ST_OK);
        assert_int_equal(append_one(s, log_of(s, 0), batch_make(1, 1, 100, 1), &base), ST_OK);
        sim_fail_at(sim, sim_calls(sim) + n, ST_IO, true);
        (void)append_one(s, log_of(s, 0), batch_make(2, 1, 100, 1), &base);
        sim_fail_at(sim, 0, ST_OK, false);
        if (append_one(s, log_of(s, 0), batch_make(3, 1, 100, 1), &base) == ST_OK) {
            went_on++;
        } else {
            assert_int_not_equal(store_commit_step(s, &more, &err), ST_OK);
            ended++;
        }
        store_abandon(s);
        sim_free(sim);
    }
    assert_true(went_on > 0 && ended > 0);
}

/* A file of the journal goes durably before anything else is done there: what waits for a sync of the directory can be lost with
 * one that fails, and then a gap stands in the chain. */
static void test_journal_files_go_durably_one_by_one(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1, NULL);
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 2000, .straight_bytes = 1 << 20 };
    struct store *s;
    struct error err;
    uint32_t gone = 0, spares = 0;
    int64_t base;
    sim_trace(sim, true);
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    assert_int_equal(made(s, 0), ST_OK);
    for (uint32_t i = 0; i < 60; i++) {
        assert_int_equal(append_one(s, log_of(s, 0), batch_make(i, 1, 300, 1), &base), ST_OK);
        if (i % 9 == 0)
            must(store_tend(s, &err), &err);
    }
    for (uint64_t n = 1; n <= sim_calls(sim); n++) {
        struct str call = str_from(sim_call_name(sim, n));
        bool recycled = str_starts(call, STR("rename d/journal/")) && str_ends(call, STR("/spare"));
        if (!recycled && (!str_starts(call, STR("unlink d/journal/")) || !str_ends(call, STR(".jnl"))))
            continue;
        assert_string_equal(sim_call_name(sim, n + 1), "sync_dir d/journal");
        gone++;
        spares += recycled;
    }
    assert_true(gone > 3 && spares == gone); /* they follow one another: none is deleted */
    store_abandon(s);
    sim_free(sim);
}

/* A file that is made of an older one is longer than its records: after a kill nothing of that counts as torn, and the spare file
 * is found again; after a clean stop the file is as long as what it says. */
static void test_recycled_journal_files(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1, NULL);
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 2000, .straight_bytes = 1 << 20 };
    struct store *s;
    struct store_report report;
    struct error err;
    struct os_stat stat;
    int64_t base, n = 0;
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    assert_int_equal(made(s, 0), ST_OK);
    for (uint32_t life = 0; life < 6; life++) {
        for (uint32_t i = 0; i < 20 + 3 * life; i++, n++) {
            assert_int_equal(append_one(s, log_of(s, 0), batch_make((uint64_t)n, 1, 300, 1), &base), ST_OK);
            assert_int_equal(base, n);
        }
        store_abandon(s);
        sim_kill(sim);
        must(store_open(&o, NULL, &s, &report, &err), &err);
        assert_false(report.clean);
        assert_int_equal(report.cut_bytes, 0);
        struct seen seen = { .many = true };
        must(read_all(sim_os(sim), log_of(s, 0), see_tag, &seen, NULL, &err), &err);
        assert_int_equal(seen.n, n);
        must(store_tend(s, &err), &err);
        must(sim_os(sim)->ops->stat(sim_os(sim), "d/journal/spare", &stat, &err), &err);
    }
    /* The file of a clean stop is no longer than its record: nothing of an older life is searched behind it. */
    char path[64];
    snprintf(path, sizeof path, "d/journal/%020llu.jnl", (unsigned long long)s->files_last->number + 1);
    must(store_close(s, &err), &err);
    must(sim_os(sim)->ops->stat(sim_os(sim), path, &stat, &err), &err);
    assert_true(stat.bytes < 500);
    must(store_open(&o, NULL, &s, &report, &err), &err);
    assert_true(report.clean);
    assert_int_equal(report.cut_bytes, 0);
    store_abandon(s);
    sim_free(sim);
}

/* The tender drops a file while the writer takes the spare one: no other may lie down in its place, for its new name would not be
 * durable when it is written over. */
static struct {
    struct store *s;
    struct os_ops ops;
    const struct os_ops *below;
    uint32_t taken, laid;
} taking;

static enum status rename_beside(struct os *os, const char *from, const char *to, struct error *err)
{
    struct error why;
    taking.laid += str_ends(str_from(to), STR("/spare"));
    if (str_ends(str_from(from), STR("/spare")) && taking.taken++ == 0) {
        taking.laid = 0;
        must(journal_drop_older(taking.s, taking.s->files_last->number, &why), &why);
        assert_int_equal(taking.laid, 0);
        assert_ptr_equal(taking.s->files, taking.s->files_last);
    }
    return taking.below->rename(os, from, to, err);
}

static void append_until(struct store *s, uint64_t number)
{
    int64_t base;
    while (s->files_last->number < number)
        assert_int_equal(append_one(s, log_of(s, 0), batch_make(1, 1, 300, 1), &base), ST_OK);
}

static void test_a_spare_file_is_taken_beside_the_tender(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1, NULL);
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 2000, .straight_bytes = 1 << 20 };
    struct error err;
    struct store *s;
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    assert_int_equal(made(s, 0), ST_OK);
    assert_false(atomic_flag_test_and_set(&s->tending)); /* the tender is at it */
    append_until(s, 4);
    must(journal_drop_older(s, s->files->number + 1, &err), &err);
    assert_true(s->spare && s->files != s->files_last);
    taking.s = s;
    taking.taken = 0;
    taking.below = o.os->ops;
    taking.ops = *o.os->ops;
    taking.ops.rename = rename_beside;
    o.os->ops = &taking.ops;
    append_until(s, 5);
    assert_int_equal(taking.taken, 1);
    o.os->ops = taking.below;
    store_abandon(s);
    sim_free(sim);
}

/* The last record of a file that is not the newest has nothing behind it there that vouches for it: the next file does. */
static void test_an_older_file_without_its_last_record(void **state)
{
    (void)state;
    static const char path[] = "d/journal/00000000000000000001.jnl";
    struct sim *sim = sim_new(1, NULL);
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 2000 };
    struct error err;
    struct store *s;
    struct buf file;
    bool more;
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    while (s->files_last->number < 2) { /* notes: what is missing shows nowhere else */
        struct fate fate = { 0 };
        struct store_group *g = store_group_new(s, NULL);
        must(store_group_note(g, &(struct store_note){ 1, STR("some note of a job") }, &err), &err);
        store_group_submit(g, kit_done, &fate);
        must(store_commit_step(s, &more, &err), &err);
    }
    assert_true(s->files != s->files_last);
    store_abandon(s);
    sim_kill(sim);
    buf_init(&file, NULL, 1 << 20);
    assert_true(sim_get_file(sim, path, &file));
    must(sim_put_file(sim, path, file.data, file.len - 1), &err);
    assert_int_equal(store_open(&o, NULL, &s, NULL, &err), ST_CORRUPT);
    assert_string_equal(err.place, path);
    must(sim_put_file(sim, path, file.data, file.len), &err);
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    store_abandon(s);
    buf_release(&file);
    sim_free(sim);
}

/* Who put the spare file down may have died before that was durable: the next one sees to it before it writes over it. */
static void test_a_spare_file_that_is_found_is_durable(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1, NULL);
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 2000, .straight_bytes = 1 << 20 };
    struct error err;
    struct store *s;
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    assert_int_equal(made(s, 0), ST_OK);
    append_until(s, 3);
    must(store_tend(s, &err), &err);
    assert_true(s->spare && !s->dirty);
    store_abandon(s);
    sim_kill(sim);
    sim_trace(sim, true);
    uint64_t before = sim_calls(sim), synced = 0, taken = 0;
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    for (uint64_t n = before + 1; n <= sim_calls(sim) && !taken; n++) {
        struct str call = str_from(sim_call_name(sim, n));
        if (str_eq(call, STR("sync_dir d/journal")))
            synced = n;
        if (str_starts(call, STR("rename d/journal/spare")))
            taken = n;
    }
    assert_true(synced > 0 && synced < taken);
    store_abandon(s);
    sim_free(sim);
}

static uint32_t segment_syncs(struct sim *sim, uint64_t from)
{
    uint32_t n = 0;
    for (uint64_t i = from + 1; i <= sim_calls(sim); i++)
        n += str_starts(str_from(sim_call_name(sim, i)), STR("sync d/log/"));
    return n;
}

/* A large run goes straight to its segment and is synced there, but not when the segment has more behind it that went through the
 * journal: the sync would write all that first. */
static void test_a_large_run_does_not_wait_for_what_is_behind(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1, NULL);
    struct store_options o = { .os = sim_os(sim), .path = "d", .straight_bytes = 400 };
    struct store *s;
    struct error err;
    int64_t base;
    uint64_t at;
    sim_trace(sim, true);
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    assert_int_equal(made(s, 0), ST_OK);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(append_one(s, log_of(s, 0), batch_make(i, 1, 60, 1), &base), ST_OK);
    at = sim_calls(sim);
    assert_int_equal(append_one(s, log_of(s, 0), batch_make(6, 1, 400, 1), &base), ST_OK);
    assert_int_equal(segment_syncs(sim, at), 0);
    must(store_tend(s, &err), &err);
    at = sim_calls(sim);
    assert_int_equal(append_one(s, log_of(s, 0), batch_make(7, 1, 400, 1), &base), ST_OK);
    assert_int_equal(segment_syncs(sim, at), 1);
    store_abandon(s);
    sim_power_cycle(sim, SIM_DROP);
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    struct seen seen = { 0 };
    must(read_all(sim_os(sim), log_of(s, 0), see_tag, &seen, NULL, &err), &err);
    assert_int_equal(seen.n, 8);
    store_abandon(s);
    sim_free(sim);
}

/* ---- deletion ---- */

/* Segments have gone durably before a file of the journal does that would take them away again. */
static void test_segments_go_before_their_journal(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1, NULL);
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 2000, .straight_bytes = 1 << 20 };
    struct error err;
    struct store *s;
    uint64_t gone = 0, synced = 0, dropped = 0;
    must(store_open(&o, NULL, &s, NULL, &err), &err);
    assert_int_equal(made(s, 0), ST_OK);
    store_log_configure(log_of(s, 0), &(struct store_log_options){ 500, 300 });
    append_until(s, 2);
    must(store_log_trim(log_of(s, 0), store_log_high(log_of(s, 0)), &err), &err);
    sim_trace(sim, true);
    uint64_t before = sim_calls(sim);
    must(store_tend(s, &err), &err);
    for (uint64_t n = before + 1; n <= sim_calls(sim); n++) {
        struct str call = str_from(sim_call_name(sim, n));
        if (str_starts(call, STR("unlink d/log/")))
            gone = n;
        else if (str_starts(call, STR("sync_dir d/log/")))
            synced = n;
        else if (str_starts(call, STR("rename d/journal/")) || str_starts(call, STR("unlink d/journal/")))
            dropped = n;
    }
    assert_true(gone > 0 && synced > gone && dropped > synced);
    store_abandon(s);
    sim_free(sim);
}

enum stage { NOT_YET, FIRST, GONE, SECOND };
struct story {
    enum stage tried, done;
    uint32_t acked[2], tried_to[2]; /* batches of log 0, in its first and its second life */
    uint32_t other;                 /* of log 1 */
};

static bool step(struct story *y, enum stage to, enum status st)
{
    y->tried = to;
    if (st == ST_OK)
        y->done = to;
    return st == ST_OK;
}

static bool append_to(struct store *s, struct story *y, uint32_t life, uint32_t bytes)
{
    int64_t base;
    uint64_t tag = life * 20 + y->tried_to[life]++;
    if (append_one(s, log_of(s, 0), batch_make(tag, 1, bytes, 1), &base) != ST_OK)
        return false;
    assert_int_equal(base, y->acked[life]);
    y->acked[life]++;
    return true;
}

static bool append_other(struct store *s, struct story *y)
{
    int64_t base;
    if (append_one(s, log_of(s, 1), batch_make(y->other, 1, 60, 1), &base) != ST_OK)
        return false;
    y->other++;
    return true;
}

/* false: the power went. */
static bool tell(struct store *s, struct story *y)
{
    struct error err;
    if (!step(y, FIRST, made(s, 0)) || made(s, 1) != ST_OK)
        return false;
    for (uint32_t i = 0; i < 6; i++) {
        if (!append_to(s, y, 0, i % 3 == 2 ? 1500 : 400) || !append_other(s, y))
            return false;
    }
    if (store_tend(s, &err) != ST_OK || !append_to(s, y, 0, 30))
        return false;
    if (!step(y, GONE, store_log_delete(s, log_of(s, 0), &err)) || !append_other(s, y))
        return false;
    if (store_tend(s, &err) != ST_OK || !step(y, SECOND, made(s, 0)))
        return false;
    for (uint32_t i = 0; i < 3; i++) {
        if (!append_to(s, y, 1, i == 1 ? 1500 : 50) || !append_other(s, y))
            return false;
    }
    return store_tend(s, &err) == ST_OK && append_other(s, y);
}

static void compare(struct sim *sim, struct store *s, const struct story *y)
{
    struct error err;
    struct store_log *l = log_of(s, 0), *other = log_of(s, 1);
    assert_true(l || (y->done != FIRST && y->done != SECOND) || (y->done == FIRST && y->tried == GONE));
    assert_true(!l || (y->done != GONE && y->done != NOT_YET) || y->tried > y->done);
    if (other) {
        struct seen seen = { 0 };
        must(read_all(sim_os(sim), other, see_tag, &seen, NULL, &err), &err);
        assert_true(seen.n == y->other || seen.n == y->other + 1);
        for (uint32_t i = 0; i < seen.n; i++)
            assert_int_equal(seen.tags[i], i);
    } else {
        assert_int_equal(y->other, 0);
    }
    if (!l)
        return;
    struct seen seen = { 0 };
    must(read_all(sim_os(sim), l, see_tag, &seen, NULL, &err), &err);
    uint32_t life = seen.n ? (uint32_t)seen.tags[0] / 20 : y->done >= GONE;
    assert_int_equal(life, y->done >= GONE);
    assert_true(seen.n >= y->acked[life] && seen.n <= y->tried_to[life]);
    for (uint32_t i = 0; i < seen.n; i++)
        assert_int_equal(seen.tags[i], life * 20 + i);
}

static void test_deletion(void **state)
{
    (void)state;
    uint32_t runs = 0;
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            for (uint64_t n = 1;; n++, runs++) {
                struct sim *sim = sim_new(seed * 1000 + n, NULL);
                struct store *s;
                struct story y = { .tried = NOT_YET };
                sim_crash_at(sim, n);
                if (open_with(sim, 1000, &s) == ST_OK) {
                    (void)tell(s, &y);
                    store_abandon(s);
                }
                bool over = !sim_crashed(sim);
                sim_power_cycle(sim, mood);
                if (seed > 0) {
                    sim_crash_at(sim, sim_calls(sim) + 1 + sim_random(sim) % 60);
                    if (open_with(sim, 1000, &s) == ST_OK)
                        store_abandon(s);
                    sim_power_cycle(sim, (enum sim_mood)(sim_random(sim) % SIM_MOODS));
                }
                assert_int_equal(open_with(sim, 1000, &s), ST_OK);
                compare(sim, s, &y);
                struct error err;
                must(store_close(s, &err), &err);
                assert_int_equal(open_with(sim, 1000, &s), ST_OK);
                compare(sim, s, &y);
                store_abandon(s);
                sim_free(sim);
                if (over)
                    break;
            }
        }
    }
    assert_true(runs > 1000);
}

/* ---- full disks ---- */

/* Whatever fits is told right; what was refused has not been; with room again all goes on, and after a power loss it is there. */
static void test_full_at_every_size(void **state)
{
    (void)state;
    uint32_t refused_all = 0;
    for (uint64_t room = 0; room < 16000; room += 53) {
        struct sim *sim = sim_new(room + 3, NULL);
        struct store *s;
        struct error err;
        uint64_t kept[64];
        uint32_t n = 0, refused = 0;
        assert_int_equal(open_with(sim, 1000, &s), ST_OK);
        assert_int_equal(made(s, 0), ST_OK);
        sim_capacity(sim, 1000 + room);
        for (uint64_t i = 0; i < 20; i++) {
            int64_t base;
            enum status st = append_one(s, log_of(s, 0), batch_make(i, 1, i % 5 == 4 ? 1800 : 200, 1), &base);
            assert_true(st == ST_OK || st == ST_FULL);
            assert_int_equal(store_log_end(log_of(s, 0)), n + (st == ST_OK));
            if (st == ST_OK)
                kept[n++] = i;
            refused += st != ST_OK;
            if (i % 6 == 5)
                must(store_tend(s, &err), &err);
        }
        if (room % 2) {
            sim_capacity(sim, UINT64_MAX);
            int64_t base;
            assert_int_equal(append_one(s, log_of(s, 0), batch_make(33, 1, 300, 1), &base), ST_OK);
            kept[n++] = 33;
        }
        store_abandon(s);
        sim_power_cycle(sim, SIM_DROP);
        sim_capacity(sim, UINT64_MAX);
        assert_int_equal(open_with(sim, 1000, &s), ST_OK);
        struct seen seen = { 0 };
        must(read_all(sim_os(sim), log_of(s, 0), see_tag, &seen, NULL, &err), &err);
        assert_int_equal(seen.n, n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(seen.tags[i], kept[i]);
        must(store_close(s, &err), &err);
        sim_free(sim);
        refused_all += refused;
    }
    assert_true(refused_all > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_group_straight),
        cmocka_unit_test(test_large_group_through_the_journal),
        cmocka_unit_test(test_deletion),
        cmocka_unit_test(test_no_limbo_behind_a_failed_append),
        cmocka_unit_test(test_journal_files_go_durably_one_by_one),
        cmocka_unit_test(test_recycled_journal_files),
        cmocka_unit_test(test_a_large_run_does_not_wait_for_what_is_behind),
        cmocka_unit_test(test_a_spare_file_is_taken_beside_the_tender),
        cmocka_unit_test(test_a_spare_file_that_is_found_is_durable),
        cmocka_unit_test(test_an_older_file_without_its_last_record),
        cmocka_unit_test(test_segments_go_before_their_journal),
        cmocka_unit_test(test_full_at_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
