/* What the files of this room share: rings, senders, tasks, workers, the coordinator and the state directory. */
#pragma once

#include "job/job.h"
#include "journal/journal.h"

/* ---- rings ---- */

/* A bounded queue of events from one task to one other. The producer owns what it has not pushed, the consumer
 * what it has popped; what lies in the ring at its end is freed with it. */
struct ring_event {
    enum event_kind kind; /* BATCH, WATERMARK, IDLE, BARRIER, END */
    bool idle, final;
    struct batch *batch; /* owned */
    int64_t time;
    uint64_t epoch;
};

#define RING_SOFT 8u /* watermarks and idle marks in a ring, besides the batches */
#define RING_HARD 2u /* a barrier and the end: there is always room for them */
#define RING_APART 64u

struct ring {
    struct ring_event *slots;
    uint32_t capacity; /* batches */
    uint32_t n_slots, mask;
    struct budget *budget;
    char apart_1[RING_APART];
    /* the producer's line */
    atomic_uint tail;
    uint32_t batches_in, soft_in;
    char apart_2[RING_APART];
    /* the consumer's line */
    atomic_uint head, batches_out, soft_out;
    char apart_3[RING_APART];
};

struct ring *ring_new(uint32_t capacity, struct budget *b); /* NULL: refused */
void ring_free(struct ring *r);                             /* NULL is allowed */
/* Producer. false: no room for this kind of event now; nothing was taken. */
bool ring_push(struct ring *r, const struct ring_event *ev) MUST_USE;
bool ring_room(const struct ring *r, enum event_kind kind);
/* Consumer: the oldest event, NULL when there is none; it stays until ring_pop, which hands it over. */
const struct ring_event *ring_peek(const struct ring *r);
struct ring_event ring_pop(struct ring *r);

/* ---- stages ---- */

struct stage {
    uint32_t *nodes; /* topological */
    uint32_t n_nodes;
    uint32_t *inlets; /* exchanges that lead into it */
    uint32_t n_inlets;
    uint32_t *outlets; /* exchanges that lead out */
    uint32_t n_outlets;
    bool has_sources;
};

/* Cuts the plan at its exchanges. *ret_count 1 without inlets or outlets: not cut (parallelism 1, or a plan whose
 * stages would feed one another in a circle, which barriers cannot pass). *ret_cut tells which. */
enum status stage_cut(const struct plan *p, uint32_t parallelism, struct arena *a, struct stage **ret,
                      uint32_t *ret_count, bool *ret_cut, struct error *err) MUST_USE;

/* ---- senders ---- */

struct worker;

/* The end of an exchange in one task that sends: rows gather in a batch for each receiving shard. */
struct sender {
    const struct node *exchange;
    uint32_t shards, capacity;
    struct ring **rings;      /* one a receiving shard */
    struct worker **wakers;   /* whom to wake, one a receiving shard */
    struct budget *budget;
    struct batch **pending;   /* NULL: none begun */
    struct key_set keys;
    uint8_t owner[KEY_GROUPS];
    uint16_t *order;          /* rows of the event in work, by shard */
    uint32_t order_room;
    uint32_t *next, *end;     /* of each shard, into order */
    bool running;             /* the batch in work has been dealt out and is not all taken over */
    uint32_t told;            /* shards that have the control event in work */
    bool ended;
    bool planted, deaf;       /* JOB_BUG_NO_WAKE; it has met a full ring and hears of no room */
};

enum status sender_init(struct sender *s, const struct node *exchange, uint32_t shards, uint32_t capacity,
                        struct arena *a, struct budget *b, struct error *err) MUST_USE;
void sender_release(struct sender *s);
/* Takes an event over. false: a ring is full (come again with the same event), or *ret_st says what failed. */
bool sender_take(struct sender *s, const struct event *ev, enum status *ret_st, struct error *err);
/* Sends what has gathered as far as there is room. true: something was sent. */
bool sender_flush(struct sender *s, enum status *ret_st, struct error *err);
bool sender_empty(const struct sender *s);

