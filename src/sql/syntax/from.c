/* What FROM names: tables, subqueries, table functions, UNNEST, files, and joins of them. A comma joins
 * more loosely than the word JOIN, both to the left. */
#include "syntax/parser.h"

static enum status parse_join_tree(struct parser *p, struct syn_from **ret);

static enum status new_from(struct parser *p, enum syn_from_kind kind, struct syn_from **ret)
{
    TRY_NEW(p, f, struct syn_from);
    f->kind = kind;
    f->line = peek(p)->line;
    f->column = peek(p)->column;
    f->height = 1;
    *ret = f;
    return ST_OK;
}

/* ---- hints ---- */

/* 'k' = 'v', k = 'v', or a bare word, text or number. */
static enum status parse_hint_option(struct parser *p, struct syn_option *o)
{
    const struct token *t = peek(p);
    if (t->kind == T_STRING || t->kind == T_WORD || t->kind == T_QUOTED || t->kind == T_NUMBER)
        o->name = take(p)->value;
    else
        return unexpected(p, "a hint's option");
    o->line = peek(p)->line;
    o->column = peek(p)->column;
    while (t->kind != T_STRING && accept(p, '.')) { /* a name with dots stays one text */
        const struct token *last = peek(p);
        if (last->kind != T_WORD && last->kind != T_QUOTED)
            return unexpected(p, "a name");
        take(p);
        o->name = (struct str){ p->text.ptr + t->at, last->end - t->at };
    }
    if (!accept(p, '='))
        return ST_OK;
    o->line = peek(p)->line;
    o->column = peek(p)->column;
    return parse_string(p, &o->value, "a value in single quotes");
}

/* The words between the hint's marks; none is fine. */
enum status parse_hints(struct parser *p, struct syn_hint **ret, uint32_t *ret_count)
{
    ARRAY(struct syn_hint) hints = { 0 };
    while (accept(p, T_HINT)) {
        do {
            TRY_ADD(p, hint, &hints, struct syn_hint);
            ARRAY(struct syn_option) options = { 0 };
            TRY(parse_ident(p, &hint->name, "a hint's name"));
            if (!accept(p, '('))
                continue;
            while (peek(p)->kind != ')') {
                TRY_ADD(p, option, &options, struct syn_option);
                TRY(parse_hint_option(p, option));
                if (!accept(p, ','))
                    break;
            }
            TRY(expect(p, ')', "'=', ',' or ')'"));
            hint->options = options.at;
            hint->n_options = options.count;
        } while (accept(p, ','));
        TRY(expect(p, T_HINT_END, "',' or the end of the hint"));
    }
    *ret = hints.at;
    *ret_count = hints.count;
    return ST_OK;
}

/* ---- what stands behind a table ---- */

static enum status parse_alias(struct parser *p, struct syn_from *f)
{
    if (accept_word(p, KW_AS))
        TRY(parse_ident(p, &f->alias, "a table's name"));
    else if (is_name_token(peek(p)))
        f->alias = take(p)->value;
    if (f->alias.ptr && peek(p)->kind == '(')
        TRY(parse_ident_list(p, &f->column_aliases, &f->n_column_aliases));
    return ST_OK;
}

/* FOR SYSTEM_TIME AS OF, MATCH_RECOGNIZE, aliases. */
static enum status parse_from_tail(struct parser *p, struct syn_from *f, struct syn_from **ret)
{
    if (!f->system_time && f->kind != SYN_FROM_MATCH && accept_words(p, KW_FOR, KW_SYSTEM_TIME)) {
        TRY(expect_word(p, KW_AS));
        TRY(expect_word(p, KW_OF));
        TRY(parse_expr(p, &f->system_time));
    }
    TRY(parse_alias(p, f));
    TRY(seal_from(p, f));
    if (peek_word(p, KW_MATCH_RECOGNIZE)) {
        struct syn_from *outer;
        TRY(new_from(p, SYN_FROM_MATCH, &outer));
        outer->line = f->line;
        outer->column = f->column;
        take(p);
        outer->left = f;
        TRY(parse_match(p, &outer->match));
        TRY(parse_alias(p, outer));
        TRY(seal_from(p, outer));
        f = outer;
    }
    *ret = f;
    return ST_OK;
}

/* ---- one table ---- */

/* TABLE(f(…)): the parenthesis holds a call, and nothing else. */
static enum status parse_table_function(struct parser *p, struct syn_from *f)
{
    f->kind = SYN_FROM_FUNCTION;
    f->table_keyword = true;
    take(p);
    TRY(expect(p, '(', "'('"));
    (void)accept_word(p, KW_SPECIFIC);
    const struct token *t = peek(p);
    TRY(parse_primary(p, &f->call));
    if (f->call->kind != SYN_CALL || f->call->flag)
        return error_at(p->err, ST_SYNTAX, t->line, t->column, "TABLE(…) needs a call of a table function");
    return expect(p, ')', "')'");
}

static enum status parse_unnest(struct parser *p, struct syn_from *f)
{
    f->kind = SYN_FROM_UNNEST;
    TRY(new_expr(p, SYN_CALL, peek(p), &f->call));
    TRY_NEW(p, part, struct str);
    *part = STR("UNNEST");
    f->call->name = (struct syn_name){ part, 1, f->line, f->column };
    take(p);
    TRY(expect(p, '(', "'('"));
    TRY(parse_expr_list(p, &f->call->args, &f->call->n_args));
    TRY(expect(p, ')', "an operator, ',' or ')'"));
    f->ordinality = accept_words(p, KW_WITH, KW_ORDINALITY);
    return seal_expr(p, f->call);
}

