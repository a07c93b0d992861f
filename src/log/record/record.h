/* Kafka's record batch, version 2 (magic 2): view, checks, stamps, iteration, building, partitioners.
 *
 * A batch: base offset i64, length i32 (of what follows), leader epoch i32, magic i8, CRC-32C u32 (of what follows),
 * attributes i16 (bits 0-2 codec, 3 log-append time, 4 transactional, 5 control, 6 delete horizon), last offset delta
 * i32, base timestamp i64, max timestamp i64, producer id i64, producer epoch i16, base sequence i32, count i32; big-
 * endian; then the records, compressed as one block. A record: zigzag varints for length, timestamp delta, offset
 * delta, key length, key, value length, value, header count and headers, with an unused attributes byte behind the
 * length. Source: kafka.apache.org/documentation/#messageformat.
 *
 * Base offset and leader epoch lie before the checksum's range: a broker stamps them without touching the rest. Views
 * borrow the bytes. Nothing here allocates by what a length field says before the bytes are there. */
#pragma once

#include "pack/pack.h"

enum { RECORD_BATCH_HEADER = 61, RECORD_LENGTH_AT = 8, RECORD_LENGTH_END = 12 };

enum record_codec { RECORD_PLAIN, RECORD_GZIP, RECORD_SNAPPY, RECORD_LZ4, RECORD_ZSTD };

/* Attribute bits above the codec's three. */
enum { RECORD_APPEND_TIME = 8, RECORD_TRANSACTIONAL = 16, RECORD_CONTROL = 32, RECORD_DELETE_HORIZON = 64 };

struct record_batch {
    int64_t base_offset;
    int32_t leader_epoch;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp_ms, max_timestamp_ms; /* with RECORD_DELETE_HORIZON the base is the horizon */
    int64_t producer_id;                         /* -1: none */
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t count;
    struct str bytes;   /* the whole batch */
    struct str records; /* behind the header, packed or plain */
};

/* Any of 0 to 7: record_iter_open and record_batch_validate refuse those above RECORD_ZSTD. */
static inline enum record_codec record_batch_codec(const struct record_batch *b)
{
    return (enum record_codec)(b->attributes & 7);
}
static inline bool record_batch_append_time(const struct record_batch *b) { return b->attributes & RECORD_APPEND_TIME; }
static inline bool record_batch_transactional(const struct record_batch *b)
{
    return b->attributes & RECORD_TRANSACTIONAL;
}
static inline bool record_batch_control(const struct record_batch *b) { return b->attributes & RECORD_CONTROL; }
static inline int64_t record_batch_last_offset(const struct record_batch *b)
{
    return (int64_t)((uint64_t)b->base_offset + (uint64_t)b->last_offset_delta);
}
/* Sequence numbers go round: 0 follows INT32_MAX. `n` is not negative. */
static inline int32_t record_sequence_add(int32_t sequence, int32_t n)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)n) & INT32_MAX);
}

/* The first batch of `bytes`: header read, lengths checked, checksum not. *ret_len: bytes that it takes.
 * ST_NOT_FOUND: the bytes end before the batch does (*ret_len: how many it wants, 0 when not known yet). ST_CORRUPT: no
 * batch. ST_UNSUPPORTED: magic 0 or 1. */
enum status record_batch_read(struct str bytes, struct record_batch *ret, size_t *ret_len, struct error *err) MUST_USE;
/* The same where the bytes may end behind the header: `bytes` and `records` are what is there. */
enum status record_batch_head(struct str bytes, struct record_batch *ret, size_t *ret_len, struct error *err) MUST_USE;
/* As record_batch_read, and moves `rest` behind it: the walk over batches that stand one behind the other. */
enum status record_batch_next(struct str *rest, struct record_batch *ret, struct error *err) MUST_USE;
/* The checksum fits and the header's numbers can be (offsets not negative, count within the range): ST_CORRUPT. */
enum status record_batch_check(const struct record_batch *b, struct error *err) MUST_USE;
uint32_t record_batch_crc(const struct record_batch *b); /* the checksum as it should be */

