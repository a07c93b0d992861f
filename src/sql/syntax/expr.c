/* Expressions by precedence climbing: an operand, then operators as long as they bind at least as tightly
 * as the caller asks. The table holds Calcite's precedences, in which IS stands below the comparisons,
 * IN, LIKE and BETWEEN above them, and || beside *.
 *
 * Every node gets its height when it is finished. A chain a + b + c … leans to the left without nesting,
 * so the depth counter does not see it; the height does, and bounds everybody's recursion over trees.
 * Depth is counted where a rule can come back to itself: at whole expressions (every bracket holds one)
 * and at prefixes. Between an expression and its operands the climb is bounded by the number of levels. */
#include "syntax/parser.h"

enum status new_expr(struct parser *p, enum syn_expr_kind kind, const struct token *at, struct syn_expr **ret)
{
    TRY_NEW(p, e, struct syn_expr);
    e->kind = kind;
    e->line = at->line;
    e->column = at->column;
    e->height = 1;
    *ret = e;
    return ST_OK;
}

/* A keyword as an argument. */
enum status new_word(struct parser *p, const struct token *t, struct syn_expr **ret)
{
    TRY(new_expr(p, SYN_WORD, t, ret));
    (*ret)->text = word_text((enum word)t->word);
    return ST_OK;
}

/* ---- heights ---- */

static uint32_t highest(uint32_t h, const struct syn_expr *e)
{
    return e && e->height > h ? e->height : h;
}

static uint32_t highest_of(uint32_t h, struct syn_expr *const *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        h = highest(h, list[i]);
    return h;
}

static uint32_t highest_order(uint32_t h, const struct syn_order *order, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        h = highest(h, order[i].expr);
    return h;
}

static uint32_t highest_over(uint32_t h, const struct syn_over *o)
{
    h = highest_order(highest_of(h, o->partition, o->n_partition), o->order, o->n_order);
    return highest(highest(h, o->frame.start_value), o->frame.end_value);
}

static uint32_t highest_group(uint32_t h, const struct syn_group *g, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) /* nested sets were counted by the depth */
        h = highest_group(highest(h, g[i].expr), g[i].items, g[i].n_items);
    return h;
}

enum status seal_expr(struct parser *p, struct syn_expr *e)
{
    uint32_t h = highest(highest_of(0, e->args, e->n_args), e->filter);
    h = highest_order(h, e->within_group, e->n_within_group);
    h = highest_order(highest_of(h, e->partition, e->n_partition), e->order, e->n_order);
    if (e->over)
        h = highest_over(h, e->over);
    if (e->query && e->query->height > h)
        h = e->query->height;
    if (e->type && e->type->height > h)
        h = e->type->height;
    e->height = h + 1;
    return e->height > SYN_MAX_HEIGHT ? too_high(p, e->line, e->column) : ST_OK;
}

enum status seal_query(struct parser *p, struct syn_query *q)
{
    uint32_t h = 0;
    for (uint32_t i = 0; i < q->n_ctes; i++)
        if (q->ctes[i].query->height > h)
            h = q->ctes[i].query->height;
    for (uint32_t i = 0; i < q->n_items; i++)
        h = highest(h, q->items[i].expr);
    if (q->from && q->from->height > h)
        h = q->from->height;
    h = highest(highest(highest(h, q->where), q->having), q->qualify);
    h = highest_group(h, q->group, q->n_group);
    for (uint32_t i = 0; i < q->n_windows; i++)
        h = highest_over(h, &q->windows[i].over);
    h = highest_of(h, q->rows, q->n_rows);
    if (q->left && q->left->height > h)
        h = q->left->height;
    if (q->right && q->right->height > h)
        h = q->right->height;
    q->height = highest_order(h, q->order, q->n_order) + 1;
    return q->height > SYN_MAX_HEIGHT ? too_high(p, q->line, q->column) : ST_OK;
}

static uint32_t match_height(uint32_t h, const struct syn_match *m)
{
    h = highest_order(highest_of(h, m->partition, m->n_partition), m->order, m->n_order);
    for (uint32_t i = 0; i < m->n_measures; i++)
        h = highest(h, m->measures[i].expr);
    for (uint32_t i = 0; i < m->n_defines; i++)
        h = highest(h, m->defines[i].expr);
    return highest(highest(h, m->pattern), m->within);
}

enum status seal_from(struct parser *p, struct syn_from *f)
{
    uint32_t h = highest(highest(highest(0, f->call), f->system_time), f->on);
    if (f->query && f->query->height > h)
        h = f->query->height;
    if (f->left && f->left->height > h)
        h = f->left->height;
    if (f->right && f->right->height > h)
        h = f->right->height;
    if (f->match)
        h = match_height(h, f->match);
    f->height = h + 1;
    return f->height > SYN_MAX_HEIGHT ? too_high(p, f->line, f->column) : ST_OK;
}

