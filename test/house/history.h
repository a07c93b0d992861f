/* What was asked, answered and seen, in the order of one clock: all that the checker knows. */
#pragma once

#include "base/base.h"

enum partition_kind {
    PARTITION_PLAIN,
    PARTITION_COMPACTED, /* of each key the newest record stays */
    PARTITION_SOURCE,    /* the job reads it */
    PARTITION_COPY,      /* what the job writes: the id of each record that it has read */
    PARTITION_WINDOWS    /* what it writes: counts and sums of windows */
};

enum { WINDOW_SECONDS = 5, PARTITIONS_MAX = 32, GROUP_OFFSETS_MAX = 16, INSTANCES_MAX = 4, RECORD_BYTES_MAX = 400 };

/* In place of a timestamp. */
enum { STAMP_LATEST = -1, STAMP_EARLIEST = -2, STAMP_LARGEST = -3 };

enum txn_end { TXN_UNKNOWN, TXN_COMMITTED, TXN_ABORTED };
enum txn_ask { ASK_COMMIT, ASK_ABORT };

enum fact_kind {
    EV_PARTITION,     /* partition is of kind a; b: retention in ms, c: in bytes; -1: for ever. d: how long a tombstone stays */
    EV_SENT,          /* actor has sent record id to partition, as its number a there, in txn (0: none); b: key, c: second,
                       * d: it is a tombstone */
    EV_ACKED,         /* record id stands at offset */
    EV_TXN_ASKED,     /* somebody has asked for txn's end: a: enum txn_ask. A new start of its producer asks to abort */
    EV_TXN_ENDED,     /* and was told a: enum txn_end */
    EV_FETCHED,       /* partition was read from offset up to a (committed or not); the next n events are what was there;
                       * b: high watermark, c: last stable offset, d: start; -1: not told. Asked at event `since` */
    EV_READ,          /* record id at offset; 0: it is nobody's. PARTITION_WINDOWS: a: window's second, b: key, c: count, d: sum */
    EV_TRIM_ASKED,    /* records before `offset` are to go */
    EV_TRIMMED,       /* and have: it starts at `offset`. Asked at event `since` */
    EV_OFFSET_ASKED,  /* group offset (partition: which) a is to be committed, in txn (0: none) */
    EV_OFFSET_ACKED,  /* and is; in a transaction: if that commits */
    EV_OFFSET_TOLD,   /* it is a; -1: there is none. Asked at event `since` */
    EV_TOPIC_MADE,    /* topic id is there */
    EV_TOPIC_ASKED,   /* it is to go */
    EV_TOPIC_GONE,    /* it has gone */
    EV_TOPIC_TOLD,    /* topic id is there (a: 1) or not. Asked at event `since` */
    EV_GROW_ASKED,    /* the topic that begins with partition is to have a of them */
    EV_GROWN,         /* and has. Asked at event `since` */
    EV_COUNT_TOLD,    /* it has a; b: at most. Asked at event `since` */
    EV_STAMP_TOLD,    /* partition's first record with a timestamp from a on, or what STAMP_… names, is at offset (-1: there is
                       * none) and has b; committed: of those below the last stable offset. Asked at event `since` */
    EV_EPOCH_TOLD,    /* of its epochs up to a the newest is b and ends at offset; -1: none. Asked at event `since` */
    EV_JOIN_ASKED,    /* actor wants to be instance id of the group; c: in which life of the machine he asked */
    EV_JOINED,        /* and is, in generation a; b: the generation that the group had, and nobody has given it a reason for
                       * another one; -1: not known */
    EV_SERVED,        /* the group took a commit of actor as instance id, a: or has told what is his. Asked at event `since` */
    EV_FENCED,        /* actor is told that another one is instance id; c: in which life */
    EV_WENT_BACK,     /* the power went at a (ms), of a log that may lose about a second by that: the next n events are */
    EV_SPAN,          /* what partition has left: from offset up to a, in epoch */
    EV_STUCK,         /* something does not end; text: what */
    EV_REFUSED,       /* what was there is not accepted; text: what */
    EV_END            /* all has come to rest and has been read; the windows up to second a are closed; -1: there was no job */
};

struct fact {
    uint8_t kind;
    bool committed;
    uint16_t partition;
    uint32_t actor, id, txn, n;
    uint64_t since; /* events before this one had happened when it was asked */
    int64_t offset, a, b, c, d, now_ms;
    int64_t stamp_ms; /* of what was read; and the epoch of its batch */
    int32_t epoch;
    const char *text;
};

struct history {
    struct fact *at;
    uint32_t n, cap;
};
struct fact *history_add(struct history *h, enum fact_kind kind); /* zeroed; until the next one */
void history_print(const struct fact *e, uint32_t i);
void history_release(struct history *h);
