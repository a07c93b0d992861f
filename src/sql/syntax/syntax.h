/* SQL text to tree and back. Flink's dialect (Calcite's grammar with Flink's statements); knows no
 * catalog, no types beyond their spelling, no functions beyond their special syntax.
 *
 * Everything lives in the arena that the caller gives. Trees are immutable after the parse. Every node
 * carries line and column (1-based, columns count code points) of its first token. Limits: text 1 MiB,
 * nesting 200, list items 10,000, height of a tree 1,000 (so that whoever walks it may recurse); beyond
 * them ST_LIMIT with the place. Input is data: NUL, invalid UTF-8,
 * anything gives an error with a place, never a crash.
 *
 * syn_print writes a canonical form that parses to the same tree; syn_equal compares without places. */
#pragma once

#include "base/base.h"

enum { SYN_MAX_TEXT = 1 << 20, SYN_MAX_DEPTH = 200, SYN_MAX_ITEMS = 10000, SYN_MAX_HEIGHT = 1000 };

struct syn_query;
struct syn_stmt;

/* ---- names and types ---- */

/* a.b.c as written; quoted parts keep their case, so do unquoted ones (Flink is case sensitive). */
struct syn_name {
    struct str *parts;
    uint32_t count;
    uint32_t line, column;
};

/* A type as spelled: name in upper case without parameters ("DECIMAL", "TIMESTAMP_LTZ", "TIMESTAMP",
 * "TIME", "ROW", "ARRAY", "MAP", "MULTISET", "INTERVAL", "VARCHAR", "STRING", "BYTES", "RAW"…).
 * `TIMESTAMP(3) WITH LOCAL TIME ZONE` is TIMESTAMP_LTZ, `WITH TIME ZONE` is TIMESTAMP_TZ; `T ARRAY` is
 * ARRAY<T>. DEC, NUMERIC are DECIMAL; INTEGER is INT; DOUBLE PRECISION is DOUBLE; CHARACTER is CHAR. */
struct syn_type {
    struct str name;
    int32_t p, s; /* parameters; -1 when not written */
    bool not_null;
    struct syn_type *element;      /* ARRAY, MULTISET; MAP value */
    struct syn_type *key;          /* MAP */
    struct syn_field *fields;      /* ROW */
    uint32_t n_fields;
    struct str unit_from, unit_to; /* INTERVAL: "DAY", "SECOND"; unit_to may be empty; p: leading, s: fraction */
    struct str class_name, serializer; /* RAW('class', 'serializer'), STRUCTURED<'class', …> (fields) */
    uint32_t line, column;
    uint32_t height; /* levels of this tree, itself included */
};

struct syn_field {
    struct str name;
    struct syn_type *type;
    struct str comment;
};

/* ---- expressions ---- */

