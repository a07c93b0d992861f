/* CREATE VIEW and CREATE FUNCTION. A view is kept as canonical text and bound anew at each use; binding it here only
 * finds its errors early. A function stands for a built-in by its known Java class. */
#include "plan/private.h"

/* Columns of a view: each name once, as many as are listed. */
static enum status view_columns(struct binder *b, const struct syn_stmt *s, struct str name, const struct rel *r)
{
    if (s->n_columns && s->n_columns != r->schema.n_fields)
        return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column,
                        "view '%.*s' names %u columns, its query has %u", STR_ARG(name), s->n_columns,
                        r->schema.n_fields);
    for (uint32_t i = 0; i < r->schema.n_fields; i++)
        for (uint32_t k = 0; k < i; k++) {
            const struct str *names = s->columns;
            struct str x = names ? names[i] : r->schema.fields[i].name, y = names ? names[k] : r->schema.fields[k].name;
            if (str_eq(x, y))
                return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column, "view '%.*s' has two columns '%.*s'",
                                STR_ARG(name), STR_ARG(x));
        }
    return ST_OK;
}

enum status plan_create_view(struct plan_env *env, const struct syn_stmt *s, struct view_desc **ret, struct error *err)
{
    struct binder binder, *b = &binder;
    struct arena *a = catalog_arena(env->catalog);
    struct rel *r;
    struct object_name at;
    TRY(binder_init(b, env, err));
    TRY(new_object(b, &s->name, &at));
    struct view_frame old = { .view = catalog_view(env->catalog, at.key) }; /* what the new one must not be made of */
    if (s->or_replace || s->kind == SYN_STMT_ALTER)
        b->views = old.view ? &old : NULL;
    TRY(bind_query(b, NULL, s->query, false, &r));
    TRY(view_columns(b, s, at.key, r));
    struct view_desc *v = ARENA_NEW(a, struct view_desc);
    TRY_MEM(b, v);
    v->at = at;
    v->name = at.key;
    v->within = arena_str(a, b->database);
    v->temporary = s->temporary;
    v->query = stored_text(b, NULL, s->query);
    v->comment = arena_str(a, s->comment);
    v->columns = ARENA_ARRAY(a, struct str, s->n_columns + 1);
    TRY_MEM(b, v->within.ptr && v->query.ptr && v->comment.ptr && v->columns);
    v->n_columns = s->n_columns;
    for (uint32_t i = 0; i < s->n_columns; i++) {
        v->columns[i] = arena_str(a, s->columns[i]);
        TRY_MEM(b, v->columns[i].ptr);
    }
    *ret = v;
    return ST_OK;
}

enum status plan_create_function(struct plan_env *env, const struct syn_stmt *s, struct function_desc **ret,
                                 struct error *err)
{
    struct binder binder, *b = &binder;
    struct arena *a = catalog_arena(env->catalog);
    struct object_name at;
    TRY(binder_init(b, env, err));
    TRY(object_of(b, &s->name, &at));
    if (s->name.count > 1 && !str_eq(at.database, STR(CATALOG_DATABASE)))
        return error_at(err, ST_UNSUPPORTED, s->name.line, s->name.column,
                        "functions belong to no database: write CREATE FUNCTION %.*s", STR_ARG(at.name));
    if (s->language.len && !str_eq_nocase(s->language, STR("JAVA")) && !str_eq_nocase(s->language, STR("SCALA")))
        return refuse(b, F_FUNCTION_LANGUAGE, s->line, s->column);
    const char *builtin = expr_function_of_class(s->text);
    if (!builtin) {
        error_at(err, ST_UNSUPPORTED, s->line, s->column, "not supported yet: %s (%.*s)",
                 feature_name(F_FUNCTION_CLASS), STR_ARG(s->text));
        error_hint(err, "no Java is run here: known classes stand for functions that are built in");
        return ST_UNSUPPORTED;
    }
    struct function_desc *f = ARENA_NEW(a, struct function_desc);
    TRY_MEM(b, f);
    f->name = arena_str(a, at.name);
    f->builtin = arena_str(a, str_from(builtin));
    f->class_name = arena_str(a, s->text);
    f->temporary = s->temporary;
    TRY_MEM(b, f->name.ptr && f->builtin.ptr && f->class_name.ptr);
    *ret = f;
    return ST_OK;
}
