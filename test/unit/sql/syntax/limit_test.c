/* The limits: nesting, height, items, size. Beyond them there is an error with a place, at once, and no
 * deep recursion; a little below them all works, print and equality included. And memory: refused at any
 * allocation, the parse gives ST_MEMORY. */
#include "sql/syntax/helper.h"

/* repeat(before, n) middle repeat(after, n) */
static struct str nested(struct arena *a, const char *head, const char *before, const char *middle, const char *after,
                         uint32_t n)
{
    size_t b = strlen(before), c = strlen(after), len = strlen(head) + strlen(middle) + n * (b + c);
    char *text = arena_alloc(a, len + 1), *at = text;
    assert_non_null(text);
    memcpy(at, head, strlen(head));
    at += strlen(head);
    for (uint32_t i = 0; i < n; i++, at += b)
        memcpy(at, before, b);
    memcpy(at, middle, strlen(middle));
    at += strlen(middle);
    for (uint32_t i = 0; i < n; i++, at += c)
        memcpy(at, after, c);
    return (struct str){ text, len };
}

static const struct {
    const char *head, *before, *middle, *after;
} nestings[] = {
    { "SELECT ", "(", "1", ")" },
    { "SELECT ", "(", "1", "" }, /* never closed */
    { "SELECT ", "((((((((((", "1", "" },
    { "SELECT ", "NOT ", "a", "" },
    { "SELECT ", "- ", "1", "" },
    { "SELECT ", "-(", "1", ")" },
    { "SELECT ", "CASE WHEN ", "a", " THEN 1 END" },
    { "SELECT ", "CASE WHEN a THEN ", "b", " END" },
    { "SELECT ", "CASE ", "a", " WHEN 1 THEN 2 END" },
    { "SELECT ", "f(", "1", ")" },
    { "SELECT ", "f(a => ", "1", ")" },
    { "SELECT ", "a => ", "1", "" },
    { "SELECT f(", "a => ", "1", "" },
    { "SELECT ", "ARRAY[", "1", "]" },
    { "SELECT ", "MAP[1, ", "1", "]" },
    { "SELECT ", "ROW(1, ", "1", ")" },
    { "SELECT ", "a[", "1", "]" },
    { "SELECT ", "CAST(", "1", " AS INT)" },
    { "SELECT ", "a IN (", "1", ")" },
    { "SELECT ", "a = ANY (", "1", ")" },
    { "SELECT ", "a BETWEEN (", "1", ") AND 2" },
    { "SELECT ", "a = (b + (", "1", "))" },
    { "SELECT ", "c + NOT ", "1", "" },
    { "SELECT ", "EXISTS (SELECT ", "1", ")" },
    { "SELECT ", "(SELECT ", "1", ")" },
    { "SELECT ", "f(a) FILTER (WHERE ", "1", ")" },
    { "SELECT ", "f(a) OVER (PARTITION BY ", "1", ")" },
    { "SELECT ", "f(a) OVER (ORDER BY a ROWS ", "1", " PRECEDING)" },
    { "SELECT ", "JSON_VALUE(a, 'b' DEFAULT ", "1", " ON EMPTY)" },
    { "SELECT ", "JSON_OBJECT(KEY ", "1", " VALUE 2)" },
    { "SELECT ", "EXTRACT(YEAR FROM ", "1", ")" },
    { "SELECT ", "TRIM(BOTH FROM ", "1", ")" },
    { "SELECT ", "POSITION(1 IN ", "1", ")" },
    { "SELECT ", "POSITION(", "1", " IN 1)" },
    { "SELECT ", "INTERVAL (", "1", ") DAY" },
    { "SELECT CAST(a AS ", "ARRAY<", "INT", ">" },
    { "SELECT CAST(a AS ", "MAP<INT, ", "INT", ">" },
    { "SELECT CAST(a AS ", "ROW<a ", "INT", ">" },
    { "SELECT CAST(a AS ", "ROW(a ", "INT", ")" },
    { "SELECT CAST(a AS ", "STRUCTURED<'a', a ", "INT", ">" },
    { "SELECT CAST(a AS ", "", "INT", " ARRAY" },
    { "SELECT CAST(a AS ", "", "INT", " MULTISET NOT NULL" },
    { "", "(", "SELECT 1", ")" },
    { "", "SELECT * FROM (", "SELECT 1", ")" },
    { "SELECT * FROM ", "(", "a", ")" },
    { "SELECT * FROM ", "(a JOIN ", "a", " ON b)" },
    { "SELECT * FROM ", "LATERAL (SELECT * FROM ", "a", ")" },
    { "SELECT * FROM ", "f((SELECT * FROM ", "a", "))" },
    { "SELECT * FROM ", "TABLE(f(TABLE(SELECT * FROM ", "a", ")))" },
    { "", "WITH a AS (", "SELECT 1", ") SELECT 1" },
    { "SELECT a GROUP BY ", "ROLLUP (", "a", ")" },
    { "SELECT a GROUP BY ", "GROUPING SETS (", "a", ")" },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (", "(", "A", ")" },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (", "(", "A", ")*" },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (", "{- ", "A", " -}" },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (", "PERMUTE(A, ", "A", ")" },
};

