/* Statements. */
#include "syntax/parser.h"
#include "syntax/print.h"

/* ---- pieces ---- */

bool print_options(struct buf *out, const struct syn_option *options, uint32_t n)
{
    bool ok = put(out, "(");
    for (uint32_t i = 0; ok && i < n; i++)
        ok = put_comma(out, i) && print_string(out, options[i].name) && put(out, " = ") &&
             print_string(out, options[i].value);
    return ok && put(out, ")");
}

static bool print_with(struct buf *out, const struct syn_option *options, uint32_t n)
{
    return n == 0 || (put(out, " WITH ") && print_options(out, options, n));
}

static bool print_comment(struct buf *out, struct str comment)
{
    return !comment.ptr || (put(out, " COMMENT ") && print_string(out, comment));
}

static bool print_partition(struct buf *out, const struct syn_option *list, uint32_t n)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = put(out, i ? ", " : " PARTITION (") && print_name_part(out, list[i].name) &&
             (!list[i].value.ptr || (put(out, " = ") && print_string(out, list[i].value)));
    return ok && put_if(out, n > 0, ")");
}

static bool print_name_list(struct buf *out, const char *before, const struct str *names, uint32_t n)
{
    return n == 0 || (put(out, before) && put(out, "(") && print_names(out, names, n) && put(out, ")"));
}

/* ---- tables ---- */

static bool print_column(struct buf *out, const struct syn_table_def *t, const struct syn_column_def *c)
{
    bool ok = print_name_part(out, c->name);
    if (ok && c->kind == SYN_COL_COMPUTED)
        ok = put(out, " AS ") && syn_print_expr(out, c->expr);
    else if (ok && c->type)
        ok = put(out, " ") && syn_print_type(out, c->type);
    if (ok && c->kind == SYN_COL_METADATA)
        ok = put(out, " METADATA") && put_if(out, c->metadata_key.ptr, " FROM ") &&
             (!c->metadata_key.ptr || print_string(out, c->metadata_key)) && put_if(out, c->is_virtual, " VIRTUAL");
    if (ok && c->primary_key) {
        if (t->primary_key_name.ptr)
            ok = put(out, " CONSTRAINT ") && print_name_part(out, t->primary_key_name);
        ok = ok && put(out, " PRIMARY KEY") && put_if(out, !t->primary_key_enforced, " NOT ENFORCED");
    }
    ok = ok && print_comment(out, c->comment) && put_if(out, c->first, " FIRST");
    return ok && (!c->after.ptr || (put(out, " AFTER ") && print_name_part(out, c->after)));
}

static bool print_columns(struct buf *out, const struct syn_table_def *t)
{
    uint32_t n = 0;
    bool ok = true;
    for (uint32_t i = 0; ok && i < t->n_columns; i++)
        ok = put(out, n++ ? ", " : " (") && print_column(out, t, &t->columns[i]);
    if (ok && t->watermark.present)
        ok = put(out, n++ ? ", " : " (") && put(out, "WATERMARK FOR ") && print_name(out, &t->watermark.column) &&
             put(out, " AS ") && syn_print_expr(out, t->watermark.expr);
    if (ok && t->has_primary_key_clause) {
        ok = put(out, n++ ? ", " : " (");
        if (ok && t->primary_key_name.ptr)
            ok = put(out, "CONSTRAINT ") && print_name_part(out, t->primary_key_name) && put(out, " ");
        ok = ok && put(out, "PRIMARY KEY (") && print_names(out, t->primary_key, t->n_primary_key) && put(out, ")") &&
             put_if(out, !t->primary_key_enforced, " NOT ENFORCED");
    }
    if (n > 0)
        return ok && put(out, ")");
    /* a table of nothing but its name needs something behind it */
    bool bare = !t->comment.ptr && !t->has_distribution && !t->n_partitioned_by && !t->has_options && !t->like.count &&
                !t->as_query;
    return ok && put_if(out, bare, " ()");
}

