/* Fuzzing the CSV scanner: the first byte chooses the dialect. Every record makes progress, and a field that was read
 * and is written again reads back the same. */
#include <stdlib.h>

#include "text/text.h"

#define FIELDS_MAX 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const struct csv_dialect *d, const struct csv_field *f)
{
    char *out = malloc(f->raw.len ? f->raw.len : 1);
    if (!out)
        return;
    struct str plain = f->raw;
    if (f->escaped)
        plain = str_make(out, csv_unescape(d, f->raw, out));
    CHECK(plain.len <= f->raw.len);
    struct buf b;
    buf_init(&b, NULL, 1 << 24);
    if (d->quote && csv_put_field(&b, d, plain, true) && buf_put_u8(&b, '\n')) {
        struct csv_field again;
        uint32_t n, lines;
        size_t used;
        const char *fault;
        CHECK(csv_record(d, buf_str(&b), true, &again, 1, &n, &used, &lines, &fault) == CSV_RECORD);
        CHECK(n == 1 && used == b.len);
        char *back = malloc(again.raw.len ? again.raw.len : 1);
        if (back) {
            struct str s = again.raw;
            if (again.escaped)
                s = str_make(back, csv_unescape(d, again.raw, back));
            CHECK(str_eq(s, plain));
        }
        free(back);
    }
    buf_release(&b);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t bits = data[0];
    struct csv_dialect d = { .delimiter = bits & 1 ? ';' : ',',
                             .quote = bits & 2 ? 0 : '"',
                             .escape = bits & 4 ? '\\' : 0,
                             .comments = bits & 8,
                             .trim = bits & 16 };
    struct str text = str_make(data + 1, size - 1);
    while (text.len) {
        struct csv_field f[FIELDS_MAX];
        uint32_t n = 0, lines = 0;
        size_t used = 0;
        const char *fault = NULL;
        enum csv_result r = csv_record(&d, text, !(bits & 32), f, FIELDS_MAX, &n, &used, &lines, &fault);
        if (r == CSV_MORE)
            break;
        CHECK(used > 0 && used <= text.len && lines <= used);
        CHECK(r != CSV_BAD || fault);
        for (uint32_t i = 0; r == CSV_RECORD && i < n && i < FIELDS_MAX; i++)
            check_field(&d, &f[i]);
        text = (struct str){ text.ptr + used, text.len - used };
    }
    CHECK(text.len == 0 || (bits & 32));
    return 0;
}
