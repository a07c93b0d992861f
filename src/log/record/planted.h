/* Bugs planted in the log behind one switch, a bit each, that only tests set (topics_options.planted): the checker of
 * test/house must find each of them. Each sits where it would be made by mistake. */
#pragma once

#include <stdint.h>

enum log_bug {
    /* store */
    LOG_BUG_NO_SYNC,          /* the journal is not synced before what waits for it is told */
    LOG_BUG_STRAIGHT_NO_SYNC, /* large batches are not synced before the record that names them */
    LOG_BUG_LAST_RECORD,      /* recovery leaves the journal's newest record out */
    LOG_BUG_TORN_GROUP,       /* recovery applies only the first batches of the newest record */
    LOG_BUG_INDEX_AHEAD,      /* an index entry points behind its batch */
    LOG_BUG_NAME_NO_SYNC,     /* a segment's bytes are made durable, its name is not */
    LOG_BUG_JOURNAL_EARLY,    /* a journal file goes before what it says is in the segments */
    LOG_BUG_RELAXED_SETTLED,  /* relaxed: what was not synced counts as settled */
    LOG_BUG_TRIM_MEMORY,      /* a new start of a partition is not written down */
    /* topic */
    LOG_BUG_ACK_EARLY,        /* acks=all is answered when the batch is in line */
    LOG_BUG_REPEAT_EARLY,     /* a repeated batch is answered though the first is not durable yet */
    LOG_BUG_NO_CUT,           /* what a failed commit took back stays in the producers' state */
    LOG_BUG_NO_SEQUENCE,      /* sequences are not checked */
    LOG_BUG_PRODUCERS_LOST,   /* a restart forgets producers and their transactions */
    LOG_BUG_STALE_SNAPSHOT,   /* a snapshot lacks each producer's newest batch */
    LOG_BUG_STABLE_AHEAD,     /* the last stable offset ignores open transactions */
    LOG_BUG_ABORTED_MISSED,   /* the newest aborted transaction is not told to readers */
    LOG_BUG_ABORTED_LOST,     /* snapshots lack the aborted transactions */
    LOG_BUG_MARKER_LOST,      /* a transaction's last partition gets no marker */
    LOG_BUG_OFFSETS_EARLY,    /* coordinators answer before what they say is durable */
    LOG_BUG_OFFSETS_ABORTED,  /* an abort lets the transaction's offsets take effect */
    LOG_BUG_COMPACT_NEWEST,   /* compaction drops the newest record of a key */
    LOG_BUG_RETAIN_ALL,       /* retention takes the active segment with the first one */
    LOG_BUG_IDS_AGAIN,        /* a restart gives out producer ids that were given out before */
    LOG_BUG_TOPIC_GHOST,      /* a topic's removal is not written down */
    LOG_BUG_RETAIN_SIZE,      /* retention by size takes every segment but the active one */
    LOG_BUG_TOMBSTONE_EARLY,  /* compaction drops a tombstone before its time */
    LOG_BUG_GROWTH_MEMORY,    /* a topic's new partitions are not written down */
    LOG_BUG_SEEK_BATCH,       /* a timestamp leads to the first record of its batch */
    LOG_BUG_SEEK_STABLE,      /* and behind the last stable offset */
    LOG_BUG_EPOCH_END,        /* an epoch's end is where the log ends */
    LOG_BUG_RELAXED_IDLE,     /* relaxed: nothing is synced while nobody writes */
    LOG_BUG_EPOCH_KEPT,       /* what power took (relaxed) is not told by a new epoch */
    /* coord */
    LOG_BUG_STATIC_ZOMBIE,    /* who had the instance id before is not fenced from commits */
    LOG_BUG_STATIC_REBALANCE, /* a known instance that comes back makes the group begin anew */
    LOG_BUG_STATIC_MEMORY,    /* its new member id is not written down */
    LOG_BUG_NO_FENCE,         /* who had the transactional id before is not fenced */
    LOG_BUG_INIT_KEEPS,       /* a new start of a producer leaves its open transaction open */
    /* broker */
    LOG_BUG_FETCH_DIRTY,      /* Fetch does not look at the isolation level */
    /* jobs over the log */
    LOG_BUG_JOB_TWO_GROUPS,   /* an epoch's outputs are committed before its state and positions */
    LOG_BUG_JOB_DIRTY,        /* the topic source reads what is not committed */
    LOG_BUGS
};

static inline int log_bug(uint64_t planted, enum log_bug bug) { return (int)(planted >> bug & 1); }
