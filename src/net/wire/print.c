/* Messages as JSON for eyes and tests, and UUIDs as Kafka prints them (URL-safe Base64 without padding). */
#include "wire/wire.h"

#include <stdio.h>

/* ---- UUIDs ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void wire_uuid_print(const struct wire_uuid *u, char out[WIRE_UUID_TEXT + 1])
{
    uint32_t bits = 0, n_bits = 0, len = 0;
    for (unsigned i = 0; i < sizeof u->bytes; i++) {
        bits = bits << 8 | u->bytes[i];
        for (n_bits += 8; n_bits >= 6; n_bits -= 6)
            out[len++] = digits[bits >> (n_bits - 6) & 63];
    }
    out[len++] = digits[bits << (6 - n_bits) & 63];
    out[len] = '\0';
}

bool wire_uuid_parse(struct str text, struct wire_uuid *ret)
{
    struct wire_uuid u = { { 0 } };
    uint32_t bits = 0, n_bits = 0, len = 0;
    if (text.len != WIRE_UUID_TEXT)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;
        if (!digit)
            return false;
        bits = bits << 6 | (uint32_t)(digit - digits);
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        u.bytes[len++] = (uint8_t)(bits >> n_bits);
    }
    if (bits & 15) /* four bits are left over: one text for one UUID */
        return false;
    *ret = u;
    return true;
}

/* ---- messages ---- */

struct printer {
    struct buf *out;
    int16_t version;
};

static bool print_struct(const struct printer *p, const struct wire_struct *t, const void *from);

static bool print_text(const struct printer *p, struct str s)
{
    if (!s.ptr)
        return buf_printf(p->out, "null");
    bool ok = buf_put_u8(p->out, '"');
    for (size_t i = 0; ok && i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c == '"' || c == '\\')
            ok = buf_printf(p->out, "\\%c", c);
        else if (c < ' ')
            ok = buf_printf(p->out, "\\u%04x", c);
        else
            ok = buf_put_u8(p->out, c);
    }
    return ok && buf_put_u8(p->out, '"');
}

static bool print_hex(const struct printer *p, struct str s)
{
    if (!s.ptr)
        return buf_printf(p->out, "null");
    bool ok = buf_put_u8(p->out, '"');
    for (size_t i = 0; ok && i < s.len; i++)
        ok = buf_printf(p->out, "%02x", (uint8_t)s.ptr[i]);
    return ok && buf_put_u8(p->out, '"');
}

static bool print_value(const struct printer *p, const struct wire_field *f, const void *at)
{
    char text[WIRE_UUID_TEXT + 1];
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL: return buf_printf(p->out, "%s", *(const bool *)at ? "true" : "false");
    case WIRE_I8: return buf_printf(p->out, "%d", *(const int8_t *)at);
    case WIRE_I16: return buf_printf(p->out, "%d", *(const int16_t *)at);
    case WIRE_U16: return buf_printf(p->out, "%u", *(const uint16_t *)at);
    case WIRE_I32: return buf_printf(p->out, "%d", *(const int32_t *)at);
    case WIRE_I64: return buf_printf(p->out, "%lld", (long long)*(const int64_t *)at);
    case WIRE_F64: {
        double v = *(const double *)at;
        return v - v == 0 ? buf_printf(p->out, "%.17g", v) : buf_printf(p->out, "\"%g\"", v);
    }
    case WIRE_UUID: wire_uuid_print(at, text); return buf_printf(p->out, "\"%s\"", text);
    case WIRE_STRING: return print_text(p, *(const struct str *)at);
    case WIRE_BYTES: return print_hex(p, *(const struct str *)at);
    case WIRE_RECORDS: {
        const struct wire_records *r = at;
        if (!r->bytes.ptr && r->gap_len == 0)
            return buf_printf(p->out, "null");
        return buf_printf(p->out, "{\"bytes\":%llu}", (unsigned long long)(r->bytes.len + r->gap_len));
    }
    case WIRE_STRUCT: {
        const void *in = *(const void *const *)at;
        return in ? print_struct(p, f->of, in) : buf_printf(p->out, "null");
    }
    case WIRE_END:
    case WIRE_TYPES: break;
    }
    return true;
}

static bool print_array(const struct printer *p, const struct wire_field *f, const struct wire_array *array)
{
    if (!array->at && array->n == 0 && wire_can_be_null(f, p->version))
        return buf_printf(p->out, "null");
    bool ok = buf_put_u8(p->out, '[');
    const uint8_t *at = array->at;
    for (uint32_t i = 0; ok && i < array->n; i++, at += wire_stride(f)) {
        ok = i == 0 || buf_put_u8(p->out, ',');
        ok = ok && (f->type == WIRE_STRUCT ? print_struct(p, f->of, at) : print_value(p, f, at));
    }
    return ok && buf_put_u8(p->out, ']');
}

static bool print_struct(const struct printer *p, const struct wire_struct *t, const void *from)
{
    bool ok = buf_put_u8(p->out, '{'), first = true;
    uint8_t *next = (uint8_t *)(uintptr_t)from; /* only to find places */
    for (const struct wire_field *f = t->fields; ok && f->type; f++) {
        const void *at = wire_place(&next, f);
        if (!wire_carried(f, p->version) || (f->tag && wire_is_default(f, at)))
            continue;
        ok = buf_printf(p->out, "%s\"%s\":", first ? "" : ",", f->name);
        ok = ok && (f->array ? print_array(p, f, at) : print_value(p, f, at));
        first = false;
    }
    return ok && buf_put_u8(p->out, '}');
}

bool wire_print(const struct wire_message *m, int16_t version, const void *message, struct buf *out)
{
    return print_struct(&(struct printer){ out, version }, m->body, message);
}
