/* Rows as CSV lines, and the csv format's option table.
 *
 * What would read as NULL (it equals csv.null-literal, or is empty bytes) is quoted, since only an unquoted field can
 * be NULL. Elements of ARRAY and ROW are joined by csv.array-element-delimiter, as they are read. */
#include "csv.h"
#include "infer.h"

#include "format/format.h"

/* ---- options ---- */

const struct option_spec csv_options[] = {
    { .name = "csv.field-delimiter", .type = OPT_STRING, .fallback = ",", .help = "one character; \\t is a tab" },
    { .name = "csv.disable-quote-character", .type = OPT_BOOL, .fallback = "false",
      .help = "quotes are plain characters" },
    { .name = "csv.quote-character", .type = OPT_STRING, .fallback = "\"", .help = "one character" },
    { .name = "csv.allow-comments", .type = OPT_BOOL, .fallback = "false",
      .help = "lines that start with # are skipped" },
    { .name = "csv.ignore-parse-errors", .type = OPT_BOOL, .fallback = "false",
      .help = "a field that does not fit becomes NULL, a malformed line is left out" },
    { .name = "csv.array-element-delimiter", .type = OPT_STRING, .fallback = ";",
      .help = "between the elements of an ARRAY or ROW" },
    { .name = "csv.escape-character", .type = OPT_STRING, .help = "one character; none by default" },
    { .name = "csv.null-literal", .type = OPT_STRING, .help = "the unquoted text that stands for NULL" },
    { .name = "csv.timestamp-format.standard", .type = OPT_ENUM, .choices = "SQL|ISO-8601", .fallback = "SQL",
      .help = "2020-01-02 03:04:05 or 2020-01-02T03:04:05" },
    { .name = "csv.header", .type = OPT_ENUM, .choices = "none|skip|names", .fallback = "none",
      .help = "none: all lines are data; skip: the first is not; names: the first tells the order of the columns" },
};
const uint32_t csv_n_options = sizeof csv_options / sizeof csv_options[0];

static struct str option(const struct table_desc *t, const char *name)
{
    return option_str(&t->options, csv_options, csv_n_options, name);
}

/* One ASCII character, maybe written as \t or \u0009. 0 when the option is not given. */
static enum status character(const struct table_desc *t, const char *name, char *ret, struct error *err)
{
    struct str s = option(t, name);
    static const char escapes[][2] = { { 't', '\t' }, { '\\', '\\' }, { '0', 0 } };
    int64_t code = -1;
    if (s.len == 0) {
        *ret = 0;
        return ST_OK;
    }
    if (s.len == 1)
        code = (uint8_t)s.ptr[0];
    for (size_t i = 0; s.len == 2 && s.ptr[0] == '\\' && i < 2; i++)
        if (s.ptr[1] == escapes[i][0])
            code = escapes[i][1];
    if (s.len == 6 && str_starts(s, STR("\\u00"))) {
        code = 0;
        for (size_t i = 4; i < 6; i++) {
            char c = s.ptr[i] | 0x20;
            bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9', letter = c >= 'a' && c <= 'f';
            code = digit ? code * 16 + s.ptr[i] - '0' : letter ? code * 16 + c - 'a' + 10 : -1000;
        }
    }
    if (code <= 0 || code > 127 || code == '\n' || code == '\r')
        return error_set(err, ST_SEMANTIC, "%s must be one ASCII character, not '%.*s'", name, STR_ARG(s));
    *ret = (char)code;
    return ST_OK;
}

static enum status check_type(struct str name, const struct type *t, bool inside, struct error *err)
{
    bool listed = t->kind == TYPE_ARRAY || t->kind == TYPE_ROW;
    bool never = t->kind == TYPE_MAP || t->kind == TYPE_MULTISET || t->kind == TYPE_VARIANT || t->kind == TYPE_NULL;
    if (never || (listed && inside))
        return error_set(err, ST_UNSUPPORTED,
                         "column '%.*s': csv cannot carry a MAP, MULTISET or VARIANT, nor a list in a list",
                         STR_ARG(name));
    for (uint32_t i = 0; i < t->n_fields; i++)
        TRY(check_type(name, t->fields[i].type, true, err));
    return t->element ? check_type(name, t->element, true, err) : ST_OK;
}

