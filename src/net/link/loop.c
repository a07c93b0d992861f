/* The loop: waits, delivers mail, runs the connections that can go on, closes those whose time is up.
 *
 * A turn: wait for the poller (not at all when somebody is ready), mail, events, accepts, the ready list as it stood,
 * deadlines, the user's tick, the dead. Everybody in the ready list gets a bounded piece of work and stands in line
 * again for the rest, so a fast peer starves nobody.
 *
 * Mail is a stack that any thread pushes on; only the push that finds it empty raises the poller's signal, so many
 * replies cost one wake-up. The loop takes all of it at once and turns it around.
 *
 * Deadlines: a binary heap with lazy keys. Activity never touches it; when a key comes up, the true deadline is computed
 * and the connection is closed or put back. Only a deadline that comes nearer than its key moves up (a frame that has
 * begun, once). So a thousand idle connections cost one look each in ten minutes. */
#include "link/link_private.h"

#define EVENTS_A_TURN 256u
#define ACCEPTS_A_TURN 64u
#define ACCEPT_PAUSE_NS INT64_C(100000000)

static const struct {
    size_t at;
    uint32_t value;
} defaults[] = {
#define DEFAULT(name, value) { offsetof(struct link_options, name), value }
    DEFAULT(max_frame, 100u << 20),  DEFAULT(max_reply, 100u << 20),    DEFAULT(max_in, 1u << 20),
    DEFAULT(max_out, 1u << 20),      DEFAULT(max_requests, 256),        DEFAULT(max_connections, 10000),
    DEFAULT(chunk_bytes, 256u << 10), DEFAULT(handshake_ms, 10000),     DEFAULT(idle_ms, 600000),
    DEFAULT(stall_ms, 30000),        DEFAULT(frame_grace_ms, 10000),    DEFAULT(frame_floor, 4u << 10),
#undef DEFAULT
};

enum status link_loop_new(const struct link_options *o, struct link_loop **ret, struct error *err)
{
    CHECK(o->os && o->framing && o->user && o->user->frame);
    struct link_loop *l = mem_calloc(o->budget, sizeof *l);
    if (!l)
        return budget_error(o->budget ? o->budget : budget_process(), sizeof *l, err);
    l->o = *o;
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        uint32_t *value = (uint32_t *)(void *)((uint8_t *)&l->o + defaults[i].at);
        *value = *value ? *value : defaults[i].value;
    }
    l->now_ns = os_mono_ns(o->os);
    l->starved_again_ns = INT64_MAX;
    l->tick_ns = o->user->tick ? 0 : INT64_MAX;
    enum status st = o->os->ops->poller_new(o->os, &l->poller, err);
    if (st != ST_OK) {
        mem_free(o->budget, l, sizeof *l);
        return st;
    }
    *ret = l;
    return ST_OK;
}

/* ---- lists and the heap ---- */

void loop_ready(struct link_loop *l, struct link_conn *c)
{
    if (c->in_ready)
        return;
    c->in_ready = true;
    c->next_ready = NULL;
    if (l->ready)
        l->ready_last->next_ready = c;
    else
        l->ready = c;
    l->ready_last = c;
}

void loop_dead(struct link_loop *l, struct link_conn *c)
{
    c->next_dead = l->dead;
    l->dead = c;
}

static void heap_put(struct link_loop *l, uint32_t at, struct link_conn *c)
{
    l->heap[at] = c;
    c->heap_at = at;
}

static void heap_up(struct link_loop *l, uint32_t at)
{
    struct link_conn *c = l->heap[at];
    for (; at > 0 && l->heap[(at - 1) / 2]->due_ns > c->due_ns; at = (at - 1) / 2)
        heap_put(l, at, l->heap[(at - 1) / 2]);
    heap_put(l, at, c);
}

static void heap_down(struct link_loop *l, uint32_t at)
{
    struct link_conn *c = l->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < l->heap_count && l->heap[child + 1]->due_ns < l->heap[child]->due_ns)
            child++;
        if (child >= l->heap_count || l->heap[child]->due_ns >= c->due_ns)
            break;
        heap_put(l, at, l->heap[child]);
        at = child;
    }
    heap_put(l, at, c);
}

