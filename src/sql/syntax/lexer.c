/* Characters to tokens, one at a time and on demand. Lines and columns are counted on the way: a token
 * never holds a newline except inside quotes and comments, which count for themselves. Values of quoted
 * things borrow the text when nothing is escaped in them, and are rebuilt in the arena otherwise.
 *
 * A bad character is not fatal here: the token T_BAD carries the place, the parser fails when it gets to
 * it, and the caller can go on after the statement. */
#include "syntax/parser.h"

static int at(const struct parser *p, uint32_t ahead)
{
    return p->pos + ahead < p->text.len ? (unsigned char)p->text.ptr[p->pos + ahead] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(int c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Letters of any script; white space, punctuation and private signs above ASCII are no letters. */
static bool is_letter(uint32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return c >= 0xC0 && c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x206F) && !(c >= 0x2190 && c <= 0x2BFF) &&
           !(c >= 0x3000 && c <= 0x3004) && !(c >= 0xE000 && c <= 0xF8FF) && !(c >= 0xFE00 && c <= 0xFE0F) &&
           !(c >= 0xFF00 && c <= 0xFF0F) && c < 0xFFF0;
}

/* Moves over `bytes` bytes of valid UTF-8 and counts lines and columns. */
static void advance(struct parser *p, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)p->text.ptr[p->pos + i];
        if (c == '\n') {
            p->line++;
            p->column = 1;
        } else if ((c & 0xC0) != 0x80) {
            p->column++;
        }
    }
    p->pos += bytes;
}

static void bad(struct parser *p, struct token *t, enum status st, const char *message, const char *hint)
{
    t->kind = T_BAD;
    p->bad = st;
    error_at(&p->bad_error, st, t->line, t->column, "%s", message);
    if (hint)
        error_hint(&p->bad_error, "%s", hint);
}

/* Names the character at the present place, which may be none at all. */
static void bad_character(struct parser *p, struct token *t)
{
    size_t next = p->pos;
    uint32_t c = utf8_next(p->text, &next);
    t->kind = T_BAD;
    t->line = p->line;
    t->column = p->column;
    p->bad = ST_SYNTAX;
    struct str here = { p->text.ptr + p->pos, next - p->pos };
    if (utf8_check(here) != here.len)
        error_at(&p->bad_error, ST_SYNTAX, t->line, t->column, "byte 0x%02X is not UTF-8",
                 (unsigned)(unsigned char)p->text.ptr[p->pos]);
    else if (c < 0x20 || c >= 0x7F)
        error_at(&p->bad_error, ST_SYNTAX, t->line, t->column, "unexpected character U+%04X", (unsigned)c);
    else
        error_at(&p->bad_error, ST_SYNTAX, t->line, t->column, "unexpected character '%c'", (int)c);
    if (c == '"')
        error_hint(&p->bad_error, "names stand in backticks, text in single quotes");
    else if (c == 0x2018 || c == 0x2019 || c == 0x201C || c == 0x201D)
        error_hint(&p->bad_error, "typographic quotes: use ' for text and ` for names");
    advance(p, (uint32_t)here.len);
}

/* Looks for bytes that are no text between pos and `end`; moves there and complains if there is one. */
static bool check_text(struct parser *p, struct token *t, uint32_t end)
{
    struct str s = { p->text.ptr + p->pos, end - p->pos };
    size_t ok = utf8_check(s);
    const char *nul = memchr(s.ptr, 0, ok);
    if (nul)
        ok = (size_t)(nul - s.ptr);
    if (ok == s.len)
        return true;
    advance(p, (uint32_t)ok);
    bad_character(p, t);
    return false;
}

/* White space and comments. False: `t` is T_BAD. */
static bool skip_space(struct parser *p, struct token *t)
{
    for (;;) {
        int c = at(p, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            advance(p, 1);
        } else if ((c == '-' && at(p, 1) == '-') || (c == '/' && at(p, 1) == '/')) {
            const char *from = p->text.ptr + p->pos;
            const char *end = memchr(from, '\n', p->text.len - p->pos);
            uint32_t stop = end ? p->pos + (uint32_t)(end - from) : (uint32_t)p->text.len;
            if (!check_text(p, t, stop))
                return false;
            advance(p, stop - p->pos);
        } else if (c == '/' && at(p, 1) == '*' && at(p, 2) != '+') {
            int64_t end = str_find(p->text, STR("*/"), p->pos + 2);
            t->line = p->line;
            t->column = p->column;
            t->at = p->pos;
            if (!check_text(p, t, end < 0 ? (uint32_t)p->text.len : (uint32_t)end))
                return false;
            if (end < 0) {
                bad(p, t, ST_SYNTAX, "comment without end", "close it with */");
                p->unended = true;
                advance(p, (uint32_t)p->text.len - p->pos);
                return false;
            }
            advance(p, (uint32_t)end + 2 - p->pos);
        } else if (c == 0xEF && at(p, 1) == 0xBB && at(p, 2) == 0xBF && p->pos == 0) {
            p->pos += 3; /* byte order mark */
        } else {
            return true;
        }
    }
}

