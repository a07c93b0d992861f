/* JSON and CSV as bytes: scanners and writers. Knows no columns and no types; `run/format` decodes with these
 * straight into columns, so what is hot is inline.
 *
 * JSON is RFC 8259, checked whole: UTF-8, escapes, numbers, depth at most JSON_DEPTH. Places are byte
 * offsets into the text. */
#pragma once

#include "base/base.h"

#if defined(__SSE4_1__)
#include <smmintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#define JSON_DEPTH 200

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_END };

/* A pull scanner over one text. After a fault it is of no more use. */
struct json {
    const char *start, *at, *end;
    const char *fault; /* NULL, or why it is not JSON (static text); `at` is the place */
    uint32_t depth;
    bool first; /* a container was entered and nothing of it read yet */
};

/* By first byte; bytes that start no value are JSON_NULL, whose reader then names the fault. */
extern const uint8_t json_kinds[256];
/* What the inline functions below leave to json.c. */
bool json_string_rest(struct json *j, const char *from, const char *p, struct str *ret_raw, bool *ret_escaped);
bool json_number_rest(struct json *j, const char *p, struct str *ret_raw, bool *ret_integer);
bool json_fail(struct json *j, const char *at, const char *fault); /* false */

static inline void json_init(struct json *j, struct str text)
{
    *j = (struct json){ .start = text.ptr, .at = text.ptr, .end = text.ptr + text.len };
}
static inline const char *json_skip_space(const char *p, const char *end)
{
    while (p < end && (uint8_t)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}
/* What value comes next (skips white space); JSON_END at the end of text or of the container. No fault yet: a byte
 * that starts no value counts as JSON_NULL, and json_literal or json_skip then refuse it. */
static inline enum json_kind json_peek(struct json *j)
{
    j->at = json_skip_space(j->at, j->end);
    return j->at < j->end ? (enum json_kind)json_kinds[(uint8_t)*j->at] : JSON_END;
}
/* Skips one whole value, fully checked; gives its bytes. false: j->fault. */
bool json_skip(struct json *j, struct str *ret_raw);
/* Enters an object or array (peek said so). */
static inline bool json_enter(struct json *j)
{
    if (j->depth >= JSON_DEPTH)
        return json_fail(j, j->at, "nested too deeply");
    j->at++;
    j->depth++;
    j->first = true;
    return true;
}
/* A string's raw bytes between the quotes, checked (UTF-8, no control characters, escapes valid). */
static inline bool json_string(struct json *j, struct str *ret_raw, bool *ret_escaped)
{
    const char *p = j->at;
    if (p == j->end || *p != '"')
        return json_fail(j, p, "a string is expected");
    const char *from = ++p;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    for (; j->end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Signed: control characters and bytes from 0x80 are all below the blank. */
        __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                                    _mm_cmplt_epi8(v, space));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask == 0)
            continue;
        p += __builtin_ctz(mask);
        if (*p != '"')
            break;
        *ret_raw = (struct str){ from, (size_t)(p - from) };
        *ret_escaped = false;
        j->at = p + 1;
        return true;
    }
#endif
    return json_string_rest(j, from, p, ret_raw, ret_escaped);
}
/* In an object: the next member's key (raw, between the quotes; *ret_escaped when it holds a backslash), leaving `at`
 * at the value. false with fault NULL: the object has ended (and is left). */
