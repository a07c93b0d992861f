/* Statements: the first words choose the rule. What Weir never plans is recognised by its words and kept
 * as text, so that it can be refused by name. */
#include "syntax/parser.h"
#include "syntax/print.h"

/* ---- statements kept as words ---- */

static bool put_token(struct buf *b, const struct parser *p, const struct token *t)
{
    switch (t->kind) {
    case T_QUOTED:
        return print_name_part(b, t->value);
    case T_STRING:
        return print_string(b, t->value);
    default:
        return buf_put(b, p->text.ptr + t->at, t->end - t->at);
    }
}

/* The words up to the end of the statement, one space between them. BEGIN … END may hold semicolons. */
enum status parse_words(struct parser *p, struct str *ret)
{
    struct buf b;
    bool inside = false, ok = true;
    uint32_t count = 0;
    buf_init(&b, p->arena->budget, (size_t)SYN_MAX_TEXT * 2);
    for (const struct token *t = peek(p); ok && t->kind != T_END && (inside || t->kind != ';'); t = peek(p)) {
        if (t->kind == T_BAD) {
            buf_release(&b);
            return unexpected(p, "");
        }
        if (t->kind == T_WORD && t->word == KW_BEGIN)
            inside = true;
        else if (t->kind == T_WORD && t->word == KW_END)
            inside = false;
        ok = (count++ == 0 || buf_put_u8(&b, ' ')) && put_token(&b, p, t);
        take(p);
    }
    struct str copy = ok ? arena_str(p->arena, buf_str(&b)) : (struct str){ 0 };
    buf_release(&b);
    if (!copy.ptr)
        return no_memory(p);
    *ret = copy;
    return ST_OK;
}

static const struct other_row {
    uint16_t words[4];
    struct str what;
} others[] = {
    { { KW_LOAD, KW_MODULE }, STR_INIT("LOAD MODULE") },
    { { KW_UNLOAD, KW_MODULE }, STR_INIT("UNLOAD MODULE") },
    { { KW_ANALYZE, KW_TABLE }, STR_INIT("ANALYZE TABLE") },
    { { KW_TRUNCATE, KW_TABLE }, STR_INIT("TRUNCATE TABLE") },
    { { KW_DELETE, KW_FROM }, STR_INIT("DELETE") },
    { { KW_UPDATE }, STR_INIT("UPDATE") },
    { { KW_MERGE, KW_INTO }, STR_INIT("MERGE") },
    { { KW_CALL }, STR_INIT("CALL") },
    { { KW_STOP, KW_JOB }, STR_INIT("STOP JOB") },
    { { KW_ADD, KW_JAR }, STR_INIT("ADD JAR") },
    { { KW_REMOVE, KW_JAR }, STR_INIT("REMOVE JAR") },
    { { KW_COMPILE, KW_AND, KW_EXECUTE, KW_PLAN }, STR_INIT("COMPILE AND EXECUTE PLAN") },
    { { KW_COMPILE, KW_PLAN }, STR_INIT("COMPILE PLAN") },
    { { KW_EXECUTE, KW_PLAN }, STR_INIT("EXECUTE PLAN") },
    { { KW_CREATE, KW_MATERIALIZED, KW_TABLE }, STR_INIT("CREATE MATERIALIZED TABLE") },
    { { KW_CREATE, KW_CONNECTION }, STR_INIT("CREATE CONNECTION") },
};

static uint32_t words_match(struct parser *p, const uint16_t *words)
{
    uint32_t n = 0;
    while (n < 4 && words[n] && peek_word_at(p, n, (enum word)words[n]))
        n++;
    return n == 4 || !words[n] ? n : 0;
}

/* ---- INSERT ---- */

