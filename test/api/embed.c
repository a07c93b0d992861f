/* A program that embeds Weir, against the installed header only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#define CHECK(cond)                                                          \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d: %s\n", __LINE__, #cond);               \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static void one_value(weir_engine *e)
{
    weir_result *r = NULL;
    weir_error *err = NULL;
    size_t len = 0;
    CHECK(weir_query(e, "SELECT 1 + 1 AS two, 'a' || 'b' AS ab, CAST(NULL AS INT) AS n, 2.5 AS d", &r, &err) == WEIR_OK);
    CHECK(weir_column_count(r) == 4);
    CHECK(strcmp(weir_column_name(r, 0), "two") == 0);
    CHECK(strncmp(weir_column_type(r, 0), "INT", 3) == 0);
    CHECK(weir_next_row(r, &err) == WEIR_OK);
    CHECK(weir_i64(r, 0) == 2);
    CHECK(strcmp(weir_text(r, 1, &len), "ab") == 0 && len == 2);
    CHECK(weir_text(r, 2, NULL) == NULL);
    CHECK(weir_f64(r, 3) == 2.5);
    CHECK(strcmp(weir_row_kind(r), "+I") == 0);
    CHECK(weir_next_row(r, &err) == WEIR_DONE);
    weir_result_close(r);
}

static void many_rows(weir_engine *e)
{
    weir_result *r = NULL;
    weir_error *err = NULL;
    long long n = 0, sum = 0;
    CHECK(weir_run(e, "CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '100000', "
                      "'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '100000')", &err) == WEIR_OK);
    CHECK(weir_query(e, "SELECT id FROM g", &r, &err) == WEIR_OK);
    while (weir_next_row(r, &err) == WEIR_OK) {
        n++;
        sum += weir_i64(r, 0);
    }
    CHECK(n == 100000 && sum == 5000050000LL);
    weir_result_close(r);
    CHECK(weir_query(e, "SELECT id FROM g", &r, &err) == WEIR_OK); /* closed early */
    CHECK(weir_next_row(r, &err) == WEIR_OK);
    weir_result_close(r);
}

static void errors(weir_engine *e)
{
    weir_result *r = NULL;
    weir_error *err = NULL;
    CHECK(weir_query(e, "SELECT\n  prise FROM nowhere", &r, &err) == WEIR_USAGE);
    CHECK(err && weir_error_line(err) == 2 && strlen(weir_error_message(err)) > 10);
    CHECK(weir_error_status(err) == WEIR_USAGE);
    weir_error_free(err);
    err = NULL;
    CHECK(weir_query(e, "SELECT CAST('x' AS INT)", &r, &err) != WEIR_OK || weir_next_row(r, &err) == WEIR_FAILED);
    weir_error_free(err);
    CHECK(weir_query(e, "", &r, NULL) == WEIR_USAGE);
}

int main(void)
{
    weir_engine *e = NULL;
    weir_error *err = NULL;
    weir_options o;
    memset(&o, 0, sizeof o);
    o.size = sizeof o;
    o.memory_limit_bytes = 256u << 20;
    CHECK(weir_version()[0] >= '0');
    CHECK(weir_open(&o, &e, &err) == WEIR_OK);
    one_value(e);
    many_rows(e);
    errors(e);
    weir_close(e);
    weir_close(NULL);
    puts("embedded: fine");
    return 0;
}
