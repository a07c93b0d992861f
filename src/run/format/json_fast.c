/* The speculating scanner: objects of one schema, member after member, without looking for keys.
 *
 * Producers write the same keys in the same order with the same white space. So each node remembers the bytes before
 * each value (json_tree.c) and this scanner only compares them (16 bytes at once), then runs the loop for the
 * column's type straight into the column's array:
 *   integers   up to eight digits as one 8-byte word, without a branch for each; longer ones by a loop
 *   text       one pass looks for quote, backslash, control characters and non-ASCII bytes together; up to 12 bytes go
 *              inline by one masked load, longer ones become a view into the chunk
 *   times      "YYYY-MM-DD hh:mm" is compared with the last one seen, the rest is checked as one 8-byte word
 *   objects    the same again, one level down
 *   the rest   and everything surprising (escapes, exponents, white space, a string where a number should be) goes to
 *              the general path for that one value, and comes back
 * A key that differs is looked for among the other remembered ones, then parsed and learned (object_slow).
 *
 * Nothing here explains a fault: NULL means "read the whole record the general way", which explains it. So this file
 * must never accept what json_value.c refuses, nor give another value; the fuzz target compares the two.
 *
 * Bounds: a string, a number, a literal each stop at a newline, and the caller has made sure that one follows with
 * JSON_SLACK bytes to be loaded behind it. A single message has no newline: there the scan may run past its end
 * (never past `limit` + JSON_SLACK), which the caller sees by the place that is returned. */
#include "json.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* ---- bytes ---- */

#if defined(__SSE2__)

static inline __m128i load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline bool literal_equal(const struct json_expect *e, const char *p)
{
    unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load16(p), load16(e->literal)));
    if ((same & e->mask[0]) != e->mask[0])
        return false;
    if (__builtin_expect(e->len <= 16, 1))
        return true;
    same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load16(p + 16), load16(e->literal + 16)));
    if ((same & e->mask[1]) != e->mask[1])
        return false;
    return e->len <= 32 || memcmp(p + 32, e->literal + 32, e->len - 32u) == 0;
}

/* First quote, backslash or control character at or behind p, or NULL when none comes before `limit`; *ret_high is
 * not 0 when a byte before it is not ASCII. */
/* The bytes of v that end a run of plain text, as bits. */
static inline unsigned text_stops(__m128i v)
{
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);
    __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
    stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
    return (unsigned)_mm_movemask_epi8(stop);
}

static inline const char *string_end(const char *p, const char *limit, uint64_t *ret_high)
{
    __m128i v = load16(p);
    uint64_t mask = text_stops(v), bits = (unsigned)_mm_movemask_epi8(v), high = 0;
    /* 16 bytes first, since most texts are short, then 64 at a time: fewer exits to be guessed wrong. */
    for (unsigned step = 16; mask == 0; step = 64) {
        high |= bits;
        p += step;
        if (p >= limit)
            return NULL;
        bits = 0;
        for (unsigned i = 0; i < 64; i += 16) {
            v = load16(p + i);
            mask |= (uint64_t)text_stops(v) << i;
            bits |= (uint64_t)(unsigned)_mm_movemask_epi8(v) << i;
        }
    }
    unsigned k = (unsigned)__builtin_ctzll(mask);
    *ret_high = high | (bits & ((1ull << k) - 1));
    return p + k;
}

/* The view of up to 12 bytes at s: the four bytes before it are there to be loaded and make way for the length. */
static inline void put_inline(struct strview *v, const char *s, size_t len)
{
    static const uint8_t masks[32] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    const __m128i keep = _mm_slli_si128(load16((const char *)masks + 12 - len), 4);
    __m128i x = _mm_and_si128(load16(s - 4), keep);
    x = _mm_or_si128(x, _mm_cvtsi32_si128((int)len));
    _mm_storeu_si128((__m128i *)(void *)v, x);
}

#else

static inline bool literal_equal(const struct json_expect *e, const char *p)
{
    return memcmp(p, e->literal, e->len) == 0;
}