bool loop_watch(struct link_loop *l, struct link_conn *c)
{
    if (l->heap_count == l->heap_cap) {
        uint32_t cap = l->heap_cap ? l->heap_cap * 2 : 16;
        struct link_conn **grown =
            mem_realloc(l->o.budget, l->heap, l->heap_cap * sizeof(void *), cap * sizeof(void *));
        if (!grown)
            return false;
        l->heap = grown;
        l->heap_cap = cap;
    }
    c->due_ns = conn_deadline(c, &(const char *){ NULL });
    l->heap[l->heap_count++] = c;
    heap_up(l, l->heap_count - 1);
    return true;
}

void loop_unwatch(struct link_loop *l, struct link_conn *c)
{
    uint32_t at = c->heap_at;
    struct link_conn *moved = l->heap[--l->heap_count];
    if (moved == c)
        return;
    heap_put(l, at, moved);
    heap_up(l, at);
    heap_down(l, moved->heap_at);
}

void loop_sooner(struct link_loop *l, struct link_conn *c, int64_t due_ns)
{
    if (due_ns >= c->due_ns)
        return;
    c->due_ns = due_ns;
    heap_up(l, c->heap_at);
}

static void close_late(struct link_loop *l)
{
    while (l->heap_count > 0 && l->heap[0]->due_ns <= l->now_ns) {
        struct link_conn *c = l->heap[0];
        const char *why;
        int64_t due = conn_deadline(c, &why);
        if (due > l->now_ns) {
            c->due_ns = due;
            heap_down(l, 0);
            continue;
        }
        struct error err;
        error_set(&err, c->finished ? ST_OK : ST_LIMIT, "%s", why);
        if (!c->finished)
            COUNT(l, timeouts, 1);
        link_close(c, &err);
    }
}

/* ---- mail ---- */

void link_mail_send(struct link_loop *l, struct link_mail *m)
{
    struct link_mail *head = atomic_load_explicit(&l->mail, memory_order_relaxed);
    do {
        m->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&l->mail, &head, m, memory_order_acq_rel, memory_order_relaxed));
    if (!head)
        l->o.os->ops->signal_raise(l->o.os, l->o.os->ops->poller_signal(l->o.os, l->poller));
}

static void read_mail(struct link_loop *l)
{
    struct link_mail *m = atomic_exchange_explicit(&l->mail, NULL, memory_order_acq_rel), *first = NULL;
    while (m) { /* the newest comes first: turn it around */
        struct link_mail *next = m->next;
        m->next = first;
        first = m;
        m = next;
    }
    while (first) {
        m = first;
        first = m->next;
        m->run(l, m);
    }
}

/* ---- listening ---- */

enum status link_listen(struct link_loop *l, const struct os_addr *at, struct os_addr *ret_at, struct error *err)
{
    struct os *os = l->o.os;
    if (l->n_listeners == LISTENERS_MAX)
        return error_set(err, ST_LIMIT, "at most %u addresses to listen on", LISTENERS_MAX);
    struct listener *new = &l->listeners[l->n_listeners];
    struct os_sock *s;
    TRY(os->ops->net_listen(os, at, &s, err));
    enum status st = os->ops->poller_add(os, l->poller, s, new, err);
    if (st != ST_OK) {
        os->ops->net_close(os, s);
        return st;
    }
    *new = (struct listener){ .sock = s, .can_accept = true };
    l->n_listeners++;
    *ret_at = os->ops->net_local(os, s);
    return ST_OK;
}

void link_spread(struct link_loop *l, struct link_loop **loops, uint32_t n)
{
    l->spread = loops;
    l->n_spread = n;
}

struct handed {
    struct link_mail mail;
    struct budget *budget;
    struct os_sock *sock;
};

static void take_handed(struct link_loop *l, struct link_mail *m)
{
    struct handed h = *(struct handed *)m;
    mem_free(h.budget, m, sizeof h);
    if (l->stopping)
        l->o.os->ops->net_close(l->o.os, h.sock);
    else
        conn_start(l, h.sock);
}

/* Whose turn it is, but for those that are full; this one is not (may_accept). */
static struct link_loop *next_loop(struct link_loop *l)
{
    for (uint32_t i = 0; i < l->n_spread; i++) {
        struct link_loop *to = l->spread[l->spread_next++ % l->n_spread];
        if (atomic_load_explicit(&to->counts.connections, memory_order_relaxed) < to->o.max_connections)
            return to;
    }
    return l;
}

