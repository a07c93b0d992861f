/* The command line: what stands between a shell and the engine.
 *
 * Two tables say everything: the options (options.c: one spelling per idea, shared by all commands) and the commands
 * (commands.c). Parsing, help, completion, manual page and docs/cli.md come from them.
 *
 * Data go to standard output, messages to standard error, both only through the host's os. */
#pragma once

#include "engine/engine.h"

/* ---- the process around us: main.c fills it from the machine, tests by hand ---- */

struct cli_host {
    struct os *os;
    bool in_terminal, out_terminal, err_terminal;
    bool colour; /* wanted where there is a terminal (NO_COLOR, TERM=dumb) */
    bool moves; /* the terminal can move its cursor */
    uint32_t (*columns)(void); /* asked anew each time: windows change; 0: unknown; NULL: no terminal */
    uint32_t (*rows)(void);    /* likewise */
    enum status (*catch_stop)(struct os_signal *s, struct error *err); /* as os_real_catch_stop; NULL: none */
    int (*caught)(void);
    void (*catch_asking)(void); /* as os_real_catch_asking, after catch_stop; NULL: none */
    bool (*asked)(void);
    /* The same for a prompt, as os_real_…; NULL: none */
    enum status (*note_signals)(struct os_signal *s, struct error *err);
    unsigned (*noted)(void);
    unsigned (*wait_input)(int64_t timeout_ms);
    void (*end_by)(int number);
    enum status (*pipe_to)(const char *command, struct os_pipe **ret, struct error *err);
    enum status (*pipe_write)(struct os_pipe *p, struct str bytes, struct error *err);
    void (*pipe_end)(struct os_pipe *p);
    uint32_t open_files;    /* that the process may have; 0: unknown */
    char *const *variables; /* the environment, "K=V"; NULL ends; NULL: empty */
};

/* Runs one command; the process's exit code. argv[0] is the program's name. */
int cli_main(const struct cli_host *host, int argc, const char *const *argv);

/* ---- options ---- */

enum cli_option_id {
    O_HELP, /* every command has it */
    O_COMMAND,
    O_VAR,
    O_SET,
    O_PARALLELISM,
    O_OUTPUT,
    O_FINAL,
    O_STATE_DIR,
    O_BAD_INPUT,
    O_DEAD_LETTER,
    O_MEMORY_LIMIT,
    O_COMMIT_INTERVAL,
    O_QUIET,
    O_BATCH,
    O_RESTART_EVERY,
    O_CRASH_EVERY,
    O_SHUFFLE,
    O_UPDATE,
    O_JUNIT,
    O_ORACLE,
    O_SKIP,
    O_ROWS,
    O_SEED,
    O_FORMAT,
    O_OPTION,
    O_SCHEMA,
    O_RATE,
    O_ONLY,
    O_SPEED,
    O_FRESH,
    O_SHOW,
    O_DOCS,
    O_PLAN_FORM,
    O_ANALYZE,
    O_FILE,
    O_INIT,
    O_DATA,
    O_LISTEN,
    O_THREADS,
    O_ADVERTISE,
    O_ALLOW_INSECURE,
    O_DURABILITY,
    O_DOOR_MEMORY,
    O_JOB_BROKERS,
    O_SETTING,
    O_BROKERS,
    O_CLIENT_SET,
    O_TIMEOUT,
    O_PARTITION,
    O_KEY,
    O_KEY_SEPARATOR,
    O_HEADER,
    O_WHOLE,
    O_TOMBSTONES,
    O_OFFSET,
    O_RECORDS,
    O_FOLLOW,
    O_HEADERS,
    O_DECODE,
    O_RECORD_FORMAT,
    O_FORM,
    O_UNCOMMITTED,
    O_PARTITIONS,
    O_REPLICAS,
    O_CONFIG,
    O_COUNT
};

struct cli_option {
    char letter;             /* 0: none */
    const char *arg;         /* "FILE"; NULL: a switch */
    bool repeats;            /* K=V pairs, any number */
    struct option_spec spec; /* name with its dashes; type, choices, bounds, help */
};
extern const struct cli_option cli_options[O_COUNT];

/* ---- commands ---- */

struct cli;

#define CLI_OPTIONS_MOST 24u

