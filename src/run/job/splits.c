/* Sources and sinks of a job, and the splits of its sources.
 *
 * Splits are listed once before the job starts and, where the connector wants it, again and again in the
 * background. A new split goes to the shard of its number modulo the number of shards. Tasks read their shard's
 * list without a lock: it only grows; a larger array replaces a full one before the count says so, and the old
 * array stays in the arena.
 *
 * A split with a restored position that is not finished but no longer listed (a file that was deleted) is taken up
 * all the same, so that the connector refuses it by name instead of its rest being lost in silence. For this the
 * room knows one thing of the source operator: its store "<id>/positions" has a blob a split that starts with 1
 * when the split is finished. */
#include "job/job_private.h"

#define SPLITS_MAX (1u << 24)

static struct job_source *source_slot(const struct job *j, const struct node *n)
{
    for (uint32_t i = 0; i < j->n_sources; i++)
        if (j->sources[i].node == n)
            return &j->sources[i];
    CHECK(!"a source without a slot");
    return NULL;
}

struct source *sources_of(struct exec_context *ctx, const struct node *n, int64_t *ret_discover_ms)
{
    struct job_source *s = source_slot(ctx->job, n);
    *ret_discover_ms = s->discover_ms;
    return s->source;
}

struct sink *sinks_of(struct exec_context *ctx, const struct node *n)
{
    struct job *j = ctx->job;
    for (uint32_t i = 0; i < j->n_sinks; i++)
        if (j->sinks[i].node == n)
            return j->sinks[i].sink;
    CHECK(!"a sink without a slot");
    return NULL;
}

void splits_of(struct exec_context *ctx, const struct node *n, const struct split **ret, uint32_t *ret_count,
               bool *ret_complete)
{
    struct job_source *s = source_slot(ctx->job, n);
    struct split_list *l = &s->lists[ctx->shard];
    *ret_count = atomic_load_explicit(&l->count, memory_order_acquire); /* before the array, which is as new */
    *ret = atomic_load_explicit(&l->at, memory_order_acquire);
    *ret_complete = s->discover_ms == 0;
}

/* ---- opening ---- */

static enum status open_source(struct job *j, const struct node *n, struct error *err)
{
    struct job_source *s = &j->sources[j->n_sources];
    const struct connector *k = n->source.table->connector;
    CHECK(k && k->open_source);
    *s = (struct job_source){ .job = j, .node = n };
    s->lists = ARENA_ARRAY(&j->arena, struct split_list, j->shards);
    if (!s->lists)
        return budget_error(j->budget, sizeof *s->lists, err);
    map_init(&s->ids, &j->arena, false);
    arena_init(&s->found_arena, j->budget);
    TRY(k->open_source(n->source.table, n->source.needs, j->config.connect, &s->discover_ms, &s->source, err));
    j->n_sources++;
    return ST_OK;
}

static enum status open_sink(struct job *j, const struct node *n, struct error *err)
{
    const struct connector *k = n->sink.table->connector;
    CHECK(k && k->open_sink);
    struct sink *s;
    TRY(k->open_sink(n->sink.table, &n->sink.columns, n->sink.upsert, j->config.connect, &s, err));
    j->sinks[j->n_sinks++] = (struct job_sink){ n, s };
    return ST_OK;
}

enum status sources_open(struct job *j, struct error *err)
{
    uint32_t n = j->plan->n_nodes;
    j->sources = ARENA_ARRAY(&j->arena, struct job_source, n);
    j->sinks = ARENA_ARRAY(&j->arena, struct job_sink, n);
    if (!j->sources || !j->sinks)
        return budget_error(j->budget, n * sizeof *j->sources, err);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *node = j->plan->nodes[i];
        if (node->kind == NODE_SOURCE)
            TRY(open_source(j, node, err));
        else if (node->kind == NODE_SINK)
            TRY(open_sink(j, node, err));
    }
    return ST_OK;
}

void sources_close(struct job *j)
{
    for (uint32_t i = 0; i < j->n_sources; i++) {
        struct job_source *s = &j->sources[i];
        arena_release(&s->found_arena);
        if (s->source->ops->free)
            s->source->ops->free(s->source);
    }
    for (uint32_t i = 0; i < j->n_sinks; i++)
        if (j->sinks[i].sink->ops->free)
            j->sinks[i].sink->ops->free(j->sinks[i].sink);
    j->n_sources = j->n_sinks = 0;
}

/* ---- splits ---- */

static bool list_add(struct split_list *l, struct arena *a, struct str id)
{
    uint32_t n = atomic_load_explicit(&l->count, memory_order_relaxed);
    struct split *at = atomic_load_explicit(&l->at, memory_order_relaxed);
    if (n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 8;
        struct split *more = ARENA_ARRAY(a, struct split, cap);
        if (!more)
            return false;
        if (n)
            memcpy(more, at, n * sizeof *more);
        at = more;
        atomic_store_explicit(&l->at, more, memory_order_release);
        l->cap = cap;
    }
    at[n].id = id;
    atomic_store_explicit(&l->count, n + 1, memory_order_release);
    return true;
}

