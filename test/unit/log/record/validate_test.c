/* A producer's batch as a broker judges it: each rule broken alone, with Kafka's code; the order of the rules; the
 * records at fault; what is told of a good one. */
#include "kit.h"

static const struct record_rules usual = {
    .produce_version = 9,
    .max_bytes = 1 << 20,
    .now_ms = 1700000003000,
    .before_max_ms = INT64_MAX,
    .after_max_ms = 3600000,
};

struct request {
    struct buf bytes;
    struct record_rules rules;
};

static void request_init(struct request *q, enum record_codec codec, struct record_producer p)
{
    buf_init(&q->bytes, NULL, 1 << 22);
    q->rules = usual;
    build_random(codec, 20, 9, p, &q->bytes);
}

/* Judges a copy of its own size. */
static enum status judge(const struct request *q, struct record_verdict *v, struct error *err)
{
    struct record_iter *it = new_iter(NULL, 1 << 24);
    char *copy = malloc(q->bytes.len ? q->bytes.len : 1);
    if (q->bytes.len)
        memcpy(copy, q->bytes.data, q->bytes.len);
    memset(v, 0x77, sizeof *v);
    enum status st = record_batch_validate(str_make(copy, q->bytes.len), &q->rules, it, v, err);
    assert_int_equal(st == ST_OK, v->kafka == 0);
    free(copy);
    record_iter_free(it);
    return st;
}

static void assert_judged(const struct request *q, int16_t kafka, const char *says)
{
    struct record_verdict v;
    struct error err = { 0 };
    enum status st = judge(q, &v, &err);
    if (v.kafka != kafka || (st != ST_OK && says && !strstr(err.message, says)))
        fail_msg("code %d, not %d: '%s' (should say '%s')", v.kafka, kafka, err.message, says ? says : "");
}

static const struct record_producer some_producer = { 4711, 3, 77, false };

static void test_good(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODECS; codec++) {
        struct request q;
        struct record_verdict v;
        struct error err;
        request_init(&q, (enum record_codec)codec, some_producer);
        assert_int_equal(judge(&q, &v, &err), ST_OK);
        assert_int_equal(v.batch.count, 20);
        assert_int_equal(v.batch.producer_id, 4711);
        assert_int_equal(v.n_faults, 0);
        struct rng rng = { 9 };
        struct sample s;
        sample_init(&s);
        int64_t max_ms = -1;
        int32_t at = -1;
        for (int i = 0; i < 20; i++) {
            sample_next(&s, &rng, i);
            if (s.record.timestamp_ms > max_ms) {
                max_ms = s.record.timestamp_ms;
                at = i;
            }
        }
        assert_int_equal(v.max_timestamp_ms, max_ms);
        assert_int_equal(v.max_timestamp_delta, at);
        sample_release(&s);

        q.rules.append_time = true;
        assert_int_equal(judge(&q, &v, &err), ST_OK);
        assert_int_equal(v.max_timestamp_ms, usual.now_ms);
        assert_int_equal(v.max_timestamp_delta, 19);

        /* A piece of another batch behind it is passed over, as Kafka does. */
        size_t len = q.bytes.len;
        for (size_t piece = 1; piece <= 80; piece++) {
            q.bytes.len = len;
            assert_true(buf_reserve(&q.bytes, piece) && buf_put(&q.bytes, q.bytes.data, piece));
            assert_int_equal(judge(&q, &v, &err), ST_OK);
            assert_int_equal(v.batch.bytes.len, len);
        }
        buf_release(&q.bytes);
    }
}

