/* Calls that wait for the writer: what a thread without a loop of its own asks for. Where there are no threads
 * (simulation) waiting is turning the world.
 *
 * The waiter's signal may be freed as soon as it returns, so the answer comes in two steps: 1 before the signal is raised,
 * 2 when the raiser is done with it. Between the two lies a moment. */
#include "topic/private.h"

#define MOMENT_NS 100000

struct parked {
    struct topics *topics;
    struct os *os;
    struct os_signal *signal;
    atomic_int state;
    enum status status;
    struct error error;
};

static enum status park_init(struct parked *p, struct topics *t, struct error *err)
{
    struct os *os = t->os;
    p->topics = t;
    p->os = os;
    p->status = ST_OK;
    atomic_init(&p->state, 0);
    error_clear(&p->error);
    p->signal = os->ops->signal_new(os);
    return p->signal ? ST_OK : budget_error(budget_process(), 0, err);
}

static void unpark(struct parked *p)
{
    atomic_store(&p->state, 1);
    p->os->ops->signal_raise(p->os, p->signal);
    atomic_store(&p->state, 2);
}

static void park(struct parked *p)
{
    const struct topics_options *o = &p->topics->options;
    int state;
    while ((state = atomic_load(&p->state)) != 2) {
        if (o->idle)
            o->idle(o->idle_arg);
        else
            (void)p->os->ops->signal_wait(p->os, p->signal, state == 0 ? INT64_MAX : os_mono_ns(p->os) + MOMENT_NS);
    }
    p->os->ops->signal_free(p->os, p->signal);
}

static void admin_done(struct topic_admin *a)
{
    unpark(a->user);
}

enum status topics_admin_wait(struct topics *t, struct topic_admin *a, struct error *err)
{
    struct parked p;
    TRY(park_init(&p, t, err));
    a->done = admin_done;
    a->user = &p;
    topics_admin(t, a);
    park(&p);
    if (a->kafka == 0)
        return ST_OK;
    if (err)
        *err = a->error;
    return a->error.status != ST_OK ? a->error.status : ST_IO;
}

static void group_done_wait(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    struct parked *p = arg;
    p->status = st;
    if (st != ST_OK && err)
        p->error = *err;
    topic_group_free(g);
    unpark(p);
}

enum status topic_group_commit(struct topics *t, struct topic_group *g, struct error *err)
{
    struct parked p;
    int16_t kafka;
    enum status st = park_init(&p, t, err);
    if (st != ST_OK) {
        topic_group_free(g);
        return st;
    }
    st = topic_group_submit(g, group_done_wait, &p, &kafka, err);
    if (st != ST_OK) {
        p.os->ops->signal_free(p.os, p.signal);
        topic_group_free(g);
        return st;
    }
    park(&p);
    if (p.status != ST_OK && err)
        *err = p.error;
    return p.status;
}

/* ---- bookmarks ----
 *
 * Requests as a client's that is no member of the group: generation -1. A topic stands there once for each of its partitions. */

struct bookmarks {
    struct topic_call call;
    struct str group;
    struct topic_bookmark *at;
    uint32_t n;
    struct parked parked; /* its status: of the whole */
    int16_t kafka;        /* the first refusal */
};

static void bookmarks_done(struct topic_call *c, int16_t kafka)
{
    struct bookmarks *b = c->user;
    if (kafka)
        b->kafka = kafka;
    unpark(&b->parked);
}

static enum status bookmarks_refused(const struct bookmarks *b, const char *what, struct error *err)
{
    if (b->kafka == 0)
        return ST_OK;
    return error_set(err, ST_IO, "the offsets of group '%.*s' cannot be %s: %s", STR_ARG(b->group), what,
                     kafka_error(b->kafka)->name);
}

