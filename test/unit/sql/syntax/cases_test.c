/* Every SQL statement of the open cases (environment variable WEIR_CASES) must parse, print, and parse
 * again to an equal tree. Statements that are expected to fail may also fail here, but only with a place. */
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

static unsigned statements, failures, refused;

static bool round_trip(struct arena *a, struct str sql, struct error *err)
{
    struct syn_stmt **first, **second;
    uint32_t n, m;
    struct buf out;
    if (syn_parse(a, sql, &first, &n, err) != ST_OK)
        return false;
    bool same = true;
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
    statements++;
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

static void check_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    static char bytes[4 << 20];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct str text = { bytes, n };
    if (str_ends(str_from(path), STR(".test")))
        check_test(path, text);
    else
        check(path, 1, text, false);
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

static void test_cases(void **state)
{
    (void)state;
    const char *cases = getenv("WEIR_CASES");
    if (!cases || !*cases)
        skip();
    char dir[MAX_PATH];
    snprintf(dir, sizeof dir, "%s/flink_sql/tests", cases);
    struct stat st;
    walk(stat(dir, &st) == 0 ? dir : cases);
    printf("%u statements, %u of those expected to fail did so in the parser\n", statements, refused);
    assert_int_equal(failures, 0);
    assert_true(statements > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
