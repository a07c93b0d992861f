/* Expressions: typed trees, the function table, programs over batches, aggregates.
 *
 * A tree is built bottom-up by the expr_* constructors, which apply Flink's typing rules: implicit casts
 * become nodes, wrong arguments become errors with a place. Trees are immutable and live in an arena.
 * expr_compile flattens trees into steps over type-specialised kernels, one loop a batch; common
 * sub-trees are computed once, constants once. A program owns scratch columns, so each task has its own.
 *
 * NULL: three-valued logic. A failing row (CAST, division by zero) fails the run with ST_EXPRESSION, but
 * only if the row counts: kernels look at selected rows only, CASE and AND/OR/COALESCE evaluate their branches
 * over the rows that reach them. */
#pragma once

#include "data/data.h"

/* ---- trees ---- */

enum expr_kind {
    EXPR_COLUMN,  /* input column `column` */
    EXPR_LITERAL, /* `value`: a column of one row */
    EXPR_CALL,    /* function->kernel over args, already of the types it wants */
    EXPR_CAST,    /* args[0] to type; is_try */
    EXPR_CASE,    /* when, then, …, else: an even number of pairs and one else; conditions BOOLEAN, results of `type` */
    EXPR_AND,     /* n-ary, lazy */
    EXPR_OR,
    EXPR_FIELD,   /* field `column` of a ROW */
};

#define EXPR_MAX_DEPTH 2000u

struct function;

struct expr {
    enum expr_kind kind;
    const struct type *type;
    uint32_t line, column_at; /* place in the SQL text */
    uint32_t column;
    bool is_try;
    const struct function *function;
    const struct expr **args;
    uint32_t n_args;
    uint32_t depth; /* 1 for a leaf; at most EXPR_MAX_DEPTH */
    struct column value;
    const void *data; /* what the function's resolve step prepared (a compiled pattern, a unit); immutable */
};

/* What building needs. */
struct expr_env {
    struct arena *arena;
    struct zone zone; /* session time zone: casts between text and LTZ, DATE_FORMAT of LTZ … */
    const struct zone_source *zones; /* zones by name, as long as programs run; NULL: only offsets are known */
    struct str database; /* CURRENT_DATABASE(); empty: the default */
    /* CREATE FUNCTION names: returns the built-in's name or an empty view. May be NULL. */
    struct str (*user_function)(void *arg, struct str name);
    void *user_arg;
    bool legacy_cast; /* table.exec.legacy-cast-behaviour (not planned: false) */
};

struct expr *expr_column(struct expr_env *env, uint32_t index, const struct type *t); /* NULL: memory refused */
enum status expr_null(struct expr_env *env, const struct type *t, const struct expr **ret, struct error *err) MUST_USE;
enum status expr_bool(struct expr_env *env, bool v, const struct expr **ret, struct error *err) MUST_USE;
enum status expr_i64(struct expr_env *env, const struct type *t, int64_t v, const struct expr **ret,
                     struct error *err) MUST_USE; /* any PHYS_I32 or PHYS_I64 type */
/* A number as written: INT, BIGINT or DECIMAL by its digits, DOUBLE with an exponent. */
enum status expr_number(struct expr_env *env, struct str text, const struct expr **ret, struct error *err) MUST_USE;
/* CHAR(n) NOT NULL */
enum status expr_string(struct expr_env *env, struct str v, const struct expr **ret, struct error *err) MUST_USE;
/* BINARY(n) */
enum status expr_bytes(struct expr_env *env, struct str v, const struct expr **ret, struct error *err) MUST_USE;
/* kind TYPE_DATE, TYPE_TIME, TYPE_TIMESTAMP from DATE '…' and so on. */
enum status expr_datetime(struct expr_env *env, enum type_kind kind, struct str text, const struct expr **ret,
                          struct error *err) MUST_USE;
/* INTERVAL 'text' from [TO to](precision, -1: not written). */
enum status expr_interval(struct expr_env *env, bool negative, struct str text, enum time_unit from, enum time_unit to,
                          int32_t precision, const struct expr **ret, struct error *err) MUST_USE;

