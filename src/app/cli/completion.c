/* Shell completion out of the same tables: which words may follow, for bash, zsh and fish, each in its own way.
 *
 * All three know per command its options, what an option's value may be (choices, a file, a folder, a text of one's own)
 * and what its arguments are (files, words of the table, names of commands). zsh and fish also show the help texts. The
 * zsh script works when it is evaluated and as a file _weir in a folder of $fpath. */
#include "cli/cli.h"

enum value_kind { VALUE_NONE, VALUE_CHOICE, VALUE_FILE, VALUE_FOLDER, VALUE_TEXT };

static enum value_kind value_of(const struct cli_option *o)
{
    return !o->arg                       ? VALUE_NONE
           : o->spec.choices             ? VALUE_CHOICE
           : strcmp(o->arg, "FILE") == 0 ? VALUE_FILE
           : strcmp(o->arg, "DIR") == 0  ? VALUE_FOLDER
                                         : VALUE_TEXT;
}

static bool wants_file(const struct cli_command *k)
{
    return strcmp(k->words, "file") == 0 || strcmp(k->words, "path") == 0;
}

/* Choices, as words. */
static bool put_choices(struct buf *out, const struct cli_option *o)
{
    bool ok = true;
    for (const char *at = o->spec.choices; ok && *at; at++)
        ok = buf_put_u8(out, *at == '|' ? ' ' : (uint8_t)*at);
    return ok;
}

static bool put_commands(struct buf *out)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = buf_printf(out, "%s%s", i ? " " : "", cli_commands[i].name);
    return ok;
}

/* What the arguments of a command may be, when they are no files. */
static bool put_words(struct buf *out, const struct cli_command *k)
{
    if (strcmp(k->words, "command") == 0)
        return put_commands(out);
    return wants_file(k) || buf_printf(out, "%s", k->words);
}

/* ---- bash ---- */

static bool bash_value(struct buf *out, const struct cli_option *o)
{
    static const char *const does[] = { [VALUE_FILE] = "_weir_files -f", [VALUE_FOLDER] = "_weir_files -d",
                                        [VALUE_TEXT] = "COMPREPLY=()" };
    enum value_kind v = value_of(o);
    if (v == VALUE_NONE)
        return true;
    bool ok = buf_printf(out, "        %s", o->spec.name) && (!o->letter || buf_printf(out, "|-%c", o->letter));
    if (v != VALUE_CHOICE)
        return ok && buf_printf(out, ") %s; return;;\n", does[v]);
    return ok && buf_printf(out, ") COMPREPLY=($(compgen -W \"") && put_choices(out, o) &&
           buf_printf(out, "\" -- \"$word\")); return;;\n");
}

static bool bash_command(struct buf *out, const struct cli_command *k)
{
    bool ok = buf_printf(out, "    %s)\n      names=\"", k->name);
    for (uint32_t i = 0, n = 0; ok && i < O_COUNT; i++)
        if (cli_takes(k, i))
            ok = buf_printf(out, "%s%s", n++ ? " " : "", cli_options[i].spec.name);
    ok = ok && buf_printf(out, "\" words=\"") && put_words(out, k) &&
         buf_printf(out, "\" files=%s\n      case $before in\n", wants_file(k) ? "yes" : "");
    for (uint32_t i = 0; ok && i < O_COUNT; i++)
        if (cli_takes(k, i))
            ok = bash_value(out, &cli_options[i]);
    return ok && buf_printf(out, "      esac;;\n");
}

