/* The functions of SQL's standard that read JSON by a path: JSON_VALUE, JSON_QUERY, JSON_EXISTS.
 *
 * The binder gives them their words in a fixed order:
 *     JSON_VALUE(text, path, type, on empty, default, on error, default)
 *     JSON_QUERY(text, path, type, wrapper, on empty, on error)
 *     JSON_EXISTS(text, path, on error)
 * where `type` is a NULL of the type wanted (of TYPE_NULL: none was said), behaviours are words and a default that was
 * not given is a NULL. A path without a mode is strict, as in Flink. What may come of a path:
 *     found    the text of a value
 *     empty    lax: nothing there, JSON's null, no JSON at all; a value of the wrong kind
 *     error    strict: the same; both: a path that is none, a document that is null
 * */
#include "expr/json_private.h"

enum outcome { FOUND, EMPTY, FAILED };

/* What the path leads to in the text of a row. */
struct answer {
    const struct json_path *path;
    enum outcome outcome;
    struct str raw;     /* FOUND: the value's text */
    const char *reason; /* else why not */
};

static void miss(struct answer *a, const char *reason)
{
    a->outcome = a->path->lax ? EMPTY : FAILED;
    a->reason = reason;
}

static enum status answer_row(struct kernel *k, struct json_work *w, uint32_t r, struct answer *a)
{
    struct str text = arg_str(k, 0, r);
    *a = (struct answer){ .outcome = FAILED, .reason = "the JSON path is none" };
    TRY(json_path_of(k, w, r, true, &a->path));
    if (!a->path->valid)
        return ST_OK;
    switch (json_find(w, a->path, text, &a->raw)) {
    case JSON_REFUSED:
        return kernel_memory(k);
    case JSON_ENDLESS:
        return json_too_much(k);
    case JSON_BROKEN:
        miss(a, "the text is no JSON");
        return ST_OK;
    case JSON_MISSING:
        miss(a, "No results for path");
        break;
    case JSON_FOUND:
        a->outcome = FOUND;
        if (json_kind_of(a->raw) == JSON_NULL)
            miss(a, "Strict jsonpath mode requires a non empty returned value, but is null");
        break;
    }
    struct json j;
    json_init(&j, text);
    if (a->outcome != FOUND && json_peek(&j) == JSON_NULL)
        a->outcome = FAILED; /* Flink's library takes no null for a document */
    return ST_OK;
}

static bool is_scalar(struct str raw)
{
    enum json_kind kind = json_kind_of(raw);
    return kind != JSON_ARRAY && kind != JSON_OBJECT;
}

/* The first argument: text, or what has a JSON text of its own. */
static enum status take_document(struct call *c)
{
    const struct type *t = c->args[0]->type;
    if (type_is_text(t))
        return ST_OK;
    if (t->kind != TYPE_NULL && t->kind != TYPE_BOOLEAN && !type_is_numeric(t))
        return call_invalid(c);
    return call_convert(c, 0, type_nullable(c->env->arena, type_string(), t->nullable));
}

static bool word_of(const struct expr *e, struct str word)
{
    struct str s;
    return literal_str(e, &s) && str_eq(s, word);
}

/* ---- values of a wanted type ---- */

/* What Java's Boolean of a text is in Flink. */
static bool text_to_bool(struct str s, bool *ret)
{
    static const struct {
        struct str text;
        bool value;
    } words[] = { { STR_INIT("true"), true },   { STR_INIT("t"), true },   { STR_INIT("yes"), true },
                  { STR_INIT("1"), true },      { STR_INIT("false"), false }, { STR_INIT("f"), false },
                  { STR_INIT("no"), false },    { STR_INIT("0"), false } };
    s = str_trim(s);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eq_nocase(s, words[i].text)) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

static bool put_integer(struct column *out, uint32_t r, struct str text)
{
    int64_t v;
    return json_number_to_i64(text, &v) && cast_fit_integer(out, r, v);
}

/* A scalar that is not null as a number or a boolean; false: it is none, or too large. */
static bool put_scalar(struct column *out, uint32_t r, struct str raw, struct buf *tmp, bool *ret_refused)
{
    const struct type *t = out->type;
    enum json_kind kind = json_kind_of(raw);
    struct str text = raw;
    if (kind == JSON_STRING) {
        buf_clear(tmp);
        *ret_refused = !json_put_text(tmp, raw);
        text = buf_str(tmp);
    }
    if (t->kind == TYPE_BOOLEAN) {
        bool v = kind == JSON_TRUE;
        bool good = kind == JSON_STRING ? text_to_bool(text, &v) : kind == JSON_TRUE || kind == JSON_FALSE;
        if (good)
            out->b[r] = v;
        return good;
    }
    if ((kind != JSON_NUMBER && kind != JSON_STRING) || !json_is_number(text))
        return false;
    double d;
    int128 v;
    switch (t->kind) {
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        if (!str_to_f64(text, &d) || d - d != 0 || (t->kind == TYPE_FLOAT && (float)d - (float)d != 0))
            return false;
        if (t->kind == TYPE_FLOAT)
            out->f32[r] = (float)d;
        else
            out->f64[r] = d;
        return true;
    case TYPE_DECIMAL:
        if (!decimal_parse(text, t->precision, t->scale, &v))
            return false;
        decimal_put(t, out->data, r, v);
        return true;
    default:
        return put_integer(out, r, text);
    }
}

