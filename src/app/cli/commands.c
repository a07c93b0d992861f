/* The commands, and the way from arguments to one of them. */
#include "cli/cli.h"

#define SCRIPT (O_BIT(O_HELP) | O_BIT(O_COMMAND) | O_BIT(O_VAR) | O_BIT(O_SET))
#define BOTH_FINAL (SCRIPT | O_BIT(O_FINAL))

const struct cli_command cli_commands[] = {
    { .name = "run",
      .args = "FILE | - | -c SQL",
      .summary = "run a SQL script in this process",
      .max_args = 1,
      .words = "file",
      .text = "CREATE, SET and the like take effect at once. A SELECT runs to its end before the next\n"
              "statement; the INSERTs of a script run beside one another until all have ended.\n"
              "Results go to standard output after the commit that covers them. The kind of each row of an\n"
              "updating result comes first, as column op: +I, -U, +U or -D.\n"
              "\n"
              "Ctrl-C or SIGTERM stops with a final commit (exit 130 or 143); a second one ends at once.\n"
              "With --state-dir the next run of the same script goes on where this one was. Each of its INSERTs\n"
              "then has a dead-letter file of its own: FILE, FILE.2 and so on; SELECTs add to FILE.select.",
      .examples = "weir run job.sql # run a file\n"
                  "weir run -c \"SELECT 1 + 1 AS two\" # run a text\n"
                  "generate | weir run - --var day=2026-01-01 # take the script from a pipe\n"
                  "weir run job.sql --state-dir state -p 4 # keep what is known, on four threads\n"
                  "weir run job.sql --final -o markdown # the final table only",
      .options = BOTH_FINAL | O_BIT(O_PARALLELISM) | O_BIT(O_OUTPUT) | O_BIT(O_STATE_DIR) | O_BIT(O_BAD_INPUT) |
                 O_BIT(O_DEAD_LETTER) | O_BIT(O_MEMORY_LIMIT) | O_BIT(O_COMMIT_INTERVAL) | O_BIT(O_QUIET),
      .run = cmd_run },
    { .name = "sql",
      .args = "",
      .summary = "type SQL at a prompt, or run it statement by statement",
      .max_args = 0,
      .words = "",
      .text = "At a terminal: a prompt with history, completion by Tab, statements over several lines up to ';'.\n"
              "HELP; lists the commands: \\d describes, \\mode changes the form of results, \\i runs a file, \\timing,\n"
              "\\pager, \\x. Results that change are drawn live; long ones go through $PAGER. Ctrl-C stops the query\n"
              "only, Ctrl-D leaves. INSERTs run beside the prompt: SHOW JOBS; STOP JOB 'id'; with\n"
              "SET 'table.dml-sync' = 'true' the prompt waits for them. They end with the shell. With --state-dir\n"
              "the first INSERT of the next shell goes on from the first one's state, the second from the second's;\n"
              "STOP JOB 'id' WITH SAVEPOINT; tells where a job's is, and SET 'execution.state-recovery.path' to that\n"
              "makes the next INSERT go on from it.\n"
              "\n"
              "Without a terminal, and with -c or -f: no prompt; each statement runs when it is read, the first\n"
              "error ends it all, and at the end the INSERTs are waited for. Exit codes are those of weir run.\n"
              "\n"
              "The history is $XDG_STATE_HOME/weir/history (~/.local/state/weir/history); ~/.editrc sets keys.",
      .examples = "weir sql # a prompt\n"
                  "weir sql -c \"SELECT 1 AS one\" # one statement\n"
                  "weir sql --init tables.sql # a prompt that knows your tables\n"
                  "weir sql -o csv <queries.sql >out.csv # from a pipe",
      .options = BOTH_FINAL | O_BIT(O_FILE) | O_BIT(O_INIT) | O_BIT(O_PARALLELISM) | O_BIT(O_OUTPUT) | O_BIT(O_STATE_DIR) |
                 O_BIT(O_BAD_INPUT) | O_BIT(O_DEAD_LETTER) | O_BIT(O_MEMORY_LIMIT) | O_BIT(O_COMMIT_INTERVAL) | O_BIT(O_QUIET),
      .run = cmd_sql },
    { .name = "check",
      .args = "FILE... | -c SQL",
      .summary = "find the errors of scripts without running them",
      .max_args = UINT32_MAX,
      .words = "file",
      .text = "Parses, binds and plans every statement and checks the options of every table. All errors of\n"
              "all files are listed; nothing is read, written or connected to. Exit 2 when there are any.",
      .examples = "weir check job.sql # one file\n"
                  "weir check sql/*.sql --var day=2026-01-01 # several, with a variable",
      .options = BOTH_FINAL | O_BIT(O_QUIET),
      .run = cmd_check },
    { .name = "explain",
      .args = "FILE | - | -c SQL",
      .summary = "print the plans of a script",
      .max_args = 1,
      .words = "file",
      .text = "One tree for each query and INSERT, from the sink to the sources, with changelog modes,\n"
              "keys and watermarks. Nothing runs. --format json prints a list of plans for programs,\n"
              "--format dot a graph for Graphviz.\n"
              "\n"
              "With --analyze the script runs: INSERTs write, rows of SELECTs are counted and dropped. Each\n"
              "operator's rows, bytes, time, watermark and state are shown at the end, on a terminal also\n"
              "while it runs; Ctrl-C ends it. --format json then prints a line a second and job.",
      .examples = "weir explain job.sql # every plan of a file\n"
                  "weir explain -c \"SELECT COUNT(*) FROM (VALUES (1), (2)) AS t(x)\" # of a text\n"
                  "weir explain job.sql --format dot | dot -Tsvg >job.svg # as a picture\n"
                  "weir explain job.sql --analyze -p 4 # run it and see where the time goes",
      .options = BOTH_FINAL | O_BIT(O_PLAN_FORM) | O_BIT(O_ANALYZE) | O_BIT(O_PARALLELISM) | O_BIT(O_BAD_INPUT) |
                 O_BIT(O_DEAD_LETTER) | O_BIT(O_MEMORY_LIMIT),
      .run = cmd_explain },
    { .name = "test",
      .args = "PATH...",
      .summary = "run test files",
      .min_args = 1,
      .max_args = UINT32_MAX,
      .words = "path",
      .text = "A file is in the sqllogictest format with records for streams: input, watermark, clock,\n"
              "output, restart, crash. A directory stands for the *.test files below it. Ends with the line\n"
              "\"N passed, N failed, N skipped\"; exit 1 when a record failed.",
      .examples = "weir test test/sql # all files below a directory\n"
                  "weir test windows.test --batch 7 --crash-every 1 # the same in a harsher way",
      .options = O_BIT(O_HELP) | O_BIT(O_BATCH) | O_BIT(O_PARALLELISM) | O_BIT(O_RESTART_EVERY) | O_BIT(O_CRASH_EVERY) |
                 O_BIT(O_SHUFFLE) | O_BIT(O_UPDATE) | O_BIT(O_JUNIT) | O_BIT(O_ORACLE) | O_BIT(O_SKIP) | O_BIT(O_QUIET),
      .run = cmd_test },
    { .name = "gen",
      .args = "nexmark | datagen",
      .summary = "print the rows of a generator",
      .min_args = 1,
      .max_args = 1,
      .words = "nexmark datagen",
      .text = "nexmark makes the events of the Nexmark benchmark: persons, auctions and bids. datagen fills\n"
              "the columns of --schema at random or in sequence. The same seed gives the same rows.",
      .examples = "weir gen nexmark --rows 1000 # a thousand events\n"
                  "weir gen nexmark --rows 1000 --only bid --format csv # bids only\n"
                  "weir gen datagen --schema \"id BIGINT, name STRING\" --rows 10 # columns of your own\n"
                  "weir gen datagen --schema \"k INT\" -n 5 --option fields.k.max=9 # with an option",
      .options = O_BIT(O_HELP) | O_BIT(O_ROWS) | O_BIT(O_SEED) | O_BIT(O_FORMAT) | O_BIT(O_OPTION) | O_BIT(O_SCHEMA) |
                 O_BIT(O_RATE) | O_BIT(O_ONLY) | O_BIT(O_QUIET),
      .run = cmd_gen },
    { .name = "demo",
      .args = "",
      .summary = "a week of earthquakes in half a minute",
      .words = "",
      .text = "Replays 1,707 real earthquakes through windows by day, alerts and counts by region, with a\n"
              "live table on a terminal and a line a row without one. Ctrl-C ends it with a final commit;\n"
              "the next start goes on where it was. When it has come to its end, the next one begins anew.",
      .examples = "weir demo # watch it\n"
                  "weir demo --show # its SQL\n"
                  "weir demo --fresh --speed 86400 # from the start, a day a second",
      .options = O_BIT(O_HELP) | O_BIT(O_STATE_DIR) | O_BIT(O_SPEED) | O_BIT(O_FRESH) | O_BIT(O_SHOW) |
                 O_BIT(O_PARALLELISM) | O_BIT(O_QUIET),
      .run = cmd_demo },
    { .name = "completion",
      .args = "bash | zsh | fish",
      .summary = "print a completion script for a shell",
      .min_args = 1,
      .max_args = 1,
      .words = "bash zsh fish",
      .text = "Load it at the start of the shell, as the examples show.",
      .examples = "eval \"$(weir completion bash)\" # in ~/.bashrc\n"
                  "eval \"$(weir completion zsh)\" # in ~/.zshrc, after compinit\n"
                  "weir completion fish | source # in ~/.config/fish/config.fish",
      .options = O_BIT(O_HELP),
      .run = cmd_completion },
    { .name = "help",
      .args = "[COMMAND]",
      .summary = "show what a command does",
      .max_args = 1,
      .words = "command",
      .text = "The same as weir COMMAND --help. The manual page and docs/cli.md come from the same table,\n"
              "the pages of functions, aggregates and options from those behind SQL.",
      .examples = "weir help run # one command\n"
                  "weir help --docs man | man -l - # the manual page",
      .options = O_BIT(O_HELP) | O_BIT(O_DOCS),
      .run = cmd_help },
    { .name = "version",
      .args = "",
      .summary = "print the version",
      .words = "",
      .text = "Version, compiler and machine.",
      .examples = "weir version # what is this?",
      .options = O_BIT(O_HELP),
      .run = cmd_version },
};
const uint32_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

