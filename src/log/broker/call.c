/* A call: from a frame to its answer.
 *
 * Calls of a connection run one after the other, as in Kafka: what a client has asked later sees what it has asked
 * before. Only Produce runs beside Produce, since the appends take their order when they begin and the commit that
 * they wait for is the same. Who may not run yet waits in the peer's list, undecoded; link's bounds hold for it.
 *
 * A call's memory (request and response structs, the handler's state) is an arena with a limit of its own under the
 * door's budget; done calls are kept with a small arena to be used again. Strings borrow the frame, which stays until
 * the answer.
 *
 * A parked call, at most one a connection, is in its door's list and, when it has a time, in the heap of times. It
 * comes out by its handler (call_unpark), or by `due`: time, end of the connection, stop.
 *
 * What cannot be decoded, or in a version that we lack, closes the connection with a line in the log, as Kafka does: an
 * answer would have no form that the client expects. */
#include <stdio.h>

#include "broker/private.h"

#define SPARE_CALLS 128u
#define SPARE_BYTES ((size_t)4 << 10)
#define CALL_BYTES ((size_t)32 << 20) /* a call's memory: so much ... */
#define CALL_FACTOR 16u               /* ... and so many times its frame */
#define SAID_A_SECOND 5u

void broker_say(struct broker *b, const char *fmt, ...)
{
    char line[768];
    va_list args;
    if (!b->o.say)
        return;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n > 0)
        b->o.say(b->o.arg, line);
}

void door_say(struct door *d, const char *fmt, ...)
{
    char line[768];
    va_list args;
    int64_t now = os_mono_ns(d->broker->o.os);
    if (now - d->said_ns >= INT64_C(1000000000)) {
        if (d->unsaid)
            broker_say(d->broker, "%u more lines of this kind were left out", d->unsaid);
        d->said_ns = now;
        d->said = d->unsaid = 0;
    }
    if (d->said++ >= SAID_A_SECOND) {
        d->unsaid++;
        return;
    }
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n > 0)
        broker_say(d->broker, "%s", line);
}

#define ADD(counter, n)                                                                           \
    atomic_store_explicit(&(counter), atomic_load_explicit(&(counter), memory_order_relaxed) + (n), \
                          memory_order_relaxed)

/* ---- times ---- */

static void timer_put(struct door *d, uint32_t at, struct call *c)
{
    d->timers[at] = c;
    c->timer_at = at;
}

static void timer_up(struct door *d, uint32_t at)
{
    struct call *c = d->timers[at];
    for (; at > 0 && d->timers[(at - 1) / 2]->due_ns > c->due_ns; at = (at - 1) / 2)
        timer_put(d, at, d->timers[(at - 1) / 2]);
    timer_put(d, at, c);
}

static void timer_down(struct door *d, uint32_t at)
{
    struct call *c = d->timers[at];
    for (uint32_t child; (child = 2 * at + 1) < d->n_timers; at = child) {
        if (child + 1 < d->n_timers && d->timers[child + 1]->due_ns < d->timers[child]->due_ns)
            child++;
        if (d->timers[child]->due_ns >= c->due_ns)
            break;
        timer_put(d, at, d->timers[child]);
    }
    timer_put(d, at, c);
}

static bool timer_add(struct door *d, struct call *c)
{
    if (d->n_timers == d->timers_cap) {
        uint32_t cap = d->timers_cap ? d->timers_cap * 2 : 16;
        struct call **grown = mem_realloc(d->broker->o.budget, d->timers, d->timers_cap * sizeof *grown,
                                          cap * sizeof *grown);
        if (!grown)
            return false;
        d->timers = grown;
        d->timers_cap = cap;
    }
    d->timers[d->n_timers++] = c;
    timer_up(d, d->n_timers - 1);
    return true;
}

static void timer_remove(struct door *d, struct call *c)
{
    struct call *last = d->timers[--d->n_timers];
    if (last == c)
        return;
    uint32_t at = c->timer_at;
    timer_put(d, at, last);
    timer_up(d, at);
    timer_down(d, last->timer_at);
}

int64_t call_next_due(const struct door *d) { return d->n_timers ? d->timers[0]->due_ns : INT64_MAX; }

