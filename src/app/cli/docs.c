/* The same tables as Markdown (docs/cli.md), manual page and shell completion. */
#include "cli/cli.h"

static const struct {
    int code;
    const char *means;
} exit_codes[] = {
    { 0, "all went well" },
    { 1, "the job failed, or a test did" },
    { 2, "usage, configuration or SQL is wrong; nothing was touched" },
    { 3, "cannot connect, or timed out" },
    { 4, "refused, so as to protect data: locked, damaged or belonging to another job" },
    { 5, "a bug in weir" },
    { 130, "stopped by SIGINT, after a final commit" },
    { 143, "stopped by SIGTERM, after a final commit" },
};
#define N_EXIT_CODES (sizeof exit_codes / sizeof exit_codes[0])

/* ---- Markdown ---- */

static bool md_cell(struct buf *out, const char *text)
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
    ok = ok && buf_printf(out, " | ") && md_cell(out, o->spec.help);
    if (ok && o->spec.choices)
        ok = buf_printf(out, ": ") && md_cell(out, o->spec.choices);
    return ok && buf_printf(out, "%s |\n", o->repeats ? "; may be repeated" : "");
}

static bool md_command(struct buf *out, const struct cli_command *k)
{
    bool ok = buf_printf(out, "\n## weir %s\n\n`weir %s%s%s [options]`: %s.\n\n%s\n\n| option | what |\n|---|---|\n",
                         k->name, k->name, *k->args ? " " : "", k->args, k->summary, k->text);
    for (uint32_t i = 1; ok && i < O_COUNT; i++)
        if (k->options & O_BIT(i))
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

/* In roff a line must not start with a dot or quote, and '-' and '\' want a backslash. */
static bool man_text(struct buf *out, struct str text)
{
    bool ok = true, start = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        char ch = text.ptr[i];
        if (start && (ch == '.' || ch == '\''))
            ok = buf_put(out, "\\&", 2);
        if (ok && (ch == '-' || ch == '\\'))
            ok = buf_put_u8(out, '\\');
        ok = ok && buf_put_u8(out, (uint8_t)(ch == '\\' ? 'e' : ch));
        start = ch == '\n';
    }
    return ok;
}

static bool man_option(struct buf *out, const struct cli_option *o)
{
    bool ok = buf_printf(out, ".TP\n.B ");
    if (ok && o->letter)
        ok = buf_printf(out, "\\-%c, ", o->letter);
    ok = ok && man_text(out, str_from(o->spec.name)) &&
         buf_printf(out, "%s%s\n", o->arg ? " " : "", o->arg ? o->arg : "") && man_text(out, str_from(o->spec.help));
    if (ok && o->spec.choices)
        ok = buf_printf(out, ": ") && man_text(out, str_from(o->spec.choices));
    return ok && buf_printf(out, "%s\n", o->repeats ? "; may be repeated" : "");
}

static bool man_command(struct buf *out, const struct cli_command *k)
{
    bool ok = buf_printf(out, ".SS weir %s ", k->name) && man_text(out, str_from(k->args)) &&
              buf_printf(out, "\n.P\n") && man_text(out, str_from(k->text)) && buf_put_u8(out, '\n');
    for (uint32_t i = 1; ok && i < O_COUNT; i++)
        if (k->options & O_BIT(i))
            ok = man_option(out, &cli_options[i]);
    struct str rest = str_from(k->examples);
    ok = ok && buf_printf(out, ".P\n.nf\n");
    while (ok && rest.ptr)
        ok = man_text(out, str_split(&rest, '\n')) && buf_put_u8(out, '\n');
    return ok && buf_printf(out, ".fi\n");
}

bool docs_man(struct buf *out)
{
    bool ok =
        buf_printf(out,
                   ".TH WEIR 1 \"\" \"weir %s\" \"User Commands\"\n.SH NAME\nweir \\- streaming SQL in one process\n"
                   ".SH SYNOPSIS\n.B weir\nCOMMAND [arguments] [options]\n.SH COMMANDS\n",
                   WEIR_VERSION);
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = man_command(out, &cli_commands[i]);
    ok = ok && buf_printf(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; ok && i < N_EXIT_CODES; i++)
        ok = buf_printf(out, ".TP\n.B %d\n%s\n", exit_codes[i].code, exit_codes[i].means);
    return ok && buf_printf(out, ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nwhen set and not empty: no colours\n");
}

/* ---- completion ---- */

/* The names of a command's options, separated by blanks. */
static bool put_names(struct buf *out, const struct cli_command *k)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < O_COUNT; i++)
        if (k->options & O_BIT(i))
            ok = buf_printf(out, "%s%s", cli_options[i].spec.name, i + 1 < O_COUNT ? " " : "");
    return ok;
}

