/* Values as text, two ways: as CAST(x AS STRING) gives it in Flink, and as JSON.
 *
 * Scalars are printed once, by print_scalar; the two ways differ in quoting and in the nested kinds. Recursion
 * follows the type. */
#include <math.h>

#include "data/decimal.h"
#include "data/private.h"

static bool put_cstr(struct buf *out, const char *s)
{
    return buf_put(out, s, strlen(s));
}

/* A timestamp in its zone: the offset is that of its own moment. */
static size_t print_ltz(int64_t v, int32_t precision, const struct zone *zone, char out[48])
{
    int32_t offset = zone ? zone_offset_at(zone, time_to_ms(v, precision)) : 0;
    return timestamp_print_at(v, precision, offset, out);
}

/* Not for text, bytes and nested kinds; at most 48 bytes. */
static size_t print_scalar(const struct column *c, uint32_t row, const struct zone *zone, char out[48])
{
    const struct type *t = c->type;
    switch (t->kind) {
    case TYPE_BOOLEAN:
        memcpy(out, c->b[row] ? "TRUE" : "FALSE", 5);
        return c->b[row] ? 4 : 5;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
        return i64_print(c->i32[row], out);
    case TYPE_BIGINT:
        return i64_print(c->i64[row], out);
    case TYPE_FLOAT:
        return f32_print(c->f32[row], out);
    case TYPE_DOUBLE:
        return f64_print(c->f64[row], out);
    case TYPE_DECIMAL:
        return decimal_print(decimal_get(t, c->data, row), t->scale, out);
    case TYPE_DATE:
        return date_print(c->i32[row], out);
    case TYPE_TIME:
        return time_print(c->i32[row], t->precision, out);
    case TYPE_TIMESTAMP:
        return timestamp_print(c->i64[row], t->precision, out);
    case TYPE_TIMESTAMP_LTZ:
        return print_ltz(c->i64[row], t->precision, zone, out);
    case TYPE_INTERVAL_MONTH:
        return interval_month_print(c->i32[row], out);
    case TYPE_INTERVAL_DAY:
        return interval_day_print(c->i64[row], out);
    default:
        memcpy(out, "NULL", 4);
        return 4;
    }
}

/* The text of a DOUBLE inside a VARIANT, at `at` of it: an 'E' is in it. */
static bool put_variant_number(struct buf *out, struct str number)
{
    double v;
    char text[32];
    if (!memchr(number.ptr, 'E', number.len) || !str_to_f64(number, &v))
        return buf_put(out, number.ptr, number.len);
    return buf_put(out, text, f64_print(v, text));
}

bool variant_print(struct buf *out, struct str s)
{
    if (!memchr(s.ptr, 'E', s.len))
        return buf_put(out, s.ptr, s.len);
    bool quoted = false;
    size_t from = 0, i = 0;
    while (i < s.len) {
        char c = s.ptr[i];
        if (c == '\\') {
            i += 2;
            continue;
        }
        quoted ^= c == '"';
        if (quoted || !(c == '-' || (c >= '0' && c <= '9'))) {
            i++;
            continue;
        }
        size_t end = i;
        while (end < s.len && !memchr(",]}", s.ptr[end], 3))
            end++;
        if (!buf_put(out, s.ptr + from, i - from) || !put_variant_number(out, str_make(s.ptr + i, end - i)))
            return false;
        from = i = end;
    }
    return buf_put(out, s.ptr + from, s.len - from);
}

static bool print_value(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone, bool hex);

static bool put_hex(struct buf *out, struct str bytes)
{
    bool ok = put_cstr(out, "x'");
    for (size_t i = 0; ok && i < bytes.len; i++)
        ok = buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
    return ok && put_cstr(out, "'");
}

static bool print_list(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone, bool hex)
{
    struct listview v = c->list[row];
    if (!buf_put_u8(out, '['))
        return false;
    for (uint32_t i = 0; i < v.len; i++)
        if ((i && !put_cstr(out, ", ")) || !print_value(out, &c->children[0], v.offset + i, zone, hex))
            return false;
    return buf_put_u8(out, ']');
}

static bool print_map(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone, bool hex)
{
    struct listview v = c->list[row];
    if (!buf_put_u8(out, '{'))
        return false;
    for (uint32_t i = 0; i < v.len; i++)
        if ((i && !put_cstr(out, ", ")) || !print_value(out, &c->children[0], v.offset + i, zone, hex) ||
            !buf_put_u8(out, '=') || !print_value(out, &c->children[1], v.offset + i, zone, hex))
            return false;
    return buf_put_u8(out, '}');
}

static bool print_row(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone, bool hex)
{
    if (!buf_put_u8(out, '('))
        return false;
    for (uint32_t i = 0; i < c->n_children; i++)
        if ((i && !put_cstr(out, ", ")) || !print_value(out, &c->children[i], row, zone, hex))
            return false;
    return buf_put_u8(out, ')');
}