bool call_park(struct call *c, int64_t due_ns, void (*due)(struct call *c))
{
    struct door *d = c->door;
    CHECK(!c->peer->parked);
    c->due_ns = due_ns;
    c->due = due;
    if (c->due_ns != INT64_MAX && !timer_add(d, c))
        return false;
    c->peer->parked = c;
    c->prev = NULL;
    c->next = d->parked;
    if (c->next)
        c->next->prev = c;
    d->parked = c;
    c->parked = true;
    ADD(d->parked_now, 1);
    return true;
}

void call_unpark(struct call *c)
{
    struct door *d = c->door;
    if (!c->parked)
        return;
    if (c->due_ns != INT64_MAX)
        timer_remove(d, c);
    if (c->prev)
        c->prev->next = c->next;
    else
        d->parked = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->next = c->prev = NULL;
    c->peer->parked = NULL;
    c->parked = false;
    ADD(d->parked_now, -1ull);
}

static void call_is_due(struct call *c)
{
    call_unpark(c);
    c->due(c);
}

void call_calls_due(struct door *d, int64_t now_ns)
{
    while (d->n_timers && d->timers[0]->due_ns <= now_ns)
        call_is_due(d->timers[0]);
}

void call_door_stop(struct door *d)
{
    d->stopping = true;
    while (d->parked)
        call_is_due(d->parked);
}

/* ---- life ---- */

static struct call *call_new(struct peer *p, struct link_request *r)
{
    struct door *d = p->door;
    struct call *c = d->spare;
    if (c) {
        d->spare = c->next;
        d->n_spare--;
    } else {
        c = mem_calloc(d->broker->o.budget, sizeof *c);
        if (!c)
            return NULL;
        budget_init(&c->budget, "request", SIZE_MAX, d->broker->o.budget);
        arena_init(&c->arena, &c->budget);
    }
    c->door = d;
    c->peer = p;
    c->request = r;
    c->next = c->prev = NULL;
    c->in = c->state = NULL;
    c->parked = false;
    return c;
}

static void call_free(struct call *c)
{
    struct door *d = c->door;
    for (uint32_t i = 0; i < c->held.count; i++)
        topic_unref(c->held.at[i]);
    memset(&c->held, 0, sizeof c->held);
    arena_reset(&c->arena);
    if ((size_t)(c->arena.end - c->arena.at) > SPARE_BYTES)
        arena_release(&c->arena);
    if (d->n_spare < SPARE_CALLS) {
        c->next = d->spare;
        d->spare = c;
        d->n_spare++;
        return;
    }
    arena_release(&c->arena);
    mem_free(d->broker->o.budget, c, sizeof *c);
}

void call_spares_free(struct door *d)
{
    for (struct call *c = d->spare, *next; c; c = next) {
        next = c->next;
        arena_release(&c->arena);
        mem_free(d->broker->o.budget, c, sizeof *c);
    }
    d->spare = NULL;
    d->n_spare = 0;
}

static void peer_go(struct peer *p);

/* It has been answered. */
static void call_end(struct call *c)
{
    struct peer *p = c->peer;
    CHECK(!c->parked);
    p->running--;
    if (c->row && (c->row->flags & CALL_PRODUCE))
        p->produces--;
    call_free(c);
    peer_go(p);
}

/* ---- the end of a call ---- */

void call_refuse(struct call *c, const struct error *why)
{
    char from[OS_ADDR_TEXT];
    struct peer *p = c->peer;
    struct link_request *r = c->request;
    ADD(c->door->refused, 1);
    if (!p->closed) {
        struct os_addr at = link_conn_peer(p->conn);
        os_addr_text(&at, from);
        door_say(c->door, "%s: connection closed: %s", from, why->message);
        link_close(p->conn, NULL); /* why is said */
    }
    buf_clear(&r->out);
    link_answer(r, NULL);
    call_end(c);
}

void call_refuse_many(struct call *c, const char *what, uint32_t most)
{
    struct error err;
    error_set(&err, ST_LIMIT, "%s: more than %u %s", c->api->name, most, what);
    call_refuse(c, &err);
}

