/* A task: a step over its chain and its rings.
 *
 * Each step does the first of these that can be done: the chain's pending event; the end of a barrier; a new
 * barrier; a due timer; an event from a ring; a read from a source. One event is in the chain at a time, so a
 * batch from a ring is freed when the chain is empty again.
 *
 * Barriers. A task without rings, or whose rings have all ended, injects the barrier when the coordinator asks.
 * One with live rings waits until each of them has delivered it; a ring that has is not read meanwhile. When the
 * barrier has passed the chain, the task writes what its stores dirtied into `delta` and hands the epoch to the
 * coordinator. From then until the epoch is published its sinks hold their batches back. After a final barrier the
 * task does nothing more.
 *
 * When memory is short, sources are not read; everything else goes on. */
#include "job/job_private.h"

#define DELTA_MAX ((size_t)1 << 30)
#define DELTA_KEEP ((size_t)1 << 20) /* a larger buffer that is not needed is given back after its commit */

bool task_send(void *arg, const struct node *exchange, const struct event *ev, struct error *err)
{
    struct task *t = arg;
    for (uint32_t i = 0; i < t->n_senders; i++)
        if (t->senders[i].exchange == exchange)
            return sender_take(&t->senders[i], ev, &t->send_status, err);
    CHECK(!"an exchange without a sender");
    return false;
}

static enum status flush_senders(struct task *t, bool *ret_sent, struct error *err)
{
    *ret_sent = false;
    for (uint32_t i = 0; i < t->n_senders; i++) {
        enum status st;
        *ret_sent |= sender_flush(&t->senders[i], &st, err);
        TRY(st);
    }
    return ST_OK;
}

static void moved(struct task *t)
{
    if (!t->in_barrier)
        atomic_fetch_add_explicit(&t->face.moved, 1, memory_order_relaxed);
}

static enum status step_chain(struct task *t, bool *ret_ran, struct error *err)
{
    enum chain_state state;
    t->send_status = ST_OK;
    TRY(chain_step(t->chain, &state, err));
    TRY(t->send_status);
    if (t->held && chain_ready(t->chain)) {
        batch_free(t->held);
        t->held = NULL;
    }
    switch (state) {
    case CHAIN_RAN:
        *ret_ran = true;
        moved(t);
        return ST_OK;
    case CHAIN_ENDED:
        if (!atomic_load_explicit(&t->face.ended, memory_order_relaxed)) {
            atomic_store(&t->face.ended, true);
            *ret_ran = true;
        }
        return ST_OK;
    case CHAIN_IDLE:
        TRY(flush_senders(t, ret_ran, err));
        return ST_OK;
    default:
        return ST_OK;
    }
}

/* ---- barriers ---- */

/* true: the task is to inject the barrier of *ret_epoch now. */
static bool barrier_due(struct task *t, uint64_t *ret_epoch, bool *ret_final)
{
    if (t->live_inlets == 0) {
        *ret_epoch = atomic_load(&t->job->asked);
        *ret_final = atomic_load(&t->job->asked_final);
        return *ret_epoch > t->passed;
    }
    uint32_t have = 0;
    for (uint32_t i = 0; i < t->n_inlets; i++) {
        if (t->inlets[i].ended || !t->inlets[i].barrier)
            continue;
        *ret_epoch = t->inlets[i].epoch;
        *ret_final = t->inlets[i].final;
        have++;
    }
    bool aligned = have == t->live_inlets || (have && (t->ctx.planted & JOB_BUG_NO_ALIGN));
    return aligned && *ret_epoch > t->passed;
}

static enum status begin_barrier(struct task *t, uint64_t epoch, bool final, struct error *err)
{
    for (uint32_t i = 0; i < t->n_inlets; i++)
        t->inlets[i].barrier = false;
    t->in_barrier = true;
    t->barrier_epoch = epoch;
    t->barrier_final = final;
    return chain_barrier(t->chain, epoch, final, err);
}

/* JOB_BUG_EAGER_POSITION: reads on, leaves what was read before the door, and saves the position behind it. */
static enum status read_ahead(struct task *t, struct error *err)
{
    enum chain_state state;
    if (atomic_load(&t->face.ended))
        return ST_OK;
    TRY(chain_step(t->chain, &state, err));
    for (uint32_t i = 0; i < t->stage->n_nodes; i++) {
        struct op *o = chain_op(t->chain, t->stage->nodes[i]);
        if (o && o->node->kind == NODE_SOURCE && o->ops->barrier(o, t->barrier_epoch, false, err) != OP_DONE)
            return err && err->status != ST_OK ? err->status : ST_BUG;
    }
    return ST_OK;
}

void task_has_passed(struct task *t, uint64_t epoch)
{
    t->passed = epoch;
    t->ctx.epoch = epoch + 1;
}

