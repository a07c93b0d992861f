/* What the tests of the store share: batches whose record says which one it is, commits, and reading all back. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "os/sim.h"
#include "store/store.h"

#define KIT_LOGS 2u

static inline void must(enum status st, const struct error *err)
{
    if (st != ST_OK)
        print_error("%s: %s\n", status_name(st), err->message);
    assert_int_equal(st, ST_OK);
}

#include "log/image.h"

/* A plain batch of `count` records; the first one's value begins with `tag` and has `bytes` bytes. */
static inline struct shared *batch_make(uint64_t tag, uint32_t count, uint32_t bytes, int64_t timestamp_ms)
{
    struct record_builder *w;
    struct error err;
    struct buf out;
    char value[16384];
    assert_true(bytes >= 8 && bytes <= sizeof value);
    for (uint32_t i = 0; i < bytes; i++)
        value[i] = (char)((tag + 1) * 2654435761u >> (i % 23));
    memcpy(value, &tag, 8);
    must(record_builder_new(RECORD_PLAIN, 1 << 20, NULL, &w, &err), &err);
    for (uint32_t i = 0; i < count; i++) {
        struct record r = { .offset = -1, .timestamp_ms = timestamp_ms, .value = { value, i ? 8 : bytes } };
        bool full;
        must(record_builder_add(w, &r, &full, &err), &err);
    }
    buf_init(&out, NULL, 4 << 20);
    must(record_builder_finish(w, RECORD_NO_PRODUCER, &out, &err), &err);
    struct shared *s = shared_new(NULL, (uint32_t)out.len);
    memcpy(s->data, out.data, out.len);
    s->len = (uint32_t)out.len;
    buf_release(&out);
    record_builder_free(w);
    return s;
}

static inline uint64_t batch_tag(const struct record_batch *b)
{
    /* length (1 or 2 or 3 bytes), attributes, timestamp delta, offset delta, no key, value's length, value */
    struct reader r = reader_make(b->records.ptr, b->records.len);
    uint64_t n, tag = 0;
    uint8_t x;
    assert_true(read_varint(&r, &n) && read_u8(&r, &x) && read_varint(&r, &n) && read_varint(&r, &n) &&
                read_varint(&r, &n) && read_varint(&r, &n) && read_u64(&r, &tag));
    return tag;
}

static inline struct store_id kit_id(uint32_t n)
{
    struct store_id id = { { 0xab, 0xcd, (uint8_t)n, (uint8_t)(n >> 8) }, n };
    return id;
}

/* Calls `see` for each batch from the start to the high watermark. ST_OK, or what a read gave; `corrupt` NULL or counts
 * the damaged segments that were gone around. */
static inline enum status read_all(struct os *os, struct store_log *l,
                                   void (*see)(void *arg, const struct record_batch *b), void *arg, uint32_t *corrupt,
                                   struct error *err)
{
    int64_t at = store_log_start(l);
    static uint8_t bytes[1 << 20];
    while (at < store_log_high(l)) {
        struct store_range r;
        int64_t next;
        enum status st = store_read(l, at, INT64_MAX, 4000, &r, &next, err);
        if (st == ST_CORRUPT && corrupt) {
            assert_true(next > at);
            at = next;
            ++*corrupt;
            continue;
        }
        if (st != ST_OK)
            return st;
        assert_true(r.len > 0);
        size_t got;
        st = os_pread(os, r.file, bytes, (size_t)r.len, r.at, &got, err);
        uint64_t len = r.len;
        store_range_release(&r);
        if (st != ST_OK)
            return st;
        assert_int_equal(got, len);
        struct str rest = str_make(bytes, got);
        while (rest.len > 0) {
            struct record_batch b;
            must(record_batch_next(&rest, &b, err), err);
            if (record_batch_last_offset(&b) >= at)
                see(arg, &b);
            at = record_batch_last_offset(&b) + 1;
        }
    }
    return ST_OK;
}

