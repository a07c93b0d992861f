/* Iteration: other programs' batches, lies of every kind, cuts, bombs, refused memory. */
#include "kit.h"

static void check_file(const char *name, enum record_codec codec, uint32_t seed)
{
    struct buf file;
    buf_init(&file, NULL, 1 << 22);
    read_file(name, &file);
    struct record_batch b = read_one(buf_str(&file));
    assert_int_equal(record_batch_codec(&b), codec);
    assert_int_equal(b.count, 220);
    if (codec != RECORD_PLAIN && seed != 105) {
        assert_int_equal(b.producer_id, 4711);
        assert_int_equal(b.producer_epoch, 3);
        assert_int_equal(b.base_sequence, 2147483600);
    }
    assert_int_equal(record_batch_transactional(&b), codec == RECORD_ZSTD);
    struct record_iter *it = new_iter(NULL, 1 << 20);
    struct rng rng = { seed };
    struct sample s;
    sample_init(&s);
    assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
    for (int i = 0; i < 220; i++) {
        struct record r;
        bool end = true;
        struct error err;
        assert_int_equal(record_iter_next(it, &r, &end, &err), ST_OK);
        assert_false(end);
        sample_next(&s, &rng, i);
        assert_same_record(&r, &s.record);
    }
    struct record r;
    bool end = false;
    assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
    assert_true(end);
    sample_release(&s);
    record_iter_free(it);
    buf_release(&file);
}

static void test_kafka_python(void **state)
{
    (void)state;
    check_file("python_plain.batch", RECORD_PLAIN, 100);
    check_file("python_gzip.batch", RECORD_GZIP, 101);
    check_file("python_snappy.batch", RECORD_SNAPPY, 102);
    check_file("python_lz4.batch", RECORD_LZ4, 103);
    check_file("python_zstd.batch", RECORD_ZSTD, 104);
    check_file("python_snappy_raw.batch", RECORD_SNAPPY, 105);
}

static void test_java(void **state)
{
    (void)state;
    check_file("java_plain.batch", RECORD_PLAIN, 200);
    check_file("java_gzip.batch", RECORD_GZIP, 201);
    check_file("java_snappy.batch", RECORD_SNAPPY, 202);
    check_file("java_lz4.batch", RECORD_LZ4, 203);
    check_file("java_zstd.batch", RECORD_ZSTD, 204);
}

/* One iterator goes over batches of every codec, left in the middle or after a fault. */
static void test_reuse(void **state)
{
    (void)state;
    struct record_iter *it = new_iter(NULL, 1 << 24);
    struct buf batches[CODECS];
    for (int c = 0; c < CODECS; c++) {
        buf_init(&batches[c], NULL, 1 << 22);
        build_random((enum record_codec)c, 300, (uint32_t)c, RECORD_NO_PRODUCER, &batches[c]);
    }
    struct rng rng = { 7 };
    for (int i = 0; i < 300; i++) {
        struct record_batch b = read_one(buf_str(&batches[rng_next(&rng, CODECS)]));
        uint32_t kind = rng_next(&rng, 3), n, stop = rng_next(&rng, 300);
        if (kind == 0) { /* cut: a fault */
            b.records.len -= 1 + rng_next(&rng, (uint32_t)b.records.len);
            assert_int_equal(read_all(it, &b, &n, NULL), ST_CORRUPT);
        } else if (kind == 1) { /* left */
            struct record r;
            bool end = false;
            assert_int_equal(record_iter_open(it, &b, NULL), ST_OK);
            for (uint32_t k = 0; k < stop; k++)
                assert_int_equal(record_iter_next(it, &r, &end, NULL), ST_OK);
        } else {
            assert_int_equal(read_all(it, &b, &n, NULL), ST_OK);
            assert_int_equal(n, 300);
        }
    }
    record_iter_free(it);
    for (int c = 0; c < CODECS; c++)
        buf_release(&batches[c]);
}

