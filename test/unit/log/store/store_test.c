/* The store without crashes: offsets, rolls, reading, seeking, trimming, epochs, deletion, refusals; then a directory that was
 * not closed, or was, with every byte of its small files flipped, cut and zeroed. */
#include "kit.h"

static void test_offsets_and_reopening(void **state)
{
    (void)state;
    struct world w;
    world_new(&w);
    assert_int_equal(store_log_end(w.l), 0);
    assert_int_equal(put(&w, 0, 3, 100, 1), 0);
    assert_int_equal(put(&w, 1, 1, 2000, 1), 3);
    assert_int_equal(put(&w, 2, 2, 100, 1), 4);
    assert_int_equal(store_log_high(w.l), 6);
    expect_tags(&w, 0, 3);
    world_reopen(&w, true);
    expect_tags(&w, 0, 3);
    assert_int_equal(put(&w, 3, 1, 50, 1), 6);
    world_reopen(&w, false);
    expect_tags(&w, 0, 4);
    world_reopen(&w, true);
    expect_tags(&w, 0, 4);
    assert_int_equal(store_log_end(w.l), 7);
    world_free(&w);
}

static void test_rolls_by_size_and_wish(void **state)
{
    (void)state;
    struct world w;
    struct store_segment seg;
    world_new(&w);
    for (uint64_t i = 0; i < 10; i++)
        put(&w, i, 1, 700, 1000 + (int64_t)i); /* three to a segment */
    assert_true(store_log_segment(w.l, 3, &seg));
    assert_true(seg.active);
    assert_false(store_log_segment(w.l, 4, &seg));
    assert_true(store_log_segment(w.l, 0, &seg));
    assert_int_equal(seg.base_offset, 0);
    assert_int_equal(seg.last_offset, 2);
    assert_int_equal(seg.max_timestamp_ms, 1000 + seg.last_offset);
    assert_true(seg.bytes <= 3000 && !seg.active);
    store_log_roll(w.l);
    put(&w, 10, 1, 700, 1);
    uint32_t n = 0;
    while (store_log_segment(w.l, n, &seg))
        n++;
    assert_int_equal(seg.base_offset, 10);
    assert_int_equal(n, 5);
    expect_tags(&w, 0, 11);
    world_reopen(&w, true);
    expect_tags(&w, 0, 11);
    world_free(&w);
}

static void test_ranges(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store_range r;
    int64_t next;
    world_new(&w);
    for (uint64_t i = 0; i < 20; i++)
        put(&w, i, 2, 40, 1);
    for (int64_t at = 0; at < 40; at++) {
        must(store_read(w.l, at, 40, 1, &r, &next, &err), &err); /* one batch at least */
        assert_int_equal(r.first_offset, at / 2 * 2);
        uint64_t one = r.len;
        store_range_release(&r);
        must(store_read(w.l, at, 40, (uint32_t)one * 3 + 5, &r, &next, &err), &err);
        assert_int_equal(r.len, one * (at / 2 + 3 <= 20 ? 3 : 20 - (uint64_t)at / 2));
        store_range_release(&r);
        must(store_read(w.l, at, at / 2 * 2 + 4, UINT32_MAX, &r, &next, &err), &err); /* two batches below the limit */
        assert_int_equal(r.len, one * (at / 2 + 2 <= 20 ? 2 : 1));
        store_range_release(&r);
        must(store_read(w.l, at, at / 2 * 2 + 1, UINT32_MAX, &r, &next, &err), &err); /* no whole one */
        assert_int_equal(r.len, 0);
    }
    must(store_read(w.l, 40, INT64_MAX, 1, &r, &next, &err), &err);
    assert_int_equal(r.len, 0);
    assert_int_equal(store_read(w.l, 41, INT64_MAX, 1, &r, &next, &err), ST_NOT_FOUND);
    assert_int_equal(store_read(w.l, -1, INT64_MAX, 1, &r, &next, &err), ST_NOT_FOUND);
    world_free(&w);
}

static void test_seeking_by_time(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store_range r;
    world_new(&w);
    for (uint64_t i = 0; i < 30; i++)
        put(&w, i, 1, 200, (int64_t)(i % 2 ? i * 10 : i * 10 - 15)); /* not in order */
    for (int turn = 0; turn < 2; turn++) {
        for (int64_t ts = -20; ts <= 300; ts++) {
            int64_t want = -1;
            for (int64_t i = 29; i >= 0; i--)
                want = (i % 2 ? i * 10 : i * 10 - 15) >= ts ? i : want;
            must(store_seek(w.l, ts, INT64_MAX, &r, &err), &err);
            assert_int_equal(r.len ? r.first_offset : -1, want);
            store_range_release(&r);
        }
        world_reopen(&w, turn == 0);
    }
    must(store_seek(w.l, 100, 5, &r, &err), &err);
    assert_int_equal(r.len, 0);
    world_free(&w);
}

