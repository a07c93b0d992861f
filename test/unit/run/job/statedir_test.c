/* The state directory on the twin: what is committed comes back, through snapshots, crashes at every call in every
 * mood, and damage of every byte. A model keeps what the commits add up to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "job/job_private.h"
#include "os/sim.h"

#define DIR "/state/0-sink"
#define FP STR("source:1: path=a\nsink:1: path=b\n")
#define KEYS 12u
#define EPOCHS_MAX 256u

/* ---- the model: a store of KEYS keys with 8-byte values, 0 for absent ---- */

struct model {
    uint64_t at[EPOCHS_MAX][KEYS]; /* state after each epoch */
    uint64_t committed;            /* promised */
    uint64_t tried;                /* handed to commit */
};

static bool put(struct delta_writer *w, enum delta_op op, uint64_t key, uint64_t value)
{
    struct delta d = { .op = op, .store = STR("agg:1/groups"), .fingerprint = STR("x"), .ns = (int64_t)(key % 2),
                       .hash = hash_u64(key), .key = str_make(&key, sizeof key),
                       .value = str_make(&value, sizeof value) };
    if (op == DELTA_DELETE)
        d.value = (struct str){ NULL, 0 };
    return delta_write(w, &d);
}

/* The delta of an epoch, drawn by seed; the model after it. */
static void make_epoch(struct model *m, uint64_t epoch, uint64_t seed, struct buf *out)
{
    struct delta_writer w = { .out = out };
    assert_true(epoch < EPOCHS_MAX);
    memcpy(m->at[epoch], m->at[epoch - 1], sizeof m->at[0]);
    buf_clear(out);
    for (uint64_t k = 0; k < KEYS; k++) {
        uint64_t dice = hash_u64(seed * 1000 + epoch * 31 + k);
        if (dice % 3 == 0) {
            m->at[epoch][k] = dice | 1;
            assert_true(put(&w, DELTA_PUT, k, dice | 1));
        } else if (dice % 17 == 1) {
            m->at[epoch][k] = 0;
            assert_true(put(&w, DELTA_DELETE, k, 0));
        }
    }
    if (epoch % 11 == 5) { /* a namespace is dropped, and one key put again behind it */
        assert_true(delta_end(&w));
        struct delta drop = { .op = DELTA_DROP, .store = STR("agg:1/groups"), .fingerprint = STR("x"), .ns = 1 };
        assert_true(delta_write(&w, &drop));
        for (uint64_t k = 1; k < KEYS; k += 2)
            m->at[epoch][k] = 0;
        m->at[epoch][3] = epoch;
        assert_true(put(&w, DELTA_PUT, 3, epoch));
    }
    assert_true(delta_end(&w));
}

static enum status apply(void *arg, const struct delta *d, struct error *err)
{
    (void)err;
    uint64_t *state = arg, key = 0, value = 0;
    if (d->op == DELTA_DROP) {
        for (uint64_t k = (uint64_t)d->ns; k < KEYS; k += 2)
            state[k] = 0;
        return ST_OK;
    }
    assert_int_equal(d->key.len, sizeof key);
    memcpy(&key, d->key.ptr, sizeof key);
    assert_true(key < KEYS && d->hash == hash_u64(key));
    if (d->op == DELTA_PUT) {
        assert_int_equal(d->value.len, sizeof value);
        memcpy(&value, d->value.ptr, sizeof value);
    }
    state[key] = value;
    return ST_OK;
}

static enum status visit(void *arg, struct str payload, struct error *err)
{
    return payload.len ? delta_read(payload, apply, arg, err) : ST_OK;
}

/* ---- lives ---- */

struct seen {
    uint64_t snapshots, commits;
};

/* A snapshot begun after one commit is made and finished after the next, so that a commit stands in between. */
static enum status step_snapshot(struct commit_log *l, bool force, bool *making, struct error *err)
{
    if (*making) {
        *making = false;
        TRY(l->ops->snapshot_make(l, err));
        TRY(l->ops->snapshot_finish(l, err));
    }
    return l->ops->snapshot_begin(l, force, making, err);
}

