/* Structs to bytes: the same walk as decode.c, the other way round.
 *
 * A tagged field is preceded by its size. One byte is kept for it, and where the value turns out to be longer than 127
 * bytes it is moved up: tags are rare and short. The tables of a struct may name tags in any order, the bytes have them
 * rising. Records never stand in a tagged field, so that nothing moves that a gap points into. */
#include "wire/walk.h"

struct encoder {
    struct wire_at in;
    struct buf *out;
    struct wire_gaps *gaps;
    int16_t version;
    bool flexible;
};

enum { UVARINT_MAX_BYTES = 5, FIXED_MAX_BYTES = 16 };

static enum status fail(const struct encoder *e, const struct wire_field *f, const char *what)
{
    return wire_fail(&e->in, f, -1, ST_DATA, "%s", what);
}

static enum status fail_room(const struct encoder *e, const struct wire_field *f, size_t wanted)
{
    if (!e->in.err)
        return wanted > e->out->max - e->out->len ? ST_LIMIT : ST_MEMORY;
    if (wanted > e->out->max - e->out->len)
        return wire_fail(&e->in, f, -1, ST_LIMIT, "the message grows beyond %zu bytes", e->out->max);
    struct error why;
    enum status st = budget_error(e->out->budget, wanted, &why);
    return wire_fail(&e->in, f, -1, st, "%.200s", why.message);
}

static inline enum status room(const struct encoder *e, const struct wire_field *f, size_t bytes)
{
    return buf_reserve(e->out, bytes) ? ST_OK : fail_room(e, f, bytes);
}

/* ---- numbers: the room is there ---- */

static inline void put_be16(struct buf *b, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(b->data + b->len, &v, sizeof v);
    b->len += sizeof v;
}
static inline void put_be32(struct buf *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(b->data + b->len, &v, sizeof v);
    b->len += sizeof v;
}
static inline void put_be64(struct buf *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(b->data + b->len, &v, sizeof v);
    b->len += sizeof v;
}
static inline void put_uvarint(struct buf *b, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        b->data[b->len++] = (uint8_t)(v | 0x80);
    b->data[b->len++] = (uint8_t)v;
}

static enum status encode_uvarint(const struct encoder *e, const struct wire_field *f, uint32_t v)
{
    TRY(room(e, f, UVARINT_MAX_BYTES));
    put_uvarint(e->out, v);
    return ST_OK;
}

/* The length of something that is there, or null: then `n` is 0. Reserves also `more` bytes behind it. */
static enum status encode_length(const struct encoder *e, const struct wire_field *f, bool wide, uint64_t n, bool null,
                                 size_t more)
{
    if (null && !wire_can_be_null(f, e->version)) {
        if (f->nullable && f->vital)
            return wire_fail(&e->in, f, -1, ST_DATA, "null, which version %d cannot hold here", e->version);
        null = false;
    }
    if (n > (f->type == WIRE_STRING && !f->array ? INT16_MAX : INT32_MAX))
        return wire_fail(&e->in, f, -1, ST_DATA, "a length of %llu is too long", (unsigned long long)n);
    TRY(room(e, f, UVARINT_MAX_BYTES + more));
    uint32_t v = null ? UINT32_MAX : (uint32_t)n;
    if (e->flexible)
        put_uvarint(e->out, v + 1);
    else if (wide)
        put_be32(e->out, v);
    else
        put_be16(e->out, (uint16_t)v);
    return ST_OK;
}

/* ---- values ---- */

static enum status encode_struct(struct encoder *e, const struct wire_struct *t, const void *from);

static enum status encode_str(const struct encoder *e, const struct wire_field *f, struct str s)
{
    TRY(encode_length(e, f, f->type != WIRE_STRING, s.len, s.ptr == NULL, s.len));
    if (s.len)
        memcpy(e->out->data + e->out->len, s.ptr, s.len);
    e->out->len += s.len;
    return ST_OK;
}

static enum status encode_records(const struct encoder *e, const struct wire_field *f, const struct wire_records *r)
{
    struct wire_gaps *gaps = e->gaps;
    if (r->gap_len > 0 && !gaps)
        return fail(e, f, "a gap, where none may be");
    if (r->gap_len > INT32_MAX)
        return fail(e, f, "a gap that is too long");
    if (r->gap_len > 0 && gaps->count == gaps->room)
        return wire_fail(&e->in, f, -1, ST_LIMIT, "more than %u gaps", gaps->room);
    bool null = r->bytes.ptr == NULL && r->gap_len == 0;
    TRY(encode_length(e, f, true, r->bytes.len + r->gap_len, null, r->bytes.len));
    if (r->bytes.len)
        memcpy(e->out->data + e->out->len, r->bytes.ptr, r->bytes.len);
    e->out->len += r->bytes.len;
    if (r->gap_len == 0)
        return ST_OK;
    gaps->at[gaps->count++] = (struct wire_gap){ e->out->len, r->gap_len, r->gap_owner };
    gaps->bytes += r->gap_len;
    return ST_OK;
}

static enum status encode_optional(struct encoder *e, const struct wire_field *f, const void *s)
{
    if (!f->tag) { /* of a tagged one the tag says that it is there; one in line can be null in all versions */
        TRY(room(e, f, 1));
        e->out->data[e->out->len++] = s ? 1 : 0xFF;
    }
    if (!s)
        return ST_OK;
    struct wire_spot spot = { e->in.where, f, 0 };
    e->in.where = &spot;
    TRY(encode_struct(e, f->of, s));
    e->in.where = spot.up;
    return ST_OK;
}

