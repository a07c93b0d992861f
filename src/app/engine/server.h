/* A log with Kafka's door, started and stopped in order: what `weir server` runs. */
#pragma once

#include "broker/broker.h"

struct server_config {
    struct os *os;
    const char *data_dir;
    struct os_addr listen;       /* port 0 picks one */
    uint32_t threads;            /* of the network; 0: 1 */
    uint32_t open_files;         /* that the process may have, which the log and the connections share; 0: unknown */
    size_t memory_limit;         /* of what peers can make us hold; 0: 256 MiB */
    enum store_durability durability;
    const char *advertised_host; /* NULL: the address that each client used */
    uint16_t advertised_port;
    const struct option *settings; /* by the names that Kafka's broker has for them */
    uint32_t n_settings;
    struct os_signal *wake; /* raised when the log has failed: server_state; may be NULL */
    void (*say)(void *arg, const char *line); /* any thread */
    void *arg;
};

struct server;
/* Recovers the log, starts the threads, listens. It accepts when this returns. ST_USAGE, ST_LOCKED, ST_CORRUPT, … */
enum status server_open(const struct server_config *config, struct server **ret, struct error *err) MUST_USE;
struct os_addr server_at(const struct server *s);
const struct topics_report *server_report(const struct server *s);
/* What it has done since it was opened, in lines of "name=number": one a topic, by name, one of the door. Any thread. */
enum status server_counts(const struct server *s, struct buf *out, struct error *err) MUST_USE;
/* Only the topics of which a reader has asked for what retention had taken away; a line each, in words. */
enum status server_left_behind(const struct server *s, struct buf *out, struct error *err) MUST_USE;
/* ST_OK, or why the log takes no more: close it and end. */
enum status server_state(const struct server *s, struct error *err) MUST_USE;
/* Answers what was asked, commits what waits, leaves the log clean. After a failure of the log, abandons it. Gone
 * whatever it returns. */
enum status server_close(struct server *s, struct error *err) MUST_USE;
