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
#include "exec/exec_private.h"

enum { FRAME_TIMER = EVENT_END + 1 };

struct input {
    int64_t watermark;
    bool idle, barrier, ended;
};

struct edge {
    uint32_t to; /* link */
    uint32_t input, port;
};

struct link {
    struct op *op;
    struct input *inputs;
    uint32_t n_inputs;
    struct edge *edges;
    uint32_t n_edges;
    uint32_t node;  /* index in the plan */
    int64_t told_ms; /* newest watermark that the operator itself has put out … */
    bool told_idle;  /* … and whether it said that it is idle: for the metrics */
    bool sender;
    bool idle;      /* told the consumers so */
    bool barrier_handled;
    bool end_told;  /* source: watermark and end are on their way */
    bool ended;     /* end has passed */
};

struct frame {
    uint32_t link, input;
    uint32_t kind; /* enum event_kind or FRAME_TIMER */
    bool combined; /* watermark, barrier, end: the inputs are already combined */
    struct event ev;
};

struct chain {
    struct exec_context *ctx;
    struct chain_spec spec;
    struct arena arena;
    struct link *links;
    uint32_t n_links;
    struct frame *stack;
    uint32_t depth, room;
    uint32_t next_source; /* round robin */
    uint32_t roots;       /* sources and receivers */
    uint32_t roots_ended;
};

/* ---- building ---- */

static const struct op_ops *const ops_of_kind[NODE_KINDS] = {
    [NODE_SOURCE] = &op_source,       [NODE_VALUES] = &op_values,
    [NODE_CALC] = &op_calc,           [NODE_WATERMARK] = &op_watermark,
    [NODE_UNION] = &op_pass,          [NODE_EXCHANGE] = &op_pass,
    [NODE_NORMALIZE] = &op_normalize, [NODE_WINDOW] = &op_window,
    [NODE_AGGREGATE] = &op_aggregate, [NODE_WINDOW_AGGREGATE] = &op_window_aggregate,
    [NODE_SORT] = &op_sort,           [NODE_TABLE] = &op_sort,
    [NODE_SINK] = &op_sink,           [NODE_UNNEST] = &op_unnest,
    [NODE_EXPAND] = &op_expand,       [NODE_SET] = &op_set,
    [NODE_TIME_SORT] = &op_time_sort, [NODE_TO_CHANGELOG] = &op_to_changelog,
    [NODE_FROM_CHANGELOG] = &op_from_changelog,
};

/* LIMIT without an order need not wait for the end. */
static const struct op_ops *ops_of(const struct node *n)
{
    return n->kind == NODE_SORT && n->sort.n_keys == 0 ? &op_limit : ops_of_kind[n->kind];
}

static enum op_result send_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                 struct error *err);
static const struct op_ops sender_ops = { .name = "sender", .size = sizeof(struct op), .batch = send_batch };

static struct link *find_link(struct chain *c, uint32_t node, bool sender)
{
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].node == node && c->links[i].sender == sender)
            return &c->links[i];
    return NULL;
}

static bool in_chain(const struct chain_spec *spec, uint32_t node)
{
    for (uint32_t i = 0; i < spec->n_nodes; i++)
        if (spec->nodes[i] == node)
            return true;
    return false;
}

static bool add_link(struct chain *c, uint32_t node, bool sender)
{
    const struct node *n = c->spec.plan->nodes[node];
    struct link *l = &c->links[c->n_links];
    const struct op_ops *ops = sender ? &sender_ops : ops_of(n);
    *l = (struct link){ .node = node, .sender = sender };
    l->op = arena_calloc(&c->arena, ops->size);
    l->n_inputs = n->kind == NODE_EXCHANGE && !sender && c->spec.channels ? c->spec.channels : n->n_inputs;
    l->inputs = ARENA_ARRAY(&c->arena, struct input, l->n_inputs + 1);
    if (!l->op || !l->inputs)
        return false;
    for (uint32_t i = 0; i < l->n_inputs; i++)
        l->inputs[i].watermark = INT64_MIN;
    l->op->ops = ops;
    l->op->node = n;
    l->op->plan = c->spec.plan;
    if (n->n_inputs) {
        const struct node *from = c->spec.plan->nodes[n->inputs[0].node];
        l->op->input_schema = &from->schema;
        l->op->input_kinds = from->kinds;
    }
    l->op->ctx = c->ctx;
    l->op->budget = c->ctx->budget;
    budget_init(&l->op->state, "state", SIZE_MAX, c->ctx->budget);
    l->told_ms = INT64_MIN;
    l->op->deadline_ms = INT64_MAX;
    l->op->watermark = INT64_MIN;
    bool receiver = n->kind == NODE_EXCHANGE && !sender && c->spec.channels;
    if (ops->poll || receiver)
        c->roots++;
    c->n_links++;
    return true;
}