const struct cli_command *cli_command_find(struct str name)
{
    for (uint32_t i = 0; i < cli_command_count; i++)
        if (str_eq(name, str_from(cli_commands[i].name)))
            return &cli_commands[i];
    return NULL;
}

static int unknown_command(struct cli *c, struct str name)
{
    struct str names[sizeof cli_commands / sizeof cli_commands[0]];
    struct error err;
    for (uint32_t i = 0; i < cli_command_count; i++)
        names[i] = str_from(cli_commands[i].name);
    bool option = name.len > 0 && name.ptr[0] == '-';
    error_set(&err, ST_USAGE, "unknown %s '%.*s'", option ? "option" : "command", (int)(name.len < 80 ? name.len : 80),
              name.ptr);
    struct str near = str_nearest(name, names, cli_command_count);
    if (str_ends(name, STR(".sql")))
        error_hint(&err, "weir run %.*s", STR_ARG(name));
    else if (near.ptr)
        error_hint(&err, "did you mean 'weir %.*s'?", STR_ARG(near));
    else
        error_hint(&err, "weir help lists the commands");
    return cli_fail(c, NULL, &err);
}

static int show_help(struct cli *c)
{
    struct buf out;
    buf_init(&out, c->arena.budget, 1 << 20);
    bool ok = help_command(&out, c->command, c->colour_out);
    enum status st = ok ? cli_write(c, buf_str(&out), NULL) : ST_MEMORY;
    buf_release(&out);
    return status_exit_code(st);
}

