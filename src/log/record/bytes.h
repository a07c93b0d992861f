/* Private to record: big-endian fields, where the header's fields lie, zigzag varints.
 *
 * Varints are read in place: lengths of a record of 200 bytes take two bytes, the rest one, so both are inline and the
 * loop for longer ones is not. A varint never reads past `end`, and what does not fit its type is refused (a fifth
 * byte above 0x0f, a tenth above 1). Overlong forms are numbers like others, as in Kafka. */
#pragma once

#include "record/record.h"

/* Offsets in a batch; the leader epoch stands behind the length. */
enum {
    AT_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_DELTA = 23,
    AT_BASE_TIME = 27,
    AT_MAX_TIME = 35,
    AT_PRODUCER = 43,
    AT_PRODUCER_EPOCH = 51,
    AT_SEQUENCE = 53,
    AT_COUNT = 57
};
enum { VARINT_I32_MAX = 5, VARINT_I64_MAX = 10 };

#define RECORD_LIKELY(x) __builtin_expect(!!(x), 1)

static inline uint16_t be_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t be_get_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}
static inline uint64_t be_get_u64(const uint8_t *p)
{
    return (uint64_t)be_get_u32(p) << 32 | be_get_u32(p + 4);
}
static inline void be_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void be_put_u32(uint8_t *p, uint32_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    memcpy(p, &v, 4);
}
static inline void be_put_u64(uint8_t *p, uint64_t v)
{
    be_put_u32(p, (uint32_t)(v >> 32));
    be_put_u32(p + 4, (uint32_t)v);
}

static inline int64_t zigzag_decode(uint64_t v)
{
    return (int64_t)(v >> 1 ^ -(v & 1));
}
static inline uint64_t zigzag_encode(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

/* false: the bytes end first, or it is longer than `max` bytes or than 64 bits. */
static inline bool varint_get_long(const uint8_t **at, const uint8_t *end, unsigned max, uint64_t *ret)
{
    const uint8_t *p = *at;
    uint64_t v = 0;
    for (unsigned i = 0; i < max && p < end; i++) {
        uint8_t byte = *p++;
        if (i == VARINT_I64_MAX - 1 && byte > 1)
            return false;
        v |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *at = p;
            *ret = v;
            return true;
        }
    }
    return false;
}
static inline bool varint_get_i64(const uint8_t **at, const uint8_t *end, int64_t *ret)
{
    const uint8_t *p = *at;
    if (RECORD_LIKELY(p < end && *p < 0x80)) {
        *at = p + 1;
        *ret = zigzag_decode(*p);
        return true;
    }
    if (RECORD_LIKELY(end - p >= 2 && p[1] < 0x80)) {
        *at = p + 2;
        *ret = zigzag_decode((uint64_t)(p[0] & 0x7F) | (uint64_t)p[1] << 7);
        return true;
    }
    uint64_t v;
    if (!varint_get_long(at, end, VARINT_I64_MAX, &v))
        return false;
    *ret = zigzag_decode(v);
    return true;
}
static inline bool varint_get_i32(const uint8_t **at, const uint8_t *end, int32_t *ret)
{
    const uint8_t *p = *at;
    if (RECORD_LIKELY(p < end && *p < 0x80)) {
        *at = p + 1;
        *ret = (int32_t)zigzag_decode(*p);
        return true;
    }
    if (RECORD_LIKELY(end - p >= 2 && p[1] < 0x80)) {
        *at = p + 2;
        *ret = (int32_t)zigzag_decode((uint64_t)(p[0] & 0x7F) | (uint64_t)p[1] << 7);
        return true;
    }
    uint64_t v;
    if (!varint_get_long(at, end, VARINT_I32_MAX, &v) || v > UINT32_MAX)
        return false;
    *ret = (int32_t)zigzag_decode(v);
    return true;
}

static inline size_t varint_size(int64_t v)
{
    uint64_t u = zigzag_encode(v);
    return u < 0x80 ? 1 : (size_t)(63 - __builtin_clzll(u)) / 7 + 1;
}
static inline uint8_t *varint_put(uint8_t *p, int64_t v)
{
    uint64_t u = zigzag_encode(v);
    for (; u >= 0x80; u >>= 7)
        *p++ = (uint8_t)(u | 0x80);
    *p++ = (uint8_t)u;
    return p;
}