/* A quoted run that begins at the quote; doubled quotes stand for one. Leaves pos after it. */
static bool lex_quoted(struct parser *p, struct token *t, char quote, bool backslash, struct str *ret)
{
    uint32_t start = p->pos + 1, i = start, doubled = 0;
    for (;; i++) {
        if (i >= p->text.len) {
            if (check_text(p, t, (uint32_t)p->text.len)) {
                bad(p, t, ST_SYNTAX, quote == '`' ? "name without closing backtick" : "text without closing quote",
                    NULL);
                p->unended = true;
                advance(p, (uint32_t)p->text.len - p->pos);
            }
            return false;
        }
        if (backslash && p->text.ptr[i] == '\\') {
            i++;
        } else if (p->text.ptr[i] == quote) {
            if (i + 1 >= p->text.len || p->text.ptr[i + 1] != quote)
                break;
            doubled++;
            i++;
        }
    }
    if (!check_text(p, t, i))
        return false;
    *ret = (struct str){ p->text.ptr + start, i - start };
    advance(p, i + 1 - p->pos);
    if (doubled == 0)
        return true;
    char *copy = arena_alloc(p->arena, ret->len);
    if (!copy) {
        p->bad = budget_error(p->arena->budget, ret->len, &p->bad_error);
        t->kind = T_BAD;
        return false;
    }
    size_t n = 0;
    for (size_t k = 0; k < ret->len; k++) {
        copy[n++] = ret->ptr[k];
        if (backslash && ret->ptr[k] == '\\')
            copy[n++] = ret->ptr[++k];
        else if (ret->ptr[k] == quote)
            k++;
    }
    *ret = (struct str){ copy, n };
    return true;
}

/* Reads `digits` hex digits at s[*i]; false when there are fewer. */
static bool hex_run(struct str s, size_t *i, int digits, uint32_t *ret)
{
    uint32_t v = 0;
    for (int k = 0; k < digits; k++, (*i)++) {
        int d = *i < s.len ? hex_value((unsigned char)s.ptr[*i]) : -1;
        if (d < 0)
            return false;
        v = v * 16 + (uint32_t)d;
    }
    *ret = v;
    return true;
}

/* U&'…': \XXXX and \+XXXXXX; a pair of surrogates makes one character. */
static bool unescape_unicode(struct str s, char escape, char *out, size_t *ret_len)
{
    size_t n = 0;
    uint32_t high = 0;
    for (size_t i = 0; i < s.len;) {
        if (s.ptr[i] != escape) {
            if (high)
                return false;
            out[n++] = s.ptr[i++];
            continue;
        }
        i++;
        if (i < s.len && s.ptr[i] == escape && !high) {
            out[n++] = s.ptr[i++];
            continue;
        }
        bool six = i < s.len && s.ptr[i] == '+';
        uint32_t c;
        i += six;
        if (!hex_run(s, &i, six ? 6 : 4, &c) || c > 0x10FFFF)
            return false;
        bool is_low = c >= 0xDC00 && c <= 0xDFFF;
        if ((high != 0) != is_low)
            return false;
        if (c >= 0xD800 && c <= 0xDBFF) {
            high = c;
            continue;
        }
        char utf8[4];
        size_t len = utf8_put(high ? 0x10000 + ((high - 0xD800) << 10) + (c - 0xDC00) : c, utf8);
        memcpy(out + n, utf8, len);
        n += len;
        high = 0;
    }
    *ret_len = n;
    return high == 0;
}

