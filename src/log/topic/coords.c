/* The coordinators: who calls them, and when what they say may be told.
 *
 * Calls go into a queue without a lock; whoever finds nobody at work (`busy`) takes all that stand there, one after the other,
 * and looks again before leaving. So nobody waits for a coordinator, however long a step takes.
 *
 * A call becomes a flight: its steps' records as one batch for each of the two partitions, and the markers, in one
 * group. Flights are answered in their order, each when its group is durable, one without records at once behind those
 * before it. The coordinators are ahead of the log: when a group fails they know what never was. Then all flights fail, those
 * who wait in groups are sent away, and both are replayed (by the tender), before anybody is answered again. */
#include "topic/private.h"

enum { IDS_LOW = 100, IDS_TAKE = 1000, BATCH_MAX = 64 << 20, TRIES = 8 };

struct flight {
    struct flight *next;
    struct coords *coords;
    struct topic_call *call; /* NULL: nobody asked */
    struct arena arena;
    struct coord_step groups, txns;
    bool ready;
    int16_t kafka;
};

static struct flight *flight_new(struct coords *c, struct topic_call *call)
{
    struct flight *f = mem_calloc(c->node->budget, sizeof *f);
    if (!f)
        return NULL;
    f->coords = c;
    f->call = call;
    arena_init(&f->arena, c->node->budget);
    coord_step_init(&f->groups, &f->arena);
    coord_step_init(&f->txns, &f->arena);
    return f;
}

static void flight_free(struct flight *f)
{
    arena_release(&f->arena);
    mem_free(f->coords->node->budget, f, sizeof *f);
}

/* ---- answers ---- */

static void flight_answer(struct flight *f)
{
    struct coords *c = f->coords;
    const struct coord_step *steps[] = { &f->groups, &f->txns };
    int16_t kafka = f->kafka ? f->kafka : atomic_load(&c->broken) ? KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS : 0;
    for (uint32_t s = 0; s < 2; s++) {
        for (uint32_t i = 0; c->reply && i < steps[s]->replies.count; i++) {
            struct coord_reply r = steps[s]->replies.at[i];
            r.response = kafka == 0 ? r.response : NULL; /* its token is used up: nobody else will answer it */
            c->reply(c->reply_arg, &r);
        }
    }
    if (f->call)
        f->call->done(f->call, kafka);
    flight_free(f);
}

/* One at a time, in order; who comes meanwhile leaves it to that one. */
static void answer(struct coords *c)
{
    lock_take(&c->lock);
    if (!c->answering) {
        c->answering = true;
        while (c->first && c->first->ready) {
            struct flight *f = c->first;
            c->first = f->next;
            lock_give(&c->lock);
            flight_answer(f);
            lock_take(&c->lock);
        }
        c->answering = false;
    }
    lock_give(&c->lock);
}

static void break_coords(struct coords *c)
{
    atomic_store(&c->broken, true);
    tender_stir(c->node);
}

static void ready(struct flight *f, enum status st)
{
    struct coords *c = f->coords;
    if (st != ST_OK) {
        f->kafka = KAFKA_E_COORDINATOR_NOT_AVAILABLE;
        break_coords(c);
    }
    lock_take(&c->lock);
    f->ready = true;
    lock_give(&c->lock);
    answer(c);
}

/* ---- from steps to a group ---- */

