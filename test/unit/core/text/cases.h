/* Test cases that lie outside of the source tree: $WEIR_CASES names their folder; without it they are skipped. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text/text.h"

#define CASE_MAX_BYTES (1u << 20)

/* The file in a heap block of its own size; NULL when there is none. Free it. */
static inline char *case_read(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *big = malloc(CASE_MAX_BYTES);
    assert_non_null(big);
    size_t len = fread(big, 1, CASE_MAX_BYTES, f);
    assert_true(len < CASE_MAX_BYTES);
    fclose(f);
    char *text = malloc(len ? len : 1);
    assert_non_null(text);
    memcpy(text, big, len);
    free(big);
    *ret_len = len;
    return text;
}

static inline const char *cases_folder(void)
{
    const char *folder = getenv("WEIR_CASES");
    if (!folder)
        skip();
    return folder;
}
