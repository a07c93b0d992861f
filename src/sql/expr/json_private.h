/* What the files of the JSON functions share: compiled paths, finding by a path, values and their text.
 *
 * A JSON value is the view of its text in the document, checked before: nothing is turned into a tree. What a path
 * puts together (all matches of a wildcard, several members) becomes text of the same kind in the scratch arena. */
#pragma once

#include "expr/expr_private.h"
#include "text/text.h"

/* ---- paths: json_path.c ---- */

#define JSON_MAX_STEPS 256u
#define JSON_MAX_PATH 32768u

enum json_step_kind {
    STEP_MEMBER, /* names */
    STEP_INDEX,  /* indexes, negative ones from the end */
    STEP_SLICE,  /* from:to */
    STEP_ANY,    /* * */
    STEP_FILTER, /* ?(…) */
    STEP_LENGTH, /* length(), size(): the last step only */
};

struct json_test;
struct json_step {
    enum json_step_kind kind;
    bool deep; /* '..' stands before it */
    uint32_t n;
    const struct str *names;
    const int32_t *indexes;
    int32_t from, to;
    bool has_from, has_to;
    const struct json_test *test;
};

struct json_path {
    bool lax;
    bool valid;              /* false: it is no path; nothing else is set */
    bool single;             /* definite, and each step is one member or one index */
    bool definite;           /* at most one match; otherwise the result is an array of the matches */
    const char *unsupported; /* what of Jayway's language it uses that is not here; or NULL */
    uint32_t n;
    const struct json_step *steps;
};

struct json_operand {
    const struct json_path *path; /* NULL: `raw` */
    bool absolute;                /* starts at '$', not at '@' */
    struct str raw;               /* JSON text */
};

enum json_test_op {
    TEST_EQUAL, TEST_NOT_EQUAL, TEST_LESS, TEST_LESS_EQUAL, TEST_GREATER, TEST_GREATER_EQUAL, TEST_IN, TEST_NOT_IN,
    TEST_CONTAINS, TEST_SIZE, TEST_EMPTY
};

struct json_test {
    enum { TEST_OR, TEST_AND, TEST_NOT, TEST_COMPARE, TEST_EXISTS } kind;
    const struct json_test *a, *b; /* OR, AND, NOT (a) */
    enum json_test_op op;
    struct json_operand left, right; /* EXISTS: left */
};

/* `modes`: a leading "lax" or "strict" is a mode. false: memory refused. */
bool json_path_compile(struct arena *a, struct str text, bool modes, struct json_path *ret);

/* ---- finding: json_find.c ---- */

enum json_found {
    JSON_FOUND,
    JSON_MISSING, /* nothing is there; or under strict the way there is missing */
    JSON_BROKEN,  /* the text is no JSON */
    JSON_REFUSED, /* memory */
    JSON_ENDLESS  /* too many places to look at */
};

/* Kept between the rows of a step. */
struct json_work {
    struct budget *budget;
    struct arena arena;       /* of one row */
    struct arena path_arena;  /* of the path that is not constant */
    struct buf path_text;
    struct json_path path;
    bool path_known;
};

enum json_found json_find(struct json_work *w, const struct json_path *p, struct str text, struct str *ret_raw);
/* The whole value that the text starts with; what follows it is left alone, as Jackson does. */
bool json_whole(struct str text, struct str *ret_raw);
enum json_kind json_kind_of(struct str raw);
/* What follows a value of that kind may: not a number that runs into something, as Jackson has it. */
bool json_ends_well(const struct json *j, enum json_kind kind);
bool json_test_holds(struct json_work *w, const struct json_test *t, struct str root, struct str at, uint64_t *left,
                     enum json_found *ret_st);

/* ---- values: json_value.c ---- */

struct json_entry {
    struct str key; /* unescaped */
    struct str value;
    uint32_t at; /* place in the document */
};
struct json_entries {
    ARRAY(struct json_entry) list;
};
/* The members of an object, of equal names the last one's value at the first one's place. `sorted`: by name as Java
 * compares text, else in their order. false: memory refused. */
bool json_members(struct arena *a, struct str raw, bool sorted, struct json_entries *ret);
/* Compact, members sorted, numbers and strings as Jackson writes them. */
bool json_put_value(struct arena *a, struct buf *out, struct str raw) MUST_USE;
/* A number's text as BigDecimal.toString, or an integer's. */
bool json_put_number(struct buf *out, struct str raw) MUST_USE;
bool json_put_text(struct buf *out, struct str raw_string) MUST_USE; /* unescaped, without quotes */
uint32_t json_count(struct str raw); /* elements or members; 1 for a scalar */
int json_compare_numbers(struct str a, struct str b);
bool json_same(struct arena *a, struct budget *b, struct str x, struct str y, bool *ret);

/* Java's BigDecimal(text): digits with point and exponent, sign. */
bool json_is_number(struct str s);
/* Integer part towards zero; false beyond int64. */
bool json_number_to_i64(struct str s, int64_t *ret);

/* ---- paths as arguments: json_argument.c ---- */

/* The path of argument `i`, compiled; NULL: it is not constant. */
enum status json_constant_path(struct call *c, uint32_t i, bool modes, const struct json_path **ret);
/* The path of row `r`, in argument 1; never NULL, but perhaps not valid. */
enum status json_path_of(struct kernel *k, struct json_work *w, uint32_t r, bool modes, const struct json_path **ret);
enum status json_too_much(struct kernel *k);

/* ---- the kernels' state ---- */

enum status json_work_for(struct kernel *k, struct json_work **ret);
void json_work_free(void *state, struct budget *b);
