/* CREATE, DROP and ALTER. */
#include "syntax/parser.h"

/* ---- columns and constraints ---- */

static enum status parse_not_enforced(struct parser *p, struct syn_table_def *t)
{
    t->primary_key_enforced = !accept_words(p, KW_NOT, KW_ENFORCED);
    if (t->primary_key_enforced)
        (void)accept_word(p, KW_ENFORCED);
    return ST_OK;
}

static enum status second_key(struct parser *p, const struct token *at)
{
    return error_at(p->err, ST_SYNTAX, at->line, at->column, "a table has one primary key");
}

static enum status parse_metadata(struct parser *p, struct syn_column_def *c)
{
    c->kind = SYN_COL_METADATA;
    if (accept_word(p, KW_FROM))
        TRY(parse_string(p, &c->metadata_key, "a metadata key in single quotes"));
    c->is_virtual = accept_word(p, KW_VIRTUAL);
    return ST_OK;
}

static enum status parse_column_def(struct parser *p, struct syn_table_def *t, struct syn_column_def *c)
{
    c->line = peek(p)->line;
    c->column = peek(p)->column;
    TRY(parse_ident(p, &c->name, "a column's name, PRIMARY KEY, CONSTRAINT or WATERMARK"));
    if (accept_word(p, KW_AS)) {
        c->kind = SYN_COL_COMPUTED;
        TRY(parse_expr(p, &c->expr));
    } else if (peek(p)->kind == ',' || peek(p)->kind == ')') {
        return ST_OK; /* a name alone: CREATE TABLE … AS */
    } else {
        TRY(parse_type(p, &c->type));
        if (accept_word(p, KW_METADATA))
            TRY(parse_metadata(p, c));
        const struct token *at = peek(p);
        if (accept_word(p, KW_CONSTRAINT))
            TRY(parse_ident(p, &t->primary_key_name, "a constraint's name"));
        if (accept_words(p, KW_PRIMARY, KW_KEY)) {
            if (t->n_primary_key)
                return second_key(p, at);
            c->primary_key = true;
            TRY_NEW(p, key, struct str);
            *key = c->name;
            t->primary_key = key;
            t->n_primary_key = 1;
            TRY(parse_not_enforced(p, t));
        } else if (peek(p) != at) {
            return unexpected(p, "PRIMARY KEY");
        }
    }
    if (accept_word(p, KW_COMMENT))
        TRY(parse_string(p, &c->comment, "a comment in single quotes"));
    return ST_OK;
}

/* [CONSTRAINT n] PRIMARY KEY (a, b) [NOT ENFORCED] */
static enum status parse_constraint(struct parser *p, struct syn_table_def *t)
{
    const struct token *at = peek(p);
    if (accept_word(p, KW_CONSTRAINT))
        TRY(parse_ident(p, &t->primary_key_name, "a constraint's name"));
    if (!accept_words(p, KW_PRIMARY, KW_KEY))
        return unexpected(p, "PRIMARY KEY");
    if (t->n_primary_key)
        return second_key(p, at);
    t->has_primary_key_clause = true;
    TRY(parse_ident_list(p, &t->primary_key, &t->n_primary_key));
    return parse_not_enforced(p, t);
}

static enum status parse_watermark(struct parser *p, struct syn_table_def *t)
{
    struct syn_watermark *w = &t->watermark;
    const struct token *at = take(p);
    if (w->present)
        return error_at(p->err, ST_SYNTAX, at->line, at->column, "a table has one watermark");
    w->present = true;
    w->line = at->line;
    w->column_at = at->column;
    TRY(expect_word(p, KW_FOR));
    TRY(parse_name(p, &w->column, "a column's name"));
    TRY(expect_word(p, KW_AS));
    return parse_expr(p, &w->expr);
}

/* FIRST, AFTER column: where ALTER TABLE puts one */
static enum status parse_position(struct parser *p, struct syn_column_def *c)
{
    c->first = accept_word(p, KW_FIRST);
    return !c->first && accept_word(p, KW_AFTER) ? parse_ident(p, &c->after, "a column's name") : ST_OK;
}

