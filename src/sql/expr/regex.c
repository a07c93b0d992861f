/* Java's regular expressions on PCRE2, with JIT and limits on matching.
 *
 * The two dialects agree on nearly all that people write. Before compiling, a pass over the pattern rewrites what only
 * Java spells so (\p{Alpha} and its kin, \uXXXX) and refuses by name what PCRE2 would take to mean something else:
 * class intersection ([a-z&&[^b]]), classes inside classes, \p{java…}, \p{In…}. \w \d \s \b are ASCII in both. As
 * newlines, which '.' leaves out, count Unicode's, of which Java leaves VT and FF out.
 *
 * Most texts do not match most patterns. What every match must hold as it stands (`channel_id=` in
 * `(&|^)channel_id=([^&]*)`) is looked for first, which is many times quicker than to try the pattern at each place.
 *
 * One pattern is kept per step of a program: constant ones compile once, others when they change. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "expr/expr_private.h"

#define MATCH_LIMIT 10000000u
#define MAX_PATTERN 32768u

struct regex {
    pcre2_code *code; /* NULL: no pattern */
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    struct buf pattern; /* as given */
    struct str must;    /* part of `pattern` that stands in every match; may be empty */
    bool jit;
    uint32_t flags;
    bool known; /* `pattern` holds something */
};

static const struct {
    const char *java, *posix;
} classes[] = { { "Lower", "lower" }, { "Upper", "upper" }, { "Alpha", "alpha" }, { "Digit", "digit" },
                { "Alnum", "alnum" }, { "Punct", "punct" }, { "Graph", "graph" }, { "Print", "print" },
                { "Blank", "blank" }, { "Cntrl", "cntrl" }, { "XDigit", "xdigit" }, { "Space", "space" },
                { "ASCII", "ascii" } };

static enum status refuse(struct kernel *k, const char *what)
{
    return kernel_fail(k, "a regular expression with %s is not supported", what);
}

/* \p{…} or \P{…} at `at` (the backslash); *ret_used 0: none that needs rewriting. */
static enum status rewrite_class(struct kernel *k, struct str p, size_t at, bool inside, size_t *ret_used)
{
    *ret_used = 0;
    if (at + 3 >= p.len || (p.ptr[at + 1] != 'p' && p.ptr[at + 1] != 'P') || p.ptr[at + 2] != '{')
        return ST_OK;
    int64_t end = str_find(p, STR("}"), at);
    if (end < 0)
        return ST_OK;
    struct str name = str_make(p.ptr + at + 3, (size_t)end - at - 3);
    if (str_starts(name, STR("java")) || str_starts(name, STR("In")) || str_starts(name, STR("block=")))
        return refuse(k, "\\p{java...} or \\p{In...}");
    bool negated = p.ptr[at + 1] == 'P';
    size_t used = (size_t)end + 1 - at;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (str_eq(name, str_from(classes[i].java))) {
            *ret_used = used;
            bool fits = buf_printf(k->tmp, "%s[:%s%s:]%s", inside ? "" : "[", negated ? "^" : "", classes[i].posix,
                                   inside ? "" : "]");
            return fits ? ST_OK : kernel_memory(k);
        }
    if (str_starts(name, STR("Is"))) { /* \p{IsAlphabetic}, \p{IsLatin}: PCRE2 knows scripts and categories bare */
        *ret_used = used;
        bool fits = buf_printf(k->tmp, "\\%c{%.*s}", p.ptr[at + 1], (int)name.len - 2, name.ptr + 2);
        return fits ? ST_OK : kernel_memory(k);
    }
    return ST_OK;
}

