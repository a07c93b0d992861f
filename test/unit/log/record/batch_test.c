/* Header, checks, stamps: what is read is what stands there, every flipped byte is found or without meaning, nothing is
 * read behind a cut. */
#include "kit.h"

static void test_read(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    build_random(RECORD_GZIP, 7, 1, (struct record_producer){ 4711, 12, 77, true }, &out);
    struct record_batch b = read_one(buf_str(&out));
    assert_int_equal(b.base_offset, 0);
    assert_int_equal(b.leader_epoch, -1);
    assert_int_equal(record_batch_codec(&b), RECORD_GZIP);
    assert_true(record_batch_transactional(&b));
    assert_false(record_batch_control(&b));
    assert_false(record_batch_append_time(&b));
    assert_int_equal(b.last_offset_delta, 6);
    assert_int_equal(record_batch_last_offset(&b), 6);
    assert_int_equal(b.producer_id, 4711);
    assert_int_equal(b.producer_epoch, 12);
    assert_int_equal(b.base_sequence, 77);
    assert_int_equal(b.count, 7);
    assert_int_equal(b.records.len, out.len - RECORD_BATCH_HEADER);
    assert_ptr_equal(b.records.ptr, out.data + RECORD_BATCH_HEADER);
    buf_release(&out);
}

static void test_cut(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    build_random(RECORD_PLAIN, 3, 1, RECORD_NO_PRODUCER, &out);
    for (size_t len = 0; len < out.len; len++) {
        uint8_t *copy = malloc(len ? len : 1); /* its own size: a read behind it is seen */
        if (len)
            memcpy(copy, out.data, len);
        struct record_batch b = { .count = 99 };
        struct error err;
        size_t wants = 12345;
        assert_int_equal(record_batch_read(str_make(copy, len), &b, &wants, &err), ST_NOT_FOUND);
        assert_int_equal(wants, len < 17 ? 0 : out.len);
        assert_int_equal(b.count, 99);
        struct str rest = str_make(copy, len);
        assert_int_equal(record_batch_next(&rest, &b, &err), ST_NOT_FOUND);
        assert_int_equal(rest.len, len);
        free(copy);
    }
    buf_release(&out);
}

static void test_walk(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    for (uint32_t i = 1; i <= 20; i++)
        build_random((enum record_codec)(i % CODECS), i, i, RECORD_NO_PRODUCER, &out);
    assert_true(buf_reserve(&out, 60) && buf_put(&out, out.data, 60)); /* a piece of one more */
    struct str rest = buf_str(&out);
    struct record_batch b;
    for (int32_t i = 1; i <= 20; i++) {
        assert_int_equal(record_batch_next(&rest, &b, NULL), ST_OK);
        assert_int_equal(b.count, i);
    }
    assert_int_equal(record_batch_next(&rest, &b, NULL), ST_NOT_FOUND);
    assert_int_equal(rest.len, 60);
    buf_release(&out);
}

static void test_no_batch(void **state)
{
    (void)state;
    struct buf out;
    struct record_batch b;
    struct error err;
    size_t len = 0;
    buf_init(&out, NULL, 1 << 20);
    build_random(RECORD_PLAIN, 3, 1, RECORD_NO_PRODUCER, &out);
    static const struct {
        uint8_t magic;
        enum status st;
    } magics[] = { { 0, ST_UNSUPPORTED }, { 1, ST_UNSUPPORTED }, { 3, ST_CORRUPT }, { 255, ST_CORRUPT } };
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        out.data[16] = magics[i].magic;
        assert_int_equal(record_batch_read(buf_str(&out), &b, &len, &err), magics[i].st);
        assert_non_null(strstr(err.message, "magic"));
    }
    out.data[16] = 2;
    static const int32_t lengths[] = { INT32_MIN, -1, 0, 48 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        put_be(out.data + 8, (uint64_t)lengths[i], 4);
        assert_int_equal(record_batch_read(buf_str(&out), &b, &len, &err), ST_CORRUPT);
        assert_non_null(strstr(err.message, "length"));
    }
    put_be(out.data + 8, INT32_MAX, 4);
    assert_int_equal(record_batch_read(buf_str(&out), &b, &len, &err), ST_NOT_FOUND);
    assert_int_equal(len, (size_t)INT32_MAX + 12);
    buf_release(&out);
}

/* Offset and epoch are not summed, and so free; everything else is. */
static void test_every_bit(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODECS; codec++) {
        struct buf out;
        buf_init(&out, NULL, 1 << 20);
        build_random((enum record_codec)codec, 4, 3, RECORD_NO_PRODUCER, &out);
        for (size_t bit = 0; bit < out.len * 8; bit++) {
            size_t at = bit / 8;
            out.data[at] ^= (uint8_t)(1u << bit % 8);
            struct record_batch b;
            struct error err;
            size_t len;
            enum status st = record_batch_read(buf_str(&out), &b, &len, &err);
            if (st == ST_OK)
                st = record_batch_check(&b, &err);
            bool is_free = at < 8 || (at >= 12 && at < 16);
            assert_true(is_free ? st == ST_OK || (bit == 7 && st == ST_CORRUPT) : st != ST_OK);
            out.data[at] ^= (uint8_t)(1u << bit % 8);
        }
        buf_release(&out);
    }
}

