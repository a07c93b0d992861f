/* The journal: round trips, limits, refusals; torn told from rot at every byte; full disks, failed syncs,
 * dead processes. Crashes are in crash_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal.h"
#include "os/sim.h"

#define PATH "state/jobs.journal"
#define MAX_RECORD 4096u
#define HEADER 36u
#define RECORD 28u /* before the payload */

struct seen {
    uint64_t sequences[64];
    struct str payloads[64];
    char bytes[1 << 16];
    size_t used;
    uint32_t count;
    uint32_t stop_at; /* refuses the n-th */
};

static struct seen seen;

static enum status look(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    struct seen *v = arg;
    assert_true(v->count < 64 && v->used + payload.len <= sizeof v->bytes);
    if (v->stop_at == v->count + 1)
        return error_set(err, ST_DATA, "the visitor refuses");
    v->sequences[v->count] = sequence;
    memcpy(v->bytes + v->used, payload.ptr, payload.len);
    v->payloads[v->count++] = str_make(v->bytes + v->used, payload.len);
    v->used += payload.len;
    return ST_OK;
}

static struct seen *nothing_seen(void)
{
    memset(&seen, 0, sizeof seen);
    return &seen;
}

static struct sim *disk(void)
{
    struct sim *s = sim_new(1, NULL);
    assert_non_null(s);
    assert_int_equal(os_mkdirs(sim_os(s), "state", NULL), ST_OK);
    return s;
}

static void append(struct journal *j, const char *text)
{
    struct str part = str_from(text);
    struct error err;
    assert_int_equal(journal_append(j, &part, 1, NULL, &err), ST_OK);
}

static void append_synced(struct journal *j, const char *text)
{
    append(j, text);
    assert_int_equal(journal_sync(j, NULL), ST_OK);
}

static enum status open_seen(struct sim *s, struct journal **ret, struct error *err)
{
    return journal_open(sim_os(s), PATH, MAX_RECORD, NULL, look, nothing_seen(), ret, err);
}

/* A journal with four synced records; its bytes in `ret`, where each record starts in `starts[5]`. */
static void make_four(struct buf *ret, uint64_t starts[5])
{
    static const char *const texts[] = { "first", "", "the third record is a bit longer than the others", "last" };
    struct sim *s = disk();
    struct journal *j;
    assert_int_equal(journal_create(sim_os(s), PATH, 77, 10, NULL, &j, NULL), ST_OK);
    for (int i = 0; i < 4; i++) {
        starts[i] = journal_end(j).bytes;
        append_synced(j, texts[i]);
    }
    starts[4] = journal_end(j).bytes;
    journal_close(j);
    buf_init(ret, NULL, 1 << 20);
    assert_true(sim_get_file(s, PATH, ret));
    assert_int_equal(ret->len, starts[4]);
    sim_free(s);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    struct journal_position at;
    assert_int_equal(journal_create(sim_os(s), PATH, 0x1122334455667788u, 5, NULL, &j, NULL), ST_OK);
    assert_int_equal(journal_end(j).sequence, 4);
    assert_true(journal_id(j) == 0x1122334455667788u);
    struct str parts[] = { STR("ab"), { NULL, 0 }, STR("c\0d") };
    assert_int_equal(journal_append(j, parts, 3, &at, NULL), ST_OK);
    assert_int_equal(at.sequence, 5);
    assert_int_equal(at.bytes, journal_end(j).bytes);
    assert_int_equal(journal_append(j, NULL, 0, &at, NULL), ST_OK);
    assert_int_equal(journal_sync(j, NULL), ST_OK);
    journal_close(j);

    assert_int_equal(open_seen(s, &j, NULL), ST_OK);
    assert_int_equal(seen.count, 2);
    assert_true(str_eq(seen.payloads[0], STR("abc\0d")));
    assert_int_equal(seen.payloads[1].len, 0);
    assert_int_equal(seen.sequences[1], 6);
    assert_int_equal(journal_end(j).sequence, 6);
    append_synced(j, "more");
    journal_close(j);

    struct journal_found found;
    assert_int_equal(journal_read(sim_os(s), PATH, MAX_RECORD, NULL, look, nothing_seen(), &found, NULL), ST_OK);
    assert_true(found.id == 0x1122334455667788u);
    assert_int_equal(found.end.sequence, 7);
    assert_int_equal(found.torn, 0);
    assert_int_equal(seen.count, 3);
    assert_true(str_eq(seen.payloads[2], STR("more")));
    sim_free(s);
}

