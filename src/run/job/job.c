/* A job from its making to its end: tasks, rings and workers are made from the plan's stages, sources and sinks
 * are opened, the log is restored. job_step runs single steps in seeded order; workers.c runs them on threads. */
#include "job/job_private.h"

#define DELTA_MAX ((size_t)1 << 30)
#define RING_CAPACITY 8u
#define SHARDS_MAX 64u

/* A refusal is found where nobody knows which budget on the way up refused: name the one with the least room. */
static void name_budget(struct job *j, struct error *err)
{
    const struct budget *full = NULL;
    size_t least = SIZE_MAX;
    for (const struct budget *b = j->budget; b; b = b->parent) {
        size_t used = atomic_load(&b->used), left = used < b->limit ? b->limit - used : 0;
        if (b->limit != SIZE_MAX && left <= least) {
            least = left;
            full = b;
        }
    }
    if (full && !strchr(err->message, '\'')) /* no budget is named yet */
        error_set(err, ST_MEMORY, "the memory budget '%s' is full: %zu of %zu bytes used", full->name,
                  atomic_load(&full->used), full->limit);
}

void job_fail(struct job *j, enum status st, const struct error *err)
{
    if (atomic_exchange(&j->failing, true))
        return;
    if (err)
        j->error = *err;
    if (!err || err->status == ST_OK)
        error_set(&j->error, st, "the job has failed: %s", status_name(st));
    j->error.status = st;
    if (st == ST_MEMORY)
        name_budget(j, &j->error);
    atomic_store(&j->failed, true);
    workers_wake_all(j);
}

/* ---- making ---- */

static enum status refused(struct job *j, struct error *err)
{
    return budget_error(j->budget, 0, err);
}

/* Ring from a sending shard to a receiving one of the k-th exchange that is cut. */
static struct ring *ring_at(struct job *j, uint32_t k, uint32_t from, uint32_t to)
{
    return j->rings[(k * j->shards + from) * j->shards + to];
}

static enum status make_rings(struct job *j, uint32_t n_exchanges, struct error *err)
{
    uint32_t n = n_exchanges * j->shards * j->shards;
    uint32_t capacity = j->config.ring_capacity ? j->config.ring_capacity : RING_CAPACITY;
    j->rings = ARENA_ARRAY(&j->arena, struct ring *, n + 1);
    if (!j->rings)
        return refused(j, err);
    for (; j->n_rings < n; j->n_rings++) {
        j->rings[j->n_rings] = ring_new(capacity, j->budget);
        if (!j->rings[j->n_rings])
            return refused(j, err);
    }
    return ST_OK;
}

/* Number among the plan's exchanges. */
static uint32_t exchange_number(const struct plan *p, uint32_t node)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < node; i++)
        k += p->nodes[i]->kind == NODE_EXCHANGE;
    return k;
}

static enum status make_inlets(struct task *t, struct error *err)
{
    struct job *j = t->job;
    t->inlets = ARENA_ARRAY(&j->arena, struct inlet, t->stage->n_inlets * j->shards + 1);
    if (!t->inlets)
        return refused(j, err);
    for (uint32_t i = 0; i < t->stage->n_inlets; i++)
        for (uint32_t from = 0; from < j->shards; from++) {
            uint32_t node = t->stage->inlets[i];
            t->inlets[t->n_inlets++] = (struct inlet){
                .ring = ring_at(j, exchange_number(j->plan, node), from, t->ctx.shard),
                .waker = &j->workers[from], .exchange = node, .channel = from,
            };
        }
    t->live_inlets = t->n_inlets;
    return ST_OK;
}

static enum status make_senders(struct task *t, struct error *err)
{
    struct job *j = t->job;
    t->senders = ARENA_ARRAY(&j->arena, struct sender, t->stage->n_outlets + 1);
    if (!t->senders)
        return refused(j, err);
    for (uint32_t i = 0; i < t->stage->n_outlets; i++) {
        uint32_t node = t->stage->outlets[i];
        struct sender *s = &t->senders[t->n_senders++];
        TRY(sender_init(s, j->plan->nodes[node], j->shards, t->ctx.capacity, &j->arena, j->budget, err));
        s->planted = j->config.planted & JOB_BUG_NO_WAKE;
        for (uint32_t to = 0; to < j->shards; to++) {
            s->rings[to] = ring_at(j, exchange_number(j->plan, node), t->ctx.shard, to);
            s->wakers[to] = &j->workers[to];
        }
    }
    return ST_OK;
}

