/* SQL types and schemas. Types are immutable and live in the arena of who made them (the basic ones are
 * static); they are compared by type_equal, never by pointer.
 *
 * Each type has one physical form (`phys`): how a column stores it. */
#pragma once

#include "base/base.h"

enum type_kind {
    TYPE_NULL, /* of a bare NULL literal, before coercion */
    TYPE_BOOLEAN,
    TYPE_TINYINT,
    TYPE_SMALLINT,
    TYPE_INT,
    TYPE_BIGINT,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_DECIMAL,   /* precision 1–38, scale 0–precision */
    TYPE_CHAR,      /* length: code points */
    TYPE_VARCHAR,   /* length; STRING is VARCHAR(TYPE_UNBOUNDED) */
    TYPE_BINARY,    /* length: bytes */
    TYPE_VARBINARY, /* BYTES is VARBINARY(TYPE_UNBOUNDED) */
    TYPE_DATE,
    TYPE_TIME,           /* precision 0–3 kept; ms of day */
    TYPE_TIMESTAMP,      /* precision 0–9 */
    TYPE_TIMESTAMP_LTZ,  /* precision 0–9 */
    TYPE_INTERVAL_MONTH, /* year-month family, in months */
    TYPE_INTERVAL_DAY,   /* day-time family, in ms */
    TYPE_ROW,
    TYPE_ARRAY,
    TYPE_MAP,
    TYPE_MULTISET, /* physically MAP<element, INT> */
    TYPE_VARIANT,  /* JSON in one form: text/json_canonical.c */
    TYPE_KINDS
};

#define TYPE_UNBOUNDED 2147483647

enum phys {
    PHYS_BOOL,    /* uint8_t 0 or 1 */
    PHYS_I32,     /* TINYINT, SMALLINT, INT, DATE (days), TIME (ms of day), INTERVAL_MONTH */
    PHYS_I64,     /* BIGINT, TIMESTAMP(p), TIMESTAMP_LTZ(p), INTERVAL_DAY (ms), DECIMAL(p <= 18) unscaled */
    PHYS_I128,    /* DECIMAL(p > 18) unscaled */
    PHYS_F32,
    PHYS_F64,
    PHYS_STRING,  /* CHAR, VARCHAR, BINARY, VARBINARY, VARIANT: struct strview */
    PHYS_LIST,    /* ARRAY: struct listview into child 0 */
    PHYS_MAP,     /* MAP, MULTISET: struct listview into children 0 (keys) and 1 (values) */
    PHYS_ROW,     /* ROW: a child a field; no own data */
    PHYS_COUNT
};

/* A time attribute travels with the type inside a plan, not into files. */
enum time_attribute { TIME_NONE, TIME_EVENT, TIME_PROCESSING };

struct type {
    enum type_kind kind;
    bool nullable;
    enum time_attribute time; /* TIMESTAMP, TIMESTAMP_LTZ only */
    int32_t precision;        /* DECIMAL, TIME, TIMESTAMP*; CHAR, VARCHAR, BINARY, VARBINARY: length */
    int32_t scale;            /* DECIMAL */
    uint8_t interval_from, interval_to; /* INTERVAL_*: enum time_unit as written: of one unit a number can be cast */
    uint32_t n_fields;        /* ROW */
    const struct field *fields;
    const struct type *element; /* ARRAY, MULTISET; MAP: value */
    const struct type *key;     /* MAP */
};

struct field {
    struct str name;
    const struct type *type;
};

/* An ordered list of named columns. */
struct schema {
    const struct field *fields;
    uint32_t n_fields;
};

enum phys type_phys(const struct type *t);
/* Bytes of one value in a column's data array; 0 for ROW. */
size_t phys_size(enum phys p);

/* The nullable basic types, without parameters; NULL for kinds that need some (DECIMAL gives (10, 0), CHAR,
 * BINARY length 1, VARCHAR/VARBINARY unbounded, TIME(0), TIMESTAMP(6), TIMESTAMP_LTZ(6)). */
const struct type *type_basic(enum type_kind kind);
const struct type *type_string(void);  /* nullable STRING */
const struct type *type_bytes(void);   /* nullable BYTES */
const struct type *type_decimal(struct arena *a, int32_t precision, int32_t scale);
const struct type *type_with_length(struct arena *a, enum type_kind kind, int32_t length);
const struct type *type_timestamp(struct arena *a, enum type_kind kind, int32_t precision);
const struct type *type_array(struct arena *a, const struct type *element);
const struct type *type_map(struct arena *a, const struct type *key, const struct type *value);
const struct type *type_multiset(struct arena *a, const struct type *element);
const struct type *type_row(struct arena *a, const struct field *fields, uint32_t n);
const struct type *type_nullable(struct arena *a, const struct type *t, bool nullable);
const struct type *type_with_time(struct arena *a, const struct type *t, enum time_attribute time);
const struct type *type_copy(struct arena *a, const struct type *t); /* deep */

/* Same type; nullability counts when `nulls` (deeply), time attributes never. */
bool type_equal(const struct type *a, const struct type *b, bool nulls);
/* As Flink prints it: "DECIMAL(10, 2) NOT NULL", "ROW<`a` INT, `b` STRING>", "VARCHAR(5)", "TIMESTAMP(3) *ROWTIME*" is
 * not printed here: time attributes are left out. */
bool type_print(struct buf *out, const struct type *t) MUST_USE;
struct str type_name(struct arena *a, const struct type *t);

static inline bool type_is_integer(const struct type *t) { return t->kind >= TYPE_TINYINT && t->kind <= TYPE_BIGINT; }
static inline bool type_is_numeric(const struct type *t) { return t->kind >= TYPE_TINYINT && t->kind <= TYPE_DECIMAL; }
static inline bool type_is_text(const struct type *t) { return t->kind == TYPE_CHAR || t->kind == TYPE_VARCHAR; }
static inline bool type_is_bytes(const struct type *t) { return t->kind == TYPE_BINARY || t->kind == TYPE_VARBINARY; }
static inline bool type_is_interval(const struct type *t)
{
    return t->kind == TYPE_INTERVAL_MONTH || t->kind == TYPE_INTERVAL_DAY;
}
static inline bool type_is_timestamp(const struct type *t)
{
    return t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ;
}

int32_t schema_find(const struct schema *s, struct str name); /* -1 when absent */
struct schema schema_copy(struct arena *a, const struct schema *s);
bool schema_equal(const struct schema *a, const struct schema *b); /* names and types, nullability too */
