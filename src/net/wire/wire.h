/* Bytes to structs and back for the protocols that Weir speaks: no I/O, no state, no decisions.
 *
 * A message is a table: its fields in order, each with a type and the versions that carry it. The tables in kafka_*.def
 * are written once, and give both the C structs that everybody uses (kafka.h) and the descriptors that wire_decode and
 * wire_encode walk; there is no code per message or version. Source of the layouts: the Kafka protocol guide
 * (kafka.apache.org/protocol) and what real brokers and clients send.
 *
 * Decoding borrows: strings, bytes and records point into the frame, arrays lie in the arena that the caller gives. A
 * length or a count never makes us allocate more than the bytes that are left could hold; depth is the tables'.
 * Encoding appends to a buffer. Records can be left out of the buffer and named as gaps, so that a fetch goes from the
 * file to the socket without a copy.
 *
 * All functions are pure and safe from any thread. */
#pragma once

#include "base/base.h"

/* ---- values ---- */

struct wire_uuid {
    uint8_t bytes[16];
};

/* Record batches inside a message: `bytes`, and when encoding behind them `gap_len` bytes that the sender puts between
 * (struct wire_gap). Null is bytes.ptr NULL without a gap. */
struct wire_records {
    struct str bytes;
    uint64_t gap_len;
    void *gap_owner; /* handed on in the gap */
};

/* In the structs a member has the type of its row. An array is a pointer NAME and a count n_NAME behind it; a nested
 * struct is a pointer. Null, where a version has it, is the pointer NULL (of a string: .ptr NULL): a null array has the
 * count 0, so that a loop over it is safe. What was decoded as empty has a pointer. */
enum wire_type {
    WIRE_END, /* behind the last field */
    WIRE_BOOL,
    WIRE_I8,
    WIRE_I16,
    WIRE_U16,
    WIRE_I32,
    WIRE_I64,
    WIRE_F64,
    WIRE_UUID,
    WIRE_STRING, /* struct str */
    WIRE_BYTES,  /* struct str */
    WIRE_RECORDS,
    WIRE_STRUCT, /* a pointer to a struct of its own table */
    WIRE_TYPES
};

/* ---- descriptors ---- */

/* A row of a table. In zero all of it is harmless: in every version, in line, never null. There is no offset: members
 * stand in the struct in the order of the rows, aligned as C does it (wire_place). */
struct wire_field {
    const char *name;             /* as in the protocol guide */
    const struct wire_struct *of; /* of a WIRE_STRUCT */
    int64_t def;                  /* a number's default; of what can be null 1 says that it is empty */
    uint8_t type;                 /* enum wire_type; of the element, when array */
    bool array;
    bool vital;       /* a value other than the default must not get lost: encoding a version without the field fails */
    int16_t since;    /* first version that carries it */
    int16_t gone;     /* first version that does not any more; 0: none */
    int16_t nullable; /* 1 + the first version that can hold null; 0: none */
    int16_t tag;      /* 1 + the tag; 0: in line */
};

struct wire_struct {
    const char *name;
    const struct wire_field *fields; /* a WIRE_END behind the last */
    uint32_t size;                   /* of the C struct */
};

/* One direction of one API, or a stored form such as the value of an offset. */
struct wire_message {
    const struct wire_struct *body;
    int16_t from, to; /* versions */
    int16_t flexible; /* the first with compact lengths and tags; WIRE_NEVER: none */
    bool open;        /* later versions are read as `to`, and bytes behind the table are passed over */
};
#define WIRE_NEVER INT16_MAX

/* Sets defaults. Structs that are built to be encoded start so: zero is not always the default. */
void wire_init(const struct wire_struct *table, void *ret);
/* `n` structs with defaults, beside each other; not NULL for n 0 (an empty array, not a null one). NULL: refused. */
void *wire_new(const struct wire_struct *table, size_t n, struct arena *a);

/* ---- bodies ---- */

/* Reads the whole of `bytes` as `m` in `version` into `ret` (of m->body->size). ST_DATA names the field
 * ("fetch_request v12: topics[2].partitions[0].fetch_offset: ...") and the byte (err->offset); bytes left over are
 * ST_DATA too, unknown tagged fields are passed over. ST_UNSUPPORTED: a version that the table does not have.
 * ST_MEMORY: the arena's budget. */
enum status wire_decode(const struct wire_message *m, int16_t version, struct str bytes, struct arena *a, void *ret,
                        struct error *err) MUST_USE;
