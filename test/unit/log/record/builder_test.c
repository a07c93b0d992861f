/* Building: round trips of every codec, another program's bytes again, gaps, limits, batches in another's place,
 * markers, refused memory. */
#include "kit.h"

static struct record_builder *new_builder(enum record_codec codec, size_t max_bytes)
{
    struct record_builder *w;
    assert_int_equal(record_builder_new(codec, max_bytes, NULL, &w, NULL), ST_OK);
    return w;
}

static void add(struct record_builder *w, int64_t offset, int64_t ms, const char *key, const char *value)
{
    struct record r = { .offset = offset, .timestamp_ms = ms, .key = str_from(key), .value = str_from(value) };
    bool full = true;
    assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
    assert_false(full);
}

static void next_is(struct record_iter *it, int64_t offset, int64_t ms, const char *key, const char *value)
{
    struct record r;
    bool end = true;
    struct error err;
    if (record_iter_next(it, &r, &end, &err) != ST_OK)
        fail_msg("%s", err.message);
    assert_false(end);
    assert_int_equal(r.offset, offset);
    assert_int_equal(r.timestamp_ms, ms);
    assert_same_str(r.key, str_from(key));
    assert_same_str(r.value, str_from(value));
}

static void end_is_next(struct record_iter *it)
{
    struct record r;
    bool end = false;
    assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
    assert_true(end);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const uint32_t counts[] = { 1, 2, 63, 64, 65, 1000 };
    struct record_iter *it = new_iter(NULL, 1 << 24);
    for (int codec = 0; codec < CODECS; codec++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            struct buf out;
            buf_init(&out, NULL, 1 << 22);
            uint32_t seed = (uint32_t)codec * 100 + counts[c];
            build_random((enum record_codec)codec, counts[c], seed, (struct record_producer){ 8, 2, 3, false }, &out);
            struct record_batch b = read_one(buf_str(&out));
            assert_int_equal(record_batch_codec(&b), codec);
            assert_int_equal(b.count, counts[c]);
            assert_int_equal(b.producer_id, 8);
            assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
            struct sample s;
            struct rng rng = { seed };
            int64_t max_ms = -1;
            sample_init(&s);
            for (uint32_t i = 0; i < counts[c]; i++) {
                struct record r;
                bool end = true;
                assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
                assert_false(end);
                sample_next(&s, &rng, i);
                assert_same_record(&r, &s.record);
                max_ms = r.timestamp_ms > max_ms ? r.timestamp_ms : max_ms;
            }
            end_is_next(it);
            assert_int_equal(b.max_timestamp_ms, max_ms);
            sample_release(&s);
            buf_release(&out);
        }
    record_iter_free(it);
}

/* Another builder's plain batch, record for record out of its own iteration, is the same bytes. */
static void check_same_bytes(const char *name, int32_t leader_epoch)
{
    struct buf file, out;
    buf_init(&file, NULL, 1 << 22);
    buf_init(&out, NULL, 1 << 22);
    read_file(name, &file);
    struct record_batch b = read_one(buf_str(&file));
    struct record_iter *it = new_iter(NULL, 1 << 20);
    struct record_builder *w = new_builder(RECORD_PLAIN, 1 << 20);
    struct record r;
    bool end = false, full;
    assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
    while (record_iter_next(it, &r, &end, NULL) == ST_OK && !end)
        assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
    assert_true(end);
    assert_int_equal(record_builder_bytes(w), file.len);
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
    record_batch_stamp(out.data, 0, leader_epoch);
    assert_int_equal(out.len, file.len);
    assert_memory_equal(out.data, file.data, out.len);
    record_builder_free(w);
    record_iter_free(it);
    buf_release(&file);
    buf_release(&out);
}

static void test_same_bytes(void **state)
{
    (void)state;
    check_same_bytes("java_plain.batch", -1);
    check_same_bytes("python_plain.batch", 0); /* its way to say that there is none */
}

