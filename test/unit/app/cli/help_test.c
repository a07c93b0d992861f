/* The texts made of the tables, and the messages, on the simulated machine: what goes where, and what a terminal adds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "os/sim.h"

struct run {
    struct sim *sim;
    int code;
    char out[65536], err[16384];
};

static void take(struct sim *s, int stream, char *into, size_t room)
{
    struct str text = sim_stream(s, stream);
    assert_true(text.len < room);
    memcpy(into, text.ptr ? text.ptr : "", text.len);
    into[text.len] = 0;
}

#define WEIR(terminal, ...)                                                                                            \
    weir(terminal, (const char *const[]){ "weir", __VA_ARGS__ },                                                       \
         sizeof((const char *const[]){ "weir", __VA_ARGS__ }) / sizeof(char *))
static struct run *weir(bool terminal, const char *const *argv, int argc)
{
    static struct run r;
    struct sim *sim = sim_new(1, NULL);
    struct cli_host host = {
        .os = sim_os(sim), .out_terminal = terminal, .err_terminal = terminal, .colour = true, .moves = true
    };
    assert_non_null(sim);
    r.code = cli_main(&host, argc, argv);
    take(sim, 1, r.out, sizeof r.out);
    take(sim, 2, r.err, sizeof r.err);
    sim_free(sim);
    return &r;
}

static void test_overview(void **state)
{
    (void)state;
    const char *const ways[] = { "help", "--help", "-h" };
    for (size_t i = 0; i < 3; i++) {
        struct run *r = WEIR(false, ways[i]);
        assert_int_equal(r->code, 0);
        assert_string_equal(r->err, "");
        assert_null(strchr(r->out, '\033'));
        for (uint32_t k = 0; k < cli_command_count; k++)
            assert_non_null(strstr(r->out, cli_commands[k].summary));
    }
    struct run *bare = weir(false, (const char *const[]){ "weir" }, 1);
    assert_int_equal(bare->code, 2);
    assert_string_equal(bare->out, "");
    assert_non_null(strstr(bare->err, "Commands"));
}

static void test_every_command(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];
        struct run *r = WEIR(false, k->name, "--help");
        char by_flag[65536];
        assert_int_equal(r->code, 0);
        memcpy(by_flag, r->out, sizeof by_flag);
        for (uint32_t n = 0; n < O_COUNT; n++)
            assert_int_equal(strstr(r->out, cli_options[n].spec.help) != NULL, cli_takes(k, n));
        assert_non_null(strstr(r->out, "Examples"));
        for (const char *at = r->out; *at; at = strchr(at, '\n') + 1)
            assert_true(strcspn(at, "\n") <= 110);
        r = WEIR(false, "help", k->name);
        assert_string_equal(r->out, by_flag);
        assert_true(cli_takes(k, O_HELP));
    }
}

static void test_every_option_is_used(void **state)
{
    (void)state;
    bool used[O_COUNT] = { false };
    for (uint32_t i = 0; i < cli_command_count; i++) {
        uint64_t letters[128] = { 0 };
        for (uint32_t n = 0; n < O_COUNT; n++) {
            unsigned char letter = (unsigned char)cli_options[n].letter;
            if (!cli_takes(&cli_commands[i], n))
                continue;
            used[n] = true;
            if (!letter)
                continue;
            assert_int_equal(letters[letter]++, 0); /* a letter means one thing in a command */
        }
    }
    for (uint32_t n = 0; n < O_COUNT; n++)
        assert_true(used[n]);
}

static void test_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *arg, *wanted;
    } cases[] = {
        { "rnu", "error: unknown command 'rnu'\nhint: did you mean 'weir run'?\n" },
        { "explane", "error: unknown command 'explane'\nhint: did you mean 'weir explain'?\n" },
        { "job.sql", "error: unknown command 'job.sql'\nhint: weir run job.sql\n" },
        { "zzzzzz", "error: unknown command 'zzzzzz'\nhint: weir help lists the commands\n" },
        { "--nope", "error: unknown option '--nope'\nhint: weir help lists the commands\n" },
        { "a\033[2Jb", "error: unknown command 'a?[2Jb'\nhint: weir help lists the commands\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run *r = WEIR(false, cases[i].arg);
        assert_int_equal(r->code, 2);
        assert_string_equal(r->out, "");
        assert_string_equal(r->err, cases[i].wanted);
        if (cases[i].arg[0] == '-')
            continue;
        r = WEIR(false, "help", cases[i].arg);
        assert_int_equal(r->code, 2);
        assert_string_equal(r->err, cases[i].wanted);
    }
}

