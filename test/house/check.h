/* The checker: history in, verdict out. It knows nothing of the log but what its users were promised. */
#pragma once

#include "history.h"

enum fault {
    FAULT_NONE,
    FAULT_LOST,            /* what was acknowledged or seen is not there */
    FAULT_DUPLICATED,      /* one record at two offsets */
    FAULT_REORDERED,       /* against the order of its producer */
    FAULT_TORN,            /* bytes that nobody sent */
    FAULT_PHANTOM,         /* a record of another partition, or of nobody */
    FAULT_CHANGED,         /* an offset holds another record than before */
    FAULT_ABORTED_READ,    /* read_committed shows what was never committed */
    FAULT_HALF_TXN,        /* a transaction is there in part */
    FAULT_STABLE_AHEAD,    /* the last stable offset is behind an open transaction */
    FAULT_STABLE_BACK,     /* it goes back */
    FAULT_HIGH_BACK,       /* the high watermark goes back */
    FAULT_START_BACK,      /* the log's start does */
    FAULT_OFFSET_BACK,     /* a group's offset does */
    FAULT_OFFSET_PHANTOM,  /* nobody has committed it */
    FAULT_OFFSET_ABORTED,  /* it is of a transaction that was never committed */
    FAULT_TOPIC_LOST,
    FAULT_TOPIC_PHANTOM,
    FAULT_COUNT_BACK,      /* a topic has fewer partitions than before */
    FAULT_WRONG_OFFSET,    /* not the record of that timestamp, not the end of that epoch */
    FAULT_EPOCH_KEPT,      /* what is gone and what came in its place have one epoch */
    FAULT_NOT_FENCED,      /* a group serves who was replaced */
    FAULT_FENCED,          /* it fences whom nobody has replaced */
    FAULT_REBALANCED,      /* it begins anew because a known instance came back */
    FAULT_WRONG_RESULT,    /* a window's count or sum */
    FAULT_STUCK,
    FAULT_REFUSED,         /* the log does not open, or the job does not start */
    FAULTS
};
extern const char *const fault_names[FAULTS];

struct verdict {
    enum fault fault; /* the first one */
    uint32_t event;   /* that shows it */
    char text[300];
};
/* ST_MEMORY is the only failure. */
enum status history_check(const struct history *h, struct verdict *ret) MUST_USE;