enum status set_args(struct parser *p, struct syn_expr *e, const struct expr_list *list)
{
    e->args = list->at;
    e->n_args = list->count;
    return seal_expr(p, e);
}

/* ---- operators ---- */

enum form { BINARY, COMPARISON, IS, BETWEEN, IN_LIST, LIKE, SIMILAR };

struct operator {
    uint16_t token; /* a token kind, or 0 and a word */
    uint16_t word, second; /* second word; NO_WORD: none */
    uint8_t level;
    uint8_t form;
    struct str text;
};

static const struct operator operators[] = {
    { 0, KW_OR, 0, LEVEL_OR, BINARY, STR_INIT("OR") },
    { 0, KW_AND, 0, LEVEL_AND, BINARY, STR_INIT("AND") },
    { 0, KW_IS, 0, LEVEL_IS, IS, STR_INIT("IS") },
    { '=', 0, 0, LEVEL_COMPARE, COMPARISON, STR_INIT("=") },
    { T_NE, 0, 0, LEVEL_COMPARE, COMPARISON, STR_INIT("<>") },
    { T_BANG_NE, 0, 0, LEVEL_COMPARE, COMPARISON, STR_INIT("!=") },
    { '<', 0, 0, LEVEL_COMPARE, COMPARISON, STR_INIT("<") },
    { T_LE, 0, 0, LEVEL_COMPARE, COMPARISON, STR_INIT("<=") },
    { '>', 0, 0, LEVEL_COMPARE, COMPARISON, STR_INIT(">") },
    { T_GE, 0, 0, LEVEL_COMPARE, COMPARISON, STR_INIT(">=") },
    { 0, KW_BETWEEN, 0, LEVEL_BETWEEN, BETWEEN, STR_INIT("") },
    { 0, KW_IN, 0, LEVEL_BETWEEN, IN_LIST, STR_INIT("") },
    { 0, KW_LIKE, 0, LEVEL_BETWEEN, LIKE, STR_INIT("LIKE") },
    { 0, KW_SIMILAR, KW_TO, LEVEL_BETWEEN, SIMILAR, STR_INIT("SIMILAR TO") },
    { 0, KW_OVERLAPS, 0, LEVEL_BETWEEN, BINARY, STR_INIT("OVERLAPS") },
    { 0, KW_CONTAINS, 0, LEVEL_BETWEEN, BINARY, STR_INIT("CONTAINS") },
    { 0, KW_EQUALS, 0, LEVEL_BETWEEN, BINARY, STR_INIT("EQUALS") },
    { 0, KW_PRECEDES, 0, LEVEL_BETWEEN, BINARY, STR_INIT("PRECEDES") },
    { 0, KW_SUCCEEDS, 0, LEVEL_BETWEEN, BINARY, STR_INIT("SUCCEEDS") },
    { 0, KW_IMMEDIATELY, KW_PRECEDES, LEVEL_BETWEEN, BINARY, STR_INIT("IMMEDIATELY PRECEDES") },
    { 0, KW_IMMEDIATELY, KW_SUCCEEDS, LEVEL_BETWEEN, BINARY, STR_INIT("IMMEDIATELY SUCCEEDS") },
    { 0, KW_MEMBER, KW_OF, LEVEL_BETWEEN, BINARY, STR_INIT("MEMBER OF") },
    { 0, KW_SUBMULTISET, KW_OF, LEVEL_BETWEEN, BINARY, STR_INIT("SUBMULTISET OF") },
    { '+', 0, 0, LEVEL_ADD, BINARY, STR_INIT("+") },
    { '-', 0, 0, LEVEL_ADD, BINARY, STR_INIT("-") },
    { '*', 0, 0, LEVEL_MULTIPLY, BINARY, STR_INIT("*") },
    { '/', 0, 0, LEVEL_MULTIPLY, BINARY, STR_INIT("/") },
    { '%', 0, 0, LEVEL_MULTIPLY, BINARY, STR_INIT("%") },
    { T_CONCAT, 0, 0, LEVEL_MULTIPLY, BINARY, STR_INIT("||") },
};