/* One field of a good batch set to something, with a checksum that fits. */
static const struct {
    const char *name;
    size_t at;
    int bytes;
    int64_t value;
    int16_t kafka;
    const char *says;
} fields[] = {
    { "magic 0", 16, 1, 0, RECORD_E_INVALID, "magic 0" },
    { "magic 1", 16, 1, 1, RECORD_E_INVALID, "magic 1" },
    { "magic 3", 16, 1, 3, RECORD_E_CORRUPT_MESSAGE, "no record batch" },
    { "length too small", 8, 4, 48, RECORD_E_CORRUPT_MESSAGE, "length 48" },
    { "length negative", 8, 4, -5, RECORD_E_CORRUPT_MESSAGE, "no record batch" },
    { "length too large", 8, 4, 1 << 20, RECORD_E_INVALID, "whole record batch" },
    { "codec 5", 21, 2, 5, RECORD_E_CODEC, "codec 5" },
    { "codec 7", 21, 2, 7, RECORD_E_CODEC, "codec 7" },
    { "base offset", 0, 8, 1, RECORD_E_INVALID, "base offset" },
    { "base offset negative", 0, 8, -1, RECORD_E_INVALID, "base offset" },
    { "fewer offsets than records", 23, 4, 18, RECORD_E_INVALID, "20 records" },
    { "more offsets than records", 23, 4, 20, RECORD_E_INVALID, "20 records" },
    { "offsets negative", 23, 4, -1, RECORD_E_INVALID, "delta -1" },
    { "offset INT32_MAX", 23, 4, INT32_MAX, RECORD_E_INVALID, "20 records" },
    { "no records", 57, 4, 0, RECORD_E_INVALID, "0 records" },
    { "negative records", 57, 4, INT32_MIN, RECORD_E_INVALID, "records" },
    { "control", 21, 2, RECORD_CONTROL, RECORD_E_INVALID, "control" },
    { "sequence", 53, 4, -1, RECORD_E_INVALID, "sequence -1" },
    { "epoch", 51, 2, -1, RECORD_E_INVALID, "epoch -1" },
    { "no producer", 43, 8, -1, RECORD_E_NONE, NULL },
    { "transaction", 21, 2, RECORD_TRANSACTIONAL, RECORD_E_NONE, NULL },
    { "leader epoch", 12, 4, 55, RECORD_E_NONE, NULL },
    { "append time", 21, 2, RECORD_APPEND_TIME, RECORD_E_NONE, NULL },
    { "an attribute of the future", 21, 2, 0x4000, RECORD_E_NONE, NULL },
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct request q;
        request_init(&q, RECORD_PLAIN, some_producer);
        put_be(q.bytes.data + fields[i].at, (uint64_t)fields[i].value, fields[i].bytes);
        fix_crc(q.bytes.data, q.bytes.len);
        struct record_verdict v;
        struct error err = { 0 };
        judge(&q, &v, &err);
        if (v.kafka != fields[i].kafka || (fields[i].says && !strstr(err.message, fields[i].says)))
            fail_msg("%s: code %d, '%s'", fields[i].name, v.kafka, err.message);
        buf_release(&q.bytes);
    }
}

static void test_form(void **state)
{
    (void)state;
    struct request q;
    request_init(&q, RECORD_ZSTD, some_producer);
    for (int16_t version = 3; version < 13; version++) {
        q.rules.produce_version = version;
        assert_judged(&q, version < 7 ? RECORD_E_CODEC : RECORD_E_NONE, "codec 4");
    }
    q.rules = usual;
    q.rules.max_bytes = q.bytes.len;
    assert_judged(&q, RECORD_E_NONE, NULL);
    q.rules.max_bytes = q.bytes.len - 1;
    assert_judged(&q, RECORD_E_TOO_LARGE, "max.message.bytes");
    q.bytes.data[q.bytes.len - 1] ^= 1; /* size before checksum */
    assert_judged(&q, RECORD_E_TOO_LARGE, NULL);
    q.rules = usual;
    assert_judged(&q, RECORD_E_CORRUPT_MESSAGE, "checksum");
    q.bytes.data[7] = 1; /* base offset before both */
    assert_judged(&q, RECORD_E_INVALID, "base offset");
    q.bytes.data[7] = 0;
    q.bytes.data[q.bytes.len - 1] ^= 1;

    size_t len = q.bytes.len;
    assert_true(buf_reserve(&q.bytes, len) && buf_put(&q.bytes, q.bytes.data, len)); /* two batches */
    assert_judged(&q, RECORD_E_INVALID, "one record batch");
    /* What is no batch behind it is not passed over: a length that no format has, a magic of the future. */
    q.bytes.data[len + 16] = 3;
    q.bytes.len = len + 17;
    assert_judged(&q, RECORD_E_CORRUPT_MESSAGE, "behind");
    q.bytes.data[len + 16] = 1;
    assert_judged(&q, RECORD_E_NONE, NULL);
    put_be(q.bytes.data + len + 8, 13, 4);
    q.bytes.len = len + 12;
    assert_judged(&q, RECORD_E_CORRUPT_MESSAGE, "behind");
    q.bytes.len = len + 11;
    assert_judged(&q, RECORD_E_NONE, NULL);
    q.bytes.len = len;
    for (len = 0; len < q.bytes.len; len++) {
        struct request cut = { .bytes = q.bytes, .rules = q.rules };
        cut.bytes.len = len;
        assert_judged(&cut, RECORD_E_INVALID, "whole record batch");
    }
    buf_release(&q.bytes);

    request_init(&q, RECORD_PLAIN, (struct record_producer){ -1, -1, -1, true });
    assert_judged(&q, RECORD_E_INVALID, "producer id");
    buf_release(&q.bytes);
}

