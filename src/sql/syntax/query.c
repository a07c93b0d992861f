/* Queries: WITH, SELECT, VALUES, set operations, ORDER BY and limits.
 *
 * UNION and EXCEPT bind alike and to the left, INTERSECT more tightly. Parentheses leave no node: only a
 * query that already has an order, a limit or a WITH, and gets a second one from outside, is wrapped as
 * SELECT * FROM (…). */
#include "syntax/parser.h"

static enum status new_query(struct parser *p, enum syn_query_kind kind, struct syn_query **ret)
{
    TRY_NEW(p, q, struct syn_query);
    q->kind = kind;
    q->line = peek(p)->line;
    q->column = peek(p)->column;
    q->height = 1;
    *ret = q;
    return ST_OK;
}

/* ---- SELECT ---- */

static enum status parse_select_items(struct parser *p, struct syn_query *q)
{
    ARRAY(struct syn_select_item) list = { 0 };
    do {
        TRY_ADD(p, item, &list, struct syn_select_item);
        if (peek(p)->kind == '*') {
            TRY(new_expr(p, SYN_STAR, take(p), &item->expr));
            continue;
        }
        TRY(parse_expr(p, &item->expr));
        if (item->expr->kind == SYN_STAR)
            continue;
        if (accept_word(p, KW_AS))
            TRY(parse_ident(p, &item->alias, "a column's name"));
        else if (is_name_token(peek(p)))
            item->alias = take(p)->value;
    } while (accept(p, ','));
    q->items = list.at;
    q->n_items = list.count;
    return ST_OK;
}

static enum status parse_groups(struct parser *p, struct syn_group **ret, uint32_t *ret_count);

static enum status parse_group(struct parser *p, struct syn_group *g)
{
    static const struct {
        uint16_t first, second;
        int kind;
    } sets[] = {
        { KW_GROUPING, KW_SETS, SYN_GROUP_SETS },
        { KW_ROLLUP, 0, SYN_GROUP_ROLLUP },
        { KW_CUBE, 0, SYN_GROUP_CUBE },
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (!peek_word(p, (enum word)sets[i].first) ||
            (sets[i].second && !peek_word_at(p, 1, (enum word)sets[i].second)))
            continue;
        TRY(enter(p));
        p->at += sets[i].second ? 2 : 1;
        g->kind = sets[i].kind;
        TRY(expect(p, '(', "'('"));
        TRY(parse_groups(p, &g->items, &g->n_items));
        leave(p);
        return expect(p, ')', "an operator, ',' or ')'");
    }
    if (peek(p)->kind == '(' && peek_at(p, 1)->kind == ')') {
        p->at += 2;
        g->kind = SYN_GROUP_EMPTY;
        return ST_OK;
    }
    g->kind = SYN_GROUP_EXPR;
    return parse_expr(p, &g->expr);
}

static enum status parse_groups(struct parser *p, struct syn_group **ret, uint32_t *ret_count)
{
    ARRAY(struct syn_group) list = { 0 };
    do {
        TRY_ADD(p, g, &list, struct syn_group);
        TRY(parse_group(p, g));
    } while (accept(p, ','));
    *ret = list.at;
    *ret_count = list.count;
    return ST_OK;
}

static enum status parse_windows(struct parser *p, struct syn_query *q)
{
    ARRAY(struct syn_named_window) list = { 0 };
    do {
        TRY_ADD(p, w, &list, struct syn_named_window);
        TRY(parse_ident(p, &w->name, "a window's name"));
        TRY(expect_word(p, KW_AS));
        TRY(expect(p, '(', "'('"));
        TRY(parse_window_spec(p, &w->over));
    } while (accept(p, ','));
    q->windows = list.at;
    q->n_windows = list.count;
    return ST_OK;
}

static enum status parse_select(struct parser *p, struct syn_query **ret)
{
    struct syn_query *q;
    TRY(new_query(p, SYN_SELECT, &q));
    take(p);
    TRY(parse_hints(p, &q->hints, &q->n_hints));
    q->stream = accept_word(p, KW_STREAM);
    q->distinct = accept_word(p, KW_DISTINCT);
    if (!q->distinct)
        (void)accept_word(p, KW_ALL);
    TRY(parse_select_items(p, q));
    if (accept_word(p, KW_FROM))
        TRY(parse_from(p, &q->from));
    if (accept_word(p, KW_WHERE))
        TRY(parse_expr(p, &q->where));
    if (accept_word(p, KW_GROUP)) {
        q->has_group = true;
        TRY(expect_word(p, KW_BY));
        TRY(parse_groups(p, &q->group, &q->n_group));
    }
    if (accept_word(p, KW_HAVING))
        TRY(parse_expr(p, &q->having));
    if (accept_word(p, KW_WINDOW))
        TRY(parse_windows(p, q));
    if (accept_word(p, KW_QUALIFY))
        TRY(parse_expr(p, &q->qualify));
    *ret = q;
    return ST_OK;
}

