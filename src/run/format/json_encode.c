/* Rows as JSON objects, and the json format's option table.
 *
 * What comes out is what Flink's json format writes: times with no more fraction digits than they have, TIMESTAMP_LTZ
 * in UTC with a Z, bytes in base64, numbers as Java prints them, members in the schema's order. */
#include "infer.h"
#include "json.h"

#include "format/format.h"

#include <math.h>

/* ---- settings ---- */

static const struct option_spec options[] = {
    { .name = "json.ignore-parse-errors", .type = OPT_BOOL, .fallback = "false",
      .help = "a field that does not fit becomes NULL, a line that is no JSON is left out" },
    { .name = "json.fail-on-missing-field", .type = OPT_BOOL, .fallback = "false",
      .help = "a record without a declared field is bad, rather than NULL there" },
    { .name = "json.timestamp-format.standard", .type = OPT_ENUM, .choices = "SQL|ISO-8601", .fallback = "SQL",
      .help = "2020-01-02 03:04:05 or 2020-01-02T03:04:05" },
    { .name = "json.map-null-key.mode", .type = OPT_ENUM, .choices = "FAIL|DROP|LITERAL", .fallback = "FAIL",
      .help = "what is written for a MAP entry whose key is NULL" },
    { .name = "json.map-null-key.literal", .type = OPT_STRING, .fallback = "null",
      .help = "the key that LITERAL writes" },
    { .name = "json.encode.decimal-as-plain-number", .type = OPT_BOOL, .fallback = "false",
      .help = "write very small decimals without an exponent" },
    { .name = "json.encode.ignore-null-fields", .type = OPT_BOOL, .fallback = "false",
      .help = "leave NULL fields out of what is written" },
    { .name = "json.validate", .type = OPT_ENUM, .choices = "full|needed", .fallback = "full",
      .help = "full: every record is checked whole; needed: nothing behind the last field that the query needs" },
};
#define N_OPTIONS (sizeof options / sizeof options[0])

/* Reads one option of `prefix`; what the table does not have is its empty default. */
static struct str setting(const struct options *o, const struct option_spec *specs, size_t n, const char *prefix,
                          const char *name)
{
    char full[96];
    size_t at = strlen(prefix), len = strlen(name);
    CHECK(at + len < sizeof full);
    memcpy(full, prefix, at);
    memcpy(full + at, name, len + 1);
    return option_str(o, specs, n, full);
}

static bool is_true(struct str s)
{
    return str_eq_nocase(s, STR("true"));
}

void json_settings_read(const struct options *o, const struct option_spec *specs, size_t n, const char *prefix,
                        struct connect_context *ctx, struct json_settings *ret)
{
    struct str mode = setting(o, specs, n, prefix, "map-null-key.mode");
    *ret = (struct json_settings){
        .ignore_errors = is_true(setting(o, specs, n, prefix, "ignore-parse-errors")),
        .fail_missing = is_true(setting(o, specs, n, prefix, "fail-on-missing-field")),
        .needed_only = str_eq(setting(o, specs, n, prefix, "validate"), STR("needed")) ||
                       (ctx && ctx->compact_validation),
        .decimal_plain = is_true(setting(o, specs, n, prefix, "encode.decimal-as-plain-number")),
        .omit_nulls = is_true(setting(o, specs, n, prefix, "encode.ignore-null-fields")),
        .map_null_key = str_eq(mode, STR("DROP"))      ? MAP_NULL_DROP
                        : str_eq(mode, STR("LITERAL")) ? MAP_NULL_LITERAL
                                                       : MAP_NULL_FAIL,
        .map_null_literal = setting(o, specs, n, prefix, "map-null-key.literal"),
        .rules = { .iso = str_eq(setting(o, specs, n, prefix, "timestamp-format.standard"), STR("ISO-8601")),
                   .zone = ctx ? ctx->zone : zone_utc },
    };
}

/* ---- types ---- */

