/* debezium-json: change records, {"before": row, "after": row, "op": "c|r|u|d"}, maybe wrapped as the "payload"
 * beside a "schema".
 *
 * Reading is the json decoder over a schema made around the table's: ROW<before, after, op>. It fills a batch of
 * envelopes, from which rows go into the caller's batch with their kind: c and r one +I, d one -D, u a -U and a +U.
 * An update's pair stays in one batch, so decode may give one row more than max_rows when that is 1, and a batch
 * needs room for two.
 *
 * Envelopes are read one at a time: a record that is bad (or an update without `before`) must be the last that a call
 * uses. Writing knows no pairs: +I and +U are op c with `after`, -U and -D op d with `before`, as Flink does it. */
#include "private.h"

#include "format/format.h"

#include <stdio.h>

static const struct option_spec options[] = {
    { .name = "debezium-json.schema-include", .type = OPT_BOOL, .fallback = "false",
      .help = "records are {\"schema\": …, \"payload\": {…}}" },
    { .name = "debezium-json.ignore-parse-errors", .type = OPT_BOOL, .fallback = "false",
      .help = "a field that does not fit becomes NULL, a record that is malformed is left out" },
    { .name = "debezium-json.timestamp-format.standard", .type = OPT_ENUM, .choices = "SQL|ISO-8601",
      .fallback = "SQL", .help = "2020-01-02 03:04:05 or 2020-01-02T03:04:05" },
    { .name = "debezium-json.map-null-key.mode", .type = OPT_ENUM, .choices = "FAIL|DROP|LITERAL", .fallback = "FAIL",
      .help = "what is written for a MAP entry whose key is NULL" },
    { .name = "debezium-json.map-null-key.literal", .type = OPT_STRING, .fallback = "null",
      .help = "the key that LITERAL writes" },
    { .name = "debezium-json.encode.decimal-as-plain-number", .type = OPT_BOOL, .fallback = "false",
      .help = "write very small decimals without an exponent" },
    { .name = "debezium-json.encode.ignore-null-fields", .type = OPT_BOOL, .fallback = "false",
      .help = "leave NULL fields out of what is written" },
};
#define N_OPTIONS (sizeof options / sizeof options[0])

enum { BEFORE, AFTER, OP, ENVELOPE_FIELDS };

struct debezium_decoder {
    struct decoder base;
    struct arena arena;
    struct budget *budget;
    bool ignore_errors, wrapped;
    const struct schema *schema;
    struct schema envelope;
    struct json_decoder *json;
    struct batch *one; /* an envelope */
};

/* ROW<before ROW<…>, after ROW<…>, op STRING>, inside ROW<payload …> when wrapped, and what is needed of it. */
static bool make_envelope(struct debezium_decoder *d, const struct schema *s, const struct need *needs,
                          struct need **ret)
{
    struct arena *a = &d->arena;
    struct field *f = ARENA_ARRAY(a, struct field, ENVELOPE_FIELDS);
    struct field *top = ARENA_ARRAY(a, struct field, 1);
    struct need *inner = ARENA_ARRAY(a, struct need, ENVELOPE_FIELDS), *outer = ARENA_ARRAY(a, struct need, 1);
    struct need *row = ARENA_ARRAY(a, struct need, s->n_fields + 1);
    const struct type *image = type_row(a, s->fields, s->n_fields);
    if (!f || !top || !inner || !outer || !row || !image || !(image = type_nullable(a, image, true)))
        return false;
    for (uint32_t i = 0; i < s->n_fields; i++)
        row[i] = needs ? needs[i] : (struct need){ .used = true };
    f[BEFORE] = (struct field){ STR("before"), image };
    f[AFTER] = (struct field){ STR("after"), image };
    f[OP] = (struct field){ STR("op"), type_string() };
    inner[BEFORE] = inner[AFTER] = (struct need){ .used = true, .fields = row };
    inner[OP].used = true;
    d->envelope = (struct schema){ f, ENVELOPE_FIELDS };
    *ret = inner;
    if (d->wrapped) {
        const struct type *payload = type_row(a, f, ENVELOPE_FIELDS);
        if (!payload || !(payload = type_nullable(a, payload, true)))
            return false;
        top[0] = (struct field){ STR("payload"), payload };
        outer[0] = (struct need){ .used = true, .fields = inner };
        d->envelope = (struct schema){ top, 1 };
        *ret = outer;
    }
    return true;
}

/* ---- reading ---- */

static const struct column *part(const struct debezium_decoder *d, uint32_t i)
{
    return d->wrapped ? &d->one->cols[0].children[i] : &d->one->cols[i];
}