static void test_trim_and_held_ranges(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store_range held, r;
    int64_t next;
    world_new(&w);
    for (uint64_t i = 0; i < 12; i++)
        put(&w, i, 1, 700, 1);
    must(store_read(w.l, 0, INT64_MAX, 1, &held, &next, &err), &err);
    assert_int_equal(store_log_trim(w.l, 13, &err), ST_USAGE);
    must(store_log_trim(w.l, 6, &err), &err);
    must(store_log_trim(w.l, 2, &err), &err); /* never back */
    assert_int_equal(store_log_start(w.l), 6);
    assert_int_equal(store_read(w.l, 5, INT64_MAX, 1, &r, &next, &err), ST_NOT_FOUND);
    uint8_t bytes[8];
    size_t got;
    must(os_pread(sim_os(w.sim), held.file, bytes, 8, held.at, &got, &err), &err); /* still readable */
    assert_int_equal(got, 8);
    store_range_release(&held);
    world_reopen(&w, false);
    assert_int_equal(store_log_start(w.l), 6);
    expect_tags(&w, 6, 12);
    must(store_log_trim(w.l, 12, &err), &err);
    expect_tags(&w, 12, 12);
    world_reopen(&w, true);
    assert_int_equal(store_log_start(w.l), 12);
    assert_int_equal(put(&w, 12, 1, 10, 1), 12);
    world_free(&w);
}

static void test_epochs(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    int32_t epoch;
    int64_t end;
    world_new(&w);
    put(&w, 0, 2, 10, 1);
    must(store_log_advance_epoch(w.l, 3, &err), &err);
    must(store_log_advance_epoch(w.l, 4, &err), &err); /* 3 had no batch */
    put(&w, 1, 3, 10, 1);
    assert_int_equal(store_log_advance_epoch(w.l, 4, &err), ST_USAGE);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(store_log_epoch(w.l), 4);
        assert_true(store_log_epoch_end(w.l, 3, &epoch, &end));
        assert_int_equal(epoch, 0);
        assert_int_equal(end, 2);
        assert_true(store_log_epoch_end(w.l, 9, &epoch, &end));
        assert_int_equal(epoch, 4);
        assert_int_equal(end, 5);
        assert_false(store_log_epoch_end(w.l, -1, &epoch, &end));
        world_reopen(&w, turn == 0);
    }
    world_free(&w);
}

static void test_delete_and_create(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store_id id = kit_id(0);
    struct store_log *again;
    world_new(&w);
    assert_int_equal(store_log_create(w.s, &id, NULL, &again, &err), ST_EXISTS);
    put(&w, 0, 2, 10, 1);
    put(&w, 1, 2, 2000, 1);
    must(store_log_delete(w.s, w.l, &err), &err);
    assert_null(store_log_find(w.s, &id));
    must(store_log_create(w.s, &id, &small_log, &w.l, &err), &err);
    assert_int_equal(put(&w, 7, 1, 2000, 1), 0);
    world_reopen(&w, false); /* replays the old life, its end and the new one */
    expect_tags(&w, 7, 8);
    must(store_log_delete(w.s, w.l, &err), &err);
    world_reopen(&w, false);
    assert_null(w.l);
    world_free(&w);
}

static void test_notes_stand(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    bool more;
    world_new(&w);
    for (int i = 0; i < 3; i++) {
        struct fate f = { 0 };
        struct store_group *g = store_group_new(w.s, NULL);
        struct store_note n = { 1, STR("one") }, m = { 2, i == 2 ? STR("") : STR("two") };
        must(store_group_note(g, &n, &err), &err);
        must(store_group_note(g, &m, &err), &err);
        store_group_submit(g, kit_done, &f);
        must(store_commit_step(w.s, &more, &err), &err);
        assert_int_equal(f.st, ST_OK);
    }
    struct store_group *many = store_group_new(w.s, NULL);
    for (int i = 0; i < 16; i++)
        must(store_group_note(many, &(struct store_note){ 1, STR("n") }, &err), &err);
    assert_int_equal(store_group_note(many, &(struct store_note){ 1, STR("n") }, &err), ST_LIMIT);
    store_group_free(many);
    world_free(&w);
}