static const struct operator *operator_at(struct parser *p, uint32_t ahead)
{
    const struct token *t = peek_at(p, ahead);
    if (t->kind == T_WORD ? t->word == NO_WORD : t->kind == T_QUOTED)
        return NULL;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const struct operator *o = &operators[i];
        if (t->kind == T_WORD ? o->word != t->word : (o->word || o->token != t->kind))
            continue;
        if (!o->second || peek_word_at(p, ahead + 1, (enum word)o->second))
            return o;
    }
    return NULL;
}

/* x IS [NOT] … */
static enum status parse_is(struct parser *p, struct syn_expr *left, struct syn_expr **ret)
{
    static const struct {
        uint16_t first, second;
        struct str text;
    } tests[] = {
        { KW_NULL, 0, STR_INIT("NULL") },
        { KW_TRUE, 0, STR_INIT("TRUE") },
        { KW_FALSE, 0, STR_INIT("FALSE") },
        { KW_UNKNOWN, 0, STR_INIT("UNKNOWN") },
        { KW_EMPTY, 0, STR_INIT("EMPTY") },
        { KW_DISTINCT, KW_FROM, STR_INIT("DISTINCT FROM") },
        { KW_JSON, KW_VALUE, STR_INIT("JSON VALUE") },
        { KW_JSON, KW_OBJECT, STR_INIT("JSON OBJECT") },
        { KW_JSON, KW_ARRAY, STR_INIT("JSON ARRAY") },
        { KW_JSON, KW_SCALAR, STR_INIT("JSON SCALAR") },
        { KW_JSON, 0, STR_INIT("JSON") },
    };
    struct expr_list args = { 0 };
    struct syn_expr *e;
    TRY(new_expr(p, SYN_IS, take(p), &e));
    e->flag = accept_word(p, KW_NOT);
    for (size_t i = 0; i < sizeof tests / sizeof *tests && !e->text.ptr; i++)
        if (peek_word(p, (enum word)tests[i].first) &&
            (!tests[i].second || peek_word_at(p, 1, (enum word)tests[i].second))) {
            p->at += tests[i].second ? 2 : 1;
            e->text = tests[i].text;
        }
    if (!e->text.ptr && peek(p)->kind == T_WORD && str_eq_nocase(peek(p)->value, STR("A")) &&
        peek_word_at(p, 1, KW_SET)) {
        p->at += 2;
        e->text = STR("A SET");
    }
    if (!e->text.ptr)
        return unexpected(p, "NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM or JSON");
    TRY_ADD(p, value, &args, struct syn_expr *);
    *value = left;
    if (str_eq(e->text, STR("DISTINCT FROM"))) {
        TRY_ADD(p, other, &args, struct syn_expr *);
        TRY(parse_expr_level(p, LEVEL_COMPARE + 1, other));
    }
    *ret = e;
    return set_args(p, e, &args);
}

/* The parenthesis of IN and of = ANY: a query, or expressions. */
static enum status parse_in_operand(struct parser *p, struct syn_expr *e, struct expr_list *args)
{
    if (peek(p)->kind == '(' && paren_opens_query(p, 0)) {
        TRY(expect(p, '(', "'('"));
        TRY(parse_query(p, &e->query));
        return expect(p, ')', "')' after the query\n" CLAUSES);
    }
    TRY(expect(p, '(', "'(' and values or a query"));
    do {
        TRY_ADD(p, item, args, struct syn_expr *);
        TRY(parse_expr(p, item));
    } while (accept(p, ','));
    return expect(p, ')', "an operator, ',' or ')'");
}

/* x [NOT] BETWEEN, IN, LIKE, SIMILAR TO */
static enum status parse_predicate(struct parser *p, const struct operator *o, struct syn_expr *left,
                                   struct syn_expr **ret)
{
    static const enum syn_expr_kind kinds[] = { [BETWEEN] = SYN_BETWEEN, [IN_LIST] = SYN_IN, [LIKE] = SYN_LIKE,
                                                [SIMILAR] = SYN_LIKE };
    struct expr_list args = { 0 };
    struct syn_expr *e;
    TRY(new_expr(p, kinds[o->form], peek(p), &e));
    e->flag = accept_word(p, KW_NOT);
    take(p);
    if (o->second)
        take(p);
    e->text = o->text;
    TRY_ADD(p, value, &args, struct syn_expr *);
    *value = left;
    if (o->form == IN_LIST) {
        TRY(parse_in_operand(p, e, &args));
        *ret = e;
        return set_args(p, e, &args);
    }
    if (o->form == BETWEEN && accept_word(p, KW_SYMMETRIC))
        e->text = STR("SYMMETRIC");
    else if (o->form == BETWEEN)
        (void)accept_word(p, KW_ASYMMETRIC);
    TRY_ADD(p, second, &args, struct syn_expr *);
    TRY(parse_expr_level(p, LEVEL_BETWEEN + 1, second));
    if (o->form == BETWEEN)
        TRY(expect_word(p, KW_AND));
    if (o->form == BETWEEN || accept_word(p, KW_ESCAPE)) {
        TRY_ADD(p, third, &args, struct syn_expr *);
        TRY(parse_expr_level(p, LEVEL_BETWEEN + 1, third));
    }
    *ret = e;
    return set_args(p, e, &args);
}