static void test_impossible_numbers(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        int bytes;
        int64_t value;
    } lies[] = { { 23, 4, -1 },        { 23, 4, INT32_MIN }, { 23, 4, 1 },         { 57, 4, -1 },
                 { 57, 4, INT32_MIN }, { 57, 4, INT32_MAX }, { 0, 8, INT64_MIN }, { 0, 8, INT64_MAX - 1 } };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct buf out;
        struct record_batch b;
        struct error err;
        size_t len;
        buf_init(&out, NULL, 1 << 20);
        build_random(RECORD_PLAIN, 3, 3, RECORD_NO_PRODUCER, &out);
        put_be(out.data + lies[i].at, (uint64_t)lies[i].value, lies[i].bytes);
        fix_crc(out.data, out.len);
        assert_int_equal(record_batch_read(buf_str(&out), &b, &len, &err), ST_OK);
        assert_int_equal(record_batch_check(&b, &err), ST_CORRUPT);
        assert_non_null(strstr(err.message, "offset"));
        buf_release(&out);
    }
}

static void test_stamps(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    build_random(RECORD_LZ4, 5, 9, RECORD_NO_PRODUCER, &out);
    struct record_batch was = read_one(buf_str(&out));
    record_batch_stamp(out.data, INT64_C(0x0123456789abcdef), 42);
    struct record_batch b = read_one(buf_str(&out));
    assert_int_equal(b.base_offset, INT64_C(0x0123456789abcdef));
    assert_int_equal(record_batch_last_offset(&b), INT64_C(0x0123456789abcdef) + 4);
    assert_int_equal(b.leader_epoch, 42);
    assert_int_equal(b.crc, was.crc);

    record_batch_stamp_time(out.data, false, was.max_timestamp_ms); /* stands there already */
    assert_int_equal(read_one(buf_str(&out)).crc, was.crc);

    record_batch_stamp_time(out.data, true, 1800000000000);
    b = read_one(buf_str(&out));
    assert_true(record_batch_append_time(&b));
    assert_int_equal(b.max_timestamp_ms, 1800000000000);
    assert_int_equal(record_batch_codec(&b), RECORD_LZ4);
    assert_int_not_equal(b.crc, was.crc);
    struct record_iter *it = new_iter(NULL, 1 << 20);
    struct record r;
    bool end;
    assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
        assert_int_equal(r.timestamp_ms, 1800000000000);
    }
    record_iter_free(it);

    record_batch_stamp_time(out.data, false, was.max_timestamp_ms);
    b = read_one(buf_str(&out));
    assert_int_equal(b.crc, was.crc);
    buf_release(&out);
}

static void test_sequence(void **state)
{
    (void)state;
    assert_int_equal(record_sequence_add(0, 0), 0);
    assert_int_equal(record_sequence_add(5, 7), 12);
    assert_int_equal(record_sequence_add(INT32_MAX - 1, 1), INT32_MAX);
    assert_int_equal(record_sequence_add(INT32_MAX, 1), 0);
    assert_int_equal(record_sequence_add(INT32_MAX, INT32_MAX), INT32_MAX - 1);
}

/* Sarama's own test bytes (kafka_wire_golden: oneRecordFetchResponse, produceRequestOneRecord and -V9). */
static void test_golden(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int64_t timestamp_ms;
    } cases[] = {
        { "0000000000000000000000460000000002db4714c9000000000000000000000000000a0000000000000000000000000000000000"
          "00000000000000000128000a00080102030406050607020608090a040b0c",
          15 },
        { "0000000000000000000000460000000002ca33bc05000000000001000001588dcd59380000000000000000000000000000000000"
          "00000000000000000128000a00080102030406050607020608090a040b0c",
          0x1588dcd5938 + 5 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf bytes;
        buf_init(&bytes, NULL, 1 << 12);
        unhex(cases[i].hex, &bytes);
        struct record_batch b;
        size_t len;
        assert_int_equal(record_batch_read(buf_str(&bytes), &b, &len, NULL), ST_OK);
        assert_int_equal(len, bytes.len);
        assert_int_equal(record_batch_crc(&b), b.crc);
        struct record_iter *it = new_iter(NULL, 1 << 20);
        struct record r;
        struct record_header h;
        bool end = true;
        assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
        assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
        assert_false(end);
        assert_int_equal(r.timestamp_ms, cases[i].timestamp_ms);
        assert_same_str(r.key, str_make("\1\2\3\4", 4));
        assert_same_str(r.value, str_make("\5\6\7", 3));
        assert_int_equal(r.n_headers, 1);
        assert_true(record_header_next(&r.headers, &h));
        assert_same_str(h.key, str_make("\x08\x09\x0a", 3));
        assert_same_str(h.value, str_make("\x0b\x0c", 2));
        assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
        assert_true(end);
        record_iter_free(it);
        buf_release(&bytes);
    }
}

/* A batch without records, as compaction leaves it (sarama's emptyRecordsFetchResponsev11). */
static void test_golden_empty(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, NULL, 1 << 12);
    unhex("000000000000000000000031000000000214e07a62000000000000000000000000000a00000000"
          "0000000b000000000000000100000000003d00000000", &bytes);
    struct record_batch b = read_one(buf_str(&bytes));
    assert_int_equal(b.count, 0);
    struct record_iter *it = new_iter(NULL, 1 << 20);
    uint32_t n = 9;
    assert_int_equal(read_all(it, &b, &n, NULL), ST_OK);
    assert_int_equal(n, 0);
    record_iter_free(it);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),           cmocka_unit_test(test_cut),      cmocka_unit_test(test_walk),
        cmocka_unit_test(test_no_batch),       cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_impossible_numbers),
        cmocka_unit_test(test_stamps),         cmocka_unit_test(test_sequence), cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