/* Forms that one client or another insists on. */
static void test_forms(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 22);
    build_random(RECORD_SNAPPY, 300, 1, RECORD_NO_PRODUCER, &out);
    assert_memory_equal(out.data + RECORD_BATCH_HEADER, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
    buf_clear(&out);
    build_random(RECORD_LZ4, 300, 1, RECORD_NO_PRODUCER, &out);
    assert_memory_equal(out.data + RECORD_BATCH_HEADER, "\x04\x22\x4d\x18", 4);
    assert_int_equal(out.data[RECORD_BATCH_HEADER + 4] & 0xE8, 0x60); /* version 1, blocks apart, no content size */
    assert_int_equal(out.data[RECORD_BATCH_HEADER + 5], 0x40);        /* of 64 KiB */
    buf_release(&out);
}

static void test_gaps_and_nulls(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    struct record_builder *w = new_builder(RECORD_ZSTD, 1 << 20);
    add(w, 100, 50, NULL, NULL);
    add(w, 101, 40, "", "");
    add(w, -1, -1, "k", NULL);
    add(w, 2000000000, INT64_MAX, NULL, "v");
    add(w, -1, INT64_MIN, "last", "");
    assert_int_equal(record_builder_count(w), 5);
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
    assert_int_equal(record_builder_count(w), 0);
    struct record_batch b = read_one(buf_str(&out));
    assert_int_equal(b.base_offset, 100);
    assert_int_equal(record_batch_last_offset(&b), 2000000001);
    assert_int_equal(b.count, 5);
    assert_int_equal(b.base_timestamp_ms, 50);
    assert_int_equal(b.max_timestamp_ms, INT64_MAX);
    assert_int_equal(b.producer_id, -1);
    assert_int_equal(b.producer_epoch, -1);
    assert_int_equal(b.base_sequence, -1);
    struct record_iter *it = new_iter(NULL, 1 << 20);
    assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
    next_is(it, 100, 50, NULL, NULL);
    next_is(it, 101, 40, "", "");
    next_is(it, 102, -1, "k", NULL);
    next_is(it, 2000000000, INT64_MAX, NULL, "v");
    next_is(it, 2000000001, INT64_MIN, "last", "");
    end_is_next(it);

    /* Nothing for nothing; what follows is a batch of its own. */
    size_t len = out.len;
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
    assert_int_equal(out.len, len);
    add(w, -1, 7, "a", "b");
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
    b = read_one(str_make(out.data + len, out.len - len));
    assert_int_equal(b.base_offset, 0);
    assert_int_equal(b.base_timestamp_ms, 7);
    record_iter_free(it);
    record_builder_free(w);
    buf_release(&out);
}

static void test_limits(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    struct record_builder *w = new_builder(RECORD_PLAIN, 100);
    static const char text[200];
    struct record r = { .offset = -1, .value = { text, 92 } }; /* of 101 with what goes with it */
    struct error err;
    bool full = true;
    assert_int_equal(record_builder_add(w, &r, &full, &err), ST_LIMIT);
    assert_non_null(strstr(err.message, "100"));
    r.value.len = 91; /* just fits */
    assert_int_equal(record_builder_add(w, &r, &full, &err), ST_OK);
    assert_false(full);
    assert_int_equal(record_builder_bytes(w), RECORD_BATCH_HEADER + 100);
    r.value.len = 0;
    assert_int_equal(record_builder_add(w, &r, &full, &err), ST_OK);
    assert_true(full);
    assert_int_equal(record_builder_count(w), 1);
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
    assert_int_equal(out.len, RECORD_BATCH_HEADER + 100);
    assert_int_equal(record_builder_add(w, &r, &full, &err), ST_OK);
    assert_false(full);

    /* Offsets that a delta cannot hold: full; offsets that go back: our own bug. */
    r.offset = (int64_t)INT32_MAX + 1;
    assert_int_equal(record_builder_add(w, &r, &full, &err), ST_OK);
    assert_true(full);
    r.offset = 0;
    assert_int_equal(record_builder_add(w, &r, &full, &err), ST_BUG);
    record_builder_free(w);

    /* The buffer's own limit: nothing half-written is left, and nothing is lost. */
    for (int codec = 0; codec < CODECS; codec++) {
        struct buf small;
        buf_init(&small, NULL, 150);
        assert_true(buf_put(&small, "head", 4));
        w = new_builder((enum record_codec)codec, 1 << 20);
        struct rng rng = { 5 };
        struct sample s;
        sample_init(&s);
        for (int i = 0; i < 100; i++) {
            sample_next(&s, &rng, i);
            assert_int_equal(record_builder_add(w, &s.record, &full, &err), ST_OK);
        }
        assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &small, &err), ST_LIMIT);
        assert_int_equal(small.len, 4);
        buf_clear(&out);
        assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, &err), ST_OK);
        assert_int_equal(read_one(buf_str(&out)).count, 100);
        sample_release(&s);
        record_builder_free(w);
        buf_release(&small);
    }
    assert_int_equal(record_builder_new((enum record_codec)5, 100, NULL, &w, &err), ST_UNSUPPORTED);
    buf_release(&out);
}