/* Records that do not unpack, or are not what the header says. */
static void test_bodies(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODECS; codec++)
        for (size_t back = 1; back < 40; back++) {
            struct request q;
            request_init(&q, (enum record_codec)codec, some_producer);
            q.bytes.len -= back;
            put_be(q.bytes.data + 8, q.bytes.len - 12, 4);
            fix_crc(q.bytes.data, q.bytes.len);
            assert_judged(&q, RECORD_E_INVALID, NULL);
            buf_release(&q.bytes);
        }
    /* Offsets with a gap: the header's range says two records more. */
    struct request q = { .rules = usual };
    struct record_builder *w;
    bool full;
    buf_init(&q.bytes, NULL, 1 << 20);
    assert_int_equal(record_builder_new(RECORD_PLAIN, 1 << 20, NULL, &w, NULL), ST_OK);
    for (int i = 0; i < 3; i++) {
        struct record r = { .offset = i * 2, .timestamp_ms = -1 };
        assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
    }
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &q.bytes, NULL), ST_OK);
    assert_judged(&q, RECORD_E_INVALID, "3 records and last offset delta 4");
    put_be(q.bytes.data + 57, 5, 4);
    fix_crc(q.bytes.data, q.bytes.len);
    assert_judged(&q, RECORD_E_INVALID, "the batch ends before it does");
    record_builder_free(w);
    buf_release(&q.bytes);
}

/* The quick walk and the iterator agree on every plain batch, whatever byte of its records is changed. */
static void check_walks(struct str batch, struct record_iter *it)
{
    static const struct record_rules all = { .produce_version = 9, .max_bytes = SIZE_MAX, .now_ms = 0,
                                             .before_max_ms = INT64_MAX, .after_max_ms = INT64_MAX };
    struct record_batch b;
    struct record_verdict v;
    struct error err;
    struct record r;
    size_t len;
    bool end = false, in_step = true;
    int64_t n = 0, max_ms = -1, max_at = 0;
    assert_int_equal(record_batch_read(batch, &b, &len, &err), ST_OK);
    enum status st = record_iter_open(it, &b, &err);
    while (st == ST_OK && (st = record_iter_next(it, &r, &end, &err)) == ST_OK && !end) {
        in_step &= r.offset == n;
        if (n == 0 || r.timestamp_ms > max_ms) {
            max_ms = r.timestamp_ms;
            max_at = n;
        }
        n++;
    }
    enum status judged = record_batch_validate(batch, &all, it, &v, &err);
    assert_int_equal(judged == ST_OK, st == ST_OK && in_step);
    if (judged != ST_OK)
        return;
    assert_int_equal(v.max_timestamp_ms, max_ms > -1 ? max_ms : -1);
    assert_int_equal(v.max_timestamp_delta, max_at);
}

