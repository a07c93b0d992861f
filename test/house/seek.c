/* Asks where things are: the first record from a timestamp on, the largest one, both ends of a partition, the end of an epoch. */
#include "world.h"

#include <stdio.h>

enum { EPOCHS = 4, BACK_MS = 40 };

static void ask_stamp(struct world *w, struct seeker *x)
{
    struct kafka_list_offsets_request q;
    struct kafka_list_offsets_request_topic t;
    struct kafka_list_offsets_request_partition p;
    KAFKA_INIT(list_offsets_request, &q);
    KAFKA_INIT(list_offsets_request_topic, &t);
    KAFKA_INIT(list_offsets_request_partition, &p);
    p.partition_index = places[x->place].index;
    p.timestamp = x->what;
    t.name = str_from(places[x->place].topic);
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    q.isolation_level = x->committed;
    (void)line_ask(w, &x->line, KAFKA_LIST_OFFSETS, 7, &q);
}

static void ask_epoch(struct world *w, struct seeker *x)
{
    struct kafka_offset_for_leader_epoch_request q;
    struct kafka_offset_for_leader_epoch_request_topic t;
    struct kafka_offset_for_leader_epoch_request_partition p;
    KAFKA_INIT(offset_for_leader_epoch_request, &q);
    KAFKA_INIT(offset_for_leader_epoch_request_topic, &t);
    KAFKA_INIT(offset_for_leader_epoch_request_partition, &p);
    p.partition = places[x->place].index;
    p.leader_epoch = (int32_t)x->what;
    t.topic = str_from(places[x->place].topic);
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    (void)line_ask(w, &x->line, KAFKA_OFFSET_FOR_LEADER_EPOCH, 3, &q);
}

static void answered(struct world *w, struct seeker *x, const struct client_reply *r)
{
    union {
        struct kafka_list_offsets_response stamp;
        struct kafka_offset_for_leader_epoch_response epoch;
    } u;
    if (client_decode(r, &w->arena, &u, NULL) != ST_OK) {
        give_up(w, EV_REFUSED, "an answer to who asks for offsets cannot be decoded");
        return;
    }
    const struct kafka_list_offsets_response_partition *s = x->epoch ? NULL : &u.stamp.topics[0].partitions[0];
    const struct kafka_offset_for_leader_epoch_response_partition *p = x->epoch ? &u.epoch.topics[0].partitions[0] : NULL;
    int16_t kafka = s ? s->error_code : p->error_code;
    if (kafka && x->quiet && x->place < GROW_0) {
        snprintf(w->why, sizeof w->why, "partition %u does not say what is at %lld: %s", x->place, (long long)x->what,
                 kafka_error(kafka)->text);
        give_up(w, EV_REFUSED, w->why);
    }
    if (kafka)
        return;
    struct fact *e = note(w, s ? EV_STAMP_TOLD : EV_EPOCH_TOLD);
    e->partition = x->place;
    e->committed = x->committed;
    e->since = x->line.since;
    e->a = x->what;
    e->b = s ? s->timestamp : p->leader_epoch;
    e->offset = s ? s->offset : p->end_offset;
}

static void choose(struct world *w, struct seeker *x)
{
    static const int64_t named[] = { STAMP_LATEST, STAMP_EARLIEST, STAMP_LARGEST };
    do
        x->place = (uint16_t)below(w, PLACES);
    while (!place_there(w, x->place));
    x->epoch = chance(w, 3);
    x->committed = !x->epoch && chance(w, 2);
    if (x->epoch)
        x->what = (int64_t)below(w, EPOCHS);
    else if (chance(w, 3))
        x->what = named[below(w, 3)];
    else
        x->what = os_wall_ms(w->far) + 5 - (int64_t)below(w, chance(w, 2) ? BACK_MS : 10 * BACK_MS);
}

void seeker_step(struct world *w, struct seeker *x)
{
    struct client_reply r;
    if (line_hear(w, &x->line, &r) == HEARD_ANSWER) {
        answered(w, x, &r);
        line_rest(w, &x->line, (int64_t)below(w, 6));
    }
    if (!line_ready(w, &x->line))
        return;
    choose(w, x);
    x->quiet = w->quiet; /* among troubles any call may fail, also of what is answered later */
    if (x->epoch)
        ask_epoch(w, x);
    else
        ask_stamp(w, x);
}
