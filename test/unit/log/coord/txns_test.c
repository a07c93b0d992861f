/* Transactional ids back from their records, what was left prepared, and what tools ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/coord.h"

#include <stdlib.h>

struct bench {
    struct budget budget;
    struct arena arena;
    struct coord_ids ids;
    struct coord_txns *t;
    struct error err;
};

static void bench_open(struct bench *b)
{
    memset(b, 0, sizeof *b);
    budget_init(&b->budget, "test", SIZE_MAX, NULL);
    arena_init(&b->arena, &b->budget);
    b->ids = (struct coord_ids){ 5000, 6000 };
    assert_int_equal(coord_txns_new(&coord_txns_defaults, &b->ids, &b->budget, &b->t, &b->err), ST_OK);
}

static void bench_close(struct bench *b)
{
    coord_txns_free(b->t);
    arena_release(&b->arena);
    assert_int_equal(atomic_load(&b->budget.used), 0);
}

static struct str stored(struct bench *b, const struct wire_message *m, int16_t version, const void *message)
{
    struct buf out;
    buf_init(&out, &b->budget, 1 << 20);
    assert_int_equal(wire_encode_stored(m, version, message, &out, &b->err), ST_OK);
    struct str s = arena_str(&b->arena, buf_str(&out));
    buf_release(&out);
    return s;
}

/* states: 0 empty, 1 ongoing, 2 and 3 prepared, 4 and 5 complete */
static struct coord_replayed record(struct bench *b, const char *id, int8_t status, int16_t version,
                                    int16_t client_version, int64_t next_id)
{
    struct kafka_transaction_log_key key = { str_from(id) };
    struct kafka_transaction_log_value v;
    KAFKA_INIT(transaction_log_value, &v);
    int32_t p0[] = { 4, 2, 2 }, p1[] = { 0 };
    struct kafka_transaction_log_value_topic topics[] = { { STR("b"), p0, 3 }, { STR("a"), p1, 1 } };
    v.producer_id = 77;
    v.previous_producer_id = version ? 76 : -1;
    v.next_producer_id = version ? next_id : -1;
    v.producer_epoch = 9;
    v.transaction_timeout_ms = 1000;
    v.transaction_status = status;
    v.transaction_last_update_timestamp_ms = 1000000;
    v.transaction_start_timestamp_ms = status ? 999000 : -1;
    v.client_transaction_version = client_version;
    if (status) {
        v.transaction_partitions = topics;
        v.n_transaction_partitions = status < 4 ? 2 : 0;
    }
    return (struct coord_replayed){ 31, -1, stored(b, &kafka_transaction_log_key, 0, &key),
                                    stored(b, &kafka_transaction_log_value, version, &v) };
}

static int replay(struct bench *b, struct coord_replayed r)
{
    error_clear(&b->err);
    return coord_txns_replay(b->t, &r, &b->err);
}

static struct kafka_describe_transactions_response_transaction describe(struct bench *b, const char *id)
{
    struct kafka_describe_transactions_response_transaction r;
    assert_int_equal(coord_txns_describe(b->t, str_from(id), &b->arena, &r, &b->err), ST_OK);
    return r;
}

