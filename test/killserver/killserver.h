/* What the parts of the test share: the run, and what is expected of the server that it kills. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "client/client.h"

enum {
    RING = 1 << 17,   /* records of a lane that are not checked yet */
    TXN_RING = 1 << 13,
    WINDOW = 5,       /* batches under way of the idempotent producer, a partition */
    LANES = 3,
    STREAMS = 7,
};

/* ---- expectations: what was sent, acknowledged, seen (expect.c) ---- */

struct slot {
    int64_t acked, seen; /* offsets; -1: not */
};
/* Records 0, 1, 2 … of one producer to one partition. */
struct lane {
    const char *topic;
    int32_t partition;
    bool exact; /* each of them once, in order: its producer is idempotent and sends again */
    struct slot *slots;
    int64_t next, checked, read; /* to be sent; verified below; the next one that a reader may see */
};
enum fate { TXN_OPEN, TXN_ENDING, TXN_COMMITTED, TXN_ABORTED };
struct txn {
    enum fate fate;
    uint32_t records; /* a partition */
    uint32_t seen[2];
    bool offsets; /* of a group, too */
};
struct expect {
    pthread_mutex_t lock;
    struct lane lanes[LANES];
    struct txn *txns;
    int64_t next_txn, checked_txn, read_txn[2];
    int64_t txn_offset;                    /* that the transactions' group has; -1: none */
    int64_t group_sent, group_acked;       /* offsets of the other group */
    int64_t dirty_txn[2]; /* read_uncommitted on the first partition: which one, and how many of it */
    int64_t out_next[2];  /* of the job's output */
};
void expect_init(struct expect *x);
void expect_free(struct expect *x);
int64_t expect_send(struct expect *x, uint32_t lane, uint32_t n); /* the first of n; -1: no room now */
void expect_acked(struct expect *x, uint32_t lane, int64_t first, uint32_t n, int64_t offset);
void expect_fate(struct expect *x, int64_t t, enum fate f);
/* All has been read: is everything there? */
void expect_check(struct expect *x);

/* ---- readers ---- */

struct stream {
    const char *topic;
    int32_t partition;
    bool committed;
    int64_t next;
    bool caught_up;
    void (*see)(struct expect *x, const struct stream *s, struct str value, int64_t offset);
};
extern const struct stream streams[STREAMS];

/* ---- the run ---- */

struct batch_sent {
    uint32_t lane, n;
    int64_t first;
};
struct idempotent {
    int64_t id;
    struct batch_sent sent[2 * WINDOW]; /* under way, oldest first */
    uint32_t count;
};
struct transactional {
    int64_t id, t;
    int16_t epoch;
    int32_t sequence[2];
    bool ready, open, v2, commit;
    uint32_t step, batches, records;
};
struct run {
    const char *weir, *dir;
    int server; /* pid */
    struct os_addr at;
    atomic_bool killed;
    struct expect expect;
    struct stream streams[STREAMS];
    struct idempotent idem;
    struct transactional txn;
    atomic_uint_fast64_t acked;
    unsigned seed;
};
_Noreturn void failed(struct run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One connection of the run. */
struct peer {
    struct run *run;
    struct client *client;
    struct arena arena;
    unsigned seed;
};
void peer_open(struct peer *p, struct run *r, unsigned seed);
void peer_close(struct peer *p);
uint32_t peer_random(struct peer *p, uint32_t n);
/* ST_UNREACHABLE: the server has been killed. */
enum status peer_ask(struct peer *p, int16_t key, int16_t version, const void *q, void *ret) MUST_USE;
enum status peer_next(struct peer *p, int64_t ms, struct client_reply *r) MUST_USE;

/* load.c: each until the server is killed. */
void *load_plain(void *run);
void *load_idempotent(void *run);
void *load_transactions(void *run);
void *load_offsets(void *run);
void *load_reader(void *run);
/* After a start, before load: topics, what is under way is brought to an end, all is read, all is checked. */
enum status settle(struct run *r) MUST_USE;