/* Edges from links of this chain to the users of their nodes, here or (an exchange elsewhere) through a sender. */
static bool add_edges(struct chain *c)
{
    const struct plan *p = c->spec.plan;
    for (uint32_t u = 0; u < p->n_nodes; u++) {
        const struct node *user = p->nodes[u];
        bool here = in_chain(&c->spec, u);
        bool receiver = user->kind == NODE_EXCHANGE && c->spec.channels;
        for (uint32_t i = 0; i < user->n_inputs; i++) {
            struct link *from = find_link(c, user->inputs[i].node, false);
            if (!from || (!here && user->kind != NODE_EXCHANGE))
                continue;
            if (receiver && !find_link(c, u, true) && !add_link(c, u, true))
                return false;
            struct link *to = find_link(c, u, receiver);
            from = find_link(c, user->inputs[i].node, false);
            struct edge *edges = ARENA_ARRAY(&c->arena, struct edge, from->n_edges + 1);
            if (!edges)
                return false;
            if (from->n_edges)
                memcpy(edges, from->edges, from->n_edges * sizeof *edges);
            edges[from->n_edges++] = (struct edge){ (uint32_t)(to - c->links), i, user->inputs[i].port };
            from->edges = edges;
        }
    }
    return true;
}

enum status chain_new(const struct chain_spec *spec, struct exec_context *ctx, struct chain **ret, struct error *err)
{
    struct chain *c = mem_calloc(ctx->budget, sizeof *c);
    if (!c)
        return budget_error(ctx->budget, sizeof *c, err);
    c->ctx = ctx;
    c->spec = *spec;
    arena_init(&c->arena, ctx->budget);
    c->links = ARENA_ARRAY(&c->arena, struct link, spec->plan->n_nodes * 2);
    uint32_t *nodes = ARENA_ARRAY(&c->arena, uint32_t, spec->n_nodes + 1);
    enum status st = ST_OK;
    bool ok = c->links && nodes;
    if (ok) {
        memcpy(nodes, spec->nodes, spec->n_nodes * sizeof *nodes);
        c->spec.nodes = nodes;
    }
    for (uint32_t i = 0; ok && i < spec->n_nodes; i++)
        ok = add_link(c, spec->nodes[i], false);
    ok = ok && add_edges(c);
    if (!ok)
        st = budget_error(ctx->budget, 0, err);
    for (uint32_t i = 0; st == ST_OK && i < c->n_links; i++)
        if (c->links[i].op->ops->open)
            st = c->links[i].op->ops->open(c->links[i].op, err);
    if (st != ST_OK) {
        chain_free(c);
        return st;
    }
    *ret = c;
    return ST_OK;
}

void chain_free(struct chain *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n_links; i++) {
        struct op *o = c->links[i].op;
        if (!o)
            continue;
        if (o->ops && o->ops->close)
            o->ops->close(o);
        for (uint32_t k = 0; k < o->n_stores; k++)
            store_free(o->stores[k]);
    }
    mem_free(c->ctx->budget, c->stack, c->room * sizeof *c->stack);
    arena_release(&c->arena);
    mem_free(c->ctx->budget, c, sizeof *c);
}

enum status chain_apply(struct chain *c, const struct delta *d, bool *ret_known, struct error *err)
{
    for (uint32_t i = 0; i < c->n_links; i++) {
        struct op *o = c->links[i].op;
        for (uint32_t k = 0; k < o->n_stores; k++) {
            if (!str_eq(store_layout(o->stores[k])->id, d->store))
                continue;
            *ret_known = true;
            return store_apply(o->stores[k], d, c->ctx->shard, c->ctx->shards, err);
        }
    }
    *ret_known = false;
    return ST_OK;
}

/* Silent from the start, not from when it comes to say so: else what is late depended on how soon that is. An operator
 * that holds rows back until time or the end lets them go has something to say still. */
static void hush(struct chain *c, struct link *l)
{
    l->op->idle = true;
    if (l->op->ops->watermark || l->op->ops->end)
        return;
    l->idle = true;
    for (uint32_t i = 0; i < l->n_edges; i++) {
        struct link *to = &c->links[l->edges[i].to];
        bool all = true;
        to->inputs[l->edges[i].input].idle = true;
        for (uint32_t k = 0; k < to->n_inputs; k++)
            all &= to->inputs[k].idle;
        if (all)
            hush(c, to);
    }
}

