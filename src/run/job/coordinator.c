/* The coordinator: when an epoch ends, and its commit.
 *
 *   IDLE ──due──> BARRIER ──all tasks have handed over──> COMMIT ──background work done──> IDLE or DONE
 *
 * An epoch is due when its interval has passed (where none is set: ten to a hundred ms, by what the last commit
 * took) and something has moved, when somebody asks (job_commit, a clean stop, memory that runs short), or when all
 * tasks have ended. While nothing moves there is a heartbeat that slows down to once a minute, so that sinks can
 * finish files by age.
 *
 * The commit is one piece of background work: flush the writers, append and sync the record, publish the writers.
 * From then on the epoch counts as published and sinks go on.
 *
 *   NONE ──a commit finds one due──> MAKING, beside commits ──> FINISHING, between commits ──> NONE
 *
 * A snapshot is made in background work of its own; where it begins and where it ends no commit is under way. The job
 * ends (phase LAST) when it has ended.
 *
 * Memory. With less room than a reserve (a tenth of the limit) sources pause, and an epoch is asked for: its barrier
 * empties the rings and its commit lets go of deltas and of what sinks hold. Where that does not help, half of
 * what is left becomes the new reserve, and so on, until the budget itself refuses and the job fails by its name.
 *
 * The coordinator has no thread. Whichever worker takes its lock makes the step; who finds it taken leaves a mark,
 * and the holder looks again, so that no news is missed. */
#include "job/job_private.h"

#define HEARTBEAT_MS 1000
#define HEARTBEAT_MAX_MS 60000
#define RESERVE_MIN ((size_t)64 << 10)
#define INTERVAL_MIN_MS 10 /* of the adaptive cadence */
#define INTERVAL_MAX_MS 100
#define INTERVAL_FACTOR 20 /* a commit takes a twentieth of its interval at most, up to the maximum */
#define PAYLOAD_MAX ((size_t)STATEDIR_MAX_RECORD)

/* ---- the background part ---- */

static enum status flush_writers(struct job *j, uint64_t epoch, struct error *err)
{
    if (j->config.planted & JOB_BUG_NO_FLUSH)
        return ST_OK;
    for (uint32_t i = 0; i < j->c.n_writers; i++)
        if (j->c.writers[i].ops->flush)
            TRY(j->c.writers[i].ops->flush(j->c.writers[i].writer, epoch, err));
    return ST_OK;
}

static enum status publish_writers(struct job *j, uint64_t epoch, struct error *err)
{
    for (uint32_t i = 0; i < j->c.n_writers; i++)
        if (j->c.writers[i].ops->publish)
            TRY(j->c.writers[i].ops->publish(j->c.writers[i].writer, epoch, err));
    return ST_OK;
}

static enum status commit_epoch(struct job *j, uint64_t epoch, struct error *err)
{
    struct commit_log *log = j->config.log;
    bool early = j->config.planted & JOB_BUG_EARLY_PUBLISH;
    TRY(flush_writers(j, epoch, err));
    if (early)
        TRY(publish_writers(j, epoch, err));
    if (log)
        TRY(log->ops->commit(log, epoch, j->c.commit_payload, err));
    if (!early)
        TRY(publish_writers(j, epoch, err));
    atomic_store(&j->last_commit_ms, os_wall_ms(j->os));
    atomic_store(&j->published, epoch);
    workers_wake_all(j);
    for (uint32_t i = 0; i < j->n_sources; i++)
        if (j->sources[i].source->ops->committed)
            j->sources[i].source->ops->committed(j->sources[i].source, epoch);
    if (!log || !log->ops->snapshot_begin || j->c.snapshot_phase != SNAPSHOT_NONE)
        return ST_OK;
    return log->ops->snapshot_begin(log, atomic_exchange(&j->snapshot_asked, false), &j->c.snapshot_due, err);
}

static void commit_work(struct os_work *w)
{
    struct job *j = w->arg;
    error_clear(&j->c.work_error);
    j->c.work_status = commit_epoch(j, j->c.epoch, &j->c.work_error);
}

static void make_snapshot(struct os_work *w)
{
    struct job *j = w->arg;
    error_clear(&j->c.snapshot_error);
    j->c.snapshot_status = j->config.log->ops->snapshot_make(j->config.log, &j->c.snapshot_error);
}

