/* Kafka's door to the log: listens, reads requests, asks `topic`, answers. Every Kafka client takes it for a cluster of
 * one broker, number BROKER_NODE.
 *
 * One link loop a network thread; a connection and all that it has asked belong to one loop. What takes long (a commit,
 * a parked fetch, a group's join) is parked without a thread and answered when it is done.
 *
 * In simulation there are no threads: call broker_turn in place of broker_start. */
#pragma once

#include "base/option.h"
#include "link/link.h"
#include "topic/topic.h"

enum { BROKER_NODE = 1 };

struct broker;

struct broker_options {
    struct os *os;
    struct budget *budget; /* requests, replies, connections: its limit bounds all that peers can make us hold */
    struct topics *topics;
    struct os_addr at;           /* port 0 picks one */
    uint32_t threads;            /* link loops [1] */
    const char *advertised_host; /* NULL: each client is told the address that it used itself */
    uint16_t advertised_port;    /* with a host; 0: the one that we listen on */
    uint32_t max_connections;    /* a loop [10,000] */
    uint32_t max_request;        /* bytes [100 MiB] */
    const char *data_dir;            /* for DescribeLogDirs */
    const struct option *settings;   /* checked by broker_settings_check; copied */
    uint32_t n_settings;
    /* What an operator should know, a line at a time, few a second, from any thread. NULL: nobody wants to. */
    void (*say)(void *arg, const char *line);
    void *arg;
};

/* Settings by the names that Kafka's broker has for them. Checks all; what is the log's and the coordinators' goes into
 * `ret`, in `arena`: defaults of topics, limits of groups and transactions, intervals. ST_USAGE. */
enum status broker_settings_check(const struct options *given, struct arena *arena, struct topics_options *ret,
                                  struct error *err) MUST_USE;

/* Listens; who connects waits until it is started. The options' strings are copied. */
enum status broker_open(const struct broker_options *o, struct broker **ret, struct error *err) MUST_USE;
struct os_addr broker_at(const struct broker *b);
enum status broker_start(struct broker *b, struct error *err) MUST_USE; /* the threads; false start: broker_close it */
/* One turn of every loop, waiting at most until `until_ns`; false: stopped, and nothing is left. */
bool broker_turn(struct broker *b, int64_t until_ns);
/* Any thread: no more connections and requests; what is parked is answered at once, what waits for the log when that is
 * done; all is closed at the latest at `deadline_ns`. The topics still have to run. */
void broker_stop(struct broker *b, int64_t deadline_ns);
/* Joins the threads, frees. After broker_stop; the topics stand still or go on, but owe us nothing any more. NULL is
 * allowed. */
void broker_close(struct broker *b);

struct broker_counts {
    uint64_t requests, refused, parked; /* refused: closed for what they sent; parked: now */
    struct link_counts link;            /* of all loops */
};
struct broker_counts broker_count(const struct broker *b); /* any thread */

/* Which APIs we have, in which versions: i from 0, by rising key; false: no more. */
bool broker_api(uint32_t i, int16_t *ret_key, int16_t *ret_from, int16_t *ret_to);