void call_no_memory(struct call *c)
{
    struct error err;
    budget_error(c->budget.used > c->budget.limit / 2 ? &c->budget : c->door->broker->o.budget, 0, &err);
    error_prefix(&err, "%s: ", c->api ? c->api->name : "request");
    call_refuse(c, &err);
}

bool call_answer_gaps(struct call *c, const void *response, struct wire_gaps *gaps)
{
    struct error err;
    struct link_request *r = c->request;
    enum status st = kafka_response_put(c->api, c->version, c->correlation_id, response, &r->out, gaps, &err);
    if (st != ST_OK) {
        call_refuse(c, &err);
        return false;
    }
    link_answer(r, gaps);
    call_end(c);
    return true;
}

void call_answer(struct call *c, const void *response) { (void)call_answer_gaps(c, response, NULL); }

void call_answer_encoded(struct call *c)
{
    link_answer(c->request, NULL);
    call_end(c);
}

void call_answer_nothing(struct call *c)
{
    link_answer(c->request, NULL);
    call_end(c);
}

static void call_arrived(struct link_loop *l, struct link_mail *m)
{
    (void)l;
    struct call *c = (struct call *)m;
    c->then(c);
}

void call_post(struct call *c, void (*then)(struct call *c))
{
    c->then = then;
    c->mail.run = call_arrived;
    link_mail_send(c->door->loop, &c->mail);
}

/* ---- its beginning ---- */

/* What the call needs of its frame, which then goes. */
static bool copy_out(struct call *c)
{
    if (c->client_id.ptr)
        c->client_id = arena_str(&c->arena, c->client_id);
    c->body = arena_str(&c->arena, c->body);
    if (!c->body.ptr)
        return false;
    link_request_let_go(c->request);
    return true;
}

static void call_start(struct call *c)
{
    struct error err;
    const struct kafka_api *api = c->api;
    int16_t says_from, from, to;
    ADD(c->door->requests, 1);
    if (!c->row) {
        error_set(&err, ST_UNSUPPORTED, "%s is not there", api ? api->name : "an API that nobody knows");
        call_refuse(c, &err);
        return;
    }
    call_row_versions(c->row, &says_from, &from, &to);
    if (c->version < from || c->version > to) {
        if (c->row->flags & CALL_ANY_VERSION) {
            c->row->handle(c);
            return;
        }
        error_set(&err, ST_UNSUPPORTED, "%s v%d is not there: it has %d to %d", api->name, c->version, from, to);
        call_refuse(c, &err);
        return;
    }
    c->budget.limit = CALL_BYTES + CALL_FACTOR * c->body.len;
    c->in = arena_calloc(&c->arena, api->request.body->size);
    if (!c->in || ((c->row->flags & CALL_COPY) && !copy_out(c))) {
        call_no_memory(c);
        return;
    }
    if (wire_decode_front(&api->request, c->version, c->body, &c->arena, c->in, &err) != ST_OK) {
        call_refuse(c, &err);
        return;
    }
    c->row->handle(c);
}

static bool may_start(const struct peer *p, const struct call *c)
{
    bool produce = c->row && (c->row->flags & CALL_PRODUCE);
    return p->running == 0 || (produce && p->running == p->produces && p->holding == 0);
}

void call_hold_back(struct call *c) { c->peer->holding++; }
void call_let_on(struct call *c)
{
    c->peer->holding--;
    peer_go(c->peer); /* which lives: this call is not answered */
}

/* Begins what may begin. Handlers that answer at once come back to here through call_end: no recursion. */
static void peer_go(struct peer *p)
{
    if (p->going)
        return;
    p->going = true;
    while (p->first && may_start(p, p->first)) {
        struct call *c = p->first;
        p->first = c->next;
        if (!p->first)
            p->last = NULL;
        c->next = NULL;
        p->running++;
        if (c->row && (c->row->flags & CALL_PRODUCE))
            p->produces++;
        call_start(c);
    }
    p->going = false;
    if (p->closed && !p->running && !p->first)
        mem_free(p->door->broker->o.budget, p, sizeof *p);
}