/* A call by name: functions ("UPPER", "EXTRACT", "ARRAY"…) and operators by their spelling ("+", "-", "*", "/", "%",
 * "||", "=", "<>", "<", "<=", ">", ">=", "NOT", "NEGATE", "IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT TRUE", "IS
 * FALSE", "IS NOT FALSE", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "LIKE", "SIMILAR TO", "IN", "BETWEEN" (value,
 * low, high), "AND", "OR", "COALESCE", "IF", "NULLIF", "ITEM" (a[i]), "ROW", "ARRAY", "MAP"). A SYN_WORD argument
 * arrives as a string literal. ST_SEMANTIC: unknown function (with the nearest name), wrong number or types;
 * ST_UNSUPPORTED: a function of Flink's that is not here yet. */
enum status expr_call(struct expr_env *env, struct str name, const struct expr *const *args, uint32_t n_args,
                      uint32_t line, uint32_t column, const struct expr **ret, struct error *err) MUST_USE;
enum status expr_cast(struct expr_env *env, const struct expr *arg, const struct type *to, bool is_try, uint32_t line,
                      uint32_t column, const struct expr **ret, struct error *err) MUST_USE;
/* Implicit cast for INSERT, UNION, CASE: ST_SEMANTIC when Flink would not do it by itself. */
enum status expr_coerce(struct expr_env *env, const struct expr *arg, const struct type *to, const struct expr **ret,
                        struct error *err) MUST_USE;
/* whens and thens as pairs, `otherwise` may be NULL (NULL). */
enum status expr_case(struct expr_env *env, const struct expr *const *pairs, uint32_t n_pairs,
                      const struct expr *otherwise, uint32_t line, uint32_t column, const struct expr **ret,
                      struct error *err) MUST_USE;
enum status expr_field(struct expr_env *env, const struct expr *row, struct str name, uint32_t line, uint32_t column,
                       const struct expr **ret, struct error *err) MUST_USE;
/* The type that all of these fit (UNION, CASE, VALUES, COALESCE); NULL when there is none. */
const struct type *expr_common_type(struct arena *a, const struct type *const *types, uint32_t n);
/* Values of the type have an order: ORDER BY, <, MIN. */
bool expr_type_ordered(const struct type *t);
/* Constant trees become literals. A failing constant (1/0, CAST('a' AS INT)) is ST_EXPRESSION with its place. */
enum status expr_fold(struct expr_env *env, const struct expr *e, const struct expr **ret, struct error *err) MUST_USE;

bool expr_is_constant(const struct expr *e);      /* no column and nothing volatile inside */
bool expr_is_deterministic(const struct expr *e); /* no CURRENT_TIMESTAMP, PROCTIME, RAND, UUID inside */
bool expr_equal(const struct expr *a, const struct expr *b);
/* Shifts or maps column indexes: map[old] = new (UINT32_MAX must not occur). */
const struct expr *expr_remap(struct arena *a, const struct expr *e, const uint32_t *map);
/* Replaces column i by with[i]: composition of projections. */
const struct expr *expr_substitute(struct arena *a, const struct expr *e, const struct expr *const *with);
/* What a plan uses of a column. */
struct need_mark {
    bool used;  /* something of the column is used */
    bool whole; /* all of it */
    struct need_mark *fields; /* of a ROW, once only fields were used */
};
/* Marks what columns (and ROW fields) the tree uses; needs[i] belongs to input column i. false: memory refused. */
bool expr_needs(struct arena *a, const struct expr *e, const struct schema *input, struct need_mark *needs);
/* Is it `column = 'text'`, either way round, and the column text? */
bool expr_is_text_equality(const struct expr *e, uint32_t *ret_column, struct str *ret_text);
/* For EXPLAIN and fingerprints: names from `input` ("bid.price > 10", "CAST(a AS BIGINT)"), deterministic. */
bool expr_print(struct buf *out, const struct expr *e, const struct schema *input) MUST_USE;