static void hand_over(struct link_loop *l, struct os_sock *s)
{
    struct link_loop *to = next_loop(l);
    struct handed *h = to == l ? NULL : mem_alloc(l->o.budget, sizeof *h);
    if (!h) {
        conn_start(l, s);
        return;
    }
    *h = (struct handed){ .mail.run = take_handed, .budget = l->o.budget, .sock = s };
    link_mail_send(to, &h->mail);
}

static bool may_accept(const struct link_loop *l)
{
    return !l->stopping && l->n_conns < l->o.max_connections && l->now_ns >= l->accept_again_ns;
}

static void accept_some(struct link_loop *l, struct listener *from)
{
    struct os *os = l->o.os;
    for (uint32_t i = 0; i < ACCEPTS_A_TURN && from->can_accept && may_accept(l); i++) {
        struct os_sock *s;
        if (os->ops->net_accept(os, from->sock, &s, NULL) != ST_OK) { /* out of handles: others close some */
            COUNT(l, accept_errors, 1);
            l->accept_again_ns = l->now_ns + ACCEPT_PAUSE_NS;
        } else if (s) {
            hand_over(l, s);
        } else {
            from->can_accept = false;
        }
    }
}

/* ---- stopping ---- */

static void stop_now(struct link_loop *l, struct link_mail *m)
{
    (void)m;
    l->stopping = true;
    for (uint32_t i = 0; i < l->n_listeners; i++)
        l->o.os->ops->net_close(l->o.os, l->listeners[i].sock);
    l->n_listeners = 0;
    for (struct link_conn *c = l->conns; c; c = c->next) {
        c->no_more = true;
        loop_ready(l, c);
    }
}

void link_stop(struct link_loop *l, int64_t deadline_ns)
{
    long long none = 0;
    if (!atomic_compare_exchange_strong(&l->stop_ns, &none, deadline_ns > 0 ? deadline_ns : 1))
        return;
    l->stop_mail.run = stop_now;
    link_mail_send(l, &l->stop_mail);
}

/* ---- turns ---- */

static int64_t sooner(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t wait_until(const struct link_loop *l, int64_t until_ns)
{
    if (l->ready || atomic_load_explicit(&l->mail, memory_order_relaxed))
        return 0;
    for (uint32_t i = 0; i < l->n_listeners; i++) {
        if (l->listeners[i].can_accept && l->n_conns < l->o.max_connections)
            until_ns = sooner(until_ns, l->accept_again_ns);
    }
    if (l->heap_count > 0)
        until_ns = sooner(until_ns, l->heap[0]->due_ns);
    if (l->stopping && l->conns)
        until_ns = sooner(until_ns, atomic_load(&l->stop_ns));
    return sooner(until_ns, sooner(l->tick_ns, l->starved_again_ns));
}

/* Is it the address of a listener? Everything else that the poller knows of us is a connection. */
static struct listener *listener_of(struct link_loop *l, void *user)
{
    for (uint32_t i = 0; i < LISTENERS_MAX; i++) {
        if (user == &l->listeners[i])
            return &l->listeners[i];
    }
    return NULL;
}

static void take_events(struct link_loop *l, const struct os_event *e, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct listener *at = listener_of(l, e[i].user);
        if (at) {
            at->can_accept = true;
            continue;
        }
        struct link_conn *c = e[i].user;
        c->can_read = c->can_read || (e[i].can & OS_CAN_READ);
        c->can_write = c->can_write || (e[i].can & OS_CAN_WRITE);
        c->ending = c->ending || (e[i].can & OS_ENDING);
        loop_ready(l, c);
    }
}

static void run_ready(struct link_loop *l)
{
    struct link_conn *c = l->ready, *next;
    l->ready = l->ready_last = NULL;
    for (; c; c = next) {
        next = c->next_ready;
        c->in_ready = false;
        conn_run(c);
    }
}

/* Somebody has waited for memory for a while: whoever has held a good piece of it longest for a request that is not even
 * whole goes, so that a peer which begins large frames and does not end them harms itself only. */
