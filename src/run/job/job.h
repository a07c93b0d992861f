/* A running job: tasks, mailboxes, channels, epochs and their commit, restore, rescale.
 *
 * The plan is cut at its exchanges into stages; each stage runs as `parallelism` tasks (shards). A task owns a chain
 * (run/exec), the rings that lead into it, and nothing that another thread touches. A task is a step that returns
 * ran, wants input, wants output, waits until, or done; it never locks, blocks or starts a thread. Workers loop over
 * tasks; in simulation and tests job_step runs the same tasks on the caller's thread, in seeded order.
 *
 * Epochs. The coordinator asks for a barrier; every task with sources or receivers lets it pass and hands over what
 * its stores dirtied. When all have, background work flushes the sinks' writers, appends one record (the joined
 * deltas) to the commit log and syncs it, then publishes the sinks. One commit is in flight at a time; sinks wait
 * meanwhile, the rest goes on. Snapshots are made beside the commits.
 *
 * Restore = newest snapshot + the records since, applied operation by operation to the shard that owns the key group.
 * */
#pragma once

#include "exec/exec.h"

/* ---- where commits go ---- */

/* Filled by a state directory (below) or, later, by the log. NULL in job_config: commits are not kept. */
struct commit_log {
    const struct commit_log_ops *ops;
    uint32_t planted; /* JOB_BUG_*, set by job_new */
};
struct commit_log_ops {
    /* Calls visit for each payload of snapshot and deltas, oldest first; sets the newest epoch (0: nothing yet). May
     * block. */
    enum status (*restore)(struct commit_log *l, enum status (*visit)(void *arg, struct str payload, struct error *err),
                           void *arg, uint64_t *ret_epoch, struct error *err);
    /* Appends the epoch's record and makes it durable. Background. A failure is final: the job fails. */
    enum status (*commit)(struct commit_log *l, uint64_t epoch, struct str payload, struct error *err);
    /* Snapshots, all three NULL or none; all background. `begin` stands between commits, while no other snapshot is
     * made: is one due, since the deltas have outgrown the last one (or `force`)? Then `make` may run beside further
     * commits, and `finish` again between commits. A refusal of memory or space abandons the snapshot (counted),
     * other failures fail. */
    enum status (*snapshot_begin)(struct commit_log *l, bool force, bool *ret_due, struct error *err);
    enum status (*snapshot_make)(struct commit_log *l, struct error *err);
    enum status (*snapshot_finish)(struct commit_log *l, struct error *err);
    void (*stats)(const struct commit_log *l, uint64_t *ret_commits, uint64_t *ret_commit_bytes,
                  uint64_t *ret_snapshots, uint64_t *ret_abandoned);
    void (*close)(struct commit_log *l);
};

/* A state directory: DIR/LOCK, DIR/FINGERPRINT, journal-<first epoch>, snapshot-<epoch>. Takes the lock (ST_LOCKED),
 * checks the fingerprint (ST_MISMATCH names the first line that differs; ST_MISMATCH too for a directory that holds
 * something else), makes what is missing. The newest two snapshots are kept with the deltas since the older. A torn
 * tail is repaired, rot is ST_CORRUPT by file and byte (a rotten newest snapshot too; nothing is deleted).
 * min_snapshot_bytes 0: 16 MiB. */
enum status statedir_open(struct os *os, const char *dir, struct str fingerprint, uint64_t min_snapshot_bytes,
                          struct budget *b, struct commit_log **ret, struct error *err) MUST_USE;
/* Reads all of one as a restore does, without taking its lock or touching it. What is wrong is the status and the error:
 * ST_CORRUPT, ST_MISMATCH; there may be more behind it. ST_NOT_FOUND: no job was ever there. */
struct statedir_checked {
    uint32_t journals, snapshots;
    uint32_t leftovers; /* files that a death has left, which the next start removes */
    uint64_t epoch;     /* newest that is committed; 0: none */
    uint64_t torn;      /* bytes at the end that were never committed */
};
enum status statedir_check(struct os *os, const char *dir, struct budget *b, struct statedir_checked *ret,
                           struct error *err) MUST_USE;
/* The lock of the whole --state-dir, held by the process while its jobs run. */
enum status statedir_lock(struct os *os, const char *dir, struct os_file **ret, struct error *err) MUST_USE;

/* ---- jobs ---- */

struct job_config {
    struct os *os;
    struct budget *budget;     /* the job's: `limit` is its memory limit */
    uint32_t parallelism;      /* 1–64 */
    uint32_t capacity;         /* rows in a batch; 0: BATCH_ROWS */
    uint32_t ring_capacity;    /* batches in a ring; 0: 8 */
    int64_t commit_interval_ms; /* 0: 10 to 100, by what a commit takes; INT64_MAX: only when asked and at the end */
    struct commit_log *log;    /* taken: closed by job_free, and when job_new fails */
    struct connect_context *connect; /* lives as long as the job */
    const int64_t *clock_ms;   /* NULL: the os's wall clock; else processing time stands here (weir test) */
    uint64_t seed;             /* of job_step's order; in even ones but 0 one task is slow */
    uint32_t planted;          /* JOB_BUG_*: bugs that the crash checker must catch */
};

