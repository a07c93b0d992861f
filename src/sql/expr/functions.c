/* The function table as a whole: lookup by name without case, aliases, what Flink has and Weir has not yet, docs.
 *
 * The tables are small and constant and looked at while planning only, so lookup is a plain search. */
#include <stdlib.h>

#include "expr/expr_private.h"

/* Tables of one group stand together: the reference has a chapter a group. */
static const struct {
    const char *group;
    const struct function *rows;
} tables[] = {
    { "Operators", functions_operators },
    { "Logic and conditions", functions_logic },
    { "Text", functions_text },
    { "Text", functions_search },
    { "Text", functions_text_more },
    { "Text", functions_printf },
    { "Regular expressions", functions_regex },
    { "Numbers", functions_math },
    { "Dates and times", functions_time },
    { "Dates and times", functions_fields },
    { "Dates and times", functions_units },
    { "Dates and times", functions_zone },
    { "Dates and times", functions_clock },
    { "Arrays, maps and rows", functions_nested },
    { "Arrays, maps and rows", functions_arrays },
    { "JSON", functions_json },
    { "JSON", functions_json_look },
    { "JSON", functions_json_make },
    { "JSON", functions_variant },
    { "Hashes", functions_hash },
    { "Addresses", functions_net },
    { "Other", functions_misc },
};
#define TABLES (sizeof tables / sizeof tables[0])
#define AGGREGATES "Aggregates"

static const struct alias {
    struct function_doc doc;
    const char *stands_for;
} aliases[] = {
    { { "!=", "value1 != value2", "As <>.", "12 != 10", false }, "<>" },
    { { "CEILING", "CEILING(number)", "As CEIL.", "CEILING(2.5)", false }, "CEIL" },
    { { "CHARACTER_LENGTH", "CHARACTER_LENGTH(text)", "As CHAR_LENGTH.", "CHARACTER_LENGTH('abc')", false },
      "CHAR_LENGTH" },
    { { "IS NOT UNKNOWN", "value IS NOT UNKNOWN", "As IS NOT NULL.", "(1 > 2) IS NOT UNKNOWN", false }, "IS NOT NULL" },
    { { "IS UNKNOWN", "value IS UNKNOWN", "As IS NULL.", "(1 > NULL) IS UNKNOWN", false }, "IS NULL" },
    { { "LENGTH", "LENGTH(text)", "As CHAR_LENGTH.", "LENGTH('abc')", false }, "CHAR_LENGTH" },
    { { "MOD", "MOD(a, b)", "As a % b.", "MOD(7, 3)", false }, "%" },
    { { "SUBSTR", "SUBSTR(text, start [, length])", "As SUBSTRING.", "SUBSTR('abc', 2)", false }, "SUBSTRING" },
    { { "TRANSLATE3", "TRANSLATE3(text, from, to)", "As TRANSLATE.", "TRANSLATE3('abc', 'ab', 'x')", false },
      "TRANSLATE" },
};
#define ALIASES (sizeof aliases / sizeof aliases[0])

/* Of Flink's catalogue (docs/data/sql_functions.yml), refused by name. What is in a table above is found there first. */
static const char no_bitmaps[] = "the type BITMAP is not here";
static const char no_models[] = "there are no models here";
static const char no_sessions[] = "GROUP BY knows no SESSION windows yet";
static const struct {
    const char *name, *why;
} unsupported[] = {
    { "BITMAP_AND", no_bitmaps },
    { "BITMAP_ANDNOT", no_bitmaps },
    { "BITMAP_BUILD", no_bitmaps },
    { "BITMAP_CARDINALITY", no_bitmaps },
    { "BITMAP_FROM_BYTES", no_bitmaps },
    { "BITMAP_OR", no_bitmaps },
    { "BITMAP_TO_ARRAY", no_bitmaps },
    { "BITMAP_TO_BYTES", no_bitmaps },
    { "BITMAP_TO_STRING", no_bitmaps },
    { "BITMAP_XOR", no_bitmaps },
    { "CURRENT_CATALOG", "Flink has a word for it and no function" },
    { "CURRENT_USER", "there are no users, as in Flink" },
    { "FLATTEN", "Flink's Table API has it, its SQL writes row.*" },
    { "ML_EVALUATE", no_models },
    { "ML_PREDICT", no_models },
    { "OBJECT_OF", "it makes a value of a class: STRUCTURED types are not here" },
    { "OBJECT_UPDATE", "it changes a value of a class: STRUCTURED types are not here" },
    { "SESSION_END", no_sessions },
    { "SESSION_START", no_sessions },
    { "STREAMRECORD_TIMESTAMP", "it is Flink's own plumbing: rows have no hidden time here" },
    { "VECTOR_SEARCH", "no connector here searches vectors" },
};

