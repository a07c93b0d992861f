/* Fuzzes what base reads from text and bytes: numbers against the C library, UTF-8 against its own
 * writer, the reader against the writer. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void number(struct str s)
{
    double mine, other;
    int64_t whole;
    if (s.len < 60 && str_to_f64(s, &mine) && !isnan(mine)) {
        char text[64];
        memcpy(text, s.ptr, s.len);
        text[s.len] = '\0';
        other = strtod(text, NULL);
        must(memcmp(&mine, &other, sizeof mine) == 0);
    }
    if (str_to_i64(s, &whole))
        must(str_to_f64(s, &mine) && mine == (double)whole);
    if (str_to_duration_ms(s, &whole))
        must(whole >= 0);
    if (str_to_bytes(s, &whole))
        must(whole >= 0);
}

static void utf8(struct str s)
{
    size_t pos = 0, count = 0, valid = utf8_check(s);
    while (pos < s.len) {
        size_t before = pos;
        char again[4];
        uint32_t cp = utf8_next(s, &pos);
        size_t n = utf8_put(cp, again);
        must(pos > before && pos <= s.len);
        if (before < valid)
            must(n == pos - before && memcmp(again, s.ptr + before, n) == 0);
        must(utf8_put(utf8_upper(cp), again) > 0 && utf8_put(utf8_lower(cp), again) > 0);
        count++;
    }
    must(count == utf8_length(s));
}

static void reader(struct str s)
{
    struct reader r = reader_make(s.ptr, s.len);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    struct str field;
    while (read_str(&r, &field))
        must(buf_put_str(&b, field));
    /* One value has one image: what was read writes itself again. */
    must(b.len == (size_t)((const char *)r.at - s.ptr) && (b.len == 0 || memcmp(b.data, s.ptr, b.len) == 0));
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_make(size ? data : (const uint8_t *)"", size);
    number(s);
    utf8(s);
    reader(s);
    must(crc32c(0, s.ptr, s.len) == crc32c_portable(0, s.ptr, s.len));
    return 0;
}
