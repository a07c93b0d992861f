/* The options and how arguments are read.
 *
 * One table for all commands: an idea is spelled the same everywhere. A command lists those that it takes.
 * Names stand in the table with their dashes, so that base's option check can be handed the pairs as they came: it
 * finds unknown names (with the nearest one), doubles and bad values, all in one message. What only a command line can
 * get wrong (a value that is missing, too many arguments) is found here. */
#include "cli/cli.h"

#define SWITCH(letter, name, text) { letter, NULL, false, { name, OPT_BOOL, .help = text } }
#define TEXT(letter, arg, name, text) { letter, arg, false, { name, OPT_STRING, .help = text } }
#define PAIRS(arg, name, text) { 0, arg, true, { name, OPT_STRING, .help = text } }
#define NUMBER(letter, arg, name, type, least, most, text)                                                             \
    { letter, arg, false, { name, type, .min = least, .max = most, .help = text } }
#define CHOICE(letter, arg, name, words, text)                                                                         \
    { letter, arg, false, { name, OPT_ENUM, .choices = words, .help = text } }

const struct cli_option cli_options[O_COUNT] = {
    [O_HELP] = SWITCH('h', "--help", "show this help"),
    [O_COMMAND] = TEXT('c', "SQL", "--command", "take the SQL from the command line"),
    [O_VAR] = PAIRS("K=V", "--var", "put V in place of ${K} in the SQL"),
    [O_SET] = PAIRS("K=V", "--set", "as SET 'K' = 'V' before the first statement"),
    [O_PARALLELISM] =
        NUMBER('p', "N", "--parallelism", OPT_INT, 1, 64, "shards of a job, each on a thread (default 1)"),
    [O_OUTPUT] = CHOICE('o', "FORM", "--output", "table|ndjson|csv|json|markdown|vertical",
                        "form of results (default: table on a terminal, else ndjson)"),
    [O_FINAL] = SWITCH(0, "--final", "print the final table of each query only; every input must end"),
    [O_STATE_DIR] = TEXT(0, "DIR", "--state-dir", "keep state and commits here; the next run goes on from them"),
    [O_BAD_INPUT] = CHOICE(0, "WHAT", "--bad-input", "fail|skip|dead-letter",
                           "what to do with a record that cannot be read (default fail)"),
    [O_DEAD_LETTER] = TEXT(0, "FILE", "--dead-letter", "write records that cannot be read to FILE as NDJSON"),
    [O_MEMORY_LIMIT] = NUMBER(0, "SIZE", "--memory-limit", OPT_SIZE, 1048576, INT64_MAX,
                              "most memory for data and state (default: no limit)"),
    [O_COMMIT_INTERVAL] =
        NUMBER(0, "TIME", "--commit-interval", OPT_DURATION, 1, 86400000,
               "time between commits (default: 10ms to 100ms, by what a commit takes)"),
    [O_QUIET] = SWITCH('q', "--quiet", "no progress line and no summary"),
    [O_BATCH] = NUMBER(0, "N", "--batch", OPT_INT, 1, 65536, "rows that a source gives at once (default 1)"),
    [O_RESTART_EVERY] =
        NUMBER(0, "N", "--restart-every", OPT_INT, 1, UINT32_MAX, "stop and restore the jobs after every N inputs"),
    [O_CRASH_EVERY] =
        NUMBER(0, "N", "--crash-every", OPT_INT, 1, UINT32_MAX, "crash and restore the jobs after every N inputs"),
    [O_SHUFFLE] =
        NUMBER(0, "SEED", "--shuffle", OPT_INT, 0, INT64_MAX, "permute the input where that makes no row late"),
    [O_UPDATE] = SWITCH(0, "--update", "write what came into the files as what is wanted"),
    [O_JUNIT] = TEXT(0, "FILE", "--junit", "write a JUnit report as well"),
    [O_ORACLE] = TEXT(0, "DIR", "--oracle", "write `oracle` records there for sqlite3, compare what it printed"),
    [O_SKIP] = TEXT(0, "FILE", "--skip", "records that are not run: file, case or line or *, feature; by tabs"),
    [O_ROWS] = NUMBER('n', "N", "--rows", OPT_INT, 0, INT64_MAX, "number of rows (default: no end)"),
    [O_SEED] = NUMBER(0, "N", "--seed", OPT_INT, 0, INT64_MAX, "start of the random numbers: same seed, same rows"),
    [O_FORMAT] = CHOICE(0, "FORM", "--format", "json|csv", "form of the rows (default json: a line a row)"),
    [O_OPTION] = PAIRS("K=V", "--option", "an option of the generator's connector"),
    [O_SCHEMA] = TEXT(0, "COLUMNS", "--schema", "the columns, as in CREATE TABLE"),
    [O_RATE] = NUMBER(0, "N", "--rate", OPT_INT, 1, 1000000000, "rows a second (default: as fast as can be)"),
    [O_ONLY] = CHOICE(0, "KIND", "--only", "person|auction|bid", "only events of this kind, their fields as columns"),
    [O_SPEED] = NUMBER(0, "N", "--speed", OPT_DOUBLE, 1, 1000000000,
                       "multiple of event time (default 17280: a day in five seconds)"),
    [O_FRESH] = SWITCH(0, "--fresh", "begin anew, whatever was kept"),
    [O_SHOW] = SWITCH(0, "--show", "print the SQL and end"),
    [O_PLAN_FORM] = CHOICE(0, "FORM", "--format", "text|json|dot", "form of the plans (default text)"),
    [O_ANALYZE] = SWITCH(0, "--analyze", "run the script and tell what each operator did"),
    [O_FILE] = TEXT('f', "FILE", "--file", "run this file and end; - is standard input"),
    [O_INIT] = TEXT('i', "FILE", "--init", "run this file first"),
    [O_DATA] = TEXT(0, "DIR", "--data", "the directory of the log; made when it is not there"),
    [O_LISTEN] = TEXT(0, "ADDRESS:PORT", "--listen", "where to listen (default 127.0.0.1:9092; port 0 picks one)"),
    [O_THREADS] = NUMBER(0, "N", "--threads", OPT_INT, 1, 64, "threads for the network (default 1)"),
    [O_ADVERTISE] = TEXT(0, "HOST:PORT", "--advertise",
                         "tell clients to come here (default: the address that they used)"),
    [O_ALLOW_INSECURE] = SWITCH(0, "--allow-insecure", "listen where other machines can connect, without a password"),
    [O_DURABILITY] = CHOICE(0, "MODE", "--durability", "strict|relaxed",
                            "relaxed: a power cut may cost the last second (default strict: nothing)"),
    [O_DOOR_MEMORY] = NUMBER(0, "SIZE", "--memory-limit", OPT_SIZE, 16777216, INT64_MAX,
                             "most memory for connections and what they ask (default 256MiB)"),
    [O_SETTING] = PAIRS("K=V", "--set", "a setting by the name that Kafka's broker has for it"),
    [O_JOB_BROKERS] = TEXT('b', "HOST:PORT,...", "--brokers", "the cluster of tables over topics, wherever they say they are"),
    [O_BROKERS] = TEXT('b', "HOST:PORT,...", "--brokers", "where the cluster is (default 127.0.0.1:9092)"),
    [O_CLIENT_SET] = PAIRS("K=V", "--set", "a setting of the client by librdkafka's name"),
    [O_TIMEOUT] = NUMBER(0, "TIME", "--timeout", OPT_DURATION, 100, 3600000,
                         "how long to wait for an answer of the cluster (default 5s)"),
    [O_PARTITION] = NUMBER('p', "N", "--partition", OPT_INT, 0, INT32_MAX, "this partition only"),
    [O_KEY] = TEXT('k', "KEY", "--key", "the key of every record"),
    [O_KEY_SEPARATOR] = TEXT('K', "TEXT", "--key-separator", "what stands between key and value in a line"),
    [O_HEADER] = PAIRS("K=V", "--header", "a header of every record"),
    [O_TOMBSTONES] = SWITCH('Z', "--tombstones", "an empty value is null: with cleanup.policy=compact it deletes its key"),
    [O_WHOLE] = SWITCH(0, "--whole", "all of standard input is one record, line ends included"),
    [O_OFFSET] = TEXT('O', "WHERE", "--offset", "where to begin: start, end, N, -N, @TIME or @TIME:@TIME"),
    [O_RECORDS] = NUMBER('n', "N", "--count", OPT_INT, 1, INT64_MAX, "end after N records"),
    [O_FOLLOW] = SWITCH('F', "--follow", "wait for more at the end"),
    [O_HEADERS] = SWITCH(0, "--headers", "show headers: name=value, by commas, before the record"),
    [O_DECODE] = CHOICE('d', "HOW", "--decode", "text|hex|json",
                        "how to show keys and values (default text; json: as part of the JSON output)"),
    [O_RECORD_FORMAT] = TEXT('f', "FORMAT", "--format", "form of a record: %k, %s and so on, see above"),
    [O_FORM] = CHOICE('o', "FORM", "--output", "text|json", "lines of text, or of JSON (default text)"),
    [O_UNCOMMITTED] = SWITCH(0, "--uncommitted", "show records of open and aborted transactions too"),
    [O_PARTITIONS] = NUMBER(0, "N", "--partitions", OPT_INT, 1, 100000, "partitions (default: the broker's)"),
    [O_REPLICAS] = NUMBER(0, "N", "--replicas", OPT_INT, 1, 1000, "replicas of each (default: the broker's)"),
    [O_CONFIG] = PAIRS("K=V", "--config", "a setting of the topic by Kafka's name"),
    [O_DOCS] = CHOICE(0, "FORM", "--docs", "man|markdown|functions|aggregates|options",
                     "print the manual page or a page of the reference"),
};