static void test_large_records(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    enum { N = 700 * 1024 };
    char *big = mem_alloc(NULL, N);
    for (int i = 0; i < N; i++)
        big[i] = (char)(i * 7 + i / 251);
    assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL), ST_OK);
    /* Small and large parts mixed: the stage flushes at each place. */
    struct str parts[] = { str_make(big, 10), str_make(big + 10, 65536 - 34), str_make(big + 65512, 1),
                           str_make(big + 65513, 65536), str_make(big + 131049, N - 131049) };
    assert_int_equal(journal_append(j, parts, 5, NULL, NULL), ST_OK);
    append_synced(j, "behind");
    journal_close(j);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    assert_true(sim_get_file(s, PATH, &b));
    assert_memory_equal(b.data + HEADER + RECORD, big, N);
    /* A smaller limit refuses, by name, and cuts nothing. */
    struct error err;
    assert_int_equal(open_seen(s, &j, &err), ST_LIMIT);
    assert_int_equal(err.offset, HEADER);
    assert_int_equal(journal_open(sim_os(s), PATH, N, NULL, NULL, NULL, &j, NULL), ST_OK);
    assert_int_equal(journal_end(j).sequence, 2);
    assert_int_equal(journal_append(j, &(struct str){ big, N }, 1, NULL, NULL), ST_OK);
    struct journal_position before = journal_end(j);
    assert_int_equal(journal_append(j, parts, 5, NULL, NULL), ST_OK);
    struct str two[] = { str_make(big, N), str_make(big, 1) };
    assert_int_equal(journal_append(j, two, 2, NULL, NULL), ST_LIMIT);
    assert_int_equal(journal_end(j).sequence, before.sequence + 1);
    journal_close(j);
    buf_release(&b);
    mem_free(NULL, big, N);
    sim_free(s);
}

static void test_refusals(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    struct error err;
    assert_int_equal(open_seen(s, &j, NULL), ST_NOT_FOUND);
    assert_int_equal(journal_create(sim_os(s), "nowhere/x", 1, 1, NULL, &j, NULL), ST_NOT_FOUND);
    assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL), ST_OK);
    append_synced(j, "x");
    journal_close(j);
    assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, NULL, &j, &err), ST_EXISTS);
    /* The visitor's word counts. */
    nothing_seen()->stop_at = 1;
    assert_int_equal(journal_open(sim_os(s), PATH, MAX_RECORD, NULL, look, &seen, &j, NULL), ST_DATA);
    /* A leftover of a creation that a crash cut short is no obstacle. */
    assert_int_equal(sim_put_file(s, "state/other.new", "garbage of any kind, longer than a header is", 44), ST_OK);
    assert_int_equal(journal_create(sim_os(s), "state/other", 1, 1, NULL, &j, NULL), ST_OK);
    journal_close(j);
    assert_int_equal(journal_open(sim_os(s), "state/other", 1, NULL, NULL, NULL, &j, NULL), ST_OK);
    journal_close(j);
    sim_free(s);
}

static void test_version(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct buf b;
    uint64_t starts[5];
    struct journal *j;
    make_four(&b, starts);
    b.data[8] = 3;
    uint32_t crc = crc32c(0, b.data, 32);
    memcpy(b.data + 32, &crc, 4);
    assert_int_equal(sim_put_file(s, PATH, b.data, b.len), ST_OK);
    struct error err;
    assert_int_equal(open_seen(s, &j, &err), ST_MISMATCH);
    assert_non_null(strstr(err.message, "version 3"));
    buf_release(&b);
    sim_free(s);
}

