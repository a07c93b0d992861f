/* JSON in one form: what a VARIANT is kept as, and still JSON.
 *
 * No white space; members sorted by name as Java compares text, each name once; strings with the escapes that are
 * needed and no others; numbers so that their text tells their kind, which is that of Flink's PARSE_JSON:
 *     digits, perhaps with a point   an integer, or a decimal of at most 38 digits before and after: no zeros behind, no -0
 *     with an 'E'                    a DOUBLE: what has an exponent, or more digits than a decimal holds
 * So equal decimals are equal text, and a value that was read once is never checked again.
 *
 * One pass: a value is written behind what stands there already. Of an object's members the places in the output are
 * kept on a stack; only when their names do not come in order, the members are sorted and written anew. Recursion goes as
 * deep as JSON_DEPTH. */
#include <stdlib.h>

#include "text/text.h"

struct member {
    struct str name; /* plain: in the text read, or in the arena */
    size_t from, to; /* in the output */
};

struct writer {
    struct json_canon *c;
    struct buf *out;
    struct json *j;
    size_t start; /* of the whole value in `out` */
    bool last_wins;
};

static bool refused(struct writer *w)
{
    w->c->memory = true;
    return false;
}

static bool put(struct writer *w, const char *p, size_t n)
{
    if (w->out->len - w->start + n > JSON_CANON_MAX)
        return json_fail(w->j, w->j->at, "more than 16 MiB");
    return buf_put(w->out, p, n) || refused(w);
}

/* ---- numbers ---- */

static size_t digits_at(struct str s, size_t from)
{
    size_t n = 0;
    while (from + n < s.len && (uint8_t)(s.ptr[from + n] - '0') <= 9)
        n++;
    return n;
}

/* As it is written, with a large E and no plus; one is added where there is none. */
static bool put_double(struct writer *w, const char *at, struct str raw)
{
    double v;
    if (!text_to_f64(raw, &v) || v - v != 0)
        return json_fail(w->j, at, "a number beyond the range of DOUBLE");
    size_t e = 0;
    while (e < raw.len && (raw.ptr[e] | 0x20) != 'e')
        e++;
    size_t rest = e + 1 < raw.len && raw.ptr[e + 1] == '+' ? e + 2 : e + 1;
    if (!put(w, raw.ptr, e) || !put(w, "E", 1))
        return false;
    return e == raw.len ? put(w, "0", 1) : put(w, raw.ptr + rest, raw.len - rest);
}

static bool put_number(struct writer *w)
{
    struct str raw;
    bool integer;
    const char *at = w->j->at;
    if (!json_number(w->j, &raw, &integer))
        return false;
    size_t sign = raw.ptr[0] == '-', whole = digits_at(raw, sign), scale = 0;
    if (sign + whole < raw.len && raw.ptr[sign + whole] == '.')
        scale = digits_at(raw, sign + whole + 1);
    size_t end = sign + whole + (scale ? scale + 1 : 0);
    bool zero = raw.ptr[sign] == '0'; /* before the point */
    size_t leading = 0;               /* zeros before the first digit that counts */
    while (zero && leading < scale && raw.ptr[sign + 2 + leading] == '0')
        leading++;
    if (end < raw.len || scale > 38 || (zero ? scale - leading : whole + scale) > 38)
        return put_double(w, at, raw);
    while (scale && raw.ptr[end - 1] == '0')
        end--, scale--;
    if (end == sign + whole + 1) /* the point has nothing behind it any more */
        end--;
    if (zero && end == sign + 1) /* -0 */
        return put(w, "0", 1);
    return put(w, raw.ptr, end);
}

/* ---- strings ---- */

/* `plain`, when wanted: the text that it stands for. */
static bool put_string(struct writer *w, struct str raw, bool escaped, struct str *plain)
{
    if (plain)
        *plain = raw;
    if (!escaped)
        return put(w, raw.ptr - 1, raw.len + 2);
    char *text = arena_alloc(&w->c->arena, raw.len);
    if (!text)
        return refused(w);
    struct str s = str_make(text, json_unescape(raw, text));
    if (plain)
        *plain = s;
    if (w->out->len - w->start + raw.len > JSON_CANON_MAX)
        return json_fail(w->j, w->j->at, "more than 16 MiB");
    return json_put_string(w->out, s) || refused(w);
}