struct fate {
    uint32_t calls;
    enum status st;
};
static inline void kit_done(void *arg, struct store_group *g, enum status st, const struct error *err)
{
    (void)err;
    struct fate *f = arg;
    f->calls++;
    f->st = st;
    store_group_free(g);
}

/* One batch, committed; its status. */
static inline enum status append_one(struct store *s, struct store_log *l, struct shared *b, int64_t *ret_base)
{
    struct error err;
    struct fate f = { 0 };
    bool more;
    struct store_group *g = store_group_new(s, NULL);
    enum status st = store_group_append(g, l, b, 0, b->len, ret_base, &err);
    shared_unref(b);
    if (st != ST_OK) {
        store_group_free(g);
        return st;
    }
    store_group_submit(g, kit_done, &f);
    st = store_commit_step(s, &more, &err);
    assert_int_equal(f.calls, 1);
    assert_true(st == ST_OK || f.st != ST_OK);
    return f.st;
}

/* A partition that is there from now on: made, and a commit of nothing behind it. */
static inline enum status create_durably(struct store *s, const struct store_id *id, const struct store_log_options *o,
                                         struct store_log **ret, struct error *err)
{
    struct fate f = { 0 };
    bool more;
    TRY(store_log_create(s, id, o, ret, err));
    store_group_submit(store_group_new(s, NULL), kit_done, &f);
    enum status st = store_commit_step(s, &more, err);
    assert_int_equal(f.calls, 1);
    return st == ST_OK ? f.st : st;
}

/* ---- a store with one partition on a disk of its own ---- */

struct world {
    struct sim *sim;
    struct store *s;
    struct store_log *l;
    struct store_report report;
};

static const struct store_log_options small_log __attribute__((unused)) = { 3000, 300 };

static inline enum status world_open(struct world *w, struct error *err)
{
    struct store_options o = { sim_os(w->sim), "d", NULL, STORE_STRICT, 100000, 1000, 2, 500 };
    struct store_id id = kit_id(0);
    TRY(store_open(&o, NULL, &w->s, &w->report, err));
    w->l = store_log_find(w->s, &id);
    if (w->l)
        store_log_configure(w->l, &small_log);
    return ST_OK;
}

static inline void world_new(struct world *w)
{
    struct error err;
    struct store_id id = kit_id(0);
    *w = (struct world){ .sim = sim_new(1, NULL) };
    must(world_open(w, &err), &err);
    must(store_log_create(w->s, &id, &small_log, &w->l, &err), &err);
}

static inline void world_reopen(struct world *w, bool clean)
{
    struct error err;
    if (clean)
        must(store_close(w->s, &err), &err);
    else
        store_abandon(w->s);
    must(world_open(w, &err), &err);
    assert_int_equal(w->report.clean, clean);
}

static inline void world_free(struct world *w)
{
    struct error err;
    must(store_close(w->s, &err), &err);
    sim_free(w->sim);
}

static inline int64_t put(struct world *w, uint64_t tag, uint32_t count, uint32_t bytes, int64_t ts)
{
    int64_t base;
    assert_int_equal(append_one(w->s, w->l, batch_make(tag, count, bytes, ts), &base), ST_OK);
    return base;
}

struct seen {
    uint32_t n;
    int64_t next;
    uint64_t tags[64];
    bool many; /* counts only */
};
static inline void see_tag(void *arg, const struct record_batch *b)
{
    struct seen *s = arg;
    struct error err;
    must(record_batch_check(b, &err), &err);
    assert_true(s->n < 64 || s->many);
    s->tags[s->n++ % 64] = batch_tag(b);
    s->next = record_batch_last_offset(b) + 1;
}

static inline void expect_tags(struct world *w, uint64_t from, uint64_t to)
{
    struct seen s = { 0 };
    struct error err;
    must(read_all(sim_os(w->sim), w->l, see_tag, &s, NULL, &err), &err);
    assert_int_equal(s.n, to - from);
    for (uint32_t i = 0; i < s.n; i++)
        assert_int_equal(s.tags[i], from + i);
}