/* Bugs planted behind a switch that only tests set. */
enum job_bug {
    JOB_BUG_LOST_DELTAS = 1 << 0,      /* aggregates' stores write no delta */
    JOB_BUG_LOST_TIMERS = 1 << 1,      /* windows restore no timers */
    JOB_BUG_EARLY_PUBLISH = 1 << 2,    /* rename before the commit record is durable */
    JOB_BUG_NO_TRUNCATE = 1 << 3,      /* restore leaves in-progress files as they are */
    JOB_BUG_NO_SYNC = 1 << 4,          /* the journal is not synced */
    JOB_BUG_NO_FLUSH = 1 << 5,         /* sink files are not synced before the record */
    JOB_BUG_LOST_POSITION = 1 << 6,    /* source positions are not restored */
    JOB_BUG_OLD_POSITION = 1 << 7,     /* positions are those of the epoch before */
    JOB_BUG_EAGER_POSITION = 1 << 8,   /* positions of what is read, not of what has passed the barrier */
    JOB_BUG_LOST_WATERMARK = 1 << 9,   /* watermarks are not restored */
    JOB_BUG_LOST_DROPS = 1 << 10,      /* removed entries and dropped namespaces are not written */
    JOB_BUG_NO_ORPHANS = 1 << 11,      /* restore does not take back what no commit names */
    JOB_BUG_WRONG_SHARD = 1 << 12,     /* restore ignores the key group */
    JOB_BUG_STALE_SNAPSHOT = 1 << 13,  /* the deltas after a snapshot are skipped */
    JOB_BUG_NO_ALIGN = 1 << 14,        /* a task does not wait for the barrier of all its inputs */
    JOB_BUG_LETTERS_KEPT = 1 << 15,    /* dead letters that no commit names are not taken back */
    JOB_BUG_LETTERS_NO_SYNC = 1 << 16, /* the dead-letter file is not synced before the record */
    JOB_BUG_NO_WAKE = 1 << 17,         /* a ring that was full never wakes who waits to put into it */
    JOB_BUG_COUNT = 18
};

struct job;

/* Opens sources, sinks, the chains; restores from the log. May block. The plan must outlive the job. */
enum status job_new(const struct plan *plan, const struct job_config *config, struct job **ret,
                    struct error *err) MUST_USE;
/* Stops threads if any and frees all; commits nothing more. NULL is allowed. */
void job_free(struct job *j);

/* Runs with worker threads (one a shard) until the input has ended and the last commit is published, job_stop has
 * taken effect, or the job has failed. `tick` is called about every `tick_ms` on the caller's thread (progress line);
 * may be NULL. */
enum status job_run(struct job *j, void (*tick)(void *arg, struct job *j), void *arg, int64_t tick_ms,
                    struct error *err) MUST_USE;
/* Asks for a clean stop: a last barrier, final commit, end. Safe from any thread; not from inside a signal handler
 * (it raises wake-ups: see os_real_catch_stop). */
void job_stop(struct job *j);
bool job_stopping(const struct job *j); /* has somebody asked? */

/* One piece of work on the caller's thread instead of job_run: the step of a runnable task chosen by the seed, a
 * piece of the coordinator, or (in simulation) of background work. */
enum job_progress {
    JOB_RAN,
    JOB_IDLE,    /* nothing can go on: until input is fed, time moves (see job_deadline_ms), or background work ends */
    JOB_DONE,    /* all has ended and is committed and published */
    JOB_STOPPED, /* after job_stop, committed */
    JOB_FAILED   /* *err */
};
enum job_progress job_step(struct job *j, struct error *err);
/* After JOB_IDLE on the real machine: waits until background work or a connector has news, at most `timeout_ms`. */
void job_wait(struct job *j, int64_t timeout_ms);
/* Is background work under way? In simulation the caller does it (sim_work_some), and must have done all before
 * job_free. */
bool job_busy(const struct job *j);
/* Asks for a commit now (weir test: after every record that feeds). job_step until job_commits() has grown. */
void job_commit(struct job *j);
uint64_t job_epoch(const struct job *j);   /* newest published epoch */
int64_t job_deadline_ms(const struct job *j); /* processing time that something waits for; INT64_MAX */
void job_force_snapshot(struct job *j);    /* with the next commit */

struct job_stats {
    uint64_t rows_in, rows_out, late_rows, bad_rows;
    int64_t watermark_ms;       /* least over tasks; INT64_MIN: none yet */
    uint64_t state_bytes, commits, commit_bytes, snapshots, snapshots_abandoned;
    int64_t last_commit_ms;     /* wall clock; 0: none */
    uint64_t epoch;
    bool restored;              /* something was restored */
};
void job_stats(const struct job *j, struct job_stats *ret); /* any thread, approximate */
/* What the operator of a node has done, over all shards: any thread, approximate while the job runs. The watermark is the
 * least of the shards that hold time back. */
void job_metrics(const struct job *j, uint32_t node, struct op_metrics *ret);
/* Late rows by operator id, for the message at the end. NULL after the last. */
const char *job_late(const struct job *j, uint32_t i, uint64_t *ret_rows);
