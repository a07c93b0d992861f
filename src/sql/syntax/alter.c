/* ALTER TABLE and ALTER VIEW, behind the name. What is changed stands in the parts of a table definition, as CREATE TABLE
 * has them: columns that are added or changed as they are declared, columns that go or get another name by their names alone. */
#include "syntax/parser.h"

static enum status new_table(struct parser *p, struct syn_stmt *s)
{
    TRY_NEW(p, t, struct syn_table_def);
    s->table = t;
    return ST_OK;
}

/* ALTER TABLE t ADD PARTITION …: of what tables have in Flink and not here. */
static bool at_foreign_part(struct parser *p)
{
    bool dropped = peek_word_at(p, 1, KW_IF) && (peek_word_at(p, 2, KW_EXISTS) || peek_word_at(p, 2, KW_NOT));
    return dropped || peek_word_at(p, 1, KW_PARTITION) || peek_word_at(p, 1, KW_DISTRIBUTION);
}

static enum status parse_column_name(struct parser *p, struct syn_column_def *c)
{
    c->line = peek(p)->line;
    c->column = peek(p)->column;
    return parse_ident(p, &c->name, "a column's name");
}

/* TO name; column TO column */
static enum status parse_rename(struct parser *p, struct syn_stmt *s)
{
    take(p);
    if (accept_word(p, KW_TO)) {
        s->alter = SYN_ALTER_RENAME;
        return parse_name(p, &s->target, "a table's name");
    }
    s->alter = SYN_ALTER_RENAME_COLUMN;
    TRY(new_table(p, s));
    s->table->columns = ARENA_ARRAY(p->arena, struct syn_column_def, 2);
    if (!s->table->columns)
        return no_memory(p);
    s->table->n_columns = 2;
    TRY(parse_column_name(p, &s->table->columns[0]));
    TRY(expect_word(p, KW_TO));
    return parse_column_name(p, &s->table->columns[1]);
}

static enum status parse_set_options(struct parser *p, struct syn_stmt *s)
{
    take(p);
    s->alter = SYN_ALTER_SET;
    return parse_options(p, &s->options, &s->n_options);
}

/* ('k', …) */
static enum status parse_reset_options(struct parser *p, struct syn_stmt *s)
{
    ARRAY(struct syn_option) list = { 0 };
    take(p);
    s->alter = SYN_ALTER_RESET;
    TRY(expect(p, '(', "'(' and names of options"));
    do {
        TRY_ADD(p, option, &list, struct syn_option);
        option->line = peek(p)->line;
        option->column = peek(p)->column;
        TRY(parse_string(p, &option->name, "an option's name in single quotes"));
    } while (accept(p, ','));
    s->options = list.at;
    s->n_options = list.count;
    return expect(p, ')', "',' or ')'");
}

static enum status parse_changes(struct parser *p, struct syn_stmt *s)
{
    s->alter = peek_word(p, KW_ADD) ? SYN_ALTER_ADD : SYN_ALTER_MODIFY;
    take(p);
    TRY(new_table(p, s));
    return parse_changed_columns(p, s->table);
}

static enum status parse_dropped(struct parser *p, struct syn_stmt *s)
{
    ARRAY(struct syn_column_def) columns = { 0 };
    take(p);
    TRY(new_table(p, s));
    if (accept_words(p, KW_PRIMARY, KW_KEY)) {
        s->alter = SYN_ALTER_DROP_KEY;
        return ST_OK;
    }
    if (accept_word(p, KW_WATERMARK)) {
        s->alter = SYN_ALTER_DROP_WATERMARK;
        return ST_OK;
    }
    if (accept_word(p, KW_CONSTRAINT)) {
        s->alter = SYN_ALTER_DROP_CONSTRAINT;
        return parse_ident(p, &s->table->primary_key_name, "a constraint's name");
    }
    bool list = accept(p, '(');
    s->alter = SYN_ALTER_DROP;
    do {
        TRY_ADD(p, c, &columns, struct syn_column_def);
        TRY(parse_column_name(p, c));
    } while (list && accept(p, ','));
    s->table->columns = columns.at;
    s->table->n_columns = columns.count;
    return list ? expect(p, ')', "',' or ')'") : ST_OK;
}

enum status parse_alter_table(struct parser *p, struct syn_stmt *s)
{
    static const struct {
        uint16_t word;
        enum status (*parse)(struct parser *p, struct syn_stmt *s);
    } changes[] = { { KW_RENAME, parse_rename },  { KW_SET, parse_set_options }, { KW_RESET, parse_reset_options },
                    { KW_ADD, parse_changes },    { KW_MODIFY, parse_changes },  { KW_DROP, parse_dropped } };
    if (at_foreign_part(p))
        return parse_words(p, &s->text);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (peek_word(p, (enum word)changes[i].word))
            return changes[i].parse(p, s);
    return unexpected(p, "RENAME, SET, RESET, ADD, MODIFY or DROP");
}

enum status parse_alter_view(struct parser *p, struct syn_stmt *s)
{
    if (accept_word(p, KW_AS)) {
        s->alter = SYN_ALTER_AS;
        if (!at_query(p))
            return unexpected(p, "SELECT, VALUES or WITH");
        return parse_query(p, &s->query);
    }
    s->alter = SYN_ALTER_RENAME;
    TRY(expect_word(p, KW_RENAME));
    TRY(expect_word(p, KW_TO));
    return parse_name(p, &s->target, "a view's name");
}
