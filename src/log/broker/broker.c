/* The door's life: loops and their threads, listening, stopping.
 *
 * The first loop listens and hands connections to all in turn. Stopping is a letter to each loop: parked calls are
 * answered, then link ends what is there. */
#include <stdio.h>

#include "broker/private.h"

#define FRAME_FLOOR (128u << 10) /* bytes a second: a request of 100 MiB has a quarter of an hour */
#define HOLD_BYTES (1u << 20)         /* batches wait for others that are being read: so many bytes, ... */
#define HOLD_NS INT64_C(300000)       /* ... so long */
#define UNPACKED_MAX ((size_t)1 << 30) /* of one batch; it is held a piece at a time */

/* ---- what link calls ---- */

static void door_accepted(void *arg, struct link_conn *conn)
{
    struct door *d = arg;
    struct peer *p = mem_calloc(d->broker->o.budget, sizeof *p);
    struct error err;
    if (!p) {
        error_set(&err, ST_MEMORY, "no memory for a connection");
        link_close(conn, &err);
        return;
    }
    p->door = d;
    p->conn = conn;
    link_conn_set_user(conn, p);
    uint64_t now = link_count(d->loop).connections;
    if (now == d->broker->o.max_connections)
        door_say(d, "%llu connections are open, all that a thread may have: the next one waits until one has closed "
                 "('ulimit -n' may allow more)", (unsigned long long)now);
}

static void door_frame(void *arg, struct link_request *r)
{
    (void)arg;
    call_begin(link_conn_user(r->conn), r);
}

static void door_closed(void *arg, struct link_conn *conn, const struct error *why)
{
    (void)arg;
    struct peer *p = link_conn_user(conn);
    if (!p)
        return;
    if (why->status == ST_DATA || why->status == ST_MEMORY) { /* not its end, not its time: somebody should know */
        char from[OS_ADDR_TEXT];
        struct os_addr at = link_conn_peer(conn);
        os_addr_text(&at, from);
        door_say(p->door, "%s: connection closed: %s%s%s%s", from, why->message, why->hint[0] ? " (" : "", why->hint,
                 why->hint[0] ? ")" : "");
    }
    call_peer_closed(p);
}

/* One wake-up, and one commit, for all that is there to be read: a writer that is woken for the first batch commits it
 * alone, and the others wait for its syncs. */
static void wake_writer(struct door *d, int64_t now_ns)
{
    if (d->wake && link_busy(d->loop) && d->held_bytes < HOLD_BYTES && (!d->held_ns || now_ns - d->held_ns < HOLD_NS)) {
        d->held_ns = d->held_ns ? d->held_ns : now_ns;
        return;
    }
    if (d->wake)
        topics_wake(d->broker->o.topics);
    d->wake = false;
    d->held_bytes = 0;
    d->held_ns = 0;
}

static int64_t door_tick(void *arg, int64_t now_ns)
{
    struct door *d = arg;
    call_calls_due(d, now_ns);
    wake_writer(d, now_ns);
    return call_next_due(d);
}

static const struct link_user user = {
    .accepted = door_accepted, .frame = door_frame, .closed = door_closed, .tick = door_tick
};

/* ---- life ---- */

static enum status door_open(struct broker *b, struct door *d, struct error *err)
{
    d->broker = b;
    TRY(record_iter_new(b->o.budget, UNPACKED_MAX, &d->iter, err));
    struct link_options o = {
        .os = b->o.os, .budget = b->o.budget, .framing = &link_kafka, .user = &user, .arg = d,
        .max_connections = b->o.max_connections, .max_frame = b->o.max_request, .frame_floor = FRAME_FLOOR,
    };
    return link_loop_new(&o, &d->loop, err);
}

static bool copy(struct arena *a, struct str s, struct str *ret)
{
    *ret = arena_str(a, s);
    return ret->ptr != NULL;
}

static bool copy_text(struct arena *a, const char *s, const char **ret)
{
    struct str copied;
    if (!s)
        return true;
    bool ok = copy(a, str_from(s), &copied);
    *ret = copied.ptr;
    return ok;
}

static bool copy_strings(struct broker *b, const struct broker_options *o)
{
    struct option *settings = ARENA_ARRAY(&b->arena, struct option, o->n_settings + 1);
    bool ok = settings && copy_text(&b->arena, o->advertised_host, &b->o.advertised_host) &&
              copy_text(&b->arena, o->data_dir, &b->o.data_dir);
    for (uint32_t i = 0; ok && i < o->n_settings; i++)
        ok = copy(&b->arena, o->settings[i].name, &settings[i].name) &&
             copy(&b->arena, o->settings[i].value, &settings[i].value);
    if (!ok)
        return false;
    b->o.settings = settings;
    b->settings = settings_make(&(struct options){ settings, o->n_settings });
    return true;
}

