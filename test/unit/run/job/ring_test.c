/* Rings: order, room for each kind of event, ownership, and two threads at once (the thread sanitizer's business). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job/job_private.h"

static struct field fields[1];
static struct schema schema = { fields, 1 };

static struct batch *batch_of(int64_t v, struct budget *b)
{
    struct batch *x = batch_new(&schema, 4, b);
    assert_non_null(x);
    x->cols[0].i64[0] = v;
    x->count = 1;
    return x;
}

static int setup(void **state)
{
    (void)state;
    fields[0] = (struct field){ STR("v"), type_basic(TYPE_BIGINT) };
    return 0;
}

static void test_order_and_ownership(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, "test", SIZE_MAX, NULL);
    for (uint32_t capacity = 1; capacity <= 9; capacity += 4) {
        struct ring *r = ring_new(capacity, &b);
        assert_non_null(r);
        assert_null(ring_peek(r));
        int64_t in = 0, out = 0;
        for (int round = 0; round < 100; round++) {
            struct ring_event ev = { .kind = EVENT_BATCH, .batch = batch_of(in, &b) };
            while (ring_push(r, &ev)) {
                in++;
                ev.batch = batch_of(in, &b);
            }
            batch_free(ev.batch); /* not taken: still ours */
            assert_int_equal(in - out, capacity);
            for (uint32_t k = 0; k <= (uint32_t)round % capacity; k++) {
                struct ring_event got = ring_pop(r);
                assert_int_equal(got.kind, EVENT_BATCH);
                assert_int_equal(got.batch->cols[0].i64[0], out++);
                batch_free(got.batch);
            }
        }
        ring_free(r); /* with what lies in it */
        assert_int_equal(b.used, 0);
    }
}

/* A ring full of batches takes watermarks; one full of both takes a barrier and the end. */
static void test_room(void **state)
{
    (void)state;
    struct ring *r = ring_new(1, NULL);
    struct ring_event data = { .kind = EVENT_BATCH, .batch = batch_of(1, NULL) };
    struct ring_event soft = { .kind = EVENT_WATERMARK, .time = 5 };
    struct ring_event idle = { .kind = EVENT_IDLE, .idle = true };
    struct ring_event barrier = { .kind = EVENT_BARRIER, .epoch = 9, .final = true };
    struct ring_event end = { .kind = EVENT_END };
    assert_true(ring_push(r, &data));
    assert_false(ring_room(r, EVENT_BATCH));
    for (uint32_t i = 0; i < RING_SOFT; i++)
        assert_true(ring_push(r, i % 2 ? &soft : &idle));
    assert_false(ring_push(r, &soft));
    assert_false(ring_push(r, &idle));
    assert_true(ring_push(r, &barrier));
    assert_true(ring_push(r, &end));
    batch_free(ring_pop(r).batch);
    assert_true(ring_room(r, EVENT_BATCH));
    assert_false(ring_room(r, EVENT_WATERMARK));
    assert_true(ring_pop(r).idle);
    assert_true(ring_room(r, EVENT_WATERMARK));
    assert_int_equal(ring_pop(r).time, 5);
    for (uint32_t i = 2; i < RING_SOFT; i++)
        (void)ring_pop(r);
    struct ring_event got = ring_pop(r);
    assert_int_equal(got.kind, EVENT_BARRIER);
    assert_int_equal(got.epoch, 9);
    assert_true(got.final);
    assert_int_equal(ring_pop(r).kind, EVENT_END);
    assert_null(ring_peek(r));
    ring_free(r);
}

static void test_refused(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, "test", 300, NULL);
    assert_null(ring_new(64, &b));
    assert_int_equal(b.used, 0);
}

#define EVENTS 30000

struct both {
    struct ring *ring;
    struct os *os;
    struct os_signal *signal; /* the producer's and the consumer's */
    atomic_bool sleeping[2];
    struct os_signal *wake[2];
};

static void nap(struct both *x, int who, bool (*news)(struct both *x))
{
    atomic_store(&x->sleeping[who], true);
    if (!news(x)) /* no deadline: a lost wake-up hangs the test */
        (void)x->os->ops->signal_wait(x->os, x->wake[who], INT64_MAX);
    atomic_store(&x->sleeping[who], false);
}

static void call(struct both *x, int who)
{
    if (atomic_load(&x->sleeping[who]))
        x->os->ops->signal_raise(x->os, x->wake[who]);
}

static bool has_event(struct both *x) { return ring_peek(x->ring) != NULL; }
static bool has_room(struct both *x) { return ring_room(x->ring, EVENT_BATCH) && ring_room(x->ring, EVENT_WATERMARK); }

static void produce(void *arg)
{
    struct both *x = arg;
    for (int64_t i = 0; i < EVENTS; i++) {
        struct ring_event ev = { .kind = i % 3 ? EVENT_BATCH : EVENT_WATERMARK, .time = i };
        ev.batch = i % 3 ? batch_of(i, NULL) : NULL;
        while (!ring_push(x->ring, &ev))
            nap(x, 0, has_room);
        call(x, 1);
    }
    struct ring_event end = { .kind = EVENT_END };
    assert_true(ring_push(x->ring, &end));
    call(x, 1);
}

/* Both sleep whenever they cannot go on, as workers do; every event comes once and in order. */
static void test_two_threads(void **state)
{
    (void)state;
    struct os *os = os_real();
    for (uint32_t capacity = 1; capacity <= 8; capacity *= 8) {
        struct both x = { .ring = ring_new(capacity, NULL), .os = os };
        x.wake[0] = os->ops->signal_new(os);
        x.wake[1] = os->ops->signal_new(os);
        struct os_thread *t;
        assert_int_equal(os->ops->thread_start(os, "producer", produce, &x, &t, NULL), ST_OK);
        for (int64_t i = 0;; i++) {
            while (!ring_peek(x.ring))
                nap(&x, 1, has_event);
            struct ring_event ev = ring_pop(x.ring);
            call(&x, 0);
            if (ev.kind == EVENT_END) {
                assert_int_equal(i, EVENTS);
                break;
            }
            assert_int_equal(ev.time, i);
            if (ev.batch)
                assert_int_equal(ev.batch->cols[0].i64[0], i);
            batch_free(ev.batch);
        }
        os->ops->thread_join(os, t);
        os->ops->signal_free(os, x.wake[0]);
        os->ops->signal_free(os, x.wake[1]);
        ring_free(x.ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_ownership), cmocka_unit_test(test_room), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