/* (k = 'v', k, …) */
enum status parse_partition_spec(struct parser *p, struct syn_option **ret, uint32_t *ret_count)
{
    ARRAY(struct syn_option) list = { 0 };
    TRY(expect(p, '(', "'('"));
    do {
        TRY_ADD(p, option, &list, struct syn_option);
        TRY(parse_ident(p, &option->name, "a column's name"));
        option->line = peek(p)->line;
        option->column = peek(p)->column;
        if (!accept(p, '='))
            continue;
        struct syn_expr *value;
        option->line = peek(p)->line;
        option->column = peek(p)->column;
        TRY(parse_primary(p, &value));
        switch (value->kind) {
        case SYN_STRING:
        case SYN_NUMBER:
        case SYN_DATE:
        case SYN_TIME:
        case SYN_TIMESTAMP:
            option->value = value->text;
            break;
        case SYN_TRUE:
            option->value = STR("TRUE");
            break;
        case SYN_FALSE:
            option->value = STR("FALSE");
            break;
        default:
            return error_at(p->err, ST_SYNTAX, option->line, option->column, "a partition's value is a literal");
        }
    } while (accept(p, ','));
    *ret = list.at;
    *ret_count = list.count;
    return expect(p, ')', "',' or ')'");
}

static enum status parse_on_conflict(struct parser *p, struct syn_stmt *s)
{
    static const uint16_t words[] = { KW_NOTHING, KW_ERROR, KW_DEDUPLICATE };
    if (!accept_words(p, KW_ON, KW_CONFLICT))
        return ST_OK;
    TRY(expect_word(p, KW_DO));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (accept_word(p, (enum word)words[i])) {
            s->on_conflict = word_text((enum word)words[i]);
            return ST_OK;
        }
    return unexpected(p, "NOTHING, ERROR or DEDUPLICATE");
}

static enum status parse_insert(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_INSERT;
    take(p);
    s->overwrite = accept_word(p, KW_OVERWRITE);
    if (!s->overwrite && !accept_word(p, KW_INTO))
        return unexpected(p, "INTO or OVERWRITE");
    (void)accept_word(p, KW_TABLE);
    TRY(parse_name(p, &s->name, "a table's name"));
    TRY(parse_hints(p, &s->hints, &s->n_hints));
    if (accept_word(p, KW_PARTITION))
        TRY(parse_partition_spec(p, &s->partition, &s->n_partition));
    if (peek(p)->kind == '(' && !paren_opens_query(p, 0))
        TRY(parse_ident_list(p, &s->columns, &s->n_columns));
    if (!at_query(p))
        return unexpected(p, s->n_columns ? "SELECT or VALUES" : "PARTITION, a list of columns, SELECT or VALUES");
    TRY(parse_query(p, &s->query));
    return parse_on_conflict(p, s);
}

/* INSERT …; INSERT …; END */
static enum status parse_statement_set(struct parser *p, struct syn_stmt *s)
{
    ARRAY(struct syn_stmt *) list = { 0 };
    s->kind = SYN_STMT_STATEMENT_SET;
    do {
        TRY_NEW(p, insert, struct syn_stmt);
        const struct token *first = peek(p);
        insert->line = first->line;
        insert->column = first->column;
        if (!peek_word(p, KW_INSERT))
            return unexpected(p, list.count ? "INSERT or END" : "INSERT");
        TRY(parse_insert(p, insert));
        const struct token *last = &p->tokens.at[p->at - 1];
        insert->source = (struct str){ p->text.ptr + first->at, last->end - first->at };
        TRY_ADD(p, place, &list, struct syn_stmt *);
        *place = insert;
        TRY(expect(p, ';', "';' after the statement"));
        while (accept(p, ';'))
            ;
    } while (!accept_word(p, KW_END));
    s->inserts = list.at;
    s->n_inserts = list.count;
    return ST_OK;
}

/* BEGIN STATEMENT SET; … */
static enum status parse_begin(struct parser *p, struct syn_stmt *s)
{
    take(p);
    TRY(expect_word(p, KW_STATEMENT));
    TRY(expect_word(p, KW_SET));
    TRY(expect(p, ';', "';'"));
    return parse_statement_set(p, s);
}

