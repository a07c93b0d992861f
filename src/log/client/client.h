/* A small Kafka client: one connection, requests as wire's structs, replies decoded. For simulation, tests and
 * benchmarks; the real clusters' client is librdkafka.
 *
 * Two ways: client_ask waits for its answer; client_send and client_next keep many under way, answered in their order.
 * In simulation nothing waits: client_next returns at once, until something has arrived. One thread at a time. */
#pragma once

#include "link/link.h"
#include "record/record.h"
#include "wire/kafka.h"

struct client;

struct client_options {
    struct os *os;
    struct budget *budget;
    struct os_addr at;
    struct str client_id; /* copied; .ptr NULL: "weir" */
    uint32_t max_reply;   /* bytes; 0: 100 MiB */
    int64_t timeout_ms;   /* of client_ask; 0: 30 s */
};

/* Begins to connect; that nobody listens shows at the first answer. */
enum status client_open(const struct client_options *o, struct client **ret, struct error *err) MUST_USE;
void client_close(struct client *c); /* NULL is allowed */

/* Asks the broker what it has; afterwards version CLIENT_BEST is the highest that both know. */
enum { CLIENT_BEST = -1, CLIENT_PENDING = 1024 };
enum status client_versions(struct client *c, struct error *err) MUST_USE;
/* What client_versions found: false: the broker does not have the API. */
bool client_has(const struct client *c, int16_t key, int16_t *ret_from, int16_t *ret_to);

/* `request` is a struct of the API's request. ST_LIMIT: CLIENT_PENDING requests are under way. `silent`: there will be no
 * answer (Produce with acks=0). */
enum status client_send(struct client *c, int16_t key, int16_t version, const void *request, bool silent,
                        struct error *err) MUST_USE;
struct client_reply {
    int16_t key, version; /* key -1: nothing yet */
    int32_t correlation_id;
    struct str body; /* until the next call */
};
/* Sends and receives what goes now; waits at most until `until_ns`. ST_UNREACHABLE: refused, cut, ended. */
enum status client_next(struct client *c, int64_t until_ns, struct client_reply *ret, struct error *err) MUST_USE;
/* The reply's struct of the API's response, borrowing the body. */
enum status client_decode(const struct client_reply *r, struct arena *a, void *ret, struct error *err) MUST_USE;
uint32_t client_pending(const struct client *c);

/* Sends, waits, decodes: what was under way before has to have been answered. The response lies in `a`, borrowing the
 * client's buffer until the next call. */
enum status client_ask(struct client *c, int16_t key, int16_t version, const void *request, struct arena *a, void *ret,
                       struct error *err) MUST_USE;
