/* Private to weir sql: a session at a prompt, in a pipe, or over a file. The room's page says how the parts meet. */
#pragma once

#include "cli/shell/editor.h"

#define HISTORY_KEPT 1000u
#define SOURCES_MAX 16u /* files that read files */

/* ---- what is shown, through a pager where that helps (pages.c) ---- */

struct shell;
struct pages {
    struct shell *s;
    bool may;             /* page when there is more than a screen of it */
    struct os_pipe *pipe; /* the pager at work */
    struct buf held;      /* less than a screen so far */
    uint32_t lines;       /* of it, on the screen */
    int64_t held_ns;      /* when the first of it came */
    bool gone;            /* the reader has left the pager */
};
void pages_begin(struct pages *p, struct shell *s, bool may);
enum status pages_put(struct pages *p, struct str bytes, struct error *err) MUST_USE;
void pages_tick(struct pages *p, int64_t now_ns); /* what is held too long is shown */
enum status pages_end(struct pages *p, struct error *err) MUST_USE; /* waits for the pager */

/* ---- a table that changes (live.c) ---- */

struct live;
struct live *live_new(const struct schema *schema, struct budget *b); /* NULL: refused */
void live_free(struct live *l);                                       /* NULL is allowed */
enum status live_apply(struct live *l, const struct batch *changes, struct error *err) MUST_USE;
uint64_t live_rows(const struct live *l);
/* Fills `ret` (cleared first) with rows from *at on, as many as it has room for; *at moves. */
enum status live_read(const struct live *l, uint64_t *at, struct batch *ret, struct error *err) MUST_USE;

/* ---- the result of the SELECT at work (result.c) ---- */

struct result {
    struct shell *s;
    const struct schema *schema; /* NULL: no row has come */
    struct zone zone;
    bool updates, draws;
    bool wanted;      /* the next sink is this query's */
    atomic_bool turn; /* somebody is at what follows */
    struct pages pages;
    struct result_writer *writer;
    struct buf text;
    struct live *live;
    bool changed; /* since it was drawn */
    atomic_uint interrupts; /* Ctrl-C so far */
    uint64_t rows, rows_in;
    struct screen screen;
    int64_t began_ns;
};
extern const struct connector result_connector; /* finds its shell in connect_extra.print_arg */
void result_begin(struct result *r, struct shell *s, const struct plan *plan);
bool result_tick(struct result *r, const struct job_stats *stats); /* false: nobody looks any more */
/* After the job's work, before it is freed. */
enum status result_end(struct result *r, struct error *err) MUST_USE;
enum status result_print(struct shell *s, const struct batch *rows, uint64_t *ret_rows, struct error *err) MUST_USE;

/* ---- a shell ---- */

struct shell {
    struct cli *c;
    struct engine *engine;
    struct os_signal *wake; /* a signal, a job that is over, something to say */
    struct map vars;
    bool interactive;     /* somebody types: prompts, words, on after an error */
    bool quiet;
    struct editor *editor; /* NULL: none, or a terminal that cannot move its cursor */
    const char *history_path;
    enum result_format format, before_x;
    bool timing, pages;
    const char *pager; /* a command */
    struct result result;
    struct analysis analysis; /* of an EXPLAIN ANALYZE */
    bool drawing; /* a table that changes or a pager has the terminal */
    bool paging;  /* a pager has it: Ctrl-C is the pager's as well */
    struct buf said; /* by jobs beside the prompt, in print sinks; under `saying` */
    atomic_flag saying;
    atomic_bool closing; /* nobody will take what is said */
    uint32_t depth;      /* of sources */
    bool quit;
    unsigned stopped;    /* by this signal; 0: not */
    int code;            /* of the process */
    struct arena scratch;
    struct str pending;  /* of the statement that is being typed: for completion */
};

/* Sources of lines (input.c), run to their end. false: something failed; reported, and s->code is set. */
void shell_prompt(struct shell *s);
bool shell_text(struct shell *s, struct str name, struct str text);
bool shell_stream(struct shell *s);                /* standard input */
bool shell_file(struct shell *s, struct str path); /* - is standard input */

/* Statements (execute.c). `text` from `from` on. false: failed; reported. */
bool shell_execute(struct shell *s, const struct script *script, size_t from);
bool shell_query(struct shell *s, const char *sql); /* of a command */
/* Jobs that are over are told and freed. false: one had failed. */
bool shell_reap(struct shell *s);
void shell_join(struct shell *s, bool stop); /* waits for all jobs, after asking them to stop */
enum status shell_print(void *arg, struct str bytes, struct error *err); /* for print sinks; arg: the shell */
void shell_drain(struct shell *s);           /* writes what jobs have said */
bool shell_has_words(struct shell *s);       /* is there something to drain or reap? */
uint32_t shell_jobs(struct shell *s);        /* that run */

/* Commands that are no SQL (commands.c): `\d t`, `.mode csv`, `HELP;`. false: it failed; reported. */
bool shell_is_command(struct str line);
bool shell_run_command(struct shell *s, struct str line);
extern const char *const shell_words[]; /* for completion: HELP, QUIT, …; NULL ends */
bool shell_complete(void *arg, struct str line, size_t cursor, struct arena *a, struct candidates *ret);
bool shell_complete_command(struct str line, size_t cursor, struct arena *a, struct candidates *ret);

void history_load(struct shell *s);
void history_add(struct shell *s, struct str entry);
