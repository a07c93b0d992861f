/* What the log's store costs on a real disk, beside a bare loop on the same disk.
 *
 *   store DIR [MIB]    DIR is made, and what the store leaves in it stays; MIB of bulk (1024)
 *
 * Built beside the room's sources, which is all it takes:
 *   gcc -std=gnu17 -O3 -march=x86-64-v2 -D_GNU_SOURCE -Isrc/core -Isrc/log bench/store.c src/log/store/[a-z]*.c
 *       src/log/record/[a-z]*.c src/core/journal/[a-z]*.c src/core/os/os_*.c src/core/pack/[a-z]*.c src/core/base/[a-z]*.c
 *       -lz -lzstd -llz4 -lisal -lm -lpthread -o build/bench-store
 *
 * Batches are made beforehand: what is measured is append, commit and the disk, without sockets and validation. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum { SYNCS = 2000, LOGS = 1024, GROUPS = 256 };

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "store: %s\n", err->message);
    exit(1);
}

static struct shared *batch(uint32_t bytes)
{
    struct record_builder *w;
    struct error err;
    struct buf out;
    char value[200];
    memset(value, 'v', sizeof value);
    must(record_builder_new(RECORD_PLAIN, bytes, NULL, &w, &err), &err);
    buf_init(&out, NULL, (size_t)bytes + 131072);
    for (bool full = false; record_builder_bytes(w) + 260 < bytes;) {
        struct record r = { .offset = -1, .timestamp_ms = 1700000000000, .value = { value, sizeof value } };
        must(record_builder_add(w, &r, &full, &err), &err);
    }
    must(record_builder_finish(w, RECORD_NO_PRODUCER, &out, &err), &err);
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    buf_release(&out);
    record_builder_free(w);
    return s;
}

static void done(void *arg, struct store_group *g, enum status st, const struct error *err)
{
    (void)arg;
    must(st, err);
    store_group_free(g);
}

static void submit(struct store *s, struct store_log *l, struct shared *b)
{
    struct error err;
    int64_t base;
    struct store_group *g = store_group_new(s, NULL);
    must(store_group_append(g, l, b, 0, b->len, &base, &err), &err);
    store_group_submit(g, done, NULL);
}

static void commit(struct store *s)
{
    struct error err;
    for (bool more = true; more;)
        must(store_commit_step(s, &more, &err), &err);
}

static struct store *open_at(const char *dir, const char *name, enum store_durability d)
{
    struct error err;
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    struct store *s;
    must(store_open(&(struct store_options){ .os = os_real(), .path = path, .durability = d }, NULL, &s, NULL, &err), &err);
    return s;
}

static struct store_log *log_at(struct store *s, uint32_t n)
{
    struct error err;
    struct store_id id = { { 1 }, n };
    struct store_log *l = store_log_find(s, &id);
    if (!l)
        must(store_log_create(s, &id, NULL, &l, &err), &err);
    return l;
}

static void bulk(const char *dir, const char *name, enum store_durability d, uint32_t mib, int groups, uint32_t batch_bytes)
{
    struct error err;
    struct store *s = open_at(dir, name, d);
    struct store_log *l = log_at(s, 0);
    struct shared *ring[GROUPS];
    for (int i = 0; i < groups; i++)
        ring[i] = batch(batch_bytes);
    uint64_t bytes = 0, n = 0;
    double cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    for (; bytes < (uint64_t)mib << 20; commit(s)) {
        for (int i = 0; i < groups; i++, n++) {
            submit(s, l, ring[i]);
            bytes += ring[i]->len;
        }
        if (n % 4096 < (uint64_t)groups)
            must(store_tend(s, &err), &err);
    }
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = now(CLOCK_MONOTONIC) - wall;
    printf("%-34s %6.2f GB/cpu-s  %6.2f GB/s  %8.0f batches/cpu-s\n", name, (double)bytes / cpu / 1e9,
           (double)bytes / wall / 1e9, (double)n / cpu);
    for (int i = 0; i < groups; i++)
        shared_unref(ring[i]);
    must(store_close(s, &err), &err);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void told(const char *name, double *ms)
{
    double sum = 0;
    for (int i = 0; i < SYNCS; i++)
        sum += ms[i];
    qsort(ms, SYNCS, sizeof *ms, by_size);
    printf("%-34s p50 %.3f  p99 %.3f ms  %7.0f a second\n", name, ms[SYNCS / 2], ms[SYNCS * 99 / 100], SYNCS / sum * 1e3);
}

/* The store and the bare loop in turn, so that both meet the same disk. */
static void latency(const char *dir, uint32_t logs)
{
    struct error err;
    static double store_ms[SYNCS], bare_ms[SYNCS];
    char path[4096], name[64];
    snprintf(name, sizeof name, "latency-%u", logs);
    struct store *s = open_at(dir, name, STORE_STRICT);
    struct shared *b = batch(1100);
    snprintf(path, sizeof path, "%s/bare", dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    for (uint32_t i = 0; i < logs; i++)
        submit(s, log_at(s, i), b);
    commit(s);
    must(store_tend(s, &err), &err);
    for (int i = 0; i < SYNCS; i++) {
        double t0 = now(CLOCK_MONOTONIC);
        submit(s, log_at(s, (uint32_t)i % logs), b);
        commit(s);
        double t1 = now(CLOCK_MONOTONIC);
        if (write(fd, b->data, b->len) != (ssize_t)b->len || fdatasync(fd) != 0)
            exit(1);
        store_ms[i] = (t1 - t0) * 1e3;
        bare_ms[i] = (now(CLOCK_MONOTONIC) - t1) * 1e3;
    }
    told(name, store_ms);
    told("  bare append+fdatasync beside it", bare_ms);
    close(fd);
    shared_unref(b);
    must(store_close(s, &err), &err);
}

static size_t heap(void) { return atomic_load(&budget_process()->used); }

static void opening(const char *dir)
{
    struct error err;
    struct shared *b = batch(1100);
    struct store *s = open_at(dir, "many", STORE_STRICT);
    for (uint32_t i = 0; i < LOGS; i++)
        submit(s, log_at(s, i), b);
    commit(s);
    for (int i = 0; i < 20000; i++) {
        submit(s, log_at(s, (uint32_t)i % LOGS), b);
        if (i % 100 == 0)
            commit(s);
    }
    commit(s);
    store_abandon(s);
    shared_unref(b);
    for (int i = 0; i < 2; i++) {
        size_t before = heap();
        double t = now(CLOCK_MONOTONIC);
        s = open_at(dir, "many", STORE_STRICT);
        printf("open %d partitions %-15s %6.1f ms, %zu bytes a partition\n", LOGS, i ? "clean" : "after a kill",
               (now(CLOCK_MONOTONIC) - t) * 1e3, (heap() - before) / LOGS);
        must(store_close(s, &err), &err);
    }
}

/* The first read of an old segment, in its middle, with the file of its index and without. */
static void first_read(const char *dir, uint32_t mib)
{
    struct error err;
    struct store_range r;
    int64_t next;
    char command[8192];
    bulk(dir, "first read", STORE_RELAXED, mib, 16, 65536);
    for (int i = 0; i < 3; i++) { /* written by the clean stop; gone; made anew by the second one's */
        struct store *s = open_at(dir, "first read", STORE_RELAXED);
        struct store_log *l = log_at(s, 0);
        double t = now(CLOCK_MONOTONIC);
        must(store_read(l, store_log_high(l) / 2, INT64_MAX, 1 << 20, &r, &next, &err), &err);
        printf("  %s its index's file  %.2f ms\n", i == 1 ? "without" : "with", (now(CLOCK_MONOTONIC) - t) * 1e3);
        store_range_release(&r);
        must(store_close(s, &err), &err);
        snprintf(command, sizeof command, "rm '%s/first read/log/'*/*.idx", dir);
        if (i == 0 && system(command) != 0)
            exit(1);
    }
}

int main(int argc, char **argv)
{
    uint32_t mib = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1024;
    if (argc < 2)
        return 2;
    bulk(argv[1], "strict, 16 x 64 KiB", STORE_STRICT, mib, 16, 65536);
    bulk(argv[1], "relaxed, 16 x 64 KiB", STORE_RELAXED, mib, 16, 65536);
    bulk(argv[1], "strict, 16 x 1 KiB", STORE_STRICT, mib / 64, 16, 1100);
    bulk(argv[1], "relaxed, 16 x 1 KiB", STORE_RELAXED, mib / 64, 16, 1100);
    bulk(argv[1], "strict, 256 x 1 KiB", STORE_STRICT, mib / 8, 256, 1100);
    bulk(argv[1], "relaxed, 256 x 1 KiB", STORE_RELAXED, mib / 8, 256, 1100);
    first_read(argv[1], mib < 1000 ? mib : 1000);
    latency(argv[1], 1);
    latency(argv[1], 64);
    opening(argv[1]);
    return 0;
}