/* One life: open, restore and compare, then commits until `epochs` are reached or the machine is gone. */
static enum status live(struct sim *s, struct model *m, uint64_t seed, uint64_t epochs, struct seen *seen,
                        struct error *err)
{
    struct os *os = sim_os(s);
    struct commit_log *l = NULL;
    uint64_t state[KEYS] = { 0 }, epoch = 0;
    error_clear(err);
    bool making = false;
    enum status st = statedir_open(os, DIR, FP, 300, NULL, &l, err);
    if (st != ST_OK)
        return st;
    st = l->ops->restore(l, visit, state, &epoch, err);
    if (st == ST_OK) {
        assert_true(epoch >= m->committed && epoch <= m->tried);
        assert_memory_equal(state, m->at[epoch], sizeof state);
        m->committed = m->tried = epoch;
    }
    struct buf payload;
    buf_init(&payload, NULL, 1u << 20);
    while (st == ST_OK && epoch < epochs) {
        make_epoch(m, ++epoch, seed, &payload);
        m->tried = epoch;
        st = l->ops->commit(l, epoch, buf_str(&payload), err);
        if (st == ST_OK)
            m->committed = epoch;
        if (st == ST_OK)
            st = step_snapshot(l, epoch % 13 == 0, &making, err);
    }
    while (st == ST_OK && making)
        st = step_snapshot(l, false, &making, err);
    uint64_t bytes, abandoned;
    if (seen)
        l->ops->stats(l, &seen->commits, &bytes, &seen->snapshots, &abandoned);
    buf_release(&payload);
    l->ops->close(l);
    return st;
}

static void expect_ok(enum status st, const struct error *err)
{
    if (st != ST_OK)
        print_error("%s: %s\n", status_name(st), err->message);
    assert_int_equal(st, ST_OK);
}

static void test_crash_at_every_call(void **state)
{
    (void)state;
    struct model *m = test_malloc(sizeof *m);
    uint64_t points = 0;
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        for (uint64_t n = 1 + (uint64_t)mood % 2;; n += 2, points++) {
            struct sim *s = sim_new(n * 4 + (uint64_t)mood, NULL);
            struct error err;
            struct seen seen;
            memset(m, 0, sizeof *m);
            sim_crash_at(s, n);
            enum status st = live(s, m, n, 36, &seen, &err);
            assert_true(st == ST_OK || st == ST_CRASHED);
            if (st == ST_OK) { /* a whole life passed: it was worth something */
                assert_int_equal(seen.commits, 36);
                assert_true(seen.snapshots >= 3);
            }
            sim_power_cycle(s, mood);
            sim_crash_at(s, sim_calls(s) + 1 + sim_random(s) % 60); /* and while it is repaired */
            enum status again = live(s, m, n + 1, m->committed + 5, NULL, &err);
            assert_true(again == ST_OK || again == ST_CRASHED);
            sim_power_cycle(s, mood);
            again = live(s, m, n + 2, m->committed + 20, NULL, &err);
            expect_ok(again, &err);
            sim_kill(s);
            expect_ok(live(s, m, n, m->committed, NULL, &err), &err);
            sim_free(s);
            if (st == ST_OK)
                break;
        }
    }
    assert_true(points > 200);
    test_free(m);
}

/* A call fails once: the life ends with that error or does without; the next one has everything that was promised. */
static void test_fail_at_every_call(void **state)
{
    (void)state;
    struct model *m = test_malloc(sizeof *m);
    static const enum status faults[2] = { ST_IO, ST_FULL };
    for (uint32_t f = 0; f < 2; f++) {
        for (uint64_t n = 1;; n++) {
            struct sim *s = sim_new(n, NULL);
            struct error err;
            memset(m, 0, sizeof *m);
            sim_fail_at(s, n, faults[f], false);
            enum status st = live(s, m, n, 30, NULL, &err);
            bool reached = sim_calls(s) >= n;
            assert_true(st == ST_OK || st == faults[f]);
            sim_power_cycle(s, SIM_REORDER);
            enum status again = live(s, m, n, m->tried + 15, NULL, &err);
            expect_ok(again, &err);
            sim_free(s);
            if (!reached)
                break;
        }
    }
    test_free(m);
}