/* Records cut at every byte, in memory of their own size: a fault, and no read behind it. */
static void test_cut(void **state)
{
    (void)state;
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (int codec = 0; codec < CODECS; codec++) {
        struct buf out;
        buf_init(&out, NULL, 1 << 20);
        build_random((enum record_codec)codec, 6, 5, RECORD_NO_PRODUCER, &out);
        struct record_batch b = read_one(buf_str(&out));
        struct str whole = b.records;
        for (size_t len = 0; len < whole.len; len++) {
            char *copy = malloc(len ? len : 1);
            if (len)
                memcpy(copy, whole.ptr, len);
            b.records = (struct str){ copy, len };
            uint32_t n;
            struct error err;
            assert_int_equal(read_all(it, &b, &n, &err), ST_CORRUPT);
            assert_true(n <= 6);
            assert_true(err.message[0]);
            free(copy);
        }
        buf_release(&out);
    }
    record_iter_free(it);
}

/* Any byte changed in any way behind a checksum that fits: records or a fault; what it unpacks to stays in bounds. */
static void test_every_byte(void **state)
{
    (void)state;
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (int codec = 0; codec < CODECS; codec++) {
        struct buf out;
        buf_init(&out, NULL, 1 << 20);
        build_random((enum record_codec)codec, 2, 5, RECORD_NO_PRODUCER, &out);
        for (size_t at = 16; at < out.len; at++)
            for (unsigned flip = 1; flip < 256; flip += codec == RECORD_PLAIN ? 1 : 6) {
                out.data[at] ^= (uint8_t)flip;
                struct record_batch b;
                size_t len;
                uint32_t n;
                struct error err;
                if (record_batch_read(buf_str(&out), &b, &len, &err) == ST_OK) {
                    enum status st = read_all(it, &b, &n, &err);
                    assert_true(st == ST_OK || st == ST_CORRUPT || st == ST_LIMIT || st == ST_UNSUPPORTED ||
                                st == ST_MEMORY);
                    if (st == ST_OK)
                        assert_int_equal(n, (uint32_t)b.count);
                }
                out.data[at] ^= (uint8_t)flip;
            }
        buf_release(&out);
    }
    record_iter_free(it);
}

/* ---- lies ---- */


struct lie {
    const char *name;
    struct str records;
    int32_t count, last_delta;
    const char *says; /* NULL: it is fine */
};

#define BYTES(literal) STR_INIT(literal)

