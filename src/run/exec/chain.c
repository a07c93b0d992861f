/* The chain: a task's operators and the stack of pending events between them.
 *
 * A frame is an event on its way into an operator's input. The top frame is handled first; what the operator puts out
 * becomes frames above it, in the order batch, split, watermark, idle from the top down, so that everything below an
 * operator has seen its last batch before the operator runs again. That is what makes borrowed batches safe. When a
 * slot returns OP_MORE the frame stays and is handled again after those above are gone; OP_WAIT leaves it for later.
 *
 * An operator's inputs are combined here: watermarks by their minimum over inputs that are not idle, barriers and
 * ends by counting. An exchange that leaves the chain is a sender (a leaf); one that is in the chain with channels >
 * 0 is a receiver, an operator that passes everything through and has a channel for each sender. */
#include "exec/chain_private.h"

static bool push_frame(struct chain *c, uint32_t link, uint32_t input, uint32_t kind, const struct event *ev)
{
    if (c->depth == c->room) {
        uint32_t room = c->room ? c->room * 2 : 32;
        struct frame *s = mem_realloc(c->ctx->budget, c->stack, c->room * sizeof *s, room * sizeof *s);
        if (!s)
            return false;
        c->stack = s;
        c->room = room;
    }
    c->stack[c->depth++] = (struct frame){ .link = link, .input = input, .kind = kind, .ev = *ev };
    return true;
}

/* One event to all users of a port, the first user on top. */
static bool fan_out(struct chain *c, const struct link *l, uint32_t port, const struct event *ev)
{
    for (uint32_t i = l->n_edges; i-- > 0;) {
        bool all = ev->kind != EVENT_BATCH; /* watermarks, barriers and ends go to every port's users */
        if ((all || l->edges[i].port == port) &&
            !push_frame(c, l->edges[i].to, l->edges[i].input, ev->kind, ev))
            return false;
    }
    return true;
}

/* What a slot put out becomes frames: the last pushed is handled first. */
static bool push_emit(struct chain *c, struct link *l, const struct emit *out)
{
    struct event ev = { .split = UINT32_MAX, .time = INT64_MIN };
    if (out->has_idle) {
        ev.kind = EVENT_IDLE;
        ev.idle = l->told_idle = out->idle;
        if (!fan_out(c, l, 0, &ev))
            return false;
    }
    if (out->has_watermark) {
        ev.kind = EVENT_WATERMARK;
        ev.time = l->told_ms = out->watermark;
        if (!fan_out(c, l, 0, &ev))
            return false;
    }
    if (out->has_split) {
        ev = (struct event){ .kind = EVENT_SPLIT, .split = out->split, .what = out->what, .split_id = out->split_id };
        if (!fan_out(c, l, 0, &ev))
            return false;
    }
    if (out->batch) {
        ev = (struct event){ .kind = EVENT_BATCH, .batch = out->batch, .split = out->split,
                             .time = out->source_watermark };
        if (out->port == 0)
            l->op->rows_out += batch_rows(out->batch);
        if (!fan_out(c, l, out->port, &ev))
            return false;
    }
    return true;
}

static const struct emit nothing = { .split = UINT32_MAX, .source_watermark = INT64_MIN };

/* ---- handling the top frame ---- */

/* After the operator has done its part: pops the frame and hands `ev` on. */
static bool pop_and_forward(struct chain *c, struct link *l, const struct event *ev)
{
    c->depth--;
    return fan_out(c, l, 0, ev);
}

/* Least watermark of the inputs that are not idle; *ret_idle: all are. */
static int64_t combined_watermark(const struct link *l, bool *ret_idle)
{
    int64_t w = INT64_MAX;
    *ret_idle = true;
    for (uint32_t i = 0; i < l->n_inputs; i++) {
        if (l->inputs[i].idle)
            continue;
        *ret_idle = false;
        if (l->inputs[i].watermark < w)
            w = l->inputs[i].watermark;
    }
    return w;
}

/* true: the frame now carries what the operator should see; false: nothing to tell, pop it. */
static bool combine_watermark(struct link *l, struct frame *f)
{
    struct input *in = &l->inputs[f->input];
    if (f->ev.time <= in->watermark && !in->idle)
        return false;
    in->idle = l->op->idle = false;
    if (f->ev.time > in->watermark)
        in->watermark = f->ev.time;
    bool idle;
    int64_t w = combined_watermark(l, &idle);
    if (w <= l->op->watermark)
        return false;
    l->op->watermark = w;
    f->ev.time = w;
    f->combined = true;
    return true;
}

static enum op_result on_watermark(struct chain *c, struct link *l, struct frame *f, struct emit *out,
                                   struct error *err)
{
    if (!f->combined && !combine_watermark(l, f)) {
        c->depth--;
        return OP_DONE;
    }
    struct event ev = f->ev;
    bool makes = l->op->node->kind == NODE_WATERMARK && !l->sender;
    if (l->op->ops->watermark) {
        enum op_result r = l->op->ops->watermark(l->op, ev.time, out, err);
        if (r != OP_DONE)
            return r;
    } else if (l->sender && !c->spec.send(c->spec.send_arg, l->op->node, &ev, err)) {
        return OP_WAIT;
    }
    c->depth--;
    if ((!makes || ev.time == INT64_MAX) && !fan_out(c, l, 0, &ev))
        return op_refused(l->op, err);
    return OP_DONE;
}

