/* Operators and the chain that drives them.
 *
 * A chain is the part of a plan that one task runs: a graph of operators without exchanges inside. Events (batches,
 * watermarks, barriers, the end) enter at its sources and receivers and are pushed down; an explicit stack of pending
 * events takes the place of recursion, so that a chain can stop anywhere (a full ring, a sink that waits) and go on
 * later. An operator's slot handles one event and may put out one batch, one watermark or both (the batch comes
 * first); when it has more to say it returns OP_MORE and is called again with the same event after what it put out
 * has been taken by everybody below. So a window that fires a million keys cannot flood anything. A batch put out is
 * borrowed until the operator's next call.
 *
 * Inputs. An operator sees the watermark that is the minimum over its inputs that are not idle; barriers and the end
 * once, when all inputs have them (job aligns what comes from rings before it enters).
 *
 * Threads: a chain belongs to one task; nothing here locks or blocks. */
#pragma once

#include "plan/plan.h"
#include "state/state.h"

enum event_kind { EVENT_BATCH, EVENT_WATERMARK, EVENT_IDLE, EVENT_SPLIT, EVENT_BARRIER, EVENT_END };

/* What happens to a source's split, seen by the watermark operator behind it. */
enum split_event { SPLIT_OPEN, SPLIT_QUIET /* nothing to read just now */, SPLIT_BUSY, SPLIT_END };

struct event {
    enum event_kind kind;
    const struct batch *batch; /* BATCH; borrowed */
    uint32_t split;            /* BATCH, SPLIT: number within the task; UINT32_MAX: none */
    enum split_event what;     /* SPLIT */
    struct str split_id;       /* SPLIT_OPEN */
    /* WATERMARK: ms; BATCH: an explicit watermark of the source that holds after it, INT64_MIN: none */
    int64_t time;
    bool idle;                 /* IDLE: became idle, else active again */
    uint64_t epoch;            /* BARRIER */
    bool final;                /* BARRIER: nothing follows (clean stop or end of input) */
};

enum op_result { OP_DONE, OP_MORE, OP_WAIT /* cannot go on now: call again with the same event */, OP_FAILED };

/* What a slot call puts out. */
struct emit {
    struct batch *batch; /* NULL: none */
    uint32_t port;
    uint32_t split;
    int64_t source_watermark; /* travels with the batch */
    bool has_watermark;
    int64_t watermark;
    bool has_idle, idle;
    bool has_split; /* source: a split event after the batch */
    enum split_event what;
    struct str split_id;
};

struct exec_context;
struct op;

/* The table of an operator. NULL slots: nothing to do. Every slot runs on the task's thread and never blocks. */
struct op_ops {
    const char *name;
    size_t size; /* of the private struct that starts with struct op */
    /* Prepares programs and stores (o->ctx, o->node are set). */
    enum status (*open)(struct op *o, struct error *err);
    /* After restore: rebuilds what is derived from stores (timers, caches). Called once, also when nothing was
     * restored. */
    enum status (*start)(struct op *o, struct error *err);
    enum op_result (*batch)(struct op *o, uint32_t input, const struct event *ev, struct emit *out, struct error *err);
    enum op_result (*watermark)(struct op *o, int64_t watermark, struct emit *out, struct error *err);
    enum op_result (*split)(struct op *o, const struct event *ev, struct emit *out, struct error *err);
    /* Processing time has reached o->deadline_ms. */
    enum op_result (*timer)(struct op *o, int64_t now_ms, struct emit *out, struct error *err);
    /* Sources only: reads a little. OP_DONE with nothing out: nothing to read now (o->deadline_ms may be set). */
    enum op_result (*poll)(struct op *o, struct emit *out, struct error *err);
    /* The epoch ends here: puts what is not in a store into one. Stores are written by the chain. */
    enum op_result (*barrier)(struct op *o, uint64_t epoch, bool final, struct error *err);
    /* All input has ended; the final watermark has come before. */
    enum op_result (*end)(struct op *o, struct emit *out, struct error *err);
    void (*close)(struct op *o);
};

/* What an operator has done so far and where it stands: what progress, explain --analyze and metrics tell. Counted by
 * the chain a batch at a time. Words of 64 bits only, so that job can publish it word by word. */
struct op_metrics {
    uint64_t rows_in;  /* a source: that it has read */
    uint64_t rows_out; /* a sink: that it has written */
    uint64_t batches_in, late_rows;
    uint64_t bytes;    /* read by a source's connector, written by a sink's; 0 where it has none */
    uint64_t busy_ns;  /* inside the operator's slots */
    uint64_t state_entries, state_bytes;
    int64_t watermark_ms; /* that it has passed on; INT64_MIN: none yet */
    uint64_t idle;        /* its inputs are, so it holds no time back */
};

#define OP_MAX_STORES 4

struct op {
    const struct op_ops *ops;
    const struct node *node;
    const struct plan *plan;
    const struct schema *input_schema; /* of the first input; NULL for sources */
    uint32_t input_kinds; /* row kinds that come in on the first input */
    struct exec_context *ctx;
    struct budget *budget;
    struct budget state; /* the stores', inside `budget`: what it has is the state's size */
    struct store *stores[OP_MAX_STORES]; /* owned by the chain once set in open */
    uint32_t n_stores;
    int64_t deadline_ms; /* wants `timer` (poll, for sources) at this processing time; INT64_MAX: no */
    int64_t watermark;   /* min over inputs, as last given to `watermark` */
    bool ended;          /* source: no more rows ever */
    bool silent;         /* source, set by start: it has nothing to read as things stand */
    bool idle;           /* none of its inputs says anything about time now */
    uint64_t rows_in, rows_out, batches_in, late_rows, bytes, busy_ns; /* as in op_metrics */
};