/* *ret_new: it was not known. */
static enum status add_split(struct job_source *s, struct str id, bool *ret_new, struct error *err)
{
    struct job *j = s->job;
    *ret_new = map_get(&s->ids, id) == NULL;
    if (!*ret_new)
        return ST_OK;
    if (s->known == SPLITS_MAX)
        return error_set(err, ST_LIMIT, "table '%.*s' has more than %u splits", STR_ARG(s->node->source.table->name),
                         SPLITS_MAX);
    struct str copy = arena_str(&j->arena, id);
    if (!copy.ptr || !map_put(&s->ids, copy, s) || !list_add(&s->lists[s->known % j->shards], &j->arena, copy))
        return budget_error(j->budget, id.len, err);
    s->known++;
    return ST_OK;
}

/* Unfinished splits that were being read, from any chain that has the source (each has all positions). */
static enum status add_restored(struct job_source *s, struct error *err)
{
    struct job *j = s->job;
    struct op *o = NULL;
    for (uint32_t i = 0; i < j->n_tasks && !o; i++)
        o = chain_op(j->tasks[i].chain, s->node->index);
    for (uint32_t k = 0; o && k < o->n_stores; k++) {
        const struct store_layout *l = store_layout(o->stores[k]);
        struct table *t = store_find(o->stores[k], 0);
        uint64_t cursor = 0, handle;
        if (!t || !str_ends(l->id, STR("/positions")) || l->n_blobs != 1)
            continue;
        for (struct entry *e; (e = table_next(t, &cursor));) {
            memcpy(&handle, (uint8_t *)entry_value(t, e) + l->blob_offsets[0], sizeof handle);
            struct str blob = table_blob(t, handle);
            bool is_new;
            if (blob.len && blob.ptr[0] != 1)
                TRY(add_split(s, entry_key(t, e), &is_new, err));
        }
    }
    return ST_OK;
}

static enum status take_found(struct job_source *s, bool *ret_any, struct error *err)
{
    *ret_any = false;
    for (uint32_t i = 0; i < s->n_found; i++) {
        bool is_new;
        TRY(add_split(s, s->found[i].id, &is_new, err));
        *ret_any |= is_new;
    }
    arena_reset(&s->found_arena);
    s->n_found = 0;
    return ST_OK;
}

static int64_t look_again_ms(const struct job_source *s, int64_t mono_ms)
{
    return s->discover_ms <= 0 || s->discover_ms > INT64_MAX - mono_ms ? INT64_MAX : mono_ms + s->discover_ms;
}

enum status sources_list(struct job *j, struct error *err)
{
    for (uint32_t i = 0; i < j->n_sources; i++) {
        struct job_source *s = &j->sources[i];
        bool any;
        TRY(s->source->ops->splits(s->source, &s->found_arena, &s->found, &s->n_found, err));
        TRY(take_found(s, &any, err));
        TRY(add_restored(s, err));
        s->next_look_ms = look_again_ms(s, job_mono_ms(j));
    }
    return ST_OK;
}

static void look_work(struct os_work *w)
{
    struct job_source *s = w->arg;
    error_clear(&s->found_error);
    s->found_status = s->source->ops->splits(s->source, &s->found_arena, &s->found, &s->n_found, &s->found_error);
}

bool sources_busy(const struct job *j)
{
    for (uint32_t i = 0; i < j->n_sources; i++)
        if (j->sources[i].looking && !atomic_load(&j->sources[i].work.done))
            return true;
    return false;
}

static enum status end_look(struct job_source *s, int64_t mono_ms, bool *ret_ran, struct error *err)
{
    bool any;
    if (!atomic_load(&s->work.done))
        return ST_OK;
    s->looking = false;
    s->next_look_ms = look_again_ms(s, mono_ms);
    if (s->found_status != ST_OK) {
        if (err)
            *err = s->found_error;
        return s->found_status;
    }
    TRY(take_found(s, &any, err));
    if (any)
        workers_wake_all(s->job);
    *ret_ran |= any;
    return ST_OK;
}

bool sources_step(struct job *j, int64_t mono_ms, int64_t *ret_next_ms, enum status *ret_st, struct error *err)
{
    bool ran = false;
    *ret_next_ms = INT64_MAX;
    *ret_st = ST_OK;
    for (uint32_t i = 0; i < j->n_sources && *ret_st == ST_OK; i++) {
        struct job_source *s = &j->sources[i];
        if (s->looking) {
            *ret_st = end_look(s, mono_ms, &ran, err);
        } else if (mono_ms >= s->next_look_ms && !atomic_load(&j->stop)) {
            s->looking = true;
            s->work = (struct os_work){ .run = look_work, .arg = s, .signal = j->workers[0].signal };
            j->os->ops->work(j->os, &s->work);
            ran = true;
        }
        if (!s->looking && s->next_look_ms < *ret_next_ms)
            *ret_next_ms = s->next_look_ms;
    }
    return ran;
}
