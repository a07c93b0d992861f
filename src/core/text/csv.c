/* CSV, RFC 4180 with options: one record at a time out of bytes that may end anywhere.
 *
 * A field is quoted when its first byte (after blanks, with `trim`) is the quote; then it reaches to the next quote
 * that is neither doubled nor escaped, over line ends, and only blanks (with `trim`), a delimiter or a line's end may
 * follow. A quote inside an unquoted field is a plain byte. A line ends with LF or CR LF; a CR elsewhere is data.
 * Nothing is copied: fields are views, and those with doubled quotes or escapes say so.
 *
 * Bad records end at the end of the line where they went wrong; one whose quote is never closed ends with its first
 * line, so that one stray quote does not take the rest of the file with it.
 *
 * Scanning for the end of a field compares 16 bytes at once where there is SSE2. */
#include "text/text.h"

#include <math.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

const char *text_find_newline(const char *p, const char *end)
{
    /* The C library's memchr is vectorised for the machine at hand, wider than the baseline we compile for. */
    const char *found = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    return found ? found : end;
}

/* First byte at or after p that is one of three, or end. */
static inline const char *find_any(const char *p, const char *end, char a, char b, char c)
{
#if defined(__SSE2__)
    const __m128i va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b), vc = _mm_set1_epi8(c);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb)), _mm_cmpeq_epi8(v, vc));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask)
            return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && *p != a && *p != b && *p != c)
        p++;
    return p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Blanks around fields, unless the delimiter is one. */
static const char *skip_blanks(const struct csv_dialect *d, const char *p, const char *end)
{
    while (d->trim && p < end && is_blank(*p) && *p != d->delimiter)
        p++;
    return p;
}

struct scan {
    const struct csv_dialect *d;
    const char *start, *at, *end;
    bool at_end;
    const char *fault;
};

enum field_end { FIELD_DELIMITER, FIELD_LINE, FIELD_MORE, FIELD_BAD };

/* After a field: what ended it, with `at` moved behind. */
static enum field_end take_end(struct scan *s)
{
    if (s->at == s->end)
        return s->at_end ? FIELD_LINE : FIELD_MORE;
    if (*s->at == s->d->delimiter) {
        s->at++;
        return FIELD_DELIMITER;
    }
    if (*s->at == '\n') {
        s->at++;
        return FIELD_LINE;
    }
    if (*s->at == '\r') {
        if (s->at + 1 == s->end)
            return s->at_end ? (s->at++, FIELD_LINE) : FIELD_MORE;
        if (s->at[1] == '\n') {
            s->at += 2;
            return FIELD_LINE;
        }
    }
    s->fault = "text after the closing quote";
    return FIELD_BAD;
}

static enum field_end quoted_field(struct scan *s, struct csv_field *f)
{
    char quote = s->d->quote, escape = s->d->escape ? s->d->escape : quote;
    const char *p = ++s->at, *from = p;
    bool escaped = false;
    for (;;) {
        p = find_any(p, s->end, quote, escape, quote);
        if (p == s->end)
            break;
        if (*p == s->d->escape && s->d->escape && *p != quote) {
            if (p + 1 == s->end)
                break;
            escaped = true;
            p += 2;
            continue;
        }
        if (p + 1 < s->end && p[1] == quote) {
            escaped = true;
            p += 2;
            continue;
        }
        if (p + 1 == s->end && !s->at_end)
            return FIELD_MORE; /* the next byte may double the quote */
        *f = (struct csv_field){ { from, (size_t)(p - from) }, true, escaped };
        s->at = skip_blanks(s->d, p + 1, s->end);
        return take_end(s);
    }
    if (!s->at_end)
        return FIELD_MORE;
    s->fault = "a quote is not closed";
    s->at = s->start;
    return FIELD_BAD;
}

static enum field_end unquoted_field(struct scan *s, struct csv_field *f)
{
    char delimiter = s->d->delimiter, escape = s->d->escape ? s->d->escape : delimiter;
    const char *from = s->at, *p = from;
    bool escaped = false;
    for (;;) {
        p = find_any(p, s->end, delimiter, '\n', escape);
        if (p == s->end || *p == delimiter || *p == '\n')
            break;
        if (p + 1 == s->end) { /* an escape with nothing behind it stands for itself */
            p++;
            break;
        }
        escaped = true;
        p += 2;
    }
    if (p == s->end && !s->at_end)
        return FIELD_MORE;
    const char *to = p;
    if ((p == s->end || *p == '\n') && to > from && to[-1] == '\r' && !(p == s->end && escaped))
        to--;
    while (s->d->trim && to > from && is_blank(to[-1]))
        to--;
    *f = (struct csv_field){ { from, (size_t)(to - from) }, false, escaped };
    s->at = p;
    return take_end(s);
}

static uint32_t count_lines(const char *p, const char *end)
{
    uint32_t n = 0;
    while ((p = text_find_newline(p, end)) < end) {
        n++;
        p++;
    }
    return n;
}

