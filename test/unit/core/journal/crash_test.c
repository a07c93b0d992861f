/* A journal under power loss at every call, in every mood, life after life on the same disk. What must
 * hold after each: a synced record is there, in its place, with its bytes; behind the synced ones stand
 * none, some or all of those appended since, in order, and nothing else; and no crash looks like rot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "journal/journal.h"
#include "os/sim.h"

#define PATH "d/j"
#define RECORDS_MAX 256u
#define MAX_RECORD 8192u

/* What the world outside knows; no crash touches it. */
struct known {
    uint32_t appended; /* records 1..appended have been handed to journal_append */
    uint32_t synced;   /* and these are promised */
    uint64_t salt[RECORDS_MAX + 1];
    size_t len[RECORDS_MAX + 1];
    bool created;
    /* of the replay under way */
    uint32_t seen;
};

static void payload_make(const struct known *k, uint32_t n, uint8_t *bytes)
{
    uint64_t x = k->salt[n];
    for (size_t i = 0; i < k->len[n]; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(x >> 56);
    }
}

static enum status compare(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    (void)err;
    struct known *k = arg;
    uint8_t want[MAX_RECORD];
    k->seen++;
    assert_int_equal(sequence, k->seen);
    assert_true(k->seen <= k->appended);
    payload_make(k, k->seen, want);
    assert_int_equal(payload.len, k->len[k->seen]);
    assert_true(payload.len == 0 || memcmp(payload.ptr, want, payload.len) == 0);
    return ST_OK;
}

/* Made of an older file that is longer than most lives. Few calls: the crash comes within twenty. */
static enum status recycle(struct os *os, struct known *k, struct journal **ret, struct error *err)
{
    struct journal *old;
    uint8_t bytes[9000] = { 1, 2, 3 };
    struct str part = str_make(bytes, sizeof bytes);
    TRY(journal_create_beside(os, "d/old", true, 42, 1, NULL, &old, err));
    enum status st = journal_append(old, &part, 1, NULL, err);
    if (st == ST_OK)
        st = journal_sync(old, err);
    journal_close(old);
    if (st == ST_OK)
        st = journal_create_beside(os, "d/old", true, 42, 1, NULL, ret, err);
    if (st != ST_OK)
        return st;
    k->appended = 1; /* the header is durable with a record */
    k->len[1] = 0;
    st = journal_append(*ret, NULL, 0, NULL, err);
    if (st == ST_OK)
        st = journal_sync(*ret, err);
    if (st == ST_OK)
        st = os->ops->rename(os, "d/old", PATH, err);
    if (st == ST_OK)
        st = os->ops->sync_dir(os, "d", err);
    if (st == ST_OK)
        st = os_sync_parent(os, "d", err);
    if (st != ST_OK)
        journal_close(*ret);
    else
        journal_renamed(*ret, PATH);
    k->synced = st == ST_OK;
    return st;
}

/* One life: open or create, check, then append and sync by the caller's dice until the power goes. */
static enum status live(struct sim *s, struct known *k, uint32_t steps)
{
    struct os *os = sim_os(s);
    struct journal *j = NULL;
    struct error err = { 0 };
    k->seen = 0;
    enum status st = os_mkdirs(os, "d", &err);
    if (st == ST_OK)
        st = journal_open(os, PATH, MAX_RECORD, NULL, compare, k, &j, &err);
    if (st == ST_NOT_FOUND) {
        assert_false(k->created);
        k->appended = 0;
        st = sim_random(s) % 2 ? journal_create(os, PATH, 42, 1, NULL, &j, &err) : recycle(os, k, &j, &err);
    } else if (st == ST_OK) {
        assert_true(k->seen >= k->synced);
        k->appended = k->synced = k->seen; /* open has made them durable */
    }
    if (st != ST_OK) {
        if (st != ST_CRASHED)
            print_error("%s: %s\n", status_name(st), err.message);
        assert_int_equal(st, ST_CRASHED);
        return st;
    }
    k->created = true;
    while (st == ST_OK && steps-- > 0 && k->appended < RECORDS_MAX) {
        uint64_t dice = sim_random(s);
        uint32_t n = k->appended + 1;
        uint8_t bytes[MAX_RECORD];
        k->salt[n] = dice;
        k->len[n] = dice % 4 == 0 ? dice / 4 % 3000 : dice / 4 % 60;
        payload_make(k, n, bytes);
        struct str part = str_make(bytes, k->len[n]);
        k->appended = n;
        st = journal_append(j, &part, 1, NULL, &err);
        if (st == ST_OK && sim_random(s) % 3 != 0) {
            st = journal_sync(j, &err);
            if (st == ST_OK)
                k->synced = n;
        }
    }
    journal_close(j);
    assert_true(st == ST_OK || st == ST_CRASHED);
    return st;
}