static void enough(struct exec_context *ctx)
{
    struct job *j = ctx->job;
    if (!atomic_exchange(&j->enough, true))
        workers_wake_all(j);
}

static enum status make_task(struct job *j, const struct stage *s, uint32_t shard, struct error *err)
{
    struct task *t = &j->tasks[j->n_tasks];
    *t = (struct task){ .job = j, .stage = s, .index = j->n_tasks, .worker = &j->workers[shard] };
    budget_init(&t->budget, "task", SIZE_MAX, j->budget);
    buf_init(&t->delta, &t->budget, DELTA_MAX);
    t->ctx = (struct exec_context){
        .os = j->os, .budget = &t->budget, .capacity = j->config.capacity ? j->config.capacity : BATCH_ROWS,
        .shard = shard, .shards = j->shards, .durable = j->config.connect->durable, .connect = j->config.connect,
        .zone = j->config.connect->zone, .now_ms = job_now_ms(j), .wake = t->worker->signal,
        .source = sources_of, .sink = sinks_of,
        .splits = splits_of, .enough = enough, .has_enough = &j->enough, .epoch = 1, .planted = j->config.planted, .job = j,
    };
    j->n_tasks++;
    TRY(make_inlets(t, err));
    TRY(make_senders(t, err));
    struct chain_spec spec = { .plan = j->plan, .nodes = s->nodes, .n_nodes = s->n_nodes,
                               .channels = j->n_rings ? j->shards : 0, .send = task_send, .send_arg = t };
    TRY(chain_new(&spec, &t->ctx, &t->chain, err));
    t->face.ops = ARENA_ARRAY(&j->arena, struct op_face, chain_count(t->chain) + 1);
    if (!t->face.ops)
        return refused(j, err);
    t->face.n_ops = chain_count(t->chain);
    for (uint32_t i = 0; i < t->face.n_ops; i++) {
        struct op_metrics m;
        (void)chain_metrics(t->chain, i, &t->face.ops[i].node, &m);
    }
    task_publish(t);
    return ST_OK;
}

static enum status make_workers(struct job *j, struct error *err)
{
    j->workers = ARENA_ARRAY(&j->arena, struct worker, j->shards);
    j->main_signal = j->os->ops->signal_new(j->os);
    if (!j->workers || !j->main_signal)
        return refused(j, err);
    for (uint32_t i = 0; i < j->shards; i++) {
        struct worker *w = &j->workers[i];
        w->job = j;
        w->index = i;
        w->signal = j->os->ops->signal_new(j->os);
        if (!w->signal)
            return refused(j, err);
    }
    return ST_OK;
}

static enum status list_names(struct job *j, struct error *err)
{
    j->names = ARENA_ARRAY(&j->arena, const char *, j->plan->n_nodes + 1);
    for (uint32_t i = 0; j->names && i < j->plan->n_nodes; i++) {
        j->names[i] = arena_str(&j->arena, j->plan->nodes[i]->id).ptr;
        if (!j->names[i])
            return refused(j, err);
    }
    return j->names ? ST_OK : refused(j, err);
}

