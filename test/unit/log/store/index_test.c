/* Indexes of segments with many batches: thinned, saved, read again, proven piece by piece; files that are damaged, of another
 * life, or longer than their segment; and what they save: the walk over all heads. */
#include "kit.h"
#include "store/private.h"

enum { MANY = 20000, DISTANCE = 128 };

/* One segment of many small batches that is sealed, and one batch behind it. Each batch has its own time. */
static void fill(struct world *w, uint32_t n)
{
    struct error err;
    bool more;
    struct fate fate = { 0 };
    *w = (struct world){ .sim = sim_new(1, NULL) };
    must(world_open(w, &err), &err);
    struct store_id id = kit_id(0);
    struct store_log_options o = { 64 << 20, DISTANCE };
    must(store_log_create(w->s, &id, &o, &w->l, &err), &err);
    for (uint32_t i = 0; i < n; i++) {
        struct shared *b = batch_make(i % 64, 1, 8, i * 10);
        struct store_group *g = store_group_new(w->s, NULL);
        int64_t base;
        must(store_group_append(g, w->l, b, 0, b->len, &base, &err), &err);
        shared_unref(b);
        store_group_submit(g, kit_done, &fate);
        if (i % 1000 == 999 || i + 1 == n)
            must(store_commit_step(w->s, &more, &err), &err);
    }
    store_log_roll(w->l);
    put(w, 0, 1, 8, n * 10);
    store_log_configure(w->l, &o);
}

static void again(struct world *w, bool clean)
{
    world_reopen(w, clean);
    store_log_configure(w->l, &(struct store_log_options){ 64 << 20, DISTANCE });
}

static enum status first_of(struct world *w, int64_t at, int64_t *ret)
{
    struct store_range r;
    struct error err;
    int64_t next;
    TRY(store_read(w->l, at, INT64_MAX, 1, &r, &next, &err));
    *ret = r.first_offset;
    store_range_release(&r);
    return ST_OK;
}

static void expect_all(struct world *w, int64_t step)
{
    int64_t first;
    struct error err;
    for (int64_t at = 0; at < store_log_high(w->l); at += step) {
        struct store_range r;
        assert_int_equal(first_of(w, at, &first), ST_OK);
        assert_int_equal(first, at);
        must(store_seek(w->l, at * 10 - 5, INT64_MAX, &r, &err), &err);
        assert_int_equal(r.first_offset, at);
        store_range_release(&r);
    }
}

static const char idx_path[] = "d/log/abcd0000000000000000000000000000-0/00000000000000000000-1.idx";
static const char log_path_1[] = "d/log/abcd0000000000000000000000000000-0/00000000000000000000-1.log";

static void test_thinned_and_saved(void **state)
{
    (void)state;
    struct world w;
    int64_t first;
    fill(&w, MANY);
    expect_all(&w, 997);
    const struct segment *g = w.l->first;
    assert_true(g->index.count <= STORE_INDEX_MAX && g->index.count > STORE_INDEX_MAX / 4);
    assert_true(g->index.step > DISTANCE);
    assert_false(g->from_file);
    for (int turn = 0; turn < 2; turn++) {
        again(&w, turn == 0);
        uint64_t before = sim_calls(w.sim);
        assert_int_equal(first_of(&w, MANY / 2, &first), ST_OK);
        assert_int_equal(first, MANY / 2);
        assert_true(sim_calls(w.sim) - before < 20); /* no walk over 1.6 MB */
        assert_true(w.l->first->from_file);
        uint32_t proven = 0;
        for (uint32_t i = 0; i < w.l->first->index.count; i++)
            proven += w.l->first->index.entries[i].proven;
        assert_true(proven > 0 && proven < 8);
        expect_all(&w, 53);
    }
    world_free(&w);
}

static void put_file(struct world *w, const char *path, const uint8_t *bytes, size_t len)
{
    struct error err;
    must(sim_put_file(w->sim, path, bytes, len), &err);
}

/* A file of the same name that tells of other batches: what it says is not believed, the segment is, and the file is made
 * again. */
