/* LIKE, SIMILAR TO and the functions of regular expressions.
 *
 * LIKE has a matcher of its own: a pattern becomes tokens (a character, one, any), of which the common shapes — exact,
 * start, end, inside — compare bytes only; the rest walks with one place to go back to, the last '%', which is enough
 * for this language and takes time length × pattern at worst. There is no escape character unless one is given. */
#include "expr/expr_private.h"

#define TOKEN_ONE 0x110000u
#define TOKEN_ANY 0x110001u

struct like {
    enum { LIKE_GENERAL, LIKE_EXACT, LIKE_START, LIKE_END, LIKE_INSIDE } shape;
    struct buf pattern, escape; /* as given */
    struct buf literal;         /* of the simple shapes */
    uint32_t *tokens;
    uint32_t n, cap;
    bool known;
};

static void like_free(void *state, struct budget *b)
{
    struct like *l = state;
    buf_release(&l->pattern);
    buf_release(&l->escape);
    buf_release(&l->literal);
    mem_free(b, l->tokens, l->cap * sizeof *l->tokens);
    mem_free(b, l, sizeof *l);
}

static enum status bad_escape(struct kernel *k, struct str pattern)
{
    return kernel_fail(k, "Invalid escape sequence in the pattern '%.*s'", STR_ARG(pattern));
}

/* Which shape the tokens have; the literal characters are collected on the way. */
static bool find_shape(struct like *l)
{
    bool any_first = l->n && l->tokens[0] == TOKEN_ANY, any_last = l->n > 1 && l->tokens[l->n - 1] == TOKEN_ANY;
    l->shape = any_first && any_last ? LIKE_INSIDE : any_first ? LIKE_END : any_last ? LIKE_START : LIKE_EXACT;
    buf_clear(&l->literal);
    for (uint32_t i = any_first; i < l->n - any_last; i++) {
        char out[4];
        if (l->tokens[i] >= TOKEN_ONE) {
            l->shape = LIKE_GENERAL;
            return true;
        }
        if (!buf_put(&l->literal, out, utf8_put(l->tokens[i], out)))
            return false;
    }
    return true;
}

static enum status like_compile(struct kernel *k, struct like *l, struct str pattern, struct str escape)
{
    l->known = false;
    buf_clear(&l->pattern);
    buf_clear(&l->escape);
    if (!buf_put(&l->pattern, pattern.ptr, pattern.len) || !buf_put(&l->escape, escape.ptr, escape.len))
        return kernel_memory(k);
    uint32_t escape_char = UINT32_MAX;
    size_t at = 0;
    if (escape.len) {
        escape_char = utf8_next(escape, &at);
        if (at != escape.len)
            return kernel_fail(k, "Invalid escape character '%.*s': it must be one character", STR_ARG(escape));
    }
    if (l->cap < pattern.len) {
        uint32_t *more = mem_realloc(k->budget, l->tokens, l->cap * sizeof *more, pattern.len * sizeof *more);
        if (!more)
            return kernel_memory(k);
        l->tokens = more;
        l->cap = (uint32_t)pattern.len;
    }
    l->n = 0;
    for (at = 0; at < pattern.len;) {
        uint32_t c = utf8_next(pattern, &at);
        if (c == escape_char) {
            if (at == pattern.len)
                return bad_escape(k, pattern);
            c = utf8_next(pattern, &at);
            if (c != '%' && c != '_' && c != escape_char)
                return bad_escape(k, pattern);
        } else if (c == '%' || c == '_') {
            c = c == '%' ? TOKEN_ANY : TOKEN_ONE;
            if (c == TOKEN_ANY && l->n && l->tokens[l->n - 1] == TOKEN_ANY)
                continue;
        }
        l->tokens[l->n++] = c;
    }
    if (!find_shape(l))
        return kernel_memory(k);
    l->known = true;
    return ST_OK;
}