/* A full disk fails the group, and those behind it; offsets go on as if they had not been. */
static void test_full_disk(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct fate fates[3] = { 0 };
    int64_t base;
    bool more;
    world_new(&w);
    put(&w, 0, 1, 500, 1);
    sim_capacity(w.sim, 3000);
    for (int i = 0; i < 3; i++) {
        struct store_group *g = store_group_new(w.s, NULL);
        struct shared *b = batch_make(9, 1, i == 1 ? 12000 : 100, 1);
        must(store_group_append(g, w.l, b, 0, b->len, &base, &err), &err);
        assert_int_equal(base, 1 + i);
        shared_unref(b);
        store_group_submit(g, kit_done, &fates[i]);
    }
    must(store_commit_step(w.s, &more, &err), &err);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fates[i].st, ST_FULL);
    assert_int_equal(store_log_end(w.l), 1);
    assert_int_equal(put(&w, 1, 1, 100, 1), 1); /* a small one has room */
    sim_capacity(w.sim, UINT64_MAX);
    assert_int_equal(put(&w, 2, 1, 12000, 1), 2);
    world_reopen(&w, false);
    expect_tags(&w, 0, 3);
    world_free(&w);
}

static void test_unsubmitted_group_gives_offsets_back(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    int64_t base;
    world_new(&w);
    struct store_group *g = store_group_new(w.s, NULL);
    struct shared *b = batch_make(9, 4, 10, 1);
    must(store_group_append(g, w.l, b, 0, b->len, &base, &err), &err);
    assert_int_equal(store_group_append(g, w.l, b, 0, b->len - 1, &base, &err), ST_CORRUPT);
    shared_unref(b);
    assert_int_equal(store_log_end(w.l), 4);
    store_group_free(g);
    assert_int_equal(put(&w, 0, 1, 10, 1), 0);
    world_free(&w);
}

static void test_second_opener_is_locked_out(void **state)
{
    (void)state;
    struct world w, other;
    struct error err;
    world_new(&w);
    other = (struct world){ .sim = w.sim };
    assert_int_equal(world_open(&other, &err), ST_LOCKED);
    world_free(&w);
}

/* ---- damage at rest ---- */

enum { BATCHES = 7, STORE_HEAD = 64 };

/* A store of seven batches in three segments, closed or not. */
static void image_make(struct image *im, bool clean)
{
    struct world w;
    struct error err;
    *im = (struct image){ 0 };
    world_new(&w);
    for (uint64_t i = 0; i < BATCHES; i++)
        put(&w, i, 1, i == 3 ? 1500 : 300, 1);
    store_log_roll(w.l);
    must(store_tend(w.s, &err), &err);
    if (clean)
        must(store_close(w.s, &err), &err);
    else
        store_abandon(w.s);
    image_add(im, w.sim, "d");
    sim_free(w.sim);
}

static bool is_journal(const char *name) { return strstr(name, ".jnl"); }
static bool is_index(const char *name) { return strstr(name, ".idx"); }

/* Opens the image with one file as `bytes`. What is served must be what was written, in its place; what is not served must have
 * been told: the opening fails as corrupt, a segment is told as rotten, or (a journal that was not closed) the last record
 * is cut off, as after a crash; where the damage is `wide`, all those behind which no proof is left. Bodies of batches are
 * the reader's to check. */
static void damaged(const struct image *im, uint32_t which, const uint8_t *bytes, size_t len, bool clean, bool wide)
{
    struct world w = { .sim = image_disk(im, which, bytes, len) };
    struct error err = { 0 };
    struct os *os = sim_os(w.sim);
    enum status st = world_open(&w, &err);
    if (st != ST_OK) {
        assert_true(st == ST_CORRUPT || st == ST_MISMATCH);
        assert_true(is_journal(im->names[which]));
        assert_non_null(strstr(err.message, "journal"));
    } else {
        uint32_t corrupt = 0;
        bool served[BATCHES] = { 0 };
        int64_t high = w.l ? store_log_high(w.l) : 0;
        for (int64_t at = 0; at < high; at++) {
            struct store_range r;
            int64_t next;
            static uint8_t got_bytes[16384];
            size_t got, used;
            struct record_batch b;
            st = store_read(w.l, at, INT64_MAX, 1, &r, &next, &err);
            if (st == ST_CORRUPT) {
                assert_non_null(strstr(err.message, ".log"));
                corrupt++;
                continue;
            }
            must(st, &err);
            must(os_pread(os, r.file, got_bytes, (size_t)r.len, r.at, &got, &err), &err);
            assert_int_equal(got, r.len);
            store_range_release(&r);
            must(record_batch_read(str_make(got_bytes, got), &b, &used, &err), &err);
            assert_int_equal(b.base_offset, at);
            assert_int_equal(b.leader_epoch, 0);
            if (record_batch_check(&b, &err) == ST_OK) {
                assert_int_equal(batch_tag(&b), at);
                served[at] = true;
            } else {
                corrupt++;
            }
        }
        uint32_t missing = 0;
        for (int64_t at = 0; is_journal(im->names[which]) && at < high; at++)
            assert_true(served[at]); /* what is left of a journal that was cut is a past */
        for (uint32_t i = 0; i < BATCHES; i++)
            missing += !served[i];
        if (is_journal(im->names[which]))
            assert_true(clean ? missing == 0 : missing <= 1 || wide);
        else
            assert_int_equal(missing, corrupt);
        assert_true(!is_index(im->names[which]) || missing == 0);
        /* nothing of the damaged file has been deleted */
        struct buf now;
        buf_init(&now, NULL, 1 << 20);
        if (!is_journal(im->names[which]) && len > 0)
            assert_true(sim_get_file(w.sim, im->names[which], &now));
        buf_release(&now);
        store_abandon(w.s);
    }
    sim_free(w.sim);
}

