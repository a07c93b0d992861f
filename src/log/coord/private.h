/* What the files of this room share: steps being made, deadlines, and the insides of groups and their offsets. */
#pragma once

#include "coord/coord.h"

#define COORD_NEVER INT64_MAX
/* When memory for something that is due is refused, it is tried again after so long. */
enum { COORD_RETRY_MS = 100, COORD_TICK_GROUPS = 64 };

/* now + delay, never beyond the ends. */
static inline int64_t coord_after(int64_t now_ms, int64_t delay_ms)
{
    int64_t at;
    return __builtin_add_overflow(now_ms, delay_ms, &at) ? COORD_NEVER - 1 : at;
}

/* ---- step.c ---- */

/* Places in the lists, and room in the arena for `allocs` pieces of together `bytes`: none of it will be refused. */
bool step_room(struct coord_step *step, uint32_t replies, uint32_t records, size_t allocs, size_t bytes) MUST_USE;
/* Encodes and adds a record; nothing is added when it fails. `value_form` NULL: a tombstone. */
struct step_form {
    const struct wire_message *form;
    int16_t version;
    const void *message;
};
enum status step_record(struct coord_step *step, struct buf *scratch, struct step_form key,
                        const struct step_form *value, struct error *err) MUST_USE;
/* Takes back all records but the first `count`. */
void step_undo(struct coord_step *step, uint32_t count);
/* More tombstones should wait for another step. */
static inline bool step_is_large(const struct coord_step *step)
{
    return step->record_bytes > COORD_STEP_BYTES_MAX / 2;
}
/* A copy in the step's arena; null stays null. ptr NULL for what was not: refused. */
struct str step_str(struct arena *a, struct str s);
enum status step_refused(struct arena *a, struct error *err);

/* Bytes of one's own, charged to the budget. Null stays null. */
bool own_str(struct budget *b, struct str s, struct str *ret) MUST_USE;
void own_drop(struct budget *b, struct str *s); /* sets it to null */

/* Room for one more pointer-sized thing in a heap array. */
bool own_room(struct budget *b, void **at, uint32_t *cap, uint32_t count, size_t size) MUST_USE;

/* ---- due.c: what comes first ---- */

struct due {
    int64_t at_ms;
    uint32_t slot; /* place in the heap */
};
struct due_heap {
    struct budget *budget;
    struct due **at;
    uint32_t n, cap;
};
bool due_add(struct due_heap *h, struct due *d, int64_t at_ms) MUST_USE;
void due_move(struct due_heap *h, struct due *d, int64_t at_ms);
void due_remove(struct due_heap *h, struct due *d);
static inline int64_t due_first(const struct due_heap *h) { return h->n ? h->at[0]->at_ms : COORD_NEVER; }

/* ---- offsets ---- */

struct offset_value {
    int64_t offset, commit_ms, expire_ms; /* expire_ms -1: by the group's rule */
    int64_t order;                        /* of the record: the later one wins */
    int32_t leader_epoch;
    struct wire_uuid topic_id;
    struct str metadata; /* its own */
};
/* An offset of an open transaction, in two lists: of its partition, and of its transaction in the group. */
struct offset_wait {
    struct offset_wait *next;
    struct offset_wait *txn_before, *txn_after;
    struct open_txn *txn;
    struct offset_topic *topic;
    int32_t partition;
    struct offset_value value;
};
struct offset_entry {
    int32_t partition;
    bool set; /* else only transactions have one */
    struct offset_value value;
    struct offset_wait *waits;
};
struct offset_topic {
    struct str name; /* its own */
    struct offset_entry *at; /* by partition */
    uint32_t n, cap;
};
struct offsets {
    struct offset_topic **topics; /* by name */
    uint32_t n, cap;
    uint32_t entries;
    size_t name_bytes; /* of their topics' names, counted for each entry: what tombstones of all of them take */
};
/* The offsets of one producer's transaction in one group. Exists while it has some. */
struct open_txn {
    int64_t producer_id;
    struct group *group;
    struct offset_wait *first;
};