static void assert_untouched(struct sim *s, const struct buf *b)
{
    struct buf now;
    buf_init(&now, NULL, 1 << 20);
    assert_true(sim_get_file(s, PATH, &now));
    assert_int_equal(now.len, b->len);
    assert_true(b->len == 0 || memcmp(now.data, b->data, b->len) == 0);
    buf_release(&now);
}

/* Puts the bytes down and opens them: `records` of the four survive, or it is corrupt and untouched. */
static void check_damaged(struct sim *s, const struct buf *b, enum status want, uint32_t records,
                          const uint64_t starts[5])
{
    struct journal *j;
    struct error err = { 0 };
    struct journal_found found = { 0 };
    bool recycled = b->len > 10 && b->data[10];
    assert_int_equal(sim_put_file(s, PATH, b->data, b->len), ST_OK);
    assert_int_equal(journal_read(sim_os(s), PATH, MAX_RECORD, NULL, look, nothing_seen(), &found, NULL), want);
    assert_untouched(s, b);
    assert_int_equal(open_seen(s, &j, &err), want);
    if (want != ST_OK) {
        assert_untouched(s, b);
        assert_string_equal(err.place, PATH);
        assert_true(err.offset >= 0);
        return;
    }
    assert_int_equal(seen.count, records);
    assert_int_equal(journal_end(j).bytes, starts[records]);
    assert_int_equal(found.end.bytes, starts[records]);
    assert_true(recycled || found.torn == b->len - starts[records]);
    assert_int_equal(journal_read(sim_os(s), PATH, MAX_RECORD, NULL, NULL, NULL, &found, NULL), ST_OK);
    assert_int_equal(found.torn, 0);
    append_synced(j, "appended after the cut");
    journal_close(j);
    assert_int_equal(open_seen(s, &j, NULL), ST_OK);
    assert_int_equal(seen.count, records + 1);
    assert_true(str_eq(seen.payloads[records], STR("appended after the cut")));
    journal_close(j);
}

static void test_every_byte_flipped(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct buf b;
    uint64_t starts[5];
    make_four(&b, starts);
    static const uint8_t masks[] = { 0x01, 0x80, 0xFF };
    for (size_t at = 0; at < b.len; at++) {
        for (size_t m = 0; m < sizeof masks; m++) {
            b.data[at] ^= masks[m];
            bool in_last = at >= starts[3];
            check_damaged(s, &b, in_last ? ST_OK : ST_CORRUPT, 3, starts);
            b.data[at] ^= masks[m];
        }
    }
    check_damaged(s, &b, ST_OK, 4, starts);
    buf_release(&b);
    sim_free(s);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct buf b;
    uint64_t starts[5];
    make_four(&b, starts);
    size_t whole = b.len;
    for (b.len = 0; b.len <= whole; b.len++) {
        uint32_t records = 0;
        while (records < 4 && starts[records + 1] <= b.len)
            records++;
        check_damaged(s, &b, b.len < starts[0] ? ST_CORRUPT : ST_OK, records, starts);
    }
    b.len = whole;
    buf_release(&b);
    sim_free(s);
}

static void test_ranges(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct buf b, c;
    uint64_t starts[5];
    make_four(&b, starts);
    buf_init(&c, NULL, 1 << 20);
    for (size_t from = 0; from < b.len; from += 3) {
        for (size_t to = from + 1; to <= b.len; to += 5) {
            buf_clear(&c);
            assert_true(buf_put(&c, b.data, b.len));
            memset(c.data + from, 0, to - from);
            uint32_t intact = 0; /* zeroing zeros changes nothing */
            while (intact < 4 && memcmp(c.data + starts[intact], b.data + starts[intact],
                                        starts[intact + 1] - starts[intact]) == 0)
                intact++;
            bool header = memcmp(c.data, b.data, starts[0]) == 0;
            bool later = false;
            for (uint32_t i = intact + 1; i < 4; i++)
                later |= memcmp(c.data + starts[i], b.data + starts[i], starts[i + 1] - starts[i]) == 0;
            check_damaged(s, &c, header && !later ? ST_OK : ST_CORRUPT, intact, starts);
        }
    }
    buf_release(&b);
    buf_release(&c);
    sim_free(s);
}

