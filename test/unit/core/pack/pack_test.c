/* Compression: round trips under every chunking, concatenated frames, the tools' own files, cut and
 * corrupt input, bombs, refused memory; snappy's blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pack/pack.h"

#include <stdio.h>
#include <stdlib.h>

static const enum codec all_codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_LZ4, CODEC_LZ4_APART };
#define CODECS (sizeof all_codecs / sizeof all_codecs[0])

/* Unpacks `in` in pieces of at most in_step and out_step bytes into `out`. */
struct result {
    enum status st;
    bool frame_end;
    struct error err;
};

static struct result unpack_all(enum codec c, struct budget *budget, const uint8_t *in, size_t len, size_t in_step,
                                size_t out_step, struct buf *out)
{
    struct result r = { .frame_end = true };
    struct unpacker *u = unpacker_new(c, budget);
    if (!u) {
        r.st = ST_MEMORY;
        return r;
    }
    uint8_t *room = malloc(out_step);
    size_t at = 0, made = 0;
    buf_clear(out);
    do {
        size_t used = 0, give = len - at < in_step ? len - at : in_step;
        made = 0;
        /* A copy of its own size: a read past the end is seen by the sanitizer. */
        uint8_t *piece = malloc(give ? give : 1);
        if (give)
            memcpy(piece, in + at, give);
        r.st = unpacker_step(u, piece, give, &used, room, out_step, &made, &r.frame_end, &r.err);
        free(piece);
        assert_true(used <= give && made <= out_step);
        if (r.st == ST_OK)
            assert_true(used > 0 || made > 0 || give == 0);
        at += used;
        assert_true(buf_put(out, room, made));
    } while (r.st == ST_OK && (at < len || made == out_step));
    free(room);
    unpacker_free(u);
    return r;
}

static void fill(uint8_t *data, size_t len, int kind)
{
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        data[i] = kind == 0 ? 0 : kind == 1 ? (uint8_t)("the quick brown fox "[(i + i / 97) % 20]) : (uint8_t)(x >> 32);
    }
}

static void assert_unpacks(enum codec c, struct str packed, struct str plain, size_t in_step, size_t out_step)
{
    struct buf out;
    buf_init(&out, NULL, 1 << 26);
    struct result r = unpack_all(c, NULL, (const uint8_t *)packed.ptr, packed.len, in_step, out_step, &out);
    assert_int_equal(r.st, ST_OK);
    assert_true(r.frame_end);
    assert_true(str_eq(buf_str(&out), plain));
    buf_release(&out);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(codec_of_path(STR("a/b.json.gz")), CODEC_GZIP);
    assert_int_equal(codec_of_path(STR("b.zst")), CODEC_ZSTD);
    assert_int_equal(codec_of_path(STR("b.zstd")), CODEC_ZSTD);
    assert_int_equal(codec_of_path(STR("b.lz4")), CODEC_LZ4);
    assert_int_equal(codec_of_path(STR("b.gzip")), CODEC_NONE);
    assert_int_equal(codec_of_path(STR("gz")), CODEC_NONE);
    assert_int_equal(codec_of_path((struct str){ 0 }), CODEC_NONE);
    assert_string_equal(codec_suffix(CODEC_ZSTD), ".zst");
    assert_string_equal(codec_suffix(CODEC_NONE), "");
    assert_string_equal(codec_name(CODEC_GZIP), "gzip");
    assert_string_equal(codec_name(CODEC_NONE), "none");
    for (size_t i = 1; i < CODECS - 1; i++)
        assert_int_equal(codec_of_path(str_from(codec_suffix(all_codecs[i]))), all_codecs[i]);
    assert_string_equal(codec_suffix(CODEC_LZ4_APART), "");
    assert_string_equal(codec_name(CODEC_LZ4_APART), "lz4");
    assert_int_equal(codec_of_path(STR("b.snappy")), CODEC_NONE);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 100, 65536, 65537, 300000 };
    static const size_t steps[][2] = { { 1 << 20, 1 << 20 }, { 4096, 1000 }, { 17, 1 << 16 }, { 700, 130 } };
    uint8_t *data = malloc(300000);
    for (size_t c = 0; c < CODECS; c++)
        for (int kind = 0; kind < 3; kind++) {
            fill(data, 300000, kind);
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                struct packer *p = packer_new(all_codecs[c], NULL);
                struct buf packed;
                buf_init(&packed, NULL, 1 << 22);
                for (size_t at = 0, step = 1; at < sizes[s]; at += step, step = step * 3 + 1) {
                    step = step < sizes[s] - at ? step : sizes[s] - at;
                    assert_int_equal(packer_put(p, data + at, step, &packed, NULL), ST_OK);
                }
                assert_int_equal(packer_flush_frame(p, &packed, NULL), ST_OK);
                packer_free(p);
                if (all_codecs[c] != CODEC_NONE && kind < 2 && sizes[s] >= 65536)
                    assert_true(packed.len < sizes[s] / 20);
                for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
                    assert_unpacks(all_codecs[c], buf_str(&packed), str_make(data, sizes[s]), steps[i][0], steps[i][1]);
                buf_release(&packed);
            }
        }
    free(data);
}

