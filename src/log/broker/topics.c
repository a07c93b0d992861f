/* CreateTopics, DeleteTopics, CreatePartitions: each topic an errand to the log's writer, with a fate of its own.
 *
 * What the request itself gets wrong is found here and is no errand. One node cannot keep three copies, but what asks for
 * them should run: a replication factor above one is taken and one copy reported, unless the settings say strict. */
#include <stdlib.h>

#include "broker/handlers.h"

/* One topic of a request: an errand, or why it is none. */
struct wish {
    struct str name;            /* what it is known by here; .ptr NULL: by nothing */
    bool again;                 /* another wish has its name: it is not answered */
    struct topic_admin *errand; /* NULL: see kafka */
    int16_t kafka;
    const char *why;
};

static void refuse(struct wish *w, int16_t kafka, const char *why)
{
    w->kafka = kafka;
    w->why = why;
}

static int16_t fate(const struct wish *w) { return w->errand ? w->errand->kafka : w->kafka; }

static struct str reason(const struct wish *w)
{
    if (fate(w) == KAFKA_E_NONE)
        return str_make(NULL, 0);
    if (w->errand && w->errand->error.message[0])
        return str_from(w->errand->error.message);
    return str_from(w->why ? w->why : kafka_error(fate(w))->text);
}

struct wishes {
    struct wish *at;
    uint32_t n;
    struct errands *errands;
};

static struct wishes *wishes_new(struct call *c, uint32_t n)
{
    struct wishes *w = ARENA_NEW(&c->arena, struct wishes);
    if (!w)
        return NULL;
    w->n = n;
    w->at = ARENA_ARRAY(&c->arena, struct wish, n ? n : 1);
    w->errands = errands_new(c, n);
    return w->at && w->errands ? w : NULL;
}

static void send_out(struct wishes *w, uint32_t i, struct topic_admin a)
{
    w->at[i].errand = &w->errands->at[w->errands->n++];
    *w->at[i].errand = a;
}

static int by_name(const void *a, const void *b)
{
    const struct wish *x = *(struct wish *const *)a, *y = *(struct wish *const *)b;
    int order = str_cmp(x->name, y->name);
    return order ? order : (x > y) - (x < y);
}

/* What is named twice is refused, and answered once. */
static bool refuse_twice(struct call *c, struct wishes *w)
{
    struct wish **sorted = ARENA_ARRAY(&c->arena, struct wish *, w->n ? w->n : 1), *first = NULL;
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < w->n; i++)
        sorted[i] = &w->at[i];
    qsort(sorted, w->n, sizeof *sorted, by_name);
    for (uint32_t i = 0; i < w->n; i++) {
        if (!sorted[i]->name.ptr)
            continue;
        if (first && str_eq(first->name, sorted[i]->name)) {
            refuse(first, KAFKA_E_INVALID_REQUEST, "the request names the topic twice");
            sorted[i]->again = true;
        } else {
            first = sorted[i];
        }
    }
    return true;
}

static bool is_refused(const struct wish *w) { return w->again || w->kafka != KAFKA_E_NONE; }

static bool is_ours(const int32_t *ids, uint32_t n) { return n == 1 && ids[0] == BROKER_NODE; }

/* ---- CreateTopics ---- */

/* Each partition from 0 on once, in any order, and all of them here. `seen`: a place for each assignment, false. */
static bool assigned(const struct kafka_create_topics_request_topic *t, bool *seen)
{
    for (uint32_t i = 0; i < t->n_assignments; i++) {
        uint32_t index = (uint32_t)t->assignments[i].partition_index;
        if (index >= t->n_assignments || seen[index] ||
            !is_ours(t->assignments[i].broker_ids, t->assignments[i].n_broker_ids))
            return false;
        seen[index] = true;
    }
    return true;
}

/* Partitions that the request asks for, or 0 and the reason. */
static uint32_t partitions_wanted(const struct broker_settings *s, const struct kafka_create_topics_request_topic *t,
                                  bool *seen, struct wish *w)
{
    if (t->n_assignments > 0) {
        if (t->num_partitions != -1 || t->replication_factor != -1)
            refuse(w, KAFKA_E_INVALID_REQUEST, "with an assignment partitions and replication factor have to be -1");
        else if (!assigned(t, seen))
            refuse(w, KAFKA_E_INVALID_REPLICA_ASSIGNMENT, "partitions count from 0, and broker 1 is the only one");
        else
            return t->n_assignments;
        return 0;
    }
    if (t->num_partitions == 0 || t->num_partitions < -1)
        refuse(w, KAFKA_E_INVALID_PARTITIONS, "the number of partitions has to be at least 1");
    else if (t->replication_factor == 0 || t->replication_factor < -1)
        refuse(w, KAFKA_E_INVALID_REPLICATION_FACTOR, "the replication factor has to be at least 1");
    else if (t->replication_factor > 1 && s->strict_replication)
        refuse(w, KAFKA_E_INVALID_REPLICATION_FACTOR, "there is one broker");
    else
        return t->num_partitions == -1 ? s->partitions : (uint32_t)t->num_partitions;
    return 0;
}

