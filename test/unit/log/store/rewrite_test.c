/* Rewriting sealed segments: what is kept is read as before, over gaps in batches, segments and at their ends; ranges that
 * are held, refusals, races with retention, deletion and another rewrite; and files that are left over. */
#include "kit.h"

/* Twelve batches of two records, three to a segment, their tags 0 to 11; the last segment is active. */
static void fill(struct world *w)
{
    world_new(w);
    for (uint64_t i = 0; i < 12; i++)
        put(w, i, 2, 700, 1000 + (int64_t)i * 10);
}

static struct store_segment segment_at(struct world *w, uint32_t i)
{
    struct store_segment seg = { .bytes = 0 };
    assert_true(store_log_segment(w->l, i, &seg));
    return seg;
}

struct keep {
    struct store_rewrite *r;
    uint64_t mask; /* of tags */
    int64_t from, to;
};
static void keep(void *arg, const struct record_batch *b)
{
    struct keep *k = arg;
    struct error err;
    if (b->base_offset >= k->from && b->base_offset < k->to && (k->mask >> batch_tag(b) & 1))
        must(store_rewrite_put(k->r, b->bytes, &err), &err);
}

/* `n` segments from number `first` on, with the batches of `mask`; not ended. */
static struct store_rewrite *begin(struct world *w, uint32_t first, uint32_t n, uint64_t mask)
{
    struct error err;
    struct keep k = { .mask = mask, .from = segment_at(w, first).base_offset };
    k.to = segment_at(w, first + n - 1).last_offset + 1;
    must(store_rewrite_begin(w->l, k.from, n, &k.r, &err), &err);
    must(read_all(sim_os(w->sim), w->l, keep, &k, NULL, &err), &err);
    return k.r;
}

static void rewrite(struct world *w, uint32_t first, uint32_t n, uint64_t mask)
{
    struct error err;
    must(store_rewrite_end(begin(w, first, n, mask), &err), &err);
}

static void expect_mask(struct world *w, uint64_t mask)
{
    struct seen s = { 0 };
    struct error err;
    uint64_t got = 0;
    must(read_all(sim_os(w->sim), w->l, see_tag, &s, NULL, &err), &err);
    for (uint32_t i = 0; i < s.n; i++)
        got |= (uint64_t)1 << s.tags[i];
    assert_int_equal(got, mask);
    /* from each offset on the next batch that is there */
    for (int64_t at = 0; at < 24; at++) {
        struct store_range r;
        int64_t next, want = at / 2;
        while (!(mask >> want & 1))
            want++;
        must(store_read(w->l, at, INT64_MAX, 1, &r, &next, &err), &err);
        assert_int_equal(r.first_offset, want * 2);
        store_range_release(&r);
        must(store_read(w->l, at, want * 2 + 1, 1, &r, &next, &err), &err); /* not whole below the limit */
        assert_int_equal(r.len, 0);
    }
    for (int64_t ts = 990; ts <= 1110; ts++) {
        struct store_range r;
        int64_t want = 0;
        while (!(mask >> want & 1) || 1000 + want * 10 < ts)
            want++;
        must(store_seek(w->l, ts, INT64_MAX, &r, &err), &err);
        assert_int_equal(r.first_offset, want * 2);
        store_range_release(&r);
    }
}

static void test_gaps(void **state)
{
    (void)state;
    for (uint64_t mask = 0; mask < 64; mask++) { /* of the first two segments */
        struct world w;
        uint64_t all = mask | 0xfc0;
        fill(&w);
        rewrite(&w, 0, 2, mask);
        expect_mask(&w, all);
        assert_int_equal(segment_at(&w, 0).base_offset, mask ? 0 : 12);
        if (mask) {
            assert_int_equal(segment_at(&w, 0).last_offset, 11);
            int64_t newest = 5;
            while (!(mask >> newest & 1))
                newest--;
            assert_int_equal(segment_at(&w, 0).max_timestamp_ms, 1000 + newest * 10);
        }
        world_reopen(&w, mask % 2);
        expect_mask(&w, all);
        assert_int_equal(store_log_start(w.l), 0);
        assert_int_equal(put(&w, 12, 1, 10, 5000), 24);
        world_free(&w);
    }
}

