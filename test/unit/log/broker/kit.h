/* What the broker's tests share: a broker over a log in one simulated process, clients outside of it, and time that goes
 * on by hand. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/broker.h"
#include "client/client.h"
#include "os/sim.h"

static inline void must(enum status st, const struct error *err)
{
    if (st != ST_OK)
        print_error("%s: %s\n", status_name(st), err->message);
    assert_int_equal(st, ST_OK);
}

struct world {
    struct sim *sim;
    struct os *os, *far;
    struct budget door;
    struct topics *topics;
    struct broker *broker;
    struct os_addr at;
    struct arena arena; /* of what the test asks and is answered */
    char said[4096];    /* the broker's lines */
    const struct option *settings;
    uint32_t n_settings;
};

static inline void world_said(void *arg, const char *line)
{
    struct world *w = arg;
    size_t len = strlen(w->said);
    snprintf(w->said + len, sizeof w->said - len, "%s\n", line);
}

/* Opens log and door on the disk as it is. */
static inline void world_start(struct world *w)
{
    struct error err;
    struct topics_report report;
    struct topics_options t = { .os = w->os, .path = "/data", .budget = NULL, .max_partitions = 300,
                                .retention_check_ms = 300000 };
    must(topics_open(&t, &w->topics, &report, &err), &err);
    struct broker_options o = { .os = w->os, .budget = &w->door, .topics = w->topics, .say = world_said, .arg = w,
                                .data_dir = "/data", .settings = w->settings, .n_settings = w->n_settings };
    assert_true(os_addr_parse(str_from("127.0.0.1"), 0, &o.at));
    must(broker_open(&o, &w->broker, &err), &err);
    w->at = broker_at(w->broker);
}

static inline void world_open_with(struct world *w, uint64_t seed, const struct option *settings, uint32_t n)
{
    memset(w, 0, sizeof *w);
    w->sim = sim_new(seed, NULL);
    w->os = sim_os(w->sim);
    w->far = sim_outside(w->sim);
    w->settings = settings;
    w->n_settings = n;
    budget_init(&w->door, "door", (size_t)64 << 20, NULL);
    arena_init(&w->arena, NULL);
    world_start(w);
}
static inline void world_open(struct world *w, uint64_t seed) { world_open_with(w, seed, NULL, 0); }

static inline void world_turn(struct world *w)
{
    struct error err;
    bool more = true;
    int64_t next_ms;
    broker_turn(w->broker, 0);
    while (more)
        must(topics_step(w->topics, &more, &err), &err);
    must(topics_tend(w->topics, os_wall_ms(w->os), &next_ms, &err), &err);
    topics_tick(w->topics, os_wall_ms(w->os), &next_ms);
    sim_work_some(w->sim, 8);
    sim_advance_ns(w->sim, 200000 + (int64_t)(sim_random(w->sim) % 200000));
}

static inline void world_stop(struct world *w)
{
    struct error err;
    bool more = true;
    broker_stop(w->broker, os_mono_ns(w->os) + INT64_C(20000000000));
    for (int i = 0; broker_turn(w->broker, 0); i++) {
        assert_true(i < 100000);
        world_turn(w);
    }
    broker_close(w->broker);
    assert_int_equal(atomic_load(&w->door.used), 0);
    while (more)
        must(topics_step(w->topics, &more, &err), &err);
    must(topics_close(w->topics, &err), &err);
}

static inline void world_free(struct world *w)
{
    arena_release(&w->arena);
    sim_free(w->sim);
}

static inline struct client *client_new(struct world *w)
{
    struct client *c;
    struct error err;
    struct client_options o = { .os = w->far, .at = w->at, .client_id = STR("kit") };
    must(client_open(&o, &c, &err), &err);
    return c;
}

/* Turns until an answer is there; ST_UNREACHABLE: the broker has closed. */
static inline enum status world_next(struct world *w, struct client *c, struct client_reply *r)
{
    for (int i = 0; i < 200000; i++) {
        enum status st = client_next(c, 0, r, NULL);
        if (st != ST_OK || r->key >= 0)
            return st;
        world_turn(w);
    }
    fail_msg("no answer in %lld ms", (long long)(os_mono_ns(w->os) / 1000000));
    return ST_BUG;
}

static inline void ask(struct world *w, struct client *c, int16_t key, int16_t version, const void *q, void *ret)
{
    struct client_reply r;
    struct error err;
    must(client_send(c, key, version, q, false, &err), &err);
    if (world_next(w, c, &r) != ST_OK)
        fail_msg("%s v%d: closed: %s", kafka_api(key)->name, version, w->said);
    /* The body is the client's until the next call: what is kept is a copy. */
    r.body = arena_str(&w->arena, r.body);
    must(client_decode(&r, &w->arena, ret, &err), &err);
}

/* A batch of `n` records, values "TAG-0", "TAG-1", … */
static inline struct str batch_of(struct world *w, const char *tag, uint32_t n, enum record_codec codec,
                                  struct record_producer producer)
{
    struct record_builder *b;
    struct error err;
    struct buf out;
    must(record_builder_new(codec, 1 << 20, NULL, &b, &err), &err);
    for (uint32_t i = 0; i < n; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "%s-%u", tag, i);
        struct record r = { .offset = -1, .timestamp_ms = os_wall_ms(w->os), .value = { text, (size_t)len } };
        bool full;
        must(record_builder_add(b, &r, &full, &err), &err);
    }
    buf_init(&out, NULL, 4 << 20);
    must(record_builder_finish(b, producer, &out, &err), &err);
    struct str s = arena_str(&w->arena, buf_str(&out));
    buf_release(&out);
    record_builder_free(b);
    return s;
}
