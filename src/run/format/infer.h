/* What a sample's values look like: guesses that widen as values come. */
#pragma once

#include "private.h"

#define INFER_COLUMNS_MAX 1000u /* of a row */
#define INFER_DEPTH_MAX 16u     /* what is nested deeper is text */

enum guess_kind {
    GUESS_NOTHING, /* NULLs only */
    GUESS_BOOLEAN,
    GUESS_BIGINT,
    GUESS_DECIMAL, /* whole, of 38 digits at most */
    GUESS_DOUBLE,
    GUESS_DATE,
    GUESS_TIMESTAMP,
    GUESS_LTZ,
    GUESS_TEXT,
    GUESS_ARRAY,
    GUESS_ROW,
};

struct guess {
    enum guess_kind kind;
    int32_t precision; /* TIMESTAMP, LTZ: digits of a second */
    uint8_t styles;    /* … and how they are written: GUESS_SQL | GUESS_ISO */
    struct guess *element;
    ARRAY(struct guess_field) fields;
};
enum { GUESS_SQL = 1, GUESS_ISO = 2 };

struct guess_field {
    struct str name;
    struct guess guess;
};

/* What one text looks like. */
struct guess guess_text(struct str s);
/* Whole or not, checked to be a JSON number. */
struct guess guess_number(struct str s);
/* `to` widened so that it takes a value like `g`, which is no ROW or ARRAY. */
void guess_widen(struct guess *to, struct guess g);
/* `to` as a ROW or ARRAY; false: it is text now, since other values were there. */
bool guess_nest(struct guess *to, enum guess_kind kind);
/* A row's field, made when it is not there; *at: where to look first, then behind it. NULL: too many, or memory. */
struct guess *guess_field_of(struct guess *row, struct str name, uint32_t *at, struct arena *a);
/* One style for all times of a row: ISO-8601 where there is no other (true); what is written otherwise is text then. */
bool guess_settle_times(struct guess *row);
/* NULL: memory. */
const struct type *guess_type(const struct guess *g, struct arena *a);
enum status guess_schema(const struct guess *row, struct arena *a, struct schema *ret, struct error *err) MUST_USE;

enum status csv_infer(const struct table_desc *t, const struct sample *samples, uint32_t n, struct arena *a,
                      struct inferred *ret, struct error *err);
enum status json_infer(const struct table_desc *t, const struct sample *samples, uint32_t n, struct arena *a,
                       struct inferred *ret, struct error *err);
