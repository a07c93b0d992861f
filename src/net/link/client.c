/* A client's end: one connection with a poller of its own. Frames to send queue up in a buffer, replies are cut out of
 * another; nothing waits but link_client_next. For the command line and for tests, not for many connections: it knows
 * no correlation but the order, which is the order of the requests. */
#include "link/link_private.h"

#define READ_STEP ((size_t)64 << 10)

struct link_client {
    struct os *os;
    struct budget *budget;
    struct os_sock *sock;
    struct os_poller *poller;
    struct buf out, in;
    size_t out_at, in_at;
    uint32_t max_frame;
    bool ended;
};

enum status link_client_open(struct os *os, struct budget *b, const struct os_addr *to, uint32_t max_frame,
                             struct link_client **ret, struct error *err)
{
    struct link_client *c = mem_calloc(b, sizeof *c);
    if (!c)
        return budget_error(b ? b : budget_process(), sizeof *c, err);
    c->os = os;
    c->budget = b;
    c->max_frame = max_frame;
    buf_init(&c->out, b, SIZE_MAX);
    buf_init(&c->in, b, SIZE_MAX);
    enum status st = os->ops->poller_new(os, &c->poller, err);
    if (st == ST_OK)
        st = os->ops->net_connect(os, to, &c->sock, err);
    if (st == ST_OK)
        st = os->ops->poller_add(os, c->poller, c->sock, c, err);
    if (st != ST_OK) {
        link_client_close(c);
        return st;
    }
    *ret = c;
    return ST_OK;
}

void link_client_close(struct link_client *c)
{
    if (!c)
        return;
    c->os->ops->net_close(c->os, c->sock);
    if (c->poller)
        c->os->ops->poller_free(c->os, c->poller);
    buf_release(&c->out);
    buf_release(&c->in);
    mem_free(c->budget, c, sizeof *c);
}

static enum status no_room(const struct link_client *c, size_t bytes, struct error *err)
{
    return budget_error(c->budget ? c->budget : budget_process(), bytes, err);
}

enum status link_client_send(struct link_client *c, struct str frame, struct error *err)
{
    return buf_put(&c->out, frame.ptr, frame.len) ? ST_OK : no_room(c, frame.len, err);
}

static enum status send_some(struct link_client *c, struct error *err)
{
    while (c->out_at < c->out.len) {
        struct str p = str_make((const char *)c->out.data + c->out_at, c->out.len - c->out_at);
        size_t n;
        TRY(c->os->ops->net_send(c->os, c->sock, &p, 1, false, &n, err));
        c->out_at += n;
        if (n < p.len)
            return ST_OK;
    }
    buf_clear(&c->out);
    c->out_at = 0;
    return ST_OK;
}

static enum status recv_some(struct link_client *c, struct error *err)
{
    size_t n = READ_STEP;
    while (n > 0 && !c->ended) {
        if (!buf_reserve(&c->in, READ_STEP))
            return no_room(c, READ_STEP, err);
        TRY(c->os->ops->net_recv(c->os, c->sock, c->in.data + c->in.len, READ_STEP, &n, &c->ended, err));
        c->in.len += n;
        if (c->in.len - c->in_at > c->max_frame)
            break; /* enough to go on with */
    }
    return ST_OK;
}

static enum status cut_one(struct link_client *c, struct str *ret, struct error *err)
{
    size_t there = c->in.len - c->in_at;
    *ret = str_make(NULL, 0);
    if (there < 4)
        return ST_OK;
    const uint8_t *p = c->in.data + c->in_at;
    uint32_t n = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    if (n < 4 || n > c->max_frame)
        return error_set(err, ST_DATA, "the peer sends a frame of %d bytes: at least 4 and at most %u", (int32_t)n,
                         c->max_frame);
    if (there - 4 < n)
        return ST_OK;
    *ret = str_make((const char *)p + 4, n);
    c->in_at += (size_t)n + 4;
    return ST_OK;
}

enum status link_client_next(struct link_client *c, int64_t until_ns, struct str *ret_frame, struct error *err)
{
    struct os_event e[2];
    bool raised;
    if (c->in_at > 0) {
        memmove(c->in.data, c->in.data + c->in_at, c->in.len - c->in_at);
        c->in.len -= c->in_at;
        c->in_at = 0;
    }
    for (;;) {
        struct str frame;
        TRY(cut_one(c, &frame, err));
        if (!frame.ptr && c->ended)
            return error_set(err, ST_UNREACHABLE, "the peer has ended the connection");
        if (frame.ptr) {
            *ret_frame = frame;
            return send_some(c, err);
        }
        size_t before = c->in.len, to_send = c->out.len - c->out_at;
        TRY(send_some(c, err));
        TRY(recv_some(c, err));
        if (c->in.len > before || c->ended || c->out.len - c->out_at < to_send)
            continue;
        if (c->os->ops->poller_wait(c->os, c->poller, until_ns, e, 2, &raised) == 0) {
            *ret_frame = frame;
            return ST_OK;
        }
    }
}
