/* Transactions: the walk through the states, epochs and fencing, V1 and V2, timeouts, replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/coord.h"

struct bench {
    struct budget budget;
    struct arena arena;
    struct coord_txns_config config;
    struct coord_ids ids;
    struct coord_txns *t;
    struct coord_step step; /* the last one */
    int64_t now_ms;
    ARRAY(struct coord_replayed) log;
    struct error err;
};

static void bench_make(struct bench *b)
{
    coord_txns_free(b->t);
    assert_int_equal(coord_txns_new(&b->config, &b->ids, &b->budget, &b->t, &b->err), ST_OK);
}

static void bench_open(struct bench *b)
{
    memset(b, 0, sizeof *b);
    budget_init(&b->budget, "test", SIZE_MAX, NULL);
    arena_init(&b->arena, &b->budget);
    b->config = coord_txns_defaults;
    b->ids = (struct coord_ids){ 1000, 2000 };
    b->now_ms = 5000000;
    bench_make(b);
}

static void bench_close(struct bench *b)
{
    coord_txns_free(b->t);
    arena_release(&b->arena);
    assert_int_equal(atomic_load(&b->budget.used), 0);
}

static struct coord_step *begin(struct bench *b)
{
    coord_step_init(&b->step, &b->arena);
    return &b->step;
}

static void took(struct bench *b)
{
    for (uint32_t i = 0; i < b->step.records.count; i++) {
        struct coord_replayed *r = array_add(&b->log, &b->arena);
        assert_non_null(r);
        *r = (struct coord_replayed){ b->log.count - 1, -1, b->step.records.at[i].key, b->step.records.at[i].value };
    }
}

/* As another process would, from the log alone. */
static void restart(struct bench *b)
{
    bench_make(b);
    for (uint32_t i = 0; i < b->log.count; i++)
        assert_int_equal(coord_txns_replay(b->t, &b->log.at[i], &b->err), ST_OK);
    coord_txns_loaded(b->t, b->now_ms);
}

static struct kafka_init_producer_id_response init_as(struct bench *b, const char *id, int64_t producer, int16_t epoch,
                                                      int32_t timeout_ms, int16_t version)
{
    struct kafka_init_producer_id_request rq = { str_from(id), timeout_ms, producer, epoch };
    struct kafka_init_producer_id_response r;
    assert_int_equal(coord_txns_init(b->t, &rq, version, b->now_ms, begin(b), &r, &b->err), ST_OK);
    took(b);
    return r;
}
static struct kafka_init_producer_id_response init(struct bench *b, const char *id)
{
    return init_as(b, id, -1, -1, 60000, 5);
}

static int add_as(struct bench *b, int64_t producer, int16_t epoch, int32_t partition, bool verify, int16_t version)
{
    struct kafka_add_partitions_to_txn_request_topic t = { STR("t"), &partition, 1 };
    struct kafka_add_partitions_to_txn_request_transaction rq = { STR("x"), producer, epoch, verify, &t, 1 };
    struct kafka_add_partitions_to_txn_response_transaction r;
    assert_int_equal(coord_txns_add(b->t, &rq, version, b->now_ms, begin(b), &r, &b->err), ST_OK);
    took(b);
    assert_int_equal(r.n_topic_results, 1);
    assert_int_equal(r.topic_results[0].n_results_by_partition, 1);
    assert_int_equal(r.topic_results[0].results_by_partition[0].partition_index, partition);
    return r.topic_results[0].results_by_partition[0].partition_error_code;
}
static int add(struct bench *b, int64_t producer, int16_t epoch, int32_t partition)
{
    return add_as(b, producer, epoch, partition, false, 3);
}

static struct kafka_end_txn_response end(struct bench *b, int64_t producer, int16_t epoch, bool commit, int16_t version)
{
    struct kafka_end_txn_request rq = { STR("x"), producer, epoch, commit };
    struct kafka_end_txn_response r;
    assert_int_equal(coord_txns_end(b->t, &rq, version, b->now_ms, begin(b), &r, &b->err), ST_OK);
    took(b);
    return r;
}

