/* Iteration: one record after the other, out of the batch's own bytes or out of what was unpacked of them.
 *
 * A record lies in one piece before it is parsed: a plain batch is one piece; of a packed one more is unpacked until
 * the record's length is there. Parsing is one pass over a few varints, each checked against the record's end, in
 * place; headers are walked with their record, so that reading them later cannot fail.
 *
 * Strict where Kafka is lax, because nothing that clients write is lost by it: offsets rise and stay in the batch's
 * range, -1 alone means null, nothing stands behind the last record. */
#include "record/iter.h"

enum status record_iter_new(struct budget *budget, size_t max_unpacked, struct record_iter **ret, struct error *err)
{
    struct record_iter *it = mem_calloc(budget, sizeof *it);
    if (!it)
        return budget_error(budget, sizeof *it, err);
    it->budget = budget;
    unpack_init(&it->unpack, budget, max_unpacked);
    *ret = it;
    return ST_OK;
}

void record_iter_free(struct record_iter *it)
{
    if (!it)
        return;
    unpack_release(&it->unpack);
    mem_free(it->budget, it, sizeof *it);
}

static enum status keep_fault(struct record_iter *it, enum status st, struct error *err)
{
    it->failed = st;
    if (err)
        *err = it->err;
    return st;
}

enum status record_iter_open(struct record_iter *it, const struct record_batch *b, struct error *err)
{
    it->base_offset = b->base_offset;
    it->base_timestamp_ms = b->base_timestamp_ms;
    it->append_ms = b->max_timestamp_ms;
    it->append_time = record_batch_append_time(b);
    it->packed = record_batch_codec(b) != RECORD_PLAIN;
    it->drained = !it->packed;
    it->last_delta = b->last_offset_delta;
    it->delta = -1;
    it->seen = 0;
    it->count = b->count > 0 ? (uint32_t)b->count : 0;
    it->at = (const uint8_t *)(it->packed ? "" : b->records.ptr);
    it->end = it->at + (it->packed ? 0 : b->records.len);
    it->failed = ST_OK;
    enum record_codec codec = record_batch_codec(b);
    if (codec > RECORD_ZSTD)
        return keep_fault(it, error_set(&it->err, ST_UNSUPPORTED, "a record batch has codec %d", codec), err);
    if (b->count < 0)
        return keep_fault(it, error_set(&it->err, ST_CORRUPT, "a record batch has %d records", b->count), err);
    if (!it->packed)
        return ST_OK;
    enum status st = unpack_open(&it->unpack, codec, b->records, &it->err);
    return st == ST_OK ? ST_OK : keep_fault(it, st, err);
}

/* Key, value or header value: its length, then its bytes; -1 is null. */
static inline bool get_field(const uint8_t **at, const uint8_t *end, struct str *ret)
{
    int32_t len;
    if (!varint_get_i32(at, end, &len) || len > end - *at)
        return false;
    if (len < 0) {
        *ret = (struct str){ 0 };
        return len == -1;
    }
    *ret = (struct str){ (const char *)*at, (size_t)len };
    *at += len;
    return true;
}

static bool get_header(const uint8_t **at, const uint8_t *end, struct record_header *ret)
{
    return get_field(at, end, &ret->key) && ret->key.ptr && get_field(at, end, &ret->value);
}

bool record_header_next(struct str *headers, struct record_header *ret)
{
    if (headers->len == 0)
        return false;
    const uint8_t *at = (const uint8_t *)headers->ptr, *end = at + headers->len;
    if (!get_header(&at, end, ret))
        return false;
    *headers = (struct str){ (const char *)at, (size_t)(end - at) };
    return true;
}