static enum status make_tasks(struct job *j, struct error *err)
{
    bool cut;
    TRY(stage_cut(j->plan, j->config.parallelism, &j->arena, &j->stages, &j->n_stages, &cut, err));
    j->shards = cut ? j->config.parallelism : 1;
    TRY(make_workers(j, err));
    TRY(list_names(j, err));
    TRY(sources_open(j, err));
    if (cut)
        TRY(make_rings(j, exchange_number(j->plan, j->plan->n_nodes), err));
    j->tasks = ARENA_ARRAY(&j->arena, struct task, j->n_stages * j->shards);
    j->order = ARENA_ARRAY(&j->arena, uint32_t, j->n_stages * j->shards + 1);
    if (!j->tasks || !j->order)
        return refused(j, err);
    for (uint32_t s = 0; s < j->n_stages; s++)
        for (uint32_t i = 0; i < j->shards; i++)
            TRY(make_task(j, &j->stages[s], i, err));
    for (uint32_t i = 0; i <= j->n_tasks; i++)
        j->order[i] = i;
    bool lags = j->config.seed && j->config.seed % 2 == 0 && j->n_tasks > 1;
    j->slow = lags ? (uint32_t)(hash_u64(j->config.seed) % j->n_tasks) : UINT32_MAX;
    return ST_OK;
}

static enum status collect_writers(struct job *j, struct error *err)
{
    struct coordinator *c = &j->c;
    c->writers = ARENA_ARRAY(&j->arena, struct writer_ref, j->n_tasks * j->n_sinks + 1);
    if (!c->writers)
        return refused(j, err);
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        const struct sink_ops *ops;
        struct sink_writer *w;
        for (uint32_t k = 0; (w = chain_writer(j->tasks[i].chain, k, &ops)); k++) {
            CHECK(c->n_writers < j->n_tasks * j->n_sinks);
            c->writers[c->n_writers++] = (struct writer_ref){ w, ops };
        }
    }
    return ST_OK;
}

/* Time does not wait for shards that have nothing to read. */
static void hush_receivers(struct job *j)
{
    for (uint32_t i = 0; i < j->n_tasks; i++)
        for (uint32_t k = 0; k < j->tasks[i].n_inlets; k++) {
            const struct inlet *in = &j->tasks[i].inlets[k];
            for (uint32_t s = 0; s < j->n_stages; s++)
                if (chain_silent(j->tasks[s * j->shards + in->channel].chain, in->exchange))
                    chain_hush(j->tasks[i].chain, in->exchange, in->channel);
        }
}

static enum status start(struct job *j, struct error *err)
{
    TRY(make_tasks(j, err));
    TRY(job_restore(j, err));
    j->config.connect->restored = j->restored;
    TRY(sources_list(j, err));
    for (uint32_t i = 0; i < j->n_tasks; i++)
        TRY(chain_start(j->tasks[i].chain, err));
    hush_receivers(j);
    TRY(collect_writers(j, err));
    j->c.last_ms = job_mono_ms(j);
    return ST_OK;
}

static size_t least_limit(const struct budget *b)
{
    size_t least = SIZE_MAX;
    for (; b; b = b->parent)
        least = b->limit < least ? b->limit : least;
    return least;
}

enum status job_new(const struct plan *plan, const struct job_config *config, struct job **ret, struct error *err)
{
    CHECK(config->parallelism >= 1 && config->parallelism <= SHARDS_MAX);
    struct budget *b = config->budget ? config->budget : budget_process();
    struct job *j = mem_calloc(b, sizeof *j);
    if (!j) {
        if (config->log)
            config->log->ops->close(config->log);
        return budget_error(b, sizeof *j, err);
    }
    j->config = *config;
    j->plan = plan;
    j->os = config->os;
    j->budget = b;
    j->shards = 0;
    j->random = config->seed;
    j->limit = least_limit(b);
    j->c.heartbeat_ms = 1000;
    atomic_flag_clear(&j->c.lock);
    atomic_store(&j->reserve, j->limit == SIZE_MAX ? 0 : j->limit / 10);
    atomic_store(&j->wake_ms, INT64_MAX);
    arena_init(&j->arena, b);
    buf_init(&j->c.payload, b, STATEDIR_MAX_RECORD);
    buf_init(&j->held_positions, b, STATEDIR_MAX_RECORD);
    enum status st = start(j, err);
    if (st != ST_OK) {
        job_free(j);
        return st;
    }
    *ret = j;
    return ST_OK;
}

/* ---- the end ---- */

bool job_busy(const struct job *j)
{
    const struct coordinator *c = &j->c;
    bool committing = c->phase == PHASE_COMMIT && !atomic_load(&c->work.done);
    bool snapshot = c->snapshot_phase != SNAPSHOT_NONE && !atomic_load(&c->snapshot_work.done);
    return committing || snapshot || sources_busy(j);
}

