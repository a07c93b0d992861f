/* A Kafka cluster as a client sees it: any broker that librdkafka can talk to, Weir's own included. Produce, read by
 * partition and offset (no groups), metadata, administration of topics and groups.
 *
 * A handle is a producer or not; everything else works with both. One thread at a time; librdkafka's own threads do not
 * show. What waits looks at `stopped` every tenth of a second and then returns ST_CANCELLED. Queues are bounded by
 * CLUSTER_QUEUE_BYTES each way; that memory is librdkafka's own and not charged to a budget.
 *
 * Errors: ST_UNREACHABLE nobody answers, ST_NOT_FOUND no such topic, partition or group, ST_EXISTS, ST_USAGE a setting,
 * name or number that the broker refuses, ST_LIMIT too large a record, ST_UNSUPPORTED, else ST_IO. */
#pragma once

#include "base/memory.h"
#include "base/option.h"
#include "os/os.h"

struct cluster;

#define CLUSTER_QUEUE_BYTES (32u << 20)

struct cluster_header {
    struct str name, value; /* value.ptr NULL: null */
};
enum cluster_clock { CLUSTER_NO_TIME, CLUSTER_CREATE_TIME, CLUSTER_APPEND_TIME };
struct cluster_record {
    struct str topic;
    int32_t partition;    /* CLUSTER_BY_KEY: Kafka's murmur2 of the key; without a key a random one */
    int64_t offset;       /* read only */
    int64_t timestamp_ms; /* to produce: CLUSTER_NOW; read: -1: none */
    enum cluster_clock clock; /* read only: whose time that is */
    int32_t leader_epoch;     /* read only; -1: librdkafka does not tell (before 2.1) */
    struct str key, value; /* ptr NULL: null */
    const struct cluster_header *headers;
    uint32_t n_headers;
};
enum { CLUSTER_BY_KEY = -1, CLUSTER_NOW = 0 };

struct cluster_options {
    struct os *os; /* for its clock */
    struct str brokers;            /* "host:port,host:port" */
    const struct option *settings; /* by librdkafka's names; these win */
    uint32_t n_settings;
    int64_t timeout_ms;         /* of each question; 0: 5 s */
    bool (*stopped)(void *arg); /* NULL: never */
    /* A producer: told of each record, in cluster_produce and cluster_flush, whether the broker has acknowledged it. `tag`
     * is what cluster_produce was given. NULL: only the first failure counts, and cluster_flush returns it. */
    void (*delivered)(void *arg, void *tag, enum status st, int32_t partition, int64_t offset, const struct error *err);
    void *arg;
    bool producer;
    /* Told, from a thread of librdkafka's, that cluster_poll has something to tell: answers of producing, troubles. Must not
     * call into the cluster. NULL: nobody. */
    void (*news)(void *arg);
    const char *transactional_id; /* NULL: none */
    bool uncommitted;             /* read records of open and aborted transactions too */
    /* Not a producer: offsets of groups will be asked for or set, of this one, say. librdkafka 2.0 must be of some group then,
     * or it crashes when a coordinator is not the right one any more. ptr NULL: they will not. */
    struct str group;
};

/* Returns when a broker has answered: ST_UNREACHABLE after about a second of refusals or `timeout_ms` of silence. */
enum status cluster_open(const struct cluster_options *o, struct cluster **ret, struct error *err) MUST_USE;
/* A producer forgets what is not flushed. NULL is allowed. */
void cluster_close(struct cluster *c);

/* May `settings` be given to cluster_open? Connects to nobody. ST_USAGE: the first that may not. */
enum status cluster_settings_check(const struct option *settings, uint32_t n, struct error *err) MUST_USE;
/* ST_OK, or: a partition that was being read cannot be read any more (its topic is gone, say). Any thread. */
enum status cluster_lost(struct cluster *c, struct error *err) MUST_USE;
/* How long nobody has answered, in milliseconds; 0: somebody does. Any thread. `why` (of `size` bytes) takes the last words about
 * a connection. */
int64_t cluster_away_ms(struct cluster *c, char *why, size_t size);

/* ---- metadata ---- */

