/* JSON values as text: members in order, numbers and strings as Jackson writes them, comparisons.
 *
 * Flink reads numbers with a point or an exponent as BigDecimal and writes them by BigDecimal.toString: all digits
 * stay, the exponent shows when the point would lie left of or more than five zeros before the digits. So a number
 * is taken apart into its digits and a scale, never made a double. Members are sorted by name wherever Flink writes an
 * object. */
#include <stdlib.h>

#include "expr/json_private.h"

/* ---- numbers ---- */

/* unscaled digits × 10^-scale; leading zeros are gone ("0" for zero) */
struct number {
    bool negative, integer;
    struct str whole, fraction;
    size_t digits;
    int64_t scale;
};

static size_t count_digits(struct str s, size_t from)
{
    size_t n = 0;
    while (from + n < s.len && s.ptr[from + n] >= '0' && s.ptr[from + n] <= '9')
        n++;
    return n;
}

/* Of Java's BigDecimal(String): wider than JSON's numbers. */
static bool take_apart(struct str s, struct number *ret)
{
    struct number v = { .integer = true };
    size_t at = 0;
    int64_t exponent = 0;
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        v.negative = s.ptr[at++] == '-';
    v.whole = str_make(s.ptr + at, count_digits(s, at));
    at += v.whole.len;
    if (at < s.len && s.ptr[at] == '.') {
        v.integer = false;
        v.fraction = str_make(s.ptr + at + 1, count_digits(s, at + 1));
        at += 1 + v.fraction.len;
    }
    if (v.whole.len + v.fraction.len == 0)
        return false;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        v.integer = false;
        size_t from = at + 1 + (at + 1 < s.len && (s.ptr[at + 1] == '+' || s.ptr[at + 1] == '-'));
        size_t n = count_digits(s, from);
        if (n == 0)
            return false;
        for (size_t i = 0; i < n && exponent < INT32_MAX; i++)
            exponent = exponent * 10 + (s.ptr[from + i] - '0');
        if (exponent > INT32_MAX)
            return false;
        exponent = s.ptr[at + 1] == '-' ? -exponent : exponent;
        at = from + n;
    }
    if (at != s.len)
        return false;
    v.scale = (int64_t)v.fraction.len - exponent;
    while (v.whole.len && v.whole.ptr[0] == '0')
        v.whole = str_make(v.whole.ptr + 1, v.whole.len - 1);
    if (v.whole.len == 0)
        while (v.fraction.len && v.fraction.ptr[0] == '0')
            v.fraction = str_make(v.fraction.ptr + 1, v.fraction.len - 1);
    v.digits = v.whole.len + v.fraction.len;
    *ret = v;
    return true;
}
static char digit_at(const struct number *v, size_t i)
{
    return i < v->whole.len ? v->whole.ptr[i] : v->fraction.ptr[i - v->whole.len];
}

bool json_is_number(struct str s)
{
    struct number v;
    return take_apart(s, &v);
}

static bool put_digits(struct buf *out, const struct number *v, size_t from, size_t to)
{
    if (v->digits == 0)
        return from < to ? buf_put_u8(out, '0') : true;
    size_t split = v->whole.len < from ? from : v->whole.len > to ? to : v->whole.len;
    return (split == from || buf_put(out, v->whole.ptr + from, split - from)) &&
           (split == to || buf_put(out, v->fraction.ptr + (split - v->whole.len), to - split));
}