struct cli_command {
    const char *name, *args, *summary;
    const char *text;     /* paragraphs of the help; lines within 80 columns */
    const char *examples; /* lines "command # what it does" */
    enum cli_option_id options[CLI_OPTIONS_MOST]; /* up to the first O_HELP, which is not named */
    uint32_t min_args, max_args;
    int (*run)(struct cli *c);
    const char *words; /* what completion offers as argument: "file", "path", "command" or words "a b c" */
};
extern const struct cli_command cli_commands[];
extern const uint32_t cli_command_count;
const struct cli_command *cli_command_find(struct str name); /* NULL: unknown */
bool cli_takes(const struct cli_command *k, enum cli_option_id id);

/* ---- arguments ---- */

#define CLI_PROBLEMS 8u
struct cli_given {
    enum cli_option_id id;
    struct str value;
};
struct cli_args {
    struct cli_given *given;
    uint32_t n_given;
    struct str *rest; /* positional */
    uint32_t n_rest;
    struct error problems[CLI_PROBLEMS]; /* all findings at once */
    uint32_t n_problems;
};

/* Reads the arguments after the command's name. false: memory refused; findings are in ret->problems. */
bool cli_parse(const struct cli_command *command, int argc, const char *const *argv, struct arena *a,
               struct cli_args *ret) MUST_USE;
void cli_problem(struct cli_args *args, const char *message, const char *hint); /* adds a finding */
bool args_has(const struct cli_args *args, enum cli_option_id id);
struct str args_get(const struct cli_args *args, enum cli_option_id id); /* the last one; ptr NULL: not given */
int64_t args_number(const struct cli_args *args, enum cli_option_id id, int64_t otherwise); /* also ms and bytes */
/* "k=v" of the i-th occurrence of a repeatable option; false after the last. */
bool args_pair(const struct cli_args *args, enum cli_option_id id, uint32_t i, struct str *ret_key,
               struct str *ret_value);

/* ---- a command at work ---- */

struct script {
    struct str name; /* for messages: the file, "<stdin>", "-c" */
    struct str text; /* variables replaced */
    uint32_t lines_before; /* of its source, above `text` */
};

struct cli {
    const struct cli_host *host;
    struct os *os;
    const struct cli_command *command;
    struct cli_args args;
    struct arena arena; /* the command's lifetime */
    bool colour_out, colour_err;
    bool live;               /* progress and redraws: standard error is a terminal that can move its cursor */
    atomic_flag writing;     /* somebody writes to the terminal */
    bool status_line;        /* the progress line stands there; under `writing` */
    atomic_bool pipe_closed; /* who read standard output has gone */
};

/* Output (terminal.c). What cannot be written is noted in `pipe_closed`, not reported. */
enum status cli_write(struct cli *c, struct str bytes, struct error *err);      /* data */
void cli_print(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);          /* data */
void cli_say(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);            /* a message */
void cli_error(struct cli *c, const struct script *s, const struct error *err); /* s: where line and column point to */
int cli_fail(struct cli *c, const struct script *s, const struct error *err);   /* cli_error, then the exit code */

enum cli_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_YELLOW, STYLE_GREEN, STYLE_CYAN };
const char *cli_style(bool colour, enum cli_style s); /* "" without colour */
uint32_t cli_columns(const struct cli *c);            /* of the terminal; 80 where that is unknown */
uint32_t cli_rows(const struct cli *c);               /* likewise; 0 where that is unknown */
const char *cli_variable(const struct cli *c, struct str name); /* of the environment; NULL: not set or empty */

/* Numbers for people, into `out`; returns it. */
#define CLI_TEXT 32
char *text_count(char out[CLI_TEXT], uint64_t n);    /* 1,234,567 */
char *text_rate(char out[CLI_TEXT], double n);       /* 1.2 M */
char *text_bytes(char out[CLI_TEXT], uint64_t n);    /* 1.2 MiB */
char *text_duration(char out[CLI_TEXT], int64_t ms); /* 350 ms, 1.2 s, 3 min 4 s */
char *text_time(char out[CLI_TEXT], int64_t ms);     /* 2026-01-02 03:04:05 UTC without the zone's name */

/* Scripts (script.c): FILE, - or -c SQL, with --var. */
enum status script_read(struct cli *c, struct script *ret, struct error *err) MUST_USE;
enum status script_open(struct cli *c, struct str path, struct script *ret, struct error *err) MUST_USE;
enum status script_variables(struct cli *c, struct map *ret, struct error *err) MUST_USE; /* of --var */

