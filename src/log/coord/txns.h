/* The insides of the transactions' coordinator, for its three files. */
#pragma once

#include "coord/private.h"

/* As the records have them. */
enum txn_status {
    TXN_EMPTY,
    TXN_ONGOING,
    TXN_PREPARE_COMMIT,
    TXN_PREPARE_ABORT,
    TXN_COMPLETE_COMMIT,
    TXN_COMPLETE_ABORT,
    TXN_DEAD,
    TXN_PREPARE_EPOCH_FENCE,
    TXN_STATES
};
extern const struct str txn_state_names[TXN_STATES];

/* All of a transactional id but its partitions: a step makes a new one, and puts it in place at its end. */
struct txn_values {
    int64_t producer_id, previous_id, next_id; /* -1: none */
    int16_t epoch, last_epoch; /* last_epoch: the one before, for who asks again; the records do not have it */
    int32_t timeout_ms;
    enum txn_status state;
    int64_t start_ms, update_ms;
    int16_t client_version; /* 0, or 2: transactions V2 */
};
struct txn_topic {
    struct str name; /* its own */
    int32_t *at;     /* rising */
    uint32_t n, cap;
};
struct txn {
    struct due due; /* first */
    struct str id;  /* its own */
    struct txn_values v;
    struct txn_topic *topics; /* by name */
    uint32_t n_topics, cap_topics;
    uint32_t n_partitions;
};

struct coord_txns {
    struct coord_txns_config config;
    struct coord_ids *ids;
    struct budget *budget;
    struct arena names;
    struct map by_id;
    struct due_heap heap;
    struct buf scratch;
};

enum { TXN_EPOCH_MAX = INT16_MAX };
/* The last one is kept, so that a producer can always be fenced. */
static inline bool txn_exhausted(int16_t epoch) { return epoch >= TXN_EPOCH_MAX - 1; }

struct txn *txn_find(const struct coord_txns *t, struct str id);
enum status txn_new(struct coord_txns *t, struct str id, struct txn **ret, struct error *err) MUST_USE;
void txn_free(struct coord_txns *t, struct txn *x);
bool txn_has(const struct txn *x, struct str topic, int32_t partition);
/* *ret_new: it was not there. */
bool txn_put(struct coord_txns *t, struct txn *x, struct str topic, int32_t partition, bool *ret_new) MUST_USE;
void txn_take(struct coord_txns *t, struct txn *x, struct str topic, int32_t partition);
void txn_clear(struct coord_txns *t, struct txn *x);
/* The record of `v`, with the partitions that x has when the state has some. */
enum status txn_record(struct coord_txns *t, const struct txn *x, const struct txn_values *v, struct coord_step *step,
                       struct error *err) MUST_USE;
/* Puts `v` in place. */
void txn_set(struct coord_txns *t, struct txn *x, const struct txn_values *v);
/* A new producer id; false: none left. */
bool txn_new_producer(struct coord_txns *t, int64_t *ret);

/* The end of what x is in, as changes of *v, and its marker; x is as it was. `version` is 0 or 2, whose rules apply;
 * `fence`: not asked for by the producer. Sets *ret_kafka when it cannot be. */
enum status txn_finish(struct coord_txns *t, const struct txn *x, bool commit, int16_t version, bool fence,
                       int64_t now_ms, struct coord_step *step, struct txn_values *v, int16_t *ret_kafka,
                       struct error *err) MUST_USE;