/* Three frames; each can be read without what follows. */
struct three {
    struct buf packed;
    size_t ends[4];       /* packed bytes at each frame's end; ends[0] is 0 */
    size_t plain_ends[4]; /* what is in them */
    char plain[400];
};

static void three_init(struct three *t, enum codec c)
{
    buf_init(&t->packed, NULL, 1 << 20);
    memset(t->ends, 0, sizeof t->ends);
    memset(t->plain_ends, 0, sizeof t->plain_ends);
    struct packer *p = packer_new(c, NULL);
    size_t len = 0;
    for (int f = 1; f <= 3; f++) {
        for (int i = 0; i < 5; i++) {
            int n = snprintf(t->plain + len, sizeof t->plain - len, "frame %d, row %d\n", f, i * f);
            assert_int_equal(packer_put(p, t->plain + len, (size_t)n, &t->packed, NULL), ST_OK);
            len += (size_t)n;
        }
        assert_int_equal(packer_flush_frame(p, &t->packed, NULL), ST_OK);
        t->ends[f] = t->packed.len;
        t->plain_ends[f] = len;
        assert_int_equal(packer_flush_frame(p, &t->packed, NULL), ST_OK); /* nothing new: nothing written */
        assert_int_equal(t->packed.len, t->ends[f]);
    }
    packer_free(p);
}

static void test_every_chunking(void **state)
{
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        struct three t;
        three_init(&t, all_codecs[c]);
        struct str plain = { t.plain, t.plain_ends[3] };
        for (size_t in_step = 1; in_step <= t.packed.len; in_step++)
            for (size_t out_step = 1; out_step <= 2 * plain.len; out_step = out_step * 3 + in_step % 3)
                assert_unpacks(all_codecs[c], buf_str(&t.packed), plain, in_step, out_step);
        buf_release(&t.packed);
    }
}

static void test_cut(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    for (size_t c = 1; c < CODECS; c++) {
        struct three t;
        three_init(&t, all_codecs[c]);
        for (size_t len = 0; len <= t.packed.len; len++)
            for (size_t out_step = 1; out_step < 400; out_step += 199) {
                struct result r = unpack_all(all_codecs[c], NULL, t.packed.data, len, 50, out_step, &out);
                assert_int_equal(r.st, ST_OK);
                int whole = 3;
                while (t.ends[whole] > len)
                    whole--;
                assert_int_equal(r.frame_end, t.ends[whole] == len);
                assert_true(out.len >= t.plain_ends[whole] && out.len <= t.plain_ends[3]);
                assert_memory_equal(out.data ? out.data : (uint8_t *)"", t.plain, out.len);
            }
        buf_release(&t.packed);
    }
    buf_release(&out);
}

