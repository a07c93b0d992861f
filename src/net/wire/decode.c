/* Bytes to structs: a walk down the tables beside the bytes.
 *
 * A struct's fields are read in their order, those that the version does not carry get their default, and in flexible
 * versions the tagged ones follow: number, size and bytes each, by rising number. Nothing is looked up by name and
 * nothing is written for errors until there is one.
 *
 * Bounds. Every read is checked against the bytes that are left. An array is allocated before its elements are read, so
 * its count is first held against the least bytes that so many elements can be; small arrays only against one byte an
 * element. Memory is thus at most some small multiple of the frame, and the arena's budget has the last word.
 *
 * Compact lengths are varints of at most five bytes and 32 bits; like Kafka we take a longer than shortest one. */
#include "wire/walk.h"

struct decoder {
    struct wire_at in;
    const uint8_t *at, *end, *start;
    struct arena *arena;
    int16_t version;
    bool flexible;
};

enum {
    STRING_MAX = INT16_MAX, /* also where the length could be more */
    SMALL_ARRAY = 4096,     /* bytes that may be allocated on the count's word */
};

static size_t left(const struct decoder *d)
{
    return (size_t)(d->end - d->at);
}

static int64_t byte(const struct decoder *d)
{
    return d->at - d->start;
}

static enum status fail_short(const struct decoder *d, const struct wire_field *f, uint64_t wanted)
{
    return wire_fail(&d->in, f, byte(d), ST_DATA, "%llu bytes are wanted, %zu are left", (unsigned long long)wanted,
                     left(d));
}

static enum status fail_memory(const struct decoder *d, const struct wire_field *f, size_t wanted)
{
    if (!d->in.err)
        return ST_MEMORY;
    struct error why;
    enum status st = budget_error(d->arena->budget, wanted, &why);
    return wire_fail(&d->in, f, byte(d), st, "%.200s", why.message);
}

/* ---- numbers ---- */

static inline uint16_t read_be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}
static inline uint32_t read_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}
static inline uint64_t read_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static enum status decode_uvarint_long(struct decoder *d, const struct wire_field *f, uint32_t *ret)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 5; i++) {
        if (i == left(d))
            return fail_short(d, f, i + 1);
        v |= (uint64_t)(d->at[i] & 0x7F) << (7 * i);
        if (d->at[i] & 0x80)
            continue;
        if (v > UINT32_MAX)
            break;
        d->at += i + 1;
        *ret = (uint32_t)v;
        return ST_OK;
    }
    return wire_fail(&d->in, f, byte(d), ST_DATA, "a length of more than 32 bits");
}

static inline enum status decode_uvarint(struct decoder *d, const struct wire_field *f, uint32_t *ret)
{
    if (d->at < d->end && *d->at < 0x80) {
        *ret = *d->at++;
        return ST_OK;
    }
    return decode_uvarint_long(d, f, ret);
}

/* A length or count; *ret_null, where the version can hold it. `wide`: four bytes in versions that are not flexible. */
static inline enum status decode_length(struct decoder *d, const struct wire_field *f, bool wide, uint32_t *ret,
                                        bool *ret_null)
{
    int64_t n;
    const uint8_t *from = d->at;
    if (d->flexible) {
        uint32_t plus1;
        TRY(decode_uvarint(d, f, &plus1));
        n = (int64_t)plus1 - 1;
    } else if (left(d) < (wide ? 4u : 2u)) {
        return fail_short(d, f, wide ? 4 : 2);
    } else {
        n = wide ? (int32_t)read_be32(d->at) : (int16_t)read_be16(d->at);
        d->at += wide ? 4 : 2;
    }
    *ret_null = n == -1;
    *ret = n < 0 ? 0 : (uint32_t)n;
    if (n >= 0 || (n == -1 && wire_can_be_null(f, d->version)))
        return ST_OK;
    d->at = from;
    if (n == -1)
        return wire_fail(&d->in, f, byte(d), ST_DATA, "null, which version %d cannot hold here", d->version);
    return wire_fail(&d->in, f, byte(d), ST_DATA, "a length of %lld", (long long)n);
}

/* ---- values ---- */

static enum status decode_struct(struct decoder *d, const struct wire_struct *t, void *to);

static enum status decode_str(struct decoder *d, const struct wire_field *f, struct str *ret)
{
    uint32_t len;
    bool null;
    TRY(decode_length(d, f, f->type != WIRE_STRING, &len, &null));
    if (len > left(d))
        return fail_short(d, f, len);
    if (len > STRING_MAX && f->type == WIRE_STRING)
        return wire_fail(&d->in, f, byte(d), ST_DATA, "a string of %u bytes", len);
    *ret = null ? (struct str){ NULL, 0 } : (struct str){ (const char *)d->at, len };
    d->at += len;
    return ST_OK;
}

