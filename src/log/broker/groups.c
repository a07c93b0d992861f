/* Consumer groups and their offsets: FindCoordinator, the life of members, offsets, administration. What a group is and
 * may is coord's; here requests get the coordinator's form, and answers the version's: one group or many, topics by name
 * or by id, partitions that do not exist. */
#include "broker/handlers.h"

#define GROUP_OPERATIONS (1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11)

/* ---- FindCoordinator: always us ---- */

enum { KEY_GROUP, KEY_TXN };

static int16_t coordinator_error(const struct kafka_find_coordinator_request *q)
{
    return q->key_type == KEY_GROUP || q->key_type == KEY_TXN ? KAFKA_E_NONE : KAFKA_E_INVALID_REQUEST;
}

void handle_find_coordinator(struct call *c)
{
    const struct kafka_find_coordinator_request *q = c->in;
    struct kafka_find_coordinator_response r;
    int32_t port;
    struct str host = call_host(c, &port);
    KAFKA_INIT(find_coordinator_response, &r);
    r.n_coordinators = q->n_coordinator_keys;
    r.coordinators = KAFKA_NEW(&c->arena, find_coordinator_response_coordinator, r.n_coordinators);
    if (!host.ptr || !r.coordinators) {
        call_no_memory(c);
        return;
    }
    r.error_code = coordinator_error(q);
    r.error_message = r.error_code ? str_from(kafka_error(r.error_code)->text) : str_make(NULL, 0);
    r.node_id = r.error_code ? -1 : BROKER_NODE;
    r.host = r.error_code ? STR("") : host;
    r.port = r.error_code ? -1 : port;
    for (uint32_t i = 0; i < r.n_coordinators; i++) {
        struct kafka_find_coordinator_response_coordinator *k = &r.coordinators[i];
        k->key = q->coordinator_keys[i];
        k->error_code = coordinator_error(q);
        k->error_message = k->error_code ? str_from(kafka_error(k->error_code)->text) : str_make(NULL, 0);
        k->node_id = k->error_code ? -1 : BROKER_NODE;
        k->host = k->error_code ? STR("") : host;
        k->port = k->error_code ? -1 : port;
    }
    call_answer(c, &r);
}

/* ---- members ---- */

static enum status run_join(struct asked *a, struct topic_coords *with, struct error *err)
{
    return coord_groups_join(with->groups, &a->client, a->call->in, with->now_ms, with->groups_step, err);
}
static const void *fail_join_group(struct call *c, int16_t kafka)
{
    const struct kafka_join_group_request *q = c->in;
    struct kafka_join_group_response *r = KAFKA_NEW(&c->arena, join_group_response, 1);
    if (r) {
        r->error_code = kafka;
        r->member_id = q->member_id;
    }
    return r;
}
void handle_join_group(struct call *c)
{
    static const struct asked_kind kind = { run_join, fail_join_group, true };
    coordinate(c, &kind);
}

static enum status run_sync(struct asked *a, struct topic_coords *with, struct error *err)
{
    return coord_groups_sync(with->groups, &a->client, a->call->in, with->now_ms, with->groups_step, err);
}
FAIL(sync_group)
void handle_sync_group(struct call *c)
{
    static const struct asked_kind kind = { run_sync, fail_sync_group, true };
    const struct kafka_sync_group_request *q = c->in;
    if (c->version >= 5 && (!q->protocol_type.ptr || !q->protocol_name.ptr)) {
        const void *r = fail_sync_group(c, KAFKA_E_INCONSISTENT_GROUP_PROTOCOL);
        if (r)
            call_answer(c, r);
        else
            call_no_memory(c);
        return;
    }
    coordinate(c, &kind);
}

static enum status run_heartbeat(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_heartbeat_response *r = ANSWER(a, with->groups_step, heartbeat);
    return r ? coord_groups_heartbeat(with->groups, a->call->in, with->now_ms, r, err)
             : NO_MEMORY(with->groups_step, err);
}
FAIL(heartbeat)
void handle_heartbeat(struct call *c)
{
    static const struct asked_kind kind = { run_heartbeat, fail_heartbeat, false };
    coordinate(c, &kind);
}

static enum status run_leave(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_leave_group_response *r = ANSWER(a, with->groups_step, leave_group);
    return r ? coord_groups_leave(with->groups, &a->client, a->call->in, with->now_ms, with->groups_step, r, err)
             : NO_MEMORY(with->groups_step, err);
}
FAIL(leave_group)
void handle_leave_group(struct call *c)
{
    static const struct asked_kind kind = { run_leave, fail_leave_group, false };
    coordinate(c, &kind);
}

/* ---- OffsetCommit ---- */

