/* Functions of text, the rarer ones: codes, classes of characters, encodings, mapping. */
#include "expr/expr_private.h"

static enum status ascii(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        k->out->i32[r] = s.len ? (int8_t)s.ptr[0] : 0;
    }
    return ST_OK;
}

static enum status chr(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        int64_t n = arg_i64(k, 0, r);
        char out[4];
        TRY(kernel_put_str(k, r, out, n < 0 ? 0 : utf8_put((uint32_t)(n & 0xFF), out)));
    }
    return ST_OK;
}

static enum status overlay(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), with = arg_str(k, 1, r);
        int64_t start = arg_i32(k, 2, r), points = text_points(s);
        int64_t length = k->n_args > 3 ? arg_i32(k, 3, r) : text_points(with);
        if (start <= 0 || start > points) {
            TRY(kernel_put_str(k, r, s.ptr, s.len));
            continue;
        }
        buf_clear(k->tmp);
        size_t head = text_skip(s, 0, start - 1);
        bool fits = buf_put(k->tmp, s.ptr, head) && buf_put(k->tmp, with.ptr, with.len);
        if (length > 0 && start + length <= points) {
            size_t tail = text_skip(s, head, length);
            fits = fits && buf_put(k->tmp, s.ptr + tail, s.len - tail);
        }
        if (!fits)
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

/* Letters by having a case, or standing in a script without: all beyond Latin but signs. */
static bool is_letter(uint32_t c)
{
    return utf8_upper(c) != c || utf8_lower(c) != c || (c >= 0x3040 && c <= 0xD7FF) || (c >= 0x5D0 && c <= 0x1FFF);
}
static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }

static enum status all_are(struct kernel *k, bool (*is)(uint32_t))
{
    EACH_ROW(k, r)
    {
        bool all = !arg_null(k, 0, r);
        struct str s = all ? arg_str(k, 0, r) : STR("");
        all = all && s.len > 0;
        for (size_t at = 0; at < s.len && all;)
            all = is(utf8_next(s, &at));
        k->out->b[r] = all;
    }
    return ST_OK;
}
static enum status is_alpha(struct kernel *k) { return all_are(k, is_letter); }
static enum status is_digits(struct kernel *k) { return all_are(k, is_digit); }
static enum status is_decimal(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        double v;
        struct str s = arg_null(k, 0, r) ? STR("") : arg_str(k, 0, r);
        bool starts = s.len && (is_digit((uint8_t)s.ptr[0]) || s.ptr[0] == '-' || s.ptr[0] == '+' || s.ptr[0] == '.');
        k->out->b[r] = starts && str_to_f64(s, &v);
    }
    return ST_OK;
}

static enum status edge(struct kernel *k, bool (*is)(struct str, struct str))
{
    EACH_ROW(k, r)
    k->out->b[r] = is(arg_str(k, 0, r), arg_str(k, 1, r));
    return ST_OK;
}
static enum status starts_with(struct kernel *k) { return edge(k, str_starts); }
static enum status ends_with(struct kernel *k) { return edge(k, str_ends); }
static enum status resolve_edge(struct call *c)
{
    bool bytes = c->n_args && type_is_bytes(c->args[0]->type);
    return resolve_types(c, bytes ? "xx=b" : "ss=b");
}

/* NULL for `from` or `to` counts as empty for `to` only. */
static enum status translate(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        if (arg_null(k, 0, r)) {
            column_set_null(k->out, r);
            continue;
        }
        struct str s = arg_str(k, 0, r), from = arg_null(k, 1, r) ? STR("") : arg_str(k, 1, r),
                   to = arg_null(k, 2, r) ? STR("") : arg_str(k, 2, r);
        buf_clear(k->tmp);
        for (size_t at = 0; at < s.len;) {
            size_t next = text_skip(s, at, 1), f = 0, t = 0;
            struct str c = str_make(s.ptr + at, next - at);
            bool hit = false;
            while (f < from.len && !hit) {
                size_t f_next = text_skip(from, f, 1);
                hit = str_eq(c, str_make(from.ptr + f, f_next - f));
                if (hit)
                    break;
                f = f_next;
                t = text_skip(to, t, 1);
            }
            if (hit)
                c = str_make(to.ptr + t, text_skip(to, t, 1) - t);
            if (c.len && !buf_put(k->tmp, c.ptr, c.len))
                return kernel_memory(k);
            at = next;
        }
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

static enum status elt(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        int64_t n = arg_null(k, 0, r) ? 0 : arg_i64(k, 0, r);
        if (n < 1 || n >= k->n_args || arg_null(k, (uint32_t)n, r)) {
            column_set_null(k->out, r);
            continue;
        }
        struct str s = arg_str(k, (uint32_t)n, r);
        TRY(kernel_put_str(k, r, s.ptr, s.len));
    }
    return ST_OK;
}
static enum status resolve_elt(struct call *c)
{
    bool bytes = c->n_args > 1 && type_is_bytes(c->args[1]->type);
    return resolve_types(c, bytes ? "lxx*=x" : "lss*=s");
}

