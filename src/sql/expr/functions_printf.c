/* PRINTF: java.util.Formatter with Locale.US.
 *
 *     % [index$ | <] [flags - # + blank 0 , (] [width] [.precision] conversion
 *
 * What Java throws for — an unknown conversion, flags that do not go together, a missing argument, an argument of
 * another kind — makes the whole result NULL, as in Flink. Arguments are what they are inside Flink: a DATE is a number
 * of days, a TIME milliseconds, a DECIMAL a thing of its own that only %s and %b take. Floating numbers are rounded half
 * up from their shortest decimal text, not from their bits: %.1f of 0.25 is 0.3. %h, %a and %t are refused by name: the
 * first two show insides of Java, the last its calendar. */
#include <ctype.h>
#include <math.h>

#include "expr/expr_private.h"

#define MAX_WIDTH 1000000
#define MAX_PLACES 400

struct spec {
    uint32_t arg; /* of PRINTF's own arguments, 1 the first; 0: none */
    bool left, alternate, plus, blank, zero, group, parens;
    int32_t width, precision; /* −1: none */
    char conversion;          /* lower case */
    bool upper;
};

struct printf_run {
    struct kernel *k;
    uint32_t row;
    struct str format;
    size_t at;
    uint32_t next, last; /* arguments: the next ordinary one, the one used last */
    struct buf piece;    /* of one conversion */
};

static bool take_number(struct printf_run *p, int32_t *ret)
{
    int64_t v = 0;
    size_t from = p->at;
    for (; p->at < p->format.len && isdigit((unsigned char)p->format.ptr[p->at]); p->at++)
        v = v < INT32_MAX ? v * 10 + (p->format.ptr[p->at] - '0') : v;
    *ret = v > INT32_MAX ? INT32_MAX : (int32_t)v;
    return p->at > from;
}

static bool take_flag(struct spec *s, char c)
{
    bool *flag = c == '-'   ? &s->left
                 : c == '#' ? &s->alternate
                 : c == '+' ? &s->plus
                 : c == ' ' ? &s->blank
                 : c == '0' ? &s->zero
                 : c == ',' ? &s->group
                 : c == '(' ? &s->parens
                            : NULL;
    if (!flag || *flag) /* a flag twice is an error: then it is read as what follows, which it cannot be */
        return false;
    return *flag = true;
}

/* Behind the '%'. false: Java throws. */
static bool take_spec(struct printf_run *p, struct spec *s)
{
    size_t from = p->at;
    int32_t index = -1;
    bool relative = false;
    *s = (struct spec){ .width = -1, .precision = -1 };
    if (p->at < p->format.len && p->format.ptr[p->at] == '<') {
        relative = true;
        p->at++;
    } else if (!take_number(p, &index) || p->at == p->format.len || p->format.ptr[p->at] != '$') {
        p->at = from;
        index = -1;
    } else {
        p->at++;
    }
    while (p->at < p->format.len && take_flag(s, p->format.ptr[p->at]))
        p->at++;
    (void)take_number(p, &s->width);
    if (s->width == 0)
        s->width = -1;
    if (p->at < p->format.len && p->format.ptr[p->at] == '.') {
        p->at++;
        if (!take_number(p, &s->precision))
            return false;
    }
    if (p->at == p->format.len)
        return false;
    char c = p->format.ptr[p->at++];
    s->upper = c >= 'A' && c <= 'Z';
    s->conversion = (char)tolower((unsigned char)c);
    if (!strchr("bhscdoxefgat%n", s->conversion) || !s->conversion || (s->upper && strchr("dofn", s->conversion)))
        return false;
    if (s->conversion == '%' || s->conversion == 'n')
        return true;
    s->arg = relative ? p->last : index > 0 ? (uint32_t)index : ++p->next;
    p->last = s->arg;
    return s->arg != 0 && s->arg < p->k->n_args;
}