/* ---- programs ---- */

/* What the rows are evaluated under. */
struct eval {
    int64_t now_ms;       /* processing time: PROCTIME, CURRENT_TIMESTAMP */
    int64_t watermark_ms; /* CURRENT_WATERMARK; INT64_MIN: none yet */
    uint64_t entropy;     /* random bits for UUID and RAND without a seed; taken when a program first runs them */
};

struct program;

/* Several trees over the same input. `capacity`: largest batch. Charges `b`. The trees must outlive the program. */
enum status expr_compile(const struct expr *const *exprs, uint32_t n, uint32_t capacity, struct budget *b,
                         struct program **ret, struct error *err) MUST_USE;
void program_free(struct program *p); /* NULL is allowed */
/* Evaluates all trees over the rows of `in` that count. out[i] borrows: the input's column when the tree is one, else
 * scratch that is valid until the next run. Values stand at the row's own index (not compacted). */
enum status program_run(struct program *p, const struct batch *in, const struct eval *ev, struct column *out,
                        struct error *err) MUST_USE;
/* The first tree is a condition: writes the rows where it is TRUE to ret_sel (room for in->count). */
enum status program_filter(struct program *p, const struct batch *in, const struct eval *ev, uint16_t *ret_sel,
                           uint32_t *ret_n, struct error *err) MUST_USE;

/* ---- the function table ---- */

/* For SHOW FUNCTIONS, DESCRIBE FUNCTION, completion, docs. */
struct function_doc {
    const char *name, *signature, *help, *example;
    bool aggregate;
};
const struct function_doc *expr_function_at(uint32_t i); /* sorted by name; NULL after the last */
const struct function_doc *expr_function_doc(struct str name); /* NULL: there is no such function */
struct str expr_function_nearest(struct str name); /* the name that was likely meant; empty: none is near */
/* The same by chapters of the reference: groups in their order, the aggregates last, and the functions of each by name. */
struct function_entry {
    const struct function_doc *doc;
    bool varies; /* may give another value at every call */
};
const char *expr_group_name(uint32_t group); /* NULL after the last */
/* Names of Flink's catalogue that are refused, and why; NULL after the last. */
const char *expr_missing_at(uint32_t i, const char **ret_why);
bool expr_group_at(uint32_t group, uint32_t i, struct function_entry *ret); /* false after the last */
bool expr_is_aggregate(struct str name); /* COUNT, SUM, … (also ones that are refused later) */
bool expr_is_known(struct str name);
/* Flink functions that Weir knows by class name ("com.github.nexmark.flink.udf.CountChar"): the built-in's name or
 * NULL. */
const char *expr_function_of_class(struct str class_name);

/* ---- aggregates ---- */

/* Variable-length parts of an accumulator (MIN of a string) live in a heap that the state store owns; an accumulator
 * holds a blob handle, an 8-byte value at a declared offset; 0: empty. */
struct agg_heap {
    struct str (*get)(struct agg_heap *h, uint64_t handle);
    /* replaces; len 0 frees; false: memory refused */
    bool (*set)(struct agg_heap *h, uint64_t *handle, const void *bytes, size_t len);
    /* the same bytes as get gives, to be changed where they are; valid until the next set */
    uint8_t *(*edit)(struct agg_heap *h, uint64_t handle);
};

#define AGG_MAX_BLOBS 2
#define AGG_MAX_ARGS 8

struct aggregate; /* a resolved aggregate: immutable, from expr_aggregate */

/* What the operator keeps for an aggregate that is made of all rows of its group (`gather`). */
enum agg_keep {
    AGG_KEEP_NOTHING,
    AGG_KEEP_COUNTS, /* each value once, with how many rows hold it, in order of first arrival */
    AGG_KEEP_ROWS,   /* each row, in order of arrival; of equal rows the first one goes when one is taken back */
};