/* As deep as the general path's JSON may be, with room for an envelope. */
#define TYPE_DEPTH 100u

static enum status check_type(struct str name, const struct type *t, uint32_t depth, struct error *err)
{
    if (depth > TYPE_DEPTH)
        return error_set(err, ST_LIMIT, "column '%.*s' is nested deeper than %u levels", STR_ARG(name), TYPE_DEPTH);
    for (uint32_t i = 0; i < t->n_fields; i++)
        TRY(check_type(name, t->fields[i].type, depth + 1, err));
    const struct type *key = t->kind == TYPE_MAP ? t->key : t->kind == TYPE_MULTISET ? t->element : NULL;
    if (key && (key->kind >= TYPE_ROW || key->kind == TYPE_NULL))
        return error_set(err, ST_UNSUPPORTED, "column '%.*s': JSON cannot carry a %s whose keys are no plain values",
                         STR_ARG(name), t->kind == TYPE_MAP ? "MAP" : "MULTISET");
    if (t->kind == TYPE_NULL)
        return error_set(err, ST_UNSUPPORTED, "column '%.*s' has no type", STR_ARG(name));
    return t->element ? check_type(name, t->element, depth + 1, err) : ST_OK;
}

enum status json_check_schema(const struct schema *schema, struct error *err)
{
    for (uint32_t i = 0; i < schema->n_fields; i++)
        TRY(check_type(schema->fields[i].name, schema->fields[i].type, 1, err));
    return ST_OK;
}

/* ---- writing ---- */

enum put { PUT, PUT_MEMORY, PUT_NULL_KEY };

static enum put put_value(const struct json_writer *w, const struct column *c, uint32_t row, struct buf *out);

static enum put put_if(bool ok)
{
    return ok ? PUT : PUT_MEMORY;
}

#define PUT_TRY(call)              \
    do {                           \
        enum put put_try_ = (call); \
        if (put_try_ != PUT)       \
            return put_try_;       \
    } while (0)

static bool put_quoted(struct buf *out, const char *text, size_t len)
{
    return buf_reserve(out, len + 2) && buf_put_u8(out, '"') && buf_put(out, text, len) && buf_put_u8(out, '"');
}

static bool put_real(struct buf *out, double v, size_t len, const char *text)
{
    return isfinite(v) ? buf_put(out, text, len) : put_quoted(out, text, len);
}

static bool put_base64(struct buf *out, struct str s)
{
    return buf_put_u8(out, '"') && base64_encode(out, s.ptr, s.len) && buf_put_u8(out, '"');
}

static enum put put_object(const struct json_writer *w, const struct field *fields, const struct column *cols,
                           uint32_t n, uint32_t row, struct buf *out)
{
    bool first = true;
    if (!buf_put_u8(out, '{'))
        return PUT_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        if (w->settings.omit_nulls && column_is_null(&cols[i], row))
            continue;
        if ((!first && !buf_put_u8(out, ',')) || !json_put_string(out, fields[i].name) || !buf_put_u8(out, ':'))
            return PUT_MEMORY;
        first = false;
        PUT_TRY(put_value(w, &cols[i], row, out));
    }
    return put_if(buf_put_u8(out, '}'));
}

/* A key is the text of its value. */
static enum put put_key(const struct json_writer *w, const struct column *keys, uint32_t row, struct buf *out)
{
    struct buf text;
    if (type_is_text(keys->type))
        return put_if(json_put_string(out, column_str(keys, row)));
    buf_init(&text, out->budget, UINT32_MAX);
    enum put p = put_value(w, keys, row, &text);
    bool quoted = p == PUT && text.len > 0 && text.data[0] == '"';
    if (p == PUT)
        p = put_if(quoted ? buf_put(out, text.data, text.len) : put_quoted(out, (char *)text.data, text.len));
    buf_release(&text);
    return p;
}