enum status csv_settings_read(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                              struct csv_settings *ret, struct error *err)
{
    struct csv_settings s = { 0 };
    TRY(character(t, "csv.field-delimiter", &s.dialect.delimiter, err));
    TRY(character(t, "csv.quote-character", &s.dialect.quote, err));
    TRY(character(t, "csv.escape-character", &s.dialect.escape, err));
    if (!s.dialect.delimiter)
        return error_set(err, ST_SEMANTIC, "csv.field-delimiter must not be empty");
    if (option_bool(&t->options, csv_options, csv_n_options, "csv.disable-quote-character")) {
        if (options_has(&t->options, "csv.quote-character"))
            return error_set(err, ST_SEMANTIC,
                             "csv.quote-character and csv.disable-quote-character exclude each other");
        s.dialect.quote = 0;
    }
    if (s.dialect.delimiter == s.dialect.quote || s.dialect.delimiter == s.dialect.escape)
        return error_set(err, ST_SEMANTIC, "csv.field-delimiter must differ from the quote and escape characters");
    s.dialect.comments = option_bool(&t->options, csv_options, csv_n_options, "csv.allow-comments");
    s.ignore_errors = option_bool(&t->options, csv_options, csv_n_options, "csv.ignore-parse-errors");
    struct str header = option(t, "csv.header");
    s.header = str_eq(header, STR("names"))  ? CSV_HEADER_NAMES
               : str_eq(header, STR("skip")) ? CSV_HEADER_SKIP
                                             : CSV_HEADER_NONE;
    s.array_delimiter = option(t, "csv.array-element-delimiter");
    s.null_literal = option(t, "csv.null-literal");
    s.rules.zone = ctx ? ctx->zone : zone_utc;
    s.rules.iso = str_eq(option(t, "csv.timestamp-format.standard"), STR("ISO-8601"));
    for (uint32_t i = 0; i < schema->n_fields; i++)
        TRY(check_type(schema->fields[i].name, schema->fields[i].type, false, err));
    *ret = s;
    return ST_OK;
}

/* ---- writing ---- */

struct csv_encoder {
    struct encoder base;
    struct budget *budget;
    struct csv_settings settings;
    const struct schema *schema;
    struct csv_fast *fast; /* one a column */
    struct buf text; /* of one field */
};

static bool put_text(const struct csv_settings *s, const struct column *c, uint32_t row, struct buf *out)
{
    char text[64];
    size_t n;
    if (column_is_null(c, row))
        return !s->null_literal.len || buf_put(out, s->null_literal.ptr, s->null_literal.len);
    switch (c->type->kind) {
    case TYPE_CHAR:
    case TYPE_VARCHAR: {
        struct str v = column_str(c, row);
        return buf_put(out, v.ptr, v.len);
    }
    case TYPE_BINARY:
    case TYPE_VARBINARY: {
        struct str v = column_str(c, row);
        return base64_encode(out, v.ptr, v.len);
    }
    case TYPE_BOOLEAN:
        return c->b[row] ? buf_put(out, "true", 4) : buf_put(out, "false", 5);
    case TYPE_FLOAT:
        n = f32_print(c->f32[row], text);
        break;
    case TYPE_DOUBLE:
        n = f64_print(c->f64[row], text);
        break;
    case TYPE_DECIMAL:
        n = decimal_text_print(c->type, c, row, true, text);
        break;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        n = time_text_print(&s->rules, c->type, c, row, text);
        break;
    case TYPE_ARRAY:
    case TYPE_ROW: {
        bool array = c->type->kind == TYPE_ARRAY;
        uint32_t len = array ? c->list[row].len : c->n_children;
        for (uint32_t i = 0; i < len; i++) {
            const struct column *child = array ? &c->children[0] : &c->children[i];
            if ((i > 0 && !buf_put(out, s->array_delimiter.ptr, s->array_delimiter.len)) ||
                !put_text(s, child, array ? c->list[row].offset + i : row, out))
                return false;
        }
        return true;
    }
    default:
        n = i64_print(type_phys(c->type) == PHYS_I64 ? c->i64[row] : c->i32[row], text);
        break;
    }
    return buf_put(out, text, n);
}

