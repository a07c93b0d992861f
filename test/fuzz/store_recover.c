/* A log's directory of any bytes. What must hold: no crash; opened for reading only nothing changes, and what it says can be is what
 * the opening for writing finds; a refused opening leaves segments as they are; what is served has the offsets that were
 * asked for, in order; afterwards it takes a batch, which is there after a power loss.
 *
 * The first byte chooses. 0 of 3: files of a valid directory (segments, indexes, a journal that was not closed) are edited:
 * each 5 bytes of input are file, offset (2), what to do, value. 1: the same with the records of its journal, whose checksums are
 * then good. 2: the input is the first record, the table of all. */
#include <stdio.h>
#include <stdlib.h>

#include "os/sim.h"
#include "store/private.h"

#define FILES 16
#define RECORDS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    bool ready;
    char path[FILES][128];
    struct buf bytes[FILES];
    uint32_t n;
    struct buf records[RECORDS];
    uint32_t n_records;
} valid;

static struct store_id the_id(void) { return (struct store_id){ { 1, 2, 3 }, 4 }; }

static enum status open_at(struct sim *sim, bool read_only, struct store **ret, struct store_report *report)
{
    struct store_options o = { .os = sim_os(sim), .path = "d", .journal_bytes = 2000, .straight_bytes = 400, .open_files = 2,
                               .save_bytes = 100, .read_only = read_only };
    return store_open(&o, NULL, ret, report, NULL);
}

static struct shared *batch(uint32_t bytes, int64_t ms)
{
    struct record_builder *w;
    struct buf out;
    static const char value[600];
    CHECK(record_builder_new(RECORD_PLAIN, 1 << 16, NULL, &w, NULL) == ST_OK);
    struct record r = { .offset = -1, .timestamp_ms = ms, .value = { value, bytes } };
    bool full;
    CHECK(record_builder_add(w, &r, &full, NULL) == ST_OK);
    buf_init(&out, NULL, 1 << 20);
    CHECK(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL) == ST_OK);
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    buf_release(&out);
    record_builder_free(w);
    return s;
}

static void done(void *arg, struct store_group *g, enum status st, const struct error *err)
{
    (void)err;
    *(enum status *)arg = st;
    store_group_free(g);
}

/* The log's new end, or -1: refused. */
static int64_t append(struct store *s, struct store_log *l, uint32_t bytes, int64_t ms)
{
    int64_t base;
    enum status fate = ST_BUG;
    bool more;
    struct shared *b = batch(bytes, ms);
    struct store_group *g = store_group_new(s, NULL);
    enum status st = store_group_append(g, l, b, 0, b->len, &base, NULL);
    shared_unref(b);
    if (st != ST_OK) {
        CHECK(st == ST_LIMIT);
        store_group_free(g);
        return -1;
    }
    store_group_submit(g, done, &fate);
    CHECK(store_commit_step(s, &more, NULL) == ST_OK && fate == ST_OK);
    CHECK(store_log_high(l) == base + 1);
    return base + 1;
}

static void add_files(struct sim *sim, const char *dir)
{
    struct arena a;
    struct os_name *names;
    uint32_t n;
    arena_init(&a, NULL);
    CHECK(sim_os(sim)->ops->list(sim_os(sim), dir, &a, &names, &n, NULL) == ST_OK);
    for (uint32_t i = 0; i < n; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%.*s", dir, STR_ARG(names[i].name));
        if (names[i].is_directory) {
            add_files(sim, path);
        } else if (!str_ends(names[i].name, STR("lock"))) {
            CHECK(valid.n < FILES);
            memcpy(valid.path[valid.n], path, sizeof path);
            buf_init(&valid.bytes[valid.n], NULL, 1 << 20);
            CHECK(sim_get_file(sim, path, &valid.bytes[valid.n++]));
        }
    }
    arena_release(&a);
}

static enum status add_record(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    (void)arg, (void)sequence, (void)err;
    CHECK(valid.n_records < RECORDS);
    buf_init(&valid.records[valid.n_records], NULL, 1 << 20);
    CHECK(buf_put(&valid.records[valid.n_records++], payload.ptr, payload.len));
    return ST_OK;
}