static inline enum status encode_value(struct encoder *e, const struct wire_field *f, const void *p)
{
    struct buf *b = e->out;
    if (f->type <= WIRE_UUID)
        TRY(room(e, f, FIXED_MAX_BYTES));
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL: b->data[b->len++] = *(const bool *)p; break;
    case WIRE_I8: b->data[b->len++] = *(const uint8_t *)p; break;
    case WIRE_I16:
    case WIRE_U16: put_be16(b, *(const uint16_t *)p); break;
    case WIRE_I32: put_be32(b, *(const uint32_t *)p); break;
    case WIRE_I64: put_be64(b, *(const uint64_t *)p); break;
    case WIRE_F64: {
        uint64_t bits;
        memcpy(&bits, p, sizeof bits);
        put_be64(b, bits);
        break;
    }
    case WIRE_UUID:
        memcpy(b->data + b->len, p, sizeof(struct wire_uuid));
        b->len += sizeof(struct wire_uuid);
        break;
    case WIRE_STRING:
    case WIRE_BYTES: return encode_str(e, f, *(const struct str *)p);
    case WIRE_RECORDS: return encode_records(e, f, p);
    case WIRE_STRUCT: return encode_optional(e, f, *(const void *const *)p);
    case WIRE_END:
    case WIRE_TYPES: break;
    }
    return ST_OK;
}

static enum status encode_array(struct encoder *e, const struct wire_field *f, const struct wire_array *array)
{
    struct wire_field count = { .name = f->name, .array = true, .nullable = f->nullable, .vital = f->vital };
    TRY(encode_length(e, &count, true, array->n, array->at == NULL && array->n == 0, 0));
    struct wire_field element = *f;
    element.nullable = 0; /* what may be null is the array */
    struct wire_spot spot = { e->in.where, f, 0 };
    e->in.where = &spot;
    size_t stride = wire_stride(f);
    const uint8_t *at = array->at;
    for (; spot.index < array->n; spot.index++, at += stride)
        TRY(f->type == WIRE_STRUCT ? encode_struct(e, f->of, at) : encode_value(e, &element, at));
    e->in.where = spot.up;
    return ST_OK;
}

/* ---- structs ---- */

static enum status encode_tag(struct encoder *e, const struct wire_field *f, const void *p)
{
    TRY(encode_uvarint(e, f, (uint32_t)f->tag - 1));
    TRY(room(e, f, UVARINT_MAX_BYTES));
    struct buf *b = e->out;
    size_t from = ++b->len;
    TRY(f->array ? encode_array(e, f, p) : encode_value(e, f, p));
    size_t size = b->len - from;
    if (size > INT32_MAX)
        return fail(e, f, "too long for a tagged field");
    TRY(room(e, f, UVARINT_MAX_BYTES));
    struct buf head = { .data = b->data, .len = from - 1 };
    if (size >= 0x80) {
        unsigned more = 0;
        for (size_t rest = size >> 7; rest; rest >>= 7)
            more++;
        memmove(b->data + from + more, b->data + from, size);
        b->len += more;
    }
    put_uvarint(&head, (uint32_t)size);
    return ST_OK;
}

static bool is_tagged(const struct encoder *e, const struct wire_field *f, const void *p)
{
    return f->tag && wire_carried(f, e->version) && !wire_is_default(f, p);
}

/* `n` tagged fields are not at their default. */
static enum status encode_tags(struct encoder *e, const struct wire_struct *t, const void *from, uint32_t n)
{
    TRY(encode_uvarint(e, NULL, n));
    for (int16_t tag = 1; n > 0; tag++) {
        uint8_t *next = (uint8_t *)(uintptr_t)from; /* only to find places */
        for (const struct wire_field *f = t->fields; f->type; f++) {
            const void *p = wire_place(&next, f);
            if (f->tag != tag || !is_tagged(e, f, p))
                continue;
            TRY(encode_tag(e, f, p));
            n--;
        }
    }
    return ST_OK;
}

static enum status encode_struct(struct encoder *e, const struct wire_struct *t, const void *from)
{
    uint8_t *next = (uint8_t *)(uintptr_t)from;
    uint32_t n_tagged = 0;
    for (const struct wire_field *f = t->fields; f->type; f++) {
        const void *p = wire_place(&next, f);
        if (!wire_carried(f, e->version)) {
            if (f->vital && !wire_is_default(f, p))
                return wire_fail(&e->in, f, -1, ST_DATA, "version %d cannot say it", e->version);
        } else if (f->tag) {
            n_tagged += is_tagged(e, f, p);
        } else if (f->array) {
            TRY(encode_array(e, f, p));
        } else {
            TRY(encode_value(e, f, p));
        }
    }
    return e->flexible ? encode_tags(e, t, from, n_tagged) : ST_OK;
}

enum status wire_encode(const struct wire_message *m, int16_t version, const void *message, struct buf *out,
                        struct wire_gaps *gaps, struct error *err)
{
    TRY(wire_check_version(m, version, err));
    struct encoder e = { { m, version, NULL, err }, out, gaps, version, version >= m->flexible };
    size_t before = out->len;
    struct wire_gaps gaps_before = gaps ? *gaps : (struct wire_gaps){ .count = 0 };
    enum status st = encode_struct(&e, m->body, message);
    if (st == ST_OK)
        return ST_OK;
    out->len = before;
    if (gaps)
        *gaps = gaps_before;
    return st;
}

enum status wire_encode_stored(const struct wire_message *m, int16_t version, const void *message, struct buf *out,
                               struct error *err)
{
    TRY(wire_check_version(m, version, err));
    size_t before = out->len;
    struct encoder e = { { m, version, NULL, err }, out, NULL, version, false };
    TRY(room(&e, NULL, 2));
    put_be16(out, (uint16_t)version);
    enum status st = wire_encode(m, version, message, out, NULL, err);
    if (st != ST_OK)
        out->len = before;
    return st;
}