bool json_put_number(struct buf *out, struct str raw)
{
    struct number v;
    if (!take_apart(raw, &v))
        return buf_put(out, raw.ptr, raw.len);
    size_t n = v.digits ? v.digits : 1;
    if (v.digits && v.negative && !buf_put_u8(out, '-')) /* there is no −0 */
        return false;
    if (v.scale == 0)
        return put_digits(out, &v, 0, n);
    int64_t adjusted = (int64_t)n - 1 - v.scale;
    if (v.scale > 0 && adjusted >= -6) {
        if (adjusted < 0) {
            if (!buf_put(out, "0.", 2))
                return false;
            for (int64_t i = adjusted + 1; i < 0; i++)
                if (!buf_put_u8(out, '0'))
                    return false;
            return put_digits(out, &v, 0, n);
        }
        size_t point = n - (size_t)v.scale;
        return put_digits(out, &v, 0, point) && buf_put_u8(out, '.') && put_digits(out, &v, point, n);
    }
    if (!put_digits(out, &v, 0, 1) || (n > 1 && (!buf_put_u8(out, '.') || !put_digits(out, &v, 1, n))))
        return false;
    return adjusted == 0 || buf_printf(out, "E%+lld", (long long)adjusted);
}

bool json_number_to_i64(struct str s, int64_t *ret)
{
    struct number v;
    if (!take_apart(s, &v))
        return false;
    int64_t whole = (int64_t)v.digits - v.scale; /* digits before the point */
    if (whole <= 0 || v.digits == 0) {
        *ret = 0;
        return true;
    }
    if (whole > 19)
        return false;
    int64_t value = 0;
    for (int64_t i = 0; i < whole; i++) {
        int digit = i < (int64_t)v.digits ? digit_at(&v, (size_t)i) - '0' : 0;
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, (int64_t)digit, &value))
            return false;
    }
    if (!v.negative && value == INT64_MIN)
        return false;
    *ret = v.negative ? value : -value;
    return true;
}

int json_compare_numbers(struct str a, struct str b)
{
    struct number x, y;
    if (!take_apart(a, &x) || !take_apart(b, &y))
        return -2;
    if (x.digits == 0 || y.digits == 0) {
        int sx = x.digits == 0 ? 0 : x.negative ? -1 : 1, sy = y.digits == 0 ? 0 : y.negative ? -1 : 1;
        return sx - sy;
    }
    if (x.negative != y.negative)
        return x.negative ? -1 : 1;
    int sign = x.negative ? -1 : 1;
    int64_t ex = (int64_t)x.digits - x.scale, ey = (int64_t)y.digits - y.scale;
    if (ex != ey)
        return ex < ey ? -sign : sign;
    for (size_t i = 0; i < x.digits || i < y.digits; i++) {
        char cx = i < x.digits ? digit_at(&x, i) : '0', cy = i < y.digits ? digit_at(&y, i) : '0';
        if (cx != cy)
            return cx < cy ? -sign : sign;
    }
    return 0;
}

/* ---- text ---- */

bool json_put_text(struct buf *out, struct str raw)
{
    struct str inner = str_make(raw.ptr + 1, raw.len - 2);
    if (!memchr(inner.ptr, '\\', inner.len))
        return buf_put(out, inner.ptr, inner.len);
    if (!buf_reserve(out, inner.len))
        return false;
    out->len += json_unescape(inner, (char *)out->data + out->len);
    return true;
}

/* ---- objects ---- */

