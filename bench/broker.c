/* What a CPU-second of a Kafka broker is: a producer and a consumer over loopback, the broker in another process.
 *
 *   broker HOST:PORT PID SECONDS WORK...     SECONDS of each piece of work; PID is the broker's, whose CPU time counts
 *
 *   bulk          Produce, 64 KiB batches, 16 under way        small         1 KiB batches, 64 under way
 *   one:N         16 KiB batches, one under way, over N partitions in turn; the time to each answer
 *   paced:N       the same at 50 MB a second, as many under way as that takes; from when each was due
 *   consume       the topic of `bulk`, round and round, 1 MiB at a time, from wherever its bytes are
 *   bare:DIR      no broker: 16 KiB behind a file in DIR and an fdatasync, one after the other
 *   loop:FILE     no broker: a thread that receives, checks (CRC-32C) and writes what another one sends
 *   loopsync:FILE the same with an fdatasync each MiB
 *   first:NS      connects again and again until a record is acknowledged; the time since NS of the monotonic clock
 *   topic:N       only makes a topic of N partitions
 *   drop:TOPIC    deletes it, if it is there (bulk, small)
 *
 * Built beside the rooms' sources, which is all it takes:
 *   gcc -std=gnu17 -O3 -march=x86-64-v2 -Isrc/core -Isrc/net -Isrc/log bench/broker.c src/log/client/client.c
 *       src/log/record/[a-z]*.c src/net/link/[a-z]*.c src/net/wire/[a-z]*.c src/core/os/[a-z]*.c src/core/pack/[a-z]*.c
 *       src/core/base/[a-z]*.c -lisal -lz -lzstd -llz4 -lm -lpthread -o build/bench-broker
 *
 * One line of JSON a piece of work: bytes and records, wall and CPU seconds of the broker, times in ms. */
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/client.h"

enum { RECORD = 200, SAMPLES = 200000 };

static struct os *os;
static struct os_addr at;
static int pid;

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "broker: %s\n", err->message);
    exit(1);
}

static double server_cpu(void)
{
    char path[320];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        double ns;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%lf", &ns) == 1)
            sum += ns / 1e9;
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}

static struct client *connect_to(void)
{
    struct client *c;
    struct error err;
    struct client_options o = { .os = os, .at = at };
    must(client_open(&o, &c, &err), &err);
    must(client_versions(c, &err), &err);
    return c;
}

static struct buf make_batch(uint32_t bytes, uint32_t *ret_records)
{
    struct record_builder *b;
    struct error err;
    struct buf out;
    char value[RECORD];
    memset(value, 'x', sizeof value);
    must(record_builder_new(RECORD_PLAIN, 8 << 20, NULL, &b, &err), &err);
    for (*ret_records = 0; record_builder_bytes(b) < bytes; ++*ret_records) {
        struct record r = { .offset = -1, .timestamp_ms = os_wall_ms(os), .value = { value, sizeof value } };
        bool full;
        must(record_builder_add(b, &r, &full, &err), &err);
    }
    buf_init(&out, NULL, 16 << 20);
    must(record_builder_finish(b, RECORD_NO_PRODUCER, &out, &err), &err);
    record_builder_free(b);
    return out;
}

static void create(struct client *c, struct str name, uint32_t partitions)
{
    struct kafka_create_topics_request q;
    struct kafka_create_topics_request_topic t;
    struct kafka_create_topics_response r;
    struct arena a;
    struct error err;
    arena_init(&a, NULL);
    KAFKA_INIT(create_topics_request, &q);
    KAFKA_INIT(create_topics_request_topic, &t);
    t.name = name;
    t.num_partitions = (int32_t)partitions;
    t.replication_factor = 1;
    q.topics = &t;
    q.n_topics = 1;
    q.timeout_ms = 60000;
    must(client_ask(c, KAFKA_CREATE_TOPICS, 5, &q, &a, &r, &err), &err);
    int16_t code = r.topics[0].error_code;
    if (code != 0 && code != KAFKA_E_TOPIC_ALREADY_EXISTS) {
        fprintf(stderr, "broker: the topic cannot be made: %s\n", kafka_error(code)->name);
        exit(1);
    }
    arena_release(&a);
}