static enum status parse_column_list(struct parser *p, struct syn_table_def *t, bool one, bool placed)
{
    ARRAY(struct syn_column_def) columns = { 0 };
    do {
        if (peek_word(p, KW_WATERMARK)) {
            TRY(parse_watermark(p, t));
        } else if (peek_word(p, KW_PRIMARY) || peek_word(p, KW_CONSTRAINT)) {
            TRY(parse_constraint(p, t));
        } else {
            TRY_ADD(p, c, &columns, struct syn_column_def);
            TRY(parse_column_def(p, t, c));
            if (placed)
                TRY(parse_position(p, c));
        }
    } while (!one && accept(p, ','));
    t->columns = columns.at;
    t->n_columns = columns.count;
    return ST_OK;
}

static enum status parse_columns(struct parser *p, struct syn_table_def *t)
{
    TRY(expect(p, '(', "'('"));
    if (peek(p)->kind != ')')
        TRY(parse_column_list(p, t, false, false));
    return expect(p, ')', "',' or ')'\nMETADATA COMMENT VIRTUAL PRIMARY NOT");
}

/* ---- the clauses after the columns ---- */

static enum status parse_distribution(struct parser *p, struct syn_table_def *t)
{
    t->has_distribution = true;
    if (accept_word(p, KW_BY)) {
        if (accept_word(p, KW_HASH))
            t->distributed = STR("HASH");
        else if (accept_word(p, KW_RANGE))
            t->distributed = STR("RANGE");
        TRY(parse_ident_list(p, &t->distributed_by, &t->n_distributed_by));
        if (!peek_word(p, KW_INTO))
            return ST_OK;
    }
    TRY(expect_word(p, KW_INTO));
    const struct token *n = peek(p);
    int32_t count;
    TRY(parse_count(p, &count, "a number of buckets"));
    TRY(new_expr(p, SYN_NUMBER, n, &t->buckets));
    t->buckets->text = n->value;
    return expect_word(p, KW_BUCKETS);
}

static enum status parse_like_options(struct parser *p, struct syn_table_def *t)
{
    static const uint16_t whats[] = { KW_ALL,      KW_CONSTRAINTS, KW_GENERATED,  KW_METADATA,
                                      KW_OPTIONS,  KW_PARTITIONS,  KW_WATERMARKS, KW_DISTRIBUTION };
    ARRAY(struct syn_like_option) list = { 0 };
    if (!accept(p, '('))
        return ST_OK;
    while (peek(p)->kind != ')') {
        TRY_ADD(p, o, &list, struct syn_like_option);
        o->including = accept_word(p, KW_INCLUDING);
        o->overwriting = !o->including && accept_word(p, KW_OVERWRITING);
        if (!o->including && !o->overwriting && !accept_word(p, KW_EXCLUDING))
            return unexpected(p, "INCLUDING, EXCLUDING, OVERWRITING or ')'");
        for (size_t i = 0; i < sizeof whats / sizeof *whats && !o->what.ptr; i++)
            if (accept_word(p, (enum word)whats[i]))
                o->what = word_text((enum word)whats[i]);
        if (!o->what.ptr)
            return unexpected(p, "ALL, CONSTRAINTS, DISTRIBUTION, GENERATED, METADATA, OPTIONS, PARTITIONS or "
                                 "WATERMARKS");
    }
    t->like_options = list.at;
    t->n_like_options = list.count;
    return expect(p, ')', "')'");
}

static enum status check_named_columns(struct parser *p, const struct syn_table_def *t)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].kind != SYN_COL_COMPUTED && !t->columns[i].type && !t->as_query)
            return error_at(p->err, ST_SYNTAX, t->columns[i].line, t->columns[i].column, "column '%.*s' has no type",
                            STR_ARG(t->columns[i].name));
    return ST_OK;
}

enum status parse_changed_columns(struct parser *p, struct syn_table_def *t)
{
    bool list = accept(p, '(');
    TRY(parse_column_list(p, t, !list, true));
    if (list)
        TRY(expect(p, ')', "',' or ')'\nFIRST AFTER METADATA COMMENT VIRTUAL PRIMARY NOT"));
    return check_named_columns(p, t);
}

