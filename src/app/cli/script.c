/* Scripts: from a file, standard input or the command line, with their variables replaced. */
#include "cli/cli.h"

#include "syntax/syntax.h"

/* The last of a name wins. */
enum status script_variables(struct cli *c, struct map *vars, struct error *err)
{
    struct str key, value;
    map_init(vars, &c->arena, false);
    for (uint32_t i = 0; args_pair(&c->args, O_VAR, i, &key, &value); i++) {
        struct str *v = ARENA_NEW(&c->arena, struct str);
        if (!v)
            return budget_error(c->arena.budget, sizeof *v, err);
        *v = value;
        if (!map_put(vars, key, v))
            return budget_error(c->arena.budget, sizeof *v, err);
    }
    return ST_OK;
}

static enum status read_stdin(struct cli *c, struct buf *text, struct error *err)
{
    for (;;) {
        size_t got = 0;
        if (!buf_reserve(text, 65536))
            return error_set(err, ST_LIMIT, "the script has more than %d bytes", SYN_MAX_TEXT);
        TRY(c->os->ops->stream_read(c->os, 0, text->data + text->len, 65536, &got, err));
        if (got == 0)
            return ST_OK;
        text->len += got;
    }
}

/* A byte order mark, as some editors leave it, is no SQL. */
static struct str without_mark(struct str s)
{
    return str_starts(s, STR("\xEF\xBB\xBF")) ? str_make(s.ptr + 3, s.len - 3) : s;
}

static enum status finish(struct cli *c, struct str name, struct str raw, struct script *ret, struct error *err)
{
    struct map vars;
    struct str text;
    TRY(script_variables(c, &vars, err));
    *ret = (struct script){ name, raw }; /* an unknown variable is shown with its line */
    TRY(syn_substitute(&c->arena, without_mark(raw), &vars, &text, err));
    ret->text = text;
    return ST_OK;
}

enum status script_open(struct cli *c, struct str path, struct script *ret, struct error *err)
{
    struct buf text;
    bool piped = str_eq(path, STR("-"));
    buf_init(&text, c->arena.budget, (size_t)SYN_MAX_TEXT + 65536);
    enum status st =
        piped ? read_stdin(c, &text, err) : os_read_file(c->os, path.ptr, (size_t)SYN_MAX_TEXT, &text, err);
    struct str copy = arena_str(&c->arena, buf_str(&text));
    buf_release(&text);
    if (st != ST_OK)
        return st;
    if (!copy.ptr)
        return budget_error(c->arena.budget, copy.len, err);
    return finish(c, piped ? STR("<stdin>") : path, copy, ret, err);
}

enum status script_read(struct cli *c, struct script *ret, struct error *err)
{
    struct str text = args_get(&c->args, O_COMMAND);
    *ret = (struct script){ STR("-c"), { "", 0 } };
    if (text.ptr && c->args.n_rest) {
        error_set(err, ST_USAGE, "%s: both a file and -c are given", c->command->name);
        error_hint(err, "weir %s %s", c->command->name, c->command->args);
        return ST_USAGE;
    }
    if (text.ptr)
        return finish(c, STR("-c"), text, ret, err);
    if (c->args.n_rest == 0) {
        error_set(err, ST_USAGE, "%s: a script is missing", c->command->name);
        error_hint(err, "weir %s %s", c->command->name, c->command->args);
        return ST_USAGE;
    }
    return script_open(c, c->args.rest[0], ret, err);
}
