/* A broker, its log and clients from one seed: idempotent producers with several batches under way, readers at several
 * paces; delays, partial calls, cuts; kills and power losses in every mood. Whatever happens: what was acknowledged is
 * there once, in its producer's order; an offset that somebody has seen holds the same record for ever; nothing is left
 * over. */
#include "kit.h"

#define SEEDS 60u
#define PRODUCERS 3u
#define READERS 2u
#define PARTITIONS 2u
#define BATCHES 24u
#define DEEP 4u
#define ROOM 512u /* offsets of a partition */
#define PATIENCE_NS INT64_C(1000000000)
#define NAME STR("s")

static uint32_t seeds(void)
{
    const char *text = getenv("WEIR_SEEDS");
    return text ? (uint32_t)strtoul(text, NULL, 10) : SEEDS;
}

struct producer {
    struct client *c;
    uint32_t acked, sent; /* batches */
    int64_t since_ns;     /* it has heard nothing for so long: half-open */
    uint32_t records[BATCHES + 1]; /* before each batch */
};
struct consumer {
    struct client *c;
    uint32_t partition;
    int64_t next, since_ns;
    bool asked;
};
/* What was ever seen, by partition and offset: producer and number of the record, from 1. */
static uint32_t seen[PARTITIONS][ROOM];
static int64_t ends[PARTITIONS];

static struct world w;
static struct producer producers[PRODUCERS];
static struct consumer readers[READERS];
static bool down;

static uint32_t count_of(uint32_t p, uint32_t batch) { return 1 + (p + batch) % 3; }

/* ---- producers ---- */

static struct str batch_make(uint32_t p, uint32_t batch)
{
    struct record_builder *b;
    struct error err;
    struct buf out;
    uint32_t first = producers[p].records[batch], n = count_of(p, batch);
    must(record_builder_new((enum record_codec)(batch % 5), 1 << 16, NULL, &b, &err), &err);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t value = (p << 16) + first + i + 1;
        struct record r = { .offset = -1, .timestamp_ms = 1767225600000, .value = { (const char *)&value, sizeof value } };
        bool full;
        must(record_builder_add(b, &r, &full, &err), &err);
    }
    buf_init(&out, NULL, 1 << 20);
    struct record_producer id = { .id = 100 + p, .epoch = 0, .base_sequence = (int32_t)first };
    must(record_builder_finish(b, id, &out, &err), &err);
    struct str s = arena_str(&w.arena, buf_str(&out));
    buf_release(&out);
    record_builder_free(b);
    return s;
}

static void producer_drop(struct producer *p)
{
    client_close(p->c);
    p->c = NULL;
    p->sent = p->acked; /* what nobody vouches for goes again, with its number */
}

static void producer_step(uint32_t n)
{
    struct producer *p = &producers[n];
    struct client_reply r;
    struct kafka_produce_response a;
    if (p->acked == BATCHES || down)
        return;
    if (!p->c) {
        p->c = client_new(&w);
        p->sent = p->acked;
        p->since_ns = os_mono_ns(w.os);
    }
    enum status st = ST_OK;
    while (st == ST_OK && p->sent < BATCHES && p->sent - p->acked < DEEP && sim_random(w.sim) % 2) {
        struct kafka_produce_request q;
        struct kafka_produce_request_topic t;
        struct kafka_produce_request_partition at;
        KAFKA_INIT(produce_request, &q);
        KAFKA_INIT(produce_request_topic, &t);
        KAFKA_INIT(produce_request_partition, &at);
        at.index = (int32_t)(n % PARTITIONS);
        at.records.bytes = batch_make(n, p->sent);
        t.name = NAME;
        t.partition_data = &at;
        t.n_partition_data = q.n_topic_data = 1;
        q.topic_data = &t;
        q.acks = -1;
        st = client_send(p->c, KAFKA_PRODUCE, 9, &q, false, NULL);
        p->sent++;
    }
    for (bool more = true; st == ST_OK && more;) {
        st = client_next(p->c, 0, &r, NULL);
        more = st == ST_OK && r.key >= 0;
        if (!more)
            break;
        must(client_decode(&r, &w.arena, &a, NULL), NULL);
        p->since_ns = os_mono_ns(w.os);
        if (a.responses[0].partition_responses[0].error_code != KAFKA_E_NONE)
            st = ST_IO;
        else
            p->acked++;
    }
    if (st != ST_OK || os_mono_ns(w.os) - p->since_ns > PATIENCE_NS)
        producer_drop(p);
}

/* ---- readers ---- */