/* Everything after the table's name. */
enum status parse_table_body(struct parser *p, struct syn_table_def *t)
{
    bool any = peek(p)->kind == '(';
    if (any)
        TRY(parse_columns(p, t));
    for (;;) {
        if (!t->comment.ptr && accept_word(p, KW_COMMENT)) {
            TRY(parse_string(p, &t->comment, "a comment in single quotes"));
        } else if (!t->has_distribution && accept_word(p, KW_DISTRIBUTED)) {
            TRY(parse_distribution(p, t));
        } else if (!t->n_partitioned_by && accept_words(p, KW_PARTITIONED, KW_BY)) {
            TRY(parse_ident_list(p, &t->partitioned_by, &t->n_partitioned_by));
        } else if (!t->has_options && accept_word(p, KW_WITH)) {
            t->has_options = true;
            TRY(parse_options(p, &t->options, &t->n_options));
        } else if (!t->like.count && !t->as_query && accept_word(p, KW_LIKE)) {
            TRY(parse_name(p, &t->like, "a table's name"));
            TRY(parse_like_options(p, t));
        } else if (!t->like.count && !t->as_query && accept_word(p, KW_AS)) {
            if (!at_query(p))
                return unexpected(p, "SELECT, VALUES or WITH");
            TRY(parse_query(p, &t->as_query));
            break;
        } else {
            break;
        }
        any = true;
    }
    if (!any && !t->as_query)
        return unexpected(p, "'(', WITH, LIKE or AS");
    return check_named_columns(p, t);
}

/* ---- CREATE ---- */

static enum status create_table(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_CREATE_TABLE;
    TRY(parse_name(p, &s->name, "a table's name"));
    TRY_NEW(p, t, struct syn_table_def);
    s->table = t;
    return parse_table_body(p, t);
}

static enum status parse_comment(struct parser *p, struct syn_stmt *s)
{
    return accept_word(p, KW_COMMENT) ? parse_string(p, &s->comment, "a comment in single quotes") : ST_OK;
}

static enum status create_view(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_CREATE_VIEW;
    TRY(parse_name(p, &s->name, "a view's name"));
    if (peek(p)->kind == '(')
        TRY(parse_ident_list(p, &s->columns, &s->n_columns));
    TRY(parse_comment(p, s));
    TRY(expect_word(p, KW_AS));
    if (!at_query(p))
        return unexpected(p, "SELECT, VALUES or WITH");
    return parse_query(p, &s->query);
}

/* USING JAR 'a', JAR 'b' */
static enum status parse_resources(struct parser *p, struct syn_stmt *s)
{
    ARRAY(struct syn_option) list = { 0 };
    do {
        TRY_ADD(p, o, &list, struct syn_option);
        if (accept_word(p, KW_JAR))
            o->name = STR("JAR");
        else if (accept_word(p, KW_FILE))
            o->name = STR("FILE");
        else if (accept_word(p, KW_ARCHIVE))
            o->name = STR("ARCHIVE");
        else
            return unexpected(p, "JAR, FILE or ARCHIVE");
        o->line = peek(p)->line;
        o->column = peek(p)->column;
        TRY(parse_string(p, &o->value, "a path in single quotes"));
    } while (accept(p, ','));
    s->options = list.at;
    s->n_options = list.count;
    return ST_OK;
}

/* AS 'class' [LANGUAGE …] [USING …] */
static enum status parse_function_body(struct parser *p, struct syn_stmt *s)
{
    static const uint16_t languages[] = { KW_JAVA, KW_SCALA, KW_PYTHON, KW_SQL };
    TRY(expect_word(p, KW_AS));
    TRY(parse_string(p, &s->text, "a class or library in single quotes"));
    if (accept_word(p, KW_LANGUAGE)) {
        for (size_t i = 0; i < sizeof languages / sizeof *languages && !s->language.ptr; i++)
            if (accept_word(p, (enum word)languages[i]))
                s->language = word_text((enum word)languages[i]);
        /* any other language is a name: what may be loaded is not the parser's to say */
        if (!s->language.ptr)
            TRY(parse_ident(p, &s->language, "a language's name"));
    }
    return accept_word(p, KW_USING) ? parse_resources(p, s) : ST_OK;
}

static enum status create_function(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_CREATE_FUNCTION;
    TRY(parse_name(p, &s->name, "a function's name"));
    return parse_function_body(p, s);
}

