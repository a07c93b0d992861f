/* Functions of text, the common ones. Positions and lengths count code points. All are strict but CONCAT_WS; results go
 * straight into the output column. */
#include "expr/expr_private.h"

#define MAX_TEXT (64u << 20)

#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight ASCII letters at once: bytes from `from` to `to` get their bit 0x20 flipped. Adding to seven-bit bytes carries
 * into the eighth bit where they reach a bound, and never further. */
static inline uint64_t flip_case(uint64_t x, char from, char to)
{
    uint64_t reach_from = x + EVERY((uint8_t)(0x80 - from)), past_to = x + EVERY((uint8_t)(0x7F - to));
    return x ^ ((reach_from ^ past_to) & EVERY(0x80)) >> 2;
}

static void flip_ascii(uint8_t *out, struct str s, char from, char to)
{
    size_t i = 0;
    for (; s.len - i >= 8; i += 8) {
        uint64_t x;
        memcpy(&x, s.ptr + i, 8);
        x = flip_case(x, from, to);
        memcpy(out + i, &x, 8);
    }
    for (; i < s.len; i++)
        out[i] = s.ptr[i] >= from && s.ptr[i] <= to ? (uint8_t)s.ptr[i] ^ 0x20 : (uint8_t)s.ptr[i];
}

static bool is_ascii(struct str s)
{
    size_t i = 0;
    uint64_t all = 0, x;
    for (; s.len - i >= 8; i += 8) {
        memcpy(&x, s.ptr + i, 8);
        all |= x;
    }
    for (; i < s.len; i++)
        all |= (uint8_t)s.ptr[i];
    return (all & EVERY(0x80)) == 0;
}

/* A text inside its view, which goes on in zeros: twelve bytes at once. false: not only ASCII. */
static inline bool flip_short(struct strview *to, const struct strview *from, char first, char last)
{
    struct strview v = *from;
    uint64_t low;
    uint32_t high;
    memcpy(&low, v.inlined, 8);
    memcpy(&high, v.inlined + 8, 4);
    if ((low | high) & EVERY(0x80))
        return false;
    low = flip_case(low, first, last);
    high = (uint32_t)flip_case(high, first, last);
    memcpy(v.inlined, &low, 8);
    memcpy(v.inlined + 8, &high, 4);
    *to = v;
    return true;
}

/* ASCII eight bytes at a time, else code point by code point. */
static enum status change_case(struct kernel *k, bool up, char from, char to)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        uint32_t buffer, offset;
        if (s.len <= 12 && flip_short(&k->out->str[r], &k->args[0].col->str[r & k->args[0].mask], from, to)) {
            if (k->out->nulls)
                k->out->nulls[r] = 0;
            continue;
        }
        if (is_ascii(s)) {
            uint8_t *out = column_str_room(k->out, s.len, &buffer, &offset);
            if (!out)
                return kernel_memory(k);
            flip_ascii(out, s, from, to);
            column_set_str_at(k->out, r, buffer, offset, s.len);
            continue;
        }
        buf_clear(k->tmp);
        for (size_t at = 0; at < s.len;) {
            char c[12];
            uint32_t cp = utf8_next(s, &at);
            size_t n = up ? text_upper(cp, c) : text_lower(s, at, cp, c);
            if (!buf_put(k->tmp, c, n))
                return kernel_memory(k);
        }
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}
static enum status upper(struct kernel *k) { return change_case(k, true, 'a', 'z'); }
static enum status lower(struct kernel *k) { return change_case(k, false, 'A', 'Z'); }

/* Words are runs of ASCII letters and digits; nothing else changes, or belongs to one. */
static enum status initcap(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        uint32_t buffer, offset;
        uint8_t *out = column_str_room(k->out, s.len, &buffer, &offset);
        bool inside = false;
        if (!out)
            return kernel_memory(k);
        for (size_t i = 0; i < s.len; i++) {
            uint8_t c = (uint8_t)s.ptr[i];
            bool letter = (uint8_t)((c | 0x20) - 'a') < 26;
            out[i] = letter ? (inside ? c | 0x20 : c & 0xDF) : c;
            inside = letter || (uint8_t)(c - '0') < 10;
        }
        column_set_str_at(k->out, r, buffer, offset, s.len);
    }
    return ST_OK;
}