/* Appends `image` (BEFORE or AFTER) as a row of `kind`. */
static bool put_row(struct debezium_decoder *d, struct batch *out, uint32_t image, uint8_t kind)
{
    const struct column *from = part(d, image);
    for (uint32_t i = 0; i < d->schema->n_fields; i++)
        if (!column_copy(&out->cols[i], out->count, &from->children[i], 0, true))
            return false;
    batch_kinds(out)[out->count++] = kind;
    return true;
}

struct change {
    uint32_t n;
    struct {
        uint32_t image;
        uint8_t kind;
    } rows[2];
    const char *fault;
};

static struct change change_of(const struct debezium_decoder *d)
{
    static const struct {
        const char *op;
        struct change change;
    } table[] = {
        { "c", { 1, { { AFTER, ROW_INSERT } }, NULL } },
        { "r", { 1, { { AFTER, ROW_INSERT } }, NULL } },
        { "u", { 2, { { BEFORE, ROW_UPDATE_BEFORE }, { AFTER, ROW_UPDATE_AFTER } }, NULL } },
        { "d", { 1, { { BEFORE, ROW_DELETE } }, NULL } },
    };
    if (d->wrapped && column_is_null(&d->one->cols[0], 0))
        return (struct change){ .fault = "the record has no 'payload'" };
    if (column_is_null(part(d, OP), 0))
        return (struct change){ .fault = "the record has no 'op'" };
    struct str op = column_str(part(d, OP), 0);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!str_eq(op, str_from(table[i].op)))
            continue;
        for (uint32_t k = 0; k < table[i].change.n; k++) {
            uint32_t image = table[i].change.rows[k].image;
            if (column_is_null(part(d, image), 0))
                return (struct change){ .fault = image == AFTER ? "'after' is null"
                                                                : "'before' is null; the source must log whole rows "
                                                                  "(REPLICA IDENTITY FULL)" };
        }
        return table[i].change;
    }
    return (struct change){ .fault = "'op' is none of c, r, u, d" };
}

/* The envelope in d->one into `out`. False in *ret_room: it does not fit. */
static enum status take_change(struct debezium_decoder *d, struct batch *out, uint32_t room, struct decoded *at,
                               bool *ret_room, struct error *err)
{
    struct change c = change_of(d);
    *ret_room = c.n <= room;
    if (c.fault && !d->ignore_errors) {
        at->bad = true;
        at->bad_column = 0;
        snprintf(at->reason, sizeof at->reason, "%s", c.fault);
    }
    if (!*ret_room)
        return ST_OK;
    uint32_t before = out->count;
    for (uint32_t i = 0; i < c.n; i++)
        if (!put_row(d, out, c.rows[i].image, c.rows[i].kind)) {
            out->count = before;
            return format_memory(d->budget, err);
        }
    return ST_OK;
}

static enum status decode(struct decoder *base, struct shared *chunk, uint32_t from, uint32_t to, bool at_end,
                          struct batch *out, uint32_t max_rows, struct decoded *ret, struct error *err)
{
    struct debezium_decoder *d = (struct debezium_decoder *)base;
    struct decoder *json = json_decoder_face(d->json);
    struct decoded done = { 0 };
    uint32_t first = out->count;
    if (out->capacity < 2)
        return error_set(err, ST_LIMIT, "debezium-json needs batches of two rows at least");
    while (!done.bad && from + done.used < to) {
        uint32_t room = out->capacity - out->count, taken = out->count - first;
        uint32_t wanted = max_rows > taken ? max_rows - taken : 0;
        if (wanted == 1 && taken == 0)
            wanted = 2; /* a pair cannot be split */
        room = room < wanted ? room : wanted;
        if (room == 0)
            break;
        struct decoded now;
        bool fits = true;
        batch_clear(d->one);
        TRY(json->ops->decode(json, chunk, from + done.used, to, at_end, d->one, 1, &now, err));
        if (now.used == 0)
            break;
        if (now.bad) {
            now.bad_at += done.used;
        } else if (d->one->count > 0) {
            now.bad_at = done.used;
            now.bad_len = now.used;
            now.bad_lines = now.lines;
            TRY(take_change(d, out, room, &now, &fits, err));
        }
        if (!fits)
            break; /* read again when there is room */
        now.used += done.used;
        now.lines += done.lines;
        done = now;
    }
    *ret = done;
    return ST_OK;
}

static enum status decode_one(struct decoder *base, struct shared *chunk, struct str bytes, struct batch *out,
                              struct decoded *ret, struct error *err)
{
    struct debezium_decoder *d = (struct debezium_decoder *)base;
    struct decoder *json = json_decoder_face(d->json);
    struct decoded now = { 0 };
    bool fits = true;
    batch_clear(d->one);
    TRY(json->ops->decode_one(json, chunk, bytes, d->one, &now, err));
    if (!now.bad && d->one->count > 0) {
        now.bad_len = (uint32_t)bytes.len;
        TRY(take_change(d, out, out->capacity - out->count, &now, &fits, err));
        if (!fits)
            return error_set(err, ST_LIMIT, "the batch has no room for an update's two rows");
    }
    *ret = now;
    return ST_OK;
}

