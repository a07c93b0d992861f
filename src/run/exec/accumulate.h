/* Accumulators of a group: how they lie in an entry's value, and how rows of a batch go into them.
 *
 * A value: struct group_head where somebody needs it (`headed`), where there are sets the group's id and a struct group_list
 * for each kept set, then each call's state at its offset. What calls need beyond states lies in two more stores, whose
 * entries are keyed by (group id, set, value). The id stands for the group's key, which may be long: its key group in the
 * top bits and a number that no other group of the key group has had since the last restore has found the greatest one.
 *
 * distinct (distinct.c): the values that DISTINCT calls have seen. Calls over equal arguments share a set whatever their
 * filters: an entry holds a bit for each filter, or, when rows may be taken back, a count. A row reaches a call when its
 * value appears (0 to 1 rows) or goes (1 to 0).
 *
 * elements (kept.c): the rows of calls that are made of all of them (aggregate.keep), and of those that cannot take a row
 * back by themselves (MIN, MAX over a retracting input: when the value goes that they are, their state is made anew). A
 * group's elements are linked in order of arrival; the links are memory only and rebuilt after a restore. */
#pragma once

#include "exec/exec_private.h"

struct group_head {
    int64_t rows;   /* adds minus retracts; kept when the input retracts */
    uint32_t stamp; /* number of the last batch that had rows of the group; memory only */
    uint32_t stale; /* a set's calls are to be made anew when the batch is through; memory only */
};

struct group_list { /* of one kept set */
    uint64_t first, last; /* struct element *; memory only */
    uint64_t count;       /* elements in the list; memory only */
    uint64_t next;        /* number of the next element */
};

struct element { /* value of an element's entry */
    uint64_t next, prev; /* struct element *, NULL ends; memory only */
    uint64_t number;     /* order in the list */
    int64_t rows;        /* rows that hold the value; of a later occurrence: 0 */
    uint64_t occurrence; /* SET_ROWS: which occurrence of its value the first one left is */
    uint32_t set, pad;
};

enum set_kind {
    SET_DISTINCT, /* in `distinct` */
    SET_COUNTS,   /* in `elements`: each value once */
    SET_ROWS,     /* in `elements`: each row */
};

/* What one set is about. Its calls have the same arguments and, if it is kept, the same filter. */
struct agg_set {
    enum set_kind kind;
    uint32_t call; /* the first of its calls */
    bool nulls;    /* rows with NULLs are in it too */
    uint32_t n_filters;
    int32_t filters[64]; /* columns, -1: none */
    uint32_t list_at;    /* kept: offset of its group_list in the value */
    uint32_t filters_of; /* the first set with the same filters */
};

#define GROUP_ID_BITS 48u /* of a group's number, below its key group */

struct accumulators {
    const struct aggregate_call *calls;
    uint32_t n_calls;
    uint32_t *offsets; /* of each call's state in the value */
    int32_t *sets;     /* of each call: which set, -1: none */
    uint32_t *bits;    /* of each call: which filter of its set */
    struct agg_set *set;
    uint32_t n_sets, n_distinct, n_kept;
    bool retracting;
    bool headed; /* values begin with a group_head: retracting, or asked for */
    uint32_t value_bytes, value_align, n_blobs;
    uint32_t blob_offsets[STORE_MAX_BLOBS];
    uint32_t distinct_bytes; /* of an entry of `distinct` */
    uint32_t id_at;          /* with sets: offset of the group's id in the value */
    uint64_t *last_id;       /* the greatest number of each key group */
    struct str fingerprint;
    /* scratch for one batch */
    struct budget *budget;
    const struct schema *input;
    struct arena arena;
    uint32_t capacity;
    void **states;
    uint16_t *rows, *picked;
    uint32_t *index, *moved_index;
    uint64_t *pass;        /* filters that a row passes, of the set `passed` */
    uint32_t passed;
    uint64_t *come, *gone; /* filters of the row whose value came or went */
    struct entry **found;
    uint8_t **stale;
    uint32_t *key_lens;
    uint64_t *key_hashes;
    const uint8_t **key_bytes;
    struct buf key_store;
    struct key_set set_values;
    int64_t *counts;      /* of `values` */
    struct batch *values; /* decoded elements */
};

/* The stores of an operator's groups, and their tables of one namespace. Those that no call needs are NULL. */
struct agg_stores {
    struct store *groups, *distinct, *elements;
};
struct agg_tables {
    struct table *groups, *distinct, *elements;
};

/* Rows of one batch that go into the tables. */
struct accumulate {
    const struct agg_tables *to;
    const struct batch *batch;
    const uint16_t *rows; /* n of them */
    struct entry *const *entries;
    const struct key_set *keys; /* keys->…[i] belongs to rows[i] */
    uint32_t n;
};

/* `stamps`: the operator uses group_head's stamp. `input` must outlive the accumulators. */
enum status accumulators_init(struct accumulators *a, const struct aggregate_call *calls, uint32_t n, bool retracting,
                              bool stamps, const struct schema *input, uint32_t capacity, struct budget *b,
                              struct error *err) MUST_USE;