struct offset_topic *offsets_topic(const struct offsets *o, struct str name);
struct offset_entry *offsets_entry(const struct offset_topic *t, int32_t partition);
/* The entry, made if it is not there (set false, no waits). NULL: refused. */
struct offset_entry *offsets_make(struct coord_groups *g, struct offsets *o, struct str topic, int32_t partition,
                                  struct offset_topic **ret_topic);
/* Takes an entry away that has nothing any more. */
void offsets_trim(struct coord_groups *g, struct offsets *o, struct str topic, int32_t partition);
/* `v` becomes the entry's; its metadata is taken. */
void offsets_set(struct coord_groups *g, struct offset_entry *e, const struct offset_value *v);
/* The transaction in the group, made if it is not there. NULL: refused. */
struct open_txn *offsets_txn(struct coord_groups *g, struct group *grp, int64_t producer_id);
void offsets_txn_trim(struct coord_groups *g, struct open_txn *x); /* drops it when it has nothing */
/* `v` becomes what the transaction commits; `w` (cleared, from the budget) and v's metadata are taken. */
void offsets_wait(struct coord_groups *g, struct open_txn *x, struct offset_topic *t, struct offset_entry *e,
                  struct offset_wait *w, const struct offset_value *v);
/* Value and waits of a partition go, and with them entry and topic if they are the last. */
void offsets_forget(struct coord_groups *g, struct group *grp, struct str topic, int32_t partition);
void offsets_release(struct coord_groups *g, struct group *grp);


/* ---- groups ---- */

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE };
extern const struct str group_state_names[];

struct group_protocol {
    struct str name, metadata;
};
/* One block: the list, then the bytes. */
struct group_protocols {
    struct group_protocol *at;
    uint32_t n;
    size_t bytes;
};

struct group_member {
    struct str id, instance_id, client_id, client_host; /* in this block */
    size_t bytes;                                       /* of this block */
    uint64_t hash;                                      /* of the id */
    struct group_protocols protocols;
    struct str assignment; /* its own; null: empty */
    int32_t rebalance_ms, session_ms;
    bool is_new; /* has not been through a join yet */
    bool waits_join, waits_sync;
    bool owes_sync; /* has joined this generation and not synced */
    uint64_t join_token, sync_token;
    int64_t due_ms; /* of its session */
};
/* A member that was told its id and has not joined with it. */
struct group_pending {
    struct str id; /* its own */
    int64_t due_ms;
};

struct group {
    struct due due; /* first: a lower bound of all the deadlines below */
    struct str id;  /* its own */
    enum group_state state, before;
    int32_t generation;
    struct str protocol_type; /* its own; null: none, a group that only has offsets */
    struct buf protocol;      /* chosen one, when has_protocol */
    bool has_protocol;
    struct group_member *leader; /* NULL: no members */
    int64_t state_ms;            /* when it came into the state; -1: not known */
    struct group_member **members; /* as they came */
    uint32_t n_members, cap_members, n_waiting; /* waiting for a join */
    struct group_pending *pending;
    uint32_t n_pending, cap_pending;
    int64_t join_due_ms, sync_due_ms, expiry_due_ms;
    /* the first rebalance of an empty group is put off while members come */
    bool initial, joined_since;
    int32_t delay_ms, delay_left_ms;
    struct offsets offsets;
};

struct coord_groups {
    struct coord_groups_config config;
    struct budget *budget;
    struct arena names; /* of by_id */
    struct map by_id;   /* struct group */
    struct due_heap heap;
    struct buf scratch;
    int64_t order; /* of the next record */
    struct open_txn **txns; /* by producer id */
    uint32_t n_txns, cap_txns;
    bool broken; /* something was refused that had been set aside: our bug */
};

/* groups.c */
struct group *group_find(const struct coord_groups *g, struct str id);
enum status group_new(struct coord_groups *g, struct str id, int64_t now_ms, struct group **ret,
                      struct error *err) MUST_USE;
/* The same within the limit: ST_LIMIT. */
enum status group_admit(struct coord_groups *g, struct str id, int64_t now_ms, struct group **ret,
                        struct error *err) MUST_USE;
