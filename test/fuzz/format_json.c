/* Fuzzes the json decoder: lines that follow two good ones (so that something has been learned) must give the same
 * rows and the same faults through the speculating scanner, through the general path, cut into two calls, and as
 * messages. Under full validation a row comes out only of a line that is JSON, and what is not JSON is bad. */
#include <stdlib.h>

#include "format/format.h"
#include "format/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static const char learned[] =
    "{\"a\":1,\"b\":\"text\",\"i\":5,\"d\":1.5,\"c\":2.25,\"o\":true,\"t\":\"2026-01-02 03:04:05.678\",\"r\":{\"x\""
    ":1,\"y\":\"q\"},"
    "\"l\":[1,2],\"m\":{\"k\":1},\"f\":1,\"z\":\"2026-01-02 03:04:05.678Z\",\"n\":3}\n"
    "{\"a\": 1, \"u\": {\"deep\": [1]}, \"b\": \"text longer than twelve\", \"r\": null}\n";

#define F(n, t) { STR_INIT(n), t }
#define COLUMNS 13u

static struct arena arena;
static struct schema schema;

static void make_schema(void)
{
    arena_init(&arena, NULL);
    const struct field inner[] = { F("x", type_basic(TYPE_SMALLINT)), F("y", type_string()) };
    const struct field fields[COLUMNS] = {
        F("a", type_basic(TYPE_BIGINT)), F("b", type_string()), F("i", type_basic(TYPE_INT)),
            F("d", type_basic(TYPE_DOUBLE)),
        F("c", type_decimal(&arena, 9, 3)), F("o", type_basic(TYPE_BOOLEAN)), F("t", type_timestamp(&arena,
            TYPE_TIMESTAMP, 3)),
        F("r", type_row(&arena, inner, 2)), F("l", type_array(&arena, type_basic(TYPE_INT))),
        F("m", type_map(&arena, type_string(), type_basic(TYPE_INT))), F("f", type_basic(TYPE_FLOAT)),
        F("z", type_timestamp(&arena, TYPE_TIMESTAMP_LTZ, 6)), F("n", type_nullable(&arena, type_basic(TYPE_INT),
            false)),
    };
    struct schema s = { fields, COLUMNS };
    schema = schema_copy(&arena, &s);
}

/* NOT NULL only where `strict`; which columns are needed and how it is validated come from the input's first bytes. */
static struct decoder *open_decoder(uint8_t flags, uint8_t wanted, bool general)
{
    struct option o[3];
    uint32_t n = 0;
    struct need needs[COLUMNS];
    struct connect_context ctx = { .zone = zone_utc };
    struct decoder *d;
    struct error err;
    if (flags & 1)
        o[n++] = (struct option){ STR("json.validate"), STR("needed"), 0, 0 };
    if (flags & 2)
        o[n++] = (struct option){ STR("json.ignore-parse-errors"), STR("true"), 0, 0 };
    else if (flags & 4)
        o[n++] = (struct option){ STR("json.fail-on-missing-field"), STR("true"), 0, 0 };
    struct table_desc t = { .name = STR("t"), .options = { o, n } };
    for (uint32_t i = 0; i < COLUMNS; i++)
        needs[i] = (struct need){ .used = (wanted >> i % 8 & 1) != 0 };
    needs[COLUMNS - 1].used = (flags & 8) != 0;
    must(format_json.open_decoder(&t, &schema, wanted ? needs : NULL, &ctx, NULL, &d, &err) == ST_OK);
    if (general)
        json_decoder_general_only(d);
    return d;
}

static void put_rows(struct buf *out, const struct batch *b)
{
    for (uint32_t row = 0; row < b->count; row++)
        for (uint32_t c = 0; c < COLUMNS; c++)
            must(value_print_json(out, &b->cols[c], row, &zone_utc) && buf_put_u8(out, c + 1 < COLUMNS ? ',' : '\n'));
}

