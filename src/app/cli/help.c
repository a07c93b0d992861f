/* Help as text, from the two tables. */
#include "cli/cli.h"

#define INDENT 2

static bool put_pad(struct buf *out, size_t width, size_t have)
{
    bool ok = true;
    for (size_t i = have; ok && i < width; i++)
        ok = buf_put_u8(out, ' ');
    return ok;
}

static bool put_heading(struct buf *out, const char *text, bool colour)
{
    return buf_printf(out, "\n%s%s%s\n", cli_style(colour, STYLE_BOLD), text, cli_style(colour, STYLE_PLAIN));
}

static size_t option_width(const struct cli_option *o)
{
    return 4 + strlen(o->spec.name) + (o->arg ? 1 + strlen(o->arg) : 0);
}

static bool put_option(struct buf *out, const struct cli_option *o, size_t width)
{
    char letter[5] = { '-', o->letter, ',', ' ', 0 };
    bool ok = buf_printf(out, "%*s%s%s%s%s", INDENT, "", o->letter ? letter : "    ", o->spec.name, o->arg ? " " : "",
                         o->arg ? o->arg : "") &&
              put_pad(out, width, option_width(o)) && buf_printf(out, "  %s", o->spec.help);
    if (ok && o->repeats)
        ok = buf_printf(out, "; may be repeated");
    ok = ok && buf_put_u8(out, '\n');
    if (ok && o->spec.choices)
        ok = put_pad(out, width + 2 + INDENT, 0) && buf_printf(out, "%s\n", o->spec.choices);
    return ok;
}

/* "command # what it does": true when there are two parts. */
static bool split_example(struct str line, struct str *command, struct str *says)
{
    int64_t hash = str_find(line, STR(" # "), 0);
    *command = hash < 0 ? line : str_make(line.ptr, (size_t)hash);
    *says = hash < 0 ? STR("") : str_make(line.ptr + hash + 3, line.len - (size_t)hash - 3);
    return hash >= 0;
}

/* As two columns. */
static bool put_examples(struct buf *out, const char *examples)
{
    struct str rest = str_from(examples), command, says;
    size_t width = 0;
    bool ok = true;
    while (rest.ptr) {
        (void)split_example(str_split(&rest, '\n'), &command, &says);
        width = command.len > width ? command.len : width;
    }
    for (rest = str_from(examples); ok && rest.ptr;) {
        bool both = split_example(str_split(&rest, '\n'), &command, &says);
        ok = buf_printf(out, "%*s%.*s", INDENT, "", STR_ARG(command));
        if (ok && both)
            ok = put_pad(out, width + 2, command.len) && buf_printf(out, "# %.*s", STR_ARG(says));
        ok = ok && buf_put_u8(out, '\n');
    }
    return ok;
}

bool help_command(struct buf *out, const struct cli_command *k, bool colour)
{
    const char *bold = cli_style(colour, STYLE_BOLD), *plain = cli_style(colour, STYLE_PLAIN);
    size_t width = 0;
    bool ok = buf_printf(out, "%sweir %s%s: %s\n", bold, k->name, plain, k->summary) &&
              put_heading(out, "Usage", colour) &&
              buf_printf(out, "%*sweir %s%s%s [options]\n\n%s\n", INDENT, "", k->name, *k->args ? " " : "", k->args,
                         k->text) &&
              put_heading(out, "Options", colour);
    for (uint32_t i = 0; i < O_COUNT; i++)
        if (cli_takes(k, i) && option_width(&cli_options[i]) > width)
            width = option_width(&cli_options[i]);
    for (uint32_t i = O_COUNT; ok && i-- > 0;) { /* --help comes last */
        uint32_t at = i == 0 ? O_HELP : O_COUNT - i;
        if (cli_takes(k, at))
            ok = put_option(out, &cli_options[at], width);
    }
    return ok && put_heading(out, "Examples", colour) && put_examples(out, k->examples);
}

bool help_overview(struct buf *out, bool colour)
{
    size_t width = 0;
    for (uint32_t i = 0; i < cli_command_count; i++)
        width = strlen(cli_commands[i].name) > width ? strlen(cli_commands[i].name) : width;
    bool ok = buf_printf(out, "%sweir%s: streaming SQL in one process\n", cli_style(colour, STYLE_BOLD),
                         cli_style(colour, STYLE_PLAIN)) &&
              put_heading(out, "Usage", colour) &&
              buf_printf(out, "%*sweir COMMAND [arguments] [options]\n", INDENT, "") &&
              put_heading(out, "Commands", colour);
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = buf_printf(out, "%*s%s", INDENT, "", cli_commands[i].name) &&
             put_pad(out, width + 2, strlen(cli_commands[i].name)) && buf_printf(out, "%s\n", cli_commands[i].summary);
    return ok && put_heading(out, "First steps", colour) &&
           put_examples(out, "weir demo # half a minute of streaming\n"
                             "weir run -c \"SELECT 1 + 1 AS two\" # any SQL\n"
                             "weir help run # all about a command");
}
