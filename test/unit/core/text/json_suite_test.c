/* JSONTestSuite: y_ files are JSON, n_ files are not, i_ files may be either and must do no harm. */
#include <dirent.h>

#include "core/text/cases.h"

static void test_suite(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s/json_test_suite/test_parsing", cases_folder());
    DIR *folder = opendir(path);
    if (!folder)
        skip();
    unsigned seen = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        const char *name = e->d_name;
        if (name[0] == '.' || name[1] != '_')
            continue;
        snprintf(path, sizeof path, "%s/json_test_suite/test_parsing/%s", cases_folder(), name);
        size_t len = 0, offset = 0;
        const char *fault = NULL;
        char *text = case_read(path, &len);
        assert_non_null(text);
        bool ok = json_valid(str_make(text, len), &offset, &fault);
        if (ok ? name[0] == 'n' : name[0] == 'y')
            fail_msg("%s: %s", name, ok ? "was accepted" : fault);
        if (!ok)
            assert_true(fault && offset <= len);
        free(text);
        seen++;
    }
    closedir(folder);
    assert_true(seen > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_suite) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
