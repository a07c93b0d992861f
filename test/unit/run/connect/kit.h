/* What the tests of connectors share: a table with two columns, a context over the simulated machine, reading
 * a source and writing a sink by hand. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "connect/connect.h"
#include "os/sim.h"

#define OK(call)                                                          \
    do {                                                                  \
        enum status ok_st_ = (call);                                      \
        if (ok_st_ != ST_OK)                                              \
            fail_msg("%s: %s: %s", #call, status_name(ok_st_), kit_error.message); \
    } while (0)

static struct error kit_error;

struct kit {
    struct arena arena;
    struct budget budget;
    struct sim *sim;
    struct connect_context ctx;
    struct connect_extra extra;
    struct os_signal *wake;
    struct buf bad; /* "file:line:offset:bytes\n" each */
    bool bad_fails;
};

static enum status kit_bad(void *arg, const struct bad_record *b, struct error *err)
{
    struct kit *k = arg;
    if (k->bad_fails)
        return error_set(err, ST_DATA, "bad record: %.*s", STR_ARG(b->reason));
    assert_true(buf_printf(&k->bad, "%.*s:%llu:%llu:%.*s\n", STR_ARG(b->file), (unsigned long long)b->line,
                           (unsigned long long)b->offset, b->bytes.len > 40 ? 40 : (int)b->bytes.len, b->bytes.ptr));
    return ST_OK;
}

static inline void kit_init(struct kit *k, uint64_t seed)
{
    memset(k, 0, sizeof *k);
    budget_init(&k->budget, "test", SIZE_MAX, NULL);
    arena_init(&k->arena, NULL);
    buf_init(&k->bad, NULL, SIZE_MAX / 2);
    k->sim = sim_new(seed, NULL);
    k->ctx = (struct connect_context){ .os = sim_os(k->sim), .budget = &k->budget, .zone = zone_utc, .job_id = 77,
                                       .durable = true, .extra = &k->extra, .bad = kit_bad, .bad_arg = k };
    k->extra.print_format = RESULT_NDJSON;
    k->wake = k->ctx.os->ops->signal_new(k->ctx.os);
}

static inline void kit_release(struct kit *k)
{
    k->ctx.os->ops->signal_free(k->ctx.os, k->wake);
    sim_free(k->sim);
    buf_release(&k->bad);
    arena_release(&k->arena);
    assert_int_equal(atomic_load(&k->budget.used), 0); /* nothing leaks */
}

static inline const struct connector *kit_connector(const char *name)
{
    uint32_t n;
    const struct connector *const *all = connect_all(&n);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    fail_msg("no connector %s", name);
    return NULL;
}

/* options: "name=value|name=value". fields NULL: id BIGINT, name STRING. */
static inline struct table_desc *kit_table(struct kit *k, const char *connector, const char *format,
                                           const char *options, const struct field *fields, uint32_t n)
{
    struct table_desc *t = ARENA_NEW(&k->arena, struct table_desc);
    struct option *at = ARENA_ARRAY(&k->arena, struct option, 32);
    struct str rest = arena_str(&k->arena, str_from(options));
    t->name = STR("t");
    while (rest.ptr && rest.len) {
        struct str pair = str_split(&rest, '|');
        struct str name = str_split(&pair, '=');
        at[t->options.count++] = (struct option){ .name = name, .value = pair, .line = 3, .column = 9 };
    }
    t->options.at = at;
    if (!fields) {
        struct field *two = ARENA_ARRAY(&k->arena, struct field, 2);
        two[0] = (struct field){ STR("id"), type_basic(TYPE_BIGINT) };
        two[1] = (struct field){ STR("name"), type_string() };
        fields = two;
        n = 2;
    }
    t->physical = (struct schema){ fields, n };
    t->connector = kit_connector(connector);
    uint32_t n_formats;
    const struct format *const *formats = format_all(&n_formats);
    for (uint32_t i = 0; format && i < n_formats; i++)
        if (strcmp(formats[i]->name, format) == 0)
            t->format = formats[i];
    assert_true(!format || t->format);
    return t;
}

static inline enum status kit_check(const struct table_desc *t, struct error *err)
{
    struct option_spec specs[64];
    size_t n = t->connector->n_options, n_format = t->format ? t->format->n_options : 0;
    assert_true(n + n_format <= 64);
    if (n)
        memcpy(specs, t->connector->options, n * sizeof *specs);
    if (n_format)
        memcpy(specs + n, t->format->options, n_format * sizeof *specs);
    TRY(options_check(&t->options, specs, n + n_format, "table 't'", err));
    return t->connector->check ? t->connector->check(t, err) : ST_OK;
}

static inline struct source *kit_source(struct kit *k, const struct table_desc *t)
{
    struct source *s = NULL;
    int64_t discover_ms;
    OK(kit_check(t, &kit_error));
    OK(t->connector->open_source(t, NULL, &k->ctx, &discover_ms, &s, &kit_error));
    return s;
}

static inline uint32_t kit_splits(struct kit *k, struct source *s, struct split **ret)
{
    uint32_t n = 0;
    OK(s->ops->splits(s, &k->arena, ret, &n, &kit_error));
    return n;
}

static inline struct split_reader *kit_reader(struct kit *k, struct source *s, struct str id, struct str position)
{
    struct split split = { id };
    struct split_reader *r = NULL;
    OK(s->ops->open(s, &split, position, &k->budget, k->wake, &r, &kit_error));
    return r;
}

/* Prints rows as "id,name;" behind `out`. */
static inline void kit_rows(struct buf *out, const struct batch *b)
{
    for (uint32_t i = 0; i < batch_rows(b); i++)
        for (uint32_t c = 0; c < b->schema->n_fields; c++)
            assert_true(value_print(out, &b->cols[c], batch_row(b, i), &zone_utc) &&
                        buf_put_u8(out, c + 1 < b->schema->n_fields ? ',' : ';'));
}

/* One read; rows are printed behind `out`. */
static inline enum read_outcome kit_read(struct kit *k, struct split_reader *r, const struct schema *schema,
                                         uint32_t max_rows, struct buf *out, int64_t *ret_wake_ms)
{
    struct batch *b = batch_new(schema, 64, &k->budget);
    enum read_outcome got = READ_END;
    int64_t wake_ms = INT64_MAX, watermark = 0;
    OK(r->ops->read(r, b, max_rows, &got, &wake_ms, &watermark, &kit_error));
    kit_rows(out, b);
    batch_free(b);
    if (ret_wake_ms)
        *ret_wake_ms = wake_ms;
    return got;
}

static inline void kit_put(struct kit *k, const char *path, const char *text)
{
    OK(sim_put_file(k->sim, path, text, strlen(text)));
}

#define assert_text(buffer, text)                                                                  \
    do {                                                                                           \
        assert_true(buf_put_u8(buffer, 0));                                                        \
        assert_string_equal((const char *)(buffer)->data, text);                                   \
        (buffer)->len--;                                                                           \
    } while (0)