/* What operators get from job; lives as long as the task. */
struct exec_context {
    struct os *os;
    struct budget *budget;  /* the task's */
    uint32_t capacity;      /* rows in a batch */
    uint32_t shard, shards;
    bool durable;           /* deltas are wanted */
    struct zone zone;
    int64_t now_ms;         /* processing time, set by the task before each step */
    struct os_signal *wake; /* raised by background work of connectors */
    /* Sources and sinks are opened by job (one a node, shared by the shards): */
    struct source *(*source)(struct exec_context *ctx, const struct node *n, int64_t *ret_discover_ms);
    struct sink *(*sink)(struct exec_context *ctx, const struct node *n);
    /* Splits that belong to this shard, in order; job lists them in the background. *ret_complete: no further ones
     * will come. Splits are only ever added at the end. */
    void (*splits)(struct exec_context *ctx, const struct node *n, const struct split **ret, uint32_t *ret_count,
                   bool *ret_complete);
    /* Said by a LIMIT that has all its rows: sources are to end, in every task of the job. NULL in tests. */
    void (*enough)(struct exec_context *ctx);
    const atomic_bool *has_enough; /* it was said; NULL: never */
    struct connect_context *connect; /* the job's; may be NULL in tests */
    uint64_t epoch;         /* the running one */
    bool committing;        /* the last barrier's commit is not published yet: sinks wait */
    /* Test switches: bugs planted for the checker to catch (docs in job/job.h). */
    uint32_t planted;
    void *job;
};

/* ---- chains ---- */

struct chain;

/* Where events from outside enter: a receiver stands for an exchange and has `channels` inputs. */
struct chain_spec {
    const struct plan *plan;
    const uint32_t *nodes; /* indexes of the plan's nodes in this chain, topological */
    uint32_t n_nodes;
    /* of each receiver: how many senders there are (0: the chain has no exchanges; NODE_EXCHANGE passes through) */
    uint32_t channels;
    /* Takes what reaches an exchange at the end of the chain. false: full, the same event comes again later. */
    bool (*send)(void *arg, const struct node *exchange, const struct event *ev, struct error *err);
    void *send_arg;
};

enum status chain_new(const struct chain_spec *spec, struct exec_context *ctx, struct chain **ret,
                      struct error *err) MUST_USE;
void chain_free(struct chain *c); /* NULL is allowed */

/* Restoring: each operation of snapshot and deltas, in order; unknown store ids are ST_MISMATCH only at chain_start
 * time by job. */
enum status chain_apply(struct chain *c, const struct delta *d, bool *ret_known, struct error *err) MUST_USE;
/* After chain_apply: what each writer of the sink `node` put into the newest commit, for sink_ops.restore. */
enum status chain_sink_commits(struct chain *c, uint32_t node, struct arena *a, struct sink_commit **ret,
                               uint32_t *ret_count, struct error *err) MUST_USE;
/* After restore (sinks included), before the first step: opens readers and writers. */
enum status chain_start(struct chain *c, struct error *err) MUST_USE;
/* After chain_start: nothing reaches the exchange as things stand (its sources have no split to read, or others feed
 * it and say so): time does not wait for it. chain_hush tells a receiver so of one channel. */
bool chain_silent(const struct chain *c, uint32_t exchange);
void chain_hush(struct chain *c, uint32_t exchange, uint32_t channel);

enum chain_state {
    CHAIN_RAN,      /* did something; call again */
    CHAIN_IDLE,     /* nothing pending, no source has rows now */
    CHAIN_WAIT,     /* something pending cannot go on (full ring, waiting sink) */
    CHAIN_ENDED,    /* every source and receiver has ended and the end has passed through */
};
/* One step: handles the top pending event, or fires a due timer, or polls a source. */
enum status chain_step(struct chain *c, enum chain_state *ret, struct error *err) MUST_USE;
/* true when no event is pending: the caller may push. */
bool chain_ready(const struct chain *c);
/* Puts an event from a channel into a receiver (batches are borrowed until the chain is ready again). */
enum status chain_push(struct chain *c, uint32_t exchange_node, uint32_t channel, const struct event *ev,
                       struct error *err) MUST_USE;
/* Injects the barrier at all sources and receivers; chain_ready() must hold. When it has passed (chain ready again),
 * chain_delta gives what the epoch commits. */
enum status chain_barrier(struct chain *c, uint64_t epoch, bool final, struct error *err) MUST_USE;
enum status chain_delta(struct chain *c, struct buf *out, struct error *err) MUST_USE;
/* Earliest processing time that something waits for; INT64_MAX: none. */
int64_t chain_deadline_ms(const struct chain *c);
/* Has every source of this chain ended (all splits read)? True for a chain without sources. */
bool chain_sources_ended(const struct chain *c);
/* The operator of a node (NULL: not in this chain), for tests and planted bugs. */
struct op *chain_op(struct chain *c, uint32_t node);
/* The i-th operator's metrics and node; false behind the last. A sender counts time only: rows count where they
 * arrive. */
bool chain_metrics(const struct chain *c, uint32_t i, uint32_t *ret_node, struct op_metrics *ret);
uint32_t chain_count(const struct chain *c); /* operators, senders too */
/* The sink writers of this chain: flush and publish are called by job from background work while ctx->committing
 * holds. */
/* NULL after the last */
struct sink_writer *chain_writer(struct chain *c, uint32_t i, const struct sink_ops **ret_ops);
