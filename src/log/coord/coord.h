/* Kafka's coordinators as pure steps: a request and the time in, records and replies out. Nothing here appends, does
 * I/O, starts a thread, looks at a clock or throws dice.
 *
 *   struct coord_groups   consumer groups and their offsets: the groups of one partition of __consumer_offsets
 *   struct coord_txns     transactional ids: those of one partition of __transaction_state
 *
 * What the caller does with a step, always in this order:
 *   1. calls one or more functions of one coordinator with an empty struct coord_step;
 *   2. appends step.records to the coordinator's partition, as one batch, in order (nothing to do for none; a batch of
 *      step.producer when that is set), and for coord_txns each of step.markers to its partitions, all of it in one
 *      commit group; tells each coord_groups whose partition gets a marker (coord_groups_end_txn) at once;
 *   3. sends step.replies, and what the functions returned in `ret`, when everything that this coordinator has ever
 *      yielded is durable: at once if all of it is. Reads wait too, and so nobody is told what could still be lost;
 *   4. asks for the next deadline, and calls tick when it has come.
 * Steps may follow each other without waiting for the commits before: a coordinator is ahead of its partition.
 *
 * When an append fails: answer all that waits with the error, coord_*_unload, free, make a new one, replay it.
 * What a step yields lies in the step's arena.
 *
 * One caller at a time per coordinator; two coordinators share nothing but struct coord_ids, if it is the same. All
 * memory that a coordinator keeps is charged to its budget. A function that returns ST_MEMORY or ST_LIMIT has done
 * nothing and answered nothing: answer the request with status_kafka of it (COORDINATOR_NOT_AVAILABLE tells the client
 * to come again). ST_BUG: unload and replay, as after a failed append. */
#pragma once

#include "record/planted.h"
#include "wire/kafka.h"

/* ---- steps ---- */

struct coord_record {
    struct str key, value; /* value.ptr NULL: a tombstone */
};
/* Answer the request with `token`. Responses stand for all versions (wire leaves out what a version lacks). */
struct coord_reply {
    uint64_t token;
    int16_t api;          /* KAFKA_JOIN_GROUP, … */
    const void *response; /* struct kafka_…_response */
};
struct coord_marker_topic {
    struct str topic;
    int32_t *partitions;
    uint32_t n_partitions;
};
/* The end of a transaction: one control batch for each of the partitions that still exists. */
struct coord_marker {
    int64_t producer_id;
    int16_t producer_epoch;
    bool commit;
    int32_t coordinator_epoch;
    int8_t txn_version; /* as in WriteTxnMarkers: 2: producer_epoch is above that of all its batches */
    struct coord_marker_topic *topics;
    uint32_t n_topics;
};
enum { COORD_STEP_BYTES_MAX = 32 << 20 };
struct coord_step {
    struct arena *arena;
    ARRAY(struct coord_record) records;
    size_t record_bytes; /* keys and values; never more than COORD_STEP_BYTES_MAX: what would be is ST_LIMIT */
    int64_t producer_id; /* -1, or of the transactional batch that the records are */
    int16_t producer_epoch;
    ARRAY(struct coord_reply) replies;
    ARRAY(struct coord_marker) markers; /* of coord_txns only */
};
void coord_step_init(struct coord_step *step, struct arena *a);

/* Where a request comes from. */
struct coord_client {
    uint64_t token;  /* the caller's; each token given to join or sync is answered exactly once */
    int16_t version; /* of the request */
    struct str client_id, client_host;
    struct wire_uuid fresh; /* random: becomes part of a new member's id */
};

/* abs(Java's String.hashCode(key)) % n: the partition of the internal topic that an id belongs to. */
int32_t coord_partition(struct str key, int32_t n);
#define COORD_OFFSETS_TOPIC "__consumer_offsets"
#define COORD_TXNS_TOPIC "__transaction_state"