void cli_problem(struct cli_args *args, const char *message, const char *hint)
{
    if (args->n_problems == CLI_PROBLEMS)
        return;
    struct error *e = &args->problems[args->n_problems++];
    error_set(e, ST_USAGE, "%s", message);
    if (hint)
        error_hint(e, "%s", hint);
}

bool args_has(const struct cli_args *args, enum cli_option_id id)
{
    return args_get(args, id).ptr != NULL;
}

struct str args_get(const struct cli_args *args, enum cli_option_id id)
{
    struct str found = { 0 };
    for (uint32_t i = 0; i < args->n_given; i++)
        if (args->given[i].id == id)
            found = args->given[i].value;
    return found;
}

int64_t args_number(const struct cli_args *args, enum cli_option_id id, int64_t otherwise)
{
    struct str s = args_get(args, id);
    int64_t n = otherwise;
    if (!s.ptr)
        return otherwise;
    bool ok = cli_options[id].spec.type == OPT_DURATION ? str_to_duration_ms(s, &n)
              : cli_options[id].spec.type == OPT_SIZE   ? str_to_bytes(s, &n)
                                                        : str_to_i64(s, &n);
    return ok ? n : otherwise;
}

bool args_pair(const struct cli_args *args, enum cli_option_id id, uint32_t i, struct str *ret_key,
               struct str *ret_value)
{
    for (uint32_t k = 0; k < args->n_given; k++) {
        if (args->given[k].id != id || i-- > 0)
            continue;
        struct str rest = args->given[k].value;
        *ret_key = str_split(&rest, '=');
        *ret_value = rest.ptr ? rest : STR("");
        return true;
    }
    return false;
}

