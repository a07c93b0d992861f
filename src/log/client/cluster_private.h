/* What the files of cluster share: the handle, and librdkafka's errors as ours. Its header stays in the .c files. */
#pragma once

#include "client/cluster.h"

#include <stdatomic.h>

struct rd_kafka_s;
struct rd_kafka_metadata;
struct rd_kafka_topic_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;
struct rd_kafka_AdminOptions_s;
struct rd_kafka_op_s;

struct cluster_source { /* a topic that is read or asked about */
    struct rd_kafka_topic_s *handle;
    struct str name;
    struct cluster_source *next;
};

struct cluster_reading { /* a partition that is read */
    struct rd_kafka_topic_s *topic;
    int32_t partition;
    struct cluster_reading *next;
};

struct cluster {
    struct cluster_options o;
    struct rd_kafka_s *rk;
    struct rd_kafka_queue_s *queue; /* what is read, or answers of administration */
    struct rd_kafka_queue_s *answers; /* of producing, troubles: when somebody wants news */
    struct arena arena;             /* names of topics: the handle's lifetime */
    struct cluster_source *sources;
    struct cluster_reading *readings;
    struct arena scratch; /* headers of the record given last */
    struct rd_kafka_message_s *message;
    atomic_int_fast64_t away_ns; /* since when no broker can be reached, said librdkafka (mono); 0: one can */
    atomic_flag words;           /* who holds it has `trouble` */
    char trouble[256];           /* its last words about a connection */
    struct error lost;           /* and `lost`: the first partition that cannot be read any more */
    atomic_bool is_lost;
    atomic_bool is_damaged; /* a record batch was */
    uint64_t delivered;
    struct error failure; /* the first one of a delivery; status ST_OK: none */
};

/* cluster_trouble.c */
void cluster_answers(struct cluster *c); /* somebody does */
void cluster_on_error(struct cluster *c, int code, const char *reason); /* on any thread */
/* librdkafka's last words about a connection; empty: none. */
void cluster_words(struct cluster *c, char *out, size_t size);
bool cluster_stopped(const struct cluster *c);
enum status cluster_cancelled(struct error *err);
/* `code` is an rd_kafka_resp_err_t; `why` may be NULL. */
enum status cluster_code_status(int code);
enum status cluster_code_error(struct cluster *c, int code, const char *what, const char *why, struct error *err);
/* The answer of a transaction's or any other call: frees `e` (rd_kafka_error_t, NULL: fine). */
enum status cluster_call_error(struct cluster *c, void *e, const char *what, struct error *err);
/* Stops reading a partition, so that the handle can be closed. */
void cluster_partition_end(struct cluster *c, struct rd_kafka_topic_s *topic, int32_t partition);
void cluster_read_end(struct cluster *c); /* all that were begun by cluster_read_from */
/* A message that is an error. `what`: what it is about, when the message does not know. */
enum status cluster_message_error(struct cluster *c, const struct rd_kafka_message_s *m, struct error *err);
/* Everything of a record but its headers. */
struct cluster_record cluster_record_of(const struct rd_kafka_message_s *m);
/* Those, as an array in `a`, which is reset. */
enum status cluster_headers_of(const struct rd_kafka_message_s *m, struct arena *a, struct cluster_record *ret,
                               struct error *err);
/* All topics; `*ret` is librdkafka's. Waits for a broker that answers. */
enum status cluster_metadata(struct cluster *c, const struct rd_kafka_metadata **ret, struct error *err) MUST_USE;
/* Naps; is there time to ask again what was asked first at `begin_ms` (mono)? */
bool cluster_again(struct cluster *c, int64_t begin_ms);
struct rd_kafka_topic_s *cluster_source_of(struct cluster *c, struct str name, struct error *err);
void cluster_on_delivery(struct cluster *c, const struct rd_kafka_message_s *m);

/* A question of administration: begin, the call itself, wait, end (always). */
struct cluster_question {
    struct cluster *c;
    const char *name; /* of the topic or group, with a NUL */
    struct rd_kafka_queue_s *queue;
    struct rd_kafka_AdminOptions_s *options;
    struct rd_kafka_op_s *answer; /* an rd_kafka_event_t */
};
/* `op` is an rd_kafka_admin_op_t. */
enum status cluster_ask_begin(struct cluster_question *q, struct cluster *c, struct str name, int op,
                              struct error *err) MUST_USE;
enum status cluster_ask_wait(struct cluster_question *q, struct error *err) MUST_USE;
void cluster_ask_end(struct cluster_question *q);
