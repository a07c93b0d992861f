/* What the formats share: values from and to text. */
#pragma once

#include "catalog/catalog.h"
#include "data/data.h"
#include "text/text.h"

/* How a value went into its column. */
enum taken { TAKEN, TAKEN_BAD, TAKEN_MEMORY };

/* How times are written in text. */
struct value_rules {
    bool iso;         /* 2020-01-02T03:04:05 rather than 2020-01-02 03:04:05 */
    struct zone zone; /* for TIMESTAMP_LTZ text that names none */
};

/* Text of any scalar type but CHAR and VARCHAR (those are taken as they are) into col[row]; blanks around are
 * dropped. BINARY is base64. */
enum taken value_from_text(const struct value_rules *r, const struct type *t, struct column *col, uint32_t row,
                           struct str text) MUST_USE;
/* An integer into a column of any integer, interval or BIGINT form; TAKEN_BAD: out of the type's range. */
enum taken value_put_integer(const struct type *t, struct column *col, uint32_t row, int64_t v) MUST_USE;
/* Strict fixed-position forms: "2020-01-02", "03:04:05[.f…]" and both with a blank or 'T' between. `ltz`: a zone
 * suffix is taken, without one the text is in r->zone. */
bool time_text_timestamp(const struct value_rules *r, struct str s, int32_t precision, bool ltz, int64_t *ret);
bool time_text_date(struct str s, int32_t *ret_days);
bool time_text_time(struct str s, int32_t *ret_ms);

/* Text of a non-null date, time or timestamp, as Flink's formats write it: no more fraction digits than it has.
 * Returns the length. */
size_t time_text_print(const struct value_rules *r, const struct type *t, const struct column *c, uint32_t row,
                       char out[64]);
/* The same for a TIMESTAMP or TIMESTAMP_LTZ up to milliseconds, whose date and time up to the minute are printed once as long
 * as they stay the same. `out` has room for 32 bytes; 0: a year of more than four digits, which the general way prints. */
struct millis_text {
    int64_t minute; /* of `text` */
    uint64_t span;  /* how long it holds; 0: there is none yet */
    char text[16];
};
size_t millis_text_print(struct millis_text *m, const struct value_rules *r, const struct type *t, const struct column *c,
                         uint32_t row, uint8_t *out);
/* Java's BigDecimal.toString: plain, or with an exponent when it is very small. `plain`: always plain. */
size_t decimal_text_print(const struct type *t, const struct column *c, uint32_t row, bool plain, char out[64]);

/* Unbudgeted callers have budget NULL. */
enum status format_memory(struct budget *b, struct error *err);

/* ---- JSON, for debezium ---- */

/* Options of one spelling ("json.", "debezium-json."): filled by json_settings_read. */
enum map_null_key { MAP_NULL_FAIL, MAP_NULL_DROP, MAP_NULL_LITERAL };
struct json_settings {
    bool ignore_errors, fail_missing, needed_only, positional;
    bool whole; /* integers have no fraction: columns were inferred, and cutting would hide that they do not fit */
    bool decimal_plain, omit_nulls;
    enum map_null_key map_null_key;
    struct str map_null_literal;
    struct value_rules rules;
};
struct json_decoder;
/* A decoder of objects of `schema`; needs NULL: all. */
enum status json_decoder_new(const struct schema *schema, const struct need *needs, const struct json_settings *s,
                             struct budget *budget, struct json_decoder **ret, struct error *err) MUST_USE;
struct decoder *json_decoder_face(struct json_decoder *d);
void json_settings_read(const struct options *o, const struct option_spec *specs, size_t n, const char *prefix,
                        struct connect_context *ctx, struct json_settings *ret);
/* Every type inside must be one that JSON can carry. */
enum status json_check_schema(const struct schema *schema, struct error *err) MUST_USE;

/* Writes a row as a JSON object. */
struct json_writer {
    const struct schema *schema;
    struct json_settings settings;
};
enum status json_write_row(const struct json_writer *w, const struct column *cols, uint32_t row, struct budget *b,
                           struct buf *out, struct error *err) MUST_USE;
/* One value. */
enum status json_write_value(const struct json_writer *w, const struct column *c, uint32_t row, struct budget *b,
                             struct buf *out, struct error *err) MUST_USE;
