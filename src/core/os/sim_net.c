/* The twin's network, as its callers see it: the calls of the table, and pollers.
 *
 * Edges are kept strictly, so that a user who forgets to go on hangs here and not only one day on a real machine:
 * an arrival sets `edge`, telling it clears it; a recv that gave a part sets it again, as if the rest had just come. */
#include <stdio.h>

#include "os/sim_private.h"

/* ---- the table ---- */

static bool is_outside(const struct os *os) { return os->ops == &sim_outside_ops; }

static enum status net_begin(struct os *os, const char *verb, const struct os_addr *a, const struct os_sock *s,
                             struct error *err)
{
    struct sim *sim = sim_of(os);
    char text[OS_ADDR_TEXT];
    if (is_outside(os))
        return ST_OK;
    os_addr_text(a, text);
    TRY(sim_call_begin(sim, verb, text, NULL, err));
    if (s && s->lost)
        return error_set(err, ST_CRASHED, "cannot %s '%s': it was opened before the power loss", verb, text);
    return ST_OK;
}

static enum status net_error(struct error *err, enum status st, const char *verb, const struct os_addr *a,
                             const char *why)
{
    char text[OS_ADDR_TEXT];
    os_addr_text(a, text);
    error_set(err, st, "cannot %s '%s': %s", verb, text, why);
    error_place(err, text, 0, 0, -1);
    return st;
}

enum status twin_net_resolve(struct os *os, const char *host, uint16_t port, struct os_addr *ret, uint32_t room,
                             uint32_t *ret_count, struct error *err)
{
    (void)os;
    CHECK(room > 0);
    if (!os_addr_parse(str_from(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host), port, ret))
        return error_set(err, ST_UNREACHABLE, "cannot find the address of '%s': the simulated network has no names",
                         host);
    *ret_count = 1;
    return ST_OK;
}

static bool ip_is_any(const struct os_addr *a)
{
    static const uint8_t none[16];
    return memcmp(a->ip, none, a->v6 ? 16 : 4) == 0;
}

static struct os_sock *listener_at(struct sim *sim, const struct os_addr *a, bool for_connect)
{
    for (struct os_sock *s = sim->socks; s; s = s->next) {
        if (!s->listener || s->local.port != a->port || s->local.v6 != a->v6)
            continue;
        if (memcmp(s->local.ip, a->ip, a->v6 ? 16 : 4) == 0 || ip_is_any(&s->local) || (!for_connect && ip_is_any(a)))
            return s;
    }
    return NULL;
}

enum status twin_net_listen(struct os *os, const struct os_addr *at, struct os_sock **ret, struct error *err)
{
    struct sim *sim = sim_of(os);
    TRY(net_begin(os, "listen on", at, NULL, err));
    struct os_addr local = *at;
    for (uint32_t port = 20000; at->port == 0 && (local.port == 0 || listener_at(sim, &local, false)); port++)
        local.port = (uint16_t)port;
    if (listener_at(sim, &local, false))
        return net_error(err, ST_EXISTS, "listen on", at, "somebody listens there");
    struct os_sock *s = sim_sock_new(sim, is_outside(os));
    if (!s)
        return sim_no_memory(sim, sizeof *s, err);
    s->listener = true;
    s->local = local;
    *ret = s;
    return ST_OK;
}

enum status twin_net_accept(struct os *os, struct os_sock *listener, struct os_sock **ret, struct error *err)
{
    TRY(net_begin(os, "accept on", &listener->local, listener, err));
    struct os_sock **link = &listener->waiting;
    for (; *link; link = &(*link)->next_waiting) {
        struct os_sock *s = *link;
        sim_sock_arrive(s);
        if (!s->open && !s->reset)
            continue;
        *link = s->next_waiting;
        s->next_waiting = NULL;
        s->edge = true;
        *ret = s;
        return ST_OK;
    }
    *ret = NULL;
    return ST_OK;
}

/* The other end of `s`, in the queue of whoever listens. */
static bool connect_to(struct os_sock *s, struct os_sock *listener)
{
    struct os_sock *peer = sim_sock_new(s->sim, listener->outside), **link;
    if (!peer)
        return false;
    if (!sim_packet_send(peer, PACKET_OPEN, 0, 1) || !sim_packet_send(s, PACKET_OPEN, 0, 2)) {
        sim_sock_free(peer);
        return false;
    }
    peer->local = s->remote;
    peer->remote = s->local;
    peer->peer = s;
    s->peer = peer;
    for (link = &listener->waiting; *link; link = &(*link)->next_waiting)
        ;
    *link = peer;
    return true;
}