static void test_tails(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct buf b, other;
    uint64_t starts[5];
    make_four(&b, starts);
    size_t whole = b.len;
    /* Zeros, garbage, stale bytes of itself, the start of a record with a wild length. */
    for (int kind = 0; kind < 4; kind++) {
        b.len = whole;
        for (int i = 0; i < 700 && kind < 2; i++)
            assert_true(buf_put_u8(&b, (uint8_t)(kind ? i * 31 + 7 : 0)));
        if (kind == 2) /* an older record again: its sequence has passed */
            assert_true(buf_put(&b, b.data + starts[2], starts[3] - starts[2]));
        if (kind == 3)
            assert_true(buf_put(&b, b.data + starts[3], 4) && buf_put_u32(&b, 1) && buf_put_u32(&b, UINT32_MAX) &&
                        buf_put_u64(&b, 14) && buf_put_u64(&b, 13));
        check_damaged(s, &b, ST_OK, 4, starts);
    }
    /* The next record of another journal, as if a block had come to the wrong place: refused by the seed. */
    struct sim *s2 = sim_new(99, NULL);
    struct journal *j;
    assert_int_equal(journal_create(sim_os(s2), "x", 77, 14, NULL, &j, NULL), ST_OK);
    append_synced(j, "stranger");
    journal_close(j);
    buf_init(&other, NULL, 1 << 20);
    assert_true(sim_get_file(s2, "x", &other));
    b.len = whole;
    assert_true(buf_put(&b, other.data + HEADER, other.len - HEADER));
    check_damaged(s, &b, ST_OK, 4, starts);
    buf_release(&b);
    buf_release(&other);
    sim_free(s2);
    sim_free(s);
}

/* The same four over an older life, whose records are as long, have the same sequences and go on behind them. */
static void make_recycled(struct buf *ret, uint64_t starts[5])
{
    static const char *const older[] = { "FIRST", "", "THE THIRD RECORD IS A BIT LONGER THAN THE OTHERS", "LAST",
                                         "the fifth of the older life", "and a sixth" };
    static const char *const newer[] = { "first", "", "the third record is a bit longer than the others", "last" };
    struct sim *s = disk();
    struct journal *j;
    struct buf old;
    assert_int_equal(journal_create(sim_os(s), PATH, 77, 10, NULL, &j, NULL), ST_OK);
    for (int i = 0; i < 6; i++)
        append_synced(j, older[i]);
    uint64_t bytes = journal_end(j).bytes;
    journal_close(j);
    buf_init(&old, NULL, 1 << 20);
    assert_true(sim_get_file(s, PATH, &old));
    assert_int_equal(journal_create_beside(sim_os(s), PATH, true, 77, 10, NULL, &j, NULL), ST_OK);
    for (int i = 0; i < 4; i++) {
        starts[i] = journal_end(j).bytes;
        append_synced(j, newer[i]);
    }
    starts[4] = journal_end(j).bytes;
    journal_close(j);
    buf_init(ret, NULL, 1 << 20);
    assert_true(sim_get_file(s, PATH, ret));
    assert_int_equal(ret->len, bytes); /* nothing was cut, and the older life stands behind */
    assert_memory_equal(ret->data + starts[4], old.data + starts[4], bytes - starts[4]);
    buf_release(&old);
    sim_free(s);
}

static void test_recycled(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct buf b;
    uint64_t starts[5];
    make_recycled(&b, starts);
    for (size_t at = 0; at < b.len; at++) {
        b.data[at] ^= 0x80;
        bool in_last = at >= starts[3] && at < starts[4];
        check_damaged(s, &b, at < starts[3] ? ST_CORRUPT : ST_OK, in_last ? 3 : 4, starts);
        b.data[at] ^= 0x80;
    }
    size_t whole = b.len;
    for (b.len = 0; b.len <= whole; b.len++) {
        uint32_t records = 0;
        while (records < 4 && starts[records + 1] <= b.len)
            records++;
        check_damaged(s, &b, b.len < starts[0] ? ST_CORRUPT : ST_OK, records, starts);
    }
    b.len = whole;
    /* What a crash left of the last record is told; older bytes are not. */
    struct journal_found found;
    assert_int_equal(sim_put_file(s, PATH, b.data, b.len), ST_OK);
    assert_int_equal(journal_read(sim_os(s), PATH, MAX_RECORD, NULL, NULL, NULL, &found, NULL), ST_OK);
    assert_int_equal(found.torn, 0);
    b.data[starts[4] - 1] ^= 1;
    assert_int_equal(sim_put_file(s, PATH, b.data, b.len), ST_OK);
    assert_int_equal(journal_read(sim_os(s), PATH, MAX_RECORD, NULL, NULL, NULL, &found, NULL), ST_OK);
    assert_int_equal(found.torn, starts[4] - starts[3]);
    buf_release(&b);
    sim_free(s);
}

