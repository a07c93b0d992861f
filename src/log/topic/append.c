/* A producer's batch, from the request's bytes to its place in the queue.
 *
 * What can be checked without the partition is checked without its lock: form, checksum, records, timestamps. The
 * topic's time is stamped there too; appends that race may then stand in the log a little against their times, as those of
 * two machines would. What needs the lock is in group.c.
 *
 * A batch that is there already is answered with its first offset, when that one is durable. */
#include "topic/private.h"

#include "wire/kafka.h"

static enum status refused(struct topic_append *a, int16_t kafka, enum status st)
{
    struct topic *p = a->partition->topic;
    atomic_fetch_add_explicit(&p->counts.refused, 1, memory_order_relaxed);
    a->kafka = kafka;
    a->base_offset = -1;
    a->append_time_ms = -1;
    return st;
}

static enum status check(struct topic_append *a, struct record_iter *it, int64_t now_ms, struct produced *ret,
                         struct error *err)
{
    struct topic *p = a->partition->topic;
    struct record_verdict v;
    struct record_rules rules = {
        .produce_version = a->version,
        .compacted = topic_config(p, TOPIC_CLEANUP_POLICY) & TOPIC_COMPACT,
        .append_time = topic_config(p, TOPIC_TIMESTAMP_TYPE),
        .max_bytes = (size_t)topic_config(p, TOPIC_MAX_MESSAGE_BYTES),
        .now_ms = now_ms,
        .before_max_ms = topic_config(p, TOPIC_TIMESTAMP_BEFORE_MAX_MS),
        .after_max_ms = topic_config(p, TOPIC_TIMESTAMP_AFTER_MAX_MS),
    };
    enum status st = record_batch_validate(str_make(a->bytes->data + a->at, a->len), &rules, it, &v, err);
    a->n_faults = v.n_faults;
    memcpy(a->faults, v.faults, v.n_faults * sizeof v.faults[0]);
    if (st != ST_OK)
        return refused(a, v.kafka, st);
    const struct record_batch *b = &v.batch;
    *ret = (struct produced){ .id = b->producer_id, .ms = now_ms, .sequence = b->base_sequence, .last_sequence = -1,
                              .epoch = b->producer_epoch, .transactional = record_batch_transactional(b),
                              .end = b->last_offset_delta + 1, .may_begin = a->may_begin, .guard = a->guard };
    if (ret->sequence >= 0)
        ret->last_sequence = record_sequence_add(ret->sequence, b->count - 1);
    a->len = (uint32_t)b->bytes.len;
    a->append_time_ms = rules.append_time ? now_ms : -1;
    record_batch_stamp_time(a->bytes->data + a->at, rules.append_time, rules.append_time ? now_ms : v.max_timestamp_ms);
    return ST_OK;
}

/* *ret_pending: the first one is not durable yet. Looked up again, since the lock was given up: a failed commit may have
 * taken it back meanwhile. */
static enum status repeated(struct topic_append *a, const struct produced *b, bool *ret_pending, struct error *err)
{
    struct topic_partition *p = a->partition;
    const struct producer_batch *same;
    lock_take(&p->lock);
    bool there = producers_check(&p->producers, b, &same, err) == KAFKA_E_DUPLICATE_SEQUENCE_NUMBER;
    if (there) {
        a->kafka = 0;
        a->base_offset = same->base;
        a->end = same->end;
        *ret_pending = a->acks == -1 && store_log_high(p->log) < same->end &&
                       !topics_bug(p->topic->node, LOG_BUG_REPEAT_EARLY);
        if (*ret_pending)
            partition_follow(p, a);
    }
    lock_give(&p->lock);
    if (!there)
        return refused(a, topic_kafka(ST_IO), error_set(err, ST_IO, "the batch that this one repeats has failed"));
    atomic_fetch_add_explicit(&p->topic->counts.duplicates, 1, memory_order_relaxed);
    return ST_OK;
}

enum status topic_append(struct topic_append *a, struct record_iter *it, int64_t now_ms, bool *ret_pending,
                         struct error *err)
{
    struct topic_partition *p = a->partition;
    struct topics *t = p->topic->node;
    bool wait = a->acks == -1 && !topics_bug(t, LOG_BUG_ACK_EARLY);
    struct produced b;
    struct producer_batch same;
    *ret_pending = false;
    a->n_faults = 0;
    a->next = NULL;
    a->log_start = store_log_start(p->log);
    if (topic_gone(p->topic)) {
        error_set(err, ST_NOT_FOUND, "the topic '%s' has been deleted", p->topic->name);
        return refused(a, KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION, ST_NOT_FOUND);
    }
    if (p->topic->internal) {
        error_set(err, ST_USAGE, "the topic '%s' is the node's own", p->topic->name);
        return refused(a, KAFKA_E_INVALID_TOPIC_EXCEPTION, ST_USAGE);
    }
    TRY(check(a, it, now_ms, &b, err));
    struct topic_group *g = topic_group_new(t, t->budget);
    if (!g)
        return refused(a, topic_kafka(ST_MEMORY), budget_error(t->budget ? t->budget : budget_process(), sizeof *g, err));
    enum status st = group_add(g, p, a->bytes, a->at, a->len, &b, err);
    int16_t kafka = topic_kafka(st);
    g->append = wait ? a : NULL;
    a->kafka = 0;
    if (st == ST_OK)
        st = group_submit(g, &same, wait ? NULL : &a->base_offset, a->wake, &kafka, err);
    if (st == ST_OK) { /* with `wait`, `a` is the writer's now */
        *ret_pending = wait;
        return ST_OK;
    }
    topic_group_free(g);
    if (st == ST_EXISTS)
        return repeated(a, &b, ret_pending, err);
    return refused(a, kafka, st);
}
