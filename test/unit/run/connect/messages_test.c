/* Rows that are records: what a writer makes of rows a reader makes the same rows of, however the columns are divided; tombstones,
 * missing keys, headers; memory that is refused anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "connect/messages/messages.h"
#include "format/format.h"

#define F(n, t) { STR_INIT(n), t }

struct bench { /* a table, and what reads and writes it */
    struct arena arena;
    struct table_desc table;
    struct connect_context ctx;
    struct message_layout layout;
    struct batch *in, *out;
    uint32_t bad;
    char reason[200];
};

static enum status keep_bad(void *arg, const struct bad_record *bad, struct error *err)
{
    struct bench *b = arg;
    (void)err;
    b->bad++;
    snprintf(b->reason, sizeof b->reason, "%.*s", STR_ARG(bad->reason));
    return ST_OK;
}

static const struct column_desc columns[] = {
    { .role = COLUMN_PHYSICAL, .name = STR_INIT("k") }, { .role = COLUMN_PHYSICAL, .name = STR_INIT("n") },
    { .role = COLUMN_PHYSICAL, .name = STR_INIT("s") },
    { .role = COLUMN_METADATA, .name = STR_INIT("h"), .metadata_key = STR_INIT("headers") },
    { .role = COLUMN_METADATA, .name = STR_INIT("t"), .metadata_key = STR_INIT("timestamp") },
    { .role = COLUMN_METADATA, .name = STR_INIT("o"), .metadata_key = STR_INIT("offset"), .is_virtual = true },
    { .role = COLUMN_METADATA, .name = STR_INIT("p"), .metadata_key = STR_INIT("topic"), .is_virtual = true },
};
enum { PHYSICAL = 3, WRITTEN = 5, READ = 7 };

static void bench_up(struct bench *b, bool upsert, const struct option *options, uint32_t n, const struct format *key)
{
    static uint32_t primary[] = { 0 };
    memset(b, 0, sizeof *b);
    arena_init(&b->arena, NULL);
    struct field *f = ARENA_ARRAY(&b->arena, struct field, READ);
    const struct type *types[] = { type_string(), type_basic(TYPE_BIGINT), type_string(),
                                   type_map(&b->arena, type_string(), type_bytes()),
                                   type_timestamp(&b->arena, TYPE_TIMESTAMP_LTZ, 3), type_basic(TYPE_BIGINT), type_string() };
    for (uint32_t i = 0; i < READ; i++)
        f[i] = (struct field){ columns[i].name, types[i] };
    b->table = (struct table_desc){
        .name = STR("t"), .columns = (struct column_desc *)(uintptr_t)columns, .n_columns = READ, .physical = { f, PHYSICAL },
        .read_row = { f, READ }, .written_row = { f, WRITTEN }, .watermark_column = -1, .primary_key = primary,
        .n_primary_key = upsert, .options = { options, n }, .format = &format_json, .key_format = key,
    };
    b->ctx = (struct connect_context){ .zone = zone_utc, .bad = keep_bad, .bad_arg = b };
    assert_int_equal(message_layout_init(&b->layout, &b->table, upsert, &b->arena, NULL), ST_OK);
    b->in = batch_new(&b->table.written_row, 8, NULL);
    b->out = batch_new(&b->table.read_row, 8, NULL);
}

static void bench_down(struct bench *b)
{
    batch_free(b->in);
    batch_free(b->out);
    arena_release(&b->arena);
}

/* Three rows: all there, NULLs, long text; two headers in the first. */
static void fill(struct batch *b)
{
    static const char *const keys[] = { "a", "", "a key that is longer than twelve" };
    static const char *const texts[] = { "one", NULL, "a text that is longer than twelve bytes \"quoted\"" };
    uint32_t first;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(column_set_str(&b->cols[0], i, keys[i], strlen(keys[i])));
        b->cols[1].i64[i] = 7 - (int64_t)i * 10;
        if (texts[i])
            assert_true(column_set_str(&b->cols[2], i, texts[i], strlen(texts[i])));
        else
            column_set_null(&b->cols[2], i);
        b->cols[4].i64[i] = 1000 + i;
    }
    column_set_null(&b->cols[4], 1);
    assert_true(column_start_list(&b->cols[3], 0, 2, &first));
    assert_true(column_set_str(&b->cols[3].children[0], first, "x", 1) && column_set_str(&b->cols[3].children[0], first + 1, "y", 1));
    assert_true(column_set_str(&b->cols[3].children[1], first, "header value", 12));
    column_set_null(&b->cols[3].children[1], first + 1);
    assert_true(column_start_list(&b->cols[3], 1, 0, &first));
    column_set_null(&b->cols[3], 2);
    b->count = 3;
}

