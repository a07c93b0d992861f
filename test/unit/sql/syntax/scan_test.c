/* Where statements end, line by line, and tokens for completion. */
#include "sql/syntax/helper.h"

/* Feeds `text` by its lines; notes after each what the scan said: n, o, q, or W for each statement that ended. */
static void scanned(const char *text, char *out)
{
    struct arena a;
    struct syn_scan s = { 0 };
    size_t len = strlen(text), upto = 0, n = 0;
    arena_init(&a, NULL);
    while (upto < len) {
        const char *newline = strchr(text + upto, '\n');
        upto = newline ? (size_t)(newline - text) + 1 : len;
        /* a copy of its own: whoever reads past the end is seen */
        char *part = mem_alloc(NULL, upto);
        memcpy(part, text, upto);
        enum syn_scanned got;
        while ((got = syn_scan(&a, str_make(part, upto), &s)) == SYN_WHOLE) {
            out[n++] = 'W';
            s = (struct syn_scan){ .pos = s.pos };
        }
        out[n++] = "noqW"[got];
        mem_free(NULL, part, upto);
        arena_reset(&a);
    }
    out[n] = 0;
    arena_release(&a);
}

static void test_ends(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },
        { "\n", "n" },
        { "-- ;\n", "n" },
        { "/* ; */ // ;\n", "n" },
        { ";", "Wn" },
        { "SELECT 1;\n", "Wn" },
        { "SELECT 1", "o" },
        { "SELECT\n1\n;", "ooWn" },
        { "SELECT 1; SELECT 2; SELECT\n3;", "WWoWn" },
        { "SELECT ';' AS `;` -- ;\n/* ; */;", "oWn" },
        { "SELECT 'a;\nb' ;\n", "qWn" },
        { "SELECT 'it''s;\n;''\n';", "qqWn" },
        { "SELECT `a;\n`;", "qWn" },
        { "SELECT 1 /* a\n;\n*/ ; -- end", "qqWn" },
        { "/* a\n;*/", "qn" },
        { "SELECT U&'\\0041;\n';", "qWn" },
        { "SELECT X'\n';", "qWn" },
        { "SELECT \"a;\";", "WWn" },
        { "BEGIN STATEMENT SET; INSERT INTO a SELECT 1;\nINSERT INTO b SELECT 2; END;\n", "oWn" },
        { "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END; SELECT 1;", "WWn" },
        { "begin statement set\n;\nend\n;", "oooWn" },
        { "SELECT CASE WHEN a THEN 1 END;", "Wn" },
        { "SELECT /*+ OPTIONS('a' = ';') */ 1;", "Wn" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char got[64];
        scanned(rows[i][0], got);
        if (strcmp(got, rows[i][1]) != 0)
            fail_msg("%s: %s, not %s", rows[i][0], got, rows[i][1]);
    }
}

static void test_tokens(void **state)
{
    static const struct {
        const char *text, *kinds, *last;
    } rows[] = {
        { "SELECT a, `b c` FROM t WHERE x = 'it'", "wwonwwwwot", "it" },
        { "SET 'table.exec", "w?", "'table.exec" },
        { "a /* comment", "w?", "/* comment" },
        { "a `b", "w?", "`b" },
        { "  'open", "?", "'open" },
        { "1.5 \" é", "oow", "é" },
    };
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str text = str_from(rows[i].text);
        struct syn_token t = { 0 }, last = { 0 };
        char kinds[32];
        size_t n = 0;
        for (size_t at = 0; (t = syn_next_token(&a, text, at)).kind != SYN_TOKEN_END; at = t.end) {
            kinds[n++] = "ewnto?"[t.kind];
            assert_true(t.at < t.end && t.end <= text.len && t.at >= at);
            last = t;
        }
        kinds[n] = 0;
        assert_string_equal(kinds, rows[i].kinds);
        assert_true(str_eq(last.value, str_from(rows[i].last)));
        assert_int_equal(t.at, text.len);
    }
    arena_release(&a);
}

/* A statement of many lines is looked at once, not once a line. */
static void test_goes_on(void **state)
{
    (void)state;
    struct arena a;
    struct syn_scan s = { 0 };
    static char text[] = "SELECT 1,\n2,\n'three\n";
    arena_init(&a, NULL);
    assert_int_equal(syn_scan(&a, str_make(text, 10), &s), SYN_OPEN);
    assert_int_equal(s.pos, 9);
    assert_int_equal(syn_scan(&a, str_make(text, 13), &s), SYN_OPEN);
    assert_int_equal(s.pos, 12);
    assert_int_equal(s.tokens, 5);
    assert_int_equal(syn_scan(&a, str_make(text, 20), &s), SYN_QUOTED);
    assert_int_equal(s.pos, 12);
    arena_release(&a);
}

/* Where the statements of `text` end, fed line by line or at once. */
static uint32_t ends_of(const char *text, size_t len, bool by_lines, size_t *ret)
{
    struct arena a;
    struct syn_scan s = { 0 };
    uint32_t n = 0;
    arena_init(&a, NULL);
    for (size_t upto = 0; upto < len;) {
        const char *newline = by_lines ? memchr(text + upto, '\n', len - upto) : NULL;
        upto = newline ? (size_t)(newline - text) + 1 : len;
        while (syn_scan(&a, str_make(text, upto), &s) == SYN_WHOLE) {
            ret[n++] = s.pos;
            s = (struct syn_scan){ .pos = s.pos };
        }
    }
    arena_release(&a);
    return n;
}

/* Whatever is typed: line by line it ends where it ends at once. */
static void test_any_text(void **state)
{
    static const char *const pieces[] = { "SELECT", " ", "\n", "\n", ";", "'", "''", "`", "/*", "*/", "/*+", "--", "//", "BEGIN",
                                          "STATEMENT", "SET", "END", "EXECUTE", "1", ".", "x", "\"", "\\", "X'", "E'", "U&'",
                                          "\xC3\xA9", "\xFF", "(", ")", "UESCAPE" };
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        char text[256];
        size_t len = 0, once[256], lines[256];
        seed = hash_u64(seed);
        for (uint64_t left = seed % 30; left > 0 && len < 240; left--) {
            seed = hash_u64(seed);
            const char *piece = pieces[seed % (sizeof pieces / sizeof *pieces)];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        uint32_t n = ends_of(text, len, false, once);
        assert_int_equal(ends_of(text, len, true, lines), n);
        for (uint32_t i = 0; i < n; i++)
            if (once[i] != lines[i])
                fail_msg("%.*s: %zu, not %zu", (int)len, text, lines[i], once[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_any_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