static enum put put_map(const struct json_writer *w, const struct column *c, uint32_t row, struct buf *out)
{
    struct listview v = c->list[row];
    const struct column *keys = &c->children[0];
    bool first = true;
    if (!buf_put_u8(out, '{'))
        return PUT_MEMORY;
    for (uint32_t i = v.offset; i < v.offset + v.len; i++) {
        bool null_key = column_is_null(keys, i);
        if (null_key && w->settings.map_null_key == MAP_NULL_FAIL)
            return PUT_NULL_KEY;
        if (null_key && w->settings.map_null_key == MAP_NULL_DROP)
            continue;
        if (!first && !buf_put_u8(out, ','))
            return PUT_MEMORY;
        first = false;
        PUT_TRY(null_key ? put_if(json_put_string(out, w->settings.map_null_literal)) : put_key(w, keys, i, out));
        if (!buf_put_u8(out, ':'))
            return PUT_MEMORY;
        PUT_TRY(put_value(w, &c->children[1], i, out));
    }
    return put_if(buf_put_u8(out, '}'));
}

static enum put put_array(const struct json_writer *w, const struct column *c, uint32_t row, struct buf *out)
{
    struct listview v = c->list[row];
    if (!buf_put_u8(out, '['))
        return PUT_MEMORY;
    for (uint32_t i = 0; i < v.len; i++) {
        if (i > 0 && !buf_put_u8(out, ','))
            return PUT_MEMORY;
        PUT_TRY(put_value(w, &c->children[0], v.offset + i, out));
    }
    return put_if(buf_put_u8(out, ']'));
}

static enum put put_value(const struct json_writer *w, const struct column *c, uint32_t row, struct buf *out)
{
    char text[64];
    if (column_is_null(c, row))
        return put_if(buf_put(out, "null", 4));
    switch (c->type->kind) {
    case TYPE_BOOLEAN:
        return put_if(c->b[row] ? buf_put(out, "true", 4) : buf_put(out, "false", 5));
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_INTERVAL_MONTH:
        return put_if(buf_put(out, text, i64_print(c->i32[row], text)));
    case TYPE_BIGINT:
    case TYPE_INTERVAL_DAY:
        return put_if(buf_put(out, text, i64_print(c->i64[row], text)));
    case TYPE_FLOAT:
        return put_if(put_real(out, (double)c->f32[row], f32_print(c->f32[row], text), text));
    case TYPE_DOUBLE:
        return put_if(put_real(out, c->f64[row], f64_print(c->f64[row], text), text));
    case TYPE_DECIMAL:
        return put_if(buf_put(out, text, decimal_text_print(c->type, c, row, w->settings.decimal_plain, text)));
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        return put_if(json_put_string(out, column_str(c, row)));
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return put_if(put_base64(out, column_str(c, row)));
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return put_if(put_quoted(out, text, time_text_print(&w->settings.rules, c->type, c, row, text)));
    case TYPE_VARIANT:
        return put_if(variant_print(out, column_str(c, row)));
    case TYPE_ROW:
        return put_object(w, c->type->fields, c->children, c->n_children, row, out);
    case TYPE_ARRAY:
        return put_array(w, c, row, out);
    case TYPE_MAP:
    case TYPE_MULTISET:
        return put_map(w, c, row, out);
    default:
        return put_if(buf_put(out, "null", 4));
    }
}

static enum status settle(enum put p, size_t before, struct budget *b, struct buf *out, struct error *err)
{
    if (p == PUT)
        return ST_OK;
    out->len = before;
    if (p == PUT_MEMORY)
        return format_memory(b, err);
    error_set(err, ST_DATA, "a MAP has a NULL key, which JSON cannot carry");
    error_hint(err, "set map-null-key.mode to DROP or LITERAL");
    return ST_DATA;
}

enum status json_write_row(const struct json_writer *w, const struct column *cols, uint32_t row, struct budget *b,
                           struct buf *out, struct error *err)
{
    size_t before = out->len;
    return settle(put_object(w, w->schema->fields, cols, w->schema->n_fields, row, out), before, b, out, err);
}