static void take_record(uint32_t partition, int64_t offset, uint32_t value)
{
    assert_true(offset < ROOM);
    uint32_t *at = &seen[partition][offset];
    if (*at != 0 && *at != value)
        fail_msg("partition %u offset %lld held %x and holds %x", partition, (long long)offset, *at, value);
    *at = value;
    ends[partition] = offset + 1 > ends[partition] ? offset + 1 : ends[partition];
}

static void take_batches(struct consumer *rd, struct str bytes)
{
    struct record_iter *it;
    struct record_batch b;
    must(record_iter_new(NULL, 1 << 20, &it, NULL), NULL);
    while (bytes.len > 0 && record_batch_next(&bytes, &b, NULL) == ST_OK) {
        must(record_batch_check(&b, NULL), NULL);
        must(record_iter_open(it, &b, NULL), NULL);
        for (;;) {
            struct record r;
            bool end;
            uint32_t value;
            must(record_iter_next(it, &r, &end, NULL), NULL);
            if (end)
                break;
            memcpy(&value, r.value.ptr, sizeof value);
            take_record(rd->partition, r.offset, value);
            rd->next = r.offset + 1;
        }
    }
    record_iter_free(it);
}

static void reader_ask(struct consumer *rd)
{
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t;
    struct kafka_fetch_request_partition p;
    KAFKA_INIT(fetch_request, &q);
    KAFKA_INIT(fetch_request_topic, &t);
    KAFKA_INIT(fetch_request_partition, &p);
    p.partition = (int32_t)rd->partition;
    p.fetch_offset = rd->next;
    p.partition_max_bytes = 200 + (int32_t)(sim_random(w.sim) % 4000);
    t.topic = NAME;
    t.partitions = &p;
    t.n_partitions = q.n_topics = 1;
    q.topics = &t;
    q.max_bytes = 1 << 20;
    q.min_bytes = 1 + (int32_t)(sim_random(w.sim) % 300);
    q.max_wait_ms = (int32_t)(sim_random(w.sim) % 40);
    q.isolation_level = (int8_t)(sim_random(w.sim) % 2);
    rd->asked = client_send(rd->c, KAFKA_FETCH, 4 + (int16_t)(sim_random(w.sim) % 9), &q, false, NULL) == ST_OK;
}

static void reader_step(struct consumer *rd)
{
    struct client_reply r;
    struct kafka_fetch_response a;
    if (down)
        return;
    if (!rd->c) {
        rd->c = client_new(&w);
        rd->asked = false;
    }
    if (!rd->asked) {
        reader_ask(rd);
        rd->since_ns = os_mono_ns(w.os);
    }
    if (client_next(rd->c, 0, &r, NULL) != ST_OK || os_mono_ns(w.os) - rd->since_ns > PATIENCE_NS) {
        client_close(rd->c);
        rd->c = NULL;
        return;
    }
    if (r.key < 0)
        return;
    rd->asked = false;
    must(client_decode(&r, &w.arena, &a, NULL), NULL);
    struct kafka_fetch_response_partition *p = &a.responses[0].partitions[0];
    if (p->error_code == KAFKA_E_NONE)
        take_batches(rd, p->records.bytes);
    else if (p->error_code == KAFKA_E_OFFSET_OUT_OF_RANGE)
        fail_msg("partition %u ends before %lld, which somebody has read", rd->partition, (long long)rd->next);
}

/* ---- the machine ---- */

/* Nothing answers any more; clients see their connections end. What the log cannot keep is told to nobody. */
static void machine_ends(bool power)
{
    bool more;
    broker_stop(w.broker, os_mono_ns(w.os));
    for (int i = 0; broker_turn(w.broker, 0); i++) {
        assert_true(i < 100000);
        if (power)
            (void)!topics_step(w.topics, &more, NULL);
        else
            must(topics_step(w.topics, &more, NULL), NULL);
        sim_advance_ns(w.sim, 100000);
    }
    broker_close(w.broker);
    topics_abandon(w.topics);
    assert_int_equal(atomic_load(&w.door.used), 0);
    for (uint32_t i = 0; i < PRODUCERS; i++)
        producer_drop(&producers[i]);
    for (uint32_t i = 0; i < READERS; i++) {
        client_close(readers[i].c);
        readers[i].c = NULL;
    }
    if (power)
        sim_power_cycle(w.sim, (enum sim_mood)(sim_random(w.sim) % SIM_MOODS));
    else
        sim_kill(w.sim);
    world_start(&w);
}

/* Only a machine without power fails. */
static void fine(enum status st) { assert_true(st == ST_OK || sim_crashed(w.sim)); }

