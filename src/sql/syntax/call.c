/* Function calls: the arguments, with the special words that some functions take between them, and what
 * may follow the parenthesis: IGNORE NULLS, WITHIN GROUP, FILTER, OVER.
 *
 * A function with its own syntax also accepts plain arguments where the standard has both (SUBSTRING), or
 * where nothing else could be meant; the tree is then the same. A quoted name has no special syntax. */
#include "syntax/parser.h"

enum special {
    SPECIAL_EXTRACT,
    SPECIAL_TRIM,
    SPECIAL_ROUND_TO, /* FLOOR and CEIL with TO unit */
    SPECIAL_POSITION,
    SPECIAL_SUBSTRING,
    SPECIAL_OVERLAY,
    SPECIAL_UNIT_FIRST, /* TIMESTAMPADD */
    SPECIAL_JSON
};

static const struct special_row {
    struct str name;
    uint8_t special, form;
} specials[] = {
    { STR_INIT("EXTRACT"), SPECIAL_EXTRACT, 0 },
    { STR_INIT("TRIM"), SPECIAL_TRIM, 0 },
    { STR_INIT("FLOOR"), SPECIAL_ROUND_TO, 0 },
    { STR_INIT("CEIL"), SPECIAL_ROUND_TO, 0 },
    { STR_INIT("CEILING"), SPECIAL_ROUND_TO, 0 },
    { STR_INIT("POSITION"), SPECIAL_POSITION, 0 },
    { STR_INIT("SUBSTRING"), SPECIAL_SUBSTRING, 0 },
    { STR_INIT("OVERLAY"), SPECIAL_OVERLAY, 0 },
    { STR_INIT("TIMESTAMPADD"), SPECIAL_UNIT_FIRST, 0 },
    { STR_INIT("TIMESTAMPDIFF"), SPECIAL_UNIT_FIRST, 0 },
    { STR_INIT("JSON_VALUE"), SPECIAL_JSON, 0 },
    { STR_INIT("JSON_QUERY"), SPECIAL_JSON, 0 },
    { STR_INIT("JSON_EXISTS"), SPECIAL_JSON, 0 },
    { STR_INIT("JSON_OBJECT"), SPECIAL_JSON, 1 },
    { STR_INIT("JSON_OBJECTAGG"), SPECIAL_JSON, 1 },
    { STR_INIT("JSON_ARRAY"), SPECIAL_JSON, 2 },
    { STR_INIT("JSON_ARRAYAGG"), SPECIAL_JSON, 2 },
};

/* ---- arguments ---- */

/* The words behind a table argument: PARTITION BY a or (a, b), ORDER BY likewise, since a comma already
 * ends the argument. */
static enum status parse_table_arg_order(struct parser *p, struct syn_expr *e)
{
    if (accept_words(p, KW_PARTITION, KW_BY)) {
        struct expr_list list = { 0 };
        bool several = accept(p, '(');
        do {
            TRY_ADD(p, item, &list, struct syn_expr *);
            TRY(parse_expr(p, item));
        } while (several && accept(p, ','));
        if (several)
            TRY(expect(p, ')', "',' or ')'"));
        e->partition = list.at;
        e->n_partition = list.count;
    }
    if (accept_words(p, KW_ORDER, KW_BY)) {
        if (accept(p, '(')) {
            TRY(parse_order_items(p, &e->order, &e->n_order));
            return expect(p, ')', "',' or ')'");
        }
        TRY_NEW(p, item, struct syn_order);
        TRY(parse_expr(p, &item->expr));
        item->descending = accept_word(p, KW_DESC);
        if (!item->descending)
            (void)accept_word(p, KW_ASC);
        if (accept_words(p, KW_NULLS, KW_FIRST))
            item->nulls = 1;
        else if (accept_words(p, KW_NULLS, KW_LAST))
            item->nulls = 2;
        e->order = item;
        e->n_order = 1;
    }
    return ST_OK;
}

/* TABLE t, TABLE(query), or a query in parentheses that PARTITION or ORDER BY follows. */
static enum status parse_table_arg(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e;
    TRY(new_expr(p, SYN_TABLE_ARG, take(p), &e));
    if (peek(p)->kind == '(') {
        if (!paren_opens_query(p, 0)) {
            take(p);
            return unexpected(p, "a query");
        }
        take(p);
        TRY(parse_query(p, &e->query));
        TRY(expect(p, ')', "')' after the query\n" CLAUSES));
    } else {
        TRY(parse_name(p, &e->name, "a table's name"));
        if (peek(p)->kind == T_HINT) {
            enum status st = unexpected(p, "PARTITION BY, ORDER BY, ',' or ')'");
            error_hint(p->err, "a hint stands in a query: TABLE (SELECT * FROM t /*+ … */)");
            return st;
        }
    }
    TRY(parse_table_arg_order(p, e));
    *ret = e;
    return seal_expr(p, e);
}

