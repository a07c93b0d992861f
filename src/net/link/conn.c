/* A connection: its life, and replies in order back. What comes in is in input.c.
 *
 * Writing. The head of the requests is sent when it is answered; replies that follow it go with the same call, up to
 * the first range of a file. A send that took less than given waits for the poller.
 *
 * A connection that has ended (the peer's end, the stop, close_after) reads no more frames, answers what it has, sends
 * its own end and swallows what comes until the peer's, so that no reset overtakes the last reply. */
#include "link/link_private.h"

#define LINGER_NS (INT64_C(1000) * MS)
#define RANGE_MAX ((uint64_t)1 << 20)  /* of a file, in one call */
#define WRITE_TURN ((uint64_t)4 << 20) /* bytes a turn, then it is somebody else's */

void link_conn_set_user(struct link_conn *c, void *user) { c->user = user; }
void *link_conn_user(const struct link_conn *c) { return c->user; }
struct link_loop *link_conn_loop(const struct link_conn *c) { return c->loop; }
struct os_addr link_conn_peer(const struct link_conn *c) { return c->peer; }
struct os_addr link_conn_local(const struct link_conn *c) { return c->local; }

/* ---- birth, deadlines ---- */

void conn_start(struct link_loop *l, struct os_sock *s)
{
    struct os *os = l->o.os;
    struct link_conn *c = mem_calloc(l->o.budget, sizeof *c);
    if (!c || os->ops->poller_add(os, l->poller, s, c, NULL) != ST_OK) {
        mem_free(l->o.budget, c, sizeof *c);
        os->ops->net_close(os, s);
        COUNT(l, accept_errors, 1);
        return;
    }
    c->loop = l;
    c->sock = s;
    c->peer = os->ops->net_peer(os, s);
    c->local = os->ops->net_local(os, s);
    c->opened_ns = c->quiet_ns = l->now_ns;
    if (!loop_watch(l, c)) {
        os->ops->net_close(os, s);
        mem_free(l->o.budget, c, sizeof *c);
        COUNT(l, accept_errors, 1);
        return;
    }
    c->next = l->conns;
    if (c->next)
        c->next->prev = c;
    l->conns = c;
    l->n_conns++;
    COUNT(l, accepted, 1);
    COUNT(l, connections, 1);
    if (l->o.user->accepted)
        l->o.user->accepted(l->o.arg, c);
}

static bool waits_to_send(const struct link_conn *c) { return c->first && c->first->answered; }

static void at_most(int64_t *due, int64_t at, const char **ret_why, const char *why)
{
    if (at < *due) {
        *due = at;
        *ret_why = why;
    }
}

int64_t conn_deadline(const struct link_conn *c, const char **ret_why)
{
    const struct link_options *o = &c->loop->o;
    int64_t due = INT64_MAX;
    *ret_why = "";
    if (c->finished)
        at_most(&due, c->finished_ns + LINGER_NS, ret_why, "ended");
    if (!c->began && !c->finished)
        at_most(&due, c->opened_ns + o->handshake_ms * MS, ret_why, "no first request in time");
    if (waits_to_send(c))
        at_most(&due, c->progress_ns + o->stall_ms * MS, ret_why, "the peer does not read its replies");
    if (c->starved_ns)
        at_most(&due, c->starved_ns + o->stall_ms * MS, ret_why, "no memory for its requests in time");
    if (c->frame_ns)
        at_most(&due, c->frame_ns + o->frame_grace_ms * MS + (int64_t)conn_left_over(c) * 1000 / o->frame_floor * MS, ret_why,
                "a request comes too slowly");
    if (c->peer_end && c->first)
        at_most(&due, c->quiet_ns + o->stall_ms * MS, ret_why, "the peer has gone before its replies");
    if (!c->first && !c->finished)
        at_most(&due, c->quiet_ns + o->idle_ms * MS, ret_why, "idle");
    return due;
}

/* ---- requests ---- */


static struct link_request *request_of(struct link_mail *m) { return (struct link_request *)m; }

void link_request_let_go(struct link_request *r)
{
    shared_unref(r->home);
    r->home = NULL;
    r->bytes = str_make(NULL, 0);
    r->conn->in_bytes -= r->held;
    r->held = 0;
    if (r->conn->sock)
        loop_ready(r->conn->loop, r->conn);
}