/* The request as the coordinator gets it: names for ids and ids for names, only partitions that exist. Topics stay in
 * their places. *ret_n: partitions. NULL: no memory. */
static struct kafka_offset_commit_request *known_offsets(struct call *c, uint32_t *ret_n)
{
    const struct kafka_offset_commit_request *q = c->in;
    struct kafka_offset_commit_request *f = ARENA_NEW(&c->arena, struct kafka_offset_commit_request);
    *ret_n = 0;
    if (!f)
        return NULL;
    *f = *q;
    f->topics = KAFKA_NEW(&c->arena, offset_commit_request_topic, q->n_topics);
    for (uint32_t i = 0; f->topics && i < q->n_topics; i++) {
        const struct kafka_offset_commit_request_topic *from = &q->topics[i];
        struct kafka_offset_commit_request_topic *to = &f->topics[i];
        struct topic *t = c->version >= 10 ? call_topic_by_id(c, &from->topic_id) : call_topic(c, from->name);
        to->partitions = KAFKA_NEW(&c->arena, offset_commit_request_partition, from->n_partitions);
        if (!to->partitions)
            return NULL;
        to->name = t ? topic_name(t) : from->name;
        if (t)
            memcpy(to->topic_id.bytes, topic_id(t), sizeof to->topic_id.bytes);
        for (uint32_t k = 0; t && k < from->n_partitions; k++)
            if (from->partitions[k].partition_index >= 0 &&
                topic_partition(t, (uint32_t)from->partitions[k].partition_index))
                to->partitions[to->n_partitions++] = from->partitions[k];
        *ret_n += to->n_partitions;
    }
    return f->topics ? f : NULL;
}

/* What the coordinator says of those (NULL: nothing, `kafka` stands for all of them), and what does not exist. */
static struct kafka_offset_commit_response *merge_commit(struct call *c, struct arena *arena,
                                                         const struct kafka_offset_commit_request *asked,
                                                         const struct kafka_offset_commit_response *said, int16_t kafka)
{
    const struct kafka_offset_commit_request *q = c->in;
    struct kafka_offset_commit_response *r = KAFKA_NEW(arena, offset_commit_response, 1);
    int16_t missing = c->version >= 10 ? KAFKA_E_UNKNOWN_TOPIC_ID : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
    if (!r)
        return NULL;
    r->n_topics = q->n_topics;
    r->topics = KAFKA_NEW(arena, offset_commit_response_topic, q->n_topics);
    for (uint32_t i = 0; r->topics && i < q->n_topics; i++) {
        const struct kafka_offset_commit_request_topic *from = &q->topics[i], *known = &asked->topics[i];
        struct kafka_offset_commit_response_topic *to = &r->topics[i];
        uint32_t at = 0;
        to->name = from->name;
        to->topic_id = from->topic_id;
        to->n_partitions = from->n_partitions;
        to->partitions = KAFKA_NEW(arena, offset_commit_response_partition, from->n_partitions);
        if (!to->partitions)
            return NULL;
        bool topic = !wire_uuid_is_zero(&known->topic_id);
        for (uint32_t k = 0; k < from->n_partitions; k++) {
            int32_t index = from->partitions[k].partition_index;
            bool there = at < known->n_partitions && known->partitions[at].partition_index == index;
            to->partitions[k].partition_index = index;
            to->partitions[k].error_code = !there ? (topic ? KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION : missing)
                                           : said ? said->topics[i].partitions[at].error_code
                                                  : kafka;
            at += there;
        }
    }
    return r->topics ? r : NULL;
}

static enum status run_commit(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct coord_step *step = with->groups_step;
    struct kafka_offset_commit_response said;
    TRY(coord_groups_commit(with->groups, &a->client, a->request, with->now_ms, step, &said, err));
    a->response = merge_commit(a->call, step->arena, a->request, &said, 0);
    return a->response ? ST_OK : NO_MEMORY(step, err);
}
static const void *fail_commit(struct call *c, int16_t kafka)
{
    const struct asked *a = c->state;
    return merge_commit(c, &c->arena, a->request, NULL, kafka);
}
void handle_offset_commit(struct call *c)
{
    static const struct asked_kind kind = { run_commit, fail_commit, false };
    uint32_t n;
    struct kafka_offset_commit_request *known = known_offsets(c, &n);
    struct kafka_offset_commit_response *r;
    if (!known || (n == 0 && !(r = merge_commit(c, &c->arena, known, NULL, 0))))
        call_no_memory(c);
    else if (n == 0)
        call_answer(c, r);
    else
        coordinate_with(c, &kind, known);
}

/* ---- OffsetFetch ---- */

