/* What there is: Metadata, DescribeCluster, DescribeTopicPartitions.
 *
 * One broker leads all partitions and is all their replicas. A Metadata that may create topics waits until they are
 * there: Kafka answers an error first and lets the client ask again. */
#include <stdlib.h>

#include "broker/handlers.h"

#define PARTITIONS_A_PAGE 2000 /* max.request.partition.size.limit */

/* Authorized operations as bits by AclOperation, when there are no access rules: all that apply. */
enum {
    TOPIC_OPERATIONS = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11,
    CLUSTER_OPERATIONS = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12
};

/* A list of node ids that is only ours. */
static int32_t *only_us(struct call *c)
{
    int32_t *list = ARENA_NEW(&c->arena, int32_t);
    if (list)
        *list = BROKER_NODE;
    return list;
}

/* ---- Metadata ---- */

struct wanted {
    struct topic *topic; /* NULL: see error */
    int16_t error;
    struct topic_admin *create; /* NULL: not needed */
};

struct metadata {
    struct wanted *topics; /* as in the request; all of them where that says so */
    uint32_t n_topics;
    struct errands *errands;
};

static bool fill_topic(struct call *c, struct topic *t, int32_t *us, struct kafka_metadata_response_topic *r)
{
    r->name = topic_name(t);
    memcpy(r->topic_id.bytes, topic_id(t), sizeof r->topic_id.bytes);
    r->is_internal = topic_internal(t);
    r->n_partitions = topic_partitions(t);
    r->partitions = KAFKA_NEW(&c->arena, metadata_response_partition, r->n_partitions);
    if (!r->partitions)
        return false;
    for (uint32_t i = 0; i < r->n_partitions; i++) {
        struct kafka_metadata_response_partition *p = &r->partitions[i];
        p->partition_index = (int32_t)i;
        p->leader_id = BROKER_NODE;
        p->leader_epoch = topic_epoch(topic_partition(t, i));
        p->replica_nodes = p->isr_nodes = us;
        p->n_replica_nodes = p->n_isr_nodes = 1;
    }
    return true;
}

static bool is_all(const struct call *c)
{
    const struct kafka_metadata_request *q = c->in;
    return c->version == 0 ? q->n_topics == 0 : !q->topics;
}

static bool fill_topics(struct call *c, const struct metadata *m, struct kafka_metadata_response *r)
{
    const struct kafka_metadata_request *q = c->in;
    int32_t *us = only_us(c);
    r->n_topics = m->n_topics;
    r->topics = KAFKA_NEW(&c->arena, metadata_response_topic, m->n_topics);
    if (!us || !r->topics)
        return false;
    for (uint32_t i = 0; i < m->n_topics; i++) {
        struct kafka_metadata_response_topic *t = &r->topics[i];
        if (m->topics[i].topic) {
            if (q->include_topic_authorized_operations)
                t->topic_authorized_operations = TOPIC_OPERATIONS;
            if (!fill_topic(c, m->topics[i].topic, us, t))
                return false;
            continue;
        }
        t->error_code = m->topics[i].error;
        t->name = q->topics[i].name;
        t->topic_id = q->topics[i].topic_id;
    }
    return true;
}

static void answer_metadata(struct call *c)
{
    const struct kafka_metadata_request *q = c->in;
    struct metadata *m = c->state;
    struct kafka_metadata_response r;
    KAFKA_INIT(metadata_response, &r);
    r.brokers = KAFKA_NEW(&c->arena, metadata_response_broker, 1);
    r.n_brokers = 1;
    struct str host = r.brokers ? call_host(c, &r.brokers->port) : str_make(NULL, 0);
    if (!host.ptr || !fill_topics(c, m, &r)) {
        call_no_memory(c);
        return;
    }
    r.brokers->node_id = BROKER_NODE;
    r.brokers->host = host;
    r.cluster_id = str_from(topics_cluster_id(call_topics(c)));
    r.controller_id = BROKER_NODE;
    if (q->include_cluster_authorized_operations)
        r.cluster_authorized_operations = CLUSTER_OPERATIONS;
    call_answer(c, &r);
}

/* What was to be created is there now, or somebody else has created it, or has said why not. */
static void metadata_created(struct call *c)
{
    const struct kafka_metadata_request *q = c->in;
    struct metadata *m = c->state;
    for (uint32_t i = 0; i < m->n_topics; i++) {
        struct wanted *w = &m->topics[i];
        if (!w->create)
            continue;
        w->error = w->create->kafka;
        if (w->error == KAFKA_E_NONE || w->error == KAFKA_E_TOPIC_ALREADY_EXISTS) {
            w->topic = call_topic(c, q->topics[i].name);
            w->error = KAFKA_E_LEADER_NOT_AVAILABLE; /* if it has gone again: the client asks once more */
        }
    }
    answer_metadata(c);
}

