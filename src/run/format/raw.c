/* The raw format: one column of text or bytes, a line (in a file) or a message each, as it is. */
#include "private.h"

#include "format/format.h"

static const struct option_spec options[] = {
    { .name = "raw.charset", .type = OPT_ENUM, .choices = "UTF-8", .fallback = "UTF-8", .help = "only UTF-8" },
};

static enum status check_schema(const struct schema *s, struct error *err)
{
    const struct type *t = s->n_fields == 1 ? s->fields[0].type : NULL;
    if (!t)
        return error_set(err, ST_SEMANTIC, "format 'raw' takes exactly one physical column, not %u", s->n_fields);
    if (!type_is_text(t) && !type_is_bytes(t))
        return error_set(err, ST_UNSUPPORTED, "format 'raw' takes a column of text or bytes; '%.*s' is neither",
                         STR_ARG(s->fields[0].name));
    return ST_OK;
}

struct raw_decoder {
    struct decoder base;
    struct budget *budget;
    bool text, nullable, needed;
};

static enum taken put(struct raw_decoder *d, struct column *c, uint32_t row, struct shared *chunk, struct str s)
{
    if (!s.ptr || !d->needed) {
        column_set_null(c, row);
        return TAKEN;
    }
    if (d->text && !utf8_valid(s))
        return TAKEN_BAD;
    if (c->nulls)
        c->nulls[row] = 0;
    uint32_t buffer;
    if (s.len <= 12 || !chunk)
        return column_set_str(c, row, s.ptr, s.len) ? TAKEN : TAKEN_MEMORY;
    if ((buffer = column_share(c, chunk)) == UINT32_MAX)
        return TAKEN_MEMORY;
    struct strview v = { .len = (uint32_t)s.len,
                         .ref = { .buffer = buffer, .offset = (uint32_t)((const uint8_t *)s.ptr - chunk->data) } };
    memcpy(v.ref.prefix, s.ptr, 4);
    c->str[row] = v;
    return TAKEN;
}

static void tell_bad(struct decoded *ret, struct str record, uint32_t at, uint32_t len, uint32_t lines)
{
    static const char reason[] = "invalid UTF-8";
    ret->bad = true;
    ret->bad_at = at;
    ret->bad_len = len;
    ret->bad_lines = lines;
    ret->bad_column = (uint32_t)utf8_check(record) + 1;
    memcpy(ret->reason, reason, sizeof reason);
}

static enum status decode(struct decoder *base, struct shared *chunk, uint32_t from, uint32_t to, bool at_end,
                          struct batch *out, uint32_t max_rows, struct decoded *ret, struct error *err)
{
    struct raw_decoder *d = (struct raw_decoder *)base;
    struct decoded done = { 0 };
    const char *start = (const char *)chunk->data + from, *at = start, *end = (const char *)chunk->data + to;
    uint32_t room = out->capacity - out->count, row = out->count;
    uint32_t most = row + (max_rows < room ? max_rows : room);
    while (at < end && row < most && !done.bad) {
        const char *newline = text_find_newline(at, end);
        if (newline == end && !at_end)
            break;
        struct str record = str_make(at, (size_t)(newline - at));
        const char *next = newline + (newline < end);
        enum taken t = put(d, out->cols, row, chunk, record);
        if (t == TAKEN_MEMORY)
            return format_memory(d->budget, err);
        done.lines += newline < end;
        if (t == TAKEN_BAD)
            tell_bad(&done, record, (uint32_t)(at - start), (uint32_t)(next - at), newline < end);
        row += t == TAKEN;
        at = next;
    }
    done.used = (uint32_t)(at - start);
    out->count = row;
    *ret = done;
    return ST_OK;
}