/* Background work holds pointers into the job. In simulation nobody but the caller can end it. */
static void await_background(struct job *j)
{
    for (uint32_t idle = 0; job_busy(j);) {
        int64_t before = os_mono_ns(j->os);
        (void)j->os->ops->signal_wait(j->os, j->workers[0].signal, before + 10000000);
        idle = os_mono_ns(j->os) == before ? idle + 1 : 0;
        CHECK(idle < 100000); /* simulated: do all background work before job_free */
    }
}

static void free_task(struct task *t)
{
    batch_free(t->held);
    for (uint32_t i = 0; i < t->n_senders; i++)
        sender_release(&t->senders[i]);
    chain_free(t->chain);
    buf_release(&t->delta);
}

void job_free(struct job *j)
{
    if (!j)
        return;
    if (j->workers && j->shards && j->workers[0].signal)
        await_background(j);
    for (uint32_t i = 0; i < j->n_tasks; i++)
        free_task(&j->tasks[i]);
    for (uint32_t i = 0; i < j->n_rings; i++)
        ring_free(j->rings[i]);
    sources_close(j);
    if (j->config.log)
        j->config.log->ops->close(j->config.log);
    for (uint32_t i = 0; j->workers && i < j->shards; i++)
        if (j->workers[i].signal)
            j->os->ops->signal_free(j->os, j->workers[i].signal);
    if (j->main_signal)
        j->os->ops->signal_free(j->os, j->main_signal);
    buf_release(&j->c.payload);
    buf_release(&j->held_positions);
    arena_release(&j->arena);
    mem_free(j->budget, j, sizeof *j);
}

/* ---- asking ---- */

void job_stop(struct job *j)
{
    atomic_store(&j->stop, true);
    workers_wake_all(j);
}

bool job_stopping(const struct job *j)
{
    return atomic_load(&j->stop);
}

void job_commit(struct job *j)
{
    atomic_store(&j->commit_asked, true);
    workers_wake_all(j);
}

void job_force_snapshot(struct job *j)
{
    atomic_store(&j->snapshot_asked, true);
}

uint64_t job_epoch(const struct job *j)
{
    return atomic_load(&j->published);
}

int64_t job_deadline_ms(const struct job *j)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        int64_t at = task_deadline_ms(&j->tasks[i]);
        least = at < least ? at : least;
    }
    return least;
}

/* ---- steps by hand ---- */

