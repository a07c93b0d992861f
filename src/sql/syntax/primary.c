/* Operands: literals, names, parentheses, CASE, CAST, constructors, and the postfixes . and []. */
#include "syntax/parser.h"

/* ---- literals ---- */

static enum status parse_literal(struct parser *p, enum syn_expr_kind kind, struct syn_expr **ret)
{
    struct syn_expr *e;
    TRY(new_expr(p, kind, peek(p), &e));
    if (kind == SYN_STRING)
        TRY(parse_string(p, &e->text, "text"));
    else
        e->text = take(p)->value;
    *ret = e;
    return ST_OK;
}

/* DATE '…' and its kin: the keyword, then text. */
static enum status parse_time_literal(struct parser *p, enum syn_expr_kind kind, struct syn_expr **ret)
{
    struct syn_expr *e;
    TRY(new_expr(p, kind, take(p), &e));
    TRY(parse_string(p, &e->text, "text"));
    *ret = e;
    return ST_OK;
}

/* INTERVAL [+|-] '…' unit [TO unit]; also a bare number, or a value in parentheses, which is that many
 * times the unit. */
enum status parse_interval(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e, *factor = NULL;
    const struct token *at = take(p);
    TRY(new_expr(p, SYN_INTERVAL, at, &e));
    if (accept(p, '-'))
        e->flag = true;
    else
        (void)accept(p, '+');
    if (peek(p)->kind == T_NUMBER) {
        e->text = take(p)->value;
    } else if (peek(p)->kind == '(') {
        TRY(parse_primary(p, &factor));
        e->text = STR("1");
    } else {
        TRY(parse_string(p, &e->text, "an interval's text in quotes"));
    }
    TRY(parse_interval_units(p, &e->type));
    TRY(seal_expr(p, e));
    *ret = e;
    if (!factor)
        return ST_OK;
    struct expr_list args = { 0 };
    struct syn_expr *product;
    TRY(new_expr(p, SYN_BINARY_OP, at, &product));
    product->text = STR("*");
    TRY_ADD(p, first, &args, struct syn_expr *);
    *first = factor;
    TRY_ADD(p, second, &args, struct syn_expr *);
    *second = e;
    *ret = product;
    return set_args(p, product, &args);
}

/* ---- CASE and CAST ---- */

/* WHEN a, b THEN r: the same as two branches. */
static enum status parse_when(struct parser *p, struct expr_list *args, bool simple)
{
    struct expr_list tests = { 0 };
    struct syn_expr *then;
    do {
        TRY_ADD(p, test, &tests, struct syn_expr *);
        TRY(parse_expr(p, test));
    } while (simple && accept(p, ','));
    if (!accept_word(p, KW_THEN))
        return unexpected(p, "an operator or THEN");
    TRY(parse_expr(p, &then));
    for (uint32_t i = 0; i < tests.count; i++) {
        TRY_ADD(p, when, args, struct syn_expr *);
        *when = tests.at[i];
        TRY_ADD(p, result, args, struct syn_expr *);
        *result = then;
    }
    return ST_OK;
}

enum status parse_case(struct parser *p, struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    struct syn_expr *e;
    TRY(new_expr(p, SYN_CASE, take(p), &e));
    if (!peek_word(p, KW_WHEN)) {
        e->flag = true;
        TRY_ADD(p, operand, &args, struct syn_expr *);
        TRY(parse_expr(p, operand));
        if (!peek_word(p, KW_WHEN))
            return unexpected(p, "an operator or WHEN");
    }
    while (accept_word(p, KW_WHEN))
        TRY(parse_when(p, &args, e->flag));
    if (accept_word(p, KW_ELSE)) {
        e->text = STR("ELSE");
        TRY_ADD(p, otherwise, &args, struct syn_expr *);
        TRY(parse_expr(p, otherwise));
        if (!accept_word(p, KW_END))
            return unexpected(p, "an operator or END");
    } else if (!accept_word(p, KW_END)) {
        return unexpected(p, "an operator, WHEN, ELSE or END");
    }
    *ret = e;
    return set_args(p, e, &args);
}

enum status parse_cast(struct parser *p, struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    struct syn_expr *e;
    const struct token *t = take(p);
    TRY(new_expr(p, SYN_CAST, t, &e));
    e->text = word_text((enum word)t->word);
    TRY(expect(p, '(', "'('"));
    TRY_ADD(p, value, &args, struct syn_expr *);
    TRY(parse_expr(p, value));
    if (!accept_word(p, KW_AS))
        return unexpected(p, "an operator or AS");
    TRY(parse_type(p, &e->type));
    TRY(expect(p, ')', "')'"));
    *ret = e;
    return set_args(p, e, &args);
}

