/* Kafka's messages as C structs, the table of its APIs, headers, frames and error codes.
 *
 * How to read the tables in kafka_*.def, line by line beside the protocol guide:
 *
 *   API(key, KEY, name, "Name", from, to, flexible)
 *                                structs name_request and name_response below, in the versions from..to; from
 *                                `flexible` on with compact lengths and tags (NEVER: in none)
 *   STORED(name, from, to, flexible, OPEN|CLOSED)
 *                                struct name below, behind a version of two bytes; OPEN: later versions are read as
 *                                `to`, and bytes behind the known ones are passed over
 *   STRUCT(name) ... END         struct kafka_name, its fields in the order of the wire; what nests in it stands below
 *   FIELD(TYPE, name, ...)       one value (wire.h says which C type)
 *   LIST(TYPE, name, ...)        an array of values: pointer name, count n_name
 *   MANY(struct, name, ...)      an array of structs: the same
 *   MAYBE(struct, name, ...)     one struct that may be missing: pointer name
 *
 *   SINCE(v) UNTIL(v)            the versions that carry it, both included; without: all of the struct's
 *   NULLABLE NULLABLE_SINCE(v)   may be null
 *   TAG(n)                       not in line but tagged, left out when it holds its default
 *   DEFAULT(x)                   the value where it is not carried, and where nobody set one; without: 0, or null, or
 *                                empty where null cannot be
 *   EMPTY                        empty is the default, although null could be
 *   VITAL                        must not get lost in a version that does not carry it: wire_encode then fails
 *
 * From the rows of Fetch come KAFKA_FETCH, kafka_api(KAFKA_FETCH), struct kafka_fetch_request, its table
 * kafka_fetch_request_table, and the same for each nested struct (kafka_fetch_request_topic). Versions are those of
 * Kafka 4.3. A frame is a length of four bytes, a header and a body. */
#pragma once

#include "wire/wire.h"

#define STRUCT(name)                                      \
    extern const struct wire_struct kafka_##name##_table; \
    struct kafka_##name {
#define FIELD(type, name, ...) WIRE_C_##type name;
#define LIST(type, name, ...) \
    WIRE_C_##type *name;      \
    uint32_t n_##name;
#define MANY(of, name, ...)  \
    struct kafka_##of *name; \
    uint32_t n_##name;
#define MAYBE(of, name, ...) struct kafka_##of *name;
#define END };
#define API(...)
#define STORED(name, ...) extern const struct wire_message kafka_##name;
#include "wire/kafka.def"

/* KAFKA_NEW(arena, fetch_response_partition, 3): three structs with defaults, or NULL when the budget refuses. */
#define KAFKA_NEW(arena, name, n) ((struct kafka_##name *)wire_new(&kafka_##name##_table, (n), (arena)))
/* KAFKA_INIT(fetch_response, &r) */
#define KAFKA_INIT(name, ret)                            \
    do {                                                 \
        struct kafka_##name *wire_init_to_ = (ret);      \
        wire_init(&kafka_##name##_table, wire_init_to_); \
    } while (0)

/* ---- APIs ---- */

enum kafka_key {
#define STRUCT(name)
#define FIELD(type, name, ...)
#define LIST(type, name, ...)
#define MANY(of, name, ...)
#define MAYBE(of, name, ...)
#define END
#define API(key, KEY, ...) KAFKA_##KEY = key,
#define STORED(...)
#include "wire/kafka.def"
};

struct kafka_api {
    int16_t key; /* enum kafka_key */
    const char *name;
    struct wire_message request, response;
};

const struct kafka_api *kafka_api(int16_t key);       /* NULL: unknown to us */
const struct kafka_api *kafka_api_after(int16_t key); /* by rising key; begin with -1; NULL: no more */
/* The first version to advertise: Produce says 0, though what is below 3 is refused. */
int16_t kafka_api_says_from(const struct kafka_api *api);
static inline bool kafka_api_has(const struct kafka_api *api, int16_t version)
{
    return version >= api->request.from && version <= api->request.to;
}

/* ---- headers and frames ---- */

struct kafka_request_header {
    int16_t key, version;
    int32_t correlation_id;
    struct str client_id;        /* .ptr NULL: null */
    const struct kafka_api *api; /* NULL: unknown; then client_id and the body are not read */
    bool supported;              /* api is known, and in this version */
    struct str body;
};
/* `frame`: what follows the length. Succeeds for any key and version, as far as it goes: look at api and supported.
 * ST_DATA: cut off, or no header. */
enum status kafka_request_read(struct str frame, struct kafka_request_header *ret, struct error *err) MUST_USE;
/* `api` and `version` are those of the request. */
enum status kafka_response_read(const struct kafka_api *api, int16_t version, struct str frame,
                                int32_t *ret_correlation_id, struct str *ret_body, struct error *err) MUST_USE;

/* Appends a whole frame, length and header included (in the length also the gaps), or nothing when it fails. */
enum status kafka_request_put(const struct kafka_api *api, int16_t version, int32_t correlation_id,
                              struct str client_id, const void *request, struct buf *out, struct error *err) MUST_USE;
enum status kafka_response_put(const struct kafka_api *api, int16_t version, int32_t correlation_id,
                               const void *response, struct buf *out, struct wire_gaps *gaps,
                               struct error *err) MUST_USE;

/* ---- errors ---- */

enum kafka_error_code {
#define ERROR(code, NAME, again, text) KAFKA_E_##NAME = code,
#include "wire/kafka_errors.def"
#undef ERROR
};

struct kafka_error {
    int16_t code;
    bool again; /* a client may try again */
    const char *name, *text;
};
const struct kafka_error *kafka_error(int16_t code);         /* of an unknown code: UNKNOWN_SERVER_ERROR's */
const struct kafka_error *kafka_error_find(struct str name); /* NULL: no such name */
