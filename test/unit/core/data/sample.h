/* Columns of every type with pseudo-random values, for the tests of this room. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/data.h"

static inline uint64_t sample_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

#define SAMPLE_COLUMNS 15u

/* One column a physical form and the nested ones: arrays of rows, maps of arrays, a multiset, rows of rows. */
static inline struct schema sample_schema(struct arena *a)
{
    struct field *inner = ARENA_ARRAY(a, struct field, 2);
    inner[0] = (struct field){ STR("x"), type_basic(TYPE_INT) };
    inner[1] = (struct field){ STR("y"), type_string() };
    const struct type *row = type_row(a, inner, 2);
    struct field *outer = ARENA_ARRAY(a, struct field, 2);
    outer[0] = (struct field){ STR("r"), row };
    outer[1] = (struct field){ STR("z"), type_basic(TYPE_DOUBLE) };
    const struct type *types[SAMPLE_COLUMNS] = {
        type_basic(TYPE_BOOLEAN),
        type_basic(TYPE_INT),
        type_basic(TYPE_BIGINT),
        type_basic(TYPE_FLOAT),
        type_basic(TYPE_DOUBLE),
        type_decimal(a, 18, 3),
        type_decimal(a, 38, 10),
        type_string(),
        type_bytes(),
        type_timestamp(a, TYPE_TIMESTAMP, 3),
        type_row(a, outer, 2),
        type_array(a, row),
        type_map(a, type_string(), type_array(a, type_basic(TYPE_BIGINT))),
        type_multiset(a, type_basic(TYPE_INT)),
        type_array(a, type_array(a, type_string())),
    };
    struct field *fields = ARENA_ARRAY(a, struct field, SAMPLE_COLUMNS);
    for (uint32_t i = 0; i < SAMPLE_COLUMNS; i++)
        fields[i] = (struct field){ arena_printf(a, "c%u", i), types[i] };
    return (struct schema){ fields, SAMPLE_COLUMNS };
}

static inline bool sample_fill(struct column *c, uint32_t row, uint64_t *seed, bool nulls)
{
    uint64_t r = sample_random(seed);
    if (nulls && r % 5 == 0) {
        column_set_null(c, row);
        return true;
    }
    if (c->nulls)
        c->nulls[row] = 0;
    uint32_t first, len = (uint32_t)(r >> 8) % 4;
    char text[64];
    switch (type_phys(c->type)) {
    case PHYS_BOOL:
        c->b[row] = r >> 8 & 1;
        return true;
    case PHYS_I32:
        c->i32[row] = (int32_t)(r >> 16);
        return true;
    case PHYS_I64:
        c->i64[row] = (int64_t)r;
        return true;
    case PHYS_I128:
        c->i128[row] = (int128)(int64_t)r * (int64_t)(sample_random(seed) >> 8);
        return true;
    case PHYS_F32:
        c->f32[row] = r % 7 == 1 ? -0.0f : (float)(int32_t)(r >> 16) / 8;
        return true;
    case PHYS_F64:
        c->f64[row] = r % 7 == 1 ? -0.0 : (double)(int64_t)r / 16;
        return true;
    case PHYS_STRING:
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)('a' + sample_random(seed) % 26);
        return column_set_str(c, row, text, r % 3 ? (r >> 8) % 13 : (r >> 8) % sizeof text);
    case PHYS_ROW:
        for (uint32_t i = 0; i < c->n_children; i++)
            if (!sample_fill(&c->children[i], row, seed, nulls))
                return false;
        return true;
    default:
        if (!column_start_list(c, row, len, &first))
            return false;
        for (uint32_t i = 0; i < c->n_children; i++)
            for (uint32_t k = 0; k < len; k++) {
                /* keys of maps are never null and differ */
                bool key = type_phys(c->type) == PHYS_MAP && i == 0;
                if (!sample_fill(&c->children[i], first + k, seed, nulls && !key))
                    return false;
            }
        return true;
    }
}
