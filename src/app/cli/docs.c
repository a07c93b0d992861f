/* The same tables as Markdown (docs/cli.md) and as a manual page. */
#include "cli/cli.h"

static const struct {
    int code;
    const char *means;
} exit_codes[] = {
    { 0, "all went well" },
    { 1, "it failed: a job, a test, what was asked of a broker" },
    { 2, "usage, configuration, SQL or an offset is wrong; nothing was touched" },
    { 3, "cannot connect, or timed out" },
    { 4, "refused, so as to protect data: locked, damaged, in use or belonging to another job" },
    { 5, "a bug in weir" },
    { 130, "stopped by SIGINT; jobs and the server after a final commit" },
    { 143, "stopped by SIGTERM; likewise" },
};
#define N_EXIT_CODES (sizeof exit_codes / sizeof exit_codes[0])

/* ---- Markdown ---- */

bool docs_cell(struct buf *out, const char *text)
{
    bool ok = true;
    for (; ok && *text; text++)
        ok = (*text != '|' || buf_put_u8(out, '\\')) && buf_put_u8(out, (uint8_t)*text);
    return ok;
}

static bool md_option(struct buf *out, const struct cli_option *o)
{
    bool ok = buf_printf(out, "| `%s%s%s`", o->spec.name, o->arg ? " " : "", o->arg ? o->arg : "");
    if (ok && o->letter)
        ok = buf_printf(out, ", `-%c`", o->letter);
    ok = ok && buf_printf(out, " | ") && docs_cell(out, o->spec.help);
    if (ok && o->spec.choices)
        ok = buf_printf(out, ": ") && docs_cell(out, o->spec.choices);
    return ok && buf_printf(out, "%s |\n", o->repeats ? "; may be repeated" : "");
}

static bool md_command(struct buf *out, const struct cli_command *k)
{
    bool ok = buf_printf(out, "\n## weir %s\n\n`weir %s%s%s [options]`: %s.\n\n%s\n\n| option | what |\n|---|---|\n",
                         k->name, k->name, *k->args ? " " : "", k->args, k->summary, k->text);
    for (uint32_t i = 1; ok && i < O_COUNT; i++)
        if (cli_takes(k, i))
            ok = md_option(out, &cli_options[i]);
    ok = ok && md_option(out, &cli_options[O_HELP]) && buf_printf(out, "\n```sh\n");
    struct str rest = str_from(k->examples);
    while (ok && rest.ptr) {
        struct str line = str_split(&rest, '\n');
        ok = buf_printf(out, "%.*s\n", STR_ARG(line));
    }
    return ok && buf_printf(out, "```\n");
}

bool docs_markdown(struct buf *out)
{
    bool ok = buf_printf(
        out, "<!-- Made by: weir help --docs markdown. Change the tables in src/app/cli, not this page. -->\n"
             "# The command line\n\n"
             "Data go to standard output, messages to standard error. Units everywhere: `100ms`, `10s`, `64MiB`.\n"
             "Colours and the progress line appear on a terminal only; `NO_COLOR` is honoured.\n\n"
             "| exit code | means |\n|---|---|\n");
    for (size_t i = 0; ok && i < N_EXIT_CODES; i++)
        ok = buf_printf(out, "| %d | %s |\n", exit_codes[i].code, exit_codes[i].means);
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = md_command(out, &cli_commands[i]);
    return ok;
}

/* ---- manual page ---- */

#define MAN_COLUMNS 76u
#define VERSION_DATE "2026-11-21" /* of WEIR_VERSION */

static bool man_escapes(char ch) { return ch == '-' || ch == '\\'; }

static size_t man_width(struct str text)
{
    size_t width = text.len;
    for (size_t i = 0; i < text.len; i++)
        width += man_escapes(text.ptr[i]);
    return width;
}

/* In roff a line must not start with a dot or quote, and '-' and '\' want a backslash. */
static bool man_bytes(struct buf *out, struct str text, bool starts_line)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        char ch = text.ptr[i];
        if (i == 0 && starts_line && (ch == '.' || ch == '\''))
            ok = buf_put(out, "\\&", 2);
        if (ok && man_escapes(ch))
            ok = buf_put_u8(out, '\\');
        ok = ok && buf_put_u8(out, (uint8_t)(ch == '\\' ? 'e' : ch));
    }
    return ok;
}

