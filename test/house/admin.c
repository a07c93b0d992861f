/* An administrator: cuts records off, makes topics and removes them, gives one more partitions, changes configurations. */
#include "world.h"

#include <stdio.h>

static void name_of(uint32_t topic, char out[32]) { snprintf(out, 32, "made-%u", topic); }

static void ask_trim(struct world *w, struct admin *a)
{
    struct kafka_delete_records_request q;
    struct kafka_delete_records_request_topic t;
    struct kafka_delete_records_request_partition p;
    KAFKA_INIT(delete_records_request, &q);
    KAFKA_INIT(delete_records_request_topic, &t);
    KAFKA_INIT(delete_records_request_partition, &p);
    p.partition_index = places[a->place].index;
    p.offset = a->offset;
    t.name = str_from(places[a->place].topic);
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    q.timeout_ms = 1000;
    struct fact *e = note(w, EV_TRIM_ASKED);
    e->partition = a->place;
    e->offset = a->offset;
    (void)line_ask(w, &a->line, KAFKA_DELETE_RECORDS, 2, &q);
}

static void ask_make(struct world *w, struct admin *a)
{
    struct kafka_create_topics_request q;
    struct kafka_create_topics_request_topic t;
    char name[32];
    KAFKA_INIT(create_topics_request, &q);
    KAFKA_INIT(create_topics_request_topic, &t);
    name_of(a->topic, name);
    t.name = str_from(name);
    t.num_partitions = 1 + (int32_t)(a->topic % 2);
    t.replication_factor = 1;
    q.topics = &t;
    q.n_topics = 1;
    (void)line_ask(w, &a->line, KAFKA_CREATE_TOPICS, 5, &q);
}

static void ask_remove(struct world *w, struct admin *a)
{
    struct kafka_delete_topics_request q;
    char name[32];
    struct str one;
    KAFKA_INIT(delete_topics_request, &q);
    name_of(a->topic, name);
    one = str_from(name);
    q.topic_names = &one;
    q.n_topic_names = 1;
    q.timeout_ms = 1000;
    note(w, EV_TOPIC_ASKED)->id = a->topic;
    (void)line_ask(w, &a->line, KAFKA_DELETE_TOPICS, 5, &q);
}

static void ask_grow(struct world *w)
{
    struct kafka_create_partitions_request q;
    struct kafka_create_partitions_request_topic t;
    KAFKA_INIT(create_partitions_request, &q);
    KAFKA_INIT(create_partitions_request_topic, &t);
    t.name = str_from(places[GROW_0].topic);
    t.count = (int32_t)w->grow_asked;
    q.topics = &t;
    q.n_topics = 1;
    q.timeout_ms = 1000;
    struct fact *e = note(w, EV_GROW_ASKED);
    e->partition = GROW_0;
    e->a = w->grow_asked;
    (void)line_ask(w, &w->admin.line, KAFKA_CREATE_PARTITIONS, 3, &q);
}

/* It has as many as were asked for, or has had them already. While producers close their partitions there are no new ones. */
static void grown(struct world *w, const struct admin *a, int16_t kafka)
{
    if (kafka != 0 && kafka != KAFKA_E_INVALID_PARTITIONS)
        return;
    struct fact *e = note(w, EV_GROWN);
    e->since = a->line.since;
    e->partition = GROW_0;
    e->a = w->grow_asked;
    w->grown = w->closing ? w->grown : w->grow_asked;
}

static void ask_alter(struct world *w, struct admin *a)
{
    static const char *const values[] = { "0", "50", "400", "4096" };
    struct kafka_incremental_alter_configs_request q;
    struct kafka_incremental_alter_configs_request_resource r;
    struct kafka_incremental_alter_configs_request_config c;
    KAFKA_INIT(incremental_alter_configs_request, &q);
    KAFKA_INIT(incremental_alter_configs_request_resource, &r);
    KAFKA_INIT(incremental_alter_configs_request_config, &c);
    c.name = STR("index.interval.bytes");
    c.value = str_from(values[below(w, 4)]);
    r.resource_type = 2;
    r.resource_name = str_from(places[below(w, PLACES)].topic);
    r.configs = &c;
    r.n_configs = q.n_resources = 1;
    q.resources = &r;
    (void)line_ask(w, &a->line, KAFKA_INCREMENTAL_ALTER_CONFIGS, 1, &q);
}

