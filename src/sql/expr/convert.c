/* Nodes that are no calls: casts, CASE, fields of rows. A cast of a literal is computed at once where that succeeds, so
 * that implicit casts of constants neither cost nor show. */
#include "expr/expr_private.h"

enum status expr_fold_literal(struct expr_env *env, const struct expr *e, const struct expr **ret, struct error *err)
{
    struct expr *folded = expr_new(env, EXPR_LITERAL, e->type, 0);
    if (!folded)
        return expr_no_memory(env, err);
    folded->line = e->line;
    folded->column_at = e->column_at;
    struct error ignored;
    enum status st = expr_evaluate(env->arena, e, &folded->value, &ignored);
    if (st == ST_MEMORY)
        return expr_no_memory(env, err);
    *ret = st == ST_OK ? folded : e; /* what fails is left to fail at its time */
    return ST_OK;
}

enum status expr_convert(struct expr_env *env, const struct expr *arg, const struct type *to, bool is_try,
                         const struct expr **ret, struct error *err)
{
    if (type_equal(arg->type, to, false)) {
        *ret = arg;
        return ST_OK;
    }
    bool nullable = arg->type->nullable || is_try || arg->type->kind == TYPE_NULL ||
                    arg->type->kind == TYPE_VARIANT; /* JSON's null is NULL */
    if (to->nullable != nullable)
        to = type_nullable(env->arena, to, nullable);
    if (!to)
        return expr_no_memory(env, err);
    if (arg->type->kind == TYPE_NULL || (arg->kind == EXPR_LITERAL && column_is_null(&arg->value, 0)))
        return expr_null(env, to, ret, err);
    if (!cast_pick(arg->type, to) && !cast_is_view(arg->type, to))
        return error_at(err, ST_SEMANTIC, arg->line, arg->column_at,
            "Cast function cannot convert value of type %.*s to type %.*s",
                        STR_ARG(type_name(env->arena, arg->type)), STR_ARG(type_name(env->arena, to)));
    struct expr *e = expr_new(env, EXPR_CAST, to, 1);
    struct zone *zone = ARENA_NEW(env->arena, struct zone);
    if (!e || !zone)
        return expr_no_memory(env, err);
    *zone = env->zone;
    e->data = zone;
    e->args[0] = arg;
    e->is_try = is_try;
    e->line = arg->line;
    e->column_at = arg->column_at;
    TRY(expr_close(e, err));
    *ret = e;
    return arg->kind == EXPR_LITERAL ? expr_fold_literal(env, e, ret, err) : ST_OK;
}

enum status expr_cast(struct expr_env *env, const struct expr *arg, const struct type *to, bool is_try, uint32_t line,
                      uint32_t column, const struct expr **ret, struct error *err)
{
    const struct expr *e;
    enum status st = expr_convert(env, arg, to, is_try, &e, err);
    if (st == ST_SEMANTIC && err)
        err->line = line, err->column = column;
    if (st != ST_OK)
        return st;
    if (e != arg && e->kind == EXPR_CAST) {
        ((struct expr *)e)->line = line; /* made just now */
        ((struct expr *)e)->column_at = column;
    } else if (e == arg && is_try && !e->type->nullable) {
        /* TRY_CAST to the same type is nullable all the same; the value is not touched. */
        struct expr *copy = ARENA_NEW(env->arena, struct expr);
        if (!copy)
            return expr_no_memory(env, err);
        *copy = *e;
        copy->type = type_nullable(env->arena, e->type, true);
        if (!copy->type)
            return expr_no_memory(env, err);
        e = copy;
    }
    *ret = e;
    return ST_OK;
}

enum status expr_coerce(struct expr_env *env, const struct expr *arg, const struct type *to, const struct expr **ret,
                        struct error *err)
{
    if (!type_implicit(arg->type, to))
        return error_at(err, ST_SEMANTIC, arg->line, arg->column_at,
            "a value of type %.*s does not fit a column of type %.*s",
                        STR_ARG(type_name(env->arena, arg->type)), STR_ARG(type_name(env->arena, to)));
    return expr_convert(env, arg, to, false, ret, err);
}

