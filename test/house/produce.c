/* An idempotent producer: several batches under way, each lane (partition) in its order; what nobody vouches for goes again
 * with its number. Now and then it begins anew under another producer id, as a client that was killed: what it had under
 * way then may be there or not, once. */
#include "world.h"

static uint16_t lane_place(const struct world *w, uint32_t n, uint32_t lane)
{
    static const uint16_t table[PRODUCERS][LANES] = { { IN_0, PLAIN_0, KEYS_0, GROW_0 }, { IN_1, PLAIN_1, IN_0, GROW_1 } };
    return n == 1 && lane == 3 && w->seed % 2 ? GROW_2 : table[n][lane];
}

static void begin_anew(struct world *w, struct producer *p)
{
    p->id = -1;
    p->unsure = false;
    p->actor = w->next_actor++;
    w->astray_ns = now_ns(w) + ASTRAY_NS;
    for (uint32_t i = 0; i < LANES; i++) {
        struct lane *l = &p->lanes[i];
        l->made = l->sent = l->acked = 0;
        l->sequence = 0;
    }
}

void producer_init(struct world *w, struct producer *p, uint32_t n)
{
    *p = (struct producer){ .left = 10 + (uint32_t)below(w, 12) };
    for (uint32_t i = 0; i < LANES; i++)
        p->lanes[i].place = lane_place(w, n, i);
    begin_anew(w, p);
}

bool producer_done(const struct producer *p)
{
    bool done = p->left == 0;
    for (uint32_t i = 0; i < LANES; i++)
        done &= p->lanes[i].acked == p->lanes[i].made;
    return done;
}

uint32_t producer_lanes(const struct world *w, const struct producer *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < LANES; i++)
        n += place_there(w, p->lanes[i].place);
    return n;
}

/* Some go with the machine, some go on; but to a partition that is gone nobody can send what he still has. */
void producer_back(struct world *w, struct producer *p)
{
    if (chance(w, 2) || producer_lanes(w, p) < LANES) {
        line_drop(&p->line);
        p->under_way = 0;
        begin_anew(w, p);
    } else {
        p->unsure = true;
    }
}

static void drop(struct world *w, struct producer *p)
{
    line_drop(&p->line);
    line_rest(w, &p->line, (int64_t)below(w, 3));
    p->under_way = 0;
    for (uint32_t i = 0; i < LANES; i++)
        p->lanes[i].sent = p->lanes[i].acked;
    if (p->id >= 0 && !w->quiet && chance(w, 12))
        begin_anew(w, p);
}

static struct sent_batch *next_batch(struct world *w, struct producer *p, struct lane *l)
{
    if (l->sent < l->made)
        return &l->batches[l->sent];
    if (p->left == 0 || !place_there(w, l->place) || l->made == LANE_BATCHES || (w->closing && l->closed))
        return NULL;
    l->closed = w->closing;
    struct sent_batch *b = &l->batches[l->made++];
    *b = (struct sent_batch){ .count = 1 + (uint32_t)below(w, 3), .sequence = l->sequence, .place = l->place };
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t id = value_new(w, l->place, w->closing ? LAST_SECOND : w->second);
        struct fact *e = note(w, EV_SENT);
        b->first = i ? b->first : id;
        e->id = id;
        e->actor = p->actor;
        e->partition = l->place;
        e->a = id;
        e->b = w->made[id].key;
        e->c = w->made[id].second;
        e->d = w->made[id].tombstone;
    }
    l->sequence += (int32_t)b->count;
    p->left--;
    return b;
}

/* false: there is nothing to send, or it cannot be. */
static bool send_one(struct world *w, struct producer *p, uint32_t lane)
{
    struct lane *l = &p->lanes[lane];
    const struct sent_batch *b = next_batch(w, p, l);
    if (!b)
        return false;
    struct kafka_produce_request q;
    struct kafka_produce_request_topic t;
    struct kafka_produce_request_partition at;
    KAFKA_INIT(produce_request, &q);
    KAFKA_INIT(produce_request_topic, &t);
    KAFKA_INIT(produce_request_partition, &at);
    at.index = places[l->place].index;
    at.records.bytes = batch_make(w, b, (struct record_producer){ p->id, 0, b->sequence, false });
    t.name = str_from(places[l->place].topic);
    t.partition_data = &at;
    t.n_partition_data = q.n_topic_data = 1;
    q.topic_data = &t;
    q.acks = -1;
    if (client_send(p->line.c, KAFKA_PRODUCE, 9, &q, false, NULL) != ST_OK) {
        drop(w, p);
        return false;
    }
    l->sent++;
    p->ring[(p->first + p->under_way++) % DEEP] = (uint8_t)lane;
    return true;
}

static void vouched(struct world *w, struct producer *p, struct lane *l, int64_t base)
{
    const struct sent_batch *b = &l->batches[l->acked++];
    for (uint32_t i = 0; i < b->count; i++) {
        struct fact *e = note(w, EV_ACKED);
        e->id = b->first + i;
        e->actor = p->actor;
        e->partition = l->place;
        e->offset = base + i;
    }
}

static void hear(struct world *w, struct producer *p)
{
    for (;;) {
        struct client_reply r;
        struct kafka_produce_response a;
        if (client_next(p->line.c, 0, &r, NULL) != ST_OK || now_ns(w) - p->heard_ns > PATIENCE_NS) {
            drop(w, p);
            return;
        }
        if (r.key < 0)
            return;
        p->heard_ns = now_ns(w);
        struct lane *l = &p->lanes[p->ring[p->first]];
        p->first = (p->first + 1) % DEEP;
        p->under_way--;
        int16_t kafka = client_decode(&r, &w->arena, &a, NULL) == ST_OK ? a.responses[0].partition_responses[0].error_code : -1;
        if (kafka) {
            drop(w, p);
            if (p->unsure && p->id >= 0 && (kafka == KAFKA_E_OUT_OF_ORDER_SEQUENCE_NUMBER || kafka == KAFKA_E_UNKNOWN_PRODUCER_ID))
                begin_anew(w, p);
            return;
        }
        vouched(w, p, l, a.responses[0].partition_responses[0].base_offset);
    }
}

static void get_id(struct world *w, struct producer *p)
{
    struct client_reply r;
    struct kafka_init_producer_id_response a;
    if (line_hear(w, &p->line, &r) == HEARD_ANSWER && client_decode(&r, &w->arena, &a, NULL) == ST_OK) {
        if (a.error_code == 0)
            p->id = a.producer_id;
        else
            line_rest(w, &p->line, 1);
        p->heard_ns = now_ns(w);
        return;
    }
    struct kafka_init_producer_id_request q;
    KAFKA_INIT(init_producer_id_request, &q);
    q.transactional_id = (struct str){ NULL, 0 };
    q.transaction_timeout_ms = 1000;
    if (line_ready(w, &p->line))
        (void)line_ask(w, &p->line, KAFKA_INIT_PRODUCER_ID, 4, &q);
}

void producer_step(struct world *w, struct producer *p)
{
    if (p->line.c && p->line.life != w->life)
        drop(w, p);
    if (p->id < 0) {
        get_id(w, p);
        return;
    }
    if (!p->line.c && !line_ready(w, &p->line))
        return;
    if (p->under_way == 0)
        p->heard_ns = now_ns(w);
    hear(w, p);
    while (p->line.c && p->id >= 0 && p->under_way < DEEP && chance(w, 3)) {
        uint32_t from = (uint32_t)below(w, LANES), i = 0;
        while (i < LANES && p->line.c && !send_one(w, p, (from + i) % LANES))
            i++;
        if (i == LANES)
            break;
    }
}