static void make_valid(void)
{
    struct sim *sim = sim_new(1, NULL);
    struct store *s;
    struct store_log *l;
    struct store_id id = the_id();
    struct store_rewrite *w;
    CHECK(open_at(sim, false, &s, NULL) == ST_OK);
    CHECK(store_log_create(s, &id, &(struct store_log_options){ 900, 100 }, &l, NULL) == ST_OK);
    for (uint32_t i = 0; i < 9; i++)
        (void)append(s, l, i == 4 ? 500 : 60 + i, i);
    CHECK(store_rewrite_begin(l, 0, 1, &w, NULL) == ST_OK);
    struct shared *b = batch(20, 7);
    record_batch_stamp(b->data, 1, 0);
    CHECK(store_rewrite_put(w, str_make(b->data, b->len), NULL) == ST_OK && store_rewrite_end(w, NULL) == ST_OK);
    shared_unref(b);
    CHECK(store_tend(s, NULL) == ST_OK && store_log_trim(l, 2, NULL) == ST_OK);
    (void)append(s, l, 30, 99);
    store_abandon(s);
    add_files(sim, "d");
    for (uint32_t i = 0; i < valid.n; i++) {
        if (strstr(valid.path[i], ".jnl"))
            CHECK(journal_read(sim_os(sim), valid.path[i], 1 << 20, NULL, add_record, NULL, NULL, NULL) == ST_OK);
    }
    sim_free(sim);
    valid.ready = true;
}

static void put_file(struct sim *sim, const char *path, const uint8_t *bytes, size_t len)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    CHECK(os_mkdirs(sim_os(sim), dir, NULL) == ST_OK && sim_put_file(sim, path, bytes, len) == ST_OK);
}

static void edit(const struct buf *from, uint32_t n, uint8_t (*copy)[1 << 12], size_t *len, const uint8_t *data, size_t size)
{
    for (uint32_t i = 0; i < n; i++) {
        len[i] = from[i].len;
        CHECK(len[i] <= sizeof copy[i]);
        memcpy(copy[i], from[i].data, len[i]);
    }
    for (; size >= 5; data += 5, size -= 5) {
        uint32_t f = data[0] % n;
        size_t at = len[f] ? (data[1] | (size_t)data[2] << 8) % len[f] : 0;
        if (!len[f])
            continue;
        if (data[3] % 8 == 0)
            len[f] = at;
        else if (data[3] % 8 == 1)
            memset(copy[f] + at, data[4], len[f] - at < 32 ? len[f] - at : 32);
        else
            copy[f][at] = data[4];
    }
}

static void edit_files(struct sim *sim, const uint8_t *data, size_t size)
{
    static uint8_t copy[FILES][1 << 12];
    size_t len[FILES];
    edit(valid.bytes, valid.n, copy, len, data, size);
    for (uint32_t i = 0; i < valid.n; i++)
        put_file(sim, valid.path[i], copy[i], len[i]);
}

/* A journal of records with good checksums: those of the valid one, edited, or the input as the only one. The segments are those
 * of the valid directory. */
static void edit_records(struct sim *sim, const uint8_t *data, size_t size, bool raw)
{
    static uint8_t copy[RECORDS][1 << 12];
    size_t len[RECORDS];
    struct journal *j;
    for (uint32_t i = 0; i < valid.n; i++) {
        if (!strstr(valid.path[i], ".jnl"))
            put_file(sim, valid.path[i], valid.bytes[i].data, valid.bytes[i].len);
    }
    CHECK(os_mkdirs(sim_os(sim), "d/journal", NULL) == ST_OK);
    CHECK(journal_create(sim_os(sim), "d/journal/00000000000000000001.jnl", 0, 1, NULL, &j, NULL) == ST_OK);
    edit(valid.records, valid.n_records, copy, len, data, raw ? 0 : size);
    for (uint32_t i = 0; !raw && i < valid.n_records; i++) {
        struct str part = str_make(copy[i], len[i]);
        CHECK(journal_append(j, &part, 1, NULL, NULL) == ST_OK);
    }
    struct str whole = str_make(data, size);
    CHECK(!raw || journal_append(j, &whole, 1, NULL, NULL) == ST_OK);
    CHECK(journal_sync(j, NULL) == ST_OK);
    journal_close(j);
}

