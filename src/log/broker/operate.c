/* What operators' tools ask: log directories, elections, reassignments, access rules. One broker that keeps everything in
 * one directory has short answers. */
#include "broker/handlers.h"

static int16_t there(struct topic *t, int32_t partition)
{
    return t && partition >= 0 && topic_partition(t, (uint32_t)partition) ? KAFKA_E_NONE
                                                                          : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
}

static struct str data_dir(const struct call *c)
{
    const char *dir = c->door->broker->o.data_dir;
    return str_from(dir ? dir : "");
}

/* ---- DescribeLogDirs ---- */

static void size_of(struct topic *t, int32_t index, struct kafka_describe_log_dirs_response_partition *r)
{
    r->partition_index = index;
    r->partition_size = (int64_t)topic_bytes(topic_partition(t, (uint32_t)index));
}

/* `asked` NULL: all partitions. Those that do not exist are left out, as in Kafka, and a topic that none are left of. */
static bool describe_topic(struct call *c, struct topic *t, const struct kafka_describe_log_dirs_request_topic *asked,
                           struct kafka_describe_log_dirs_response_topic *r)
{
    uint32_t n = asked ? asked->n_partitions : topic_partitions(t);
    r->name = topic_name(t);
    r->partitions = KAFKA_NEW(&c->arena, describe_log_dirs_response_partition, n);
    if (!r->partitions)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        int32_t index = asked ? asked->partitions[i] : (int32_t)i;
        if (there(t, index) == KAFKA_E_NONE)
            size_of(t, index, &r->partitions[r->n_partitions++]);
    }
    return true;
}

static int64_t clipped(uint64_t bytes) { return bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX; }

/* How much room there is; where nobody can say that, the directory cannot be looked at. */
static void measure(struct call *c, struct kafka_describe_log_dirs_response_result *r)
{
    struct os *os = c->door->broker->o.os;
    const char *dir = c->door->broker->o.data_dir;
    uint64_t bytes, usable;
    if (dir && os->ops->space(os, dir, &bytes, &usable, NULL) == ST_OK) {
        r->total_bytes = clipped(bytes);
        r->usable_bytes = clipped(usable);
    } else {
        r->error_code = KAFKA_E_KAFKA_STORAGE_ERROR;
        r->n_topics = 0;
    }
}

void handle_describe_log_dirs(struct call *c)
{
    const struct kafka_describe_log_dirs_request *q = c->in;
    struct kafka_describe_log_dirs_response r;
    struct topic **all = NULL;
    uint32_t n = q->n_topics;
    KAFKA_INIT(describe_log_dirs_response, &r);
    r.n_results = 1;
    r.results = KAFKA_NEW(&c->arena, describe_log_dirs_response_result, 1);
    bool ok = r.results && (q->topics || call_all_topics(c, &all, &n));
    if (ok) {
        r.results->log_dir = data_dir(c);
        r.results->topics = KAFKA_NEW(&c->arena, describe_log_dirs_response_topic, n);
        ok = r.results->topics != NULL;
    }
    for (uint32_t i = 0; ok && i < n; i++) {
        struct topic *t = all ? all[i] : call_topic(c, q->topics[i].topic);
        struct kafka_describe_log_dirs_response_topic *to = &r.results->topics[r.results->n_topics];
        if (t)
            ok = describe_topic(c, t, all ? NULL : &q->topics[i], to);
        r.results->n_topics += to->n_partitions > 0;
    }
    if (ok) {
        measure(c, r.results);
        call_answer(c, &r);
    } else {
        call_no_memory(c);
    }
}

/* ---- AlterReplicaLogDirs: to where they are already, or to nowhere ---- */

static bool fill_moved(struct call *c, const struct kafka_alter_replica_log_dirs_request_topic *from, bool here,
                       struct kafka_alter_replica_log_dirs_response_result *to)
{
    struct topic *t = call_topic(c, from->name);
    to->topic_name = from->name;
    to->n_partitions = from->n_partitions;
    to->partitions = KAFKA_NEW(&c->arena, alter_replica_log_dirs_response_partition, from->n_partitions);
    for (uint32_t i = 0; to->partitions && i < from->n_partitions; i++) {
        to->partitions[i].partition_index = from->partitions[i];
        to->partitions[i].error_code = !here ? KAFKA_E_LOG_DIR_NOT_FOUND : there(t, from->partitions[i]);
    }
    return to->partitions != NULL;
}

