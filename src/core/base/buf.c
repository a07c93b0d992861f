/* Growing byte buffers and the reader of what they wrote.
 *
 * A buffer doubles while the budget has room for it, else it grows by what is asked; it never passes
 * its declared maximum. Numbers are little-endian, lengths are LEB128 varints in their shortest form:
 * the reader refuses a longer form, so that a value has one image only. A failed put or read changes
 * nothing. */
#include "base/memory.h"

#include <stdio.h>

#define BUF_FIRST_BYTES 64u
#define VARINT_MAX_BYTES 10u

void buf_init(struct buf *b, struct budget *budget, size_t max_bytes)
{
    *b = (struct buf){ .budget = budget, .max = max_bytes };
}

void buf_release(struct buf *b)
{
    mem_free(b->budget, b->data, b->cap);
    b->data = NULL;
    b->len = b->cap = 0;
}

bool buf_reserve_slow(struct buf *b, size_t bytes)
{
    if (b->len > b->max || bytes > b->max - b->len)
        return false;
    size_t need = b->len + bytes;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
    if (cap < BUF_FIRST_BYTES)
        cap = BUF_FIRST_BYTES < b->max ? BUF_FIRST_BYTES : b->max;
    if (cap < need || cap - b->cap > budget_left(b->budget))
        cap = need;
    uint8_t *data = mem_realloc(b->budget, b->data, b->cap, cap);
    if (!data)
        return false;
    b->data = data;
    b->cap = cap;
    return true;
}

bool buf_put(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len))
        return false;
    if (len)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    return true;
}

bool buf_put_u8(struct buf *b, uint8_t v)
{
    return buf_put(b, &v, 1);
}

bool buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t le[4];
    for (unsigned i = 0; i < sizeof le; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    return buf_put(b, le, sizeof le);
}

bool buf_put_u64(struct buf *b, uint64_t v)
{
    uint8_t le[8];
    for (unsigned i = 0; i < sizeof le; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    return buf_put(b, le, sizeof le);
}

static size_t varint_write(uint8_t out[VARINT_MAX_BYTES], uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    return n;
}

bool buf_put_varint(struct buf *b, uint64_t v)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    return buf_put(b, bytes, varint_write(bytes, v));
}

bool buf_put_str(struct buf *b, struct str s)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    size_t n = varint_write(bytes, s.len);
    if (s.len > SIZE_MAX - n || !buf_reserve(b, n + s.len))
        return false;
    memcpy(b->data + b->len, bytes, n);
    if (s.len)
        memcpy(b->data + b->len + n, s.ptr, s.len);
    b->len += n + s.len;
    return true;
}

/* vsnprintf always writes a closing NUL: one byte more than the text. Where the buffer's maximum has
 * no room for it, the text goes through a block of its own. */
static bool print_to_brim(struct buf *b, size_t len, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
static bool print_to_brim(struct buf *b, size_t len, const char *fmt, va_list args)
{
    char *text = mem_alloc(b->budget, len + 1);
    if (!text)
        return false;
    vsnprintf(text, len + 1, fmt, args);
    bool ok = buf_put(b, text, len);
    mem_free(b->budget, text, len + 1);
    return ok;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int printed = vsnprintf(room ? (char *)b->data + b->len : NULL, room, fmt, args);
    va_end(args);
    bool ok = printed >= 0;
    size_t len = ok ? (size_t)printed : 0;
    if (ok && len < room) {
        b->len += len;
    } else if (ok && len == b->max - b->len) {
        ok = print_to_brim(b, len, fmt, again);
    } else if (ok) {
        ok = buf_reserve(b, len + 1);
        if (ok) {
            vsnprintf((char *)b->data + b->len, len + 1, fmt, again);
            b->len += len;
        }
    }
    va_end(again);
    return ok;
}

uint8_t *buf_take(struct buf *b, size_t *ret_len, size_t *ret_cap)
{
    uint8_t *data = b->data;
    *ret_len = b->len;
    *ret_cap = b->cap;
    b->data = NULL;
    b->len = b->cap = 0;
    return data;
}

bool read_bytes(struct reader *r, size_t n, const void **ret)
{
    if (n > (size_t)(r->end - r->at))
        return false;
    *ret = r->at;
    if (n > 0) /* an empty reader may stand at NULL */
        r->at += n;
    return true;
}

bool read_u8(struct reader *r, uint8_t *ret)
{
    if (r->at == r->end)
        return false;
    *ret = *r->at++;
    return true;
}

static bool read_le(struct reader *r, unsigned bytes, uint64_t *ret)
{
    if ((size_t)(r->end - r->at) < bytes)
        return false;
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)r->at[i] << (8 * i);
    r->at += bytes;
    *ret = v;
    return true;
}

bool read_u32(struct reader *r, uint32_t *ret)
{
    uint64_t v;
    if (!read_le(r, 4, &v))
        return false;
    *ret = (uint32_t)v;
    return true;
}

bool read_u64(struct reader *r, uint64_t *ret)
{
    return read_le(r, 8, ret);
}

bool read_varint(struct reader *r, uint64_t *ret)
{
    uint64_t v = 0;
    const uint8_t *p = r->at;
    for (unsigned i = 0; i < VARINT_MAX_BYTES && p != r->end; i++) {
        uint8_t byte = *p++;
        if (i == VARINT_MAX_BYTES - 1 && byte > 1)
            return false;
        v |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0)
            return false;
        r->at = p;
        *ret = v;
        return true;
    }
    return false;
}

bool read_str(struct reader *r, struct str *ret)
{
    struct reader ahead = *r;
    uint64_t len;
    const void *bytes;
    if (!read_varint(&ahead, &len) || len > SIZE_MAX || !read_bytes(&ahead, (size_t)len, &bytes))
        return false;
    *r = ahead;
    *ret = (struct str){ bytes, (size_t)len };
    return true;
}
