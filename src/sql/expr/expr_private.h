/* What the files of this room share: functions and their kernels, resolving, casts, literals. */
#pragma once

#include "expr/expr.h"

/* ---- kernels ---- */

/* An argument: a column; a constant has one row only, which `mask` 0 maps every row to. */
struct arg {
    const struct column *col;
    uint32_t mask;
};

/* One call of a kernel: for each row that counts, out[row] = f(args[row]). */
struct kernel {
    const struct expr *expr;
    const struct eval *eval;
    const struct arg *args;
    uint32_t n_args;
    const uint16_t *rows; /* NULL: 0..n) */
    uint32_t n;
    uint32_t capacity;
    struct column *out; /* cleared: no nulls */
    void **state;       /* of this step, kept between runs; freed by the function's free_state */
    struct buf *tmp;    /* scratch bytes, empty at the start */
    struct budget *budget;
    struct error *err;
};

typedef enum status kernel_fn(struct kernel *k);

#define EACH_ROW(k, r)                   \
    for (uint32_t i_ = 0, r = 0; i_ < (k)->n && ((r = (k)->rows ? (k)->rows[i_] : i_), true); i_++)

static inline uint32_t arg_row(const struct arg *a, uint32_t r) { return r & a->mask; }
static inline bool arg_null(const struct kernel *k, uint32_t i, uint32_t r)
{
    return column_is_null(k->args[i].col, r & k->args[i].mask);
}
static inline struct str arg_str(const struct kernel *k, uint32_t i, uint32_t r)
{
    return column_str(k->args[i].col, r & k->args[i].mask);
}
static inline int32_t arg_i32(const struct kernel *k, uint32_t i, uint32_t r)
{
    return k->args[i].col->i32[r & k->args[i].mask];
}
static inline int64_t arg_i64(const struct kernel *k, uint32_t i, uint32_t r)
{
    return k->args[i].col->i64[r & k->args[i].mask];
}
static inline double arg_f64(const struct kernel *k, uint32_t i, uint32_t r)
{
    return k->args[i].col->f64[r & k->args[i].mask];
}
static inline bool arg_bool(const struct kernel *k, uint32_t i, uint32_t r)
{
    return k->args[i].col->b[r & k->args[i].mask] != 0;
}
static inline bool arg_is_constant(const struct kernel *k, uint32_t i) { return k->args[i].mask == 0; }

enum status kernel_memory(const struct kernel *k); /* ST_MEMORY */
/* ST_EXPRESSION with the node's place. */
enum status kernel_fail(const struct kernel *k, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline enum status kernel_put_str(struct kernel *k, uint32_t r, const void *p, size_t n)
{
    return column_set_str(k->out, r, p, n) ? ST_OK : kernel_memory(k);
}
static inline enum status kernel_put_tmp(struct kernel *k, uint32_t r)
{
    return kernel_put_str(k, r, k->tmp->data, k->tmp->len);
}
/* An integer argument whatever its kind (TINYINT … BIGINT). */
int64_t arg_integer(const struct kernel *k, uint32_t i, uint32_t r);

/* ---- functions ---- */

enum {
    FN_STRICT = 1,    /* a NULL argument gives NULL: the runner does it, the kernel sees other rows only */
    FN_TOTAL = 2,     /* with STRICT: cannot fail and may look at the data under a NULL */
    FN_CHEAP = 4,     /* cheaper to compute than to select rows for */
    FN_VOLATILE = 8,  /* not the same for the same arguments: never folded, never shared */
    FN_NULLABLE = 16, /* may give NULL over arguments that are not */
    FN_ZONE = 32,     /* wants the session time zone as expr->data */
    FN_NOTNULL = 64,  /* never NULL */
    FN_COALESCE = 128, /* lazy: compiled, no kernel */
    FN_DEAR = 256      /* worth asking everything else first, in AND and OR */
};

struct call {
    struct expr_env *env;
    const struct function *function;
    const struct expr **args; /* the call's own array: a resolver may replace what stands in it */
    uint32_t n_args;
    const struct type *type;    /* the result: to be set */
    const struct expr *instead; /* or a tree that stands for the call */
    const void *data;       /* for expr->data: what follows from the arguments alone */
    uint32_t line, column;
    struct error *err;
};

struct function {
    union {
        struct function_doc doc;
        struct {
            const char *name, *signature, *help, *example;
        };
    };
    /* Arguments and result in letters, see resolve.c; NULL: `resolve` does all. */
    const char *types;
    uint16_t flags;
    kernel_fn *kernel;
    kernel_fn *(*pick)(const struct expr *e); /* instead of `kernel`: by types */
    enum status (*resolve)(struct call *c);   /* after `types`, if any */
    void (*free_state)(void *state, struct budget *b);
};

/* A row for a function of fixed types. */
#define FUNCTION(NAME, SIGNATURE, HELP, EXAMPLE, TYPES, FLAGS, KERNEL)                        \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = EXAMPLE, .types = TYPES, \
      .flags = FLAGS, .kernel = KERNEL }