enum status twin_net_connect(struct os *os, const struct os_addr *to, struct os_sock **ret, struct error *err)
{
    struct sim *sim = sim_of(os);
    TRY(net_begin(os, "connect to", to, NULL, err));
    struct os_sock *s = sim_sock_new(sim, is_outside(os));
    if (!s)
        return sim_no_memory(sim, sizeof *s, err);
    s->remote = s->local = *to;
    s->local.port = (uint16_t)(32768 + s->id % 28000);
    struct os_sock *listener = listener_at(sim, to, true);
    bool refused = !listener || sim_below(&sim->random_net, 256) < sim->net.refuse;
    if (refused ? !sim_packet_send(s, PACKET_REFUSED, 0, 2) : !connect_to(s, listener)) {
        sim_sock_free(s);
        return sim_no_memory(sim, sizeof *s, err);
    }
    *ret = s;
    return ST_OK;
}

static size_t some_of(struct sim *sim, size_t n)
{
    return n > 1 && sim_below(&sim->random_net, 256) < sim->net.partial ? 1 + (size_t)sim_below(&sim->random_net, n) : n;
}

enum status twin_net_recv(struct os *os, struct os_sock *s, void *bytes, size_t len, size_t *ret_len, bool *ret_end,
                          struct error *err)
{
    struct sim *sim = sim_of(os);
    TRY(net_begin(os, "receive from", &s->remote, s, err));
    sim_sock_arrive(s);
    size_t there = s->in_arrived - s->in_read;
    if (there == 0 && s->reset)
        return net_error(err, ST_UNREACHABLE, s->refused ? "connect to" : "receive from", &s->remote,
                         s->refused ? "connection refused" : "connection reset by peer");
    size_t n = some_of(sim, there < len ? there : len);
    if (n > 0)
        memcpy(bytes, s->in.data + s->in_read, n);
    s->in_read += n;
    if (n < len && n < there)
        s->edge = true; /* the rest comes a little later */
    *ret_end = there == 0 && s->ended && len > 0;
    *ret_len = n;
    if (s->in_read > s->in.len / 2) {
        memmove(s->in.data, s->in.data + s->in_read, s->in.len - s->in_read);
        s->in.len -= s->in_read;
        s->in_arrived -= s->in_read;
        s->in_read = 0;
    }
    return ST_OK;
}

/* How many bytes can be taken now. */
static size_t send_room(const struct os_sock *s)
{
    if (!s->open)
        return 0;
    if (!s->peer)
        return s->silent ? 0 : SIZE_MAX; /* nobody there to say no, yet */
    size_t used = s->peer->in.len - s->peer->in_read;
    return used < s->sim->net.window ? s->sim->net.window - used : 0;
}

enum status twin_net_send(struct os *os, struct os_sock *s, const struct str *pieces, uint32_t count, bool more,
                          size_t *ret_len, struct error *err)
{
    struct sim *sim = sim_of(os);
    (void)more;
    TRY(net_begin(os, "send to", &s->remote, s, err));
    sim_sock_arrive(s);
    if (s->reset || s->finished)
        return net_error(err, ST_UNREACHABLE, s->refused ? "connect to" : "send to", &s->remote,
                         s->refused ? "connection refused" : "the connection is cut");
    size_t total = 0, room = send_room(s);
    for (uint32_t i = 0; i < count && i < OS_PIECES; i++)
        total += pieces[i].len;
    size_t n = some_of(sim, total < room ? total : room), left = n;
    s->blocked = n < total;
    struct os_sock *to = s->peer;
    if (to && n > 0 && (!buf_reserve(&to->in, n) || !sim_packet_send(to, PACKET_DATA, n, 1)))
        return sim_no_memory(sim, n, err);
    for (uint32_t i = 0; to && left > 0; i++) {
        size_t part = pieces[i].len < left ? pieces[i].len : left;
        CHECK(buf_put(&to->in, pieces[i].ptr, part));
        left -= part;
    }
    if (!to && s->open && n > 0 && !s->packets && !s->silent)
        sim_packet_tell(s, PACKET_RESET); /* what comes back from where nobody is */
    *ret_len = n;
    return ST_OK;
}

