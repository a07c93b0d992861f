/* What the files of this room share: relations (the logical plan), the binder, rules and the physical build.
 *
 * A relation is an operator over relations, with a schema and expressions over its input's columns. The binder makes
 * them from syntax, rules rewrite them, the physical build turns them into nodes. Scans are shared by all references to
 * a table inside one job (so that a source is read once); everything above them is a tree. */
#pragma once

#include "plan/plan.h"

#define NONE UINT32_MAX
#define PLAN_MAX_RELS 20000u      /* relations of one job: views and CTEs unfold at each reference */
#define PLAN_MAX_DEPTH 300u       /* queries inside queries, through views and WITH too */
#define PLAN_MAX_MERGED 2000u     /* tree nodes of a merged projection: more is not worth merging */

/* ---- relations ---- */

enum rel_kind { REL_SCAN, REL_VALUES, REL_CALC, REL_UNION, REL_WINDOW, REL_AGGREGATE, REL_WINDOW_AGGREGATE, REL_SORT, REL_UNNEST, REL_EXPAND, REL_SET, REL_CHANGELOG };

/* Which column of its window a column is, through whatever it has passed. */
enum window_tag { TAG_NONE, TAG_START, TAG_END, TAG_TIME };

struct window_origin {
    struct window_spec spec;
    bool settled; /* its rows come out of a window aggregate: none of them is ever late */
};

struct agg_call {
    struct str name;
    uint32_t *args; /* input columns */
    uint32_t n_args;
    uint32_t filter; /* input column, NONE */
    bool distinct;
    const struct aggregate_form *form;
    const struct type *type;
    uint32_t line, column;
};

struct rel {
    enum rel_kind kind;
    struct rel **inputs;
    uint32_t n_inputs;
    struct schema schema;
    uint8_t *tags;                      /* enum window_tag a column; NULL: none */
    const struct window_origin *window; /* what the tags belong to */
    bool bounded;
    uint32_t node;                    /* physical: index of the built node, NONE before */
    union {
        struct {
            const struct table_desc *table;
            struct need_mark *needs;     /* a column of the schema */
            struct str *only;            /* … : the text that everybody above wants there; ptr NULL: any. NULL: not looked at */
            uint32_t kinds;              /* of the source */
            uint32_t rowtime;            /* column of the schema with watermarks, NONE */
            const struct expr *computed; /* rowtime over the row read when it is made of that: the last column */
            const struct expr *watermark; /* over the schema; NULL with source_watermark */
            bool source_watermark;
            bool watermark_used;
            bool normalize;
            const struct expr **declared; /* the table's columns over this scan */
            struct field *fields;         /* and their names and types */
        } scan;
        struct {
            const struct expr *const *cells; /* literals, row by row */
            uint32_t n_rows;
        } values;
        struct {
            const struct expr *condition; /* NULL: none */
            const struct expr **exprs;
        } calc;
        struct {
            struct window_origin origin;
            uint32_t line, column;
        } tvf;
        struct {
            uint32_t *keys;
            uint32_t n_keys;
            struct agg_call *calls;
            uint32_t n_calls;
            /* WINDOW_AGGREGATE */
            struct window_spec spec;
            enum window_output *outputs;
            uint32_t n_outputs;
            bool settled;        /* as in window_origin */
            bool expanded;       /* the last key is the grouping set */
            uint32_t *late;      /* input columns that go to the late table, one a column of it; NULL: none */
            uint32_t n_late;
            uint32_t line, column;
        } agg;
        struct {
            struct sort_key *keys;
            uint32_t n_keys;
            int64_t limit, offset;
            uint32_t line, column; /* of the LIMIT or OFFSET */
            bool final;          /* the job's final table */
            enum time_attribute time; /* of the first key: rows go as time passes them; TIME_NONE: at the end */
        } sort;
        struct {
            bool except, all;
        } set;
        struct expand_spec expand;
        struct unnest_spec unnest;
        struct {
            struct changelog_spec spec;
            bool to; /* kinds to codes: one more column than the input; else codes to kinds */
            uint32_t line, column;
        } changelog;
    };
};