enum status expr_case(struct expr_env *env, const struct expr *const *pairs, uint32_t n_pairs,
                      const struct expr *otherwise, uint32_t line, uint32_t column, const struct expr **ret,
                      struct error *err)
{
    const struct type *t = otherwise ? otherwise->type : type_basic(TYPE_NULL);
    if (n_pairs == 0 || n_pairs > 10000)
        return error_at(err, ST_LIMIT, line, column, "CASE with %u conditions", n_pairs);
    /* in the order as written, for names of ROW fields come from the first */
    const struct type *common = pairs[1]->type;
    for (uint32_t i = 1; i <= n_pairs && common; i++)
        common = type_common(env->arena, common, i < n_pairs ? pairs[2 * i + 1]->type : t, true);
    if (!common)
        return error_at(err, ST_SEMANTIC, line, column, "the results of CASE have no common type");
    if (!otherwise && !common->nullable)
        common = type_nullable(env->arena, common, true);
    struct expr *e = expr_new(env, EXPR_CASE, common, 2 * n_pairs + 1);
    if (!e || !common)
        return expr_no_memory(env, err);
    e->line = line;
    e->column_at = column;
    for (uint32_t i = 0; i < n_pairs; i++) {
        const struct expr *when = pairs[2 * i];
        if (when->type->kind == TYPE_NULL)
            TRY(expr_convert(env, when, type_basic(TYPE_BOOLEAN), false, &when, err));
        if (when->type->kind != TYPE_BOOLEAN)
            return error_at(err, ST_SEMANTIC, when->line ? when->line : line, when->line ? when->column_at : column,
                            "a condition must be BOOLEAN, not %.*s", STR_ARG(type_name(env->arena, when->type)));
        e->args[2 * i] = when;
        TRY(expr_convert(env, pairs[2 * i + 1], common, false, &e->args[2 * i + 1], err));
    }
    if (otherwise)
        TRY(expr_convert(env, otherwise, common, false, &e->args[2 * n_pairs], err));
    else
        TRY(expr_null(env, common, &e->args[2 * n_pairs], err));
    *ret = e;
    return expr_close(e, err);
}

enum status expr_field(struct expr_env *env, const struct expr *row, struct str name, uint32_t line, uint32_t column,
                       const struct expr **ret, struct error *err)
{
    const struct type *t = row->type;
    if (t->kind != TYPE_ROW)
        return error_at(err, ST_SEMANTIC, line, column, "'%.*s' is asked of a value of type %.*s, which has no fields",
                        STR_ARG(name), STR_ARG(type_name(env->arena, t)));
    struct schema fields = { t->fields, t->n_fields };
    int32_t at = schema_find(&fields, name);
    if (at < 0) {
        struct str *names = ARENA_ARRAY(env->arena, struct str, t->n_fields + 1);
        for (uint32_t i = 0; names && i < t->n_fields; i++)
            names[i] = t->fields[i].name;
        enum status st = error_at(err, ST_SEMANTIC, line, column, "the row has no field '%.*s'", STR_ARG(name));
        struct str near = names ? str_nearest(name, names, t->n_fields) : (struct str){ 0 };
        if (near.len)
            error_hint(err, "did you mean '%.*s'?", STR_ARG(near));
        return st;
    }
    const struct type *ft = t->fields[at].type;
    if (t->nullable && !ft->nullable)
        ft = type_nullable(env->arena, ft, true);
    struct expr *e = expr_new(env, EXPR_FIELD, ft, 1);
    if (!e || !ft)
        return expr_no_memory(env, err);
    e->args[0] = row;
    e->column = (uint32_t)at;
    e->line = line;
    e->column_at = column;
    TRY(expr_close(e, err));
    *ret = e;
    return row->kind == EXPR_LITERAL ? expr_fold_literal(env, e, ret, err) : ST_OK;
}

enum status expr_fold(struct expr_env *env, const struct expr *e, const struct expr **ret, struct error *err)
{
    if (e->kind == EXPR_LITERAL) {
        *ret = e;
        return ST_OK;
    }
    if (expr_is_constant(e)) {
        struct expr *folded = expr_new(env, EXPR_LITERAL, e->type, 0);
        if (!folded)
            return expr_no_memory(env, err);
        folded->line = e->line;
        folded->column_at = e->column_at;
        TRY(expr_evaluate(env->arena, e, &folded->value, err));
        *ret = folded;
        return ST_OK;
    }
    if (e->n_args == 0) {
        *ret = e;
        return ST_OK;
    }
    /* Branches that may not be reached keep what fails in them. */
    bool lazy = e->kind == EXPR_CASE || e->kind == EXPR_AND || e->kind == EXPR_OR ||
                (e->kind == EXPR_CALL && (e->function->flags & FN_COALESCE));
    struct expr *copy = ARENA_NEW(env->arena, struct expr);
    const struct expr **args = ARENA_ARRAY(env->arena, const struct expr *, e->n_args);
    if (!copy || !args)
        return expr_no_memory(env, err);
    *copy = *e;
    copy->args = args;
    bool changed = false;
    for (uint32_t i = 0; i < e->n_args; i++) {
        enum status st = expr_fold(env, e->args[i], &args[i], lazy && i > 0 ? NULL : err);
        if (st == ST_EXPRESSION && lazy && i > 0)
            args[i] = e->args[i];
        else if (st != ST_OK)
            return st;
        changed = changed || args[i] != e->args[i];
    }
    *ret = changed ? copy : e;
    return ST_OK;
}
