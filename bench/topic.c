/* What the log as a service costs above the store: appends checked and committed, with loops on their threads; opening, and
 * memory of idle partitions.
 *
 *   topic DIR [MIB]    DIR is made, and what is left in it stays; MIB of appends a run (1024)
 *
 * Built as bench/store.c, with src/log/topic, src/log/coord and src/net/wire besides (and -Isrc/net). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "topic/topic.h"

enum { PARTITIONS = 1024, FLIGHT = 64 };

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
    fprintf(stderr, "topic: %s\n", err->message);
    exit(1);
}

static double resident_mib(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &pages, &resident) != 2)
        exit(1);
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static struct shared *batch(uint32_t bytes, int64_t id, int32_t sequence, uint32_t *ret_count)
{
    struct record_builder *w;
    struct error err;
    struct buf out;
    char value[200];
    memset(value, 'v', sizeof value);
    must(record_builder_new(RECORD_PLAIN, bytes, NULL, &w, &err), &err);
    buf_init(&out, NULL, (size_t)bytes + 131072);
    for (bool full = false; record_builder_bytes(w) + 260 < bytes;) {
        struct record r = { .offset = -1, .timestamp_ms = os_wall_ms(os_real()), .value = { value, sizeof value } };
        must(record_builder_add(w, &r, &full, &err), &err);
    }
    *ret_count = record_builder_count(w);
    must(record_builder_finish(w, (struct record_producer){ id, 0, sequence, false }, &out, &err), &err);
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    buf_release(&out);
    record_builder_free(w);
    return s;
}

struct slot {
    struct topic_append append;
    struct shared *bytes;
    struct os_signal *signal;
    atomic_bool free;
};
static void done(struct topic_append *a)
{
    struct slot *s = a->user;
    if (a->kafka != 0) {
        fprintf(stderr, "topic: an append failed with %d\n", a->kafka);
        exit(1);
    }
    shared_unref(s->bytes);
    atomic_store(&s->free, true);
    os_real()->ops->signal_raise(os_real(), s->signal);
}

static void admin_done(struct topic_admin *a) { os_real()->ops->signal_raise(os_real(), a->user); }

static void create(struct topics *t, const char *name, uint32_t partitions)
{
    struct os *os = os_real();
    struct os_signal *signal = os->ops->signal_new(os);
    struct topic_admin a = { .kind = TOPIC_ADMIN_CREATE, .name = str_from(name), .partitions = partitions,
                             .done = admin_done, .user = signal };
    topics_admin(t, &a);
    os->ops->signal_wait(os, signal, INT64_MAX);
    os->ops->signal_free(os, signal);
    must(a.error.status, &a.error);
}

/* Batches of one size, FLIGHT of them under way, over `spread` partitions. */
static void produce(struct topics *t, uint32_t bytes, uint64_t total, uint32_t spread, bool idempotent)
{
    struct os *os = os_real();
    struct error err;
    static struct slot slots[FLIGHT];
    struct os_signal *signal = os->ops->signal_new(os);
    struct record_iter *it;
    struct topic *p = topics_find(t, STR("t"));
    uint32_t count, sent = 0;
    int32_t sequence[PARTITIONS] = { 0 };
    must(record_iter_new(NULL, 1 << 24, &it, &err), &err);
    struct shared *model = batch(bytes, -1, -1, &count);
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t i = 0; i < FLIGHT; i++)
        atomic_store(&slots[i].free, true);
    for (uint64_t left = total; left > 0; sent++) {
        uint32_t i = 0, part = sent % spread;
        while (!atomic_load(&slots[i].free)) {
            if (++i == FLIGHT) {
                os->ops->signal_wait(os, signal, INT64_MAX);
                i = 0;
            }
        }
        struct slot *s = &slots[i];
        if (idempotent) {
            s->bytes = batch(bytes, 7, sequence[part], &count);
            sequence[part] += (int32_t)count;
        } else {
            s->bytes = shared_new(NULL, model->len);
            memcpy(s->bytes->data, model->data, model->len);
            s->bytes->len = model->len;
        }
        atomic_store(&s->free, false);
        s->signal = signal;
        s->append = (struct topic_append){ .partition = topic_partition(p, part), .bytes = s->bytes, .len = s->bytes->len,
                                           .version = 9, .acks = -1, .done = done, .user = s };
        bool pending;
        must(topic_append(&s->append, it, os_wall_ms(os), &pending, &err), &err);
        left -= left < s->bytes->len ? left : s->bytes->len;
    }
    for (uint32_t i = 0; i < FLIGHT; i++) {
        while (!atomic_load(&slots[i].free))
            os->ops->signal_wait(os, signal, INT64_MAX);
    }
    wall = now(CLOCK_MONOTONIC) - wall;
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    double mb = (double)total / 1e6;
    printf("%6u B x %4u partitions%s: %7.0f MB/s, %7.0f MB a CPU-second, %8.0f batches/s, %6.2f us CPU a batch\n", bytes, spread,
           idempotent ? " (idempotent, made on the way)" : "", mb / wall, mb / cpu, sent / wall, cpu * 1e6 / sent);
    shared_unref(model);
    record_iter_free(it);
    topic_unref(p);
    os->ops->signal_free(os, signal);
}

static struct topics *start(const char *dir, struct os_thread **loops, const char *what)
{
    struct os *os = os_real();
    struct topics_options o = { .os = os, .path = dir };
    struct topics_report report;
    struct topics *t;
    struct error err;
    double begin = now(CLOCK_MONOTONIC);
    must(topics_open(&o, &t, &report, &err), &err);
    printf("open %s: %.1f ms, %u partitions, %llu heads read again, %.1f MiB resident\n", what,
           (now(CLOCK_MONOTONIC) - begin) * 1e3, report.partitions, (unsigned long long)report.scanned, resident_mib());
    void (*const run[])(void *) = { topics_run_writer, topics_run_tender, topics_run_cleaner };
    for (uint32_t i = 0; i < 3; i++)
        must(os->ops->thread_start(os, "loop", run[i], t, &loops[i], &err), &err);
    return t;
}

static void stop(struct topics *t, struct os_thread **loops, bool clean)
{
    struct error err;
    topics_stop(t);
    for (uint32_t i = 0; i < 3; i++)
        os_real()->ops->thread_join(os_real(), loops[i]);
    if (clean)
        must(topics_close(t, &err), &err);
    else
        topics_abandon(t);
}

int main(int argc, char **argv)
{
    struct os_thread *loops[3];
    uint64_t total = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1024) << 20;
    if (argc < 2) {
        fprintf(stderr, "usage: topic DIR [MIB]\n");
        return 2;
    }
    struct topics *t = start(argv[1], loops, "fresh");
    double begin = now(CLOCK_MONOTONIC);
    create(t, "t", PARTITIONS);
    printf("create %d partitions: %.0f ms, %.1f MiB resident\n", PARTITIONS, (now(CLOCK_MONOTONIC) - begin) * 1e3,
           resident_mib());
    produce(t, 65536, total, 1, false);
    produce(t, 65536, total, 64, false);
    produce(t, 1024, total / 16, 1, false);
    produce(t, 1024, total / 16, PARTITIONS, false);
    produce(t, 1024, total / 16, PARTITIONS, true);
    stop(t, loops, false);
    stop(start(argv[1], loops, "after a kill"), loops, true);
    t = start(argv[1], loops, "after a clean stop");
    double cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    sleep(5);
    printf("idle: %.2f ms CPU in 5 s, %.1f MiB resident\n", (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e3, resident_mib());
    stop(t, loops, true);
    return 0;
}