/* One escape of E'…' after the backslash at s[*i]; octal and \x give a code point, as in Calcite. */
static bool unescape_one(struct str s, size_t *i, uint32_t *ret)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    char c = s.ptr[(*i)++];
    const char *name = c ? strchr(names, c) : NULL;
    if (name) {
        *ret = (unsigned char)values[name - names];
        return true;
    }
    if (c == 'u')
        return hex_run(s, i, 4, ret);
    if (c == 'U')
        return hex_run(s, i, 8, ret);
    if (c == 'x') {
        int d = *i < s.len ? hex_value((unsigned char)s.ptr[*i]) : -1;
        if (d < 0)
            return false;
        *ret = (uint32_t)d;
        (*i)++;
        if (*i < s.len && (d = hex_value((unsigned char)s.ptr[*i])) >= 0) {
            *ret = *ret * 16 + (uint32_t)d;
            (*i)++;
        }
        return true;
    }
    if (c >= '0' && c <= '7') {
        *ret = (uint32_t)(c - '0');
        for (int k = 0; k < 2 && *i < s.len && s.ptr[*i] >= '0' && s.ptr[*i] <= '7'; k++)
            *ret = *ret * 8 + (uint32_t)(s.ptr[(*i)++] - '0');
        return true;
    }
    *ret = (unsigned char)c;
    return (unsigned char)c < 0x80;
}

static bool unescape_c(struct str s, char *out, size_t *ret_len)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len;) {
        if (s.ptr[i] != '\\') {
            out[n++] = s.ptr[i++];
            continue;
        }
        uint32_t c;
        i++;
        if (i >= s.len || !unescape_one(s, &i, &c) || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return false;
        char utf8[4];
        size_t len = utf8_put(c, utf8);
        memcpy(out + n, utf8, len);
        n += len;
    }
    *ret_len = n;
    return true;
}

/* The escape character that UESCAPE 'c' sets behind a U&'…'; the place moves only when it is there. */
static char lex_uescape(struct parser *p, struct token *t)
{
    uint32_t pos = p->pos, line = p->line, column = p->column;
    struct str value, word;
    if (!skip_space(p, t))
        return 0;
    word.ptr = p->text.ptr + p->pos;
    word.len = p->text.len - p->pos < 7 ? p->text.len - p->pos : 7;
    if (str_eq_nocase(word, STR("UESCAPE"))) {
        advance(p, 7);
        if (!skip_space(p, t))
            return 0;
        if (at(p, 0) == '\'') {
            if (!lex_quoted(p, t, '\'', false, &value))
                return 0;
            char c = value.len == 1 ? value.ptr[0] : '+';
            if (hex_value((unsigned char)c) < 0 && c != '+' && c != ' ')
                return c;
        }
        bad(p, t, ST_SYNTAX, "UESCAPE needs one character that is no hex digit, plus or space", NULL);
        return 0;
    }
    p->pos = pos;
    p->line = line;
    p->column = column;
    return '\\';
}

/* Text with escapes: form 'U' or 'E'. pos stands on the quote. */
static void lex_escaped(struct parser *p, struct token *t, char form)
{
    struct str raw;
    if (!lex_quoted(p, t, '\'', form == 'E', &raw))
        return;
    char escape = form == 'U' ? lex_uescape(p, t) : '\\';
    if (!escape)
        return;
    t->kind = T_STRING;
    t->value = raw;
    if (!memchr(raw.ptr, escape, raw.len))
        return;
    char *out = arena_alloc(p->arena, raw.len + 1); /* no escape is shorter than what it stands for */
    size_t len;
    if (!out) {
        p->bad = budget_error(p->arena->budget, raw.len, &p->bad_error);
        t->kind = T_BAD;
    } else if (form == 'U' ? !unescape_unicode(raw, escape, out, &len) : !unescape_c(raw, out, &len)) {
        bad(p, t, ST_SYNTAX, "bad escape in text", form == 'U' ? "U&'…' knows \\XXXX and \\+XXXXXX" : NULL);
    } else {
        t->value = (struct str){ out, len };
    }
}

static void lex_binary(struct parser *p, struct token *t)
{
    if (!lex_quoted(p, t, '\'', false, &t->value))
        return;
    t->kind = T_BINARY;
    bool ok = t->value.len % 2 == 0;
    for (size_t i = 0; i < t->value.len; i++)
        ok = ok && hex_value((unsigned char)t->value.ptr[i]) >= 0;
    if (!ok)
        bad(p, t, ST_SYNTAX, "X'…' needs an even number of hex digits", NULL);
}

static void lex_number(struct parser *p, struct token *t)
{
    uint32_t n = 0;
    while (is_digit(at(p, n)))
        n++;
    if (at(p, n) == '.') {
        n++;
        while (is_digit(at(p, n)))
            n++;
    }
    int e = at(p, n);
    if (e == 'e' || e == 'E') {
        uint32_t digits = n + 1 + (at(p, n + 1) == '+' || at(p, n + 1) == '-');
        if (is_digit(at(p, digits))) {
            n = digits;
            while (is_digit(at(p, n)))
                n++;
        }
    }
    t->kind = T_NUMBER;
    t->value = (struct str){ p->text.ptr + p->pos, n };
    size_t next = p->pos + n;
    if (next < p->text.len && is_letter(utf8_next(p->text, &next))) {
        bad(p, t, ST_SYNTAX, "a number runs into a word", "put a space between them, or the name in backticks");
    }
    advance(p, n);
}