/* Writes the pattern in PCRE2's spelling to k->tmp. */
static enum status rewrite(struct kernel *k, struct str p)
{
    bool inside = false, quoted = false;
    buf_clear(k->tmp);
    for (size_t at = 0; at < p.len;) {
        char c = p.ptr[at];
        char next = at + 1 < p.len ? p.ptr[at + 1] : 0;
        size_t used = 1;
        if (c == '\\' && next) {
            used = 2;
            if (next == 'Q' || next == 'E')
                quoted = next == 'Q';
            size_t rewritten = 0;
            if (!quoted)
                TRY(rewrite_class(k, p, at, inside, &rewritten));
            if (rewritten) {
                at += rewritten;
                continue;
            }
            if (!quoted && next == 'u' && at + 6 <= p.len) {
                if (!buf_printf(k->tmp, "\\x{%.4s}", p.ptr + at + 2))
                    return kernel_memory(k);
                at += 6;
                continue;
            }
        } else if (!quoted && c == '[') {
            if (inside && next != ':')
                return refuse(k, "a class inside a class");
            if (!inside) {
                inside = true;
                if (next == '^')
                    used = 2;
                if (at + used < p.len && p.ptr[at + used] == ']') /* a bracket that stands first is itself */
                    used++;
            }
        } else if (!quoted && inside && c == '&' && next == '&') {
            return refuse(k, "an intersection of classes (&&)");
        } else if (!quoted && inside && c == ']') {
            inside = false;
        }
        if (!buf_put(k->tmp, p.ptr + at, used))
            return kernel_memory(k);
        at += used;
    }
    return ST_OK;
}

/* Behind a group or class that starts at `at`; the pattern's length when it is never closed. */
static size_t behind(struct str p, size_t at)
{
    uint32_t depth = 0;
    bool inside = false;
    for (; at < p.len; at++) {
        char c = p.ptr[at];
        if (c == '\\')
            at++;
        else if (!inside && c == '[')
            inside = true;
        else if (inside && c == ']')
            inside = false;
        else if (!inside && (c == '(' || c == ')'))
            depth += c == '(' ? 1 : UINT32_MAX;
        if (depth == 0 && !inside)
            return at + 1;
    }
    return p.len;
}

/* The longest run of characters outside of groups and classes that no quantifier makes optional. Where the pattern
 * has alternatives, or anything that changes how the rest is read, there is none. */
static struct str must_hold(struct str p)
{
    struct str best = { 0 };
    size_t from = 0; /* of the run */
    if (str_find(p, STR("(?"), 0) >= 0 || str_find(p, STR("(*"), 0) >= 0 || str_find(p, STR("\\"), 0) >= 0 ||
        str_find(p, STR("[]"), 0) >= 0 || str_find(p, STR("[^]"), 0) >= 0 || str_find(p, STR("[:"), 0) >= 0)
        return best;
    for (size_t at = 0; at <= p.len;) {
        char c = at < p.len ? p.ptr[at] : 0;
        if (c == '|')
            return (struct str){ 0 };
        if (at < p.len && !strchr("()[]{}.^$*+?#", c)) {
            at++;
            continue;
        }
        size_t end = at;
        if (c == '*' || c == '?' || c == '{') /* what stands before it may be missing */
            for (end -= end > from; end > from && ((uint8_t)p.ptr[end] & 0xC0) == 0x80;)
                end--;
        if (end - from > best.len)
            best = str_make(p.ptr + from, end - from);
        if (c == '{')
            while (at < p.len && p.ptr[at] != '}')
                at++;
        at = c == '(' || c == '[' ? behind(p, at) : at + 1;
        from = at;
    }
    return best;
}

static void drop(struct regex *x)
{
    pcre2_code_free(x->code);
    pcre2_match_data_free(x->match);
    x->code = NULL;
    x->match = NULL;
}

void regex_free_state(void *state, struct budget *b)
{
    struct regex *x = state;
    drop(x);
    pcre2_match_context_free(x->context);
    pcre2_jit_stack_free(x->stack);
    buf_release(&x->pattern);
    mem_free(b, x, sizeof *x);
}

