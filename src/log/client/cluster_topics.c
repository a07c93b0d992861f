/* What there is: topics, partitions, offsets.
 *
 * librdkafka never says "nobody is there" by itself: it tries for ever. So metadata is asked for in slices that double, and
 * given up after REFUSED_MS once every broker has refused (a name may have several addresses: the first refusal is not the
 * last word), or when the time is over. It is all topics each time: asking for one by name may create it. */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

#include <stdlib.h>

#define FIRST_SLICE_MS 100
#define REFUSED_MS 1000

static int64_t now_ms(const struct cluster *c)
{
    return os_mono_ns(c->o.os) / 1000000;
}

enum status cluster_metadata(struct cluster *c, const struct rd_kafka_metadata **ret, struct error *err)
{
    int64_t begin = now_ms(c), slice = FIRST_SLICE_MS;
    for (;;) {
        int64_t left = begin + c->o.timeout_ms - now_ms(c);
        rd_kafka_resp_err_t code = rdk.metadata(c->rk, 1, NULL, ret, (int)(slice < left ? slice : left));
        rdk.poll(c->rk, 0);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            cluster_answers(c);
            return ST_OK;
        }
        if (cluster_stopped(c))
            return cluster_cancelled(err);
        bool refused = atomic_load(&c->away_ns) && now_ms(c) - begin >= REFUSED_MS;
        bool late = now_ms(c) - begin >= c->o.timeout_ms;
        if (refused || late || cluster_code_status(code) != ST_UNREACHABLE) {
            char words[sizeof c->trouble];
            cluster_words(c, words, sizeof words);
            error_set(err, cluster_code_status(code), "cannot reach a broker at %.*s: %s", STR_ARG(c->o.brokers),
                      words[0] ? words : rdk.err2str(code));
            error_hint(err, "is it running there? 'weir server --data DIR' starts one on 127.0.0.1:9092");
            return err ? err->status : cluster_code_status(code);
        }
        if (code == RD_KAFKA_RESP_ERR__TRANSPORT && slice >= 500)
            slice = 500; /* nobody to ask yet: look again soon */
        else
            slice *= 2;
    }
}

bool cluster_again(struct cluster *c, int64_t begin_ms)
{
    rdk.poll(c->rk, FIRST_SLICE_MS);
    return !atomic_load(&c->away_ns) && !cluster_stopped(c) && os_mono_ns(c->o.os) / 1000000 - begin_ms < c->o.timeout_ms;
}

/* ---- metadata ---- */

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct cluster_topic *)a)->name, ((const struct cluster_topic *)b)->name);
}