static void shed(struct link_loop *l)
{
    struct link_conn *oldest = NULL;
    int64_t oldest_ns = INT64_MAX;
    bool late = false;
    if (l->now_ns - l->shed_ns < SHED_PAUSE_NS)
        return;
    for (struct link_conn *c = l->conns; c; c = c->next) {
        late = late || (c->starved_ns && l->now_ns - c->starved_ns >= SHED_AFTER_NS);
        int64_t since_ns = c->frame_ns ? c->frame_ns : c->starved_ns; /* who wants more itself is not late */
        if (c->in && c->in->cap >= SHED_LEAST && since_ns && since_ns < oldest_ns) {
            oldest = c;
            oldest_ns = since_ns;
        }
    }
    if (!late || !oldest)
        return;
    struct error err;
    error_set(&err, ST_MEMORY, "memory is short, and its unfinished request holds %u bytes", oldest->in->cap);
    COUNT(l, timeouts, 1);
    l->shed_ns = l->now_ns;
    link_close(oldest, &err);
}

static void feed_starved(struct link_loop *l)
{
    if (l->starved_again_ns == INT64_MAX || l->now_ns < l->starved_again_ns)
        return;
    shed(l);
    l->starved_again_ns = INT64_MAX;
    for (struct link_conn *c = l->conns; c; c = c->next) {
        if (c->starved) {
            c->starved = false;
            loop_ready(l, c);
        }
    }
}

/* Those that stand in the ready list once more wait until they have come out of it. */
static void bury(struct link_loop *l, bool all)
{
    struct link_conn **at = &l->dead;
    while (*at) {
        struct link_conn *c = *at;
        if (c->in_ready && !all) {
            at = &c->next_dead;
            continue;
        }
        *at = c->next_dead;
        mem_free(l->o.budget, c, sizeof *c);
    }
}

bool link_turn(struct link_loop *l, int64_t until_ns)
{
    struct os *os = l->o.os;
    struct os_event events[EVENTS_A_TURN];
    bool raised;
    until_ns = wait_until(l, until_ns);
    uint32_t n = os->ops->poller_wait(os, l->poller, until_ns, events, EVENTS_A_TURN, &raised);
    l->now_ns = os_mono_ns(os);
    COUNT(l, turns, 1);
    take_events(l, events, n);
    read_mail(l);
    for (uint32_t i = 0; i < l->n_listeners; i++)
        accept_some(l, &l->listeners[i]);
    feed_starved(l);
    run_ready(l);
    close_late(l);
    l->tick_ns = l->o.user->tick ? l->o.user->tick(l->o.arg, l->now_ns) : INT64_MAX;
    bool over = l->stopping && l->now_ns >= atomic_load(&l->stop_ns);
    while (over && l->conns)
        link_close(l->conns, NULL);
    bury(l, false);
    return !(l->stopping && !l->conns && !l->waiting && !atomic_load_explicit(&l->mail, memory_order_relaxed));
}

bool link_busy(const struct link_loop *l) { return l->ready != NULL; }

void link_run(void *loop)
{
    struct link_loop *l = loop;
    while (link_turn(l, INT64_MAX))
        ;
}

void link_loop_free(struct link_loop *l)
{
    if (!l)
        return;
    l->stopping = true;
    read_mail(l); /* posted answers, sockets handed over */
    while (l->conns)
        link_close(l->conns, NULL);
    bury(l, true);
    while (l->waiting) /* closed, with requests that nobody has answered */
        conn_forget(l->waiting);
    for (uint32_t i = 0; i < l->n_listeners; i++)
        l->o.os->ops->net_close(l->o.os, l->listeners[i].sock);
    shared_unref(l->chunk);
    mem_free(l->o.budget, l->heap, l->heap_cap * sizeof(void *));
    l->o.os->ops->poller_free(l->o.os, l->poller);
    mem_free(l->o.budget, l, sizeof *l);
}

struct link_counts link_count(const struct link_loop *l)
{
#define GET(what) .what = atomic_load_explicit(&l->counts.what, memory_order_relaxed)
    return (struct link_counts){
        GET(accepted), GET(closed), GET(frames), GET(bytes_in), GET(bytes_out), GET(timeouts), GET(refused_frames),
        GET(starved), GET(accept_errors), GET(turns), GET(connections),
    };
#undef GET
}