static void test_of_another_life(void **state)
{
    (void)state;
    struct world w, other;
    struct error err;
    struct buf idx;
    fill(&other, 600);
    must(store_close(other.s, &err), &err);
    buf_init(&idx, NULL, 1 << 20);
    assert_true(sim_get_file(other.sim, idx_path, &idx));
    sim_free(other.sim);
    for (int64_t at = 0; at < 700; at += 39) {
        world_new(&w);
        store_log_configure(w.l, &(struct store_log_options){ 64 << 20, DISTANCE });
        for (uint64_t i = 0; i < 700; i++)
            put(&w, i % 64, 1, 8 + (uint32_t)i % 5, (int64_t)i * 10);
        store_log_roll(w.l);
        put(&w, 0, 1, 8, 7000);
        must(store_close(w.s, &err), &err);
        put_file(&w, idx_path, idx.data, idx.len);
        must(world_open(&w, &err), &err);
        int64_t first;
        assert_int_equal(first_of(&w, at, &first), ST_OK);
        assert_int_equal(first, at);
        expect_all(&w, 13);
        again(&w, true);
        assert_int_equal(first_of(&w, at, &first), ST_OK);
        assert_true(w.l->first->from_file && !w.l->first->no_file);
        world_free(&w);
    }
    buf_release(&idx);
}

/* A file with a good checksum and one wrong entry: what is served is right all the same, and the file is not used any more. */
static void test_one_wrong_entry(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct buf idx;
    fill(&w, 600);
    must(store_close(w.s, &err), &err);
    buf_init(&idx, NULL, 1 << 20);
    assert_true(sim_get_file(w.sim, idx_path, &idx));
    uint32_t entries = (uint32_t)((idx.len - 44) / 28);
    assert_true(entries > 100);
    for (uint32_t i = 1; i + 1 < entries; i += 11) {
        for (uint32_t field = 0; field < 4; field++) { /* offset, largest time, place, sum */
            uint8_t *at = idx.data + 40 + 28 * (size_t)i + 8 * (size_t)field, was = *at;
            *at += field == 0 || field == 2 ? 1 : 0x40;
            uint32_t crc = crc32c(0, idx.data, idx.len - 4);
            for (int k = 0; k < 4; k++)
                idx.data[idx.len - 4 + (size_t)k] = (uint8_t)(crc >> 8 * k);
            put_file(&w, idx_path, idx.data, idx.len);
            must(world_open(&w, &err), &err);
            for (int64_t offset = 0; offset < 600; offset++) {
                int64_t first;
                assert_int_equal(first_of(&w, offset, &first), ST_OK);
                assert_int_equal(first, offset);
            }
            assert_true(field == 1 || !w.l->first->from_file);
            store_abandon(w.s);
            *at = was;
        }
    }
    buf_release(&idx);
    must(world_open(&w, &err), &err);
    world_free(&w);
}

/* Every byte of a head of the segment, with a good index file: named, whichever batch it is in. */
static void test_rot_under_an_index(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct buf log;
    fill(&w, 600);
    must(store_close(w.s, &err), &err);
    buf_init(&log, NULL, 1 << 20);
    assert_true(sim_get_file(w.sim, log_path_1, &log));
    size_t batch = (log.len - STORE_SEGMENT_HEAD) / 600;
    assert_int_equal((log.len - STORE_SEGMENT_HEAD) % 600, 0);
    for (size_t i = 0; i < 600; i += 23) {
        for (size_t byte = 0; byte < STORE_BATCH_SIDE; byte++) {
            uint8_t *at = log.data + STORE_SEGMENT_HEAD + i * batch + byte;
            int64_t first;
            *at ^= (uint8_t)(1 << byte % 8);
            put_file(&w, log_path_1, log.data, log.len);
            must(world_open(&w, &err), &err);
            assert_int_equal(first_of(&w, (int64_t)i, &first), ST_CORRUPT);
            assert_int_equal(first_of(&w, 600, &first), ST_OK);
            store_abandon(w.s);
            *at ^= (uint8_t)(1 << byte % 8);
        }
    }
    put_file(&w, log_path_1, log.data, log.len);
    must(world_open(&w, &err), &err);
    expect_all(&w, 1);
    buf_release(&log);
    world_free(&w);
}

/* The active segment's file covers its beginning; what was appended behind it is walked, or appended to it. */
/* Another reader finds the damage, and throws the index away, while this one is on its way: it is not taken for proven. */
static struct {
    struct world *w;
    struct os_ops ops;
    const struct os_ops *below;
    uint32_t reads, at;
    int64_t offset;
} beside;

