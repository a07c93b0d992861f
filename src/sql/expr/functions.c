/* The function table as a whole: lookup by name without case, aliases, what Flink has and Weir has not yet, docs.
 *
 * The tables are small and constant and looked at while planning only, so lookup is a plain search. */
#include <stdlib.h>

#include "expr/expr_private.h"

static const struct function *const tables[] = {
    functions_operators, functions_logic, functions_text,   functions_text_more, functions_regex, functions_math,
    functions_time,      functions_clock, functions_nested, functions_arrays,    functions_hash,
    functions_misc,      functions_units, functions_fields, functions_json,      functions_json_make,
    functions_zone,      functions_printf,    functions_net,
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
 * PARSE_JSON waits for the type VARIANT, BITMAP_… for BITMAP, OBJECT_… for structured types. */
static const char *const unsupported[] = {
    "BITMAP_AND",       "BITMAP_ANDNOT",   "BITMAP_BUILD",    "BITMAP_CARDINALITY", "BITMAP_FROM_BYTES",
    "BITMAP_OR",        "BITMAP_TO_ARRAY", "BITMAP_TO_BYTES", "BITMAP_TO_STRING", "BITMAP_XOR",
    "CONVERT",          "CURRENT_CATALOG", "CURRENT_USER",    "FLATTEN",          "FROM_CHANGELOG",
    "GROUPING",         "GROUP_ID",        "HOP_END",         "HOP_START",        "ML_EVALUATE",
    "ML_PREDICT",       "OBJECT_OF",       "OBJECT_UPDATE",   "PARSE_JSON",       "SESSION_END",
    "SESSION_START",    "STREAMRECORD_TIMESTAMP", "TO_CHANGELOG", "TRY_PARSE_JSON", "TUMBLE_END",
    "TUMBLE_START",     "VECTOR_SEARCH",
};

#define MAX_DOCS 600u

/* Everything that has a row: functions, aliases, aggregates. */
static uint32_t all_docs(const struct function_doc *ret[MAX_DOCS])
{
    uint32_t n = 0;
    const struct function_doc *d;
    for (size_t t = 0; t < TABLES; t++)
        for (const struct function *f = tables[t]; f->name && n < MAX_DOCS; f++)
            ret[n++] = &f->doc;
    for (size_t i = 0; i < ALIASES && n < MAX_DOCS; i++)
        ret[n++] = &aliases[i].doc;
    for (uint32_t i = 0; (d = aggregate_doc_at(i)) && n < MAX_DOCS; i++)
        ret[n++] = d;
    CHECK(n < MAX_DOCS);
    return n;
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

struct str expr_function_nearest(struct str name)
{
    const struct function_doc *all[MAX_DOCS];
    struct str names[MAX_DOCS];
    uint32_t n = all_docs(all);
    for (uint32_t i = 0; i < n; i++)
        names[i] = str_from(all[i]->name);
    return str_nearest(name, names, n);
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

static int by_name(const void *a, const void *b)
{
    const struct function_doc *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* There is no place to keep the sorted list: it is made for each question, which is quick enough for a Tab. A name that
 * several rows have (FLOOR of numbers and of times) counts once. */
const struct function_doc *expr_function_at(uint32_t i)
{
    const struct function_doc *all[MAX_DOCS];
    uint32_t n = all_docs(all), kept = 0;
    qsort(all, n, sizeof *all, by_name);
    for (uint32_t k = 0; k < n; k++)
        if (k == 0 || strcmp(all[kept - 1]->name, all[k]->name) != 0)
            all[kept++] = all[k];
    return i < kept ? all[i] : NULL;
}

const struct function_doc *expr_function_doc(struct str name)
{
    const struct function_doc *all[MAX_DOCS];
    uint32_t n = all_docs(all);
    for (uint32_t i = 0; i < n; i++)
        if (str_eq_nocase(name, str_from(all[i]->name)))
            return all[i];
    return NULL;
}
