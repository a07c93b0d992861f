/* JSON, RFC 8259: what the inline scanner in text.h leaves over, skipping, unescaping and writing.
 *
 * The scanner holds no stack: a caller knows by its own structure where it is. json_skip, which does not, keeps one
 * bit a level (object or array) and uses the same inline functions, so a value is checked by one grammar whether it
 * is wanted or not.
 *
 * Strings: the inline loop compares 16 bytes at once against quote, backslash and (signed) less than a blank, which
 * covers control characters and everything that is not ASCII. Only when such a byte comes first the loop here goes
 * on: escapes are checked, UTF-8 sequences are decoded strictly (no overlong forms, no surrogates, nothing above
 * U+10FFFF) where they stand, then the fast loop takes over again. */
#include "text/text.h"

const uint8_t json_kinds[256] = {
    ['n'] = JSON_NULL,   ['f'] = JSON_FALSE,  ['t'] = JSON_TRUE,   ['"'] = JSON_STRING, ['['] = JSON_ARRAY,
    ['{'] = JSON_OBJECT, ['-'] = JSON_NUMBER, ['0'] = JSON_NUMBER, ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER,
    ['3'] = JSON_NUMBER, ['4'] = JSON_NUMBER, ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER,
    ['8'] = JSON_NUMBER, ['9'] = JSON_NUMBER, [']'] = JSON_END,    ['}'] = JSON_END,
};

bool json_fail(struct json *j, const char *at, const char *fault)
{
    j->at = at;
    j->fault = fault;
    return false;
}

#if defined(__SSE2__)
/* Which of the 16 bytes at p are a quote, a backslash, a control character or not ASCII. */
static inline unsigned special_mask(const char *p)
{
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                                _mm_cmplt_epi8(v, space));
    return (unsigned)_mm_movemask_epi8(stop);
}
#endif

/* First byte at or after p that is special in a string; or end. `start` is where the text starts: the last step may
 * load bytes before p again, never any behind the end. */
static const char *find_special(const char *start, const char *p, const char *end)
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        unsigned mask = special_mask(p);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    if (end - start >= 16 && p < end) {
        unsigned mask = special_mask(end - 16) >> (16 - (end - p));
        return mask ? p + __builtin_ctz(mask) : end;
    }
#endif
    while (p < end && (uint8_t)*p >= 0x20 && (uint8_t)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* Length of the well-formed UTF-8 sequence of two bytes or more at p, or 0 (Unicode 15, table 3-7). */
static size_t sequence_length(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p);
    uint8_t low = 0x80, high = 0xbf;
    size_t n;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if ((p[0] & 0xf0) == 0xe0) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of the escape at p (a backslash), or 0. */
static size_t escape_length(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        break;
    default:
        return 0;
    }
    if (end - p < 6)
        return 0;
    for (int i = 2; i < 6; i++)
        if (hex_value(p[i]) < 0)
            return 0;
    return 6;
}

bool json_string_rest(struct json *j, const char *from, const char *p, struct str *ret_raw, bool *ret_escaped)
{
    const char *end = j->end;
    bool escaped = false;
    for (;;) {
        if (p < end && (uint8_t)*p >= 0x20 && (uint8_t)*p < 0x80 && *p != '"' && *p != '\\')
            p = find_special(j->start, p, end);
        if (p == end)
            return json_fail(j, p, "a string has no end");
        uint8_t c = (uint8_t)*p;
        size_t n;
        if (c == '"')
            break;
        if (c < 0x20)
            return json_fail(j, p, "a control character in a string");
        if (c == '\\') {
            n = escape_length(p, end);
            if (n == 0)
                return json_fail(j, p, "an invalid escape");
            escaped = true;
        } else {
            n = sequence_length((const uint8_t *)p, (const uint8_t *)end);
            if (n == 0)
                return json_fail(j, p, "invalid UTF-8");
        }
        p += n;
    }
    *ret_raw = (struct str){ from, (size_t)(p - from) };
    *ret_escaped = escaped;
    j->at = p + 1;
    return true;
}

/* p: behind the integer part, at a point or an exponent. */
bool json_number_rest(struct json *j, const char *p, struct str *ret_raw, bool *ret_integer)
{
    const char *end = j->end;
    if (*p == '.') {
        const char *from = ++p;
        p = json_skip_digits(p, end);
        if (p == from)
            return json_fail(j, p, "a digit is expected after the point");
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        const char *from = p;
        p = json_skip_digits(p, end);
        if (p == from)
            return json_fail(j, p, "a digit is expected in the exponent");
    }
    *ret_raw = (struct str){ j->at, (size_t)(p - j->at) };
    *ret_integer = false;
    j->at = p;
    return true;
}

bool json_literal(struct json *j, enum json_kind kind)
{
    static const struct str words[3] = { STR_INIT("null"), STR_INIT("false"), STR_INIT("true") };
    CHECK(kind <= JSON_TRUE);
    struct str word = words[kind];
    if ((size_t)(j->end - j->at) < word.len || memcmp(j->at, word.ptr, word.len) != 0)
        return json_fail(j, j->at, "a value is expected");
    j->at += word.len;
    return true;
}