static enum status parse_binary(struct parser *p, const struct operator *o, struct syn_expr *left,
                                struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    struct syn_expr *e;
    TRY(new_expr(p, SYN_BINARY_OP, take(p), &e));
    if (o->second)
        take(p);
    e->text = o->text;
    TRY_ADD(p, first, &args, struct syn_expr *);
    *first = left;
    const struct token *t = peek(p);
    bool quantified = t->kind == T_WORD && (t->word == KW_ALL || t->word == KW_ANY || t->word == KW_SOME);
    if (o->form == COMPARISON && quantified && peek_at(p, 1)->kind == '(') {
        e->kind = SYN_QUANTIFIED;
        TRY_NEW(p, part, struct str);
        *part = word_text((enum word)take(p)->word);
        e->name = (struct syn_name){ part, 1, t->line, t->column };
        TRY(parse_in_operand(p, e, &args));
    } else {
        TRY_ADD(p, second, &args, struct syn_expr *);
        TRY(parse_expr_level(p, o->level + 1, second));
    }
    *ret = e;
    return set_args(p, e, &args);
}

static enum status parse_prefix(struct parser *p, struct syn_expr **ret)
{
    const struct token *t = peek(p);
    bool not = t->kind == T_WORD && t->word == KW_NOT;
    if (!not && t->kind != '-' && t->kind != '+')
        return parse_primary(p, ret);
    struct expr_list args = { 0 };
    struct syn_expr *e;
    TRY(enter(p));
    TRY(new_expr(p, SYN_UNARY, take(p), &e));
    e->text = not ? STR("NOT") : t->kind == '-' ? STR("-") : STR("+");
    TRY_ADD(p, operand, &args, struct syn_expr *);
    TRY(parse_expr_level(p, not ? LEVEL_NOT : LEVEL_SIGN, operand));
    leave(p);
    *ret = e;
    return set_args(p, e, &args);
}

enum status parse_expr_level(struct parser *p, int level, struct syn_expr **ret)
{
    struct syn_expr *left;
    TRY(parse_prefix(p, &left));
    for (;;) {
        bool negated = peek_word(p, KW_NOT);
        const struct operator *o = operator_at(p, negated);
        if (!o || (negated && (o->form < BETWEEN)))
            break;
        int binds = o->level;
        if (o->form == IS && peek_word_at(p, 1 + peek_word_at(p, 1, KW_NOT), KW_DISTINCT))
            binds = LEVEL_COMPARE; /* IS DISTINCT FROM is a comparison, the other tests of IS stand below */
        if (binds < level)
            break;
        if (o->form == IS)
            TRY(parse_is(p, left, &left));
        else if (o->form >= BETWEEN)
            TRY(parse_predicate(p, o, left, &left));
        else
            TRY(parse_binary(p, o, left, &left));
    }
    *ret = left;
    return ST_OK;
}

enum status parse_expr(struct parser *p, struct syn_expr **ret)
{
    TRY(enter(p));
    TRY(parse_expr_level(p, LEVEL_ANY, ret));
    leave(p);
    return ST_OK;
}

enum status parse_expr_list(struct parser *p, struct syn_expr ***ret, uint32_t *ret_count)
{
    struct expr_list list = { 0 };
    do {
        TRY_ADD(p, item, &list, struct syn_expr *);
        TRY(parse_expr(p, item));
    } while (accept(p, ','));
    *ret = list.at;
    *ret_count = list.count;
    return ST_OK;
}

enum status parse_order_items(struct parser *p, struct syn_order **ret, uint32_t *ret_count)
{
    ARRAY(struct syn_order) list = { 0 };
    do {
        TRY_ADD(p, item, &list, struct syn_order);
        TRY(parse_expr(p, &item->expr));
        item->descending = accept_word(p, KW_DESC);
        if (!item->descending)
            (void)accept_word(p, KW_ASC);
        if (accept_words(p, KW_NULLS, KW_FIRST))
            item->nulls = 1;
        else if (accept_words(p, KW_NULLS, KW_LAST))
            item->nulls = 2;
    } while (accept(p, ','));
    *ret = list.at;
    *ret_count = list.count;
    return ST_OK;
}