enum status broker_open(const struct broker_options *o, struct broker **ret, struct error *err)
{
    uint32_t n = o->threads ? o->threads : 1;
    struct broker *b = mem_calloc(o->budget, sizeof *b);
    if (!b)
        return budget_error(o->budget, sizeof *b, err);
    b->o = *o;
    topics_on_reply(o->topics, coordinate_reply, b);
    arena_init(&b->arena, o->budget);
    b->doors = mem_calloc(o->budget, n * sizeof *b->doors);
    b->loops = mem_calloc(o->budget, n * sizeof *b->loops);
    b->n_doors = n;
    bool fine = b->doors && b->loops && copy_strings(b, o);
    enum status st = fine ? ST_OK : budget_error(o->budget, n * sizeof *b->doors, err);
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        st = door_open(b, &b->doors[i], err);
        b->loops[i] = b->doors[i].loop;
    }
    if (st == ST_OK)
        st = link_listen(b->loops[0], &o->at, &b->at, err);
    if (st != ST_OK) {
        broker_close(b);
        return st;
    }
    link_spread(b->loops[0], b->loops, n);
    *ret = b;
    return ST_OK;
}

struct os_addr broker_at(const struct broker *b) { return b->at; }

enum status broker_start(struct broker *b, struct error *err)
{
    for (uint32_t i = 0; i < b->n_doors; i++) {
        char name[16];
        snprintf(name, sizeof name, "net-%u", i);
        TRY(b->o.os->ops->thread_start(b->o.os, name, link_run, b->doors[i].loop, &b->doors[i].thread, err));
    }
    return ST_OK;
}

bool broker_turn(struct broker *b, int64_t until_ns)
{
    bool any = false;
    for (uint32_t i = 0; i < b->n_doors; i++)
        any = link_turn(b->loops[i], until_ns) || any;
    return any;
}

static void stop_now(struct link_loop *l, struct link_mail *m)
{
    struct door *d = (struct door *)((uint8_t *)m - offsetof(struct door, stop_mail));
    (void)l;
    call_door_stop(d);
}

void broker_stop(struct broker *b, int64_t deadline_ns)
{
    if (atomic_exchange(&b->stopped, true))
        return;
    topics_park(b->o.topics); /* who waits in a group is answered */
    for (uint32_t i = 0; i < b->n_doors; i++) {
        struct door *d = &b->doors[i];
        d->stop_mail.run = stop_now;
        link_mail_send(d->loop, &d->stop_mail);
        link_stop(d->loop, deadline_ns);
    }
}

void broker_close(struct broker *b)
{
    if (!b)
        return;
    for (uint32_t i = 0; b->doors && i < b->n_doors; i++) {
        struct door *d = &b->doors[i];
        if (d->thread)
            b->o.os->ops->thread_join(b->o.os, d->thread);
    }
    for (uint32_t i = 0; b->doors && i < b->n_doors; i++) {
        struct door *d = &b->doors[i];
        link_loop_free(d->loop);
        call_spares_free(d);
        record_iter_free(d->iter);
        mem_free(b->o.budget, d->timers, d->timers_cap * sizeof(void *));
    }
    mem_free(b->o.budget, b->doors, b->n_doors * sizeof *b->doors);
    mem_free(b->o.budget, b->loops, b->n_doors * sizeof *b->loops);
    arena_release(&b->arena);
    tokens_free(b);
    mem_free(b->o.budget, b, sizeof *b);
}

struct broker_counts broker_count(const struct broker *b)
{
    struct broker_counts sum = { 0 };
    for (uint32_t i = 0; i < b->n_doors; i++) {
        const struct door *d = &b->doors[i];
        struct link_counts l = link_count(d->loop);
        sum.requests += atomic_load_explicit(&d->requests, memory_order_relaxed);
        sum.refused += atomic_load_explicit(&d->refused, memory_order_relaxed);
        sum.parked += atomic_load_explicit(&d->parked_now, memory_order_relaxed);
        sum.link.accepted += l.accepted;
        sum.link.closed += l.closed;
        sum.link.frames += l.frames;
        sum.link.bytes_in += l.bytes_in;
        sum.link.bytes_out += l.bytes_out;
        sum.link.timeouts += l.timeouts;
        sum.link.refused_frames += l.refused_frames;
        sum.link.starved += l.starved;
        sum.link.accept_errors += l.accept_errors;
        sum.link.turns += l.turns;
        sum.link.connections += l.connections;
    }
    return sum;
}
