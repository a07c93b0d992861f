/* The function table as a whole: lookup by name without case, aliases, what Flink has and Weir has not yet, docs.
 *
 * The tables are small and constant and looked at while planning only, so lookup is a plain search. */
#include <stdlib.h>

#include "expr/expr_private.h"

static const struct function *const tables[] = {
    functions_operators, functions_logic, functions_text,   functions_text_more, functions_regex, functions_math,
    functions_time,      functions_clock, functions_nested, functions_arrays,    functions_hash,
    functions_misc,      functions_units, functions_fields, functions_json,      functions_json_make,
    functions_zone,
};
#define TABLES (sizeof tables / sizeof tables[0])

static const struct alias {
    struct function_doc doc;
    const char *stands_for;
} aliases[] = {
    { { "!=", "value1 != value2", "As <>.", "price != 10", false }, "<>" },
    { { "CEILING", "CEILING(number)", "As CEIL.", "CEILING(2.5)", false }, "CEIL" },
    { { "CHARACTER_LENGTH", "CHARACTER_LENGTH(text)", "As CHAR_LENGTH.", "CHARACTER_LENGTH('abc')", false },
      "CHAR_LENGTH" },
    { { "IS NOT UNKNOWN", "value IS NOT UNKNOWN", "As IS NOT NULL.", "a = b IS NOT UNKNOWN", false }, "IS NOT NULL" },
    { { "IS UNKNOWN", "value IS UNKNOWN", "As IS NULL.", "a = b IS UNKNOWN", false }, "IS NULL" },
    { { "LENGTH", "LENGTH(text)", "As CHAR_LENGTH.", "LENGTH('abc')", false }, "CHAR_LENGTH" },
    { { "MOD", "MOD(a, b)", "As a % b.", "MOD(7, 3)", false }, "%" },
    { { "SUBSTR", "SUBSTR(text, start [, length])", "As SUBSTRING.", "SUBSTR('abc', 2)", false }, "SUBSTRING" },
};
#define ALIASES (sizeof aliases / sizeof aliases[0])

/* Of Flink's catalogue (docs/data/sql_functions.yml), refused by name. What is in a table above is found there first.
 * */
static const char *const unsupported[] = {
    "ARRAYAGG",        "BITAND",           "BITMAP_BUILD",    "BITNOT",          "BITOR",           "BITXOR",
    "CONVERT_TZ",      "CURRENT_CATALOG",  "CURRENT_DATABASE", "CURRENT_USER",   "DECODE",          "ENCODE",
    "FLATTEN",         "FROM_CHANGELOG",   "GROUPING",        "GROUP_ID",        "HOP_END",         "HOP_START",
    "INET_ATON",       "INET_NTOA",        "IS JSON",         "JSON",            "JSON_ARRAY",      "JSON_EXISTS",
    "JSON_LENGTH",     "JSON_OBJECT",      "JSON_QUERY",      "JSON_QUOTE",      "JSON_STRING",     "JSON_UNQUOTE",
    "JSON_VALUE",      "OBJECT_OF",        "OBJECT_UPDATE",   "OVERLAPS",        "PARSE_JSON",      "PARSE_URL",
    "PERCENTILE",      "PRINTF",           "REGEXP_SPLIT",    "SESSION_END",     "SESSION_START",   "STR_TO_MAP",
    "STREAMRECORD_TIMESTAMP", "TO_CHANGELOG", "TRY_PARSE_JSON", "TUMBLE_END",    "TUMBLE_START",    "TYPEOF",
    "URL_DECODE",      "URL_ENCODE",       "UUID_V7",         "VARIANT_TYPE",    "RAND",            "RAND_INTEGER",
    "UUID",            "SPLIT",            "ELT",             "ENDSWITH",        "STARTSWITH",      "TRANSLATE",
    "ARRAY_APPEND",    "ARRAY_CONCAT",     "ARRAY_DISTINCT",  "ARRAY_EXCEPT",    "ARRAY_INTERSECT", "ARRAY_JOIN",
    "ARRAY_MAX",       "ARRAY_MIN",        "ARRAY_POSITION",  "ARRAY_PREPEND",   "ARRAY_REMOVE",    "ARRAY_REVERSE",
    "ARRAY_SLICE",     "ARRAY_SORT",       "ARRAY_UNION",     "MAP_ENTRIES",     "MAP_FROM_ARRAYS", "MAP_KEYS",
    "MAP_UNION",       "MAP_VALUES",       "REGEXP_COUNT",    "REGEXP_EXTRACT_ALL", "REGEXP_INSTR", "REGEXP_SUBSTR",
    "TO_BASE64",       "FROM_BASE64",      "HEX",             "UNHEX",           "BIN",             "IS_ALPHA",
    "IS_DECIMAL",      "IS_DIGIT",         "OVERLAY",         "SHA1",            "SHA2",            "SHA224",
    "SHA256",          "SHA384",           "SHA512",          "MD5",             "ENCRYPT",         "DECRYPT",
    "CONVERT",         "MULTISET",         "ML_PREDICT",      "ML_EVALUATE",     "VECTOR_SEARCH",
};

