/* Frames that another implementation has seen (kafka_frames.inc): each decodes to what it says and encodes to the same
 * bytes; there is one for every API, version and direction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/kafka.h"

#include <stdio.h>

enum kind { REQUEST, RESPONSE, STORED };

static const struct frame {
    enum kind kind;
    int16_t key;
    const char *name;
    int16_t version;
    const char *hex, *json;
} frames[] = {
#define FRAME(kind, key, name, version, hex, json) { kind, key, name, version, hex, json },
#include "kafka_frames.inc"
};
enum { FRAMES = sizeof frames / sizeof frames[0] };

static const struct wire_message *const stored[] = {
#define STORED_NAME(s) &kafka_##s
    STORED_NAME(offset_commit_key),     STORED_NAME(offset_commit_value),   STORED_NAME(group_metadata_key),
    STORED_NAME(group_metadata_value),  STORED_NAME(transaction_log_key),   STORED_NAME(transaction_log_value),
    STORED_NAME(control_record_key),    STORED_NAME(end_txn_marker),        STORED_NAME(consumer_subscription),
    STORED_NAME(consumer_assignment),
};
enum { STORED_FORMS = sizeof stored / sizeof stored[0] };

static const struct wire_message *message_of(const struct frame *f)
{
    if (f->kind != STORED) {
        const struct kafka_api *api = kafka_api(f->key);
        return !api ? NULL : f->kind == REQUEST ? &api->request : &api->response;
    }
    for (unsigned i = 0; i < STORED_FORMS; i++)
        if (strcmp(stored[i]->body->name, f->name) == 0)
            return stored[i];
    return NULL;
}

static struct str unhex(struct arena *a, const char *hex)
{
    size_t n = strlen(hex) / 2;
    uint8_t *to = arena_alloc(a, n + 1);
    assert_non_null(to);
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        to[i] = (uint8_t)v;
    }
    return str_make(to, n);
}

static void frames_say_what_they_say(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    for (unsigned i = 0; i < FRAMES; i++) {
        const struct frame *f = &frames[i];
        const struct wire_message *m = message_of(f);
        assert_non_null(m);
        assert_string_equal(m->body->name, f->name);
        struct str bytes = unhex(&a, f->hex);
        void *got = arena_alloc(&a, m->body->size);
        struct error err = { .message = "" };
        struct buf out, text;
        buf_init(&out, NULL, 1 << 20);
        buf_init(&text, NULL, 1 << 20);
        if (wire_decode(m, f->version, bytes, &a, got, &err) != ST_OK)
            fail_msg("%s", err.message);
        assert_true(wire_print(m, f->version, got, &text) && buf_put_u8(&text, 0));
        assert_string_equal((char *)text.data, f->json);
        if (wire_encode(m, f->version, got, &out, NULL, &err) != ST_OK)
            fail_msg("%s", err.message);
        assert_int_equal(out.len, bytes.len);
        assert_memory_equal(out.data, bytes.ptr, bytes.len);
        buf_release(&out);
        buf_release(&text);
        arena_reset(&a);
    }
    arena_release(&a);
}

static bool there(enum kind kind, int16_t key, const char *name, int16_t version)
{
    for (unsigned i = 0; i < FRAMES; i++)
        if (frames[i].kind == kind && frames[i].key == key && frames[i].version == version &&
            (kind != STORED || strcmp(frames[i].name, name) == 0))
            return true;
    return false;
}

static void every_version_has_a_frame(void **state)
{
    (void)state;
    for (const struct kafka_api *k = kafka_api_after(-1); k; k = kafka_api_after(k->key))
        for (int16_t v = k->request.from; v <= k->request.to; v++) {
            assert_true(there(REQUEST, k->key, NULL, v));
            assert_true(there(RESPONSE, k->key, NULL, v));
        }
    for (unsigned i = 0; i < STORED_FORMS; i++)
        for (int16_t v = stored[i]->from; v <= stored[i]->to; v++)
            assert_true(there(STORED, 0, stored[i]->body->name, v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_say_what_they_say),
        cmocka_unit_test(every_version_has_a_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