/* What proves the damage may stand anywhere behind it: the search reads the file in pieces of 64 KiB, and the mark of the record
 * that vouches lies over the border of two as well. */
static void test_proof_over_the_border_of_two_pieces(void **state)
{
    (void)state;
    static char payload[(64 << 10) + 8];
    struct error err;
    for (size_t len = (64 << 10) - 36; len < sizeof payload; len++) {
        struct sim *s = disk();
        struct journal *j;
        struct buf b;
        struct str part = str_make(payload, len);
        assert_int_equal(journal_create(sim_os(s), PATH, 77, 10, NULL, &j, NULL), ST_OK);
        uint64_t start = journal_end(j).bytes;
        assert_int_equal(journal_append(j, &part, 1, NULL, &err), ST_OK);
        assert_int_equal(journal_sync(j, NULL), ST_OK);
        append_synced(j, "vouches");
        journal_close(j);
        buf_init(&b, NULL, 1 << 20);
        assert_true(sim_get_file(s, PATH, &b));
        b.data[start + 5] ^= 1;
        assert_int_equal(sim_put_file(s, PATH, b.data, b.len), ST_OK);
        assert_int_equal(journal_read(sim_os(s), PATH, 1 << 20, NULL, NULL, NULL, NULL, &err), ST_CORRUPT);
        buf_release(&b);
        sim_free(s);
    }
}

/* Made without: the file begins anew and is no longer than its records. */
static void test_not_recycled(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    struct os_stat stat;
    struct buf b;
    uint64_t starts[5];
    make_four(&b, starts);
    assert_int_equal(sim_put_file(s, PATH, b.data, b.len), ST_OK);
    assert_int_equal(journal_create_beside(sim_os(s), PATH, false, 77, 10, NULL, &j, NULL), ST_OK);
    append_synced(j, "alone");
    assert_int_equal(sim_os(s)->ops->stat(sim_os(s), PATH, &stat, NULL), ST_OK);
    assert_int_equal(stat.bytes, journal_end(j).bytes);
    journal_close(j);
    buf_release(&b);
    sim_free(s);
}

/* Who writes payloads knows what a record looks like and guesses the next sequences, and a file that is made of an older one
 * has megabytes of that behind its end: it is not taken for damage, and does not cost a checksum each. */
static void test_payloads_made_to_look_like_records(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    struct buf b;
    buf_init(&b, NULL, 16 << 20);
    while (b.len < 8 << 20)
        assert_true(buf_put_u32(&b, 0x2a2a2a2a) && buf_put_u32(&b, 0) && buf_put_u32(&b, 4 << 20) &&
                    buf_put_u64(&b, 5 + b.len % 900) && buf_put_u64(&b, 4));
    struct str part = buf_str(&b);
    assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL), ST_OK);
    assert_int_equal(journal_append(j, &part, 1, NULL, NULL), ST_OK);
    journal_close(j);
    assert_int_equal(journal_create_beside(sim_os(s), PATH, true, 1, 2, NULL, &j, NULL), ST_OK);
    append_synced(j, "of the new life");
    journal_close(j);
    assert_int_equal(open_seen(s, &j, NULL), ST_OK);
    assert_int_equal(seen.count, 1);
    journal_close(j);
    buf_release(&b);
    sim_free(s);
}