/* The same, but bytes left over are nobody's business: for requests, as Kafka's own broker reads them (librdkafka 2.0
 * ends ListGroups 4 and DescribeGroups 5 with a byte too many). */
enum status wire_decode_front(const struct wire_message *m, int16_t version, struct str bytes, struct arena *a,
                              void *ret, struct error *err) MUST_USE;

/* A place in the encoded bytes where `len` bytes of somebody else's belong. */
struct wire_gap {
    size_t at; /* offset in the buffer */
    uint64_t len;
    void *owner;
};
struct wire_gaps {
    struct wire_gap *at;
    uint32_t count, room; /* the caller gives the room; too little is ST_LIMIT */
    uint64_t bytes;       /* of all of them */
};

/* Appends `message` (a struct of m's table) to `out`, or nothing when it fails. What a version does not carry is left
 * out, unless it is vital and not the default: ST_DATA. A null that a version cannot hold goes as empty; ST_DATA where
 * it is vital. `gaps` NULL: none allowed. ST_LIMIT: more than `out` may hold. */
enum status wire_encode(const struct wire_message *m, int16_t version, const void *message, struct buf *out,
                        struct wire_gaps *gaps, struct error *err) MUST_USE;

/* Stored forms: a version of two bytes, then the body. */
enum status wire_decode_stored(const struct wire_message *m, struct str bytes, struct arena *a, void *ret,
                               int16_t *ret_version, struct error *err) MUST_USE;
enum status wire_encode_stored(const struct wire_message *m, int16_t version, const void *message, struct buf *out,
                               struct error *err) MUST_USE;

/* ---- for eyes ---- */

/* Appends the fields that `version` carries as one line of JSON, tags that hold their default left out: bytes in hex,
 * of records how many bytes they are, UUIDs as Kafka prints them. false: no room. */
bool wire_print(const struct wire_message *m, int16_t version, const void *message, struct buf *out) MUST_USE;
/* 22 characters of URL-safe Base64 without padding, and a NUL. */
enum { WIRE_UUID_TEXT = 22 };
void wire_uuid_print(const struct wire_uuid *u, char out[WIRE_UUID_TEXT + 1]);
bool wire_uuid_parse(struct str text, struct wire_uuid *ret) MUST_USE;
bool wire_uuid_is_zero(const struct wire_uuid *u);

/* ---- walking a struct by its table: for this room and its tests ---- */

#define WIRE_C_BOOL bool
#define WIRE_C_I8 int8_t
#define WIRE_C_I16 int16_t
#define WIRE_C_U16 uint16_t
#define WIRE_C_I32 int32_t
#define WIRE_C_I64 int64_t
#define WIRE_C_F64 double
#define WIRE_C_UUID struct wire_uuid
#define WIRE_C_STRING struct str
#define WIRE_C_BYTES struct str
#define WIRE_C_RECORDS struct wire_records

struct wire_shape {
    uint8_t size, align;
    uint8_t least; /* encoded bytes at least, in any version */
};
extern const struct wire_shape wire_shapes[WIRE_TYPES];

static inline bool wire_carried(const struct wire_field *f, int16_t version)
{
    return version >= f->since && (f->gone == 0 || version < f->gone);
}
static inline bool wire_can_be_null(const struct wire_field *f, int16_t version)
{
    return f->nullable != 0 && version >= f->nullable - 1;
}
/* An array's pointer; its count stands behind it. */
struct wire_array {
    void *at;
    uint32_t n;
};
/* Where `f` lies; *next, the first free place in the struct, goes behind it. An array: a struct wire_array. */
static inline void *wire_place(uint8_t **next, const struct wire_field *f)
{
    struct wire_shape shape = wire_shapes[f->type];
    size_t size = f->array ? sizeof(void *) + sizeof(uint32_t) : shape.size;
    size_t align = f->array ? _Alignof(void *) : shape.align;
    uint8_t *at = *next + (-(uintptr_t)*next & (align - 1));
    *next = at + size;
    return at;
}
/* Bytes from one element of an array to the next. */
static inline size_t wire_stride(const struct wire_field *f)
{
    return f->type == WIRE_STRUCT ? f->of->size : wire_shapes[f->type].size;
}
/* Whether the value at `p` is what a version without the field stands for. */
bool wire_is_default(const struct wire_field *f, const void *p);