/* The name for the id, from 10 on, empty where nobody has it; before that the id for the name. */
static void complete(struct call *c, struct kafka_offset_fetch_request_topic *q)
{
    struct topic *t = c->version >= 10 ? call_topic_by_id(c, &q->topic_id) : call_topic(c, q->name);
    if (c->version >= 10)
        q->name = t ? topic_name(t) : STR("");
    else if (t)
        memcpy(q->topic_id.bytes, topic_id(t), sizeof q->topic_id.bytes);
}

/* Groups as of version 8, topics with names and ids. NULL: no memory. */
static struct kafka_offset_fetch_request *fetched_groups(struct call *c)
{
    const struct kafka_offset_fetch_request *q = c->in;
    struct kafka_offset_fetch_request *f = ARENA_NEW(&c->arena, struct kafka_offset_fetch_request);
    if (!f)
        return NULL;
    *f = *q;
    if (c->version < 8) {
        f->n_groups = 1;
        f->groups = KAFKA_NEW(&c->arena, offset_fetch_request_group, 1);
        if (!f->groups)
            return NULL;
        f->groups->group_id = q->group_id;
        f->groups->topics = q->topics;
        f->groups->n_topics = q->n_topics;
    }
    for (uint32_t g = 0; g < f->n_groups; g++)
        for (uint32_t i = 0; i < f->groups[g].n_topics; i++)
            complete(c, &f->groups[g].topics[i]);
    return f;
}

/* From 10 on: ids for names; an asked one that nobody has is an error, another topic that has gone is left out. */
static void put_ids(struct topics *topics, const struct kafka_offset_fetch_request_group *asked,
                    struct kafka_offset_fetch_response_group *r)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->n_topics; i++) {
        struct kafka_offset_fetch_response_topic *t = &r->topics[i];
        if (asked->topics) {
            t->topic_id = asked->topics[i].topic_id;
            for (uint32_t k = 0; asked->topics[i].name.len == 0 && k < t->n_partitions; k++)
                t->partitions[k].error_code = KAFKA_E_UNKNOWN_TOPIC_ID;
            kept++;
            continue;
        }
        struct topic *found = topics_find(topics, t->name);
        if (!found)
            continue;
        memcpy(t->topic_id.bytes, topic_id(found), sizeof t->topic_id.bytes);
        topic_unref(found);
        r->topics[kept++] = *t;
    }
    r->n_topics = kept;
}

static enum status run_fetch(struct asked *a, struct topic_coords *with, struct error *err)
{
    const struct kafka_offset_fetch_request *q = a->request;
    struct coord_step *step = with->groups_step;
    struct kafka_offset_fetch_response *r = ANSWER(a, step, offset_fetch);
    if (!r)
        return NO_MEMORY(step, err);
    r->n_groups = q->n_groups;
    r->groups = KAFKA_NEW(step->arena, offset_fetch_response_group, q->n_groups);
    if (!r->groups)
        return NO_MEMORY(step, err);
    for (uint32_t i = 0; i < q->n_groups; i++) {
        TRY(coord_groups_fetch(with->groups, &q->groups[i], q->require_stable, step->arena, &r->groups[i], err));
        if (a->client.version >= 10)
            put_ids(call_topics(a->call), &q->groups[i], &r->groups[i]);
    }
    if (a->client.version < 8) {
        r->error_code = r->groups->error_code;
        r->topics = r->groups->topics;
        r->n_topics = r->groups->n_topics;
    }
    return ST_OK;
}
static const void *fail_fetch(struct call *c, int16_t kafka)
{
    const struct kafka_offset_fetch_request *q = c->in;
    struct kafka_offset_fetch_response *r = KAFKA_NEW(&c->arena, offset_fetch_response, 1);
    if (!r)
        return NULL;
    r->error_code = kafka;
    r->n_groups = q->n_groups;
    r->groups = KAFKA_NEW(&c->arena, offset_fetch_response_group, q->n_groups);
    for (uint32_t i = 0; r->groups && i < q->n_groups; i++) {
        r->groups[i].group_id = q->groups[i].group_id;
        r->groups[i].error_code = kafka;
    }
    return r->groups ? r : NULL;
}
void handle_offset_fetch(struct call *c)
{
    static const struct asked_kind kind = { run_fetch, fail_fetch, false };
    struct kafka_offset_fetch_request *groups = fetched_groups(c);
    if (groups)
        coordinate_with(c, &kind, groups);
    else
        call_no_memory(c);
}

/* ---- administration ---- */

