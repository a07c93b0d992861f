/* What the two files of a source share. */
#pragma once

#include "kafka.h"

#include <stdatomic.h>

/* A partition. Readers see what stands before `sealed`, set once; the rest belongs to background work. */
struct kafka_split {
    struct str id, topic; /* id: "topic/00003" */
    uint32_t partition;
    int64_t start, stop;  /* -1: nobody knows; stop INT64_MAX: none */
    int64_t noted;        /* by its reader: next offset, as it told its position last; -1: it has not */
    atomic_int_fast64_t sealed, durable; /* of `noted`: what the epoch's commit holds; what a durable one holds */
    int64_t telling, kept; /* to the group, and what it knows */
    struct kafka_split *next;
};

struct kafka_source {
    struct source base;
    struct connect_context *ctx;
    struct arena arena;
    struct message_layout layout;
    struct message_topics topics;
    const struct need *needs;
    struct kafka_settings settings;
    bool bounded, headers;
    int64_t discover_ms;
    struct cluster *cluster; /* from the first look on */
    _Atomic(struct os_signal *) wake; /* of any reader: somebody should look at the connection */
    /* of background work, one piece at a time */
    struct arena found;
    _Atomic(struct kafka_split *) splits;
    uint32_t n_splits;
    int64_t discovered_ms, warned_ms, kept_ms, closing_ms; /* mono; 0: not yet */
    bool keep_failed;
};

struct kafka_split *kafka_split_of(struct kafka_source *s, struct str id); /* NULL: not listed */
enum status kafka_splits(struct source *base, struct arena *arena, struct split **ret, uint32_t *ret_count, struct error *err);
int64_t kafka_look_ms(const struct kafka_source *s);
/* Commits for the group what is durable, if there is one; `now`: also when it has just been done. */
void kafka_keep_offsets(struct kafka_source *s, bool now);