static inline const char *string_end(const char *p, const char *limit, uint64_t *ret_high)
{
    uint64_t high = 0;
    for (; p < limit; p++) {
        uint8_t c = (uint8_t)*p;
        if (c == '"' || c == '\\' || c < 0x20) {
            *ret_high = high;
            return p;
        }
        high |= c & 0x80u;
    }
    return NULL;
}

static inline void put_inline(struct strview *v, const char *s, size_t len)
{
    struct strview made = { .len = (uint32_t)len, .inlined = { 0 } };
    memcpy(made.inlined, s, len);
    *v = made;
}

#endif

static inline bool ends_value(char c)
{
    return c == ',' || c == '}';
}

static inline bool null_at(const char *p)
{
    return memcmp(p, "null", 4) == 0 && ends_value(p[4]);
}

static inline unsigned digit(const char *p)
{
    return (uint8_t)(*p - '0');
}

/* ---- the general way for one value ---- */

/* Where the record at p ends, or NULL behind it. */
static const char *record_end(struct json_decoder *d, const char *p)
{
    if (p <= d->line_end)
        return d->line_end;
    if (!d->lines || p >= d->region_end)
        return NULL;
    return d->line_end = text_find_newline(p, d->region_end);
}

/* `f` NULL or not needed: only checked. */
__attribute__((noinline)) static const char *slow_value(struct json_decoder *d, struct json_field *f, uint32_t depth,
                                                        const char *p, uint32_t row)
{
    bool wanted = f && f->needed;
    if (null_at(p)) {
        if (!wanted)
            return p + 4;
        if (!f->type->nullable)
            return NULL;
        uint8_t *nulls = f->nulls ? f->nulls : column_nulls(f->col, f->col->cap);
        f->nulls = nulls;
        nulls[row] = 1;
        return p + 4;
    }
    const char *end = record_end(d, p);
    if (!end)
        return NULL;
    struct json j;
    struct str raw;
    json_init(&j, str_make(p, (size_t)(end - p)));
    j.depth = depth;
    if (wanted ? json_take(d, f, row, &j) != TAKEN : !json_skip(&j, &raw))
        return NULL;
    if (wanted)
        f->nulls = f->col->nulls;
    return j.at;
}

/* ---- values by type: behind the value, or NULL for the slow way ---- */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* The digits at p, at most eight, without a branch for each: a loop's end would be guessed wrong every other time.
 * Returns how many there are. */
static inline unsigned few_digits(const char *p, uint64_t *ret)
{
    uint64_t x;
    memcpy(&x, p, 8);
    x ^= 0x3030303030303030ull; /* digits become their values */
    uint64_t other = ((x + 0x7676767676767676ull) | x) & 0x8080808080808080ull;
    unsigned n = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
    x <<= n ? 64 - 8 * n : 0; /* leading zeros */
    x = x * 10 + (x >> 8);    /* pairs, in every other byte */
    *ret = ((x & 0x000000FF000000FFull) * 0x000F424000000064ull +
            ((x >> 16) & 0x000000FF000000FFull) * 0x0000271000000001ull) >> 32;
    return n;
}

#else

static inline unsigned few_digits(const char *p, uint64_t *ret)
{
    (void)p;
    *ret = 0;
    return 0;
}

#endif

static inline const char *integer(const char *p, int64_t *ret)
{
    bool negative = *p == '-';
    p += negative;
    uint64_t v;
    const char *q = p + few_digits(p, &v), *most = p + 18;
    if (!ends_value(*q)) { /* more than eight digits, or something else */
        for (unsigned next; q < most && (next = digit(q)) <= 9; q++)
            v = v * 10 + next;
        if (!ends_value(*q))
            return NULL;
    }
    if (q == p || (*p == '0' && q - p > 1))
        return NULL;
    *ret = negative ? -(int64_t)v : (int64_t)v;
    return q;
}