static enum status parse_descriptor(struct parser *p, struct syn_expr **ret)
{
    struct expr_list columns = { 0 };
    struct syn_expr *e;
    TRY(new_expr(p, SYN_DESCRIPTOR, take(p), &e));
    TRY(expect(p, '(', "'('"));
    do {
        TRY_ADD(p, item, &columns, struct syn_expr *);
        TRY(new_expr(p, SYN_COLUMN, peek(p), item));
        TRY(parse_name(p, &(*item)->name, "a column's name"));
    } while (accept(p, ','));
    TRY(expect(p, ')', "',' or ')'"));
    *ret = e;
    return set_args(p, e, &columns);
}

static enum status parse_named_arg(struct parser *p, struct syn_expr **ret)
{
    struct expr_list args = { 0 };
    struct syn_expr *e;
    const struct token *t = take(p);
    TRY(new_expr(p, SYN_NAMED_ARG, t, &e));
    e->text = t->value;
    take(p);
    TRY_ADD(p, value, &args, struct syn_expr *);
    TRY(enter(p));
    TRY(parse_argument(p, value));
    leave(p);
    if ((*value)->kind == SYN_NAMED_ARG)
        return error_at(p->err, ST_SYNTAX, (*value)->line, (*value)->column, "an argument has one name only");
    *ret = e;
    return set_args(p, e, &args);
}

/* (query) PARTITION BY …: a table argument without TABLE. */
static enum status parse_bare_table_arg(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e = *ret;
    if (e->kind != SYN_SUBQUERY || !(peek_word(p, KW_PARTITION) || peek_word(p, KW_ORDER)))
        return ST_OK;
    e->kind = SYN_TABLE_ARG;
    TRY(parse_table_arg_order(p, e));
    return seal_expr(p, e);
}

enum status parse_argument(struct parser *p, struct syn_expr **ret)
{
    const struct token *t = peek(p), *next = peek_at(p, 1);
    if ((t->kind == T_WORD || t->kind == T_QUOTED) && next->kind == T_ARROW)
        return parse_named_arg(p, ret);
    if (t->kind == T_WORD) {
        switch (t->word) {
        case KW_TABLE:
            return parse_table_arg(p, ret);
        case KW_DESCRIPTOR:
            if (next->kind == '(')
                return parse_descriptor(p, ret);
            break;
        case KW_DEFAULT:
            return new_expr(p, SYN_DEFAULT, take(p), ret);
        case KW_MODEL:
            if (is_name_token(next)) {
                TRY(new_expr(p, SYN_MODEL_ARG, take(p), ret));
                return parse_name(p, &(*ret)->name, "a model's name");
            }
            break;
        default:
            break;
        }
    }
    TRY(parse_expr(p, ret));
    return parse_bare_table_arg(p, ret);
}

static enum status add_unit(struct parser *p, struct expr_list *args)
{
    const struct token *t = peek(p);
    if (t->kind != T_WORD || !time_unit(t->value).ptr)
        return unexpected(p, "a unit of time\nYEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND MILLISECOND "
                             "MICROSECOND NANOSECOND EPOCH DECADE CENTURY MILLENNIUM DOW DOY ISODOW ISOYEAR");
    TRY_ADD(p, unit, args, struct syn_expr *);
    TRY(new_expr(p, SYN_WORD, take(p), unit));
    (*unit)->text = time_unit(t->value);
    return ST_OK;
}

static enum status add_expr(struct parser *p, struct expr_list *args)
{
    TRY_ADD(p, item, args, struct syn_expr *);
    return parse_expr(p, item);
}

/* a SEPARATOR b, or a comma in its place. */
static bool accept_separator(struct parser *p, enum word w)
{
    return accept(p, ',') || accept_word(p, w);
}

static enum status parse_trim(struct parser *p, struct expr_list *args)
{
    const struct token *t = peek(p);
    if (t->kind == T_WORD && (t->word == KW_BOTH || t->word == KW_LEADING || t->word == KW_TRAILING)) {
        TRY_ADD(p, side, args, struct syn_expr *);
        TRY(new_word(p, take(p), side));
        if (!accept_word(p, KW_FROM)) {
            TRY(add_expr(p, args));
            if (!accept_word(p, KW_FROM))
                return unexpected(p, "an operator or FROM");
        }
        return add_expr(p, args);
    }
    TRY(add_expr(p, args));
    if (!accept_word(p, KW_FROM))
        return ST_OK;
    /* TRIM(c FROM x): both sides */
    struct token both = *t;
    both.word = KW_BOTH;
    TRY_ADD(p, place, args, struct syn_expr *);
    *place = args->at[0];
    TRY(new_word(p, &both, &args->at[0]));
    return add_expr(p, args);
}

