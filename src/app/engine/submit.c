/* Jobs by id, each on a thread of its own, beside whatever the caller does: a shell's. The list belongs to the caller's
 * thread; a job's thread only sets `done` and raises the wake-up. */
#include "engine/engine_private.h"
#include "os/os.h"

#include <stdio.h>

enum status engine_submit(struct engine *e, struct action *take, uint32_t *ret_id, struct error *err)
{
    struct os *os = e->config.os;
    struct job *j;
    TRY(engine_start(e, take, &j, err));
    struct running *r = engine_find(e, j);
    r->started_ms = os_wall_ms(os);
    enum status st = os->ops->thread_start(os, "job", running_thread, r, &r->thread, err);
    if (st != ST_OK) {
        engine_end_job(e, j);
        return st;
    }
    *ret_id = r->id = ++e->newest_id;
    return ST_OK;
}

static struct running *by_id(struct engine *e, uint32_t id)
{
    struct running *r = e->jobs;
    while (r && r->id != id)
        r = r->next;
    return id ? r : NULL;
}

static void describe(const struct running *r, struct engine_job *ret)
{
    struct str name = r->action.plan->name;
    *ret = (struct engine_job){ .id = r->id, .started_ms = r->started_ms, .over = atomic_load(&r->done), .dir = r->dir };
    ret->stats = running_stats(r);
    snprintf(ret->name, sizeof ret->name, "%.*s", STR_ARG(name));
}

bool engine_job_by_id(struct engine *e, uint32_t id, struct engine_job *ret)
{
    struct running *r = by_id(e, id);
    if (r)
        describe(r, ret);
    return r != NULL;
}

/* The list is newest first. */
bool engine_job_at(struct engine *e, uint32_t i, struct engine_job *ret)
{
    uint32_t n = 0;
    for (struct running *r = e->jobs; r; r = r->next)
        n += r->id != 0;
    if (i >= n)
        return false;
    struct running *r = e->jobs;
    for (uint32_t k = n - 1 - i; r->id == 0 || k > 0; r = r->next)
        k -= r->id != 0;
    describe(r, ret);
    return true;
}

void engine_look_at_jobs(struct engine *e)
{
    for (struct running *r = e->jobs; r; r = r->next)
        engine_look(e, r, false);
}

void engine_stop_job(struct engine *e, uint32_t id)
{
    struct running *r = by_id(e, id);
    if (r)
        job_stop(r->job);
}

enum status engine_finish(struct engine *e, uint32_t id, struct engine_report *ret, struct error *err)
{
    struct running *r = by_id(e, id);
    if (!r)
        return error_set(err, ST_NOT_FOUND, "there is no job %u", id);
    e->config.os->ops->thread_join(e->config.os, r->thread);
    enum status st = r->status;
    if (st != ST_OK && err)
        *err = r->error;
    e->ended = (struct job_stats){ .watermark_ms = INT64_MIN }; /* this job's alone */
    e->n_late = 0;
    engine_end_job(e, r->job);
    engine_fill_report(e, &e->ended, ret);
    return st;
}