static void reset(struct decoder *base, uint64_t position)
{
    struct decoder *json = json_decoder_face(((struct debezium_decoder *)base)->json);
    json->ops->reset(json, position);
}

static void decoder_free(struct decoder *base)
{
    struct debezium_decoder *d = (struct debezium_decoder *)base;
    if (!d)
        return;
    if (d->json)
        json_decoder_face(d->json)->ops->free(json_decoder_face(d->json));
    batch_free(d->one);
    struct arena arena = d->arena; /* the decoder itself lies in it */
    arena_release(&arena);
}

static const struct decoder_ops decoder_ops = {
    .decode = decode, .decode_one = decode_one, .reset = reset, .free = decoder_free,
};

static enum status open_decoder(const struct table_desc *t, const struct schema *schema, const struct need *needs,
                                struct connect_context *ctx, struct budget *budget, struct decoder **ret,
                                struct error *err)
{
    struct json_settings s;
    json_settings_read(&t->options, options, N_OPTIONS, "debezium-json.", ctx, &s);
    s.needed_only = false; /* which of an envelope's parts are needed depends on `op` */
    struct arena arena;
    arena_init(&arena, budget);
    struct debezium_decoder *d = ARENA_NEW(&arena, struct debezium_decoder);
    if (!d) {
        arena_release(&arena);
        return format_memory(budget, err);
    }
    d->base.ops = &decoder_ops;
    d->arena = arena;
    d->budget = budget;
    d->schema = schema;
    d->ignore_errors = s.ignore_errors;
    d->wrapped = option_bool(&t->options, options, N_OPTIONS, "debezium-json.schema-include");
    struct need *inner;
    enum status st = make_envelope(d, schema, needs, &inner) ? ST_OK : format_memory(budget, err);
    if (st == ST_OK)
        st = json_decoder_new(&d->envelope, inner, &s, budget, &d->json, err);
    if (st == ST_OK && !(d->one = batch_new(&d->envelope, 1, budget)))
        st = format_memory(budget, err);
    if (st != ST_OK) {
        decoder_free(&d->base);
        return st;
    }
    *ret = &d->base;
    return ST_OK;
}

/* ---- writing ---- */

struct debezium_encoder {
    struct encoder base;
    struct budget *budget;
    struct json_writer writer;
};

static enum status encode(struct encoder *base, const struct batch *b, struct buf *out, struct error *err)
{
    static const struct {
        struct str before, after;
    } adds = { STR_INIT("{\"before\":null,\"after\":"), STR_INIT(",\"op\":\"c\"}\n") },
      takes = { STR_INIT("{\"before\":"), STR_INIT(",\"after\":null,\"op\":\"d\"}\n") };
    struct debezium_encoder *e = (struct debezium_encoder *)base;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        bool add = row_kind_adds(batch_kind(b, row));
        struct str head = add ? adds.before : takes.before, tail = add ? adds.after : takes.after;
        if (!buf_put(out, head.ptr, head.len))
            return format_memory(e->budget, err);
        TRY(json_write_row(&e->writer, b->cols, row, e->budget, out, err));
        if (!buf_put(out, tail.ptr, tail.len))
            return format_memory(e->budget, err);
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
        mem_free(((struct debezium_encoder *)e)->budget, e, sizeof(struct debezium_encoder));
}

static const struct encoder_ops encoder_ops = { .encode = encode, .begin = begin, .free = encoder_free };

static enum status open_encoder(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                                struct budget *budget, struct encoder **ret, struct error *err)
{
    TRY(json_check_schema(schema, err));
    if (option_bool(&t->options, options, N_OPTIONS, "debezium-json.schema-include"))
        return error_set(err, ST_UNSUPPORTED, "debezium-json.schema-include is for reading only");
    struct debezium_encoder *e = mem_calloc(budget, sizeof *e);
    if (!e)
        return format_memory(budget, err);
    e->base.ops = &encoder_ops;
    e->budget = budget;
    e->writer.schema = schema;
    json_settings_read(&t->options, options, N_OPTIONS, "debezium-json.", ctx, &e->writer.settings);
    *ret = &e->base;
    return ST_OK;
}

const struct format format_debezium_json = {
    .name = "debezium-json",
    .help = "change records with before, after and op",
    .options = options,
    .n_options = N_OPTIONS,
    .source_kinds = 1u << ROW_INSERT | 1u << ROW_UPDATE_BEFORE | 1u << ROW_UPDATE_AFTER | 1u << ROW_DELETE,
    .sink_updates = true,
    .open_decoder = open_decoder,
    .open_encoder = open_encoder,
};