static void test_versions(void **state)
{
    (void)state;
    for (int16_t version = 0; version < 2; version++) {
        struct bench b;
        bench_open(&b);
        assert_int_equal(describe(&b, "").error_code, KAFKA_E_INVALID_REQUEST);
        assert_int_equal(describe(&b, "x").error_code, KAFKA_E_TRANSACTIONAL_ID_NOT_FOUND);
        assert_int_equal(replay(&b, record(&b, "x", 1, version, 0, -1)), ST_OK);
        struct kafka_describe_transactions_response_transaction d = describe(&b, "x");
        assert_int_equal(d.error_code, 0);
        assert_string_equal(d.transaction_state.ptr, "Ongoing");
        assert_int_equal(d.producer_id, 77);
        assert_int_equal(d.producer_epoch, 9);
        assert_int_equal(d.transaction_timeout_ms, 1000);
        assert_int_equal(d.transaction_start_time_ms, 999000);
        assert_int_equal(d.n_topics, 2);
        assert_string_equal(d.topics[0].topic.ptr, "a");
        assert_int_equal(d.topics[1].n_partitions, 2);
        assert_int_equal(d.topics[1].partitions[0], 2);
        assert_int_equal(d.topics[1].partitions[1], 4);
        /* a later record takes its place, a tombstone takes it away */
        assert_int_equal(replay(&b, record(&b, "x", 4, version, 0, -1)), ST_OK);
        assert_string_equal(describe(&b, "x").transaction_state.ptr, "CompleteCommit");
        assert_int_equal(describe(&b, "x").n_topics, 0);
        struct coord_replayed gone = record(&b, "x", 0, version, 0, -1);
        gone.value = (struct str){ 0 };
        assert_int_equal(replay(&b, gone), ST_OK);
        assert_int_equal(describe(&b, "x").error_code, KAFKA_E_TRANSACTIONAL_ID_NOT_FOUND);
        assert_int_equal(replay(&b, gone), ST_OK);
        assert_int_equal(b.ids.next, 5000);
        bench_close(&b);
    }
}

static void test_damage(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct coord_replayed good = record(&b, "x", 1, 1, 2, -1), r = good;
    for (size_t n = 0; n < good.value.len; n++) {
        r.value.len = n;
        assert_int_equal(replay(&b, r), ST_CORRUPT);
        assert_int_equal(b.err.offset, 31);
        assert_non_null(strstr(b.err.message, "__transaction_state, offset 31"));
    }
    r = good;
    for (size_t n = 0; n < good.key.len; n++) {
        r.key.len = n;
        assert_int_equal(replay(&b, r), ST_CORRUPT);
    }
    for (int status = -1; status < 10; status++)
        if (status < 0 || status > 5)
            assert_int_equal(replay(&b, record(&b, "x", (int8_t)status, 1, 2, -1)), ST_CORRUPT);
    char *newer = malloc(good.value.len);
    memcpy(newer, good.value.ptr, good.value.len);
    newer[1] = 2;
    r = good;
    r.value.ptr = newer;
    assert_int_equal(replay(&b, r), ST_UNSUPPORTED);
    free(newer);
    assert_int_equal(describe(&b, "x").error_code, KAFKA_E_TRANSACTIONAL_ID_NOT_FOUND);
    r.key = STR("\0\1what");
    assert_int_equal(replay(&b, r), ST_OK); /* another kind of record */
    bench_close(&b);
}

/* Another program left it in the middle of its end. */
static void test_prepared(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) { /* V1, V2, V2 with a new producer id */
        struct bench b;
        bench_open(&b);
        int16_t version = kind ? 2 : 0;
        struct coord_replayed left = record(&b, "x", kind == 1 ? 3 : 2, kind ? 1 : 0, version, kind == 2 ? 90 : -1);
        assert_int_equal(replay(&b, left), ST_OK);
        struct kafka_init_producer_id_request rq = { STR("x"), 1000, -1, -1 };
        struct kafka_init_producer_id_response r;
        struct coord_step step;
        coord_step_init(&step, &b.arena);
        coord_txns_loaded(b.t, 2000000);
        assert_true(coord_txns_deadline(b.t) <= 2000000);
        assert_int_equal(coord_txns_init(b.t, &rq, 5, 2000000, &step, &r, &b.err), ST_OK);
        assert_int_equal(r.error_code, KAFKA_E_CONCURRENT_TRANSACTIONS);
        assert_int_equal(coord_txns_tick(b.t, 2000000, &step, &b.err), ST_OK);
        assert_int_equal(step.records.count, 1);
        assert_int_equal(step.markers.count, 1);
        assert_int_equal(step.markers.at[0].commit, kind != 1);
        assert_int_equal(step.markers.at[0].producer_id, 77);
        assert_int_equal(step.markers.at[0].producer_epoch, 9);
        assert_int_equal(step.markers.at[0].txn_version, version);
        assert_int_equal(step.markers.at[0].n_topics, 2);
        struct kafka_describe_transactions_response_transaction d = describe(&b, "x");
        assert_string_equal(d.transaction_state.ptr, kind == 1 ? "CompleteAbort" : "CompleteCommit");
        assert_int_equal(d.producer_id, kind == 2 ? 90 : 77);
        assert_int_equal(d.producer_epoch, kind == 2 ? 0 : 9);
        assert_true(coord_txns_deadline(b.t) > 2000000);
        bench_close(&b);
    }
}