/* ---- what stands in the directory ---- */

static uint32_t count_names(struct sim *s, const char *prefix)
{
    struct arena a;
    struct os_name *names;
    uint32_t n, found = 0;
    arena_init(&a, NULL);
    assert_int_equal(sim_os(s)->ops->list(sim_os(s), DIR, &a, &names, &n, NULL), ST_OK);
    for (uint32_t i = 0; i < n; i++)
        found += str_starts(names[i].name, str_from(prefix));
    arena_release(&a);
    return found;
}

static void test_old_files_go(void **state)
{
    (void)state;
    struct sim *s = sim_new(5, NULL);
    struct model *m = test_calloc(1, sizeof *m);
    struct error err;
    struct seen seen;
    expect_ok(live(s, m, 1, 12, &seen, &err), &err);
    expect_ok(live(s, m, 1, 200, &seen, &err), &err);
    assert_true(seen.snapshots > 10);
    assert_int_equal(count_names(s, "snapshot-"), 2);
    assert_in_range(count_names(s, "journal-"), 2, 3);
    assert_int_equal(count_names(s, ""), 2 + 2 + count_names(s, "journal-"));
    sim_free(s);
    test_free(m);
}

/* An older snapshot with its deltas is enough when the newest is taken away by hand. */
static void test_older_snapshot_is_complete(void **state)
{
    (void)state;
    struct sim *s = sim_new(5, NULL);
    struct model *m = test_calloc(1, sizeof *m);
    struct error err;
    expect_ok(live(s, m, 1, 100, NULL, &err), &err);
    struct arena a;
    struct os_name *names;
    uint32_t n;
    char path[200] = "";
    arena_init(&a, NULL);
    assert_int_equal(sim_os(s)->ops->list(sim_os(s), DIR, &a, &names, &n, NULL), ST_OK);
    for (uint32_t i = 0; i < n; i++)
        if (str_starts(names[i].name, STR("snapshot-")))
            snprintf(path, sizeof path, "%s/%.*s", DIR, STR_ARG(names[i].name));
    assert_int_equal(sim_os(s)->ops->unlink(sim_os(s), path, NULL), ST_OK);
    arena_release(&a);
    expect_ok(live(s, m, 1, 101, NULL, &err), &err);
    sim_free(s);
    test_free(m);
}

/* ---- damage ---- */

struct damage {
    struct arena arena;
    struct os_name *names;
    uint32_t n;
    struct buf *files;
};

static void load(struct sim *s, struct damage *d)
{
    arena_init(&d->arena, NULL);
    assert_int_equal(sim_os(s)->ops->list(sim_os(s), DIR, &d->arena, &d->names, &d->n, NULL), ST_OK);
    d->files = test_calloc(d->n, sizeof *d->files);
    for (uint32_t i = 0; i < d->n; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%.*s", DIR, STR_ARG(d->names[i].name));
        buf_init(&d->files[i], NULL, 1u << 24);
        assert_true(sim_get_file(s, path, &d->files[i]));
    }
}

static void unload(struct damage *d)
{
    for (uint32_t i = 0; i < d->n; i++)
        buf_release(&d->files[i]);
    test_free(d->files);
    arena_release(&d->arena);
}

/* Restores with file `which` replaced. What is restored must be a state that was committed; only the newest
 * journal may give an older one. */
