/* Sockets of the real body: TCP, never blocking, and the poller over epoll.
 *
 * epoll runs edge-triggered with reading and writing registered once: stopping to read or having bytes left to send
 * costs no system call, and a connection that nobody wants to hear does not wake anybody. The price is the contract
 * in os.h: go on until a call gives less than asked. A short recv means an empty socket, except where the end has
 * already been told (OS_ENDING), because that edge does not come twice.
 *
 * The wake-up of a poller is an os_signal that also writes to an eventfd, once until it is taken.
 *
 * A connection sends at once (TCP_NODELAY); whoever has more to say at once says so (MSG_MORE). Keep-alive is on, so
 * that a peer whose machine has gone is noticed one day without traffic of ours. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/real_private.h"

#define BACKLOG 1024
#define EVENTS_MAX 256u
#define SEND_FILE_MAX ((size_t)1 << 30)

struct os_sock {
    int fd;
    struct os_addr peer; /* kept: a dead connection knows no more whose it was */
};

struct os_poller {
    int epoll_fd, event_fd;
    struct os_signal *signal;
};

/* ---- addresses ---- */

union sock_addr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t addr_out(const struct os_addr *a, union sock_addr *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!a->v6) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(a->port);
        memcpy(&ret->v4.sin_addr, a->ip, 4);
        return sizeof ret->v4;
    }
    ret->v6.sin6_family = AF_INET6;
    ret->v6.sin6_port = htons(a->port);
    ret->v6.sin6_scope_id = a->scope;
    memcpy(&ret->v6.sin6_addr, a->ip, 16);
    return sizeof ret->v6;
}

static struct os_addr addr_in(const union sock_addr *a)
{
    struct os_addr out = { 0 };
    if (a->any.sa_family == AF_INET6) {
        out.v6 = true;
        out.port = ntohs(a->v6.sin6_port);
        out.scope = a->v6.sin6_scope_id;
        memcpy(out.ip, &a->v6.sin6_addr, 16);
    } else if (a->any.sa_family == AF_INET) {
        out.port = ntohs(a->v4.sin_port);
        memcpy(out.ip, &a->v4.sin_addr, 4);
    }
    return out;
}

static enum status addr_error(struct error *err, int number, const char *what, const struct os_addr *a)
{
    char text[OS_ADDR_TEXT];
    os_addr_text(a, text);
    return real_error(err, number, what, text);
}

static enum status sock_error(struct error *err, int number, const char *what, const struct os_sock *s)
{
    if (number == EPIPE)
        number = ECONNRESET;
    return addr_error(err, number, what, &s->peer);
}

enum status real_net_resolve(struct os *os, const char *host, uint16_t port, struct os_addr *ret, uint32_t room,
                             uint32_t *ret_count, struct error *err)
{
    (void)os;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list;
    int rc = getaddrinfo(host, NULL, &hints, &list);
    if (rc == EAI_MEMORY)
        return error_set(err, ST_MEMORY, "no memory to look up '%s'", host);
    if (rc != 0) {
        error_set(err, ST_UNREACHABLE, "cannot find the address of '%s': %s", host, gai_strerror(rc));
        error_hint(err, "check the name, or give the address as a number");
        return ST_UNREACHABLE;
    }
    uint32_t count = 0;
    for (struct addrinfo *a = list; a && count < room; a = a->ai_next) {
        union sock_addr addr = { 0 };
        if (a->ai_addrlen > sizeof addr || (a->ai_family != AF_INET && a->ai_family != AF_INET6))
            continue;
        memcpy(&addr, a->ai_addr, a->ai_addrlen);
        ret[count] = addr_in(&addr);
        ret[count++].port = port;
    }
    freeaddrinfo(list);
    *ret_count = count;
    return count > 0 ? ST_OK : error_set(err, ST_UNREACHABLE, "'%s' has no IP address", host);
}

/* ---- sockets ---- */

