/* The JSON decoder's insides, shared by its four files, and the encoder's:
 *   json_tree.c    the schema as a tree of fields, key look-up, learned key order
 *   json_value.c   the general path: any value through the text room's scanner
 *   json_fast.c    the speculating scanner
 *   json_decode.c  records, chunks, batches
 *   json_put.c     rows into text */
#pragma once

#include "private.h"

/* What the speculating scanner does with a value; ACT_SLOW goes the general way. */
enum json_action {
    ACT_SKIP,
    ACT_I32,
    ACT_I64,
    ACT_F64,
    ACT_DECIMAL, /* of 18 digits at most */
    ACT_BOOL,
    ACT_TEXT,
    ACT_TIMESTAMP,
    ACT_ROW,
    ACT_SLOW,
};

struct json_node;

/* One place in the schema tree: a column, a ROW's field, an ARRAY's element, a MAP's key or value. */
struct json_field {
    struct str name;                 /* empty for elements */
    const struct json_field *parent; /* for messages */
    const struct type *type;
    enum phys phys;
    enum json_action action;
    bool needed, in_list;
    uint32_t index;            /* in its node */
    struct json_node *node;    /* ROW */
    struct json_field *inside; /* ARRAY: element; MAP: key and value; MULTISET: element */
    int64_t min, max;          /* ACT_I32, ACT_DECIMAL (unscaled) */
    int64_t per_ms;            /* ACT_TIMESTAMP: storage units a millisecond */
    /* Bound for each call: */
    struct column *col;
    union {
        void *data;
        uint8_t *b;
        int32_t *i32;
        int64_t *i64;
        double *f64;
        struct strview *str;
    };
    uint8_t *nulls;  /* as col->nulls */
    uint32_t shared; /* the chunk's index in col->bufs; UINT32_MAX: not yet */
};

/* What is expected next in an object: the bytes from behind '{' or ',' to the value, as they were once seen. */
#define LITERAL_MAX 64u
struct json_expect {
    char literal[LITERAL_MAX]; /* zeros behind `len` */
    uint16_t mask[2];          /* which of the first 2 × 16 bytes count */
    uint16_t len;
    uint16_t action;           /* enum json_action */
    struct json_field *field;  /* NULL: a key that the schema does not know */
};

/* The members of one object type and the order in which they were seen to come. */
struct json_node {
    struct json_field *fields;
    uint32_t n_fields;
    uint32_t depth; /* of its members: 1 at the top */
    uint32_t *slots, slot_mask; /* key hash → field index + 1 */
    struct json_expect *expect;
    uint32_t n_expect, cap_expect;
    uint32_t stop;    /* so many expectations are followed: all, or (json.validate=needed) up to the last needed one */
    bool partial;     /* early, and all needed fields are expected: stop leaves the rest unread */
    uint32_t *absent; /* fields that no expectation has */
    uint32_t n_absent;
    uint64_t *seen;   /* bits of the object being read */
    uint64_t *listed; /* bits of the fields in `expect` */
    uint32_t n_needed;
    bool early; /* nothing is read behind the last needed field: the top node under json.validate=needed */
};

/* Bytes behind a record's end that the fast path may load (not use). */
#define JSON_SLACK 128u

struct json_decoder {
    struct decoder base;
    struct arena arena;
    struct budget *budget;
    struct json_settings settings;
    struct json_node *root;
    bool at_start; /* of a split: a byte order mark may come */
    /* While decoding: */
    struct shared *chunk;
    const char *limit;      /* no string goes on behind this */
    const char *region_end; /* of whole lines, or of the one message */
    const char *line_end;   /* first newline at or behind the place last asked for; for a message its end */
    bool lines;
    bool fast_off; /* tests: general path only */
    /* The newest fault of the general path: */
    const char *fault_at;
    char reason[200];
    bool memory;
    /* The date and time up to the minute that was last read, and its milliseconds: */
    char minute[16];
    int64_t minute_ms;
    struct buf scratch;
    struct json_canon canon;
};

/* json_tree.c */
enum status json_tree_new(struct json_decoder *d, const struct schema *s, const struct need *needs,
                          struct error *err) MUST_USE;
struct json_field *json_node_find(const struct json_node *n, struct str key, bool escaped);
/* Puts what stood before a value into the learned order at place `at`; returns where it is, or UINT32_MAX. */
uint32_t json_node_learn(struct json_node *n, uint32_t at, struct str literal, struct json_field *f);
static inline void json_seen_clear(struct json_node *n)
{
    for (uint32_t i = 0; i <= n->n_fields / 64; i++)
        n->seen[i] = 0;
}
static inline bool json_bit(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> i % 64 & 1;
}
/* Marks a field as seen; returns whether it was needed and not seen yet. */
static inline bool json_seen(struct json_node *n, const struct json_field *f)
{
    bool first = f->needed && !json_bit(n->seen, f->index);
    n->seen[f->index / 64] |= 1ull << f->index % 64;
    return first;
}

/* json_value.c */
/* Takes the value at j->at. TAKEN_BAD: d->reason and d->fault_at say why. */
enum taken json_take(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j) MUST_USE;
enum taken json_take_null(struct json_decoder *d, struct json_field *f, uint32_t row, const char *at) MUST_USE;
/* NULLs for the fields that `seen` lacks. */
enum taken json_take_absent(struct json_decoder *d, struct json_node *n, uint32_t row, const char *at) MUST_USE;
enum taken json_take_missing(struct json_decoder *d, struct json_field *f, uint32_t row, const char *at) MUST_USE;
/* The whole record, the general way. */
enum taken json_take_record(struct json_decoder *d, uint32_t row, struct str record) MUST_USE;

/* json_fast.c */
/* Reads the object at p ('{' stands there) into `row`. Returns behind it (or, when root->partial, behind the last
 * needed value), or NULL: go the general way. */
const char *json_fast_record(struct json_decoder *d, const char *p, uint32_t row);

/* json_put.c: rows as json_write_row writes them, faster. */
struct json_put_field {
    struct str lead; /* what stands before the value */
    uint8_t action;
    struct millis_text millis;
};
struct json_put {
    const struct json_writer *writer;
    struct json_put_field *fields;
    uint32_t n;  /* of them; 0: all goes the general way */
    size_t room; /* that a row needs besides its texts */
};
enum status json_put_init(struct json_put *p, const struct json_writer *w, struct arena *a, struct error *err) MUST_USE;
enum status json_put_row(struct json_put *p, const struct column *cols, uint32_t row, struct budget *b, struct buf *out,
                         struct error *err) MUST_USE;

/* json_decode.c, for tests and fuzzing: forgoes the fast path. */
void json_decoder_general_only(struct decoder *d);