/* Digits with an optional point: value = ret / 10^ret_scale. At most 18 digits. */
static inline const char *fixed_point(const char *p, int64_t *ret, unsigned *ret_scale)
{
    bool negative = *p == '-';
    p += negative;
    uint64_t v = digit(p);
    if (v > 9)
        return NULL;
    const char *q = p + 1, *most = p + 18;
    for (unsigned next; q < most && (next = digit(q)) <= 9; q++)
        v = v * 10 + next;
    if (*p == '0' && q - p > 1)
        return NULL;
    unsigned scale = 0;
    if (*q == '.') {
        const char *point = q++;
        for (unsigned next; q <= most && (next = digit(q)) <= 9; q++)
            v = v * 10 + next;
        scale = (unsigned)(q - point - 1);
        if (scale == 0)
            return NULL;
    }
    if (!ends_value(*q))
        return NULL;
    *ret = negative ? -(int64_t)v : (int64_t)v;
    *ret_scale = scale;
    return q;
}

static const double powers_of_ten[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                        1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };

static inline const char *real(const char *p, double *ret)
{
    int64_t v;
    unsigned scale;
    const char *q = fixed_point(p, &v, &scale);
    /* Both exact below 2^53, so one division rounds right. Minus zero goes the slow way. */
    if (!q || v >= 1ll << 53 || v <= -(1ll << 53) || (v == 0 && *p == '-'))
        return NULL;
    *ret = (double)v / powers_of_ten[scale];
    return q;
}

static inline const char *small_decimal(const struct json_field *f, const char *p, int64_t *ret)
{
    int64_t v;
    unsigned scale;
    const char *q = fixed_point(p, &v, &scale);
    if (!q || scale > (unsigned)f->type->scale)
        return NULL;
    for (; scale < (unsigned)f->type->scale; scale++)
        if (__builtin_mul_overflow(v, 10, &v))
            return NULL;
    if (v > f->max || v < -f->max)
        return NULL;
    *ret = v;
    return q;
}

static inline const char *boolean(const char *p, uint8_t *ret)
{
    bool truth = *p == 't';
    if (memcmp(p, truth ? "true" : "fals", 4) != 0)
        return NULL;
    p += 4;
    if (!truth && *p++ != 'e')
        return NULL;
    *ret = truth;
    return ends_value(*p) ? p : NULL;
}

static inline const char *text(struct json_decoder *d, struct json_field *f, const char *p, uint32_t row)
{
    uint64_t high;
    if (*p != '"')
        return NULL;
    const char *s = p + 1, *q = string_end(s, d->limit, &high);
    if (!q || *q != '"')
        return NULL;
    size_t len = (size_t)(q - s);
    if (__builtin_expect(high != 0, 0) && !utf8_valid(str_make(s, len)))
        return NULL;
    struct strview *v = &f->str[row];
    if (len <= 12) {
        put_inline(v, s, len);
        return q + 1;
    }
    if (__builtin_expect(f->shared == UINT32_MAX, 0)) {
        f->shared = column_share(f->col, d->chunk);
        if (f->shared == UINT32_MAX) {
            d->memory = true;
            return NULL;
        }
    }
    v->len = (uint32_t)len;
    memcpy(v->ref.prefix, s, 4);
    v->ref.buffer = f->shared;
    v->ref.offset = (uint32_t)(s - (const char *)d->chunk->data);
    return q + 1;
}

/* A new minute: "YYYY-MM-DD hh:mm" checked and remembered. */
static bool minute_read(struct json_decoder *d, const char *s)
{
    const struct value_rules utc = { .zone = zone_utc };
    char whole[19];
    int64_t ms;
    memcpy(whole, s, 16);
    memcpy(whole + 16, ":00", 3);
    if (!time_text_timestamp(&utc, str_make(whole, sizeof whole), 3, false, &ms))
        return false;
    memcpy(d->minute, s, 16);
    d->minute_ms = ms;
    return true;
}

static inline bool same_minute(const struct json_decoder *d, const char *s)
{
#if defined(__SSE2__)
    return _mm_movemask_epi8(_mm_cmpeq_epi8(load16(s), load16(d->minute))) == 0xFFFF;
#else
    return memcmp(s, d->minute, 16) == 0;
#endif
}