static void answered(struct world *w, struct admin *a, const struct client_reply *r)
{
    union {
        struct kafka_delete_records_response trim;
        struct kafka_create_topics_response make;
        struct kafka_delete_topics_response remove;
        struct kafka_create_partitions_response grow;
    } u;
    enum admin_step was = a->step;
    if (was == ADMIN_REST || was == ADMIN_ALTER) {
        a->step = ADMIN_REST;
        return;
    }
    if (client_decode(r, &w->arena, &u, NULL) != ST_OK) {
        give_up(w, EV_REFUSED, "an answer to an administrator cannot be decoded");
        return;
    }
    a->step = ADMIN_REST;
    if (was == ADMIN_TRIM && u.trim.topics[0].partitions[0].error_code == 0) {
        struct fact *e = note(w, EV_TRIMMED);
        e->since = a->line.since;
        e->partition = a->place;
        e->offset = u.trim.topics[0].partitions[0].low_watermark;
    }
    if (was == ADMIN_GROW)
        grown(w, a, u.grow.results[0].error_code);
    if (was == ADMIN_MAKE) {
        int16_t kafka = u.make.topics[0].error_code;
        a->made = kafka == 0 || kafka == KAFKA_E_TOPIC_ALREADY_EXISTS;
        a->step = a->made ? ADMIN_REST : ADMIN_MAKE;
        if (a->made)
            note(w, EV_TOPIC_MADE)->id = a->topic;
    }
    if (was == ADMIN_REMOVE) {
        int16_t kafka = u.remove.responses[0].error_code;
        a->made = kafka != 0 && kafka != KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
        a->step = a->made ? ADMIN_REMOVE : ADMIN_REST;
        if (!a->made)
            note(w, EV_TOPIC_GONE)->id = a->topic;
    }
    if (a->step != ADMIN_REST)
        line_rest(w, &a->line, 2);
}

static void choose(struct world *w, struct admin *a)
{
    a->place = (uint16_t)(PLAIN_0 + below(w, 2));
    int64_t stable = w->readers[1].stable[a->place];
    if (w->grown > 0 && w->grown < GROW_MOST && chance(w, 6)) {
        w->grow_asked = w->grown + 1;
        a->step = ADMIN_GROW;
        return;
    }
    switch (below(w, 4)) {
    case 0:
        a->offset = stable > 0 ? (int64_t)below(w, (uint64_t)stable + 1) : 0;
        a->step = ADMIN_TRIM;
        break;
    case 1:
        a->step = ADMIN_ALTER;
        break;
    default:
        a->topic += !a->made;
        a->step = a->made ? ADMIN_REMOVE : ADMIN_MAKE;
    }
}

void admin_step(struct world *w, struct admin *a)
{
    struct client_reply r;
    if (line_hear(w, &a->line, &r) == HEARD_ANSWER)
        answered(w, a, &r);
    if (!line_ready(w, &a->line))
        return;
    if (a->step == ADMIN_REST) {
        line_rest(w, &a->line, 1 + (int64_t)below(w, 8));
        if (!w->quiet)
            choose(w, a);
        return;
    }
    switch (a->step) {
    case ADMIN_TRIM: ask_trim(w, a); break;
    case ADMIN_MAKE: ask_make(w, a); break;
    case ADMIN_REMOVE: ask_remove(w, a); break;
    case ADMIN_ALTER: ask_alter(w, a); break;
    case ADMIN_GROW: ask_grow(w); break;
    case ADMIN_REST: break;
    }
}