static void damage_everywhere(bool clean)
{
    struct image im;
    image_make(&im, clean);
    uint32_t indexes = 0;
    for (uint32_t f = 0; f < im.n; f++)
        indexes += is_index(im.names[f]);
    assert_true(im.n - indexes >= 3 && indexes >= (clean ? 2 : 1));
    for (uint32_t f = 0; f < im.n; f++) {
        size_t len = im.bytes[f].len;
        uint8_t *copy = mem_alloc(NULL, len);
        for (size_t i = 0; i < len; i++) {
            memcpy(copy, im.bytes[f].data, len);
            copy[i] ^= (uint8_t)(1 + i % 255);
            damaged(&im, f, copy, len, clean, false);
            copy[i] = 0;
            if (im.bytes[f].data[i] != 0)
                damaged(&im, f, copy, len, clean, false);
        }
        for (size_t i = 0; i < len; i += 7)
            damaged(&im, f, im.bytes[f].data, i, clean, true);
        for (size_t i = 0; i < len; i += 512) {
            memcpy(copy, im.bytes[f].data, len);
            memset(copy + i, 0, len - i < 512 ? len - i : 512);
            damaged(&im, f, copy, len, clean, true);
        }
        mem_free(NULL, copy, len);
    }
    image_free(&im);
}

/* The active segment is damaged, in its own head or in a batch's that a reader has met: the next batch goes to a new one. */
static void test_damaged_active_segment(void **state)
{
    (void)state;
    for (int byte = 3; byte < 90; byte += 64) {
        struct world w;
        struct error err;
        struct buf log;
        struct store_range r;
        int64_t next;
        const char *path = "d/log/abcd0000000000000000000000000000-0/00000000000000000000-1.log";
        world_new(&w);
        put(&w, 0, 1, 50, 1);
        put(&w, 1, 1, 50, 1);
        must(store_close(w.s, &err), &err);
        buf_init(&log, NULL, 1 << 20);
        assert_true(sim_get_file(w.sim, path, &log));
        log.data[byte] ^= 1;
        must(sim_put_file(w.sim, path, log.data, log.len), &err);
        must(world_open(&w, &err), &err);
        if (byte > STORE_HEAD)
            assert_int_equal(store_read(w.l, 1, INT64_MAX, 1, &r, &next, &err), ST_CORRUPT);
        assert_int_equal(put(&w, 2, 1, 50, 1), 2);
        assert_int_equal(put(&w, 3, 1, 50, 1), 3);
        world_reopen(&w, byte > STORE_HEAD);
        assert_int_equal(store_read(w.l, 0, INT64_MAX, 1, &r, &next, &err), ST_CORRUPT);
        assert_int_equal(next, 2);
        for (int64_t at = 2; at < 4; at++) {
            must(store_read(w.l, at, INT64_MAX, 1, &r, &next, &err), &err);
            assert_int_equal(r.first_offset, at);
            store_range_release(&r);
        }
        buf_release(&log);
        world_free(&w);
    }
}

static void test_damage_after_a_clean_stop(void **state) { (void)state; damage_everywhere(true); }
static void test_damage_after_a_kill(void **state) { (void)state; damage_everywhere(false); }

static void test_journal_gone(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct image im = { 0 };
    world_new(&w);
    put(&w, 0, 1, 10, 1);
    must(store_close(w.s, &err), &err);
    image_add(&im, w.sim, "d/journal");
    for (uint32_t i = 0; i < im.n; i++) {
        must(sim_os(w.sim)->ops->unlink(sim_os(w.sim), im.names[i], &err), &err);
        buf_release(&im.bytes[i]);
    }
    assert_int_equal(world_open(&w, &err), ST_CORRUPT);
    sim_free(w.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_and_reopening),
        cmocka_unit_test(test_rolls_by_size_and_wish),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_seeking_by_time),
        cmocka_unit_test(test_trim_and_held_ranges),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_delete_and_create),
        cmocka_unit_test(test_notes_stand),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_unsubmitted_group_gives_offsets_back),
        cmocka_unit_test(test_second_opener_is_locked_out),
        cmocka_unit_test(test_damaged_active_segment),
        cmocka_unit_test(test_damage_after_a_clean_stop),
        cmocka_unit_test(test_damage_after_a_kill),
        cmocka_unit_test(test_journal_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