enum syn_expr_kind {
    SYN_NULL,
    SYN_TRUE, SYN_FALSE, SYN_UNKNOWN,
    SYN_NUMBER,    /* text: as written (without sign) */
    SYN_STRING,    /* text: the value, escapes resolved (also U&'…') */
    SYN_BINARY,    /* X'…': text holds the hex digits */
    SYN_DATE, SYN_TIME, SYN_TIMESTAMP, /* DATE '…': text */
    SYN_INTERVAL,  /* INTERVAL '…' unit [TO unit]: text, type carries units; negative when `flag` */
    SYN_COLUMN,    /* name: a, t.a, row.field (not resolved here) */
    SYN_STAR,      /* *, or t.* with name */
    SYN_FIELD,     /* args[0] . text */
    SYN_INDEX,     /* args[0] [ args[1] ] */
    SYN_UNARY,     /* text: "-", "+", "NOT" */
    SYN_BINARY_OP, /* text: + - * / % || = <> != < <= > >= AND OR  (<> and != keep their spelling);
                    * also OVERLAPS, CONTAINS, EQUALS, [IMMEDIATELY] PRECEDES|SUCCEEDS, MEMBER OF, SUBMULTISET OF */
    SYN_IS,        /* args[0] IS [NOT: flag] text: NULL, TRUE, FALSE, UNKNOWN, JSON [VALUE|OBJECT|ARRAY|SCALAR]
                    * ("JSON OBJECT"), DISTINCT FROM (args[1]), "A SET", EMPTY */
    SYN_BETWEEN,   /* args: value, low, high; flag: NOT; text "SYMMETRIC" or empty */
    SYN_IN,        /* args[0] IN (args[1..]) or query; flag: NOT */
    SYN_LIKE,      /* args: value, pattern [, escape]; text "LIKE" or "SIMILAR TO"; flag: NOT */
    SYN_EXISTS,    /* query */
    SYN_QUANTIFIED,/* args[0], text operator, name.parts[0] "ALL"/"ANY"/"SOME", query or args[1..] */
    SYN_SUBQUERY,  /* (query) as a value */
    SYN_CASE,      /* args: [operand when flag], when, then, when, then…, [else when text is "ELSE"] */
    SYN_CAST,      /* args[0], type; text "CAST" or "TRY_CAST" */
    SYN_CALL,      /* name(args): any function; see the fields below. Special syntax keeps its words as SYN_WORD
                    * arguments: EXTRACT(YEAR FROM x) is CALL EXTRACT [WORD YEAR, x]; TRIM(BOTH 'a' FROM x) is
                    * [WORD BOTH, 'a', x]; POSITION(a IN b) [a, b]; SUBSTRING(a FROM b FOR c), OVERLAY(a PLACING b
                    * FROM c FOR d) plain arguments; FLOOR(x TO DAY) [x, WORD DAY]; TIMESTAMPADD(UNIT, …) [WORD…];
                    * CURRENT_DATE, LOCALTIME, … without parentheses have flag set; JSON_VALUE(x, 'p' RETURNING T
                    * DEFAULT e ON EMPTY NULL ON ERROR), JSON_OBJECT(KEY k VALUE v ... ABSENT ON NULL) etc.: words in
                    * order as SYN_WORD, a type as SYN_TYPE. CEIL is kept as CEIL, CEILING as CEILING. */
    SYN_WORD,      /* text: a keyword that is an argument */
    SYN_TYPE,      /* type, as an argument */
    SYN_ROW,       /* ROW(args) or (a, b); flag: written without ROW */
    SYN_ARRAY,     /* ARRAY[args] or ARRAY(query) */
    SYN_MAP,       /* MAP[k, v, …] or MAP(query) */
    SYN_MULTISET,  /* MULTISET[…] or MULTISET(query) */
    SYN_DESCRIPTOR,/* DESCRIPTOR(a, b): name list in args as SYN_COLUMN */
    SYN_NAMED_ARG, /* text => args[0] */
    SYN_TABLE_ARG, /* TABLE t or TABLE(query) as an argument of a table function; partition/order below */
    SYN_DEFAULT,   /* DEFAULT */
    SYN_MODEL_ARG, /* MODEL name as an argument */
    SYN_PATTERN,   /* node of a row pattern; see struct syn_match. text: "VAR" (name), "SEQ", "ALT", "QUANT"
                    * (p.. in quant), "PERMUTE", "EXCLUDE", "^", "$" */
    SYN_EXPR_KINDS
};

struct syn_order {
    struct syn_expr *expr;
    bool descending;
    int nulls; /* 0 as written: nothing, 1 NULLS FIRST, 2 NULLS LAST */
};

struct syn_window_frame {
    bool present, rows; /* rows: ROWS, else RANGE */
    bool between;       /* BETWEEN start AND end, else start only */
    enum syn_bound {
        SYN_UNBOUNDED_PRECEDING,
        SYN_PRECEDING,
        SYN_CURRENT_ROW,
        SYN_FOLLOWING,
        SYN_UNBOUNDED_FOLLOWING
    } start, end;
    struct syn_expr *start_value, *end_value;
};

struct syn_over {
    struct str window_name; /* OVER w; with any part below: OVER (w …), which refines w */
    struct syn_expr **partition;
    uint32_t n_partition;
    struct syn_order *order;
    uint32_t n_order;
    struct syn_window_frame frame;
};

struct syn_quantifier {
    int32_t min, max; /* max -1: no bound */
    bool reluctant;
};