/* The tables, each ended by a row without name. */
extern const struct function functions_operators[], functions_logic[], functions_text[], functions_search[],
    functions_text_more[],
    functions_regex[], functions_math[], functions_time[], functions_clock[], functions_nested[], functions_arrays[],
    functions_hash[], functions_misc[], functions_units[], functions_fields[], functions_json[], functions_json_look[],
    functions_json_make[], functions_variant[], functions_zone[], functions_printf[], functions_net[];
const struct function *function_find(struct str name); /* through aliases; NULL */
const char *function_unsupported(struct str name); /* why it is of Flink's catalogue and not here; else NULL */
const struct function_doc *aggregate_doc_at(uint32_t i); /* NULL after the last */

/* ---- building ---- */

enum status expr_no_memory(struct expr_env *env, struct error *err);
struct expr *expr_new(struct expr_env *env, enum expr_kind kind, const struct type *t, uint32_t n_args);
/* Sets depth from the arguments; ST_LIMIT when it is too much. */
enum status expr_close(struct expr *e, struct error *err);
enum status call_invalid(struct call *c); /* "Invalid function call: F(types)" */
/* Casts without asking whether Flink would; a literal is folded when that succeeds. */
enum status expr_convert(struct expr_env *env, const struct expr *arg, const struct type *to, bool is_try,
                         const struct expr **ret, struct error *err);
enum status call_convert(struct call *c, uint32_t i, const struct type *to);
bool expr_makes_row(const struct expr *e); /* (a, b), ROW(a, b) */
/* Calls by name from a resolver. */
enum status call_build(struct call *c, const char *name, const struct expr *const *args, uint32_t n,
                       const struct expr **ret);
const struct type *call_nullable_by_args(struct call *c, const struct type *t); /* nullable when an argument is */
/* The literal that `e`, whose arguments are literals, comes to; `e` itself when it fails. */
enum status expr_fold_literal(struct expr_env *env, const struct expr *e, const struct expr **ret, struct error *err);
/* All arguments from..to) to their common type. false in *ret_ok: there is none. */
enum status call_unify(struct call *c, uint32_t from, uint32_t to, const struct type **ret_type, bool *ret_ok);
enum status resolve_types(struct call *c, const char *types);
bool literal_str(const struct expr *e, struct str *ret); /* a text literal that is not NULL */
bool literal_integer(const struct expr *e, int64_t *ret);
enum time_unit literal_unit(const struct expr *e); /* UNIT_NONE */

/* Common types. */
const struct type *type_common(struct arena *a, const struct type *x, const struct type *y, bool text_wins);
bool type_implicit(const struct type *from, const struct type *to); /* Flink casts by itself on INSERT */
void type_as_decimal(const struct type *t, int32_t *ret_p, int32_t *ret_s); /* integers and decimals */

/* A literal's column in the arena: row `row` of `src`, deep. */
bool literal_copy(struct arena *a, struct column *dst, const struct column *src, uint32_t row);
bool literal_alloc(struct arena *a, struct column *dst, const struct type *t, uint32_t rows);
bool literal_set_str(struct arena *a, struct column *dst, uint32_t row, struct str s);
/* Evaluates a constant tree; the value lies in `a`. */
enum status expr_evaluate(struct arena *a, const struct expr *e, struct column *ret, struct error *err);

uint64_t expr_hash(const struct expr *e);

/* ---- casts ---- */

