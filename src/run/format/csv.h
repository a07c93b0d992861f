/* The csv format's two halves: csv_decode.c and csv_encode.c. */
#pragma once

#include "private.h"

enum csv_header { CSV_HEADER_NONE, CSV_HEADER_SKIP, CSV_HEADER_NAMES };

struct csv_settings {
    struct csv_dialect dialect;
    bool ignore_errors;
    enum csv_header header;
    struct str array_delimiter;
    struct str null_literal; /* ptr NULL: none */
    struct value_rules rules;
};

extern const struct option_spec csv_options[];
extern const uint32_t csv_n_options;
enum status csv_settings_read(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                              struct csv_settings *ret, struct error *err) MUST_USE;
enum status csv_open_decoder(const struct table_desc *t, const struct schema *schema, const struct need *needs,
                             struct connect_context *ctx, struct budget *budget, struct decoder **ret,
                             struct error *err);
enum status csv_open_encoder(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                             struct budget *budget, struct encoder **ret, struct error *err);

/* csv_fast.c: the encoder's hot columns. */
struct csv_fast {
    uint8_t action;
    struct millis_text millis;
};
#define CSV_NOT_FAST SIZE_MAX
#define CSV_FAST_ROOM 32u
void csv_fast_init(struct csv_fast *f, const struct csv_settings *s, const struct type *t);
/* Bytes that must be free behind `out`. */
size_t csv_fast_room(const struct csv_fast *f, const struct column *c, uint32_t row);
/* Writes a non-null value behind `out`, whose length does not change, and gives its length; CSV_NOT_FAST: the general way. */
size_t csv_fast_put(struct csv_fast *f, const struct csv_settings *s, const struct column *c, uint32_t row, struct buf *out);