/* ---- encodings ---- */

static enum status to_base64(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        buf_clear(k->tmp);
        if (!base64_encode(k->tmp, s.ptr, s.len))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}
static enum status from_base64(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        if (!base64_decode(k->tmp, arg_str(k, 0, r)))
            column_set_null(k->out, r);
        else
            TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

static enum status hex_text(struct kernel *k)
{
    static const char digits[] = "0123456789ABCDEF";
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        uint32_t buffer, offset;
        uint8_t *out = column_str_room(k->out, s.len * 2, &buffer, &offset);
        if (!out)
            return kernel_memory(k);
        for (size_t i = 0; i < s.len; i++) {
            out[2 * i] = (uint8_t)digits[(uint8_t)s.ptr[i] >> 4];
            out[2 * i + 1] = (uint8_t)digits[(uint8_t)s.ptr[i] & 15];
        }
        column_set_str_at(k->out, r, buffer, offset, s.len * 2);
    }
    return ST_OK;
}

static enum status digits_of(struct kernel *k, uint32_t bits)
{
    static const char digits[] = "0123456789ABCDEF";
    EACH_ROW(k, r)
    {
        uint64_t v = (uint64_t)arg_i64(k, 0, r);
        char out[64];
        uint32_t at = 64;
        do {
            out[--at] = digits[v & ((1u << bits) - 1)];
            v >>= bits;
        } while (v);
        TRY(kernel_put_str(k, r, out + at, 64 - at));
    }
    return ST_OK;
}
static enum status hex_number(struct kernel *k) { return digits_of(k, 4); }
static enum status bin(struct kernel *k) { return digits_of(k, 1); }
static kernel_fn *hex_pick(const struct expr *e) { return type_is_integer(e->args[0]->type) ? hex_number : hex_text; }
static enum status resolve_hex(struct call *c)
{
    bool text = c->n_args && type_is_text(c->args[0]->type);
    return resolve_types(c, text ? "s=s" : "l=s");
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' &&
        c <= 'F' ? c - 'A' + 10 : -1;
}
static enum status unhex(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        buf_clear(k->tmp);
        bool valid = true;
        size_t at = 0;
        if (s.len % 2 == 1) { /* in Flink an odd first digit, whichever, is a zero byte */
            valid = hex_value(s.ptr[at++]) >= 0;
            if (valid && !buf_put_u8(k->tmp, 0))
                return kernel_memory(k);
        }
        for (; at < s.len && valid; at += 2) {
            int high = hex_value(s.ptr[at]), low = hex_value(s.ptr[at + 1]);
            valid = high >= 0 && low >= 0;
            if (valid && !buf_put_u8(k->tmp, (uint8_t)(high << 4 | low)))
                return kernel_memory(k);
        }
        if (!valid)
            column_set_null(k->out, r);
        else
            TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

static bool url_plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '*' || c == '_';
}
static enum status url_encode(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        buf_clear(k->tmp);
        for (size_t i = 0; i < s.len; i++) {
            uint8_t c = (uint8_t)s.ptr[i];
            bool fits = url_plain(c) ? buf_put_u8(k->tmp, c) : c == ' ' ? buf_put_u8(k->tmp, '+')
                                                                        : buf_printf(k->tmp, "%%%02X", c);
            if (!fits)
                return kernel_memory(k);
        }
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}
/* What is not well encoded, or is no UTF-8, is NULL. */
static enum status url_decode(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        buf_clear(k->tmp);
        bool valid = true;
        for (size_t i = 0; i < s.len && valid; i++) {
            uint8_t c = (uint8_t)s.ptr[i];
            if (c == '%') {
                int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
                int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
                valid = high >= 0 && low >= 0;
                c = (uint8_t)(high * 16 + low);
                i += 2;
            } else if (c == '+') {
                c = ' ';
            }
            if (valid && !buf_put_u8(k->tmp, c))
                return kernel_memory(k);
        }
        if (!valid || !utf8_valid(buf_str(k->tmp)))
            column_set_null(k->out, r);
        else
            TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

const struct function functions_text_more[] = {
    FUNCTION("ASCII", "ASCII(text)", "The first byte's number; 0 for an empty text.", "ASCII('a')", "s=i", FN_STRICT,
        ascii),
    FUNCTION("CHR", "CHR(n)", "The character of a number below 256.", "CHR(97)", "l=s", FN_STRICT, chr),
    FUNCTION("OVERLAY", "OVERLAY(text PLACING with FROM start [FOR length])", "A part replaced.",
             "OVERLAY('abcd' PLACING 'X' FROM 2 FOR 2)", "ssi?i=s", FN_STRICT, overlay),
    FUNCTION("IS_ALPHA", "IS_ALPHA(text)", "TRUE when all are letters.", "IS_ALPHA('abc')", "s=b", FN_NOTNULL,
             is_alpha),
    FUNCTION("IS_DIGIT", "IS_DIGIT(text)", "TRUE when all are digits.", "IS_DIGIT('123')", "s=b", FN_NOTNULL,
             is_digits),
    FUNCTION("IS_DECIMAL", "IS_DECIMAL(text)", "TRUE when it is a number.", "IS_DECIMAL('1.5')", "s=b", FN_NOTNULL,
             is_decimal),
    { .name = "STARTSWITH", .signature = "STARTSWITH(text, start)", .help = "TRUE when the text starts with it.",
      .example = "STARTSWITH('abc', 'a')", .flags = FN_STRICT, .resolve = resolve_edge, .kernel = starts_with },
    { .name = "ENDSWITH", .signature = "ENDSWITH(text, end)", .help = "TRUE when the text ends with it.",
      .example = "ENDSWITH('abc', 'c')", .flags = FN_STRICT, .resolve = resolve_edge, .kernel = ends_with },
    FUNCTION("TRANSLATE", "TRANSLATE(text, from, to)",
             "Characters replaced one by one; those without a partner dropped.",
             "TRANSLATE('abc', 'ab', '12')", "sss=s", 0, translate),
    { .name = "ELT", .signature = "ELT(index, t1, t2, ...)", .help = "The text at an index from 1; NULL when none.",
      .example = "ELT(2, 'a', 'b')", .flags = FN_NULLABLE, .resolve = resolve_elt, .kernel = elt },
    FUNCTION("TO_BASE64", "TO_BASE64(text)", "The bytes in base64.", "TO_BASE64('abc')", "t=s", FN_STRICT, to_base64),
    FUNCTION("FROM_BASE64", "FROM_BASE64(text)", "What base64 stands for; NULL when it is none.", "FROM_BASE64('YWJj')",
             "t=s", FN_STRICT | FN_NULLABLE, from_base64),
    { .name = "HEX", .signature = "HEX(number or text)", .help = "In hexadecimal digits.", .example = "HEX(255)",
      .flags = FN_STRICT, .resolve = resolve_hex, .pick = hex_pick },
    FUNCTION("UNHEX", "UNHEX(text)", "The bytes that hexadecimal digits stand for.", "UNHEX('4142')", "s=x",
             FN_STRICT | FN_NULLABLE, unhex),
    FUNCTION("BIN", "BIN(number)", "In binary digits.", "BIN(5)", "l=s", FN_STRICT, bin),
    FUNCTION("URL_ENCODE", "URL_ENCODE(text)", "As application/x-www-form-urlencoded.", "URL_ENCODE('a b')", "s=s",
        FN_STRICT,
         url_encode),
    FUNCTION("URL_DECODE", "URL_DECODE(text)", "Decoded from application/x-www-form-urlencoded; NULL when it is wrong.",
             "URL_DECODE('a+b')", "s=s", FN_STRICT | FN_NULLABLE, url_decode),
    { .name = NULL },
};
