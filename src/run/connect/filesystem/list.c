/* The files that a path stands for.
 *
 * A path without wildcards is a file or a directory; a directory means its files, also those below it. With
 * wildcards it is a glob, walked segment by segment: what has no wildcard is followed without listing, what has
 * one is matched against the names there. '*' does not pass a '/'. Names that begin with '.' or '_' are hidden
 * (files being written, marks of other tools) unless the pattern itself names them so.
 *
 * 'source.path.regex-pattern' keeps the files whose whole path matches. */
#include "filesystem.h"

#include <stdlib.h>

#define FILES_MAX 1000000u
#define DEPTH_MAX 32u

struct walk {
    struct os *os;
    struct arena *arena;
    const struct connect_regex *regex;
    ARRAY(struct split) found;
    bool strict; /* what is named must be there */
    bool is_glob;
};

bool fs_glob_match(struct str pattern, struct str name);

static enum status no_memory(const struct walk *w, struct error *err)
{
    return connect_memory(w->arena->budget, err);
}

/* "[a-z]" at p (behind the bracket): matches c? *ret_next behind the closing one, 0 when there is none. */
static bool class_match(struct str p, size_t at, char c, size_t *ret_next)
{
    bool negated = at < p.len && (p.ptr[at] == '!' || p.ptr[at] == '^'), hit = false;
    at += negated;
    *ret_next = 0;
    for (size_t start = at; at < p.len; at++) {
        if (p.ptr[at] == ']' && at > start) {
            *ret_next = at + 1;
            return hit != negated;
        }
        if (at + 2 < p.len && p.ptr[at + 1] == '-' && p.ptr[at + 2] != ']') {
            hit |= (uint8_t)c >= (uint8_t)p.ptr[at] && (uint8_t)c <= (uint8_t)p.ptr[at + 2];
            at += 2;
        } else {
            hit |= c == p.ptr[at];
        }
    }
    return false;
}

/* One step of a pattern that is no '*'. */
static bool one_match(struct str p, size_t *at, char c)
{
    char k = p.ptr[*at];
    if (k == '[') {
        size_t next;
        bool hit = class_match(p, *at + 1, c, &next);
        if (next) {
            *at = next;
            return hit;
        }
    }
    if (k == '\\' && *at + 1 < p.len)
        k = p.ptr[++*at];
    else if (k == '?')
        k = c;
    ++*at;
    return k == c;
}

bool fs_glob_match(struct str pattern, struct str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, star_n = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = ++p;
            star_n = n;
            continue;
        }
        size_t next = p;
        if (p < pattern.len && one_match(pattern, &next, name.ptr[n])) {
            p = next;
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++star_n;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool has_wildcard(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("*?[", s.ptr[i]))
            return true;
    return false;
}

static bool is_hidden(struct str name)
{
    return name.len > 0 && (name.ptr[0] == '.' || name.ptr[0] == '_');
}

/* ---- walking ---- */

static enum status keep(struct walk *w, struct str path, struct error *err)
{
    if (w->regex && !connect_regex_match(w->regex, path.ptr))
        return ST_OK;
    if (w->found.count == FILES_MAX)
        return error_set(err, ST_LIMIT, "the path stands for more than %u files", FILES_MAX);
    struct split *s = array_add(&w->found, w->arena);
    if (!s)
        return no_memory(w, err);
    s->id = path;
    return ST_OK;
}

static struct str joined(struct walk *w, struct str dir, struct str name)
{
    if (dir.len == 0)
        return arena_str(w->arena, name);
    bool slash = dir.ptr[dir.len - 1] != '/';
    return arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(dir), slash ? "/" : "", STR_ARG(name));
}

static enum status list_dir(struct walk *w, struct str dir, struct os_name **ret, uint32_t *ret_n, struct error *err)
{
    enum status st = w->os->ops->list(w->os, dir.len ? dir.ptr : ".", w->arena, ret, ret_n, err);
    if (st == ST_NOT_FOUND && !w->strict) { /* taken away since it was seen */
        *ret_n = 0;
        error_clear(err);
        return ST_OK;
    }
    return st;
}

