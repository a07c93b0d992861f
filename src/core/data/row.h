/* Rows as bytes, and values as text.
 *
 * The canonical key (frozen, on disk): null bits (ceil(n/8) bytes, bit i of byte i/8 set: NULL), then for each non-
 * null value: fixed-width little-endian (BOOL 1, I32 4, I64 8, I128 16, F32 4, F64 8), strings as u32 length and
 * bytes, lists as u32 count, then the elements as a nested row of `count` values, maps as a nested row of keys and
 * one of values, sorted by the keys' bytes; ROW as a nested row of its fields. In canonical form −0 is 0 and every
 * NaN is the same; `exact` keeps bits and map order. */
#pragma once

#include "data/batch.h"
#include "data/time.h"

/* Appends columns cols[idx[0..n)] (idx NULL: 0..n) of row `row`. */
bool row_encode(struct buf *out, const struct column *cols, const uint32_t *idx, uint32_t n, uint32_t row,
                bool exact) MUST_USE;
/* Width in bytes when every type is of fixed width and NOT NULL or not (a null is then zero bytes wide, so the width
 * holds only for rows without nulls); 0 when some type varies. */
size_t row_fixed_width(const struct type *const *types, uint32_t n);
/* Decodes a row of `n` values into cols[0..n) at `row`. ST_CORRUPT when the bytes do not fit the types. */
enum status row_decode(struct str bytes, struct column *cols, uint32_t n, uint32_t row, struct error *err) MUST_USE;

/* Keys of a whole batch at once: bytes and hashes of the rows that count, k-th selected row at k.
 * Hash of a single non-null BIGINT/INT-class key column equals hash_bytes of its canonical bytes, as all. */
struct key_set {
    uint32_t n;
    const uint8_t **bytes; /* into `store` */
    uint32_t *lens;
    uint64_t *hashes;
    struct buf store;
    uint32_t cap;
};
void key_set_init(struct key_set *k, struct budget *b);
void key_set_release(struct key_set *k);
bool keys_encode(struct key_set *k, const struct batch *b, const uint32_t *cols, uint32_t n_cols) MUST_USE;

/* The text of CAST(x AS STRING), see reference "Seen on real Flink". `zone` is for TIMESTAMP_LTZ. NULL prints as
 * NULL. Bytes print as they are. */
bool value_print(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone) MUST_USE;
/* A VARIANT as JSON: its text, with each DOUBLE as Java writes it. */
bool variant_print(struct buf *out, struct str s) MUST_USE;
/* As a table shows it: bytes, inside of structures too, as x'cafe'. */
bool value_show(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone) MUST_USE;
/* As a JSON value: numbers bare (non-finite ones as strings), timestamps as text, bytes base64, NULL null; ROW an
 * object, MAP an object with text keys. Text is escaped; invalid UTF-8 becomes U+FFFD. */
bool value_print_json(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone) MUST_USE;

/* Java's Double.toString / Float.toString since JDK 19 (shortest that reads back): "1.0", "1.0E7", "0.001", "NaN",
 * "Infinity". Returns the length. */
size_t f64_print(double v, char out[32]);
size_t f32_print(float v, char out[32]);
size_t i64_print(int64_t v, char out[24]);

bool base64_encode(struct buf *out, const void *bytes, size_t len) MUST_USE;
bool base64_decode(struct buf *out, struct str text) MUST_USE; /* false: no base64, or memory refused */
