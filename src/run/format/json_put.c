/* The JSON encoder's hot columns, straight into the output: whole numbers, text, times up to milliseconds, booleans. What stands
 * before a value (brace or comma, quoted name, colon) was printed once.
 *
 * There is always room for all that a row may need but for its texts (`room`), so it is asked for once a row and once a text.
 *
 * Text is copied 16 bytes at a time and looked at on the way; when something in it is no plain ASCII it is taken back and the
 * general way does it. Everything else goes the general way, too (json_encode.c): objects inside, nulls that are left out. */
#include "json.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { PUT_SLOW, PUT_I32, PUT_I64, PUT_TEXT, PUT_MILLIS, PUT_BOOL };

#define VALUE_ROOM 48u /* of any value but the bytes of a text; behind text for a whole step */
#define LEAD_STEP 24u  /* leads are copied whole up to here, whatever stands behind them */

static uint8_t action_of(const struct type *t)
{
    if (type_is_text(t))
        return PUT_TEXT;
    if (type_is_timestamp(t) && t->precision <= 3)
        return PUT_MILLIS;
    if (t->kind == TYPE_BOOLEAN)
        return PUT_BOOL;
    return t->kind == TYPE_BIGINT ? PUT_I64 : type_is_integer(t) ? PUT_I32 : PUT_SLOW;
}

enum status json_put_init(struct json_put *p, const struct json_writer *w, struct arena *a, struct error *err)
{
    const struct schema *s = w->schema;
    struct buf lead;
    *p = (struct json_put){ .writer = w, .n = w->settings.omit_nulls ? 0 : s->n_fields, .room = 1 };
    p->fields = ARENA_ARRAY(a, struct json_put_field, s->n_fields + 1);
    buf_init(&lead, a->budget, UINT32_MAX);
    bool ok = p->fields != NULL;
    for (uint32_t i = 0; ok && i < s->n_fields; i++) {
        struct json_put_field *f = &p->fields[i];
        buf_clear(&lead);
        ok = buf_put_u8(&lead, i ? ',' : '{') && json_put_string(&lead, s->fields[i].name) && buf_put_u8(&lead, ':');
        size_t len = lead.len;
        ok = ok && buf_put(&lead, "                        ", LEAD_STEP);
        f->lead = ok ? arena_str(a, buf_str(&lead)) : f->lead;
        ok = ok && f->lead.ptr;
        f->lead.len = len;
        p->room += len + LEAD_STEP + VALUE_ROOM;
        f->action = action_of(s->fields[i].type);
    }
    buf_release(&lead);
    return ok ? ST_OK : format_memory(a->budget, err);
}

#if defined(__SSE2__)

/* Copies 16 bytes; bits of those that are not plain: quote, backslash, control, not ASCII (as signed bytes both of these are
 * below a blank). */
static inline unsigned put_16(const char *from, uint8_t *to)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)from);
    __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    _mm_storeu_si128((__m128i *)(void *)to, x);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(odd, _mm_cmplt_epi8(x, _mm_set1_epi8(' '))));
}

static inline bool put_plain(struct str v, uint8_t *out)
{
    if (v.len < 16) {
        char text[16];
        if (v.len <= 12)
            memcpy(text, v.ptr, 12); /* inline: all of it is there */
        else
            memcpy(text, v.ptr, v.len);
        return (put_16(text, out) & ((1u << v.len) - 1)) == 0;
    }
    unsigned odd = 0;
    for (size_t i = 0; i + 16 < v.len; i += 16)
        odd |= put_16(v.ptr + i, out + i);
    return (odd | put_16(v.ptr + v.len - 16, out + v.len - 16)) == 0;
}

#else

static inline bool put_plain(struct str v, uint8_t *out)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = (uint8_t)v.ptr[i];
        if (c < ' ' || c >= 0x80 || c == '"' || c == '\\')
            return false;
        out[i] = c;
    }
    return true;
}

#endif

/* Quoted, behind `out`; 0: something in it must be looked at closer. There is room for 16 bytes more than needed. */
static size_t put_text(struct str v, uint8_t *out)
{
    if (!put_plain(v, out + 1))
        return 0;
    out[0] = out[1 + v.len] = '"';
    return v.len + 2;
}

static size_t put_quoted_millis(struct json_put_field *f, const struct value_rules *r, const struct column *c, uint32_t row,
                                uint8_t *out)
{
    size_t n = millis_text_print(&f->millis, r, c->type, c, row, out + 1);
    if (n == 0)
        return 0;
    out[0] = '"';
    out[1 + n] = '"';
    return n + 2;
}

/* The length of a value that is not NULL; 0: the general way. A text's room is there already. */
static inline size_t put_fast(struct json_put *p, struct json_put_field *f, const struct column *c, uint32_t row, uint8_t *out)
{
    switch (f->action) {
    case PUT_I64:
        return i64_print(c->i64[row], (char *)out);
    case PUT_TEXT:
        return put_text(column_str(c, row), out);
    case PUT_MILLIS:
        return put_quoted_millis(f, &p->writer->settings.rules, c, row, out);
    case PUT_I32:
        return i64_print(c->i32[row], (char *)out);
    case PUT_BOOL:
        memcpy(out, c->b[row] ? "true " : "false", 5);
        return c->b[row] ? 4 : 5;
    default:
        return 0;
    }
}

static enum status refused(struct buf *out, size_t before, struct budget *b, struct error *err)
{
    out->len = before;
    return format_memory(b, err);
}

/* Where a row goes on; up to `most` there is room behind it for a whole row without its texts. */
struct cursor {
    uint8_t *at, *most;
};

static bool make_room(const struct json_put *p, struct buf *out, size_t text, struct cursor *to)
{
    if (!buf_reserve(out, p->room + text))
        return false;
    *to = (struct cursor){ out->data + out->len, out->data + out->cap - p->room };
    return true;
}

enum status json_put_row(struct json_put *p, const struct column *cols, uint32_t row, struct budget *b, struct buf *out,
                         struct error *err)
{
    size_t before = out->len;
    struct cursor to;
    if (p->n == 0)
        return json_write_row(p->writer, cols, row, b, out, err);
    if (!make_room(p, out, 0, &to))
        return refused(out, before, b, err);
    for (struct json_put_field *f = p->fields, *end = f + p->n; f < end; f++, cols++) {
        if (f->lead.len <= LEAD_STEP)
            memcpy(to.at, f->lead.ptr, LEAD_STEP);
        else
            memcpy(to.at, f->lead.ptr, f->lead.len);
        to.at += f->lead.len;
        if (column_is_null(cols, row)) {
            memcpy(to.at, "null", 4);
            to.at += 4;
            continue;
        }
        out->len = (size_t)(to.at - out->data);
        if (f->action == PUT_TEXT && (ptrdiff_t)cols->str[row].len > to.most - to.at &&
            !make_room(p, out, cols->str[row].len, &to))
            return refused(out, before, b, err);
        size_t len = put_fast(p, f, cols, row, to.at);
        to.at += len;
        if (len > 0)
            continue;
        enum status st = json_write_value(p->writer, cols, row, b, out, err);
        if (st != ST_OK || !make_room(p, out, 0, &to)) {
            out->len = before;
            return st != ST_OK ? st : format_memory(b, err);
        }
    }
    *to.at++ = '}';
    out->len = (size_t)(to.at - out->data);
    return ST_OK;
}
