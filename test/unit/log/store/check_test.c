/* Looking without touching: a directory opened for reading only, and the search for damage. Whatever is wrong with a file, the
 * disk is afterwards what it was, and the damage is named. */
#include "kit.h"

enum { BATCHES = 9 };

struct found {
    uint32_t logs, rot, notes, odd;
    char file[256];
    uint64_t byte;
    int64_t first, last;
};
static enum status see_log(void *arg, struct store_log *l, struct error *err)
{
    struct found *f = arg;
    (void)l, (void)err;
    f->logs++;
    return ST_OK;
}
static enum status see_note(void *arg, const struct store_note *n, struct error *err)
{
    struct found *f = arg;
    (void)n, (void)err;
    f->notes++;
    return ST_OK;
}
static void see_rot(void *arg, struct store_log *l, const char *file, uint64_t byte, int64_t first, int64_t last,
                    const char *what)
{
    struct found *f = arg;
    assert_true(l && what[0]);
    f->rot++;
    snprintf(f->file, sizeof f->file, "%s", file);
    f->byte = byte;
    f->first = first;
    f->last = last;
}

static void see_odd(void *arg, struct store_log *l, const char *file, const char *what)
{
    struct found *f = arg;
    assert_true(what[0]);
    f->logs += l != NULL;
    f->odd++;
    snprintf(f->file, sizeof f->file, "%s", file);
}

static enum status look(struct sim *sim, struct found *f, struct store **ret, struct store_report *report, struct error *err)
{
    *f = (struct found){ 0 };
    struct store_visitor v = { f, see_log, see_note, see_rot };
    struct store_options o = { .os = sim_os(sim), .path = "d", .save_bytes = 500, .read_only = true };
    return store_open(&o, &v, ret, report, err);
}

/* Nine batches in some segments and a note; not closed. */
static void make(struct world *w)
{
    struct error err;
    bool more;
    struct fate fate = { 0 };
    world_new(w);
    for (uint64_t i = 0; i < BATCHES; i++)
        put(w, i, 1, i == 3 ? 1500 : 300, 1);
    struct store_group *g = store_group_new(w->s, NULL);
    must(store_group_note(g, &(struct store_note){ 1, STR("n") }, &err), &err);
    store_group_submit(g, kit_done, &fate);
    must(store_commit_step(w->s, &more, &err), &err);
    assert_int_equal(fate.st, ST_OK);
}

static struct store_log *the_log(struct store *s)
{
    struct store_id id = kit_id(0);
    return store_log_find(s, &id);
}

static enum status check(struct store *s, struct found *f, bool deep, struct error *err)
{
    *f = (struct found){ 0 };
    return store_log_check(the_log(s), deep, &(struct store_visitor){ .arg = f, .rot = see_rot }, err);
}

static enum status check_files(struct store *s, struct found *f, struct error *err)
{
    *f = (struct found){ 0 };
    return store_check_files(s, &(struct store_visitor){ .arg = f, .odd = see_odd }, err);
}

static void test_beside_the_writer(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store *s;
    struct store_report report;
    struct found f;
    bool more;
    make(&w);
    uint64_t disk = sim_disk_sum(w.sim);
    must(look(w.sim, &f, &s, &report, &err), &err);
    assert_false(report.clean);
    assert_int_equal(report.logs, 1);
    assert_int_equal(f.logs, 1);
    assert_int_equal(f.notes, 1);
    assert_int_equal(report.rot + report.waiting, 0);
    struct seen seen = { 0 };
    must(read_all(sim_os(w.sim), the_log(s), see_tag, &seen, NULL, &err), &err);
    assert_int_equal(seen.n, BATCHES);
    must(check(s, &f, true, &err), &err);
    assert_int_equal(f.rot, 0);
    /* it takes nothing */
    struct store_log *l;
    struct store_id other = kit_id(1);
    struct shared *b = batch_make(1, 1, 10, 1);
    int64_t base;
    struct store_group *g = store_group_new(s, NULL);
    struct store_rewrite *r;
    assert_int_equal(store_group_append(g, the_log(s), b, 0, b->len, &base, &err), ST_USAGE);
    assert_int_equal(store_log_create(s, &other, NULL, &l, &err), ST_USAGE);
    assert_int_equal(store_log_trim(the_log(s), 2, &err), ST_USAGE);
    assert_int_equal(store_log_delete(s, the_log(s), &err), ST_USAGE);
    assert_int_equal(store_log_advance_epoch(the_log(s), 2, &err), ST_USAGE);
    assert_int_equal(store_rewrite_begin(the_log(s), 0, 1, &r, &err), ST_USAGE);
    assert_int_equal(store_tend(s, &err), ST_USAGE);
    assert_int_equal(store_commit_step(s, &more, &err), ST_USAGE);
    assert_non_null(strstr(err.message, "reading only"));
    store_group_free(g);
    shared_unref(b);
    must(store_close(s, &err), &err);
    assert_int_equal(sim_disk_sum(w.sim), disk);
    must(check(w.s, &f, true, &err), &err); /* the writer's own, too */
    assert_int_equal(f.rot, 0);
    world_free(&w);
}