/* ---- reading ---- */

struct parse {
    const struct cli_command *command;
    struct arena *arena;
    struct cli_args *args;
    int argc, at;
    const char *const *argv;
    ARRAY(struct cli_given) given;
    ARRAY(struct str) rest;
    ARRAY(struct option) pairs; /* for the check of values and names */
    bool unknown;               /* an option is unknown: what follows it may be its value */
};

static const struct cli_option *option_long(const struct parse *p, struct str name)
{
    for (uint32_t i = 0; i < O_COUNT; i++)
        if (cli_takes(p->command, i) && str_eq(name, str_from(cli_options[i].spec.name)))
            return &cli_options[i];
    return NULL;
}

static const struct cli_option *option_letter(const struct parse *p, char letter)
{
    for (uint32_t i = 0; i < O_COUNT; i++)
        if (cli_takes(p->command, i) && cli_options[i].letter == letter)
            return &cli_options[i];
    return NULL;
}

static void wants_value(struct parse *p, const struct cli_option *o)
{
    struct str message = arena_printf(p->arena, "option '%s' needs a value: %s %s", o->spec.name, o->spec.name, o->arg);
    cli_problem(p->args, message.ptr ? message.ptr : "an option needs a value", NULL);
}

static bool add_given(struct parse *p, const struct cli_option *o, struct str value)
{
    struct cli_given *g = array_add(&p->given, p->arena);
    if (!g)
        return false;
    *g = (struct cli_given){ (enum cli_option_id)(o - cli_options), value };
    if (o->repeats) {
        if (value.len == 0 || value.ptr[0] == '=' || !memchr(value.ptr, '=', value.len))
            wants_value(p, o);
        return true;
    }
    struct option *pair = array_add(&p->pairs, p->arena);
    if (pair)
        *pair = (struct option){ str_from(o->spec.name), o->arg ? value : STR("true"), 0, 0 };
    return pair != NULL;
}