/* CONVERT(type, value [, style]) is CAST(value AS type). */
static enum status parse_convert(struct parser *p, struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    struct syn_expr *e, *style;
    TRY(new_expr(p, SYN_CAST, take(p), &e));
    e->text = word_text(KW_CAST);
    TRY(expect(p, '(', "'('"));
    TRY(parse_type(p, &e->type));
    TRY(expect(p, ',', "','"));
    TRY_ADD(p, value, &args, struct syn_expr *);
    TRY(parse_expr(p, value));
    if (accept(p, ','))
        TRY(parse_expr(p, &style));
    TRY(expect(p, ')', "')'"));
    *ret = e;
    return set_args(p, e, &args);
}

/* ---- parentheses and constructors ---- */

/* Items up to `close`, which is taken. DEFAULT may stand in a row of INSERT … VALUES. */
static enum status parse_items(struct parser *p, int close, struct expr_list *items)
{
    do {
        TRY_ADD(p, item, items, struct syn_expr *);
        if (peek_word(p, KW_DEFAULT))
            TRY(new_expr(p, SYN_DEFAULT, take(p), item));
        else
            TRY(parse_expr(p, item));
    } while (accept(p, ','));
    return expect(p, close, close == ']' ? "an operator, ',' or ']'" : "an operator, ',' or ')'");
}

/* (a - b) DAY TO SECOND: the difference of two times as an interval. */
static bool at_difference(struct parser *p, const struct syn_expr *e)
{
    static const uint16_t units[] = { KW_YEAR, KW_MONTH, KW_DAY, KW_HOUR, KW_MINUTE, KW_SECOND };
    const struct token *t = peek(p);
    bool found = false;
    for (size_t i = 0; t->kind == T_WORD && i < sizeof units / sizeof *units; i++)
        found = found || t->word == units[i];
    return found && e->kind == SYN_BINARY_OP && !e->type && str_eq(e->text, STR("-"));
}

/* {d '…'}, {t '…'}, {ts '…'}: as JDBC writes dates and times. */
static enum status parse_braces(struct parser *p, struct syn_expr **ret)
{
    static const struct {
        struct str name;
        enum syn_expr_kind kind;
    } kinds[] = { { STR_INIT("D"), SYN_DATE }, { STR_INIT("T"), SYN_TIME }, { STR_INIT("TS"), SYN_TIMESTAMP } };
    take(p);
    for (size_t i = 0; peek(p)->kind == T_WORD && i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq_nocase(peek(p)->value, kinds[i].name)) {
            TRY(parse_time_literal(p, kinds[i].kind, ret));
            return expect(p, '}', "'}'");
        }
    return unexpected(p, "d, t or ts");
}

/* (query), (expression) or the row (a, b). */
static enum status parse_parenthesis(struct parser *p, struct syn_expr **ret)
{
    struct expr_list items = { 0 };
    struct syn_expr *e;
    const struct token *open = peek(p);
    if (paren_opens_query(p, 0)) {
        TRY(new_expr(p, SYN_SUBQUERY, take(p), &e));
        TRY(parse_query(p, &e->query));
        TRY(expect(p, ')', "')' after the query\n" CLAUSES));
        *ret = e;
        return seal_expr(p, e);
    }
    take(p);
    TRY(parse_items(p, ')', &items));
    if (items.count == 1) {
        *ret = items.at[0];
        if (!at_difference(p, *ret))
            return ST_OK;
        TRY(parse_interval_units(p, &(*ret)->type));
        return seal_expr(p, *ret);
    }
    TRY(new_expr(p, SYN_ROW, open, &e));
    e->flag = true;
    *ret = e;
    return set_args(p, e, &items);
}

/* ARRAY[…], MAP[…], MULTISET[…], each also with a query in parentheses; ROW(…). */
static enum status parse_constructor(struct parser *p, enum syn_expr_kind kind, struct syn_expr **ret)
{
    struct expr_list items = { 0 };
    struct syn_expr *e;
    TRY(new_expr(p, kind, take(p), &e));
    *ret = e;
    if (kind == SYN_ROW) {
        TRY(expect(p, '(', "'('"));
        TRY(parse_items(p, ')', &items));
    } else if (peek(p)->kind == '(') {
        if (!paren_opens_query(p, 0)) {
            take(p);
            return unexpected(p, "a query");
        }
        take(p);
        TRY(parse_query(p, &e->query));
        TRY(expect(p, ')', "')' after the query\n" CLAUSES));
    } else {
        TRY(expect(p, '[', "'['"));
        if (!accept(p, ']'))
            TRY(parse_items(p, ']', &items));
        if (kind == SYN_MAP && items.count % 2 != 0)
            return error_at(p->err, ST_SYNTAX, e->line, e->column, "MAP needs a value for every key");
    }
    return set_args(p, e, &items);
}