/* ---- containers ---- */

static bool put_value(struct writer *w);

static int by_name(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = json_text_compare(x->name, y->name);
    return order ? order : x->from < y->from ? -1 : 1;
}

/* The members from `base` on, which begin at `start` of the output, sorted, each name once. */
static bool sort_members(struct writer *w, size_t base, size_t start, const char *at)
{
    struct member *m = (struct member *)(void *)w->c->members.data + base;
    size_t n = w->c->members.len / sizeof *m - base, kept = 0;
    qsort(m, n, sizeof *m, by_name);
    for (size_t i = 0; i < n; i++) {
        if (kept && str_eq(m[kept - 1].name, m[i].name)) {
            if (!w->last_wins)
                return json_fail(w->j, at, "an object has a name twice");
            kept--;
        }
        m[kept++] = m[i];
    }
    buf_clear(&w->c->spare);
    for (size_t i = 0; i < kept; i++)
        if ((i && !buf_put_u8(&w->c->spare, ',')) ||
            !buf_put(&w->c->spare, w->out->data + m[i].from, m[i].to - m[i].from))
            return refused(w);
    memcpy(w->out->data + start, w->c->spare.data, w->c->spare.len);
    w->out->len = start + w->c->spare.len;
    return true;
}

static bool put_object(struct writer *w)
{
    struct buf *members = &w->c->members;
    size_t base = members->len / sizeof(struct member), start = w->out->len + 1;
    const char *at = w->j->at;
    struct str raw;
    struct member m = { 0 }, before = { 0 };
    bool escaped, ordered = true, first = true;
    if (!json_enter(w->j) || !put(w, "{", 1))
        return false;
    for (; json_member(w->j, &raw, &escaped); first = false, before = m) {
        if (!first && !put(w, ",", 1))
            return false;
        m.from = w->out->len;
        if (!put_string(w, raw, escaped, &m.name) || !put(w, ":", 1) || !put_value(w))
            return false;
        m.to = w->out->len;
        ordered = ordered && (first || json_text_compare(before.name, m.name) < 0);
        if (!buf_put(members, &m, sizeof m))
            return refused(w);
    }
    if (w->j->fault || (!ordered && !sort_members(w, base, start, at)))
        return false;
    members->len = base * sizeof m;
    return put(w, "}", 1);
}

static bool put_array(struct writer *w)
{
    if (!json_enter(w->j) || !put(w, "[", 1))
        return false;
    for (bool first = true; json_element(w->j); first = false)
        if ((!first && !put(w, ",", 1)) || !put_value(w))
            return false;
    return !w->j->fault && put(w, "]", 1);
}

static bool put_value(struct writer *w)
{
    struct str raw;
    bool escaped;
    enum json_kind kind = json_peek(w->j);
    const char *at = w->j->at;
    switch (kind) {
    case JSON_OBJECT:
        return put_object(w);
    case JSON_ARRAY:
        return put_array(w);
    case JSON_NUMBER:
        return put_number(w);
    case JSON_STRING:
        return json_string(w->j, &raw, &escaped) && put_string(w, raw, escaped, NULL);
    case JSON_END:
        return json_fail(w->j, at, "a value is expected");
    default:
        return json_literal(w->j, kind) && put(w, at, (size_t)(w->j->at - at));
    }
}

void json_canon_init(struct json_canon *c, struct budget *b)
{
    *c = (struct json_canon){ 0 };
    arena_init(&c->arena, b);
    buf_init(&c->members, b, JSON_CANON_MAX * (sizeof(struct member) / 4)); /* a member has four bytes at least */
    buf_init(&c->spare, b, JSON_CANON_MAX);
}

void json_canon_release(struct json_canon *c)
{
    arena_release(&c->arena);
    buf_release(&c->members);
    buf_release(&c->spare);
}

bool json_canonical(struct json_canon *c, struct buf *out, struct json *j, bool last_wins)
{
    struct writer w = { .c = c, .out = out, .j = j, .start = out->len, .last_wins = last_wins };
    c->memory = false;
    buf_clear(&c->members);
    bool ok = put_value(&w);
    if (!ok)
        out->len = w.start;
    arena_reset(&c->arena);
    return ok;
}