/* "YYYY-MM-DD hh:mm:ss.fff", with a Z for TIMESTAMP_LTZ. */
static inline const char *timestamp(struct json_decoder *d, struct json_field *f, const char *p, int64_t *ret)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const char *s = p + 1;
    uint64_t tail, shape;
    bool ltz = f->type->kind == TYPE_TIMESTAMP_LTZ;
    if (*p != '"')
        return NULL;
    memcpy(&tail, s + 16, 8);
    memcpy(&shape, ltz ? ":00.000Z" : ":00.000\"", 8);
    if (ltz && s[24] != '"')
        return NULL;
    uint64_t x = tail ^ shape; /* digits become their values, the rest zero */
    if ((x & 0xFF000000FF0000FFull) || (((x + 0x7676767676767676ull) | x) & 0x8080808080808080ull))
        return NULL;
    unsigned seconds = (unsigned)(x >> 8 & 0xF) * 10 + (unsigned)(x >> 16 & 0xF);
    unsigned ms = (unsigned)(x >> 32 & 0xF) * 100 + (unsigned)(x >> 40 & 0xF) * 10 + (unsigned)(x >> 48 & 0xF);
    if (seconds > 59 || (!same_minute(d, s) && !minute_read(d, s)))
        return NULL;
    *ret = (d->minute_ms + (int64_t)(seconds * 1000 + ms)) * f->per_ms;
    return s + 24 + ltz;
#else
    (void)d, (void)f, (void)p, (void)ret;
    return NULL;
#endif
}

/* A value that nobody needs. */
static inline const char *skip(struct json_decoder *d, const char *p)
{
    if (*p == '"') {
        uint64_t high;
        const char *s = p + 1, *q = string_end(s, d->limit, &high);
        if (!q || *q != '"')
            return NULL;
        if (__builtin_expect(high != 0, 0) && !utf8_valid(str_make(s, (size_t)(q - s))))
            return NULL;
        return q + 1;
    }
    int64_t v;
    return digit(p) <= 9 || *p == '-' ? integer(p, &v) : NULL;
}

/* ---- objects ---- */

static const char *object(struct json_decoder *d, struct json_node *n, const char *p, uint32_t row);

/* `f` is NULL only for ACT_SKIP. Inlined where it is hot, called (any_value) where it is not. */
__attribute__((always_inline)) static inline const char *value(struct json_decoder *d, struct json_field *f,
                                                               unsigned action, uint32_t depth, const char *p,
                                                               uint32_t row)
{
    const char *q;
    int64_t v;
    switch ((enum json_action)action) {
    case ACT_SKIP:
        q = skip(d, p);
        return q ? q : slow_value(d, f, depth, p, row);
    case ACT_I32:
        q = integer(p, &v);
        if (!q || v < f->min || v > f->max)
            return slow_value(d, f, depth, p, row);
        f->i32[row] = (int32_t)v;
        break;
    case ACT_I64:
        q = integer(p, &v);
        if (!q)
            return slow_value(d, f, depth, p, row);
        f->i64[row] = v;
        break;
    case ACT_F64:
        q = real(p, &f->f64[row]);
        break;
    case ACT_DECIMAL:
        q = small_decimal(f, p, &f->i64[row]);
        break;
    case ACT_BOOL:
        q = boolean(p, &f->b[row]);
        break;
    case ACT_TEXT:
        q = text(d, f, p, row);
        break;
    case ACT_TIMESTAMP:
        q = timestamp(d, f, p, &f->i64[row]);
        break;
    case ACT_ROW:
        if (*p != '{') {
            if (!f->nulls || !null_at(p) || !f->type->nullable)
                return slow_value(d, f, depth, p, row);
            f->nulls[row] = 1;
            return p + 4;
        }
        if (f->nulls)
            f->nulls[row] = 0;
        return object(d, f->node, p, row);
    case ACT_SLOW:
    default:
        q = NULL;
        break;
    }
    if (!q)
        return d->memory ? NULL : slow_value(d, f, depth, p, row);
    if (f->nulls)
        f->nulls[row] = 0;
    return q;
}

__attribute__((noinline)) static const char *any_value(struct json_decoder *d, struct json_field *f, unsigned action,
                                                       uint32_t depth, const char *p, uint32_t row)
{
    return value(d, f, action, depth, p, row);
}

/* Where a learned literal stands at p: looks forward from `from` (members left out), then at the start (another
 * order). */
