/* What a CPU-second of one loop is, over loopback, without anything behind it.
 *
 *   link [SECONDS]     of each piece of work (1)
 *
 * Built beside the rooms' sources, which is all it takes:
 *   gcc -std=gnu17 -O3 -march=x86-64-v2 -Isrc/core -Isrc/net bench/link.c src/net/link/[a-z]*.c src/net/wire/[a-z]*.c
 *       src/core/os/[a-z]*.c src/core/base/[a-z]*.c -lisal -lm -lpthread -o build/bench-link
 *
 * The loop runs in a thread of its own, whose CPU time counts; the client's does not. One line a piece of work: frames
 * and GB (10^9 bytes, in and out together) a CPU-second, median of RUNS and their spread. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "link/link.h"

enum { RUNS = 5, CONNS = 4 };

enum work { ECHO, SWALLOW, FILES }; /* the frame back; 12 bytes back; 1 MiB of a file back */

static struct os *os;
static struct os_file *file;
static enum work work;

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "link: %s\n", err->message);
    exit(1);
}

static void release(struct link_range *r) { free(r); }

static void on_frame(void *arg, struct link_request *r)
{
    (void)arg;
    size_t len = work == ECHO ? r->bytes.len : 8, extra = work == FILES ? 1 << 20 : 0, all = len + extra;
    uint8_t head[4] = { (uint8_t)(all >> 24), (uint8_t)(all >> 16), (uint8_t)(all >> 8), (uint8_t)all };
    struct wire_gap gap = { .at = 12, .len = extra };
    struct wire_gaps gaps = { .at = &gap, .count = extra ? 1 : 0, .room = 1 };
    if (!buf_put(&r->out, head, 4) || !buf_put(&r->out, r->bytes.ptr, len))
        exit(1);
    if (extra) {
        struct link_range *range = calloc(1, sizeof *range);
        *range = (struct link_range){ .file = file, .release = release };
        gap.owner = range;
    }
    link_answer(r, &gaps);
}

struct clock_mail {
    struct link_mail mail;
    int64_t cpu_ns;
    atomic_bool done;
};

static void read_clock(struct link_loop *l, struct link_mail *m)
{
    (void)l;
    struct clock_mail *c = (struct clock_mail *)m;
    c->cpu_ns = os->ops->cpu_ns(os);
    atomic_store(&c->done, true);
}

static int64_t loop_cpu(struct link_loop *l)
{
    struct clock_mail c = { .mail.run = read_clock };
    link_mail_send(l, &c.mail);
    while (!atomic_load(&c.done))
        usleep(100);
    return c.cpu_ns;
}

/* Keeps `deep` frames of `len` bytes under way on each connection. */
static void drive(struct link_client **c, uint32_t conns, uint32_t len, uint32_t deep, double seconds)
{
    static uint8_t frames[4 << 20];
    struct error err;
    struct str r;
    size_t whole = (size_t)len + 4;
    for (uint32_t i = 0; i < deep; i++)
        memcpy(frames + i * whole, (const uint8_t[]){ (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                                                      (uint8_t)len }, 4);
    int64_t end = os_mono_ns(os) + (int64_t)(seconds * 1e9);
    while (os_mono_ns(os) < end) {
        for (uint32_t i = 0; i < conns; i++)
            must(link_client_send(c[i], str_make((char *)frames, whole * deep), &err), &err);
        uint32_t got[CONNS] = { 0 };
        for (uint32_t i = 0; i < conns; i++) { /* all of them are on their way before anybody waits */
            must(link_client_next(c[i], 0, &r, &err), &err);
            got[i] = r.ptr != NULL;
        }
        for (uint32_t i = 0; i < conns; i++)
            for (; got[i] < deep; got[i]++)
                must(link_client_next(c[i], INT64_MAX, &r, &err), &err);
    }
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct link_loop *l, const char *name, enum work w, const struct os_addr *at, uint32_t conns,
                    uint32_t len, uint32_t deep, double seconds)
{
    double frames[RUNS], gb[RUNS];
    struct error err;
    for (int i = 0; i < RUNS; i++) {
        struct link_client *c[CONNS];
        work = w;
        for (uint32_t n = 0; n < conns; n++)
            must(link_client_open(os, NULL, at, 8 << 20, &c[n], &err), &err);
        struct link_counts a = link_count(l);
        int64_t from = loop_cpu(l);
        drive(c, conns, len, deep, seconds);
        double cpu = (double)(loop_cpu(l) - from) / 1e9;
        struct link_counts b = link_count(l);
        frames[i] = (double)(b.frames - a.frames) / cpu;
        gb[i] = (double)(b.bytes_in - a.bytes_in + b.bytes_out - a.bytes_out) / cpu / 1e9;
        for (uint32_t n = 0; n < conns; n++)
            link_client_close(c[n]);
    }
    qsort(frames, RUNS, sizeof *frames, rising);
    qsort(gb, RUNS, sizeof *gb, rising);
    printf("%-44s %10.0f frames  %6.2f GB  +-%.0f %%\n", name, frames[RUNS / 2], gb[RUNS / 2],
           (gb[RUNS - 1] - gb[0]) / gb[RUNS / 2] * 50);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct link_user user = { .frame = on_frame };
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
    char path[] = "/tmp/bench-link-XXXXXX";
    static uint8_t zeros[1 << 20];
    struct link_loop *l;
    struct os_thread *t;
    struct os_addr at;
    struct error err;
    os = os_real();
    close(mkstemp(path));
    must(os_open(os, path, OS_CREATE, &file, &err), &err);
    must(os_pwrite(os, file, zeros, sizeof zeros, 0, &err), &err);
    struct link_options o = { .os = os, .framing = &link_kafka, .user = &user };
    must(link_loop_new(&o, &l, &err), &err);
    if (!os_addr_parse(str_from("127.0.0.1"), 0, &at))
        return 1;
    must(link_listen(l, &at, &at, &err), &err);
    must(os->ops->thread_start(os, "loop", link_run, l, &t, &err), &err);
    measure(l, "echo, 64 KiB frames, 4 deep", ECHO, &at, CONNS, 65536, 4, seconds);
    measure(l, "64 KiB frames, 12 bytes back, 4 deep", SWALLOW, &at, CONNS, 65536, 4, seconds);
    measure(l, "1 MiB frames, 12 bytes back, 2 deep", SWALLOW, &at, CONNS, 1 << 20, 2, seconds);
    measure(l, "1 MiB of a file back", FILES, &at, CONNS, 100, 2, seconds);
    measure(l, "echo, 100 bytes, 100 deep", ECHO, &at, CONNS, 100, 100, seconds);
    measure(l, "echo, 100 bytes, one in flight", ECHO, &at, 1, 100, 1, seconds);
    usleep(100000);
    uint64_t turns = link_count(l).turns;
    usleep(2000000);
    printf("idle: %llu wake-ups in 2 s\n", (unsigned long long)(link_count(l).turns - turns));
    link_stop(l, 1);
    os->ops->thread_join(os, t);
    link_loop_free(l);
    os_close(os, file);
    unlink(path);
    return 0;
}