static int run_command(struct cli *c, int argc, const char *const *argv)
{
    if (!cli_parse(c->command, argc, argv, &c->arena, &c->args)) {
        struct error err;
        budget_error(c->arena.budget, 0, &err);
        return cli_fail(c, NULL, &err);
    }
    if (args_has(&c->args, O_HELP))
        return show_help(c);
    for (uint32_t i = 0; i < c->args.n_problems; i++)
        cli_error(c, NULL, &c->args.problems[i]);
    if (c->args.n_problems) {
        cli_say(c, "weir %s --help says more\n", c->command->name);
        return status_exit_code(ST_USAGE);
    }
    return c->command->run(c);
}

static int no_command(struct cli *c)
{
    struct buf out;
    buf_init(&out, c->arena.budget, 1 << 20);
    if (help_overview(&out, c->colour_err))
        cli_say(c, "%.*s", STR_ARG(buf_str(&out)));
    buf_release(&out);
    return status_exit_code(ST_USAGE);
}

int cli_main(const struct cli_host *host, int argc, const char *const *argv)
{
    struct cli c = { .host = host, .os = host->os };
    arena_init(&c.arena, budget_process());
    atomic_flag_clear(&c.writing);
    c.colour_out = host->colour && host->out_terminal;
    c.colour_err = host->colour && host->err_terminal;
    c.live = host->moves && host->err_terminal;
    struct str first = argc > 1 ? str_from(argv[1]) : (struct str){ 0 };
    if (str_eq(first, STR("--help")) || str_eq(first, STR("-h")))
        first = STR("help");
    else if (str_eq(first, STR("--version")) || str_eq(first, STR("-V")))
        first = STR("version");
    c.command = cli_command_find(first);
    int code = !first.ptr   ? no_command(&c)
               : !c.command ? unknown_command(&c, first)
                            : run_command(&c, argc - 2, argv + 2);
    arena_release(&c.arena);
    return code;
}
