/* Connections: an event loop, listeners, frames in, replies out; bounded everywhere.
 *
 * One loop a thread; a connection belongs to one loop for life. The loop cuts what comes into frames and hands each
 * to the user as a request. The user answers it, at once or later, from the loop's thread (link_answer) or any other
 * (link_post): each request exactly once, also when its connection has closed meanwhile. Replies leave in the order of
 * the requests, whatever the order of the answers. A reply is bytes and, between them, ranges of files (wire's gaps),
 * which go from the file to the socket without a copy.
 *
 * Nothing is dropped for want of room: over a bound the loop stops reading from that connection, and goes on when there
 * is room. Peers that only hold (no first frame, half a frame, nothing, or never reading) are closed by deadline.
 *
 * Everything but link_post, link_mail_send and link_stop is for the loop's thread (or before it runs). In simulation
 * there are no threads: call link_turn. */
#pragma once

#include "os/os.h"
#include "wire/wire.h"

struct link_loop;
struct link_conn;
struct link_request;
struct link_options;

/* ---- what the user gives ---- */

/* How frames are cut. Kafka's is built in; HTTP/1.1 fits: `find` looks for the empty line, then for a length or the
 * last chunk, and remembers in `state` how far it has looked. */
struct link_framing {
    /* Looks at the first `len` bytes of a frame. *ret_whole: its bytes, framing included, or 0 as long as these do not
     * tell; *ret_skip: how many of them, at the beginning, the user does not see. ST_DATA closes the connection.
     * `state` is 0 at the beginning of a frame. */
    enum status (*find)(const struct link_options *o, const uint8_t *bytes, size_t len, uint64_t *state,
                        size_t *ret_whole, size_t *ret_skip, struct error *err);
    uint32_t head_max; /* within so many bytes find knows */
};
extern const struct link_framing link_kafka; /* four bytes of length, big-endian */

struct link_user {
    void (*accepted)(void *arg, struct link_conn *c); /* NULL is allowed */
    /* A request to answer. */
    void (*frame)(void *arg, struct link_request *r);
    /* Once for each accepted one. `why` of ST_OK: the peer ended, or we are done. Its requests that are not answered
     * yet still have to be. NULL is allowed. */
    void (*closed)(void *arg, struct link_conn *c, const struct error *why);
    /* At the end of every turn; when to be called again at the latest (INT64_MAX: no wish). NULL is allowed. */
    int64_t (*tick)(void *arg, int64_t now_ns);
};

struct link_options {
    struct os *os;
    struct budget *budget; /* all buffers, in and out: its limit is the bound over all */
    const struct link_framing *framing;
    const struct link_user *user;
    void *arg;
    /* What is 0 gets its default (in brackets). */
    uint32_t max_frame;       /* bytes of a frame [100 MiB] */
    uint32_t max_reply;       /* bytes of a reply without its ranges [100 MiB] */
    uint32_t max_in;          /* a connection's frames that are not answered yet, bytes [1 MiB]; one more may come */
    uint32_t max_out;         /* a connection's replies that are not sent yet, bytes without ranges [1 MiB]; likewise */
    uint32_t max_requests;    /* a connection's requests that are not answered and sent yet [256] */
    uint32_t max_connections; /* of this loop; more wait in the system's queue [10,000] */
    uint32_t chunk_bytes;     /* one read at most [256 KiB] */
    uint32_t handshake_ms;    /* to the first whole frame [10 s] */
    uint32_t idle_ms;         /* without a request [10 min] */
    uint32_t stall_ms;        /* a reply of which the peer takes nothing; waiting for memory [30 s] */
    uint32_t frame_grace_ms;  /* a frame that has begun may take so long [10 s] ... */
    uint32_t frame_floor;     /* ... plus a second for each so many bytes of it that have come [4 KiB] */
};

/* ---- loops ---- */

enum status link_loop_new(const struct link_options *o, struct link_loop **ret, struct error *err) MUST_USE;
/* Closes all. Requests that nobody has answered go with it: do not answer them afterwards. */
void link_loop_free(struct link_loop *l);
/* Port 0 picks one; *ret_at is where it listens. */
enum status link_listen(struct link_loop *l, const struct os_addr *at, struct os_addr *ret_at,
                        struct error *err) MUST_USE;