static uint64_t draw(struct job *j)
{
    uint64_t x = j->random += 0x9e3779b97f4a7c15u; /* splitmix64 */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* In even seeds one task is far slower than the others, as a thread without a core would be. */
#define SLOW_FACTOR 64

static bool step_one(struct job *j, uint32_t which)
{
    if (which == j->n_tasks)
        return coordinator_try(j);
    struct task *t = &j->tasks[which];
    struct error err;
    bool ran;
    error_clear(&err);
    t->ctx.now_ms = job_now_ms(j);
    enum status st = task_step(t, &ran, &err);
    if (st != ST_OK)
        job_fail(j, st, &err);
    if (ran || st != ST_OK)
        task_publish(t);
    return ran || st != ST_OK;
}

enum job_progress job_step(struct job *j, struct error *err)
{
    uint32_t n = j->n_tasks + 1;
    bool ran = false;
    bool held = false;
    for (uint32_t i = 0; i < n && !ran && !job_over(j); i++) {
        uint32_t k = i + (uint32_t)(draw(j) % (n - i)), which = j->order[k];
        j->order[k] = j->order[i];
        j->order[i] = which;
        if (which == j->slow && draw(j) % SLOW_FACTOR)
            held = true;
        else
            ran = step_one(j, which);
    }
    if (held && !ran && !job_over(j))
        ran = step_one(j, j->slow);
    if (atomic_load(&j->failed)) {
        if (err)
            *err = j->error;
        return JOB_FAILED;
    }
    if (atomic_load(&j->done))
        return atomic_load(&j->stop) ? JOB_STOPPED : JOB_DONE;
    return ran ? JOB_RAN : JOB_IDLE;
}

void job_wait(struct job *j, int64_t timeout_ms)
{
    int64_t ms = timeout_ms;
    if (j->shards > 1 && ms > 10)
        ms = 10; /* the other shards' connectors raise their own signals */
    ms = ms < 1000 ? ms : 1000;
    if (ms > 0)
        (void)j->os->ops->signal_wait(j->os, j->workers[0].signal, os_mono_ns(j->os) + ms * 1000000);
}

/* ---- numbers ---- */

static struct op_metrics published(const struct op_face *face)
{
    struct op_metrics m;
    uint64_t words[METRIC_WORDS];
    for (uint32_t k = 0; k < METRIC_WORDS; k++)
        words[k] = atomic_load_explicit(&face->words[k], memory_order_relaxed);
    memcpy(&m, words, sizeof m);
    return m;
}

/* One operator's numbers into those of its node: sums, and the least watermark of those that hold time back. */
static void add_metrics(struct op_metrics *sum, const struct op_metrics *m)
{
    sum->rows_in += m->rows_in;
    sum->rows_out += m->rows_out;
    sum->batches_in += m->batches_in;
    sum->late_rows += m->late_rows;
    sum->bytes += m->bytes;
    sum->busy_ns += m->busy_ns;
    sum->state_entries += m->state_entries;
    sum->state_bytes += m->state_bytes;
    if (m->idle == sum->idle ? m->watermark_ms < sum->watermark_ms : sum->idle)
        sum->watermark_ms = m->watermark_ms;
    sum->idle &= m->idle;
}

void job_metrics(const struct job *j, uint32_t node, struct op_metrics *ret)
{
    *ret = (struct op_metrics){ .watermark_ms = INT64_MAX, .idle = true };
    for (uint32_t i = 0; i < j->n_tasks; i++)
        for (uint32_t k = 0; k < j->tasks[i].face.n_ops; k++)
            if (j->tasks[i].face.ops[k].node == node) {
                struct op_metrics m = published(&j->tasks[i].face.ops[k]);
                add_metrics(ret, &m);
            }
}

/* What the whole job tells of one of its operators; sources read, sinks write. */
static void add_stats(const struct job *j, const struct op_face *face, struct op_metrics *sinks, struct job_stats *ret)
{
    enum node_kind kind = j->plan->nodes[face->node]->kind;
    struct op_metrics m = published(face);
    ret->rows_in += kind == NODE_SOURCE ? m.rows_in : 0;
    ret->late_rows += m.late_rows;
    if (kind == NODE_SINK)
        add_metrics(sinks, &m);
}

void job_stats(const struct job *j, struct job_stats *ret)
{
    struct op_metrics sinks = { .watermark_ms = INT64_MAX, .idle = true };
    *ret = (struct job_stats){ .restored = j->restored };
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        const struct task *t = &j->tasks[i];
        for (uint32_t k = 0; k < t->face.n_ops; k++)
            add_stats(j, &t->face.ops[k], &sinks, ret);
        ret->state_bytes += atomic_load_explicit(&t->budget.used, memory_order_relaxed);
    }
    ret->rows_out = sinks.rows_out;
    ret->watermark_ms = sinks.watermark_ms;
    ret->last_commit_ms = atomic_load(&j->last_commit_ms);
    ret->epoch = atomic_load(&j->published);
    if (j->config.log)
        j->config.log->ops->stats(j->config.log, &ret->commits, &ret->commit_bytes, &ret->snapshots,
                                  &ret->snapshots_abandoned);
}

const char *job_late(const struct job *j, uint32_t i, uint64_t *ret_rows)
{
    for (uint32_t k = 0; k < j->plan->n_nodes; k++) {
        struct op_metrics m;
        if (j->plan->nodes[k]->kind != NODE_WINDOW_AGGREGATE || i-- > 0)
            continue;
        job_metrics(j, k, &m);
        *ret_rows = m.late_rows;
        return j->names[k];
    }
    return NULL;
}
