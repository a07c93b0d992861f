/* Any bytes as record batches. The first byte chooses: raw bytes; bytes behind a header that is made right (a codec of
 * the five, checksum and lengths that fit), so that the fuzzer gets to the records; or instructions for a builder,
 * whose batch must come back record for record.
 *
 * Must hold: no crash, no memory beyond the budget or left; what a broker accepts can be iterated to its end with the
 * promised number of records, and built again from them reads the same. */
#include "record/record.h"

#define BUDGET ((size_t)8 << 20)
#define UNPACKED ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_be(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

/* A header over `records` that differs from a right one as `flags` say. */
static bool wrap(struct buf *b, uint8_t flags, struct str records, uint8_t count)
{
    uint8_t h[RECORD_BATCH_HEADER] = { 0 };
    put_be(h + 8, records.len + RECORD_BATCH_HEADER - RECORD_LENGTH_END, 4);
    h[16] = 2;
    put_be(h + 21, (uint64_t)(flags & 7) | (flags & 8 ? RECORD_APPEND_TIME : 0), 2);
    put_be(h + 23, (uint64_t)count - 1, 4);
    put_be(h + 35, 1000, 8);
    put_be(h + 43, UINT64_MAX, 8);
    put_be(h + 57, count, 4);
    if (!buf_put(b, h, sizeof h) || !buf_put(b, records.ptr, records.len))
        return false;
    put_be(b->data + 17, crc32c(0, b->data + 21, b->len - 21), 4);
    return true;
}

static struct str take(struct reader *r, size_t n)
{
    const void *p = "";
    size_t have = (size_t)(r->end - r->at);
    if (n > have)
        n = have;
    CHECK(read_bytes(r, n, &p));
    return (struct str){ p, n };
}

static void same(struct str a, struct str b)
{
    CHECK(!a.ptr == !b.ptr && str_eq(a, b));
}

/* Small numbers from the input become records; the batch must give them back. */
static void build_and_read(struct reader *r, enum record_codec codec, struct budget *budget, struct record_iter *it)
{
    struct record_builder *w;
    struct buf out;
    struct record made[32], got;
    uint32_t n = 0;
    uint8_t flags, length, step;
    struct error err;
    if (record_builder_new(codec, 4096, budget, &w, &err) != ST_OK)
        return;
    buf_init(&out, budget, 1 << 20);
    int64_t offset = 0;
    while (n < 32 && read_u8(r, &flags) && read_u8(r, &length) && read_u8(r, &step)) {
        struct record *m = &made[n];
        *m = (struct record){ .offset = offset + step, .timestamp_ms = (int64_t)(step * 0x0123456789abcdefULL) };
        if (flags & 1)
            m->key = take(r, length & 15);
        if (flags & 2)
            m->value = take(r, flags & 4 ? (size_t)length * 16 : length);
        bool full;
        if (record_builder_add(w, m, &full, &err) != ST_OK || full)
            break;
        offset = m->offset + 1;
        n++;
    }
    struct record_batch b;
    size_t len;
    bool end = false;
    if (n > 0 && record_builder_finish(w, RECORD_NO_PRODUCER, &out, &err) == ST_OK) {
        CHECK(record_batch_read(buf_str(&out), &b, &len, &err) == ST_OK && len == out.len);
        CHECK(record_batch_check(&b, &err) == ST_OK && record_iter_open(it, &b, &err) == ST_OK);
        for (uint32_t i = 0; i < n; i++) {
            CHECK(record_iter_next(it, &got, &end, &err) == ST_OK && !end);
            CHECK(got.offset == made[i].offset && got.timestamp_ms == made[i].timestamp_ms);
            same(got.key, made[i].key);
            same(got.value, made[i].value);
        }
        CHECK(record_iter_next(it, &got, &end, &err) == ST_OK && end);
    }
    buf_release(&out);
    record_builder_free(w);
}

/* What validation took is good for every reader. */
static void read_accepted(const struct record_batch *b, struct record_iter *it)
{
    struct error err;
    struct record r;
    bool end = false;
    uint32_t n = 0;
    CHECK(record_batch_check(b, &err) == ST_OK);
    CHECK(record_iter_open(it, b, &err) == ST_OK);
    for (;; n++) {
        CHECK(record_iter_next(it, &r, &end, &err) == ST_OK);
        if (end)
            break;
        struct record_header h;
        uint32_t headers = 0;
        while (record_header_next(&r.headers, &h))
            headers++;
        CHECK(headers == r.n_headers && r.headers.len == 0);
        struct record_marker m;
        if (record_marker_read(&r, &m, NULL) == ST_OK)
            CHECK(r.key.len >= 4 && r.value.len >= 6);
    }
    CHECK(n == (uint32_t)b->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_make(data, size);
    uint8_t kind, count = 0;
    if (!read_u8(&r, &kind))
        return 0;
    struct budget budget;
    struct buf bytes;
    struct record_iter *it;
    struct error err;
    budget_init(&budget, "fuzz", BUDGET, NULL);
    buf_init(&bytes, NULL, 1 << 20);
    CHECK(record_iter_new(&budget, UNPACKED, &it, &err) == ST_OK);
    if (kind >> 6 == 2) {
        build_and_read(&r, (enum record_codec)(kind % 5), &budget, it);
    } else if (kind >> 6 == 0 ? buf_put(&bytes, r.at, (size_t)(r.end - r.at))
                              : read_u8(&r, &count) && wrap(&bytes, kind, take(&r, SIZE_MAX), count)) {
        struct record_rules rules = { .produce_version = 9, .compacted = kind & 16, .append_time = kind & 32,
                                      .max_bytes = 1 << 20, .now_ms = 1000, .before_max_ms = INT64_MAX,
                                      .after_max_ms = 1000 };
        struct record_verdict v;
        enum status st = record_batch_validate(buf_str(&bytes), &rules, it, &v, &err);
        CHECK((st == ST_OK) == (v.kafka == 0));
        if (st == ST_OK)
            read_accepted(&v.batch, it);
        struct str rest = buf_str(&bytes);
        struct record_batch b;
        while (record_batch_next(&rest, &b, &err) == ST_OK)
            (void)!record_batch_check(&b, &err);
    }
    record_iter_free(it);
    buf_release(&bytes);
    CHECK(atomic_load(&budget.used) == 0);
    return 0;
}
