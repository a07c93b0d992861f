/* Types as they are spelled: one table of the simple names, and rules for the ones with parts. */
#include "syntax/parser.h"

enum params { NONE, LENGTH, PRECISION, PRECISION_SCALE, TIMES };

static const struct type_row {
    struct str word, name;
    struct str second, second_name; /* DOUBLE PRECISION, CHARACTER VARYING */
    uint8_t params;
} simple[] = {
    { STR_INIT("BOOLEAN"), STR_INIT("BOOLEAN"), { 0 }, { 0 }, NONE },
    { STR_INIT("TINYINT"), STR_INIT("TINYINT"), { 0 }, { 0 }, NONE },
    { STR_INIT("SMALLINT"), STR_INIT("SMALLINT"), { 0 }, { 0 }, NONE },
    { STR_INIT("INT"), STR_INIT("INT"), { 0 }, { 0 }, NONE },
    { STR_INIT("INTEGER"), STR_INIT("INT"), { 0 }, { 0 }, NONE },
    { STR_INIT("BIGINT"), STR_INIT("BIGINT"), { 0 }, { 0 }, NONE },
    { STR_INIT("FLOAT"), STR_INIT("FLOAT"), { 0 }, { 0 }, NONE },
    { STR_INIT("REAL"), STR_INIT("FLOAT"), { 0 }, { 0 }, NONE },
    { STR_INIT("DOUBLE"), STR_INIT("DOUBLE"), STR_INIT("PRECISION"), STR_INIT("DOUBLE"), NONE },
    { STR_INIT("DECIMAL"), STR_INIT("DECIMAL"), { 0 }, { 0 }, PRECISION_SCALE },
    { STR_INIT("DEC"), STR_INIT("DECIMAL"), { 0 }, { 0 }, PRECISION_SCALE },
    { STR_INIT("NUMERIC"), STR_INIT("DECIMAL"), { 0 }, { 0 }, PRECISION_SCALE },
    { STR_INIT("CHAR"), STR_INIT("CHAR"), STR_INIT("VARYING"), STR_INIT("VARCHAR"), LENGTH },
    { STR_INIT("CHARACTER"), STR_INIT("CHAR"), STR_INIT("VARYING"), STR_INIT("VARCHAR"), LENGTH },
    { STR_INIT("VARCHAR"), STR_INIT("VARCHAR"), { 0 }, { 0 }, LENGTH },
    { STR_INIT("STRING"), STR_INIT("STRING"), { 0 }, { 0 }, NONE },
    { STR_INIT("BINARY"), STR_INIT("BINARY"), STR_INIT("VARYING"), STR_INIT("VARBINARY"), LENGTH },
    { STR_INIT("VARBINARY"), STR_INIT("VARBINARY"), { 0 }, { 0 }, LENGTH },
    { STR_INIT("BYTES"), STR_INIT("BYTES"), { 0 }, { 0 }, NONE },
    { STR_INIT("DATE"), STR_INIT("DATE"), { 0 }, { 0 }, NONE },
    { STR_INIT("TIME"), STR_INIT("TIME"), { 0 }, { 0 }, TIMES },
    { STR_INIT("TIMESTAMP"), STR_INIT("TIMESTAMP"), { 0 }, { 0 }, TIMES },
    { STR_INIT("TIMESTAMP_LTZ"), STR_INIT("TIMESTAMP_LTZ"), { 0 }, { 0 }, PRECISION },
    { STR_INIT("NULL"), STR_INIT("NULL"), { 0 }, { 0 }, NONE },
    { STR_INIT("ANY"), STR_INIT("ANY"), { 0 }, { 0 }, NONE },
    { STR_INIT("VARIANT"), STR_INIT("VARIANT"), { 0 }, { 0 }, NONE },
    { STR_INIT("BITMAP"), STR_INIT("BITMAP"), { 0 }, { 0 }, NONE },
    { STR_INIT("DESCRIPTOR"), STR_INIT("DESCRIPTOR"), { 0 }, { 0 }, NONE },
};

static enum status new_type(struct parser *p, const struct token *at, struct str name, struct syn_type **ret)
{
    TRY_NEW(p, t, struct syn_type);
    t->name = name;
    t->p = t->s = -1;
    t->line = at->line;
    t->column = at->column;
    t->height = 1;
    *ret = t;
    return ST_OK;
}

