/* Building batches. Records are written plain, one behind the other, into a counted block that has room for the header before
 * them; finishing writes header and checksum there and hands the block out, or packs them behind the header's place elsewhere. So the plain size is known and bounded
 * before anything is packed, and a refusal on the way leaves the records for another try.
 *
 * Offset and timestamp deltas need the base when a record is written: the first record's, or what
 * record_builder_like told. Snappy is written in the frame of xerial's Java library, blocks of 32 KiB, which every
 * client reads; lz4 with blocks apart, the only ones that the Java client reads. */
#include "record/bytes.h"

#define BYTES_MAX ((size_t)1 << 30)
enum { XERIAL_BLOCK = 32 << 10, FIRST_CAP = 4 << 10, FIRST_CAP_MAX = 272 << 10 };

static const uint8_t xerial_header[16] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1 };

static const enum codec codec_of[] = {
    [RECORD_PLAIN] = CODEC_NONE,     [RECORD_GZIP] = CODEC_GZIP, [RECORD_SNAPPY] = CODEC_NONE,
    [RECORD_LZ4] = CODEC_LZ4_APART, [RECORD_ZSTD] = CODEC_ZSTD,
};

struct record_builder {
    struct budget *budget;
    enum record_codec default_codec, codec; /* of all batches but those like another; of the one begun */
    struct shared *block; /* header's place, then the records; NULL: none yet */
    size_t len, max;      /* of the records */
    uint32_t first_cap;   /* of a new block: as large as the last one became */
    struct packer *packer; /* of packer_codec; NULL until it is needed */
    enum record_codec packer_codec;
    bool is_like;
    struct record_batch like; /* header only */
    int64_t base_offset, last_offset, base_timestamp_ms, max_timestamp_ms;
    uint32_t count;
};

enum status record_builder_new(enum record_codec codec, size_t max_bytes, struct budget *budget,
                               struct record_builder **ret, struct error *err)
{
    if ((unsigned)codec > RECORD_ZSTD)
        return error_set(err, ST_UNSUPPORTED, "there is no record codec %d", codec);
    struct record_builder *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return budget_error(budget, sizeof *w, err);
    w->budget = budget;
    w->default_codec = codec;
    w->max = max_bytes < BYTES_MAX ? max_bytes : BYTES_MAX;
    w->first_cap = FIRST_CAP;
    record_builder_clear(w);
    *ret = w;
    return ST_OK;
}

void record_builder_free(struct record_builder *w)
{
    if (!w)
        return;
    shared_unref(w->block);
    packer_free(w->packer);
    mem_free(w->budget, w, sizeof *w);
}

void record_builder_clear(struct record_builder *w)
{
    w->len = 0;
    w->codec = w->default_codec;
    w->is_like = false;
    w->count = 0;
    w->last_offset = -1;
}

void record_builder_like(struct record_builder *w, const struct record_batch *b, int64_t delete_horizon_ms)
{
    record_builder_clear(w);
    w->is_like = true;
    w->like = *b;
    if (delete_horizon_ms >= 0) {
        w->like.attributes |= RECORD_DELETE_HORIZON;
        w->like.base_timestamp_ms = delete_horizon_ms;
    }
    w->codec = record_batch_codec(b) <= RECORD_ZSTD ? record_batch_codec(b) : w->default_codec;
}

uint32_t record_builder_count(const struct record_builder *w)
{
    return w->count;
}

size_t record_builder_bytes(const struct record_builder *w)
{
    return RECORD_BATCH_HEADER + w->len;
}

static size_t field_size(struct str s)
{
    return s.ptr ? varint_size((int64_t)s.len) + s.len : 1;
}