/* ---- the binder ---- */

/* One FROM item's columns inside a scope. */
struct scope_item {
    struct str alias;
    struct str key; /* of the table or view, when it goes by its own name; ptr NULL */
    uint32_t first, count;
};
struct scope {
    const struct schema *schema;
    struct scope_item *items;
    uint32_t n_items;
};

/* WITH names in sight. */
struct cte_frame {
    const struct syn_query *query; /* whose ctes[0..visible) are in sight */
    uint32_t visible;
    const struct cte_frame *outer;
    bool *used; /* which of them have been named; those that nobody names are bound for their errors */
};

struct view_frame {
    const struct view_desc *view;
    const struct view_frame *outer;
};

struct binder {
    struct plan_env *env;
    struct str database; /* what names alone are looked up in */
    struct expr_env exprs;
    struct arena *arena;
    struct error *err;
    ARRAY(struct rel *) scans;
    ARRAY(struct table_desc *) files; /* named by their path */
    uint32_t n_rels;
    bool reads_watermark; /* CURRENT_WATERMARK: every watermark is of use */
    const struct view_frame *views;
    uint32_t depth;
    const struct table_desc *late_table;
};

/* A call of an aggregate, collected while the SELECT list is bound. */
struct agg_item {
    struct str name;
    const struct expr **args;
    uint32_t n_args;
    const struct expr *filter;
    bool distinct;
    const struct aggregate_form *form;
    const struct type *type;
    uint32_t line, column;
};
struct agg_scope {
    ARRAY(struct agg_item) items;
    uint32_t n_input; /* aggregates stand in expressions as columns from here on */
    const struct group_by *groups;
};

#define PLAN_MAX_GROUPS 63u            /* expressions of a GROUP BY with sets: GROUPING_ID is a BIGINT */
#define PLAN_MAX_SETS 1024u            /* sets of one GROUP BY */
#define GROUP_SET_COLUMN (NONE - 1)    /* stands in expressions for the number of a row's grouping set */

struct group_by {
    const struct expr **exprs;
    uint32_t n;
    uint64_t *sets; /* bit i: expression i is in the set. NULL: one set of all */
    uint32_t n_sets;
};

/* TUMBLE or HOP in GROUP BY. */
struct group_window {
    struct window_spec spec;
    const struct expr *time;
    const struct schema *schema;
    uint32_t first; /* of its three columns: start, end, time */
};

/* Where an expression stands. */
struct place {
    const struct scope *scope; /* NULL: no columns */
    struct agg_scope *aggs;    /* NULL: aggregates are refused */
    const struct group_window *window; /* of GROUP BY; NULL: none */
    const char *clause;        /* "WHERE", for messages */
};

enum status binder_init(struct binder *b, struct plan_env *env, struct error *err) MUST_USE;
enum status bind_memory(struct binder *b);
#define TRY_MEM(b, p)               \
    do {                            \
        if (!(p))                   \
            return bind_memory(b);  \
    } while (0)
/* Gives an error without a place the place of `e`. */
enum status bind_at(struct binder *b, enum status st, uint32_t line, uint32_t column);
#define TRY_AT(b, e, call) TRY(bind_at((b), (call), (e)->line, (e)->column))

/* rel.c */
struct rel *rel_new(struct binder *b, enum rel_kind kind, uint32_t n_inputs,
                    uint32_t n_columns); /* NULL: memory or too many */
enum status rel_calc(struct binder *b, struct rel *in, const struct expr *condition, const struct expr **exprs,
                     const struct field *fields, uint32_t n, struct rel **ret) MUST_USE;
enum status rel_filter(struct binder *b, struct rel *in, const struct expr *condition, struct rel **ret) MUST_USE;
/* Columns `columns` of `in` under their names. */
enum status rel_project(struct binder *b, struct rel *in, const uint32_t *columns, uint32_t n,
                        struct rel **ret) MUST_USE;
