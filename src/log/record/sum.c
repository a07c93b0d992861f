/* The walk over a produced batch's records, which a broker makes for every byte that it takes: only their form, order,
 * times and keys are of interest, so nothing is handed out.
 *
 * Plain records in the common form (numbers of few bytes, no headers) are read here without a call or a store a record;
 * any other record, a fault too, goes through record_iter_next, which alone decides what is wrong. So this may be picky
 * and must not be lax. [200 B records, cached: 23 ns a record there, 11 here.] */
#include "record/iter.h"

/* The least body that holds the numbers in front of the key at their longest here: attributes, time, delta, length. */
enum { FRONT_BYTES = 1 + 3 + 3 + 3, BACK_BYTES = 3 + 1 };

/* A zigzag number of one to three bytes; false: longer. Reads up to three bytes. */
static inline bool get_short(const uint8_t **at, int32_t *ret)
{
    const uint8_t *p = *at;
    uint32_t v = p[0];
    if (RECORD_LIKELY(v < 0x80)) {
        *at = p + 1;
    } else if (RECORD_LIKELY(p[1] < 0x80)) {
        v = (v & 0x7F) | (uint32_t)p[1] << 7;
        *at = p + 2;
    } else if (p[2] < 0x80) {
        v = (v & 0x7F) | (uint32_t)(p[1] & 0x7F) << 7 | (uint32_t)p[2] << 14;
        *at = p + 3;
    } else {
        return false;
    }
    *ret = (int32_t)(v >> 1 ^ -(v & 1));
    return true;
}

static inline void add(struct record_sum *s, int32_t delta, int64_t ms, bool null_key)
{
    if (ms > s->max_ms) {
        s->max_ms = ms;
        s->max_delta = delta;
    }
    if (ms < s->min_ms)
        s->min_ms = ms;
    s->null_keys += null_key;
}

/* Takes records in the common form as long as they come, without gaps in their offsets. */
static void sum_common(struct record_iter *it, struct record_sum *s)
{
    const uint8_t *at = it->at, *end = it->end;
    uint32_t range = (uint32_t)it->last_delta + 1, most = range < it->count ? range : it->count, seen = it->seen;
    struct record_sum sum = *s;
    for (; seen < most && end - at >= 3 + FRONT_BYTES; seen++) {
        const uint8_t *p = at;
        int32_t len, time_delta, delta, key_len, value_len;
        if (!get_short(&p, &len) || len < FRONT_BYTES || len > end - p)
            break;
        const uint8_t *stop = p + len;
        __builtin_prefetch(stop + AHEAD);
        p++; /* attributes */
        if (!get_short(&p, &time_delta) || !get_short(&p, &delta) || !get_short(&p, &key_len))
            break;
        if ((uint32_t)delta != seen || key_len < -1 || key_len > stop - p)
            break;
        p += key_len < 0 ? 0 : key_len;
        if (stop - p < BACK_BYTES || !get_short(&p, &value_len) || value_len < 0 || value_len != stop - p - 1)
            break;
        if (stop[-1] != 0) /* headers */
            break;
        int64_t ms = (int64_t)((uint64_t)it->base_timestamp_ms + (uint64_t)(int64_t)time_delta);
        if (it->append_time)
            ms = it->append_ms;
        add(&sum, delta, ms, key_len < 0);
        at = stop;
    }
    if (seen > it->seen)
        it->delta = (int32_t)(seen - 1);
    it->at = at;
    it->seen = seen;
    *s = sum;
}

enum status record_iter_sum(struct record_iter *it, struct record_sum *ret, struct error *err)
{
    struct record_sum s = { .min_ms = INT64_MAX, .max_ms = INT64_MIN };
    for (;;) {
        struct record r;
        bool end = false;
        if (!it->packed && it->failed == ST_OK && (uint32_t)it->delta + 1 == it->seen)
            sum_common(it, &s);
        TRY(record_iter_next(it, &r, &end, err));
        if (end)
            break;
        add(&s, it->delta, r.timestamp_ms, !r.key.ptr);
    }
    *ret = s;
    return ST_OK;
}
