/* Random lives of three transactional ids, each with two producers that believe to have it. After each step:
 *
 * - a coordinator that is fed the records says the same of every id;
 * - who does not have the id's present producer id and epoch has changed nothing;
 * - a marker names what was in the transaction, with its producer id, and an epoch that is not below the producer's;
 * - a producer id belongs to one id for ever, over restarts, and what is handed out is what the id then has;
 * - a refused step has yielded nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/coord.h"

#include <stdio.h>
#include <stdlib.h>

enum { IDS = 3, PRODUCERS = 2, LOG = 20000, OWNED = 8192 };

static struct life {
    uint64_t random;
    struct budget budget, kept;
    struct arena arena, step_arena;
    struct coord_txns_config config;
    struct coord_ids ids, copy_ids;
    struct coord_txns *t, *copy;
    struct coord_step step;
    int64_t now_ms, durable_ids;
    struct coord_producer believes[IDS][PRODUCERS];
    uint8_t owner[OWNED]; /* of a producer id: 1 + the id; 200: nobody's */
    struct coord_replayed log[LOG];
    uint32_t n_log;
    bool squeezed;
    uint64_t steps, refused, markers, overflown;
    struct error err;
} life;

static uint32_t draw(struct life *l, uint32_t n)
{
    l->random = hash_u64(l->random + 1);
    return (uint32_t)(l->random >> 33) % n;
}

static struct str id_name(int i)
{
    static const char *const names[] = { "x", "y", "worn" };
    return str_from(names[i]);
}

static struct kafka_describe_transactions_response_transaction describe(struct life *l, const struct coord_txns *t,
                                                                        int i, struct arena *a)
{
    struct kafka_describe_transactions_response_transaction r;
    assert_int_equal(coord_txns_describe(t, id_name(i), a, &r, &l->err), ST_OK);
    return r;
}

static void begin(struct life *l)
{
    arena_init(&l->step_arena, &l->budget);
    coord_step_init(&l->step, &l->step_arena);
    if (l->squeezed)
        l->budget.limit = atomic_load(&l->budget.used) + draw(l, 3000);
}

/* A marker says what the transaction was. */
static void check_markers(struct life *l, const struct kafka_describe_transactions_response_transaction *before)
{
    for (uint32_t i = 0; i < l->step.markers.count; i++) {
        const struct coord_marker *m = &l->step.markers.at[i];
        int of = -1;
        for (int k = 0; k < IDS; k++)
            if (before[k].error_code == 0 && before[k].producer_id == m->producer_id)
                of = k;
        assert_true(of >= 0);
        const struct kafka_describe_transactions_response_transaction *d = &before[of];
        assert_true(str_eq(d->transaction_state, STR("Ongoing")));
        assert_true(m->producer_epoch >= d->producer_epoch && m->producer_epoch <= d->producer_epoch + 1);
        assert_int_equal(m->n_topics, d->n_topics);
        for (uint32_t t = 0; t < m->n_topics; t++) {
            assert_true(str_eq(m->topics[t].topic, d->topics[t].topic));
            assert_int_equal(m->topics[t].n_partitions, d->topics[t].n_partitions);
            assert_memory_equal(m->topics[t].partitions, d->topics[t].partitions,
                                sizeof(int32_t) * d->topics[t].n_partitions);
        }
        l->markers++;
        l->overflown += m->producer_epoch == INT16_MAX;
    }
}

static void check_same(struct life *l)
{
    struct arena a;
    arena_init(&a, &l->kept);
    for (int i = 0; i < IDS; i++) {
        struct kafka_describe_transactions_response_transaction x = describe(l, l->t, i, &a);
        struct kafka_describe_transactions_response_transaction y = describe(l, l->copy, i, &a);
        assert_int_equal(x.error_code, y.error_code);
        assert_true(str_eq(x.transaction_state, y.transaction_state));
        assert_int_equal(x.producer_id, y.producer_id);
        assert_int_equal(x.producer_epoch, y.producer_epoch);
        assert_int_equal(x.transaction_timeout_ms, y.transaction_timeout_ms);
        assert_int_equal(x.transaction_start_time_ms, y.transaction_start_time_ms);
        assert_int_equal(x.n_topics, y.n_topics);
        for (uint32_t t = 0; t < x.n_topics; t++)
            assert_int_equal(x.topics[t].n_partitions, y.topics[t].n_partitions);
        assert_false(str_starts(x.transaction_state, STR("Prepare")));
    }
    arena_release(&a);
}

static bool done(struct life *l, enum status st, const struct kafka_describe_transactions_response_transaction *before)
{
    l->budget.limit = SIZE_MAX;
    l->squeezed = false;
    l->steps++;
    if (st != ST_OK) {
        assert_int_equal(st, ST_MEMORY);
        assert_int_equal(l->step.records.count + l->step.markers.count, 0);
        l->refused++;
    }
    check_markers(l, before);
    for (uint32_t i = 0; i < l->step.records.count; i++) {
        const struct coord_record *from = &l->step.records.at[i];
        struct coord_replayed *r = &l->log[l->n_log];
        *r = (struct coord_replayed){ l->n_log++, -1, arena_str(&l->arena, from->key), { 0 } };
        if (from->value.ptr)
            r->value = arena_str(&l->arena, from->value);
        assert_int_equal(coord_txns_replay(l->copy, r, &l->err), ST_OK);
    }
    arena_release(&l->step_arena);
    check_same(l);
    return st == ST_OK;
}

