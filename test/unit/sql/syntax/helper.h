/* For the tests of this room: cmocka in its order, an arena for each test, texts of trees. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "syntax/syntax.h"

/* One statement as it is printed, in `out`; false and the error when it does not parse. */
static inline bool canonical(struct arena *a, struct str sql, struct buf *out, struct error *err)
{
    struct syn_stmt **list;
    uint32_t count;
    if (syn_parse(a, sql, &list, &count, err) != ST_OK)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if ((i && !buf_put(out, "; ", 2)) || !syn_print_stmt(out, list[i]))
            return false;
    return true;
}