struct cluster_partition {
    int32_t id, leader; /* leader -1: none */
    const int32_t *replicas, *in_sync;
    uint32_t n_replicas, n_in_sync;
};
struct cluster_topic {
    struct str name;
    const struct cluster_partition *partitions; /* by id */
    uint32_t n_partitions;
};
struct cluster_topics {
    const struct cluster_topic *at; /* by name */
    uint32_t count;
};
/* All topics; asking creates none. */
enum status cluster_topics(struct cluster *c, struct arena *a, struct cluster_topics *ret, struct error *err) MUST_USE;
/* One; ST_NOT_FOUND with the nearest name as hint. */
enum status cluster_topic(struct cluster *c, struct str name, struct arena *a, struct cluster_topic *ret,
                          struct error *err) MUST_USE;

/* Of a topic that is not listed: is it hidden? ST_OK: no, it is just not there; else why (who may not Describe it does not
 * see it). A producer's question may make it. */
enum status cluster_hidden(struct cluster *c, struct str name, struct error *err) MUST_USE;
/* How many partitions a topic to produce to has. A broker that makes topics for its producers makes it; waits for that, at
 * most the handle's time. */
enum status cluster_partitions(struct cluster *c, struct str name, uint32_t *ret, struct error *err) MUST_USE;

/* The first offset that is there and the one after the last. */
enum status cluster_bounds(struct cluster *c, struct str topic, int32_t partition, int64_t *ret_first,
                           int64_t *ret_end, struct error *err) MUST_USE;
/* For partitions 0 … n-1: the first offset whose timestamp is at least `ms`; the end where there is none. CLUSTER_FIRST,
 * CLUSTER_END: the partition's first offset, its end (that of committed records, unless `uncommitted`). */
enum { CLUSTER_FIRST = -2, CLUSTER_END = -1 };
enum status cluster_offsets_at(struct cluster *c, struct str topic, uint32_t n, int64_t ms, int64_t *ret,
                               struct error *err) MUST_USE;

/* ---- producing ---- */

/* Copies the record, if there is room in the queue; *ret_full: there is none, poll and come again. */
enum status cluster_offer(struct cluster *c, const struct cluster_record *r, void *tag, bool *ret_full,
                          struct error *err) MUST_USE;
/* The same, but waits while the queue is full. */
enum status cluster_produce(struct cluster *c, const struct cluster_record *r, void *tag, struct error *err) MUST_USE;
/* Tells of deliveries that have come; waits for nothing. The first failure so far; of a reader, as cluster_lost. */
enum status cluster_poll(struct cluster *c, struct error *err) MUST_USE;
/* Waits until every record is acknowledged or has failed; the first failure since the last flush. */
enum status cluster_flush(struct cluster *c, struct error *err) MUST_USE;
uint64_t cluster_delivered(const struct cluster *c); /* records acknowledged since it was opened */
uint64_t cluster_undelivered(const struct cluster *c); /* records and questions that are not answered yet */

/* With a transactional_id: `init` once (fences who had it before), then begin, produce…, commit or abort. */
enum status cluster_txn_init(struct cluster *c, struct error *err) MUST_USE;
enum status cluster_txn_begin(struct cluster *c, struct error *err) MUST_USE;
enum status cluster_txn_commit(struct cluster *c, struct error *err) MUST_USE;
enum status cluster_txn_abort(struct cluster *c, struct error *err) MUST_USE;

/* ---- reading ---- */

/* Begins to read a partition at `offset`; again, to go elsewhere. What has been fetched for its old place is not given. */
enum status cluster_read_from(struct cluster *c, struct str topic, int32_t partition, int64_t offset,
                              struct error *err) MUST_USE;
enum status cluster_read_stop(struct cluster *c, struct str topic, int32_t partition, struct error *err) MUST_USE;

enum cluster_event {
    CLUSTER_QUIET,  /* nothing came in time */
    CLUSTER_RECORD, /* *ret, until the next call */
    CLUSTER_AT_END, /* ret->topic, partition, offset: no more now; told once until more has come */
};
/* The next of all partitions read; waits at most `wait_ms`. An offset that is not there: ST_DATA, naming it. */
enum status cluster_read(struct cluster *c, int64_t wait_ms, enum cluster_event *ret_event, struct cluster_record *ret,
                         struct error *err) MUST_USE;

