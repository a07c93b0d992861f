/* Around the parse: ${name} before it, the caret under the place after it. */
#include <ctype.h>

#include "syntax/syntax.h"

#define VARIABLE_MAX 200u

/* ---- ${name} ---- */

static void place_of(struct str text, size_t at, uint32_t *line, uint32_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at; i++) {
        if (text.ptr[i] == '\n') {
            ++*line;
            *column = 1;
        } else {
            *column += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
        }
    }
}

static enum status unknown_variable(struct str text, size_t at, struct str name, const struct map *vars,
                                    struct error *err)
{
    struct str names[256], near;
    size_t count = 0;
    uint32_t line, column;
    for (struct map_entry *e = map_next(vars, NULL); e && count < 256; e = map_next(vars, e))
        names[count++] = e->key;
    place_of(text, at, &line, &column);
    error_at(err, ST_USAGE, line, column, "no value for ${%.*s}", STR_ARG(name));
    near = count ? str_nearest(name, names, count) : (struct str){ 0 };
    if (near.ptr)
        error_hint(err, "did you mean ${%.*s}?", STR_ARG(near));
    else
        error_hint(err, "give it with --var %.*s=…", STR_ARG(name));
    return ST_USAGE;
}

/* The next ${name} from `at` on; what stands in the braces must look like a name, or it is just text. */
static bool next_variable(struct str text, size_t at, size_t *ret_open, struct str *ret_name)
{
    for (int64_t open; (open = str_find(text, STR("${"), at)) >= 0;) {
        size_t from = (size_t)open + 2, to = from;
        while (to < text.len && to - from < VARIABLE_MAX &&
               (isalnum((unsigned char)text.ptr[to]) || strchr("_-.", text.ptr[to]) != NULL) && text.ptr[to])
            to++;
        if (to < text.len && text.ptr[to] == '}') {
            *ret_open = (size_t)open;
            *ret_name = (struct str){ text.ptr + from, to - from };
            return true;
        }
        at = from;
    }
    return false;
}

enum status syn_substitute(struct arena *a, struct str text, const struct map *vars, struct str *ret,
                           struct error *err)
{
    struct buf out;
    size_t at = 0;
    enum status st = ST_OK;
    buf_init(&out, a->budget, SYN_MAX_TEXT);
    while (st == ST_OK && at < text.len) {
        size_t open = text.len;
        struct str name = { 0 };
        bool found = next_variable(text, at, &open, &name);
        size_t plain = (found ? open : text.len) - at;
        bool ok = buf_put(&out, text.ptr + at, plain);
        at += plain;
        if (ok && found) {
            const struct str *value = map_get(vars, name);
            if (!value) {
                st = unknown_variable(text, open, name, vars, err);
                break;
            }
            ok = buf_put(&out, value->ptr, value->len);
            at = open + name.len + 3;
        }
        if (!ok)
            st = text.len > SYN_MAX_TEXT || out.len + 4096 > SYN_MAX_TEXT
                     ? error_set(err, ST_LIMIT, "with its variables the text has more than %d bytes", SYN_MAX_TEXT)
                     : budget_error(a->budget, out.len, err);
    }
    if (st == ST_OK) {
        struct str copy = arena_str(a, buf_str(&out));
        if (copy.ptr)
            *ret = copy;
        else
            st = budget_error(a->budget, out.len, err);
    }
    buf_release(&out);
    return st;
}

/* ---- the caret ---- */

enum { CARET_WIDTH = 100, CARET_BEFORE = 60 };

static struct str line_of(struct str sql, uint32_t line)
{
    struct str rest = sql;
    for (uint32_t i = 1; i < line && rest.ptr; i++)
        (void)str_split(&rest, '\n');
    if (!rest.ptr)
        return (struct str){ 0 };
    struct str found = str_split(&rest, '\n');
    if (found.len > 0 && found.ptr[found.len - 1] == '\r')
        found.len--;
    return found;
}

/* Terminals give these two columns. */
static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
           (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

/* Control characters would move the terminal's own cursor. */
static bool put_visible(struct buf *out, uint32_t c)
{
    char utf8[4];
    size_t n = utf8_put(c < 0x20 && c != '\t' ? 0xFFFD : c == 0x7F ? 0xFFFD : c, utf8);
    return buf_put(out, utf8, n);
}

bool syn_print_caret(struct buf *out, struct str sql, const struct error *err)
{
    if (err->line == 0)
        return true;
    struct str line = line_of(sql, err->line);
    if (!line.ptr)
        return true;
    uint32_t column = err->column ? err->column : 1;
    size_t length = utf8_length(line);
    uint32_t first = length > CARET_WIDTH && column > CARET_BEFORE ? column - CARET_BEFORE : 1;
    bool cut_left = first > 1, cut_right = length > (size_t)first + CARET_WIDTH - 1;
    bool ok = !cut_left || buf_put(out, "…", 3);
    uint32_t n = 0;
    for (size_t at = 0; ok && at < line.len;) {
        uint32_t c = utf8_next(line, &at);
        if (++n >= first && n < first + CARET_WIDTH)
            ok = put_visible(out, c);
    }
    ok = ok && (!cut_right || buf_put(out, "…", 3)) && buf_put_u8(out, '\n') && (!cut_left || buf_put_u8(out, ' '));
    n = 0;
    size_t at = 0;
    while (ok && ++n < column) {
        uint32_t c = at < line.len ? utf8_next(line, &at) : ' ';
        if (n >= first)
            ok = buf_put(out, c == '\t' ? "\t" : "  ", is_wide(c) ? 2 : 1);
        if (at >= line.len && n > length)
            break;
    }
    return ok && buf_put(out, "^\n", 2);
}