static void test_nesting_is_limited(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nestings / sizeof *nestings; i++) {
        struct arena a;
        struct error err = { 0 };
        struct syn_stmt **list;
        uint32_t n;
        arena_init(&a, budget_process());
        size_t unit = strlen(nestings[i].before) + strlen(nestings[i].after);
        uint32_t count = (uint32_t)((SYN_MAX_TEXT - 200) / unit);
        count = count < 100000 ? count : 100000;
        struct str text =
            nested(&a, nestings[i].head, nestings[i].before, nestings[i].middle, nestings[i].after, count);
        enum status st = syn_parse(&a, text, &list, &n, &err);
        bool no_such_nesting = strstr(nestings[i].before, "a => ") == nestings[i].before;
        if (st != ST_LIMIT && !(no_such_nesting && st == ST_SYNTAX))
            fail_msg("%s%s: %s %s", nestings[i].head, nestings[i].before, status_name(st), err.message);
        assert_true(err.line == 1 && err.column > 0);
        arena_release(&a);
    }
}

/* Sixty levels of any of them are fine, and read back. */
static void test_moderate_nesting_works(void **state)
{
    (void)state;
    static const char *const tails[] = { "", ")", " INT)", ") DEFINE A AS TRUE)" };
    for (size_t i = 0; i < sizeof nestings / sizeof *nestings; i++) {
        struct arena a;
        struct error err = { 0 };
        struct buf out, again;
        arena_init(&a, budget_process());
        struct str text = nested(&a, nestings[i].head, nestings[i].before, nestings[i].middle, nestings[i].after, 60);
        buf_init(&out, budget_process(), SIZE_MAX);
        buf_init(&again, budget_process(), SIZE_MAX);
        bool ok = false;
        for (size_t t = 0; !ok && t < sizeof tails / sizeof *tails; t++) {
            buf_clear(&out);
            ok = canonical(&a, arena_printf(&a, "%.*s%s", STR_ARG(text), tails[t]), &out, &err);
        }
        bool is_error = strcmp(nestings[i].after, "") == 0 && strchr("(a", nestings[i].before[0]) != NULL;
        if (ok == is_error)
            fail_msg("%s%s: %s", nestings[i].head, nestings[i].before, err.message);
        if (ok) {
            assert_true(canonical(&a, buf_str(&out), &again, &err));
            assert_true(str_eq(buf_str(&out), buf_str(&again)));
        }
        buf_release(&out);
        buf_release(&again);
        arena_release(&a);
    }
}

static void test_depth_is_200(void **state)
{
    (void)state;
    struct arena a;
    struct error err = { 0 };
    struct syn_expr *e;
    arena_init(&a, budget_process());
    assert_int_equal(syn_parse_expr(&a, nested(&a, "", "(", "1", ")", SYN_MAX_DEPTH - 1), &e, &err), ST_OK);
    assert_int_equal(syn_parse_expr(&a, nested(&a, "", "(", "1", ")", SYN_MAX_DEPTH), &e, &err), ST_LIMIT);
    assert_int_equal(err.column, SYN_MAX_DEPTH + 1);
    assert_string_equal(err.message, "nested more than 200 levels deep");
    arena_release(&a);
}

/* Chains lean to the left without nesting. */
static const struct {
    const char *head, *link;
} chains[] = {
    { "SELECT 1", " + 1" },          { "SELECT a", " OR b" },         { "SELECT a", " || b" },
    { "SELECT a", " = b" },          { "SELECT a", " IS TRUE" },      { "SELECT a", " IN (1)" },
    { "SELECT a", " LIKE 'b'" },     { "SELECT a", "[1]" },           { "SELECT f(a)", ".b" },
    { "SELECT a", " BETWEEN 1 AND 2" },
    { "SELECT 1", " UNION SELECT 1" },
    { "SELECT 1", " INTERSECT SELECT 1" },
    { "SELECT * FROM a", ", b" },
    { "SELECT * FROM a", " CROSS JOIN b" },
};

