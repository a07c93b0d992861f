/* Fuzzes the csv format: however the bytes are cut the same rows and faults come out, and what is written reads back as
 * the same rows. */
#include <stdlib.h>

#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

#define F(n, t) { STR_INIT(n), t }
#define COLUMNS 4u

static struct arena arena;
static struct schema schema;

static void make_schema(void)
{
    arena_init(&arena, NULL);
    const struct field fields[COLUMNS] = { F("a", type_string()), F("b", type_basic(TYPE_INT)),
                                           F("c", type_timestamp(&arena, TYPE_TIMESTAMP, 3)), F("d", type_bytes()) };
    struct schema s = { fields, COLUMNS };
    schema = schema_copy(&arena, &s);
}

static struct table_desc table(uint8_t flags, struct option o[6])
{
    static const char *const headers[] = { "none", "skip", "names", "none" };
    uint32_t n = 0;
    o[n++] = (struct option){ STR("csv.header"), str_from(headers[flags & 3]), 0, 0 };
    if (flags & 4)
        o[n++] = (struct option){ STR("csv.ignore-parse-errors"), STR("true"), 0, 0 };
    if (flags & 8)
        o[n++] = (struct option){ STR("csv.null-literal"), STR("n"), 0, 0 };
    if (flags & 16)
        o[n++] = (struct option){ STR("csv.field-delimiter"), STR(";"), 0, 0 };
    if (flags & 32)
        o[n++] = (struct option){ STR("csv.escape-character"), STR("\\"), 0, 0 };
    if (flags & 64)
        o[n++] = (struct option){ STR("csv.allow-comments"), STR("true"), 0, 0 };
    return (struct table_desc){ .name = STR("t"), .options = { o, n } };
}

static void put_rows(struct buf *out, const struct batch *b)
{
    for (uint32_t row = 0; row < b->count; row++)
        for (uint32_t c = 0; c < COLUMNS; c++)
            must(value_print_json(out, &b->cols[c], row, &zone_utc) && buf_put_u8(out, c + 1 < COLUMNS ? ',' : '\n'));
}

/* Rows into `out`, and into `written` through the encoder; faults into `out`. false: it failed as a whole. */
static bool lines(const struct table_desc *t, struct str bytes, uint32_t step, struct buf *out, struct buf *written)
{
    struct connect_context ctx = { .zone = zone_utc };
    struct decoder *d;
    struct encoder *e;
    struct error err;
    must(format_csv.open_decoder(t, &schema, NULL, &ctx, NULL, &d, &err) == ST_OK);
    must(format_csv.open_encoder(t, &schema, &ctx, NULL, &e, &err) == ST_OK);
    struct shared *c = shared_new(NULL, (uint32_t)bytes.len + 1);
    struct batch *b = batch_new(&schema, 8, NULL);
    uint32_t from = 0, to = 0;
    enum status st = e->ops->begin(e, written, &err);
    if (bytes.len)
        memcpy(c->data, bytes.ptr, bytes.len);
    c->len = (uint32_t)bytes.len;
    for (;;) {
        struct decoded r;
        batch_clear(b);
        st = d->ops->decode(d, c, from, to, to == bytes.len, b, 1 + step % 8, &r, &err);
        if (st != ST_OK)
            break;
        put_rows(out, b);
        must(e->ops->encode(e, b, written, &err) == ST_OK);
        if (r.bad)
            must(buf_printf(out, "bad %u %u %s\n", r.bad_len, r.bad_column, r.reason));
        from += r.used;
        must(from <= to);
        if (r.used == 0 && to == bytes.len)
            break;
        if (r.used == 0)
            to = bytes.len - to > step ? to + step : (uint32_t)bytes.len;
    }
    must(st != ST_OK || from == bytes.len);
    d->ops->free(d);
    e->ops->free(e);
    batch_free(b);
    shared_unref(c);
    return st == ST_OK;
}

static bool has_bad(struct buf *b)
{
    return str_starts(buf_str(b), STR("bad ")) || str_find(buf_str(b), STR("\nbad "), 0) >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!schema.n_fields)
        make_schema();
    if (size < 3 || size > 2048)
        return 0;
    struct option o[6];
    struct table_desc t = table(data[0], o);
    struct str bytes = str_make(data + 2, size - 2);
    struct buf whole, cut, again, written[3];
    struct buf *const all[] = { &whole, &cut, &again, &written[0], &written[1], &written[2] };
    for (size_t i = 0; i < 6; i++)
        buf_init(all[i], NULL, SIZE_MAX);
    bool ok = lines(&t, bytes, UINT32_MAX, &whole, &written[0]);
    must(ok == lines(&t, bytes, 1 + data[1] % 64, &cut, &written[1]));
    if (ok) {
        must(str_eq(buf_str(&whole), buf_str(&cut)));
        must(str_eq(buf_str(&written[0]), buf_str(&written[1])));
        /* With an escape character text may hold what cannot be written the same way, and without csv.null-literal a
         * NULL text (which only csv.ignore-parse-errors makes) reads back as an empty one. */
        if (!has_bad(&whole) && !(data[0] & 32) && (data[0] & 12) != 4) {
            must(lines(&t, buf_str(&written[0]), UINT32_MAX, &again, &written[2]));
            must(str_eq(buf_str(&whole), buf_str(&again)));
        }
    }
    for (size_t i = 0; i < 6; i++)
        buf_release(all[i]);
    return 0;
}
