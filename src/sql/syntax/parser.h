/* What the files of this room share: tokens, the parser's state, and one function for each rule of the
 * grammar that another file calls. A rule returns a status; on any other than ST_OK the error is set and
 * the parse is over (nothing is tried twice, so the time is linear in the text). */
#pragma once

#include "syntax/syntax.h"
#include "syntax/words.h"

#define WORD_ENUM(word, flags) KW_##word,
enum word { NO_WORD = 0, SYNTAX_WORDS(WORD_ENUM) WORD_COUNT };
#undef WORD_ENUM

/* Single characters are their own kind. */
enum token_kind {
    T_END = 0,
    T_WORD = 128, /* unquoted; `word` tells the keyword */
    T_QUOTED,     /* `name`; value without quotes */
    T_STRING,     /* value with escapes resolved */
    T_BINARY,     /* X'…'; value: the hex digits */
    T_NUMBER,
    T_NE,         /* <> */
    T_BANG_NE,    /* != */
    T_LE,
    T_GE,
    T_CONCAT,     /* || */
    T_ARROW,      /* => */
    T_HINT,       /* the beginning of a hint */
    T_HINT_END,
    T_BAD         /* the lexer's error stands in the parser */
};

struct token {
    uint8_t kind;
    uint16_t word;
    uint32_t line, column;
    uint32_t at, end; /* bytes in the text */
    struct str value; /* T_WORD: as written */
};

struct parser {
    struct arena *arena;
    struct str text;
    /* the lexer's place */
    uint32_t pos, line, column;
    bool in_hint;
    bool unended;    /* the last token is T_BAD because the text ends inside quotes or a comment */
    bool no_tokens;  /* memory was refused for one */
    enum status bad; /* why the last token is T_BAD */
    struct error bad_error;
    /* tokens of the present statement, lexed as far as someone has looked */
    ARRAY(struct token) tokens;
    uint32_t at;
    uint32_t depth;
    struct error *err;
};

/* lexer.c */
void lex_token(struct parser *p, struct token *t);

/* words.c */
enum word word_find(struct str s);
struct str word_text(enum word w);
unsigned word_flags(enum word w);
struct str time_unit(struct str s);
/* The word of `phrase` (its upper-case words) that `found` is probably a slip of; empty when none. */
struct str word_slip(struct str found, const char *phrase);

/* parser.c: the token stream */
void parser_init(struct parser *p, struct arena *a, struct str text, struct error *err);
const struct token *peek_at(struct parser *p, uint32_t ahead);
static inline const struct token *peek(struct parser *p) { return peek_at(p, 0); }
const struct token *take(struct parser *p);
bool peek_word(struct parser *p, enum word w);
bool peek_word_at(struct parser *p, uint32_t ahead, enum word w);
bool accept_word(struct parser *p, enum word w);
bool accept_words(struct parser *p, enum word a, enum word b);
bool accept(struct parser *p, int kind);
enum status expect(struct parser *p, int kind, const char *expected) MUST_USE;
enum status expect_word(struct parser *p, enum word w) MUST_USE;
/* "unexpected 'x': expected EXPECTED" at the present token, with hints for slips. */
enum status unexpected(struct parser *p, const char *expected) MUST_USE;
/* What a word behind a complete query or table may have meant. */
#define CLAUSES "FROM WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET UNION EXCEPT INTERSECT JOIN LEFT INNER " \
                "CROSS ON USING AS WITH COMMENT PARTITIONED LIKE AND OR IN BETWEEN IS NOT"
enum status too_deep(struct parser *p) MUST_USE;
enum status too_high(struct parser *p, uint32_t line, uint32_t column) MUST_USE;
enum status too_many(struct parser *p) MUST_USE;
enum status no_memory(struct parser *p) MUST_USE;
static inline enum status enter(struct parser *p)
{
    return ++p->depth > SYN_MAX_DEPTH ? too_deep(p) : ST_OK;
}
static inline void leave(struct parser *p) { p->depth--; }
#define TRY_NEW(p, variable, type)                  \
    type *variable = ARENA_NEW((p)->arena, type);   \
    if (!variable)                                  \
        return no_memory(p)
/* Adds a cleared element to an array of the tree. */
#define TRY_ADD(p, variable, array, type)                    \
    if ((array)->count >= SYN_MAX_ITEMS)                     \
        return too_many(p);                                  \
    type *variable = array_add((array), (p)->arena);         \
    if (!variable)                                           \
        return no_memory(p)
/* Arrays (base's ARRAY) that functions pass to each other. */
struct expr_list {
    struct syn_expr **at;
    uint32_t count, cap;
};
struct str_list {
    struct str *at;
    uint32_t count, cap;
};