static enum status put_records(struct topic_group *g, const struct coord_step *step, struct topic *topic,
                               int64_t now_ms, struct error *err)
{
    struct topics *t = g->node;
    struct record_builder *w;
    struct buf out;
    struct shared *bytes = NULL;
    struct record_producer producer = { step->producer_id, step->producer_epoch, -1, step->producer_id >= 0 };
    if (step->records.count == 0)
        return ST_OK;
    TRY(record_builder_new(RECORD_PLAIN, BATCH_MAX, t->budget, &w, err));
    buf_init(&out, t->budget, BATCH_MAX + (1 << 20));
    enum status st = ST_OK;
    for (uint32_t i = 0; i < step->records.count && st == ST_OK; i++) {
        const struct coord_record *x = &step->records.at[i];
        struct record r = { .offset = -1, .timestamp_ms = now_ms, .key = x->key, .value = x->value };
        bool full = false;
        st = record_builder_add(w, &r, &full, err);
        if (st == ST_OK && full)
            st = error_set(err, ST_LIMIT, "a coordinator's step has more than %d bytes", BATCH_MAX);
    }
    if (st == ST_OK)
        st = record_builder_finish(w, producer, &out, err);
    if (st == ST_OK)
        bytes = shared_new(t->budget, (uint32_t)out.len);
    if (st == ST_OK && !bytes)
        st = budget_error(t->budget ? t->budget : budget_process(), out.len, err);
    if (st == ST_OK) {
        memcpy(bytes->data, out.data, out.len);
        bytes->len = (uint32_t)out.len;
        st = topic_group_append(g, topic_partition(topic, 0), bytes, 0, bytes->len, err);
    }
    shared_unref(bytes);
    buf_release(&out);
    record_builder_free(w);
    return st;
}

/* To each partition that still is. */
static enum status put_marker(struct topic_group *g, const struct coord_marker *m, int64_t now_ms, struct error *err)
{
    struct record_marker end = { m->commit, m->coordinator_epoch };
    for (uint32_t i = 0; i < m->n_topics; i++) {
        struct topic *p = topics_find(g->node, m->topics[i].topic);
        enum status st = ST_OK;
        uint32_t n = m->topics[i].n_partitions;
        n -= i + 1 == m->n_topics && topics_bug(g->node, LOG_BUG_MARKER_LOST);
        for (uint32_t k = 0; p && k < n && st == ST_OK; k++) {
            int32_t index = m->topics[i].partitions[k];
            struct topic_partition *x = index < 0 ? NULL : topic_partition(p, (uint32_t)index);
            if (x)
                st = topic_group_marker(g, x, m->producer_id, m->producer_epoch, end, now_ms, err);
        }
        topic_unref(p);
        TRY(st);
    }
    return ST_OK;
}

static void landed(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    (void)err;
    topic_group_free(g);
    ready(arg, st);
}

/* LOG_BUG_OFFSETS_EARLY */
static void landed_unseen(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    (void)arg, (void)st, (void)err;
    topic_group_free(g);
}

static enum status submit(struct flight *f, int64_t now_ms, int16_t *ret_kafka, struct error *err)
{
    struct coords *c = f->coords;
    struct topic_group *g = topic_group_new(c->node, c->node->budget);
    if (!g)
        return budget_error(c->node->budget ? c->node->budget : budget_process(), sizeof *g, err);
    g->forced = true;
    enum status st = put_records(g, &f->groups, c->offsets, now_ms, err);
    if (st == ST_OK)
        st = put_records(g, &f->txns, c->transactions, now_ms, err);
    for (uint32_t i = 0; i < f->txns.markers.count && st == ST_OK; i++)
        st = put_marker(g, &f->txns.markers.at[i], now_ms, err);
    bool early = topics_bug(c->node, LOG_BUG_OFFSETS_EARLY);
    if (st == ST_OK)
        st = topic_group_submit(g, early ? landed_unseen : landed, f, ret_kafka, err);
    if (st != ST_OK)
        topic_group_free(g);
    else if (early)
        ready(f, ST_OK);
    return st;
}

/* Offsets that wait for a marker learn of it with the step that yields it. */
static void tell_groups(struct coords *c, const struct coord_step *txns)
{
    for (uint32_t i = 0; i < txns->markers.count; i++) {
        const struct coord_marker *m = &txns->markers.at[i];
        for (uint32_t k = 0; k < m->n_topics; k++) {
            if (str_eq(m->topics[k].topic, STR(COORD_OFFSETS_TOPIC)))
                coord_groups_end_txn(c->groups, m->producer_id, m->commit || topics_bug(c->node, LOG_BUG_OFFSETS_ABORTED));
        }
    }
}