static enum status parse_exists(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e;
    TRY(new_expr(p, SYN_EXISTS, take(p), &e));
    if (peek(p)->kind != '(' || !paren_opens_query(p, 0)) {
        (void)accept(p, '(');
        return unexpected(p, "a query in parentheses");
    }
    take(p);
    TRY(parse_query(p, &e->query));
    TRY(expect(p, ')', "')' after the query\n" CLAUSES));
    *ret = e;
    return seal_expr(p, e);
}

/* CURRENT_DATE and its kin may stand without parentheses. */
static enum status parse_niladic(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e;
    if (peek_at(p, 1)->kind == '(')
        return parse_call(p, ret);
    const struct token *t = take(p);
    TRY(new_expr(p, SYN_CALL, t, &e));
    TRY_NEW(p, part, struct str);
    *part = t->value;
    e->name = (struct syn_name){ part, 1, t->line, t->column };
    e->flag = true;
    *ret = e;
    return ST_OK;
}

/* ---- names ---- */

static enum status parse_column(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e;
    TRY(new_expr(p, SYN_COLUMN, peek(p), &e));
    struct str_list parts = { 0 };
    e->name.line = e->line;
    e->name.column = e->column;
    do {
        if (parts.count > 0 && accept(p, '*')) {
            e->kind = SYN_STAR;
            break;
        }
        TRY_ADD(p, part, &parts, struct str);
        TRY(parse_ident(p, part, "a name"));
    } while (accept(p, '.'));
    e->name.parts = parts.at;
    e->name.count = parts.count;
    *ret = e;
    return ST_OK;
}

/* Does a name stand here that a parenthesis follows: f( or a.b.f( ? */
bool at_call(struct parser *p)
{
    const struct token *t = peek(p);
    if (t->kind == T_WORD && (word_flags(t->word) & CALL) && peek_at(p, 1)->kind == '(')
        return true;
    uint32_t i = 0;
    while (is_name_token(peek_at(p, i))) {
        if (peek_at(p, i + 1)->kind != '.')
            return peek_at(p, i + 1)->kind == '(';
        i += 2;
    }
    return false;
}

static enum status parse_name_or_call(struct parser *p, struct syn_expr **ret)
{
    bool modified = peek_word(p, KW_RUNNING) || peek_word(p, KW_FINAL);
    if (modified && peek_at(p, 1)->kind == T_WORD && peek_at(p, 2)->kind == '(') {
        int semantics = take(p)->word == KW_RUNNING ? 1 : 2;
        if (!at_call(p))
            return unexpected(p, "a function's name");
        TRY(parse_call(p, ret));
        (*ret)->semantics = semantics;
        return ST_OK;
    }
    if (at_call(p))
        return parse_call(p, ret);
    if (is_name_token(peek(p)))
        return parse_column(p, ret);
    return unexpected(p, "an expression (a name, a value or a function)\nCASE CAST NOT EXISTS INTERVAL TIMESTAMP DATE "
                         "TIME ARRAY ROW NULL TRUE FALSE");
}

/* ---- words that begin an operand ---- */

enum what { LITERAL, TIME_LITERAL, CONSTRUCTOR, NILADIC, INTERVAL, CASE, CAST, CONVERT, EXISTS };