static enum status take_dir(struct walk *w, struct str dir, uint32_t depth, struct error *err)
{
    struct os_name *names;
    uint32_t n;
    if (depth > DEPTH_MAX)
        return error_set(err, ST_LIMIT, "'%.*s': directories are nested deeper than %u", STR_ARG(dir), DEPTH_MAX);
    TRY(list_dir(w, dir, &names, &n, err));
    w->strict = false;
    for (uint32_t i = 0; i < n; i++) {
        if (is_hidden(names[i].name))
            continue;
        struct str path = joined(w, dir, names[i].name);
        if (!path.ptr)
            return no_memory(w, err);
        TRY(names[i].is_directory ? take_dir(w, path, depth + 1, err) : keep(w, path, err));
    }
    return ST_OK;
}

/* A path whose wildcards are all resolved. */
static enum status take_path(struct walk *w, struct str path, uint32_t depth, struct error *err)
{
    struct os_stat st;
    enum status found = w->os->ops->stat(w->os, path.ptr, &st, err);
    if (found == ST_NOT_FOUND && !w->strict) {
        error_clear(err);
        return ST_OK;
    }
    TRY(found);
    if (st.is_directory)
        return take_dir(w, path, depth, err);
    if (st.is_stream) {
        error_set(err, ST_SEMANTIC, "'%.*s' is a pipe or device, not a file", STR_ARG(path));
        error_hint(err, "standard input is the path '-'");
        return ST_SEMANTIC;
    }
    return keep(w, path, err);
}

/* Resolves the rest of a glob below `dir`. */
static enum status glob(struct walk *w, struct str dir, struct str rest, uint32_t depth, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_set(err, ST_LIMIT, "the path has more than %u parts", DEPTH_MAX);
    if (!rest.ptr)
        return take_path(w, dir, depth, err);
    struct str part = str_split(&rest, '/');
    if (part.len == 0 && dir.len == 0 && rest.ptr)
        return glob(w, STR("/"), rest, depth, err);
    if (!has_wildcard(part)) {
        struct str path = joined(w, dir, part);
        return path.ptr ? glob(w, path, rest, depth + 1, err) : no_memory(w, err);
    }
    struct os_name *names;
    uint32_t n;
    TRY(list_dir(w, dir, &names, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        struct str name = names[i].name;
        if ((is_hidden(name) && name.ptr[0] != part.ptr[0]) || !fs_glob_match(part, name) ||
            (rest.ptr && !names[i].is_directory))
            continue;
        struct str path = joined(w, dir, name);
        if (!path.ptr)
            return no_memory(w, err);
        TRY(glob(w, path, rest, depth + 1, err));
    }
    return ST_OK;
}

static int by_id(const void *a, const void *b)
{
    return str_cmp(((const struct split *)a)->id, ((const struct split *)b)->id);
}

static enum status walk(struct walk *w, struct str path, bool following, struct error *err)
{
    w->is_glob = has_wildcard(path);
    w->strict = !w->is_glob && !following;
    TRY(w->is_glob ? glob(w, STR(""), path, 0, err) : take_path(w, path, 0, err));
    if (w->found.count > 0)
        qsort(w->found.at, w->found.count, sizeof *w->found.at, by_id);
    if (w->is_glob && w->found.count == 0 && !following)
        return error_set(err, ST_NOT_FOUND, "no file matches '%.*s'", STR_ARG(path));
    return ST_OK;
}

enum status fs_list(struct os *os, struct str path, bool following, const char *regex, struct arena *arena,
                    struct split **ret, uint32_t *ret_count, struct error *err)
{
    struct connect_regex *compiled = NULL;
    struct walk w = { .os = os, .arena = arena };
    if (regex)
        TRY(connect_regex_new(str_from(regex), arena->budget, &compiled, err));
    w.regex = compiled;
    enum status st = walk(&w, path, following, err);
    connect_regex_free(compiled);
    TRY(st);
    *ret = w.found.at;
    *ret_count = w.found.count;
    return ST_OK;
}
