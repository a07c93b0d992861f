/* The batch as a whole: reading its header, checking, stamping.
 *
 * A header is read once into a struct of numbers; the bytes stay where they are. Reading checks only what a view needs
 * (the length and the magic), so that a producer's batch can be refused in Kafka's order and with Kafka's code;
 * record_batch_check is for bytes that we wrote ourselves. */
#include "record/bytes.h"

enum { LENGTH_MIN = RECORD_BATCH_HEADER - RECORD_LENGTH_END, MAGIC = 2 };

enum status record_batch_head(struct str bytes, struct record_batch *ret, size_t *ret_len, struct error *err)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    if (bytes.len <= AT_MAGIC) {
        *ret_len = 0;
        return error_set(err, ST_NOT_FOUND, "%zu bytes are no whole header of a record batch", bytes.len);
    }
    int32_t length = (int32_t)be_get_u32(p + RECORD_LENGTH_AT);
    uint8_t magic = p[AT_MAGIC];
    if (magic < MAGIC)
        return error_set(err, ST_UNSUPPORTED, "the records have the old format with magic %u", magic);
    if (magic > MAGIC)
        return error_set(err, ST_CORRUPT, "no record batch: magic %u", magic);
    if (length < LENGTH_MIN)
        return error_set(err, ST_CORRUPT, "no record batch: length %d", length);
    size_t len = (size_t)length + RECORD_LENGTH_END;
    *ret_len = len;
    if (bytes.len < RECORD_BATCH_HEADER)
        return error_set(err, ST_NOT_FOUND, "a record batch of %zu bytes ends after %zu", len, bytes.len);
    size_t there = bytes.len < len ? bytes.len : len;
    *ret = (struct record_batch){
        .base_offset = (int64_t)be_get_u64(p),
        .leader_epoch = (int32_t)be_get_u32(p + AT_EPOCH),
        .crc = be_get_u32(p + AT_CRC),
        .attributes = (int16_t)be_get_u16(p + AT_ATTRIBUTES),
        .last_offset_delta = (int32_t)be_get_u32(p + AT_LAST_DELTA),
        .base_timestamp_ms = (int64_t)be_get_u64(p + AT_BASE_TIME),
        .max_timestamp_ms = (int64_t)be_get_u64(p + AT_MAX_TIME),
        .producer_id = (int64_t)be_get_u64(p + AT_PRODUCER),
        .producer_epoch = (int16_t)be_get_u16(p + AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)be_get_u32(p + AT_SEQUENCE),
        .count = (int32_t)be_get_u32(p + AT_COUNT),
        .bytes = { bytes.ptr, there },
        .records = { bytes.ptr + RECORD_BATCH_HEADER, there - RECORD_BATCH_HEADER },
    };
    return ST_OK;
}

enum status record_batch_read(struct str bytes, struct record_batch *ret, size_t *ret_len, struct error *err)
{
    struct record_batch b;
    TRY(record_batch_head(bytes, &b, ret_len, err));
    if (bytes.len < *ret_len)
        return error_set(err, ST_NOT_FOUND, "a record batch of %zu bytes ends after %zu", *ret_len, bytes.len);
    *ret = b;
    return ST_OK;
}

enum status record_batch_next(struct str *rest, struct record_batch *ret, struct error *err)
{
    size_t len;
    TRY(record_batch_read(*rest, ret, &len, err));
    *rest = (struct str){ rest->ptr + len, rest->len - len };
    return ST_OK;
}

static uint32_t crc_of(const uint8_t *bytes, size_t len)
{
    return crc32c(0, bytes + AT_ATTRIBUTES, len - AT_ATTRIBUTES);
}

uint32_t record_batch_crc(const struct record_batch *b)
{
    return crc_of((const uint8_t *)b->bytes.ptr, b->bytes.len);
}

enum status record_batch_check(const struct record_batch *b, struct error *err)
{
    uint32_t crc = record_batch_crc(b);
    if (crc != b->crc)
        return error_set(err, ST_CORRUPT, "the record batch at offset %lld has checksum %08x, its bytes %08x",
                         (long long)b->base_offset, b->crc, crc);
    if (b->base_offset < 0 || b->last_offset_delta < 0 || b->base_offset > INT64_MAX - b->last_offset_delta)
        return error_set(err, ST_CORRUPT, "a record batch has base offset %lld and last offset delta %d",
                         (long long)b->base_offset, b->last_offset_delta);
    if (b->count < 0 || b->count - 1 > b->last_offset_delta)
        return error_set(err, ST_CORRUPT, "the record batch at offset %lld has %d records in a range of %d",
                         (long long)b->base_offset, b->count, b->last_offset_delta);
    return ST_OK;
}

void record_batch_stamp(uint8_t *bytes, int64_t base_offset, int32_t leader_epoch)
{
    be_put_u64(bytes, (uint64_t)base_offset);
    be_put_u32(bytes + AT_EPOCH, (uint32_t)leader_epoch);
}

void record_batch_stamp_time(uint8_t *bytes, bool append_time, int64_t max_ms)
{
    uint16_t was = be_get_u16(bytes + AT_ATTRIBUTES);
    uint16_t now = (uint16_t)(append_time ? was | RECORD_APPEND_TIME : was & ~RECORD_APPEND_TIME);
    if (was == now && be_get_u64(bytes + AT_MAX_TIME) == (uint64_t)max_ms)
        return;
    be_put_u16(bytes + AT_ATTRIBUTES, now);
    be_put_u64(bytes + AT_MAX_TIME, (uint64_t)max_ms);
    size_t len = (size_t)be_get_u32(bytes + RECORD_LENGTH_AT) + RECORD_LENGTH_END;
    be_put_u32(bytes + AT_CRC, crc_of(bytes, len));
}