/* Which flags a conversion takes, and that they go together. */
static bool flags_fit(const struct spec *s)
{
    bool sized = s->width > 0;
    if ((s->left && (s->zero || !sized)) || (s->zero && !sized) || (s->plus && s->blank))
        return false;
    bool any_number = s->plus || s->blank || s->zero || s->group || s->parens;
    switch (s->conversion) {
    case 's':
    case 'b':
    case 'c':
        return !any_number && !s->alternate && (s->conversion != 'c' || s->precision < 0);
    case '%':
        return !any_number && !s->alternate && s->precision < 0;
    case 'n':
        return !any_number && !s->alternate && !s->left && !sized && s->precision < 0;
    case 'd':
        return !s->alternate && s->precision < 0;
    case 'o':
    case 'x':
        return !s->plus && !s->blank && !s->group && !s->parens && s->precision < 0;
    case 'e':
        return !s->group;
    case 'g':
        return !s->alternate;
    default:
        return true;
    }
}

/* ---- integers ---- */

/* The magnitude's digits, grouped by threes when wanted. */
static bool put_grouped(struct buf *out, const char *digits, size_t n, bool group)
{
    for (size_t i = 0; i < n; i++)
        if ((group && i && (n - i) % 3 == 0 && !buf_put_u8(out, ',')) || !buf_put_u8(out, (uint8_t)digits[i]))
            return false;
    return true;
}

/* Sign, zeros up to the width, digits. `body` holds the digits. */
static bool put_signed(struct buf *out, const struct spec *s, bool negative, struct str body, bool zeros)
{
    bool closing = negative && s->parens;
    size_t sign = negative || s->plus || s->blank ? 1 : 0;
    size_t width = zeros && s->zero && s->width > 0 ? (size_t)s->width : 0;
    if (sign && !buf_put_u8(out, (uint8_t)(negative ? (closing ? '(' : '-') : s->plus ? '+' : ' ')))
        return false;
    for (size_t i = body.len + sign + closing; i < width; i++)
        if (!buf_put_u8(out, '0'))
            return false;
    return buf_put(out, body.ptr, body.len) && (!closing || buf_put_u8(out, ')'));
}

static bool put_decimal_integer(struct buf *out, const struct spec *s, int64_t v, struct buf *tmp)
{
    char digits[24];
    size_t n = i64_print(v, digits), from = v < 0;
    buf_clear(tmp);
    return put_grouped(tmp, digits + from, n - from, s->group) && put_signed(out, s, v < 0, buf_str(tmp), true);
}

static bool put_radix(struct buf *out, const struct spec *s, enum type_kind kind, int64_t v)
{
    uint64_t bits = (uint64_t)v;
    if (kind == TYPE_TINYINT)
        bits &= 0xff;
    else if (kind == TYPE_SMALLINT)
        bits &= 0xffff;
    else if (kind != TYPE_BIGINT && kind != TYPE_INTERVAL_DAY)
        bits &= 0xffffffff;
    char digits[32];
    size_t at = sizeof digits;
    uint32_t shift = s->conversion == 'x' ? 4 : 3;
    do {
        digits[--at] = "0123456789abcdef"[bits & ((1u << shift) - 1)];
        bits >>= shift;
    } while (bits);
    size_t n = sizeof digits - at, head = s->alternate ? (shift == 4 ? 2 : 1) : 0;
    if (!buf_put(out, "0x", head))
        return false;
    for (size_t i = n + head; s->zero && i < (size_t)s->width; i++)
        if (!buf_put_u8(out, '0'))
            return false;
    return buf_put(out, digits + at, n);
}

/* ---- floating numbers: digits d1 d2 … times 10^exponent, value 0.d1d2… × 10^exponent ---- */

struct digits {
    char d[MAX_PLACES + 40];
    int n, exponent;
};