/* `in` with `x` among its columns: as the last one where it is not a column already. */
enum status rel_with_column(struct binder *b, struct rel *in, const struct expr *x, struct rel **ret,
                            uint32_t *ret_column) MUST_USE;
/* Each row once for each grouping set: room for `n_keys` keys; the caller fills in, then asks for the schema. */
enum status rel_expand(struct binder *b, struct rel *in, uint32_t n_keys, uint32_t n_sets,
                       struct rel **ret) MUST_USE;
enum status rel_expand_schema(struct binder *b, struct rel *r) MUST_USE;
enum status rel_one_row(struct binder *b, struct rel **ret) MUST_USE;
enum status rel_union(struct binder *b, struct rel **inputs, uint32_t n, struct rel **ret) MUST_USE;
/* INTERSECT or EXCEPT of two of equal types. */
enum status rel_set(struct binder *b, struct rel *const inputs[2], bool except, bool all, struct rel **ret) MUST_USE;
enum status rel_distinct(struct binder *b, struct rel *in, struct rel **ret) MUST_USE;
enum status rel_columns(struct binder *b, const struct schema *s,
                        const struct expr ***ret) MUST_USE; /* a column expression each */
/* The type of an output column that is `e`: time attributes live through plain columns and PROCTIME() only. */
const struct type *rel_type(struct binder *b, const struct expr *e);
static inline struct rel *rel_input(const struct rel *r) { return r->inputs[0]; }
static inline uint8_t rel_tag(const struct rel *r, uint32_t column) { return r->tags ? r->tags[column] : TAG_NONE; }
/* Where an aggregate names input columns: keys, arguments, filters, late columns and, `with_window`, those of its
 * window. */
enum status agg_refs(struct binder *b, struct rel *r, bool with_window, uint32_t ***ret, uint32_t *ret_n) MUST_USE;
/* Tree nodes of `e` where column i counts weights[i] (NULL: 1); stops at `limit`. */
uint32_t expr_size(const struct expr *e, const uint32_t *weights, uint32_t limit);
void expr_count_columns(const struct expr *e, uint32_t *counts);
bool expr_uses_from(const struct expr *e, uint32_t first); /* a column >= first */

/* ---- what is parsed and not planned (feature.c) ---- */

/* What Flink's grammar has and Weir does not plan yet, each refused by this name with its place. */
#define PLAN_FEATURES(F) \
    F(JOIN, "JOIN") \
    F(COMMA_JOIN, "a join written with a comma") \
    F(LATERAL, "LATERAL") \
    F(MATCH, "MATCH_RECOGNIZE") \
    F(SYSTEM_TIME, "FOR SYSTEM_TIME AS OF") \
    F(TABLE_FUNCTION, "a table function in FROM") \
    F(TABLE_ARG, "a table as an argument") \
    F(MODEL_ARG, "a model as an argument") \
    F(SESSION, "SESSION windows") \
    F(WINDOW_PARTITION, "PARTITION BY or ORDER BY of a table argument") \
    F(PARTIAL_DELETES, "produces_full_deletes => FALSE") \
    F(PROCESSING_WINDOW, "a processing-time window table function without GROUP BY window_start, window_end") \
    F(PROCESSING_ATTACHED, "an aggregate over the windows of a processing-time aggregate") \
    F(OVER, "OVER") \
    F(NAMED_WINDOW, "the WINDOW clause") \
    F(QUALIFY, "QUALIFY") \
    F(STREAM, "SELECT STREAM") \
    F(SCALAR_QUERY, "a subquery as a value") \
    F(IN_QUERY, "IN with a subquery") \
    F(EXISTS, "EXISTS") \
    F(QUANTIFIED, "a comparison with ALL, ANY or SOME") \
    F(ARRAY_QUERY, "ARRAY of a query") \
    F(MAP_QUERY, "MAP of a query") \
    F(MULTISET, "a MULTISET constructor") \
    F(IS_SET, "IS A SET") \
    F(IS_EMPTY, "IS EMPTY") \
    F(MEMBER_OF, "MEMBER OF and SUBMULTISET OF") \
    F(WITHIN_GROUP, "an ordered aggregate (WITHIN GROUP, ORDER BY inside)") \
    F(NULL_TREATMENT, "RESPECT NULLS and IGNORE NULLS of what is no aggregate") \
    F(RUNNING, "RUNNING and FINAL") \
    F(DEFAULT_VALUE, "DEFAULT as a value") \
    F(NAMED_ARG, "named arguments of functions") \
    F(DESCRIPTOR, "DESCRIPTOR outside of a window table function") \
    F(PATTERN, "a row pattern") \
    F(RAW_TYPE, "the type RAW") \
    F(STRUCTURED_TYPE, "the type STRUCTURED") \
    F(BITMAP_TYPE, "the type BITMAP") \
    F(TIMESTAMP_TZ, "the type TIMESTAMP WITH TIME ZONE") \
    F(TIME_PRECISION, "the type TIME with more than 3 digits") \
    F(INTERVAL_COLUMN, "an INTERVAL as a column of a table") \
    F(DISTRIBUTION, "DISTRIBUTED BY") \
    F(NESTED_ROWTIME, "WATERMARK FOR a field of a ROW") \
    F(FUNCTION_CLASS, "a function class that Weir does not know") \
    F(HINT, "hint") \
    F(ON_CONFLICT, "ON CONFLICT where the sink's primary key is not the query's upsert key") \
    F(UPSERT_MATERIALIZE, "a sink whose primary key is not the query's upsert key") \
    F(LIMIT, "LIMIT over unbounded input whose rows are updated") \
    F(TOP_N, "ORDER BY with LIMIT over unbounded input") \
    F(FUNCTION_LANGUAGE, "functions in other languages than JAVA")