/* A record of an internal topic, as replay reads it. */
struct coord_replayed {
    int64_t offset;
    int64_t producer_id; /* of a transactional batch; else -1 */
    struct str key, value;
};

/* ---- groups ---- */

/* Protocols of a member; more: INCONSISTENT_GROUP_PROTOCOL. */
enum { COORD_PROTOCOLS_MAX = 64 };

struct coord_groups_config {
    int32_t min_session_ms, max_session_ms; /* group.{min,max}.session.timeout.ms */
    int32_t initial_delay_ms;               /* group.initial.rebalance.delay.ms */
    int32_t new_member_join_ms;             /* a new member that still waits for its first join is dropped after it */
    int64_t offsets_retention_ms;           /* offsets.retention.minutes */
    int64_t expiry_check_ms;                /* offsets.retention.check.interval.ms */
    uint32_t offset_metadata_max;           /* offset.metadata.max.bytes */
    /* limits of ours */
    uint32_t members_max;      /* group.max.size; pending ones counted apart, as many again */
    uint32_t member_bytes_max; /* of a member's protocols, of an assignment; more: INVALID_REQUEST */
    uint32_t record_bytes_max; /* of a group's members, with assignments: a join is GROUP_MAX_SIZE_REACHED, the leader's
                                * sync as in Kafka UNKNOWN_SERVER_ERROR */
    uint32_t groups_max;       /* more: COORDINATOR_NOT_AVAILABLE for new ones */
    uint32_t offsets_max; /* of a group; more, or more than a step can delete: COORDINATOR_NOT_AVAILABLE for new ones */
    uint32_t tombstones_max;   /* that a tick, or coord_groups_forget_topic, yields */
    uint64_t planted;          /* LOG_BUG_…: only tests set it */
};
extern const struct coord_groups_config coord_groups_defaults;

struct coord_groups;
enum status coord_groups_new(const struct coord_groups_config *config, struct budget *budget,
                             struct coord_groups **ret, struct error *err) MUST_USE;
void coord_groups_free(struct coord_groups *g); /* NULL is allowed; tokens are forgotten */

/* Replay: records in the order of their offsets, and the markers between them; then loaded, once, before anything else
 * is asked. Records of kinds that we do not know are passed over; ST_UNSUPPORTED: a known kind in a newer version;
 * ST_CORRUPT names what is damaged (err->offset is the record's). After a refusal the coordinator is only good to be
 * freed, unless the caller decides to pass over that record: it has changed nothing. */
enum status coord_groups_replay(struct coord_groups *g, const struct coord_replayed *r, struct error *err) MUST_USE;
/* A marker in the coordinator's partition, replayed or being appended (WriteTxnMarkers brings some, too): offsets of
 * the producer that wait for it take effect or are dropped. Cannot fail. */
void coord_groups_end_txn(struct coord_groups *g, int64_t producer_id, bool commit);
/* Sessions begin anew. */
enum status coord_groups_loaded(struct coord_groups *g, int64_t now_ms, struct coord_step *step,
                                struct error *err) MUST_USE;
/* The server stops, or an append failed: whoever waits is answered with `kafka_error` (NOT_COORDINATOR makes a client
 * look for its coordinator and join again with the member id it has). Only free may follow. */
enum status coord_groups_unload(struct coord_groups *g, int16_t kafka_error, struct coord_step *step,
                                struct error *err) MUST_USE;

int64_t coord_groups_deadline(const struct coord_groups *g); /* INT64_MAX: none */
/* Does what is due, a bounded piece of it: ask for the deadline again. */
enum status coord_groups_tick(struct coord_groups *g, int64_t now_ms, struct coord_step *step,
                              struct error *err) MUST_USE;

/* Answered by token, perhaps in a later step. Group ids, authorisation and the like are the caller's; that a group id
 * is empty is judged here, as Kafka does. */
enum status coord_groups_join(struct coord_groups *g, const struct coord_client *c,
                              const struct kafka_join_group_request *rq, int64_t now_ms, struct coord_step *step,
                              struct error *err) MUST_USE;