/* hex: bytes as x'cafe', not as they are. */
static bool print_value(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone, bool hex)
{
    if (column_is_null(c, row))
        return put_cstr(out, "NULL");
    switch (type_phys(c->type)) {
    case PHYS_STRING: {
        struct str s = column_str(c, row);
        if (c->type->kind == TYPE_VARIANT)
            return variant_print(out, s);
        return hex && type_is_bytes(c->type) ? put_hex(out, s) : buf_put(out, s.ptr, s.len);
    }
    case PHYS_LIST:
        return print_list(out, c, row, zone, hex);
    case PHYS_MAP:
        return print_map(out, c, row, zone, hex);
    case PHYS_ROW:
        return print_row(out, c, row, zone, hex);
    default: {
        char text[48];
        return buf_put(out, text, print_scalar(c, row, zone, text));
    }
    }
}

bool value_print(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    return print_value(out, c, row, zone, false);
}

bool value_show(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    return print_value(out, c, row, zone, true);
}

static bool put_escape(struct buf *out, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        return put_cstr(out, "\\\"");
    case '\\':
        return put_cstr(out, "\\\\");
    case '\n':
        return put_cstr(out, "\\n");
    case '\r':
        return put_cstr(out, "\\r");
    case '\t':
        return put_cstr(out, "\\t");
    case '\b':
        return put_cstr(out, "\\b");
    case '\f':
        return put_cstr(out, "\\f");
    default: {
        char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
        return buf_put(out, text, sizeof text);
    }
    }
}

static bool put_json_text(struct buf *out, struct str s)
{
    if (!buf_put_u8(out, '"'))
        return false;
    while (s.len) {
        size_t valid = utf8_check(s), from = 0;
        for (size_t i = 0; i < valid; i++) {
            uint8_t c = (uint8_t)s.ptr[i];
            if (c >= 0x20 && c != '"' && c != '\\')
                continue;
            if (!buf_put(out, s.ptr + from, i - from) || !put_escape(out, c))
                return false;
            from = i + 1;
        }
        if (!buf_put(out, s.ptr + from, valid - from))
            return false;
        if (valid < s.len && !put_cstr(out, "\xef\xbf\xbd"))
            return false;
        size_t used = valid < s.len ? valid + 1 : valid;
        s = (struct str){ s.ptr + used, s.len - used };
    }
    return buf_put_u8(out, '"');
}

static bool json_scalar(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    char text[48];
    enum type_kind kind = c->type->kind;
    if (kind == TYPE_BOOLEAN)
        return put_cstr(out, c->b[row] ? "true" : "false");
    size_t len = print_scalar(c, row, zone, text);
    bool bare = type_is_numeric(c->type);
    if (kind == TYPE_DOUBLE)
        bare = isfinite(c->f64[row]);
    if (kind == TYPE_FLOAT)
        bare = isfinite(c->f32[row]);
    if (bare)
        return buf_put(out, text, len);
    return put_json_text(out, (struct str){ text, len });
}

static bool json_bytes(struct buf *out, struct str s)
{
    return buf_put_u8(out, '"') && base64_encode(out, s.ptr, s.len) && buf_put_u8(out, '"');
}

static bool json_list(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    struct listview v = c->list[row];
    if (!buf_put_u8(out, '['))
        return false;
    for (uint32_t i = 0; i < v.len; i++)
        if ((i && !buf_put_u8(out, ',')) || !value_print_json(out, &c->children[0], v.offset + i, zone))
            return false;
    return buf_put_u8(out, ']');
}

/* A key is text already, or becomes the text that CAST gives. */
static bool json_key(struct buf *out, const struct column *keys, uint32_t row, const struct zone *zone)
{
    if (!column_is_null(keys, row) && type_is_text(keys->type))
        return put_json_text(out, column_str(keys, row));
    struct buf text;
    buf_init(&text, out->budget, out->max);
    bool ok = value_print(&text, keys, row, zone) && put_json_text(out, buf_str(&text));
    buf_release(&text);
    return ok;
}

static bool json_map(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    struct listview v = c->list[row];
    if (!buf_put_u8(out, '{'))
        return false;
    for (uint32_t i = 0; i < v.len; i++)
        if ((i && !buf_put_u8(out, ',')) || !json_key(out, &c->children[0], v.offset + i, zone) ||
            !buf_put_u8(out, ':') || !value_print_json(out, &c->children[1], v.offset + i, zone))
            return false;
    return buf_put_u8(out, '}');
}

static bool json_row(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    if (!buf_put_u8(out, '{'))
        return false;
    for (uint32_t i = 0; i < c->n_children; i++)
        if ((i && !buf_put_u8(out, ',')) || !put_json_text(out, c->type->fields[i].name) || !buf_put_u8(out, ':') ||
            !value_print_json(out, &c->children[i], row, zone))
            return false;
    return buf_put_u8(out, '}');
}

bool value_print_json(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    if (column_is_null(c, row) || c->type->kind == TYPE_NULL)
        return put_cstr(out, "null");
    switch (type_phys(c->type)) {
    case PHYS_STRING:
        if (c->type->kind == TYPE_VARIANT)
            return variant_print(out, column_str(c, row));
        return type_is_bytes(c->type) ? json_bytes(out, column_str(c, row)) : put_json_text(out, column_str(c, row));
    case PHYS_LIST:
        return json_list(out, c, row, zone);
    case PHYS_MAP:
        return json_map(out, c, row, zone);
    case PHYS_ROW:
        return json_row(out, c, row, zone);
    default:
        return json_scalar(out, c, row, zone);
    }
}