#define PLAN_FEATURE_ENUM(id, name) F_##id,
enum feature { PLAN_FEATURES(PLAN_FEATURE_ENUM) F_COUNT };
#undef PLAN_FEATURE_ENUM
const char *feature_name(enum feature f);
enum status refuse(struct binder *b, enum feature f, uint32_t line, uint32_t column);

/* ---- what there is to say of a node (facts.c) ---- */

enum facts_form {
    FACTS_TEXT,      /* EXPLAIN: " key=value key=[a, b] flag" */
    FACTS_LINES,     /* the same, each on a line of its own */
    FACTS_POSITIONS, /* the fingerprint: columns as $0, $1, nothing that may change while the state stays good */
    FACTS_JSON       /* members of an object */
};
struct facts {
    struct buf *out;
    const struct plan *plan;
    enum facts_form form;
    bool any;       /* json: a member stands before the next */
    uint32_t items; /* of the list or group under way */
};
bool facts_put(struct facts *f, const struct node *n) MUST_USE;   /* those of the node's kind */
bool facts_kinds(struct facts *f, const struct node *n) MUST_USE; /* changelog=[I,UB,UA] */
bool facts_key(struct facts *f, const char *key) MUST_USE;
bool facts_columns(struct facts *f, const char *key, const struct schema *s, const uint32_t *columns,
                   uint32_t n) MUST_USE;
bool facts_string(struct facts *f, size_t from) MUST_USE; /* json: what stands from `from` on becomes a string */

/* What an operator keeps from row to row. */
struct state_fact {
    const char *keeps;   /* "accumulators" */
    const char *by;      /* "key", "split" …; NULL: one */
    const char *until;   /* "always", "window end", "end of input" */
    const uint32_t *key; /* columns of the input, when by key */
    uint32_t n_key;
};
bool facts_state(const struct node *n, struct state_fact *ret); /* false: nothing */

/* bind_expr.c, bind_call.c, bind_scope.c, bind_type.c */
enum status bind_expr(struct binder *b, const struct place *p, const struct syn_expr *e,
                      const struct expr **ret) MUST_USE;
enum status bind_condition(struct binder *b, const struct place *p, const struct syn_expr *e,
                           const struct expr **ret) MUST_USE;
/* bind_period.c */
bool is_period_operator(struct str op);
enum status bind_periods(struct binder *b, const struct place *p, const struct syn_expr *e,
                         const struct expr **ret) MUST_USE;