/* NULL: there is no such cast. */
kernel_fn *cast_pick(const struct type *from, const struct type *to);
bool cast_is_view(const struct type *from, const struct type *to); /* the same bytes under another type */
bool cast_is_total(const struct type *from, const struct type *to);
void cast_free_state(void *state, struct budget *b);
kernel_fn *cast_text_pick(const struct type *from, const struct type *to);
kernel_fn *cast_time_pick(const struct type *from, const struct type *to);
kernel_fn *cast_number_pick(const struct type *from, const struct type *to);
kernel_fn *cast_nested_pick(const struct type *from, const struct type *to);
kernel_fn *cast_variant_pick(const struct type *to);
/* Cut to the length of VARCHAR(n), filled up to that of CHAR(n). false: memory refused. */
bool cast_fit_text(struct column *out, uint32_t r, struct str s);
bool cast_fit_integer(struct column *out, uint32_t r, int64_t v); /* false: outside of the column's type */
/* A row that cannot be cast: NULL under TRY_CAST, else an error that shows the value. */
enum status cast_failed(struct kernel *k, uint32_t r);
bool text_to_date(struct str s, int32_t *ret_days);
bool text_to_time(struct str s, int32_t *ret_ms);

/* ---- pieces that several files use ---- */

/* Compares under SQL's rules for two columns of one comparable type; non-null values. */
kernel_fn *compare_pick(const struct expr *e);
bool type_comparable(const struct type *t, bool ordered);

/* Kernels of + - * / % by the types of the arguments and the result; NULL: none. */
kernel_fn *arith_pick(const struct expr *e);   /* integers and floats, all of the result's type */
kernel_fn *decimal_pick(const struct expr *e); /* result DECIMAL; arguments integers and decimals */
kernel_fn *interval_pick(const struct expr *e); /* dates, times and intervals */
uint16_t expr_step_flags(const struct expr *e); /* the function's flags as far as they hold for these types */

/* Capitals of a letter, small letter of the one that ends before `at` of a text: as Java's String. */
size_t text_upper(uint32_t cp, char out[12]);
size_t text_lower(struct str s, size_t at, uint32_t cp, char out[12]);

/* Java's patterns, compiled and kept in a kernel's state: see regex.c. */
struct regex;
enum { REGEX_WHOLE = 1, REGEX_DOT_ALL = 2 }; /* must match the whole text; '.' takes newlines too */
/* The pattern ready to match; *ret NULL: it is no pattern. ST_EXPRESSION: one of Java's that is refused by name. */
enum status regex_for(struct kernel *k, struct str pattern, uint32_t flags, struct regex **ret);
void regex_free_state(void *state, struct budget *b);
/* The first match at or after byte `from`; *ret_found false: none. ST_EXPRESSION: a limit was reached. */
enum status regex_match(struct kernel *k, struct regex *x, struct str text, size_t from, bool *ret_found);
/* Group 0 is the match. false: no such group, or it took no part. */
bool regex_group(const struct regex *x, struct str text, int64_t group, struct str *ret);
uint32_t regex_groups(const struct regex *x);

/* A local time in pieces. */
struct stamp {
    int64_t days; /* since 1970-01-01 */
    int32_t ms_of_day;
    int32_t nanos;    /* of the millisecond: 0–999,999 */
    int32_t offset_s; /* of its zone, for patterns that print it */
    struct str zone;  /* the zone's name */
};
/* A value's local time in the zone. */
void stamp_of(const struct type *t, const void *data, uint32_t row, const struct zone *zone, struct stamp *ret);
/* Java's date patterns (DateTimeFormatter). */
bool time_pattern_valid(struct str pattern);
/* Times of one day in the same step of so many milliseconds give the same text; 0: no such step is known. */
int32_t time_pattern_step_ms(struct str pattern);
/* A pattern whose text always has the same length: yyyy, MM, dd, HH, mm, ss, S…, and other characters. */
struct time_layout {
    struct time_piece {
        char letter; /* 0: `text` */
        uint8_t count;
        const char *text;
    } pieces[20];
    uint32_t n, length;
};
enum { TIME_LAYOUT_MAX = 64 };
bool time_layout_of(struct str pattern, struct time_layout *ret); /* false: not that simple */
/* Writes ret->length bytes; false: the year has not four digits. */
bool time_layout_put(const struct time_layout *x, const struct stamp *t, char *out);
/* The pattern is valid; false: memory refused. */
bool time_format(struct buf *out, struct str pattern, const struct stamp *t);
/* false: the text is not of that pattern. February 30th is the 28th, or (`rolls`) March 2nd. */
bool time_scan(struct str text, struct str pattern, bool rolls, struct stamp *ret);
int64_t time_field(enum time_unit u, const struct stamp *t); /* EXTRACT */
/* The zone of that name; NULL: there is none. `java`: as java.util.TimeZone reads names, else as java.time does. The
 * node's data is the source; the step's state is freed by zone_names_free. Valid until the next call. */