static bool print_distribution(struct buf *out, const struct syn_table_def *t)
{
    bool ok = put(out, " DISTRIBUTED");
    if (ok && t->n_distributed_by)
        ok = put(out, " BY ") && put_str(out, t->distributed) && put_if(out, t->distributed.len > 0, " ") &&
             print_name_list(out, "", t->distributed_by, t->n_distributed_by);
    return ok && (!t->buckets || (put(out, " INTO ") && syn_print_expr(out, t->buckets) && put(out, " BUCKETS")));
}

static bool print_like(struct buf *out, const struct syn_table_def *t)
{
    bool ok = put(out, " LIKE ") && print_name(out, &t->like);
    for (uint32_t i = 0; ok && i < t->n_like_options; i++) {
        const struct syn_like_option *o = &t->like_options[i];
        const char *how = o->including ? "INCLUDING " : o->overwriting ? "OVERWRITING " : "EXCLUDING ";
        ok = put(out, i ? " " : " (") && put(out, how) && put_str(out, o->what);
    }
    return ok && put_if(out, t->n_like_options > 0, ")");
}

bool print_table_body(struct buf *out, const struct syn_table_def *t)
{
    bool ok = print_columns(out, t) && print_comment(out, t->comment);
    if (ok && t->has_distribution)
        ok = print_distribution(out, t);
    ok = ok && print_name_list(out, " PARTITIONED BY ", t->partitioned_by, t->n_partitioned_by);
    if (ok && t->has_options)
        ok = put(out, " WITH ") && print_options(out, t->options, t->n_options);
    if (ok && t->like.count)
        ok = print_like(out, t);
    return ok && (!t->as_query || (put(out, " AS ") && syn_print_query(out, t->as_query)));
}

/* ---- CREATE ---- */

static bool print_create_head(struct buf *out, const struct syn_stmt *s, const char *what)
{
    return put(out, "CREATE ") && put_if(out, s->or_replace, "OR REPLACE ") &&
           put_if(out, s->temporary, "TEMPORARY ") && put_if(out, s->system, "SYSTEM ") && put(out, what) &&
           put_if(out, s->if_not_exists, " IF NOT EXISTS") && put(out, " ") && print_name(out, &s->name);
}

static bool print_create_table(struct buf *out, const struct syn_stmt *s)
{
    return print_create_head(out, s, "TABLE") && print_table_body(out, s->table);
}

static bool print_create_view(struct buf *out, const struct syn_stmt *s)
{
    return print_create_head(out, s, "VIEW") && print_name_list(out, " ", s->columns, s->n_columns) &&
           print_comment(out, s->comment) && put(out, " AS ") && syn_print_query(out, s->query);
}

static bool print_function_body(struct buf *out, const struct syn_stmt *s)
{
    bool ok = put(out, "AS ") && print_string(out, s->text);
    if (ok && s->language.ptr) {
        enum word w = word_find(s->language);
        bool known = w == KW_JAVA || w == KW_SCALA || w == KW_PYTHON || w == KW_SQL;
        known = known && str_eq(s->language, word_text(w));
        ok = put(out, " LANGUAGE ") && (known ? put_str(out, s->language) : print_name_part(out, s->language));
    }
    for (uint32_t i = 0; ok && i < s->n_options; i++)
        ok = put(out, i ? ", " : " USING ") && put_str(out, s->options[i].name) && put(out, " ") &&
             print_string(out, s->options[i].value);
    return ok;
}

static bool print_create_function(struct buf *out, const struct syn_stmt *s)
{
    return print_create_head(out, s, "FUNCTION") && put(out, " ") && print_function_body(out, s);
}

static bool print_create_space(struct buf *out, const struct syn_stmt *s)
{
    return print_create_head(out, s, s->kind == SYN_STMT_CREATE_CATALOG ? "CATALOG" : "DATABASE") &&
           print_comment(out, s->comment) && print_with(out, s->options, s->n_options);
}

static bool print_create_model(struct buf *out, const struct syn_stmt *s)
{
    bool ok = print_create_head(out, s, "MODEL");
    if (ok && s->n_inputs)
        ok = put(out, " INPUT (") && print_fields(out, s->inputs, s->n_inputs, " COMMENT ") && put(out, ")");
    if (ok && s->n_outputs)
        ok = put(out, " OUTPUT (") && print_fields(out, s->outputs, s->n_outputs, " COMMENT ") && put(out, ")");
    ok = ok && print_comment(out, s->comment) && print_with(out, s->options, s->n_options);
    return ok && (!s->query || (put(out, " AS ") && syn_print_query(out, s->query)));
}