/* The arguments of a function with its own syntax. Closed: nothing may follow them; else more arguments
 * may, behind commas. */
static enum status parse_special(struct parser *p, const struct special_row *s, struct expr_list *args,
                                 bool *ret_closed)
{
    *ret_closed = false;
    switch ((enum special)s->special) {
    case SPECIAL_EXTRACT:
        *ret_closed = true;
        TRY(add_unit(p, args));
        TRY(expect_word(p, KW_FROM));
        return add_expr(p, args);
    case SPECIAL_TRIM:
        TRY(parse_trim(p, args));
        *ret_closed = args->at[0]->kind == SYN_WORD;
        return ST_OK;
    case SPECIAL_ROUND_TO:
        TRY(add_expr(p, args));
        *ret_closed = accept_word(p, KW_TO);
        return *ret_closed ? add_unit(p, args) : ST_OK;
    case SPECIAL_POSITION: {
        TRY_ADD(p, needle, args, struct syn_expr *);
        TRY(enter(p));
        TRY(parse_expr_level(p, LEVEL_BETWEEN + 1, needle)); /* IN ends it */
        leave(p);
        *ret_closed = accept_word(p, KW_IN);
        if (*ret_closed)
            TRY(add_expr(p, args));
        return *ret_closed && accept_word(p, KW_FROM) ? add_expr(p, args) : ST_OK;
    }
    case SPECIAL_SUBSTRING:
        TRY(add_expr(p, args));
        if (accept_separator(p, KW_FROM)) {
            TRY(add_expr(p, args));
            return accept_separator(p, KW_FOR) ? add_expr(p, args) : ST_OK;
        }
        return ST_OK;
    case SPECIAL_OVERLAY:
        TRY(add_expr(p, args));
        if (accept_separator(p, KW_PLACING)) {
            TRY(add_expr(p, args));
            if (accept_separator(p, KW_FROM)) {
                TRY(add_expr(p, args));
                return accept_separator(p, KW_FOR) ? add_expr(p, args) : ST_OK;
            }
        }
        return ST_OK;
    case SPECIAL_UNIT_FIRST:
        if (peek(p)->kind == T_WORD && peek_at(p, 1)->kind == ',')
            return add_unit(p, args);
        return add_expr(p, args);
    case SPECIAL_JSON:
        break;
    }
    return ST_OK;
}

/* Before the parenthesis closes or after it. */
static bool accept_nulls_treatment(struct parser *p, struct syn_expr *e)
{
    bool respect = accept_words(p, KW_RESPECT, KW_NULLS);
    if (!respect && !accept_words(p, KW_IGNORE, KW_NULLS))
        return false;
    e->nulls_treatment = respect ? 1 : 2;
    return true;
}

static enum status parse_arguments(struct parser *p, struct syn_expr *e, const struct special_row *s)
{
    struct expr_list args = { 0 };
    bool closed = false;
    if (accept(p, ')'))
        return ST_OK;
    if (s && s->special == SPECIAL_JSON) {
        TRY(parse_json_call(p, e, s->form));
        return expect(p, ')', "an operator, ',' or ')'");
    }
    if (accept_word(p, KW_DISTINCT))
        e->distinct = true;
    else
        (void)accept_word(p, KW_ALL);
    if (accept(p, '*')) {
        e->star = true;
        return expect(p, ')', "')'");
    }
    if (s)
        TRY(parse_special(p, s, &args, &closed));
    while (!closed && (args.count == 0 || accept(p, ','))) {
        TRY_ADD(p, item, &args, struct syn_expr *);
        TRY(parse_argument(p, item));
    }
    e->args = args.at;
    e->n_args = args.count;
    (void)accept_nulls_treatment(p, e);
    if (accept_words(p, KW_ORDER, KW_BY))
        TRY(parse_order_items(p, &e->within_group, &e->n_within_group));
    return expect(p, ')', "an operator, ',' or ')'");
}

/* ---- after the parenthesis ---- */

