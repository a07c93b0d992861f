/* What the shell understands besides SQL: one table, from which HELP and completion come as well. A command is written
 * \name, or .name, or, where Flink has a word for it, as that word with or without ';'. */
#include "cli/shell/shell.h"

#include <stdio.h>

struct shell_entry {
    const char *names; /* the first is shown in the help, all are understood */
    const char *word;  /* NULL: none */
    const char *args, *help;
    bool (*run)(struct shell *s, struct str arg);
};
static const struct shell_entry entries[];
static const uint32_t n_entries;

static bool refuse(struct shell *s, const char *message, struct str what, const char *hint)
{
    struct error err;
    error_set(&err, ST_USAGE, message, STR_ARG(what));
    if (hint)
        error_hint(&err, "%s", hint);
    s->code = cli_fail(s->c, NULL, &err);
    return false;
}

static bool put_entry(struct buf *out, const struct shell_entry *e)
{
    char left[64];
    struct str names = str_from(e->names), name = str_split(&names, ' ');
    snprintf(left, sizeof left, "\\%.*s%s%s%s%s%s", STR_ARG(name), *e->args ? " " : "", e->args, e->word ? ", " : "",
             e->word ? e->word : "", e->word ? ";" : "");
    return buf_printf(out, "  %-26s %s\n", left, e->help);
}

static bool run_help(struct shell *s, struct str arg)
{
    struct buf out;
    struct pages pages;
    (void)arg;
    buf_init(&out, s->c->arena.budget, 1 << 20);
    bool ok = buf_printf(&out, "SQL ends with ';'. Besides:\n");
    for (uint32_t i = 0; ok && i < n_entries; i++)
        ok = put_entry(&out, &entries[i]);
    ok = ok && buf_printf(&out,
                          "  %-26s %s\n  %-26s %s\nTab completes, Ctrl-R searches the history, Ctrl-C stops a query or "
                          "clears the line, Ctrl-D leaves.\nThe SQL: DESCRIBE FUNCTION name; and docs/sql.md.\n",
                          "SHOW JOBS;", "INSERTs at work, with their ids", "STOP JOB 'id';",
                          "stop one, with a last commit; WITH SAVEPOINT tells where its state is");
    pages_begin(&pages, s, true);
    ok = ok && pages_put(&pages, buf_str(&out), NULL) == ST_OK;
    ok = pages_end(&pages, NULL) == ST_OK && ok;
    buf_release(&out);
    return ok;
}

static bool run_quit(struct shell *s, struct str arg)
{
    (void)arg;
    s->quit = true;
    return true;
}

static bool run_clear(struct shell *s, struct str arg)
{
    (void)arg;
    if (s->c->host->out_terminal && s->c->host->moves)
        cli_print(s->c, "\033[H\033[2J");
    return true;
}

/* ---- looking around ---- */

static bool ask(struct shell *s, struct str sql) { return sql.ptr ? shell_query(s, sql.ptr) : false; }

/* SQL with a pattern of * and ? in the place of LIKE's. */
static bool ask_like(struct shell *s, const char *show, struct str pattern)
{
    struct buf sql;
    buf_init(&sql, s->c->arena.budget, 65536);
    bool ok = buf_printf(&sql, "%s", show) && (pattern.len == 0 || buf_printf(&sql, " ILIKE '"));
    for (size_t i = 0; ok && i < pattern.len; i++) {
        char c = pattern.ptr[i];
        ok = (c != '\'' || buf_put_u8(&sql, '\'')) && buf_put_u8(&sql, c == '*' ? '%' : c == '?' ? '_' : (uint8_t)c);
    }
    ok = ok && (pattern.len == 0 || buf_put_u8(&sql, '\'')) && buf_put_u8(&sql, 0) &&
         shell_query(s, (const char *)sql.data);
    buf_release(&sql);
    return ok;
}

static bool run_tables(struct shell *s, struct str arg) { return ask_like(s, "SHOW TABLES", arg); }
static bool run_views(struct shell *s, struct str arg) { return ask_like(s, "SHOW VIEWS", arg); }
static bool run_functions(struct shell *s, struct str arg) { return ask_like(s, "SHOW FUNCTIONS", arg); }

static bool run_describe(struct shell *s, struct str arg)
{
    if (arg.len == 0)
        return run_tables(s, arg);
    arena_reset(&s->scratch);
    return ask(s, arena_printf(&s->scratch, "DESCRIBE %.*s", STR_ARG(arg)));
}