/* The table goes on as it did: other segments, one rewrite on another's result, through openings of both kinds. */
static void test_again_and_again(void **state)
{
    (void)state;
    struct world w;
    uint64_t mask = 0xfff;
    fill(&w);
    rewrite(&w, 1, 1, mask &= ~(uint64_t)0x8);
    expect_mask(&w, mask);
    rewrite(&w, 1, 2, mask &= ~(uint64_t)0x80);
    world_reopen(&w, false);
    expect_mask(&w, mask);
    rewrite(&w, 0, 2, mask &= ~(uint64_t)0x11);
    expect_mask(&w, mask);
    world_reopen(&w, true);
    expect_mask(&w, mask);
    rewrite(&w, 0, 1, mask &= ~(uint64_t)0x1ff);
    world_reopen(&w, false);
    expect_mask(&w, mask);
    world_free(&w);
}

/* Segments, and none whose index is left alone. */
static uint32_t files(struct world *w)
{
    uint32_t logs = 0, indexes = 0;
    struct arena a;
    struct os_name *names;
    uint32_t n;
    struct error err;
    arena_init(&a, NULL);
    must(sim_os(w->sim)->ops->list(sim_os(w->sim), "d/log/abcd0000000000000000000000000000-0", &a, &names, &n, &err), &err);
    for (uint32_t i = 0; i < n; i++)
        *(str_ends(names[i].name, STR(".idx")) ? &indexes : &logs) += 1;
    arena_release(&a);
    assert_true(indexes <= logs);
    return logs;
}