/* ---- VALUES ---- */

/* A row is a SYN_ROW, also when it was written as a bare value. */
static enum status parse_values(struct parser *p, struct syn_query **ret)
{
    struct expr_list rows = { 0 };
    struct syn_query *q;
    TRY(new_query(p, SYN_VALUES, &q));
    take(p);
    do {
        TRY_ADD(p, row, &rows, struct syn_expr *);
        const struct token *first = peek(p);
        struct syn_expr *value;
        TRY(parse_expr(p, &value));
        if (value->kind != SYN_ROW) {
            struct expr_list one = { 0 };
            struct syn_expr *wrapped;
            TRY(new_expr(p, SYN_ROW, first, &wrapped));
            wrapped->flag = true;
            TRY_ADD(p, only, &one, struct syn_expr *);
            *only = value;
            TRY(set_args(p, wrapped, &one));
            value = wrapped;
        }
        *row = value;
    } while (accept(p, ','));
    q->rows = rows.at;
    q->n_rows = rows.count;
    *ret = q;
    return ST_OK;
}

/* TABLE t is SELECT * FROM t. */
static enum status parse_explicit_table(struct parser *p, struct syn_query **ret)
{
    struct syn_query *q;
    TRY(new_query(p, SYN_SELECT, &q));
    take(p);
    TRY_NEW(p, item, struct syn_select_item);
    TRY(new_expr(p, SYN_STAR, peek(p), &item->expr));
    TRY_NEW(p, from, struct syn_from);
    from->kind = SYN_FROM_TABLE;
    from->line = peek(p)->line;
    from->column = peek(p)->column;
    from->height = 1;
    TRY(parse_name(p, &from->name, "a table's name"));
    q->items = item;
    q->n_items = 1;
    q->from = from;
    *ret = q;
    return ST_OK;
}

/* ---- set operations ---- */

static enum status parse_leaf(struct parser *p, struct syn_query **ret)
{
    const struct token *t = peek(p);
    if (t->kind == '(') {
        TRY(enter(p));
        take(p);
        TRY(parse_query(p, ret));
        (*ret)->parenthesised = true;
        leave(p);
        return expect(p, ')', "')' after the query\n" CLAUSES);
    }
    if (t->kind == T_WORD && t->word == KW_SELECT)
        TRY(parse_select(p, ret));
    else if (t->kind == T_WORD && t->word == KW_VALUES)
        TRY(parse_values(p, ret));
    else if (t->kind == T_WORD && t->word == KW_TABLE)
        TRY(parse_explicit_table(p, ret));
    else
        return unexpected(p, "SELECT, VALUES, TABLE or '('");
    return seal_query(p, *ret);
}

static bool set_op_at(struct parser *p, enum syn_set_op *ret)
{
    if (peek_word(p, KW_UNION))
        *ret = SYN_UNION;
    else if (peek_word(p, KW_INTERSECT))
        *ret = SYN_INTERSECT;
    else if (peek_word(p, KW_EXCEPT) || peek_word(p, KW_MINUS))
        *ret = SYN_EXCEPT;
    else
        return false;
    return true;
}

static enum status parse_set_ops(struct parser *p, bool only_intersect, struct syn_query **ret)
{
    struct syn_query *left;
    enum syn_set_op op;
    TRY(only_intersect ? parse_leaf(p, &left) : parse_set_ops(p, true, &left));
    while (set_op_at(p, &op) && (op == SYN_INTERSECT) == only_intersect) {
        struct syn_query *q;
        TRY(new_query(p, SYN_SET_OP, &q));
        take(p);
        q->op = op;
        q->all = accept_word(p, KW_ALL);
        if (!q->all)
            (void)accept_word(p, KW_DISTINCT);
        q->left = left;
        q->line = left->line;
        q->column = left->column;
        TRY(only_intersect ? parse_leaf(p, &q->right) : parse_set_ops(p, true, &q->right));
        TRY(seal_query(p, q));
        left = q;
    }
    *ret = left;
    return ST_OK;
}

/* ---- the whole ---- */

static enum status parse_ctes(struct parser *p, struct syn_cte **ret, uint32_t *ret_count)
{
    ARRAY(struct syn_cte) list = { 0 };
    do {
        TRY_ADD(p, cte, &list, struct syn_cte);
        cte->line = peek(p)->line;
        cte->column = peek(p)->column;
        TRY(parse_ident(p, &cte->name, "a name"));
        if (peek(p)->kind == '(')
            TRY(parse_ident_list(p, &cte->columns, &cte->n_columns));
        TRY(expect_word(p, KW_AS));
        TRY(expect(p, '(', "'(' and a query"));
        TRY(parse_query(p, &cte->query));
        TRY(expect(p, ')', "')' after the query\n" CLAUSES));
    } while (accept(p, ','));
    *ret = list.at;
    *ret_count = list.count;
    return ST_OK;
}

