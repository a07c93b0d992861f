/* What the files of the room share.
 *
 * Locks, in the order in which they are taken: partitions (several by rising `order`), then one of registry and commands.
 * All are held for moments, none over a call of the os. What the writer alone changes is marked (writer). */
#pragma once

#include <stdatomic.h>

#include "topic/topic.h"

enum {
    CONFIG_TEXT_MAX = 32 << 10,
    GROUP_INLINE = 1,
    META_BATCH_BYTES = 1 << 20,
};

/* ---- config.c ---- */

struct config {
    _Atomic int64_t number[TOPIC_CONFIGS];
    char *text[TOPIC_CONFIGS]; /* as it was set; NULL: not set (registry lock) */
};
void config_init(struct config *c, const struct config *base); /* the numbers of `base`; NULL: Kafka's defaults */
void config_release(struct config *c, struct budget *b);
enum status config_parse(enum topic_config_key key, struct str text, int64_t *ret, struct error *err) MUST_USE;
enum status config_copy(struct config *to, const struct config *from, struct budget *b, struct error *err) MUST_USE;
struct str config_default_text(const struct config *node, enum topic_config_key key);
/* Leaves `c` half changed when it fails: change a copy. */
enum status config_change(struct config *c, const struct config *node, const struct topic_config_change *changes,
                          uint32_t n, struct budget *b, struct error *err) MUST_USE;
/* Whether the values go together; what is read back from the log is not asked. */
enum status config_check(const struct config *c, struct error *err) MUST_USE;

/* ---- producer.c: what a partition knows of its producers ---- */

enum { PRODUCER_BATCHES = 5 };
struct producer_batch {
    int32_t first, last; /* sequences */
    int64_t base, end;   /* offsets */
};
/* A producer as it stands at the partition's `next`. */
struct producer {
    struct producer *bucket_next;
    int64_t id, last_ms;
    int64_t txn_start;         /* of its open transaction; -1: none */
    int32_t coordinator_epoch; /* -1: no marker yet */
    int32_t expected;          /* next sequence; -1: any */
    uint32_t markers;          /* of its, in this life */
    int16_t epoch;             /* -1: none known */
    uint8_t n_batches; /* newest last */
    struct producer_batch batches[PRODUCER_BATCHES];
};
/* A transaction whose end is not below the high watermark yet, in the order of their beginnings. */
struct txn {
    struct txn *next, *prev;
    int64_t producer_id, first, end; /* end: its marker's offset, or INT64_MAX: open */
    int64_t stable;                  /* the last stable offset behind the marker */
    bool aborted;
};
struct aborted {
    int64_t producer_id, first, last, stable; /* last: the marker's offset */
};
struct producers {
    struct budget *budget;
    uint64_t planted;
    struct producer **buckets;
    uint32_t n_buckets, count;
    struct txn *txns, *txns_last;
    struct aborted *aborted; /* by `last`; durable ones */
    uint32_t n_aborted, cap_aborted;
};
/* What a batch says of its producer. */
struct produced {
    int64_t id, base, end, ms;
    int32_t sequence, last_sequence; /* -1: none */
    int16_t epoch;
    bool transactional, control, commit;
    bool may_begin; /* a transaction: its coordinator has the partition, as of `guard` */
    uint32_t guard;
    int32_t coordinator_epoch;
};
/* 0, or Kafka's error. DUPLICATE_SEQUENCE_NUMBER: *ret_same is what it repeats, until the lock is given up. */
int16_t producers_check(const struct producers *ps, const struct produced *b, const struct producer_batch **ret_same,
                        struct error *err);
uint32_t producers_guard(const struct producers *ps, int64_t id);
bool producers_take(struct producers *ps, const struct produced *b); /* false: no memory; cut from its base */
void producers_cut(struct producers *ps, int64_t from); /* forgets what is at or behind the offset */
int64_t producers_settle(struct producers *ps, int64_t high); /* durable up to there; the last stable offset */
void producers_trim(struct producers *ps, int64_t start);     /* the log's start has moved */
uint32_t producers_expire(struct producers *ps, int64_t before_ms, int64_t high);
/* Aborted transactions that overlap [from, to): at most `room` are told, all are counted. */
uint32_t producers_aborted(const struct producers *ps, int64_t from, int64_t to, struct topic_aborted *ret,
                           uint32_t room);
struct producer *producers_make(struct producers *ps, int64_t id); /* found or new; NULL: no memory */
bool producers_begin_all(struct producers *ps); /* a snapshot's: by their txn_start */
bool producers_add_aborted(struct producers *ps, const struct aborted *a);
void producers_release(struct producers *ps);