static void test_held_ranges_and_files(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store_range held;
    int64_t next;
    uint8_t before[64], after[64];
    size_t got;
    fill(&w);
    assert_int_equal(files(&w), 4);
    must(store_read(w.l, 2, INT64_MAX, 1, &held, &next, &err), &err);
    must(os_pread(sim_os(w.sim), held.file, before, 64, held.at, &got, &err), &err);
    must(store_tend(w.s, &err), &err);
    assert_false(store_tend_due(w.s));
    rewrite(&w, 0, 2, 0x4);
    assert_true(store_tend_due(w.s));
    must(store_tend(w.s, &err), &err);
    assert_false(store_tend_due(w.s));
    assert_int_equal(files(&w), 3);
    must(os_pread(sim_os(w.sim), held.file, after, 64, held.at, &got, &err), &err);
    assert_memory_equal(before, after, 64);
    store_range_release(&held);
    store_rewrite_drop(begin(&w, 0, 1, 0));
    assert_int_equal(files(&w), 3);
    rewrite(&w, 0, 1, 0);
    must(store_tend(w.s, &err), &err);
    assert_int_equal(files(&w), 2);
    expect_mask(&w, 0xfc0);
    world_free(&w);
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store_rewrite *r;
    fill(&w);
    assert_int_equal(store_rewrite_begin(w.l, 0, 0, &r, &err), ST_NOT_FOUND);
    assert_int_equal(store_rewrite_begin(w.l, 1, 1, &r, &err), ST_NOT_FOUND);
    assert_int_equal(store_rewrite_begin(w.l, 18, 1, &r, &err), ST_NOT_FOUND); /* active */
    assert_int_equal(store_rewrite_begin(w.l, 0, 4, &r, &err), ST_NOT_FOUND);
    assert_int_equal(store_rewrite_begin(w.l, 0, 5, &r, &err), ST_NOT_FOUND);
    must(store_rewrite_begin(w.l, 6, 1, &r, &err), &err);
    struct shared *b = batch_make(0, 2, 50, 1);
    const struct { int64_t base; uint32_t len; } bad[] = { { 4, b->len }, { 11, b->len }, { 12, b->len }, { -1, b->len },
                                                           { 6, b->len - 1 }, { 6, 60 }, { 6, 1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        record_batch_stamp(b->data, bad[i].base, 0);
        assert_int_equal(store_rewrite_put(r, str_make(b->data, bad[i].len), &err), ST_CORRUPT);
    }
    must(store_rewrite_put(r, str_make(b->data, 0), &err), &err);
    record_batch_stamp(b->data, 8, 0);
    must(store_rewrite_put(r, str_make(b->data, b->len), &err), &err);
    assert_int_equal(store_rewrite_put(r, str_make(b->data, b->len), &err), ST_CORRUPT); /* not behind it */
    store_rewrite_drop(r);
    store_rewrite_drop(NULL);
    shared_unref(b);
    expect_mask(&w, 0xfff);
    world_free(&w);
}

/* Who is faster: each alone, then the table is what the other made of it. */
static void test_races(void **state)
{
    (void)state;
    for (int other = 0; other < 4; other++) {
        struct world w;
        struct error err;
        fill(&w);
        struct store_rewrite *r = begin(&w, 0, 2, 0);
        if (other == 0)
            must(store_log_trim(w.l, 6, &err), &err);
        else if (other == 1)
            rewrite(&w, 1, 2, 0xfff);
        else if (other == 2)
            must(store_log_delete(w.s, w.l, &err), &err);
        else
            put(&w, 12, 1, 2000, 1);
        enum status st = store_rewrite_end(r, &err);
        assert_int_equal(st, other == 3 ? ST_OK : ST_NOT_FOUND);
        if (other == 0)
            expect_tags(&w, 3, 12);
        else if (other == 1)
            expect_mask(&w, 0xfff);
        else if (other == 3)
            expect_tags(&w, 6, 13);
        if (other == 2) {
            must(store_tend(w.s, &err), &err);
            struct os_stat st_dir;
            assert_int_equal(sim_os(w.sim)->ops->stat(sim_os(w.sim), "d/log/abcd0000000000000000000000000000-0", &st_dir, &err),
                             ST_NOT_FOUND);
        }
        world_free(&w);
    }
}

/* A batch larger than what is joined, and many small ones. */
static void test_large_ones(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct keep k = { 0 };
    world_new(&w);
    store_log_configure(w.l, &(struct store_log_options){ 4 << 20, 4096 });
    for (int i = 0; i < 300; i++) {
        struct shared *b;
        int64_t base;
        b = batch_make((uint64_t)i % 64, i % 50 == 7 ? 30000 : 1, 1000, i);
        assert_int_equal(append_one(w.s, w.l, b, &base), ST_OK);
    }
    store_log_roll(w.l);
    put(&w, 63, 1, 10, 1);
    struct seen before = { .many = true }, after = { .many = true };
    must(read_all(sim_os(w.sim), w.l, see_tag, &before, NULL, &err), &err);
    assert_int_equal(before.n, 301);
    k.mask = UINT64_MAX & ~(uint64_t)2;
    k.to = INT64_MAX;
    struct store_segment seg = segment_at(&w, 0);
    k.to = seg.last_offset + 1;
    must(store_rewrite_begin(w.l, 0, 1, &k.r, &err), &err);
    must(read_all(sim_os(w.sim), w.l, keep, &k, NULL, &err), &err);
    must(store_rewrite_sync(k.r, &err), &err);
    must(store_rewrite_end(k.r, &err), &err);
    for (int turn = 0; turn < 2; turn++) {
        after = (struct seen){ .many = true };
        must(read_all(sim_os(w.sim), w.l, see_tag, &after, NULL, &err), &err);
        assert_int_equal(after.n, 301 - 5); /* 1, 65, 129, 193, 257 */
        if (turn == 0)
            world_reopen(&w, false);
    }
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_again_and_again),
        cmocka_unit_test(test_held_ranges_and_files),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_races),
        cmocka_unit_test(test_large_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