/* bind_json.c: the calls of SQL/JSON, the ones that make JSON last */
enum json_form {
    JSON_NO_FORM, JSON_FORM_TEXT, JSON_FORM_VALUE, JSON_FORM_QUERY, JSON_FORM_EXISTS, JSON_FORM_OBJECT, JSON_FORM_ARRAY
};
enum json_form json_form(struct str name);
enum status bind_json(struct binder *b, const struct place *p, const struct syn_expr *e, enum json_form form,
                      const struct expr **ret) MUST_USE;
enum status bind_is_json(struct binder *b, const struct place *p, const struct syn_expr *e,
                         const struct expr **ret) MUST_USE;
enum status bind_call(struct binder *b, const struct place *p, const struct syn_expr *e,
                      const struct expr **ret) MUST_USE;
enum status bind_column(struct binder *b, const struct place *p, const struct syn_expr *e,
                        const struct expr **ret) MUST_USE;
bool scope_has(struct binder *b, const struct scope *s, const struct syn_expr *star); /* the star is of all columns, or of an item */
enum status bind_star(struct binder *b, const struct scope *s, const struct syn_expr *e, uint32_t *ret_first,
                      uint32_t *ret_count) MUST_USE;
enum status bind_type(struct binder *b, const struct syn_type *t, const struct type **ret) MUST_USE;
enum status bind_type_in(struct binder *b, struct arena *a, const struct syn_type *t, const struct type **ret) MUST_USE;
enum status bind_named(struct binder *b, const struct place *p, struct str name, const struct expr *const *args,
                       uint32_t n, const struct syn_expr *at, const struct expr **ret) MUST_USE;
bool syn_has_aggregate(const struct syn_expr *e);
enum status scope_of(struct binder *b, const struct rel *r, struct str alias, struct scope *ret) MUST_USE;

/* bind_query.c, bind_select.c, bind_group.c, bind_from.c, bind_window.c */
enum status bind_query(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q, bool top,
                       struct rel **ret) MUST_USE;
enum status bind_select(struct binder *b, const struct cte_frame *ctes, const struct syn_query *q, bool top,
                        struct rel **ret) MUST_USE;
enum status bind_values(struct binder *b, const struct syn_query *q, struct rel **ret) MUST_USE;
enum status bind_from(struct binder *b, const struct cte_frame *ctes, const struct syn_from *f, struct rel **ret,
                      struct scope *ret_scope) MUST_USE;
enum status bind_relation(struct binder *b, const struct cte_frame *ctes, const struct syn_name *name,
                          struct rel **ret) MUST_USE;
/* A window over `in` by its time column; kind and spans come in `spec`. */
enum status window_new(struct binder *b, struct rel *in, uint32_t time, const struct window_spec *spec,
                       const struct syn_expr *at, struct rel **ret) MUST_USE;
enum status window_span(struct binder *b, const struct syn_expr *e, const char *what, bool positive,
                        int64_t *ret) MUST_USE;
/* TUMBLE, HOP, CUMULATE … as a FROM item. */
enum status bind_window(struct binder *b, const struct cte_frame *ctes, const struct syn_expr *call,
                        struct rel **ret) MUST_USE;
/* Arguments by position or by name into args[] (cleared, one a parameter). */
enum status bind_table_args(struct binder *b, const char *name, const struct str *params, uint32_t n,
                            const struct syn_expr *call, const struct syn_expr **args) MUST_USE;
/* TABLE t, TABLE (query) or (query); PARTITION BY and ORDER BY are the caller's. */
enum status bind_table_arg(struct binder *b, const struct cte_frame *ctes, const struct syn_expr *e, const char *who,
                           struct rel **ret) MUST_USE;
/* TO_CHANGELOG, FROM_CHANGELOG as a FROM item. */
enum status bind_changelog(struct binder *b, const struct cte_frame *ctes, const struct syn_expr *call,
                           struct rel **ret) MUST_USE;