static const struct function *at(uint32_t index)
{
    for (size_t t = 0; t < TABLES; t++)
        for (const struct function *f = tables[t]; f->name; f++)
            if (index-- == 0)
                return f;
    return NULL;
}

const struct function *function_find(struct str name)
{
    for (size_t i = 0; i < ALIASES; i++)
        if (str_eq_nocase(name, str_from(aliases[i].doc.name)))
            name = str_from(aliases[i].stands_for);
    for (size_t t = 0; t < TABLES; t++)
        for (const struct function *f = tables[t]; f->name; f++)
            if (str_eq_nocase(name, str_from(f->name)))
                return f;
    return NULL;
}

struct str function_nearest(struct str name)
{
    struct str best = { 0 };
    struct str names[512];
    size_t n = 0;
    const struct function *f;
    for (uint32_t i = 0; (f = at(i)) && n < 400; i++)
        names[n++] = str_from(f->name);
    const struct function_doc *d;
    for (uint32_t i = 0; (d = aggregate_doc_at(i)) && n < 500; i++)
        names[n++] = str_from(d->name);
    best = str_nearest(name, names, n);
    return best;
}

bool function_is_unsupported(struct str name)
{
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (str_eq_nocase(name, str_from(unsupported[i])))
            return true;
    return false;
}

bool expr_is_known(struct str name)
{
    return function_find(name) || function_is_unsupported(name) || expr_is_aggregate(name);
}

const char *expr_function_of_class(struct str class_name)
{
    static const struct {
        const char *name, *stands_for;
    } classes[] = {
        { "com.github.nexmark.flink.udf.CountChar", "COUNT_CHAR" },
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (str_eq(class_name, str_from(classes[i].name)))
            return classes[i].stands_for;
    return NULL;
}

#define DOCS_MAX 600u

static int doc_order(const void *a, const void *b)
{
    return strcmp((*(const struct function_doc *const *)a)->name, (*(const struct function_doc *const *)b)->name);
}

/* There is no place to keep the sorted list: it is made for each question, which is quick enough for a Tab. */
const struct function_doc *expr_function_at(uint32_t i)
{
    const struct function_doc *all[DOCS_MAX], *d;
    uint32_t n = 0, kept = 0;
    for (size_t t = 0; t < TABLES; t++)
        for (const struct function *f = tables[t]; f->name && n < DOCS_MAX; f++)
            all[n++] = &f->doc;
    for (size_t k = 0; k < ALIASES && n < DOCS_MAX; k++)
        all[n++] = &aliases[k].doc;
    for (uint32_t k = 0; (d = aggregate_doc_at(k)) && n < DOCS_MAX; k++)
        all[n++] = d;
    CHECK(n < DOCS_MAX);
    qsort(all, n, sizeof all[0], doc_order);
    for (uint32_t k = 0; k < n; k++)
        if (k == 0 || strcmp(all[kept - 1]->name, all[k]->name) != 0)
            all[kept++] = all[k];
    return i < kept ? all[i] : NULL;
}