/* EXECUTE STATEMENT SET BEGIN …, EXECUTE INSERT …, EXECUTE SELECT … */
static enum status parse_execute(struct parser *p, struct syn_stmt *s)
{
    take(p);
    if (accept_words(p, KW_STATEMENT, KW_SET)) {
        TRY(expect_word(p, KW_BEGIN));
        return parse_statement_set(p, s);
    }
    if (peek_word(p, KW_INSERT))
        return parse_insert(p, s);
    if (!at_query(p))
        return unexpected(p, "STATEMENT SET, PLAN, INSERT or SELECT");
    s->kind = SYN_STMT_QUERY;
    return parse_query(p, &s->query);
}

/* ---- EXPLAIN ---- */

static enum status parse_explained(struct parser *p, struct syn_stmt *s)
{
    const struct token *first = peek(p);
    s->line = first->line;
    s->column = first->column;
    if (accept_words(p, KW_STATEMENT, KW_SET)) {
        TRY(expect_word(p, KW_BEGIN));
        TRY(parse_statement_set(p, s));
    } else if (peek_word(p, KW_EXECUTE) && !peek_word_at(p, 1, KW_PLAN)) {
        TRY(parse_execute(p, s));
    } else if (peek_word(p, KW_INSERT)) {
        TRY(parse_insert(p, s));
    } else if (peek_word(p, KW_CREATE)) {
        TRY(parse_create(p, s));
    } else if (at_query(p)) {
        s->kind = SYN_STMT_QUERY;
        TRY(parse_query(p, &s->query));
    } else {
        return unexpected(p, "SELECT, INSERT, CREATE, STATEMENT SET, PLAN FOR or a detail such as CHANGELOG_MODE\n"
                             "ESTIMATED_COST JSON_EXECUTION_PLAN PLAN_ADVICE WITH VALUES");
    }
    s->source = (struct str){ p->text.ptr + first->at, p->tokens.at[p->at - 1].end - first->at };
    return ST_OK;
}

static enum status parse_explain(struct parser *p, struct syn_stmt *s)
{
    static const uint16_t details[] = { KW_ESTIMATED_COST, KW_CHANGELOG_MODE, KW_JSON_EXECUTION_PLAN, KW_PLAN_ADVICE,
                                        KW_ANALYZE /* ours: the plan is run */ };
    char text[160];
    size_t len = 0;
    s->kind = SYN_STMT_EXPLAIN;
    take(p);
    if (!accept_words(p, KW_PLAN, KW_FOR)) {
        bool found;
        do {
            found = false;
            for (size_t i = 0; i < sizeof details / sizeof *details && !found; i++) {
                struct str word = word_text((enum word)details[i]);
                if (len + word.len + 1 >= sizeof text || !accept_word(p, (enum word)details[i]))
                    continue;
                if (len)
                    text[len++] = ',';
                memcpy(text + len, word.ptr, word.len);
                len += word.len;
                found = true;
            }
        } while (found && accept(p, ','));
    }
    s->what = arena_str(p->arena, (struct str){ text, len });
    if (!s->what.ptr)
        return no_memory(p);
    TRY_NEW(p, inner, struct syn_stmt);
    s->inner = inner;
    return parse_explained(p, inner);
}

/* ---- SET, RESET, USE ---- */

/* 'key' in quotes, or bare words as the old client took them: table.exec.state-ttl, from the text itself. */
static enum status parse_setting(struct parser *p, const char *expected, bool value, struct str *ret)
{
    const struct token *first = peek(p), *last = first;
    if (first->kind == T_STRING)
        return parse_string(p, ret, expected);
    while (peek(p)->kind != ';' && peek(p)->kind != T_END && (value || peek(p)->kind != '=')) {
        const struct token *t = peek(p);
        bool fits = t->kind == T_WORD || t->kind == T_QUOTED || t->kind == T_NUMBER ||
                    (t->kind < T_WORD && strchr(".-:/+%", t->kind));
        if (!fits || (!value && t != first && t->at != last->end))
            return unexpected(p, value ? "a value in single quotes" : "'=' or the end of the statement");
        last = take(p);
    }
    if (last->end <= first->at || last->kind == T_END || peek(p) == first)
        return unexpected(p, expected);
    *ret = (struct str){ p->text.ptr + first->at, last->end - first->at };
    return ST_OK;
}