static void test_walks_agree(void **state)
{
    (void)state;
    struct record_iter *it = new_iter(NULL, 1 << 20);
    for (uint32_t seed = 0; seed < 12; seed++) {
        struct buf out;
        struct record_builder *w;
        struct sample s;
        struct rng rng = { seed };
        bool full;
        buf_init(&out, NULL, 1 << 20);
        sample_init(&s);
        assert_int_equal(record_builder_new(RECORD_PLAIN, 1 << 20, NULL, &w, NULL), ST_OK);
        for (int i = 0; i < 5; i++) {
            sample_next(&s, &rng, -1);
            if (seed % 3 != 0) { /* the common form: no headers, some value */
                s.record.n_headers = 0;
                s.record.headers = (struct str){ 0 };
            }
            if (seed % 3 == 2) {
                s.record.value = (struct str){ s.value, rng_next(&rng, 70) };
                s.record.key.len = s.record.key.len > 3 ? 3 : s.record.key.len;
            }
            if (seed % 4 == 3) { /* long numbers where others are short, bytes that look like them */
                s.record.timestamp_ms += (int64_t)i << (10 * i);
                memset(s.value, 0xFF, sizeof s.value);
            }
            assert_int_equal(record_builder_add(w, &s.record, &full, NULL), ST_OK);
        }
        assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &out, NULL), ST_OK);
        check_walks(buf_str(&out), it);
        for (size_t at = RECORD_BATCH_HEADER; at < out.len; at++)
            for (unsigned flip = 1; flip < 256; flip += out.len > 600 ? 7 : 1) {
                out.data[at] ^= (uint8_t)flip;
                fix_crc(out.data, out.len);
                check_walks(buf_str(&out), it);
                out.data[at] ^= (uint8_t)flip;
            }
        record_builder_free(w);
        sample_release(&s);
        buf_release(&out);
    }
    record_iter_free(it);
}

static void build_times(struct request *q, const int64_t *ms, int n)
{
    struct record_builder *w;
    bool full;
    buf_init(&q->bytes, NULL, 1 << 20);
    q->rules = usual;
    assert_int_equal(record_builder_new(RECORD_PLAIN, 1 << 20, NULL, &w, NULL), ST_OK);
    for (int i = 0; i < n; i++) {
        struct record r = { .offset = -1, .timestamp_ms = ms[i], .key = i % 2 ? STR("k") : (struct str){ 0 } };
        assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
    }
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &q->bytes, NULL), ST_OK);
    record_builder_free(w);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        int64_t ms, before, after;
        int16_t kafka;
    } cases[] = {
        { 1000, 0, 0, 0 },
        { 999, 0, 0, RECORD_E_TIMESTAMP },
        { 1001, 0, 0, RECORD_E_TIMESTAMP },
        { 900, 100, 0, 0 },
        { 899, 100, 0, RECORD_E_TIMESTAMP },
        { 1050, 0, 50, 0 },
        { 1051, INT64_MAX, 50, RECORD_E_TIMESTAMP },
        { INT64_MAX, INT64_MAX, INT64_MAX, 0 },
        { INT64_MAX, INT64_MAX, 1000, RECORD_E_TIMESTAMP },
        { INT64_MIN, INT64_MAX, 0, 0 }, /* too far for the difference: as far as can be */
        { INT64_MIN, 1000, 0, RECORD_E_TIMESTAMP },
        { -1, 0, 0, 0 }, /* no timestamp */
        { 0, INT64_MAX, 0, 0 },
        { -2, 1002, 0, 0 },
        { -2, 1001, 0, RECORD_E_TIMESTAMP },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request q;
        build_times(&q, &cases[i].ms, 1);
        q.rules.now_ms = 1000;
        q.rules.before_max_ms = cases[i].before;
        q.rules.after_max_ms = cases[i].after;
        assert_judged(&q, cases[i].kafka, "timestamp");
        q.rules.append_time = true; /* the broker's time: the producer's does not matter */
        assert_judged(&q, RECORD_E_NONE, NULL);
        /* but it may not claim to be the broker; with create time the claim is dropped by the stamp */
        record_batch_stamp_time(q.bytes.data, true, 1000);
        assert_judged(&q, RECORD_E_TIMESTAMP, "timestamp");
        q.rules.append_time = false;
        assert_judged(&q, RECORD_E_NONE, NULL);
        buf_release(&q.bytes);
    }
}