static enum status read_beside(struct os *os, struct os_file *f, void *bytes, size_t len, uint64_t offset, size_t *ret,
                               struct error *err)
{
    int64_t first;
    if (++beside.reads == beside.at) {
        os->ops = beside.below;
        assert_int_equal(first_of(beside.w, beside.offset, &first), ST_CORRUPT);
        os->ops = &beside.ops;
    }
    return beside.below->pread(os, f, bytes, len, offset, ret, err);
}

static void test_two_find_rot(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct buf log;
    fill(&w, 600);
    must(store_close(w.s, &err), &err);
    buf_init(&log, NULL, 1 << 20);
    assert_true(sim_get_file(w.sim, log_path_1, &log));
    log.data[STORE_SEGMENT_HEAD + (log.len - STORE_SEGMENT_HEAD) / 600 * 300 + 12] ^= 1; /* a leader epoch */
    put_file(&w, log_path_1, log.data, log.len);
    struct os *os = sim_os(w.sim);
    beside.w = &w;
    beside.below = os->ops;
    beside.ops = *os->ops;
    beside.ops.pread = read_beside;
    beside.offset = 300;
    uint32_t reached = 0;
    for (beside.at = 1; beside.at < 12; beside.at++) {
        int64_t first;
        must(world_open(&w, &err), &err);
        beside.reads = 0;
        os->ops = &beside.ops;
        assert_int_equal(first_of(&w, 300, &first), ST_CORRUPT);
        os->ops = beside.below;
        reached += beside.reads >= beside.at;
        store_abandon(w.s);
    }
    assert_true(reached > 3);
    buf_release(&log);
    sim_free(w.sim);
}

static void test_the_active_one(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    int64_t first;
    world_new(&w);
    store_log_configure(w.l, &(struct store_log_options){ 64 << 20, DISTANCE });
    for (uint64_t i = 0; i < 3000; i++)
        put(&w, i % 64, 1, 8, (int64_t)i * 10);
    again(&w, true);
    assert_int_equal(first_of(&w, 1500, &first), ST_OK);
    assert_true(w.l->last->from_file);
    for (uint64_t i = 3000; i < 3400; i++)
        put(&w, i % 64, 1, 8, (int64_t)i * 10);
    expect_all(&w, 7);
    again(&w, false);
    for (uint64_t i = 3400; i < 3500; i++) /* nobody has read yet */
        put(&w, i % 64, 1, 8, (int64_t)i * 10);
    assert_int_equal(first_of(&w, 3450, &first), ST_OK);
    assert_true(w.l->last->from_file);
    expect_all(&w, 7);
    must(store_log_delete(w.s, w.l, &err), &err);
    must(store_tend(w.s, &err), &err);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    assert_false(sim_get_file(w.sim, idx_path, &b));
    buf_release(&b);
    world_free(&w);
}

/* Indexes of idle segments go when they are too many, and come back. */
static void test_dropped_and_back(void **state)
{
    (void)state;
    struct world w;
    fill(&w, 3000); /* two open files at most */
    for (uint64_t i = 0; i < 6; i++) {
        put(&w, i, 1, 2000, 30000 + 10 * (int64_t)(i + 1));
        store_log_roll(w.l);
    }
    expect_all(&w, 1);
    assert_true(w.s->index_bytes < 200000);
    /* that of a segment whose file was closed while it was the active one */
    struct store_id id = kit_id(5);
    struct store_log *other;
    struct error err;
    must(store_log_create(w.s, &id, NULL, &other, &err), &err);
    for (uint32_t i = 0; i < 3; i++) {
        int64_t base;
        store_log_roll(other);
        assert_int_equal(append_one(w.s, other, batch_make(i, 1, 100, 1), &base), ST_OK);
        must(store_tend(w.s, &err), &err);
        expect_all(&w, 1);
    }
    assert_null(other->first->file);
    for (const struct segment *g = other->first; g; g = g->next)
        assert_true(g == other->last || g->file || g->index.cap == 0);
    uint64_t sum = 0;
    for (const struct segment *g = other->first; g; g = g->next)
        sum += g->index.cap * sizeof *g->index.entries;
    for (const struct segment *g = w.l->first; g; g = g->next)
        sum += g->index.cap * sizeof *g->index.entries;
    assert_int_equal(sum, w.s->index_bytes);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thinned_and_saved),
        cmocka_unit_test(test_of_another_life),
        cmocka_unit_test(test_one_wrong_entry),
        cmocka_unit_test(test_rot_under_an_index),
        cmocka_unit_test(test_two_find_rot),
        cmocka_unit_test(test_the_active_one),
        cmocka_unit_test(test_dropped_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
