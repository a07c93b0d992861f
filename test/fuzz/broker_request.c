/* Requests through the whole door: whatever a peer sends is answered, or its connection ends; the broker and its log go
 * on, hold nothing, and stop cleanly. One world for all runs, in a simulated process; each run is a connection of its
 * own. The first byte says how the rest is read: as raw bytes, or as the body of a request of a known API and version. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/broker.h"
#include "os/sim.h"
#include "wire/kafka.h"

static struct sim *sim;
static struct topics *topics;
static struct broker *broker;
static struct budget door;
static uint32_t runs;

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "%s\n", err->message);
    abort();
}

static void start(void)
{
    struct error err;
    struct topics_report report;
    sim = sim_new(1, NULL);
    sim_net(sim)->delay_min_ns = sim_net(sim)->delay_max_ns = 1000;
    sim_net(sim)->partial = 0;
    budget_init(&door, "door", (size_t)64 << 20, NULL);
    struct topics_options t = { .os = sim_os(sim), .path = "/d", .max_partitions = 64, .journal_bytes = 1 << 20 };
    must(topics_open(&t, &topics, &report, &err), &err);
    struct broker_options o = { .os = sim_os(sim), .budget = &door, .topics = topics, .max_request = 1 << 20 };
    if (!os_addr_parse(str_from("127.0.0.1"), 0, &o.at))
        abort();
    must(broker_open(&o, &broker, &err), &err);
}

static void turn(void)
{
    struct error err;
    bool more = true;
    broker_turn(broker, 0);
    while (more)
        must(topics_step(topics, &more, &err), &err);
    sim_advance_ns(sim, 10000);
}

static void stop(void)
{
    struct error err;
    bool more = true;
    broker_stop(broker, 1);
    while (broker_turn(broker, 0))
        turn();
    broker_close(broker);
    CHECK(atomic_load(&door.used) == 0);
    while (more)
        must(topics_step(topics, &more, &err), &err);
    must(topics_close(topics, &err), &err);
    sim_free(sim);
}

/* A frame, or nothing that is one. */
static size_t make(const uint8_t *data, size_t size, uint8_t *out)
{
    int16_t key, from, to;
    size_t n = 0;
    if (data[0] % 8 == 0) {
        memcpy(out, data + 1, size - 1);
        return size - 1;
    }
    uint32_t count = 0;
    while (broker_api(count, &key, &from, &to))
        count++;
    if (!broker_api(data[1] % count, &key, &from, &to))
        abort();
    int16_t version = (int16_t)(from + data[2] % (to - from + 1));
    size_t body = size - 3, head = 10 + (version >= kafka_api(key)->request.flexible);
    for (int i = 3; i >= 0; i--)
        out[n++] = (uint8_t)((head + body) >> (8 * i));
    const uint8_t h[11] = { 0, (uint8_t)key, 0, (uint8_t)version, 0, 0, 0, 1, 0xFF, 0xFF, 0 };
    memcpy(out + n, h, head);
    memcpy(out + n + head, data + 3, body);
    return n + head + body;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t frame[8192];
    struct link_client *c;
    struct error err;
    if (size < 3 || size > sizeof frame - 64)
        return 0;
    if (!sim)
        start();
    struct os_addr at = broker_at(broker);
    must(link_client_open(sim_outside(sim), NULL, &at, 64 << 20, &c, &err), &err);
    enum status st = link_client_send(c, str_make(frame, make(data, size, frame)), &err);
    for (int i = 0; st == ST_OK && i < 40; i++) {
        struct str reply;
        st = link_client_next(c, 0, &reply, &err);
        turn();
        if (st == ST_OK && reply.ptr)
            break;
    }
    link_client_close(c);
    turn();
    if (++runs % 2000 == 0) { /* a world does not grow for ever, and each has to end well */
        stop();
        start();
    }
    return 0;
}