/* What `l` accepts goes to these loops in turn (l may be among them). The array stays the caller's, alive. */
void link_spread(struct link_loop *l, struct link_loop **loops, uint32_t n);
/* One turn: waits at most until `until_ns` for something to do, and does it. false: stopped, and nothing is left. */
bool link_turn(struct link_loop *l, int64_t until_ns);
/* Turns until stopped: for thread_start. */
void link_run(void *loop);
bool link_busy(const struct link_loop *l); /* (the loop's thread) the next turn will not wait: somebody has more to read or send */
/* Any thread: no new connections, no new requests; what was asked is answered and sent, then all is closed, at the
 * latest at `deadline_ns`. The loop stays until its last request is answered. */
void link_stop(struct link_loop *l, int64_t deadline_ns);

/* Something to be done on the loop's thread; the sender owns the struct until it runs. */
struct link_mail {
    struct link_mail *next;
    void (*run)(struct link_loop *l, struct link_mail *m);
};
/* Any thread. Many letters cost one wake-up. */
void link_mail_send(struct link_loop *l, struct link_mail *m);

struct link_counts {
    uint64_t accepted, closed, frames, bytes_in, bytes_out;
    uint64_t timeouts, refused_frames, starved, accept_errors, turns;
    uint64_t connections; /* now */
};
struct link_counts link_count(const struct link_loop *l); /* any thread */

/* ---- connections ---- */

void link_conn_set_user(struct link_conn *c, void *user);
void *link_conn_user(const struct link_conn *c);
struct os_addr link_conn_peer(const struct link_conn *c);
struct os_addr link_conn_local(const struct link_conn *c);
struct link_loop *link_conn_loop(const struct link_conn *c);
/* At once; calls `closed` before it returns. `why` NULL: we are done. */
void link_close(struct link_conn *c, const struct error *why);

/* ---- requests and replies ---- */

/* Bytes of a file in a reply: the user's struct, whose address is the gap's `owner`. */
struct link_range {
    struct os_file *file;
    uint64_t at;
    /* Once, on the loop's thread: sent, or never to be. */
    void (*release)(struct link_range *r);
    /* link's: */
    struct link_range *next;
    uint64_t len;
    size_t before; /* offset in `out` */
};

struct link_request {
    struct link_mail mail; /* link's */
    struct link_conn *conn;
    struct str bytes;    /* the frame, without what the framing skips; yours to read until answered */
    struct shared *home; /* what holds `bytes`: with a reference of your own you may keep them longer */
    struct buf out;      /* the reply, framing included; empty: there is none */
    void *user;
    bool close_after;    /* after this reply the connection ends */
    /* link's: */
    bool answered;
    uint32_t held; /* of the connection's max_in */
    size_t sent;   /* of `out` */
    struct link_range *ranges;
    struct link_request *next;
};

/* Gives the frame's bytes back before the answer: for requests that wait long. */
void link_request_let_go(struct link_request *r);
/* The reply is in r->out; r is link's from here on. Where `gaps` (NULL: none) says, the ranges go between. */
void link_answer(struct link_request *r, const struct wire_gaps *gaps);
void link_post(struct link_request *r, const struct wire_gaps *gaps); /* the same from any thread */

/* ---- the other end, small: one connection of a client that waits when it wants to ---- */

struct link_client;
/* Begins to connect. `max_frame`: the largest reply. */
enum status link_client_open(struct os *os, struct budget *b, const struct os_addr *to, uint32_t max_frame,
                             struct link_client **ret, struct error *err) MUST_USE;
void link_client_close(struct link_client *c);
/* Takes a whole frame, length included, for sending. */
enum status link_client_send(struct link_client *c, struct str frame, struct error *err) MUST_USE;
/* Sends and receives what goes now, waiting at most until `until_ns` for a reply: *ret_frame, without its length, is
 * there until the next call; .ptr NULL: none yet. ST_UNREACHABLE: refused, cut, or the peer has ended. */
enum status link_client_next(struct link_client *c, int64_t until_ns, struct str *ret_frame,
                             struct error *err) MUST_USE;