static enum status decode_nested(struct decoder *d, const struct wire_field *f, void **ret)
{
    struct wire_spot spot = { d->in.where, f, 0 };
    void *made = arena_alloc_aligned(d->arena, f->of->size, 8);
    if (!made)
        return fail_memory(d, f, f->of->size);
    d->in.where = &spot;
    TRY(decode_struct(d, f->of, made));
    d->in.where = spot.up;
    *ret = made;
    return ST_OK;
}

/* In line a byte says whether it is there; of a tagged one the tag does. */
static enum status decode_optional(struct decoder *d, const struct wire_field *f, void **ret)
{
    if (f->tag)
        return decode_nested(d, f, ret);
    if (left(d) < 1)
        return fail_short(d, f, 1);
    int8_t there = (int8_t)*d->at;
    if (there != 1 && there != -1)
        return wire_fail(&d->in, f, byte(d), ST_DATA, "neither there (1) nor null (-1) but %d", there);
    d->at++;
    *ret = NULL;
    return there == 1 ? decode_nested(d, f, ret) : ST_OK;
}

static inline enum status decode_value(struct decoder *d, const struct wire_field *f, void *p)
{
    const uint8_t *from = d->at;
    if (f->type <= WIRE_UUID) {
        uint8_t size = wire_shapes[f->type].least;
        if (left(d) < size)
            return fail_short(d, f, size);
        d->at += size;
    }
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL: *(bool *)p = *from != 0; break;
    case WIRE_I8: *(uint8_t *)p = *from; break;
    case WIRE_I16:
    case WIRE_U16: *(uint16_t *)p = read_be16(from); break;
    case WIRE_I32: *(uint32_t *)p = read_be32(from); break;
    case WIRE_I64: *(uint64_t *)p = read_be64(from); break;
    case WIRE_F64: {
        uint64_t bits = read_be64(from);
        memcpy(p, &bits, sizeof bits);
        break;
    }
    case WIRE_UUID: memcpy(p, from, sizeof(struct wire_uuid)); break;
    case WIRE_STRING:
    case WIRE_BYTES: return decode_str(d, f, p);
    case WIRE_RECORDS: {
        struct wire_records *r = p;
        *r = (struct wire_records){ .gap_len = 0 };
        return decode_str(d, f, &r->bytes);
    }
    case WIRE_STRUCT: return decode_optional(d, f, p);
    case WIRE_END:
    case WIRE_TYPES: break;
    }
    return ST_OK;
}

/* ---- arrays ---- */

/* The least bytes that an element of `f` is in this version. */
static size_t least_bytes(const struct decoder *d, const struct wire_field *f)
{
    if (f->type != WIRE_STRUCT)
        return wire_shapes[f->type].least;
    size_t n = d->flexible;
    for (const struct wire_field *in = f->of->fields; in->type; in++)
        if (wire_carried(in, d->version) && !in->tag)
            n += in->array ? (d->flexible ? 1 : 4) : wire_shapes[in->type].least;
    return n ? n : 1;
}

static enum status decode_elements(struct decoder *d, const struct wire_field *f, uint8_t *at, uint32_t n)
{
    struct wire_spot spot = { d->in.where, f, 0 };
    d->in.where = &spot;
    size_t stride = wire_stride(f);
    if (f->type == WIRE_STRUCT) {
        for (; spot.index < n; spot.index++, at += stride)
            TRY(decode_struct(d, f->of, at));
    } else {
        for (; spot.index < n; spot.index++, at += stride)
            TRY(decode_value(d, f, at));
    }
    d->in.where = spot.up;
    return ST_OK;
}

static enum status decode_array(struct decoder *d, const struct wire_field *f, struct wire_array *ret)
{
    uint32_t n;
    bool null;
    TRY(decode_length(d, f, true, &n, &null));
    ret->at = null ? NULL : wire_nothing();
    ret->n = 0;
    if (n == 0)
        return ST_OK;
    size_t bytes = n * wire_stride(f);
    if (n > left(d) || (bytes > SMALL_ARRAY && n > left(d) / least_bytes(d, f)))
        return wire_fail(&d->in, f, byte(d), ST_DATA, "%u elements cannot be in %zu bytes", n, left(d));
    void *made = arena_alloc_aligned(d->arena, bytes, 8);
    if (!made)
        return fail_memory(d, f, bytes);
    TRY(decode_elements(d, f, made, n));
    ret->at = made;
    ret->n = n;
    return ST_OK;
}

