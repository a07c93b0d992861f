/* From tree to physical plan: binder, logical plan, rewrite rules (one file each), changelog modes, explain.
 *
 * A plan is an immutable graph of nodes in topological order (inputs before users). What happens at run
 * time is decided here: schemas, keys, changelog modes, watermarks, exchanges. Operators (run/exec) take
 * a node and keep their own state. Everything lives in the arena of the plan. */
#pragma once

#include "catalog/catalog.h"
#include "expr/expr.h"
#include "syntax/syntax.h"

/* ---- nodes ---- */

enum node_kind {
    NODE_SOURCE,      /* scan of a table: the row read, unused columns NULL */
    NODE_VALUES,      /* constant rows */
    NODE_CALC,        /* condition and projection */
    NODE_WATERMARK,   /* gives the stream its watermarks */
    NODE_UNION,       /* UNION ALL of n inputs of equal types */
    NODE_EXCHANGE,    /* rows go to the shard that owns their key; no keys: all to shard 0 */
    NODE_SET,         /* INTERSECT, EXCEPT of two inputs of equal types */
    NODE_TIME_SORT,   /* ORDER BY a time attribute: rows are held until time has passed them */
    NODE_EXPAND,      /* each row once for each grouping set */
    NODE_UNNEST,      /* a row for each element of a collection */
    NODE_TO_CHANGELOG,   /* row kinds to a column of codes: append-only */
    NODE_FROM_CHANGELOG, /* a column of codes to row kinds */
    NODE_NORMALIZE,   /* upserts by key become a full changelog (last row per key kept) */
    NODE_WINDOW,      /* window table function standing alone: appends window_start, window_end, window_time */
    NODE_AGGREGATE,   /* GROUP BY without window: updating */
    NODE_WINDOW_AGGREGATE, /* GROUP BY window: append-only */
    NODE_SORT,        /* ORDER BY, LIMIT, OFFSET over bounded input: emits at its end */
    NODE_TABLE,       /* --final: the table that all changes add up to, emitted at the end */
    NODE_SINK,
    NODE_KINDS
};

/* Row kinds on an edge; bit 1 << enum row_kind. */
#define KINDS_APPEND 0x1u
#define KINDS_RETRACT 0xfu /* +I -U +U -D */
#define KINDS_UPSERT 0xdu  /* +I +U -D: no -U, and -D may carry the key only */

struct node_input {
    uint32_t node; /* index in plan->nodes */
    uint32_t port; /* 0: rows; 1: late rows of a window aggregate */
};

struct sort_key {
    uint32_t column;
    bool descending, nulls_first;
};

enum window_kind { WINDOW_TUMBLE, WINDOW_HOP, WINDOW_CUMULATE, WINDOW_ATTACHED /* start and end come as columns */ };

struct window_spec {
    enum window_kind kind;
    bool processing_time;
    uint32_t time_column;              /* of the input: TIMESTAMP(3) or LTZ; not for ATTACHED and processing time */
    int64_t size_ms, slide_ms, offset_ms; /* TUMBLE: slide = size; CUMULATE: size is the maximum, slide the step */
    bool is_ltz;                       /* bounds are local times of `zone` */
    struct zone zone;
    uint32_t start_column, end_column; /* ATTACHED: input columns; start_column UINT32_MAX when only the end is known */
};

struct aggregate_call {
    const struct aggregate *aggregate;
    uint32_t *args; /* input columns, already of the right types */
    uint32_t n_args;
    int32_t filter;  /* input column (BOOLEAN), -1: none */
    bool distinct;
    struct str name; /* for explain: "COUNT(DISTINCT bidder) FILTER (WHERE …)" */
};

/* What a window aggregate emits after its keys and values. */
enum window_output { WINDOW_OUT_START, WINDOW_OUT_END, WINDOW_OUT_TIME };

/* TO_CHANGELOG, FROM_CHANGELOG. */
struct changelog_spec {
    uint32_t op; /* FROM: column of the input. TO: the codes are the output's last column */
    const struct changelog_code {
        struct str text;
        uint8_t kind; /* enum row_kind */
    } *codes; /* TO: a kind once at most; FROM: a text */
    uint32_t n_codes;
    bool skip;      /* FROM: rows of other codes are left out, they do not fail the job */
    uint32_t *keys; /* FROM: what comes out are upserts by these */
    uint32_t n_keys;
};

/* A row for each grouping set. */
struct expand_spec {
    uint32_t *pass; /* columns of the input: output starts with them */
    uint32_t n_pass;
    uint32_t *keys; /* then these, NULL in the sets that have not got them, then the set's number (INT) */
    uint32_t n_keys;
    uint64_t *sets; /* bit i: keys[i] is in it */
    uint32_t n_sets;
};

