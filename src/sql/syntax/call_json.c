/* The arguments of the SQL/JSON functions. Their words stay in the list, in order, as SYN_WORD nodes and
 * a RETURNING type as a SYN_TYPE node:
 *     JSON_VALUE(x, p RETURNING INT DEFAULT 0 ON EMPTY)   x p RETURNING <INT> DEFAULT 0 ON EMPTY
 *     JSON_OBJECT('k' : v ABSENT ON NULL)                 KEY 'k' VALUE v ABSENT ON NULL */
#include "syntax/parser.h"

static enum status add_word(struct parser *p, struct expr_list *args, enum word w)
{
    struct token t = *peek(p);
    t.word = (uint16_t)w;
    TRY_ADD(p, item, args, struct syn_expr *);
    return new_word(p, &t, item);
}

/* Takes the present word into the list. */
static enum status take_word(struct parser *p, struct expr_list *args)
{
    TRY(add_word(p, args, (enum word)peek(p)->word));
    take(p);
    return ST_OK;
}

static enum status take_expected(struct parser *p, struct expr_list *args, enum word w)
{
    return peek_word(p, w) ? take_word(p, args) : unexpected(p, word_text(w).ptr);
}

static enum status add_value(struct parser *p, struct expr_list *args)
{
    TRY_ADD(p, item, args, struct syn_expr *);
    TRY(parse_argument(p, item));
    if (!peek_word(p, KW_FORMAT) || !peek_word_at(p, 1, KW_JSON))
        return ST_OK;
    TRY(take_word(p, args));
    return take_word(p, args);
}

/* NULL ON NULL, ABSENT ON NULL */
static bool at_null_clause(struct parser *p)
{
    return (peek_word(p, KW_NULL) || peek_word(p, KW_ABSENT)) && peek_word_at(p, 1, KW_ON);
}

static enum status parse_null_clause(struct parser *p, struct expr_list *args)
{
    TRY(take_word(p, args));
    TRY(take_word(p, args));
    return take_expected(p, args, KW_NULL);
}

static bool take_any(struct parser *p, struct expr_list *args, const uint16_t *words, size_t count, enum status *st)
{
    for (size_t i = 0; i < count; i++)
        if (peek_word(p, (enum word)words[i])) {
            *st = take_word(p, args);
            return true;
        }
    return false;
}

/* … ON EMPTY, … ON ERROR and the wrapper of JSON_QUERY, as often as they come. */
static enum status parse_behaviours(struct parser *p, struct expr_list *args)
{
    static const uint16_t plain[] = { KW_NULL, KW_ERROR, KW_TRUE, KW_FALSE, KW_UNKNOWN };
    static const uint16_t kinds[] = { KW_CONDITIONAL, KW_UNCONDITIONAL };
    static const uint16_t empties[] = { KW_ARRAY, KW_OBJECT };
    static const uint16_t events[] = { KW_EMPTY, KW_ERROR };
    enum status st = ST_OK;
    while (peek(p)->kind != ')') {
        if (peek_word(p, KW_WITH) || peek_word(p, KW_WITHOUT)) {
            TRY(take_word(p, args));
            (void)take_any(p, args, kinds, 2, &st);
            TRY(st);
            if (peek_word(p, KW_ARRAY))
                TRY(take_word(p, args));
            TRY(take_expected(p, args, KW_WRAPPER));
            continue;
        }
        if (peek_word(p, KW_EMPTY)) {
            TRY(take_word(p, args));
            (void)take_any(p, args, empties, 2, &st);
        } else if (peek_word(p, KW_DEFAULT)) {
            TRY(take_word(p, args));
            TRY_ADD(p, value, args, struct syn_expr *);
            TRY(parse_expr(p, value));
        } else if (!take_any(p, args, plain, 5, &st)) {
            return unexpected(p, "an operator, ',', RETURNING, NULL, ERROR, DEFAULT, EMPTY, WITH, WITHOUT or ')'");
        }
        TRY(st);
        TRY(take_expected(p, args, KW_ON));
        if (!take_any(p, args, events, 2, &st))
            return unexpected(p, "EMPTY or ERROR");
        TRY(st);
    }
    return ST_OK;
}

/* JSON_VALUE, JSON_QUERY, JSON_EXISTS */
static enum status parse_path_form(struct parser *p, struct expr_list *args)
{
    do
        TRY(add_value(p, args));
    while (accept(p, ','));
    if (peek_word(p, KW_RETURNING)) {
        const struct token *t = peek(p);
        TRY(take_word(p, args));
        TRY_ADD(p, type, args, struct syn_expr *);
        TRY(new_expr(p, SYN_TYPE, t, type));
        TRY(parse_type(p, &(*type)->type));
        TRY(seal_expr(p, *type));
    }
    return parse_behaviours(p, args);
}

/* Is KEY here the word, not a column of that name? */
static bool at_key_word(struct parser *p)
{
    const struct token *next = peek_at(p, 1);
    if (!peek_word(p, KW_KEY))
        return false;
    return next->kind == T_WORD ? next->word != KW_VALUE && next->word != KW_IS
                                : next->kind == T_QUOTED || next->kind == T_STRING || next->kind == T_NUMBER ||
                                      next->kind == '(';
}

static enum status parse_entry(struct parser *p, struct expr_list *args)
{
    TRY(add_word(p, args, KW_KEY));
    if (at_key_word(p))
        take(p);
    TRY_ADD(p, key, args, struct syn_expr *);
    TRY(parse_expr(p, key));
    TRY(add_word(p, args, KW_VALUE));
    if (!accept_word(p, KW_VALUE) && !accept(p, ':'))
        return unexpected(p, "an operator, VALUE or ':'");
    return add_value(p, args);
}

/* JSON_OBJECT, JSON_OBJECTAGG */
static enum status parse_object_form(struct parser *p, struct expr_list *args)
{
    if (!at_null_clause(p))
        do
            TRY(parse_entry(p, args));
        while (accept(p, ','));
    return at_null_clause(p) ? parse_null_clause(p, args) : ST_OK;
}

/* JSON_ARRAY, JSON_ARRAYAGG */
static enum status parse_array_form(struct parser *p, struct syn_expr *e, struct expr_list *args)
{
    if (!at_null_clause(p))
        do
            TRY(add_value(p, args));
        while (accept(p, ','));
    if (accept_words(p, KW_ORDER, KW_BY))
        TRY(parse_order_items(p, &e->within_group, &e->n_within_group));
    return at_null_clause(p) ? parse_null_clause(p, args) : ST_OK;
}

enum status parse_json_call(struct parser *p, struct syn_expr *e, int form)
{
    struct expr_list args = { 0 };
    if (form == 0)
        TRY(parse_path_form(p, &args));
    else if (form == 1)
        TRY(parse_object_form(p, &args));
    else
        TRY(parse_array_form(p, e, &args));
    e->args = args.at;
    e->n_args = args.count;
    return ST_OK;
}