/* Stamps in place; `bytes` is a batch that was read. Views of it must be read again. */
void record_batch_stamp(uint8_t *bytes, int64_t base_offset, int32_t leader_epoch);
/* Sets the kind of its timestamps and the greatest one; the checksum anew, unless both stand there already. */
void record_batch_stamp_time(uint8_t *bytes, bool append_time, int64_t max_ms);

/* ---- iteration ---- */

struct record_header {
    struct str key, value; /* value.ptr NULL: null */
};

struct record {
    int64_t offset, timestamp_ms;
    struct str key, value; /* .ptr NULL: null (a value: tombstone); never NULL when empty */
    struct str headers;    /* raw; record_header_next */
    uint32_t n_headers;
};

/* One iterator serves many batches, one after the other, and keeps decoder and buffer (while they are small). What one
 * batch unpacks to is bounded by `max_unpacked` and by its own size (RECORD_UNPACK_FREE, and RECORD_UNPACK_RATIO
 * times the packed bytes): beyond it ST_LIMIT. It is held a piece at a time, one snappy block or record at least. */
#define RECORD_UNPACK_FREE ((size_t)16 << 20)
#define RECORD_UNPACK_RATIO ((size_t)1024)
struct record_iter;
enum status record_iter_new(struct budget *budget, size_t max_unpacked, struct record_iter **ret,
                            struct error *err) MUST_USE;
void record_iter_free(struct record_iter *it); /* NULL is allowed */
/* Begins with `b`, whatever came before. ST_UNSUPPORTED: a codec of the future. */
enum status record_iter_open(struct record_iter *it, const struct record_batch *b, struct error *err) MUST_USE;
/* ST_OK with a record, or *ret_end, which vouches for the whole: as many records as promised, nothing behind them.
 * Offsets rise and lie in the batch's range. Records borrow the bytes of a plain batch, else the iterator's buffer
 * until the next call. ST_CORRUPT names the record's number and what is wrong with it; a fault stays. */
enum status record_iter_next(struct record_iter *it, struct record *ret, bool *ret_end, struct error *err) MUST_USE;
/* Takes the next header off `headers`; false at the end. They were checked with their record. */
bool record_header_next(struct str *headers, struct record_header *ret);
/* Appends a header to raw ones; ptr NULL of the value: null. false: the buffer refuses. */
bool record_header_put(struct buf *headers, struct record_header h) MUST_USE;

/* ---- what a broker checks before it appends ---- */

/* Kafka's protocol errors that checking a batch gives. */
enum {
    RECORD_E_NONE = 0,
    RECORD_E_CORRUPT_MESSAGE = 2,
    RECORD_E_TOO_LARGE = 10,
    RECORD_E_TIMESTAMP = 32,
    RECORD_E_CODEC = 76,
    RECORD_E_INVALID = 87
};

struct record_rules {
    int16_t produce_version; /* zstd is allowed from 7 on */
    bool compacted;          /* keys may not be null */
    bool append_time;        /* message.timestamp.type=LogAppendTime: bounds don't matter */
    size_t max_bytes;        /* max.message.bytes: of the batch as it came */
    int64_t now_ms;
    int64_t before_max_ms, after_max_ms; /* message.timestamp.before.max.ms and after.max.ms */
};

enum { RECORD_FAULTS_MAX = 16 };
struct record_fault {
    int32_t index; /* of the record in the batch */
    int16_t kafka;
};

struct record_verdict {
    int16_t kafka;             /* RECORD_E_…, or status_kafka of what else went wrong */
    struct record_batch batch; /* when accepted: what to append */
    int64_t max_timestamp_ms;  /* when accepted: for record_batch_stamp_time and the time index */
    int32_t max_timestamp_delta; /* offset delta of the first record that has it; by append time the last one */
    uint32_t n_faults;           /* single records at fault, at most RECORD_FAULTS_MAX of them told */
    struct record_fault faults[RECORD_FAULTS_MAX];
};