static bool put_choices(struct buf *out, const struct cli_option *o)
{
    bool ok = true;
    for (const char *at = o->spec.choices; ok && *at; at++)
        ok = buf_put_u8(out, *at == '|' ? ' ' : (uint8_t)*at);
    return ok;
}

static bool wants_file(const struct cli_command *k)
{
    return strcmp(k->words, "file") == 0 || strcmp(k->words, "path") == 0;
}

/* zsh runs the same function through bashcompinit. */
static bool put_bash(struct buf *out)
{
    bool ok =
        buf_printf(out, "_weir() {\n"
                        "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} names= words=\n"
                        "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"");
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = buf_printf(out, "%s%s", i ? " " : "", cli_commands[i].name);
    ok = ok && buf_printf(out, "\" -- \"$word\"))\n    return\n  fi\n  case $before in\n");
    for (uint32_t i = 0; ok && i < O_COUNT; i++) {
        const struct cli_option *o = &cli_options[i];
        if (o->spec.choices)
            ok = buf_printf(out, "    %s) COMPREPLY=($(compgen -W \"", o->spec.name) && put_choices(out, o) &&
                 buf_printf(out, "\" -- \"$word\")); return;;\n");
        else if (o->arg && (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DIR") == 0))
            ok = buf_printf(out, "    %s) COMPREPLY=($(compgen -%c -- \"$word\")); return;;\n", o->spec.name,
                            o->arg[0] == 'D' ? 'd' : 'f');
    }
    ok = ok && buf_printf(out, "  esac\n  case ${COMP_WORDS[1]} in\n");
    for (uint32_t i = 0; ok && i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];
        ok = buf_printf(out, "    %s) names=\"", k->name) && put_names(out, k) &&
             buf_printf(out, "\" words=\"%s\";;\n", wants_file(k) ? "" : k->words);
    }
    return ok && buf_printf(out, "  esac\n"
                                 "  case $word in\n"
                                 "    -*) COMPREPLY=($(compgen -W \"$names\" -- \"$word\"));;\n"
                                 "    *) if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                                 "       else COMPREPLY=($(compgen -f -- \"$word\")); fi;;\n"
                                 "  esac\n}\ncomplete -o filenames -F _weir weir\n");
}

/* The text of a fish string in single quotes. */
static bool put_fish_text(struct buf *out, const char *text)
{
    bool ok = buf_put_u8(out, '\'');
    for (; ok && *text; text++)
        ok = (*text != '\'' && *text != '\\') ? buf_put_u8(out, (uint8_t)*text)
                                              : buf_put_u8(out, '\\') && buf_put_u8(out, (uint8_t)*text);
    return ok && buf_put_u8(out, '\'');
}

static bool put_fish(struct buf *out)
{
    bool ok = buf_printf(out, "complete -c weir -n __fish_use_subcommand -f\n");
    for (uint32_t i = 0; ok && i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];
        ok = buf_printf(out, "complete -c weir -n __fish_use_subcommand -f -a %s -d ", k->name) &&
             put_fish_text(out, k->summary) && buf_put_u8(out, '\n');
        if (ok && *k->words && !wants_file(k))
            ok =
                buf_printf(out, "complete -c weir -n '__fish_seen_subcommand_from %s' -f -a '%s'\n", k->name, k->words);
        for (uint32_t n = 0; ok && n < O_COUNT; n++) {
            const struct cli_option *o = &cli_options[n];
            if (!(k->options & O_BIT(n)))
                continue;
            ok = buf_printf(out, "complete -c weir -n '__fish_seen_subcommand_from %s' -l %s", k->name,
                            o->spec.name + 2);
            if (ok && o->letter)
                ok = buf_printf(out, " -s %c", o->letter);
            if (ok && o->arg)
                ok = buf_printf(out, " -r");
            if (ok && o->spec.choices)
                ok = buf_printf(out, " -f -a '") && put_choices(out, o) && buf_put_u8(out, '\'');
            ok = ok && buf_printf(out, " -d ") && put_fish_text(out, o->spec.help) && buf_put_u8(out, '\n');
        }
    }
    return ok;
}

bool docs_completion(struct buf *out, struct str shell)
{
    if (str_eq(shell, STR("fish")))
        return put_fish(out);
    if (str_eq(shell, STR("zsh")) && !buf_printf(out, "autoload -U +X bashcompinit && bashcompinit\n"))
        return false;
    return put_bash(out);
}
