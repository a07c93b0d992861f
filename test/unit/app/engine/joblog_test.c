/* A job's commits in the log: what a restart reads, snapshots that fold and trim, another job's fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/embedded.h"
#include "engine/joblog.h"
#include "state/state.h"

#define KEYS 10u

struct house {
    char dir[64];
    struct embedded *log;
    struct connect_log link;
    struct commit_log *job;
};

static void must(enum status st, const struct error *err)
{
    if (st != ST_OK)
        fail_msg("%s: %s", status_name(st), err->message);
}

static void start(struct house *h)
{
    struct error err;
    struct topics_report report;
    struct topics_options o = { .os = os_real(), .path = h->dir };
    must(embedded_open(&o, NULL, &report, &h->log, &err), &err);
    h->link = (struct connect_log){ .topics = embedded_topics(h->log) };
    must(joblog_open(&h->link, STR("1-out"), STR("the plan"), 1, budget_process(), &h->job, &err), &err);
}

static void stop(struct house *h)
{
    struct error err;
    h->job->ops->close(h->job);
    must(embedded_close(h->log, &err), &err);
}

static void clean(struct house *h)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", h->dir);
    assert_int_equal(system(command), 0);
}

static enum status see(void *arg, const struct delta *d, struct error *err)
{
    char *seen = arg;
    (void)err;
    assert_int_equal(d->key.len, 1);
    seen[d->key.ptr[0] - 'a'] = d->op == DELTA_PUT ? d->value.ptr[0] : 0;
    return ST_OK;
}

static enum status visit(void *arg, struct str payload, struct error *err)
{
    return delta_read(payload, see, arg, err);
}

/* Epoch n puts value n under key n mod KEYS. */
static void commit(struct house *h, uint64_t epoch)
{
    struct error err;
    struct buf out;
    char key = (char)('a' + epoch % KEYS), value = (char)epoch;
    struct delta d = { .op = DELTA_PUT, .store = STR("s"), .fingerprint = STR("f"), .hash = epoch % KEYS, .key = { &key, 1 },
                       .value = { &value, 1 } };
    struct delta_writer w = { .out = &out };
    buf_init(&out, NULL, 1 << 20);
    assert_true(delta_write(&w, &d) && delta_end(&w));
    must(h->job->ops->commit(h->job, epoch, buf_str(&out), &err), &err);
    buf_release(&out);
}

static void expect(struct house *h, uint64_t epoch)
{
    struct error err;
    uint64_t newest;
    char seen[KEYS] = { 0 };
    must(h->job->ops->restore(h->job, visit, seen, &newest, &err), &err);
    assert_int_equal(newest, epoch);
    for (uint64_t e = epoch > KEYS ? epoch - KEYS + 1 : 1; e <= epoch; e++)
        assert_int_equal(seen[e % KEYS], (char)e);
}

static int64_t first_offset(struct house *h)
{
    struct topic *t = topics_find(h->link.topics, STR("__weir_job-1-out"));
    assert_non_null(t);
    int64_t at = topic_start(topic_partition(t, 0));
    topic_unref(t);
    return at;
}

static void test_restarts_and_snapshots(void **state)
{
    struct house h = { .dir = "/tmp/weir-joblog-XXXXXX" };
    struct error err;
    uint64_t epoch = 0, commits, bytes, snapshots, abandoned;
    int64_t before = 0;
    (void)state;
    assert_non_null(mkdtemp(h.dir));
    for (uint32_t round = 0; round < 4; round++) {
        bool due = false;
        start(&h);
        expect(&h, epoch);
        for (uint32_t i = 0; i < 17; i++)
            commit(&h, ++epoch);
        must(h.job->ops->snapshot_begin(h.job, true, &due, &err), &err);
        assert_true(due);
        commit(&h, ++epoch); /* beside it */
        must(h.job->ops->snapshot_make(h.job, &err), &err);
        commit(&h, ++epoch);
        if (round == 2) { /* as if killed here: the older snapshot counts */
            stop(&h);
            continue;
        }
        must(h.job->ops->snapshot_finish(h.job, &err), &err);
        commit(&h, ++epoch);
        h.job->ops->stats(h.job, &commits, &bytes, &snapshots, &abandoned);
        assert_int_equal(snapshots, 1);
        assert_int_equal(abandoned, 0);
        assert_true(first_offset(&h) >= before + 17);
        before = first_offset(&h);
        stop(&h);
    }
    start(&h);
    expect(&h, epoch);
    stop(&h);
    clean(&h);
}

/* A snapshot of epochs that have left no state is one too: what it lets go is not missed. Found by test/house. */
static void test_snapshot_of_nothing(void **state)
{
    struct house h = { .dir = "/tmp/weir-joblog-XXXXXX" };
    struct error err;
    bool due = false;
    uint64_t newest;
    char seen[KEYS] = { 0 };
    (void)state;
    assert_non_null(mkdtemp(h.dir));
    start(&h);
    expect(&h, 0);
    must(h.job->ops->commit(h.job, 1, STR(""), &err), &err);
    must(h.job->ops->snapshot_begin(h.job, true, &due, &err), &err);
    assert_true(due);
    must(h.job->ops->snapshot_make(h.job, &err), &err);
    must(h.job->ops->snapshot_finish(h.job, &err), &err);
    commit(&h, 2);
    stop(&h);
    start(&h);
    must(h.job->ops->restore(h.job, visit, seen, &newest, &err), &err);
    assert_int_equal(newest, 2);
    assert_int_equal(seen[2], 2);
    stop(&h);
    clean(&h);
}

static void test_another_job(void **state)
{
    struct house h = { .dir = "/tmp/weir-joblog-XXXXXX" };
    struct commit_log *other = NULL;
    struct error err;
    (void)state;
    assert_non_null(mkdtemp(h.dir));
    start(&h);
    assert_int_equal(joblog_open(&h.link, STR("1-out"), STR("another plan"), 1, budget_process(), &other, &err), ST_MISMATCH);
    assert_null(other);
    must(joblog_open(&h.link, STR("2-out"), STR("another plan"), 1, budget_process(), &other, &err), &err);
    other->ops->close(other);
    stop(&h);
    clean(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_restarts_and_snapshots), cmocka_unit_test(test_another_job),
                                        cmocka_unit_test(test_snapshot_of_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