/* FROM items that look at the ones before them; `s`: what UNNEST sees. */
enum status bind_join(struct binder *b, const struct cte_frame *ctes, const struct syn_from *f, struct rel **ret,
                      struct scope *ret_scope) MUST_USE;
enum status bind_unnest(struct binder *b, struct rel *in, const struct scope *s, const struct syn_from *f, bool outer,
                        struct rel **ret, struct scope *ret_scope) MUST_USE;
enum status bind_sort(struct binder *b, const struct syn_query *q, const struct sort_key *keys, struct rel *in,
                      struct rel **ret) MUST_USE;
/* OPTIONS hints: a table with other options than declared; *ret is `t` itself when there is none. */
enum status table_with_options(struct binder *b, const struct table_desc *t, const struct syn_hint *hints, uint32_t n,
                               const struct table_desc **ret) MUST_USE;
/* Refuses hints that would change a result. */
enum status bind_hints(struct binder *b, const struct syn_hint *hints, uint32_t n, uint32_t line,
                       uint32_t column) MUST_USE;
/* Every column once: a, a0, a1 (Flink's way), for results. */
enum status unique_names(struct binder *b, struct field *fields, uint32_t n) MUST_USE;
/* Which table or view a name means; its database is there. */
enum status object_of(struct binder *b, const struct syn_name *n, struct object_name *ret) MUST_USE;
enum status name_of(struct binder *b, const struct syn_name *n, struct str *ret_key) MUST_USE;

/* bind_aggregate.c */
struct select_list {
    const struct expr **exprs;
    struct str *names;
    uint32_t n, n_visible; /* behind the visible ones: columns that only ORDER BY needs */
    struct sort_key *keys; /* of ORDER BY, over the list */
    const struct expr *having;
};
enum status bind_aggregate(struct binder *b, struct rel *in, const struct syn_query *q, const struct agg_scope *aggs,
                           struct select_list *list, struct rel **ret) MUST_USE;

/* bind_group.c */
enum status bind_groups(struct binder *b, const struct place *p, const struct syn_query *q,
                        struct group_by *ret) MUST_USE;
bool group_in_all(const struct group_by *g, uint32_t i); /* expression i is in every set */
/* What is not in every set may be NULL: input, scope and groups anew. */
enum status nullable_groups(struct binder *b, const struct place *p, const struct syn_query *q, struct rel **in,
                            struct scope *scope, struct group_by *g) MUST_USE;
enum status bind_grouping(struct binder *b, const struct place *p, const struct syn_expr *e,
                          const struct expr **ret) MUST_USE;

/* bind_group_window.c */
bool is_group_window(struct binder *b, const struct syn_expr *e);
/* Puts the window of GROUP BY around `in`. *ret NULL: there is none. */
enum status bind_group_window(struct binder *b, const struct syn_query *q, struct rel **in, struct scope *scope,
                              const struct group_window **ret) MUST_USE;
/* Start, end and time of the call in GROUP BY. */
enum status group_window_columns(struct binder *b, const struct place *p, const struct syn_expr *e,
                                 const struct expr *ret[3]) MUST_USE;
/* TUMBLE_START and its kin; *ret_is false: another function. */
enum status bind_window_call(struct binder *b, const struct place *p, const struct syn_expr *e, bool *ret_is,
                             const struct expr **ret) MUST_USE;

/* bind_insert.c */
struct insert {
    struct rel *rel; /* exactly the sink's written row */
    const struct table_desc *table;
    const struct syn_stmt *stmt;
};
enum status bind_insert(struct binder *b, const struct syn_stmt *s, struct insert *ret) MUST_USE;
enum status sink_columns(struct binder *b, const struct table_desc *t, uint32_t line, uint32_t column) MUST_USE;

/* ddl_table.c, ddl_like.c: the parts of a table that CREATE TABLE puts together, in the catalog's arena. */
struct table_parts {
    ARRAY(struct column_desc) columns;
    ARRAY(struct option) options;
    ARRAY(struct str) partitions;
    ARRAY(struct str) primary_key;
    struct str key_name;
    struct str watermark_column, watermark_expr; /* expr empty: none */
    bool own_watermark;
};
enum status like_table(struct binder *b, const struct syn_stmt *s, struct table_parts *parts) MUST_USE;
enum status like_merge(struct binder *b, const struct syn_stmt *s, struct table_parts *base,
                       const struct table_parts *own) MUST_USE;