struct syn_expr {
    enum syn_expr_kind kind;
    uint32_t line, column;
    struct str text;
    struct syn_name name;
    bool flag;
    struct syn_expr **args;
    uint32_t n_args;
    struct syn_type *type;
    struct syn_query *query;
    /* SYN_CALL only */
    bool distinct, star;            /* COUNT(DISTINCT x), COUNT(*) */
    struct syn_expr *filter;        /* FILTER (WHERE …) */
    struct syn_order *within_group; /* WITHIN GROUP (ORDER BY …); LISTAGG/ARRAY_AGG(… ORDER BY) */
    uint32_t n_within_group;
    int nulls_treatment;            /* 0 none, 1 RESPECT NULLS, 2 IGNORE NULLS */
    int semantics;                  /* MATCH_RECOGNIZE: 0 none, 1 RUNNING, 2 FINAL */
    struct syn_over *over;
    /* SYN_TABLE_ARG */
    struct syn_expr **partition;
    uint32_t n_partition;
    struct syn_order *order;
    uint32_t n_order;
    struct syn_quantifier quant; /* SYN_PATTERN "QUANT" */
    uint32_t height;             /* levels of this tree, itself included */
};

/* ---- queries ---- */

struct syn_option {
    struct str name, value; /* value.ptr NULL: a name alone */
    uint32_t line, column;  /* of the value */
};

/* A hint, as in OPTIONS('k' = 'v') or LOOKUP or STATE_TTL. */
struct syn_hint {
    struct str name;
    struct syn_option *options; /* k = v, or bare words with empty value */
    uint32_t n_options;
};

enum syn_from_kind {
    SYN_FROM_TABLE,    /* name */
    SYN_FROM_QUERY,    /* (query) */
    SYN_FROM_FUNCTION, /* TABLE(call) or a window TVF without TABLE; call */
    SYN_FROM_UNNEST,   /* UNNEST(call->args…) [WITH ORDINALITY: ordinality] */
    SYN_FROM_VALUES,   /* (VALUES …) has kind QUERY; kept for nothing else */
    SYN_FROM_JOIN,     /* left, right */
    SYN_FROM_MATCH,    /* left MATCH_RECOGNIZE (match) */
    SYN_FROM_FILE,     /* 'path' as a table */
};

enum syn_join { SYN_JOIN_INNER, SYN_JOIN_LEFT, SYN_JOIN_RIGHT, SYN_JOIN_FULL, SYN_JOIN_CROSS, SYN_JOIN_COMMA };

struct syn_named_expr {
    struct str name;
    struct syn_expr *expr;
    uint32_t line, column;
};

struct syn_subset {
    struct str name;
    struct str *vars;
    uint32_t n_vars;
};

struct syn_match {
    struct syn_expr **partition;
    uint32_t n_partition;
    struct syn_order *order;
    uint32_t n_order;
    struct syn_named_expr *measures;
    uint32_t n_measures;
    int rows; /* 0 not written, 1 ONE ROW PER MATCH, 2 ALL ROWS PER MATCH */
    struct str rows_option; /* after ALL ROWS: "SHOW EMPTY MATCHES", "OMIT EMPTY MATCHES", "WITH UNMATCHED ROWS" */
    struct str after; /* "", "PAST LAST ROW", "TO NEXT ROW", "TO FIRST", "TO LAST" */
    struct str after_var;
    struct syn_expr *pattern;
    struct syn_expr *within; /* interval */
    struct syn_subset *subsets;
    uint32_t n_subsets;
    struct syn_named_expr *defines;
    uint32_t n_defines;
};

struct syn_from {
    enum syn_from_kind kind;
    uint32_t line, column;
    struct syn_name name;
    struct syn_query *query;
    struct syn_expr *call; /* SYN_CALL */
    bool table_keyword;    /* FUNCTION: written as TABLE(…) */
    bool ordinality, lateral;
    struct syn_hint *hints;
    uint32_t n_hints;
    struct syn_expr *system_time; /* FOR SYSTEM_TIME AS OF expr */
    struct str path;
    /* join */
    enum syn_join join;
    bool natural;
    struct syn_from *left, *right;
    struct syn_expr *on;
    struct str *using_columns;
    uint32_t n_using;
    struct syn_match *match;
    /* alias: AS a (c1, c2) */
    struct str alias;
    struct str *column_aliases;
    uint32_t n_column_aliases;
    uint32_t height; /* levels of this tree, itself included */
};