/* ---- partitions and topics (registry.c) ---- */

struct topic_partition {
    struct topic *topic;
    struct store_log *log;
    uint64_t order;
    uint32_t index;
    struct lock lock;
    /* under the lock */
    bool closed;
    bool touched;    /* since the newest snapshot */
    uint32_t groups; /* entries of groups that are submitted and not done */
    uint64_t seen_bytes; /* committed in this life */
    uint32_t pieces; /* (open) of the snapshot that is read */
    int64_t retain_base, retain_ms;       /* (tender) the start, and when what is due behind it goes */
    int64_t active_base, active_since_ms; /* (tender) the newest segment, and when it was first seen */
    int64_t next;    /* the producers' state stands here; behind the newest batch */
    struct producers producers;
    struct topic_wait_on *waits;
    uint32_t swaps;      /* of rewrites, handed to the writer */
    bool swap_failed;    /* one of this run's */
    int64_t clean_to, clean_after_ms; /* compacted up to there; not again before then */
    struct topic_append *followers; /* duplicates of what is not durable yet */
    /* anybody reads */
    _Atomic int64_t stable;
};

struct counts {
    atomic_uint_fast64_t in_batches, in_bytes, in_records, refused, duplicates, out_fetches, out_bytes, fell_behind,
        trimmed_bytes, compactions_failed;
};

struct part_array {
    struct part_array *older; /* for readers that still look at it */
    uint32_t cap;
    struct topic_partition *at[];
};
struct topic {
    struct topics *node;
    atomic_uint refs;
    atomic_bool gone;
    bool internal, hidden;
    uint8_t id[16];
    struct topic *by_name, *by_id; /* of their buckets */
    _Atomic(struct part_array *) parts;
    atomic_uint n_parts;
    uint32_t made; /* (writer) partitions in the array: those from n_parts on are not shown yet */
    struct config config;
    struct counts counts;
    uint32_t name_len;
    char name[];
};

enum { REGISTRY_BUCKETS = 1024 };
struct registry {
    struct lock lock;
    struct topic *by_name[REGISTRY_BUCKETS], *by_id[REGISTRY_BUCKETS];
    uint32_t topics, partitions;
};
struct topic *topic_make(struct topics *t, struct str name, const uint8_t id[16],
                         struct error *err); /* one reference, no partition; NULL */
enum status topic_add_partition(struct topic *p, struct store_log *log, struct error *err) MUST_USE; /* (writer) */
void topic_drop_partitions(struct topic *p); /* (writer) those that are not shown */
void topic_configure(struct topic *p, struct config *c); /* takes what is in it */
void registry_show(struct topic *p, uint32_t n);         /* partitions */
void registry_add(struct topics *t, struct topic *p);    /* takes the reference */
void registry_remove(struct topics *t, struct topic *p); /* gives it up */
void registry_clear(struct topics *t);
bool registry_collides(struct topics *t, struct str name, char ret_other[TOPIC_NAME_MAX + 1]);

/* ---- groups ---- */

struct group_entry {
    struct topic_partition *partition; /* its topic is held by the group */
    struct shared *bytes;
    uint32_t at, len;
    struct produced produced;
};
struct topic_group {
    struct topics *node;
    struct budget *budget;
    struct store_group *store;
    struct group_entry *entries;
    struct topic_partition **locks; /* its partitions, each once, by `order` */
    uint32_t n, cap, n_locks;
    bool forced; /* a coordinator's word: producers are not checked */
    struct group_entry one; /* most have one entry: no memory of its own */
    struct topic_partition *one_lock;
    struct topic_append *append; /* to be answered */
    void (*done)(void *arg, struct topic_group *g, enum status st, const struct error *err);
    void *arg;
};
enum status group_add(struct topic_group *g, struct topic_partition *p, struct shared *bytes, uint32_t at, uint32_t len,
                      const struct produced *b, struct error *err) MUST_USE;
/* As topic_group_submit. *ret_same (may be NULL): of a duplicate, what it repeats; *ret_base: of the first entry. `wake` (may
 * be NULL): as topic_append's. */
enum status group_submit(struct topic_group *g, struct producer_batch *ret_same, int64_t *ret_base, bool *wake,
                         int16_t *ret_kafka, struct error *err) MUST_USE;
/* Locked: the partition's state and who waits on it are brought to what the store has now, forward or back. What it
 * gives is for the writer to answer. */
struct topic_append *partition_settle(struct topic_partition *p);
/* Locked: `a` repeats a batch that ends at a->end and is not durable yet; answered with it. */
void partition_follow(struct topic_partition *p, struct topic_append *a);
int16_t topic_kafka(enum status st); /* a failure's code for a client */