static enum status compile(struct kernel *k, struct regex *x, struct str pattern, uint32_t flags)
{
    drop(x);
    x->known = false;
    buf_clear(&x->pattern);
    if (pattern.len > MAX_PATTERN)
        return kernel_fail(k, "a regular expression of %zu bytes is too long", pattern.len);
    if (!buf_put(&x->pattern, pattern.ptr, pattern.len))
        return kernel_memory(k);
    TRY(rewrite(k, pattern));
    x->known = true;
    x->flags = flags;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    if (flags & REGEX_WHOLE)
        options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    if (flags & REGEX_DOT_ALL)
        options |= PCRE2_DOTALL;
    int error;
    PCRE2_SIZE place;
    pcre2_compile_context *how = pcre2_compile_context_create(NULL);
    if (!how)
        return kernel_memory(k);
    pcre2_set_newline(how, PCRE2_NEWLINE_ANY);
    x->code = pcre2_compile((PCRE2_SPTR)(k->tmp->len ? k->tmp->data : (const uint8_t *)""), k->tmp->len, options,
        &error,
                            &place, how);
    pcre2_compile_context_free(how);
    if (!x->code)
        return error == PCRE2_ERROR_NOMEMORY ? kernel_memory(k) : ST_OK;
    x->jit = pcre2_jit_compile(x->code, PCRE2_JIT_COMPLETE) == 0; /* without it the interpreter matches */
    x->must = must_hold(buf_str(&x->pattern));
    x->match = pcre2_match_data_create_from_pattern(x->code, NULL);
    return x->match ? ST_OK : kernel_memory(k);
}

enum status regex_for(struct kernel *k, struct str pattern, uint32_t flags, struct regex **ret)
{
    struct regex *x = *k->state;
    if (!x) {
        x = mem_calloc(k->budget, sizeof *x);
        if (!x)
            return kernel_memory(k);
        buf_init(&x->pattern, k->budget, 2 * MAX_PATTERN);
        *k->state = x;
        x->context = pcre2_match_context_create(NULL);
        x->stack = pcre2_jit_stack_create(32 * 1024, 1024 * 1024, NULL);
        if (!x->context || !x->stack)
            return kernel_memory(k);
        pcre2_set_match_limit(x->context, MATCH_LIMIT);
        pcre2_set_heap_limit(x->context, 64 * 1024); /* KiB */
        pcre2_jit_stack_assign(x->context, NULL, x->stack);
    }
    if (!x->known || x->flags != flags || !str_eq(pattern, buf_str(&x->pattern)))
        TRY(compile(k, x, pattern, flags));
    *ret = x->code ? x : NULL;
    return ST_OK;
}

enum status regex_match(struct kernel *k, struct regex *x, struct str text, size_t from, bool *ret_found)
{
    *ret_found = false;
    if (x->must.len && str_find(text, x->must, from) < 0)
        return ST_OK;
    PCRE2_SPTR at = (PCRE2_SPTR)(text.len ? text.ptr : "");
    int n = x->jit ? pcre2_jit_match(x->code, at, text.len, from, 0, x->match, x->context)
                   : pcre2_match(x->code, at, text.len, from, 0, x->match, x->context);
    *ret_found = n >= 0;
    if (n >= 0 || n == PCRE2_ERROR_NOMATCH)
        return ST_OK;
    if (n == PCRE2_ERROR_NOMEMORY)
        return kernel_memory(k);
    return kernel_fail(k, "the regular expression '%.*s' needs too many steps on a text of %zu bytes",
                       STR_ARG(buf_str(&x->pattern)), text.len);
}

uint32_t regex_groups(const struct regex *x)
{
    return pcre2_get_ovector_count(x->match) - 1;
}

bool regex_group(const struct regex *x, struct str text, int64_t group, struct str *ret)
{
    if (group < 0 || group > regex_groups(x))
        return false;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(x->match);
    if (at[2 * group] == PCRE2_UNSET)
        return false;
    size_t start = at[2 * group], end = at[2 * group + 1];
    *ret = str_make(text.ptr + start, end < start ? 0 : end - start); /* \K may turn them around */
    return true;
}
