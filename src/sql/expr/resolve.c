/* Calls by name: finds the row of the function table, checks and casts the arguments, sets the type.
 *
 * Most functions say their arguments in letters (`types` of the table), as "ss?i=s": text, text, and if present an
 * integer; the result is STRING. Before '=': s text, x bytes, t text or bytes, i integer (cast to INT), l integer (cast
 * to BIGINT), d number (cast to DOUBLE), n number as it is, b BOOLEAN, D date or timestamp, T timestamp, c any date or
 * time, w a word (text literal), A ARRAY, M MAP, a anything. '?': the rest may be missing; '*': the last one repeats.
 * After '=': s STRING, i INT, l BIGINT, d DOUBLE, b BOOLEAN, x BYTES, 1 or 2 the type of that argument; nothing:
 * the resolver says. A result is nullable when an argument is, or the function can give NULL by itself. */
#include <stdio.h>

#include "expr/expr_private.h"

#define MAX_ARGS 10000u

enum status call_invalid(struct call *c)
{
    char text[400];
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < c->n_args && at < sizeof text - 2; i++) {
        struct str name = type_name(c->env->arena, c->args[i]->type);
        int n = snprintf(text + at, sizeof text - at, "%s%.*s", i ? ", " : "", STR_ARG(name));
        at += n < 0 ? 0 : (size_t)n;
    }
    enum status st = error_at(c->err, ST_SEMANTIC, c->line, c->column, "Invalid function call: %s(%s)",
                              c->function->name, text);
    if (c->function->signature)
        error_hint(c->err, "it is called as %s", c->function->signature);
    return st;
}

enum status call_convert(struct call *c, uint32_t i, const struct type *to)
{
    return expr_convert(c->env, c->args[i], to, false, &c->args[i], c->err);
}

const struct type *call_nullable_by_args(struct call *c, const struct type *t)
{
    bool nullable = (c->function->flags & FN_NULLABLE) != 0;
    for (uint32_t i = 0; i < c->n_args && !nullable; i++)
        nullable = c->args[i]->type->nullable || c->args[i]->type->kind == TYPE_NULL;
    if (c->function->flags & FN_NOTNULL)
        nullable = false;
    if (t && t->time != TIME_NONE)
        t = type_with_time(c->env->arena, t, TIME_NONE);
    return t && t->nullable != nullable ? type_nullable(c->env->arena, t, nullable) : t;
}

enum status call_build(struct call *c, const char *name, const struct expr *const *args, uint32_t n,
                       const struct expr **ret)
{
    return expr_call(c->env, str_from(name), args, n, c->line, c->column, ret, c->err);
}

enum status call_unify(struct call *c, uint32_t from, uint32_t to, const struct type **ret_type, bool *ret_ok)
{
    const struct type *t = c->args[from]->type;
    for (uint32_t i = from + 1; i < to && t; i++)
        t = type_common(c->env->arena, t, c->args[i]->type, false);
    *ret_ok = t != NULL;
    if (!t)
        return ST_OK;
    for (uint32_t i = from; i < to; i++)
        TRY(call_convert(c, i, t));
    *ret_type = t;
    return ST_OK;
}

