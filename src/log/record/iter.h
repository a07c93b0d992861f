/* Private to record: the iterator, and what a walk over all records of a batch tells of them. */
#pragma once

#include "record/bytes.h"
#include "record/unpack.h"

enum { AHEAD = 1024 }; /* bytes: the processor's own prefetch stops at each page */

struct record_iter {
    int64_t base_offset, base_timestamp_ms, append_ms;
    bool append_time, packed;
    bool drained; /* packed: `end` is the end of all */
    int32_t last_delta, delta;
    uint32_t seen, count;
    const uint8_t *at, *end;
    enum status failed;
    struct error err;
    struct unpack unpack;
    struct budget *budget;
};

struct record_sum {
    int64_t min_ms, max_ms;
    int32_t max_delta; /* of the first record with max_ms */
    uint32_t null_keys;
};

/* Walks all records of a batch that was just opened, to its end. Faults are those of record_iter_next. */
enum status record_iter_sum(struct record_iter *it, struct record_sum *ret, struct error *err) MUST_USE;
