/* What the checker's files share: what is known of each record, offset, transaction, group, topic, and since which event. */
#pragma once

#include "check.h"

#define NEVER UINT32_MAX
#define OFFSETS_MAX 1000000

struct known {
    uint32_t event;
    int64_t value;
};
struct rising {
    struct known *at;
    uint32_t n, cap;
};

struct record {
    bool sent, tombstone;
    uint16_t partition;
    uint32_t actor, txn;
    uint32_t sent_at; /* event */
    int64_t number, key, second, sent_ms;
    int64_t offset, copy; /* where it stands, where its copy does; -1: not known */
};
struct slot {
    uint32_t id;       /* of the record, or the window + 1; 0: not known */
    uint32_t known_at; /* event */
    uint32_t mark;     /* the fetch that has shown it + 1 */
    uint32_t gone_at;  /* the fetch that has shown that this tombstone has gone + 1 */
    bool read;         /* stamp and epoch are known */
    int64_t stamp_ms;
    int32_t epoch;
};
struct partition {
    enum partition_kind kind;
    int64_t retention_ms, retention_bytes, tombstone_ms, trim_asked;
    struct slot *slots;
    uint32_t n, cap;
    struct rising high, stable, start;
    struct rising count; /* of the topic that begins here */
    int64_t count_asked;
};
struct txn {
    uint32_t asked_at, commit_at, ended_at; /* somebody asked for its end; for a commit; the answer; NEVER */
    enum txn_end end;
    uint32_t shown_at, hidden_at; /* events that showed that it had committed, had not; NEVER */
    int64_t first[PARTITIONS_MAX];
};
struct window {
    int64_t second, key, count, sum;
    int64_t offset;
};
struct value {
    int64_t value;
    uint32_t event, txn;
    bool acked;
};
struct group_offset {
    struct rising known;
    struct value *at;
    uint32_t n, cap;
};
struct instance {
    struct rising asked, joined; /* actors */
    struct rising settled; /* who has been told what is his: that is written down. Until then he may be forgotten */
};
struct topic {
    uint32_t made_at, asked_at, gone_at;
};

struct checker {
    const struct history *h;
    struct verdict *verdict;
    uint32_t now; /* the event that is looked at */
    struct partition partitions[PARTITIONS_MAX];
    struct group_offset offsets[GROUP_OFFSETS_MAX];
    struct instance instances[INSTANCES_MAX];
    struct record *records;
    uint32_t n_records, cap_records;
    struct txn *txns;
    uint32_t n_txns, cap_txns;
    struct topic *topics;
    uint32_t n_topics, cap_topics;
    struct window *windows;
    uint32_t n_windows, cap_windows;
    bool no_memory;
};

/* check.c */
void fault(struct checker *c, enum fault f, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Room for place i of an array, with zeros up to it. */
bool reach(struct checker *c, void **at, uint32_t *n, uint32_t *cap, uint32_t i, size_t size);
void rise(struct checker *c, struct rising *r, int64_t value);
int64_t known_before(const struct rising *r, uint64_t since);
struct record *record_of(struct checker *c, uint32_t id);
struct txn *txn_of(struct checker *c, uint32_t id);
struct topic *topic_told_of(struct checker *c, uint32_t id);

/* check_records.c: what is sent, acknowledged, fetched */
void check_sent(struct checker *c, const struct fact *e);
void check_acked(struct checker *c, const struct fact *e);
void check_fetched(struct checker *c, const struct fact *e);
void check_start(struct checker *c, const struct fact *f, int64_t start, uint64_t since);
bool may_be_gone(struct checker *c, const struct partition *p, uint32_t offset, int64_t now_ms);

/* check_seek.c: offsets by timestamp and by epoch */
void check_stamp(struct checker *c, const struct fact *e);
void check_epoch(struct checker *c, const struct fact *e);

/* check_users.c: offsets and members of groups, transactions, topics */
void check_offset_asked(struct checker *c, const struct fact *e);
void check_offset_acked(struct checker *c, const struct fact *e);
void check_offset_told(struct checker *c, const struct fact *e);
void check_txn_asked(struct checker *c, const struct fact *e);
void check_txn_ended(struct checker *c, const struct fact *e);
void check_topic(struct checker *c, const struct fact *e);
void check_growth(struct checker *c, const struct fact *e);
void check_member(struct checker *c, const struct fact *e);

/* check_back.c: what a loss of power may take */
void check_back(struct checker *c, const struct fact *e);

/* check_end.c */
void check_end(struct checker *c, const struct fact *e);