static enum status parse_set(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_SET;
    take(p);
    if (peek(p)->kind == ';' || peek(p)->kind == T_END)
        return ST_OK;
    TRY_NEW(p, option, struct syn_option);
    TRY(parse_setting(p, "a key in single quotes", false, &option->name));
    s->options = option;
    s->n_options = 1;
    if (!accept(p, '=')) {
        s->flag = true;
        return ST_OK;
    }
    option->line = peek(p)->line;
    option->column = peek(p)->column;
    return parse_setting(p, "a value in single quotes", true, &option->value);
}

static enum status parse_reset(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_RESET;
    take(p);
    if (peek(p)->kind == ';' || peek(p)->kind == T_END)
        return ST_OK;
    if (accept_word(p, KW_ALL))
        return ST_OK;
    TRY_NEW(p, option, struct syn_option);
    TRY(parse_setting(p, "a key in single quotes", false, &option->name));
    s->options = option;
    s->n_options = 1;
    return ST_OK;
}

static enum status parse_use(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_USE;
    take(p);
    if (accept_word(p, KW_CATALOG)) {
        s->what = STR("CATALOG");
    } else if (accept_word(p, KW_MODULES)) {
        struct str_list names = { 0 };
        s->what = STR("MODULES");
        do {
            TRY_ADD(p, name, &names, struct str);
            TRY(parse_ident(p, name, "a module's name"));
        } while (accept(p, ','));
        s->columns = names.at;
        s->n_columns = names.count;
        return ST_OK;
    }
    return parse_name(p, &s->name, s->what.len ? "a catalog's name" : "CATALOG, MODULES or a database's name");
}

/* ---- the choice ---- */

static const struct {
    uint16_t word;
    enum status (*parse)(struct parser *p, struct syn_stmt *s);
} starts[] = {
    { KW_INSERT, parse_insert },   { KW_CREATE, parse_create },     { KW_DROP, parse_drop },
    { KW_ALTER, parse_alter },     { KW_SHOW, parse_show },         { KW_DESCRIBE, parse_describe },
    { KW_DESC, parse_describe },   { KW_EXPLAIN, parse_explain },   { KW_SET, parse_set },
    { KW_RESET, parse_reset },     { KW_USE, parse_use },           { KW_BEGIN, parse_begin },
    { KW_EXECUTE, parse_execute },
};

enum status parse_statement(struct parser *p, struct syn_stmt **ret)
{
    TRY_NEW(p, s, struct syn_stmt);
    s->line = peek(p)->line;
    s->column = peek(p)->column;
    *ret = s;
    if (at_query(p)) {
        s->kind = SYN_STMT_QUERY;
        return parse_query(p, &s->query);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint32_t n = words_match(p, others[i].words);
        if (n == 0)
            continue;
        p->at += n;
        s->kind = SYN_STMT_OTHER;
        s->what = others[i].what;
        if (peek(p)->kind == ';' || peek(p)->kind == T_END)
            return unexpected(p, "the rest of the statement");
        return parse_words(p, &s->text);
    }
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (peek_word(p, (enum word)starts[i].word))
            return starts[i].parse(p, s);
    return unexpected(p, "a statement\nSELECT INSERT CREATE DROP ALTER SHOW DESCRIBE EXPLAIN SET RESET USE BEGIN "
                         "EXECUTE WITH VALUES LOAD UNLOAD ANALYZE TRUNCATE DELETE UPDATE CALL STOP ADD REMOVE COMPILE");
}
