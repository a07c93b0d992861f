/* MATCH_RECOGNIZE. A pattern becomes nodes of kind SYN_PATTERN: sequences and alternatives are flat lists,
 * a quantifier is a node over what it repeats. */
#include "syntax/parser.h"

static enum status parse_pattern(struct parser *p, struct syn_expr **ret);

static enum status new_pattern(struct parser *p, struct str text, struct syn_expr **ret)
{
    TRY(new_expr(p, SYN_PATTERN, peek(p), ret));
    (*ret)->text = text;
    return ST_OK;
}

static enum status new_pattern_over(struct parser *p, struct str text, struct syn_expr *only, struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    TRY(new_pattern(p, text, ret));
    (*ret)->line = only->line;
    (*ret)->column = only->column;
    TRY_ADD(p, item, &args, struct syn_expr *);
    *item = only;
    return set_args(p, *ret, &args);
}

/* ---- pattern ---- */

static enum status parse_permute(struct parser *p, struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    TRY(new_pattern(p, STR("PERMUTE"), ret));
    take(p);
    TRY(expect(p, '(', "'('"));
    do {
        TRY_ADD(p, item, &args, struct syn_expr *);
        TRY(parse_pattern(p, item));
    } while (accept(p, ','));
    TRY(expect(p, ')', "a pattern variable, ',' or ')'"));
    return set_args(p, *ret, &args);
}

static enum status parse_pattern_primary(struct parser *p, struct syn_expr **ret)
{
    const struct token *t = peek(p);
    if (t->kind == '(') {
        take(p);
        TRY(parse_pattern(p, ret));
        return expect(p, ')', "a pattern variable, '|' or ')'");
    }
    if (t->kind == '{' && peek_at(p, 1)->kind == '-') {
        struct syn_expr *inner;
        p->at += 2;
        TRY(parse_pattern(p, &inner));
        TRY(expect(p, '-', "a pattern variable or '-}'"));
        TRY(expect(p, '}', "'}'"));
        return new_pattern_over(p, STR("EXCLUDE"), inner, ret);
    }
    if (t->kind == T_WORD && t->word == KW_PERMUTE)
        return parse_permute(p, ret);
    if (t->kind == '^' || t->kind == '$') {
        TRY(new_pattern(p, t->kind == '^' ? STR("^") : STR("$"), ret));
        take(p);
        return ST_OK;
    }
    TRY(new_pattern(p, STR("VAR"), ret));
    TRY_NEW(p, name, struct str);
    (*ret)->name = (struct syn_name){ name, 1, t->line, t->column };
    return parse_ident(p, name, "the name of a pattern variable");
}

/* {n}, {n,}, {n,m}, {,m} */
static enum status parse_repetition(struct parser *p, struct syn_quantifier *q)
{
    const struct token *open = take(p);
    q->min = 0;
    q->max = -1;
    bool low = peek(p)->kind == T_NUMBER;
    if (low)
        TRY(parse_count(p, &q->min, "a count"));
    if (!accept(p, ',')) {
        if (!low)
            return unexpected(p, "a count");
        q->max = q->min;
    } else if (peek(p)->kind == T_NUMBER) {
        TRY(parse_count(p, &q->max, "a count"));
    } else if (!low) {
        return unexpected(p, "a count");
    }
    if (q->max >= 0 && (q->max < q->min || q->max == 0))
        return error_at(p->err, ST_SYNTAX, open->line, open->column,
                        "the upper bound of a quantifier is below the lower, or 0");
    return expect(p, '}', "',' or '}'");
}

static enum status parse_quantified(struct parser *p, struct syn_expr **ret)
{
    struct syn_quantifier q = { 0, -1, false };
    struct syn_expr *inner;
    TRY(parse_pattern_primary(p, &inner));
    if (accept(p, '*'))
        q.min = 0;
    else if (accept(p, '+'))
        q.min = 1;
    else if (accept(p, '?'))
        q.max = 1;
    else if (peek(p)->kind == '{' && peek_at(p, 1)->kind != '-')
        TRY(parse_repetition(p, &q));
    else {
        *ret = inner;
        return ST_OK;
    }
    q.reluctant = accept(p, '?');
    TRY(new_pattern_over(p, STR("QUANT"), inner, ret));
    (*ret)->quant = q;
    return ST_OK;
}

static bool ends_sequence(const struct token *t)
{
    return t->kind == ')' || t->kind == '|' || t->kind == ',' || t->kind == '-' || t->kind == ';' ||
           t->kind == T_END || t->kind == T_BAD;
}

/* A list of one is its element. */
static enum status finish_list(struct parser *p, struct str text, struct expr_list *list, struct syn_expr **ret)
{
    if (list->count == 1) {
        *ret = list->at[0];
        return ST_OK;
    }
    TRY(new_pattern(p, text, ret));
    (*ret)->line = list->at[0]->line;
    (*ret)->column = list->at[0]->column;
    return set_args(p, *ret, list);
}

static enum status parse_sequence(struct parser *p, struct syn_expr **ret)
{
    struct expr_list list = { 0 };
    do {
        TRY_ADD(p, item, &list, struct syn_expr *);
        TRY(parse_quantified(p, item));
    } while (!ends_sequence(peek(p)));
    return finish_list(p, STR("SEQ"), &list, ret);
}

static enum status parse_pattern(struct parser *p, struct syn_expr **ret)
{
    struct expr_list list = { 0 };
    TRY(enter(p));
    do {
        TRY_ADD(p, item, &list, struct syn_expr *);
        TRY(parse_sequence(p, item));
    } while (accept(p, '|'));
    leave(p);
    return finish_list(p, STR("ALT"), &list, ret);
}