static enum status alter_function(struct parser *p, struct syn_stmt *s)
{
    s->alter = SYN_ALTER_AS;
    return parse_function_body(p, s);
}

static enum status create_database(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_CREATE_DATABASE;
    TRY(parse_name(p, &s->name, "a database's name"));
    TRY(parse_comment(p, s));
    return accept_word(p, KW_WITH) ? parse_options(p, &s->options, &s->n_options) : ST_OK;
}

static enum status create_catalog(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_CREATE_CATALOG;
    TRY(parse_name(p, &s->name, "a catalog's name"));
    TRY(parse_comment(p, s));
    return accept_word(p, KW_WITH) ? parse_options(p, &s->options, &s->n_options) : ST_OK;
}

/* (name type [COMMENT '…'], …) */
static enum status parse_model_fields(struct parser *p, struct syn_field **ret, uint32_t *ret_count)
{
    ARRAY(struct syn_field) list = { 0 };
    TRY(expect(p, '(', "'('"));
    do {
        TRY_ADD(p, f, &list, struct syn_field);
        TRY(parse_ident(p, &f->name, "a column's name"));
        TRY(parse_type(p, &f->type));
        if (accept_word(p, KW_COMMENT))
            TRY(parse_string(p, &f->comment, "a comment in single quotes"));
    } while (accept(p, ','));
    *ret = list.at;
    *ret_count = list.count;
    return expect(p, ')', "',' or ')'");
}

static enum status create_model(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_CREATE_MODEL;
    TRY(parse_name(p, &s->name, "a model's name"));
    if (accept_word(p, KW_INPUT))
        TRY(parse_model_fields(p, &s->inputs, &s->n_inputs));
    if (accept_word(p, KW_OUTPUT))
        TRY(parse_model_fields(p, &s->outputs, &s->n_outputs));
    TRY(parse_comment(p, s));
    if (accept_word(p, KW_WITH))
        TRY(parse_options(p, &s->options, &s->n_options));
    if (!accept_word(p, KW_AS))
        return ST_OK;
    if (!at_query(p))
        return unexpected(p, "SELECT, VALUES or WITH");
    return parse_query(p, &s->query);
}

enum { MAY_TEMPORARY = 1, MAY_SYSTEM = 2, MAY_CASCADE = 4 };

static const struct object_row {
    uint16_t words[2];
    struct str what;
    enum status (*create)(struct parser *p, struct syn_stmt *s); /* NULL: kept as words elsewhere */
    unsigned may;
    const char *changes; /* what ALTER may do first */
    enum status (*alter)(struct parser *p, struct syn_stmt *s); /* NULL: kept as words */
} objects[] = {
    { { KW_TABLE }, STR_INIT("TABLE"), create_table, MAY_TEMPORARY,
      "RENAME, SET, RESET, ADD, MODIFY or DROP", parse_alter_table },
    { { KW_VIEW }, STR_INIT("VIEW"), create_view, MAY_TEMPORARY, "RENAME or AS", parse_alter_view },
    { { KW_FUNCTION }, STR_INIT("FUNCTION"), create_function, MAY_TEMPORARY | MAY_SYSTEM, "AS",
      alter_function },
    { { KW_DATABASE }, STR_INIT("DATABASE"), create_database, MAY_CASCADE, "SET", NULL },
    { { KW_CATALOG }, STR_INIT("CATALOG"), create_catalog, 0, "SET, RESET or COMMENT", NULL },
    { { KW_MODEL }, STR_INIT("MODEL"), create_model, MAY_TEMPORARY, "RENAME, SET or RESET", NULL },
    { { KW_MATERIALIZED, KW_TABLE }, STR_INIT("MATERIALIZED TABLE"), NULL, 0,
      "SET, RESET, SUSPEND, RESUME, REFRESH, ADD, MODIFY, DROP or AS", NULL },
    { { KW_CONNECTION }, STR_INIT("CONNECTION"), NULL, MAY_TEMPORARY, "RENAME, SET or RESET", NULL },
};

static const struct object_row *find_object(struct parser *p)
{
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        const struct object_row *o = &objects[i];
        if (peek_word(p, (enum word)o->words[0]) && (!o->words[1] || peek_word_at(p, 1, (enum word)o->words[1]))) {
            p->at += o->words[1] ? 2 : 1;
            return o;
        }
    }
    return NULL;
}

