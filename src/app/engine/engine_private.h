/* What the files of this room share. */
#pragma once

#include "engine/embedded.h"
#include "engine/engine.h"
#include "text/text.h"

/* Bad records by policy; one a job. The dead-letter file takes part in the job's commits as a layer around its commit
 * log: a commit first brings the file to its new length on disk and adds that length to the record; a restore cuts
 * the file back to the newest one. So each job with state has a file of its own; those without share one, by its end. */
struct dead_letters;
struct letters_end {
    bool known; /* set by the first job that opens the file */
    atomic_uint_fast64_t at;
};
struct letters_place {
    struct str path;         /* the file; copied */
    struct str base;         /* where its length before the first line is kept; ptr NULL: not kept. Copied */
    struct letters_end *end; /* of the file that jobs without state share */
};
enum status dead_letters_new(struct os *os, enum bad_input policy, const struct letters_place *place, struct budget *b,
                             struct commit_log *inner, struct dead_letters **ret, struct commit_log **ret_log,
                             struct error *err) MUST_USE; /* ret_log takes `inner`; closing it frees the letters */
enum status dead_letters_take(void *arg, const struct bad_record *bad, struct error *err);
void dead_letters_seal(void *arg, struct str source, struct str split);
uint64_t dead_letters_count(const struct dead_letters *d);

/* A job with what it was made from. */
struct running {
    struct job *job;
    struct action action; /* owns the plan */
    struct budget budget;
    struct connect_context connect;
    struct connect_extra extra;
    struct connect_log link;  /* to the embedded log */
    struct dead_letters *letters;
    struct running *next;
    struct error error;
    struct os_thread *thread; /* of a job that runs beside others */
    uint32_t id;              /* of a submitted one; 0: none */
    struct str dir;           /* where its state is; ptr NULL: it keeps none */
    uint32_t ordinal;         /* the number that its folder's name begins with */
    int64_t started_ms;
    struct engine *engine;
    atomic_bool done;
    enum status status;
    bool watched;             /* by config.watch */
    atomic_int_fast64_t began_ns; /* mono; 0: not yet */
    atomic_int_fast64_t ended_ns; /* 0: not yet */
};

struct engine {
    struct engine_config config;
    struct budget budget;
    struct session *session;
    struct running *jobs;
    atomic_flag jobs_lock;    /* the list changes on one thread; engine_stop may walk it from another */
    struct os_file *lock;     /* of the state directory */
    struct embedded *embedded; /* the log of config.data_dir; NULL: none */
    struct topics_report recovered;
    uint32_t ordinal;         /* of the newest job with state */
    uint32_t newest_id;       /* of submitted jobs */
    struct letters_end letters_end;
    atomic_bool stopping;
    uint64_t bad_rows;        /* of jobs that have ended */
    struct job_stats ended;   /* their sum */
    struct engine_late late[ENGINE_LATE_MAX]; /* theirs */
    uint32_t n_late;
};

static inline void jobs_lock(struct engine *e)
{
    while (atomic_flag_test_and_set_explicit(&e->jobs_lock, memory_order_acquire))
        ;
}
static inline void jobs_unlock(struct engine *e) { atomic_flag_clear_explicit(&e->jobs_lock, memory_order_release); }

struct running *engine_find(struct engine *e, const struct job *j);
void engine_look(struct engine *e, struct running *r, bool over); /* config.watch, where it is wanted */
struct job_stats running_stats(const struct running *r);
void engine_fill_report(const struct engine *e, const struct job_stats *total, struct engine_report *ret);
void running_thread(void *arg); /* runs the job of a struct running to its end */