static void test_usage_errors(void **state)
{
    (void)state;
    struct run *r = WEIR(false, "run", "f.sql", "-p", "x", "--nope");
    assert_int_equal(r->code, 2);
    assert_string_equal(r->out, "");
    assert_non_null(
        strstr(r->err, "error: run: option '--parallelism' must be a whole number, not 'x'; unknown option '--nope'"));
    assert_non_null(strstr(r->err, "weir run --help says more\n"));
    r = WEIR(false, "run");
    assert_int_equal(r->code, 2);
    assert_string_equal(r->err, "error: run: a script is missing\nhint: weir run FILE | - | -c SQL\n");
    r = WEIR(false, "run", "f.sql", "-c", "SELECT 1");
    assert_int_equal(r->code, 2);
    assert_non_null(strstr(r->err, "both a file and -c"));
    r = WEIR(false, "run", "-c", "SELECT 1", "--bad-input", "dead-letter");
    assert_int_equal(r->code, 2);
    assert_non_null(strstr(r->err, "hint: --dead-letter FILE"));
    r = WEIR(false, "run", "-c", "SELECT 1", "--bad-input", "skip", "--dead-letter", "f");
    assert_int_equal(r->code, 2);
    r = WEIR(false, "run", "absent.sql");
    assert_int_equal(r->code, 1);
    assert_non_null(strstr(r->err, "absent.sql"));
}

static void test_variables(void **state)
{
    (void)state;
    struct run *r = WEIR(false, "run", "-c", "SELECT 1,\n  ${dya} + 1", "--var", "day=2");
    assert_int_equal(r->code, 2);
    assert_string_equal(
        r->err, "error: no value for ${dya}\n  --> -c:2:3\n      ${dya} + 1\n      ^\nhint: did you mean ${day}?\n");
}

static void test_generator_usage(void **state)
{
    (void)state;
    struct run *r = WEIR(false, "gen", "nexmrk");
    assert_int_equal(r->code, 2);
    assert_non_null(strstr(r->err, "did you mean 'nexmark'?"));
    r = WEIR(false, "gen", "datagen");
    assert_int_equal(r->code, 2);
    assert_non_null(strstr(r->err, "--schema is missing"));
    r = WEIR(false, "gen", "nexmark", "--schema", "a INT");
    assert_int_equal(r->code, 2);
    r = WEIR(false, "gen", "datagen", "--schema", "a INT", "--only", "bid");
    assert_int_equal(r->code, 2);
}

static void test_colours(void **state)
{
    (void)state;
    struct run *r = WEIR(true, "help");
    assert_non_null(strstr(r->out, "\033[1m"));
    r = WEIR(true, "nope");
    assert_non_null(strstr(r->err, "\033[31merror:"));
}

static void test_version(void **state)
{
    (void)state;
    const char *const ways[] = { "version", "--version", "-V" };
    for (size_t i = 0; i < 3; i++) {
        struct run *r = WEIR(false, ways[i]);
        assert_int_equal(r->code, 0);
        assert_int_equal(strncmp(r->out, "weir " WEIR_VERSION " (", strlen("weir " WEIR_VERSION " (")), 0);
    }
}

/* What stands between `from` with the command's name and the next `until`. */
static bool section_has(const char *text, const char *from, const char *name, const char *until, const char *what)
{
    char begin[80];
    snprintf(begin, sizeof begin, "%s%s", from, name);
    const char *at = text;
    size_t n = strlen(begin);
    do
        at = strstr(at, begin) ? strstr(at, begin) + n : NULL;
    while (at && ((*at >= 'a' && *at <= 'z') || *at == '-'));
    const char *end = at ? strstr(at, until) : NULL;
    const char *found = at ? strstr(at, what) : NULL;
    return found && (!end || found < end);
}