/* One letter against one argument; *ret_ok false: it does not fit. */
static enum status take_arg(struct call *c, uint32_t i, char letter, bool *ret_ok)
{
    const struct type *t = c->args[i]->type, *to = NULL;
    bool null = t->kind == TYPE_NULL, ok = true;
    switch (letter) {
    case 's':
        ok = type_is_text(t);
        to = null ? type_string() : NULL;
        break;
    case 'x':
        ok = type_is_bytes(t);
        to = null ? type_bytes() : NULL;
        break;
    case 't':
        ok = type_is_text(t) || type_is_bytes(t);
        to = null ? type_string() : NULL;
        break;
    case 'i':
        ok = type_is_integer(t) && t->kind != TYPE_BIGINT;
        to = type_basic(TYPE_INT);
        break;
    case 'l':
        ok = type_is_integer(t);
        to = type_basic(TYPE_BIGINT);
        break;
    case 'd':
        ok = type_is_numeric(t);
        to = type_basic(TYPE_DOUBLE);
        break;
    case 'n':
        ok = type_is_numeric(t);
        to = null ? type_basic(TYPE_INT) : NULL;
        break;
    case 'b':
        ok = t->kind == TYPE_BOOLEAN;
        to = null ? type_basic(TYPE_BOOLEAN) : NULL;
        break;
    case 'D':
        ok = t->kind == TYPE_DATE || type_is_timestamp(t);
        to = null ? type_basic(TYPE_DATE) : NULL;
        break;
    case 'T':
        ok = type_is_timestamp(t);
        to = null ? type_basic(TYPE_TIMESTAMP) : NULL;
        break;
    case 'c':
        ok = t->kind == TYPE_DATE || t->kind == TYPE_TIME || type_is_timestamp(t);
        to = null ? type_basic(TYPE_TIMESTAMP) : NULL;
        break;
    case 'w':
        ok = c->args[i]->kind == EXPR_LITERAL && type_is_text(t);
        null = false;
        break;
    case 'A':
        ok = t->kind == TYPE_ARRAY;
        null = false;
        break;
    case 'M':
        ok = t->kind == TYPE_MAP;
        null = false;
        break;
    default:
        null = false;
        break;
    }
    *ret_ok = ok || null;
    if (*ret_ok && to)
        return call_convert(c, i, to);
    return ST_OK;
}

static const struct type *result_type(struct call *c, char letter)
{
    switch (letter) {
    case 's':
        return type_string();
    case 'i':
        return type_basic(TYPE_INT);
    case 'l':
        return type_basic(TYPE_BIGINT);
    case 'd':
        return type_basic(TYPE_DOUBLE);
    case 'b':
        return type_basic(TYPE_BOOLEAN);
    case 'x':
        return type_bytes();
    case '1':
    case '2':
        return c->args[letter - '1']->type;
    default:
        return NULL;
    }
}

enum status resolve_types(struct call *c, const char *types)
{
    uint32_t i = 0;
    bool optional = false;
    char last = 0;
    const char *p = types;
    for (; *p && *p != '='; p++) {
        if (*p == '?') {
            optional = true;
            continue;
        }
        if (*p == '*') {
            for (; i < c->n_args; i++) {
                bool ok;
                TRY(take_arg(c, i, last, &ok));
                if (!ok)
                    return call_invalid(c);
            }
            continue;
        }
        last = *p;
        if (i == c->n_args) {
            if (!optional)
                return call_invalid(c);
            continue;
        }
        bool ok;
        TRY(take_arg(c, i, *p, &ok));
        if (!ok)
            return call_invalid(c);
        i++;
    }
    if (i < c->n_args)
        return call_invalid(c);
    if (*p == '=' && p[1]) {
        c->type = call_nullable_by_args(c, result_type(c, p[1]));
        if (!c->type)
            return expr_no_memory(c->env, c->err);
    }
    return ST_OK;
}

static enum status unknown_function(struct str name, uint32_t line, uint32_t column, struct error *err)
{
    const char *why = function_unsupported(name);
    if (why)
        return error_at(err, ST_UNSUPPORTED, line, column, "the function %.*s is not supported yet: %s", STR_ARG(name),
                        why);
    if (expr_is_aggregate(name))
        return error_at(err, ST_SEMANTIC, line, column, "the aggregate %.*s cannot stand here", STR_ARG(name));
    enum status st = error_at(err, ST_SEMANTIC, line, column, "unknown function '%.*s'", STR_ARG(name));
    struct str near = expr_function_nearest(name);
    if (near.len)
        error_hint(err, "did you mean %.*s?", STR_ARG(near));
    return st;
}