/* What reads give is in order and where it was asked for. */
static void read_all(struct store_log *l)
{
    int64_t at = store_log_start(l), high = store_log_high(l);
    for (int turn = 0; turn < 40 && at < high; turn++) {
        struct store_range r;
        int64_t next;
        enum status st = store_read(l, at, INT64_MAX, 300, &r, &next, NULL);
        CHECK(st == ST_OK || st == ST_CORRUPT || st == ST_NOT_FOUND);
        if (st == ST_CORRUPT)
            CHECK(next > at);
        if (st == ST_NOT_FOUND || (st == ST_OK && r.len == 0))
            break;
        if (st == ST_OK) {
            CHECK(r.end_offset > at && r.len >= RECORD_BATCH_HEADER);
            next = r.end_offset;
            store_range_release(&r);
        }
        at = next;
    }
    struct store_range r;
    for (int64_t ms = -1; ms < 12; ms += 4) {
        CHECK(store_seek(l, ms, INT64_MAX, &r, NULL) == ST_OK);
        store_range_release(&r);
    }
}

static void look(struct store *s)
{
    struct store_visitor none = { 0 };
    struct store_segment seg;
    uint32_t n = 0;
    for (struct store_log *l = s->logs; l && n < 8; l = l->newer, n++) {
        read_all(l);
        CHECK(store_log_check(l, true, &none, NULL) == ST_OK);
        for (uint32_t i = 0; store_log_segment(l, i, &seg); i++)
            CHECK(seg.last_offset >= seg.base_offset - 1);
    }
}

static void check_disk(struct sim *sim)
{
    struct store *s;
    struct store_report looked, opened;
    uint64_t disk = sim_disk_sum(sim);
    enum status first = open_at(sim, true, &s, &looked);
    if (first == ST_OK) {
        look(s);
        store_abandon(s);
    }
    CHECK(sim_disk_sum(sim) == disk);
    enum status st = open_at(sim, false, &s, &opened);
    CHECK(st == ST_OK || st == ST_CORRUPT || st == ST_MISMATCH || st == ST_LIMIT);
    CHECK(st == first || first == ST_NOT_FOUND);
    if (st != ST_OK)
        return;
    CHECK(first != ST_OK || (looked.logs == opened.logs && looked.clean == opened.clean));
    look(s);
    struct store_id id = the_id();
    struct store_log *l = store_log_find(s, &id);
    int64_t end = -1;
    if (l) {
        (void)append(s, l, 450, 5);
        end = append(s, l, 10, 5);
    }
    store_abandon(s);
    sim_power_cycle(sim, SIM_DROP);
    CHECK(open_at(sim, false, &s, NULL) == ST_OK);
    l = store_log_find(s, &id);
    if (end > 0) {
        struct store_range r;
        int64_t next;
        struct error err = { .message = "" };
        CHECK(l && store_log_high(l) == end);
        if (store_read(l, end - 1, INT64_MAX, 1, &r, &next, &err) != ST_OK) {
            fprintf(stderr, "%s\n", err.message);
            abort();
        }
        CHECK(r.first_offset == end - 1);
        store_range_release(&r);
    }
    look(s);
    CHECK(store_close(s, NULL) == ST_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!valid.ready)
        make_valid();
    if (size == 0 || size > 1 << 13)
        return 0;
    struct sim *sim = sim_new(1, NULL);
    if (data[0] % 3 == 0)
        edit_files(sim, data + 1, size - 1);
    else
        edit_records(sim, data + 1, size - 1, data[0] % 3 == 2);
    check_disk(sim);
    sim_free(sim);
    return 0;
}