/* Words in lines that are not too long; a blank line begins a paragraph. */
static bool man_text(struct buf *out, const char *text)
{
    struct str rest = str_from(text);
    size_t column = 0;
    bool ok = true;
    while (ok && rest.ptr) {
        struct str line = str_split(&rest, '\n');
        if (line.len == 0) {
            ok = buf_printf(out, "%s.P\n", column ? "\n" : "");
            column = 0;
            continue;
        }
        while (ok && line.ptr) {
            struct str word = str_split(&line, ' ');
            if (word.len == 0)
                continue;
            size_t width = man_width(word);
            bool fits = column + 1 + width <= MAN_COLUMNS;
            ok = buf_printf(out, "%s", column == 0 ? "" : fits ? " " : "\n");
            bool first = column == 0 || !fits;
            column = first ? width : column + 1 + width;
            ok = ok && man_bytes(out, word, first);
        }
    }
    return ok && buf_put_u8(out, '\n');
}

static bool man_option(struct buf *out, const struct cli_option *o)
{
    bool ok = buf_printf(out, ".TP\n.B ");
    if (ok && o->letter)
        ok = buf_printf(out, "\\-%c, ", o->letter);
    ok = ok && man_bytes(out, str_from(o->spec.name), false) &&
         buf_printf(out, "%s%s\n", o->arg ? " " : "", o->arg ? o->arg : "");
    struct buf text;
    buf_init(&text, out->budget, 1u << 16);
    ok = ok && buf_printf(&text, "%s", o->spec.help);
    if (ok && o->spec.choices) {
        ok = buf_printf(&text, ":");
        for (struct str rest = str_from(o->spec.choices); ok && rest.ptr;) {
            struct str one = str_split(&rest, '|');
            ok = buf_printf(&text, " %.*s%s", STR_ARG(one), rest.ptr ? "," : "");
        }
    }
    ok = ok && buf_printf(&text, "%s.", o->repeats ? "; may be repeated" : "") && buf_put_u8(&text, 0) &&
         man_text(out, (const char *)text.data);
    buf_release(&text);
    return ok;
}

static bool man_command(struct buf *out, const struct cli_command *k)
{
    bool ok = buf_printf(out, ".SS weir %s%s", k->name, *k->args ? " " : "") && man_bytes(out, str_from(k->args), false) &&
              buf_put_u8(out, '\n') && man_text(out, k->text);
    for (uint32_t i = 1; ok && i < O_COUNT; i++)
        if (cli_takes(k, i))
            ok = man_option(out, &cli_options[i]);
    struct str rest = str_from(k->examples);
    ok = ok && buf_printf(out, ".P\n.nf\n");
    while (ok && rest.ptr)
        ok = man_bytes(out, str_split(&rest, '\n'), true) && buf_put_u8(out, '\n');
    return ok && buf_printf(out, ".fi\n");
}

bool docs_man(struct buf *out)
{
    bool ok =
        buf_printf(out,
                   ".TH WEIR 1 \"" VERSION_DATE "\" \"weir %s\" \"User Commands\"\n.SH NAME\nweir \\- streaming SQL in one "
                   "process\n.SH SYNOPSIS\n.B weir\nCOMMAND [arguments] [options]\n.SH DESCRIPTION\n",
                   WEIR_VERSION) &&
        man_text(out, "Runs SQL in Flink's dialect over files, topics, standard input and generators, with results "
                      "that are right after a kill at any moment, and keeps a log for Kafka's clients. Data go to "
                      "standard output, messages to standard error. Units are written out: 100ms, 10s, 64MiB. Every "
                      "command takes --help.") &&
        buf_printf(out, ".SH COMMANDS\n");
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = man_command(out, &cli_commands[i]);
    ok = ok && buf_printf(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; ok && i < N_EXIT_CODES; i++)
        ok = buf_printf(out, ".TP\n.B %d\n", exit_codes[i].code) && man_text(out, exit_codes[i].means);
    return ok && buf_printf(out, ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nWhen set and not empty: no colours.\n"
                                 ".TP\n.B TERM\nWhen it is dumb or not set: nothing on the terminal moves.\n");
}