static void depart(struct flight *f, int64_t now_ms)
{
    struct coords *c = f->coords;
    bool empty = f->groups.records.count + f->txns.records.count + f->txns.markers.count == 0;
    enum status st = ST_OK;
    int16_t kafka = 0;
    tell_groups(c, &f->txns);
    lock_take(&c->lock);
    f->ready = empty;
    *(c->first ? &c->last->next : &c->first) = f;
    c->last = f;
    lock_give(&c->lock);
    if (empty) {
        answer(c);
        return;
    }
    for (uint32_t tries = 0; tries < TRIES; tries++) {
        st = submit(f, now_ms, &kafka, NULL);
        if (st == ST_OK)
            return;
        if (kafka != KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION) /* else a topic has just been deleted: without it */
            break;
    }
    ready(f, st);
}

/* ---- running ---- */

static void more_ids(struct coords *c)
{
    if (coord_ids_left(&c->ids) >= IDS_LOW)
        return;
    int64_t first = topics_producer_ids(c->node, IDS_TAKE);
    if (first >= 0)
        c->ids = (struct coord_ids){ first, first + IDS_TAKE };
}

static void run_call(struct coords *c, struct topic_call *call)
{
    int64_t now_ms = os_wall_ms(c->node->os);
    if (atomic_load(&c->parked)) {
        call->done(call, KAFKA_E_NOT_COORDINATOR);
        return;
    }
    if (atomic_load(&c->broken)) {
        call->done(call, KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS);
        return;
    }
    struct flight *f = flight_new(c, call);
    if (!f) {
        call->done(call, KAFKA_E_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    more_ids(c);
    struct topic_coords with = { c->groups, c->txns, &f->groups, &f->txns, now_ms };
    enum status st = call->run(call, &with, NULL);
    if (st == ST_BUG)
        break_coords(c);
    if (st != ST_OK)
        f->kafka = st == ST_MEMORY || st == ST_LIMIT ? KAFKA_E_COORDINATOR_NOT_AVAILABLE : (int16_t)status_kafka(st);
    depart(f, now_ms);
}

/* ---- their topics ---- */

static const struct str topic_names[] = { STR_INIT(COORD_OFFSETS_TOPIC), STR_INIT(COORD_TXNS_TOPIC) };

bool coords_find_topics(struct coords *c)
{
    if (!c->offsets)
        c->offsets = topics_find(c->node, topic_names[0]);
    if (!c->transactions)
        c->transactions = topics_find(c->node, topic_names[1]);
    return c->offsets && c->transactions;
}

static void enter(struct coords *c);

static void made(struct topic_admin *a)
{
    struct coords *c = a->user;
    if (atomic_fetch_add(&c->made, 1) == 1)
        enter(c);
}

static void ask_for_topics(struct coords *c)
{
    static const struct topic_config_change compact[] = {
        { STR_INIT("cleanup.policy"), STR_INIT("compact"), TOPIC_SET },
        { STR_INIT("segment.bytes"), STR_INIT("104857600"), TOPIC_SET },
    };
    c->making = true;
    atomic_store(&c->made, 0);
    for (uint32_t i = 0; i < 2; i++) {
        c->make[i] = (struct topic_admin){ .kind = TOPIC_ADMIN_CREATE, .name = topic_names[i], .partitions = 1,
                                           .changes = compact, .n_changes = 2, .internal = true, .done = made,
                                           .user = c };
        topics_admin(c->node, &c->make[i]);
    }
}

/* ---- the line ---- */

static struct topic_call *take_queue(struct coords *c)
{
    struct topic_call *x = atomic_exchange(&c->queue, NULL), *list = NULL;
    while (x) { /* newest first: turned round */
        struct topic_call *next = x->next;
        x->next = list;
        list = x;
        x = next;
    }
    return list;
}

static void hold(struct coords *c, struct topic_call *call)
{
    call->next = NULL;
    *(c->held ? &c->held_last->next : &c->held) = call;
    c->held_last = call;
}

static void run_held(struct coords *c)
{
    struct topic_call *list = c->held;
    bool there = coords_find_topics(c) || atomic_load(&c->parked);
    c->held = NULL;
    c->making = false;
    for (struct topic_call *next; list; list = next) {
        next = list->next; /* `done` may free it */
        if (there)
            run_call(c, list);
        else
            list->done(list, KAFKA_E_COORDINATOR_NOT_AVAILABLE);
    }
}

/* Whoever waits in a group is sent away. */
static void unload(struct coords *c)
{
    struct flight *f = c->groups ? flight_new(c, NULL) : NULL;
    if (!f)
        return;
    enum status st = coord_groups_unload(c->groups, KAFKA_E_NOT_COORDINATOR, &f->groups, NULL);
    for (uint32_t i = 0; st == ST_OK && c->reply && i < f->groups.replies.count; i++)
        c->reply(c->reply_arg, &f->groups.replies.at[i]);
    flight_free(f);
}

static void work(struct coords *c)
{
    if (atomic_load(&c->parked) && !c->unloaded) {
        unload(c);
        c->unloaded = true;
    }
    if (c->making && atomic_load(&c->made) == 2)
        run_held(c);
    for (struct topic_call *call = take_queue(c), *next; call; call = next) {
        next = call->next;
        if (atomic_load(&c->parked) || (!c->held && coords_find_topics(c))) {
            run_call(c, call);
            continue;
        }
        hold(c, call);
        if (!c->making)
            ask_for_topics(c);
    }
    int64_t deadline = INT64_MAX, other = INT64_MAX;
    if (c->offsets && c->transactions && c->groups && !c->unloaded && !atomic_load(&c->broken)) {
        deadline = coord_groups_deadline(c->groups);
        other = coord_txns_deadline(c->txns);
    }
    deadline = deadline < other ? deadline : other;
    atomic_store(&c->deadline_ms, deadline);
    if (deadline < atomic_load(&c->armed_ms))
        c->node->os->ops->signal_raise(c->node->os, c->node->upkeep);
}

/* Where somebody is at work already, that one looks again. */
static void enter(struct coords *c)
{
    atomic_store(&c->again, true);
    while (atomic_load(&c->again) && !atomic_flag_test_and_set(&c->busy)) {
        atomic_store(&c->again, false);
        work(c);
        atomic_flag_clear(&c->busy);
    }
}

void topics_call(struct topics *t, struct topic_call *call)
{
    struct coords *c = &t->coords;
    struct topic_call *head = atomic_load(&c->queue);
    do {
        call->next = head;
    } while (!atomic_compare_exchange_weak(&c->queue, &head, call));
    enter(c);
}

void topics_on_reply(struct topics *t, void (*reply)(void *arg, const struct coord_reply *r), void *arg)
{
    t->coords.reply = reply;
    t->coords.reply_arg = arg;
}

void topics_park(struct topics *t)
{
    atomic_store(&t->coords.parked, true);
    enter(&t->coords);
}

/* ---- time ---- */

static enum status tick(struct topic_call *call, struct topic_coords *with, struct error *err)
{
    (void)call;
    TRY(coord_groups_tick(with->groups, with->now_ms, with->groups_step, err));
    return coord_txns_tick(with->txns, with->now_ms, with->txns_step, err);
}

static void ticked(struct topic_call *call, int16_t kafka)
{
    struct coords *c = call->user;
    (void)kafka; /* refused: what is due stays due */
    atomic_store(&c->ticking, false);
}

/* Both anew from the log, when nothing that they have yielded is under way any more. */
static void reload(struct coords *c)
{
    lock_take(&c->lock);
    bool idle = !c->first && !c->answering;
    lock_give(&c->lock);
    if (!idle || atomic_flag_test_and_set(&c->busy))
        return;
    unload(c);
    if (coords_replay(c, NULL) == ST_OK) {
        atomic_store(&c->broken, false);
        coords_begin(c);
    }
    atomic_flag_clear(&c->busy);
    enter(c);
}

enum { AGAIN_MS = 20, RELOAD_MS = 1000 };

void topics_tick(struct topics *t, int64_t now_ms, int64_t *ret_next_ms)
{
    struct coords *c = &t->coords;
    int64_t least = now_ms + AGAIN_MS;
    if (atomic_load(&c->broken) && !atomic_load(&c->parked)) {
        reload(c);
        least = atomic_load(&c->broken) ? now_ms + RELOAD_MS : least;
    }
    if (atomic_load(&c->deadline_ms) <= now_ms && !atomic_exchange(&c->ticking, true)) {
        c->tick = (struct topic_call){ .run = tick, .done = ticked, .user = c };
        topics_call(t, &c->tick);
    }
    int64_t next = atomic_load(&c->deadline_ms);
    next = atomic_load(&c->broken) || next < least ? least : next;
    atomic_store(&c->armed_ms, next);
    if (atomic_load(&c->deadline_ms) < next) /* has just come earlier */
        next = least;
    *ret_next_ms = next;
}

/* ---- a topic goes ---- */

struct forget {
    struct topic_call call;
    struct topics *node;
    bool more;
    size_t len;
    char name[];
};

static enum status forget(struct topic_call *call, struct topic_coords *with, struct error *err)
{
    struct forget *f = call->user;
    f->more = false;
    return coord_groups_forget_topic(with->groups, str_make(f->name, f->len), with->now_ms, with->groups_step, &f->more,
                                     err);
}

static void forgotten(struct topic_call *call, int16_t kafka)
{
    struct forget *f = call->user;
    if (kafka == 0 && f->more)
        topics_call(f->node, call);
    else
        mem_free(f->node->budget, f, sizeof *f + f->len);
}

void coords_forget_topic(struct topics *t, struct str name)
{
    struct topic *offsets = topics_find(t, topic_names[0]);
    struct forget *f = offsets ? mem_alloc(t->budget, sizeof *f + name.len) : NULL;
    topic_unref(offsets);
    if (!f)
        return; /* offsets of a topic's old life have its old id: nobody takes them for the new one's */
    *f = (struct forget){ .call = { .run = forget, .done = forgotten }, .node = t, .len = name.len };
    f->call.user = f;
    memcpy(f->name, name.ptr, name.len);
    topics_call(t, &f->call);
}

/* ---- life ---- */

static enum status begin(struct topic_call *call, struct topic_coords *with, struct error *err)
{
    (void)call;
    coord_txns_loaded(with->txns, with->now_ms);
    return coord_groups_loaded(with->groups, with->now_ms, with->groups_step, err);
}

static void begun(struct topic_call *call, int16_t kafka)
{
    (void)call, (void)kafka;
}

/* Replayed: sessions begin anew. Nobody else is asked before. */
void coords_begin(struct coords *c)
{
    c->start = (struct topic_call){ .run = begin, .done = begun };
    run_call(c, &c->start);
}

enum status coords_open(struct topics *t, struct error *err)
{
    struct coords *c = &t->coords;
    c->node = t;
    atomic_init(&c->deadline_ms, INT64_MAX);
    atomic_init(&c->armed_ms, INT64_MAX);
    coords_find_topics(c);
    TRY(coords_replay(c, err));
    coords_begin(c);
    enter(c);
    return atomic_load(&c->broken) ? error_set(err, ST_MEMORY, "the coordinators cannot begin") : ST_OK;
}

void coords_close(struct topics *t)
{
    struct coords *c = &t->coords;
    coord_groups_free(c->groups);
    coord_txns_free(c->txns);
    topic_unref(c->offsets);
    topic_unref(c->transactions);
}
