/* What the commands that speak to a cluster share: opening it from the options, signals, offsets in words. */
#pragma once

#include "cli/cli.h"
#include "client/cluster.h"

struct kafka {
    struct cli *c;
    struct cluster *cluster;
    struct os_signal *signal; /* raised by SIGINT and SIGTERM */
    bool finishing;           /* a signal was heeded: what still waits may go on */
};

/* From the options given; from now on SIGINT and SIGTERM are caught, and whatever waits returns ST_CANCELLED. */
enum status kafka_open(struct cli *c, bool producer, struct kafka *ret, struct error *err) MUST_USE;
bool kafka_stopped(const struct kafka *k);
/* Closes; reports an error; the exit code. */
int kafka_end(struct kafka *k, enum status st, const struct error *err);

/* weir topic and weir group: one of several actions, named by the first argument. */
struct kafka_command {
    struct kafka k;
    struct str name; /* of the topic or group: the second argument, or "" */
    struct buf out;
    bool json;
};
struct kafka_action {
    struct str name;
    uint32_t least, most; /* arguments with the action */
    const char *usage;
    enum cli_option_id takes[4]; /* beside those of the connection; what only another action takes is refused */
    enum status (*run)(struct kafka_command *a, struct error *err);
};
int kafka_run(struct cli *c, const struct kafka_action *actions, uint32_t n);
enum status kafka_no_room(const struct kafka_command *a, struct error *err);

/* start, end, N, -N, @TIME; also @TIME:@TIME where what is asked for may have an end. */
struct kafka_place {
    enum kafka_place_kind { PLACE_START, PLACE_END, PLACE_AT, PLACE_BACK, PLACE_TIME } kind;
    int64_t n;     /* offset, records or milliseconds */
    int64_t until; /* milliseconds; INT64_MAX: none */
};
enum status kafka_place(struct str text, bool may_end, struct kafka_place *ret, struct error *err) MUST_USE;

struct kafka_span { /* of one partition */
    bool taken;    /* false: not asked for */
    int64_t at;    /* where to begin */
    int64_t until; /* the offset after the last */
    int64_t first, end; /* of what is there */
};
/* For each partition of `t`, or `only` (-1: all), in `a`. */
enum status kafka_spans(struct kafka *k, const struct cluster_topic *t, int64_t only, const struct kafka_place *place,
                        struct kafka_span **ret, struct error *err) MUST_USE;

/* `s` as a JSON member's value under `name`, or in hex under `name`_hex when it is no UTF-8; `as_json`: as it stands when
 * it is JSON. */
bool kafka_put_member(struct buf *out, const char *name, struct str s, bool as_json) MUST_USE;
bool kafka_put_hex(struct buf *out, struct str s) MUST_USE;
