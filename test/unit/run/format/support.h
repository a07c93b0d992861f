/* What the format tests share: a table made of fields and options, and a driver that feeds a decoder as a connector
 * does and writes down what comes out, one line a row:
 *   [1,"a",null]      a row ("-U [1…" when the format carries kinds)
 *   BAD 3:7 reason    a bad record: its first line and column */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "format/format.h"

#define OPTIONS_MAX 8

struct setup {
    const struct format *format;
    const struct field *fields;
    uint32_t n_fields;
    const char *options[OPTIONS_MAX][2];
    const struct need *needs;
    struct zone zone; /* zeros: UTC */
    /* How it is fed: */
    uint32_t step;     /* bytes more a call; 0: all at once */
    uint32_t max_rows; /* 0: BATCH_ROWS */
    uint32_t slack;    /* bytes behind the data */
    bool tight;        /* a new exact chunk for each call, so that a sanitizer sees any byte read beyond */
    bool messages;     /* decode_one for each line */
    uint64_t position; /* reset to this first */
    void (*tweak)(struct decoder *d);
};

static struct arena test_arena;

static inline void fill_table(const struct setup *s, struct table_desc *t, struct schema *schema)
{
    struct option *o = ARENA_ARRAY(&test_arena, struct option, OPTIONS_MAX);
    uint32_t n = 0;
    for (; n < OPTIONS_MAX && s->options[n][0]; n++)
        o[n] = (struct option){ str_from(s->options[n][0]), str_from(s->options[n][1]), 1, 1 };
    *t = (struct table_desc){ .name = STR("t"), .options = { o, n } };
    *schema = (struct schema){ s->fields, s->n_fields };
}

static inline void write_down(struct buf *out, const struct batch *b)
{
    for (uint32_t k = 0; k < b->count; k++) {
        if (b->kinds)
            assert_true(buf_printf(out, "%s ", row_kind_name(b->kinds[k])));
        assert_true(buf_put_u8(out, '['));
        for (uint32_t c = 0; c < b->schema->n_fields; c++) {
            if (c > 0)
                assert_true(buf_put_u8(out, ','));
            assert_true(value_print_json(out, &b->cols[c], k, &zone_utc));
        }
        assert_true(buf_put(out, "]\n", 2));
    }
}

static inline void write_bad(struct buf *out, const struct decoded *r, uint64_t lines_before, const char *from,
                             struct buf *bad_bytes)
{
    assert_true(r->bad_at + r->bad_len == r->used);
    assert_true(buf_printf(out, "BAD %u:%u %s\n", (unsigned)(lines_before + r->lines - r->bad_lines + 1), r->bad_column,
                           r->reason));
    assert_true(buf_put(bad_bytes, from + r->bad_at, r->bad_len));
}

/* A chunk that ends with the bytes (and slack). */
static inline struct shared *chunk_of(struct str bytes, uint32_t slack)
{
    struct shared *c = shared_new(NULL, (uint32_t)bytes.len + slack);
    assert_non_null(c);
    if (bytes.len)
        memcpy(c->data, bytes.ptr, bytes.len);
    memset(c->data + bytes.len, '"', slack); /* what stands behind must not matter */
    c->len = (uint32_t)bytes.len;
    return c;
}

static inline enum status feed_lines(const struct setup *s, struct decoder *d, struct str in, struct batch *b,
                                     struct buf *out, struct buf *bad_bytes, struct error *err)
{
    uint32_t from = 0, to = s->step ? 0 : (uint32_t)in.len, max = s->max_rows ? s->max_rows : BATCH_ROWS;
    uint64_t lines = 0;
    struct shared *whole = chunk_of(in, s->slack);
    enum status st = ST_OK;
    for (int idle = 0; idle < 2 && st == ST_OK;) {
        bool at_end = to == in.len;
        struct shared *c = s->tight ? chunk_of(str_make(in.ptr + from, to - from), s->slack) : shared_ref(whole);
        uint32_t base = s->tight ? from : 0;
        struct decoded r;
        batch_clear(b);
        st = d->ops->decode(d, c, from - base, to - base, at_end, b, max, &r, err);
        if (st == ST_OK) {
            write_down(out, b);
            if (r.bad)
                write_bad(out, &r, lines, in.ptr + from, bad_bytes);
            assert_true(b->count <= (max > 2 ? max : 2));
            from += r.used;
            lines += r.lines;
            if (r.used == 0)
                idle = at_end ? 2 : 0;
            if (r.used == 0 && !at_end)
                to = to + s->step < in.len ? to + s->step : (uint32_t)in.len;
        }
        shared_unref(c);
    }
    if (st == ST_OK)
        assert_int_equal(from, in.len);
    batch_clear(b);
    shared_unref(whole);
    return st;
}