/* The rows kept of one group. */
struct agg_rows {
    /* The next of them, `limit` at most: *ret_n rows of args and counts, valid until the next call; 0: no more. */
    enum status (*next)(struct agg_rows *r, uint32_t limit, uint32_t *ret_n, struct error *err);
    const struct column *args;
    const int64_t *counts;
    uint64_t total;        /* of them */
    bool backwards;        /* set before the first call: the newest first */
    struct budget *budget; /* for what gather needs for a while */
};

struct aggregate_ops {
    /* A fresh accumulator of `state_bytes` zero bytes is valid already: there is no init. */
    /* states[k] belongs to rows[k] (rows NULL: k). Arguments are evaluated columns; null arguments are skipped
     * inside. */
    enum status (*add)(const struct aggregate *g, void *const *states, const struct column *args, const uint16_t *rows,
                       uint32_t n, struct agg_heap *heap, struct error *err);
    /* Takes rows back. NULL: cannot (then `recompute` is true). */
    enum status (*retract)(const struct aggregate *g, void *const *states, const struct column *args,
                           const uint16_t *rows, uint32_t n, struct agg_heap *heap, struct error *err);
    /* dst += src, for panes. NULL: the value depends on the order of arrival. */
    enum status (*merge)(const struct aggregate *g, void *dst, struct agg_heap *dst_heap, const void *src,
                         struct agg_heap *src_heap, struct error *err);
    /* out[out_row + k] = value of states[k]; a state may remember what that is. */
    enum status (*result)(const struct aggregate *g, void *const *states, uint32_t n, struct agg_heap *heap,
                          struct column *out, uint32_t out_row, struct error *err);
    /* Instead of all these, where `keep` is set: out[out_row] = value of the group's rows. */
    enum status (*gather)(const struct aggregate *g, struct agg_rows *rows, struct column *out, uint32_t out_row,
                          struct error *err);
    /* With `recompute`: does the state still hold when a row of this value goes? NULL: never sure. */
    bool (*outlives)(const struct aggregate *g, const void *state, const struct column *args, uint32_t row,
                     struct agg_heap *heap);
};

struct aggregate {
    const char *name;
    const struct aggregate_ops *ops;
    const struct type *type;             /* of the result */
    const struct type *const *arg_types; /* what the arguments must be cast to */
    uint32_t n_args;
    uint32_t state_bytes, state_align; /* align 8 or 16 */
    uint32_t n_blobs;
    uint32_t blob_offsets[AGG_MAX_BLOBS]; /* of handles inside the state */
    bool recompute; /* on retraction the operator must keep all values and add the rest anew (MIN, MAX) */
    enum agg_keep keep;
    bool keep_nulls;  /* rows with NULL arguments are kept too */
    struct str words; /* constant arguments and the treatment of NULL, for EXPLAIN and fingerprints; may be empty */
    const void *data;
};

/* How an aggregate is called, its arguments apart. */
struct aggregate_form {
    enum agg_nulls { AGG_NULLS_UNSAID, AGG_NULLS_KEPT, AGG_NULLS_SKIPPED } nulls; /* IGNORE NULLS, ABSENT ON NULL */
    bool json;                          /* the value is JSON already */
    const struct expr *const *params;   /* literals: the arguments that expr_aggregate_param tells of */
    uint32_t n_params;
};

/* Argument i is a constant of the call (PERCENTILE's percentage): it is no column and stands in `params`. */
bool expr_aggregate_param(struct str name, uint32_t i);
/* Resolves by name over argument types; COUNT(*) has n_args 0. `form` NULL: a plain call. `retracting`: the input may
 * take rows back. Result types as Flink's (SUM(INT) is INT, AVG(INT) is INT, SUM(DECIMAL(p, s)) is DECIMAL(38, s) …).
 * DISTINCT and FILTER are the operator's. */
enum status expr_aggregate(struct expr_env *env, struct str name, const struct type *const *arg_types, uint32_t n_args,
                           const struct aggregate_form *form, bool retracting, uint32_t line, uint32_t column,
                           const struct aggregate **ret, struct error *err) MUST_USE;
