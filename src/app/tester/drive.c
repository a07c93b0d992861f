/* Moving a test's world: steps of its jobs and of the machine's background work, in seeded order, until nothing can
 * go on.
 *
 * Time stands still while it moves. A clock record goes through every moment that some job waits for, one after
 * the other, so that each timer sees its own time. In the harsh modes each line of input is an event; after every
 * K-th one the jobs are stopped and restored, or lose their memory somewhere in the middle of their work, with
 * commits at seeded places between. */
#include "tester/tester_private.h"

#define ROUNDS_MAX 5000000u
#define MOMENTS_MAX 1000000u

static bool is_live(const struct world_job *j)
{
    return j->job && !j->failed && !j->ended && !j->stopped;
}

/* Up to `steps` of one job. true: something was done. */
static bool step_job(struct world_job *j, uint64_t steps)
{
    struct error error = { .status = ST_OK };
    bool ran = false;
    for (uint64_t n = 0; n < steps; n++) {
        switch (job_step(j->job, &error)) {
        case JOB_RAN:
            ran = true;
            continue;
        case JOB_IDLE:
            return ran;
        case JOB_DONE:
            j->ended = true;
            return true;
        case JOB_STOPPED:
            j->stopped = true;
            return true;
        case JOB_FAILED:
            j->failed = true;
            j->error = error;
            if (j->error.status == ST_OK)
                error_set(&j->error, ST_BUG, "the job failed without a reason");
            return true;
        }
    }
    return ran;
}

/* One round over all jobs, from a seeded one on. */
static bool round_of(struct world *w)
{
    uint32_t n = w->jobs.count;
    bool moved = false;
    uint64_t first = n ? world_random(w, n) : 0;
    for (uint32_t i = 0; i < n; i++) {
        struct world_job *j = &w->jobs.at[(first + i) % n];
        if (is_live(j))
            moved |= step_job(j, 1 + world_random(w, 16));
    }
    return sim_work_some(w->sim, 1 + (uint32_t)world_random(w, 3)) > 0 || moved;
}

enum status world_drive(struct world *w, struct error *err)
{
    for (uint32_t n = 0; round_of(w); n++)
        if (n > ROUNDS_MAX)
            return error_set(err, ST_LIMIT, "the running jobs do not come to rest");
    return ST_OK;
}

enum status world_commit(struct world *w, struct error *err)
{
    for (uint32_t i = 0; i < w->jobs.count; i++)
        if (is_live(&w->jobs.at[i]))
            job_commit(w->jobs.at[i].job);
    return world_drive(w, err);
}

static void set_clock(struct world *w, int64_t ms)
{
    sim_advance_ms(w->sim, ms - w->clock_ms);
    w->clock_ms = ms;
}

enum status world_clock(struct world *w, int64_t to_ms, struct error *err)
{
    if (to_ms < w->clock_ms)
        return error_set(err, ST_USAGE, "the clock goes forward only");
    for (uint32_t n = 0; n < MOMENTS_MAX; n++) {
        int64_t next = to_ms;
        for (uint32_t i = 0; i < w->jobs.count; i++) {
            int64_t deadline = is_live(&w->jobs.at[i]) ? job_deadline_ms(w->jobs.at[i].job) : INT64_MAX;
            if (deadline > w->clock_ms && deadline < next)
                next = deadline;
        }
        bool last = next == to_ms;
        set_clock(w, next);
        TRY(world_drive(w, err));
        if (last)
            return ST_OK;
    }
    set_clock(w, to_ms);
    return world_drive(w, err);
}

enum status world_event(struct world *w, struct error *err)
{
    const struct tester_config *c = w->config;
    w->events++;
    if (c->crash_every) {
        if (world_random(w, 3) == 0) {
            TRY(world_drive(w, err));
            TRY(world_commit(w, err));
        }
        bool due = w->events % c->crash_every == 0;
        for (uint64_t n = due ? world_random(w, 24) : 0; n && round_of(w); n--)
            if (world_random(w, 8) == 0)
                for (uint32_t i = 0; i < w->jobs.count; i++)
                    if (is_live(&w->jobs.at[i]))
                        job_commit(w->jobs.at[i].job);
        if (due)
            TRY(world_crash(w, err));
    }
    TRY(world_drive(w, err));
    if (c->restart_every && w->events % c->restart_every == 0)
        TRY(world_restart(w, 0, err));
    return ST_OK;
}
