/* `late NAME` without a table of the file's own: the table for a window's late rows, out of the query's tree. Its
 * columns are those of what the window function reads, as DESCRIBE names them. The first window function in the
 * query counts. */
#include "tester/tester_private.h"

#define DEPTH_MAX 64u

static bool is_window(struct str name)
{
    static const char *const names[] = { "TUMBLE", "HOP", "CUMULATE", "SESSION" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(name, str_from(names[i])))
            return true;
    return false;
}

static const struct syn_name *in_query(const struct syn_query *q, uint32_t depth);

/* The table that a window function's call reads; NULL: none by name. */
static const struct syn_name *in_call(const struct syn_expr *call, uint32_t depth)
{
    if (!call || !call->name.count || !is_window(call->name.parts[call->name.count - 1]))
        return NULL;
    for (uint32_t i = 0; i < call->n_args; i++) {
        const struct syn_expr *arg = call->args[i];
        if (arg->kind == SYN_NAMED_ARG && arg->n_args)
            arg = arg->args[0];
        if (arg->kind != SYN_TABLE_ARG)
            continue;
        if (arg->query) {
            const struct syn_name *inner = in_query(arg->query, depth + 1);
            return inner ? inner : arg->query->from ? &arg->query->from->name : NULL;
        }
        return &arg->name;
    }
    return NULL;
}

static const struct syn_name *in_from(const struct syn_from *f, uint32_t depth)
{
    if (!f || depth > DEPTH_MAX)
        return NULL;
    const struct syn_name *n = in_call(f->call, depth);
    if (!n && f->query)
        n = in_query(f->query, depth + 1);
    if (!n)
        n = in_from(f->left, depth + 1);
    return n ? n : in_from(f->right, depth + 1);
}

/* GROUP BY TUMBLE(ts, …): the table after FROM. */
static bool groups_by_window(const struct syn_query *q)
{
    for (uint32_t i = 0; i < q->n_group; i++) {
        const struct syn_expr *e = q->group[i].expr;
        if (e && e->kind == SYN_CALL && e->name.count && is_window(e->name.parts[e->name.count - 1]))
            return true;
    }
    return false;
}

static const struct syn_name *in_query(const struct syn_query *q, uint32_t depth)
{
    if (!q || depth > DEPTH_MAX)
        return NULL;
    for (uint32_t i = 0; i < q->n_ctes; i++) {
        const struct syn_name *n = in_query(q->ctes[i].query, depth + 1);
        if (n)
            return n;
    }
    const struct syn_name *n = in_from(q->from, depth + 1);
    if (!n && q->from && q->from->kind == SYN_FROM_TABLE && groups_by_window(q))
        n = &q->from->name;
    if (!n)
        n = in_query(q->left, depth + 1);
    return n ? n : in_query(q->right, depth + 1);
}

/* "TIMESTAMP(3) *ROWTIME*" without its mark. */
static struct str plain_type(struct str type)
{
    int64_t star = str_find(type, STR(" *"), 0);
    return star < 0 ? type : str_make(type.ptr, (size_t)star);
}

static bool write_columns(struct buf *sql, const struct rows *columns)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < columns->count; i++) {
        const struct cells *c = &columns->at[i];
        struct str type = plain_type(c->at[1]);
        ok = c->n >= 2 && buf_printf(sql, "%s`%.*s` %.*s", i ? ", " : "", STR_ARG(c->at[0]), STR_ARG(type));
    }
    return ok;
}

enum status late_table_sql(struct world *w, const struct syn_stmt *stmt, struct str name, struct str *ret,
                           struct error *err)
{
    const struct syn_name *table = in_query(stmt->query, 0);
    if (!table || !table->count)
        return error_set(err, ST_USAGE,
                         "'late' finds no window over a table in the query: SET 'late.table' says where to");
    struct rows columns = { 0 };
    const struct schema *schema;
    struct str describe = STR("DESCRIBE ");
    for (uint32_t i = 0; i < table->count; i++)
        describe = arena_printf(&w->arena, "%.*s%s`%.*s`", STR_ARG(describe), i ? "." : "", STR_ARG(table->parts[i]));
    if (!describe.ptr)
        return budget_error(w->arena.budget, 0, err);
    TRY(world_query(w, describe, &columns, &schema, err));
    struct buf sql;
    buf_init(&sql, w->arena.budget, TEST_FILE_BYTES);
    bool ok = buf_printf(&sql, "CREATE TABLE " CATALOG_DATABASE ".`%.*s` (", STR_ARG(name)) && write_columns(&sql, &columns) &&
              buf_printf(&sql, ") WITH ('connector' = 'test')");
    *ret = ok ? arena_str(&w->arena, buf_str(&sql)) : (struct str){ NULL, 0 };
    buf_release(&sql);
    return ret->ptr ? ST_OK : budget_error(w->arena.budget, 0, err);
}