static void try_damaged(const struct damage *d, uint32_t which, const void *bytes, size_t len, const struct model *m,
                        uint64_t at)
{
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    struct error err;
    char path[200], damaged[200] = "";
    for (uint32_t i = 0; i < d->n; i++) {
        snprintf(path, sizeof path, "%s/%.*s", DIR, STR_ARG(d->names[i].name));
        const void *p = i == which ? bytes : d->files[i].data;
        assert_int_equal(sim_put_file(s, path, p, i == which ? len : d->files[i].len), ST_OK);
        if (i == which)
            memcpy(damaged, path, sizeof damaged);
    }
    struct commit_log *l = NULL;
    struct statedir_checked checked;
    struct error found;
    uint64_t restored[KEYS] = { 0 }, epoch = 0, sum = sim_disk_sum(s);
    error_clear(&err);
    error_clear(&found);
    enum status check = statedir_check(os, DIR, NULL, &checked, &found); /* changes nothing, and says the same */
    assert_int_equal(sim_disk_sum(s), sum);
    enum status st = statedir_open(os, DIR, FP, 300, NULL, &l, &err);
    if (st == ST_OK)
        st = l->ops->restore(l, visit, restored, &epoch, &err);
    assert_int_equal(check, st);
    assert_string_equal(found.place, err.place);
    if (st == ST_OK)
        assert_int_equal(checked.epoch, epoch);
    bool newest = which + 1 == d->n || !str_starts(d->names[which + 1].name, STR("journal-"));
    newest &= str_starts(d->names[which].name, STR("journal-"));
    if (st == ST_OK) {
        assert_true(epoch <= m->committed && (newest || epoch == m->committed));
        assert_memory_equal(restored, m->at[epoch], sizeof restored);
    } else {
        if (st != ST_CORRUPT || !err.place[0])
            print_error("%s, byte %llu of %zu: %s: %s\n", damaged, (unsigned long long)at, len, status_name(st),
                        err.message);
        assert_int_equal(st, ST_CORRUPT);
        assert_string_equal(err.place, damaged);
        assert_true(err.offset >= 0 && (uint64_t)err.offset <= len);
        assert_int_equal(sim_disk_sum(s), sum); /* nothing was touched */
    }
    if (l)
        l->ops->close(l);
    sim_free(s);
}

/* Must this file be whole for a restore? The older snapshot and the journals that only it needs are not read. */
static bool is_read(const struct damage *d, uint32_t which)
{
    struct str name = d->names[which].name, newest = { NULL, 0 };
    for (uint32_t i = 0; i < d->n; i++)
        if (str_starts(d->names[i].name, STR("snapshot-")))
            newest = d->names[i].name;
    if (str_starts(name, STR("snapshot-")))
        return str_eq(name, newest);
    if (!str_starts(name, STR("journal-")))
        return str_eq(name, STR("FINGERPRINT"));
    struct str epoch = { name.ptr + 8, name.len - 8 }, after = { newest.ptr + 9, newest.len - 9 };
    return str_cmp(epoch, after) > 0;
}

/* What only the older snapshot needs is looked at all the same. */
static void test_older_files(void **state)
{
    (void)state;
    struct sim *s = sim_new(5, NULL);
    struct model *m = test_calloc(1, sizeof *m);
    struct statedir_checked checked;
    struct error err;
    struct damage d;
    uint32_t files = 0;
    expect_ok(live(s, m, 1, 42, NULL, &err), &err);
    load(s, &d);
    expect_ok(statedir_check(sim_os(s), DIR, NULL, &checked, &err), &err);
    assert_int_equal(checked.snapshots, 2);
    assert_int_equal(checked.epoch, m->committed);
    for (uint32_t i = 0; i < d.n; i++) {
        char path[200];
        if (is_read(&d, i) || str_eq(d.names[i].name, STR("LOCK")))
            continue;
        files++;
        snprintf(path, sizeof path, "%s/%.*s", DIR, STR_ARG(d.names[i].name));
        d.files[i].data[d.files[i].len / 2] ^= 1;
        assert_int_equal(sim_put_file(s, path, d.files[i].data, d.files[i].len), ST_OK);
        assert_int_equal(statedir_check(sim_os(s), DIR, NULL, &checked, &err), ST_CORRUPT);
        assert_string_equal(err.place, path);
        d.files[i].data[d.files[i].len / 2] ^= 1;
        assert_int_equal(sim_put_file(s, path, d.files[i].data, d.files[i].len), ST_OK);
    }
    assert_true(files >= 2);
    unload(&d);
    sim_free(s);
    test_free(m);
}

