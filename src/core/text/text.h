/* JSON and CSV as bytes: scanners and writers. Knows no columns and no types; `run/format` decodes with these
 * straight into columns, so what is hot is inline.
 *
 * JSON is RFC 8259, checked whole: UTF-8, escapes, numbers, depth at most JSON_DEPTH. Places are byte
 * offsets into the text. */
#pragma once

#include "base/base.h"

#define JSON_DEPTH 200

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_END };

/* A pull scanner over one text. */
struct json {
    const char *start, *at, *end;
    const char *fault; /* NULL, or why it is not JSON (static text); `at` is the place */
    uint32_t depth;
};

static inline void json_init(struct json *j, struct str text)
{
    *j = (struct json){ text.ptr, text.ptr, text.ptr + text.len, NULL, 0 };
}
static inline const char *json_skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}
/* What value comes next (skips white space); JSON_END at the end of text or of the container. No fault yet. */
enum json_kind json_peek(struct json *j);
/* Skips one whole value, fully checked; gives its bytes. false: j->fault. */
bool json_skip(struct json *j, struct str *ret_raw);
/* Enters an object or array (peek said so). */
bool json_enter(struct json *j);
/* In an object: the next member's key (raw, between the quotes; *ret_escaped when it holds a backslash), leaving `at` at
 * the value. false with fault NULL: the object has ended (and is left). */
bool json_member(struct json *j, struct str *ret_key, bool *ret_escaped);
/* In an array: true when another element follows. false with fault NULL: the array has ended (and is left). */
bool json_element(struct json *j);
/* A string's raw bytes between the quotes, checked (UTF-8, no control characters, escapes valid). */
bool json_string(struct json *j, struct str *ret_raw, bool *ret_escaped);
/* A number's text, checked; *ret_integer: no point and no exponent. */
bool json_number(struct json *j, struct str *ret_raw, bool *ret_integer);
bool json_literal(struct json *j, enum json_kind kind);
/* Nothing but white space may remain. */
bool json_finish(struct json *j);
/* Whole text is one JSON value. *ret_offset, *ret_fault on false. */
bool json_valid(struct str text, size_t *ret_offset, const char **ret_fault);

/* Unescapes a checked raw string into `out` (room for raw.len bytes); returns the length. A lone surrogate becomes
 * U+FFFD. */
size_t json_unescape(struct str raw, char *out);
/* raw (escaped or not) equals plain? */
bool json_key_equals(struct str raw, bool escaped, struct str plain);

/* Writers. */
bool json_put_string(struct buf *out, struct str s) MUST_USE; /* with quotes; invalid UTF-8 becomes U+FFFD */

/* Numbers in text, whole view; false when it does not fit. */
bool text_to_i64(struct str s, int64_t *ret);
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
 * quote is bad. At most `max_fields` are kept; *ret_n counts all. *ret_lines: newlines inside (1 for a plain record). */
enum csv_result csv_record(const struct csv_dialect *d, struct str bytes, bool at_end, struct csv_field *fields,
                           uint32_t max_fields, uint32_t *ret_n, size_t *ret_used, uint32_t *ret_lines,
                           const char **ret_fault);
size_t csv_unescape(const struct csv_dialect *d, struct str raw, char *out); /* room for raw.len */
/* Quotes when needed (delimiter, quote, CR, LF, leading or trailing blank, or empty when `quote_empty`). */
bool csv_put_field(struct buf *out, const struct csv_dialect *d, struct str s, bool quote_empty) MUST_USE;

/* First '\n' at or after p, or end: SSE2 where there is one. */
const char *text_find_newline(const char *p, const char *end);