/* Any bit turned: an error, a cut, or (a bit without meaning, as the time in gzip's header) the same text.
 * The frames before always arrive. */
static void test_every_bit(void **state)
{
    (void)state;
    static const size_t steps[][2] = { { 4096, 4096 }, { 3, 5 } };
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    for (size_t c = 1; c < CODECS; c++) {
        struct three t;
        three_init(&t, all_codecs[c]);
        size_t refused = 0, same = 0;
        for (size_t bit = 0; bit < t.packed.len * 8; bit++) {
            t.packed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            for (size_t s = 0; s < 2; s++) {
                struct result r =
                    unpack_all(all_codecs[c], NULL, t.packed.data, t.packed.len, steps[s][0], steps[s][1], &out);
                int before = 3;
                while (t.ends[before] > bit / 8)
                    before--;
                assert_true(out.len >= t.plain_ends[before]);
                assert_memory_equal(out.data ? out.data : (uint8_t *)"", t.plain, t.plain_ends[before]);
                assert_true(r.st == ST_OK || r.st == ST_CORRUPT);
                if (r.st == ST_CORRUPT)
                    assert_non_null(strstr(r.err.message, codec_name(all_codecs[c])));
                bool is_same = r.st == ST_OK && r.frame_end;
                if (is_same)
                    assert_true(str_eq(buf_str(&out), str_make(t.plain, t.plain_ends[3])));
                same += is_same;
                refused += !is_same;
            }
            t.packed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_true(refused > 2 * same);
        buf_release(&t.packed);
    }
    buf_release(&out);
}

static void test_fault_stays(void **state)
{
    (void)state;
    struct unpacker *u = unpacker_new(CODEC_GZIP, NULL);
    uint8_t out[10];
    size_t used = 77, made = 78;
    bool end = true;
    struct error err;
    assert_int_equal(unpacker_step(u, "no gzip here", 12, &used, out, 10, &made, &end, &err), ST_CORRUPT);
    assert_string_equal(err.message, "the gzip data are corrupt: incorrect header check");
    assert_int_equal(used, 77);
    assert_int_equal(made, 78);
    assert_int_equal(unpacker_step(u, "\x1F\x8B", 2, &used, out, 10, &made, &end, NULL), ST_CORRUPT);
    unpacker_free(u);
}

static void test_garbage(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 26);
    static const uint8_t magics[CODECS][4] = { { 0 }, { 0x1F, 0x8B, 8, 0 }, { 0x28, 0xB5, 0x2F, 0xFD },
                                               { 0x04, 0x22, 0x4D, 0x18 }, { 0x04, 0x22, 0x4D, 0x18 } };
    uint32_t x = 5;
    for (int i = 0; i < 1500; i++) {
        uint8_t data[200];
        for (size_t j = 0; j < sizeof data; j++) {
            x = x * 1664525u + 1013904223u;
            data[j] = (uint8_t)(x >> 24);
        }
        size_t c = 1 + (size_t)i % (CODECS - 1);
        if (i % 2)
            memcpy(data, magics[c], 4);
        struct budget budget;
        budget_init(&budget, "b", 1 << 20, NULL);
        struct result r = unpack_all(all_codecs[c], &budget, data, sizeof data, 200, 4096, &out);
        assert_true(r.st == ST_CORRUPT || r.st == ST_MEMORY || (r.st == ST_OK && !r.frame_end));
        assert_int_equal(atomic_load(&budget.used), 0);
    }
    buf_release(&out);
}