enum status json_write_value(const struct json_writer *w, const struct column *c, uint32_t row, struct budget *b,
                             struct buf *out, struct error *err)
{
    size_t before = out->len;
    return settle(put_value(w, c, row, out), before, b, out, err);
}

/* ---- the format ---- */

struct json_encoder {
    struct encoder base;
    struct budget *budget;
    struct arena arena;
    struct json_writer writer;
    struct json_put put;
};

static enum status encode(struct encoder *base, const struct batch *b, struct buf *out, struct error *err)
{
    struct json_encoder *e = (struct json_encoder *)base;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        TRY(json_put_row(&e->put, b->cols, batch_row(b, k), e->budget, out, err));
        if (!buf_put_u8(out, '\n'))
            return format_memory(e->budget, err);
    }
    return ST_OK;
}

static enum status encode_many(struct encoder *base, const struct batch *b, struct buf *out, struct encoded *ret,
                               struct error *err)
{
    struct json_encoder *e = (struct json_encoder *)base;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        TRY(json_put_row(&e->put, b->cols, batch_row(b, k), e->budget, out, err));
        ret[k] = (struct encoded){ .end = out->len };
    }
    return ST_OK;
}

static enum status begin(struct encoder *base, struct buf *out, struct error *err)
{
    (void)base, (void)out, (void)err;
    return ST_OK;
}

static void encoder_free(struct encoder *base)
{
    struct json_encoder *e = (struct json_encoder *)base;
    if (!e)
        return;
    arena_release(&e->arena);
    mem_free(e->budget, e, sizeof *e);
}

static const struct encoder_ops encoder_ops = {
    .encode = encode, .encode_many = encode_many, .begin = begin, .free = encoder_free,
};

static enum status open_encoder(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                                struct budget *budget, struct encoder **ret, struct error *err)
{
    TRY(json_check_schema(schema, err));
    struct json_encoder *e = mem_calloc(budget, sizeof *e);
    if (!e)
        return format_memory(budget, err);
    e->base.ops = &encoder_ops;
    e->budget = budget;
    e->writer.schema = schema;
    json_settings_read(&t->options, options, N_OPTIONS, "json.", ctx, &e->writer.settings);
    arena_init(&e->arena, budget);
    enum status st = json_put_init(&e->put, &e->writer, &e->arena, err);
    if (st != ST_OK) {
        encoder_free(&e->base);
        return st;
    }
    *ret = &e->base;
    return ST_OK;
}

static enum status open_decoder(const struct table_desc *t, const struct schema *schema, const struct need *needs,
                                struct connect_context *ctx, struct budget *budget, struct decoder **ret,
                                struct error *err)
{
    struct json_settings s;
    struct json_decoder *d;
    json_settings_read(&t->options, options, N_OPTIONS, "json.", ctx, &s);
    s.whole = t->inferred;
    if (s.ignore_errors && s.fail_missing)
        return error_set(err, ST_SEMANTIC,
                         "json.fail-on-missing-field and json.ignore-parse-errors cannot both be true");
    TRY(json_decoder_new(schema, needs, &s, budget, &d, err));
    *ret = json_decoder_face(d);
    return ST_OK;
}

enum status format_json_values(const struct schema *schema, const struct zone *zone, struct budget *budget,
                               struct decoder **ret, struct error *err)
{
    struct json_settings s = { .positional = true, .rules.zone = zone ? *zone : zone_utc };
    struct json_decoder *d;
    TRY(json_decoder_new(schema, NULL, &s, budget, &d, err));
    *ret = json_decoder_face(d);
    return ST_OK;
}

const struct format format_json = {
    .name = "json",
    .help = "one JSON object a line (or message)",
    .options = options,
    .n_options = N_OPTIONS,
    .source_kinds = 1u << ROW_INSERT,
    .sink_updates = false,
    .infer = json_infer,
    .open_decoder = open_decoder,
    .open_encoder = open_encoder,
};