static bool add_unknown(struct parse *p, struct str name)
{
    struct option *pair = array_add(&p->pairs, p->arena);
    p->unknown = true;
    if (pair)
        *pair = (struct option){ name, STR(""), 0, 0 };
    return pair != NULL;
}

/* The value of `o`: what follows its name in the same argument, or the next argument. */
static bool take_value(struct parse *p, const struct cli_option *o, struct str joined)
{
    if (!o->arg)
        return add_given(p, o, STR("true"));
    if (!joined.ptr && p->at + 1 < p->argc)
        joined = str_from(p->argv[++p->at]);
    if (!joined.ptr) {
        wants_value(p, o);
        return true;
    }
    return add_given(p, o, joined);
}

static bool read_long(struct parse *p, struct str arg)
{
    struct str value = arg, name = str_split(&value, '=');
    const struct cli_option *o = option_long(p, name);
    if (!o)
        return add_unknown(p, name);
    if (value.ptr && !o->arg) {
        struct str message = arena_printf(p->arena, "option '%s' takes no value", o->spec.name);
        if (message.ptr)
            cli_problem(p->args, message.ptr, NULL);
        return message.ptr != NULL;
    }
    return take_value(p, o, value);
}

/* -qp3 is -q -p 3. */
static bool read_letters(struct parse *p, struct str arg)
{
    for (size_t i = 1; i < arg.len; i++) {
        const struct cli_option *o = option_letter(p, arg.ptr[i]);
        if (!o)
            return add_unknown(p, arena_printf(p->arena, "-%c", arg.ptr[i]));
        struct str joined = str_make(arg.ptr + i + 1, arg.len - i - 1);
        if (o->arg && joined.len && joined.ptr[0] == '=')
            joined = str_make(joined.ptr + 1, joined.len - 1);
        if (!take_value(p, o, joined.len ? joined : (struct str){ 0 }))
            return false;
        if (o->arg)
            return true;
    }
    return true;
}

static bool read_all(struct parse *p)
{
    bool only_rest = false;
    for (; p->at < p->argc; p->at++) {
        struct str arg = str_from(p->argv[p->at]);
        bool ok = true;
        if (!only_rest && str_eq(arg, STR("--"))) {
            only_rest = true;
        } else if (!only_rest && str_starts(arg, STR("--"))) {
            ok = read_long(p, arg);
        } else if (!only_rest && arg.len > 1 && arg.ptr[0] == '-') {
            ok = read_letters(p, arg);
        } else {
            struct str *rest = array_add(&p->rest, p->arena);
            ok = rest != NULL;
            if (ok)
                *rest = arg;
        }
        if (!ok)
            return false;
    }
    return true;
}

static bool check_values(struct parse *p)
{
    struct option_spec *specs = ARENA_ARRAY(p->arena, struct option_spec, O_COUNT);
    uint32_t n = 0;
    if (!specs)
        return false;
    for (uint32_t i = 0; i < O_COUNT; i++)
        if (cli_takes(p->command, i))
            specs[n++] = cli_options[i].spec;
    struct options pairs = { p->pairs.at, p->pairs.count };
    struct error err;
    if (options_check(&pairs, specs, n, p->command->name, &err) != ST_OK && p->args->n_problems < CLI_PROBLEMS) {
        if (!p->unknown)
            err.hint[0] = 0;
        p->args->problems[p->args->n_problems++] = err;
    }
    return true;
}

static bool check_count(struct parse *p)
{
    uint32_t n = p->args->n_rest;
    const struct cli_command *k = p->command;
    if (p->unknown || args_has(p->args, O_HELP) || (n >= k->min_args && n <= k->max_args))
        return true;
    struct str usage = arena_printf(p->arena, "weir %s %s", k->name, k->args);
    struct str message = n < k->min_args ? arena_printf(p->arena, "%s: an argument is missing", k->name)
                                         : arena_printf(p->arena, "%s: unexpected argument '%.*s'", k->name,
                                                        STR_ARG(p->args->rest[k->max_args]));
    if (!usage.ptr || !message.ptr)
        return false;
    cli_problem(p->args, message.ptr, usage.ptr);
    return true;
}

bool cli_parse(const struct cli_command *command, int argc, const char *const *argv, struct arena *a,
               struct cli_args *ret)
{
    struct parse p = { .command = command, .arena = a, .args = ret, .argc = argc, .argv = argv };
    ret->n_problems = 0;
    if (!read_all(&p))
        return false;
    ret->given = p.given.at;
    ret->n_given = p.given.count;
    ret->rest = p.rest.at;
    ret->n_rest = p.rest.count;
    return check_values(&p) && check_count(&p);
}
