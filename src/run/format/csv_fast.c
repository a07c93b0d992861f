/* The csv encoder's hot columns, straight into the output: whole numbers, plain text, TIMESTAMP up to milliseconds.
 *
 * Text is copied first and then looked at, 16 bytes at a time, where it now lies (there is room behind); when something in it
 * needs quotes it is taken back and the general way does it. A timestamp's date and time up to the minute are printed once as
 * long as they stay the same. Nothing is fast where the dialect's characters could stand in a number or a time. */
#include "csv.h"

enum { CSV_SLOW, CSV_I32, CSV_I64, CSV_TEXT, CSV_MILLIS };

static bool is_special(const struct csv_settings *s, char c)
{
    return c == s->dialect.delimiter || (s->dialect.quote && c == s->dialect.quote) ||
           (s->dialect.escape && c == s->dialect.escape);
}

static uint8_t action_of(const struct csv_settings *s, const struct type *t)
{
    struct str null = s->null_literal;
    bool number_like = null.len && (null.ptr[0] == '-' || (null.ptr[0] >= '0' && null.ptr[0] <= '9'));
    for (const char *p = "0123456789-: ."; *p; p++)
        number_like |= is_special(s, *p);
    if (type_is_text(t))
        return CSV_TEXT;
    if (number_like)
        return CSV_SLOW;
    if (t->kind == TYPE_TIMESTAMP && t->precision <= 3 && !s->rules.iso)
        return CSV_MILLIS;
    return t->kind == TYPE_BIGINT ? CSV_I64 : type_is_integer(t) ? CSV_I32 : CSV_SLOW;
}

void csv_fast_init(struct csv_fast *f, const struct csv_settings *s, const struct type *t)
{
    *f = (struct csv_fast){ .action = action_of(s, t) };
}

#if defined(__SSE2__)
static bool needs_quotes(const struct csv_dialect *d, const uint8_t *p, size_t len)
{
    const __m128i delimiter = _mm_set1_epi8(d->delimiter), quote = _mm_set1_epi8(d->quote ? d->quote : d->delimiter);
    const __m128i escape = _mm_set1_epi8(d->escape ? d->escape : d->delimiter);
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
    for (size_t i = 0; i < len; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, delimiter), _mm_cmpeq_epi8(v, quote)),
                                   _mm_or_si128(_mm_cmpeq_epi8(v, cr), _mm_cmpeq_epi8(v, lf)));
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(hit, _mm_cmpeq_epi8(v, escape)));
        if (len - i < 16)
            mask &= (1u << (len - i)) - 1;
        if (mask)
            return true;
    }
    return false;
}
#else
static bool needs_quotes(const struct csv_dialect *d, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] == (uint8_t)d->delimiter || p[i] == '\r' || p[i] == '\n' || (d->quote && p[i] == (uint8_t)d->quote) ||
            (d->escape && p[i] == (uint8_t)d->escape))
            return true;
    return false;
}
#endif

static size_t put_text(const struct csv_settings *s, struct str v, uint8_t *out)
{
    if (v.len == 0)
        return s->null_literal.ptr && s->null_literal.len == 0 ? CSV_NOT_FAST : 0;
    uint8_t first = (uint8_t)v.ptr[0], last = (uint8_t)v.ptr[v.len - 1];
    bool odd = first <= ' ' || last <= ' ' || first == 0xef || (first == '#' && s->dialect.comments) ||
               (s->null_literal.ptr && str_eq(v, s->null_literal));
    if (odd)
        return CSV_NOT_FAST;
    if (v.len <= 12)
        memcpy(out, v.ptr, 12); /* inline: all of it is there */
    else
        memcpy(out, v.ptr, v.len);
    return needs_quotes(&s->dialect, out, v.len) ? CSV_NOT_FAST : v.len;
}

size_t csv_fast_put(struct csv_fast *f, const struct csv_settings *s, const struct column *c, uint32_t row, struct buf *out)
{
    uint8_t *at = out->data + out->len;
    size_t len;
    switch (f->action) {
    case CSV_I32:
        return i64_print(c->i32[row], (char *)at);
    case CSV_I64:
        return i64_print(c->i64[row], (char *)at);
    case CSV_MILLIS:
        len = millis_text_print(&f->millis, &s->rules, c->type, c, row, at);
        return len ? len : CSV_NOT_FAST;
    case CSV_TEXT:
        return put_text(s, column_str(c, row), at);
    default:
        return CSV_NOT_FAST;
    }
}

size_t csv_fast_room(const struct csv_fast *f, const struct column *c, uint32_t row)
{
    return (f->action == CSV_TEXT ? c->str[row].len : 0) + CSV_FAST_ROOM;
}