static void request_free(struct link_request *r)
{
    struct budget *b = r->conn->loop->o.budget;
    while (r->ranges) {
        struct link_range *range = r->ranges;
        r->ranges = range->next;
        range->release(range);
    }
    shared_unref(r->home);
    r->conn->in_bytes -= r->held;
    buf_release(&r->out);
    mem_free(b, r, sizeof *r);
}

/* The requests of the list; of a closed connection those that are answered go. */
static void requests_sweep(struct link_conn *c, bool all)
{
    struct link_request **at = &c->first;
    while (*at) {
        struct link_request *r = *at;
        if (!all && !r->answered) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        c->n_requests--;
        request_free(r);
    }
}

static void conn_unlink(struct link_conn **head, struct link_conn *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        *head = c->next;
    if (c->next)
        c->next->prev = c->prev;
}

/* Closed and owed nothing any more: it goes after the turn, whoever still holds it now. */
static void conn_bury(struct link_conn *c)
{
    conn_unlink(&c->loop->waiting, c);
    loop_dead(c->loop, c);
}

void conn_forget(struct link_conn *c)
{
    struct link_loop *l = c->loop;
    requests_sweep(c, true);
    conn_unlink(&l->waiting, c);
    mem_free(l->o.budget, c, sizeof *c);
}

void link_close(struct link_conn *c, const struct error *why)
{
    struct link_loop *l = c->loop;
    struct error none = { .offset = -1 };
    if (!c->sock)
        return;
    l->o.os->ops->net_close(l->o.os, c->sock);
    c->sock = NULL;
    loop_unwatch(l, c);
    conn_unlink(&l->conns, c);
    l->n_conns--;
    shared_unref(c->in);
    c->in = NULL;
    if (l->n_conns == 0)
        spares_drop(l);
    COUNT(l, closed, 1);
    COUNT(l, connections, -1ull);
    c->prev = NULL;
    c->next = l->waiting;
    if (c->next)
        c->next->prev = c;
    l->waiting = c;
    c->closing = true; /* answers that `closed` gives do not free it under us */
    if (l->o.user->closed)
        l->o.user->closed(l->o.arg, c, why ? why : &none);
    c->closing = false;
    requests_sweep(c, false);
    if (!c->first)
        conn_bury(c);
}

/* ---- answers ---- */

static void answer_set(struct link_request *r, const struct wire_gaps *gaps)
{
    struct link_range **last = &r->ranges;
    for (uint32_t i = 0; gaps && i < gaps->count; i++) {
        struct link_range *range = gaps->at[i].owner;
        range->before = gaps->at[i].at;
        range->len = gaps->at[i].len;
        range->next = NULL;
        CHECK(range->before <= r->out.len);
        *last = range;
        last = &range->next;
    }
}

static void answer_arrived(struct link_loop *l, struct link_mail *m)
{
    struct link_request *r = request_of(m);
    struct link_conn *c = r->conn;
    CHECK(!r->answered);
    r->answered = true;
    if (c->sock) {
        c->out_bytes += r->out.len;
        if (c->first == r) {
            c->progress_ns = l->now_ns;
            loop_sooner(l, c, c->progress_ns + l->o.stall_ms * MS);
        }
        loop_ready(l, c);
        return;
    }
    if (c->closing)
        return;
    requests_sweep(c, false);
    if (!c->first)
        conn_bury(c);
}

void link_answer(struct link_request *r, const struct wire_gaps *gaps)
{
    answer_set(r, gaps);
    answer_arrived(r->conn->loop, &r->mail);
}

void link_post(struct link_request *r, const struct wire_gaps *gaps)
{
    answer_set(r, gaps);
    r->mail.run = answer_arrived;
    link_mail_send(r->conn->loop, &r->mail);
}

/* ---- writing ---- */

/* The head has gone out whole. */
static void head_done(struct link_conn *c)
{
    struct link_request *r = c->first;
    c->first = r->next;
    if (!c->first)
        c->last = NULL;
    c->n_requests--;
    c->out_bytes -= r->out.len;
    c->quiet_ns = c->progress_ns = c->loop->now_ns;
    c->cut_after = c->cut_after || r->close_after;
    c->no_more = c->no_more || r->close_after;
    request_free(r);
}

/* How far the bytes of a reply go before the next range. */
static size_t out_until(const struct link_request *r) { return r->ranges ? r->ranges->before : r->out.len; }