/* TEMPORARY and SYSTEM fit the object; `at` is where they stand. */
static enum status check_temporary(struct parser *p, const struct syn_stmt *s, const struct object_row *o,
                                   const struct token *at)
{
    if ((s->temporary && !(o->may & MAY_TEMPORARY)) || (s->system && !(o->may & MAY_SYSTEM)))
        return error_at(p->err, ST_SYNTAX, at->line, at->column, "a %.*s cannot be TEMPORARY%s", STR_ARG(o->what),
                        s->system ? " SYSTEM" : "");
    return ST_OK;
}

static void parse_temporary(struct parser *p, struct syn_stmt *s)
{
    s->temporary = accept_word(p, KW_TEMPORARY);
    s->system = s->temporary && accept_word(p, KW_SYSTEM);
}

enum status parse_create(struct parser *p, struct syn_stmt *s)
{
    static const char what[] = "TABLE, VIEW, FUNCTION, DATABASE, CATALOG, MODEL, TEMPORARY or OR REPLACE";
    take(p);
    const struct token *at = peek(p);
    if (accept_words(p, KW_OR, KW_REPLACE))
        s->or_replace = true;
    parse_temporary(p, s);
    const struct object_row *o = find_object(p);
    if (!o || !o->create)
        return unexpected(p, what);
    TRY(check_temporary(p, s, o, at));
    if (peek_word(p, KW_IF) && (peek_word_at(p, 1, KW_NOT) || peek_word_at(p, 1, KW_EXISTS))) {
        take(p);
        TRY(expect_word(p, KW_NOT));
        TRY(expect_word(p, KW_EXISTS));
        s->if_not_exists = true;
    }
    return o->create(p, s);
}

/* ---- DROP, ALTER ---- */

static enum status parse_if_exists(struct parser *p, struct syn_stmt *s)
{
    s->if_exists = accept_words(p, KW_IF, KW_EXISTS);
    return ST_OK;
}

enum status parse_drop(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_DROP;
    take(p);
    const struct token *at = peek(p);
    parse_temporary(p, s);
    const struct object_row *o = find_object(p);
    if (!o)
        return unexpected(p, "TABLE, VIEW, FUNCTION, DATABASE, CATALOG, MODEL or TEMPORARY");
    TRY(check_temporary(p, s, o, at));
    s->what = o->what;
    if (s->temporary) {
        s->what = arena_printf(p->arena, "TEMPORARY %s%.*s", s->system ? "SYSTEM " : "", STR_ARG(o->what));
        if (!s->what.ptr)
            return no_memory(p);
    }
    TRY(parse_if_exists(p, s));
    TRY(parse_name(p, &s->name, "a name"));
    if (o->may & MAY_CASCADE) {
        s->cascade = accept_word(p, KW_CASCADE);
        if (!s->cascade)
            (void)accept_word(p, KW_RESTRICT);
    }
    return ST_OK;
}

/* ALTER TABLE t …: the first word must be one that the object knows. */
enum status parse_alter(struct parser *p, struct syn_stmt *s)
{
    s->kind = SYN_STMT_ALTER;
    take(p);
    parse_temporary(p, s);
    const struct object_row *o = find_object(p);
    if (!o)
        return unexpected(p, "TABLE, VIEW, FUNCTION, DATABASE, CATALOG or MODEL");
    TRY(check_temporary(p, s, o, peek(p)));
    s->what = o->what;
    TRY(parse_if_exists(p, s));
    TRY(parse_name(p, &s->name, "a name"));
    const struct token *first = peek(p);
    bool known = false;
    struct str rest = str_from(o->changes), word = { 0 };
    for (const char *c = o->changes; first->kind == T_WORD && first->word && *c; c++) {
        word = word_text((enum word)first->word);
        bool starts = c == o->changes || c[-1] == ' ';
        size_t left = rest.len - (size_t)(c - o->changes);
        known = known || (starts && left >= word.len && memcmp(c, word.ptr, word.len) == 0 &&
                          (left == word.len || c[word.len] == ',' || c[word.len] == ' '));
    }
    if (!known)
        return unexpected(p, o->changes);
    return o->alter ? o->alter(p, s) : parse_words(p, &s->text);
}