static enum status concat(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        size_t n = 0;
        for (uint32_t i = 0; i < k->n_args; i++)
            n += arg_str(k, i, r).len;
        uint32_t buffer, offset;
        uint8_t *out = n <= MAX_TEXT ? column_str_room(k->out, n, &buffer, &offset) : NULL;
        if (!out)
            return kernel_memory(k);
        size_t at = 0;
        for (uint32_t i = 0; i < k->n_args; i++) {
            struct str s = arg_str(k, i, r);
            if (s.len)
                memcpy(out + at, s.ptr, s.len);
            at += s.len;
        }
        column_set_str_at(k->out, r, buffer, offset, n);
    }
    return ST_OK;
}

static enum status concat_ws(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        if (arg_null(k, 0, r)) {
            column_set_null(k->out, r);
            continue;
        }
        struct str separator = arg_str(k, 0, r);
        bool first = true;
        buf_clear(k->tmp);
        for (uint32_t i = 1; i < k->n_args; i++) {
            if (arg_null(k, i, r))
                continue;
            struct str s = arg_str(k, i, r);
            if ((!first && !buf_put(k->tmp, separator.ptr, separator.len)) || !buf_put(k->tmp, s.ptr, s.len))
                return kernel_memory(k);
            first = false;
        }
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

/* || also takes two binaries, and its result keeps their lengths: CHAR(a) || CHAR(b) is CHAR(a + b). */
static enum status resolve_concat(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    bool bytes = type_is_bytes(c->args[0]->type) || type_is_bytes(c->args[1]->type);
    TRY(resolve_types(c, bytes ? "xx=" : "ss="));
    const struct type *a = c->args[0]->type, *b = c->args[1]->type;
    bool fixed = (a->kind == TYPE_CHAR || a->kind == TYPE_BINARY) && b->kind == a->kind;
    int64_t length = (int64_t)a->precision + b->precision;
    enum type_kind kind = bytes ? (fixed ? TYPE_BINARY : TYPE_VARBINARY) : fixed ? TYPE_CHAR : TYPE_VARCHAR;
    const struct type *t = type_with_length(c->env->arena, kind,
        length > TYPE_UNBOUNDED ? TYPE_UNBOUNDED : (int32_t)length);
    c->type = call_nullable_by_args(c, t);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status substring(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        int64_t start = arg_i32(k, 1, r), length = k->n_args > 2 ? arg_i32(k, 2, r) : INT32_MAX;
        if (length < 0) {
            column_set_null(k->out, r);
            continue;
        }
        if (type_is_bytes(k->expr->type)) {
            int64_t from = start > 0 ? start - 1 : start < 0 ? (int64_t)s.len + start : 0;
            if (from < 0 || from >= (int64_t)s.len)
                from = (int64_t)s.len;
            int64_t left = (int64_t)s.len - from;
            TRY(kernel_put_str(k, r, s.ptr + from, (size_t)(left < length ? left : length)));
            continue;
        }
        size_t from = s.len;
        if (start > 0) {
            from = text_skip(s, 0, start - 1);
        } else if (start == 0) {
            from = 0;
        } else {
            int64_t points = text_points(s);
            if (points + start >= 0)
                from = text_skip(s, 0, points + start);
        }
        size_t to = length == INT32_MAX ? s.len : text_skip(s, from, length);
        TRY(kernel_put_str(k, r, s.ptr + from, to - from));
    }
    return ST_OK;
}
static enum status resolve_substring(struct call *c)
{
    if (c->n_args && type_is_bytes(c->args[0]->type))
        return resolve_types(c, "xi?i=x");
    return resolve_types(c, "si?i=s");
}

static enum status char_length(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->i32[r] = (int32_t)text_points(arg_str(k, 0, r));
    return ST_OK;
}

/* ---- trimming ---- */

static bool in_set(struct str set, struct str one)
{
    for (size_t at = 0; at < set.len;) {
        size_t next = text_skip(set, at, 1);
        if (next - at == one.len && memcmp(set.ptr + at, one.ptr, one.len) == 0)
            return true;
        at = next;
    }
    return false;
}

static struct str trim(struct str s, struct str set, bool left, bool right)
{
    while (left && s.len) {
        size_t n = text_skip(s, 0, 1);
        if (!in_set(set, str_make(s.ptr, n)))
            break;
        s = str_make(s.ptr + n, s.len - n);
    }
    while (right && s.len) {
        size_t at = s.len - 1;
        while (at > 0 && ((uint8_t)s.ptr[at] & 0xC0) == 0x80)
            at--;
        if (!in_set(set, str_make(s.ptr + at, s.len - at)))
            break;
        s.len = at;
    }
    return s;
}

static enum status trim_rows(struct kernel *k, bool left, bool right)
{
    EACH_ROW(k, r)
    {
        struct str s = trim(arg_str(k, 0, r), k->n_args > 1 ? arg_str(k, 1, r) : STR(" "), left, right);
        TRY(kernel_put_str(k, r, s.ptr, s.len));
    }
    return ST_OK;
}
static enum status btrim(struct kernel *k) { return trim_rows(k, true, true); }
static enum status ltrim(struct kernel *k) { return trim_rows(k, true, false); }
static enum status rtrim(struct kernel *k) { return trim_rows(k, false, true); }

/* TRIM(s), or [BOTH, set, s], or [BOTH, s]: becomes one of the three. */
static enum status resolve_trim(struct call *c)
{
    const char *name = "BTRIM";
    struct str word;
    uint32_t skip = 0;
    if (c->n_args > 1 && literal_str(c->args[0], &word)) {
        static const struct {
            struct str word;
            const char *name;
        } words[] = { { STR_INIT("BOTH"), "BTRIM" }, { STR_INIT("LEADING"), "LTRIM" }, { STR_INIT("TRAILING"),
            "RTRIM" } };
        for (uint32_t i = 0; i < 3; i++)
            if (str_eq_nocase(word, words[i].word)) {
                name = words[i].name;
                skip = 1;
            }
    }
    if (c->n_args < skip + 1 || c->n_args > skip + 2)
        return call_invalid(c);
    const struct expr *args[2] = { c->args[c->n_args - 1], c->args[skip] };
    if (skip == 0 && c->n_args == 2) { /* TRIM(s, set) */
        args[0] = c->args[0];
        args[1] = c->args[1];
    }
    return call_build(c, name, args, c->n_args - skip, &c->instead);
}

/* ---- pieces ---- */

static enum status left(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        TRY(kernel_put_str(k, r, s.ptr, text_skip(s, 0, arg_i32(k, 1, r))));
    }
    return ST_OK;
}
static enum status right(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        int64_t n = arg_i32(k, 1, r), points = text_points(s);
        size_t at = n <= 0 ? s.len : text_skip(s, 0, points - n);
        TRY(kernel_put_str(k, r, s.ptr + at, s.len - at));
    }
    return ST_OK;
}

