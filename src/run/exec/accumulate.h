/* Accumulators of a group: how they lie in an entry's value, and how rows of a batch go into them.
 *
 * A value: struct group_head where somebody needs it (`headed`), then each call's state at its offset. Calls with
 * DISTINCT, and calls that cannot take a row back by themselves (MIN, MAX over a retracting input), keep their values
 * as elements in a second store: an element is (group key, set, value) -> how many rows hold it. A set is shared by
 * calls of equal arguments and filter. A row reaches a call of a set only when its element appears (0 to 1 rows) or
 * goes (1 to 0). When an element of a recomputing call goes, the call's state is made anew from the group's remaining
 * elements, which are linked from the group's entry; the links are memory only and rebuilt after a restore. */
#pragma once

#include "exec/exec_private.h"

struct group_head {
    int64_t rows;   /* adds minus retracts; kept when the input retracts */
    uint32_t stamp; /* batch number in which `slot` is valid; memory only */
    uint32_t slot;
    uint64_t lists; /* struct element *: all linked elements of the group; memory only */
};

struct element { /* value of an element's entry */
    int64_t rows;
    uint64_t next, prev; /* struct element *, NULL ends; memory only */
    uint32_t set, pad;
};

struct accumulators {
    const struct aggregate_call *calls;
    uint32_t n_calls;
    uint32_t *offsets; /* of each call's state in the value */
    int32_t *sets;     /* of each call: which element set, -1: none */
    uint32_t n_sets;
    uint32_t *set_call; /* the first call of each set */
    bool *set_linked;   /* some call of the set recomputes */
    bool retracting;
    bool headed; /* values begin with a group_head: retracting, with sets, or asked for */
    uint32_t value_bytes, value_align, n_blobs;
    uint32_t blob_offsets[STORE_MAX_BLOBS];
    struct str fingerprint;
    /* scratch for one batch */
    struct budget *budget;
    struct arena arena;
    uint32_t capacity;
    void **states;
    uint16_t *rows, *gone;
    uint8_t **groups, **gone_groups;
    uint32_t *index;
    uint32_t *key_lens;
    uint64_t *key_hashes;
    const uint8_t **key_bytes;
    struct buf key_store;
    struct batch *values; /* decoded elements of one call */
};

/* Rows of one batch that go into one pair of tables. */
struct accumulate {
    struct table *groups, *elements; /* elements NULL when there are no sets */
    const struct batch *batch;
    const uint16_t *rows;      /* n of them */
    struct entry *const *entries;
    const struct key_set *keys; /* keys->…[i] belongs to rows[i] */
    uint32_t n;
};

/* `stamps`: the operator uses group_head's stamp. */
enum status accumulators_init(struct accumulators *a, const struct aggregate_call *calls, uint32_t n, bool retracting,
                              bool stamps, const struct schema *input, uint32_t capacity, struct budget *b,
                              struct error *err) MUST_USE;
void accumulators_release(struct accumulators *a);
enum status accumulate(struct accumulators *a, const struct accumulate *in, struct error *err) MUST_USE;
/* Links elements to their groups again, after a restore. */
enum status accumulators_relink(struct accumulators *a, struct table *groups, struct table *elements,
                                struct error *err) MUST_USE;
/* dst[k] += src[k] for all calls (none with a set). */
enum status accumulators_merge(struct accumulators *a, struct table *dst_table, struct entry *const *dst,
                               struct table *src_table, struct entry *const *src, uint32_t n,
                               struct error *err) MUST_USE;
/* cols[first + c][out_row + k] = result of call c for entries[k]. */
enum status accumulators_results(struct accumulators *a, struct table *t, struct entry *const *entries, uint32_t n,
                                 struct column *cols, uint32_t out_row, struct error *err) MUST_USE;
/* Frees a group's elements before the group goes. */
enum status accumulators_forget(struct accumulators *a, struct table *groups, struct table *elements, struct entry *e,
                                struct error *err) MUST_USE;