static void look_up(struct call *c, struct metadata *m, uint32_t i)
{
    const struct kafka_metadata_request *q = c->in;
    const struct kafka_metadata_request_topic *t = &q->topics[i];
    const struct broker_settings *settings = &c->door->broker->settings;
    struct wanted *w = &m->topics[i];
    bool by_id = !wire_uuid_is_zero(&t->topic_id);
    if (!t->name.ptr || by_id) {
        w->topic = c->version >= 12 && by_id ? call_topic_by_id(c, &t->topic_id) : NULL;
        w->error = c->version >= 12 && by_id ? KAFKA_E_UNKNOWN_TOPIC_ID : KAFKA_E_INVALID_REQUEST;
        return;
    }
    w->topic = call_topic(c, t->name);
    if (w->topic)
        return;
    w->error = topic_name_check(t->name, NULL) == ST_OK ? KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION
                                                        : KAFKA_E_INVALID_TOPIC_EXCEPTION;
    if (w->error == KAFKA_E_INVALID_TOPIC_EXCEPTION || !q->allow_auto_topic_creation || !settings->auto_create)
        return;
    w->create = &m->errands->at[m->errands->n++];
    *w->create = (struct topic_admin){ .kind = TOPIC_ADMIN_CREATE, .name = t->name, .partitions = settings->partitions };
}

void handle_metadata(struct call *c)
{
    const struct kafka_metadata_request *q = c->in;
    struct metadata *m = ARENA_NEW(&c->arena, struct metadata);
    struct topic **all = NULL;
    bool whole = is_all(c), ok = m != NULL;
    uint32_t n = q->n_topics;
    if (ok && whole)
        ok = call_all_topics(c, &all, &n);
    if (ok) {
        c->state = m;
        m->n_topics = n;
        m->topics = ARENA_ARRAY(&c->arena, struct wanted, n ? n : 1);
        m->errands = errands_new(c, whole ? 0 : n);
        ok = m->topics && m->errands;
    }
    if (!ok) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (whole)
            m->topics[i].topic = all[i];
        else
            look_up(c, m, i);
    }
    errands_go(m->errands, metadata_created);
}

/* ---- DescribeCluster ---- */

void handle_describe_cluster(struct call *c)
{
    const struct kafka_describe_cluster_request *q = c->in;
    struct kafka_describe_cluster_response r;
    KAFKA_INIT(describe_cluster_response, &r);
    enum { BROKERS = 1, CONTROLLERS = 2 };
    r.endpoint_type = q->endpoint_type;
    if (q->endpoint_type != BROKERS) {
        bool known = q->endpoint_type == CONTROLLERS;
        r.error_code = known ? KAFKA_E_MISMATCHED_ENDPOINT_TYPE : KAFKA_E_UNSUPPORTED_ENDPOINT_TYPE;
        r.error_message = str_from(kafka_error(r.error_code)->text);
        r.cluster_id = STR("");
        call_answer(c, &r);
        return;
    }
    r.brokers = KAFKA_NEW(&c->arena, describe_cluster_response_broker, 1);
    struct str host = r.brokers ? call_host(c, &r.brokers->port) : str_make(NULL, 0);
    if (!host.ptr) {
        call_no_memory(c);
        return;
    }
    r.n_brokers = 1;
    r.brokers->broker_id = BROKER_NODE;
    r.brokers->host = host;
    r.cluster_id = str_from(topics_cluster_id(call_topics(c)));
    r.controller_id = BROKER_NODE;
    if (q->include_cluster_authorized_operations)
        r.cluster_authorized_operations = CLUSTER_OPERATIONS;
    call_answer(c, &r);
}

/* ---- DescribeTopicPartitions: by name, a page at a time ---- */

struct page {
    struct call *call;
    struct kafka_describe_topic_partitions_response *r;
    int32_t *us;
    uint32_t left; /* partitions that still have room */
};

static bool page_partitions(struct page *pg, struct topic *t, uint32_t from,
                            struct kafka_describe_topic_partitions_response_topic *r)
{
    uint32_t all = topic_partitions(t);
    uint32_t n = from < all ? all - from : 0;
    bool cut = n > pg->left;
    n = cut ? pg->left : n;
    r->name = topic_name(t);
    memcpy(r->topic_id.bytes, topic_id(t), sizeof r->topic_id.bytes);
    r->is_internal = topic_internal(t);
    r->topic_authorized_operations = TOPIC_OPERATIONS;
    r->partitions = KAFKA_NEW(&pg->call->arena, describe_topic_partitions_response_partition, n);
    if (!r->partitions)
        return false;
    r->n_partitions = n;
    for (uint32_t i = 0; i < n; i++) {
        struct kafka_describe_topic_partitions_response_partition *p = &r->partitions[i];
        p->partition_index = (int32_t)(from + i);
        p->leader_id = BROKER_NODE;
        p->leader_epoch = topic_epoch(topic_partition(t, from + i));
        p->replica_nodes = p->isr_nodes = pg->us;
        p->n_replica_nodes = p->n_isr_nodes = 1;
        p->eligible_leader_replicas = p->last_known_elr = pg->us; /* empty, not null */
    }
    pg->left -= n;
    if (!cut)
        return true;
    pg->r->next_cursor = KAFKA_NEW(&pg->call->arena, describe_topic_partitions_response_cursor, 1);
    if (!pg->r->next_cursor)
        return false;
    pg->r->next_cursor->topic_name = r->name;
    pg->r->next_cursor->partition_index = (int32_t)(from + n);
    return true;
}