struct syn_select_item {
    struct syn_expr *expr; /* SYN_STAR for * and t.* */
    struct str alias;      /* may be empty */
};

/* GROUP BY element: a plain expression, or a set of them. */
struct syn_group {
    enum { SYN_GROUP_EXPR, SYN_GROUP_SETS, SYN_GROUP_ROLLUP, SYN_GROUP_CUBE, SYN_GROUP_EMPTY } kind;
    struct syn_expr *expr;    /* EXPR */
    struct syn_group *items;  /* SETS, ROLLUP, CUBE: an item of several expressions is a SYN_ROW expr */
    uint32_t n_items;
};

struct syn_named_window {
    struct str name;
    struct syn_over over;
};

enum syn_query_kind { SYN_SELECT, SYN_VALUES, SYN_SET_OP };
enum syn_set_op { SYN_UNION, SYN_INTERSECT, SYN_EXCEPT };

struct syn_cte {
    struct str name;
    struct str *columns;
    uint32_t n_columns;
    struct syn_query *query;
    uint32_t line, column;
};

struct syn_query {
    enum syn_query_kind kind;
    uint32_t line, column;
    struct syn_cte *ctes; /* WITH */
    uint32_t n_ctes;
    /* SELECT */
    bool distinct, stream; /* SELECT DISTINCT; SELECT STREAM */
    struct syn_hint *hints;
    uint32_t n_hints;
    struct syn_select_item *items;
    uint32_t n_items;
    struct syn_from *from; /* NULL: SELECT without FROM */
    struct syn_expr *where;
    struct syn_group *group;
    uint32_t n_group;
    bool has_group; /* GROUP BY written (GROUP BY () has one EMPTY element) */
    struct syn_expr *having, *qualify;
    struct syn_named_window *windows;
    uint32_t n_windows;
    /* VALUES: rows of SYN_ROW */
    struct syn_expr **rows;
    uint32_t n_rows;
    /* SET_OP */
    enum syn_set_op op;
    bool all;
    struct syn_query *left, *right;
    /* of any kind */
    struct syn_order *order;
    uint32_t n_order;
    struct syn_expr *limit, *offset; /* LIMIT n, FETCH FIRST n ROWS ONLY; OFFSET n */
    bool parenthesised; /* written in parentheses inside a set operation (kept for printing) */
    uint32_t height;    /* levels of this tree, itself included */
};

/* ---- statements ---- */

enum syn_stmt_kind {
    SYN_STMT_QUERY,
    SYN_STMT_INSERT,          /* name, columns, partition, overwrite, query, hints */
    SYN_STMT_STATEMENT_SET,   /* inserts: EXECUTE STATEMENT SET BEGIN … END, or BEGIN STATEMENT SET; … END; */
    SYN_STMT_CREATE_TABLE,
    SYN_STMT_CREATE_VIEW,
    SYN_STMT_CREATE_FUNCTION, /* name AS 'class' (text) [LANGUAGE language] [USING JAR 'p', …: options JAR = p] */
    SYN_STMT_CREATE_DATABASE, SYN_STMT_CREATE_CATALOG, SYN_STMT_CREATE_MODEL,
    SYN_STMT_DROP,            /* what: "TABLE", "VIEW", "FUNCTION", "TEMPORARY TABLE", … */
    SYN_STMT_ALTER,           /* what, name; alter, and what it says there */
    SYN_STMT_SHOW,            /* what: "TABLES", "VIEWS", "FUNCTIONS", "CREATE TABLE", "COLUMNS", "JOBS", …; name; like
                               * (flag: written ILIKE); partition */
    SYN_STMT_DESCRIBE,        /* name (what: "", "FUNCTION", "CATALOG", "DATABASE", …), or path; flag: EXTENDED */
    SYN_STMT_EXPLAIN,         /* inner; what: details "CHANGELOG_MODE,JSON_EXECUTION_PLAN,ESTIMATED_COST,PLAN_ADVICE,
                               * ANALYZE" joined by ',' */
    SYN_STMT_SET, SYN_STMT_RESET, /* options[0] name, value (value empty & flag: SET without =) ; none: list all */
    SYN_STMT_USE,             /* what: "", "CATALOG" (name), "MODULES" (columns) */
    SYN_STMT_OTHER            /* recognised and never planned: what: "LOAD MODULE", "ANALYZE TABLE", "TRUNCATE TABLE",
                               * "DELETE", "UPDATE", "CALL", "STOP JOB", "ADD JAR", "REMOVE JAR", "COMPILE PLAN",
                               * "EXECUTE PLAN", … ; text: the words */
};