static void test_faults(void **state)
{
    (void)state;
    int64_t ms[40];
    for (int i = 0; i < 40; i++)
        ms[i] = 1000;
    ms[3] = 5000;
    struct request q;
    struct record_verdict v;
    struct error err;
    build_times(&q, ms, 40);
    q.rules.now_ms = 1000;
    q.rules.after_max_ms = 100;
    assert_int_equal(judge(&q, &v, &err), ST_DATA);
    assert_int_equal(v.kafka, RECORD_E_TIMESTAMP);
    assert_int_equal(v.n_faults, 1);
    assert_int_equal(v.faults[0].index, 3);
    assert_non_null(strstr(err.message, "record 3"));

    q.rules.compacted = true; /* even ones have no key; a timestamp decides what all are told */
    assert_int_equal(judge(&q, &v, &err), ST_DATA);
    assert_int_equal(v.kafka, RECORD_E_TIMESTAMP);
    assert_int_equal(v.n_faults, RECORD_FAULTS_MAX);
    assert_int_equal(v.faults[0].index, 0);
    assert_int_equal(v.faults[0].kafka, RECORD_E_INVALID);
    assert_int_equal(v.faults[2].index, 3);
    assert_int_equal(v.faults[2].kafka, RECORD_E_TIMESTAMP);
    assert_int_equal(v.faults[3].index, 4);

    q.rules.after_max_ms = 10000;
    assert_int_equal(judge(&q, &v, &err), ST_DATA);
    assert_int_equal(v.kafka, RECORD_E_INVALID);
    assert_non_null(strstr(err.message, "key"));
    q.rules.compacted = false;
    assert_int_equal(judge(&q, &v, &err), ST_OK);
    assert_int_equal(v.max_timestamp_ms, 5000);
    assert_int_equal(v.max_timestamp_delta, 3);
    buf_release(&q.bytes);
}

/* A bomb in a good batch costs what the bound allows. */
static void test_bomb(void **state)
{
    (void)state;
    struct request q = { .rules = usual };
    struct record_builder *w;
    bool full;
    buf_init(&q.bytes, NULL, 1 << 24);
    char *zeros = calloc(1, 20 << 20);
    struct record r = { .offset = -1, .timestamp_ms = -1, .value = { zeros, 20 << 20 } };
    assert_int_equal(record_builder_new(RECORD_ZSTD, 1 << 28, NULL, &w, NULL), ST_OK);
    assert_int_equal(record_builder_add(w, &r, &full, NULL), ST_OK);
    assert_int_equal(record_builder_finish(w, RECORD_NO_PRODUCER, &q.bytes, NULL), ST_OK);
    assert_true(q.bytes.len < 1 << 20);
    assert_judged(&q, RECORD_E_INVALID, "unpack to more");
    record_builder_free(w);
    free(zeros);
    buf_release(&q.bytes);
}

static void test_memory(void **state)
{
    (void)state;
    struct request q;
    request_init(&q, RECORD_GZIP, some_producer);
    struct budget budget;
    struct record_verdict v;
    struct error err;
    budget_init(&budget, "connection", SIZE_MAX, NULL);
    struct record_iter *it = new_iter(&budget, 1 << 20);
    budget.limit = atomic_load(&budget.used) + 100;
    assert_int_equal(record_batch_validate(buf_str(&q.bytes), &q.rules, it, &v, &err), ST_MEMORY);
    assert_int_equal(v.kafka, status_kafka(ST_MEMORY));
    budget.limit = SIZE_MAX;
    assert_int_equal(record_batch_validate(buf_str(&q.bytes), &q.rules, it, &v, &err), ST_OK);
    record_iter_free(it);
    buf_release(&q.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_fields), cmocka_unit_test(test_form),
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_times), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_bomb),  cmocka_unit_test(test_memory), cmocka_unit_test(test_walks_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
