/* Headers around bodies, and the length in front of both.
 *
 * A request's header is key, version, correlation id, client id, and in flexible versions tags. The client id has two
 * bytes of length in all versions, so that a broker can read it before it knows whether it has the version. A
 * response's header is the correlation id, and in flexible versions tags; but not for ApiVersions, whose client does
 * not know yet what the broker can do. (ControlledShutdown v0 has no client id; nobody serves it any more.) */
#include "wire/kafka.h"

enum { KEY_VERSION_ID = 8, LENGTH = 4 };

static uint16_t be16(const char *p)
{
    return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static uint32_t be32(const char *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* ---- reading ---- */

static bool cut(struct str *rest, size_t n)
{
    if (n > rest->len)
        return false;
    rest->ptr += n;
    rest->len -= n;
    return true;
}

static bool cut_uvarint(struct str *rest, uint32_t *ret)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 5 && i < rest->len; i++) {
        v |= (uint64_t)(rest->ptr[i] & 0x7F) << (7 * i);
        if (rest->ptr[i] & 0x80)
            continue;
        *ret = (uint32_t)v;
        return v <= UINT32_MAX && cut(rest, i + 1);
    }
    return false;
}

/* No tag of a header means anything to us. */
static bool cut_tags(struct str *rest)
{
    uint32_t n, tag, size;
    bool ok = cut_uvarint(rest, &n);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = cut_uvarint(rest, &tag) && cut_uvarint(rest, &size) && cut(rest, size);
    return ok;
}

static bool cut_client_id(struct str *rest, struct str *ret)
{
    if (rest->len < 2)
        return false;
    int16_t len = (int16_t)be16(rest->ptr);
    *ret = len < 0 ? (struct str){ NULL, 0 } : (struct str){ rest->ptr + 2, (size_t)len };
    return len >= -1 && cut(rest, 2 + ret->len);
}

enum status kafka_request_read(struct str frame, struct kafka_request_header *ret, struct error *err)
{
    struct str rest = frame;
    if (!cut(&rest, KEY_VERSION_ID))
        return error_set(err, ST_DATA, "a request of %zu bytes has no whole header", frame.len);
    struct kafka_request_header h = {
        .key = (int16_t)be16(frame.ptr),
        .version = (int16_t)be16(frame.ptr + 2),
        .correlation_id = (int32_t)be32(frame.ptr + 4),
    };
    h.api = kafka_api(h.key);
    if (h.api) {
        h.supported = kafka_api_has(h.api, h.version);
        if (!cut_client_id(&rest, &h.client_id))
            return error_set(err, ST_DATA, "%s v%d: its client id goes beyond the request", h.api->name, h.version);
        if (h.version >= h.api->request.flexible && !cut_tags(&rest))
            return error_set(err, ST_DATA, "%s v%d: the header's tags cannot be read", h.api->name, h.version);
        h.body = rest;
    }
    *ret = h;
    return ST_OK;
}

static bool response_has_tags(const struct kafka_api *api, int16_t version)
{
    return version >= api->response.flexible && api->key != KAFKA_API_VERSIONS;
}

enum status kafka_response_read(const struct kafka_api *api, int16_t version, struct str frame,
                                int32_t *ret_correlation_id, struct str *ret_body, struct error *err)
{
    struct str rest = frame;
    if (!cut(&rest, 4) || (response_has_tags(api, version) && !cut_tags(&rest)))
        return error_set(err, ST_DATA, "%s v%d: a response of %zu bytes has no whole header", api->name, version,
                         frame.len);
    *ret_correlation_id = (int32_t)be32(frame.ptr);
    *ret_body = rest;
    return ST_OK;
}

/* ---- writing ---- */

struct head {
    uint8_t bytes[LENGTH + KEY_VERSION_ID + 2];
    size_t len;
};

static void head_put(struct head *h, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0)
        h->bytes[h->len++] = (uint8_t)(v >> (8 * bytes));
}

/* Header (in two pieces, then a byte of no tags), body, and the length over it all. */
static enum status put(const struct wire_message *m, int16_t version, struct head head, struct str client_id, bool tags,
                       const void *message, struct buf *out, struct wire_gaps *gaps, struct error *err)
{
    size_t before = out->len;
    struct wire_gaps gaps_before = gaps ? *gaps : (struct wire_gaps){ .count = 0 };
    enum status st = ST_OK;
    if (!buf_put(out, head.bytes, head.len) || !buf_put(out, client_id.ptr, client_id.len) ||
        (tags && !buf_put_u8(out, 0)))
        st = out->max - out->len < head.len + client_id.len + 1
                 ? error_set(err, ST_LIMIT, "%s: the message grows beyond %zu bytes", m->body->name, out->max)
                 : budget_error(out->budget, head.len + client_id.len, err);
    if (st == ST_OK)
        st = wire_encode(m, version, message, out, gaps, err);
    uint64_t len = out->len - before - LENGTH + (gaps ? gaps->bytes - gaps_before.bytes : 0);
    if (st == ST_OK && len > INT32_MAX)
        st = error_set(err, ST_LIMIT, "%s: a frame of %llu bytes", m->body->name, (unsigned long long)len);
    if (st != ST_OK) {
        out->len = before;
        if (gaps)
            *gaps = gaps_before;
        return st;
    }
    for (unsigned i = 0; i < LENGTH; i++)
        out->data[before + i] = (uint8_t)(len >> (8 * (LENGTH - 1 - i)));
    return ST_OK;
}

enum status kafka_request_put(const struct kafka_api *api, int16_t version, int32_t correlation_id,
                              struct str client_id, const void *request, struct buf *out, struct error *err)
{
    if (client_id.len > INT16_MAX)
        return error_set(err, ST_DATA, "a client id of %zu bytes", client_id.len);
    struct head h = { .len = 0 };
    head_put(&h, 0, LENGTH);
    head_put(&h, (uint16_t)api->key, 2);
    head_put(&h, (uint16_t)version, 2);
    head_put(&h, (uint32_t)correlation_id, 4);
    head_put(&h, client_id.ptr ? client_id.len : UINT16_MAX, 2);
    return put(&api->request, version, h, client_id, version >= api->request.flexible, request, out, NULL, err);
}

enum status kafka_response_put(const struct kafka_api *api, int16_t version, int32_t correlation_id,
                               const void *response, struct buf *out, struct wire_gaps *gaps, struct error *err)
{
    struct head h = { .len = 0 };
    head_put(&h, 0, LENGTH);
    head_put(&h, (uint32_t)correlation_id, 4);
    return put(&api->response, version, h, STR(""), response_has_tags(api, version), response, out, gaps, err);
}