enum syn_column_kind { SYN_COL_PHYSICAL, SYN_COL_COMPUTED, SYN_COL_METADATA };

struct syn_column_def {
    enum syn_column_kind kind;
    struct str name;
    struct syn_type *type;   /* PHYSICAL, METADATA; NULL for a column that CREATE TABLE … AS only names */
    struct syn_expr *expr;   /* COMPUTED */
    struct str metadata_key; /* METADATA FROM '…'; empty: the column's name */
    bool is_virtual;         /* METADATA VIRTUAL */
    bool primary_key;        /* inline PRIMARY KEY NOT ENFORCED */
    bool first;              /* ALTER TABLE: FIRST */
    struct str after;        /* … AFTER this column; ptr NULL: not written */
    struct str comment;
    uint32_t line, column;
};

struct syn_watermark {
    bool present;
    struct syn_name column;
    struct syn_expr *expr;
    uint32_t line, column_at;
};

struct syn_like_option {
    bool including, overwriting; /* neither: EXCLUDING */
    struct str what; /* ALL, CONSTRAINTS, GENERATED, METADATA, OPTIONS, PARTITIONS, WATERMARKS, DISTRIBUTION */
};

struct syn_table_def {
    struct syn_column_def *columns;
    uint32_t n_columns;
    struct syn_watermark watermark;
    struct str *primary_key; /* from the table constraint or the inline form */
    uint32_t n_primary_key;
    bool primary_key_enforced; /* written ENFORCED, or without NOT ENFORCED */
    bool has_primary_key_clause; /* table constraint form (for printing) */
    struct str primary_key_name; /* CONSTRAINT name */
    struct str comment;
    struct str *partitioned_by;
    uint32_t n_partitioned_by;
    struct str distributed; /* "HASH", "RANGE" or "" with buckets/columns */
    struct str *distributed_by;
    uint32_t n_distributed_by;
    struct syn_expr *buckets;
    bool has_distribution;
    struct syn_option *options;
    uint32_t n_options;
    bool has_options;
    struct syn_name like; /* count 0: no LIKE */
    struct syn_like_option *like_options;
    uint32_t n_like_options;
    struct syn_query *as_query; /* CREATE TABLE … AS */
};

enum syn_alter {
    SYN_ALTER_WORDS,          /* never planned: the words in `text` */
    SYN_ALTER_RENAME,         /* target */
    SYN_ALTER_RENAME_COLUMN,  /* table: the old and the new one */
    SYN_ALTER_SET,            /* options */
    SYN_ALTER_RESET,          /* options, names alone */
    SYN_ALTER_ADD,            /* table: columns, watermark, primary key */
    SYN_ALTER_MODIFY,         /* as ADD */
    SYN_ALTER_DROP,           /* table: columns, names alone */
    SYN_ALTER_DROP_KEY,
    SYN_ALTER_DROP_CONSTRAINT, /* table: primary_key_name */
    SYN_ALTER_DROP_WATERMARK,
    SYN_ALTER_AS              /* VIEW: query; FUNCTION: as SYN_STMT_CREATE_FUNCTION */
};

struct syn_stmt {
    enum syn_stmt_kind kind;
    uint32_t line, column;
    struct str source; /* the statement's own text in the file, without the semicolon */
    struct str what, text;
    struct syn_name name;
    bool temporary, system, if_not_exists, if_exists, or_replace, overwrite, flag, cascade;
    struct syn_query *query;
    struct syn_table_def *table;
    struct str *columns; /* INSERT column list, VIEW column names */
    uint32_t n_columns;
    struct syn_option *partition; /* INSERT … PARTITION (k = 'v') */
    uint32_t n_partition;
    struct syn_option *options;
    uint32_t n_options;
    struct syn_hint *hints;
    uint32_t n_hints;
    struct syn_stmt **inserts;
    uint32_t n_inserts;
    struct syn_stmt *inner;
    struct str comment, language, path, like;
    bool not_like;
    enum syn_alter alter;
    struct syn_name target;
    struct str on_conflict; /* INSERT … ON CONFLICT DO: "NOTHING", "ERROR", "DEDUPLICATE" */
    struct syn_field *inputs, *outputs; /* CREATE MODEL */
    uint32_t n_inputs, n_outputs;
};