static void drop(struct str name)
{
    struct client *c = connect_to();
    struct kafka_delete_topics_request q;
    struct kafka_delete_topics_response r;
    struct arena a;
    struct error err;
    arena_init(&a, NULL);
    KAFKA_INIT(delete_topics_request, &q);
    q.topic_names = &name;
    q.n_topic_names = 1;
    q.timeout_ms = 60000;
    must(client_ask(c, KAFKA_DELETE_TOPICS, 5, &q, &a, &r, &err), &err);
    int16_t code = r.responses[0].error_code;
    if (code != 0 && code != KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION) {
        fprintf(stderr, "broker: the topic cannot be deleted: %s\n", kafka_error(code)->name);
        exit(1);
    }
    arena_release(&a);
    client_close(c);
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(double *times, uint32_t n)
{
    qsort(times, n, sizeof *times, rising);
    printf(", \"n\": %u, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f", n, times[n / 2], times[n * 99 / 100], times[n - 1]);
}

struct produce {
    const char *work;
    struct str topic;
    uint32_t partitions, batch_bytes, deep;
    double rate; /* bytes a second; 0: as fast as it goes */
};

struct request {
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition p;
};

static void request_init(struct request *r, struct str topic, struct str batch)
{
    KAFKA_INIT(produce_request, &r->q);
    KAFKA_INIT(produce_request_topic, &r->t);
    KAFKA_INIT(produce_request_partition, &r->p);
    r->p.records.bytes = batch;
    r->t.name = topic;
    r->t.partition_data = &r->p;
    r->t.n_partition_data = r->q.n_topic_data = 1;
    r->q.topic_data = &r->t;
    r->q.acks = -1;
}

/* Once it is answered without an error. */
static bool answered(struct client *c, int64_t until_ns)
{
    struct client_reply reply;
    struct kafka_produce_response r;
    struct arena a;
    struct error err;
    arena_init(&a, NULL);
    must(client_next(c, until_ns, &reply, &err), &err);
    if (reply.key < 0)
        return false;
    must(client_decode(&reply, &a, &r, &err), &err);
    int16_t code = r.responses[0].partition_responses[0].error_code;
    if (code != 0) {
        fprintf(stderr, "broker: a batch was refused: %s\n", kafka_error(code)->name);
        exit(1);
    }
    arena_release(&a);
    return true;
}

/* A batch to each partition, so that its file is there before the clock runs. A Kafka leads its new partitions a moment
 * after it has made them. */
static void first_batches(struct client *c, struct request *r, uint32_t partitions)
{
    struct kafka_produce_response p;
    struct arena a;
    struct error err;
    arena_init(&a, NULL);
    int16_t code = -1;
    r->p.index = (int32_t)partitions - 1;
    for (int tries = 0; code != 0 && tries < 500; tries++) {
        must(client_ask(c, KAFKA_PRODUCE, 9, &r->q, &a, &p, &err), &err);
        code = p.responses[0].partition_responses[0].error_code;
        if (code != 0)
            usleep(20000);
        arena_reset(&a);
    }
    arena_release(&a);
    for (uint32_t i = 0; i < partitions; i++) {
        r->p.index = (int32_t)i;
        must(client_send(c, KAFKA_PRODUCE, 9, &r->q, false, &err), &err);
        while (client_pending(c) > 64 || (i + 1 == partitions && client_pending(c) > 0))
            (void)answered(c, INT64_MAX);
    }
}

static void produce(const struct produce *w, double seconds)
{
    static double times[SAMPLES];
    static int64_t asked[CLIENT_PENDING];
    uint32_t records, n = 0;
    uint64_t sent = 0, done = 0;
    struct buf batch = make_batch(w->batch_bytes, &records);
    struct client *c = connect_to();
    struct error err;
    struct request r;
    bool timed = w->rate > 0 || w->deep == 1;
    create(c, w->topic, w->partitions);
    request_init(&r, w->topic, buf_str(&batch));
    first_batches(c, &r, w->partitions);
    double cpu = server_cpu();
    int64_t from = os_mono_ns(os), end = from + (int64_t)(seconds * 1e9), step = 0, due = from;
    if (w->rate > 0)
        step = (int64_t)((double)batch.len / w->rate * 1e9);
    while (done < sent || os_mono_ns(os) < end) {
        int64_t now = os_mono_ns(os);
        while (sent - done < w->deep && now < end && due <= now) {
            asked[sent % CLIENT_PENDING] = step ? due : now;
            r.p.index = (int32_t)(sent % w->partitions);
            must(client_send(c, KAFKA_PRODUCE, 9, &r.q, false, &err), &err);
            sent++;
            due += step;
        }
        int64_t wait = step && sent - done < w->deep && now < end ? due : INT64_MAX;
        if (!answered(c, wait))
            continue;
        if (timed && n < SAMPLES)
            times[n++] = (double)(os_mono_ns(os) - asked[done % CLIENT_PENDING]) / 1e6;
        done++;
    }
    double wall = (double)(os_mono_ns(os) - from) / 1e9;
    cpu = server_cpu() - cpu;
    printf("{\"work\": \"%s\", \"partitions\": %u, \"bytes\": %llu, \"records\": %llu, \"wall\": %.4f, \"cpu\": %.4f", w->work,
           w->partitions, (unsigned long long)(done * batch.len), (unsigned long long)(done * records), wall, cpu);
    if (timed)
        print_times(times, n);
    printf("}\n");
    client_close(c);
    buf_release(&batch);
}

/* From the first offset on, round and round. */
static void consume(struct str topic, double seconds)
{
    struct client *c = connect_to();
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t;
    struct kafka_fetch_request_partition p;
    struct kafka_fetch_response r;
    struct arena a;
    struct error err;
    uint64_t bytes = 0, records = 0;
    KAFKA_INIT(fetch_request, &q);
    KAFKA_INIT(fetch_request_topic, &t);
    KAFKA_INIT(fetch_request_partition, &p);
    p.partition_max_bytes = 1 << 20;
    t.topic = topic;
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    q.max_wait_ms = 10;
    q.min_bytes = 1;
    arena_init(&a, NULL);
    double cpu = server_cpu();
    int64_t from = os_mono_ns(os), end = from + (int64_t)(seconds * 1e9);
    while (os_mono_ns(os) < end) {
        must(client_ask(c, KAFKA_FETCH, 12, &q, &a, &r, &err), &err);
        struct str got = r.responses[0].partitions[0].records.bytes;
        struct record_batch b;
        bytes += got.len;
        int64_t next = 0;
        while (got.len > 0 && record_batch_next(&got, &b, NULL) == ST_OK) {
            next = record_batch_last_offset(&b) + 1;
            records += (uint64_t)b.count;
        }
        p.fetch_offset = next;
        arena_reset(&a);
    }
    double wall = (double)(os_mono_ns(os) - from) / 1e9;
    cpu = server_cpu() - cpu;
    printf("{\"work\": \"consume\", \"bytes\": %llu, \"records\": %llu, \"wall\": %.4f, \"cpu\": %.4f}\n",
           (unsigned long long)bytes, (unsigned long long)records, wall, cpu);
    arena_release(&a);
    client_close(c);
}

static void bare(const char *dir, double seconds)
{
    static double times[SAMPLES];
    static uint8_t bytes[16 << 10];
    char path[1024];
    struct os_file *f;
    struct error err;
    uint32_t n = 0;
    snprintf(path, sizeof path, "%s/bare", dir);
    must(os_open(os, path, OS_CREATE, &f, &err), &err);
    int64_t from = os_mono_ns(os), end = from + (int64_t)(seconds * 1e9), now = from;
    while (now < end && n < SAMPLES) {
        must(os_pwrite(os, f, bytes, sizeof bytes, (uint64_t)n * sizeof bytes, &err), &err);
        must(os_sync(os, f, &err), &err);
        int64_t then = now;
        now = os_mono_ns(os);
        times[n++] = (double)(now - then) / 1e6;
    }
    printf("{\"work\": \"bare\", \"wall\": %.4f", (double)(now - from) / 1e9);
    print_times(times, n);
    printf("}\n");
    os_close(os, f);
    (void)os->ops->unlink(os, path, NULL);
}

/* The least that a broker does with what it is sent, by one thread, whose CPU time counts. */
struct loop {
    int fd;
    uint64_t left;
};

static void *send_all(void *arg)
{
    struct loop *l = arg;
    static uint8_t bytes[256 << 10];
    memset(bytes, 'x', sizeof bytes);
    while (l->left > 0) {
        size_t want = l->left < sizeof bytes ? (size_t)l->left : sizeof bytes;
        ssize_t n = send(l->fd, bytes, want, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        l->left -= (uint64_t)n;
    }
    close(l->fd);
    return NULL;
}

static int connected(int ret[2])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ret[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&a, &len) || connect(ret[0], (struct sockaddr *)&a, sizeof a))
        return -1;
    ret[1] = accept(listener, NULL, NULL);
    close(listener);
    return ret[1];
}

