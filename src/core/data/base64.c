/* Base64, RFC 4648 section 4. Decoding takes text with or without its padding and nothing else: no blanks, no line
 * ends, no other letters. */
#include "data/row.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(struct buf *out, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    if (len == 0)
        return true;
    if (len > SIZE_MAX / 2 || !buf_reserve(out, (len + 2) / 3 * 4))
        return false;
    uint8_t *to = out->data + out->len;
    for (; len >= 3; len -= 3, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *to++ = (uint8_t)letters[v >> 18];
        *to++ = (uint8_t)letters[v >> 12 & 63];
        *to++ = (uint8_t)letters[v >> 6 & 63];
        *to++ = (uint8_t)letters[v & 63];
    }
    if (len) {
        uint32_t v = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);
        *to++ = (uint8_t)letters[v >> 18];
        *to++ = (uint8_t)letters[v >> 12 & 63];
        *to++ = len == 2 ? (uint8_t)letters[v >> 6 & 63] : '=';
        *to++ = '=';
    }
    out->len = (size_t)(to - out->data);
    return true;
}

static int letter_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct buf *out, struct str text)
{
    size_t n = text.len;
    if (n % 4 == 0 && n && text.ptr[n - 1] == '=') {
        n--;
        if (text.ptr[n - 1] == '=')
            n--;
    }
    if (n % 4 == 1 || !buf_reserve(out, n / 4 * 3 + 2))
        return false;
    size_t len = out->len;
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        int letter = letter_value(text.ptr[i]);
        if (letter < 0)
            return false;
        v = v << 6 | (uint32_t)letter;
        if (i % 4 == 3) {
            out->data[len++] = (uint8_t)(v >> 16);
            out->data[len++] = (uint8_t)(v >> 8);
            out->data[len++] = (uint8_t)v;
            v = 0;
        }
    }
    if (n % 4 == 3) {
        out->data[len++] = (uint8_t)(v >> 10);
        out->data[len++] = (uint8_t)(v >> 2);
    } else if (n % 4 == 2) {
        out->data[len++] = (uint8_t)(v >> 4);
    }
    out->len = len;
    return true;
}