static bool may_return(const struct type *t)
{
    return t->kind == TYPE_NULL || t->kind == TYPE_BOOLEAN || type_is_numeric(t) || type_is_text(t);
}

/* ---- JSON_VALUE ---- */

enum { VALUE_TYPE = 2, VALUE_ON_EMPTY, VALUE_EMPTY, VALUE_ON_ERROR, VALUE_ERROR, VALUE_ARGS };

static enum status fall_back(struct kernel *k, uint32_t r, uint32_t behaviour, const char *reason)
{
    struct str word;
    (void)literal_str(k->expr->args[behaviour], &word);
    const struct arg *instead = &k->args[behaviour + 1];
    if (str_eq(word, STR("ERROR")))
        return kernel_fail(k, "%s", behaviour == VALUE_ON_EMPTY ? "Empty result of JSON_VALUE function is not allowed"
                                                                : reason);
    if (str_eq(word, STR("NULL")) || arg_null(k, behaviour + 1, r))
        column_set_null(k->out, r);
    else if (!column_copy(k->out, r, instead->col, r & instead->mask, instead->mask != 0))
        return kernel_memory(k);
    return ST_OK;
}

static enum status json_value(struct kernel *k)
{
    struct json_work *w;
    TRY(json_work_for(k, &w));
    bool text = type_is_text(k->out->type);
    EACH_ROW(k, r)
    {
        if (arg_null(k, 0, r)) {
            column_set_null(k->out, r);
            continue;
        }
        struct answer a;
        bool refused = false;
        TRY(answer_row(k, w, r, &a));
        if (a.outcome == FOUND && !is_scalar(a.raw))
            miss(&a, "Strict jsonpath mode requires scalar value, and the actual value is an array or an object");
        if (a.outcome == FOUND && !text && !put_scalar(k->out, r, a.raw, k->tmp, &refused)) {
            a.outcome = FAILED;
            a.reason = "Cannot cast the value to the type of RETURNING";
        }
        if (refused)
            return kernel_memory(k);
        if (a.outcome == FOUND && text) {
            buf_clear(k->tmp);
            if (!(json_kind_of(a.raw) == JSON_STRING ? json_put_text(k->tmp, a.raw)
                                                     : json_put_value(&w->arena, k->tmp, a.raw)))
                return kernel_memory(k);
            TRY(kernel_put_tmp(k, r));
        } else if (a.outcome != FOUND) {
            TRY(fall_back(k, r, a.outcome == EMPTY ? VALUE_ON_EMPTY : VALUE_ON_ERROR, a.reason));
        }
        if (!a.path->single)
            arena_reset(&w->arena);
    }
    return ST_OK;
}

/* A default as the result has it; a BOOLEAN among text is true or false, as Java writes it. */
static enum status convert_default(struct call *c, uint32_t i, const struct type *to)
{
    const struct expr *e = c->args[i];
    if (e->type->kind == TYPE_BOOLEAN && type_is_text(to)) {
        const struct expr *pair[2] = { e, NULL }, *no;
        TRY(expr_string(c->env, STR("true"), &pair[1], c->err));
        TRY(expr_string(c->env, STR("false"), &no, c->err));
        TRY(expr_case(c->env, pair, 1, no, c->line, c->column, &c->args[i], c->err));
    }
    to = type_nullable(c->env->arena, to, c->args[i]->type->nullable || c->args[i]->type->kind == TYPE_NULL);
    return to ? expr_cast(c->env, c->args[i], to, false, c->line, c->column, &c->args[i], c->err)
              : expr_no_memory(c->env, c->err);
}

static enum status resolve_value(struct call *c)
{
    if (c->n_args != VALUE_ARGS || !(type_is_text(c->args[1]->type) || c->args[1]->type->kind == TYPE_NULL))
        return call_invalid(c);
    TRY(take_document(c));
    const struct type *t = c->args[VALUE_TYPE]->type;
    if (!may_return(t))
        return error_at(c->err, ST_SEMANTIC, c->line, c->column, "JSON_VALUE cannot return %.*s",
                        STR_ARG(type_name(c->env->arena, t)));
    if (t->kind == TYPE_NULL || type_is_text(t))
        t = type_string();
    t = type_nullable(c->env->arena, t, true);
    if (!t)
        return expr_no_memory(c->env, c->err);
    TRY(convert_default(c, VALUE_EMPTY, t));
    TRY(convert_default(c, VALUE_ERROR, t));
    c->type = t;
    const struct json_path *path;
    TRY(json_constant_path(c, 1, true, &path));
    c->data = path;
    return ST_OK;
}