/* Much from little: the room is the caller's, the memory the budget's. */
static void test_bomb(void **state)
{
    (void)state;
    static const size_t limits[CODECS] = { 4096, 64 << 10, 4 << 20, 512 << 10, 512 << 10 };
    static uint8_t zeros[1 << 16];
    for (size_t c = 1; c < CODECS; c++) {
        struct buf packed;
        buf_init(&packed, NULL, 1 << 20);
        struct packer *p = packer_new(all_codecs[c], NULL);
        for (int i = 0; i < 256; i++)
            assert_int_equal(packer_put(p, zeros, sizeof zeros, &packed, NULL), ST_OK);
        assert_int_equal(packer_flush_frame(p, &packed, NULL), ST_OK);
        packer_free(p);
        assert_true(packed.len < 100000);
        struct budget budget;
        budget_init(&budget, "b", limits[c], NULL);
        struct unpacker *u = unpacker_new(all_codecs[c], &budget);
        assert_non_null(u);
        size_t at = 0, total = 0, made = 1;
        bool end = false;
        while (at < packed.len || made > 0) {
            uint8_t out[4096];
            size_t used;
            assert_int_equal(
                unpacker_step(u, packed.data + at, packed.len - at, &used, out, sizeof out, &made, &end, NULL), ST_OK);
            at += used;
            total += made;
        }
        assert_true(end);
        assert_int_equal(total, 256u << 16);
        unpacker_free(u);
        assert_int_equal(atomic_load(&budget.used), 0);
        buf_release(&packed);
    }
}

/* What a header asks for is granted out of the budget or not at all. */
static void test_greedy_headers(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    struct budget budget;
    budget_init(&budget, "job", 1 << 20, NULL);
    static const uint8_t window_2g[] = { 0x28, 0xB5, 0x2F, 0xFD, 0x00, 21 << 3, 0, 0, 0 };
    struct result r = unpack_all(CODEC_ZSTD, &budget, window_2g, sizeof window_2g, 100, 100, &out);
    assert_int_equal(r.st, ST_CORRUPT);
    assert_non_null(strstr(r.err.message, "too much memory"));
    static const uint8_t window_128m[] = { 0x28, 0xB5, 0x2F, 0xFD, 0x00, 17 << 3, 0, 0, 0 };
    r = unpack_all(CODEC_ZSTD, &budget, window_128m, sizeof window_128m, 100, 100, &out);
    assert_int_equal(r.st, ST_MEMORY);
    assert_non_null(strstr(r.err.message, "'job'"));
    assert_int_equal(atomic_load(&budget.used), 0);
    buf_release(&out);
}

/* Every single refusal of memory is a status, and nothing leaks. */
static void test_memory_torture(void **state)
{
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        struct three t;
        three_init(&t, all_codecs[c]);
        bool through = false;
        for (uint64_t nth = 1; !through; nth++) {
            assert_true(nth < 100);
            struct budget budget;
            struct buf packed, out;
            budget_init(&budget, "b", SIZE_MAX, NULL);
            buf_init(&packed, &budget, 1 << 20);
            buf_init(&out, NULL, 1 << 20);
            assert_true(buf_reserve(&out, 1000));
            budget_fail_nth(nth);
            struct error err = { 0 };
            struct packer *p = packer_new(all_codecs[c], &budget);
            enum status st = p ? ST_OK : ST_MEMORY;
            if (p)
                st = packer_put(p, t.plain, 100, &packed, &err);
            size_t len = packed.len;
            if (st == ST_OK)
                st = packer_flush_frame(p, &packed, &err);
            if (st != ST_OK) {
                assert_int_equal(st, ST_MEMORY);
                assert_int_equal(packed.len, len);
                if (p) {
                    assert_int_equal(err.status, ST_MEMORY);
                    budget_fail_nth(0);
                    if (all_codecs[c] != CODEC_NONE)
                        assert_int_equal(packer_put(p, "x", 1, &packed, NULL), ST_MEMORY);
                }
            }
            packer_free(p);
            if (st == ST_OK) {
                struct result r = unpack_all(all_codecs[c], &budget, packed.data, packed.len, 20, 50, &out);
                through = r.st == ST_OK;
                assert_true(through || r.st == ST_MEMORY);
                if (through)
                    assert_true(str_eq(buf_str(&out), str_make(t.plain, 100)));
            }
            budget_fail_nth(0);
            buf_release(&packed);
            buf_release(&out);
            assert_int_equal(atomic_load(&budget.used), 0);
        }
        buf_release(&t.packed);
    }
}