/* ---- wait.c ---- */
void waits_wake(struct topic_partition *p, bool all); /* locked */

/* ---- scan.c ---- */
struct scan {
    struct topic_partition *partition;
    int64_t next, limit;
    int64_t behind; /* after ST_CORRUPT of scan_next: where the log goes on; `next`: nowhere that is known */
    struct store_range range;
    uint64_t at, batch_at, window_at;
    size_t window_len;
    uint8_t window[16384];
};
void scan_begin(struct scan *s, struct topic_partition *p, int64_t from, int64_t limit);
/* The next batch's header; of its bytes only the first 128 are there. */
enum status scan_next(struct scan *s, struct record_batch *ret, bool *ret_end, struct error *err) MUST_USE;
/* The batch that scan_next gave, whole and checked, in `room`. */
enum status scan_whole(struct scan *s, struct buf *room, struct record_batch *ret, struct error *err) MUST_USE;
void scan_end(struct scan *s);
/* All records of a partition, with their batches, markers among them. */
typedef enum status scan_visit(void *arg, const struct record_batch *b, const struct record *r, struct error *err);
enum status scan_records(struct topic_partition *p, scan_visit *visit, void *arg, struct error *err) MUST_USE;

/* ---- meta.c: the internal partition ---- */

extern const uint8_t meta_id[16];
struct meta {
    struct topic *topic; /* hidden, of one partition */
    bool has_cluster;
    atomic_int_fast64_t ids_next, ids_end; /* producer ids to be given out */
    atomic_uint_fast64_t alive;            /* bytes that a compaction would write, about */
};
struct meta_batch {
    struct topics *node;
    struct record_builder *builder;
    struct buf key, value, out;
};
void meta_begin(struct meta_batch *m, struct topics *t);
void meta_end(struct meta_batch *m);
enum status meta_put_cluster(struct meta_batch *m, const uint8_t id[16], struct error *err) MUST_USE;
enum status meta_put_ids(struct meta_batch *m, int64_t next, struct error *err) MUST_USE;
enum status meta_put_topic(struct meta_batch *m, const struct topic *p, const struct config *c, uint32_t partitions,
                           struct error *err) MUST_USE;
enum status meta_put_removal(struct meta_batch *m, const struct topic *p, struct error *err) MUST_USE;
enum status meta_put_producers(struct meta_batch *m, const struct topic_partition *p, uint32_t piece, struct str value,
                               struct error *err) MUST_USE;
enum status meta_group(struct meta_batch *m, struct topic_group *g, struct error *err) MUST_USE; /* into a group */
enum status meta_commit(struct meta_batch *m, struct error *err) MUST_USE; /* (writer) durable when it returns */
enum status meta_open(struct topics *t, struct store_log *log, struct error *err) MUST_USE; /* into the registry */
/* (writer) Frees the group. Durable when it returns ST_OK. *ret_base (may be NULL): of its first batch. */
enum status group_commit(struct topic_group *g, int64_t *ret_base, struct error *err) MUST_USE;

/* ---- snapshot.c: producers' state in meta ---- */

enum status snapshot_put(struct meta_batch *m, struct topic_partition *p, struct error *err) MUST_USE;
/* (writer) Of one partition, if it was touched: before batches go that a catching up would need. */
enum status snapshot_keep(struct topic_partition *p, struct error *err) MUST_USE;
enum status topic_snapshot_read(struct topic_partition *p, uint32_t piece, struct reader *r, struct error *err) MUST_USE;
/* (open) What has been appended since the snapshot; of damage it tells options.rot and goes round it. */
enum status snapshot_catch_up(struct topic_partition *p, struct scan *s, struct record_iter *it,
                              struct topics_report *report, struct error *err) MUST_USE;

/* ---- coords.c, coord_load.c: the coordinators ---- */
struct flight; /* a call, or more, that has run and is to be answered */
struct coords {
    struct topics *node;
    struct coord_groups *groups; /* these four: whoever has `busy` */
    struct coord_txns *txns;
    struct coord_ids ids;
    struct topic *offsets, *transactions; /* held; NULL until they are made */
    atomic_flag busy;
    atomic_bool again; /* somebody has come while it was */
    bool unloaded;     /* (busy) nobody waits in groups any more */
    _Atomic(struct topic_call *) queue; /* newest first */
    struct topic_call *held, *held_last; /* (busy) until the topics are there */
    bool making;                         /* (busy) they are asked for */
    struct topic_admin make[2];
    atomic_int made; /* of them, answered */
    atomic_bool broken, parked; /* broken: what they know is not what is in the log: to be replayed */
    struct lock lock;           /* of the three below */
    struct flight *first, *last;
    bool answering;
    struct topic_call tick, start;
    atomic_bool ticking;
    _Atomic int64_t deadline_ms, armed_ms;
    void (*reply)(void *arg, const struct coord_reply *r);
    void *reply_arg;
};
enum status coords_open(struct topics *t, struct error *err) MUST_USE;
void coords_close(struct topics *t);                                 /* groups that waited are ended */
enum status coords_replay(struct coords *c, struct error *err) MUST_USE; /* new ones, from the log */
bool coords_find_topics(struct coords *c);
void coords_begin(struct coords *c);
void coords_forget_topic(struct topics *t, struct str name);