static void test_every_byte(void **state)
{
    (void)state;
    struct sim *s = sim_new(5, NULL);
    struct model *m = test_calloc(1, sizeof *m);
    struct error err;
    struct seen seen;
    expect_ok(live(s, m, 1, 42, &seen, &err), &err);
    struct damage d;
    load(s, &d);
    uint32_t files = 0;
    for (uint32_t i = 0; i < d.n; i++) {
        if (!is_read(&d, i))
            continue;
        files++;
        size_t len = d.files[i].len;
        uint8_t *copy = test_malloc(len + 1);
        for (size_t at = 0; at < len; at += 1 + (at > 200) * 2) {
            memcpy(copy, d.files[i].data, len);
            copy[at] ^= (uint8_t)(1u << (at % 8));
            try_damaged(&d, i, copy, len, m, at);
            memcpy(copy, d.files[i].data, len);
            try_damaged(&d, i, copy, at, m, at); /* cut */
            memset(copy + at, 0, len - at < 64 ? len - at : 64);
            try_damaged(&d, i, copy, len, m, at);
        }
        test_free(copy);
    }
    assert_int_equal(files, 3); /* fingerprint, snapshot, newest journal */
    unload(&d);
    sim_free(s);
    test_free(m);
}

/* A journal in the middle, a snapshot, the fingerprint: whatever is missing is named. */
static void test_missing_files(void **state)
{
    (void)state;
    struct sim *s = sim_new(5, NULL);
    struct model *m = test_calloc(1, sizeof *m);
    struct error err;
    expect_ok(live(s, m, 1, 42, NULL, &err), &err);
    struct damage d;
    load(s, &d);
    uint32_t refused = 0;
    for (uint32_t gone = 0; gone < d.n; gone++) {
        struct sim *t = sim_new(1, NULL);
        char path[200];
        for (uint32_t i = 0; i < d.n; i++) {
            snprintf(path, sizeof path, "%s/%.*s", DIR, STR_ARG(d.names[i].name));
            if (i != gone)
                assert_int_equal(sim_put_file(t, path, d.files[i].data, d.files[i].len), ST_OK);
        }
        struct commit_log *l = NULL;
        uint64_t restored[KEYS] = { 0 }, epoch = 0;
        enum status st = statedir_open(sim_os(t), DIR, FP, 300, NULL, &l, &err);
        if (st == ST_OK)
            st = l->ops->restore(l, visit, restored, &epoch, &err);
        if (st == ST_OK) {
            assert_int_equal(epoch, m->committed);
            assert_memory_equal(restored, m->at[epoch], sizeof restored);
        } else {
            assert_int_equal(st, ST_CORRUPT);
            refused++;
        }
        if (l)
            l->ops->close(l);
        sim_free(t);
    }
    assert_int_equal(refused, 2); /* the fingerprint, the newest journal; the newest snapshot can be done without */
    unload(&d);
    sim_free(s);
    test_free(m);
}

/* ---- who may come in ---- */

static void expect_status(enum status st, enum status want, const struct error *err, const char *words)
{
    if (st != want || !strstr(err->message, words))
        print_error("%s: %s\n", status_name(st), err->message);
    assert_int_equal(st, want);
    assert_non_null(strstr(err->message, words));
}