/* ---- tasks ---- */

struct inlet {
    struct ring *ring;
    struct worker *waker; /* of the sending task */
    uint32_t exchange, channel;
    bool barrier, ended;
    uint64_t epoch; /* of the barrier */
    bool final;
};

/* An operator's metrics as they were published last, word by word. */
#define METRIC_WORDS (sizeof(struct op_metrics) / sizeof(uint64_t))
struct op_face {
    uint32_t node; /* for good */
    atomic_uint_fast64_t words[METRIC_WORDS];
};

/* What other threads may look at. */
struct task_face {
    atomic_uint_fast64_t handed; /* epoch whose delta stands in `delta` */
    atomic_bool ended;           /* all input has ended and passed through */
    atomic_uint_fast64_t moved;  /* steps that did something, barriers aside */
    struct op_face *ops;         /* one an operator of the chain */
    uint32_t n_ops;
};

struct task {
    struct job *job;
    const struct stage *stage;
    uint32_t index;
    struct worker *worker;
    struct exec_context ctx;
    struct budget budget;
    struct chain *chain;
    struct inlet *inlets;
    uint32_t n_inlets, next_inlet, live_inlets;
    struct sender *senders;
    uint32_t n_senders;
    struct batch *held; /* popped from a ring, in the chain's hands */
    enum status send_status;
    bool in_barrier, barrier_final, stopped, ring_turn;
    uint64_t barrier_epoch, passed; /* newest epoch whose barrier has passed */
    struct buf delta;
    struct task_face face;
};

enum status task_step(struct task *t, bool *ret_ran, struct error *err) MUST_USE;
/* Processing time that the task waits for; INT64_MAX: none. */
int64_t task_deadline_ms(const struct task *t);
void task_publish(struct task *t); /* its operators' metrics into the face */
void task_has_passed(struct task *t, uint64_t epoch); /* what it writes from here on is of the next one */
bool task_send(void *arg, const struct node *exchange, const struct event *ev, struct error *err);

/* ---- sources and sinks of the job ---- */

/* A shard's splits: only ever added at the end. */
struct split_list {
    _Atomic(struct split *) at;
    atomic_uint count;
    uint32_t cap;
};

struct job_source {
    struct job *job;
    const struct node *node;
    struct source *source;
    int64_t discover_ms; /* 0: never again */
    struct split_list *lists; /* one a shard */
    uint32_t known;           /* splits so far */
    struct map ids;
    /* a look under way */
    struct os_work work;
    bool looking;
    int64_t next_look_ms; /* mono */
    struct arena found_arena;
    struct split *found;
    uint32_t n_found;
    enum status found_status;
    struct error found_error;
};

struct job_sink {
    const struct node *node;
    struct sink *sink;
};

enum status sources_open(struct job *j, struct error *err) MUST_USE;
/* After restore: lists splits for the first time. May block. */
enum status sources_list(struct job *j, struct error *err) MUST_USE;
/* Looks for new splits where it is time. true: something moved. */
bool sources_step(struct job *j, int64_t mono_ms, int64_t *ret_next_ms, enum status *ret_st, struct error *err);
bool sources_busy(const struct job *j);
void sources_close(struct job *j);
struct source *sources_of(struct exec_context *ctx, const struct node *n, int64_t *ret_discover_ms);
struct sink *sinks_of(struct exec_context *ctx, const struct node *n);
void splits_of(struct exec_context *ctx, const struct node *n, const struct split **ret, uint32_t *ret_count,
               bool *ret_complete);

/* ---- workers ---- */

struct worker {
    struct job *job;
    uint32_t index;
    struct os_signal *signal;
    struct os_thread *thread;
    atomic_bool sleeping;
    char apart[RING_APART];
};

/* Wakes a worker that sleeps or is about to. What it is to see must have been stored by seq_cst before. */
void worker_wake(struct worker *w);
void workers_wake_all(struct job *j);