static enum status pad(struct kernel *k, bool before)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), fill = arg_str(k, 2, r);
        int64_t want = arg_i32(k, 1, r), have = text_points(s);
        if (want < 0 || fill.len == 0) {
            column_set_null(k->out, r);
            continue;
        }
        if (want <= have) {
            TRY(kernel_put_str(k, r, s.ptr, text_skip(s, 0, want)));
            continue;
        }
        int64_t missing = want - have, in_fill = text_points(fill);
        if (s.len + (uint64_t)(missing / in_fill + 1) * fill.len > MAX_TEXT)
            return kernel_fail(k, "%s would make a text of more than %u bytes", before ? "LPAD" : "RPAD", MAX_TEXT);
        buf_clear(k->tmp);
        bool fits = before || buf_put(k->tmp, s.ptr, s.len);
        for (; missing >= in_fill && fits; missing -= in_fill)
            fits = buf_put(k->tmp, fill.ptr, fill.len);
        fits = fits && buf_put(k->tmp, fill.ptr, text_skip(fill, 0, missing));
        if (!fits || (before && !buf_put(k->tmp, s.ptr, s.len)))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}
static enum status lpad(struct kernel *k) { return pad(k, true); }
static enum status rpad(struct kernel *k) { return pad(k, false); }

static enum status repeat(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        int64_t n = arg_i32(k, 1, r);
        if (n > 0 && s.len > MAX_TEXT / (uint64_t)n)
            return kernel_fail(k, "REPEAT would make a text of more than %u bytes", MAX_TEXT);
        buf_clear(k->tmp);
        for (int64_t i = 0; i < n && s.len; i++)
            if (!buf_put(k->tmp, s.ptr, s.len))
                return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

static enum status reverse(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        uint32_t buffer, offset;
        uint8_t *out = column_str_room(k->out, s.len, &buffer, &offset);
        if (!out)
            return kernel_memory(k);
        for (size_t at = 0; at < s.len;) {
            size_t next = text_skip(s, at, 1);
            memcpy(out + s.len - next, s.ptr + at, next - at);
            at = next;
        }
        column_set_str_at(k->out, r, buffer, offset, s.len);
    }
    return ST_OK;
}