/* Unsynced records may be damaged with intact ones behind them: that is a crash, not rot. */
static void test_unsynced_group_is_torn(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL), ST_OK);
    append_synced(j, "synced");
    uint64_t second = journal_end(j).bytes;
    append(j, "two");
    append(j, "three");
    journal_close(j);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    assert_true(sim_get_file(s, PATH, &b));
    b.data[second + RECORD] ^= 1;
    assert_int_equal(sim_put_file(s, PATH, b.data, b.len), ST_OK);
    assert_int_equal(open_seen(s, &j, NULL), ST_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(journal_end(j).bytes, second);
    /* The same damage with a record behind the group that was appended after its sync: rot. */
    append(j, "two");
    append_synced(j, "three");
    append(j, "four");
    journal_close(j);
    buf_clear(&b);
    assert_true(sim_get_file(s, PATH, &b));
    b.data[second + RECORD] ^= 1;
    assert_int_equal(sim_put_file(s, PATH, b.data, b.len), ST_OK);
    struct error err;
    assert_int_equal(open_seen(s, &j, &err), ST_CORRUPT);
    assert_int_equal(err.offset, second);
    buf_release(&b);
    sim_free(s);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    char big[2000];
    memset(big, 'b', sizeof big);
    assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL), ST_OK);
    append_synced(j, "before");
    sim_capacity(s, 1500);
    struct journal_position end = journal_end(j);
    struct str part = str_make(big, sizeof big);
    struct error err;
    assert_int_equal(journal_append(j, &part, 1, NULL, &err), ST_FULL);
    assert_int_equal(journal_end(j).bytes, end.bytes);
    append_synced(j, "small ones still go in");
    sim_capacity(s, UINT64_MAX);
    assert_int_equal(journal_append(j, &part, 1, NULL, &err), ST_OK);
    assert_int_equal(journal_sync(j, NULL), ST_OK);
    journal_close(j);
    assert_int_equal(open_seen(s, &j, NULL), ST_OK);
    assert_int_equal(seen.count, 3);
    journal_close(j);
    sim_free(s);
}

/* A failed sync is final; after the death of the process, what open has shown is durable, whatever the
 * failed sync has dropped. */
static void test_failed_sync(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim *s = sim_new(seed, NULL);
        struct journal *j;
        assert_int_equal(os_mkdirs(sim_os(s), "state", NULL), ST_OK);
        assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL), ST_OK);
        append_synced(j, "one");
        char big[1400];
        memset(big, 'b', sizeof big);
        struct str part = str_make(big, sizeof big);
        assert_int_equal(journal_append(j, &part, 1, NULL, NULL), ST_OK);
        sim_fail_at(s, sim_calls(s) + 1, ST_IO, false);
        assert_int_equal(journal_sync(j, NULL), ST_IO);
        assert_int_equal(journal_sync(j, NULL), ST_IO);
        assert_int_equal(journal_append(j, &part, 1, NULL, NULL), ST_IO);
        journal_close(j);
        if (seed % 2) {
            sim_kill(s);
            assert_int_equal(open_seen(s, &j, NULL), ST_OK);
            assert_int_equal(seen.count, 2);
            journal_close(j);
            sim_power_cycle(s, SIM_DROP);
            assert_int_equal(open_seen(s, &j, NULL), ST_OK);
            assert_int_equal(seen.count, 2);
        } else { /* power lost at once: the first record is there, of the second anything or nothing */
            sim_power_cycle(s, SIM_DROP);
            assert_int_equal(open_seen(s, &j, NULL), ST_OK);
            assert_true(seen.count == 1 || seen.count == 2);
        }
        journal_close(j);
        sim_free(s);
    }
}

/* The process dies at each call of the creation: where the next one finds the file, what it appends and
 * syncs survives a power loss, the name included. */
