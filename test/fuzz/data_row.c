/* Fuzzing the decoder of stored rows: any bytes, several types at once, within a budget. What decodes encodes to
 * bytes that decode again. */
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct budget budget;
    struct buf out;
    struct error err;
    budget_init(&budget, "fuzz", 64 << 20, NULL);
    arena_init(&a, NULL);
    buf_init(&out, NULL, 1 << 24);
    struct field inner[2] = { { STR("x"), type_basic(TYPE_BOOLEAN) }, { STR("y"), type_string() } };
    const struct type *row = type_row(&a, inner, 2);
    struct field fields[] = {
        { STR("a"), type_basic(TYPE_INT) },
        { STR("b"), type_array(&a, row) },
        { STR("c"), type_map(&a, type_string(), type_array(&a, type_basic(TYPE_DOUBLE))) },
        { STR("d"), type_decimal(&a, 38, 2) },
        { STR("e"), row },
    };
    struct schema s = { fields, 5 };
    struct batch *b = batch_new(&s, 2, &budget);
    if (b && row_decode(str_make(data, size), b->cols, 5, 0, &err) == ST_OK) {
        for (int exact = 0; exact < 2; exact++) {
            buf_clear(&out);
            CHECK(row_encode(&out, b->cols, NULL, 5, 0, exact));
            CHECK(!exact || str_eq(buf_str(&out), str_make(data, size)));
            CHECK(row_decode(buf_str(&out), b->cols, 5, 1, &err) == ST_OK);
            buf_clear(&out);
            for (uint32_t i = 0; i < 5; i++)
                CHECK(value_print_json(&out, &b->cols[i], 1, NULL) && value_print(&out, &b->cols[i], 1, NULL));
        }
    }
    batch_free(b);
    buf_release(&out);
    arena_release(&a);
    return 0;
}