/* An input became idle or active: the minimum may rise; the operator itself becomes idle when all inputs are. */
static enum op_result on_idle(struct chain *c, struct link *l, struct frame *f, struct error *err)
{
    struct event ev = f->ev;
    if (l->sender) {
        if (!c->spec.send(c->spec.send_arg, l->op->node, &ev, err))
            return OP_WAIT;
        c->depth--;
        return OP_DONE;
    }
    l->inputs[f->input].idle = ev.idle;
    bool idle;
    int64_t w = combined_watermark(l, &idle);
    l->op->idle = idle;
    c->depth--;
    if (idle != l->idle) {
        l->idle = idle;
        ev.idle = idle;
        if (!fan_out(c, l, 0, &ev))
            return op_refused(l->op, err);
    }
    if (!idle && w > l->op->watermark) {
        struct event raised = { .kind = EVENT_WATERMARK, .time = w, .split = UINT32_MAX };
        l->op->watermark = w;
        if (!push_frame(c, (uint32_t)(l - c->links), 0, EVENT_WATERMARK, &raised))
            return op_refused(l->op, err);
        c->stack[c->depth - 1].combined = true;
    }
    return OP_DONE;
}

static enum op_result on_barrier(struct chain *c, struct link *l, struct frame *f, struct error *err)
{
    struct event ev = f->ev;
    if (!f->combined && l->n_inputs) {
        l->inputs[f->input].barrier = true;
        for (uint32_t i = 0; i < l->n_inputs; i++)
            if (!l->inputs[i].barrier) {
                c->depth--;
                return OP_DONE;
            }
        for (uint32_t i = 0; i < l->n_inputs; i++)
            l->inputs[i].barrier = false;
    }
    f->combined = true;
    if (l->sender) {
        if (!c->spec.send(c->spec.send_arg, l->op->node, &ev, err))
            return OP_WAIT;
    } else if (l->op->ops->barrier) {
        enum op_result r = l->op->ops->barrier(l->op, ev.epoch, ev.final, err);
        if (r != OP_DONE)
            return r;
    }
    return pop_and_forward(c, l, &ev) ? OP_DONE : op_refused(l->op, err);
}

static enum op_result on_end(struct chain *c, struct link *l, struct frame *f, struct emit *out, struct error *err)
{
    struct event ev = f->ev;
    if (!f->combined && l->n_inputs) {
        l->inputs[f->input].ended = true;
        for (uint32_t i = 0; i < l->n_inputs; i++)
            if (!l->inputs[i].ended) {
                c->depth--;
                return OP_DONE;
            }
    }
    f->combined = true;
    if (l->sender) {
        if (!c->spec.send(c->spec.send_arg, l->op->node, &ev, err))
            return OP_WAIT;
    } else if (l->op->ops->end) {
        enum op_result r = l->op->ops->end(l->op, out, err);
        if (r != OP_DONE)
            return r;
    }
    l->ended = true;
    if (chain_is_receiver(c, l))
        c->roots_ended++;
    return pop_and_forward(c, l, &ev) ? OP_DONE : op_refused(l->op, err);
}

static enum op_result on_batch(struct chain *c, struct link *l, struct frame *f, struct emit *out, struct error *err)
{
    if (!l->sender)
        return l->op->ops->batch(l->op, f->input, &f->ev, out, err);
    return c->spec.send(c->spec.send_arg, l->op->node, &f->ev, err) ? OP_DONE : OP_WAIT;
}

/* A split event goes through operators that do not know it, up to the watermark operator. */
static enum op_result on_split(struct chain *c, struct link *l, struct frame *f, struct emit *out, struct error *err)
{
    if (l->op->ops->split)
        return l->op->ops->split(l->op, &f->ev, out, err);
    struct event ev = f->ev;
    bool through = !l->sender && l->op->node->kind == NODE_CALC;
    c->depth--;
    if (through && !fan_out(c, l, 0, &ev))
        return op_refused(l->op, err);
    return OP_DONE;
}

/* Kinds whose handlers pop their own frame when done; batches, splits with a slot and timers are popped here. */
static enum op_result handle_top(struct chain *c, struct error *err)
{
    uint32_t at = c->depth - 1;
    struct frame *f = &c->stack[at];
    struct link *l = &c->links[f->link];
    struct emit out = nothing;
    enum op_result r;
    bool pops_itself = true;
    int64_t began_ns = os_mono_ns(c->ctx->os);
    switch (f->kind) {
    case EVENT_BATCH:
        r = on_batch(c, l, f, &out, err);
        pops_itself = false;
        break;
    case EVENT_WATERMARK:
        r = on_watermark(c, l, f, &out, err);
        break;
    case EVENT_IDLE:
        r = on_idle(c, l, f, err);
        break;
    case EVENT_SPLIT:
        pops_itself = l->op->ops->split == NULL;
        r = on_split(c, l, f, &out, err);
        break;
    case EVENT_BARRIER:
        r = on_barrier(c, l, f, err);
        break;
    case EVENT_END:
        r = on_end(c, l, f, &out, err);
        break;
    default:
        r = l->op->ops->timer(l->op, c->ctx->now_ms, &out, err);
        pops_itself = false;
        break;
    }
    l->op->busy_ns += (uint64_t)(os_mono_ns(c->ctx->os) - began_ns);
    if (r == OP_DONE && !pops_itself) {
        if (f->kind == EVENT_BATCH)
            l->op->rows_in += batch_rows(f->ev.batch), l->op->batches_in++;
        c->depth--;
    }
    if (r == OP_FAILED || r == OP_WAIT)
        return r;
    return push_emit(c, l, &out) ? r : op_refused(l->op, err);
}