static void test_death_in_create(void **state)
{
    (void)state;
    bool found = false, missing = false;
    for (uint64_t n = 1;; n++) {
        struct sim *s = disk();
        struct journal *j;
        sim_crash_at(s, sim_calls(s) + n);
        bool made = journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL) == ST_OK;
        if (made)
            journal_close(j);
        sim_kill(s);
        enum status st = open_seen(s, &j, NULL);
        if (st == ST_NOT_FOUND)
            st = journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL), missing = true;
        else
            found |= !made;
        assert_int_equal(st, ST_OK);
        append_synced(j, "kept");
        journal_close(j);
        sim_power_cycle(s, SIM_DROP);
        assert_int_equal(open_seen(s, &j, NULL), ST_OK);
        assert_int_equal(seen.count, 1);
        journal_close(j);
        sim_free(s);
        if (made)
            break;
    }
    assert_true(found && missing);
}

/* Each call fails once: open and append return that status or succeed, and the journal stays whole. */
static void test_each_call_fails(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        for (uint64_t n = 1;; n++) {
            struct sim *s = disk();
            uint64_t start = sim_calls(s);
            enum status want = which ? ST_FULL : ST_IO;
            sim_fail_at(s, start + n, want, false);
            struct journal *j = NULL;
            struct str part = STR("record");
            enum status st = journal_create(sim_os(s), PATH, 1, 1, NULL, &j, NULL);
            if (st == ST_OK)
                st = journal_append(j, &part, 1, NULL, NULL);
            if (st == ST_OK)
                st = journal_sync(j, NULL);
            journal_close(j);
            bool reached = sim_calls(s) >= start + n;
            assert_int_equal(st, reached ? want : ST_OK);
            sim_power_cycle(s, SIM_KEEP);
            enum status opened = open_seen(s, &j, NULL);
            assert_true(opened == ST_OK || (opened == ST_NOT_FOUND && st != ST_OK));
            if (opened == ST_OK)
                journal_close(j);
            assert_true(st != ST_OK || seen.count == 1);
            sim_free(s);
            if (!reached)
                break;
        }
    }
}

static void test_memory_refused(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct budget b;
    budget_init(&b, "tiny", 100, NULL);
    struct journal *j = NULL;
    struct error err;
    assert_int_equal(journal_create(sim_os(s), PATH, 1, 1, &b, &j, &err), ST_MEMORY);
    assert_int_equal(journal_open(sim_os(s), PATH, MAX_RECORD, &b, NULL, NULL, &j, &err), ST_MEMORY);
    assert_int_equal(atomic_load(&b.used), 0);
    b.limit = SIZE_MAX;
    assert_int_equal(journal_open(sim_os(s), PATH, MAX_RECORD, &b, NULL, NULL, &j, &err), ST_OK);
    journal_close(j);
    assert_int_equal(atomic_load(&b.used), 0);
    sim_free(s);
}

/* Made under one name, renamed, and on it goes; a failure names the new one. */
static void test_renamed(void **state)
{
    (void)state;
    struct sim *s = disk();
    struct journal *j;
    struct error err;
    struct str part = STR("more");
    assert_int_equal(journal_create(sim_os(s), PATH ".next", 1, 1, NULL, &j, &err), ST_OK);
    append_synced(j, "first");
    assert_int_equal(sim_os(s)->ops->rename(sim_os(s), PATH ".next", PATH, &err), ST_OK);
    journal_renamed(j, PATH);
    append_synced(j, "second");
    sim_fail_at(s, sim_calls(s) + 2, ST_IO, false);
    append(j, "third");
    assert_int_equal(journal_sync(j, &err), ST_IO);
    assert_int_equal(journal_append(j, &part, 1, NULL, &err), ST_IO);
    assert_non_null(strstr(err.message, "'" PATH "'"));
    journal_close(j);
    assert_int_equal(open_seen(s, &j, &err), ST_OK);
    assert_true(seen.count >= 2 && str_eq(seen.payloads[1], STR("second")));
    journal_close(j);
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_large_records),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_every_byte_flipped),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_recycled),
        cmocka_unit_test(test_proof_over_the_border_of_two_pieces),
        cmocka_unit_test(test_not_recycled),
        cmocka_unit_test(test_payloads_made_to_look_like_records),
        cmocka_unit_test(test_unsynced_group_is_torn),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_failed_sync),
        cmocka_unit_test(test_death_in_create),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_memory_refused),
        cmocka_unit_test(test_renamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