static enum status fetch_bookmarks(struct topic_call *c, struct topic_coords *with, struct error *err)
{
    struct bookmarks *b = c->user;
    struct arena *a = with->groups_step->arena;
    struct kafka_offset_fetch_request_group rq;
    struct kafka_offset_fetch_response_group r;
    KAFKA_INIT(offset_fetch_request_group, &rq);
    KAFKA_INIT(offset_fetch_response_group, &r);
    rq.group_id = b->group;
    rq.n_topics = b->n;
    rq.topics = KAFKA_NEW(a, offset_fetch_request_topic, b->n);
    int32_t *indexes = ARENA_ARRAY(a, int32_t, b->n + 1);
    if (!rq.topics || !indexes)
        return budget_error(a->budget ? a->budget : budget_process(), 0, err);
    for (uint32_t i = 0; i < b->n; i++) {
        indexes[i] = (int32_t)b->at[i].partition;
        rq.topics[i].name = b->at[i].topic;
        rq.topics[i].partition_indexes = &indexes[i];
        rq.topics[i].n_partition_indexes = 1;
    }
    TRY(coord_groups_fetch(with->groups, &rq, false, a, &r, err));
    b->kafka = r.error_code;
    for (uint32_t i = 0; i < b->n && i < r.n_topics; i++) {
        const struct kafka_offset_fetch_response_topic *t = &r.topics[i];
        b->at[i].offset = t->n_partitions ? t->partitions[0].committed_offset : -1;
        if (t->n_partitions && t->partitions[0].error_code && !b->kafka)
            b->kafka = t->partitions[0].error_code;
    }
    return ST_OK;
}

enum status topic_bookmarks_get(struct topics *t, struct str group, struct topic_bookmark *at, uint32_t n, struct error *err)
{
    struct bookmarks b = { .group = group, .at = at, .n = n };
    TRY(park_init(&b.parked, t, err));
    b.call = (struct topic_call){ .run = fetch_bookmarks, .done = bookmarks_done, .user = &b };
    topics_call(t, &b.call);
    park(&b.parked);
    return bookmarks_refused(&b, "read", err);
}

static enum status commit_bookmarks(struct topic_call *c, struct topic_coords *with, struct error *err)
{
    struct bookmarks *b = c->user;
    struct arena *a = with->groups_step->arena;
    struct coord_client client = { .version = 8, .client_id = STR("weir"), .client_host = STR("") };
    struct kafka_offset_commit_request rq;
    struct kafka_offset_commit_response r;
    KAFKA_INIT(offset_commit_request, &rq);
    KAFKA_INIT(offset_commit_response, &r);
    rq.group_id = b->group;
    rq.n_topics = b->n;
    rq.topics = KAFKA_NEW(a, offset_commit_request_topic, b->n);
    struct kafka_offset_commit_request_partition *p = KAFKA_NEW(a, offset_commit_request_partition, b->n);
    if (!rq.topics || !p)
        return budget_error(a->budget ? a->budget : budget_process(), 0, err);
    for (uint32_t i = 0; i < b->n; i++) {
        p[i].partition_index = (int32_t)b->at[i].partition;
        p[i].committed_offset = b->at[i].offset;
        p[i].committed_metadata = STR("");
        rq.topics[i].name = b->at[i].topic;
        rq.topics[i].partitions = &p[i];
        rq.topics[i].n_partitions = 1;
    }
    TRY(coord_groups_commit(with->groups, &client, &rq, with->now_ms, with->groups_step, &r, err));
    for (uint32_t i = 0; i < r.n_topics; i++)
        for (uint32_t k = 0; k < r.topics[i].n_partitions; k++)
            if (r.topics[i].partitions[k].error_code && !b->kafka)
                b->kafka = r.topics[i].partitions[k].error_code;
    return ST_OK;
}

enum status topic_bookmarks_set(struct topics *t, struct str group, struct topic_bookmark *at, uint32_t n, struct error *err)
{
    struct bookmarks b = { .group = group, .at = at, .n = n };
    TRY(park_init(&b.parked, t, err));
    b.call = (struct topic_call){ .run = commit_bookmarks, .done = bookmarks_done, .user = &b };
    topics_call(t, &b.call);
    park(&b.parked);
    return bookmarks_refused(&b, "committed", err);
}
