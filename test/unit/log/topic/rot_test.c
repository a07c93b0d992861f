/* Every byte of every file of a node, at rest: flipped, cut off there, zeroed from there on. The node opens and serves what was
 * written, or says what it cannot; nothing is deleted, nothing else is served; and the doctor, who changes nothing, names it.
 *
 * The node has two topics, one in several segments, an idempotent producer, a transaction that was committed and one that was
 * aborted, and what the coordinators wrote. It was closed, or killed. */
#include "kit.h"
#include "log/image.h"

enum { PARTS = 3, OFFSETS = 24 };

static const struct {
    const char *topic;
    uint32_t index;
} parts[PARTS] = { { "plain", 0 }, { "plain", 1 }, { "txns", 0 } };

/* What stands at each offset of each partition: the value, "+", "-", or nothing. */
struct truth {
    char all[PARTS][OFFSETS][24], committed[PARTS][OFFSETS][24];
    int64_t high[PARTS];
    char dirs[PARTS][64]; /* of their segments */
};

/* One look at a partition. *ret_lost: offsets below the high watermark at which nothing was found. Records that do not fit
 * their batch's checksum are the reader's to refuse: they count as not found. */
static void look(struct kit *k, struct topic_partition *p, bool committed, char out[OFFSETS][24], int64_t *ret_end)
{
    static uint8_t bytes[1 << 16];
    int64_t at = topic_start(p), end = committed ? topic_stable(p) : topic_high(p);
    memset(out, 0, OFFSETS * sizeof *out);
    *ret_end = end;
    assert_true(end <= OFFSETS);
    while (at < end) {
        struct topic_fetch f = { .partition = p, .offset = at, .max_bytes = 1, .committed = committed,
                                 .leader_epoch = -1, .fetched_epoch = -1 };
        size_t got, used;
        struct record_batch b;
        arena_reset(&k->arena);
        error_clear(&k->err);
        if (topic_read(&f, &k->arena, &k->err) != ST_OK) {
            assert_int_equal(f.kafka, KAFKA_E_CORRUPT_MESSAGE);
            assert_non_null(strstr(k->err.message, ".log"));
            assert_true(f.next > at);
            at = f.next;
            continue;
        }
        if (f.range.len == 0)
            break;
        assert_true(f.range.len <= sizeof bytes);
        must(os_pread(k->os, f.range.file, bytes, (size_t)f.range.len, f.range.at, &got, &k->err), &k->err);
        store_range_release(&f.range);
        must(record_batch_read(str_make(bytes, got), &b, &used, &k->err), &k->err);
        assert_true(record_batch_last_offset(&b) >= at);
        bool skip = false;
        for (uint32_t i = 0; i < f.n_aborted; i++)
            skip |= f.aborted[i].producer_id == b.producer_id && f.aborted[i].first_offset <= b.base_offset;
        skip = skip && record_batch_transactional(&b) && !record_batch_control(&b);
        bool whole = record_batch_check(&b, NULL) == ST_OK;
        if (whole)
            must(record_iter_open(k->it, &b, &k->err), &k->err);
        for (bool over = !whole || skip; !over;) {
            struct record r;
            struct record_marker m;
            must(record_iter_next(k->it, &r, &over, &k->err), &k->err);
            if (over || r.offset < at)
                continue;
            if (record_batch_control(&b)) {
                must(record_marker_read(&r, &m, &k->err), &k->err);
                snprintf(out[r.offset], sizeof out[0], "%c", m.commit ? '+' : '-');
            } else {
                snprintf(out[r.offset], sizeof out[0], "%.*s", (int)(r.value.len < 20 ? r.value.len : 20), r.value.ptr);
            }
        }
        at = record_batch_last_offset(&b) + 1;
    }
}

/* ---- the node ---- */

static void call_done(struct topic_call *call, int16_t kafka)
{
    assert_int_equal(kafka, 0);
    *(bool *)call->user = true;
}

static enum status call_run(struct topic_call *call, struct topic_coords *with, struct error *err)
{
    (void)call;
    return coord_txns_tick(with->txns, with->now_ms, with->txns_step, err);
}

static void put(struct kit *k, uint32_t part, const char *value, struct record_producer producer)
{
    struct kit_batch b = { .value = value, .count = 2, .producer = producer };
    assert_int_equal(kit_append(k, kit_part(k, parts[part].topic, parts[part].index), &b, NULL), 0);
}

