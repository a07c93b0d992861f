/* Functions that look at one JSON value: JSON_LENGTH and JSON_TYPE (NULL for what is no JSON, no path, or not there),
 * IS JSON, JSON_UNQUOTE. */
#include "expr/json_private.h"

/* The one value that is meant; *ret_there false: none. */
static enum status look(struct kernel *k, struct json_work *w, uint32_t r, bool *ret_there, struct str *ret_raw)
{
    const struct json_path *p = NULL;
    struct str text = arg_str(k, 0, r);
    *ret_there = false;
    if (k->n_args == 1) {
        *ret_there = json_whole(text, ret_raw);
        return ST_OK;
    }
    TRY(json_path_of(k, w, r, false, &p));
    if (!p->valid)
        return ST_OK;
    struct json_path strict = *p;
    strict.lax = false;
    enum json_found found = json_find(w, &strict, text, ret_raw);
    if (found == JSON_REFUSED)
        return kernel_memory(k);
    if (found == JSON_ENDLESS)
        return json_too_much(k);
    if (found != JSON_FOUND)
        return ST_OK;
    *ret_there = true;
    if (!p->definite) { /* of several matches none is meant */
        struct json j;
        *ret_there = json_count(*ret_raw) == 1;
        json_init(&j, *ret_raw);
        if (*ret_there)
            *ret_there = json_enter(&j) && json_element(&j) && json_skip(&j, ret_raw);
    }
    return ST_OK;
}

static enum status json_length(struct kernel *k)
{
    struct json_work *w;
    TRY(json_work_for(k, &w));
    EACH_ROW(k, r)
    {
        bool there;
        struct str raw;
        TRY(look(k, w, r, &there, &raw));
        if (there)
            k->out->i32[r] = (int32_t)json_count(raw);
        else
            column_set_null(k->out, r);
        arena_reset(&w->arena);
    }
    return ST_OK;
}

static enum status json_type(struct kernel *k)
{
    static const struct str names[] = { [JSON_NULL] = STR_INIT("null"),     [JSON_FALSE] = STR_INIT("boolean"),
                                        [JSON_TRUE] = STR_INIT("boolean"),  [JSON_NUMBER] = STR_INIT("number"),
                                        [JSON_STRING] = STR_INIT("string"), [JSON_ARRAY] = STR_INIT("array"),
                                        [JSON_OBJECT] = STR_INIT("object") };
    struct json_work *w;
    TRY(json_work_for(k, &w));
    EACH_ROW(k, r)
    {
        bool there;
        struct str raw;
        TRY(look(k, w, r, &there, &raw));
        if (there)
            TRY(kernel_put_str(k, r, names[json_kind_of(raw)].ptr, names[json_kind_of(raw)].len));
        else
            column_set_null(k->out, r);
        arena_reset(&w->arena);
    }
    return ST_OK;
}

static enum status resolve_look(struct call *c)
{
    struct str text;
    const struct json_path *path = NULL;
    if (c->n_args == 2) {
        struct json_path with_mode;
        TRY(json_constant_path(c, 1, false, &path));
        if (literal_str(c->args[1], &text)) {
            if (!json_path_compile(c->env->arena, text, true, &with_mode))
                return expr_no_memory(c->env, c->err);
            if (with_mode.valid && !(path && path->valid))
                return error_at(c->err, ST_SEMANTIC, c->line, c->column,
                                "%s does not support the 'lax'/'strict' path mode prefix (got: '%.*s')",
                                c->function->name, STR_ARG(text));
        }
    }
    c->data = path;
    return ST_OK;
}

/* ---- IS JSON ---- */

static enum status is_json(struct kernel *k)
{
    struct str word;
    (void)literal_str(k->expr->args[1], &word);
    EACH_ROW(k, r)
    {
        struct str raw;
        bool is = !arg_null(k, 0, r) && json_whole(arg_str(k, 0, r), &raw);
        enum json_kind kind = is ? json_kind_of(raw) : JSON_END;
        if (str_eq(word, STR("OBJECT")))
            is = is && kind == JSON_OBJECT;
        else if (str_eq(word, STR("ARRAY")))
            is = is && kind == JSON_ARRAY;
        else if (str_eq(word, STR("SCALAR")))
            is = is && kind != JSON_ARRAY && kind != JSON_OBJECT;
        k->out->b[r] = is;
    }
    return ST_OK;
}

/* ---- JSON_UNQUOTE ---- */

static const char *closing_quote(struct str s)
{
    struct json j;
    struct str raw;
    bool escaped;
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"')
        return NULL;
    json_init(&j, str_make(s.ptr, s.len));
    return json_string(&j, &raw, &escaped) ? j.at : NULL;
}

/* Flink looks whether the text starts with a JSON string, then takes the escapes of all between the first and the last
 * quote. Escapes there that are none leave the text as it is. */
static enum status json_unquote(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        const char *end = closing_quote(s);
        struct str inner = end ? str_make(s.ptr + 1, s.len - 2) : s;
        bool good = end != NULL;
        for (const char *p = end ? end : s.ptr; good && p < s.ptr + s.len - 1; p++) {
            if (*p != '\\')
                continue;
            struct json j; /* an escape alone in quotes must be a string */
            char one[8] = { '"' };
            size_t n = p + 1 < s.ptr + s.len - 1 && p[1] == 'u' ? 6 : 2;
            good = p + n <= s.ptr + s.len - 1;
            if (!good)
                break;
            memcpy(one + 1, p, n);
            one[n + 1] = '"';
            struct str raw;
            bool escaped;
            json_init(&j, str_make(one, n + 2));
            good = json_string(&j, &raw, &escaped) && raw.len == n;
            p += n - 1;
        }
        if (!good) {
            TRY(kernel_put_str(k, r, s.ptr, s.len));
            continue;
        }
        buf_clear(k->tmp);
        if (!buf_reserve(k->tmp, inner.len))
            return kernel_memory(k);
        k->tmp->len = json_unescape(inner, (char *)k->tmp->data);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

const struct function functions_json_look[] = {
    { .name = "JSON_LENGTH", .signature = "JSON_LENGTH(json [, path])",
      .help = "How many members or elements; 1 for a scalar, NULL for what is no JSON.",
      .example = "JSON_LENGTH('[1, 2, 3]')", .types = "s?s=i", .flags = FN_STRICT | FN_NULLABLE,
      .resolve = resolve_look, .kernel = json_length, .free_state = json_work_free },
    { .name = "JSON_TYPE", .signature = "JSON_TYPE(json [, path])",
      .help = "object, array, string, number, boolean or null; NULL for what is no JSON.",
      .example = "JSON_TYPE('[1, 2, 3]')", .types = "s?s=s", .flags = FN_STRICT | FN_NULLABLE,
      .resolve = resolve_look, .kernel = json_type, .free_state = json_work_free },
    { .name = "IS JSON", .signature = "text IS [NOT] JSON [VALUE | SCALAR | ARRAY | OBJECT]",
      .help = "TRUE when the text starts with a JSON value of that kind.", .example = "'{\"a\": 1}' IS JSON OBJECT",
      .types = "sw=b", .flags = FN_NOTNULL, .kernel = is_json },
    { .name = "JSON_UNQUOTE", .signature = "JSON_UNQUOTE(text)",
      .help = "What a JSON string stands for; any other text as it is.", .example = "JSON_UNQUOTE('\"a\\tb\"')",
      .types = "s=s", .flags = FN_STRICT, .kernel = json_unquote },
    { .name = NULL },
};