static bool put_bash(struct buf *out)
{
    bool ok = buf_printf(out, "_weir_files() {\n"
                              "  compopt -o filenames 2>/dev/null\n"
                              "  mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n}\n"
                              "_weir() {\n"
                              "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                              "  local names= words= files=\n"
                              "  COMPREPLY=()\n"
                              "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"") &&
              put_commands(out) && buf_printf(out, " --help --version\" -- \"$word\"))\n    return\n  fi\n"
                                                   "  case ${COMP_WORDS[1]} in\n");
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = bash_command(out, &cli_commands[i]);
    return ok && buf_printf(out, "  esac\n"
                                 "  case $word in\n"
                                 "    -*) COMPREPLY=($(compgen -W \"$names\" -- \"$word\"));;\n"
                                 "    *) if [ -n \"$files\" ]; then _weir_files -f\n"
                                 "       else COMPREPLY=($(compgen -W \"$words\" -- \"$word\")); fi;;\n"
                                 "  esac\n}\ncomplete -F _weir weir\n");
}

/* ---- zsh ---- */

/* In single quotes; `special` characters get a backslash. */
static bool zsh_text(struct buf *out, const char *text, const char *special)
{
    bool ok = true;
    for (; ok && *text; text++) {
        if (*text == '\'')
            ok = buf_printf(out, "'\\''");
        else
            ok = (!strchr(special, *text) || buf_put_u8(out, '\\')) && buf_put_u8(out, (uint8_t)*text);
    }
    return ok;
}

static bool zsh_option(struct buf *out, const struct cli_option *o)
{
    const char *name = o->spec.name;
    bool ok = buf_printf(out, " \\\n        ");
    if (ok && o->letter)
        ok = buf_printf(out, "'(-%c %s)'{-%c,%s}'[", o->letter, name, o->letter, name);
    else
        ok = ok && buf_printf(out, "'%s%s[", o->repeats ? "*" : "", name);
    ok = ok && zsh_text(out, o->spec.help, "[]\\") && buf_printf(out, "]");
    switch (value_of(o)) {
    case VALUE_CHOICE:
        ok = ok && buf_printf(out, ":%s:(", o->arg) && put_choices(out, o) && buf_printf(out, ")");
        break;
    case VALUE_FILE:
        ok = ok && buf_printf(out, ":%s:_files", o->arg);
        break;
    case VALUE_FOLDER:
        ok = ok && buf_printf(out, ":%s:_files -/", o->arg);
        break;
    case VALUE_TEXT:
        ok = ok && buf_printf(out, ":%s: ", o->arg);
        break;
    case VALUE_NONE:
        break;
    }
    return ok && buf_put_u8(out, '\'');
}

static bool zsh_command(struct buf *out, const struct cli_command *k)
{
    bool ok = buf_printf(out, "    %s)\n      _arguments -s", k->name);
    for (uint32_t i = 0; ok && i < O_COUNT; i++)
        if (cli_takes(k, i))
            ok = zsh_option(out, &cli_options[i]);
    const char *place = k->max_args == 1 ? "1" : "*";
    if (ok && wants_file(k))
        ok = buf_printf(out, " \\\n        '%s:%s:_files'", place, k->words);
    else if (ok && *k->words)
        ok = buf_printf(out, " \\\n        '%s:word:(", place) && put_words(out, k) && buf_printf(out, ")'");
    return ok && buf_printf(out, ";;\n");
}

static bool put_zsh(struct buf *out)
{
    bool ok = buf_printf(out, "#compdef weir\n_weir() {\n  local -a commands=(");
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = buf_printf(out, "\n    '%s:", cli_commands[i].name) && zsh_text(out, cli_commands[i].summary, ":\\") &&
             buf_printf(out, "'");
    ok = ok && buf_printf(out, ")\n"
                               "  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
                               "  shift words\n  (( CURRENT-- ))\n"
                               "  case $words[1] in\n");
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = zsh_command(out, &cli_commands[i]);
    return ok && buf_printf(out, "  esac\n}\n"
                                 "if [[ $funcstack[1] == _weir ]]; then _weir \"$@\"; else compdef _weir weir; fi\n");
}

/* ---- fish ---- */

/* In single quotes. */
static bool fish_text(struct buf *out, const char *text)
{
    bool ok = buf_put_u8(out, '\'');
    for (; ok && *text; text++)
        ok = ((*text != '\'' && *text != '\\') || buf_put_u8(out, '\\')) && buf_put_u8(out, (uint8_t)*text);
    return ok && buf_put_u8(out, '\'');
}

static bool fish_option(struct buf *out, const struct cli_command *k, const struct cli_option *o)
{
    bool ok = buf_printf(out, "complete -c weir -n '__weir_at %s' -l %s", k->name, o->spec.name + 2);
    if (ok && o->letter)
        ok = buf_printf(out, " -s %c", o->letter);
    switch (value_of(o)) {
    case VALUE_CHOICE:
        ok = ok && buf_printf(out, " -x -a '") && put_choices(out, o) && buf_put_u8(out, '\'');
        break;
    case VALUE_FILE:
        ok = ok && buf_printf(out, " -r -F");
        break;
    case VALUE_FOLDER:
        ok = ok && buf_printf(out, " -x -a '(__fish_complete_directories)'");
        break;
    case VALUE_TEXT:
        ok = ok && buf_printf(out, " -x");
        break;
    case VALUE_NONE:
        break;
    }
    return ok && buf_printf(out, " -d ") && fish_text(out, o->spec.help) && buf_put_u8(out, '\n');
}

static bool fish_command(struct buf *out, const struct cli_command *k)
{
    bool ok = buf_printf(out, "complete -c weir -n __weir_first -a %s -d ", k->name) && fish_text(out, k->summary) &&
              buf_put_u8(out, '\n');
    if (ok && wants_file(k))
        ok = buf_printf(out, "complete -c weir -n '__weir_at %s' -F\n", k->name);
    else if (ok && *k->words)
        ok = buf_printf(out, "complete -c weir -n '__weir_at %s' -a '", k->name) && put_words(out, k) &&
             buf_printf(out, "'\n");
    for (uint32_t i = 0; ok && i < O_COUNT; i++)
        if (cli_takes(k, i))
            ok = fish_option(out, k, &cli_options[i]);
    return ok;
}

static bool put_fish(struct buf *out)
{
    bool ok = buf_printf(out, "function __weir_first\n  test (count (commandline -opc)) -eq 1\nend\n"
                              "function __weir_at\n  set -l words (commandline -opc)\n"
                              "  test (count $words) -ge 2; and test $words[2] = $argv[1]\nend\n"
                              "complete -c weir -f\n");
    for (uint32_t i = 0; ok && i < cli_command_count; i++)
        ok = fish_command(out, &cli_commands[i]);
    return ok;
}

bool docs_completion(struct buf *out, struct str shell)
{
    return str_eq(shell, STR("fish")) ? put_fish(out) : str_eq(shell, STR("zsh")) ? put_zsh(out) : put_bash(out);
}