static bool skip_scalar(struct json *j, enum json_kind kind)
{
    struct str raw;
    bool flag;
    if (kind == JSON_STRING)
        return json_string(j, &raw, &flag);
    if (kind == JSON_NUMBER)
        return json_number(j, &raw, &flag);
    if (kind == JSON_END)
        return json_fail(j, j->at, "a value is expected");
    return json_literal(j, kind);
}

bool json_skip(struct json *j, struct str *ret_raw)
{
    uint64_t objects[(JSON_DEPTH + 63) / 64 + 1] = { 0 }; /* bit d: the container at depth d is an object */
    uint32_t base = j->depth;
    enum json_kind kind = json_peek(j);
    const char *from = j->at;
    for (;; kind = json_peek(j)) {
        if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
            if (!json_enter(j))
                return false;
            uint64_t bit = (uint64_t)1 << (j->depth % 64);
            if (kind == JSON_OBJECT)
                objects[j->depth / 64] |= bit;
            else
                objects[j->depth / 64] &= ~bit;
        } else if (!skip_scalar(j, kind)) {
            return false;
        }
        bool more = false;
        while (!more && j->depth > base) {
            struct str key;
            bool escaped;
            bool object = objects[j->depth / 64] >> (j->depth % 64) & 1;
            more = object ? json_member(j, &key, &escaped) : json_element(j);
            if (!more && j->fault)
                return false;
        }
        if (!more)
            break;
    }
    *ret_raw = (struct str){ from, (size_t)(j->at - from) };
    return true;
}

bool json_finish(struct json *j)
{
    j->at = json_skip_space(j->at, j->end);
    return j->at == j->end || json_fail(j, j->at, "text after the value");
}

bool json_valid(struct str text, size_t *ret_offset, const char **ret_fault)
{
    struct json j;
    struct str raw;
    json_init(&j, text);
    if (json_skip(&j, &raw) && json_finish(&j))
        return true;
    *ret_offset = (size_t)(j.at - j.start);
    *ret_fault = j.fault;
    return false;
}

static uint32_t hex4(const char *p)
{
    return (uint32_t)(hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 | hex_value(p[3]));
}

/* Decodes the escape at *p, which json_string has checked, and moves behind it; returns the bytes written. */
static size_t unescape_one(const char **p, const char *end, char out[4])
{
    static const char plain[128] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t' };
    const char *at = *p;
    if (at[1] != 'u') {
        *p = at + 2;
        out[0] = plain[(uint8_t)at[1] & 127];
        return 1;
    }
    uint32_t cp = hex4(at + 2);
    at += 6;
    if (cp >= 0xd800 && cp <= 0xdbff && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = hex4(at + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        }
    }
    if (cp >= 0xd800 && cp <= 0xdfff)
        cp = 0xfffd;
    *p = at;
    return utf8_put(cp, out);
}

size_t json_unescape(struct str raw, char *out)
{
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    char *to = out;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((escape ? escape : end) - p);
        memcpy(to, p, run);
        to += run;
        p += run;
        if (escape) {
            char one[4];
            size_t n = unescape_one(&p, end, one);
            memcpy(to, one, n);
            to += n;
        }
    }
    return (size_t)(to - out);
}

bool json_key_equals_escaped(struct str raw, struct str plain)
{
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    size_t at = 0;
    while (p < end) {
        char one[4];
        size_t n = 1;
        if (*p == '\\')
            n = unescape_one(&p, end, one);
        else
            one[0] = *p++;
        if (plain.len - at < n || memcmp(plain.ptr + at, one, n) != 0)
            return false;
        at += n;
    }
    return at == plain.len;
}

static bool put_special(struct buf *out, uint8_t c)
{
    static const char hex[] = "0123456789ABCDEF"; /* as Jackson */
    static const char letters[128] = { ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                       ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't' };
    if (letters[c & 127]) {
        char text[2] = { '\\', letters[c & 127] };
        return buf_put(out, text, sizeof text);
    }
    char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
    return buf_put(out, text, sizeof text);
}

bool json_put_string(struct buf *out, struct str s)
{
    const char *p = s.ptr, *end = s.ptr + s.len, *from = p;
    if (!buf_reserve(out, s.len + 2) || !buf_put_u8(out, '"'))
        return false;
    while ((p = find_special(s.ptr, p, end)) < end) {
        uint8_t c = (uint8_t)*p;
        size_t n = c >= 0x80 ? sequence_length((const uint8_t *)p, (const uint8_t *)end) : 0;
        if (n) {
            p += n;
            continue;
        }
        if (!buf_put(out, from, (size_t)(p - from)))
            return false;
        if (c >= 0x80 ? !buf_put(out, "\xef\xbf\xbd", 3) : !put_special(out, c))
            return false;
        from = ++p;
    }
    return buf_put(out, from, (size_t)(end - from)) && buf_put_u8(out, '"');
}

/* Characters beyond the first plane are two surrogates in UTF-16 and so come before U+E000 … U+FFFF. */
int json_text_compare(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        uint8_t x = (uint8_t)a.ptr[i], y = (uint8_t)b.ptr[i];
        if (x == y)
            continue;
        if (x >= 0xf0 && (y == 0xee || y == 0xef))
            return -1;
        if (y >= 0xf0 && (x == 0xee || x == 0xef))
            return 1;
        return x < y ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}
