/* What the tests of record share: random records from a small generator, batches built and read whole, files beside the
 * tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/record.h"

#include <stdio.h>
#include <stdlib.h>

/* The generator that the files python_*.batch were made with, and the records in them: see README.txt there. */
struct rng {
    uint32_t x;
};

static inline uint32_t rng_next(struct rng *r, uint32_t n)
{
    r->x = r->x * 1664525u + 1013904223u;
    return (r->x >> 8) % n;
}

struct sample {
    char key[32], value[512], headers[512];
    struct record record;
    struct buf raw_headers;
};

static inline struct str rng_text(struct rng *r, char *out, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        out[i] = (char)('a' + rng_next(r, 6));
    return (struct str){ out, len };
}

static inline void sample_init(struct sample *s)
{
    buf_init(&s->raw_headers, NULL, 1 << 16);
}

static inline void sample_release(struct sample *s)
{
    buf_release(&s->raw_headers);
}

/* The next random record; its offset is `offset`. */
static inline void sample_next(struct sample *s, struct rng *r, int64_t offset)
{
    s->record = (struct record){ .offset = offset };
    if (rng_next(r, 4) != 0)
        s->record.key = rng_text(r, s->key, rng_next(r, 20));
    if (rng_next(r, 6) != 0)
        s->record.value = rng_text(r, s->value, rng_next(r, 300));
    s->record.timestamp_ms = 1700000000000 + rng_next(r, 5000) - 1000;
    s->record.n_headers = rng_next(r, 4);
    buf_clear(&s->raw_headers);
    for (uint32_t i = 0; i < s->record.n_headers; i++) {
        char key[8], value[96];
        struct record_header h = { .key = rng_text(r, key, rng_next(r, 8)) };
        if (rng_next(r, 3) != 0)
            h.value = rng_text(r, value, rng_next(r, 90));
        assert_true(record_header_put(&s->raw_headers, h));
    }
    s->record.headers = buf_str(&s->raw_headers);
}

static inline void assert_same_str(struct str a, struct str b)
{
    assert_int_equal(!a.ptr, !b.ptr);
    assert_int_equal(a.len, b.len);
    if (a.len)
        assert_memory_equal(a.ptr, b.ptr, a.len);
}

static inline void assert_same_record(const struct record *a, const struct record *b)
{
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->timestamp_ms, b->timestamp_ms);
    assert_same_str(a->key, b->key);
    assert_same_str(a->value, b->value);
    assert_int_equal(a->n_headers, b->n_headers);
    struct str x = a->headers, y = b->headers;
    struct record_header h, g;
    uint32_t n = 0;
    for (; record_header_next(&x, &h); n++) {
        assert_true(record_header_next(&y, &g));
        assert_same_str(h.key, g.key);
        assert_same_str(h.value, g.value);
    }
    assert_false(record_header_next(&y, &g));
    assert_int_equal(n, a->n_headers);
}

static inline struct record_batch read_one(struct str bytes)
{
    struct record_batch b;
    struct error err;
    size_t len;
    assert_int_equal(record_batch_read(bytes, &b, &len, &err), ST_OK);
    assert_int_equal(len, bytes.len);
    assert_int_equal(record_batch_check(&b, &err), ST_OK);
    return b;
}

static uint64_t bytes_seen; /* every byte is there to be read */

/* Reads all of a batch: ST_OK with their number, or the fault. Headers are read too. */
static inline enum status read_all(struct record_iter *it, const struct record_batch *b, uint32_t *ret_count,
                                   struct error *err)
{
    bool end = false;
    uint32_t n = 0;
    enum status st = record_iter_open(it, b, err);
    while (st == ST_OK) {
        struct record r;
        st = record_iter_next(it, &r, &end, err);
        if (st != ST_OK || end)
            break;
        n++;
        struct record_header h;
        uint32_t headers = 0;
        bytes_seen ^= hash_bytes(r.key.ptr, r.key.len) ^ hash_bytes(r.value.ptr, r.value.len);
        while (record_header_next(&r.headers, &h))
            headers++;
        assert_int_equal(headers, r.n_headers);
    }
    *ret_count = n;
    return st;
}

static inline struct record_iter *new_iter(struct budget *budget, size_t max_unpacked)
{
    struct record_iter *it;
    assert_int_equal(record_iter_new(budget, max_unpacked, &it, NULL), ST_OK);
    return it;
}

/* One batch of n random records. */
static inline void build_random(enum record_codec codec, uint32_t n, uint32_t seed, struct record_producer producer,
                                struct buf *out)
{
    struct record_builder *w;
    struct sample s;
    struct rng r = { seed };
    sample_init(&s);
    assert_int_equal(record_builder_new(codec, 1 << 24, NULL, &w, NULL), ST_OK);
    for (uint32_t i = 0; i < n; i++) {
        bool full = true;
        sample_next(&s, &r, i);
        assert_int_equal(record_builder_add(w, &s.record, &full, NULL), ST_OK);
        assert_false(full);
    }
    assert_int_equal(record_builder_finish(w, producer, out, NULL), ST_OK);
    record_builder_free(w);
    sample_release(&s);
}

/* A file beside the tests, wherever the project and the build lie. */
static inline void read_file(const char *name, struct buf *out)
{
    char path[1024];
    struct str here = str_from(__FILE__), below = STR("kit.h");
    snprintf(path, sizeof path, "%.*s%s", (int)(here.len - below.len), here.ptr, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        snprintf(path, sizeof path, "test/unit/log/record/%s", name);
        f = fopen(path, "rb");
    }
    assert_non_null(f);
    assert_true(buf_reserve(out, 1 << 20));
    out->len += fread(out->data + out->len, 1, 1 << 20, f);
    fclose(f);
}

/* Makes the checksum right again after bytes were changed. */
static inline void fix_crc(uint8_t *batch, size_t len)
{
    uint32_t crc = crc32c(0, batch + 21, len - 21);
    for (int i = 0; i < 4; i++)
        batch[17 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static inline void put_be(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

static inline void unhex(const char *hex, struct buf *out)
{
    for (; *hex; hex += 2) {
        unsigned byte = 0;
        for (int i = 0; i < 2; i++)
            byte = byte * 16 + (unsigned)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
        assert_true(buf_put_u8(out, (uint8_t)byte));
    }
}

static const char *const codec_names[] = { "plain", "gzip", "snappy", "lz4", "zstd" };
enum { CODECS = 5 };