static void test_output_limit(void **state)
{
    (void)state;
    uint8_t *data = malloc(1 << 20);
    fill(data, 1 << 20, 2);
    for (size_t c = 0; c < CODECS; c++) {
        struct buf packed;
        struct error err;
        buf_init(&packed, NULL, 200000);
        assert_true(buf_put(&packed, "head", 4));
        struct packer *p = packer_new(all_codecs[c], NULL);
        assert_int_equal(packer_put(p, data, 1 << 20, &packed, &err), ST_LIMIT);
        assert_non_null(strstr(err.message, "200000"));
        assert_int_equal(packed.len, 4); /* nothing half-written is left behind */
        if (all_codecs[c] != CODEC_NONE)
            assert_int_equal(packer_flush_frame(p, &packed, NULL), ST_LIMIT);
        packer_free(p);
        buf_release(&packed);
    }
    free(data);
}

/* log.txt as the command line tools pack it: with a name, content size, block sums, independent blocks. */
static const uint8_t gzip_named[] = {
    0x1F, 0x8B, 0x08, 0x08, 0x1C, 0x1A, 0x01, 0x6B, 0x02, 0x03, 0x6C, 0x6F, 0x67, 0x2E, 0x74, 0x78,
    0x74, 0x00, 0xCB, 0xC9, 0xCC, 0x4B, 0x55, 0x30, 0x50, 0xC8, 0x4F, 0x53, 0x28, 0xC9, 0x48, 0x55,
    0xC8, 0xC9, 0x4F, 0xE7, 0xCA, 0x01, 0x89, 0x18, 0x62, 0x88, 0x18, 0x61, 0x88, 0x18, 0x63, 0x88,
    0x98, 0x60, 0x88, 0x98, 0x62, 0x88, 0x98, 0x61, 0x88, 0x98, 0x63, 0x88, 0x58, 0x60, 0x88, 0x58,
    0x62, 0xBA, 0x10, 0x8B, 0xA3, 0x51, 0x5C, 0x0D, 0x00, 0x9D, 0xDC, 0x16, 0x19, 0xDA, 0x00, 0x00,
    0x00,
};
static const uint8_t zstd_tool[] = {
    0x28, 0xB5, 0x2F, 0xFD, 0x24, 0xDA, 0xAD, 0x01, 0x00, 0xE8, 0x6C, 0x69, 0x6E, 0x65, 0x20, 0x30,
    0x20, 0x6F, 0x66, 0x20, 0x74, 0x68, 0x65, 0x20, 0x6C, 0x6F, 0x67, 0x0A, 0x31, 0x32, 0x33, 0x34,
    0x35, 0x36, 0x37, 0x38, 0x39, 0x31, 0x31, 0x0C, 0xA0, 0x10, 0xF0, 0xFA, 0xF7, 0xB0, 0x23, 0xEB,
    0x46, 0x0E, 0x97, 0x98, 0xE7, 0xD9, 0x3C, 0xCF, 0xCE, 0xF3, 0x27, 0x94, 0xD0, 0x76, 0x4E, 0xC2,
    0x48, 0x2B,
};
static const uint8_t zstd_plain[] = {
    0x28, 0xB5, 0x2F, 0xFD, 0x20, 0xDA, 0xCD, 0x01, 0x00, 0xE0, 0x6C, 0x69, 0x6E, 0x65, 0x20, 0x30,
    0x20, 0x6F, 0x66, 0x20, 0x74, 0x68, 0x65, 0x20, 0x6C, 0x6F, 0x67, 0x0A, 0x31, 0x32, 0x33, 0x34,
    0x35, 0x36, 0x37, 0x38, 0x39, 0x31, 0x0C, 0x00, 0x39, 0x3B, 0x00, 0x67, 0x92, 0x03, 0x33, 0x03,
    0xB3, 0x80, 0xF9, 0xC0, 0xCC, 0xC0, 0x2C, 0x60, 0x3E, 0x30, 0x33, 0x30, 0x0B, 0x98, 0x57, 0x09,
    0x33, 0x0C,
};
static const uint8_t lz4_tool[] = {
    0x04, 0x22, 0x4D, 0x18, 0x7C, 0x40, 0xDA, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x93, 0x47,
    0x00, 0x00, 0x00, 0xF1, 0x03, 0x6C, 0x69, 0x6E, 0x65, 0x20, 0x30, 0x20, 0x6F, 0x66, 0x20, 0x74,
    0x68, 0x65, 0x20, 0x6C, 0x6F, 0x67, 0x0A, 0x12, 0x00, 0x1D, 0x31, 0x12, 0x00, 0x1D, 0x32, 0x12,
    0x00, 0x1D, 0x33, 0x12, 0x00, 0x1D, 0x34, 0x12, 0x00, 0x1D, 0x35, 0x12, 0x00, 0x1D, 0x36, 0x12,
    0x00, 0x1D, 0x37, 0x12, 0x00, 0x1D, 0x38, 0x12, 0x00, 0x1E, 0x39, 0xA2, 0x00, 0x0F, 0xB5, 0x00,
    0x00, 0x04, 0xB6, 0x00, 0x50, 0x20, 0x6C, 0x6F, 0x67, 0x0A, 0x9C, 0x5A, 0xD7, 0xC9, 0x00, 0x00,
    0x00, 0x00, 0xAB, 0x79, 0xC4, 0xBD,
};
static const uint8_t lz4_independent[] = {
    0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 0x48, 0x00, 0x00, 0x00, 0xF1, 0x03, 0x6C, 0x69, 0x6E,
    0x65, 0x20, 0x30, 0x20, 0x6F, 0x66, 0x20, 0x74, 0x68, 0x65, 0x20, 0x6C, 0x6F, 0x67, 0x0A, 0x12,
    0x00, 0x1D, 0x31, 0x12, 0x00, 0x1D, 0x32, 0x12, 0x00, 0x1D, 0x33, 0x12, 0x00, 0x1D, 0x34, 0x12,
    0x00, 0x1D, 0x35, 0x12, 0x00, 0x1D, 0x36, 0x12, 0x00, 0x1D, 0x37, 0x12, 0x00, 0x1D, 0x38, 0x12,
    0x00, 0x1D, 0x39, 0x12, 0x00, 0x1F, 0x31, 0xB5, 0x00, 0x00, 0x04, 0xB6, 0x00, 0x50, 0x20, 0x6C,
    0x6F, 0x67, 0x0A, 0x00, 0x00, 0x00, 0x00,
};