static const struct operand_word {
    uint16_t word;
    uint8_t what;
    enum syn_expr_kind kind;
} operand_words[] = {
    { KW_NULL, LITERAL, SYN_NULL },
    { KW_TRUE, LITERAL, SYN_TRUE },
    { KW_FALSE, LITERAL, SYN_FALSE },
    { KW_UNKNOWN, LITERAL, SYN_UNKNOWN },
    { KW_DATE, TIME_LITERAL, SYN_DATE },
    { KW_TIME, TIME_LITERAL, SYN_TIME },
    { KW_TIMESTAMP, TIME_LITERAL, SYN_TIMESTAMP },
    { KW_INTERVAL, INTERVAL, SYN_INTERVAL },
    { KW_CASE, CASE, SYN_CASE },
    { KW_CAST, CAST, SYN_CAST },
    { KW_TRY_CAST, CAST, SYN_CAST },
    { KW_CONVERT, CONVERT, SYN_CAST },
    { KW_EXISTS, EXISTS, SYN_EXISTS },
    { KW_ARRAY, CONSTRUCTOR, SYN_ARRAY },
    { KW_MAP, CONSTRUCTOR, SYN_MAP },
    { KW_MULTISET, CONSTRUCTOR, SYN_MULTISET },
    { KW_ROW, CONSTRUCTOR, SYN_ROW },
    { KW_CURRENT_DATE, NILADIC, SYN_CALL },
    { KW_CURRENT_TIME, NILADIC, SYN_CALL },
    { KW_CURRENT_TIMESTAMP, NILADIC, SYN_CALL },
    { KW_LOCALTIME, NILADIC, SYN_CALL },
    { KW_LOCALTIMESTAMP, NILADIC, SYN_CALL },
    { KW_CURRENT_USER, NILADIC, SYN_CALL },
    { KW_CURRENT_CATALOG, NILADIC, SYN_CALL },
    { KW_CURRENT_SCHEMA, NILADIC, SYN_CALL },
    { KW_CURRENT_PATH, NILADIC, SYN_CALL },
    { KW_CURRENT_ROLE, NILADIC, SYN_CALL },
    { KW_SESSION_USER, NILADIC, SYN_CALL },
    { KW_SYSTEM_USER, NILADIC, SYN_CALL },
    { KW_USER, NILADIC, SYN_CALL },
};

/* MAP is also an ordinary name: it builds a map only before a bracket or a query. */
static const struct operand_word *operand_word(struct parser *p)
{
    const struct token *t = peek(p);
    if (t->kind != T_WORD || t->word == NO_WORD)
        return NULL;
    if (t->word == KW_MAP && peek_at(p, 1)->kind != '[' &&
        (peek_at(p, 1)->kind != '(' || !paren_opens_query(p, 1)))
        return NULL;
    for (size_t i = 0; i < sizeof operand_words / sizeof *operand_words; i++)
        if (operand_words[i].word == t->word)
            return &operand_words[i];
    return NULL;
}

static enum status parse_word_operand(struct parser *p, const struct operand_word *o, struct syn_expr **ret)
{
    switch ((enum what)o->what) {
    case LITERAL:
        return new_expr(p, o->kind, take(p), ret);
    case TIME_LITERAL:
        return parse_time_literal(p, o->kind, ret);
    case CONSTRUCTOR:
        return parse_constructor(p, o->kind, ret);
    case NILADIC:
        return parse_niladic(p, ret);
    case INTERVAL:
        return parse_interval(p, ret);
    case CASE:
        return parse_case(p, ret);
    case CAST:
        return parse_cast(p, ret);
    case CONVERT:
        return parse_convert(p, ret);
    case EXISTS:
        return parse_exists(p, ret);
    }
    return ST_BUG;
}

static enum status parse_operand(struct parser *p, struct syn_expr **ret)
{
    const struct token *t = peek(p);
    const struct operand_word *o = operand_word(p);
    if (o)
        return parse_word_operand(p, o, ret);
    switch (t->kind) {
    case T_NUMBER:
        return parse_literal(p, SYN_NUMBER, ret);
    case T_STRING:
        return parse_literal(p, SYN_STRING, ret);
    case T_BINARY:
        return parse_literal(p, SYN_BINARY, ret);
    case '(':
        return parse_parenthesis(p, ret);
    case '{':
        return parse_braces(p, ret);
    default:
        return parse_name_or_call(p, ret);
    }
}

/* x[i] and x.field after an operand that is no plain name (whose dots are part of it). */
static enum status parse_postfix(struct parser *p, struct syn_expr *base, struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    struct syn_expr *e;
    const struct token *t = take(p);
    TRY(new_expr(p, t->kind == '[' ? SYN_INDEX : SYN_FIELD, t, &e));
    TRY_ADD(p, first, &args, struct syn_expr *);
    *first = base;
    if (t->kind == '[') {
        TRY_ADD(p, index, &args, struct syn_expr *);
        TRY(parse_expr(p, index));
        TRY(expect(p, ']', "an operator or ']'"));
    } else {
        TRY(parse_ident(p, &e->text, "a field's name"));
    }
    *ret = e;
    return set_args(p, e, &args);
}

enum status parse_primary(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e;
    TRY(parse_operand(p, &e));
    while (e->kind != SYN_STAR && (peek(p)->kind == '[' || peek(p)->kind == '.'))
        TRY(parse_postfix(p, e, &e));
    *ret = e;
    return ST_OK;
}