/* ---- clauses ---- */

static enum status parse_measures(struct parser *p, struct syn_match *m)
{
    ARRAY(struct syn_named_expr) list = { 0 };
    do {
        TRY_ADD(p, item, &list, struct syn_named_expr);
        item->line = peek(p)->line;
        item->column = peek(p)->column;
        TRY(parse_expr(p, &item->expr));
        if (!accept_word(p, KW_AS))
            return unexpected(p, "an operator or AS");
        TRY(parse_ident(p, &item->name, "a name"));
    } while (accept(p, ','));
    m->measures = list.at;
    m->n_measures = list.count;
    return ST_OK;
}

static enum status parse_rows_per_match(struct parser *p, struct syn_match *m)
{
    static const struct {
        uint16_t words[3];
        struct str text;
    } options[] = {
        { { KW_SHOW, KW_EMPTY, 0 }, STR_INIT("SHOW EMPTY MATCHES") },
        { { KW_OMIT, KW_EMPTY, 0 }, STR_INIT("OMIT EMPTY MATCHES") },
        { { KW_WITH, KW_UNMATCHED, 0 }, STR_INIT("WITH UNMATCHED ROWS") },
    };
    if (peek_word(p, KW_ONE) || peek_word(p, KW_ALL)) {
        m->rows = take(p)->word == KW_ONE ? 1 : 2;
        TRY(expect_word(p, m->rows == 1 ? KW_ROW : KW_ROWS));
        TRY(expect_word(p, KW_PER));
        TRY(expect_word(p, KW_MATCH));
    }
    if (m->rows != 2)
        return ST_OK;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (accept_words(p, (enum word)options[i].words[0], (enum word)options[i].words[1])) {
            m->rows_option = options[i].text;
            return expect_word(p, i == 2 ? KW_ROWS : KW_MATCHES);
        }
    return ST_OK;
}

static enum status parse_after_match(struct parser *p, struct syn_match *m)
{
    if (!accept_word(p, KW_AFTER))
        return ST_OK;
    TRY(expect_word(p, KW_MATCH));
    TRY(expect_word(p, KW_SKIP));
    if (accept_word(p, KW_PAST)) {
        m->after = STR("PAST LAST ROW");
        TRY(expect_word(p, KW_LAST));
        return expect_word(p, KW_ROW);
    }
    if (!accept_word(p, KW_TO))
        return unexpected(p, "PAST LAST ROW, TO NEXT ROW, TO FIRST or TO LAST");
    if (accept_word(p, KW_NEXT)) {
        m->after = STR("TO NEXT ROW");
        return expect_word(p, KW_ROW);
    }
    /* TO var is TO LAST var; FIRST and LAST are also names */
    bool word = is_name_token(peek_at(p, 1));
    m->after = STR("TO LAST");
    if (word && accept_word(p, KW_FIRST))
        m->after = STR("TO FIRST");
    else if (word)
        (void)accept_word(p, KW_LAST);
    return parse_ident(p, &m->after_var, "NEXT ROW, FIRST, LAST or the name of a pattern variable");
}

static enum status parse_subsets(struct parser *p, struct syn_match *m)
{
    ARRAY(struct syn_subset) list = { 0 };
    do {
        TRY_ADD(p, s, &list, struct syn_subset);
        TRY(parse_ident(p, &s->name, "a subset's name"));
        TRY(expect(p, '=', "'='"));
        TRY(parse_ident_list(p, &s->vars, &s->n_vars));
    } while (accept(p, ','));
    m->subsets = list.at;
    m->n_subsets = list.count;
    return ST_OK;
}

static enum status parse_defines(struct parser *p, struct syn_match *m)
{
    ARRAY(struct syn_named_expr) list = { 0 };
    do {
        TRY_ADD(p, item, &list, struct syn_named_expr);
        item->line = peek(p)->line;
        item->column = peek(p)->column;
        TRY(parse_ident(p, &item->name, "a pattern variable's name"));
        TRY(expect_word(p, KW_AS));
        TRY(parse_expr(p, &item->expr));
    } while (accept(p, ','));
    m->defines = list.at;
    m->n_defines = list.count;
    return ST_OK;
}

/* After the word MATCH_RECOGNIZE. */
enum status parse_match(struct parser *p, struct syn_match **ret)
{
    TRY_NEW(p, m, struct syn_match);
    TRY(expect(p, '(', "'('"));
    if (accept_words(p, KW_PARTITION, KW_BY))
        TRY(parse_expr_list(p, &m->partition, &m->n_partition));
    if (accept_words(p, KW_ORDER, KW_BY))
        TRY(parse_order_items(p, &m->order, &m->n_order));
    if (accept_word(p, KW_MEASURES))
        TRY(parse_measures(p, m));
    TRY(parse_rows_per_match(p, m));
    TRY(parse_after_match(p, m));
    if (!accept_word(p, KW_PATTERN))
        return unexpected(p, m->after.len ? "PATTERN" : "PARTITION, ORDER, MEASURES, ONE, ALL, AFTER or PATTERN");
    TRY(expect(p, '(', "'('"));
    TRY(parse_pattern(p, &m->pattern));
    TRY(expect(p, ')', "a pattern variable, a quantifier, '|' or ')'"));
    if (accept_word(p, KW_WITHIN))
        TRY(parse_expr(p, &m->within));
    if (accept_word(p, KW_SUBSET))
        TRY(parse_subsets(p, m));
    if (accept_word(p, KW_DEFINE))
        TRY(parse_defines(p, m));
    *ret = m;
    return expect(p, ')', "an operator, ',' or ')'");
}
