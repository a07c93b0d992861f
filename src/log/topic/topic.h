/* This node's log as a service: topics with names and configurations, appends checked as Kafka checks them, reads by
 * isolation, waits, producers and transactions of each partition, retention. Over log/store, which knows only batches.
 *
 * Threads. No thread is started here: topics_run_writer and topics_run_tender are loops for os's thread_start; in
 * simulation topics_step and topics_tend are called by hand. Everything else may be called by any thread, and none of it
 * blocks on a disk but topic_read and topic_list_offset (a pread). What changes topics is asked for with a struct
 * topic_admin and done by the writer. Callbacks (`done`, `wake`) come from the thread that runs topics_step, a `done` of
 * what was refused never: the call has said it. They must be quick and must not call back in here, but to post.
 *
 * Answers are Kafka's: where a function can refuse, `kafka` of its struct is the protocol's error code (0: none), and
 * `err` says why. Durable before acknowledged, by the store's mode. */
#pragma once

#include "coord/coord.h"
#include "store/store.h"

struct topics;          /* the node */
struct topic;           /* a topic: counted; deleted ones live on, gone, as long as somebody holds them */
struct topic_partition; /* lives as long as its topic is held */

enum {
    TOPIC_NAME_MAX = 249,
    TOPIC_CLUSTER_TEXT = 23, /* 22 characters and a NUL */
};

/* ---- the node ---- */

struct topic_config_change;
struct topics_options {
    struct os *os;
    const char *path; /* the data directory */
    struct budget *budget;
    enum store_durability durability;
    uint32_t journal_bytes, straight_bytes, open_files; /* as in struct store_options */
    uint32_t max_partitions;                            /* of all topics together; 0: 100,000 */
    const struct topic_config_change *defaults;         /* in place of Kafka's, by the topic's key names */
    uint32_t n_defaults;
    /* Of an idempotent producer that has written nothing for so long nothing is known any more; 0: a day. */
    int64_t producer_expiry_ms;
    int64_t retention_check_ms; /* how long something is too old, or too much, before it goes; 0: at once */
    uint64_t snapshot_bytes; /* a kill costs reading the heads of about so much; 0: 64 MiB */
    /* Told of each segment that is not what was written: it stays as it is, the rest is served. May be NULL. */
    void (*rot)(void *arg, const char *file, uint64_t byte, int64_t first_offset, int64_t last_offset, const char *what);
    /* Told, by the writer, of what could not be written and was taken back (a full disk), twice a minute at most. May be NULL. */
    void (*refused)(void *arg, const struct error *why);
    void *arg;
    const struct coord_groups_config *groups; /* NULL: coord's defaults */
    const struct coord_txns_config *txns;     /* likewise; their __consumer_offsets has one partition here */
    /* What a call that waits does again and again until it is answered, in place of sleeping: in simulation, a turn of the
     * log and of all around it. NULL: it sleeps. */
    void (*idle)(void *arg);
    void *idle_arg;
    uint64_t planted; /* LOG_BUG_…: only tests set it */
};

struct topics_report {
    struct store_report store;
    uint32_t topics, partitions;
    uint32_t removed; /* partitions that no topic names: a creation or deletion was cut short */
    uint64_t scanned; /* batches whose heads were read again */
};

/* Makes what is not there. Afterwards everything that was acknowledged is there, with producers and transactions. */
enum status topics_open(const struct topics_options *o, struct topics **ret, struct topics_report *ret_report,
                        struct error *err) MUST_USE;
/* The clean stop, after the loops have ended: commits what waits, keeps a snapshot of all producers. Gone whatever it
 * returns. Nobody holds a topic any more, or waits. */
enum status topics_close(struct topics *t, struct error *err) MUST_USE;
/* Frees, writes nothing. Appends and commands under way end with an error. NULL is allowed. */
void topics_abandon(struct topics *t);

/* (writer) Does what was asked for, commits the groups that wait, calls their `done`. *ret_more: call again at once.
 * Another status than ST_OK is final: the process must end; what is asked for afterwards ends, with each step, with an
 * error. */