static void finish_snapshot(struct os_work *w)
{
    struct job *j = w->arg;
    error_clear(&j->c.snapshot_error);
    j->c.snapshot_status = j->config.log->ops->snapshot_finish(j->config.log, &j->c.snapshot_error);
}

static void start_work(struct job *j, struct os_work *w, void (*run)(struct os_work *w))
{
    *w = (struct os_work){ .run = run, .arg = j, .signal = j->workers[0].signal };
    j->os->ops->work(j->os, w);
}

/* ---- snapshots ---- */

static bool step_snapshot(struct job *j)
{
    struct coordinator *c = &j->c;
    if (c->snapshot_phase == SNAPSHOT_NONE || !atomic_load(&c->snapshot_work.done))
        return false;
    if (c->snapshot_status != ST_OK) {
        job_fail(j, c->snapshot_status, &c->snapshot_error);
        return true;
    }
    if (c->snapshot_phase == SNAPSHOT_MAKING) {
        if (c->phase == PHASE_COMMIT)
            return false;
        c->snapshot_phase = SNAPSHOT_FINISHING;
        start_work(j, &c->snapshot_work, finish_snapshot);
    } else {
        c->snapshot_phase = SNAPSHOT_NONE;
    }
    return true;
}

/* ---- phases ---- */

static uint64_t moved_sum(const struct job *j)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < j->n_tasks; i++)
        sum += atomic_load_explicit(&j->tasks[i].face.moved, memory_order_relaxed);
    return sum;
}

static bool all_ended(const struct job *j)
{
    for (uint32_t i = 0; i < j->n_tasks; i++)
        if (!atomic_load(&j->tasks[i].face.ended))
            return false;
    return true;
}

/* Mono time at which the cadence asks for the next epoch. */
static int64_t next_epoch_ms(const struct job *j, bool active)
{
    const struct coordinator *c = &j->c;
    int64_t interval = j->config.commit_interval_ms;
    if (interval == INT64_MAX)
        return INT64_MAX;
    if (interval == 0) {
        interval = c->took_ms < INTERVAL_MAX_MS ? c->took_ms * INTERVAL_FACTOR : INTERVAL_MAX_MS;
        interval = interval < INTERVAL_MIN_MS ? INTERVAL_MIN_MS : interval > INTERVAL_MAX_MS ? INTERVAL_MAX_MS : interval;
    }
    if (!active && interval < c->heartbeat_ms)
        interval = c->heartbeat_ms;
    return interval > INT64_MAX - c->last_ms ? INT64_MAX : c->last_ms + interval;
}

static bool begin_epoch(struct job *j, int64_t mono_ms)
{
    struct coordinator *c = &j->c;
    uint64_t sum = moved_sum(j);
    bool active = sum != c->last_moved;
    bool final = atomic_load(&j->stop) || all_ended(j);
    c->relief = atomic_load(&j->pressed) && c->snapshot_phase == SNAPSHOT_NONE;
    if (!final && !c->relief && !atomic_load(&j->commit_asked) && mono_ms < next_epoch_ms(j, active))
        return false;
    if (active)
        c->heartbeat_ms = HEARTBEAT_MS;
    else
        c->heartbeat_ms = c->heartbeat_ms * 2 < HEARTBEAT_MAX_MS ? c->heartbeat_ms * 2 : HEARTBEAT_MAX_MS;
    atomic_store(&j->commit_asked, false);
    c->last_moved = sum;
    c->last_ms = mono_ms;
    c->epoch = atomic_load(&j->published) + 1;
    c->final = final;
    c->phase = PHASE_BARRIER;
    atomic_store(&j->asked_final, final);
    atomic_store(&j->asked, c->epoch);
    workers_wake_all(j);
    return true;
}

/* The deltas of all tasks as one payload: the only one as it is, several joined. */
static enum status join_deltas(struct job *j, struct error *err)
{
    struct coordinator *c = &j->c;
    if (j->n_tasks == 1 && !j->config.planted) {
        c->commit_payload = buf_str(&j->tasks[0].delta);
        return ST_OK;
    }
    buf_clear(&c->payload);
    for (uint32_t i = 0; i < j->n_tasks; i++)
        if (!buf_put(&c->payload, j->tasks[i].delta.data, j->tasks[i].delta.len))
            return budget_error(j->budget, j->tasks[i].delta.len, err);
    if (j->config.planted)
        TRY(planted_delta(j, &c->payload, err));
    c->commit_payload = buf_str(&c->payload);
    return ST_OK;
}