const struct function functions_text[] = {
    FUNCTION("UPPER", "UPPER(text)", "The text in capitals.", "UPPER('abc')", "s=s", FN_STRICT, upper),
    FUNCTION("LOWER", "LOWER(text)", "The text in small letters.", "LOWER('ABC')", "s=s", FN_STRICT, lower),
    FUNCTION("INITCAP", "INITCAP(text)", "Every word with a capital first.", "INITCAP('hello world')", "s=s",
             FN_STRICT, initcap),
    FUNCTION("CONCAT", "CONCAT(t1, t2, ...)", "The texts joined; NULL when one is NULL.", "CONCAT('a', 'b')", "s*=s",
             FN_STRICT,
             concat),
    { .name = "||", .signature = "t1 || t2", .help = "Two texts joined; NULL when one is NULL.",
          .example = "'a' || 'b'",
      .flags = FN_STRICT, .kernel = concat, .resolve = resolve_concat },
    { .name = "CONCAT_WS", .signature = "CONCAT_WS(separator, t1, t2, ...)",
      .help = "The texts that are not NULL, joined by a separator.", .example = "CONCAT_WS('-', 'a', 'b')",
      .types = "ss*=s", .kernel = concat_ws },
    { .name = "SUBSTRING", .signature = "SUBSTRING(text, start [, length])",
      .help = "A part; start counts from 1, or from the end when negative.", .example = "SUBSTRING('hello', 2, 3)",
      .flags = FN_STRICT, .resolve = resolve_substring, .kernel = substring },
    FUNCTION("CHAR_LENGTH", "CHAR_LENGTH(text)", "How many characters.", "CHAR_LENGTH('abc')", "s=i", FN_STRICT,
             char_length),
    { .name = "TRIM", .signature = "TRIM([BOTH | LEADING | TRAILING] [set] FROM text)",
      .help = "Without the characters of the set (blanks) at the ends.", .example = "TRIM(BOTH 'x' FROM 'xax')",
      .resolve = resolve_trim },
    FUNCTION("BTRIM", "BTRIM(text [, set])", "Without the characters of the set (blanks) at both ends.", "BTRIM(' a ')",
             "s?s=s", FN_STRICT, btrim),
    FUNCTION("LTRIM", "LTRIM(text [, set])", "Without the characters of the set (blanks) at the start.", "LTRIM(' a')",
             "s?s=s", FN_STRICT, ltrim),
    FUNCTION("RTRIM", "RTRIM(text [, set])", "Without the characters of the set (blanks) at the end.", "RTRIM('a ')",
             "s?s=s", FN_STRICT, rtrim),
    FUNCTION("LEFT", "LEFT(text, n)", "The first n characters.", "LEFT('hello', 2)", "si=s", FN_STRICT, left),
    FUNCTION("RIGHT", "RIGHT(text, n)", "The last n characters.", "RIGHT('hello', 2)", "si=s", FN_STRICT, right),
    FUNCTION("LPAD", "LPAD(text, length, fill)", "Filled up before, or cut; NULL for a negative length.",
             "LPAD('7', 3, '0')", "sis=s", FN_STRICT, lpad),
    FUNCTION("RPAD", "RPAD(text, length, fill)", "Filled up behind, or cut; NULL for a negative length.",
             "RPAD('7', 3, '0')", "sis=s", FN_STRICT, rpad),
    FUNCTION("REPEAT", "REPEAT(text, n)", "The text n times.", "REPEAT('ab', 2)", "si=s", FN_STRICT, repeat),
    FUNCTION("REVERSE", "REVERSE(text)", "The text backwards.", "REVERSE('abc')", "s=s", FN_STRICT, reverse),
    { .name = NULL },
};
