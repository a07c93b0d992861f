/* What the operators of this room share. */
#pragma once

#include "exec/exec.h"

extern const struct op_ops op_source, op_values, op_calc, op_watermark, op_pass, op_normalize, op_window, op_aggregate,
    op_window_aggregate, op_expand, op_unnest, op_to_changelog, op_from_changelog, op_set, op_time_sort, op_sort, op_limit,
    op_sink;

/* Makes a store named "<node id>/<name>" and gives it to the operator. */
enum status op_add_store(struct op *o, const char *name, uint32_t value_bytes, uint32_t value_align,
                         const uint32_t *blob_offsets, uint32_t n_blobs, struct str fingerprint, bool broadcast,
                         struct store **ret, struct error *err) MUST_USE;
/* Types of columns joined, for fingerprints: "BIGINT,STRING". In the context's arena? No: in `a`. */
struct str op_types_text(struct arena *a, const struct schema *s, const uint32_t *cols, uint32_t n);

/* Fills `err` from the operator's budget. */
enum op_result op_refused(const struct op *o, struct error *err);
/* Turns a failed status into OP_FAILED, with the node's id put before the message where that helps. */
static inline enum op_result op_check(enum status st, enum op_result good) { return st == ST_OK ? good : OP_FAILED; }

/* A blob-only value. */
struct blob_value {
    uint64_t blob;
};
extern const uint32_t blob_at_zero[1];
bool op_put_blob(struct store *s, struct str key, struct str bytes) MUST_USE;
struct str op_get_blob(const struct store *s, struct str key);

/* The commits that a sink's entries hold, for job's restore. */
enum status op_sink_commits(struct op *o, struct arena *a, struct sink_commit **ret, uint32_t *ret_n,
                            struct error *err);
struct sink_writer *op_sink_writer(struct op *o);
