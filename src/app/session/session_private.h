/* What the files of this room share. */
#pragma once

#include "session/session.h"

struct session {
    struct session_config config;
    struct arena arena;
    struct catalog *catalog;
    struct str database; /* in use */
    ARRAY(struct option) settings;
    ARRAY(struct zone) zones; /* those by name that were set */
    struct str result_name; /* of the SELECT in work; empty: "result" */
};

struct plan_env session_env(struct session *s, struct arena *a);
enum status session_put(struct session *s, const struct option *o, struct error *err);

typedef enum status session_statement(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err);

/* What changes the catalog (ddl.c). */
session_statement session_create_table, session_create_view, session_create_function, session_create_database;
session_statement session_drop, session_alter, session_use;
/* What is parsed and never planned. */
session_statement session_refuse;

/* A name [catalog.]database: the database is there. */
enum status session_database_of(struct session *s, const struct syn_name *n, struct str *ret, struct error *err);
/* The first `n` parts of the name are the catalog, or none. */
enum status session_check_catalog(const struct syn_name *name, uint32_t n, struct error *err);

/* Answers as rows (answers.c): of text columns, names[i]; values[i].ptr NULL is SQL's. */
enum status session_begin_rows(struct action *a, const char *const *names, uint32_t n, uint32_t rows, struct error *err);
enum status session_add_row(struct action *a, const struct str *values, struct error *err);
/* A text as one row a line. */
enum status session_lines_as_rows(struct action *a, const char *column, struct str text, struct error *err);
/* The pattern of SHOW takes the name. */
bool session_wanted(const struct syn_stmt *stmt, struct str name);
bool session_put_metadata(struct buf *out, const struct column_desc *c);
session_statement session_describe_name;
enum status session_list_settings(struct session *s, struct action *a, struct error *err);
enum status session_explain_rows(struct session *s, struct str details, struct action *a, struct error *err);
session_statement session_show, session_describe;