static enum status seal_type(struct parser *p, struct syn_type *t)
{
    uint32_t h = 0;
    if (t->element && t->element->height > h)
        h = t->element->height;
    if (t->key && t->key->height > h)
        h = t->key->height;
    for (uint32_t i = 0; i < t->n_fields; i++)
        if (t->fields[i].type->height > h)
            h = t->fields[i].type->height;
    t->height = h + 1;
    return t->height > SYN_MAX_DEPTH ? too_deep(p) : ST_OK;
}

/* ---- intervals ---- */

static const struct {
    struct str word, unit;
} interval_units[] = {
    { STR_INIT("YEAR"), STR_INIT("YEAR") },     { STR_INIT("YEARS"), STR_INIT("YEAR") },
    { STR_INIT("QUARTER"), STR_INIT("QUARTER") }, { STR_INIT("MONTH"), STR_INIT("MONTH") },
    { STR_INIT("MONTHS"), STR_INIT("MONTH") },  { STR_INIT("WEEK"), STR_INIT("WEEK") },
    { STR_INIT("WEEKS"), STR_INIT("WEEK") },    { STR_INIT("DAY"), STR_INIT("DAY") },
    { STR_INIT("DAYS"), STR_INIT("DAY") },      { STR_INIT("HOUR"), STR_INIT("HOUR") },
    { STR_INIT("HOURS"), STR_INIT("HOUR") },    { STR_INIT("MINUTE"), STR_INIT("MINUTE") },
    { STR_INIT("MINUTES"), STR_INIT("MINUTE") }, { STR_INIT("SECOND"), STR_INIT("SECOND") },
    { STR_INIT("SECONDS"), STR_INIT("SECOND") },
};

static enum status parse_unit(struct parser *p, struct str *ret)
{
    const struct token *t = peek(p);
    for (size_t i = 0; t->kind == T_WORD && i < sizeof interval_units / sizeof *interval_units; i++)
        if (str_eq_nocase(t->value, interval_units[i].word)) {
            *ret = interval_units[i].unit;
            take(p);
            return ST_OK;
        }
    return unexpected(p, "YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND");
}

/* unit[(p[, s])] [TO unit[(s)]] */
enum status parse_interval_units(struct parser *p, struct syn_type **ret)
{
    struct syn_type *t;
    TRY(new_type(p, peek(p), STR("INTERVAL"), &t));
    TRY(parse_unit(p, &t->unit_from));
    if (accept(p, '(')) {
        TRY(parse_count(p, &t->p, "a precision"));
        if (accept(p, ','))
            TRY(parse_count(p, &t->s, "a precision"));
        TRY(expect(p, ')', "')'"));
    }
    if (accept_word(p, KW_TO)) {
        TRY(parse_unit(p, &t->unit_to));
        if (accept(p, '(')) {
            TRY(parse_count(p, &t->s, "a precision"));
            TRY(expect(p, ')', "')'"));
        }
    }
    *ret = t;
    return ST_OK;
}

/* ---- the simple ones ---- */

static enum status parse_zone(struct parser *p, struct syn_type *t)
{
    bool stamp = str_eq(t->name, STR("TIMESTAMP"));
    if (accept_word(p, KW_WITHOUT)) {
        TRY(expect_word(p, KW_TIME));
        return expect_word(p, KW_ZONE);
    }
    if (!peek_word(p, KW_WITH) || !(peek_word_at(p, 1, KW_LOCAL) || peek_word_at(p, 1, KW_TIME)))
        return ST_OK;
    take(p);
    bool local = accept_word(p, KW_LOCAL);
    TRY(expect_word(p, KW_TIME));
    TRY(expect_word(p, KW_ZONE));
    if (!stamp)
        return error_at(p->err, ST_SYNTAX, t->line, t->column, "TIME has no time zone");
    t->name = local ? STR("TIMESTAMP_LTZ") : STR("TIMESTAMP_TZ");
    return ST_OK;
}

static enum status parse_simple(struct parser *p, const struct type_row *row, struct syn_type *t)
{
    t->name = row->name;
    if (row->second.ptr && peek(p)->kind == T_WORD && str_eq_nocase(peek(p)->value, row->second)) {
        take(p);
        t->name = row->second_name;
    }
    if (row->params != NONE && accept(p, '(')) {
        TRY(parse_count(p, &t->p, row->params == LENGTH ? "a length" : "a precision"));
        if (row->params == PRECISION_SCALE && accept(p, ','))
            TRY(parse_count(p, &t->s, "a scale"));
        TRY(expect(p, ')', "')'"));
    }
    return row->params == TIMES ? parse_zone(p, t) : ST_OK;
}

/* ---- the ones with parts ---- */