/* ---- the others ---- */

static bool print_query_stmt(struct buf *out, const struct syn_stmt *s)
{
    return syn_print_query(out, s->query);
}

static bool print_insert(struct buf *out, const struct syn_stmt *s)
{
    bool ok = put(out, s->overwrite ? "INSERT OVERWRITE " : "INSERT INTO ") && print_name(out, &s->name);
    if (ok && s->n_hints)
        ok = put(out, " ") && print_hints(out, s->hints, s->n_hints);
    ok = ok && print_partition(out, s->partition, s->n_partition) &&
         print_name_list(out, " ", s->columns, s->n_columns) && put(out, " ") && syn_print_query(out, s->query);
    return ok && (!s->on_conflict.len || (put(out, " ON CONFLICT DO ") && put_str(out, s->on_conflict)));
}

static bool print_inserts(struct buf *out, const struct syn_stmt *s)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < s->n_inserts; i++)
        ok = put(out, " ") && syn_print_stmt(out, s->inserts[i]) && put(out, ";");
    return ok && put(out, " END");
}

static bool print_statement_set(struct buf *out, const struct syn_stmt *s)
{
    return put(out, "EXECUTE STATEMENT SET BEGIN") && print_inserts(out, s);
}

static bool print_drop(struct buf *out, const struct syn_stmt *s)
{
    return put(out, "DROP ") && put_str(out, s->what) && put_if(out, s->if_exists, " IF EXISTS") && put(out, " ") &&
           print_name(out, &s->name) && put_if(out, s->cascade, " CASCADE");
}

static bool print_option_names(struct buf *out, const struct syn_option *options, uint32_t n)
{
    bool ok = put(out, "(");
    for (uint32_t i = 0; ok && i < n; i++)
        ok = put_comma(out, i) && print_string(out, options[i].name);
    return ok && put(out, ")");
}

static bool print_change(struct buf *out, const struct syn_stmt *s)
{
    switch (s->alter) {
    case SYN_ALTER_RENAME:
        return put(out, "RENAME TO ") && print_name(out, &s->target);
    case SYN_ALTER_RENAME_COLUMN:
        return put(out, "RENAME ") && print_name_part(out, s->table->columns[0].name) && put(out, " TO ") &&
               print_name_part(out, s->table->columns[1].name);
    case SYN_ALTER_SET:
        return put(out, "SET ") && print_options(out, s->options, s->n_options);
    case SYN_ALTER_RESET:
        return put(out, "RESET ") && print_option_names(out, s->options, s->n_options);
    case SYN_ALTER_ADD:
        return put(out, "ADD") && print_columns(out, s->table);
    case SYN_ALTER_MODIFY:
        return put(out, "MODIFY") && print_columns(out, s->table);
    case SYN_ALTER_DROP:
        return put(out, "DROP") && print_columns(out, s->table);
    case SYN_ALTER_DROP_KEY:
        return put(out, "DROP PRIMARY KEY");
    case SYN_ALTER_DROP_CONSTRAINT:
        return put(out, "DROP CONSTRAINT ") && print_name_part(out, s->table->primary_key_name);
    case SYN_ALTER_DROP_WATERMARK:
        return put(out, "DROP WATERMARK");
    case SYN_ALTER_AS:
        return s->query ? put(out, "AS ") && syn_print_query(out, s->query) : print_function_body(out, s);
    case SYN_ALTER_WORDS:
        break;
    }
    return put_str(out, s->text);
}

static bool print_alter(struct buf *out, const struct syn_stmt *s)
{
    return put(out, "ALTER ") && put_if(out, s->temporary, "TEMPORARY ") && put_if(out, s->system, "SYSTEM ") &&
           put_str(out, s->what) && put_if(out, s->if_exists, " IF EXISTS") && put(out, " ") &&
           print_name(out, &s->name) && put(out, " ") && print_change(out, s);
}