/* A row for each element of a collection. */
struct unnest_spec {
    uint32_t column; /* of the input: an ARRAY, MAP or MULTISET */
    uint32_t *pass;  /* columns of the input: output starts with them */
    uint32_t n_pass;
    uint32_t *parts; /* then these: fields of ROW elements, 0 an element or a MAP's key, 1 its value, UNNEST_ORDINALITY */
    uint32_t n_parts;
    bool outer;      /* a row without elements comes out once, with NULLs */
    bool ordinality; /* was written: NULL elements that are ROWs count then, as in Flink */
    const struct expr *condition; /* over the output, outer only: which elements count; NULL: all */
};
#define UNNEST_ORDINALITY UINT32_MAX /* the element's place, from 1 on: INT */

/* How the watermark node cuts batches, so that lateness does not depend on batching: a row that would be late against
 * the rows before it starts a new batch, after the watermark of those. */
enum cut_kind {
    CUT_NONE,   /* nobody downstream drops late rows */
    CUT_PANE,   /* a row is late once its pane [k*pane + offset, +pane) has ended */
    CUT_STRICT  /* a row at or before the watermark is late */
};

struct node {
    enum node_kind kind;
    uint32_t index;
    struct str id; /* stable: kind and ordinal within the job ("window-aggregate:1"); names its state */
    struct schema schema; /* of port 0 */
    struct node_input *inputs;
    uint32_t n_inputs;
    uint32_t kinds;       /* row kinds on port 0 */
    uint32_t *upsert_key; /* output columns that identify a row; n 0: none known */
    uint32_t n_upsert_key;
    bool bounded;         /* its rows end */
    bool watermarks;      /* watermarks that come out are of use to somebody */
    union {
        struct {
            const struct table_desc *table;
            struct need *needs; /* one a column of the row read */
            bool emits_watermarks; /* SOURCE_WATERMARK() is declared and used */
        } source;
        struct {
            struct batch *rows; /* schema's columns; owned by the plan */
        } values;
        struct {
            const struct expr *condition; /* NULL: none */
            const struct expr **exprs;    /* one an output column */
        } calc;
        struct {
            const struct expr *expr; /* over the input; NULL: the source gives watermarks */
            uint32_t column;         /* the time attribute */
            enum cut_kind cut;
            int64_t cut_pane_ms, cut_offset_ms;
            /* 'scan.watermark.idle-timeout' / 'table.exec.source.idle-timeout'; 0: never idle */
            int64_t idle_ms;
        } watermark;
        struct {
            uint32_t *keys;
            uint32_t n_keys;
        } exchange;
        struct {
            uint32_t *keys;
            uint32_t n_keys;
            bool emit_before; /* -U wanted downstream */
        } normalize;
        struct {
            struct window_spec window;
        } window;
        struct expand_spec expand;
        struct unnest_spec unnest;
        struct {
            uint32_t *keys; /* input columns; output starts with them */
            uint32_t n_keys;
            struct aggregate_call *calls;
            uint32_t n_calls;
            bool retracting;  /* the input may take rows back */
            bool emit_before; /* -U wanted downstream */
            bool each;        /* every change of a result, not only what those of a batch come to */
        } aggregate;
        struct {
            struct window_spec window;
            uint32_t *keys; /* without window columns */
            uint32_t n_keys;
            struct aggregate_call *calls;
            uint32_t n_calls;
            bool retracting;
            enum window_output *outputs; /* after keys and calls */
            uint32_t n_outputs;
            bool late_output; /* port 1 is used: rows of the input's schema */
            bool expanded;    /* the last key is the number of the grouping set */
        } window_aggregate;
        struct changelog_spec changelog;
        struct {
            bool except, all; /* else INTERSECT */
        } set;
        struct {
            struct sort_key *keys; /* the first is the time attribute, ascending */
            uint32_t n_keys;
            bool processing_time;
        } time_sort;
        struct {
            struct sort_key *keys;
            uint32_t n_keys;
            int64_t limit; /* -1: none */
            int64_t offset;
        } sort;
        struct {
            struct sort_key *keys; /* order of the printed table; rows that tie keep their order of arrival */
            uint32_t n_keys;
            int64_t limit, offset; /* as in sort */
        } table;
        struct {
            const struct table_desc *table;
            struct schema columns; /* what the connector writes */
            bool upsert;           /* the sink has a primary key that is the upsert key: no -U comes */
            uint32_t ordinal;      /* among the job's sinks */
            bool is_result;        /* of a SELECT */
            bool drop_nulls;       /* a NULL for a NOT NULL column: its row is dropped; else the job fails */
        } sink;
    };
};

struct plan {
    struct arena *arena;
    struct node **nodes; /* topological order */
    uint32_t n_nodes;
    bool bounded;        /* every source ends */
    struct str name;     /* "insert-into_sink" … of the job */
    uint32_t max_inputs;
};

/* ---- planning ---- */

