/* What a CPU-second of record batches is, apart from sockets and disks.
 *
 *   record [MIB] [BYTES] [BATCH]     MIB of batches in memory (256), records of BYTES (200), batches of BATCH (65536)
 *
 * Built beside the room's sources, which is all it takes:
 *   gcc -std=gnu17 -O3 -march=x86-64-v2 -Isrc/core -Isrc/log bench/record.c src/log/record/[a-z]*.c
 *       src/core/pack/[a-z]*.c src/core/base/[a-z]*.c -lz -lzstd -llz4 -lisal -lm -o build/bench-record
 *
 * One line a piece of work: GB (10^9 packed bytes) and million records a CPU-second, median of RUNS and their spread.
 * The batches together are larger than the caches, as a broker's are: each is read from memory once. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "record/record.h"

enum { RUNS = 7, VALUES = 1021, VALUE_MAX = 4096 }; /* distinct values, taken in turn */

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "record: %s\n", err->message);
    exit(1);
}

static uint64_t sink;
static size_t record_bytes = 200, batch_bytes = 65536, total_bytes = (size_t)256 << 20;

static char *values;

/* Half of each value is digits that change, half a text that does not: about what JSON packs to. */
static void fill_value(char *value, size_t len, uint64_t *x)
{
    static const char text[] = "{\"auction\":1007,\"channel\":\"channel-42\",\"url\":\"https://www.nexmark.com/item\"}";
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
        value[i] = i < len / 2 ? (char)('0' + (*x >> (8 * (i % 8))) % 10) : text[i % (sizeof text - 1)];
    }
}

static uint64_t build(enum record_codec codec, struct buf *out)
{
    struct error err;
    struct record_builder *w;
    must(record_builder_new(codec, batch_bytes - RECORD_BATCH_HEADER, NULL, &w, &err), &err);
    uint64_t n = 0, plain = 0;
    struct record r = { .offset = -1, .timestamp_ms = 1700000000000 };
    while (plain < total_bytes) {
        r.value = (struct str){ values + n % VALUES * record_bytes, record_bytes };
        bool full;
        must(record_builder_add(w, &r, &full, &err), &err);
        if (full) {
            plain += record_builder_bytes(w);
            must(record_builder_finish(w, RECORD_NO_PRODUCER, out, &err), &err);
            must(record_builder_add(w, &r, &full, &err), &err);
        }
        r.timestamp_ms += n++ % 3 == 0;
    }
    record_builder_clear(w);
    record_builder_free(w);
    return n;
}

struct work {
    const char *name;
    void (*run)(struct str batches, struct record_iter *it);
};

static void run_header(struct str rest, struct record_iter *it)
{
    (void)it;
    struct record_batch b;
    while (record_batch_next(&rest, &b, NULL) == ST_OK)
        sink += (uint64_t)b.count;
}

static void run_check(struct str rest, struct record_iter *it)
{
    (void)it;
    struct record_batch b;
    while (record_batch_next(&rest, &b, NULL) == ST_OK)
        sink += record_batch_check(&b, NULL) == ST_OK;
}

static void run_iterate(struct str rest, struct record_iter *it)
{
    struct record_batch b;
    while (record_batch_next(&rest, &b, NULL) == ST_OK) {
        struct record r;
        bool end = false;
        if (record_iter_open(it, &b, NULL) != ST_OK)
            exit(1);
        while (record_iter_next(it, &r, &end, NULL) == ST_OK && !end)
            sink += r.value.len;
        if (!end)
            exit(1);
    }
}

static void run_check_iterate(struct str rest, struct record_iter *it)
{
    struct record_batch b;
    while (record_batch_next(&rest, &b, NULL) == ST_OK) {
        sink += record_batch_check(&b, NULL) == ST_OK;
        run_iterate(b.bytes, it);
    }
}

static void run_validate(struct str rest, struct record_iter *it)
{
    struct record_rules rules = { .produce_version = 9, .max_bytes = 1 << 20, .now_ms = 1700000000000,
                                  .before_max_ms = INT64_MAX, .after_max_ms = 3600000 };
    struct record_batch b;
    struct record_verdict v;
    struct error err;
    while (record_batch_next(&rest, &b, NULL) == ST_OK) {
        must(record_batch_validate(b.bytes, &rules, it, &v, &err), &err);
        sink += (uint64_t)v.max_timestamp_ms;
    }
}

static const struct work works[] = {
    { "header", run_header },
    { "header, crc", run_check },
    { "iterate", run_iterate },
    { "crc, iterate", run_check_iterate },
    { "validate", run_validate },
};
#define WORKS (sizeof works / sizeof works[0])

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *codec, const char *name, double *took, uint64_t records, size_t bytes)
{
    qsort(took, RUNS, sizeof *took, by_value);
    double median = took[RUNS / 2];
    printf("%-7s %-14s %8.2f GB/s %9.1f M records/s   spread %.0f %%\n", codec, name, (double)bytes / 1e9 / median,
           (double)records / 1e6 / median, 100 * (took[RUNS - 1] - took[0]) / median);
    fflush(stdout);
}

static void measure(enum record_codec codec, const char *codec_name)
{
    struct error err;
    struct buf batches;
    struct record_iter *it;
    double took[RUNS];
    uint64_t records = 0;
    buf_init(&batches, NULL, total_bytes * 2 + (1 << 20));
    must(record_iter_new(NULL, (size_t)64 << 20, &it, &err), &err);
    for (int i = 0; i < (codec == RECORD_GZIP ? 1 : RUNS); i++) {
        buf_clear(&batches);
        double start = cpu_now();
        records = build(codec, &batches);
        took[i] = cpu_now() - start;
    }
    if (codec != RECORD_GZIP)
        report(codec_name, "build", took, records, batches.len);
    for (size_t w = codec == RECORD_PLAIN ? 0 : 2; w < WORKS; w++) {
        for (int i = 0; i < RUNS; i++) {
            double start = cpu_now();
            works[w].run(buf_str(&batches), it);
            took[i] = cpu_now() - start;
        }
        report(codec_name, works[w].name, took, records, batches.len);
    }
    record_iter_free(it);
    buf_release(&batches);
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "plain", "gzip", "snappy", "lz4", "zstd" };
    if (argc > 1)
        total_bytes = (size_t)strtoul(argv[1], NULL, 10) << 20;
    if (argc > 2)
        record_bytes = strtoul(argv[2], NULL, 10);
    if (argc > 3)
        batch_bytes = strtoul(argv[3], NULL, 10);
    if (record_bytes > VALUE_MAX || batch_bytes < record_bytes + 200 || total_bytes < batch_bytes) {
        fprintf(stderr, "record: at most %d bytes a record, and a batch that takes one\n", VALUE_MAX);
        return 2;
    }
    uint64_t x = 88172645463325252u;
    values = malloc(VALUES * record_bytes);
    if (!values)
        return 1;
    for (size_t i = 0; i < VALUES; i++)
        fill_value(values + i * record_bytes, record_bytes, &x);
    for (int codec = RECORD_PLAIN; codec <= RECORD_ZSTD; codec++)
        measure((enum record_codec)codec, names[codec]);
    return sink == 0;
}