/* ---- JSON_QUERY ---- */

enum { QUERY_TYPE = 2, QUERY_WRAPPER, QUERY_ON_EMPTY, QUERY_ON_ERROR, QUERY_ARGS };

static enum status query_fall_back(struct kernel *k, uint32_t r, uint32_t behaviour, const char *reason)
{
    struct str word;
    uint32_t first;
    (void)literal_str(k->expr->args[behaviour], &word);
    if (str_eq(word, STR("ERROR")))
        return kernel_fail(k, "%s", behaviour == QUERY_ON_EMPTY ? "Empty result of JSON_QUERY function is not allowed"
                                                                : reason);
    if (str_eq(word, STR("NULL"))) {
        column_set_null(k->out, r);
        return ST_OK;
    }
    if (k->out->type->kind == TYPE_ARRAY)
        return column_start_list(k->out, r, 0, &first) ? ST_OK : kernel_memory(k);
    return kernel_put_str(k, r, str_eq(word, STR("EMPTY ARRAY")) ? "[]" : "{}", 2);
}

/* The elements of `raw` as an array; *ret_good false: one does not fit. */
static enum status put_elements(struct kernel *k, struct json_work *w, uint32_t r, struct str raw, bool *ret_good)
{
    struct json j;
    struct str element;
    uint32_t first, n = json_count(raw), i = 0;
    json_init(&j, raw);
    *ret_good = json_kind_of(raw) == JSON_ARRAY && json_enter(&j);
    if (!*ret_good)
        return ST_OK;
    if (!column_start_list(k->out, r, n, &first))
        return kernel_memory(k);
    struct column *child = &k->out->children[0];
    for (; i < n && json_element(&j) && json_skip(&j, &element); i++) {
        bool refused = false;
        if (json_kind_of(element) == JSON_NULL) {
            column_set_null(child, first + i);
        } else if (type_is_text(child->type)) {
            buf_clear(k->tmp);
            refused = !(json_kind_of(element) == JSON_STRING ? json_put_text(k->tmp, element)
                                                             : json_put_value(&w->arena, k->tmp, element)) ||
                      !column_set_str(child, first + i, k->tmp->data, k->tmp->len);
        } else if (!put_scalar(child, first + i, element, k->tmp, &refused)) {
            *ret_good = false;
        }
        if (refused)
            return kernel_memory(k);
    }
    return ST_OK;
}

/* `raw` in brackets when wanted; in the scratch arena. */
static bool wrap(struct json_work *w, struct str wrapper, struct str *raw)
{
    if (str_eq(wrapper, STR("WITHOUT")) ||
        (str_eq(wrapper, STR("CONDITIONAL")) && json_kind_of(*raw) == JSON_ARRAY))
        return true;
    char *text = arena_alloc(&w->arena, raw->len + 2);
    if (!text)
        return false;
    text[0] = '[';
    memcpy(text + 1, raw->ptr, raw->len);
    text[raw->len + 1] = ']';
    *raw = str_make(text, raw->len + 2);
    return true;
}

static enum status json_query(struct kernel *k)
{
    struct json_work *w;
    struct str wrapper;
    TRY(json_work_for(k, &w));
    (void)literal_str(k->expr->args[QUERY_WRAPPER], &wrapper);
    EACH_ROW(k, r)
    {
        if (arg_null(k, 0, r)) {
            column_set_null(k->out, r);
            continue;
        }
        struct answer a;
        TRY(answer_row(k, w, r, &a));
        if (a.outcome == FOUND && !wrap(w, wrapper, &a.raw))
            return kernel_memory(k);
        if (a.outcome == FOUND && is_scalar(a.raw))
            miss(&a, "Strict jsonpath mode requires array or object value, and the actual value is a scalar");
        if (a.outcome == FOUND && k->out->type->kind == TYPE_ARRAY) {
            bool good;
            TRY(put_elements(k, w, r, a.raw, &good));
            a.reason = "Array element type mismatch in JSON_QUERY";
            a.outcome = good ? FOUND : FAILED;
        } else if (a.outcome == FOUND) {
            buf_clear(k->tmp);
            if (!json_put_value(&w->arena, k->tmp, a.raw))
                return kernel_memory(k);
            TRY(kernel_put_tmp(k, r));
        }
        if (a.outcome != FOUND)
            TRY(query_fall_back(k, r, a.outcome == EMPTY ? QUERY_ON_EMPTY : QUERY_ON_ERROR, a.reason));
        arena_reset(&w->arena);
    }
    return ST_OK;
}