/* In quotes whether it needs them or not. */
static bool put_quoted(struct buf *out, char quote, struct str s)
{
    if (!buf_put_u8(out, (uint8_t)quote))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] == quote && !buf_put_u8(out, (uint8_t)quote)) || !buf_put_u8(out, (uint8_t)s.ptr[i]))
            return false;
    return buf_put_u8(out, (uint8_t)quote);
}

static bool put_field(struct csv_encoder *e, struct csv_fast *fast, const struct column *c, uint32_t row, struct buf *out)
{
    const struct csv_settings *s = &e->settings;
    if (column_is_null(c, row))
        return put_text(s, c, row, out);
    if (!buf_reserve(out, csv_fast_room(fast, c, row)))
        return false;
    size_t len = csv_fast_put(fast, s, c, row, out);
    if (len != CSV_NOT_FAST && (len || e->schema->n_fields > 1)) {
        out->len += len;
        return true;
    }
    buf_clear(&e->text);
    if (!put_text(s, c, row, &e->text))
        return false;
    struct str text = buf_str(&e->text);
    bool as_null = (s->null_literal.ptr && str_eq(text, s->null_literal)) || (!text.len && type_is_bytes(c->type));
    if (as_null && s->dialect.quote)
        return put_quoted(out, s->dialect.quote, text);
    /* A row of one empty field would be an empty line, which is no record. */
    return csv_put_field(out, &s->dialect, text, e->schema->n_fields == 1);
}

static enum status encode(struct encoder *base, const struct batch *b, struct buf *out, struct error *err)
{
    struct csv_encoder *e = (struct csv_encoder *)base;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        for (uint32_t c = 0; c < e->schema->n_fields; c++)
            if ((c > 0 && !buf_put_u8(out, (uint8_t)e->settings.dialect.delimiter)) ||
                !put_field(e, &e->fast[c], &b->cols[c], row, out))
                return format_memory(e->budget, err);
        if (!buf_put_u8(out, '\n'))
            return format_memory(e->budget, err);
    }
    return ST_OK;
}

static enum status begin(struct encoder *base, struct buf *out, struct error *err)
{
    struct csv_encoder *e = (struct csv_encoder *)base;
    if (e->settings.header == CSV_HEADER_NONE)
        return ST_OK;
    for (uint32_t c = 0; c < e->schema->n_fields; c++)
        if ((c > 0 && !buf_put_u8(out, (uint8_t)e->settings.dialect.delimiter)) ||
            !csv_put_field(out, &e->settings.dialect, e->schema->fields[c].name, true))
            return format_memory(e->budget, err);
    return buf_put_u8(out, '\n') ? ST_OK : format_memory(e->budget, err);
}

static void encoder_free(struct encoder *base)
{
    struct csv_encoder *e = (struct csv_encoder *)base;
    if (!e)
        return;
    buf_release(&e->text);
    mem_free(e->budget, e->fast, e->fast ? e->schema->n_fields * sizeof *e->fast : 0);
    mem_free(e->budget, e, sizeof *e);
}

static const struct encoder_ops ops = { .encode = encode, .begin = begin, .free = encoder_free };

enum status csv_open_encoder(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                             struct budget *budget, struct encoder **ret, struct error *err)
{
    struct csv_settings settings;
    TRY(csv_settings_read(t, schema, ctx, &settings, err));
    struct csv_encoder *e = mem_calloc(budget, sizeof *e);
    if (!e)
        return format_memory(budget, err);
    *e = (struct csv_encoder){ .base.ops = &ops, .budget = budget, .settings = settings, .schema = schema };
    buf_init(&e->text, budget, UINT32_MAX);
    e->fast = mem_calloc(budget, schema->n_fields * sizeof *e->fast);
    if (!e->fast) {
        encoder_free(&e->base);
        return format_memory(budget, err);
    }
    for (uint32_t c = 0; c < schema->n_fields; c++)
        csv_fast_init(&e->fast[c], &e->settings, schema->fields[c].type);
    *ret = &e->base;
    return ST_OK;
}

const struct format format_csv = {
    .name = "csv",
    .help = "one CSV record a line",
    .options = csv_options,
    .n_options = sizeof csv_options / sizeof csv_options[0],
    .source_kinds = 1u << ROW_INSERT,
    .sink_updates = false,
    .infer = csv_infer,
    .open_decoder = csv_open_decoder,
    .open_encoder = csv_open_encoder,
};