/* A producer's records for one partition, checked as Kafka's broker does, in its order: exactly one batch (a piece of
 * another behind it is passed over, as there), magic 2, codec, base offset 0, size, checksum, count = last offset
 * delta + 1, no control batch, producer id with epoch and sequence, then each record: its form, offset delta =
 * its number, key, timestamp. `it` reads them. ST_OK: append it; else the error to answer stands in ret->kafka and the
 * message in `err`. ret is always set. */
enum status record_batch_validate(struct str records, const struct record_rules *rules, struct record_iter *it,
                                  struct record_verdict *ret, struct error *err) MUST_USE;

/* ---- building ---- */

struct record_producer {
    int64_t id; /* -1: none */
    int16_t epoch;
    int32_t base_sequence;
    bool transactional;
};
#define RECORD_NO_PRODUCER ((struct record_producer){ -1, -1, -1, false })

/* Builds batches one after another. `max_bytes` bounds the records of one batch, unpacked; at most 1 GiB. */
struct record_builder;
enum status record_builder_new(enum record_codec codec, size_t max_bytes, struct budget *budget,
                               struct record_builder **ret, struct error *err) MUST_USE;
void record_builder_free(struct record_builder *w); /* NULL is allowed */
/* Copies it in. r->offset is greater than the one before (gaps are kept), or -1: the next, at first 0. The first one
 * is the batch's base. *ret_full: the batch has no room for it; finish, then add it again. ST_LIMIT: no batch has. */
enum status record_builder_add(struct record_builder *w, const struct record *r, bool *ret_full,
                               struct error *err) MUST_USE;
uint32_t record_builder_count(const struct record_builder *w);
size_t record_builder_bytes(const struct record_builder *w); /* unpacked, with the header */
/* The batch that is begun takes the place of `b` (compaction): its offset range, leader epoch, producer, codec and
 * kind of timestamps. delete_horizon_ms -1: as `b` has it. Before the first record; until the next finish or clear. */
void record_builder_like(struct record_builder *w, const struct record_batch *b, int64_t delete_horizon_ms);
/* Appends the batch to `out` and starts anew. Nothing for no records, but for one that takes another's place: an empty
 * batch keeps the range and the producer's last sequence. `out` needs room for the records and 80 KiB. A refusal
 * leaves both as they were. `producer` is not asked for after record_builder_like. */
enum status record_builder_finish(struct record_builder *w, struct record_producer producer, struct buf *out,
                                  struct error *err) MUST_USE;
/* The same into bytes of their own, one reference; NULL: no records. A plain batch is not copied. */
enum status record_builder_finish_shared(struct record_builder *w, struct record_producer producer, struct shared **ret,
                                         struct error *err) MUST_USE;
/* A block to build the next batch in, which nobody else holds; taken over. false: it has one, or cannot use it. */
bool record_builder_block(struct record_builder *w, struct shared *block) MUST_USE;
void record_builder_clear(struct record_builder *w);

/* ---- the end of a transaction: a control batch of one record ---- */

struct record_marker {
    bool commit; /* else abort */
    int32_t coordinator_epoch;
};
/* Appends the marker's batch, base offset 0. false: the buffer refuses. */
bool record_marker_put(struct buf *out, struct record_marker m, int64_t producer_id, int16_t producer_epoch,
                       int64_t timestamp_ms) MUST_USE;
/* `r` is a control batch's record. ST_UNSUPPORTED: another kind of control record; ST_CORRUPT. */
enum status record_marker_read(const struct record *r, struct record_marker *ret, struct error *err) MUST_USE;

/* ---- partitioners: which of `n` partitions a key goes to, as the clients have it ---- */

uint32_t record_murmur2(struct str key); /* Java's Utils.murmur2 with its seed */
/* Java client, Kafka Streams: (murmur2 & 0x7fffffff) % n */
uint32_t record_partition_murmur2(struct str key, uint32_t n);
/* librdkafka "consistent": crc32 % n */
uint32_t record_partition_crc32(struct str key, uint32_t n);
