/* A producer's batch as Kafka's broker checks it, with its codes, in its order: first what the request's version and
 * form allow, then offset, size and checksum, then the batch's header, then each record.
 *
 * The checksum comes before the records also for speed: it streams the batch into the cache, where the walk finds it.
 * One quick walk (sum.c) tells whether all records are well formed and the least and greatest timestamp; only when the
 * topic may refuse one of them a second walk finds which, so that the producer hears of all of them.
 *
 * Where Kafka answers UNKNOWN_SERVER_ERROR because a decoder threw (packed bytes that do not unpack, a codec that does
 * not exist) the answer here is INVALID_RECORD and UNSUPPORTED_COMPRESSION_TYPE. Wrong offset deltas are refused; Kafka
 * renumbers those of a packed batch and stores those of a plain one. Facts: Kafka's ProduceRequest, UnifiedLog and
 * LogValidator, and 256 requests answered by a Kafka 4.3.1 and by this. */
#include "record/iter.h"

enum { ZSTD_SINCE = 7 };
#define NO_TIMESTAMP (-1)

struct check {
    const struct record_rules *rules;
    struct record_verdict *ret;
    struct error *err;
};

static enum status refuse(struct check *c, int16_t kafka, enum status st)
{
    c->ret->kafka = kafka;
    return st;
}
/* Kafka's code, and the message that goes with it. */
#define REFUSE(c, kafka_code, ...) refuse(c, kafka_code, error_set((c)->err, ST_DATA, __VA_ARGS__))

/* What Kafka sees in the bytes where a batch may begin, of whatever format. */
enum piece { PIECE_CUT, PIECE_WHOLE, PIECE_CORRUPT };
enum { OLD_LENGTH_MIN = 14, MAGIC_MAX = 2 };

static enum piece look(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    if (s.len < RECORD_LENGTH_END)
        return PIECE_CUT;
    int32_t length = (int32_t)be_get_u32(p + RECORD_LENGTH_AT);
    if (length < OLD_LENGTH_MIN || (s.len > AT_MAGIC && p[AT_MAGIC] > MAGIC_MAX))
        return PIECE_CORRUPT;
    return s.len - RECORD_LENGTH_END < (size_t)length ? PIECE_CUT : PIECE_WHOLE;
}

static enum status check_form(struct check *c, struct str records, struct record_batch *b)
{
    struct error why;
    enum piece first = look(records);
    if (first == PIECE_CUT)
        return REFUSE(c, RECORD_E_INVALID, "a produce request must hold a whole record batch");
    if (first == PIECE_CORRUPT)
        return REFUSE(c, RECORD_E_CORRUPT_MESSAGE, "the produced bytes are no record batch");
    enum status st = record_batch_next(&records, b, &why);
    if (st != ST_OK)
        return REFUSE(c, st == ST_UNSUPPORTED ? RECORD_E_INVALID : RECORD_E_CORRUPT_MESSAGE, "%s", why.message);
    enum record_codec codec = record_batch_codec(b);
    if (codec > RECORD_ZSTD || (codec == RECORD_ZSTD && c->rules->produce_version < ZSTD_SINCE))
        return REFUSE(c, RECORD_E_CODEC, "produce version %d does not know codec %d", c->rules->produce_version, codec);
    enum piece second = look(records);
    if (second == PIECE_CORRUPT)
        return REFUSE(c, RECORD_E_CORRUPT_MESSAGE, "what stands behind the record batch is none");
    if (second == PIECE_WHOLE)
        return REFUSE(c, RECORD_E_INVALID, "a partition takes one record batch in a produce request");
    return ST_OK;
}

static enum status check_batch(struct check *c, const struct record_batch *b)
{
    if (b->base_offset != 0)
        return REFUSE(c, RECORD_E_INVALID, "the base offset of produced records is 0, not %lld",
                      (long long)b->base_offset);
    if (b->bytes.len > c->rules->max_bytes)
        return REFUSE(c, RECORD_E_TOO_LARGE, "a record batch of %zu bytes is larger than max.message.bytes = %zu",
                      b->bytes.len, c->rules->max_bytes);
    uint32_t crc = record_batch_crc(b);
    if (crc != b->crc)
        return REFUSE(c, RECORD_E_CORRUPT_MESSAGE, "the record batch has checksum %08x, its bytes %08x", b->crc, crc);
    if (b->last_offset_delta < 0 || b->count <= 0 || b->count - 1 != b->last_offset_delta)
        return REFUSE(c, RECORD_E_INVALID, "the record batch has %d records and last offset delta %d", b->count,
                      b->last_offset_delta);
    if (record_batch_control(b))
        return REFUSE(c, RECORD_E_INVALID, "clients may not write control records");
    if (b->producer_id >= 0 && (b->base_sequence < 0 || b->producer_epoch < 0))
        return REFUSE(c, RECORD_E_INVALID, "producer %lld writes with epoch %d and sequence %d",
                      (long long)b->producer_id, b->producer_epoch, b->base_sequence);
    if (b->producer_id < 0 && record_batch_transactional(b))
        return REFUSE(c, RECORD_E_INVALID, "a transaction's records need a producer id");
    return ST_OK;
}