/* The writer drops a file of the journal that has just been opened to be read, and makes the next one of it. */
static struct {
    struct world *w;
    struct os_ops ops;
    const struct os_ops *below;
    uint32_t opens, at;
} recycling;

static enum status open_and_recycle(struct os *os, const char *path, enum os_open mode, struct os_file **ret,
                                    struct error *err)
{
    TRY(recycling.below->open(os, path, mode, ret, err));
    if (mode != OS_READ || !str_ends(str_from(path), STR("1.jnl")) || ++recycling.opens != recycling.at)
        return ST_OK;
    struct error why;
    os->ops = recycling.below;
    must(store_tend(recycling.w->s, &why), &why);
    for (uint64_t i = 0; i < 150; i++)
        put(recycling.w, i, 1, 300, 1);
    return ST_OK;
}

static void test_beside_recycling(void **state)
{
    (void)state;
    for (uint32_t at = 1; at <= 4; at++) {
        struct world w;
        struct error err;
        struct found f;
        struct store *s = NULL;
        world_new(&w);
        for (uint64_t i = 0; i < 300; i++)
            put(&w, i, 1, 300, 1);
        struct os *os = sim_os(w.sim);
        recycling.w = &w;
        recycling.opens = 0;
        recycling.at = at;
        recycling.below = os->ops;
        recycling.ops = *os->ops;
        recycling.ops.open = open_and_recycle;
        os->ops = &recycling.ops;
        enum status st = look(w.sim, &f, &s, NULL, &err);
        os->ops = recycling.below;
        assert_int_equal(st, at <= 3 ? ST_NOT_FOUND : ST_OK); /* read three times; then it is seen to be gone */
        if (st == ST_OK)
            store_abandon(s);
        must(look(w.sim, &f, &s, NULL, &err), &err);
        store_abandon(s);
        world_free(&w);
    }
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1, NULL);
    struct error err;
    struct store *s;
    struct store_report report;
    struct found f;
    uint64_t disk = sim_disk_sum(sim);
    assert_int_equal(look(sim, &f, &s, &report, &err), ST_NOT_FOUND);
    assert_int_equal(sim_disk_sum(sim), disk);
    must(os_mkdirs(sim_os(sim), "d/journal", &err), &err);
    assert_int_equal(look(sim, &f, &s, &report, &err), ST_NOT_FOUND);
    assert_non_null(strstr(err.message, "no log"));
    sim_free(sim);
}

/* After a power loss segments wait for what only the journal has. */
static void test_waiting(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct store *s;
    struct store_report report;
    struct found f;
    struct store_range r;
    int64_t next;
    make(&w);
    store_abandon(w.s);
    sim_power_cycle(w.sim, SIM_DROP);
    uint64_t disk = sim_disk_sum(w.sim);
    must(look(w.sim, &f, &s, &report, &err), &err);
    assert_int_equal(report.rot, 0);
    assert_true(report.waiting > 0);
    assert_int_equal(store_log_high(the_log(s)), BATCHES);
    must(check(s, &f, true, &err), &err);
    assert_int_equal(f.rot, 0);
    assert_int_equal(store_read(the_log(s), BATCHES - 1, INT64_MAX, 1, &r, &next, &err), ST_CORRUPT);
    assert_non_null(strstr(err.message, "recovery"));
    store_abandon(s);
    assert_int_equal(sim_disk_sum(w.sim), disk);
    must(world_open(&w, &err), &err);
    expect_tags(&w, 0, BATCHES);
    must(look(w.sim, &f, &s, &report, &err), &err);
    assert_int_equal(report.waiting, 0);
    store_abandon(s);
    world_free(&w);
}

/* Each byte of each file, one after the other: named, or no damage (indexes; what a torn journal's end looks like); the disk
 * stays as it is. */