enum status twin_net_send_file(struct os *os, struct os_sock *s, struct os_file *f, uint64_t at, size_t len,
                               size_t *ret_len, struct error *err)
{
    if (!f->inode)
        return error_set(err, ST_CRASHED, "cannot send from '%s': it was opened before the power loss", f->path);
    const struct buf *b = &f->inode->now;
    if (at >= b->len)
        return error_set(err, ST_IO, "cannot send from '%s': it ends before byte %llu", f->path,
                         (unsigned long long)at);
    size_t there = b->len - (size_t)at;
    struct str bytes = str_make((const char *)b->data + at, len < there ? len : there);
    return twin_net_send(os, s, &bytes, 1, false, ret_len, err);
}

void twin_net_finish(struct os *os, struct os_sock *s)
{
    (void)os;
    if (s->peer && !s->finished && !s->silent)
        sim_packet_tell(s->peer, PACKET_END);
    s->finished = true;
}

void twin_net_close(struct os *os, struct os_sock *s)
{
    (void)os;
    if (!s)
        return;
    sim_listener_drop(s);
    sim_sock_hang_up(s);
    sim_sock_free(s);
}

struct os_addr twin_net_local(struct os *os, const struct os_sock *s)
{
    (void)os;
    return s->local;
}

struct os_addr twin_net_peer(struct os *os, const struct os_sock *s)
{
    (void)os;
    return s->remote;
}

/* ---- pollers ---- */

enum status twin_poller_new(struct os *os, struct os_poller **ret, struct error *err)
{
    struct sim *sim = sim_of(os);
    struct os_poller *p = mem_calloc(sim->budget, sizeof *p);
    if (!p)
        return sim_no_memory(sim, sizeof *p, err);
    p->outside = is_outside(os);
    p->next = sim->pollers;
    if (p->next)
        p->next->prev = p;
    sim->pollers = p;
    *ret = p;
    return ST_OK;
}

void twin_poller_free(struct os *os, struct os_poller *p)
{
    struct sim *sim = sim_of(os);
    if (!p)
        return;
    for (struct os_sock *s = sim->socks; s; s = s->next)
        CHECK(s->poller != p);
    if (p->prev)
        p->prev->next = p->next;
    else
        sim->pollers = p->next;
    if (p->next)
        p->next->prev = p->prev;
    mem_free(sim->budget, p, sizeof *p);
}

enum status twin_poller_add(struct os *os, struct os_poller *p, struct os_sock *s, void *user, struct error *err)
{
    TRY(net_begin(os, "watch", &s->remote, s, err));
    CHECK(!s->poller && user);
    s->poller = p;
    s->user = user;
    s->edge = s->blocked = true;
    return ST_OK;
}

struct os_signal *twin_poller_signal(struct os *os, struct os_poller *p)
{
    (void)os;
    return &p->signal;
}

/* What to tell of a socket now; telling it is once. */
static uint32_t sock_take_edges(struct os_sock *s)
{
    uint32_t can = 0;
    if (s->listener) {
        for (struct os_sock *w = s->waiting; w; w = w->next_waiting) {
            sim_sock_arrive(w);
            can |= w->edge ? OS_CAN_READ : 0u;
            w->edge = false;
        }
        return can;
    }
    sim_sock_arrive(s);
    if (s->blocked && (send_room(s) > 0 || s->reset))
        can |= OS_CAN_WRITE;
    if (s->edge && s->reset)
        can |= OS_CAN_READ | OS_CAN_WRITE | OS_ENDING;
    else if (s->edge && s->ended)
        can |= OS_CAN_READ | OS_ENDING;
    else if (s->edge && s->in_arrived > s->in_read)
        can |= OS_CAN_READ;
    if (can & OS_CAN_WRITE)
        s->blocked = false;
    s->edge = false;
    return can;
}

uint32_t twin_poller_wait(struct os *os, struct os_poller *p, int64_t deadline_ns, struct os_event *ret, uint32_t room,
                          bool *ret_raised)
{
    struct sim *sim = sim_of(os);
    uint32_t count = 0;
    (void)deadline_ns; /* nothing waits here: time is moved by hand */
    *ret_raised = false;
    if (!p->outside && sim->crashed)
        return 0;
    *ret_raised = p->signal.raised;
    p->signal.raised = false;
    for (struct os_sock *s = sim->socks; s && count < room; s = s->next) {
        if (s->poller != p || s->lost)
            continue;
        uint32_t can = sock_take_edges(s);
        if (can)
            ret[count++] = (struct os_event){ s->user, can };
    }
    for (uint32_t i = count; i > 1; i--) { /* connections come in no order */
        uint32_t other = (uint32_t)sim_below(&sim->random_net, i);
        struct os_event e = ret[i - 1];
        ret[i - 1] = ret[other];
        ret[other] = e;
    }
    return count;
}