static void test_lock(void **state)
{
    (void)state;
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    struct commit_log *l, *other;
    struct error err = { 0 };
    struct os_file *whole, *again;
    assert_int_equal(statedir_lock(os, "/state", &whole, &err), ST_OK);
    expect_status(statedir_lock(os, "/state", &again, &err), ST_LOCKED, &err, "/state");
    assert_int_equal(statedir_open(os, DIR, FP, 0, NULL, &l, &err), ST_OK);
    expect_status(statedir_open(os, DIR, FP, 0, NULL, &other, &err), ST_LOCKED, &err, DIR);
    l->ops->close(l);
    assert_int_equal(statedir_open(os, DIR "/", FP, 0, NULL, &l, &err), ST_OK);
    l->ops->close(l);
    os_close(os, whole);
    assert_int_equal(statedir_lock(os, "/state", &again, &err), ST_OK);
    os_close(os, again);
    sim_free(s);
}

static void test_mismatch(void **state)
{
    (void)state;
    struct sim *s = sim_new(1, NULL);
    struct os *os = sim_os(s);
    struct model *m = test_calloc(1, sizeof *m);
    struct error err = { 0 };
    struct commit_log *l;
    expect_ok(live(s, m, 1, 1, NULL, &err), &err);
    struct str other = STR("source:1: path=a\nsink:1: path=c\n"), more = STR("source:1: path=a\nsink:1: path=b\nx:1\n");
    expect_status(statedir_open(os, DIR, other, 0, NULL, &l, &err), ST_MISMATCH, &err,
                  "line 2 is 'sink:1: path=b' there and 'sink:1: path=c' here");
    expect_status(statedir_open(os, DIR, more, 0, NULL, &l, &err), ST_MISMATCH, &err,
                  "line 3 is '' there and 'x:1' here");
    /* a journal of another job's directory under a good name */
    expect_ok(statedir_open(os, "/other", other, 0, NULL, &l, &err), &err);
    uint64_t restored[KEYS] = { 0 }, epoch = 0;
    assert_int_equal(l->ops->restore(l, visit, restored, &epoch, &err), ST_OK);
    l->ops->close(l);
    struct buf bytes;
    buf_init(&bytes, NULL, 1u << 20);
    assert_true(sim_get_file(s, "/other/journal-000000000001", &bytes));
    assert_int_equal(sim_put_file(s, DIR "/journal-000000000001", bytes.data, bytes.len), ST_OK);
    buf_release(&bytes);
    expect_ok(statedir_open(os, DIR, FP, 0, NULL, &l, &err), &err);
    expect_status(l->ops->restore(l, visit, restored, &epoch, &err), ST_MISMATCH, &err, "another job");
    l->ops->close(l);
    sim_free(s);
    test_free(m);
}

static void test_foreign(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "notes.txt", "journal-1", "journal-000000000001x", "journal-000000000000", "snapshot-", "journal-0000000000001",
        "journal-+00000000001", "LOCK.new", "lost",
    };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        struct sim *s = sim_new(1, NULL);
        char path[200];
        struct error err = { 0 };
        struct commit_log *l;
        snprintf(path, sizeof path, "/d/%s", foreign[i]);
        assert_int_equal(sim_put_file(s, path, "x", 1), ST_OK);
        uint64_t sum = sim_disk_sum(s);
        expect_status(statedir_open(sim_os(s), "/d", FP, 0, NULL, &l, &err), ST_MISMATCH, &err, foreign[i]);
        struct os_file *f;
        expect_status(statedir_lock(sim_os(s), "/d", &f, &err), ST_MISMATCH, &err, foreign[i]);
        assert_int_equal(sim_disk_sum(s), sum);
        sim_free(s);
    }
    struct sim *s = sim_new(1, NULL);
    struct error err = { 0 };
    struct commit_log *l;
    assert_int_equal(sim_put_file(s, "/f", "x", 1), ST_OK);
    assert_int_equal(statedir_open(sim_os(s), "/f", FP, 0, NULL, &l, &err), ST_MISMATCH);
    sim_free(s);
}