static int by_name(const void *a, const void *b)
{
    const struct json_entry *x = a, *y = b;
    int order = json_text_compare(x->key, y->key);
    return order ? order : x->at < y->at ? -1 : x->at > y->at;
}
static int by_place(const void *a, const void *b)
{
    const struct json_entry *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

bool json_members(struct arena *a, struct str raw, bool sorted, struct json_entries *ret)
{
    struct json j;
    struct str key, value;
    bool escaped, ordered = true;
    struct json_entries all = { 0 };
    json_init(&j, raw);
    if (!json_enter(&j))
        return true;
    while (json_member(&j, &key, &escaped) && json_skip(&j, &value)) {
        struct json_entry *e = array_add(&all.list, a);
        if (!e)
            return false;
        if (escaped) {
            char *plain = arena_alloc(a, key.len);
            if (!plain)
                return false;
            key = str_make(plain, json_unescape(key, plain));
        }
        *e = (struct json_entry){ key, value, all.list.count };
        ordered = ordered && (all.list.count < 2 || json_text_compare(e[-1].key, key) < 0);
    }
    *ret = all;
    if (ordered)
        return true;
    qsort(all.list.at, all.list.count, sizeof *all.list.at, by_name);
    uint32_t n = 0;
    for (uint32_t i = 0; i < all.list.count; i++) {
        if (n && str_eq(all.list.at[n - 1].key, all.list.at[i].key))
            all.list.at[n - 1].value = all.list.at[i].value;
        else
            all.list.at[n++] = all.list.at[i];
    }
    all.list.count = n;
    if (!sorted)
        qsort(all.list.at, n, sizeof *all.list.at, by_place);
    *ret = all;
    return true;
}

static bool put_object(struct arena *a, struct buf *out, struct str raw)
{
    struct json_entries all;
    if (!json_members(a, raw, true, &all) || !buf_put_u8(out, '{'))
        return false;
    for (uint32_t i = 0; i < all.list.count; i++)
        if ((i && !buf_put_u8(out, ',')) || !json_put_string(out, all.list.at[i].key) || !buf_put_u8(out, ':') ||
            !json_put_value(a, out, all.list.at[i].value))
            return false;
    return buf_put_u8(out, '}');
}

static bool put_array(struct arena *a, struct buf *out, struct str raw)
{
    struct json j;
    struct str value;
    json_init(&j, raw);
    if (!json_enter(&j) || !buf_put_u8(out, '['))
        return false;
    for (bool first = true; json_element(&j) && json_skip(&j, &value); first = false)
        if ((!first && !buf_put_u8(out, ',')) || !json_put_value(a, out, value))
            return false;
    return buf_put_u8(out, ']');
}

/* A string without escapes stays as it is. */
static bool put_string(struct arena *a, struct buf *out, struct str raw)
{
    struct str inner = str_make(raw.ptr + 1, raw.len - 2);
    if (!memchr(inner.ptr, '\\', inner.len))
        return buf_put(out, raw.ptr, raw.len);
    char *plain = arena_alloc(a, inner.len);
    return plain && json_put_string(out, str_make(plain, json_unescape(inner, plain)));
}

bool json_put_value(struct arena *a, struct buf *out, struct str raw)
{
    switch (json_kind_of(raw)) {
    case JSON_OBJECT:
        return put_object(a, out, raw);
    case JSON_ARRAY:
        return put_array(a, out, raw);
    case JSON_STRING:
        return put_string(a, out, raw);
    case JSON_NUMBER:
        return json_put_number(out, raw);
    default:
        return buf_put(out, raw.ptr, raw.len);
    }
}

bool json_same(struct arena *a, struct budget *b, struct str x, struct str y, bool *ret)
{
    struct buf bx, by;
    buf_init(&bx, b, 256u << 20);
    buf_init(&by, b, 256u << 20);
    bool fits = json_put_value(a, &bx, x) && json_put_value(a, &by, y);
    *ret = fits && str_eq(buf_str(&bx), buf_str(&by));
    buf_release(&bx);
    buf_release(&by);
    return fits;
}

/* ---- the kernels' state ---- */

enum status json_work_for(struct kernel *k, struct json_work **ret)
{
    struct json_work *w = *k->state;
    if (!w) {
        w = mem_calloc(k->budget, sizeof *w);
        if (!w)
            return kernel_memory(k);
        w->budget = k->budget;
        arena_init(&w->arena, k->budget);
        arena_init(&w->path_arena, k->budget);
        buf_init(&w->path_text, k->budget, 64u << 20);
        *k->state = w;
    }
    *ret = w;
    return ST_OK;
}

void json_work_free(void *state, struct budget *b)
{
    struct json_work *w = state;
    arena_release(&w->arena);
    arena_release(&w->path_arena);
    buf_release(&w->path_text);
    mem_free(b, w, sizeof *w);
}
