/* Shared by the printers. Every function is false only when the buffer refuses. */
#pragma once

#include "syntax/syntax.h"

static inline bool put(struct buf *out, const char *text)
{
    return buf_put(out, text, strlen(text));
}
static inline bool put_str(struct buf *out, struct str s)
{
    return buf_put(out, s.ptr, s.len);
}
static inline bool put_if(struct buf *out, bool wanted, const char *text)
{
    return !wanted || put(out, text);
}
/* ", " before every element but the first. */
static inline bool put_comma(struct buf *out, uint32_t index)
{
    return index == 0 || put(out, ", ");
}

bool print_name_part(struct buf *out, struct str s); /* in backticks where it needs them */
bool print_name(struct buf *out, const struct syn_name *n);
bool print_names(struct buf *out, const struct str *names, uint32_t n); /* a, b */
bool print_string(struct buf *out, struct str s);                       /* 'it''s' */
bool print_expr_level(struct buf *out, const struct syn_expr *e, int level);
bool print_exprs(struct buf *out, struct syn_expr *const *list, uint32_t n);
bool print_orders(struct buf *out, const struct syn_order *order, uint32_t n);
bool print_over(struct buf *out, const struct syn_over *o); /* without OVER; (…) or a name */
bool print_window_spec(struct buf *out, const struct syn_over *o);
bool print_call(struct buf *out, const struct syn_expr *e);
bool print_pattern(struct buf *out, const struct syn_expr *e);
bool print_hints(struct buf *out, const struct syn_hint *hints, uint32_t n);
bool print_match(struct buf *out, const struct syn_match *m);
bool print_fields(struct buf *out, const struct syn_field *fields, uint32_t n, const char *comment);
bool print_options(struct buf *out, const struct syn_option *options, uint32_t n);
bool print_table_body(struct buf *out, const struct syn_table_def *t);