/* ---- the outside ---- */

bool chain_ready(const struct chain *c)
{
    return c->depth == 0;
}

enum status chain_push(struct chain *c, uint32_t exchange_node, uint32_t channel, const struct event *ev,
                       struct error *err)
{
    struct link *l = chain_link(c, exchange_node, false);
    CHECK(l && channel < l->n_inputs);
    if (!push_frame(c, (uint32_t)(l - c->links), channel, ev->kind, ev))
        return budget_error(c->ctx->budget, 0, err);
    return ST_OK;
}

enum status chain_barrier(struct chain *c, uint64_t epoch, bool final, struct error *err)
{
    CHECK(chain_ready(c));
    struct event ev = { .kind = EVENT_BARRIER, .epoch = epoch, .final = final, .split = UINT32_MAX };
    for (uint32_t i = c->n_links; i-- > 0;) {
        struct link *l = &c->links[i];
        if (!l->op->ops->poll && !chain_is_receiver(c, l))
            continue;
        if (!push_frame(c, i, 0, EVENT_BARRIER, &ev))
            return budget_error(c->ctx->budget, 0, err);
        c->stack[c->depth - 1].combined = true; /* a receiver's channels were aligned by job */
    }
    return ST_OK;
}

/* A source has ended: the final watermark, then the end. */
static bool tell_end(struct chain *c, struct link *l)
{
    struct event end = { .kind = EVENT_END, .split = UINT32_MAX };
    struct event last = { .kind = EVENT_WATERMARK, .time = INT64_MAX, .split = UINT32_MAX };
    l->end_told = l->ended = true;
    l->told_ms = INT64_MAX;
    c->roots_ended++;
    return fan_out(c, l, 0, &end) && fan_out(c, l, 0, &last);
}

static enum status poll_sources(struct chain *c, bool *ret_ran, struct error *err)
{
    *ret_ran = false;
    for (uint32_t k = 0; k < c->n_links; k++) {
        struct link *l = &c->links[(c->next_source + k) % c->n_links];
        if (!l->op->ops->poll || l->end_told)
            continue;
        struct emit out = nothing;
        bool push = !l->op->ended;
        int64_t began_ns = os_mono_ns(c->ctx->os);
        enum op_result r = push ? l->op->ops->poll(l->op, &out, err) : OP_DONE;
        l->op->busy_ns += (uint64_t)(os_mono_ns(c->ctx->os) - began_ns);
        if (r == OP_FAILED)
            return err && err->status != ST_OK ? err->status : ST_BUG;
        bool emitted = out.batch || out.has_split || out.has_watermark || out.has_idle;
        if (l->op->ended && !emitted) {
            if (!tell_end(c, l))
                return budget_error(c->ctx->budget, 0, err);
            *ret_ran = true;
            return ST_OK;
        }
        if (emitted || r == OP_MORE) {
            c->next_source = (uint32_t)(l - c->links) + 1;
            *ret_ran = true;
            return push_emit(c, l, &out) ? ST_OK : budget_error(c->ctx->budget, 0, err);
        }
    }
    return ST_OK;
}

static bool push_due_timer(struct chain *c)
{
    for (uint32_t i = 0; i < c->n_links; i++) {
        struct op *o = c->links[i].op;
        if (!o->ops->timer || o->deadline_ms > c->ctx->now_ms || c->links[i].ended)
            continue;
        struct event ev = { .split = UINT32_MAX };
        return push_frame(c, i, 0, FRAME_TIMER, &ev);
    }
    return false;
}

enum status chain_step(struct chain *c, enum chain_state *ret, struct error *err)
{
    struct error local;
    if (!err) {
        error_clear(&local);
        err = &local;
    }
    if (c->depth || push_due_timer(c)) {
        enum op_result r = handle_top(c, err);
        if (r == OP_FAILED)
            return err->status != ST_OK ? err->status : ST_BUG;
        *ret = r == OP_WAIT ? CHAIN_WAIT : CHAIN_RAN;
        return ST_OK;
    }
    if (c->roots_ended == c->roots) {
        *ret = CHAIN_ENDED;
        return ST_OK;
    }
    bool ran;
    TRY(poll_sources(c, &ran, err));
    *ret = ran ? CHAIN_RAN : CHAIN_IDLE;
    return ST_OK;
}
