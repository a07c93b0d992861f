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
