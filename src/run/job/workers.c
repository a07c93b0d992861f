/* Workers: threads that loop over tasks, one a shard. Shard n's tasks of all stages belong to worker n for good,
 * so what a task owns is touched by one thread only.
 *
 * Sleeping. A worker whose tasks and coordinator have nothing to do says that it sleeps, goes over all once more,
 * and only then waits on its signal. Who has news for it stores the news, then looks whether it sleeps: in the one
 * order of these accesses either the worker's last round sees the news or the other sees it sleep and raises. With
 * parallelism 1 the worker is the caller's thread. */
#include "job/job_private.h"

#define STEPS_A_TURN 64u
#define SLEEP_MAX_MS 1000 /* the wall clock, which deadlines are on, can be set */

void worker_wake(struct worker *w)
{
    if (atomic_load(&w->sleeping))
        w->job->os->ops->signal_raise(w->job->os, w->signal);
}

void workers_wake_all(struct job *j)
{
    for (uint32_t i = 0; i < j->shards; i++)
        j->os->ops->signal_raise(j->os, j->workers[i].signal);
}

static bool step_tasks(struct worker *w)
{
    struct job *j = w->job;
    bool any = false;
    for (uint32_t i = 0; i < j->n_tasks && !job_over(j); i++) {
        struct task *t = &j->tasks[i];
        if (t->worker != w)
            continue;
        bool ran = true;
        for (uint32_t k = 0; k < STEPS_A_TURN && ran; k++) {
            struct error err;
            error_clear(&err);
            t->ctx.now_ms = job_now_ms(j);
            enum status st = task_step(t, &ran, &err);
            any |= ran;
            if (st != ST_OK) {
                job_fail(j, st, &err);
                return true;
            }
        }
        task_publish(t);
    }
    return any;
}

static bool worker_round(struct worker *w)
{
    bool ran = step_tasks(w);
    return coordinator_try(w->job) || ran;
}

/* Mono time up to which there is nothing to do unless somebody wakes us. */
static int64_t sleep_until_ns(const struct worker *w)
{
    const struct job *j = w->job;
    int64_t now_ms = job_now_ms(j), mono_ms = job_mono_ms(j), wait_ms = SLEEP_MAX_MS;
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        if (j->tasks[i].worker != w)
            continue;
        int64_t at = task_deadline_ms(&j->tasks[i]);
        int64_t left = at <= now_ms ? 0 : at - now_ms;
        wait_ms = left < wait_ms ? left : wait_ms;
    }
    int64_t wake_ms = atomic_load_explicit(&j->wake_ms, memory_order_relaxed);
    int64_t left = wake_ms <= mono_ms ? 0 : wake_ms - mono_ms;
    wait_ms = left < wait_ms ? left : wait_ms;
    return os_mono_ns(j->os) + (wait_ms ? wait_ms : 1) * 1000000;
}

struct ticker {
    void (*tick)(void *arg, struct job *j);
    void *arg;
    int64_t every_ns, next_ns;
};

static void tick_if_due(struct ticker *t, struct job *j)
{
    if (!t->tick)
        return;
    int64_t now = os_mono_ns(j->os);
    if (now < t->next_ns)
        return;
    t->next_ns = now + t->every_ns;
    t->tick(t->arg, j);
}

static void worker_loop(struct worker *w, struct ticker *t)
{
    struct job *j = w->job;
    while (!job_over(j)) {
        tick_if_due(t, j);
        if (worker_round(w))
            continue;
        atomic_store(&w->sleeping, true);
        if (!worker_round(w) && !job_over(j)) {
            int64_t until = sleep_until_ns(w);
            until = t->tick && t->next_ns < until ? t->next_ns : until;
            (void)j->os->ops->signal_wait(j->os, w->signal, until);
        }
        atomic_store(&w->sleeping, false);
    }
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    struct ticker none = { 0 };
    worker_loop(w, &none);
    atomic_fetch_sub(&w->job->workers_left, 1);
    w->job->os->ops->signal_raise(w->job->os, w->job->main_signal);
}

static void run_threads(struct job *j, struct ticker *t)
{
    for (uint32_t i = 0; i < j->shards; i++) {
        char name[16] = "weir-shard-";
        name[11] = (char)('0' + i / 10);
        name[12] = (char)('0' + i % 10);
        struct error err;
        error_clear(&err);
        atomic_fetch_add(&j->workers_left, 1);
        struct worker *w = &j->workers[i];
        enum status st = j->os->ops->thread_start(j->os, name, worker_main, w, &w->thread, &err);
        if (st != ST_OK) {
            atomic_fetch_sub(&j->workers_left, 1);
            job_fail(j, st, &err);
            break;
        }
    }
    while (atomic_load(&j->workers_left) > 0) {
        (void)j->os->ops->signal_wait(j->os, j->main_signal, t->tick ? t->next_ns : INT64_MAX);
        tick_if_due(t, j);
    }
    for (uint32_t i = 0; i < j->shards; i++) {
        if (j->workers[i].thread)
            j->os->ops->thread_join(j->os, j->workers[i].thread);
        j->workers[i].thread = NULL;
    }
}

enum status job_run(struct job *j, void (*tick)(void *arg, struct job *j), void *arg, int64_t tick_ms,
                    struct error *err)
{
    int64_t every_ms = tick_ms > 0 && tick_ms < INT64_MAX / 1000000 ? tick_ms : 1000;
    struct ticker t = { .tick = tick, .arg = arg, .every_ns = every_ms * 1000000 };
    t.next_ns = os_mono_ns(j->os) + t.every_ns;
    if (j->shards == 1)
        worker_loop(&j->workers[0], &t);
    else
        run_threads(j, &t);
    if (!atomic_load(&j->failed))
        return ST_OK;
    if (err)
        *err = j->error;
    return j->error.status;
}
