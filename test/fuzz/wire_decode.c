/* Fuzzing messages: requests with their header, bodies of any message and version, and frames that were right before
 * a few bytes of them were changed (the seeds are thus in here: test/unit/net/wire/kafka_frames.inc). What can be read
 * is written, read and printed again, and must say the same. */
#include <stdlib.h>

#include "wire/kafka.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { REQUEST, RESPONSE, STORED };
static const struct frame {
    enum kind kind;
    int16_t key;
    const char *name;
    int16_t version;
    const char *hex, *json;
} frames[] = {
#define FRAME(kind, key, name, version, hex, json) { kind, key, name, version, hex, json },
#include "../unit/net/wire/kafka_frames.inc"
};
enum { FRAMES = sizeof frames / sizeof frames[0] };

static const struct wire_message *const stored[] = {
    &kafka_offset_commit_key,   &kafka_offset_commit_value,   &kafka_group_metadata_key,
    &kafka_group_metadata_value, &kafka_transaction_log_key,  &kafka_transaction_log_value,
    &kafka_control_record_key,  &kafka_end_txn_marker,        &kafka_consumer_subscription,
    &kafka_consumer_assignment,
};
enum { STORED_FORMS = sizeof stored / sizeof stored[0] };

static void check_message(const struct wire_message *m, int16_t version, const uint8_t *bytes, size_t len)
{
    struct budget budget;
    struct arena a;
    struct error err = { .message = "" };
    budget_init(&budget, "fuzz", 8 << 20, NULL);
    arena_init(&a, &budget);
    char *copy = malloc(len ? len : 1); /* of its own size */
    void *got = malloc(m->body->size), *twice = malloc(m->body->size);
    CHECK(copy && got && twice);
    if (len)
        memcpy(copy, bytes, len);
    enum status st = wire_decode(m, version, (struct str){ copy, len }, &a, got, &err);
    CHECK(st == ST_OK || st == ST_DATA || st == ST_UNSUPPORTED || st == ST_MEMORY);
    CHECK(st == ST_OK || err.message[0]);
    if (st == ST_OK) {
        if (version > m->to)
            version = m->to; /* an open form */
        struct buf out, text, text_again;
        buf_init(&out, NULL, 1 << 24);
        buf_init(&text, NULL, 1 << 24);
        buf_init(&text_again, NULL, 1 << 24);
        CHECK(wire_encode(m, version, got, &out, NULL, &err) == ST_OK);
        CHECK(wire_decode(m, version, buf_str(&out), &a, twice, &err) == ST_OK);
        CHECK(wire_print(m, version, got, &text) && wire_print(m, version, twice, &text_again));
        CHECK(str_eq(buf_str(&text), buf_str(&text_again)));
        buf_release(&out);
        buf_release(&text);
        buf_release(&text_again);
    }
    free(copy);
    free(got);
    free(twice);
    arena_release(&a);
}

/* A frame, and pairs of a place and a value. */
static void check_changed(const uint8_t *data, size_t size)
{
    const struct frame *f = &frames[((unsigned)data[0] << 8 | data[1]) % FRAMES];
    const struct kafka_api *api = f->kind == STORED ? NULL : kafka_api(f->key);
    const struct wire_message *m = !api ? NULL : f->kind == REQUEST ? &api->request : &api->response;
    for (unsigned i = 0; i < STORED_FORMS && !m; i++)
        m = strcmp(stored[i]->body->name, f->name) == 0 ? stored[i] : NULL;
    CHECK(m);
    size_t len = strlen(f->hex) / 2;
    uint8_t *bytes = malloc(len + 1);
    CHECK(bytes);
    for (size_t i = 0; i < len; i++) {
        char digits[3] = { f->hex[2 * i], f->hex[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    for (size_t i = 2; i + 1 < size && len > 0; i += 2)
        bytes[data[i] % len] = data[i + 1];
    check_message(m, f->version, bytes, len);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    const struct kafka_api *api = kafka_api(data[1]);
    int16_t version = (int8_t)data[2];
    switch (data[0] % 5) {
    case 0:
        check_changed(data + 1, size - 1);
        break;
    case 1:
    case 2:
        if (api)
            check_message(data[0] % 5 == 1 ? &api->request : &api->response, version, data + 3, size - 3);
        break;
    case 3:
        check_message(stored[data[1] % STORED_FORMS], version, data + 3, size - 3);
        break;
    case 4: {
        struct kafka_request_header h;
        if (kafka_request_read(str_make(data + 1, size - 1), &h, NULL) == ST_OK && h.supported)
            check_message(&h.api->request, h.version, (const uint8_t *)h.body.ptr, h.body.len);
        int32_t id;
        struct str body;
        if (api && kafka_response_read(api, version, str_make(data + 3, size - 3), &id, &body, NULL) == ST_OK)
            CHECK(body.len <= size);
        break;
    }
    }
    return 0;
}
