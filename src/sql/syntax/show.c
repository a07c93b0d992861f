/* SHOW and DESCRIBE: one row for each kind of thing. */
#include "syntax/parser.h"

enum { TAKES_FROM = 1, TAKES_LIKE = 2, TAKES_NAME = 4, TAKES_PARTITION = 8, NEEDS_FROM = 16 };

static const struct show_row {
    uint16_t words[3];
    struct str what;
    unsigned takes;
} shows[] = {
    { { KW_CATALOGS }, STR_INIT("CATALOGS"), TAKES_LIKE },
    { { KW_CURRENT, KW_CATALOG }, STR_INIT("CURRENT CATALOG"), 0 },
    { { KW_CURRENT, KW_DATABASE }, STR_INIT("CURRENT DATABASE"), 0 },
    { { KW_DATABASES }, STR_INIT("DATABASES"), TAKES_FROM | TAKES_LIKE },
    { { KW_TABLES }, STR_INIT("TABLES"), TAKES_FROM | TAKES_LIKE },
    { { KW_VIEWS }, STR_INIT("VIEWS"), TAKES_FROM | TAKES_LIKE },
    { { KW_MATERIALIZED, KW_TABLES }, STR_INIT("MATERIALIZED TABLES"), TAKES_FROM | TAKES_LIKE },
    { { KW_FUNCTIONS }, STR_INIT("FUNCTIONS"), TAKES_FROM | TAKES_LIKE },
    { { KW_USER, KW_FUNCTIONS }, STR_INIT("USER FUNCTIONS"), TAKES_FROM | TAKES_LIKE },
    { { KW_PROCEDURES }, STR_INIT("PROCEDURES"), TAKES_FROM | TAKES_LIKE },
    { { KW_MODELS }, STR_INIT("MODELS"), TAKES_FROM | TAKES_LIKE },
    { { KW_CONNECTIONS }, STR_INIT("CONNECTIONS"), TAKES_FROM | TAKES_LIKE },
    { { KW_MODULES }, STR_INIT("MODULES"), 0 },
    { { KW_FULL, KW_MODULES }, STR_INIT("FULL MODULES"), 0 },
    { { KW_JARS }, STR_INIT("JARS"), 0 },
    { { KW_JOBS }, STR_INIT("JOBS"), 0 },
    { { KW_COLUMNS }, STR_INIT("COLUMNS"), NEEDS_FROM | TAKES_LIKE },
    { { KW_PARTITIONS }, STR_INIT("PARTITIONS"), TAKES_NAME | TAKES_PARTITION },
    { { KW_CREATE, KW_TABLE }, STR_INIT("CREATE TABLE"), TAKES_NAME },
    { { KW_CREATE, KW_VIEW }, STR_INIT("CREATE VIEW"), TAKES_NAME },
    { { KW_CREATE, KW_CATALOG }, STR_INIT("CREATE CATALOG"), TAKES_NAME },
    { { KW_CREATE, KW_MODEL }, STR_INIT("CREATE MODEL"), TAKES_NAME },
    { { KW_CREATE, KW_FUNCTION }, STR_INIT("CREATE FUNCTION"), TAKES_NAME },
    { { KW_CREATE, KW_CONNECTION }, STR_INIT("CREATE CONNECTION"), TAKES_NAME },
    { { KW_CREATE, KW_MATERIALIZED, KW_TABLE }, STR_INIT("CREATE MATERIALIZED TABLE"), TAKES_NAME },
};

static enum status parse_like(struct parser *p, struct syn_stmt *s)
{
    bool not = accept_word(p, KW_NOT);
    if (accept_word(p, KW_ILIKE))
        s->flag = true;
    else if (!accept_word(p, KW_LIKE))
        return not ? unexpected(p, "LIKE or ILIKE") : ST_OK;
    s->not_like = not;
    return parse_string(p, &s->like, "a pattern in single quotes");
}

enum status parse_show(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_SHOW;
    take(p);
    const struct show_row *row = NULL;
    for (size_t i = 0; i < sizeof shows / sizeof *shows && !row; i++) {
        uint32_t n = 0;
        while (n < 3 && shows[i].words[n] && peek_word_at(p, n, (enum word)shows[i].words[n]))
            n++;
        if (n == 3 || !shows[i].words[n]) {
            row = &shows[i];
            p->at += n;
        }
    }
    if (!row)
        return unexpected(p, "what to show, such as TABLES, VIEWS, FUNCTIONS, COLUMNS, CATALOGS, DATABASES, JOBS or "
                             "CREATE TABLE\nCURRENT FULL USER MATERIALIZED PROCEDURES MODELS MODULES JARS PARTITIONS");
    s->what = row->what;
    if ((row->takes & TAKES_NAME) && str_eq(row->what, STR("CREATE TABLE")) && peek(p)->kind == T_STRING)
        return parse_string(p, &s->path, "a file");
    if (row->takes & TAKES_NAME)
        TRY(parse_name(p, &s->name, "a name"));
    if ((row->takes & TAKES_PARTITION) && accept_word(p, KW_PARTITION))
        TRY(parse_partition_spec(p, &s->partition, &s->n_partition));
    if (row->takes & (TAKES_FROM | NEEDS_FROM)) {
        if (accept_word(p, KW_FROM) || accept_word(p, KW_IN))
            TRY(parse_name(p, &s->name, "a name"));
        else if (row->takes & NEEDS_FROM)
            return unexpected(p, "FROM or IN");
    }
    return (row->takes & TAKES_LIKE) ? parse_like(p, s) : ST_OK;
}

/* Many functions are named by reserved words: UPPER, LEFT, ABS. */
static enum status parse_function_name(struct parser *p, struct syn_name *ret)
{
    TRY_NEW(p, part, struct str);
    const struct token *t = take(p);
    *part = t->value;
    *ret = (struct syn_name){ .parts = part, .count = 1, .line = t->line, .column = t->column };
    return ST_OK;
}

/* DESCRIBE [what] [EXTENDED] name, or a file. A word that is also a name counts only before one. */
enum status parse_describe(struct parser *p, struct syn_stmt *s)
{
    static const uint16_t whats[] = { KW_CATALOG, KW_DATABASE, KW_FUNCTION, KW_MODEL, KW_CONNECTION, KW_JOB };
    s->kind = SYN_STMT_DESCRIBE;
    take(p);
    for (size_t i = 0; i < sizeof whats / sizeof *whats && !s->what.ptr; i++) {
        const struct token *next = peek_at(p, 1);
        bool before_name = is_name_token(next) || next->kind == T_STRING || peek_word_at(p, 1, KW_EXTENDED) ||
                           (whats[i] == KW_FUNCTION && next->kind == T_WORD);
        if (before_name && accept_word(p, (enum word)whats[i]))
            s->what = word_text((enum word)whats[i]);
    }
    if (!s->what.ptr)
        (void)accept_word(p, KW_TABLE);
    s->flag = accept_word(p, KW_EXTENDED);
    if (peek(p)->kind == T_STRING)
        return parse_string(p, &s->path, "a file");
    if (str_eq(s->what, STR("FUNCTION")) && peek(p)->kind == T_WORD && !is_name_token(peek(p)))
        return parse_function_name(p, &s->name);
    return parse_name(p, &s->name, "CATALOG, DATABASE, FUNCTION, MODEL, JOB or a table's name");
}