static enum status decode_one(struct decoder *base, struct shared *chunk, struct str bytes, struct batch *out,
                              struct decoded *ret, struct error *err)
{
    struct raw_decoder *d = (struct raw_decoder *)base;
    struct decoded done = { .used = (uint32_t)bytes.len };
    static const char no_null[] = "NULL, but the column is NOT NULL";
    if (out->count == out->capacity)
        return error_set(err, ST_LIMIT, "the batch has no room for a row");
    if (!bytes.ptr && !d->nullable) {
        done.bad = true;
        memcpy(done.reason, no_null, sizeof no_null);
        *ret = done;
        return ST_OK;
    }
    enum taken t = put(d, out->cols, out->count, chunk, bytes);
    if (t == TAKEN_MEMORY)
        return format_memory(d->budget, err);
    if (t == TAKEN_BAD)
        tell_bad(&done, bytes, 0, (uint32_t)bytes.len, 0);
    out->count += t == TAKEN;
    *ret = done;
    return ST_OK;
}

static void reset(struct decoder *d, uint64_t position)
{
    (void)d, (void)position;
}

static void decoder_free(struct decoder *d)
{
    if (d)
        mem_free(((struct raw_decoder *)d)->budget, d, sizeof(struct raw_decoder));
}

static const struct decoder_ops decoder_ops = {
    .decode = decode, .decode_one = decode_one, .reset = reset, .free = decoder_free,
};

static enum status open_decoder(const struct table_desc *t, const struct schema *schema, const struct need *needs,
                                struct connect_context *ctx, struct budget *budget, struct decoder **ret,
                                struct error *err)
{
    (void)t, (void)ctx;
    TRY(check_schema(schema, err));
    struct raw_decoder *d = mem_calloc(budget, sizeof *d);
    if (!d)
        return format_memory(budget, err);
    d->base.ops = &decoder_ops;
    d->budget = budget;
    d->text = type_is_text(schema->fields[0].type);
    d->nullable = schema->fields[0].type->nullable;
    d->needed = !needs || needs[0].used;
    *ret = &d->base;
    return ST_OK;
}

struct raw_encoder {
    struct encoder base;
    struct budget *budget;
};

static enum status encode(struct encoder *base, const struct batch *b, struct buf *out, struct error *err)
{
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        struct str s = column_is_null(b->cols, row) ? (struct str){ 0 } : column_str(b->cols, row);
        if ((s.len > 0 && !buf_put(out, s.ptr, s.len)) || !buf_put_u8(out, '\n'))
            return format_memory(((struct raw_encoder *)base)->budget, err);
    }
    return ST_OK;
}

static enum status encode_many(struct encoder *base, const struct batch *b, struct buf *out, struct encoded *ret,
                               struct error *err)
{
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        bool null = column_is_null(b->cols, row);
        struct str s = null ? STR("") : column_str(b->cols, row);
        if (s.len > 0 && !buf_put(out, s.ptr, s.len))
            return format_memory(((struct raw_encoder *)base)->budget, err);
        ret[k] = (struct encoded){ out->len, null };
    }
    return ST_OK;
}

static enum status begin(struct encoder *base, struct buf *out, struct error *err)
{
    (void)base, (void)out, (void)err;
    return ST_OK;
}

static void encoder_free(struct encoder *e)
{
    if (e)
        mem_free(((struct raw_encoder *)e)->budget, e, sizeof(struct raw_encoder));
}

static const struct encoder_ops encoder_ops = {
    .encode = encode, .encode_many = encode_many, .begin = begin, .free = encoder_free,
};

static enum status open_encoder(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                                struct budget *budget, struct encoder **ret, struct error *err)
{
    (void)t, (void)ctx;
    TRY(check_schema(schema, err));
    struct raw_encoder *e = mem_calloc(budget, sizeof *e);
    if (!e)
        return format_memory(budget, err);
    e->base.ops = &encoder_ops;
    e->budget = budget;
    *ret = &e->base;
    return ST_OK;
}

const struct format format_raw = {
    .name = "raw",
    .help = "one column: each line (or message) as it is",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .source_kinds = 1u << ROW_INSERT,
    .sink_updates = false,
    .check = check_schema,
    .open_decoder = open_decoder,
    .open_encoder = open_encoder,
};
