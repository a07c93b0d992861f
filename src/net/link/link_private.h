/* Inside link: loop.c turns, times and delivers mail; input.c reads and cuts, conn.c answers and
 * closes. */
#pragma once

#include "link/link.h"

#define LISTENERS_MAX 8u
#define SPARES 8u
#define MS INT64_C(1000000)
#define STARVED_PAUSE_NS INT64_C(5000000)
#define SHED_AFTER_NS INT64_C(1000000000)
#define SHED_PAUSE_NS INT64_C(100000000)
#define SHED_LEAST (64u << 10)

struct link_conn {
    struct link_loop *loop;
    struct os_sock *sock; /* NULL: closed */
    struct os_addr peer, local;
    void *user;

    /* Input: bytes in_at .. in_end of `in` are not consumed yet. While the loop runs this connection `in` may be the
     * loop's own chunk (borrowed); in between it is not. */
    struct shared *in;
    uint32_t in_at, in_end;
    bool borrowed;
    size_t whole; /* of the frame at in_at, when known */
    uint64_t find_state;

    struct link_request *first, *last; /* in the order of their frames */
    uint32_t n_requests;               /* in that list */
    uint64_t in_bytes, out_bytes;

    bool can_read, can_write, ending;
    bool began;    /* a first frame has come */
    bool no_more;  /* no further frames: the peer has ended, or we are ending */
    bool peer_end;
    bool cut_after; /* a reply with close_after has gone: nothing follows it */
    bool closing;   /* in its user's `closed` */
    bool finished;  /* we have sent our end */
    bool starved;
    bool in_ready; /* it is in that list */
    int64_t opened_ns, quiet_ns, frame_ns, progress_ns, starved_ns, finished_ns; /* since when; 0: it is not */

    int64_t due_ns; /* the heap's key: at or before the true deadline */
    uint32_t heap_at;
    struct link_conn *next_ready, *next_dead, *prev, *next;
};

struct listener {
    struct os_sock *sock;
    bool can_accept;
};

struct counts {
    atomic_ullong accepted, closed, frames, bytes_in, bytes_out;
    atomic_ullong timeouts, refused_frames, starved, accept_errors, turns, connections;
};

struct link_loop {
    struct link_options o;
    struct os_poller *poller;
    int64_t now_ns;

    struct listener listeners[LISTENERS_MAX];
    uint32_t n_listeners;
    int64_t accept_again_ns;
    struct link_loop **spread;
    uint32_t n_spread, spread_next;

    struct link_conn *conns;
    uint32_t n_conns;
    struct link_conn *ready, *ready_last, *dead;
    struct link_conn **heap;
    uint32_t heap_count, heap_cap;
    struct shared *chunk; /* what connections read into, one behind the other */
    uint32_t chunk_used;
    struct shared *spare[SPARES]; /* large buffers to be used again: the loop's reference is the last one */
    uint32_t spare_next;
    int64_t starved_again_ns; /* INT64_MAX: nobody starves */
    int64_t shed_ns;          /* when somebody was closed for want of memory */
    int64_t tick_ns;          /* the user's wish */
    struct link_conn *waiting; /* closed, with requests that are not answered yet */

    _Atomic(struct link_mail *) mail;
    struct link_mail stop_mail;
    atomic_llong stop_ns; /* 0: not asked to */
    bool stopping;
    struct counts counts;
};

/* One writer, so no locked instruction. */
#define COUNT(l, what, n)                                                                                     \
    atomic_store_explicit(&(l)->counts.what, atomic_load_explicit(&(l)->counts.what, memory_order_relaxed) + (n), \
                          memory_order_relaxed)

/* loop.c */
void loop_ready(struct link_loop *l, struct link_conn *c); /* to be run in this turn or the next */
void loop_dead(struct link_loop *l, struct link_conn *c);  /* closed and without requests: freed after the turn */
bool loop_watch(struct link_loop *l, struct link_conn *c) MUST_USE; /* into the heap */
void loop_unwatch(struct link_loop *l, struct link_conn *c);
void loop_sooner(struct link_loop *l, struct link_conn *c, int64_t due_ns);

/* input.c */
static inline uint32_t conn_left_over(const struct link_conn *c) { return c->in ? c->in_end - c->in_at : 0; }
bool conn_paused(const struct link_conn *c); /* takes no frames now */
enum status conn_read(struct link_conn *c, struct error *err) MUST_USE; /* a turn's worth; frames are handed out */
void conn_park(struct link_conn *c); /* the end of its turn: what is left over comes into its own buffer */
enum status conn_swallow(struct link_conn *c, struct error *err) MUST_USE; /* after our end: what comes is of no use */
void spares_drop(struct link_loop *l);
/* conn.c */
void conn_start(struct link_loop *l, struct os_sock *s); /* takes the socket over */
void conn_forget(struct link_conn *c); /* a closed one, with its requests */
void conn_run(struct link_conn *c);
int64_t conn_deadline(const struct link_conn *c, const char **ret_why);
