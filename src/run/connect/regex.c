/* Regular expressions for whole names. The dialect is Java's where that agrees with POSIX extended expressions; \d, \w and \s are
 * spelled out, and what has no counterpart is refused. */
#include "connect/private.h"

#include <regex.h>

#define REGEX_MAX 1024u

struct connect_regex {
    struct budget *budget;
    regex_t compiled;
};

static const struct {
    char letter;
    const char *outside, *inside;
} escapes[] = {
    { 'd', "[0-9]", "0-9" }, { 'w', "[A-Za-z0-9_]", "A-Za-z0-9_" }, { 's', "[ \t\n\r\f\v]", " \t\n\r\f\v" },
    { 'D', "[^0-9]", NULL }, { 'W', "[^A-Za-z0-9_]", NULL },        { 'S', "[^ \t\n\r\f\v]", NULL },
};

static bool put_escape(struct buf *out, char c, bool in_class)
{
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        const char *text = in_class ? escapes[i].inside : escapes[i].outside;
        if (escapes[i].letter == c)
            return text && buf_put(out, text, strlen(text));
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return false;
    return in_class ? buf_put_u8(out, (uint8_t)c) : buf_put_u8(out, '\\') && buf_put_u8(out, (uint8_t)c);
}

/* false: what POSIX does not have. */
static bool regex_translate(struct str s, struct buf *out)
{
    bool in_class = false;
    if (!buf_put(out, "^(", 2))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i], next = i + 1 < s.len ? s.ptr[i + 1] : 0;
        if (c == '\\') {
            if (!next || !put_escape(out, next, in_class))
                return false;
            i++;
            continue;
        }
        bool lazy = !in_class && strchr("*+?}", c) && (next == '?' || next == '+');
        if (lazy || (!in_class && c == '(' && next == '?') || (in_class && c == '&' && next == '&'))
            return false;
        in_class = c == '[' ? true : c == ']' ? false : in_class;
        if (c == 0 || !buf_put_u8(out, (uint8_t)c))
            return false;
    }
    return buf_put(out, ")$", 3);
}

static enum status compile(struct str text, regex_t *ret, struct error *err)
{
    struct buf out;
    buf_init(&out, NULL, 16 * REGEX_MAX);
    bool known = text.len <= REGEX_MAX && regex_translate(text, &out);
    int failed = known ? regcomp(ret, (const char *)out.data, REG_EXTENDED | REG_NOSUB) : 0;
    buf_release(&out);
    if (!known) {
        error_set(err, ST_UNSUPPORTED, "this regular expression uses what Weir does not have for names: '%.*s'",
                  STR_ARG(text));
        error_hint(err, "groups (?…), lazy and possessive repetition and special escapes are not supported");
        return ST_UNSUPPORTED;
    }
    if (failed) {
        char why[128];
        regerror(failed, ret, why, sizeof why);
        return error_set(err, ST_SEMANTIC, "'%.*s' is no regular expression: %s", STR_ARG(text), why);
    }
    return ST_OK;
}

enum status connect_regex_new(struct str text, struct budget *budget, struct connect_regex **ret, struct error *err)
{
    struct connect_regex *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    r->budget = budget;
    enum status st = compile(text, &r->compiled, err);
    if (st != ST_OK) {
        mem_free(budget, r, sizeof *r);
        return st;
    }
    *ret = r;
    return ST_OK;
}

void connect_regex_free(struct connect_regex *r)
{
    if (!r)
        return;
    regfree(&r->compiled);
    mem_free(r->budget, r, sizeof *r);
}

bool connect_regex_match(const struct connect_regex *r, const char *name)
{
    return regexec(&r->compiled, name, 0, NULL, 0) == 0;
}