static void own(struct life *l, int64_t producer_id, int i)
{
    assert_true(producer_id >= 0 && producer_id < OWNED);
    uint8_t *owner = &l->owner[producer_id];
    assert_true(*owner == 0 || (i >= 0 && *owner == i + 1)); /* nobody's is given once */
    *owner = i < 0 ? 200 : (uint8_t)(i + 1);
}

static void act_init(struct life *l, int i, struct coord_producer *p,
                     const struct kafka_describe_transactions_response_transaction *before)
{
    bool expects = draw(l, 3) == 0 && p->producer_id >= 0, nobody = draw(l, 10) == 0;
    struct kafka_init_producer_id_request rq = { nobody ? (struct str){ 0 } : id_name(i),
                                                 1000 + (int32_t)draw(l, 5000), expects ? p->producer_id : -1,
                                                 expects ? p->producer_epoch : -1 };
    struct kafka_init_producer_id_response r;
    begin(l);
    enum status st = coord_txns_init(l->t, &rq, 5, l->now_ms, &l->step, &r, &l->err);
    if (!done(l, st, before) || r.error_code)
        return;
    own(l, r.producer_id, nobody ? -1 : i);
    if (nobody)
        return;
    struct arena a;
    arena_init(&a, &l->kept);
    struct kafka_describe_transactions_response_transaction d = describe(l, l->t, i, &a);
    assert_int_equal(r.producer_id, d.producer_id);
    assert_int_equal(r.producer_epoch, d.producer_epoch);
    arena_release(&a);
    p->producer_id = r.producer_id;
    p->producer_epoch = r.producer_epoch;
}

static void act_add(struct life *l, int i, const struct coord_producer *p, bool present,
                    const struct kafka_describe_transactions_response_transaction *before)
{
    int32_t partitions[] = { (int32_t)draw(l, 5), (int32_t)draw(l, 5) };
    struct kafka_add_partitions_to_txn_request_topic topics[] = { { STR("t"), partitions, 2 },
                                                                  { STR("u"), partitions, 1 } };
    uint32_t how = draw(l, 4);
    enum status st;
    begin(l);
    if (how < 2) {
        struct kafka_add_partitions_to_txn_request_transaction rq = { id_name(i), p->producer_id, p->producer_epoch,
                                                                      how == 1 && draw(l, 2), topics, 2 };
        struct kafka_add_partitions_to_txn_response_transaction r;
        st = coord_txns_add(l->t, &rq, how ? 5 : 3, l->now_ms, &l->step, &r, &l->err);
    } else if (how == 2) {
        struct kafka_add_offsets_to_txn_request rq = { id_name(i), p->producer_id, p->producer_epoch, STR("g") };
        struct kafka_add_offsets_to_txn_response r;
        st = coord_txns_add_offsets(l->t, &rq, 3, l->now_ms, &l->step, &r, &l->err);
    } else {
        int16_t kafka;
        struct coord_producer who = *p;
        who.transactional_id = id_name(i);
        bool v2 = draw(l, 2);
        st = coord_txns_partition(l->t, &who, STR("v"), partitions[0], v2, l->now_ms, &l->step, &kafka, &l->err);
    }
    assert_true(present || l->step.records.count == 0);
    assert_int_equal(l->step.markers.count, 0);
    (void)done(l, st, before);
}

static void act_end(struct life *l, int i, struct coord_producer *p, bool present,
                    const struct kafka_describe_transactions_response_transaction *before)
{
    int16_t version = draw(l, 2) ? 5 : 4;
    struct kafka_end_txn_request rq = { id_name(i), p->producer_id, p->producer_epoch, draw(l, 2) };
    struct kafka_end_txn_response r;
    begin(l);
    enum status st = coord_txns_end(l->t, &rq, version, l->now_ms, &l->step, &r, &l->err);
    bool ended = l->step.markers.count > 0;
    assert_true(present || l->step.records.count == 0);
    if (!done(l, st, before) || r.error_code)
        return;
    assert_true(!ended || str_eq(before[i].transaction_state, STR("Ongoing")));
    if (version < 5)
        return;
    own(l, r.producer_id, i);
    p->producer_id = r.producer_id; /* also who only asked again */
    p->producer_epoch = r.producer_epoch;
}

static void act_time(struct life *l, const struct kafka_describe_transactions_response_transaction *before)
{
    l->now_ms += draw(l, 50) == 0 ? (int64_t)8 * 24 * 3600 * 1000 : draw(l, 3000);
    begin(l);
    (void)done(l, coord_txns_tick(l->t, l->now_ms, &l->step, &l->err), before);
}