/* A record with nothing in it: length 6 (0c), attributes, time, offset, key null (01), value null (01), headers 0. */
static const struct lie lies[] = {
    { "one", BYTES("\x0c\0\0\0\1\1\0"), 1, 0, NULL },
    { "overlong numbers", BYTES("\x90\0\0\x80\0\x80\0\1\1\0"), 1, 0, NULL },
    { "empty key and value", BYTES("\x0c\0\0\0\0\0\0"), 1, 0, NULL },
    { "gap", BYTES("\x0c\0\0\4\1\1\0\x0c\0\0\x0a\1\1\0"), 2, 9, NULL },
    { "nothing", BYTES(""), 1, 0, "record 1 of 1 of the batch at offset 0: the batch ends" },
    { "one too few", BYTES("\x0c\0\0\0\1\1\0"), 2, 1, "record 2 of 2" },
    { "one too many", BYTES("\x0c\0\0\0\1\1\0\x0c\0\0\2\1\1\0"), 1, 0, "behind the last of 1" },
    { "bytes and no records", BYTES("\x0c\0\0\0\1\1\0"), 0, 0, "behind the last of 0" },
    { "huge count", BYTES("\x0c\0\0\0\1\1\0"), INT32_MAX, INT32_MAX, "record 2 of 2147483647" },
    { "negative count", BYTES("\x0c\0\0\0\1\1\0"), -1, 0, "-1 records" },
    { "negative length", BYTES("\x0b\0\0\0\1\1\0"), 1, 0, "length is negative" },
    { "length INT32_MIN", BYTES("\xff\xff\xff\xff\x0f\0\0\0\1\1\0"), 1, 0, "length is negative" },
    { "length INT32_MAX", BYTES("\xfe\xff\xff\xff\x0f\0\0\0\1\1\0"), 1, 0, "ends before it does" },
    { "length of 33 bits", BYTES("\xfe\xff\xff\xff\x1f\0\0\0\1\1\0"), 1, 0, "length is no number" },
    { "length of six bytes", BYTES("\x80\x80\x80\x80\x80\x80\0\0\1\1\0"), 1, 0, "length is no number" },
    { "length 0", BYTES("\0\0"), 1, 0, "it is empty" },
    { "length too small", BYTES("\x0a\0\0\0\1\1\0"), 1, 0, "headers have no count" },
    { "length too large", BYTES("\x0e\0\0\0\1\1\0\0"), 1, 0, "behind its last header" },
    { "only attributes", BYTES("\2\0"), 1, 0, "timestamp is no number" },
    { "time of eleven bytes", BYTES("\x20\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\0\1\1\0"), 1, 0,
      "timestamp is no number" },
    { "time of 65 bits", BYTES("\x1e\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\2\0\1\1\0"), 1, 0,
      "timestamp is no number" },
    { "greatest time", BYTES("\x1e\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0\1\1\0"), 1, 0, NULL },
    { "offset negative", BYTES("\x0c\0\0\1\1\1\0"), 1, 0, "offset is out of order" },
    { "offset behind the range", BYTES("\x0c\0\0\2\1\1\0"), 1, 0, "out of the batch's range" },
    { "offset twice", BYTES("\x0c\0\0\0\1\1\0\x0c\0\0\0\1\1\0"), 2, 1, "offset is out of order" },
    { "key -2", BYTES("\x0c\0\0\0\3\1\0"), 1, 0, "key has no length" },
    { "key too long", BYTES("\x0c\0\0\0\6\1\0"), 1, 0, "key has no length or passes" },
    { "key INT32_MAX", BYTES("\x14\0\0\0\xfe\xff\xff\xff\x0f\1\0"), 1, 0, "key has no length or passes" },
    { "value -2", BYTES("\x0c\0\0\0\1\3\0"), 1, 0, "value has no length" },
    { "value too long", BYTES("\x0c\0\0\0\1\4\0"), 1, 0, "value has no length or passes" },
    { "headers -1", BYTES("\x0c\0\0\0\1\1\1"), 1, 0, "headers have no count" },
    { "headers 1, none", BYTES("\x0c\0\0\0\1\1\2"), 1, 0, "a header has no length" },
    { "headers INT32_MAX", BYTES("\x14\0\0\0\1\1\xfe\xff\xff\xff\x0f"), 1, 0, "a header has no length" },
    { "header key null", BYTES("\x10\0\0\0\1\1\2\1\1"), 1, 0, "a header has no length" },
    { "header key empty, value null", BYTES("\x10\0\0\0\1\1\2\0\1"), 1, 0, NULL },
    { "header value too long", BYTES("\x10\0\0\0\1\1\2\0\4"), 1, 0, "a header has no length" },
};

static void test_lies(void **state)
{
    (void)state;
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        char *copy = malloc(lies[i].records.len + 1);
        memcpy(copy, lies[i].records.ptr, lies[i].records.len);
        struct record_batch b = { .count = lies[i].count, .last_offset_delta = lies[i].last_delta,
                                  .records = { copy, lies[i].records.len } };
        struct error err = { 0 };
        uint32_t n;
        enum status st = read_all(it, &b, &n, &err);
        if (st != (lies[i].says ? ST_CORRUPT : ST_OK) || (lies[i].says && !strstr(err.message, lies[i].says)))
            fail_msg("%s: %s: '%s'", lies[i].name, status_name(st), err.message);
        if (st != ST_OK) { /* it stays */
            struct record r;
            bool end;
            struct error again;
            assert_true(n < (uint32_t)lies[i].count || lies[i].count < 0 || strstr(err.message, "behind"));
            assert_int_equal(record_iter_next(it, &r, &end, &again), ST_CORRUPT);
            assert_string_equal(again.message, err.message);
        }
        free(copy);
    }
    record_iter_free(it);
}

static void test_codecs_of_the_future(void **state)
{
    (void)state;
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (int16_t codec = 5; codec < 8; codec++) {
        struct record_batch b = { .attributes = codec, .count = 1 };
        struct error err;
        assert_int_equal(record_iter_open(it, &b, &err), ST_UNSUPPORTED);
        struct record r;
        bool end;
        assert_int_equal(record_iter_next(it, &r, &end, &err), ST_UNSUPPORTED);
    }
    record_iter_free(it);
}

