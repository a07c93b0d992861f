/* Groups as an administrator sees them: who is in, what was committed; setting and removing that. */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct cluster_group_line *)a)->name, ((const struct cluster_group_line *)b)->name);
}

static enum status copy_groups(const rd_kafka_ListConsumerGroups_result_t *r, struct arena *a,
                               struct cluster_groups *ret, struct error *err)
{
    size_t n = 0;
    const rd_kafka_ConsumerGroupListing_t **from = rdk.ListConsumerGroups_result_valid(r, &n);
    struct cluster_group_line *to = ARENA_ARRAY(a, struct cluster_group_line, n + 1);
    bool ok = to != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        rd_kafka_consumer_group_state_t state = rdk.ConsumerGroupListing_state(from[i]);
        to[i].name = arena_str(a, str_from(rdk.ConsumerGroupListing_group_id(from[i])));
        to[i].state = rdk.consumer_group_state_name(state);
        ok = to[i].name.ptr != NULL;
    }
    if (!ok)
        return budget_error(a->budget, 0, err);
    qsort(to, n, sizeof *to, by_name);
    *ret = (struct cluster_groups){ to, (uint32_t)n };
    return ST_OK;
}

enum status cluster_groups(struct cluster *c, struct arena *a, struct cluster_groups *ret, struct error *err)
{
    struct cluster_question q;
    size_t n = 0;
    enum status st = cluster_ask_begin(&q, c, STR("groups"), RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, err);
    if (st == ST_OK) {
        rdk.ListConsumerGroups(c->rk, q.options, q.queue);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_ListConsumerGroups_result_t *r = rdk.event_ListConsumerGroups_result(q.answer);
        const rd_kafka_error_t **errors = rdk.ListConsumerGroups_result_errors(r, &n);
        st = n ? cluster_code_error(c, rdk.error_code(errors[0]), q.name, rdk.error_string(errors[0]), err)
               : copy_groups(r, a, ret, err);
    }
    cluster_ask_end(&q);
    return st;
}

/* ---- one group ---- */

static int64_t now_ms(const struct cluster *c)
{
    return os_mono_ns(c->o.os) / 1000000;
}


static bool copy_positions(struct arena *a, const rd_kafka_topic_partition_list_t *from, struct cluster_positions *ret)
{
    uint32_t n = from ? (uint32_t)from->cnt : 0;
    struct cluster_position *to = ARENA_ARRAY(a, struct cluster_position, n + 1);
    bool ok = to != NULL;
    for (uint32_t i = 0; ok && i < n; i++) {
        const rd_kafka_topic_partition_t *p = &from->elems[i];
        to[i] = (struct cluster_position){ arena_str(a, str_from(p->topic)), p->partition, p->offset };
        ok = to[i].topic.ptr != NULL;
    }
    *ret = (struct cluster_positions){ to, n };
    return ok;
}

static bool copy_member(struct arena *a, const rd_kafka_MemberDescription_t *from, struct cluster_member *to)
{
    const rd_kafka_MemberAssignment_t *given = rdk.MemberDescription_assignment(from);
    to->id = arena_str(a, str_from(rdk.MemberDescription_consumer_id(from)));
    to->client = arena_str(a, str_from(rdk.MemberDescription_client_id(from)));
    to->host = arena_str(a, str_from(rdk.MemberDescription_host(from)));
    return to->id.ptr && to->client.ptr && to->host.ptr &&
           copy_positions(a, given ? rdk.MemberAssignment_partitions(given) : NULL, &to->assigned);
}

static enum status no_group(const char *name, struct error *err)
{
    error_set(err, ST_NOT_FOUND, "there is no group '%s'", name);
    error_hint(err, "weir group ls tells which there are");
    return ST_NOT_FOUND;
}

static enum status copy_group(struct cluster_question *q, const rd_kafka_ConsumerGroupDescription_t *from,
                              struct arena *a, struct cluster_group *ret, struct error *err)
{
    const rd_kafka_error_t *e = rdk.ConsumerGroupDescription_error(from);
    if (e)
        return cluster_code_error(q->c, rdk.error_code(e), q->name, rdk.error_string(e), err);
    rd_kafka_consumer_group_state_t state = rdk.ConsumerGroupDescription_state(from);
    if (state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD)
        return no_group(q->name, err);
    const rd_kafka_Node_t *node = rdk.ConsumerGroupDescription_coordinator(from);
    const char *assignor = rdk.ConsumerGroupDescription_partition_assignor(from);
    size_t n = rdk.ConsumerGroupDescription_member_count(from);
    struct cluster_member *members = ARENA_ARRAY(a, struct cluster_member, n + 1);
    *ret = (struct cluster_group){
        .state = rdk.consumer_group_state_name(state),
        .assignor = arena_str(a, str_from(assignor ? assignor : "")),
        .coordinator = node ? rdk.Node_id(node) : -1,
        .members = members,
        .n_members = (uint32_t)n,
    };
    bool ok = members && ret->assignor.ptr;
    for (size_t i = 0; ok && i < n; i++)
        ok = copy_member(a, rdk.ConsumerGroupDescription_member(from, i), &members[i]);
    return ok ? ST_OK : budget_error(a->budget, 0, err);
}

static enum status group_once(struct cluster *c, struct str name, struct arena *a, struct cluster_group *ret,
    struct error *err)
{
    struct cluster_question q;
    size_t n = 0;
    enum status st = cluster_ask_begin(&q, c, name, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, err);
    if (st == ST_OK) {
        rdk.DescribeConsumerGroups(c->rk, &q.name, 1, q.options, q.queue);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_ConsumerGroupDescription_t **all = rdk.DescribeConsumerGroups_result_groups(
            rdk.event_DescribeConsumerGroups_result(q.answer), &n);
        st = n ? copy_group(&q, all[0], a, ret, err) : no_group(q.name, err);
    }
    cluster_ask_end(&q);
    return st;
}