static uint32_t list(struct bench *b, const char *state, int64_t producer, int64_t duration,
                     struct kafka_list_transactions_response *r)
{
    struct str states[2] = { str_from(state), STR("Strange") };
    int64_t producers[] = { producer, 1 };
    struct kafka_list_transactions_request rq = { .state_filters = states,
                                                  .n_state_filters = state ? 2 : 0,
                                                  .producer_id_filters = producers,
                                                  .n_producer_id_filters = producer >= 0 ? 2 : 0,
                                                  .duration_filter = duration };
    KAFKA_INIT(list_transactions_response, r);
    assert_int_equal(coord_txns_list(b->t, &rq, 1000000, &b->arena, r, &b->err), ST_OK);
    return r->n_transaction_states;
}

static void test_list(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct kafka_list_transactions_response r;
    assert_int_equal(list(&b, NULL, -1, -1, &r), 0);
    assert_int_equal(replay(&b, record(&b, "x", 1, 1, 2, -1)), ST_OK);
    assert_int_equal(replay(&b, record(&b, "y", 4, 1, 2, -1)), ST_OK);
    assert_int_equal(list(&b, NULL, -1, -1, &r), 2);
    assert_string_equal(r.transaction_states[0].transactional_id.ptr, "x");
    assert_int_equal(r.transaction_states[0].producer_id, 77);
    assert_string_equal(r.transaction_states[1].transaction_state.ptr, "CompleteCommit");
    assert_int_equal(r.n_unknown_state_filters, 0);
    assert_int_equal(list(&b, "Ongoing", -1, -1, &r), 1);
    assert_int_equal(r.n_unknown_state_filters, 1);
    assert_string_equal(r.unknown_state_filters[0].ptr, "Strange");
    assert_int_equal(list(&b, "ongoing", -1, -1, &r), 0); /* told exactly */
    assert_int_equal(r.n_unknown_state_filters, 2);
    assert_int_equal(list(&b, NULL, 77, -1, &r), 2);
    assert_int_equal(list(&b, NULL, 78, -1, &r), 0);
    assert_int_equal(list(&b, NULL, -1, 999, &r), 2);
    assert_int_equal(list(&b, NULL, -1, 1000, &r), 0); /* began a second ago: not more */
    bench_close(&b);
}

static void test_refused_memory(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct coord_replayed first = record(&b, "x", 4, 1, 2, -1), second = record(&b, "x", 1, 1, 2, -1);
    for (int i = 0; i < 2; i++) {
        struct coord_replayed r = i ? second : first;
        enum status st = ST_MEMORY;
        int refused = 0;
        for (uint64_t nth = 1; st != ST_OK; nth++) {
            budget_fail_nth(nth);
            st = coord_txns_replay(b.t, &r, &b.err);
            budget_fail_nth(0);
            if (st == ST_OK)
                continue;
            assert_int_equal(st, ST_MEMORY);
            refused++;
            if (i == 0)
                assert_int_equal(describe(&b, "x").error_code, KAFKA_E_TRANSACTIONAL_ID_NOT_FOUND);
            else
                assert_string_equal(describe(&b, "x").transaction_state.ptr, "CompleteCommit");
        }
        assert_true(refused > 2);
    }
    assert_int_equal(describe(&b, "x").n_topics, 2);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions), cmocka_unit_test(test_damage),         cmocka_unit_test(test_prepared),
        cmocka_unit_test(test_list),     cmocka_unit_test(test_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