static void digits_of(double v, struct digits *ret)
{
    char text[32];
    size_t len = f64_print(v, text);
    int point = -1, exponent = 0;
    ret->n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == 'E') {
            for (size_t k = i + 1 + (text[i + 1] == '-'); k < len; k++)
                exponent = exponent * 10 + (text[k] - '0');
            exponent = text[i + 1] == '-' ? -exponent : exponent;
            break;
        }
        if (text[i] == '.')
            point = ret->n;
        else if (isdigit((unsigned char)text[i]))
            ret->d[ret->n++] = text[i];
    }
    ret->exponent = (point < 0 ? ret->n : point) + exponent;
    int zeros = 0;
    while (zeros < ret->n && ret->d[zeros] == '0')
        zeros++;
    memmove(ret->d, ret->d + zeros, (size_t)(ret->n - zeros));
    ret->n -= zeros;
    ret->exponent -= zeros;
    if (ret->n == 0)
        ret->exponent = 1; /* zero is 0.0 × 10^1 */
}

/* Keeps `keep` digits (may be <= 0), half up. */
static void round_digits(struct digits *x, int keep)
{
    if (keep >= x->n)
        return;
    bool up = keep >= 0 && x->d[keep] >= '5';
    x->n = keep > 0 ? keep : 0;
    for (int i = x->n - 1; up && i >= 0; i--) {
        up = x->d[i] == '9';
        x->d[i] = up ? '0' : (char)(x->d[i] + 1);
    }
    if (up) {
        memmove(x->d + 1, x->d, (size_t)x->n);
        x->d[0] = '1';
        x->n++;
        x->exponent++;
    }
}
static char digit_at(const struct digits *x, int i) { return i >= 0 && i < x->n ? x->d[i] : '0'; }

/* Rounded already to `places` behind the point. */
static bool put_fixed(struct buf *out, const struct digits *x, int places, bool group, bool alternate)
{
    int whole = x->exponent > 0 ? x->exponent : 0;
    if (whole == 0 && !buf_put_u8(out, '0'))
        return false;
    for (int i = 0; i < whole; i++)
        if ((group && i && (whole - i) % 3 == 0 && !buf_put_u8(out, ',')) || !buf_put_u8(out, (uint8_t)digit_at(x, i)))
            return false;
    if ((places > 0 || alternate) && !buf_put_u8(out, '.'))
        return false;
    for (int i = 0; i < places; i++)
        if (!buf_put_u8(out, (uint8_t)digit_at(x, x->exponent + i)))
            return false;
    return true;
}

static bool put_scientific(struct buf *out, struct digits *x, int places, bool alternate)
{
    round_digits(x, places + 1);
    if (!buf_put_u8(out, (uint8_t)digit_at(x, 0)) || ((places > 0 || alternate) && !buf_put_u8(out, '.')))
        return false;
    for (int i = 1; i <= places; i++)
        if (!buf_put_u8(out, (uint8_t)digit_at(x, i)))
            return false;
    int exponent = x->n ? x->exponent - 1 : 0;
    return buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
}

static bool put_floating(struct buf *out, const struct spec *s, double v, struct buf *tmp)
{
    bool negative = signbit(v) && !isnan(v);
    buf_clear(tmp);
    if (!isfinite(v)) {
        struct spec plain = *s;
        plain.plus = s->plus && !isnan(v);
        plain.blank = s->blank && !isnan(v);
        return put_signed(out, &plain, negative, isnan(v) ? STR("NaN") : STR("Infinity"), false);
    }
    struct digits x;
    digits_of(fabs(v), &x);
    int places = s->precision < 0 ? 6 : s->precision;
    bool fits;
    if (s->conversion == 'e') {
        fits = put_scientific(tmp, &x, places, s->alternate);
    } else if (s->conversion == 'f') {
        round_digits(&x, x.exponent + places);
        fits = put_fixed(tmp, &x, places, s->group, s->alternate);
    } else {
        places = places == 0 ? 1 : places;
        struct digits y = x;
        round_digits(&y, places);
        if (y.n == 0 || (y.exponent >= -3 && y.exponent <= places))
            fits = put_fixed(tmp, &y, y.n ? places - y.exponent : places - 1, s->group, false);
        else
            fits = put_scientific(tmp, &x, places - 1, false);
    }
    return fits && put_signed(out, s, negative, buf_str(tmp), true);
}

/* ---- the rest ---- */

