/* What the files of the topic connectors share. */
#pragma once

#include "connect/messages/messages.h"
#include "topic/topic.h"

/* ST_USAGE: this process has no log. */
enum status log_of(const struct table_desc *t, const struct connect_context *ctx, struct connect_log **ret, struct error *err);
bool log_committed(const struct table_desc *t); /* read_committed */
enum record_codec log_codec(const struct table_desc *t);
/* properties.auto.offset.reset; MESSAGE_UNBOUNDED: none. */
enum message_mode log_reset(const struct table_desc *t);

enum status log_open_source(const struct table_desc *t, bool upsert, const struct need *needs, struct connect_context *ctx,
                            int64_t *ret_discover_ms, struct source **ret, struct error *err);
enum status log_open_sink(const struct table_desc *t, bool upsert, struct connect_context *ctx, struct sink **ret,
                          struct error *err);

/* ---- splits.c: the partitions of a source, and how far its group has come ---- */

struct log_split {
    struct str id, topic; /* id: "topic/00003" */
    uint32_t partition;
    bool late;            /* found later than the first look */
    int64_t marked;       /* that the group had committed at the first look; -1: nothing */
    int64_t noted;        /* where the reader was when it last told its position; -1: nothing yet */
    int64_t sealed;       /* `noted`, at the last barrier */
    int64_t owed, told;   /* `sealed`, of a durable commit; what the group was told */
};
struct log_splits {
    struct topics *topics;
    const struct table_desc *table;
    struct message_topics names;
    struct str group; /* ptr NULL: none */
    bool wants_marks; /* a bound is the group's */
    bool looked;
    struct arena arena;
    struct map by_id;
    struct os *os;
    struct os_signal *nap;
    struct os_work work; /* tells the group */
    bool worked;
    struct topic_bookmark *marks; /* that it tells */
    uint32_t n_marks, cap_marks;
    atomic_flag lock; /* looks, readers and commits are of several threads */
};
enum status log_splits_init(struct log_splits *s, struct connect_log *log, const struct table_desc *t,
                            struct connect_context *ctx, struct error *err) MUST_USE;
void log_splits_release(struct log_splits *s);
/* Looks; all that are known, sorted by id. */
enum status log_splits_look(struct log_splits *s, struct arena *arena, struct split **ret, uint32_t *ret_count,
                            struct error *err) MUST_USE;
uint32_t log_splits_count(struct log_splits *s);
struct log_split *log_splits_find(struct log_splits *s, struct str id); /* NULL: not found by any look */
void log_splits_note(struct log_splits *s, struct log_split *x, int64_t next);
void log_splits_seal(struct log_splits *s, struct str id);
/* What is sealed is durable: the group is told, in background. */
void log_splits_committed(struct log_splits *s);