/* Compaction keeps some records: range, producer, codec, epoch and kind of time stay. */
static void test_like(void **state)
{
    (void)state;
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (int codec = 0; codec < CODECS; codec++)
        for (int append_time = 0; append_time < 2; append_time++) {
            struct buf was, out;
            buf_init(&was, NULL, 1 << 20);
            buf_init(&out, NULL, 1 << 20);
            build_random((enum record_codec)codec, 20, 9, (struct record_producer){ 5, 6, 7, true }, &was);
            record_batch_stamp(was.data, 1000, 17);
            if (append_time)
                record_batch_stamp_time(was.data, true, 1900000000000);
            struct record_batch b = read_one(buf_str(&was)), c;
            struct record_builder *w = new_builder(RECORD_GZIP, 1 << 20);
            record_builder_like(w, &b, -1);
            struct record r;
            bool end = false, full;
            int64_t max_ms = -1;
            assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
            while (record_iter_next(it, &r, &end, NULL) == ST_OK && !end)
                if (r.offset % 5 == 3) {
                    assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
                    max_ms = r.timestamp_ms > max_ms ? r.timestamp_ms : max_ms;
                }
            assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
            c = read_one(buf_str(&out));
            assert_int_equal(c.base_offset, 1000);
            assert_int_equal(record_batch_last_offset(&c), 1019);
            assert_int_equal(c.leader_epoch, 17);
            assert_int_equal(c.attributes, b.attributes);
            assert_int_equal(c.producer_id, 5);
            assert_int_equal(c.producer_epoch, 6);
            assert_int_equal(c.base_sequence, 7);
            assert_int_equal(c.count, 4);
            assert_int_equal(c.max_timestamp_ms, max_ms);
            assert_int_equal(record_iter_open(it, &c, NULL), ST_OK);
            for (int i = 0; i < 4; i++) {
                assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
                assert_int_equal(r.offset, 1003 + 5 * i);
            }
            end_is_next(it);

            /* None kept: the range and the producer's place stay. */
            buf_clear(&out);
            record_builder_like(w, &b, -1);
            assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
            assert_int_equal(out.len, RECORD_BATCH_HEADER);
            c = read_one(buf_str(&out));
            assert_int_equal(c.count, 0);
            assert_int_equal(record_batch_last_offset(&c), 1019);
            assert_int_equal(c.base_sequence, 7);
            assert_int_equal(record_batch_codec(&c), RECORD_PLAIN);
            assert_int_equal(record_iter_open(it, &c, NULL), ST_OK);
            end_is_next(it);

            /* A delete horizon is the base of the times, which stay what they were; and is kept from then on. */
            for (int round = 0; round < 2; round++) {
                struct record_batch from = round == 0 ? b : c;
                buf_clear(&was);
                assert_true(buf_put(&was, from.bytes.ptr, from.bytes.len));
                from = read_one(buf_str(&was));
                buf_clear(&out);
                record_builder_like(w, &from, round == 0 ? 1700000099999 : -1);
                r = (struct record){ .offset = 1005, .timestamp_ms = 1700000000123, .key = STR("k") };
                assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
                r.offset = 999; /* not in the range */
                assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_BUG);
                r.offset = 1020;
                assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_BUG);
                assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
                c = read_one(buf_str(&out));
                assert_true(c.attributes & RECORD_DELETE_HORIZON);
                assert_int_equal(c.base_timestamp_ms, 1700000099999);
                assert_int_equal(record_iter_open(it, &c, NULL), ST_OK);
                next_is(it, 1005, append_time ? 1900000000000 : 1700000000123, "k", NULL);
                end_is_next(it);
            }
            record_builder_free(w);
            buf_release(&was);
            buf_release(&out);
        }
    record_iter_free(it);
}