/* Takes the descriptor over, also when it fails. `peer` NULL: a listener. */
static enum status sock_wrap(int fd, const struct os_addr *peer, struct os_sock **ret, struct error *err)
{
    struct os_sock *s = mem_calloc(NULL, sizeof *s);
    if (!s) {
        close(fd);
        return budget_error(budget_process(), sizeof *s, err);
    }
    int on = 1;
    if (peer) { /* wishes: without them it is slower */
        s->peer = *peer;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    s->fd = fd;
    *ret = s;
    return ST_OK;
}

static int sock_open(const struct os_addr *a)
{
    return socket(a->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

enum status real_net_listen(struct os *os, const struct os_addr *at, struct os_sock **ret, struct error *err)
{
    (void)os;
    union sock_addr addr;
    socklen_t len = addr_out(at, &addr);
    int on = 1, fd = sock_open(at);
    if (fd < 0)
        return addr_error(err, errno, "listen on", at);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* connections of an earlier life do not matter */
    if (bind(fd, &addr.any, len) != 0 || listen(fd, BACKLOG) != 0) {
        int number = errno;
        close(fd);
        return addr_error(err, number, "listen on", at);
    }
    return sock_wrap(fd, NULL, ret, err);
}

enum status real_net_accept(struct os *os, struct os_sock *listener, struct os_sock **ret, struct error *err)
{
    (void)os;
    for (;;) {
        union sock_addr from = { 0 };
        socklen_t len = sizeof from;
        int fd = accept4(listener->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct os_addr peer = addr_in(&from);
            return sock_wrap(fd, &peer, ret, err);
        }
        switch (errno) {
        case EAGAIN:
            *ret = NULL;
            return ST_OK;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case EINVAL:
        case EBADF: {
            int number = errno;
            struct os_addr a = real_net_local(os, listener);
            return addr_error(err, number, "accept a connection on", &a);
        }
        default: /* a connection that has died before we looked, or EINTR: the next one */
            break;
        }
    }
}

enum status real_net_connect(struct os *os, const struct os_addr *to, struct os_sock **ret, struct error *err)
{
    (void)os;
    union sock_addr addr;
    socklen_t len = addr_out(to, &addr);
    int fd = sock_open(to);
    if (fd < 0)
        return addr_error(err, errno, "connect to", to);
    if (connect(fd, &addr.any, len) != 0 && errno != EINPROGRESS && errno != EINTR) {
        int number = errno;
        close(fd);
        return addr_error(err, number, "connect to", to);
    }
    return sock_wrap(fd, to, ret, err);
}

enum status real_net_recv(struct os *os, struct os_sock *s, void *bytes, size_t len, size_t *ret_len, bool *ret_end,
                          struct error *err)
{
    (void)os;
    ssize_t n;
    do {
        n = recv(s->fd, bytes, len, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return sock_error(err, errno, "receive from", s);
    *ret_len = n > 0 ? (size_t)n : 0;
    *ret_end = n == 0 && len > 0;
    return ST_OK;
}

enum status real_net_send(struct os *os, struct os_sock *s, const struct str *pieces, uint32_t count, bool more,
                          size_t *ret_len, struct error *err)
{
    (void)os;
    struct iovec parts[OS_PIECES];
    uint32_t n = count < OS_PIECES ? count : OS_PIECES;
    for (uint32_t i = 0; i < n; i++)
        parts[i] = (struct iovec){ (void *)(uintptr_t)pieces[i].ptr, pieces[i].len };
    struct msghdr m = { .msg_iov = parts, .msg_iovlen = n };
    ssize_t sent;
    do {
        sent = sendmsg(s->fd, &m, MSG_NOSIGNAL | (more || count > n ? MSG_MORE : 0));
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN)
        return sock_error(err, errno, "send to", s);
    *ret_len = sent > 0 ? (size_t)sent : 0;
    return ST_OK;
}

enum status real_net_send_file(struct os *os, struct os_sock *s, struct os_file *f, uint64_t at, size_t len,
                               size_t *ret_len, struct error *err)
{
    (void)os;
    off_t from = (off_t)at;
    ssize_t sent;
    do {
        sent = sendfile(s->fd, f->fd, &from, len < SEND_FILE_MAX ? len : SEND_FILE_MAX);
    } while (sent < 0 && errno == EINTR);
    if (sent == 0 && len > 0) {
        error_set(err, ST_IO, "cannot send from '%s': it ends before byte %llu", f->path, (unsigned long long)at);
        error_place(err, f->path, 0, 0, (int64_t)at);
        return ST_IO;
    }
    if (sent < 0 && errno == EIO) /* the disk's; a peer does not give it */
        return real_error(err, errno, "read", f->path);
    if (sent < 0 && errno != EAGAIN)
        return sock_error(err, errno, "send to", s);
    *ret_len = sent > 0 ? (size_t)sent : 0;
    return ST_OK;
}

void real_net_finish(struct os *os, struct os_sock *s)
{
    (void)os;
    (void)shutdown(s->fd, SHUT_WR); /* fails where the peer is gone: then it is finished */
}

void real_net_close(struct os *os, struct os_sock *s)
{
    (void)os;
    if (!s)
        return;
    close(s->fd); /* the last descriptor of it: epoll forgets it too */
    mem_free(NULL, s, sizeof *s);
}

struct os_addr real_net_local(struct os *os, const struct os_sock *s)
{
    (void)os;
    union sock_addr a = { 0 };
    socklen_t len = sizeof a;
    (void)getsockname(s->fd, &a.any, &len);
    return addr_in(&a);
}

struct os_addr real_net_peer(struct os *os, const struct os_sock *s)
{
    (void)os;
    return s->peer;
}

/* ---- the poller ---- */

enum status real_poller_new(struct os *os, struct os_poller **ret, struct error *err)
{
    (void)os;
    struct os_poller *p = mem_calloc(NULL, sizeof *p);
    if (!p)
        return budget_error(budget_process(), sizeof *p, err);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event e = { .events = EPOLLIN }; /* level: it is read by whoever takes the signal */
    bool ok = p->epoll_fd >= 0 && p->event_fd >= 0 && epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->event_fd, &e) == 0;
    enum status st = ok ? ST_OK : real_error(err, errno, "make", "a poller");
    if (ok && !(p->signal = real_signal_with(p->event_fd)))
        st = budget_error(budget_process(), 1, err);
    if (st != ST_OK) {
        real_poller_free(os, p);
        return st;
    }
    *ret = p;
    return ST_OK;
}

void real_poller_free(struct os *os, struct os_poller *p)
{
    if (!p)
        return;
    real_signal_free(os, p->signal);
    if (p->event_fd >= 0)
        close(p->event_fd);
    if (p->epoll_fd >= 0)
        close(p->epoll_fd);
    mem_free(NULL, p, sizeof *p);
}

enum status real_poller_add(struct os *os, struct os_poller *p, struct os_sock *s, void *user, struct error *err)
{
    (void)os;
    CHECK(user);
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = user };
    if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, s->fd, &e) == 0)
        return ST_OK;
    return real_error(err, errno, "watch", "a socket");
}

struct os_signal *real_poller_signal(struct os *os, struct os_poller *p)
{
    (void)os;
    return p->signal;
}

/* To the nanosecond where the kernel can (Linux 5.11), else to the millisecond; never before the deadline. */
static int wait_events(int fd, struct epoll_event *events, int room, int64_t deadline_ns)
{
    bool endless = deadline_ns == INT64_MAX;
    int64_t now = endless || deadline_ns <= 0 ? 0 : os_mono_ns(os_real()), left = deadline_ns > now ? deadline_ns - now : 0;
    struct timespec t = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
    int n = epoll_pwait2(fd, events, room, endless ? NULL : &t, NULL);
    if (n >= 0 || errno != ENOSYS)
        return n;
    int64_t ms = endless ? -1 : left / 1000000 + (left % 1000000 > 0);
    return epoll_wait(fd, events, room, ms < INT_MAX ? (int)ms : INT_MAX);
}

uint32_t real_poller_wait(struct os *os, struct os_poller *p, int64_t deadline_ns, struct os_event *ret, uint32_t room,
                          bool *ret_raised)
{
    (void)os;
    struct epoll_event events[EVENTS_MAX];
    int n;
    *ret_raised = false;
    CHECK(room > 0);
    do {
        n = wait_events(p->epoll_fd, events, (int)(room < EVENTS_MAX ? room : EVENTS_MAX), deadline_ns);
        CHECK(n >= 0 || errno == EINTR);
    } while (n < 0 || (n == 0 && deadline_ns != INT64_MAX && os_mono_ns(os_real()) < deadline_ns));
    uint32_t count = 0;
    for (int i = 0; i < n; i++) {
        uint32_t e = events[i].events;
        if (!events[i].data.ptr) {
            *ret_raised = real_signal_take(p->signal);
            continue;
        }
        bool ending = e & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        ret[count++] = (struct os_event){
            .user = events[i].data.ptr,
            .can = (e & EPOLLIN || ending ? OS_CAN_READ : 0u) |
                   (e & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? OS_CAN_WRITE : 0u) | (ending ? OS_ENDING : 0u),
        };
    }
    return count;
}