/* ---- the coordinator ---- */

enum phase { PHASE_IDLE, PHASE_BARRIER, PHASE_COMMIT, PHASE_LAST, PHASE_DONE };
enum snapshot_phase { SNAPSHOT_NONE, SNAPSHOT_MAKING, SNAPSHOT_FINISHING };

struct writer_ref {
    struct sink_writer *writer;
    const struct sink_ops *ops;
};

struct coordinator {
    atomic_flag lock;
    atomic_bool again; /* somebody came while the lock was held */
    enum phase phase;
    uint64_t epoch;    /* of the barrier or commit under way */
    bool final;
    int64_t last_ms;   /* mono: when the last epoch began */
    int64_t took_ms;   /* from there to the end of its commit */
    int64_t heartbeat_ms;
    uint64_t last_moved;
    bool relief; /* the epoch under way was asked for to get memory back */
    struct buf payload; /* joined deltas, when there are several */
    struct str commit_payload;
    struct writer_ref *writers;
    uint32_t n_writers;
    struct os_work work;
    enum status work_status;
    struct error work_error;
    bool snapshot_due; /* the commit under way has begun one */
    enum snapshot_phase snapshot_phase;
    struct os_work snapshot_work;
    enum status snapshot_status;
    struct error snapshot_error;
};

/* One look. true: something moved. Failures go to job_fail. */
bool coordinator_step(struct job *j);
/* Takes the lock or tells its holder to look again. */
bool coordinator_try(struct job *j);

/* ---- the job ---- */

struct job {
    struct job_config config;
    const struct plan *plan;
    struct os *os;
    struct budget *budget;
    struct arena arena;
    uint32_t shards;
    struct stage *stages;
    uint32_t n_stages;
    struct task *tasks; /* stage by stage, shard by shard */
    uint32_t n_tasks;
    struct ring **rings;
    uint32_t n_rings;
    struct worker *workers;
    struct job_source *sources;
    uint32_t n_sources;
    struct job_sink *sinks;
    uint32_t n_sinks;
    const char **names; /* the nodes' ids */
    struct coordinator c;
    bool restored;
    uint64_t random;
    uint32_t *order; /* job_step's */
    uint32_t slow;   /* a task that job_step holds back; n_tasks or more: none */
    size_t limit;    /* least limit on the way up from the budget; SIZE_MAX: none */
    struct os_signal *main_signal;
    atomic_uint workers_left;
    /* planted bugs: positions held back for an epoch */
    struct buf held_positions;
    /* shared */
    atomic_bool failed, done, stop, commit_asked, snapshot_asked, pressed;
    atomic_bool failing; /* taken by the first failure */
    atomic_bool enough;  /* a LIMIT has all its rows: sources end */
    atomic_size_t reserve; /* with less room than this, sources pause */
    atomic_uint_fast64_t asked;  /* epoch whose barrier is asked for */
    atomic_bool asked_final;
    atomic_uint_fast64_t published;
    atomic_int_fast64_t last_commit_ms, wake_ms;
    struct error error;
};

static inline int64_t job_mono_ms(const struct job *j) { return os_mono_ns(j->os) / 1000000; }
static inline int64_t job_now_ms(const struct job *j)
{
    return j->config.clock_ms ? *j->config.clock_ms : os_wall_ms(j->os);
}
/* The first failure counts. */
void job_fail(struct job *j, enum status st, const struct error *err);
static inline bool job_over(const struct job *j)
{
    return atomic_load(&j->failed) || atomic_load(&j->done);
}
/* Has too little memory for more input? */
static inline bool job_is_pressed(const struct job *j)
{
    size_t reserve = atomic_load_explicit(&j->reserve, memory_order_relaxed);
    return reserve && budget_left(j->budget) < reserve;
}

/* From the log into the chains, then the sinks. */
enum status job_restore(struct job *j, struct error *err) MUST_USE;
/* Bugs planted in an epoch's delta: rewrites it. */
enum status planted_delta(struct job *j, struct buf *delta, struct error *err) MUST_USE;