/* now - before <= ms <= now + after, without overflow. */
static bool is_in_bounds(const struct record_rules *r, int64_t ms)
{
    int64_t ago;
    if (__builtin_sub_overflow(r->now_ms, ms, &ago))
        ago = ms < 0 ? INT64_MAX : INT64_MIN;
    return ago >= 0 ? ago <= r->before_max_ms : ago != INT64_MIN && -ago <= r->after_max_ms;
}

static void note_fault(struct check *c, int32_t index, int16_t kafka)
{
    struct record_verdict *v = c->ret;
    if (v->n_faults < RECORD_FAULTS_MAX)
        v->faults[v->n_faults++] = (struct record_fault){ index, kafka };
    if (v->kafka != RECORD_E_TIMESTAMP) /* the one that is told for all */
        v->kafka = kafka;
}

static int16_t check_record(const struct record_rules *rules, bool batch_append_time, const struct record *r)
{
    if (rules->compacted && !r->key.ptr)
        return RECORD_E_INVALID;
    if (!rules->append_time && r->timestamp_ms != NO_TIMESTAMP)
        return is_in_bounds(rules, r->timestamp_ms) ? RECORD_E_NONE : RECORD_E_TIMESTAMP;
    return batch_append_time ? RECORD_E_TIMESTAMP : RECORD_E_NONE;
}

static enum status told(struct check *c)
{
    const struct record_fault *f = &c->ret->faults[0];
    if (f->kafka == RECORD_E_TIMESTAMP)
        return error_set(c->err, ST_DATA,
                         "record %d has a timestamp out of the topic's bounds, or one that the broker sets", f->index);
    return error_set(c->err, ST_DATA, "record %d has no key, which a compacted topic needs", f->index);
}

/* Which records the topic refuses. They were found well formed. */
static enum status find_faults(struct check *c, const struct record_batch *b, struct record_iter *it)
{
    struct record r;
    bool end = false, append_time = record_batch_append_time(b);
    TRY(record_iter_open(it, b, c->err));
    for (int32_t i = 0;; i++) {
        TRY(record_iter_next(it, &r, &end, c->err));
        if (end)
            return c->ret->n_faults > 0 ? told(c) : ST_OK;
        int16_t fault = check_record(c->rules, append_time, &r);
        if (fault != RECORD_E_NONE)
            note_fault(c, i, fault);
    }
}

/* No record can be at fault: not the earliest, not the latest one, none without a key. */
static bool is_harmless(const struct record_rules *rules, const struct record_batch *b, const struct record_sum *sum)
{
    if (record_batch_append_time(b) || (rules->compacted && sum->null_keys > 0))
        return false;
    return rules->append_time || (is_in_bounds(rules, sum->min_ms) && is_in_bounds(rules, sum->max_ms));
}

/* Offsets that rise within a range as long as their count can only be 0, 1, 2, …: check_batch saw to the range. */
static enum status check_records(struct check *c, const struct record_batch *b, struct record_iter *it)
{
    struct record_sum sum;
    enum status st = record_iter_open(it, b, c->err);
    if (st == ST_OK)
        st = record_iter_sum(it, &sum, c->err);
    if (st == ST_OK) {
        c->ret->max_timestamp_ms = sum.max_ms > NO_TIMESTAMP ? sum.max_ms : NO_TIMESTAMP;
        c->ret->max_timestamp_delta = sum.max_delta;
        if (!is_harmless(c->rules, b, &sum))
            st = find_faults(c, b, it);
    }
    if (st != ST_OK && c->ret->n_faults == 0)
        refuse(c, (int16_t)(st == ST_CORRUPT || st == ST_LIMIT ? RECORD_E_INVALID : status_kafka(st)), st);
    return st;
}

enum status record_batch_validate(struct str records, const struct record_rules *rules, struct record_iter *it,
                                  struct record_verdict *ret, struct error *err)
{
    struct check c = { .rules = rules, .ret = ret, .err = err };
    *ret = (struct record_verdict){ .kafka = RECORD_E_NONE };
    TRY(check_form(&c, records, &ret->batch));
    TRY(check_batch(&c, &ret->batch));
    TRY(check_records(&c, &ret->batch, it));
    if (rules->append_time) {
        ret->max_timestamp_ms = rules->now_ms;
        ret->max_timestamp_delta = ret->batch.last_offset_delta;
    }
    return ST_OK;
}