void accumulators_release(struct accumulators *a);
/* The operator's stores, the groups' by the name given. */
enum status accumulators_stores(const struct accumulators *a, struct op *o, const char *groups, struct str fingerprint,
                                struct agg_stores *ret, struct error *err) MUST_USE;
bool agg_tables_make(const struct agg_stores *s, int64_t ns, struct agg_tables *ret) MUST_USE; /* false: refused */
struct agg_tables agg_tables_find(const struct agg_stores *s, int64_t ns);
bool agg_stores_drop(const struct agg_stores *s, int64_t ns) MUST_USE; /* false: memory refused */
enum status accumulate(struct accumulators *a, const struct accumulate *in, struct error *err) MUST_USE;
/* Links elements to their groups again, after a restore. */
enum status accumulators_relink(struct accumulators *a, const struct agg_tables *t, struct error *err) MUST_USE;
/* Can groups be merged? */
bool accumulators_merge_well(const struct accumulators *a);
/* to[k] += from[k] for all calls and kept sets; then, once a pair of tables, what their DISTINCT calls have seen. */
enum status accumulators_merge(struct accumulators *a, const struct agg_tables *dst, struct entry *const *to,
                               const struct agg_tables *src, struct entry *const *from, uint32_t n,
                               struct error *err) MUST_USE;
enum status accumulators_merge_distinct(struct accumulators *a, const struct agg_tables *dst,
                                        const struct agg_tables *src, struct error *err) MUST_USE;
/* cols[c][out_row + k] = result of call c for entries[k]. */
enum status accumulators_results(struct accumulators *a, const struct agg_tables *t, struct entry *const *entries,
                                 uint32_t n, struct column *cols, uint32_t out_row, struct error *err) MUST_USE;
/* Frees a group's elements before the group goes. */
enum status accumulators_forget(struct accumulators *a, const struct agg_tables *t, struct entry *e,
                                struct error *err) MUST_USE;

/* ---- between accumulate.c, distinct.c and kept.c ---- */

struct agg_heap_of { /* the heap that aggregates see */
    struct agg_heap heap;
    struct table *table;
};
struct agg_heap_of agg_heap_of(struct table *t);
void call_args(const struct aggregate_call *call, const struct batch *b, struct column args[AGG_MAX_ARGS]);
/* The states of the n rows stand in a->states. */
enum status feed_states(struct accumulators *a, uint32_t c, bool add, const struct batch *b, const uint16_t *rows,
                        uint32_t n, struct table *t, struct error *err) MUST_USE;
/* The rows of `in` that count in the set, as indexes to in->rows, and in a->come which of its filters they pass. */
uint32_t set_rows(struct accumulators *a, const struct accumulate *in, const struct agg_set *s, uint32_t *index);
/* Keys of the values of those rows: u64 id of the group, u16 set, the values as row_encode writes them (exactly for
 * SET_ROWS), and the u64 of `tails` (NULL: none). */
#define SET_KEY_HEAD 10u
bool set_keys(struct accumulators *a, const struct accumulate *in, uint32_t set, const uint32_t *index,
              const uint64_t *tails, uint32_t n, struct key_set *ret) MUST_USE;
/* An entry of a set lives on its group's shard: the same key group, so the top byte is the group's. The rest comes of all
 * of the key: of a SET_ROWS by its bytes, of others by the hash that encoding its values has given. */
static inline uint64_t set_hash(uint64_t id, uint64_t rest) { return (rest >> 8) | (id >> GROUP_ID_BITS << 56); }
static inline uint64_t set_value_hash(uint64_t id, uint32_t set, uint64_t value)
{
    return hash_u64(value + (id + set) * 0x9e3779b97f4a7c15ULL);
}
static inline uint64_t *group_id(const struct accumulators *a, void *group)
{
    return (uint64_t *)(void *)((uint8_t *)group + a->id_at);
}
enum status distinct_calls(struct accumulators *a, const struct accumulate *in, uint32_t set, struct error *err) MUST_USE;
/* Groups without an id get one. */
void give_ids(struct accumulators *a, struct table *groups, struct entry *const *entries, uint32_t n);
/* Marks in a table's entries what a->come says that rows pass, and leaves there what was not marked before. */
enum status distinct_see(struct accumulators *a, struct table *t, const struct key_set *keys, struct error *err) MUST_USE;
/* A value of a SET_COUNTS has come `rows` times more. */
void kept_count(struct group_list *l, struct element *e, uint32_t set, int64_t rows);
enum status kept_calls(struct accumulators *a, const struct accumulate *in, uint32_t set, struct error *err) MUST_USE;
/* The value of call c, which keeps rows, for one group. */
enum status kept_result(struct accumulators *a, uint32_t c, const struct table *elements, uint8_t *group,
                        struct column *out, uint32_t out_row, struct error *err) MUST_USE;