/* The record between p and end, without its length. NULL, or what is wrong with it. */
static inline const char *parse(struct record_iter *it, const uint8_t *p, const uint8_t *end, struct record *ret)
{
    int64_t time_delta;
    int32_t delta, n_headers;
    if (p == end)
        return "it is empty";
    p++; /* attributes: without meaning so far */
    if (!varint_get_i64(&p, end, &time_delta))
        return "its timestamp is no number";
    if (!varint_get_i32(&p, end, &delta))
        return "its offset is no number";
    if (delta <= it->delta || delta > it->last_delta)
        return "its offset is out of order or out of the batch's range";
    if (!get_field(&p, end, &ret->key))
        return "its key has no length or passes its end";
    if (!get_field(&p, end, &ret->value))
        return "its value has no length or passes its end";
    if (!varint_get_i32(&p, end, &n_headers) || n_headers < 0)
        return "its headers have no count";
    ret->headers = (struct str){ (const char *)p, (size_t)(end - p) };
    ret->n_headers = (uint32_t)n_headers;
    for (int32_t i = 0; i < n_headers; i++) {
        struct record_header h;
        if (!get_header(&p, end, &h))
            return "a header has no length or passes its end";
    }
    if (p != end)
        return "bytes stand behind its last header";
    ret->offset = (int64_t)((uint64_t)it->base_offset + (uint64_t)delta);
    ret->timestamp_ms =
        it->append_time ? it->append_ms : (int64_t)((uint64_t)it->base_timestamp_ms + (uint64_t)time_delta);
    it->delta = delta;
    return NULL;
}

static enum status record_fault(struct record_iter *it, const char *what, struct error *err)
{
    error_set(&it->err, ST_CORRUPT, "record %u of %u of the batch at offset %lld: %s", it->seen + 1, it->count,
              (long long)it->base_offset, what);
    return keep_fault(it, ST_CORRUPT, err);
}

/* More of a packed batch behind it->end, or it->drained. */
static enum status fetch(struct record_iter *it, struct error *err)
{
    struct unpack *u = &it->unpack;
    size_t used = u->len - (size_t)(it->end - it->at), moved;
    enum status st = unpack_more(u, used, &moved, &it->drained, &it->err);
    if (st != ST_OK) {
        error_prefix(&it->err, "the batch at offset %lld: ", (long long)it->base_offset);
        return keep_fault(it, st, err);
    }
    if (u->data) {
        it->at = u->data + (used - moved);
        it->end = u->data + u->len;
    }
    return ST_OK;
}

/* Where the next record's body begins and its length, all of it there; length -1: the fault was kept. */
static enum status locate(struct record_iter *it, const uint8_t **ret_body, int32_t *ret_len, struct error *err)
{
    for (;;) {
        const uint8_t *p = it->at;
        int32_t len;
        if (RECORD_LIKELY(varint_get_i32(&p, it->end, &len))) {
            if (len < 0)
                return record_fault(it, "its length is negative", err);
            if (RECORD_LIKELY(len <= it->end - p)) {
                *ret_body = p;
                *ret_len = len;
                return ST_OK;
            }
        } else if (it->end - it->at >= VARINT_I32_MAX) {
            return record_fault(it, "its length is no number", err);
        }
        if (it->drained)
            return record_fault(it, "the batch ends before it does", err);
        TRY(fetch(it, err));
    }
}

static enum status finish(struct record_iter *it, bool *ret_end, struct error *err)
{
    while (it->at == it->end && !it->drained)
        TRY(fetch(it, err));
    if (it->at != it->end) {
        error_set(&it->err, ST_CORRUPT, "bytes stand behind the last of %u records of the batch at offset %lld",
                  it->count, (long long)it->base_offset);
        return keep_fault(it, ST_CORRUPT, err);
    }
    *ret_end = true;
    return ST_OK;
}

enum status record_iter_next(struct record_iter *it, struct record *ret, bool *ret_end, struct error *err)
{
    if (it->failed != ST_OK)
        return keep_fault(it, it->failed, err);
    if (it->seen == it->count)
        return finish(it, ret_end, err);
    const uint8_t *body;
    int32_t len;
    TRY(locate(it, &body, &len, err));
    it->at = body + len;
    __builtin_prefetch(it->at + AHEAD);
    const char *why = parse(it, body, body + len, ret);
    if (why)
        return record_fault(it, why, err);
    it->seen++;
    *ret_end = false;
    return ST_OK;
}