static inline bool json_member(struct json *j, struct str *ret_key, bool *ret_escaped)
{
    const char *p = json_skip_space(j->at, j->end);
    if (p < j->end && *p == '}') {
        j->at = p + 1;
        j->depth--;
        j->first = false;
        return false;
    }
    if (!j->first) {
        if (p == j->end || *p != ',')
            return json_fail(j, p, "',' or '}' is expected");
        p = json_skip_space(p + 1, j->end);
    }
    j->first = false;
    if (p == j->end || *p != '"')
        return json_fail(j, p, "a member's name in quotes is expected");
    j->at = p;
    if (!json_string(j, ret_key, ret_escaped))
        return false;
    p = json_skip_space(j->at, j->end);
    if (p == j->end || *p != ':')
        return json_fail(j, p, "':' is expected");
    j->at = json_skip_space(p + 1, j->end);
    return true;
}
/* In an array: true when another element follows. false with fault NULL: the array has ended (and is left). */
static inline bool json_element(struct json *j)
{
    const char *p = json_skip_space(j->at, j->end);
    if (p < j->end && *p == ']') {
        j->at = p + 1;
        j->depth--;
        j->first = false;
        return false;
    }
    if (!j->first) {
        if (p == j->end || *p != ',')
            return json_fail(j, p, "',' or ']' is expected");
        p = json_skip_space(p + 1, j->end);
        if (p < j->end && *p == ']')
            return json_fail(j, p, "a value is expected");
    }
    j->first = false;
    j->at = p;
    return true;
}
/* End of the digits at p. */
static inline const char *json_skip_digits(const char *p, const char *end)
{
#if defined(__SSE2__)
    const __m128i nine = _mm_set1_epi8(9), zero = _mm_set1_epi8('0');
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), zero);
        unsigned other = 0xffff ^ (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, nine), v));
        if (other)
            return p + __builtin_ctz(other);
    }
#endif
    while (p < end && (uint8_t)(*p - '0') <= 9)
        p++;
    return p;
}
/* A number's text, checked; *ret_integer: no point and no exponent. */
static inline bool json_number(struct json *j, struct str *ret_raw, bool *ret_integer)
{
    const char *p = j->at, *end = j->end;
    p += p < end && *p == '-';
    if (p == end || (uint8_t)(*p - '0') > 9)
        return json_fail(j, p, "a digit is expected");
    p = *p == '0' ? p + 1 : json_skip_digits(p, end);
    if (p < end && (*p == '.' || (*p | 0x20) == 'e'))
        return json_number_rest(j, p, ret_raw, ret_integer);
    *ret_raw = (struct str){ j->at, (size_t)(p - j->at) };
    *ret_integer = true;
    j->at = p;
    return true;
}
/* The hot case of a number: an integer of at most 16 digits. false, with nothing moved and no fault, for everything
 * else; json_number then knows. */
static inline bool json_quick_i64(struct json *j, int64_t *ret)
{
    const char *p = j->at, *end = j->end;
    bool negative = p < end && *p == '-';
    p += negative;
    int64_t v = 0;
#if defined(__SSE4_1__)
    if (end - p <= 16) /* one byte more than is loaded, so that what follows the digits can be seen */
        return false;
    static const uint8_t slide[32] = { 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
                                       0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15 };
    __m128i digits = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8('0'));
    unsigned other = 0x10000 | (0xffff ^ (unsigned)_mm_movemask_epi8(
                                            _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits)));
    unsigned n = (unsigned)__builtin_ctz(other);
    const char *after = p + n;
    if (n == 0 || (n > 1 && *p == '0') || *after == '.' || (*after | 0x20) == 'e' || (uint8_t)(*after - '0') <= 9)
        return false;
    /* To the right end, zeros before it; then pairs, fours and eights of digits are joined. */
    digits = _mm_shuffle_epi8(digits, _mm_loadu_si128((const __m128i *)(const void *)(slide + n)));
    __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010a));
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));
    fours = _mm_packus_epi32(fours, fours);
    __m128i eights = _mm_madd_epi16(fours, _mm_set1_epi32(0x00012710));
    v = (int64_t)(uint32_t)_mm_extract_epi32(eights, 0) * 100000000 + (uint32_t)_mm_extract_epi32(eights, 1);
#else
    const char *from = p;
    for (; p < end && (uint8_t)(*p - '0') <= 9 && p - from < 17; p++)
        v = v * 10 + (*p - '0');
    const char *after = p;
    if (p == from || p - from > 16 || (p - from > 1 && *from == '0') || p == end || *p == '.' || (*p | 0x20) == 'e')
        return false;
#endif
    *ret = negative ? -v : v;
    j->at = after;
    return true;
}
bool json_literal(struct json *j, enum json_kind kind);
/* Nothing but white space may remain. */
bool json_finish(struct json *j);
/* Whole text is one JSON value. *ret_offset, *ret_fault on false. */
bool json_valid(struct str text, size_t *ret_offset, const char **ret_fault);

