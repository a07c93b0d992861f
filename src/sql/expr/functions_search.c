/* Functions that search in text. Positions count code points. All are strict but COUNT_CHAR; results go straight into
 * the output column. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "expr/expr_private.h"

static enum status replace(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), find = arg_str(k, 1, r), with = arg_str(k, 2, r);
        buf_clear(k->tmp);
        bool fits = true;
        size_t at = 0;
        if (find.len == 0) { /* as Java: between all characters */
            while (at < s.len && fits) {
                size_t next = text_skip(s, at, 1);
                fits = buf_put(k->tmp, with.ptr, with.len) && buf_put(k->tmp, s.ptr + at, next - at);
                at = next;
            }
            fits = fits && buf_put(k->tmp, with.ptr, with.len);
        }
        for (int64_t hit; find.len && fits && (hit = str_find(s, find, at)) >= 0; at = (size_t)hit + find.len)
            fits = buf_put(k->tmp, s.ptr + at, (size_t)hit - at) && buf_put(k->tmp, with.ptr, with.len);
        if (!fits || (at < s.len && !buf_put(k->tmp, s.ptr + at, s.len - at)))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

/* The code point's number (from 1) of the first `find` at or after `from`; 0: none. */
static int32_t position_of(struct str s, struct str find, int64_t from)
{
    if (find.len == 0) /* wherever one looks */
        return 1;
    if (from < 1)
        from = 1;
    size_t at = text_skip(s, 0, from - 1);
    if (at == s.len)
        return 0;
    int64_t hit = str_find(s, find, at);
    return hit < 0 ? 0 : (int32_t)text_points(str_make(s.ptr, (size_t)hit)) + 1;
}

static enum status position(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->i32[r] = position_of(arg_str(k, 1, r), arg_str(k, 0, r), k->n_args > 2 ? arg_i32(k, 2, r) : 1);
    return ST_OK;
}

static int32_t instr_forward(struct str s, struct str find, int64_t start, int64_t nth)
{
    int32_t at = 0;
    for (; nth > 0; nth--) {
        at = position_of(s, find, start);
        if (!at || find.len == 0)
            return at;
        start = at + 1;
    }
    return at;
}

/* From behind: the nth occurrence that ends at or before the start counted from the end. */
static int32_t instr_backward(struct str s, struct str find, int64_t start, int64_t nth)
{
    int64_t last = text_points(s) - start - text_points(find) + 2; /* first place tried */
    for (int64_t p = last; p >= 1; p--) {
        size_t at = text_skip(s, 0, p - 1);
        if (str_starts(str_make(s.ptr + at, s.len - at), find) && --nth == 0)
            return (int32_t)p;
    }
    return 0;
}

static enum status instr(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        int64_t start = k->n_args > 2 ? arg_i32(k, 2, r) : 1, nth = k->n_args > 3 ? arg_i32(k, 3, r) : 1;
        if (nth <= 0)
            return kernel_fail(k, "INSTR wants a positive number of the occurrence, not %lld", (long long)nth);
        struct str s = arg_str(k, 0, r), find = arg_str(k, 1, r);
        k->out->i32[r] = start == 0  ? 0
                         : start > 0 ? instr_forward(s, find, start, nth)
                                     : instr_backward(s, find, -start, nth);
    }
    return ST_OK;
}

/* ---- SPLIT_INDEX ---- */

/* As str_find; a separator of one byte by the C library's quick search. */
static int64_t find_separator(struct str s, struct str separator, size_t at)
{
    if (separator.len != 1)
        return str_find(s, separator, at);
    const char *hit = at < s.len ? memchr(s.ptr + at, separator.ptr[0], s.len - at) : NULL;
    return hit ? hit - s.ptr : -1;
}

/* Bit i: p[i] is the byte; for n <= 16 bytes that stand in a text with `before` bytes before them. */
static inline uint32_t byte_hits(const char *p, size_t n, size_t before, char byte)
{
    uint32_t hits = 0;
#ifdef __SSE2__
    if (n >= 16 || before + n >= 16) {
        size_t back = n < 16 ? 16 - n : 0; /* the text's last 16 bytes, so that nothing behind it is read */
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p - back));
        return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(byte))) >> back;
    }
#endif
    (void)before;
    for (size_t i = 0; i < n && i < 16; i++)
        hits |= (uint32_t)(p[i] == byte) << i;
    return hits;
}

/* Bit i: s.ptr[i] is the byte, for the first 64 of at least 16 bytes. Pieces that would read past the text begin
 * earlier, so that there is no branch on its length. */
static inline uint64_t first_hits(struct str s, char byte)
{
    uint64_t hits = 0;
    for (size_t i = 0; i < 64; i += 16) {
        size_t at = i < s.len - 16 ? i : s.len - 16;
        hits |= (uint64_t)byte_hits(s.ptr + at, 16, at, byte) << at;
    }
    return hits;
}

/* The part behind separator number `index` - 1 and before the next; its pointer is NULL when there are fewer. */
static struct str part_of(struct str s, char separator, int64_t index)
{
    size_t from = 0;
    if (s.len >= 16 && index < 64) {
        uint64_t hits = first_hits(s, separator), before = 0;
        for (int64_t i = 0; i < index; i++) {
            before = hits;
            hits &= hits - 1;
        }
        if (hits) {
            from = index ? (size_t)__builtin_ctzll(before) + 1 : 0;
            return str_make(s.ptr + from, (size_t)__builtin_ctzll(hits) - from);
        }
    }
    for (size_t at = 0; at < s.len; at += 16) {
        for (uint32_t hits = byte_hits(s.ptr + at, s.len - at, at, separator); hits; hits &= hits - 1, index--) {
            size_t hit = at + (size_t)__builtin_ctz(hits);
            if (index == 0)
                return str_make(s.ptr + from, hit - from);
            from = hit + 1;
        }
    }
    return index == 0 ? str_make(s.ptr + from, s.len - from) : (struct str){ NULL, 0 };
}