static bool like_general(const struct like *l, struct str s)
{
    size_t at = 0, back_at = 0;
    uint32_t t = 0, back = UINT32_MAX;
    for (;;) {
        if (t < l->n && l->tokens[t] == TOKEN_ANY) {
            back = ++t;
            back_at = at;
            continue;
        }
        if (at == s.len && t == l->n)
            return true;
        if (at < s.len && t < l->n) {
            size_t next = at;
            uint32_t c = utf8_next(s, &next);
            if (l->tokens[t] == TOKEN_ONE || l->tokens[t] == c) {
                at = next;
                t++;
                continue;
            }
        }
        if (back == UINT32_MAX || back_at >= s.len)
            return false;
        back_at = text_skip(s, back_at, 1);
        at = back_at;
        t = back;
    }
}

static bool like_matches(const struct like *l, struct str s)
{
    struct str literal = buf_str(&l->literal);
    switch (l->shape) {
    case LIKE_EXACT:
        return str_eq(s, literal);
    case LIKE_START:
        return str_starts(s, literal);
    case LIKE_END:
        return str_ends(s, literal);
    case LIKE_INSIDE:
        return str_find(s, literal, 0) >= 0;
    default:
        return like_general(l, s);
    }
}

static enum status like(struct kernel *k)
{
    struct like *l = *k->state;
    if (!l) {
        l = mem_calloc(k->budget, sizeof *l);
        if (!l)
            return kernel_memory(k);
        buf_init(&l->pattern, k->budget, 1u << 20);
        buf_init(&l->escape, k->budget, 1u << 20);
        buf_init(&l->literal, k->budget, 1u << 22);
        *k->state = l;
    }
    bool constant = arg_is_constant(k, 1) && (k->n_args < 3 || arg_is_constant(k, 2));
    EACH_ROW(k, r)
    {
        if (!l->known || !constant) {
            struct str pattern = arg_str(k, 1, r), escape = k->n_args > 2 ? arg_str(k, 2, r) : STR("");
            if (k->n_args > 2 && escape.len == 0)
                return kernel_fail(k, "Invalid escape character '': it must be one character");
            if (!l->known || !str_eq(pattern, buf_str(&l->pattern)) || !str_eq(escape, buf_str(&l->escape)))
                TRY(like_compile(k, l, pattern, escape));
        }
        k->out->b[r] = like_matches(l, arg_str(k, 0, r));
    }
    return ST_OK;
}

/* SIMILAR TO as a regular expression: '_' and '%' besides what the two have in common. */
static enum status similar_pattern(struct kernel *k, struct str p, struct str escape, struct buf *out)
{
    buf_clear(out);
    bool inside = false, fits = true;
    for (size_t at = 0; at < p.len && fits;) {
        size_t start = at;
        uint32_t c = utf8_next(p, &at);
        if (escape.len && at - start == escape.len && memcmp(p.ptr + start, escape.ptr, escape.len) == 0) {
            if (at == p.len)
                return bad_escape(k, p);
            start = at;
            c = utf8_next(p, &at);
            fits = (c < 0x80 && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z') ? buf_put_u8(out, '\\')
                                                                                                  : true) &&
                   buf_put(out, p.ptr + start, at - start);
            continue;
        }
        if (c == '[' || c == ']')
            inside = c == '[';
        if (c == '_' && !inside)
            fits = buf_put_u8(out, '.');
        else if (c == '%' && !inside)
            fits = buf_put(out, ".*", 2);
        else if ((c == '\\' || c == '^' || c == '$') && !inside)
            fits = buf_put_u8(out, '\\') && buf_put_u8(out, (uint8_t)c);
        else
            fits = buf_put(out, p.ptr + start, at - start);
    }
    return fits ? ST_OK : kernel_memory(k);
}

