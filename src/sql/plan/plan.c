/* The doors of the room: a SELECT, the INSERTs of a job, DESCRIBE. Each binds, applies the rules, builds the physical
 * plan. */
#include "plan/private.h"

static struct str user_function(void *arg, struct str name)
{
    const struct plan_env *env = arg;
    const struct function_desc *f = catalog_function(env->catalog, name);
    return f ? f->builtin : (struct str){ 0 };
}

/* The table of 'late.table', checked that it can be written: one of the database in use, or database.table. */
static enum status find_late(struct binder *b)
{
    struct str name = setting_str(b->env, "late.table");
    if (!name.len)
        return ST_OK;
    struct object_name here = catalog_object(b->arena, b->database, name);
    TRY_MEM(b, here.key.ptr);
    b->late_table = catalog_table(b->env->catalog, here.key);
    if (!b->late_table)
        b->late_table = catalog_table(b->env->catalog, name);
    enum status st =
        b->late_table ? sink_columns(b, b->late_table, 0, 0) : catalog_unknown(b->env->catalog, name, 0, 0, b->err);
    if (st == ST_OK && b->late_table->written_row.n_fields != b->late_table->physical.n_fields)
        st = error_set(b->err, ST_SEMANTIC, "table '%.*s' has metadata columns that late rows do not fill", STR_ARG(name));
    if (st != ST_OK)
        error_prefix(b->err, "SET 'late.table': ");
    return st;
}

enum status binder_init(struct binder *b, struct plan_env *env, struct error *err)
{
    *b = (struct binder){ .env = env, .arena = env->arena, .err = err };
    b->database = env->database.len ? env->database : STR(CATALOG_DATABASE);
    b->exprs =
        (struct expr_env){ .arena = env->arena, .zone = env->zone, .zones = env->zones, .database = b->database,
                           .user_function = user_function, .user_arg = env };
    return ST_OK;
}

static enum status job_name(struct binder *b, const char *prefix, const struct output *outputs, uint32_t n,
                            struct str *ret)
{
    *ret = setting_str(b->env, "pipeline.name");
    if (ret->len)
        return ST_OK;
    struct buf out;
    buf_init(&out, b->env->budget, 1u << 16);
    bool ok = buf_printf(&out, "%s", prefix);
    for (uint32_t i = 0; i < n && ok; i++)
        ok = buf_printf(&out, "%s%.*s", i ? "," : "", STR_ARG(outputs[i].table->name));
    *ret = arena_str(b->arena, buf_str(&out));
    buf_release(&out);
    TRY_MEM(b, ok && ret->ptr);
    return ST_OK;
}

/* ---- SELECT ---- */

/* The result's columns, for whoever prints it. */
static enum status result_columns(struct binder *b, const struct rel *r, struct table_desc *t, struct schema *ret)
{
    uint32_t n = r->schema.n_fields;
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    t->columns = ARENA_ARRAY(b->arena, struct column_desc, n + 1);
    TRY_MEM(b, fields && t->columns);
    if (n)
        memcpy(fields, r->schema.fields, n * sizeof *fields);
    TRY(unique_names(b, fields, n));
    for (uint32_t i = 0; i < n; i++) {
        fields[i].type = type_with_time(b->arena, fields[i].type, TIME_NONE);
        TRY_MEM(b, fields[i].type);
        t->columns[i] = (struct column_desc){ .role = COLUMN_PHYSICAL, .name = fields[i].name, .type = fields[i].type };
    }
    t->n_columns = n;
    t->physical = (struct schema){ fields, n };
    t->watermark_column = -1;
    *ret = t->physical;
    return ST_OK;
}

/* --final: the query's own ORDER BY and LIMIT make the table, or a table without order stands on top. */
static enum status make_final(struct binder *b, struct rel **r)
{
    if (!(*r)->bounded) {
        error_set(b->err, ST_USAGE, "--final needs input that ends, and this query's does not");
        return ST_USAGE;
    }
    struct rel *sort = *r;
    if (sort->kind == REL_CALC && !sort->calc.condition && sort->inputs[0]->kind == REL_SORT)
        sort = sort->inputs[0];
    if (sort->kind != REL_SORT) {
        static const struct syn_query none;
        TRY(bind_sort(b, &none, NULL, *r, &sort));
        *r = sort;
    }
    sort->sort.final = true;
    return ST_OK;
}