/* Power goes at call n of the first life, for every n; then two more short lives. */
static void test_crash_at_every_call(void **state)
{
    (void)state;
    uint32_t runs = 0;
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        for (uint64_t seed = 0; seed < 12; seed++) {
            for (uint64_t n = 1;; n++, runs++) {
                struct sim *s = sim_new(seed * 1000 + n, NULL);
                struct known k = { 0 };
                sim_crash_at(s, n);
                enum status st = live(s, &k, 10);
                sim_power_cycle(s, mood);
                sim_crash_at(s, sim_calls(s) + 1 + sim_random(s) % 20);
                (void)live(s, &k, 5);
                sim_power_cycle(s, mood);
                assert_int_equal(live(s, &k, 2), ST_OK);
                sim_free(s);
                if (st == ST_OK)
                    break;
            }
        }
    }
    assert_true(runs > 500);
}

/* Many lives on one disk, each cut at random, the mood changing; sometimes only the process dies. */
static void test_many_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct sim *s = sim_new(seed, NULL);
        struct known k = { 0 };
        for (int life = 0; life < 20; life++) {
            sim_crash_at(s, sim_calls(s) + 1 + sim_random(s) % 40);
            (void)live(s, &k, 20);
            if (sim_random(s) % 4 == 0)
                sim_kill(s);
            else
                sim_power_cycle(s, (enum sim_mood)(sim_random(s) % SIM_MOODS));
        }
        sim_free(s);
    }
}

/* The checker can fail: with a sync that does nothing, promised records are lost. */
static struct os_ops lying_ops;
static enum status no_sync(struct os *os, struct os_file *f, struct error *err)
{
    (void)os;
    (void)f;
    (void)err;
    return ST_OK;
}

static void test_a_lying_disk_is_caught(void **state)
{
    (void)state;
    struct sim *s = sim_new(3, NULL);
    struct os *os = sim_os(s);
    struct journal *j;
    struct str part = STR("promised");
    assert_int_equal(journal_create(os, "j", 1, 1, NULL, &j, NULL), ST_OK);
    const struct os_ops *honest = os->ops;
    lying_ops = *honest;
    lying_ops.sync = no_sync;
    os->ops = &lying_ops;
    assert_int_equal(journal_append(j, &part, 1, NULL, NULL), ST_OK);
    assert_int_equal(journal_sync(j, NULL), ST_OK);
    journal_close(j);
    os->ops = honest;
    sim_power_cycle(s, SIM_DROP);
    assert_int_equal(journal_open(os, "j", 100, NULL, NULL, NULL, &j, NULL), ST_OK);
    assert_int_equal(journal_end(j).sequence, 0);
    journal_close(j);
    sim_free(s);
}

/* The disk takes the first part of a record and refuses the rest: nothing of it stays. */
static void test_a_failed_append_leaves_nothing(void **state)
{
    (void)state;
    static char large[100000];
    struct sim *s = sim_new(3, NULL);
    struct os *os = sim_os(s);
    struct journal *j;
    struct os_stat stat;
    struct str parts[] = { STR("small"), str_make(large, sizeof large) };
    assert_int_equal(journal_create(os, "j", 1, 1, NULL, &j, NULL), ST_OK);
    assert_int_equal(journal_append(j, parts, 1, NULL, NULL), ST_OK);
    sim_fail_at(s, sim_calls(s) + 2, ST_FULL, false);
    assert_int_equal(journal_append(j, parts, 2, NULL, NULL), ST_FULL);
    assert_false(journal_broken(j));
    assert_int_equal(os->ops->stat(os, "j", &stat, NULL), ST_OK);
    assert_int_equal(stat.bytes, journal_end(j).bytes);
    assert_int_equal(journal_append(j, parts, 2, NULL, NULL), ST_OK);
    assert_int_equal(journal_sync(j, NULL), ST_OK);
    journal_close(j);
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_at_every_call),
        cmocka_unit_test(test_many_lives),
        cmocka_unit_test(test_a_failed_append_leaves_nothing),
        cmocka_unit_test(test_a_lying_disk_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
