/* Queries and what FROM holds. */
#include "syntax/parser.h"
#include "syntax/print.h"

/* ---- hints ---- */

bool print_hints(struct buf *out, const struct syn_hint *hints, uint32_t n)
{
    bool ok = n == 0 || put(out, "/*+ ");
    for (uint32_t i = 0; ok && i < n; i++) {
        ok = put_comma(out, i) && print_name_part(out, hints[i].name) && put_if(out, hints[i].n_options > 0, "(");
        for (uint32_t k = 0; ok && k < hints[i].n_options; k++) {
            const struct syn_option *o = &hints[i].options[k];
            ok = put_comma(out, k) && print_string(out, o->name) &&
                 (!o->value.ptr || (put(out, "=") && print_string(out, o->value)));
        }
        ok = ok && put_if(out, hints[i].n_options > 0, ")");
    }
    return ok && put_if(out, n > 0, " */");
}

/* ---- MATCH_RECOGNIZE ---- */

static bool print_measures(struct buf *out, const struct syn_match *m)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < m->n_measures; i++)
        ok = put(out, i ? ", " : "MEASURES ") && syn_print_expr(out, m->measures[i].expr) && put(out, " AS ") &&
             print_name_part(out, m->measures[i].name);
    return ok && put_if(out, m->n_measures > 0, " ");
}

static bool print_defines(struct buf *out, const struct syn_match *m)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < m->n_subsets; i++)
        ok = put(out, i ? ", " : " SUBSET ") && print_name_part(out, m->subsets[i].name) && put(out, " = (") &&
             print_names(out, m->subsets[i].vars, m->subsets[i].n_vars) && put(out, ")");
    for (uint32_t i = 0; ok && i < m->n_defines; i++)
        ok = put(out, i ? ", " : " DEFINE ") && print_name_part(out, m->defines[i].name) && put(out, " AS ") &&
             syn_print_expr(out, m->defines[i].expr);
    return ok;
}

bool print_match(struct buf *out, const struct syn_match *m)
{
    static const char *const rows[] = { "", "ONE ROW PER MATCH ", "ALL ROWS PER MATCH " };
    bool ok = put(out, "MATCH_RECOGNIZE (");
    if (ok && m->n_partition)
        ok = put(out, "PARTITION BY ") && print_exprs(out, m->partition, m->n_partition) && put(out, " ");
    if (ok && m->n_order)
        ok = put(out, "ORDER BY ") && print_orders(out, m->order, m->n_order) && put(out, " ");
    ok = ok && print_measures(out, m) && put(out, rows[m->rows]) && put_str(out, m->rows_option) &&
         put_if(out, m->rows_option.len > 0, " ");
    if (ok && m->after.len)
        ok = put(out, "AFTER MATCH SKIP ") && put_str(out, m->after) && put(out, " ") &&
             (!m->after_var.ptr || (print_name_part(out, m->after_var) && put(out, " ")));
    ok = ok && put(out, "PATTERN (") && print_pattern(out, m->pattern) && put(out, ")");
    if (ok && m->within)
        ok = put(out, " WITHIN ") && syn_print_expr(out, m->within);
    return ok && print_defines(out, m) && put(out, ")");
}

/* ---- FROM ---- */

static bool print_from(struct buf *out, const struct syn_from *f);

static bool print_alias(struct buf *out, const struct syn_from *f)
{
    if (!f->alias.ptr)
        return true;
    return put(out, " AS ") && print_name_part(out, f->alias) &&
           (f->n_column_aliases == 0 ||
            (put(out, "(") && print_names(out, f->column_aliases, f->n_column_aliases) && put(out, ")")));
}

/* The right side of a join, and the left side of a JOIN over a comma, take parentheses when joined. */
static bool print_side(struct buf *out, const struct syn_from *f, bool wrap)
{
    return put_if(out, wrap, "(") && print_from(out, f) && put_if(out, wrap, ")");
}

static bool print_join(struct buf *out, const struct syn_from *f)
{
    static const char *const words[] = { "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN" };
    bool left_is_comma = f->left->kind == SYN_FROM_JOIN && f->left->join == SYN_JOIN_COMMA;
    bool right_is_comma = f->right->kind == SYN_FROM_JOIN && f->right->join == SYN_JOIN_COMMA;
    if (f->join == SYN_JOIN_COMMA)
        return print_side(out, f->left, false) && put(out, ", ") && print_side(out, f->right, right_is_comma);
    bool ok = print_side(out, f->left, left_is_comma) && put(out, f->natural ? " NATURAL " : " ") &&
              put(out, words[f->join]) && put(out, " ") && print_side(out, f->right, f->right->kind == SYN_FROM_JOIN);
    if (ok && f->on)
        ok = put(out, " ON ") && syn_print_expr(out, f->on);
    if (ok && f->n_using)
        ok = put(out, " USING (") && print_names(out, f->using_columns, f->n_using) && put(out, ")");
    return ok;
}

static bool print_table(struct buf *out, const struct syn_from *f)
{
    bool ok = put_if(out, f->lateral, "LATERAL ");
    switch (f->kind) {
    case SYN_FROM_TABLE:
        ok = ok && print_name(out, &f->name);
        break;
    case SYN_FROM_QUERY:
    case SYN_FROM_VALUES:
        ok = ok && put(out, "(") && syn_print_query(out, f->query) && put(out, ")");
        break;
    case SYN_FROM_FUNCTION:
        ok = ok && put_if(out, f->table_keyword, "TABLE(") && syn_print_expr(out, f->call) &&
             put_if(out, f->table_keyword, ")");
        break;
    case SYN_FROM_UNNEST:
        ok = ok && put(out, "UNNEST(") && print_exprs(out, f->call->args, f->call->n_args) && put(out, ")") &&
             put_if(out, f->ordinality, " WITH ORDINALITY");
        break;
    case SYN_FROM_MATCH:
        ok = ok && print_from(out, f->left) && put(out, " ") && print_match(out, f->match);
        break;
    case SYN_FROM_FILE:
        ok = ok && print_string(out, f->path);
        break;
    case SYN_FROM_JOIN:
        break;
    }
    return ok;
}