static bool run_file(struct shell *s, struct str arg)
{
    if (arg.len >= 2 && arg.ptr[0] == '\'' && arg.ptr[arg.len - 1] == '\'')
        arg = str_make(arg.ptr + 1, arg.len - 2);
    return arg.len ? shell_file(s, arg) : refuse(s, "a file is missing%.*s", arg, "\\i FILE");
}

/* ---- settings of the shell ---- */

static void tell(struct shell *s, const char *what, const char *value)
{
    if (s->interactive && !s->quiet)
        cli_say(s->c, "%s: %s\n", what, value);
}

/* on, off, or the other one. */
static bool set_switch(struct shell *s, const char *what, struct str arg, bool *value)
{
    bool on = str_eq_nocase(arg, STR("on")), off = str_eq_nocase(arg, STR("off"));
    if (arg.len && !on && !off)
        return refuse(s, "'%.*s' is neither on nor off", arg, NULL);
    *value = arg.len ? on : !*value;
    tell(s, what, *value ? "on" : "off");
    return true;
}

static bool run_timing(struct shell *s, struct str arg) { return set_switch(s, "timing", arg, &s->timing); }

static bool run_mode(struct shell *s, struct str arg)
{
    enum result_format f = s->format;
    char name[32];
    struct str names[16];
    uint32_t n = 0;
    size_t len = arg.len < sizeof name ? arg.len : sizeof name - 1;
    for (size_t i = 0; i < len; i++)
        name[i] = arg.ptr[i] >= 'A' && arg.ptr[i] <= 'Z' ? (char)(arg.ptr[i] + 'a' - 'A') : arg.ptr[i];
    for (; result_format_names[n] && n < 16; n++)
        names[n] = str_from(result_format_names[n]);
    if (arg.len && !result_format_parse(str_make(name, len), &f)) {
        char hint[128];
        struct str near = str_nearest(arg, names, n);
        snprintf(hint, sizeof hint, near.ptr ? "did you mean '%.*s'?" : "one of table ndjson csv json markdown vertical",
                 STR_ARG(near));
        return refuse(s, "there is no mode '%.*s'", arg, hint);
    }
    if (f == RESULT_VERTICAL && s->format != RESULT_VERTICAL)
        s->before_x = s->format;
    s->format = f;
    tell(s, "mode", result_format_names[f]);
    return true;
}

static bool run_vertical(struct shell *s, struct str arg)
{
    bool on = s->format == RESULT_VERTICAL, before = on;
    if (!set_switch(s, "vertical", arg, &on))
        return false;
    if (on && !before)
        s->before_x = s->format;
    if (on != before)
        s->format = on ? RESULT_VERTICAL : s->before_x;
    return true;
}

static bool run_pager(struct shell *s, struct str arg)
{
    if (arg.len == 0 || str_eq_nocase(arg, STR("on")) || str_eq_nocase(arg, STR("off")))
        return set_switch(s, "pager", arg, &s->pages);
    struct str command = arena_str(&s->c->arena, arg);
    if (!command.ptr)
        return false;
    s->pager = command.ptr;
    s->pages = true;
    tell(s, "pager", s->pager);
    return true;
}

/* ---- the table ---- */

static const struct shell_entry entries[] = {
    { "h help ?", "HELP", "", "this list", run_help },
    { "q quit exit", "QUIT", "", "leave; jobs that run stop with a last commit", run_quit },
    { "q", "EXIT", "", "the same", run_quit },
    { "clear", "CLEAR", "", "clear the screen", run_clear },
    { "d", NULL, "[NAME]", "tables and views, or the columns of one", run_describe },
    { "dt tables", NULL, "[PATTERN]", "tables and views; * and ? stand for any letters", run_tables },
    { "dv", NULL, "[PATTERN]", "views", run_views },
    { "df", NULL, "[PATTERN]", "functions with what they do", run_functions },
    { "i", "SOURCE", "FILE", "run the statements of a file", run_file },
    { "mode", NULL, "[FORM]", "form of results: table ndjson csv json markdown vertical", run_mode },
    { "x", NULL, "[on|off]", "a line a value, and back", run_vertical },
    { "timing", NULL, "[on|off]", "say how long each statement took", run_timing },
    { "pager", NULL, "[on|off|COMMAND]", "page long results ($PAGER, else less)", run_pager },
};
static const uint32_t n_entries = sizeof entries / sizeof *entries;

