/* After everything: whoever has never been here reads all of it, in both isolations, and asks for offsets and topics. */
#include "world.h"

#include <stdio.h>

enum { TURNS_MAX = 20000 };

static bool ask(struct world *w, struct line *l, int16_t key, int16_t version, const void *q, void *ret)
{
    for (uint32_t i = 0; i < TURNS_MAX && !w->lost; i++) {
        struct client_reply r;
        if (line_hear(w, l, &r) == HEARD_ANSWER)
            return client_decode(&r, &w->arena, ret, NULL) == ST_OK;
        if (line_ready(w, l))
            (void)line_ask(w, l, key, version, q);
        world_turn(w);
    }
    give_up(w, EV_STUCK, "an auditor is not answered");
    return false;
}

/* false: not yet. */
static bool offset(struct world *w, struct line *l, struct str group, int32_t partition, uint16_t which)
{
    struct kafka_offset_fetch_request q;
    struct kafka_offset_fetch_request_topic t;
    struct kafka_offset_fetch_response a;
    KAFKA_INIT(offset_fetch_request, &q);
    KAFKA_INIT(offset_fetch_request_topic, &t);
    t.name = str_from(places[PLAIN_0].topic);
    t.partition_indexes = &partition;
    t.n_partition_indexes = q.n_topics = 1;
    q.topics = &t;
    q.group_id = group;
    q.require_stable = !w->left_open;
    if (!ask(w, l, KAFKA_OFFSET_FETCH, 7, &q, &a))
        return true;
    if (a.error_code || a.topics[0].partitions[0].error_code)
        return false;
    struct fact *e = note(w, EV_OFFSET_TOLD);
    e->partition = which;
    e->since = l->since;
    e->a = a.topics[0].partitions[0].committed_offset;
    return true;
}

static void offsets(struct world *w, struct line *l)
{
    static const struct {
        struct str group;
        int32_t partition;
        uint16_t which;
    } all[] = { { STR_INIT("g"), 0, 0 }, { STR_INIT("g"), 1, 1 }, { STR_INIT("ctp-0"), 0, 8 }, { STR_INIT("ctp-1"), 0, 9 } };
    for (uint32_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint32_t tries = 0;
        while (!w->lost && !offset(w, l, all[i].group, all[i].partition, all[i].which))
            if (++tries == 2000)
                give_up(w, EV_STUCK, "a group's offset is held back for ever");
    }
}

static void topics(struct world *w, struct line *l)
{
    struct kafka_metadata_request q;
    struct kafka_metadata_response a;
    bool there[256] = { false };
    KAFKA_INIT(metadata_request, &q);
    q.topics = NULL;
    if (!ask(w, l, KAFKA_METADATA, 9, &q, &a))
        return;
    for (uint32_t i = 0; i < a.n_topics; i++) {
        struct str name = a.topics[i].name;
        int64_t n;
        if (str_eq(name, str_from(places[GROW_0].topic))) {
            struct fact *e = note(w, EV_COUNT_TOLD);
            e->partition = GROW_0;
            e->since = l->since;
            e->a = a.topics[i].n_partitions;
        }
        if (str_starts(name, STR("made-")) && str_to_i64(str_make(name.ptr + 5, name.len - 5), &n) && n >= 0 && n < 256)
            there[n] = true;
    }
    for (uint32_t i = 1; i <= w->admin.topic && i < 256; i++) {
        struct fact *e = note(w, EV_TOPIC_TOLD);
        e->id = i;
        e->since = l->since;
        e->a = there[i];
    }
}

static bool has_all(const struct world *w, const struct fetcher *x)
{
    for (uint32_t i = 0; i < PLACES; i++)
        if (place_there(w, i) && (x->high[i] < 0 || x->next[i] < (x->committed ? x->stable[i] : x->high[i])))
            return false;
    return true;
}

static void read_all(struct world *w, bool committed)
{
    struct fetcher x = { .committed = committed };
    uint32_t turns = 0;
    for (uint32_t i = 0; i < PLACES; i++)
        x.high[i] = -1;
    while (!has_all(w, &x) && !w->lost) {
        fetcher_step(w, &x);
        world_turn(w);
        if (++turns == TURNS_MAX)
            give_up(w, EV_STUCK, "an auditor cannot read everything");
    }
    for (uint32_t i = 0; i < PLACES && committed && !w->lost && !w->left_open; i++)
        if (place_there(w, i) && x.stable[i] != x.high[i])
            give_up(w, EV_STUCK, "a transaction that nobody has holds readers back");
    line_drop(&x.line);
}

void audit(struct world *w)
{
    struct line l = { 0 };
    read_all(w, false);
    read_all(w, true);
    offsets(w, &l);
    topics(w, &l);
    line_drop(&l);
}
