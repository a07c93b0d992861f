/* A session: statements in, actions out. It keeps the catalog and the SET keys, binds and plans; it runs nothing and
 * knows no connector by name. What a statement asks for comes back as an action that the caller (engine) carries out.
 *
 * One thread. Everything a statement makes lives in the action's own arena; the catalog's descriptors live with the
 * session. */
#pragma once

#include "job/job.h"
#include "plan/plan.h"

struct session;

struct session_config {
    struct budget *budget;
    uint32_t capacity;  /* rows in a batch; 0: BATCH_ROWS */
    bool final;         /* --final */
    const struct zone_source *zones; /* zones by name, as long as jobs run; NULL: only offsets are known */
    struct str result_connector; /* 'connector' of the sink that SELECTs get: "print" or "test" */
    struct str analyze_connector; /* of the one that EXPLAIN ANALYZE gives a SELECT: "blackhole" */
};

struct session *session_new(const struct session_config *config); /* NULL: memory refused */
void session_free(struct session *s);
struct catalog *session_catalog(struct session *s); /* engine registers connectors and formats here */
struct str session_database(const struct session *s); /* in use */
/* --set k=v, before or between statements. */
enum status session_set(struct session *s, struct str key, struct str value, struct error *err) MUST_USE;
/* as set, or the declared default; ptr NULL: unknown */
struct str session_get(const struct session *s, const char *key);
struct zone session_zone(const struct session *s);

enum action_kind {
    ACTION_NOTHING, /* DDL, SET: done; `message` for a terminal ("table 'bids' created") */
    ACTION_ROWS,    /* SHOW, DESCRIBE, EXPLAIN, SET without key: `rows` is the answer */
    ACTION_SELECT,  /* run `plan` to its end, rows to the result sink */
    ACTION_INSERT,  /* start `plan` as a job of its own */
    ACTION_ANALYZE, /* EXPLAIN ANALYZE: run `plan` to its end, then tell what its operators did */
    ACTION_END      /* no further statement */
};

struct action {
    enum action_kind kind;
    struct arena *arena; /* owns everything below */
    const struct syn_stmt *stmt;
    struct str message;
    struct batch *rows;
    struct plan *plan; /* SELECT, INSERT; ROWS of an EXPLAIN: what they tell of */
    struct table_desc *result; /* SELECT: the sink table that was made for it */
};

/* Parses and executes the next statement of `text` from *pos. On an error *pos stands behind the statement.
 * `only_plan`: nothing is registered for jobs (weir check): INSERT and SELECT are planned and returned as usual; the
 * caller just does not run them. */
enum status session_next(struct session *s, struct str text, size_t *pos, struct action *ret,
                         struct error *err) MUST_USE;
/* The same for one parsed statement given as text (weir test: `stream NAME` gives a SELECT whose result sink is
 * named). */
enum status session_select_into(struct session *s, struct str text, struct str result_name, struct action *ret,
                                struct error *err) MUST_USE;
void action_release(struct action *a);