void group_free(struct coord_groups *g, struct group *grp); /* tokens are forgotten */
/* Something of the group is due by then. */
void group_due_by(struct coord_groups *g, struct group *grp, int64_t at_ms);
enum status group_done(const struct coord_groups *g, struct error *err); /* ST_OK, or ST_BUG when broken */
void group_arm_expiry(struct coord_groups *g, struct group *grp, int64_t at_ms);

/* group.c: members and the walk through the states. Those that answer need group_room before. */
struct group_more { /* what comes beyond the members that are there */
    size_t each; /* bytes that may stand in every answer */
    size_t once;
    size_t name; /* of the longest protocol's name */
};
bool group_room(struct coord_groups *g, struct group *grp, struct coord_step *step, bool completes,
                struct group_more more) MUST_USE;
#define GROUP_NO_MORE ((struct group_more){ 0 })
struct group_member *group_member(const struct group *grp, struct str id);
struct group_member *group_static(const struct group *grp, struct str instance_id);
bool group_is_pending(const struct group *grp, struct str id);
int16_t group_check(const struct group *grp, struct str id, struct str instance_id); /* FENCED, UNKNOWN, NONE */
void group_remove_pending(struct coord_groups *g, struct group *grp, struct str id);
bool group_protocols_make(struct coord_groups *g, const struct group_protocol *at, uint32_t n,
                          struct group_protocols *ret) MUST_USE;
void group_protocols_drop(struct coord_groups *g, struct group_protocols *p);
struct group_member *group_member_new(struct coord_groups *g, struct str id, struct str instance_id,
                                      struct str client_id, struct str client_host);
void group_member_free(struct coord_groups *g, struct group_member *m);
/* Answers what it waits for with UNKNOWN_MEMBER_ID. */
void group_drop_member(struct coord_groups *g, struct group *grp, struct group_member *m, struct coord_step *step);
struct str group_metadata(const struct group_member *m, struct str protocol); /* null: does not have it */
bool group_supports(const struct group *grp, struct str type, const struct kafka_join_group_request_protocol *at,
                    uint32_t n);
struct str group_select(const struct group *grp);
bool group_is_consumer(const struct group *grp);
struct str group_protocol_name(const struct group *grp); /* null: none */
bool group_all_joined(const struct group *grp);
void group_session(struct coord_groups *g, struct group *grp, struct group_member *m, int64_t now_ms);
void group_prepare(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step);
void group_complete_join(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step);
/* What follows a change of the members: a rebalance, or the end of the one that is on. */
void group_changed(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step);
void group_timers(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step);
void group_set_state(struct group *grp, enum group_state state, int64_t now_ms);
/* The group's record. `assignments` NULL: as the members have it. */
enum status group_record(struct coord_groups *g, const struct group *grp, const struct str *assignments,
                         struct coord_step *step, struct error *err) MUST_USE;
enum status group_tombstone(struct coord_groups *g, struct str id, struct coord_step *step,
                            struct error *err) MUST_USE;
/* Answers. A refusal breaks the coordinator. */
struct kafka_join_group_response *group_answer_join(struct coord_groups *g, struct coord_step *step, uint64_t token,
                                                    int16_t kafka, struct str member_id);
struct kafka_sync_group_response *group_answer_sync(struct coord_groups *g, struct coord_step *step, uint64_t token,
                                                    int16_t kafka);
void group_answer_joined(struct coord_groups *g, const struct group *grp, struct coord_step *step, uint64_t token,
                         struct str member_id, struct str leader_id, bool with_members, bool skip_assignment);

/* expire.c: which topics the members read, told by the consumer protocol. */
struct group_subscription {
    struct map topics;
    bool known; /* else all, of a consumer group */
    bool consumer;
};
/* Refused memory counts as not known. */
void group_subscribed(const struct group *grp, struct arena *a, struct group_subscription *ret);
bool group_reads(const struct group_subscription *s, struct str topic);

/* expire.c */
/* Forgets what has expired; true: the group itself, which is gone now. */
enum status group_expire(struct coord_groups *g, struct group *grp, int64_t now_ms, struct coord_step *step,
                         bool *ret_gone, struct error *err) MUST_USE;