static enum status parse_unsigned(struct parser *p, struct syn_expr **ret)
{
    const struct token *t = peek(p);
    int64_t value;
    if (t->kind != T_NUMBER || !str_to_i64(t->value, &value))
        return unexpected(p, "a number of rows");
    TRY(new_expr(p, SYN_NUMBER, t, ret));
    (*ret)->text = take(p)->value;
    return ST_OK;
}

static void accept_row(struct parser *p)
{
    if (!accept_word(p, KW_ROW))
        (void)accept_word(p, KW_ROWS);
}

/* LIMIT n, LIMIT start, n; OFFSET n ROWS; FETCH FIRST n ROWS ONLY; in any order, each once. */
static enum status parse_limits(struct parser *p, struct syn_expr **limit, struct syn_expr **offset)
{
    bool all = false;
    for (;;) {
        if (!*limit && !all && accept_word(p, KW_LIMIT)) {
            if (accept_word(p, KW_ALL)) {
                all = true;
                continue;
            }
            TRY(parse_unsigned(p, limit));
            if (!*offset && accept(p, ',')) {
                *offset = *limit;
                TRY(parse_unsigned(p, limit));
            }
        } else if (!*offset && accept_word(p, KW_OFFSET)) {
            TRY(parse_unsigned(p, offset));
            accept_row(p);
        } else if (!*limit && !all && accept_word(p, KW_FETCH)) {
            if (!accept_word(p, KW_FIRST) && !accept_word(p, KW_NEXT))
                return unexpected(p, "FIRST or NEXT");
            if (peek(p)->kind == T_NUMBER) {
                TRY(parse_unsigned(p, limit));
            } else {
                TRY(new_expr(p, SYN_NUMBER, peek(p), limit));
                (*limit)->text = STR("1");
            }
            accept_row(p);
            TRY(expect_word(p, KW_ONLY));
        } else {
            return ST_OK;
        }
    }
}

/* A query in parentheses with clauses of its own, which others are to follow: SELECT * FROM (inner). */
static enum status wrap_query(struct parser *p, struct syn_query *inner, struct syn_query **ret)
{
    struct syn_query *q;
    TRY(new_query(p, SYN_SELECT, &q));
    TRY_NEW(p, item, struct syn_select_item);
    TRY_NEW(p, from, struct syn_from);
    TRY(new_expr(p, SYN_STAR, peek(p), &item->expr));
    q->line = from->line = item->expr->line = inner->line;
    q->column = from->column = item->expr->column = inner->column;
    from->kind = SYN_FROM_QUERY;
    from->query = inner;
    TRY(seal_from(p, from));
    q->items = item;
    q->n_items = 1;
    q->from = from;
    *ret = q;
    return ST_OK;
}

static enum status parse_query_inner(struct parser *p, struct syn_query **ret)
{
    struct syn_query *q;
    struct syn_cte *ctes = NULL;
    uint32_t n_ctes = 0, n_order = 0;
    struct syn_order *order = NULL;
    struct syn_expr *limit = NULL, *offset = NULL;
    if (accept_word(p, KW_WITH)) {
        const struct token *t = peek(p);
        if (peek_word(p, KW_RECURSIVE))
            return error_at(p->err, ST_UNSUPPORTED, t->line, t->column, "WITH RECURSIVE is not supported");
        TRY(parse_ctes(p, &ctes, &n_ctes));
    }
    TRY(parse_set_ops(p, false, &q));
    if (accept_word(p, KW_ORDER)) {
        TRY(expect_word(p, KW_BY));
        TRY(parse_order_items(p, &order, &n_order));
    }
    TRY(parse_limits(p, &limit, &offset));
    bool taken = q->order || q->limit || q->offset, wants = order || limit || offset;
    if ((taken && wants) || (q->ctes && ctes))
        TRY(wrap_query(p, q, &q));
    if (ctes) {
        q->ctes = ctes;
        q->n_ctes = n_ctes;
    }
    if (wants) {
        q->order = order;
        q->n_order = n_order;
        q->limit = limit;
        q->offset = offset;
    }
    /* the parentheses around the whole are nobody's */
    q->parenthesised = false;
    *ret = q;
    return seal_query(p, q);
}

enum status parse_query(struct parser *p, struct syn_query **ret)
{
    TRY(enter(p));
    TRY(parse_query_inner(p, ret));
    leave(p);
    return ST_OK;
}