static int by_id(const void *a, const void *b)
{
    const struct cluster_partition *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static const int32_t *copy_ids(struct arena *a, const int32_t *ids, int n)
{
    int32_t *copy = ARENA_ARRAY(a, int32_t, n + 1);
    if (copy && n > 0)
        memcpy(copy, ids, (size_t)n * sizeof *ids);
    return copy;
}

static bool copy_topic(struct arena *a, const struct rd_kafka_metadata_topic *t, struct cluster_topic *ret)
{
    struct cluster_partition *p = ARENA_ARRAY(a, struct cluster_partition, t->partition_cnt + 1);
    ret->name = arena_str(a, str_from(t->topic));
    ret->partitions = p;
    ret->n_partitions = (uint32_t)t->partition_cnt;
    bool ok = p && ret->name.ptr;
    for (int i = 0; ok && i < t->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *from = &t->partitions[i];
        p[i] = (struct cluster_partition){
            .id = from->id,
            .leader = from->leader,
            .replicas = copy_ids(a, from->replicas, from->replica_cnt),
            .in_sync = copy_ids(a, from->isrs, from->isr_cnt),
            .n_replicas = (uint32_t)from->replica_cnt,
            .n_in_sync = (uint32_t)from->isr_cnt,
        };
        ok = p[i].replicas && p[i].in_sync;
    }
    if (ok)
        qsort(p, ret->n_partitions, sizeof *p, by_id);
    return ok;
}

enum status cluster_topics(struct cluster *c, struct arena *a, struct cluster_topics *ret, struct error *err)
{
    const struct rd_kafka_metadata *m = NULL;
    TRY(cluster_metadata(c, &m, err));
    struct cluster_topic *all = ARENA_ARRAY(a, struct cluster_topic, m->topic_cnt + 1);
    uint32_t n = 0;
    bool ok = all != NULL;
    for (int i = 0; ok && i < m->topic_cnt; i++)
        if (m->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
            ok = copy_topic(a, &m->topics[i], &all[n++]);
    rdk.metadata_destroy(m);
    if (!ok)
        return budget_error(a->budget, 0, err);
    qsort(all, n, sizeof *all, by_name);
    *ret = (struct cluster_topics){ all, n };
    return ST_OK;
}

enum status cluster_hidden(struct cluster *c, struct str name, struct error *err)
{
    const struct rd_kafka_metadata *m = NULL;
    struct rd_kafka_topic_s *topic = cluster_source_of(c, name, err);
    if (!topic)
        return err ? err->status : ST_IO;
    rd_kafka_resp_err_t code = rdk.metadata(c->rk, 0, topic, &m, (int)c->o.timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && m->topic_cnt > 0)
        code = m->topics[0].err;
    if (m)
        rdk.metadata_destroy(m);
    if (code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return ST_OK;
    return cluster_code_error(c, code, rdk.topic_name(topic), NULL, err);
}

enum status cluster_topic(struct cluster *c, struct str name, struct arena *a, struct cluster_topic *ret,
                          struct error *err)
{
    struct cluster_topics all;
    TRY(cluster_topics(c, a, &all, err));
    struct str *names = ARENA_ARRAY(a, struct str, all.count + 1);
    if (!names)
        return budget_error(a->budget, 0, err);
    for (uint32_t i = 0; i < all.count; i++) {
        names[i] = all.at[i].name;
        if (str_eq(names[i], name)) {
            *ret = all.at[i];
            return ST_OK;
        }
    }
    struct str near = str_nearest(name, names, all.count);
    if (!c->o.producer)
        TRY(cluster_hidden(c, name, err));
    error_set(err, ST_NOT_FOUND, "there is no topic '%.*s'", STR_ARG(name));
    if (near.ptr)
        error_hint(err, "did you mean '%.*s'?", STR_ARG(near));
    else
        error_hint(err, "weir topic ls tells which there are");
    return ST_NOT_FOUND;
}

enum status cluster_partitions(struct cluster *c, struct str name, uint32_t *ret, struct error *err)
{
    struct rd_kafka_topic_s *topic = cluster_source_of(c, name, err);
    if (!topic)
        return err ? err->status : ST_IO;
    for (int64_t begin = now_ms(c);;) {
        const struct rd_kafka_metadata *m = NULL;
        rd_kafka_resp_err_t code = rdk.metadata(c->rk, 0, topic, &m, FIRST_SLICE_MS * 10);
        uint32_t n = 0;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && m->topic_cnt > 0) {
            code = m->topics[0].err;
            n = (uint32_t)m->topics[0].partition_cnt;
        }
        if (m)
            rdk.metadata_destroy(m);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && n > 0) {
            *ret = n;
            return ST_OK;
        }
        bool making = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                      code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (!making || now_ms(c) - begin >= c->o.timeout_ms)
            return cluster_code_error(c, code, rdk.topic_name(topic), NULL, err);
        rdk.poll(c->rk, FIRST_SLICE_MS);
        if (cluster_stopped(c))
            return cluster_cancelled(err);
    }
}

/* ---- offsets ---- */

static enum status bounds_once(struct cluster *c, struct str topic, int32_t partition, int64_t *ret_first,
                               int64_t *ret_end, struct error *err)
{
    struct str name = arena_str(&c->scratch, topic);
    if (!name.ptr)
        return budget_error(c->scratch.budget, topic.len, err);
    rd_kafka_resp_err_t code = rdk.query_watermark_offsets(c->rk, name.ptr, partition, ret_first, ret_end,
                                                                (int)c->o.timeout_ms);
    if (code == RD_KAFKA_RESP_ERR__BAD_MSG) /* what librdkafka says at once of a leader that it cannot reach */
        code = RD_KAFKA_RESP_ERR__TRANSPORT;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return cluster_code_error(c, code, name.ptr, NULL, err);
    return ST_OK;
}

/* Leaders move, or are being elected: asked again. */
enum status cluster_bounds(struct cluster *c, struct str topic, int32_t partition, int64_t *ret_first,
                           int64_t *ret_end, struct error *err)
{
    enum status st;
    int64_t begin_ms = now_ms(c);
    do
        st = bounds_once(c, topic, partition, ret_first, ret_end, err);
    while (st == ST_UNREACHABLE && cluster_again(c, begin_ms));
    return st;
}

static enum status offsets_once(struct cluster *c, struct str topic, uint32_t n, int64_t ms, int64_t *ret,
                                struct error *err)
{
    struct str name = arena_str(&c->scratch, topic);
    if (!name.ptr)
        return budget_error(c->scratch.budget, topic.len, err);
    rd_kafka_topic_partition_list_t *list = rdk.topic_partition_list_new((int)n);
    for (uint32_t i = 0; i < n; i++)
        rdk.topic_partition_list_add(list, name.ptr, (int32_t)i)->offset = ms;
    rd_kafka_resp_err_t code = rdk.offsets_for_times(c->rk, list, (int)c->o.timeout_ms);
    enum status st = ST_OK;
    for (int i = 0; i < list->cnt && st == ST_OK; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            code = p->err;
        int64_t first = 0;
        ret[p->partition] = p->offset;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && p->offset < 0 && ms >= 0) /* none is that young */
            st = cluster_bounds(c, topic, p->partition, &first, &ret[p->partition], err);
    }
    rdk.topic_partition_list_destroy(list);
    if (st == ST_OK && code != RD_KAFKA_RESP_ERR_NO_ERROR)
        st = cluster_code_error(c, code, name.ptr, NULL, err);
    return st;
}

enum status cluster_offsets_at(struct cluster *c, struct str topic, uint32_t n, int64_t ms, int64_t *ret,
                               struct error *err)
{
    enum status st;
    int64_t begin_ms = now_ms(c);
    do
        st = offsets_once(c, topic, n, ms, ret, err);
    while (st == ST_UNREACHABLE && cluster_again(c, begin_ms));
    return st;
}