enum status topics_step(struct topics *t, bool *ret_more, struct error *err) MUST_USE;
/* Upkeep that is due at wall clock `now_ms`: syncs, retention, snapshots of producers, expiry; what needs the writer is
 * handed to it. One caller at a time. *ret_next_ms: when to call again at the latest (INT64_MAX: when something has
 * happened, see topics_run_tender). */
enum status topics_tend(struct topics *t, int64_t now_ms, int64_t *ret_next_ms, struct error *err) MUST_USE;

/* Compacts what is due. One caller at a time; may take long. */
enum status topics_compact(struct topics *t, int64_t now_ms, struct error *err) MUST_USE;

/* The loops, until topics_stop. They sleep while there is nothing to do. After a final failure the writer ends with an
 * error what comes, so that nobody waits for ever. Without the cleaner nothing is compacted. */
void topics_run_writer(void *topics);
void topics_run_tender(void *topics);
void topics_run_cleaner(void *topics);
void topics_stop(struct topics *t); /* any thread: what waits is still committed, then the loops end */
/* ST_OK, or why the log takes no more; `failed` (may be NULL) is raised when that happens. */
enum status topics_state(const struct topics *t, struct error *err) MUST_USE;
void topics_on_failure(struct topics *t, struct os_signal *failed);

/* What a doctor finds (topics_check). Where something is not known: NULL, or -1. */
struct topics_finding {
    bool damage; /* else: worth knowing, and nothing is lost */
    const char *file;
    int64_t byte;
    struct str topic; /* or the id of one that has no name, in hex */
    int64_t partition, first_offset, last_offset;
    const char *what, *remedy;
};
struct topics_checked {
    struct topics_report report;
    uint32_t segments;
    uint64_t bytes; /* of them */
    bool used;      /* a process has it open: what that changes meanwhile can look like damage */
    uint32_t damages, notes;
};
/* Looks at a data directory as an opening does, and at every byte of it; makes, changes and deletes nothing. Nobody can open it
 * meanwhile. `tell`'s strings live during the call. What it finds is no failure: ST_NOT_FOUND (there is no log), ST_MEMORY,
 * ST_IO are. */
enum status topics_check(const struct topics_options *o, void (*tell)(void *arg, const struct topics_finding *f), void *arg,
                         struct topics_checked *ret, struct error *err) MUST_USE;

struct os *topics_os(const struct topics *t);
uint64_t topics_planted(const struct topics *t); /* options.planted */
const char *topics_cluster_id(const struct topics *t); /* text of 22 characters, for ever the same */
/* The first of `n` producer ids that nobody ever had; -1: none now, again after the writer's next step. */
int64_t topics_producer_ids(struct topics *t, uint32_t n);

/* ---- topics ---- */

struct topic *topics_find(struct topics *t, struct str name);           /* counted; NULL: there is none */
struct topic *topics_find_id(struct topics *t, const uint8_t id[16]);   /* the same */
/* All of them, sorted by name, each counted; the array is in `arena`. */
enum status topics_list(struct topics *t, struct arena *arena, struct topic ***ret, uint32_t *ret_count,
                        struct error *err) MUST_USE;
struct topic *topic_ref(struct topic *p);
void topic_unref(struct topic *p); /* NULL is allowed */

struct str topic_name(const struct topic *p);
const uint8_t *topic_id(const struct topic *p);       /* 16 bytes */
bool topic_internal(const struct topic *p);           /* __consumer_offsets, __transaction_state */
bool topic_gone(const struct topic *p);               /* deleted */
uint32_t topic_partitions(const struct topic *p);     /* may grow */
struct topic_partition *topic_partition(struct topic *p, uint32_t index); /* NULL: there are not so many */
struct topic *topic_of(const struct topic_partition *p);
uint32_t topic_partition_index(const struct topic_partition *p);
struct store_log *topic_partition_log(const struct topic_partition *p);

/* Kafka's rule for names: 1 to 249 of [a-zA-Z0-9._-], not "." nor "..". */
enum status topic_name_check(struct str name, struct error *err) MUST_USE;

/* ---- configuration: one table of keys (config.c), in Kafka's names and with its defaults ---- */