enum status chain_start(struct chain *c, struct error *err)
{
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].op->ops->start)
            TRY(c->links[i].op->ops->start(c->links[i].op, err));
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].op->silent)
            hush(c, &c->links[i]);
    return ST_OK;
}

bool chain_silent(const struct chain *c, uint32_t exchange)
{
    const struct link *l = find_link((struct chain *)(uintptr_t)c, exchange, true);
    return l && l->idle;
}

void chain_hush(struct chain *c, uint32_t exchange, uint32_t channel)
{
    struct link *l = find_link(c, exchange, false);
    bool all = true;
    l->inputs[channel].idle = true;
    for (uint32_t i = 0; i < l->n_inputs; i++)
        all &= l->inputs[i].idle;
    if (all)
        hush(c, l);
}

/* ---- frames ---- */

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

static bool is_receiver(const struct chain *c, const struct link *l)
{
    return !l->sender && l->op->node->kind == NODE_EXCHANGE && c->spec.channels;
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
    if (is_receiver(c, l))
        c->roots_ended++;
    return pop_and_forward(c, l, &ev) ? OP_DONE : op_refused(l->op, err);
}

static enum op_result send_batch(struct op *o, uint32_t input, const struct event *ev, struct emit *out,
                                 struct error *err)
{
    (void)o, (void)input, (void)ev, (void)out, (void)err;
    CHECK(!"a sender's batches go through on_batch");
    return OP_FAILED;
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
    struct link *l = find_link(c, exchange_node, false);
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
        if (!l->op->ops->poll && !is_receiver(c, l))
            continue;
        if (!push_frame(c, i, 0, EVENT_BARRIER, &ev))
            return budget_error(c->ctx->budget, 0, err);
        c->stack[c->depth - 1].combined = true; /* a receiver's channels were aligned by job */
    }
    return ST_OK;
}

enum status chain_delta(struct chain *c, struct buf *out, struct error *err)
{
    for (uint32_t i = 0; i < c->n_links; i++) {
        struct op *o = c->links[i].op;
        for (uint32_t k = 0; k < o->n_stores; k++)
            TRY(store_delta(o->stores[k], out, err));
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

int64_t chain_deadline_ms(const struct chain *c)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < c->n_links; i++)
        if (!c->links[i].ended && c->links[i].op->deadline_ms < least)
            least = c->links[i].op->deadline_ms;
    return least;
}

bool chain_sources_ended(const struct chain *c)
{
    for (uint32_t i = 0; i < c->n_links; i++)
        if (c->links[i].op->ops->poll && !c->links[i].end_told)
            return false;
    return true;
}

uint32_t chain_count(const struct chain *c) { return c->n_links; }

bool chain_metrics(const struct chain *c, uint32_t i, uint32_t *ret_node, struct op_metrics *ret)
{
    if (i >= c->n_links)
        return false;
    const struct link *l = &c->links[i];
    const struct op *o = l->op;
    *ret_node = l->node;
    *ret = (struct op_metrics){ .busy_ns = o->busy_ns, .watermark_ms = INT64_MAX, .idle = true };
    if (l->sender)
        return true;
    ret->rows_in = o->rows_in;
    ret->rows_out = o->rows_out;
    ret->batches_in = o->batches_in;
    ret->late_rows = o->late_rows;
    ret->bytes = o->bytes;
    for (uint32_t k = 0; k < o->n_stores; k++)
        ret->state_entries += store_count(o->stores[k]);
    ret->state_bytes = atomic_load_explicit(&o->state.used, memory_order_relaxed);
    bool own = o->ops->poll || (o->node->kind == NODE_WATERMARK && o->watermark != INT64_MAX);
    ret->watermark_ms = own ? l->told_ms : o->watermark;
    ret->idle = l->idle || l->told_idle;
    return true;
}

struct op *chain_op(struct chain *c, uint32_t node)
{
    struct link *l = find_link(c, node, false);
    return l ? l->op : NULL;
}

enum status chain_sink_commits(struct chain *c, uint32_t node, struct arena *a, struct sink_commit **ret,
                               uint32_t *ret_count, struct error *err)
{
    return op_sink_commits(find_link(c, node, false)->op, a, ret, ret_count, err);
}

struct sink_writer *chain_writer(struct chain *c, uint32_t i, const struct sink_ops **ret_ops)
{
    for (uint32_t k = 0; k < c->n_links; k++) {
        struct op *o = c->links[k].op;
        if (o->ops != &op_sink || i-- > 0)
            continue;
        struct sink_writer *w = op_sink_writer(o);
        *ret_ops = w ? w->ops : NULL;
        return w;
    }
    return NULL;
}