static void test_files_of_the_tools(void **state)
{
    (void)state;
    static const struct {
        enum codec c;
        const uint8_t *data;
        size_t len;
    } files[] = {
        { CODEC_GZIP, gzip_named, sizeof gzip_named },
        { CODEC_ZSTD, zstd_tool, sizeof zstd_tool },
        { CODEC_ZSTD, zstd_plain, sizeof zstd_plain },
        { CODEC_LZ4, lz4_tool, sizeof lz4_tool },
        { CODEC_LZ4, lz4_independent, sizeof lz4_independent },
    };
    /* A skippable frame of five bytes, as both zstd and lz4 know it. */
    static const uint8_t skip[] = { 0x53, 0x2A, 0x4D, 0x18, 5, 0, 0, 0, 's', 'k', 'i', 'p', '!' };
    char plain[600];
    size_t len = 0;
    for (int i = 0; i < 12; i++)
        len += (size_t)snprintf(plain + len, sizeof plain - len, "line %d of the log\n", i);
    memcpy(plain + len, plain, len);
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        struct buf b;
        buf_init(&b, NULL, 10000);
        assert_true(buf_put(&b, files[f].data, files[f].len));
        if (files[f].c != CODEC_GZIP)
            assert_true(buf_put(&b, skip, sizeof skip));
        assert_true(buf_put(&b, files[f].data, files[f].len));
        if (files[f].c == CODEC_GZIP)
            assert_true(buf_put(&b, "\0\0\0\0\0", 5)); /* padding */
        else
            assert_true(buf_put(&b, skip, sizeof skip));
        for (size_t step = 1; step < b.len; step += 1 + step / 16)
            assert_unpacks(files[f].c, buf_str(&b), str_make(plain, 2 * len), step, 1 + step * 7 % 300);
        assert_true(buf_put(&b, "x", 1)); /* what follows must be a frame */
        struct buf out;
        buf_init(&out, NULL, 10000);
        struct result r = unpack_all(files[f].c, NULL, b.data, b.len, 1000, 1000, &out);
        assert_true(r.st == ST_CORRUPT || !r.frame_end);
        buf_release(&out);
        buf_release(&b);
    }
}

