/* Every SQL statement of the project's own .sql files (examples, and test/sql/syntax with Nexmark's queries in our words), of the open
 * cases (environment variable WEIR_CASES) and of a checkout of Nexmark (NEXMARK_HOME) must parse, print, and parse again to an equal
 * tree. Statements that are expected to fail may also fail here, but only with a place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>

#include "syntax/syntax.h"

enum { MAX_PATH = 4096, MAX_BAD = 20 };

static unsigned files, statements, failures, refused;

static bool round_trip(struct arena *a, struct str sql, struct error *err)
{
    struct syn_stmt **first, **second;
    uint32_t n, m;
    struct buf out;
    if (syn_parse(a, sql, &first, &n, err) != ST_OK)
        return false;
    bool same = true;
    statements += n;
    for (uint32_t i = 0; same && i < n; i++) {
        buf_init(&out, budget_process(), SIZE_MAX);
        same = syn_print_stmt(&out, first[i]) && syn_parse(a, buf_str(&out), &second, &m, err) == ST_OK && m == 1 &&
               syn_equal_stmt(first[i], second[0]);
        if (!same)
            fprintf(stderr, "printed: %.*s\n", STR_ARG(buf_str(&out)));
        buf_release(&out);
    }
    return same;
}

static void check(const char *path, unsigned line, struct str sql, bool may_fail)
{
    struct arena a;
    struct error err = { 0 };
    arena_init(&a, budget_process());
    if (!round_trip(&a, sql, &err)) {
        refused += may_fail;
        bool excused = may_fail && err.status == ST_SYNTAX && err.line > 0 && err.column > 0;
        if (!excused && ++failures <= MAX_BAD)
            fprintf(stderr, "%s:%u: %u:%u: %s\n%.*s\n", path, line, err.line, err.column, err.message, STR_ARG(sql));
    }
    arena_release(&a);
}

static bool is_sql_record(struct str line, bool *may_fail)
{
    *may_fail = str_starts(line, STR("statement error"));
    return *may_fail || str_starts(line, STR("statement ok")) || str_starts(line, STR("query ")) ||
           str_starts(line, STR("stream "));
}

/* The SQL of a record runs from the line behind its head to `----` or a blank line. */
static void check_test(const char *path, struct str text)
{
    struct str rest = text;
    unsigned number = 0;
    while (rest.ptr) {
        struct str line = str_split(&rest, '\n');
        bool may_fail;
        number++;
        if (!is_sql_record(line, &may_fail))
            continue;
        struct str sql = { rest.ptr, 0 };
        unsigned start = number + 1;
        while (rest.ptr) {
            line = str_split(&rest, '\n');
            number++;
            if (line.len == 0 || str_eq(line, STR("----")))
                break;
            sql.len = (size_t)(line.ptr + line.len - sql.ptr);
        }
        check(path, start, sql, may_fail);
    }
}

/* A script's ${name} stands for text that whoever runs it gives: here a word. */
static void check_script(const char *path, struct str text)
{
    struct buf sql;
    buf_init(&sql, budget_process(), SIZE_MAX);
    for (size_t i = 0; i < text.len; i++) {
        int64_t end = text.ptr[i] == '$' && i + 1 < text.len && text.ptr[i + 1] == '{' ? str_find(text, STR("}"), i) : -1;
        assert_true(end < 0 ? buf_put_u8(&sql, (uint8_t)text.ptr[i]) : buf_put(&sql, text.ptr + i + 2, (size_t)end - i - 2));
        i = end < 0 ? i : (size_t)end;
    }
    unsigned before = statements;
    check(path, 1, buf_str(&sql), false);
    failures += statements == before; /* nothing was looked at */
    buf_release(&sql);
}

static void check_file(const char *path)
{
    files++;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    static char bytes[4 << 20];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct str text = { bytes, n };
    if (str_ends(str_from(path), STR(".test")))
        check_test(path, text);
    else
        check_script(path, text);
}

static void walk(const char *dir)
{
    char path[MAX_PATH];
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        struct stat st;
        struct str name = str_from(e->d_name);
        if (name.ptr[0] == '.' || snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        if (stat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            walk(path);
        else if (str_ends(name, STR(".test")) || str_ends(name, STR(".sql")))
            check_file(path);
    }
    closedir(d);
}

/* `folder` of the project, wherever it lies. */
static void walk_own(const char *folder, unsigned wanted)
{
    char path[MAX_PATH];
    struct str here = str_from(__FILE__), below = STR("test/unit/sql/syntax/cases_test.c");
    assert_true(str_ends(here, below));
    snprintf(path, sizeof path, "%.*s%s", (int)(here.len - below.len), here.ptr, folder);
    files = 0;
    walk(path);
    assert_true(files >= wanted);
}

static void test_own(void **state)
{
    (void)state;
    statements = failures = 0;
    walk_own("examples", 1);
    walk_own("test/sql/syntax", 24 + 4); /* of Nexmark and of its patterns; the tables come on top */
    assert_int_equal(failures, 0);
    assert_true(statements > 2 * 28);
}

static void test_nexmark(void **state)
{
    (void)state;
    const char *home = getenv("NEXMARK_HOME");
    if (!home || !*home)
        skip();
    files = statements = failures = 0;
    walk(home);
    printf("%u statements in %u files of Nexmark\n", statements, files);
    assert_int_equal(failures, 0);
    assert_true(files >= 24 + 4);
}

static void test_cases(void **state)
{
    (void)state;
    const char *cases = getenv("WEIR_CASES");
    if (!cases || !*cases)
        skip();
    char dir[MAX_PATH];
    snprintf(dir, sizeof dir, "%s/flink_sql/tests", cases);
    struct stat st;
    statements = failures = 0;
    walk(stat(dir, &st) == 0 ? dir : cases);
    printf("%u statements, %u of those expected to fail did so in the parser\n", statements, refused);
    assert_int_equal(failures, 0);
    assert_true(statements > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_own), cmocka_unit_test(test_nexmark), cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