static void turn(void)
{
    bool more = true;
    int64_t next;
    broker_turn(w.broker, 0);
    while (more)
        fine(topics_step(w.topics, &more, NULL));
    fine(topics_tend(w.topics, os_wall_ms(w.os), &next, NULL));
    topics_tick(w.topics, os_wall_ms(w.os), &next);
    sim_work_some(w.sim, 8);
    sim_advance_ns(w.sim, (int64_t)(sim_random(w.sim) % 400000));
}

static void create_topic(void)
{
    struct client *c = client_new(&w);
    struct kafka_metadata_request q;
    struct kafka_metadata_request_topic t;
    struct kafka_metadata_response r;
    KAFKA_INIT(metadata_request, &q);
    KAFKA_INIT(metadata_request_topic, &t);
    t.name = NAME;
    q.topics = &t;
    q.n_topics = 1;
    ask(&w, c, KAFKA_METADATA, 9, &q, &r);
    assert_int_equal(r.topics[0].n_partitions, PARTITIONS);
    client_close(c);
}

/* Every record of every producer, once, in its order. */
static void check_all(uint64_t seed)
{
    for (uint32_t n = 0; n < PRODUCERS; n++) {
        uint32_t next = 1, p = n % PARTITIONS;
        for (int64_t i = 0; i < ends[p]; i++) {
            if (seen[p][i] >> 16 != n)
                continue;
            if ((seen[p][i] & 0xFFFF) != next)
                fail_msg("seed %llu: producer %u: record %u where %u is due", (unsigned long long)seed, n,
                         seen[p][i] & 0xFFFF, next);
            next++;
        }
        assert_int_equal(next - 1, producers[n].records[BATCHES]);
    }
}

static bool all_read(void)
{
    uint32_t want[PARTITIONS] = { 0 };
    for (uint32_t n = 0; n < PRODUCERS; n++) {
        if (producers[n].acked < BATCHES)
            return false;
        want[n % PARTITIONS] += producers[n].records[BATCHES];
    }
    for (uint32_t i = 0; i < READERS; i++)
        if (readers[i].next < want[readers[i].partition])
            return false;
    return true;
}

static void run_seed(uint64_t seed)
{
    static const struct option settings[] = { { .name = STR_INIT("num.partitions"), .value = STR_INIT("2") } };
    memset(producers, 0, sizeof producers);
    memset(readers, 0, sizeof readers);
    memset(seen, 0, sizeof seen);
    memset(ends, 0, sizeof ends);
    world_open_with(&w, seed, settings, 1);
    create_topic();
    sim_net(w.sim)->partial = (uint32_t)(seed * 37 % 256);
    sim_net(w.sim)->window = seed % 2 ? 3000 : 64 << 10;
    for (uint32_t n = 0; n < PRODUCERS; n++)
        for (uint32_t k = 0; k < BATCHES; k++)
            producers[n].records[k + 1] = producers[n].records[k] + count_of(n, k);
    for (uint32_t i = 0; i < READERS; i++)
        readers[i].partition = i % PARTITIONS;
    for (int step = 0; !all_read(); step++) {
        if (step > 60000)
            fail_msg("seed %llu: it does not end: %u %u %u acked; %s", (unsigned long long)seed, producers[0].acked,
                     producers[1].acked, producers[2].acked, w.said);
        turn();
        for (uint32_t n = 0; n < PRODUCERS; n++)
            producer_step(n);
        for (uint32_t i = 0; i < READERS; i++)
            reader_step(&readers[i]);
        if (seed % 3 && sim_random(w.sim) % 60 == 0)
            sim_net_cut(w.sim, NULL, (enum sim_cut)(sim_random(w.sim) % SIM_CUT_SILENT));
        bool now = seed % 4 && step < 2000 && sim_random(w.sim) % 150 == 0;
        if (now && seed % 4 > 1 && !sim_crashed(w.sim)) /* the power goes at one of the next calls */
            sim_crash_at(w.sim, sim_calls(w.sim) + 1 + sim_random(w.sim) % 30);
        else if (now && seed % 4 == 1)
            machine_ends(false);
        if (sim_crashed(w.sim))
            machine_ends(true);
    }
    check_all(seed);
    sim_crash_at(w.sim, 0);
    for (uint32_t n = 0; n < PRODUCERS; n++)
        client_close(producers[n].c);
    for (uint32_t i = 0; i < READERS; i++)
        client_close(readers[i].c);
    world_stop(&w);
    world_free(&w);
}

static void test_seeds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_seeds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