#define LOOK_MAX 24u
static uint32_t find_expected(const struct json_node *n, const char *p, uint32_t from)
{
    uint32_t end = from + LOOK_MAX < n->n_expect ? from + LOOK_MAX : n->n_expect;
    for (uint32_t i = from; i < end; i++)
        if (literal_equal(&n->expect[i], p))
            return i;
    end = LOOK_MAX < from ? LOOK_MAX : from;
    for (uint32_t i = 0; i < end; i++)
        if (literal_equal(&n->expect[i], p))
            return i;
    return UINT32_MAX;
}

/* Parses the key at p (behind '{' or ','), learns it at place *at (moved behind it) and gives its field and the place
 * of its value. */
static const char *new_member(struct json_node *n, const char *p, const char *end, uint32_t *at,
                              struct json_field **ret)
{
    struct json j;
    struct str key;
    bool escaped;
    const char *q = json_skip_space(p, end);
    json_init(&j, str_make(q, (size_t)(end - q)));
    if (q == end || *q != '"' || !json_string(&j, &key, &escaped))
        return NULL;
    q = json_skip_space(j.at, end);
    if (q == end || *q != ':')
        return NULL;
    q = json_skip_space(q + 1, end);
    if (q == end)
        return NULL;
    *ret = json_node_find(n, key, escaped);
    uint32_t learned = json_node_learn(n, *at, str_make(p, (size_t)(q - p)), *ret);
    if (learned != UINT32_MAX)
        *at = learned + 1;
    return q;
}

/* The object at p, of which the first `i` expectations have been met ('{' still stands at p when there were none). */
__attribute__((noinline)) static const char *object_slow(struct json_decoder *d, struct json_node *n, const char *p,
                                                         bool started, uint32_t i, uint32_t row)
{
    const char *end = record_end(d, p);
    if (!end)
        return NULL;
    uint32_t missing = n->n_needed;
    json_seen_clear(n);
    for (uint32_t k = 0; k < i; k++)
        if (n->expect[k].field)
            missing -= json_seen(n, n->expect[k].field);
    for (;; started = true) {
        p = json_skip_space(p, end);
        if (p >= end)
            return NULL;
        if (started && *p == '}')
            break;
        if (*p++ != (started ? ',' : '{'))
            return NULL;
        struct json_field *f = NULL;
        unsigned action = ACT_SKIP;
        uint32_t known = find_expected(n, p, i);
        if (known != UINT32_MAX) {
            f = n->expect[known].field;
            action = n->expect[known].action;
            p += n->expect[known].len;
            i = known + 1;
        } else {
            const char *q = json_skip_space(p, end);
            if (!started && q < end && *q == '}') {
                p = q;
                break;
            }
            p = new_member(n, p, end, &i, &f);
            if (!p)
                return NULL;
            action = f ? (unsigned)f->action : ACT_SKIP;
        }
        if (f)
            missing -= json_seen(n, f);
        p = any_value(d, f, action, n->depth, p, row);
        if (!p || p > end)
            return NULL;
        if (n->early && missing == 0)
            return p;
    }
    return json_take_absent(d, n, row, p) == TAKEN ? p + 1 : NULL;
}

static const char *object(struct json_decoder *d, struct json_node *n, const char *p, uint32_t row)
{
    const struct json_expect *e = n->expect, *stop = e + n->stop;
    const char *limit = d->limit;
    char before = '{';
    for (; e < stop; e++) {
        if (p >= limit)
            return NULL;
        if (*p != before || !literal_equal(e, p + 1))
            return object_slow(d, n, p, before == ',', (uint32_t)(e - n->expect), row);
        before = ',';
        p = value(d, e->field, e->action, n->depth, p + 1 + e->len, row);
        if (!p)
            return NULL;
    }
    if (n->partial)
        return p;
    if (p >= limit)
        return NULL;
    if (*p != '}' || n->n_expect == 0)
        return object_slow(d, n, p, before == ',', n->n_expect, row);
    for (uint32_t i = 0; i < n->n_absent; i++)
        if (json_take_missing(d, &n->fields[n->absent[i]], row, p) != TAKEN)
            return NULL;
    return p + 1;
}

const char *json_fast_record(struct json_decoder *d, const char *p, uint32_t row)
{
    return object(d, d->root, p, row);
}