/* A timestamp as java.time.LocalDateTime prints itself: seconds only when there are some, fractions by threes. */
static bool put_timestamp(struct buf *out, const struct type *t, int64_t v)
{
    char text[48];
    size_t n = timestamp_print(v, 9 < t->precision ? 9 : t->precision, text);
    char *point = memchr(text, '.', n);
    if (point) {
        size_t places = n - (size_t)(point - text) - 1;
        while (places > 0 && text[n - 1] == '0') {
            n--;
            places--;
        }
        n -= places == 0;
        for (; places % 3 != 0; places++)
            text[n++] = '0';
    }
    if (n >= 19 && n - 3 < n && !memchr(text, '.', n) && memcmp(text + n - 3, ":00", 3) == 0)
        n -= 3;
    for (size_t i = 0; i < n; i++)
        text[i] = text[i] == ' ' ? 'T' : text[i];
    return buf_put(out, text, n);
}

static bool put_text(struct buf *out, const struct column *c, uint32_t row)
{
    char text[32];
    switch (c->type->kind) {
    case TYPE_BOOLEAN:
        return buf_put(out, c->b[row] ? "true" : "false", c->b[row] ? 4 : 5);
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_INTERVAL_MONTH:
        return buf_put(out, text, i64_print(c->i32[row], text));
    case TYPE_INTERVAL_DAY:
        return buf_put(out, text, i64_print(c->i64[row], text));
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return put_timestamp(out, c->type, c->i64[row]);
    default:
        return value_print(out, c, row, NULL);
    }
}

static bool integer_of(const struct column *c, uint32_t row, int64_t *ret)
{
    enum type_kind kind = c->type->kind;
    if (kind == TYPE_BIGINT || kind == TYPE_INTERVAL_DAY)
        *ret = c->i64[row];
    else if (type_is_integer(c->type) || kind == TYPE_DATE || kind == TYPE_TIME || kind == TYPE_INTERVAL_MONTH)
        *ret = c->i32[row];
    else
        return false;
    return true;
}

/* The first `precision` characters, upper case when wanted, padded to the width. */
static bool put_padded(struct buf *out, const struct spec *s, struct str text)
{
    size_t points = s->width > 0 ? utf8_length(text) : 0;
    size_t pad = s->width > 0 && (size_t)s->width > points ? (size_t)s->width - points : 0;
    for (size_t i = 0; i < pad && !s->left; i++)
        if (!buf_put_u8(out, ' '))
            return false;
    if (!s->upper && !buf_put(out, text.ptr, text.len))
        return false;
    for (size_t at = 0; s->upper && at < text.len;) {
        char one[12];
        if (!buf_put(out, one, text_upper(utf8_next(text, &at), one)))
            return false;
    }
    for (size_t i = 0; i < pad && s->left; i++)
        if (!buf_put_u8(out, ' '))
            return false;
    return true;
}

static struct str cut_points(struct str s, int32_t points)
{
    size_t at = 0;
    while (points-- > 0 && at < s.len)
        (void)utf8_next(s, &at);
    return str_make(s.ptr, at);
}

enum made { MADE, WRONG, REFUSED };

