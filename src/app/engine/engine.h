/* The engine: starts and stops the house in order. Registers connectors and formats, makes jobs of plans, gives them
 * memory, state directories and outputs, runs them and reports.
 *
 * What `weir run` does is engine_run; what an embedding or a test does is made of the same parts. */
#pragma once

#include "connect/connect.h"
#include "session/session.h"

/* A job that is looked at: about every tick while it runs, and once when it has ended. job_metrics says more. */
struct engine_watched {
    const struct plan *plan;
    const struct job *job;
    int64_t took_ns;
    bool over;
};

struct engine_config {
    struct os *os;
    size_t memory_limit;       /* of the process; 0: none */
    uint32_t parallelism;      /* 0: 1 */
    uint32_t capacity;         /* rows in a batch; 0: BATCH_ROWS */
    uint32_t ring_capacity;    /* batches in a ring between tasks; 0: the default */
    int64_t commit_interval_ms; /* 0: the default */
    const char *state_dir;     /* NULL: none */
    const char *data_dir;      /* of an embedded log, which then holds the state; NULL: none. Not with state_dir */
    const char *brokers;       /* "host:port,…" of the cluster of tables over topics; NULL: each says where it is */
    void (*warn)(void *arg, struct str table, const char *text); /* see connect_extra; NULL: nobody listens */
    void *warn_arg;
    struct topics *topics;     /* in place of it a log that is open already, the caller's */
    uint64_t min_snapshot_bytes; /* 0: the default */
    enum bad_input { BAD_FAIL, BAD_SKIP, BAD_DEAD_LETTER } bad_input;
    const char *dead_letter;   /* file */
    bool final;
    enum result_format format;
    enum status (*print)(void *arg, struct str bytes, struct error *err); /* results; NULL: standard output */
    void *print_arg;
    struct test_hub *hub;      /* weir test */
    bool results_to_hub;       /* SELECTs go to a 'test' sink instead of 'print' */
    const char *result_connector; /* SELECTs go to this one (libweir, the shell); NULL: as above */
    /* What EXPLAIN ANALYZE tells; NULL: it is refused. `analyze`: every SELECT and INSERT of a script is run like that. */
    void (*watch)(void *arg, const struct engine_watched *w);
    void *watch_arg;
    bool analyze;
    int64_t tick_ms;           /* between ticks; 0: 1000 */
    struct os_signal *wake;    /* raised when a submitted job is over; NULL: none */
    const int64_t *clock_ms;   /* weir test; NULL: the os's */
    uint64_t seed;
    uint32_t planted;
};

struct engine;
enum status engine_new(const struct engine_config *config, struct engine **ret, struct error *err) MUST_USE;
void engine_free(struct engine *e); /* NULL is allowed */
struct session *engine_session(struct engine *e);
struct budget *engine_budget(struct engine *e);

/* A job for a planned action: opens its folder in the state directory (named by sink and ordinal, "<n>-<sink>", or the one
 * there that 'execution.state-recovery.path' names), restores it, opens sources and sinks. The engine keeps it until engine_end_job. `take`: the action's arena goes
 * with the job. */
enum status engine_start(struct engine *e, struct action *take, struct job **ret, struct error *err) MUST_USE;
void engine_end_job(struct engine *e, struct job *j);

/* Runs a whole script as `weir run` does: DDL at once, a SELECT to its end before the next statement, INSERTs as
 * concurrent jobs that are joined at the end of the script. `tick` about once a second with the sum of all jobs'
 * stats; may be NULL. */
struct engine_late {
    char by[120]; /* the operator, and of which INSERT */
    uint64_t rows;
};
#define ENGINE_LATE_MAX 16u
struct engine_report {
    struct engine_late late[ENGINE_LATE_MAX]; /* who met the late rows; beyond so many only the sum tells */
    uint32_t n_late;
    struct job_stats total;
    uint64_t bad_rows, late_rows;
    bool stopped; /* by engine_stop */
};
enum status engine_run(struct engine *e, struct str script, void (*tick)(void *arg, const struct job_stats *s),
                       void *arg, struct engine_report *ret, struct error *err) MUST_USE;
/* ---- jobs beside one another, by id: what a shell runs ---- */

/* Starts a planned action as a job on a thread of its own. `take` as in engine_start. Ids count from 1. */
enum status engine_submit(struct engine *e, struct action *take, uint32_t *ret_id, struct error *err) MUST_USE;
struct engine_job {
    uint32_t id;
    char name[64];
    int64_t started_ms; /* wall clock */
    bool over;          /* its work has ended; engine_finish ends its life */
    struct str dir;     /* where its state is, as long as the job lives; ptr NULL: it keeps none */
    struct job_stats stats;
};
/* The i-th job that was submitted and not finished, oldest first; false after the last. */
bool engine_job_at(struct engine *e, uint32_t i, struct engine_job *ret);
bool engine_job_by_id(struct engine *e, uint32_t id, struct engine_job *ret);
void engine_look_at_jobs(struct engine *e); /* config.watch sees those that are watched */
void engine_stop_job(struct engine *e, uint32_t id); /* asks for a clean stop; nothing when there is no such job */
void engine_add_stats(struct job_stats *sum, const struct job_stats *s); /* watermark_ms of an empty sum: INT64_MIN */
/* Waits until the job is over, says how it ended and frees it. */
enum status engine_finish(struct engine *e, uint32_t id, struct engine_report *ret, struct error *err) MUST_USE;

/* Clean stop of all jobs with a final commit. Safe from any thread, not from inside a signal handler. */
void engine_stop(struct engine *e);