/* Leftovers of a death are taken away. */
static void test_leftovers(void **state)
{
    (void)state;
    struct sim *s = sim_new(1, NULL);
    struct model *m = test_calloc(1, sizeof *m);
    struct error err = { 0 };
    static const char *const names[] = { "snapshot-000000000007.tmp", "snapshot-000000000007.tmp.new",
                                         "journal-000000000009.new", "FINGERPRINT.new" };
    expect_ok(live(s, m, 1, 3, NULL, &err), &err);
    uint32_t before = count_names(s, "");
    for (size_t i = 0; i < 4; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", DIR, names[i]);
        assert_int_equal(sim_put_file(s, path, "junk", 4), ST_OK);
    }
    expect_ok(live(s, m, 1, 4, NULL, &err), &err);
    assert_int_equal(count_names(s, ""), before);
    sim_free(s);
    test_free(m);
}

/* ---- memory ---- */

/* A snapshot that finds no memory or space is abandoned and counted; the commits go on and all of them come back. */
static void test_abandoned(void **state)
{
    (void)state;
    struct model *m = test_calloc(1, sizeof *m);
    struct error err = { 0 };
    struct sim *s = sim_new(1, NULL);
    struct budget b;
    struct commit_log *l;
    struct buf payload;
    uint64_t restored[KEYS] = { 0 }, epoch = 0, commits, bytes, snapshots, abandoned;
    bool making = false;
    buf_init(&payload, NULL, 1u << 20);
    budget_init(&b, "job", 96u << 10, NULL); /* the open journal takes 64 KiB of it */
    assert_int_equal(statedir_open(sim_os(s), DIR, FP, 300, &b, &l, &err), ST_OK);
    expect_ok(l->ops->restore(l, visit, restored, &epoch, &err), &err);
    while (epoch < 60) {
        make_epoch(m, ++epoch, 7, &payload);
        expect_ok(l->ops->commit(l, epoch, buf_str(&payload), &err), &err);
        expect_ok(step_snapshot(l, false, &making, &err), &err);
    }
    l->ops->stats(l, &commits, &bytes, &snapshots, &abandoned);
    assert_int_equal(commits, 60);
    assert_int_equal(snapshots, 0);
    assert_in_range(abandoned, 1, 10); /* later and later, not each time */
    l->ops->close(l);
    assert_int_equal(b.used, 0);
    m->committed = m->tried = 60;
    expect_ok(live(s, m, 7, 61, NULL, &err), &err);
    buf_release(&payload);
    sim_free(s);
    test_free(m);
}

/* Every allocation fails in turn: a named error or a life without it, and nothing leaks. */
static void test_allocations(void **state)
{
    (void)state;
    struct model *m = test_malloc(sizeof *m);
    for (uint64_t n = 1;; n++) {
        struct sim *s = sim_new(3, NULL);
        struct error err = { 0 };
        memset(m, 0, sizeof *m);
        expect_ok(live(s, m, 3, 14, NULL, &err), &err);
        budget_fail_nth(n);
        struct commit_log *l = NULL;
        uint64_t restored[KEYS] = { 0 }, epoch = 0;
        bool making = false;
        enum status st = statedir_open(sim_os(s), DIR, FP, 300, NULL, &l, &err);
        if (st == ST_OK)
            st = l->ops->restore(l, visit, restored, &epoch, &err);
        if (st == ST_OK)
            st = step_snapshot(l, true, &making, &err);
        if (st == ST_OK)
            st = step_snapshot(l, false, &making, &err);
        bool over = budget_takes() < n;
        budget_fail_nth(0);
        assert_true(st == ST_OK || st == ST_MEMORY);
        if (l)
            l->ops->close(l);
        expect_ok(live(s, m, 3, 16, NULL, &err), &err);
        sim_free(s);
        if (over)
            break;
    }
    test_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_at_every_call), cmocka_unit_test(test_fail_at_every_call),
        cmocka_unit_test(test_old_files_go), cmocka_unit_test(test_older_snapshot_is_complete),
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_older_files), cmocka_unit_test(test_missing_files), cmocka_unit_test(test_lock),
        cmocka_unit_test(test_mismatch), cmocka_unit_test(test_foreign), cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_abandoned), cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