enum status cluster_group(struct cluster *c, struct str name, struct arena *a, struct cluster_group *ret,
                          struct error *err)
{
    enum status st;
    int64_t begin_ms = now_ms(c);
    do
        st = group_once(c, name, a, ret, err);
    while (st == ST_UNREACHABLE && cluster_again(c, begin_ms)); /* coordinators move, or are being made */
    return st;
}

/* What an answer about one group says: its error, or that of one of its partitions. */
static enum status group_result(struct cluster_question *q, const rd_kafka_group_result_t **all, size_t n,
                                struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_error_t *e = rdk.group_result_error(all[i]);
        if (e)
            return cluster_code_error(q->c, rdk.error_code(e), q->name, rdk.error_string(e), err);
        const rd_kafka_topic_partition_list_t *parts = rdk.group_result_partitions(all[i]);
        for (int p = 0; parts && p < parts->cnt; p++)
            if (parts->elems[p].err != RD_KAFKA_RESP_ERR_NO_ERROR)
                return cluster_code_error(q->c, parts->elems[p].err, q->name, NULL, err);
    }
    return ST_OK;
}

static enum status positions_once(struct cluster *c, struct str group, struct arena *a, struct cluster_positions *ret,
    struct error *err)
{
    struct cluster_question q;
    const rd_kafka_group_result_t **all = NULL;
    size_t n = 0;
    enum status st = cluster_ask_begin(&q, c, group, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, err);
    if (st == ST_OK) {
        rd_kafka_ListConsumerGroupOffsets_t *ask = rdk.ListConsumerGroupOffsets_new(q.name, NULL);
        rdk.ListConsumerGroupOffsets(c->rk, &ask, 1, q.options, q.queue);
        rdk.ListConsumerGroupOffsets_destroy(ask);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        all = rdk.ListConsumerGroupOffsets_result_groups(rdk.event_ListConsumerGroupOffsets_result(q.answer),
                                                              &n);
        st = group_result(&q, all, n, err);
    }
    if (st == ST_OK && !copy_positions(a, n ? rdk.group_result_partitions(all[0]) : NULL, ret))
        st = budget_error(a->budget, 0, err);
    cluster_ask_end(&q);
    return st;
}

enum status cluster_positions(struct cluster *c, struct str group, struct arena *a, struct cluster_positions *ret,
                              struct error *err)
{
    enum status st;
    int64_t begin_ms = now_ms(c);
    do
        st = positions_once(c, group, a, ret, err);
    while (st == ST_UNREACHABLE && cluster_again(c, begin_ms)); /* coordinators move, or are being made */
    return st;
}

static enum status reposition_once(struct cluster *c, struct str group, const struct cluster_positions *to,
    struct error *err)
{
    struct cluster_question q;
    size_t n = 0;
    enum status st = cluster_ask_begin(&q, c, group, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, err);
    rd_kafka_topic_partition_list_t *list = rdk.topic_partition_list_new((int)to->count);
    for (uint32_t i = 0; st == ST_OK && i < to->count; i++) {
        const char *topic = arena_str(&c->scratch, to->at[i].topic).ptr;
        if (topic)
            rdk.topic_partition_list_add(list, topic, to->at[i].partition)->offset = to->at[i].offset;
        else
            st = budget_error(c->scratch.budget, 0, err);
    }
    if (st == ST_OK) {
        rd_kafka_AlterConsumerGroupOffsets_t *ask = rdk.AlterConsumerGroupOffsets_new(q.name, list);
        rdk.AlterConsumerGroupOffsets(c->rk, &ask, 1, q.options, q.queue);
        rdk.AlterConsumerGroupOffsets_destroy(ask);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_group_result_t **all = rdk.AlterConsumerGroupOffsets_result_groups(
            rdk.event_AlterConsumerGroupOffsets_result(q.answer), &n);
        st = group_result(&q, all, n, err);
    }
    rdk.topic_partition_list_destroy(list);
    cluster_ask_end(&q);
    return st;
}

enum status cluster_reposition(struct cluster *c, struct str group, const struct cluster_positions *to,
                               struct error *err)
{
    enum status st;
    int64_t begin_ms = now_ms(c);
    do
        st = reposition_once(c, group, to, err);
    while (st == ST_UNREACHABLE && cluster_again(c, begin_ms)); /* coordinators move, or are being made */
    return st;
}

enum status cluster_group_remove(struct cluster *c, struct str group, struct error *err)
{
    struct cluster_question q;
    size_t n = 0;
    enum status st = cluster_ask_begin(&q, c, group, RD_KAFKA_ADMIN_OP_DELETEGROUPS, err);
    if (st == ST_OK) {
        rd_kafka_DeleteGroup_t *g = rdk.DeleteGroup_new(q.name);
        rdk.DeleteGroups(c->rk, &g, 1, q.options, q.queue);
        rdk.DeleteGroup_destroy(g);
        st = cluster_ask_wait(&q, err);
    }
    if (st == ST_OK) {
        const rd_kafka_group_result_t **all =
            rdk.DeleteGroups_result_groups(rdk.event_DeleteGroups_result(q.answer), &n);
        st = group_result(&q, all, n, err);
    }
    cluster_ask_end(&q);
    return st;
}