/* Length in bytes of the word at the present place; 0: none. */
static uint32_t word_length(const struct parser *p)
{
    size_t i = p->pos;
    while (i < p->text.len) {
        size_t next = i;
        uint32_t c = utf8_next(p->text, &next);
        if (c == 0xFFFD || !(is_letter(c) || c == '$' || (i > p->pos && c < 0x80 && is_digit((int)c))))
            break;
        i = next;
    }
    if (i == p->pos + 1 && p->text.ptr[p->pos] == '$')
        return 0; /* the end of a row pattern */
    return (uint32_t)(i - p->pos);
}

/* Text with a character set before it: _UTF8'…'. Everything is UTF-8, so the set does not matter. */
static uint32_t charset_length(const struct parser *p)
{
    uint32_t n = 1;
    for (int c = at(p, n); c > 0 && (is_digit(c) || (c < 0x80 && is_letter((uint32_t)c)) || strchr("-.:", c));
         c = at(p, n))
        n++;
    return n > 1 && at(p, n) == '\'' ? n : 0;
}

/* Things that begin with a letter; false: an ordinary word. */
static bool lex_prefixed(struct parser *p, struct token *t)
{
    int c = at(p, 0), quote = at(p, 1);
    uint32_t n = 0;
    if ((c == 'U' || c == 'u') && quote == '&' && at(p, 2) == '\'') {
        advance(p, 2);
        lex_escaped(p, t, 'U');
        return true;
    }
    if (c == '_' && (n = charset_length(p)) > 0) {
        advance(p, n);
    } else if (quote == '\'' && (c == 'X' || c == 'x')) {
        advance(p, 1);
        lex_binary(p, t);
        return true;
    } else if (quote == '\'' && (c == 'E' || c == 'e')) {
        advance(p, 1);
        lex_escaped(p, t, 'E');
        return true;
    } else if (quote == '\'' && (c == 'N' || c == 'n')) {
        advance(p, 1);
    } else {
        return false;
    }
    if (lex_quoted(p, t, '\'', false, &t->value))
        t->kind = T_STRING;
    return true;
}

static void lex_symbol(struct parser *p, struct token *t)
{
    static const struct {
        char text[4];
        uint8_t kind;
    } symbols[] = {
        { "/*+", T_HINT }, { "<>", T_NE }, { "!=", T_BANG_NE }, { "<=", T_LE }, { ">=", T_GE },
        { "||", T_CONCAT }, { "=>", T_ARROW },
    };
    struct str rest = { p->text.ptr + p->pos, p->text.len - p->pos };
    if (p->in_hint && str_starts(rest, STR("*/"))) {
        p->in_hint = false;
        t->kind = T_HINT_END;
        advance(p, 2);
        return;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (str_starts(rest, str_from(symbols[i].text))) {
            t->kind = symbols[i].kind;
            p->in_hint = p->in_hint || t->kind == T_HINT;
            advance(p, (uint32_t)strlen(symbols[i].text));
            return;
        }
    if (at(p, 0) > 0 && strchr("()[]{},;.+-*/%=<>^$|?:", at(p, 0))) {
        t->kind = (uint8_t)at(p, 0);
        advance(p, 1);
        return;
    }
    bad_character(p, t);
}

void lex_token(struct parser *p, struct token *t)
{
    *t = (struct token){ 0 };
    if (!skip_space(p, t))
        return;
    t->line = p->line;
    t->column = p->column;
    t->at = p->pos;
    int c = at(p, 0);
    uint32_t n = 0;
    if (c < 0) {
        t->kind = T_END;
    } else if (c == '\'') {
        if (lex_quoted(p, t, '\'', false, &t->value))
            t->kind = T_STRING;
    } else if (c == '`') {
        if (lex_quoted(p, t, '`', false, &t->value)) {
            t->kind = T_QUOTED;
            if (t->value.len == 0)
                bad(p, t, ST_SYNTAX, "empty name", NULL);
        }
    } else if (is_digit(c) || (c == '.' && is_digit(at(p, 1)))) {
        lex_number(p, t);
    } else if ((n = word_length(p)) > 0) {
        if (!lex_prefixed(p, t)) {
            t->kind = T_WORD;
            t->value = (struct str){ p->text.ptr + p->pos, n };
            t->word = (uint16_t)word_find(t->value);
            advance(p, n);
        }
    } else {
        lex_symbol(p, t);
    }
    t->end = p->pos;
}