static inline enum status feed_messages(const struct setup *s, struct decoder *d, struct str in, struct batch *b,
                                        struct buf *out, struct buf *bad_bytes, struct error *err)
{
    struct shared *c = chunk_of(in, s->slack);
    struct str rest = str_make(c->data, in.len);
    enum status st = ST_OK;
    for (uint64_t n = 0; rest.ptr && st == ST_OK; n++) {
        struct str one = str_split(&rest, '\n');
        if (!rest.ptr && one.len == 0)
            break;
        struct decoded r;
        batch_clear(b);
        st = d->ops->decode_one(d, c, one, b, &r, err);
        if (st != ST_OK)
            break;
        write_down(out, b);
        assert_int_equal(r.used, one.len);
        r.lines = r.bad_lines = 1;
        if (r.bad)
            write_bad(out, &r, n, one.ptr, bad_bytes);
    }
    batch_clear(b);
    shared_unref(c);
    return st;
}

/* Everything that comes out of `in`; in test_arena. On failure "ERROR message". */
static inline const char *decode_all(const struct setup *s, struct str in, struct str *ret_bad)
{
    struct table_desc t;
    struct schema schema;
    struct decoder *d = NULL;
    struct error err = { 0 };
    struct buf out, bad;
    struct connect_context ctx = { .zone = s->zone.name.ptr || s->zone.offset_s ? s->zone : zone_utc };
    fill_table(s, &t, &schema);
    buf_init(&out, NULL, SIZE_MAX);
    buf_init(&bad, NULL, SIZE_MAX);
    enum status st = s->format ? s->format->open_decoder(&t, &schema, s->needs, &ctx, NULL, &d, &err)
                               : format_json_values(&schema, &ctx.zone, NULL, &d, &err);
    if (st == ST_OK) {
        struct batch *b = batch_new(&schema, BATCH_ROWS, NULL);
        assert_non_null(b);
        d->ops->reset(d, s->position);
        if (s->tweak)
            s->tweak(d);
        st = (s->messages ? feed_messages : feed_lines)(s, d, in, b, &out, &bad, &err);
        batch_free(b);
    }
    if (st != ST_OK)
        assert_true(buf_printf(&out, "ERROR %s", err.message));
    if (d)
        d->ops->free(d);
    const char *text = arena_str(&test_arena, buf_str(&out)).ptr;
    if (ret_bad)
        *ret_bad = arena_str(&test_arena, buf_str(&bad));
    buf_release(&out);
    buf_release(&bad);
    return text ? text : "";
}

static inline const char *decode_text(const struct setup *s, const char *in)
{
    return decode_all(s, str_from(in), NULL);
}

/* The same rows must come out however the input is cut and fed. */
static inline void same_for_all_feeds(struct setup s, struct str in, const char *wanted)
{
    static const uint32_t rows[] = { 0, 1, 2, 3 }, slacks[] = { 0, 1, 40, 256 };
    for (uint32_t step = 0; step <= in.len && step < 300; step += step < 40 ? 1 : 37)
        for (uint32_t i = 0; i < 4; i++) {
            s.step = step;
            s.max_rows = rows[(step + i) % 4];
            s.slack = slacks[i];
            s.tight = step % 2 == 0;
            assert_string_equal(decode_all(&s, in, NULL), wanted);
        }
}

/* Rows of `decode_text(s, in)` through the encoder of the same table; "ERROR …" on failure. */
static inline const char *recode(const struct setup *s, const char *in)
{
    struct table_desc t;
    struct schema schema;
    struct decoder *d;
    struct encoder *e;
    struct error err = { 0 };
    struct buf out;
    struct decoded r;
    struct connect_context ctx = { .zone = zone_utc };
    fill_table(s, &t, &schema);
    buf_init(&out, NULL, SIZE_MAX);
    struct shared *c = chunk_of(str_from(in), 200);
    struct batch *b = batch_new(&schema, BATCH_ROWS, NULL);
    assert_int_equal(s->format->open_decoder(&t, &schema, NULL, &ctx, NULL, &d, &err), ST_OK);
    assert_int_equal(d->ops->decode(d, c, 0, c->len, true, b, BATCH_ROWS, &r, &err), ST_OK);
    if (r.bad)
        print_message("bad: %s\n", r.reason);
    assert_false(r.bad);
    assert_int_equal(r.used, c->len);
    enum status st = s->format->open_encoder(&t, &schema, &ctx, NULL, &e, &err);
    if (st == ST_OK) {
        st = e->ops->begin(e, &out, &err);
        if (st == ST_OK)
            st = e->ops->encode(e, b, &out, &err);
        e->ops->free(e);
    }
    if (st != ST_OK) {
        buf_clear(&out);
        assert_true(buf_printf(&out, "ERROR %s", err.message));
    }
    d->ops->free(d);
    batch_free(b);
    shared_unref(c);
    const char *text = arena_str(&test_arena, buf_str(&out)).ptr;
    buf_release(&out);
    return text;
}

static inline int arena_up(void **state)
{
    (void)state;
    arena_init(&test_arena, NULL);
    return 0;
}
static inline int arena_down(void **state)
{
    (void)state;
    arena_release(&test_arena);
    return 0;
}

static inline const struct type *not_null(const struct type *t)
{
    return type_nullable(&test_arena, t, false);
}