static void put_bad(struct buf *out, const struct decoded *r)
{
    must(r->bad_at + r->bad_len == r->used);
    must(buf_printf(out, "bad %u %u %s\n", r->bad_len, r->bad_column, r->reason));
}

/* All that comes out of bytes[0, len); the first `cut` of them are given first. */
static void lines(struct decoder *d, struct str bytes, size_t cut, uint32_t slack, uint32_t max_rows, struct buf *out)
{
    struct shared *c = shared_new(NULL, (uint32_t)bytes.len + slack);
    struct batch *b = batch_new(&schema, 8, NULL);
    struct error err;
    uint32_t from = 0, to = (uint32_t)cut;
    memcpy(c->data, bytes.ptr, bytes.len);
    memset(c->data + bytes.len, '0', slack);
    c->len = (uint32_t)bytes.len;
    for (;;) {
        struct decoded r;
        batch_clear(b);
        must(d->ops->decode(d, c, from, to, to == bytes.len, b, max_rows, &r, &err) == ST_OK);
        put_rows(out, b);
        if (r.bad)
            put_bad(out, &r);
        from += r.used;
        must(from <= to);
        if (r.used == 0 && to == bytes.len)
            break;
        if (r.used == 0)
            to = (uint32_t)bytes.len;
    }
    must(from == bytes.len);
    batch_free(b);
    shared_unref(c);
}

static void messages(struct decoder *d, struct str bytes, uint32_t slack, bool full, struct buf *out)
{
    struct shared *c = shared_new(NULL, (uint32_t)bytes.len + slack);
    struct batch *b = batch_new(&schema, 8, NULL);
    struct error err;
    memcpy(c->data, bytes.ptr, bytes.len);
    memset(c->data + bytes.len, '0', slack);
    c->len = (uint32_t)bytes.len;
    struct str rest = str_make(c->data, bytes.len);
    while (rest.ptr) {
        struct decoded r;
        struct str one = str_split(&rest, '\n');
        size_t offset;
        const char *fault;
        batch_clear(b);
        must(d->ops->decode_one(d, c, one, b, &r, &err) == ST_OK);
        bool json = json_valid(one, &offset, &fault);
        if (full)
            must(json ? true : b->count == 0);
        if (full && !json && str_trim(one).len > 0)
            must(r.bad);
        put_rows(out, b);
        if (r.bad)
            must(buf_printf(out, "bad %u %s\n", r.bad_column, r.reason));
    }
    batch_free(b);
    shared_unref(c);
}

static void same(struct buf *a, struct buf *b)
{
    must(str_eq(buf_str(a), buf_str(b)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!schema.n_fields)
        make_schema();
    if (size < 4 || size > 4096)
        return 0;
    uint8_t flags = data[0], wanted = data[1], cut = data[2];
    struct buf in, out[3];
    buf_init(&in, NULL, SIZE_MAX);
    must(buf_put(&in, learned, sizeof learned - 1) && buf_put(&in, data + 3, size - 3));
    struct str bytes = buf_str(&in);
    for (int way = 0; way < 3; way++) {
        struct decoder *d = open_decoder(flags, wanted, way == 0);
        buf_init(&out[way], NULL, SIZE_MAX);
        lines(d, bytes, way == 2 ? (size_t)cut * 16 % (bytes.len + 1) : bytes.len, way == 2 ? cut : 200,
              way == 2 ? 1 + cut % 3 : 8, &out[way]);
        d->ops->free(d);
    }
    same(&out[0], &out[1]);
    same(&out[0], &out[2]);
    for (int way = 0; way < 2; way++) {
        struct decoder *d = open_decoder(flags, wanted, way == 0);
        buf_clear(&out[way]);
        messages(d, bytes, 130, (flags & 3) == 0, &out[way]);
        d->ops->free(d);
    }
    same(&out[0], &out[1]);
    for (int way = 0; way < 3; way++)
        buf_release(&out[way]);
    buf_release(&in);
    return 0;
}
