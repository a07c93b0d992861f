/* Any message there and back: random structs of every API, version and direction; every cut of their bytes; bytes
 * changed at random; every refusal of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/wire/random.h"

enum { ROUNDS = 12, CUT_ROUNDS = 2, CHANGES = 20 };

typedef void on_message(const struct wire_message *m, int16_t version, struct random *r);

static void for_all_versions(const struct wire_message *m, uint64_t seed, on_message *f)
{
    for (int16_t v = m->from; v <= m->to; v++) {
        struct arena a;
        arena_init(&a, NULL);
        uint64_t name = hash_bytes(m->body->name, strlen(m->body->name));
        struct random r = { .state = seed ^ name ^ (uint64_t)v, .arena = &a };
        f(m, v, &r);
        arena_release(&a);
    }
}

static void for_all_messages(uint64_t seed, on_message *f)
{
    static const struct wire_message *const stored[] = {
        &kafka_offset_commit_value,   &kafka_group_metadata_value, &kafka_transaction_log_value,
        &kafka_consumer_subscription, &kafka_consumer_assignment,  &kafka_end_txn_marker,
        &kafka_control_record_key,    &kafka_transaction_log_key,  &kafka_offset_commit_key,
        &kafka_group_metadata_key,
    };
    for (const struct kafka_api *k = kafka_api_after(-1); k; k = kafka_api_after(k->key)) {
        for_all_versions(&k->request, seed, f);
        for_all_versions(&k->response, seed, f);
    }
    for (unsigned i = 0; i < sizeof stored / sizeof stored[0]; i++)
        for_all_versions(stored[i], seed, f);
}

/* A copy of its own size: a read past the end is seen by the sanitizer. */
static struct str copy_of(const void *bytes, size_t n)
{
    char *to = malloc(n ? n : 1);
    assert_non_null(to);
    if (n)
        memcpy(to, bytes, n);
    return (struct str){ to, n };
}

static void same_both_ways(const struct wire_message *m, int16_t version, struct random *r)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct buf bytes, again, text, text_again;
        buf_init(&bytes, NULL, 1 << 22);
        buf_init(&again, NULL, 1 << 22);
        buf_init(&text, NULL, 1 << 22);
        buf_init(&text_again, NULL, 1 << 22);
        struct error err = { .message = "" };
        const void *made = random_message(r, m, version);
        void *got = arena_alloc(r->arena, m->body->size);
        if (wire_encode(m, version, made, &bytes, NULL, &err) != ST_OK)
            fail_msg("%s", err.message);
        struct str copy = copy_of(bytes.data, bytes.len);
        if (wire_decode(m, version, copy, r->arena, got, &err) != ST_OK)
            fail_msg("%s", err.message);
        assert_true(wire_print(m, version, made, &text) && wire_print(m, version, got, &text_again));
        assert_true(str_eq(buf_str(&text), buf_str(&text_again)));
        assert_int_equal(wire_encode(m, version, got, &again, NULL, &err), ST_OK);
        assert_true(str_eq(buf_str(&bytes), buf_str(&again)));
        free((void *)(uintptr_t)copy.ptr);
        buf_release(&bytes);
        buf_release(&again);
        buf_release(&text);
        buf_release(&text_again);
    }
}

static void cuts_are_refused(const struct wire_message *m, int16_t version, struct random *r)
{
    for (unsigned i = 0; i < CUT_ROUNDS; i++) {
        struct buf bytes;
        buf_init(&bytes, NULL, 1 << 22);
        r->small = i == 0;
        assert_int_equal(wire_encode(m, version, random_message(r, m, version), &bytes, NULL, NULL), ST_OK);
        void *got = arena_alloc(r->arena, m->body->size);
        memset(got, 0x5A, m->body->size);
        size_t step = 1 + bytes.len / 200;
        for (size_t n = 0; n < bytes.len; n += n < 64 ? 1 : step) {
            struct str copy = copy_of(bytes.data, n);
            struct error err = { .message = "" };
            struct arena a;
            arena_init(&a, NULL);
            assert_int_equal(wire_decode(m, version, copy, &a, got, &err), ST_DATA);
            assert_true(err.offset >= 0 && err.offset <= (int64_t)n);
            for (size_t b = 0; b < m->body->size; b++) /* outputs untouched */
                assert_int_equal(((uint8_t *)got)[b], 0x5A);
            arena_release(&a);
            free((void *)(uintptr_t)copy.ptr);
        }
        if (!m->open) { /* and so is one byte too many */
            assert_true(buf_put_u8(&bytes, 0));
            assert_int_equal(wire_decode(m, version, buf_str(&bytes), r->arena, got, NULL), ST_DATA);
        }
        buf_release(&bytes);
    }
}