/* ---- the state directory ---- */

#define STATEDIR_PATH 4096u
#define STATEDIR_MAX_RECORD ((uint32_t)1 << 30)

/* Where a piece of a snapshot lies: its record's end, its length with the mark, and a checksum of it. */
struct snapshot_piece {
    uint64_t end;
    uint32_t len, crc;
};

struct snapshot_index {
    struct snapshot_piece *pieces;
    uint32_t n, cap;
    uint64_t bytes; /* of the file */
};

struct statedir {
    struct commit_log log;
    struct os *os;
    struct budget *budget;
    struct arena arena;
    char *path;
    uint64_t id; /* hash of the fingerprint: in every file's header */
    uint64_t min_snapshot_bytes;
    struct os_file *lock;
    ARRAY(uint64_t) journals;  /* first epochs, ascending */
    ARRAY(uint64_t) snapshots; /* epochs, ascending */
    struct journal *journal;   /* the newest */
    uint64_t epoch;            /* newest committed */
    struct snapshot_index newest;
    uint64_t delta_bytes; /* committed since the newest snapshot */
    struct {              /* the snapshot that is being made */
        uint64_t epoch, delta_bytes;
        struct snapshot_index index;
        bool abandoned;
    } making;
    uint64_t retry_bytes; /* after an abandoned snapshot: not before there are so many */
    atomic_uint_fast64_t commits, commit_bytes, n_snapshots, abandoned;
};

enum statedir_file { STATEDIR_JOURNAL, STATEDIR_SNAPSHOT };
void statedir_file_path(const struct statedir *d, enum statedir_file kind, uint64_t epoch, const char *suffix,
                        char out[STATEDIR_PATH]);
/* Visits the payloads of journals [i, …) that stand after epoch `after` up to `until`, and checks that none is
 * missing. `open_last`: the newest journal is opened for appending (and repaired). */
typedef enum status payload_visit(void *arg, struct str payload, struct error *err);
enum status statedir_deltas(struct statedir *d, uint64_t after, uint64_t until, bool open_last, payload_visit *visit,
                            void *arg, struct error *err) MUST_USE;
bool statedir_add(struct statedir *d, enum statedir_file kind, uint64_t epoch) MUST_USE;
#define STATEDIR_FINGERPRINT_MAX ((size_t)64 << 20)
/* Nothing is looked at or made yet; ended by its log's close. */
enum status statedir_new(struct os *os, const char *dir, struct budget *b, struct statedir **ret,
                         struct error *err) MUST_USE;
void statedir_path(const struct statedir *d, const char *name, char out[STATEDIR_PATH]);
/* Journals and snapshots that are there; `clean`: what a death has left is removed. */
enum status statedir_take_stock(struct statedir *d, bool clean, uint32_t *ret_leftovers, struct error *err) MUST_USE;
/* *ret: what stands behind the first line of that file, which is checked. */
enum status statedir_fingerprint(const struct statedir *d, const char *path, struct str file, struct str *ret,
                                 struct error *err) MUST_USE;
enum status statedir_skip(void *arg, struct str payload, struct error *err); /* visits, takes nothing */
enum status statedir_other_job(const char *path, struct error *err);
enum status statedir_rot(const char *path, uint64_t offset, const char *what, struct error *err);

enum status snapshot_read(struct statedir *d, uint64_t epoch, payload_visit *visit, void *arg,
                          struct error *err) MUST_USE;
/* The three steps of commit_log_ops. */
enum status snapshot_begin(struct statedir *d, bool force, bool *ret_due, struct error *err) MUST_USE;
enum status snapshot_make(struct statedir *d, struct error *err) MUST_USE;
enum status snapshot_finish(struct statedir *d, struct error *err) MUST_USE;
void snapshot_index_release(struct snapshot_index *x, struct budget *b);