static enum status parse_bound(struct parser *p, enum syn_bound *ret, struct syn_expr **ret_value)
{
    if (accept_words(p, KW_CURRENT, KW_ROW)) {
        *ret = SYN_CURRENT_ROW;
        return ST_OK;
    }
    bool unbounded =
        peek_word(p, KW_UNBOUNDED) && (peek_word_at(p, 1, KW_PRECEDING) || peek_word_at(p, 1, KW_FOLLOWING));
    if (unbounded)
        take(p);
    else
        TRY(parse_expr(p, ret_value));
    if (accept_word(p, KW_PRECEDING))
        *ret = unbounded ? SYN_UNBOUNDED_PRECEDING : SYN_PRECEDING;
    else if (accept_word(p, KW_FOLLOWING))
        *ret = unbounded ? SYN_UNBOUNDED_FOLLOWING : SYN_FOLLOWING;
    else
        return unexpected(p, "PRECEDING or FOLLOWING");
    return ST_OK;
}

/* Inside the parentheses of OVER or of a WINDOW clause. */
enum status parse_window_spec(struct parser *p, struct syn_over *over)
{
    if (is_name_token(peek(p)))
        TRY(parse_ident(p, &over->window_name, "a window's name"));
    if (accept_words(p, KW_PARTITION, KW_BY))
        TRY(parse_expr_list(p, &over->partition, &over->n_partition));
    if (accept_words(p, KW_ORDER, KW_BY))
        TRY(parse_order_items(p, &over->order, &over->n_order));
    if (peek_word(p, KW_ROWS) || peek_word(p, KW_RANGE)) {
        struct syn_window_frame *f = &over->frame;
        f->present = true;
        f->rows = take(p)->word == KW_ROWS;
        f->between = accept_word(p, KW_BETWEEN);
        f->end = SYN_CURRENT_ROW;
        if (f->between) {
            /* the bound's own level keeps AND for the frame */
            TRY(parse_bound(p, &f->start, &f->start_value));
            TRY(expect_word(p, KW_AND));
            TRY(parse_bound(p, &f->end, &f->end_value));
        } else {
            TRY(parse_bound(p, &f->start, &f->start_value));
        }
    }
    return expect(p, ')', "PARTITION BY, ORDER BY, ROWS, RANGE or ')'");
}

static enum status parse_over(struct parser *p, struct syn_expr *e)
{
    TRY_NEW(p, over, struct syn_over);
    e->over = over;
    if (accept(p, '('))
        return parse_window_spec(p, over);
    return parse_ident(p, &over->window_name, "'(' or a window's name");
}

static enum status parse_call_tail(struct parser *p, struct syn_expr *e)
{
    for (;;) {
        if (accept_nulls_treatment(p, e))
            continue;
        if (!e->within_group && peek_word(p, KW_WITHIN) && peek_word_at(p, 1, KW_GROUP)) {
            p->at += 2;
            TRY(expect(p, '(', "'('"));
            TRY(expect_word(p, KW_ORDER));
            TRY(expect_word(p, KW_BY));
            TRY(parse_order_items(p, &e->within_group, &e->n_within_group));
            TRY(expect(p, ')', "',' or ')'"));
        } else if (!e->filter && accept_word(p, KW_FILTER)) {
            TRY(expect(p, '(', "'('"));
            TRY(expect_word(p, KW_WHERE));
            TRY(parse_expr(p, &e->filter));
            TRY(expect(p, ')', "an operator or ')'"));
        } else {
            break;
        }
    }
    if (accept_word(p, KW_OVER))
        TRY(parse_over(p, e));
    return ST_OK;
}

static const struct special_row *find_special(const struct token *t)
{
    if (t->kind != T_WORD)
        return NULL;
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (str_eq_nocase(t->value, specials[i].name))
            return &specials[i];
    return NULL;
}

bool has_own_syntax(struct str function)
{
    return find_special(&(struct token){ .kind = T_WORD, .value = function }) != NULL;
}

/* At the name, which is known to have '(' behind it. A reserved word that names a function is one part. */
enum status parse_call(struct parser *p, struct syn_expr **ret)
{
    struct syn_expr *e;
    const struct token *t = peek(p);
    TRY(new_expr(p, SYN_CALL, t, &e));
    const struct special_row *special = NULL;
    if (peek_at(p, 1)->kind == '(') {
        special = find_special(t);
        TRY_NEW(p, part, struct str);
        *part = take(p)->value;
        e->name = (struct syn_name){ part, 1, t->line, t->column };
    } else {
        TRY(parse_name(p, &e->name, "a function's name"));
    }
    TRY(expect(p, '(', "'('"));
    TRY(parse_arguments(p, e, special));
    TRY(parse_call_tail(p, e));
    *ret = e;
    return seal_expr(p, e);
}
