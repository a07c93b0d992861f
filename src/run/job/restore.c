/* Restore: snapshot and deltas from the log, operation by operation, into the chains; then the sinks.
 *
 * Every task is shown every operation. A store keeps those of its key groups, or all when each shard needs them
 * (positions, watermarks, sink commits), so another parallelism restores like the same one. A store that nobody
 * knows is a state of another job. After that each sink repeats the publication of the newest commit and takes
 * back what none names; only then writers are opened. */
#include "job/job_private.h"

static enum status apply(void *arg, const struct delta *d, struct error *err)
{
    struct job *j = arg;
    bool known = false;
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        struct task *t = &j->tasks[i];
        struct exec_context *ctx = &t->ctx;
        uint32_t shard = ctx->shard, shards = ctx->shards;
        bool here = false;
        if (j->config.planted & JOB_BUG_WRONG_SHARD)
            ctx->shard = 0, ctx->shards = 1;
        enum status st = chain_apply(t->chain, d, &here, err);
        ctx->shard = shard;
        ctx->shards = shards;
        TRY(st);
        known |= here;
    }
    if (!known) {
        error_set(err, ST_MISMATCH, "the state to restore holds '%.*s', which this job does not have",
                  STR_ARG(d->store));
        error_hint(err, "run the statement that wrote it, or name another state directory");
        return ST_MISMATCH;
    }
    j->restored = true;
    return ST_OK;
}

static enum status visit_payload(void *arg, struct str payload, struct error *err)
{
    return payload.len ? delta_read(payload, apply, arg, err) : ST_OK;
}

/* The chain of shard 0 that has the node. */
static struct chain *chain_with(struct job *j, uint32_t node)
{
    for (uint32_t i = 0; i < j->n_tasks; i++)
        if (j->tasks[i].ctx.shard == 0 && chain_op(j->tasks[i].chain, node))
            return j->tasks[i].chain;
    CHECK(!"a node without a task");
    return NULL;
}

static enum status restore_sink(struct job *j, const struct job_sink *s, struct error *err)
{
    struct arena a;
    struct sink_commit *commits;
    uint32_t n;
    if (!s->sink->ops->restore)
        return ST_OK;
    arena_init(&a, j->budget);
    enum status st = chain_sink_commits(chain_with(j, s->node->index), s->node->index, &a, &commits, &n, err);
    if (st == ST_OK)
        st = s->sink->ops->restore(s->sink, commits, n, err);
    arena_release(&a);
    return st;
}

enum status job_restore(struct job *j, struct error *err)
{
    uint64_t epoch = 0;
    struct commit_log *log = j->config.log;
    if (log) {
        log->planted = j->config.planted;
        TRY(log->ops->restore(log, visit_payload, j, &epoch, err));
        j->restored |= epoch > 0;
    }
    for (uint32_t i = 0; i < j->n_sinks; i++)
        TRY(restore_sink(j, &j->sinks[i], err));
    atomic_store(&j->published, epoch);
    atomic_store(&j->asked, epoch);
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        task_has_passed(&j->tasks[i], epoch);
        atomic_store(&j->tasks[i].face.handed, epoch);
    }
    return ST_OK;
}