static int by_name(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

/* The names that are asked for, sorted, from the cursor on. */
static struct str *page_names(struct call *c, uint32_t *ret_n)
{
    const struct kafka_describe_topic_partitions_request *q = c->in;
    struct topic **all = NULL;
    uint32_t n = q->n_topics, kept = 0;
    if (n == 0 && !call_all_topics(c, &all, &n))
        return NULL;
    struct str *names = ARENA_ARRAY(&c->arena, struct str, n ? n : 1);
    if (!names)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        names[i] = all ? topic_name(all[i]) : q->topics[i].name;
    if (!all)
        qsort(names, n, sizeof *names, by_name);
    for (uint32_t i = 0; i < n; i++) {
        if (q->cursor && str_cmp(names[i], q->cursor->topic_name) < 0)
            continue;
        if (kept == 0 || !str_eq(names[kept - 1], names[i]))
            names[kept++] = names[i];
    }
    *ret_n = kept;
    return names;
}

static bool page_topic(struct page *pg, struct str name, const struct kafka_describe_topic_partitions_request *q)
{
    struct kafka_describe_topic_partitions_response_topic *r = &pg->r->topics[pg->r->n_topics++];
    struct topic *t = call_topic(pg->call, name);
    bool here = q->cursor && str_eq(name, q->cursor->topic_name);
    if (t)
        return page_partitions(pg, t, here ? (uint32_t)q->cursor->partition_index : 0, r);
    bool could_be = topic_name_check(name, NULL) == ST_OK;
    r->name = name;
    r->error_code = could_be ? KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_E_INVALID_TOPIC_EXCEPTION;
    if (could_be) /* as in Kafka, which says what would be allowed */
        r->topic_authorized_operations = TOPIC_OPERATIONS;
    return true;
}

/* A cursor stands in one of the topics that are asked for. */
static bool cursor_fits(const struct kafka_describe_topic_partitions_request *q)
{
    bool found = !q->cursor || q->n_topics == 0;
    for (uint32_t i = 0; !found && i < q->n_topics; i++)
        found = str_eq(q->topics[i].name, q->cursor->topic_name);
    return found && (!q->cursor || q->cursor->partition_index >= 0);
}

static void refuse_cursor(struct call *c)
{
    const struct kafka_describe_topic_partitions_request *q = c->in;
    struct kafka_describe_topic_partitions_response r;
    KAFKA_INIT(describe_topic_partitions_response, &r);
    r.n_topics = q->n_topics;
    r.topics = KAFKA_NEW(&c->arena, describe_topic_partitions_response_topic, q->n_topics);
    if (!r.topics) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < q->n_topics; i++) {
        r.topics[i].name = q->topics[i].name;
        r.topics[i].error_code = KAFKA_E_INVALID_REQUEST;
    }
    call_answer(c, &r);
}

void handle_describe_topic_partitions(struct call *c)
{
    const struct kafka_describe_topic_partitions_request *q = c->in;
    struct kafka_describe_topic_partitions_response r;
    KAFKA_INIT(describe_topic_partitions_response, &r);
    if (!cursor_fits(q)) {
        refuse_cursor(c);
        return;
    }
    uint32_t n = 0, limit = q->response_partition_limit > 0 ? (uint32_t)q->response_partition_limit : 1;
    struct page pg = { .call = c, .r = &r, .us = only_us(c),
                       .left = limit < PARTITIONS_A_PAGE ? limit : PARTITIONS_A_PAGE };
    struct str *names = page_names(c, &n);
    r.topics = KAFKA_NEW(&c->arena, describe_topic_partitions_response_topic, n);
    bool ok = pg.us && names && r.topics;
    for (uint32_t i = 0; ok && i < n && !r.next_cursor; i++) {
        if (pg.left > 0) {
            ok = page_topic(&pg, names[i], q);
            continue;
        }
        r.next_cursor = KAFKA_NEW(&c->arena, describe_topic_partitions_response_cursor, 1);
        ok = r.next_cursor != NULL;
        if (ok)
            r.next_cursor->topic_name = names[i];
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}
