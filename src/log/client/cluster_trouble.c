/* What goes wrong, in our words: librdkafka's codes as statuses with remedies, and what it says by itself.
 *
 * That comes from the threads of whoever serves its callbacks, maybe several: since when no broker can be reached, the last
 * words about a connection, and the first partition that is lost. Who asks something has them in its error. */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

#include <stdio.h>

static const struct {
    rd_kafka_resp_err_t code;
    enum status st;
} codes[] = {
    { RD_KAFKA_RESP_ERR__TRANSPORT, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__RESOLVE, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__TIMED_OUT, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__SSL, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__AUTHENTICATION, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__WAIT_COORD, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR_NOT_COORDINATOR, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, ST_UNREACHABLE },
    { RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ST_NOT_FOUND },
    { RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ST_NOT_FOUND },
    { RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ST_NOT_FOUND },
    { RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, ST_NOT_FOUND },
    { RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, ST_EXISTS },
    { RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, ST_LOCKED },
    { RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, ST_LOCKED },
    { RD_KAFKA_RESP_ERR__INVALID_ARG, ST_USAGE },
    { RD_KAFKA_RESP_ERR_INVALID_REQUEST, ST_USAGE },
    { RD_KAFKA_RESP_ERR_INVALID_CONFIG, ST_USAGE },
    { RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, ST_USAGE },
    { RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ST_USAGE },
    { RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ST_USAGE },
    { RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ST_USAGE },
    { RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, ST_USAGE },
    { RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, ST_DATA },
    { RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, ST_DATA },
    { RD_KAFKA_RESP_ERR__BAD_MSG, ST_CORRUPT },
    { RD_KAFKA_RESP_ERR_INVALID_MSG, ST_CORRUPT },
    { RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ST_LIMIT },
    { RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ST_LIMIT },
    { RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, ST_UNSUPPORTED },
    { RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, ST_UNSUPPORTED },
};

enum status cluster_code_status(int code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if ((int)codes[i].code == code)
            return codes[i].st;
    return ST_IO;
}

/* The remedies that a code by itself suggests. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *hint;
} remedies[] = {
    { RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "the broker's access rules must let this user Describe the topic and Read it or Write to it" },
    { RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "the broker's access rules must let this user Read the group" },
    { RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "the broker's access rules must let this user IdempotentWrite" },
    { RD_KAFKA_RESP_ERR__AUTHENTICATION, "check security.protocol, sasl.mechanism, user and password" },
    { RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "check security.protocol, sasl.mechanism, user and password" },
    { RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "weir topic create makes one" },
    { RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "weir topic show tells which partitions the topic has, if it is there" },
    { RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "weir topic create makes one" },
    { RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "the limits are message.max.bytes here (--set message.max.bytes=N, properties.max.request.size) and max.message.bytes of the topic" },
    { RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "no broker has taken it within delivery.timeout.ms" },
    { RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, "weir group ls tells which there are" },
    { RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, "stop its members first: weir group show tells who they are" },
};

static void hint_of(int code, struct error *err)
{
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if ((int)remedies[i].code == code)
            error_hint(err, "%s", remedies[i].hint);
}

static void lock_words(struct cluster *c)
{
    while (atomic_flag_test_and_set_explicit(&c->words, memory_order_acquire))
        ;
}

void cluster_words(struct cluster *c, char *out, size_t size)
{
    lock_words(c);
    snprintf(out, size, "%s", c->trouble);
    atomic_flag_clear_explicit(&c->words, memory_order_release);
}

/* librdkafka names a broker that it knows from another as "HOST:PORT/NUMBER", or as "GroupCoordinator: HOST:PORT". */
static bool is_of_advertised(const char *words)
{
    if (strstr(words, "Coordinator: "))
        return true;
    for (const char *at = strchr(words, '/'); at; at = strchr(at + 1, '/'))
        if (at[1] >= '0' && at[1] <= '9' && at > words && at[-1] >= '0' && at[-1] <= '9')
            return true;
    return false;
}

enum status cluster_code_error(struct cluster *c, int code, const char *what, const char *why, struct error *err)
{
    enum status st = cluster_code_status(code);
    char words[sizeof c->trouble];
    if (st == ST_UNREACHABLE && !c->o.producer)
        rdk.poll(c->rk, 0); /* its words may wait */
    cluster_words(c, words, sizeof words);
    if (!why)
        why = rdk.err2str((rd_kafka_resp_err_t)code);
    if (st != ST_UNREACHABLE || !words[0])
        error_set(err, st, "%s: %s", what, why);
    else
        error_set(err, st, "%s: %s (%s)", what, why, words);
    hint_of(code, err);
    if (st == ST_UNREACHABLE && is_of_advertised(words))
        error_hint(err, "the cluster sends its clients to that address: weir server's --advertise, Kafka's advertised.listeners");
    return st;
}

enum status cluster_call_error(struct cluster *c, void *e, const char *what, struct error *err)
{
    if (!e)
        return ST_OK;
    enum status st = cluster_code_error(c, (int)rdk.error_code(e), what, rdk.error_string(e), err);
    rdk.error_destroy(e);
    return st;
}

bool cluster_stopped(const struct cluster *c)
{
    return c->o.stopped && c->o.stopped(c->o.arg);
}

enum status cluster_cancelled(struct error *err)
{
    return error_set(err, ST_CANCELLED, "stopped");
}

void cluster_answers(struct cluster *c)
{
    if (atomic_load_explicit(&c->away_ns, memory_order_relaxed))
        atomic_store(&c->away_ns, 0);
}

int64_t cluster_away_ms(struct cluster *c, char *why, size_t size)
{
    int64_t since = atomic_load(&c->away_ns), now = os_mono_ns(c->o.os);
    cluster_words(c, why, size);
    return since == 0 ? 0 : now - since < 1000000 ? 1 : (now - since) / 1000000;
}

enum status cluster_lost(struct cluster *c, struct error *err)
{
    if (!atomic_load(&c->is_lost))
        return ST_OK;
    if (err) {
        lock_words(c);
        *err = c->lost;
        atomic_flag_clear_explicit(&c->words, memory_order_release);
    }
    return c->lost.status;
}

/* librdkafka tells a reader of such things here, not where it reads. */
static bool is_loss(int code)
{
    static const rd_kafka_resp_err_t losses[] = {
        RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,         RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
    };
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
        if ((int)losses[i] == code)
            return true;
    return false;
}

void cluster_on_error(struct cluster *c, int code, const char *reason)
{
    int64_t never = 0;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_compare_exchange_strong(&c->away_ns, &never, os_mono_ns(c->o.os));
        return;
    }
    lock_words(c);
    if (!is_loss(code)) {
        snprintf(c->trouble, sizeof c->trouble, "%s", reason ? reason : "");
    } else if (!c->o.producer && !atomic_load(&c->is_lost)) {
        error_set(&c->lost, cluster_code_status(code), "%s", reason ? reason : "a partition is lost");
        hint_of(code, &c->lost);
        atomic_store(&c->is_lost, true);
    }
    atomic_flag_clear_explicit(&c->words, memory_order_release);
}