void call_begin(struct peer *p, struct link_request *r)
{
    struct kafka_request_header h;
    struct error err;
    struct call *c = call_new(p, r);
    if (!c) {
        error_set(&err, ST_MEMORY, "no memory for a request");
        link_close(p->conn, &err);
        link_answer(r, NULL);
        return;
    }
    enum status st = kafka_request_read(r->bytes, &h, &err);
    if (st != ST_OK)
        h = (struct kafka_request_header){ .key = -1 };
    c->api = h.api;
    c->row = call_row_find(h.key);
    c->version = h.version;
    c->correlation_id = h.correlation_id;
    c->client_id = h.client_id;
    c->body = h.body;
    if (st != ST_OK) {
        p->running++;
        c->row = NULL;
        call_refuse(c, &err);
        return;
    }
    if (p->last)
        p->last->next = c;
    else
        p->first = c;
    p->last = c;
    peer_go(p);
}

/* Those that have not begun will not; those that are parked are cancelled; the others end by themselves. */
void call_peer_closed(struct peer *p)
{
    p->closed = true;
    while (p->first) {
        struct call *c = p->first;
        p->first = c->next;
        link_answer(c->request, NULL);
        call_free(c);
    }
    p->last = NULL;
    if (p->parked)
        call_is_due(p->parked);
    else
        peer_go(p);
}

/* ---- what handlers ask for ---- */

bool call_hold(struct call *c, struct topic *t)
{
    struct topic **at = array_add(&c->held, &c->arena);
    if (at)
        *at = t;
    else
        topic_unref(t);
    return at != NULL;
}

struct topic *call_topic(struct call *c, struct str name)
{
    struct topic *t = topics_find(call_topics(c), name);
    return t && call_hold(c, t) ? t : NULL;
}

struct topic *call_topic_by_id(struct call *c, const struct wire_uuid *id)
{
    struct topic *t = topics_find_id(call_topics(c), id->bytes);
    return t && call_hold(c, t) ? t : NULL;
}

bool call_all_topics(struct call *c, struct topic ***ret, uint32_t *ret_count)
{
    bool ok = topics_list(call_topics(c), &c->arena, ret, ret_count, NULL) == ST_OK;
    uint32_t n = ok ? *ret_count : 0;
    for (uint32_t i = 0; i < n; i++)
        ok = call_hold(c, (*ret)[i]) && ok;
    return ok;
}

struct errands *errands_new(struct call *c, uint32_t most)
{
    struct errands *e = ARENA_NEW(&c->arena, struct errands);
    if (!e)
        return NULL;
    e->call = c;
    e->at = ARENA_ARRAY(&c->arena, struct topic_admin, most ? most : 1);
    return e->at ? e : NULL;
}

static void errand_done(struct topic_admin *a)
{
    struct errands *e = a->user;
    if (atomic_fetch_sub(&e->left, 1) == 1)
        call_post(e->call, e->then);
}

void errands_go(struct errands *e, void (*then)(struct call *c))
{
    uint32_t n = e->n;
    if (n == 0) {
        then(e->call);
        return;
    }
    e->then = then;
    atomic_store(&e->left, n);
    for (uint32_t i = 0; i < n; i++) {
        e->at[i].done = errand_done;
        e->at[i].user = e;
        topics_admin(call_topics(e->call), &e->at[i]); /* after the last one `e` may be gone */
    }
}

struct str call_peer_host(struct call *c)
{
    char text[OS_ADDR_TEXT];
    struct str host;
    uint16_t port;
    struct os_addr at = link_conn_peer(c->peer->conn);
    os_addr_text(&at, text);
    if (!os_addr_split(str_from(text), &host, &port))
        host = str_from(text);
    return arena_printf(&c->arena, "/%.*s", STR_ARG(host));
}

struct str call_host(struct call *c, int32_t *ret_port)
{
    const struct broker *b = c->door->broker;
    struct os_addr at = link_conn_local(c->peer->conn);
    if (b->o.advertised_host) {
        *ret_port = b->o.advertised_port ? b->o.advertised_port : b->at.port;
        return str_from(b->o.advertised_host);
    }
    char text[OS_ADDR_TEXT];
    struct str host;
    uint16_t port;
    os_addr_text(&at, text);
    if (!os_addr_split(str_from(text), &host, &port))
        host = STR("localhost");
    *ret_port = at.port;
    return arena_str(&c->arena, host);
}