static enum status resolve_query(struct call *c)
{
    if (c->n_args != QUERY_ARGS || !(type_is_text(c->args[1]->type) || c->args[1]->type->kind == TYPE_NULL))
        return call_invalid(c);
    TRY(take_document(c));
    const struct type *t = c->args[QUERY_TYPE]->type;
    bool list = t->kind == TYPE_ARRAY;
    if (list ? !may_return(t->element) || t->element->kind == TYPE_NULL : t->kind != TYPE_NULL && !type_is_text(t))
        return error_at(c->err, ST_SEMANTIC, c->line, c->column, "JSON_QUERY cannot return %.*s",
                        STR_ARG(type_name(c->env->arena, t)));
    for (uint32_t i = QUERY_ON_EMPTY; i <= QUERY_ON_ERROR && list; i++)
        if (word_of(c->args[i], STR("EMPTY OBJECT")))
            return error_at(c->err, ST_SEMANTIC, c->line, c->column,
                            "Illegal on %s behavior 'EMPTY OBJECT' for return type: %.*s",
                            i == QUERY_ON_EMPTY ? "empty" : "error", STR_ARG(type_name(c->env->arena, t)));
    if (list) {
        const struct type *element = type_nullable(c->env->arena, t->element, true);
        t = element ? type_array(c->env->arena, element) : NULL;
    } else {
        t = type_string();
    }
    if (!t)
        return expr_no_memory(c->env, c->err);
    c->type = t;
    const struct json_path *path;
    TRY(json_constant_path(c, 1, true, &path));
    c->data = path;
    return ST_OK;
}

/* ---- JSON_EXISTS ---- */

static enum status json_exists(struct kernel *k)
{
    struct json_work *w;
    struct str word;
    TRY(json_work_for(k, &w));
    (void)literal_str(k->expr->args[2], &word);
    EACH_ROW(k, r)
    {
        if (arg_null(k, 0, r)) {
            column_set_null(k->out, r);
            continue;
        }
        struct answer a;
        TRY(answer_row(k, w, r, &a));
        k->out->b[r] = a.outcome == FOUND || (a.outcome == FAILED && str_eq(word, STR("TRUE")));
        if (a.outcome == FAILED && str_eq(word, STR("ERROR")))
            return kernel_fail(k, "%s", a.reason);
        if (a.outcome == FAILED && str_eq(word, STR("UNKNOWN")))
            column_set_null(k->out, r);
        if (!a.path->single)
            arena_reset(&w->arena);
    }
    return ST_OK;
}

static enum status resolve_exists(struct call *c)
{
    if (c->n_args != 3 || !(type_is_text(c->args[1]->type) || c->args[1]->type->kind == TYPE_NULL))
        return call_invalid(c);
    TRY(take_document(c));
    bool unknown = word_of(c->args[2], STR("UNKNOWN"));
    c->type = type_nullable(c->env->arena, type_basic(TYPE_BOOLEAN), unknown || c->args[0]->type->nullable);
    if (!c->type)
        return expr_no_memory(c->env, c->err);
    const struct json_path *path;
    TRY(json_constant_path(c, 1, true, &path));
    c->data = path;
    return ST_OK;
}

const struct function functions_json[] = {
    { .name = "JSON_VALUE",
      .signature = "JSON_VALUE(json, path [RETURNING type] [{NULL | ERROR | DEFAULT value} ON {EMPTY | ERROR}]*)",
      .help = "The scalar at a path; NULL when there is none. A path without lax is strict.",
      .example = "JSON_VALUE('{\"a\": 13.5}', '$.a' RETURNING DOUBLE)", .flags = FN_NULLABLE, .resolve = resolve_value,
      .kernel = json_value, .free_state = json_work_free },
    { .name = "JSON_QUERY",
      .signature = "JSON_QUERY(json, path [RETURNING STRING | ARRAY<type>] [{WITH [CONDITIONAL | UNCONDITIONAL] | "
                   "WITHOUT} WRAPPER] [{NULL | EMPTY ARRAY | EMPTY OBJECT | ERROR} ON {EMPTY | ERROR}]*)",
      .help = "The array or object at a path, as JSON text or as an ARRAY.",
      .example = "JSON_QUERY('{\"a\": [1, 2]}', '$.a')", .flags = FN_NULLABLE, .resolve = resolve_query,
      .kernel = json_query, .free_state = json_work_free },
    { .name = "JSON_EXISTS", .signature = "JSON_EXISTS(json, path [{TRUE | FALSE | UNKNOWN | ERROR} ON ERROR])",
      .help = "TRUE when there is something at a path.", .example = "JSON_EXISTS('{\"a\": true}', '$.a')", .flags = 0,
      .resolve = resolve_exists, .kernel = json_exists, .free_state = json_work_free },
    { .name = NULL },
};