static bool print_from(struct buf *out, const struct syn_from *f)
{
    if (f->kind == SYN_FROM_JOIN)
        return print_join(out, f);
    bool ok = print_table(out, f);
    if (ok && f->n_hints)
        ok = put(out, " ") && print_hints(out, f->hints, f->n_hints);
    if (ok && f->system_time)
        ok = put(out, " FOR SYSTEM_TIME AS OF ") && syn_print_expr(out, f->system_time);
    return ok && print_alias(out, f);
}

/* ---- SELECT ---- */

static bool print_groups(struct buf *out, const struct syn_group *g, uint32_t n)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++) {
        static const char *const sets[] = { [SYN_GROUP_SETS] = "GROUPING SETS (", [SYN_GROUP_ROLLUP] = "ROLLUP (",
                                            [SYN_GROUP_CUBE] = "CUBE (" };
        ok = put_comma(out, i);
        if (g[i].kind == SYN_GROUP_EXPR)
            ok = ok && syn_print_expr(out, g[i].expr);
        else if (g[i].kind == SYN_GROUP_EMPTY)
            ok = ok && put(out, "()");
        else
            ok = ok && put(out, sets[g[i].kind]) && print_groups(out, g[i].items, g[i].n_items) && put(out, ")");
    }
    return ok;
}

static bool print_select_items(struct buf *out, const struct syn_query *q)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < q->n_items; i++)
        ok = put_comma(out, i) && syn_print_expr(out, q->items[i].expr) &&
             (!q->items[i].alias.ptr || (put(out, " AS ") && print_name_part(out, q->items[i].alias)));
    return ok;
}

static bool print_clause(struct buf *out, const char *word, const struct syn_expr *e)
{
    return !e || (put(out, word) && syn_print_expr(out, e));
}

static bool print_select(struct buf *out, const struct syn_query *q)
{
    bool ok = put(out, "SELECT ");
    if (ok && q->n_hints)
        ok = print_hints(out, q->hints, q->n_hints) && put(out, " ");
    ok = ok && put_if(out, q->stream, "STREAM ") && put_if(out, q->distinct, "DISTINCT ") && print_select_items(out, q);
    if (ok && q->from)
        ok = put(out, " FROM ") && print_from(out, q->from);
    ok = ok && print_clause(out, " WHERE ", q->where);
    if (ok && q->has_group)
        ok = put(out, " GROUP BY ") && print_groups(out, q->group, q->n_group);
    ok = ok && print_clause(out, " HAVING ", q->having);
    for (uint32_t i = 0; ok && i < q->n_windows; i++)
        ok = put(out, i ? ", " : " WINDOW ") && print_name_part(out, q->windows[i].name) && put(out, " AS (") &&
             print_window_spec(out, &q->windows[i].over) && put(out, ")");
    return ok && print_clause(out, " QUALIFY ", q->qualify);
}

/* ---- the whole ---- */

/* Needs an operand of a set operation parentheses? Its own clauses would otherwise be those of the whole,
 * and an operation that binds less (or, on the right, as much) would come apart. */
static bool needs_parentheses(const struct syn_query *q, const struct syn_query *in, bool right)
{
    if (q->parenthesised || q->n_order || q->limit || q->offset || q->n_ctes)
        return true;
    if (q->kind != SYN_SET_OP)
        return false;
    bool looser = q->op != SYN_INTERSECT, tight = in->op == SYN_INTERSECT;
    return right ? looser || tight : looser && tight;
}

static bool print_operand_query(struct buf *out, const struct syn_query *q, const struct syn_query *in, bool right)
{
    bool wrap = needs_parentheses(q, in, right);
    return put_if(out, wrap, "(") && syn_print_query(out, q) && put_if(out, wrap, ")");
}

static bool print_body(struct buf *out, const struct syn_query *q)
{
    static const char *const ops[] = { " UNION ", " INTERSECT ", " EXCEPT " };
    switch (q->kind) {
    case SYN_SELECT:
        return print_select(out, q);
    case SYN_VALUES:
        return put(out, "VALUES ") && print_exprs(out, q->rows, q->n_rows);
    case SYN_SET_OP:
        break;
    }
    return print_operand_query(out, q->left, q, false) && put(out, ops[q->op]) && put_if(out, q->all, "ALL ") &&
           print_operand_query(out, q->right, q, true);
}

bool syn_print_query(struct buf *out, const struct syn_query *q)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < q->n_ctes; i++) {
        const struct syn_cte *c = &q->ctes[i];
        ok = put(out, i ? ", " : "WITH ") && print_name_part(out, c->name);
        if (ok && c->n_columns)
            ok = put(out, "(") && print_names(out, c->columns, c->n_columns) && put(out, ")");
        ok = ok && put(out, " AS (") && syn_print_query(out, c->query) && put(out, ")");
    }
    ok = ok && put_if(out, q->n_ctes > 0, " ") && print_body(out, q);
    if (ok && q->n_order)
        ok = put(out, " ORDER BY ") && print_orders(out, q->order, q->n_order);
    return ok && print_clause(out, " LIMIT ", q->limit) && print_clause(out, " OFFSET ", q->offset);
}