enum status coord_groups_sync(struct coord_groups *g, const struct coord_client *c,
                              const struct kafka_sync_group_request *rq, int64_t now_ms, struct coord_step *step,
                              struct error *err) MUST_USE;
enum status coord_groups_heartbeat(struct coord_groups *g, const struct kafka_heartbeat_request *rq, int64_t now_ms,
                                   struct kafka_heartbeat_response *ret, struct error *err) MUST_USE;
/* Answered in `ret`; others may be answered in the step. */
enum status coord_groups_leave(struct coord_groups *g, const struct coord_client *c,
                               const struct kafka_leave_group_request *rq, int64_t now_ms, struct coord_step *step,
                               struct kafka_leave_group_response *ret, struct error *err) MUST_USE;

/* Topics by name, whatever the version: the caller sets names for ids (and ids for names, where it knows them, so that
 * offsets of a topic that was made anew are not those of the old one). That the partitions exist is the caller's. */
enum status coord_groups_commit(struct coord_groups *g, const struct coord_client *c,
                                const struct kafka_offset_commit_request *rq, int64_t now_ms, struct coord_step *step,
                                struct kafka_offset_commit_response *ret, struct error *err) MUST_USE;
/* After the transaction's coordinator has been asked (coord_txns_partition). The step is a batch of the producer: give
 * it a step of its own. The offsets wait for the marker. */
enum status coord_groups_txn_commit(struct coord_groups *g, const struct coord_client *c,
                                    const struct kafka_txn_offset_commit_request *rq, int64_t now_ms,
                                    struct coord_step *step, struct kafka_txn_offset_commit_response *ret,
                                    struct error *err) MUST_USE;
/* One group of an OffsetFetch (of versions below 8 the only one). Topics null: all. */
enum status coord_groups_fetch(const struct coord_groups *g, const struct kafka_offset_fetch_request_group *rq,
                               bool require_stable, struct arena *a, struct kafka_offset_fetch_response_group *ret,
                               struct error *err) MUST_USE;
enum status coord_groups_delete_offsets(struct coord_groups *g, const struct kafka_offset_delete_request *rq,
                                        int64_t now_ms, struct coord_step *step,
                                        struct kafka_offset_delete_response *ret, struct error *err) MUST_USE;
/* A topic is gone: so are its offsets, in all groups. *ret_more: call again, with a new step. */
enum status coord_groups_forget_topic(struct coord_groups *g, struct str topic, int64_t now_ms,
                                      struct coord_step *step, bool *ret_more, struct error *err) MUST_USE;

enum status coord_groups_describe(const struct coord_groups *g, struct str group_id, int16_t version, struct arena *a,
                                  struct kafka_describe_groups_response_group *ret, struct error *err) MUST_USE;
/* Appends to ret->groups (which lies in `a`), so that several coordinators can add up. */
enum status coord_groups_list(const struct coord_groups *g, const struct kafka_list_groups_request *rq,
                              struct arena *a, struct kafka_list_groups_response *ret, struct error *err) MUST_USE;
enum status coord_groups_delete(struct coord_groups *g, struct str group_id, int64_t now_ms, struct coord_step *step,
                                int16_t *ret_kafka, struct error *err) MUST_USE;

/* ---- producer ids ---- */

/* A range that nobody gave out before and that was made durable as given out: the caller writes down `end` first.
 * When it is used up: COORDINATOR_LOAD_IN_PROGRESS, so have a new one ready when few are left. */
struct coord_ids {
    int64_t next, end;
};
static inline int64_t coord_ids_left(const struct coord_ids *ids) { return ids->end - ids->next; }

/* ---- transactions ---- */