static enum status end_barrier(struct task *t, bool *ret_ran, struct error *err)
{
    if ((t->ctx.planted & JOB_BUG_EAGER_POSITION) && !t->barrier_final)
        TRY(read_ahead(t, err));
    buf_clear(&t->delta);
    TRY(chain_delta(t->chain, &t->delta, err));
    t->in_barrier = false;
    task_has_passed(t, t->barrier_epoch);
    t->stopped = t->barrier_final;
    task_publish(t);
    atomic_store(&t->face.handed, t->passed);
    *ret_ran = true;
    return ST_OK;
}

/* ---- rings ---- */

static enum status take_event(struct task *t, struct inlet *in, struct error *err)
{
    struct ring_event e = ring_pop(in->ring);
    worker_wake(in->waker);
    if (e.kind == EVENT_BARRIER) {
        in->barrier = e.epoch > t->passed; /* an older one only where a planted bug has not waited for it */
        in->epoch = e.epoch;
        in->final = e.final;
        return ST_OK;
    }
    if (e.kind == EVENT_END) {
        in->ended = true;
        t->live_inlets--;
    }
    struct event ev = { .kind = e.kind, .batch = e.batch, .split = UINT32_MAX, .idle = e.idle,
                        .time = e.kind == EVENT_BATCH ? INT64_MIN : e.time };
    t->held = e.batch;
    return chain_push(t->chain, in->exchange, in->channel, &ev, err);
}

static enum status step_rings(struct task *t, bool *ret_ran, struct error *err)
{
    for (uint32_t k = 0; k < t->n_inlets; k++) {
        uint32_t i = (t->next_inlet + k) % t->n_inlets;
        struct inlet *in = &t->inlets[i];
        if (in->ended || in->barrier || !ring_peek(in->ring))
            continue;
        t->next_inlet = i + 1;
        *ret_ran = true;
        moved(t);
        return take_event(t, in, err);
    }
    return ST_OK;
}

/* ---- the step ---- */

/* Earliest deadline of operators that are no sources. */
static int64_t timers_deadline_ms(const struct task *t)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < t->stage->n_nodes; i++) {
        const struct op *o = chain_op(t->chain, t->stage->nodes[i]);
        if (o && o->ops->timer && o->deadline_ms < least)
            least = o->deadline_ms;
    }
    return least;
}

/* Sources may not be read now. */
static bool is_paused(const struct task *t)
{
    return t->stage->has_sources && job_is_pressed(t->job) && !chain_sources_ended(t->chain);
}

int64_t task_deadline_ms(const struct task *t)
{
    if (t->stopped || t->in_barrier || !chain_ready(t->chain) ||
        atomic_load_explicit(&t->face.ended, memory_order_relaxed))
        return INT64_MAX;
    return is_paused(t) ? timers_deadline_ms(t) : chain_deadline_ms(t->chain);
}

static enum status step_ready(struct task *t, bool *ret_ran, struct error *err)
{
    bool due = chain_deadline_ms(t->chain) <= t->ctx.now_ms;
    t->ring_turn = !t->ring_turn || !t->stage->has_sources; /* by turns with the sources */
    if (!due && t->ring_turn) {
        TRY(step_rings(t, ret_ran, err));
        if (*ret_ran)
            return ST_OK;
    }
    if (is_paused(t) && timers_deadline_ms(t) > t->ctx.now_ms) {
        atomic_store(&t->job->pressed, true); /* the coordinator looks at the end of the round */
        TRY(step_rings(t, ret_ran, err));
        return *ret_ran ? ST_OK : flush_senders(t, ret_ran, err);
    }
    TRY(step_chain(t, ret_ran, err));
    return *ret_ran ? ST_OK : step_rings(t, ret_ran, err);
}

enum status task_step(struct task *t, bool *ret_ran, struct error *err)
{
    *ret_ran = false;
    uint64_t published = atomic_load(&t->job->published), epoch = 0;
    bool final = false;
    t->ctx.committing = t->passed > published;
    bool spare = t->delta.cap > DELTA_KEEP && (t->delta.len < t->delta.cap / 4 || job_is_pressed(t->job));
    if (spare && !t->ctx.committing && !t->in_barrier) {
        buf_release(&t->delta);
        buf_init(&t->delta, &t->budget, DELTA_MAX);
    }
    if (t->stopped)
        return ST_OK;
    if (!chain_ready(t->chain))
        return step_chain(t, ret_ran, err);
    if (t->in_barrier)
        return end_barrier(t, ret_ran, err);
    if (barrier_due(t, &epoch, &final)) {
        *ret_ran = true;
        return begin_barrier(t, epoch, final, err);
    }
    return step_ready(t, ret_ran, err);
}

/* ---- metrics ---- */

void task_publish(struct task *t)
{
    for (uint32_t i = 0; i < t->face.n_ops; i++) {
        struct op_metrics m;
        uint64_t words[METRIC_WORDS];
        uint32_t node; /* the face knows it from the start: who reads it does so without a lock */
        (void)chain_metrics(t->chain, i, &node, &m);
        memcpy(words, &m, sizeof words);
        for (uint32_t k = 0; k < METRIC_WORDS; k++)
            atomic_store_explicit(&t->face.ops[i].words[k], words[k], memory_order_relaxed);
    }
}