static bool end_barriers(struct job *j)
{
    struct coordinator *c = &j->c;
    for (uint32_t i = 0; i < j->n_tasks; i++)
        if (atomic_load(&j->tasks[i].face.handed) != c->epoch)
            return false;
    if (c->snapshot_phase == SNAPSHOT_FINISHING)
        return false;
    struct error err;
    error_clear(&err);
    enum status st = join_deltas(j, &err);
    if (st != ST_OK) {
        job_fail(j, st, &err);
        return true;
    }
    c->phase = PHASE_COMMIT;
    start_work(j, &c->work, commit_work);
    return true;
}

/* After a commit: has it given memory back? */
static void settle_reserve(struct job *j)
{
    size_t left = budget_left(j->budget), full = j->limit == SIZE_MAX ? 0 : j->limit / 10;
    size_t reserve = atomic_load(&j->reserve);
    if (j->c.relief) {
        if (left < reserve && j->c.snapshot_phase == SNAPSHOT_NONE) /* which gives memory back at its end */
            atomic_store(&j->reserve, left / 2 < RESERVE_MIN ? 0 : left / 2);
        atomic_store(&j->pressed, false);
    } else if (reserve != full && left > full * 2) {
        atomic_store(&j->reserve, full);
    }
}

static bool end_commit(struct job *j)
{
    struct coordinator *c = &j->c;
    if (!atomic_load(&c->work.done))
        return false;
    if (c->work_status != ST_OK) {
        job_fail(j, c->work_status, &c->work_error);
        return true;
    }
    if (c->payload.cap > (size_t)1 << 20) {
        buf_release(&c->payload);
        buf_init(&c->payload, j->budget, PAYLOAD_MAX);
    }
    settle_reserve(j);
    c->took_ms = job_mono_ms(j) - c->last_ms;
    if (c->snapshot_due) {
        c->snapshot_due = false;
        c->snapshot_phase = SNAPSHOT_MAKING;
        start_work(j, &c->snapshot_work, make_snapshot);
    }
    c->phase = c->final ? PHASE_LAST : PHASE_IDLE;
    workers_wake_all(j);
    return true;
}

static bool end_job(struct job *j)
{
    if (j->c.snapshot_phase != SNAPSHOT_NONE)
        return false;
    j->c.phase = PHASE_DONE;
    atomic_store(&j->done, true);
    workers_wake_all(j);
    return true;
}

bool coordinator_step(struct job *j)
{
    if (job_over(j))
        return false;
    int64_t mono_ms = job_mono_ms(j), look_ms;
    struct error err;
    enum status st;
    error_clear(&err);
    bool ran = sources_step(j, mono_ms, &look_ms, &st, &err);
    if (st != ST_OK) {
        job_fail(j, st, &err);
        return true;
    }
    ran |= step_snapshot(j);
    switch (j->c.phase) {
    case PHASE_IDLE:
        ran |= begin_epoch(j, mono_ms);
        break;
    case PHASE_BARRIER:
        ran |= end_barriers(j);
        break;
    case PHASE_COMMIT:
        ran |= end_commit(j);
        break;
    case PHASE_LAST:
        ran |= end_job(j);
        break;
    default:
        break;
    }
    int64_t wake_ms = look_ms;
    if (j->c.phase == PHASE_IDLE) {
        int64_t next = next_epoch_ms(j, moved_sum(j) != j->c.last_moved);
        wake_ms = next < wake_ms ? next : wake_ms;
    }
    atomic_store_explicit(&j->wake_ms, wake_ms, memory_order_relaxed);
    return ran;
}

bool coordinator_try(struct job *j)
{
    struct coordinator *c = &j->c;
    bool ran = false;
    atomic_store(&c->again, true);
    while (atomic_load(&c->again) && !atomic_flag_test_and_set(&c->lock)) {
        atomic_store(&c->again, false);
        ran |= coordinator_step(j);
        atomic_flag_clear(&c->lock);
    }
    return ran;
}