/* Whatever a command takes stands with it in the manual page and in each completion. */
static void test_options_stand_everywhere(void **state)
{
    (void)state;
    static const struct {
        const char *words[3], *from, *until, *dashes;
    } pages[] = {
        { { "help", "--docs", "man" }, ".SS weir ", ".SS ", ".B --" }, /* or .B -x, -- */
        { { "completion", "bash" }, "\n    ", "esac", "--" },
        { { "completion", "zsh" }, "\n    ", ";;", "--" },
        { { "completion", "fish" }, "complete -c weir -n '__weir_at ", "-n __weir_first", "-l " },
    };
    for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
        const char *const *w = pages[p].words;
        struct run *r = w[2] ? WEIR(false, w[0], w[1], w[2]) : WEIR(false, w[0], w[1]);
        char *to = r->out;
        for (const char *from = r->out; *from; from++) /* roff's escapes */
            if (*from != '\\')
                *to++ = *from;
        *to = 0;
        for (uint32_t i = 0; i < cli_command_count; i++)
            for (uint32_t n = 1; n < O_COUNT; n++) {
                const struct cli_option *o = &cli_options[n];
                char what[80];
                if (p == 0 && o->letter)
                    snprintf(what, sizeof what, ".B -%c, %s", o->letter, o->spec.name);
                else
                    snprintf(what, sizeof what, "%s%s", pages[p].dashes, o->spec.name + 2);
                if (cli_takes(&cli_commands[i], n) &&
                    !section_has(r->out, pages[p].from, cli_commands[i].name, pages[p].until, what))
                    fail_msg("%s %s: weir %s %s", w[0], w[1], cli_commands[i].name, what);
            }
    }
}

static void test_docs(void **state)
{
    (void)state;
    struct run *r = WEIR(false, "help", "--docs", "markdown");
    assert_int_equal(r->code, 0);
    for (uint32_t i = 0; i < cli_command_count; i++)
        assert_non_null(strstr(r->out, cli_commands[i].text));
    r = WEIR(false, "help", "--docs", "man");
    assert_int_equal(strncmp(r->out, ".TH WEIR 1", 10), 0);
    assert_non_null(strstr(r->out, "\\-\\-state\\-dir"));
    for (const char *at = r->out; *at; at = strchr(at, '\n') + 1)
        assert_false(*at == '\'');
    const char *const shells[] = { "bash", "zsh", "fish" };
    for (size_t i = 0; i < 3; i++) {
        r = WEIR(false, "completion", shells[i]);
        assert_int_equal(r->code, 0);
        assert_non_null(strstr(r->out, "state-dir"));
        assert_non_null(strstr(r->out, "ndjson"));
    }
    r = WEIR(false, "completion", "tcsh");
    assert_int_equal(r->code, 2);
}

static void test_numbers(void **state)
{
    (void)state;
    char t[CLI_TEXT];
    assert_string_equal(text_count(t, 0), "0");
    assert_string_equal(text_count(t, 999), "999");
    assert_string_equal(text_count(t, 1000), "1,000");
    assert_string_equal(text_count(t, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(text_rate(t, 1234.4), "1,234");
    assert_string_equal(text_rate(t, 234567), "234.6 k");
    assert_string_equal(text_rate(t, 2.5e6), "2.5 M");
    assert_string_equal(text_rate(t, -1), "0");
    assert_string_equal(text_bytes(t, 1023), "1023 B");
    assert_string_equal(text_bytes(t, 1536), "1.5 KiB");
    assert_string_equal(text_bytes(t, (1 << 20) - 1), "1.0 MiB");
    assert_string_equal(text_duration(t, 999), "999 ms");
    assert_string_equal(text_duration(t, 1250), "1.2 s");
    assert_string_equal(text_duration(t, 59999), "59.9 s");
    assert_string_equal(text_duration(t, 184000), "3 min 4 s");
    assert_string_equal(text_duration(t, 3600000), "1 h 0 min");
    assert_string_equal(text_duration(t, 90000000), "1 d 1 h");
    assert_string_equal(text_time(t, 1517363399650), "2018-01-31 01:49:59");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overview),
        cmocka_unit_test(test_every_command),
        cmocka_unit_test(test_options_stand_everywhere),
        cmocka_unit_test(test_every_option_is_used),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_generator_usage),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_docs),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