/* One builder, batches like those of every codec in turn: each keeps its own. */
static void test_like_every_codec(void **state)
{
    (void)state;
    struct record_builder *w = new_builder(RECORD_GZIP, 1 << 20);
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (int i = 0; i < 3 * CODECS; i++) {
        struct buf was, out;
        buf_init(&was, NULL, 1 << 20);
        buf_init(&out, NULL, 1 << 20);
        build_random((enum record_codec)(i * 2 % CODECS), 9, (uint32_t)i, RECORD_NO_PRODUCER, &was);
        struct record_batch b = read_one(buf_str(&was));
        record_builder_like(w, &b, -1);
        struct record r;
        bool end = false, full;
        assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
        while (record_iter_next(it, &r, &end, NULL) == ST_OK && !end)
            assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
        assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
        b = read_one(buf_str(&out));
        assert_int_equal(record_batch_codec(&b), i * 2 % CODECS);
        uint32_t n;
        assert_int_equal(read_all(it, &b, &n, NULL), ST_OK);
        assert_int_equal(n, 9);
        buf_clear(&out);
        add(w, -1, 5, "k", "v"); /* and the builder's own comes back */
        assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
        b = read_one(buf_str(&out));
        assert_int_equal(record_batch_codec(&b), RECORD_GZIP);
        buf_release(&was);
        buf_release(&out);
    }
    record_iter_free(it);
    record_builder_free(w);
}

static void test_headers(void **state)
{
    (void)state;
    struct buf raw;
    buf_init(&raw, NULL, 40);
    assert_true(record_header_put(&raw, (struct record_header){ STR("a"), STR("b") }));
    assert_true(record_header_put(&raw, (struct record_header){ { 0 }, { 0 } })); /* a key is never null */
    assert_true(record_header_put(&raw, (struct record_header){ STR("a"), STR("") }));
    struct str rest = buf_str(&raw);
    struct record_header h;
    assert_true(record_header_next(&rest, &h) && str_eq(h.key, STR("a")) && str_eq(h.value, STR("b")));
    assert_true(record_header_next(&rest, &h) && h.key.ptr && h.key.len == 0 && !h.value.ptr);
    assert_true(record_header_next(&rest, &h) && h.value.ptr && h.value.len == 0);
    assert_false(record_header_next(&rest, &h));
    size_t len = raw.len;
    struct record_header great = { STR("0123456789012345678901234567890123456789"), { 0 } };
    assert_false(record_header_put(&raw, great));
    assert_int_equal(raw.len, len);
    buf_release(&raw);
}