struct coord_txns_config {
    int32_t timeout_max_ms;     /* transaction.max.timeout.ms */
    int64_t id_expiration_ms;   /* transactional.id.expiration.ms */
    int32_t offsets_partitions; /* of __consumer_offsets */
    int16_t txn_version;        /* transaction.version of the server: 0 or 2; rules aborts that no client asked for */
    /* limits of ours */
    uint32_t ids_max;        /* more: COORDINATOR_NOT_AVAILABLE */
    uint32_t partitions_max; /* of a transaction; more: INVALID_TXN_STATE */
    uint64_t planted;        /* LOG_BUG_…: only tests set it */
};
extern const struct coord_txns_config coord_txns_defaults;

struct coord_txns;
/* `ids` outlives it. */
enum status coord_txns_new(const struct coord_txns_config *config, struct coord_ids *ids, struct budget *budget,
                           struct coord_txns **ret, struct error *err) MUST_USE;
void coord_txns_free(struct coord_txns *t);

/* As of groups. Producer ids that are met are never given out again, whatever `ids` says. */
enum status coord_txns_replay(struct coord_txns *t, const struct coord_replayed *r, struct error *err) MUST_USE;
/* Transactions that were left in the middle of their end are ended by the next tick. */
void coord_txns_loaded(struct coord_txns *t, int64_t now_ms);
int64_t coord_txns_deadline(const struct coord_txns *t);
enum status coord_txns_tick(struct coord_txns *t, int64_t now_ms, struct coord_step *step, struct error *err) MUST_USE;

enum status coord_txns_init(struct coord_txns *t, const struct kafka_init_producer_id_request *rq, int16_t version,
                            int64_t now_ms, struct coord_step *step, struct kafka_init_producer_id_response *ret,
                            struct error *err) MUST_USE;
/* One transaction of an AddPartitionsToTxn (until version 3 the only one); also verify_only. */
enum status coord_txns_add(struct coord_txns *t, const struct kafka_add_partitions_to_txn_request_transaction *rq,
                           int16_t version, int64_t now_ms, struct coord_step *step,
                           struct kafka_add_partitions_to_txn_response_transaction *ret, struct error *err) MUST_USE;

/* Who claims to be the producer of a transaction. */
struct coord_producer {
    struct str transactional_id;
    int64_t producer_id;
    int16_t producer_epoch;
};
/* One partition: added for a client of transactions V2 (Produce 12, TxnOffsetCommit 5), verified for one of V1. The
 * answer is an error code: what AddPartitionsToTxn would say of it. As Kafka does it, Produce says PRODUCER_FENCED as
 * INVALID_PRODUCER_EPOCH, and versions that do not know TRANSACTION_ABORTABLE (Produce below 11, TxnOffsetCommit below
 * 4) say INVALID_TXN_STATE: the caller's, who knows the request. */
enum status coord_txns_partition(struct coord_txns *t, const struct coord_producer *p, struct str topic,
                                 int32_t partition, bool v2, int64_t now_ms, struct coord_step *step,
                                 int16_t *ret_kafka, struct error *err) MUST_USE;
enum status coord_txns_add_offsets(struct coord_txns *t, const struct kafka_add_offsets_to_txn_request *rq,
                                   int16_t version, int64_t now_ms, struct coord_step *step,
                                   struct kafka_add_offsets_to_txn_response *ret, struct error *err) MUST_USE;
enum status coord_txns_end(struct coord_txns *t, const struct kafka_end_txn_request *rq, int16_t version,
                           int64_t now_ms, struct coord_step *step, struct kafka_end_txn_response *ret,
                           struct error *err) MUST_USE;

enum status coord_txns_describe(const struct coord_txns *t, struct str transactional_id, struct arena *a,
                                struct kafka_describe_transactions_response_transaction *ret,
                                struct error *err) MUST_USE;
/* Appends to ret->transaction_states. The pattern of version 2 is the caller's: it has the regular expressions. */
enum status coord_txns_list(const struct coord_txns *t, const struct kafka_list_transactions_request *rq,
                            int64_t now_ms, struct arena *a, struct kafka_list_transactions_response *ret,
                            struct error *err) MUST_USE;