/* What the statement itself declares. */
enum status own_parts(struct binder *b, const struct syn_stmt *s, struct table_parts *p) MUST_USE;
/* Binds all of them; name and comment of `t` are set. `s` has places and, among its columns, expressions. */
enum status table_of_parts(struct binder *b, const struct syn_stmt *s, const struct table_parts *p,
                           struct table_desc *t) MUST_USE;
/* The name of a table or view that is made, in the catalog's arena. */
enum status new_object(struct binder *b, const struct syn_name *n, struct object_name *ret) MUST_USE;
/* All parts of a table that is there. */
enum status parts_of_table(struct binder *b, const struct table_desc *t, struct table_parts *parts) MUST_USE;
struct str stored_text(struct binder *b, const struct syn_expr *e, const struct syn_query *q); /* ptr NULL: refused */

/* ---- rules: each rewrites the whole tree below *rel ---- */

enum status rule_merge(struct binder *b, struct rel **rel) MUST_USE;
enum status rule_trim(struct binder *b, struct rel **rel) MUST_USE; /* all of the root's columns stay */
enum status rule_needs(struct binder *b, const struct rel *r) MUST_USE;
enum status rule_window(struct binder *b, struct rel **rel) MUST_USE;
enum status rule_fold(struct binder *b, struct rel **rel) MUST_USE;
struct output;
/* All of them, over the roots of one job. */
enum status rules_apply(struct binder *b, struct rel **rels, const struct output *outputs, uint32_t n) MUST_USE;
bool table_wants_watermarks(const struct table_desc *t);

/* ---- physical ---- */

struct output {
    struct rel *rel;
    const struct table_desc *table;
    struct schema columns;
    bool is_result;
    struct str on_conflict; /* "NOTHING", "ERROR", "DEDUPLICATE"; empty: not written */
    uint32_t line, column;
};

struct physical {
    struct binder *b;
    struct arena *arena;
    struct plan *plan;
    ARRAY(struct node *) nodes;
    ARRAY(bool) keyed;       /* node i has an upsert key, maybe an empty one (a global aggregate) */
    ARRAY(struct rel *) rels; /* what SOURCE and WINDOW_AGGREGATE nodes come from; NULL for others */
    uint32_t ordinals[NODE_KINDS];
};

enum status physical_build(struct binder *b, const struct output *outputs, uint32_t n, struct str name,
                           struct plan **ret) MUST_USE;
enum status physical_rel(struct physical *p, struct rel *r, uint32_t *ret) MUST_USE;
enum status physical_scan(struct physical *p, struct rel *r, uint32_t *ret) MUST_USE;
struct node *physical_node(struct physical *p, enum node_kind kind, const struct schema *schema,
                           uint32_t n_inputs); /* NULL: memory */
enum status physical_chain(struct physical *p, enum node_kind kind, const struct schema *schema, uint32_t input,
                           struct node **ret) MUST_USE;
enum status physical_exchange(struct physical *p, uint32_t input, const uint32_t *keys, uint32_t n,
                              uint32_t *ret) MUST_USE;
enum status physical_modes(struct physical *p) MUST_USE;
enum status physical_times(struct physical *p) MUST_USE;
/* Kinds and upsert key of a node whose inputs have theirs. */
enum status node_modes(struct physical *p, struct node *n) MUST_USE;
uint32_t physical_index(const struct table_desc *t, uint32_t column); /* of a physical column among them */
/* What computed columns see: the others, as declared. */
enum status table_base(struct binder *b, const struct table_desc *t, struct schema *ret) MUST_USE;

/* settings.c */
bool setting_bool(const struct plan_env *env, const char *name);
int64_t setting_ms(const struct plan_env *env, const char *name);
struct str setting_str(const struct plan_env *env, const char *name);