/* Kafka's own bytes of key and value (sarama's commitTxCtrlRecKey, -Value, abortTxCtrlRecValue). */
static void test_markers(void **state)
{
    (void)state;
    static const struct {
        bool commit;
        int32_t epoch;
        const char *key, *value;
    } cases[] = { { true, 15, "\0\0\0\1", "\0\0\0\0\0\x0f" }, { false, 10, "\0\0\0\0", "\0\0\0\0\0\x0a" } };
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (size_t i = 0; i < 2; i++) {
        struct buf out;
        buf_init(&out, NULL, 78);
        struct record_marker put = { cases[i].commit, cases[i].epoch };
        assert_true(record_marker_put(&out, put, 4711, 3, 1234567));
        assert_int_equal(out.len, 78);
        assert_false(record_marker_put(&out, put, 4711, 3, 1234567));
        struct record_batch b = read_one(buf_str(&out));
        assert_true(record_batch_control(&b) && record_batch_transactional(&b));
        assert_int_equal(b.producer_id, 4711);
        assert_int_equal(b.producer_epoch, 3);
        assert_int_equal(b.base_sequence, -1);
        assert_int_equal(b.leader_epoch, -1);
        assert_int_equal(b.max_timestamp_ms, 1234567);
        struct record r;
        struct record_marker m;
        bool end;
        assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
        assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
        assert_int_equal(r.timestamp_ms, 1234567);
        assert_same_str(r.key, str_make(cases[i].key, 4));
        assert_same_str(r.value, str_make(cases[i].value, 6));
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_OK);
        assert_int_equal(m.commit, cases[i].commit);
        assert_int_equal(m.coordinator_epoch, cases[i].epoch);
        struct record_marker untouched = m;
        struct str key = r.key, value = r.value;
        r.key = str_make("\0\0\0\2", 4); /* leader change and the like */
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_UNSUPPORTED);
        r.key = str_make("\0\0\0\1", 3);
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_CORRUPT);
        r.key = str_make("\xff\xff\0\1", 4);
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_CORRUPT);
        r.key = (struct str){ 0 };
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_CORRUPT);
        r.key = key;
        r.value = (struct str){ value.ptr, 5 };
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_CORRUPT);
        r.value = (struct str){ 0 };
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_CORRUPT);
        r.value = str_make("\0\1\0\0\0\x0f" "more", 10); /* a later version */
        assert_int_equal(record_marker_read(&r, &m, NULL), ST_OK);
        assert_int_equal(m.coordinator_epoch, 15);
        assert_int_equal(untouched.commit, cases[i].commit);
        buf_release(&out);
    }
    record_iter_free(it);
}

static void test_memory_torture(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODECS; codec++) {
        bool through = false;
        for (uint64_t nth = 1; !through; nth++) {
            assert_true(nth < 100);
            struct budget budget;
            struct buf out;
            struct sample s;
            struct rng rng = { 3 };
            struct error err = { 0 };
            struct record_builder *w = NULL;
            bool full;
            budget_init(&budget, "b", SIZE_MAX, NULL);
            buf_init(&out, &budget, 1 << 20);
            sample_init(&s);
            sample_next(&s, &rng, 0);
            budget_fail_nth(nth);
            enum status st = record_builder_new((enum record_codec)codec, 1 << 20, &budget, &w, &err);
            if (st == ST_OK)
                st = record_builder_add(w, &s.record, &full, &err);
            uint32_t count = w ? record_builder_count(w) : 0;
            if (st == ST_OK)
                st = record_builder_finish(w, RECORD_NO_PRODUCER, &out, &err);
            budget_fail_nth(0);
            through = st == ST_OK;
            if (!through) {
                assert_int_equal(st, ST_MEMORY);
                assert_int_equal(err.status, ST_MEMORY);
                assert_int_equal(out.len, 0);
                if (w) {
                    assert_int_equal(record_builder_count(w), count);
                    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, &err), ST_OK);
                }
            }
            if (through || count)
                assert_int_equal(read_one(buf_str(&out)).count, 1);
            record_builder_free(w);
            sample_release(&s);
            buf_release(&out);
            assert_int_equal(atomic_load(&budget.used), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_gaps_and_nulls), cmocka_unit_test(test_limits), cmocka_unit_test(test_like),
        cmocka_unit_test(test_like_every_codec),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_markers), cmocka_unit_test(test_memory_torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