enum topic_config_key {
    TOPIC_CLEANUP_POLICY, /* TOPIC_DELETE | TOPIC_COMPACT */
    TOPIC_COMPRESSION_GZIP_LEVEL,
    TOPIC_COMPRESSION_LZ4_LEVEL,
    TOPIC_COMPRESSION_TYPE, /* enum topic_compression */
    TOPIC_COMPRESSION_ZSTD_LEVEL,
    TOPIC_DELETE_RETENTION_MS,
    TOPIC_FILE_DELETE_DELAY_MS,
    TOPIC_FLUSH_MESSAGES,
    TOPIC_FLUSH_MS,
    TOPIC_FOLLOWER_THROTTLED,
    TOPIC_INDEX_INTERVAL_BYTES,
    TOPIC_LEADER_THROTTLED,
    TOPIC_LOCAL_RETENTION_BYTES,
    TOPIC_LOCAL_RETENTION_MS,
    TOPIC_MAX_COMPACTION_LAG_MS,
    TOPIC_MAX_MESSAGE_BYTES,
    TOPIC_TIMESTAMP_AFTER_MAX_MS,
    TOPIC_TIMESTAMP_BEFORE_MAX_MS,
    TOPIC_TIMESTAMP_TYPE, /* 0 CreateTime, 1 LogAppendTime */
    TOPIC_MIN_CLEANABLE_RATIO, /* in millionths */
    TOPIC_MIN_COMPACTION_LAG_MS,
    TOPIC_MIN_INSYNC_REPLICAS,
    TOPIC_PREALLOCATE,
    TOPIC_REMOTE_COPY_DISABLE,
    TOPIC_REMOTE_DELETE_ON_DISABLE,
    TOPIC_REMOTE_STORAGE,
    TOPIC_RETENTION_BYTES,
    TOPIC_RETENTION_MS,
    TOPIC_SEGMENT_BYTES,
    TOPIC_SEGMENT_INDEX_BYTES,
    TOPIC_SEGMENT_JITTER_MS,
    TOPIC_SEGMENT_MS,
    TOPIC_UNCLEAN_ELECTION,
    TOPIC_CONFIGS
};
enum { TOPIC_DELETE = 1, TOPIC_COMPACT = 2 };
/* Of compression.type: what a producer sent stays as it is, whatever this says. */
enum topic_compression { TOPIC_C_PRODUCER, TOPIC_C_UNCOMPRESSED, TOPIC_C_GZIP, TOPIC_C_SNAPPY, TOPIC_C_LZ4, TOPIC_C_ZSTD };

/* The protocol's types of configuration values. */
enum topic_config_type { TOPIC_BOOL = 1, TOPIC_STRING = 2, TOPIC_INT = 3, TOPIC_LONG = 5, TOPIC_DOUBLE = 6, TOPIC_LIST = 7 };

struct topic_config_spec {
    const char *name, *broker_name; /* the broker's default goes by another name; NULL: there is none */
    enum topic_config_type type;
    const char *fallback;
    const char *choices; /* "a|b": of these; NULL: anything that the type takes */
    int64_t min, max;    /* of a number */
    const char *doc;
};
const struct topic_config_spec *topic_config_spec(enum topic_config_key key);
bool topic_config_find(struct str name, enum topic_config_key *ret);

enum topic_config_op { TOPIC_SET, TOPIC_UNSET, TOPIC_APPEND, TOPIC_SUBTRACT }; /* the protocol's 0 to 3 */
struct topic_config_change {
    struct str name, value;
    enum topic_config_op op;
};
enum topic_config_source { TOPIC_FROM_TOPIC, TOPIC_FROM_NODE, TOPIC_FROM_KAFKA };

int64_t topic_config(const struct topic *p, enum topic_config_key key); /* as a number: cheap */
/* As text; in `arena` (.ptr NULL when it refuses). */
struct str topic_config_text(struct topic *p, enum topic_config_key key, enum topic_config_source *ret_source,
                             struct arena *arena);
/* What holds where a topic says nothing. */
struct str topics_config_text(const struct topics *t, enum topic_config_key key, enum topic_config_source *ret_source);