static bool wish_topic(struct call *c, struct wishes *w, uint32_t i)
{
    const struct kafka_create_topics_request *q = c->in;
    const struct kafka_create_topics_request_topic *t = &q->topics[i];
    struct topic_config_change *changes = ARENA_ARRAY(&c->arena, struct topic_config_change, t->n_configs + 1);
    bool *seen = arena_calloc(&c->arena, t->n_assignments + 1);
    if (!changes || !seen)
        return false;
    if (is_refused(&w->at[i]))
        return true;
    uint32_t n = partitions_wanted(&c->door->broker->settings, t, seen, &w->at[i]);
    for (uint32_t k = 0; k < t->n_configs; k++) {
        changes[k] = (struct topic_config_change){ .name = t->configs[k].name, .value = t->configs[k].value };
        if (!t->configs[k].value.ptr && n > 0) {
            refuse(&w->at[i], KAFKA_E_INVALID_CONFIG, "a configuration has no value");
            n = 0;
        }
    }
    if (n > 0)
        send_out(w, i, (struct topic_admin){ .kind = TOPIC_ADMIN_CREATE, .name = t->name, .partitions = n,
                                             .changes = changes, .n_changes = t->n_configs,
                                             .validate_only = q->validate_only });
    return true;
}

static const struct kafka_create_topics_request_config *config_of(const struct kafka_create_topics_request_topic *t,
                                                                  const char *name)
{
    for (uint32_t i = t->n_configs; i > 0; i--) /* the last one counts */
        if (str_eq(t->configs[i - 1].name, str_from(name)))
            return &t->configs[i - 1];
    return NULL;
}

static bool fill_configs(struct call *c, const struct kafka_create_topics_request_topic *from,
                         struct kafka_create_topics_response_topic *r)
{
    r->n_configs = TOPIC_CONFIGS;
    r->configs = KAFKA_NEW(&c->arena, create_topics_response_config, TOPIC_CONFIGS);
    if (!r->configs)
        return false;
    for (uint32_t k = 0; k < TOPIC_CONFIGS; k++) {
        struct kafka_create_topics_response_config *to = &r->configs[k];
        enum topic_config_source source;
        to->name = str_from(topic_config_spec(k)->name);
        const struct kafka_create_topics_request_config *given = config_of(from, topic_config_spec(k)->name);
        to->value = given ? given->value : topics_config_text(call_topics(c), k, &source);
        to->config_source = config_source(given ? TOPIC_FROM_TOPIC : source);
    }
    return true;
}

static void topics_created(struct call *c)
{
    const struct kafka_create_topics_request *q = c->in;
    const struct wishes *w = c->state;
    struct kafka_create_topics_response r;
    KAFKA_INIT(create_topics_response, &r);
    r.topics = KAFKA_NEW(&c->arena, create_topics_response_topic, q->n_topics);
    bool ok = r.topics != NULL;
    for (uint32_t i = 0; ok && i < q->n_topics; i++) {
        if (w->at[i].again)
            continue;
        struct kafka_create_topics_response_topic *t = &r.topics[r.n_topics++];
        t->name = q->topics[i].name;
        t->error_code = fate(&w->at[i]);
        t->error_message = reason(&w->at[i]);
        t->n_configs = 0;
        if (t->error_code != KAFKA_E_NONE)
            continue;
        memcpy(t->topic_id.bytes, w->at[i].errand->id, sizeof t->topic_id.bytes);
        t->num_partitions = (int32_t)w->at[i].errand->partitions;
        t->replication_factor = 1;
        ok = fill_configs(c, &q->topics[i], t);
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

enum { TOPICS_A_REQUEST = 10000 };

void handle_create_topics(struct call *c)
{
    const struct kafka_create_topics_request *q = c->in;
    if (q->n_topics > TOPICS_A_REQUEST) {
        call_refuse_many(c, "topics", TOPICS_A_REQUEST);
        return;
    }
    struct wishes *w = wishes_new(c, q->n_topics);
    bool ok = w != NULL;
    c->state = w;
    for (uint32_t i = 0; ok && i < q->n_topics; i++)
        w->at[i].name = q->topics[i].name;
    ok = ok && refuse_twice(c, w);
    for (uint32_t i = 0; ok && i < q->n_topics; i++)
        ok = wish_topic(c, w, i);
    if (ok)
        errands_go(w->errands, topics_created);
    else
        call_no_memory(c);
}

/* ---- DeleteTopics ---- */

static uint32_t deleted_count(const struct call *c)
{
    const struct kafka_delete_topics_request *q = c->in;
    return c->version >= 6 ? q->n_topics : q->n_topic_names;
}

static void topics_deleted(struct call *c)
{
    const struct kafka_delete_topics_request *q = c->in;
    const struct wishes *w = c->state;
    struct kafka_delete_topics_response r;
    KAFKA_INIT(delete_topics_response, &r);
    r.responses = KAFKA_NEW(&c->arena, delete_topics_response_topic, w->n);
    if (!r.responses) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->at[i].again)
            continue;
        struct kafka_delete_topics_response_topic *t = &r.responses[r.n_responses++];
        t->name = c->version >= 6 ? q->topics[i].name : q->topic_names[i];
        if (c->version >= 6)
            t->topic_id = q->topics[i].topic_id;
        if (w->at[i].errand) {
            t->name = w->at[i].errand->name;
            memcpy(t->topic_id.bytes, w->at[i].errand->id, sizeof t->topic_id.bytes);
        }
        t->error_code = fate(&w->at[i]);
        t->error_message = reason(&w->at[i]);
    }
    call_answer(c, &r);
}