#define MAX_DOCS 600u

struct entries {
    uint32_t n;
    struct function_entry at[MAX_DOCS];
};

static void add_entry(struct entries *all, const struct function_doc *d, bool varies)
{
    CHECK(all->n < MAX_DOCS);
    all->at[all->n++] = (struct function_entry){ d, varies };
}

/* What has a row in a group (NULL: in any): functions, aliases beside what they stand for, aggregates. */
static void collect(struct entries *all, const char *group)
{
    const struct function_doc *d;
    all->n = 0;
    for (size_t t = 0; t < TABLES; t++)
        for (const struct function *f = tables[t].rows; f->name && (!group || strcmp(tables[t].group, group) == 0); f++) {
            add_entry(all, &f->doc, f->flags & FN_VOLATILE);
            for (size_t i = 0; i < ALIASES; i++)
                if (strcmp(aliases[i].stands_for, f->name) == 0)
                    add_entry(all, &aliases[i].doc, f->flags & FN_VOLATILE);
        }
    if (!group || strcmp(group, AGGREGATES) == 0)
        for (uint32_t i = 0; (d = aggregate_doc_at(i)); i++)
            add_entry(all, d, false);
}

const struct function *function_find(struct str name)
{
    for (size_t i = 0; i < ALIASES; i++)
        if (str_eq_nocase(name, str_from(aliases[i].doc.name)))
            name = str_from(aliases[i].stands_for);
    for (size_t t = 0; t < TABLES; t++)
        for (const struct function *f = tables[t].rows; f->name; f++)
            if (str_eq_nocase(name, str_from(f->name)))
                return f;
    return NULL;
}

struct str expr_function_nearest(struct str name)
{
    struct entries all;
    struct str names[MAX_DOCS];
    collect(&all, NULL);
    for (uint32_t i = 0; i < all.n; i++)
        names[i] = str_from(all.at[i].doc->name);
    return str_nearest(name, names, all.n);
}

const char *function_unsupported(struct str name)
{
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (str_eq_nocase(name, str_from(unsupported[i].name)))
            return unsupported[i].why;
    return NULL;
}

bool expr_is_known(struct str name)
{
    return function_find(name) || function_unsupported(name) || expr_is_aggregate(name);
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
    return strcmp(((const struct function_entry *)a)->doc->name, ((const struct function_entry *)b)->doc->name);
}

/* There is no place to keep the sorted list: it is made for each question, which is quick enough for a Tab. A name that
 * several rows have (FLOOR of numbers and of times) counts once. */
static bool nth_by_name(const char *group, uint32_t i, struct function_entry *ret)
{
    struct entries all;
    uint32_t kept = 0;
    collect(&all, group);
    qsort(all.at, all.n, sizeof all.at[0], by_name);
    for (uint32_t k = 0; k < all.n; k++)
        if (k == 0 || strcmp(all.at[kept - 1].doc->name, all.at[k].doc->name) != 0)
            all.at[kept++] = all.at[k];
    if (i < kept)
        *ret = all.at[i];
    return i < kept;
}

const struct function_doc *expr_function_at(uint32_t i)
{
    struct function_entry e;
    return nth_by_name(NULL, i, &e) ? e.doc : NULL;
}

const struct function_doc *expr_function_doc(struct str name)
{
    struct entries all;
    collect(&all, NULL);
    for (uint32_t i = 0; i < all.n; i++)
        if (str_eq_nocase(name, str_from(all.at[i].doc->name)))
            return all.at[i].doc;
    return NULL;
}

const char *expr_group_name(uint32_t group)
{
    for (size_t t = 0; t < TABLES; t++)
        if ((t == 0 || strcmp(tables[t].group, tables[t - 1].group) != 0) && group-- == 0)
            return tables[t].group;
    return group == 0 ? AGGREGATES : NULL;
}

bool expr_group_at(uint32_t group, uint32_t i, struct function_entry *ret)
{
    const char *name = expr_group_name(group);
    return name && nth_by_name(name, i, ret);
}

const char *expr_missing_at(uint32_t i, const char **ret_why)
{
    if (i >= sizeof unsupported / sizeof unsupported[0])
        return NULL;
    *ret_why = unsupported[i].why;
    return unsupported[i].name;
}