/* After a reset a decoder is as new, wherever it stood: in a frame, behind one, at a fault. */
static void test_reset(void **state)
{
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        struct three t;
        three_init(&t, all_codecs[c]);
        struct unpacker *u = unpacker_new(all_codecs[c], NULL);
        for (size_t stop = 0; stop <= t.packed.len; stop++) {
            uint8_t out[600];
            size_t used, made;
            bool end;
            assert_int_equal(unpacker_step(u, t.packed.data, stop, &used, out, sizeof out, &made, &end, NULL), ST_OK);
            if (stop % 2 && all_codecs[c] != CODEC_NONE) { /* a fault, here or behind what stands before it */
                static const char junk[] = "\xee\xee\xee\xee\xee\xee\xee\xee";
                enum status st = ST_OK;
                for (int i = 0; i < 3 && st == ST_OK; i++)
                    st = unpacker_step(u, junk, 8, &used, out, sizeof out, &made, &end, NULL);
            }
            unpacker_reset(u);
            assert_int_equal(
                unpacker_step(u, t.packed.data, t.packed.len, &used, out, sizeof out, &made, &end, NULL), ST_OK);
            assert_true(end);
            assert_true(str_eq(str_make(out, made), str_make(t.plain, t.plain_ends[3])));
            unpacker_reset(u);
        }
        unpacker_free(u);
        buf_release(&t.packed);
    }
}

static void test_snappy(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 59, 60, 61, 100, 32768, 65536, 65537, 300000 };
    uint8_t *data = malloc(300000), *back = malloc(300000);
    for (int kind = 0; kind < 3; kind++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            struct buf out;
            size_t len = 77;
            fill(data, sizes[s], kind);
            buf_init(&out, NULL, 1 << 20);
            assert_int_equal(snappy_block_pack(str_make(data, sizes[s]), &out, NULL), ST_OK);
            assert_int_equal(snappy_block_len(buf_str(&out), &len, NULL), ST_OK);
            assert_int_equal(len, sizes[s]);
            uint8_t *room = malloc(len ? len : 1); /* its own size: a write behind it is seen */
            assert_int_equal(snappy_block_unpack(buf_str(&out), room, len, NULL), ST_OK);
            assert_memory_equal(room, data, len);
            free(room);
            if (kind < 2 && sizes[s] >= 32768)
                assert_true(out.len < sizes[s] / 10);
            buf_release(&out);
        }
    /* The format's own example of a copy that overlaps itself: "xababab". */
    static const char copies[] = "\x07\x08xab\x01\x02";
    size_t len;
    assert_int_equal(snappy_block_len(STR("\x07\x08xab\x01\x02"), &len, NULL), ST_OK);
    assert_int_equal(snappy_block_unpack(str_make(copies, 7), back, len, NULL), ST_OK);
    assert_memory_equal(back, "xababab", 7);
    free(data);
    free(back);
}