/* ---- what changes topics ---- */

enum topic_admin_kind {
    TOPIC_ADMIN_CREATE, /* name, partitions, changes (SET) */
    TOPIC_ADMIN_REMOVE, /* name */
    TOPIC_ADMIN_GROW,   /* name, partitions: so many in all */
    TOPIC_ADMIN_ALTER,  /* name, changes; replace: all else goes back to its default */
    TOPIC_ADMIN_TRIM,   /* name, partition, offset (-1: the high watermark): DeleteRecords */
};
/* The asker's struct and memory, until `done`. */
struct topic_admin {
    enum topic_admin_kind kind;
    struct str name;
    uint32_t partitions, partition;
    int64_t offset;
    const struct topic_config_change *changes;
    uint32_t n_changes;
    bool replace, validate_only;
    bool internal; /* CREATE, TRIM: one of ours */
    void (*done)(struct topic_admin *a);
    void *user;
    /* the answer */
    int16_t kafka;
    uint8_t id[16];     /* of the topic */
    int64_t low;        /* TOPIC_ADMIN_TRIM: the first offset that is left */
    struct error error;
    struct topic_admin *next; /* ours */
};
/* Always answered by `done`. */
void topics_admin(struct topics *t, struct topic_admin *a);
/* What a name can be refused for without asking the writer: 0, or Kafka's code. Also warns: *ret_collision is a topic
 * whose name differs in '.' and '_' only (Kafka refuses such a creation). */
int16_t topics_name_refused(struct topics *t, struct str name, struct error *err);

/* ---- appending ---- */

struct topic_group;
struct topic_append {
    /* asked */
    struct topic_partition *partition; /* its topic is held until done */
    struct shared *bytes;              /* the producer's records stand at `at`: stamped in place, not to be touched until
                                        * done; a reference is taken */
    uint32_t at, len;
    int16_t version; /* of the produce request: what codecs it may use */
    int16_t acks;    /* -1: answered when it is durable; else when it is taken */
    /* Of a transactional batch: its coordinator has said that this partition is in the producer's open transaction, and
     * topic_txn_guard was asked before that. */
    bool may_begin;
    uint32_t guard;
    /* Where others follow: not NULL, *wake is set where the writer would be woken, and topics_wake has to be called when no
     * more follow. A writer that is woken for the first one commits that one alone. */
    bool *wake;
    void (*done)(struct topic_append *a);
    void *user;
    /* answered */
    int16_t kafka;
    int64_t base_offset;    /* of a duplicate: the first one's */
    int64_t append_time_ms; /* -1: the topic has the producers' timestamps */
    int64_t log_start;
    uint32_t n_faults; /* records at fault */
    struct record_fault faults[RECORD_FAULTS_MAX];
    struct topic_append *next; /* ours */
    int64_t end;
};
/* Checks the batch (`it`: any iterator of this thread), the producer's sequence, and puts it in line. ST_OK with
 * *ret_pending: `done` will be called, with the fate in `kafka`; without: that was all, the answer stands in `a`. Another
 * status: refused, `kafka` says what to answer. */
enum status topic_append(struct topic_append *a, struct record_iter *it, int64_t now_ms, bool *ret_pending,
                         struct error *err) MUST_USE;
void topics_wake(struct topics *t);
/* Moves with each end of a transaction of the producer: an append that was let in before it comes too late. */
uint32_t topic_txn_guard(struct topic_partition *p, int64_t producer_id);

/* ---- groups: what must become durable together ---- */

/* Batches on any partitions, markers of transactions, notes; for coordinators and jobs. Filled by one thread without
 * any lock; the submit gives all of them their offsets at once. */
struct topic_group *topic_group_new(struct topics *t, struct budget *b); /* NULL when refused */
void topic_group_free(struct topic_group *g);                            /* before the submit, or in `done` */
/* Whole batches of ours, one after the other, base offsets 0, checksums right; a producer's state is kept where they have
 * one. The topic of `p` is held. */
enum status topic_group_append(struct topic_group *g, struct topic_partition *p, struct shared *bytes, uint32_t at,
                               uint32_t len, struct error *err) MUST_USE;