static void damage(bool clean)
{
    struct world w;
    struct error err;
    struct image im = { 0 };
    make(&w);
    if (clean)
        must(store_close(w.s, &err), &err);
    else
        store_abandon(w.s);
    image_add(&im, w.sim, "d");
    sim_free(w.sim);
    for (uint32_t i = 0; i < im.n; i++) {
        bool segment = strstr(im.names[i], ".log"), journal = strstr(im.names[i], ".jnl");
        for (size_t at = 0; at < im.bytes[i].len; at++) {
            struct store *s;
            struct store_report report;
            struct found f, deep;
            im.bytes[i].data[at] ^= (uint8_t)(1 + at % 255);
            struct sim *sim = image_disk(&im, im.n, NULL, 0);
            uint64_t disk = sim_disk_sum(sim);
            enum status st = look(sim, &f, &s, &report, &err);
            if (st == ST_OK) {
                if (the_log(s)) {
                    must(check(s, &f, false, &err), &err);
                    must(check(s, &deep, true, &err), &err);
                    assert_true(!segment || deep.rot + report.waiting > 0);
                    assert_true(segment || deep.rot == 0);
                    assert_true(f.rot <= deep.rot);
                    if (deep.rot) {
                        assert_string_equal(deep.file, im.names[i]);
                        assert_true(deep.byte < im.bytes[i].len && deep.first >= 0 && deep.last >= deep.first);
                    }
                }
                assert_true(!journal || !clean);
                must(check_files(s, &f, &err), &err);
                if (strstr(im.names[i], ".idx")) {
                    assert_int_equal(f.odd, 1);
                    assert_string_equal(f.file, im.names[i]);
                }
                assert_true(segment || journal || f.odd == 1);
                store_abandon(s);
            } else {
                assert_true(journal && (st == ST_CORRUPT || st == ST_MISMATCH));
            }
            assert_int_equal(sim_disk_sum(sim), disk);
            sim_free(sim);
            im.bytes[i].data[at] ^= (uint8_t)(1 + at % 255);
        }
    }
    image_free(&im);
}

static void test_damage_after_a_clean_stop(void **state) { (void)state; damage(true); }
static void test_damage_after_a_kill(void **state) { (void)state; damage(false); }

/* What a crash or a stranger leaves is told, and nothing else. */
static void test_strays(void **state)
{
    (void)state;
    static const char *const strays[] = { "00000000000000000009-999.log", "00000000000000000000-1.new", "0-1.log", "x" };
    struct world w;
    struct error err;
    struct store *s;
    struct store_report report;
    struct found f;
    char path[200];
    make(&w);
    must(store_close(w.s, &err), &err);
    struct os_name *dirs;
    uint32_t n;
    struct arena a;
    arena_init(&a, NULL);
    must(sim_os(w.sim)->ops->list(sim_os(w.sim), "d/log", &a, &dirs, &n, &err), &err);
    assert_int_equal(n, 1);
    must(look(w.sim, &f, &s, &report, &err), &err);
    must(check_files(s, &f, &err), &err);
    assert_int_equal(f.odd, 0);
    store_abandon(s);
    for (uint32_t i = 0; i < sizeof strays / sizeof strays[0]; i++) {
        snprintf(path, sizeof path, "d/log/%.*s/%s", STR_ARG(dirs[0].name), strays[i]);
        must(sim_put_file(w.sim, path, "stray", 5), &err);
        must(look(w.sim, &f, &s, &report, &err), &err);
        must(check_files(s, &f, &err), &err);
        assert_int_equal(f.odd, 1);
        assert_int_equal(f.logs, 1);
        assert_string_equal(f.file, path);
        store_abandon(s);
        must(sim_os(w.sim)->ops->unlink(sim_os(w.sim), path, &err), &err);
    }
    must(os_mkdirs(sim_os(w.sim), "d/log/0123-5", &err), &err);
    must(look(w.sim, &f, &s, &report, &err), &err);
    must(check_files(s, &f, &err), &err);
    assert_int_equal(f.odd, 1);
    assert_int_equal(f.logs, 0);
    store_abandon(s);
    arena_release(&a);
    sim_free(w.sim);
}

/* A file that is gone, and one that is short, are told by the opening and by the check. */
static void test_gone_and_short(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct image im = { 0 };
    make(&w);
    must(store_close(w.s, &err), &err);
    image_add(&im, w.sim, "d");
    sim_free(w.sim);
    for (uint32_t i = 0; i < im.n; i++) {
        if (!strstr(im.names[i], ".log"))
            continue;
        for (int gone = 0; gone < 2; gone++) {
            struct sim *sim = image_disk(&im, i, im.bytes[i].data, im.bytes[i].len - 1);
            struct store *s;
            struct store_report report;
            struct store_segment seg;
            struct found f;
            if (gone)
                must(sim_os(sim)->ops->unlink(sim_os(sim), im.names[i], &err), &err);
            must(look(sim, &f, &s, &report, &err), &err);
            assert_true(report.clean);
            assert_int_equal(report.rot, 1);
            assert_int_equal(f.rot, 1);
            assert_string_equal(f.file, im.names[i]);
            uint32_t bad = 0;
            for (uint32_t n = 0; store_log_segment(the_log(s), n, &seg); n++)
                bad += seg.bad;
            assert_int_equal(bad, 1);
            must(check(s, &f, false, &err), &err);
            assert_int_equal(f.rot, 1);
            store_abandon(s);
            sim_free(sim);
        }
    }
    image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_the_writer),
        cmocka_unit_test(test_beside_recycling),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_damage_after_a_clean_stop),
        cmocka_unit_test(test_damage_after_a_kill),
        cmocka_unit_test(test_strays),
        cmocka_unit_test(test_gone_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
