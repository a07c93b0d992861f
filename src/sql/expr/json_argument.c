/* A path as an argument: one that is constant is compiled while planning, another one when it changes from row to row. */
#include "expr/json_private.h"

static const struct json_path no_path; /* not valid */

enum status json_constant_path(struct call *c, uint32_t i, bool modes, const struct json_path **ret)
{
    struct str text;
    *ret = NULL;
    if (!literal_str(c->args[i], &text))
        return ST_OK;
    struct json_path *path = ARENA_NEW(c->env->arena, struct json_path);
    struct str copy = arena_str(c->env->arena, text);
    if (!path || !copy.ptr || !json_path_compile(c->env->arena, copy, modes, path))
        return expr_no_memory(c->env, c->err);
    if (path->unsupported)
        return error_at(c->err, ST_UNSUPPORTED, c->args[i]->line ? c->args[i]->line : c->line,
                        c->args[i]->line ? c->args[i]->column_at : c->column,
                        "'%s' in a JSON path is not supported yet", path->unsupported);
    *ret = path;
    return ST_OK;
}

enum status json_path_of(struct kernel *k, struct json_work *w, uint32_t r, bool modes, const struct json_path **ret)
{
    *ret = k->expr->data;
    if (*ret)
        return ST_OK;
    if (arg_null(k, 1, r)) {
        *ret = &no_path;
        return ST_OK;
    }
    struct str text = arg_str(k, 1, r);
    *ret = &w->path;
    if (w->path_known && str_eq(text, buf_str(&w->path_text)))
        return ST_OK;
    w->path_known = false;
    buf_clear(&w->path_text);
    arena_reset(&w->path_arena);
    if (!buf_put(&w->path_text, text.ptr, text.len) ||
        !json_path_compile(&w->path_arena, buf_str(&w->path_text), modes, &w->path))
        return kernel_memory(k);
    if (w->path.unsupported)
        return kernel_fail(k, "'%s' in a JSON path is not supported yet", w->path.unsupported);
    w->path_known = true;
    return ST_OK;
}

enum status json_too_much(struct kernel *k)
{
    return kernel_fail(k, "a JSON path looks at too many places");
}