static enum status similar(struct kernel *k)
{
    struct buf pattern;
    buf_init(&pattern, k->budget, 1u << 20);
    enum status st = ST_OK;
    EACH_ROW(k, r)
    {
        struct regex *x = NULL;
        bool found = false;
        st = similar_pattern(k, arg_str(k, 1, r), k->n_args > 2 ? arg_str(k, 2, r) : STR(""), &pattern);
        if (st == ST_OK)
            st = regex_for(k, buf_str(&pattern), REGEX_WHOLE | REGEX_DOT_ALL, &x);
        if (st == ST_OK && !x)
            st = kernel_fail(k, "'%.*s' is no pattern for SIMILAR TO", STR_ARG(arg_str(k, 1, r)));
        if (st == ST_OK)
            st = regex_match(k, x, arg_str(k, 0, r), 0, &found);
        if (st != ST_OK)
            break;
        k->out->b[r] = found;
    }
    buf_release(&pattern);
    return st;
}

static enum status regexp(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str pattern = arg_str(k, 1, r);
        struct regex *x;
        bool found = false;
        TRY(regex_for(k, pattern, 0, &x));
        if (x && pattern.len)
            TRY(regex_match(k, x, arg_str(k, 0, r), 0, &found));
        k->out->b[r] = found;
    }
    return ST_OK;
}

static enum status regexp_extract(struct kernel *k)
{
    bool constant = arg_is_constant(k, 1);
    struct regex *x = NULL;
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), group;
        bool found = false;
        if (!x || !constant)
            TRY(regex_for(k, arg_str(k, 1, r), 0, &x));
        if (x)
            TRY(regex_match(k, x, s, 0, &found));
        if (found && regex_group(x, s, k->n_args > 2 ? arg_i32(k, 2, r) : 0, &group))
            TRY(kernel_put_str(k, r, group.ptr, group.len));
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}

/* Where to look for the next match after one: behind it, or one character on after an empty one. */
static size_t after(struct str s, struct str match)
{
    size_t end = (size_t)(match.ptr - s.ptr) + match.len;
    return match.len ? end : end < s.len ? text_skip(s, end, 1) : s.len + 1;
}

static enum status regexp_replace(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), with = arg_str(k, 2, r), match;
        struct regex *x;
        TRY(regex_for(k, arg_str(k, 1, r), 0, &x));
        if (!x) {
            column_set_null(k->out, r);
            continue;
        }
        buf_clear(k->tmp);
        size_t copied = 0;
        for (size_t at = 0; at <= s.len;) {
            bool found;
            TRY(regex_match(k, x, s, at, &found));
            if (!found || !regex_group(x, s, 0, &match))
                break;
            size_t start = (size_t)(match.ptr - s.ptr);
            if (!buf_put(k->tmp, s.ptr + copied, start - copied) || !buf_put(k->tmp, with.ptr, with.len))
                return kernel_memory(k);
            copied = start + match.len;
            at = after(s, match);
        }
        if (!buf_put(k->tmp, s.ptr + copied, s.len - copied))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

static enum status regexp_count(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), match;
        struct regex *x;
        TRY(regex_for(k, arg_str(k, 1, r), 0, &x));
        if (!x) {
            column_set_null(k->out, r);
            continue;
        }
        int32_t n = 0;
        for (size_t at = 0; at <= s.len; n++) {
            bool found;
            TRY(regex_match(k, x, s, at, &found));
            if (!found || !regex_group(x, s, 0, &match))
                break;
            at = after(s, match);
        }
        k->out->i32[r] = n;
    }
    return ST_OK;
}

static enum status regexp_instr(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), match;
        struct regex *x;
        bool found = false;
        TRY(regex_for(k, arg_str(k, 1, r), 0, &x));
        if (!x) {
            column_set_null(k->out, r);
            continue;
        }
        TRY(regex_match(k, x, s, 0, &found));
        k->out->i32[r] = found && regex_group(x, s, 0, &match)
                             ? (int32_t)text_points(str_make(s.ptr, (size_t)(match.ptr - s.ptr))) + 1
                             : 0;
    }
    return ST_OK;
}