/* Running (runner.c): an engine over a script, stopped by signals, with progress and the summary at the end. */
struct runner {
    struct cli *c;
    const struct script *script;
    struct engine_config config;
    void (*tick)(void *arg, const struct job_stats *s); /* in place of the progress line */
    void *tick_arg;
    bool own_words;              /* who runs it says what there is to say */
    struct engine_report report; /* out */
};
struct engine_config runner_config(struct cli *c); /* from the options given */
enum status runner_check(struct cli *c, struct error *err) MUST_USE; /* do they go together? */
/* Engine, --set, the script, the messages. The exit code; ST_… in *ret when asked for. */
int runner_run(struct runner *r, enum status *ret);
bool runner_settings(struct cli *c, struct engine *e); /* --set; all findings are reported; false: there are any */
void runner_say(struct cli *c, struct engine *e, const struct engine_report *report); /* bad and late rows, commits */
/* An engine for looking only (check, explain): --set applied. NULL: *exit_code says why; reported. */
struct engine *runner_engine(struct cli *c, int *exit_code);

/* A picture that is drawn over again (screen.c). */
struct screen {
    struct cli *c;
    uint32_t lines; /* of the last picture; 0: none stands there */
    uint32_t columns, rows; /* of the terminal, then */
    int64_t drawn_ns;
};
void screen_show(struct screen *s, struct str picture); /* over the last one; cut to the terminal */
void screen_wipe(struct screen *s);                     /* takes it off; the terminal is held (progress_hold) */
bool screen_resized(const struct screen *s);            /* it no longer fits the terminal */
bool screen_put(struct buf *out, struct str picture, uint32_t columns, uint32_t rows, uint32_t *ret_lines) MUST_USE;

/* What EXPLAIN ANALYZE shows (analysis.c): a table a job, drawn over and over on a terminal, or a JSON line. */
struct analysis {
    struct cli *c;
    enum analysis_form {
        ANALYSIS_TABLE, /* when the job has ended */
        ANALYSIS_LIVE,  /* the same, and while it runs */
        ANALYSIS_JSON,  /* when it has ended */
        ANALYSIS_LINES  /* the same, and while it runs */
    } form;
    struct arena scratch;
    struct buf frame; /* the jobs looked at since the last tick */
    struct screen screen;
};
void analysis_init(struct analysis *a, struct cli *c, enum analysis_form form);
void analysis_release(struct analysis *a);
void analysis_watch(void *arg, const struct engine_watched *w); /* arg: struct analysis; for engine_config */
void analysis_tick(void *arg, const struct job_stats *s);       /* for struct runner, after the looks */
/* Results of the job on their way out: above what is drawn. */
enum status analysis_print(void *arg, struct str bytes, struct error *err);

/* Progress (progress.c). */
struct progress {
    struct cli *c;
    int64_t last_ns;
    uint64_t last_in, last_out;
};
void progress_tick(void *arg, const struct job_stats *s); /* arg: struct progress */
/* Takes the line off and keeps it off until progress_release. Not to be nested. */
void progress_hold(struct cli *c);
void progress_release(struct cli *c);

/* Texts made of the tables (help.c, docs.c). */
bool help_overview(struct buf *out, bool colour) MUST_USE;
bool help_command(struct buf *out, const struct cli_command *k, bool colour) MUST_USE;
bool docs_markdown(struct buf *out) MUST_USE;
bool docs_man(struct buf *out) MUST_USE;
bool docs_cell(struct buf *out, const char *text) MUST_USE; /* of a Markdown table */
bool docs_functions(struct cli *c, struct buf *out) MUST_USE; /* these three: docs_sql.c */
bool docs_aggregates(struct cli *c, struct buf *out) MUST_USE;
bool docs_options(struct cli *c, struct buf *out) MUST_USE;
bool docs_completion(struct buf *out, struct str shell) MUST_USE; /* bash, zsh, fish (completion.c) */

/* The commands. */
int cmd_run(struct cli *c);
int cmd_sql(struct cli *c);
int cmd_check(struct cli *c);
int cmd_explain(struct cli *c);
int cmd_server(struct cli *c);
int cmd_produce(struct cli *c);
int cmd_consume(struct cli *c);
int cmd_topic(struct cli *c);
int cmd_group(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_test(struct cli *c);
int cmd_gen(struct cli *c);
int cmd_demo(struct cli *c);
int cmd_completion(struct cli *c);
int cmd_help(struct cli *c);
int cmd_version(struct cli *c);