/* ---- snappy's two forms ---- */

static void put_block(struct buf *out, struct str plain)
{
    struct buf block;
    buf_init(&block, NULL, 1 << 20);
    assert_int_equal(snappy_block_pack(plain, &block, NULL), ST_OK);
    uint8_t len[4];
    put_be(len, block.len, 4);
    assert_true(buf_put(out, len, 4) && buf_put(out, block.data, block.len));
    buf_release(&block);
}

static void test_xerial(void **state)
{
    (void)state;
    static const uint8_t head[16] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1 };
    struct buf plain, framed;
    buf_init(&plain, NULL, 1 << 20);
    buf_init(&framed, NULL, 1 << 20);
    build_random(RECORD_PLAIN, 50, 11, RECORD_NO_PRODUCER, &plain);
    struct record_batch b = read_one(buf_str(&plain));
    struct str records = b.records;
    struct record_iter *it = new_iter(NULL, 1 << 20);
    b.attributes |= RECORD_SNAPPY;
    for (size_t piece = 1; piece <= records.len; piece = piece * 2 + 1) {
        buf_clear(&framed);
        assert_true(buf_put(&framed, head, sizeof head));
        for (size_t at = 0; at < records.len; at += piece) {
            put_block(&framed, str_make(records.ptr + at, records.len - at < piece ? records.len - at : piece));
            if (at % 3 == 0) /* joined streams, an empty block */
                assert_true(buf_put(&framed, head, sizeof head));
            if (at % 5 == 0)
                put_block(&framed, STR(""));
        }
        uint32_t n;
        struct error err;
        b.records = buf_str(&framed);
        if (read_all(it, &b, &n, &err) != ST_OK)
            fail_msg("pieces of %zu: %s", piece, err.message);
        assert_int_equal(n, 50);
        static const uint32_t lengths[] = { 0, UINT32_MAX, INT32_MAX, 1 << 20 };
        for (size_t i = 0; i < 4; i++) { /* the first block's length */
            put_be(framed.data + 16, lengths[i], 4);
            assert_int_equal(read_all(it, &b, &n, &err), ST_CORRUPT);
            assert_non_null(strstr(err.message, "snappy"));
        }
    }
    record_iter_free(it);
    buf_release(&plain);
    buf_release(&framed);
}

/* ---- bombs ---- */

/* One record of `zeros` bytes that pack well. */
static void build_zeros(enum record_codec codec, size_t zeros, struct buf *out)
{
    struct record_builder *w;
    char *value = calloc(1, zeros);
    struct record r = { .offset = -1, .value = { value, zeros } };
    bool full;
    assert_int_equal(record_builder_new(codec, zeros + 100, NULL, &w, NULL), ST_OK);
    assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, out, NULL), ST_OK);
    record_builder_free(w);
    free(value);
}

static void test_bombs(void **state)
{
    (void)state;
    for (int codec = RECORD_GZIP; codec < CODECS; codec++) {
        struct buf out;
        buf_init(&out, NULL, 1 << 24);
        build_zeros((enum record_codec)codec, (size_t)40 << 20, &out);
        struct record_batch b = read_one(buf_str(&out));
        struct budget budget;
        budget_init(&budget, "connection", (size_t)256 << 20, NULL);
        uint32_t n;
        struct error err;

        /* By the caller's bound: at once, and with no more memory than that and a window. */
        struct record_iter *it = new_iter(&budget, 1 << 20);
        assert_int_equal(read_all(it, &b, &n, &err), ST_LIMIT);
        assert_non_null(strstr(err.message, "1048576"));
        assert_true(atomic_load(&budget.peak) < (size_t)6 << 20);
        record_iter_free(it);

        /* By its own size: zstd packs 40 MiB of zeros to nothing, which no client's records do. */
        it = new_iter(&budget, SIZE_MAX);
        enum status st = read_all(it, &b, &n, &err);
        size_t allowed = RECORD_UNPACK_FREE + RECORD_UNPACK_RATIO * b.records.len;
        assert_int_equal(st, allowed < (size_t)40 << 20 ? ST_LIMIT : ST_OK);
        assert_int_equal(st == ST_LIMIT, codec == RECORD_ZSTD);
        record_iter_free(it);

        /* By the budget. */
        struct budget small;
        budget_init(&small, "connection", (size_t)4 << 20, NULL);
        it = new_iter(&small, SIZE_MAX);
        assert_int_equal(read_all(it, &b, &n, &err), ST_MEMORY);
        assert_non_null(strstr(err.message, "'connection'"));
        record_iter_free(it);
        assert_int_equal(atomic_load(&small.used), 0);
        assert_int_equal(atomic_load(&budget.used), 0);
        buf_release(&out);
    }
}

