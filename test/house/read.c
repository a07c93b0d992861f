/* Readers: each fetches all partitions, with one isolation, from where it stands; one of them jumps about. Every answer goes into
 * the history as what it says of a range. Read committed the reader leaves out, as Kafka's clients do, what the answer's list of
 * aborted transactions names. Who is out of a log's range asks where it begins, for that answer says nothing else. */
#include "world.h"

#include <stdio.h>

void fetcher_init(struct world *w, struct fetcher *x, uint32_t n)
{
    (void)w;
    *x = (struct fetcher){ .committed = n != 0, .jumps = n == 2 };
}

static void ask(struct world *w, struct fetcher *x)
{
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t[PLACES];
    struct kafka_fetch_request_partition p[PLACES];
    uint32_t from = (uint32_t)below(w, PLACES), n = 0;
    KAFKA_INIT(fetch_request, &q);
    for (uint32_t i = 0; i < PLACES; i++) {
        uint32_t k = (from + i) % PLACES;
        if (!place_there(w, k))
            continue;
        if (x->jumps && !w->quiet && chance(w, 4))
            x->next[k] = (int64_t)below(w, (uint64_t)x->high[k] + 1);
        KAFKA_INIT(fetch_request_topic, &t[n]);
        KAFKA_INIT(fetch_request_partition, &p[n]);
        t[n].topic = str_from(places[k].topic);
        p[n].partition = places[k].index;
        p[n].fetch_offset = x->next[k];
        p[n].partition_max_bytes = 300 + (int32_t)below(w, 4000);
        t[n].partitions = &p[n];
        t[n++].n_partitions = 1;
    }
    q.topics = t;
    q.n_topics = n;
    q.max_bytes = w->quiet ? 1 << 20 : 1 + (int32_t)below(w, 12000);
    q.min_bytes = 1 + (int32_t)below(w, 300);
    q.max_wait_ms = (int32_t)below(w, w->quiet ? 1 : 8);
    q.isolation_level = x->committed;
    (void)line_ask(w, &x->line, KAFKA_FETCH, (int16_t)(5 + below(w, 8)), &q);
}

static void ask_start(struct world *w, struct fetcher *x)
{
    const struct place_info *to = &places[x->astray - 1];
    struct kafka_list_offsets_request q;
    struct kafka_list_offsets_request_topic t;
    struct kafka_list_offsets_request_partition p;
    KAFKA_INIT(list_offsets_request, &q);
    KAFKA_INIT(list_offsets_request_topic, &t);
    KAFKA_INIT(list_offsets_request_partition, &p);
    p.partition_index = to->index;
    p.timestamp = -2; /* the earliest */
    t.name = str_from(to->topic);
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    (void)line_ask(w, &x->line, KAFKA_LIST_OFFSETS, 7, &q);
}

/* ---- records ---- */

struct taking {
    struct world *w;
    uint16_t place;
    bool committed;
    const struct kafka_fetch_response_partition *answer;
    bool over[64]; /* of its aborted transactions: the marker has passed */
    uint32_t n;
};

/* Is the batch of a transaction that the answer names? Its own end takes the name away. */
static bool passed_over(struct taking *t, const struct record_batch *b)
{
    const struct kafka_fetch_response_partition *a = t->answer;
    if (!t->committed || !record_batch_transactional(b))
        return false;
    for (uint32_t i = 0; i < a->n_aborted_transactions && i < 64; i++)
        if (!t->over[i] && a->aborted_transactions[i].producer_id == b->producer_id &&
            a->aborted_transactions[i].first_offset <= b->base_offset)
            return true;
    return false;
}

static void marker(struct taking *t, const struct record_batch *b)
{
    const struct kafka_fetch_response_partition *a = t->answer;
    for (uint32_t i = 0; i < a->n_aborted_transactions && i < 64; i++)
        t->over[i] |= a->aborted_transactions[i].producer_id == b->producer_id &&
                      a->aborted_transactions[i].first_offset <= b->base_offset;
}