/* Changed bytes are refused, or mean something: then that has bytes of its own, which say the same. */
static void changes_do_no_harm(const struct wire_message *m, int16_t version, struct random *r)
{
    struct buf bytes;
    buf_init(&bytes, NULL, 1 << 22);
    assert_int_equal(wire_encode(m, version, random_message(r, m, version), &bytes, NULL, NULL), ST_OK);
    void *got = arena_alloc(r->arena, m->body->size), *twice = arena_alloc(r->arena, m->body->size);
    for (unsigned i = 0; i < CHANGES && bytes.len > 0; i++) {
        struct str copy = copy_of(bytes.data, bytes.len);
        char *at = (char *)(uintptr_t)copy.ptr + random_below(r, (uint32_t)bytes.len);
        *at = (char)(random_below(r, 2) ? random_below(r, 256) : random_below(r, 2) ? 0xFF : 0);
        struct arena a;
        arena_init(&a, NULL);
        if (wire_decode(m, version, copy, &a, got, NULL) == ST_OK) {
            struct buf out, text, text_again;
            buf_init(&out, NULL, 1 << 22);
            buf_init(&text, NULL, 1 << 24);
            buf_init(&text_again, NULL, 1 << 24);
            assert_int_equal(wire_encode(m, version, got, &out, NULL, NULL), ST_OK);
            assert_int_equal(wire_decode(m, version, buf_str(&out), &a, twice, NULL), ST_OK);
            assert_true(wire_print(m, version, got, &text) && wire_print(m, version, twice, &text_again));
            assert_true(str_eq(buf_str(&text), buf_str(&text_again)));
            buf_release(&out);
            buf_release(&text);
            buf_release(&text_again);
        }
        arena_release(&a);
        free((void *)(uintptr_t)copy.ptr);
    }
    buf_release(&bytes);
}

static void refusals_are_told(const struct wire_message *m, int16_t version, struct random *r)
{
    struct buf bytes;
    buf_init(&bytes, NULL, 1 << 22);
    r->small = true;
    const void *made = random_message(r, m, version);
    assert_int_equal(wire_encode(m, version, made, &bytes, NULL, NULL), ST_OK);
    void *got = arena_alloc(r->arena, m->body->size);
    for (size_t room = 0; room < bytes.len; room++) { /* a buffer that is full after any byte */
        struct buf small;
        struct error err = { .message = "" };
        buf_init(&small, NULL, room);
        assert_int_equal(wire_encode(m, version, made, &small, NULL, &err), ST_LIMIT);
        assert_int_equal(small.len, 0);
        buf_release(&small);
    }
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        struct error err = { .message = "" };
        struct budget budget;
        struct arena a;
        struct buf out;
        budget_init(&budget, "test", SIZE_MAX, NULL);
        arena_init(&a, &budget);
        buf_init(&out, &budget, 1 << 22);
        budget_fail_nth(n);
        struct error *told = n % 2 ? &err : NULL;
        enum status st = wire_decode(m, version, buf_str(&bytes), &a, got, told);
        if (st == ST_OK)
            st = wire_encode(m, version, got, &out, NULL, told);
        done = budget_takes() < n;
        budget_fail_nth(0);
        assert_int_equal(st, done ? ST_OK : ST_MEMORY);
        arena_release(&a);
        buf_release(&out);
    }
    buf_release(&bytes);
}

static void test_same_both_ways(void **state)
{
    (void)state;
    for_all_messages(1, same_both_ways);
}
static void test_cuts_are_refused(void **state)
{
    (void)state;
    for_all_messages(2, cuts_are_refused);
}
static void test_changes_do_no_harm(void **state)
{
    (void)state;
    for_all_messages(3, changes_do_no_harm);
}
static void test_refusals_are_told(void **state)
{
    (void)state;
    for_all_messages(4, refusals_are_told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_both_ways),
        cmocka_unit_test(test_cuts_are_refused),
        cmocka_unit_test(test_changes_do_no_harm),
        cmocka_unit_test(test_refusals_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