/* SET keys that planning and running know: the table is plan_settings. */
extern const struct option_spec plan_settings[];
extern const uint32_t plan_settings_count;
extern const char plan_setting_ignored[]; /* the help of a key that has no effect here */

struct plan_env {
    struct arena *arena;
    struct catalog *catalog;
    struct str database;     /* in use; empty: the default */
    struct options settings; /* SET keys in force */
    struct zone zone;        /* of 'table.local-time-zone' */
    const struct zone_source *zones; /* zones by name; NULL: none */
    bool final;              /* --final: SELECTs end in NODE_TABLE; unbounded inputs are ST_USAGE */
    uint32_t capacity;       /* BATCH_ROWS, or less in tests */
    struct budget *budget;   /* values batches */
};

/* A query whose result goes to `result` (a table of a print-like connector made by the session; columns are filled in
 * from the query by this call: pass a descriptor with options and name set). */
enum status plan_select(struct plan_env *env, const struct syn_query *q, struct table_desc *result, struct plan **ret,
                        struct error *err) MUST_USE;
/* One INSERT INTO, or several of a statement set as one job. */
enum status plan_inserts(struct plan_env *env, const struct syn_stmt *const *inserts, uint32_t n, struct plan **ret,
                         struct error *err) MUST_USE;
/* CREATE TABLE: types, computed columns, watermark, primary key, LIKE are bound; the connector's options are not
 * looked at. CREATE TABLE AS gives the descriptor; the caller then plans the INSERT. */
enum status plan_create_table(struct plan_env *env, const struct syn_stmt *s, struct table_desc **ret,
                              struct error *err) MUST_USE;
/* CREATE VIEW: the query is bound once, so that errors come now. */
enum status plan_create_view(struct plan_env *env, const struct syn_stmt *s, struct view_desc **ret,
                             struct error *err) MUST_USE;
/* ALTER TABLE, ALTER VIEW: what takes the place of `t` or `v`, maybe under another name. */
enum status plan_alter_table(struct plan_env *env, const struct syn_stmt *s, const struct table_desc *t,
                             struct table_desc **ret, struct error *err) MUST_USE;
enum status plan_alter_view(struct plan_env *env, const struct syn_stmt *s, const struct view_desc *v,
                            struct view_desc **ret, struct error *err) MUST_USE;
/* Which table or view a name means; its database is there. */
enum status plan_object(struct plan_env *env, const struct syn_name *name, struct object_name *ret,
                        struct error *err) MUST_USE;
/* CREATE FUNCTION name AS 'class' by known class names. */
enum status plan_create_function(struct plan_env *env, const struct syn_stmt *s, struct function_desc **ret,
                                 struct error *err) MUST_USE;
/* Columns of a table, view or query, for DESCRIBE and completion. */
enum status plan_describe(struct plan_env *env, const struct syn_name *name, struct schema *ret,
                          struct error *err) MUST_USE;

/* Visits the nodes as a tree from the sinks; one that several read is visited by each, its inputs only the first time. false:
 * `a` is refused memory, or a visit said so. */
struct plan_place {
    const struct node *node;
    uint32_t depth;
    bool late;  /* what is read here are its late rows */
    bool again; /* visited before */
};
typedef bool plan_visit(void *arg, const struct plan_place *p);
bool plan_walk(const struct plan *plan, struct arena *a, plan_visit *visit, void *arg) MUST_USE;
/* The table that a path stands for, in env->arena. */
enum status plan_describe_file(struct plan_env *env, struct str path, uint32_t line, uint32_t column,
                               const struct table_desc **ret, struct error *err) MUST_USE;
/* The names of a query's columns: what CREATE TABLE AS inserts into. */
enum status plan_query_names(struct plan_env *env, const struct syn_query *q, struct str **ret, uint32_t *ret_n,
                             struct error *err) MUST_USE;

/* EXPLAIN: a node a line as a tree from the sinks, with changelog modes, watermarks and keys. Deterministic. */
bool plan_print(struct buf *out, const struct plan *p) MUST_USE;
/* The same as one JSON object, and as a Graphviz cluster inside a "digraph { … }"; `number` tells several apart. What the
 * members of the object are is written in docs/sql/explain.md. */
bool plan_print_json(struct buf *out, const struct plan *p) MUST_USE;
bool plan_print_dot(struct buf *out, const struct plan *p, uint32_t number) MUST_USE;
/* What PLAN_ADVICE says: lines, "none" when there is nothing to say. */
bool plan_print_advice(struct buf *out, const struct plan *p) MUST_USE;
/* The normalised plan that a state directory is bound to: operators, keys, types, stable ids, connectors and paths;
 * not text, parallelism or batch size. Lines of "id: facts", so that two can be compared and the first difference
 * named. */
bool plan_fingerprint(struct buf *out, const struct plan *p) MUST_USE;
void plan_release(struct plan *p); /* values batches and folded literals; the arena is the caller's */