static struct topic *find_wish(struct call *c, uint32_t i, struct str *ret_name, bool *ret_by_id)
{
    const struct kafka_delete_topics_request *q = c->in;
    *ret_name = c->version >= 6 ? q->topics[i].name : q->topic_names[i];
    *ret_by_id = c->version >= 6 && !wire_uuid_is_zero(&q->topics[i].topic_id);
    if (*ret_by_id)
        return call_topic_by_id(c, &q->topics[i].topic_id);
    return ret_name->ptr ? call_topic(c, *ret_name) : NULL;
}

static void wish_away(struct call *c, struct wishes *w, uint32_t i)
{
    struct str name;
    bool by_id;
    struct topic *t = find_wish(c, i, &name, &by_id);
    if (is_refused(&w->at[i]))
        return;
    if (!c->door->broker->settings.delete_topics)
        refuse(&w->at[i], KAFKA_E_TOPIC_DELETION_DISABLED, NULL);
    else if (by_id == (name.ptr != NULL))
        refuse(&w->at[i], KAFKA_E_INVALID_REQUEST, "a topic is named or given by its id, not both");
    else if (!t)
        refuse(&w->at[i], by_id ? KAFKA_E_UNKNOWN_TOPIC_ID : KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    else {
        send_out(w, i, (struct topic_admin){ .kind = TOPIC_ADMIN_REMOVE, .name = topic_name(t) });
        memcpy(w->at[i].errand->id, topic_id(t), sizeof w->at[i].errand->id);
    }
}

void handle_delete_topics(struct call *c)
{
    uint32_t n = deleted_count(c);
    struct wishes *w = wishes_new(c, n);
    if (!w) {
        call_no_memory(c);
        return;
    }
    c->state = w;
    for (uint32_t i = 0; i < n; i++) {
        struct str name;
        bool by_id;
        struct topic *t = find_wish(c, i, &name, &by_id);
        if (!by_id || !name.ptr)
            w->at[i].name = t ? topic_name(t) : name;
    }
    if (!refuse_twice(c, w)) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        wish_away(c, w, i);
    errands_go(w->errands, topics_deleted);
}

/* ---- CreatePartitions ---- */

static void partitions_created(struct call *c)
{
    const struct kafka_create_partitions_request *q = c->in;
    const struct wishes *w = c->state;
    struct kafka_create_partitions_response r;
    KAFKA_INIT(create_partitions_response, &r);
    r.results = KAFKA_NEW(&c->arena, create_partitions_response_result, q->n_topics);
    if (!r.results) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < q->n_topics; i++) {
        if (w->at[i].again)
            continue;
        struct kafka_create_partitions_response_result *to = &r.results[r.n_results++];
        to->name = q->topics[i].name;
        to->error_code = fate(&w->at[i]);
        to->error_message = reason(&w->at[i]);
    }
    call_answer(c, &r);
}

static bool placed_here(const struct kafka_create_partitions_request_topic *t, uint32_t there)
{
    bool ok = !t->assignments || (uint32_t)t->count == there + t->n_assignments;
    for (uint32_t i = 0; ok && i < t->n_assignments; i++)
        ok = is_ours(t->assignments[i].broker_ids, t->assignments[i].n_broker_ids);
    return ok;
}

void handle_create_partitions(struct call *c)
{
    const struct kafka_create_partitions_request *q = c->in;
    struct wishes *w = wishes_new(c, q->n_topics);
    for (uint32_t i = 0; w && i < q->n_topics; i++)
        w->at[i].name = q->topics[i].name;
    if (!w || !refuse_twice(c, w)) {
        call_no_memory(c);
        return;
    }
    c->state = w;
    for (uint32_t i = 0; i < q->n_topics; i++) {
        const struct kafka_create_partitions_request_topic *from = &q->topics[i];
        struct topic *t = call_topic(c, from->name);
        if (is_refused(&w->at[i]))
            continue;
        if (!t)
            refuse(&w->at[i], KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION, NULL);
        else if (from->count <= 0)
            refuse(&w->at[i], KAFKA_E_INVALID_PARTITIONS, "the number of partitions has to grow");
        else if ((uint32_t)from->count > topic_partitions(t) && !placed_here(from, topic_partitions(t)))
            refuse(&w->at[i], KAFKA_E_INVALID_REPLICA_ASSIGNMENT,
                   "an assignment a new partition, and broker 1 is the only one");
        else
            send_out(w, i, (struct topic_admin){ .kind = TOPIC_ADMIN_GROW, .name = from->name,
                                                 .partitions = (uint32_t)from->count,
                                                 .validate_only = q->validate_only });
    }
    errands_go(w->errands, partitions_created);
}
