/* What the files of this room share. */
#pragma once

#include "session/session.h"

struct session {
    struct session_config config;
    struct arena arena;
    struct catalog *catalog;
    ARRAY(struct option) settings;
    ARRAY(struct zone) zones; /* those by name that were set */
    struct str result_name; /* of the SELECT in work; empty: "result" */
};

struct plan_env session_env(struct session *s, struct arena *a);
struct str session_last_part(const struct syn_name *n);
enum status session_put(struct session *s, const struct option *o, struct error *err);

/* Answers as rows (answers.c). */
enum status session_list_settings(struct session *s, struct action *a, struct error *err);
enum status session_explain_rows(struct session *s, struct str details, struct action *a, struct error *err);
enum status session_show(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err);
enum status session_describe(struct session *s, const struct syn_stmt *stmt, struct action *a, struct error *err);
