/* Administration of topics: each question has a queue of its own, on which librdkafka puts the answer; abandoning the
 * queue abandons the answer. Configurations are replaced as a whole (librdkafka 2.0 has no incremental request). */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

#include <stdlib.h>

#define SLICE_MS 100
#define WHY_BYTES 256

enum status cluster_ask_begin(struct cluster_question *q, struct cluster *c, struct str name, int op,
                              struct error *err)
{
    char why[WHY_BYTES];
    arena_reset(&c->scratch);
    *q = (struct cluster_question){ .c = c, .name = arena_str(&c->scratch, name).ptr };
    if (!q->name)
        return budget_error(c->scratch.budget, name.len, err);
    q->queue = rdk.queue_new(c->rk);
    q->options = rdk.AdminOptions_new(c->rk, (rd_kafka_admin_op_t)op);
    int ms = (int)c->o.timeout_ms;
    if (rdk.AdminOptions_set_request_timeout(q->options, ms, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ST_USAGE, "%s", why);
    /* how long the broker may take; not all questions have that */
    (void)rdk.AdminOptions_set_operation_timeout(q->options, ms, why, sizeof why);
    return ST_OK;
}

enum status cluster_ask_wait(struct cluster_question *q, struct error *err)
{
    while (!(q->answer = rdk.queue_poll(q->queue, SLICE_MS)))
        if (cluster_stopped(q->c))
            return cluster_cancelled(err);
    rd_kafka_resp_err_t code = rdk.event_error(q->answer);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ST_OK;
    return cluster_code_error(q->c, code, q->name, rdk.event_error_string(q->answer), err);
}

void cluster_ask_end(struct cluster_question *q)
{
    if (q->answer)
        rdk.event_destroy(q->answer);
    if (q->options)
        rdk.AdminOptions_destroy(q->options);
    if (q->queue)
        rdk.queue_destroy(q->queue);
}

static enum status each_topic(struct cluster_question *q, const rd_kafka_topic_result_t **all, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (rdk.topic_result_error(all[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return cluster_code_error(q->c, rdk.topic_result_error(all[i]), q->name,
                                      rdk.topic_result_error_string(all[i]), err);
    return ST_OK;
}

static const char *text_of(struct cluster_question *q, struct str s)
{
    return arena_str(&q->c->scratch, s).ptr;
}

enum status cluster_create(struct cluster *c, struct str topic, uint32_t partitions, uint32_t replicas,
                           const struct cluster_config *configs, uint32_t n, struct error *err)
{
    struct cluster_question q;
    char why[WHY_BYTES];
    rd_kafka_NewTopic_t *t = NULL;
    size_t count = 0;
    enum status st = cluster_ask_begin(&q, c, topic, RD_KAFKA_ADMIN_OP_CREATETOPICS, err);
    if (st == ST_OK) {
        t = rdk.NewTopic_new(q.name, partitions ? (int)partitions : -1, replicas ? (int)replicas : -1, why,
                                  sizeof why);
        if (!t)
            st = error_set(err, ST_USAGE, "%s: %s", q.name, why);
    }
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        const char *name = text_of(&q, configs[i].name), *value = text_of(&q, configs[i].value);
        if (!name || !value)
            st = budget_error(c->scratch.budget, 0, err);
        else if (rdk.NewTopic_set_config(t, name, value) != RD_KAFKA_RESP_ERR_NO_ERROR)
            st = error_set(err, ST_USAGE, "%s: setting '%s'", q.name, name);
    }
    if (st == ST_OK) {
        rdk.CreateTopics(c->rk, &t, 1, q.options, q.queue);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_topic_result_t **all =
            rdk.CreateTopics_result_topics(rdk.event_CreateTopics_result(q.answer), &count);
        st = each_topic(&q, all, count, err);
    }
    if (t)
        rdk.NewTopic_destroy(t);
    cluster_ask_end(&q);
    return st;
}

enum status cluster_grow(struct cluster *c, struct str topic, uint32_t partitions, struct error *err)
{
    struct cluster_question q;
    char why[WHY_BYTES];
    rd_kafka_NewPartitions_t *t = NULL;
    size_t count = 0;
    enum status st = cluster_ask_begin(&q, c, topic, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, err);
    if (st == ST_OK) {
        t = rdk.NewPartitions_new(q.name, partitions, why, sizeof why);
        if (!t)
            st = error_set(err, ST_USAGE, "%s: %s", q.name, why);
    }
    if (st == ST_OK) {
        rdk.CreatePartitions(c->rk, &t, 1, q.options, q.queue);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_topic_result_t **all =
            rdk.CreatePartitions_result_topics(rdk.event_CreatePartitions_result(q.answer), &count);
        st = each_topic(&q, all, count, err);
    }
    if (t)
        rdk.NewPartitions_destroy(t);
    cluster_ask_end(&q);
    return st;
}

enum status cluster_remove(struct cluster *c, struct str topic, struct error *err)
{
    struct cluster_question q;
    size_t count = 0;
    enum status st = cluster_ask_begin(&q, c, topic, RD_KAFKA_ADMIN_OP_DELETETOPICS, err);
    if (st == ST_OK) {
        rd_kafka_DeleteTopic_t *t = rdk.DeleteTopic_new(q.name);
        rdk.DeleteTopics(c->rk, &t, 1, q.options, q.queue);
        rdk.DeleteTopic_destroy(t);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_topic_result_t **all =
            rdk.DeleteTopics_result_topics(rdk.event_DeleteTopics_result(q.answer), &count);
        st = each_topic(&q, all, count, err);
    }
    cluster_ask_end(&q);
    return st;
}

/* ---- settings ---- */

static enum status each_resource(struct cluster_question *q, const rd_kafka_ConfigResource_t **all, size_t n,
                                 struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (rdk.ConfigResource_error(all[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return cluster_code_error(q->c, rdk.ConfigResource_error(all[i]), q->name,
                                      rdk.ConfigResource_error_string(all[i]), err);
    return ST_OK;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct cluster_config *)a)->name, ((const struct cluster_config *)b)->name);
}

static enum status copy_entries(const rd_kafka_ConfigResource_t *r, struct arena *a, struct cluster_configs *ret,
                                struct error *err)
{
    size_t n = 0;
    const rd_kafka_ConfigEntry_t **from = rdk.ConfigResource_configs(r, &n);
    struct cluster_config *to = ARENA_ARRAY(a, struct cluster_config, n + 1);
    bool ok = to != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const char *value = rdk.ConfigEntry_value(from[i]);
        to[i].name = arena_str(a, str_from(rdk.ConfigEntry_name(from[i])));
        if (value)
            to[i].value = arena_str(a, str_from(value));
        to[i].set = rdk.ConfigEntry_source(from[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
        ok = to[i].name.ptr && (!value || to[i].value.ptr);
    }
    if (!ok)
        return budget_error(a->budget, 0, err);
    qsort(to, n, sizeof *to, by_name);
    *ret = (struct cluster_configs){ to, (uint32_t)n };
    return ST_OK;
}

enum status cluster_configs(struct cluster *c, struct str topic, struct arena *a, struct cluster_configs *ret,
                            struct error *err)
{
    struct cluster_question q;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **all = NULL;
    enum status st = cluster_ask_begin(&q, c, topic, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, err);
    if (st == ST_OK) {
        rd_kafka_ConfigResource_t *r = rdk.ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, q.name);
        rdk.DescribeConfigs(c->rk, &r, 1, q.options, q.queue);
        rdk.ConfigResource_destroy(r);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        all = rdk.DescribeConfigs_result_resources(rdk.event_DescribeConfigs_result(q.answer), &count);
        st = each_resource(&q, all, count, err);
    }
    *ret = (struct cluster_configs){ 0 };
    if (st == ST_OK && count > 0)
        st = copy_entries(all[0], a, ret, err);
    cluster_ask_end(&q);
    return st;
}

static const struct cluster_config *changed(const struct cluster_config *configs, uint32_t n, struct str name)
{
    for (uint32_t i = n; i-- > 0;) /* the last one counts */
        if (str_eq(configs[i].name, name))
            return &configs[i];
    return NULL;
}

static bool put_setting(struct cluster_question *q, rd_kafka_ConfigResource_t *r, const struct cluster_config *e)
{
    const char *name = text_of(q, e->name), *value = text_of(q, e->value);
    return name && value && rdk.ConfigResource_set_config(r, name, value) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

enum status cluster_configure(struct cluster *c, struct str topic, const struct cluster_config *configs, uint32_t n,
                              struct error *err)
{
    struct cluster_question q;
    struct arena a;
    struct cluster_configs old;
    size_t count = 0;
    rd_kafka_ConfigResource_t *r = NULL;
    arena_init(&a, budget_process());
    enum status st = cluster_configs(c, topic, &a, &old, err);
    enum status began = cluster_ask_begin(&q, c, topic, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, st == ST_OK ? err : NULL);
    st = st == ST_OK ? began : st;
    bool ok = st == ST_OK;
    if (ok)
        r = rdk.ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, q.name);
    for (uint32_t i = 0; ok && i < old.count; i++)
        if (old.at[i].set && old.at[i].value.ptr && !changed(configs, n, old.at[i].name))
            ok = put_setting(&q, r, &old.at[i]);
    for (uint32_t i = 0; ok && i < n; i++)
        if (configs[i].value.ptr && changed(configs, n, configs[i].name) == &configs[i])
            ok = put_setting(&q, r, &configs[i]);
    if (st == ST_OK && !ok)
        st = budget_error(c->scratch.budget, 0, err);
    if (st == ST_OK) {
        rdk.AlterConfigs(c->rk, &r, 1, q.options, q.queue);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_ConfigResource_t **all =
            rdk.AlterConfigs_result_resources(rdk.event_AlterConfigs_result(q.answer), &count);
        st = each_resource(&q, all, count, err);
    }
    if (r)
        rdk.ConfigResource_destroy(r);
    cluster_ask_end(&q);
    arena_release(&a);
    return st;
}

/* ---- records ---- */

enum status cluster_trim(struct cluster *c, struct str topic, int32_t partition, int64_t offset, struct error *err)
{
    struct cluster_question q;
    enum status st = cluster_ask_begin(&q, c, topic, RD_KAFKA_ADMIN_OP_DELETERECORDS, err);
    if (st == ST_OK) {
        rd_kafka_topic_partition_list_t *list = rdk.topic_partition_list_new(1);
        rdk.topic_partition_list_add(list, q.name, partition)->offset = offset;
        rd_kafka_DeleteRecords_t *d = rdk.DeleteRecords_new(list);
        rdk.DeleteRecords(c->rk, &d, 1, q.options, q.queue);
        rdk.DeleteRecords_destroy(d);
        rdk.topic_partition_list_destroy(list);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_topic_partition_list_t *got =
            rdk.DeleteRecords_result_offsets(rdk.event_DeleteRecords_result(q.answer));
        for (int i = 0; st == ST_OK && i < got->cnt; i++)
            if (got->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
                st = cluster_code_error(c, got->elems[i].err, q.name, NULL, err);
    }
    cluster_ask_end(&q);
    return st;
}