/* The end of a producer's transaction in the partition. */
enum status topic_group_marker(struct topic_group *g, struct topic_partition *p, int64_t producer_id, int16_t epoch,
                               struct record_marker m, int64_t now_ms, struct error *err) MUST_USE;
enum status topic_group_note(struct topic_group *g, const struct store_note *n, struct error *err) MUST_USE;
/* In line; then `done`, once. Another status: refused (a topic has gone, a producer is fenced, no memory), nothing of it
 * will be there, `done` is not called; *ret_kafka is the code. */
enum status topic_group_submit(struct topic_group *g, void (*done)(void *arg, struct topic_group *g, enum status st,
                               const struct error *err), void *arg, int16_t *ret_kafka, struct error *err) MUST_USE;
/* Offset that batch number i of the group (in the order of topic_group_append and _marker) has got; after the submit. */
int64_t topic_group_offset(const struct topic_group *g, uint32_t i);

/* ---- calls that wait: not from the writer's thread, and in simulation only with options.idle ---- */

/* Until `done`; a refusal stands in a->kafka and is the status. */
enum status topics_admin_wait(struct topics *t, struct topic_admin *a, struct error *err) MUST_USE;
/* Submits the group, waits for its fate and frees it, whatever it is. */
enum status topic_group_commit(struct topics *t, struct topic_group *g, struct error *err) MUST_USE;

/* Where a reader that is no member of a group has come to, for the group. Refused while the group has members. */
struct topic_bookmark {
    struct str topic;
    uint32_t partition;
    int64_t offset; /* -1: none */
};
enum status topic_bookmarks_get(struct topics *t, struct str group, struct topic_bookmark *at, uint32_t n,
                                struct error *err) MUST_USE;
enum status topic_bookmarks_set(struct topics *t, struct str group, struct topic_bookmark *at, uint32_t n,
                                struct error *err) MUST_USE;

/* ---- reading ---- */

struct topic_aborted {
    int64_t producer_id, first_offset;
};
struct topic_fetch {
    /* asked */
    struct topic_partition *partition;
    int64_t offset;
    uint32_t max_bytes;
    bool committed;        /* read_committed: up to the last stable offset */
    int32_t leader_epoch;  /* that the reader knows; -1: none */
    int32_t fetched_epoch; /* of the record before `offset`; -1: none */
    /* answered */
    int16_t kafka;
    int64_t high, stable, start; /* -1 when unknown */
    int32_t diverging_epoch;     /* -1: none; else the reader has what never was: it goes back to */
    int64_t diverging_end;
    struct store_range range; /* whole batches, at least one when there is one; to be released */
    struct topic_aborted *aborted; /* committed: transactions to skip in the range */
    uint32_t n_aborted;
    int64_t next; /* of a damaged segment: where it goes on */
};
/* The answer stands in `f` also when it is refused. */
enum status topic_read(struct topic_fetch *f, struct arena *arena, struct error *err) MUST_USE;

enum { TOPIC_LATEST = -1, TOPIC_EARLIEST = -2, TOPIC_MAX_TIMESTAMP = -3, TOPIC_EARLIEST_LOCAL = -4, TOPIC_TIERED = -5 };
struct topic_offset {
    /* asked */
    struct topic_partition *partition;
    int64_t timestamp_ms; /* or TOPIC_LATEST … */
    bool committed;
    int32_t leader_epoch; /* that the asker knows; -1: none */
    /* answered: offset -1: no such record */
    int16_t kafka;
    int64_t offset, found_ms;
    int32_t epoch;
};
/* The first record whose timestamp is at or after the one asked for. */
enum status topic_list_offset(struct topic_offset *o, struct record_iter *it, struct error *err) MUST_USE;
/* OffsetForLeaderEpoch: the last epoch at or below `epoch` and where it ends; -1, -1: none. Kafka's code. */
int16_t topic_epoch_end(struct topic_partition *p, int32_t leader_epoch, int32_t epoch, int32_t *ret_epoch,
                        int64_t *ret_end);