/* Unescapes a checked raw string into `out` (room for raw.len bytes); returns the length. A lone surrogate becomes
 * U+FFFD. */
size_t json_unescape(struct str raw, char *out);
/* raw (escaped or not) equals plain? */
bool json_key_equals_escaped(struct str raw, struct str plain);
static inline bool json_key_equals(struct str raw, bool escaped, struct str plain)
{
    return escaped ? json_key_equals_escaped(raw, plain) : str_eq(raw, plain);
}

/* Writers. */
bool json_put_string(struct buf *out, struct str s) MUST_USE; /* with quotes; invalid UTF-8 becomes U+FFFD */

/* Names by UTF-16 units, as Java compares text. */
int json_text_compare(struct str a, struct str b);

/* What putting JSON into its one form needs; kept from value to value. */
#define JSON_CANON_MAX ((size_t)16 << 20)
struct json_canon {
    struct arena arena;
    struct buf members, spare;
    bool memory; /* why it failed: memory was refused; else j->fault says why */
};
void json_canon_init(struct json_canon *c, struct budget *b);
void json_canon_release(struct json_canon *c);
/* Appends the one form (json_canonical.c) of the value that comes next in `j`, checked whole. `last_wins`: of equal
 * names in an object the last one counts, else there must be none. false: `out` is as before. */
bool json_canonical(struct json_canon *c, struct buf *out, struct json *j, bool last_wins) MUST_USE;

/* Numbers in text, whole view; false when it does not fit. */
static inline bool text_to_i64(struct str s, int64_t *ret)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    bool negative = s.len && *p == '-';
    p += negative;
    if (end - p > 18 || p == end)
        return str_to_i64(s, ret); /* may overflow, or is no number */
    int64_t v = 0;
    for (; p < end; p++) {
        uint32_t digit = (uint32_t)(uint8_t)*p - '0';
        if (digit > 9)
            return str_to_i64(s, ret); /* "+1", or no number */
        v = v * 10 + digit;
    }
    *ret = negative ? -v : v;
    return true;
}
bool text_to_f64(struct str s, double *ret);

/* CSV, RFC 4180 with options. A scanner over bytes that may end in the middle of a record. */
struct csv_dialect {
    char delimiter;  /* ',' */
    char quote;      /* '"'; 0: none */
    char escape;     /* 0: only doubled quotes */
    bool comments;   /* lines that start with '#' are skipped */
    bool trim;       /* blanks around unquoted fields are dropped */
};

enum csv_result {
    CSV_RECORD, /* one whole record */
    CSV_MORE,   /* the bytes end before the record does */
    CSV_SKIP,   /* a comment or an empty line was skipped: *ret_used bytes */
    CSV_BAD     /* malformed: `fault`; the record is *ret_used bytes long (up to the line's end) */
};

struct csv_field {
    struct str raw; /* without the outer quotes */
    bool quoted;
    bool escaped; /* holds doubled quotes or escapes: unescape with csv_unescape */
};

/* Reads one record from bytes. `at_end`: no more bytes will come, so an unfinished last line is a record and an open
 * quote is bad. At most `max_fields` are kept; *ret_n counts all. *ret_lines: newlines inside (1 for a plain record).
 * */
enum csv_result csv_record(const struct csv_dialect *d, struct str bytes, bool at_end, struct csv_field *fields,
                           uint32_t max_fields, uint32_t *ret_n, size_t *ret_used, uint32_t *ret_lines,
                           const char **ret_fault);
size_t csv_unescape(const struct csv_dialect *d, struct str raw, char *out); /* room for raw.len */
/* Quotes when needed (delimiter, quote, CR, LF, leading or trailing blank, leading byte order mark, or empty when
 * `quote_empty`). */
bool csv_put_field(struct buf *out, const struct csv_dialect *d, struct str s, bool quote_empty) MUST_USE;

/* First '\n' at or after p, or end: SSE2 where there is one. */
const char *text_find_newline(const char *p, const char *end);
