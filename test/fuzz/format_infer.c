/* Fuzzes the guessing of columns: whatever a sample holds, JSON or CSV, the columns have names and types, the same sample gives
 * the same columns, and what a decoder of those columns then reads of it ends. */
#include <stdlib.h>

#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static enum status infer(const struct format *f, const struct table_desc *t, const struct sample *samples, uint32_t n,
                         struct arena *a, struct inferred *ret)
{
    struct error err = { 0 };
    *ret = (struct inferred){ 0 };
    enum status st = f->infer(t, samples, n, a, ret, &err);
    must(st == ST_OK || (st != ST_BUG && err.message[0]));
    for (uint32_t i = 0; st == ST_OK && i < ret->schema.n_fields; i++)
        must(ret->schema.fields[i].type && ret->schema.fields[i].type->nullable);
    must(st != ST_OK || ret->schema.n_fields > 0);
    return st;
}

/* Reads the sample as a file whose columns were inferred. */
static void decode(const struct format *f, const struct inferred *in, const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct option o[4];
    struct connect_context ctx = { .zone = zone_utc };
    struct decoder *d = NULL;
    for (uint32_t i = 0; i < in->n_options; i++)
        o[i] = in->options[i];
    struct table_desc t = { .name = STR("t"), .options = { o, in->n_options }, .inferred = true, .physical = in->schema };
    if (f->open_decoder(&t, &in->schema, NULL, &ctx, NULL, &d, &err) != ST_OK)
        return;
    struct shared *chunk = shared_new(NULL, (uint32_t)size + 256);
    struct batch *b = batch_new(&in->schema, 16, NULL);
    must(chunk && b);
    if (size)
        memcpy(chunk->data, data, size);
    chunk->len = (uint32_t)size;
    d->ops->reset(d, 0);
    for (uint32_t from = 0, turns = 0; turns < 4096; turns++) {
        struct decoded r = { 0 };
        batch_clear(b);
        if (d->ops->decode(d, chunk, from, chunk->len, true, b, 8, &r, &err) != ST_OK || (r.used == 0 && b->count == 0))
            break;
        from += r.used;
    }
    batch_free(b);
    shared_unref(chunk);
    d->ops->free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1u << 16)
        return 0;
    const struct format *f = data[0] & 1 ? &format_json : &format_csv;
    size_t cut = 2 + (size - 2) * (data[1] % 16) / 16;
    const struct table_desc t = { .name = STR("t") };
    const struct sample samples[2] = {
        { STR("a"), { (const char *)data + 2, cut - 2 }, data[0] & 2 },
        { STR("b"), { (const char *)data + cut, size - cut }, data[0] & 4 },
    };
    struct arena a;
    struct inferred once, twice;
    arena_init(&a, NULL);
    enum status st = infer(f, &t, samples, 2, &a, &once);
    must(infer(f, &t, samples, 2, &a, &twice) == st);
    if (st == ST_OK) {
        must(schema_equal(&once.schema, &twice.schema) && once.n_options == twice.n_options);
        decode(f, &once, data + cut, size - cut);
    }
    arena_release(&a);
    return 0;
}