/* The records' bytes in one chunk, as a fetched block has them. */
static struct shared *gather(struct record *at, uint32_t n)
{
    struct shared *s = shared_new(NULL, 65536);
    for (uint32_t i = 0; s && i < n; i++) {
        struct str *parts[] = { &at[i].key, &at[i].value, &at[i].headers };
        at[i].offset = 100 + i;
        for (uint32_t k = 0; k < 3; k++) {
            if (!parts[k]->ptr)
                continue;
            if (parts[k]->len)
                memcpy(s->data + s->len, parts[k]->ptr, parts[k]->len);
            parts[k]->ptr = (const char *)s->data + s->len;
            s->len += (uint32_t)parts[k]->len;
        }
    }
    assert_true(!s || s->len + MESSAGE_SLACK <= s->cap);
    return s;
}

/* Rows to records to rows; ST_MEMORY where it was refused. */
static enum status round_trip(struct bench *b, struct record *ret, uint32_t *ret_n)
{
    struct message_writer *w = NULL;
    struct message_reader *r = NULL;
    struct message_origin from = { STR("topic"), 2, 5, MESSAGE_CREATED };
    const struct record *at = NULL;
    struct shared *chunk = NULL;
    uint32_t taken = 0;
    enum status st = message_writer_new(&b->layout, &b->ctx, NULL, &w, NULL);
    if (st == ST_OK)
        st = message_writer_put(w, b->in, 5000, &at, ret_n, NULL);
    if (st == ST_OK) {
        memcpy(ret, at, *ret_n * sizeof *at);
        chunk = gather(ret, *ret_n);
        st = chunk ? ST_OK : ST_MEMORY;
    }
    if (st == ST_OK) {
        st = message_reader_new(&b->layout, NULL, &b->ctx, STR("topic/2"), NULL, &r, NULL);
    }
    if (st == ST_OK)
        st = message_reader_take(r, &from, chunk, ret, *ret_n, b->out, &taken, NULL);
    if (st == ST_OK)
        assert_int_equal(taken, *ret_n);
    message_reader_free(r);
    message_writer_free(w);
    shared_unref(chunk);
    return st;
}

static void expect_rows(const struct bench *b, uint32_t n)
{
    assert_int_equal(b->out->count, n);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < PHYSICAL; c++)
            assert_true(column_equal(&b->in->cols[c], i, &b->out->cols[c], i));
        assert_int_equal(b->out->cols[4].i64[i], i == 1 ? 5000 : 1000 + i);
        assert_int_equal(b->out->cols[5].i64[i], 100 + i);
        assert_true(str_eq(column_str(&b->out->cols[6], i), STR("topic")));
        assert_int_equal(b->out->cols[3].list[i].len, i == 0 ? 2 : 0);
    }
    const struct column *h = &b->out->cols[3];
    assert_true(str_eq(column_str(&h->children[0], h->list[0].offset + 1), STR("y")));
    assert_true(str_eq(column_str(&h->children[1], h->list[0].offset), STR("header value")));
    assert_true(column_is_null(&h->children[1], h->list[0].offset + 1));
}

#define OPTION(n, v) { STR_INIT(n), STR_INIT(v), 0, 0 }

static const struct division {
    const char *name;
    struct option options[3];
    uint32_t n;
    const struct format *key;
    const char *first_key, *first_value;
} divisions[] = {
    { "all in the value", { { { 0 } } }, 0, NULL, NULL, "{\"k\":\"a\",\"n\":7,\"s\":\"one\"}" },
    { "the key in both", { OPTION("key.fields", "n;k") }, 1, &format_csv, "7,a", "{\"k\":\"a\",\"n\":7,\"s\":\"one\"}" },
    { "the key apart", { OPTION("key.fields", "k"), OPTION("value.fields-include", "EXCEPT_KEY") }, 2, &format_raw, "a",
      "{\"n\":7,\"s\":\"one\"}" },
    { "the key apart, in another order", { OPTION("key.fields", "s;k"), OPTION("value.fields-include", "EXCEPT_KEY") }, 2,
      &format_json, "{\"s\":\"one\",\"k\":\"a\"}", "{\"n\":7}" },
};

static void test_divisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof divisions / sizeof *divisions; i++) {
        const struct division *d = &divisions[i];
        struct bench b;
        struct record records[8];
        uint32_t n = 0;
        bench_up(&b, false, d->options, d->n, d->key);
        fill(b.in);
        assert_int_equal(round_trip(&b, records, &n), ST_OK);
        assert_int_equal(n, 3);
        assert_int_equal(b.bad, 0);
        expect_rows(&b, 3);
        bench_down(&b);
    }
}

static void test_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof divisions / sizeof *divisions; i++) {
        const struct division *d = &divisions[i];
        struct bench b;
        struct message_writer *w;
        const struct record *at;
        uint32_t n;
        bench_up(&b, false, d->options, d->n, d->key);
        fill(b.in);
        assert_int_equal(message_writer_new(&b.layout, &b.ctx, NULL, &w, NULL), ST_OK);
        uint16_t sel[] = { 0, 2 };
        b.in->sel = sel;
        b.in->n_sel = 2;
        assert_int_equal(message_writer_put(w, b.in, 5000, &at, &n, NULL), ST_OK);
        assert_int_equal(n, 2);
        assert_true(str_eq(at[0].value, str_from(d->first_value)));
        assert_true(d->first_key ? str_eq(at[0].key, str_from(d->first_key)) : !at[0].key.ptr);
        assert_int_equal(at[0].n_headers, 2);
        assert_int_equal(at[1].n_headers, 0);
        assert_int_equal(at[1].timestamp_ms, 1002);
        b.in->sel = NULL;
        message_writer_free(w);
        bench_down(&b);
    }
}