static void test_chains_are_limited(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        struct arena a;
        struct error err = { 0 };
        struct syn_stmt **list;
        uint32_t n;
        struct buf out;
        arena_init(&a, budget_process());
        buf_init(&out, budget_process(), SIZE_MAX);
        struct str good = nested(&a, chains[i].head, chains[i].link, "", "", SYN_MAX_HEIGHT - 10);
        if (!canonical(&a, good, &out, &err))
            fail_msg("%s%s: %s", chains[i].head, chains[i].link, err.message);
        assert_int_equal(syn_parse(&a, buf_str(&out), &list, &n, &err), ST_OK);
        assert_true(syn_equal_stmt(list[0], list[0]));
        uint32_t many = (uint32_t)((SYN_MAX_TEXT - 100) / strlen(chains[i].link));
        struct str bad = nested(&a, chains[i].head, chains[i].link, "", "", many);
        assert_int_equal(syn_parse(&a, bad, &list, &n, &err), ST_LIMIT);
        assert_true(err.line == 1 && err.column > 0 && err.hint[0]);
        buf_release(&out);
        arena_release(&a);
    }
}

/* A chain in the leftmost operand of a chain, nested: height adds up where depth alone would let it pass. */
static void test_height_counts_through_nesting(void **state)
{
    (void)state;
    struct arena a;
    struct error err = { 0 };
    struct syn_expr *e;
    arena_init(&a, budget_process());
    struct str links = nested(&a, "", " + 1", "", "", 100);
    struct str closing = arena_printf(&a, "%.*s)", STR_ARG(links));
    struct str text = nested(&a, "", "(", "1", closing.ptr, 50);
    assert_int_equal(syn_parse_expr(&a, text, &e, &err), ST_LIMIT);
    arena_release(&a);
}

static const char *const lists[][3] = {
    { "SELECT 1", ", 1", "" },
    { "SELECT a IN (1", ", 1", ")" },
    { "SELECT f(1", ", 1", ")" },
    { "SELECT ARRAY[1", ", 1", "]" },
    { "VALUES (1)", ", (1)", "" },
    { "VALUES (1", ", 1", ")" },
    { "SELECT a FROM t ORDER BY a", ", a", "" },
    { "SELECT a FROM t GROUP BY a", ", a", "" },
    { "CREATE TABLE t (a INT", ", a INT", ")" },
    { "CREATE TABLE t WITH ('a'='b'", ", 'a'='b'", ")" },
    { "SELECT a", ".b", "" },
    { "SELECT CAST(a AS ROW<a INT", ", a INT", ">)" },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A", " A", ") DEFINE A AS TRUE)" },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A", " | A", ") DEFINE A AS TRUE)" },
    { "SELECT CASE WHEN a THEN b", " WHEN a THEN b", " END" },
    { "SELECT /*+ A('b'", ", 'b'", ") */ 1" },
};

static void test_lists_are_limited(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct arena a;
        struct error err = { 0 };
        struct syn_stmt **first, **second;
        uint32_t n;
        struct buf out;
        arena_init(&a, budget_process());
        buf_init(&out, budget_process(), SIZE_MAX);
        /* the value before IN is an item, and so are both WHEN and THEN */
        uint32_t fits = i == 14 ? SYN_MAX_ITEMS / 2 - 1 : SYN_MAX_ITEMS - (i == 1 ? 2 : 1);
        struct str good = nested(&a, lists[i][0], lists[i][1], lists[i][2], "", fits);
        if (!canonical(&a, good, &out, &err))
            fail_msg("%s: %s", lists[i][0], err.message);
        assert_int_equal(syn_parse(&a, good, &first, &n, &err), ST_OK);
        assert_int_equal(syn_parse(&a, buf_str(&out), &second, &n, &err), ST_OK);
        assert_true(syn_equal_stmt(first[0], second[0]));
        struct str bad = nested(&a, lists[i][0], lists[i][1], lists[i][2], "", fits + 1);
        assert_int_equal(syn_parse(&a, bad, &first, &n, &err), ST_LIMIT);
        assert_string_equal(err.message, "a list has more than 10000 items");
        buf_release(&out);
        arena_release(&a);
    }
}

