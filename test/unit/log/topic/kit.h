/* What the tests of the topic room share: a node on a simulated disk, commands and appends brought to their end at once. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "os/sim.h"
#include "topic/topic.h"
#include "wire/kafka.h"

#define KIT_NOW 1767225600000 /* the twin's clock at its beginning */

static inline void must(enum status st, const struct error *err)
{
    if (st != ST_OK)
        print_error("%s: %s\n", status_name(st), err->message);
    assert_int_equal(st, ST_OK);
}

struct kit {
    struct sim *sim;
    struct os *os;
    struct topics *topics;
    struct topics_options options;
    struct topics_report report;
    struct record_iter *it;
    struct arena arena;
    struct error err;
};

static inline void kit_open(struct kit *k)
{
    must(topics_open(&k->options, &k->topics, &k->report, &k->err), &k->err);
}

static inline void kit_start(struct kit *k, uint64_t seed)
{
    *k = (struct kit){ .sim = sim_new(seed, NULL) };
    k->os = sim_os(k->sim);
    k->options = (struct topics_options){ .os = k->os, .path = "data" };
    arena_init(&k->arena, NULL);
    must(record_iter_new(NULL, 1 << 24, &k->it, &k->err), &k->err);
    kit_open(k);
}

static inline void kit_steps(struct kit *k)
{
    bool more = true;
    for (uint32_t n = 0; more; n++) {
        assert_true(n < 100000);
        must(topics_step(k->topics, &more, &k->err), &k->err);
    }
}

static inline void kit_close(struct kit *k)
{
    must(topics_close(k->topics, &k->err), &k->err);
    k->topics = NULL;
}

static inline void kit_reopen(struct kit *k)
{
    kit_close(k);
    kit_open(k);
}

static inline void kit_kill(struct kit *k)
{
    topics_abandon(k->topics);
    sim_kill(k->sim);
    kit_open(k);
}

static inline void kit_end(struct kit *k)
{
    if (k->topics)
        kit_close(k);
    record_iter_free(k->it);
    arena_release(&k->arena);
    sim_free(k->sim);
}

/* ---- commands ---- */

static inline void kit_admin_done(struct topic_admin *a) { *(bool *)a->user = true; }

static inline int16_t kit_admin(struct kit *k, struct topic_admin *a)
{
    bool done = false;
    a->done = kit_admin_done;
    a->user = &done;
    topics_admin(k->topics, a);
    kit_steps(k);
    assert_true(done);
    return a->kafka;
}

static inline int16_t kit_create(struct kit *k, const char *name, uint32_t partitions,
                                 const struct topic_config_change *changes, uint32_t n)
{
    struct topic_admin a = { .kind = TOPIC_ADMIN_CREATE, .name = str_from(name), .partitions = partitions,
                             .changes = changes, .n_changes = n };
    return kit_admin(k, &a);
}

static inline int16_t kit_remove(struct kit *k, const char *name)
{
    struct topic_admin a = { .kind = TOPIC_ADMIN_REMOVE, .name = str_from(name) };
    return kit_admin(k, &a);
}

/* Not counted: the tests delete nothing while they look at it. */
static inline struct topic *kit_topic(struct kit *k, const char *name)
{
    struct topic *p = topics_find(k->topics, str_from(name));
    topic_unref(p);
    return p;
}
static inline struct topic_partition *kit_part(struct kit *k, const char *name, uint32_t i)
{
    struct topic *p = kit_topic(k, name);
    return p ? topic_partition(p, i) : NULL;
}

/* ---- batches ---- */

struct kit_batch {
    const char *value; /* records' values: "value", "value1", … */
    const char *key;   /* NULL: null */
    uint32_t count;
    int64_t ms; /* of the first; each of the others is one later, or earlier */
    bool falls;
    struct record_producer producer;
    enum record_codec codec;
    uint32_t pad; /* bytes more in the first value */
};

static inline struct shared *kit_bytes(const struct kit_batch *b)
{
    struct record_builder *w;
    struct error err;
    struct buf out;
    static char text[1 << 19];
    must(record_builder_new(b->codec, 1 << 24, NULL, &w, &err), &err);
    for (uint32_t i = 0; i < (b->count ? b->count : 1); i++) {
        int n = snprintf(text, sizeof text, i ? "%s%u" : "%s", b->value, i);
        if (i == 0 && b->pad) {
            memset(text + n, '.', b->pad);
            n += (int)b->pad;
        }
        struct record r = { .offset = -1, .timestamp_ms = (b->ms ? b->ms : KIT_NOW) + (b->falls ? -(int64_t)i : i), .key = str_from(b->key),
                            .value = str_make(text, (size_t)n) };
        bool full;
        must(record_builder_add(w, &r, &full, &err), &err);
        assert_false(full);
    }
    buf_init(&out, NULL, 32 << 20);
    bool any = b->producer.id > 0 || b->producer.transactional;
    struct record_producer producer = any ? b->producer : RECORD_NO_PRODUCER;
    must(record_builder_finish(w, producer, &out, &err), &err);
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    buf_release(&out);
    record_builder_free(w);
    return s;
}