/* A part of s as the row's text: a short one by twelve bytes at once where s goes on that far. */
static inline enum status put_part(struct kernel *k, uint32_t r, struct str s, struct str part)
{
    if (part.len > 12 || s.ptr + s.len - part.ptr < 12)
        return kernel_put_str(k, r, part.ptr, part.len);
    static const uint8_t masks[24] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    uint64_t low, keep_low;
    uint32_t high, keep_high;
    memcpy(&low, part.ptr, 8);
    memcpy(&high, part.ptr + 8, 4);
    memcpy(&keep_low, masks + 12 - part.len, 8);
    memcpy(&keep_high, masks + 20 - part.len, 4);
    low &= keep_low;
    high &= keep_high;
    struct strview *v = &k->out->str[r];
    v->len = (uint32_t)part.len;
    memcpy(v->inlined, &low, 8);
    memcpy(v->inlined + 8, &high, 4);
    if (k->out->nulls)
        k->out->nulls[r] = 0;
    return ST_OK;
}

/* The usual case: a constant separator of one byte. */
static enum status split_index_byte(struct kernel *k, char separator)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        int64_t index = arg_i32(k, 2, r);
        struct str part = index >= 0 && s.len ? part_of(s, separator, index) : (struct str){ NULL, 0 };
        if (part.ptr)
            TRY(put_part(k, r, s, part));
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}

static enum status split_index(struct kernel *k)
{
    bool by_code = type_is_integer(k->expr->args[1]->type);
    if (!by_code && arg_is_constant(k, 1) && arg_str(k, 1, 0).len == 1)
        return split_index_byte(k, arg_str(k, 1, 0).ptr[0]);
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), separator;
        int64_t index = arg_i32(k, 2, r);
        char code[4];
        if (by_code) {
            int32_t c = arg_i32(k, 1, r);
            separator = str_make(code, c > 0 && c <= 255 ? utf8_put((uint32_t)c, code) : 0);
            if (separator.len == 0)
                index = -1;
        } else {
            separator = arg_str(k, 1, r);
        }
        if (separator.len == 0)
            separator = STR(" ");
        bool found = index >= 0 && s.len > 0;
        size_t at = 0;
        for (; found && index > 0; index--) {
            int64_t hit = find_separator(s, separator, at);
            found = hit >= 0;
            at = (size_t)hit + separator.len;
        }
        if (!found) {
            column_set_null(k->out, r);
            continue;
        }
        int64_t end = find_separator(s, separator, at);
        TRY(kernel_put_str(k, r, s.ptr + at, (end < 0 ? s.len : (size_t)end) - at));
    }
    return ST_OK;
}

static enum status resolve_split_index(struct call *c)
{
    bool by_code = c->n_args > 1 && type_is_integer(c->args[1]->type);
    return resolve_types(c, by_code ? "sii=s" : "ssi=s");
}

/* Nexmark's CountChar: how often the first character of the second stands in the first; 0 for NULL. */
static enum status count_char(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        int64_t n = 0;
        if (!arg_null(k, 0, r) && !arg_null(k, 1, r)) {
            struct str s = arg_str(k, 0, r), c = arg_str(k, 1, r);
            c.len = text_skip(c, 0, 1);
            if (c.len == 1)
                for (size_t i = 0; i < s.len; i++)
                    n += s.ptr[i] == c.ptr[0];
            else if (c.len)
                for (int64_t at = 0; (at = str_find(s, c, (size_t)at)) >= 0; at += (int64_t)c.len)
                    n++;
        }
        k->out->i64[r] = n;
    }
    return ST_OK;
}

const struct function functions_search[] = {
    FUNCTION("REPLACE", "REPLACE(text, find, with)", "Every occurrence replaced.", "REPLACE('hello', 'l', 'L')",
             "sss=s", FN_STRICT,
             replace),
    FUNCTION("POSITION", "POSITION(find IN text [FROM start])", "Where it first stands, from 1; 0: nowhere.",
             "POSITION('b' IN 'abc')", "ss?i=i", FN_STRICT, position),
    FUNCTION("LOCATE", "LOCATE(find, text [, start])", "Where it first stands from a place on; 0: nowhere.",
             "LOCATE('b', 'abc')", "ss?i=i", FN_STRICT, position),
    FUNCTION("INSTR", "INSTR(text, find [, start [, nth]])",
             "Where its nth occurrence stands; from the end if start < 0.",
             "INSTR('abcb', 'b', 1, 2)", "ss?ii=i", FN_STRICT, instr),
    { .name = "SPLIT_INDEX", .signature = "SPLIT_INDEX(text, separator, index)",
      .help = "The piece at an index from 0; NULL when there is none.", .example = "SPLIT_INDEX('a/b', '/', 1)",
      .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_split_index, .kernel = split_index },
    { .name = "COUNT_CHAR", .signature = "COUNT_CHAR(text, character)", .help = "How often the character stands in it.",
      .example = "COUNT_CHAR('banana', 'a')", .types = "ss=l", .flags = FN_NOTNULL, .kernel = count_char },
    { .name = NULL },
};