static void test_text_is_limited(void **state)
{
    (void)state;
    struct arena a;
    struct error err = { 0 };
    struct syn_stmt **list, *s;
    uint32_t n;
    size_t pos = 0;
    struct syn_expr *e;
    arena_init(&a, budget_process());
    struct str text = nested(&a, "", " ", "", "", SYN_MAX_TEXT + 1);
    assert_int_equal(syn_parse(&a, text, &list, &n, &err), ST_LIMIT);
    assert_int_equal(syn_parse_next(&a, text, &pos, &s, &err), ST_LIMIT);
    assert_int_equal(syn_parse_expr(&a, text, &e, &err), ST_LIMIT);
    text.len--;
    assert_int_equal(syn_parse(&a, text, &list, &n, &err), ST_OK);
    assert_int_equal(n, 0);
    arena_release(&a);
}

/* Many statements take time in proportion to the text. */
static void test_a_long_script(void **state)
{
    (void)state;
    struct arena a;
    struct error err = { 0 };
    struct syn_stmt **list;
    uint32_t n;
    arena_init(&a, budget_process());
    struct str text = nested(&a, "", "USE a;\n", "", "", 100000);
    assert_int_equal(syn_parse(&a, text, &list, &n, &err), ST_OK);
    assert_int_equal(n, 100000);
    assert_int_equal(list[n - 1]->line, 100000);
    assert_int_equal(list[n - 1]->column, 1);
    arena_release(&a);
}

static void test_memory_refused_anywhere(void **state)
{
    (void)state;
    static const char sql[] =
        "WITH a AS (SELECT 'it''s' || U&'\\00e9', CASE WHEN b THEN 1 ELSE 2 END FROM t /*+ OPTIONS('k'='v') */ AS u "
        "JOIN v ON u.x = v.x WHERE f(a => 1, TABLE t PARTITION BY x) OVER (w ORDER BY y) IN (1, 2) "
        "GROUP BY ROLLUP (a, (b, c))) "
        "SELECT JSON_OBJECT(KEY 'a' VALUE CAST(x AS ROW<a INT, b MAP<INT, STRING>>)) FROM a MATCH_RECOGNIZE ("
        "MEASURES A.x AS y PATTERN (A B* | C) SUBSET S = (A, B) DEFINE A AS TRUE) UNION VALUES (1, 2) ORDER BY 1 LIMIT 1;"
        "CREATE TABLE t (a INT, b AS a + 1, PRIMARY KEY (a) NOT ENFORCED) WITH ('a' = 'b') LIKE c (INCLUDING ALL);"
        "EXECUTE STATEMENT SET BEGIN INSERT INTO a PARTITION (b = 'c') (d) SELECT 1; END;"
        "EXPLAIN PLAN_ADVICE SELECT 1; ALTER TABLE t RENAME TO `a b`; "
        "ALTER TABLE t ADD (a INT AFTER b, WATERMARK FOR x AS x); ALTER TABLE t DROP (a, b); ALTER TABLE t RENAME a TO b; "
        "ALTER TABLE t RESET ('a', 'b'); DROP TEMPORARY VIEW v; SET 'a' = 'b' 'c'";
    struct budget b;
    struct error err;
    struct syn_stmt **list;
    uint32_t n;
    struct arena a;
    unsigned refusals = 0;
    budget_init(&b, "test", SIZE_MAX, NULL);
    arena_init(&a, &b);
    assert_int_equal(syn_parse(&a, str_from(sql), &list, &n, &err), ST_OK);
    arena_release(&a);
    for (uint64_t nth = 1;; nth++) {
        arena_init(&a, &b);
        a.block_bytes = 64; /* many small blocks: many places to fail */
        budget_fail_nth(nth);
        enum status st = syn_parse(&a, str_from(sql), &list, &n, &err);
        uint64_t takes = budget_takes();
        budget_fail_nth(0);
        arena_release(&a);
        if (takes < nth) {
            assert_int_equal(st, ST_OK);
            break;
        }
        assert_int_equal(st, ST_MEMORY);
        refusals++;
        assert_int_equal(b.used, 0);
    }
    assert_true(refusals > 20);
    /* and by the budget's own limit */
    for (size_t limit = 0; limit < 8000; limit += 500) {
        struct budget small;
        budget_init(&small, "small", limit, NULL);
        arena_init(&a, &small);
        assert_int_equal(syn_parse(&a, str_from(sql), &list, &n, &err), ST_MEMORY);
        assert_true(strstr(err.message, "small") != NULL);
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nesting_is_limited),
        cmocka_unit_test(test_moderate_nesting_works),
        cmocka_unit_test(test_depth_is_200),
        cmocka_unit_test(test_chains_are_limited),
        cmocka_unit_test(test_height_counts_through_nesting),
        cmocka_unit_test(test_lists_are_limited),
        cmocka_unit_test(test_text_is_limited),
        cmocka_unit_test(test_a_long_script),
        cmocka_unit_test(test_memory_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