static inline void kit_append_done(struct topic_append *a) { ++*(uint32_t *)a->user; }

/* One batch, committed: Kafka's code. */
static inline int16_t kit_append(struct kit *k, struct topic_partition *p, const struct kit_batch *b,
                                 int64_t *ret_base)
{
    uint32_t done = 0;
    bool pending;
    struct shared *s = kit_bytes(b);
    struct topic_append a = { .partition = p, .bytes = s, .len = s->len, .version = 9, .acks = -1,
                              .done = kit_append_done, .user = &done, .may_begin = b->producer.transactional };
    a.guard = topic_txn_guard(p, b->producer.id);
    enum status st = topic_append(&a, k->it, os_wall_ms(k->os), &pending, &k->err);
    shared_unref(s);
    assert_true((st == ST_OK) == (a.kafka == 0) || pending);
    kit_steps(k);
    assert_int_equal(done, pending);
    if (ret_base)
        *ret_base = a.base_offset;
    return a.kafka;
}

static inline void kit_put(struct kit *k, struct topic_partition *p, const char *value)
{
    struct kit_batch b = { .value = value };
    assert_int_equal(kit_append(k, p, &b, NULL), 0);
}

/* ---- reading ---- */

/* The values from `offset` on, "a b c", with control records as "+" and "-"; "!code" where the read is refused. */
static inline const char *kit_read(struct kit *k, struct topic_partition *p, int64_t offset, bool committed)
{
    static char out[1 << 16];
    static uint8_t bytes[1 << 20];
    size_t n = 0;
    out[0] = '\0';
    for (;;) {
        struct topic_fetch f = { .partition = p, .offset = offset, .max_bytes = 1000, .committed = committed,
                                 .leader_epoch = -1, .fetched_epoch = -1 };
        arena_reset(&k->arena);
        enum status st = topic_read(&f, &k->arena, &k->err);
        if (st != ST_OK) {
            n += (size_t)snprintf(out + n, sizeof out - n, "%s!%d", n ? " " : "", f.kafka);
            return out;
        }
        if (f.range.len == 0)
            return out;
        size_t got;
        assert_true(f.range.len <= sizeof bytes);
        must(os_pread(k->os, f.range.file, bytes, (size_t)f.range.len, f.range.at, &got, &k->err), &k->err);
        assert_int_equal(got, f.range.len);
        store_range_release(&f.range);
        struct str rest = str_make(bytes, got);
        bool over[256] = { false }; /* an aborted transaction, when its marker has been read */
        assert_true(f.n_aborted <= 256);
        while (rest.len > 0) {
            struct record_batch b;
            struct record r;
            bool end;
            must(record_batch_next(&rest, &b, &k->err), &k->err);
            must(record_batch_check(&b, &k->err), &k->err);
            bool skip = false;
            for (uint32_t i = 0; i < f.n_aborted; i++) {
                if (over[i] || f.aborted[i].producer_id != b.producer_id || f.aborted[i].first_offset > b.base_offset)
                    continue;
                skip |= record_batch_transactional(&b) && !record_batch_control(&b);
                over[i] = record_batch_control(&b);
            }
            must(record_iter_open(k->it, &b, &k->err), &k->err);
            for (;;) {
                must(record_iter_next(k->it, &r, &end, &k->err), &k->err);
                if (end)
                    break;
                struct record_marker m;
                if (r.offset < offset || (skip && committed))
                    continue;
                if (record_batch_control(&b)) {
                    must(record_marker_read(&r, &m, &k->err), &k->err);
                    n += (size_t)snprintf(out + n, sizeof out - n, "%s%c", n ? " " : "", m.commit ? '+' : '-');
                    continue;
                }
                size_t len = r.value.len < 16 ? r.value.len : 16;
                n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", n ? " " : "", (int)len, r.value.ptr);
            }
            offset = record_batch_last_offset(&b) + 1;
        }
    }
}