/* A snappy block that promises 4 GiB in a few bytes is refused before memory is asked for. */
static void test_promises(void **state)
{
    (void)state;
    struct budget budget;
    budget_init(&budget, "connection", SIZE_MAX, NULL);
    struct record_iter *it = new_iter(&budget, SIZE_MAX);
    size_t before = atomic_load(&budget.peak);
    struct record_batch b = { .attributes = RECORD_SNAPPY, .count = 1,
                              .records = STR("\xff\xff\xff\xff\x0f\0\0\0\0\0") };
    uint32_t n;
    struct error err;
    assert_int_equal(read_all(it, &b, &n, &err), ST_CORRUPT);
    assert_non_null(strstr(err.message, "cannot unpack to 4294967295"));
    assert_int_equal(atomic_load(&budget.peak), before);
    record_iter_free(it);
}

/* A great record leaves no great buffer behind. */
static void test_shrinks(void **state)
{
    (void)state;
    struct budget budget;
    budget_init(&budget, "connection", SIZE_MAX, NULL);
    struct record_iter *it = new_iter(&budget, SIZE_MAX);
    struct buf great, small;
    buf_init(&great, NULL, 1 << 24);
    buf_init(&small, NULL, 1 << 24);
    build_zeros(RECORD_LZ4, (size_t)10 << 20, &great);
    build_random(RECORD_LZ4, 3, 3, RECORD_NO_PRODUCER, &small);
    struct record_batch g = read_one(buf_str(&great)), s = read_one(buf_str(&small));
    uint32_t n;
    assert_int_equal(read_all(it, &g, &n, NULL), ST_OK);
    assert_true(atomic_load(&budget.used) > (size_t)10 << 20);
    assert_int_equal(read_all(it, &s, &n, NULL), ST_OK);
    assert_int_equal(n, 3);
    assert_true(atomic_load(&budget.used) < (size_t)1 << 20);
    record_iter_free(it);
    buf_release(&great);
    buf_release(&small);
}

static void test_memory_torture(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODECS; codec++) {
        struct buf out;
        buf_init(&out, NULL, 1 << 22);
        build_random((enum record_codec)codec, 1000, 3, RECORD_NO_PRODUCER, &out);
        struct record_batch b = read_one(buf_str(&out));
        bool through = false;
        for (uint64_t nth = 1; !through; nth++) {
            assert_true(nth < 50);
            struct budget budget;
            budget_init(&budget, "b", SIZE_MAX, NULL);
            struct record_iter *it = NULL;
            struct error err = { 0 };
            uint32_t n = 0;
            budget_fail_nth(nth);
            enum status st = record_iter_new(&budget, 1 << 20, &it, &err);
            if (st == ST_OK)
                st = read_all(it, &b, &n, &err);
            budget_fail_nth(0);
            through = st == ST_OK && n == 1000;
            assert_true(through || (st == ST_MEMORY && err.status == ST_MEMORY));
            if (st != ST_OK && it) { /* it can be used again */
                assert_int_equal(read_all(it, &b, &n, &err), ST_OK);
                assert_int_equal(n, 1000);
            }
            record_iter_free(it);
            assert_int_equal(atomic_load(&budget.used), 0);
        }
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kafka_python), cmocka_unit_test(test_java), cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_lies),         cmocka_unit_test(test_codecs_of_the_future),
        cmocka_unit_test(test_xerial),       cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_promises),     cmocka_unit_test(test_shrinks),
        cmocka_unit_test(test_memory_torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
