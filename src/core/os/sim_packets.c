/* The twin's network, what travels: sockets in one process, packets with a time of arrival.
 *
 * What one end sends is appended to the other end's `in` at once, as a packet that arrives later: a delay by the seed,
 * but never before the packet sent ahead of it on the same connection. So bytes stay in order within a connection,
 * and connections overtake each other. Packets are looked at when somebody asks (a call on the socket, a wait of its
 * poller): time moves by hand, and nothing happens in between.
 *
 * The end that closes with bytes unread, or is sent something after it has gone, answers with a reset, as TCP does. */
#include "os/sim_private.h"

void sim_net_init(struct sim *s)
{
    s->net = (struct sim_net){
        .delay_min_ns = 100000, .delay_max_ns = 1000000, .window = 64 << 10, .partial = 64,
    };
}

struct sim_net *sim_net(struct sim *s) { return &s->net; }
uint32_t sim_net_sockets(const struct sim *s) { return s->sock_count; }

/* ---- sockets and packets ---- */

struct os_sock *sim_sock_new(struct sim *sim, bool outside)
{
    struct os_sock *s = mem_calloc(sim->budget, sizeof *s);
    if (!s)
        return NULL;
    s->sim = sim;
    s->id = sim->next_sock++;
    s->outside = outside;
    buf_init(&s->in, sim->budget, SIZE_MAX);
    s->prev = sim->socks_last;
    if (s->prev)
        s->prev->next = s;
    else
        sim->socks = s;
    sim->socks_last = s;
    sim->sock_count++;
    return s;
}

static void packets_clear(struct os_sock *s)
{
    while (s->packets) {
        struct packet *p = s->packets;
        s->packets = p->next;
        mem_free(s->sim->budget, p, sizeof *p);
    }
    s->packets_last = NULL;
}

void sim_sock_free(struct os_sock *s)
{
    struct sim *sim = s->sim;
    packets_clear(s);
    buf_release(&s->in);
    if (s->prev)
        s->prev->next = s->next;
    else
        sim->socks = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        sim->socks_last = s->prev;
    sim->sock_count--;
    mem_free(sim->budget, s, sizeof *s);
}

bool sim_packet_send(struct os_sock *to, enum packet_kind kind, size_t bytes, int64_t delays)
{
    struct sim *sim = to->sim;
    int64_t span = sim->net.delay_max_ns - sim->net.delay_min_ns;
    int64_t at = sim->mono_ns;
    for (int64_t i = 0; i < delays; i++)
        at += sim->net.delay_min_ns + (span > 0 ? (int64_t)sim_below(&sim->random_net, (uint64_t)span + 1) : 0);
    struct packet *p = mem_calloc(sim->budget, sizeof *p);
    if (!p)
        return false;
    if (to->packets_last && to->packets_last->arrives_ns > at)
        at = to->packets_last->arrives_ns;
    *p = (struct packet){ .kind = kind, .arrives_ns = at, .bytes = bytes };
    if (to->packets_last)
        to->packets_last->next = p;
    else
        to->packets = p;
    to->packets_last = p;
    return true;
}

static void sock_reset(struct os_sock *s)
{
    packets_clear(s);
    s->in.len = s->in_arrived; /* what was on the way is lost; what has come, by coin toss */
    if (sim_below(&s->sim->random_net, 2))
        s->in_read = s->in_arrived;
    s->reset = s->open = s->edge = true;
    if (s->peer)
        s->peer->peer = NULL;
    s->peer = NULL;
}

/* Word of an end that cannot be kept for want of memory shows as a reset at once. */
void sim_packet_tell(struct os_sock *to, enum packet_kind kind)
{
    if (!sim_packet_send(to, kind, 0, 1))
        sock_reset(to);
}

void sim_sock_arrive(struct os_sock *s)
{
    struct sim *sim = s->sim;
    if (s->silent || sim->net.stalled)
        return;
    while (s->packets && s->packets->arrives_ns <= sim->mono_ns) {
        struct packet *p = s->packets;
        enum packet_kind kind = p->kind;
        s->edge = true;
        s->in_arrived += p->bytes;
        s->packets = p->next;
        if (!s->packets)
            s->packets_last = NULL;
        mem_free(sim->budget, p, sizeof *p);
        s->open = s->open || kind == PACKET_OPEN;
        s->ended = s->ended || kind == PACKET_END;
        s->refused = kind == PACKET_REFUSED;
        if (kind == PACKET_RESET || kind == PACKET_REFUSED)
            sock_reset(s);
    }
}

/* What the kernel does for whoever closes, or dies. */
void sim_sock_hang_up(struct os_sock *s)
{
    struct os_sock *peer = s->peer;
    s->peer = NULL;
    if (!peer)
        return;
    peer->peer = NULL;
    if (s->silent)
        return;
    if (s->in.len > s->in_read)
        sim_packet_tell(peer, PACKET_RESET);
    else if (!s->finished)
        sim_packet_tell(peer, PACKET_END);
}

void sim_listener_drop(struct os_sock *listener)
{
    while (listener->waiting) {
        struct os_sock *s = listener->waiting;
        listener->waiting = s->next_waiting;
        if (s->peer) {
            sim_packet_tell(s->peer, PACKET_RESET);
            s->peer->peer = NULL;
        }
        sim_sock_free(s);
    }
}

void sim_net_lost(struct sim *sim, bool with_a_word)
{
    for (struct os_sock *s = sim->socks, *next; s; s = next) {
        next = s->next;
        if (!s->outside && s->listener) {
            sim_listener_drop(s); /* may free the next one */
            next = s->next;
        }
    }
    for (struct os_sock *s = sim->socks; s; s = s->next) {
        if (s->outside || s->lost)
            continue;
        if (with_a_word)
            sim_sock_hang_up(s);
        else if (s->peer)
            s->peer->peer = NULL; /* it learns it when it sends */
        s->peer = NULL;
        s->lost = true;
        s->listener = false;
    }
}

void sim_net_release(struct sim *s)
{
    while (s->socks)
        sim_sock_free(s->socks);
    while (s->pollers) {
        struct os_poller *p = s->pollers;
        s->pollers = p->next;
        mem_free(s->budget, p, sizeof *p);
    }
}

/* ---- the test's hand ---- */

static struct os_sock *sock_any(struct sim *sim)
{
    uint64_t count = 0;
    for (struct os_sock *s = sim->socks; s; s = s->next)
        count += s->peer != NULL;
    uint64_t n = sim_below(&sim->random_net, count);
    for (struct os_sock *s = sim->socks; s; s = s->next) {
        if (s->peer && n-- == 0)
            return s;
    }
    return NULL;
}

bool sim_net_cut(struct sim *sim, struct os_sock *s, enum sim_cut how)
{
    if (!s)
        s = sock_any(sim);
    if (!s || !s->peer)
        return false;
    sim_sock_arrive(s);
    if (s->peer)
        sim_sock_arrive(s->peer);
    if (!s->peer)
        return true; /* what came was a cut already */
    if (how == SIM_CUT_SILENT) {
        s->silent = s->peer->silent = true;
        return true;
    }
    if (how == SIM_CUT_BOTH)
        sock_reset(s->peer);
    sock_reset(s);
    return true;
}

int64_t sim_net_next_ns(struct sim *sim)
{
    int64_t next = INT64_MAX;
    for (struct os_sock *s = sim->socks; s; s = s->next) {
        if (s->packets && !s->silent && s->packets->arrives_ns < next)
            next = s->packets->arrives_ns;
    }
    return sim->net.stalled ? INT64_MAX : next;
}
