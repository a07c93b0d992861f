/* The commands, and the way from arguments to one of them. */
#include "cli/cli.h"

#define SCRIPT O_COMMAND, O_VAR, O_SET, O_FINAL
#define CLUSTER O_BROKERS, O_CLIENT_SET, O_TIMEOUT

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
              "With --state-dir the next run of the same script goes on where this one was. With --data tables of\n"
              "the connectors 'topic' and 'kafka' are topics of the log in DIR, which keeps the state, too: an INSERT\n"
              "goes on where it was, each input row counts once, also after a kill. In both cases each INSERT has a\n"
              "dead-letter file of its own: FILE, FILE.2 and so on; SELECTs add to FILE.select. With --brokers the\n"
              "same tables are topics of that cluster; with both, 'topic' is here and 'kafka' there.",
      .examples = "weir run job.sql # run a file\n"
                  "weir run -c \"SELECT 1 + 1 AS two\" # run a text\n"
                  "generate | weir run - --var day=2026-01-01 # take the script from a pipe\n"
                  "weir run job.sql --state-dir state -p 4 # keep what is known, on four threads\n"
                  "weir run job.sql --data log # read and write topics of the log there\n"
                  "weir run job.sql -b host:9092 --state-dir state # the same topics in a cluster\n"
                  "weir run job.sql --final -o markdown # the final table only",
      .options = { SCRIPT, O_PARALLELISM, O_OUTPUT, O_STATE_DIR, O_DATA, O_JOB_BROKERS, O_BAD_INPUT, O_DEAD_LETTER,
                   O_MEMORY_LIMIT, O_COMMIT_INTERVAL, O_QUIET },
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
              "makes the next INSERT go on from it. With --data it is the log there that keeps the state, and whose\n"
              "topics can be read and written.\n"
              "\n"
              "Without a terminal, and with -c or -f: no prompt; each statement runs when it is read, the first\n"
              "error ends it all, and at the end the INSERTs are waited for. Exit codes are those of weir run.\n"
              "\n"
              "The history is $XDG_STATE_HOME/weir/history (~/.local/state/weir/history); ~/.editrc sets keys.",
      .examples = "weir sql # a prompt\n"
                  "weir sql -c \"SELECT 1 AS one\" # one statement\n"
                  "weir sql --init tables.sql # a prompt that knows your tables\n"
                  "weir sql -o csv <queries.sql >out.csv # from a pipe",
      .options = { SCRIPT, O_FILE, O_INIT, O_PARALLELISM, O_OUTPUT, O_STATE_DIR, O_DATA, O_JOB_BROKERS, O_BAD_INPUT,
                   O_DEAD_LETTER, O_MEMORY_LIMIT, O_COMMIT_INTERVAL, O_QUIET },
      .run = cmd_sql },
    { .name = "server",
      .args = "--data DIR",
      .summary = "serve a durable log to Kafka's clients",
      .max_args = 0,
      .words = "",
      .text = "Listens on 127.0.0.1:9092 and takes every Kafka client for its own: it says so on standard output\n"
              "once it accepts. Topics are created when somebody asks for them, with num.partitions partitions.\n"
              "What is acknowledged with acks=all is on the disk.\n"
              "\n"
              "There is neither TLS nor a password yet: an address that other machines can reach is refused\n"
              "without --allow-insecure.\n"
              "\n"
              "Ctrl-C or SIGTERM stops cleanly (exit 130 or 143); a second one ends at once. Another server on the\n"
              "same directory is refused (exit 4). SIGUSR1 prints counters to standard error: a line a topic, one\n"
              "of the connections. What readers asked for when retention had taken it is told at the end, too.",
      .examples = "weir server --data log # on 127.0.0.1:9092\n"
                  "weir server --data log --listen 127.0.0.1:0 # on any free port\n"
                  "weir server --data log --set num.partitions=4 --set log.retention.ms=3600000 # with settings\n"
                  "weir server --data log --listen 0.0.0.0:9092 --allow-insecure # for a network that you trust",
      .options = { O_DATA, O_LISTEN, O_THREADS, O_ADVERTISE, O_ALLOW_INSECURE, O_DURABILITY, O_DOOR_MEMORY, O_SETTING,
                   O_QUIET },
      .run = cmd_server },
    { .name = "check",
      .args = "FILE... | -c SQL",
      .summary = "find the errors of scripts without running them",
      .max_args = UINT32_MAX,
      .words = "file",
      .text = "Parses, binds and plans every statement and checks the options of every table. All errors of\n"
              "all files are listed; nothing is read, written or connected to. Exit 2 when there are any.",
      .examples = "weir check job.sql # one file\n"
                  "weir check sql/*.sql --var day=2026-01-01 # several, with a variable",
      .options = { SCRIPT, O_QUIET },
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
      .options = { SCRIPT, O_PLAN_FORM, O_ANALYZE, O_PARALLELISM, O_JOB_BROKERS, O_BAD_INPUT, O_DEAD_LETTER,
                   O_MEMORY_LIMIT },
      .run = cmd_explain },
    { .name = "produce",
      .args = "TOPIC",
      .summary = "write lines to a topic of Weir or any Kafka",
      .min_args = 1,
      .max_args = 1,
      .words = "",
      .text = "Each line of standard input is a record; with --whole all of it is one. The partition follows from\n"
              "the key as in Kafka's own client (murmur2). A topic that is not there is made, where the brokers\n"
              "do that. A record has at most 64 MiB, and what the topic takes (max.message.bytes).\n"
              "\n"
              "Ends when the brokers have acknowledged everything (acks=all) and tells how many records; Ctrl-C or\n"
              "SIGTERM sends the lines that have been read and ends (exit 130 or 143). Exit 1 when a record is\n"
              "refused or a line lacks the separator: those before it may be there.",
      .examples = "weir produce orders <orders.ndjson # a record a line\n"
                  "printf 'a:1\\nb:2\\n' | weir produce counts -K : # with keys\n"
                  "echo a: | weir produce counts -K : -Z # and without: a tombstone for a\n"
                  "weir produce images -k cat --whole --header type=png <cat.png # any bytes",
      .options = { CLUSTER, O_PARTITION, O_KEY, O_KEY_SEPARATOR, O_HEADER, O_WHOLE, O_TOMBSTONES, O_QUIET },
      .run = cmd_produce },
    { .name = "consume",
      .args = "TOPIC",
      .summary = "print the records of a topic of Weir or any Kafka",
      .min_args = 1,
      .max_args = 1,
      .words = "",
      .text = "From the start to the end as it is now, or on and on with --follow. No group, nothing is committed.\n"
              "--offset says where to begin in each partition: start, end, offset N, -N offsets before the end,\n"
              "or @TIME, the first record not older (2026-01-02 03:04:05, UTC, or milliseconds since 1970), with\n"
              ":@TIME up to the first one not older than that. An offset outside of one partition is an error\n"
              "(exit 2); of several, it is moved to the nearest one there is. No such topic or partition: exit 1.\n"
              "\n"
              "A record is its value and a line end. --format says it otherwise: %s value, %k key, %h headers,\n"
              "%t topic, %p partition, %o offset, %T timestamp in milliseconds, %S and %K bytes of value and key\n"
              "(-1: null), %% a percent sign; \\n, \\t, \\r, \\\\, \\xHH as in C; no line end comes by itself.\n"
              "--output json has it all; bytes that are not UTF-8 come in hex as key_hex and value_hex.",
      .examples = "weir consume orders # all there is\n"
                  "weir consume orders -O -10 --follow # the last ten, and what comes\n"
                  "weir consume orders -O @2026-01-01:@2026-01-02 -o json # a day\n"
                  "weir consume orders -f '%p:%o %k=%s\\n' -b kafka:9092 # a form of your own",
      .options = { CLUSTER, O_OFFSET, O_PARTITION, O_RECORDS, O_FOLLOW, O_HEADERS, O_DECODE, O_RECORD_FORMAT, O_FORM,
                   O_KEY_SEPARATOR, O_UNCOMMITTED },
      .run = cmd_consume },
    { .name = "topic",
      .args = "ls | show TOPIC | create TOPIC | alter TOPIC | trim TOPIC | rm TOPIC...",
      .summary = "topics of Weir or any Kafka",
      .min_args = 1,
      .max_args = UINT32_MAX,
      .words = "ls show create alter trim rm",
      .text = "ls lists them; show tells where a topic's partitions are, which offsets they hold and which settings\n"
              "are its own; both take --output. create takes --partitions, --replicas and --config. alter changes\n"
              "settings (K= goes back to the default) and adds --partitions, up to that many. trim deletes what\n"
              "lies before --offset (start, end, N, -N or @TIME, as of weir consume) in each partition, or in\n"
              "--partition. rm deletes topics with all they hold: all of those named, or, where one is not there,\n"
              "none. No such topic, or on create one that is there: exit 1; a setting or number that is wrong: exit 2.",
      .examples = "weir topic ls # all topics\n"
                  "weir topic create orders --partitions 6 --config retention.ms=86400000 # a day of orders\n"
                  "weir topic show orders -o json # as JSON\n"
                  "weir topic alter orders --partitions 12 --config retention.ms= # more, and no more limit\n"
                  "weir topic trim orders -O @2026-01-01 # forget the year before\n"
                  "weir topic rm orders -b kafka:9092 # on another cluster",
      .options = { CLUSTER, O_PARTITIONS, O_REPLICAS, O_CONFIG, O_OFFSET, O_PARTITION, O_FORM },
      .run = cmd_topic },
    { .name = "group",
      .args = "ls | show GROUP | reset GROUP TOPIC | rm GROUP...",
      .summary = "consumer groups of Weir or any Kafka",
      .min_args = 1,
      .max_args = UINT32_MAX,
      .words = "ls show reset rm",
      .text = "ls lists them; show tells who is in a group, what it has committed and how far behind it is; both\n"
              "take --output. reset commits --offset (start, end, N, -N or @TIME, as of weir consume) in each\n"
              "partition of a topic, or in --partition, so that the group goes on there; a group that is not there\n"
              "is made. rm removes groups with what they have committed: all of those named, or, where one is not\n"
              "there, none. No such group or topic: exit 1. A group that has members refuses both: exit 4.",
      .examples = "weir group ls # all groups\n"
                  "weir group show billing # members, offsets, lag\n"
                  "weir group reset billing orders -O start # read it all once more\n"
                  "weir group reset billing orders -O @2026-01-01 -p 3 # one partition, from a time\n"
                  "weir group rm billing # forget what it has committed",
      .options = { CLUSTER, O_OFFSET, O_PARTITION, O_FORM },
      .run = cmd_group },
    { .name = "doctor",
      .args = "DIR",
      .summary = "look for damage in a log or in the state of jobs",
      .min_args = 1,
      .max_args = 1,
      .words = "path",
      .text = "Reads all that the server, or a job with --data or --state-dir, would read from\n"
              "DIR, every byte of each segment too, and changes nothing. Names each finding by\n"
              "file, byte, topic and offsets, with what to do about it. Exit 4 when something is\n"
              "damaged, or DIR is neither a log nor a state directory; 1 when it cannot be read.\n"
              "Notes are worth knowing and no damage.\n"
              "\n"
              "While it looks nobody can open a log. Where a server has it open already, what\n"
              "that changes meanwhile can look like damage: look again when it has ended.",
      .examples = "weir doctor log # of weir server --data log\n"
                  "weir doctor state # of weir run --state-dir state\n"
                  "weir doctor log -o json # a line of JSON for each finding, and one for all",
      .options = { O_FORM },
      .run = cmd_doctor },
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
      .options = { O_BATCH, O_PARALLELISM, O_RESTART_EVERY, O_CRASH_EVERY, O_SHUFFLE, O_UPDATE, O_JUNIT, O_ORACLE,
                   O_SKIP, O_QUIET },
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
      .options = { O_ROWS, O_SEED, O_FORMAT, O_OPTION, O_SCHEMA, O_RATE, O_ONLY, O_QUIET },
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
      .options = { O_STATE_DIR, O_SPEED, O_FRESH, O_SHOW, O_PARALLELISM, O_QUIET },
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
      .options = { O_DOCS },
      .run = cmd_help },
    { .name = "version",
      .args = "",
      .summary = "print the version",
      .words = "",
      .text = "Version, compiler and machine.",
      .examples = "weir version # what is this?",
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

bool cli_takes(const struct cli_command *k, enum cli_option_id id)
{
    for (uint32_t i = 0; i < CLI_OPTIONS_MOST && k->options[i] != O_HELP; i++)
        if (k->options[i] == id)
            return true;
    return id == O_HELP;
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