/* name type ['comment'], … up to `close`. */
static enum status parse_fields(struct parser *p, int close, struct syn_type *t)
{
    ARRAY(struct syn_field) fields = { 0 };
    while (peek(p)->kind != close) {
        TRY_ADD(p, field, &fields, struct syn_field);
        TRY(parse_ident(p, &field->name, "a field's name"));
        TRY(parse_type(p, &field->type));
        if (peek(p)->kind == T_STRING)
            TRY(parse_string(p, &field->comment, "a comment"));
        if (!accept(p, ','))
            break;
    }
    t->fields = fields.at;
    t->n_fields = fields.count;
    return expect(p, close, close == '>' ? "',' or '>'" : "',' or ')'");
}

static enum status parse_row_type(struct parser *p, struct syn_type *t)
{
    if (accept(p, T_NE)) /* ROW<> */
        return ST_OK;
    if (accept(p, '('))
        return parse_fields(p, ')', t);
    TRY(expect(p, '<', "'<' or '('"));
    return parse_fields(p, '>', t);
}

static enum status parse_element_type(struct parser *p, struct syn_type *t)
{
    TRY(expect(p, '<', "'<'"));
    if (str_eq(t->name, STR("MAP"))) {
        TRY(parse_type(p, &t->key));
        TRY(expect(p, ',', "','"));
    }
    TRY(parse_type(p, &t->element));
    return expect(p, '>', "'>'");
}

static enum status parse_class_type(struct parser *p, struct syn_type *t)
{
    bool raw = str_eq(t->name, STR("RAW"));
    TRY(expect(p, raw ? '(' : '<', raw ? "'('" : "'<'"));
    TRY(parse_string(p, &t->class_name, "a class name in quotes"));
    if (raw) {
        TRY(expect(p, ',', "','"));
        TRY(parse_string(p, &t->serializer, "a serializer in quotes"));
        return expect(p, ')', "')'");
    }
    if (accept(p, ','))
        return parse_fields(p, '>', t);
    return expect(p, '>', "',' or '>'");
}

static const struct {
    struct str word;
    enum status (*parse)(struct parser *p, struct syn_type *t);
} composite[] = {
    { STR_INIT("ROW"), parse_row_type },         { STR_INIT("ARRAY"), parse_element_type },
    { STR_INIT("MAP"), parse_element_type },     { STR_INIT("MULTISET"), parse_element_type },
    { STR_INIT("RAW"), parse_class_type },       { STR_INIT("STRUCTURED"), parse_class_type },
};

static enum status parse_base_type(struct parser *p, struct syn_type **ret)
{
    const struct token *at = peek(p);
    if (at->kind == T_WORD) {
        if (at->word == KW_INTERVAL) {
            take(p);
            TRY(parse_interval_units(p, ret));
            (*ret)->line = at->line;
            (*ret)->column = at->column;
            return ST_OK;
        }
        for (size_t i = 0; i < sizeof composite / sizeof *composite; i++)
            if (str_eq_nocase(at->value, composite[i].word)) {
                take(p);
                TRY(new_type(p, at, composite[i].word, ret));
                TRY(composite[i].parse(p, *ret));
                return seal_type(p, *ret);
            }
        for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
            if (str_eq_nocase(at->value, simple[i].word)) {
                take(p);
                TRY(new_type(p, at, simple[i].name, ret));
                return parse_simple(p, &simple[i], *ret);
            }
    }
    return unexpected(p, "a type\nBOOLEAN TINYINT SMALLINT INT INTEGER BIGINT FLOAT DOUBLE DECIMAL CHAR VARCHAR STRING "
                         "BINARY VARBINARY BYTES DATE TIME TIMESTAMP TIMESTAMP_LTZ INTERVAL ARRAY MAP MULTISET ROW");
}

static void parse_nullability(struct parser *p, struct syn_type *t)
{
    if (accept_words(p, KW_NOT, KW_NULL))
        t->not_null = true;
    else if (!peek_word_at(p, 1, KW_ON)) /* RETURNING INT NULL ON EMPTY */
        (void)accept_word(p, KW_NULL);
}

enum status parse_type(struct parser *p, struct syn_type **ret)
{
    struct syn_type *t;
    TRY(enter(p));
    TRY(parse_base_type(p, &t));
    parse_nullability(p, t);
    while (peek_word(p, KW_ARRAY) || peek_word(p, KW_MULTISET)) {
        struct syn_type *outer;
        const struct token *word = take(p);
        TRY(new_type(p, word, word_text((enum word)word->word), &outer));
        outer->element = t;
        TRY(seal_type(p, outer));
        parse_nullability(p, outer);
        t = outer;
    }
    leave(p);
    *ret = t;
    return ST_OK;
}