/* Producer ids come in ranges that are written down first; a restart loses what was left of one. */
static void reserve(struct life *l)
{
    l->ids.next = l->durable_ids > l->ids.next ? l->durable_ids : l->ids.next;
    l->ids.end = l->ids.next + 1 + draw(l, 5);
    l->durable_ids = l->ids.end;
}

static void restart(struct life *l)
{
    coord_txns_free(l->t);
    l->ids = (struct coord_ids){ 0 };
    assert_int_equal(coord_txns_new(&l->config, &l->ids, &l->budget, &l->t, &l->err), ST_OK);
    for (uint32_t i = 0; i < l->n_log; i++)
        assert_int_equal(coord_txns_replay(l->t, &l->log[i], &l->err), ST_OK);
    coord_txns_loaded(l->t, l->now_ms);
    check_same(l);
}

static void act(struct life *l)
{
    struct arena a;
    arena_init(&a, &l->kept);
    struct kafka_describe_transactions_response_transaction before[IDS];
    for (int i = 0; i < IDS; i++)
        before[i] = describe(l, l->t, i, &a);
    uint32_t what = draw(l, 40);
    int i = (int)draw(l, IDS);
    struct coord_producer *p = &l->believes[i][draw(l, PRODUCERS)];
    bool present = before[i].error_code == 0 && p->producer_id == before[i].producer_id &&
                   p->producer_epoch == before[i].producer_epoch;
    if (what < 6)
        act_init(l, i, p, before);
    else if (what < 20)
        act_add(l, i, p, present, before);
    else if (what < 32)
        act_end(l, i, p, present, before);
    else if (what < 35)
        act_time(l, before);
    else if (what < 37)
        l->squeezed = true;
    else if (what < 39)
        reserve(l);
    else if (draw(l, 10) == 0)
        restart(l);
    arena_release(&a);
}

/* An id whose epochs are nearly used up. */
static void worn_out(struct life *l)
{
    struct kafka_transaction_log_key key = { id_name(2) };
    struct kafka_transaction_log_value v;
    KAFKA_INIT(transaction_log_value, &v);
    v.producer_id = 7;
    v.producer_epoch = INT16_MAX - 8;
    v.transaction_timeout_ms = 1000;
    v.transaction_last_update_timestamp_ms = l->now_ms;
    v.transaction_start_timestamp_ms = -1;
    struct buf out;
    buf_init(&out, &l->kept, 1000);
    assert_int_equal(wire_encode_stored(&kafka_transaction_log_key, 0, &key, &out, NULL), ST_OK);
    size_t n = out.len;
    assert_int_equal(wire_encode_stored(&kafka_transaction_log_value, 1, &v, &out, NULL), ST_OK);
    struct str all = arena_str(&l->arena, buf_str(&out));
    l->log[l->n_log++] = (struct coord_replayed){ 0, -1, { all.ptr, n }, { all.ptr + n, all.len - n } };
    buf_release(&out);
    l->owner[7] = 3;
    assert_int_equal(coord_txns_replay(l->copy, &l->log[0], &l->err), ST_OK);
}

static void live(struct life *l, uint64_t seed)
{
    uint64_t steps = l->steps, refused = l->refused, markers = l->markers, overflown = l->overflown;
    memset(l, 0, sizeof *l);
    l->steps = steps;
    l->refused = refused;
    l->markers = markers;
    l->overflown = overflown;
    l->random = seed * 0x9e3779b97f4a7c15u;
    budget_init(&l->budget, "coordinator", SIZE_MAX, NULL);
    budget_init(&l->kept, "kept", SIZE_MAX, NULL);
    arena_init(&l->arena, &l->kept);
    l->config = coord_txns_defaults;
    l->config.txn_version = seed % 2 ? 2 : 0;
    l->now_ms = 1000000;
    for (int i = 0; i < IDS; i++)
        for (int k = 0; k < PRODUCERS; k++)
            l->believes[i][k] = (struct coord_producer){ { 0 }, -1, -1 };
    assert_int_equal(coord_txns_new(&l->config, &l->copy_ids, &l->kept, &l->copy, &l->err), ST_OK);
    worn_out(l);
    restart(l);
    for (int i = 0; i < 1500; i++)
        act(l);
    restart(l);
    coord_txns_free(l->t);
    coord_txns_free(l->copy);
    arena_release(&l->arena);
    assert_int_equal(atomic_load(&l->budget.used) + atomic_load(&l->kept.used), 0);
}

static uint64_t first_seed = 1, seeds = 150;

static void test_lives(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++)
        live(&life, seed);
    print_message("%llu steps, %llu refused, %llu markers, %llu with the last epoch\n", (unsigned long long)life.steps,
                  (unsigned long long)life.refused, (unsigned long long)life.markers,
                  (unsigned long long)life.overflown);
    assert_true(life.refused > seeds / 4 && life.markers > seeds * 10 && life.overflown > seeds / 20);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        seeds = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
