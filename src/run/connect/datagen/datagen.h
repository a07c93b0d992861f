/* Private to the datagen connector: how each field is made. */
#pragma once

#include "connect/private.h"

struct gen_field {
    const struct type *type;
    struct str name; /* as in the options: "price", "person.age" */
    bool sequence, var_len;
    uint64_t seed;
    uint64_t null_below; /* NULL when random bits are below; 0: never */
    int128 min, max;     /* integers, unscaled decimals; a sequence's start and end */
    double real_min, real_max;
    uint32_t length;     /* text, bytes, collections */
    int64_t max_past_ms;
    struct gen_field *parts; /* ROW: fields; ARRAY, MULTISET: element; MAP: key, value */
    uint32_t n_parts;
};

/* What timestamps count from: row r is at start_ms + r / per_s seconds; per_s 0: all at start_ms. */
struct gen_clock {
    int64_t start_ms;
    double per_s;
};

struct gen_plan {
    struct gen_field *fields;
    uint32_t n_fields;
    int64_t rows; /* -1: no end */
};

extern const struct option_spec gen_options[];
extern const uint32_t gen_option_count;

/* Reads 'fields.*' of the table; errors name the option. */
enum status gen_plan_read(const struct table_desc *t, struct arena *a, struct gen_plan *ret, struct error *err);
/* Rows number place, place + step, … (n of them) into c[at, at + n). false: no memory. */
bool gen_fill(const struct gen_field *f, const struct need *need, const struct gen_clock *clock, struct column *c,
              uint32_t at, uint32_t n, uint64_t place, uint64_t step) MUST_USE;