static struct kafka_describe_transactions_response_transaction describe(struct bench *b)
{
    struct kafka_describe_transactions_response_transaction r;
    assert_int_equal(coord_txns_describe(b->t, STR("x"), &b->arena, &r, &b->err), ST_OK);
    return r;
}
#define assert_txn(b, state_, producer_, epoch_)                                             \
    do {                                                                                     \
        struct kafka_describe_transactions_response_transaction d_ = describe(b);            \
        assert_int_equal(d_.error_code, 0);                                                  \
        assert_memory_equal(d_.transaction_state.ptr, state_, d_.transaction_state.len + 1); \
        assert_int_equal(d_.producer_id, producer_);                                         \
        assert_int_equal(d_.producer_epoch, epoch_);                                         \
    } while (0)

static void tick(struct bench *b)
{
    assert_int_equal(coord_txns_tick(b->t, b->now_ms, begin(b), &b->err), ST_OK);
    took(b);
}

/* ---- producer ids ---- */

static void test_producer_ids(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    b.ids = (struct coord_ids){ 7, 9 };
    assert_int_equal(init(&b, NULL).producer_id, 7);
    assert_int_equal(init(&b, NULL).producer_id, 8);
    assert_int_equal(b.log.count, 0);
    struct kafka_init_producer_id_response r = init(&b, NULL);
    assert_int_equal(r.error_code, KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(r.producer_id, -1);
    assert_int_equal(init(&b, "x").error_code, KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(coord_txns_deadline(b.t), INT64_MAX); /* nothing was left behind */
    b.ids = (struct coord_ids){ 20, 30 };
    assert_int_equal(init_as(&b, NULL, 5, 3, 60000, 5).producer_id, 20);
    assert_int_equal(init_as(&b, NULL, 5, -1, 60000, 5).error_code, KAFKA_E_INVALID_REQUEST);
    r = init(&b, "x");
    assert_int_equal(r.producer_id, 21);
    assert_int_equal(r.producer_epoch, 0);
    /* ids that the log names are not given out again, even by a range that holds them */
    b.ids = (struct coord_ids){ 20, 30 };
    restart(&b);
    assert_int_equal(init(&b, NULL).producer_id, 22);
    b.ids = (struct coord_ids){ 0, 10 };
    restart(&b);
    assert_int_equal(init(&b, NULL).error_code, KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS);
    assert_true(coord_ids_left(&b.ids) <= 0);
    bench_close(&b);
}

static void test_init_refusals(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    assert_int_equal(init(&b, "").error_code, KAFKA_E_INVALID_REQUEST);
    assert_int_equal(init_as(&b, "x", -1, -1, 0, 5).error_code, KAFKA_E_INVALID_TRANSACTION_TIMEOUT);
    assert_int_equal(init_as(&b, "x", -1, -1, -1, 5).error_code, KAFKA_E_INVALID_TRANSACTION_TIMEOUT);
    assert_int_equal(init_as(&b, "x", -1, -1, 900001, 5).error_code, KAFKA_E_INVALID_TRANSACTION_TIMEOUT);
    assert_int_equal(init_as(&b, "x", -1, -1, 900000, 5).error_code, 0);
    assert_int_equal(init_as(&b, "x", 1, -1, 1, 5).error_code, KAFKA_E_INVALID_REQUEST);
    assert_int_equal(init_as(&b, "x", 999, 0, 1, 5).error_code, KAFKA_E_PRODUCER_FENCED);
    assert_int_equal(init_as(&b, "x", 999, 0, 1, 3).error_code, KAFKA_E_INVALID_PRODUCER_EPOCH);
    b.config.ids_max = 1;
    bench_make(&b);
    assert_int_equal(init(&b, "x").error_code, 0);
    struct kafka_init_producer_id_request rq = { STR("y"), 1000, -1, -1 };
    struct kafka_init_producer_id_response r;
    assert_int_equal(coord_txns_init(b.t, &rq, 5, b.now_ms, begin(&b), &r, &b.err), ST_LIMIT);
    bench_close(&b);
}

/* ---- V1 ---- */

static void test_v1(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct kafka_init_producer_id_response p = init(&b, "x");
    assert_txn(&b, "Empty", 1000, 0);
    assert_int_equal(end(&b, 1000, 0, true, 4).error_code, KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(end(&b, 1000, 0, false, 4).error_code, KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(add(&b, 999, 0, 1), KAFKA_E_INVALID_PRODUCER_ID_MAPPING);
    assert_int_equal(add(&b, 1000, 1, 1), KAFKA_E_PRODUCER_FENCED);
    assert_int_equal(add_as(&b, 1000, 1, 1, false, 1), KAFKA_E_INVALID_PRODUCER_EPOCH);
    assert_int_equal(add(&b, p.producer_id, p.producer_epoch, 3), 0);
    assert_int_equal(b.step.records.count, 1);
    assert_txn(&b, "Ongoing", 1000, 0);
    assert_int_equal(add(&b, 1000, 0, 3), 0); /* it is in already */
    assert_int_equal(b.step.records.count, 0);
    assert_int_equal(add(&b, 1000, 0, 1), 0);
    /* offsets: the partition of the group */
    struct kafka_add_offsets_to_txn_request rq = { STR("x"), 1000, 0, STR("group") };
    struct kafka_add_offsets_to_txn_response o;
    assert_int_equal(coord_txns_add_offsets(b.t, &rq, 3, b.now_ms, begin(&b), &o, &b.err), ST_OK);
    took(&b);
    assert_int_equal(o.error_code, 0);
    struct kafka_describe_transactions_response_transaction d = describe(&b);
    assert_int_equal(d.n_topics, 2);
    assert_string_equal(d.topics[0].topic.ptr, COORD_OFFSETS_TOPIC);
    assert_int_equal(d.topics[0].partitions[0], coord_partition(STR("group"), 50));
    assert_int_equal(d.topics[1].n_partitions, 2);
    assert_int_equal(d.topics[1].partitions[0], 1);
    assert_int_equal(d.topics[1].partitions[1], 3);
    assert_int_equal(d.transaction_start_time_ms, b.now_ms);
    assert_int_equal(d.transaction_timeout_ms, 60000);
    /* the end: markers for all, and one record */
    assert_int_equal(end(&b, 1000, 1, true, 4).error_code, KAFKA_E_PRODUCER_FENCED);
    assert_int_equal(end(&b, 999, 0, true, 4).error_code, KAFKA_E_INVALID_PRODUCER_ID_MAPPING);
    assert_int_equal(end(&b, 1000, 1, true, 1).error_code, KAFKA_E_INVALID_PRODUCER_EPOCH);
    struct kafka_end_txn_response e = end(&b, 1000, 0, true, 4);
    assert_int_equal(e.error_code, 0);
    assert_int_equal(e.producer_id, -1);
    assert_int_equal(b.step.records.count, 1);
    assert_int_equal(b.step.markers.count, 1);
    const struct coord_marker *m = &b.step.markers.at[0];
    assert_int_equal(m->producer_id, 1000);
    assert_int_equal(m->producer_epoch, 0);
    assert_true(m->commit);
    assert_int_equal(m->txn_version, 0);
    assert_int_equal(m->n_topics, 2);
    assert_int_equal(m->topics[1].n_partitions, 2);
    assert_txn(&b, "CompleteCommit", 1000, 0);
    /* again: the same; the other way: no */
    assert_int_equal(end(&b, 1000, 0, true, 4).error_code, 0);
    assert_int_equal(b.step.markers.count + b.step.records.count, 0);
    assert_int_equal(end(&b, 1000, 0, false, 4).error_code, KAFKA_E_INVALID_TXN_STATE);
    /* the next one, aborted */
    assert_int_equal(add(&b, 1000, 0, 2), 0);
    assert_int_equal(end(&b, 1000, 0, false, 4).error_code, 0);
    assert_false(b.step.markers.at[0].commit);
    assert_int_equal(b.step.markers.at[0].n_topics, 1);
    assert_txn(&b, "CompleteAbort", 1000, 0);
    assert_int_equal(end(&b, 1000, 0, true, 4).error_code, KAFKA_E_INVALID_TXN_STATE);
    restart(&b);
    assert_txn(&b, "CompleteAbort", 1000, 0);
    bench_close(&b);
}

static void test_verify(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    init(&b, "x");
    assert_int_equal(add(&b, 1000, 0, 3), 0);
    assert_int_equal(add_as(&b, 1000, 0, 3, true, 4), 0);
    assert_int_equal(add_as(&b, 1000, 0, 4, true, 4), KAFKA_E_TRANSACTION_ABORTABLE);
    assert_int_equal(add_as(&b, 1000, 1, 3, true, 4), KAFKA_E_PRODUCER_FENCED);
    assert_int_equal(add_as(&b, 1, 0, 3, true, 4), KAFKA_E_INVALID_PRODUCER_ID_MAPPING);
    struct coord_producer p = { STR("x"), 1000, 0 };
    int16_t kafka;
    assert_int_equal(coord_txns_partition(b.t, &p, STR("t"), 4, false, b.now_ms, begin(&b), &kafka, &b.err), ST_OK);
    assert_int_equal(kafka, KAFKA_E_TRANSACTION_ABORTABLE);
    assert_int_equal(coord_txns_partition(b.t, &p, STR("t"), 4, true, b.now_ms, begin(&b), &kafka, &b.err), ST_OK);
    assert_int_equal(kafka, 0);
    assert_int_equal(coord_txns_partition(b.t, &p, STR("t"), 4, false, b.now_ms, begin(&b), &kafka, &b.err), ST_OK);
    assert_int_equal(kafka, 0);
    p.transactional_id = STR("");
    assert_int_equal(coord_txns_partition(b.t, &p, STR("t"), 4, false, b.now_ms, begin(&b), &kafka, &b.err), ST_OK);
    assert_int_equal(kafka, KAFKA_E_INVALID_REQUEST);
    p.transactional_id = STR("y");
    assert_int_equal(coord_txns_partition(b.t, &p, STR("t"), 4, true, b.now_ms, begin(&b), &kafka, &b.err), ST_OK);
    assert_int_equal(kafka, KAFKA_E_INVALID_PRODUCER_ID_MAPPING);
    bench_close(&b);
}

/* ---- V2 ---- */

static void test_v2(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    init(&b, "x");
    assert_int_equal(add_as(&b, 1000, 0, 1, false, 5), 0);
    struct kafka_end_txn_response e = end(&b, 1000, 0, true, 5);
    assert_int_equal(e.error_code, 0);
    assert_int_equal(e.producer_id, 1000);
    assert_int_equal(e.producer_epoch, 1);
    assert_int_equal(b.step.markers.at[0].producer_epoch, 1);
    assert_int_equal(b.step.markers.at[0].txn_version, 2);
    assert_txn(&b, "CompleteCommit", 1000, 1);
    /* the table of V2: asked again, with the epoch before, and anew */
    e = end(&b, 1000, 0, true, 5);
    assert_int_equal(e.error_code, 0);
    assert_int_equal(e.producer_epoch, 1);
    assert_int_equal(b.step.records.count, 0);
    assert_int_equal(end(&b, 1000, 0, false, 5).error_code, KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(end(&b, 1000, 1, true, 5).error_code, KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(end(&b, 1000, 2, true, 5).error_code, KAFKA_E_PRODUCER_FENCED);
    b.now_ms += 777;
    e = end(&b, 1000, 1, false, 5); /* an abort of nothing raises the epoch, and needs no marker */
    assert_int_equal(e.error_code, 0);
    assert_int_equal(e.producer_epoch, 2);
    assert_int_equal(b.step.records.count, 1);
    assert_int_equal(b.step.markers.count, 0);
    assert_txn(&b, "CompleteAbort", 1000, 2);
    assert_int_equal(describe(&b).transaction_start_time_ms, b.now_ms);
    assert_int_equal(end(&b, 1000, 1, false, 5).error_code, 0);
    assert_int_equal(end(&b, 1000, 1, true, 5).error_code, KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(end(&b, 1000, 2, true, 5).error_code, KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(end(&b, 1000, 2, false, 5).producer_epoch, 3);
    /* who asks for a new epoch with the one before its last end is told the present one */
    struct kafka_init_producer_id_response again = init_as(&b, "x", 1000, 2, 60000, 5);
    assert_int_equal(again.error_code, 0);
    assert_int_equal(again.producer_epoch, 3);
    /* the old epoch writes no more */
    assert_int_equal(add_as(&b, 1000, 2, 1, false, 5), KAFKA_E_PRODUCER_FENCED);
    assert_int_equal(add_as(&b, 1000, 3, 1, false, 5), 0);
    restart(&b);
    assert_txn(&b, "Ongoing", 1000, 3);
    assert_int_equal(end(&b, 1000, 2, true, 5).error_code, KAFKA_E_PRODUCER_FENCED);
    assert_int_equal(end(&b, 1000, 3, false, 5).producer_epoch, 4);
    /* Empty */
    struct kafka_init_producer_id_response p = init(&b, "x");
    assert_int_equal(p.producer_epoch, 5);
    assert_int_equal(end(&b, 1000, 4, false, 5).error_code, KAFKA_E_PRODUCER_FENCED);
    assert_int_equal(end(&b, 1000, 5, true, 5).error_code, KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(end(&b, 1000, 5, false, 5).producer_epoch, 6);
    bench_close(&b);
}

/* The epochs of a producer id run out: a new one follows, and asking again still works. */
static void test_v2_overflow(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    init(&b, "x");
    for (int16_t epoch = 0; epoch < INT16_MAX - 1; epoch++)
        assert_int_equal(end(&b, 1000, epoch, false, 5).producer_epoch, epoch + 1);
    assert_int_equal(add_as(&b, 1000, INT16_MAX - 1, 1, false, 5), 0);
    int64_t left = b.ids.end;
    b.ids.end = b.ids.next;
    assert_int_equal(end(&b, 1000, INT16_MAX - 1, true, 5).error_code, KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(b.step.markers.count, 0);
    assert_txn(&b, "Ongoing", 1000, INT16_MAX - 1);
    b.ids.end = left;
    struct kafka_end_txn_response e = end(&b, 1000, INT16_MAX - 1, true, 5);
    assert_int_equal(e.error_code, 0);
    assert_int_equal(e.producer_id, 1001);
    assert_int_equal(e.producer_epoch, 0);
    assert_int_equal(b.step.markers.at[0].producer_id, 1000);
    assert_int_equal(b.step.markers.at[0].producer_epoch, INT16_MAX);
    e = end(&b, 1000, INT16_MAX - 1, true, 5);
    assert_int_equal(e.producer_id, 1001);
    restart(&b); /* the log knows the one before */
    e = end(&b, 1000, INT16_MAX - 1, true, 5);
    assert_int_equal(e.error_code, 0);
    assert_int_equal(e.producer_id, 1001);
    assert_int_equal(end(&b, 1000, INT16_MAX - 2, true, 5).error_code, KAFKA_E_INVALID_PRODUCER_ID_MAPPING);
    bench_close(&b);
}

/* ---- InitProducerId: fencing and recovery ---- */

static void test_fencing(void **state)
{
    (void)state;
    for (int v2 = 0; v2 < 2; v2++) {
        struct bench b;
        bench_open(&b);
        b.config.txn_version = v2 ? 2 : 0;
        bench_make(&b);
        init(&b, "x");
        assert_int_equal(init(&b, "x").producer_epoch, 1);
        assert_int_equal(add(&b, 1000, 0, 1), KAFKA_E_PRODUCER_FENCED);
        assert_int_equal(add(&b, 1000, 1, 1), 0);
        /* over an open transaction: aborted and answered in one step */
        struct kafka_init_producer_id_response p = init(&b, "x");
        assert_int_equal(p.error_code, 0);
        assert_int_equal(p.producer_id, 1000);
        assert_int_equal(p.producer_epoch, 3);
        assert_int_equal(b.step.markers.count, 1);
        assert_false(b.step.markers.at[0].commit);
        assert_int_equal(b.step.markers.at[0].producer_epoch, 2);
        assert_int_equal(b.step.records.count, 1);
        assert_txn(&b, "Empty", 1000, 3);
        assert_int_equal(end(&b, 1000, 1, true, 4).error_code, KAFKA_E_PRODUCER_FENCED);
        restart(&b);
        assert_txn(&b, "Empty", 1000, 3);
        bench_close(&b);
    }
}

/* KIP-360: a producer that goes on after an error says who it is. */
static void test_recovery(void **state)
{
    (void)state;
    for (int v2 = 0; v2 < 2; v2++) {
        struct bench b;
        bench_open(&b);
        b.config.txn_version = v2 ? 2 : 0;
        bench_make(&b);
        /* of an id that nobody knows any more */
        assert_int_equal(init_as(&b, "x", 77, 5, 1000, 5).producer_id, 1000);
        assert_int_equal(init_as(&b, "x", 1000, 0, 1000, 5).producer_epoch, 1);
        assert_int_equal(init_as(&b, "x", 1000, 0, 1000, 5).producer_epoch, 1); /* asked again */
        assert_int_equal(init_as(&b, "x", 1000, 1, 1000, 5).producer_epoch, 2);
        assert_int_equal(init_as(&b, "x", 1000, 0, 1000, 5).error_code, KAFKA_E_PRODUCER_FENCED);
        /* another start makes the last epoch unknown */
        assert_int_equal(init(&b, "x").producer_epoch, 3);
        assert_int_equal(init_as(&b, "x", 1000, 2, 1000, 5).error_code, KAFKA_E_PRODUCER_FENCED);
        /* in an open transaction: only by whoever is in it */
        assert_int_equal(add(&b, 1000, 3, 1), 0);
        assert_int_equal(init_as(&b, "x", 1000, 2, 1000, 5).error_code, KAFKA_E_PRODUCER_FENCED);
        assert_txn(&b, "Ongoing", 1000, 3);
        struct kafka_init_producer_id_response p = init_as(&b, "x", 1000, 3, 1000, 5);
        assert_int_equal(p.error_code, 0);
        assert_int_equal(p.producer_epoch, 4);
        assert_int_equal(b.step.markers.count, 1);
        bench_close(&b);
    }
}

static void test_rotation(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    init(&b, "x");
    for (int i = 1; i < INT16_MAX; i++)
        assert_int_equal(init(&b, "x").producer_epoch, i);
    struct kafka_init_producer_id_response p = init_as(&b, "x", 1000, INT16_MAX - 1, 1000, 5);
    assert_int_equal(p.producer_id, 1001);
    assert_int_equal(p.producer_epoch, 0);
    p = init_as(&b, "x", 1000, INT16_MAX - 1, 1000, 5); /* asked again */
    assert_int_equal(p.error_code, 0);
    assert_int_equal(p.producer_id, 1001);
    assert_int_equal(p.producer_epoch, 0);
    assert_int_equal(init_as(&b, "x", 1000, INT16_MAX - 2, 1000, 5).error_code, KAFKA_E_PRODUCER_FENCED);
    bench_close(&b);
}

/* ---- time ---- */

static void test_timeout(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    init_as(&b, "x", -1, -1, 10000, 5);
    assert_int_equal(add(&b, 1000, 0, 1), 0);
    int64_t began = b.now_ms;
    assert_int_equal(coord_txns_deadline(b.t), began + 10001);
    b.now_ms += 5000;
    assert_int_equal(add(&b, 1000, 0, 2), 0); /* does not help */
    assert_int_equal(coord_txns_deadline(b.t), began + 10001);
    b.now_ms = began + 10000;
    tick(&b);
    assert_int_equal(b.step.records.count, 0);
    b.now_ms = began + 10001;
    tick(&b);
    assert_int_equal(b.step.markers.count, 1);
    assert_false(b.step.markers.at[0].commit);
    assert_int_equal(b.step.markers.at[0].producer_epoch, 1);
    assert_txn(&b, "CompleteAbort", 1000, 1);
    assert_int_equal(end(&b, 1000, 0, true, 4).error_code, KAFKA_E_PRODUCER_FENCED);
    /* forgotten after a week */
    assert_int_equal(coord_txns_deadline(b.t), b.now_ms + (int64_t)7 * 24 * 3600 * 1000);
    b.now_ms = coord_txns_deadline(b.t);
    tick(&b);
    assert_int_equal(b.step.records.count, 1);
    assert_null(b.step.records.at[0].value.ptr);
    assert_int_equal(describe(&b).error_code, KAFKA_E_TRANSACTIONAL_ID_NOT_FOUND);
    assert_int_equal(coord_txns_deadline(b.t), INT64_MAX);
    restart(&b);
    assert_int_equal(describe(&b).error_code, KAFKA_E_TRANSACTIONAL_ID_NOT_FOUND);
    assert_int_equal(end(&b, 1000, 0, true, 4).error_code, KAFKA_E_INVALID_PRODUCER_ID_MAPPING);
    bench_close(&b);
}

/* An open transaction lives over a restart, and so does its deadline. */
static void test_restart_while_open(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    init_as(&b, "x", -1, -1, 10000, 5);
    assert_int_equal(add(&b, 1000, 0, 1), 0);
    int64_t due = coord_txns_deadline(b.t);
    b.now_ms += 3000;
    restart(&b);
    assert_int_equal(coord_txns_deadline(b.t), due);
    assert_int_equal(add_as(&b, 1000, 0, 1, true, 4), 0);
    assert_int_equal(end(&b, 1000, 0, true, 4).error_code, 0);
    assert_int_equal(b.step.markers.at[0].topics[0].partitions[0], 1);
    bench_close(&b);
}

/* Many that are due at once: some a tick, all in the end. */
static void test_many_timeouts(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    enum { IDS = 150, PARTITIONS = 100 };
    int32_t partitions[PARTITIONS];
    for (int i = 0; i < PARTITIONS; i++)
        partitions[i] = i;
    for (int i = 0; i < IDS; i++) {
        struct str id = arena_printf(&b.arena, "id-%d", i);
        struct kafka_init_producer_id_response p = init_as(&b, id.ptr, -1, -1, 1000, 5);
        struct kafka_add_partitions_to_txn_request_topic t = { STR("t"), partitions, i % 2 ? PARTITIONS : 1 };
        struct kafka_add_partitions_to_txn_request_transaction rq = { id, p.producer_id, 0, false, &t, 1 };
        struct kafka_add_partitions_to_txn_response_transaction r;
        assert_int_equal(coord_txns_add(b.t, &rq, 5, b.now_ms, begin(&b), &r, &b.err), ST_OK);
        took(&b);
    }
    b.now_ms += 2000;
    uint32_t markers = 0, ticks = 0;
    for (; coord_txns_deadline(b.t) <= b.now_ms; ticks++) {
        tick(&b);
        markers += b.step.markers.count;
        assert_true(b.step.markers.count <= 64 && ticks < 10);
    }
    assert_int_equal(markers, IDS);
    assert_true(ticks >= 3);
    bench_close(&b);
}

/* ---- limits ---- */

static void test_partition_limit(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    b.config.partitions_max = 2;
    bench_make(&b);
    init(&b, "x");
    assert_int_equal(add(&b, 1000, 0, 1), 0);
    assert_int_equal(add(&b, 1000, 0, 2), 0);
    assert_int_equal(add(&b, 1000, 0, 3), KAFKA_E_INVALID_TXN_STATE);
    assert_int_equal(add(&b, 1000, 0, 2), 0);
    assert_int_equal(describe(&b).topics[0].n_partitions, 2);
    bench_close(&b);
}

static void test_refused_memory(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct bench b;
        bench_open(&b);
        init_as(&b, "x", -1, -1, 10000, 5);
        assert_int_equal(add(&b, 1000, 0, 1), 0);
        int32_t partitions[] = { 7, 8, 9 };
        struct kafka_add_partitions_to_txn_request_topic topics[] = { { STR("a"), partitions, 3 },
                                                                      { STR("t"), partitions, 3 } };
        struct kafka_add_partitions_to_txn_request_transaction add_rq = { STR("x"), 1000, 0, false, topics, 2 };
        struct kafka_init_producer_id_request init_rq = { kind == 1 ? STR("new") : STR("x"), 1000, -1, -1 };
        struct kafka_end_txn_request end_rq = { STR("x"), 1000, 0, true };
        enum status st = ST_MEMORY;
        int refused = 0;
        for (uint64_t nth = 1; st != ST_OK; nth++) {
            struct arena a;
            arena_init(&a, &b.budget);
            struct coord_step step;
            coord_step_init(&step, &a);
            budget_fail_nth(nth);
            union {
                struct kafka_add_partitions_to_txn_response_transaction add;
                struct kafka_init_producer_id_response init;
                struct kafka_end_txn_response end;
            } r;
            if (kind == 0)
                st = coord_txns_add(b.t, &add_rq, 3, b.now_ms, &step, &r.add, &b.err);
            else if (kind < 3)
                st = coord_txns_init(b.t, &init_rq, 5, b.now_ms, &step, &r.init, &b.err);
            else
                st = coord_txns_end(b.t, &end_rq, 5, b.now_ms, &step, &r.end, &b.err);
            budget_fail_nth(0);
            if (st != ST_OK) {
                refused++;
                assert_int_equal(st, ST_MEMORY);
                assert_int_equal(step.records.count + step.markers.count, 0);
                assert_txn(&b, "Ongoing", 1000, 0);
                assert_int_equal(describe(&b).n_topics, 1);
                assert_int_equal(describe(&b).topics[0].n_partitions, 1);
            } else {
                assert_int_equal(step.records.count, 1);
            }
            arena_release(&a);
        }
        assert_true(refused >= 1);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_producer_ids),   cmocka_unit_test(test_init_refusals),
        cmocka_unit_test(test_v1),             cmocka_unit_test(test_verify),
        cmocka_unit_test(test_v2),             cmocka_unit_test(test_v2_overflow),
        cmocka_unit_test(test_fencing),        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_rotation),       cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_restart_while_open), cmocka_unit_test(test_many_timeouts),
        cmocka_unit_test(test_partition_limit),
        cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