/* A comment or an empty line at the start: its length, or 0. *ret_more: it may be one, the bytes end too early. */
static size_t skip_length(const struct scan *s, bool *ret_more)
{
    const char *p = s->at, *end = s->end;
    *ret_more = false;
    if (*p == '\n')
        return 1;
    if (*p == '\r') {
        if (p + 1 < end)
            return p[1] == '\n' ? 2 : 0;
        *ret_more = !s->at_end;
        return s->at_end;
    }
    if (!s->d->comments || *p != '#')
        return 0;
    const char *newline = text_find_newline(p, end);
    *ret_more = newline == end && !s->at_end;
    return (size_t)(newline - p) + (newline < end);
}

/* Where the line of a fault ends, behind the newline. */
static enum csv_result bad_record(struct scan *s, size_t *ret_used, uint32_t *ret_lines, const char **ret_fault)
{
    const char *newline = text_find_newline(s->at, s->end);
    if (newline == s->end && !s->at_end)
        return CSV_MORE;
    const char *after = newline + (newline < s->end);
    *ret_used = (size_t)(after - s->start);
    *ret_lines = count_lines(s->start, after);
    *ret_fault = s->fault;
    return CSV_BAD;
}

enum csv_result csv_record(const struct csv_dialect *d, struct str bytes, bool at_end, struct csv_field *fields,
                           uint32_t max_fields, uint32_t *ret_n, size_t *ret_used, uint32_t *ret_lines,
                           const char **ret_fault)
{
    struct scan s = { d, bytes.ptr, bytes.ptr, bytes.ptr + bytes.len, at_end, NULL };
    if (bytes.len == 0)
        return CSV_MORE;
    bool more;
    size_t skipped = skip_length(&s, &more);
    if (more)
        return CSV_MORE;
    if (skipped) {
        *ret_used = skipped;
        *ret_lines = s.start[skipped - 1] == '\n';
        return CSV_SKIP;
    }
    uint32_t n = 0;
    bool quoted_lines = false;
    for (;;) {
        struct csv_field field;
        s.at = skip_blanks(d, s.at, s.end);
        bool quoted = d->quote && s.at < s.end && *s.at == d->quote;
        enum field_end end = quoted ? quoted_field(&s, &field) : unquoted_field(&s, &field);
        if (end == FIELD_MORE)
            return CSV_MORE;
        if (end == FIELD_BAD)
            return bad_record(&s, ret_used, ret_lines, ret_fault);
        quoted_lines = quoted_lines || quoted || field.escaped;
        if (n < max_fields)
            fields[n] = field;
        n++;
        if (end == FIELD_LINE)
            break;
    }
    *ret_n = n;
    *ret_used = (size_t)(s.at - s.start);
    *ret_lines = quoted_lines ? count_lines(s.start, s.at) : s.at[-1] == '\n';
    return CSV_RECORD;
}

size_t csv_unescape(const struct csv_dialect *d, struct str raw, char *out)
{
    char *to = out;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        bool last = i + 1 == raw.len;
        if (!last && ((d->escape && c == d->escape) || (d->quote && c == d->quote && raw.ptr[i + 1] == d->quote)))
            c = raw.ptr[++i];
        *to++ = c;
    }
    return (size_t)(to - out);
}

bool csv_put_field(struct buf *out, const struct csv_dialect *d, struct str s, bool quote_empty)
{
    bool wanted = s.len == 0 && quote_empty;
    if (s.len)
        wanted = is_blank(s.ptr[0]) || is_blank(s.ptr[s.len - 1]) || (d->comments && s.ptr[0] == '#') ||
                 str_starts(s, STR("\xEF\xBB\xBF")); /* at the start of a file it would read as a byte order mark */
    for (size_t i = 0; i < s.len && !wanted; i++) {
        char c = s.ptr[i];
        wanted = c == d->delimiter || c == '\r' || c == '\n' || (d->quote && c == d->quote) ||
                 (d->escape && c == d->escape);
    }
    if (!wanted)
        return buf_put(out, s.ptr, s.len);
    if (d->quote && !buf_put_u8(out, (uint8_t)d->quote))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool special = d->quote ? false : c == d->delimiter || c == '\n';
        if (d->quote && c == d->quote && !buf_put_u8(out, (uint8_t)c))
            return false;
        if (d->escape && c != d->quote && (c == d->escape || special) && !buf_put_u8(out, (uint8_t)d->escape))
            return false;
        if (!buf_put_u8(out, (uint8_t)c))
            return false;
    }
    return !d->quote || buf_put_u8(out, (uint8_t)d->quote);
}

bool text_to_f64(struct str s, double *ret)
{
    double v;
    if (!str_to_f64(s, &v))
        return false;
    char last = s.ptr[s.len - 1];
    if (isinf(v) && ((last >= '0' && last <= '9') || last == '.')) /* a number too large, not the word */
        return false;
    *ret = v;
    return true;
}