const char *const shell_words[] = { "HELP", "QUIT", "EXIT", "CLEAR", "SOURCE", NULL };

static bool has_name(const struct shell_entry *e, struct str name)
{
    struct str names = str_from(e->names);
    while (names.ptr)
        if (str_eq(str_split(&names, ' '), name))
            return true;
    return false;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* The entry of a line that is a word, an argument perhaps, and ';' perhaps. */
static const struct shell_entry *entry_of_word(struct str line, struct str *ret_arg)
{
    size_t n = 0;
    while (n < line.len && is_letter(line.ptr[n]))
        n++;
    struct str rest = str_trim(str_make(line.ptr + n, line.len - n));
    while (str_ends(rest, STR(";")))
        rest = str_trim(str_make(rest.ptr, rest.len - 1));
    for (uint32_t i = 0; i < n_entries; i++)
        if (entries[i].word && str_eq_nocase(str_make(line.ptr, n), str_from(entries[i].word)) &&
            (rest.len == 0 || *entries[i].args)) {
            *ret_arg = rest;
            return &entries[i];
        }
    return NULL;
}

static bool has_sign(struct str line)
{
    return line.len > 0 && (line.ptr[0] == '\\' || (line.ptr[0] == '.' && line.len > 1 && is_letter(line.ptr[1])));
}

bool shell_is_command(struct str line)
{
    struct str arg;
    return has_sign(line) || entry_of_word(line, &arg);
}

static bool unknown(struct shell *s, struct str name)
{
    struct str names[sizeof entries / sizeof *entries];
    char hint[128];
    for (uint32_t i = 0; i < n_entries; i++) {
        struct str all = str_from(entries[i].names);
        names[i] = str_split(&all, ' ');
    }
    struct str near = str_nearest(name, names, n_entries);
    snprintf(hint, sizeof hint, near.ptr ? "did you mean '\\%.*s'? \\h lists them" : "\\h lists them", STR_ARG(near));
    return refuse(s, "there is no command '\\%.*s'", str_make(name.ptr, name.len < 80 ? name.len : 80), hint);
}

bool shell_run_command(struct shell *s, struct str line)
{
    struct str arg = { NULL, 0 };
    if (!has_sign(line)) {
        const struct shell_entry *e = entry_of_word(line, &arg);
        return e && e->run(s, arg);
    }
    size_t n = 1;
    while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t' && line.ptr[n] != ';')
        n++;
    struct str name = str_make(line.ptr + 1, n - 1);
    arg = str_trim(str_make(line.ptr + n, line.len - n));
    while (str_ends(arg, STR(";")))
        arg = str_trim(str_make(arg.ptr, arg.len - 1));
    for (uint32_t i = 0; i < n_entries; i++)
        if (has_name(&entries[i], name))
            return (arg.len == 0 || *entries[i].args)
                       ? entries[i].run(s, arg)
                       : refuse(s, "this command takes no argument: '%.*s'", arg, NULL);
    return unknown(s, name);
}

bool shell_complete_command(struct str line, size_t cursor, struct arena *a, struct candidates *ret)
{
    size_t n = 1;
    while (n < cursor && line.ptr[n] != ' ')
        n++;
    struct str typed = str_make(line.ptr + 1, cursor - 1);
    ret->from = 1;
    if (n < cursor) { /* an argument: only \mode's are words of ours */
        ret->from = n + 1;
        typed = str_make(line.ptr + ret->from, cursor - ret->from);
        bool mode = str_eq(str_make(line.ptr + 1, n - 1), STR("mode"));
        for (uint32_t i = 0; mode && result_format_names[i]; i++) {
            if (!str_starts(str_from(result_format_names[i]), typed))
                continue;
            struct candidate *c = array_add(&ret->list, a);
            if (!c)
                return false;
            *c = (struct candidate){ str_from(result_format_names[i]), "" };
        }
        return true;
    }
    for (uint32_t i = 0; i < n_entries; i++) {
        struct str names = str_from(entries[i].names), name = str_split(&names, ' ');
        bool again = i > 0 && strcmp(entries[i].names, "q") == 0;
        if (again || !str_starts(name, typed))
            continue;
        struct candidate *c = array_add(&ret->list, a);
        if (!c)
            return false;
        *c = (struct candidate){ name, *entries[i].args ? " " : "" };
    }
    return true;
}