/* parser.c: small rules */
bool is_name_token(const struct token *t);
enum status parse_ident(struct parser *p, struct str *ret, const char *expected) MUST_USE;
enum status parse_name(struct parser *p, struct syn_name *ret, const char *expected) MUST_USE;
enum status parse_string(struct parser *p, struct str *ret, const char *expected) MUST_USE;
enum status parse_ident_list(struct parser *p, struct str **ret, uint32_t *ret_count) MUST_USE; /* (a, b) */
enum status parse_count(struct parser *p, int32_t *ret, const char *expected) MUST_USE;
/* ('k' = 'v', …) */
enum status parse_options(struct parser *p, struct syn_option **ret, uint32_t *ret_count) MUST_USE;
/* Is the '(' that stands `ahead` the beginning of a query, not of a row, an expression or a join? */
bool paren_opens_query(struct parser *p, uint32_t ahead);
bool at_query(struct parser *p);
/* Whole texts, for syn_parse_next and syn_parse. */
enum status parse_one(struct parser *p, struct syn_stmt **ret) MUST_USE;

/* expr.c, primary.c, call.c, call_json.c */
enum level {
    LEVEL_ANY = 0,
    LEVEL_OR = 22,
    LEVEL_AND = 24,
    LEVEL_NOT = 26,
    LEVEL_IS = 28,
    LEVEL_COMPARE = 30,
    LEVEL_BETWEEN = 32, /* also IN, LIKE, SIMILAR TO and the predicates of periods */
    LEVEL_ADD = 40,
    LEVEL_MULTIPLY = 60, /* || stands here in Calcite, beside * */
    LEVEL_SIGN = 80,
    LEVEL_PRIMARY = 100
};
enum status parse_expr(struct parser *p, struct syn_expr **ret) MUST_USE;
enum status parse_expr_level(struct parser *p, int level, struct syn_expr **ret) MUST_USE;
enum status parse_primary(struct parser *p, struct syn_expr **ret) MUST_USE;
enum status parse_interval(struct parser *p, struct syn_expr **ret) MUST_USE;
enum status parse_case(struct parser *p, struct syn_expr **ret) MUST_USE;
enum status parse_cast(struct parser *p, struct syn_expr **ret) MUST_USE;
enum status parse_call(struct parser *p, struct syn_expr **ret) MUST_USE; /* at the name; '(' follows it */
bool at_call(struct parser *p); /* a name, perhaps with dots, and '(' */
bool has_own_syntax(struct str function);
enum status parse_json_call(struct parser *p, struct syn_expr *e, int form) MUST_USE;
/* Anything that may be an argument of a function: also name => value, TABLE t, MODEL m, DEFAULT. */
enum status parse_argument(struct parser *p, struct syn_expr **ret) MUST_USE;
enum status parse_expr_list(struct parser *p, struct syn_expr ***ret, uint32_t *ret_count) MUST_USE;
enum status parse_order_items(struct parser *p, struct syn_order **ret, uint32_t *ret_count) MUST_USE;
enum status parse_window_spec(struct parser *p, struct syn_over *over) MUST_USE; /* after '(' up to ')' */
enum status new_expr(struct parser *p, enum syn_expr_kind kind, const struct token *at, struct syn_expr **ret) MUST_USE;
enum status new_word(struct parser *p, const struct token *t, struct syn_expr **ret) MUST_USE;
/* Computes the height of a finished node and refuses too high a tree. */
enum status seal_expr(struct parser *p, struct syn_expr *e) MUST_USE;
enum status seal_query(struct parser *p, struct syn_query *q) MUST_USE;
enum status seal_from(struct parser *p, struct syn_from *f) MUST_USE;
enum status set_args(struct parser *p, struct syn_expr *e, const struct expr_list *list) MUST_USE;

/* type.c */
enum status parse_type(struct parser *p, struct syn_type **ret) MUST_USE;
enum status parse_interval_units(struct parser *p, struct syn_type **ret) MUST_USE;

/* query.c, from.c, match.c */
enum status parse_query(struct parser *p, struct syn_query **ret) MUST_USE;
enum status parse_from(struct parser *p, struct syn_from **ret) MUST_USE;
enum status parse_hints(struct parser *p, struct syn_hint **ret, uint32_t *ret_count) MUST_USE;
enum status parse_match(struct parser *p, struct syn_match **ret) MUST_USE;

/* stmt.c, ddl.c */
enum status parse_statement(struct parser *p, struct syn_stmt **ret) MUST_USE;
enum status parse_create(struct parser *p, struct syn_stmt *s) MUST_USE;
enum status parse_drop(struct parser *p, struct syn_stmt *s) MUST_USE;
enum status parse_alter(struct parser *p, struct syn_stmt *s) MUST_USE;
enum status parse_show(struct parser *p, struct syn_stmt *s) MUST_USE;
enum status parse_describe(struct parser *p, struct syn_stmt *s) MUST_USE;
/* alter.c: behind the name */
enum status parse_alter_table(struct parser *p, struct syn_stmt *s) MUST_USE;
enum status parse_alter_view(struct parser *p, struct syn_stmt *s) MUST_USE;
/* The columns, watermark and key of ADD and MODIFY: one, or several in parentheses. */
enum status parse_changed_columns(struct parser *p, struct syn_table_def *t) MUST_USE;
/* The words up to the end of the statement, one space between them. */
enum status parse_words(struct parser *p, struct str *ret) MUST_USE;
enum status parse_table_body(struct parser *p, struct syn_table_def *t) MUST_USE;
enum status parse_partition_spec(struct parser *p, struct syn_option **ret, uint32_t *ret_count) MUST_USE;