static enum made convert(struct printf_run *p, const struct spec *s, struct buf *tmp)
{
    const struct arg *a = s->arg ? &p->k->args[s->arg] : NULL;
    const struct column *c = a ? a->col : NULL;
    uint32_t row = a ? p->row & a->mask : 0;
    bool null = a && (column_is_null(c, row) || c->type->kind == TYPE_NULL), fits = true;
    int64_t v = 0;
    if (s->conversion == '%')
        return put_padded(&p->piece, s, STR("%")) ? MADE : REFUSED;
    if (s->conversion == 'n')
        return buf_put_u8(&p->piece, '\n') ? MADE : REFUSED;
    buf_clear(tmp);
    if (s->conversion == 'b') {
        bool yes = !null && (c->type->kind != TYPE_BOOLEAN || c->b[row]);
        fits = buf_put(tmp, yes ? "true" : "false", yes ? 4 : 5);
    } else if (null) {
        fits = buf_put(tmp, "null", 4);
    } else if (s->conversion == 's') {
        fits = put_text(tmp, c, row);
    } else if (s->conversion == 'c') {
        char one[4];
        if (!integer_of(c, row, &v) || c->type->kind == TYPE_BIGINT || v < 0 || v > 0x10ffff)
            return WRONG;
        fits = buf_put(tmp, one, utf8_put((uint32_t)v, one));
    } else {
        bool floating = c->type->kind == TYPE_DOUBLE || c->type->kind == TYPE_FLOAT;
        bool wants = strchr("efg", s->conversion) != NULL;
        if (wants ? !floating : !integer_of(c, row, &v))
            return WRONG;
        struct buf body;
        buf_init(&body, p->k->budget, 4 * MAX_WIDTH);
        if (wants)
            fits = put_floating(&body, s, c->type->kind == TYPE_FLOAT ? (double)c->f32[row] : c->f64[row], tmp);
        else if (s->conversion == 'd')
            fits = put_decimal_integer(&body, s, v, tmp);
        else
            fits = put_radix(&body, s, c->type->kind, v);
        fits = fits && put_padded(&p->piece, s, buf_str(&body));
        buf_release(&body);
        return fits ? MADE : REFUSED;
    }
    struct str text = buf_str(tmp);
    if (s->precision >= 0)
        text = cut_points(text, s->precision);
    return fits && put_padded(&p->piece, s, text) ? MADE : REFUSED;
}

/* One row into `piece`. */
static enum status run_format(struct printf_run *p, bool *ret_good)
{
    struct kernel *k = p->k;
    *ret_good = true;
    while (p->at < p->format.len && *ret_good) {
        const char *percent = memchr(p->format.ptr + p->at, '%', p->format.len - p->at);
        size_t n = percent ? (size_t)(percent - p->format.ptr) - p->at : p->format.len - p->at;
        if (!buf_put(&p->piece, p->format.ptr + p->at, n))
            return kernel_memory(k);
        p->at += n;
        if (!percent)
            break;
        p->at++;
        struct spec s;
        *ret_good = take_spec(p, &s);
        if (*ret_good && strchr("hat", s.conversion))
            return kernel_fail(k, "PRINTF does not support %%%c", s.conversion);
        *ret_good = *ret_good && flags_fit(&s);
        if (!*ret_good)
            break;
        if (s.width > MAX_WIDTH || s.precision > (s.conversion == 's' ? INT32_MAX : MAX_PLACES))
            return kernel_fail(k, "PRINTF: a width of more than %d or more than %d places", MAX_WIDTH, MAX_PLACES);
        enum made made = convert(p, &s, k->tmp);
        if (made == REFUSED)
            return kernel_memory(k);
        *ret_good = made == MADE;
    }
    return ST_OK;
}

static enum status printf_rows(struct kernel *k, struct printf_run *p)
{
    EACH_ROW(k, r)
    {
        if (arg_null(k, 0, r)) {
            column_set_null(k->out, r);
            continue;
        }
        bool good;
        p->row = r;
        p->format = arg_str(k, 0, r);
        p->at = 0;
        p->next = p->last = 0;
        buf_clear(&p->piece);
        TRY(run_format(p, &good));
        if (good)
            TRY(kernel_put_str(k, r, p->piece.data, p->piece.len));
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}

static enum status print_formatted(struct kernel *k)
{
    struct printf_run p = { .k = k };
    buf_init(&p.piece, k->budget, 64u << 20);
    enum status st = printf_rows(k, &p);
    buf_release(&p.piece);
    return st;
}

const struct function functions_printf[] = {
    { .name = "PRINTF", .signature = "PRINTF(format [, value, ...])",
      .help = "The values by Java's format; NULL when they do not fit it.",
      .example = "PRINTF('%s has %,d', 'Paris', 2102650)", .types = "s?a*=s", .flags = FN_NULLABLE,
      .kernel = print_formatted },
    { .name = NULL },
};