static void loop(const char *path, bool sync)
{
    static uint8_t bytes[1 << 20];
    struct loop l = { .left = 256 << 20 };
    struct os_file *f;
    struct error err;
    int ends[2];
    uint64_t done = 0;
    uint32_t crc = 0;
    pthread_t t;
    must(os_open(os, path, OS_CREATE, &f, &err), &err);
    if (connected(ends) < 0)
        exit(1);
    l.fd = ends[0];
    int64_t from = os_mono_ns(os), cpu = os->ops->cpu_ns(os);
    pthread_create(&t, NULL, send_all, &l);
    for (size_t have = 0;;) {
        ssize_t n = recv(ends[1], bytes + have, sizeof bytes - have, 0);
        if (n <= 0)
            break;
        crc = crc32c(crc, bytes + have, (size_t)n);
        have += (size_t)n;
        if (have < sizeof bytes)
            continue;
        must(os_pwrite(os, f, bytes, have, done, &err), &err);
        if (sync)
            must(os_sync(os, f, &err), &err);
        done += have;
        have = 0;
    }
    printf("{\"work\": \"%s\", \"bytes\": %llu, \"records\": 0, \"wall\": %.4f, \"cpu\": %.4f, \"crc\": %u}\n",
           sync ? "loopsync" : "loop", (unsigned long long)done, (double)(os_mono_ns(os) - from) / 1e9,
           (double)(os->ops->cpu_ns(os) - cpu) / 1e9, crc);
    pthread_join(t, NULL);
    close(ends[1]);
    os_close(os, f);
    (void)os->ops->unlink(os, path, NULL);
}