static void take_batch(struct taking *t, const struct record_batch *b)
{
    struct record r;
    bool end = false;
    if (record_batch_control(b)) {
        marker(t, b);
        return;
    }
    if (passed_over(t, b))
        return;
    enum status st = record_batch_check(b, NULL);
    if (st == ST_OK)
        st = record_iter_open(t->w->iter, b, NULL);
    while (st == ST_OK) {
        st = record_iter_next(t->w->iter, &r, &end, NULL);
        if (st != ST_OK || end)
            break;
        struct fact *e = note(t->w, EV_READ);
        e->epoch = b->leader_epoch;
        value_read(t->w, t->place, &r, e);
        t->n++;
    }
    if (st != ST_OK) { /* a record of nobody */
        note(t->w, EV_READ)->offset = b->base_offset;
        t->n++;
    }
}

static void take(struct world *w, struct fetcher *x, uint16_t place, const struct kafka_fetch_response_partition *a)
{
    struct taking t = { .w = w, .place = place, .committed = x->committed, .answer = a };
    struct str rest = a->records.bytes;
    struct record_batch b;
    uint32_t at = w->h.n;
    struct fact *e = note(w, EV_FETCHED);
    e->partition = place;
    e->committed = x->committed;
    e->since = x->line.since;
    e->offset = x->next[place];
    e->b = a->high_watermark;
    e->c = a->last_stable_offset;
    e->d = a->log_start_offset;
    while (rest.len > 0 && record_batch_next(&rest, &b, NULL) == ST_OK) {
        take_batch(&t, &b);
        x->next[place] = record_batch_last_offset(&b) + 1;
    }
    w->h.at[at].n = t.n;
    w->h.at[at].a = x->next[place];
    x->high[place] = a->high_watermark;
    x->stable[place] = a->last_stable_offset;
}

uint16_t place_of(struct str topic, int32_t index)
{
    uint16_t i = 0;
    while (i < PLACES && (!str_eq(topic, str_from(places[i].topic)) || places[i].index != index))
        i++;
    return i;
}

static void answered(struct world *w, struct fetcher *x, const struct client_reply *r)
{
    struct kafka_fetch_response a;
    if (client_decode(r, &w->arena, &a, NULL) != ST_OK) {
        give_up(w, EV_REFUSED, "an answer to a reader cannot be decoded");
        return;
    }
    for (uint32_t i = 0; i < a.n_responses; i++) {
        const struct kafka_fetch_response_partition *p = &a.responses[i].partitions[0];
        uint16_t place = place_of(a.responses[i].topic, p->partition_index);
        if (place == PLACES)
            continue;
        if (p->error_code == KAFKA_E_NONE) {
            take(w, x, place, p);
        } else if (p->error_code == KAFKA_E_OFFSET_OUT_OF_RANGE) {
            x->astray = place + 1;
        } else if (p->error_code == KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION && place >= GROW_0) {
            struct fact *e = note(w, EV_COUNT_TOLD);
            e->partition = GROW_0;
            e->since = x->line.since;
            e->a = places[place].index;
            e->b = 1;
        } else if (w->quiet) { /* among troubles any call may fail */
            snprintf(w->why, sizeof w->why, "partition %u is not read at %lld: %s", place, (long long)x->next[place],
                     kafka_error(p->error_code)->text);
            give_up(w, EV_REFUSED, w->why);
        }
    }
}

static void told_start(struct world *w, struct fetcher *x, const struct client_reply *r)
{
    struct kafka_list_offsets_response a;
    if (client_decode(r, &w->arena, &a, NULL) != ST_OK) {
        give_up(w, EV_REFUSED, "an answer to a reader who is astray cannot be decoded");
        return;
    }
    const struct kafka_list_offsets_response_partition *p = &a.topics[0].partitions[0];
    if (x->astray && p->error_code == KAFKA_E_NONE)
        x->next[x->astray - 1] = p->offset;
    x->astray = 0;
}

void fetcher_step(struct world *w, struct fetcher *x)
{
    struct client_reply r;
    if (line_hear(w, &x->line, &r) == HEARD_ANSWER)
        (r.key == KAFKA_FETCH ? answered : told_start)(w, x, &r);
    if (line_ready(w, &x->line))
        (x->astray ? ask_start : ask)(w, x);
}