static void group_over(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    must(st, err);
    topic_group_free(g);
    *(bool *)arg = true;
}

static void end_txn(struct kit *k, int64_t id, bool commit)
{
    bool done = false;
    int16_t kafka;
    struct topic_group *g = topic_group_new(k->topics, NULL);
    must(topic_group_marker(g, kit_part(k, "txns", 0), id, 0, (struct record_marker){ commit, 0 }, KIT_NOW, &k->err),
         &k->err);
    must(topic_group_submit(g, group_over, &done, &kafka, &k->err), &k->err);
    kit_steps(k);
    assert_true(done);
}

static void image_make(struct image *im, struct truth *t, bool clean)
{
    struct kit k;
    bool done = false;
    struct topic_call call = { .run = call_run, .done = call_done, .user = &done };
    *im = (struct image){ 0 };
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "plain", 2, NULL, 0), 0);
    assert_int_equal(kit_create(&k, "txns", 1, NULL, 0), 0);
    topics_call(k.topics, &call); /* makes the coordinators' topics */
    kit_steps(&k);
    assert_true(done);
    for (uint32_t i = 0; i < 4; i++) {
        char text[16];
        snprintf(text, sizeof text, "value %u", i);
        put(&k, 0, text, (struct record_producer){ 7, 0, (int32_t)i * 2, false });
        if (i % 2)
            store_log_roll(topic_partition_log(kit_part(&k, "plain", 0)));
    }
    put(&k, 1, "other", RECORD_NO_PRODUCER);
    kit_reopen(&k); /* so that there are snapshots of producers */
    put(&k, 2, "kept", (struct record_producer){ 8, 0, 0, true });
    put(&k, 2, "dropped", (struct record_producer){ 9, 0, 0, true });
    end_txn(&k, 8, true);
    put(&k, 2, "plain", RECORD_NO_PRODUCER);
    end_txn(&k, 9, false);
    put(&k, 2, "last", RECORD_NO_PRODUCER);
    for (uint32_t p = 0; p < PARTS; p++) {
        int64_t end;
        look(&k, kit_part(&k, parts[p].topic, parts[p].index), true, t->committed[p], &end);
        look(&k, kit_part(&k, parts[p].topic, parts[p].index), false, t->all[p], &t->high[p]);
        assert_int_equal(end, t->high[p]);
        struct store_id id = store_log_id(topic_partition_log(kit_part(&k, parts[p].topic, parts[p].index)));
        int n = 0;
        for (int i = 0; i < 16; i++)
            n += snprintf(t->dirs[p] + n, sizeof t->dirs[p] - (size_t)n, "%02x", id.topic[i]);
        snprintf(t->dirs[p] + n, sizeof t->dirs[p] - (size_t)n, "-%u/", id.partition);
    }
    assert_string_equal(t->all[2][2], "dropped");
    assert_string_equal(t->committed[2][2], "");
    assert_string_equal(t->committed[2][0], "kept");
    if (clean)
        kit_close(&k);
    else
        topics_abandon(k.topics);
    k.topics = NULL;
    sim_kill(k.sim);
    image_add(im, k.sim, "data");
    kit_end(&k);
}

/* ---- damage ---- */

struct told {
    uint32_t damages, notes;
    bool named; /* one of them names the damaged file */
    const char *file;
};

static void found(void *arg, const struct topics_finding *f)
{
    struct told *t = arg;
    assert_true(f->what && f->what[0]);
    *(f->damage ? &t->damages : &t->notes) += 1;
    t->named |= f->file && strcmp(f->file, t->file) == 0;
}

static void on_rot(void *arg, const char *file, uint64_t byte, int64_t first, int64_t last, const char *what)
{
    (void)file, (void)byte, (void)what;
    assert_true(last >= first);
    ++*(uint32_t *)arg;
}

struct result {
    uint32_t refused, lost, served;
};

/* The doctor first: the disk stays as it is. */
static struct told doctor(struct sim *sim, const char *file)
{
    struct told t = { .file = file };
    struct topics_checked sum;
    struct error err;
    struct topics_options o = { .os = sim_os(sim), .path = "data" };
    uint64_t before = sim_disk_sum(sim);
    must(topics_check(&o, found, &t, &sum, &err), &err);
    assert_int_equal(sim_disk_sum(sim), before);
    assert_int_equal(t.damages, sum.damages);
    assert_int_equal(t.notes, sum.notes);
    return t;
}