/* A name, or a table function without TABLE. */
static enum status parse_named_table(struct parser *p, struct syn_from *f)
{
    if (at_call(p)) {
        f->kind = SYN_FROM_FUNCTION;
        TRY(parse_call(p, &f->call));
    } else {
        TRY(parse_name(p, &f->name, "a table (a name, a query in parentheses, TABLE, UNNEST or LATERAL)"));
    }
    return parse_hints(p, &f->hints, &f->n_hints);
}

static enum status parse_table(struct parser *p, struct syn_from **ret)
{
    struct syn_from *f;
    TRY(new_from(p, SYN_FROM_TABLE, &f));
    f->lateral = accept_word(p, KW_LATERAL);
    const struct token *t = peek(p);
    if (t->kind == '(' && paren_opens_query(p, 0)) {
        f->kind = SYN_FROM_QUERY;
        take(p);
        TRY(parse_query(p, &f->query));
        TRY(expect(p, ')', "')' after the query\n" CLAUSES));
    } else if (t->kind == '(' && !f->lateral) {
        struct syn_from *inner;
        TRY(enter(p));
        take(p);
        TRY(parse_from(p, &inner));
        TRY(expect(p, ')', "JOIN, ',' or ')'"));
        leave(p);
        if (inner->kind == SYN_FROM_JOIN || inner->alias.ptr) { /* takes no (second) alias */
            *ret = inner;
            return ST_OK;
        }
        f = inner;
    } else if (t->kind == T_WORD && t->word == KW_TABLE) {
        TRY(parse_table_function(p, f));
    } else if (t->kind == T_WORD && t->word == KW_UNNEST) {
        TRY(parse_unnest(p, f));
    } else if (t->kind == T_STRING && !f->lateral) {
        f->kind = SYN_FROM_FILE;
        TRY(parse_string(p, &f->path, "a file"));
        TRY(parse_hints(p, &f->hints, &f->n_hints));
    } else {
        TRY(parse_named_table(p, f));
    }
    return parse_from_tail(p, f, ret);
}

/* ---- joins ---- */

struct join_words {
    bool natural, found;
    enum syn_join join;
};

/* [NATURAL] [INNER | LEFT [OUTER] | … | CROSS] JOIN; found is false when no join stands here. */
static enum status parse_join_words(struct parser *p, struct join_words *w)
{
    static const struct {
        uint16_t word;
        enum syn_join join;
    } kinds[] = {
        { KW_INNER, SYN_JOIN_INNER }, { KW_LEFT, SYN_JOIN_LEFT },   { KW_RIGHT, SYN_JOIN_RIGHT },
        { KW_FULL, SYN_JOIN_FULL },   { KW_CROSS, SYN_JOIN_CROSS },
    };
    *w = (struct join_words){ .join = SYN_JOIN_INNER };
    w->natural = accept_word(p, KW_NATURAL);
    w->found = w->natural;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (accept_word(p, (enum word)kinds[i].word)) {
            w->join = kinds[i].join;
            w->found = true;
            if (w->join == SYN_JOIN_LEFT || w->join == SYN_JOIN_RIGHT || w->join == SYN_JOIN_FULL)
                (void)accept_word(p, KW_OUTER);
            break;
        }
    if (accept_word(p, KW_JOIN)) {
        w->found = true;
        return ST_OK;
    }
    return w->found ? unexpected(p, "JOIN") : ST_OK;
}

static enum status parse_join_condition(struct parser *p, struct syn_from *j)
{
    if (j->natural || j->join == SYN_JOIN_CROSS)
        return ST_OK;
    bool conflict = peek_word_at(p, 1, KW_CONFLICT) && peek_word_at(p, 2, KW_DO); /* of the INSERT around */
    if (!conflict && accept_word(p, KW_ON))
        return parse_expr(p, &j->on);
    if (accept_word(p, KW_USING))
        return parse_ident_list(p, &j->using_columns, &j->n_using);
    return ST_OK; /* JOIN UNNEST(…), and whatever the binder makes of the rest */
}

static enum status parse_join_tree(struct parser *p, struct syn_from **ret)
{
    struct syn_from *left;
    TRY(parse_table(p, &left));
    for (;;) {
        struct join_words w;
        struct syn_from *j;
        TRY(parse_join_words(p, &w));
        if (!w.found)
            break;
        TRY(new_from(p, SYN_FROM_JOIN, &j));
        j->join = w.join;
        j->natural = w.natural;
        j->left = left;
        j->line = left->line;
        j->column = left->column;
        TRY(parse_table(p, &j->right));
        TRY(parse_join_condition(p, j));
        TRY(seal_from(p, j));
        left = j;
    }
    *ret = left;
    return ST_OK;
}

enum status parse_from(struct parser *p, struct syn_from **ret)
{
    struct syn_from *left;
    TRY(parse_join_tree(p, &left));
    while (accept(p, ',')) {
        struct syn_from *j;
        TRY(new_from(p, SYN_FROM_JOIN, &j));
        j->join = SYN_JOIN_COMMA;
        j->left = left;
        j->line = left->line;
        j->column = left->column;
        TRY(parse_join_tree(p, &j->right));
        TRY(seal_from(p, j));
        left = j;
    }
    *ret = left;
    return ST_OK;
}
