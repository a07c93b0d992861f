/* The tables of kafka_*.def as descriptors: one wire_struct a STRUCT, one row of the API table an API. Structs that
 * nest in one another may stand in any order: their tables are declared in kafka.h. */
#include "wire/kafka.h"

/* A row's options, as designated members of a struct wire_field. */
#define SINCE(v) .since = (v)
#define UNTIL(v) .gone = (v) + 1
#define NULLABLE .nullable = 1
#define NULLABLE_SINCE(v) .nullable = (v) + 1
#define TAG(n) .tag = (n) + 1
#define DEFAULT(x) .def = (x)
#define EMPTY .def = 1
#define VITAL .vital = true

#define STRUCT(s)                                  \
    const struct wire_struct kafka_##s##_table = { \
        .name = #s, .size = sizeof(struct kafka_##s), .fields = (const struct wire_field[]){
#define FIELD(t, n, ...) { .name = #n, .type = WIRE_##t, __VA_ARGS__ },
#define LIST(t, n, ...) { .name = #n, .type = WIRE_##t, .array = true, __VA_ARGS__ },
#define MANY(s, n, ...) { .name = #n, .type = WIRE_STRUCT, .of = &kafka_##s##_table, .array = true, __VA_ARGS__ },
#define MAYBE(s, n, ...) { .name = #n, .type = WIRE_STRUCT, .of = &kafka_##s##_table, __VA_ARGS__ },
#define END { .type = WIRE_END } } };
#define API(...)
#define STORED(...)
#include "wire/kafka.def"

#define NEVER WIRE_NEVER
#define OPEN true
#define CLOSED false

/* By key; keys that we do not have are holes without a name. */
static const struct kafka_api apis[] = {
#define STRUCT(name)
#define FIELD(type, name, ...)
#define LIST(type, name, ...)
#define MANY(of, name, ...)
#define MAYBE(of, name, ...)
#define END
#define API(k, KEY, api, text, from, to, flexible)                                  \
    [k] = { .key = k,                                                               \
            .name = text,                                                           \
            .request = { &kafka_##api##_request_table, from, to, flexible, false }, \
            .response = { &kafka_##api##_response_table, from, to, flexible, false } },
#define STORED(...)
#include "wire/kafka.def"
};

#define STRUCT(name)
#define FIELD(type, name, ...)
#define LIST(type, name, ...)
#define MANY(of, name, ...)
#define MAYBE(of, name, ...)
#define END
#define API(...)
#define STORED(s, from, to, flexible, open) \
    const struct wire_message kafka_##s = { &kafka_##s##_table, from, to, flexible, open };
#include "wire/kafka.def"

enum { N_APIS = sizeof apis / sizeof apis[0] };

const struct kafka_api *kafka_api(int16_t key)
{
    return key >= 0 && key < N_APIS && apis[key].name ? &apis[key] : NULL;
}

const struct kafka_api *kafka_api_after(int16_t key)
{
    for (int32_t k = key < 0 ? 0 : key + 1; k < N_APIS; k++)
        if (apis[k].name)
            return &apis[k];
    return NULL;
}

int16_t kafka_api_says_from(const struct kafka_api *api)
{
    return api->key == KAFKA_PRODUCE ? 0 : api->request.from;
}