void handle_alter_replica_log_dirs(struct call *c)
{
    const struct kafka_alter_replica_log_dirs_request *q = c->in;
    struct kafka_alter_replica_log_dirs_response r;
    uint32_t n = 0;
    KAFKA_INIT(alter_replica_log_dirs_response, &r);
    for (uint32_t i = 0; i < q->n_dirs; i++)
        n += q->dirs[i].n_topics;
    r.results = KAFKA_NEW(&c->arena, alter_replica_log_dirs_response_result, n);
    bool ok = r.results != NULL;
    for (uint32_t i = 0; ok && i < q->n_dirs; i++)
        for (uint32_t k = 0; ok && k < q->dirs[i].n_topics; k++)
            ok = fill_moved(c, &q->dirs[i].topics[k], str_eq(q->dirs[i].path, data_dir(c)), &r.results[r.n_results++]);
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

/* ---- elections, reassignments ---- */

/* Who leads is who should. With no partitions named only those that changed are told: none. */
void handle_elect_leaders(struct call *c)
{
    const struct kafka_elect_leaders_request *q = c->in;
    struct kafka_elect_leaders_response r;
    enum { PREFERRED, UNCLEAN };
    bool known = q->election_type == PREFERRED || q->election_type == UNCLEAN;
    KAFKA_INIT(elect_leaders_response, &r);
    r.error_code = known ? KAFKA_E_NONE : KAFKA_E_INVALID_REQUEST;
    r.n_replica_election_results = q->n_topic_partitions;
    r.replica_election_results = KAFKA_NEW(&c->arena, elect_leaders_response_topic, q->n_topic_partitions);
    bool ok = r.replica_election_results != NULL;
    for (uint32_t i = 0; ok && i < q->n_topic_partitions; i++) {
        const struct kafka_elect_leaders_request_topic *from = &q->topic_partitions[i];
        struct kafka_elect_leaders_response_topic *to = &r.replica_election_results[i];
        struct topic *t = call_topic(c, from->topic);
        to->topic = from->topic;
        to->n_partition_result = from->n_partitions;
        to->partition_result = KAFKA_NEW(&c->arena, elect_leaders_response_partition, from->n_partitions);
        ok = to->partition_result != NULL;
        for (uint32_t k = 0; ok && k < from->n_partitions; k++) {
            int16_t error = there(t, from->partitions[k]);
            error = !known ? KAFKA_E_INVALID_REQUEST : error == KAFKA_E_NONE ? KAFKA_E_ELECTION_NOT_NEEDED : error;
            to->partition_result[k].partition_id = from->partitions[k];
            to->partition_result[k].error_code = error;
            to->partition_result[k].error_message = str_from(kafka_error(error)->text);
        }
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

static int16_t reassigned(struct topic *t, const struct kafka_alter_partition_reassignments_request_partition *p)
{
    if (there(t, p->partition_index) != KAFKA_E_NONE)
        return KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
    if (!p->replicas)
        return KAFKA_E_NO_REASSIGNMENT_IN_PROGRESS;
    return p->n_replicas == 1 && p->replicas[0] == BROKER_NODE ? KAFKA_E_NONE : KAFKA_E_INVALID_REPLICA_ASSIGNMENT;
}

void handle_alter_partition_reassignments(struct call *c)
{
    const struct kafka_alter_partition_reassignments_request *q = c->in;
    struct kafka_alter_partition_reassignments_response r;
    KAFKA_INIT(alter_partition_reassignments_response, &r);
    r.allow_replication_factor_change = q->allow_replication_factor_change;
    r.n_responses = q->n_topics;
    r.responses = KAFKA_NEW(&c->arena, alter_partition_reassignments_response_topic, q->n_topics);
    bool ok = r.responses != NULL;
    for (uint32_t i = 0; ok && i < q->n_topics; i++) {
        const struct kafka_alter_partition_reassignments_request_topic *from = &q->topics[i];
        struct kafka_alter_partition_reassignments_response_topic *to = &r.responses[i];
        struct topic *t = call_topic(c, from->name);
        to->name = from->name;
        to->n_partitions = from->n_partitions;
        to->partitions = KAFKA_NEW(&c->arena, alter_partition_reassignments_response_partition, from->n_partitions);
        ok = to->partitions != NULL;
        for (uint32_t k = 0; ok && k < from->n_partitions; k++) {
            to->partitions[k].partition_index = from->partitions[k].partition_index;
            to->partitions[k].error_code = reassigned(t, &from->partitions[k]);
            if (to->partitions[k].error_code != KAFKA_E_NONE)
                to->partitions[k].error_message = str_from(kafka_error(to->partitions[k].error_code)->text);
        }
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

void handle_list_partition_reassignments(struct call *c)
{
    struct kafka_list_partition_reassignments_response r;
    KAFKA_INIT(list_partition_reassignments_response, &r);
    call_answer(c, &r);
}

/* ---- access rules: there are none ---- */

#define NO_RULES STR("the server has no access rules")

void handle_describe_acls(struct call *c)
{
    struct kafka_describe_acls_response r;
    KAFKA_INIT(describe_acls_response, &r);
    r.error_code = KAFKA_E_SECURITY_DISABLED;
    r.error_message = NO_RULES;
    call_answer(c, &r);
}

void handle_create_acls(struct call *c)
{
    const struct kafka_create_acls_request *q = c->in;
    struct kafka_create_acls_response r;
    KAFKA_INIT(create_acls_response, &r);
    r.n_results = q->n_creations;
    r.results = KAFKA_NEW(&c->arena, create_acls_response_result, q->n_creations);
    if (!r.results) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < q->n_creations; i++)
        r.results[i] = (struct kafka_create_acls_response_result){ KAFKA_E_SECURITY_DISABLED, NO_RULES };
    call_answer(c, &r);
}

void handle_delete_acls(struct call *c)
{
    const struct kafka_delete_acls_request *q = c->in;
    struct kafka_delete_acls_response r;
    KAFKA_INIT(delete_acls_response, &r);
    r.n_filter_results = q->n_filters;
    r.filter_results = KAFKA_NEW(&c->arena, delete_acls_response_filter_result, q->n_filters);
    if (!r.filter_results) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < q->n_filters; i++) {
        r.filter_results[i].error_code = KAFKA_E_SECURITY_DISABLED;
        r.filter_results[i].error_message = NO_RULES;
    }
    call_answer(c, &r);
}
