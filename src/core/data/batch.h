/* Columns and batches.
 *
 * A batch holds up to `capacity` rows (BATCH_ROWS unless a test asks for less) of columns. Its owner made
 * it with batch_new and reuses it with batch_clear. Everybody else borrows: a batch given to a function
 * is valid during the call. Copies of `struct column` by value borrow as well, so a projection that
 * passes a column through copies the struct and nothing else. Who keeps rows longer copies them
 * (column_append_from, row_encode).
 *
 * Strings are Arrow's string-view: length, then 12 bytes inline, or 4 bytes of prefix, buffer index and
 * offset. Long strings lie in counted buffers that the column references. Bytes past the length of an
 * inline string are zero.
 *
 * NULL: `nulls[i]` is 1. `nulls` may be NULL pointer: no row is null. The data under a null is some
 * initialised value that must not be looked at.
 *
 * Selection: when `sel` is not NULL only rows sel[0..n_sel) count, in that order (ascending). `kinds` NULL: every row
 * is an insert. */
#pragma once

#include "data/type.h"

#define BATCH_ROWS 1024u

enum row_kind { ROW_INSERT = 0, ROW_UPDATE_BEFORE = 1, ROW_UPDATE_AFTER = 2, ROW_DELETE = 3 };
static inline bool row_kind_adds(uint8_t kind) { return kind == ROW_INSERT || kind == ROW_UPDATE_AFTER; }
const char *row_kind_name(uint8_t kind); /* "+I", "-U", "+U", "-D" */

struct strview {
    uint32_t len;
    union {
        char inlined[12];
        struct {
            char prefix[4];
            uint32_t buffer, offset;
        } ref;
    };
};

struct listview {
    uint32_t offset, len; /* rows of the child */
};

struct column {
    const struct type *type;
    uint8_t *nulls;
    union {
        void *data;
        uint8_t *b;
        int32_t *i32;
        int64_t *i64;
        __int128 *i128;
        float *f32;
        double *f64;
        struct strview *str;
        struct listview *list;
    };
    struct column *children; /* ROW: n_fields, ARRAY: 1, MAP and MULTISET: 2 */
    uint32_t n_children;
    uint32_t rows, cap;    /* of a list's child: rows in use; room in data and nulls. Top level: cap only */
    struct shared **bufs;  /* long strings; index as in strview.ref.buffer */
    uint32_t n_bufs, cap_bufs;
    struct budget *budget; /* whom a growing column charges */
    uint8_t *null_store;   /* the owner's null array even while `nulls` is NULL */
    bool owned;            /* made by column_init: release frees it */
};

static inline bool column_is_null(const struct column *c, uint32_t row) { return c->nulls && c->nulls[row]; }
static inline struct str column_str(const struct column *c, uint32_t row)
{
    const struct strview *v = &c->str[row];
    if (v->len <= 12)
        return (struct str){ v->inlined, v->len };
    return (struct str){ (const char *)c->bufs[v->ref.buffer]->data + v->ref.offset, v->len };
}

/* An owned column with room for `cap` rows (children of lists grow). */
bool column_init(struct column *c, const struct type *t, uint32_t cap, struct budget *b) MUST_USE;
void column_release(struct column *c);
/* Forgets all rows: nulls off, string buffers dropped (or the only one kept for reuse when not shared), list
 * children emptied. */
void column_clear(struct column *c);
/* Room for `cap` rows; keeps the contents. */
bool column_grow(struct column *c, uint32_t cap) MUST_USE;
/* Marks a row as null (turns the null array on, with the earlier rows not null). */
void column_set_null(struct column *c, uint32_t row);
/* Turns the null array on (all 0 when it was off) and returns it. */
uint8_t *column_nulls(struct column *c, uint32_t rows);
/* Copies the bytes into the column (inline or into its own open buffer). false: memory refused. */
bool column_set_str(struct column *c, uint32_t row, const void *ptr, size_t len) MUST_USE;
/* Room for `len` bytes of string to be written in place; then column_set_str_at sets the view. */
uint8_t *column_str_room(struct column *c, size_t len, uint32_t *ret_buffer, uint32_t *ret_offset);
void column_set_str_at(struct column *c, uint32_t row, uint32_t buffer, uint32_t offset, size_t len);
/* Lets the column reference `s` (takes one reference itself); returns the index for views, UINT32_MAX when
 * memory is refused. A buffer that is already the last one is not added twice. */
uint32_t column_share(struct column *c, struct shared *s);
/* Starts a list at `row` with `len` new elements in the child(ren); *ret_first is the first one's row. */
bool column_start_list(struct column *c, uint32_t row, uint32_t len, uint32_t *ret_first) MUST_USE;
/* dst[dst_row] = src[src_row]; deep, same type. Long strings are referenced when src's buffer is counted and
 * `share`, else copied. */
bool column_copy(struct column *dst, uint32_t dst_row, const struct column *src, uint32_t src_row, bool share) MUST_USE;
/* dst[dst_row + k] = src[rows[k]] for k < n, column at a time (rows NULL: 0, 1, …). */
bool column_gather(struct column *dst, uint32_t dst_row, const struct column *src, const uint16_t *rows, uint32_t n,
                   bool share) MUST_USE;
/* Values equal? NULL equals NULL here. Deep. MAPs compare as sets of pairs. −0 = 0, NaN = NaN. */
bool column_equal(const struct column *a, uint32_t row_a, const struct column *b, uint32_t row_b);
/* SQL order of non-null values: <0, 0, >0; text by bytes, NaN last, rows and arrays by element, null first inside. */
int column_compare(const struct column *a, uint32_t row_a, const struct column *b, uint32_t row_b);

struct batch {
    const struct schema *schema;
    uint32_t count;    /* rows present */
    uint32_t capacity;
    struct column *cols;
    uint16_t *sel; /* NULL: all rows */
    uint32_t n_sel;
    uint8_t *kinds; /* NULL: all inserts */
    /* the owner's storage */
    struct budget *budget;
    uint16_t *sel_store;
    uint8_t *kind_store;
};

/* Rows that count. */
static inline uint32_t batch_rows(const struct batch *b) { return b->sel ? b->n_sel : b->count; }
static inline uint32_t batch_row(const struct batch *b, uint32_t k) { return b->sel ? b->sel[k] : k; }
static inline uint8_t batch_kind(const struct batch *b, uint32_t row) { return b->kinds ? b->kinds[row] : ROW_INSERT; }

struct batch *batch_new(const struct schema *s, uint32_t capacity, struct budget *b); /* NULL when refused */
void batch_free(struct batch *b);                                                   /* NULL is allowed */
void batch_clear(struct batch *b);
/* Turns the kind column on (all inserts so far) and returns it. */
uint8_t *batch_kinds(struct batch *b);
/* Appends row `row` of `src` (same schema) with its kind. The batch has room. */
bool batch_append(struct batch *dst, const struct batch *src, uint32_t row, bool share) MUST_USE;
/* Appends rows[0..n) of src. */
bool batch_append_rows(struct batch *dst, const struct batch *src, const uint16_t *rows, uint32_t n,
                       bool share) MUST_USE;
/* Bytes that the batch pins and bytes that its values use: copy out when pinned > 8 × used. */
void batch_footprint(const struct batch *b, size_t *ret_pinned, size_t *ret_used);