static void test_memory_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof divisions / sizeof *divisions; i++) {
        const struct division *d = &divisions[i];
        enum status st = ST_MEMORY;
        for (uint64_t nth = 1; st == ST_MEMORY; nth++) {
            struct bench b;
            struct record records[8];
            uint32_t n = 0;
            bench_up(&b, false, d->options, d->n, d->key);
            fill(b.in);
            budget_fail_nth(nth);
            st = round_trip(&b, records, &n);
            budget_fail_nth(0);
            if (st == ST_OK)
                expect_rows(&b, 3);
            assert_true(st == ST_OK || st == ST_MEMORY);
            bench_down(&b);
            assert_true(nth < 1000);
        }
    }
}

static void test_replacing(void **state)
{
    (void)state;
    static const struct option options[] = { OPTION("value.fields-include", "EXCEPT_KEY") };
    static const uint8_t kinds[] = { ROW_INSERT, ROW_UPDATE_BEFORE, ROW_UPDATE_AFTER, ROW_DELETE, ROW_UPDATE_BEFORE };
    static const char *const keys[] = { "a", "a", "a", "a", "b" };
    for (uint32_t except = 0; except < 2; except++) {
        struct bench b;
        struct record records[8];
        uint32_t n = 0;
        bench_up(&b, true, options, except, &format_raw);
        for (uint32_t i = 0; i < 5; i++) {
            assert_true(column_set_str(&b.in->cols[0], i, keys[i], 1));
            b.in->cols[1].i64[i] = i;
            column_set_null(&b.in->cols[2], i);
            column_set_null(&b.in->cols[3], i);
            column_set_null(&b.in->cols[4], i);
            batch_kinds(b.in)[i] = kinds[i];
            b.in->count++;
        }
        assert_int_equal(round_trip(&b, records, &n), ST_OK);
        assert_int_equal(n, 4); /* what is replaced at once need not go */
        assert_true(records[0].value.ptr && records[1].value.ptr && !records[2].value.ptr && !records[3].value.ptr);
        assert_int_equal(b.out->count, 4);
        assert_int_equal(b.out->kinds[0], ROW_UPDATE_AFTER);
        assert_int_equal(b.out->kinds[2], ROW_DELETE);
        assert_int_equal(b.out->cols[1].i64[1], 2);
        assert_true(str_eq(column_str(&b.out->cols[0], 2), STR("a")));
        assert_true(str_eq(column_str(&b.out->cols[0], 3), STR("b")));
        assert_true(column_is_null(&b.out->cols[1], 3));
        bench_down(&b);
    }
}

/* Records that no writer of ours makes. */
static void test_odd_records(void **state)
{
    (void)state;
    static const struct option apart[] = { OPTION("key.fields", "k"), OPTION("value.fields-include", "EXCEPT_KEY") };
    struct record records[] = {
        { .value = STR("{\"n\":1}") },                       /* no key */
        { .key = STR("x") },                                 /* no value */
        { .key = STR("\xff\xfe"), .value = STR("{\"n\":2}") }, /* no text */
        { .key = STR("y"), .value = STR("nonsense") },
        { .key = STR("z"), .value = STR("{\"n\":3}") },
    };
    struct message_origin from = { STR("topic"), 0, -1, MESSAGE_NO_TIME };
    struct bench b;
    struct message_reader *r;
    uint32_t taken;
    bench_up(&b, false, apart, 2, &format_raw);
    struct shared *chunk = gather(records, 5);
    assert_int_equal(message_reader_new(&b.layout, NULL, &b.ctx, STR("topic/0"), NULL, &r, NULL), ST_OK);
    assert_int_equal(message_reader_take(r, &from, chunk, records, 5, b.out, &taken, NULL), ST_OK);
    assert_int_equal(taken, 5);
    assert_int_equal(b.out->count, 2);
    assert_true(column_is_null(&b.out->cols[0], 0));
    assert_int_equal(b.out->cols[1].i64[0], 1);
    assert_true(str_eq(column_str(&b.out->cols[0], 1), STR("z")));
    assert_int_equal(b.bad, 2);
    batch_clear(b.out);
    b.layout.upsert = true;
    assert_int_equal(message_reader_take(r, &from, chunk, &(struct record){ .offset = 9 }, 1, b.out, &taken, NULL), ST_OK);
    assert_string_equal(b.reason, "it has neither key nor value");
    assert_int_equal(b.out->count, 0);
    message_reader_free(r);
    shared_unref(chunk);
    bench_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_divisions),  cmocka_unit_test(test_bytes),       cmocka_unit_test(test_memory_refused),
        cmocka_unit_test(test_replacing), cmocka_unit_test(test_odd_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
