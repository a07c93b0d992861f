/* Any bytes: the parser says something sensible or gives a tree, and what it prints of a tree reads back
 * as an equal tree. */
#include <stdio.h>

#include "syntax/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_places(const struct error *err)
{
    CHECK(err->status == ST_SYNTAX || err->status == ST_LIMIT || err->status == ST_UNSUPPORTED);
    CHECK(err->message[0] != 0);
    CHECK(err->line > 0 && err->column > 0);
}

static void round_trip(struct arena *a, const struct syn_stmt *s)
{
    struct buf out;
    struct syn_stmt **again;
    uint32_t n;
    struct error err = { 0 };
    buf_init(&out, budget_process(), SIZE_MAX);
    CHECK(syn_print_stmt(&out, s));
    if (out.len <= SYN_MAX_TEXT) {
        enum status st = syn_parse(a, buf_str(&out), &again, &n, &err);
        /* parentheses and words that the printer adds may cross a limit that the text only touched */
        if (st != ST_LIMIT) {
            if (st != ST_OK || n != 1 || !syn_equal_stmt(s, again[0]))
                fprintf(stderr, "%.*s\n%u:%u %s\n", STR_ARG(buf_str(&out)), err.line, err.column, err.message);
            CHECK(st == ST_OK);
            CHECK(n == 1);
            CHECK(syn_equal_stmt(s, again[0]));
        }
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str text = str_make(data, size);
    size_t pos = 0;
    arena_init(&a, budget_process());
    for (;;) {
        struct syn_stmt *s = NULL;
        struct error err = { 0 };
        size_t before = pos;
        if (syn_parse_next(&a, text, &pos, &s, &err) != ST_OK) {
            struct buf out;
            check_places(&err);
            CHECK(pos > before);
            buf_init(&out, budget_process(), SIZE_MAX);
            CHECK(syn_print_caret(&out, text, &err));
            buf_release(&out);
            continue;
        }
        if (!s)
            break;
        CHECK(pos > before);
        round_trip(&a, s);
    }
    arena_release(&a);
    return 0;
}