/* What a first client does: connects, asks for the topic, which is made for it, and produces a record. */
static bool try_first(struct str batch)
{
    struct client *c;
    struct error err;
    struct client_options o = { .os = os, .at = at };
    struct kafka_metadata_request q;
    struct kafka_metadata_request_topic t;
    struct kafka_metadata_response m;
    struct kafka_produce_response p;
    struct request r;
    struct arena a;
    arena_init(&a, NULL);
    KAFKA_INIT(metadata_request, &q);
    KAFKA_INIT(metadata_request_topic, &t);
    t.name = STR("first");
    q.topics = &t;
    q.n_topics = 1;
    request_init(&r, t.name, batch);
    if (client_open(&o, &c, &err) != ST_OK)
        return false;
    bool ok = client_ask(c, KAFKA_METADATA, 9, &q, &a, &m, &err) == ST_OK &&
              client_ask(c, KAFKA_PRODUCE, 9, &r.q, &a, &p, &err) == ST_OK &&
              p.responses[0].partition_responses[0].error_code == 0;
    client_close(c);
    arena_release(&a);
    return ok;
}

static void first(int64_t since_ns)
{
    uint32_t records, tries = 1;
    struct buf batch = make_batch(128, &records);
    while (!try_first(buf_str(&batch)) && tries < 100000) {
        usleep(200);
        tries++;
    }
    double ms = (double)(os_mono_ns(os) - since_ns) / 1e6;
    printf("{\"work\": \"first\", \"ms\": %.3f, \"cpu\": %.4f, \"tries\": %u}\n", ms, server_cpu(), tries);
    buf_release(&batch);
}

static bool work(const char *what, double seconds)
{
    const char *colon = strchr(what, ':');
    struct str name = colon ? str_make(what, (size_t)(colon - what)) : str_from(what);
    uint32_t n = colon ? (uint32_t)strtoul(colon + 1, NULL, 10) : 1;
    char topic[32];
    snprintf(topic, sizeof topic, "%.*s-%u", STR_ARG(name), n);
    if (str_eq(name, STR("bulk")))
        produce(&(struct produce){ "bulk", STR("bulk"), 1, 64 << 10, 16, 0 }, seconds);
    else if (str_eq(name, STR("small")))
        produce(&(struct produce){ "small", STR("small"), 1, 1 << 10, 64, 0 }, seconds);
    else if (str_eq(name, STR("one")) && n > 0)
        produce(&(struct produce){ "one", str_from(topic), n, 16 << 10, 1, 0 }, seconds);
    else if (str_eq(name, STR("paced")) && n > 0)
        produce(&(struct produce){ "paced", str_from(topic), n, 16 << 10, CLIENT_PENDING - 1, 50e6 }, seconds);
    else if (str_eq(name, STR("consume")))
        consume(STR("bulk"), seconds);
    else if (str_eq(name, STR("bare")) && colon)
        bare(colon + 1, seconds);
    else if (str_eq(name, STR("loop")) && colon)
        loop(colon + 1, false);
    else if (str_eq(name, STR("loopsync")) && colon)
        loop(colon + 1, true);
    else if (str_eq(name, STR("first")) && colon)
        first((int64_t)strtoll(colon + 1, NULL, 10));
    else if (str_eq(name, STR("topic")) && n > 0)
        create(connect_to(), str_from(topic), n);
    else if (str_eq(name, STR("drop")) && colon)
        drop(str_from(colon + 1));
    else
        return false;
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    struct str host;
    uint16_t port;
    bool ok = argc > 4 && os_addr_split(str_from(argv[1]), &host, &port) && os_addr_parse(host, port, &at);
    os = os_real();
    for (int i = 4; ok && i < argc; i++) {
        pid = (int)strtol(argv[2], NULL, 10);
        ok = work(argv[i], strtod(argv[3], NULL));
    }
    if (!ok)
        fprintf(stderr, "broker HOST:PORT PID SECONDS bulk|small|one:N|paced:N|consume|bare:DIR|loop:FILE|loopsync:FILE|first:NS|topic:N|drop:TOPIC...\n");
    return ok ? 0 : 2;
}