/* Of partitions that do not exist (`request`: which do) the offsets go too, but it is said. */
static enum status run_offset_delete(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_offset_delete_response *r = ANSWER(a, with->groups_step, offset_delete);
    const bool *exists = a->request;
    if (!r)
        return NO_MEMORY(with->groups_step, err);
    TRY(coord_groups_delete_offsets(with->groups, a->call->in, with->now_ms, with->groups_step, r, err));
    for (uint32_t i = 0; i < r->n_topics; i++)
        for (uint32_t k = 0; k < r->topics[i].n_partitions; k++)
            if (!*exists++)
                r->topics[i].partitions[k].error_code = KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
    return ST_OK;
}
FAIL(offset_delete)
void handle_offset_delete(struct call *c)
{
    static const struct asked_kind kind = { run_offset_delete, fail_offset_delete, false };
    const struct kafka_offset_delete_request *q = c->in;
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->n_topics; i++)
        n += q->topics[i].n_partitions;
    bool *exists = ARENA_ARRAY(&c->arena, bool, n ? n : 1), *at = exists;
    if (!exists) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < q->n_topics; i++) {
        struct topic *t = call_topic(c, q->topics[i].name);
        for (uint32_t k = 0; k < q->topics[i].n_partitions; k++) {
            int32_t index = q->topics[i].partitions[k].partition_index;
            *at++ = t && index >= 0 && topic_partition(t, (uint32_t)index);
        }
    }
    coordinate_with(c, &kind, exists);
}

static enum status run_describe(struct asked *a, struct topic_coords *with, struct error *err)
{
    const struct kafka_describe_groups_request *q = a->call->in;
    struct coord_step *step = with->groups_step;
    struct kafka_describe_groups_response *r = ANSWER(a, step, describe_groups);
    if (r)
        r->groups = KAFKA_NEW(step->arena, describe_groups_response_group, q->n_groups);
    if (!r || !r->groups)
        return NO_MEMORY(step, err);
    r->n_groups = q->n_groups;
    for (uint32_t i = 0; i < q->n_groups; i++) {
        TRY(coord_groups_describe(with->groups, q->groups[i], a->client.version, step->arena, &r->groups[i], err));
        if (q->include_authorized_operations && r->groups[i].error_code == KAFKA_E_NONE)
            r->groups[i].authorized_operations = GROUP_OPERATIONS;
    }
    return ST_OK;
}
static const void *fail_describe(struct call *c, int16_t kafka)
{
    const struct kafka_describe_groups_request *q = c->in;
    struct kafka_describe_groups_response *r = KAFKA_NEW(&c->arena, describe_groups_response, 1);
    if (!r)
        return NULL;
    r->n_groups = q->n_groups;
    r->groups = KAFKA_NEW(&c->arena, describe_groups_response_group, q->n_groups);
    for (uint32_t i = 0; r->groups && i < q->n_groups; i++) {
        r->groups[i].group_id = q->groups[i];
        r->groups[i].error_code = kafka;
    }
    return r->groups ? r : NULL;
}
void handle_describe_groups(struct call *c)
{
    static const struct asked_kind kind = { run_describe, fail_describe, false };
    coordinate(c, &kind);
}

static enum status run_list(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_list_groups_response *r = ANSWER(a, with->groups_step, list_groups);
    return r ? coord_groups_list(with->groups, a->call->in, with->groups_step->arena, r, err)
             : NO_MEMORY(with->groups_step, err);
}
FAIL(list_groups)
void handle_list_groups(struct call *c)
{
    static const struct asked_kind kind = { run_list, fail_list_groups, false };
    coordinate(c, &kind);
}

static struct kafka_delete_groups_response *delete_response(struct call *c, struct arena *arena, int16_t kafka)
{
    const struct kafka_delete_groups_request *q = c->in;
    struct kafka_delete_groups_response *r = KAFKA_NEW(arena, delete_groups_response, 1);
    if (!r)
        return NULL;
    r->n_results = q->n_groups_names;
    r->results = KAFKA_NEW(arena, delete_groups_response_result, q->n_groups_names);
    for (uint32_t i = 0; r->results && i < q->n_groups_names; i++) {
        r->results[i].group_id = q->groups_names[i];
        r->results[i].error_code = kafka;
    }
    return r->results ? r : NULL;
}
static enum status run_delete(struct asked *a, struct topic_coords *with, struct error *err)
{
    struct kafka_delete_groups_response *r = delete_response(a->call, with->groups_step->arena, 0);
    a->response = r;
    if (!r)
        return NO_MEMORY(with->groups_step, err);
    for (uint32_t i = 0; i < r->n_results; i++)
        TRY(coord_groups_delete(with->groups, r->results[i].group_id, with->now_ms, with->groups_step,
                                &r->results[i].error_code, err));
    return ST_OK;
}
static const void *fail_delete(struct call *c, int16_t kafka) { return delete_response(c, &c->arena, kafka); }
void handle_delete_groups(struct call *c)
{
    static const struct asked_kind kind = { run_delete, fail_delete, false };
    coordinate(c, &kind);
}