static bool print_show(struct buf *out, const struct syn_stmt *s)
{
    bool direct = str_starts(s->what, STR("CREATE ")) || str_eq(s->what, STR("PARTITIONS"));
    bool ok = put(out, "SHOW ") && put_str(out, s->what);
    if (ok && s->path.ptr)
        ok = put(out, " ") && print_string(out, s->path);
    if (ok && s->name.count)
        ok = put(out, direct ? " " : " FROM ") && print_name(out, &s->name);
    ok = ok && print_partition(out, s->partition, s->n_partition);
    return ok && (!s->like.ptr || (put_if(out, s->not_like, " NOT") && put(out, s->flag ? " ILIKE " : " LIKE ") &&
                                   print_string(out, s->like)));
}

static bool print_describe(struct buf *out, const struct syn_stmt *s)
{
    return put(out, "DESCRIBE ") && put_str(out, s->what) && put_if(out, s->what.len > 0, " ") &&
           put_if(out, s->flag, "EXTENDED ") && (s->path.ptr ? print_string(out, s->path) : print_name(out, &s->name));
}

static bool print_explain(struct buf *out, const struct syn_stmt *s)
{
    bool ok = put(out, "EXPLAIN ");
    for (size_t i = 0; ok && i < s->what.len; i++)
        ok = s->what.ptr[i] == ',' ? put(out, ", ") : buf_put_u8(out, (uint8_t)s->what.ptr[i]);
    return ok && put(out, s->what.len ? " " : "PLAN FOR ") && syn_print_stmt(out, s->inner);
}

static bool print_set(struct buf *out, const struct syn_stmt *s)
{
    bool ok = put(out, s->kind == SYN_STMT_SET ? "SET" : "RESET");
    if (!ok || s->n_options == 0)
        return ok;
    ok = put(out, " ") && print_string(out, s->options[0].name);
    if (ok && s->kind == SYN_STMT_SET && !s->flag)
        ok = put(out, " = ") && print_string(out, s->options[0].value);
    return ok;
}

static bool print_use(struct buf *out, const struct syn_stmt *s)
{
    return put(out, "USE ") && put_str(out, s->what) && put_if(out, s->what.len > 0, " ") &&
           (s->name.count ? print_name(out, &s->name) : print_names(out, s->columns, s->n_columns));
}

static bool print_other(struct buf *out, const struct syn_stmt *s)
{
    bool is_delete = str_eq(s->what, STR("DELETE")), is_merge = str_eq(s->what, STR("MERGE"));
    return put_str(out, s->what) && put_if(out, is_delete, " FROM") && put_if(out, is_merge, " INTO") &&
           put(out, " ") && put_str(out, s->text);
}

bool syn_print_stmt(struct buf *out, const struct syn_stmt *s)
{
    static bool (*const printers[])(struct buf *out, const struct syn_stmt *s) = {
        [SYN_STMT_QUERY] = print_query_stmt,
        [SYN_STMT_INSERT] = print_insert,
        [SYN_STMT_STATEMENT_SET] = print_statement_set,
        [SYN_STMT_CREATE_TABLE] = print_create_table,
        [SYN_STMT_CREATE_VIEW] = print_create_view,
        [SYN_STMT_CREATE_FUNCTION] = print_create_function,
        [SYN_STMT_CREATE_DATABASE] = print_create_space,
        [SYN_STMT_CREATE_CATALOG] = print_create_space,
        [SYN_STMT_CREATE_MODEL] = print_create_model,
        [SYN_STMT_DROP] = print_drop,
        [SYN_STMT_ALTER] = print_alter,
        [SYN_STMT_SHOW] = print_show,
        [SYN_STMT_DESCRIBE] = print_describe,
        [SYN_STMT_EXPLAIN] = print_explain,
        [SYN_STMT_SET] = print_set,
        [SYN_STMT_RESET] = print_set,
        [SYN_STMT_USE] = print_use,
        [SYN_STMT_OTHER] = print_other,
    };
    return printers[s->kind](out, s);
}