int64_t topic_start(const struct topic_partition *p);
int64_t topic_high(const struct topic_partition *p);
int64_t topic_stable(const struct topic_partition *p); /* last stable offset */
uint64_t topic_bytes(const struct topic_partition *p);
int32_t topic_epoch(const struct topic_partition *p);

/* ---- waiting for records ---- */

/* A reader that is parked: on each partition at the end of what it has seen. Woken once: when `wanted` bytes have come,
 * when a partition goes away; a timeout is the caller's. */
struct topic_wait;
struct topic_wait_on {
    struct topic_partition *partition; /* its topic is held until topic_wait_end */
    int64_t seen;                      /* the end that the reader was told: topic_fetch's high, or its stable */
    bool committed;
    struct topic_wait *wait; /* ours, from here on */
    struct topic_wait_on *next, *prev;
    uint64_t mark;
};
struct topic_wait {
    struct topic_wait_on *on;
    uint32_t n_on;
    uint64_t wanted;                    /* bytes, at least 1 */
    void (*wake)(struct topic_wait *w); /* under a lock: post, and nothing else */
    void *user;
    atomic_uint_fast64_t got; /* ours, from here on */
    atomic_bool woken;
};
/* false: something has come already; it is not registered, read again. */
bool topic_wait_begin(struct topic_wait *w);
/* Woken or not: once for each that began. When it returns, `wake` neither runs nor will run. */
void topic_wait_end(struct topic_wait *w);

/* ---- coordinators ----
 *
 * One of groups and one of transactions, replayed at open from the one partition that __consumer_offsets and
 * __transaction_state each have; both topics are made at the first call. They are called by one at a time: a call is put
 * in line and run by whoever is there, perhaps by another thread than the asker's. What it yields is appended as one group. Answers go
 * out in the order of the calls, when all that was yielded before is durable. */
struct topic_coords {
    struct coord_groups *groups;
    struct coord_txns *txns;
    struct coord_step *groups_step, *txns_step; /* for the functions of each; their arena lives until `done` is back */
    int64_t now_ms;
};
struct topic_call { /* the asker's, until `done` */
    /* Calls functions of coord, and nothing that waits. A refusal goes to `done`; what was yielded before it is appended. */
    enum status (*run)(struct topic_call *c, struct topic_coords *with, struct error *err);
    /* kafka 0: durable; send the answer. Else that code to the client: nothing, or not known what, has been done. */
    void (*done)(struct topic_call *c, int16_t kafka);
    void *user;
    struct topic_call *next; /* ours */
};
void topics_call(struct topics *t, struct topic_call *c);
/* Takes replies by token (JoinGroup, SyncGroup), also those that nobody's call is there for; without a response where what
 * it was to tell is lost. Before the first call. */
void topics_on_reply(struct topics *t, void (*reply)(void *arg, const struct coord_reply *r), void *arg);
/* Whoever waits in a group is answered NOT_COORDINATOR, as is everybody from now on: the clean stop begins. */
void topics_park(struct topics *t);
/* What is due by time: sessions, rebalances, timeouts of transactions. *ret_next_ms: when to call again at the latest; may
 * become earlier with any call (topics_run_tender sees to it). */
void topics_tick(struct topics *t, int64_t now_ms, int64_t *ret_next_ms);

/* ---- producers, for DescribeProducers ---- */

struct topic_producer {
    int64_t id;
    int16_t epoch;
    int32_t last_sequence;
    int64_t last_ms;
    int32_t coordinator_epoch;
    int64_t txn_start; /* first offset of its open transaction; -1: none */
};
enum status topic_producers(struct topic_partition *p, struct arena *arena, struct topic_producer **ret,
                            uint32_t *ret_count, struct error *err) MUST_USE;

/* ---- counters ---- */

struct topic_counts {
    uint64_t in_batches, in_bytes, in_records, refused, duplicates;
    uint64_t out_fetches, out_bytes;
    uint64_t fell_behind;      /* reads before the start: retention, or a trim, was faster than the reader */
    uint64_t trimmed_bytes;    /* taken away by retention and DeleteRecords */
    uint64_t compactions_failed; /* damage, memory: tried again after a minute */
};
struct topic_counts topic_count(const struct topic *p);