/* ---- admin.c ---- */
void admin_run(struct topics *t, struct topic_admin *a); /* (writer) */
bool random_topic_id(struct topics *t, uint8_t ret[16]);
struct store_log_options log_options(const struct config *c);

struct topics {
    struct os *os;
    struct budget *budget;
    struct topics_options options;
    struct store *store;
    struct config config; /* what holds where a topic says nothing */
    struct registry registry;
    struct meta meta;
    struct coords coords;
    uint8_t cluster[16];
    char cluster_text[TOPIC_CLUSTER_TEXT];
    atomic_uint_fast64_t next_order;
    struct lock admin_lock;
    struct topic_admin *admin, *admin_last;
    struct os_signal *work, *upkeep, *cleaning;
    struct upkeep *todo, *todo_last; /* (admin_lock) for the writer */
    int64_t expire_ms;  /* (tender) when to look for producers that say nothing any more */
    atomic_uint_fast64_t appended; /* bytes, since the newest snapshots */
    uint64_t snapshot_cost;        /* bytes of those */
    int64_t refused_ns;            /* (writer) when options.refused was called; 0: never */
    atomic_uint snapshots_undecided; /* groups of snapshots whose fate is not known */
    atomic_bool snapshots_failed;    /* one of them: `touched` is not to be believed */
    _Atomic(struct os_signal *) failed;
    atomic_bool stopping, stirred; /* stirred: there may be something for the tender */
    atomic_int state;              /* enum status: final */
    struct error failure;          /* set before `state` */
};

static inline bool topics_bug(const struct topics *t, enum log_bug bug) { return log_bug(t->options.planted, bug); }

enum status partition_trim(struct topic_partition *x, int64_t start, struct error *err) MUST_USE; /* (writer) */

/* topics.c */
struct found_logs { /* of a store_visitor: all partitions that there are */
    struct budget *budget;
    const struct topics_options *options;
    struct store_log **at;
    uint32_t n, cap;
};
enum status found_log(void *arg, struct store_log *l, struct error *err) MUST_USE;
void tender_stir(struct topics *t); /* something has happened that topics_tend may want to see to */

/* retain.c: what has lived long enough. *ret_next_ms goes down to when something will have. */
enum status retain_topic(struct topic *p, int64_t now_ms, int64_t *ret_next_ms, struct error *err) MUST_USE;

/* ---- keymap.c, compact.c ---- */
enum { COMPACT_AGAIN_MS = 60000 }; /* what has failed */
struct keymap_entry;
struct keymap {
    struct budget *budget;
    struct keymap_entry *entries;
    uint64_t cap, count;
};
bool keymap_init(struct keymap *m, struct budget *b, size_t bytes); /* at most so many; false: no memory */
void keymap_release(struct keymap *m);
bool keymap_put(struct keymap *m, struct str key, int64_t offset); /* false: full */
int64_t keymap_get(const struct keymap *m, struct str key);        /* -1: not there */
struct dirty_range {
    int64_t from, dirty, end; /* everything; what was never compacted; behind it */
};
/* Is it to be compacted now? Else *next_ms goes down to when it will be. */
bool compact_due(struct topic_partition *x, int64_t now_ms, int64_t *next_ms, struct dirty_range *ret);

/* tend.c */
/* The writer ends the rewrite, and then counts all as compacted up to `clean_to` (-1: others follow). */
enum status upkeep_swap(struct topic_partition *x, struct store_rewrite *w, int64_t clean_to, struct error *err) MUST_USE;
enum status upkeep_trim(struct topic_partition *x, int64_t start, struct error *err) MUST_USE; /* the writer does it */
enum status meta_compact(struct topics *t, struct error *err) MUST_USE;                        /* (writer) */
enum status snapshots_take(struct topics *t, struct error *err) MUST_USE; /* of what was touched: into the queue */
void upkeep_run(struct topics *t);                                        /* (writer) what topics_tend wants done */
void upkeep_drop(struct topics *t);