/* Flattens AND(AND(a, b), c) and checks that all are BOOLEAN. */
static enum status build_logic(struct call *c, enum expr_kind kind, const struct expr **ret)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n_args; i++)
        n += c->args[i]->kind == kind ? c->args[i]->n_args : 1;
    if (n == 0 || n > MAX_ARGS)
        return call_invalid(c);
    struct expr *e = expr_new(c->env, kind, NULL, n);
    if (!e)
        return expr_no_memory(c->env, c->err);
    e->line = c->line;
    e->column_at = c->column;
    uint32_t at = 0;
    bool nullable = false;
    for (uint32_t i = 0; i < c->n_args; i++) {
        const struct expr *a = c->args[i];
        if (a->type->kind == TYPE_NULL)
            TRY(expr_convert(c->env, a, type_basic(TYPE_BOOLEAN), false, &a, c->err));
        if (a->type->kind != TYPE_BOOLEAN)
            return error_at(c->err, ST_SEMANTIC, c->line, c->column, "%s wants BOOLEAN arguments, not %.*s",
                            kind == EXPR_AND ? "AND" : "OR", STR_ARG(type_name(c->env->arena, a->type)));
        nullable = nullable || a->type->nullable;
        if (a->kind == kind)
            for (uint32_t j = 0; j < a->n_args; j++)
                e->args[at++] = a->args[j];
        else
            e->args[at++] = a;
    }
    e->type = nullable ? type_basic(TYPE_BOOLEAN) : type_nullable(c->env->arena, type_basic(TYPE_BOOLEAN), false);
    if (!e->type)
        return expr_no_memory(c->env, c->err);
    if (n == 1) {
        *ret = e->args[0];
        return ST_OK;
    }
    *ret = e;
    return expr_close(e, c->err);
}

static enum status finish_call(struct call *c, const struct expr **ret)
{
    CHECK(c->type != NULL);
    struct expr *e = expr_new(c->env, EXPR_CALL, c->type, 0);
    if (!e)
        return expr_no_memory(c->env, c->err);
    e->function = c->function;
    e->args = c->args;
    e->n_args = c->n_args;
    e->line = c->line;
    e->column_at = c->column;
    e->data = c->data;
    if (c->function->flags & FN_ZONE) {
        struct zone *zone = ARENA_NEW(c->env->arena, struct zone);
        if (!zone)
            return expr_no_memory(c->env, c->err);
        *zone = c->env->zone;
        e->data = zone;
    }
    *ret = e;
    TRY(expr_close(e, c->err));
    /* -5 is a number */
    if (str_eq(str_from(c->function->name), STR("NEGATE")) && c->args[0]->kind == EXPR_LITERAL)
        return expr_fold_literal(c->env, e, ret, c->err);
    return ST_OK;
}

enum status expr_call(struct expr_env *env, struct str name, const struct expr *const *args, uint32_t n_args,
                      uint32_t line, uint32_t column, const struct expr **ret, struct error *err)
{
    if (n_args > MAX_ARGS)
        return error_at(err, ST_LIMIT, line, column, "%u arguments are too many", n_args);
    const struct function *f = NULL;
    if (env->user_function) {
        struct str builtin = env->user_function(env->user_arg, name);
        if (builtin.len)
            f = function_find(builtin);
    }
    if (!f)
        f = function_find(name);
    if (!f)
        return unknown_function(name, line, column, err);
    struct call c = { .env = env, .function = f, .n_args = n_args, .line = line, .column = column, .err = err };
    c.args = ARENA_ARRAY(env->arena, const struct expr *, n_args ? n_args : 1);
    if (!c.args)
        return expr_no_memory(env, err);
    for (uint32_t i = 0; i < n_args; i++)
        c.args[i] = args[i];
    if (str_eq(str_from(f->name), STR("AND")))
        return build_logic(&c, EXPR_AND, ret);
    if (str_eq(str_from(f->name), STR("OR")))
        return build_logic(&c, EXPR_OR, ret);
    enum status st = f->types ? resolve_types(&c, f->types) : ST_OK;
    if (st == ST_OK && f->resolve)
        st = f->resolve(&c);
    if (st != ST_OK)
        return st;
    for (uint32_t i = 0; i < c.n_args; i++) /* casts made just now, of constants, which have no place */
        if (c.args[i]->kind == EXPR_CAST && c.args[i]->line == 0) {
            ((struct expr *)(uintptr_t)c.args[i])->line = line;
            ((struct expr *)(uintptr_t)c.args[i])->column_at = column;
        }
    if (c.instead) {
        *ret = c.instead;
        return ST_OK;
    }
    return finish_call(&c, ret);
}