enum status zone_by_name(struct kernel *k, struct str name, bool java, const struct zone **ret);
void zone_names_free(void *state, struct budget *b);
extern const struct function function_floor_time, function_ceil_time;
kernel_fn *variant_item_pick(const struct expr *e); /* variant['name'], variant[index] */
static inline int64_t math_floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static inline int64_t math_floor_mod(int64_t a, int64_t b) { return a % b < 0 ? a % b + b : a % b; }

/* Division by the same number, at least 2, row for row: a multiplication by its reciprocal and shifts, exact for all of
 * 64 bits (Granlund and Montgomery, "Division by invariant integers using multiplication", figure 4.1). */
struct divisor {
    uint64_t by, reciprocal;
    uint32_t shift;
};
static inline struct divisor divisor_of(uint64_t by)
{
    uint32_t bits = 64 - (uint32_t)__builtin_clzll(by - 1); /* 2^bits >= by */
    uint64_t excess = (bits == 64 ? 0 : 1ULL << bits) - by;
    return (struct divisor){ by, (uint64_t)(((unsigned __int128)excess << 64) / by) + 1, bits - 1 };
}
static inline uint64_t divide_unsigned(const struct divisor *d, uint64_t v)
{
    uint64_t high = (uint64_t)(((unsigned __int128)d->reciprocal * v) >> 64);
    return (high + ((v - high) >> 1)) >> d->shift;
}
/* Towards zero, as Java's. */
static inline int64_t divide(const struct divisor *d, int64_t v)
{
    uint64_t sign = (uint64_t)(v >> 63);
    return (int64_t)((divide_unsigned(d, ((uint64_t)v ^ sign) - sign) ^ sign) - sign);
}
static inline int64_t divide_floor(const struct divisor *d, int64_t v)
{
    uint64_t sign = (uint64_t)(v >> 63);
    return (int64_t)(divide_unsigned(d, (uint64_t)v ^ sign) ^ sign);
}

/* ---- programs: compile.c makes them, run.c runs them ---- */

/* Where a value stands while a program runs. */
struct slot {
    struct column col; /* what steps read */
    uint32_t mask;     /* 0: a constant of one row */
    enum slot_kind { SLOT_INPUT, SLOT_CONSTANT, SLOT_OWN, SLOT_VIEW } kind;
    uint32_t input;    /* SLOT_INPUT: column of the batch */
};

struct step {
    enum step_kind { STEP_CALL, STEP_VIEW, STEP_FIELD, STEP_AND, STEP_OR, STEP_CASE, STEP_COALESCE } kind;
    const struct expr *expr;
    kernel_fn *kernel;
    uint16_t flags;
    struct slot *out;
    struct slot **from; /* arguments */
    struct arg *args;   /* the same for the kernel, filled at each run */
    uint32_t n_args;
    struct block *blocks; /* lazy branches */
    uint32_t n_blocks;
    uint16_t *rows, *taken; /* room for selections of a lazy step */
    void *state;
    void (*free_state)(void *state, struct budget *b);
};

/* Steps that run over the same rows, and where their result stands. */
struct block {
    ARRAY(struct step) steps;
    struct slot *result;
    bool eager; /* cheap and cannot fail: computed for all rows of the block around it */
};

struct program {
    struct arena arena;
    struct budget *budget;
    uint32_t capacity;
    ARRAY(struct slot *) slots;
    struct block main;
    struct slot **roots;
    uint32_t n_roots;
    uint16_t *spare; /* a kernel's rows without NULLs */
    struct buf tmp;
    const struct eval *eval; /* of the run under way */
};

/* ---- aggregates ---- */

extern const struct aggregate_ops agg_count_star, agg_count, agg_variance;
/* Made of all rows of a group. */
extern const struct aggregate_ops agg_listagg, agg_array, agg_collect, agg_end, agg_single, agg_json_object, agg_json_array,
    agg_percentile;