/* ---- reading many at once: each partition has a queue of its own ----
 *
 * Feeds of one handle may be used on different threads, each by one at a time, beside whoever asks the handle. */

struct cluster_feed;
struct cluster_feed_options {
    struct str topic;
    int32_t partition;
    int64_t offset;
    bool headers;             /* records come with them */
    void (*news)(void *arg);  /* told, from a thread of librdkafka's, that something has come to where nothing was */
    void *arg;
};
enum status cluster_feed_open(struct cluster *c, const struct cluster_feed_options *o, struct cluster_feed **ret,
                              struct error *err) MUST_USE;
void cluster_feed_close(struct cluster_feed *f); /* NULL is allowed */

enum { CLUSTER_BATCH = 1024 };
/* Gives back what it took before and takes what has come, at most CLUSTER_BATCH; waits for nothing. 0: maybe cluster_lost
 * knows why. */
uint32_t cluster_feed_take(struct cluster_feed *f);
/* The i-th of what was taken, as of cluster_read; valid until the next take. Headers until the next call. */
enum status cluster_feed_at(struct cluster_feed *f, uint32_t i, enum cluster_event *ret_event, struct cluster_record *ret,
                            struct error *err) MUST_USE;

/* ---- administration of topics ---- */

struct cluster_config { /* an entry of a topic's configuration */
    struct str name, value; /* value.ptr NULL: not told, or to be reset to the default */
    bool set;               /* for this topic; false: a default */
};
struct cluster_configs {
    const struct cluster_config *at; /* by name */
    uint32_t count;
};
/* `partitions`, `replicas` 0: the broker's default. */
enum status cluster_create(struct cluster *c, struct str topic, uint32_t partitions, uint32_t replicas,
                           const struct cluster_config *configs, uint32_t n, struct error *err) MUST_USE;
enum status cluster_grow(struct cluster *c, struct str topic, uint32_t partitions, struct error *err) MUST_USE;
enum status cluster_remove(struct cluster *c, struct str topic, struct error *err) MUST_USE;
enum status cluster_configs(struct cluster *c, struct str topic, struct arena *a, struct cluster_configs *ret,
                            struct error *err) MUST_USE;
/* Changes these, leaves the others: all are read, then all are written, so of two at once one is lost. */
enum status cluster_configure(struct cluster *c, struct str topic, const struct cluster_config *configs, uint32_t n,
                              struct error *err) MUST_USE;
/* Deletes what lies before `offset`. */
enum status cluster_trim(struct cluster *c, struct str topic, int32_t partition, int64_t offset,
                         struct error *err) MUST_USE;

/* ---- administration of groups ---- */

struct cluster_group_line {
    struct str name;
    const char *state; /* as Kafka names it: "Stable", "Empty" */
};
struct cluster_groups {
    const struct cluster_group_line *at; /* by name */
    uint32_t count;
};
enum status cluster_groups(struct cluster *c, struct arena *a, struct cluster_groups *ret, struct error *err) MUST_USE;

struct cluster_position {
    struct str topic;
    int32_t partition;
    int64_t offset; /* negative: none */
};
struct cluster_positions {
    const struct cluster_position *at;
    uint32_t count;
};
struct cluster_member {
    struct str id, client, host;
    struct cluster_positions assigned; /* without offsets */
};
struct cluster_group {
    const char *state;
    struct str assignor;
    int32_t coordinator;
    const struct cluster_member *members;
    uint32_t n_members;
};
enum status cluster_group(struct cluster *c, struct str name, struct arena *a, struct cluster_group *ret,
                          struct error *err) MUST_USE;
/* What a group has committed. */
enum status cluster_positions(struct cluster *c, struct str group, struct arena *a, struct cluster_positions *ret,
                              struct error *err) MUST_USE;
/* Commits for it; ST_LOCKED: it has members. */
enum status cluster_reposition(struct cluster *c, struct str group, const struct cluster_positions *to,
                               struct error *err) MUST_USE;
enum status cluster_group_remove(struct cluster *c, struct str group, struct error *err) MUST_USE;