static enum status regexp_extract_all(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), match, piece;
        int64_t group = k->n_args > 2 ? arg_i32(k, 2, r) : 1;
        struct regex *x;
        TRY(regex_for(k, arg_str(k, 1, r), 0, &x));
        if (!x || group < 0 || group > regex_groups(x)) {
            column_set_null(k->out, r);
            continue;
        }
        uint32_t n = 0, first;
        for (int round = 0; round < 2; round++) { /* count, then fill */
            if (round && !column_start_list(k->out, r, n, &first))
                return kernel_memory(k);
            uint32_t i = 0;
            for (size_t at = 0; at <= s.len; i++) {
                bool found;
                TRY(regex_match(k, x, s, at, &found));
                if (!found || !regex_group(x, s, 0, &match))
                    break;
                if (round && !regex_group(x, s, group, &piece))
                    column_set_null(&k->out->children[0], first + i);
                else if (round && !column_set_str(&k->out->children[0], first + i, piece.ptr, piece.len))
                    return kernel_memory(k);
                at = after(s, match);
            }
            n = i;
        }
    }
    return ST_OK;
}
static enum status resolve_extract_all(struct call *c)
{
    c->type = call_nullable_by_args(c, type_array(c->env->arena, type_string()));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

#define REGEX(NAME, SIGNATURE, HELP, EXAMPLE, TYPES, FLAGS, KERNEL)                                  \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = EXAMPLE, .types = TYPES,        \
      .flags = FN_STRICT | FN_DEAR | (FLAGS), .kernel = KERNEL, .free_state = regex_free_state }

const struct function functions_regex[] = {
    { .name = "LIKE", .signature = "text LIKE pattern [ESCAPE character]",
      .help = "TRUE when the text matches: % is any text, _ any character.", .example = "'Ann' LIKE 'A%'",
      .types = "ss?s=b", .flags = FN_STRICT, .kernel = like, .free_state = like_free },
    REGEX("SIMILAR TO", "text SIMILAR TO pattern [ESCAPE character]", "TRUE when the text matches an SQL pattern.",
          "'abc' SIMILAR TO '(a|b)%'", "ss?s=b", 0, similar),
    REGEX("REGEXP", "REGEXP(text, regex)", "TRUE when some part of the text matches.", "REGEXP('abc', 'b.')", "ss=b", 0,
          regexp),
    REGEX("REGEXP_EXTRACT", "REGEXP_EXTRACT(text, regex [, group])", "What the first match, or its group, took.",
          "REGEXP_EXTRACT('foo=1', '=([0-9])', 1)", "ss?i=s", FN_NULLABLE, regexp_extract),
    REGEX("REGEXP_REPLACE", "REGEXP_REPLACE(text, regex, with)", "Every match replaced by a text.",
          "REGEXP_REPLACE('foobar', 'oo|ar', '')", "sss=s", FN_NULLABLE, regexp_replace),
    REGEX("REGEXP_COUNT", "REGEXP_COUNT(text, regex)", "How many matches.", "REGEXP_COUNT('abab', 'a')", "ss=i",
          FN_NULLABLE, regexp_count),
    REGEX("REGEXP_INSTR", "REGEXP_INSTR(text, regex)", "Where the first match starts, from 1; 0: nowhere.",
          "REGEXP_INSTR('abc', 'c')", "ss=i", FN_NULLABLE, regexp_instr),
    REGEX("REGEXP_SUBSTR", "REGEXP_SUBSTR(text, regex)", "The first match.", "REGEXP_SUBSTR('a1', '[0-9]')", "ss=s",
          FN_NULLABLE, regexp_extract),
    { .name = "REGEXP_EXTRACT_ALL", .signature = "REGEXP_EXTRACT_ALL(text, regex [, group])",
      .help = "What the group (1) took in every match.", .example = "REGEXP_EXTRACT_ALL('a1b2', '([0-9])')",
      .types = "ss?i=", .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_extract_all, .kernel = regexp_extract_all,
      .free_state = regex_free_state },
    { .name = NULL },
};