extern const struct aggregate_ops agg_approx_count, agg_approx_percentile, agg_approx_top;
const struct aggregate_ops *agg_sum_ops(const struct type *t, bool avg);
const struct aggregate_ops *agg_value_ops(const char *name, const struct type *t, uint32_t *ret_bytes,
                                          uint32_t *ret_align);

/* What `data` of an aggregate is. */
struct agg_json {
    struct zone zone;
    bool raw; /* the value is JSON text */
};
struct quantile_scale {
    double log, middle;
};
struct agg_percentages {
    double *at;
    uint32_t n;
    bool list; /* the result is an array */
    struct quantile_scale scale; /* APPROX_PERCENTILE */
};
#define AGG_TOP_MAX 1000u
struct agg_top {
    uint32_t k, capacity;
};

/* ---- sketches: a blob in an aggregate's heap each; handle 0 is the empty one; false: memory refused ---- */

/* How many different hashes. *ret_changed becomes true when that may have changed. */
bool hll_add(struct agg_heap *heap, uint64_t *handle, uint64_t hash, bool *ret_changed) MUST_USE;
void hll_prefetch(struct agg_heap *heap, uint64_t handle, uint64_t hash); /* of a handle that is not 0 */
bool hll_merge(struct agg_heap *to, uint64_t *handle, struct agg_heap *from, uint64_t other) MUST_USE;
int64_t hll_count(struct agg_heap *heap, uint64_t handle);

/* Quantiles with a relative error. */
#define QUANTILE_ERROR_MIN 0.001
#define QUANTILE_ERROR_MAX 0.5
void quantile_scale(double error, struct quantile_scale *ret);
int32_t quantile_key(const struct quantile_scale *s, double v);
bool quantile_add(struct agg_heap *heap, uint64_t *handle, int32_t key, int64_t n) MUST_USE;
void quantile_prefetch(struct agg_heap *heap, uint64_t handle, int32_t key); /* of a handle that is not 0 */
bool quantile_merge(struct agg_heap *to, uint64_t *handle, struct agg_heap *from, uint64_t other) MUST_USE;
int64_t quantile_total(struct agg_heap *heap, uint64_t handle);
void quantile_prefetch_sums(struct agg_heap *heap, uint64_t handle); /* of a handle that is not 0 */
/* The value of rank 0 ≤ rank < total. */
double quantile_at(struct agg_heap *heap, uint64_t handle, const struct quantile_scale *s, int64_t rank);

/* Frequent values, as bytes. */
struct top_item {
    struct str bytes; /* borrowed from the heap */
    int64_t count;
};
bool top_add(struct agg_heap *heap, uint64_t *handle, uint32_t capacity, uint64_t hash, struct str bytes) MUST_USE;
bool top_merge(struct agg_heap *to, uint64_t *handle, uint32_t capacity, struct agg_heap *from, uint64_t other) MUST_USE;
/* All values that are counted, the most frequent first; room for 2 * capacity. */
uint32_t top_items(struct agg_heap *heap, uint64_t handle, struct top_item *ret);

/* ---- text by code points (valid UTF-8) ---- */

#define TEXT_HIGH_BITS UINT64_C(0x8080808080808080)
static inline uint64_t text_eight(const char *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}
static inline size_t text_skip(struct str s, size_t at, int64_t points)
{
    for (; points >= 8 && s.len - at >= 8 && !(text_eight(s.ptr + at) & TEXT_HIGH_BITS); points -= 8)
        at += 8;
    for (; points > 0 && at < s.len; points--)
        for (at++; at < s.len && ((uint8_t)s.ptr[at] & 0xC0) == 0x80;)
            at++;
    return at;
}
/* Bytes less those that go on with a code point: bit 7 set and bit 6 not. */
static inline int64_t text_points(struct str s)
{
    size_t i = 0;
    int64_t more = 0;
    for (; s.len - i >= 8; i += 8) {
        uint64_t x = text_eight(s.ptr + i);
        more += __builtin_popcountll(x & ~(x << 1) & TEXT_HIGH_BITS);
    }
    for (; i < s.len; i++)
        more += ((uint8_t)s.ptr[i] & 0xC0) == 0x80;
    return (int64_t)s.len - more;
}