/* What one partition serves is the truth, but for what is missing. */
static uint32_t compare(struct kit *k, uint32_t p, const struct truth *t)
{
    char got[OFFSETS][24];
    int64_t end;
    uint32_t lost = 0;
    struct topic_partition *x = kit_part(k, parts[p].topic, parts[p].index);
    if (!x)
        return OFFSETS;
    assert_true(topic_high(x) <= t->high[p]);
    for (int committed = 0; committed < 2; committed++) {
        const char(*want)[24] = committed ? t->committed[p] : t->all[p];
        look(k, x, committed, got, &end);
        for (int64_t i = 0; i < t->high[p]; i++) {
            if (got[i][0])
                assert_string_equal(got[i], want[i]);
            lost += !got[i][0] && want[i][0];
        }
    }
    return lost;
}

static void damaged(const struct image *im, const struct truth *t, uint32_t which, const uint8_t *bytes, size_t len,
                    bool clean, struct result *sum)
{
    struct kit k = { .sim = image_disk(im, which, bytes, len) };
    const char *file = im->names[which];
    bool segment = strstr(file, ".log");
    uint32_t told = 0;
    struct told look = doctor(k.sim, file);
    k.os = sim_os(k.sim);
    k.options = (struct topics_options){ .os = k.os, .path = "data", .rot = on_rot, .arg = &told };
    arena_init(&k.arena, NULL);
    must(record_iter_new(NULL, 1 << 20, &k.it, &k.err), &k.err);
    struct buf after;
    buf_init(&after, NULL, 1 << 20);
    enum status st = topics_open(&k.options, &k.topics, &k.report, &k.err);
    uint32_t lost = 0;
    if (st != ST_OK) {
        assert_true(st == ST_CORRUPT || st == ST_MISMATCH);
        assert_true(look.damages > 0);
        for (uint32_t p = 0; p < PARTS; p++) /* a partition like others does not keep the node from starting */
            assert_null(strstr(file, t->dirs[p]));
        sum->refused++;
    } else {
        for (uint32_t p = 0; p < PARTS; p++) {
            uint32_t before = lost;
            lost += compare(&k, p, t);
            if (segment && !strstr(file, t->dirs[p]))
                assert_int_equal(lost, before);
        }
        sum->lost += lost > 0;
        sum->served++;
        if (segment && lost > 0) /* what is not served has been named */
            assert_true(look.damages > 0 && look.named);
        if (!segment) /* cut where a record ends, a journal that was not closed is whole: what it lost stands in segments */
            assert_true(!clean && (lost == 0 || k.report.store.cut_bytes > 0 || look.notes > 1));
    }
    if (segment) { /* it stands as it was */
        assert_true(sim_get_file(k.sim, file, &after));
        if (clean) /* else the journal's bytes have been put where they belong */
            assert_true(after.len == len && (len == 0 || memcmp(after.data, bytes, len) == 0));
    }
    if (clean)
        assert_true(look.damages > 0);
    if (look.damages + look.notes == 0)
        assert_int_equal(lost, 0);
    buf_release(&after);
    topics_abandon(k.topics);
    record_iter_free(k.it);
    arena_release(&k.arena);
    sim_free(k.sim);
}

static void damage_everywhere(bool clean)
{
    struct image im;
    struct truth t;
    struct result sum = { 0 };
    image_make(&im, &t, clean);
    for (uint32_t f = 0; f < im.n; f++) {
        size_t len = im.bytes[f].len;
        const uint8_t *old = (const uint8_t *)im.bytes[f].data;
        uint8_t *copy = mem_alloc(NULL, len);
        for (size_t i = 0; i < len; i++) {
            memcpy(copy, old, len);
            copy[i] ^= (uint8_t)(1 + i % 255);
            damaged(&im, &t, f, copy, len, clean, &sum);
            damaged(&im, &t, f, old, i, clean, &sum);
            memset(copy + i, 0, len - i);
            copy[i] = old[i] ? 0 : 1;
            damaged(&im, &t, f, copy, len, clean, &sum);
        }
        mem_free(NULL, copy, len);
    }
    assert_true(sum.refused > 0 && sum.lost > 0 && sum.served > 0);
    image_free(&im);
}

static void test_after_a_clean_stop(void **state) { (void)state; damage_everywhere(true); }
static void test_after_a_kill(void **state) { (void)state; damage_everywhere(false); }

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_after_a_clean_stop), cmocka_unit_test(test_after_a_kill) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