/* ---- structs ---- */

/* The field with this tag and where it lies in `to`; NULL: unknown. */
static const struct wire_field *find_tag(const struct decoder *d, const struct wire_struct *t, uint32_t tag, void *to,
                                         void **ret_at)
{
    uint8_t *next = to;
    for (const struct wire_field *f = t->fields; f->type; f++) {
        *ret_at = wire_place(&next, f);
        if (f->tag && (uint32_t)(f->tag - 1) == tag && wire_carried(f, d->version))
            return f;
    }
    return NULL;
}

static enum status decode_tag(struct decoder *d, const struct wire_struct *t, void *to, int64_t *last)
{
    uint32_t tag, size;
    TRY(decode_uvarint(d, NULL, &tag));
    if (tag <= *last)
        return wire_fail(&d->in, NULL, byte(d), ST_DATA, "tag %u stands behind tag %lld", tag, (long long)*last);
    *last = tag;
    TRY(decode_uvarint(d, NULL, &size));
    if (size > left(d))
        return wire_fail(&d->in, NULL, byte(d), ST_DATA, "tag %u: %u bytes are wanted, %zu are left", tag, size,
                         left(d));
    void *p;
    const uint8_t *behind = d->at + size, *end = d->end;
    const struct wire_field *f = find_tag(d, t, tag, to, &p);
    if (f) {
        d->end = behind;
        TRY(f->array ? decode_array(d, f, p) : decode_value(d, f, p));
        d->end = end;
        if (d->at != behind)
            return wire_fail(&d->in, f, byte(d), ST_DATA, "its tag says %u bytes, %td of them are left", size,
                             behind - d->at);
    }
    d->at = behind;
    return ST_OK;
}

static enum status decode_tags(struct decoder *d, const struct wire_struct *t, void *to)
{
    uint32_t n;
    int64_t last = -1;
    TRY(decode_uvarint(d, NULL, &n));
    for (uint32_t i = 0; i < n; i++) /* each takes bytes, or fails */
        TRY(decode_tag(d, t, to, &last));
    return ST_OK;
}

static enum status decode_struct(struct decoder *d, const struct wire_struct *t, void *to)
{
    uint8_t *next = to;
    for (const struct wire_field *f = t->fields; f->type; f++) {
        void *p = wire_place(&next, f);
        if (!wire_carried(f, d->version) || f->tag)
            wire_set_default(f, p);
        else if (f->array)
            TRY(decode_array(d, f, p));
        else
            TRY(decode_value(d, f, p));
    }
    return d->flexible ? decode_tags(d, t, to) : ST_OK;
}

static enum status decode(const struct wire_message *m, int16_t version, struct str bytes, struct arena *a, bool whole,
                          void *ret, struct error *err)
{
    if (m->open && version > m->to)
        version = m->to;
    TRY(wire_check_version(m, version, err));
    struct reader r = reader_make(bytes.ptr, bytes.len);
    struct decoder d = { { m, version, NULL, err }, r.at, r.end, r.at, a, version, version >= m->flexible };
    void *made = arena_alloc_aligned(a, m->body->size, 8);
    if (!made)
        return fail_memory(&d, NULL, m->body->size);
    TRY(decode_struct(&d, m->body, made));
    if (d.at != d.end && whole && !m->open)
        return wire_fail(&d.in, NULL, byte(&d), ST_DATA, "%zu bytes too many", left(&d));
    memcpy(ret, made, m->body->size);
    return ST_OK;
}

enum status wire_decode(const struct wire_message *m, int16_t version, struct str bytes, struct arena *a, void *ret,
                        struct error *err)
{
    return decode(m, version, bytes, a, true, ret, err);
}

enum status wire_decode_front(const struct wire_message *m, int16_t version, struct str bytes, struct arena *a,
                              void *ret, struct error *err)
{
    return decode(m, version, bytes, a, false, ret, err);
}

enum status wire_decode_stored(const struct wire_message *m, struct str bytes, struct arena *a, void *ret,
                               int16_t *ret_version, struct error *err)
{
    if (bytes.len < 2)
        return error_set(err, ST_DATA, "%s: %zu bytes hold no version", m->body->name, bytes.len);
    int16_t version = (int16_t)read_be16((const uint8_t *)bytes.ptr);
    TRY(wire_decode(m, version, (struct str){ bytes.ptr + 2, bytes.len - 2 }, a, ret, err));
    *ret_version = version;
    return ST_OK;
}