/* Bytes of the head and of the answered requests behind it, up to the first range. */
static uint32_t gather(const struct link_conn *c, struct str pieces[OS_PIECES], size_t *ret_bytes, bool *ret_more)
{
    uint32_t n = 0;
    *ret_bytes = 0;
    *ret_more = false;
    for (const struct link_request *r = c->first; r && r->answered && n < OS_PIECES; r = r->next) {
        size_t until = out_until(r);
        if (until > r->sent) {
            pieces[n++] = str_make((const char *)r->out.data + r->sent, until - r->sent);
            *ret_bytes += until - r->sent;
        }
        *ret_more = r->ranges && r->ranges->len > 0;
        if (r->ranges || r->close_after)
            break;
    }
    return n;
}

/* `n` bytes of what gather found have gone; what is whole is done. */
static void advance(struct link_conn *c, size_t n)
{
    for (;;) {
        struct link_request *r = c->first;
        if (!r || !r->answered)
            return;
        size_t part = out_until(r) - r->sent;
        part = part < n ? part : n;
        r->sent += part;
        n -= part;
        if (r->ranges || r->sent < r->out.len)
            return;
        bool last = r->close_after;
        head_done(c);
        if (last)
            return;
    }
}

static enum status write_range(struct link_conn *c, size_t *ret, size_t *ret_wanted, struct error *err)
{
    struct os *os = c->loop->o.os;
    struct link_request *r = c->first;
    struct link_range *range = r->ranges;
    *ret_wanted = (size_t)(range->len < RANGE_MAX ? range->len : RANGE_MAX);
    *ret = 0;
    if (*ret_wanted > 0)
        TRY(os->ops->net_send_file(os, c->sock, range->file, range->at, *ret_wanted, ret, err));
    range->at += *ret;
    range->len -= *ret;
    if (range->len == 0) {
        r->ranges = range->next;
        range->release(range);
    }
    return ST_OK;
}

static enum status write_some(struct link_conn *c, struct error *err)
{
    struct os *os = c->loop->o.os;
    uint64_t budget = WRITE_TURN;
    while (c->can_write && waits_to_send(c)) {
        if (c->cut_after)
            break;
        if (budget == 0) {
            loop_ready(c->loop, c);
            break;
        }
        struct str pieces[OS_PIECES];
        size_t wanted, sent = 0;
        bool more;
        uint32_t n = gather(c, pieces, &wanted, &more);
        if (n > 0)
            TRY(os->ops->net_send(os, c->sock, pieces, n, more, &sent, err));
        else if (c->first->ranges)
            TRY(write_range(c, &sent, &wanted, err));
        if (sent > 0)
            c->progress_ns = c->loop->now_ns;
        COUNT(c->loop, bytes_out, sent);
        c->can_write = sent == wanted;
        budget -= sent < budget ? sent : budget;
        advance(c, n > 0 ? sent : 0);
    }
    return ST_OK;
}

static enum status go_on(struct link_conn *c, struct error *err)
{
    if (!c->finished) {
        TRY(write_some(c, err));
        enum status st = conn_read(c, err);
        if (!c->sock)
            return ST_OK;
        conn_park(c);
        TRY(st);
        bool held = conn_paused(c);
        c->no_more = c->no_more || (c->peer_end && !held); /* all whole frames have been handed out */
        TRY(write_some(c, err));
        if (!conn_paused(c) && (c->can_read || held))
            loop_ready(c->loop, c);
    }
    if (c->no_more && (!c->first || c->cut_after) && !c->finished) {
        c->finished = true;
        c->finished_ns = c->loop->now_ns;
        loop_sooner(c->loop, c, c->finished_ns + LINGER_NS);
        c->loop->o.os->ops->net_finish(c->loop->o.os, c->sock);
        loop_ready(c->loop, c);
    }
    return c->finished ? conn_swallow(c, err) : ST_OK;
}

void conn_run(struct link_conn *c)
{
    struct error err = { .offset = -1 };
    if (!c->sock)
        return;
    enum status st = go_on(c, &err);
    if (!c->sock)
        return;
    if (st == ST_DATA)
        COUNT(c->loop, refused_frames, 1);
    if (st != ST_OK)
        link_close(c, &err);
    else if (c->finished && c->peer_end)
        link_close(c, NULL);
}