/* No checksum: a flipped byte may give other bytes, but never more than promised and never one from elsewhere. */
static void test_snappy_faults(void **state)
{
    (void)state;
    struct buf out;
    struct error err;
    size_t len;
    uint8_t data[500];
    fill(data, sizeof data, 1);
    buf_init(&out, NULL, 1 << 20);
    assert_int_equal(snappy_block_pack(str_make(data, sizeof data), &out, NULL), ST_OK);
    for (size_t at = 0; at < out.len; at++)
        for (unsigned flip = 1; flip < 256; flip++) {
            uint8_t *copy = malloc(out.len);
            memcpy(copy, out.data, out.len);
            copy[at] ^= (uint8_t)flip;
            enum status st = snappy_block_len(str_make(copy, out.len), &len, &err);
            if (st == ST_OK) {
                assert_true(len <= out.len * 64);
                uint8_t *room = malloc(len ? len : 1);
                st = snappy_block_unpack(str_make(copy, out.len), room, len, &err);
                free(room);
            }
            assert_true(st == ST_OK || st == ST_CORRUPT);
            free(copy);
        }
    for (size_t cut = 0; cut < out.len; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1), room[sizeof data];
        memcpy(copy, out.data, cut);
        assert_int_equal(snappy_block_unpack(str_make(copy, cut), room, sizeof room, &err), ST_CORRUPT);
        assert_non_null(strstr(err.message, "snappy"));
        free(copy);
    }
    assert_int_equal(snappy_block_len((struct str){ 0 }, &len, &err), ST_CORRUPT);
    assert_int_equal(snappy_block_len(STR("\xff\xff\xff\xff\x0f"), &len, &err), ST_CORRUPT);
    assert_int_equal(snappy_block_len(STR("\xff\xff\xff\xff\xff\x0f"), &len, &err), ST_CORRUPT);
    buf_release(&out);
}

static void test_snappy_refusals(void **state)
{
    (void)state;
    struct budget budget;
    struct buf out;
    struct error err;
    budget_init(&budget, "job", SIZE_MAX, NULL);
    uint8_t data[1000];
    fill(data, sizeof data, 2);
    for (uint64_t nth = 1; nth < 3; nth++) { /* the output's room, the library's scratch */
        buf_init(&out, &budget, 1 << 20);
        budget_fail_nth(nth);
        assert_int_equal(snappy_block_pack(str_make(data, sizeof data), &out, &err), ST_MEMORY);
        budget_fail_nth(0);
        assert_int_equal(out.len, 0);
        assert_int_equal(snappy_block_pack(str_make(data, sizeof data), &out, &err), ST_OK);
        buf_release(&out);
        assert_int_equal(atomic_load(&budget.used), 0);
    }
    buf_init(&out, &budget, 500);
    assert_int_equal(snappy_block_pack(str_make(data, sizeof data), &out, &err), ST_LIMIT);
    assert_non_null(strstr(err.message, "500"));
    assert_int_equal(snappy_block_pack(str_make(data, SNAPPY_BLOCK_MAX + 1), &out, &err), ST_LIMIT);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),          cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_chunking), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_every_bit),      cmocka_unit_test(test_fault_stays),
        cmocka_unit_test(test_garbage),        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_greedy_headers), cmocka_unit_test(test_memory_torture),
        cmocka_unit_test(test_output_limit),   cmocka_unit_test(test_files_of_the_tools),
        cmocka_unit_test(test_reset),          cmocka_unit_test(test_snappy),
        cmocka_unit_test(test_snappy_faults),  cmocka_unit_test(test_snappy_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