static uint8_t *put_field(uint8_t *p, struct str s)
{
    p = varint_put(p, s.ptr ? (int64_t)s.len : -1);
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

bool record_header_put(struct buf *headers, struct record_header h)
{
    struct str key = h.key.ptr ? h.key : STR("");
    if (key.len > BYTES_MAX || h.value.len > BYTES_MAX)
        return false;
    size_t size = field_size(key) + field_size(h.value);
    if (!buf_reserve(headers, size))
        return false;
    put_field(put_field(headers->data + headers->len, key), h.value);
    headers->len += size;
    return true;
}

/* The deltas of the batch's first record decide its base. */
static void begin(struct record_builder *w, int64_t offset, int64_t timestamp_ms)
{
    w->base_offset = w->is_like ? w->like.base_offset : offset;
    w->base_timestamp_ms =
        w->is_like && (w->like.attributes & RECORD_DELETE_HORIZON) ? w->like.base_timestamp_ms : timestamp_ms;
    w->max_timestamp_ms = timestamp_ms;
}

static enum status check_offset(const struct record_builder *w, int64_t offset, struct error *err)
{
    int64_t first = w->is_like ? w->like.base_offset : 0;
    int64_t last = w->is_like ? record_batch_last_offset(&w->like) : INT64_MAX;
    if (offset >= first && offset <= last && (w->count == 0 || offset > w->last_offset))
        return ST_OK;
    return error_set(err, ST_BUG, "offset %lld is out of order in a batch that is being built", (long long)offset);
}

static struct str records_of(const struct record_builder *w)
{
    return str_make(w->block ? (const char *)w->block->data + RECORD_BATCH_HEADER : "", w->len);
}

bool record_builder_block(struct record_builder *w, struct shared *block)
{
    if (w->block || block->cap < RECORD_BATCH_HEADER || block->cap > RECORD_BATCH_HEADER + w->max)
        return false;
    w->block = block;
    return true;
}

/* Room for `size` bytes behind the records, which are not more than `max` with them. */
static bool reserve(struct record_builder *w, size_t size)
{
    size_t needed = RECORD_BATCH_HEADER + w->len + size, most = RECORD_BATCH_HEADER + w->max;
    if (RECORD_LIKELY(w->block && needed <= w->block->cap))
        return true;
    size_t cap = w->block ? (size_t)w->block->cap * 2 : w->first_cap;
    cap = cap < needed ? needed : cap;
    struct shared *block = shared_new(w->budget, (uint32_t)(cap < most ? cap : most));
    if (!block)
        return false;
    if (w->len)
        memcpy(block->data + RECORD_BATCH_HEADER, w->block->data + RECORD_BATCH_HEADER, w->len);
    shared_unref(w->block);
    w->block = block;
    return true;
}

enum status record_builder_add(struct record_builder *w, const struct record *r, bool *ret_full, struct error *err)
{
    int64_t next = w->count > 0 ? w->last_offset + 1 : w->is_like ? w->like.base_offset : 0;
    int64_t offset = r->offset < 0 ? next : r->offset;
    TRY(check_offset(w, offset, err));
    if (r->key.len > BYTES_MAX || r->value.len > BYTES_MAX || r->headers.len > BYTES_MAX || r->n_headers > INT32_MAX)
        return error_set(err, ST_LIMIT, "a record is larger than %zu bytes", BYTES_MAX);
    if (w->count == 0)
        begin(w, offset, r->timestamp_ms);
    int64_t delta = offset - w->base_offset;
    int64_t time_delta = (int64_t)((uint64_t)r->timestamp_ms - (uint64_t)w->base_timestamp_ms);
    size_t body = 1 + varint_size(time_delta) + varint_size(delta) + field_size(r->key) + field_size(r->value) +
                  varint_size(r->n_headers) + r->headers.len;
    size_t size = varint_size((int64_t)body) + body;
    if (size > w->max)
        return error_set(err, ST_LIMIT, "a record of %zu bytes is larger than a batch may be: %zu", size, w->max);
    *ret_full = w->count > 0 && (size > w->max - w->len || delta > INT32_MAX);
    if (*ret_full)
        return ST_OK;
    if (!reserve(w, size))
        return budget_error(w->budget, size, err);
    uint8_t *p = varint_put(w->block->data + RECORD_BATCH_HEADER + w->len, (int64_t)body);
    *p++ = 0;
    p = put_field(put_field(varint_put(varint_put(p, time_delta), delta), r->key), r->value);
    p = varint_put(p, r->n_headers);
    if (r->headers.len)
        memcpy(p, r->headers.ptr, r->headers.len);
    w->len += size;
    w->count++;
    w->last_offset = offset;
    if (r->timestamp_ms > w->max_timestamp_ms)
        w->max_timestamp_ms = r->timestamp_ms;
    return ST_OK;
}

/* ---- finishing ---- */

static enum status refused(const struct buf *out, size_t wanted, struct error *err)
{
    if (out->len > out->max || wanted > out->max - out->len)
        return error_set(err, ST_LIMIT, "the record batch would pass a limit of %zu bytes", out->max);
    return budget_error(out->budget, wanted, err);
}

static enum status put_snappy(const struct record_builder *w, struct buf *out, struct error *err)
{
    if (!buf_put(out, xerial_header, sizeof xerial_header))
        return refused(out, sizeof xerial_header, err);
    struct str rest = records_of(w);
    while (rest.len > 0) {
        struct str piece = { rest.ptr, rest.len < XERIAL_BLOCK ? rest.len : XERIAL_BLOCK };
        size_t at = out->len;
        if (!buf_put_u32(out, 0))
            return refused(out, 4, err);
        TRY(snappy_block_pack(piece, out, err));
        be_put_u32(out->data + at, (uint32_t)(out->len - at - 4));
        rest = (struct str){ rest.ptr + piece.len, rest.len - piece.len };
    }
    return ST_OK;
}

static enum status put_packed(struct record_builder *w, struct buf *out, struct error *err)
{
    if (w->packer && w->packer_codec != w->codec) {
        packer_free(w->packer);
        w->packer = NULL;
    }
    if (!w->packer)
        w->packer = packer_new(codec_of[w->codec], w->budget);
    if (!w->packer)
        return budget_error(w->budget, 0, err);
    w->packer_codec = w->codec;
    enum status st = packer_put(w->packer, records_of(w).ptr, w->len, out, err);
    if (st == ST_OK)
        st = packer_flush_frame(w->packer, out, err);
    if (st != ST_OK) { /* it stays failed: another one next time */
        packer_free(w->packer);
        w->packer = NULL;
    }
    return st;
}

static enum status put_records(struct record_builder *w, struct buf *out, struct error *err)
{
    if (w->codec == RECORD_PLAIN || w->count == 0)
        return buf_put(out, records_of(w).ptr, w->len) ? ST_OK : refused(out, w->len, err);
    return w->codec == RECORD_SNAPPY ? put_snappy(w, out, err) : put_packed(w, out, err);
}

static void put_header(const struct record_builder *w, struct record_producer producer, uint8_t *p, size_t len)
{
    struct record_batch h = {
        .base_offset = w->base_offset,
        .leader_epoch = -1,
        .attributes = (int16_t)(w->codec | (producer.transactional ? RECORD_TRANSACTIONAL : 0)),
        .last_offset_delta = (int32_t)(w->last_offset - w->base_offset),
        .base_timestamp_ms = w->base_timestamp_ms,
        .max_timestamp_ms = w->max_timestamp_ms,
        .producer_id = producer.id,
        .producer_epoch = producer.epoch,
        .base_sequence = producer.base_sequence,
    };
    if (w->is_like) {
        h = w->like;
        if (w->count > 0) {
            h.base_timestamp_ms = w->base_timestamp_ms;
            if (!record_batch_append_time(&h))
                h.max_timestamp_ms = w->max_timestamp_ms;
        } else {
            h.attributes &= (int16_t)~7; /* nothing to unpack */
        }
    }
    be_put_u64(p, (uint64_t)h.base_offset);
    be_put_u32(p + RECORD_LENGTH_AT, (uint32_t)(len - RECORD_LENGTH_END));
    be_put_u32(p + AT_EPOCH, (uint32_t)h.leader_epoch);
    p[AT_MAGIC] = 2;
    be_put_u16(p + AT_ATTRIBUTES, (uint16_t)h.attributes);
    be_put_u32(p + AT_LAST_DELTA, (uint32_t)h.last_offset_delta);
    be_put_u64(p + AT_BASE_TIME, (uint64_t)h.base_timestamp_ms);
    be_put_u64(p + AT_MAX_TIME, (uint64_t)h.max_timestamp_ms);
    be_put_u64(p + AT_PRODUCER, (uint64_t)h.producer_id);
    be_put_u16(p + AT_PRODUCER_EPOCH, (uint16_t)h.producer_epoch);
    be_put_u32(p + AT_SEQUENCE, (uint32_t)h.base_sequence);
    be_put_u32(p + AT_COUNT, w->count);
    be_put_u32(p + AT_CRC, crc32c(0, p + AT_ATTRIBUTES, len - AT_ATTRIBUTES));
}

enum status record_builder_finish(struct record_builder *w, struct record_producer producer, struct buf *out,
                                  struct error *err)
{
    if (w->count == 0 && !w->is_like)
        return ST_OK;
    size_t before = out->len;
    if (!buf_reserve(out, RECORD_BATCH_HEADER))
        return refused(out, RECORD_BATCH_HEADER, err);
    out->len += RECORD_BATCH_HEADER;
    enum status st = put_records(w, out, err);
    if (st != ST_OK) {
        out->len = before;
        return st;
    }
    CHECK(out->len - before <= INT32_MAX); /* no codec doubles BYTES_MAX */
    put_header(w, producer, out->data + before, out->len - before);
    record_builder_clear(w);
    return ST_OK;
}

static enum status finish_packed(struct record_builder *w, struct record_producer producer, struct shared **ret,
                                 struct error *err)
{
    struct buf out;
    buf_init(&out, w->budget, 2 * BYTES_MAX);
    enum status st = record_builder_finish(w, producer, &out, err);
    struct shared *block = st == ST_OK ? shared_new(w->budget, (uint32_t)out.len) : NULL;
    if (block) {
        memcpy(block->data, out.data, out.len);
        block->len = (uint32_t)out.len;
        *ret = block;
    } else if (st == ST_OK) {
        st = budget_error(w->budget, out.len, err);
    }
    buf_release(&out);
    return st;
}

enum status record_builder_finish_shared(struct record_builder *w, struct record_producer producer, struct shared **ret,
                                         struct error *err)
{
    if (w->count == 0 && !w->is_like) {
        *ret = NULL;
        return ST_OK;
    }
    if (w->codec != RECORD_PLAIN || w->count == 0)
        return finish_packed(w, producer, ret, err);
    w->block->len = (uint32_t)(RECORD_BATCH_HEADER + w->len);
    put_header(w, producer, w->block->data, w->block->len);
    w->first_cap = w->block->cap < FIRST_CAP_MAX ? w->block->cap : FIRST_CAP_MAX;
    *ret = w->block;
    w->block = NULL;
    record_builder_clear(w);
    return ST_OK;
}