enum status plan_select(struct plan_env *env, const struct syn_query *q, struct table_desc *result, struct plan **ret,
                        struct error *err)
{
    struct binder b;
    struct output o = { .table = result, .is_result = true, .line = q->line, .column = q->column };
    struct str name;
    TRY(binder_init(&b, env, err));
    TRY(find_late(&b));
    TRY(bind_query(&b, NULL, q, true, &o.rel));
    if (env->final)
        TRY(make_final(&b, &o.rel));
    TRY(result_columns(&b, o.rel, result, &o.columns));
    TRY(sink_columns(&b, result, 0, 0));
    TRY(rules_apply(&b, &o.rel, &o, 1));
    TRY(job_name(&b, "select", NULL, 0, &name));
    return physical_build(&b, &o, 1, name, ret);
}

/* ---- INSERT ---- */

enum status plan_inserts(struct plan_env *env, const struct syn_stmt *const *inserts, uint32_t n, struct plan **ret,
                         struct error *err)
{
    struct binder b;
    TRY(binder_init(&b, env, err));
    struct output *outputs = ARENA_ARRAY(b.arena, struct output, n + 1);
    struct rel **roots = ARENA_ARRAY(b.arena, struct rel *, n + 1);
    struct str name;
    TRY_MEM(&b, outputs && roots);
    TRY(find_late(&b));
    for (uint32_t i = 0; i < n; i++) {
        struct insert in;
        TRY(bind_insert(&b, inserts[i], &in));
        roots[i] = in.rel;
        outputs[i] = (struct output){ .table = in.table,
                                      .columns = in.table->written_row,
                                      .on_conflict = inserts[i]->on_conflict,
                                      .line = inserts[i]->name.line,
                                      .column = inserts[i]->name.column };
    }
    TRY(rules_apply(&b, roots, outputs, n));
    for (uint32_t i = 0; i < n; i++)
        outputs[i].rel = roots[i];
    TRY(job_name(&b, "insert-into_", outputs, n, &name));
    return physical_build(&b, outputs, n, name, ret);
}

/* ---- DESCRIBE ---- */

enum status plan_object(struct plan_env *env, const struct syn_name *name, struct object_name *ret, struct error *err)
{
    struct binder b;
    TRY(binder_init(&b, env, err));
    return object_of(&b, name, ret);
}

enum status plan_describe_file(struct plan_env *env, struct str path, uint32_t line, uint32_t column,
                               const struct table_desc **ret, struct error *err)
{
    struct binder b;
    struct table_desc *t;
    TRY(binder_init(&b, env, err));
    TRY(bind_at(&b, catalog_file(env->catalog, path, NULL, 0, env->arena, &t, err), line, column));
    *ret = t;
    return ST_OK;
}

enum status plan_query_names(struct plan_env *env, const struct syn_query *q, struct str **ret, uint32_t *ret_n,
                             struct error *err)
{
    struct binder b;
    struct rel *r;
    TRY(binder_init(&b, env, err));
    TRY(bind_query(&b, NULL, q, true, &r));
    *ret = ARENA_ARRAY(env->arena, struct str, r->schema.n_fields + 1);
    TRY_MEM(&b, *ret);
    for (uint32_t i = 0; i < r->schema.n_fields; i++)
        (*ret)[i] = r->schema.fields[i].name;
    *ret_n = r->schema.n_fields;
    return ST_OK;
}

enum status plan_describe(struct plan_env *env, const struct syn_name *name, struct schema *ret, struct error *err)
{
    struct binder b;
    struct str n;
    TRY(binder_init(&b, env, err));
    TRY(name_of(&b, name, &n));
    const struct table_desc *t = catalog_table(env->catalog, n);
    if (!t) {
        struct rel *r;
        TRY(bind_relation(&b, NULL, name, &r));
        *ret = schema_copy(env->arena, &r->schema);
        TRY_MEM(&b, ret->fields || r->schema.n_fields == 0);
        return ST_OK;
    }
    struct field *fields = ARENA_ARRAY(env->arena, struct field, t->n_columns + 1);
    TRY_MEM(&b, fields);
    for (uint32_t i = 0; i < t->n_columns; i++)
        fields[i] = (struct field){ t->columns[i].name, t->columns[i].type };
    *ret = (struct schema){ fields, t->n_columns };
    return ST_OK;
}
