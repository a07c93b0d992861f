/* Bytes on their way to a stream that cannot take anything back.
 *
 * The task appends to `front`. publish, in background, writes it after the commit. When nothing durable
 * hangs on the job, a front that has grown past EARLY_BYTES is swapped into `going` and written by a piece
 * of background work at once, so that a long epoch needs no more memory than a short one; when that work
 * is slow, FULL_BYTES make the task wait.
 *
 * Bytes keep their order: publish writes `going` before `front`. If the early work has not begun, publish
 * takes it over (TAKEN) and the work finds nothing to do; if it is running, publish waits for it. `print` is
 * called by one at a time over all outlets of the process: whoever comes second sleeps a little. These
 * waits happen in background work only.
 *
 * Freeing waits for the work a bounded time: a reader who never reads may hold it up for ever. Then the
 * outlet is left to it (memory of the process's budget, the wake-up no longer used). */
#include "connect/private.h"

#define EARLY_BYTES ((size_t)256 << 10)
#define FULL_BYTES ((size_t)4 << 20)
#define SLEEP_MS 2
#define FREE_TRIES 500 /* × SLEEP_MS */

enum early { EARLY_IDLE, EARLY_QUEUED, EARLY_RUNNING, EARLY_TAKEN, EARLY_ABANDONED };

struct outlet {
    struct os *os;
    struct connect_extra *extra; /* may be NULL */
    enum outlet_to to;
    struct budget *budget;
    bool early;
    struct buf front, going;
    struct os_work work;
    bool worked;      /* the work was given out at least once: `done` means something */
    atomic_int state; /* enum early */
    _Atomic(struct os_signal *) wake;
    struct os_signal *nap;
    enum status failed; /* of the early work; read when it is done */
    struct error failure;
};

static enum status put_out(struct outlet *o, struct str bytes, struct error *err)
{
    if (o->to == OUTLET_PRINT && o->extra && o->extra->print)
        return o->extra->print(o->extra->print_arg, bytes, err);
    return o->os->ops->stream_write(o->os, o->to == OUTLET_STDERR ? 2 : 1, bytes.ptr, bytes.len, err);
}

static void nap(struct outlet *o)
{
    (void)o->os->ops->signal_wait(o->os, o->nap, os_mono_ns(o->os) + SLEEP_MS * 1000000);
}

/* Background. One at a time in the whole process. */
static enum status write_out(struct outlet *o, struct buf *bytes, struct error *err)
{
    if (bytes->len == 0)
        return ST_OK;
    atomic_bool *turn = o->extra ? &o->extra->printing : NULL;
    while (turn && atomic_exchange_explicit(turn, true, memory_order_acquire))
        nap(o);
    enum status st = put_out(o, buf_str(bytes), err);
    if (turn)
        atomic_store_explicit(turn, false, memory_order_release);
    buf_clear(bytes);
    return st;
}

static void early_run(struct os_work *w)
{
    struct outlet *o = w->arg;
    int queued = EARLY_QUEUED;
    if (!atomic_compare_exchange_strong(&o->state, &queued, EARLY_RUNNING))
        return;
    o->failed = write_out(o, &o->going, &o->failure);
    int running = EARLY_RUNNING;
    if (!atomic_compare_exchange_strong(&o->state, &running, EARLY_IDLE))
        return; /* abandoned: nobody is left to wake */
    o->os->ops->signal_raise(o->os, atomic_load(&o->wake));
}

enum status outlet_new(struct connect_context *ctx, enum outlet_to to, struct budget *budget, struct os_signal *wake,
                       struct outlet **ret, struct error *err)
{
    struct outlet *o = mem_calloc(NULL, sizeof *o); /* may outlive the job, see above */
    if (!o)
        return connect_memory(NULL, err);
    o->os = ctx->os;
    o->extra = ctx->extra;
    o->to = to;
    o->budget = budget;
    o->early = !ctx->durable && wake;
    buf_init(&o->front, budget, SIZE_MAX / 2);
    buf_init(&o->going, NULL, SIZE_MAX / 2);
    o->work.run = early_run;
    o->work.arg = o;
    atomic_store(&o->wake, wake);
    o->nap = ctx->os->ops->signal_new(ctx->os);
    if (!o->nap) {
        mem_free(NULL, o, sizeof *o);
        return connect_memory(NULL, err);
    }
    *ret = o;
    return ST_OK;
}

static bool work_is_over(const struct outlet *o)
{
    return !o->worked || atomic_load_explicit(&o->work.done, memory_order_acquire);
}

void outlet_free(struct outlet *o)
{
    if (!o)
        return;
    int queued = EARLY_QUEUED;
    (void)atomic_compare_exchange_strong(&o->state, &queued, EARLY_TAKEN);
    for (uint32_t i = 0; i < FREE_TRIES && !work_is_over(o); i++)
        nap(o);
    buf_release(&o->front);
    int running = EARLY_RUNNING;
    if (!work_is_over(o)) {
        (void)atomic_compare_exchange_strong(&o->state, &running, EARLY_ABANDONED);
        return;
    }
    buf_release(&o->going);
    o->os->ops->signal_free(o->os, o->nap);
    mem_free(NULL, o, sizeof *o);
}

struct buf *outlet_buf(struct outlet *o)
{
    return &o->front;
}

bool outlet_full(const struct outlet *o)
{
    return o->early && o->front.len >= FULL_BYTES && !work_is_over(o);
}

/* Bytes in flight are charged to the process: the work may outlive the job. */
enum status outlet_offer(struct outlet *o, struct error *err)
{
    if (!o->early || o->front.len < EARLY_BYTES || !work_is_over(o))
        return ST_OK;
    if (o->failed != ST_OK) {
        if (err)
            *err = o->failure;
        return o->failed;
    }
    buf_clear(&o->going);
    if (!buf_put(&o->going, o->front.data, o->front.len))
        return connect_memory(NULL, err);
    buf_clear(&o->front);
    atomic_store(&o->work.done, false);
    atomic_store(&o->state, EARLY_QUEUED);
    o->worked = true;
    o->os->ops->work(o->os, &o->work);
    return ST_OK;
}

enum status outlet_publish(struct outlet *o, struct error *err)
{
    int queued = EARLY_QUEUED;
    if (atomic_compare_exchange_strong(&o->state, &queued, EARLY_TAKEN)) {
        TRY(write_out(o, &o->going, err));
    } else {
        while (atomic_load(&o->state) == EARLY_RUNNING)
            nap(o);
    }
    if (o->failed != ST_OK) {
        if (err)
            *err = o->failure;
        return o->failed;
    }
    return write_out(o, &o->front, err);
}
