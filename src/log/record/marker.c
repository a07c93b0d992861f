/* The end of a transaction in a partition: a control batch whose one record has the key {version i16, type i16}, type 0
 * abort and 1 commit, and the value {version i16, coordinator epoch i32}. Later versions only append fields.
 * Source: Kafka's ControlRecordType and EndTxnMarker. */
#include "record/bytes.h"

enum { KEY_BYTES = 4, VALUE_BYTES = 6, BODY_BYTES = 6 + KEY_BYTES + VALUE_BYTES };
enum { MARKER_BYTES = RECORD_BATCH_HEADER + 1 + BODY_BYTES };
enum { TYPE_ABORT = 0, TYPE_COMMIT = 1 };

bool record_marker_put(struct buf *out, struct record_marker m, int64_t producer_id, int16_t producer_epoch,
                       int64_t timestamp_ms)
{
    if (!buf_reserve(out, MARKER_BYTES))
        return false;
    uint8_t *b = out->data + out->len, *p = b + RECORD_BATCH_HEADER;
    memset(b, 0, MARKER_BYTES);
    be_put_u32(b + RECORD_LENGTH_AT, MARKER_BYTES - RECORD_LENGTH_END);
    be_put_u32(b + AT_EPOCH, UINT32_MAX);
    b[AT_MAGIC] = 2;
    be_put_u16(b + AT_ATTRIBUTES, RECORD_TRANSACTIONAL | RECORD_CONTROL);
    be_put_u64(b + AT_BASE_TIME, (uint64_t)timestamp_ms);
    be_put_u64(b + AT_MAX_TIME, (uint64_t)timestamp_ms);
    be_put_u64(b + AT_PRODUCER, (uint64_t)producer_id);
    be_put_u16(b + AT_PRODUCER_EPOCH, (uint16_t)producer_epoch);
    be_put_u32(b + AT_SEQUENCE, UINT32_MAX);
    be_put_u32(b + AT_COUNT, 1);
    p = varint_put(p, BODY_BYTES) + 3; /* attributes and deltas: 0 */
    p = varint_put(p, KEY_BYTES);
    be_put_u16(p + 2, m.commit ? TYPE_COMMIT : TYPE_ABORT);
    p = varint_put(p + KEY_BYTES, VALUE_BYTES);
    be_put_u32(p + 2, (uint32_t)m.coordinator_epoch);
    be_put_u32(b + AT_CRC, crc32c(0, b + AT_ATTRIBUTES, MARKER_BYTES - AT_ATTRIBUTES));
    out->len += MARKER_BYTES;
    return true;
}

enum status record_marker_read(const struct record *r, struct record_marker *ret, struct error *err)
{
    const uint8_t *key = (const uint8_t *)r->key.ptr, *value = (const uint8_t *)r->value.ptr;
    if (r->key.len < KEY_BYTES || (int16_t)be_get_u16(key) < 0)
        return error_set(err, ST_CORRUPT, "the control record at offset %lld has no key of the known form",
                         (long long)r->offset);
    int16_t type = (int16_t)be_get_u16(key + 2);
    if (type != TYPE_ABORT && type != TYPE_COMMIT)
        return error_set(err, ST_UNSUPPORTED, "the control record at offset %lld has type %d", (long long)r->offset,
                         type);
    if (r->value.len < VALUE_BYTES || (int16_t)be_get_u16(value) < 0)
        return error_set(err, ST_CORRUPT, "the marker at offset %lld has no value of the known form",
                         (long long)r->offset);
    ret->commit = type == TYPE_COMMIT;
    ret->coordinator_epoch = (int32_t)be_get_u32(value + 2);
    return ST_OK;
}