/* ---- the room's face ---- */

/* A script: statements separated by ';'. Parses the next one from `text` at *pos (byte offset); *ret_stmt
 * is NULL at the end. On an error *pos stands after the statement's ';' (found lexically), so that a
 * shell can go on. Lines and columns count from the start of `text`. */
enum status syn_parse_next(struct arena *a, struct str text, size_t *pos, struct syn_stmt **ret_stmt,
                           struct error *err) MUST_USE;
/* All statements of a script. */
enum status syn_parse(struct arena *a, struct str text, struct syn_stmt ***ret_stmts, uint32_t *ret_count,
                      struct error *err) MUST_USE;
/* One expression, the whole of `text` (computed columns kept as text, tests). */
enum status syn_parse_expr(struct arena *a, struct str text, struct syn_expr **ret, struct error *err) MUST_USE;

/* Canonical text. false only when the buffer refuses. */
bool syn_print_stmt(struct buf *out, const struct syn_stmt *s) MUST_USE;
bool syn_print_query(struct buf *out, const struct syn_query *q) MUST_USE;
bool syn_print_expr(struct buf *out, const struct syn_expr *e) MUST_USE;
bool syn_print_type(struct buf *out, const struct syn_type *t) MUST_USE;

/* Same tree, places and `source` not compared. */
bool syn_equal_stmt(const struct syn_stmt *a, const struct syn_stmt *b);
bool syn_equal_expr(const struct syn_expr *a, const struct syn_expr *b);
bool syn_equal_query(const struct syn_query *a, const struct syn_query *b);

/* Replaces ${name} (from `vars`, struct str * values) outside of nothing: plain text, before the parse. Unknown names
 * are ST_USAGE with line and column and the nearest name. */
enum status syn_substitute(struct arena *a, struct str text, const struct map *vars, struct str *ret,
                           struct error *err) MUST_USE;

/* For an error with a place in `sql`: the line, and under it a caret:
 *     SELECT prise FROM bids
 *            ^
 * Tabs are kept, long lines are cut around the place. */
bool syn_print_caret(struct buf *out, struct str sql, const struct error *err) MUST_USE;

/* ---- for who helps to type: a shell ---- */

enum syn_token_kind {
    SYN_TOKEN_END,
    SYN_TOKEN_WORD,  /* value: as written */
    SYN_TOKEN_NAME,  /* in backticks; value without them */
    SYN_TOKEN_TEXT,  /* in single quotes; value without them */
    SYN_TOKEN_OTHER, /* numbers, signs, what is no token: value as written */
    SYN_TOKEN_OPEN   /* the text ends inside what begins at `at`: a quote (its sign stands there) or a comment */
};
struct syn_token {
    enum syn_token_kind kind;
    size_t at, end; /* bytes in the text */
    struct str value;
};
/* The token at or after `from`, which stands between tokens. */
struct syn_token syn_next_token(struct arena *a, struct str text, size_t from);

/* Where statements end, in a text that grows at its end by whole lines. Begin with {0} and `pos` where the statement
 * begins; `a` may be reset between calls. */
struct syn_scan {
    size_t pos;      /* all before it has been looked at */
    uint32_t tokens; /* of the statement, so far */
    uint16_t first, second, last; /* words among them; 0: something else */
};
enum syn_scanned {
    SYN_NOTHING, /* only space and comments so far */
    SYN_OPEN,    /* a statement that goes on */
    SYN_QUOTED,  /* it goes on inside a quote or a comment */
    SYN_WHOLE    /* it ends at pos, behind its ';' */
};
enum syn_scanned syn_scan(struct arena *a, struct str text, struct syn_scan *s);

/* Keywords in order, for completion and for "reserved word" errors. */
const char *const *syn_keywords(uint32_t *ret_count);
bool syn_is_reserved(struct str word);
